"""All rules of data quality, how a model changes them, and what they say about a tape."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, Literal

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray
from scfcap.schema.tape import TapeSpec
from scfcap.tape.cells import MOST_LISTED, Issue, Severity
from scfcap.tape.derive import Typed, missing
from scfcap.tape.rules import amounts, doubles, orders, outliers, terms, times, values
from scfcap.tape.rules.base import Rule
from scfcap.tape.schema import COLUMNS

Said = Literal["error", "warning", "off"]

RULES: Final[tuple[Rule, ...]] = (
    *doubles.RULES,
    *times.RULES,
    *values.RULES,
    *amounts.RULES,
    *terms.RULES,
    *orders.RULES,
    *outliers.RULES,
)
#: What reading finds before any rule is asked: reason = severity, meaning.
READING: Final[Mapping[str, tuple[Severity, str]]] = {
    "nan": (
        "error",
        "NaN, or inf in the place of a name: no value, and no empty cell either; a warning takes it"
        " as empty",
    ),
    "missing": (
        "error",
        "no value in a required column, or in days_past_due of an outstanding loan; else a warning",
    ),
    "not_a_number": ("error", "a cell that is no number in the form that the mapping states"),
    "separator": ("error", "marks of thousands that the mapping does not state"),
    "percent_sign": ("error", "a percent sign in a column that is not in percent"),
    "not_finite": ("error", "an infinite number"),
    "not_whole": ("error", "a part of a day or month"),
    "mixed_currency": ("error", "another currency than most cells of the column"),
    "not_a_date": ("error", "a cell that is no date in the form that the mapping states"),
    "date_out_of_range": ("error", "a day before 1900 or after 2200"),
    "ambiguous_date": ("warning", "two of the stated forms give different days"),
    "text_too_long": ("error", "a text beyond any name or key"),
    "varies_in_group": ("error", "rows of one loan that should agree and do not"),
    "undetermined": ("warning", "rows of which [tape].where cannot tell whether they belong"),
}
#: Said of a column as a whole, so that no row can be rejected for it.
_WHOLE: Final = ("undetermined",)
#: Said of cells that have a value all the same.
_KNOWN: Final = ("varies_in_group", "ambiguous_date")
_REQUIRED: Final = frozenset(column.name for column in COLUMNS if column.required)


def rules_frame() -> pd.DataFrame:
    """Every reason that a finding can have.

    Columns: code (for ``[tape.rules]``: reason, or column.reason), column (empty for any), reason,
    severity (where the model does not say otherwise), fixed (whether it cannot be changed; of what
    reading finds, in required columns), meaning.
    """
    names = ["code", "column", "reason", "severity", "fixed", "meaning"]
    lines = [
        (rule.code, rule.column, rule.reason, rule.severity, rule.fixed, rule.meaning)
        for rule in RULES
    ]
    lines += [(reason, "", reason, *said[:1], False, said[1]) for reason, said in READING.items()]
    return pd.DataFrame(lines, columns=names)


def rule_faults(rules: Mapping[str, Said]) -> list[Problem]:
    """What is wrong with the rules that a model changes: unknown ones, and fixed ones."""
    codes = {rule.code for rule in RULES}
    codes |= {f"{c.name}.{reason}" for c in COLUMNS for reason in READING}
    known = sorted(codes | {rule.reason for rule in RULES} | set(READING))
    problems = []
    for key, said in rules.items():
        where = f"model.toml: tape.rules.{key}"
        column, _, reason = key.rpartition(".")
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"Did you mean {near[0]}?" if near else ""
            named = sorted({*READING, *(rule.reason for rule in RULES)})
            problems.append(
                Problem(where, "no such rule", f"one of {', '.join(named)}, or column.rule", hint)
            )
        elif said != "error" and _is_fixed(column, reason):
            hint = "Leave faulty rows out with reject_limit."
            problems.append(
                Problem(where, f'"{said}"', '"error": no engine can count such a loan', hint)
            )
        elif said == "error" and reason in _WHOLE:
            found = "a rule about a column as a whole, which rejects no row"
            problems.append(Problem(where, found, '"warning" or "off"'))
    return problems


def _is_fixed(column: str, reason: str) -> bool:
    """Whether all that ``column.reason`` (any column where empty) stands for is fixed."""
    if reason in READING:
        return column in _REQUIRED and reason not in (*_WHOLE, *_KNOWN)
    return all(
        rule.fixed
        for rule in RULES
        if rule.reason == reason and (not column or rule.column == column)
    )


def apply_rules(tape: Typed) -> list[Issue]:
    """What did not parse, what is missing, and what breaks a rule.

    Raises :class:`InputError` where ``[tape.rules]`` names no rule, or changes a fixed one.
    """
    spec = tape.spec
    problems = rule_faults(spec.rules)
    if problems:
        raise InputError(problems)
    issues = [*_as_said(tape.issues, spec), *_missing(tape)]
    for rule in RULES:
        severity = rule.severity if rule.fixed else _said(spec, rule.column, rule.reason)
        severity = severity or rule.severity
        if severity != "off" and rule.asked(tape):
            issues += _issues(tape, rule, severity, rule.test(tape))
    return issues


def _said(spec: TapeSpec, column: str, reason: str) -> Said | None:
    """What the model makes of a rule: its full name goes before the reason alone."""
    return spec.rules.get(f"{column}.{reason}", spec.rules.get(reason))


def _as_said(issues: Iterable[Issue], spec: TapeSpec) -> list[Issue]:
    """What reading found, as severe as the model wants it."""
    found = []
    for issue in issues:
        said = _said(spec, issue.column, issue.reason)
        if said is None or _is_fixed(issue.column, issue.reason):
            found.append(issue)
        elif said != "off":
            found.append(replace(issue, severity=said))
    return found


def _missing(tape: Typed) -> list[Issue]:
    """Cells without a value in required columns, where reading has not said why."""
    issues: list[Issue] = []
    for column in COLUMNS:
        if column.required:
            lost = missing(tape.columns[column.name])
            for issue in tape.issues:
                if issue.column == column.name:
                    lost[issue.rows[issue.rows >= 0]] = False
            rule = Rule(column.name, "missing", "error", missing, "a value", "")
            issues += _issues(tape, rule, "error", lost)
    return issues


def _issues(tape: Typed, rule: Rule, severity: Severity, mask: BoolArray) -> list[Issue]:
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    listed = rows[:MOST_LISTED]
    detail = rule.expected if isinstance(rule.expected, str) else rule.expected(tape, listed)
    shown = tape.shown(rule.column, listed)
    return [Issue(rule.column, rule.reason, severity, detail, rows, shown)]
