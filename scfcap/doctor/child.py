"""Probes in a process of their own: what each found, and how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: How long all probes together may take [seconds]; a cold machine compiles and reads for a while.
PATIENCE = 180.0


@dataclass(frozen=True)
class Answer:
    """What a probe ``found``; where it failed, the ``error`` in words."""

    found: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


def ask(names: Sequence[str], patience: float = PATIENCE) -> dict[str, Answer]:
    """The answer of each probe; one that ends or holds up the process costs the others nothing."""
    answers: dict[str, Answer] = {}
    waiting = list(names)
    while waiting:
        text, fate = _run(waiting, patience)
        ended, open_probe = _records(text)
        answers |= ended
        culprit = open_probe or next((name for name in waiting if name not in answers), "")
        if culprit and culprit not in answers:
            answers[culprit] = Answer(error=fate)
        waiting = [name for name in waiting if name not in answers]
    return answers


def _run(names: Sequence[str], patience: float) -> tuple[str, str]:
    """What the probes wrote, and in words how their process ended."""
    paths = [os.path.abspath(path) for path in sys.path if path]  # noqa: PTH100
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-P", "-m", "scfcap.doctor.probes", *names]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, stdin=subprocess.DEVNULL,
            check=False, timeout=patience,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return _text(late.stdout), f"it has not ended after {patience:.0f} s"
    except OSError as error:
        return "", f"no process can be started: {error}"
    return _text(done.stdout), _fate(done.returncode, _text(done.stderr))


def _fate(code: int, said: str) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"it brought Python down ({name})"
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    # 1 is how Python ends after an error, which it names last.
    return f"the process ended with {code}" + (f": {last}" if last and code == 1 else "")


def _records(text: str) -> tuple[dict[str, Answer], str]:
    """Answers on record, and the probe that has begun and not ended; empty if there is none."""
    answers: dict[str, Answer] = {}
    open_probe = ""
    for record in _lines(text.splitlines()):
        name = str(record.get("probe", ""))
        if record.get("state") == "begun":
            open_probe = name
            continue
        open_probe = ""
        answers[name] = Answer(record.get("found", {}), str(record.get("error", "")))
    return answers, open_probe


def _lines(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return  # cut off as the process ended


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "backslashreplace")
