"""Regulatory caps on funding, each in the periods in which it is law."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import JOINT_LENDING, P2P
from scfcap.errors import InfeasibleError
from scfcap.funding.company import capital
from scfcap.funding.constraints.partners import liability
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book
from scfcap.quantities import ROW_TOLERANCE
from scfcap.schema.regime import Base, Cap

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
    elif name in ("transfer_clean", "transfer_recourse"):
        for buyer in book.inputs.buyers:
            if buyer.source == name:
                terms.extend(book.total(buyer.place, t))
    elif name == "p2p":
        terms.extend(book.p2p_stock(t))
        for lenders in book.inputs.partners_in(P2P):
            terms.extend(book.total(lenders.place, t))
    elif name == "guaranteed":
        terms.extend(liability(book, t))
    elif name == "joint_partner":
        for partner in book.inputs.partners_in(JOINT_LENDING):
            terms.extend(book.total(partner.place, t))
    return terms


def _breach(book: Book, cap: Cap, t: int, excess: float) -> InfeasibleError:
    inputs = book.inputs
    amount = f"{inputs.spec.currency} {excess * inputs.unit:,.0f}"
    return InfeasibleError(
        f"The cap {cap.name!r} ({cap.source}) is exceeded by {amount} at "
        f"{inputs.grid.ends[t - 1]:%Y-%m-%d} by what stands at the start alone.",
        ["Correct the opening balances, or name the regime that holds."],
    )


def counted(book: Book, cap: Cap, t: int) -> Terms:
    """What a cap counts at the close of ``t``."""
    terms = Terms()
    for name, weight in cap.weights.items():
        if weight > 0.0:
            terms.extend(source(book, name, t), weight)
    return terms


def base(book: Book, kind: Base, t: int) -> tuple[Terms, float]:
    """What a cap multiplies in ``t``: its part that moves with capital, and its constant.

    Net assets are net capital and the deductions. Those of the preceding year end are data where it
    lies before ``as_of``, else of the last close up to it.
    """
    inputs = book.inputs
    if kind == "net_capital":
        return capital(book, t), 0.0
    if kind == "net_assets":
        return capital(book, t), inputs.deductions
    closed = inputs.year_end(t)
    if closed is not None:
        return capital(book, closed), inputs.deductions
    assert inputs.year_end_net_assets is not None
    return Terms(), inputs.year_end_net_assets


def leverage(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_i W[q,i] source_i[t] - multiple[q] base[t] <= 0``, q a cap of the law of t's last day.

    Axes: cap, period. The base is net capital ``K[t]``, net assets ``K[t] + deductions``, or net
    assets at the preceding year end ``K[u] + deductions``, ``u`` the last close up to it; what is
    constant stands on the right. Weights, multiple and base are the regime's data, with sources.
    """
    inputs = book.inputs
    for name in inputs.cap_names():
        for t in inputs.periods:
            cap = inputs.cap(name, t)
            if cap is None:
                yield (name, t), Absent("not in force")
                continue
            terms = counted(book, cap, t)
            if not terms.coefficients and terms.constant == 0.0:
                yield (name, t), Absent("no source that counts")
                continue
            moving, fixed = base(book, cap.base, t)
            terms.extend(moving, -cap.multiple)
            right = cap.multiple * fixed
            if terms.coefficients:
                yield (name, t), Row(terms, "<=", right)
            elif terms.constant <= right + ROW_TOLERANCE:
                yield (name, t), Absent("opening balances only")
            else:
                raise _breach(book, cap, t, terms.constant - right)
