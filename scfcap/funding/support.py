"""Defaults of others' loans that the company pays: recourse on loans sold, and guarantees.

Of what defaults in ``c`` in ``u`` the company pays ``cover[c]``, ``lag[c]`` periods later, and gets
that share of what is recovered when it arrives. So its cost is the cover times the credit cost of
the place, as if that share of the loans were its own. Terms are in money units; ``x`` is a
:class:`~scfcap.funding.partner.Supported`.
"""

from __future__ import annotations

from scfcap.funding.partner import Supported
from scfcap.funding.program import Terms
from scfcap.funding.variables import Book


def paid(book: Book, x: Supported, t: int) -> Terms:
    """Payments in ``t``: ``cover * defaults[t - lag]``; ``t`` may be past the horizon."""
    since = t - x.payout_lag
    if x.cover == 0.0 or not 1 <= since <= book.inputs.horizon:
        return Terms()
    return Terms().extend(book.defaults(x.place, since), x.cover)


def recovered(book: Book, x: Supported, t: int) -> Terms:
    """Recoveries that arrive in ``t`` for the company: ``cover * recoveries[t]``."""
    if x.cover == 0.0:
        return Terms()
    return Terms().extend(book.recoveries(x.place, t), x.cover)


def cost(book: Book, x: Supported, t: int) -> Terms:
    """Credit cost of ``t``: ``cover * (defaults - recoveries expected on them)``."""
    if x.cover == 0.0:
        return Terms()
    return Terms().extend(book.credit_cost(x.place, t), x.cover)


def receivable(book: Book, x: Supported, t: int) -> Terms:
    """Recoveries that the company expects at the close of ``t``."""
    if x.cover == 0.0:
        return Terms()
    return Terms().extend(book.receivable(x.place, t), x.cover)


def claims(book: Book, x: Supported, t: int) -> Terms:
    """Defaults up to ``t`` that the company has yet to pay: a liability."""
    terms = Terms()
    for due in range(t + 1, t + x.payout_lag + 1):
        terms.extend(paid(book, x, due))
    return terms
