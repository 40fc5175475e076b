"""``scfcap plan``: which solver, which of several equal plans, and a clean standard output."""

from __future__ import annotations

import json


def test_a_process_prints_one_document_and_no_banner(process, mini):
    """A solver writes its banner on file descriptor 1 whatever it is told."""
    done = process("plan", mini(), "--json", "--set", "plan.solver=highs")
    assert done.exit_code == 0, done.stderr
    chosen = json.loads(done.stdout)["chosen"]
    assert (chosen["solver"], chosen["unique"]) == ("highs", "passes")
    assert "moves least money" in chosen["says"]


def test_a_solver_that_is_not_there_is_refused(scfcap, mini):
    done = scfcap("plan", mini(), "--set", "plan.solver=ABACUS")
    assert done.exit_code == 2
    assert "plan.solver: found 'ABACUS'; expected a solver that is installed: highs" in done.stderr


def test_a_choice_that_does_not_exist_is_refused(scfcap, mini):
    done = scfcap("plan", mini(), "--set", "plan.unique=dice")
    assert done.exit_code == 2
    assert "plan.unique" in done.stderr


def test_the_choice_is_told_and_goes_into_the_manifest(scfcap, mini, tmp_path):
    out = tmp_path / "plan"
    early = ("--set", "plan.indifferent=early")
    done = scfcap("plan", mini(), *early, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "acts early." in done.stdout
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["solved"]["unique"] == "passes"
    assert manifest["solved"]["says"].endswith("acts early.")
    assert {"solve", "unique", "turnover", "timing"} <= set(manifest["run_seconds"])


def test_left_to_the_solver_it_says_so(scfcap, mini):
    done = scfcap("plan", mini(), "--set", "plan.unique=none", "--json")
    assert done.exit_code == 0, done.stderr
    chosen = json.loads(done.stdout)["chosen"]
    assert (chosen["unique"], chosen["given_up"]) == ("none", 0.0)
    assert "one of several" in chosen["says"]
