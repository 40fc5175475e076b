"""Whole loans from prices, against complete enumeration and against HiGHS on the whole program."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scfcap.funding.allocation import outright
from scfcap.funding.allocation.bound import safe_bound
from scfcap.funding.allocation.core import core_of
from scfcap.funding.allocation.dual import prices
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.exact import exact_sums
from scfcap.funding.allocation.program import AllocationProgram, Choice, Row, Term
from scfcap.funding.allocation.relaxation import Relaxation
from scfcap.funding.allocation.restricted import FREE, opened, restrict
from scfcap.funding.allocation.sample import SampleKind, sample
from scfcap.funding.allocation.search import settled
from scfcap.funding.allocation.structure import structure
from scfcap.funding.allocation.whole import whole
from tests.funding.allocation.facility import facility


def small(seed: int, loans: int = 7) -> AllocationProgram:
    """Seeded loans in three channels with a most, a least and a cap over two of them."""
    random = np.random.default_rng(seed)
    balance = random.integers(1, 30, loans).astype(np.float64)
    total = float(balance.sum())
    today = random.integers(-1, 3, loans).astype(np.int16)
    rows = (
        Row("most 1", "most", round(0.4 * total, 1), (Term(1, 1.0),)),
        Row("least 2", "least", -round(0.2 * total, 1), (Term(2, -1.0),)),
        Row("both", "cap", round(0.7 * total, 1), (Term(1, 1.0), Term(2, 1.0))),
    )
    eligible = random.random((loans, 3)) < 0.8
    eligible[:, 0] = True
    return AllocationProgram(
        loan_id=np.array([f"L{k}" for k in range(loans)], dtype=object),
        balance=balance,
        channels=("own_capital", "bank_transfer:a", "p2p:b"),
        value=balance[:, None] * random.normal(0.02, 0.02, (loans, 3)),
        eligible=eligible,
        must=random.random(loans) < 0.5,
        today=today,
        rows=rows,
    )


def enumerated(program: AllocationProgram) -> tuple[Choice, float]:
    """The best of all placements that keep the rows, and its value; -inf where there is none."""
    options = [
        [c for c in range(len(program.channels)) if program.eligible[i, c]]
        + ([] if program.must[i] else [-1])
        for i in range(len(program))
    ]
    best, at = -np.inf, np.full(len(program), -1, dtype=np.int16)
    for each in itertools.product(*options):
        choice: Choice = np.array(each, dtype=np.int16)
        if (program.activity(choice) <= program.right + 1e-9).all():
            worth = program.worth(choice)
            best, at = (worth, choice) if worth > best else (best, at)
    return at, best


def placed(program: AllocationProgram) -> tuple[Choice, float, float]:
    """Placement, value and bound by prices and what follows from them; all rows are kept."""
    with evaluator(structure(program)) as dual:
        first = prices(program, dual)
        found = whole(program, dual, first.y)
        sums = exact_sums(program, dual.structure, found.choice)
        bound = min(safe_bound(program, dual, y) for y in (first.y, found.y))
    at = np.flatnonzero(found.choice >= 0)
    assert sums.kept.all()
    assert program.eligible[at, found.choice[at]].all()
    assert (found.choice[program.must] >= 0).all()
    assert sums.value <= bound
    return found.choice, sums.value, bound


@pytest.mark.parametrize("seed", range(6))
def test_relaxation_and_search_against_complete_enumeration(seed: int) -> None:
    """A relaxation is at least the optimum, its prices too, and no shift gains at the optimum."""
    program = small(seed)
    choice, best = enumerated(program)
    assert np.isfinite(best)
    core = core_of(program)
    relaxed = Relaxation(core).solve()
    assert relaxed is not None
    assert relaxed.value >= best - 1e-9
    priced = np.maximum.reduceat(core.reduced(relaxed.dual), core.first[:-1]).sum()
    assert priced + relaxed.dual @ core.right == pytest.approx(relaxed.value, abs=1e-7)
    at = settled(core, core.options(choice), core.options(program.today))
    assert core.worth[at].sum() == pytest.approx(best, abs=1e-12)


def test_a_core_prices_and_sums_as_its_program() -> None:
    program, expected = facility()
    core = core_of(program)
    y = np.array([expected["lp_row_duals"][row.name] for row in program.rows])
    at = core.first[:-1]
    choice = core.channel[at]
    assert core.use(at) == pytest.approx(program.activity(choice))
    priced = program.value - sum(
        price * program.coefficients(row) for price, row in zip(y, program.rows, strict=True)
    )
    options = core.channel >= 0
    assert core.reduced(y)[options] == pytest.approx(
        priced[core.loan[options], core.channel[options]]
    )


def test_loans_that_are_not_free_are_taken_off_the_right_sides() -> None:
    program = sample("few", 600)
    with evaluator(structure(program)) as dual:
        y = prices(program, dual).y
        near = opened(program, dual, y, 50, np.full(600, FREE, dtype=np.int16))
    at = near.core.first[:-1]
    left = program.right - program.activity(near.placed(at))
    assert near.core.right - near.core.use(at) == pytest.approx(left, rel=1e-9, abs=1e-3)
    assert len(restrict(program, near.loans, program.right)) == len(near.core)


@pytest.mark.parametrize(("kind", "loans"), [("few", 500), ("few", 2_000)])
def test_it_is_near_what_branch_and_bound_finds(kind: SampleKind, loans: int) -> None:
    """HiGHS on all loans: its value is one of a placement, its relaxation is a bound."""
    program = sample(kind, loans)
    linear = outright.relaxed(program)
    assert linear is not None
    _, value, bound = placed(program)
    assert bound >= linear[0] * (1.0 - 1e-9)
    assert bound == pytest.approx(linear[0], rel=1e-6)
    assert (linear[0] - value) / linear[0] < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "gap"), [("few", 1e-4), ("many", 1e-3)])
def test_twenty_thousand_loans(kind: SampleKind, gap: float) -> None:
    program = sample(kind, 20_000)
    choice, value, bound = placed(program)
    assert (bound - value) / bound < gap
    assert (choice >= 0).sum() > 0.5 * len(program)


def test_a_loan_that_gains_nothing_elsewhere_stays() -> None:
    """Equal values in two channels: all stay where they are, though the prices prefer neither."""
    program = AllocationProgram(
        loan_id=np.array(["a", "b", "c"], dtype=object),
        balance=np.array([1.0, 2.0, 3.0]),
        channels=("own_capital", "bank_transfer:a"),
        value=np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]),
        eligible=np.ones((3, 2), dtype=bool),
        must=np.ones(3, dtype=bool),
        today=np.array([1, 0, 1], dtype=np.int16),
        rows=(Row("most", "most", 4.0, (Term(1, 1.0),)),),
    )
    core = core_of(program)
    at = settled(core, core.options(np.zeros(3, np.int16)), core.options(program.today))
    assert core.channel[at].tolist() == [1, 0, 1]


def test_the_same_program_has_the_same_answer() -> None:
    program = sample("few", 600)
    assert placed(program)[0].tobytes() == placed(program)[0].tobytes()
