"""The plan against what happened: both bridges add up, and each driver says what it should."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from scfcap.funding.outturn import COMPANY, LOAN_FLOWS, Debt, Holder, Outturn
from scfcap.funding.variance import DRIVERS, flexed, variance

ENDS = (date(2014, 1, 31), date(2014, 2, 28))
YEAR = np.array([1.0, 1.0]) / 12.0
OWN, BUYER = "own_capital", "bank_transfer:b"


def test_the_webb_company():
    """Horngren, Datar, Rajan, Cost Accounting, 14th ed., Exhibit 7-2 [USD]: 12,000 jackets planned
    at 120, with variable costs of 60, 16 and 12 and fixed costs of 276,000; 10,000 made and sold.
    """
    lines = {  # plan's rate, plan's volume, actual volume, actual
        "revenues": (120.0, 12_000, 10_000, 1_250_000.0),
        "materials": (-60.0, 12_000, 10_000, -621_600.0),
        "labor": (-16.0, 12_000, 10_000, -198_000.0),
        "overhead": (-12.0, 12_000, 10_000, -130_500.0),
        "fixed": (-276_000.0, 1, 1, -285_000.0),
    }
    parts = {name: flexed(*map(np.array, line)) for name, line in lines.items()}
    assert sum(volume for volume, _ in parts.values()) == -64_000.0
    assert sum(rate for _, rate in parts.values()) == pytest.approx(-29_100.0)
    assert parts["revenues"][1] == 50_000.0
    assert parts["materials"][1] == pytest.approx(-21_600.0)


def outturn(opening=100.0, debt=None, holder=None, company=None, cash=50.0, **flows):
    """A company with one segment in two places: its own book, and a buyer's."""
    loans = {name: np.zeros((1, 2, 2)) for name in LOAN_FLOWS}
    for name, values in flows.items():
        if name == "sold":
            loans["bought"][0] = [-np.array(values), values]
        else:
            loans[name][0, 0] = values
    start = np.array([[opening, 0.0]])
    moved = loans["lent"] + loans["bought"] - loans["repaid"] - loans["defaulted"]
    made = Outturn(
        ends=ENDS,
        year=YEAR,
        segments=("s",),
        places=(OWN, BUYER),
        loans=loans,
        opening=start,
        closing=start + moved.sum(axis=2),
        lenders={} if debt is None else {"bank": debt},
        holders={} if holder is None else {BUYER: holder},
        series={},
        p2p=None,
        company={name: np.zeros(2) for name in COMPANY} | (company or {}),
        cash=(cash, 0.0),
        capital=(100.0, 0.0),
        inside={name: np.zeros((1, 2, 2)) for name in LOAN_FLOWS},
    )
    object.__setattr__(made, "cash", (cash, cash + float(made.free_cash_flow().sum())))
    owners = float((made.company["paid_in"] - made.company["dividends"]).sum())
    object.__setattr__(made, "capital", (100.0, 100.0 + float(made.net_income().sum()) + owners))
    return made


def compared(plan, actual, opex_rate=0.0):
    """Both bridges by driver; they add up to the differences."""
    found = variance(plan, actual, opex_rate)
    bridge = found.bridge().set_index("driver")
    assert list(bridge.index) == list(DRIVERS)
    assert bridge["income"].sum() == pytest.approx(found.income[1] - found.income[0], abs=1e-9)
    assert bridge["cash"].sum() == pytest.approx(found.cash[1] - found.cash[0], abs=1e-9)
    told = bridge[(bridge[["income", "cash"]].abs() > 1e-9).any(axis=1)]
    return {
        str(name): (pytest.approx(income, abs=1e-9), pytest.approx(cash, abs=1e-9))
        for name, income, cash in told[["income", "cash"]].itertuples()
    }


#: A fifth is repaid, 2% is earned and 1% defaults of what stands, of which half is lost.
PLAN = {
    "lent": [10.0, 10.0],
    "repaid": [20.0, 17.8],  # stands before: 100, then 100 + 10 - 20 - 1 = 89
    "interest": [2.0, 1.78],
    "defaulted": [1.0, 0.89],
    "lost": [0.5, 0.445],
}


def test_what_is_as_planned_does_nothing():
    assert compared(outturn(**PLAN), outturn(**PLAN)) == {}


def test_more_lending_earns_repays_and_defaults_at_the_plans_rates():
    """By hand: 20 more stand in the second period: 0.4 earned, 4 repaid, 0.2 gone, 0.1 lost."""
    actual = PLAN | {
        "lent": [30.0, 10.0],
        "repaid": [20.0, 21.8],
        "interest": [2.0, 2.18],
        "defaulted": [1.0, 1.09],
        "lost": [0.5, 0.545],
    }
    assert compared(outturn(**PLAN), outturn(**actual)) == {"lending": (0.3, -15.6)}


