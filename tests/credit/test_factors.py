"""Monte Carlo paths: the generator's known answers, independence of how work is split, means."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import numpy as np
import pytest
from scipy.stats import kstest

from scfcap.credit.contagion import Network
from scfcap.credit.exposure import Exposures
from scfcap.credit.factors import Paths, simulate
from scfcap.credit.philox import normal, philox, uniform
from scfcap.credit.stress import Stress
from scfcap.credit.vasicek import quantile, standard_deviation
from scfcap.periods import PeriodGrid
from scfcap.schema.factors import FactorSpec

GRID = PeriodGrid.build(date(2013, 12, 31), 12)
SEGMENTS = ("a", "b", "c")
STATED = -np.log1p(-np.array([0.01, 0.05, 0.0]))
CORES = 6
ONES = (0xFFFFFFFF,) * 4


def exposures() -> Exposures:
    random = np.random.default_rng(3)
    names = tuple(f"CE{n}" for n in range(CORES))
    linked = random.random((CORES, CORES)) * (1 - np.eye(CORES))
    orders, suppliers = random.random((2, 3, CORES)) / 5
    return Exposures(SEGMENTS, names, orders, suppliers, Network(names, linked))


def draw(
    paths: object, spec: FactorSpec | None = None, *, seed: int = 5, periods: int = 12
) -> Paths:
    spec = spec or FactorSpec.model_validate({"outage": {"per_year": 6.0}})
    grid = GRID.extended(periods)
    return simulate(
        spec, SEGMENTS, STATED, grid, seed=seed, paths=paths,
        lenders=("x", "y"), exposures=exposures(),
    )  # fmt: skip


def arrays(paths: Paths) -> dict[str, np.ndarray]:
    kept = [f.name for f in fields(Stress) if f.name not in ("scenarios", "lenders")]
    found = {name: getattr(paths.stress, name) for name in kept}
    return {**found, "factor": paths.factor, "failed": paths.failed}


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [  # kat_vectors of Random123: philox4x32 10
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (ONES, ONES[:2], (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(counter, key, answer) -> None:
    assert tuple(int(word) for word in philox(counter, key)) == answer


def test_draws_are_uniform_and_normal() -> None:
    flat = np.array([uniform(1, n, 2, n % 7) for n in range(5_000)])
    bell = np.array([normal(1, n, 3, n % 7) for n in range(5_000)])
    assert kstest(flat, "uniform").pvalue > 0.01
    assert kstest(bell, "norm").pvalue > 0.01
    assert abs(np.corrcoef(flat, bell)[0, 1]) < 0.05


@pytest.mark.parametrize(
    "parts",
    [[range(64)], [range(40), range(40, 64)], [[n] for n in range(64)], [range(63, -1, -1)]],
)
def test_any_split_gives_the_same_bytes(parts) -> None:
    whole = arrays(draw(64))
    for part in parts:
        for name, values in arrays(draw(list(part))).items():
            assert values.tobytes() == whole[name][list(part)].tobytes(), name


def test_more_paths_or_periods_leave_a_path_as_it_is() -> None:
    few, many, longer = arrays(draw(8)), arrays(draw(200)), arrays(draw(8, periods=30))
    for name, values in few.items():
        assert values.tobytes() == many[name][:8].tobytes(), name
        if name not in ("failed", "held"):
            np.testing.assert_array_equal(values, longer[name][..., :12], err_msg=name)


def test_another_seed_gives_other_paths() -> None:
    assert (draw(8).factor != draw(8, seed=6).factor).all()


def test_the_default_rate_is_that_of_the_large_pool() -> None:
    # One draw for all periods and no enterprises: the year's rate is Vasicek's.
    spec = FactorSpec(persistence=1.0, correlation=0.12)
    paths = simulate(spec, SEGMENTS, STATED, GRID, seed=1, paths=20_000)
    multiple = paths.stress.default_multiple[:, 1]
    assert (multiple == multiple[:, :1]).all()
    rate = -np.expm1(-multiple[:, 0] * STATED[1])
    assert rate.mean() == pytest.approx(0.05, abs=4 * rate.std() / np.sqrt(20_000))
    assert rate.std() == pytest.approx(standard_deviation(0.05, 0.12), rel=0.03)
    assert np.quantile(rate, 0.99) == pytest.approx(quantile(0.05, 0.12, 0.99), rel=0.05)
    assert (paths.stress.default_multiple[:, 2] == 1.0).all()  # a rate of nothing stays so


def test_the_factor_persists() -> None:
    factor = draw(20_000, FactorSpec(persistence=0.7)).factor
    assert factor.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(factor[:, 4], factor[:, 6])[0, 1] == pytest.approx(0.49, abs=0.03)


def test_enterprises_fail_at_their_rate_and_infect_the_linked() -> None:
    alone = {"core": {"probability": 0.1, "contagion": 0.0, "correlation": 0.0}}
    paths = draw(20_000, FactorSpec.model_validate(alone))
    share = (paths.failed > 0).mean(axis=0)
    assert share == pytest.approx(np.full(CORES, 0.1), abs=0.01)
    both = {"core": {"probability": 0.1, "contagion": 0.8, "correlation": 0.0}}
    worse = draw(20_000, FactorSpec.model_validate(both))
    assert ((worse.failed > 0) >= (paths.failed > 0)).all()
    assert (worse.failed > 0).mean() > 1.5 * share.mean()


def test_a_failure_does_to_a_segment_what_its_share_says() -> None:
    spec = FactorSpec.model_validate(
        {"correlation": 0.0, "core": {"contagion": 0.0, "infection": 0.25, "unpaid": 0.5}}
    )
    paths, e = draw(3_000, spec), exposures()
    n = int(np.flatnonzero((paths.failed > 0).sum(axis=1) == 1)[0])
    c = int(np.argmax(paths.failed[n]))
    t = int(paths.failed[n, c]) - 1
    stress = paths.stress
    np.testing.assert_allclose(stress.infected[n, :, t], 0.25 * e.suppliers[:, c])
    np.testing.assert_allclose(stress.unpaid[n, :, t], 0.5 * e.orders[:, c])
    np.testing.assert_allclose(stress.demand[n, :, t:], (1 - e.orders[:, [c]]) * np.ones(12 - t))
    multiple = stress.default_multiple[n, 1] * np.ones(12)
    grown = 1 + 2.0 * e.suppliers[1, c]
    np.testing.assert_allclose(multiple, np.where(np.arange(12) < t, 1.0, grown), rtol=1e-9)


def test_lines_are_cut_more_often_when_enterprises_fail() -> None:
    spec = {
        "core": {"probability": 0.2},
        "lines": {"probability": 0.02, "with_core": 0.5, "notice": 2},
    }
    paths = draw(5_000, FactorSpec.model_validate(spec))
    cut = (paths.stress.line[:, 0] < 1.0).any(axis=1)
    failed = (paths.failed > 0).any(axis=1)
    assert cut[failed].mean() > 3 * cut[~failed].mean()
    assert (paths.stress.line[:, :, :2] == 1.0).all()  # two periods of notice
    assert set(np.unique(paths.stress.line)) == {0.5, 1.0}


def test_without_exposures_no_enterprise_fails() -> None:
    paths = simulate(FactorSpec(), SEGMENTS, STATED, GRID, seed=1, paths=50)
    assert paths.failed.shape == (50, 0)
    assert (paths.stress.infected == 0.0).all()


@pytest.mark.parametrize(("paths", "seed"), [(0, 1), ([-1], 1), (5, -1)])
def test_a_wrong_number_is_refused(paths, seed) -> None:
    with pytest.raises(ValueError, match="from 0 on"):
        simulate(FactorSpec(), SEGMENTS, STATED, GRID, seed=seed, paths=paths)
