"""What a desk does without a solver: caps kept, never above the relaxation, and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.funding.allocation import outright
from scfcap.funding.allocation.program import AllocationProgram, Choice
from scfcap.funding.allocation.rules import greedy, proportional
from scfcap.funding.allocation.running import desk
from scfcap.funding.allocation.sample import SampleKind, sample
from tests.funding.allocation.facility import facility


def by_hand(program: AllocationProgram) -> Choice:
    """The greedy rule in plain Python for programs without floors, shares and loans that stand."""
    choice = np.full(len(program), -1, dtype=np.int16)
    best = [
        max([program.value[i, c] for c in range(len(program.channels)) if program.eligible[i, c]])
        / program.balance[i]
        for i in range(len(program))
    ]
    for i in sorted(range(len(program)), key=lambda i: -best[i]):
        for c in sorted(range(len(program.channels)), key=lambda c: -program.value[i, c]):
            tried = choice.copy()
            tried[i] = c
            if (
                program.eligible[i, c]
                and program.value[i, c] > 0.0
                and (program.activity(tried) <= program.right).all()
            ):
                choice = tried
                break
    return choice


def test_greedy_is_the_rule_in_plain_words() -> None:
    program, _ = facility()
    caps = replace(program, rows=tuple(r for r in program.rows if r.kind == "most"))
    assert greedy(caps).tolist() == by_hand(caps).tolist()


def test_running_sums_are_the_rows() -> None:
    program = sample("many", 400)
    choice = greedy(program)
    made = desk(program, choice)
    assert made.settle() == pytest.approx(program.activity(choice), abs=1e-6)


@pytest.mark.parametrize("kind", ["few", "many"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_limits_are_kept_and_the_relaxation_is_not_beaten(kind: SampleKind, seed: int) -> None:
    program = sample(kind, 300, seed)
    linear = outright.relaxed(program)
    for choice in (greedy(program), greedy(program, "regret"), proportional(program)):
        activity = program.activity(choice)
        for row, left in zip(program.rows, activity, strict=True):
            if row.kind in ("most", "cap", "churn"):
                assert left <= row.right + 1e-6, row.name
        placed = choice >= 0
        assert program.eligible[placed, choice[placed]].all()
        assert placed[program.must].all()
        if linear is not None and (activity <= program.right).all():
            assert program.worth(choice) <= linear[0] * (1.0 + 1e-9)
