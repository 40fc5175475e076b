"""Three real sets read as payments. Witnesses: the figures of their SOURCE.md."""

from __future__ import annotations

from datetime import date

import pytest

from scfcap.schema.history import PerformanceSpec
from scfcap.tape.performance import read_performance


def test_xente_one_row_a_repayment(data_dir):
    """Part repayments of 30-day loans; refused purchases have no loan and no payment."""
    spec = PerformanceSpec(
        kind="payments",
        path="Train.csv",
        columns={
            "loan_id": "LoanId",
            "date": "PaidOnDate",
            "amount": "AmountLoan",  # what a row repays, whatever its name says
            "origination_date": "IssuedDateLoan",
            "maturity_date": "DueDate",
            "original_balance": "Value",
            "segment": "ProductCategory",
        },
        keep=("InvestorId", "IsDefaulted"),
        default_days=90,
        reject_limit=0.5,
    )
    folder = data_dir("xente_platform_loans")
    history = read_performance(spec, None, folder=folder, as_of=date(2019, 7, 31))
    totals = history.totals.set_index("item")
    assert list(totals["rows"][["read", "rejected", "kept"]]) == [2_100, 612, 1_488]
    assert totals["balance"]["kept"] == 17_598_944
    assert len(history.loans) == 1_159
    assert history.loans["original_balance"].sum() == 24_648_197
    assert history.panel["adjusted"].sum() == 24_648_197
    assert history.panel["paid"].sum() == 17_598_944
    assert dict(history.loans["InvestorId"].value_counts()) == {
        "InvestorId_1": 933, "InvestorId_2": 222, "InvestorId_3": 4
    }  # fmt: skip
    # The flag is not "late": 71 loans are flagged, others are three months late as well.
    flagged = history.loans["IsDefaulted"] == "1"
    assert flagged.sum() == 71
    assert ((history.loans["end"] == "default") & ~flagged).sum() >= 16
    made = history.loans["origination_date"]
    assert (str(made.min().date()), str(made.max().date())) == ("2018-10-18", "2019-03-31")


def test_superlender_closed_loans(data_dir):
    spec = PerformanceSpec(
        kind="payments",
        path="trainprevloans.csv.gz",
        columns={
            "loan_id": "systemloanid",
            "date": "closeddate",
            "amount": "totaldue",
            "origination_date": "approveddate",
            "original_balance": "loanamount",
            "segment": "termdays",
            "term_days": "termdays",
        },
    )
    folder = data_dir("superlender_microloans")
    history = read_performance(spec, None, folder=folder, as_of=date(2017, 7, 31))
    assert history.panel["principal"].sum() == 300_042_000
    assert history.panel["paid"].sum() == pytest.approx(355_899_549, abs=1)
    counts = history.loans["segment"].value_counts()
    assert [counts[term] for term in ("15", "30", "60", "90")] == [6_115, 11_045, 993, 30]
    # Every loan was repaid in the end; 62.0% before the last due day.
    ends = history.loans["end"].value_counts(normalize=True)
    assert ends["prepaid"] == pytest.approx(0.620, abs=0.0005)
    assert ends["prepaid"] + ends["repaid"] == 1.0
    past = history.loans["end_date"] - history.loans["maturity_date"]
    assert (past.dt.days > 90).sum() == 17


def test_invoices(data_dir):
    """Month-first dates, ids with leading zeros, every invoice settled in one payment."""
    spec = PerformanceSpec(
        kind="payments",
        path="WA_Fn-UseC_-Accounts-Receivable.csv",
        columns={
            "loan_id": "invoiceNumber",
            "date": "SettledDate",
            "amount": "InvoiceAmount",
            "origination_date": "InvoiceDate",
            "maturity_date": "DueDate",
            "original_balance": "InvoiceAmount",
            "segment": "countryCode",
            "buyer_id": "customerID",
        },
        date_formats=dict.fromkeys(("date", "origination_date", "maturity_date"), "%m/%d/%Y"),
    )
    folder = data_dir("ar_invoices")
    history = read_performance(spec, None, folder=folder, as_of=date(2014, 3, 31))
    assert len(history.loans) == 2_466
    assert history.loans["loan_id"].str.len().eq(10).all()
    assert history.panel["principal"].sum() == pytest.approx(147_703.18)
    late = (history.loans["end_date"] - history.loans["maturity_date"]).dt.days
    assert (late > 0).mean() == pytest.approx(0.356, abs=0.0005)
    assert late.max() == 45
    open_days = (history.loans["end_date"] - history.loans["origination_date"]).dt.days
    assert open_days.mean() == pytest.approx(26.4, abs=0.05)
