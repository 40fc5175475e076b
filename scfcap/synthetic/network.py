"""Core enterprises over time, and the month's common factor: what strikes many loans at once.

A core enterprise fails at a random date. Before that, with probability ``warned``, lies a phase
of distress of random length in which it pays its orders later and later, for a firm short of
cash stretches its suppliers first; the rest fail without a sign (fraud, a lost licence, a called
guarantee). Other phases of distress end in recovery. So slow payment is evidence, and neither
necessary nor sufficient. Lengths, depths and shares are our own choice, not estimates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.calendar import AHEAD, Calendar
from scfcap.synthetic.draws import Keys, keys, normals, uniforms
from scfcap.synthetic.population import Population, dependence
from scfcap.synthetic.shops import CORES

#: Deviation of the logarithm of the length of a phase of distress.
LENGTH_SIGMA = 0.6
#: Least depth of a phase; the deepest has 1.
LEAST_DEPTH = 0.3
#: Deviation of the logarithm of how late a core enterprise pays: in general, and by month.
HABIT, NOISE = 0.4, 0.4
#: Phases of distress that end in recovery, at most, for one core enterprise.
_PHASES = 4
NEVER = 10**6


@dataclass(frozen=True)
class Network:
    """``failed``: day on which each core enterprise fails, :data:`NEVER` if it does not.

    ``distress``: depth, shape (cores, days + 1), 0 to 1. ``late``: factor on the probability of
    late payment, shape (cores, months). ``phases``: rows (core, first day, last day, 1 if it
    ends in failure). ``infected``: day on which a shop fails with a core enterprise, by shop.
    ``factor``: common factor by month, standard normal, low is bad.
    """

    failed: IntArray
    distress: FloatArray
    late: FloatArray
    phases: IntArray
    infected: IntArray
    factor: FloatArray


def make_network(spec: LivesSpec, calendar: Calendar, shops: Population, seed: int) -> Network:
    """Draw failures, phases of distress, infections and the common factor."""
    key = keys(seed, 12)
    wait = -np.log(uniforms(key[0], CORES)) * 365.0 / max(spec.core_failure, 1e-9)
    failed = np.where(wait < calendar.days, np.floor(wait) + 1, NEVER).astype(np.int64)
    phases = _phases(spec, calendar, failed, key)
    months = calendar.months + AHEAD
    habit = np.exp(HABIT * normals(key[5], CORES))
    noise = np.exp(NOISE * normals(key[6], CORES * months)).reshape(CORES, months)
    late = habit[:, None] * noise
    return Network(
        failed=failed,
        distress=_depth(phases, calendar.days, uniforms(key[7], len(phases))),
        late=late / late.mean(),
        phases=phases,
        infected=_infected(spec, shops, failed, int(key[8])),
        factor=factor_path(spec.persistence, normals(key[9], months)),
    )


def factor_path(persistence: float, shocks: FloatArray) -> FloatArray:
    """A stationary first-order autoregression with variance 1, shape of ``shocks``."""
    path = np.empty_like(shocks)
    path[0] = shocks[0]
    for month in range(1, len(shocks)):
        step = np.sqrt(1.0 - persistence**2) * shocks[month]
        path[month] = persistence * path[month - 1] + step
    return path


def _phases(spec: LivesSpec, calendar: Calendar, failed: IntArray, key: Keys) -> IntArray:
    warned = (uniforms(key[1], CORES) < spec.warned) & (failed < NEVER)
    length = _lengths(spec, normals(key[2], CORES))
    rows = [(k, max(0, failed[k] - length[k]), failed[k], 1) for k in np.flatnonzero(warned)]
    gaps = -np.log(uniforms(key[3], CORES * _PHASES)) * 365.0 / max(spec.false_distress, 1e-9)
    spans = _lengths(spec, normals(key[4], CORES * _PHASES)).reshape(CORES, _PHASES)
    for core in range(CORES):
        begin = 0.0
        for number in range(_PHASES):
            begin += gaps[core * _PHASES + number]
            if begin >= min(failed[core], calendar.days):
                break
            end = begin + spans[core, number]
            if end < failed[core]:
                rows.append((np.int64(core), int(begin), int(end), 0))
            begin = end
    return np.array(sorted(rows), dtype=np.int64).reshape(-1, 4)


def _lengths(spec: LivesSpec, draw: FloatArray) -> IntArray:
    """Lognormal with mean ``distress_days``, at least two weeks [days]."""
    days = spec.distress_days * np.exp(LENGTH_SIGMA * draw - 0.5 * LENGTH_SIGMA**2)
    return np.maximum(days, 14.0).astype(np.int64)


def _depth(phases: IntArray, days: int, draw: FloatArray) -> FloatArray:
    """Depth rises evenly to the failure; to the middle, and falls again, where it recovers."""
    out = np.zeros((CORES, days + 1))
    day = np.arange(days + 1)
    for (core, begin, end, fails), u in zip(phases, draw, strict=True):
        part = np.clip((day - begin) / max(end - begin, 1), 0.0, 1.0)
        shape = part if fails else 1.0 - np.abs(2.0 * part - 1.0)
        inside = (day >= begin) & (day <= end)
        depth = LEAST_DEPTH + (1.0 - LEAST_DEPTH) * u
        out[core] = np.maximum(out[core], np.where(inside, depth * shape, 0.0))
    return out


def _infected(spec: LivesSpec, shops: Population, failed: IntArray, seed: int) -> IntArray:
    """Star contagion: a shop fails with a core enterprise with infection times dependence."""
    day = np.full(len(shops), NEVER)
    streams = keys(seed, CORES)
    for core in np.flatnonzero(failed < NEVER):
        chance = spec.infection * dependence(shops.links, int(core))
        hit = uniforms(streams[core], len(shops)) < chance
        hit &= (shops.birth < failed[core]) & (shops.death > failed[core])
        day = np.where(hit, np.minimum(day, failed[core]), day)
    return np.asarray(day)
