"""Published deals, written in the grammar of deals and run by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from scfcap.cashflow.yields import average_life, payment_times
from scfcap.credit.speeds import per_period
from scfcap.deal.accounts import SeriesFlows
from scfcap.deal.analytics import principal_window
from scfcap.deal.assets import GivenAssets
from scfcap.deal.outcome import DealRun
from scfcap.deal.paydown import decrement
from scfcap.quantities import FloatArray
from tests.deal.dealing import pool_of, run

from .book import Figure, Witness, alike, golden, known, near, within

FJF01 = "deals/fjf01_sequential_shared"
REMIC = "deals/fnma_remic_2019_2_group3"
Z_BOND = "deals/bma_sf57_accrual_average_life"
ENGINE = "deal.engine.run_deal"


def pass_through(inputs: dict[str, Any], speeds: list[float]) -> SeriesFlows:
    """A level-payment pass-through at several PSA speeds, no defaults; scenarios are speeds.

    Month t of the pass-through is loan month ``t + seasoning``; CPR rises by 0.2 points a month
    to 6% at month 30, times the speed; prepayment is taken after scheduled principal.
    """
    months, rate = inputs["wam_months"], inputs["wac"] / 12.0
    balance = np.full(len(speeds), inputs["balance"])
    pool, interest, principal = [balance], [], []
    for t in range(1, months + 1):
        age = t + inputs["seasoning_months"]
        cpr = 0.06 * min(age, 30) / 30.0 * np.array(speeds) / 100.0
        left = months - t + 1
        scheduled = balance * rate / ((1.0 + rate) ** left - 1.0)
        prepaid = (balance - scheduled) * per_period(cpr, 1.0 / 12.0)
        interest.append(balance * inputs["passthrough_rate"] / 12.0)
        principal.append(scheduled + prepaid)
        balance = balance - scheduled - prepaid
        pool.append(balance)
    return _flows(np.array(interest).T, np.array(principal).T, np.array(pool).T, speeds)


def _flows(
    interest: FloatArray, principal: FloatArray, pool: FloatArray, speeds: list[float]
) -> SeriesFlows:
    none = np.zeros_like(interest)
    names = tuple(f"psa_{speed:g}" for speed in speeds)
    return SeriesFlows(interest, principal, none, none, none, pool, names)


def securities(inputs: dict[str, Any]) -> GivenAssets:
    """The pool at each speed: scenarios are named ``psa_...``."""
    flows = pass_through(inputs, inputs["psa"])
    return GivenAssets(
        flows.pool[:, 0], flows.interest, flows.principal, flows.default, flows.recovery,
        flows.pool[:, 1:], flows.scenarios,
    )  # fmt: skip


@cache
def fjf01() -> DealRun:
    """The sequential deal of Fabozzi's book, at all speeds."""
    inputs = golden(FJF01)["inputs"]
    names = list(inputs["tranches"])
    terms = {
        "day_count": "act/act-icma",
        "tranches": {
            name: {"balance": size, "coupon": inputs["coupon"]}
            for name, size in inputs["tranches"].items()
        },
        "waterfall": {"amortising": [
            {"pay": "interest", "to": names},
            {"pay": "principal", "to": names, "split": "in order"},
            {"pay": "residual"},
        ]},
    }  # fmt: skip
    return run(terms, securities(inputs), inputs["wam_months"])


def windows_and_lives(
    table: dict[str, Any], lives: FloatArray, principal: FloatArray, scenarios: tuple[str, ...],
    tranches: tuple[str, ...],
) -> tuple[list[Figure], list[Figure]]:  # fmt: skip
    """First and last months and average lives of FJF-01's classes: lives [K, J], paid [K, J, T]."""
    windows: list[Figure] = []
    years: list[Figure] = []
    for speed, classes in table["expected"].items():
        k = scenarios.index(speed)
        for name, row in classes.items():
            j = tranches.index(name)
            said = f"{speed.removeprefix('psa_')} PSA, {name}"
            first, last = principal_window(principal[k, j])
            windows.append(near(f"{said}, first month", row["first_month"], first, 0.0))
            windows.append(near(f"{said}, last month", row["last_month"], last, 0.0))
            years.append(near(said, row["average_life_years"], lives[k, j], within(table)))
    return windows, years


def sequential() -> Iterator[Witness]:
    """FJF-01: windows of principal and average lives at three speeds."""
    made, table = fjf01(), golden(FJF01)
    times = payment_times(made.deal.calendar.grid.year_fractions)
    paid = made.of("principal")
    lives = average_life(paid, times)
    windows, years = windows_and_lives(
        table, lives, paid, made.scenarios, tuple(made.deal.tranches)
    )
    source, how = "Fabozzi, Bond Markets, CMO FJF-01", known(table)
    yield Witness("Windows of principal of four classes", ENGINE, source, how, tuple(windows),
                  "months", table=FJF01)  # fmt: skip
    yield Witness("Average lives of four classes", ENGINE, source, how, tuple(years), "years",
                  table=FJF01)  # fmt: skip


