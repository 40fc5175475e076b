"""How good a forecast would have been: fit before a date, project after it, compare.

All forecasts go through the same kernel as every projection: loans as they stood on the date,
with their own rates and maturities. "model" takes the segment curves that a plan would have taken
then (:func:`scfcap.credit.fit.fit` on what was known), "fitted" rates of default and prepayment by
age, and "naive" holds the last months' rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from scfcap.cashflow.flows import Flows
from scfcap.cashflow.judge import (
    calibrated,
    chances_by_age,
    compared,
    errors_of,
    outcome_chances,
    scatter,
    verdict_of,
)
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LONGEST_DAY, LoanArrays
from scfcap.cashflow.observed import (
    Case,
    Rates,
    ages,
    observe,
    rates_by_age,
    rates_held,
)
from scfcap.cashflow.project import outstanding_loans
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.credit.fit import SHORT, fit, gather
from scfcap.credit.languages import AT_ONCE
from scfcap.credit.measures import recoveries
from scfcap.credit.schedule import loan_types
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid, add_months
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.schema.credit import CreditSpec, SegmentCredit
from scfcap.schema.scenario import Scenario
from scfcap.tape.history import DEFAULT, History, known_until, month_end, month_of

#: Months whose rates the naive forecast holds.
NAIVE_MONTHS: Final = 3
#: Fewest months to fit on.
LEAST_MONTHS: Final = 6


@dataclass(frozen=True)
class Backtest:
    """A forecast from ``until`` on, against what happened.

    ``months``: month_end, measure (:data:`~scfcap.cashflow.judge.MEASURES`), actual, predicted
    (the forecast "fitted"), low, high, model, naive [currency]; balances at the month's end, the
    rest in the month. The 95% intervals rest on how the months fitted scatter around the fit,
    taken as independent: they know nothing of a shock common to all loans, nor of an error in the
    rates. ``errors``: measure, forecast, bias (mean error over mean actual), wape (mean absolute
    error over mean absolute actual), cumulative (total predicted over total actual
    - 1; the last balance's for balances), coverage (share of months within the interval; fitted
    only). ``calibration``: column, label, outcome ("default", "prepaid"), loans, predicted, low,
    high (binomial), actual, ratio (predicted over actual), inside, model, naive: loans by the end.
    A year's prepayment rate is one of amounts: the model's number of loans prepaid counts part
    payments as well. Where the median contract term is at most :data:`SHORT` days, "fitted" is
    withheld: its columns are nan, as rates by the month of age tell little of loans that mature
    within a few. ``vanished``: balance of loans that ceased to be observed [currency].
    """

    until: date
    last: date
    loans: int
    months: pd.DataFrame
    errors: pd.DataFrame
    calibration: pd.DataFrame
    vanished: float
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """Forecast and actual by month and measure."""
        return self.months

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {
            "backtest_errors": self.errors,
            "backtest_calibration": self.calibration,
            "backtest_months": self.months,
        }


def backtest(
    history: History,
    until: date,
    by: Sequence[str] = (),
    credit: CreditSpec | None = None,
    *,
    default_days: int | None = None,
) -> Backtest:
    """Fit on the months up to that of ``until``, predict the rest.

    ``by``: columns of the history's loans for the calibration, besides the segment. ``credit``
    says how the model fits its curves; segments that it states are fitted all the same. A loan
    ``default_days`` past due at the start is in default to the model, as to a plan.

    Raises :class:`InputError` unless at least :data:`LEAST_MONTHS` months lie before and one
    after, and loans are outstanding.
    """
    case = _case(history, until)
    names = len(history.loans["segment"].cat.categories)
    most = int(case.age.max(initial=0)) + case.periods
    known = case.fitted_on
    rates = {
        "fitted": rates_by_age(known, names, most),
        "naive": rates_held(known, names, most, NAIVE_MONTHS),
    }
    severity, lag = _severity(known_until(history, _grid(case).as_of))
    curves = _model_curves(case, credit, default_days)
    paths = {name: _path(_project(case, rate, severity, lag)) for name, rate in rates.items()}
    loans = _model_loans(case, curves)
    paths["model"] = _path(_project_model(case, loans, curves))
    spread = scatter(case, rates["fitted"], severity, lag)
    months = compared(case, _actual(case), paths, spread)
    chances = {name: chances_by_age(case, rate) for name, rate in rates.items()}
    if withheld(case):
        months[["predicted", "low", "high"]] = np.nan
        chances["fitted"] = {name: np.full(len(case.chosen), np.nan) for name in chances["fitted"]}
    chances["model"] = _model_chances(case, loans, curves)
    errors = errors_of(months)
    calibration = calibrated(case, chances, ["segment", *by])
    mine = history.loans.iloc[case.chosen]
    lost = mine.index[(mine["end"] == "vanished").to_numpy()]
    finals = history.panel.groupby("loan")["closing"].last()
    vanished = float(finals.reindex(lost).sum())
    day = month_end(case.start).astype("datetime64[D]").item()
    return Backtest(
        until=day,
        last=history.last,
        loans=len(case.chosen),
        months=months,
        errors=errors,
        calibration=calibration,
        vanished=vanished,
        verdict=verdict_of(case, errors, calibration, vanished),
    )


def withheld(case: Case) -> bool:
    """Whether the loans outstanding are too short to be forecast by rates by age."""
    loans = case.history.loans.iloc[case.chosen]
    days = (loans["maturity_date"] - loans["origination_date"]).dt.days.to_numpy(dtype=np.float64)
    known = days[~np.isnan(days)]
    return bool(len(known)) and float(np.median(known)) <= SHORT


def labelling(history: History, columns: Sequence[str]) -> list[str]:
    """Those of ``columns`` that put the loans into at least two classes, and at most 20."""
    loans = history.loans
    return [name for name in columns if name in loans and 2 <= loans[name].nunique() <= 20]


def _case(history: History, until: date) -> Case:
    start = int(month_of(np.datetime64(until, "D")))
    first, last = (int(month_of(np.datetime64(day, "D"))) for day in (history.first, history.last))
    if not first + LEAST_MONTHS <= start < last:
        low = add_months(history.first, LEAST_MONTHS)
        high = add_months(history.last, -1)
        raise InputError(
            Problem(
                "back-test",
                f"{until:%Y-%m}, in a history from {history.first:%Y-%m} to {history.last:%Y-%m}",
                f"a month from {low:%Y-%m} to {high:%Y-%m}",
                "Give another month after --backtest.",
            )
        )
    panel, loans = history.panel, history.loans
    here = panel["month"].to_numpy() == start
    here &= (panel["closing"].to_numpy() > HALF_CENT) & (panel["state"].to_numpy() != DEFAULT)
    chosen = panel["loan"].to_numpy()[here].astype(np.int64)
    if not len(chosen):
        found = f"no loan outstanding in {until:%Y-%m}"
        raise InputError(Problem("back-test", found, "loans outstanding"))
    due = loans["maturity_date"].to_numpy()[chosen]
    return Case(
        history=history,
        seen=observe(history),
        start=start,
        periods=last - start,
        chosen=chosen,
        balance=panel["closing"].to_numpy()[here],
        segment=loans["segment"].cat.codes.to_numpy().astype(np.int64)[chosen],
        age=ages(history, chosen, np.full(len(chosen), start)),
        maturity=np.where(np.isnat(due), 10**5, month_of(due)),
    )


def _severity(known: History) -> tuple[float, int]:
    """Share of defaults never recovered and mean lag [months] of all that had defaulted by then.

    As the fit of the segment curves finds it; 1 and 0 where nothing had defaulted.
    """
    facts = gather(known)
    curve = recoveries(facts.pooled(np.ones(facts.segments, dtype=np.bool_)))
    if not len(curve.lag):
        return 1.0, 0
    lag = 0 if np.isnan(curve.mean_lag) else max(round(curve.mean_lag), 0)
    return curve.severity[0], lag


def _project(case: Case, rates: Rates, severity: float, lag: int) -> Flows:
    """Cash flows of the loans outstanding, by segment and age, through the kernel."""
    pairs, group = np.unique(np.stack([case.segment, case.age]), axis=1, return_inverse=True)
    grid = _grid(case)
    names = [str(k) for k in range(pairs.shape[1])]
    stated = SegmentCredit(cdr=0.0, cpr=0.0, severity=severity, recovery_lag=lag)
    flat = build_curves(names, dict.fromkeys(names, stated), {"base": Scenario(title="base")}, grid)
    at = pairs[1][:, None] + np.arange(1, case.periods + 1)
    curves = replace(
        flat,
        default_intensity=_yearly(rates.default[pairs[0][:, None], at])[None],
        prepay_intensity=_yearly(rates.prepaid[pairs[0][:, None], at])[None],
    )
    return _run(case, curves, group.ravel())


def _run(case: Case, curves: CurveSet, group: IntArray) -> Flows:
    """The loans outstanding through the kernel; what is past maturity pays in the first month."""
    history = case.history
    maturity = _maturity_days(case)
    loans = LoanArrays(
        group=group,
        curve=group,
        loan_type=loan_types(history)[case.chosen],
        balance=case.balance,
        rate=np.nan_to_num(history.loans["rate"].to_numpy(dtype=np.float64))[case.chosen],
        accrued=np.zeros(len(case.chosen)),
        hazard_scale=np.ones(len(case.chosen)),
        start_day=np.zeros(len(case.chosen), dtype=np.int64),
        maturity_day=np.where(maturity <= 0, curves.grid.days[1], maturity),
    )
    flows = run_kernel(loans, curves, int(group.max()) + 1)
    flows.check()
    return flows


def _maturity_days(case: Case) -> IntArray:
    """Days from the start to the end of each loan's last month, a century at most."""
    due = month_end(case.maturity).astype("datetime64[D]")
    left = (due - month_end(case.start).astype("datetime64[D]")).astype(np.int64)
    return np.asarray(np.minimum(left, LONGEST_DAY), dtype=np.int64)


