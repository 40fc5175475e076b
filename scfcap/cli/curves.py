"""How credit tables are told on a terminal: shares in percent, measures in words, intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import blank_repeats, grid

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.schema.credit import SegmentCredit

#: Measures that are no shares: periods or days.
_TIMES = ("recovery_lag", "late_days")
#: Rows of a table that are shown; ``--out`` writes them all.
SHOWN = 40


def behaviour(title: str, frame: pd.DataFrame, stated: Mapping[str, SegmentCredit]) -> RichTable:
    """Each estimate with its interval and count, and what the model states in its place."""
    from scfcap.report.words import MEASURES

    found = (frame["count"] > 0).any()
    shown = frame[(frame["estimate"] != 0) | (frame["count"] > 0)]
    rows = [
        [
            str(row.segment),
            MEASURES.get(str(row.measure), str(row.measure)),
            _figure(row, row.estimate),
            *([_figure(row, _said(stated, row))] if found and stated else []),
            _span(row, partial(_figure, row)),
            f"{int(row.count):,}" if row.count else "",
            *([] if found else [f"{row.source}" + (f": {row.note}" if row.note else "")]),
        ]
        for row in _records(shown)
    ]
    heads = ["segment", "behaviour", "estimate", "95% interval", "loans"]
    heads = [*heads[:3], *(["in model"] if found and stated else []), *heads[3:]]
    heads += [] if found else ["from"]
    return grid(
        title, heads, blank_repeats(rows), ("estimate", "in model", "95% interval", "loans")
    )


def _said(stated: Mapping[str, SegmentCredit], row: Any) -> float:
    from scfcap.credit.languages import told as figure

    credit = stated.get(str(row.segment))
    found = None if credit is None else figure(credit, str(row.measure))
    return math.nan if found is None else found[0]


def _figure(row: Any, value: float) -> str:
    return _number(value, 1) if row.measure in _TIMES else _percent(value)


def told(name: str, title: str, frame: pd.DataFrame) -> RichTable:
    """One of the tables behind the curves, by its name."""
    heads, rows = _TOLD[name](frame)
    more = f" (first {SHOWN} of {len(rows):,})" if len(rows) > SHOWN else ""
    words = ("segment", "behaviour", "method", "state", "measure", "forecast", "class", "outcome")
    numbers = [head for head in heads if head not in (*words, "halves split at", "within")]
    return grid(f"{title}{more}", heads, blank_repeats(rows[:SHOWN]), numbers)


def _lifetime(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    heads = ["segment", "method", "default", "95% interval", "months", "loans or months"]
    rows = [
        [
            str(row.segment),
            f"{row.method}, {row.note}" if row.note else str(row.method),
            _percent(row.default),
            _span(row, _percent),
            _number(row.months),
            _number(row.count),
        ]
        for row in _records(frame)
        if row.default == row.default
    ]
    return heads, rows


def _credibility(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    from scfcap.report.words import MEASURES

    heads = ["behaviour", "segment", "own figure", "events", "Z", "book", "estimate"]
    rows = [
        [
            MEASURES.get(str(row.measure), str(row.measure)),
            str(row.segment),
            _percent(row.own),
            _number(row.events),
            _number(row.z, 2),
            _percent(row.book),
            _percent(row.estimate),
        ]
        for row in _records(frame)
    ]
    return heads, rows


def _roll_ends(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    heads = ["state", "loan-months", "default in the end", "95% interval", "months to the end"]
    rows = [
        [
            str(row.state),
            _number(row.departures),
            _percent(row.lifetime_default),
            _span(row, _percent),
            _number(row.months_to_end, 1),
        ]
        for row in _records(frame[frame["segment"] == frame["segment"].iloc[0]])
        if row.departures > 0
    ]
    return heads, rows


def _roll_test(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    heads = ["segment", "loans", "transitions", "halves split at", "chi square", "degrees", "p"]
    rows = [
        [
            str(row.segment),
            _number(row.loans),
            _number(row.transitions),
            str(row.halves_split_at),
            _number(row.chi_square, 1),
            _number(row.degrees),
            _chance(row.p_value),
        ]
        for row in _records(frame)
    ]
    return heads, rows


def _log_rank(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    heads = ["segment", "defaults", "expected if alike", "chi square", "degrees", "p"]
    rows = [
        [
            str(row.segment),
            _number(row.observed),
            _number(row.expected, 1),
            *([_number(row.chi_square, 1), _number(row.degrees), _chance(row.p_value)]
              if place == 0 else [""] * 3),
        ]
        for place, row in enumerate(_records(frame))
    ]  # fmt: skip
    return heads, rows


def _errors(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    from scfcap.report.words import FORECASTS

    heads = ["measure", "forecast", "end or sum", "mean error", "mean size over mean",
             "months within 95%"]  # fmt: skip
    rows = [
        [
            str(row.measure),
            FORECASTS.get(str(row.forecast), str(row.forecast)),
            _percent(row.cumulative, "+.1%"),
            _percent(row.bias, "+.1%"),
            _percent(row.wape, ".1%"),
            _percent(row.coverage, ".0%"),
        ]
        for row in _records(frame)
    ]
    return heads, rows


def _calibration(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    heads = ["class", "outcome", "loans", "predicted", "95% interval", "actual", "within",
             "segment curves", "rates held"]  # fmt: skip
    rows = [
        [
            f"{row.column} {row.label}",
            str(row.outcome),
            _number(row.loans),
            _number(row.predicted, 1),
            _span(row, _number),
            _number(row.actual),
            "" if math.isnan(row.predicted) else "yes" if row.inside else "no",
            _number(row.model, 1),
            _number(row.naive, 1),
        ]
        for row in _records(frame)
    ]
    return heads, rows


def _records(frame: pd.DataFrame) -> Iterator[Any]:
    return frame.itertuples(index=False)


def _percent(value: float, form: str = ".2%") -> str:
    return "" if math.isnan(value) else format(value, form)


def _number(value: float, digits: int = 0) -> str:
    if math.isnan(value):
        return ""
    return "never" if math.isinf(value) else f"{value:,.{digits}f}"


def _chance(value: float) -> str:
    if math.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _span(row: Any, say: Callable[[float], str]) -> str:
    return (
        "" if math.isnan(row.low) or math.isnan(row.high) else f"{say(row.low)} to {say(row.high)}"
    )


_TOLD: Mapping[str, Callable[[pd.DataFrame], tuple[list[str], list[list[str]]]]] = {
    "lifetime": _lifetime,
    "credibility": _credibility,
    "roll_ends": _roll_ends,
    "roll_test": _roll_test,
    "log_rank": _log_rank,
    "backtest_errors": _errors,
    "backtest_calibration": _calibration,
}
