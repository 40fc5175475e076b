"""Holidays that are not published yet are told where loans are paid by them."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np

from scfcap.calendars import BusinessCalendar
from scfcap.pool.closed_days import unpublished_days

AS_OF = date(2020, 12, 31)


def _pool(maturity: list[date], calendar: list[int], names: tuple[tuple[str, str], ...]):
    days = np.array([(day - AS_OF).days for day in maturity])
    rows = SimpleNamespace(calendars=names, calendar=np.array(calendar))
    return SimpleNamespace(as_of=AS_OF, terms=rows, maturity_day=days)


def test_only_loans_past_the_published_years_are_counted() -> None:
    known = BusinessCalendar.load("CN", 2020, 2020).certain_to
    assert known is not None
    last, next_day = date(known, 12, 31), date(known + 1, 1, 1)
    names = (("TARGET", "following"), ("CN", "following"), ("CN", "preceding"))
    found = unpublished_days(_pool([last, next_day, next_day, next_day], [1, 1, 2, 0], names))
    assert len(found) == 1
    assert found[0].startswith(
        f"Calendar CN: 2 of 3 loans that follow it are paid after {known}, the last year"
    )
    assert unpublished_days(_pool([last, next_day], [1, -1], names)) == ()
    assert unpublished_days(SimpleNamespace(terms=None)) == ()
