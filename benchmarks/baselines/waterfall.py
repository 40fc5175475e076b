"""A static deal of twelve payments: its terms and flows, and the waterfall one writes by hand.

The plain waterfall goes scenario by scenario and month by month, one payment after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from scfcap.deal.assets import GivenAssets
from scfcap.deal.engine import run_deal
from scfcap.deal.outcome import DealRun
from scfcap.deal.structure import Deal
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.deal import DealSpec

PERIODS = 36
POOL = 500e6
CLASSES = ("A", "B", "C")
SHARES = (0.75, 0.12, 0.08)
COUPONS = (0.05, 0.08, 0.12)
#: Quantities that both sides give, [K, T] each.
KEYS = ("interest", "principal", "residual", "collection", "reserve")

_FEES = {"tax": 0.0005, "trustee": 0.0005, "servicer": 0.01, "manager": 0.002}
_RESERVE, _TRIGGER = 0.01, 0.06
#: Bounds of the loss rate a month of three groups of scenarios: at the paces of repayment below,
#: defaults never reach the trigger's 6% of the pool in the first, and always in the last.
_LOSSES = ((0.0, 0.0018), (0.0, 0.006), (0.016, 0.020))
_RESIDUAL = {
    "pay": "residual",
    "to": "E",
    "when": "notes <= 0",
    "from": ["collection", "reserve"],
}
TERMS = DealSpec.model_validate(
    {
        "closing": date(2023, 12, 31),
        "day_count": "act/act-icma",
        "phases": [{"name": "usual"}, {"name": "accelerated", "when": "trigger.defaults"}],
        "accounts": {"reserve": {"target": f"if(notes > 0, {_RESERVE} * pool_at_closing, 0)"}},
        "fees": {name: {"rate": rate} for name, rate in _FEES.items()},
        "tranches": {
            **{
                name: {"balance": share * POOL, "coupon": coupon}
                for name, share, coupon in zip(CLASSES, SHARES, COUPONS, strict=True)
            },
            "E": {"kind": "equity", "balance": 0.0},
        },
        "triggers": {
            "defaults": {"test": f"cumulative_default > {_TRIGGER} * pool_at_closing"},
        },
        "waterfall": {
            "usual": [
                *({"pay": "fee", "to": name} for name in ("tax", "trustee", "servicer")),
                *({"pay": "interest", "to": name} for name in ("A", "B")),
                {"pay": "account", "to": "reserve"},
                {"pay": "interest", "to": "C"},
                *({"pay": "principal", "to": name} for name in CLASSES),
                {"pay": "fee", "to": "manager"},
                _RESIDUAL,
            ],
            "accelerated": [
                *({"pay": "fee", "to": name} for name in ("tax", "trustee", "servicer")),
                {"pay": "interest", "to": "A"},
                {"pay": "account", "to": "reserve"},
                {"pay": "principal", "to": "A"},
                {"pay": "interest", "to": "B"},
                {"pay": "principal", "to": "B"},
                {"pay": "interest", "to": "C"},
                {"pay": "principal", "to": "C"},
                {"pay": "fee", "to": "manager"},
                _RESIDUAL,
            ],
        },
    }
)  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """Flows of the pool [K, T], and the deal ready to run on them."""

    deal: Deal
    interest: FloatArray
    principal: FloatArray
    default: FloatArray
    recovery: FloatArray
    pool: FloatArray


def build(size: int) -> Inputs:
    """Seeded flows; in one to two thirds of the scenarios the trigger trips, whatever the seed."""
    random = np.random.default_rng(20231231)
    low, high = np.array(_LOSSES)[np.arange(size) % len(_LOSSES)].T
    repay, loss = random.uniform(0.03, 0.12, size), random.uniform(low, high)
    interest, principal, recovery, default, pool = np.zeros((5, size, PERIODS))
    held = np.full(size, POOL)
    for t in range(PERIODS):
        default[:, t] = held * loss * random.uniform(0.5, 1.5, size)
        principal[:, t] = (held - default[:, t]) * repay
        interest[:, t] = held * 0.16 / 12
        recovery[:, t] = 0.3 * default[:, t]
        held = held - default[:, t] - principal[:, t]
        pool[:, t] = held
    deal = Deal.of("static", TERMS, PeriodGrid.build(TERMS.closing, PERIODS))
    return Inputs(deal, interest, principal, default, recovery, pool)


def engine(inputs: Inputs, *, trace: bool) -> DealRun:
    """All scenarios at once."""
    flows = (inputs.interest, inputs.principal, inputs.default, inputs.recovery, inputs.pool)
    start = np.full(len(inputs.pool), POOL)
    return run_deal(inputs.deal, GivenAssets(start, *flows), trace=trace)


def by_hand(inputs: Inputs) -> dict[str, FloatArray]:
    """All scenarios, one after the other; [K, T] by the names of :data:`KEYS`."""
    count = len(inputs.pool)
    found = {key: np.zeros((count, PERIODS)) for key in KEYS}
    for k in range(count):
        _scenario(inputs, k, found)
    return found


def _scenario(inputs: Inputs, k: int, found: dict[str, FloatArray]) -> None:
    notes = [share * POOL for share in SHARES]
    owed, fees = [0.0] * 3, dict.fromkeys(_FEES, 0.0)
    cash, reserve, defaults, tripped, pool = 0.0, 0.0, 0.0, False, POOL
    flows = (inputs.interest, inputs.principal, inputs.recovery, inputs.default, inputs.pool)
    months = zip(*(flow[k].tolist() for flow in flows), strict=True)
    for t, (interest, principal, recovery, default, closing) in enumerate(months):
        cash += interest + principal + recovery
        defaults += default
        for j in range(3):
            owed[j] += (notes[j] + owed[j]) * COUPONS[j] / 12
        for name, rate in _FEES.items():
            fees[name] += pool * rate / 12
        pool = closing
        tripped = tripped or defaults > _TRIGGER * POOL
        paid_interest = paid_principal = residual = 0.0
        for name in ("tax", "trustee", "servicer"):
            paid = min(fees[name], cash)
            fees[name] -= paid
            cash -= paid
        # lower case: interest, upper case: principal, R: the reserve
        for what in "aRAbBcC" if tripped else "abRcABC":
            if what == "R":
                target = _RESERVE * POOL if sum(notes) > 0 else 0.0
                paid = min(max(target - reserve, 0.0), cash)
                reserve += paid
            elif what.islower():
                j = "abc".index(what)
                paid = min(owed[j], cash)
                owed[j] -= paid
                paid_interest += paid
            else:
                j = "ABC".index(what)
                paid = min(notes[j], cash)
                notes[j] -= paid
                paid_principal += paid
            cash -= paid
        paid = min(fees["manager"], cash)
        fees["manager"] -= paid
        cash -= paid
        if sum(notes) <= 0:
            residual, cash, reserve = cash + reserve, 0.0, 0.0
        values = (paid_interest, paid_principal, residual, cash, reserve)
        for key, value in zip(KEYS, values, strict=True):
            found[key][k, t] = value


def compare(run: DealRun, plain: dict[str, FloatArray]) -> None:
    """Same payments and cash to a millionth; the trigger trips in a part of the scenarios."""
    got = {
        "interest": run.of("interest_paid").sum(axis=1),
        "principal": run.of("principal").sum(axis=1),
        "residual": run.of("residual").sum(axis=1),
        "collection": run.cash[:, 0].T,
        "reserve": run.cash[:, 1].T,
    }
    for key, expected in plain.items():
        np.testing.assert_allclose(got[key], expected, rtol=0.0, atol=1e-5, err_msg=key)
    assert 0.1 < run.tripped[-1, 0].mean() < 0.9
