"""The program ``scfcap``: its commands and the way it is entered."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from scfcap import __version__
from scfcap.cli import (
    allocate,
    backtest,
    check,
    compare,
    credit,
    deal,
    demo,
    doctor,
    frontier,
    init,
    ledger,
    plan,
    pool,
    project,
    propose,
    quote,
    report,
    run,
    schema,
    size,
    verify_allocation,
    warn,
)
from scfcap.cli.map import map_tape
from scfcap.cli.terminal import discard_output, explain, speak_plainly

app = typer.Typer(
    name="scfcap",
    help="Plan the funding of a platform microloan company: from the loan tape to the workbook.",
    epilog="Exit codes: 0 done, 1 a fault or a false claim, 2 bad input, 3 no feasible plan.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scfcap {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Plan the funding of a platform microloan company: from the loan tape to the workbook."""


app.command("demo", short_help="Run the bundled models end to end.")(demo.demo)
app.command("init", short_help="Copy a starter model folder.")(init.init)
app.command("check", short_help="Check a model and its tape: data-quality report.")(check.check)
app.command("pool", short_help="Freeze the pool: eligibility, concentrations, borrowing bases.")(
    pool.pool
)
app.command("project", short_help="Project the pool's cash flows: scenarios, paths, one loan.")(
    project.project
)
app.command("deal", short_help="Run a deal, check it, draw its waterfall, explain a payment date.")(
    deal.deal
)
app.command(
    "size", short_help="Size a deal's classes: how large, what limits them, what they bear."
)(size.size)
app.command("plan", short_help="Plan the funding: who, when, why, at what cost, and what to do.")(
    plan.plan
)
app.command("propose", short_help="Judge a line, buyer, P2P supply or series that is offered.")(
    propose.propose
)
app.command("frontier", short_help="Trade income off against lending and headroom.")(
    frontier.frontier
)
app.command("backtest", short_help="Back-test the plan against rules and rivals over many worlds.")(
    backtest.backtest
)
app.command("credit", short_help="Show credit curves and what they rest on; write them.")(
    credit.credit
)
app.command("map", short_help="Propose a mapping for an unknown tape.")(map_tape)
app.command("warn", short_help="Early warnings: indicators, lights, what they are worth.")(
    warn.warn
)
app.command("run", short_help="Run a model, from the tape to the workbook.")(run.run)
app.command("report", short_help="Make report packs again from a run folder.")(report.report)
app.command("quote", short_help="Quote one more loan: what it earns, what would fund it.")(
    quote.quote
)
app.command("allocate", short_help="Allocate loans to funders: lists, limits, proven gap.")(
    allocate.allocate
)
app.command("verify-allocation", short_help="Check an allocation without trusting who made it.")(
    verify_allocation.verify_allocation
)
app.command("ledger", short_help="Keep who holds which loan since when: deliveries, answers.")(
    ledger.ledger
)
app.command("compare", short_help="Compare two runs or models: what changed, and why.")(
    compare.compare
)
app.command("schema", short_help="Print the JSON Schema of a model, a pack or a result.")(
    schema.schema
)
app.command("doctor", short_help="Check this machine: libraries, solver, memory, fonts; a report.")(
    doctor.doctor
)


def main() -> None:
    """Parse the command line and run the command."""
    speak_plainly()
    try:
        app(prog_name="scfcap")
    except BrokenPipeError:
        # The reader has gone (`scfcap schema | head`); keep Python from complaining at exit.
        discard_output()
        sys.exit(0)
    except OSError as error:
        if error.filename is None:  # what is printed before any command begins
            code = explain(error)[1]
            discard_output()
            sys.exit(code)
        # A command explains its own; what is left is completion, which is written below HOME.
        place = f"{error.filename} cannot be written ({error.strerror or error})."
        help_with = "`scfcap --show-completion` prints what would be installed."
        typer.echo(f"{place} {help_with}", err=True)
        sys.exit(2)
