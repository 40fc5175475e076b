"""Recoveries by lag, the chain ladder of a published triangle, loss timing, credibility."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit.credibility import buhlmann_straub
from scfcap.credit.recovery import chain_ladder, recovery_curve
from scfcap.credit.timing import loss_timing
from tests.witnesses import credit
from tests.witnesses.book import holds
from tests.witnesses.credit import AVERAGE_CLAIMS, CLAIM_NUMBERS


class TestRecoveryCurve:
    def test_by_hand(self):
        # A: 100, seen for 2 months, recovers 10 at once and 30 at lag 2. B: 100, seen at lag 0.
        curve = recovery_curve(
            np.array([100.0, 100.0]),
            np.array([2, 0]),
            (np.array([0, 0]), np.array([0, 2]), np.array([10.0, 30.0])),
        )
        assert curve.defaults.tolist() == [2, 1, 1]
        np.testing.assert_allclose(curve.rate, [0.05, 0.0, 0.30])
        assert curve.severity[0] == pytest.approx(0.65)
        assert curve.mean_lag == pytest.approx(0.6 / 0.35)
        # Influence at lag 0: (10 - 5) / 200 and (0 - 5) / 200; its root sum of squares.
        assert curve.se[0] == pytest.approx(0.025 * np.sqrt(2))

    def test_the_young_are_not_counted_as_zero(self):
        random = np.random.default_rng(4)
        loans, months = 20_000, 12
        balance = random.uniform(50, 150, loans)
        observed = random.integers(0, months, loans)
        lag = random.integers(0, 10, loans)  # each recovers 60% at one lag
        came = lag <= observed
        curve = recovery_curve(
            balance, observed, (np.flatnonzero(came), lag[came], 0.6 * balance[came])
        )
        value, low, high = curve.severity
        assert low <= 0.4 <= high
        assert value == pytest.approx(0.4, abs=0.03)
        naive = 1 - 0.6 * balance[came].sum() / balance.sum()
        assert naive > 0.6
        assert curve.mean_lag == pytest.approx(4.5, abs=0.15)

    def test_the_error_is_what_repeated_samples_show(self):
        random = np.random.default_rng(9)
        found, errors = [], []
        for _ in range(200):
            balance, observed = random.lognormal(4, 1, 150), random.integers(0, 6, 150)
            lag = random.integers(0, 5, 150)
            came = (lag <= observed) & (random.random(150) < 0.5)
            recovered = 0.5 * balance[came]
            curve = recovery_curve(balance, observed, (np.flatnonzero(came), lag[came], recovered))
            found.append(curve.cumulative[4])
            errors.append(curve.se[4])
        assert np.std(found) == pytest.approx(np.mean(errors), rel=0.15)

    def test_the_curve_ends_where_too_few_are_seen(self):
        none = (np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0))
        curve = recovery_curve(np.ones(5), np.array([0, 1, 1, 2, 9]), none, least=2)
        assert curve.lag.tolist() == [0, 1, 2]
        assert curve.severity == (1.0, 1.0, 1.0)
        assert np.isnan(curve.mean_lag)

    def test_no_default_at_all(self):
        none = (np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0))
        curve = recovery_curve(np.zeros(0), np.zeros(0, dtype=int), none)
        assert curve.severity == (1.0, 0.0, 1.0)
        assert len(curve.to_frame()) == 0

    def test_costs_after_default_lower_the_recovery(self):
        costs = (np.array([0]), np.array([1]), np.array([-20.0]))
        assert recovery_curve(np.array([100.0]), np.array([2]), costs).severity[0] == 1.0


class TestChainLadder:
    def test_raa(self):
        holds(credit.raa())

    def test_known_factors_leave_no_error(self):
        full = np.outer([10.0, 20.0, 40.0], [1.0, 2.0, 3.0])
        seen = np.where(np.add.outer(np.arange(3), np.arange(3)) <= 2, full, np.nan)
        found = chain_ladder(seen)
        np.testing.assert_allclose(found.ultimate, full[:, -1])
        assert found.total_se == pytest.approx(0.0, abs=1e-9)

    @pytest.mark.parametrize(
        ("triangle", "match"),
        [
            ([[1.0, np.nan, 3.0]], "first ones"),
            ([[np.nan, np.nan]], "at least one"),
            ([[1.0, np.nan]], "seen by no origin"),
        ],
    )
    def test_what_is_no_triangle(self, triangle, match):
        with pytest.raises(ValueError, match=match):
            chain_ladder(np.array(triangle))


class TestLossTiming:
    def test_published(self):
        holds(credit.timing())

    @pytest.mark.parametrize(
        ("timing", "repaid", "match"),
        [([0.5, 0.4], [0.0, 1.0], "add up"), ([0.1, 0.9], [1.0, 1.0], "period 2")],
    )
    def test_what_cannot_be(self, timing, repaid, match):
        with pytest.raises(ValueError, match=match):
            loss_timing(0.3, 0.6, np.array(timing), np.array(repaid))


class TestCredibility:
    def test_hachemeister(self):
        holds(credit.hachemeister())

    def test_by_hand(self):
        # Means 2 and 8, weights 2 and 2; v = (2 + 2) / 2 = 2; a = (36 - 2) / (4 - 2) = 17;
        # Z = 2 / (2 + 2 / 17) = 17 / 18.
        found = buhlmann_straub(
            np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 7.0, 9.0]), np.ones(4), 2
        )
        assert (found.within, found.between) == (2.0, 17.0)
        np.testing.assert_allclose(found.z, 17 / 18)
        np.testing.assert_allclose(found.estimate, [2 + 3 / 18, 8 - 3 / 18])
        np.testing.assert_allclose(found.error, np.sqrt(17 / 18 * (1 + (1 / 18) / (34 / 18))))

    def test_an_empty_segment_takes_the_mean_of_all(self):
        found = buhlmann_straub(
            np.array([0, 0, 2, 2]), np.array([1.0, 3.0, 7.0, 9.0]), np.ones(4), 3
        )
        assert found.z[1] == 0.0
        assert np.isnan(found.mean[1])
        assert found.estimate[1] == pytest.approx(found.collective)

    def test_segments_that_do_not_differ_are_one(self):
        found = buhlmann_straub(
            np.array([0, 0, 1, 1]), np.array([1.0, 9.0, 2.0, 8.0]), np.ones(4), 2
        )
        assert found.between == 0.0
        assert found.z.tolist() == [0.0, 0.0]
        assert found.estimate.tolist() == [5.0, 5.0]

    def test_nothing_at_all(self):
        found = buhlmann_straub(np.zeros(0, dtype=int), np.zeros(0), np.zeros(0), 2)
        assert found.z.tolist() == [0.0, 0.0]
        assert np.isnan(found.collective)

    @pytest.mark.parametrize("spread", [0.5, 2.0])
    def test_the_structure_is_estimated_without_bias(self, spread):
        random = np.random.default_rng(8)
        within, between = [], []
        group, weight = np.repeat(np.arange(30), 6), random.uniform(1, 5, 180)
        for _ in range(300):
            level = random.normal(10, spread, 30)[group]
            value = random.normal(level, 3 / np.sqrt(weight))
            found = buhlmann_straub(group, value, weight, 30)
            within.append(found.within)
            between.append(found.between)
        assert np.mean(within) == pytest.approx(9.0, rel=0.03)
        if spread == 2.0:  # cut at zero otherwise
            assert np.mean(between) == pytest.approx(4.0, rel=0.05)

    @given(st.floats(0.01, 100), st.floats(-10, 10))
    def test_units_do_not_matter(self, scale, shift):
        group, weight = np.repeat(np.arange(5), 12), np.array(CLAIM_NUMBERS, float).ravel()
        value = np.array(AVERAGE_CLAIMS, float).ravel()
        a = buhlmann_straub(group, value, weight, 5)
        b = buhlmann_straub(group, scale * value + shift, 3 * weight, 5)
        np.testing.assert_allclose(a.z, b.z, rtol=1e-6)
        np.testing.assert_allclose(scale * a.estimate + shift, b.estimate, rtol=1e-6)
