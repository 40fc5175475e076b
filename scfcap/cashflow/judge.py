"""A forecast held against what happened: month by month, in errors, by class of loan, in words."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from scfcap.cashflow.observed import Case, Rates
from scfcap.quantities import HALF_CENT, FloatArray
from scfcap.tape.history import month_end

#: Two-sided 95%.
_LEVEL: Final = 0.95
_Z: Final = float(stats.norm.ppf(0.5 + _LEVEL / 2))
#: What a total may miss by to be called close, and rough.
_CLOSE: Final = 0.05
_ROUGH: Final = 0.20
MEASURES: Final = ("balance", "principal", "prepaid", "defaults", "recoveries")
FORECASTS: Final = ("fitted", "naive")


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
        for forecast, column in zip(FORECASTS, ("predicted", "naive"), strict=True):
            error = mine[column].to_numpy() - actual
            some = np.abs(actual) > HALF_CENT
            last = name == "balance"
            size = actual[-1] if last else actual.sum()
            gap = error[-1] if last else error.sum()
            inside = mine["actual"].between(mine["low"], mine["high"])
            rows.append(
                {
                    "measure": name,
                    "forecast": forecast,
                    "bias": _ratio(error.mean(), actual.mean()),
                    "mape": _ratio(np.abs(error[some] / actual[some]).sum(), some.sum()),
                    "cumulative": _ratio(gap, size),
                    "coverage": inside.mean() if forecast == "fitted" else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def calibrated(case: Case, rates: dict[str, Rates], columns: list[str]) -> pd.DataFrame:
    """Predicted and actual number of loans by outcome and label."""
    chances = {name: _chances(case, rate) for name, rate in rates.items()}
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
                expected, naive = (float(chances[f][outcome][mine].sum()) for f in FORECASTS)
                low, high = stats.binom.interval(_LEVEL, n, min(expected / n, 1.0))
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
                        "inside": bool(low <= actual <= high),
                        "naive": naive,
                    }
                )
    return pd.DataFrame(rows)


def _chances(case: Case, rates: Rates) -> dict[str, FloatArray]:
    """Chance of each loan to default, and to be prepaid, within the months predicted."""
    standing = np.ones(len(case.chosen))
    found = {"default": np.zeros(len(standing)), "prepaid": np.zeros(len(standing))}
    for step in range(1, case.periods + 1):
        running = case.start + step <= np.maximum(case.maturity, case.start + 1)
        standing = np.where(running, standing, 0.0)
        early = case.start + step < case.maturity
        gone = rates.default_count[case.segment, case.age + step]
        over = np.where(early, rates.over_count[case.segment, case.age + step], 0.0)
        found["default"] += standing * gone
        found["prepaid"] += standing * (1.0 - gone) * over
        standing = standing * (1.0 - gone) * (1.0 - over)
    return found


def verdict_of(case: Case, errors: pd.DataFrame, calibration: pd.DataFrame, vanished: float) -> str:
    """How good the forecast was, in plain words."""
    table = errors.set_index(["measure", "forecast"])
    gaps = table["cumulative"]
    said = [
        f"{name} {gaps[name, 'fitted']:+.1%} (naive {gaps[name, 'naive']:+.1%})"
        for name in MEASURES
    ]
    better = [n for n in MEASURES if abs(gaps[n, "fitted"]) < abs(gaps[n, "naive"])]
    worse = [n for n in MEASURES if n not in better]
    covered = ", ".join(f"{name} {table['coverage'][name, 'fitted']:.0%}" for name in MEASURES)
    kinds: dict[str, list[str]] = {"close": [], "rough": [], "poor": []}
    for name in MEASURES:
        gap = abs(gaps[name, "fitted"])
        kinds["close" if gap <= _CLOSE else "rough" if gap <= _ROUGH else "poor"].append(name)
    judged = "; ".join(f"{kind}: {', '.join(names) or 'none'}" for kind, names in kinds.items())
    hits = calibration[calibration["outcome"] == "default"]
    inside = f"{int(hits['inside'].sum())} of {len(hits)}"
    lost = f" {vanished:,.0f} of balance ceased to be observed." if vanished else ""
    return (
        f"Predicted against actual, {case.periods} months on (balance at the end, the rest in "
        "sum): "
        f"{'; '.join(said)}. Judged by that, close (within {_CLOSE:.0%}), rough (within "
        f"{_ROUGH:.0%}) or poor: {judged}. Nearer than the naive forecast in "
        f"{', '.join(better) or 'nothing'}; "
        f"not in {', '.join(worse) or 'nothing'}. Months within the 95% interval: {covered}. "
        f"Numbers of defaults within their interval: {inside} groups.{lost}"
    )
