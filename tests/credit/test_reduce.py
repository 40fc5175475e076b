"""Reduction: against plain search, brute force and the transport problem solved by scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from scfcap.credit.reduce import (
    before_and_after,
    costs,
    reduce_paths,
    with_named,
    worst_of,
)


def cloud(count: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    weight = random.random(count) + 0.1
    return random.normal(5.0, 2.0, (count, 3)), weight / weight.sum()


def plain_forward(cost: np.ndarray, weight: np.ndarray, keep: int) -> list[int]:
    """Fast forward selection as the paper writes it."""
    kept: list[int] = []
    for _ in range(keep):
        left = [u for u in range(len(weight)) if u not in kept]
        kept.append(min(left, key=lambda u: weight @ cost[:, [*kept, u]].min(axis=1)))
    return kept


def transport(cost: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Least cost of moving weights ``one`` to ``other``."""
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    solved = linprog(cost.ravel(), A_eq=np.vstack(rows), b_eq=np.concatenate([one, other]))
    return float(solved.fun)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("order", [1.0, 2.0])
def test_the_choice_is_that_of_the_plain_search(seed: int, order: float) -> None:
    points, weight = cloud(40, seed)
    result = reduce_paths(points, weight, 7, order=order)
    assert sorted(plain_forward(costs(points, order), weight, 7)) == result.kept.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_is_the_least_cost_of_transport(seed: int) -> None:
    points, weight = cloud(12, seed)
    result = reduce_paths(points, weight, 4)
    between = costs(points)[:, result.kept]
    assert transport(between, weight, result.weight) == pytest.approx(result.distance, rel=1e-9)
    # No other weights on the kept paths are nearer.
    other = np.random.default_rng(seed).dirichlet(np.ones(4))
    assert transport(between, weight, other) >= result.distance * (1 - 1e-9)


def test_one_path_is_the_best_one_and_few_are_near_the_best_few() -> None:
    points, weight = cloud()
    cost = costs(points)
    one = reduce_paths(points, weight, 1)
    assert one.distance == one.alone == pytest.approx((weight @ cost).min())
    best = min(
        weight @ cost[:, list(chosen)].min(axis=1)
        for chosen in itertools.combinations(range(12), 3)
    )
    three = reduce_paths(points, weight, 3)
    assert best - 1e-12 <= three.distance <= 1.2 * best
    assert three.relative == pytest.approx(three.distance / one.distance)


def test_all_kept_is_no_distance_and_more_is_never_farther() -> None:
    points, weight = cloud(30)
    distance = [reduce_paths(points, weight, keep).distance for keep in range(1, 31)]
    assert distance[-1] == 0.0
    assert (np.diff(distance) <= 1e-12).all()


def test_weights_go_to_the_nearest_and_add_up() -> None:
    points, weight = cloud(30)
    result = reduce_paths(points, weight, 5)
    assert result.weight.sum() == pytest.approx(1.0, rel=1e-12)
    nearest = result.kept[result.nearest]
    between = costs(points)
    assert (between[np.arange(30), nearest] == between[:, result.kept].min(axis=1)).all()


def test_the_cost_of_fortet_and_mourier() -> None:
    points = np.array([[0.5, 0.0], [3.0, -1.0]])
    # |x - y| = 3.5, |y| = 4.
    assert costs(points, 2.0)[0, 1] == pytest.approx(3.5 * 4.0)
    assert costs(np.array([[0.1], [0.3]]), 3.0)[0, 1] == pytest.approx(0.2)


def test_the_worst_tenth_is_reduced_apart() -> None:
    points, weight = cloud(200)
    shortfall = -points.sum(axis=1)
    result = reduce_paths(points, weight, 10, shortfall=shortfall, keep_tail=4)
    worst = worst_of(shortfall, weight, 0.1)
    assert worst[result.kept].sum() == 4
    assert result.weight[worst[result.kept]].sum() == pytest.approx(weight[worst].sum())
    plain = reduce_paths(points, weight, 10)
    assert result.distance >= plain.distance


def test_the_worst_are_those_with_the_largest_shortfall() -> None:
    worst = worst_of(np.array([1.0, 5.0, 3.0, 4.0]), np.full(4, 0.25), 0.5)
    assert worst.tolist() == [False, True, False, True]


def test_named_stresses_keep_their_weights() -> None:
    points, weight = cloud(20)
    reduction = reduce_paths(points, weight, 4)
    together, names = with_named(reduction, {"crash": 0.1, "outage": 0.05})
    assert names == ("crash", "outage")
    assert together[:2].tolist() == [0.1, 0.05]
    np.testing.assert_allclose(together[2:], 0.85 * reduction.weight)
    with pytest.raises(ValueError, match=r"add up to 1\.2"):
        with_named(reduction, {"a": 0.7, "b": 0.5})


def test_moments_before_and_after() -> None:
    amount, weight = np.arange(1.0, 101.0), np.full(100, 0.01)
    table = before_and_after(amount, weight, reduce_paths(amount[:, None], weight, 100))
    assert table["mean"].tolist() == pytest.approx([50.5, 50.5])
    assert table["worst"].tolist() == pytest.approx([3.0, 3.0])  # mean of 1 to 5
    assert table["deviation"].tolist() == pytest.approx([np.sqrt(9999 / 12)] * 2)


@pytest.mark.parametrize("keep", [0, 13])
def test_too_few_or_too_many_to_keep(keep: int) -> None:
    points, weight = cloud()
    with pytest.raises(ValueError, match="too few or too many"):
        reduce_paths(points, weight, keep)
