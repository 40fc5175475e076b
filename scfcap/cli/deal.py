"""``scfcap deal``: who is paid what and when, whether it can work, and a picture of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from collections.abc import Mapping

    from scfcap.api.dealing import DealCheck

Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        metavar="NAME",
        help="Run only this scenario of the model, or of the deal's sizing; repeatable.",
    ),
]
CheckOnly = Annotated[
    bool,
    typer.Option("--check", help="Say what is wrong with the deal, and what it is; run nothing."),
]
Draw = Annotated[
    Path | None,
    typer.Option(
        "--draw",
        metavar="FILE",
        help="Draw the waterfall to FILE, .svg, .png, .mmd or .md (Mermaid); run nothing.",
    ),
]
ExplainPeriod = Annotated[
    str | None,
    typer.Option(
        "--explain",
        metavar="PERIOD",
        help="Show each step of one period, by its number from 1 or its payment date.",
    ),
]
Analytics = Annotated[
    bool,
    typer.Option(
        "--analytics",
        help="Show price and yield, lives, durations, spreads and run-off of the classes, excess "
        "spread, and what banks hold against them.",
    ),
]
ClassPrice = Annotated[
    list[str] | None,
    typer.Option(
        "--price",
        metavar="CLASS=PRICE",
        help="With --analytics: clean price of a class, percent of what is outstanding; "
        "repeatable.",
    ),
]
CurveName = Annotated[
    str | None,
    typer.Option(
        "--curve", metavar="NAME", help="With --analytics: the curve that spreads are taken over."
    ),
]
Settlement = Annotated[
    str | None,
    typer.Option(
        "--settle", metavar="DATE", help="With --analytics: day of purchase, such as 2014-01-31."
    ),
]
Watch = Annotated[
    list[str] | None,
    typer.Option(
        "--watch",
        metavar="WORD",
        help="With --explain: show this word of formulas, such as balance.senior, after each "
        "step; repeatable.",
    ),
]


def deal(
    model: ModelArgument,
    name: DealName = None,
    scenario: Scenarios = None,
    check: CheckOnly = False,
    draw: Draw = None,
    explain: ExplainPeriod = None,
    watch: Watch = None,
    analytics: Analytics = False,
    price: ClassPrice = None,
    curve: CurveName = None,
    settle: Settlement = None,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Run a deal on the model's loans: classes, fees, triggers, each payment explained."""

    def work(terminal: Terminal) -> Outcome:
        idle = check or draw is not None
        pricing = {"--price": price, "--curve": curve, "--settle": settle}
        _fits(idle=idle, explain=explain, watch=watch, scenario=scenario, out=out)
        _fits_analytics(analytics, idle or explain is not None, pricing)
        priced = _priced(price, curve, settle) if analytics else None
        if idle:
            return _look(terminal, (model, overrides or ()), name, check, draw)
        from scfcap.cli.deal_tables import show_explained, show_run

        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        for station, step in (("tape", loaded.tape), ("pool", loaded.pool)):
            terminal.progress(station)
            step()
        terminal.progress("deal")
        report = loaded.deal_report(
            name, scenario or (), explain=explain, watch=watch or (), analytics=priced
        )
        if analytics:
            terminal.progress("analytics")
            _ = report.class_tables
        folder = None
        if out is not None:
            terminal.progress("report")
            folder = report.save(out).folder
        document = report.document()
        terminal.finish()
        (show_run if explain is None else show_explained)(terminal, report)
        if analytics:
            from scfcap.cli.class_tables import show_classes

            terminal.say("")
            show_classes(terminal, report)
        if folder is not None:
            terminal.say("", f"Tables: {shown_path(folder)}")
        return Outcome({**document, "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _fits(
    *,
    idle: bool,
    explain: str | None,
    watch: list[str] | None,
    scenario: list[str] | None,
    out: Path | None,
) -> None:
    """Refuse options that do not go together."""
    from scfcap.errors import InputError, Problem

    found = []
    if watch and explain is None:
        expected = "a period whose steps are shown"
        found.append(Problem("--watch", "no --explain", expected, "Give --explain PERIOD."))
    if idle:
        given = {"--explain": explain, "--scenario": scenario, "--out": out}
        found += [
            Problem(option, "--check or --draw beside it, which run nothing", "one of the two")
            for option, value in given.items()
            if value
        ]
    if found:
        raise InputError(found)


def _fits_analytics(analytics: bool, other: bool, pricing: Mapping[str, object]) -> None:
    from scfcap.errors import InputError, Problem

    found = []
    if analytics and other:
        found.append(
            Problem("--analytics", "--check, --draw or --explain beside it", "one of them")
        )
    if not analytics:
        found += [
            Problem(option, "no --analytics", "figures of classes", "Give --analytics too.")
            for option, value in pricing.items()
            if value
        ]
    if found:
        raise InputError(found)


def _priced(price: list[str] | None, curve: str | None, settle: str | None) -> dict[str, Any]:
    """Prices by class, the curve and the day of purchase."""
    from datetime import date

    from scfcap.errors import InputError, Problem

    prices, wrong = {}, []
    for said in price or ():
        name, sign, value = said.partition("=")
        try:
            prices[name.strip()] = float(value)
        except ValueError:
            expected = "CLASS=PRICE, such as senior=99.5"
            wrong.append(Problem("--price", f'"{said}"', expected))
        del sign
    day = None
    try:
        day = None if settle is None else date.fromisoformat(settle)
    except ValueError:
        wrong.append(Problem("--settle", f'"{settle}"', "a day, such as 2014-01-31"))
    if wrong:
        raise InputError(wrong)
    return {"prices": prices or None, "curve": curve, "settlement": day}


def _look(
    terminal: Terminal,
    asked: tuple[str, list[str] | tuple[()]],
    name: str | None,
    check: bool,
    draw: Path | None,
) -> Outcome:
    """Check a deal, draw it, or both; nothing is run."""
    from scfcap.api.dealing import check_model_deals, draw_deal
    from scfcap.errors import InputError

    found = check_model_deals(*asked, name)
    if found.problems:
        for caution in found.cautions if check else ():
            terminal.note(f"Caution: {caution}")
        raise InputError(found.problems)
    document = found.document()
    if check:
        _show_check(terminal, found, asked[0])
    if draw is not None:
        drawn = draw_deal(*asked, name, draw)
        terminal.say(f"Waterfall of {drawn}: {shown_path(draw)}")
        document["drawing"] = draw
    return Outcome(document)


def _show_check(terminal: Terminal, found: DealCheck, model: str) -> None:
    for lines in found.described.values():
        terminal.say(lines[0], *(f"  {line}" for line in lines[1:]), "")
    for caution in found.cautions:
        terminal.say(f"Caution: {caution}", "")
    names = list(found.described)
    what, run = ("deal", "it") if len(names) == 1 else (f"{len(names)} deals", "each")
    choice = ["--deal", names[0] if len(names) == 1 else "NAME"] if found.several else []
    terminal.say(
        f"Nothing is wrong with the {what}. Run {run} with: "
        f"{shlex.join(['scfcap', 'deal', model, *choice])}"
    )
