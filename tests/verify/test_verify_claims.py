"""The checker agrees with what is true, to the last bit, and finds each thing that is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.funding.allocation.program import AllocationProgram, Attribute, Row, Term
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.solve import allocate
from scfcap.verify import bound as bounds
from scfcap.verify.claim import Claim
from scfcap.verify.limits import left_sides
from scfcap.verify.proof import checks
from scfcap.verify.report import Report
from tests.funding.allocation.agreed import agreed, checked, claimed
from tests.funding.allocation.facility import facility
from tests.verify.plain_proof import dual_bound, left_side, proven, worth
from tests.verify.random_claims import draw_claim


def _report(claim: Claim) -> Report:
    return Report(checks(claim), {})


@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 7))
@settings(max_examples=40)
def test_what_is_true_is_agreed(seed, loans, rows):
    agreed(draw_claim(seed, loans, rows))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_bound_and_left_sides_are_those_of_the_definition_without_rounding(seed):
    """Witness: loan by loan in fractions."""
    found = draw_claim(seed)
    claim = claimed(found)
    proven_bound = bounds.bound(claim, claim.leaves[0]).amount
    assert proven_bound == dual_bound(found.program, found.dual)
    lefts, _ = left_sides(claim, claim.choice)
    assert lefts == [left_side(found.program, row, found.choice) for row in found.program.rows]
    assert _report(claim).check("value").found == repr(found.value)
    assert Fraction(found.value) <= worth(found.program, found.choice)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_a_bound_or_value_wrong_in_its_last_bit_is_found(seed):
    found = draw_claim(seed)
    low = replace(found, bound=math.nextafter(found.bound, -math.inf))
    high = replace(found, value=math.nextafter(found.value, math.inf))
    assert "bound" in checked(low).false
    assert "value" in checked(high).false


def _tied(count: int = 40) -> AllocationProgram:
    """Loans all alike, worth the same at a price in both channels."""
    value = np.tile([0.3, 0.4], (count, 1))
    return AllocationProgram(
        loan_id=np.array([f"L{k}" for k in range(count)], dtype=object),
        balance=np.ones(count),
        channels=("own_capital", "bank_transfer:b"),
        value=value,
        eligible=np.ones((count, 2), dtype=bool),
        must=np.zeros(count, dtype=bool),
        today=np.full(count, -1, dtype=np.int16),
        attributes={"core": Attribute(np.zeros(count, dtype=np.int32), ("A",))},
        rows=(
            Row("most", "most", count / 2, (Term(1, 1.0),)),
            Row("core", "share", 0.0, (Term(1, 0.5, "core", (0,)), Term(1, -0.5))),
        ),
    )


@pytest.mark.parametrize("price", [0.1, 0.4 - 0.3, 0.25])
def test_ties_are_settled_in_fractions(price):
    program = _tied()
    choice = np.array([1] * 20 + [0] * 20)
    found = proven(program, choice, [price, 0.0])
    claim = claimed(found)
    result = bounds.bound(claim, claim.leaves[0])
    assert result.amount == dual_bound(program, [price, 0.0])
    agreed(found)


def test_the_published_ten_loans_are_agreed():
    program, expected = facility()
    solved = allocate(program)
    found = agreed(proven(program, solved.choice, solved.dual))
    assert found.bound == pytest.approx(expected["lp_objective"], abs=1e-6)
    assert found.value == pytest.approx(expected["integer_objective"], abs=1e-6)


def _one_huge() -> Allocation:
    program, _ = facility()
    balance = program.balance.copy()
    balance[3] = 1e12
    rows = tuple(replace(row, right=1e13) if row.kind == "most" else row for row in program.rows)
    choice = np.full(10, -1)
    choice[3] = 0
    return proven(replace(program, balance=balance, rows=rows), choice, [1e-9] * len(rows))


def _none_eligible() -> Allocation:
    program, _ = facility()
    program = replace(program, eligible=np.zeros((10, 3), dtype=bool))
    return proven(program, np.full(10, -1), [0.5] * len(program.rows))


def _no_rows() -> Allocation:
    program, _ = facility()
    program = replace(program, rows=(), attributes={}, numbers={})
    value = np.where(program.eligible, program.value, -np.inf)
    return proven(program, value.argmax(axis=1), [])


def _no_number_where_ineligible() -> Allocation:
    program, _ = facility()
    lost = np.flatnonzero(~program.eligible[:, 2])
    score = program.numbers["score"].copy()
    score[lost] = np.nan
    value = program.value.copy()
    value[lost, 2] = np.nan
    program = replace(program, numbers={**program.numbers, "score": score}, value=value)
    return proven(program, np.full(10, -1), [0.0] * 6 + [0.01, 0.0])


@pytest.mark.parametrize("case", [_one_huge, _none_eligible, _no_rows, _no_number_where_ineligible])
def test_hostile_instances_are_agreed(case: Callable[[], Allocation]):
    agreed(case())


def _true() -> Allocation:
    """A claim whose parts can all be spoilt: something is placed, and something has a price."""
    return agreed(draw_claim(5, loans=14, rows=6, priced=1.0))


def _array(old: np.ndarray, at: int, new: object) -> np.ndarray:
    changed = old.copy()
    changed[at] = new
    return changed


def _with_limit(claim: Claim, k: int, **changes: object) -> Claim:
    limits = list(claim.limits)
    limits[k] = replace(limits[k], **changes)  # type: ignore[arg-type]
    return replace(claim, limits=tuple(limits))


def _price(claim: Claim, at: int, new: float) -> Claim:
    leaf = claim.leaves[0]
    return replace(claim, leaves=(replace(leaf, price=_array(leaf.price, at, new)),))


def _doubled(claim: Claim) -> Claim:
    rows = np.array([*range(len(claim.lists.loan_id)), 0])
    lists = claim.lists
    return replace(
        claim, lists=replace(lists, loan_id=lists.loan_id[rows], channel=lists.channel[rows],
                             balance=lists.balance[rows]),
    )  # fmt: skip


def _truncated(claim: Claim) -> Claim:
    lists = claim.lists
    must = {loan for loan, asked in zip(claim.loan_id, claim.must, strict=True) if asked}
    kept = np.array([loan not in must for loan in lists.loan_id])
    return replace(
        claim, lists=replace(lists, loan_id=lists.loan_id[kept], channel=lists.channel[kept],
                             balance=lists.balance[kept]),
    )  # fmt: skip


def _to_where_it_may_not(claim: Claim) -> Claim:
    row, channel = next(
        (row, channel)
        for row, loan in enumerate(claim.listed)
        for channel in range(3)
        if not claim.eligible[loan, channel]
    )
    lists = replace(claim.lists, channel=_array(claim.lists.channel, row, channel))
    return replace(claim, lists=lists)


def _lists(claim: Claim, name: str, new: object) -> Claim:
    old = getattr(claim.lists, name)
    return replace(claim, lists=replace(claim.lists, **{name: _array(old, 0, new)}))


def _tight(claim: Claim) -> int:
    """A limit that is used up but for rounding."""
    return next(
        k
        for k, limit in enumerate(claim.limits)
        if abs(limit.right - claim.left[k]) <= 1e-12 * abs(limit.right)
    )


def _lower(number: float) -> float:
    return number - 1e-6 * abs(number)


SPOILT: dict[str, tuple[Callable[[Claim], Claim], str]] = {
    "a loan twice": (_doubled, "one place"),
    "a loan that is not there": (lambda c: _lists(c, "loan_id", "X"), "one place"),
    "a channel that is not there": (lambda c: _lists(c, "channel", -2), "one place"),
    "a balance in a list": (lambda c: _lists(c, "balance", 1.25), "balances"),
    "no balance in a list": (lambda c: _lists(c, "balance", math.nan), "balances"),
    "a list's total": (lambda c: replace(c, totals={**c.totals, 0: (1, 5.0)}), "totals"),
    "a list cut off": (_truncated, "must be placed"),
    "a loan where it may not be": (_to_where_it_may_not, "eligible"),
    "what moves": (lambda c: replace(c, moved=(c.moved[0], c.moved[1] + 0.01)), "moved"),
    "a right side": (
        lambda c: _with_limit(c, _tight(c), right=_lower(c.limits[_tight(c)].right)),
        "limits",
    ),
    "a left side": (lambda c: replace(c, left=_array(c.left, _tight(c), 1e9)), "left sides"),
    "a price below 0": (lambda c: _price(c, 1, -1e-12), "prices"),
    "a price that is no number": (lambda c: _price(c, 1, math.nan), "prices"),
    "a price": (lambda c: _price(c, 1, float(c.leaves[0].price[1]) * 2.0), "bound"),
    "the bound": (lambda c: replace(c, bound=_lower(c.bound)), "bound"),
    "no bound": (lambda c: replace(c, bound=math.nan), "numbers"),
    "the value": (lambda c: replace(c, worth=c.worth + 0.01), "value"),
    "the gap": (lambda c: replace(c, gap=_lower(c.gap)), "gap"),
    "no gap": (lambda c: replace(c, gap=math.nan), "gap"),
    "value above bound": (lambda c: replace(c, worth=c.bound + 1.0, gap=0.0), "gap"),
    "a value that is no number": (
        lambda c: replace(c, value=np.where(c.eligible, np.nan, c.value)),
        "numbers",
    ),
    "a weight that is no number": (
        lambda c: _with_limit(c, 0, parts=(replace(c.limits[0].parts[0], weight=math.inf),)),
        "numbers",
    ),
    "a loan's id twice": (
        lambda c: replace(c, loan_id=_array(c.loan_id, 0, c.loan_id[1])),
        "numbers",
    ),
    "a balance of nothing": (lambda c: replace(c, balance=_array(c.balance, 0, 0.0)), "numbers"),
    "fewer places for a loan": (
        lambda c: replace(c, eligible=c.eligible & (np.arange(3) == c.choice[:, None])),
        "",
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_not_true_is_found(what):
    spoil, name = SPOILT[what]
    spoilt = _report(spoil(claimed(_true())))
    if name:
        assert name in spoilt.false
        assert spoilt.check(name).said
    else:  # only the tape can tell: the claim is true of the loans as their file has them
        assert spoilt.holds


@pytest.mark.parametrize(("relief", "holds"), [(69.0, True), (70.0, True), (70.001, False)])
def test_a_mean_is_given_no_more_than_loans_without_a_choice_lack(relief, holds):
    """One loan of 70 can be in ``own`` alone: with a number of 1 too much it lacks 70."""
    program, _ = facility()
    eligible = program.eligible.copy()
    eligible[0] = [True, False, False]
    must = np.arange(10) == 0
    terms = (Term(0, 1.0, number="one"),)
    row = Row("mean", "average", 70.0, terms)
    program = replace(program, eligible=eligible, must=must, rows=(row,),
                      numbers={"one": np.ones(10)})  # fmt: skip
    choice = np.full(10, -1)
    choice[0] = 0
    claim = claimed(proven(program, choice, [0.0]))
    given = _with_limit(claim, 0, relief=relief)
    assert ("relief" not in _report(_with_limit(given, 0, right=relief)).false) is holds


def test_a_must_loan_with_no_place_is_no_bound():
    found = _true()
    claim = claimed(found)
    eligible = claim.eligible.copy()
    eligible[np.flatnonzero(claim.must)[0]] = False
    assert {"bound", "eligible"} <= set(_report(replace(claim, eligible=eligible)).false)
