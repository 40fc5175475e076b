"""What no engine may reckon with: numbers that are none, in loans or in curves.

A tape is asked by its rules and a model by its schema. This holds for pools and curves that come
another way: built in Python, read back from a run, or estimated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import islice

import numpy as np

from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError, Problem
from scfcap.pool.snapshot import Pool
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray

#: Problems that are named one by one.
_LISTED = 20
#: Curves by scenario, segment and period; the last two are shares.
_BY_PERIOD = ("default_intensity", "prepay_intensity", "draw_intensity", "severity", "struck")
_SHARES = ("severity", "struck")
#: A share may miss one by what floats do.
_ONE = 1.0 + ENGINE_TOLERANCE


def refuse_unsound(pool: Pool, curves: CurveSet) -> None:
    """Raise InputError where a loan or a curve holds what is no number or cannot be one.

    Of loans: a balance or limit below zero, a rate that is not finite, a maturity before the
    origination.
    Of curves: an intensity below zero, a share outside 0 to 1. Each problem names loan and column,
    or segment, scenario and period.
    """
    problems = list(islice(_of_loans(pool), _LISTED))
    problems += islice(_of_curves(curves), _LISTED - len(problems))
    if problems:
        raise InputError(problems)


def _of_loans(pool: Pool) -> Iterator[Problem]:
    for name in ("balance", "original_balance", "rate"):
        values: FloatArray = getattr(pool, name)
        if name == "rate":
            good, expected = np.isfinite(values), "a finite rate"
        else:
            good, expected = (values >= 0.0) & (values < np.inf), "an amount of 0 or more"
        yield from _loans(pool, name, values, good, expected)
    if pool.limit_ratio is not None:
        good = ~((pool.limit_ratio < 0.0) | np.isinf(pool.limit_ratio))
        expected = "a limit of 0 or more, over the balance"
        yield from _loans(pool, "limit_ratio", pool.limit_ratio, good, expected)
    if pool.terms is not None:
        for each in fields(pool.terms):
            values = getattr(pool.terms, each.name)
            if isinstance(values, np.ndarray) and values.dtype.kind == "f":
                good = ~np.isnan(values)
                yield from _loans(pool, f"terms.{each.name}", values, good, "a number")
    early = pool.maturity_day < pool.origination_day
    for row in np.flatnonzero(early)[:_LISTED]:
        due, start = pool.maturity_day[row], pool.origination_day[row]
        yield Problem(
            f"pool, loan {pool.loan_id[row]}, maturity_day",
            f"day {due}, before the origination on day {start}",
            "a maturity at or after the origination",
        )


def _loans(
    pool: Pool, name: str, values: FloatArray, good: BoolArray, expected: str
) -> Iterator[Problem]:
    for row in np.flatnonzero(~good)[:_LISTED]:
        yield Problem(f"pool, loan {pool.loan_id[row]}, {name}", f"{values[row]}", expected)


def _of_curves(curves: CurveSet) -> Iterator[Problem]:
    for name in _BY_PERIOD:
        values: FloatArray = getattr(curves, name)
        good = values >= 0.0
        expected = "0 or more"
        if name in _SHARES:
            good, expected = good & (values <= _ONE), "a share from 0 to 1"
        for k, s, t in np.argwhere(~good)[:_LISTED]:
            yield Problem(
                f"curves, segment {curves.segments[s]}, {name}",
                f"{values[k, s, t]} in scenario {curves.scenarios[k]}, period {t + 1}",
                expected,
            )
    for name in ("recovery_share", "late_share"):
        values = getattr(curves, name)
        for s in np.unique(np.argwhere(~((values >= 0.0) & (values <= _ONE)))[:, 0])[:_LISTED]:
            found = f"{values[s]}"
            yield Problem(f"curves, segment {curves.segments[s]}, {name}", found, "0 to 1")
