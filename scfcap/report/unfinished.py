"""What a projection must not say where loans outlive it: lives and yields of a part of the cash."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scfcap.cashflow.project import PoolCashflow
from scfcap.quantities import HALF_CENT, FloatArray
from scfcap.schema.projection import MOST_PERIODS, ProjectionSpec

#: What may stand at the end without telling on a life or a yield [share of the opening balance].
_LITTLE = 1e-6
#: Columns of yields that depend on all the cash.
_WHOLE = ("average_life", "modified_duration", "convexity")


def left(cashflow: PoolCashflow) -> tuple[FloatArray, FloatArray]:
    """What performs, and what is still to be recovered, after the last period [K, S]; 0 where it
    is too little to matter [currency].
    """
    flows = cashflow.flows
    least = np.maximum(_LITTLE * flows.opening[:, :, 0].sum(axis=1, keepdims=True), HALF_CENT)
    performing, due = flows.closing[:, :, -1], flows.receivable[:, :, -1]
    return np.where(performing > least, performing, 0.0), np.where(due > least, due, 0.0)


def withhold(totals: pd.DataFrame, yields: pd.DataFrame, cashflow: PoolCashflow) -> None:
    """Blank, in place, what cannot be told: average lives of segments and scenarios in which
    loans still stand, yields of scenarios in which loans or recoveries do.
    """
    performing, due = left(cashflow)
    for k, scenario in enumerate(cashflow.scenarios):
        open_ones = {name for name, x in zip(cashflow.segments, performing[k], strict=True) if x}
        open_ones |= {"all"} if open_ones else set()
        rows = (totals["scenario"] == scenario) & totals["segment"].isin(open_ones)
        totals.loc[rows, "average_life"] = np.nan
        if performing[k].any() or due[k].any():
            rates = [name for name in yields if name in _WHOLE or str(name).endswith("_yield")]
            yields.loc[yields["scenario"] == scenario, rates] = np.nan


def cautions(
    cashflow: PoolCashflow, projection: ProjectionSpec, planned: str, currency: str
) -> list[str]:
    """What stands at the end of the projection, what is withheld for it, and what to set.

    ``planned`` is the frequency of the plan.
    """
    performing, due = left(cashflow)
    opening = cashflow.flows.opening[:, :, 0].sum(axis=1)
    said = []
    for k, name in enumerate(cashflow.scenarios):
        stands, recovers = float(performing[k].sum()), float(due[k].sum())
        if stands or recovers:
            parts = (
                [f"{stands:,.2f} of {opening[k]:,.2f} {currency} still performs"] if stands else []
            )
            parts += [f"{recovers:,.2f} is still to be recovered"] if recovers else []
            said.append(f"{' and '.join(parts)} in scenario {name}")
    if not said:
        return []
    grid = cashflow.grid
    withheld = "average lives and yields are" if performing.any() else "yields are"
    return [
        f"Caution: after {len(grid):,} {grid.frequency}s, on {grid.ends[-1]}, {'; '.join(said)}. "
        f"Therefore {withheld} withheld, and totals are of a part of the cash. "
        + _remedy(cashflow, projection, planned)
    ]


def _remedy(cashflow: PoolCashflow, projection: ProjectionSpec, planned: str) -> str:
    grid = cashflow.grid
    most = MOST_PERIODS[grid.frequency]
    if len(grid) >= most:
        longer = "week" if grid.frequency == "day" and planned != "day" else "month"
        longer = longer if longer == planned or planned == "month" else planned
        return (
            f"{most:,} {grid.frequency}s are the most that is projected: "
            f'set projection.frequency = "{longer}".'
        )
    if projection.periods is not None:
        return f"Leave out projection.periods, or set it to more, at most {most:,}."
    return f"Set projection.periods to more than {len(grid):,}, at most {most:,}."
