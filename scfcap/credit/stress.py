"""Scenarios compiled into arrays: what borrowers, core enterprises, funders and systems do.

What a core enterprise does to a segment is blended by the share of the segment's balance that
hangs on it: of a share e of suppliers whose intensity is multiplied by m, the segment feels
``1 + e (m - 1)``; of a share e of unpaid orders of which u default, it loses ``e u`` at once. The
pool's shares at ``as_of`` stand for new loans too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from scfcap.credit.exposure import Exposures, position_of
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.scenario import (
    MULTIPLES,
    BankLineCut,
    BorrowerStress,
    Contagion,
    CoreFailure,
    DrawSurge,
    MarketShut,
    OriginatorFailure,
    Outage,
    P2PRunOff,
    RateShock,
    Scenario,
    Shock,
)


@dataclass(frozen=True)
class Stress:
    """What happens in each scenario K, by segment S, lender H and period T.

    Behaviour [K, S, T]: ``default_multiple``, ``prepay_multiple`` and ``draw_multiple`` on
    intensities;
    ``severity_add``; ``infected`` and ``unpaid``: shares of the loans standing at the period's
    start that default at once, the first with the segment's severity and lag, the second with
    ``unpaid_recovery`` after ``unpaid_lag`` periods; ``demand``: what is left of it.

    ``held`` [K, T]: share of what is due or asked for in a period that moves to the next one.
    What is left of funding: ``line`` [K, H, T] by cuts that hold at once, of which those that call
    older draws leave ``line_called``, and ``line_running`` of it by cuts that let term draws run;
    ``p2p_renewed`` of maturing notes, ``p2p_new`` lenders' money and ``issue`` size [K, T].
    ``surge`` [K, S, T]: share of borrowers' undrawn limits that is drawn at once. ``bank_rate``,
    ``p2p_rate``, ``coupon`` [K, T] are added to new funding's [1/year], ``index_rate`` [K, T] to
    the indices of floating contracts. ``originator_default`` [K, T] is 1 once the originator has
    failed, ``servicer_fee`` [K, T] the factor on what deals pay for servicing.
    """

    scenarios: tuple[str, ...]
    lenders: tuple[str, ...]
    default_multiple: FloatArray
    prepay_multiple: FloatArray
    draw_multiple: FloatArray
    severity_add: FloatArray
    infected: FloatArray
    unpaid: FloatArray
    unpaid_recovery: FloatArray
    unpaid_lag: IntArray
    demand: FloatArray
    held: FloatArray
    line: FloatArray
    line_called: FloatArray
    line_running: FloatArray
    surge: FloatArray
    p2p_renewed: FloatArray
    p2p_new: FloatArray
    issue: FloatArray
    bank_rate: FloatArray
    p2p_rate: FloatArray
    coupon: FloatArray
    index_rate: FloatArray
    originator_default: FloatArray
    servicer_fee: FloatArray

    def __len__(self) -> int:
        return len(self.scenarios)

    def chosen(self, rows: IntArray | Sequence[int]) -> Stress:
        """The scenarios at ``rows``."""
        index = np.asarray(rows, dtype=np.int64)
        names = tuple(self.scenarios[int(k)] for k in index)
        return self._each(names, lambda values: values[index])

    def over(self, periods: int) -> Stress:
        """The same over ``periods``: cut, or levels kept and single blows not repeated."""
        length = self.held.shape[1]
        if periods <= length:
            return self._each(self.scenarios, lambda values: values[..., :periods])
        longer = self._each(
            self.scenarios,
            lambda v: np.concatenate(
                [v, np.repeat(v[..., -1:], periods - length, axis=-1)], axis=-1
            ),
        )
        for blow in (longer.infected, longer.unpaid, longer.held, longer.surge):
            blow[..., length:] = 0.0
        return longer

    def _each(self, names: tuple[str, ...], change: Callable[[FloatArray], FloatArray]) -> Stress:
        changed: dict[str, Any] = {n: change(getattr(self, n)) for n in _ARRAYS}
        return replace(self, scenarios=names, **changed)


_ARRAYS = tuple(f.name for f in fields(Stress) if f.name not in ("scenarios", "lenders"))


def together(parts: Sequence[Stress]) -> Stress:
    """All scenarios of ``parts``, in order; segments, lenders and periods must be the same."""
    joined: dict[str, Any] = {
        n: np.concatenate([getattr(part, n) for part in parts]) for n in _ARRAYS
    }
    return replace(parts[0], scenarios=tuple(n for p in parts for n in p.scenarios), **joined)


def calm(scenarios: Sequence[str], segments: int, lenders: Sequence[str], periods: int) -> Stress:
    """Scenarios in which nothing happens; the arrays are the caller's to fill."""
    count = len(scenarios)

    def of(value: float, *axes: int) -> FloatArray:
        return np.full((count, *axes, periods), value)

    return Stress(
        scenarios=tuple(scenarios),
        lenders=tuple(lenders),
        default_multiple=of(1.0, segments),
        prepay_multiple=of(1.0, segments),
        draw_multiple=of(1.0, segments),
        severity_add=of(0.0, segments),
        infected=of(0.0, segments),
        unpaid=of(0.0, segments),
        unpaid_recovery=of(0.0, segments),
        unpaid_lag=np.zeros((count, segments, periods), dtype=np.int64),
        demand=of(1.0, segments),
        held=of(0.0),
        line=of(1.0, len(lenders)),
        line_called=of(1.0, len(lenders)),
        line_running=of(1.0, len(lenders)),
        surge=of(0.0, segments),
        p2p_renewed=of(1.0),
        p2p_new=of(1.0),
        issue=of(1.0),
        bank_rate=of(0.0),
        p2p_rate=of(0.0),
        coupon=of(0.0),
        index_rate=of(0.0),
        originator_default=of(0.0),
        servicer_fee=of(1.0),
    )


