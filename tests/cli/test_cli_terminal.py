"""Every way in which a command can end leads to one exit code and one message."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import typer

from scfcap.cli.terminal import Asked, Outcome, Terminal, as_json, execute
from scfcap.errors import InfeasibleError, InputError, InvariantError, Problem


def _end(work, capsys, **options):
    """Exit code, standard output and standard error of a command that does ``work``."""
    code = 0
    try:
        execute(Terminal(**options), work)
    except typer.Exit as end:
        code = end.exit_code
    done = capsys.readouterr()
    return code, done.out, done.err


def _raise(error):
    def work(_):
        raise error

    return work


FULL = Path("/dev/full")
PROBLEMS = [Problem("model.toml: a", "1", "2", "Write 2."), Problem("model.toml: b", "x", "y")]


def test_input_errors_are_listed_one_by_one(capsys):
    code, out, err = _end(_raise(InputError(PROBLEMS)), capsys)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "The input cannot be used (2 problems):",
        "  - model.toml: a: found 1; expected 2. Write 2.",
        "  - model.toml: b: found x; expected y.",
    ]


def test_infeasible_says_which_limits_conflict(capsys):
    error = InfeasibleError("No plan keeps all limits.", ["- bank-a lends 3 m too little."])
    code, out, err = _end(_raise(error), capsys)
    assert (code, out) == (3, "")
    assert err == "No plan keeps all limits.\n  - bank-a lends 3 m too little.\n"


@pytest.mark.parametrize("error", [InvariantError("money was lost"), ZeroDivisionError("1/0")])
def test_a_fault_of_ours_says_so_and_shows_no_traceback(capsys, error):
    code, out, err = _end(_raise(error), capsys)
    assert (code, out) == (1, "")
    assert "the fault is ours" in err
    assert str(error) in err
    assert "--traceback" in err
    assert "Traceback" not in err


def test_a_fault_shows_its_traceback_on_request(capsys):
    code, _, err = _end(_raise(ZeroDivisionError("1/0")), capsys, traceback=True)
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert "in work" in err


def test_ctrl_c_ends_cleanly(capsys):
    code, out, err = _end(_raise(KeyboardInterrupt()), capsys)
    assert (code, out) == (130, "")
    assert "Traceback" not in err


def test_an_interrupt_that_a_library_swallows_counts_at_the_next_station(capsys):
    def work(terminal):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        terminal.progress("plan")
        pytest.fail("the plan was begun")

    code, out, err = _end(work, capsys)
    assert (code, out, err) == (130, "", "Interrupted; no half-written result is left.\n")


def test_an_interrupt_that_a_library_turns_into_an_error_is_no_fault(capsys):
    def work(_):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        msg = "returned a result with an exception set"
        raise SystemError(msg)

    assert _end(work, capsys)[0] == 130


def test_the_handler_of_ctrl_c_is_put_back(capsys):
    before = signal.getsignal(signal.SIGINT)
    _end(lambda _: Outcome({}), capsys)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_full_disk_is_not_our_fault(capsys):
    error = OSError(errno.ENOSPC, "No space left on device", "out/result.json")
    code, _, err = _end(_raise(error), capsys)
    assert code == 2
    assert "out/result.json: found no space left on device" in err


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InputError(PROBLEMS), "input", 2),
        (InfeasibleError("none", ["a"]), "infeasible", 3),
        (InvariantError("lost"), "fault", 1),
    ],
)
def test_errors_are_json_too(capsys, error, kind, code):
    found, out, err = _end(_raise(error), capsys, json=True)
    document = json.loads(out)["error"]
    assert (found, document["exit_code"], document["kind"]) == (code, code, kind)
    assert document["message"] == str(error)
    assert err


def test_json_carries_the_document_alone(capfd):
    def work(terminal):
        terminal.say("for people")
        os.write(1, b"a banner at C level\n")
        sys.stdout.write("a library in Python\n")
        return Outcome({"a": 1})

    code, out, err = _end(work, capfd, json=True)
    assert (code, json.loads(out)) == (0, {"a": 1})
    assert err.splitlines() == ["a banner at C level", "a library in Python"]


def test_quiet_prints_nothing(capsys):
    def work(terminal):
        terminal.progress("pool")
        terminal.say("done")
        terminal.note("remark")
        terminal.finish()
        return Outcome({})

    assert _end(work, capsys, quiet=True) == (0, "", "")


def test_progress_goes_to_standard_error_station_by_station(capsys):
    def work(terminal):
        terminal.progress("pool")
        terminal.progress("plan")
        terminal.finish()
        return Outcome({})

    _, out, err = _end(work, capsys)
    assert out == ""
    assert [line.split()[0] for line in err.splitlines()] == ["pool", "plan"]


def test_text_is_printed_as_it_is_however_long(capsys):
    text = "[bold]" + "x" * 500 + " 100% :smile:"

    def work(terminal):
        terminal.say(text)
        return Outcome({})

    assert _end(work, capsys)[1] == text + "\n"


def test_json_is_strict():
    document = {
        "nan": float("nan"), "inf": np.inf, "whole": np.int64(3), "yes": np.bool_(True),
        "day": date(2020, 1, 2), "list": (np.float64(0.5), None), 4: "key",
    }  # fmt: skip
    assert json.loads(as_json(document)) == {
        "nan": None, "inf": None, "whole": 3, "yes": True, "day": "2020-01-02",
        "list": [0.5, None], "4": "key",
    }  # fmt: skip


def test_reject_limit_is_an_override_like_others():
    asked = Asked("alibaba-2013", None, ["tape.platform.loans=50"], 0.05, None)
    assert asked.load().loaded.spec.tape.reject_limit == 0.05
    assert asked.load("tape.reject_limit=0.1").loaded.spec.tape.reject_limit == 0.1
    assert asked.load().loaded.spec.tape.platform.loans == 50
    plain = Asked("alibaba-2013", None, None, None, None)
    assert plain.load().loaded.spec.tape.reject_limit == 0.0


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", [("schema",), ("init", "copy"), ("init", "other", "--json")])
def test_an_output_that_takes_no_more(tmp_path, command):
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "scfcap", *command],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        )  # fmt: skip
    assert done.returncode == 2
    assert "the output: found no space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_has_gone_is_no_fault(tmp_path, options):
    command = [sys.executable, "-m", "scfcap", "init", "copy", *options]
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as out:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
