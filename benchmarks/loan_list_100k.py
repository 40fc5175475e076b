"""A list of SIZE loans with 12 formatted columns, frozen headings, a filter and live totals.

Ours is the sheet of a funder's workbook (``report.book.Strip``); the baseline writes the same
columns without formats, filter or totals. Larger lists than 100,000 loans go to Parquet and CSV
beside a workbook that holds the first 1,000 (``report.long_lists``).
"""

from __future__ import annotations

import io
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
from baselines.workbook import write_tables

from scfcap.report.book import CENT, COUNT, RATE, Book, Formula, Sheet, Strip, Style, letter
from scfcap.report.excel import book_bytes

NAME = "loan_list_100k"
SIZE = 100_000
SMOKE = 500
BARS = {"seconds": 25.0, "beyond_mib": 200.0}
BASELINE_SHARE = 0.2
#: Formats by column; a column without one is text.
_LOOKS = {
    "original": CENT, "balance": CENT, "price": CENT, "rate": RATE, "advance": RATE,
    "days": COUNT, "score": COUNT, "origination": "yyyy-mm-dd", "maturity": "yyyy-mm-dd",
}  # fmt: skip
_FIRST = 3

Inputs = dict[str, Any]


def build(size: int, folder: Path) -> Inputs:
    """A list as a funder's delivery has it: texts, days, amounts, rates and counts."""
    draw = np.random.default_rng(2013)
    start = np.datetime64("2013-06-01") + draw.integers(0, 200, size)
    original = draw.uniform(1e3, 1e6, size).round(2)
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{n:07d}" for n in range(size)],
            "borrower_id": [f"B{n % 40_000:06d}" for n in range(size)],
            "movement": np.array(["in", "stays", "out"])[draw.integers(0, 3, size)],
            "origination": start.astype("datetime64[s]"),
            "maturity": (start + draw.integers(30, 360, size)).astype("datetime64[s]"),
            "original": original,
            "balance": (original * draw.uniform(0.1, 1.0, size)).round(2),
            "price": original,
            "rate": draw.uniform(0.1, 0.2, size).round(4),
            "advance": draw.choice([0.7, 0.8, 0.85], size),
            "days": draw.integers(0, 90, size),
            "score": draw.integers(400, 850, size),
        }
    )
    return {"frame": frame, "folder": folder}


def part(inputs: Inputs, share: float) -> Inputs:
    """The first loans of the list."""
    return {**inputs, "frame": inputs["frame"].head(round(share * len(inputs["frame"])))}


def ours(inputs: Inputs) -> Path:
    """The list as a sheet of strips."""
    frame = inputs["frame"]
    sheet = Sheet("Loans")
    last = _FIRST + len(frame) - 1
    for at, name in enumerate(frame.columns, start=1):
        look = Style(number_format=_LOOKS.get(name, "General"))
        sheet.put(_FIRST - 1, at, name, Style(ink="head", bold=True, fill="head"))
        sheet.strip(Strip(_FIRST, at, look, _values(frame[name])))
        if _LOOKS.get(name) == CENT:
            cells = f"{letter(at)}{_FIRST}:{letter(at)}{last}"
            total = Formula(f"=SUM({cells})", float(frame[name].sum()))
            sheet.put(1, at, total, Style(ink="formula", number_format=CENT, bold=True))
    sheet.freeze = (_FIRST, 2)
    sheet.filter_area = sheet.span(_FIRST - 1, 1, last, len(frame.columns))
    path: Path = inputs["folder"] / "ours.xlsx"
    path.write_bytes(book_bytes(Book("Loans", "Loans", date(2013, 12, 31), "scfcap", [sheet])))
    return path


def _values(column: pd.Series) -> Any:
    """A column as cells hold it."""
    if column.dtype.kind == "M":
        return column.to_numpy().astype("datetime64[D]").tolist()
    return column.tolist()


def baseline(inputs: Inputs) -> Path:
    """pandas to_excel with openpyxl, without formats, filter or totals"""
    return write_tables({"Loans": inputs["frame"]}, inputs["folder"] / "baseline.xlsx")


def check(a: Path, b: Path) -> None:
    """Both hold the same list; ours totals what its live cells add up."""
    listed = pd.read_excel(a, header=_FIRST - 2)
    expected = pd.read_excel(b)
    pd.testing.assert_frame_equal(listed, expected, check_dtype=False)
    shown = openpyxl.load_workbook(io.BytesIO(a.read_bytes()), data_only=True)["Loans"]
    total = shown.cell(1, 1 + list(expected.columns).index("balance")).value
    assert math.isclose(total, expected["balance"].sum(), rel_tol=1e-12)
