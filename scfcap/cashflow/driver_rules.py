"""Loans of two pools set side by side, and the rules of ``[[credit.where]]`` told on both.

Where only one model has a rule, the loans for which it holds get a curve of their own in the other
too, with the behaviour that they have there. So what such a rule changes belongs to default,
recovery or prepayment, and not to the loans themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from scfcap.credit.curves import CurveSet, parted
from scfcap.pool.snapshot import Pool
from scfcap.quantities import IntArray

#: Fields of a curve set that :meth:`CurveSet.under` makes of others and of what scenarios say.
MADE_OF_OTHERS = (
    *("default_intensity", "prepay_intensity", "draw_intensity", "severity"),
    *("struck", "struck_recovery", "struck_lag"),
)
#: Rules that only the first, and that only the second of two models has; empty: none of them.
Pair = tuple[str, str]


def partners(pool: Pool, other: Pool) -> tuple[IntArray, IntArray]:
    """Rows of the loans that both pools have in one segment: in ``pool``, in ``other``."""
    known = pd.Index(other.loan_id)
    first = np.flatnonzero(~known.duplicated())
    place = known[first].get_indexer(pd.Index(pool.loan_id))
    mine = np.flatnonzero(place >= 0)
    theirs = first[place[mine]]
    code = {name: n for n, name in enumerate(other.segments)}
    codes = np.array([code.get(name, -1) for name in pool.segments], dtype=np.int64)
    here = codes[pool.segment[mine]] == other.segment[theirs]
    return mine[here], theirs[here]


def told_on_both(a: Pool, b: Pool) -> tuple[Pool, Pool, dict[str, Pair]] | None:
    """Both pools with loans by the rules of both models, and the pair of rules of each new name.

    None where both have the same rules. A loan that goes by a rule that both have keeps it.
    """
    common = tuple(name for name in a.rules if name in b.rules)
    alone = [[name for name in pool.rules if name not in common] for pool in (a, b)]
    if not any(alone):
        return None
    own = [_position(pool, names) + 1 for pool, names in zip((a, b), alone, strict=True)]
    rows, width = partners(a, b), len(alone[1]) + 1
    numbers = []
    for place in (0, 1):
        both = [np.zeros_like(own[place]), np.zeros_like(own[place])]
        both[place] = own[place]
        both[1 - place][rows[place]] = own[1 - place][rows[1 - place]]
        numbers.append(both[0] * width + both[1])
    used = np.setdiff1d(np.concatenate(numbers), 0)
    pairs: list[Pair] = [
        (["", *alone[0]][int(number) // width], ["", *alone[1]][int(number) % width])
        for number in used
    ]
    names = [" and ".join(name for name in pair if name) for pair in pairs]
    found = []
    for pool, number in zip((a, b), numbers, strict=True):
        kept = _position(pool, common)
        new = np.where(number > 0, len(common) + np.searchsorted(used, number), -1)
        rule = np.where(kept >= 0, kept, new)
        found.append(replace(pool, rules=(*common, *names), rule=rule))
    return found[0], found[1], dict(zip(names, pairs, strict=True))


def _position(pool: Pool, names: Sequence[str]) -> IntArray:
    """Place among ``names`` of the rule by which each loan goes (loans,); -1: another, or none."""
    if pool.rule is None:
        return np.full(len(pool), -1, dtype=np.int64)
    places = [names.index(name) if name in names else -1 for name in pool.rules]
    return np.array([*places, -1], dtype=np.int64)[pool.rule]


def curve_sources(curves: CurveSet, pairs: Mapping[str, Pair], place: int) -> dict[str, str]:
    """Curves that ``curves`` lacks for loans by ``pairs``, and the one that each is a copy of.

    ``place`` (0 or 1) is that of the curves' own model in a pair.
    """
    return {
        parted(segment, name): parted(segment, pair[place]) if pair[place] else segment
        for segment in curves.parents
        for name, pair in pairs.items()
        if parted(segment, name) not in curves.segments
    }


def with_curves(curves: CurveSet, sources: Mapping[str, str]) -> CurveSet:
    """``curves`` with one more for each name in ``sources``, a copy of that which it is given."""
    place = {name: n for n, name in enumerate(curves.segments)}
    names = (*curves.segments, *sources)
    rows = np.array([place[sources.get(name, name)] for name in names], dtype=np.int64)
    changed: dict[str, Any] = {"ageing": tuple(curves.ageing[row] for row in rows)}
    for each in fields(curves):
        values = getattr(curves, each.name)
        if isinstance(values, np.ndarray) and each.name not in MADE_OF_OTHERS:
            changed[each.name] = values[rows]
    return replace(curves, segments=names, **changed).under(curves.stress)
