"""Random scenarios: named shocks of every kind, and paths of rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scfcap.quantities import FloatArray
from scfcap.schema.scenario import Scenario
from scfcap.testing.dice import Dice


def any_scenarios(
    dice: Dice,
    count: int,
    periods: int,
    *,
    cores: Sequence[str] = (),
    funding: Sequence[str] = (),
    segments: Sequence[str] = (),
) -> dict[str, Scenario]:
    """``count`` scenarios: "base", then worse ones with up to three shocks each.

    ``cores`` are the core enterprises that may fail; ``funding`` the kinds of shocks to funding
    that the model has something for, such as "bank_line_cut"; ``segments`` those that a stress of
    borrowers may be of.
    """
    found = {"base": Scenario()}
    for k in range(1, count):
        stated: dict[str, Any] = {}
        if dice.chance(0.6):
            stated["default_multiple"] = dice.edge(0.0, 6.0, 0.0, 1.0, 100.0)
        if dice.chance(0.4):
            stated["prepay_multiple"] = dice.edge(0.0, 3.0, 0.0, 100.0)
        if dice.chance(0.3):
            stated["severity_add"] = dice.edge(0.0, 0.5, 1.0)
        if dice.chance(0.2):
            stated["from_period"] = dice.whole(1, periods)
        kinds = ["borrower_stress", "outage", "originator_failure", *funding]
        kinds += ["core_failure"] if cores else []
        stated["shocks"] = [
            _shock(dice, dice.one_of(kinds), periods, cores, segments)
            for _ in range(dice.one_of((0, 1, 2, 3)))
        ]
        found[f"s{k}"] = Scenario.model_validate(stated)
    return found


def _shock(
    dice: Dice, kind: str, periods: int, cores: Sequence[str], segments: Sequence[str]
) -> dict[str, Any]:
    at = dice.whole(1, periods)
    shock: dict[str, Any] = {"kind": kind}
    if kind == "borrower_stress":
        last = dice.whole(at, periods)
        shock |= {"from_period": at, "to_period": last}
        shock |= {"default_multiple": dice.edge(0.0, 8.0, 0.0, 100.0)}
        shock |= {"severity_add": dice.edge(0.0, 0.5, 1.0)}
        if dice.chance(0.3):
            shock["timing"] = dice.one_of(((3.0, 2.0, 1.0), (1.0, 0.0), (0.0, 1.0, 4.0)))
        if segments and dice.chance(0.3):
            shock["segments"] = (dice.one_of(segments),)
    elif kind == "outage":
        shock |= {"days": dice.whole(1, 40), "from_period": at}
    elif kind == "originator_failure":
        shock |= {"period": at, "fee_multiple": dice.edge(1.0, 4.0, 0.0)}
        shock |= {"days": dice.one_of((0, 0, 10))}
    elif kind == "core_failure":
        shock |= {"core": dice.one_of(cores), "period": at, "unpaid": dice.edge(0.0, 1.0, 1.0)}
        shock |= {"recovery": dice.edge(0.0, 1.0, 0.0), "recovery_lag": dice.whole(0, 4)}
        shock |= {"supplier_default_multiple": dice.edge(1.0, 5.0, 100.0)}
        shock |= {"infection": dice.edge(0.0, 0.4, 1.0), "orders_lost": dice.edge(0.0, 1.0, 1.0)}
    elif kind == "bank_line_cut":
        shock |= {"cut": dice.edge(0.1, 1.0, 1.0), "from_period": at, "notice": dice.whole(0, 2)}
        shock |= {"call": dice.one_of((None, True, False))}
    elif kind == "p2p_run_off":
        shock |= {"share": dice.edge(0.1, 1.0, 1.0), "cut": dice.edge(0.0, 1.0), "from_period": at}
    elif kind == "market_shut":
        shock |= {"cut": dice.edge(0.1, 1.0, 1.0), "from_period": at}
    elif kind == "rate_shock":
        shock |= {"bank": dice.edge(0.0, 0.05, 0.0), "p2p": 0.01, "from_period": at}
    return shock


def any_rates(dice: Dice, count: int, periods: int) -> FloatArray:
    """Paths of an index [``count``, ``periods`` + 1] of 1/year; the first are level at its edges:
    0, 100%, below zero.
    """
    random = dice.numbers()
    steps = random.normal(0.0, dice.edge(0.0, 0.01, 0.0), (count, periods + 1))
    found = np.maximum(0.03 + np.cumsum(steps, axis=1), -0.01)
    for row, level in zip(found[1:], (0.0, 1.0, -0.005), strict=False):
        if dice.chance(0.5):
            row[:] = level
    return np.asarray(found)
