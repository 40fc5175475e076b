"""What an offered source is worth, against closed forms, cold solves and the prices of lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import linprog

from scfcap.api.proposals import with_proposal
from scfcap.axes import BULLET
from scfcap.cashflow.cohorts import cohort_factors, new_loans
from scfcap.credit.curves import build_curves
from scfcap.errors import InputError
from scfcap.funding.catalogue import build_program
from scfcap.funding.gather import build_inputs
from scfcap.funding.plan import solve_plan
from scfcap.funding.program import solve
from scfcap.funding.proposals import USED, Offer, highest, priced, standing
from scfcap.funding.variables import declare
from scfcap.pool.snapshot import Pool
from scfcap.schema.law import Calendar
from scfcap.schema.model import Model
from scfcap.schema.proposals import Proposal
from scfcap.schema.regime import Regime

from .small_platform import AS_OF, LAW, platform, small_pool, usable

OFFERS = {
    "line": Proposal(name="bank-x", kind="line", amount=4.0e6, tenor=3),
    "buyer": Proposal(
        name="buyer-x", kind="buyer", amount=6.0e6, eligibility="bank", servicing_fee=0.01
    ),
    "p2p": Proposal(name="p2p-x", kind="p2p", amount=1.0e6),
    "series": Proposal(name="series-x", kind="series", amount=8.0e6, closing=date(2014, 4, 30)),
}
#: The lowest price of each.
LOW = {"series": -0.062}


def _inputs(spec, pool, law=None):
    """Inputs as the tests' platform makes them, of a model that is already built."""
    horizon = spec.plan.grid(spec.as_of)
    grid = horizon.extended(len(horizon) + 12)
    curves = build_curves(
        pool.segments, spec.credit.segments, spec.scenarios, grid, rules=spec.credit.where,
        stated_in=spec.plan.unit,
    )  # fmt: skip
    new = {
        name: new_loans(wish.new_loans, pool, pool.segments.index(name))
        for name, wish in spec.demand.items()
    }
    factors = cohort_factors(pool, curves, new, len(horizon))
    return build_inputs(spec, law, pool, factors, curves)


@pytest.fixture(scope="module")
def small():
    return platform({"plan": {"periods": 6, "frequency": "month", "liquidity_floor": 2.0e6,
                              "terminal_rate": 0.14}})  # fmt: skip


@pytest.fixture(scope="module")
def plan(small):
    return solve_plan(small.inputs, small.engine, channels=False)


@pytest.fixture(scope="module")
def offers(small, plan):
    """Each offer beside the plan without it, with the price at which it earns nothing more."""
    found = {}
    before = {d.name: d.repaid_by for d in plan.optimum.inputs.deals}
    for kind, proposal in OFFERS.items():
        inputs = _inputs(with_proposal(small.spec, proposal), small_pool())
        deals = tuple(replace(d, repaid_by=before.get(d.name, d.repaid_by)) for d in inputs.deals)
        offer = Offer(proposal, replace(inputs, deals=deals), plan.choice.first)
        found[kind] = offer, offer.break_even(LOW.get(kind, 0.0))
    return found


def _cold(offer, price):
    """Objective and use at a price, solved from nothing."""
    book = declare(priced(offer.inputs, offer.proposal, price, offer.proposal.commitment_fee))
    solution = solve(build_program(book))
    return solution, float(standing(book, offer.proposal, solution).max())


@pytest.mark.parametrize("kind", OFFERS)
def test_it_is_used_a_basis_point_below_the_price_and_not_above(offers, kind):
    offer, price = offers[kind]
    base, amount = offer.without.objective, offer.proposal.amount / offer.inputs.unit
    assert 0.002 < price < 1.0
    below, used = _cold(offer, price - 1e-4)
    assert used > USED * amount
    assert below.objective > base
    above, none = _cold(offer, price + 1e-4)
    assert none <= USED * amount
    assert above.objective == pytest.approx(base, rel=1e-9)


