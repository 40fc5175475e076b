"""Risk weights beside what supervisors print, and what must hold of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.deal.capital import (
    RATINGS,
    RULES,
    attachments,
    capital_cap,
    irb_charge,
    k_ssfa,
    look_through,
    pool_charge,
    sec_erba,
    sec_sa,
    tranche_maturity,
)
from scfcap.errors import InputError
from tests.witnesses import capital
from tests.witnesses.book import holds


def test_irb_weights_as_the_committee_prints_them() -> None:
    holds(capital.irb())


def test_sec_sa_in_closed_form() -> None:
    holds(capital.closed_form())


def test_the_supervisors_examples() -> None:
    holds(capital.supervisors())


def test_a_deal_of_75_15_and_10() -> None:
    low, high = attachments(100.0, np.array([75.0, 15.0, 10.0]))
    np.testing.assert_allclose(low, [0.25, 0.10, 0.0], atol=1e-15)
    np.testing.assert_allclose(high, [1.0, 0.25, 0.10], atol=1e-15)
    holds(capital.deal_of_75_15_10())


@given(
    st.lists(st.floats(0.01, 10.0), min_size=1, max_size=6),
    st.floats(0.005, 0.5),
    st.sampled_from([0.5, 1.0, 1.5]),
)
def test_a_full_set_of_classes_holds_one_amount(sizes: list[float], k_a: float, p: float) -> None:
    """Sum of (D - A) K over the whole pool = K_A + p K_A (1 - e^(-(1 - K_A) / (p K_A)))."""
    low, high = attachments(sum(sizes), np.array(sizes))
    held = float(((high - low) * sec_sa(low, high, k_a, p=p, floor=0.0)).sum()) / 12.5
    assert held == pytest.approx(k_a + p * k_a * -np.expm1(-(1 - k_a) / (p * k_a)), rel=1e-9)


@given(
    st.floats(0.0, 0.9),
    st.floats(0.0, 0.1),
    st.floats(0.001, 0.1),
    st.floats(0.005, 0.5),
    st.sampled_from(list(RULES.values())),
)
def test_a_class_further_up_never_weighs_more(
    a: float, more: float, thick: float, k_a: float, rules: Any
) -> None:
    top = min(a + more + thick, 1.0)
    terms = {"p": rules.p, "floor": rules.floor}
    lower = sec_sa(a, a + thick, k_a, **terms)
    assert sec_sa(a + more, a + more + thick, k_a, **terms) <= lower + 1e-9
    assert sec_sa(a + more, top, k_a, **terms) <= sec_sa(a, top, k_a, **terms) + 1e-9
    assert rules.floor <= lower <= 12.5 + 1e-12


def test_a_class_without_thickness_has_the_weight_at_its_point() -> None:
    assert float(k_ssfa(0.2, 0.2, 0.08)) == pytest.approx(np.exp(-0.12 / 0.08), rel=1e-12)
    assert float(k_ssfa(0.2, 0.2 + 1e-9, 0.08)) == pytest.approx(np.exp(-0.12 / 0.08), rel=1e-7)


def test_where_much_is_unknown_every_class_weighs_in_full() -> None:
    k_a = pool_charge(0.08, 0.02, np.array([0.05, 0.0501]))
    found = sec_sa(0.5, 1.0, k_a)
    assert found[0] < 12.5
    assert found[1] == 12.5


def test_the_united_states_formula_has_a_floor_of_20_percent() -> None:
    us = RULES["us"]
    assert float(sec_sa(0.5, 1.0, 0.08, p=us.p, floor=us.floor)) == 0.20


@pytest.mark.parametrize("senior", [True, False])
def test_a_worse_rating_or_a_longer_class_never_weighs_less(senior: bool) -> None:
    long = RATINGS[: RATINGS.index("A-1")]
    grid = np.array([sec_erba(r, 0.1, 0.2, np.linspace(1, 5, 9), senior=senior) for r in long])
    assert (np.diff(grid, axis=0) >= -1e-12).all()
    assert (np.diff(grid, axis=1) >= -1e-12).all()
    assert grid.min() >= 0.15
    assert grid.max() == 12.5


def test_a_rating_that_is_none() -> None:
    with pytest.raises(InputError, match='"AAa"; expected one of AAA, AA+'.replace("+", r"\+")):
        sec_erba("AAa", 0.1, 0.2, 1.0, senior=True)


def test_maturity_of_a_class() -> None:
    """CRE40: 80% of what the legal final is beyond a year, between 1 and 5."""
    found = tranche_maturity(np.array([0.5, 1.0, 3.0, 6.0, 30.0]))
    np.testing.assert_allclose(found, [1.0, 1.0, 2.6, 5.0, 5.0])
    assert float(tranche_maturity(2.0, tenor=1.0)) == pytest.approx(2.6)


def test_classes_of_one_rank_share_their_points_and_reserves_count() -> None:
    low, high = attachments(
        95.0, np.array([[40.0], [30.0], [20.0], [0.0]]), reserve=5.0, ranks=(1, 1, 2, 3)
    )
    np.testing.assert_allclose(low[:, 0], [0.30, 0.30, 0.10, np.nan])
    np.testing.assert_allclose(high[:, 0], [1.0, 1.0, 0.30, np.nan])


def test_more_notes_than_pool_attach_at_nothing() -> None:
    low, high = attachments(50.0, np.array([40.0, 30.0]))
    np.testing.assert_allclose(low, [0.2, 0.0])
    np.testing.assert_allclose(high, [1.0, 0.2])
    low, high = attachments(0.0, np.array([40.0, 30.0]))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_caps() -> None:
    """CRE40: the senior at most the pool's mean weight, below the floor too; the whole
    holding at most the charge of the pool times the largest share held.
    """
    assert float(look_through(0.15, 0.10)) == 0.10
    weights, classes = np.array([0.15, 2.787, 11.469]), np.array([75.0, 15.0, 10.0])
    held = classes * np.array([0.05, 0.05, 1.0])
    alone = 0.08 * float(weights @ held)
    assert float(capital_cap(weights, held, classes, 100.0, 0.06)) == pytest.approx(6.0)
    assert alone > 6.0
    held = classes * np.array([0.05, 0.05, 0.05])
    assert float(capital_cap(weights, held, classes, 100.0, 0.06)) == pytest.approx(0.3)
    held = classes * np.array([0.5, 0.0, 0.0])
    assert float(capital_cap(weights, held, classes, 100.0, 0.06)) == pytest.approx(0.45)


def test_an_unknown_kind_of_loan_is_refused() -> None:
    with pytest.raises(InputError, match='"retail"; expected one of corporate'):
        irb_charge(0.01, 0.45, "retail")  # type: ignore[arg-type]
