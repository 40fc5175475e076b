"""Channels and rows of an allocation in words, and what one more of a limit earns.

A row's price ``y_r`` is per unit of its right side [currency per currency]. A limit that is stated
otherwise moves the row by the balance that it is taken of: with base ``B``, a share ``theta`` or a
mean ``m`` stands in the row as ``-theta B`` or ``-m B``, so that one more of it earns ``y_r B``
(the derivative of the optimum by a coefficient; B. Jansen et al., EJOR 101 (1997) 15-28).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scfcap import axes
from scfcap.axes import channel_of
from scfcap.funding.allocation.program import AllocationProgram, Row

#: Said where a loan is placed in no channel.
NOWHERE = "nowhere"
_CHANNELS = {
    axes.OWN: "own capital",
    axes.BANK_DEBT: "bank line",
    axes.BANK_TRANSFER: "bank transfer",
    axes.SECURITIZATION: "securitization",
    axes.P2P: "P2P",
    axes.GUARANTEED_BANK: "guaranteed bank",
    axes.JOINT_LENDING: "joint lending",
}
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

    ``what``: the limit in words, without its amount. ``figure``: its amount in words. ``unit``: in
    what it is stated: ``currency``, ``share`` or the name of the number whose mean is limited.
    ``more``: whether a higher figure leaves more room (False of least amounts and least means).
    """

    what: str
    figure: str
    unit: str
    more: bool


def stated_in(row: Row, limit: Limit) -> float:
    """The figure of a limit in its unit; of an amount what the row's right side holds."""
    if limit.unit == "currency" or row.stated is None:
        return abs(row.right)
    return row.stated


def limit_of(program: AllocationProgram, row: Row, currency: str) -> Limit:
    """A row as a limit in words."""
    keys = dict.fromkeys(program.channels[term.channel] for term in row.terms)
    where = _where(list(keys), len(program.channels))
    stated = row.stated
    if row.kind == "average" and stated is not None:
        number, sign = _averaged(row)
        least = "least" if sign < 0.0 else "most"
        what = f"the {least} mean {number_words(number)} in {where}"
        return Limit(what, f"{stated:,.10g}", number, sign > 0.0)
    if row.kind == "share" and stated is not None:
        what = f"the share of {_subject(row)} in {where}"
        return Limit(what, f"{stated * 100:.10g}%", "share", True)
    figure = f"{currency} {abs(row.right):,.0f}"
    if row.kind == "most":
        return Limit(f"the most in {where}", figure, "currency", True)
    if row.kind == "least":
        return Limit(f"the least in {where}", figure, "currency", False)
    if row.kind == "cap":
        return Limit(f"the most of {_subject(row)} in {where}", figure, "currency", True)
    if row.kind == "churn":
        return Limit("the most that changes its channel", figure, "currency", True)
    if row.kind == "ticket":
        return Limit(f"the least ticket of {where}", figure, "currency", False)
    return Limit(f"the limit {row.name}", f"{currency} {row.right:,.0f}", "currency", True)


def _where(keys: Sequence[str], channels: int) -> str:
    if len(keys) == channels and channels > 2:
        return "all channels"
    return " and ".join(channel_words(key) for key in keys)


def _subject(row: Row) -> str:
    """What a share or a cap is on: its subject, with the attribute that it is a value of."""
    attribute = next((t.attribute for t in row.terms if t.attribute is not None), None)
    if attribute is None:
        return row.subject or row.name
    kind = number_words(attribute)
    return f"{kind} {row.subject}" if row.subject else f"the limited by {kind} ({row.name})"


def _averaged(row: Row) -> tuple[str, float]:
    """The number whose mean a row limits, and the sign with which it stands there."""
    found = next((t for t in row.terms if t.number is not None), None)
    return ("", 1.0) if found is None else (found.number or "", math.copysign(1.0, found.weight))


def scale_of(row: Row, base: float) -> float | None:
    """What of a row's right side one more of its stated figure is worth [currency per unit].

    ``base``: the balance of which a share or a mean is taken [currency]. A stated amount counts
    one for one; less of a least amount gives room. None where it cannot be said.
    """
    if row.kind in ("most", "cap", "churn"):
        return 1.0
    if row.kind in ("least", "ticket"):
        return -1.0
    if row.kind == "share" and row.stated is not None:
        return row.right / row.stated if row.right and row.stated else base
    if row.kind == "average" and row.stated is not None and _averaged(row)[0]:
        return _averaged(row)[1] * base
    return None


def step_of(limit: Limit, amount: float) -> float:
    """A round change of a limit to speak of: at most a tenth of an amount, else one unit.

    Shares move by a percentage point.
    """
    if limit.unit == "share":
        return 0.01
    size = abs(amount)
    if size <= 0.0:
        return 1.0
    step = 10.0 ** (math.floor(math.log10(size)) - 1)
    return step if limit.unit == "currency" else min(1.0, step)


def price_sentence(limit: Limit, step: float, gain: float, currency: str) -> str:
    """``CNY 1,000,000 more of the most in P2P (CNY 20,000,000) earns up to CNY 8,877.``

    ``gain``: what ``step`` of more room earns by the price [currency]; less is said where less
    gives room. Of an amount it is the most that such a step earns, the optimum being concave in
    it; of a share or a mean it holds for small steps, ``about``.
    """
    word = "more" if limit.more else "less"
    if limit.unit == "currency":
        amount = f"{currency} {figure_words(step)}"
    elif limit.unit == "share":
        amount = f"{step * 100:g} percentage point"
    else:
        amount = f"{step:g}"
    earned = f"{currency} {figure_words(gain)}"
    degree = "up to" if limit.unit == "currency" else "about"
    return f"{amount} {word} of {limit.what} ({limit.figure}) earns {degree} {earned}."


def figure_words(amount: float) -> str:
    """An amount without cents, unless it is small."""
    size = abs(amount)
    if size >= 100.0:
        return f"{amount:,.0f}"
    return f"{amount:,.2f}" if size >= 1.0 else f"{amount:.4g}"
