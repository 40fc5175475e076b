"""Every shadow price against a plan made anew with the datum changed; every channel's worth too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, P2P, SECURITIZATION
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import optimum, solve_plan
from scfcap.funding.prices import STEP, worth_sentence
from scfcap.schema.regime import Regime

from .small_platform import LAW, Platform, platform
from .variants import BARE, UNIT, edited, law, own_pool

#: The law with little room for all sources together.
TIGHT = law(caps=[LAW.caps[0], LAW.caps[1].model_copy(update={"multiple": 0.6})])
#: Platforms on which different limits bind: changes of the model, and the law.
VARIANTS: dict[str, tuple[dict[str, Any], Regime | None]] = {
    "law": ({}, LAW),
    "short of money": (
        {
            "plan.periods": 7,
            "opening.net_capital": 58.0e6,
            "lenders.0.commitment_fee": 0.0,
            "securitization.programme_limit": 15.0e6,
            "buyers.0.limit": 1.0e6,
            "buyers.0.servicing_fee": 0.12,
            "p2p.limit": 5.0e6,
        },
        None,
    ),
    "older business above the limits": (
        {
            "plan.periods": 7,
            "lenders.0.limit": 3.0e6,
            "p2p.limit": 2.5e6,
            "p2p.outstanding": 4.0e6,
            "p2p.outstanding_rate": 0.12,
            "opening.net_capital": 64.0e6,
        },
        None,
    ),
    "notes fall due": (
        {
            "plan.periods": 6,
            "securitization.revolving_periods": 6,
            "securitization.amortising_periods": 5,
            "securitization.coupon_timing": "paid",
            "plan.scenario": "stress",
        },
        TIGHT,
    ),
}


class Case:
    """A variant, its plan, and the optimum after a change."""

    def __init__(self, name: str) -> None:
        changes, self.regime = VARIANTS[name]
        self.model = edited(changes)
        self.base = platform(self.model, self.regime)
        self.plan = solve_plan(self.base.inputs, self.base.engine)

    def value(self, changes: Mapping[str, Any], regime: Regime | None = None) -> float:
        """Optimum [money units] of the platform built anew."""
        changed = platform(edited(changes, self.model), regime or self.regime)
        return self.of(changed.inputs, changed)

    def of(self, inputs: Inputs, built: Platform | None = None) -> float:
        """Optimum [money units], from the order of repayment of the plan."""
        order = {d.name: d.repaid_by for d in self.plan.optimum.inputs.deals}
        deals = tuple(replace(d, repaid_by=order[d.name]) for d in inputs.deals)
        engine = (built or self.base).engine
        return optimum(replace(inputs, deals=deals), engine).solution.objective


made = cache(Case)


@pytest.fixture(params=list(VARIANTS))
def case(request: pytest.FixtureRequest) -> Case:
    return made(request.param)


Rebuilt = Callable[[Case, float], float]


def _lender(case: Case, more: float) -> float:
    return case.value({"lenders.0.limit": case.model["lenders"][0]["limit"] + more * UNIT})


def _buyer(case: Case, more: float) -> float:
    return case.value({"buyers.0.limit": case.model["buyers"][0]["limit"] + more * UNIT})


def _programme(case: Case, more: float) -> float:
    limit = case.model["securitization"]["programme_limit"]
    return case.value({"securitization.programme_limit": limit + more * UNIT})


def _issues(case: Case, more: float) -> float:
    issues = case.model["securitization"]["issues"]
    each = more * UNIT / len(issues)
    return case.value(
        {
            f"securitization.issues.{i}.max_pool": issue["max_pool"] + each
            for i, issue in enumerate(issues)
        }
    )


def _p2p(case: Case, more: float) -> float:
    return case.value({"p2p.limit": case.model["p2p"]["limit"] + more * UNIT})


def _step(number: int) -> Rebuilt:
    def value(case: Case, more: float) -> float:
        width = case.model["p2p"]["steps"][number]["per_period"]
        return case.value({f"p2p.steps.{number}.per_period": width + more * UNIT})

    return value


def _capital(case: Case, more: float) -> float:
    """Net capital that comes in cash: the tape and the debts stay, so that cash follows."""
    capital = case.model["opening"]["net_capital"]
    return case.value({"opening": {"net_capital": capital + more * UNIT}})


def _floor(case: Case, more: float) -> float:
    floor = case.model["plan"]["liquidity_floor"]
    return case.value({"plan.liquidity_floor": floor - more * UNIT})


def _deductions(case: Case, more: float) -> float:
    """Room under a cap on net assets: the multiple of what stands beside net capital."""
    assert case.regime is not None
    multiple = case.regime.caps[1].multiple
    inputs = case.base.inputs
    return case.of(replace(inputs, deductions=inputs.deductions + more / multiple))


def _demand(segment: int) -> Rebuilt:
    def value(case: Case, more: float) -> float:
        demand = case.base.inputs.demand.copy()
        demand[segment, 1:] += more
        return case.of(replace(case.base.inputs, demand=demand))

    return value


def _twelve_months(case: Case, more: float) -> float:
    most = case.model["p2p"]["rolling_12_months"]
    return case.value({"p2p.rolling_12_months": most + more * UNIT})


REBUILT: dict[str, Rebuilt] = {
    "net capital": _capital,
    "the line of bank-a": _lender,
    "the limit of city-bank": _buyer,
    "the securitization programme": _programme,
    "the largest pool": _issues,
    "the P2P limit": _p2p,
    "P2P supply at 11.00%": _step(0),
    "P2P supply at 12.50%": _step(1),
    "cash freed from the liquidity floor": _floor,
    "room under the cap 'all'": _deductions,
    "room under P2P placements in twelve months": _twelve_months,
    "loan demand in credit": _demand(0),
    "loan demand in order": _demand(1),
}
#: Prices without a datum of the model: net capital moves the other rows of the cap too.
NO_DATUM = {"room under the cap 'bank'"}
#: Heads of the prices of limits that the catalogue alone names.
UNNAMED = ("room under ", "relief from ")


def _sizes(case: Case) -> dict[str, float]:
    """Size of each datum [money units]: the re-solve's step is a share of it."""
    inputs, model = case.base.inputs, case.model
    assert inputs.p2p is not None
    sizes = {
        "net capital": inputs.net_capital,
        "the line of bank-a": inputs.lenders[0].limit,
        "the limit of city-bank": inputs.buyers[0].limit,
        "the securitization programme": inputs.programme_limit,
        "the largest pool": max(d.max_pool for d in inputs.deals),
        "the P2P limit": inputs.p2p.limit,
        "P2P supply at 11.00%": model["p2p"]["steps"][0]["per_period"] / UNIT,
        "P2P supply at 12.50%": model["p2p"]["steps"][1]["per_period"] / UNIT,
        "cash freed from the liquidity floor": inputs.liquidity_floor,
        "room under P2P placements in twelve months": inputs.p2p.rolling or 0.0,
    }
    if case.regime is not None:
        multiple = case.regime.caps[1].multiple
        sizes["room under the cap 'all'"] = multiple * inputs.net_capital
    for s, name in enumerate(inputs.segments):
        sizes[f"loan demand in {name}"] = float(inputs.demand[s].mean())
    return {what: max(size, 1.0) for what, size in sizes.items()}


