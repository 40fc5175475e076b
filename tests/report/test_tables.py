"""Frames become named tables with units."""

from __future__ import annotations

import pandas as pd

from scfcap.report.tables import Results, Table, run_tables


def test_every_station_has_its_tables(tables: dict[str, Table]) -> None:
    for name in (
        "tape_totals", "pool_summary", "pool_stratification_segment", "cash_flows",
        "deal_series-1", "plan_sources_uses", "plan_limits", "plan_checks",
    ):  # fmt: skip
        assert tables[name].name == name
        assert not tables[name].frame.empty
    assert tables["cash_flows"].title == "Cash flows of the pool by scenario, segment and period"


def test_amounts_carry_the_currency(tables: dict[str, Table]) -> None:
    assert tables["cash_flows"].units["interest"] == "CNY"
    assert tables["deal_series-1"].units["senior notes"] == "CNY"
    assert "period" not in tables["deal_series-1"].units
    assert tables["pool_stratification_segment"].units["rate"] == "1/year"
    assert "scenario" not in tables["cash_flows"].units


def test_period_ends_are_dates_in_every_table(tables: dict[str, Table]) -> None:
    for table in tables.values():
        if "end" in table.frame:
            assert table.frame["end"].dtype == "datetime64[s]", table.name


def test_frames_get_a_plain_index_and_are_not_changed() -> None:
    frame = pd.DataFrame({"amount": [1.0, 2.0]}, index=[5, 6])
    results = Results({}, {}, pd.DataFrame(), frame, {}, {})
    table = run_tables(results, "USD")["cash_flows"]
    assert list(table.frame.index) == [0, 1]
    assert list(frame.index) == [5, 6]
    assert table.units == {"amount": "USD"}
