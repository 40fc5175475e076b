"""What a deal does not decide: indices, the originator's failure, what servicing costs then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scfcap.deal.advances import Base
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class Surroundings:
    """What a deal does not decide: all by scenario.

    ``indices`` by name: level at the start and at each period's end [K or 1, T + 1] [1/year].
    ``originator_fails`` [K]: period in which the originator fails, 0: never. ``servicer_fee``
    [K or 1, T]: factor on what fees ``to_originator`` accrue, within their bounds. ``bases``: what
    lines lend on the loans, by line, where it is more than a rate of the pool.
    """

    indices: Mapping[str, FloatArray] = field(default_factory=dict)
    originator_fails: IntArray | None = None
    servicer_fee: FloatArray | None = None
    bases: Mapping[str, Base] = field(default_factory=dict)

    def chosen(self, rows: IntArray) -> Surroundings:
        """The scenarios at ``rows``."""
        fails, fee = self.originator_fails, self.servicer_fee
        return Surroundings(
            {n: each if len(each) == 1 else each[rows] for n, each in self.indices.items()},
            None if fails is None else fails[rows],
            fee if fee is None or len(fee) == 1 else fee[rows],
            self.bases,
        )