@pytest.mark.parametrize("kind", OFFERS)
def test_its_worth_is_what_another_program_of_the_whole_says(offers, kind):
    """scipy's interior-point method on both programs, as matrices."""
    offer, price = offers[kind]
    at = LOW.get(kind, 0.0) + 0.4 * (price - LOW.get(kind, 0.0))
    use = offer.at(at)
    with_it = build_program(declare(priced(offer.inputs, offer.proposal, at, 0.0)))
    both = [_by_scipy(program) for program in (offer.without.program, with_it)]
    assert use.worth == pytest.approx(both[1] - both[0], rel=1e-5)
    assert use.worth > 0.0


def _by_scipy(program):
    matrix, right = program.matrix(), np.asarray(program.rows.right)
    sense = np.asarray(program.rows.sense)
    sign = np.where(sense == ">=", -1.0, 1.0)
    equal = sense == "="
    found = linprog(
        -program.costs(),
        A_ub=(matrix.multiply(sign[:, None]).tocsr())[~equal],
        b_ub=(sign * right)[~equal],
        A_eq=matrix[equal],
        b_eq=right[equal],
        bounds=list(zip(program.columns.lower, program.columns.upper, strict=True)),
        method="highs-ipm",
    )
    assert found.status == 0
    return -found.fun + program.objective.constant


@pytest.mark.parametrize("kind", OFFERS)
def test_the_dearer_the_less_it_is_worth(offers, kind):
    offer, price = offers[kind]
    low = LOW.get(kind, 0.0)
    uses = [offer.at(low + (price - low) * k / 4) for k in range(6)]
    worths = [use.worth for use in uses]
    assert all(a >= b - 1e-9 for a, b in pairwise(worths))
    assert worths[-1] == 0.0
    assert not uses[-1].used
    assert uses[0].average > 0.0
    assert uses[0].most <= offer.proposal.amount / offer.inputs.unit * 6 + 1e-9


@pytest.mark.parametrize("kind", OFFERS)
def test_a_larger_one_is_worth_more_up_to_a_size_and_each_unit_less(offers, kind):
    offer, price = offers[kind]
    amount = offer.proposal.amount / offer.inputs.unit
    at = LOW.get(kind, 0.0) + 0.5 * (price - LOW.get(kind, 0.0))
    sizes, enough = offer.sizes(at, [0.01 * amount, 0.5 * amount, amount, 2.0 * amount])
    assert [x.amount for x in sizes] == pytest.approx(
        [0.01 * amount, 0.5 * amount, amount, 2.0 * amount]
    )
    assert sizes[2].worth == pytest.approx(offer.at(at).worth, rel=1e-7)
    for x, y in pairwise(sizes):
        slope = (y.worth - x.worth) / (y.amount - x.amount)
        assert x.more + 1e-7 >= slope >= y.more - 1e-7
    assert sizes[0].worth == pytest.approx(sizes[0].more * sizes[0].amount, rel=1e-4)
    beyond, _ = offer.sizes(at, [0.9 * enough, enough, 2.0 * enough])
    assert beyond[2].worth == pytest.approx(beyond[1].worth, rel=1e-5)
    assert beyond[0].worth < beyond[1].worth


def test_a_tiny_line_is_worth_the_price_of_the_line_of_the_same_terms():
    """`plan.prices` moves the limit of bank-a; the offer is a line of its terms beside it."""
    line = {"name": "bank-a", "limit": 3.0e6, "commitment_fee": 0.002,
            "tenors": [{"periods": 3, "rate": 0.07}]}  # fmt: skip
    changes = {"lenders": [line], "securitization": None, "opening": {"net_capital": 80.0e6}}
    p = platform(changes, pool=_own(small_pool()))
    plan = solve_plan(p.inputs, p.engine, channels=False)
    told = next(x for x in plan.prices if x.what == "the line of bank-a")
    tiny = Proposal(
        name="bank-x", kind="line", amount=100.0, tenor=3, rate=0.07, commitment_fee=0.002
    )
    offer = Offer(tiny, _inputs(with_proposal(p.spec, tiny), _own(small_pool())),
                  plan.choice.first)  # fmt: skip
    use = offer.at(0.07)
    assert told.value > 0.01
    assert use.worth / (100.0 / p.inputs.unit) == pytest.approx(told.value, rel=1e-4)


