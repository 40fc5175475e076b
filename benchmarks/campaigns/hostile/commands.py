"""Whole commands over what readers accept, lists that commands read, and files signed anew."""

from __future__ import annotations

import json
import shutil
import tomllib
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.campaigns.hostile import mutate, seeds
from benchmarks.campaigns.hostile.cases import Make, Reader
from benchmarks.campaigns.hostile.folders import made_run
from benchmarks.campaigns.hostile.meter import Case
from benchmarks.campaigns.hostile.tables import WRITERS
from scfcap.errors import InputError, Problem
from scfcap.pool import store
from scfcap.pool.digests import combined
from scfcap.schema.credit import HistorySpec
from scfcap.schema.load import load_model
from scfcap.schema.tape import TapeSpec
from scfcap.tape.read import read_history, read_tape
from scfcap.tape.references import reference_lists

#: What the small model has not: a line with a borrowing base, lights, curves of closed loans.
MORE = """
[pool.borrowing_base.bank-a]
eligibility = "bank"
lender = "bank-a"
advance_rates = [{ name = "short", test = "remaining_days <= 90", rate = 0.8 }]
otherwise = 0.5
reserves = [{ name = "dilution", share = 0.02 }]
minimum = 10.0

[warning]
by = "segment"
top = 2
grace = 3
least = 5
prior = 10.0
roll_30 = { yellow = 0.01, red = 0.02, window = 2 }
line_use = { yellow = 0.9, red = 0.95 }
effective_number = { yellow = -0.1, red = -0.2 }
[warning.measure]
platforms = 2
loans = 1000
months = 24
horizon = 3

[credit.history]
path = "closed.csv"
outcome_column = "segment"
bad_values = ["credit"]
origination_column = "paid"
closed_column = "closed"
term_column = "days"
amount_column = "amount"
"""
_CLOSED: list[list[Any]] = [
    ["borrower_id", "paid", "closed", "days", "amount"],
    *([f"B{k}", f"2020-0{k % 6 + 1}-03", f"2020-0{k % 6 + 2}-01", 30, 100 + k] for k in range(12)),
]  # fmt: skip
_HISTORY = HistorySpec(
    outcome_column="segment", bad_values=("credit",), origination_column="paid",
    closed_column="closed", term_column="days", amount_column="amount",
)  # fmt: skip
#: Commands that work the whole of a model out in less than a second.
COMMANDS = (
    ("check",), ("pool", "--quiet"), ("project", "--quiet"), ("warn", "--no-measure", "--quiet"),
)  # fmt: skip


def full_model(folder: Path) -> tuple[Path, str]:
    """The small model with :data:`MORE`, and what its file says."""
    place = seeds.model(folder)
    text = (place / "model.toml").read_text(encoding="utf-8") + MORE
    (place / "model.toml").write_text(text, encoding="utf-8")
    (place / "closed.csv").write_text(seeds.csv_text(_CLOSED), encoding="utf-8")
    return place, text


def _sections(folder: Path) -> Make:
    """A model's file with all of its sections, of which those of :data:`MORE` are spoilt."""
    place, text = full_model(folder / "full")
    tree = tomllib.loads(text)
    keys = ("pool", "warning", "credit")

    def make(dice: Random) -> Case:
        if dice.random() < 0.8:
            key = dice.choice(keys)
            content = mutate.toml({**tree, key: mutate.values(dice, tree[key])})
        else:
            content = text[: -len(MORE)] + mutate.tokens(dice, MORE)
        path = place / "model.toml"
        path.write_bytes(content.encode(errors="surrogatepass"))
        return Case(lambda: load_model(place), ("model.toml",))

    return make


def _bases(folder: Path) -> Make:
    """A chain of two bases, one file of which is spoilt."""
    text = seeds.helper("cli.conftest").MODEL
    files = {
        "lowest/model.toml": text,
        "middle/model.toml": 'base = "lowest"\n[plan]\nperiods = 3\n[[lenders]]\nname = "bank-a"\n',
        "top/model.toml": 'base = "middle"\nname = "top"\n[opening]\ncash = 1.0\n',
    }
    for name, said in files.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(said, encoding="utf-8")

    def make(dice: Random) -> Case:
        name = dice.choice(list(files))
        said = files[name]
        (folder / name).write_bytes(mutate.as_toml(dice, said, tomllib.loads(said)))

        def run() -> None:
            try:
                load_model(folder / "top")
            finally:
                (folder / name).write_text(said, encoding="utf-8")

        # The model that is asked for is "model.toml", its bases have their folder's name.
        return Case(run, (name.removeprefix("top/"),))

    return make


def _closed_loans(folder: Path) -> Make:
    kinds = [(suffix, writes(_CLOSED)) for suffix, writes in WRITERS]

    def make(dice: Random) -> Case:
        suffix, spoil = dice.choice(kinds)
        path = folder / f"odd{suffix}"
        path.write_bytes(spoil(dice))
        spec = _HISTORY.model_copy(update={"path": path.name})
        return Case(lambda: read_history(spec, folder=folder), (path.name,))

    return make


