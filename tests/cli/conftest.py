"""A small model of our own making, and two ways to call the program on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scfcap.api.plots import SAVED

MODEL = """\
name = "mini"
title = "A small platform"
currency = "CNY"
as_of = 2020-12-31
regime = "none"

[tape]
source = "file"
path = "tape.csv"

[credit.segments.order]
lifetime_default = 0.005
cpr = 0.1
severity = 0.8

[credit.segments.credit]
cdr = 0.04
cpr = 0.2
severity = 0.7
recovery_lag = 2

[scenarios.base]
[scenarios.stress]
default_multiple = 3.0

[pool.eligibility.bank]
rules = [{ test = "remaining_days <= 300" }]

[plan]
periods = 4
frequency = "month"
money_unit = 1e3
liquidity_floor = 1000.0
opex_rate = 0.01

[opening]
cash = 5000.0

[demand.order]
per_period = 20000.0
minimum = 0.1
[demand.order.new_loans]
loan_type = "order"
rate = 0.2
shortest = 20
longest = 40

[demand.credit]
per_period = 8000.0
new_loans = "tape"

[[lenders]]
name = "bank-a"
limit = 15000.0
tenors = [{ periods = 3, rate = 0.08 }]

[[buyers]]
name = "bank-t"
limit = 20000.0
servicing_fee = 0.02
eligibility = "bank"
"""

AS_OF = date(2020, 12, 31)
COLUMNS = (
    "loan_id", "segment", "loan_type", "origination_date", "maturity_date", "original_balance",
    "current_balance", "rate",
)  # fmt: skip


def loans() -> list[list[Any]]:
    """Forty loans: short orders, and level-payment credits over a year."""
    rows: list[list[Any]] = []
    for k in range(40):
        order = k % 2 == 0
        start = AS_OF - timedelta(days=3 + 5 * (k % 6))
        end = start + timedelta(days=45 if order else 365)
        amount = 1000.0 + 50.0 * k
        owed = amount if order else round(amount * 0.8, 2)
        kind = ("order", "order", 0.2) if order else ("credit", "level_payment", 0.18)
        rows.append([f"L{k:03}", *kind[:2], start, end, amount, owed, kind[2]])
    return rows


@dataclass(frozen=True)
class Result:
    """How a call ended."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def _one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run saves the first of its pictures only, for time; the tests of pictures look at all."""
    monkeypatch.setattr("scfcap.api.plots.SAVED", SAVED[:1])


@pytest.fixture(scope="session")
def model_text() -> str:
    """What the small model's file says."""
    return MODEL


@pytest.fixture(scope="session")
def write_model() -> Callable[[Path, str, Sequence[Sequence[Any]]], Path]:
    """``write_model(FOLDER, TEXT, ROWS)``: a model folder with a tape of these loans."""

    def write(folder: Path, model: str, rows: Sequence[Sequence[Any]]) -> Path:
        folder.mkdir()
        (folder / "model.toml").write_text(model, encoding="utf-8")
        text = "".join(",".join(map(str, line)) + "\n" for line in [COLUMNS, *rows])
        (folder / "tape.csv").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def plain_rows() -> Callable[[], list[list[Any]]]:
    """``plain_rows()``: the small model's loans, anew each time."""
    return loans


@pytest.fixture
def rows() -> list[list[Any]]:
    """The small model's loans, to be spoilt."""
    return loans()


@pytest.fixture
def mini(
    tmp_path: Path, write_model: Callable[[Path, str, Sequence[Sequence[Any]]], Path]
) -> Callable[..., Path]:
    """``mini()``: a model folder; ``mini(model=TEXT, rows=ROWS)`` with other contents."""

    def build(
        model: str = MODEL, rows: Sequence[Sequence[Any]] | None = None, name: str = "mini"
    ) -> Path:
        return write_model(tmp_path / name, model, loans() if rows is None else rows)

    return build


@pytest.fixture
def scfcap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Call the program in this process, from an empty folder."""
    from scfcap.cli.main import app

    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("SCFCAP_TRACEBACK", raising=False)

    def call(*arguments: object) -> Result:
        done = CliRunner().invoke(app, [str(a) for a in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Result(done.exit_code, done.stdout, done.stderr)

    return call


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Result]:
    """Call the program as a process of its own."""

    def call(*arguments: object, cwd: Path = tmp_path) -> Result:
        command = [sys.executable, "-m", "scfcap", *(str(a) for a in arguments)]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    return call