def _own(pool):
    """All loans on the own book."""
    return replace(pool, place=np.zeros(len(pool.balance), dtype=np.int64),
                   places=("own_capital",))  # fmt: skip


#: Two months; loans of 60 days are asked for in the first alone; the company's own loan is repaid
#: in the second, so that only money of the first month is short.
HAND = {
    "name": "hand",
    "title": "By hand",
    "currency": "CNY",
    "as_of": AS_OF,
    "regime": "none",
    "tape": {"source": "file", "path": "tape.csv"},
    "credit": {"segments": {"order": {"lifetime_default": 0.0, "severity": 0.5}}},
    "scenarios": {"base": {}},
    "pool": {"eligibility": {"bank": {"rules": [{"test": "days_past_due <= 0"}]}}},
    "plan": {"periods": 2, "frequency": "month", "terminal_rate": 0.0},
    "opening": {"net_capital": 10.0e6},
    "demand": {
        "order": {
            "per_period": 5.0e6,
            "seasonality": {2: 0.0},
            "new_loans": {"loan_type": "bullet", "rate": 0.18, "shortest": 60, "longest": 60},
        }
    },
}


def _hand_pool():
    one = np.ones(1)
    whole = np.zeros(1, dtype=np.int64)
    return Pool(
        as_of=AS_OF,
        loan_id=np.array(["L"], dtype=object),
        segments=("order",),
        segment=whole,
        places=("own_capital",),
        place=whole,
        loan_type=np.full(1, BULLET, dtype=np.int64),
        balance=10.0e6 * one,
        original_balance=10.0e6 * one,
        rate=0.0 * one,
        origination_day=whole - 1,
        maturity_day=whole + 45,
        days_past_due=whole,
        eligibility={"bank": np.ones(1, dtype=np.int8)},
        tables={"usable": usable(1.0)},
        digest="test",
    )


@pytest.fixture(scope="module")
def hand():
    from scfcap.funding.replay import Engine

    spec, pool = Model.model_validate(HAND), _hand_pool()
    inputs = _inputs(spec, pool)
    grid = spec.plan.grid(spec.as_of).extended(14)
    curves = build_curves(pool.segments, spec.credit.segments, spec.scenarios, grid)
    new = {"order": new_loans(spec.demand["order"].new_loans, pool, 0)}
    plan = solve_plan(inputs, Engine(pool, curves, new), channels=False)
    return spec, pool, plan


def test_the_most_to_pay_is_what_a_loan_not_made_would_earn(hand):
    """Nothing is lent without the line: the company has no cash before February.

    Loans of 60 days made on day d of January stand 31 - d days of it, all of February and d + 1 of
    March; a month counts 1/12 and a day its share of its month: (15/31 + 1 + 17/31) / 12 of a year
    on average. The line is drawn at the end of January for a month, at r/12.
    """
    spec, pool, plan = hand
    assert plan.optimum.decisions.originated.sum() == pytest.approx(0.0, abs=1e-9)
    earned = 0.18 * (63.0 / 31.0) / 12.0
    line = Proposal(name="bank-x", kind="line", amount=2.0e6, tenor=1)
    offer = Offer(line, _inputs(with_proposal(spec, line), pool), plan.choice.first)
    assert offer.break_even(0.0) == pytest.approx(12.0 * earned, abs=1e-6)
    for rate in (0.0, 0.06, 0.24):
        use = offer.at(rate)
        assert use.worth == pytest.approx(2.0 * (earned - rate / 12.0), rel=1e-6)
        assert use.most == pytest.approx(2.0)
        assert use.binds == ("the credit line bank-x",)
        assert use.cost == pytest.approx(rate)
    sizes, enough = offer.sizes(0.06, [1.0, 2.0])
    assert sizes[0].more == pytest.approx(earned - 0.005, rel=1e-6)
    assert enough == pytest.approx(5.0, rel=1e-6)  # all that is asked for
    # Until the end of January the whole line costs its fee f/12, which is paid out of the draw:
    # 2 (1 - f/12) earned = 2 (r/12 + f/12).
    most = 12.0 * (earned - 0.005) / (1.0 + earned)
    assert offer.most_fee(0.06) == pytest.approx(most, abs=1e-6)


