"""Survival curves: published tables, identities, late entry, competing ends."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scfcap.credit.survival import (
    Lives,
    aalen_johansen,
    kaplan_meier,
    log_rank,
    nelson_aalen,
    risk_table,
)
from tests.witnesses import credit
from tests.witnesses.book import holds
from tests.witnesses.credit import lives_of


def test_freireich():
    """Freireich et al. (1963), remission times of leukaemia patients."""
    holds(credit.freireich())


def test_late_entry_by_hand():
    # Ages of entry 0, 2, 4; ends at 3, 5, 6. At 3 two are at risk (one has not come), at 5 two.
    curve = kaplan_meier(lives_of([3, 5, 6], entry=np.array([0.0, 2.0, 4.0])))
    assert curve.at_risk.tolist() == [2, 2, 1]
    np.testing.assert_allclose(curve.value, [0.5, 0.25, 0.0])


def test_an_entry_at_an_age_of_an_end_is_not_yet_at_risk():
    curve = kaplan_meier(lives_of([3, 5], entry=np.array([0.0, 3.0])))
    assert curve.at_risk.tolist() == [1, 1]


def test_a_censored_loan_is_at_risk_where_others_end():
    assert kaplan_meier(lives_of([-3, 3])).at_risk.tolist() == [2]


def test_competing_ends_by_hand():
    # Four loans: default at 1, prepaid at 2, censored at 2, default at 3.
    lives = Lives(np.array([1.0, 2, 2, 3]), np.array([1, 2, 0, 1]))
    default, prepaid = aalen_johansen(lives, 1), aalen_johansen(lives, 2)
    np.testing.assert_allclose(default.value, [0.25, 0.25, 0.75])
    np.testing.assert_allclose(prepaid.value, [0.0, 0.25, 0.25])
    assert default.events.tolist() == [1, 0, 1]


def test_without_censoring_the_incidence_is_a_share_with_its_binomial_error():
    random = np.random.default_rng(7)
    event = random.choice([1, 2], 400, p=[0.3, 0.7])
    curve = aalen_johansen(Lives(random.random(400) + 1, event), 1)
    share = (event == 1).mean()
    assert curve.value[-1] == pytest.approx(share)
    assert curve.se[-1] == pytest.approx(np.sqrt(share * (1 - share) / 400), rel=1e-6)
    one = kaplan_meier(lives_of(random.random(400) + 1))
    assert one.se[199] == pytest.approx(np.sqrt(one.value[199] * (1 - one.value[199]) / 400))


def test_the_variance_of_an_incidence_is_what_repeated_samples_show():
    random = np.random.default_rng(11)
    found, errors = [], []
    for _ in range(400):
        ages = random.exponential([[2.0], [3.0], [4.0]], (3, 150))
        curve = aalen_johansen(Lives(ages.min(axis=0), (ages.argmin(axis=0) + 1) % 3), 1, 2)
        found.append(float(curve.at(1.5)))
        errors.append(float(curve.at(1.5, "se")))
    assert np.std(found) == pytest.approx(np.mean(errors), rel=0.1)


@st.composite
def samples(draw):
    size = draw(st.integers(1, 40))
    numbers = hnp.arrays(np.int64, size, elements=st.integers(1, 12))
    time = draw(numbers).astype(np.float64)
    entry = np.minimum(draw(numbers) - 2.0, time - 1.0)
    weight = draw(hnp.arrays(np.float64, size, elements=st.floats(1.0, 1e3)))
    event = draw(hnp.arrays(np.int64, size, elements=st.integers(0, 2)))
    return Lives(time, event, entry, weight)


@given(samples())
def test_survival_and_incidences_add_up_to_one(lives):
    if not (lives.event > 0).any():
        return
    survival = kaplan_meier(lives)
    ended = [aalen_johansen(lives, cause, 2) for cause in (1, 2)]
    np.testing.assert_allclose(survival.value + ended[0].value + ended[1].value, 1.0, atol=1e-9)
    for curve in (survival, *ended, kaplan_meier(lives, "plain")):
        assert (curve.low <= curve.value + 1e-12).all()
        assert (curve.high >= curve.value - 1e-12).all()
        assert ((curve.low >= 0) & (curve.high <= 1)).all()


@given(samples(), st.floats(0.01, 1000))
def test_equal_weights_are_counts(lives, weight):
    plain = Lives(lives.time, lives.event, lives.entry)
    same = Lives(lives.time, lives.event, lives.entry, np.full(len(lives.time), weight))
    for curve in (kaplan_meier, nelson_aalen):
        a, b = curve(plain), curve(same)
        np.testing.assert_allclose(a.value, b.value, atol=1e-12)
        np.testing.assert_allclose(a.se, b.se, rtol=1e-6)


@given(samples())
def test_a_pair_of_halves_gives_the_same_curve_with_a_wider_error(lives):
    twice = Lives(*(np.tile(x, 2) for x in (lives.time, lives.event, lives.entry, lives.weight)))
    once, double = kaplan_meier(lives), kaplan_meier(twice)
    np.testing.assert_allclose(once.value, double.value, atol=1e-9)
    np.testing.assert_allclose(once.se, double.se * np.sqrt(2), rtol=1e-6)


def test_a_loan_without_weight_is_nobody():
    curve = kaplan_meier(lives_of([1, 2, 3], weight=np.array([1.0, 0.0, 1.0])))
    assert curve.time.tolist() == [1, 3]
    assert curve.at_risk.tolist() == [2, 1]


def test_steps_before_the_first_end():
    curve = kaplan_meier(lives_of([2, -3]))
    assert curve.at(np.array([1.9, 2.0, 9.0])).tolist() == [1.0, 0.5, 0.5]
    assert curve.at(1.0, "se") == 0.0


def test_nobody_left_has_no_error_and_keeps_the_upper_bound():
    curve = kaplan_meier(lives_of([1, 2]))
    assert np.isnan(curve.se[1])
    assert curve.low[1] == 0.0
    assert curve.high[1] == curve.high[0]


def test_nobody_ends():
    curve = kaplan_meier(lives_of([-1, -2]))
    assert len(curve.time) == 0
    assert curve.at(5.0) == 1.0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"entry": np.array([1.0, 2.0])}, "leaves before it enters"),
        ({"weight": np.array([1.0, -1.0])}, "weight"),
        ({"weight": np.array([1.0])}, "shape"),
        ({"event": np.array([0, -1])}, "negative code"),
        ({"time": np.array([np.nan, 1.0])}, "missing"),
    ],
)
def test_faulty_observations_are_refused(change, match):
    given_ = {"time": np.array([1.0, 3.0]), "event": np.array([0, 1])}
    with pytest.raises(ValueError, match=match):
        Lives(**{**given_, **change})


def test_an_empty_group_takes_no_part_in_the_test():
    lives = lives_of([1, 2, 3, 4])
    two = log_rank(lives, np.array([0, 0, 1, 1]), ("a", "b"))
    three = log_rank(lives, np.array([0, 0, 2, 2]), ("a", "none", "b"))
    assert three.chi_square == pytest.approx(two.chi_square)
    assert three.degrees == 1
    assert log_rank(lives, np.zeros(4, dtype=np.int64), ("a",)).p_value == 1.0


def test_a_million_loans_take_less_than_a_second():
    random = np.random.default_rng(3)
    size = 1_000_000
    age = random.integers(1, 60, size).astype(np.float64)
    lives = Lives(age, random.integers(0, 3, size), age - 1.0, random.random(size))
    start = time.process_time()
    aalen_johansen(lives, 1)
    assert time.process_time() - start < 1.0
    assert risk_table(lives).at_risk.sum() == (lives.event > 0).sum() + (lives.event == 0).sum()


def test_the_error_by_amount_rests_on_the_effective_number():
    weight = np.array([4.0, 1.0, 1.0, 1.0, 1.0])
    curve = kaplan_meier(lives_of([1, 1, -2, -2, -2], weight=weight))
    number = weight.sum() ** 2 / np.square(weight).sum()  # 3.2 of 5
    lost = 5.0 / 8.0
    assert curve.value[0] == pytest.approx(1.0 - lost)
    assert curve.se[0] == pytest.approx(np.sqrt(lost * (1.0 - lost) / number))
