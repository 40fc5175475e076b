"""The page of ``alibaba-2013`` with SIZE loans, from the tables of its run.

Ours writes one file with key figures, charts' data, every table in full precision and the script
that shows them; the baseline writes the same tables as plain HTML.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from baselines.page import write_page

import scfcap
from scfcap.report.alike import told_once
from scfcap.report.page import build_page
from scfcap.report.page.columns import MOST_ROWS
from scfcap.report.tables import RunMeta, Table
from scfcap.report.waterfall import Drawing
from scfcap.schema.report import Pack

NAME = "page"
SIZE = 10_000
SMOKE = 500
BARS = {"seconds": 2.0, "mib": 2.86}  # 3 MB

#: Below this size the plan is made for fewer periods, and without what to do under shocks.
_SHORT = {"plan.periods": 3, "plan.contingency": []}
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Inputs:
    """The tables of a run, and where the pages go."""

    tables: dict[str, Table]
    pack: Pack
    meta: RunMeta
    drawings: tuple[Drawing, ...]
    folder: Path


def build(size: int, folder: Path) -> Inputs:
    """A run of the model, without its page."""
    overrides: dict[str, object] = {"tape.platform.loans": size}
    if size < SIZE:
        overrides |= _SHORT
    run = scfcap.load("alibaba-2013", overrides=overrides).run()
    tables = told_once(run.tables(), run.meta().scenario)
    return Inputs(tables, run.model.loaded.pack, run.meta(), run.waterfalls(), folder)


def ours(inputs: Inputs) -> Path:
    """The page."""
    path = inputs.folder / "ours.html"
    return build_page(inputs.tables, inputs.pack, inputs.meta, path, inputs.drawings)


def baseline(inputs: Inputs) -> Path:
    """pandas to_html, one plain table after the other"""
    frames = {name: table.frame for name, table in inputs.tables.items()}
    return write_page(frames, inputs.folder / "baseline.html")


def figures(result: Path) -> dict[str, float]:
    """Size of the page."""
    return {"mib": result.stat().st_size / 2**20}


def check(a: Path, b: Path) -> None:
    """Both hold the same tables, with the same amounts in full."""
    told = json.loads(_DATA.search(a.read_text(encoding="utf-8"))[1])
    ours_by = {table["key"]: table for table in told["tables"]}
    _, *parts = re.split(r"<h2>(.*?)</h2>", b.read_text(encoding="utf-8"))
    theirs = dict(zip(parts[::2], parts[1::2], strict=True))
    assert set(ours_by) - {"ties"} <= set(theirs)
    for name, at in (("plan_sources_uses", 5), ("plan_limits", 5), ("cash_flows", 4)):
        rows = re.findall(r"<tr>(.*?)</tr>", theirs[name], re.DOTALL)
        cells = [re.findall(r"<td>(.*?)</td>", row) for row in rows]
        expected = [float(row[at]) for row in cells if row][:MOST_ROWS]
        assert ours_by[name]["columns"][at]["values"] == expected, name
