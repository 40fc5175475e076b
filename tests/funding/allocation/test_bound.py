"""The bound and exact sums, against fractions, HiGHS and complete enumeration."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.funding.allocation import outright
from scfcap.funding.allocation.bound import safe_bound, stored
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.exact import exact_sums, grouped, two_product
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.structure import structure
from tests.funding.allocation.programs import coefficient, drawn, dual_in_fractions


def _bound(program: AllocationProgram, y: np.ndarray) -> float:
    with evaluator(structure(program)) as dual:
        return safe_bound(program, dual, y)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    y=st.lists(st.floats(0.0, 10.0), min_size=8, max_size=8),
    size=st.sampled_from([1e-6, 1e-2, 1.0]),
)
def test_the_bound_is_the_dual_rounded_up_at_any_prices(
    seed: int, y: list[float], size: float
) -> None:
    """Never below the dual in fractions, and hardly above it."""
    program, prices = drawn(seed), size * np.array(y)
    exact, found = dual_in_fractions(program, prices), _bound(program, prices)
    assert Fraction(found) >= exact
    gross = float(np.abs(program.right) @ prices) + float(np.abs(program.value).sum())
    gross += sum(
        float(np.abs(program.coefficients(row)).sum()) * price
        for row, price in zip(program.rows, prices, strict=True)
    )
    assert found - float(exact) <= 1e-13 * gross + 1e-290


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(0.0, 0.1))
def test_the_bound_is_above_the_relaxation_and_that_above_every_placement(
    seed: int, size: float
) -> None:
    program = drawn(seed, loans=6, channels=2, rows=5)
    bound = _bound(program, size * np.random.default_rng(seed).random(5))
    relaxed = outright.relaxed(program)
    assert relaxed is not None
    room = 1e-9 * float(np.abs(program.value).sum())
    assert bound >= relaxed[0] - room
    for choice in itertools.product((-1, 0, 1), repeat=6):
        at = np.array(choice, dtype=np.int16)
        placed = at >= 0
        if not program.eligible[placed, at[placed]].all() or (program.must & ~placed).any():
            continue
        if (program.activity(at) <= program.right).all():
            assert program.worth(at) <= relaxed[0] + room
            assert program.worth(at) <= bound


def test_prices_of_the_relaxation_give_its_value() -> None:
    program = drawn(11, loans=40, rows=12)
    relaxed = outright.relaxed(program)
    assert relaxed is not None
    assert _bound(program, stored(relaxed[1])) == pytest.approx(relaxed[0], rel=1e-9)


def test_a_negative_price_is_refused() -> None:
    program = drawn(1)
    for wrong in (-1e-9, np.nan, np.inf):
        with pytest.raises(ValueError, match="negative or not finite"):
            _bound(program, np.full(8, wrong))


def test_stored_prices_are_read_back_as_they_are() -> None:
    y = np.array([0.1 + 0.2, 1e-17, -3.0, 123456.7890123456])
    found = stored(y)
    assert [float(f"{x:.12g}") for x in found] == found.tolist()
    assert found[2] == 0.0
    assert found == pytest.approx(np.maximum(y, 0.0), rel=1e-11)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_rows_and_value_are_summed_exactly(seed: int) -> None:
    """Against sums of fractions, rounded once."""
    program = drawn(seed)
    random = np.random.default_rng(seed)
    choice = np.where(
        program.eligible.any(axis=1) & (random.random(len(program)) < 0.8),
        program.eligible.argmax(axis=1),
        -1,
    ).astype(np.int16)
    found = exact_sums(program, structure(program), choice)
    placed = np.flatnonzero(choice >= 0).tolist()
    for at, row in enumerate(program.rows):
        total = sum((coefficient(program, row, i, int(choice[i])) for i in placed), Fraction(0))
        assert found.activity[at] == float(total)
        assert (found.excess[at] > 0.0) == (
            total - Fraction(row.right) > Fraction(2.0**-50) * _gross(program, row, choice)
        )
    worth = sum((Fraction(float(program.value[i, choice[i]])) for i in placed), Fraction(0))
    assert Fraction(found.value) <= worth
    assert Fraction(np.nextafter(found.value, np.inf)) > worth


def _gross(program: AllocationProgram, row, choice) -> Fraction:  # type: ignore[no-untyped-def]
    """Sizes of a row's terms, signs aside; near enough, as only its order matters."""
    size = abs(row.right)
    for i in np.flatnonzero(choice >= 0).tolist():
        size += abs(float(coefficient(program, row, i, int(choice[i]))))
    return Fraction(size)


def test_a_pool_at_a_limit_that_is_no_float_keeps_it() -> None:
    """Three of ten equal loans are exactly 30%, though the float 0.3 is a little less."""
    from scfcap.funding.allocation.program import Attribute, Row, Term

    program = AllocationProgram(
        loan_id=np.arange(10).astype(object),
        balance=np.full(10, 1e6),
        channels=("p2p:a",),
        value=np.ones((10, 1)),
        eligible=np.ones((10, 1), dtype=bool),
        must=np.zeros(10, dtype=bool),
        today=np.full(10, -1, dtype=np.int16),
        attributes={"kind": Attribute((np.arange(10) >= 3).astype(np.int32), ("a", "b"))},
        rows=(Row("a", "share", 0.0, (Term(0, 1.0, "kind", (0,)), Term(0, -0.3))),),
    )
    found = exact_sums(program, structure(program), np.zeros(10, dtype=np.int16))
    assert found.activity[0] > 0.0
    assert found.kept.all()


def test_pieces_sum_to_what_floats_are_of_any_size() -> None:
    random = np.random.default_rng(5)
    amount = random.normal(size=400) * 10.0 ** random.integers(-12, 12, 400)
    group = random.integers(0, 3, 400)
    found = grouped(amount, group, 3)
    for at in range(3):
        assert found[at] == sum((Fraction(float(x)) for x in amount[group == at]), Fraction(0))
    high, low = two_product(amount, amount[::-1].copy())
    for a, b, h, e in zip(amount, amount[::-1], high, low, strict=True):
        assert Fraction(float(a)) * Fraction(float(b)) == Fraction(float(h)) + Fraction(float(e))


def test_exact_sums_of_the_sample_agree_with_plain_ones() -> None:
    program = sample("many", 2_000)
    with evaluator(structure(program)) as dual:
        choice, _, _ = dual.choose(np.full(len(program.rows), 1e-3))
        found = exact_sums(program, dual.structure, choice)
    assert found.activity == pytest.approx(program.activity(choice), rel=1e-9, abs=1e-4)
    assert found.value == pytest.approx(program.worth(choice), rel=1e-12)
