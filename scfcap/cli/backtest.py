"""``scfcap backtest``: plans made anew each period, and rivals, in worlds they do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.options import (
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
    from scfcap.report.backtest import BacktestReport

Seeds = Annotated[int, typer.Option("--seeds", metavar="N", help="Worlds, two or more.")]
Family = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        metavar="NAME",
        help="Kind of worlds: drawn, named, unforeseen; repeatable. Without it: all in turn.",
    ),
]
Periods = Annotated[int, typer.Option("--periods", metavar="R", help="Periods carried out.")]
Horizon = Annotated[
    int, typer.Option("--horizon", metavar="H", help="Periods that each decision looks ahead.")
]
Scenarios = Annotated[
    int, typer.Option("--scenarios", metavar="K", help="Scenarios that are planned for.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of all draws.")]
Hands = Annotated[int, typer.Option("--workers", metavar="W", help="Processes of this machine.")]


def backtest(
    model: ModelArgument,
    seeds: Seeds = 50,
    family: Family = None,
    periods: Periods = 6,
    horizon: Horizon = 6,
    scenarios: Scenarios = 5,
    seed: Seed = 0,
    workers: Hands = 1,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Back-test the plan: made anew each period, against rules and rivals, over many worlds."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.backtesting import FAMILIES, Setting, rolling_backtest

        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        setting = Setting(
            seeds=seeds,
            families=tuple(dict.fromkeys(family)) if family else FAMILIES,
            periods=periods,
            horizon=horizon,
            scenarios=scenarios,
            seed=seed,
            workers=workers,
        )
        terminal.progress("what is known")
        report = rolling_backtest(
            loaded, setting, lambda done, of: terminal.progress(f"world {done} of {of}")
        )
        folder = None
        if out is not None:
            terminal.progress("report")
            folder = report.save(out).folder
        document = report.document()
        terminal.finish()
        _show(terminal, report)
        if folder is not None:
            terminal.say("", f"Tables and report: {shown_path(folder)}")
        return Outcome({**document, "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, report: BacktestReport) -> None:
    terminal.say(*report.markdown().splitlines())
