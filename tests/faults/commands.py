"""Every command that writes, on models so small that it takes seconds."""

from __future__ import annotations

import csv
import importlib.util
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scfcap.cli.demo import MODELS

from .server import BUNDLED, Server

SMALL_SHOPS = (
    "--set", "tape.lives.loans=3000", "--set", "warning.measure.platforms=2",
    "--set", "warning.measure.loans=1000", "--set", "warning.measure.months=24",
)  # fmt: skip
LOAN = ("--segment", "credit", "--amount", "1000", "--tenor", "90", "--rate", "0.2")
LEDGER = ("ledger", "mini", "--file", "book/ledger.sqlite")


@dataclass(frozen=True)
class Command:
    """A command, what has to be there before, and whether its own result stands there already.

    ``whole``: its result is put in place as one; else file by file. ``bundled``: small models stand
    in for those that are bundled.
    """

    name: str
    arguments: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    again: bool = False
    whole: bool = True
    bundled: bool = False


RUN = ("run", "mini", "--out", "out", "--csv", "--page", "-q")
REPORT = ("report", "out", "--report", "structurer", "--page", "-q")
PLAN = ("plan", "mini", "--out", "plan", "-q")
ALLOCATE = ("allocate", "mini", "--out", "lists", "-q")
OPEN = (*LEDGER, "--open", "-q")
DELIVER = (*LEDGER, "--deliver", "lists", "-q")
CONFIRM = (*LEDGER, "--confirm", "answers.csv", "-q")

COMMANDS = (
    Command("demo", ("demo", "--out", "out", "-q"), bundled=True),
    Command("init", ("init", "copy", "--from", "mini", "-q")),
    Command("check", ("check", "mini", "--out", "out", "-q"), again=True),
    Command("pool", ("pool", "mini", "--out", "out", "-q")),
    Command("project", ("project", "mini", "--paths", "20", "--out", "out", "-q"), again=True),
    Command("deal", ("deal", "mini", "--out", "out", "-q")),
    Command("deal --draw", ("deal", "mini", "--draw", "out.svg", "-q"), again=True),
    Command("size", ("size", "mini", "--no-sizes", "--out", "out", "-q")),
    Command("plan", ("plan", "mini", "--out", "out", "-q"), again=True),
    Command(
        "propose", ("propose", "mini", "--line", "5e3", "--tenor", "3", "--out", "out", "-q")
    ),
    Command("frontier", ("frontier", "mini", "--points", "2", "--out", "out", "-q")),
    Command(
        "backtest",
        (
            "backtest", "mini", "--seeds", "2", "--periods", "2", "--horizon", "2",
            "--scenarios", "4", "--out", "out", "-q",
        ),
    ),
    Command("credit", ("credit", "mini", "--out", "out", "-q"), again=True),
    Command("credit --write", ("credit", "mini", "--write", "-q")),
    Command("map", ("map", "mini/tape.csv", "--out", "mapped.toml", "-q")),
    Command("map --model", ("map", "mini/tape.csv", "--model", "mapped", "-q")),
    Command("warn", ("warn", "shops-2013", *SMALL_SHOPS, "--out", "out", "-q")),
    Command("run", RUN),
    Command("run again", RUN, again=True),
    Command("run --pdf", ("run", "mini", "--out", "out", "--pdf", "-q")),
    Command("report", REPORT, (RUN,), whole=False),
    Command("quote", ("quote", "mini", *LOAN, "--run", "plan", "-q"), (PLAN,)),
    Command("allocate", ALLOCATE, again=True),
    Command("ledger --open", OPEN),
    Command("ledger --deliver", DELIVER, (OPEN, ALLOCATE)),
    Command("ledger --confirm", CONFIRM, (OPEN, ALLOCATE, DELIVER)),
    Command(
        "ledger --settle",
        (*LEDGER, "--settle", "1", "-q"),
        (OPEN, ALLOCATE, DELIVER, CONFIRM),
    ),
    Command(
        "compare",
        ("compare", "mini", "mini", "--scenario-b", "stress", "--out", "out", "-q"),
    ),
    Command("schema", ("schema", "--out", "schema.json", "-q"), again=True),
    Command("schema tables", ("schema", "tables", "--out", "columns.md", "-q")),
)  # fmt: skip


def _of_cli(name: str) -> Any:
    """A module of the command line's tests."""
    path = Path(__file__).parents[1] / "cli" / f"{name}.py"
    found = importlib.util.spec_from_file_location(f"faulty_{name}", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def write_models(folder: Path) -> None:
    """The small model of the command line's tests, with a deal, a history and stated costs."""
    plain, deal, credit, ledger = (
        _of_cli(name)
        for name in ("conftest", "test_cli_deal", "test_cli_credit", "test_cli_ledger")
    )
    model = folder / "mini"
    (model / "deals").mkdir(parents=True)
    head, rest = plain.MODEL.split("[credit.segments.order]")
    curves = '[credit]\nsource = "history"\nseverity = 0.7\n'
    rest = rest[rest.index("[scenarios.base]") :]
    text = f"{head}{curves}{credit.HISTORY}\n{rest}{ledger.STATED}"
    (model / "model.toml").write_text(text, encoding="utf-8")
    (model / "deals" / "small.toml").write_text(deal.DEAL, encoding="utf-8")
    (model / "status.csv").write_text(credit.statuses(), encoding="utf-8")
    text = "".join(",".join(map(str, line)) + "\n" for line in [plain.COLUMNS, *plain.loans()])
    (model / "tape.csv").write_text(text, encoding="utf-8")


def prepared(server: Server, command: Command, folder: Path) -> Path:
    """A folder in which ``command`` may be run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_models(folder)
    for name in MODELS if command.bundled else ():
        shutil.copytree(folder / "mini", folder / BUNDLED / name)
    first: Sequence[tuple[str, ...]] = (
        (*command.before, command.arguments) if command.again else command.before
    )
    for arguments in first:
        done = server.run(arguments, folder)
        if done.code:
            msg = f"{' '.join(arguments)} ended with {done.code}: {done.err}"
            raise RuntimeError(msg)
        if arguments == DELIVER:
            _answer(folder)
    return folder


def _answer(folder: Path) -> None:
    """The funder takes every loan of the list that it was sent."""
    (sent,) = (folder / "book" / "ledger-deliveries").glob("*.csv")
    with sent.open(encoding="utf-8") as stream:
        lines = [f"{row['loan_id']},accepted,\n" for row in csv.DictReader(stream)]
    text = "".join(["loan_id,answer,reason\n", *lines])
    (folder / "answers.csv").write_text(text, encoding="utf-8")
