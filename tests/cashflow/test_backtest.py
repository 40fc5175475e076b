"""Back-tests on pools whose future is known, and on the real auto loans (SOURCE.md is witness)."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from scfcap.cashflow.backtest import backtest, labelling
from scfcap.cashflow.contract import Contract, schedule
from scfcap.cashflow.holiday import NOTE, payment_holiday
from scfcap.cashflow.judge import MEASURES, errors_of
from scfcap.cashflow.observed import observe, rates_by_age
from scfcap.credit.schedule import scheduled_share
from scfcap.errors import InputError
from scfcap.schema.history import PerformanceSpec
from scfcap.tape.history import history_from_panel, month_of
from scfcap.tape.performance import read_performance

START = int(month_of(np.datetime64("2018-01-31")))
TERM, RATE = 48, 0.12


def share_due(age: int) -> float:
    """Share of the balance due in month ``age`` of a level payment loan."""
    n = TERM - age + 1
    return (RATE / 12) / ((1 + RATE / 12) ** n - 1)


def steady_pool(loans: int = 30, months: int = 24, smm: float = 0.02) -> pd.DataFrame:
    """Loans that all prepay the same share of what is left in each month."""
    rows = []
    for loan in range(loans):
        balance = 1_000.0 + 10 * loan
        rows.append((loan, START, 0.0, 0.0, 0.0, balance, balance))
        for age in range(1, months + 1):
            due = balance * share_due(age)
            principal = due + smm * (balance - due)
            rows.append((loan, START + age, balance, principal, 0.0, 0.0, balance - principal))
            balance -= principal
    names = ["loan", "month", "opening", "principal", "charged_off", "adjusted", "closing"]
    return pd.DataFrame(rows, columns=names)


def history_of(panel: pd.DataFrame, segments: tuple[str, ...] = ("a",)):
    count = int(panel["loan"].max()) + 1
    loans = pd.DataFrame(
        {
            "loan_id": [f"L{k}" for k in range(count)],
            "segment": [segments[k % len(segments)] for k in range(count)],
            "origination_date": np.datetime64("2018-01-15", "s"),
            "maturity_date": np.datetime64("2022-01-31", "s"),
            "original_balance": 1_000.0,
            "rate": RATE,
        }
    )
    known = {"paid": panel["principal"], "recovered": 0.0, "days_past_due": 0}
    panel = panel.assign(**{k: v for k, v in known.items() if k not in panel})
    return history_from_panel(loans, panel, source="made up", digest="0")


@pytest.mark.parametrize("age", [1, 10, 47, 48])
def test_share_due_is_that_of_the_contract(age):
    loan = Contract("level_payment", 10_000.0, RATE, date(2018, 1, 1), TERM - age + 1)
    due = schedule(loan).payments.principal[0]
    found = scheduled_share(*(np.array([v]) for v in (0, RATE, age, TERM)))[0]
    assert found * 10_000.0 == pytest.approx(due, abs=0.01)
    equal = scheduled_share(*(np.array([v]) for v in (1, RATE, age, TERM)))[0]
    assert equal == pytest.approx(1 / (TERM - age + 1))
    bullet = scheduled_share(*(np.array([v]) for v in (3, RATE, age, TERM)))[0]
    assert bullet == (1.0 if age == TERM else 0.0)


def test_a_steady_pool_is_predicted_to_the_cent():
    """Prepayment at one rate for ever: the estimate is that rate, and the kernel pays it."""
    result = backtest(history_of(steady_pool()), date(2019, 1, 31))
    assert result.until == date(2019, 1, 31)
    rates = rates_by_age(observe(history_of(steady_pool())), 1, 24).prepaid[0, 1:]
    assert rates == pytest.approx(np.full(24, 0.02))
    for measure in ("balance", "principal", "prepaid"):
        mine = result.months[result.months["measure"] == measure]
        assert len(mine) == 12
        assert mine["predicted"].to_numpy() == pytest.approx(mine["actual"].to_numpy())
        assert mine["naive"].to_numpy() == pytest.approx(mine["actual"].to_numpy())
    assert result.vanished == 0.0


def charged_off(panel: pd.DataFrame, loan: int, month: int, proceeds: float) -> pd.DataFrame:
    """The loan's balance is lost in a month; part of it comes in at once."""
    mine = panel["loan"] == loan
    panel = panel[~(mine & (panel["month"] > month))].assign(recovered=panel.get("recovered", 0.0))
    at = panel.index[(panel["loan"] == loan) & (panel["month"] == month)]
    owed = panel.loc[at, "opening"].to_numpy()
    panel.loc[at, ["principal", "closing"]] = 0.0
    panel.loc[at, "charged_off"] = owed
    panel.loc[at, "recovered"] = proceeds * owed
    return panel.reset_index(drop=True)


