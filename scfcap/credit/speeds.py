"""The field's words for how fast loans default and are prepaid, and what one is in another.

Rates are decimals; standard curves (PSA, SDA) are in percent, as the field quotes them. A month is
the month since origination, from 1. Sources: The Bond Market Association, Uniform Practices for
the Clearance and Settlement of Mortgage-Backed Securities, chapter SF, Standard Formulas (1 Feb
1999): B.2 (SMM, CPR and PSA, pp. SF-5 to SF-10), B.4 (ABS, pp. SF-13 to SF-15), C.4 (SDA, pp.
SF-20 and SF-21).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from scfcap.quantities import FloatArray

#: CPR of 100 PSA from month 30 on; it rises there in even steps.
PSA_LEVEL = 0.06
#: Yearly default rate of 100 SDA from month 30 to 60, and from month 120 on.
SDA_LEVEL, SDA_TAIL = 0.006, 0.0003
_RAMP = 30


def intensity(rate: npt.ArrayLike, per_year: float = 1.0) -> FloatArray:
    """Log-hazard of a year [1/year], -``per_year`` ln(1 - rate); inf for a rate of one.

    ``rate`` is the share that goes in one of ``per_year`` periods a year: 1 for cpr and cdr, 12
    for smm and mdr. Intensities are what scenarios multiply and what adds up over periods of any
    length.

    >>> round(float(intensity(0.06)), 6)
    0.061875
    """
    with np.errstate(divide="ignore"):
        found = -per_year * np.log1p(-np.asarray(rate, dtype=np.float64))
    return np.asarray(found + 0.0)


def share(intensity: npt.ArrayLike, years: npt.ArrayLike) -> FloatArray:
    """Share that goes in ``years`` [years] at an ``intensity`` [1/year]: 1 - exp(-it)."""
    return np.asarray(-np.expm1(-np.asarray(intensity, dtype=np.float64) * np.asarray(years)))


def per_period(annual: npt.ArrayLike, years: npt.ArrayLike) -> FloatArray:
    """Yearly rate to that of a period of ``years``: 1 - (1 - annual)^years.

    Turns cpr into smm and cdr into mdr with ``years`` = 1/12 (B.2); days and weeks as well.

    >>> float(np.round(per_period(0.06, 1 / 12), 6))
    0.005143
    """
    return share(intensity(annual), years)


def per_year(periodic: npt.ArrayLike, years: npt.ArrayLike) -> FloatArray:
    """Rate of a period of ``years`` to a yearly one: 1 - (1 - periodic)^(1/years).

    Turns smm into cpr and mdr into cdr with ``years`` = 1/12.
    """
    return share(intensity(periodic), 1.0 / np.asarray(years, dtype=np.float64))


def psa_cpr(psa: npt.ArrayLike, month: npt.ArrayLike) -> FloatArray:
    """CPR [1/year] at ``psa`` percent: 0.2% in month 1 rising by 0.2% to 6% from month 30 on.

    ``psa`` and ``month`` broadcast. The curve's CPR is scaled, not its SMM (B.2); at most 1.
    """
    month = np.asarray(month, dtype=np.float64)
    level = PSA_LEVEL * np.clip(month / _RAMP, 0.0, 1.0)
    return np.asarray(np.minimum(np.asarray(psa, dtype=np.float64) / 100.0 * level, 1.0))


def cpr_psa(cpr: npt.ArrayLike, month: npt.ArrayLike) -> FloatArray:
    """PSA [percent] that gives ``cpr`` in ``month``."""
    return np.asarray(100.0 * np.asarray(cpr, dtype=np.float64) / psa_cpr(100.0, month))


def sda_cdr(sda: npt.ArrayLike, month: npt.ArrayLike) -> FloatArray:
    """Yearly default rate [1/year] at ``sda`` percent (C.4); at most 1.

    100 SDA: 0.02% in month 1 rising by 0.02% to 0.6% in month 30, level to month 60, falling
    evenly to 0.03% in month 120, level from there. That nothing defaults in the last months
    before maturity is the order of events' affair, not the curve's.
    """
    month = np.asarray(month, dtype=np.float64)
    level = np.interp(month, [0.0, 30.0, 60.0, 120.0], [0.0, SDA_LEVEL, SDA_LEVEL, SDA_TAIL])
    return np.asarray(np.minimum(np.asarray(sda, dtype=np.float64) / 100.0 * level, 1.0))


def abs_smm(speed: npt.ArrayLike, month: npt.ArrayLike) -> FloatArray:
    """SMM [1/month] at an ABS ``speed`` [1/month]: ABS / (1 - ABS (month - 1)) (B.4).

    The share of the *original* loans that is prepaid is the same in each month since origination,
    so that all are gone after 1 / ABS months; from then on 1.
    """
    pace = np.asarray(speed, dtype=np.float64)
    left = 1.0 - pace * (np.asarray(month, dtype=np.float64) - 1.0)
    return np.asarray(np.where(left > pace, pace / np.where(left > pace, left, 1.0), pace > 0.0))


def smm_abs(smm: npt.ArrayLike, month: npt.ArrayLike) -> FloatArray:
    """ABS speed [1/month] that gives ``smm`` in ``month``: SMM / (1 + SMM (month - 1)) (B.4)."""
    pace = np.asarray(smm, dtype=np.float64)
    return np.asarray(pace / (1.0 + pace * (np.asarray(month, dtype=np.float64) - 1.0)))


def scheduled_balance(coupon: float, term: int, remaining: npt.ArrayLike) -> FloatArray:
    """Balance of a level-payment loan of 1 with ``remaining`` of ``term`` months to go.

    ``coupon`` [1/year] is paid monthly. (1 - v^remaining) / (1 - v^term), v = 1 / (1 + c/12), B.1.

    >>> float(np.round(scheduled_balance(0.095, 359, 344), 6))
    0.992133
    """
    left = np.asarray(remaining, dtype=np.float64)
    log_growth = math.log1p(coupon / 12.0)
    if log_growth == 0.0:
        return left / term
    return np.asarray(np.expm1(-left * log_growth) / math.expm1(-term * log_growth))


def historical_smm(
    factors: tuple[float, float], coupon: float, term: int, remaining: tuple[int, int]
) -> float:
    """Average SMM [1/month] between two pool factors, their amortisation taken out (B.2).

    ``remaining`` months at the first and at the second factor, of ``term`` months at issue (or
    any other count of months at which the loans' schedule was 1). The survival from one to the
    other, by what was scheduled, taken evenly over the months between.

    Raises:
        ValueError: factors or months do not fall.
    """
    months = remaining[0] - remaining[1]
    if months <= 0 or not factors[1] >= 0.0 or factors[0] <= 0.0:
        msg = f"factors {factors} with {remaining} months remaining: the later one comes second"
        raise ValueError(msg)
    before, after = scheduled_balance(coupon, term, remaining)
    survived = (factors[1] / after) / (factors[0] / before)
    return float(1.0 - survived ** (1.0 / months))


def historical_psa(
    factors: tuple[float, float],
    coupon: float,
    term: int,
    remaining: tuple[int, int],
    month: int,
) -> float:
    """PSA [percent] that leads from the first pool factor to the second (B.2).

    ``month`` since origination in which the last of the months between ends; the PSA is the one
    number whose SMMs over these months leave what survived, found by bisection.
    """
    months = remaining[0] - remaining[1]
    smm = historical_smm(factors, coupon, term, remaining)
    wanted = months * float(intensity(smm))
    passed = np.arange(month - months + 1, month + 1)

    def gone(psa: float) -> float:
        return float(intensity(psa_cpr(psa, passed)).sum()) / 12.0

    low, high = 0.0, float(cpr_psa(1.0, passed).min())
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if gone(middle) < wanted else (low, middle)
    return 0.5 * (low + high)


def historical_abs(
    factors: tuple[float, float],
    coupon: float,
    term: int,
    remaining: tuple[int, int],
    ages: tuple[int, int],
) -> float:
    """ABS speed [1/month] that leads from the first pool factor to the second (B.4).

    ``ages`` in months since origination at both. Of loans with the share L alive by number, L2 / L1
    = (1 - ABS age2) / (1 - ABS age1), which is solved for ABS.
    """
    smm = historical_smm(factors, coupon, term, remaining)
    alive = (1.0 - smm) ** (ages[1] - ages[0])
    return (1.0 - alive) / (ages[1] - alive * ages[0])


def loss_to_default(lifetime_loss: float, severity: float) -> float:
    """Share of the amount lent that defaults so that ``lifetime_loss`` of it is lost.

    Raises:
        ValueError: more than all of it would have to default.
    """
    if lifetime_loss > severity:
        msg = f"a loss of {lifetime_loss:g} is more than a severity of {severity:g} can give"
        raise ValueError(msg)
    return lifetime_loss / severity if severity > 0.0 else 0.0


def spread_evenly(timing: npt.ArrayLike, parts: int) -> FloatArray:
    """Cumulative share of a timing curve after 0, 1, ... ``parts`` equal parts of a life.

    ``timing`` are the shares of equal stretches of the life, in order; within a stretch the share
    comes evenly. The first is 0, the last 1.
    """
    shares = np.asarray(timing, dtype=np.float64)
    total = np.concatenate([[0.0], np.cumsum(shares)])
    place = np.linspace(0.0, len(shares), parts + 1)
    return np.asarray(np.interp(place, np.arange(len(shares) + 1.0), total / total[-1]))
