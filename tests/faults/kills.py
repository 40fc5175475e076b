"""Commands that are killed, at a moment or at an act on the file system, and run again."""

from __future__ import annotations

import math
import shutil
import signal
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


@dataclass(frozen=True)
class Undisturbed:
    """A command that nothing disturbs: where it starts from, what it leaves, how it went."""

    start: Path
    content: dict[str, Any]
    ended: Ended


@dataclass(frozen=True)
class Kill:
    """One kill and what came of it; ``wrong`` says what must not be.

    ``how``: "time" or "act"; ``left`` are hidden leftovers right after it.
    """

    command: str
    how: str
    where: float
    killed: bool
    left: int
    wrong: tuple[str, ...]


def undisturbed(server: Server, command: Command, folder: Path) -> Undisturbed:
    """Run a command to its end, as the witness of what it leaves."""
    start = prepared(server, command, folder / "start")
    work = _copied(start, folder / "whole")
    ended = server.run(command.arguments, work)
    if ended.code:
        msg = f"{command.name} ended with {ended.code}: {ended.err}"
        raise RuntimeError(msg)
    assert whole.broken(work) == []
    return Undisturbed(start, whole.content(work), ended)


def kill(
    server: Server, command: Command, known: Undisturbed, how: str, where: float, folder: Path
) -> Kill:
    """Kill a command at ``where``, the share of its time or of its acts, and run it again."""
    work = _copied(known.start, folder / "killed")
    before = whole.content(work)
    fault = (
        Fault(signal.SIGKILL, after=where * known.ended.seconds)
        if how == "time"
        else Fault(signal.SIGKILL, act=max(1, math.ceil(where * known.ended.acts)))
    )
    ended = server.run(command.arguments, work, fault)
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
    return Kill(command.name, how, where, bool(ended.killed_by), left, tuple(wrong))


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
    """Kills over all commands in turn: half at a moment, half at an act on the file system."""
    random = np.random.default_rng(seed)
    named = [command for command in COMMANDS if command.name in names]
    for k in range(count):
        command = named[k % len(named)]
        if (k // len(named) + k) % 2:
            yield command, "time", round(float(random.uniform(0.3, 1.0)), 3)
        else:
            yield command, "act", round(float(random.uniform(0.0, 1.0)), 3)


def _copied(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))
