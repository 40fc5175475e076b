"""The whole way from program to proven placement: hostile dates, tickets, medium sizes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation import outright
from scfcap.funding.allocation import solve as module
from scfcap.funding.allocation.program import AllocationProgram, Row, Term
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.solve import allocate
from tests.funding.allocation.test_conflict import band, plain


def test_no_loans_at_all() -> None:
    found = allocate(plain([], 2, *band(0, 0.0, 10.0)))
    assert (found.value, found.bound, found.gap, len(found.choice)) == (0.0, 0.0, 0.0, 0)
    with pytest.raises(InfeasibleError):
        allocate(plain([], 2, *band(0, 5.0, 10.0)))


def test_no_rows_at_all() -> None:
    """Each loan goes where it is worth most, which proves itself."""
    found = allocate(plain([1.0, 2.0, 3.0], 2))
    assert found.choice.tolist() == [1, 1, 1]
    assert found.value == pytest.approx(6.0 * 0.011)
    assert found.gap <= 1e-12


def test_no_loan_may_go_anywhere() -> None:
    program = plain([1.0, 2.0], 2, *band(0, 0.0, 10.0))
    program.eligible[:] = False
    found = allocate(program)
    assert found.choice.tolist() == [-1, -1]
    assert found.bound >= found.value == 0.0
    with pytest.raises(InfeasibleError, match="must be placed"):
        allocate(replace(program, must=np.array([True, False])))


def test_all_loans_are_equal() -> None:
    """80 of 100 fit, the dearer channel first; by hand."""
    found = allocate(plain([1.0] * 100, 2, *band(0, 0.0, 30.0), *band(1, 0.0, 50.0)))
    assert np.bincount(found.choice + 1).tolist() == [20, 30, 50]
    assert found.value == pytest.approx(30 * 0.010 + 50 * 0.011)
    assert found.gap <= 1e-9


def test_one_huge_loan_that_fits_nowhere_is_left_out() -> None:
    found = allocate(plain([1.0, 1.0, 1_000.0], 2, *band(0, 0.0, 600.0), *band(1, 0.0, 600.0)))
    assert found.choice.tolist() == [1, 1, -1]
    assert found.gap > 0.5


def test_a_date_of_some_thousand_loans_keeps_all_rows_below_its_bound() -> None:
    program = sample("few", 900)
    found, again = allocate(program), allocate(program)
    relaxed = outright.relaxed(program)
    assert relaxed is not None
    assert found.bound == pytest.approx(relaxed[0], rel=1e-6)
    assert found.value <= relaxed[0]
    assert (program.activity(found.choice) <= program.right + 1e-6).all()
    assert found.gap < 0.01
    assert found.choice.tobytes() == again.choice.tobytes()
    assert found.dual.tobytes() == again.dual.tobytes()


def _with_ticket(least: float) -> AllocationProgram:
    """Six loans; what moves into the second channel is nothing or at least ``least``."""
    program = plain([10.0, 20.0, 30.0, 40.0, 50.0, 60.0], 2, *band(0, 0.0, 200.0))
    program = replace(program, today=np.array([0, 0, 0, 0, 1, -1], dtype=np.int16))
    value = program.value.copy()
    value[:, 1] = program.balance * np.array([0.012, 0.008, 0.011, 0.007, 0.02, 0.004])
    inside = Term(1, 1.0, "today", (1,))
    ticket = Row("p2p:2: ticket", "ticket", -least, (Term(1, -1.0), inside), least)
    attribute = type(sample("few", 2).attributes["today"])
    codes = program.today.astype(np.int32)
    return replace(
        program,
        value=value,
        attributes={"today": attribute(codes, program.channels)},
        rows=(*program.rows, ticket),
    )


def _best_by_enumeration(program: AllocationProgram, least: float) -> float:
    best = -np.inf
    for at in itertools.product((-1, 0, 1), repeat=len(program)):
        choice = np.array(at, dtype=np.int16)
        moved = program.balance[(choice == 1) & (program.today != 1)].sum()
        rows = program.activity(choice)[:-1] <= program.right[:-1]
        if rows.all() and (moved == 0.0 or moved >= least):
            best = max(best, program.worth(choice))
    return float(best)


@pytest.mark.parametrize("least", [5.0, 40.0, 55.0, 90.0, 200.0])
def test_least_tickets_against_complete_enumeration(least: float) -> None:
    program = _with_ticket(least)
    found = allocate(program)
    moved = program.balance[(found.choice == 1) & (program.today != 1)].sum()
    assert moved == 0.0 or moved >= least
    assert found.value == pytest.approx(_best_by_enumeration(program, least), rel=1e-9)
    assert found.bound >= found.value
    assert set(found.tickets) == {"p2p:2"}


def test_where_nodes_end_early_the_better_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    program = plain([float(k) for k in range(1, 80)], 2, *band(0, 0.0, 500.0), *band(1, 0.0, 700.0))
    best = allocate(program)
    monkeypatch.setattr(module, "OUTRIGHT", 0)
    by_prices = allocate(program)
    assert best.value >= by_prices.value - 1e-9
    assert by_prices.bound == pytest.approx(best.bound, rel=1e-6)
    assert by_prices.gap < 3e-3
