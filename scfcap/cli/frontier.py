"""``scfcap frontier``: income against lending against headroom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli.grid import grid
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
    from scfcap.report.frontier import FrontierReport

Points = Annotated[
    int, typer.Option("--points", metavar="N", help="Levels of lending, and of headroom.")
]
Corners = Annotated[
    bool,
    typer.Option("--corners", help="Plan each corner too, into a folder beside --out DIR."),
]
_HEADS = (
    "lending", "headroom", "income", "one more lent costs", "one more of headroom costs", "corner",
)  # fmt: skip


def frontier(
    model: ModelArgument,
    points: Points = 5,
    corners: Corners = False,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Trade income off against lending and headroom: a table, a picture, a plan at each corner."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.frontier import frontier as trade_off

        asked = Asked(model, tape, overrides, reject_limit, out)
        loaded = asked.load()
        terminal.progress("plan")
        loaded.plan()
        found = trade_off(loaded, points, terminal.progress)
        folder, opened = None, {}
        if out is not None:
            terminal.progress("report")
            folder = found.save(out).folder
            for corner in found.corners if corners else ():
                terminal.progress(f"plan of {corner.name}")
                sets = [f"{key}={value:.0f}" for key, value in corner.overrides.items()]
                place = out.with_name(f"{out.name}-{corner.name.replace(' ', '-')}")
                there = Asked(model, tape, overrides, reject_limit, place).load(*sets)
                opened[corner.name] = there.plan_report().save(place).folder
        terminal.finish()
        _show(terminal, found, None if tape is None else str(tape))
        for name, place in opened.items():
            terminal.say(f"Plan of {name}: {shown_path(place)}")
        if folder is not None:
            terminal.say(f"Table and picture: {shown_path(folder)}")
        return Outcome({**found.document(), "folder": folder, "opened": opened})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, found: FrontierReport, tape: str | None) -> None:
    million = 1e6
    frame = found.frame.sort_values(["headroom_amount", "lending_amount"])
    risky = bool(frame["cvar_amount"].notna().any())
    heads = [*_HEADS[:3], *(["missing at worst"] if risky else []), *_HEADS[3:]]
    rows = [_row(row, million, risky) for row in frame.to_dict("records")]
    title = f"None of these is beaten in all, {found.currency} m"
    terminal.say(grid(title, heads, rows, heads[:-1]), "", *found.sentences, "")
    terminal.say("Each corner as the plan:")
    terminal.say(*(f"  {x.name}: {found.command(x, tape)}" for x in found.corners), "")


def _row(row: dict[Any, Any], unit: float, risky: bool) -> list[str]:
    worst = [f"{row['cvar_amount'] / unit:,.2f}"] if risky else []
    return [
        f"{row['lending_amount'] / unit:,.2f}",
        f"{row['headroom_amount'] / unit:,.2f}",
        f"{row['income_amount'] / unit:,.3f}",
        *worst,
        f"{row['income_per_lending']:.4f}",
        f"{row['income_per_headroom']:.4f}",
        str(row["corner"]),
    ]