def test_the_search_finds_kinks_jumps_and_ends():
    def kinked(p):
        return max(0.0, 3.0 - 40.0 * p, 0.7 - 5.0 * p)

    assert highest(kinked, 0.0, 10.0) == pytest.approx(0.14, abs=2e-7)
    assert highest(lambda p: 1.0 if p <= 0.123 else 0.0, 0.0, 10.0) == pytest.approx(
        0.123, abs=2e-7
    )
    assert highest(lambda p: 1.0 / (1.0 + p) - 0.25, 0.0, 10.0) == pytest.approx(3.0, abs=2e-7)
    assert highest(lambda p: 1.0 - p, 0.0, 0.5) == float("inf")
    assert highest(lambda p: -p, 0.0, 10.0) is None


def test_a_proposal_has_the_terms_of_its_kind():
    with pytest.raises(ValidationError, match="tenor"):
        Proposal(name="x", kind="line", amount=1.0)
    with pytest.raises(ValidationError, match="discount"):
        Proposal(name="x", kind="line", amount=1.0, tenor=3, discount=0.01)
    with pytest.raises(ValidationError, match="amount"):
        Proposal(name="x", kind="line", amount=0.0, tenor=3)


def test_what_does_not_go_with_the_model_is_refused(small):
    for wrong, key in (
        (Proposal(name="bank-a", kind="line", amount=1.0, tenor=3), "name"),
        (Proposal(name="x", kind="buyer", amount=1.0, eligibility="none"), "eligibility"),
        (Proposal(name="x", kind="p2p", amount=1.0, tenor=9), "tenor"),
        (Proposal(name="x", kind="series", amount=1.0, closing=date(2019, 1, 31)), "closing"),
    ):
        with pytest.raises(InputError, match=f"proposals.{wrong.name}.{key}"):
            with_proposal(small.spec, wrong)


def test_a_model_plans_without_its_proposals(small):
    said = small.spec.model_copy(update={"proposals": tuple(OFFERS.values())})
    again = _inputs(said, small_pool())
    assert solve(build_program(declare(again))).objective == pytest.approx(
        solve(build_program(declare(small.inputs))).objective, rel=1e-12
    )


def test_a_line_beside_more_banks_than_may_lend_is_judged_in_whole_numbers():
    """One bank may lend: the offer takes the place of bank-a, or is left out. Solved cold by branch
    and bound with the offer alone, and with bank-a alone.
    """
    bank = {"name": "bank-a", "limit": 3.0e6, "tenors": [{"periods": 3, "rate": 0.09}]}
    law = Regime.model_validate(
        {**LAW.model_dump(), "caps": [], "bank_lenders": {"most": 1, "source": "own"}}
    )
    changes = {"lenders": [bank], "securitization": None, "opening": {"net_capital": 80.0e6}}
    p = platform(changes, law, pool=_own(small_pool()))
    plan = solve_plan(p.inputs, p.engine, channels=False)
    offer = Proposal(name="bank-x", kind="line", amount=3.0e6, tenor=3)
    spec = with_proposal(p.spec, offer)
    inputs = _inputs(spec, _own(small_pool()), Calendar.of(law))
    assert inputs.choice is not None
    judged = Offer(offer, inputs, plan.choice.first)
    # of two lines alike the cheaper one is chosen: at 9% they are the same
    assert judged.break_even(0.0) == pytest.approx(0.09, abs=1e-6)
    alone = platform({**changes, "lenders": [{**bank, "tenors": [{"periods": 3, "rate": 0.05}]}]},
                     law, pool=_own(small_pool()))  # fmt: skip
    cheaper = solve(build_program(declare(alone.inputs))).objective
    assert judged.at(0.05).worth == pytest.approx(cheaper - plan.choice.first.objective, rel=1e-6)
    sizes, enough = judged.sizes(0.05, [1.0])
    assert sizes == []
    assert np.isnan(enough)
