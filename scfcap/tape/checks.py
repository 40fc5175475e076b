"""One rule per function: the rows of a typed tape that break it, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scfcap import axes
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.quantities import ENGINE_TOLERANCE, HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.schema.tape import TapeSpec
from scfcap.tape.convert import Codes, Issue, Severity
from scfcap.tape.derive import BY_NAME, Typed, missing
from scfcap.tape.schema import COLUMNS, Tape

#: Highest contract rate that is believed [1/year], 5000%.
MAX_RATE: Final = 50.0
#: Largest amount of one loan [currency].
MAX_BALANCE: Final = 1e12
#: What an instalment may differ by from the annuity formula [currency].
INSTALMENT_TOLERANCE: Final = 0.02
#: Faults that a refusal lists one by one.
LISTED: Final = 20
_CHANNELS = (axes.OWN, *axes.OUTSIDE_CHANNELS)


class RejectedRows(InputError):  # noqa: N818  (named for what it holds)
    """More rows are faulty than the model allows; carries every finding and refused row."""

    def __init__(self, problems: Sequence[Problem], findings: pd.DataFrame, rejects: pd.DataFrame):
        self.findings = findings
        self.rejects = rejects
        super().__init__(problems)


@dataclass(frozen=True)
class Rule:
    """A test over whole columns: ``test`` masks the rows that fail; ``detail`` says what is due."""

    column: str
    reason: str
    severity: Severity
    test: Callable[[Typed], BoolArray]
    detail: str | Callable[[Typed, BoolArray], list[str]]


def repeated_id(tape: Typed) -> BoolArray:
    """Every occurrence of a loan id after the first."""
    ids = tape.columns["loan_id"]
    if pc.all(pc.less(ids[:-1], ids[1:]), skip_nulls=False).as_py():
        return np.zeros(tape.rows, dtype=np.bool_)
    if len(pc.unique(ids)) == len(ids) - max(ids.null_count - 1, 0):
        return np.zeros(tape.rows, dtype=np.bool_)
    series = ids.to_pandas()
    return np.asarray(series.duplicated() & series.notna())


def after_as_of(tape: Typed) -> BoolArray:
    """Paid out after the tape's day."""
    return np.asarray(tape.columns["origination_date"] > np.datetime64(tape.as_of, "D"))


def maturity_before_origination(tape: Typed) -> BoolArray:
    """Due before it was paid out."""
    return np.asarray(tape.columns["maturity_date"] < tape.columns["origination_date"])


def negative(column: str) -> Callable[[Typed], BoolArray]:
    """Below zero."""
    return lambda tape: np.asarray(tape.columns[column] < 0.0)


def nothing_lent(tape: Typed) -> BoolArray:
    """No principal was ever paid out."""
    return np.asarray(tape.columns["original_balance"] == 0.0)


def above_original(tape: Typed) -> BoolArray:
    """More outstanding than was paid out; a revolving line may be drawn again."""
    lent = tape.columns["original_balance"]
    above = (tape.columns["current_balance"] > lent + HALF_CENT) & (lent > 0.0)
    lines: BoolArray = tape.columns["loan_type"].where(("revolving_line",))
    return np.asarray(above & ~lines)


def too_large(column: str) -> Callable[[Typed], BoolArray]:
    """Above :data:`MAX_BALANCE`."""

    def test(tape: Typed) -> BoolArray:
        return np.asarray(tape.columns[column] > MAX_BALANCE)

    return test


def rate_out_of_range(tape: Typed) -> BoolArray:
    """Below 0 or above :data:`MAX_RATE`."""
    rate = tape.columns["rate"]
    return np.asarray((rate < 0.0) | (rate > MAX_RATE))


def unknown(column: str, known: Sequence[str]) -> Callable[[Typed], BoolArray]:
    """Not in our vocabulary."""

    def test(tape: Typed) -> BoolArray:
        cells: Codes = tape.columns[column]
        return (cells.codes >= 0) & ~cells.where(known)

    return test


def unknown_channel(tape: Typed) -> BoolArray:
    """A holder whose channel we do not know."""
    cells: Codes = tape.columns["channel"]
    known = [label for label in cells.labels if axes.channel_of(label) in _CHANNELS]
    return (cells.codes >= 0) & ~cells.where(known)


def past_maturity(tape: Typed) -> BoolArray:
    """Due before the tape's day and still outstanding."""
    due = tape.columns["maturity_date"] < np.datetime64(tape.as_of, "D")
    return np.asarray(due & (tape.columns["current_balance"] > 0.0) & ~closed(tape))


