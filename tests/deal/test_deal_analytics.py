"""Bond analytics of a model's deals: from the files to the tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scfcap
from scfcap.api.model import Model
from scfcap.deal.analytics import at_price
from scfcap.deal.holders import Holdings
from scfcap.errors import InputError
from scfcap.report.classes import analytics_tables

#: A floating class over a curve's forwards, a fixed one and equity; short and monthly.
DEAL = """
[curves.cny]
as_of = 2013-12-30
valid_days = 7
source = "a test"
compounding = "annual"
tenors = [0.25, 1.0, 5.0]
rates = [0.040, 0.043, 0.046]

[indices.shibor]
curve = "cny"
months = 1

[deals.float]
closing = 2013-12-31
legal_end = 2015-06-30
[deals.float.assets]
eligibility = "series"
size = 100e6
[deals.float.tranches.A]
kind = "floating"
index = "shibor"
margin = 0.012
share = 0.7
[deals.float.tranches.B]
share = 0.2
coupon = 0.08
issue_price = 0.99
[deals.float.tranches.R]
kind = "equity"
share = 0.1
retained = 1.0
[[deals.float.waterfall.amortising]]
pay = "interest"
to = ["A", "B"]
split = "in order"
[[deals.float.waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
[[deals.float.waterfall.amortising]]
pay = "residual"
to = "R"
when = "notes <= 0"
[deals.float.analytics]
curve = "cny"
prices = { A = 100.0 }
speeds = [0.5, 1.0]
[deals.float.capital]
pool_weight = 0.75
delinquent = 0.02
ratings = { A = "AAA" }
"""


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    folder: Path = tmp_path_factory.mktemp("model")
    (folder / "model.toml").write_text(f'base = "alibaba-2013"\n{DEAL}', encoding="utf-8")

    def made(**overrides: Any) -> Model:
        changes = {key.replace("__", "."): value for key, value in overrides.items()}
        return scfcap.load(folder, overrides={"tape.platform.loans": 500, **changes})

    return made


def test_figures_of_a_floating_and_a_fixed_class(load: Callable[..., Model]) -> None:
    """At par on the first day a floater earns its margin, and lasts one coupon; by forwards."""
    figures = load().deal_analytics("float", ["base"])
    frame = figures.frame().set_index("tranche")
    assert frame.loc["A", "discount_margin"] == pytest.approx(0.012, abs=1e-10)
    assert np.isnan(frame.loc["B", "discount_margin"])
    # Only the coupon that is set stands: one month (30/360), discounted over that month.
    index = 1.04**0.25
    first = (index ** (31 / 365 / 0.25) - 1) / (31 / 365)
    duration = (1 / 12) / (1 + (first + 0.012) / 12)
    assert frame.loc["A", "effective_duration"] == pytest.approx(duration, rel=2e-4)
    # Flows of the fixed class do not answer to rates. Continuous rates move, and rates with two
    # compoundings by 1 + z / 2 of that; times by act/365, the yield's by 30/360.
    priced = figures.priced
    assert frame.loc["B", "clean_price"] == 99.0
    growth = (1 + 0.04 / 2) / (1 + frame.loc["B", "yield"] / 2)
    assert frame.loc["B", "effective_duration"] == pytest.approx(
        frame.loc["B", "macaulay_duration"] * growth, rel=0.01
    )
    # A year has 365 days for the one and 360 for the other, some 1.4% of what is earned.
    spreads = frame.loc["B", ["z_spread", "i_spread"]]
    assert spreads["z_spread"] == pytest.approx(spreads["i_spread"], rel=0.02)
    assert priced.measures.rate[0, 1] > 0.08
    assert frame.loc["A", "expected_final"] == frame.loc["A", "last_principal"]
    assert str(frame.loc["A", "legal_final"].date()) == "2015-06-30"
    assert (frame["note"] == "").all()


def test_coupons_of_the_deal_are_the_forwards_of_the_curve(load: Callable[..., Model]) -> None:
    """The first coupon by hand: 4% a year over 31 days, simple, and the margin."""
    run = load().deal("float", ["base"])
    level = (1.04 ** (31 / 365) - 1) / (31 / 365)
    due = run.of("interest_due", "A")[0, 0]
    assert due == pytest.approx(run.original[0, 0] * (level + 0.012) * 30 / 360, rel=1e-12)


def test_tables_have_units_and_all_classes(load: Callable[..., Model]) -> None:
    figures = load().deal_analytics("float")
    tables = analytics_tables(figures, "CNY")
    assert list(tables) == [
        "tranche_analytics", "decrement", "decrement_printed", "excess_spread",
        "excess_spread_mean", "risk_weights", "originator_capital",
    ]  # fmt: skip
    for name, table in tables.items():
        assert table.name == name
        assert len(table.frame)
        assert set(table.units) <= set(table.frame.columns), name
    rows = tables["tranche_analytics"].frame
    assert len(rows) == 3 * len(figures.run.scenarios)
    heads = list(tables["decrement_printed"].frame.columns)
    assert heads == ["tranche", "Date", "50%", "100%"]
    lives = tables["decrement"].frame
    lives = lives[lives["figure"] == "average_life"].set_index("tranche")
    assert lives.loc["A", "50%"] > lives.loc["A", "100%"]
    weights = tables["risk_weights"].frame
    assert set(weights["approach"]) == {"SEC-ERBA", "SEC-SA"}
    assert "capital" not in load().spec.deals["new-series"].model_fields_set


def test_the_table_at_the_scenarios_own_speed_is_its_own_run_off(
    load: Callable[..., Model],
) -> None:
    """With the scenario's own defaults, at its own speed, the class runs off as in the run."""
    model = load(deals__float__analytics__speed_defaults=1.0)
    figures = model.deal_analytics("float", ["base"])
    table = figures.decrements[0]
    own = 100.0 * figures.run.of("balance", "A")[0] / figures.run.original[0, 0]
    kept = len(table.percent) - 1
    np.testing.assert_allclose(table.percent[1:, 1], own[:kept], atol=1e-9)
    assert table.average_life[1] == pytest.approx(figures.holdings.average_life[0, 0])
    model = load(
        deals__float__analytics__speed_defaults=1.0, deals__float__analytics__day_count="act/360"
    )
    other = model.deal_analytics("float", ["base"])
    assert other.decrements[0].average_life[1] == pytest.approx(
        other.holdings.average_life[0, 0], rel=1e-12
    )
    assert other.holdings.average_life[0, 0] > 1.001 * table.average_life[1]


def test_price_and_yield_one_by_one(load: Callable[..., Model]) -> None:
    figures = load().deal_analytics("float", prices={"B": 97.0}, settlement=date(2014, 1, 3))
    rate = figures.yield_at("B", 97.0)
    assert rate == pytest.approx(figures.priced.measures.rate[0, 1])
    assert figures.price_at("B", rate) == pytest.approx(97.0)
    assert figures.holdings.accrued[0, 1] > 0.0
    with pytest.raises(InputError, match='"Z"; expected one of A, B, R'):
        figures.yield_at("Z", 97.0)
    with pytest.raises(InputError, match='"calm"; expected one of base'):
        figures.price_at("B", 0.1, "calm")


def test_what_is_asked_for_must_be_there(load: Callable[..., Model]) -> None:
    model = load()
    with pytest.raises(InputError, match='--price: found "Z"; expected one of the classes A, B, R'):
        model.deal_analytics("float", prices={"Z": 100.0})
    with pytest.raises(InputError, match="above 0 up to 1,000"):
        model.deal_analytics("float", prices={"A": -1.0})
    with pytest.raises(InputError, match=r'analytics\.curve: found "usd"; expected one of'):
        model.deal_analytics("float", curve="usd")
    with pytest.raises(InputError, match="which expired on 2014-01-06"):
        model.deal_analytics("float", settlement=date(2014, 1, 7))
    with pytest.raises(InputError, match='--scenario: found "calm"'):
        model.deal_analytics("float", ["calm"])
    with pytest.raises(InputError, match="expired on 2013-12-30"):
        load(curves__cny__valid_days=0)


def test_a_shipped_deal_without_a_curve_has_yields_and_no_spreads() -> None:
    figures = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 500}).deal_analytics()
    frame = figures.frame()
    assert frame["yield"].notna().all()
    assert frame[["z_spread", "i_spread", "discount_margin"]].isna().all(axis=None)
    # Nothing answers to rates: effective is modified duration but for the shift squared.
    np.testing.assert_allclose(frame["effective_duration"], frame["modified_duration"], rtol=1e-4)
    assert figures.weights is None
    assert "risk_weights" not in analytics_tables(figures, "CNY")
    at_par = at_price(Holdings.of(figures.run), 100.0, per_year=2).measures.rate
    np.testing.assert_array_equal(at_par, figures.priced.measures.rate)
