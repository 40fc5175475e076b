"""Small programs drawn by a seed, with every kind of term; and their dual in fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from scfcap.funding.allocation.program import AllocationProgram, Attribute, Row, Term


def drawn(seed: int, loans: int = 12, channels: int = 3, rows: int = 8) -> AllocationProgram:
    """A program whose right sides leave some room for any placement that its draw likes."""
    random = np.random.default_rng(seed)
    balance = np.round(random.lognormal(8.0, 1.2, loans), 2) + 0.01
    labels = ("a", "b", "c", "d")
    codes = random.integers(-1, 4, loans).astype(np.int32)
    number = random.normal(0.0, 2.0, loans)
    eligible = random.random((loans, channels)) < 0.75
    must = (random.random(loans) < 0.3) & eligible.any(axis=1)
    stated = []
    for at in range(rows):
        terms = []
        for _ in range(random.integers(1, 4)):
            members = tuple(int(k) for k in np.flatnonzero(random.random(4) < 0.5))
            terms.append(
                Term(
                    channel=int(random.integers(channels)),
                    weight=float(random.normal()),
                    attribute="kind" if random.random() < 0.6 else None,
                    members=members,
                    number="mean" if random.random() < 0.4 else None,
                )
            )
        stated.append(Row(f"row {at}", "most", 0.0, tuple(terms)))
    program = AllocationProgram(
        loan_id=np.array([f"L{k}" for k in range(loans)], dtype=object),
        balance=balance,
        channels=tuple(f"p2p:{k}" for k in range(channels)),
        value=balance[:, None] * random.normal(0.02, 0.02, (loans, channels)),
        eligible=eligible,
        must=must,
        today=np.full(loans, -1, dtype=np.int16),
        attributes={"kind": Attribute(codes, labels)},
        numbers={"mean": number},
        rows=tuple(stated),
    )
    weight = np.where(eligible, random.random((loans, channels)), -1.0)
    liked = np.where(eligible.any(axis=1), weight.argmax(axis=1), -1).astype(np.int16)
    sums = program.activity(liked)
    room = 0.1 * np.abs(sums) + 1.0
    rows_with = tuple(
        Row(r.name, r.kind, float(s + w), r.terms)
        for r, s, w in zip(stated, sums, room, strict=True)
    )
    return AllocationProgram(**{**vars(program), "rows": rows_with})


def coefficient(program: AllocationProgram, row: Row, loan: int, channel: int) -> Fraction:
    """``a_r,ic`` in fractions, straight from the definition."""
    found = Fraction(0)
    for term in row.terms:
        if term.channel != channel:
            continue
        if term.attribute is not None:
            code = int(program.attributes[term.attribute].codes[loan])
            if code not in term.members:
                continue
        part = Fraction(term.weight) * Fraction(float(program.balance[loan]))
        if term.number is not None:
            part *= Fraction(float(program.numbers[term.number][loan]))
        found += part
    return found


def dual_in_fractions(program: AllocationProgram, y: np.ndarray) -> Fraction:
    """The dual at ``y`` without rounding, straight from the definition."""
    prices = [Fraction(float(each)) for each in y]
    total = sum(
        (Fraction(row.right) * price for row, price in zip(program.rows, prices, strict=True)),
        Fraction(0),
    )
    for loan in range(len(program)):
        uses = [] if program.must[loan] else [Fraction(0)]
        for channel in np.flatnonzero(program.eligible[loan]).tolist():
            price = sum(
                (
                    p * coefficient(program, row, loan, channel)
                    for row, p in zip(program.rows, prices, strict=True)
                    if p
                ),
                Fraction(0),
            )
            uses.append(Fraction(float(program.value[loan, channel])) - price)
        total += max(uses)
    return total
