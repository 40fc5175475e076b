"""What was found on a tape as tables: each finding, and each reason with rows and balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from scfcap.errors import Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.tape.cells import MOST_LISTED, Issue, as_read

#: Faults that a refusal lists one by one.
LISTED: Final = 20


@dataclass(frozen=True)
class Origin:
    """Where the rows of a tape stand in its source.

    ``rows``: row of the source, from 0, of each row; None where it is the same. ``parts``: name and
    number of rows of each file, in order, where there are several. ``firsts``: rows of its file
    that stand before each part, where parts are not whole files.
    """

    rows: IntArray | None = None
    parts: tuple[tuple[str, int], ...] = ()
    firsts: tuple[int, ...] = ()

    @property
    def named(self) -> bool:
        """Whether rows are told by file and number: one file that is whole needs no name."""
        return len(self.parts) > 1 or bool(self.firsts)

    def at(self, rows: IntArray) -> IntArray:
        """Rows of the whole source, from 0; -1 stays."""
        if self.rows is None:
            return rows
        return np.where(rows < 0, -1, self.rows[np.maximum(rows, 0)])

    def numbers(self, rows: IntArray) -> tuple[IntArray, list[str]]:
        """Row numbers from 1 in their files, and those files; for the whole column 0 and no file.

        Files are named only where there are several, or parts of them.
        """
        at = self.at(rows)
        if not self.named:
            return at + 1, []
        ends = np.cumsum([count for _, count in self.parts])
        file = np.searchsorted(ends, at, side="right")
        starts = np.concatenate([[0], ends])
        names = [self.parts[k][0] if row >= 0 else "" for k, row in zip(file, at, strict=True)]
        before = np.array([*(self.firsts or [0] * len(self.parts)), 0])
        return np.where(at < 0, 0, at - starts[file] + before[file] + 1), names


def findings_of(
    issues: Sequence[Issue], origin: Origin | None = None, loans: Any = None
) -> pd.DataFrame:
    """One row for each fault, in order of rows.

    Columns: row (from 1; 0 stands for the whole column), column, value, reason, severity, detail
    (what is expected); loan_id, where ``loans`` gives the loan of each row (Arrow texts); and
    file, where a tape has several. Of each fault the first
    :data:`~scfcap.tape.cells.MOST_LISTED` rows are listed; one more line counts the rest.
    """
    origin = origin or Origin()
    parts = [_listed(issue, origin, loans) for issue in issues]
    parts += [_unlisted(issue, loans) for issue in issues if len(issue.rows) > MOST_LISTED]
    if not parts:
        names = ["column", "value", "reason", "severity", "detail"]
        names += [] if loans is None else ["loan_id"]
        empty = {name: pd.Series([], dtype="str") for name in names}
        return pd.DataFrame({"row": np.empty(0, dtype=np.int64), **empty})
    found = pd.concat(parts, ignore_index=True)
    order = np.argsort(found.pop("at").to_numpy(), kind="stable")
    return found.iloc[order].reset_index(drop=True)


def _listed(issue: Issue, origin: Origin, loans: Any) -> pd.DataFrame:
    rows = issue.rows[:MOST_LISTED]
    numbers, files = origin.numbers(rows)
    detail = issue.detail if isinstance(issue.detail, str) else list(issue.detail)
    cells: dict[str, Any] = {
        "row": numbers,
        "column": issue.column,
        "value": list(issue.values),
        "reason": issue.reason,
        "severity": issue.severity,
        "detail": detail,
        "at": origin.at(rows),
    }
    if loans is not None:
        known = as_read(loans, np.maximum(rows, 0)) if len(loans) else [""] * len(rows)
        cells["loan_id"] = [name if row >= 0 else "" for name, row in zip(known, rows, strict=True)]
    if origin.named:
        cells["file"] = files
    return pd.DataFrame(cells)


def _unlisted(issue: Issue, loans: Any) -> pd.DataFrame:
    more = f"{len(issue.rows) - MOST_LISTED:,} more rows"
    cells = {
        "row": 0,
        "column": issue.column,
        "value": more,
        "reason": issue.reason,
        "severity": issue.severity,
        "detail": f"the first {MOST_LISTED:,} are listed",
        "at": -1,
        **({} if loans is None else {"loan_id": ""}),
    }
    return pd.DataFrame([cells])


def reasons_of(issues: Sequence[Issue], balance: FloatArray) -> pd.DataFrame:
    """Each reason with its rows and the balance concerned, most serious and frequent first.

    Columns: severity, column, reason, rows (1 for a finding about the whole column), balance
    [currency]: the sum of ``balance``, shape (rows,), where it is known.
    """
    found: dict[tuple[str, str, str], list[IntArray]] = {}
    for issue in issues:
        found.setdefault((issue.severity, issue.column, issue.reason), []).append(issue.rows)
    lines = []
    for (severity, column, reason), parts in found.items():
        rows = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))
        amount = float(np.nansum(balance[rows[rows >= 0]]))
        lines.append((severity, column, reason, len(rows), round(amount, 6)))
    frame = pd.DataFrame(lines, columns=["severity", "column", "reason", "rows", "balance"])
    order = ["severity", "rows", "column", "reason"]
    return frame.sort_values(order, ascending=[True, False, True, True], ignore_index=True)


def why_refused(issues: Sequence[Issue], rows: int) -> tuple[BoolArray, Any]:
    """Mask of rows with an error, and for each of them, in order, its faults as Arrow texts."""
    texts = [""]
    held = np.zeros(rows, dtype=np.int64)  # place in ``texts``: what is known of each row so far
    for issue in issues:
        if issue.severity == "error":
            said = f"{issue.column}: {issue.reason}"
            places, which = np.unique(held[issue.rows], return_inverse=True)
            held[issue.rows] = len(texts) + which
            texts += [f"{texts[k]}; {said}" if k else said for k in places.tolist()]
    refused = held > 0
    return refused, pa.array(texts).take(pa.array(held[refused]))


def first_problems(
    issues: Sequence[Issue],
    source: str,
    names: dict[str, str] | None = None,
    origin: Origin | None = None,
    loans: Any = None,
) -> list[Problem]:
    """The first :data:`LISTED` faults as problems, by row, and how many more there are."""
    errors = [issue for issue in issues if issue.severity == "error"]
    findings = findings_of([_shortened(issue) for issue in errors], origin, loans)
    problems = problems_of(findings, source, names)
    count = sum(len(issue.rows) for issue in errors)
    if count > LISTED:
        problems.append(Problem(source, f"{count - LISTED:,} more faults", "none"))
    return problems


def problems_of(
    findings: pd.DataFrame, source: str, names: dict[str, str] | None = None
) -> list[Problem]:
    """The first :data:`LISTED` rows of ``findings`` as problems; ``names``: our column = theirs."""
    problems = []
    for fault in findings.head(LISTED).to_dict("records"):
        theirs = (names or {}).get(fault["column"], fault["column"])
        said = f" (source column {theirs})" if theirs != fault["column"] else ""
        file = fault.get("file") or source
        loan = fault.get("loan_id") or ""
        known = isinstance(loan, str) and loan != "" and fault["column"] != "loan_id"
        which = f", loan {loan if loan.isprintable() else repr(loan)}" if known else ""
        problems.append(
            Problem(
                f"{file} row {fault['row']}{which}, {fault['column']}{said}",
                f"{fault['value']!r} ({fault['reason'].replace('_', ' ')})",
                str(fault["detail"]),
            )
        )
    return problems


def _shortened(issue: Issue) -> Issue:
    """The first :data:`LISTED` rows of an issue."""
    if len(issue.rows) <= LISTED:
        return issue
    order = np.argsort(issue.rows[:MOST_LISTED], kind="stable")[:LISTED]
    detail = issue.detail if isinstance(issue.detail, str) else [issue.detail[k] for k in order]
    shown = np.array(issue.values, dtype=object)[order].tolist()
    return replace(issue, detail=detail, rows=issue.rows[order], values=shown)