def test_defaults_and_recoveries():
    panel = steady_pool(loans=60)
    for k, loan in enumerate(range(0, 48, 4)):
        panel = charged_off(panel, loan, START + 1 + k, 0.4)
    panel = charged_off(panel, 50, START + 15, 0.4)
    result = backtest(history_of(panel), date(2019, 1, 31))
    months = result.months.set_index(["measure", "month_end"])
    defaults = months.loc["defaults"]
    # One loan in sixty a month was lost, by number and nearly so by amount.
    first = defaults["predicted"].iloc[0] / months.loc["balance"]["actual"].iloc[0]
    assert first == pytest.approx(1 / 54, rel=0.15)
    owed = panel[(panel["loan"] == 50) & (panel["month"] == START + 15)]["opening"].item()
    assert defaults["actual"].sum() == pytest.approx(owed)
    recovered = months.loc["recoveries"]
    assert recovered["actual"].sum() == pytest.approx(0.4 * owed)
    assert recovered["predicted"].to_numpy() == pytest.approx(0.4 * defaults["predicted"])
    calibration = result.calibration.set_index(["label", "outcome"]).loc[("all", "default")]
    assert calibration["loans"] == 48
    assert calibration["actual"] == 1
    assert not calibration["inside"]  # nine were to be expected
    errors = result.errors.set_index(["measure", "forecast"])["cumulative"]
    wanted = defaults["predicted"].sum() / defaults["actual"].sum() - 1
    assert errors["defaults", "fitted"] == pytest.approx(wanted)
    assert re.search(r"Rates by age are .*poor: .*defaults", result.verdict)


def test_one_young_default_does_not_make_all_that_defaults_a_loss():
    """Few defaults, of which all but the last had time to recover: severity by them."""
    panel = steady_pool(loans=60)
    for loan, age in ((0, 3), (4, 5), (8, 7)):
        panel = charged_off(panel, loan, START + age, 0.0)
        fallen = panel[(panel["loan"] == loan) & (panel["month"] == START + age)]
        flat = dict.fromkeys(("opening", "principal", "charged_off", "closing"), 0.0)
        came = 0.4 * fallen["charged_off"]
        later = fallen.assign(**flat, month=START + age + 2, recovered=came)
        panel = pd.concat([panel, later], ignore_index=True)
    panel = charged_off(panel.sort_values(["loan", "month"]), 12, START + 12, 0.0)
    result = backtest(history_of(panel.reset_index(drop=True)), date(2019, 1, 31))
    months = result.months.set_index("measure")
    come = months.loc["recoveries", "naive"].to_numpy()[2:]
    assert come == pytest.approx(0.4 * months.loc["defaults", "naive"].to_numpy()[:-2])
    assert come.sum() > 0


def test_the_size_of_an_error_is_over_the_mean_so_that_a_month_near_zero_does_not_count_for_all():
    months = pd.concat(
        pd.DataFrame(
            {
                "month_end": [1, 2],
                "measure": name,
                "actual": [0.01, 199.99],
                "predicted": [10.01, 179.99],
                "low": 0.0,
                "high": 300.0,
                "model": [0.01, 199.99],
                "naive": [30.01, 199.99],
            }
        )
        for name in MEASURES
    )
    found = errors_of(months).set_index(["measure", "forecast"])["wape"]
    # 10 and 20 of 100 in the mean; 0; 30 and 0.
    assert found["prepaid"].to_dict() == pytest.approx({"fitted": 0.15, "model": 0, "naive": 0.15})


def test_what_comes_later_changes_no_forecast():
    plain = steady_pool(loans=40)
    for loan in (3, 7, 11):
        plain = charged_off(plain, loan, START + loan, 0.3)
    struck = charged_off(charged_off(plain, 20, START + 14, 0.9), 21, START + 20, 0.0)
    one, two = (backtest(history_of(p, ("a", "b")), date(2019, 1, 31)) for p in (plain, struck))
    columns = ["predicted", "low", "high", "model", "naive"]
    pd.testing.assert_frame_equal(one.months[columns], two.months[columns])
    for forecast in ("predicted", "model", "naive"):
        assert (one.calibration[forecast] == two.calibration[forecast]).all()
    assert two.months["actual"].sum() != one.months["actual"].sum()


@pytest.mark.parametrize("until", [date(2018, 3, 31), date(2020, 1, 31), date(2030, 1, 1)])
def test_a_month_that_leaves_nothing_to_fit_or_to_predict(until):
    with pytest.raises(InputError, match=r"expected a month from 2018-07 to 2019-12"):
        backtest(history_of(steady_pool()), until)


def test_no_loan_left():
    panel = steady_pool(loans=2, months=10)
    longer = pd.concat([panel, steady_pool(loans=3, months=20).query("loan == 2")])
    lone = charged_off(
        charged_off(charged_off(longer, 0, START + 5, 0), 1, START + 5, 0), 2, START + 9, 0
    )
    lone = pd.concat([lone, lone.tail(1).assign(month=START + 15, opening=0.0, charged_off=0.0)])
    with pytest.raises(InputError, match="no loan outstanding"):
        backtest(history_of(lone.assign(recovered=1.0).reset_index(drop=True)), date(2019, 1, 31))


def test_columns_of_few_classes_are_labels():
    history = history_of(steady_pool(), ("a", "b"))
    loans = history.loans.assign(grade=["x", "y"] * 15, one="z")
    history = type(history)(**{**vars(history), "loans": loans})
    assert labelling(history, ["grade", "one", "loan_id", "absent"]) == ["grade"]


