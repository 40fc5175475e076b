"""Solvers that die, hang or take too long, and Ctrl-C while one is at work."""

from __future__ import annotations

import os
import signal
import threading
import time

import highspy
import pytest

from scfcap.errors import InputError, SolverError
from scfcap.funding import at_work, highs
from scfcap.funding.program import Program, Row, Terms, solve


def program(integer=False):
    made = Program("small")
    x = made.column("x", "a", upper=3.0, integer=integer)
    made.add_family("limit", ["one"], [("one", Row(Terms().add(x), "<=", 2.0))])
    made.objective = Terms().add(x)
    return made


@pytest.fixture
def hanging(monkeypatch):
    """HiGHS that solves until it is let go."""
    let_go = threading.Event()
    monkeypatch.setattr(highspy.Highs, "run", lambda _: let_go.wait(60))
    yield
    let_go.set()


def test_a_solver_that_dies_is_named(monkeypatch):
    def dies(_):
        msg = "out of luck"
        raise RuntimeError(msg)

    monkeypatch.setattr(highspy.Highs, "run", dies)
    with pytest.raises(SolverError, match="the solver highs failed: RuntimeError: out of luck"):
        solve(program())


def test_an_ending_that_nobody_knows_is_no_optimum(monkeypatch):
    monkeypatch.setattr(highs, "_ENDED", {})
    with pytest.raises(SolverError, match="status 'Stopped', not a proven optimum"):
        solve(program())


@pytest.mark.usefixtures("hanging")
def test_a_solver_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setenv(at_work.VARIABLE, "0.5")
    monkeypatch.setattr(at_work, "GRACE", 0.0)
    with pytest.raises(InputError) as told:
        solve(program())
    (problem,) = told.value.problems
    assert problem.found == "no proven optimum within 0.5 seconds"
    assert "SCFCAP_SOLVE_SECONDS=7200" in problem.action


@pytest.mark.parametrize("integer", [False, True])
def test_a_solver_keeps_to_its_time(monkeypatch, integer):
    assert solve(program(integer)).objective == pytest.approx(2.0)
    monkeypatch.setenv(at_work.VARIABLE, "1e-9")
    with pytest.raises(InputError, match="no proven optimum within 1e-09 seconds"):
        solve(program(integer))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv(at_work.VARIABLE, text)
    with pytest.raises(InputError, match="expected a number of seconds above 0"):
        solve(program())


@pytest.mark.usefixtures("hanging")
def test_ctrl_c_is_answered_while_a_solver_is_at_work():
    def press():
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    begun = time.monotonic()
    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        solve(program())
    assert time.monotonic() - begun < 30.0
