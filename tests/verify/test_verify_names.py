"""Limits on names: on exact sums, over all names, and with what names are given beyond them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.expressions import Texts
from scfcap.verify.claim import Claim
from scfcap.verify.layout import LimitText, NamesText, PartText, WeightText
from scfcap.verify.names import Names, strange_parts
from tests.funding.allocation.agreed import claimed
from tests.funding.allocation.facility import facility
from tests.verify.plain_proof import proven

#: Cores of the ten loans by hand: A 70 + 134 + 58 + 143, B 200 + 83 + 190, C 174 + 166 + 123.
CORES = ("A", "B", "A", "C", "B", "A", "C", "C", "B", "A")
TEXTS = Texts(np.array([("A", "B", "C").index(core) for core in CORES], dtype=np.int32),
              ("A", "B", "C"))  # fmt: skip


def _claim(own: tuple[int, ...]) -> Claim:
    """The loans ``own`` in own capital, and no others placed."""
    program, _ = facility()
    choice = np.full(10, -1)
    choice[list(own)] = 0
    return claimed(proven(replace(program, rows=()), choice, []))


def _names(**limit: object) -> NamesText:
    weights = (WeightText(channel="own"),)
    return NamesText(name="cores", column="core", weights=weights, **{"top": 1, **limit})


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"cap": 405.0}, ["B has 473.0"]),  # A 262 + 143 is 405, B 473, C 0
        ({"cap": 473.0}, []),
        ({"share": 0.5}, ["B has 473.0"]),  # of 878
        ({"share": 0.54}, []),
        ({"cap": 877.0, "top": 2}, ["B, A has 878.0"]),
        ({"cap": 878.0, "top": 2}, []),
        ({"cap": 400.0, "relief": {"B": 73.0, "A": 5.0}}, []),
        ({"cap": 400.0, "relief": {"B": 72.0, "A": 5.0}}, ["B has 473.0"]),
    ],
)
def test_names_that_have_more_are_found(limit, said):
    claim = _claim((0, 2, 5, 9, 1, 4, 8))
    found = list(Names(claim, _names(**limit), TEXTS, {}).over())
    assert len(found) == len(said)
    assert all(words in text for words, text in zip(said, found, strict=True))


@pytest.mark.parametrize(("relief", "holds"), [(70.0, True), (71.0, False)])
def test_relief_is_no_more_than_loans_without_a_choice_lack(relief, holds):
    """The first loan, 70 of A, can be in own capital alone; a cap of 0 lacks just that."""
    claim = _claim((0,))
    eligible = claim.eligible.copy()
    eligible[0] = [True, False, False]
    stuck = replace(claim, eligible=eligible, must=np.arange(10) == 0)
    limit = _names(cap=0.0, relief={"A": relief})
    assert (list(Names(stuck, limit, TEXTS, {}).over_relieved()) == []) is holds
    if holds:  # with a choice the loan lacks nothing
        assert list(Names(claim, limit, TEXTS, {}).over_relieved()) != []


def _row(right: float, *parts: PartText) -> LimitText:
    return LimitText(name="row", kind="share", right=right, parts=parts)


def _part(weight: float, *members: str) -> PartText:
    return PartText(channel="own", weight=weight, column="core" if members else None,
                    members=members)  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "row", "follows"),
    [
        ({"cap": 5.0}, _row(5.0, _part(1.0, "A")), True),
        ({"cap": 5.0}, _row(4.0, _part(1.0, "A")), False),
        ({"cap": 5.0}, _row(5.0, _part(1.0, "A", "B")), False),
        ({"cap": 5.0, "top": 2}, _row(5.0, _part(1.0, "A", "B")), True),
        ({"cap": 5.0, "top": 2}, _row(5.0, _part(1.0, "A")), True),
        ({"share": 0.3}, _row(0.0, _part(1.0, "A"), _part(-0.3)), True),
        ({"share": 0.3}, _row(0.0, _part(1.0, "A"), _part(-0.2)), False),
        ({"share": 0.3}, _row(0.0, _part(1.0, "A")), False),
        ({"share": 0.3, "relief": {"A": 2.0}}, _row(2.0, _part(1.0, "A"), _part(-0.3)), True),
        ({"share": 0.3, "relief": {"B": 2.0}}, _row(2.0, _part(1.0, "A"), _part(-0.3)), False),
        ({"cap": 5.0}, _row(5.0, _part(1.0)), False),
    ],
)
def test_rows_follow_from_their_limit_or_are_found(limit, row, follows):
    assert (list(strange_parts(row, _names(**limit))) == []) is follows


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e300])
def test_amounts_that_cannot_be_added_are_told(odd):
    claim = _claim((0, 1))
    numbers = {"score": np.where(np.arange(10) == 1, odd, 2.0)}
    limit = _names(cap=1.0, relief={"A": 1.0})
    limit = limit.model_copy(update={"weights": (WeightText(channel="own", number="score"),)})
    for found in (claim, replace(claim, balance=np.where(np.arange(10) == 1, odd, claim.balance))):
        names = Names(found, limit, TEXTS, numbers)
        loan = claim.loan_id[1]
        assert list(names.over()) == [f"cores: no sound amount of score for {loan}"]