def test_every_price_is_that_of_a_plan_made_anew(case):
    base = case.plan.optimum.solution.objective
    sizes = _sizes(case)
    wrong = []
    priced = [p for p in case.plan.prices if p.what in REBUILT]
    others = {p.what for p in case.plan.prices} - set(REBUILT) - NO_DATUM
    assert all(what.startswith(UNNAMED) for what in others)
    for price in priced:
        step = STEP * sizes[price.what]
        more = (REBUILT[price.what](case, step) - base) / step
        less = (base - REBUILT[price.what](case, -step)) / step
        told = (price.value, price.low + price.high - price.value)
        if not np.allclose((more, less), told, rtol=1e-6, atol=2e-8):
            wrong.append((price.what, (more, less), told))
    assert wrong == []


def test_each_datum_earns_somewhere():
    earning = {p.what for name in VARIANTS for p in made(name).plan.prices if p.value > 1e-5}
    assert earning >= set(REBUILT) | NO_DATUM
    assert {what.split(" credit")[0] for what in earning - set(REBUILT) - NO_DATUM} >= {
        "room under share of the book",
        "room under overcollateralization series-2",
    }


def test_duals_lie_between_the_one_sided_prices(case):
    for price in case.plan.prices:
        slack = 1e-6 * max(1e-2, abs(price.dual))
        assert price.low - slack <= price.dual <= price.high + slack, price.what
        assert price.low <= price.value <= price.high


def test_each_limit_has_a_price(case):
    told = {p.what for p in case.plan.prices}
    unnamed = {what for what in REBUILT if what.startswith(UNNAMED)}
    expected = set(REBUILT) - (
        unnamed | {"room under the cap 'all'"}
        if case.regime is None
        else unnamed - {"room under the cap 'all'"}
    )
    assert expected <= told
    assert told >= NO_DATUM or case.regime is None


