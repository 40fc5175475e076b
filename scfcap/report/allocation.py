"""A funding date's allocation as tables and sentences, and its run folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scfcap.brief import Lines
from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.feedback import Split
from scfcap.funding.allocation.result import Allocation
from scfcap.quantities import BoolArray
from scfcap.report.files import RESULT_VERSION, plain_rows
from scfcap.report.pictures import allocation as pictures
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table
from scfcap.schema.load import LoadedModel

if TYPE_CHECKING:
    from scfcap.report.allocation_proof import TapeSource

#: Prices below this are none [currency per currency].
NO_PRICE = 1e-9
#: What a row may be over by rounding, share of its right side [1, at least 1 currency].
_ROUNDING = 1e-9
#: Shown of a loan that is in no channel.
NOWHERE = ""


@dataclass(frozen=True)
class Additions:
    """Tables and files by name that a part adds to an allocation's run folder."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class AllocationReport(Pictured):
    """The loans of a funding date, placed; ``before``: name of the earlier allocation, if given.
    ``split``: what the plan reaches with the lists; None where values are stated.
    """

    model: LoadedModel
    assembled: Assembled
    answer: Allocation
    origin: Mapping[str, Any] = field(default_factory=dict)
    before: str | None = None
    tape: TapeSource | None = None
    """With it, the run folder has the files that make the answer checkable."""
    split: Split | None = None

    @cached_property
    def loans(self) -> pd.DataFrame:
        """One row a loan: where it goes, where it is, balance and what it is worth there."""
        program, choice = self.assembled.program, self.answer.choice
        names = pd.Index([NOWHERE, *program.channels])
        placed = np.maximum(choice, 0)
        worth = program.value[np.arange(len(program)), placed]
        return pd.DataFrame(
            {
                "loan_id": program.loan_id,
                "channel": pd.Categorical.from_codes(choice.astype(np.int64) + 1, names),
                "before": pd.Categorical.from_codes(program.today.astype(np.int64) + 1, names),
                "balance": program.balance,
                "value": np.where(choice >= 0, worth, 0.0),
                "moves": (program.today >= 0) & (choice != program.today),
            }
        )

    @cached_property
    def channels(self) -> pd.DataFrame:
        """One row a channel: balances today and after, what comes and goes, band, loans, value."""
        program, choice = self.assembled.program, self.answer.choice
        today, balance, values = program.today, program.balance, self.loans["value"].to_numpy()
        rows = []
        for c, funder in enumerate(self.assembled.funders):
            here, there = choice == c, today == c
            aim = funder.target
            binds = self.binding(funder.key)
            rows.append(
                {
                    "channel": funder.key,
                    "today": float(balance[there].sum()),
                    "in": float(balance[here & ~there].sum()),
                    "out": float(balance[there & ~here].sum()),
                    "after": float(balance[here].sum()),
                    "counted": self._counted(c, here),
                    "least": aim.least if aim.least > 0.0 else np.nan,
                    "most": aim.most if np.isfinite(aim.most) else np.nan,
                    "wanted": np.nan if aim.wanted is None else aim.wanted,
                    "source": aim.source,
                    "loans": int(here.sum()),
                    "loans_in": int((here & ~there).sum()),
                    "loans_out": int((there & ~here).sum()),
                    "value": float(values[here].sum()),
                    "may_come": float(balance[program.eligible[:, c] & ~there].sum()),
                    "binds": ", ".join(binds["row"]),
                    "price": float(binds["price"].iloc[0]) if len(binds) else np.nan,
                    "availability": self.availability(funder.key),
                }
            )
        return pd.DataFrame(rows)

    def _counted(self, channel: int, here: BoolArray) -> float:
        """What of the loans counts towards the band, where that is not their balance; else NaN."""
        program, number = self.assembled.program, self.assembled.funders[channel].target.number
        if number is None or number not in program.numbers:
            return float("nan")
        return float((program.balance * program.numbers[number])[here].sum())

    @cached_property
    def limits(self) -> pd.DataFrame:
        """One row a row of the program: what it limits, how far it is used, its price."""
        program, answer = self.assembled.program, self.answer
        frame = pd.DataFrame(
            {
                "row": [row.name for row in program.rows],
                "kind": [row.kind for row in program.rows],
                "channels": [
                    ", ".join(dict.fromkeys(program.channels[term.channel] for term in row.terms))
                    for row in program.rows
                ],
                "subject": [row.subject for row in program.rows],
                "stated": np.array(
                    [np.nan if row.stated is None else row.stated for row in program.rows],
                    dtype=np.float64,
                ),
                "right": program.right,
                "activity": answer.activity,
                "slack": answer.slack,
                "price": answer.dual,
            }
        )
        return frame.astype(dict.fromkeys(("row", "kind", "channels", "subject"), "str"))

    def binding(self, key: str) -> pd.DataFrame:
        """Rows with a price that are on a channel, the dearest first."""
        program = self.assembled.program
        c = program.channels.index(key)
        on = np.array([any(term.channel == c for term in row.terms) for row in program.rows])
        rows = self.limits[on.astype(bool) & (self.answer.dual > NO_PRICE)]
        return rows.sort_values("price", ascending=False, kind="stable")

    def availability(self, key: str) -> float:
        """What a line that loans are pledged to leaves beyond what is drawn, reserves and the
        least availability [currency], NaN where none is; below 0: to be cured.
        """
        rows = self.limits.loc[self.limits["row"] == f"{key}: cover", "slack"]
        return float(rows.iloc[0]) if len(rows) else float("nan")

    def _brief(self) -> tuple[str, Lines]:
        title, lines = self.answer._brief()
        return f"{title} of {self.model.spec.name}, {self.assembled.as_of}", lines

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return replace(About.of(self.model.spec), as_of=self.assembled.as_of)

    def plots(self) -> Plots:
        """Who gets what, and what binds."""
        about = self._about()
        return {
            "channels": lambda: pictures.channels(self.channels, about),
            "binding": lambda: pictures.binding(self.limits, NO_PRICE, about),
        }

    @property
    def kept(self) -> bool:
        """Whether every row is kept, by exact sums; a ticket only where something moves in."""
        program = self.answer.program
        hard = np.array([row.kind != "ticket" for row in program.rows], dtype=bool)
        least = -_ROUNDING * np.maximum(1.0, np.abs(program.right))
        return bool((self.answer.slack >= least)[hard].all())

    def sentences(self) -> list[str]:
        """The proof, and what is moved."""
        answer, money = self.answer, self._money
        program = self.assembled.program
        moved = answer.moved
        new = (program.today < 0) & (answer.choice >= 0)
        told = [
            f"{len(program):,} loans of {money(float(program.balance.sum()))} are placed, worth "
            f"{money(answer.value)}. No placement that keeps the limits is worth more than "
            f"{money(answer.bound)}: the gap is {answer.gap:.2g} of it, and "
            f"{'all' if self.kept else 'not all'} {len(program.rows)} rows are kept.",
            f"{len(moved):,} loans of {money(float(program.balance[moved].sum()))} change their "
            f"channel; {int(new.sum()):,} of {money(float(program.balance[new].sum()))} are placed "
            "for the first time.",
        ]
        split = [] if self.split is None else self.split.sentences()
        return [*told, *split, *self.rows_told(), *self.assembled.cautions]

    def rows_told(self) -> list[str]:
        """How many rows the limits made, and how many could be left out."""
        counts = self.assembled.counts
        if not counts:
            return []
        return [
            f"{counts['rows']:,} rows; {counts['rows that cannot bind']:,} that cannot bind are "
            f"left out, {counts['rows on names that nothing broke']:,} on names were never broken, "
            f"{counts['rows added when broken']:,} were added in {counts['rounds']:,} rounds."
        ]

    def _money(self, amount: float) -> str:
        return f"{self.assembled.currency} {amount:,.2f}"

    def document(self) -> dict[str, Any]:
        """The report as plain values; loans are in the tables."""
        answer, program = self.answer, self.assembled.program
        moved = answer.moved
        return {
            "schema_version": RESULT_VERSION,
            "name": self.model.spec.name,
            "as_of": self.assembled.as_of.isoformat(),
            "currency": self.assembled.currency,
            "loans": len(program),
            "balance": float(program.balance.sum()),
            "value": answer.value,
            "bound": answer.bound,
            "gap": answer.gap if math.isfinite(answer.gap) else None,
            "all_rows_kept": self.kept,
            "worst_slack": float(answer.slack.min()) if len(program.rows) else None,
            "moved_loans": len(moved),
            "moved_balance": float(program.balance[moved].sum()),
            "before": self.before,
            "counts": {**self.assembled.counts, **answer.counts},
            "steps": [
                {"name": s.name, "bound": s.bound, "value": s.value, "said": s.said}
                for s in answer.steps
            ],
            "summary": self.sentences(),
            "channels": plain_rows(self.channels),
            "binding": plain_rows(self.limits[answer.dual > NO_PRICE]),
        }

    def save(self, out: str | Path) -> SavedRun:
        """Write a run folder with what all parts add."""
        found = collected(self)
        tables, files = dict(found.tables), dict(found.files)
        return save_run(Path(out), tables, self.origin, self.document(), extra=files)


