"""A solver at work in a thread of its own, so that Ctrl-C is answered while it solves, and one that
does not come back is given up.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from scfcap.errors import InputError, Problem

#: Environment variable that says how long one solve may take [s], and its default.
VARIABLE: Final = "SCFCAP_SOLVE_SECONDS"
SECONDS: Final = 3600.0
#: How much longer a solver that is to end by itself at that time is waited for [s].
GRACE: Final = 10.0
#: How often who waits looks up [s]; on some systems waiting shuts signals out.
_LOOK: Final = 0.5

_Result = TypeVar("_Result")


def solve(model: Any) -> None:
    """``model.run()`` of HiGHS, for as long as :func:`seconds` allows; see :func:`at_work`."""
    limit = seconds()
    model.setOptionValue("time_limit", model.getRunTime() + limit)
    at_work(model.run, limit)


def at_work(work: Callable[[], _Result], limit: float) -> _Result:
    """What ``work`` gives or raises, in a thread.

    An interrupt, or work that does not come back, leaves it there; it ends with the process.
    Raises :class:`~scfcap.errors.InputError` where it takes longer than ``limit`` [s].
    """
    ended = threading.Event()
    given: list[_Result] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:
            raised.append(error)
        finally:
            ended.set()

    begun = time.monotonic()
    threading.Thread(target=run, name="solver", daemon=True).start()
    while not ended.wait(_LOOK):
        if time.monotonic() - begun > limit + GRACE:
            raise too_long(limit)
    if raised:
        raise raised[0]
    if time.monotonic() - begun > limit:
        raise too_long(limit)
    return given[0]


def seconds() -> float:
    """How long one solve may take [s]. Raises :class:`~scfcap.errors.InputError`."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return SECONDS
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not 0.0 < limit < float("inf"):
        raise InputError(Problem(VARIABLE, repr(text), "a number of seconds above 0"))
    return limit


def too_long(limit: float) -> InputError:
    """What to say of a solver that has not ended."""
    return InputError(
        Problem(
            "the solver",
            f"no proven optimum within {limit:g} seconds",
            "a program that is solved in that time",
            f"Plan fewer periods or scenarios, or allow more: {VARIABLE}=7200.",
        )
    )
