"""Figures of the classes of a run: life, yield, loss, coverage, and what they were first short of.

Times are from the start of the run. Lives are in years by the deal's day count; a yield is the
effective annual rate, by actual days over 365, at which what a class is paid is worth what it was
sold for.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from scfcap.cashflow.yields import average_life, yield_of
from scfcap.deal.outcome import DealRun
from scfcap.quantities import BoolArray, FloatArray


def payment_years(run: DealRun) -> FloatArray:
    """Years from the start of the run to each payment date [T], actual days over 365."""
    calendar = run.deal.calendar
    return np.array([(day - calendar.start).days / 365.0 for day in calendar.dates])


def unpaid_principal(run: DealRun) -> FloatArray:
    """Principal not repaid, or written off, at the legal end [K, J], currency."""
    end = run.legal_end
    lost = run.of("written_off")[:, :, :end] - run.of("written_up")[:, :, :end]
    return np.asarray(run.of("balance")[:, :, end - 1] + lost.sum(axis=2))


def loss_share(run: DealRun) -> FloatArray:
    """Principal of each class that is lost, as a share of its original balance [K, J].

    Equity has no principal: its loss is what it put in less what it is paid, if that is less. NaN
    for a class of no size.
    """
    size = run.original.T
    got = run.of("residual").sum(axis=2) + run.of("principal").sum(axis=2)
    lost = np.where(_equity(run)[None, :], np.maximum(size - got, 0.0), unpaid_principal(run))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(size > 0.0, lost / size, np.nan))


def lives(run: DealRun) -> FloatArray:
    """Average life of the principal paid to each class [K, J], years by the deal's day count; NaN
    where none is.
    """
    return average_life(run.of("principal"), np.cumsum(run.deal.years))


def yields(run: DealRun) -> FloatArray:
    """Effective annual yield of each class at its issue price [K, J]; NaN where it is paid nothing
    or stood for nothing at the start.
    """
    prices = np.array([each.issue_price for each in run.deal.spec.tranches.values()])
    paid = run.of("interest_paid") + run.of("principal") + run.of("residual")
    return yield_of(run.opening.T * prices, paid, payment_years(run), per_year=1)


def sound(run: DealRun) -> BoolArray:
    """Whether each class has timely interest and full principal [K, J]."""
    return np.asarray(run.paid_in_full & run.timely_interest)


def default_rate(run: DealRun) -> FloatArray:
    """Defaults a year of the performing pool, to the legal end [K].

    All that defaults, over the sum of each period's opening pool times its length in years.
    """
    end = run.legal_end
    defaults = run.of("default")[:, :end]
    opening = np.concatenate([run.pool_start[:, None], run.of("pool")[:, : end - 1]], axis=1)
    exposed = opening @ run.deal.calendar.grid.year_fractions[:end]
    return np.asarray(defaults.sum(axis=1) / np.maximum(exposed, 1e-300))


def class_frame(run: DealRun) -> pd.DataFrame:
    """One row a scenario and class: original balance, life, yield, loss, what it lacks."""
    from scfcap.deal.story import lack_of

    life, rate, loss, good = lives(run), yields(run), loss_share(run), sound(run)
    rows = []
    for k, scenario in enumerate(run.scenarios):
        for j, tranche in enumerate(run.deal.tranches):
            equity = run.deal.spec.tranches[tranche].kind == "equity"
            lack = None if equity else lack_of(run, tranche, k)
            rows.append(
                {
                    "scenario": scenario,
                    "tranche": tranche,
                    "original": run.original[j, k],
                    "sound": None if equity else bool(good[k, j]),
                    "average_life": life[k, j],
                    "yield": rate[k, j],
                    "loss_share": loss[k, j],
                    "lacks": "" if lack is None else lack.what,
                    "short": 0.0 if lack is None else lack.short,
                    "on": None if lack is None else lack.on,
                }
            )
    return pd.DataFrame(rows)


# --- coverage -----------------------------------------------------------------------------------


def coverage_frame(run: DealRun, row: int) -> pd.DataFrame:
    """One row a payment date and class of debt that stands, in row ``row`` of ``run``.

    ``interest_coverage``: interest and borrowers' fees collected since the last payment date, with
    what hedges and idle cash brought and less the fees paid, over the interest due on the class
    and those before it. ``asset_coverage``: the performing pool and the cash of all accounts after
    the payments, over the balances of the class and those before it, and before them what is drawn
    on lines. NaN where nothing is due, or nothing stands.
    """
    rows = []
    interest, asset = coverages(run)
    for t in np.flatnonzero(run.deal.calendar.pays):
        for j, tranche in enumerate(run.deal.tranches):
            values = interest[row, j, t], asset[row, j, t]
            if not np.isnan(values).all():
                rows.append(
                    {
                        "period": int(t) + 1,
                        "date": run.deal.calendar.dates[t],
                        "tranche": tranche,
                        "interest_coverage": values[0],
                        "asset_coverage": values[1],
                    }
                )
    names = ["period", "date", "tranche", "interest_coverage", "asset_coverage"]
    return pd.DataFrame(rows, columns=names)


def coverages(run: DealRun) -> tuple[FloatArray, FloatArray]:
    """Interest and asset coverage of each class [K, J, T]: see :func:`coverage_frame`.

    NaN for equity and where no payment date is.
    """
    pays = run.deal.calendar.pays
    came = run.of("interest") + run.of("hedge_received") + run.of("cash_yield")
    came = _since_last(came - run.fee_paid.sum(axis=1).T, pays)
    debt = ~_equity(run)
    due = np.cumsum(np.where(debt[None, :, None], run.of("interest_due"), 0.0), axis=1)
    stands = np.cumsum(np.where(debt[None, :, None], run.of("balance"), 0.0), axis=1)
    stands = stands + run.drawn.sum(axis=1).T[:, None, :]
    held = run.of("pool") + run.cash.sum(axis=1).T
    shown = debt[None, :, None] & pays[None, None, :]
    own = run.of("interest_due") > 0.0
    small = 1e-9 * np.maximum(run.original.sum(axis=0), 1.0)[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        interest = np.where(shown & own, came[:, None, :] / due, np.nan)
        there = shown & (run.of("balance") > small)
        asset = np.where(there, held[:, None, :] / stands, np.nan)
    return np.asarray(interest), np.asarray(asset)


def least(values: FloatArray) -> FloatArray:
    """Least of the last axis without NaN; NaN where all are."""
    filled = np.where(np.isnan(values), np.inf, values).min(axis=-1)
    return np.asarray(np.where(np.isinf(filled), np.nan, filled))


def _since_last(flow: FloatArray, pays: BoolArray) -> FloatArray:
    """``flow`` [K, T] summed from the period after each payment date to the next."""
    sums = np.cumsum(flow, axis=1)
    at = np.flatnonzero(pays)
    found = np.zeros_like(flow)
    found[:, at] = np.diff(sums[:, at], axis=1, prepend=0.0)
    return found


def _equity(run: DealRun) -> BoolArray:
    return np.array([each.kind == "equity" for each in run.deal.spec.tranches.values()])
