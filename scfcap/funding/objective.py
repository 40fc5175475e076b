"""What the plan is after."""

from __future__ import annotations

from scfcap.funding.company import capital
from scfcap.funding.end_value import value_beyond
from scfcap.funding.program import Terms
from scfcap.funding.variables import Book


def max_income(book: Book) -> Terms:
    """Net income over the horizon and the value of what stands at its end above its book value.

    ``sum_t NI[t] + (V_T - K[T]) = V_T - K[0]`` with ``V_T`` cash, loans at their remaining cash
    discounted at ``terminal_rate``, servicing fees to come, the share of issue costs that later
    periods use, less debt, notes and accrued coupons at par and what dearer debt costs above it.
    Holdings at par alone would stop lending near the end; all their interest undiscounted would
    over-lend.
    """
    return terminal_value(book).plus(-book.inputs.net_capital)


def terminal_value(book: Book) -> Terms:
    """``V_T`` [money units]: book value of net capital and the premium on what is held."""
    terms = Terms().extend(capital(book, book.inputs.horizon))
    return terms.extend(premium(book))


def premium(book: Book) -> Terms:
    """``V_T - K[T]``: what stands at T is worth above its book value; kinds in ``end_value``."""
    terms = Terms()
    for part in value_beyond(book).values():
        terms.extend(part)
    return terms
