"""The small platform with a bank that it guarantees, a joint lender and a sale with recourse."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from scfcap.pool.snapshot import Pool
from scfcap.schema.regime import Regime

from .small_platform import Platform, platform, small_pool
from .variants import edited

GUARANTEED: dict[str, Any] = {
    "name": "bank-g",
    "limit": 12.0e6,
    "per_period": 6.0e6,
    "fee": 0.05,
    "cover": 0.8,
    "payout_lag": 2,
    "eligibility": "bank",
    "segments": ["credit"],
}
JOINT: dict[str, Any] = {"name": "bank-j", "own_share": 0.3, "fee": 0.03, "limit": 18.0e6}
GUARANTOR = {"multiple": 10.0, "source": "Decree 683, Art. 15"}
#: Places of opening loans beside those of the small platform.
PLACES = ("guaranteed_bank:bank-g", "joint_lending:bank-j", "bank_transfer:city-bank")


def partner_pool() -> Pool:
    """Every ninth own loan lies with the bank, with the joint lender or with the buyer."""
    pool = small_pool()
    order = np.arange(len(pool))
    place = pool.place.copy()
    for k in range(len(PLACES)):
        place[(pool.place == 0) & (order % 27 == 9 * k)] = len(pool.places) + k
    return replace(pool, places=(*pool.places, *PLACES), place=place)


def partner_model(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Guarantees, joint loans and recourse beside the channels of the small platform."""
    base: dict[str, Any] = {
        "plan.periods": 8,
        "guaranteed": [GUARANTEED],
        "guarantor": GUARANTOR,
        "joint": [JOINT],
        "buyers.0.recourse": True,
    }
    return edited({**copy.deepcopy(base), **(changes or {})})


def with_partners(
    changes: Mapping[str, Any] | None = None, regime: Regime | None = None, pool: Pool | None = None
) -> Platform:
    """The platform of :func:`partner_model`."""
    return platform(partner_model(changes), regime, partner_pool() if pool is None else pool)
