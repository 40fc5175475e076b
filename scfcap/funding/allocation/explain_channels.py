"""What binds a channel and what more of it earns; what is in it before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice, Row, Term
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.row_words import (
    CURRENCY,
    NOTHING,
    Limit,
    limit_of,
    price_sentence,
)
from scfcap.quantities import FloatArray

#: Columns of :func:`channel_limits`.
LIMITS = [
    "limit", "kind", "channels", "what", "subject", "side", "stated", "unit", "measured",
    "room_stated", "right", "used", "headroom", "binding", "price", "step", "earns", "sentence",
]  # fmt: skip
#: A row is full where it leaves no more than this share of what it may hold.
FULL = 1e-6


class Placed:
    """Sums of a placement by channel, attribute and number, each made once."""

    def __init__(self, program: AllocationProgram, choice: Choice) -> None:
        self.program, self.choice = program, choice
        self._sums: dict[tuple[int, str | None, str | None], FloatArray] = {}

    @cached_property
    def _by_channel(self) -> list[Any]:
        order = np.argsort(self.choice, kind="stable")
        edges = np.searchsorted(self.choice[order], np.arange(len(self.program.channels) + 1))
        return [order[first:last] for first, last in pairwise(edges)]

    def sums(self, channel: int, attribute: str | None, number: str | None) -> FloatArray:
        """Balance, times a number if named, by code of an attribute [currency]; shape (codes,).

        Last stands what has no code; without an attribute all stands there. A loan without the
        number does not count.
        """
        key = (channel, attribute, number)
        if key not in self._sums:
            program, loans = self.program, self._by_channel[channel]
            weights = program.balance[loans]
            if number is not None:
                weights = weights * np.nan_to_num(program.numbers[number][loans])
            if attribute is None:
                self._sums[key] = np.array([weights.sum()])
            else:
                held = program.attributes[attribute]
                codes = held.codes[loans]
                places = np.where(codes < 0, len(held.labels), codes)
                count = len(held.labels) + 1
                self._sums[key] = np.bincount(places, weights, count).astype(np.float64)
        return self._sums[key]

    def balance(self, channels: Iterable[int]) -> float:
        """What is in some channels [currency]."""
        return float(sum(self.sums(c, None, None)[0] for c in channels))

    def term(self, term: Term) -> float:
        """Left side of a term [currency]."""
        found = self.sums(term.channel, term.attribute, term.number)
        if term.attribute is None:
            return term.weight * float(found[0])
        return term.weight * float(found[np.array(sorted(set(term.members)), dtype=np.int64)].sum())

    def base(self, limit: Limit) -> float:
        """The balance of which a share or a mean is taken, as it counts in the row [currency]."""
        counted = {term.channel: abs(term.weight) for term in limit.measured}
        parts = (replace(term, weight=counted.get(term.channel, 1.0)) for term in limit.base)
        return sum(self.term(part) for part in parts)


def channel_limits(assembled: Assembled, allocation: Allocation) -> pd.DataFrame:
    """Every row: what it limits, how full it is, what more of it earns. One row each.

    ``limit``: the row's name; ``channels``: keys, joined by ``, ``; ``what`` in words; ``side``:
    whether ``stated`` is the most or the least; ``stated``
    in ``unit`` (the currency, ``share``, or the number whose mean is limited) and ``measured``,
    the same of the placement; ``room_stated`` between them, below 0 where loans that stay where
    they are break it. ``right``,
    ``used``, ``headroom`` [currency] of the row itself. ``price``: of one more unit of ``right``
    [1]. ``step`` [unit] more (of a least figure: less) ``earns`` so much [currency] in the
    relaxation, at the margin; NaN where a price cannot be said of the stated figure. ``sentence``:
    the same in words, empty without a price.
    """
    program, placed = allocation.program, Placed(allocation.program, allocation.choice)
    rows = [
        _limit(assembled, placed, row, (float(used), float(price)))
        for row, used, price in zip(program.rows, allocation.activity, allocation.dual, strict=True)
    ]
    return pd.DataFrame(rows, columns=LIMITS)


def _limit(
    assembled: Assembled, placed: Placed, row: Row, figures: tuple[float, float]
) -> dict[str, Any]:
    """One row of :func:`channel_limits`."""
    program, (used, price) = placed.program, figures
    limit, headroom = limit_of(program, row), row.right - used
    # How far the row's right side goes for one more of what is stated.
    scale = placed.base(limit) if limit.base else 1.0
    # A share or a mean may be given room beyond what is stated: it is measured without.
    left = -used if limit.base else headroom
    sign = 1.0 if limit.more else -1.0
    earns = price * scale * limit.step if scale > 0.0 else np.nan
    size = scale * abs(limit.stated)
    priced = price > NOTHING
    sentence = ""
    if priced and scale > 0.0:
        sentence = price_sentence(limit, earns, assembled.currency)
    return {
        "limit": row.name,
        "kind": row.kind,
        "channels": ", ".join(dict.fromkeys(program.channels[t.channel] for t in row.terms)),
        "what": limit.what,
        "subject": row.subject,
        "side": "most" if limit.more else "least",
        "stated": limit.stated,
        "unit": assembled.currency if limit.unit == CURRENCY else limit.unit,
        "measured": limit.stated - sign * left / scale if scale > 0.0 else np.nan,
        "room_stated": left / scale if scale > 0.0 else np.nan,
        "right": row.right,
        "used": used,
        "headroom": headroom,
        "binding": priced or (size > 0.0 and headroom <= FULL * size),
        "price": price,
        "step": limit.step,
        "earns": earns,
        "sentence": sentence,
    }


def channel_balances(assembled: Assembled, allocation: Allocation) -> pd.DataFrame:
    """What is in each channel before and after, one row a channel, last what is placed nowhere.

    Loans and balance [currency] ``before``, ``new`` (placed for the first time), ``from_others``,
    ``out`` and ``after`` (= before + new + from_others - out); ``part``: share of each loan that
    is the funder's, ``after_part`` its balance of ``after``; what is aimed at (``wanted``, NaN
    where nothing is) within ``least`` and ``most``; ``value`` and ``net`` charge of the rows.
    """
    program, choice = allocation.program, allocation.choice
    today = program.today
    rows: list[dict[str, Any]] = []
    for c, key in enumerate((*program.channels, "")):
        at = c if key else UNPLACED
        funder = assembled.funders[c] if key else None
        groups = {
            "before": today == at,
            "new": (choice == at) & (today == UNPLACED) & (today != at),
            "from_others": (choice == at) & (today != UNPLACED) & (today != at),
            "out": (today == at) & (choice != at),
            "after": choice == at,
        }
        row: dict[str, Any] = {"channel": key, "part": 1.0 if funder is None else funder.part}
        for name, chosen in groups.items():
            row[f"{name}_loans"] = int(chosen.sum())
            row[name] = float(program.balance[chosen].sum())
        row["after_part"] = row["after"] * row["part"]
        target = None if funder is None else funder.target
        row["wanted"] = np.nan if target is None or target.wanted is None else target.wanted
        row["least"] = 0.0 if target is None else target.least
        row["most"] = np.inf if target is None else target.most
        row["source"] = "" if target is None else target.source
        row["value"] = float(program.value[groups["after"], c].sum()) if key else 0.0
        rows.append(row)
    return pd.DataFrame(rows)
