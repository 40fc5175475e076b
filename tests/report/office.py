"""Workbooks as LibreOffice works them out, and whether it finds the engine's figures."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from scfcap.quantities import HALF_CENT
from scfcap.report.book import Book

SOFFICE = shutil.which("soffice")


def recalculate(folder: Path, *names: str, read_only: bool = False) -> dict[str, Workbook]:
    """Workbooks in ``folder``, by name, with the values that LibreOffice works out."""
    if SOFFICE is None:
        pytest.skip("LibreOffice (soffice) is not installed: nothing can recalculate the workbook")
    command = [
        SOFFICE, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to",
        "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "out"),
        *(f"{name}.xlsx" for name in names),
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return {
        name: load_workbook(folder / "out" / f"{name}.xlsx", data_only=True, read_only=read_only)
        for name in names
    }


def same_figures(book: Book, result: Workbook) -> None:
    """Every live cell holds the engine's figure, to half a cent."""
    for sheet, row, column, formula in book.formulas():
        found = result[sheet].cell(row, column).value
        where = f"{sheet} {row},{column} {formula.text}"
        if isinstance(formula.value, str):
            assert found == formula.value, where
        else:
            assert math.isclose(float(found), formula.value, rel_tol=0, abs_tol=HALF_CENT), where
