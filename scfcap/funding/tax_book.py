"""The replay's own reckoning of tax, from the profit that the engines show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from scfcap.funding.inputs import Inputs
from scfcap.quantities import FloatArray


class TaxBook:
    """Tax of one plan, period after period.

    A year's tax is never negative, and what has accrued in a year is not given back in it.
    """

    def __init__(self, inputs: Inputs) -> None:
        rule = inputs.spec.tax
        self._rule, self._unit = rule, inputs.unit
        self._owed = 0.0 if rule is None else rule.payable / inputs.unit
        self._relief = 0.0 if rule is None else rule.losses_forward / inputs.unit
        self._year, self._profit, self._accrued = 0, 0.0, 0.0

    def accrue(self, end: date, after: date, profit: float) -> tuple[float, float]:
        """Tax that accrues in, and tax paid in, the period to ``end`` before one to ``after``."""
        if self._rule is None:
            return 0.0, 0.0
        if end.year != self._year:
            self._relief *= self._year == 0
            self._year, self._profit, self._accrued = end.year, 0.0, 0.0
        self._profit += profit
        due = max(self._rule.rate * (self._profit - self._relief), self._accrued)
        cost, self._accrued = due - self._accrued, due
        self._owed += cost
        if self._rule.paid == "year_end" and after.year == end.year:
            return cost, 0.0
        paid, self._owed = self._owed, 0.0
        return cost, paid


def with_losses_forward(
    years: Sequence[int], profit: FloatArray, rate: float, losses_forward: float
) -> dict[int, float]:
    """Tax by year where every year's loss lowers later years' profit [as ``profit``].

    ``years`` [T] of each period, ``profit`` [T] of each.
    """
    relief, tax = losses_forward, {}
    for year in dict.fromkeys(years):
        made = sum(float(p) for y, p in zip(years, profit, strict=True) if y == year)
        taxed = made - relief
        tax[year] = rate * max(taxed, 0.0)
        relief = max(-taxed, 0.0)
    return tax
