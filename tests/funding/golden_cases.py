"""The tiny instances behind ``tests/golden/lp``: three months at most, sums for a head to do.

Conventions (factors by age, terms of the vehicle) stand in ``tests/golden/lp/README.md``; each
instance is described in the head of its golden file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from scfcap.axes import OWN
from scfcap.deal.accounts import SeriesState
from scfcap.funding.inputs import (
    BuyerInputs,
    CohortInputs,
    DealInputs,
    Inputs,
    LenderInputs,
    P2PInputs,
)
from scfcap.periods import PeriodGrid
from scfcap.schema.deal import SecuritizationSpec
from scfcap.schema.model import Model
from scfcap.schema.plan import SupplyStep
from scfcap.schema.regime import Cap

AS_OF = date(2013, 12, 31)
SEGMENTS = ("loan", "order")
BANK, OLD = "bank_transfer:bank", "securitization:old"

Steps = tuple[tuple[float, float, float, float], ...]

#: Survives, repaid, defaults, interest; by age at the close of the month.
LOAN: Steps = (
    (0.9, 0.08, 0.02, 0.004),
    (0.5, 0.4, 0.1, 0.02),
    (0.6, 0.35, 0.05, 0.03),
    (0.0, 0.8, 0.2, 0.01),
)
ORDER: Steps = ((0.2, 0.79, 0.01, 0.015), (0.25, 0.7, 0.05, 0.01), (0.0, 0.9, 0.1, 0.01))


@dataclass(frozen=True)
class Cohort:
    """``amount`` at ``as_of`` (1 for a new cohort), in the place where it starts."""

    segment: int
    vintage: int
    amount: float = 1.0
    origin: str = OWN
    steps: Steps | None = None


def cohorts_of(drafts: Sequence[Cohort], periods: int) -> CohortInputs:
    """Factors [j, t] from the tables by age."""
    factor = np.zeros((4, len(drafts), periods + 1))
    path = np.zeros((len(drafts), periods + 1))
    for j, c in enumerate(drafts):
        steps = c.steps or (LOAN, ORDER)[c.segment]
        left = 1.0
        if c.vintage <= 0:
            path[j, 0] = left
        for t in range(max(c.vintage, 1), periods + 1):
            age = t - c.vintage
            if age < len(steps):
                factor[:, j, t] = steps[age]
            left *= factor[0, j, t]
            path[j, t] = left
    return CohortInputs(
        segment=np.array([c.segment for c in drafts], dtype=np.int64),
        vintage=np.array([c.vintage for c in drafts], dtype=np.int64),
        origin=tuple(c.origin for c in drafts),
        amount=np.array([c.amount for c in drafts], dtype=np.float64),
        path=path,
        survive=factor[0],
        repaid=factor[1],
        default=factor[2],
        interest=factor[3],
        terminal=np.zeros(len(drafts)),
        annuity=np.zeros(len(drafts)),
    )


def model(plan: dict[str, object], concentration: Sequence[dict[str, object]]) -> Model:
    """A model as small as the schema allows; of it the program reads ``plan`` and the shares."""
    return Model.model_validate(
        {
            "name": "tiny",
            "title": "Tiny",
            "currency": "CNY",
            "as_of": AS_OF,
            "regime": "none",
            "tape": {"source": "file"},
            "credit": {"segments": {name: {"cdr": 0.0, "severity": 0.0} for name in SEGMENTS}},
            "scenarios": {"base": {}},
            "plan": plan,
            "opening": {"cash": 0.0},
            "demand": {},
            "concentration": concentration,
        }
    )


def terms(**changes: object) -> SecuritizationSpec:
    """Terms that the series share."""
    return SecuritizationSpec.model_validate(
        {
            "tranches": [
                {"name": "senior", "share": 0.8, "coupon": 0.06},
                {"name": "junior", "share": 0.2, "retained": True},
            ],
            "revolving_periods": 1,
            "amortising_periods": 1,
            "coupon_timing": "accrued_while_revolving",
            "senior_fee_rate": 0.012,
            "servicing_fee_rate": 0.024,
            "reserve_rate": 0.05,
            "issue_cost_rate": 0.01,
            "cash_yield": 0.12,
            "trigger": {"measure": "cumulative_default", "threshold": 0.1, "margin": 0.02},
            "eligibility": "rules",
            "programme_limit": 0.0,
            **changes,
        }
    )


#: A senior of 0.7, a mezzanine of 0.2, a junior of 0.1.
THREE = (
    {"name": "senior", "share": 0.7, "coupon": 0.06},
    {"name": "mezzanine", "share": 0.2, "coupon": 0.12},
    {"name": "junior", "share": 0.1, "retained": True},
)


def tiny(
    periods: int = 3,
    cohorts: Sequence[Cohort] = (),
    *,
    asked: dict[tuple[int, int], float] | None = None,
    eligible: dict[str, Sequence[float]] | None = None,
    plan: dict[str, object] | None = None,
    concentration: Sequence[dict[str, object]] = (),
    **changes: object,
) -> Inputs:
    """Inputs with nothing but what is given; ``asked`` is demand by (segment, period)."""
    demand = np.zeros((len(SEGMENTS), periods + 1))
    for key, amount in (asked or {}).items():
        demand[key] = amount
    shares = {name: np.array(share) for name, share in (eligible or {}).items()}
    inputs = Inputs(
        spec=model(plan or {}, concentration),
        regime=None,
        unit=1.0,
        grid=PeriodGrid.build(AS_OF, periods),
        segments=SEGMENTS,
        severity=np.array([0.6, 0.75]),
        recovery_lag=np.array([1, 2]),
        cohorts=cohorts_of(cohorts, periods),
        new_cohort={(c.segment, c.vintage): j for j, c in enumerate(cohorts) if c.vintage >= 1},
        eligible={"rules": np.ones(len(cohorts)), **shares},
        demand=demand,
        promised=np.zeros_like(demand),
        lenders=(),
        buyers=(),
        vehicle=None,
        programme_limit=50.0,
        deals=(),
        p2p=None,
        caps=(),
        net_capital=20.0,
        deductions=0.0,
        cash=5.0,
        opex_per_year=0.0,
        liquidity_floor=0.0,
    )
    return replace(inputs, **changes)


def line(
    name: str,
    limit: float,
    *tenors: tuple[int, float],
    kind: str = "bank",
    fee: float = 0.0,
    balance: Sequence[float] = (),
    repaid: Sequence[float] = (),
    interest: Sequence[float] = (),
) -> LenderInputs:
    """A line; what is left out of its older draws is zero."""
    return LenderInputs(
        name=name,
        kind=kind,
        limit=limit,
        commitment_fee=fee,
        tenors=tenors,
        open_balance=_padded(balance, 4),
        open_repaid=_padded(repaid, 5),
        open_interest=_padded(interest, 4),
    )


def _padded(values: Sequence[float], length: int) -> np.ndarray:
    return np.array([*values, *[0.0] * (length - len(values))], dtype=np.float64)


def buyer(name: str, seasoning: int, limit: float = 100.0, **changes: object) -> BuyerInputs:
    """A buyer at par of both segments."""
    base = BuyerInputs(
        name=name,
        price=1.0,
        servicing_fee=0.0,
        limit=limit,
        per_period=None,
        min_seasoning=seasoning,
        eligibility="rules",
        segments=frozenset({0, 1}),
        open_stock=np.zeros(4),
    )
    return replace(base, **changes)


def old(last_revolving: int, *repaid_by: int, **changes: object) -> DealInputs:
    """The outstanding series: 12 of notes, 0.3 accrued, cash 1, reserve 0.5 of 0.64."""
    state = SeriesState(
        name="old",
        closing_period=-5,
        last_revolving=last_revolving,
        notes=np.array([12.0]),
        accrued=np.array([0.3]),
        cash=1.0,
        reserve=0.5,
        pool=20.0,
        pool_at_closing=40.0,
        cumulative_default=0.5,
        reserve_target=0.64,
    )
    base = DealInputs(
        name="old",
        closing=0,
        last_revolving=last_revolving,
        legal_end=9,
        max_pool=0.0,
        segments=frozenset({0, 1}),
        repaid_by=repaid_by or (9,),
        state=state,
    )
    return replace(base, **changes)


def new(closing: int, last_revolving: int, *repaid_by: int, **changes: object) -> DealInputs:
    """A series to be issued."""
    base = DealInputs(
        name="new",
        closing=closing,
        last_revolving=last_revolving,
        legal_end=9,
        max_pool=20.0,
        segments=frozenset({0, 1}),
        repaid_by=repaid_by or (9,),
        state=None,
    )
    return replace(base, **changes)


def notes(
    tenor: int,
    widths: Sequence[float],
    opened: Sequence[int],
    *,
    outstanding: float = 0.0,
    periods: int = 3,
    **changes: object,
) -> P2PInputs:
    """P2P notes at 0.12 a year; ``outstanding`` is repaid evenly over one tenor."""
    repaid = np.zeros(max(periods, tenor) + 2)
    repaid[1 : tenor + 1] = outstanding / tenor
    balance = outstanding - np.cumsum(repaid)[: periods + 1]
    interest = np.concatenate(([0.0], balance[:-1])) * 0.01
    base = P2PInputs(
        limit=100.0,
        rolling=None,
        rolling_periods=12,
        tenor=tenor,
        steps=tuple(SupplyStep(per_period=width, rate=0.12) for width in widths),
        open_periods=frozenset(opened),
        open_balance=balance,
        open_repaid=repaid,
        open_interest=interest,
    )
    return replace(base, **changes)


def cohort_balance() -> Inputs:
    return tiny(
        cohorts=(Cohort(0, -1, 10.0), Cohort(1, 2)),
        asked={(1, 2): 5.0},
        buyers=(buyer("bank", 2, segments=frozenset({0})),),
        vehicle=terms(),
        deals=(replace(old(2), name="abs"),),
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
        cohorts=(Cohort(0, 0, 20.0, BANK), Cohort(0, 0, 10.0), Cohort(0, 1)),
        asked={(0, 1): 5.0},
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
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1)),
        asked={(0, 1): 5.0},
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


def p2p_limit() -> Inputs:
    return tiny(p2p=notes(2, (3.0, 6.0), (1, 2, 3), outstanding=6.0, limit=2.5))


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
            Cap.model_validate({**cap, **changes})
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
    "p2p_limit": p2p_limit,
    "p2p_rolling": p2p_rolling,
    "p2p_rolling.full": p2p_rolling_full,
    "p2p_backing": p2p_backing,
    "leverage": leverage,
    "book_share": book_share,
}
