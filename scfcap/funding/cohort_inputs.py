"""Inputs of the program by cohort: factors, losses, provisions, when loans are repaid."""

from __future__ import annotations

from dataclasses import dataclass

from scfcap.quantities import FloatArray, IntArray

#: A cohort below this share of its initial amount counts as repaid.
ALIVE = 1e-12


@dataclass(frozen=True)
class CohortInputs:
    """Cohorts by segment and vintage, with factors of the projection kernel.

    ``path[j, t]`` performing balance at close of t per unit of initial amount. ``survive``,
    ``repaid``, ``default``, ``interest`` [j, t]: per unit of performing balance at close of
    t - 1; in the cohort's own vintage period per unit originated. Index t from 0 (unused) to T.
    ``terminal[j]`` value at T of one unit of performing principal's remaining cash, discounted;
    ``annuity[j]`` discounted sum of its remaining balances times year fractions [years];
    ``defaults_ahead[j]`` and ``recoveries_ahead[j]`` the discounted defaults after T per unit, and
    what is recovered of them (None: nothing).
    """

    segment: IntArray
    vintage: IntArray
    origin: tuple[str, ...]
    amount: FloatArray
    path: FloatArray
    survive: FloatArray
    repaid: FloatArray
    default: FloatArray
    interest: FloatArray
    terminal: FloatArray
    annuity: FloatArray
    defaults_ahead: FloatArray | None = None
    recoveries_ahead: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.segment)

    def alive(self, j: int, t: int) -> bool:
        """Whether cohort ``j`` has principal at the close of ``t``."""
        return t >= max(int(self.vintage[j]), 0) and self.path[j, t] > ALIVE


@dataclass(frozen=True)
class CreditPath:
    """Loss and recovery where a scenario moves them in time.

    Per unit of performing balance at the close of t - 1 as in :class:`CohortInputs`, [J, T + 1]:
    ``loss``; ``recoverable`` after the segment's lag; ``struck``, recoverable of what a core
    enterprise's failure takes, after ``struck_lag`` [S, T + 1] periods. Of what is due in d,
    ``arrival[d, t]`` arrives in t, ``waiting[d, t]`` is under way at its close; [T + 1, T + 1].
    """

    loss: FloatArray
    recoverable: FloatArray
    struck: FloatArray
    struck_lag: IntArray
    arrival: FloatArray
    waiting: FloatArray


@dataclass(frozen=True)
class ProvisionInputs:
    """Coverage of what stands, and of what defaulted beyond what is written down.

    ``cover`` [J, T + 1] of a unit of performing principal at the close of t; ``extra`` [S, lags] of
    a unit defaulted so many periods ago; ``opening`` as stated [money units], None: by the rule.
    """

    cover: FloatArray
    extra: FloatArray
    opening: float | None = None


@dataclass(frozen=True)
class Maturing:
    """Share of cohort j's principal at the close of t that is repaid within some days, or later.

    Both [J, T + 1]; the rest is expected to default.
    """

    within: FloatArray
    later: FloatArray
