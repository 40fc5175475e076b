"""A process that sends deliveries in children of its own, and kills them; driven by its input.

Each line is ``PATH HOW WHERE``: ``whole 0`` sends here and measures, ``step 3`` kills the child
when it has done its third step, ``work 0.5`` within the database's own work, after that share of
the instructions of a whole run, ``time 0.5`` after that share of its time. The answer is a line:
the signal that ended the child, 0 for none.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import date
from itertools import count
from pathlib import Path

from scfcap.ledger.outbox import deliver, open_ledger
from scfcap.report.files import csv_bytes

DAY = date(2020, 1, 2)
#: How finely the database's instructions are counted.
_EACH = 50


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _send(path: Path, last_step: int | None = None, last_work: int | None = None) -> int:
    """Send what is proposed, if nothing kills it before; returns how much work it was."""
    steps, work = count(1), count(1)

    def step(_name: str, _number: int) -> None:
        if next(steps) == last_step:
            _die()

    def at_work() -> None:
        if next(work) == last_work:
            _die()

    with open_ledger(path) as ledger:
        ledger.database.set_progress_handler(at_work, _EACH)
        deliver(ledger, DAY, csv_bytes, trace=step)
    return next(work) - 1


def _child(path: Path, last_step: int | None, last_work: int | None) -> int:
    child = os.fork()
    if not child:
        try:
            _send(path, last_step, last_work)
        finally:
            os._exit(0)
    return child


def main() -> None:
    """Answer each line."""
    took, work = 0.0, 0
    for line in sys.stdin:
        name, how, where = line.split()
        ended = 0
        if how == "whole":
            begun = time.perf_counter()
            work = _send(Path(name))
            took = time.perf_counter() - begun
        else:
            step = int(where) if how == "step" else None
            child = _child(Path(name), step, int(work * float(where)) if how == "work" else None)
            if how == "time":
                time.sleep(took * float(where))
                os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
