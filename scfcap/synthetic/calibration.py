"""How near a simulated platform comes to the published figures that it is made after.

The figures are those of Ali Small Loan and of the demonstration platform built on them; sources
and confidence: ``models/shops-2013/sources.md``. Core failures and what they infect are left out
of the probabilities of default: no published figure covers them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from scfcap.quantities import BoolArray, FloatArray
from scfcap.synthetic.fates import LOAN_PD, OWN_FAULT
from scfcap.synthetic.lives import Lives
from scfcap.synthetic.platform import DEFAULT_DAYS, PRODUCTS, SEASON
from scfcap.synthetic.shops import CORES, LARGE_CORE_SHARE, LARGE_CORES

#: Days after a default by which nearly all that is recovered has come in.
SETTLED = 365
#: Published mean life of a loan, weighted by amount: 12 bn outstanding of 100 bn a year [days].
TURNOVER = 44.0
#: Mean lives by product, weighted by amount [days].
LIVES = (15.0, 60.0, 150.0)
#: Share of a default that is lost.
SEVERITY = 0.75
#: Amount lent to those who default, of all lent, over the mean life [1/year]: what a book that
#: does not grow would lose a year, of its size, if no loan were repaid in instalments.
DEFAULT_FLOW = 0.038


class Target(NamedTuple):
    """A published figure, the range that counts as reached, and what the simulation gives."""

    measure: str
    product: str
    target: float
    low: float
    high: float
    achieved: float
    unit: str


def calibration(lives: Lives) -> pd.DataFrame:
    """Target and achieved, one row a figure, with ``within`` (low <= achieved <= high).

    Figures of the book are means over its month ends after the first year; those of loans, over all
    that were due :data:`~scfcap.synthetic.platform.DEFAULT_DAYS` before ``as_of``. An achieved
    figure is NaN where there is nothing to measure.
    """
    rows = [*_by_product(lives), *_book(lives), *_season(lives), _top_cores(lives), _loss(lives)]
    borrowers = len(np.unique(lives.books.loans.shop))
    each = len(lives) / borrowers
    wanted = lives.spec.loans_per_shop
    rows.append(_row("loans of a shop", "", wanted, (0.8, 1.35), each, "loans"))
    frame = pd.DataFrame(rows, columns=list(Target._fields))
    return frame.assign(within=frame["achieved"].between(frame["low"], frame["high"]))


def _row(
    measure: str, product: str, target: float, spread: tuple[float, float], achieved: float,
    unit: str,
) -> Target:  # fmt: skip
    low, high = target * spread[0], target * spread[1]
    return Target(measure, product, target, low, high, achieved, unit)


def _mean(amount: FloatArray, chosen: BoolArray) -> float:
    return float(amount[chosen].mean()) if chosen.any() else np.nan


def _by_product(lives: Lives) -> list[Target]:
    loans, fates = lives.books.loans, lives.books.fates
    grown = loans.due + DEFAULT_DAYS <= lives.calendar.days
    failed = (fates.cause == OWN_FAULT).astype(np.float64)
    life = _lived(lives)
    rows = []
    for code, product in enumerate(PRODUCTS):
        here = loans.product == code
        share = loans.amount[here].sum() / loans.amount.sum()
        seen = here & grown
        weight = loans.amount[seen]
        mean_life = float((life[seen] * weight).sum() / weight.sum()) if seen.any() else np.nan
        name = product.name
        rows += [
            _row("mean amount", name, product.size, (0.95, 1.05), _mean(loans.amount, here), "CNY"),
            _row("share of lending", name, product.flow, (0.9, 1.1), share, "share"),
            _row("mean life", name, LIVES[code], (0.85, 1.15), mean_life, "days"),
            _default(name, LOAN_PD[code], failed[seen]),
        ]
    return rows


def _default(product: str, level: float, failed: FloatArray) -> Target:
    """Within 15% and two standard errors of a count of this size."""
    noise = 2.0 / np.sqrt(max(len(failed) * level, 1.0))
    achieved = float(failed.mean()) if len(failed) else np.nan
    spread = (max(0.0, 0.85 - noise), 1.15 + noise)
    return _row("default, 90 days", product, level, spread, achieved, "share")


def _lived(lives: Lives) -> FloatArray:
    """Mean days that a unit of each loan's principal is outstanding, up to its charge-off."""
    loans, _, payments, ends = lives.books
    paid = (payments.day - loans.day[payments.loan]) * payments.principal
    cents = np.bincount(payments.loan, paid, minlength=len(lives))
    off = np.minimum(ends.charged, lives.calendar.days)
    cents += np.where(ends.charge > 0, (off - loans.day) * ends.charge, 0)
    return np.asarray(cents / (100.0 * loans.amount))


