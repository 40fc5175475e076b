"""Monte Carlo: borrowers, core enterprises, lenders, platforms and rates under a common factor.

Every draw is a function of seed, path, stream and place (see :mod:`~scfcap.credit.philox`), so that
a path is the same however many are drawn, in whatever order, over whatever length of grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from scfcap.compiled import compiled
from scfcap.credit.exposure import Exposures
from scfcap.credit.philox import normal, uniform
from scfcap.credit.stress import Stress, calm, held_back
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.factors import FactorSpec

#: Streams of a path's draws; a new one gets a new number, so that the others stay as they are.
_FACTOR, _CORE, _CONTAGION, _LINE, _LINE_CORE, _P2P, _OUTAGE, _DAYS, _RATE = range(9)
#: Room for the enterprises of a period in a stream.
_MOST_CORES = 4096


@dataclass(frozen=True)
class Paths:
    """Drawn paths N over periods T: ``stress`` [N, ...] is what they do, as for a scenario.

    ``number`` [N] tells each path of ``seed``; ``factor`` [N, T] is the common factor, low in bad
    times; ``failed`` [N, C] the period in which a core enterprise fails, 0 if it does not.
    ``weight`` [N] adds up to one.
    """

    seed: int
    number: IntArray
    cores: tuple[str, ...]
    stress: Stress
    factor: FloatArray
    failed: IntArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.number)


class _Law(NamedTuple):
    """Everything that a path depends on, for compiled code."""

    seed: int
    years: FloatArray  # [T]
    threshold: FloatArray  # [S] of the stated default rate
    stated: FloatArray  # [S] its log-hazard
    rho: FloatArray  # [S]
    persistence: float
    prepay_loading: float
    orders: FloatArray  # [S, C]
    suppliers: FloatArray  # [S, C]
    linked: FloatArray  # [C, C]
    core_threshold: FloatArray  # [T]
    core_rho: float
    multiple: float
    infection: float
    unpaid: float
    orders_lost: float
    contagion: float
    after: int
    line_probability: FloatArray  # [T]
    line_with_core: float
    line_left: float
    notice: int
    p2p_threshold: FloatArray  # [T]
    p2p_rho: float
    p2p_renewed: float
    p2p_new: float
    outage_probability: FloatArray  # [T]
    longest: int
    volatility: float
    rate_rho: float
    least: float


class _Out(NamedTuple):
    """What one path writes."""

    factor: FloatArray  # [T]
    failed: IntArray  # [C]
    default: FloatArray  # [S, T]
    prepay: FloatArray  # [S, T]
    infected: FloatArray  # [S, T]
    unpaid: FloatArray  # [S, T]
    demand: FloatArray  # [S, T]
    line: FloatArray  # [H, T]
    renewed: FloatArray  # [T]
    new: FloatArray  # [T]
    days: FloatArray  # [T]
    rate: FloatArray  # [T]


def simulate(
    spec: FactorSpec,
    segments: Sequence[str],
    stated_default: FloatArray,
    grid: PeriodGrid,
    *,
    seed: int,
    paths: int | Sequence[int] | IntArray,
    lenders: Sequence[str] = (),
    exposures: Exposures | None = None,
) -> Paths:
    """Draw ``paths``: so many from number 0 on, or those numbers.

    ``stated_default`` [S] is the log-hazard -ln(1 - rate) of each segment, a year's or a loan's
    lifetime; in a period the rate is that of a large pool given the factor, and its mean over the
    factor is the stated one. ``exposures`` to core enterprises: without them none fails.

    Raises:
        InputError: the grid's periods differ in length.
        ValueError: no path, a negative number or seed, or more enterprises than there is room for.
    """
    if grid.mixed:
        raise InputError(
            Problem(
                "model.toml: plan.frequency",
                "weeks and then months",
                "periods of one length, by which factors persist from one to the next",
                'Draw paths of a plan by the month or the week: plan.frequency = "month".',
            )
        )
    wanted = np.arange(paths) if isinstance(paths, int | np.integer) else np.asarray(paths)
    number = wanted.astype(np.int64)
    cores = () if exposures is None else exposures.cores
    if not len(number) or number.min() < 0 or not 0 <= seed < 2**63 or len(cores) > _MOST_CORES:
        msg = f"at least one path from 0 on, a seed from 0 on, at most {_MOST_CORES} enterprises"
        raise ValueError(msg)
    law = _law(spec, segments, stated_default, grid, seed, exposures)
    stress = calm([f"path {n}" for n in number], len(segments), lenders, len(grid))
    factor = np.zeros((len(number), len(grid)))
    failed = np.zeros((len(number), len(cores)), dtype=np.int64)
    days = np.zeros_like(factor)
    outs = _Out(
        factor, failed, stress.default_multiple, stress.prepay_multiple, stress.infected,
        stress.unpaid, stress.demand, stress.line, stress.p2p_renewed, stress.p2p_new, days,
        stress.bank_rate,
    )  # fmt: skip
    _draw_all(law, number, outs)
    stress.held[:] = held_back(days, grid)
    stress.p2p_rate[:] = stress.bank_rate
    stress.coupon[:] = stress.bank_rate
    hit = stress.unpaid > 0.0
    stress.unpaid_recovery[hit] = spec.core.recovery
    stress.unpaid_lag[hit] = spec.core.recovery_lag
    weight = np.full(len(number), 1.0 / len(number))
    return Paths(seed, number, cores, stress, factor, failed, weight)


def _law(
    spec: FactorSpec,
    segments: Sequence[str],
    stated_default: FloatArray,
    grid: PeriodGrid,
    seed: int,
    exposures: Exposures | None,
) -> _Law:
    years = grid.year_fractions
    orders, suppliers, linked = _on_segments(exposures, segments)
    core, lines, p2p = spec.core, spec.lines, spec.p2p

    def of_period(year: float) -> FloatArray:
        return np.asarray(-np.expm1(np.log1p(-min(year, 1.0 - 1e-15)) * years))

    return _Law(
        seed=seed,
        years=years,
        threshold=ndtri(-np.expm1(-stated_default)),
        stated=np.asarray(stated_default, dtype=np.float64),
        rho=np.array([spec.correlations.get(name, spec.correlation) for name in segments]),
        persistence=spec.persistence,
        prepay_loading=spec.prepay_loading,
        orders=orders,
        suppliers=suppliers,
        linked=linked,
        core_threshold=ndtri(of_period(core.probability)),
        core_rho=core.correlation,
        multiple=core.supplier_default_multiple,
        infection=core.infection,
        unpaid=core.unpaid,
        orders_lost=core.orders_lost,
        contagion=core.contagion,
        after=core.after,
        line_probability=of_period(lines.probability),
        line_with_core=lines.with_core,
        line_left=1.0 - lines.cut,
        notice=lines.notice,
        p2p_threshold=ndtri(of_period(p2p.probability)),
        p2p_rho=p2p.correlation,
        p2p_renewed=1.0 - p2p.share,
        p2p_new=1.0 - p2p.cut,
        outage_probability=-np.expm1(-spec.outage.per_year * years),
        longest=spec.outage.longest,
        volatility=spec.rates.volatility,
        rate_rho=spec.rates.correlation,
        least=spec.rates.least,
    )


def _on_segments(
    exposures: Exposures | None, segments: Sequence[str]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shares of the curves' segments on orders and suppliers [S, C], and the links [C, C]."""
    if exposures is None:
        none = np.zeros((len(segments), 0))
        return none, none.copy(), np.zeros((0, 0))
    orders, suppliers = np.zeros((2, len(segments), len(exposures.cores)))
    for s, name in enumerate(segments):
        if name in exposures.segments:
            orders[s] = exposures.orders[exposures.segments.index(name)]
            suppliers[s] = exposures.suppliers[exposures.segments.index(name)]
    return orders, suppliers, np.ascontiguousarray(exposures.network.linked)


