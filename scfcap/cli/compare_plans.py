"""Plans side by side for ``scfcap compare``: which are compared, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.terminal import Terminal

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.api.model import Model
    from scfcap.report.compare import Comparison
    from scfcap.report.compare_plans import PlanComparison

#: Rows of each table that are shown; ``--out`` writes them all.
SHOWN = 12
_SIDES = ("a", "b", "change")


@dataclass(frozen=True)
class Beside:
    """What the command was asked to set side by side: two run folders or models, by name.

    ``plans``: whether plans are compared; None where both are folders that hold one.
    """

    given: tuple[str | Path, str | Path]
    overrides: tuple[Sequence[str], Sequence[str]]
    scenarios: tuple[str | None, str | None]
    tapes: tuple[Path | None, Path | None]
    plans: bool | None

    @cached_property
    def _planned(self) -> bool:
        from scfcap.api.compare_plans import holds_plan

        return all(map(holds_plan, self.given)) if self.plans is None else self.plans

    @cached_property
    def _sides(self) -> tuple[str | Path | Model, str | Path | Model]:
        """Models that both comparisons share are loaded once."""
        from scfcap.api.compare_plans import opened

        if not self._planned:
            return self.given
        a, b = (
            opened(*each)
            for each in zip(self.given, self.overrides, self.scenarios, self.tapes, strict=True)
        )
        return a, b

    def flows(self) -> Comparison | None:
        """The projections; None where plans are compared and a folder does not hold its inputs."""
        from scfcap.api.compare import compare, holds_inputs

        if self._planned and not all(map(holds_inputs, self._sides)):
            return None
        own = [isinstance(side, str | Path) for side in self._sides]
        said = [each if mine else () for each, mine in zip(self.overrides, own, strict=True)]
        tapes = [each if mine else None for each, mine in zip(self.tapes, own, strict=True)]
        return compare(
            *self._sides,
            overrides=(said[0], said[1]),
            scenarios=self.scenarios,
            tapes=(tapes[0], tapes[1]),
        )

    def planned(self, terminal: Terminal) -> PlanComparison | None:
        """The plans, where they are compared."""
        if not self._planned:
            return None
        from scfcap.api.compare_plans import compare_plans

        terminal.progress("plans")
        return compare_plans(*self._sides, scenarios=self.scenarios)


def show_plans(terminal: Terminal, found: PlanComparison) -> None:
    """What changed from one plan to the other, and why."""
    terminal.say(
        f"Plan a: {_about(found.a.name, found.a.about)}",
        f"Plan b: {_about(found.b.name, found.b.about)}",
        found.sentence(),
        "",
    )
    if found.steps is not None:
        terminal.say(_drivers(found), "")
    for title, frame, names in (
        ("What is decided otherwise, over the plan", found.totals, ["channel", "action", "item"]),
        ("What changes in the next month", found.next, ["channel", "action", "item"]),
        ("Totals", found.figures[found.figures["change"] != 0.0], ["figure"]),
    ):
        if len(frame):
            terminal.say(_amounts(title, frame, names), "")
    if len(found.limits):
        terminal.say(_limits(found.limits), "")
    if len(found.prices):
        terminal.say(_prices(found), "")
    if not len(found.totals) and not len(found.limits):
        terminal.say("No decision differs.", "")
    terminal.say(*(f"CAUTION: {text}" for text in found.cautions))


def _about(name: str, about: Any) -> str:
    facts = [f"scenario {about['scenario']}", f"as of {about['as_of']}", about["span"]]
    if about.get("overrides"):
        facts.append(f"with {about['overrides']}")
    return f"{name}, {', '.join(facts)}"


def _drivers(found: PlanComparison) -> Any:
    rows = []
    last = len(found.drivers) - 1
    for n, row in enumerate(found.drivers.to_dict("records")):
        sign = "" if n in (0, last) else "+"
        amounts = [f"{row[name]:{sign},.0f}" for name in ("objective", "net_income")]
        rows.append([str(row["driver"]), *amounts, str(row["meaning"])])
    heads = ["driver", "objective", "net income", "what it is"]
    title = f"From plan a to plan b, by driver, {found.currency}"
    return grid(title, heads, rows, ["objective", "net income"])


def _amounts(title: str, frame: pd.DataFrame, names: list[str]) -> Any:
    rows = [
        [*(str(row[name]).replace("_", " ") for name in names),
         f"{row['a']:,.0f}", f"{row['b']:,.0f}", f"{row['change']:+,.0f}"]
        for row in frame.head(SHOWN).to_dict("records")
    ]  # fmt: skip
    return grid(_first(title, frame), [*names, *_SIDES], blank_repeats(rows), _SIDES)


def _limits(frame: pd.DataFrame) -> Any:
    rows = [
        [str(row["limit"]), str(row["periods_a"]), str(row["periods_b"]),
         _days(str(row["binds_now"])), _days(str(row["binds_no_longer"]))]
        for row in frame.head(SHOWN).to_dict("records")
    ]  # fmt: skip
    heads = ["limit", "a", "b", "binds now", "no longer"]
    return grid(_first("Limits, in how many periods they bind", frame), heads, rows, ["a", "b"])


def _days(text: str) -> str:
    days = text.split(", ")
    return text if len(days) <= 2 else f"{days[0]}, and {len(days) - 1} more"


def _prices(found: PlanComparison) -> Any:
    rows = [
        [str(row["what"]), *(_price(row[name]) for name in _SIDES)]
        for row in found.prices.head(SHOWN).to_dict("records")
    ]
    title = _first(f"What one more {found.currency} of each is worth", found.prices)
    return grid(title, ["of", *_SIDES], rows, _SIDES)


def _price(value: float) -> str:
    return "" if value != value else f"{value:.4f}"


def _first(title: str, frame: pd.DataFrame) -> str:
    return f"{title} (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else title
