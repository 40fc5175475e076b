"""Small sound files to begin with: those of the tests' own helpers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def helper(name: str) -> ModuleType:
    """A module below ``tests/`` (``cli.conftest``), which is no package that is installed."""
    if "tests" not in sys.modules:
        tests = ModuleType("tests")
        tests.__path__ = [str(ROOT / "tests")]
        sys.modules["tests"] = tests
    return import_module(f"tests.{name}")


def rows() -> list[list[Any]]:
    """Header and loans of the small tape."""
    cli = helper("cli.conftest")
    return [list(cli.COLUMNS), *cli.loans()]


def csv_text(lines: Sequence[Sequence[Any]]) -> str:
    """Lines as delimited text."""
    return "".join(",".join(map(str, line)) + "\n" for line in lines)


def model(folder: Path) -> Path:
    """The small model with its tape, in ``folder``."""
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(helper("cli.conftest").MODEL, encoding="utf-8")
    (folder / "tape.csv").write_text(csv_text(rows()), encoding="utf-8")
    return folder


def called(*arguments: object) -> tuple[int, str]:
    """Call the program in this process: its exit code, and what it says of errors.

    An exception that the program does not turn into a message goes through.
    """
    from typer.testing import CliRunner

    from scfcap.cli.main import app

    done = CliRunner().invoke(app, [str(each) for each in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stderr
