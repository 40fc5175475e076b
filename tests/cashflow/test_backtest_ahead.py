"""A forecast on a history cut off after some months is that on the whole: nothing leaks back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from scfcap.cashflow.backtest import (
    _case,
    _maturity_days,
    _model_curves,
    _model_loans,
    backtest,
)
from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.lives import simulate
from scfcap.tape.history import DEFAULT, history_from_panel, known_until

UNTIL = date(2013, 3, 31)
FORECASTS = ("predicted", "low", "high", "model", "naive")


@pytest.fixture(scope="module")
def platform():
    return simulate(LivesSpec(loans=6_000, seed=3), date(2013, 12, 31)).history()


@pytest.fixture(scope="module")
def whole(platform):
    return backtest(platform, UNTIL).months.set_index(["measure", "month_end"])


@pytest.mark.parametrize("last", [date(2013, 4, 30), date(2013, 7, 31)])
def test_the_future_beyond_a_month_is_not_in_the_forecast_of_it(platform, whole, last):
    cut = backtest(known_until(platform, last), UNTIL).months.set_index(["measure", "month_end"])
    pd.testing.assert_frame_equal(cut, whole.loc[cut.index])


def test_nor_is_what_the_first_month_after_brings(platform, whole):
    """All loans repaid at once in it: every actual differs, and no forecast does."""
    panel = known_until(platform, date(2013, 4, 30)).panel
    month = panel["month"].max()
    flat = panel[panel["month"] == month].index
    panel.loc[flat, "principal"] += panel.loc[flat, "closing"] + panel.loc[flat, "charged_off"]
    panel.loc[flat, ["closing", "charged_off", "recovered"]] = 0.0
    struck = rebuilt(platform, panel)
    found = backtest(struck, UNTIL).months.set_index(["measure", "month_end"])
    pd.testing.assert_frame_equal(found[list(FORECASTS)], whole.loc[found.index, list(FORECASTS)])
    assert (found["actual"] != whole.loc[found.index, "actual"]).sum() >= 3


def rebuilt(platform, panel):
    """The history up to April 2013 with another panel, and the exact days of repayment known."""
    loans = known_until(platform, date(2013, 4, 30)).loans
    over = loans["end"].isin(["repaid", "prepaid"])
    closed = loans["end_date"].where(over)
    made = ["entry_date", "end_date", "end", "defaulted_balance", "recovered"]
    fell = (panel["state"] == DEFAULT) & (panel["month"] < panel["month"].max())
    return history_from_panel(
        loans.assign(closed_date=closed).drop(columns=made),
        panel.drop(columns="state"),
        defaulted=fell.to_numpy(),
        source="",
        digest="",
    )


def test_the_model_takes_loans_as_a_plan_takes_them(platform):
    """Late payers are split off, overdue loans have the whole rate ahead: as opening_loans does."""
    case = _case(platform, UNTIL)
    curves = _model_curves(case, None, None)
    loans = _model_loans(case, curves)
    late = loans.where(np.arange(len(loans)) >= len(case.chosen))
    whole = np.bincount(loans.group, loans.balance)
    assert whole == pytest.approx(case.balance)
    assert len(late)
    first = loans.where(np.arange(len(loans)) < len(case.chosen))
    expected = curves.late_share[late.curve] * case.balance[late.group]
    assert late.balance == pytest.approx(expected)
    longer = late.maturity_day - first.maturity_day[late.group]
    assert (longer == curves.late_days[late.curve]).all()
    overdue = (_maturity_days(case) <= 0) & curves.lifetime[case.segment]
    past = platform.panel.query(f"month == {case.start}").set_index("loan")["days_past_due"]
    bad = past.loc[case.chosen].to_numpy() >= curves.default_days[case.segment]
    first_end = curves.grid.days[1]
    assert (overdue & ~bad).any()
    assert (first.hazard_scale[overdue & ~bad] == 365.0 / first_end).all()
    assert (first.hazard_scale[bad] > 1e9).all()


def test_of_short_loans_no_forecast_by_age_is_made(platform):
    found = backtest(platform, UNTIL)
    assert found.months[["predicted", "low", "high"]].isna().all(axis=None)
    assert found.months[["model", "naive"]].notna().all(axis=None)
    fitted = found.errors[found.errors["forecast"] == "fitted"]
    assert fitted[["bias", "wape", "cumulative", "coverage"]].isna().all(axis=None)
    assert found.calibration["predicted"].isna().all()
    assert "No forecast by rates by age" in found.verdict
    assert "Rates by age are" not in found.verdict
    assert "Segment curves, as a plan takes them, are" in found.verdict
    # With contracts of years the same loans are forecast.
    longer = platform.loans["maturity_date"] + np.timedelta64(400, "D")
    loans = platform.loans.assign(maturity_date=longer)
    again = backtest(replace(platform, loans=loans), UNTIL)
    assert again.months["predicted"].notna().all()
    assert "Rates by age are" in again.verdict