@compiled
def _below(threshold: float, rho: float, z: float) -> float:
    """Probability of falling below ``threshold`` when the factor is ``z``."""
    x = (threshold - np.sqrt(rho) * z) / np.sqrt(1.0 - rho)
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@compiled
def _draw_all(law: _Law, number: IntArray, outs: _Out) -> None:
    """Draw every path into its row of ``outs``."""
    for n in range(len(number)):
        out = _Out(
            outs.factor[n], outs.failed[n], outs.default[n], outs.prepay[n], outs.infected[n],
            outs.unpaid[n], outs.demand[n], outs.line[n], outs.renewed[n], outs.new[n],
            outs.days[n], outs.rate[n],
        )  # fmt: skip
        path = number[n]
        _borrowers(law, path, out)
        _cores(law, path, out)
        _funders(law, path, out)


@compiled
def _borrowers(law: _Law, path: int, out: _Out) -> None:
    """The factor, and the multiples of default and prepayment that follow from it."""
    z, keep = 0.0, law.persistence
    for t in range(len(law.years)):
        shock = normal(law.seed, path, _FACTOR, t)
        z = shock if t == 0 else keep * z + np.sqrt(1.0 - keep * keep) * shock
        out.factor[t] = z
        early = np.exp(law.prepay_loading * z - 0.5 * law.prepay_loading**2)
        for s in range(len(law.stated)):
            out.prepay[s, t] = early
            # A rate of nothing, or of all at once, has no threshold to move.
            if np.isfinite(law.threshold[s]):
                rate = _below(law.threshold[s], law.rho[s], z)
                out.default[s, t] = -np.log1p(-min(rate, 1.0 - 1e-12)) / law.stated[s]


