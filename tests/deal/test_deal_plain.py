"""The engine against a waterfall written by hand in plain Python, month by month."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from scfcap.deal.assets import GivenAssets
from scfcap.deal.outcome import DealRun
from scfcap.quantities import FloatArray

from .dealing import pool_of, run, spec_of
from .plain_deal import KEYS, TERMS, WATERFALL, Plain

PERIODS, SCENARIOS, POOL = 48, 60, 1000.0


def flows(seed: int) -> tuple[GivenAssets, FloatArray]:
    """Pools that pay down at several paces, losses and income in waves, paths of an index."""
    random = np.random.default_rng(seed)
    held = np.full(SCENARIOS, POOL)
    rows: list[tuple[FloatArray, ...]] = []
    pace, margin = random.uniform(0.01, 0.10, SCENARIOS), random.uniform(0.003, 0.012, SCENARIOS)
    for t in range(PERIODS):
        if t % 8 == 0:
            wave = random.uniform(0.0, 0.035, SCENARIOS) * random.integers(0, 2, SCENARIOS)
            earns = margin * np.where(random.uniform(size=SCENARIOS) < 0.15, 0.1, 1.0)
        default = held * wave * random.uniform(0.5, 1.5, SCENARIOS)
        principal = (held - default) * pace * random.uniform(0.5, 1.5, SCENARIOS)
        interest = held * earns
        rows.append((principal, interest, default, default * random.uniform(0.0, 0.6, SCENARIOS)))
        held = held - principal - default
    principal, interest, default, recovery = np.array(rows).transpose(1, 2, 0)
    steps = random.normal(0.0, 0.006, (SCENARIOS, PERIODS + 1))
    index = np.abs(0.03 + np.cumsum(steps, axis=1))
    return pool_of(np.full(SCENARIOS, POOL), principal, interest, default, recovery), index


def by_engine(result: DealRun) -> dict[str, FloatArray]:
    got = {name: result.of("balance", name) for name in "ABC"}
    got |= {f"int {name}": result.of("interest_paid", name) for name in "ABC"}
    got |= {f"owed {name}": result.of("owed", name) for name in "ABC"}
    got |= {f"off {name}": result.of("written_off", name) for name in "ABC"}
    got |= {
        "up": result.of("written_up").sum(axis=1),
        "servicer": result.fee_paid[:, 0].T,
        "trustee": result.fee_paid[:, 1].T,
        "drawn": result.drawn[:, 0].T,
        "hedge in": result.of("hedge_received"),
        "hedge out": result.of("hedge_paid"),
        "residual": result.of("residual", "E"),
        "phase": result.phase.T,
    }
    return got | {name: result.cash[:, a].T for a, name in enumerate(result.deal.accounts)}


def by_hand(result: DealRun, assets: GivenAssets, index: FloatArray) -> dict[str, FloatArray]:
    found = {key: np.zeros((SCENARIOS, PERIODS)) for key in KEYS}
    ends = result.deal.calendar.grid.ends
    parts = (assets.interest, assets.principal, assets.default, assets.recovery, assets.pool)
    for k in range(SCENARIOS):
        plain = Plain(POOL, result.deal.spec.closing)
        for t, end in enumerate(ends):
            given = (0.0,) * 5 if plain.called else tuple(float(part[k, t]) for part in parts)
            for key, value in plain.month(end, float(index[k, t]), given).items():
                found[key][k, t] = value
    return found


@pytest.fixture(scope="module", params=[1, 2])
def both(
    request: pytest.FixtureRequest,
) -> tuple[DealRun, dict[str, FloatArray], dict[str, FloatArray]]:
    assets, index = flows(request.param)
    spec = spec_of(tomllib.loads(TERMS) | {"waterfall": WATERFALL})
    result = run(spec, assets, PERIODS, indices={"i": index})
    return result, by_engine(result), by_hand(result, assets, index)


@pytest.mark.parametrize("key", KEYS)
def test_each_month_is_the_same_by_hand(
    both: tuple[DealRun, dict[str, FloatArray], dict[str, FloatArray]], key: str
) -> None:
    _, got, expected = both
    np.testing.assert_allclose(got[key], expected[key], rtol=1e-9, atol=1e-7)


def test_the_scenarios_go_through_everything(
    both: tuple[DealRun, dict[str, FloatArray], dict[str, FloatArray]],
) -> None:
    """Otherwise the comparison would show little."""
    result, got, _ = both
    shares = {
        **{f"phase {n}": (result.phase == n).any(axis=0).mean() for n in range(3)},
        "cured": (np.diff(result.tripped[:, 0].astype(int), axis=0) < 0).any(axis=0).mean(),
        "called": (result.called > 0).mean(),
        **{key: (got[key] > 1e-6).any(axis=1).mean()
           for key in ("off C", "off B", "up", "drawn", "hedge in", "hedge out", "residual")},
    }  # fmt: skip
    assert set(got) == set(KEYS)
    assert min(shares.values()) > 0.05, shares
    assert shares["phase 2"] < 0.95
    assert shares["off C"] < 0.95
