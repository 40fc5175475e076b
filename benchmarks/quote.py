"""Quotes of one more loan from the stored plan of ``alibaba-2013`` with SIZE loans on its tape.

Ours projects each loan, finds its columns in the program, its best way and price, how far that
holds and what funds it, from the file of the run as it is read back; what lies beyond its range is
solved again from the plan's basis. A unit is a quote. The baseline solves the whole program with
the loan in it, all coefficients given free of charge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from baselines.plan import Rows, numbers, solve_term_by_term

import scfcap
from scfcap.api.quoting import stand_of
from scfcap.funding.quote import Quoter
from scfcap.funding.quote_file import packed, unpacked
from scfcap.funding.quote_words import told
from scfcap.funding.quoted import Asked

NAME = "quote"
SIZE = 10_000
SMOKE = 500
#: 50 ms a quote.
BARS = {"units_per_second": 20.0, "ratio": 5.0}
BASELINE_SHARE = 0.1
#: Random loans asked about, about 40,000 each; and in a moment.
LOANS, FEW = 40, 4


@dataclass(frozen=True)
class Given:
    """The plan's prices, the loans asked about, and the plan's optimum less its constant."""

    quoter: Quoter
    loans: Sequence[Asked]
    optimum: float


def build(size: int, folder: Path) -> Given:
    """The plan, its file read back, and random loans."""
    del folder
    model = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": size})
    stand = unpacked(packed(stand_of(model)))
    random = np.random.default_rng(0)
    loans = []
    for _ in range(LOANS if size > SMOKE else FEW):
        segment = str(random.choice(sorted(stand.new)))
        terms = stand.new[segment].term_days
        loans.append(
            Asked(
                segment,
                float(np.exp(random.normal(np.log(4e4), 1.0))),
                int(random.integers(int(terms.min()), int(terms.max()) + 1)),
                float(random.uniform(0.08, 0.30)),
                int(random.integers(1, stand.inputs.horizon + 1)),
            )
        )
    quoter = Quoter(stand)
    quoter.answer(loans[0])  # the basis is factorised once for a run
    return Given(quoter, loans, math.fsum(stand.program.costs() * stand.x))


def units(given: Given) -> int:
    """Quotes."""
    return len(given.loans)


def part(given: Given, share: float) -> Given:
    """The first of the loans."""
    return replace(given, loans=given.loans[: max(round(share * len(given.loans)), 1)])


def ours(given: Given) -> list[float]:
    """What each loan earns [currency]."""
    quoter = given.quoter
    return [told(quoter.stand, loan, quoter.answer(loan)).value for loan in given.loans]


def baseline(given: Given) -> list[float]:
    """PuLP on the program with the loan, rows summed term by term with lpSum, coefficients given"""
    return [
        (solve_term_by_term(_with(given.quoter, loan)) - given.optimum)
        * given.quoter.stand.inputs.unit
        for loan in given.loans
    ]


def _with(quoter: Quoter, loan: Asked) -> Rows:
    """The program's numbers with the loan's columns and rows."""
    rows, columns = numbers(quoter.stand.program), quoter.columns(loan)
    names = [f"loan {family}[{key}]" for family, key in columns.labels]
    bounds = dict(rows.bounds) | dict.fromkeys(names, (0.0, None))
    named = {name: (list(terms), sense, right) for name, (terms, sense, right) in rows.rows.items()}
    labels = list(named)
    matrix = columns.matrix.tocoo()
    for r, q, c in zip(*matrix.coords, matrix.data, strict=True):
        named[labels[r]][0].append((names[q], float(c)))
    for row in columns.rows:
        terms = [(names[q], c) for q, c in row.own.items()]
        terms += [(f"{family}[{key}]", c) for (family, key), c in row.shared.items()]
        named[f"loan {row.family}[{row.key}]"] = (terms, row.sense, row.right)
    worth = [(name, float(c)) for name, c in zip(names, columns.costs, strict=True)]
    return Rows(bounds, [*rows.objective, *worth], named)


def check(a: list[float], b: list[float]) -> None:
    """The same values, to the tolerance of a solve of the whole program."""
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert math.isclose(x, y, rel_tol=1e-5, abs_tol=0.05), (a, b)