def _grid(case: Case) -> PeriodGrid:
    return PeriodGrid.build(month_end(case.start).astype("datetime64[D]").item(), case.periods)


def _model_curves(case: Case, credit: CreditSpec | None, days: int | None) -> CurveSet:
    """The segment curves of the model's own fit on what was known at the start."""
    spec = CreditSpec(
        source="history",
        # Where nothing has defaulted yet, all of a default is taken as lost.
        severity=1.0 if credit is None or credit.severity is None else credit.severity,
        recovery_lag=0 if credit is None else credit.recovery_lag,
    )
    grid = _grid(case)
    curves = fit(known_until(case.history, grid.as_of), spec, default_days=days).curves
    names = [str(name) for name in case.history.loans["segment"].cat.categories]
    # A segment whose loans all came later has no curve, and no loan here.
    curves |= {name: SegmentCredit(cdr=0.0, severity=1.0) for name in names if name not in curves}
    return build_curves(names, curves, {"base": Scenario(title="base")}, grid)


def _model_loans(case: Case, curves: CurveSet) -> LoanArrays:
    """The loans outstanding as a plan takes them, group i for the i-th; late parts follow."""
    history, count = case.history, len(case.chosen)
    made = history.loans["origination_date"].to_numpy()[case.chosen].astype("datetime64[D]")
    age = (month_end(case.start).astype("datetime64[D]") - made).astype(np.float64)
    panel = history.panel
    here = (panel["month"].to_numpy() == case.start) & np.isin(panel["loan"], case.chosen)
    loans = LoanArrays(
        group=np.arange(count),
        curve=case.segment,
        loan_type=loan_types(history)[case.chosen],
        balance=case.balance,
        rate=np.nan_to_num(history.loans["rate"].to_numpy(dtype=np.float64))[case.chosen],
        accrued=np.zeros(count),
        hazard_scale=np.ones(count),
        start_day=np.zeros(count, dtype=np.int64),
        maturity_day=_maturity_days(case),
    )
    born = -np.where(np.isnan(age), 0.0, age).astype(np.int64)
    late = panel["days_past_due"].to_numpy()[here].astype(np.int64)
    return outstanding_loans(loans, born, late, curves)


