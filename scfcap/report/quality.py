"""The data-quality report of a tape, to show and to save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.lines import remarks_said
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table
from scfcap.schema.load import LoadedModel
from scfcap.tape.rollforward import RollForward
from scfcap.tape.schema import Tape


@dataclass(frozen=True)
class Quality:
    """What a model's check found. ``origin`` is what the manifest says of where figures come from.

    ``rows``: loans as read. ``limit``: share of them that may be rejected. ``tape`` is None where
    no row is left; ``findings``, ``rejects`` and ``reasons`` are as a tape has them.
    ``moved``: what became of the loans of an earlier tape. ``notes``: what else is to be known
    before the figures are used, a sentence each.
    """

    model: LoadedModel
    origin: Mapping[str, Any]
    findings: pd.DataFrame
    rejects: pd.DataFrame
    reasons: pd.DataFrame
    rows: int
    limit: float
    tape: Tape | None = None
    moved: RollForward | None = None
    notes: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether more rows are rejected than the model allows."""
        return self.tape is None or len(self.rejects) > self.limit * self.rows

    def counts(self) -> pd.DataFrame:
        """Rows and balance concerned by severity, column and reason, most serious first."""
        return self.reasons

    def verdict(self) -> str:
        """In one sentence: may a run go on?"""
        rejected = f"{len(self.rejects):,} of {self.rows:,} rows are rejected"
        if self.refused:
            return (
                f"Refused: {rejected}, and tape.reject_limit allows {self.limit:.2%}. Correct the "
                f"rows of {self._tape_name()} listed above, or raise the limit with --reject-limit."
            )
        fine = rejected if len(self.rejects) else f"none of {self.rows:,} rows is rejected"
        return f"Usable: {fine}; {remarks_said(self.reasons)}."

    def _tape_name(self) -> str:
        return str(self.origin.get("tape") or self.model.spec.tape.path or "the tape")

    def scaled(self) -> str | None:
        """How money that is stated for another book is scaled to this one; None if it is not."""
        stated, currency = self.model.spec.stated_for_book, self.model.spec.currency
        if not stated or self.tape is None:
            return None
        book = float(self.tape.frame["current_balance"].sum())
        return (
            f"Money in the model is stated for a book of {currency} {stated:,.0f} "
            f"(stated_for_book); this one has {currency} {book:,.0f}, so a plan takes "
            f"{book / stated:.4%} of it."
        )

    def document(self) -> dict[str, Any]:
        """The report as plain values, every finding included."""
        return {
            "schema_version": RESULT_VERSION,
            "model": self.model.spec.name,
            "as_of": self.model.spec.as_of,
            "rows": self.rows,
            "rejected": len(self.rejects),
            "reject_limit": self.limit,
            "refused": self.refused,
            "verdict": self.verdict(),
            "notes": list(self.notes),
            "totals": [] if self.tape is None else records(self.tape.totals),
            "counts": records(self.counts()),
            "findings": records(self.findings),
            "roll_forward": {
                name.removeprefix("roll_forward_"): records(frame)
                for name, (_, frame) in self._moves().items()
            },
        }

    def _moves(self) -> dict[str, tuple[str, pd.DataFrame]]:
        if self.moved is None:
            return {}
        days = f"from {self.moved.before} to {self.moved.after}"
        return {
            "roll_forward_movements": (f"Balances {days}", self.moved.table),
            "roll_forward_exceptions": ("Loans to look into", self.moved.exceptions),
            "roll_forward_changes": ("Terms that changed", self.moved.changes),
        }

    def save(self, out: Path) -> SavedRun:
        """Write the report to folder ``out``: tables, and ``rejects.csv`` with the refused rows."""
        totals = pd.DataFrame() if self.tape is None else self.tape.totals
        frames = {
            "tape_totals": ("Rows and balances of the tape", totals),
            "tape_counts": ("Findings by reason", self.counts()),
            "tape_findings": ("Findings", self.findings),
            **self._moves(),
        }
        tables = {name: Table(name, *rest) for name, rest in frames.items() if len(rest[1].columns)}
        result = {k: v for k, v in self.document().items() if k != "findings"}
        extra = {"rejects.csv": csv_bytes(self.rejects), "findings.csv": csv_bytes(self.findings)}
        return save_run(out, tables, self.origin, result, extra=extra)
