"""Indicators worked out by hand on a history of a few loans, and what lights they give."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

import scfcap
from scfcap.errors import InputError
from scfcap.pool.lights import by_month, levels, now
from scfcap.pool.warning import against_year, indicators, tape_indicators, windowed
from scfcap.pool.watch import observed
from scfcap.schema.load import load_model
from scfcap.schema.warning import INDICATORS, LOW_IS_BAD, Threshold, WarningSpec
from scfcap.synthetic.lives import LivesSpec, simulate
from scfcap.tape.history import history_from_panel

#: January 2020, in months since 1970-01.
JAN = 600
PLAIN = WarningSpec(
    least=1,
    prior=0.0,
    roll_30=Threshold(yellow=0.1, red=0.3),
    first_payment_default=Threshold(yellow=0.1, red=0.3),
    vintage_30=Threshold(yellow=0.1, red=0.3),
    buyer_late_share=Threshold(yellow=0.4, red=0.6, window=2),
    buyer_days_late=Threshold(yellow=5.0, red=20.0, window=2),
    prepayment=Threshold(yellow=-0.2, red=-0.5),
)


def history(loans, months):
    """``loans``: id, buyer, type, made, due, amount, closed; ``months``: loan, month, principal,
    days past due.
    """
    frame = pd.DataFrame(
        loans,
        columns=["loan_id", "buyer_id", "loan_type", "origination_date", "maturity_date",
                 "original_balance", "closed_date"],
    ).assign(segment="order", rate=0.1)  # fmt: skip
    for name in ("origination_date", "maturity_date", "closed_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    rows, balance = [], {}
    for loan, month, principal, overdue in months:
        opening = balance.get(loan, 0.0)
        adjusted = 0.0 if loan in balance else frame.loc[loan, "original_balance"]
        closing = opening + adjusted - principal
        balance[loan] = closing
        rows.append(
            (loan, JAN + month, opening, principal, 0.0, adjusted, closing, principal, 0.0, overdue)
        )
    panel = pd.DataFrame(
        rows,
        columns=["loan", "month", "opening", "principal", "charged_off", "adjusted", "closing",
                 "paid", "recovered", "days_past_due"],
    )  # fmt: skip
    return history_from_panel(frame, panel, source="hand", digest="", default_days=90)


@pytest.fixture(scope="module")
def small():
    """Three loans of 100, 300 and 200; the second one of buyer B turns bad in March.

    A: made in January, 50 paid in February, the rest on its day in March.
    B: made in January, due on 10 February, nothing paid: 19, 50, 80 days past due.
    C: a line made in February, half of it repaid in March; due in December.
    """
    loans = [
        ("A", "X", "order", "2020-01-10", "2020-03-20", 100.0, "2020-03-20"),
        ("B", "Y", "order", "2020-01-10", "2020-02-10", 300.0, None),
        ("C", None, "revolving_line", "2020-02-01", "2020-12-31", 200.0, None),
    ]
    months = [
        (0, 0, 0.0, 0), (0, 1, 50.0, 0), (0, 2, 50.0, 0),
        (1, 0, 0.0, 0), (1, 1, 0.0, 19), (1, 2, 0.0, 50), (1, 3, 0.0, 80),
        (2, 1, 0.0, 0), (2, 2, 100.0, 0), (2, 3, 0.0, 0),
    ]  # fmt: skip
    return history(loans, months)


def values(frame, name, entity=""):
    chosen = frame[(frame["indicator"] == name) & (frame["entity"] == entity)]
    return chosen.sort_values("month_end")["value"].tolist()


def test_roll_to_more_than_thirty_days(small):
    """March: 300 of the 550 that were at most 30 days past due; then B is out of the base."""
    found = values(indicators(small, PLAIN), "roll_30")
    np.testing.assert_allclose(found, [np.nan, 0.0, 300 / 550, 0.0])


def test_first_payments_that_never_came(small):
    """February: A pays for the first time; March: C does, and B passes 30 days with nothing."""
    found = values(indicators(small, PLAIN), "first_payment_default")
    np.testing.assert_allclose(found, [np.nan, 0.0, 0.5, np.nan])


def test_a_first_payment_in_the_month_that_turns_late_is_no_default():
    """A pays at last in March, when it is 31 days late; B is as late and never pays."""
    loans = [(name, "X", "bullet", "2020-01-10", "2020-12-31", 100.0, None) for name in ("A", "B")]
    months = [
        *((0, 0, 0.0, 0), (0, 1, 0.0, 1), (0, 2, 10.0, 31)),
        *((1, 0, 0.0, 0), (1, 1, 0.0, 1), (1, 2, 0.0, 31)),
    ]
    found = indicators(history(loans, months), PLAIN)
    chosen = found[found["indicator"] == "first_payment_default"]
    np.testing.assert_allclose(chosen["value"], [np.nan, np.nan, 0.5])
    assert chosen["count"].tolist() == [0, 0, 2]


def test_vintages_three_months_on(small):
    """April looks at the loans of January: B of A and B has been more than 30 days late."""
    found = values(indicators(small, PLAIN), "vintage_30")
    np.testing.assert_allclose(found, [np.nan, np.nan, np.nan, 0.5])


def test_shares_of_the_buyers(small):
    spec = PLAIN.model_copy(update={"top": 1})
    found = values(indicators(small, spec), "top_share")
    np.testing.assert_allclose(found, [0.75, 300 / 350, 1.0, 1.0])


def test_lateness_of_a_buyer_knows_only_what_was_known(small):
    """Y's order due on 10 February: 19 days late at its end, 50 at March's, and in no window then.

    X's of March was paid on its day.
    """
    found = indicators(small, PLAIN)
    np.testing.assert_allclose(values(found, "buyer_days_late", "Y"), [np.nan, 19, 50, np.nan])
    np.testing.assert_allclose(values(found, "buyer_late_share", "Y"), [np.nan, 1, 1, np.nan])
    np.testing.assert_allclose(values(found, "buyer_days_late", "X"), [np.nan, np.nan, 0, 0])


def test_an_order_repaid_in_its_month_is_not_late_where_the_day_is_not_known():
    loans = [
        ("A", "X", "order", "2020-01-10", "2020-02-10", 100.0, None),
        ("B", "Y", "order", "2020-01-10", "2020-02-10", 100.0, None),
    ]
    months = [
        *((0, 0, 0.0, 0), (0, 1, 100.0, 0)),
        *((1, 0, 0.0, 0), (1, 1, 0.0, 19), (1, 2, 100.0, 0)),
    ]
    found = indicators(history(loans, months), PLAIN)
    assert values(found, "buyer_days_late", "X")[1] == 0.0
    assert values(found, "buyer_late_share", "X")[1] == 0.0
    assert values(found, "buyer_days_late", "Y")[1:] == [19.0, 50.0]


def test_few_orders_are_drawn_to_all(small):
    """With a prior of 3 orders: (1 + 3 x 1/2) / (1 + 3) of Y's, March: one of two orders late."""
    spec = PLAIN.model_copy(update={"prior": 3.0})
    found = values(indicators(small, spec), "buyer_late_share", "Y")
    assert found[2] == pytest.approx((1 + 3 * 0.5) / 4)


