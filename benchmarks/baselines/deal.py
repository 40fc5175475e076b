"""A revolving deal as one would write it down: one scenario, one month, one payment at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from scfcap.quantities import FloatArray


@dataclass(frozen=True)
class Deal:
    """Terms and opening balances, by plain names; rates a year, amounts in currency."""

    senior_coupon: float
    mezzanine_coupon: float
    senior_fee: float
    servicing_fee: float
    cash_yield: float
    senior: float
    mezzanine: float
    cash: float
    reserve: float
    reserve_target: float
    pool_at_closing: float
    last_revolving: int
    legal_end: int
    trigger: float


@dataclass
class Run:
    """What one scenario paid, by month."""

    interest: list[tuple[float, float]] = field(default_factory=list)
    principal: list[tuple[float, float]] = field(default_factory=list)
    purchases: list[float] = field(default_factory=list)
    residual: list[float] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    reserve: list[float] = field(default_factory=list)
    triggered: int = 0


def run_scenario(deal: Deal, flows: dict[str, FloatArray], k: int) -> Run:
    """Scenario ``k``: fees, coupons, reserve, purchases or notes, residual."""
    run = Run()
    senior, mezzanine = deal.senior, deal.mezzanine
    cash, reserve, defaults = deal.cash, deal.reserve, 0.0
    arrears = [0.0, 0.0, 0.0, 0.0]
    pools = flows["pool"][k].tolist()
    rows = zip(
        *(flows[key][k].tolist() for key in ("interest", "principal", "recovery", "default")),
        flows["purchases"][k].tolist(),
        strict=True,
    )
    for t, (interest, principal, recovery, default, wanted) in enumerate(rows, start=1):
        pool = pools[t - 1]
        repaid = senior + mezzanine + arrears[2] + arrears[3] == 0.0
        revolving = not repaid and t <= deal.last_revolving and not run.triggered
        cash += interest + principal + recovery + deal.cash_yield / 12 * (cash + reserve)
        dues = (
            deal.senior_fee / 12 * pool,
            deal.servicing_fee / 12 * pool,
            deal.senior_coupon / 12 * senior,
            deal.mezzanine_coupon / 12 * mezzanine,
        )
        paid = []
        for i, due in enumerate(dues):
            due += arrears[i]
            from_cash = min(due, cash)
            from_reserve = min(due - from_cash, reserve)
            cash -= from_cash
            reserve -= from_reserve
            paid.append(from_cash + from_reserve)
            arrears[i] = due - paid[i]
        if not repaid:
            fill = min(max(deal.reserve_target - reserve, 0.0), cash)
            cash -= fill
            reserve += fill
        bought = min(wanted, cash) if revolving else 0.0
        cash -= bought
        to_senior = to_mezzanine = residual = 0.0
        if not revolving and not repaid:
            free = senior + mezzanine <= cash + reserve or t >= deal.legal_end
            to_senior = min(senior, cash + (reserve if free else 0.0))
            from_cash = min(to_senior, cash)
            cash, reserve, senior = (
                cash - from_cash,
                reserve - (to_senior - from_cash),
                senior - to_senior,
            )
            if senior == 0.0:
                to_mezzanine = min(mezzanine, cash + (reserve if free else 0.0))
                from_cash = min(to_mezzanine, cash)
                cash, reserve = cash - from_cash, reserve - (to_mezzanine - from_cash)
                mezzanine -= to_mezzanine
        if not revolving and senior + mezzanine + arrears[2] + arrears[3] == 0.0:
            residual, cash, reserve = cash + reserve, 0.0, 0.0
        defaults += default
        if revolving and defaults > deal.trigger * deal.pool_at_closing:
            run.triggered = t
        run.interest.append((paid[2], paid[3]))
        run.principal.append((to_senior, to_mezzanine))
        run.purchases.append(bought)
        run.residual.append(residual)
        run.cash.append(cash)
        run.reserve.append(reserve)
    return run


def run_all(deal: Deal, flows: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """All scenarios; arrays with scenarios first, tranches second, months last."""
    runs = [run_scenario(deal, flows, k) for k in range(len(flows["pool"]))]
    return {
        "interest_paid": np.array([run.interest for run in runs]).swapaxes(1, 2),
        "principal_paid": np.array([run.principal for run in runs]).swapaxes(1, 2),
        "purchases": np.array([run.purchases for run in runs]),
        "residual": np.array([run.residual for run in runs]),
        "cash": np.array([run.cash for run in runs]),
        "reserve": np.array([run.reserve for run in runs]),
        "triggered": np.array([run.triggered for run in runs]),
    }
