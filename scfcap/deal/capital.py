"""What a bank holds against a class of notes: risk weights by the Basel text, and of loans by IRB.

Risk weights, capital charges, attachment points and all else are decimals: 12.5 is 1,250%, capital
is 8% of what is weighted. Functions take numbers or arrays that fit each other.

Sources: Basel Framework, CRE40 (general rules, caps), CRE41 (SEC-SA), CRE42 (SEC-ERBA), and, as
they stand in Regulation (EU) 575/2013, Articles 256, 257, 261, 263, 267 and 268; CRE31 (IRB, as in
the text of June 2006); 12 CFR 217.43 (the United States' simplified supervisory formula). China has
the Basel text in force since 2024-01-01 (商业银行资本管理办法).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
from scipy.special import ndtr, ndtri

from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray
from scfcap.schema.deal import DealSpec
from scfcap.schema.holders import CapitalSpec

Number = FloatArray | float

#: Least capital: 8% of what is weighted, so that a charge of one is a weight of 12.5.
TOTAL_RATIO: Final = 0.08
#: Weight of what has to be covered by capital in full.
FULL: Final = 12.5
#: Share of the pool whose status may be unknown; above it every class weighs 1,250% (CRE41).
MOST_UNKNOWN: Final = 0.05


@dataclass(frozen=True)
class Rules:
    """A way to weigh classes: ``p``, the supervisory parameter, and floors of the weight."""

    title: str
    p: float
    floor: float
    senior_floor: float


#: By name of ``[capital] rules``.
RULES: Final[dict[str, Rules]] = {
    "basel": Rules("Basel CRE41", 1.0, 0.15, 0.15),
    "basel-stc": Rules("Basel CRE41, simple, transparent and comparable", 0.5, 0.15, 0.10),
    "basel-resecuritisation": Rules("Basel CRE41, resecuritisation", 1.5, 1.0, 1.0),
    "us": Rules("12 CFR 217.43, simplified supervisory formula", 0.5, 0.20, 0.20),
}


# --- the pool ----------------------------------------------------------------------------------


def pool_charge(k_sa: Number, delinquent: Number, unknown: Number = 0.0) -> FloatArray:
    """K_A: the pool's charge, with what is delinquent in it (CRE41, Art. 261).

    ``k_sa`` is the standardised charge of the loans, 8% of their mean weight; ``delinquent`` (W)
    the share of loans 90 days or more past due, in default or foreclosed, among those whose status
    is known; ``unknown`` the share of the others. NaN where that is above 5%: the approach is shut.
    """
    known = (1.0 - np.asarray(delinquent)) * k_sa + 0.5 * np.asarray(delinquent)
    share = np.asarray(unknown, dtype=np.float64)
    return np.where(share > MOST_UNKNOWN, np.nan, (1.0 - share) * known + share)


def attachments(
    pool: Number, balances: FloatArray, reserve: Number = 0.0, ranks: tuple[int, ...] = ()
) -> tuple[FloatArray, FloatArray]:
    """Attachment and detachment points A and D of each class [J, ...], as shares of the pool.

    ``balances`` [J, ...] and ``pool`` in currency; ``reserve`` is a funded reserve, which counts
    as the pool does (CRE40, Art. 256). ``ranks`` [J]: 1 is the most senior, classes of one rank
    are pari passu; without, each class stands behind the one before it. NaN for a class that is
    repaid, and where there is no pool.
    """
    owed = np.asarray(balances, dtype=np.float64)
    order = np.asarray(ranks or range(len(owed)))
    held = np.asarray(pool, dtype=np.float64) + reserve
    ahead = (order[None, :] < order[:, None]).astype(np.float64)
    beside = (order[None, :] <= order[:, None]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = 1.0 - np.tensordot(beside, owed, axes=1) / held
        high = 1.0 - np.tensordot(ahead, owed, axes=1) / held
    there = (owed > 0.0) & (held > 0.0)
    points = (np.where(there, np.maximum(each, 0.0), np.nan) for each in (low, high))
    return next(points), next(points)


# --- weights of a class ------------------------------------------------------------------------


def k_ssfa(attachment: Number, detachment: Number, k_a: Number, p: Number = 1.0) -> FloatArray:
    """Charge per unit of a class above K_A (CRE41, Art. 261): (e^(a u) - e^(a l)) / (a (u - l)).

    ``a = -1 / (p K_A)``, ``u = D - K_A``, ``l = max(A - K_A, 0)``; for a class without thickness
    its limit e^(a l).
    """
    k = np.asarray(k_a, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = -1.0 / (p * k)
        low = np.maximum(np.asarray(attachment) - k, 0.0)
        width = a * (np.asarray(detachment) - k - low)
        mean = np.where(np.abs(width) > 1e-12, np.expm1(width) / width, 1.0)
        return np.asarray(np.exp(a * low) * mean)


def sec_sa(
    attachment: Number,
    detachment: Number,
    k_a: Number,
    *,
    p: Number = 1.0,
    floor: Number = 0.15,
) -> FloatArray:
    """Risk weight of a class by the standardised approach, SEC-SA (CRE41, Art. 261).

    1,250% up to K_A; above it 12.5 times :func:`k_ssfa`; the mean of both for a class on either
    side of it. Where ``k_a`` is NaN (see :func:`pool_charge`) 1,250%. The United States' formula
    is the same with p = 0.5 and a floor of 20%.
    """
    low, high = np.asarray(attachment, dtype=np.float64), np.asarray(detachment, dtype=np.float64)
    k = np.asarray(k_a, dtype=np.float64)
    above = FULL * k_ssfa(low, high, k, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (k - low) / (high - low)
        mixed = below * FULL + (1.0 - below) * above
    weight = np.where(high <= k, FULL, np.where(low >= k, above, mixed))
    weight = np.where(np.isnan(k), FULL, np.maximum(weight, floor))
    return np.where(np.isnan(low) | np.isnan(high), np.nan, weight)


#: CRE42, Art. 263: rating; senior at 1 and at 5 years, non-senior and thin at 1 and at 5 years [%].
_RATED: Final[dict[str, tuple[float, float, float, float]]] = {
    "AAA": (15, 20, 15, 70),
    "AA+": (15, 30, 15, 90),
    "AA": (25, 40, 30, 120),
    "AA-": (30, 45, 40, 140),
    "A+": (40, 50, 60, 160),
    "A": (50, 65, 80, 180),
    "A-": (60, 70, 120, 210),
    "BBB+": (75, 90, 170, 260),
    "BBB": (90, 105, 220, 310),
    "BBB-": (120, 140, 330, 420),
    "BB+": (140, 160, 470, 580),
    "BB": (160, 180, 620, 760),
    "BB-": (200, 225, 750, 860),
    "B+": (250, 280, 900, 950),
    "B": (310, 340, 1050, 1050),
    "B-": (380, 420, 1130, 1130),
    "CCC": (460, 505, 1250, 1250),
}
_BELOW: Final = ("CCC-", "CC", "C", "D")
#: Short-term ratings.
_SHORT: Final = {"A-1": 0.15, "A-2": 0.50, "A-3": 1.00, "below A-3": FULL}
#: From this day on China has the Basel text.
CHINA_FROM: Final = date(2024, 1, 1)
#: Ratings that :func:`sec_erba` knows, the best first, short-term ones last.
RATINGS: Final = (*_RATED, *_BELOW, *_SHORT)


def sec_erba(
    rating: str,
    attachment: Number,
    detachment: Number,
    maturity: Number,
    *,
    senior: bool,
    floor: Number = 0.15,
) -> FloatArray:
    """Risk weight of a rated class, SEC-ERBA (CRE42, Art. 263).

    ``maturity`` [years] as :func:`tranche_maturity` gives it; between 1 and 5 years the table is
    read in a straight line. A class that is not senior is multiplied by 1 - min(T, 50%),
    T = D - A. Short-term ratings (A-1, A-2, A-3, ``below A-3``) have one weight each.

    Raises:
        InputError: the rating is none of :data:`RATINGS`.
    """
    if rating not in RATINGS:
        raise InputError(Problem("capital: rating", f'"{rating}"', f"one of {', '.join(RATINGS)}"))
    low, high = np.asarray(attachment, dtype=np.float64), np.asarray(detachment, dtype=np.float64)
    gone = np.where(np.isnan(low) | np.isnan(high), np.nan, 0.0)
    gone = gone + np.zeros_like(np.asarray(maturity, dtype=np.float64))
    if rating not in _RATED:
        return np.asarray(np.maximum(_SHORT.get(rating, FULL), floor) + gone)
    years = (np.clip(np.asarray(maturity, dtype=np.float64), 1.0, 5.0) - 1.0) / 4.0
    short, long = np.array(_RATED[rating][:2] if senior else _RATED[rating][2:]) / 100.0
    weight = short + (long - short) * years
    if not senior:
        weight = weight * (1.0 - np.minimum(high - low, 0.5))
    return np.asarray(np.clip(weight, floor, FULL) + gone)


def tranche_maturity(legal: Number, tenor: Number = 0.0) -> FloatArray:
    """M_T [years] from the legal final maturity of a class [years] (CRE40, Art. 257).

    ``1 + (M_L - 1) 80%``, between 1 and 5; while the deal revolves, M_L is longer by the longest
    ``tenor`` [years] of a loan that may still be bought.
    """
    longest = np.asarray(legal, dtype=np.float64) + tenor
    return np.clip(1.0 + (longest - 1.0) * 0.8, 1.0, 5.0)


# --- caps --------------------------------------------------------------------------------------


def look_through(weight: Number, pool_weight: Number) -> FloatArray:
    """Weight of a senior class, at most the pool's mean weight (CRE40, Art. 267).

    The cap goes before the floor: it may bring the weight below 15%. It is for who knows the
    composition of the pool at all times, and not for a resecuritisation.
    """
    return np.asarray(np.minimum(weight, pool_weight))


def capital_cap(
    weights: FloatArray, held: FloatArray, classes: FloatArray, pool: Number, k_pool: Number
) -> FloatArray:
    """Capital of an originator's or sponsor's whole holding [currency] (CRE40, Art. 268).

    ``weights``, ``held`` and ``classes`` [J, ...]: risk weight, amount held and whole amount of
    each class. At most ``k_pool`` (the charge of the pool as if it had not been sold) times the
    pool times the largest share of a class that is held.
    """
    part = np.where(classes > 0.0, held / np.where(classes > 0.0, classes, 1.0), 0.0)
    alone = TOTAL_RATIO * np.nansum(np.where(held > 0.0, weights * held, 0.0), axis=0)
    return np.asarray(np.minimum(alone, np.asarray(k_pool) * pool * part.max(axis=0)))


# --- loans by internal ratings -----------------------------------------------------------------

Kind = Literal["corporate", "residential_mortgage", "other_retail", "revolving_retail"]
#: Annual sales between which a small firm's correlation is lowered [million EUR].
_SALES: Final = (5.0, 50.0)
#: Quantile of the factor that the charge is for.
_CONFIDENCE: Final = 0.999


def irb_charge(
    default_rate: Number,
    lgd: Number,
    kind: Kind,
    *,
    maturity: Number = 2.5,
    sales: float | None = None,
) -> FloatArray:
    """K of a loan that is not in default, by internal ratings (CRE31).

    ``default_rate`` within a year, ``lgd`` its severity in bad times; ``maturity`` [years] and a
    small firm's ``sales`` [million EUR] of corporates alone. The risk weight is 12.5 K. Retail has
    no adjustment for maturity.

    Raises:
        InputError: no such kind.
    """
    rate = np.asarray(default_rate, dtype=np.float64)
    correlation = _correlation(rate, kind, sales)
    bad = ndtri(rate) + np.sqrt(correlation) * ndtri(_CONFIDENCE)
    charge = np.asarray(lgd) * (ndtr(bad / np.sqrt(1.0 - correlation)) - rate)
    if kind != "corporate":
        return np.asarray(charge)
    b = (0.11852 - 0.05478 * np.log(rate)) ** 2
    return np.asarray(charge * (1.0 + (np.asarray(maturity) - 2.5) * b) / (1.0 - 1.5 * b))


def _correlation(rate: FloatArray, kind: str, sales: float | None) -> FloatArray:
    if kind == "residential_mortgage":
        return np.full_like(rate, 0.15)
    if kind == "revolving_retail":
        return np.full_like(rate, 0.04)
    if kind == "other_retail":
        near = -np.expm1(-35.0 * rate) / -np.expm1(-35.0)
        return np.asarray(0.03 * near + 0.16 * (1.0 - near))
    if kind != "corporate":
        kinds = "corporate, residential_mortgage, other_retail, revolving_retail"
        raise InputError(Problem("capital: kind", f'"{kind}"', f"one of {kinds}"))
    near = -np.expm1(-50.0 * rate) / -np.expm1(-50.0)
    found = 0.12 * near + 0.24 * (1.0 - near)
    if sales is not None:
        least, most = _SALES
        found = found - 0.04 * (1.0 - (min(max(sales, least), most) - least) / (most - least))
    return np.asarray(found)


# --- ratings -----------------------------------------------------------------------------------


def class_ratings(spec: DealSpec, terms: CapitalSpec) -> dict[str, str]:
    """External rating of each class that has one: of ``terms``, or its own where they say so."""
    own = {name: t.rating for name, t in spec.tranches.items() if t.rating and terms.class_ratings}
    return {**own, **{name: r for name, r in terms.ratings.items() if name in spec.tranches}}