def test_use_of_lines(small):
    found = values(indicators(small, PLAIN), "line_use")
    np.testing.assert_allclose(found, [np.nan, 1.0, 0.5, 0.5])


def test_too_few_behind_it_is_no_value(small):
    frame = indicators(small, PLAIN.model_copy(update={"least": 4}))
    assert frame["value"].isna().all()
    assert (frame["count"] < 4).all()


def test_prepayment_against_the_year_before():
    """Ten loans repaid early a month of those open, then five: half of what was usual."""
    loans, months = [], []
    for month in range(12):
        early = 10 if month < 11 else 5
        for number in range(early):
            made, due = f"{2019 + (month > 0)}-{(month - 1) % 12 + 1:02d}-05", "2022-12-31"
            closed = f"2020-{month + 1:02d}-20"
            row = len(loans)
            loans.append((f"{month}-{number}", "X", "bullet", made, due, 10.0, closed))
            months += [(row, month - 1, 0.0, 0), (row, month, 10.0, 0)]
    for number in range(100):
        row = len(loans)
        loans.append((f"s{number}", "X", "bullet", "2019-12-01", "2022-12-31", 10.0, None))
        months += [(row, month, 0.0, 0) for month in range(-1, 12)]
    found = values(indicators(history(loans, months), PLAIN), "prepayment")
    usual, last = 10 / 110, 5 / 105
    assert found[-2] == pytest.approx(0.0, abs=0.1)
    assert found[-1] == pytest.approx(last / usual - 1, abs=0.11)
    assert np.isnan(found[:6]).all()


def test_windows_and_years():
    np.testing.assert_allclose(windowed(np.array([1.0, 2, 3, 4]), 2), [1, 3, 5, 7])
    change = against_year(np.array([np.nan, *[2.0] * 6, 3.0]))
    assert np.isnan(change[:7]).all()
    assert change[7] == pytest.approx(0.5)


