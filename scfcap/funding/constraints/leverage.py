"""Regulatory caps on funding."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import BANK_TRANSFER, place
from scfcap.errors import InfeasibleError
from scfcap.funding.constraints.cash import capital
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book
from scfcap.quantities import ROW_TOLERANCE
from scfcap.schema.regime import Cap

_LENDERS = ("bank", "shareholder", "peer", "bond")


def source(book: Book, name: str, t: int) -> Terms:
    """Amount of a regulatory source at the close of ``t``."""
    terms = Terms()
    if name in _LENDERS:
        for x in book.inputs.lenders:
            if x.kind == name:
                terms.extend(book.debt(x.name, t)).plus(float(x.open_balance[t]))
    elif name == "abs_third_party":
        for d in book.inputs.deals:
            terms.extend(book.all_notes(d, t))
    elif name == "transfer_clean":
        for buyer in book.inputs.buyers:
            terms.extend(book.total(place(BANK_TRANSFER, buyer.name), t))
    elif name == "p2p":
        terms.extend(book.p2p_stock(t))
    return terms


def _breach(book: Book, cap: Cap, t: int, excess: float) -> InfeasibleError:
    inputs = book.inputs
    amount = f"{inputs.spec.currency} {excess * inputs.unit:,.0f}"
    return InfeasibleError(
        f"The cap {cap.name!r} ({cap.source}) is exceeded by {amount} at "
        f"{inputs.grid.ends[t - 1]:%Y-%m-%d} by what stands at the start alone.",
        ["Correct the opening balances, or name the regime that holds."],
    )


def leverage(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_i W[q,i] source_i[t] - multiple[q] base[t] <= 0``, base net capital or net assets.

    Axes: cap, period. Net assets are net capital and the deductions; their constant stands on
    the right. Weights, multiple and base are the regime's data, with their sources.
    """
    for cap in book.inputs.caps:
        for t in book.inputs.periods:
            terms = Terms()
            for name, weight in cap.weights.items():
                terms.extend(source(book, name, t), weight)
            if not terms.coefficients and terms.constant == 0.0:
                yield (cap.name, t), Absent("no source that counts")
                continue
            terms.extend(capital(book, t), -cap.multiple)
            right = cap.multiple * book.inputs.deductions if cap.base == "net_assets" else 0.0
            if terms.coefficients:
                yield (cap.name, t), Row(terms, "<=", right)
            elif terms.constant <= right + ROW_TOLERANCE:
                yield (cap.name, t), Absent("opening balances only")
            else:
                raise _breach(book, cap, t, terms.constant - right)
