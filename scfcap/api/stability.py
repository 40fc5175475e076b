"""Whether a model's plan depends on which Monte Carlo paths were drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.inputs import Inputs
    from scfcap.funding.stability import Judged, Stability
    from scfcap.funding.worth import Amounts

#: Paths that are judged at once: what is projected of them is held in memory.
AT_ONCE = 20


def stability(
    model: Model,
    seeds: int = 10,
    paths: int = 100,
    tell: Callable[[str], object] | None = None,
) -> Stability:
    """Plan over ``seeds`` draws of paths, and judge first decisions on ``paths`` others.

    Named scenarios are in each set with their weights. ``tell`` hears how far it is. Each draw is
    one plan over scenarios, each path as many linear programs as there are draws.

    Raises:
        InputError: the model draws no paths, or fewer than two seeds or one path are asked for.
    """
    from scfcap.api.uncertain import worlds
    from scfcap.funding.stability import Stability, first_decisions, plan_any

    stated = model.spec.plan.uncertainty
    _refuse(stated is not None and stated.paths > 0, seeds, paths)
    assert stated is not None
    say = tell or (lambda _: None)
    chosen = [stated.seed + n for n in range(seeds)]
    inside: list[float] = []
    plans: list[Amounts] = []
    for n, seed in enumerate(chosen, start=1):
        say(f"plan {n} of {seeds}")
        w = worlds(model, stated.model_copy(update={"seed": seed}))
        plan, value = plan_any(w.inputs, w.weights, w.nodes, w.engine)
        inside.append(value)
        plans.append(first_decisions(plan, stated.first_stage))
    judged, weights, example = _judged(model, plans, stated.seed + seeds, paths, say)
    return Stability.of(chosen, inside, judged, weights, example)


def _refuse(drawn: bool, seeds: int, paths: int) -> None:
    found = []
    if not drawn:
        found.append(
            Problem(
                "model.toml: plan.uncertainty.paths",
                "none",
                "a number of Monte Carlo paths: named scenarios are chosen, and depend on no draw",
                "Set plan.uncertainty.paths, 20 say.",
            )
        )
    if seeds < 2:
        found.append(Problem("seeds", f"{seeds}", "at least 2, to compare"))
    if paths < 1:
        found.append(Problem("evaluation paths", f"{paths}", "at least 1"))
    if found:
        raise InputError(found)


def _judged(
    model: Model, plans: list[Amounts], seed: int, paths: int, say: Callable[[str], object]
) -> tuple[list[Judged], list[float], Inputs]:
    """What plans come to in each path of a set that none knew, its weights, and one's inputs."""
    from scfcap.api.uncertain import chosen, inputs_under
    from scfcap.funding.stability import judge

    stated = model.spec.plan.uncertainty
    assert stated is not None
    fixed = model.scenario_set(paths, count=paths, seed=seed, named=stated.weights)
    names = fixed.curves.scenarios
    judged: list[Judged] = []
    for first in range(0, len(names), AT_ONCE):
        some = tuple(names[first : first + AT_ONCE])
        say(f"scenarios to {first + len(some)} of {len(names)}")
        inputs, engine = inputs_under(model, chosen(fixed.curves, some))
        judged += [
            judge(x, engine, plans, stated.first_stage, stated.risk.measure)
            for x in inputs.values()
        ]
    return judged, [float(w) for w in fixed.weight], inputs[some[0]]
