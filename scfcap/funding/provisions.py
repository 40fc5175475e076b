"""Provisions for loans on the books: expected loss of the months ahead, or coverage by class.

``Prov[t] = sum cover[j,t] H[j,c,t] + sum extra[s,l] defaults[s,c,t-l]`` over the places ``c`` of
the group's balance sheet. A defaulted loan is written down to the recovery expected on it when it
defaults; ``extra`` is what its class asks for beyond that, until the recovery is in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scfcap.cashflow.cohorts import CohortFactors
from scfcap.credit.curves import CurveSet
from scfcap.funding.cohort_inputs import ProvisionInputs
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Terms
from scfcap.funding.variables import Book, on_books
from scfcap.periods import PER_YEAR, PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.capital import Provisions
from scfcap.schema.model import Model

#: A cohort below this share of its start has nothing to provide for.
NOTHING = 1e-12


def provision_inputs(
    spec: Model, factors: CohortFactors, curves: CurveSet, row: int, grid: PeriodGrid
) -> ProvisionInputs | None:
    """Coverage by cohort and by time since default; None without ``[provisions]``."""
    rule = spec.provisions
    if rule is None:
        return None
    k, horizon = factors.scenarios.index(curves.scenarios[row]), len(grid)
    standing = factors.performing[k, :, : horizon + 1]
    if rule.method == "expected_loss":
        set_aside = ahead(losses(factors, curves, row), _periods(rule.months, grid), horizon)
    else:
        late = np.zeros_like(standing)
        if factors.delinquent is not None:
            late[:, 1:] = factors.delinquent[k, :, :horizon]
        set_aside = by_class(rule, standing, late)
    there = standing > NOTHING
    cover = np.where(there, set_aside / np.where(there, standing, 1.0), 0.0)
    whole = slice(len(curves.parents))
    lag = np.asarray(curves.recovery_lag[whole], dtype=np.int64)
    stated = spec.opening.provisions
    return ProvisionInputs(
        cover=cover,
        extra=beyond_severity(rule, curves.severity[row, whole, 0], lag, grid),
        opening=None if stated is None else stated / spec.plan.money_unit,
    )


def losses(factors: CohortFactors, curves: CurveSet, row: int) -> FloatArray:
    """What of each period's default never comes back, per unit of initial amount [J, U]."""
    k = factors.scenarios.index(curves.scenarios[row])
    if factors.loss is not None:
        return np.asarray(factors.loss[k])
    default = factors.default[k]
    struck = np.zeros_like(default) if factors.struck is None else factors.struck[k]
    severity, again = (
        x[factors.segment] for x in (curves.severity[row], curves.struck_recovery[row])
    )
    return np.asarray((default - struck) * severity + struck * (1.0 - again))


def ahead(loss: FloatArray, periods: int, horizon: int) -> FloatArray:
    """Losses of the ``periods`` after each close 0..T, [..., T + 1]; ``loss`` [..., U] from 1 on.

    What lies beyond U counts nothing.
    """
    start = np.zeros((*loss.shape[:-1], 1))
    summed = np.concatenate((start, np.cumsum(loss, axis=-1)), axis=-1)
    last = summed.shape[-1] - 1
    now = np.arange(horizon + 1)
    later, sooner = np.minimum(now + periods, last), np.minimum(now, last)
    return np.asarray(summed[..., later] - summed[..., sooner])


def by_class(rule: Provisions, standing: FloatArray, late: FloatArray) -> FloatArray:
    """Coverage of performing loans: ``normal``, and ``special_mention`` of what is past due."""
    mention = rule.normal if rule.special_mention is None else rule.special_mention
    return rule.normal * (standing - late) + mention * late


def beyond_severity(
    rule: Provisions, severity: FloatArray, lag: IntArray, grid: PeriodGrid
) -> FloatArray:
    """``max(0, coverage - severity)`` while the recovery is to come, shape (segments, lags).

    Axis 1: periods since default, from 0.
    """
    extra = np.zeros((len(severity), int(lag.max(initial=0))))
    per_month = PER_YEAR[grid.frequency] / 12.0
    for since in range(extra.shape[1]):
        reached = [c.coverage for c in rule.defaulted if c.months * per_month <= since + 1e-9]
        if reached:
            extra[:, since] = np.where(since < lag, np.maximum(reached[-1] - severity, 0.0), 0.0)
    return extra


def _periods(months: int, grid: PeriodGrid) -> int:
    return max(round(months * PER_YEAR[grid.frequency] / 12.0), 1)


def provisions(book: Book, t: int) -> Terms:
    """Provisions at the close of ``t``; the stated ones, if any, at 0."""
    inputs = book.inputs
    rule, terms = inputs.provisions, Terms()
    if rule is None:
        return terms
    if t == 0 and rule.opening is not None:
        return terms.plus(rule.opening)
    for where in on_books(inputs):
        for j in book.standing(where, t):
            terms.extend(book.held(j, where, t), float(rule.cover[j, t]))
        for since in range(min(rule.extra.shape[1], t)):
            for j in book.paying(where, t - since) if rule.extra[:, since].any() else ():
                share = float(rule.extra[inputs.cohorts.segment[j], since])
                terms.extend(book.flow(inputs.cohorts.default, j, where, t - since), share)
    return terms


def opening_provisions(inputs: Inputs) -> float:
    """Provisions at ``as_of`` [money units]: stated, or by the rule on the loans that stand."""
    rule, cohorts = inputs.provisions, inputs.cohorts
    if rule is None:
        return 0.0
    if rule.opening is not None:
        return rule.opening
    places = on_books(inputs)
    mine = np.array([origin in places for origin in cohorts.origin]) & (cohorts.vintage <= 0)
    return float((cohorts.amount * cohorts.path[:, 0] * rule.cover[:, 0])[mine].sum())


def replayed(
    inputs: Inputs, flows: Mapping[str, FloatArray], share: FloatArray, before: FloatArray
) -> FloatArray:
    """Provisions of what stands in one place, by the engines' own flows [money units], T + 1.

    ``flows`` [J, T + 1] of whole cohorts: ``closing``, ``default``, ``delinquent`` (past due
    at each close) and ``ahead`` (losses of the months after it). ``share`` of each cohort in the
    place at each close, ``before`` at the close before.
    """
    rule, spec = inputs.provisions, inputs.spec.provisions
    if rule is None or spec is None:
        return np.zeros(inputs.horizon + 1)
    if spec.method == "expected_loss":
        whole = flows["ahead"]
    else:
        whole = by_class(spec, flows["closing"], flows["delinquent"])
    total = np.where(flows["closing"] > 0.0, whole * share, 0.0).sum(axis=0)
    gone = flows["default"] * before
    for since in range(rule.extra.shape[1]):
        held = (rule.extra[inputs.cohorts.segment, since][:, None] * gone).sum(axis=0)
        total[since:] += held[: len(held) - since]
    return np.asarray(total)


def periods_ahead(inputs: Inputs) -> int:
    """Periods of which losses are provided for; 0 where provisions ask for none."""
    rule = inputs.spec.provisions
    return 0 if rule is None else _periods(rule.months, inputs.grid)
