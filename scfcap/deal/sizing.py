"""The largest classes that survive their stresses: a grid of sizes, then a search in its bracket.

Triggers can make the answer non-monotone: an early amortisation protects the senior class, so that
a larger one may pass where a smaller fails. The size given is the largest with no failing size
below it on the grid; whether any passes above it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.deal.outcome import DealRun
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.deal import DealSpec

#: Sizes tried inside a bracket at a time.
_INSIDE = 15
#: Runs a deal in the scenarios [K] with original balances [J, K].
Runner = Callable[[IntArray, FloatArray], DealRun]


@dataclass(frozen=True)
class Limit:
    """Why a size fails: ``tranche`` under ``rating``; ``short`` [currency] on ``on``.

    ``what`` is "interest" (the first date on which some is late) or "principal" (what is left at
    the legal end).
    """

    tranche: str
    rating: str
    scenario: str
    what: str
    short: float
    on: date


@dataclass(frozen=True)
class Sized:
    """The size of one class [currency], and how it was found.

    ``tried`` [N] are the sizes of the grid and of each search after it, ``passes`` [N] whether all
    classes survive. ``low`` passes with all tried below it; ``high`` is the least that fails, or
    None where none does. ``limit`` says what fails there. ``above``: whether a size above ``high``
    passes.
    """

    tranche: str
    rating: str
    size: float
    pool: float
    low: float
    high: float | None
    limit: Limit | None
    above: bool
    tried: FloatArray
    passes: BoolArray


def size_classes(
    spec: DealSpec, run: Runner, scenarios: Sequence[str], pool: FloatArray
) -> tuple[Sized, ...]:
    """The largest classes with a rating, senior first, each given those before it.

    A class must survive its own rating's stress, and leave those before it theirs; those below it
    have their stated size meanwhile, or none. Classes with no rating that are debt keep their size;
    equity is the pool less all others. ``pool`` [S] at
    closing by scenario.

    Raises:
        InputError: no class has a rating, or a rating has no stress.
    """
    names = tuple(spec.tranches)
    rated = [name for name in names if spec.tranches[name].rating]
    _refuse(spec, rated, scenarios)
    size = float(pool[0])
    fixed = np.array([_stated(spec, name, size) for name in names])
    fixed[[names.index(name) for name in rated]] = 0.0
    found: list[Sized] = []
    for name in rated:
        tests = [
            (other, scenarios.index(spec.sizing.stresses[spec.tranches[other].rating]))
            for other in rated[: rated.index(name) + 1]
        ]
        below = rated[rated.index(name) + 1 :] if spec.sizing.juniors == "stated" else []
        juniors = {names.index(other): _stated(spec, other, size) for other in below}
        search = _Search(spec, run, names, tests, scenarios, fixed, juniors, name)
        room = max(min(spec.sizing.most * size, size) - float(fixed[_debt(spec)].sum()), 0.0)
        sized = search.largest(room, size)
        fixed[names.index(name)] = sized.size
        found.append(sized)
    return tuple(found)


def sized_balances(spec: DealSpec, sized: Sequence[Sized], pool: float) -> FloatArray:
    """Original balances [J] with the sizes found; equity is what they leave of ``pool``."""
    names = tuple(spec.tranches)
    fixed = np.array([_stated(spec, name, pool) for name in names])
    for each in sized:
        fixed[names.index(each.tranche)] = each.size
    return _with_equity(spec, fixed[:, None], pool)[:, 0]


def to_frame(sized: Sequence[Sized]) -> pd.DataFrame:
    """One row a class: size [currency], its share of the pool, what is below it, what limits it."""
    rows, before = [], 0.0
    for each in sized:
        before += each.size
        limit = each.limit
        rows.append(
            {
                "tranche": each.tranche,
                "rating": each.rating,
                "size": each.size,
                "share": each.size / each.pool,
                "credit enhancement": 1.0 - before / each.pool,
                "fails at": np.nan if each.high is None else each.high,
                "limited by": "the pool" if limit is None else f"{limit.what} of {limit.tranche}",
                "in": "" if limit is None else limit.scenario,
                "short": 0.0 if limit is None else limit.short,
                "on": None if limit is None else limit.on,
                "passes above": each.above,
            }
        )
    return pd.DataFrame(rows)


def _stated(spec: DealSpec, name: str, pool: float) -> float:
    each = spec.tranches[name]
    if each.kind in ("equity", "interest_only"):
        return 0.0
    return each.balance if each.balance is not None else (each.share or 0.0) * pool


def _debt(spec: DealSpec) -> BoolArray:
    return np.array([each.kind != "equity" for each in spec.tranches.values()])


def _with_equity(spec: DealSpec, balances: FloatArray, pool: float) -> FloatArray:
    """``balances`` [J, K] with the equity's row the pool less the rest."""
    whole = balances.copy()
    rows = np.flatnonzero(~_debt(spec))
    if len(rows):
        whole[rows] = 0.0
        whole[rows[-1]] = np.maximum(pool - whole.sum(axis=0), 0.0)
    return whole


