"""Results become named tables with units: what the run folder stores and the workbook shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd


@dataclass(frozen=True)
class Table:
    """One table of a run.

    ``units`` gives the unit of a column ("CNY", "1/year", "loans"); a column without an entry
    is text, a date or a plain number. ``frame`` has plain columns and a default index.
    """

    name: str
    title: str
    frame: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class RunMeta:
    """What a reader must know to place the figures of a run.

    ``objective`` and ``net_income`` in currency; ``money_unit`` is the number of currency units
    in one unit of display (1e6: millions). ``regime`` is its title in words, ``command`` repeats
    the run.
    """

    model: str
    title: str
    as_of: date
    regime: str
    currency: str
    money_unit: float
    scenario: str
    frequency: str
    status: str
    objective: float
    net_income: float
    version: str
    digest: str
    overrides: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Results:
    """The frames of a run's stations, as the stations give them.

    ``tape``: "totals" and "findings" of the tape. ``pool``: ``Pool.tables``. ``credit``: curves
    as estimated or stated (may be empty). ``cashflow``: ``PoolCashflow.to_frame()``. ``deals``:
    series name to ``DealResult.to_frame()`` with a column ``scenario``. ``plan``:
    ``Plan.tables()``.
    """

    tape: Mapping[str, pd.DataFrame]
    pool: Mapping[str, pd.DataFrame]
    credit: pd.DataFrame
    cashflow: pd.DataFrame
    deals: Mapping[str, pd.DataFrame]
    plan: Mapping[str, pd.DataFrame]


def run_tables(results: Results, currency: str) -> dict[str, Table]:
    """All tables of a run by name: ``tape_*``, ``pool_*``, ``credit``, ``cash_flows``,
    ``deal_<series>``, ``plan_*``.
    """
    raise NotImplementedError
