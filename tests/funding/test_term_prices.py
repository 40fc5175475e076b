"""What rates, prices, shares, multiples and weights are worth: plans made anew on random models."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import NoOptimumError, Solution, solve
from scfcap.funding.terms import Term, all_terms, term_price_table, term_prices, value_of
from scfcap.funding.variables import Book, declare
from scfcap.schema.regime import Regime

from .small_platform import LAW, platform
from .variants import edited, law

MODELS = 12
#: Data that each model is tried with; together all kinds, which a test demands.
SAMPLED = 4
#: Step of a finite difference of a datum [1].
STEP = 1e-5


@dataclass
class Case:
    changes: dict[str, Any]
    regime: Regime | None
    inputs: Inputs
    book: Book
    solution: Solution

    def value(self, changes: dict[str, Any], regime: Regime | None = None) -> float:
        """Optimum of a model read, gathered, built and solved from nothing; NaN without a plan."""
        made = platform(edited({**self.changes, **changes}), regime or self.regime)
        try:
            return solve(build_program(declare(made.inputs))).objective
        except NoOptimumError:
            return float("nan")


@cache
def case(seed: int) -> Case:
    random = np.random.default_rng(seed)

    def drawn(low: float, high: float) -> float:
        return float(np.round(random.uniform(low, high), 4))

    changes: dict[str, Any] = {
        "plan.periods": int(random.integers(3, 6)),
        "plan.debt_cover": drawn(0.0, 0.5),
        "opening.net_capital": 1e6 * drawn(57.0, 66.0),
        "lenders.0.limit": 1e6 * drawn(6.0, 20.0),
        "lenders.0.commitment_fee": drawn(0.001, 0.01),
        "lenders.0.tenors.0.rate": drawn(0.05, 0.10),
        "lenders.0.tenors.1.rate": drawn(0.05, 0.10),
        "buyers.0.price": drawn(0.99, 1.005),
        "buyers.0.servicing_fee": drawn(0.02, 0.10),
        "buyers.0.limit": 1e6 * drawn(2.0, 12.0),
        "securitization.programme_limit": 1e6 * drawn(10.0, 40.0),
        "securitization.coupon_timing": "paid" if seed % 2 else "accrued_while_revolving",
        "p2p.steps.0.rate": drawn(0.08, 0.11),
        "p2p.steps.1.rate": drawn(0.115, 0.13),
    }
    regime = law(
        caps=[
            LAW.caps[0].model_copy(update={"multiple": drawn(0.1, 0.2)}),
            LAW.caps[1].model_copy(update={"multiple": drawn(0.4, 1.2)}),
        ]
    )
    made = platform(edited(changes), regime)
    book = declare(made.inputs)
    return Case(changes, regime, made.inputs, book, solve(build_program(book)))


Rebuilt = Callable[[Case, float], float]


def key(path: str) -> Rebuilt:
    def value(c: Case, more: float) -> float:
        at: Any = edited(c.changes)
        for part in path.split("."):
            at = at[int(part) if isinstance(at, list) else part]
        return c.value({path: at + more})

    return value


def classes(more: Callable[[list[Any], float], None]) -> Rebuilt:
    """Terms from ``as_of`` on: in the model they would move what stands at the start too."""

    def value(c: Case, by: float) -> float:
        vehicle = c.inputs.vehicle
        assert vehicle is not None
        tranches = list(vehicle.tranches)
        more(tranches, by)
        changed = vehicle.model_copy(update={"tranches": tuple(tranches)})
        return solve(build_program(declare(replace(c.inputs, vehicle=changed)))).objective

    return value


def coupon(tranche: int) -> Rebuilt:
    def dearer(tranches: list[Any], by: float) -> None:
        at = tranches[tranche]
        tranches[tranche] = at.model_copy(update={"coupon": at.coupon + by})

    return classes(dearer)


def kept(tranches: list[Any], by: float) -> None:
    for n, sign in ((0, -1.0), (2, 1.0)):
        at = tranches[n]
        tranches[n] = at.model_copy(update={"share": at.share + sign * by})


def cap(index: int, weight: str | None = None) -> Rebuilt:
    def value(c: Case, more: float) -> float:
        assert c.regime is not None
        caps = [x.model_dump() for x in c.regime.caps]
        if weight is None:
            caps[index]["multiple"] += more
        else:
            caps[index]["weights"][weight] += more
        return c.value({}, law(caps=caps))

    return value


REBUILT: dict[str, Rebuilt] = {
    "the rate of bank-a for 3 months": key("lenders.0.tenors.0.rate"),
    "the rate of bank-a for 6 months": key("lenders.0.tenors.1.rate"),
    "the commitment fee of bank-a": key("lenders.0.commitment_fee"),
    "the price of city-bank": key("buyers.0.price"),
    "the servicing fee of city-bank": key("buyers.0.servicing_fee"),
    "the P2P rate of the first step": key("p2p.steps.0.rate"),
    "the P2P rate of the second step": key("p2p.steps.1.rate"),
    "the coupon of the senior notes": coupon(0),
    "the coupon of the mezzanine notes": coupon(1),
    "the share that each series keeps (junior instead of senior)": classes(kept),
    "the multiple of the cap 'bank'": cap(0),
    "the weight of bank in the cap 'bank'": cap(0, "bank"),
    "the multiple of the cap 'all'": cap(1),
    "the weight of bank in the cap 'all'": cap(1, "bank"),
    "the weight of abs third party in the cap 'all'": cap(1, "abs_third_party"),
    "the weight of transfer clean in the cap 'all'": cap(1, "transfer_clean"),
    "the weight of p2p in the cap 'all'": cap(1, "p2p"),
}


def _named(c: Case) -> dict[str, str]:
    """What each datum is called in a case whose rates are drawn."""
    assert c.inputs.p2p is not None
    names = {what: what for what in REBUILT}
    for place, step in zip(("first", "second"), c.inputs.p2p.steps, strict=True):
        names[f"the P2P rate of the {place} step"] = f"the P2P rate of {step.rate:.2%}"
    return names


def _sampled(seed: int) -> list[str]:
    """Data of a case, in turn, so that every one comes up at least twice."""
    names = list(REBUILT)
    return [names[(seed * SAMPLED + n) % len(names)] for n in range(SAMPLED)]


def test_the_sample_has_every_datum_twice():
    drawn = [what for seed in range(MODELS) for what in _sampled(seed)]
    assert {what: drawn.count(what) >= 2 for what in REBUILT} == dict.fromkeys(REBUILT, True)


@pytest.mark.parametrize("seed", range(MODELS))
def test_a_price_is_that_of_plans_made_anew(seed):
    c = case(seed)
    base = c.solution.objective
    told = {p.what: p for p in term_prices(c.book, c.solution)}
    terms = {t.what: t for t in all_terms(c.book)}
    names = _named(c)
    for what in _sampled(seed):
        price, term = told[names[what]], terms[names[what]]
        up, down = REBUILT[what](c, STEP), REBUILT[what](c, -STEP)
        right, left = (up - base) / STEP, (base - down) / STEP
        sides = [v for v in (right, left) if v == v]
        expected = np.array([right, min(sides), max(sides)]) * term.change
        found = np.array([price.value, price.low, price.high])
        # The optimum bends in a rate: a difference over STEP is off by the order of STEP.
        assert found == pytest.approx(expected, rel=2e-3, abs=2e-6, nan_ok=True), (what, seed)
        if len(sides) == 2:
            dual = value_of(term, c.solution) * term.change
            slack = 2e-3 * max(1e-3, abs(dual))
            assert price.low - slack <= dual <= price.high + slack, (what, seed)


def test_every_datum_matters_in_some_model():
    worth = dict.fromkeys(REBUILT, 0.0)
    for seed in range(MODELS):
        c = case(seed)
        names = _named(c)
        values = {t.what: value_of(t, c.solution) * t.change for t in all_terms(c.book)}
        assert set(values) == set(names.values())
        for what in REBUILT:
            worth[what] = max(worth[what], abs(values[names[what]]))
    assert {what: value > 1e-5 for what, value in worth.items()} == dict.fromkeys(REBUILT, True)


def test_sentences_say_what_a_change_is_worth():
    c = case(0)
    table = term_price_table(term_prices(c.book, c.solution), c.inputs).set_index("what")
    row = table.loc["the price of city-bank"]
    assert row["change"] == "1 percentage point of par"
    assert row["worth"] > 0.0
    told = re.search(r"earns CNY ([\d,]+) over the \d months", row["sentence"])
    assert told
    assert float(told[1].replace(",", "")) == pytest.approx(row["worth"], abs=0.5)
    line = table.loc["the rate of bank-a for 3 months"]
    assert line["worth"] <= 0.0
    assert "earns" not in line["sentence"].split(";")[0]


def test_moving_rows_changes_nothing_of_the_program():
    c = case(1)
    again = Term("x", 1.0, "1")
    again.move(None, c.book.total("own_capital", 1))
    assert again.slopes == {}
    before = [dict(t) for t in c.book.program.rows.terms]
    all_terms(c.book)
    assert c.book.program.rows.terms == before
