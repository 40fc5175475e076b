"""The pool is what is outstanding, and the tape is the pool and what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import LOAN_TYPES
from scfcap.errors import InputError
from scfcap.pool.build import build_pool
from scfcap.schema.pool import EligibilitySet, PoolSpec, Rule
from scfcap.tape.schema import Tape


def test_arrays(tape: Tape) -> None:
    pool = build_pool(tape, PoolSpec())
    assert pool.loan_id.tolist() == list("abcde")
    assert pool.total == 1000.0
    assert pool.segments == ("x", "y", "z"), "also of loans that are closed"
    assert pool.segment.tolist() == [0, 1, 0, 1, 0]
    assert pool.places == ("own_capital", "bank_transfer:b", "securitization:s1")
    assert pool.place.tolist() == [0, 2, 0, 0, 1]
    assert [LOAN_TYPES[k] for k in pool.loan_type] == [
        *("bullet", "order", "level_payment", "order", "order")
    ]
    assert pool.origination_day.tolist() == [-30, -30, -30, -30, -90]
    assert pool.maturity_day.tolist() == [30, 30, 30, 30, -30]
    assert pool.days_past_due.tolist() == [0, 0, 5, 0, 30]
    assert pool.inputs["tape"] == "digest"
    for name in ("segment", "place", "loan_type", "origination_day", "maturity_day"):
        assert getattr(pool, name).dtype == np.int64, name
    assert pool.to_frame()["place"].tolist()[1] == "securitization:s1"


def test_limits_of_lines_over_their_balances(tape: Tape) -> None:
    assert build_pool(tape, PoolSpec()).limit_ratio is None
    kinds = [
        "revolving_line",
        "order",
        "level_payment",
        "revolving_line",
        "order",
        "bullet",
        "bullet",
    ]
    limits = [150.0, 400.0, np.nan, np.nan, 10.0, 900.0, 900.0]
    frame = tape.frame.assign(credit_limit=limits)
    assert build_pool(replace(tape, frame=frame), PoolSpec()).limit_ratio is None, "no line has one"
    frame["loan_type"] = pd.Categorical(kinds)
    ratio = build_pool(replace(tape, frame=frame), PoolSpec()).limit_ratio
    np.testing.assert_array_equal(ratio, [1.5, np.nan, np.nan, np.nan, np.nan])


def test_own_capital_is_first_even_where_it_holds_nothing(tape: Tape) -> None:
    held = tape.frame["channel"].astype(str).replace("own_capital", "bank_transfer:a")
    pool = build_pool(
        replace(tape, frame=tape.frame.assign(channel=held.astype("category"))), PoolSpec()
    )
    assert pool.places == ("own_capital", "bank_transfer:a", "bank_transfer:b", "securitization:s1")
    assert pool.place.min() == 1


def test_unknown_holder_and_days_are_taken_as_the_docs_say(tape: Tape) -> None:
    frame = tape.frame.copy()
    frame["channel"] = frame["channel"].astype(object)
    frame.loc[1, "channel"] = None
    frame["channel"] = frame["channel"].astype("category")
    frame["days_past_due"] = frame["days_past_due"].astype(float)
    frame.loc[2, "days_past_due"] = np.nan
    rule = Rule(test="days_past_due <= 10")
    spec = PoolSpec(eligibility={"e": EligibilitySet(rules=(rule,))})
    pool = build_pool(replace(tape, frame=frame), spec)
    assert pool.places[pool.place[1]] == "own_capital"
    assert pool.days_past_due[2] == 0
    assert pool.eligibility["e"].tolist() == [1, 1, -1, 1, 0]


def test_summary_adds_up_to_the_tape(tape: Tape) -> None:
    summary = build_pool(tape, PoolSpec()).tables["summary"].set_index(["part", "name"])
    whole = summary.loc[("pool", "all")]
    assert whole[["loans", "borrowers", "balance"]].tolist() == [5, 4, 1000.0]
    # (100*0.1 + 200*0.2 + 150*0.1 + 250*0.3 + 300*0) / 1000
    assert whole["rate"] == pytest.approx(0.14)
    assert whole["remaining_days"] == pytest.approx((700 * 30 - 300 * 30) / 1000)
    assert whole["age_days"] == pytest.approx((700 * 30 + 300 * 90) / 1000)
    assert whole["past_due_share"] == pytest.approx(0.45)
    # borrowers hold 300, 150, 250, 300
    assert whole["effective_borrowers"] == pytest.approx(1e6 / (9e4 + 2.25e4 + 6.25e4 + 9e4))
    assert summary.loc["place", "balance"].to_dict() == {
        "own_capital": 500.0,
        "bank_transfer:b": 300.0,
        "securitization:s1": 200.0,
    }
    left = summary.loc["left out"]
    assert left["loans"].to_dict() == {"charged_off": 1, "repaid": 1}
    assert left["balance"].to_dict() == {"charged_off": 70.0, "repaid": 0.0}
    assert whole["balance"] + left["balance"].sum() == tape.frame["current_balance"].sum()


def test_a_tape_with_nothing_outstanding(tape: Tape) -> None:
    with pytest.raises(InputError, match="no outstanding loan"):
        build_pool(replace(tape, frame=tape.frame.iloc[5:].reset_index(drop=True)), PoolSpec())


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 1e7, allow_subnormal=False),
            st.sampled_from(["current", "late", "default", "repaid", "charged_off"]),
            st.sampled_from(["own_capital", "p2p", "securitization:s1"]),
            st.one_of(st.none(), st.floats(300.0, 900.0)),
            st.integers(0, 200),
        ),
        min_size=1,
        max_size=15,
    )
)
def test_three_answers_and_all_tables_add_up(
    rows: list[tuple[float, str, str, float | None, int]],
) -> None:
    count = len(rows)
    balance, status, channel, score, past = (list(column) for column in zip(*rows, strict=True))
    frame = pd.DataFrame(
        {
            "loan_id": [str(k) for k in range(count)],
            "borrower_id": [str(k % 3) for k in range(count)],
            "segment": pd.Categorical(["x"] * count),
            "loan_type": pd.Categorical(["bullet"] * count),
            "origination_date": pd.to_datetime(["2013-12-01"] * count).astype("datetime64[s]"),
            "maturity_date": pd.to_datetime(["2014-12-01"] * count).astype("datetime64[s]"),
            "original_balance": balance,
            "current_balance": balance,
            "rate": [0.1] * count,
            "days_past_due": past,
            "status": pd.Categorical(status),
            "channel": pd.Categorical(channel),
            "score": pd.array(score, dtype="float64"),
        }
    )
    empty = pd.DataFrame()
    tape = Tape(frame, empty, empty, empty, date(2013, 12, 31), "t", "d")
    rules = (
        Rule(test="score >= 600"),
        Rule(test="days_past_due <= 30"),
        Rule(test='status != "default"'),
    )
    spec = PoolSpec(
        eligibility={"e": EligibilitySet(rules=rules), "all": EligibilitySet()},
        stratify_by=("segment", "score", "status", "days_past_due"),
    )
    outstanding = (frame["current_balance"] > 0) & ~frame["status"].isin(["repaid", "charged_off"])
    if not outstanding.any():
        with pytest.raises(InputError, match="no outstanding loan"):
            build_pool(tape, spec)
        return
    pool = build_pool(tape, spec)
    assert len(pool) == outstanding.sum()
    size = max(1.0, pool.total)
    answers = pool.tables["eligibility_answers"].groupby("set")[["loans", "balance"]].sum()
    assert (answers["loans"] == len(pool)).all()
    np.testing.assert_allclose(answers["balance"], pool.total, rtol=0, atol=1e-9 * size)
    first = pool.tables["eligibility"]["loans_in_sequence"].sum()
    assert first == (pool.eligibility["e"] == 0).sum()
    assert (pool.eligibility["all"] == 1).all()
    for column in spec.stratify_by:
        strata = pool.tables[f"stratification_{column}"]
        assert strata["loans"].sum() == len(pool)
        assert strata["balance"].sum() == pytest.approx(pool.total, rel=1e-12)
        assert strata["share"].sum() == pytest.approx(1.0)
