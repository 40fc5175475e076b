"""Why a source of funds gets no new business, and what would change that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import pandas as pd

from scfcap.axes import (
    BANK_DEBT,
    BANK_TRANSFER,
    GUARANTEED_BANK,
    JOINT_LENDING,
    OUTSIDE_CHANNELS,
    P2P,
    SECURITIZATION,
)
from scfcap.funding.costs import Worths, break_even_rate
from scfcap.funding.decisions import left_out
from scfcap.funding.inputs import BuyerInputs, DealInputs, LenderInputs
from scfcap.funding.partner import PartnerInputs
from scfcap.funding.program import Key, Solution
from scfcap.funding.statements import frame_of
from scfcap.funding.tenor import Maturity
from scfcap.funding.variables import Book

#: Below this share of a unit of money a use counts as none, and a loss a unit as nothing.
NOTHING = 1e-9
_MISSING = {
    BANK_DEBT: "Bank debt is not used: the model has no line.",
    BANK_TRANSFER: "No loan is sold to banks: the model has no buyer.",
    SECURITIZATION: "Securitization is not used: the model has no vehicle.",
    P2P: "P2P is not used: the model has no P2P lender.",
    GUARANTEED_BANK: "No bank lends under a guarantee: the model has none.",
    JOINT_LENDING: "No loan is made jointly: the model has no partner.",
}


@dataclass(frozen=True)
class _Column:
    """A way to use a source: its column, when, and at which rate for how long (None: no rate)."""

    key: Key
    t: int
    rate: float = 0.0
    maturity: Maturity | None = None


def unused(book: Book, solution: Solution) -> pd.DataFrame:
    """Sources without new business in the plan: why, and what would change that.

    ``lost_per_unit`` is what the first unit of the best use would take from the objective [1];
    ``rate_change`` is what the rate of that use would have to fall by, all else the same [1/year].
    Both are empty where there is nothing to use. From the reduced costs, so limits and law are
    counted in.
    """
    rows = [
        (channel, item, loss, change, sentence)
        for channel, item, loss, change, sentence in _found(book, solution)
    ]
    return frame_of(rows, ["channel", "item", "lost_per_unit", "rate_change", "sentence"])


def _found(book: Book, solution: Solution) -> Iterator[tuple[str, str, float, float, str]]:
    inputs, nan = book.inputs, float("nan")
    closed = set() if inputs.regime is None else set(map(str, inputs.regime.closed_channels))
    present: set[str] = set()
    missed = left_out(book, solution)
    for channel, item, family, columns, why in _sources(book):
        present.add(channel)
        ways = [(c, j) for c in columns if (j := book.program.find(family, c.key)) is not None]
        if any(float(solution.x[j]) > NOTHING for _, j in ways):
            continue
        if item in missed and inputs.choice is not None:
            said = f"{item} is not used: no more than {inputs.choice.allowed} banks may lend "
            full = "as many are owed already" if inputs.choice.most == 0 else ""
            tail = f"({inputs.choice.regime}), and {full or 'others serve the plan better'}."
            yield channel, item, nan, nan, said + tail
            continue
        kind = next((x.kind for x in inputs.lenders if x.name == item), channel)
        law = sorted({channel, kind} & closed)
        if law and inputs.regime is not None:
            said = f"{item} is not used: {law[0].replace('_', ' ')} is closed by law "
            yield channel, item, nan, nan, f"{said}({inputs.regime.title})."
        elif not ways:
            yield channel, item, nan, nan, f"{item} is not used: {why}."
        else:
            yield channel, item, *_priced(book, solution, item, ways)
    for channel in OUTSIDE_CHANNELS:
        if channel not in present:
            yield channel, "", nan, nan, _MISSING[channel]


def _priced(
    book: Book, solution: Solution, item: str, ways: list[tuple[_Column, int]]
) -> tuple[float, float, str]:
    """The best way to use a source that is open, what it would lose, and the rate it needs.

    The best is that which needs the least change of its rate, or loses least where it has none.
    """
    inputs = book.inputs
    worths = Worths.of(book, solution)
    priced = []
    for way, j in ways:
        loss = max(-float(solution.reduced_cost[j]), 0.0)
        burden = 0.0
        if way.maturity is not None:
            due = way.maturity.falls_due(way.t)
            part = way.maturity.bears(way.t, due)
            burden = break_even_rate(book, worths, way.t, due - way.t, part)[1]
        priced.append((loss / burden if burden > 0.0 else inf, loss, way))
    change, loss, best = min(priced, key=lambda found: found[:2])
    unit = f"{inputs.spec.currency} {inputs.unit:,.0f}"
    day = inputs.grid.ends[best.t - 1]
    said = f"{item} is not used: the first {unit} on {day}"
    if loss <= NOTHING:
        return 0.0, float("nan"), f"{said} would neither earn nor lose; other money does as well."
    said = f"{said}, its best use, would lose {inputs.spec.currency} {loss * inputs.unit:,.0f}"
    if best.maturity is None:
        return loss, float("nan"), f"{said}."
    if change >= best.rate:
        return loss, float("nan"), f"{said}, and at no rate above 0% would it earn."
    periods = f"{best.maturity.count} {inputs.spec.plan.unit}s"
    tail = f"{periods} cost {best.rate:.2%}, worth using below {best.rate - change:.2%}."
    return loss, change, f"{said}: {tail}"


def _sources(book: Book) -> Iterator[tuple[str, str, str, list[_Column], str]]:
    """Channel, name, family of columns, ways to use it, and why there may be none."""
    inputs = book.inputs
    for x in inputs.lenders:
        broken = (b for b in inputs.breaches if b.lender == x.name)
        why = next((f"the covenant {b.covenant} of {b.of} is broken" for b in broken), "")
        yield BANK_DEBT, x.name, "X", _draws(book, x), why or "its line is 0"
    for buyer in inputs.buyers:
        why = "its limit is 0" if buyer.limit <= 0.0 else "no loan is eligible and old enough"
        yield BANK_TRANSFER, buyer.name, "Y", _sales(book, buyer), why
    for d in inputs.deals:
        if d.state is None:
            columns = [_Column(d.name, d.closing)]
            yield SECURITIZATION, d.name, "S", columns, "the programme's limit is 0"
        else:
            over = d.last_revolving < 1
            why = "it no longer revolves" if over else "no loan is eligible and old enough"
            yield SECURITIZATION, d.name, "Y", _sales(book, d), why
    if inputs.p2p is not None:
        placements = [
            _Column((m, t), t, inputs.p2p.rate(step.rate, t), inputs.p2p.maturity)
            for m, step in enumerate(inputs.p2p.steps)
            for t in inputs.periods
        ]
        yield P2P, "P2P", "P", placements, "its limit is 0, or its window is shut"
    for partner in inputs.partners:
        shut = partner.limit <= 0.0
        why = "its limit is 0" if shut else "no loan is asked for that it may lend"
        yield partner.channel, partner.name, "OC", _bookings(book, partner), why


def _draws(book: Book, x: LenderInputs) -> list[_Column]:
    return [
        _Column((x.name, tenor, t), t, x.cost(tenor, rate, t, t + 1), x.maturity(tenor))
        for tenor, rate in x.tenors
        for t in book.inputs.periods
    ]


def _bookings(book: Book, x: PartnerInputs) -> list[_Column]:
    return [
        _Column((s, x.place, t), t)
        for s in range(len(book.inputs.segments))
        for t in book.inputs.periods
    ]


def _sales(book: Book, funder: BuyerInputs | DealInputs) -> list[_Column]:
    return [
        _Column((j, funder.place, t), t)
        for (where, t), cohorts in book.transfers.items()
        if where == funder.place
        for j in cohorts
    ]
