"""A folder against its tape, and each thing of it that somebody might have changed."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from scfcap.errors import InputError
from scfcap.verify.check import verify
from scfcap.verify.layout import DUALS, LIMITS, LISTS, VALUES
from tests.verify.small_folder import KEYS, tape_rows, write_folder, write_tape


@pytest.fixture(scope="module")
def true_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all is true."""
    return write_folder(tmp_path_factory.mktemp("verify") / "model")


@pytest.fixture
def folder(true_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt; its tape is the copy's."""
    shutil.copytree(true_folder.parent, tmp_path / "model")
    out = tmp_path / "model" / "allocation"
    edit_limits(out, lambda text: text["tape"].update(folder=str(out.parent)))
    return out


def edit_limits(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / LIMITS
    text = json.loads(path.read_text(encoding="utf-8"))
    change(text)
    path.write_text(json.dumps(text), encoding="utf-8")


def edit(folder: Path, name: str, column: str, change: Callable[[list[Any]], object]) -> None:
    """Change the cells of one column, in place, and keep its type."""
    table = pq.read_table(folder / name)
    at = table.column_names.index(column)
    kind = table.schema.field(at).type
    cells = table.column(at).to_pylist()
    change(cells)
    if pa.types.is_dictionary(kind):
        changed = pa.array(cells, pa.string()).dictionary_encode()
    else:
        changed = pa.array(cells, kind, from_pandas=False)
    pq.write_table(table.set_column(at, column, changed), folder / name)


@pytest.mark.parametrize("seed", [3, 11, 12])
def test_all_of_a_true_folder_holds(tmp_path, seed):
    """Witness: places, values, left sides and bound are worked out loan by loan in the test."""
    report = verify(write_folder(tmp_path / "model", seed))
    assert report.holds, [check for check in report.checks if not check.holds]
    assert {check.verdict for check in report.checks} == {"holds"}
    assert len(report.checks) == 20


def _set(at: int, new: object) -> Callable[[list[Any]], object]:
    return lambda cells: cells.__setitem__(at, new)


def _scaled(at: int, factor: float) -> Callable[[list[Any]], object]:
    return lambda cells: cells.__setitem__(at, cells[at] * factor)


def _elsewhere(folder: Path) -> None:
    """Move a loan to where the tape does not let it go, and let the loans' file say it may."""
    values = pq.read_table(folder / VALUES)
    may = np.stack([values[f"eligible:{key}"].to_numpy() for key in KEYS], axis=1)
    at = int(np.flatnonzero(~may[:, 1])[0])
    edit(folder, VALUES, f"eligible:{KEYS[1]}", _set(at, True))
    edit(folder, VALUES, f"value:{KEYS[1]}", _set(at, 1.0))


def _kept_out(folder: Path) -> None:
    """Say that a loan may not go where it may, which would make the bound look lower."""
    values = pq.read_table(folder / VALUES)
    may = np.stack([values[f"eligible:{key}"].to_numpy() for key in KEYS], axis=1)
    at = int(np.flatnonzero(may.sum(axis=1) > 1)[0])
    key = KEYS[int(np.flatnonzero(may[at])[0])]
    edit(folder, VALUES, f"eligible:{key}", _set(at, False))


def _fewer_loans(folder: Path) -> None:
    table = pq.read_table(folder / VALUES)
    pq.write_table(table.slice(1), folder / VALUES)


def _other_tape(folder: Path) -> None:
    rows = tape_rows()
    rows[0]["current_balance"] -= 0.01
    write_tape(folder.parent / "tape.csv", rows)


def _truncated(folder: Path) -> None:
    table = pq.read_table(folder / LISTS)
    pq.write_table(table.slice(0, len(table) - 3), folder / LISTS)


def _without(path: Path, column: str) -> None:
    pq.write_table(pq.read_table(path).drop([column]), path)


def _twice(folder: Path) -> None:
    table = pq.read_table(folder / LISTS)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), folder / LISTS)


