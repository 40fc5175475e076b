"""Random sources of funds and policies for the small platform, as changes of its model."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import Any

from scfcap.testing.dice import Dice
from scfcap.testing.platform import MODEL

Changes = dict[str, Any]
M = 1e6


def any_funding(dice: Dice, as_of: date) -> Changes:
    """Who funds: own capital, and at times lenders, a buyer, partners, series, P2P."""
    return {
        "opening": _opening(dice),
        "demand": _demand(dice),
        "credit": _credit(dice),
        "lenders": _lenders(dice, as_of) if dice.chance(0.8) else [],
        "buyers": [_buyer(dice)] if dice.chance(0.6) else [],
        "securitization": _vehicle(dice) if dice.chance(0.6) else None,
        "p2p": _p2p(dice, as_of) if dice.chance(0.6) else None,
        "guaranteed": [_guaranteed(dice)] if dice.chance(0.3) else [],
        "guarantor": {"multiple": dice.edge(0.0, 15.0, 10.0)} if dice.chance(0.5) else None,
        "joint": [_joint(dice)] if dice.chance(0.3) else [],
    }


def _opening(dice: Dice) -> Changes:
    cash = {"cash": dice.edge(0.0, 40.0, 0.0) * M}
    found = cash if dice.chance(0.8) else {"net_capital": dice.real(70.0, 160.0) * M}
    return found | ({"deductions": dice.real(0.0, 2.0) * M} if dice.chance(0.2) else {})


def _demand(dice: Dice) -> Changes:
    demand = copy.deepcopy(MODEL["demand"])
    for segment in demand.values():
        segment["per_period"] *= dice.edge(0.2, 2.0, 0.0, 1.0)
        segment["minimum"] = dice.edge(0.0, 0.3, 0.0, 0.0, 1.0)
        if dice.chance(0.3):
            segment["growth"] = dice.edge(-0.5, 2.0, 0.0)
    return dict(demand)


def _credit(dice: Dice) -> Changes:
    credit = copy.deepcopy(MODEL["credit"])
    stated = credit["segments"]["credit"]
    stated |= {"cdr": dice.edge(0.0, 0.3, 0.0), "cpr": dice.edge(0.0, 0.5, 0.0)}
    stated |= {"severity": dice.edge(0.3, 1.0, 0.0, 1.0), "recovery_lag": dice.whole(0, 3)}
    credit["segments"]["order"]["lifetime_default"] = dice.edge(0.0, 0.05, 0.0)
    return dict(credit)


def _lenders(dice: Dice, as_of: date) -> list[Changes]:
    found: list[Changes] = []
    for name in ("bank-a", "bank-b")[: dice.whole(1, 2)]:
        rates = [dice.edge(0.04, 0.12, 0.0), dice.edge(0.04, 0.14, 1.0)]
        line: Changes = {
            "name": name,
            "kind": dice.one_of(("bank", "bank", "shareholder", "bond", "peer")),
            "limit": dice.edge(2.0, 30.0, 0.0) * M,
            "commitment_fee": dice.edge(0.0, 0.01, 0.0),
            "tenors": [{"periods": p, "rate": r} for p, r in zip((dice.whole(1, 3), 6), rates,
                                                                 strict=True)],
            "floating": dice.chance(0.3),
        }  # fmt: skip
        if dice.chance(0.5):
            matures = as_of + timedelta(days=dice.one_of((31, 90, 200)))
            line["draws"] = [{"amount": dice.real(0.5, 5.0) * M, "rate": 0.07, "maturity": matures}]
        if dice.chance(0.2):
            line["available_to"] = as_of + timedelta(days=dice.whole(20, 200))
        if dice.chance(0.2):
            line["notice_days"] = dice.whole(0, 60)
        if dice.chance(0.5):
            line["covenants"] = _covenants(dice, as_of, others=bool(found))
        found.append(line)
    return found


def _covenants(dice: Dice, as_of: date, *, others: bool) -> list[Changes]:
    every: list[Changes] = [
        {"kind": "leverage", "multiple": dice.edge(0.3, 3.0, 1.2), "margin": dice.edge(0.0, 0.1)},
        {"kind": "past_due_share", "share": dice.edge(0.0, 0.2, 0.0, 1.0), "days": 15},
        {"kind": "borrowing_base", "advance_rate": dice.edge(0.1, 0.9, 0.0), "eligibility": "bank"},
        {"kind": "min_net_assets", "amount": dice.real(10.0, 70.0) * M},
    ]
    if others:
        every.append({"kind": "cross_default"})
    chosen = dice.some(every, 0.4, least=1)
    for covenant in chosen:
        covenant["effect"] = dice.one_of(("draw_stop", "acceleration"))
        if covenant["kind"] not in ("borrowing_base", "cross_default"):
            covenant["tested"] = dice.one_of(("period", "quarter_end"))
            if dice.chance(0.2):
                covenant["waived_to"] = as_of + timedelta(days=dice.whole(1, 100))
    return chosen


def _buyer(dice: Dice) -> Changes:
    buyer = copy.deepcopy(MODEL["buyers"][0])
    buyer |= {"limit": dice.edge(1.0, 40.0, 0.0) * M, "price": dice.edge(0.9, 1.05, 1.0)}
    buyer |= {"servicing_fee": dice.edge(0.0, 0.1, 0.0), "min_seasoning": dice.whole(0, 3)}
    if dice.chance(0.5):
        buyer |= {"recourse": True, "recourse_cap": dice.edge(0.0, 1.0, 0.0, 1.0)}
    if dice.chance(0.3):
        buyer["segments"] = ["credit", "order"]
    return dict(buyer)


def _vehicle(dice: Dice) -> Changes:
    vehicle = copy.deepcopy(MODEL["securitization"])
    vehicle |= {
        "coupon_timing": dice.one_of(("paid", "accrued_while_revolving")),
        "senior_fee_rate": dice.edge(0.0, 0.02, 0.0),
        "reserve_rate": dice.edge(0.0, 0.05, 0.0),
        "issue_cost_rate": dice.edge(0.0, 0.01, 0.0),
        "idle_cash_limit": dice.edge(0.1, 1.0, 1.0),
        "programme_limit": dice.edge(20.0, 80.0, 40.0) * M,
        "revolving_periods": dice.whole(6, 12),
        "trigger": {"measure": dice.one_of(("cumulative_default", "default_rate")),
                    "threshold": dice.edge(0.05, 0.5, 1.0)},
    }  # fmt: skip
    vehicle["issues"] = dice.some(vehicle["issues"], 0.6)
    return dict(vehicle)


def _p2p(dice: Dice, as_of: date) -> Changes:
    p2p: Changes = {"limit": dice.edge(1.0, 25.0, 0.0) * M}
    if dice.chance(0.7):
        p2p["rolling_12_months"] = dice.edge(2.0, 40.0, 0.0) * M
    if dice.chance(0.3):
        p2p |= {"mode": "pass_through", "per_period": dice.real(0.5, 8.0) * M,
                "fee": dice.edge(0.0, 0.05, 0.0), "eligibility": "bank"}  # fmt: skip
    else:
        steps = [{"per_period": 3.0 * M, "rate": 0.09}, {"per_period": 6.0 * M, "rate": 0.125}]
        p2p |= {"tenor": dice.whole(1, 6), "steps": steps[: dice.whole(1, 2)]}
    if dice.chance(0.4):
        opens = as_of + timedelta(days=dice.whole(0, 90))
        p2p |= {"open_from": opens, "open_to": opens + timedelta(days=dice.whole(10, 150))}
    return p2p


def _guaranteed(dice: Dice) -> Changes:
    return {
        "name": "bank-g",
        "limit": dice.edge(2.0, 25.0, 0.0) * M,
        "per_period": dice.real(1.0, 8.0) * M,
        "fee": dice.edge(0.0, 0.08, 0.0),
        "cover": dice.edge(0.0, 1.0, 0.0, 1.0),
        "payout_lag": dice.whole(0, 3),
        "eligibility": "bank",
        "segments": ["credit"],
    }


def _joint(dice: Dice) -> Changes:
    return {"name": "bank-j", "own_share": dice.edge(0.05, 0.9, 0.3, 1.0),
            "fee": dice.edge(0.0, 0.05, 0.0), "limit": dice.edge(2.0, 25.0, 0.0) * M}  # fmt: skip


def any_policies(dice: Dice, as_of: date, periods: int) -> Changes:
    """The company's own limits, what comes between income and capital, and what it is after."""
    plan = {
        "plan.cash_yield": dice.edge(0.0, 0.02, 0.0),
        "plan.liquidity_floor": dice.edge(0.0, 15.0, 0.0) * M,
        "plan.debt_cover": dice.edge(0.0, 0.6, 0.0),
        "plan.opex_rate": dice.edge(0.0, 0.03, 0.0),
        "plan.relax": dice.one_of(("spread", "early")),
        "concentration": _concentration(dice),
    }
    goal = dice.one_of(("max_income", "max_income", "max_lending", "min_cost"))
    plan["plan.objective"] = goal
    if goal == "min_cost":
        plan["plan.lending_path"] = dice.edge(0.05, 0.6, 1.0)
    if dice.chance(0.2):
        plan["plan.headroom"] = dice.real(0.5, 6.0) * M
    more: Changes = {
        "plan.interest_cover": dice.edge(0.05, 0.5),
        "plan.promise_cover": dice.edge(0.01, 0.3),
        "plan.undrawn_limits": {"credit": dice.real(1.0, 8.0) * M},
        "plan.undrawn_draw_rate": dice.edge(0.05, 0.5, 1.0),
        "plan.maturity_gaps": [{"days": 30, "buffer": -5.0e6}, {"days": 90, "buffer": -40.0e6}],
        "plan.tenor_match": {"days": 90, "share": dice.edge(0.2, 1.0, 1.0)},
        "tax": {"rate": dice.edge(0.1, 0.4, 0.0, 1.0), "paid": dice.one_of(("year_end",
                                                                          "each_period"))},
        "dividends": {"payout": dice.edge(0.1, 1.0, 1.0), "months": [dice.whole(1, 4)],
                      "income_prior_year": dice.edge(0.0, 4.0, 0.0) * M, "owners_rate": 0.9},
        "injections": [{"date": as_of + timedelta(days=dice.whole(1, 30 * periods)),
                        "amount": dice.real(0.5, 6.0) * M}],
        "provisions": dice.one_of((
            {"method": "expected_loss", "months": 12},
            {"method": "classes", "normal": 0.01, "defaulted": [
                {"name": "substandard", "months": 0, "coverage": 0.25},
                {"name": "loss", "months": 2, "coverage": 1.0}]},
        )),
    }  # fmt: skip
    chosen = dice.some([*more], 0.25)
    if "plan.undrawn_draw_rate" in chosen and "plan.undrawn_limits" not in chosen:
        chosen.append("plan.undrawn_limits")
    return plan | {key: more[key] for key in chosen}


def _concentration(dice: Dice) -> list[Changes]:
    every: list[Changes] = [
        {"name": "credit at most", "segments": ["credit"], "share": dice.edge(0.3, 1.0, 1.0)},
        {"name": "core", "core": "#1", "base": dice.one_of(("book", "net_capital", "net_assets")),
         "share": dice.edge(0.05, 1.0, 1.0)},
    ]  # fmt: skip
    return dice.some(every, 0.4)