def _refuse(spec: DealSpec, rated: Sequence[str], scenarios: Sequence[str]) -> None:
    problems = []
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
        stress = spec.sizing.stresses.get(rating)
        if stress is None:
            there = ", ".join(spec.sizing.stresses) or "none"
            problems.append(
                Problem(f"sizing.stresses.{rating}", f"none, for class {name}", f"one of {there}")
            )
        elif stress not in scenarios:
            problems.append(
                Problem(
                    f"sizing.stresses.{rating}",
                    f'"{stress}"',
                    f"one of the scenarios {', '.join(scenarios)}",
                )
            )
    if problems:
        raise InputError(problems)


@dataclass(frozen=True)
class _Search:
    """The search for one class."""

    spec: DealSpec
    run: Runner
    names: tuple[str, ...]
    tests: Sequence[tuple[str, int]]
    scenarios: Sequence[str]
    fixed: FloatArray
    juniors: Mapping[int, float]
    name: str

    def largest(self, room: float, pool: float) -> Sized:
        """The largest size up to ``room`` with no failing one below it."""
        sizes = np.linspace(0.0, room, self.spec.sizing.grid)
        passes, limits = self._try(sizes, pool)
        tried, passed = [sizes], [passes]
        above = False
        low, high, limit = room, None, None
        while not passes.all():
            first = int(np.argmin(passes))
            above = above or bool(passes[first:].any())
            low = float(sizes[first - 1]) if first else 0.0
            high, limit = float(sizes[first]), limits[first]
            if first == 0 or high - low <= self.spec.sizing.tolerance * pool:
                break
            sizes = np.linspace(low, high, _INSIDE + 2)
            passes, limits = self._try(sizes, pool)
            tried.append(sizes)
            passed.append(passes)
        return Sized(
            tranche=self.name,
            rating=self.spec.tranches[self.name].rating,
            size=low,
            pool=pool,
            low=low,
            high=high,
            limit=limit,
            above=above,
            tried=np.concatenate(tried),
            passes=np.concatenate(passed),
        )

    def _try(self, sizes: FloatArray, pool: float) -> tuple[BoolArray, list[Limit | None]]:
        """Whether all classes survive at each of ``sizes`` [N], and what fails first."""
        count = len(sizes)
        balances = np.repeat(self.fixed[:, None], count, axis=1)
        balances[self.names.index(self.name)] = sizes
        for row, stated in self.juniors.items():
            balances[row] = np.minimum(np.maximum(pool - balances.sum(axis=0), 0.0), stated)
        balances = _with_equity(self.spec, balances, pool)
        rows = np.repeat([scenario for _, scenario in self.tests], count).astype(np.int64)
        result = self.run(rows, np.tile(balances, (1, len(self.tests))))
        passes = np.ones(count, dtype=np.bool_)
        limits: list[Limit | None] = [None] * count
        for number, (tranche, _) in enumerate(self.tests):
            part = slice(number * count, (number + 1) * count)
            survives = survived(result, tranche)[part]
            for n in np.flatnonzero(passes & ~survives):
                limits[n] = self._limit(result, tranche, number * count + int(n))
            passes = passes & survives
        return passes, limits

    def _limit(self, result: DealRun, tranche: str, row: int) -> Limit:
        j = self.names.index(tranche)
        rating = self.spec.tranches[tranche].rating
        scenario = self.spec.sizing.stresses[rating]
        dates, end = result.deal.calendar.dates, result.legal_end
        if not result.timely_interest[row, j]:
            owed = result.of("owed", tranche)[row, :end]
            t = int(np.argmax(owed > 1e-9 * max(result.original[j, row], 1.0)))
            return Limit(tranche, rating, scenario, "interest", float(owed[t]), dates[t])
        left = float(result.of("balance", tranche)[row, end - 1])
        lost = result.of("written_off", tranche)[row] - result.of("written_up", tranche)[row]
        left += float(lost[:end].sum())
        return Limit(tranche, rating, scenario, "principal", left, dates[end - 1])


def survived(result: DealRun, tranche: str) -> BoolArray:
    """Whether a class has timely interest and full principal, by row [K]."""
    j = result.deal.tranches.index(tranche)
    return np.asarray(result.paid_in_full[:, j] & result.timely_interest[:, j])
