"""A pytest plugin of `make coverage`.

Tests that take too long with compilation off are put off to another pass, and each line that is
reached is kept with the test, and whether the test itself or a fixture of it did so.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from coverage import Coverage

LIMIT = float(os.environ.get("COVERAGE_LIMIT", "0"))
LATE = os.environ.get("COVERAGE_LATE", "")


@contextmanager
def _limited(item: pytest.Item, phase: str) -> Iterator[None]:
    def late(_: int, __: FrameType | None) -> None:
        with Path(LATE).open("a", encoding="utf-8") as file:
            file.write(f"{item.nodeid}\n")
        pytest.skip(f"over {LIMIT:g} s with compilation off")

    measured = Coverage.current()
    if measured is not None:
        measured.switch_context(f"{item.nodeid}|{phase}")
    if LIMIT:
        signal.signal(signal.SIGVTALRM, late)
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Limit the processor time of a test's fixtures."""
    with _limited(item, "setup"):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Limit the processor time of a test."""
    with _limited(item, "call"):
        return (yield)
