"""The checker agrees with every allocation that the tests make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.funding.allocation import cuts, solve
from scfcap.funding.allocation.bound import safe_bound, stored
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.exact import exact_sums
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.solve import allocate
from scfcap.funding.allocation.structure import structure
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


@pytest.mark.parametrize("kind", ["few", "many"])
def test_the_bound_of_5000_loans_is_the_checkers_but_for_what_is_added_for_rounding(kind):
    """Two ways to one figure: intervals there, fractions here; for prices that are anything."""
    program = sample(kind, 5000)
    random = np.random.default_rng(1)
    price = stored(random.exponential(0.005, len(program.rows)))
    whole = structure(program)
    with evaluator(whole) as dual:
        safe = safe_bound(program, dual, price)
    choice = np.where(program.eligible, program.value, -np.inf).argmax(axis=1).astype(np.int16)
    sums = exact_sums(program, whole, choice)
    found = Allocation(program, choice, price, safe, sums.value, sums.activity)
    report = checked(found)
    exact = float(report.check("bound").found)
    assert exact <= safe <= exact + 1e-11 * abs(exact)
    assert float(report.check("value").found) == sums.value
    assert set(report.false) == {"limits"}
    assert report.check("limits").found == f"{int(sums.kept.sum())} kept on exact sums"


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
