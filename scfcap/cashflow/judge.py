"""A forecast held against what happened: month by month, in errors, by class of loan, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from scfcap.cashflow.observed import Case, Rates
from scfcap.quantities import FloatArray
from scfcap.tape.history import month_end

#: Two-sided 95%.
_LEVEL: Final = 0.95
_Z: Final = float(stats.norm.ppf(0.5 + _LEVEL / 2))
#: What a total may miss by to be called close, and rough.
_CLOSE: Final = 0.05
_ROUGH: Final = 0.20
MEASURES: Final = ("balance", "principal", "prepaid", "defaults", "recoveries")
FORECASTS: Final = ("fitted", "model", "naive")
_NAMES: Final = {
    "fitted": "Rates by age are",
    "model": "Segment curves, as a plan takes them, are",
    "naive": "The last months' rates held are",
}
_WITHHELD: Final = (
    "No forecast by rates by age: half of the loans or more are made for 180 days or less, and "
    "rates by the month of age tell little of them."
)
_COLUMNS: Final = ("predicted", "model", "naive")


def scatter(case: Case, rates: Rates, severity: float, lag: int) -> dict[str, float]:
    """Mean squared error of the fitted months over what was predicted, by measure [currency].

    A forecast's variance is this times what it predicts.
    """
    seen = case.fitted_on
    size = int(seen.month.max() - seen.month.min()) + 1
    age = np.minimum(seen.age, rates.default.shape[1] - 1)
    month = seen.month - seen.month.min()
    expected = {
        "defaults": seen.opening * rates.default[seen.segment, age],
        "prepaid": seen.left * rates.prepaid[seen.segment, age],
    }
    expected["principal"] = seen.scheduled + expected["prepaid"]
    had = {
        "defaults": seen.defaulted,
        "prepaid": seen.prepaid,
        "principal": seen.scheduled + seen.prepaid,
    }
    found = {}
    for name, amount in expected.items():
        predicted, actual = (np.bincount(month, v, minlength=size) for v in (amount, had[name]))
        usable = predicted > 0.0
        squares = np.square(actual - predicted)[usable] / predicted[usable]
        found[name] = float(squares.sum() / max(usable.sum() - 1, 1))
    predicted = np.bincount(month, expected["defaults"] * (1.0 - severity), minlength=size)
    came = case.history.recoveries
    step = came["month"].to_numpy() - int(seen.month.min())
    inside = (step >= 0) & (step < size)
    actual = np.bincount(step[inside], came["amount"].to_numpy()[inside], minlength=size)
    predicted, actual = predicted[: size - lag], actual[lag:]
    usable = predicted > 0.0
    squares = np.square(actual - predicted)[usable] / predicted[usable]
    found["recoveries"] = float(squares.sum() / max(usable.sum() - 1, 1))
    return found


def compared(
    case: Case,
    actual: dict[str, FloatArray],
    paths: dict[str, dict[str, FloatArray]],
    spread: dict[str, float],
) -> pd.DataFrame:
    """Measures by month; see ``Backtest.months``. ``spread`` is what :func:`scatter` found."""
    fitted = paths["fitted"]
    variance = {name: spread[name] * np.maximum(fitted[name], 0.0) for name in spread}
    variance["balance"] = np.cumsum(variance["principal"] + variance["defaults"])
    ends = month_end(case.start + 1 + np.arange(case.periods))
    parts = []
    for name in MEASURES:
        half = _Z * np.sqrt(variance[name])
        low = fitted[name] - half
        parts.append(
            pd.DataFrame(
                {
                    "month_end": ends,
                    "measure": name,
                    "actual": actual[name],
                    "predicted": fitted[name],
                    "low": low if name == "recoveries" else np.maximum(low, 0.0),
                    "high": fitted[name] + half,
                    "model": paths["model"][name],
                    "naive": paths["naive"][name],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def errors_of(months: pd.DataFrame) -> pd.DataFrame:
    """Errors by measure and forecast; see ``Backtest.errors``."""
    rows = []
    for name in MEASURES:
        mine = months[months["measure"] == name]
        actual = mine["actual"].to_numpy()
        for forecast, column in zip(FORECASTS, _COLUMNS, strict=True):
            error = mine[column].to_numpy() - actual
            last = name == "balance"
            size = actual[-1] if last else actual.sum()
            gap = error[-1] if last else error.sum()
            known = mine[["low", "high"]].notna().to_numpy().all()
            inside = mine["actual"].between(mine["low"], mine["high"])
            rows.append(
                {
                    "measure": name,
                    "forecast": forecast,
                    "bias": _ratio(error.mean(), actual.mean()),
                    "wape": _ratio(np.abs(error).mean(), np.abs(actual).mean()),
                    "cumulative": _ratio(gap, size),
                    "coverage": inside.mean() if forecast == "fitted" and known else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def calibrated(
    case: Case, chances: dict[str, dict[str, FloatArray]], columns: list[str]
) -> pd.DataFrame:
    """Predicted and actual number of loans by outcome and label; see ``Backtest.calibration``."""
    loans = case.history.loans.iloc[case.chosen]
    end = loans["end"].to_numpy()
    happened = {"default": end == "default", "prepaid": end == "prepaid"}
    rows = []
    for column in dict.fromkeys(columns):
        labels = loans[column].astype("str").fillna("").to_numpy()
        for label in [*np.unique(labels), *(["all"] if column == "segment" else [])]:
            mine = np.ones(len(labels), dtype=np.bool_) if label == "all" else labels == label
            n = int(mine.sum())
            for outcome, hit in happened.items():
                expected, model, naive = (
                    float(chances[name][outcome][mine].sum()) for name in FORECASTS
                )
                share = np.minimum(expected / n, 1.0)
                low, high = stats.binom.interval(_LEVEL, n, share)
                actual = int(hit[mine].sum())
                rows.append(
                    {
                        "column": column,
                        "label": label,
                        "outcome": outcome,
                        "loans": n,
                        "predicted": expected,
                        "low": low,
                        "high": high,
                        "actual": actual,
                        "ratio": _ratio(expected, actual),
                        "inside": None if np.isnan(share) else bool(low <= actual <= high),
                        "model": model,
                        "naive": naive,
                    }
                )
    return pd.DataFrame(rows)


def chances_by_age(case: Case, rates: Rates) -> dict[str, FloatArray]:
    """:func:`outcome_chances` at rates by segment and age."""
    return outcome_chances(
        case,
        lambda step: (
            rates.default_count[case.segment, case.age + step],
            rates.over_count[case.segment, case.age + step],
        ),
    )


def outcome_chances(
    case: Case, shares: Callable[[int], tuple[FloatArray, FloatArray]]
) -> dict[str, FloatArray]:
    """Chance of each loan to default, and to be prepaid, within the months predicted.

    ``shares`` gives for a month (from 1) the chances [loans] to default in it, and if not, to be
    repaid in it; a loan cannot be prepaid in its last month, nor anything after it.
    """
    standing = np.ones(len(case.chosen))
    found = {"default": np.zeros(len(standing)), "prepaid": np.zeros(len(standing))}
    for step in range(1, case.periods + 1):
        running = case.start + step <= np.maximum(case.maturity, case.start + 1)
        standing = np.where(running, standing, 0.0)
        gone, early = shares(step)
        over = np.where(case.start + step < case.maturity, early, 0.0)
        found["default"] += standing * gone
        found["prepaid"] += standing * (1.0 - gone) * over
        standing = standing * (1.0 - gone) * (1.0 - over)
    return found


def verdict_of(case: Case, errors: pd.DataFrame, calibration: pd.DataFrame, vanished: float) -> str:
    """How good each forecast was, in plain words."""
    table = errors.set_index(["measure", "forecast"])
    gaps = {name: table["cumulative"].xs(name, level=1) for name in FORECASTS}
    told = [name for name in FORECASTS if gaps[name].notna().any()]
    said = ". ".join(f"{_NAMES[name]} {_judged(gaps[name])}" for name in told)
    lost = f" {vanished:,.0f} of balance ceased to be observed." if vanished else ""
    return (
        f"Predicted against actual, {case.periods} months on (balance at the end, the rest in sum; "
        f"close within {_CLOSE:.0%}, rough within {_ROUGH:.0%}, else poor). {said}. "
        f"{_within(table, calibration) if 'fitted' in told else _WITHHELD}{lost}"
    )


def _within(table: pd.DataFrame, calibration: pd.DataFrame) -> str:
    """How often what happened lay within the intervals of the rates by age."""
    covered = ", ".join(f"{name} {table['coverage'][name, 'fitted']:.0%}" for name in MEASURES)
    hits = calibration[calibration["outcome"] == "default"]
    inside = f"{int(hits['inside'].sum())} of {len(hits)}"
    return (
        f"Months within the 95% interval of the rates by age: {covered}. Numbers of defaults "
        f"within theirs: {inside} classes."
    )


def _judged(gaps: pd.Series[float]) -> str:
    """Measures with their errors, from close to poor."""
    kinds: dict[str, list[str]] = {"close": [], "rough": [], "poor": []}
    for name in MEASURES:
        gap = float(gaps[name])
        kind = "close" if abs(gap) <= _CLOSE else "rough" if abs(gap) <= _ROUGH else "poor"
        kinds[kind].append(f"{name} {gap:+.1%}")
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names)