def names_cores(scenarios: Mapping[str, Scenario]) -> tuple[str, ...]:
    """Core enterprises that the scenarios name, sorted; empty if none fails."""
    failures = [x for s in scenarios.values() for x in s.shocks if isinstance(x, CoreFailure)]
    return tuple(sorted({x.core for x in failures}))


def longest_delay(scenarios: Mapping[str, Scenario], grid: PeriodGrid) -> int:
    """Most periods by which a scenario makes cash later than the borrowers' own behaviour."""
    shortest = {"month": 28, "week": 7, "day": 1}[grid.frequency]
    delays = [0]
    for scenario in scenarios.values():
        out = sum(x.days for x in scenario.shocks if isinstance(x, Outage | OriginatorFailure))
        lags = [x.recovery_lag for x in scenario.shocks if isinstance(x, CoreFailure)]
        delays.append(-(-out // shortest) + max(lags, default=0))
    return max(delays)


def compile_scenarios(
    scenarios: Mapping[str, Scenario],
    segments: Sequence[str],
    grid: PeriodGrid,
    *,
    lenders: Sequence[str] = (),
    exposures: Exposures | None = None,
) -> Stress:
    """Arrays of all ``scenarios`` over ``grid``. The order of a scenario's shocks is of no account.

    ``exposures`` are needed where a core enterprise fails; its segments may be fewer, and what is
    not in it does not hang on any.

    Raises:
        InputError: a shock names a segment, lender or core that is not there, a core fails
            without exposures, or contagion has no failure to start from.
    """
    stress = calm(tuple(scenarios), len(segments), lenders, len(grid))
    problems: list[Problem] = []
    for k, (name, scenario) in enumerate(scenarios.items()):
        table = _Table(stress, k, tuple(segments), grid, f"model.toml: scenarios.{name}")
        # One order only, so that sums and products round alike.
        shocks = sorted(scenario.shocks, key=lambda shock: shock.model_dump_json())
        try:
            _whole(table, scenario)
            for shock in shocks:
                _apply(table, shock)
            _failures(table, shocks, exposures)
            _outages(table, shocks)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return stress


@dataclass(frozen=True)
class _Table:
    """One scenario's rows of the arrays, with names for its axes."""

    stress: Stress
    k: int
    segments: tuple[str, ...]
    grid: PeriodGrid
    where: str

    def positions(self, names: Sequence[str], known: Sequence[str], what: str) -> list[int]:
        """Places of ``names`` in ``known``; all of them if none is named."""
        unknown = sorted(set(names) - set(known))
        if unknown:
            there = ", ".join(known) or "none"
            raise InputError(
                Problem(
                    f"{self.where}.shocks",
                    f"{what} {', '.join(unknown)}",
                    f"one of {there}",
                    "Correct the name, or take the shock out.",
                )
            )
        return [known.index(name) for name in names] or list(range(len(known)))


def _span(first: int, last: int | None) -> slice:
    """Periods ``first``..``last``, counted from 1, as indices."""
    return slice(first - 1, last)


def _whole(table: _Table, scenario: Scenario) -> None:
    stress, k, span = table.stress, table.k, _span(scenario.from_period, None)
    for name in MULTIPLES:
        getattr(stress, name)[k, :, span] *= getattr(scenario, name)
    stress.severity_add[k] += scenario.severity_add


def _borrowers(table: _Table, shock: BorrowerStress) -> None:
    stress, k, span = table.stress, table.k, _span(shock.from_period, shock.to_period)
    for s in table.positions(shock.segments, table.segments, "segments"):
        for name in MULTIPLES:
            getattr(stress, name)[k, s, span] *= getattr(shock, name)
        stress.severity_add[k, s, span] += shock.severity_add
        if shock.timing and shock.to_period is not None:
            shape = _timed(shock.timing, shock.to_period - shock.from_period + 1)
            window = stress.default_multiple[k, s, span]
            window *= shape[: len(window)]


def _timed(timing: Sequence[float], periods: int) -> FloatArray:
    """``timing`` spread over equal parts of ``periods``, with a mean of one (T,)."""
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(timing, dtype=np.float64))])
    edges = np.linspace(0.0, len(timing), periods + 1)
    parts = np.diff(np.interp(edges, np.arange(len(sums)), sums))
    return np.asarray(parts * periods / sums[-1])


