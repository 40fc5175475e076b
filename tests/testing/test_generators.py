"""The generators of :mod:`scfcap.testing`: the same for the same seed, valid, and Hypothesis's."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from scfcap.deal.check import Known, check_deal
from scfcap.periods import PeriodGrid
from scfcap.testing import (
    Seeded,
    any_deal,
    any_plan,
    any_pool,
    any_scenarios,
    deal_spec,
    deal_terms,
    strategy,
)
from scfcap.testing.deals import any_grid

KNOWN = Known(("i",), (), ())


def test_the_same_seed_gives_the_same_case_and_another_number_another():
    one, again, other = (any_deal(Seeded(7, k))[0] for k in (3, 3, 4))
    assert one == again
    assert one != other
    plans = [any_plan(Seeded(7, k)).changes for k in (3, 3, 4)]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]


def test_the_checker_refuses_few_of_the_deals_that_are_thrown():
    refused = Counter[bool]()
    for k in range(120):
        dice = Seeded(8, k)
        spec = deal_spec(deal_terms(dice, any_grid(dice)))
        refused[bool(check_deal("random", spec, KNOWN).errors)] += 1
    assert refused[True] < 12


@settings(
    max_examples=5,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(strategy(any_deal))
def test_hypothesis_draws_them_too(drawn):
    spec, grid = drawn
    assert check_deal("drawn", spec, KNOWN).errors == ()
    assert isinstance(grid, PeriodGrid)


def test_pools_are_of_no_loan_one_loan_and_many():
    day = any_grid(Seeded(1)).as_of
    pools = [any_pool(Seeded(2, k), day) for k in range(80)]
    sizes = {len(pool) for pool in pools}
    assert {0, 1} < sizes
    assert max(sizes) > 40
    for pool in pools:
        assert pool.total == pytest.approx(1000.0 if len(pool) else 0.0)
        assert (pool.maturity_day >= pool.origination_day).all()
    assert any((pool.maturity_day <= 0).any() for pool in pools)
    assert any(pool.payers is not None for pool in pools)
    kinds = np.concatenate([pool.loan_type for pool in pools])
    assert set(kinds.tolist()) == set(range(7))


def test_scenarios_have_every_shock_that_there_is_something_for():
    funding = ("bank_line_cut", "p2p_run_off", "market_shut", "rate_shock")
    worlds = any_scenarios(Seeded(3), 120, 8, cores=("core-1",), funding=funding)
    seen = {shock.kind for world in worlds.values() for shock in world.shocks}
    assert seen == {"borrower_stress", "outage", "originator_failure", "core_failure", *funding}
    assert next(iter(worlds)) == "base"
