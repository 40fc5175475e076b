"""Limits are tested on summed balances of a value, against the eligible balance."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.pool.build import build_pool
from scfcap.pool.columns import Columns
from scfcap.pool.concentration import effective_number, largest
from scfcap.pool.snapshot import Pool
from scfcap.schema.pool import Concentration, EligibilitySet, PoolSpec, Rule
from scfcap.tape.schema import Tape


def pool_of(tape: Tape, *limits: Concentration, rules: tuple[Rule, ...] = ()) -> Pool:
    chosen = EligibilitySet(rules=rules, concentrations=limits)
    return build_pool(tape, PoolSpec(eligibility={"spv": chosen}))


def test_each_borrower(tape: Tape) -> None:
    # p holds 100 + 200, s 300, r 250, q 150 of 1000; the cap is 280.
    pool = pool_of(tape, Concentration(column="borrower_id", share=0.28, treatment="cut_back"))
    table = pool.tables["concentrations"]
    assert table["value"].tolist() == ["p", "s", "r", "q"]
    assert table["balance"].tolist() == [300.0, 300.0, 250.0, 150.0]
    assert table["share"].tolist() == pytest.approx([0.3, 0.3, 0.25, 0.15])
    assert table["excess"].tolist() == pytest.approx([20.0, 20.0, 0.0, 0.0])
    assert set(table["limit"]) == {"each borrower_id"}
    usable = pool.tables["usable"].iloc[0]
    assert usable[["eligible_balance", "excess", "usable_balance"]].tolist() == pytest.approx(
        [1000.0, 40.0, 960.0]
    )


def test_only_the_eligible_balance_counts(tape: Tape) -> None:
    limit = Concentration(column="borrower_id", share=0.5, treatment="cut_back")
    pool = pool_of(tape, limit, rules=(Rule(test="days_past_due <= 0"),))
    table = pool.tables["concentrations"].set_index("value")
    assert table["balance"].to_dict() == {"p": 300.0, "r": 250.0}
    assert table.loc["p", "excess"] == pytest.approx(300.0 - 0.5 * 550.0)


def test_the_largest_together(tape: Tape) -> None:
    pool = pool_of(tape, Concentration(column="borrower_id", share=0.5, top=2))
    (row,) = pool.tables["concentrations"].to_dict("records")
    assert (row["value"], row["balance"], row["limit"]) == (
        "2 largest",
        600.0,
        "top 2 by borrower_id",
    )
    assert row["excess"] == pytest.approx(100.0)
    assert pool.tables["usable"]["usable_balance"].tolist() == [1000.0], "it is only reported"


def test_missing_values_are_shown_and_not_limited(tape: Tape) -> None:
    pool = pool_of(tape, Concentration(column="buyer_id", share=0.3, treatment="cut_back"))
    table = pool.tables["concentrations"].set_index("value")
    assert table["balance"].to_dict() == {"m": 350.0, "n": 200.0, "(missing)": 450.0}
    assert table["excess"].to_dict() == pytest.approx({"m": 50.0, "n": 0.0, "(missing)": 0.0})


def test_excess_is_never_more_than_what_is_eligible(tape: Tape) -> None:
    limits = [
        Concentration(column=column, share=0.0, treatment="cut_back")
        for column in ("borrower_id", "segment")
    ]
    assert pool_of(tape, *limits).tables["usable"]["usable_balance"].tolist() == [0.0]


def test_a_set_in_which_nothing_is_eligible(tape: Tape) -> None:
    limit = Concentration(column="borrower_id", share=0.5)
    pool = pool_of(tape, limit, rules=(Rule(test="rate >= 9"),))
    assert len(pool.tables["concentrations"]) == 0
    assert pool.tables["usable"]["usable_balance"].tolist() == [0.0]


def test_largest_names(tape: Tape) -> None:
    tables = build_pool(tape, PoolSpec()).tables
    table = tables["largest_buyer_id"]
    assert table["value"].tolist() == ["m", "n", "(missing)"]
    assert table["rank"].tolist() == [1, 2, 0]
    assert table["loans"].tolist() == [2, 1, 2]
    assert table["balance"].sum() == 1000.0
    assert table["cumulative_share"].tolist() == pytest.approx([0.35, 0.55, 1.0])


def test_more_names_than_are_shown(tape: Tape) -> None:
    names = [*"abcde", "x", "y"]
    many = Columns(tape.frame.assign(borrower_id=names), tape.as_of)
    table = largest(many.values("borrower_id"), many.balance, count=3)
    assert table["value"].tolist() == ["e", "d", "b", "4 others"]
    assert table["loans"].sum() == 7
    assert table["balance"].sum() == tape.frame["current_balance"].sum()


def test_effective_number() -> None:
    # Equal amounts count as they are; one that holds all counts as one.
    assert effective_number(np.full(8, 3.0)) == pytest.approx(8.0)
    assert effective_number(np.array([5.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert effective_number(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
