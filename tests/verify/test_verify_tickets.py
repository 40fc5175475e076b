"""Least tickets: kept where something moves in, and bounded case by case."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from scfcap.funding.allocation.program import AllocationProgram, Attribute, Row, Term
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.solve import allocate
from scfcap.report.proof import Case, proof_of
from scfcap.verify.proof import checks
from scfcap.verify.read import Files, claim_of, limits_of
from scfcap.verify.report import Report
from tests.verify.plain_proof import dual_bound, proven, up

KEYS = ("own_capital", "bank_transfer:b", "p2p")
BANK = 1
TICKET = 3


def _program() -> AllocationProgram:
    """Seven loans; the bank pays for each but takes 100 at least, or none that it has not."""
    today = np.array([1, 0, 0, -1, -1, 0, -1], dtype=np.int16)
    balance = np.array([40.0, 30.0, 25.0, 35.0, 20.0, 50.0, 45.0])
    moved_in = (Term(BANK, -1.0), Term(BANK, 1.0, "today", (BANK,)))
    return AllocationProgram(
        loan_id=np.array([f"L{k}" for k in range(7)], dtype=object),
        balance=balance,
        channels=KEYS,
        value=balance[:, None] * np.array([0.01, 0.03, 0.02]),
        eligible=np.ones((7, 3), dtype=bool),
        must=np.ones(7, dtype=bool),
        today=today,
        attributes={"today": Attribute(today.astype(np.int32), KEYS)},
        rows=(
            Row("bank: most", "most", 150.0, (Term(BANK, 1.0),)),
            Row("p2p: most", "most", 90.0, (Term(2, 1.0),)),
            Row("churn", "churn", 90.0, tuple(
                Term(c, 1.0, "today", tuple(x for x in range(3) if x != c)) for c in range(3))),
            Row("bank: ticket", "ticket", -100.0, moved_in),
        ),
    )  # fmt: skip


def _closed(program: AllocationProgram) -> AllocationProgram:
    eligible = program.eligible.copy()
    eligible[:, BANK] &= program.today == BANK
    return replace(program, eligible=eligible)


def _report(found: Allocation, cases: list[Case] | None = None) -> Report:
    proof = proof_of(found, cases=cases)
    read = Files(limits_of(proof.limits_bytes()), proof.duals, proof.values, proof.lists)
    return Report(checks(claim_of(read)), {})


def _best(program: AllocationProgram) -> tuple[np.ndarray, float]:
    """The best placement of all 3^7, tickets as they are stated."""
    ways = np.array(list(product(range(3), repeat=7)))
    left = np.stack(
        [program.coefficients(row)[np.arange(7), ways].sum(axis=1) for row in program.rows]
    )
    kept = (left[:3] <= program.right[:3, None]).all(axis=0)
    kept &= (left[TICKET] == 0.0) | (left[TICKET] <= -100.0)
    worth = np.where(kept, program.value[np.arange(7), ways].sum(axis=1), -np.inf)
    return ways[worth.argmax()], float(worth.max())


def _cases(program: AllocationProgram) -> tuple[list[Case], Fraction]:
    open_, shut = np.array([0.01, 0.01, 0.0, 0.002]), np.array([0.0, 0.01, 0.001, 0.0])
    bound = max(dual_bound(program, open_), dual_bound(_closed(program), shut))
    return [Case({KEYS[BANK]: True}, open_), Case({KEYS[BANK]: False}, shut)], bound


def test_cases_prove_a_bound_above_the_best_of_all_placements():
    program = _program()
    choice, best = _best(program)
    cases, bound = _cases(program)
    found = replace(proven(program, choice, np.zeros(4)), bound=up(bound))
    report = _report(found, cases)
    assert report.holds, [check for check in report.checks if not check.holds]
    assert report.check("prices").found == "5 above 0 in 2 cases"
    assert float(bound) >= best
    assert "bound" in _report(replace(found, bound=np.nextafter(up(bound), 0.0)), cases).false


def test_an_allocation_with_a_ticket_is_agreed():
    """Branches that the allocation itself found; the best of all placements is within its bound."""
    program = _program()
    found = allocate(program)
    report = _report(found)
    assert report.holds, [check for check in report.checks if not check.holds]
    assert found.bound >= _best(program)[1] - 1e-12
    assert len(found.branches) == 2


@pytest.mark.parametrize("least", [1.0, 400.0])
def test_branches_without_a_placement_are_proven_empty(least):
    """The bank has to get 60 and has 40, so that closed it is empty; a ticket of 400 is open."""
    program = _program()
    rows = [*program.rows[:3], replace(program.rows[TICKET], right=-least)]
    rows.append(Row("bank: least", "least", -60.0 if least == 1.0 else 0.0, (Term(BANK, -1.0),)))
    found = allocate(replace(program, rows=tuple(rows)))
    report = _report(found)
    assert report.holds, [check for check in report.checks if not check.holds]
    assert len(found.branches) == 2


def test_a_price_of_a_ticket_that_need_not_hold_is_found():
    """With nothing moving in the ticket is no limit: its price would prove too low a bound."""
    program = _program()
    choice, _ = _best(program)
    price = np.array([0.01, 0.01, 0.0, 0.002])
    report = _report(proven(program, choice, price))
    assert report.check("prices").said == ("bank: ticket: priced where nothing need move in",)
    assert _report(proven(program, choice, price * [1, 1, 1, 0])).holds


def test_a_case_left_out_is_found():
    program = _program()
    choice, _ = _best(program)
    cases, bound = _cases(program)
    found = replace(proven(program, choice, np.zeros(4)), bound=up(bound))
    said = _report(found, cases[:1]).check("prices").said
    assert said == ("no prices for the case: bank_transfer:b closed",)


@pytest.mark.parametrize(
    ("into_bank", "kept"), [((), True), ((3,), False), ((3, 6, 4), True), ((0, 3, 6, 4), True)]
)
def test_less_than_a_ticket_moving_in_is_found(into_bank, kept):
    """What is there already does not count: 35 is too little, 35 + 45 + 20 is enough."""
    program = _program()
    rows = list(program.rows)
    rows[0] = replace(rows[0], right=500.0)
    rows[2] = replace(rows[2], right=500.0)
    choice = np.zeros(7, dtype=np.int16)
    choice[list(into_bank)] = BANK
    found = proven(replace(program, rows=tuple(rows)), choice, np.zeros(4))
    assert ("tickets" in _report(found).false) is not kept