def _line(table: _Table, shock: BankLineCut) -> None:
    names = () if shock.lender == "all" else (shock.lender,)
    span = _span(shock.from_period + shock.notice, None)
    for h in table.positions(names, table.stress.lenders, "lender"):
        way = table.stress.line_running if shock.call is False else table.stress.line
        way[table.k, h, span] *= 1.0 - shock.cut
        if shock.call:
            table.stress.line_called[table.k, h, span] *= 1.0 - shock.cut


def _p2p(table: _Table, shock: P2PRunOff) -> None:
    span = _span(shock.from_period, None)
    table.stress.p2p_renewed[table.k, span] *= 1.0 - shock.share
    table.stress.p2p_new[table.k, span] *= 1.0 - shock.cut


def _market(table: _Table, shock: MarketShut) -> None:
    table.stress.issue[table.k, _span(shock.from_period, shock.to_period)] *= 1.0 - shock.cut


def _rates(table: _Table, shock: RateShock) -> None:
    span = _span(shock.from_period, shock.to_period)
    table.stress.bank_rate[table.k, span] += shock.bank
    table.stress.p2p_rate[table.k, span] += shock.p2p
    table.stress.coupon[table.k, span] += shock.coupon
    table.stress.index_rate[table.k, span] += shock.index


def _draws(table: _Table, shock: DrawSurge) -> None:
    for s in table.positions(shock.segments, table.segments, "segments"):
        if shock.from_period <= len(table.grid):
            now = table.k, s, shock.from_period - 1
            table.stress.surge[now] = _either(float(table.stress.surge[now]), shock.share)


def _servicer(table: _Table, shock: OriginatorFailure) -> None:
    span = _span(shock.period, None)
    table.stress.originator_default[table.k, span] = 1.0
    table.stress.servicer_fee[table.k, span] *= shock.fee_multiple


def _apply(table: _Table, shock: Shock) -> None:
    """A shock that acts by itself; failures and outages act on each other and come after."""
    match shock:
        case BorrowerStress():
            _borrowers(table, shock)
        case BankLineCut():
            _line(table, shock)
        case P2PRunOff():
            _p2p(table, shock)
        case MarketShut():
            _market(table, shock)
        case RateShock():
            _rates(table, shock)
        case OriginatorFailure():
            _servicer(table, shock)
        case DrawSurge():
            _draws(table, shock)
        case _:
            pass


def held_back(days: FloatArray, grid: PeriodGrid) -> FloatArray:
    """Share of each period in which nothing arrives, from ``days`` of outage that begin in it.

    Shape of both (..., T). Days within a period are its last; what does not fit goes on from the
    next period's first day, where it delays nothing beyond that period unless it fills it.
    """
    length = np.diff(grid.days).astype(np.float64)
    share = np.zeros_like(days)
    carried = np.zeros(days.shape[:-1])
    for t in range(days.shape[-1]):
        out = carried + days[..., t]
        full = out >= length[t]
        share[..., t] = np.where(full, 1.0, days[..., t] / length[t])
        carried = np.where(full, out - length[t], 0.0)
    return share


