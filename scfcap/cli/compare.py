"""``scfcap compare``: what changed from one projection to another, and why."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli import completing
from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.options import Json, Out, Overrides, Quiet, TapePath, Traceback
from scfcap.cli.report_options import Language
from scfcap.cli.terminal import Outcome, Terminal, execute, shown_path

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.report.compare import Comparison

First = Annotated[
    str,
    typer.Argument(
        help="A run folder, a model folder, or a shipped model.",
        metavar="A",
        autocompletion=completing.runs_and_models,
    ),
]
Second = Annotated[
    str | None,
    typer.Argument(
        help="What it is compared with, likewise; not beside --actuals.",
        metavar="[B]",
        autocompletion=completing.runs_and_models,
    ),
]
ActualsFile = Annotated[
    Path | None,
    typer.Option(
        "--actuals", metavar="FILE", help="What happened since: compare A's plan with it, re-plan."
    ),
]
Template = Annotated[
    Path | None,
    typer.Option(
        "--actuals-template", metavar="FILE", help="Write A's plan as such a file, to overwrite."
    ),
]
Until = Annotated[int, typer.Option("--until", metavar="N", min=1, help="Periods of the template.")]
Replan = Annotated[
    bool, typer.Option("--replan/--no-replan", help="Whether to plan anew from what stands.")
]
ToEnd = Annotated[
    bool, typer.Option("--to-end", help="Re-plan to the old plan's end, not as long as it was.")
]
OverridesB = Annotated[
    list[str] | None,
    typer.Option("--set-b", metavar="FIELD=VALUE", help="Override a field of B alone; repeatable."),
]
TapeB = Annotated[
    Path | None, typer.Option("--tape-b", metavar="PATH", help="Loan tape of B, if not A's.")
]
ScenarioName = Annotated[
    str | None,
    typer.Option(
        "--scenario", metavar="NAME", help="The scenario compared. Without it: each plan's own."
    ),
]
ScenarioB = Annotated[
    str | None,
    typer.Option("--scenario-b", metavar="NAME", help="Another scenario for B."),
]
Plans = Annotated[
    bool | None,
    typer.Option(
        "--plans/--no-plans",
        help="Compare their plans too, and say why they differ; models are planned for it. "
        "Without it: where both are run folders that hold a plan.",
    ),
]
#: Rows of what changed that are shown; ``--out`` writes them all.
SHOWN = 24
_COUNTS = ("loans",)
_DAYS = ("remaining_days", "recovery_lag")
_MONEY = ("balance",)


def compare(
    a: First,
    b: Second = None,
    overrides: Overrides = None,
    overrides_b: OverridesB = None,
    tape: TapePath = None,
    tape_b: TapeB = None,
    scenario: ScenarioName = None,
    scenario_b: ScenarioB = None,
    plans: Plans = None,
    actuals: ActualsFile = None,
    actuals_template: Template = None,
    until: Until = 1,
    replan: Replan = True,
    to_end: ToEnd = False,
    out: Out = None,
    language: Language = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Compare two projections, or plans: what changed, and what each driver did, one by one."""

    def happened(terminal: Terminal) -> Outcome:
        from scfcap.cli.actuals import compare_with, write_template

        _refuse_beside_actuals(b, scenario_b, overrides_b, actuals, actuals_template)
        said = list(overrides or ())
        if actuals is None:
            assert actuals_template is not None
            return write_template(
                *(terminal, _here(a), actuals_template),
                overrides=said,
                tape=tape,
                until=until,
                scenario=scenario,
            )
        return compare_with(
            *(terminal, _here(a), actuals),
            overrides=said,
            tapes=(tape, tape_b),
            replan=replan,
            length="end" if to_end else "same",
            out=out,
        )

    def work(terminal: Terminal) -> Outcome:
        if actuals is not None or actuals_template is not None:
            return happened(terminal)
        if b is None:
            raise _no_second()
        from scfcap.cli.compare_plans import Beside, show_plans
        from scfcap.report.files import manifest
        from scfcap.report.store import check_out

        if out is not None:
            check_out(out)
        terminal.progress("both sides")
        both = list(overrides or ())
        beside = Beside(
            (_here(a), _here(b)),
            overrides=(both, [*both, *(overrides_b or ())]),
            scenarios=(scenario, scenario_b or scenario),
            tapes=(tape, tape_b or tape),
            plans=plans,
        )
        flows = beside.flows()
        terminal.progress("drivers")
        planned = beside.planned(terminal)
        if flows is not None:
            flows = replace(flows, plans=planned)
        found = flows or planned
        assert found is not None
        document = found.document()
        folder = None
        if out is not None:
            terminal.progress("report")
            sides = {"a": document["a"], "b": document["b"]}
            folder = found.save(out, manifest(sides, {}), language or "").folder
        terminal.finish()
        if flows is not None:
            _show(terminal, flows)
        if planned is not None:
            show_plans(terminal, planned)
        if folder is not None:
            terminal.say(f"Workbook, tables and charts: {shown_path(folder)}")
        return Outcome({**document, "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _no_second() -> Exception:
    from scfcap.errors import InputError, Problem

    expected = "what A is compared with: B, or --actuals FILE"
    return InputError(Problem("B", "nothing", expected))


def _refuse_beside_actuals(
    b: str | None,
    scenario_b: str | None,
    overrides_b: list[str] | None,
    actuals: Path | None,
    template: Path | None,
) -> None:
    from scfcap.errors import InputError, Problem

    stray = [name for name, given in (("B", b), ("--scenario-b", scenario_b),
             ("--set-b", overrides_b)) if given]  # fmt: skip
    if actuals is not None and template is not None:
        stray.append("--actuals-template")
    if stray:
        option = "--actuals" if actuals is not None else "--actuals-template"
        raise InputError(
            Problem(
                ", ".join(stray), f"given beside {option}", "A alone, whose plan is looked at",
                "What changes from one model to another is compared without it.",
            )
        )  # fmt: skip


def _here(given: str) -> str | Path:
    """A path where there is one, else the name of a shipped model."""
    return Path(given) if Path(given).exists() else given


def _show(terminal: Terminal, found: Comparison) -> None:
    from scfcap.cashflow.driver_fields import DRIVERS, MEANING

    periods = found.a.side.curves.grid
    terminal.say(
        f"a: {_about(found.a.name, found.a.about)}",
        f"b: {_about(found.b.name, found.b.about)}",
        f"Over {len(periods)} {periods.frequency}s, amounts in {found.currency}.",
        "",
        *(found.sentence(name) for name in ("collections", "interest", "loss", "average_life")),
        "",
    )
    drivers = found.drivers
    if not (drivers["change"] != 0.0).any():
        terminal.say("No cash flow differs.", "")
    whole = drivers[drivers["segment"] == "all"]
    terminal.say(_drivers(whole, "measure", found.decimals), "")
    cash = drivers[(drivers["measure"] == "collections") & (drivers["segment"] != "all")]
    if len(cash) > 1 and (cash["change"] != 0.0).any():
        terminal.say(_drivers(cash, "segment", found.decimals, "Collections by segment: "), "")
    terminal.say("Drivers, taken from b one after the other:")
    terminal.say(*(f"  {name}: {MEANING[name]}" for name in DRIVERS), "")
    changed = found.inputs[_differs(found.inputs)]
    if len(changed):
        terminal.say(_inputs(changed), "")
    if len(found.fields):
        terminal.say(_fields(found.fields), "")
    if len(found.figures):
        terminal.say(_figures(found.figures), "")


def _about(name: str, about: Any) -> str:
    facts = [f"scenario {about['scenario']}", f"as of {about['as_of']}"]
    facts.append(f"{int(about['loans']):,} loans")
    if about.get("overrides"):
        facts.append(f"with {about['overrides']}")
    return f"{name}: {about['model']}, {', '.join(facts)}" if name != about["model"] else (
        f"{name}, {', '.join(facts)}"
    )  # fmt: skip


def _differs(frame: pd.DataFrame) -> Any:
    scale = frame[["a", "b"]].abs().max(axis=1)
    return frame["change"].abs() > 1e-12 * scale.clip(lower=1e-300)


def _drivers(frame: pd.DataFrame, key: str, decimals: int, title: str = "") -> Any:
    names = [str(n) for n in frame if n not in ("measure", "segment")]
    names = [n for n in names if n != "version" or (frame[n] != 0.0).any()]
    rows = [
        [_label(row, key), *(_amount(row, name, decimals) for name in names)]
        for row in frame.to_dict("records")
        if any(row[name] for name in names)
    ]
    return grid(f"{title}from a to b, by driver".capitalize(), [key, *names], rows, names)


def _label(row: dict[Any, Any], key: str) -> str:
    return str(row[key]).replace("_", " ") if key == "measure" else str(row[key])


def _amount(row: dict[Any, Any], name: str, decimals: int) -> str:
    value = float(row[name])
    digits = 3 if row["measure"] == "average_life" else decimals
    if name in ("a", "b"):
        return f"{value:,.{digits}f}"
    return f"{value:+,.{digits}f}" if abs(value) >= 0.5 * 10.0**-digits else ""


def _inputs(frame: pd.DataFrame) -> Any:
    rows = [
        [str(row["segment"]), str(row["figure"]).replace("_", " "),
         *(_fact(str(row["figure"]), row[name], sign=name == "change") for name in _SIDES)]
        for row in frame.head(SHOWN).to_dict("records")
    ]  # fmt: skip
    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    heads = ["segment", "figure", *_SIDES]
    return grid(f"What the loans and curves changed{more}", heads, blank_repeats(rows), _SIDES)


_SIDES = ("a", "b", "change")


def _fact(figure: str, value: Any, *, sign: bool) -> str:
    number = float(value)
    if math.isnan(number):
        return ""
    plus = "+" if sign else ""
    if figure in (*_COUNTS, *_MONEY):
        return f"{number:{plus},.0f}"
    if figure in _DAYS:
        return f"{number:{plus},.1f}"
    return f"{number:{plus}.3%}"


def _fields(frame: pd.DataFrame) -> Any:
    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    rows = [[_short(cell) for cell in row] for row in frame.head(SHOWN).itertuples(index=False)]
    return grid(f"Fields of the model that differ{more}", ["field", "a", "b"], rows)


def _short(text: Any) -> str:
    said = str(text)
    return said if len(said) <= 60 else f"{said[:59]}…"


def _figures(frame: pd.DataFrame) -> Any:
    rows = [
        [str(row["figure"]).replace("_", " "), *(f"{row[name]:,.2f}" for name in _SIDES)]
        for row in frame.to_dict("records")
        if row["change"] != 0.0
    ]
    return grid("Figures of the runs", ["figure", *_SIDES], rows, _SIDES)
