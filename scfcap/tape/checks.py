"""A typed tape to a checked one: rules asked, rows refused, totals that tie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray
from scfcap.schema.tape import TapeSpec
from scfcap.tape.convert import Codes
from scfcap.tape.derive import Typed, typed
from scfcap.tape.findings import Origin, findings_of, first_problems, reasons_of, why_refused
from scfcap.tape.rules.catalogue import apply_rules
from scfcap.tape.schema import COLUMNS, Tape
from scfcap.tape.steps import Intake, take_in
from scfcap.tape.totals import totals_of

__all__ = ["RejectedRows", "check", "checked", "findings_of", "first_problems"]


class RejectedRows(InputError):  # noqa: N818  (named for what it holds)
    """More rows are faulty than the model allows.

    Carries every finding, the refused rows, and the counts by reason, as :class:`Tape` does.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        findings: pd.DataFrame,
        rejects: pd.DataFrame,
        reasons: pd.DataFrame,
    ) -> None:
        self.findings = findings
        self.rejects = rejects
        self.reasons = reasons
        super().__init__(problems)


def checked(
    table: Any,
    spec: TapeSpec,
    *,
    as_of: date,
    source: str,
    digest: str,
    parts: Sequence[tuple[str, int]] = (),
    known: Mapping[str, Sequence[str]] | None = None,
) -> Tape:
    """The rows of a source as a checked tape: chosen, folded, typed, and asked by all rules.

    ``parts``: name and rows of each file that ``table`` was read from, where there are several.
    ``known``: the values that ``[tape.reference]`` lists for a column.

    Raises :class:`RejectedRows` where more than ``spec.reject_limit`` of the rows are refused, and
    :class:`InputError` for a mapping that does not fit, or that leaves no row.
    """
    intake = take_in(table, spec, as_of)
    if not intake.table.num_rows:
        raise none_left(source, table.num_rows)
    tape = turned(intake, spec, as_of=as_of, origin=Origin(None, tuple(parts)))
    tape.known = known or {}
    return check(tape, intake, table, source=source, digest=digest)


def none_left(source: str, rows: int) -> InputError:
    """What is wrong where ``[tape].where`` leaves no row."""
    return InputError(
        Problem(
            source,
            f"none of {rows:,} rows left by tape.where",
            "at least one loan",
            "Correct tape.where, or the units and forms of what it names.",
        )
    )


def turned(intake: Intake, spec: TapeSpec, *, as_of: date, origin: Origin) -> Typed:
    """The rows of ``intake`` typed; ``origin`` says which parts of files they were taken from."""
    tape = typed(intake.table, spec, as_of)
    tape.issues += intake.issues
    tape.origin = replace(origin, rows=intake.rows)
    return tape


def check(tape: Typed, intake: Intake, table: Any, *, source: str, digest: str) -> Tape:
    """Ask all rules of ``tape``, the typed rows of ``intake``, which was taken from ``table``.

    Raises :class:`RejectedRows`.
    """
    spec = tape.spec
    issues = apply_rules(tape)
    refused, why = why_refused(issues, tape.rows)
    loans = tape.columns["loan_id"]
    findings = findings_of(issues, tape.origin, loans)
    reasons = reasons_of(issues, tape.columns["current_balance"])
    rejects = _rejects(tape, refused, why)
    count = int(refused.sum())
    if count > spec.reject_limit * tape.rows or count == tape.rows:
        problems = first_problems(issues, source, tape.names, tape.origin, loans)
        problems.append(too_many(count, tape.rows, spec.reject_limit, source))
        raise RejectedRows(problems, findings, rejects, reasons)
    return Tape(
        frame=_frame(tape, ~refused if count else None),
        findings=findings,
        rejects=rejects,
        totals=totals_of(tape, refused, intake, table),
        as_of=tape.as_of,
        source=source,
        digest=digest,
        reasons=reasons,
    )


def too_many(count: int, rows: int, limit: float, source: str) -> Problem:
    """What is wrong where ``count`` of ``rows`` rows are faulty, and the share ``limit`` may be."""
    hint = (
        "Correct the rows (`scfcap check` with --out writes them all to a file), or leave them "
        f"out with --reject-limit {_limit(count, rows)}."
    )
    if count == rows:
        hint = "Correct the mapping or the rows."
    allowed = f"at most {limit:.2%} of {rows:,} rows" if limit else "none"
    return Problem(source, f"{count:,} faulty row{'s' if count > 1 else ''}", allowed, hint)


def _limit(count: int, rows: int) -> float:
    """The smallest share of four decimals that lets ``count`` of ``rows`` pass."""
    return float(np.ceil(count / rows * 1e4) / 1e4)


def _rejects(tape: Typed, refused: BoolArray, why: Any) -> pd.DataFrame:
    rows = np.flatnonzero(refused)
    cells: pd.DataFrame = tape.raw.take(pa.array(rows)).to_pandas()
    numbers, files = tape.origin.numbers(rows)
    front: dict[str, Any] = {"file": files} if tape.origin.named else {}
    front |= {"row": numbers, "reason": why.to_pandas()}
    cells = cells.rename(columns={name: f"{name} (source)" for name in front})
    return pd.concat([pd.DataFrame(front), cells], axis=1)


def _frame(tape: Typed, keep: BoolArray | None) -> pd.DataFrame:
    """The canonical frame; ``keep`` masks the good rows, None keeps all."""
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        if column.name in tape.columns:
            columns[column.name] = _cells(tape.columns[column.name], column.kind, keep)
    for name, cells in tape.kept.items():
        columns[name] = _cells(cells, "", keep)
    return pd.DataFrame(columns, copy=False)


def _cells(cells: Any, kind: str, keep: BoolArray | None) -> Any:
    if isinstance(cells, Codes):
        codes = cells.codes if keep is None else cells.codes[keep]
        found = pd.Categorical.from_codes(codes, pd.Index(list(cells.labels), dtype="str"))
        return found if keep is None else found.remove_unused_categories()
    if isinstance(cells, np.ndarray):
        cells = cells if keep is None else cells[keep]
        if cells.dtype.kind == "M":
            return cells.astype("datetime64[s]")
        whole = kind == "integer" and not np.isnan(cells).any()
        return cells.astype(np.int64) if whole else cells
    if keep is not None:
        cells = cells.filter(pa.array(keep))
    if pa.types.is_date(cells.type):
        cells = cells.cast(pa.timestamp("s"))
    return cells.to_pandas()
