"""What to do if a shock comes, for a terminal and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import grid
from scfcap.cli.terminal import Terminal

if TYPE_CHECKING:
    from scfcap.api.contingency import Contingencies
    from scfcap.report.book import Look
    from scfcap.report.plan import PlanReport

#: What is held ready beyond the plan below this is left out [currency], and as a share of it.
LEAST, SMALL = 0.5, 0.01
#: Actions of a shock that are shown.
ACTIONS = 10


def told_contingencies(found: Contingencies) -> dict[str, Any]:
    """All tables as rows by name, and what no table says."""
    from scfcap.report.files import plain_rows

    frames = {
        name.removeprefix("contingency_").replace("contingency", "shocks"): plain_rows(frame)
        for name, frame in found.frames.items()
    }
    return {**frames, "told": list(found.told)}


def show_contingencies(terminal: Terminal, found: Contingencies, report: PlanReport) -> None:
    """Each shock in words, and the first of what to do otherwise than planned."""
    if not found.frames:
        terminal.say("", "No scenario of the model has shocks.")
        return
    from scfcap.report.book import Look

    plan = report.model.spec.plan
    look = Look(report.currency, plan.money_unit, plan.frequency)
    shocks, actions = found.frames["contingency"], found.frames["contingency_actions"]
    for shock in shocks.itertuples():
        terminal.say("", str(shock.sentence))
        mine = actions[actions["scenario"] == shock.scenario]
        if mine.empty:
            terminal.say(*_before(found, shock, look))
            continue
        more = f" (first {ACTIONS} of {len(mine)})" if len(mine) > ACTIONS else ""
        rows = [
            (
                f"{x.step}. {x.action}",
                str(x.item),
                str(x.detail),
                _day(x.first_date),
                _day(x.deadline),
                look.say(float(x.first_amount)),  # type: ignore[arg-type]
                look.say(float(x.amount)),  # type: ignore[arg-type]
            )
            for x in mine.head(ACTIONS).itertuples()
        ]
        heads = ("step", "with, in", "of it", "first on", "notice by", "then", "in all")
        title = f"{shock.scenario}: what to do{more}"
        terminal.say(grid(title, heads, rows, ("then", "in all")))
        terminal.say(*_before(found, shock, look))


def _before(found: Contingencies, shock: Any, look: Look) -> list[str]:
    """What to hold ready before the shock is seen, and what would have announced it."""
    import numpy as np

    said = []
    if shock.probability == shock.probability:
        ready = found.frames["contingency_ready"]
        least = np.maximum(LEAST, SMALL * ready["planned"].abs())
        mine = ready[(ready["scenario"] == shock.scenario) & (ready["more"].abs() > least)]
        chance = f"at a probability of {shock.probability:.0%}"
        held = "; ".join(
            f"{x.what} {look.say(float(x.ready))} instead of {look.say(float(x.planned))}"
            for x in mine.itertuples()
        )
        ready_as_it_is = f"nothing, the plan is ready as it is ({chance})"
        by = "" if mine.empty else f" by {_day(mine['by'].iloc[0])}"
        said.append(f"Hold ready{by}: {f'{held} ({chance})' if held else ready_as_it_is}.")
    signs = found.frames["contingency_signs"]
    for x in signs[signs["scenario"] == shock.scenario].itertuples():
        name = "" if x.indicator == "none" else f"{str(x.indicator).replace('_', ' ')}"
        of = f" of {x.entity}" if name and x.entity else ""
        light = f" ({x.light})" if x.light else ""
        said.append(f"{f'Watch {name}{of}{light}' if name else 'No sign'}: {x.why}")
    return said


def _day(value: Any) -> str:
    """A day in ISO form; nothing where there is none."""
    text = str(value)[:10]
    return "" if text == "NaT" else text
