"""The loans behind a deal, as the waterfall sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray


@dataclass(frozen=True)
class Collected:
    """What the loans of a deal do in a period [currency], each of shape (K,).

    ``interest`` includes borrowers' fees; ``principal`` is scheduled and early. ``pool`` performs
    at the end of the period, before purchases, and ``delinquent`` of it is past due.
    ``exchanged`` is what loans that a seller gave for others have more than those: in the pool.
    """

    interest: FloatArray
    principal: FloatArray
    recovery: FloatArray
    default: FloatArray
    pool: FloatArray
    delinquent: FloatArray
    exchanged: FloatArray | None = None

    @property
    def cash(self) -> FloatArray:
        """All that is received."""
        return self.interest + self.principal + self.recovery


class Assets(Protocol):
    """Loans of a deal: given from outside, or bought as cash comes in.

    Periods count from 1; each is collected once, in order, before anything is bought in it.
    """

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""

    def opening(self) -> FloatArray:
        """Performing pool at the start of the run [currency], shape (K,); asked for once."""

    def collect(self, period: int) -> Collected:
        """What the loans held at the start of ``period`` do in it."""

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        """Cash out of ``cash`` [K] that can be spent on new loans at the end of ``period``."""

    def buy(self, period: int, cash: FloatArray) -> FloatArray:
        """Spend ``cash`` [K] on new loans; gives their balance [K]."""

    def sell(self, period: int, where: BoolArray) -> FloatArray:
        """Give up all loans in the scenarios ``where`` [K]; gives the performing balance sold."""


@runtime_checkable
class LoanByLoan(Protocol):
    """Assets that know what each of their loans cost and paid."""

    def ledger(self, scenario: str) -> pd.DataFrame:
        """One row a loan that was in the deal in ``scenario``."""


@dataclass
class GivenAssets:
    """Loans whose flows are given: no purchase is made. All [K, T] but ``start`` [K]."""

    start: FloatArray
    interest: FloatArray
    principal: FloatArray
    default: FloatArray
    recovery: FloatArray
    pool: FloatArray
    names: tuple[str, ...] = ()
    delinquent: FloatArray | None = None
    _held: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        before = np.concatenate([self.start[:, None], self.pool[:, :-1]], axis=1)
        gap = np.abs(before - self.principal - self.default - self.pool)
        if not (gap <= ENGINE_TOLERANCE * np.maximum(self.start[:, None], 1.0)).all():
            k, t = np.unravel_index(int(np.nanargmax(gap)), gap.shape)
            msg = (
                f"given loans, scenario {k + 1}, period {t + 1}: opening less principal and "
                f"default differ from the closing by {gap[k, t]:.6g}"
            )
            raise InvariantError(msg)
        self._held = np.ones(len(self.start))

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""
        return self.names or tuple(str(k + 1) for k in range(len(self.start)))

    def opening(self) -> FloatArray:
        """Performing pool at the start; a run begins here, with all loans held."""
        self._held = np.ones(len(self.start))
        return self.start

    def collect(self, period: int) -> Collected:
        """The given flows, as far as the loans have not been sold."""
        t, held = period - 1, self._held
        late = np.zeros(len(held)) if self.delinquent is None else self.delinquent[:, t] * held
        return Collected(
            interest=self.interest[:, t] * held,
            principal=self.principal[:, t] * held,
            recovery=self.recovery[:, t] * held,
            default=self.default[:, t] * held,
            pool=self.pool[:, t] * held,
            delinquent=late,
        )

    def wish(self, period: int, cash: FloatArray) -> FloatArray:  # noqa: ARG002
        """Nothing."""
        return np.zeros_like(cash)

    def buy(self, period: int, cash: FloatArray) -> FloatArray:  # noqa: ARG002
        """Nothing."""
        return np.zeros_like(cash)

    def sell(self, period: int, where: BoolArray) -> FloatArray:
        """The loans are gone from the next period on."""
        sold = np.where(where, self.pool[:, period - 1] * self._held, 0.0)
        self._held = np.where(where, 0.0, self._held)
        return sold
