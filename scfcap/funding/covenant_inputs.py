"""Covenants of lines, and what they measure, as the program sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scfcap.quantities import FloatArray
from scfcap.schema.covenants import Effect

#: Days for which a default counts as past due.
PAST_DUE_DAYS = 90


@dataclass(frozen=True)
class CovenantInputs:
    """A covenant of a line that is tested at the closes ``tests`` (0: ``as_of``).

    ``limit`` is a multiple of net capital, a share of own loans, least net assets [money units],
    or the advance rate on what is pledged, by ``kind``. ``margin`` is the share of it that the
    plan keeps free. ``eligibility`` names the set that pledged loans must meet; ``days`` past due
    are those from which a loan of the tape counts.
    """

    lender: str
    name: str
    kind: str
    limit: float
    margin: float
    effect: Effect
    tests: frozenset[int]
    eligibility: str = ""
    days: int = 0

    @property
    def at_least(self) -> bool:
        """Whether the limit is a floor."""
        return self.kind == "min_net_assets"

    @property
    def planned(self) -> float:
        """The limit with the margin that the plan keeps."""
        return self.limit * (1.0 + self.margin if self.at_least else 1.0 - self.margin)


@dataclass(frozen=True)
class CrossDefault:
    """A breach at one of the lenders ``of`` has ``effect`` on the line of ``lender``."""

    lender: str
    of: frozenset[str]
    effect: Effect


@dataclass(frozen=True)
class PledgeInputs:
    """Own loans by who takes them as a pledge.

    A cell is what the same eligibility sets ``takes[c]`` admit; ``share`` [C, J] is the part of a
    cohort's balance in it. ``usable`` by set: what its concentration limits leave of a pledge.
    """

    takes: tuple[frozenset[str], ...]
    share: FloatArray
    usable: Mapping[str, float]

    def label(self, cell: int) -> str:
        """Name of a cell: the sets that admit it."""
        return "+".join(sorted(self.takes[cell]))

    def cells(self, eligibility: str) -> list[int]:
        """Cells that a set admits."""
        return [c for c, sets in enumerate(self.takes) if eligibility in sets]


@dataclass(frozen=True)
class LateInputs:
    """What of own loans is past due.

    ``behind`` [J, T + 1]: share of a cohort's performing principal that is behind by roll rates
    (None: nothing is known to be). ``since[t]``: first period whose defaults count at the close of
    t, those of the last :data:`PAST_DUE_DAYS` days. ``opening``: own loans on the
    tape that are past due by at least so many days [money units].
    """

    behind: FloatArray | None
    since: tuple[int, ...]
    opening: Mapping[int, float]


@dataclass(frozen=True)
class Breach:
    """A covenant that the opening book or old loans alone break at the close of ``t``.

    ``lender`` and ``effect`` are whose line it hits and how, ``until`` the last period of a draw
    stop; ``of`` and ``covenant`` say which covenant it is (of another lender: cross default).
    """

    lender: str
    effect: Effect
    t: int
    until: int
    of: str
    covenant: str
    ratio: float
    limit: float
