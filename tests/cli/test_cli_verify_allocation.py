"""``scfcap verify-allocation``: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.verify.small_folder import write_folder


@pytest.fixture(scope="module")
def true_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all is true."""
    return write_folder(tmp_path_factory.mktemp("verify") / "model")


def _with_bound(folder: Path, out: Path, factor: float) -> Path:
    out.mkdir()
    for path in folder.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    text = json.loads((out / "limits.json").read_text(encoding="utf-8"))
    text["claim"]["bound"] *= factor
    (out / "limits.json").write_text(json.dumps(text), encoding="utf-8")
    return out


def test_what_holds_ends_with_0(scfcap, true_folder):
    done = scfcap("verify-allocation", true_folder)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "All 20 checks hold."
    assert "must be placed" in done.stdout


def test_what_is_false_ends_with_1_and_is_named(scfcap, true_folder, tmp_path):
    done = scfcap("verify-allocation", _with_bound(true_folder, tmp_path / "low", 0.5))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "False: bound."
    assert "bound: the prices prove" in done.stdout


def test_json_has_each_check(scfcap, true_folder, tmp_path):
    done = scfcap("verify-allocation", true_folder, "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["holds"]) == (0, True)
    assert {"check", "verdict", "claimed", "found", "said"} == set(document["checks"][0])
    low = scfcap("verify-allocation", _with_bound(true_folder, tmp_path / "low", 0.5), "--json")
    found = {x["check"]: x["verdict"] for x in json.loads(low.stdout)["checks"]}
    assert low.exit_code == 1
    assert {name for name, verdict in found.items() if verdict == "false"} == {"bound"}


def test_a_folder_without_the_files_is_bad_input(scfcap, tmp_path):
    done = scfcap("verify-allocation", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no limits.json, duals.parquet, values.parquet, lists.parquet" in done.stderr


def test_another_tape_is_told_apart(scfcap, true_folder, tmp_path):
    lines = (true_folder.parent / "tape.csv").read_text(encoding="utf-8").splitlines()
    other = tmp_path / "tape.csv"
    other.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n", encoding="utf-8")
    done = scfcap("verify-allocation", true_folder, "--tape", other)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "False: tape."
