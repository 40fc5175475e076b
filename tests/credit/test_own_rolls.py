"""Roll rates of a history, as curves of a segment."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from scfcap.credit.curves import build_curves
from scfcap.credit.fit import fit
from scfcap.credit.own_rolls import own_rolls
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import CreditSpec, SegmentCredit
from scfcap.schema.scenario import Scenario
from scfcap.tape.history import DEFAULT

from .histories import CHAIN, simulate

#: Twice as likely to fall behind.
WORSE = CHAIN.copy()
WORSE[0] = [0.70, 0.16, 0.0, 0.0, 0.0, 0.005, 0.135]
SPEC = CreditSpec(source="history", language="roll_rates")


def test_rates_of_a_known_chain_are_found() -> None:
    found = own_rolls(simulate((("a", 6_000, CHAIN), ("b", 6_000, WORSE)), seed=3, term_months=60))
    np.testing.assert_allclose(found.matrix.sum(axis=2), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.matrix[0], CHAIN, atol=0.05)
    assert found.matrix[0, 0, 1] == pytest.approx(0.08, abs=0.01)
    assert found.matrix[1, 0, 1] == pytest.approx(0.16, abs=0.02)
    # Where segments differ they are trusted; each row lies between the own and the book's.
    assert found.z[:, 0, 0].min() > 0.9
    assert found.matrix[0, 0, 1] <= found.book[0, 1] <= found.matrix[1, 0, 1]


def test_what_is_repaid_when_it_matures_is_not_prepaid() -> None:
    # In this chain a quarter is repaid each month whatever the term: from month 6 it is due.
    long = own_rolls(simulate((("a", 2_000, CHAIN),), seed=5, term_months=60))
    short = own_rolls(simulate((("a", 2_000, CHAIN),), seed=5, term_months=6))
    assert long.matrix[0, 0, 6] == pytest.approx(0.135, abs=0.02)
    assert short.matrix[0, 0, 6] < 0.8 * long.matrix[0, 0, 6]
    np.testing.assert_allclose(short.matrix[0, 0, 5], long.matrix[0, 0, 5], atol=1e-12)


def test_prepayment_is_shrunk_by_itself() -> None:
    # They fall behind alike and prepay otherwise: 2% a month rather than 13.5%.
    slow = CHAIN.copy()
    slow[0, [0, 6]] = [0.895, 0.02]
    found = own_rolls(
        simulate((("a", 4_000, CHAIN), ("b", 4_000, slow)), seed=3, term_months=60)
    ).matrix
    assert found[0, 0, 6] == pytest.approx(0.135, abs=0.02)
    assert found[1, 0, 6] == pytest.approx(0.02, abs=0.01)
    assert found[0, 0, 1] == pytest.approx(found[1, 0, 1], abs=0.01)


def test_a_state_that_nobody_left_defaults() -> None:
    never = np.eye(7)
    never[0] = [0.9, 0.0, 0.0, 0.0, 0.0, 0.02, 0.08]
    found = own_rolls(simulate((("a", 300, never),), seed=2))
    assert found.matrix[0, 1:5, DEFAULT].tolist() == [1.0] * 4


def test_a_fit_in_roll_rates_goes_into_the_curves() -> None:
    history = simulate((("a", 3_000, CHAIN), ("b", 200, CHAIN)), seed=8, term_months=36)
    found = fit(history, SPEC)
    assert set(found.table["measure"]) == {"roll_rates", "severity", "recovery_lag"}
    curves = build_curves(
        ("a", "b"), found.curves, {"base": Scenario()}, PeriodGrid.build(date(2020, 1, 31), 6)
    )
    assert curves.has_roll_rates.all()
    year = np.linalg.matrix_power(curves.roll_rates[0], 12)[0, DEFAULT]
    row = found.table[(found.table["segment"] == "a") & (found.table["measure"] == "roll_rates")]
    assert float(row["estimate"].iloc[0]) == pytest.approx(year)
    stated = SegmentCredit(cdr=0.1, severity=0.5)
    kept = fit(history, SPEC.model_copy(update={"segments": {"a": stated}})).curves
    assert kept["a"] == stated


def test_roll_rates_are_counted_in_a_history_only() -> None:
    with pytest.raises(ValueError, match="source"):
        CreditSpec(
            source="stated",
            language="roll_rates",
            segments={"a": SegmentCredit(cdr=0.1, severity=0.5)},
        )


def test_they_cannot_be_told_by_the_week() -> None:
    found = fit(simulate((("a", 1_000, CHAIN),), seed=8), SPEC)
    weeks = PeriodGrid.build(date(2020, 1, 31), 6, "week")
    with pytest.raises(InputError, match=r"credit\.segments\.a\.roll_rates"):
        build_curves(("a",), found.curves, {"base": Scenario()}, weeks)
