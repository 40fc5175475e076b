"""The small platform with every instrument and limit of the plan at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from scfcap.credit.exposure import Exposures, measure
from scfcap.pool.snapshot import Pool
from scfcap.schema.regime import Regime

from .partner_platform import partner_model, partner_pool
from .small_platform import LAW, MODEL, Platform, platform
from .variants import edited

COVENANTS: list[dict[str, Any]] = [
    {"kind": "leverage", "multiple": 1.2, "margin": 0.05},
    {"kind": "past_due_share", "share": 0.06, "tested": "quarter_end", "days": 15},
    {"kind": "borrowing_base", "advance_rate": 0.25, "eligibility": "bank"},
    {"kind": "min_net_assets", "amount": 45.0e6},
]
SECOND_LINE: dict[str, Any] = {
    "name": "bank-b",
    "limit": 5.0e6,
    "tenors": [{"periods": 2, "rate": 0.06}],
    "covenants": [
        {"kind": "borrowing_base", "advance_rate": 0.5, "eligibility": "vehicle"},
        {"kind": "cross_default", "effect": "acceleration"},
    ],
}
PROVISIONS: dict[str, Any] = {
    "method": "classes",
    "normal": 0.01,
    "special_mention": 0.02,
    "defaulted": [
        {"name": "substandard", "months": 0, "coverage": 0.25},
        {"name": "doubtful", "months": 1, "coverage": 0.50},
        {"name": "loss", "months": 2, "coverage": 1.00},
    ],
}
ALL: dict[str, Any] = {
    "plan.interest_cover": 0.1,
    "plan.promise_cover": 0.02,
    "plan.undrawn_draw_rate": 0.05,
    "plan.undrawn_limits": {"credit": 4.0e6},
    "plan.maturity_gaps": [{"days": 30, "buffer": -5.0e6}, {"days": 90, "buffer": -40.0e6}],
    "plan.tenor_match": {"days": 90, "share": 0.4},
    "opening.deductions": 1.0e6,
    "tax": {"rate": 0.25, "paid": "year_end", "losses_forward": 0.5e6, "payable": 0.25e6},
    "dividends": {"payout": 0.4, "months": [2], "income_prior_year": 3.0e6, "owners_rate": 0.9},
    "injections": [{"date": "2014-03-10", "amount": 2.0e6}],
    "provisions": PROVISIONS,
    "lenders": [{**MODEL["lenders"][0], "covenants": COVENANTS}, SECOND_LINE],
    "buyers.0.recourse_cap": 0.05,
    "concentration": [
        *MODEL["concentration"],
        {"name": "core", "core": "core", "base": "net_capital", "share": 0.4},
    ],
}


def exposures() -> Exposures:
    """Of orders 30 of 100 are the core's; its supplier has 10 of 200 of credit."""
    rows = [
        ("order", "order", 30.0, "core", "b1"),
        ("order", "order", 20.0, "other", "b2"),
        ("order", "order", 50.0, None, "b3"),
        ("credit", "bullet", 10.0, None, "b1"),
        ("credit", "bullet", 190.0, None, "b4"),
    ]
    names = ["segment", "loan_type", "current_balance", "buyer_id", "borrower_id"]
    return measure(pd.DataFrame(rows, columns=names), ("credit", "order"))


def combined_model(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every instrument and limit, with ``changes``."""
    return edited(changes or {}, edited(ALL, partner_model()))


def combined(
    changes: Mapping[str, Any] | None = None,
    regime: Regime | None = LAW,
    pool: Pool | None = None,
) -> Platform:
    """The platform of :func:`combined_model`."""
    pool = partner_pool() if pool is None else pool
    return platform(combined_model(changes), regime, pool, exposures())
