"""The largest classes that survive their stresses, and what keeps each from being larger.

Triggers can make the answer non-monotone: an early amortisation protects the senior class, so that
a larger one may pass where a smaller fails. The size given is the largest with no failing size
below it, of those tried; whether any passes above it, and what is different there, is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.deal.bracket import Bracket, largest_passing
from scfcap.deal.figures import sound
from scfcap.deal.outcome import DealRun
from scfcap.deal.story import Lack, Story, lack_of, story_of
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.deal import DealSpec

#: Runs a deal in the scenarios [K] with original balances [J, K]; None: those that it states.
Runner = Callable[[IntArray, FloatArray | None], DealRun]
#: How much larger, as a share of the pool, a class is made to show what it then lacks.
LARGER = 0.01


@dataclass(frozen=True)
class Limit:
    """Why a size fails: what a class lacks in ``scenario``, the stress of ``rating``, and what
    happens there.
    """

    lack: Lack
    rating: str
    scenario: str
    story: Story


@dataclass(frozen=True)
class Sized:
    """The size of one class [currency] under the ``scenarios`` of its rating, and how it was found.

    ``bracket`` holds the sizes tried. ``limit`` says what fails at its upper end, ``larger`` what
    does with :data:`LARGER` of the pool more; None where nothing does. ``differences`` are what
    happens otherwise at the size ``bracket.again``, in the stress that fails.
    """

    tranche: str
    rating: str
    scenarios: tuple[str, ...]
    pool: float
    bracket: Bracket
    limit: Limit | None
    larger: Limit | None
    differences: tuple[str, ...]

    @property
    def size(self) -> float:
        """The size [currency]; nothing where even that fails."""
        return self.bracket.low or 0.0

    @property
    def above(self) -> bool:
        """Whether a size above the first that fails passes."""
        return self.bracket.again is not None


@dataclass(frozen=True)
class Sizing:
    """All sizes of a deal, senior first; ``balances`` [J] original balances with them.

    ``lacking``: what the classes lack in their stresses when all have these sizes. It is empty,
    unless a class fails even at nothing because of those below it.
    """

    sized: tuple[Sized, ...]
    balances: FloatArray
    lacking: tuple[Limit, ...]

    def to_frame(self, tranches: Sequence[str]) -> pd.DataFrame:
        """One row a class: size [currency] and shares of the pool, what is below it, its limit.

        ``tranches`` names the rows of ``balances``. ``credit_enhancement`` is what the class has
        below it, as a share of the pool; reserves come on top.
        """
        sums = dict(zip(tranches, np.cumsum(self.balances), strict=True))
        rows = []
        for each in self.sized:
            limit, larger = each.limit, each.larger
            rows.append(
                {
                    "tranche": each.tranche,
                    "rating": each.rating,
                    "stress": ", ".join(each.scenarios),
                    "size": each.size,
                    "share": each.size / each.pool,
                    "credit_enhancement": 1.0 - sums[each.tranche] / each.pool,
                    "passes_at": np.nan if each.bracket.low is None else each.bracket.low,
                    "fails_at": np.nan if each.bracket.high is None else each.bracket.high,
                    "limited_by": "pool or sizing.most" if limit is None else limit.lack.tranche,
                    "lacks": "" if limit is None else limit.lack.what,
                    "under": "" if limit is None else limit.scenario,
                    "short": 0.0 if limit is None else limit.lack.short,
                    "on": None if limit is None else limit.lack.on,
                    "short_if_larger": np.nan if larger is None else larger.lack.short,
                    "unpaid_if_larger": np.nan if larger is None else larger.lack.unpaid,
                    "passes_again_at": each.bracket.again if each.above else np.nan,
                    "tried": len(each.bracket.tried),
                }
            )
        return pd.DataFrame(rows)

    def tried_frame(self) -> pd.DataFrame:
        """One row a class and size tried [currency]: whether all classes survive."""
        parts = [
            pd.DataFrame(
                {
                    "tranche": each.tranche,
                    "size": each.bracket.tried,
                    "share": each.bracket.tried / each.pool,
                    "passes": each.bracket.passes,
                }
            )
            for each in self.sized
        ]
        return pd.concat(parts, ignore_index=True)


def size_classes(spec: DealSpec, run: Runner, scenarios: Sequence[str], pool: FloatArray) -> Sizing:
    """The largest classes with a rating, senior first, each given those before it.

    A class must survive its own rating's stress, and leave those before it theirs; those below it
    have their stated size meanwhile, or none, as ``[sizing] juniors`` says. Classes with no rating
    that are debt keep their size; equity is the pool less all others. ``pool`` [S] at closing by
    scenario.

    Raises:
        InputError: the deal has closed, no class has a rating, or a rating has no stress.
    """
    names = tuple(spec.tranches)
    rated = [name for name in names if spec.tranches[name].rating]
    _refuse(spec, rated, scenarios)
    size = float(pool[0])
    fixed = np.array([stated_balance(spec, name, size) for name in names])
    fixed[[names.index(name) for name in rated]] = 0.0
    found: list[Sized] = []
    for name in rated:
        before = rated[: rated.index(name) + 1]
        tests = _tests(spec, before)
        below = rated[rated.index(name) + 1 :] if spec.sizing.juniors == "stated" else []
        juniors = {names.index(other): stated_balance(spec, other, size) for other in below}
        search = _Search(spec, run, tuple(scenarios), tests, fixed, juniors, name)
        used = float(sum(fixed[names.index(other)] for other in before))
        room = min(spec.sizing.most * size - used, size - float(fixed[_debt(spec)].sum()))
        sized = search.largest(max(room, 0.0), size)
        fixed[names.index(name)] = sized.size
        found.append(sized)
    balances = with_equity(spec, fixed[:, None], size)
    whole = _Search(spec, run, tuple(scenarios), _tests(spec, rated), fixed, {}, rated[-1])
    lacking = whole.lacking(float(fixed[names.index(rated[-1])]), size)
    return Sizing(tuple(found), balances[:, 0], tuple(lacking))


def stated_balance(spec: DealSpec, name: str, pool: float) -> float:
    """Original balance that a deal states for a class of debt [currency]; equity: nothing."""
    each = spec.tranches[name]
    if each.kind in ("equity", "interest_only"):
        return 0.0
    return each.balance if each.balance is not None else (each.share or 0.0) * pool


def with_equity(spec: DealSpec, balances: FloatArray, pool: float) -> FloatArray:
    """``balances`` [J, K] with the last equity class the pool less the rest."""
    whole = balances.copy()
    rows = np.flatnonzero(~_debt(spec))
    if len(rows):
        whole[rows] = 0.0
        whole[rows[-1]] = np.maximum(pool - whole.sum(axis=0), 0.0)
    return whole


def _debt(spec: DealSpec) -> BoolArray:
    return np.array([each.kind != "equity" for each in spec.tranches.values()])


def _tests(spec: DealSpec, names: Sequence[str]) -> list[tuple[str, str]]:
    """Each class with each scenario that its rating must survive."""
    return [(name, each) for name in names for each in spec.sizing.of(spec.tranches[name].rating)]


def _refuse(spec: DealSpec, rated: Sequence[str], scenarios: Sequence[str]) -> None:
    problems = []
    if spec.opening is not None or spec.actuals:
        since = spec.closing if spec.opening is None else spec.opening.date
        problems.append(
            Problem(
                "actuals" if spec.opening is None else "opening",
                f"a deal that stands since {since}",
                "a deal that is to close: its classes are sold and cannot be sized",
                "Take it out, or see what multiple of defaults its classes survive: --no-sizes.",
            )
        )
    drawn = [name for name, line in spec.lines.items() if line.initial]
    if drawn:
        problems.append(
            Problem(
                f"lines.{drawn[0]}.initial",
                f"{spec.lines[drawn[0]].initial}: a line that pays for a part of the pool",
                "classes alone: sizes are shares of the whole pool, and equity the rest of it",
                "See what its classes bear with --no-sizes.",
            )
        )
    if not rated:
        problems.append(
            Problem(
                "tranches",
                "no class with a rating",
                "a rating for each class that is to be sized",
                'Add rating = "AAA" to the class, and sizing.stresses.AAA = "SCENARIO".',
            )
        )
    for name in rated:
        rating = spec.tranches[name].rating
        where = f"sizing.stresses.{rating}"
        if not spec.sizing.of(rating):
            expected = "a scenario, or several, that the class must survive"
            action = f'Add {where} = "SCENARIO": one of {", ".join(scenarios)}, or a file.'
            problems.append(Problem(where, f"none, for class {name}", expected, action))
        problems += [
            Problem(where, f'"{each}"', f"one of the scenarios {', '.join(scenarios)}")
            for each in spec.sizing.of(rating)
            if each not in scenarios
        ]
    if problems:
        raise InputError(problems)


@dataclass(frozen=True)
class _Search:
    """The search for one class: ``tests`` are classes and the scenarios that they must survive."""

    spec: DealSpec
    run: Runner
    scenarios: tuple[str, ...]
    tests: Sequence[tuple[str, str]]
    fixed: FloatArray
    juniors: Mapping[int, float]
    name: str

    def largest(self, room: float, pool: float) -> Sized:
        """The largest size up to ``room`` with no failing one below it, and why no larger."""
        bracket = largest_passing(
            lambda sizes: self._pass(sizes, pool),
            np.linspace(0.0, room, self.spec.sizing.grid),
            tolerance=self.spec.sizing.tolerance * pool,
        )[0]
        limit = larger = None
        differences: tuple[str, ...] = ()
        if bracket.high is not None:
            more = min((bracket.low or 0.0) + LARGER * pool, room)
            sizes = np.array([bracket.high, more, bracket.again or 0.0])
            run = self._run(sizes, pool)
            at, beyond, _ = self._limits(run, len(sizes))
            limit, larger = at[0], beyond[0] if beyond else None
            if bracket.again is not None:
                number = list(self.tests).index((limit.lack.tranche, limit.scenario))
                there = story_of(run, number * len(sizes) + 2)
                differences = tuple(limit.story.unlike(there))
        return Sized(
            tranche=self.name,
            rating=self.spec.tranches[self.name].rating,
            scenarios=self.spec.sizing.of(self.spec.tranches[self.name].rating),
            pool=pool,
            bracket=bracket,
            limit=limit,
            larger=larger,
            differences=differences,
        )

    def lacking(self, size: float, pool: float) -> list[Limit]:
        """What fails at ``size``, in the order of the tests."""
        return self._limits(self._run(np.array([size]), pool), 1)[0]

    def _limits(self, run: DealRun, count: int) -> list[list[Limit]]:
        found: list[list[Limit]] = [[] for _ in range(count)]
        for number, (tranche, scenario) in enumerate(self.tests):
            for n in range(count):
                row = number * count + n
                lack = lack_of(run, tranche, row)
                if lack is not None:
                    rating = self.spec.tranches[tranche].rating
                    found[n].append(Limit(lack, rating, scenario, story_of(run, row)))
        return found

    def _pass(self, sizes: FloatArray, pool: float) -> BoolArray:
        """Whether all classes survive at each of ``sizes`` [N, 1]."""
        run, count = self._run(sizes, pool), len(sizes)
        good = sound(run)
        passes = np.ones((count, 1), dtype=np.bool_)
        for number, (tranche, _) in enumerate(self.tests):
            rows = slice(number * count, (number + 1) * count)
            passes[:, 0] &= good[rows, run.deal.tranches.index(tranche)]
        return passes

    def _run(self, sizes: FloatArray, pool: float) -> DealRun:
        """Each size in the stress of each test: rows [tests x N]."""
        count = len(sizes)
        balances = np.repeat(self.fixed[:, None], count, axis=1)
        balances[list(self.spec.tranches).index(self.name)] = sizes
        for row, stated in self.juniors.items():
            balances[row] = np.minimum(np.maximum(pool - balances.sum(axis=0), 0.0), stated)
        balances = with_equity(self.spec, balances, pool)
        rows = [self.scenarios.index(scenario) for _, scenario in self.tests]
        return self.run(
            np.repeat(np.array(rows, dtype=np.int64), count),
            np.tile(balances, (1, len(self.tests))),
        )
