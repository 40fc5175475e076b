"""A borrowing base certificate worked by hand, and proofs loan by loan for any."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.errors import InputError
from scfcap.pool.borrowing_base import BorrowingBase
from scfcap.pool.build import Around, build_pool
from scfcap.schema.plan import Draw, Lender, Tenor
from scfcap.schema.pool import (
    AdvanceRate,
    BorrowingBaseSpec,
    Concentration,
    EligibilitySet,
    PoolSpec,
    Reserve,
    Rule,
)
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)


def tape_of(**columns: Any) -> Tape:
    count = len(columns["current_balance"])
    frame = pd.DataFrame(
        {
            "loan_id": [f"l{k}" for k in range(count)],
            "borrower_id": [f"b{k}" for k in range(count)],
            "segment": "order",
            "loan_type": "order",
            "origination_date": "2013-12-01",
            "maturity_date": "2014-01-30",
            "original_balance": columns["current_balance"],
            "rate": 0.18,
            "days_past_due": 0,
            "status": "current",
            "channel": "own_capital",
            **columns,
        }
    )
    for name in ("segment", "loan_type", "status", "channel"):
        frame[name] = frame[name].astype("category")
    for name in ("origination_date", "maturity_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, AS_OF, "eight.csv", "digest")


@pytest.fixture
def certificate() -> Tape:
    """A receivables line as banks' certificates lay it out (the usual form: gross, over-90-day
    and cross-aged items out, concentration over 25% out, 85% advanced, reserves, line limit)."""
    return tape_of(
        current_balance=[400.0, 300.0, 100.0, 80.0, 60.0, 50.0, 40.0, 70.0],
        borrower_id=["big", "big", "c", "d", "e", "f", "g", "h"],
        days_past_due=[0, 0, 20, 0, 120, 0, 0, 0],
        score=[700.0, 620.0, 640.0, 580.0, 700.0, None, 590.0, 700.0],
        channel=["own_capital"] * 7 + ["securitization:series-1"],
    )


RULES = EligibilitySet(
    rules=(
        Rule(name="up to 90 days past due", test="days_past_due <= 90"),
        Rule(name="score of 500", test="score >= 500"),
    ),
    concentrations=(
        Concentration(name="one debtor", column="borrower_id", share=0.5, treatment="cut_back"),
    ),
)
LINE = BorrowingBaseSpec(
    eligibility="line",
    advance_rates=(
        AdvanceRate(name="past due", test="days_past_due > 0", rate=0.5),
        AdvanceRate(name="good score", test="score >= 600", rate=0.85),
    ),
    otherwise=0.6,
    limit=500.0,
    drawn=420.0,
    reserves=(Reserve(name="dilution", share=0.05), Reserve(name="rent", amount=10.0)),
)


def base_of(tape: Tape, line: BorrowingBaseSpec = LINE, rules: EligibilitySet = RULES) -> Any:
    spec = PoolSpec(eligibility={"line": rules}, borrowing_base={"bank": line})
    return build_pool(tape, spec).borrowing_bases["bank"]


def test_a_certificate_by_hand(certificate: Tape) -> None:
    base = base_of(certificate)
    amounts = base.table.set_index("figure")["amount"]
    assert amounts["gross"] == 1100.0
    assert amounts["not_pledged"] == -70.0, "the loan that a series holds"
    assert amounts["ineligible:up to 90 days past due"] == -60.0
    assert amounts["ineligible:score of 500"] == 0.0
    assert amounts["undetermined"] == -50.0, "the loan without a score"
    assert amounts["eligible"] == 920.0
    # big holds 700, half of 920 is 460: 240 do not count, of its loans 400 : 300.
    assert amounts["excess:one debtor"] == pytest.approx(-240.0)
    assert amounts["eligible_net"] == pytest.approx(680.0)
    assert amounts["class:past due"] == pytest.approx(0.5 * 100.0)
    assert amounts["class:good score"] == pytest.approx(0.85 * 460.0)
    assert amounts["class:other loans"] == pytest.approx(0.6 * 120.0)
    assert amounts["gross_availability"] == pytest.approx(50.0 + 391.0 + 72.0)
    assert amounts["reserve:dilution"] == pytest.approx(-34.0)
    assert amounts["reserve:rent"] == -10.0
    assert amounts["borrowing_base"] == pytest.approx(469.0)
    assert amounts["maximum"] == pytest.approx(469.0)
    assert amounts["availability"] == pytest.approx(49.0)
    assert amounts["to_cure"] == 0.0
    rates = base.table.set_index("figure")["advance_rate"].dropna()
    assert rates.to_dict() == {
        "class:past due": 0.5, "class:good score": 0.85, "class:other loans": 0.6,
    }  # fmt: skip


def test_availability_may_be_negative(certificate: Tape) -> None:
    base = base_of(certificate, LINE.model_copy(update={"drawn": 600.0, "minimum": 20.0}))
    assert base.amount("availability") == pytest.approx(-131.0)
    assert base.amount("to_cure") == pytest.approx(151.0)
    bounded = base_of(certificate, LINE.model_copy(update={"limit": 100.0}))
    assert bounded.amount("maximum") == 100.0
    assert bounded.amount("availability") == -320.0


def test_each_figure_names_its_loans(certificate: Tape) -> None:
    base = base_of(certificate)
    excess = base.explain("excess:one debtor")
    assert excess["loan_id"].tolist() == ["l0", "l1"]
    assert excess["amount"].tolist() == pytest.approx([-240 * 4 / 7, -240 * 3 / 7])
    assert base.explain("undetermined")["loan_id"].tolist() == ["l5"]
    assert base.explain("class:other loans")["loan_id"].tolist() == ["l3", "l6"]
    assert base.explain("limit").empty
    reasons = base.trace.set_index("loan_id")["reason"].astype(str)
    assert reasons["l0"] == "excess:one debtor"
    assert reasons["l4"] == "ineligible:up to 90 days past due"
    assert reasons["l2"] == ""
    with pytest.raises(InputError, match="gross_availability"):
        base.explain("profit")


def test_a_missing_value_never_raises_an_advance_rate() -> None:
    # Scores decide: at least 650 gives 80%, others below 500 30%, the rest 60%. A loan without a
    # score may be the worst of them, but not better than the first that surely holds.
    tape = tape_of(current_balance=[100.0, 100.0], score=[700.0, None])
    line = BorrowingBaseSpec(
        eligibility="line",
        advance_rates=(
            AdvanceRate(name="weak", test="score < 500", rate=0.3),
            AdvanceRate(name="strong", test="score >= 650", rate=0.8),
        ),
        otherwise=0.6,
        drawn=0.0,
    )
    trace = base_of(tape, line, EligibilitySet()).trace
    assert trace["advance_rate"].tolist() == [0.8, 0.3]
    assert trace["class"].astype(str).tolist() == ["strong", "weak"]
    lower = line.model_copy(update={"otherwise": 0.2})
    assert base_of(tape, lower, EligibilitySet()).trace["advance_rate"].tolist() == [0.8, 0.2]


def test_limit_and_draws_of_the_lender_follow_the_book(certificate: Tape) -> None:
    lender = Lender(
        name="bank-a",
        kind="bank",
        limit=1000.0,
        tenors=(Tenor(periods=6, rate=0.07),),
        draws=(Draw(amount=200.0, rate=0.07, maturity=date(2014, 6, 30)),),
    )
    line = LINE.model_copy(update={"lender": "bank-a", "limit": None, "drawn": None})
    spec = PoolSpec(eligibility={"line": RULES}, borrowing_base={"bank": line})
    around = Around(lenders=(lender,), stated_for_book=2200.0)  # twice the loans outstanding
    base = build_pool(certificate, spec, around).borrowing_bases["bank"]
    assert base.amount("limit") == pytest.approx(500.0)
    assert base.amount("drawn") == pytest.approx(-100.0)
    assert base.amount("reserve:rent") == pytest.approx(-5.0)


def test_a_reserve_for_a_concentration_lessens_the_base(certificate: Tape) -> None:
    limits = tuple(
        limit.model_copy(update={"treatment": "reserve"}) for limit in RULES.concentrations
    )
    rules = RULES.model_copy(update={"concentrations": limits})
    base = base_of(certificate, rules=rules)
    assert base.amount("eligible_net") == 920.0
    assert base.amount("reserve:one debtor") == pytest.approx(-240.0)
    assert base.explain("reserve:one debtor")["amount"].sum() == pytest.approx(-240.0)


ROW = st.tuples(
    st.floats(0.01, 1e6),
    st.sampled_from(["a", "b", "c", None]),
    st.one_of(st.none(), st.integers(300, 900)),
    st.integers(0, 120),
    st.sampled_from(["own_capital", "p2p"]),
)


@settings(max_examples=25)
@given(
    st.lists(ROW, min_size=1, max_size=20),
    st.sampled_from(["exclude", "cut_back", "reserve"]),
    st.sampled_from(["before", "after"]),
    st.floats(0.05, 0.9),
)
def test_every_figure_is_the_sum_of_its_loans(
    rows: list[Any], treatment: str, base: str, share: float
) -> None:
    balance, buyer, score, past, channel = (list(column) for column in zip(*rows, strict=True))
    tape = tape_of(
        current_balance=balance,
        buyer_id=pd.array(buyer, dtype="str"),
        score=pd.array(score, dtype="float64"),
        days_past_due=past,
        channel=channel,
    )
    limits = (
        Concentration.model_validate(
            {"column": "buyer_id", "share": share, "treatment": treatment, "base": base}
        ),
        Concentration(column="borrower_id", share=0.3, treatment="cut_back"),
    )
    found: BorrowingBase = base_of(tape, rules=RULES.model_copy(update={"concentrations": limits}))
    size = max(1.0, sum(balance))
    made = found.table[
        found.table["figure"].str.match("gross|not_|inelig|undet|elig|excess|class")
        | found.table["figure"].isin([f"reserve:{limit.label}" for limit in limits])
    ]
    assert len(made) >= 9
    for row in made.to_dict("records"):
        behind = found.explain(str(row["figure"]))["amount"].sum()
        assert behind == pytest.approx(row["amount"], abs=1e-9 * size), row["figure"]
    amounts = found.table.set_index("figure")["amount"]
    down = amounts["gross":"undetermined"].sum()
    assert down == pytest.approx(amounts["eligible"], abs=1e-9 * size)
    cut = amounts[[key for key in amounts.index if key.startswith("excess:")]].sum()
    assert amounts["eligible"] + cut == pytest.approx(amounts["eligible_net"], abs=1e-9 * size)
    trace = found.trace
    assert (trace["counted"] <= trace["balance"] * (1 + 1e-12)).all()
    np.testing.assert_allclose(
        trace["counted"] * trace["advance_rate"], trace["contribution"], rtol=1e-12
    )


def test_the_set_alone_looks_at_the_whole_pool(certificate: Tape) -> None:
    spec = PoolSpec(eligibility={"line": RULES}, borrowing_base={"bank": LINE})
    pool = build_pool(replace(certificate), spec)
    assert pool.tables["usable"]["eligible_balance"].tolist() == [990.0], "with the series' loan"
    assert pool.counted["line"].sum() == pytest.approx(990.0 - (700.0 - 495.0))
    assert pool.tables["borrowing_base_bank"] is pool.borrowing_bases["bank"].table
