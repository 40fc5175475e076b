"""``scfcap plan``: who funds what and when, why, at what cost, and what to do next."""

from __future__ import annotations

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
from scfcap.cli.stability import (
    EvaluationPaths,
    Seeds,
    Stability,
    refuse_alone,
    run_stability,
)
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute, shown_path


def plan(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
    stability: Stability = False,
    seeds: Seeds = None,
    evaluation_paths: EvaluationPaths = None,
) -> None:
    """Plan the funding: sources, limits, prices, statements, cash forecast, actions, costs."""

    def work(terminal: Terminal) -> Outcome:
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        if stability:
            return run_stability(terminal, loaded, seeds, evaluation_paths, out)
        refuse_alone(seeds, evaluation_paths)
        loaded.borrower_costs()  # bad quotes are refused before the work, not after it
        stations = {
            "tape": loaded.tape,
            "pool": loaded.pool,
            "credit": loaded.curves,
            "cohorts": loaded.factors,
            "plan": loaded.plan,
            "statements": loaded.plan_tables,
        }
        for station, step in stations.items():
            terminal.progress(station)
            step()
        report = loaded.plan_report()
        folder = None
        if out is not None:
            terminal.progress("report")
            folder = report.save(out).folder
        document = report.document()
        terminal.finish()
        from scfcap.cli.plan_tables import show_plan

        show_plan(terminal, report)
        if folder is not None:
            terminal.say("", f"Tables: {shown_path(folder)}")
        return Outcome({**document, "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)
