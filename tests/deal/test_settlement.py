"""Purchases by day and by week between payment dates, against plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from scfcap.deal.engine import run_deal
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.structure import Deal
from scfcap.periods import PeriodGrid

from .dealing import spec_of
from .loans import CLOSING, Loan, curves_of, stock_of

PRICE, COUPON, FEE, YIELD, RESERVE = 0.99, 0.07, 0.012, 0.004, 40.0


def terms(frequency: str, every: int, first: date | None) -> dict[str, Any]:
    settlement = {
        "frequency": frequency,
        "payment_every": every,
        "steps": {
            "revolving": [{"pay": "purchase", "keep": 25.0}],
            "amortising": [{"pay": "transfer", "to": "held"}],
        },
    }
    return {
        "day_count": "act/365",
        "assets": {"price": PRICE},
        "accounts": {
            "collection": {"earns": YIELD},
            "held": {},
            "reserve": {"target": RESERVE, "initial": RESERVE},
        },
        "settlement": settlement | ({} if first is None else {"first_payment": first}),
        "fees": {"servicer": {"rate": FEE}},
        "tranches": {
            "senior": {"balance": 2000.0, "coupon": COUPON},
            "equity": {"kind": "equity", "balance": 500.0},
        },
        "phases": (
            {"name": "revolving", "until": CLOSING + timedelta(days=100)},
            {"name": "amortising"},
        ),
        "waterfall": {
            "revolving": [
                {"pay": "fee", "to": "servicer", "from": ["collection", "reserve"]},
                {"pay": "interest", "to": "senior", "from": ["collection", "reserve"]},
                {"pay": "account", "to": "reserve"},
                {"pay": "purchase"},
            ],
            "amortising": [
                {"pay": "transfer", "to": "collection", "from": "held"},
                {"pay": "fee", "to": "servicer"},
                {"pay": "interest", "to": "senior"},
                {"pay": "principal", "to": "senior"},
                {"pay": "residual", "to": "equity"},
            ],
        },
    }


def book() -> list[Loan]:
    """60 loans held and 200 on offer, of 20 to 70 days."""
    draw = np.random.default_rng(11)
    found = [
        Loan(f"h{n}", float(draw.integers(20, 60)), term=int(draw.integers(5, 70)), rate=0.18)
        for n in range(60)
    ]
    for n in range(200):
        day = int(draw.integers(1, 130))
        term = int(draw.integers(20, 71))
        found.append(Loan(f"o{n}", float(draw.integers(10, 80)), day=day, term=term, rate=0.15))
    return found


@dataclass
class Plain:
    """The deal of :func:`terms`, written down day by day or week by week."""

    ends: list[date]
    pays: list[bool]
    year: float
    loans: list[Loan]
    cash: list[float] = field(default_factory=list)
    reserve: list[float] = field(default_factory=list)
    pool: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    senior: list[float] = field(default_factory=list)
    interest: list[float] = field(default_factory=list)

    def run(self) -> Plain:
        days = [(end - CLOSING).days for end in self.ends]
        # (balance, rate, last day); a loan on offer is made at the end of the period of its day
        inside = [(loan.balance, loan.rate, loan.term) for loan in self.loans if loan.day < 0]
        pool = opening = sum(balance for balance, _, _ in inside)
        cash, held, reserve, senior, fee, owed = 0.0, 0.0, RESERVE, 2000.0, 0.0, 0.0
        before = 0
        for end, day, pays in zip(self.ends, days, self.pays, strict=True):
            earned = cash * YIELD * self.year
            for balance, rate, last in inside:
                # of the period in which it ends, interest runs to its last day
                share = min(1.0, (last - before) / (day - before))
                earned += balance * rate * self.year * share
            repaid = sum(balance for balance, _, last in inside if last <= day)
            inside = [each for each in inside if each[2] > day]
            pool -= repaid
            cash += earned + repaid
            paid_interest = 0.0
            length = (end - (CLOSING + timedelta(days=before))).days / 365
            fee += FEE * opening * length
            owed += COUPON * senior * length
            revolving = self._phase(end)
            spent = 0.0
            if pays:
                if not revolving:
                    cash, held = cash + held, 0.0
                helps = revolving
                for due in (fee, owed):
                    assert due <= cash + (reserve if helps else 0.0)
                    out = min(due, cash)
                    cash -= out
                    reserve -= due - out
                paid_interest, fee, owed = owed, 0.0, 0.0
                if revolving:
                    fill = min(RESERVE - reserve, cash)
                    cash, reserve = cash - fill, reserve + fill
                    spent = self._buy(inside, before, day, cash)
                else:
                    principal = min(senior, cash)
                    senior, cash = senior - principal, cash - principal
                    cash = 0.0  # what is left goes to equity
            elif revolving:
                spent = self._buy(inside, before, day, cash - 25.0)
            else:
                cash, held = 0.0, held + cash
            cash -= spent
            pool += spent / PRICE
            if pays:
                opening = pool
            before = day
            for values, value in (
                (self.cash, cash + held), (self.reserve, reserve), (self.pool, pool),
                (self.spent, spent), (self.senior, senior), (self.interest, paid_interest),
            ):  # fmt: skip
                values.append(value)
        return self

    _turned: bool = False

    def _phase(self, end: date) -> bool:
        """Whether the deal revolves: the phase changes on the first payment date after 100 days."""
        at = self.ends.index(end)
        if self.pays[at] and end > CLOSING + timedelta(days=100):
            self._turned = True
        return not self._turned

    def _buy(self, inside: list[Any], before: int, day: int, cash: float) -> float:
        offers = [loan for loan in self.loans if before < loan.day <= day]
        spent = 0.0
        for loan in sorted(offers, key=lambda loan: loan.day):
            if PRICE * loan.balance <= cash - spent:
                spent += PRICE * loan.balance
                inside.append((loan.balance, loan.rate, day + loan.term))
        return spent


@pytest.mark.parametrize(
    ("frequency", "periods", "every", "first"),
    [
        ("day", 180, 30, None),
        ("day", 180, 30, date(2020, 2, 10)),
        ("week", 26, 4, None),
        ("week", 26, 2, date(2020, 1, 28)),
    ],
)
def test_against_plain_python(frequency: Any, periods: int, every: int, first: date | None) -> None:
    spec = spec_of(terms(frequency, every, first))
    grid = PeriodGrid.build(CLOSING, periods, frequency)
    deal, loans = Deal.of("test", spec, grid), book()
    curves = curves_of(periods, frequency=frequency)
    result = run_deal(deal, LoanAssets(stock_of(loans), curves, price=PRICE))
    year = float(grid.year_fractions[0])
    plain = Plain(list(grid.ends), deal.calendar.pays.tolist(), year, loans).run()

    cash = result.cash[:, :, 0]
    assert plain.cash == pytest.approx((cash[:, 0] + cash[:, 1]).tolist())
    assert plain.reserve == pytest.approx(cash[:, 2].tolist())
    assert plain.pool == pytest.approx(result.of("pool")[0].tolist(), abs=1e-9)
    assert plain.spent == pytest.approx(result.of("purchases")[0].tolist())
    assert plain.senior == pytest.approx(result.of("balance", "senior")[0].tolist(), abs=1e-9)
    assert plain.interest == pytest.approx(result.of("interest_paid", "senior")[0].tolist())
    bought_between = np.array(plain.spent)[~deal.calendar.pays]
    assert (bought_between > 0.0).sum() > periods // 5
    assert min(plain.senior) < 2000.0
