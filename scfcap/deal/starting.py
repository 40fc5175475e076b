"""A deal's books when a run starts: at its closing, or where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scfcap.deal.book import Book, Lends
from scfcap.deal.outcome import Closing
from scfcap.deal.structure import Deal
from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray


def opening_book(
    deal: Deal,
    pool: FloatArray,
    balances: FloatArray | None = None,
    bases: Mapping[str, Lends] | None = None,
    indices: Mapping[str, FloatArray] | None = None,
) -> tuple[Book, Closing]:
    """Books at the start, and what came in and went out at closing.

    ``pool`` [K] performs at the start. ``balances`` [J, K]: original balances instead of those
    that the deal states. ``bases``: what lines lend on the loans, by line. ``indices`` by name:
    level at the start [K or 1] [1/year], which formulas at closing may ask for.
    """
    book = _empty(deal, pool, _original(deal, pool, balances))
    book.bases = bases or {}
    for name, level in (indices or {}).items():
        book.indices[name] = np.broadcast_to(level, pool.shape)
    none = np.zeros(len(pool))
    if deal.spec.opening is not None:
        _stands(deal, book, balances is not None)
        return book, Closing(none, none, none, none, none, none)
    return book, _close(deal, book)


def _original(deal: Deal, pool: FloatArray, balances: FloatArray | None) -> FloatArray:
    """Original balances [J, K], in whole cents where the deal pays in them."""
    if balances is not None:
        return _rounded(deal, np.array(balances, dtype=np.float64))
    opening = deal.spec.opening
    size = pool if opening is None else np.full(len(pool), opening.pool_at_closing)
    rows = [
        np.full(len(pool), each.balance) if each.balance is not None else (each.share or 0.0) * size
        for each in deal.spec.tranches.values()
    ]
    return _rounded(deal, np.array(rows, dtype=np.float64))


def _rounded(deal: Deal, amounts: FloatArray) -> FloatArray:
    return np.round(amounts, 2) if deal.spec.cents else amounts


def _empty(deal: Deal, pool: FloatArray, original: FloatArray) -> Book:
    spec, size = deal.spec, len(pool)
    coupons = [
        each.coupon if each.kind in ("fixed", "accrual", "interest_only") else 0.0
        for each in spec.tranches.values()
    ]

    def rows(count: int) -> FloatArray:
        return np.zeros((count, size))

    return Book(
        deal=deal,
        cash=rows(len(deal.accounts)),
        balance=original.copy(),
        owed=rows(len(coupons)),
        accrued=rows(len(coupons)),
        written_off=rows(len(coupons)),
        coupon=np.repeat(np.array(coupons)[:, None], size, axis=1),
        original=original,
        fee=rows(len(spec.fees)),
        fee_accrued=rows(len(spec.fees)),
        drawn=rows(len(spec.lines)),
        line_owed=rows(len(spec.lines)),
        hedge=rows(len(spec.hedges)),
        hedge_accrued=rows(len(spec.hedges)),
        called=np.zeros(size, dtype=np.int64),
        tripped=np.zeros((len(spec.triggers), size), dtype=np.bool_),
        phase=np.zeros(size, dtype=np.int64),
        pool=pool.astype(np.float64),
        pool_opening=pool.astype(np.float64),
        pool_at_closing=pool.astype(np.float64),
        cumulative_default=np.zeros(size),
        cumulative_recovery=np.zeros(size),
        collected=dict.fromkeys(
            ("interest", "principal", "recovery", "default", "delinquent"), np.zeros(size)
        ),
    )


def _stands(deal: Deal, book: Book, given: bool) -> None:
    """Put the deal's opening into ``book``; balances only where they are not ``given``."""
    opening, spec = deal.spec.opening, deal.spec
    assert opening is not None
    for row, name in enumerate(spec.tranches):
        if not given:
            book.balance[row] = opening.balances.get(name, 0.0)
        book.owed[row] = opening.owed.get(name, 0.0)
        book.written_off[row] = opening.written_off.get(name, 0.0)
        book.accrued[row] = opening.accrued.get(name, 0.0)
    book.balance = _rounded(deal, book.balance)
    for row, name in enumerate(spec.fees):
        book.fee[row] = opening.owed.get(name, 0.0)
    for row, name in enumerate(deal.accounts):
        book.cash[row] = opening.accounts.get(name, 0.0)
    for row, name in enumerate(spec.lines):
        book.drawn[row] = opening.lines.get(name, 0.0)
        book.line_owed[row] = opening.owed.get(name, 0.0)
    for row, name in enumerate(spec.hedges):
        book.hedge[row] = opening.owed.get(name, 0.0)
    for row, name in enumerate(spec.triggers):
        book.tripped[row] = name in opening.tripped
    if opening.phase is not None:
        book.phase[:] = [phase.name for phase in spec.phases].index(opening.phase)
    book.called[:] = -int(opening.called)
    book.pool_at_closing[:] = opening.pool_at_closing
    book.cumulative_default[:] = opening.cumulative_default
    book.cumulative_recovery[:] = opening.cumulative_default - opening.cumulative_loss
    book.payment = opening.payments_made


def _close(deal: Deal, book: Book) -> Closing:
    """Notes, lines and the originator's contribution pay for the pool, the accounts and the costs.

    What the proceeds have over goes to the originator: a contribution below zero. Raises
    InputError where a formula fills an account or draws a line with less than nothing.
    """
    spec = deal.spec
    prices = np.array([each.issue_price for each in spec.tranches.values()])
    proceeds = (book.balance * prices[:, None]).sum(axis=0)
    cost = np.zeros(book.size)
    for fee in spec.fees.values():
        cost = cost + book.amount(fee.upfront)
    for hedge in spec.hedges.values():
        cost = cost + book.amount(hedge.premium)
    for name, account in spec.accounts.items():
        book.cash[book.account(name)] = book.amount(account.initial)
    for row, (name, line) in enumerate(spec.lines.items()):
        book.drawn[row] = np.minimum(book.amount(line.initial), book.commitment(name))
    _refuse_below_zero(deal, "accounts", deal.accounts, book.cash)
    _refuse_below_zero(deal, "lines", tuple(spec.lines), book.drawn)
    drawn = book.drawn.sum(axis=0)
    paid = book.pool * spec.assets.price
    filled = book.cash.sum(axis=0)
    contribution = paid + filled + cost - proceeds - drawn
    return Closing(proceeds, contribution, paid, filled, cost, drawn)


def _refuse_below_zero(deal: Deal, table: str, names: Sequence[str], held: FloatArray) -> None:
    """Raise InputError where a formula of ``initial`` gives less than nothing, or no number."""
    wrong = [
        Problem(
            f"deals/{deal.name}.toml: {table}.{name}.initial",
            f"{amount.min():,.2f} at closing",
            "an amount of at least 0",
            "Put the formula into max(..., 0), or correct it.",
        )
        for name, amount in zip(names, held, strict=True)
        if not (amount >= 0.0).all()
    ]
    if wrong:
        raise InputError(wrong)