@cache
def remic() -> DealRun:
    """Group 3 of Fannie Mae REMIC 2019-2: a class and the strip beside it, traced."""
    inputs = golden(REMIC)["inputs"]
    terms = {
        "closing": date(2019, 1, 25),
        "day_count": "act/act-icma",
        "tranches": {
            "AB": {"balance": float(inputs["balance"]), "coupon": inputs["class_ab_coupon"]},
            "IO": {
                "kind": "interest_only",
                "coupon": inputs["io_rate"],
                "notional": f"{inputs['io_notional_fraction_of_ab']} * balance.AB",
            },
        },
        "waterfall": {"amortising": [
            {"pay": "interest", "to": ["AB", "IO"]},
            {"pay": "principal", "to": "AB"},
            {"pay": "residual"},
        ]},
    }  # fmt: skip
    pool = inputs | {
        "wam_months": inputs["remaining_term_months"],
        "seasoning_months": inputs["loan_age_months"],
        "wac": inputs["loan_rate"],
    }
    return run(terms, securities(pool), inputs["remaining_term_months"], trace=True)


def decrements() -> Iterator[Witness]:
    """Whole percents of AB outstanding after each January, and average lives."""
    made, table = remic(), golden(REMIC)
    source, how = "Fannie Mae REMIC Trust 2019-2, prospectus supplement, ", known(table)
    lives = []
    settlement = date.fromisoformat(table["inputs"]["settlement"])
    told = decrement(made, "AB", settlement=settlement)
    for speed, row in table["expected"].items():
        balance = made.of("balance", "AB")[made.scenarios.index(speed)]
        found = []
        for year, percent in row["percent_outstanding_ab"].items():
            month = 12 * (int(year) - 2019)  # distribution 1 is February 2019's
            left = balance[month - 1] if month <= len(balance) else 0.0
            ours = 100.0 * left / table["inputs"]["balance"]
            found.append(near(f"January {year}", percent, ours, within(table)))
        said = f"{speed.removeprefix('psa_')} PSA"
        yield Witness(f"Class AB outstanding at {said}", f"{ENGINE}", source + "p. S-14", how,
                      tuple(found), "%", table=REMIC)  # fmt: skip
        if "average_life_years" in row:
            years = told.average_life[told.speeds.index(speed)]
            tol = within(table, "average_life_years")
            lives.append(near(said, row["average_life_years"], years, tol))
    yield Witness("Average lives of class AB", "deal.paydown.decrement", source + "p. S-14", how,
                  tuple(lives), "years", table=REMIC)  # fmt: skip


@cache
def z_bond() -> DealRun:
    """Years: 10 accrues, 11 is paid as it accrues, and in the third year 110 with 11."""
    inputs = golden(Z_BOND)["inputs"]
    terms = {
        "day_count": "act/act-icma",
        "settlement": {"payment_every": 12},
        "tranches": {
            "Z": {
                "kind": "accrual",
                "balance": float(inputs["balance"]),
                "coupon": inputs["periodic_rate"],
                "accretes_while": "payment < 2",
            }
        },
        "waterfall": {"amortising": [
            {"pay": "interest", "to": "Z"}, {"pay": "principal", "to": "Z"},
        ]},
    }  # fmt: skip
    cash = np.zeros(36)
    cash[11::12] = inputs["net_cash_flows"]
    return run(terms, pool_of(cash.sum(), cash), 36)


def accrual_bond() -> Iterator[Witness]:
    """The accrual bond of the Uniform Practices, through the engine."""
    made, table = z_bond(), golden(Z_BOND)
    inputs, expected = table["inputs"], table["expected"]
    paid = made.of("interest_paid", "Z")[0] + made.of("principal", "Z")[0]
    principal = made.of("principal", "Z")[0, 11::12]
    net = principal - made.of("accreted", "Z")[0, 11::12]
    years, size = np.array([1.0, 2.0, 3.0]), inputs["balance"]
    amounts = (
        *alike("paid, year", inputs["net_cash_flows"], paid[11::12], 0.0, rel=1e-12),
        *alike("principal, year", expected["principal"], net, 1e-9),
    )
    lives = (
        near("accrual counted", expected["gpm_arm_average_life"], (net * years).sum() / size, 1e-9),
        near(
            "accrual left out", expected["z_bond_average_life"],
            average_life(principal[None], years)[0], 1e-9,
        ),
    )  # fmt: skip
    source, how = "BMA, Uniform Practices (1999), p. SF-57", known(table)
    yield Witness("An accrual bond's payments", ENGINE, source, how, amounts, "currency",
                  table=Z_BOND)  # fmt: skip
    yield Witness("Its average lives", ENGINE, source, how, lives, "years", table=Z_BOND,
                  )  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from sequential()
    yield from decrements()
    yield from accrual_bond()
