"""A plain install, used from an empty folder outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import scfcap

#: Enough of the first model to try every station.
SMALL = [
    "--set", "tape.platform.loans=500", "--set", "plan.periods=4", "--set", "plan.contingency=[]",
]  # fmt: skip
#: A script as a user writes it: every name it takes is typed.
SCRIPT = """\
from pathlib import Path

import scfcap
from scfcap.errors import InputError


def planned(name: str, periods: int) -> str:
    model = scfcap.load(name, overrides={"plan.periods": periods})
    run = model.run()
    run.save(Path("out"))
    return "; ".join(run.summary())


try:
    print(planned("alibaba-2013", 6))
except InputError as error:
    print([problem.where for problem in error.problems])
"""


#: Only what a user's script is told of the package is read, or it would take minutes.
MYPY = """\
[mypy]
strict = true
python_version = 3.11
incremental = false
follow_imports = skip
[mypy-scfcap,scfcap.api,scfcap.api.model,scfcap.api.run,scfcap.errors]
follow_imports = silent
"""


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A folder into which the wheel is installed, without the libraries that it asks for."""
    folder = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
        "--no-compile", "--disable-pip-version-check", "--target", str(folder), str(built.wheel),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder


def _without_home(path: Path, **more: str) -> dict[str, str]:
    """An environment in which HOME cannot be written, whoever runs the test."""
    return {"PATH": os.environ["PATH"], "HOME": os.devnull, "TMPDIR": str(path), **more}


@pytest.fixture
def call(installed, tmp_path):
    """``call(*ARGUMENTS)``: the installed program, from an empty folder."""
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-P", "-m", "scfcap", *arguments],
            cwd=here, env=_without_home(scratch, PYTHONPATH=str(installed)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run, here


def test_a_wheel_needs_no_checkout(call, installed):
    run, here = call
    done = run("init", "my-model")
    assert done.returncode == 0, done.stderr
    assert (here / "my-model" / "reports" / "treasury.toml").is_file()
    assert sorted((here / "my-model" / "regimes").glob("*.toml"))
    assert run("--version").stdout == f"scfcap {scfcap.__version__}\n"
    told = run("schema", "report")
    assert "sheets" in json.loads(told.stdout)["properties"]
    assert [path.name for path in here.iterdir()] == ["my-model"]
    assert (installed / "scfcap" / "_shipped").is_dir()


@pytest.mark.slow
def test_types_are_seen_by_who_uses_the_package(installed, tmp_path):
    """mypy takes them from the installed wheel, strictly, and finds what is wrong with them."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    wrong = SCRIPT.replace('planned("alibaba-2013", 6)', 'planned("alibaba-2013", "six")')
    (tmp_path / "wrong.py").write_text(wrong, encoding="utf-8")
    (tmp_path / "mypy.ini").write_text(MYPY, encoding="utf-8")
    command = [sys.executable, "-P", "-m", "mypy", "--no-error-summary", "script.py", "wrong.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=_without_home(tmp_path, PYTHONPATH=str(installed)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line.split(" error: ")[1].split("; ")[0] for line in done.stdout.splitlines()] == [
        'Argument 2 to "planned" has incompatible type "str"'
    ], done.stdout


@pytest.mark.slow
def test_a_fresh_environment_runs_everything(built, root, tmp_path):
    """The wheel with its libraries from the registry, in an environment of its own."""
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = str(root / "requirements" / "lock.txt")
    subprocess.run([*pip, "--constraint", lock, f"{built.wheel}[samples]"], check=True)
    here = tmp_path / "here"
    here.mkdir()
    program = str(python.with_name("scfcap"))

    def run(*arguments):
        done = subprocess.run(
            [program, *arguments],
            cwd=here, env=_without_home(tmp_path), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    lights = json.loads(run("doctor", "--json"))["findings"]
    assert [each for each in lights if each["light"] == "red"] == []
    assert {"scfcap", "scfcap[samples]"} <= {x["name"] for x in lights if x["light"] == "green"}
    run("init", "my-model")
    told = json.loads(run("run", "my-model", "--json", *SMALL))
    assert all(check["ok"] for check in told["checks"])
    assert (here / told["workbook"]).stat().st_size > 10_000
    assert run("demo").count("Workbook: ") == 2
    assert sorted(path.name for path in here.iterdir()) == ["my-model", "reports"]
