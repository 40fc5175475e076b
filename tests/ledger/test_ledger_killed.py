"""Killing a process at any moment of a delivery loses nothing and doubles nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.ledger import frames
from scfcap.ledger.deliveries import propose
from scfcap.ledger.outbox import deliver, list_of, open_ledger, recover
from scfcap.ledger.store import read_from
from scfcap.report.files import csv_bytes

from . import sending
from .books import BANK, DAY, LINE, content, opened

LOANS = 400
ROOT = Path(__file__).parents[2]
STEPS = 8  # of two deliveries, four each
CASES = [
    *(("step", k) for k in range(1, STEPS + 1)),
    *(("work", share) for share in (0.05, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95)),
    *(("time", share) for share in np.random.default_rng(7).uniform(0.1, 1.0, 8).round(3)),
]


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with two proposed deliveries, one of sale and one of pledges."""
    folder = tmp_path_factory.mktemp("proposed")
    loans = {f"L{k:04}": {"balance": 100.0 + k / 100.0} for k in range(LOANS)}
    with opened(folder / "ledger.sqlite", loans) as ledger:
        places = np.array([BANK, LINE], dtype=object)[np.arange(LOANS) % 2]
        propose(ledger, pd.DataFrame({"loan_id": list(loans), "channel": places}), DAY)
    return folder


@pytest.fixture(scope="module")
def whole(proposed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict]:
    """Tables and lists after a run that nothing interrupts."""
    folder = _copied(proposed, tmp_path_factory.mktemp("whole"))
    with open_ledger(folder / "ledger.sqlite") as ledger:
        deliver(ledger, sending.DAY, csv_bytes)
        return content(ledger), _lists(ledger.lists)


@pytest.fixture(scope="module")
def killed(
    proposed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Path, str, float], int]]:
    """``killed(LEDGER, HOW, WHERE)``: send in another process, and kill it; the signal."""
    environment = {
        **os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, sending.__file__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def send(path: Path, how: str, where: float) -> int:
            process.stdin.write(f"{path} {how} {where}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        folder = _copied(proposed, tmp_path_factory.mktemp("alone"))
        assert send(folder / "ledger.sqlite", "whole", 0.0) == 0
        yield send
        process.stdin.close()
        assert process.wait(30) == 0


def _copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, dirs_exist_ok=True)
    return target


def _lists(folder: Path) -> dict[str, bytes]:
    """What stands in the folder of lists, under any name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def _expected(step: int) -> list[str]:
    """By hand: of the four steps of a delivery the second, the list on disk, is what decides."""
    return ["proposed" if step < 2 else "sent", "proposed" if step < 6 else "sent"]


def _agree(ledger) -> None:
    """One holder a loan; a list where a delivery is sent and none where it is not."""
    held = frames.holdings(ledger)
    assert sorted(held["loan_id"]) == sorted({f"L{k:04}" for k in range(LOANS)})
    assert set(held["channel"]) == {"own_capital"}
    assert (held["promised"] != "").all()
    found = _lists(ledger.lists)
    for row in frames.deliveries(ledger).itertuples():
        assert not row.begun
        if row.status == "sent":
            assert found.pop(row.file) == csv_bytes(list_of(ledger, row.delivery))
        else:
            assert (row.status, row.file, row.digest) == ("proposed", "", "")
    assert found == {}


@pytest.mark.parametrize(("how", "where"), CASES, ids=lambda x: str(x))
def test_a_killed_delivery_is_completed_or_taken_back(
    proposed, whole, killed, tmp_path, how, where
):
    path = _copied(proposed, tmp_path / "book") / "ledger.sqlite"
    ended = killed(path, how, where)
    assert ended == signal.SIGKILL or how == "time"  # a run may be faster than the one before
    with read_from(path) as ledger:  # whoever only looks sees one state, too
        assert len(frames.holdings(ledger)) == LOANS
    with open_ledger(path) as ledger:
        _agree(ledger)
        if how == "step":
            assert list(frames.deliveries(ledger)["status"]) == _expected(where)
        before = content(ledger)
        assert recover(ledger) == ()
        assert content(ledger) == before
        deliver(ledger, sending.DAY, csv_bytes)
        assert content(ledger) == whole[0]
        assert _lists(ledger.lists) == whole[1]
