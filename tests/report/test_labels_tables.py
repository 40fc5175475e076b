"""How tables are told: titles, headings and units in both languages."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scfcap.report.labels import Labels
from scfcap.report.labels.tables import labelled
from scfcap.report.tables import Table, named_table


def test_a_table_is_told_with_its_units() -> None:
    frame = pd.DataFrame({"lender": ["bank-a"], "paid_principal": [1.0], "rate": [0.07]})
    table = named_table("plan_limits", frame, "CNY")
    english, chinese = labelled(table, Labels("en")), labelled(table, Labels("zh"))
    assert english.title == "Limits: use, headroom and price"
    assert dict(english.columns) == {
        "lender": "Lender",
        "paid_principal": "Paid principal, CNY",
        "rate": "Rate, a year",
    }
    assert dict(chinese.columns) == {
        "lender": "出借方",
        "paid_principal": "已还本金（人民币元）",
        "rate": "利率（年化）",
    }
    assert dict(chinese.units) == {"paid_principal": "人民币元", "rate": "年化"}
    assert chinese.headings["paid_principal"] == "已还本金"


def test_every_column_of_a_run_has_a_heading_in_chinese(tables: Mapping[str, Table]) -> None:
    labels = Labels("zh", ("order", "credit", "bank-a", "series-1"))
    for table in tables.values():
        labelled(table, labels)
    assert not labels.missing
