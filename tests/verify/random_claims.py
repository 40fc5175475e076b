"""Random small programs with a placement that keeps their rows, and any prices."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from scfcap.funding.allocation.program import AllocationProgram, Attribute, Row, Term
from scfcap.funding.allocation.result import Allocation
from tests.verify.plain_proof import left_side, proven, up

KINDS = ("most", "share", "average", "cap", "churn")


def draw_program(rng: np.random.Generator, loans: int = 12, rows: int = 6) -> AllocationProgram:
    """Loans of very different size in three channels; rows of all shapes, without right sides."""
    channels = ("own_capital", "bank_transfer:b", "securitization:s")
    core = Attribute(rng.integers(-1, 4, loans).astype(np.int32), ("A", "B", "C", "=D"))
    eligible = rng.random((loans, 3)) < 0.7
    must = (rng.random(loans) < 0.3) & eligible.any(axis=1)
    balance = np.round(np.exp(rng.normal(6.0, 3.0, loans)), 2) + 0.01
    made = []
    for k in range(rows):
        terms = tuple(
            Term(
                int(rng.integers(3)),
                float(rng.choice([1.0, -1.0, -0.3, 0.1])),
                *(("core", tuple(map(int, rng.choice(4, 2, replace=False))))
                  if rng.random() < 0.6 else (None, ())),
                number="score" if rng.random() < 0.4 else None,
            )
            for _ in range(int(rng.integers(1, 4)))
        )  # fmt: skip
        made.append(Row(f"row {k}", KINDS[k % len(KINDS)], 0.0, terms))
    return AllocationProgram(
        loan_id=np.array([f"L{k:03}" for k in range(loans)], dtype=object),
        balance=balance,
        channels=channels,
        value=balance[:, None] * rng.normal(0.05, 0.05, (loans, 3)),
        eligible=eligible,
        must=must,
        today=rng.integers(-1, 3, loans).astype(np.int16),
        attributes={"core": core},
        numbers={"score": np.round(rng.normal(600.0, 80.0, loans), 1)},
        rows=tuple(made),
    )


def place(rng: np.random.Generator, program: AllocationProgram) -> np.ndarray:
    """Each loan somewhere it may be, or nowhere if it need not be placed."""
    keys = rng.random((len(program), 4))
    keys[:, :3][~program.eligible] = -1.0
    keys[program.must, 3] = -1.0
    choice = keys.argmax(axis=1)
    return np.where(choice == 3, -1, choice).astype(np.int16)


def draw_claim(seed: int, loans: int = 12, rows: int = 6, priced: float = 0.6) -> Allocation:
    """A true claim: each row's right side is what is placed and some room, prices are anything."""
    rng = np.random.default_rng(seed)
    program = draw_program(rng, loans, rows)
    choice = place(rng, program)
    made = []
    for row in program.rows:
        room = Fraction(float(rng.choice([0.0, 100.0])))
        made.append(replace(row, right=up(left_side(program, row, choice) + room)))
    price = np.where(rng.random(rows) < priced, rng.exponential(0.02, rows), 0.0)
    return proven(replace(program, rows=tuple(made)), choice, price)
