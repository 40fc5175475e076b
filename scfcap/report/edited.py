"""An edited workbook read back: the blue cells that its reader changed, as overrides of the model.

The workbook says itself which cell states which key (:mod:`scfcap.report.sheets.inputs`); names
of the workbook lead there whatever its sheets are called and wherever cells were moved. Nothing
in it is worked out: an input holds a number. Files are bounded and checked as loan tapes are.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from scfcap.errors import InputError, Problem
from scfcap.report.sheets.inputs import COLUMNS, DIGEST, LIST, MODEL
from scfcap.schema.write import override_text
from scfcap.tape.sheets import audit

#: Most inputs that a workbook may list, and largest file [bytes].
MOST: Final = 10_000
LARGEST: Final = 256 * 2**20
#: How far a value may be from what was written before it counts as changed, relative to it.
_SAME: Final = 1e-12
_FAULTS: Final = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, zlib.error, zipfile.BadZipFile),
    *(InvalidFileException, expat.ExpatError),
)
_NO_FILE = "a folder, pipe or device"
_REGISTRY = "a workbook that scfcap run wrote, with its sheets"
_COPY = "Give the workbook of a run of this model, edited in its blue cells."


@dataclass(frozen=True)
class Edited:
    """A blue cell that was changed: its key, where it stands, what it says and said.

    ``value`` and ``before`` are the model's: what the cell shows times its scale. A cell that only
    the workbook has, such as a multiplier, has no ``key``.
    """

    key: str
    file: str
    sheet: str
    cell: str
    value: float
    before: float

    @property
    def place(self) -> str:
        """``plan.xlsx, sheet Plan, cell C5``."""
        return f"{self.file}, sheet {self.sheet}, cell {self.cell}"

    @property
    def override(self) -> str:
        """``KEY=VALUE`` as ``--set`` takes it."""
        return override_text(self.key, self.value)


@dataclass(frozen=True)
class EditedInputs:
    """What a workbook asks to change, and of which model and files (digest) it was made.

    ``beside`` are changed cells that only the workbook has: no key of the model states them.
    """

    path: Path
    model: str
    digest: str
    listed: int
    changed: tuple[Edited, ...]
    beside: tuple[Edited, ...] = ()


def read_inputs(path: str | Path, model: str | None = None) -> EditedInputs:
    """The inputs of a workbook that were changed since a run wrote it.

    ``model`` is the name of the model that is run; None takes any. Raises
    :class:`~scfcap.errors.InputError` with every problem found: a file that is no workbook or is
    too large, one without the list of inputs, another model's, and inputs that hold no number.
    """
    path = Path(path)
    with _opened(path) as book:
        stated = _text(book, MODEL, path)
        if model is not None and stated != model:
            raise InputError(
                Problem(
                    str(path.name), f"a workbook of the model {stated}", f"one of {model}", _COPY
                )
            )
        return EditedInputs(path, stated, _text(book, DIGEST, path), *_changed(book, path))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The workbook, its parts checked before; what a faulty one brings up is the user's."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError(_NO_FILE)
        with path.open("rb") as raw, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.stat().st_size > LARGEST:
                said = f"more than {LARGEST // 2**20} MiB"
                raise ValueError(said)
            with zipfile.ZipFile(raw) as archive:
                audit(archive, path.name)
            yield load_workbook(raw, read_only=True, data_only=False, keep_links=False)
    except InputError:
        raise
    except _FAULTS as error:
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        found = f"not readable ({words.splitlines()[0][:200]})"
        raise InputError(Problem(path.name, found, _REGISTRY, _COPY)) from None


def _target(book: Any, name: str) -> tuple[str, tuple[int, int, int, int]] | None:
    """Sheet and columns and rows (first column, first row, last column, last row) of a name."""
    defined = book.defined_names.get(name)
    if defined is None:
        return None
    sheet, _, cells = str(defined.attr_text).rpartition("!")
    sheet = sheet.removeprefix("'").removesuffix("'").replace("''", "'")
    if sheet not in book.sheetnames or "#REF" in cells:
        return None
    bounds = range_boundaries(cells.replace("$", ""))
    return None if None in bounds else (sheet, bounds)  # None: a whole column or row


def _text(book: Any, name: str, path: Path) -> str:
    at = _target(book, name)
    cells = [] if at is None else _cells(book, at)
    value = cells[0][0].value if cells and cells[0] else None
    if not isinstance(value, str):
        found = f"no list of inputs (the name {name} is missing or leads nowhere)"
        raise InputError(Problem(path.name, found, _REGISTRY, _COPY))
    return value


def _cells(book: Any, at: tuple[str, tuple[int, int, int, int]]) -> list[tuple[Any, ...]]:
    sheet, (left, top, right, bottom) = at
    found = book[sheet]
    found.reset_dimensions()
    rows = found.iter_rows(min_col=left, min_row=top, max_col=right, max_row=bottom)
    return [tuple(row) for row in rows]


def _changed(book: Any, path: Path) -> tuple[int, tuple[Edited, ...], tuple[Edited, ...]]:
    """How many inputs are listed, those changed, and those changed that have no key; every problem
    of theirs at once.
    """
    at = _target(book, LIST)
    if at is None or at[1][3] - at[1][1] >= MOST or at[1][2] - at[1][0] + 1 != len(COLUMNS):
        found = f"no list of inputs (the name {LIST} is missing or leads elsewhere)"
        raise InputError(Problem(path.name, found, _REGISTRY, _COPY))
    rows = [
        dict(zip(COLUMNS, (cell.value for cell in row), strict=True)) for row in _cells(book, at)
    ]
    places = [_place(book, row) for row in rows]
    values = _values(book, [place for place in places if place is not None])
    told = [_one(row, place, values, path) for row, place in zip(rows, places, strict=True)]
    problems = [each for each in told if isinstance(each, Problem)]
    if problems:
        raise InputError(problems)
    edited = [each for each in told if isinstance(each, Edited)]
    keyed = tuple(each for each in edited if each.key)
    return len(rows), keyed, tuple(each for each in edited if not each.key)


_Place = tuple[str, int, int]


def _place(book: Any, row: Mapping[str, Any]) -> _Place | None:
    """Where an input stands: where its name leads."""
    at = _target(book, str(row["Name"]))
    return None if at is None else (at[0], at[1][1], at[1][0])


def _values(book: Any, places: Sequence[_Place]) -> dict[_Place, tuple[str, Any, bool]]:
    """Cell, value, and whether it is a formula, of each place; each sheet is read once."""
    found: dict[_Place, tuple[str, Any, bool]] = {}
    for name in dict.fromkeys(place[0] for place in places):
        wanted = {place[1:] for place in places if place[0] == name}
        last = max(row for row, _ in wanted)
        right = max(column for _, column in wanted)
        for cells in _cells(book, (name, (1, 1, right, last))):
            for cell in cells:
                if cell.value is not None and (cell.row, cell.column) in wanted:
                    formula = cell.data_type == "f"
                    found[name, cell.row, cell.column] = (cell.coordinate, cell.value, formula)
    return found


def _one(
    row: Mapping[str, Any],
    place: _Place | None,
    values: Mapping[_Place, tuple[str, Any, bool]],
    path: Path,
) -> Edited | Problem | None:
    """An input that was changed, what is wrong with it, or None where it is as written."""
    key, written, scale = row["Key"] or "", row["The model's value"], row["Scale"]
    if not isinstance(key, str) or not _number(written) or not _number(scale):
        found = f"a line without key, value or scale ({key!r}, {written!r}, {scale!r})"
        return Problem(f"{path.name}, list of inputs", found, "the list as it was written", _COPY)
    expected = f"a number for {key or row['Name']}, such as {written!r}, as the run wrote"
    if place is None:
        where = f"{path.name}, sheet {row['Sheet']}, cell {row['Cell']}"
        found = f"the cell is gone (the name {row['Name']} is missing or leads nowhere)"
        return Problem(where, found, expected, "Undo what removed the cell, or use --set.")
    cell, value, formula = values.get(place, (str(row["Cell"]), None, False))
    where = f"{path.name}, sheet {place[0]}, cell {cell}"
    if formula or not _number(value):
        return Problem(where, _said(value, formula=formula), expected, "Type the number itself.")
    if abs(value - written) <= _SAME * abs(written):
        return None
    asked: float = value if scale == 1 else value * scale
    if row["Kind"] == "whole":
        if asked != round(asked):
            return Problem(where, repr(value), f"a whole number for {key}")
        asked = round(asked)
    return Edited(key, path.name, place[0], cell, asked, written * scale)


def _said(value: Any, *, formula: bool) -> str:
    """What a cell holds in place of a number; a spreadsheet makes a day of 1/2."""
    if value is None:
        return "nothing"
    if isinstance(value, date):
        return f"the day {value:%Y-%m-%d}"
    return f"the formula {value}" if formula else repr(value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
