"""``scfcap compare MODEL --actuals FILE``: the plan against what happened, and the next plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.terminal import Outcome, Terminal, shown_path

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.funding.replan import Length
    from scfcap.report.actuals import ActualsReport

#: Rows of a table that are shown; ``--out`` writes them all.
SHOWN = 16


def compare_with(
    terminal: Terminal,
    given: str | Path,
    file: Path,
    *,
    overrides: Sequence[str],
    tapes: tuple[Path | None, Path | None],
    replan: bool,
    length: Length,
    out: Path | None,
) -> Outcome:
    """Compare a plan with a file of actuals, show and save it."""
    from scfcap.api.actuals import compare_actuals
    from scfcap.report.store import check_out

    if out is not None:
        check_out(out)
    terminal.progress("plans" if replan else "plan")
    found = compare_actuals(
        given,
        file,
        overrides=overrides,
        tape=tapes[0],
        tape_after=tapes[1],
        replan=replan,
        length=length,
    )
    folder = None
    if out is not None:
        terminal.progress("report")
        folder = found.save(out).folder
    terminal.finish()
    _show(terminal, found)
    if folder is not None:
        terminal.say(f"Tables and charts: {shown_path(folder)}")
    return Outcome({**found.document(), "folder": folder})


def write_template(
    terminal: Terminal,
    given: str | Path,
    file: Path,
    *,
    overrides: Sequence[str],
    tape: Path | None,
    until: int,
    scenario: str | None,
) -> Outcome:
    """Write the plan's own figures as a file of actuals."""
    from scfcap.api.actuals import actuals_template, plan_of
    from scfcap.cli.map import write_aside
    from scfcap.schema.write import actuals_text

    terminal.progress("plan")
    model = plan_of(given, overrides, tape)
    actuals = actuals_template(model, until, scenario)
    of = f"carried out in {scenario}" if scenario else "as planned"
    text = actuals_text(
        actuals,
        (
            f"What happened to {model.spec.name} from {model.spec.as_of} to {actuals.as_of}: the "
            f"plan's figures, {of}.",
            "Overwrite them. A flow is a list with a figure for each period, or one figure, the "
            "total.",
        ),
    )
    terminal.finish()
    write_aside(file, text)
    terminal.say(f"The plan's figures up to {actuals.as_of}: {shown_path(file)}")
    return Outcome({"file": str(file), "to": actuals.as_of, "periods": until})


def _show(terminal: Terminal, found: ActualsReport) -> None:
    terminal.say(
        f"{found.model}, plan of {found.begin} in scenario {found.scenario}, against {found.file} "
        f"up to {found.end}. Amounts in {found.currency}.",
        *found.cautions,
        "",
        *found.headline,
        "",
        _bridge(found.frames["variance"], found),
        "",
    )
    told = found.sentences
    if told:
        more = f" (first {SHOWN} of {len(told)})" if len(told) > SHOWN else ""
        terminal.say(f"By driver and item{more}:", *(f"  {x}" for x in told[:SHOWN]), "")
    advice = found.advice
    if advice is None:
        return
    terminal.say(
        f"The new plan, {found.end} to {advice.end}: net income {found.currency} "
        f"{advice.net_income:,.0f}.",
        *advice.limits_changed,
        *found.begins,
        *advice.sentences(found.currency),
        *advice.said,
        "",
    )
    changed = advice.flows[advice.flows["change"].abs() > 0.5]
    if not len(changed):
        terminal.say(f"At the {advice.common} common closes the advice is the same.", "")
    else:
        terminal.say(_sides("What changed in the advice", changed, found), "")
    if len(advice.actions):
        terminal.say(_sides(f"Actions up to {advice.first}", advice.actions, found), "")
    limits = advice.limits[advice.limits["change"] != 0]
    if len(limits):
        terminal.say(_sides("Limits that bind, at how many common closes", limits, found), "")


def _bridge(frame: pd.DataFrame, found: ActualsReport) -> Any:
    rows = [["plan", *(f"{x[0]:,.0f}" for x in (found.variance.income, found.variance.cash)), ""]]
    rows += [
        [str(row["driver"]), *(_amount(row[name]) for name in ("income", "cash")), row["meaning"]]
        for row in frame.to_dict("records")
        if max(abs(row["income"]), abs(row["cash"])) > 0.5
    ]
    last = (f"{x[1]:,.0f}" for x in (found.variance.income, found.variance.cash))
    rows.append(["actual", *last, ""])
    heads = ["driver", "net income", "free cash", "what it is"]
    return grid("From plan to actual", heads, rows, ("net income", "free cash"))


def _amount(value: Any) -> str:
    return f"{float(value):+,.0f}" if abs(float(value)) > 0.5 else ""


def _sides(title: str, frame: pd.DataFrame, found: ActualsReport) -> Any:
    """Old and new plan side by side."""
    sides = ("before", "after", "change")
    keys = [str(name) for name in frame if name not in sides]
    rows = [
        [*(_text(row[key]) for key in keys), *(f"{row[side]:,.0f}" for side in sides[:2]),
         f"{row['change']:+,.0f}"]
        for row in frame.head(SHOWN).to_dict("records")
    ]  # fmt: skip
    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    unit = "" if "family" in keys else f", {found.currency}"
    heads = [*keys, "old plan", "new plan", "change"]
    return grid(f"{title}{more}{unit}", heads, blank_repeats(rows), heads[-3:])


def _text(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else str(value).replace("_", " ")