def closed(tape: Typed) -> BoolArray:
    """Repaid or charged off."""
    status: Codes = tape.columns["status"]
    return status.where(("repaid", "charged_off"))


def repaid_but_owing(tape: Typed) -> BoolArray:
    """Status repaid, with a balance."""
    status: Codes = tape.columns["status"]
    return np.asarray(status.where(("repaid",)) & (tape.columns["current_balance"] > HALF_CENT))


def annuity(tape: Typed) -> FloatArray:
    """Level monthly payment on the original balance over the whole months of the term [currency].

    ``B i / (1 - (1 + i)^-n)`` with ``i`` a twelfth of the annual rate; NaN where unknown.
    """
    start, end = tape.columns["origination_date"], tape.columns["maturity_date"]
    months = end.astype("datetime64[M]").astype(np.int64) - start.astype("datetime64[M]").astype(
        np.int64
    )
    known = ~np.isnat(start) & ~np.isnat(end) & (months > 0)
    n = np.where(known, months, 1).astype(np.float64)
    i = tape.columns["rate"] / 12.0
    with np.errstate(all="ignore"):
        factor = np.where(i == 0.0, 1.0 / n, i / -np.expm1(-n * np.log1p(i)))
    return np.where(known, tape.columns["original_balance"] * factor, np.nan)


def instalment_differs(tape: Typed) -> BoolArray:
    """Off the annuity formula, for level payment loans."""
    level: BoolArray = tape.columns["loan_type"].where(("level_payment",))
    gap = np.abs(tape.columns["instalment"] - annuity(tape))
    return np.asarray(level & (gap > INSTALMENT_TOLERANCE))


def principal_gap(tape: Typed, rows: IntArray | None = None) -> FloatArray:
    """Principal neither outstanding nor repaid [currency]: original - current - paid."""
    names = ("original_balance", "current_balance", "paid_principal")
    original, current, paid = (
        tape.columns[name] if rows is None else tape.columns[name][rows] for name in names
    )
    return np.asarray(original - current - paid)


def charged_off_loss(tape: Typed) -> BoolArray:
    """A charged-off loan with principal that was not repaid."""
    status: Codes = tape.columns["status"]
    return np.asarray(status.where(("charged_off",)) & (np.abs(principal_gap(tape)) > HALF_CENT))


def unexplained(tape: Typed) -> BoolArray:
    """Principal that does not add up on a loan that is not charged off."""
    status: Codes = tape.columns["status"]
    return np.asarray(~status.where(("charged_off",)) & (np.abs(principal_gap(tape)) > HALF_CENT))


def _annuity_said(tape: Typed, mask: BoolArray) -> list[str]:
    return [f"{amount:.2f} by the annuity formula" for amount in annuity(tape)[mask]]


def _gap_said(word: str) -> Callable[[Typed, BoolArray], list[str]]:
    def said(tape: Typed, mask: BoolArray) -> list[str]:
        columns = [tape.columns[c][mask] for c in ("original_balance", "current_balance")]
        parts = zip(*columns, tape.columns["paid_principal"][mask], strict=True)
        return [
            f"{word} {lent - owed - paid:,.2f} = original {lent:,.2f} - outstanding {owed:,.2f}"
            f" - repaid {paid:,.2f}"
            for lent, owed, paid in parts
        ]

    return said


