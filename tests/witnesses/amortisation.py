"""Schedules in cents beside printed examples, numpy-financial and QuantLib."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import numpy_financial
import QuantLib

from scfcap.cashflow.contract import Contract, Schedule, level_payment, schedule

from .book import Figure, Witness, alike, golden, known, near, within
from .daycounts import quantlib_day

START = date(2024, 1, 1)


def paid(kind: str, principal: float, rate: float, payments: int, **more: Any) -> Schedule:
    """Payments of a loan from the first of a year, where months are twelfths."""
    return schedule(Contract(kind, principal, rate, START, payments, **more)).payments


def in_cents() -> Iterator[Witness]:
    """Level payments rounded to the cent, row by row."""
    table = golden("amortisation/level_payment_in_cents")
    for loan in table["inputs"]["loans"]:
        expected = table["expected"][loan["id"]]
        got = paid(loan["type"], loan["principal"], loan["annual_rate"], loan["periods"])
        found: list[Figure] = []
        for name in ("interest", "principal", "balance"):
            found += alike(f"{name}, payment", expected[name], getattr(got, name), within(table))
        total = near("interest in all", expected["total_interest"], got.interest.sum(), 1e-9)
        yield Witness(
            f"Level payments in cents, {loan['periods']} months at {loan['annual_rate']:.0%}",
            "cashflow.contract.schedule", "exact rational arithmetic", known(table),
            (*found, total), "currency", table="amortisation/level_payment_in_cents",
        )  # fmt: skip


def excel_pmt() -> Iterator[Witness]:
    """PMT(8%/12, 10, 10000), IPMT(10%/12, 1, 36, 8000), PPMT(10%/12, 1, 24, 2000) by Excel."""
    table = golden("amortisation/excel_time_value_shared")
    expected, tol = table["expected"], within(table)
    third = paid("level_payment", 8_000, 0.10, 36)
    second = paid("level_payment", 2_000, 0.10, 24)
    yearly = paid("level_payment", 200_000, 0.08, 10, every="year")
    figures = (
        near("PMT, a loan", -expected["pmt_loan"], level_payment(10_000, 0.08, 10), tol),
        near("IPMT, month 1", -expected["ipmt_month_1"], third.interest[0], tol),
        near("PPMT, month 1", -expected["ppmt_month_1"], second.principal[0], tol),
    )
    yield Witness(
        "Payment and its parts", "cashflow.contract.level_payment, schedule",
        "Microsoft Excel function reference: PMT, IPMT, PPMT", known(table), figures, "currency",
        table="amortisation/excel_time_value_shared",
    )  # fmt: skip
    # The payment is rounded to the cent; the last takes ten half cents and their interest.
    last = near("PPMT, year 10", -expected["ppmt_year_10"], yearly.principal[-1], 0.08)
    yield Witness(
        "Last payment, which takes what rounding left", "cashflow.contract.schedule",
        "Microsoft Excel function reference: PPMT", known(table), (last,), "currency",
        table="amortisation/excel_time_value_shared",
    )  # fmt: skip


def first_payment() -> Witness:
    """BMA, Uniform Practices, ch. SF, B.1: 9.5% gross over 360 months, of par 100 million."""
    table = golden("amortisation/bma_first_passthrough_payment")
    given, expected, tol = table["inputs"], table["expected"], within(table)
    par = 100_000_000.0
    got = paid("level_payment", par, given["gross_coupon"], given["term_months"])
    figures = (
        near("gross interest", expected["gross_interest"], got.interest[0] / par, tol),
        near("amortization", expected["scheduled_amortization"], got.principal[0] / par, tol),
    )
    return Witness(
        "First payment of a mortgage, of par", "cashflow.contract.schedule",
        "BMA, Uniform Practices (1999), pp. SF-4 to SF-5", known(table), figures, "share",
        table="amortisation/bma_first_passthrough_payment",
    )  # fmt: skip


def numpy_financial_splits() -> Iterator[Witness]:
    """Interest and principal of level payments, as numpy-financial splits them, unrounded."""
    random = np.random.default_rng(7)
    found: dict[str, list[Figure]] = {"interest": [], "principal": []}
    payments: list[Figure] = []
    for _ in range(20):
        principal = round(float(random.uniform(1_000, 1_000_000)), 2)
        rate, count = float(random.uniform(0.01, 0.4)), int(random.integers(2, 61))
        step, number = rate / 12, np.arange(1, count + 1)
        got = paid("level_payment", principal, rate, count)
        level = -numpy_financial.pmt(step, count, principal)
        said = f"{principal:,.2f} at {rate:.2%} in {count}"
        payments.append(near(said, level, level_payment(principal, rate, count), 0.0051))
        # Half a cent of payment and of interest each time, and what they earn.
        slack = 0.0101 * count * (1 + step) ** count
        for name, peer in (("interest", "ipmt"), ("principal", "ppmt")):
            split = -getattr(numpy_financial, peer)(step, number, count, principal)
            found[name] += alike(f"{said}, payment", split, getattr(got, name), slack)
    yield Witness(
        "Level payment of 20 loans, to the cent", "cashflow.contract.level_payment",
        "numpy-financial, pmt", "peer", tuple(payments), "currency",
    )  # fmt: skip
    for name, peer in (("interest", "ipmt"), ("principal", "ppmt")):
        yield Witness(
            f"Their {name}, payment by payment", "cashflow.contract.schedule",
            f"numpy-financial, {peer}", "peer", tuple(found[name]), "currency",
        )  # fmt: skip


def quantlib_sinking() -> Witness:
    """Balances of an amortising bond, unrounded: 24 months at 9%."""
    rate, count, start = 0.09, 24, date(2015, 3, 20)
    period = QuantLib.Period(count, QuantLib.Months)
    notionals = QuantLib.sinkingNotionals(period, QuantLib.Monthly, rate, 1e5)
    got = schedule(Contract("level_payment", 1e5, rate, start, count))
    figures = alike("balance", list(notionals), got.balance, 0.01 * count)
    return Witness(
        "Balances of a loan of 24 months at 9%", "cashflow.contract.schedule",
        "QuantLib, sinkingNotionals", "peer", tuple(figures), "currency",
    )  # fmt: skip


def quantlib_coupons() -> Witness:
    """Interest of a bond with an odd first period, by months, modified following on TARGET."""
    start, last, rate = date(2014, 1, 13), date(2016, 3, 31), 0.0435
    calendar, count = QuantLib.TARGET(), QuantLib.Actual360()
    rule = QuantLib.ModifiedFollowing
    days = QuantLib.Schedule(
        quantlib_day(start), quantlib_day(last), QuantLib.Period(1, QuantLib.Months), calendar,
        rule, rule, QuantLib.DateGeneration.Backward, False,
    )  # fmt: skip
    bond = QuantLib.FixedRateBond(0, 1e6, days, [rate], count, rule)
    loan = Contract(
        "interest_only_bullet", 1e6, rate, start, maturity=last, every="month",
        day_count="act/360", calendar="TARGET", convention="modified_following",
    )  # fmt: skip
    got = schedule(loan).payments
    coupons = [flow.amount() for flow in list(bond.cashflows())[:-1]]
    figures = alike("payment", coupons, got.interest, 0.0051)
    return Witness(
        "Interest of 1,000,000 over 27 odd months, act/360, TARGET", "cashflow.contract.schedule",
        "QuantLib, FixedRateBond", "peer", tuple(figures), "currency",
    )  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from in_cents()
    yield from excel_pmt()
    yield first_payment()
    yield from numpy_financial_splits()
    yield quantlib_sinking()
    yield quantlib_coupons()
