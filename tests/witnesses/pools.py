"""A borrowing base certificate worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd

from scfcap.pool.build import build_pool
from scfcap.schema.pool import (
    AdvanceRate,
    BorrowingBaseSpec,
    Concentration,
    EligibilitySet,
    PoolSpec,
    Reserve,
    Rule,
)
from scfcap.tape.schema import Tape

from .book import Witness, near

AS_OF = date(2013, 12, 31)


def tape_of(**columns: Any) -> Tape:
    """A tape of orders of 60 days from its columns; what is not stated is plain."""
    count = len(columns["current_balance"])
    frame = pd.DataFrame(
        {
            "loan_id": [f"l{k}" for k in range(count)],
            "borrower_id": [f"b{k}" for k in range(count)],
            "segment": "order",
            "loan_type": "order",
            "origination_date": "2013-12-01",
            "maturity_date": "2014-01-30",
            "original_balance": columns["current_balance"],
            "rate": 0.18,
            "days_past_due": 0,
            "status": "current",
            "channel": "own_capital",
            **columns,
        }
    )
    for name in ("segment", "loan_type", "status", "channel"):
        frame[name] = frame[name].astype("category")
    for name in ("origination_date", "maturity_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, AS_OF, "eight.csv", "digest")


def eight_loans() -> Tape:
    """A receivables line as banks' certificates lay it out (the usual form: gross, over-90-day
    and cross-aged items out, concentration over 25% out, 85% advanced, reserves, line limit)."""
    return tape_of(
        current_balance=[400.0, 300.0, 100.0, 80.0, 60.0, 50.0, 40.0, 70.0],
        borrower_id=["big", "big", "c", "d", "e", "f", "g", "h"],
        days_past_due=[0, 0, 20, 0, 120, 0, 0, 0],
        score=[700.0, 620.0, 640.0, 580.0, 700.0, None, 590.0, 700.0],
        channel=["own_capital"] * 7 + ["securitization:series-1"],
    )


RULES = EligibilitySet(
    rules=(
        Rule(name="up to 90 days past due", test="days_past_due <= 90"),
        Rule(name="score of 500", test="score >= 500"),
    ),
    concentrations=(
        Concentration(name="one debtor", column="borrower_id", share=0.5, treatment="cut_back"),
    ),
)
LINE = BorrowingBaseSpec(
    eligibility="line",
    advance_rates=(
        AdvanceRate(name="past due", test="days_past_due > 0", rate=0.5),
        AdvanceRate(name="good score", test="score >= 600", rate=0.85),
    ),
    otherwise=0.6,
    limit=500.0,
    drawn=420.0,
    reserves=(Reserve(name="dilution", share=0.05), Reserve(name="rent", amount=10.0)),
)
#: The certificate of the eight loans, worked by hand.
CERTIFICATE = {
    "gross": 1100.0,
    "not_pledged": -70.0,  # the loan that a series holds
    "ineligible:up to 90 days past due": -60.0,
    "ineligible:score of 500": 0.0,
    "undetermined": -50.0,  # the loan without a score
    "eligible": 920.0,
    "excess:one debtor": -240.0,  # big holds 700, half of 920 is 460; of its loans 400 : 300
    "eligible_net": 680.0,
    "class:past due": 0.5 * 100.0,
    "class:good score": 0.85 * 460.0,
    "class:other loans": 0.6 * 120.0,
    "gross_availability": 50.0 + 391.0 + 72.0,
    "reserve:dilution": -34.0,
    "reserve:rent": -10.0,
    "borrowing_base": 469.0,
    "maximum": 469.0,
    "availability": 49.0,
    "to_cure": 0.0,
}


def base_of(tape: Tape, line: BorrowingBaseSpec = LINE, rules: EligibilitySet = RULES) -> Any:
    """The borrowing base of a line over a tape."""
    spec = PoolSpec(eligibility={"line": rules}, borrowing_base={"bank": line})
    return build_pool(tape, spec).borrowing_bases["bank"]


def certificate() -> Witness:
    """Every row of the certificate."""
    amounts = base_of(eight_loans()).table.set_index("figure")["amount"]
    figures = tuple(
        near(name.replace("_", " "), wanted, amounts[name], 1e-9)
        for name, wanted in CERTIFICATE.items()
    )
    return Witness("A lender's certificate over eight loans", "pool.borrowing_base",
                   "the usual form of a bank's certificate", "by hand", figures, "currency",
                   )  # fmt: skip


def bounds() -> Witness:
    """Drawn 600 and at least 20 to be left; a limit of 100."""
    over = base_of(eight_loans(), LINE.model_copy(update={"drawn": 600.0, "minimum": 20.0}))
    bounded = base_of(eight_loans(), LINE.model_copy(update={"limit": 100.0}))
    figures = (
        near("availability, 600 drawn", -131.0, over.amount("availability"), 1e-9),
        near("to cure, 600 drawn", 151.0, over.amount("to_cure"), 1e-9),
        near("maximum, limit of 100", 100.0, bounded.amount("maximum"), 0.0),
        near("availability, limit of 100", -320.0, bounded.amount("availability"), 1e-9),
    )
    return Witness("The same where too much is drawn", "pool.borrowing_base", "same certificate",
                   "by hand", figures, "currency")  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield certificate()
    yield bounds()
