"""The tiny instances behind ``tests/golden/lp``: three months at most, sums for a head to do.

Each instance is described in the head of its golden file.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from scfcap.funding.inputs import DatedCap, Inputs
from scfcap.periods import PeriodGrid
from scfcap.schema.regime import Cap

from .golden_capital import CASES as CAPITAL
from .golden_limits import LIMITS
from .golden_partners import PARTNERS
from .golden_parts import (
    BANK,
    LOAN,
    OLD,
    THREE,
    Cohort,
    buyer,
    line,
    new,
    notes,
    old,
    terms,
    tiny,
)
from .golden_risk import CASES as RISK
from .golden_shocks import SHOCKS


def cohort_balance() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, -1, 10.0), Cohort(1, 2)),
        asked={(1, 2): 5.0},
        buyers=(buyer("bank", 2, segments=frozenset({0})),),
        vehicle=terms(),
        deals=(replace(old(2), name="abs"),),
    )


def cohort_balance_closed() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1)),
        vehicle=terms(),
        deals=(new(1, 3),),
        programme_limit=0.0,
    )


def demand() -> Inputs:
    asked = {(0, 1): 4.0, (0, 3): 5.0, (1, 1): 2.5, (1, 2): 2.5, (1, 3): 2.5}
    return tiny(asked=asked)


def promised_demand() -> Inputs:
    inputs = demand()
    promised = np.array([[0.1], [0.0]]) * inputs.demand
    return replace(inputs, promised=promised)


def transfer_eligibility() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1), Cohort(1, 2), Cohort(0, 2)),
        asked={(0, 1): 5.0, (1, 2): 5.0},
        eligible={"rules": (0.8, 0.9, 1.0, 0.9), "strict": (0.5, 1.0, 1.0, 0.0)},
        buyers=(buyer("bank", 1), buyer("picky", 1, eligibility="strict")),
        vehicle=terms(min_seasoning=2),
        deals=(replace(old(3), name="abs"),),
    )


def cash_balance() -> Inputs:
    return tiny(
        2,
        (Cohort(0, 0, 10.0), Cohort(0, 1), Cohort(0, 0, 8.0, BANK), Cohort(0, 0, 20.0, OLD)),
        asked={(0, 1): 5.0},
        plan={"cash_yield": 0.12, "opex_rate": 0.012},
        opex_per_year=0.24,
        buyers=(buyer("bank", 2, price=0.98, servicing_fee=0.024),),
        vehicle=terms(min_seasoning=2),
        deals=(old(0, 2), new(2, 3)),
        lenders=(
            line(
                "line", 10.0, (1, 0.06), fee=0.012,
                balance=(4.0,), repaid=(0.0, 4.0), interest=(0.0, 0.02),
            ),
        ),
        p2p=notes(1, (5.0,), (1,), outstanding=2.0, periods=2),
    )  # fmt: skip


def liquidity_floor() -> Inputs:
    return tiny(
        plan={"debt_cover": 0.5},
        liquidity_floor=2.0,
        lenders=(
            line(
                "bank", 10.0, (1, 0.06), (2, 0.06),
                balance=(4.0, 4.0, 1.0, 1.0), repaid=(0.0, 0.0, 3.0, 0.0, 1.0),
            ),
        ),
        p2p=notes(2, (5.0,), (1, 2, 3), outstanding=1.0),
    )  # fmt: skip


def net_capital() -> Inputs:
    return tiny(
        2,
        (Cohort(0, -1, 10.0), Cohort(0, 2), Cohort(0, 0, 20.0, OLD), Cohort(0, 0, 8.0, BANK)),
        asked={(0, 2): 5.0},
        plan={"cash_yield": 0.12, "opex_rate": 0.012},
        opex_per_year=0.24,
        buyers=(buyer("bank", 1, price=0.98, servicing_fee=0.024),),
        vehicle=terms(min_seasoning=1),
        deals=(old(2, segments=frozenset({1})), new(1, 3)),
        lenders=(
            line(
                "line", 3.0, (1, 0.06), fee=0.012,
                balance=(4.0, 4.0), repaid=(0.0, 0.0, 4.0), interest=(0.0, 0.02, 0.02),
            ),
        ),
        p2p=notes(1, (5.0,), (1,), outstanding=2.0, periods=2),
    )  # fmt: skip


def bank_debt() -> Inputs:
    return tiny(
        lenders=(
            line("bank-a", 10.0, (1, 0.06), (2, 0.06), balance=(12.0, 12.0, 4.0)),
            line("bank-b", 0.0, (1, 0.06), balance=(2.0, 2.0, 2.0, 2.0)),
            line("owner", 5.0, (3, 0.06), kind="shareholder"),
        )
    )


def transfer_stock() -> Inputs:
    return tiny(
        cohorts=(
            Cohort(0, 0, 20.0, BANK),
            Cohort(0, 0, 10.0),
            Cohort(0, 1),
            Cohort(1, 0, 4.0),
        ),
        asked={(0, 1): 5.0},
        eligible={"rules": (1.0, 1.0, 1.0, 0.0)},
        buyers=(
            buyer("bank", 1, 8.0, open_stock=np.array([20.0, 10.0, 6.0, 0.0])),
            buyer("shut", 1, 0.0),
        ),
    )


def transfer_flow() -> Inputs:
    return tiny(
        cohorts=(
            Cohort(0, 0, 10.0),
            Cohort(0, -1, 5.0),
            Cohort(0, 1),
            Cohort(1, 0, 4.0, steps=LOAN),
        ),
        asked={(0, 1): 5.0},
        buyers=(buyer("bank", 2, per_period=3.0), buyer("free", 2)),
    )


def deal_cash() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 3), Cohort(0, 0, 20.0, OLD)),
        asked={(0, 3): 5.0},
        vehicle=terms(),
        deals=(old(0, 2), new(2, 3)),
    )


def deal_cash_paid() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0),),
        vehicle=terms(tranches=THREE, coupon_timing="paid", min_seasoning=1),
        deals=(new(1, 2, 4, 4),),
    )


def tranche_balance() -> Inputs:
    outstanding = old(0, 2, 1)
    assert outstanding.state is not None
    state = replace(outstanding.state, notes=np.array([3.0, 0.0]), accrued=np.zeros(2))
    return tiny(
        vehicle=terms(tranches=THREE),
        deals=(new(1, 1, 3, 4), replace(outstanding, state=state)),
    )


def overcollateralization() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1), Cohort(0, 0, 20.0, OLD)),
        asked={(0, 1): 5.0},
        vehicle=terms(min_seasoning=1),
        deals=(old(2), new(2, 3)),
    )


def idle_cash() -> Inputs:
    return tiny(vehicle=terms(idle_cash_limit=0.1), deals=(old(2), new(2, 3)))


def trigger_headroom() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1), Cohort(0, 0, 20.0, OLD)),
        asked={(0, 1): 5.0},
        vehicle=terms(),
        deals=(old(2), new(1, 3)),
    )


def trigger_headroom_default_rate() -> Inputs:
    trigger = {"measure": "default_rate", "threshold": 0.96, "margin": 0.24}
    return replace(trigger_headroom(), vehicle=terms(trigger=trigger))


def trigger_headroom_margin_gone() -> Inputs:
    series = old(2)
    assert series.state is not None
    state = replace(series.state, cumulative_default=0.8)
    return replace(trigger_headroom(), deals=(replace(series, state=state),))


def programme() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1), Cohort(0, -1, 5.0)),
        asked={(0, 1): 5.0},
        eligible={"rules": (1.0, 1.0, 0.0)},
        vehicle=terms(min_seasoning=1),
        programme_limit=45.0,
        deals=(
            old(2),
            replace(new(1, 3), name="new-1"),
            replace(new(2, 3), name="new-2", max_pool=30.0),
        ),
    )


def programme_closed() -> Inputs:
    return replace(programme(), programme_limit=0.0)


def p2p_supply() -> Inputs:
    return tiny(p2p=notes(2, (3.0, 6.0), (1, 3)))


def p2p_renewal() -> Inputs:
    left = {"renewed": np.array([1, 1, 0.4, 0.4]), "fresh": np.array([1, 1, 0.25, 0.25])}
    return tiny(p2p=notes(2, (3.0, 6.0), (1, 2, 3), outstanding=6.0, **left))


def p2p_limit() -> Inputs:
    return tiny(p2p=notes(2, (3.0, 6.0), (1, 2, 3), outstanding=6.0, limit=2.5))


def p2p_limit_closed() -> Inputs:
    return tiny(p2p=notes(2, (3.0, 6.0), (1, 2, 3), outstanding=6.0, limit=0.0))


def p2p_rolling() -> Inputs:
    rolling = {"rolling": 7.0, "rolling_periods": 3}
    return tiny(p2p=notes(4, (3.0, 6.0), (2, 3), outstanding=8.0, **rolling))


def p2p_rolling_full() -> Inputs:
    rolling = {"rolling": 1.0, "rolling_periods": 2}
    return tiny(p2p=notes(4, (3.0,), (1, 2, 3), outstanding=8.0, **rolling))


def p2p_backing() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1)),
        asked={(0, 1): 5.0},
        p2p=notes(2, (5.0,), (1, 2), outstanding=6.0),
    )


def leverage() -> Inputs:
    weights = {"shareholder": 1.0, "abs_third_party": 1.0, "transfer_clean": 0.5, "p2p": 1.0}
    cap = {"base": "net_capital", "multiple": 0.5, "source": "own"}
    return tiny(
        2,
        (Cohort(0, 0, 10.0), Cohort(0, 0, 20.0, BANK)),
        caps=tuple(
            DatedCap(Cap.model_validate({**cap, **changes}), frozenset({1, 2}), "own")
            for changes in (
                {"name": "banks", "weights": {"bank": 1.0}},
                {"name": "all", "base": "net_assets", "multiple": 4.0, "weights": weights},
                {"name": "bonds", "weights": {"bond": 1.0}},
            )
        ),
        deductions=2.0,
        lenders=(
            line("line", 10.0, (2, 0.06), balance=(5.0, 3.0)),
            line("owner", 5.0, (1, 0.06), kind="shareholder"),
        ),
        buyers=(buyer("bank", 1),),
        vehicle=terms(),
        deals=(old(0, 2), replace(new(2, 3), segments=frozenset({1}))),
        p2p=notes(2, (5.0,), (1, 2), outstanding=3.0, periods=2),
    )


def leverage_regimes() -> Inputs:
    base = "net_assets_prior_year_end"
    cap = {"base": base, "multiple": 0.5, "source": "own"}
    banks = {**cap, "name": "banks", "weights": {"bank": 1.0}}
    before = {**cap, "base": "net_capital", "multiple": 1.0, "weights": {"transfer_clean": 1.0}}
    after = {**cap, "multiple": 0.25, "weights": {"transfer_clean": 0.5, "bank": 1.0}}
    caps = (
        (banks, {1, 2, 3}, "both"),
        ({**before, "name": "sold"}, {1}, "old"),
        ({**after, "name": "sold"}, {2}, "new"),
    )
    return tiny(
        3,
        (Cohort(0, 0, 10.0), Cohort(0, 0, 20.0, BANK)),
        grid=PeriodGrid.build(date(2013, 11, 30), 3),
        caps=tuple(
            DatedCap(Cap.model_validate(text), frozenset(periods), regime)
            for text, periods, regime in caps
        ),
        deductions=2.0,
        year_end_net_assets=30.0,
        lenders=(line("line", 10.0, (2, 0.06), balance=(5.0, 3.0)),),
        buyers=(buyer("bank", 1),),
    )


def book_share() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, 0, 10.0), Cohort(1, 1), Cohort(0, 0, 20.0, OLD)),
        asked={(1, 1): 5.0},
        concentration=({"name": "loans", "segments": ["loan"], "share": 0.6},),
        buyers=(buyer("bank", 1, segments=frozenset({0})),),
        vehicle=terms(min_seasoning=1),
        deals=(old(2, segments=frozenset({0})),),
    )


#: Instance by name of the golden file without ``.lp``.
CASES = {
    "cohort_balance": cohort_balance,
    "cohort_balance.closed": cohort_balance_closed,
    "demand": demand,
    "promised_demand": promised_demand,
    "transfer_eligibility": transfer_eligibility,
    "cash_balance": cash_balance,
    "liquidity_floor": liquidity_floor,
    "net_capital": net_capital,
    "bank_debt": bank_debt,
    "transfer_stock": transfer_stock,
    "transfer_flow": transfer_flow,
    "deal_cash": deal_cash,
    "deal_cash.paid": deal_cash_paid,
    "tranche_balance": tranche_balance,
    "overcollateralization": overcollateralization,
    "idle_cash": idle_cash,
    "trigger_headroom": trigger_headroom,
    "trigger_headroom.default_rate": trigger_headroom_default_rate,
    "trigger_headroom.margin_gone": trigger_headroom_margin_gone,
    "issue_size": programme,
    "first_pool": programme,
    "programme": programme,
    "programme.closed": programme_closed,
    "p2p_supply": p2p_supply,
    "p2p_renewal": p2p_renewal,
    "p2p_limit": p2p_limit,
    "p2p_limit.closed": p2p_limit_closed,
    "p2p_rolling": p2p_rolling,
    "p2p_rolling.full": p2p_rolling_full,
    "p2p_backing": p2p_backing,
    "leverage": leverage,
    "leverage.regimes": leverage_regimes,
    "book_share": book_share,
    **LIMITS,
    **SHOCKS,
    **PARTNERS,
    **CAPITAL,
    **RISK,
}
