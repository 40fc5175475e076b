"""Ten thousand hostile inputs, the same each time: the campaign of docs/security.md in small."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from benchmarks.campaigns import inputs
from benchmarks.campaigns.hostile import formulas, kept, typed
from benchmarks.campaigns.hostile.crew import Part, share_out
from benchmarks.campaigns.hostile.dying import dying, nothing
from benchmarks.campaigns.hostile.meter import Case, Found, HungError, measure
from scfcap.errors import InputError, Problem
from scfcap.expressions import parse

CASES, SEED = 10_000, 20_131_231
COUNTS = inputs.shares(CASES, inputs.READERS)


def test_the_parts_are_ten_thousand() -> None:
    assert CASES <= sum(COUNTS.values()) <= CASES + len(COUNTS)


@pytest.mark.parametrize("name", list(COUNTS))
def test_what_is_handed_over_is_taken_or_refused(name: str) -> None:
    found = inputs.part(Part(name, SEED, 0, COUNTS[name]))
    assert not found.faults, {said: found.samples[said] for said in found.faults}
    assert found.cases == found.refused + found.accepted == COUNTS[name]
    assert found.memory < 512


def test_a_fault_is_counted() -> None:
    """The campaign sees what it is there to see."""

    def refuse() -> None:
        raise InputError(Problem("other.csv", "a", "b"))

    def spin() -> None:
        while True:
            pass

    found = Found("x")
    for run in (refuse, spin, lambda: 1 / 0, lambda: None):
        measure(found, 0, Case(run, ("odd.csv",)), patience=0.2)
    assert (found.cases, found.refused, found.accepted) == (4, 1, 1)
    said = " ".join(found.faults)
    for word in ("names none of", "no end after 0.2 s", HungError.__name__, "ZeroDivisionError"):
        assert word in said


def test_what_is_noted_is_not_run_again_and_a_fault_is(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    for first, cases, faults in ((0, 10, 0), (10, 10, 1), (20, 5, 0)):
        one = Found("x", first, cases, refused=4, accepted=cases - 4, seconds=0.1, slowest=0.02)
        one.faults["odd"] = faults
        kept.add(file, 1, one)
    noted = kept.noted(file, 1)
    assert kept.left(noted, "x", 30) == [(10, 10), (25, 5)]
    assert kept.left(kept.noted(file, 2), "x", 30) == [(0, 30)]
    assert kept.table(noted, {"x": 25}) == {}
    with pytest.raises(ValueError, match="not all cases of x"):
        kept.keep({}, {"x": 25}, 1)
    kept.add(file, 1, Found("x", 10, 10, refused=10, seconds=0.2, memory=7.0))
    (row,) = kept.table(kept.noted(file, 1), {"x": 25}).values()
    assert row[:8] == ["x", 25, 18, 7, 16.0, 20, 7, 0]  # 0.4 s over 25 cases


def test_a_case_that_takes_its_process_along_is_a_fault_and_the_rest_is_done() -> None:
    found = Found("x")
    for one in share_out([Part("x", 1, 0, 8)], dying, 1, nothing, silence=1.0):
        found.add(one)
    assert (found.cases, found.accepted) == (8, 6)
    assert found.samples == {
        "the process ended (SIGXCPU)": (3, ""), "no end after 1 s by the clock": (5, ""),
    }  # fmt: skip


def test_half_of_the_expressions_are_sound_and_come_to_what_they_must() -> None:
    kinds = {"truth": 0, "number": 0, "date": 0, "text": 0}
    for number in range(200):
        part, kind = typed.expression(Random(number))
        formulas.compare(part, parse(part.text), formulas.CELLS_BY_NAME.__getitem__)
        kinds[kind] += 1
    assert min(kinds.values()) >= 5
    wrong = typed.Part("1 - 2 - 3 == -4", lambda _: False)
    formulas.compare(typed.Part(wrong.text, lambda _: True), parse(wrong.text), lambda _: None)
    with pytest.raises(formulas.OtherAnswerError):
        formulas.compare(wrong, parse(wrong.text), lambda _: None)
