"""A proposal for the mapping of an unknown tape: where each of our columns may come from.

Names propose (:mod:`~scfcap.tape.map_names`), values decide (:mod:`~scfcap.tape.map_values`): a
key must be unique, a loan must end after it began, what is outstanding cannot exceed what was
paid out, rates must fit the instalments. Confidence says how far both agree, and is held at
:data:`~scfcap.tape.map_book.DOUBTED` where another column would fit as well or where a name
anywhere in the file is contradicted by its values. What cannot be told is left open with the
reason; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.tape.files import SourceInfo, read_any
from scfcap.tape.map_book import DOUBTED, Book, Choice, Grouping, left_open
from scfcap.tape.map_classes import choose_classes, find_lies
from scfcap.tape.map_dates import choose_dates
from scfcap.tape.map_key import choose_key
from scfcap.tape.map_money import choose_money
from scfcap.tape.map_rate import choose_rate
from scfcap.tape.map_values import profile, sampled
from scfcap.tape.schema import COLUMNS

#: Fewest numbered columns that make a history in wide form.
SERIES: Final = 6


@dataclass(frozen=True)
class Proposal:
    """What :func:`propose` found.

    ``choices``: one for each of our columns, in our order. ``where``, ``grouping``: rows that are
    no loans, and several rows a loan. ``as_of``: the tape's day, where a column tells it.
    ``series``: columns that are numbered, such as ``BAL1`` to ``BAL43``: a history in wide form.
    ``unused``: source columns that no choice uses. ``lies``: names that their values contradict.
    ``file``: keys of ``[tape]`` on how the file is written, such as ``delimiter``. ``segments``:
    values of the column taken for the segment.
    """

    source: str
    rows: int
    columns: int
    choices: tuple[Choice, ...]
    where: str = ""
    grouping: Grouping | None = None
    as_of: date | None = None
    as_of_from: str = ""
    series: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    lies: tuple[str, ...] = ()
    file: Mapping[str, Any] = field(default_factory=dict)
    segments: tuple[str, ...] = ()

    def __getitem__(self, column: str) -> Choice:
        """The choice for one of our columns."""
        return next(choice for choice in self.choices if choice.column == column)

    @property
    def open(self) -> tuple[Choice, ...]:
        """Required columns that the user must settle."""
        return tuple(choice for choice in self.choices if choice.how == "open")

    def to_frame(self) -> pd.DataFrame:
        """One row for each of our columns: column, required, how, source, unit, confidence,
        sample, evidence (or, for an open column, the reason).
        """
        required = {column.name: column.required for column in COLUMNS}
        return pd.DataFrame(
            {
                "column": [c.column for c in self.choices],
                "required": [required[c.column] for c in self.choices],
                "how": [c.how for c in self.choices],
                "source": [said_source(c) for c in self.choices],
                "unit": [c.unit for c in self.choices],
                "confidence": [c.confidence for c in self.choices],
                "sample": [", ".join(c.sample) for c in self.choices],
                "evidence": ["; ".join(c.evidence) or c.reason for c in self.choices],
            }
        )

    def to_toml(self) -> str:
        """A ``[tape]`` section that loads in a model, with remarks; open columns as comments."""
        from scfcap.tape.map_toml import to_toml

        return to_toml(self)

    def to_model(self, name: str) -> str:
        """A whole model file around that section, with the least that a model must state."""
        from scfcap.tape.map_toml import to_model

        return to_model(self, name)


def said_source(choice: Choice) -> str:
    """Where a column comes from, in short."""
    if choice.how == "column":
        return choice.source
    if choice.how == "constant":
        return repr(choice.constant)
    if choice.how == "derive":
        args = [str(v) for k, v in choice.derive.items() if k != "how"]
        return f"{choice.derive['how']}({', '.join(args)})"
    return ""


def propose(path: Path) -> Proposal:
    """Look at a tape, a file or a folder of files, and propose a mapping.

    Raises :class:`InputError` where it cannot be read.
    """
    table, info = read_any(path)
    return propose_table(table, info.name, file_settings(info))


def file_settings(info: SourceInfo) -> dict[str, Any]:
    """Keys of ``[tape]`` on where the rows are and how they are written, as found."""
    names = [one.name for one in info.files]
    found: dict[str, Any] = {"path": names[0]} if len(names) == 1 else {"paths": names}
    if info.sheet is not None:
        found["sheet"] = info.sheet
    if info.delimiter not in (None, ","):
        found["delimiter"] = info.delimiter
    if info.encoding is not None and info.encoding.lower() not in ("utf-8", "utf8", "ascii"):
        found["encoding"] = info.encoding
    return found


def propose_table(table: Any, source: str, options: Mapping[str, Any] | None = None) -> Proposal:
    """The same for an Arrow table of texts or typed cells."""
    if table.num_rows == 0:
        raise InputError(
            Problem(source, "no rows", "at least one loan", "Check that the export is complete.")
        )
    rows = sampled(table.num_rows)
    profiles = {name: profile(name, table.column(name), rows) for name in table.column_names}
    series = numbered(table.column_names)
    inside = {name for names in series.values() for name in names}
    looked = {n: p for n, p in profiles.items() if p.present and n not in inside}
    book = Book(table.num_rows, looked, rows)
    for choose in (choose_key, choose_dates, choose_money):
        choose(book)
    choose_classes(book)
    choose_rate(book)
    book.lies += find_lies(book)
    choices = tuple(_doubted(book, _complete(book, c.name, c.required)) for c in COLUMNS)
    segment = next(c for c in choices if c.column == "segment")
    used = book.taken | {str(v) for c in choices for k, v in c.derive.items() if k != "how"}
    return Proposal(
        source=source,
        rows=table.num_rows,
        columns=len(profiles),
        choices=choices,
        where=book.where,
        grouping=book.grouping,
        as_of=book.as_of,
        as_of_from=book.as_of_from,
        series=series,
        unused=tuple(name for name in profiles if name not in used | inside),
        lies=tuple(dict.fromkeys(book.lies)),
        file=options or {},
        segments=tuple(profiles[segment.source].labels) if segment.how == "column" else (),
    )


def numbered(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns whose names differ in a number at the end only, at least :data:`SERIES` of them."""
    found: dict[str, list[str]] = {}
    for name in names:
        stem = name.rstrip("0123456789")
        if stem != name and stem.strip(" _-."):
            found.setdefault(stem, []).append(name)
    return {stem: tuple(group) for stem, group in found.items() if len(group) >= SERIES}


def _complete(book: Book, column: str, required: bool) -> Choice:
    if column in book.choices:
        return book.choices[column]
    if required:
        return left_open(column, "nothing in the file stands for it")
    return Choice(column, "default")


def _doubted(book: Book, choice: Choice) -> Choice:
    if not book.lies or choice.how in ("open", "default"):
        return choice
    return choice.doubted(DOUBTED, f"names in this file mislead ({book.lies[0]})")
