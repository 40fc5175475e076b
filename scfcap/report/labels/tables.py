"""Titles, column headings and units of tables, for every output that shows one.

A table's columns have the engine's names (``paid_principal``) and units (``CNY``, ``1/year``).
Here alone they become headings that a reader knows: ``Paid principal, CNY``, and the same in
Chinese.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scfcap.report.labels import Labels
from scfcap.report.tables import Table

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
