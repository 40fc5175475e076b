"""What the chunks of a tape say together: loans that stand in several, and whether it is usable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from scfcap.cashflow.chunks import Claim, Part, Recipe
from scfcap.errors import InputError, Problem
from scfcap.tape.checks import RejectedRows, too_many
from scfcap.tape.findings import problems_of


@dataclass(frozen=True)
class Settled:
    """Loans that stand in several chunks: ids that later chunks lose, rows refused beside those
    that the chunks refuse themselves, rows that are dropped as equal, and findings of the former.
    """

    dropped: tuple[tuple[str, ...], ...]
    refused: int
    equal: int
    findings: pd.DataFrame


#: No loan stands in two chunks.
NOTHING = Settled((), 0, 0, pd.DataFrame())


def settle(listed: Sequence[Sequence[Claim]], *, equal_goes: bool) -> Settled:
    """The first row of a loan holds, wherever it stands, as in one pass over the whole tape."""
    first: dict[str, tuple[int, Claim]] = {}
    seen: dict[str, set[str]] = {}
    dropped: list[dict[str, None]] = [{} for _ in listed]
    refused = equal = 0
    findings = []
    for number, rows in enumerate(listed):
        for claim in rows:
            home, holder = first.setdefault(claim.loan_id, (number, claim))
            cells = seen.setdefault(claim.loan_id, set())
            same = claim.cells in cells
            cells.add(claim.cells)
            if home == number:
                continue
            dropped[number][claim.loan_id] = None
            if equal_goes and same:
                equal += 1
                refused -= claim.refused
            elif not claim.refused:
                refused += 1
                reason = "equal_row" if claim.cells == holder.cells else "repeated_id"
                findings.append(_finding(claim, holder, reason))
    return Settled(tuple(map(tuple, dropped)), refused, equal, pd.DataFrame(findings))


def _finding(claim: Claim, holder: Claim, reason: str) -> dict[str, Any]:
    return {
        "row": claim.row,
        "column": "loan_id",
        "value": claim.loan_id,
        "reason": reason,
        "severity": "error",
        "detail": f"each loan once; {holder.file} row {holder.row} has it too",
        "loan_id": claim.loan_id,
        "file": claim.file,
    }


def judge(recipe: Recipe, parts: Sequence[Part], settled: Settled) -> None:
    """Refuse a tape of which more rows are faulty than the model allows, or without a loan."""
    source = recipe.data.source
    rows = sum(part.rows for part in parts) - settled.equal
    refused = sum(part.refused for part in parts) + settled.refused
    if refused > recipe.spec.reject_limit * rows or refused == rows:
        faults = [part.faults for part in parts if len(part.faults)]
        findings = pd.concat([*faults, settled.findings], ignore_index=True)
        problems = problems_of(findings, source, dict(recipe.spec.columns))
        problems.append(too_many(refused, rows, recipe.spec.reject_limit, source))
        raise RejectedRows(problems, findings, pd.DataFrame(), pd.DataFrame())
    if not any(part.loans for part in parts):
        raise InputError(
            Problem(
                source,
                "no outstanding loan",
                "at least one with a balance that is neither repaid nor charged off",
                "Check the mapping of current_balance and status.",
            )
        )