def test_a_multiple_is_worth_its_base_times_its_duals():
    # dz/dm = sum of dual * net capital, OPTIMISATION: the value of a multiple.
    case = made("law")
    solution = case.plan.optimum.solution
    duals = solution.duals("leverage")
    worth = sum(
        duals["bank", t] * solution.value("K", t)
        for t in case.base.inputs.periods
        if ("bank", t) in duals
    )
    assert worth > 0.0
    step = 1e-6

    def value(multiple: float) -> float:
        caps = [cap.model_dump() for cap in LAW.caps]
        caps[0]["multiple"] = multiple
        return case.value({}, law(caps=caps))

    slopes = [(value(0.2 + h) - value(0.2)) / h for h in (step, -step)]
    assert min(slopes) * (1 - 1e-4) <= worth <= max(slopes) * (1 + 1e-4)


def test_a_closed_limit_has_no_price():
    case = made("law")
    closed = platform(
        edited({"lenders.0.limit": 0.0, "buyers.0.limit": 0.0, "p2p.limit": 0.0}), LAW
    )
    plan = solve_plan(closed.inputs, closed.engine, channels=False)
    told = {p.what for p in plan.prices}
    for what in ("the line of bank-a", "the limit of city-bank", "the P2P limit"):
        assert what in {p.what for p in case.plan.prices}
        assert what not in told


def test_sentences_say_the_price(case):
    for price in case.plan.prices:
        assert f"{price.what} {price.per}" in price.sentence
        assert f"over the {case.base.inputs.horizon} months" in price.sentence
        told = re.sub(r", (for up to|with) CNY [\d,]+|By dates: .*", "", price.sentence)
        amounts = [float(text.replace(",", "")) for text in re.findall(r"CNY ([\d,]+)\b", told)]
        words = {True: "earns", False: "costs"}[price.value > 0.0]
        if price.value != 0.0:
            assert words in price.sentence
            assert amounts[1] == pytest.approx(abs(price.value) * UNIT, abs=0.5)
        other = price.low + price.high - price.value
        if abs(other - price.value) > 1e-5:
            assert amounts[-1] == pytest.approx(abs(other) * UNIT, abs=0.5)


def test_the_table_ranks_sources_of_funds_that_earn(case):
    table = case.plan.tables()["prices"]
    ranked = table[table["rank"] > 0]
    assert list(ranked["rank"]) == list(range(1, len(ranked) + 1))
    assert ranked["value"].is_monotonic_decreasing
    assert (ranked["value"] > 0.0).all()
    funds = {p.what for p in case.plan.prices if p.fund and p.value > 0.0}
    assert set(ranked["what"]) == funds
    assert not any("demand" in what for what in ranked["what"])


# Worth of a channel.

CLOSED: dict[str, dict[str, Any]] = {
    BANK_DEBT: {"lenders.0.limit": 0.0},
    BANK_TRANSFER: {"buyers.0.limit": 0.0},
    SECURITIZATION: {"securitization.programme_limit": 0.0},
    P2P: {"p2p.limit": 0.0},
}


def test_worth_is_the_fall_of_the_optimum_with_the_limit_at_zero(case):
    channels = case.plan.tables()["channels"].set_index("channel")
    assert list(channels.index) == list(CLOSED)
    for channel, closed in CLOSED.items():
        without = case.value(closed) * UNIT
        row = channels.loc[channel]
        assert row["income_without"] == pytest.approx(without, rel=1e-9), channel
        assert row["worth"] == pytest.approx(case.plan.objective - without, rel=1e-6, abs=1.0)
        assert row["income_with"] == pytest.approx(case.plan.objective, rel=1e-12)
        free = channel != BANK_DEBT or case.model["lenders"][0]["commitment_fee"] == 0.0
        assert row["worth"] >= -1.0 or not free, channel


def test_no_new_business_stands_in_a_closed_channel():
    shut: dict[str, Any] = {}
    for closed in CLOSED.values():
        shut |= closed
    p = platform(edited(shut), LAW)
    found = optimum(p.inputs, p.engine)
    assert found.decisions.draws == {}
    assert found.decisions.placed.sum() == 0.0
    assert sum(found.decisions.issued.values()) == 0.0
    places = {where for _, where, _ in found.decisions.transfers}
    assert places <= {"securitization:series-1"}, "the old series goes on revolving"


