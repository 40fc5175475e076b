"""What golden instances are built of: cohorts by age, terms of the vehicle, lines, buyers, notes.

The conventions stand in ``tests/golden/lp/README.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from scfcap.axes import OWN
from scfcap.deal.accounts import SeriesState
from scfcap.funding.cohort_inputs import CohortInputs
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs, P2PInputs
from scfcap.periods import PeriodGrid
from scfcap.schema.model import Model
from scfcap.schema.plan import SupplyStep
from scfcap.schema.securitization import SecuritizationSpec

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
