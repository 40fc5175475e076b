"""Outliers: cells far from the middle of their kind, by median and median absolute deviation.

A cell is an outlier where it lies over :data:`SPREADS` spreads from the median. The spread is that
of its side, above or below, as books are skewed: 1.4826 times the median distance of the cells of
that side, the standard deviation of a normal law (B. Iglewicz and D. C. Hoaglin, How to Detect and
Handle Outliers, 1993, whose cut of 3.5 is for small samples), and at least a floor below which
differences are of no interest. Amounts and terms are judged by their logarithm, rates within their
segment. Where over :data:`MOST_SHARE` of the cells lie so far out, they are the shape of the book
and not reported; else the :data:`MOST` farthest are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.tape.convert import Codes
from scfcap.tape.derive import Typed
from scfcap.tape.rules.base import Rule

#: Distance from the median at which a cell is an outlier [spreads].
SPREADS: Final = 8.0
#: Share of cells beyond which distance is no exception; three are one in any case.
MOST_SHARE: Final = 0.01
#: Outliers of a column that are reported.
MOST: Final = 100
#: Fewest cells that have a middle.
LEAST: Final = 50
#: Cells that median and spread are taken from, at even distances where there are more.
_SAMPLE = 100_000
_NORMAL = 1.4826


@dataclass(frozen=True)
class Measure:
    """What is judged: its scale, the least spread that counts, and how it is said."""

    cells: Callable[[Typed], FloatArray]
    floor: float
    within: str = ""
    logarithm: bool = False
    said: str = "{:,.6g}"


def _amounts(tape: Typed) -> FloatArray:
    return _log(tape.columns["original_balance"])


def _days(tape: Typed) -> FloatArray:
    start, end = tape.columns["origination_date"], tape.columns["maturity_date"]
    days = (end - start).astype(np.int64).astype(np.float64)
    return _log(np.where(np.isnat(start) | np.isnat(end), np.nan, days))


def _log(cells: FloatArray) -> FloatArray:
    return np.log(np.where(cells > 0.0, cells, np.nan))


MEASURES: Final = {
    "original_balance": Measure(_amounts, 0.25, logarithm=True),
    "rate": Measure(lambda tape: tape.columns["rate"], 0.005, within="segment"),
    "score": Measure(lambda tape: tape.columns["score"], 1.0),
    "maturity_date": Measure(_days, 0.25, logarithm=True, said="{:,.0f} days"),
}


def middle(cells: FloatArray, floor: float) -> tuple[float, float, float]:
    """Median of the known ``cells``, and the spreads below and above it.

    NaN where there are fewer than :data:`LEAST`.
    """
    known = cells[~np.isnan(cells)]
    if len(known) < LEAST:
        return np.nan, np.nan, np.nan
    centre = float(np.median(known))
    below = float(np.median(centre - known[known <= centre]))
    above = float(np.median(known[known >= centre] - centre))
    return centre, max(_NORMAL * below, floor), max(_NORMAL * above, floor)


def _middles(tape: Typed, measure: Measure, cells: FloatArray) -> FloatArray:
    """What each cell is judged by, as :func:`middle` gives it, shape (3, rows) or (3, 1)."""
    step = max(1, len(cells) // _SAMPLE)
    sample = cells[::step]
    if not measure.within:
        return np.array([middle(sample, measure.floor)]).T
    classes: Codes = tape.columns[measure.within]
    codes = classes.codes[::step]
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(classes.labels) + 1))
    found = [
        middle(sample[order[first:last]], measure.floor)
        for first, last in itertools.pairwise(bounds)
    ]
    table = np.array([*found, (np.nan,) * 3]).T
    return np.asarray(table[:, classes.codes])


def _distances(tape: Typed, measure: Measure) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cells, their medians and how far from them they lie [spreads], shapes (rows,)."""
    cells = measure.cells(tape)
    centre, below, above = _middles(tape, measure, cells)
    gap = cells - centre
    return cells, np.broadcast_to(centre, cells.shape), np.maximum(gap / above, -gap / below)


def outlier(column: str) -> Callable[[Typed], BoolArray]:
    """The cells of ``column`` that lie farthest out, :data:`MOST` at most."""
    measure = MEASURES[column]

    def test(tape: Typed) -> BoolArray:
        _, _, distance = _distances(tape, measure)
        rows = np.flatnonzero(distance > SPREADS)
        mask = np.zeros(tape.rows, dtype=np.bool_)
        if len(rows) > max(3, MOST_SHARE * tape.rows):
            return mask
        farthest = np.argsort(-distance[rows], kind="stable")[:MOST]
        mask[rows[farthest]] = True
        return mask

    return test


def _said(column: str) -> Callable[[Typed, IntArray], list[str]]:
    measure = MEASURES[column]

    def said(tape: Typed, rows: IntArray) -> list[str]:
        cells, centre, far = (part[rows] for part in _distances(tape, measure))
        usual, this = (np.exp(v) if measure.logarithm else v for v in (centre, cells))
        of, said = f" of its {measure.within}" if measure.within else "", measure.said.format
        return [
            f"near {said(u)}, the median{of}; this is {said(v)}, {d:.0f} spreads away"
            for u, v, d in zip(usual, this, far, strict=True)
        ]

    return said


RULES: Final[tuple[Rule, ...]] = tuple(
    Rule(
        *(column, "outlier", "warning", outlier(column), _said(column)),
        f"over {SPREADS:g} robust spreads from the median"
        + (f" of its {measure.within}" if measure.within else "")
        + (", by logarithm" if measure.logarithm else ""),
    )
    for column, measure in MEASURES.items()
)