def test_a_channel_that_costs_more_than_it_brings_says_so():
    # A fee on a line of which nothing may be used, for the law counts every loan.
    dear = {"lenders.0.commitment_fee": 0.05, "lenders.0.tenors.0.rate": 0.5}
    p = platform(edited(dear | {"lenders.0.tenors.1.rate": 0.5}), LAW)
    plan = solve_plan(p.inputs, p.engine)
    row = plan.tables()["channels"].set_index("channel").loc[BANK_DEBT]
    assert row["worth"] < -1.0
    assert f"{-row['worth']:,.0f} more" in row["sentence"]


def test_worth_in_words():
    inputs = made("law").base.inputs
    assert "not needed" in worth_sentence(inputs, P2P, 0.2)
    assert "CNY 1,235 less" in worth_sentence(inputs, P2P, 1234.6)
    assert "CNY 1,235 more" in worth_sentence(inputs, P2P, -1234.6)


def test_a_plan_that_needs_a_channel_says_so():
    changes = {
        **BARE,
        "opening": {"cash": 6.0e6},
        "plan.periods": 6,
        "demand.credit.minimum": 0.8,
        "lenders.0.limit": 40.0e6,
    }
    p = platform(edited(changes), None, own_pool())
    row = solve_plan(p.inputs, p.engine).tables()["channels"].set_index("channel").loc[BANK_DEBT]
    assert np.isnan(row["income_without"])
    assert "no plan keeps all limits" in row["sentence"]


# More never hurts.

BETTER: dict[str, dict[str, Any]] = {
    "more capital": {"opening.net_capital": 66.0e6},
    "a wider line": {"lenders.0.limit": 18.0e6},
    "a wider buyer": {"buyers.0.limit": 30.0e6, "buyers.0.per_period": 20.0e6},
    "a larger programme": {"securitization.programme_limit": 50.0e6},
    "larger issues": {"securitization.issues.0.max_pool": 30.0e6},
    "a wider P2P limit": {"p2p.limit": 20.0e6},
    "more P2P supply": {"p2p.steps.0.per_period": 4.0e6},
    "a longer P2P window": {"p2p.rolling_12_months": 30.0e6},
    "a lower floor": {"plan.liquidity_floor": 1.0e6},
    "less cover": {"plan.debt_cover": 0.1},
    "less promised": {"demand.credit.minimum": 0.0},
    "more demand": {"demand.order.per_period": 70.0e6},
    "cheaper draws": {"lenders.0.tenors.0.rate": 0.06, "lenders.0.tenors.1.rate": 0.06},
    "a better price": {"buyers.0.price": 1.01},
    "a higher servicing fee": {"buyers.0.servicing_fee": 0.05},
    "cheaper P2P": {"p2p.steps.0.rate": 0.10},
    "cheaper notes": {"securitization.tranches.1.coupon": 0.10},
    "a cheaper vehicle": {"securitization.issue_cost_rate": 0.001},
    "a wider share": {"concentration.0.share": 0.95},
    "lower running cost": {"plan.opex_rate": 0.005},
}


@pytest.fixture(scope="module")
def start() -> Case:
    """No commitment fee, so that a wider line is free; coupons paid, so that none is owed."""
    case = Case.__new__(Case)
    case.regime = LAW
    changes = {
        "plan.periods": 8,
        "lenders.0.commitment_fee": 0.0,
        "securitization.coupon_timing": "paid",
    }
    case.model = edited(changes)
    case.base = platform(case.model, LAW)
    case.plan = solve_plan(case.base.inputs, case.base.engine, channels=False)
    return case


@pytest.mark.parametrize("name", BETTER)
def test_what_is_better_never_lowers_the_optimum(start, name):
    assert start.value(BETTER[name]) >= start.plan.optimum.solution.objective - 1e-7


@pytest.mark.parametrize("which", [0, 1])
def test_a_higher_multiple_never_lowers_the_optimum(start, which):
    caps = [cap.model_dump() for cap in LAW.caps]
    caps[which]["multiple"] *= 1.3
    higher = start.value({}, law(caps=caps))
    assert higher >= start.plan.optimum.solution.objective - 1e-7
    if which == 0:
        assert higher > start.plan.optimum.solution.objective + 1e-3, "the bank cap binds"


def test_with_all_channels_closed_own_funds_are_the_only_source():
    shut = {"lenders.0.limit": 0.0, "securitization.programme_limit": 0.0}
    p = platform(edited({"buyers": [], "p2p": None, **shut}), LAW)
    plan = solve_plan(p.inputs, p.engine)
    earning = {x.what for x in plan.prices if x.fund and x.value > 0.0}
    assert earning <= {"net capital", "cash freed from the liquidity floor"}
    assert plan.tables()["channels"]["worth"].abs().max() < 1.0
