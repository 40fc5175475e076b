"""Contagion: figures worked by hand and by enumeration of all outcomes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scfcap.credit.contagion import (
    Network,
    davis_lo_distribution,
    davis_lo_mean,
    expected_failures,
    sampled_failures,
)
from tests.witnesses import credit
from tests.witnesses.book import holds


def test_the_star_and_fifty_firms_of_davis_and_lo() -> None:
    holds(credit.contagion())


@pytest.mark.parametrize("infection", [0.0, 0.05, 1.0])
def test_the_distribution_has_the_mean(infection: float) -> None:
    chance = davis_lo_distribution(50, 0.01, infection)
    assert chance.sum() == pytest.approx(1.0, rel=1e-12)
    mean = chance @ np.arange(51)
    assert mean == pytest.approx(davis_lo_mean(50, 0.01, infection), rel=1e-10)


def test_the_distribution_by_enumeration() -> None:
    # Three firms: each default or not, each of six links infects or not.
    p, q, n = 0.2, 0.3, 3
    links = [(i, j) for i in range(n) for j in range(n) if i != j]
    expected = np.zeros(n + 1)
    for own in itertools.product((0, 1), repeat=n):
        for open_links in itertools.product((0, 1), repeat=len(links)):
            chance = np.prod([p if x else 1 - p for x in own])
            chance *= np.prod([q if x else 1 - q for x in open_links])
            hit = list(own)
            for (i, j), is_open in zip(links, open_links, strict=True):
                if own[i] and is_open:
                    hit[j] = 1
            expected[sum(hit)] += chance
    np.testing.assert_allclose(davis_lo_distribution(n, p, q), expected, atol=1e-14)


def test_links_are_shares_of_suppliers_in_common() -> None:
    supplies = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=np.bool_)
    linked = Network.of(("a", "b", "c"), supplies).linked
    # b has three suppliers, one of which supplies a; a has two, one of which supplies b.
    np.testing.assert_allclose(linked, [[0, 1 / 3, 0], [1 / 2, 0, 0], [0, 0, 0]])


def test_all_linked_alike_is_davis_and_lo() -> None:
    full = Network(tuple("abcd"), np.ones((4, 4)) - np.eye(4))
    chance = expected_failures(full, np.full(4, 0.1), 0.2)
    assert chance.sum() == pytest.approx(davis_lo_mean(4, 0.1, 0.2), rel=1e-12)


def test_samples_tend_to_the_expectation() -> None:
    random = np.random.default_rng(7)
    network = Network(tuple("abc"), np.array([[0, 0.5, 1.0], [0.2, 0, 0], [0, 0, 0]]))
    own = np.array([0.2, 0.1, 0.05])
    sample = sampled_failures(network, own, 0.6, random.random((40_000, 3, 4)))
    expected = expected_failures(network, own, 0.6)
    error = np.sqrt(expected * (1 - expected) / 40_000)
    assert (np.abs(sample.mean(axis=0) - expected) < 4 * error).all()
