"""Spread over paths: the statistics by hand, and Vasicek's distribution of a large pool."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from scfcap.cashflow import distribution as module
from scfcap.cashflow.distribution import distribution, expected_shortfall, spread
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.paths import Draw
from scfcap.cashflow.project import opening_loans
from scfcap.errors import InputError
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.factors import FactorSpec, OutageRisk

CREDIT = SegmentCredit(cdr=0.2, cpr=0.3, severity=0.5, recovery_lag=1)
CALM = FactorSpec(correlation=0.0, prepay_loading=0.0, outage=OutageRisk(per_year=0.0))


@pytest.fixture
def pool(make_pool):
    return make_pool(
        ("a", "b"),
        balance=[1000.0, 500.0, 700.0, 300.0],
        segment=[0, 0, 1, 1],
        loan_type=[0, 3, 1, 4],
        maturity_day=[360, 200, 400, 100],
    )


def test_the_mean_of_the_worst_by_hand():
    values = np.arange(1.0, 11.0)[:, None]
    # a quarter of ten rows: two and a half
    low = expected_shortfall(values, 0.25, low_is_bad=True)
    assert low == pytest.approx([(1 + 2 + 0.5 * 3) / 2.5])
    high = expected_shortfall(values, 0.25, low_is_bad=False)
    assert high == pytest.approx([(10 + 9 + 0.5 * 8) / 2.5])
    assert expected_shortfall(values, 1.0, low_is_bad=True) == pytest.approx([5.5])


def test_figures_by_hand():
    values = np.arange(0.0, 101.0)[:, None]
    found = spread(values, low_is_bad=True)
    assert {name: found[name][0] for name in ("mean", "p1", "p5", "p50", "p99", "worst")} == {
        "mean": 50.0, "p1": 1.0, "p5": 5.0, "p50": 50.0, "p99": 99.0, "worst": 0.0,
    }  # fmt: skip
    assert found["deviation"][0] == pytest.approx(math.sqrt(101 * 102 / 12))
    # 5.05 rows: 0 to 4, and a twentieth of 5
    assert found["shortfall"][0] == pytest.approx((0 + 1 + 2 + 3 + 4 + 0.05 * 5) / 5.05)


@given(
    arrays(np.float64, st.integers(2, 40).map(lambda n: (n, 2)), elements=st.floats(-1e6, 1e6)),
    st.booleans(),
)
def test_the_worst_are_between_the_very_worst_and_the_mean(values, low_is_bad):
    found = spread(values, low_is_bad=low_is_bad)
    sign = 1.0 if low_is_bad else -1.0
    for worse, better in (("worst", "shortfall"), ("shortfall", "mean")):
        assert (sign * (found[better] - found[worse]) >= -1e-9 * 1e6).all()


def test_without_any_risk_every_path_is_the_base(pool, make_curves):
    curves = make_curves(a=CREDIT, b=CREDIT)
    base = run_kernel(opening_loans(pool, curves, pool.segment), curves, 2)
    found = distribution(pool, curves, Draw(CALM, 3), 5)
    cash = (base.interest + base.scheduled + base.prepaid + base.recovery)[0]
    assert found.flow["collections"] == pytest.approx(np.tile(cash.sum(axis=0), (5, 1)))
    assert found.total["loss"] == pytest.approx(np.tile(base.loss[0].sum(axis=1), (5, 1)))
    totals = found.totals().set_index(["measure", "segment"])
    assert totals.loc[("collections", "all"), "p1"] == pytest.approx(cash.sum())
    assert totals.loc[("loss", "b"), "shortfall"] == pytest.approx(base.loss[0, 1].sum())
    assert totals.loc[("loss", "b"), "error"] == pytest.approx(0.0, abs=1e-9)


def test_it_does_not_matter_how_many_paths_go_together(pool, make_curves, monkeypatch):
    curves = make_curves(a=CREDIT, b=CREDIT)
    heard: list[int] = []
    whole = distribution(pool, curves, Draw(FactorSpec(), 3), 50, heard.append)
    assert heard == [50]
    monkeypatch.setattr(module, "_CELLS", 2 * 24 * 7)  # seven paths at a time
    parts = distribution(pool, curves, Draw(FactorSpec(), 3), 50, heard.append)
    assert heard[1:] == [7, 14, 21, 28, 35, 42, 49, 50]
    for name, values in whole.flow.items():
        assert np.array_equal(values, parts.flow[name]), name
    assert np.array_equal(whole.closing, parts.closing)
    more = distribution(pool, curves, Draw(FactorSpec(), 3), 60)
    assert np.array_equal(whole.flow["loss"], more.flow["loss"][:50])
    other = distribution(pool, curves, Draw(FactorSpec(), 4), 50)
    assert not np.array_equal(whole.flow["loss"], other.flow["loss"])


def test_the_tables_hang_together(pool, make_curves):
    curves = make_curves(a=CREDIT, b=CREDIT)
    found = distribution(pool, curves, Draw(FactorSpec(), 3), 40)
    tables = found.tables()
    periods = tables["distribution_periods"].set_index(["measure", "basis"])
    totals = tables["distribution_totals"].set_index(["measure", "segment"])
    paths = tables["distribution_paths"]
    last = periods.loc[("collections", "cumulative")].iloc[-1]
    whole = totals.loc[("collections", "all")]
    for name in ("mean", "deviation", "worst", "p5", "p50", "shortfall"):
        assert last[name] == pytest.approx(whole[name]), name
    assert paths["collections"].mean() == pytest.approx(whole["mean"])
    assert whole["error"] == pytest.approx(whole["deviation"] / math.sqrt(40))
    assert totals.loc[("loss", "a"), "worst"] == found.total["loss"][:, 0].max()
    assert totals.loc[("interest", "a"), "worst"] == found.total["interest"][:, 0].min()
    close = periods.loc[("closing", "close")]
    assert (close["p1"] <= close["p99"]).all()
    assert list(close["period"]) == list(range(1, 25))


def test_a_large_pool_follows_vasicek(make_pool, make_curves):
    """O. Vasicek, "The distribution of loan portfolio value", Risk, December 2002: the share of
    a large pool that defaults is below x with probability
    N((sqrt(1 - rho) N^-1(x) - N^-1(p)) / sqrt(rho)). A year's rate is drawn; a month takes its
    twelfth root.
    """
    rate, rho, count = 0.08, 0.15, 20_000
    one = make_pool(balance=[1.0], loan_type=[2], maturity_day=[720])
    curves = make_curves(1, a=SegmentCredit(cdr=rate, severity=1.0))
    spec = CALM.model_copy(update={"correlation": rho})
    found = distribution(one, curves, Draw(spec, 1), count).total["loss"][:, 0]
    for q in (0.05, 0.5, 0.95):
        year = norm.cdf((norm.ppf(rate) + math.sqrt(rho) * norm.ppf(q)) / math.sqrt(1 - rho))
        exact = 1.0 - (1.0 - year) ** (1 / 12)
        # three standard errors of a quantile, by the spacing of the exact ones
        width = 3.0 * math.sqrt(q * (1 - q) / count)
        below, above = np.quantile(found, [q - width, q + width])
        assert below <= exact <= above, q


@pytest.mark.parametrize("count", [0, 1, 10**9])
def test_a_number_of_paths_that_is_none_is_refused(pool, make_curves, count):
    with pytest.raises(InputError, match="from 2 to 1,000,000"):
        distribution(pool, make_curves(a=CREDIT, b=CREDIT), Draw(FactorSpec(), 0), count)
