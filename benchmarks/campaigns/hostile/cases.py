"""What a reader of files is to the campaign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.campaigns.hostile.meter import Case

#: Makes the next case of a reader.
Make = Callable[[Random], Case]


@dataclass(frozen=True)
class Reader:
    """A reader of untrusted input: its ``name`` in the table, its ``share`` of a million cases,
    and what makes its cases once given a folder to work in.
    """

    name: str
    share: int
    start: Callable[[Path], Make]