def _book(lives: Lives) -> list[Target]:
    """Turnover, non-performing share and default flow, after the platform's first year."""
    status, loans, calendar = lives.status, lives.books.loans, lives.calendar
    since = calendar.base + min(12, calendar.months - 1)
    recent = status[status["month"] > since]
    lent = loans.amount[calendar.table.month[loans.day] > since - calendar.base].sum()
    owed = recent["closing"].sum()
    life = owed / lent * 365.0 / 12.0 if lent else np.nan
    bad = recent["days_past_due"] >= DEFAULT_DAYS
    share = recent.loc[bad, "closing"].sum() / owed if owed else np.nan
    grown = loans.due + DEFAULT_DAYS <= calendar.days
    failed = grown & (lives.books.fates.cause == OWN_FAULT)
    lived = float((_lived(lives) * loans.amount)[grown].sum())
    flow = loans.amount[failed].sum() / lived * 365.0 if lived else np.nan
    return [
        _row("life by turnover", "", TURNOVER, (0.85, 1.15), life, "days"),
        Target("non-performing share", "", 0.0084, 0.008, 0.019, share, "share"),
        _row("default flow", "", DEFAULT_FLOW, (0.75, 1.25), flow, "1/year"),
    ]


def _paid_before_default(lives: Lives) -> FloatArray:
    loans, _, payments, ends = lives.books
    before = payments.day < ends.defaulted[payments.loan]
    cents = np.bincount(payments.loan, payments.principal * before, minlength=len(loans.day))
    return np.asarray(cents / 100.0)


def _season(lives: Lives) -> list[Target]:
    """Lending of a calendar month over that of the ordinary ones, growth taken out."""
    loans, calendar = lives.books.loans, lives.calendar
    month = calendar.table.month[loans.day]
    lent = np.bincount(month, loans.amount, minlength=calendar.months)[1:]
    index = np.arange(1, calendar.months)
    level = lent / np.exp(lives.spec.growth * index / 12.0)
    number = (calendar.base + index) % 12 + 1
    plain = _mean(level, ~np.isin(number, list(SEASON))) or np.nan
    groups = {"October and November": ((10, 11), 1.8), "February": ((2,), 0.6)}
    return [
        _row(f"lending in {name}", "", target, (0.9, 1.1),
             _mean(level, np.isin(number, months)) / plain, "ratio")
        for name, (months, target) in groups.items()
    ]  # fmt: skip


def _top_cores(lives: Lives) -> Target:
    """Before the first of the largest fails: its orders go to all."""
    loans = lives.books.loans
    order = (loans.core >= 0) & (loans.day < lives.network.failed[:LARGE_CORES].min())
    amount = np.bincount(loans.core[order], loans.amount[order], minlength=CORES)
    total = float(amount.sum())
    share = float(amount[:LARGE_CORES].sum()) / total if total else np.nan
    return _row("largest five core enterprises", "order", LARGE_CORE_SHARE, (0.9, 1.1), share,
                "share of orders")  # fmt: skip


def _loss(lives: Lives) -> Target:
    """Lost share of defaults at least :data:`SETTLED` days old."""
    loans, fates, payments, ends = lives.books
    old = (ends.defaulted <= lives.calendar.days - SETTLED) & (fates.cause == OWN_FAULT)
    owed = loans.amount - _paid_before_default(lives)
    after = payments.day >= ends.defaulted[payments.loan]
    came = (payments.principal + payments.recovery) * after
    recovered = np.bincount(payments.loan, came, minlength=len(loans.day)) / 100.0
    lost = 1.0 - recovered[old].sum() / owed[old].sum() if old.any() else np.nan
    return _row("loss of a default", "", SEVERITY, (0.9, 1.1), float(lost), "share")
