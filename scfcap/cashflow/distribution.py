"""How a pool's cash is spread over Monte Carlo paths: mean, percentiles, expected shortfall."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.brief import Brief, Lines, listed, money
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.paths import Draw
from scfcap.cashflow.project import opening_loans, project
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray, IntArray

#: Percentiles that the tables give [%].
PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
#: The expected shortfall is the mean of so much of the paths, the worst [share].
TAIL = 0.05
#: Most paths that are drawn at once.
MOST_PATHS = 1_000_000
#: Scenarios x segments x periods that are projected in one pass, which bounds the memory.
_CELLS = 400_000
#: What is measured: flows that are added, and whether a low figure is the bad one.
MEASURES: Mapping[str, tuple[tuple[str, ...], bool]] = {
    "collections": (("collections",), True),
    "interest": (("interest",), True),
    "principal": (("scheduled", "prepaid"), True),
    "recovery": (("recovery",), True),
    "default": (("default",), False),
    "loss": (("loss",), False),
}
#: Measured at the close of each period, not over it.
STOCK = "closing"


@dataclass(frozen=True, repr=False)
class Distribution(Brief):
    """A pool's cash over paths N, periods T and segments S; all in currency.

    ``number`` [N] tells each path of ``seed``. ``flow[measure]`` [N, T] is the sum over segments of
    a measure of :data:`MEASURES`, ``total[measure]`` [N, S] its sum over periods; ``closing``
    [N, T] the performing balance at each close. ``failures`` [N] counts which of the core
    enterprises ``cores`` fail.
    """

    seed: int
    number: IntArray
    segments: tuple[str, ...]
    grid: PeriodGrid
    flow: Mapping[str, FloatArray]
    total: Mapping[str, FloatArray]
    closing: FloatArray
    cores: tuple[str, ...]
    failures: IntArray

    def _brief(self) -> tuple[str, Lines]:
        mean = float(self.flow["collections"].sum(axis=1).mean())
        return f"Distribution of a pool's cash over {len(self):,} paths", [
            ("seed", str(self.seed)),
            ("segments", listed(self.segments)),
            ("periods", f"{len(self.grid)}, to {self.grid.ends[-1]}"),
            ("collections, mean", money(mean)),
            ("loss, mean", money(float(self.flow["loss"].sum(axis=1).mean()))),
        ]

    def __len__(self) -> int:
        return len(self.number)

    def periods(self) -> pd.DataFrame:
        """One row a measure, basis and period: see :func:`spread`.

        ``basis`` is "period" (what flows in it), "cumulative" (from ``as_of`` to its end) or
        "close" (the balance then).
        """
        ends = np.array(self.grid.ends, dtype="datetime64[s]")
        parts = []
        for measure, (_, low_is_bad) in MEASURES.items():
            flow = self.flow[measure]
            for basis, values in (("period", flow), ("cumulative", np.cumsum(flow, axis=1))):
                parts.append((measure, basis, spread(values, low_is_bad=low_is_bad)))
        parts.append((STOCK, "close", spread(self.closing, low_is_bad=False)))
        frames = []
        for measure, basis, figures in parts:
            frame = pd.DataFrame({"period": np.arange(1, len(ends) + 1), "end": ends, **figures})
            frame.insert(0, "basis", basis)
            frame.insert(0, "measure", measure)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def totals(self) -> pd.DataFrame:
        """One row a measure and segment ("all" first), over the whole grid: see :func:`spread`.

        ``error`` is the standard error of the mean.
        """
        frames = []
        for measure, (_, low_is_bad) in MEASURES.items():
            by_segment = self.total[measure]
            values = np.concatenate([by_segment.sum(axis=1, keepdims=True), by_segment], axis=1)
            frame = pd.DataFrame(spread(values, low_is_bad=low_is_bad))
            frame.insert(0, "segment", ["all", *self.segments])
            frame.insert(0, "measure", measure)
            frame["error"] = frame["deviation"] / np.sqrt(len(self))
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def paths(self) -> pd.DataFrame:
        """One row a path: its number and each measure over the whole grid and all segments."""
        sums = {name: values.sum(axis=1) for name, values in self.total.items()}
        return pd.DataFrame({"path": self.number, **sums, STOCK: self.closing[:, -1]})

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {
            "distribution_periods": self.periods(),
            "distribution_totals": self.totals(),
            "distribution_paths": self.paths(),
        }


@dataclass(frozen=True)
class PathSums:
    """What a :class:`Distribution` keeps of some loans' flows in paths N; see there.

    ``total`` [N, S] is by ``segments``. The arrays are filled by :meth:`add`.
    """

    segments: tuple[str, ...]
    flow: Mapping[str, FloatArray]
    total: Mapping[str, FloatArray]
    closing: FloatArray
    failures: IntArray

    @classmethod
    def nothing(cls, count: int, segments: Sequence[str], periods: int) -> PathSums:
        """No flows in ``count`` paths."""
        return cls(
            tuple(segments),
            {name: np.zeros((count, periods)) for name in MEASURES},
            {name: np.zeros((count, len(segments))) for name in MEASURES},
            np.zeros((count, periods)),
            np.zeros(count, dtype=np.int64),
        )

    def add(self, rows: slice, part: PathSums) -> None:
        """Add the flows of other loans in paths ``rows``, of segments that are here too."""
        columns = [self.segments.index(name) for name in part.segments]
        for name in MEASURES:
            self.flow[name][rows] += part.flow[name]
            self.total[name][rows, columns] += part.total[name]
        self.closing[rows] += part.closing
        self.failures[rows] = part.failures  # of the path, whosever loans they are

    def distribution(self, draw: Draw, grid: PeriodGrid) -> Distribution:
        """The distribution over all paths, numbered from 0."""
        cores = () if draw.exposures is None else draw.exposures.cores
        return Distribution(
            seed=draw.seed,
            number=np.arange(len(self.closing)),
            segments=self.segments,
            grid=grid,
            flow=self.flow,
            total=self.total,
            closing=self.closing,
            cores=cores,
            failures=self.failures,
        )


def distribution(
    pool: Pool,
    curves: CurveSet,
    draw: Draw,
    count: int,
    tell: Callable[[int], object] | None = None,
) -> Distribution:
    """Project every loan of ``pool`` in ``count`` paths over the grid of ``curves``.

    Paths are numbered from 0, and are drawn and projected some at a time, so that memory does not
    grow with flows x paths; the result does not depend on how many at a time. ``tell`` hears how
    many are done.

    Raises:
        InputError: ``count`` is not between 2 and :data:`MOST_PATHS`, or a segment of the pool has
            no curve.
        InvariantError: money was created or lost.
    """
    refuse_count(count)
    return path_sums(pool, curves, draw, np.arange(count), tell).distribution(draw, curves.grid)


def refuse_count(count: int) -> None:
    """Raise :class:`InputError` where so many paths are none, or too many."""
    if not 2 <= count <= MOST_PATHS:
        raise InputError(
            Problem("paths", f"{count:,}", f"a number of paths from 2 to {MOST_PATHS:,}")
        )


def path_sums(
    pool: Pool,
    curves: CurveSet,
    draw: Draw,
    number: IntArray,
    tell: Callable[[int], object] | None = None,
) -> PathSums:
    """The flows of ``pool`` in the paths ``number`` [N], summed as a distribution keeps them.

    ``tell`` hears how many of them are done. Raises as :func:`distribution`.
    """
    loans = opening_loans(pool, curves, pool.segment)
    groups, periods = len(pool.segments), len(curves.grid)
    sums = PathSums.nothing(len(number), pool.segments, periods)
    for rows in _blocks(len(number), groups * periods):
        drawn = draw.paths(curves, curves.grid, number[rows])
        sums.failures[rows] = (drawn.failed > 0).sum(axis=1)
        under = curves.under(drawn.stress)
        if pool.payers is None:
            flows = run_kernel(loans, under, groups)
            flows.check()
        else:  # what buyers leave unpaid is in no loan
            flows = project(pool, under).flows
        sums.closing[rows] = flows.closing.sum(axis=1)
        for name, (parts, _) in MEASURES.items():
            values = _summed(flows, parts)
            sums.flow[name][rows] = values.sum(axis=1)
            sums.total[name][rows] = values.sum(axis=2)
        if tell is not None:
            tell(rows.stop)
    return sums


def _blocks(count: int, cells: int) -> Iterator[slice]:
    """Paths that are projected together; ``cells`` is segments x periods."""
    size = max(1, _CELLS // max(cells, 1))
    return (slice(first, min(first + size, count)) for first in range(0, count, size))


def _summed(flows: Flows, parts: Sequence[str]) -> FloatArray:
    return np.asarray(sum(getattr(flows, name) for name in parts))


def spread(values: FloatArray, *, low_is_bad: bool) -> dict[str, FloatArray]:
    """Figures of each column of ``values`` [N, M], equally likely rows; each [M].

    ``mean``, ``deviation`` (of the paths, N - 1), ``worst``, ``p1`` ... ``p99`` (linear between
    ranks), ``shortfall``: the mean of the worst :data:`TAIL` (see :func:`expected_shortfall`).
    """
    figures = {
        "mean": values.mean(axis=0),
        "deviation": values.std(axis=0, ddof=1),
        "worst": values.min(axis=0) if low_is_bad else values.max(axis=0),
    }
    ranks = np.percentile(values, PERCENTILES, axis=0)
    figures |= {f"p{p}": rank for p, rank in zip(PERCENTILES, ranks, strict=True)}
    return figures | {"shortfall": expected_shortfall(values, TAIL, low_is_bad=low_is_bad)}


def expected_shortfall(values: FloatArray, share: float, *, low_is_bad: bool) -> FloatArray:
    """Mean of the worst ``share`` of each column of ``values`` [N, M], shape (M,).

    Where share x N is no whole number, the last row counts with the part that is left: the
    expected shortfall of the empirical distribution (Acerbi and Tasche 2002, definition 2.6).
    """
    ordered = np.sort(values, axis=0)
    ordered = ordered if low_is_bad else ordered[::-1]
    weight = np.clip(share * len(values) - np.arange(len(values)), 0.0, 1.0)
    return np.asarray(weight @ ordered / weight.sum())
