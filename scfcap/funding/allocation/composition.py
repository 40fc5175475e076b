"""What a channel is made of before and after: names against their limits, means against theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.program import Choice
from scfcap.pool.concentration import MISSING, ranked
from scfcap.quantities import FloatArray
from scfcap.schema.allocation import Average
from scfcap.schema.pool import Concentration

#: Names that a limit shows, the largest after the day first.
SHOWN = 10
#: Means that are shown of each channel, where the loans have them, beside those that are limited.
MEANS = ("rate", "remaining_days", "age_days", "days_past_due")
_CONCENTRATIONS = [
    "limit", "column", "value", "before", "before_share", "after", "after_share", "limit_share",
    "limit_amount", "room",
]  # fmt: skip
_AVERAGES = [
    "name", "column", "before", "after", "least", "most", "room", "loans_without", "without",
]  # fmt: skip


def counted(assembled: Assembled, channel: int) -> FloatArray:
    """What of each loan is the funder's if it is in the channel, shape (loans,) [currency].

    Of a loan lent jointly its part; of one that the partner has today the tape tells that part
    alone.
    """
    program, part = assembled.program, assembled.funders[channel].part
    return program.balance * np.where(program.today == channel, 1.0, part)


def held(assembled: Assembled, channel: int, choice: Choice) -> FloatArray:
    """What of each loan the channel has where loans are placed by ``choice`` [currency]."""
    return np.where(choice == channel, counted(assembled, channel), 0.0)


def concentrations(assembled: Assembled, channel: int, choice: Choice) -> pd.DataFrame:
    """Names of a channel against each of its limits, before and after.

    Of each limit of the eligibility set and of the channel's own: the :data:`SHOWN` largest values
    after the day, or the ``top`` largest together; what has no value last. ``before``, ``after``,
    ``limit_amount`` and ``room`` (limit less after, below 0 where broken) [currency]; shares of
    what is in the channel, or of the amount that the limit states.
    """
    funder = assembled.funders[channel]
    limits = (*(funder.chosen.concentrations if funder.chosen else ()),)
    sides = [held(assembled, channel, side) for side in (assembled.program.today, choice)]
    rows = [
        row
        for limit in (*limits, *funder.stated.concentrations)
        for row in _named(assembled, limit, sides)
    ]
    return pd.DataFrame(rows, columns=_CONCENTRATIONS)


def _named(
    assembled: Assembled, limit: Concentration, sides: list[FloatArray]
) -> Iterator[dict[str, Any]]:
    values = assembled.columns.values(limit.column)
    before, after = (values.sums(side) for side in sides)
    bases = [float(side.sum()) if limit.of is None else limit.of for side in sides]
    cap = limit.amount if limit.share is None else limit.share * bases[1]
    assert cap is not None

    def row(value: str, amounts: tuple[float, float], room: float) -> dict[str, Any]:
        shares = [x / base if base else 0.0 for x, base in zip(amounts, bases, strict=True)]
        return {
            "limit": limit.label,
            "column": limit.column,
            "value": value,
            "before": amounts[0],
            "before_share": shares[0],
            "after": amounts[1],
            "after_share": shares[1],
            "limit_share": np.nan if limit.share is None else limit.share,
            "limit_amount": cap,
            "room": room,
        }

    if limit.top > 1:
        tops = [float(np.sort(side[:-1])[::-1][: limit.top].sum()) for side in (before, after)]
        yield row(f"{limit.top} largest", (tops[0], tops[1]), cap - tops[1])
        return
    at = ranked(values, after[:-1], SHOWN)
    for value, k in zip(values.texts(at), at, strict=True):
        yield row(value, (float(before[k]), float(after[k])), cap - float(after[k]))
    if before[-1] > 0.0 or after[-1] > 0.0:
        yield row(MISSING, (float(before[-1]), float(after[-1])), np.nan)


def averages(assembled: Assembled, channel: int, choice: Choice) -> pd.DataFrame:
    """Balance-weighted means of a channel before and after, the limited ones first.

    ``room``: how far the mean after the day is from the nearer limit, below 0 where broken; NaN
    without a limit. Loans without the number are not in the mean: ``loans_without`` and their
    balance ``without`` [currency] of the channel after the day.
    """
    stated = list(assembled.funders[channel].stated.averages)
    limited = {mean.column for mean in stated}
    more = [name for name in MEANS if name not in limited and _number(assembled, name)]
    sides = [held(assembled, channel, side) for side in (assembled.program.today, choice)]
    rows = [_mean(assembled, mean, sides) for mean in stated]
    rows += [_mean(assembled, name, sides) for name in more]
    return pd.DataFrame(rows, columns=_AVERAGES)


def _number(assembled: Assembled, name: str) -> bool:
    return name in assembled.columns and assembled.columns.kind(name) == "number"


def _mean(assembled: Assembled, mean: Average | str, sides: list[FloatArray]) -> dict[str, Any]:
    column = mean if isinstance(mean, str) else mean.column
    least, most = (None, None) if isinstance(mean, str) else (mean.least, mean.most)
    values = assembled.columns.numbers(column)
    known = ~np.isnan(values)
    found = []
    for side in sides:
        weight = float(side[known].sum())
        total = float((side[known] * values[known]).sum())
        found.append(total / weight if weight > 0.0 else np.nan)
    after = found[1]
    rooms = [after - least] if least is not None else []
    rooms += [most - after] if most is not None else []
    return {
        "name": column.replace("_", " ") if isinstance(mean, str) else mean.label,
        "column": column,
        "before": found[0],
        "after": after,
        "least": np.nan if least is None else least,
        "most": np.nan if most is None else most,
        "room": min(rooms, default=np.nan),
        "loans_without": int((~known & (sides[1] > 0.0)).sum()),
        "without": float(sides[1][~known].sum()),
    }
