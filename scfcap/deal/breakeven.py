"""Break-even: the largest multiple of the defaults at which a class still has all it is due.

All interest on time and all principal by the legal end. The multiple acts on the intensities, as
scenarios say; beside it stand the defaults a year, and in all, that it comes to in the deal's run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.deal.bracket import Bracket, largest_passing
from scfcap.deal.figures import default_rate, sound
from scfcap.deal.outcome import DealRun
from scfcap.deal.story import Lack, Story, lack_of, story_of
from scfcap.quantities import BoolArray, FloatArray

#: Multiples tried at first: none, then evenly on a logarithmic scale up to the most that a
#: scenario may state.
MULTIPLES = np.concatenate([[0.0], np.geomspace(0.25, 100.0, 48)])
#: Width at which the search ends, as a share of the multiple.
RELATIVE = 1e-4


@dataclass(frozen=True)
class BreakEven:
    """How much one class bears; ``bracket`` holds the levels tried.

    At its lower end ``rate`` [1/year] defaults of the performing pool, and ``story`` happens (None
    where even the least level fails). ``lack`` is what the class lacks at the upper end, None where
    all pass; ``differences`` what happens otherwise at the level that passes again.
    """

    tranche: str
    bracket: Bracket
    rate: float
    story: Story | None
    lack: Lack | None
    differences: tuple[str, ...]


def break_even(
    run: Callable[[FloatArray], DealRun],
    tranches: Sequence[str],
    levels: FloatArray = MULTIPLES,
    *,
    relative: float = RELATIVE,
) -> tuple[BreakEven, ...]:
    """The largest level that each of ``tranches`` bears with no failing one below it.

    ``run`` runs the deal at levels [N], a row each: multiples of the defaults, or whatever else
    gets harsher as it rises.
    """

    def test(tried: FloatArray) -> BoolArray:
        result = run(tried)
        columns = [result.deal.tranches.index(name) for name in tranches]
        return sound(result)[:, columns]

    found = largest_passing(test, levels, tolerance=0.0, relative=relative)
    told = np.array([[b.low or 0.0, b.high or 0.0, b.again or 0.0] for b in found]).ravel()
    result = run(told)
    rates = default_rate(result)
    made = []
    for n, (name, bracket) in enumerate(zip(tranches, found, strict=True)):
        low, high, again = 3 * n, 3 * n + 1, 3 * n + 2
        differences: tuple[str, ...] = ()
        if bracket.again is not None:
            unlike = story_of(result, high).unlike(story_of(result, again))
            differences = tuple(unlike)
        made.append(
            BreakEven(
                tranche=name,
                bracket=bracket,
                rate=float("nan") if bracket.low is None else float(rates[low]),
                story=None if bracket.low is None else story_of(result, low),
                lack=None if bracket.high is None else lack_of(result, name, high),
                differences=differences,
            )
        )
    return tuple(made)


def to_frame(found: Sequence[BreakEven]) -> pd.DataFrame:
    """One row a class: the bracket of multiples, and the defaults at its lower end."""
    return pd.DataFrame(
        {
            "tranche": each.tranche,
            "multiple": np.nan if each.bracket.low is None else each.bracket.low,
            "fails_at": np.nan if each.bracket.high is None else each.bracket.high,
            "default_rate": each.rate,
            "defaults": np.nan if each.story is None else each.story.defaults,
            "losses": np.nan if each.story is None else each.story.losses,
            "lacks": "" if each.lack is None else each.lack.what,
            "short": 0.0 if each.lack is None else each.lack.short,
            "on": None if each.lack is None else each.lack.on,
            "passes_again_at": np.nan if each.bracket.again is None else each.bracket.again,
            "tried": len(each.bracket.tried),
        }
        for each in found
    )
