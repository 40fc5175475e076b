"""Periods of a plan by calendar years, of which profit is taxed and paid out."""

from __future__ import annotations

from scfcap.funding.inputs import Inputs


def years_of(inputs: Inputs) -> dict[int, list[int]]:
    """Periods of the plan by the calendar year in which they end."""
    found: dict[int, list[int]] = {}
    for t in inputs.periods:
        found.setdefault(inputs.grid.ends[t - 1].year, []).append(t)
    return found


def year_so_far(inputs: Inputs, t: int) -> list[int]:
    """Periods of the same calendar year up to ``t``."""
    return [u for u in years_of(inputs)[inputs.grid.ends[t - 1].year] if u <= t]


def closes_year(inputs: Inputs, t: int) -> bool:
    """Whether the calendar year of ``t`` ends with it: the next period ends in a later one."""
    longer = inputs.grid.extended(t + 1).ends
    return longer[t].year > longer[t - 1].year


def dividend_periods(inputs: Inputs) -> list[int]:
    """Periods in which dividends may be paid: the last ones that end in the stated months."""
    rule, ends = inputs.spec.dividends, inputs.grid.ends
    if rule is None or not inputs.dividends:
        return []
    after = inputs.grid.extended(inputs.horizon + 1).ends
    return [
        t
        for t in inputs.periods
        if ends[t - 1].month in rule.months and after[t].month != ends[t - 1].month
    ]