def test_a_payment_holiday_by_hand():
    panel = steady_pool(loans=20, months=8)
    missed = (panel["month"] == START + 5) & (panel["loan"] < 8)
    missed |= (panel["month"] == START + 2) & (panel["loan"] < 2)
    panel = panel.assign(paid=panel["principal"].mask(missed, 0.0))
    found = payment_holiday(history_of(panel, ("a", "b")), date(2018, 6, 1), date(2018, 6, 30))
    fit = found.fit.set_index("segment").loc["all"]
    assert (fit["usual"], fit["share"], fit["excess"]) == (0.0, 0.4, 0.4)
    assert fit["outage_days"] == pytest.approx(0.4 * 365 / 12)
    assert set(found.fit["segment"]) == {"all", "a", "b"}
    assert "no evidence" in found.note
    assert found.note == NOTE
    with pytest.raises(InputError, match="part of the months"):
        payment_holiday(history_of(panel), date(2018, 6, 1), date(2019, 6, 30))


@pytest.fixture(scope="module")
def aart(data_dir):
    spec = PerformanceSpec(
        kind="wide",
        paths=("aart2171_2017.csv.gz", "aart1342new_2017.csv.gz"),
        first=date(2017, 6, 30),
        count=43,
        past_due="run",
        columns={
            "loan_id": "assetNumber",
            "segment": "vehicleNewUsedCode",
            "origination_date": "originationDate",
            "maturity_date": "loanMaturityDate",
            "rate": "originalInterestRatePercentage",
            "balance": "BAL{t}",
            "principal": "PRC{t}",
            "paid": "PMT{t}",
            "recovered": ("REC{t}", "REP{t}"),
            "opening_balance": "reportingPeriodActualEndBalanceAmount",
        },
        values={"segment": {"1": "new", "2": "used"}},
        date_formats={"origination_date": "%m/%Y", "maturity_date": "%m/%Y"},
        keep=("risk_cat_ir",),
    )
    folder = data_dir("aart_2017_3_panel")
    return read_performance(spec, None, folder=folder, as_of=date(2020, 12, 31))


def test_auto_loans_forecast_from_month_21(aart):
    """Fit on months 1 to 21, project 22 to 43: what it says must stay as good as it was found."""
    result = backtest(aart, date(2019, 2, 28), labelling(aart, ["risk_cat_ir"]))
    actual = result.months.pivot_table(index="month_end", columns="measure", values="actual")
    assert len(actual) == 22
    # What stood at the end is what the loans then open owed (924 used, 576 new).
    last = aart.panel[aart.panel["month"] == START + 35]
    assert actual["balance"].iloc[-1] == pytest.approx(last["closing"].sum())
    assert (last["closing"] > 0).sum() == 924 + 576
    # Charge-offs of both windows make the 110 and their loss.
    before = aart.loans[aart.loans["end_date"] <= "2019-02-28"]["defaulted_balance"].sum()
    assert before + actual["defaults"].sum() == pytest.approx(697_592.19 + 686_779.47)
    errors = result.errors.set_index(["measure", "forecast"])["cumulative"]
    assert abs(errors["balance", "fitted"]) < 0.05
    assert abs(errors["principal", "fitted"]) < 0.03
    assert abs(errors["prepaid", "fitted"]) < 0.10
    assert abs(errors["defaults", "fitted"]) < 0.25
    for measure in ("balance", "principal", "prepaid", "defaults"):
        assert abs(errors[measure, "fitted"]) < abs(errors[measure, "naive"])
    # And as bad: what came in from defaults is predicted at nearly twice of what did.
    assert errors["recoveries", "fitted"] > 0.5
    assert f"Rates by age are close: balance {errors['balance', 'fitted']:+.1%}" in result.verdict
    # The curves that a plan takes, one rate for all ages, count too few defaults among loans that
    # have grown older, and leave too large a balance.
    assert errors["defaults", "model"] < -0.3
    assert errors["balance", "model"] > errors["balance", "naive"] > 0
    assert set(result.calibration["label"]) == {
        *("new", "used", "all", "near_prime", "prime", "subprime", "super_prime")
    }


def test_auto_loans_in_spring_2020(aart):
    """Shares of loans that paid nothing in months 35 to 37: SOURCE.md."""
    found = payment_holiday(aart, date(2020, 4, 1), date(2020, 6, 30))
    inside = found.months[found.months["inside"]].set_index("segment")["share"]
    assert list(inside["used"]) == pytest.approx([0.196, 0.219, 0.196], abs=0.0006)
    assert list(inside["new"]) == pytest.approx([0.202, 0.212, 0.172], abs=0.0006)
    fit = found.fit.set_index("segment")
    assert fit["usual"]["used"] == pytest.approx(0.088, abs=0.002)
    assert fit["usual"]["new"] == pytest.approx(0.078, abs=0.002)
    # Twelve loans in a hundred more than usual, for three months: eleven days of collections.
    assert fit["outage_days"]["all"] == pytest.approx(0.118 * 3 * 365 / 12, abs=0.1)
