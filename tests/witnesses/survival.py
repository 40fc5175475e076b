"""Survival estimates beside those of lifelines, on random censored loans.

lifelines forces older versions of what we use and has an environment of its own: ``make peers``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from scfcap.credit.survival import Lives, aalen_johansen, kaplan_meier, log_rank, nelson_aalen

from .book import Figure, Witness, alike, near

SEEDS = range(5)
LOANS = 500


def sample(seed: int, *, entry: bool = False, ties: bool = False, size: int = LOANS) -> Lives:
    """Exponential ends of two kinds, uniform censoring; entries before the end, where asked."""
    random = np.random.default_rng(seed)
    ends = random.exponential([[8.0], [12.0]], (2, size))
    censored = random.uniform(0.5, 20.0, size)
    time = np.minimum(ends.min(axis=0), censored)
    event = np.where(censored < ends.min(axis=0), 0, ends.argmin(axis=0) + 1)
    if ties:
        time = np.ceil(time)
    start = np.where(random.random(size) < 0.4, random.uniform(0, 0.9, size) * time, 0.0)
    if ties:
        start = np.floor(start)
    if entry:  # two that span the first ages, so that nobody is missing there
        start[:20] = 0.0
        return Lives(time, event, start)
    return Lives(time, event)


def _cases(*names: str) -> Iterator[tuple[str, Lives]]:
    """Samples of each seed with and without what is named, and what to call them."""
    for seed in SEEDS:
        for bits in range(2 ** len(names)):
            chosen = {name: bool(bits >> k & 1) for k, name in enumerate(names)}
            said = ", ".join([f"sample {seed + 1}", *(n for n, is_so in chosen.items() if is_so)])
            yield said, sample(seed, **chosen)


def _witnesses(found: dict[str, list[Figure]], by: str, source: str) -> Iterator[Witness]:
    for what, figures in found.items():
        yield Witness(what, f"credit.survival.{by}", f"lifelines, {source}", "peer",
                      tuple(figures))  # fmt: skip


def of_kaplan_meier() -> Iterator[Witness]:
    """Survival, its interval and the numbers of ends."""
    from lifelines import KaplanMeierFitter

    found: dict[str, list[Figure]] = {"Survival": [], "Its log-log interval": [], "Ends by age": []}
    for said, lives in _cases("entry", "ties"):
        theirs = KaplanMeierFitter().fit(lives.time, lives.event > 0, entry=lives.entry)
        ours = kaplan_meier(lives)
        value = theirs.survival_function_at_times(ours.time).to_numpy()
        found["Survival"] += alike(said, value, ours.value, 1e-12)
        bounds = theirs.confidence_interval_.loc[ours.time].to_numpy()
        inside = (ours.value > 0) & (ours.value < 1)
        for k, bound in enumerate((ours.low, ours.high)):
            found["Its log-log interval"] += alike(said, bounds[inside, k], bound[inside], 1e-9)
        ends = theirs.event_table.loc[ours.time]["observed"].to_numpy()
        found["Ends by age"] += alike(said, ends, ours.events, 0.0)
    yield from _witnesses(found, "kaplan_meier", "KaplanMeierFitter")


def of_nelson_aalen() -> Iterator[Witness]:
    """The cumulative hazard and its interval."""
    from lifelines import NelsonAalenFitter

    found: dict[str, list[Figure]] = {"Cumulative hazard": [], "Interval of the hazard": []}
    for said, lives in _cases("entry"):
        theirs = NelsonAalenFitter().fit(lives.time, lives.event > 0, entry=lives.entry)
        ours = nelson_aalen(lives)
        hazard = theirs.cumulative_hazard_.loc[ours.time].to_numpy().ravel()
        found["Cumulative hazard"] += alike(said, hazard, ours.value, 1e-12)
        bounds = theirs.confidence_interval_.loc[ours.time].to_numpy()
        for k, bound in enumerate((ours.low, ours.high)):
            found["Interval of the hazard"] += alike(said, bounds[:, k], bound, 0.0, rel=1e-8)
    yield from _witnesses(found, "nelson_aalen", "NelsonAalenFitter")


def of_aalen_johansen() -> Iterator[Witness]:
    """The cumulative incidence of either end, and its variance."""
    from lifelines import AalenJohansenFitter

    found: dict[str, list[Figure]] = {"Cumulative incidence": [], "Its variance": []}
    for said, lives in _cases("entry"):
        for cause in (1, 2):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = AalenJohansenFitter(calculate_variance=True).fit(
                    lives.time, lives.event, event_of_interest=cause, entry=lives.entry
                )
            ours = aalen_johansen(lives, cause)
            value = theirs.cumulative_density_.loc[ours.time].to_numpy().ravel()
            named = f"{said}, end {cause}"
            found["Cumulative incidence"] += alike(named, value, ours.value, 1e-12)
            variance = theirs.variance_.loc[ours.time].to_numpy().ravel()
            found["Its variance"] += alike(named, variance, ours.se**2, 1e-12, rel=1e-6)
    yield from _witnesses(found, "aalen_johansen", "AalenJohansenFitter")


def of_log_rank() -> Iterator[Witness]:
    """The test that two or four groups end alike."""
    from lifelines.statistics import multivariate_logrank_test

    found: dict[str, list[Figure]] = {"Log-rank statistic": [], "Its p value": []}
    for seed in SEEDS:
        for groups in (2, 4):
            for ties in (False, True):
                lives: Any = sample(seed, ties=ties)
                group = np.random.default_rng(seed + 100).integers(0, groups, len(lives.time))
                theirs = multivariate_logrank_test(lives.time, group, lives.event > 0)
                ours = log_rank(lives, group, tuple("abcd"[:groups]))
                said = f"sample {seed + 1}, {groups} groups" + (", ties" if ties else "")
                statistic, p = float(theirs.test_statistic), float(theirs.p_value)
                found["Log-rank statistic"].append(
                    near(said, statistic, ours.chi_square, 1e-9 * statistic)
                )
                found["Its p value"].append(near(said, p, ours.p_value, 1e-6 * p))
                assert ours.degrees == groups - 1
    yield from _witnesses(found, "log_rank", "multivariate_logrank_test")


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from of_kaplan_meier()
    yield from of_nelson_aalen()
    yield from of_aalen_johansen()
    yield from of_log_rank()
