"""What becomes of each loan: paid in time, paid late, or not at all, and why.

Default is drawn for each loan from a one-factor Gaussian model: the loan's own probability p
(the product's figure times the shop's risk) becomes, in a month with factor y,

    Phi((Phi^-1(p) - sqrt(rho) y) / sqrt(1 - rho))      (O. Vasicek, 1987)

and all of a product's are scaled so that their mean over the loans made, as far as their end is
seen before the simulation's, is the product's figure:
published figures describe what happened, in good and bad months together, to loans of shops that
had not failed before. Failures of
core enterprises, and the shops that they infect, come on top.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from scfcap.compiled import compiled
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.calendar import Calendar, Days, months_later
from scfcap.synthetic.draws import uniform
from scfcap.synthetic.lending import B2B_CODE, STRIDE, Loans
from scfcap.synthetic.network import NEVER, Network
from scfcap.synthetic.platform import DEFAULT_DAYS, LATE_CLASSES, PRODUCTS
from scfcap.synthetic.population import Population

#: Probability of default of a loan, to 90 days past due, by code of PRODUCTS.
LOAN_PD = (0.0006, 0.005, 0.025)
#: Most that one loan's probability may be.
_MOST = 0.5
#: Late payment: power of the shop's risk, and effect of the common factor.
LATE_RISK, LATE_FACTOR = 0.5, 0.35
#: Factors on a short and a long delay of orders, for a core enterprise in deepest distress.
DISTRESS_SHORT, DISTRESS_LONG = 20.0, 40.0
#: Most likely that a payment is late.
_MOST_LATE = 0.8
#: Rounds in which the level of default is found.
_ROUNDS = 3
#: Why a loan defaults.
PAID, OWN_FAULT, CORE_FAILED, INFECTED = 0, 1, 2, 3


class Fates(NamedTuple):
    """By loan: ``cause``; ``miss``, the instalment (from 1) that is the first never paid in time,
    where the cause is not :data:`PAID`; ``late_at``, the instalment paid late (0: none), and
    ``late``, by how many days.
    """

    cause: IntArray
    miss: IntArray
    late_at: IntArray
    late: IntArray

    def where(self, chosen: Any) -> Fates:
        """Those of the loans picked by an index or a mask."""
        return Fates(*(array[chosen] for array in self))


class _Chances(NamedTuple):
    """By loan: probability of default, of a short and a long delay; the instalment at stake."""

    default: FloatArray
    short: FloatArray
    long: FloatArray
    miss: IntArray
    infected: IntArray


class _Cores(NamedTuple):
    """By core enterprise: day of failure, depth of distress by day, habit by month."""

    failed: IntArray
    distress: FloatArray
    late: FloatArray


class World(NamedTuple):
    """Whom the loans are made to, and when."""

    spec: LivesSpec
    calendar: Calendar
    shops: Population
    network: Network


def draw_fates(world: World, loans: Loans, key: Any) -> tuple[Fates, BoolArray]:
    """The fate of each loan, and whether it can have been made; ``key`` holds two streams.

    A shop takes no loan after it has failed on one or been infected. That leaves better loans
    than were drawn, so the level of default is found in :data:`_ROUNDS` rounds.
    """
    calendar, network = world.calendar, world.network
    chances = _chances(world, loans, key[0])
    cores = _Cores(network.failed, network.distress, network.late)
    bounds = np.array(LATE_CLASSES[:2], dtype=np.int64)
    for _ in range(_ROUNDS):
        fates = Fates(*_drawn(key[1], loans, chances, cores, calendar.table, bounds))
        made = _still_open(calendar, loans, fates, network)
        seen = made & (loans.due + DEFAULT_DAYS <= calendar.days)
        mean = _means(loans.product[seen], chances.default[seen])
        chances = chances._replace(
            default=chances.default * (np.array(LOAN_PD) / mean)[loans.product]
        )
    return fates, made


def _means(product: IntArray, value: FloatArray) -> FloatArray:
    """Mean of each product, 1 where it has no loan."""
    count = np.bincount(product, minlength=len(PRODUCTS))
    total = np.bincount(product, value, minlength=len(PRODUCTS))
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), 1.0))


def _chances(world: World, loans: Loans, key: np.uint64) -> _Chances:
    spec, calendar, shops, network = world
    miss = _stakes(key, loans)
    asked = np.where(loans.product == B2B_CODE, loans.day + 30 * miss, loans.due)
    month = calendar.month(asked)
    risk = shops.risk[loans.shop]
    tense = np.exp(-LATE_FACTOR * network.factor - 0.5 * LATE_FACTOR**2)[month]
    tense *= np.power(risk, LATE_RISK) / np.power(risk, LATE_RISK).mean()
    late = np.array([p.late for p in PRODUCTS])[loans.product]
    return _Chances(
        default=_conditional(loans.product, risk, network.factor[month], spec.correlation),
        short=late[:, 0] * tense,
        long=late[:, 1] * tense,
        miss=miss,
        infected=network.infected[loans.shop],
    )


def _conditional(
    product: IntArray, risk: FloatArray, factor: FloatArray, correlation: float
) -> FloatArray:
    """Probability of default in the loan's month; the mean of each product is LOAN_PD."""
    level = np.array(LOAN_PD)
    own = np.minimum(risk * (level / _means(product, risk))[product], _MOST)
    shift = ndtri(own) - np.sqrt(correlation) * factor
    now = ndtr(shift / np.sqrt(1.0 - correlation))
    return np.asarray(now * (level / _means(product, now))[product])


