"""What a step of a waterfall owes, what it may use, and whom it pays.

Every action has the same form: what is due to each of those it names, and what being paid does
to the books. Limits (share of due, amount, formula, what must stay) and sources (accounts and
lines, one after the other) are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from scfcap.deal.assets import Assets
from scfcap.deal.book import Book, share
from scfcap.deal.structure import Step
from scfcap.quantities import BoolArray, FloatArray
from scfcap.schema.deal_parts import StepSpec


@dataclass(frozen=True)
class Paid:
    """A step on one date, in currency: arrays over scenarios [K], or one zero for all.

    ``due`` after its limits, ``available`` in its sources, ``paid``; ``each`` [n, K] to those it
    names (of purchases the balance bought; empty where nothing is paid). ``outside`` left the
    deal, ``drawn`` came in from lines.
    """

    due: FloatArray
    available: FloatArray
    paid: FloatArray
    each: FloatArray
    outside: FloatArray
    drawn: FloatArray


class _Action(NamedTuple):
    """``due`` [n, K] to each target; ``settle`` books what is paid [n, K].

    ``leaves``: whether cash paid leaves the deal.
    """

    due: Callable[[Book, Step, FloatArray], FloatArray]
    settle: Callable[[Book, Step, FloatArray], None]
    leaves: bool = True


_NOTHING: Final = np.zeros(())
_NO_ONE: Final = np.zeros((0, 0))
#: Share of a debt that is an error of floats.
_DUST: Final = 1e-12
#: What lacks so little of a whole cent is one: a share of it, and of a cent at most.
_NEAR, _NEAREST = 1e-10, 1e-4


def pay(book: Book, step: Step, assets: Assets, active: BoolArray | None) -> Paid:
    """Make ``step`` in the scenarios ``active`` [K]; None: in all."""
    if step.when is not None:
        held = book.holds(step.when)
        active = held if active is None else active & held
    if step.spec.pay == "purchase":
        return _purchase(book, step, assets, active)
    action = _ACTIONS[step.spec.pay]
    have = _available(book, step)
    total_have = _total(have)
    if active is not None and not active.any():
        return Paid(_NOTHING, total_have, _NOTHING, _NO_ONE, _NOTHING, _NOTHING)
    due = action.due(book, step, total_have)
    want = _limited(book, step, _total(due))
    if active is not None:
        want = np.where(active, want, 0.0)
    moves = step.spec.pay not in _NO_CASH
    most = np.minimum(want, total_have) if moves else want
    if not most.any():
        return Paid(want, total_have, _NOTHING, _NO_ONE, _NOTHING, _NOTHING)
    each = _shares(step, due, most, book)
    paid = _total(each)
    drawn = _take(book, step, have, paid) if moves else _NOTHING
    action.settle(book, step, each)
    outside = paid if action.leaves and moves else _NOTHING
    return Paid(want, total_have, paid, each, outside, drawn)


def _total(rows: FloatArray) -> FloatArray:
    """Sum of rows [n, K]."""
    return np.asarray(rows[0] if len(rows) == 1 else rows.sum(axis=0))


def _limited(book: Book, step: Step, due: FloatArray) -> FloatArray:
    spec = step.spec
    want = due if spec.share == 1.0 else due * spec.share
    if spec.amount is not None:
        want = np.minimum(want, spec.amount)
    if step.up_to is not None:
        want = np.minimum(want, np.maximum(book.number(step.up_to), 0.0))
    if book.deal.spec.cents:
        want = to_cents(want)
    return want


def _available(book: Book, step: Step) -> FloatArray:
    """What each source holds for the step [sources, K]."""
    rows = []
    for place, name in enumerate(step.spec.sources):
        if name in book.deal.spec.lines:
            rows.append(book.undrawn(name))
            continue
        have = book.cash[book.account(name)]
        if place == 0 and step.keep is not None:
            stays = step.keep if isinstance(step.keep, float | int) else book.number(step.keep)
            have = np.maximum(have - stays, 0.0)
        rows.append(have)
    return np.array(rows)


def _take(book: Book, step: Step, have: FloatArray, paid: FloatArray) -> FloatArray:
    """Take ``paid`` [K] from the sources in order; gives what lines put in [K]."""
    rest, drawn, last = paid, _NOTHING, len(step.spec.sources) - 1
    for place, name in enumerate(step.spec.sources):
        if place and not rest.any():
            break
        taken = rest if last == 0 else np.minimum(rest, have[place])
        if place < last:
            rest = rest - taken
        if name in book.deal.spec.lines:
            book.drawn[list(book.deal.spec.lines).index(name)] += taken
            drawn = drawn + taken
        else:
            cash = book.cash[book.account(name)]
            cash -= taken
            np.maximum(cash, 0.0, out=cash)
    return drawn


def _shares(step: Step, due: FloatArray, most: FloatArray, book: Book) -> FloatArray:
    """``most`` [K] among those who are due [n, K]."""
    if len(due) == 1:
        return _cents(np.minimum(due, most)) if book.deal.spec.cents else most[None]
    total = due.sum(axis=0)
    if _in_order(step.spec):
        before = np.cumsum(due, axis=0) - due
        found = np.where(most >= total, due, np.clip(most - before, 0.0, due))
        return _cents(found) if book.deal.spec.cents else found
    if book.deal.spec.cents:
        return _shares_in_cents(due, most, total)
    part = np.divide(most, total, out=np.zeros_like(most), where=total > 0.0)
    return np.where(most >= total, due, due * part)


def _shares_in_cents(due: FloatArray, most: FloatArray, total: FloatArray) -> FloatArray:
    """Shares by what is due [n, K], rounded so that they add up: the last takes the remainder.

    Of those after the first each takes what the rounded sum up to it leaves, so that none is more
    than a cent from its share.
    """
    whole = _cents(np.minimum(most, total))
    part = np.divide(whole, total, out=np.zeros_like(most), where=total > 0.0)
    until = to_cents(np.cumsum(due, axis=0) * part)
    until[-1] = whole
    each = np.clip(np.diff(until, axis=0, prepend=0.0), 0.0, due)
    return _cents(np.where(most >= total, due, each))


def _in_order(spec: StepSpec) -> bool:
    """Losses go to one class after the other, unless the step says how they share."""
    if spec.split is None:
        return spec.pay in _NO_CASH
    return spec.split == "in order"


def to_cents(values: FloatArray) -> FloatArray:
    """The nearest whole cents; a half, within what floats err by, to the even one."""
    return np.asarray(np.round(np.round(values * 100.0, 4)) / 100.0)


def _cents(values: FloatArray) -> FloatArray:
    """Whole cents, never more than there is (but for the error of floats)."""
    cents = values * 100.0
    return np.floor(cents + np.minimum(_NEAR * cents, _NEAREST)) / 100.0


# --- actions --------------------------------------------------------------------------------


def _rows(names: tuple[str, ...], among: tuple[str, ...]) -> list[int]:
    return [among.index(name) for name in names]


def _add(values: FloatArray, rows: list[int], each: FloatArray) -> None:
    for row, amount in zip(rows, each, strict=True):
        values[row] += amount


def _less(book: Book, values: FloatArray, rows: list[int], each: FloatArray) -> None:
    """Take off what is paid; the error of floats that is left of a debt is none."""
    for row, amount in zip(rows, each, strict=True):
        left = values[row]
        dust = _DUST * left
        left -= amount
        np.copyto(left, 0.0, where=~(left > dust))
        if book.deal.spec.cents:
            np.round(left, 2, out=left)


def _fee_rows(book: Book, step: Step) -> list[int]:
    return _rows(step.spec.targets, tuple(book.deal.spec.fees))


def _tranche_rows(book: Book, step: Step) -> list[int]:
    return _rows(step.spec.targets, book.deal.tranches)


def _principal_due(book: Book, step: Step, have: FloatArray) -> FloatArray:  # noqa: ARG001
    rows = _tranche_rows(book, step)
    due = book.balance[rows]
    if step.spec.by == "balance":
        return due
    kept = np.array([_scheduled(book, name) for name in step.spec.targets])
    return np.maximum(due - kept[:, None] * book.original[rows], 0.0)


def _scheduled(book: Book, name: str) -> float:
    schedule = book.deal.spec.tranches[name].schedule
    if not schedule:
        return 0.0
    return float(schedule[min(max(book.payment, 1), len(schedule)) - 1])


def _account_due(book: Book, step: Step, have: FloatArray) -> FloatArray:
    """What lacks to each target; without a target all that there is."""
    rows = []
    for name in step.spec.targets:
        spec = book.deal.spec.accounts.get(name)
        if spec is None or spec.target is None:
            rows.append(have)
        else:
            rows.append(np.maximum(book.target(name) - book.cash[book.account(name)], 0.0))
    return np.array(rows)


def _everything(book: Book, step: Step, have: FloatArray) -> FloatArray:  # noqa: ARG001
    count = max(len(step.spec.targets), 1)
    if count == 1:
        return have[None]
    return np.repeat(have[None] / count, count, axis=0)


def _to_accounts(book: Book, step: Step, each: FloatArray) -> None:
    for name, amount in zip(step.spec.targets, each, strict=True):
        book.cash[book.account(name)] += amount


def _line_due(book: Book, step: Step, have: FloatArray) -> FloatArray:  # noqa: ARG001
    rows = _rows(step.spec.targets, tuple(book.deal.spec.lines))
    return np.asarray(book.line_owed[rows] + book.drawn[rows])


def _line_paid(book: Book, step: Step, each: FloatArray) -> None:
    for name, amount in zip(step.spec.targets, each, strict=True):
        row = list(book.deal.spec.lines).index(name)
        interest = np.minimum(amount, book.line_owed[row])
        book.line_owed[row] -= interest
        book.drawn[row] = np.maximum(book.drawn[row] - (amount - interest), 0.0)


def _loss_due(book: Book, step: Step, have: FloatArray) -> FloatArray:  # noqa: ARG001
    """Balances, as far as no limit says less than what the pool and principal do not cover."""
    due = book.balance[_tranche_rows(book, step)]
    if step.up_to is not None:
        return due
    uncovered = np.maximum(book.notes - book.pool - book.principal_cash(), 0.0)
    if not _in_order(step.spec):
        return due * np.minimum(share(uncovered, due.sum(axis=0)), 1.0)
    before = np.cumsum(due, axis=0) - due
    return np.clip(uncovered - before, 0.0, due)


def _write_off(book: Book, step: Step, each: FloatArray) -> None:
    rows = _tranche_rows(book, step)
    _less(book, book.balance, rows, each)
    _add(book.written_off, rows, each)


def _write_up(book: Book, step: Step, each: FloatArray) -> None:
    rows = _tranche_rows(book, step)
    _less(book, book.written_off, rows, each)
    _add(book.balance, rows, each)


def _purchase(book: Book, step: Step, assets: Assets, active: BoolArray | None) -> Paid:
    """New loans: due is what is on offer within the limits; no line pays for them unless named."""
    have = _available(book, step)
    total = have.sum(axis=0)
    asked = _limited(book, step, total)
    if active is not None:
        asked = np.where(active, asked, 0.0)
    due = np.where(asked > 0.0, assets.wish(book.period, asked), 0.0)
    paid = np.minimum(due, total)
    drawn = _take(book, step, have, paid)
    bought = assets.buy(book.period, paid)
    book.pool = book.pool + bought
    return Paid(due, total, paid, bought[None], paid, drawn)


_NO_CASH = ("write_off", "write_up")
_ACTIONS: dict[str, _Action] = {
    "fee": _Action(
        lambda b, s, _: b.fee[_fee_rows(b, s)],
        lambda b, s, each: _less(b, b.fee, _fee_rows(b, s), each),
    ),
    "interest": _Action(
        lambda b, s, _: b.owed[_tranche_rows(b, s)],
        lambda b, s, each: _less(b, b.owed, _tranche_rows(b, s), each),
    ),
    "principal": _Action(
        _principal_due, lambda b, s, each: _less(b, b.balance, _tranche_rows(b, s), each)
    ),
    "account": _Action(_account_due, _to_accounts, leaves=False),
    "transfer": _Action(_everything, _to_accounts, leaves=False),
    "residual": _Action(_everything, lambda b, s, each: None),  # noqa: ARG005
    "line": _Action(_line_due, _line_paid),
    "hedge": _Action(
        lambda b, s, _: b.hedge[_rows(s.spec.targets, tuple(b.deal.spec.hedges))],
        lambda b, s, each: _less(
            b, b.hedge, _rows(s.spec.targets, tuple(b.deal.spec.hedges)), each
        ),
    ),
    "write_off": _Action(_loss_due, _write_off),
    "write_up": _Action(lambda b, s, _: b.written_off[_tranche_rows(b, s)], _write_up),
}
