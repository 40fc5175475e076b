"""The plan as a list of what to do and when: notify, draw, transfer, issue, repay, book."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd

from scfcap.axes import (
    BANK_DEBT,
    BANK_TRANSFER,
    GUARANTEED_BANK,
    JOINT_LENDING,
    P2P,
    SECURITIZATION,
    place,
)
from scfcap.funding.decisions import Decisions
from scfcap.funding.entries import notes_repaid
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Solution
from scfcap.funding.statements import frame_of
from scfcap.funding.tenor import day_due
from scfcap.funding.variables import Book

#: Amounts below it are no action [currency].
LEAST = 0.005
_ORDER = ("notify", "repay", "transfer", "issue", "draw", "book")

Action = tuple[date, str, str, str, str, float, date | None]


def actions(book: Book, solution: Solution, decisions: Decisions) -> pd.DataFrame:
    """What to do, by day [currency].

    ``date`` is the end of the period in which the plan does it; a draw that stands at the start is
    repaid on its own day. ``deadline``: the last day to give the notice that the lender or buyer
    wants (``notice_days``), which is an action of its own; ``late``: that day is past already at
    ``as_of``, which no plan of the program does.
    """
    inputs = book.inputs
    found = [
        *_draws(inputs, decisions),
        *_transfers(inputs, decisions),
        *_issues(inputs, decisions),
        *_booked(inputs, decisions),
        *_repaid(book, solution),
    ]
    notices: list[Action] = [
        (deadline, "notify", channel, who, f"{action} of {day}: {detail}", amount, deadline)
        for day, action, channel, who, detail, amount, deadline in found
        if deadline is not None
    ]
    kept = [row for row in (*found, *notices) if row[5] > LEAST]
    kept.sort(key=lambda row: (row[0], _ORDER.index(row[1]), row[2]))
    names = ["date", "action", "channel", "item", "detail", "amount", "deadline"]
    frame = frame_of(kept, names)
    frame["late"] = [row[6] is not None and row[6] < inputs.grid.as_of for row in kept]
    for name in ("date", "deadline"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame


def _deadline(day: date, notice: int | None) -> date | None:
    return None if notice is None else day - timedelta(days=notice)


def _draws(inputs: Inputs, decisions: Decisions) -> Iterator[Action]:
    notices = {x.name: x.notice_days for x in inputs.spec.lenders}
    lenders = {x.name: x for x in inputs.lenders}
    grid, unit = inputs.grid, inputs.spec.plan.unit
    for (name, tenor, t), amount in decisions.draws.items():
        day = grid.ends[t - 1]
        rate = lenders[name].rate(dict(lenders[name].tenors)[tenor], t)
        due = day_due(grid, t, tenor, unit)
        floats = " floating" if tenor in lenders[name].floating else ""
        detail = f"{tenor} {unit}s at {rate:.2%}{floats}, due {due}"
        deadline = _deadline(day, notices[name])
        yield day, "draw", BANK_DEBT, name, detail, amount * inputs.unit, deadline


def _transfers(inputs: Inputs, decisions: Decisions) -> Iterator[Action]:
    """Principal that moves from the own book, by funder, period and segment."""
    notices = {x.name: x.notice_days for x in inputs.spec.buyers}
    funders = {x.place: x for x in inputs.funders}
    prices = {x.place: x.price for x in inputs.buyers}
    moved: dict[tuple[int, str, int], float] = {}
    for (j, where, t), amount in decisions.transfers.items():
        key = (t, where, int(inputs.cohorts.segment[j]))
        moved[key] = moved.get(key, 0.0) + amount
    for (t, where, s), amount in moved.items():
        day, name = inputs.grid.ends[t - 1], funders[where].name
        bought = where in prices
        channel = BANK_TRANSFER if bought else SECURITIZATION
        detail = f"{inputs.segments[s]} at {prices.get(where, 1.0):.2%} of par"
        deadline = _deadline(day, notices[name]) if bought else None
        yield day, "transfer", channel, name, detail, amount * inputs.unit, deadline


def _issues(inputs: Inputs, decisions: Decisions) -> Iterator[Action]:
    for d in inputs.deals:
        if d.state is None and decisions.issued.get(d.name, 0.0) > 0.0:
            for tranche in inputs.terms(d).sold:
                amount = tranche.share * decisions.issued[d.name] * inputs.unit
                detail = f"{tranche.name} notes at {tranche.coupon:.2%}"
                day = inputs.grid.ends[d.closing - 1]
                yield day, "issue", SECURITIZATION, d.name, detail, amount, None
    if inputs.p2p is not None:
        for m, step in enumerate(inputs.p2p.steps):
            for t in inputs.periods:
                amount = float(decisions.placed[m, t]) * inputs.unit
                tenor = f"{inputs.p2p.tenor} {inputs.spec.plan.unit}s"
                detail = f"notes for {tenor} at {inputs.p2p.rate(step.rate, t):.2%}"
                yield inputs.grid.ends[t - 1], "issue", P2P, "notes", detail, amount, None


def _booked(inputs: Inputs, decisions: Decisions) -> Iterator[Action]:
    """Loans that partners make, by period and segment, the company's share of them included."""
    partners = {x.place: x for x in inputs.partners}
    notices = {
        **{place(GUARANTEED_BANK, x.name): x.notice_days for x in inputs.spec.guaranteed},
        **{place(JOINT_LENDING, x.name): x.notice_days for x in inputs.spec.joint},
    }
    for (s, where, t), amount in decisions.booked.items():
        x, day = partners[where], inputs.grid.ends[t - 1]
        detail = f"{inputs.segments[s]}, of which the company funds {x.own_share:.0%}"
        deadline = _deadline(day, notices.get(where))
        yield day, "book", x.channel, x.name, detail, amount * inputs.unit, deadline


def _repaid(book: Book, solution: Solution) -> Iterator[Action]:
    inputs = book.inputs
    last = inputs.grid.ends[-1]
    for lender in inputs.spec.lenders:
        for draw in lender.draws:
            day = max(draw.maturity, inputs.grid.as_of)
            if day <= last:
                detail = f"older draw at {draw.rate:.2%}"
                yield day, "repay", BANK_DEBT, lender.name, detail, draw.amount, None
    for t in inputs.periods:
        day = inputs.grid.ends[t - 1]
        for x in inputs.lenders:
            new = book.debt_repaid(x.name, t).plus(-float(x.open_repaid[t]))
            amount = new.value(solution.x) * inputs.unit
            yield day, "repay", BANK_DEBT, x.name, "draws that the plan makes", amount, None
        for d in inputs.deals:
            for i, tranche in enumerate(inputs.terms(d).sold):
                amount = notes_repaid(book, d, t, i).value(solution.x) * inputs.unit
                yield day, "repay", SECURITIZATION, d.name, f"{tranche.name} notes", amount, None
        amount = book.p2p_repaid(t).value(solution.x) * inputs.unit
        yield day, "repay", P2P, "notes", "notes that are due", amount, None