RULES: Final[tuple[Rule, ...]] = (
    Rule("loan_id", "repeated_id", "error", repeated_id, "each loan once"),
    Rule("origination_date", "after_as_of", "error", after_as_of, "a day up to as_of"),
    Rule(
        *("maturity_date", "before_origination", "error", maturity_before_origination),
        "a day at or after the origination",
    ),
    Rule("original_balance", "negative", "error", negative("original_balance"), "above 0"),
    Rule(
        *("original_balance", "too_large", "error", too_large("original_balance")),
        f"at most {MAX_BALANCE:g}",
    ),
    Rule("original_balance", "zero", "error", nothing_lent, "above 0"),
    Rule("current_balance", "negative", "error", negative("current_balance"), "0 or more"),
    Rule(
        *("current_balance", "above_original", "error", above_original),
        "the original balance at most",
    ),
    Rule(
        *("rate", "out_of_range", "error", rate_out_of_range),
        f"a decimal a year from 0 to {MAX_RATE:g}; list rate in [tape].percent if in percent",
    ),
    Rule(
        *("loan_type", "unknown_value", "error", unknown("loan_type", axes.LOAN_TYPES)),
        f"one of {', '.join(axes.LOAN_TYPES)}; map it in [tape.values.loan_type]",
    ),
    Rule(
        *("status", "unknown_value", "error", unknown("status", axes.STATUSES)),
        f"one of {', '.join(axes.STATUSES)}; map it in [tape.values.status]",
    ),
    Rule(
        *("channel", "unknown_value", "error", unknown_channel),
        f"one of {', '.join(_CHANNELS)}, or channel:name; map it in [tape.values.channel]",
    ),
    Rule("days_past_due", "negative", "error", negative("days_past_due"), "0 or more"),
    Rule("paid_principal", "negative", "error", negative("paid_principal"), "0 or more"),
    Rule("instalment", "negative", "error", negative("instalment"), "0 or more"),
    Rule(
        *("maturity_date", "past_maturity", "warning", past_maturity),
        "a day from as_of on, as the loan is outstanding",
    ),
    Rule("status", "repaid_but_owing", "warning", repaid_but_owing, "no balance once repaid"),
    Rule("instalment", "instalment_differs", "warning", instalment_differs, _annuity_said),
    Rule("paid_principal", "charged_off_loss", "warning", charged_off_loss, _gap_said("loss")),
    Rule("paid_principal", "principal_gap", "warning", unexplained, _gap_said("gap")),
)


def apply_rules(tape: Typed) -> list[Issue]:
    """What did not parse, what is missing, and what breaks a rule."""
    issues = list(tape.issues)
    for column in COLUMNS:
        if column.required:
            lost = missing(tape.columns[column.name])
            for issue in tape.issues:
                if issue.column == column.name:
                    lost[issue.rows[issue.rows >= 0]] = False
            issues += _issues(tape, Rule(column.name, "missing", "error", _none, "a value"), lost)
    for rule in RULES:
        if rule.column in tape.columns:
            issues += _issues(tape, rule, rule.test(tape))
    return issues


def _none(tape: Typed) -> BoolArray:
    return np.zeros(tape.rows, dtype=np.bool_)


def _issues(tape: Typed, rule: Rule, mask: BoolArray) -> list[Issue]:
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    detail = rule.detail if isinstance(rule.detail, str) else rule.detail(tape, mask)
    shown = tape.shown(rule.column, rows)
    return [Issue(rule.column, rule.reason, rule.severity, detail, rows, shown)]


def findings_of(issues: Sequence[Issue]) -> pd.DataFrame:
    """One row for each fault, in order of rows.

    Columns: row (from 1; 0 stands for the whole column), column, value, reason, severity, detail
    (what is expected).
    """
    parts = [
        pd.DataFrame(
            {
                "row": issue.rows + 1,
                "column": issue.column,
                "value": list(issue.values),
                "reason": issue.reason,
                "severity": issue.severity,
                "detail": issue.detail if isinstance(issue.detail, str) else list(issue.detail),
            }
        )
        for issue in issues
    ]
    if not parts:
        names = ("column", "value", "reason", "severity", "detail")
        empty = {name: pd.Series([], dtype="str") for name in names}
        return pd.DataFrame({"row": np.empty(0, dtype=np.int64), **empty})
    return pd.concat(parts, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)


def first_problems(
    issues: Sequence[Issue], source: str, names: dict[str, str] | None = None
) -> list[Problem]:
    """The first :data:`LISTED` faults as problems, by row, and how many more there are."""
    findings = findings_of([issue for issue in issues if issue.severity == "error"])
    problems = []
    for fault in findings.head(LISTED).itertuples():
        theirs = (names or {}).get(str(fault.column), str(fault.column))
        said = f" (source column {theirs})" if theirs != fault.column else ""
        problems.append(
            Problem(
                f"{source} row {fault.row}, {fault.column}{said}",
                f"{fault.value!r} ({str(fault.reason).replace('_', ' ')})",
                str(fault.detail),
            )
        )
    if len(findings) > LISTED:
        more = f"{len(findings) - LISTED:,} more faults"
        problems.append(Problem(source, more, "none"))
    return problems


