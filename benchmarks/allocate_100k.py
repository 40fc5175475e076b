"""The same as ``allocate_1m`` of SIZE loans."""

from __future__ import annotations

from allocate_1m import baseline, build, check, figures, ours

__all__ = ["BARS", "NAME", "SIZE", "SMOKE", "baseline", "build", "check", "figures", "ours"]

NAME = "allocate_100k"
SIZE = 100_000
SMOKE = 3_000
BARS = {"slowest": 6.0, "gap": 1e-4}
