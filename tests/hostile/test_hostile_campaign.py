"""Ten thousand hostile inputs, the same each time: the campaign of docs/security.md in small."""

from __future__ import annotations

import pytest

from benchmarks.campaigns import inputs
from benchmarks.campaigns.hostile.meter import Case, Found, HungError, measure
from scfcap.errors import InputError, Problem

CASES, SEED = 10_000, 20_131_231
COUNTS = inputs.shares(CASES, inputs.READERS)


def test_the_parts_are_ten_thousand() -> None:
    assert CASES <= sum(COUNTS.values()) <= CASES + len(COUNTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COUNTS))
def test_what_is_handed_over_is_taken_or_refused(name: str) -> None:
    found = inputs.part(name, SEED, 0, COUNTS[name])
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
