"""What every column of every table means: type, unit and meaning, in one place.

``columns.toml`` has the columns that mean the same wherever they stand, ``tables/*.toml`` the
tables with their columns in order and, under ``own``, what a column means in that table alone.
Capitals in a name stand for what a model calls it: ``deal_SERIES``, "CLASS notes". A term in
{braces} is said by :mod:`scfcap.report.definitions`. Run folders and the page of documents are
made from it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import pandas as pd

from scfcap.report.deal_tables import TITLES as DEAL_TITLES
from scfcap.report.definitions import DEFINITIONS
from scfcap.report.files import RESULT_VERSION
from scfcap.report.live.given import TITLES as LIVE_TITLES
from scfcap.report.tables import Table, title_of

#: Headings of the page, by the file that holds the tables.
GROUPS = {
    "pool": "Tape and pool",
    "flows": "Cash flows, behaviour and orders",
    "deals": "Series and deals",
    "plan": "The plan",
    "contingency": "Contingencies",
}
#: Types of columns.
TYPES = ("text", "date", "whole number", "number", "yes/no")
#: Columns of the dictionary.
COLUMNS = ("table", "title", "column", "unit", "type", "meaning")
_TERM = re.compile(r"\{([^{}]+)\}")
_CHOSEN = re.compile(r"[A-Z]{3,}")


class Said(NamedTuple):
    """What is said of a column; ``unit`` is "currency" for that of the run, empty for none."""

    type: str
    unit: str
    meaning: str


@cache
def catalogue() -> Mapping[str, Mapping[str, Said]]:
    """Every table, by its name or pattern, with its columns in order."""
    return {name: found for group in GROUPS for name, found in _group(group).items()}


def said(table: str, column: str) -> Said | None:
    """What a column of a table means; None where nobody has said it."""
    name = _named(table, tuple(catalogue()))
    if name is None:
        return None
    columns = catalogue()[name]
    found = _named(column, tuple(columns))
    return None if found is None else columns[found]


def dictionary(tables: Mapping[str, Table], currency: str) -> pd.DataFrame:
    """The columns of ``tables`` in order, as :data:`COLUMNS`; amounts are in ``currency``.

    A column that nobody has described has an empty meaning.
    """
    rows = []
    for table in tables.values():
        for column in map(str, table.frame.columns):
            found = said(table.name, column) or Said("", "", "")
            stated = currency if found.unit == "currency" else found.unit
            unit = table.units.get(column, stated)
            rows.append((table.name, table.title, column, unit, found.type, found.meaning))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def document() -> dict[str, Any]:
    """The dictionary as plain values: tables with title and columns, and the terms."""
    return {
        "schema_version": RESULT_VERSION,
        "tables": {
            name: {
                "title": _title(name),
                "columns": {column: found._asdict() for column, found in columns.items()},
            }
            for name, columns in catalogue().items()
        },
        "terms": {name: found._asdict() for name, found in DEFINITIONS.items()},
    }


def page() -> str:
    """The dictionary as a page in Markdown."""
    return "\n".join([*_head(), *_terms(), *_tables()]) + "\n"


def _title(name: str) -> str:
    return DEAL_TITLES.get(name) or LIVE_TITLES.get(name) or title_of(name)


# --- reading --------------------------------------------------------------------------------


@cache
def _group(group: str) -> Mapping[str, Mapping[str, Said]]:
    common = _read("columns.toml")
    return {
        name: {
            column: _said(table.get("own", {}).get(column) or common[column])
            for column in table["columns"]
        }
        for name, table in _read(f"tables/{group}.toml").items()
    }


@cache
def _read(name: str) -> Mapping[str, Any]:
    place = files("scfcap.report.dictionary").joinpath(name)
    return tomllib.loads(place.read_text(encoding="utf-8"))


def _said(parts: tuple[str, str, str]) -> Said:
    kind, unit, meaning = parts
    return Said(kind, unit, _TERM.sub(_defined, meaning))


def _defined(term: re.Match[str]) -> str:
    found = DEFINITIONS[term[1]]
    return f"{found.text} Source: {found.source}."


@cache
def _named(name: str, names: tuple[str, ...]) -> str | None:
    """The one of ``names`` that is ``name``, else whose pattern says most of it."""
    if name in names:
        return name
    fitting = [each for each in names if _CHOSEN.search(each) and _pattern(each).fullmatch(name)]
    return max(fitting, key=len, default=None)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, _CHOSEN.split(name))))


# --- the page -------------------------------------------------------------------------------


def _head() -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield (
        "Every table that a run writes (`tables/*.parquet`, with `--csv` also `csv/*.csv`), column "
        "by column. The `dictionary.csv` of a run folder says the same of its own tables, in the "
        "run's currency. A table or column is there only where the model has what it is of. "
        "Capitals stand for names that the model gives. This page is made by `scfcap schema tables "
        "--out data-dictionary.md`."
    )
    yield ""
    yield (
        "Amounts are in units of the run's currency, never in thousands or millions; shares and "
        "rates are decimals (0.05 is 5%). An empty cell says that there is no such figure, and is "
        "not zero."
    )


def _terms() -> Iterator[str]:
    yield from ("", "## Terms", "", "| Term | Definition | Source |", "|---|---|---|")
    for name, found in DEFINITIONS.items():
        yield _row(name, found.text, found.source)


def _tables() -> Iterator[str]:
    for group, heading in GROUPS.items():
        yield from ("", f"## {heading}")
        for name, columns in _group(group).items():
            yield from ("", f"### {name}", "", f"{_title(name)}.", "")
            yield from ("| Column | Unit | Type | Meaning |", "|---|---|---|---|")
            for column, found in columns.items():
                yield _row(f"`{column}`", found.unit, found.type, found.meaning)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
