"""A loop that is compiled to see whether loops can be."""

from __future__ import annotations

from scfcap.compiled import compiled


@compiled
def summed(count: int) -> float:
    """``0.5 * (1 + 2 + ... + count)``."""
    total = 0.0
    for number in range(1, count + 1):
        total += 0.5 * number
    return total
