"""TOML as a model file may hold it: tables of some depth, keys of some parts, numbers of 64 bits.

The standard library reads more than that: keys of a hundred thousand parts, in a time that grows
with their square; whole numbers of a million digits; tables so deep that those who walk them end.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

#: Deepest tables and lists, and most parts of a dotted key.
MAX_DEPTH: Final = 32
MAX_PARTS: Final = 32
#: Whole numbers beyond this are no TOML (version 1.0, Integer).
MAX_INTEGER: Final = 2**63

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_CHAIN = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+")
_PARTS = re.compile(_PART)


class BoundError(ValueError):
    """A file of TOML that is beyond a bound: what was ``found``, and what is ``expected``."""

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"{found}; expected {expected}")


def read_toml(text: str) -> dict[str, Any]:
    """Tables of a text.

    Raises:
        BoundError: it is beyond a bound.
        ValueError: it is no TOML.
    """
    for chain in _CHAIN.finditer(text):
        if chain[0].count(".") >= MAX_PARTS and len(_PARTS.findall(chain[0])) > MAX_PARTS:
            found = f"a name of more than {MAX_PARTS} parts ({chain[0][:40]}...)"
            raise BoundError(found, f"at most {MAX_PARTS}")
    deep = BoundError(f"tables nested deeper than {MAX_DEPTH}", "a model file")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise deep from None
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict | list):
                below += item.values() if isinstance(item, dict) else item
            elif isinstance(item, int) and not -MAX_INTEGER <= item < MAX_INTEGER:
                found = "a whole number beyond 64 bits"
                raise BoundError(found, "a smaller one")
        level = below
    if level:
        raise deep
    return data
