"""``scfcap project``: what cash the pool will bring, how sure that is, and one loan in detail."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.options import (
    Cluster,
    Json,
    ModelArgument,
    Out,
    Overrides,
    Quiet,
    RejectLimit,
    TapePath,
    Traceback,
    Workers,
)
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute, shown_path

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.api.model import Model
    from scfcap.cashflow.distribution import Distribution
    from scfcap.cashflow.explain import LoanExplanation
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.report.projection import ProjectionReport

Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        metavar="NAME",
        help="Show only this scenario of the model; repeatable. Without it: all.",
    ),
]
PathCount = Annotated[
    int | None,
    typer.Option(
        "--paths",
        metavar="N",
        min=2,
        help="Draw N Monte Carlo paths as [factors] says: mean, percentiles, expected shortfall.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="SEED", min=0, help="Seed of the paths.")]
LoanId = Annotated[
    str | None,
    typer.Option("--loan", metavar="ID", help="Explain every figure of one loan, nothing else."),
]
PeriodNumber = Annotated[
    int | None,
    typer.Option(
        "--period",
        metavar="P",
        min=1,
        help="With --loan: the period, from 1, whose figures are worked out. Without it: the "
        "first and the last.",
    ),
]
#: Rows of a table of periods that are shown; ``--out`` writes them all.
SHOWN = 24
#: Parts of a loan that are shown; ``--json`` has all.
PARTS = 2
#: Of pools above it amounts are shown without cents; ``--out`` writes them in full [currency].
_CENTS_BELOW = 1e6
#: Columns of the tables of flows, and their headings.
_HEADS = {
    "opening": "opening",
    "interest": "interest",
    "fees": "fees",
    "scheduled": "scheduled principal",
    "prepaid": "prepaid principal",
    "recovery": "recovered",
    "advanced": "advanced",
    "reimbursed": "reimbursed",
    "drawn": "drawn by borrowers",
    "collections": "collected",
    "default": "defaulted",
    "loss": "lost",
    "receivable": "still to recover",
    "delinquent": "past due",
    "closing": "closing",
    "average_life": "average life, years",
}
#: Columns of the lock-box, and their headings.
_LOCK_BOX = {
    "received": "buyers paid",
    "recourse": "sellers made good",
    "recovered": "recovered",
    "fees": "fees",
    "interest": "interest",
    "principal": "principal",
    "surplus": "to sellers",
    "lost": "diluted away",
    "forgone": "forgone",
    "unpaid": "not paid",
    "outstanding": "still to pay",
}
_SPREAD = {
    "base": "scenario base",
    "mean": "mean",
    "error": "± error",
    "p1": "1%",
    "p5": "5%",
    "p50": "median",
    "p95": "95%",
    "p99": "99%",
    "shortfall": "worst 5%, mean",
}


def project(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    scenario: Scenarios = None,
    paths: PathCount = None,
    seed: Seed = 0,
    loan: LoanId = None,
    period: PeriodNumber = None,
    workers: Workers = None,
    cluster: Cluster = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Project the pool's cash flows: by scenario, over Monte Carlo paths, or one loan in detail."""

    def work(terminal: Terminal) -> Outcome:
        _fits(loan=loan, period=period, paths=paths, scenarios=scenario or [])
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        if loan is not None:
            found = _found(terminal, loaded, loan, scenario or [], (workers, cluster))
            return _one_loan(terminal, loaded, found, period, out)
        drawing = None if paths is None else (paths, seed)
        flows, drawn = _flows(terminal, loaded, (workers, cluster), drawing)
        report = loaded.projection(scenario or (), cashflow=flows, distribution=drawn)
        folder = None
        if out is not None:
            terminal.progress("report")
            folder = report.save(out).folder
        terminal.finish()
        _show(terminal, report)
        if folder is not None:
            terminal.say(f"Tables, charts and workbook: {shown_path(folder)}")
        return Outcome({**report.document(), "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _fits(*, loan: str | None, period: int | None, paths: int | None, scenarios: list[str]) -> None:
    """Refuse options that do not go together."""
    from scfcap.errors import InputError, Problem

    found = []
    if period is not None and loan is None:
        found.append(Problem("--period", "no --loan", "a loan whose period is to be worked out"))
    if loan is not None and paths is not None:
        found.append(Problem("--loan", "--paths beside it", "one of the two"))
    if loan is not None and len(scenarios) > 1:
        found.append(Problem("--scenario", ", ".join(scenarios), "one scenario with --loan"))
    if found:
        raise InputError(found)


def _flows(
    terminal: Terminal,
    loaded: Model,
    spread: tuple[int | None, str | None],
    drawing: tuple[int, int] | None,
) -> tuple[PoolCashflow | None, Distribution | None]:
    """The cash flows where they are computed elsewhere (``spread``: workers, cluster), or in
    chunks as the tape is too large; None: the model does it, station by station.

    Beside them the paths of ``drawing`` (how many, seed), if it is there.
    """
    from scfcap.cluster import project_paths, project_tape

    workers, cluster = spread
    if _in_chunks(loaded, spread):
        told = _Told(terminal)
        if drawing is None:
            flows = project_tape(loaded, workers=workers, address=cluster, progress=told)
            return flows, None
        return project_paths(loaded, *drawing, workers=workers, address=cluster, progress=told)
    for station, step in (
        ("tape", loaded.tape),
        ("pool", loaded.pool),
        ("credit", loaded.projection_curves),
        ("cash flows", loaded.cashflow),
    ):
        terminal.progress(station)
        step()
    if drawing is None:
        return None, None
    terminal.progress("paths")
    return None, loaded.distribution(*drawing, lambda _: terminal.interrupt.check())


def _in_chunks(loaded: Model, spread: tuple[int | None, str | None]) -> bool:
    """Whether the tape is parted: as workers are asked for, or as it is too large."""
    from scfcap.cluster import too_large

    return spread != (None, None) or too_large(loaded)


class _Told:
    """Tells the terminal each stage of work in chunks as it begins."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._seen: set[str] = set()

    def __call__(self, stage: str, done: int, whole: int) -> None:
        del done, whole
        self._terminal.interrupt.check()
        if stage not in self._seen:
            self._seen.add(stage)
            self._terminal.progress(stage)


def _show(terminal: Terminal, report: ProjectionReport) -> None:
    from scfcap.report.drawn import said

    spec, cashflow = report.model.spec, report.cashflow
    terminal.say(f"{spec.title}, as of {spec.as_of}, amounts in {spec.currency}", "")
    frames = {name: table.frame for name, table in report.tables.items()}
    totals = frames["cash_flow_totals"]
    cents = float(totals["opening"].max()) < _CENTS_BELOW
    count = f"{len(cashflow.grid)} {cashflow.grid.frequency}s"
    terminal.say(_table(f"Over {count}, by scenario", totals, ["scenario", "segment"], cents), "")
    for caution in report.cautions:
        terminal.say(caution, "")
    if report.distribution is not None:
        drawn = report.distribution
        over = f"{len(drawn.grid)} {drawn.grid.frequency}s"
        title = f"Over {over}, {len(drawn):,} paths of seed {drawn.seed}"
        whole = frames["distribution_totals"]
        whole = whole[whole["segment"] == "all"]
        terminal.say(_table(title, whole, ["measure"], cents, _SPREAD))
        terminal.say(*said(frames["distribution_factors"], drawn), "")
        spread = frames["distribution_periods"]
        mine = spread[(spread["measure"] == "collections") & (spread["basis"] == "period")]
        terminal.say(_table("Collections by period", _living(mine), ["end"], cents, _SPREAD), "")
    periods = frames["cash_flow_periods"]
    plan = spec.plan.scenario
    told = [plan] if plan in cashflow.scenarios else list(cashflow.scenarios)
    for name in told:
        mine = _living(periods[periods["scenario"] == name])
        terminal.say(_table(f"Scenario {name}, all segments", mine, ["end"], cents), "")
        if "lock_box" in frames:
            box = _of_all_segments(frames["lock_box"], name)
            title = f"Lock-box, scenario {name}"
            terminal.say(_table(title, box, ["end"], cents, _LOCK_BOX), "")
    others = [name for name in cashflow.scenarios if name not in told]
    if others:
        terminal.say(f"By period with --scenario NAME or --out: {', '.join(others)}.")


def _of_all_segments(box: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """The lock-box of a scenario by period, up to the last in which anything flows."""
    mine = box[box["scenario"] == scenario]
    summed = mine.groupby(["period", "end"], as_index=False)[list(_LOCK_BOX)].sum()
    return _living(summed, _LOCK_BOX)


def _living(frame: pd.DataFrame, heads: dict[str, str] | None = None) -> pd.DataFrame:
    """The periods up to the last in which half a cent or more flows."""
    from scfcap.quantities import HALF_CENT

    names = [name for name in heads or (*_HEADS, "mean") if name in frame]
    busy = (frame[names].abs() > HALF_CENT).any(axis=1)
    last = frame["period"][busy].max() if busy.any() else 1
    return frame[frame["period"] <= last]


def _table(
    title: str,
    frame: pd.DataFrame,
    keys: list[str],
    cents: bool,
    heads: dict[str, str] | None = None,
) -> RichTable:
    heads = heads or _HEADS
    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    names = [name for name in heads if name in frame and (frame[name] != 0.0).any()]
    shown = frame.head(SHOWN)
    rows = [
        [*(_text(row[key]) for key in keys), *(_figure(name, row[name], cents) for name in names)]
        for row in shown.to_dict("records")
    ]
    words = [key if key != "end" else "period end" for key in keys]
    numbers = [heads[name] for name in names]
    if len(keys) > 1:
        rows = blank_repeats(rows)
    return grid(f"{title}{more}", [*words, *numbers], rows, numbers)


def _text(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if hasattr(value, "year") else str(value)


def _figure(name: str, value: Any, cents: bool) -> str:
    number = float(value)
    if math.isnan(number):
        return ""
    if name == "average_life":
        return f"{number:.2f}"
    return f"{number:,.2f}" if cents else f"{number:,.0f}"


def _found(
    terminal: Terminal,
    loaded: Model,
    loan: str,
    scenarios: list[str],
    spread: tuple[int | None, str | None],
) -> LoanExplanation:
    """One loan explained; ``spread``: workers, cluster."""
    scenario = scenarios[0] if scenarios else None
    if not _in_chunks(loaded, spread):
        terminal.progress("loan")
        return loaded.explain(loan, scenario)
    from scfcap.cluster import explain_tape

    workers, cluster = spread
    told = _Told(terminal)
    return explain_tape(loaded, loan, scenario, workers=workers, address=cluster, progress=told)


def _one_loan(
    terminal: Terminal,
    loaded: Model,
    found: LoanExplanation,
    period: int | None,
    out: Path | None,
) -> Outcome:
    """Show one loan, the figures of ``period`` worked out, and write it to ``out``."""
    from scfcap.api.sources import origin
    from scfcap.errors import InputError, Problem
    from scfcap.report.files import manifest, records
    from scfcap.report.projection import save_loan

    count = int(found.periods["period"].max())
    if period is not None and period > count:
        raise InputError(Problem("--period", f"{period}", f"a period from 1 to {count}"))
    terminal.finish()
    standing = int(found.periods["period"][found.periods["opening"] > 0.0].max())
    _show_loan(terminal, loaded, found, [period] if period else sorted({1, standing}))
    tables = {name: records(frame) for name, frame in found.tables().items()}
    document = {
        "schema_version": 1,
        "loan_id": found.loan_id,
        "scenario": found.scenario,
        **tables,
    }
    folder = None
    if out is not None:
        made = manifest(origin(loaded, whole=False), {})
        folder = save_loan(found, out, document, made).folder
        terminal.say(f"Tables: {shown_path(folder)}")
    return Outcome({**document, "folder": folder})


def _show_loan(
    terminal: Terminal, loaded: Model, found: LoanExplanation, periods: list[int]
) -> None:
    spec = loaded.loaded.spec
    head = f"Loan {found.loan_id}, scenario {found.scenario}, {spec.currency}"
    rows = [[str(cell) for cell in row] for row in found.terms.itertuples(index=False)]
    rows = [[row[0].replace("_", " "), *row[1:]] for row in rows]
    terminal.say(grid(head, ["figure", "value", "meaning"], rows), "")
    names = list(dict.fromkeys(found.periods["part"]))
    for part, frame in found.periods.groupby("part", sort=False):
        if part not in names[:PARTS]:
            continue
        shares = frame.assign(alive=["" if x != x else f"{x:.4%}" for x in frame["alive"]])
        title = f"By period, {_part(part)}"
        terminal.say(_loan_table(title, shares), "")
    for part, frame in found.steps.groupby("part", sort=False):
        for number in periods:
            rows = [
                [str(row["figure"]).replace("_", " "), str(row["formula"]), str(row["numbers"]),
                 f"{row['value']:,.6f}"]
                for row in frame[frame["period"] == number].to_dict("records")
                if part in names[:PARTS]
            ]  # fmt: skip
            if rows:
                title = f"Period {number}, {_part(part)}, step by step"
                heads = ["figure", "formula", "in numbers", "value"]
                terminal.say(grid(title, heads, rows, ["value"]), "")
    if len(names) > PARTS:
        terminal.say(f"{len(names) - PARTS} more parts, likewise, are in the output of --json.")


def _part(name: object) -> str:
    """What a part of a loan is called in the title of its table."""
    from scfcap.cashflow.loan_terms import LATE, ON_TIME

    return f"part that pays {name}" if name in (ON_TIME, LATE) else f"part {name}"


def _loan_table(title: str, frame: pd.DataFrame) -> RichTable:
    names = [name for name in _HEADS if name in frame and (frame[name] != 0.0).any()]
    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    rows = [
        [_text(row["end"]), row["alive"], *(_figure(name, row[name], True) for name in names)]
        for row in frame.head(SHOWN).to_dict("records")
    ]
    numbers = ["alive", *(_HEADS[name] for name in names)]
    return grid(f"{title}{more}", ["period end", *numbers], rows, numbers)
