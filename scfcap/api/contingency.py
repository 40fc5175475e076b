"""What to do if a shock comes: the plan against each scenario in which something happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scfcap.brief import Brief, Lines, listed
from scfcap.errors import InfeasibleError, InputError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.api.model import Model
    from scfcap.funding.contingency import Contingency
    from scfcap.funding.readiness import Ready
    from scfcap.funding.replay import Engine

#: For how many shocks, the dearest, a run works out what to hold ready: it takes longest.
READY_IN_RUN = 4


@dataclass(frozen=True, repr=False)
class Contingencies(Brief):
    """A plan against shocks. ``found``: each with what to hold ready (None: nothing can be, or it
    was not worked out); ``frames`` are its tables by name, ``told`` what no table says.
    """

    found: tuple[tuple[Contingency, Ready | None], ...]
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    def _brief(self) -> tuple[str, Lines]:
        names = [str(each.shock.name) for each, _ in self.found]
        return "A plan against shocks", [("shocks", listed(names) or "none")]


def shocks_of(model: Model) -> dict[str, int]:
    """Scenarios in which something happens that does not in the plan's own, and the first period
    that can answer it.
    """
    from scfcap.credit.known import known_from
    from scfcap.credit.stated import Stated

    spec, stress = model.spec, model.curves().stress
    told = Stated(spec.plan.unit, model.plan_periods)
    own = spec.plan.scenario
    found = {
        name: known_from(stress, spec.scenarios, told, name, own)
        for name in spec.scenarios
        if name != own
    }
    return {name: known for name, known in found.items() if known is not None}


def contingencies(
    model: Model, names: Sequence[str] = (), ready: int | None = None
) -> Contingencies:
    """The plan against the scenarios ``names``, else those of ``plan.contingency``, or all with
    shocks.

    What to hold ready is worked out for the ``ready`` dearest (None: all).

    Raises:
        InputError: a name that the model does not have, or a scenario in which nothing happens.
        InfeasibleError: the plan itself keeps not all limits.
    """
    known = _asked(model, names)
    if not known:
        return Contingencies(())
    import pandas as pd

    from scfcap.api.uncertain import chosen, inputs_under
    from scfcap.funding.answer_tables import tables
    from scfcap.funding.called import called_in, with_calls
    from scfcap.funding.contingency import Shock, contingency
    from scfcap.pool.signs import signs

    spec, base = model.spec, model.plan().optimum
    worlds, engine = inputs_under(model, chosen(model.curves(), (spec.plan.scenario, *known)))
    found: list[Contingency] = []
    told: list[str] = []
    stress = model.curves().stress
    for name, period in known.items():
        title = spec.scenarios[name].title
        title = name.replace("-", " ").capitalize() if title in ("", name) else title
        world = with_calls(worlds[name], called_in(stress, name, base.inputs.horizon))
        try:
            found.append(contingency(base, Shock(name, title, world, period), engine))
        except InfeasibleError as error:
            told.append(f"Under {name} there is no answer: {error}")
    both = _with_ready(model, found, engine, ready, told)
    frames = tables(both)
    frames["contingency_signs"] = signs(
        {x.shock.name: spec.scenarios[x.shock.name] for x in found},
        _lights(model, told),
        model.plan_tables()["covenants"],
        model.kept("warning_value"),
    )
    if model.spec.plan.uncertainty is not None:
        told.append(
            "The plan is one for several scenarios: costs are told against what it comes to in "
            f"{spec.plan.scenario}, which pays for being ready for the others; part of an answer "
            "may be to stop that."
        )
    frames["contingency_notes"] = pd.DataFrame({"says": told}, dtype="str")
    return Contingencies(tuple(both), frames, tuple(told))


def _lights(model: Model, told: list[str]) -> pd.DataFrame | None:
    """The early warnings as they stand; None where what they are read from is not there."""
    try:
        return model.watch().lights
    except InputError as error:
        first = error.problems[0]
        told.append(
            f"Early warnings cannot be read ({first.where}: {first.found}): no sign is told."
        )
        return None


def _asked(model: Model, names: Sequence[str]) -> dict[str, int]:
    known = shocks_of(model)
    if not names:
        stated = model.spec.plan.contingency
        return known if stated is None else {k: x for k, x in known.items() if k in stated}
    there, own = model.spec.scenarios, model.spec.plan.scenario
    problems = []
    for name in names:
        if name not in there:
            problems.append(
                Problem(
                    "contingency",
                    f"a scenario {name}",
                    f"one of {', '.join(known) or 'none: no scenario has shocks'}",
                    "Correct the name, or add a table [scenarios.NAME] to model.toml.",
                )
            )
        elif name not in known:
            what = "the plan's own scenario" if name == own else "nothing that is not in the base"
            problems.append(
                Problem(
                    f"model.toml: scenarios.{name}",
                    f"{what} within the plan's {len(model.plan_periods)} periods",
                    "a scenario in which something happens",
                    "Give it shocks, or name another one.",
                )
            )
    if problems:
        raise InputError(problems)
    return {name: known[name] for name in dict.fromkeys(names)}


def _with_ready(
    model: Model,
    found: Sequence[Contingency],
    engine: Engine,
    most: int | None,
    told: list[str],
) -> list[tuple[Contingency, Ready | None]]:
    """Each contingency with what to hold ready; what is left out, and why, goes to ``told``."""
    from scfcap.funding.readiness import PROBABILITY, held_ready

    stated = model.spec.plan.uncertainty
    weights = {} if stated is None else stated.weights
    early = [x for x in found if x.known > 1]
    dearest = sorted(early, key=lambda x: -x.cost)[: len(early) if most is None else most]
    both: list[tuple[Contingency, Ready | None]] = []
    for x in found:
        name = x.shock.name
        if x.known == 1:
            told.append(f"{name} is there in the first period: nothing can be held ready for it.")
        if x not in dearest:
            both.append((x, None))
            continue
        weight = weights.get(name, 0.0)
        try:
            both.append((x, held_ready(x, engine, weight if 0.0 < weight < 1.0 else PROBABILITY)))
        except InfeasibleError as error:
            both.append((x, None))
            told.append(f"No plan is ready for {name}: {error}")
    left = [x.shock.name for x in early if x not in dearest]
    if left:
        told.append(
            f"What to hold ready is worked out for the {len(dearest)} dearest shocks; of "
            f"{', '.join(left)} scfcap plan MODEL --contingency tells it."
        )
    assumed = [x.shock.name for x in dearest if not 0.0 < weights.get(x.shock.name, 0.0) < 1.0]
    if assumed:
        told.append(
            f"The model states no probability of {', '.join(assumed)}: {PROBABILITY:.0%} is taken."
        )
    return both
