"""Where the real data sets are, and whether a test that needs one may skip."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of the code: no deadline on a single example.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Callable[[str], Path]:
    """``data_dir(NAME)``: the folder of a real data set.

    It is looked for in ``SCFCAP_DATA``, else beside the checkout. Where ``SCFCAP_DATA`` is set, a
    missing set fails the test; where it is not, the test skips.
    """

    def find(name: str) -> Path:
        stated = os.environ.get("SCFCAP_DATA", "")
        folder = Path(stated or DEFAULT_DATA) / name
        if folder.is_dir():
            return folder
        if stated:
            pytest.fail(f"SCFCAP_DATA={stated} has no data set {name}")
        return pytest.skip(f"real data set {name} is not at hand")

    return find


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, also when there are none."""
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.write_line(f"skipped tests: {len(skipped)}")
