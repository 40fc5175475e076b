"""Commands that are killed, at a moment or at an act on the file system, and run again."""

from __future__ import annotations

import math
import shutil
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import whole
from .commands import COMMANDS, Command, prepared
from .server import Ended, Fault, Server

#: Endings of a command that is run again: done, or nothing left to do.
_DONE = (0, 2)
#: How often a kill is tried that comes after the command has ended.
_TRIES = 4


@dataclass(frozen=True)
class Undisturbed:
    """A command that nothing disturbs: where it starts from, what it leaves, how it went."""

    start: Path
    content: dict[str, Any]
    ended: Ended


@dataclass(frozen=True)
class Kill:
    """One kill and what came of it; ``wrong`` says what must not be.

    ``how``: "time" or "act"; ``missed``: kills tried before that came too late; ``left`` are
    hidden leftovers right after it; ``seconds``: what all took by the clock.
    """

    command: str
    how: str
    where: float
    killed: bool
    missed: int
    left: int
    wrong: tuple[str, ...]
    seconds: float = 0.0


def undisturbed(server: Server, command: Command, folder: Path) -> Undisturbed:
    """Run a command to its end, as the witness of what it leaves.

    Raises RuntimeError where it fails, or leaves something that is not whole.
    """
    start = prepared(server, command, folder / "start")
    work = _copied(start, folder / "whole")
    ended = server.run(command.arguments, work)
    said = f"exit {ended.code}: {ended.err[-300:]}" if ended.code else whole.broken(work)
    if said:
        msg = f"{command.name}, undisturbed: {said}"
        raise RuntimeError(msg)
    return Undisturbed(start, whole.content(work), ended)


def kill(
    server: Server, command: Command, known: Undisturbed, how: str, where: float, folder: Path
) -> Kill:
    """Kill a command at ``where``, the share of its time or of its acts, and run it again.

    One without acts, as SQLite's are not seen, is killed at a moment.
    """
    begun = time.monotonic()
    how = how if known.ended.acts else "time"
    work = folder / "killed"
    ended, missed = _killed(server, command, known, how, where, work)
    before = whole.content(known.start)
    left = sum(any(p.startswith(".") for p in x.relative_to(work).parts) for x in work.rglob("*"))
    wrong = list(whole.broken(work, listed=command.whole))
    wrong += _mixed(before, whole.content(work), known.content)
    again = server.run(command.arguments, work)
    if again.code not in _DONE or "Traceback" in again.err:
        wrong.append(f"run again it ends with {again.code}: {again.err.strip()[-300:]}")
    found = whole.content(work)
    wrong += [
        f"{name}: not as in a run that nothing disturbs"
        for name in sorted(set(found) | set(known.content))
        if found.get(name) != known.content.get(name)
    ]
    wrong += [f"again: {said}" for said in whole.broken(work)]
    took = round(time.monotonic() - begun, 1)
    return Kill(command.name, how, where, bool(ended.killed_by), missed, left, tuple(wrong), took)


def _killed(
    server: Server, command: Command, known: Undisturbed, how: str, where: float, work: Path
) -> tuple[Ended, int]:
    """How the command ended that was to be killed, and how many kills came too late before.

    What ended before its kill tells how long it takes now, or how many acts it has; and the next
    one comes in half the time.
    """
    ended, missed = known.ended, -1
    while not ended.killed_by and missed < _TRIES - 1:
        missed += 1
        _copied(known.start, work)
        fault = (
            Fault(signal.SIGKILL, after=where * ended.seconds / 2**missed)
            if how == "time"
            else Fault(signal.SIGKILL, act=max(1, math.ceil(where * ended.acts)))
        )
        ended = server.run(command.arguments, work, fault)
    return ended, missed


def _mixed(before: dict[str, Any], now: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Files that are neither as they were nor as they are to be.

    A ledger may be on its way: it is consistent, and its next writer brings it to an end.
    """
    return [
        f"{name}: neither the old file nor the new one"
        for name, held in now.items()
        if held not in (before.get(name), after.get(name)) and not name.endswith(".sqlite")
    ]


def drawn(seed: int, count: int, names: Collection[str]) -> Iterator[tuple[Command, str, float]]:
    """Kills over all commands in turn: half at a moment, half at an act on the file system.

    Moments are shares of the time that the command takes, acts of their number, both uniform.
    """
    random = np.random.default_rng(seed)
    named = [command for command in COMMANDS if command.name in names]
    for k in range(count):
        command = named[k % len(named)]
        if (k // len(named) + k) % 2:
            yield command, "time", round(float(random.uniform(0.0, 1.0)), 3)
        else:
            yield command, "act", round(float(random.uniform(0.0, 1.0)), 3)


def _copied(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))