def _outages(table: _Table, shocks: Sequence[Shock]) -> None:
    days = np.zeros(len(table.grid))
    begin = [(x.from_period, x.days) for x in shocks if isinstance(x, Outage)]
    begin += [(x.period, x.days) for x in shocks if isinstance(x, OriginatorFailure)]
    for period, length in begin:
        if period <= len(days):
            days[period - 1] += length
    if days.any():
        table.stress.held[table.k] = held_back(days, table.grid)


@dataclass(frozen=True)
class Hit:
    """Core enterprise ``core`` (a column) fails at the start of ``period`` with ``chance``."""

    core: int
    period: int
    chance: float
    failure: CoreFailure


def hits(
    failures: Sequence[CoreFailure],
    contagion: Sequence[Contagion],
    exposures: Exposures,
    where: str,
) -> list[Hit]:
    """The failures named and, with their probability, those that they infect.

    An enterprise fails once: named, or infected by the first failure that reaches it. Those
    infected infect nobody. Where several reach it in one period, each stands for its part.
    """
    first = [(position_of(exposures, f.core, f"{where}.shocks"), f) for f in failures]
    result = [Hit(c, f.period, 1.0, f) for c, f in first]
    named = {c for c, _ in first}
    for j in range(len(exposures.cores)):
        if j in named:
            continue
        reached = [
            (f.period + x.after, x.probability * float(exposures.network.linked[i, j]), f)
            for i, f in first
            for x in contagion
        ]
        spared = 1.0
        for period in sorted({t for t, chance, _ in reached if chance > 0.0}):
            now = [(chance, f) for t, chance, f in reached if t == period and chance > 0.0]
            escape = float(np.prod([1.0 - chance for chance, _ in now]))
            total = sum(chance for chance, _ in now)
            for chance, f in now:
                result.append(Hit(j, period, spared * (1.0 - escape) * chance / total, f))
            spared *= escape
    return result


def _failures(table: _Table, shocks: Sequence[Shock], exposures: Exposures | None) -> None:
    failures = [x for x in shocks if isinstance(x, CoreFailure)]
    contagion = [x for x in shocks if isinstance(x, Contagion)]
    if contagion and not failures:
        raise InputError(
            Problem(
                f"{table.where}.shocks",
                'a shock of kind "contagion" without one of kind "core_failure"',
                "a failure from which it spreads",
                "Add a core_failure, or take the contagion out.",
            )
        )
    if not failures:
        return
    if exposures is None:
        raise InputError(
            Problem(
                f"{table.where}.shocks",
                'a shock of kind "core_failure", and no exposures to core enterprises',
                "a tape with a column for buyer_id",
                "Map buyer_id in [tape.columns], or take the shock out.",
            )
        )
    rows = [exposures.segments.index(s) if s in exposures.segments else -1 for s in table.segments]
    stress, k = table.stress, table.k
    weight = np.zeros((len(table.segments), len(table.grid)))
    recovered = np.zeros_like(weight)
    for hit in hits(failures, contagion, exposures, table.where):
        if hit.period > len(table.grid):
            continue
        f, now, on = hit.failure, hit.period - 1, slice(hit.period - 1, None)
        for s, row in enumerate(rows):
            if row < 0:
                continue
            supplied = hit.chance * float(exposures.suppliers[row, hit.core])
            ordered = hit.chance * float(exposures.orders[row, hit.core])
            stress.default_multiple[k, s, on] *= 1.0 + supplied * (
                f.supplier_default_multiple - 1.0
            )
            stress.demand[k, s, on] *= 1.0 - ordered * f.orders_lost
            stress.infected[k, s, now] = _either(stress.infected[k, s, now], supplied * f.infection)
            unpaid = ordered * f.unpaid
            stress.unpaid[k, s, now] = _either(stress.unpaid[k, s, now], unpaid)
            weight[s, now] += unpaid
            recovered[s, now] += unpaid * f.recovery
            if unpaid > 0.0:
                lag = max(int(stress.unpaid_lag[k, s, now]), f.recovery_lag)
                stress.unpaid_lag[k, s, now] = lag
    stress.unpaid_recovery[k] = recovered / np.where(weight > 0.0, weight, 1.0)


def _either(one: float, other: float) -> float:
    """Probability of one or the other of two that do not depend on each other."""
    return 1.0 - (1.0 - one) * (1.0 - other)
