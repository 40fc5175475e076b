"""Eligibility rules over whole columns, with three answers: yes, no, unknown."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.errors import InputError, InvariantError, Problem
from scfcap.pool import loops
from scfcap.pool.columns import Answers, Columns, ask, column_problems, expression_problems
from scfcap.pool.snapshot import ELIGIBLE, INELIGIBLE, UNDETERMINED
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray, IntArray
from scfcap.schema.pool import PoolSpec, Strata

_ANSWERS = (("eligible", ELIGIBLE), ("ineligible", INELIGIBLE), ("undetermined", UNDETERMINED))
_COLUMNS = [
    *("set", "rule", "loans_alone", "balance_alone", "loans_in_sequence"),
    *("balance_in_sequence", "undetermined_loans", "undetermined_balance"),
    *("loans_if_waived", "balance_if_waived"),
]
_PARTS = ["set", "answer", "loans", "balance", "share"]


@dataclass(frozen=True)
class Eligibility:
    """Answers of one set for every loan, shape (loans,).

    ``first``: position of the first rule that says no, -1 where none does.
    """

    answer: Answers
    first: npt.NDArray[np.int16]


def evaluate(
    columns: Columns, spec: PoolSpec
) -> tuple[dict[str, Eligibility], dict[str, pd.DataFrame]]:
    """Answers of every set for every loan, and the tables ``eligibility`` and
    ``eligibility_answers``.

    A loan is ineligible if any rule says no, else undetermined if any rule meets a missing
    value, else eligible. Table ``eligibility``, by rule: loans and balance [currency] that fail
    it (alone), that fail it and none before it (in sequence), of which it does not know
    (undetermined), and that would be eligible if only this rule were waived.
    """
    known: dict[str, Answers] = {}
    found: dict[str, Eligibility] = {}
    rows: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for name, chosen in spec.eligibility.items():
        for rule in chosen.rules:
            if rule.test not in known:
                known[rule.test] = ask(columns, rule.test)
        asked = loops.table([known[rule.test] for rule in chosen.rules], len(columns))
        answer, first, loans, amounts = loops.answers(asked, columns.balance)
        found[name] = Eligibility(answer, first)
        rows += [
            {"set": name, "rule": rule.label} | _measures(loans[k], amounts[k])
            for k, rule in enumerate(chosen.rules)
        ]
        parts += _parts(name, found[name].answer, columns.balance)
    return found, {
        "eligibility": pd.DataFrame(rows, columns=_COLUMNS),
        "eligibility_answers": pd.DataFrame(parts, columns=_PARTS),
    }


def _measures(loans: IntArray, amounts: FloatArray) -> dict[str, Any]:
    """Loans and balance of one rule by column of the table ``eligibility``."""
    pairs = ((int(n), float(amount)) for n, amount in zip(loans, amounts, strict=True))
    return dict(zip(_COLUMNS[2:], chain.from_iterable(pairs), strict=True))


def tally(
    codes: npt.NDArray[np.integer[Any]], balance: FloatArray, count: int
) -> tuple[list[int], list[float]]:
    """Loans and balance [currency] of the codes 0 to ``count`` - 1, and last those of -1."""
    places = codes.astype(np.int64)
    np.copyto(places, count, where=places < 0)
    loans = np.bincount(places, minlength=count + 1)
    amounts = np.bincount(places, weights=balance, minlength=count + 1)
    return [int(v) for v in loans], [float(v) for v in amounts]


def _parts(name: str, answer: Answers, balance: FloatArray) -> list[dict[str, Any]]:
    """Loans and balance by answer, which add up to the pool."""
    total = float(balance.sum())
    loans, amounts = tally(answer, balance, 2)
    if sum(loans) != len(balance) or abs(sum(amounts) - total) > ENGINE_TOLERANCE * max(1.0, total):
        msg = (
            f"eligibility {name}: the answers hold {sum(loans)} loans, {sum(amounts)}, not {total}"
        )
        raise InvariantError(msg)
    return [
        {
            "set": name,
            "answer": word,
            "loans": loans[code],
            "balance": amounts[code],
            "share": amounts[code] / total,
        }
        for word, code in _ANSWERS
    ]


def validate(columns: Columns, spec: PoolSpec) -> None:
    """Raise :class:`InputError` with every rule, rate, limit and table that does not fit.

    It names no column, or tests one of another kind.
    """
    problems = []
    for name, chosen in spec.eligibility.items():
        where = f"model.toml: pool.eligibility.{name}"
        for rule in chosen.rules:
            problems += expression_problems(columns, rule.test, f'{where}, rule "{rule.label}"')
        for limit in chosen.concentrations:
            at = f'{where}, concentration "{limit.label}"'
            named = [limit.column]
            if limit.treatment == "exclude":
                named.append(limit.order.removeprefix("-"))
            problems += column_problems(columns, named, at)
    for name, base in spec.borrowing_base.items():
        where = f"model.toml: pool.borrowing_base.{name}"
        problems += expression_problems(columns, base.pledged, f"{where}.pledged")
        for rate in base.advance_rates:
            at = f'{where}, advance rate "{rate.label}"'
            problems += expression_problems(columns, rate.test, at)
    where = "model.toml: pool.stratify_by"
    for by in spec.stratify_by:
        name = by if isinstance(by, str) else by.column
        strange = column_problems(columns, [name], where)
        if not strange and isinstance(by, Strata) and columns.kind(name) != "number":
            found = f"edges for {name}, a {columns.kind(name)}"
            strange = [Problem(where, found, "edges for a number", f'Write "{name}" alone.')]
        problems += strange
    if problems:
        raise InputError(problems)
