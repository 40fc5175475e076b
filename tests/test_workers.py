"""Processes that work for a command: they see no Ctrl-C, and do not outlive it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from scfcap.api.workers import held_back, pool
from scfcap.cluster import crew
from scfcap.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def _begin() -> None:
    """Nothing is to be kept."""


def _blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_never_see_what_a_terminal_sends():
    with pool(2, _begin, ()) as processes:
        with held_back():
            (found,) = [processes.submit(_blocked)]
        assert {signal.SIGINT, signal.SIGHUP} <= found.result()
    assert not {signal.SIGINT, signal.SIGHUP} & _blocked()


def test_a_program_that_is_started_meanwhile_does_not_either():
    line = [sys.executable, "-S", "-c", "import signal as s; print(s.pthread_sigmask(0, []))"]
    with held_back():
        told = subprocess.check_output(line, text=True)
    assert "SIGINT" in told
    assert "SIGHUP" in told


def test_a_worker_that_dies_is_said():
    with (
        pytest.raises(InputError, match="--workers: found a worker that ended"),
        pool(2, _begin, ()) as processes,
    ):
        processes.submit(_die).result()


def _interrupted(begun):
    with pool(2, _begin, ()) as processes:
        for _ in range(4):
            processes.submit(time.sleep, 600)
        begun += multiprocessing.active_children()
        raise KeyboardInterrupt


def test_an_interrupted_command_leaves_no_worker():
    before, begun = set(multiprocessing.active_children()), []
    with pytest.raises(KeyboardInterrupt):
        _interrupted(begun)
    workers = set(begun) - before
    assert workers
    until = time.monotonic() + 30
    while workers & set(multiprocessing.active_children()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not workers & set(multiprocessing.active_children())


def test_a_worker_of_dask_that_dies_as_it_begins_is_said(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def dying(**_: object) -> None:
        msg = "Nanny failed to start."
        raise RuntimeError(msg)

    monkeypatch.setattr(distributed, "LocalCluster", dying)
    said = "--workers: found a worker that ended as it began"
    with pytest.raises(InputError, match=said), crew(2, None):
        pass