def _limit(change: Callable[[dict[str, Any]], object], name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        edit_limits(folder, lambda text: change(_named(text, name)))

    return spoil


def _named(text: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(x for x in text["limits"] if x["name"] == name)
    return found


def _text(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda folder: edit_limits(folder, change)


def _column(
    name: str, column: str, change: Callable[[list[Any]], object]
) -> Callable[[Path], None]:
    return lambda folder: edit(folder, name, column, change)


def _lower(text: dict[str, Any], key: str, factor: float) -> None:
    text["claim"][key] -= factor * abs(text["claim"][key])


SPOILT: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "a tape": (_other_tape, {"tape", "loans"}),
    "a loan left out": (_fewer_loans, {"loans", "one place"}),
    "a loan's balance": (_column(VALUES, "balance", _scaled(0, 1.01)), {"loans", "balances"}),
    "a present channel": (_column(VALUES, "today", _set(0, "nowhere")), {"today"}),
    "a place too many": (_elsewhere, {"rules"}),
    "a place too few": (_kept_out, {"rules"}),
    "a number": (_column(VALUES, "number:score", lambda c: c.__setitem__(
        slice(None), [x * 1.5 for x in c])), {"columns"}),
    "a text": (_column(VALUES, "column:region", lambda c: c.__setitem__(
        0, "S" if c[0] == "N" else "N")), {"columns"}),
    "an advance rate": (_column(VALUES, "number:advance", lambda c: c.__setitem__(
        slice(None), [x * 1.1 for x in c])), {"columns"}),
    "a test": (_text(lambda t: t["channels"][1]["tests"].pop(0)), {"rules"}),
    "what is frozen": (_text(lambda t: t.update(frozen=None)), {"rules"}),
    "what is promised": (_text(lambda t: t.update(promised=[])), {"rules"}),
    "a true limit on names": (_text(lambda t: t["names"][0].update(share=0.2)), {"names"}),
    "a part of it": (_limit(lambda x: x["parts"][1].update(weight=-0.3), "bank: region: N"),
                     {"names"}),
    "a limit of names that are more": (_limit(
        lambda x: x["parts"][0].update(members=["N", "S"]), "bank: region: N"), {"names"}),
    "a value": (_column(VALUES, f"value:{KEYS[0]}", lambda c: c.__setitem__(
        slice(None), [None if x is None else x + 1.0 for x in c])), {"values"}),
    "a rate": (_column(VALUES, "price:rate", _scaled(0, 1.1)), {"values"}),
    "a life": (_column(VALUES, "price:life", _scaled(0, 1.1)), {"values"}),
    "a cost": (_text(lambda t: t["channels"][0].update(cost=0.01)), {"values"}),
    "a loan twice": (_twice, {"one place", "totals"}),
    "a list cut off": (_truncated, {"totals", "must be placed"}),
    "a listed balance": (_column(LISTS, "balance", _scaled(0, 1.01)), {"balances", "totals"}),
    "a listed balance that is none": (_column(LISTS, "balance", _set(0, math.nan)), {"balances"}),
    "a listed channel": (_column(LISTS, "channel", _set(0, "somewhere")), {"one place"}),
    "a right side": (_limit(lambda x: x.update(right=x["right"] * 0.99), "bank: most"), {"limits"}),
    "a price below 0": (_column(DUALS, "price", _set(0, -1e-9)), {"prices"}),
    "a price that is none": (_column(DUALS, "price", _set(0, math.nan)), {"prices"}),
    "the bound": (_text(lambda t: _lower(t, "bound", 1e-12)), {"bound"}),
    "the value": (_text(lambda t: _lower(t, "value", -1e-12)), {"value"}),
    "the gap": (_text(lambda t: _lower(t, "gap", 1e-6)), {"gap"}),
    "what moved": (_text(lambda t: t["claim"].update(moved_loans=0)), {"moved"}),
    "a left side": (_column(DUALS, "left", _scaled(0, 1.001)), {"left sides"}),
    "a value that is none": (_column(VALUES, f"value:{KEYS[0]}", lambda c: c.__setitem__(
        slice(None), [math.nan] * len(c))), {"numbers"}),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_what_was_changed_is_found(folder, what):
    spoil, names = SPOILT[what]
    spoil(folder)
    report = verify(folder)
    assert names <= set(report.false)
    assert all(report.check(name).said for name in names)


def test_a_loan_where_it_may_not_be_is_found(folder):
    values, lists = pq.read_table(folder / VALUES), pq.read_table(folder / LISTS)
    at = values["loan_id"].to_pylist().index(lists["loan_id"][0].as_py())
    key = next(k for k in KEYS if not values[f"eligible:{k}"][at].as_py())
    edit(folder, LISTS, "channel", _set(0, key))
    assert "eligible" in verify(folder).false


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / DUALS).unlink(), "no duals.parquet"),
        (lambda f: (f / VALUES).write_bytes(b"PAR1"), "not"),
        (lambda f: (f / LIMITS).write_text("{"), "limits.json"),
        (lambda f: edit_limits(f, lambda t: t.pop("claim")), "claim"),
        (lambda f: edit_limits(f, lambda t: t.update(schema_version=2)), "schema_version"),
        (lambda f: edit_limits(f, lambda t: t["claim"].update(bound=math.nan)), "claim.bound"),
        (lambda f: edit_limits(f, lambda t: t["limits"].pop()), "prices"),
        (lambda f: edit_limits(f, lambda t: t["tape"].update(folder="nowhere")), "--tape"),
        (lambda f: edit_limits(f, lambda t: t["limits"][0]["parts"][0].update(channel="x")), "x"),
        (lambda f: edit_limits(f, lambda t: t.update(frozen="region ==")), "frozen"),
        (lambda f: _without(f / LISTS, "balance"), "balance"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_are_bad_input(folder, spoil, said):
    spoil(folder)
    with pytest.raises(InputError, match=said):
        verify(folder)


def test_another_place_of_the_tape_is_taken(folder, tmp_path):
    moved = tmp_path / "other.csv"
    (folder.parent / "tape.csv").rename(moved)
    assert verify(folder, moved).holds


def test_a_column_that_the_tape_lacks_is_found(folder):
    edit_limits(folder, lambda text: text["columns"][0].update(of="province"))
    report = verify(folder)
    assert "columns" in report.false
    assert "province" in report.check("columns").said[0]


def test_doubles_come_back_bit_by_bit(true_folder):
    values = pq.read_table(true_folder / VALUES)
    text = json.loads((true_folder / LIMITS).read_text())
    again = json.loads(json.dumps(text))
    assert again == text
    shares = pc.sum(values["balance"]).as_py()
    assert float(repr(shares)) == shares
