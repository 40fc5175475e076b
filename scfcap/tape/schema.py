"""The tape: columns, dtypes, units and the reasons for which a row is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pandas as pd

Kind = Literal["text", "category", "date", "money", "rate", "integer", "number"]


@dataclass(frozen=True)
class Column:
    """One column of a tape."""

    name: str
    kind: Kind
    required: bool
    unit: str
    description: str


COLUMNS: tuple[Column, ...] = (
    Column("loan_id", "text", True, "", "unique key of the loan"),
    Column("borrower_id", "text", False, "", "the borrower; the loan itself if absent"),
    Column("buyer_id", "text", False, "", "core enterprise that pays or stands behind the order"),
    Column("segment", "category", True, "", "risk and product class, the key of all curves"),
    Column("loan_type", "category", True, "", "one of axes.LOAN_TYPES"),
    Column("origination_date", "date", True, "date", "day paid out"),
    Column("maturity_date", "date", True, "date", "contractual last payment"),
    Column("original_balance", "money", True, "currency", "principal paid out"),
    Column("current_balance", "money", True, "currency", "principal outstanding at as_of"),
    Column("rate", "rate", True, "1/year", "contract rate, decimal"),
    Column("days_past_due", "integer", False, "days", "0 if absent"),
    Column("status", "category", False, "", "one of axes.STATUSES; current if absent"),
    Column("channel", "category", False, "", "present holder: own_capital or channel:name"),
    Column("region", "category", False, "", "where the borrower is"),
    Column("score", "number", False, "", "internal score, higher is better"),
    Column("paid_principal", "money", False, "currency", "principal repaid since origination"),
    Column("instalment", "money", False, "currency", "contract payment a month"),
    Column("payment_every", "category", False, "", "one of axes.PAYMENT_STEPS"),
    Column("next_payment_date", "date", False, "date", "next contractual payment after as_of"),
    Column("day_count", "category", False, "", "one of axes.DAY_COUNTS"),
    Column("grace_payments", "integer", False, "", "payments to come that are of interest alone"),
    Column("payment_fee", "money", False, "currency", "fee due with each payment"),
    Column("credit_limit", "money", False, "currency", "most that may be drawn on a line"),
    Column("rate_index", "category", False, "", "index of a floating rate; fixed if absent"),
    Column("rate_margin", "rate", False, "1/year", "over the index; may be below 0"),
    Column("rate_floor", "rate", False, "1/year", "least that a floating rate can be"),
    Column("rate_cap", "rate", False, "1/year", "most that a floating rate can be"),
    Column("next_reset_date", "date", False, "date", "next day on which the rate is set anew"),
    Column("reset_months", "integer", False, "months", "from one reset of the rate to the next"),
    Column("order_amount", "money", False, "currency", "what the buyer owes on the order"),
    Column("settled_date", "date", False, "date", "day on which the buyer paid; empty while open"),
    Column("settled_amount", "money", False, "currency", "what the buyer paid"),
)


@dataclass(frozen=True)
class Tape:
    """A checked tape: good rows in canonical columns, and everything said about the rest.

    ``frame``: one row a loan, columns of :data:`COLUMNS` that exist (dates as datetime64[s],
    categories as pandas categoricals, money and rates as float64), plus kept source columns.
    ``findings``: row (from 1, counted without the header; 0 for the whole column; of a loan that
    several rows make, the first), column, value, reason, severity ("error": the row is rejected;
    "warning": kept and reported), detail, loan_id; file, and row within it, where the tape has
    several.
    ``rejects``: the refused rows as read, with ``row`` (and ``file``) and ``reason``.
    ``totals``: item "read" = the sum of "left out", "dropped as equal", "merged", where there are
    such rows, "rejected" and "kept"; columns rows,
    original_balance = current_balance + paid_principal + loss + unexplained [currency].
    ``reasons``: severity, column, reason, rows, balance concerned [currency]; all findings are
    counted, those too that are too many to be listed.
    """

    frame: pd.DataFrame
    findings: pd.DataFrame
    rejects: pd.DataFrame
    totals: pd.DataFrame
    as_of: date
    source: str
    digest: str
    reasons: pd.DataFrame = field(default_factory=pd.DataFrame)

    def to_frame(self) -> pd.DataFrame:
        """The good rows."""
        return self.frame
