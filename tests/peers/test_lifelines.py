"""Survival estimates beside those of lifelines, on random censored loans."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter, NelsonAalenFitter
from lifelines.statistics import multivariate_logrank_test

from scfcap.credit.survival import Lives, aalen_johansen, kaplan_meier, log_rank, nelson_aalen

pytestmark = pytest.mark.filterwarnings("ignore")
SEEDS = range(5)


def sample(seed, *, entry=False, ties=False, size=500):
    """Exponential ends of two kinds, uniform censoring; entries before the end, where asked."""
    random = np.random.default_rng(seed)
    ends = random.exponential([[8.0], [12.0]], (2, size))
    censored = random.uniform(0.5, 20.0, size)
    time = np.minimum(ends.min(axis=0), censored)
    event = np.where(censored < ends.min(axis=0), 0, ends.argmin(axis=0) + 1)
    if ties:
        time = np.ceil(time)
    start = np.where(random.random(size) < 0.4, random.uniform(0, 0.9, size) * time, 0.0)
    if ties:
        start = np.floor(start)
    if entry:  # two that span the first ages, so that nobody is missing there
        start[:20] = 0.0
        return Lives(time, event, start)
    return Lives(time, event)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("entry", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_kaplan_meier(seed, entry, ties):
    lives = sample(seed, entry=entry, ties=ties)
    theirs = KaplanMeierFitter().fit(lives.time, lives.event > 0, entry=lives.entry)
    ours = kaplan_meier(lives)
    np.testing.assert_allclose(
        ours.value, theirs.survival_function_at_times(ours.time).to_numpy(), atol=1e-12
    )
    bounds = theirs.confidence_interval_.loc[ours.time].to_numpy()
    inside = (ours.value > 0) & (ours.value < 1)
    np.testing.assert_allclose(ours.low[inside], bounds[inside, 0], atol=1e-9)
    np.testing.assert_allclose(ours.high[inside], bounds[inside, 1], atol=1e-9)
    table = theirs.event_table.loc[ours.time]
    assert ours.events.tolist() == table["observed"].tolist()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("entry", [False, True])
def test_nelson_aalen(seed, entry):
    lives = sample(seed, entry=entry)
    theirs = NelsonAalenFitter().fit(lives.time, lives.event > 0, entry=lives.entry)
    ours = nelson_aalen(lives)
    hazard = theirs.cumulative_hazard_.loc[ours.time].to_numpy().ravel()
    np.testing.assert_allclose(ours.value, hazard, atol=1e-12)
    bounds = theirs.confidence_interval_.loc[ours.time].to_numpy()
    np.testing.assert_allclose(ours.low, bounds[:, 0], rtol=1e-8)
    np.testing.assert_allclose(ours.high, bounds[:, 1], rtol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cause", [1, 2])
@pytest.mark.parametrize("entry", [False, True])
def test_aalen_johansen(seed, cause, entry):
    lives = sample(seed, entry=entry)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = AalenJohansenFitter(calculate_variance=True).fit(
            lives.time, lives.event, event_of_interest=cause, entry=lives.entry
        )
    ours = aalen_johansen(lives, cause)
    times = ours.time
    value = theirs.cumulative_density_.loc[times].to_numpy().ravel()
    np.testing.assert_allclose(ours.value, value, atol=1e-12)
    variance = theirs.variance_.loc[times].to_numpy().ravel()
    np.testing.assert_allclose(ours.se**2, variance, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("ties", [False, True])
def test_log_rank(seed, groups, ties):
    lives = sample(seed, ties=ties)
    group = np.random.default_rng(seed + 100).integers(0, groups, len(lives.time))
    theirs = multivariate_logrank_test(lives.time, group, lives.event > 0)
    ours = log_rank(lives, group, tuple("abcd"[:groups]))
    assert ours.chi_square == pytest.approx(theirs.test_statistic, rel=1e-9)
    assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-6)
    assert ours.degrees == groups - 1
