"""Loans some at a time, where what is worked out of them would take more than they do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Loans of a block: what is worked out of them stays in a processor's memory.
BLOCK: Final = 65_536


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """``count`` loans, in order, up to ``size`` at a time."""
    for low in range(0, count, size):
        yield slice(low, min(low + size, count))