def _project_model(case: Case, loans: LoanArrays, curves: CurveSet) -> Flows:
    flows = run_kernel(replace(loans, group=loans.curve), curves, int(case.segment.max()) + 1)
    flows.check()
    return flows


def _model_chances(case: Case, loans: LoanArrays, curves: CurveSet) -> dict[str, FloatArray]:
    """Chances of each loan, those of its part on time and its late part by their balances."""
    hazard = curves.default_intensity[0, loans.curve, 0] * loans.hazard_scale / 12.0
    speed = curves.prepay_intensity[0, loans.curve, 0] / 12.0
    day = month_end(case.start).astype("datetime64[D]") + loans.maturity_day.astype(
        "timedelta64[D]"
    )
    parts = replace(case, chosen=loans.group, maturity=month_of(day))
    found = outcome_chances(parts, lambda _: (-np.expm1(-hazard), -np.expm1(-speed)))
    share = loans.balance / case.balance[loans.group]
    count = len(case.chosen)
    return {
        name: np.bincount(loans.group, share * chance, minlength=count).astype(np.float64)
        for name, chance in found.items()
    }


def _yearly(share: FloatArray) -> FloatArray:
    """A month's share as a year's intensity."""
    certain = share >= 1.0
    return np.where(certain, AT_ONCE, -12.0 * np.log1p(-np.where(certain, 0.0, share)))


def _path(flows: Flows) -> dict[str, FloatArray]:
    """The portfolio's measures by month [T]."""
    total = {
        name: getattr(flows, name)[0].sum(axis=0)
        for name in ("closing", "scheduled", "prepaid", "default", "recovery")
    }
    return {
        "balance": total["closing"],
        "principal": total["scheduled"] + total["prepaid"],
        "prepaid": total["prepaid"],
        "defaults": total["default"],
        "recoveries": total["recovery"],
    }


def _actual(case: Case) -> dict[str, FloatArray]:
    """What the loans outstanding at the start did, by month [T]."""
    mine = np.zeros(len(case.history.loans), dtype=np.bool_)
    mine[case.chosen] = True
    seen, panel = case.seen, case.history.panel

    def by_month(month: IntArray, amount: FloatArray, mask: BoolArray) -> FloatArray:
        step = month[mask] - case.start - 1
        return np.bincount(step, amount[mask], minlength=case.periods).astype(np.float64)

    after = (seen.month > case.start) & mine[seen.loan]
    month, loan = panel["month"].to_numpy(), panel["loan"].to_numpy()
    standing = (month > case.start) & mine[loan] & (panel["state"].to_numpy() != DEFAULT)
    came = case.history.recoveries
    new = (came["default_month"].to_numpy() > case.start) & mine[came["loan"].to_numpy()]
    return {
        "balance": by_month(month, panel["closing"].to_numpy(), standing),
        "principal": by_month(seen.month, seen.scheduled + seen.prepaid, after),
        "prepaid": by_month(seen.month, seen.prepaid, after),
        "defaults": by_month(seen.month, seen.defaulted, after),
        "recoveries": by_month(came["month"].to_numpy(), came["amount"].to_numpy(), new),
    }
