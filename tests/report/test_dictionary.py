"""The data dictionary: every column of a table has one meaning, and the page is up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pytest
from pandas.api import types as kinds
from typer.testing import CliRunner

from scfcap.cli.main import app
from scfcap.report.definitions import DEFINITIONS
from scfcap.report.dictionary import COLUMNS, TYPES, catalogue, dictionary, document, page, said
from scfcap.report.tables import Table


def of_type(cells: pd.Series, kind: str) -> bool:
    """Whether a column of a table holds what the dictionary says; nothing fits anything."""
    there = cells.dropna()
    if there.empty:
        return True
    match kind:
        case "date":
            return pd.to_datetime(there, errors="coerce").notna().all()
        case "yes/no":
            return kinds.is_bool_dtype(there)
        case "number" | "whole number":
            number = kinds.is_numeric_dtype(there) and not kinds.is_bool_dtype(there)
            return number and (kind == "number" or bool((there % 1 == 0).all()))
        case _:
            return all(isinstance(value, str) for value in there)


def faults(tables: Mapping[str, Table], currency: str) -> list[str]:
    """Columns that have no meaning, another type than is said, or a unit that is not said."""
    wrong = []
    for table in tables.values():
        for column in map(str, table.frame.columns):
            found = said(table.name, column)
            if found is None:
                wrong.append(f"{table.name}.{column}: no meaning")
                continue
            unit = table.units.get(column, "").replace(currency, "currency")
            if unit not in ("", found.unit):
                wrong.append(f"{table.name}.{column}: in {unit}, said to be in {found.unit}")
            if not of_type(table.frame[column], found.type):
                wrong.append(f"{table.name}.{column}: no {found.type}")
    return wrong


def test_every_column_of_a_run_has_a_meaning_a_type_and_a_unit(tables):
    assert faults(tables, "CNY") == []
    frame = dictionary(tables, "CNY")
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == sum(len(table.frame.columns) for table in tables.values())
    assert frame["meaning"].str.len().min() > 0


def test_what_nobody_has_described_is_found(tables):
    table = tables["plan_lending"]
    more = replace(table, frame=table.frame.assign(oddity=1.0))
    assert faults({"plan_lending": more}, "CNY") == ["plan_lending.oddity: no meaning"]
    swapped = replace(table, frame=table.frame.assign(segment=1.5), units={"demand": "loans"})
    assert len(faults({"plan_lending": swapped}, "CNY")) == 2
    assert dictionary({"plan_lending": more}, "CNY").iloc[-1]["meaning"] == ""


def test_names_that_a_model_gives_are_told_by_their_pattern():
    assert said("deal_series-1", "senior notes") == said("deal_x", "CLASS notes")
    assert said("deal_series-1", "notes issued") != said("deal_series-1", "senior notes")
    assert said("pool_borrowing_base_bank-a", "figure") is not None
    assert said("deals_fees", "pool") is None
    assert said("no_such_table", "period") is None


def test_amounts_are_in_the_currency_of_the_run(tables):
    frame = dictionary(tables, "CNY").set_index(["table", "column"])
    assert frame.loc[("plan_lending", "demand"), "unit"] == "CNY"
    assert frame.loc[("pool_summary", "rate"), "unit"] == "1/year"
    assert "currency" not in set(frame["unit"])


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_what_is_said_is_a_sentence_of_a_known_type(name):
    for column, found in catalogue()[name].items():
        assert found.type in TYPES, column
        assert re.fullmatch(r"[^{}]+[^ .][.]", found.meaning), column
        assert found.type in ("number", "whole number") or not found.unit, column


def test_a_term_is_defined_in_one_place():
    """Witness: the comments of the workbook, made of the same definitions."""
    headroom = DEFINITIONS["Headroom"]
    found = said("plan_limits", "headroom")
    assert found is not None
    assert found.meaning == f"{headroom.text} Source: {headroom.source}."
    assert headroom.text in page()


def test_the_page_is_up_to_date(root):
    text = (root / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert text == page(), "write it anew: scfcap schema tables --out docs/data-dictionary.md"


def test_the_command_writes_the_page_and_the_same_for_programs(tmp_path):
    for name in ("page.md", "tables.json"):
        done = CliRunner().invoke(app, ["schema", "tables", "--out", str(tmp_path / name)])
        assert (done.exit_code, done.output) == (0, "")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page()
    written = json.loads((tmp_path / "tables.json").read_text(encoding="utf-8"))
    assert written == document()
    assert written["tables"]["plan_lending"]["columns"]["demand"]["unit"] == "currency"
