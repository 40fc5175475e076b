"""Funding dates without a placement: what conflicts, and what mends it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation import elastic as module
from scfcap.funding.allocation import outright
from scfcap.funding.allocation.conflict import explain_conflict
from scfcap.funding.allocation.program import AllocationProgram, Row, Term
from scfcap.funding.allocation.sample import BANK, P2P, SERIES, sample


def plain(balance: list[float], channels: int = 2, *rows: Row) -> AllocationProgram:
    """Loans that may go anywhere or nowhere, each worth a hundredth, more in later channels."""
    count = len(balance)
    money = np.array(balance)
    return AllocationProgram(
        loan_id=np.array([f"L{k + 1}" for k in range(count)], dtype=object),
        balance=money,
        channels=tuple(f"p2p:{k + 1}" for k in range(channels)),
        value=money[:, None] * (0.01 + 0.001 * np.arange(channels)),
        eligible=np.ones((count, channels), dtype=bool),
        must=np.zeros(count, dtype=bool),
        today=np.full(count, -1, dtype=np.int16),
        rows=rows,
    )


def band(channel: int, least: float, most: float) -> tuple[Row, Row]:
    """A channel's amount from ``least`` to ``most``."""
    key = f"p2p:{channel + 1}"
    return (
        Row(f"{key} least", "least", -least, (Term(channel, -1.0),), least, key),
        Row(f"{key} most", "most", most, (Term(channel, 1.0),), most, key),
    )


def against(loans: int) -> AllocationProgram:
    """A date that asks of the series more than it may have, and of P2P a share above its most."""
    program = sample("few", loans)
    asked = 0.5 * float(program.balance.sum())
    more = (
        Row("asked", "least", -asked, (Term(SERIES, -1.0),), asked, "series"),
        Row("at most", "share", 0.0, (Term(P2P, 1.0, "region", (0,)), Term(P2P, -0.01)), 0.01, "r"),
        Row(
            "at least", "share", 0.0, (Term(P2P, -1.0, "region", (0,)), Term(P2P, 0.05)), 0.05, "r"
        ),
    )
    return replace(program, rows=(*program.rows, *more))


def mended(program: AllocationProgram, told: InfeasibleError, part: float) -> bool:
    """Whether parts of loans keep all rows once each gives ``part`` of what it is told to."""
    given = {str(name): amount for _, name, amount in told.relaxations}
    rows = tuple(
        replace(row, right=row.right + part * given.get(row.name, 0.0) + 1e-6 * abs(row.right))
        if row.name in given
        else row
        for row in program.rows
    )
    return outright.relaxed(replace(program, rows=rows)) is not None


def test_the_least_relaxation_mends_it_and_less_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """By HiGHS on the relaxed rows; amounts found by prices are those."""
    program = against(600)
    told = explain_conflict(program)
    by_name = {str(name): amount for _, name, amount in told.relaxations}
    assert set(by_name) == {"asked", "at least"}
    assert mended(program, told, 1.0 + 1e-5)
    assert not mended(program, told, 0.999)
    total, most = float(program.balance.sum()), program.right[2 * SERIES + 1]
    assert by_name["asked"] == pytest.approx(0.5 * total - most, rel=1e-6)
    monkeypatch.setattr(module, "PAIRS", 0)
    monkeypatch.setattr(module, "PART", 400)
    by_prices = {str(n): a for _, n, a in explain_conflict(program).relaxations}
    assert by_prices == {n: pytest.approx(a, rel=1e-3) for n, a in by_name.items()}


