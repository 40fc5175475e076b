"""Titles, column headings and units of tables, for every output that shows one.

A table's columns have the engine's names (``paid_principal``) and units (``CNY``, ``1/year``).
Here alone they become headings that a reader knows: ``Paid principal, CNY``, and the same in
Chinese.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from scfcap.report.labels import Labels
from scfcap.report.tables import RunMeta, Table

#: Headings that are not the column's name with spaces.
_HEADINGS = {
    "binding": "Binds",
    "bucket": "Bucket",
    "by": "By driver",
    "closes": "Closes concerned",
    "dual": "Dual value",
    "end": "Period end",
    "gap_180": "Change of the 180-day gap",
    "id": "ID",
    "known": "Known from",
    "late": "Late",
    "low": "Low",
    "ok": "Passes",
    "per": "For one more of",
    "pays": "Paid by",
    "score": "Score",
    "sense": "Sense",
    "what": "What",
    "wal": "WAL",
}
#: Words that are written otherwise than a word within a heading.
_WORDS = {"id": "ID", "p2p": "P2P", "cvar": "CVaR", "irr": "IRR", "wal": "WAL", "cdr": "CDR"}
#: Units as a heading tells them; a count's heading says what is counted.
_UNITS = {
    "1/year": "a year",
    "currency/currency": "per unit",
    "share": "",
    "loans": "",
    "borrowers": "",
    "orders": "",
    "rows": "",
}


@dataclass(frozen=True)
class Labelled:
    """How a table is told: its title and note, and by column its heading and its unit in words.

    ``headings`` are without units, ``columns`` with them; a column without a unit has none in
    ``units``.
    """

    title: str
    note: str
    headings: Mapping[str, str]
    units: Mapping[str, str]
    columns: Mapping[str, str]


#: Columns whose texts are names: of what the model states, or of what the tape holds.
_NAMED = frozenset(
    (
        "name", "value", "loan_id", "borrower_id", "buyer_id", "seller_id", "segment", "scenario",
        "lender", "series", "deal", "holder", "entity", "tranche", "account", "fee", "cap", "set",
        "bucket",
    )
)  # fmt: skip


def labels_of(
    language: str, meta: RunMeta, tables: Mapping[str, Table], texts: Sequence[str] = ()
) -> Labels:
    """The labels of a run: its model's names stay as they are, and so do the values of its tape.

    So do ``texts``, which a pack states in its own language.
    """
    values: set[str] = set()
    if language != "en":
        for table in tables.values():
            values.update(_sorted_by(table.name))
            for column in _NAMED.intersection(table.frame.columns):
                if not pd.api.types.is_numeric_dtype(table.frame[column]):
                    values.update(map(str, table.frame[column].dropna().unique()))
    return Labels(language, (*meta.names, meta.model, meta.title, *texts), values)


def _sorted_by(table: str) -> tuple[str, ...]:
    """The column of the tape that a table of the pool is by, as titles write it."""
    for start in ("pool_stratification_", "pool_largest_"):
        if table.startswith(start):
            column = table.removeprefix(start)
            return column, column.lower()
    return ()


def labelled(table: Table, labels: Labels) -> Labelled:
    """The words of ``table`` in the language of ``labels``.

    Texts in the cells are said by ``labels`` themselves.
    """
    columns = [str(column) for column in table.frame.columns]
    spoken = {column: heading(column) for column in columns}
    units = {column: unit_words(table.units.get(column, "")) for column in columns}
    whole = {
        column: f"{spoken[column]}, {units[column]}" if units[column] else spoken[column]
        for column in columns
    }
    return Labelled(
        labels(table.title),
        labels(table.note),
        {column: labels(text) for column, text in spoken.items()},
        {column: labels(text) for column, text in units.items() if text},
        {column: labels(text) for column, text in whole.items()},
    )


def heading(column: str) -> str:
    """The English heading of a column, without its unit.

    >>> heading("paid_principal"), heading("loan_id")
    ('Paid principal', 'Loan ID')
    """
    if column in _HEADINGS:
        return _HEADINGS[column]
    words = [_WORDS.get(word, word) for word in column.split("_") if word]
    plain = " ".join(words) or column
    return plain[:1].upper() + plain[1:]


def unit_words(unit: str) -> str:
    """A unit as a heading tells it in English; nothing where the heading says it already.

    >>> unit_words("1/year"), unit_words("CNY"), unit_words("loans")
    ('a year', 'CNY', '')
    """
    return _UNITS.get(unit, unit)
