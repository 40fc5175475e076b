"""What the plan's interest, fees, running cost and sales are made of: rates, and on what amounts.

Each line is the sum of its parts: a rate or price that the model states, times an amount that the
plan decides, times the length of the period where the rate is a year's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, OWN, P2P
from scfcap.funding.company import cash
from scfcap.funding.inputs import LenderInputs
from scfcap.funding.program import Solution
from scfcap.funding.variables import Book, all_places
from scfcap.quantities import FloatArray
from scfcap.schema.messages import dotted
from scfcap.schema.plan import Lender

_COLUMNS = [
    "side", "channel", "item", "part", "key", "kind", "rate", "scale", "period", "end", "years",
    "base_amount",
]  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A part of a line: the model's ``key`` states ``rate``; ``base`` [T + 1, money units].

    ``kind``: a ``rate`` a year on ``base``; a ``price`` of what is sold; an ``amount`` a year,
    ``base`` being 1 and ``rate`` money units.
    """

    line: tuple[str, str, str]
    label: str
    key: tuple[str | int, ...]
    kind: str
    rate: float
    base: FloatArray


def term_parts(book: Book, found: Solution, scaled: float = 1.0) -> pd.DataFrame:
    """Parts of the lines of sources and uses by period [currency].

    ``years`` is the length of the period, 1 for a price; ``rate`` [1/year], of an ``amount``
    [currency/year]; the model's file states ``rate`` times ``scale``, where its amounts are
    multiplied by ``scaled`` for the book. Parts at rates other than the stated ones (floating, of a
    scenario) do not add up to their line.
    """
    inputs = book.inputs
    rows = []
    for part in _parts(book, found):
        amount = part.kind == "amount"
        rate = part.rate * (inputs.unit if amount else 1.0)
        stated = (dotted(part.key), part.kind, rate, 1.0 / scaled if amount else 1.0)
        for t in inputs.periods:
            years = 1.0 if part.kind == "price" else float(inputs.year[t])
            base = float(part.base[t]) * (1.0 if amount else inputs.unit)
            when = (t, inputs.grid.ends[t - 1], years, base)
            rows.append((*part.line, part.label, *stated, *when))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _parts(book: Book, found: Solution) -> Iterator[Part]:
    yield from _own_parts(book, found)
    stated = {lender.name: lender for lender in book.inputs.spec.lenders}
    for x in book.inputs.lenders:
        if x.name in stated:
            yield from _lender_parts(book, found, x, stated[x.name])
    yield from _buyer_parts(book, found)
    yield from _p2p_parts(book, found)


def _series(book: Book) -> FloatArray:
    return np.zeros(len(book.inputs.year))


def _own_parts(book: Book, found: Solution) -> Iterator[Part]:
    inputs, x = book.inputs, found.x
    plan = inputs.spec.plan
    held, managed, one = _series(book), _series(book), _series(book)
    for t in inputs.periods:
        held[t] = cash(book, t - 1).value(x)
        managed[t] = sum(book.total(where, t - 1).value(x) for where in all_places(inputs))
        one[t] = 1.0
    line = ("source", OWN, "interest on cash")
    yield Part(line, "Interest on cash", ("plan", "cash_yield"), "rate", plan.cash_yield, held)
    line = ("use", OWN, "running cost")
    key, fixed = ("plan", "opex_per_year"), plan.opex_per_year / inputs.unit
    yield Part(line, "Running cost, fixed", key, "amount", fixed, one)
    key = ("plan", "opex_rate")
    yield Part(line, "Running cost, on loans managed", key, "rate", plan.opex_rate, managed)


def _lender_parts(book: Book, found: Solution, x: LenderInputs, lender: Lender) -> Iterator[Part]:
    inputs = book.inputs
    line = ("use", BANK_DEBT, f"{x.name}: interest and fees")
    ends = inputs.grid.ends
    for k, draw in enumerate(lender.draws):
        base = _series(book)
        for t in inputs.periods:
            base[t] = draw.amount / inputs.unit if t == 1 or draw.maturity > ends[t - 2] else 0.0
        label = f"{x.name}: draw due {draw.maturity:%Y-%m-%d}"
        yield Part(line, label, ("lenders", x.name, "draws", k, "rate"), "rate", draw.rate, base)
    for k, (tenor, rate) in enumerate(x.tenors):
        base, maturity = _series(book), x.maturity(tenor)
        for t in inputs.periods:
            base[t] = sum(
                found.value("X", (x.name, tenor, since)) * maturity.bears(since, t)
                for since in maturity.bearing(t)
            )
        label = f"{x.name}: draws over {tenor} periods"
        yield Part(line, label, ("lenders", x.name, "tenors", k, "rate"), "rate", rate, base)
    undrawn = _series(book)
    for t in inputs.periods:
        debt = book.debt(x.name, t - 1).value(found.x) + float(x.open_balance[t - 1])
        undrawn[t] = (x.room(t - 1) - debt) if x.fee(t) else 0.0
    key = ("lenders", x.name, "commitment_fee")
    yield Part(line, f"{x.name}: undrawn", key, "rate", x.commitment_fee, undrawn)


def _buyer_parts(book: Book, found: Solution) -> Iterator[Part]:
    inputs = book.inputs
    for buyer in inputs.buyers:
        stock, sold = _series(book), _series(book)
        for t in inputs.periods:
            stock[t] = book.total(buyer.place, t - 1).value(found.x)
            sold[t] = book.sold(buyer.place, t).value(found.x)
        line = ("source", BANK_TRANSFER, f"{buyer.name}: loans sold")
        key = ("buyers", buyer.name, "price")
        yield Part(line, f"{buyer.name}: principal sold", key, "price", buyer.price, sold)
        line = ("source", BANK_TRANSFER, "servicing fees")
        key = ("buyers", buyer.name, "servicing_fee")
        label = f"{buyer.name}: servicing fee"
        yield Part(line, label, key, "rate", buyer.servicing_fee, stock)


def _p2p_parts(book: Book, found: Solution) -> Iterator[Part]:
    inputs, p2p = book.inputs, book.inputs.p2p
    if p2p is None:
        return
    for m, step in enumerate(p2p.steps):
        base = _series(book)
        for t in inputs.periods:
            base[t] = sum(
                found.value("P", (m, since)) * p2p.maturity.bears(since, t)
                for since in p2p.maturity.bearing(t)
            )
        line = ("use", P2P, "interest and fees")
        label = f"P2P notes placed at step {m + 1}"
        yield Part(line, label, ("p2p", "steps", m, "rate"), "rate", step.rate, base)