def test_a_conflict_is_irreducible_and_levers_mend_it_alone() -> None:
    program = replace(against(600), rows=against(600).rows[:-2])
    told = explain_conflict(program, currency="CNY")
    names = {str(name) for _, name in told.conflict}
    assert names == {"securitization:series most", "asked"}
    for left_out in names:
        rows = tuple(row for row in program.rows if row.name in names - {left_out})
        assert outright.relaxed(replace(program, rows=rows)) is not None
    assert len(told.levers) == 2
    lowered = next(amount for what, amount in told.levers if what.startswith("lower the least"))
    assert lowered is not None
    for part, right in ((1.0 + 1e-6, True), (0.999, False)):
        rows = tuple(
            replace(row, right=row.right + part * lowered) if row.name == "asked" else row
            for row in program.rows
        )
        assert (outright.relaxed(replace(program, rows=rows)) is not None) == right
    assert any("CNY" in sentence for sentence in told.sentences)
    assert told.exit_code == 3


def test_bands_that_need_more_than_there_is() -> None:
    """100 in all, 80 and 60 asked for: 40 have to give, by hand."""
    program = plain([10.0] * 10, 2, *band(0, 80.0, 90.0), *band(1, 60.0, 90.0))
    told = explain_conflict(program)
    assert sum(amount for _, _, amount in told.relaxations) == pytest.approx(40.0)
    assert {name for _, name in told.conflict} == {"p2p:1 least", "p2p:2 least"}
    assert sorted(amount or 0.0 for _, amount in told.levers) == pytest.approx([40.0, 40.0])


def test_loans_that_must_be_placed_are_said_to_be_part_of_it() -> None:
    program = plain([10.0] * 10, 1, *band(0, 0.0, 70.0))
    program = replace(program, must=np.ones(10, dtype=bool))
    told = explain_conflict(program)
    assert [(n, a) for _, n, a in told.relaxations] == [("p2p:1 most", pytest.approx(30.0))]
    assert "while 10 loans of 100 have to be placed" in " ".join(told.sentences)


def test_a_loan_that_must_be_placed_and_may_go_nowhere() -> None:
    program = plain([10.0, 20.0, 30.0], 2)
    program = replace(program, must=np.array([True, False, True]))
    program.eligible[[0, 1]] = False
    told = explain_conflict(program)
    assert "1 loan of 10.00 must be placed" in str(told)
    assert told.conflict == (("must", "L1"),)


def test_a_band_narrower_than_any_sum_of_loans() -> None:
    """Whole loans of 10 make 20 or 30, not 24 to 26; parts of them do."""
    program = plain([10.0] * 5, 1, *band(0, 24.0, 26.0))
    told = explain_conflict(program)
    assert "Parts of loans could keep all limits, but no placement of whole loans can" in str(told)
    assert sum(amount for _, _, amount in told.relaxations) == pytest.approx(4.0)
    assert "the loans that may go there are of 10.00 to 10.00" in str(told)


def test_one_huge_loan_that_must_go_where_it_does_not_fit() -> None:
    program = plain([5.0, 5.0, 1_000.0], 2, *band(0, 0.0, 600.0), *band(1, 0.0, 600.0))
    program = replace(program, must=np.array([False, False, True]))
    told = explain_conflict(program)
    assert "whole loans can." in str(told)
    ((_, name, amount),) = told.relaxations
    assert str(name).endswith("most")
    assert amount == pytest.approx(400.0)


def test_a_right_side_below_nothing_asks_for_loans_that_are_not_there() -> None:
    program = plain([10.0, 20.0], 1, *band(0, 50.0, 100.0))
    told = explain_conflict(program)
    assert told.relaxations == (("least", "p2p:1 least", pytest.approx(20.0)),)
    assert told.conflict == (("least", "p2p:1 least"),)


def test_where_nothing_conflicts_the_nearest_placement_is_told() -> None:
    program = sample("few", 3_000)
    nearest = np.where(program.eligible[:, BANK], BANK, 0).astype(np.int16)
    told = explain_conflict(program, nearest)
    broken = {str(name) for _, name, _ in told.relaxations}
    activity = program.activity(nearest)
    over = {r.name for r, a in zip(program.rows, activity, strict=True) if a > r.right + 1e-3}
    assert broken == over
    assert "was found to" in str(told)