def test_each_driver_has_its_own():
    """By hand. The first period: 5 repaid early, 2 more default, so that 7 less stand after it.

    They would have earned 2%, repaid a fifth and lost 0.5%: 0.1, 1 and 0.025 of the early ones,
    0.04, 0.4 and 0.01 of the defaults. Interest is 0.3 above 2% of 82, and a default of 1.5 costs
    0.2 more than a half in the second period; 0.7 come back.
    """
    actual = PLAN | {
        "repaid": [25.0, 16.4],
        "interest": [2.0, 1.94],
        "defaulted": [3.0, 0.82],
        "lost": [1.5, 0.61],
        "recovered": [0.0, 0.7],
    }
    assert compared(outturn(**PLAN), outturn(**actual)) == {
        "prepayment": (-0.1 + 0.025, 5.0 - 0.1 - 1.0),
        "defaults": (-2.0 * 0.5 - 0.04 + 0.01, -0.04 - 0.4),
        "yield": (0.3, 0.3),
        "severity and recoveries": (-0.2, 0.7),
    }


def test_sales_and_their_price():
    """By hand: 20 sold at 99% in place of 10 at par; 10 less stand and bring 0.2, 2 and 0.05."""
    none = np.zeros(2)
    plan = PLAN | {
        "sold": [10.0, 0.0],
        "repaid": [20.0, 15.8],
        "interest": [2.0, 1.58],
        "defaulted": [1.0, 0.79],
        "lost": [0.5, 0.395],
    }
    actual = PLAN | {
        "sold": [20.0, 0.0],
        "repaid": [20.0, 13.8],
        "interest": [2.0, 1.38],
        "defaulted": [1.0, 0.69],
        "lost": [0.5, 0.345],
    }
    found = compared(
        outturn(**plan, holder=Holder(np.array([10.0, 0.0]), none, none, none)),
        outturn(**actual, holder=Holder(np.array([19.8, 0.0]), none, none, none)),
    )
    assert found == {"sales": (-0.2 + 0.05, 10.0 - 0.2 - 2.0), "sale price": (-0.2, -0.2)}


def test_funding_by_volume_and_price():
    """By hand: 40 stand in place of 30 in the second period, at 1.2% in place of 1%."""
    rate = np.array([0.01, 0.01])
    plan = Debt(20.0, np.array([10.0, 0.0]), np.zeros(2), np.array([0.2, 0.3]), 30.0, rate)
    actual = Debt(20.0, np.array([20.0, 0.0]), np.zeros(2), np.array([0.2, 0.48]), 40.0)
    found = compared(outturn(**PLAN, debt=plan), outturn(**PLAN, debt=actual))
    assert found == {"funding volume": (-0.1, 9.9), "funding price": (-0.08, -0.08)}


def test_what_the_company_pays():
    """Running cost moves with the loans at the rate of the model; tax is paid later; owners pay in.

    By hand: 20 more loans stand in the second period, at 12% a year 0.2 for a month.
    """
    more = PLAN | {
        "lent": [30.0, 10.0],
        "repaid": [20.0, 21.8],
        "interest": [2.0, 2.18],
        "defaulted": [1.0, 1.09],
        "lost": [0.5, 0.545],
    }
    plan = {"running_cost": np.array([1.0, 0.9]), "tax": np.array([0.3, 0.3])}
    plan["tax_paid"] = plan["tax"]
    actual = {
        "running_cost": np.array([1.0, 1.4]),
        "tax": np.array([0.3, 0.5]),
        "tax_paid": np.array([0.3, 0.0]),
        "paid_in": np.array([0.0, 7.0]),
        "dividends": np.array([2.0, 0.0]),
        "provisions": np.array([0.0, 0.25]),
        "cash_interest": np.array([0.0, 0.05]),
    }
    found = compared(outturn(**PLAN, company=plan), outturn(**more, company=actual), 0.12)
    assert found == {
        "lending": (0.3 - 0.2, -15.6 - 0.2),
        "running cost": (-0.3, -0.3),
        "interest on cash": (0.05, 0.05),
        "provisions": (-0.25, 0.0),
        "tax": (-0.2, -0.2),
        "timing": (0.0, 0.5),
        "owners": (0.0, 5.0),
    }


def test_what_balances_do_not_say_is_unexplained():
    actual = outturn(**PLAN)
    object.__setattr__(actual, "cash", (actual.cash[0], actual.cash[1] + 0.3))
    assert compared(outturn(**PLAN), actual) == {"unexplained": (0.0, 0.3)}
