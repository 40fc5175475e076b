"""Lines of a plan's value and cash by column: what a loan moves, told line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from scfcap.axes import P2P
from scfcap.funding.end_value import value_of_loans
from scfcap.funding.entries import entries, income_lines
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import day_of
from scfcap.funding.objective import BEYOND, discount, objective_parts
from scfcap.funding.program import Key, Terms
from scfcap.funding.variables import Book
from scfcap.quantities import FloatArray

#: The line of what is lent.
MADE = "loans made"
#: What begins the name of value beyond the horizon.
AFTER = "after the horizon: "


@dataclass(frozen=True)
class Lines:
    """Linear lines of a program: ``names`` [L], and coefficients by column [L, columns]."""

    names: tuple[tuple[object, ...], ...]
    matrix: sparse.csr_array

    @classmethod
    def of(cls, lines: Mapping[tuple[object, ...], Terms], columns: int) -> Lines:
        """From expressions by name; constants are left out: what moves is told, not what is."""
        kept = {name: terms for name, terms in lines.items() if terms.coefficients}
        counts = [len(terms.coefficients) for terms in kept.values()]
        indices = np.array([j for x in kept.values() for j in x.coefficients], dtype=np.int64)
        data = np.array([c for x in kept.values() for c in x.coefficients.values()])
        start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        shape = (len(kept), columns)
        return cls(tuple(kept), sparse.csr_array((data, indices, start), shape=shape))

    def at(self, moves: FloatArray) -> dict[tuple[object, ...], float]:
        """Each line at a change of the columns."""
        return dict(zip(self.names, (self.matrix @ moves).tolist(), strict=True))


def value_lines(book: Book) -> Lines:
    """What the objective adds up from: income by line over the horizon, value beyond it by kind.

    With dividends, whose objective is discounted, the parts of the objective.
    """
    parts = objective_parts(book)
    lines = _income(book)
    if lines:
        parts = [part for part in parts if part.part == BEYOND or "tax" in part.item]
    for part in parts:
        name = f"{AFTER}{part.item}" if part.part == BEYOND else part.item
        lines.setdefault((name,), Terms()).extend(part.terms)
    return Lines.of(lines, book.program.shape[1])


def loan_lines(book: Book) -> Lines:
    """The same of a program with nothing but a loan."""
    lines, rule = _income(book), book.inputs.spec.dividends
    later = 1.0 if rule is None else discount(book.inputs, book.inputs.horizon)
    for kind, terms in value_of_loans(book).items():
        lines[f"{AFTER}{kind}",] = Terms().extend(terms, later)
    return Lines.of(lines, book.program.shape[1])


def _income(book: Book) -> dict[tuple[object, ...], Terms]:
    """Income by line over the horizon; nothing where the plan is after dividends."""
    lines: dict[tuple[object, ...], Terms] = {}
    for t in book.inputs.periods if book.inputs.spec.dividends is None else ():
        for item, terms in income_lines(book, t).items():
            lines.setdefault((item,), Terms()).extend(terms)
    return lines


def cash_lines(book: Book, periods: Iterable[int] | None = None) -> Lines:
    """Flows of the company's free cash by period, channel and item, into it positive."""
    lines: dict[tuple[object, ...], Terms] = {}
    for t in book.inputs.periods if periods is None else periods:
        for entry in entries(book, t):
            if entry.purse is None:
                continue
            sign, channel, item = entry.purse
            if (channel, item) == (P2P, "notes placed"):
                _by_step(book, t, lines)
            else:
                lines.setdefault((t, channel, item), Terms()).extend(entry.terms, sign)
    return Lines.of(lines, book.program.shape[1])


def _by_step(book: Book, t: int, lines: dict[tuple[object, ...], Terms]) -> None:
    """Notes placed in ``t`` by the step of the supply curve."""
    p2p = book.inputs.p2p
    for m, step in enumerate(() if p2p is None else p2p.steps):
        name = (t, P2P, f"notes of step {m + 1}, {step.rate:.2%} a year")
        lines.setdefault(name, Terms()).add(book.program.find("P", (m, t)))


def column_words(inputs: Inputs, family: str, key: Key) -> str:
    """A column whose bound ends a range, in words."""
    if family in ("M", "K", "Tax", "Div"):
        what = {"M": "free cash", "K": "net capital", "Tax": "tax", "Div": "dividends"}[family]
        return f"{what} at {day_of(inputs, key)} comes to nothing"
    if family in ("S", "E"):
        return f"{'the pool' if family == 'S' else 'the contribution'} of {key} comes to nothing"
    if family == "V":
        return f"whether {key} lends"
    *names, t = key
    if family in ("H", "Y"):
        j, where = int(names[0]), names[1]
        segment = inputs.segments[int(inputs.cohorts.segment[j])]
        what = "held by" if family == "H" else "moved to"
        return f"older loans of {segment} {what} {where} at {day_of(inputs, t)} come to nothing"
    what = {
        "O": "other lending in",
        "OC": "other lending in",
        "X": "draws on",
        "P": "P2P notes of step",
        "G": "pledges to",
        "Q": "cash of",
        "N": "notes of",
        "A": "repayment of notes of",
        "R": "residual of",
    }.get(family, family)
    first = names[0] + 1 if family == "P" else names[0]
    named = inputs.segments[int(first)] if family in ("O", "OC") else first
    return f"{what} {named} at {day_of(inputs, t)} come to nothing"
