"""Money conserved, in whatever result: cash flows of a pool, a run of a deal, a plan."""

from __future__ import annotations

import numpy as np

from scfcap.cashflow.project import PoolCashflow
from scfcap.deal.outcome import DealRun
from scfcap.funding.plan import Optimum, Plan
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray
from scfcap.testing.deal_checks import assert_deal_conserves, assert_deal_pool_rolls
from scfcap.testing.plan_checks import assert_books_balance, assert_sources_are_uses


def assert_money_conserved(result: PoolCashflow | DealRun | Plan | Optimum) -> None:
    """What was there and came is what went and is there, in each period and scenario.

    Of cash flows of a pool: its principal rolls forward, and what defaulted was lost, recovered or
    is still to come. Of a run of a deal: all accounts, and its pool. Of a plan: sources and uses,
    and the balance sheet. Within 1e-9 of what moved.

    Raises:
        AssertionError: naming scenario, period, segment, account or class, and the amount.
        TypeError: ``result`` is none of these.
    """
    if isinstance(result, PoolCashflow):
        _assert_pool_rolls(result)
    elif isinstance(result, DealRun):
        assert_deal_conserves(result)
        assert_deal_pool_rolls(result)
    elif isinstance(result, Plan | Optimum):
        assert_sources_are_uses(result)
        assert_books_balance(result)
    else:
        msg = f"{type(result).__name__}: expected PoolCashflow, DealRun, Plan or Optimum"
        raise TypeError(msg)


def _assert_pool_rolls(result: PoolCashflow) -> None:
    flows = result.flows
    size = np.maximum(flows.opening[:, :, :1] + np.cumsum(flows.drawn, axis=2), 1.0)
    moved = flows.opening + flows.originated - flows.default - flows.scheduled - flows.prepaid
    _refuse(
        result, "principal does not roll forward, by", moved + flows.drawn - flows.closing, size
    )
    nexts = flows.opening[:, :, 1:] - flows.closing[:, :, :-1]
    _refuse(
        result, "a period opens with other than the last closed with, by", nexts, size[:, :, 1:]
    )
    gone = np.cumsum(flows.default - flows.loss - flows.recovery, axis=2) - flows.receivable
    _refuse(result, "what defaulted is not lost, recovered or to come, by", gone, size)
    for name in ("opening", "default", "interest", "scheduled", "prepaid", "recovery", "loss",
                 "receivable", "closing"):  # fmt: skip
        values = getattr(flows, name)
        below = np.where(np.isfinite(values), np.maximum(-values, 0.0), np.inf)
        _refuse(result, f"{name} below zero, or no number, by", below, size)


def _refuse(result: PoolCashflow, what: str, gap: FloatArray, size: FloatArray) -> None:
    wrong = ~(np.abs(gap) <= 4.0 * ENGINE_TOLERANCE * np.broadcast_to(size, gap.shape))
    if wrong.any():
        k, g, t = (int(index[0]) for index in np.nonzero(wrong))
        where = f"scenario {result.scenarios[k]}, segment {result.segments[g]}, period {t + 1}"
        msg = f"pool, {where}: {what} {gap[k, g, t]:.9g}"
        raise AssertionError(msg)
