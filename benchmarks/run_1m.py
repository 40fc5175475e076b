"""A run of SIZE loans from a Parquet tape to the treasury workbook, through every station.

The model is ``alibaba-2013`` over a tape of its synthetic platform (``baselines.platform_tape``):
tape, pool, curves, cash flows, cohorts, deals, plan with the prices of its limits, what to do in
four shocks, workbook and run folder, as ``scfcap run MODEL --tape TAPE --out DIR`` makes them. The
loans stand in Parquet beside the workbook. The baseline reads the same tape and adds up its strata,
and no more. ``stations`` are seconds by the clock of the last run.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from baselines.platform_tape import pool_by_pandas, write_tape

import scfcap
from scfcap.api.run import Run

NAME = "run_1m"
SIZE = 1_000_000
SMOKE = 500
BARS = {"seconds": 90.0, "peak_mib": 4_096}
MODEL = "alibaba-2013"

#: Of smaller books the plan is made for fewer periods, and without what to do in shocks.
_SHORT = {"plan.periods": 3, "plan.contingency": []}


@dataclass(frozen=True)
class Inputs:
    """Where the tape is and the run goes, and what is set in the model."""

    tape: Path
    out: Path
    overrides: dict[str, object]


@dataclass(frozen=True)
class Made:
    """A run, its workbook, and the seconds of each station."""

    run: Run
    workbook: Path
    stations: dict[str, float]


def build(size: int, folder: Path) -> Inputs:
    """The tape."""
    tape = write_tape(folder / "tape", scfcap.load(MODEL).loaded.spec, size)
    return Inputs(tape, folder / "run", _SHORT if size < 10_000 else {})


def ours(inputs: Inputs) -> Made:
    """Load, run, save."""
    begun = time.perf_counter()
    run = scfcap.load(MODEL, overrides=inputs.overrides, tape=inputs.tape).run()
    saving = time.perf_counter()
    saved = run.save(inputs.out)
    ended = time.perf_counter()
    assert saved.workbook is not None
    stations = {**run.seconds, "report": ended - saving, "all": ended - begun}
    return Made(run, saved.workbook, {name: round(each, 2) for name, each in stations.items()})


def baseline(inputs: Inputs) -> dict[str, pd.DataFrame]:
    """pandas: the tape read, its loans and balances by four columns"""
    return pool_by_pandas(inputs.tape)


def check(a: Made, b: dict[str, pd.DataFrame]) -> None:
    """The pool's strata are those of pandas, the workbook shows their sum; the plan's checks hold,
    and no file of the run but the pool's own lists loans.
    """
    tables = a.run.tables()
    for name, expected in b.items():
        strata = tables[f"pool_stratification_{name}"].frame.set_index("name")
        listed = strata[strata.index.isin(expected.index)]
        assert len(listed) == len(expected), name
        assert (listed["loans"] == expected["size"].loc[listed.index]).all(), name
        off = (listed["balance"] / expected["sum"].loc[listed.index] - 1.0).abs()
        assert off.max() < 1e-9, name
    total = float(b["segment"]["sum"].sum())
    shown = pd.read_excel(a.workbook, sheet_name="Pool", header=None, index_col=0)
    assert math.isclose(shown.loc["Pool", 3], total, rel_tol=1e-9)
    assert a.run.model.plan().status == "optimal"
    assert (a.workbook.parent / "projected_pool.parquet").is_file()
    assert max(len(table.frame) for table in tables.values()) <= 100_000


def figures(result: Made) -> dict[str, Any]:
    """Seconds of each station by the clock, and the size of the workbook [MiB]."""
    return {
        "stations": result.stations,
        "workbook_mib": round(result.workbook.stat().st_size / 2**20, 2),
    }
