"""The seeded funding date over many days: its loans pay by contract, early or not at all.

For benchmarks and tests of daily runs. Loans pay in level instalments every 30 days; each may be
repaid in full or default on any day, with the same intensity for all. New loans come evenly and
are as the sample draws them. Limits in money keep their share of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from scfcap.funding.allocation.daily import Morning
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Attribute, Choice
from scfcap.funding.allocation.sample import CHANNELS, MOVE_COST, SampleKind, sample
from scfcap.quantities import FloatArray, IntArray

#: Repaid in full and defaulted, of what stands [1/year].
PREPAID, DEFAULTED = 0.25, 0.03
#: Days from one instalment to the next.
INSTALMENT = 30
#: New loans on a date, share of those at the start.
NEW = 0.012
START = date(2013, 12, 31)


@dataclass(frozen=True)
class SampleDays:
    """A course (see ``daily.Course``) of ``all`` loans that ever stand.

    ``days`` (dates + 1,): day number of each date, and of the one after the last. ``comes`` and
    ``goes`` (all loans,): day on which a loan arrives, and on which it is repaid or defaults
    outright. ``worth`` (all loans, channels) [1/year]: value per unit of balance and year.
    """

    every: AllocationProgram
    days: IntArray
    comes: IntArray
    goes: IntArray
    worth: FloatArray
    held: Choice

    @property
    def dates(self) -> list[date]:
        """The funding dates."""
        first = np.datetime64(START, "D")
        return [(first + np.timedelta64(int(day), "D")).astype(object) for day in self.days[:-1]]

    def morning(self, day: int, held: Choice) -> Morning:
        """The date number ``day``."""
        now, until = int(self.days[day]), int(self.days[day + 1])
        balance, remaining = self.stands(now)
        loan = np.flatnonzero(balance > 0.0)
        balance, years = balance[loan], remaining[loan] / 365.0
        today = held[loan]
        stands = today >= 0
        eligible = self.every.eligible[loan]
        eligible[np.flatnonzero(stands), today[stands]] = True
        earned = np.minimum(until - now, remaining[loan]) / 365.0
        moves = stands[:, None] & (today[:, None] != np.arange(len(CHANNELS)))
        moving = MOVE_COST * balance[:, None] * moves
        scale = float(balance.sum()) / float(self.every.balance.sum())
        codes = {n: a.codes[loan] for n, a in self.every.attributes.items()}
        codes["today"] = today.astype(np.int32)
        program = AllocationProgram(
            loan_id=self.every.loan_id[loan],
            balance=balance,
            channels=CHANNELS,
            value=(balance * years)[:, None] * self.worth[loan] - moving,
            eligible=eligible,
            must=stands,
            today=today,
            attributes={n: Attribute(codes[n], a.labels) for n, a in self.every.attributes.items()},
            numbers={
                "score": self.every.numbers["score"][loan],
                "rate": self.every.numbers["rate"][loan],
                "term_days": years * 365.0,
            },
            rows=tuple(replace(r, right=round(r.right * scale, 2)) for r in self.every.rows),
        )
        return Morning(program, loan, (balance * earned)[:, None] * self.worth[loan], moving)

    def stands(self, now: int) -> tuple[FloatArray, FloatArray]:
        """Balance [currency] and days to run of every loan on a day; 0 where it does not stand.

        The balance after k of n level instalments at rate j each is
        ``B ((1 + j)^n - (1 + j)^k) / ((1 + j)^n - 1)``.
        """
        age = np.maximum(now - self.comes, 0)
        term = np.rint(self.every.numbers["term_days"])
        number = np.ceil(term / INSTALMENT)
        paid = np.minimum(age // INSTALMENT, number)
        growth = 1.0 + self.every.numbers["rate"] * INSTALMENT / 365.0
        whole = growth**number
        balance = self.every.balance * (whole - growth**paid) / (whole - 1.0)
        there = (self.comes <= now) & (now < self.goes) & (age < term)
        return np.where(there, balance.round(2), 0.0), np.where(there, term - age, 0.0)


def sample_days(kind: SampleKind, loans: int, dates: int, seed: int = 20131231) -> SampleDays:
    """A course over ``dates`` business days that begins with ``loans`` loans.

    The same for the same seed, at any time.
    """
    first = np.datetime64(START, "D")
    on = np.busday_offset(first, np.arange(dates + 1), roll="forward")
    days = (on - first).astype(np.int64)
    fresh = round(NEW * loans * max(dates - 1, 0))
    every = sample(kind, loans + fresh, seed)
    random = np.random.Generator(np.random.Philox(seed))
    number = np.arange(loans + fresh)
    late = number >= loans
    comes = np.zeros(len(number), dtype=np.int64)
    if fresh:
        comes[late] = days[1 + (np.arange(fresh) * (dates - 1)) // fresh]
    lasts = random.exponential(365.0 / (PREPAID + DEFAULTED), len(number))
    goes = comes + np.ceil(lasts).astype(np.int64)
    stood = every.today >= 0
    moves = stood[:, None] & (every.today[:, None] != np.arange(len(CHANNELS)))
    gross = every.value + MOVE_COST * every.balance[:, None] * moves
    yearly = gross / (every.balance * every.numbers["term_days"] / 365.0)[:, None]
    held: Choice = np.where(late, UNPLACED, every.today).astype(np.int16)
    return SampleDays(every, days, comes, goes, yearly, held)
