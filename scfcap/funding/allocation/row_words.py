"""Channels and rows of an allocation in words, and what one more of a limit earns.

A row's price ``y_r`` is per unit of its right side [currency per currency]. A share ``theta`` or a
mean ``m`` stands in its row as ``-theta B`` or ``-m B``, ``B`` being the balance of which it is
taken: one more of it earns ``y_r B`` (the derivative of the optimum by a coefficient; B. Jansen et
al., EJOR 101 (1997) 15-28).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scfcap import axes
from scfcap.axes import channel_of
from scfcap.funding.allocation.program import AllocationProgram, Row, Term
from scfcap.quantities import HALF_CENT

#: Said where a loan is placed in no channel.
NOWHERE = "nowhere"
#: Units of a limit that is no mean.
CURRENCY, SHARE = "currency", "share"
_CHANNELS = {
    axes.OWN: "own capital",
    axes.BANK_DEBT: "bank line",
    axes.BANK_TRANSFER: "bank transfer",
    axes.SECURITIZATION: "securitization",
    axes.P2P: "P2P",
    axes.GUARANTEED_BANK: "guaranteed bank",
    axes.JOINT_LENDING: "joint lending",
}
#: Stands in the name of a number between a column and the part of a loan that counts.
_TIMES = " times "
#: Kinds of row that ask for something: less of them gives room.
_ASKING = ("least", "ticket", "cover")
#: Prices below this per unit count as zero.
NOTHING = 1e-9


def channel_words(key: str) -> str:
    """A channel in words: ``bank line bank-a``; nowhere if the key is empty."""
    if not key:
        return NOWHERE
    kind, name = channel_of(key), key.partition(":")[2]
    words = _CHANNELS.get(kind, kind.replace("_", " "))
    return f"{words} {name}" if name else words


def number_words(name: str) -> str:
    """A column in words: ``remaining_days`` is ``remaining days``."""
    return name.replace("_", " ")


@dataclass(frozen=True)
class Limit:
    """How a row is stated.

    ``what``: the limit in words, without its figure. ``stated``: the figure in ``unit``:
    :data:`CURRENCY`, :data:`SHARE` or the column whose mean is limited. ``more``: whether a higher
    figure leaves more room. ``measured`` and ``base``: the terms of what is limited, and of the
    balance of which it is a share or a mean (none of an amount).
    """

    what: str
    stated: float
    unit: str
    more: bool
    measured: tuple[Term, ...]
    base: tuple[Term, ...] = ()

    def figure(self, currency: str) -> str:
        """``stated`` in words."""
        if self.unit == CURRENCY:
            return f"{currency} {figure_words(self.stated if abs(self.stated) >= HALF_CENT else 0)}"
        if self.unit == SHARE:
            return f"{self.stated * 100:.10g}%"
        return f"{self.stated:,.10g}"

    @property
    def step(self) -> float:
        """A round change to speak of: about a tenth of an amount or less (1 of one below 1), a
        percentage point of a share, at most 1 of a mean.
        """
        if self.unit == SHARE:
            return 0.01
        size = abs(self.stated)
        if size < (1.0 if self.unit == CURRENCY else HALF_CENT):
            return 1.0
        step = 10.0 ** (math.floor(math.log10(size)) - 1)
        return step if self.unit == CURRENCY else min(1.0, step)


def limit_of(program: AllocationProgram, row: Row) -> Limit:
    """A row as a limit in words."""
    where = _where(program, row)
    if row.kind == "average" and row.stated is not None:
        return _mean(row, where)
    named = tuple(t for t in row.terms if t.attribute is not None)
    if row.kind in ("share", "cap") and named:
        base = tuple(t for t in row.terms if t.attribute is None)
        who, counted = _who(row, named[0]), _counted(row.terms)
        if base and row.stated is not None:
            what = f"the share of {who} in {where}{counted}"
            return Limit(what, row.stated, SHARE, True, named, base)
        what = f"the most of {who} in {where}{counted}"
        return Limit(what, row.right, CURRENCY, True, row.terms)
    what = {
        "least": f"the least in {where}",
        "most": f"the most in {where}",
        "ticket": f"the least that moves into {where} if any does",
        "cover": f"what the loans of {where} must cover",
        "churn": "the most that changes its channel",
    }.get(row.kind, f"the limit {row.name}")
    amount = -row.right if row.kind in _ASKING else row.right
    counted = "" if row.kind == "cover" else _counted(row.terms)
    return Limit(f"{what}{counted}", amount, CURRENCY, row.kind not in _ASKING, row.terms)


def _counted(terms: Sequence[Term]) -> str:
    """By what balances are multiplied before they count, if by anything."""
    numbers = list(dict.fromkeys(term.number for term in terms if term.number is not None))
    return f", counted by {' and '.join(map(number_words, numbers))}" if numbers else ""


def _where(program: AllocationProgram, row: Row) -> str:
    """The channels of a row; those that count in the limits of one are told with it."""
    keys = list(dict.fromkeys(program.channels[term.channel] for term in row.terms))
    home = [key for key in keys if row.name.startswith(f"{key}: ")]
    if home and len(keys) > 1:
        return f"{channel_words(home[0])}, with {_joined([k for k in keys if k != home[0]])}"
    if len(keys) == len(program.channels) > 2:
        return "all channels"
    return _joined(keys)


def _joined(keys: Sequence[str]) -> str:
    words = [channel_words(key) for key in keys]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _who(row: Row, term: Term) -> str:
    """Whom a share or a cap is on: a value of a column, or several together."""
    column = number_words(term.attribute or "")
    if len(term.members) > 1:
        return f"{len(term.members)} values of {column} together"
    return f"{column} {row.subject or row.name}"


def _mean(row: Row, where: str) -> Limit:
    """A mean: its terms are the column's, and the balance's with the limit as weight."""
    numbers = [term.number or "" for term in row.terms]
    plain = {n.partition(_TIMES)[2] for n in numbers if _TIMES in n} | {""}
    base = tuple(t for t, n in zip(row.terms, numbers, strict=True) if n in plain)
    measured = tuple(t for t, n in zip(row.terms, numbers, strict=True) if n not in plain)
    column = (measured[0].number or "").partition(_TIMES)[0]
    more = measured[0].weight > 0.0
    what = f"the {'most' if more else 'least'} mean {number_words(column)} in {where}"
    return Limit(what, row.stated or 0.0, column, more, measured, base)


def price_sentence(limit: Limit, gain: float, currency: str) -> str:
    """``CNY 1,000,000 more of the most in P2P (CNY 20,000,000) earns up to CNY 8,877.``

    ``gain``: what a :attr:`Limit.step` of more room earns by the price [currency]; less is said
    where less gives room. Of an amount it is the most that such a step earns, the optimum being
    concave in it; of a share or a mean it holds for small steps, ``about``.
    """
    word = "more" if limit.more else "less"
    if limit.unit == CURRENCY:
        amount = f"{currency} {figure_words(limit.step)}"
    elif limit.unit == SHARE:
        amount = "1 percentage point"
    else:
        amount = f"{limit.step:g}"
    degree = "up to" if limit.unit == CURRENCY else "about"
    earned = f"{currency} {figure_words(gain)}"
    figure = limit.figure(currency)
    return f"{amount} {word} of {limit.what} ({figure}) earns {degree} {earned}."


def figure_words(amount: float) -> str:
    """An amount without cents, unless it is small."""
    size = abs(amount)
    if size >= 100.0:
        return f"{amount:,.0f}"
    return f"{amount:,.2f}" if size >= 1.0 else f"{amount:.4g}"