# --- lights -------------------------------------------------------------------------------


def test_levels_reach_their_thresholds_from_the_bad_side():
    limit = Threshold(yellow=0.1, red=0.2)
    got = levels("roll_30", np.array([0.0, 0.1, 0.2, np.nan]), limit)
    assert got.tolist() == [0, 1, 2, -1]
    low = Threshold(yellow=-0.1, red=-0.2)
    assert levels("prepayment", np.array([0.0, -0.1, -0.3]), low).tolist() == [0, 1, 2]


def test_table_of_lights(small):
    frame = indicators(small, PLAIN)
    table = now(frame, PLAIN, {"lender_line_use": "no lender"}).set_index(["indicator", "entity"])
    vintage = table.loc[("vintage_30", "")]
    assert vintage["light"] == "red"
    assert str(vintage["since"].date()) == "2020-04-30"
    roll = table.loc[("roll_30", "")]
    assert (roll["light"], roll["trend"]) == ("green", "")
    assert table.loc[("lender_line_use", ""), "note"] == "no lender"
    assert {name for name, _ in table.index} == set(INDICATORS)
    assert table["light"].iloc[0] == "red"
    lights = by_month(frame, PLAIN)
    assert (lights["light"] == "no value").equals(lights["value"].isna())


def test_trend_and_since():
    ends = pd.date_range("2020-01-31", periods=6, freq="ME").as_unit("s")
    cells = {"indicator": "roll_30", "entity": "", "month_end": ends, "count": 99}
    frame = pd.DataFrame({**cells, "value": [0.5, 0.0, 0.15, 0.2, 0.2, 0.25]})
    row = now(frame, PLAIN, {}).iloc[0]
    assert (row["light"], row["trend"]) == ("yellow", "rising")
    assert str(row["since"].date()) == "2020-03-31"


@pytest.mark.parametrize("name", INDICATORS)
def test_thresholds_in_the_wrong_order_are_refused(name):
    low, high = sorted([-0.5, -0.1]) if name in LOW_IS_BAD else (0.1, 0.5)
    right = (high, low) if name in LOW_IS_BAD else (low, high)
    fine = f"warning.{name}={{ yellow = {right[0]}, red = {right[1]} }}"
    wrong = f"warning.{name}={{ yellow = {right[1]}, red = {right[0]} }}"
    assert getattr(load_model("alibaba-2013", [fine]).spec.warning, name).red == right[1]
    with pytest.raises(InputError, match=name):
        load_model("alibaba-2013", [wrong])


# --- from a model -------------------------------------------------------------------------


def test_a_tape_alone_gives_little_and_says_so():
    model = scfcap.load("alibaba-2013", overrides=["tape.platform.loans=2_000"])
    lights = model.watch().lights.set_index("indicator")
    assert lights.loc["roll_30", "light"] == "no value"
    assert "no history" in lights.loc["roll_30", "note"]
    frame = model.tape().frame
    owed = frame.groupby("buyer_id", observed=True)["current_balance"].sum()
    top = owed.nlargest(5).sum() / owed.sum()
    assert lights.loc["top_share", "value"] == pytest.approx(top)
    drawn = lights.loc["lender_line_use"].set_index("entity")["value"]
    assert drawn["bank-a"] == pytest.approx(0.75)
    assert drawn["bank-b"] == pytest.approx(0.625)


def test_without_the_buyers_column_the_reason_is_given():
    model = scfcap.load("alibaba-2013", overrides=["tape.platform.loans=500", 'warning.by="who"'])
    series, missing = observed(None, model.tape(), model.loaded.spec)
    assert "top_share" not in set(series["indicator"])
    assert "no column who" in missing["top_share"]
    frame = model.tape().frame
    assert set(tape_indicators(frame, date(2013, 12, 31), WarningSpec(by="who"))["indicator"]) == {
        "line_use"
    }


def test_concentration_of_the_history_is_that_of_the_tape():
    lives = simulate(LivesSpec(loans=20_000, seed=4), date(2013, 12, 31))
    found = indicators(lives.history(), WarningSpec())
    tape = lives.tape()
    owed = tape.groupby("buyer_id", observed=True)["current_balance"].sum()
    expected = owed.nlargest(5).sum() / owed.sum()
    assert values(found, "top_share")[-1] == pytest.approx(expected)
    assert set(found["indicator"]) == set(INDICATORS) - {"lender_line_use"}
