"""Totals agree in a sound run, and each tie notices the figure it is there for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scfcap.report.tables import Table
from scfcap.report.ties import ties
from scfcap.report.totals import funding_stack, loans_managed


def test_all_ties_hold_in_a_sound_run(tables: dict[str, Table]) -> None:
    found = ties(tables)
    assert [tie.name for tie in found if not tie.ok] == []
    assert len(found) == 29


@pytest.mark.parametrize(
    ("table", "column", "row", "noticed"),
    [
        (
            "tape_totals",
            "current_balance",
            2,
            {
                "Pool: what is left of the tape is what is held",
                "Tape: what was paid out is outstanding, repaid or lost",
            },
        ),
        ("pool_stratification_segment", "balance", 0, {"Pool: by segment"}),
        ("pool_stratification_score", "balance", 1, {"Pool: by score"}),
        ("pool_eligibility_answers", "balance", 2, {"Pool: eligibility vehicle"}),
        (
            "cash_flows",
            "default",
            3,
            {
                "Cash flows, base: opening less defaults and principal is closing",
                "Cash flows, base: defaults are lost, recovered or still due",
            },
        ),
        (
            "cash_flows",
            "recovery",
            3,
            {"Cash flows, base: defaults are lost, recovered or still due"},
        ),
        ("pool_largest_borrower_id", "balance", 1, {"Pool: largest borrower id"}),
        ("deal_series-1", "pool", 4, {"Deal series-1, base: loans roll forward"}),
        ("deal_series-1", "junior notes", 4, {"Deal series-1, base: notes roll forward"}),
        ("deal_series-1", "senior fee", 0, {"Deal series-1, base: all cash is paid or kept"}),
        ("plan_sources_uses", "amount", 1, {"Plan: sources are uses in every period"}),
        (
            "plan_balance_sheet",
            "amount",
            3,
            {
                "Plan: assets are liabilities and capital at every close",
                "Plan: balances by channel are the balance sheet's",
            },
        ),
        ("plan_lending", "originated", 0, {"Plan: loans made are the lending by segment"}),
        (
            "plan_income",
            "amount",
            0,
            {
                "Plan: net income is what net capital gains",
                "Plan: net income is the change of net capital in every period",
            },
        ),
        (
            "plan_balances",
            "amount",
            3,
            {
                "Plan: debt to bank-a rolls forward",
                "Plan: balances by channel are the balance sheet's",
            },
        ),
        ("plan_balances", "amount", 40, {"Plan: balances by channel are the balance sheet's"}),
        (
            "plan_balances",
            "amount",
            0,
            {"Plan: it starts from the pool", "Plan: balances by channel are the balance sheet's"},
        ),
    ],
)
def test_a_wrong_figure_breaks_its_tie(
    tables: dict[str, Table], table: str, column: str, row: int, noticed: set[str]
) -> None:
    frame = tables[table].frame.copy()
    place = (row, frame.columns.get_loc(column))
    frame.iloc[place] = float(frame.iloc[place]) + 10.0
    bent = {**tables, table: replace(tables[table], frame=frame)}
    assert {tie.name for tie in ties(bent) if not tie.ok} == noticed


def test_collections_are_those_of_the_engine(tables: dict[str, Table]) -> None:
    """Fees and what a servicer advances and takes back are among them."""
    frame = tables["cash_flows"].frame.assign(fees=7.0, advanced=5.0, reimbursed=3.0)
    paid = frame[["interest", "scheduled", "prepaid", "recovery"]].sum(axis=1) + 7.0 + 5.0 - 3.0
    whole = paid.groupby(frame["scenario"]).sum().rename("collections").reset_index()
    name = "Cash flows, {}: collections are all that investors are paid"
    for extra, wrong in ((0.0, set()), (1.0, {name.format("base"), name.format("stress")})):
        totals = whole.assign(segment="all", collections=whole["collections"] + extra)
        bent = {
            "cash_flows": replace(tables["cash_flows"], frame=frame),
            "cash_flow_totals": Table("cash_flow_totals", "", totals, {}),
        }
        assert {tie.name for tie in ties(bent) if not tie.ok} == wrong


def test_errors_of_two_periods_do_not_cancel(tables: dict[str, Table]) -> None:
    table = tables["plan_sources_uses"]
    frame = table.frame.copy()
    for period, error in ((1, 10.0), (2, -10.0)):
        rows = frame.index[(frame["period"] == period) & (frame["item"] == "running cost")]
        frame.loc[rows, "amount"] += error
    bent = {**tables, table.name: replace(table, frame=frame)}
    assert "Plan: sources are uses in every period" in {t.name for t in ties(bent) if not t.ok}


def test_a_run_without_a_station_has_no_tie_to_it(tables: dict[str, Table]) -> None:
    some = {name: t for name, t in tables.items() if not name.startswith("pool_")}
    assert not [tie.name for tie in ties(some) if "pool" in tie.name.lower()]


def test_the_stack_adds_up_to_loans_and_cash(tables: dict[str, Table]) -> None:
    """In the last month, funded by what the example states for it."""
    balances = tables["plan_balances"].frame
    stack = funding_stack(balances)
    last = balances[balances["period"] == 12].set_index("item")["amount"]
    assert loans_managed(balances)[12] == pytest.approx(last["loans"] + last["series-1: loans"])
    assert stack[12].sum() == pytest.approx(loans_managed(balances)[12] + last["cash"])
    assert stack.loc["bank_debt", 12] == pytest.approx(24e6)
    assert stack.loc["securitization", 12] == pytest.approx(15e6)
    assert stack.loc["p2p", 12] == pytest.approx(12e6)
    assert "bank_transfer" not in stack.index
