"""Scenarios that move neither loans nor deals are told once; what differs anywhere stays."""

from __future__ import annotations

import pandas as pd

from scfcap.report.alike import as_first, told_once
from scfcap.report.tables import Table


def table(name: str, **amounts: list[float]) -> Table:
    rows = [
        {"scenario": scenario, "period": t, "amount": amount}
        for scenario, values in amounts.items()
        for t, amount in enumerate(values, start=1)
    ]
    return Table(name, name, pd.DataFrame(rows))


TABLES = {
    x.name: x
    for x in (
        table("cash_flows", base=[1.0, 2.0], stress=[1.0, 1.0], cut=[1.0, 2.0], moved=[1.0, 2.0]),
        table("deals_events", base=[3.0], stress=[3.0], moved=[4.0], cut=[3.0]),
        table("plan_covenants", base=[1.0], cut=[1.0]),
    )
}


def scenarios(tables: dict[str, Table], name: str) -> list[str]:
    return list(dict.fromkeys(tables[name].frame["scenario"]))


def test_only_what_is_the_same_in_every_table_is_left_out() -> None:
    told = told_once(TABLES, "base")
    assert scenarios(told, "cash_flows") == ["base", "stress", "moved"]
    assert scenarios(told, "deals_events") == ["base", "stress", "moved"]
    assert told["plan_covenants"] is TABLES["plan_covenants"]
    assert list(told) == list(TABLES)


def test_the_plans_own_scenario_stays() -> None:
    assert scenarios(told_once(TABLES, "cut"), "cash_flows") == ["base", "stress", "cut", "moved"]


def test_scenarios_as_the_first_are_named() -> None:
    assert as_first(TABLES["cash_flows"].frame) == ["cut", "moved"]
