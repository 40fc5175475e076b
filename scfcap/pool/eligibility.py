"""Eligibility rules over whole columns, with three answers: yes, no, unknown."""

from __future__ import annotations

import difflib
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.errors import InputError, InvariantError, Problem
from scfcap.pool.snapshot import ELIGIBLE, INELIGIBLE, UNDETERMINED
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray
from scfcap.schema.pool import PoolSpec, Rule

Answers = npt.NDArray[np.int8]
_ANSWERS = (("eligible", ELIGIBLE), ("ineligible", INELIGIBLE), ("undetermined", UNDETERMINED))


def with_ages(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """``frame`` with ``remaining_days`` to maturity and ``age_days`` since origination [days]."""
    day = np.datetime64(as_of, "D")
    return frame.assign(
        remaining_days=(_days(frame["maturity_date"]) - day).astype(np.int64),
        age_days=(day - _days(frame["origination_date"])).astype(np.int64),
    )


def _days(column: pd.Series[Any]) -> npt.NDArray[np.datetime64]:
    return column.to_numpy().astype("datetime64[D]")


def evaluate(
    frame: pd.DataFrame, spec: PoolSpec
) -> tuple[dict[str, Answers], dict[str, pd.DataFrame]]:
    """Answers of every set for every loan, and the tables ``eligibility`` and
    ``eligibility_answers``.

    A loan is ineligible if any rule says no, else undetermined if any rule meets a missing
    value, else eligible. Raises :class:`InputError` with all faulty rules.
    """
    _validate(frame, spec)
    balance = frame["current_balance"].to_numpy(dtype=np.float64)
    answers: dict[str, Answers] = {}
    rows: list[dict[str, object]] = []
    parts: list[dict[str, object]] = []
    for name, chosen in spec.eligibility.items():
        answer = np.full(len(frame), ELIGIBLE, dtype=np.int8)
        for rule in chosen.rules:
            result = answer_rule(frame, rule)
            fails, unknown = result == INELIGIBLE, result == UNDETERMINED
            first = fails & (answer != INELIGIBLE)
            rows.append(
                {
                    "set": name,
                    "rule": rule.label,
                    "loans_alone": int(fails.sum()),
                    "balance_alone": float(balance[fails].sum()),
                    "loans_in_sequence": int(first.sum()),
                    "balance_in_sequence": float(balance[first].sum()),
                    "undetermined_loans": int(unknown.sum()),
                    "undetermined_balance": float(balance[unknown].sum()),
                }
            )
            answer[unknown & (answer == ELIGIBLE)] = UNDETERMINED
            answer[fails] = INELIGIBLE
        answers[name] = answer
        parts += _parts(name, answer, balance)
    return answers, {
        "eligibility": pd.DataFrame(rows, columns=_COLUMNS),
        "eligibility_answers": pd.DataFrame(parts, columns=_PARTS),
    }


_COLUMNS = [
    *("set", "rule", "loans_alone", "balance_alone", "loans_in_sequence"),
    *("balance_in_sequence", "undetermined_loans", "undetermined_balance"),
]
_PARTS = ["set", "answer", "loans", "balance", "share"]


def _parts(name: str, answer: Answers, balance: npt.NDArray[np.float64]) -> list[dict[str, object]]:
    """Loans and balance by answer, which add up to the pool."""
    total = float(balance.sum())
    parts: list[dict[str, object]] = []
    loans, amount = 0, 0.0
    for word, code in _ANSWERS:
        mask = answer == code
        held = float(balance[mask].sum())
        loans, amount = loans + int(mask.sum()), amount + held
        parts.append(
            {
                "set": name,
                "answer": word,
                "loans": int(mask.sum()),
                "balance": held,
                "share": held / total,
            }
        )
    if loans != len(balance) or abs(amount - total) > ENGINE_TOLERANCE * max(1.0, total):
        msg = f"eligibility {name}: the three answers hold {loans} loans, {amount}, not {total}"
        raise InvariantError(msg)
    return parts


def answer_rule(frame: pd.DataFrame, rule: Rule) -> Answers:
    """Answers of one rule, shape (loans,)."""
    column = frame[rule.column]
    unknown: BoolArray = column.isna().to_numpy()
    good = np.ones(len(frame), dtype=np.bool_)
    if rule.at_least is not None or rule.at_most is not None:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if rule.at_least is not None:
            good &= values >= rule.at_least
        if rule.at_most is not None:
            good &= values <= rule.at_most
    if rule.one_of is not None:
        good &= _as_text(column).isin(rule.one_of).to_numpy(dtype=np.bool_)
    if rule.none_of is not None:
        good &= ~_as_text(column).isin(rule.none_of).to_numpy(dtype=np.bool_)
    answer = np.where(good, ELIGIBLE, INELIGIBLE).astype(np.int8)
    answer[unknown] = UNDETERMINED
    return answer


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Whole numbers may be named as texts: ``one_of = ["15", "30"]``."""
    return column.astype("str") if pd.api.types.is_integer_dtype(column) else column


def _validate(frame: pd.DataFrame, spec: PoolSpec) -> None:
    problems: list[Problem] = []
    for name, chosen in spec.eligibility.items():
        tested = [(f"rules[{k}]", rule.column, rule) for k, rule in enumerate(chosen.rules)]
        limited = [
            (f"concentrations[{k}]", limit.column, None)
            for k, limit in enumerate(chosen.concentrations)
        ]
        for part, column, rule in (*tested, *limited):
            where = f"model.toml: pool.eligibility.{name}.{part}"
            problems += column_problems(frame, column, where) or _kind_problems(frame, rule, where)
    for column in spec.stratify_by:
        problems += column_problems(frame, column, "model.toml: pool.stratify_by")
    if problems:
        raise InputError(problems)


def column_problems(frame: pd.DataFrame, column: str, where: str) -> list[Problem]:
    """A problem where ``frame`` has no such column."""
    if column in frame:
        return []
    names = [str(name) for name in frame]
    near = difflib.get_close_matches(column, names, 1)
    return [
        Problem(
            where,
            f"column {column!r}",
            f"one of {', '.join(names)}",
            f"Did you mean {near[0]}?" if near else "Map it, or list it in tape.keep.",
        )
    ]


def _kind_problems(frame: pd.DataFrame, rule: Rule | None, where: str) -> list[Problem]:
    """A problem where the rule's test does not fit the column."""
    if rule is None:
        return []
    column = frame[rule.column]
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if rule.at_least is not None or rule.at_most is not None:
        if numeric:
            return []
        hint = "Use one_of or none_of."
        if pd.api.types.is_datetime64_any_dtype(column):
            hint = "Use remaining_days or age_days."
        return [Problem(where, f"a bound on {rule.column}, no number", "a number column", hint)]
    if not numeric or pd.api.types.is_integer_dtype(column):
        return []
    found = f"texts for {rule.column}, a number"
    return [Problem(where, found, "a text column", "Use at_least or at_most.")]
