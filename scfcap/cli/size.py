"""``scfcap size``: how large each class may be and why, what it bears, what the funding costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.options import (
    DealName,
    Json,
    ModelArgument,
    Out,
    Overrides,
    Quiet,
    RejectLimit,
    TapePath,
    Traceback,
)
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.table import Table as RichTable

    from scfcap.api.model import Model
    from scfcap.report.sizing import SizingReport
    from scfcap.report.tables import Table

ScenarioName = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="NAME",
        help="What is expected, from which multiples depart. Without it: the plan's scenario.",
    ),
]
AsSized = Annotated[
    bool,
    typer.Option("--sized", help="Show what the classes bear in the sizes found, not as stated."),
]
NoSizes = Annotated[
    bool, typer.Option("--no-sizes", help="Size nothing: only show what the stated classes bear.")
]
PathCount = Annotated[
    int | None,
    typer.Option(
        "--paths",
        metavar="N",
        min=2,
        help="Losses of each class over N Monte Carlo paths, drawn as [factors] says.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="SEED", min=0, help="Seed of the paths.")]
Sensitivity = Annotated[
    bool,
    typer.Option(
        "--grid", help="Each class over a grid of defaults x prepayment x severity; heat maps."
    ),
]
SeekField = Annotated[
    str | None,
    typer.Option(
        "--seek", metavar="FIELD", help="Change this field of the model until --until holds."
    ),
]
Between = Annotated[
    tuple[float, float] | None,
    typer.Option("--between", metavar="LOW HIGH", help="With --seek: the range of the field."),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="'FIGURE = VALUE'",
        help="With --seek: the goal, such as 'yield.junior = 0.15'.",
    ),
]
#: Columns that the terminal leaves to ``--out``.
_LEFT_OUT = {
    "sizes": ("passes_at", "unpaid_if_larger", "tried"),
    "classes": ("scenario",),
    "retention": ("kind", "source", "left_out"),
    "losses": ("deviation", "p75"),
    "break_even": ("tried",),
}
#: Headings that the name of a column does not give.
_HEADS = {
    "credit_enhancement": "below it",
    "limited_by": "limited by",
    "short_if_larger": "short if 1% larger",
    "default_rate": "defaults a year",
    "defaults": "in all",
    "losses": "lost in all",
    "shortfall_5": "worst 5%, mean",
    "shortfall_1": "worst 1%, mean",
    "error": "± error",
}
#: Exit code where no value meets the goal.
NO_ROOT = 3


def size(
    model: ModelArgument,
    deal: DealName = None,
    scenario: ScenarioName = None,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    sized: AsSized = False,
    no_sizes: NoSizes = False,
    paths: PathCount = None,
    seed: Seed = 0,
    sensitivity: Sensitivity = False,
    field: SeekField = None,
    between: Between = None,
    until: Until = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Size the classes of a deal, say what limits each, and show what they bear."""

    def work(terminal: Terminal) -> Outcome:
        goal = _goal(field, between, until)
        _fits(sized=sized, no_sizes=no_sizes, paths=paths)
        terminal.progress("tape")
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        loaded.tape()
        terminal.progress("pool")
        loaded.pool()
        if goal is not None:
            return _sought(terminal, loaded, goal, (deal, scenario), out)
        report = _studied(
            terminal,
            loaded,
            (deal, scenario),
            structure="none" if no_sizes else "sized" if sized else "stated",
            drawing=None if paths is None else (paths, seed),
            sensitivity=sensitivity,
        )
        folder = None
        if out is not None:
            terminal.progress("report")
            folder = report.save(out).folder
        terminal.finish()
        _show(terminal, report)
        if folder is not None:
            terminal.say(f"Tables and heat maps: {shown_path(folder)}")
        return Outcome({**report.document(), "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _goal(
    field: str | None, between: tuple[float, float] | None, until: str | None
) -> tuple[str, tuple[float, float], str] | None:
    from scfcap.errors import InputError, Problem

    if field is None and between is None and until is None:
        return None
    if field is None or between is None or until is None:
        given = {"--seek": field, "--between": between, "--until": until}
        missing = ", ".join(name for name, value in given.items() if value is None)
        raise InputError(
            Problem(
                "--seek",
                f"no {missing}",
                "--seek FIELD --between LOW HIGH --until 'FIGURE = VALUE'",
            )
        )
    return field, between, until


def _fits(*, sized: bool, no_sizes: bool, paths: int | None) -> None:
    """Refuse options that do not go together, and more paths than are drawn."""
    from scfcap.cashflow.distribution import refuse_count
    from scfcap.errors import InputError, Problem

    if paths is not None:
        refuse_count(paths)
    if sized and no_sizes:
        raise InputError(Problem("--sized", "--no-sizes beside it", "one of the two"))


def _studied(
    terminal: Terminal,
    loaded: Model,
    names: tuple[str | None, str | None],
    *,
    structure: str,
    drawing: tuple[int, int] | None,
    sensitivity: bool,
) -> SizingReport:
    """Everything that is asked for; ``names``: deal and scenario."""
    from scfcap.api.reports import sizing_report

    study = loaded.study(*names)
    if structure != "none":
        terminal.progress("sizes")
        study = study.as_sized() if structure == "sized" else study
        _ = study.sizing
    terminal.progress("break-even")
    _ = study.break_even
    losses = grid_found = None
    if drawing is not None:
        terminal.progress("paths")
        losses = study.losses(*drawing, lambda _: terminal.interrupt.check())
    if sensitivity:
        terminal.progress("grid")
        grid_found = study.sensitivity()
    return sizing_report(study, sized=structure != "none", losses=losses, sensitivity=grid_found)


def _show(terminal: Terminal, report: SizingReport) -> None:
    spec = report.model.spec
    terminal.say(
        f"{spec.title}, deal {report.deal}, as of {spec.as_of}, amounts in {spec.currency}", ""
    )
    tables = report.tables
    if "sizes" in tables:
        terminal.say(_table(tables["sizes"]), "")
        terminal.say(*report.words, "")
    of = f"classes as {report.structure}, scenario {report.scenario}"
    for name in ("classes", "break_even", "losses"):
        if name in tables:
            terminal.say(_table(tables[name], of), "")
        if name == "break_even" and report.bearing:
            terminal.say(*report.bearing, "")
    for name in ("cost_of_funds", "retention"):
        if name in tables:
            terminal.say(_table(tables[name], of), "")
    terminal.say(*report.not_shown, "")
    if report.cost is not None and report.cost.why:
        terminal.say(f"The cost of funds has no rate: {report.cost.why}", "")
    terminal.say(*_least(report), "")
    for caution in report.cautions:
        terminal.say(f"Caution: {caution}", "")
    if "sensitivity" in tables:
        terminal.say("The grid of defaults x prepayment x severity is in --out and --json.")


def _least(report: SizingReport) -> list[str]:
    """The least coverage of each class, and when."""
    frame, said = report.tables["coverage"].frame, []
    for tranche, mine in frame.groupby("tranche", sort=False):
        for column in ("interest_coverage", "asset_coverage"):
            known = mine.dropna(subset=[column]).sort_values(column, kind="stable")
            for day, value in zip(known["date"][:1], known[column][:1], strict=True):
                name = column.replace("_", " ")
                said.append(f"{tranche}: least {name} {value:.3f}, on {day:%Y-%m-%d}")
    return said


def _table(table: Table, of: str = "") -> RichTable:
    from scfcap.report.sizing import shown

    frame = table.frame
    left_out = _LEFT_OUT.get(table.name, ())
    names = [c for c in map(str, frame) if c not in left_out and _told(frame[c])]
    rows = [
        [shown(value, table.units.get(name, "")) for name, value in zip(names, row, strict=True)]
        for row in frame[names].itertuples(index=False)
    ]
    heads = [_HEADS.get(name, name.replace("_", " ")) for name in names]
    numbers = [h for h, n in zip(heads, names, strict=True) if frame[n].dtype.kind in "iufM"]
    if table.name == "retention":
        rows = blank_repeats(rows, 2)
    return grid(f"{table.title} ({of})" if of else table.title, heads, rows, numbers)


def _told(column: Iterable[object]) -> bool:
    """Whether a column says anything."""
    return any(value not in ("", None) and value == value for value in column)


def _sought(
    terminal: Terminal,
    loaded: Model,
    goal: tuple[str, tuple[float, float], str],
    names: tuple[str | None, str | None],
    out: Path | None,
) -> Outcome:
    """Seek a goal, show the values tried, and write them to ``out``."""
    from scfcap.api.reports import saved_goal
    from scfcap.api.seeking import seek_goal
    from scfcap.report.files import records

    terminal.progress("goal")
    found = seek_goal(loaded, *goal, deal=names[0], scenario=names[1])
    terminal.finish()
    sought = found.sought
    frame = sought.to_frame()
    rows = [[f"{value:.10g}" for value in row] for row in frame.itertuples(index=False)]
    heads = [found.field, found.figure, "should be"]
    terminal.say(grid("Values tried", heads, rows, heads), "", found.words)
    document = {
        "schema_version": 1,
        "field": found.field,
        "figure": found.figure,
        "target": found.target,
        "low": sought.low,
        "high": sought.high,
        "root": sought.root,
        "jump": sought.jump,
        "signs_changed": sought.roots,
        "words": found.words,
        "tried": records(frame),
    }
    folder = None
    if out is not None:
        folder = saved_goal(loaded, found, document, out)
        terminal.say(f"Table: {shown_path(folder)}")
    return Outcome({**document, "folder": folder}, 0 if sought.root is not None else NO_ROOT)
