"""A refusal names the file that is at fault, and not only one that meets it."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.campaigns.hostile import seeds
from scfcap.api.allocating import LISTS
from scfcap.api.ledgers import deliver_run
from scfcap.errors import InputError
from scfcap.report.store import MANIFEST, RESULT, read_run, save_run
from scfcap.report.tables import Table
from scfcap.schema.files import with_matrices
from scfcap.schema.layers import Layer, apply_overrides, origin, parse_override
from scfcap.schema.load import load_model
from scfcap.schema.messages import MOST_TOLD
from scfcap.schema.tape import TapeSpec
from scfcap.tape.read import read_tape
from scfcap.verify.check import verify
from scfcap.verify.layout import VALUES
from tests.cli.conftest import COLUMNS, loans
from tests.ledger.books import BANK, DAY, OWN, opened
from tests.verify.small_folder import write_folder

LOWEST = {"lenders": [{"name": "a", "limit": 1}, {"name": "b", "limit": 2}], "plan": {"periods": 3}}


@pytest.mark.parametrize(
    ("top", "key", "who"),
    [
        ({"lenders": [{"name": "b", "rate": 1}]}, ("lenders", 0, "limit"), "lowest"),
        ({"lenders": [{"name": "b", "rate": 1}]}, ("lenders", 1, "limit"), "lowest"),
        ({"lenders": [{"name": "b", "rate": 1}]}, ("lenders", 1, "rate"), "top"),
        ({"lenders": [{"name": "c"}]}, ("lenders", 2, "limit"), "top"),
        ({"lenders": [{"limit": 1}]}, ("lenders", 0, "name"), "top"),
        ({"lenders": 5}, ("lenders", 0, "name"), "top"),
        ({"plan": {"frequency": "x"}}, ("plan", "periods"), "lowest"),
        ({"plan": {"frequency": "x"}}, ("plan", "frequency"), "top"),
        ({}, ("opening",), "top"),
    ],
)
def test_the_file_that_states_a_key_after_merging(
    top: dict[str, Any], key: tuple[str | int, ...], who: str
) -> None:
    """By hand: items merge by their names, in the base's order; all else is replaced."""
    assert origin(key, [Layer("lowest", LOWEST), Layer("top", top)], ()) == who


def test_a_key_of_the_model_that_is_missing_is_not_missed_in_a_deal() -> None:
    layers = [Layer("model.toml", LOWEST), Layer("deals/x.toml", {"deals": {"x": {"kind": 1}}})]
    assert origin(("regime",), layers, ()) == "model.toml"
    assert origin(("deals", "x", "notes"), layers, ()) == "deals/x.toml"


def test_a_position_of_very_many_digits_is_no_item() -> None:
    override = parse_override(f"lenders.{'9' * 5_000}.limit=0")
    with pytest.raises(InputError, match="--set lenders"):
        apply_overrides(LOWEST, [override])


def test_a_result_that_is_not_what_the_manifest_lists_names_both(tmp_path: Path) -> None:
    table = Table("a", "A", pd.DataFrame({"x": [1.0]}), {}, "")
    save_run(tmp_path / "run", {"a": table}, {}, {"version": 1})
    manifest = tmp_path / "run" / MANIFEST
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["files"][RESULT]["sha256"] = "0"
    manifest.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(InputError, match=f"{RESULT}: found .*{MANIFEST}"):
        read_run(tmp_path / "run")


@pytest.mark.parametrize("listed", ["name\nother\n", "nome\norder\n"])
def test_a_reference_list_is_named_by_its_file(tmp_path: Path, listed: str) -> None:
    lines = (",".join(map(str, line)) for line in [COLUMNS, *loans()])
    (tmp_path / "tape.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "kinds.csv").write_text(listed, encoding="utf-8")
    said = {"segment": {"path": "kinds.csv", "column": "name"}}
    spec = TapeSpec.model_validate({"source": "file", "path": "tape.csv", "reference": said})
    with pytest.raises(InputError, match=r"kinds\.csv") as error:
        read_tape(spec, as_of=date(2020, 12, 31), folder=tmp_path)
    assert "tape.reference.segment" in str(error.value)


def test_loans_of_a_list_are_named_with_their_list(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"loan_id": ["A", "A"], "channel": "nowhere", "before": OWN, "balance": [10.0, 10.0]}
    )
    save_run(tmp_path / "run", {LISTS: Table(LISTS, "L", frame, {}, "")}, {}, {"version": 1})
    with (
        closing(opened(tmp_path / "l.sqlite", {"A": {"balance": 10.0}})) as ledger,
        pytest.raises(InputError, match=f"run, table {LISTS}, loan A: found"),
    ):
        deliver_run(ledger, tmp_path / "run", DAY)


