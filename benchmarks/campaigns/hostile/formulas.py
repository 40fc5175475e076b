"""The grammar of tests over columns: sound ones with a second account, and spoilt ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.campaigns.hostile import grammar, typed
from benchmarks.campaigns.hostile.cases import Make, Reader
from benchmarks.campaigns.hostile.meter import Case
from scfcap.errors import InputError, Problem
from scfcap.expressions import Expression, ExpressionError, Texts, parse

_LABEL = "the test"
#: Of ten expressions, how many are sound.
SOUND = 5
_DAYS = ("2013-01-01", "2013-12-31", None, "2014-02-28", "9999-12-31")
_NUMBERS = (0.1, None, -3.0, 1e300, 90.0)
_REGIONS = ("N", "S", None, "e\u0301", "é")
_FLAGS = (False, True, None, True, False)
CELLS: dict[str, tuple[Any, ...]] = {
    "rate": _NUMBERS, "balance": _NUMBERS[::-1], "Due Amount": (0.0, 1.0, -0.0, 0.5, None),
    "a.b": (1e-320, 1e308, -1e308, 2.0, 1000.0), "day": _DAYS, "due": _DAYS[::-1],
    "region": _REGIONS, "status": _REGIONS[::-1], "flag": _FLAGS,
}  # fmt: skip
ROWS = len(_DAYS)


class OtherAnswerError(Exception):
    """An expression that comes to something else than its second account."""


def _arrays() -> dict[str, Any]:
    """The cells as the grammar takes them."""
    found: dict[str, Any] = {}
    for name, cells in CELLS.items():
        if name in ("day", "due"):
            found[name] = np.array(cells, dtype="datetime64[D]")
        elif name in ("region", "status"):
            labels = tuple(dict.fromkeys(cell for cell in cells if cell is not None))
            codes = [-1 if cell is None else labels.index(cell) for cell in cells]
            found[name] = Texts(np.array(codes, dtype=np.int32), labels)
        elif name == "flag":
            codes = [-1 if cell is None else int(cell) for cell in cells]
            found[name] = np.array(codes, dtype=np.int8)
        else:
            found[name] = np.array(cells, dtype=np.float64)
    return found


#: The cells as the grammar takes them, by name.
CELLS_BY_NAME = _arrays()


@cache
def _rows() -> list[dict[str, Any]]:
    """The same cells, row by row, for the second account."""
    rows = [{name: cells[k] for name, cells in CELLS.items()} for k in range(ROWS)]
    for row in rows:
        for name in ("day", "due"):
            row[name] = None if row[name] is None else typed._number_of(row[name])
    return rows


def plain(cells: Any) -> list[Any]:
    """What an expression gives, as the second account says it."""
    if not isinstance(cells, np.ndarray):
        return [None if code < 0 else cells.labels[code] for code in cells.codes]
    if cells.dtype == np.int8:
        return [None if answer < 0 else bool(answer) for answer in cells]
    if cells.dtype.kind == "M":
        return [None if np.isnat(day) else int(day.astype(np.int64)) for day in cells]
    return [None if np.isnan(size) else float(size) for size in cells]


def compare(part: typed.Part, found: Expression, cell: Any) -> None:
    """Raise :class:`OtherAnswerError` where ``found`` is not what ``part`` must come to."""
    expected = [part.account(row) for row in _rows()]
    given = plain(found.evaluate(cell, ROWS))
    if given != expected:
        msg = f"{given} where {expected} is right: {part.text}"
        raise OtherAnswerError(msg)


def _expressions(_: Path) -> Make:
    columns = CELLS_BY_NAME

    def cell(name: str) -> Any:
        if name not in columns:
            raise ExpressionError(found=f"column {name[:40]!r}", expected="a column of the tape")
        return columns[name]

    def make(dice: Random) -> Case:
        part: typed.Part | None = None
        kind = "truth"
        if dice.randrange(10) < SOUND:
            part, kind = typed.expression(dice)
        text = grammar.expression(dice) if part is None else part.text

        def run() -> None:
            try:
                found = parse(text)
                _ = found.uses, found.compared("region")
                found.evaluate(cell, ROWS)
                if part is not None:
                    compare(part, found, cell)
                if kind == "truth":
                    found.answers(cell, ROWS)
            except ExpressionError as error:
                told = Problem(_LABEL, error.found, error.expected, error.action)
                raise InputError(told) from None

        return Case(run, (_LABEL,))

    return make


READERS = (Reader("expressions", 130_000, _expressions),)
