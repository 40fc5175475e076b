"""What a plan over scenarios misses at worst: shortfalls, their tail, and what to think of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import money
from scfcap.funding.shortfall import shortfall_of, shortfall_rate
from scfcap.quantities import FloatArray
from scfcap.schema.scenario import Scenario
from scfcap.schema.uncertainty import TAIL_LEAST, Risk, Uncertainty

if TYPE_CHECKING:
    from scfcap.funding.scenarios import ScenarioPlan

#: Of the plan's net capital, what is missing and counts as nothing.
ROUNDING = 1e-7


@dataclass(frozen=True)
class Tail:
    """The worst ``1 - level`` of a loss that scenarios have with weights, shape (K,) each.

    ``weights`` are probabilities; they sum to one.
    """

    losses: FloatArray
    weights: FloatArray
    level: float

    @property
    def shares(self) -> FloatArray:
        """Weight of each scenario in the tail; they sum to one, shape (K,).

        The worst have their probability over ``1 - level``; those as bad as the least of the tail
        share what is left of it by their probabilities.
        """
        found, left = np.zeros(len(self.losses)), 1.0 - self.level
        for loss in np.unique(self.losses)[::-1]:
            tied = self.losses == loss
            mass = float(self.weights[tied].sum())
            if mass <= 0.0:
                continue
            found[tied] = self.weights[tied] * min(1.0, left / mass)
            left -= mass
            if left <= 0.0:
                break
        return np.asarray(found / found.sum())

    @property
    def mean(self) -> float:
        """CVaR, the mean loss of the tail."""
        return float(self.shares @ self.losses)

    @property
    def least(self) -> float:
        """VaR, the least loss of the tail."""
        return float(self.losses[self.shares > 0.0].min())

    @property
    def count(self) -> float:
        """Effective number of scenarios in the tail, ``1 / sum p^2`` of its shares (Kish)."""
        return float(1.0 / np.square(self.shares).sum())


@dataclass(frozen=True)
class Shortfalls:
    """Shortfalls of a plan's scenarios [money units] and what risk was held to.

    ``dual``: what one more unit of ``limit`` adds to the objective (None: no limit).
    """

    names: tuple[str, ...]
    tail: Tail
    stated: Risk
    limit: float | None
    dual: float | None

    @property
    def cvar(self) -> float:
        """Mean of the worst shortfalls [money units]."""
        return self.tail.mean


def shortfalls_of(plan: ScenarioPlan) -> Shortfalls | None:
    """The shortfalls of a plan; None where it has no uncertainty."""
    first = next(iter(plan.optima.values())).inputs
    stated = first.spec.plan.uncertainty
    if stated is None:
        return None
    risk = stated.risk
    losses = [
        shortfall_of(x.inputs, _missing(x.decisions, x.inputs), risk.measure)
        for x in plan.optima.values()
    ]
    duals = plan.solution.duals("cvar")
    return Shortfalls(
        names=tuple(plan.optima),
        tail=Tail(
            np.array(losses), np.array([plan.weights[name] for name in plan.optima]), risk.level
        ),
        stated=risk,
        limit=None if risk.limit is None else risk.limit / first.unit,
        dual=duals.get("cvar"),
    )


def _missing(decisions: Decisions, inputs: Inputs) -> FloatArray:
    if decisions.shortfall is None:
        return np.zeros(inputs.horizon + 1)
    return np.where(
        decisions.shortfall > ROUNDING * max(inputs.net_capital, 1.0), decisions.shortfall, 0.0
    )


def risk_table(plan: ScenarioPlan) -> pd.DataFrame:
    """Each scenario's shortfall: probability, what is missing at worst and when, share of the tail.

    Columns: scenario, weight, missing_amount [currency, by the measure of
    ``plan.uncertainty.risk``], most_amount [currency], when (the close at which most is missing;
    none where nothing is), tail_share.
    """
    found = shortfalls_of(plan)
    shares = np.zeros(len(plan.optima)) if found is None else found.tail.shares
    rows: list[tuple[object, ...]] = []
    for k, (name, x) in enumerate(plan.optima.items()):
        missing, unit = _missing(x.decisions, x.inputs), x.inputs.unit
        worst = int(np.argmax(missing))
        loss = 0.0 if found is None else float(found.tail.losses[k])
        rows.append(
            (
                name,
                plan.weights[name],
                loss * unit,
                float(missing[worst]) * unit,
                x.inputs.grid.ends[worst - 1] if missing[worst] > 0.0 else None,
                float(shares[k]),
            )
        )
    columns = ["scenario", "weight", "missing_amount", "most_amount", "when", "tail_share"]
    return pd.DataFrame(rows, columns=columns)


# --- in words -------------------------------------------------------------------------------------


def has_no_shock(inputs: Inputs) -> bool:
    """Whether nothing happens in the plan's scenario; a Monte Carlo path has no such name."""
    scenario = inputs.spec.scenarios.get(inputs.spec.plan.scenario)
    return scenario is not None and scenario == Scenario(title=scenario.title)


