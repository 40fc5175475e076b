"""Shocks that begin on a day, told by the periods in which a model counts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from scfcap.errors import InputError, Problem
from scfcap.periods import Frequency, PeriodGrid, add_months, moved
from scfcap.schema.scenario import Scenario, Shock


def by_period(name: str, scenario: Scenario, as_of: date, unit: Frequency) -> Scenario:
    """``scenario`` with the days of its shocks told as periods of ``unit`` after ``as_of``.

    A shock that begins, or ends, by ``as_of`` is left out.

    Raises:
        InputError: a shock that ends before it begins.
    """
    if not any(_days(shock) for shock in scenario.shocks):
        return scenario
    told = [_told(name, shock, as_of, scenario.day_zero, unit) for shock in scenario.shocks]
    return scenario.model_copy(update={"shocks": tuple(x for x in told if x is not None)})


def day_after(day: date | str, as_of: date, zero: date | None = None) -> date:
    """The day meant by ``day``, of the year or of a history whose day ``zero`` is ``as_of``.

    A day of the year is the first after ``as_of``; 29 February is the 28th in other years. A day
    of a history lies whole months, and then days, from ``as_of`` as it does from ``zero``.
    """
    if isinstance(day, str):
        month, number = (int(part) for part in day.split("-"))
        found = add_months(date(as_of.year, 1, number), month - 1)
        return found if found > as_of else add_months(date(as_of.year + 1, 1, number), month - 1)
    if zero is None:
        return day
    months = 12 * (day.year - zero.year) + day.month - zero.month
    while moved(zero, months, "month") > day:
        months -= 1
    rest = day - moved(zero, months, "month")
    return moved(as_of, months, "month") + rest


def _days(shock: Shock) -> list[date | str]:
    """Days that a shock names."""
    found = (getattr(shock, name, None) for name in ("on", "until"))
    return [day for day in found if day is not None]


def _told(name: str, shock: Shock, as_of: date, zero: date | None, unit: Frequency) -> Shock | None:
    """The shock by period; None where it begins or ends by ``as_of``."""
    update: dict[str, Any] = {}
    on, until = getattr(shock, "on", None), getattr(shock, "until", None)
    begin = "period" if hasattr(shock, "period") else "from_period"
    first = as_of + timedelta(days=1)
    if on is not None:
        first = day_after(on, as_of, zero)
        update |= {"on": None, begin: _period(first, as_of, unit)}
    if until is not None:
        if isinstance(until, str):  # the first such day from the beginning on: 10-01 to 02-28
            last = day_after(until, max(first - timedelta(days=1), as_of))
        else:
            last = day_after(until, as_of, zero)
        if first <= as_of or last <= as_of:
            return None
        update |= {"until": None, "to_period": _period(last, as_of, unit)}
    if first <= as_of:
        return None
    found = shock.model_copy(update=update)
    from_period, to_period = getattr(found, begin, 1), getattr(found, "to_period", None)
    if to_period is not None and to_period < from_period:
        raise InputError(
            Problem(
                f"model.toml: scenarios.{name}.shocks",
                f'a shock of kind "{shock.kind}" from period {from_period} to {to_period}',
                "an end that is not before the beginning",
                "Correct on and until, or the periods.",
            )
        )
    return found


def _period(day: date, as_of: date, unit: Frequency) -> int:
    """Period of ``unit``, from 1, that holds ``day``; at most one where it is ``as_of``."""
    days = (day - as_of).days
    return max(PeriodGrid.build(as_of, 0, unit).reaching(max(days, 0)).index(day), 1)
