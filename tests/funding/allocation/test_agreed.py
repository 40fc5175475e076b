"""The checker agrees with every allocation that the tests make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scfcap.funding.allocation import cuts, solve
from scfcap.funding.allocation.solve import allocate
from tests.funding.allocation.agreed import agreed, checked
from tests.funding.allocation.facility import facility
from tests.verify.random_claims import draw_claim


def test_every_allocation_of_the_tests_is_checked(bare_allocate):
    for used in (allocate, solve.allocate, cuts.place.__defaults__[-1]):
        assert used is not bare_allocate
        assert used.__wrapped__ is bare_allocate


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_are_agreed(seed):
    """Their right sides are what some placement needs, so that there is an answer."""
    known = draw_claim(seed)
    found = allocate(known.program)
    assert len(checked(found).checks) == 13
    assert found.bound >= found.value >= known.value - 1e-9 * abs(known.value)


def test_an_answer_that_is_not_true_is_refused():
    program, _ = facility()
    found = allocate(program)
    with pytest.raises(AssertionError, match="bound"):
        agreed(replace(found, bound=found.value))


def test_an_answer_of_another_program_is_refused():
    program, _ = facility()
    found = allocate(program)
    worse = replace(program, rows=tuple(replace(r, right=r.right / 2) for r in program.rows))
    with pytest.raises(AssertionError, match="limits"):
        agreed(replace(found, program=worse))