def _reference_lists(folder: Path) -> Make:
    lines = [["name"], ["order"], ["credit"], ["other"]]
    kinds = [(suffix, writes(lines)) for suffix, writes in WRITERS]
    (folder / "tape.csv").write_text(seeds.csv_text(seeds.rows()[:5]), encoding="utf-8")

    def make(dice: Random) -> Case:
        suffix, spoil = dice.choice(kinds)
        path = folder / f"odd{suffix}"
        path.write_bytes(spoil(dice))
        said = {"segment": {"path": path.name, "column": "name"}}
        spec = TapeSpec.model_validate({"source": "file", "path": "tape.csv", "reference": said})

        def run() -> None:
            reference_lists(spec, folder)
            read_tape(spec, as_of=date(2020, 12, 31), folder=folder)

        return Case(run, (path.name,))

    return make


def _signed_snapshots(folder: Path) -> Make:
    """Snapshots whose digests are right again after they were spoilt."""
    path = made_run(folder) / "projected_pool.parquet"
    sound = pq.read_table(path)
    about = json.loads(sound.schema.metadata[store._METADATA])

    def make(dice: Random) -> Case:
        table, said = sound, about
        if dice.random() < 0.6:
            table = mutate.table(dice, sound)
        else:
            said = {**about, **_plain(mutate.values(dice, about))}
        try:
            said = {**said, "digest": combined(said["inputs"])}
            said["content"] = store._content(table, said)
            noted = {store._METADATA: json.dumps(said, sort_keys=True).encode()}
            pq.write_table(table.replace_schema_metadata(noted), path)
        except (pa.ArrowException, LookupError, TypeError, ValueError, AttributeError):
            path.write_bytes(b"")  # what cannot be signed or held
        return Case(lambda: store.read_snapshot(path), (path.name,))

    return make


def _plain(tree: Any) -> Any:
    """What JSON can hold of a tree."""
    try:
        return json.loads(json.dumps(tree))
    except ValueError:
        return {}


def _delivery_lists(folder: Path) -> Make:
    """The lists of an allocation, spoilt and signed anew, handed to a ledger."""
    from scfcap.api.allocating import LISTS
    from scfcap.api.ledgers import deliver_run
    from scfcap.ledger.outbox import open_ledger
    from scfcap.report.store import save_run
    from scfcap.report.tables import Table

    books = seeds.helper("ledger.books")
    path, out = folder / "ledger.sqlite", folder / "out"
    with closing(books.opened(path, {f"L{k}": {"balance": 10.0 + k} for k in range(6)})):
        pass
    sound = path.read_bytes()
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{k}" for k in range(6)],
            "channel": [books.BANK, books.BANK, books.SERIES, None, books.LINE, books.OWN],
            "before": books.OWN, "balance": [10.0 + k for k in range(6)],
        }
    )  # fmt: skip
    lists = Table(LISTS, "Lists", frame, {}, "")

    def make(dice: Random) -> Case:
        spoilt = mutate.table(dice, pa.Table.from_pandas(frame, preserve_index=False))
        path.write_bytes(sound)
        shutil.rmtree(folder / "ledger-deliveries", ignore_errors=True)
        try:
            held = replace(lists, frame=spoilt.to_pandas())
            save_run(out, {lists.name: held}, {"as_of": "2020-01-01"}, {"version": 1})
        except (pa.ArrowException, ArithmeticError, LookupError, TypeError, ValueError):
            save_run(out, {lists.name: lists}, {"as_of": ""}, {"version": 1})

        def run() -> None:
            with open_ledger(path) as ledger:
                deliver_run(ledger, out, books.DAY)

        return Case(run, (f"table {lists.name}",))

    return make


def _commands(folder: Path) -> Make:
    """Figures and days of the full model and its tape that may well be accepted, worked out."""
    place, text = full_model(folder / "full")
    tree = tomllib.loads(text)
    lines = seeds.rows()

    def make(dice: Random) -> Case:
        said = mutate.figures(dice, tree)
        (place / "model.toml").write_text(mutate.toml(said), encoding="utf-8")
        tape = lines
        if dice.random() < 0.5:
            tape = mutate.figures(dice, lines)
        (place / "tape.csv").write_text(seeds.csv_text(tape), encoding="utf-8")
        command, *options = dice.choice(COMMANDS)

        def run() -> None:
            code, said = seeds.called(command, place, *options)
            if code == InputError.exit_code:
                raise InputError(Problem(said, "it", "another"))
            if code not in (0, 3):
                msg = f"exit code {code}: {said[:400]}"
                raise RuntimeError(msg)

        return Case(run, ("model.toml", "tape.csv"))

    return make


READERS = (
    Reader("sections of borrowing bases, warnings, credit", 1_500, _sections),
    Reader("bases of a model", 1_500, _bases),
    Reader("closed loans (`credit.history`)", 1_500, _closed_loans),
    Reader("reference lists", 1_000, _reference_lists),
    Reader("pool snapshots, signed anew", 1_500, _signed_snapshots),
    Reader("lists that are delivered (`ledger --deliver`)", 1_000, _delivery_lists),
    Reader("`check`, `pool`, `project`, `warn`", 400, _commands),
)
