"""What to do if a shock comes, for a terminal and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import grid
from scfcap.cli.terminal import Terminal

if TYPE_CHECKING:
    from scfcap.api.contingency import Contingencies
    from scfcap.report.plan import PlanReport

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


def _day(value: Any) -> str:
    """A day in ISO form; nothing where there is none."""
    text = str(value)[:10]
    return "" if text == "NaT" else text
