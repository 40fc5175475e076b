"""Readers of what the program has written itself, and somebody has changed since."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from random import Random

from benchmarks.campaigns.hostile import mutate, seeds
from benchmarks.campaigns.hostile.cases import Make, Reader
from benchmarks.campaigns.hostile.meter import Case
from scfcap.errors import InputError
from scfcap.funding.quote_file import unpacked
from scfcap.pool.store import read_snapshot
from scfcap.report.edited import read_inputs
from scfcap.report.store import read_manifest, read_run

#: A plan of two periods is as good as one of twelve, to be read back.
SMALL = ("plan.periods=2", "plan.contingency=[]")


def made_run(folder: Path) -> Path:
    """A run folder of the small model, of which this process makes one."""
    return Path(shutil.copytree(_made(), folder / "out"))


@cache
def _made() -> Path:
    place = Path(tempfile.mkdtemp(prefix="hostile-run-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    settings = [part for text in SMALL for part in ("--set", text)]
    model, out = seeds.model(place / "mini"), place / "out"
    code, said = seeds.called("run", model, *settings, "--out", out, "--quiet")
    if code:
        raise RuntimeError(said)
    return out


def spoilt(dice: Random, path: Path) -> bytes:
    """What a file of a run folder might hold after somebody changed it."""
    content = path.read_bytes()
    if path.suffix == ".json":
        return mutate.as_json(dice, content)
    if path.suffix == ".parquet":
        return mutate.parquet(dice, content)
    if path.suffix == ".xlsx":
        return mutate.archive(dice, content, mutate.markup)
    if path.suffix == ".npz":
        return mutate.archive(dice, content, _part_of_prices)
    return mutate.data(dice, content)


def _part_of_prices(dice: Random, content: bytes) -> bytes:
    """An array with numpy's head, or the text that says what the arrays are."""
    start = content.find(b"{", 128)
    if start > 0 and dice.random() < 0.7:
        try:
            return content[:128] + mutate.as_json(dice, content[128:])
        except ValueError:
            pass
    return mutate.data(dice, content)


def _one_of(names: list[Path], act: Callable[[Path], object]) -> Make:
    """Spoils one of the files, calls ``act`` with it, and puts it back."""
    sound = {path: path.read_bytes() for path in names}

    def make(dice: Random) -> Case:
        path = dice.choice(names)
        path.write_bytes(sound[path])
        content = spoilt(dice, path)

        def run() -> None:
            path.write_bytes(content)
            try:
                act(path)
            finally:
                path.write_bytes(sound[path])

        return Case(run, (path.name,))

    return make


def _run_folders(folder: Path) -> Make:
    out = made_run(folder)
    names = [out / "manifest.json", out / "result.json", *sorted((out / "tables").glob("*"))[:6]]
    for path in sorted((out / "tables").glob("*"))[6:]:
        path.unlink()

    def act(_: Path) -> None:
        saved = read_run(out)
        saved.files()

    return _one_of(names, act)


def _manifests(folder: Path) -> Make:
    out = made_run(folder)
    return _one_of([out / "manifest.json"], lambda _: read_manifest(out))


def _snapshots(folder: Path) -> Make:
    path = made_run(folder) / "projected_pool.parquet"
    return _one_of([path], read_snapshot)


def _stored_models(folder: Path) -> Make:
    from scfcap.api.stored import restored

    out = made_run(folder)
    return _one_of([out / "projected_model.json"], lambda _: restored(out))


def _prices(folder: Path) -> Make:
    path = made_run(folder) / "quote_prices.npz"

    def act(_: Path) -> None:
        from scfcap.errors import Problem

        try:
            unpacked(path.read_bytes())
        except ValueError as error:  # as the command says it
            raise InputError(Problem(path.name, str(error)[:200], "prices")) from error

    return _one_of([path], act)


def _edited(folder: Path) -> Make:
    path = made_run(folder) / "scfcap.xlsx"
    return _one_of([path], lambda _: read_inputs(path, "mini"))


def _allocations(folder: Path) -> Make:
    from scfcap.verify.check import verify

    out = seeds.helper("verify.small_folder").write_folder(folder / "model")
    names = sorted(path for path in out.iterdir() if path.suffix in (".json", ".parquet"))
    return _one_of(names, lambda _: verify(out))


def _ledgers(folder: Path) -> Make:
    from scfcap.ledger import frames
    from scfcap.ledger.deliveries import propose
    from scfcap.ledger.outbox import deliver, open_ledger
    from scfcap.ledger.store import read_from
    from scfcap.ledger.trace import trace
    from scfcap.report.files import csv_bytes
    from scfcap.report.ledger import document, standing

    books = seeds.helper("ledger.books")
    day = books.DAY
    path = folder / "ledger.sqlite"
    loans = {f"L{k}": {"balance": 10.0 + k} for k in range(6)}
    with closing(books.opened(path, loans)) as ledger:
        propose(ledger, books.wanted(L0=books.BANK, L1=books.BANK, L2=books.SERIES), day)
        deliver(ledger, day, csv_bytes)
    sound = path.read_bytes()

    def act() -> None:
        with closing(read_from(path)) as ledger:
            tables = standing(ledger, None)
            document("mini", ledger, tables)
            frames.history(ledger, "L0")
            frames.moves(ledger, day, ledger.last() or day)
            trace(ledger, books.BANK, None)
        with open_ledger(path) as ledger:
            propose(ledger, books.wanted(L3=books.BANK), day)

    def make(dice: Random) -> Case:
        path.write_bytes(sound)
        mutate.database(dice, path)
        return Case(act, ("ledger.sqlite",))

    return make


READERS = (
    Reader("run folders (`report`)", 1_500, _run_folders),
    Reader("manifests", 6_000, _manifests),
    Reader("pool snapshots (`compare`)", 1_500, _snapshots),
    Reader("stored models (`compare`)", 2_000, _stored_models),
    Reader("plans' prices (`quote`)", 1_000, _prices),
    Reader("edited workbooks (`run --inputs`)", 1_000, _edited),
    Reader("allocations (`verify-allocation`)", 1_000, _allocations),
    Reader("ledgers", 1_000, _ledgers),
)
