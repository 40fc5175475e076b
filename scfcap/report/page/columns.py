"""Tables of a run as the page's data: numbers in full, texts by their place in a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from scfcap.report.book import Look
from scfcap.report.labels import Labels
from scfcap.report.labels.tables import Labelled, labelled
from scfcap.report.page.numbers import (
    CODE,
    COUNT,
    PERCENT,
    PRICE,
    RATE,
    SCIENCE,
    NumberFormat,
    money,
)
from scfcap.report.sheets.common import words
from scfcap.report.sheets.limits import family_label
from scfcap.report.tables import Table

#: Rows of a table that a page holds; the run folder has all.
MOST_ROWS = 1_000
_BY_UNIT = {
    "share": PERCENT,
    "1/year": RATE,
    "currency/currency": PRICE,
    **dict.fromkeys(("loans", "rows", "borrowers", "orders"), COUNT),
    "days": NumberFormat(1.0, 0),
    "years": NumberFormat(1.0, 2),
    "periods": CODE,
}
_KEY = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
_SENSES = {"<=": "at most", ">=": "at least"}


@dataclass(frozen=True)
class Teller:
    """Says what stands in tables, for one run in one language."""

    look: Look
    labels: Labels

    def text(self, column: str, value: str) -> str:
        """What a text column holds, in words; a key of the model as it is."""
        if column == "key" and "." in value:
            return value
        return self.labels(_words(column, value, self.labels.names))

    def number(self, table: Table, column: str) -> NumberFormat:
        """How a column's numbers are shown."""
        unit = table.units.get(column)
        if unit is not None:
            if unit == self.look.currency:
                return money(self.look)
            return _BY_UNIT.get(unit, _plain(table.frame[column]))
        if table.name.endswith("_checks"):
            return SCIENCE
        return _plain(table.frame[column])


def _words(column: str, value: str, names: frozenset[str]) -> str:
    if column == "channel" and value:
        return words(value)
    if column == "family":
        return family_label(value)
    if column == "sense":
        return _SENSES.get(value, value)
    return value.replace("_", " ") if _KEY.fullmatch(value) and value not in names else value


def _plain(values: pd.Series) -> NumberFormat:
    """The format of numbers without a unit: whole ones as they are, others with some decimals."""
    if pd.api.types.is_integer_dtype(values):
        return CODE
    found = values.to_numpy(dtype=float, na_value=np.nan)
    found = found[np.isfinite(found)]
    if not len(found) or not (found != np.round(found)).any():
        return CODE
    return NumberFormat(1.0, 2 if np.abs(found).max() >= 100.0 else 4, dash=False)


@dataclass(frozen=True)
class Listed:
    """A table of the page by its key there; ``headings`` are those that a pack states."""

    key: str
    table: Table
    headings: Mapping[str, str] = field(default_factory=dict)


def told(listed: Listed, teller: Teller) -> dict[str, Any]:
    """A table as the page's data holds it: at most :data:`MOST_ROWS` rows."""
    table = listed.table
    held = replace(table, frame=table.frame.iloc[:MOST_ROWS])
    look = teller.look
    units = {
        name: look.label if unit == look.currency else unit for name, unit in table.units.items()
    }
    words = labelled(replace(table, units=units), teller.labels)
    columns = [
        _column(held, str(name), _heading(listed, words, str(name), teller), teller)
        for name in held.frame.columns
    ]
    found: dict[str, Any] = {
        "key": listed.key,
        "name": table.name,
        "title": words.title,
        "rows": len(table.frame),
        "columns": columns,
    }
    if table.note:
        found["note"] = words.note
    return found


def _heading(listed: Listed, words: Labelled, name: str, teller: Teller) -> str:
    """A column's heading with its unit: the pack's own words, else the table's."""
    stated, unit = listed.headings.get(name), words.units.get(name)
    if stated is None or unit is None:
        return stated or words.columns[name]
    return f"{stated}（{unit}）" if teller.labels.language == "zh" else f"{stated}, {unit}"


def _column(table: Table, name: str, label: str, teller: Teller) -> dict[str, Any]:
    values = table.frame[name]
    if pd.api.types.is_bool_dtype(values):
        return _texts(values, label, teller.labels)
    if pd.api.types.is_datetime64_any_dtype(values):
        return _texts(values, label, None, kind="day")
    if pd.api.types.is_numeric_dtype(values):
        return {
            "label": label,
            "kind": "number",
            "values": numbers(values),
            "format": teller.number(table, name).plain(),
            **_other_units(table, name, teller),
        }
    return _texts(values, label, lambda text: teller.text(name, text))


def _other_units(table: Table, name: str, teller: Teller) -> Mapping[str, Any]:
    """Rows of an amount that are counted in something else, as their column ``unit`` says."""
    frame, currency = table.frame, teller.look.currency
    if table.units.get(name) != currency or "unit" not in frame or "use" not in frame:
        return {}
    rows = np.flatnonzero(~frame["unit"].isin(["currency", currency]).to_numpy())
    if not len(rows):
        return {}
    return {"others": rows.tolist(), "otherwise": NumberFormat(1.0, 2).plain()}


def numbers(values: pd.Series) -> list[float | int | None]:
    """Numbers in full; None for what is none."""
    if pd.api.types.is_integer_dtype(values) and not values.isna().any():
        return [int(value) for value in values.to_numpy()]
    found = values.to_numpy(dtype=float, na_value=np.nan)
    return [value if finite else None for value, finite in zip(
        found.tolist(), np.isfinite(found).tolist(), strict=True
    )]  # fmt: skip


def _texts(
    values: pd.Series, label: str, say: Callable[[str], str] | None, kind: str = "text"
) -> dict[str, Any]:
    """Texts by their place in the list of those that differ; -1 for none."""
    codes, found = pd.factorize(values.astype("object"))
    texts = [_said(value) for value in found]
    said = texts if say is None else [say(text) if text else "" for text in texts]
    place = {text: n for n, text in enumerate(dict.fromkeys(said))}
    new = np.array([*(place[text] for text in said), -1])  # none is the last: its code is -1
    return {"label": label, "kind": kind, "texts": list(place), "values": new[codes].tolist()}


def _said(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())[:10]
    return str(value)
