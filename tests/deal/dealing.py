"""Small deals and pools for tests of the deal engine."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from scfcap.deal.assets import Assets, GivenAssets
from scfcap.deal.engine import Surroundings, run_deal
from scfcap.deal.outcome import DealRun
from scfcap.deal.structure import Deal
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.deal import DealSpec
from scfcap.testing.deals import deal_spec, tuples

CLOSING = date(2019, 12, 31)
__all__ = ["CLOSING", "ParLoans", "deal_of", "pool_of", "run", "spec_of", "tuples"]


def spec_of(terms: str | Mapping[str, Any]) -> DealSpec:
    """A deal's spec from TOML text or a mapping; closing is :data:`CLOSING` unless stated."""
    data = tomllib.loads(terms) if isinstance(terms, str) else dict(terms)
    return deal_spec({"closing": CLOSING} | data)


def deal_of(
    terms: str | Mapping[str, Any] | DealSpec, periods: int, begin: date | None = None
) -> Deal:
    """A deal ready to run over ``periods`` months from its closing, or from ``begin``."""
    spec = terms if isinstance(terms, DealSpec) else spec_of(terms)
    opening = None if spec.opening is None else spec.opening.date
    return Deal.of("test", spec, PeriodGrid.build(begin or opening or spec.closing, periods))


def pool_of(
    start: float | Sequence[float],
    principal: Any,
    interest: Any = 0.0,
    default: Any = 0.0,
    recovery: Any = 0.0,
) -> GivenAssets:
    """A static pool from flows of shape [T] or [K, T]; principal says how many periods."""
    first = np.atleast_1d(np.asarray(start, dtype=np.float64))
    paid = np.atleast_2d(np.asarray(principal, dtype=np.float64))
    shape = np.broadcast_shapes((len(first), 1), paid.shape)

    def whole(values: Any) -> FloatArray:
        return np.array(np.broadcast_to(np.asarray(values, dtype=np.float64), shape))

    first = np.array(np.broadcast_to(first, (shape[0],)))
    left = first[:, None] - np.cumsum(whole(paid) + whole(default), axis=1)
    return GivenAssets(first, whole(interest), whole(paid), whole(default), whole(recovery), left)


def run(
    terms: str | Mapping[str, Any] | DealSpec,
    assets: Assets,
    periods: int,
    *,
    indices: Mapping[str, Any] | None = None,
    **options: Any,
) -> DealRun:
    """Run a deal over months; ``indices`` [T + 1] or [K, T + 1]."""
    levels = {name: np.atleast_2d(np.asarray(v, float)) for name, v in (indices or {}).items()}
    return run_deal(deal_of(terms, periods), assets, Surroundings(levels), **options)


@dataclass
class ParLoans:
    """Loans of one or two periods, bought at par; one scenario, amounts in whole cents.

    ``falls_due`` [T]: principal of the loans held at closing that falls due in each period. New
    loans run ``life`` periods. In period t a share ``default[t]`` of what falls due defaults, and
    all that stood at its start bears ``rate`` for the period. ``offer`` [T]: new loans on offer.
    """

    falls_due: Sequence[float]
    rate: float
    default: Sequence[float]
    offer: Sequence[float]
    life: int = 1
    due: list[float] = field(init=False)
    scenarios: tuple[str, ...] = ("base",)

    def __post_init__(self) -> None:
        self.due = [0.0, *self.falls_due, *([0.0] * self.life)]

    def opening(self) -> FloatArray:
        return np.array([sum(self.due)])

    def collect(self, period: int) -> Any:
        from scfcap.deal.assets import Collected

        standing = sum(self.due[period:])
        lost = round(self.due[period] * self.default[period - 1], 2)
        flows = (
            *(round(standing * self.rate, 2), round(self.due[period] - lost, 2), 0.0, lost),
            *(round(sum(self.due[period + 1 :]), 2), 0.0),
        )
        return Collected(*(np.array([flow]) for flow in flows))

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        return np.minimum(cash, self.offer[period - 1])

    def buy(self, period: int, cash: FloatArray) -> FloatArray:
        self.due[period + self.life] = round(self.due[period + self.life] + float(cash[0]), 2)
        return cash

    def sell(self, period: int, where: Any) -> FloatArray:  # noqa: ARG002
        raise AssertionError