def risk_sentences(plan: ScenarioPlan) -> list[str]:
    """What is missing at worst, and what the limit on it costs."""
    found = shortfalls_of(plan)
    if found is None:
        return []
    first = next(iter(plan.optima.values())).inputs
    risk, unit = found.stated, first.unit
    each = f"over the plan, a {first.spec.plan.unit} that a unit is missing counting it once"
    when = each if risk.measure == "total" else "at a close"
    told = (
        f"Shortfall of the worst {100.0 * (1.0 - risk.level):.3g}% {when}, on average (CVaR): "
        f"{money(first, found.cvar * unit)}, at least {money(first, found.tail.least * unit)} "
        f"(VaR), from {found.tail.count:.1f} scenarios as likely."
    )
    sentences = [told]
    if found.limit is not None and found.dual is not None:
        sentences.append(
            f"Its limit is {money(first, found.limit * unit)}; one more {first.spec.currency} of "
            f"it would add {found.dual:.4g} to what the plan expects."
        )
    return sentences


def risk_cautions(plan: ScenarioPlan) -> list[str]:
    """What to doubt: money missing where nothing happens, a tail of too few scenarios."""
    found = shortfalls_of(plan)
    if found is None:
        return []
    first = next(iter(plan.optima.values())).inputs
    stated = first.spec.plan.uncertainty
    assert stated is not None
    return [*_missing_in_calm(plan), *_thin(found, stated, plan.weights)]


def _missing_in_calm(plan: ScenarioPlan) -> Iterator[str]:
    for name, x in plan.optima.items():
        missing = _missing(x.decisions, x.inputs)
        if missing.max() > 0.0 and has_no_shock(x.inputs):
            t = int(np.argmax(missing))
            rate = shortfall_rate(x.inputs)
            yield (
                f"In {name}, where nothing happens, {money(x.inputs, missing[t] * x.inputs.unit)} "
                f"is missing at {x.inputs.grid.ends[t - 1]}: the plan takes missing money at "
                f"{rate:.0%} a year as a source, or cannot pay what it has promised even then. "
                f"Raise plan.uncertainty.shortfall.rate, or relax the limit that asks for it."
            )


def _thin(found: Shortfalls, stated: Uncertainty, weights: Mapping[str, float]) -> Iterator[str]:
    """A mean of few scenarios is noise; only where the plan reckons with it."""
    if not found.stated.counts or found.tail.count >= TAIL_LEAST - 1e-9:
        return
    level = found.stated.level
    lower = math.floor(100.0 * level_for(np.array(list(weights.values())))) / 100.0
    one = (
        "is one scenario: CVaR is what is missing there"
        if found.tail.count < 1.5
        else (f"stands on {found.tail.count:.1f} scenarios as likely, less than {TAIL_LEAST:g}")
    )
    more = math.ceil(TAIL_LEAST / (1.0 - level) - 1e-9)
    ways = [f"plan.uncertainty.paths = {more} or more"] if stated.paths < more else []
    if lower > 0.0:
        ways.append(f"plan.uncertainty.risk.level = {lower:g} or less")
    yield (
        f"The tail beyond {level:g} {one}, so that its mean depends on which scenarios were "
        f"chosen. What would be right: {' or '.join(ways) or 'more scenarios'}."
    )


def level_for(weights: FloatArray) -> float:
    """Highest level whose tail has :data:`TAIL_LEAST` scenarios as likely, at best; 0: none has.

    Of the least likely: ``n`` equal ones of ``K`` leave ``1 - n / K``.
    """
    order = np.sort(weights[weights > 0.0])
    for n in range(1, len(order) + 1):
        mass = float(order[:n].sum())
        if mass**2 / float(np.square(order[:n]).sum()) >= TAIL_LEAST - 1e-9:
            return max(1.0 - mass, 0.0)
    return 0.0