def test_ids_of_very_many_letters_are_cut(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"loan_id": ["a" * 70_000] * 2, "channel": BANK, "before": OWN, "balance": [10.0, 10.0]}
    )
    save_run(tmp_path / "run", {LISTS: Table(LISTS, "L", frame, {}, "")}, {}, {"version": 1})
    with (
        closing(opened(tmp_path / "l.sqlite", {"A": {"balance": 10.0}})) as ledger,
        pytest.raises(InputError, match="loan aaa") as error,
    ):
        deliver_run(ledger, tmp_path / "run", DAY)
    assert len(str(error.value)) < 5_000


def test_a_tape_that_limits_name_is_named_with_them(tmp_path: Path) -> None:
    out = write_folder(tmp_path / "model")
    path = out / "limits.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["tape"]["mapping"]["path"] = "another.csv"
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(InputError, match=r"limits\.json: tape: .*another\.csv: found no such file"):
        verify(out)


def test_of_very_many_problems_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    place = seeds.model(tmp_path / "mini")
    path = place / "model.toml"
    text = path.read_text(encoding="utf-8")
    odd = "".join(f"odd_{k} = 1\n" for k in range(MOST_TOLD + 1_234))
    path.write_text(odd + text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_model(place)
    assert len(error.value.problems) == MOST_TOLD + 1
    assert str(error.value.problems[-1]).startswith("model.toml: found 1,234 more problems")


def test_states_of_very_many_letters_are_counted(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text(f"from,{'a' * 100_000},b\nlate,1\n", encoding="utf-8")
    tree = {"credit": {"segments": {"a": {"roll_rates": "odd.csv"}}}}
    with pytest.raises(InputError) as error:
        with_matrices(tree, [tmp_path], str)
    said = "odd.csv line 2: found late,1; expected a state and a number for each of the 2 of"
    assert str(error.value).startswith(said)
    assert len(str(error.value)) < 200


def test_a_key_that_is_in_no_base_either(tmp_path: Path) -> None:
    for name, text in (("base", 'title = "T"\n'), ("top", 'base = "base"\nname = "top"\n')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_model(tmp_path / "top")
    for key in ("currency", "credit"):
        (told,) = (p for p in error.value.problems if p.where == f"model.toml: {key}")
        assert told.action.startswith(f"Add {'the key ' * (key == 'currency')}")
        assert told.action.endswith("It is not in base/model.toml either.")


def test_a_base_whose_name_no_file_can_have(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(f'base = "{"a" * 256}"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"model\.toml: base: found"):
        load_model(tmp_path)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 1e300])
def test_an_allocation_of_odd_balances_is_no_sound_one(tmp_path: Path, odd: float) -> None:
    """What cannot be added exactly is told, and ends nothing."""
    out = write_folder(tmp_path / "model")
    values = pq.read_table(out / VALUES)
    at = values.column_names.index("balance")
    cells = pa.array([odd] * values.num_rows, pa.float64())
    pq.write_table(values.set_column(at, "balance", cells), out / VALUES)
    report = verify(out)
    assert not report.holds


def test_channels_that_are_no_texts(tmp_path: Path) -> None:
    out = write_folder(tmp_path / "model")
    values = pq.read_table(out / VALUES)
    at = values.column_names.index("today")
    cells = pa.array([{"a": 1}] * values.num_rows)
    pq.write_table(values.set_column(at, "today", cells), out / VALUES)
    with pytest.raises(InputError, match=f"{VALUES}: found today of type struct.*expected texts"):
        verify(out)
