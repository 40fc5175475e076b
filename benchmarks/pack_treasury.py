"""The treasury pack of ``alibaba-2013`` with SIZE loans, from the tables of its run.

Ours writes all sheets of the pack with formats, native charts, live formulas and the engine's
figures beside them; the baseline writes the same tables as they are, a sheet each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from baselines.workbook import write_tables

import scfcap
from scfcap.report.excel import build_workbook
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.report import Pack

NAME = "pack_treasury"
SIZE = 10_000
SMOKE = 500
BARS = {"seconds": 5.0}

#: Below this size the plan is made for fewer periods, and without what to do under shocks.
_SHORT = {"plan.periods": 3, "plan.contingency": []}


@dataclass(frozen=True)
class Inputs:
    """The tables of a run, and where the workbooks go."""

    tables: dict[str, Table]
    pack: Pack
    meta: RunMeta
    folder: Path


def build(size: int, folder: Path) -> Inputs:
    """A run of the model, without its workbook."""
    overrides: dict[str, object] = {"tape.platform.loans": size}
    if size < SIZE:
        overrides |= _SHORT
    run = scfcap.load("alibaba-2013", overrides=overrides).run()
    return Inputs(run.tables(), run.model.loaded.pack, run.meta(), folder)


def ours(inputs: Inputs) -> Path:
    """The report pack."""
    path = inputs.folder / "ours.xlsx"
    return build_workbook(inputs.tables, inputs.pack, inputs.meta, path)


def baseline(inputs: Inputs) -> Path:
    """pandas to_excel with openpyxl, one plain sheet a table"""
    frames = {name: table.frame for name, table in inputs.tables.items()}
    return write_tables(frames, inputs.folder / "baseline.xlsx")


def check(a: Path, b: Path) -> None:
    """Both show the same limits, line by line, and the same totals."""
    listed = pd.read_excel(a, sheet_name="Limits by period", header=3)
    limits = pd.read_excel(b, sheet_name="plan_limits")
    assert len(listed) == len(limits)
    for ours_column, column in ((4, "use"), (5, "limit")):
        shown = sorted(listed.iloc[:, ours_column])
        expected = sorted(limits[column])
        assert all(
            math.isclose(x, y, rel_tol=1e-9, abs_tol=0.005)
            for x, y in zip(shown, expected, strict=True)
        ), column
    plan = pd.read_excel(a, sheet_name="Plan", header=3, index_col=0)["Total"]
    flows = pd.read_excel(b, sheet_name="plan_sources_uses")
    carried = flows["item"].map({"cash brought forward": 1, "cash carried forward": -1})
    ends = flows["period"].map({1: 1, flows["period"].max(): -1})
    sums = flows[carried.isna() | (carried == ends)].groupby("side")["amount"].sum()
    for label, side in (("Total sources", "source"), ("Total uses", "use")):
        assert math.isclose(plan[label], sums[side], rel_tol=1e-9), label
    pool = pd.read_excel(a, sheet_name="Pool", header=None, index_col=0)
    strata = pd.read_excel(b, sheet_name="pool_stratification_segment")
    assert math.isclose(pool.loc["Pool", 3], strata["balance"].sum(), rel_tol=1e-9)