def own_tables(report: AllocationReport) -> Additions:
    """The lists, the channels and the rows."""
    money = report.assembled.currency
    amounts = ("balance", "value", "today", "in", "out", "after", "counted", "least", "most",
               "wanted", "may_come", "availability", "right", "activity", "slack")  # fmt: skip
    units = dict.fromkeys(amounts, money)
    units |= dict.fromkeys(("loans", "loans_in", "loans_out"), "loans")
    units["price"] = "currency/currency"
    frames = {
        "allocation": ("Where each loan goes", report.loans),
        "channels": ("Channels", report.channels),
        "limits": ("Limits, how far they are used, and their prices", report.limits),
    }
    if report.split is not None:
        frames["allocation_split"] = (
            "The plan and what the lists reach of it",
            report.split.table(),
        )
        units["amount"] = money
    return Additions(
        {
            name: Table(name, title, frame, {c: units[c] for c in frame if c in units})
            for name, (title, frame) in frames.items()
        }
    )


def checkable(report: AllocationReport) -> Additions:
    """The files of ``scfcap verify-allocation``."""
    from scfcap.report.allocation_proof import proof_files

    made = report.assembled.made
    if made is None or report.tape is None:
        return Additions()
    before = report.before is not None
    return Additions(files=proof_files(made, report.answer, report.tape, before=before))


def told(report: AllocationReport) -> Additions:
    """Why loans go where they go, and the lists and reports of the funders."""
    from scfcap.report.allocation_told import list_files, told_tables

    return Additions(told_tables(report), list_files(report))


#: What makes up the run folder of an allocation: each part adds tables and files by name.
PARTS: tuple[Callable[[AllocationReport], Additions], ...] = (own_tables, checkable, told)


def collected(report: AllocationReport) -> Additions:
    """What all :data:`PARTS` add together."""
    tables: dict[str, Table] = {}
    files: dict[str, bytes] = {}
    for part in PARTS:
        found = part(report)
        tables |= found.tables
        files |= found.files
    return Additions(tables, files)
