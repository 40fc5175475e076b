"""``scfcap map``: the table, the text, the file, and what it refuses."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from scfcap.schema.tape import TapeSpec

TAPE = "\n".join(
    [
        "Loan No,Customer,Product,Issued,Due,Loan Amount,Outstanding,Rate (%)",
        *(
            f"L{k:03d},C{k % 30:02d},{'ab'[k % 2]},{1 + k % 28:02d}/03/2020,"
            f"{1 + k % 28:02d}/04/2020,{1000 + k},{500 + k},{10 + k % 5}.5"
            for k in range(60)
        ),
    ]
)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "tape.csv"
    path.write_text(TAPE + "\n", encoding="utf-8")
    return path


def test_the_table_the_text_and_the_next_step(scfcap, tape):
    done = scfcap("map", tape)
    assert done.exit_code == 0
    assert "tape.csv: 60 rows, 8 columns" in done.stdout
    assert 'loan_id = "Loan No"' in done.stdout
    assert "Next: scfcap map " in done.stdout
    assert 'origination_date = "%d/%m/%Y"' in done.stdout
    assert "To be settled" not in done.stdout


def test_a_folder_with_another_file_says_what_to_give(scfcap, tape):
    (tape.parent / "weather.csv").write_text("day,rain\n2020-01-01,3\n", encoding="utf-8")
    done = scfcap("map", tape.parent)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "further columns day, rain" in " ".join(done.stderr.split())
    assert "Give the file that is the tape" in " ".join(done.stderr.split())


def test_out_writes_a_text_that_loads_and_leaves_nothing_beside_it(scfcap, tape, tmp_path):
    out = tmp_path / "new" / "tape.toml"
    done = scfcap("map", tape, "--out", out)
    assert done.exit_code == 0
    assert "Written: " in done.stdout
    spec = TapeSpec.model_validate(tomllib.loads(out.read_text(encoding="utf-8"))["tape"])
    assert spec.percent == ("rate",)
    assert spec.date_formats["origination_date"] == "%d/%m/%Y"
    assert [path.name for path in out.parent.iterdir()] == ["tape.toml"]


def test_what_a_killed_process_had_begun_does_not_take_the_folder(scfcap, tape, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / ".model.toml.0a1b2c3d").write_text("half", encoding="utf-8")
    assert scfcap("map", tape, "--model", folder).exit_code == 0
    assert (folder / "model.toml").is_file()


def test_a_whole_model_is_written_that_checks_pools_and_runs(scfcap, tape, tmp_path):
    folder = tmp_path / "mine"
    done = scfcap("map", tape, "--model", folder)
    assert (done.exit_code, "To be settled by hand: as_of." in done.stdout) == (0, True)
    asked = scfcap("check", folder, "--tape", tape)
    assert (asked.exit_code, "as_of: found nothing" in asked.stderr) == (2, True)
    file = folder / "model.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("# as_of = YYYY-MM-DD", "as_of = 2020-03-31"), encoding="utf-8")
    checked = scfcap("check", folder, "--tape", tape)
    assert checked.stdout.rstrip().endswith("Usable: none of 60 rows is rejected; 0 remarks.")
    pooled = json.loads(scfcap("pool", folder, "--tape", tape, "--json").stdout)
    assert (pooled["loans"], pooled["balance"]) == (60, sum(500 + k for k in range(60)))
    assert scfcap("run", folder, "--tape", tape, "--quiet").exit_code == 0
    watched = scfcap("warn", folder, "--tape", tape)  # neither history, buyers nor lenders
    assert (watched.exit_code, "Lights: 10 no value" in watched.stdout) == (0, True)
    again = scfcap("map", tape, "--model", folder)
    assert (again.exit_code, "not empty" in again.stderr) == (2, True)


def test_json_is_one_document(scfcap, tape):
    done = scfcap("map", tape, "--json")
    document = json.loads(done.stdout)
    choices = {choice["column"]: choice for choice in document["choices"]}
    assert choices["rate"]["unit"] == "percent a year"
    assert choices["loan_id"]["sample"] == ["L000", "L001", "L002"]
    assert tomllib.loads(document["toml"])["tape"]["path"] == "tape.csv"
    assert document["open"] == []


def test_quiet_prints_nothing(scfcap, tape):
    done = scfcap("map", tape, "--quiet")
    assert (done.exit_code, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["missing.csv", "empty.csv", "head.csv", "book.doc"])
def test_what_cannot_be_read_is_the_users_to_mend(scfcap, tmp_path, name):
    texts = {"empty.csv": "", "head.csv": "a,b\n", "book.doc": "x"}
    if name in texts:
        (tmp_path / name).write_text(texts[name])
    done = scfcap("map", tmp_path / name)
    assert done.exit_code == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_is_no_place_to_write_to(scfcap, tape, tmp_path):
    done = scfcap("map", tape, "--out", tmp_path)
    assert done.exit_code == 2
    assert "a file name" in done.stderr
    done = scfcap("map", tape, "--out", tape / "x.toml")
    assert done.exit_code == 2
    assert tape.read_text(encoding="utf-8").startswith("Loan No")
