"""What happens and what of it can be known: put together, moved in time, foreseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.credit.foreseen import (
    ADDED,
    ANNOUNCED,
    LINES,
    MULTIPLIED,
    UNITED,
    both,
    delayed,
    foreseen,
    joined,
    mean_of,
)
from scfcap.credit.stress import Stress, calm

PERIODS = 8
NAMES = (*MULTIPLIED, *ADDED, *UNITED)


def some(names: tuple[str, ...], seed: int) -> Stress:
    """Scenarios in which much happens, at random, to two segments and one lender."""
    random = np.random.default_rng(seed)
    stress = calm(names, 2, ("bank",), PERIODS)
    for name in (*MULTIPLIED, "infected", "unpaid", "held"):
        values = getattr(stress, name)
        values[:] = random.uniform(0.1, 0.9, values.shape)
    stress.default_multiple[:] = random.uniform(0.5, 3.0, stress.default_multiple.shape)
    for name in ADDED:
        values = getattr(stress, name)
        values[:] = random.uniform(0.0, 0.05, values.shape)
    return stress


def test_what_happens_in_both_by_hand():
    first, second = calm(("a",), 1, ("bank",), 2), calm(("b",), 1, ("bank",), 2)
    first.default_multiple[:], second.default_multiple[:] = 2.0, 3.0
    first.bank_rate[:], second.bank_rate[:] = 0.01, 0.02
    first.unpaid[:], second.unpaid[:] = 0.5, 0.2
    first.unpaid_recovery[:], second.unpaid_recovery[:] = 0.3, 0.1
    second.unpaid[..., 1] = 0.0
    found = both(first, second)
    assert found.scenarios == ("a",)
    assert (found.default_multiple == 6.0).all()
    assert found.bank_rate == pytest.approx(0.03 * np.ones((1, 2)))
    # A half is gone, then a fifth of the rest; of what the second takes its recovery counts.
    assert found.unpaid[0, 0] == pytest.approx([0.6, 0.5])
    assert found.unpaid_recovery[0, 0].tolist() == [0.1, 0.3]


def test_nothing_and_a_scenario_are_the_scenario():
    stress = some(("a",), 1)
    nothing = calm(("b",), 2, ("bank",), PERIODS)
    for found in (both(stress, nothing), replace(both(nothing, stress), scenarios=("a",))):
        for name in NAMES:
            assert getattr(found, name) == pytest.approx(getattr(stress, name)), name


@pytest.mark.parametrize("by", [0, 3, PERIODS, PERIODS + 2])
def test_delayed_it_comes_later_and_nothing_before(by):
    stress = some(("a",), 2)
    found, nothing = delayed(stress, by), calm(("a",), 2, ("bank",), PERIODS)
    at = min(by, PERIODS)
    for name in NAMES:
        assert (getattr(found, name)[..., :at] == getattr(nothing, name)[..., :at]).all()
        moved = getattr(stress, name)[..., : PERIODS - at]
        assert (getattr(found, name)[..., at:] == moved).all(), name


def seen(truth: tuple[Stress, Stress], period: int, notice: int = 1) -> Stress:
    estimate = (np.array([1.5, 0.8]), np.array([1.1, 1.0]))
    return foreseen(truth, some(("x", "y", "z"), 5), period, estimate, 0.9, notice)


@pytest.mark.parametrize("period", [1, 3, PERIODS])
def test_the_past_is_what_it_was_and_the_future_is_not_known(period):
    """What comes later may be anything: nothing of it is seen but funding as announced."""
    truth = (some(("t",), 7), some(("t",), 8))
    found = seen(truth, period)
    happened = both(*truth)
    for name in NAMES:
        past = getattr(happened, name)[..., : period - 1]
        assert (getattr(found, name)[..., : period - 1] == past).all(), name
    other = tuple(some((x.scenarios[0],), 70 + k) for k, x in enumerate(truth))
    for name in NAMES:
        known = period if name in ANNOUNCED else period - 1
        for theirs, mine in zip(other, truth, strict=True):
            getattr(theirs, name)[..., :known] = getattr(mine, name)[..., :known]
    first, second = other
    for name in LINES:
        getattr(first, name)[..., : period + 1] = getattr(truth[0], name)[..., : period + 1]
    again = seen((first, second), period)
    for name in NAMES:
        assert (getattr(again, name) == getattr(found, name)).all(), name


def test_a_cut_is_seen_when_it_is_announced_and_stands():
    nothing = calm(("n",), 2, ("bank",), PERIODS)
    path = calm(("t",), 2, ("bank",), PERIODS)
    path.line[..., 4:] = 0.5
    drawn = calm(("x",), 2, ("bank",), PERIODS)
    ones = (np.ones(2), np.ones(2))

    def line(period: int, notice: int) -> list[float]:
        return foreseen((path, nothing), drawn, period, ones, 0.9, notice).line[0, 0].tolist()

    assert line(3, 1) == [1.0] * PERIODS
    assert line(4, 1) == [1.0] * 4 + [0.5] * 4
    assert line(4, 0) == [1.0] * PERIODS
    assert line(5, 0) == [1.0] * 4 + [0.5] * 4


def test_a_multiple_fades_and_what_is_drawn_grows():
    """As the variance of a first-order autoregression: the logarithms' weights square to one."""
    nothing = calm(("n",), 2, ("bank",), PERIODS)
    drawn = calm(("x",), 2, ("bank",), PERIODS)
    drawn.default_multiple[:] = 2.0
    estimate = (np.array([3.0, 1.0]), np.ones(2))
    found = foreseen((nothing, nothing), drawn, 3, estimate, 0.8, 0).default_multiple[0]
    for h in (1, 2, 6):
        own, new = 0.8**h, np.sqrt(1.0 - 0.8 ** (2 * h))
        logs = np.log(found[:, 1 + h])
        assert logs == pytest.approx([own * np.log(3.0) + new * np.log(2.0), new * np.log(2.0)])
        assert own**2 + new**2 == pytest.approx(1.0)
    assert (found[:, :2] == 1.0).all()


def test_the_mean_and_all_together():
    stress = some(("a", "b"), 3)
    mean = mean_of(stress, np.array([0.25, 0.75]), "mean")
    assert mean.scenarios == ("mean",)
    for name in NAMES:
        both_rows = getattr(stress, name)
        assert getattr(mean, name)[0] == pytest.approx(0.25 * both_rows[0] + 0.75 * both_rows[1])
    short = stress.over(5)
    found = joined([mean, short])
    assert found.scenarios == ("mean", "a", "b")
    assert found.held.shape == (3, 5)