@compiled
def _cores(law: _Law, path: int, out: _Out) -> None:
    """Failures of core enterprises, those that they infect, and what both do to segments."""
    cores = len(out.failed)
    due = np.zeros(cores, dtype=np.int64)
    for t in range(len(law.years)):
        chance = _below(law.core_threshold[t], law.core_rho, out.factor[t])
        for c in range(cores):
            draw = uniform(law.seed, path, _CORE, t * _MOST_CORES + c)
            if out.failed[c] == 0 and draw < chance:
                out.failed[c] = t + 1
                _infect(law, path, c, t + 1 + law.after, due)
        for c in range(cores):
            if out.failed[c] == 0 and due[c] == t + 1:
                out.failed[c] = t + 1
            if out.failed[c] == t + 1:
                _fail(law, c, t, out)


@compiled
def _infect(law: _Law, path: int, core: int, period: int, due: IntArray) -> None:
    """Let enterprises linked to ``core`` fail in ``period``, by chance, if not before."""
    for other in range(len(due)):
        chance = law.contagion * law.linked[core, other]
        place = core * _MOST_CORES + other
        if chance > 0.0 and uniform(law.seed, path, _CONTAGION, place) < chance:
            due[other] = period if due[other] == 0 else min(due[other], period)


@compiled
def _fail(law: _Law, core: int, t: int, out: _Out) -> None:
    """What the failure of ``core`` at the start of period ``t`` (from 0) does to each segment."""
    for s in range(len(law.stated)):
        supplied, ordered = law.suppliers[s, core], law.orders[s, core]
        out.infected[s, t] = 1.0 - (1.0 - out.infected[s, t]) * (1.0 - supplied * law.infection)
        out.unpaid[s, t] = 1.0 - (1.0 - out.unpaid[s, t]) * (1.0 - ordered * law.unpaid)
        for later in range(t, len(law.years)):
            out.default[s, later] *= 1.0 + supplied * (law.multiple - 1.0)
            out.demand[s, later] *= 1.0 - ordered * law.orders_lost


@compiled
def _funders(law: _Law, path: int, out: _Out) -> None:
    """Lines, P2P, outages and rates."""
    lenders, periods = out.line.shape
    gone, rate = False, 0.0
    for h in range(lenders):
        for t in range(periods):
            if _cuts(law, path, h, t, out):
                out.line[h, min(t + law.notice, periods) :] = law.line_left
                break
    for t in range(periods):
        if not gone:
            chance = _below(law.p2p_threshold[t], law.p2p_rho, out.factor[t])
            gone = uniform(law.seed, path, _P2P, t) < chance
        if gone:
            out.renewed[t], out.new[t] = law.p2p_renewed, law.p2p_new
        if uniform(law.seed, path, _OUTAGE, t) < law.outage_probability[t]:
            out.days[t] = 1.0 + np.floor(uniform(law.seed, path, _DAYS, t) * law.longest)
        worse = -normal(law.seed, path, _FACTOR, t)
        own = normal(law.seed, path, _RATE, t)
        move = law.rate_rho * worse + np.sqrt(1.0 - law.rate_rho**2) * own
        rate += law.volatility * np.sqrt(law.years[t]) * move
        out.rate[t] = max(rate, law.least)


@compiled
def _cuts(law: _Law, path: int, lender: int, t: int, out: _Out) -> bool:
    """Whether a lender announces a cut in period ``t`` (from 0), alone or with an enterprise."""
    place = lender * _MOST_CORES + t
    if uniform(law.seed, path, _LINE, place) < law.line_probability[t]:
        return True
    for core in range(len(out.failed)):
        if out.failed[core] == t + 1:
            draw = uniform(law.seed, path, _LINE_CORE, lender * _MOST_CORES + core)
            if draw < law.line_with_core:
                return True
    return False