@compiled
def _stakes(key: np.uint64, loans: Loans) -> IntArray:
    """The instalment that a loan would miss if it defaulted: the first ones are the likeliest."""
    out = np.ones(len(loans.day), np.int64)
    for k in range(len(out)):
        if loans.product[k] == B2B_CODE:
            out[k] = 1 + int(uniform(key, loans.number[k]) ** 2 * loans.term[k])
    return out


@compiled
def due_day(days: Days, loans: Loans, k: int, instalment: int) -> int:
    """Day on which loan ``k`` owes an instalment (from 1)."""
    if loans.product[k] != B2B_CODE:
        return int(loans.due[k])
    return months_later(days, loans.day[k], instalment)


@compiled
def _drawn(
    key: np.uint64, loans: Loans, chances: _Chances, cores: _Cores, days: Days, bounds: IntArray
) -> Any:
    count = len(loans.day)
    cause = np.zeros(count, np.int64)
    miss = chances.miss.copy()
    late_at = np.zeros(count, np.int64)
    late = np.zeros(count, np.int64)
    for k in range(count):
        at = loans.number[k] * STRIDE
        asked = due_day(days, loans, k, miss[k])
        short, long = chances.short[k], chances.long[k]
        core = loans.core[k]
        if core >= 0:
            habit = cores.late[core, days.month[asked]]
            depth = cores.distress[core, min(asked, cores.distress.shape[1] - 1)]
            short *= habit * (1.0 + DISTRESS_SHORT * depth)
            long *= habit * (1.0 + DISTRESS_LONG * depth)
        draw = uniform(key, at)
        row = 0 if draw < long else 1
        if draw < min(short + long, _MOST_LATE):
            low, high = bounds[1 - row, 0], bounds[1 - row, 1]
            late_at[k] = miss[k]
            late[k] = low + int(uniform(key, at + 1) * (high - low + 1))
        if uniform(key, at + 2) < chances.default[k]:
            cause[k] = OWN_FAULT
        if core >= 0 and asked + late[k] >= cores.failed[core]:
            cause[k] = CORE_FAILED
        failed = chances.infected[k]
        if core < 0 and loans.day[k] < failed <= loans.due[k] and failed < NEVER:
            other = 1
            while due_day(days, loans, k, other) < failed:
                other += 1
            if cause[k] == PAID or other < miss[k]:
                cause[k], miss[k] = INFECTED, other
        if cause[k] != PAID:
            late_at[k], late[k] = 0, 0
    return cause, miss, late_at, late


def _still_open(calendar: Calendar, loans: Loans, fates: Fates, network: Network) -> BoolArray:
    """Loans that the shop could still take: none after it has failed on one, or been infected."""
    stop = network.infected.copy()
    failed = fates.cause == OWN_FAULT
    _earliest(stop, loans.where(failed), fates.miss[failed], calendar.table)
    return np.asarray(loans.day <= stop[loans.shop])


@compiled
def _earliest(stop: IntArray, loans: Loans, miss: IntArray, days: Days) -> None:
    for k in range(len(miss)):
        shop = loans.shop[k]
        stop[shop] = min(stop[shop], due_day(days, loans, k, miss[k]))
