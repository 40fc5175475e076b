"""What a history's loans were at risk of, month by month, and the rates by age that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from scfcap.credit.schedule import loan_types, scheduled_share
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.tape.history import DEFAULT, History, month_of

#: Ages on either side that a rate by age is averaged over [months].
WINDOW: Final = 3
#: Fewest loan-months in such a window; older ages take the last rates of those that have them.
LEAST: Final = 500
#: Ages over which the rate that older loans take is averaged [months].
TAIL: Final = 12
#: Fewest events from which a segment takes its own rates by age.
OWN: Final = 200
#: Events at which a segment's own level weighs as much as the portfolio's.
FULL: Final = 10.0


@dataclass(frozen=True)
class Observed:
    """Loan-months at risk: an opening balance, and not in default before; all arrays (N,).

    ``age`` counts months since the loan was made (since entry where that is not known). Amounts
    [currency]: ``opening``; ``defaulted`` in the month; ``scheduled``, what the contract asks of
    those that did not default (what came, from the last month on); ``prepaid``, what they repaid
    above it, below 0 where they missed payments; ``left``, their balance after the schedule, from
    which prepayment is taken.
    ``gone`` marks defaults, ``over`` loans repaid in full before their last month.
    """

    loan: IntArray
    month: IntArray
    segment: IntArray
    age: IntArray
    opening: FloatArray
    defaulted: FloatArray
    scheduled: FloatArray
    prepaid: FloatArray
    left: FloatArray
    gone: BoolArray
    over: BoolArray

    def where(self, chosen: npt.NDArray[np.bool_]) -> Observed:
        """The loan-months of a mask."""
        return Observed(**{name: values[chosen] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Rates:
    """Monthly rates by segment S and age A [S, A], as shares.

    ``default`` of the opening balance, ``prepaid`` of what is left after the schedule, in amounts;
    ``default_count`` and ``over_count`` in loans. Ages run on beyond those observed.
    """

    default: FloatArray
    prepaid: FloatArray
    default_count: FloatArray
    over_count: FloatArray


@dataclass(frozen=True)
class Case:
    """Where a forecast starts: the loans outstanding at the end of month ``start``.

    ``chosen`` are their rows of ``history.loans``; ``balance`` [currency], ``segment`` (code),
    ``age`` [months] and ``maturity`` (month; far away where unknown) are theirs. ``seen`` holds
    all loan-months of the history, ``periods`` of them after the start.
    """

    history: History
    seen: Observed
    start: int
    periods: int
    chosen: IntArray
    balance: FloatArray
    segment: IntArray
    age: IntArray
    maturity: IntArray

    @property
    def fitted_on(self) -> Observed:
        """Loan-months up to the start."""
        return self.seen.where(self.seen.month <= self.start)


def ages(history: History, loan: IntArray, month: IntArray) -> IntArray:
    """Months since each loan was made, or came under observation where that is not known."""
    made = history.loans["origination_date"].to_numpy()
    entry = history.loans["entry_date"].to_numpy()
    start = month_of(np.where(np.isnat(made), entry, made))
    since: IntArray = np.maximum(month - start[loan], 0)
    return since


def observe(history: History) -> Observed:
    """All loan-months at risk of a history."""
    panel, loans = history.panel, history.loans
    loan = panel["loan"].to_numpy().astype(np.int64)
    month = panel["month"].to_numpy().astype(np.int64)
    opening, closing = panel["opening"].to_numpy(), panel["closing"].to_numpy()
    bad = panel["state"].to_numpy() == DEFAULT
    before = np.r_[False, bad[:-1] & (loan[1:] == loan[:-1])][: len(bad)]
    risk = (opening > HALF_CENT) & ~before
    due = loans["maturity_date"].to_numpy()
    # Without a maturity nothing is scheduled: all that is repaid counts as prepaid.
    last = np.where(np.isnat(due), 10**5, month_of(due))[loan]
    rate = np.nan_to_num(loans["rate"].to_numpy(dtype=np.float64))[loan]
    share = scheduled_share(loan_types(history)[loan], rate, month, last)
    alive = np.where(bad, 0.0, opening)
    scheduled = alive * share
    principal = panel["principal"].to_numpy()
    # From the last month on everything is due: what comes then is no prepayment.
    final = month >= last
    scheduled = np.where(final & ~bad, principal, scheduled)
    lost = np.where(bad, np.minimum(panel["charged_off"].to_numpy() + closing, opening), 0.0)
    everything = Observed(
        loan=loan,
        month=month,
        segment=loans["segment"].cat.codes.to_numpy().astype(np.int64)[loan],
        age=ages(history, loan, month),
        opening=opening,
        defaulted=lost,
        scheduled=scheduled,
        prepaid=np.where(bad, 0.0, principal - scheduled),
        left=np.where(final, 0.0, alive - scheduled),
        gone=bad,
        over=~bad & (closing <= HALF_CENT) & (month < last),
    )
    return everything.where(risk)


def rates_by_age(seen: Observed, segments: int, most: int) -> Rates:
    """Rates of each segment at ages 0 to ``most``: its own, or the portfolio's at its own level.

    A rate at an age is a ratio of sums over the ages within :data:`WINDOW`; ages with fewer than
    :data:`LEAST` loan-months there take the mean of the last :data:`TAIL` ages that have them. A
    segment with fewer than :data:`OWN` events takes the portfolio's rates by age times its level:
    what it had over what it would have had at those rates, weighted Z = n / (n + :data:`FULL`)
    against 1, n its number of events. Loans of different short terms share an age, and so these
    rates suit loans that run for many months.
    """
    one = np.ones(len(seen.age))

    def curve(hit: FloatArray, base: FloatArray, events: BoolArray) -> FloatArray:
        shape = _by_age(seen.age, hit, base, most)
        expected = np.bincount(seen.segment, base * shape[seen.age], minlength=segments)
        had = np.bincount(seen.segment, hit, minlength=segments)
        n = np.bincount(seen.segment, events, minlength=segments)
        level = np.divide(had, expected, out=np.ones(segments), where=expected > 0)
        weight = n / (n + FULL)
        rates = (weight * level + 1.0 - weight)[:, None] * shape[None, : most + 1]
        for segment in np.flatnonzero(n >= OWN):
            mine = seen.segment == segment
            rates[segment] = _by_age(seen.age[mine], hit[mine], base[mine], most)[: most + 1]
        return _shares(rates)

    gone, over = seen.gone.astype(np.float64), seen.over.astype(np.float64)
    return Rates(
        default=curve(seen.defaulted, seen.opening, seen.gone),
        prepaid=curve(seen.prepaid, seen.left, seen.over),
        default_count=curve(gone, one, seen.gone),
        over_count=curve(over, one - gone, seen.over),
    )


def _by_age(age: IntArray, hit: FloatArray, base: FloatArray, most: int) -> FloatArray:
    """``hit`` over ``base`` by age, smoothed and run on to ``most`` at least."""
    size = max(most, int(age.max(initial=0)), 2 * WINDOW) + 1
    sums = [np.bincount(age, v, minlength=size) for v in (hit, base, np.ones(len(age)))]
    wide = [np.convolve(v, np.ones(2 * WINDOW + 1), mode="same") for v in sums]
    good = np.flatnonzero(wide[2] >= LEAST)
    if not len(good):
        good = np.flatnonzero(sums[2] > 0)
    shape = np.zeros(size)
    np.divide(wide[0], wide[1], out=shape, where=wide[1] > 0)
    if len(good):
        tail = good[-TAIL:]
        shape[good[-1] + 1 :] = sums[0][tail].sum() / max(sums[1][tail].sum(), 1e-12)
        shape[: good[0]] = shape[good[0]]
    return shape


def rates_held(seen: Observed, segments: int, most: int, months: int) -> Rates:
    """The naive forecast: each segment's rates of the last ``months`` months, at all ages."""
    recent = seen.where(seen.month > seen.month.max(initial=0) - months)

    def flat(hit: FloatArray, base: FloatArray) -> FloatArray:
        had = np.bincount(recent.segment, hit, minlength=segments)
        size = np.bincount(recent.segment, base, minlength=segments)
        level = np.divide(had, size, out=np.zeros(segments), where=size > 0)
        return _shares(np.repeat(level[:, None], most + 1, axis=1))

    one, gone = np.ones(len(recent.age)), recent.gone.astype(np.float64)
    return Rates(
        default=flat(recent.defaulted, recent.opening),
        prepaid=flat(recent.prepaid, recent.left),
        default_count=flat(gone, one),
        over_count=flat(recent.over.astype(np.float64), one - gone),
    )


def _shares(rates: FloatArray) -> FloatArray:
    return np.asarray(np.clip(rates, 0.0, 1.0))
