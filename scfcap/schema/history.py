"""Where the loans' performance is told: month by month, payment by payment, or tape by tape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from pydantic import Field, model_validator

from scfcap.quantities import Share
from scfcap.schema.base import MisfitError
from scfcap.schema.tape import FileOptions

#: Columns of a loan that do not change; where absent they come from the tape.
LOAN_COLUMNS: Final = (
    *("segment", "origination_date", "maturity_date", "term_days", "original_balance"),
    *("rate", "instalment", "loan_type", "borrower_id", "buyer_id", "region"),
)
#: Our columns by kind: what must be there, and what may.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("loan_id", "date", "balance"),
    "payments": ("loan_id", "date", "amount"),
    "wide": ("loan_id", "balance"),
    "tapes": (),
}
OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("days_past_due", "status", "principal", "paid", "charged_off", "recovered"),
    "payments": ("principal", "kind"),
    "wide": (
        *("days_past_due", "principal", "paid", "charged_off", "recovered"),
        *("opening_balance", "opening_days_past_due"),
    ),
    "tapes": ("date",),
}
#: Columns of a wide file that stand once for each month, with {t} in the source's name.
REPEATED: Final = ("balance", "days_past_due", "principal", "paid", "charged_off", "recovered")


class PerformanceSpec(FileOptions):
    """``[history]``: a second file with what the loans did. Every key of ``columns`` is ours.

    A balance is what is outstanding at the end of the row's day (``status``) or month (``wide``).
    """

    kind: Literal["status", "payments", "tapes", "wide"]
    """``status``: one row a loan and day, or month, with its balance; ``payments``: one row a
    payment, loans as on the tape; ``tapes``: one tape a month, each read with ``[tape]``;
    ``wide``: one row a loan, columns ``BAL{t}`` for the months t = 1, 2, ..."""
    path: str | None = None
    """File beside the tape or in the model's folder; or a folder, or a pattern ``"2017-*.csv"``."""
    paths: tuple[str, ...] = ()
    """Several files with the same columns."""
    columns: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Our column = source column; several source columns of an amount are added up."""
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Our column (``status``, ``kind``, ``segment``): source value = our value."""
    percent: tuple[str, ...] = ()
    """Our columns that the source gives in percent."""
    date_formats: dict[str, str] = Field(default_factory=dict)
    """Our date column: strptime format; ISO 8601 where absent."""
    keep: tuple[str, ...] = ()
    """Further columns of the loan, of the tape or of this file, under their own names."""
    first: date | None = None
    """``wide``: a day of the month t = 1."""
    count: int | None = Field(default=None, ge=1, le=1_200)
    """``wide``: number of months."""
    date_in_name: str | None = None
    """``tapes``: strptime form of a file's name ("tape-%Y-%m.csv"); without %d the month's end."""
    split: Literal["interest_first", "principal_first"] = "interest_first"
    """``payments`` without principal: what a payment pays first."""
    past_due: Literal["run", "arrears"] = "arrears"
    """Where no days past due are given: 30 days for each unpaid instalment. ``arrears`` counts
    instalments owed less paid since the start, never below none; ``run`` counts the last months in
    a row that paid less than half an instalment. Loans without instalments count from maturity."""
    default_days: int | None = Field(default=None, ge=1, le=3_650)
    """A loan this many days past due has defaulted; absent: by charge-off or status only."""
    vanished: Literal["censored", "repaid"] = "censored"
    """What a loan is taken for that is not listed any more though it had a balance, before the
    last month. ``censored``: observed until its last row only, its end unknown; where a servicer
    stops listing the loans that are repaid, defaults come out far too high. ``repaid``: the
    balance is principal repaid in the month after its last row; never so for a loan that was in
    default, or is 90 days or more past due at its last row: such loans stay as they are, and are
    counted in the findings as "vanished", the others as "taken_as_repaid"."""
    reject_limit: Share = 0.0
    """Share of rows that may be rejected before the history is refused."""

    @model_validator(mode="after")
    def _mapped(self) -> PerformanceSpec:
        needed = NEEDED[self.kind]
        known = (*needed, *OPTIONAL[self.kind], *(LOAN_COLUMNS if needed else ()))
        strange = [name for name in self.columns if name not in known]
        if strange:
            raise MisfitError(
                key=f"columns.{strange[0]}",
                found=f'{strange[0]}, with kind = "{self.kind}"',
                expected=f"one of {', '.join(known)}",
            )
        lacking = [name for name in needed if name not in self.columns]
        if lacking:
            raise MisfitError(
                key="columns",
                found=f"no {', '.join(lacking)}",
                expected=f"{', '.join(needed)} mapped to source columns",
            )
        if self.path is None and not self.paths:
            raise MisfitError(key="path", found="neither path nor paths", expected="one of them")
        if self.kind == "payments" and self.vanished == "repaid":
            raise MisfitError(
                key="vanished",
                found='"repaid", with kind = "payments"',
                expected="months that list the loans: payments leave a loan open until repaid",
            )
        return self

    @model_validator(mode="after")
    def _counted(self) -> PerformanceSpec:
        wide = self.kind == "wide"
        if wide and (self.first is None or self.count is None):
            raise MisfitError(
                found='kind = "wide" without first or count',
                expected="first (a day of month t = 1) and count (months)",
            )
        for name, source in self.columns.items():
            parts = (source,) if isinstance(source, str) else source
            repeated = wide and name in REPEATED
            if not parts or any(("{t}" in part) != repeated for part in parts):
                raise MisfitError(
                    key=f"columns.{name}",
                    found=repr(source),
                    expected="source columns with {t} for the month"
                    if repeated
                    else "source columns, without {t}",
                )
        return self

    def sources(self, name: str) -> tuple[str, ...]:
        """Source columns of one of ours, none where it is not mapped."""
        source = self.columns.get(name, ())
        return (source,) if isinstance(source, str) else source
