"""What has to pass before a change is taken: no part of it may fail unseen."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"
PARTS = {
    "venv 3.11": "Python 3.11: environment",
    "venv 3.13": "Python 3.13: environment",
    "check 3.11": "Python 3.11: lint and types",
    "test 3.11": "Python 3.11: tests",
    "test-peers 3.11": "Python 3.11: against other libraries, in their own environment",
    "test-dist 3.11": "Python 3.11: a plain install, outside the checkout",
    "site 3.11": "Python 3.11: the site of the documentation",
    "test 3.13": "Python 3.13: the plan, and what meets Python first",
}

#: Notes what it is asked for, and fails where ``FAIL`` says so.
MAKE = """\
for word in "$@"; do case $word in PYTHON=*) python=${word##*python};; esac; done
echo "$1 $python" >>"$ASKED"
echo "made $1 $python"
test "$1 $python" != "$FAIL"
"""


@pytest.fixture
def run(tmp_path):
    """``run(FAIL)``: the script, with programs of our own in place of those that it calls."""
    programs = {"make": MAKE, "fc-list": "echo Noto", "soffice": "", "pdftoppm": ""}
    programs |= {f"python{version}": f"echo {version}" for version in ("3.11", "3.13")}
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    asked = tmp_path / "asked"

    def call(fail=""):
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [str(RUN)],
            env={**os.environ, "PATH": path, "ASKED": str(asked), "FAIL": fail},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        return done, asked.read_text(encoding="utf-8").splitlines()

    return call


def test_every_part_runs_once_and_tells_its_time(run):
    done, asked = run()
    assert done.returncode == 0, done.stderr
    assert sorted(asked) == sorted(PARTS)
    for what, title in PARTS.items():
        assert f"made {what}\n\n== {title}: passed after " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("== all passed after ")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_fails_fails_the_whole(run, part):
    done, _ = run(part)
    assert done.returncode != 0
    assert f"{PARTS[part]}: FAILED after " in done.stdout
    assert "all passed" not in done.stdout
