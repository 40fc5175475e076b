"""Work that goes wrong: a process that dies, a case that does not end; for the test of the crew."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from benchmarks.campaigns.hostile.crew import Part
from benchmarks.campaigns.hostile.meter import Found


def dying(part: Part, reached: Callable[[int], None]) -> Found:
    """Case 3 ends the process, case 5 does not end, others are accepted."""
    found = Found(part.reader)
    for number in range(part.first, part.first + part.count):
        reached(number)
        if number == 3:
            os.kill(os.getpid(), signal.SIGXCPU)
        while number == 5:
            signal.pause()
        found.cases += 1
        found.accepted += 1
    return found


def nothing() -> None:
    """What is done before the first case."""
