"""What a comparison says in words: the change of each measure, by driver, and of limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from scfcap.funding.objective import WORDS
from scfcap.report.sheets.common import title_case

if TYPE_CHECKING:
    from scfcap.report.compare import Comparison
    from scfcap.report.compare_plans import PlanComparison
    from scfcap.report.sheets.compare import Work

#: Drivers that a sentence names.
_NAMED = 4
#: Amounts below it are no change [currency].
_LEAST = 0.5


def headlines(work: Work, flows: Comparison | None, plans: PlanComparison | None) -> list[str]:
    """The comparison in sentences, the plan first."""
    said: list[str] = []
    if plans is not None:
        said += _planned(work, plans)
    if flows is not None:
        for measure in ("collections", "loss"):
            said += _measured(work, flows, measure)
    return said


def _planned(work: Work, plans: PlanComparison) -> list[str]:
    said = []
    names = {"objective": objective_title(plans), "net_income": "Net income"}
    if names["objective"] == names["net_income"]:
        names.pop("objective")
    frame = plans.drivers
    for column, title in names.items():
        ends = float(frame[column].iloc[0]), float(frame[column].iloc[-1])
        rows = frame.iloc[1:-1]
        effects = zip(rows["driver"], rows[column], strict=True)
        said += _change(work, title, ends, ((str(x), float(y)) for x, y in effects))
    new = sum(1 for text in plans.limits["binds_now"] if text)
    gone = sum(1 for text in plans.limits["binds_no_longer"] if text)
    if new or gone:
        said.append(
            f"Limits that bind at a date at which they did not: {new}; "
            f"limits that bind no longer at a date at which they did: {gone}."
        )
    else:
        said.append("The same limits bind at the same dates.")
    return said


def objective_title(plans: PlanComparison) -> str:
    """What the plans seek, as a title."""
    return title_case(WORDS[plans.a.about["objective"]].title)


def _measured(work: Work, flows: Comparison, measure: str) -> list[str]:
    frame = flows.drivers
    row = frame[(frame["segment"] == "all") & (frame["measure"] == measure)].iloc[0]
    effects = [
        (str(name), float(row[name]))
        for name in frame.columns
        if name not in ("measure", "segment", "a", "b", "change")
    ]
    return _change(work, title_case(measure), (float(row["a"]), float(row["b"])), effects)


def _change(
    work: Work, title: str, ends: tuple[float, float], effects: Iterable[tuple[str, float]]
) -> list[str]:
    # A unit that every language's amounts are read in.
    size = max(map(abs, ends))
    unit = next((x for x in (1e9, 1e6, 1e3) if size >= x), 1.0)
    say = replace(work.kit.look, unit=unit).say
    change = ends[1] - ends[0]
    if abs(change) < _LEAST:
        return [f"{title}: {say(ends[0])} in both."]
    share = f" ({change / abs(ends[0]):+.1%})" if ends[0] else ""
    told = f"{_signed(say(change), change)}{share}"
    said = [f"{title}: {say(ends[0])} in a, {say(ends[1])} in b; change {told}."]
    order = sorted((each for each in effects if abs(each[1]) >= _LEAST), key=lambda x: -abs(x[1]))
    if order:
        parts = "; ".join(
            f"{title_case(name)}: {_signed(say(value), value)}" for name, value in order[:_NAMED]
        )
        more = len(order) - _NAMED
        said.append(f"By driver: {parts}{f'; and {more} more' if more > 0 else ''}.")
    return said


def _signed(text: str, amount: float) -> str:
    """An amount in words with its sign: ``CNY +1.2 m``."""
    return text.replace(" ", " +", 1) if amount > 0.0 else text
