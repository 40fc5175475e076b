"""Decisions by what they do, with whom and when, so that two plans can be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, OWN, P2P, SECURITIZATION
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import BuyerInputs, Inputs
from scfcap.funding.program import Key, Terms
from scfcap.funding.variables import Book

#: To whom dividends are paid.
OWNERS = "owners"


@dataclass(frozen=True, order=True)
class Cell:
    """What is decided in period ``t``: lend, book, transfer, issue, place, draw or pay out.

    ``item`` is the source, or the segment that is lent to; ``detail`` the segment that is sold or
    booked, the tenor of a draw, or the rate of a step of P2P supply.
    """

    t: int
    kind: str
    channel: str
    item: str
    detail: str = ""


def decided(inputs: Inputs, decisions: Decisions) -> dict[Cell, float]:
    """Amounts decided by cell [money units]; cells of nothing are left out."""
    found: dict[Cell, float] = {}
    for family, key, amount in _amounts(inputs, decisions):
        cell = _cell(inputs, family, key)
        if amount != 0.0 and cell is not None:
            found[cell] = found.get(cell, 0.0) + amount
    return found


def decided_terms(book: Book) -> dict[Cell, Terms]:
    """What is decided by cell, in the columns of a program."""
    found: dict[Cell, Terms] = {}
    for j, family, key in book.program.labelled():
        cell = _cell(book.inputs, family, key)
        if cell is not None:
            found.setdefault(cell, Terms()).add(j)
    return found


def changes(before: Mapping[Cell, float], after: Mapping[Cell, float]) -> dict[Cell, float]:
    """After less before by cell [money units], in the order of periods."""
    return {
        cell: after.get(cell, 0.0) - before.get(cell, 0.0) for cell in sorted({*before, *after})
    }


def _amounts(inputs: Inputs, decisions: Decisions) -> Iterator[tuple[str, Key, float]]:
    for family, values in (("O", decisions.originated), ("P", decisions.placed)):
        for n, row in enumerate(values):
            for t in inputs.periods:
                yield family, (n, t), float(row[t])
    for family, by_key in (
        ("OC", decisions.booked),
        ("Y", decisions.transfers),
        ("X", decisions.draws),
    ):
        for key, amount in by_key.items():
            yield family, key, float(amount)
    for name, size in decisions.issued.items():
        yield "S", name, float(size)
    if decisions.dividends is not None:
        for t in inputs.periods:
            yield "Div", t, float(decisions.dividends[t])


def _cell(inputs: Inputs, family: str, key: Any) -> Cell | None:
    """The cell of a column of the program; None where it is no such decision."""
    match family:
        case "O":
            return Cell(int(key[1]), "lend", OWN, inputs.segments[key[0]])
        case "OC":
            partner = next(x for x in inputs.partners if x.place == key[1])
            segment = inputs.segments[key[0]]
            return Cell(int(key[2]), "book", partner.channel, partner.name, segment)
        case "Y":
            funder = next(x for x in inputs.funders if x.place == key[1])
            channel = BANK_TRANSFER if isinstance(funder, BuyerInputs) else SECURITIZATION
            segment = inputs.segments[int(inputs.cohorts.segment[key[0]])]
            return Cell(int(key[2]), "transfer", channel, funder.name, segment)
        case "X":
            tenor = f"{key[1]} {inputs.spec.plan.unit}s"
            return Cell(int(key[2]), "draw", BANK_DEBT, key[0], tenor)
        case "P" if inputs.p2p is not None:
            rate = inputs.p2p.steps[key[0]].rate
            return Cell(int(key[1]), "place", P2P, "notes", f"at {rate:.2%}")
        case "S":
            return Cell(inputs.deal(key).closing, "issue", SECURITIZATION, key)
        case "Div":
            return Cell(int(key), "pay out", OWNERS, "dividends")
    return None
