"""Prices, yields, durations and returns beside printed examples and other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import numpy_financial
import QuantLib
from scipy.optimize import brentq

from scfcap.cashflow.returns import irr, mirr, npv, xirr, xnpv
from scfcap.cashflow.yields import (
    average_life,
    bond_equivalent_yield,
    effective,
    measures,
    mortgage_yield,
    payment_times,
    present_value,
    total_return,
    yield_of,
)

from .book import Figure, Witness, alike, golden, known, near, within

GINNIE = "yields/bma_sf50_ginnie_price_yield"
SF50 = "BMA, Uniform Practices (1999), pp. SF-50 to SF-51"


def ginnie() -> dict[str, Any]:
    """BMA, Uniform Practices, pp. SF-50 to SF-51: a new 9% Ginnie Mae at 150 PSA, at par.

    With the security's flows per 100 of par: ``principal``, ``interest``, ``closing``, ``times``.
    """
    table = golden(GINNIE)
    inputs = table["inputs"]
    term = inputs["term_months"]
    month = np.arange(1, term + 1)
    cpr = 0.002 * np.minimum(month, 30) * inputs["psa"] / 100
    growth = 1 + inputs["gross_coupon"] / 12
    scheduled = (1 - growth ** (month - float(term))) / (1 - growth**-term)
    closing = 100 * scheduled * np.cumprod((1 - cpr) ** (1 / 12))
    opening = np.concatenate([[100.0], closing[:-1]])
    return table | {
        "principal": opening - closing,
        "interest": opening * inputs["net_coupon"] / 12,
        "closing": closing,
        "times": payment_times(np.full(term, 1 / 12), delay_days=inputs["actual_delay_days"]),
    }


def _of(table: dict[str, Any], what: str, by: str, got: dict[str, Any]) -> Witness:
    """The printed figures that ``got`` has by name, within half their last digit."""
    figures = tuple(
        near(name.replace("_", " "), table["expected"][name], value, within(table, name))
        for name, value in got.items()
    )
    return Witness(what, by, SF50, known(table), figures, table=GINNIE)


def price_and_yield() -> Iterator[Witness]:
    """Cash flows, yields, life, durations and price of the Ginnie Mae."""
    table = ginnie()
    flows = table["principal"] + table["interest"]
    printed = {f"cf_{month}": flows[month - 1] for month in (1, 2, 3, 360)}
    yield _of(table, "Cash of a Ginnie Mae at 150 PSA, of 100", "cashflow.yields.payment_times",
              printed)  # fmt: skip
    legs = (table["principal"], table["interest"], table["times"])
    found = measures(*legs, price=table["inputs"]["price"])
    got = {
        "yield_percent": found.rate * 100,
        "mortgage_yield_percent": found.mortgage * 100,
        "average_life_years": found.average_life,
        "duration_years": found.macaulay,
        "modified_duration_years": found.modified,
        "convexity_years2": found.convexity,
        "price_with_accrued": measures(*legs, rate=found.rate).price,
    }
    yield _of(table, "Its yields, average life, durations and price", "cashflow.yields.measures",
              got)  # fmt: skip


def effective_duration() -> Witness:
    """The prices of the moved projections are given; ours are asked for with the same moves."""
    table = ginnie()
    inputs = table["inputs"]
    prices = {0.0: 100.0, 0.001: inputs["price_up_10bp"], -0.001: inputs["price_down_10bp"]}
    found = effective(prices.__getitem__)
    got = {
        "effective_duration_years": found.duration,
        "effective_convexity_years2": found.convexity,
    }
    return _of(table, "Its effective duration and convexity", "cashflow.yields.effective", got)


def returned() -> Witness:
    """Total return over three months, sold at the same yield."""
    table = ginnie()
    inputs = table["inputs"]
    flows = table["principal"] + table["interest"]
    rate = yield_of(inputs["price"], flows, table["times"])
    left = payment_times(np.full(357, 1 / 12), delay_days=inputs["actual_delay_days"])
    sale = present_value(flows[3:], left, rate)
    factor = table["closing"][2] / 100
    found = total_return(
        inputs["price"],
        flows[:3],
        table["times"][:3],
        years=inputs["holding_days"] / 360,
        sale_price=sale,
        reinvestment_rate=inputs["reinvestment_rate"],
    )
    got = {
        "pool_factor": factor,
        "sale_price": sale / factor,
        "horizon_value": found.horizon_value,
        "total_rate_of_return_percent": found.rate * 100,
        "total_percentage_return": found.share * 100,
    }
    return _of(table, "Its total return of three months", "cashflow.yields.total_return", got)


def equivalents() -> Witness:
    """Bond-equivalent yield of a mortgage yield, and back."""
    name = "yields/bond_equivalent_and_mortgage_yield"
    table, found = golden(name), []
    for key, expected in table["expected"].items():
        ours = bond_equivalent_yield(float(key))
        found.append(near(f"{key} by the month", expected, ours, 1e-12))
        found.append(near(f"back to {key}", float(key), mortgage_yield(expected), 1e-12))
    return Witness("Bond-equivalent yield of a monthly one, and back",
                   "cashflow.yields.bond_equivalent_yield", "2[(1 + y/12)^6 - 1]", known(table),
                   tuple(found), table=name)  # fmt: skip


def spreadsheet() -> Witness:
    """Microsoft Excel function reference: IRR, NPV, MIRR."""
    name = "yields/excel_rates_shared"
    table, got = golden(name), {}
    for call in table["inputs"]["calls"]:
        given = call["arguments"]
        match call["function"]:
            case "IRR":
                got[call["id"]] = irr(given["values"])
            case "NPV":
                got[call["id"]] = npv(given["rate"], [given.get("add", 0), *given["values"]])
            case "MIRR":
                got[call["id"]] = mirr(
                    given["values"], given["finance_rate"], given["reinvest_rate"]
                )
    figures = tuple(
        near(key.replace("_", " "), expected, got[key], within(table, key))
        for key, expected in table["expected"].items()
    )
    return Witness("Internal rates and present values", "cashflow.returns.irr, npv, mirr",
                   "Microsoft Excel function reference: IRR, NPV, MIRR", known(table), figures,
                   table=name)  # fmt: skip


def dated() -> Witness:
    """Microsoft Excel function reference: XIRR, XNPV."""
    name = "yields/excel_xirr_xnpv"
    table = golden(name)
    days = [date.fromisoformat(day) for day, _ in table["inputs"]["flows"]]
    amounts = [amount for _, amount in table["inputs"]["flows"]]
    expected = table["expected"]
    worth = xnpv(table["inputs"]["xnpv_rate"], days, amounts)
    figures = (
        near("xirr", expected["xirr"], xirr(days, amounts), 6e-9),
        near("xnpv", expected["xnpv"], worth, within(table)),
    )
    return Witness("Internal rate and value of dated flows", "cashflow.returns.xirr, xnpv",
                   "Microsoft Excel function reference: XIRR, XNPV", known(table), figures,
                   table=name)  # fmt: skip


def accrual() -> Witness:
    """BMA, Uniform Practices, p. SF-57: accrual counts as negative principal, or not at all."""
    name = "deals/bma_sf57_accrual_average_life"
    table = golden(name)
    inputs, expected = table["inputs"], table["expected"]
    balance, principal = float(inputs["balance"]), []
    for paid in inputs["net_cash_flows"]:
        interest = balance * inputs["periodic_rate"]
        principal.append(paid - interest)
        balance += interest - paid
    years, tol = np.array([1.0, 2.0, 3.0]), within(table)
    whole = average_life(np.array(principal), years)
    paid_only = average_life(np.maximum(principal, 0.0), years)
    figures = (
        *alike("principal", expected["principal"], principal, 1e-9),
        near("as of a GPM or ARM", expected["gpm_arm_average_life"], whole, tol),
        near("as of a Z-bond", expected["z_bond_average_life"], paid_only, tol),
    )
    return Witness("Average life with accrued interest", "cashflow.yields.average_life",
                   "BMA, Uniform Practices (1999), p. SF-57", known(table), figures, "years",
                   table=name)  # fmt: skip


def numpy_financial_rates() -> Iterator[Witness]:
    """Rates and values of random flows, one outlay and 24 receipts, as numpy-financial has them."""
    found: dict[str, list[Figure]] = {"irr": [], "npv": [], "mirr": []}
    for seed in range(5):
        random = np.random.default_rng(seed)
        flows = np.concatenate([[-random.uniform(500, 900)], random.uniform(0, 120, 24)])
        said = f"flows {seed + 1}"
        found["irr"].append(near(said, numpy_financial.irr(flows), irr(flows), 1e-9))
        value = numpy_financial.npv(0.013, flows)
        found["npv"].append(near(said, value, npv(0.013, flows), 1e-12 * abs(value)))
        theirs = numpy_financial.mirr(flows, 0.01, 0.02)
        found["mirr"].append(near(said, theirs, mirr(flows, 0.01, 0.02), 1e-10))
    what = {"irr": "Internal rate", "npv": "Present value", "mirr": "Modified internal rate"}
    for name, figures in found.items():
        yield Witness(f"{what[name]} of random flows", f"cashflow.returns.{name}",
                      f"numpy-financial, {name}", "peer", tuple(figures))  # fmt: skip


def quantlib_bonds() -> Iterator[Witness]:
    """A 7% bond of ten years, half-yearly, at four yields."""
    today = QuantLib.Date(15, 6, 2013)
    count = QuantLib.Thirty360(QuantLib.Thirty360.BondBasis)
    half = QuantLib.Period(QuantLib.Semiannual)
    schedule = QuantLib.Schedule(
        *(today, QuantLib.Date(15, 6, 2023), half, QuantLib.NullCalendar()),
        *(QuantLib.Unadjusted, QuantLib.Unadjusted, QuantLib.DateGeneration.Backward, False),
    )
    bond = QuantLib.FixedRateBond(0, 100.0, schedule, [0.07], count)
    times = payment_times(np.full(20, 0.5))
    principal = np.append(np.zeros(19), 100.0)
    flows, duration = QuantLib.CashFlows, QuantLib.Duration
    found: dict[str, list[Figure]] = {}
    for rate in (0.0, 0.045, 0.07, 0.12):
        theirs = QuantLib.InterestRate(rate, count, QuantLib.Compounded, QuantLib.Semiannual)
        price = flows.npv(bond.cashflows(), theirs, False, today, today)
        got = measures(principal, np.full(20, 3.5), times, price=price)
        legs = (bond.cashflows(), theirs)
        for name, wanted, ours, tol in (
            ("Yield of a price", rate, got.rate, 1e-12),
            ("Macaulay duration", flows.duration(*legs, duration.Macaulay, False, today),
             got.macaulay, 1e-11),
            ("Modified duration", flows.duration(*legs, duration.Modified, False, today),
             got.modified, 1e-11),
            ("Convexity", flows.convexity(*legs, False, today), got.convexity, 1e-9),
        ):  # fmt: skip
            found.setdefault(name, []).append(near(f"at {rate:.1%}", wanted, ours, tol))
    for name, figures in found.items():
        yield Witness(f"{name}, a 7% bond of ten years", "cashflow.yields.measures",
                      "QuantLib, FixedRateBond and CashFlows", "peer", tuple(figures))  # fmt: skip


def scipy_roots() -> Witness:
    """Rates of dated random flows as a root of their present value, actual days over 365."""
    found = []
    for seed in range(5):
        random = np.random.default_rng(100 + seed)
        days = [date(2013, 1, 31), *(date(2013 + k // 12, k % 12 + 1, 15) for k in range(2, 38))]
        flows = np.concatenate([[-random.uniform(500, 900)], random.uniform(5, 60, 36)])
        years = np.array([(day - days[0]).days for day in days]) / 365.0
        theirs = brentq(_worth, -0.9, 10.0, args=(flows, years), xtol=1e-13)
        found.append(near(f"flows {seed + 1}", theirs, xirr(days, flows), 1e-9))
    return Witness("Internal rate of dated random flows", "cashflow.returns.xirr",
                   "scipy, brentq", "peer", tuple(found))  # fmt: skip


def _worth(rate: float, flows: np.ndarray, years: np.ndarray) -> float:
    return float((flows * (1.0 + rate) ** -years).sum())


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from price_and_yield()
    yield effective_duration()
    yield returned()
    yield equivalents()
    yield spreadsheet()
    yield dated()
    yield accrual()
    yield from numpy_financial_rates()
    yield from quantlib_bonds()
    yield scipy_roots()
