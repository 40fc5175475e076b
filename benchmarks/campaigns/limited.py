"""A pytest plugin of `make coverage`.

Tests that take too long with compilation off are put off to another pass. Each line that is
reached is kept with the test, and whether the test itself or a fixture of it did so; and the
processor time of each.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numba  # noqa: F401 - read the environment before it is cleared
import pytest
from coverage import Coverage
from hypothesis import settings

LIMIT = float(os.environ.get("COVERAGE_LIMIT", "0"))
LATE = Path(os.environ.get("COVERAGE_LATE", ""))
TIMES = Path(os.environ.get("COVERAGE_TIMES", ""))
EXAMPLES = int(os.environ.get("COVERAGE_EXAMPLES", "100"))
OVER = f"over {LIMIT:g} s with compilation off"


def _at_once(
    _: ThreadPoolExecutor, work: Callable[..., Any], /, *arguments: Any, **named: Any
) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(work(*arguments, **named))
    except Exception as error:
        future.set_exception(error)
    return future


settings.register_profile(
    "measured", deadline=None, derandomize=True, database=None, max_examples=EXAMPLES
)
# A program that a test starts is not measured, and need not be slow.
os.environ.pop("NUMBA_DISABLE_JIT", None)


if LIMIT:
    # What runs in another thread cannot be stopped: a signal reaches the main one alone.
    ThreadPoolExecutor.submit = _at_once  # type: ignore[method-assign]

#: Tests whose time ran out: what they raise on the way (Hypothesis has its own) is no failure.
stopped: set[str] = set()


@contextmanager
def _limited(item: pytest.Item, phase: str) -> Iterator[None]:
    context = f"{item.nodeid}|{phase}"
    measured = Coverage.current()
    if measured is not None:
        measured.switch_context(context)

    def over(_: int, __: FrameType | None) -> None:
        stopped.add(item.nodeid)
        pytest.skip(OVER)

    if LIMIT:
        signal.signal(signal.SIGVTALRM, over)
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    started = time.process_time()
    try:
        yield
    except BaseException as error:
        # Also where the fixture was late for another test of the file, and is not tried again.
        if item.nodeid in stopped or OVER in str(error):
            _line(LATE, item.nodeid)
            pytest.skip(OVER)
        raise
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        _line(TIMES, f"{time.process_time() - started:.3f} {context}")


def _line(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


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


def pytest_itemcollected(item: pytest.Item) -> None:
    """Draw few examples of a property, also where the test says how many it draws."""
    test = getattr(item, "obj", None)
    own = getattr(test, "_hypothesis_internal_use_settings", None)
    if own is not None and own.max_examples > EXAMPLES:
        test._hypothesis_internal_use_settings = settings(own, max_examples=EXAMPLES)
