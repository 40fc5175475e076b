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
)
from scfcap.tape.schema import Tape
from tests.witnesses import pools
from tests.witnesses.book import holds
from tests.witnesses.pools import LINE, RULES, base_of, tape_of


@pytest.fixture
def certificate() -> Tape:
    return pools.eight_loans()


def test_a_certificate_by_hand(certificate: Tape) -> None:
    holds([pools.certificate(), pools.bounds()])
    table = base_of(certificate).table.set_index("figure")
    assert set(table.index) - {"limit", "drawn"} >= set(pools.CERTIFICATE)
    assert table["advance_rate"].dropna().to_dict() == {
        "class:past due": 0.5, "class:good score": 0.85, "class:other loans": 0.6,
    }  # fmt: skip


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
