"""Whether a plan depends on which paths were drawn: first decisions judged on paths of their own.

Source: M. Kaut, S. W. Wallace, Evaluation of scenario-generation methods for stochastic
programming, Pacific J. Optim. 3 (2007) 257-271: in-sample stability, the spread of optimal values
over sets of scenarios; out-of-sample stability, that of what their decisions come to on one fixed
set that none of them knew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scfcap.errors import InfeasibleError
from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import money
from scfcap.funding.nodes import Nodes, decided_in
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.replay import Engine
from scfcap.funding.risk import Tail
from scfcap.funding.scenarios import ScenarioPlan, solve_scenarios
from scfcap.funding.shortfall import shortfall_of
from scfcap.funding.soft import penalty
from scfcap.funding.tail import without_risk
from scfcap.funding.variables import declare
from scfcap.funding.warm import Warm
from scfcap.funding.worth import Amounts, held_at, held_bounds
from scfcap.quantities import FloatArray
from scfcap.schema.uncertainty import Risk

#: Most spread of what first decisions come to, share of their mean, of a plan that is stable.
ACCEPTED = 0.01
#: Decisions below this are none [money units].
NOTHING = 1e-6


@dataclass(frozen=True)
class Judged:
    """What first decisions of P plans come to in one path [money units], shape (P,) each.

    ``value`` is the best objective with them held; ``missing`` the shortfall by the measure of
    risk; ``given_up`` what of them cannot be done there. ``foresight``: the best of all decisions.
    """

    value: FloatArray
    missing: FloatArray
    given_up: FloatArray
    foresight: float


def plan_any(
    inputs: Mapping[str, Inputs], weights: Mapping[str, float], nodes: Nodes, engine: Engine
) -> tuple[ScenarioPlan, float]:
    """A plan over scenarios and its value [money units].

    Where none keeps all limits in each of them, limits give way at their prices, which the value
    leaves out: a draw may hold a path after which no plan keeps all.
    """
    try:
        plan = solve_scenarios(inputs, weights, nodes, engine)
    except InfeasibleError:
        soft = {name: replace(x, soft=True) for name, x in inputs.items()}
        plan = solve_scenarios(soft, weights, nodes, engine)
    broken = sum(
        plan.weights[name] * penalty(x.book, x.solution) for name, x in plan.optima.items()
    )
    return plan, plan.objective + broken


def first_decisions(plan: ScenarioPlan, last: int) -> dict[tuple[str, object], float]:
    """What a plan decides up to period ``last``, which all of its scenarios share, by label."""
    found = next(iter(plan.optima.values()))
    when = decided_in(found.inputs)
    return {
        (family, key): float(found.solution.x[j])
        for j, family, key in found.book.program.labelled()
        if (t := when(family, key)) is not None and t <= last
    }


def judge(
    inputs: Inputs, engine: Engine, plans: Sequence[Amounts], last: int, measure: str = "total"
) -> Judged:
    """Hold the first decisions of each plan in one path, and do the best after them.

    A linear program a plan, each from the basis of the one before; the risk term is left out, so
    that a path is judged alone. What cannot be done there gives way by the least; where no plan
    keeps all limits, they give way at their prices, which the value leaves out.

    Raises:
        InfeasibleError: there is no plan in the path even so.
    """
    best = _best(without_risk(inputs), engine)
    program, own = best.book.program, best.book.program.columns
    when = decided_in(best.inputs)
    columns = {
        (family, key): j
        for j, family, key in program.labelled()
        if (t := when(family, key)) is not None and t <= last
    }
    warm = Warm(program, best.solution)
    value, missing, given_up = (np.zeros(len(plans)) for _ in range(3))
    for n, amounts in enumerate(plans):
        lost = sum(x for label, x in amounts.items() if label not in columns and x > NOTHING)
        held = {j: amounts.get(label, 0.0) for label, j in columns.items()}
        for j, amount in held.items():
            warm.bound(j, *held_bounds(program, j, amount))
        point = warm.solve()
        if point is None:
            fresh = build_program(declare(best.inputs))
            near = held_at(fresh, held, best.inputs.spec.plan.solver)
            x, objective, lost = near.x[: len(own.family)], near.objective, lost + near.given_up
        else:
            x, objective = point.x[: len(own.family)], point.objective
        solution = replace(best.solution, x=x)
        value[n] = objective + penalty(best.book, solution)
        u = np.array([0.0, *(solution.value("u", t) for t in best.inputs.periods)])
        missing[n] = shortfall_of(best.inputs, np.where(u > NOTHING, u, 0.0), measure)
        given_up[n] = lost
    foresight = best.solution.objective + penalty(best.book, best.solution)
    return Judged(value, missing, given_up, foresight)


def _best(inputs: Inputs, engine: Engine) -> Optimum:
    try:
        return optimum(inputs, engine)
    except InfeasibleError:
        return optimum(replace(inputs, soft=True), engine)


@dataclass(frozen=True)
class Stability:
    """Values of plans over sets of scenarios with different seeds [money units], shape (P,) each.

    ``inside``: what each expects over its own set; ``outside``: what its first decisions come to on
    one set of ``paths`` that none knew; ``given_up``: what of them could not be done there, on
    average. ``foresight``: each path of that set known from the start. ``example`` is the inputs of
    one path.
    """

    seeds: tuple[int, ...]
    inside: FloatArray
    outside: FloatArray
    given_up: FloatArray
    foresight: float
    paths: int
    example: Inputs

    @classmethod
    def of(
        cls,
        seeds: Sequence[int],
        inside: Sequence[float],
        judged: Sequence[Judged],
        weights: Sequence[float],
        example: Inputs,
    ) -> Stability:
        """From what was judged in each path, with the paths' weights."""
        w = np.array(weights) / float(np.sum(weights))
        stated = example.spec.plan.uncertainty
        risk = Risk() if stated is None else stated.risk
        outside = w @ np.array([x.value for x in judged])
        missing = np.array([x.missing for x in judged])
        tails = np.array([Tail(column, w, risk.level).mean for column in missing.T])
        return cls(
            tuple(seeds),
            np.array(inside),
            np.asarray(outside - risk.weight * tails),
            np.asarray(w @ np.array([x.given_up for x in judged])),
            float(w @ np.array([x.foresight for x in judged])),
            len(judged),
            example,
        )

    @property
    def spread_inside(self) -> float:
        """Largest less smallest of what the plans expect [money units]."""
        return float(np.ptp(self.inside))

    @property
    def spread(self) -> float:
        """Largest less smallest of what their first decisions come to [money units]."""
        return float(np.ptp(self.outside))

    @property
    def relative(self) -> float:
        """:attr:`spread` as a share of the mean value."""
        size = abs(float(self.outside.mean()))
        return self.spread / size if size > 0.0 else float("inf") if self.spread > 0.0 else 0.0

    @property
    def bias(self) -> float:
        """What plans expect above what their first decisions come to, share of the latter."""
        outside = float(self.outside.mean())
        return (float(self.inside.mean()) - outside) / abs(outside) if outside != 0.0 else 0.0

    @property
    def accepted(self) -> bool:
        """Whether the number of paths is enough: the spread is at most :data:`ACCEPTED`."""
        return self.relative <= ACCEPTED

    def table(self) -> pd.DataFrame:
        """A row for each set of scenarios [currency]."""
        unit = self.example.unit
        return pd.DataFrame(
            {
                "seed": self.seeds,
                "inside_amount": self.inside * unit,
                "outside_amount": self.outside * unit,
                "given_up_amount": self.given_up * unit,
            }
        )

    def sentences(self) -> list[str]:
        """The verdict, in words."""
        x, unit = self.example, self.example.unit
        stated = x.spec.plan.uncertainty
        kept = 0 if stated is None else stated.paths

        def told(amount: float) -> str:
            return money(x, amount * unit)

        sentences = [
            f"{len(self.seeds)} plans, each over another draw of {kept} paths, expect "
            f"{told(float(self.inside.mean()))} on average; from the least to the most they differ "
            f"by {told(self.spread_inside)}.",
            f"Their first decisions come to {told(float(self.outside.mean()))} on "
            f"{self.paths} scenarios that none of them knew, and differ by {told(self.spread)}, "
            f"{self.relative:.2%} of it.",
            f"To know each of those from the start would bring {told(self.foresight)}.",
        ]
        if float(self.given_up.max()) > NOTHING:
            sentences.append(
                f"Of first decisions {told(float(self.given_up.mean()))} could not be carried out "
                f"there, on average."
            )
        if not self.accepted:
            more = f"Raise plan.uncertainty.paths above {kept} and ask again."
            sentences.append(f"Not stable: the spread is above {ACCEPTED:.0%} of the value. {more}")
        elif abs(self.bias) > ACCEPTED:
            way = "more" if self.bias > 0.0 else "less"
            sentences.append(
                f"First decisions are stable, but plans expect {abs(self.bias):.1%} {way} than "
                f"they come to: keep the decisions, and trust the value of the larger set."
            )
        else:
            sentences.append(
                f"Stable: the spread is within {ACCEPTED:.0%} of the value, and plans come to what "
                f"they expect; {kept} paths are enough."
            )
        return sentences
