"""What happened to a deal in one scenario: triggers, phases, calls, losses; and what a class lacks.

So that a reader sees why a class fails, and why a larger one may pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from scfcap.deal.figures import unpaid_principal
from scfcap.deal.outcome import DealRun
from scfcap.quantities import ENGINE_TOLERANCE, HALF_CENT


@dataclass(frozen=True)
class Lack:
    """What a class lacks: ``short`` [currency] of its ``what`` on ``on``.

    Of interest, the first date on which some is late and how much; of principal, what is left, or
    written off, at the legal end. ``unpaid`` [currency] is that too, where interest is late before.
    """

    tranche: str
    what: Literal["interest", "principal"]
    short: float
    on: date
    unpaid: float

    def words(self, currency: str = "") -> str:
        """As a reader has it: ``principal of A is 1,234.00 CNY short on 2020-01-31``."""
        money = f"{self.short:,.2f} {currency}".strip()
        said = f"{self.what} of {self.tranche} is {money} short on {self.on}"
        if self.what == "interest" and self.unpaid > HALF_CENT:
            said += f", and {self.unpaid:,.2f} of principal is never repaid"
        return said


@dataclass(frozen=True)
class Story:
    """A deal in one scenario: when each trigger first tripped, and each phase and call came.

    ``defaults`` and ``losses`` (defaults less recoveries) to the legal end, as shares of the pool
    at closing; ``fees_short`` [currency], the most that fees were ever owed and not paid.
    """

    tripped: Mapping[str, date]
    phases: Mapping[str, date]
    called: date | None
    defaults: float
    losses: float
    fees_short: float

    def words(self) -> list[str]:
        """What happened, a phrase each, in order of time; then the losses."""
        events = [(day, f"trigger {name} trips on {day}") for name, day in self.tripped.items()]
        events += [(day, f"phase {name} from {day}") for name, day in self.phases.items()]
        if self.called is not None:
            events.append((self.called, f"called on {self.called}"))
        said = [text for _, text in sorted(events)]
        said.append(f"{self.defaults:.2%} of the pool defaults, {self.losses:.2%} is lost")
        if self.fees_short > 0.0:
            said.append(f"fees are short of up to {self.fees_short:,.2f}")
        return said

    def unlike(self, other: Story) -> list[str]:
        """In what ``other`` differs: triggers, phases and calls that come there on other days."""
        said = []
        for what, mine, theirs in (
            ("trigger", self.tripped, other.tripped),
            ("phase", self.phases, other.phases),
            ("the", _called(self), _called(other)),
        ):
            for name in dict.fromkeys([*theirs, *mine]):
                one, two = mine.get(name), theirs.get(name)
                if one != two:
                    said.append(
                        f"{what} {name} comes {_day(two)} there, {_day(one)} where it fails"
                    )
        return said


def _called(story: Story) -> dict[str, date]:
    return {} if story.called is None else {"call": story.called}


def _day(day: date | None) -> str:
    return "never" if day is None else f"on {day}"


def story_of(run: DealRun, row: int) -> Story:
    """What happened in row ``row`` of ``run``, up to the legal end."""
    end, dates, spec = run.legal_end, run.deal.calendar.dates, run.deal.spec
    tripped = {}
    for x, name in enumerate(spec.triggers):
        on = np.flatnonzero(run.tripped[:end, x, row])
        if len(on):
            tripped[name] = dates[int(on[0])]
    phase = run.phase[:end, row]
    changes = np.flatnonzero(np.diff(phase, prepend=0))
    called = int(run.called[row])
    pool = pool_at_closing(run, row)
    defaults = float(run.of("default")[row, :end].sum())
    recovered = float(run.of("recovery")[row, :end].sum())
    owed = float(run.fee_owed[:end, :, row].sum(axis=1).max(initial=0.0))
    size = max(float(run.original[:, row].sum()), 1.0)
    return Story(
        tripped=tripped,
        phases={spec.phases[phase[t]].name: dates[int(t)] for t in changes[::-1]},
        called=dates[called - 1] if 0 < called <= end else None,
        defaults=defaults / pool,
        losses=(defaults - recovered) / pool,
        fees_short=owed if owed > ENGINE_TOLERANCE * size else 0.0,
    )


def pool_at_closing(run: DealRun, row: int) -> float:
    """Pool at closing [currency], also of a deal that has closed before the run."""
    opening = run.deal.spec.opening
    if opening is not None:
        return opening.pool_at_closing
    return float(run.pool_start[row])


def lack_of(run: DealRun, tranche: str, row: int) -> Lack | None:
    """What a class lacks in row ``row``: late interest first; None where it has all in time."""
    j = run.deal.tranches.index(tranche)
    dates, end = run.deal.calendar.dates, run.legal_end
    left = float(unpaid_principal(run)[row, j])
    if not run.timely_interest[row, j]:
        owed = run.of("owed", tranche)[row, :end]
        t = int(np.argmax(owed > ENGINE_TOLERANCE * max(float(run.original[j, row]), 1.0)))
        return Lack(tranche, "interest", float(owed[t]), dates[t], left)
    if run.paid_in_full[row, j]:
        return None
    return Lack(tranche, "principal", left, dates[end - 1], left)