def check(tape: Typed, spec: TapeSpec, *, source: str, digest: str) -> Tape:
    """Apply all rules; the checked tape. Raises :class:`RejectedRows`."""
    issues = apply_rules(tape)
    refused = np.zeros(tape.rows, dtype=np.bool_)
    for issue in issues:
        if issue.severity == "error":
            refused[issue.rows] = True
    findings = findings_of(issues)
    rejects = _rejects(tape, refused, findings)
    count = int(refused.sum())
    if count > spec.reject_limit * tape.rows or count == tape.rows:
        problems = first_problems(issues, source, tape.names)
        allowed = f"at most {spec.reject_limit:.2%} of {tape.rows:,} rows"
        found = f"{count:,} faulty row{'s' if count > 1 else ''}"
        least = _limit(count, tape.rows)
        hint = f"Correct the rows, or leave them out with --reject-limit {least}."
        if count == tape.rows:
            hint = "Correct the mapping or the rows."
        problems.append(Problem(source, found, allowed if spec.reject_limit else "none", hint))
        raise RejectedRows(problems, findings, rejects)
    return Tape(
        frame=_frame(tape, ~refused if count else None),
        findings=findings,
        rejects=rejects,
        totals=_totals(tape, refused),
        as_of=tape.as_of,
        source=source,
        digest=digest,
    )


def _limit(count: int, rows: int) -> float:
    """The smallest share of four decimals that lets ``count`` of ``rows`` pass."""
    return float(np.ceil(count / rows * 1e4) / 1e4)


def _rejects(tape: Typed, refused: BoolArray, findings: pd.DataFrame) -> pd.DataFrame:
    rows = np.flatnonzero(refused)
    faults = findings[findings["severity"] == "error"]
    said = (faults["column"] + ": " + faults["reason"]).groupby(faults["row"]).agg("; ".join)
    cells: pd.DataFrame = tape.raw.take(pa.array(rows)).to_pandas()
    cells = cells.rename(columns={name: f"{name} (source)" for name in ("row", "reason")})
    front = pd.DataFrame({"row": rows + 1, "reason": said.reindex(rows + 1).to_numpy()})
    return pd.concat([front, cells], axis=1)


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


def _totals(tape: Typed, refused: BoolArray) -> pd.DataFrame:
    """Rows and principal [currency]: read = rejected + kept, and in each
    original = current + paid_principal + loss + unexplained.

    ``paid_principal`` is as stated, and where nothing is stated original - current, unless the
    loan is charged off; ``loss`` is the gap of charged-off loans that state it; ``unexplained``
    is what remains. An amount that does not parse counts 0.
    """
    paid = _paid(tape)
    lost = np.flatnonzero(tape.columns["status"].where(("charged_off",)))
    stated = "paid_principal" in tape.columns
    rows: list[dict[str, Any]] = []
    for item, mask in (("read", None), ("rejected", refused), ("kept", ~refused)):
        chosen = lost if mask is None else lost[mask[lost]]
        amounts = {
            "original_balance": _total(tape.columns["original_balance"], mask),
            "current_balance": _total(tape.columns["current_balance"], mask),
            "paid_principal": _total(paid, mask),
            "loss": _total(principal_gap(tape, chosen), None) if stated else 0.0,
        }
        lent, *parts = amounts.values()
        amounts["unexplained"] = lent - sum(parts)
        count = tape.rows if mask is None else int(mask.sum())
        rows.append(
            {"item": item, "rows": count}
            | {name: round(amount, 6) for name, amount in amounts.items()}
        )
    totals = pd.DataFrame(rows)
    _tie(totals)
    return totals


def _paid(tape: Typed) -> FloatArray:
    """Principal repaid: as stated, else what is no longer outstanding, charge-offs apart."""
    columns = tape.columns
    implied = columns["original_balance"] - columns["current_balance"]
    implied[columns["status"].where(("charged_off",))] = 0.0
    if "paid_principal" not in columns:
        return np.asarray(implied)
    stated: FloatArray = columns["paid_principal"]
    return np.where(np.isnan(stated), implied, stated)


def _total(cells: FloatArray, mask: BoolArray | None) -> float:
    """Sum of the known amounts [currency]."""
    return float(np.nansum(cells if mask is None else cells[mask]))


def _tie(totals: pd.DataFrame) -> None:
    """Read = rejected + kept, in rows and amounts."""
    numbers = totals.set_index("item")
    read, rejected, kept = (numbers.loc[item].to_numpy(dtype=float) for item in numbers.index)
    size = max(1.0, *np.abs(read))
    if np.abs(read - rejected - kept).max() > ENGINE_TOLERANCE * size:
        msg = f"the tape's totals do not tie:\n{totals}"
        raise InvariantError(msg)


def reasons() -> tuple[str, ...]:
    """Reason codes of the rules, in order."""
    return tuple(dict.fromkeys(rule.reason for rule in RULES if rule.column in BY_NAME))
