"""What is not yet known of the days on which the pool's loans are paid."""

from __future__ import annotations

import numpy as np

from scfcap.calendars import BusinessCalendar
from scfcap.pool.snapshot import Pool


def unpublished_days(pool: Pool) -> tuple[str, ...]:
    """A sentence for each calendar whose notices end before the last of the loans that use it."""
    terms = pool.terms
    if terms is None:
        return ()
    said = []
    for name in dict.fromkeys(name for name, _ in terms.calendars):
        rows = [n for n, (other, _) in enumerate(terms.calendars) if other == name]
        known = BusinessCalendar.load(name, pool.as_of.year, pool.as_of.year).certain_to
        if known is None:
            continue
        end = np.datetime64(f"{known}-12-31", "D") - np.datetime64(pool.as_of, "D")
        using = np.isin(terms.calendar, rows)
        late = using & (pool.maturity_day > int(end.astype(np.int64)))
        if late.any():
            said.append(
                f"Calendar {name}: {int(late.sum()):,} of {int(using.sum()):,} loans that follow "
                f"it are paid after {known}, the last year whose holidays are published; later "
                "holidays are calculated, without the weekends that will be worked."
            )
    return tuple(said)
