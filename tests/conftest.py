"""Where the real data sets are and whether a test that needs one may skip; no network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import network

# A busy machine is no fault of the code: no deadline on a single example.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

network.shut()

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT.parent / "shared" / "data"


def find_data(name: str, stated: str, default: Path) -> Path:
    """Folder of a real data set: in ``stated`` if given, else in ``default``.

    Fails where it was stated and is missing; skips where it was not.
    """
    folder = Path(stated or default) / name
    if folder.is_dir():
        return folder
    if stated:
        pytest.fail(f"SCFCAP_DATA={stated} has no data set {name}")
    return pytest.skip(f"real data set {name} is not at hand")


@pytest.fixture(scope="session")
def data_dir() -> Callable[[str], Path]:
    """``data_dir(NAME)``: the folder of a real data set, from ``SCFCAP_DATA`` or beside us."""
    return lambda name: find_data(name, os.environ.get("SCFCAP_DATA", ""), DEFAULT_DATA)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(autouse=True)
def _asks_nobody() -> Iterator[None]:
    """Fail a test in which another machine was asked, also where the error was passed over."""
    network.asked.clear()
    yield
    assert network.asked == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, also when there are none."""
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.write_line(f"skipped tests: {len(skipped)}")
