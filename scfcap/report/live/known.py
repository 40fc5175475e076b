"""What no input moves: dates, lengths of periods, numbers of payments, levels of indices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.report.live.given import Given
from scfcap.report.live.pieces import Piece
from scfcap.report.live.workings import Workings


@dataclass(frozen=True)
class Known:
    """Cells by period: ``days`` and ``levels`` from the opening on, the others from period 1.

    ``grid_years`` are the grid's, ``years`` by day count, ``interest_years`` of the interest
    period that ends with the period.
    """

    days: list[Piece]
    grid_years: list[Piece]
    years: dict[str, list[Piece]]
    interest_years: list[Piece]
    payments: list[Piece]
    levels: dict[str, list[Piece]]

    @classmethod
    def of(cls, given: Given, cells: Workings) -> Known:
        """Written on ``cells``, first of all."""
        deal, spec, count = given.deal, given.deal.spec, cells.periods
        calendar = deal.calendar
        cells.given("period", "Period", range(count + 1), "count", 0)
        days = cells.days("date", "Payment date", [calendar.start, *calendar.dates[:count]])
        grid = calendar.grid.year_fractions[:count].tolist()
        grid_years = cells.given("grid years", "Years of the period", grid, "years")
        counts = {spec.day_count, *(t.day_count for t in spec.tranches.values())}
        years: dict[str, list[Piece]] = {}
        for name in sorted(str(each) for each in counts if each):
            values = calendar.years(name)[:count].tolist()
            label = f"Years of the period by {name}"
            years[name] = cells.given(f"years {name}", label, values, "years")
        whole = [float(deal.years[calendar.interest_period(t)].sum()) for t in range(1, count + 1)]
        begun = 0 if spec.opening is None else spec.opening.payments_made
        paid = (begun + np.cumsum(calendar.pays[:count])).tolist()
        return cls(
            days=days,
            grid_years=grid_years,
            years=years,
            interest_years=cells.given("years", "Years of the interest period", whole, "years"),
            payments=cells.given("payment", "Number of the payment date", paid, "count"),
            levels={
                name: cells.given(
                    f"index {name}", f"Index {name}", v[: count + 1].tolist(), "rate", 0
                )
                for name, v in given.levels.items()
            },
        )
