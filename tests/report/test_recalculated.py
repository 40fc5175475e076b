"""LibreOffice works a workbook out anew, and what is said where it cannot."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook

from scfcap.errors import InputError
from scfcap.report import recalculated
from scfcap.report.book import Book, Formula, Sheet, Style
from scfcap.report.excel import write_book
from scfcap.report.recalculated import converted, office, require_office

needs_office = pytest.mark.skipif(
    office() is None,
    reason="LibreOffice (soffice) is not installed: nothing can recalculate the workbook",
)


def _written(path: Path, value: float) -> Path:
    """A sheet with 1, 2 and their sum, the file's own figure for which is ``value``."""
    sheet = Sheet("S")
    for row, number in enumerate((1.0, 2.0), start=1):
        sheet.put(row, 1, number, Style())
    sheet.put(3, 1, Formula("=SUM(A1:A2)", value), Style())
    return write_book(Book("t", "s", date(2020, 1, 1), "f", [sheet]), path)


@needs_office
def test_figures_are_worked_out_anew_whatever_the_file_holds(tmp_path: Path) -> None:
    stale = _written(tmp_path / "stale.xlsx", 999.0)
    assert load_workbook(stale, data_only=True)["S"]["A3"].value == 999.0
    (made,) = converted([stale], "xlsx", tmp_path / "out")
    assert load_workbook(made, data_only=True)["S"]["A3"].value == 3.0


def test_its_absence_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert office() is None
    with pytest.raises(
        InputError, match=r"(?s)--pdf.*LibreOffice is not installed.*leave out --pdf"
    ):
        require_office("--pdf")


def _program(folder: Path, text: str) -> str:
    path = folder / "soffice"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no room left; exit 77", r"ended with code 77 \(no room left\)"),
        ("echo not a workbook", r"wrote no t\.xlsx \(not a workbook\)"),
    ],
)
def test_a_failure_is_told_in_its_words(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", _program(tmp_path, text))
    with pytest.raises(InputError, match=said):
        converted([tmp_path / "t.xlsx"], "xlsx", tmp_path / "out")


def test_one_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{_program(tmp_path, '/bin/sleep 60')}")
    monkeypatch.setattr(recalculated, "TIMEOUT", 0.2)
    started = time.monotonic()
    with pytest.raises(InputError, match="did not end within"):
        converted([tmp_path / "t.xlsx"], "pdf", tmp_path / "out", asked="--pdf")
    assert time.monotonic() - started < 30
