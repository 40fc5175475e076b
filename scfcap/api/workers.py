"""Processes that work for a command: what reaches it from a terminal does not reach them, and none
of them outlives it.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from scfcap.errors import InputError, Problem


@contextmanager
def held_back() -> Iterator[None]:
    """Signals of a terminal wait until the end; what begins meanwhile inherits that it never gets
    them.

    A worker that Ctrl-C reached would die by it with a traceback of its own, beside the command.
    """
    if not hasattr(signal, "pthread_sigmask"):  # not on all systems
        yield
        return
    resource_tracker.ensure_running()  # begun later, it would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def pool(
    workers: int, initializer: Callable[..., None], initargs: tuple[Any, ...]
) -> Iterator[ProcessPoolExecutor]:
    """A pool of ``workers`` processes, to which work is given under :func:`held_back`.

    Where what is done with it raises, its processes are ended at once. Raises
    :class:`~scfcap.errors.InputError` where one of them ends by itself.
    """
    others = set(multiprocessing.active_children())
    made = ProcessPoolExecutor(workers, initializer=initializer, initargs=initargs)
    try:
        yield made
    except BaseException as error:
        made.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        if isinstance(error, BrokenProcessPool):
            msg = "a worker that ended before its work was done"
            raise ended(msg) from None
        raise
    made.shutdown()


def ended(found: str) -> InputError:
    """What to say of a worker that is gone."""
    return InputError(
        Problem(
            "--workers",
            found,
            "processes that live, with memory for their work",
            "See why it ended, give fewer workers, or run it again.",
        )
    )
