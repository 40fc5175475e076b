"""A revolving year by day: the inputs, the engine's call, and the same in plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from scfcap.axes import INTEREST_ONLY_BULLET
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.deal.choosing import Limits
from scfcap.deal.engine import run_deal
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.loan_stock import LoanStock
from scfcap.deal.outcome import DealRun
from scfcap.deal.structure import Deal
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.deal import DealSpec
from scfcap.schema.scenario import Scenario

CLOSING = date(2013, 12, 31)
DAYS, PAYMENT_EVERY = 365, 30
CDR, CPR, SEVERITY, RECOVERY_LAG = 0.03, 0.5, 0.7, 45
COUPON, FEE, SENIOR, PRICE = 0.06, 0.01, 0.8, 0.995
#: Most of a borrower and of a region, and least mean score.
BORROWER, REGION, SCORE = 0.025, 0.2, 600.0

DEAL = {
    "closing": CLOSING,
    "day_count": "act/365",
    "assets": {"price": PRICE},
    "fees": {"servicer": {"rate": FEE}},
    "tranches": {
        "senior": {"share": SENIOR, "coupon": COUPON},
        "equity": {"kind": "equity", "share": 1.0 - SENIOR},
    },
    "phases": ({"name": "revolving"},),
    "settlement": {
        "frequency": "day",
        "payment_every": PAYMENT_EVERY,
        "steps": {"revolving": ({"pay": "purchase"},)},
    },
    "waterfall": {
        "revolving": (
            {"pay": "fee", "to": "servicer"},
            {"pay": "interest", "to": "senior"},
            {"pay": "purchase"},
        )
    },
}


@dataclass(frozen=True)
class Inputs:
    """Loans by row; ``made`` on a day from 1, or -1: held. ``ends`` is the day of maturity."""

    balance: FloatArray
    rate: FloatArray
    made: IntArray
    ends: IntArray
    borrower: IntArray
    region: IntArray
    score: FloatArray
    curves: CurveSet
    deal: Deal

    @property
    def pool(self) -> float:
        """At closing."""
        return float(self.balance[self.made < 0].sum())


def build(size: int) -> Inputs:
    """``size`` loans: a fifth is held, the others are lent evenly over the year."""
    draw = np.random.default_rng(2013)
    held = size // 5
    made = np.concatenate([np.full(held, -1), draw.integers(1, DAYS + 1, size - held)])
    ends = np.where(made < 0, draw.integers(1, 151, size), made + draw.integers(30, 181, size))
    grid = PeriodGrid.build(CLOSING, DAYS, "day")
    credit = SegmentCredit(cdr=CDR, cpr=CPR, severity=SEVERITY, recovery_lag=RECOVERY_LAG)
    return Inputs(
        balance=draw.integers(1_000, 50_001, size).astype(np.float64),
        rate=draw.choice([0.12, 0.15, 0.18], size),
        made=made.astype(np.int64),
        ends=ends.astype(np.int64),
        borrower=draw.integers(0, 50, size),
        region=draw.choice(8, size, p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]).astype(np.int64),
        score=draw.uniform(500.0, 700.0, size),
        curves=build_curves(["loans"], {"loans": credit}, {"base": Scenario()}, grid),
        deal=Deal.of("daily", DealSpec.model_validate(DEAL), grid),
    )


def engine(inputs: Inputs) -> DealRun:
    """The deal on whole loans."""
    count = len(inputs.balance)
    zeros = np.zeros(count, dtype=np.int64)
    limits = Limits(
        keys=np.array([inputs.borrower, inputs.region]),
        share=np.array([BORROWER, REGION]),
        amount=np.full(2, np.inf),
        top=np.ones(2, dtype=np.int64),
        values=inputs.score[None],
        least=np.array([SCORE]),
        most=np.array([np.inf]),
    )
    stock = LoanStock(
        loan_id=np.arange(count).astype(str).astype(object),
        curve=zeros,
        loan_type=np.full(count, INTEREST_ONLY_BULLET, dtype=np.int64),
        balance=inputs.balance,
        rate=inputs.rate,
        day=inputs.made,
        origination_day=np.maximum(inputs.made, 0),
        maturity_day=inputs.ends,
        days_past_due=zeros,
        eligible=np.ones(count, dtype=np.bool_),
        limits=limits,
    )
    loans = LoanAssets(stock, inputs.curves, PRICE, inputs.pool)
    return run_deal(inputs.deal, loans)


def by_hand(inputs: Inputs) -> dict[str, FloatArray]:
    """Each day: every loan pays or defaults, the deal pays what is due, cash buys what it may."""
    live, dies = (1.0 - CPR) ** (1 / DAYS), 1.0 - (1.0 - CDR) ** (1 / DAYS)
    loans = [
        (b, r / DAYS, m, int(e), int(w), int(g), s)
        for b, r, m, e, w, g, s in zip(
            *(getattr(inputs, name).tolist() for name in
              ("balance", "rate", "made", "ends", "borrower", "region", "score")),
            strict=True,
        )
    ]  # fmt: skip
    offers: list[list[int]] = [[] for _ in range(DAYS + 1)]
    held: list[list[float | int]] = []
    for row, loan in enumerate(loans):
        if loan[2] < 0:
            held.append([row, loan[0]])
        else:
            offers[loan[2]].append(row)
    pool, notes = inputs.pool, SENIOR * inputs.pool
    least_size, opening = pool, pool
    cash = owed_fee = owed_interest = 0.0
    recovered = [0.0] * (DAYS + RECOVERY_LAG + 1)
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for day in range(1, DAYS + 1):
        interest = principal = default = pool = 0.0
        stay = []
        for entry in held:
            row, balance = entry
            gone = balance * dies
            balance -= gone
            default += gone
            loan = loans[row]
            interest += balance * loan[1]
            if loan[3] <= day:
                principal += balance
                continue
            principal += balance * (1.0 - live)
            entry[1] = balance * live
            pool += entry[1]
            stay.append(entry)
        held = stay
        recovered[day + RECOVERY_LAG] += default * (1.0 - SEVERITY)
        cash += interest + principal + recovered[day]
        owed_fee += FEE * opening / 365
        owed_interest += COUPON * notes / 365
        if day % PAYMENT_EVERY == 0:
            for due in (owed_fee, owed_interest):
                assert due <= cash
                cash -= due
            owed_fee = owed_interest = 0.0
        bought = _purchases(loans, held, offers[day], day, cash, least_size)
        spent = PRICE * sum(loans[row][0] for row in bought)
        cash -= spent
        held += [[row, loans[row][0]] for row in bought]
        pool += sum(loans[row][0] for row in bought)
        if day % PAYMENT_EVERY == 0:
            opening = pool
        row_of = (interest, principal, default, recovered[day], spent, pool, cash)
        for name, value in zip(NAMES, row_of, strict=True):
            found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


NAMES = ("interest", "principal_collected", "default", "recovery", "purchases", "pool", "cash")


def _purchases(
    loans: list[tuple[float, float, int, int, int, int, float]],
    held: list[list[float | int]],
    offers: list[int],
    day: int,
    cash: float,
    least_size: float,
) -> list[int]:
    """Rows bought in their order; limits are tested on what contracts owe, with the purchase."""
    by_borrower: dict[int, float] = {}
    by_region: dict[int, float] = {}
    total = points = 0.0
    for row, _ in held:
        balance, _, _, ends, borrower, region, score = loans[int(row)]
        assert ends > day
        by_borrower[borrower] = by_borrower.get(borrower, 0.0) + balance
        by_region[region] = by_region.get(region, 0.0) + balance
        total += balance
        points += balance * score
    bought = []
    for row in offers:
        balance, _, _, _, borrower, region, score = loans[row]
        size = max(total + balance, least_size)
        mean = (points + balance * score) / (total + balance)
        if (
            PRICE * balance > cash
            or by_borrower.get(borrower, 0.0) + balance > BORROWER * size * (1 + 1e-12)
            or by_region.get(region, 0.0) + balance > REGION * size * (1 + 1e-12)
            or (mean < SCORE and mean < points / total)
        ):
            continue
        bought.append(row)
        cash -= PRICE * balance
        by_borrower[borrower] = by_borrower.get(borrower, 0.0) + balance
        by_region[region] = by_region.get(region, 0.0) + balance
        total += balance
        points += balance * score
    return bought


def compare(run: DealRun, plain: dict[str, FloatArray]) -> None:
    """Raise AssertionError where a day differs by more than a millionth of the pool."""
    size = 1e-6 * float(run.closing.pool[0])
    assert plain["purchases"].sum() > run.closing.pool[0]
    for name in NAMES:
        got = run.cash[:, 0, 0] if name == "cash" else run.of(name)[0]
        np.testing.assert_allclose(got, plain[name], rtol=0.0, atol=size, err_msg=name)
