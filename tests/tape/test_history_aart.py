"""The auto loan panel as a history. Witnesses: the figures and quirks of its SOURCE.md."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from scfcap.schema.history import PerformanceSpec
from scfcap.tape.history import month_of
from scfcap.tape.performance import read_performance

CUT_OFF = date(2017, 5, 31)


@pytest.fixture(scope="module")
def history(data_dir):
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
            "original_balance": "originalLoanAmount",
            "rate": "originalInterestRatePercentage",
            "instalment": "reportingPeriodScheduledPaymentAmount",
            "balance": "BAL{t}",
            "principal": "PRC{t}",
            "paid": "PMT{t}",
            "recovered": ("REC{t}", "REP{t}"),
            "opening_balance": "reportingPeriodActualEndBalanceAmount",
            "opening_days_past_due": "currentDelinquencyStatus",
        },
        values={"segment": {"1": "new", "2": "used"}},
        date_formats={"origination_date": "%m/%Y", "maturity_date": "%m/%Y"},
        keep=("initialLoanAge",),
    )
    return read_performance(
        spec, None, folder=data_dir("aart_2017_3_panel"), as_of=date(2020, 12, 31)
    )


@pytest.fixture(scope="module")
def rows(history):
    """The panel with t (0 at the cut-off) and segment."""
    panel = history.panel
    segment = history.loans["segment"].to_numpy()[panel["loan"].to_numpy()]
    return panel.assign(t=panel["month"] - month_of(np.datetime64(CUT_OFF)), segment=segment)


def by_segment(values):
    return {name: values[name] for name in ("used", "new")}


def test_loans_and_months(history, rows):
    assert list(history.totals["rows"][:3]) == [3_513, 0, 3_513]
    # 59 loans owe nothing at the cut-off already, and are not under observation.
    assert len(history.loans) == 3_513 - 59
    assert (history.first, history.last) == (CUT_OFF, date(2020, 12, 31))
    observed = rows[(rows["t"] > 0) & (rows["opening"] > 0.005)]
    assert len(observed) == pytest.approx(105_600, abs=100)


def test_balances(rows):
    owed = rows[rows["t"] == 0].groupby("segment", observed=True)["closing"].sum()
    assert by_segment(owed) == pytest.approx({"used": 30_546_394.61, "new": 32_856_918.08})


@pytest.mark.parametrize(
    ("segment", "events", "loss"), [("used", 77, 697_592), ("new", 33, 686_779)]
)
def test_charge_offs(history, rows, segment, events, loss):
    mine = rows[rows["segment"] == segment]
    assert (mine["charged_off"] > 0).sum() == events
    assert mine["charged_off"].sum() == pytest.approx(loss, abs=0.5)
    loans = history.loans[history.loans["segment"] == segment]
    assert (loans["end"] == "default").sum() == events
    assert loans["defaulted_balance"].sum() == pytest.approx(loss, abs=0.5)


def test_recoveries(history, rows):
    """All of it is booked, but for loans that are no longer observed: those are reported."""
    unseen = history.findings[history.findings["reason"] == "unobserved"]["value"].astype(float)
    total = 42_568 + 338_840 + 48_513 + 484_606
    assert rows["recovered"].sum() + unseen.sum() == pytest.approx(total, abs=2)
    # 85 of the amounts of REP come in the month of the charge-off: 110 lots of proceeds.
    same = history.recoveries
    assert (same["month"] == same["default_month"]).sum() == 110


@pytest.mark.parametrize(
    ("segment", "alive"),
    [("used", (2_101, 1_721, 1_395, 1_078, 924)), ("new", (1_310, 1_069, 856, 681, 576))],
)
def test_loans_open(rows, segment, alive):
    open_ = rows[(rows["segment"] == segment) & (rows["closing"] > 0)].groupby("t").size()
    assert tuple(open_[[1, 13, 25, 37, 43]]) == alive


@pytest.mark.parametrize(
    ("segment", "usual", "stress"),
    [
        ("used", (0.055, 0.170, 0.088), (0.196, 0.219, 0.196)),
        ("new", (0.048, 0.137, 0.078), (0.202, 0.212, 0.172)),
    ],
)
def test_share_of_open_loans_that_pays_nothing(rows, segment, usual, stress):
    at_risk = rows[(rows["segment"] == segment) & (rows["opening"] > 0.005) & (rows["t"] > 0)]
    share = (at_risk["paid"] == 0).groupby(at_risk["t"]).mean()
    assert tuple(share[[35, 36, 37]]) == pytest.approx(stress, abs=0.0006)
    rest = share.drop([35, 36, 37])
    assert (rest.min(), rest.max(), rest.median()) == pytest.approx(usual, abs=0.004)


def test_identity_breaks_only_where_it_is_said_to(rows):
    """Balance less principal is the next one but for charge-offs and 93 other cells."""
    later = rows[rows["t"] > 0]
    moved = (later["adjusted"].abs() > 0.005).sum()
    assert moved == 93
    gap = later["opening"] + later["adjusted"] - later["principal"] - later["charged_off"]
    assert np.abs(gap - later["closing"]).max() < 0.005


def test_what_is_odd_is_reported(history):
    said = history.findings.groupby("reason").size().to_dict()
    assert said == {
        "balance_moved": 93,
        "never_owing": 59,
        "negative_balance": 1,
        "unobserved": 30,
        "vanished": 20,
    }
    assert (history.findings["severity"] == "warning").all()


def test_ends(history):
    ends = history.loans["end"].value_counts()
    assert ends["open"] == 924 + 576
    assert ends["vanished"] == 20
    assert ends["repaid"] + ends["prepaid"] == 3_513 - 59 - 1_500 - 110 - 20
    # The authors count a loan with three zero payments in a row as default: not a charge-off.
    assert ends["default"] == 110


def test_left_truncation(history):
    """Loans come under observation at the cut-off, 0 to 18 months old."""
    assert set(history.loans["entry_date"].astype("str")) == {CUT_OFF.isoformat()}
    made = history.loans["origination_date"].dt.to_period("M").astype("int64")
    age = month_of(np.datetime64(CUT_OFF)) - made
    assert age.between(0, 18).all()
