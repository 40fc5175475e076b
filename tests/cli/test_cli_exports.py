"""What ``scfcap run`` writes besides the usual, and ``scfcap report`` from a run folder."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from scfcap.report.recalculated import office

#: A pack of a user's own, without a file name.
SMALL = 'title = "Small pack"\nsheets = ["pool", "checks"]\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_model, model_text, plain_rows):
    """The run folder of two packs, whose model is gone; ``--json`` and what was told of it."""
    from typer.testing import CliRunner

    from scfcap.cli.main import app

    place = tmp_path_factory.mktemp("made")
    model = write_model(place / "mini", model_text, plain_rows())
    (model / "reports").mkdir()
    (model / "reports" / "small.toml").write_text(SMALL, encoding="utf-8")
    out = place / "out"
    asked = ["--csv", "--page", "--json", "--report", "treasury", "--report", "small"]
    done = CliRunner().invoke(app, ["run", str(model), "--out", str(out), *asked])
    assert done.exit_code == 0, done.stderr
    shutil.rmtree(model)
    return out, json.loads(done.stdout), done.stderr.splitlines()


@pytest.fixture
def again(made, tmp_path):
    """A copy of that folder, to be written to."""
    return Path(shutil.copytree(made[0], tmp_path / "again"))


def _sound(folder, listed):
    """Whether a folder holds these files and no other, with these digests."""
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert on_disk == {*listed, "manifest.json"}
    assert json.loads((folder / "manifest.json").read_text())["files"] == listed
    for name, file in listed.items():
        content = (folder / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_several_packs_in_one_run(made):
    out, document, told = made
    assert {"scfcap.xlsx", "scfcap-small.xlsx", "result.json"} <= set(document["files"])
    assert document["workbook"] == str(out / "scfcap.xlsx")
    _sound(out, document["files"])
    assert [line.split()[:2] for line in told][-2:] == [["pack", "treasury"], ["pack", "small"]]


def test_a_page_stands_beside_each_workbook_and_is_listed(made):
    out, document, _ = made
    for name, title in (
        ("scfcap", "Funding plan for the treasury"),
        ("scfcap-small", "Small pack"),
    ):
        assert f"{name}.html" in document["files"]
        html = (out / f"{name}.html").read_text(encoding="utf-8")
        assert f"<title>{title}: " in html
        assert 'data-table="pool_summary"' in html
        assert ('data-table="plan_limits"' in html) == (name == "scfcap")


def test_each_table_is_a_csv_that_excel_reads_at_a_click(made):
    out, document, _ = made
    written = {path.stem for path in (out / "csv").iterdir()}
    assert written == set(document["tables"]) == {path.stem for path in (out / "tables").iterdir()}
    text = (out / "csv" / "pool_summary.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf"), "Excel knows UTF-8 by its byte-order mark alone"
    rows = list(csv.reader(text.decode("utf-8-sig").splitlines()))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1


def test_packs_are_made_again_from_a_run_folder_alone(scfcap, again, tmp_path):
    first = {path.name: path.read_bytes() for path in again.glob("*.xlsx")}
    (again / "scfcap.xlsx").unlink()
    done = scfcap("report", again)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "small" in done.stderr
    assert not (again / "scfcap.xlsx").exists(), "nothing is written where one pack is missing"

    (tmp_path / "desk" / "reports").mkdir(parents=True)
    (tmp_path / "desk" / "reports" / "small.toml").write_text(SMALL, encoding="utf-8")
    done = scfcap("report", again, "--packs", tmp_path / "desk", "--json")
    assert done.exit_code == 0, done.stderr
    assert {path.name: path.read_bytes() for path in again.glob("*.xlsx")} == first
    assert set(json.loads(done.stdout)["files"]) == set(first)


def test_a_language_that_is_not_the_packs_is_in_its_file_name(scfcap, again):
    before = set(again.rglob("*"))
    done = scfcap("report", again, "--report", "treasury", "--language", "zh")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [f"Workbook: {again / 'scfcap-zh.xlsx'}"]
    assert set(again.rglob("*")) == {*before, again / "scfcap-zh.xlsx"}
    _sound(again, json.loads((again / "manifest.json").read_text())["files"])


def test_a_workbook_made_again_is_proved_by_recalculation(scfcap, again, tmp_path):
    if office() is None:
        pytest.skip("LibreOffice (soffice) is not installed: nothing can recalculate the workbook")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "small.toml").write_text(SMALL, encoding="utf-8")
    asked = ("report", again, "--report", "small", "--packs", tmp_path)
    done = scfcap(*asked, "--recalculate")
    assert done.exit_code == 0, done.stderr
    found = json.loads((again / "manifest.json").read_text())["recalculated"]
    assert set(found) == {"scfcap.xlsx"}
    assert found["scfcap.xlsx"]["figures"] > 0

    done = scfcap(*asked)
    assert done.exit_code == 0, done.stderr
    found = json.loads((again / "manifest.json").read_text())["recalculated"]
    assert found == {}, "what is written anew has not been proved"


def test_a_run_folder_that_cannot_say_what_its_packs_need_is_refused(scfcap, again):
    manifest = json.loads((again / "manifest.json").read_text())
    for about, told in (
        (None, "no word"),
        ({"version": 99}, "version 99"),
        ({"version": 1, "meta": {}}, "not readable"),
    ):
        (again / "manifest.json").write_text(json.dumps({**manifest, "about": about}))
        done = scfcap("report", again, "--report", "treasury")
        assert done.exit_code == 2
        assert "manifest.json: about" in done.stderr
        assert told in done.stderr


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--report", "nonsense"), "treasury"),
        (("--report", "treasury", "--report", "treasury"), "more than once"),
    ],
)
def test_packs_that_cannot_be_made_are_refused_before_the_work(scfcap, mini, again, asked, told):
    for command in (("run", mini()), ("report", again)):
        done = scfcap(*command, *asked)
        assert (done.exit_code, done.stdout) == (2, "")
        assert told in done.stderr
        assert "tape " not in done.stderr


def test_without_libreoffice_a_pdf_is_refused_before_the_work(scfcap, mini, again, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    for command in (("run", mini()), ("report", again)):
        done = scfcap(*command, "--pdf")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "LibreOffice is not installed" in done.stderr
        assert "tape " not in done.stderr


def test_a_masked_pack_is_not_made_from_a_run_with_its_names(scfcap, again, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "hidden.toml").write_text(f'{SMALL}privacy = "masked"\n')
    before = sorted(again.rglob("*"))
    done = scfcap("report", again, "--report", "hidden", "--packs", tmp_path)
    assert done.exit_code == 2
    assert "Run the model again: scfcap run MODEL --privacy masked" in done.stderr
    assert sorted(again.rglob("*")) == before


def test_the_result_is_what_the_published_schema_says(scfcap, made):
    """Witness: jsonschema, which knows nothing of how the schema was made."""
    schema = json.loads(scfcap("schema", "result").stdout)
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema, format_checker=FormatChecker())
    result = json.loads((made[0] / "result.json").read_text())
    assert [error.message for error in judge.iter_errors(result)] == []
    for spoilt in (
        {**result, "schema_version": 2},
        {**result, "as_of": "31 December 2020"},
        {**result, "surplus": 1},
        {**result, "lending": [{**result["lending"][0], "demand": "much"}]},
        {key: value for key, value in result.items() if key != "net_income"},
    ):
        assert list(judge.iter_errors(spoilt))
