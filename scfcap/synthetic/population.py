"""Shops with lives of their own: when they come and go, how much they borrow, how they pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.calendar import Calendar
from scfcap.synthetic.draws import keys, normals, uniforms
from scfcap.synthetic.shops import REGIONS, core_shares

#: Dependence of a shop on its first, second and third core enterprise. Two of them may be the
#: same, so that a shop has one to three, and each core enterprise keeps its share of orders.
LINKS = (0.7, 0.2, 0.1)
#: Deviation of the logarithm of: how often a shop borrows, how much, its unseen risk.
ACTIVITY, SIZE, FRAILTY = 0.8, 0.5, 0.5
#: Points of score by which the risk falls to 1/e; mean score and its deviation.
SCORE_SCALE, SCORE_MEAN, SCORE_SIGMA = 60.0, 620.0, 50.0


@dataclass(frozen=True)
class Population:
    """Shops by number; all arrays have shape (shops,), ``links`` has (shops, 3).

    ``birth`` and ``death`` are days, ``birth`` below 0 for shops that were there at the start;
    ``opened`` and ``closed`` the calendar's ``lending`` on these days.
    ``weight``: expected loans, up to a factor. ``size`` multiplies amounts and ``risk`` default
    probabilities. ``links``: core enterprises, by dependence :data:`LINKS`.
    """

    birth: FloatArray
    death: FloatArray
    opened: FloatArray
    closed: FloatArray
    weight: FloatArray
    size: FloatArray
    risk: FloatArray
    score: IntArray
    region: IntArray
    links: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.birth)


def make_population(spec: LivesSpec, calendar: Calendar, seed: int) -> Population:
    """Shops of a platform that has grown at ``spec.growth`` long enough to be in balance.

    Shops are born at a rate that grows and leave with intensity ``churn``, so their number grows
    as the births do: those there at the start are the births of one over (growth + churn) years.
    """
    count = max(1, round(spec.loans / spec.loans_per_shop))
    key = keys(seed, 9)
    birth = _births(spec, calendar, uniforms(key[0], count), uniforms(key[1], count))
    stay = -np.log(uniforms(key[2], count)) * 365.0 / max(spec.churn, 1e-9)
    death = np.maximum(birth, 0.0) + stay
    opened, closed = _lent(calendar, birth), _lent(calendar, death)
    score = np.clip(np.rint(SCORE_MEAN + SCORE_SIGMA * normals(key[3], count)), 350, 850)
    unseen = np.exp(FRAILTY * normals(key[4], count))
    shares = np.fromiter(REGIONS.values(), dtype=np.float64)
    return Population(
        birth=birth,
        death=death,
        opened=opened,
        closed=closed,
        weight=np.exp(ACTIVITY * normals(key[5], count)) * (closed - opened),
        size=np.exp(SIZE * normals(key[6], count) - 0.5 * SIZE**2),
        risk=np.exp((SCORE_MEAN - score) / SCORE_SCALE) * unseen,
        score=score.astype(np.int64),
        region=_pick(shares / shares.sum(), uniforms(key[8], count)),
        links=_pick(core_shares(), uniforms(key[7], 3 * count)).reshape(count, 3),
    )


def _births(
    spec: LivesSpec, calendar: Calendar, first: FloatArray, second: FloatArray
) -> FloatArray:
    growth, years = spec.growth, calendar.days / 365.0
    settle = max(growth + spec.churn, 0.05)
    grown = np.expm1(growth * years)
    born = years if abs(growth) < 1e-9 else grown / growth
    standing = (1.0 / settle) / (1.0 / settle + born)
    age = -np.log(second) / settle
    after = years * second if abs(growth) < 1e-9 else np.log1p(second * grown) / growth
    return np.asarray(365.0 * np.where(first < standing, -age, after))


def _lent(calendar: Calendar, day: FloatArray) -> FloatArray:
    return np.interp(day, np.arange(calendar.days + 1), calendar.lending)


def _pick(shares: FloatArray, draw: FloatArray) -> Any:
    return np.searchsorted(np.cumsum(shares)[:-1], draw, "right").astype(np.int64)


def dependence(links: npt.NDArray[np.int64], core: int) -> FloatArray:
    """Share of each shop's orders that ``core`` pays."""
    return np.asarray((links == core) @ np.array(LINKS))
