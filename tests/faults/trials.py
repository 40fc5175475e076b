"""What a trial of a hindered command is, and how it is judged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from . import whole
from .commands import write_models
from .server import Ended, Server

CHECK = ("check", "mini", "--out", "out")


@dataclass(frozen=True)
class Tried:
    """A fault, the command that suffered it, what happened, what it left, as promised or not."""

    fault: str
    command: str
    happened: str
    left: str
    kept: bool

    def but(self, *, left: str | None = None, kept: bool) -> Tried:
        """The same, said otherwise of what it left, and judged anew."""
        return replace(self, left=self.left if left is None else left, kept=kept)


Case = Callable[[Server, Path], Tried | None]


def models(folder: Path) -> Path:
    """``folder`` anew, with the small model in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_models(folder)
    return folder


def large(tape: Path, loans: int, part: int = 10_000) -> None:
    """The small model's loans again and again, in Parquet, ``part`` of them in a row group."""
    few = pd.read_csv(tape.parent / "tape.csv")
    rows = np.arange(loans)
    many = few.loc[rows % len(few)].reset_index(drop=True)
    many["loan_id"] = rows.astype(str)
    many.to_parquet(tape, index=False, row_group_size=part)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def tried(
    fault: str,
    command: tuple[str, ...],
    ended: Ended,
    work: Path,
    *,
    code: int,
    words: str,
    left: tuple[str, ...] = ("mini",),
) -> Tried:
    """What came of a fault that should end in ``code``, with ``words``, and leave ``left``."""
    here, wrong = _names(work), whole.broken(work)
    told = next((line for line in ended.err.splitlines() if words in line), "")
    clean = not any(word in ended.err for word in ("Traceback", "Exception ignored"))
    said = told.strip().replace(f"{work}{os.sep}", "") or ended.err.strip()[-200:] or "no words"
    return Tried(
        fault,
        " ".join(command),
        f"exit {ended.code}: {said}",
        ", ".join(name for name in here if name != "mini") or "nothing",
        ended.code == code
        and bool(told or not words)
        and clean
        and tuple(here) == left
        and not wrong,
    )


def process(
    command: Sequence[str],
    work: Path,
    environment: Mapping[str, str] | None = None,
    shell: str = "",
    before: Sequence[str] = (),
) -> Ended:
    """The command as a process of its own; ``shell`` goes after it, ``before`` before it."""
    line = [*before, sys.executable, "-m", "scfcap", *command]
    if shell:
        line = ["sh", "-c", f'"$@" {shell}', "sh", *line]
    done = subprocess.run(
        line, cwd=work, env=environment, capture_output=True, check=False, timeout=600
    )
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return Ended(done.returncode, 0, out, err, 0.0, 0)
