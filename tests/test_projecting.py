"""The periods of a projection: its own, beside those of the plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy_financial as npf
import pytest

from scfcap.api import LONGEST_TAIL, Model, load
from scfcap.api.compare import compare
from scfcap.errors import InputError
from scfcap.report.drawn import said

MODEL = """\
name = "long"
title = "Long loans"
currency = "CNY"
as_of = 2020-12-31
regime = "none"

[tape]
source = "file"
path = "tape.csv"

[credit.segments.home]
cdr = 0.0
severity = 0.4
recovery_lag = 3

[scenarios.base]
[scenarios.spring]
shocks = [{ kind = "borrower_stress", default_multiple = 5.0, from_period = 4, to_period = 6 }]

[plan]
periods = 24
frequency = "month"

[opening]
cash = 5000.0

[demand.home]
per_period = 1000.0
new_loans = "tape"

[[lenders]]
name = "bank-a"
limit = 50000.0
tenors = [{ periods = 3, rate = 0.06 }]
"""
HEAD = (
    "loan_id,segment,loan_type,origination_date,maturity_date,original_balance,current_balance,rate"
)
THIRTY = "a,home,level_payment,2020-12-31,2050-12-31,100000,100000,0.05"
ONE = "a,home,bullet,2020-12-31,2021-12-31,100000,100000,0.05"
CDR = ("cdr = 0.0\n", "cdr = 0.1\n")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Model]:
    def write(row: str, *changes: tuple[str, str], name: str = "m", **overrides: object) -> Model:
        text = MODEL
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "model.toml").write_text(text, encoding="utf-8")
        (folder / "tape.csv").write_text(f"{HEAD}\n{row}\n", encoding="utf-8")
        return load(folder, overrides={k.replace("__", "."): v for k, v in overrides.items()})

    return write


def test_a_loan_of_thirty_years_is_projected_to_its_end(make: Callable[..., Model]) -> None:
    model = make(THIRTY)
    assert len(model.grid) == 24 + LONGEST_TAIL  # the plan's periods stay
    assert len(model.factors().grid) == len(model.grid)
    flows, months = model.cashflow().flows, np.arange(1, 361)
    assert flows.closing[0, 0, -1] < 1e-6
    principal = -npf.ppmt(0.05 / 12, months, 360, 100_000.0)
    np.testing.assert_allclose(flows.scheduled[0, 0, :360], principal, rtol=1e-9)
    totals = model.projection().tables["cash_flow_totals"].frame
    life = float((principal * months).sum() / 100_000.0 / 12.0)
    assert totals["average_life"].to_numpy() == pytest.approx(life)
    yields = model.projection().tables["yields"].frame
    assert yields["average_life"].to_numpy() == pytest.approx(life)
    assert yields["mortgage_yield"].to_numpy() == pytest.approx(0.05)


def test_the_last_recovery_is_waited_for(make: Callable[..., Model]) -> None:
    flows = make(THIRTY, CDR).cashflow().flows
    assert flows.default[0, 0, 355:360].min() > 0.0
    assert flows.receivable[0, 0, -1] == pytest.approx(0.0, abs=1e-9)


def test_days_tell_what_months_tell(make: Callable[..., Model]) -> None:
    """A bullet loan alone: the balance falls by (1 - cdr) a year, whatever the periods."""
    months = make(ONE, CDR).cashflow()
    days = make(ONE, CDR, projection__frequency="day").cashflow()
    assert (months.grid.frequency, days.grid.frequency) == ("month", "day")
    # Recoveries three months after default, 91 days, of what defaults in the first period on.
    assert np.flatnonzero(months.flows.recovery[0, 0])[0] == 3
    assert np.flatnonzero(days.flows.recovery[0, 0])[0] == 91
    for flows in (months.flows, days.flows):
        assert flows.default[0].sum() == pytest.approx(100_000 * 0.1, rel=1e-9)
        assert flows.recovery[0].sum() == pytest.approx(100_000 * 0.1 * 0.6, rel=1e-9)


def test_shocks_keep_the_periods_of_the_plan(make: Callable[..., Model]) -> None:
    """From 1 April to 30 June, 91 days: the shock of months 4 to 6."""
    days = make(ONE, CDR, projection__frequency="day").projection_curves()
    ratio = days.default_intensity[1, 0] / days.default_intensity[0, 0]
    hit = np.flatnonzero(ratio > 1.0)
    assert ratio[hit] == pytest.approx(5.0)
    ends = [days.grid.ends[place].isoformat() for place in (hit[0], hit[-1])]
    assert (ends, len(hit)) == (["2021-04-01", "2021-06-30"], 91)


def test_a_list_of_rates_is_by_period_of_the_plan(make: Callable[..., Model]) -> None:
    rates = ("cdr = 0.0", f"cdr = {[k / 100 for k in range(1, 17)]}")
    days = make(ONE, rates, projection__frequency="day").projection_curves()
    stated = 1.0 - np.exp(-days.default_base[0])
    assert stated[:31] == pytest.approx(0.01)
    assert stated[31 : 31 + 28] == pytest.approx(0.02)
    assert stated[364] == pytest.approx(0.12)
    with pytest.raises(InputError) as caught:
        make(THIRTY, rates, projection__frequency="week").projection_curves()
    (problem,) = caught.value.problems
    assert "segments.home.cdr" in problem.where
    assert problem.found == "16 periods"
    assert "each of 364 periods (months)" in problem.expected
    short = make(THIRTY, rates, projection__periods=16)
    assert short.projection_curves().grid == short.grid.extended(16)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"plan__frequency": "week", "projection__frequency": "month"}, "longer than the plan's"),
        ({"projection__periods": 1201}, "at most 1,200 months"),
        ({"plan__frequency": "week", "projection__periods": 2601}, "at most 2,600 weeks"),
    ],
)
def test_periods_that_cannot_be_are_refused(
    make: Callable[..., Model], overrides: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        make(ONE, **overrides)


def test_thirty_years_by_the_day_end_at_the_bound(make: Callable[..., Model]) -> None:
    model = make(THIRTY, projection__frequency="day")
    assert len(model.projection_grid) == 3660


def test_the_longer_projection_is_compared_to_its_end(make: Callable[..., Model]) -> None:
    make(THIRTY, name="thirty")
    model = make(ONE, name="one")
    folder = model.loaded.folder
    drivers = compare(folder, folder.parent / "thirty").drivers.set_index(["measure", "segment"])
    assert drivers.loc[("closing", "all"), "b"] == pytest.approx(0.0, abs=1e-6)
    assert drivers.loc[("scheduled", "all"), "b"] == pytest.approx(100_000.0)


def test_paths_spread_by_the_day_as_by_the_month(
    make: Callable[..., Model],
) -> None:
    months = make(ONE, CDR).distribution(400, 7).totals().set_index(["measure", "segment"])
    by_day = make(ONE, CDR, projection__frequency="day").distribution(400, 7)
    days = by_day.totals().set_index(["measure", "segment"])
    one, other = (each.loc[("default", "all")] for each in (months, days))
    assert one["mean"] == pytest.approx(other["mean"], abs=4 * (one["error"] + other["error"]))
    assert one["deviation"] == pytest.approx(other["deviation"], rel=0.25)


class TestWhatOutlivesTheProjection:
    def test_lives_and_yields_are_withheld(self, make: Callable[..., Model]) -> None:
        report = make(THIRTY, projection__periods=84).projection()
        closing = report.cashflow.flows.closing[0, 0, -1]
        assert closing == pytest.approx(-npf.fv(0.05 / 12, 84, npf.pmt(0.05 / 12, 360, 1e5), 1e5))
        assert report.tables["cash_flow_totals"].frame["average_life"].isna().all()
        yields = report.tables["yields"].frame.drop(columns=["scenario", "price"])
        assert yields.isna().to_numpy().all()
        (caution,) = report.cautions
        assert f"{closing:,.2f} of 100,000.00 CNY still performs in scenario base" in caution
        assert "after 84 months, on 2027-12-31" in caution
        assert "Leave out projection.periods, or set it to more, at most 1,200." in caution
        assert report.document()["cautions"] == [caution]

    def test_at_the_bound_longer_periods_are_named(self, make: Callable[..., Model]) -> None:
        dated = {"contract.home.payment_every": "month"}
        (caution,) = make(THIRTY, projection__frequency="day", **dated).projection().cautions
        assert 'set projection.frequency = "week"' in caution
        weeks = make(THIRTY, projection__frequency="week", **dated).projection()
        assert weeks.cautions == []
        assert weeks.tables["cash_flow_totals"].frame["average_life"].notna().all()

    def test_recoveries_to_come_take_the_yields_alone(self, make: Callable[..., Model]) -> None:
        report = make(ONE, CDR, projection__periods=13).projection()
        assert report.cashflow.flows.receivable[0, 0, -1] > 100.0
        assert report.tables["cash_flow_totals"].frame["average_life"].notna().all()
        assert report.tables["yields"].frame["mortgage_yield"].isna().all()
        (caution,) = report.cautions
        assert "still to be recovered in scenario base" in caution
        assert "Therefore yields are withheld" in caution
        assert make(ONE, CDR).projection().cautions == []


class TestWhatDoesNotSuitTheLoans:
    def test_instalments_without_dates_follow_the_periods(self, make: Callable[..., Model]) -> None:
        short = THIRTY.replace("2050-12-31", "2021-12-31")
        days = make(short, CDR, projection__frequency="day")
        (caution,) = days.projection().cautions
        assert "instalments of home have no dates, so they are paid every day" in caution
        assert caution.endswith('Set contract.home.payment_every = "month".')
        assert days.projection().document()["cautions"] == [caution]
        # computed elsewhere, as workers do: the pool is here all the same
        assert days.projection(cashflow=days.cashflow()).cautions == [caution]
        dated = {"contract.home.payment_every": "month"}
        set_right = make(short, CDR, projection__frequency="day", **dated)
        assert set_right.projection().cautions == []
        months = make(short, CDR, **dated)
        assert months.projection().cautions == make(short, CDR).projection().cautions == []
        # what it says: 365 instalments a year instead of 12, paid at the ends of the months
        whole = [model.cashflow().flows for model in (days, set_right, months)]
        interest = [float(flows.interest[0].sum()) for flows in whole]
        assert interest[0] < 0.95 * interest[1]
        assert interest[1] == pytest.approx(interest[2], rel=1e-3)

    def test_loans_too_short_to_default_with_advances(self, make: Callable[..., Model]) -> None:
        """Three months from default to recovery: of loans due by 2021-03-31 none defaults."""
        rows = "\n".join(
            f"{name},home,bullet,2020-12-31,{due},{amount},{amount},0.05"
            for name, due, amount in (
                *(("a", "2021-03-31", 3000), ("b", "2021-04-01", 5000), ("c", "2030-12-31", 2000)),
            )
        )
        bma = {"projection.order": "bma"}
        told = make(rows, CDR, projection__servicer_advances=True, **bma)
        (caution,) = told.projection().cautions
        assert "3,000.00 of the 10,000.00 CNY that performs is repaid within the" in caution
        assert "recovery lag (home)" in caution
        assert caution.endswith("set projection.servicer_advances = false.")
        early = make(
            rows, CDR, projection__servicer_advances=True, projection__periods=2, **bma
        ).projection()
        assert early.cautions[1] == caution  # the first tells of periods
        assert make(rows, CDR, **bma).projection().cautions == []
        long = make(ONE, CDR, projection__servicer_advances=True, **bma)
        assert long.projection().cautions == []

        def gone(due: str, **more: object) -> float:
            model = make(ONE.replace("2021-12-31", due), CDR, **bma, **more)
            return float(model.cashflow().flows.default[0].sum())

        assert gone("2021-03-31", projection__servicer_advances=True) == 0.0
        assert gone("2021-04-01", projection__servicer_advances=True) > 800.0
        assert gone("2021-03-31") > 2500.0


class TestWhatPathsAreDrawnWith:
    def test_what_is_assumed_is_told_from_what_is_stated(self, make: Callable[..., Model]) -> None:
        model = make(ONE, CDR, factors__correlation=0.3, factors__outage__per_year=0.0)
        report = model.projection(distribution=model.distribution(50))
        told = report.tables["distribution_factors"].frame.set_index("factor")
        assert told.loc["correlation", ["value", "source"]].tolist() == [0.3, "stated"]
        assert told.loc["outage.per_year", "source"] == "stated"
        assert told.loc["outage.longest", "source"] == "assumed"
        assert not [name for name in told.index if name.startswith("core.")]  # no buyer on the tape

    def test_failures_of_cores_are_counted_and_base_stands_beside(self) -> None:
        small = {"tape.platform.loans": 500}
        model = load("alibaba-2013", overrides=small)
        drawn = model.distribution(60)
        report = model.projection(("stress",), distribution=drawn)
        totals = report.tables["distribution_totals"].frame.set_index(["measure", "segment"])
        flows = model.cashflow().chosen(("base",)).flows
        assert totals.loc[("default", "all"), "base"] == pytest.approx(flows.default.sum())
        assert totals.loc[("principal", "b2b"), "base"] == pytest.approx(
            (flows.scheduled + flows.prepaid)[0, report.cashflow.segments.index("b2b")].sum()
        )
        lines = " ".join(said(report.tables["distribution_factors"].frame, drawn))
        assert "core enterprises that fail a year 0.02" in lines
        assert f"Of {len(drawn.cores)} core enterprises {drawn.failures.mean():.3g} fail" in lines
        assert len(drawn.grid) == len(model.projection_grid) + 12  # for what comes of them
        assert report.pictures().keys() >= {"fan_collections", "fan_closing"}
        none = load("alibaba-2013", overrides=small | {"factors.core.probability": 0.0})
        assert none.distribution(10).failures.max() == 0
