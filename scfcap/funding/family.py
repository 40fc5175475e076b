"""What a constraint family is: a name, axes, the kind of limit, and how its rows come about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from scfcap.funding.program import Absent, Key, Row
from scfcap.funding.variables import Book

#: What :mod:`scfcap.funding.catalogue` says of each.
Kind = Literal["identity", "law", "market", "promise", "contract", "policy"]


@dataclass(frozen=True)
class Family:
    """One constraint family.

    ``labels`` gives the keys that the family must yield, ``rows`` yields them. ``what`` names
    the limit in a sentence; ``period_at`` is the position of the period in a key, if any. ``each``
    says that its rows bound what is done in each period, not what stands at its end; ``told`` that
    prices, conflicts and levers name its rows, which they cannot where a key is of many loans.
    """

    name: str
    axes: tuple[str, ...]
    kind: Kind
    what: str
    labels: Callable[[Book], Iterable[Key]]
    rows: Callable[[Book], Iterator[tuple[Key, Row | Absent]]]
    period_at: int | None = None
    each: bool = False
    told: bool = True

    @property
    def is_limit(self) -> bool:
        """Whether its rows are limits that a report shows with their headroom."""
        return self.kind != "identity"
