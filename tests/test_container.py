"""The container file: what its linter says, and what can be seen in it without building it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "requirements" / "Containerfile"
TEXT = FILE.read_text(encoding="utf-8")
#: Instructions, their continued lines joined and comments gone.
STEPS = [
    step
    for step in re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", TEXT)).splitlines()
    if step.strip()
]


def _of(instruction: str) -> list[str]:
    return [step.split(None, 1)[1] for step in STEPS if step.split()[0] == instruction]


def test_the_linter_has_nothing_to_say():
    beside = ROOT / ".venv-tools" / "bin" / "hadolint"
    linter = str(beside) if beside.is_file() else shutil.which("hadolint")
    if linter is None:
        pytest.skip("no hadolint here: make tools")
    done = subprocess.run([linter, str(FILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_what_is_copied_is_there_and_is_sent_to_the_builder():
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for words in (step.split() for step in _of("COPY") if not step.startswith("--from")):
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.partition('/')[0]}" in sent, source
    assert "**" in sent


def test_all_that_a_wheel_is_built_from_is_copied():
    copied = {source for step in _of("COPY") for source in step.split()[:-1]}
    assert copied >= {"pyproject.toml", "README.md", "LICENSE", "scfcap", "models", "reports"}


def test_it_runs_as_nobody_in_particular():
    (user,) = _of("USER")
    assert user.isdecimal()
    assert int(user) > 0
    (created,) = re.findall(r"useradd --uid (\d+)", TEXT)
    assert user == created


def test_both_stages_stand_on_a_python_that_is_tested():
    bases = {step.split()[0] for step in _of("FROM")}
    assert bases == {"python:3.12-slim"}
    stated = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"Programming Language :: Python :: 3.12"' in stated


def test_libraries_come_from_the_lock():
    installs = re.findall(r"pip install [^&]*", " ".join(_of("RUN")))
    assert len(installs) == 2
    assert all("--constraint requirements/lock.txt" in install for install in installs)
