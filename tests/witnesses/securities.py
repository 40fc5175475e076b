"""Cash flows of pools that books and the bond market printed month by month, by the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from scfcap.axes import INTEREST_ONLY_BULLET, LEVEL_PAYMENT, LOAN_TYPES
from scfcap.cashflow.clocks import with_ages
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays, concatenate
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.scenario import Scenario
from tests.cashflow.behaviour_oracles import level_factors

from .book import Figure, Known, Witness, golden, known, near, within

AS_OF = date(2013, 12, 31)
FABOZZI = "Fabozzi, Bond Markets, exhibits of a 400 million 7.5% pass-through"
BMA = "BMA, Uniform Practices (1999), "
KERNEL = "cashflow.kernel.run_kernel"


def loan(**stated: Any) -> LoanArrays:
    """One loan: 1,000 at 12% over twelve whole months from as_of, unless stated."""
    values: dict[str, Any] = {
        "group": 0,
        "curve": 0,
        "loan_type": LEVEL_PAYMENT,
        "balance": 1_000.0,
        "rate": 0.12,
        "accrued": 0.0,
        "hazard_scale": 1.0,
        "start_day": 0,
        "maturity_day": 365,
        "bucket": 0,
    } | stated
    return LoanArrays(**{name: np.array([value]) for name, value in values.items()})


def mortgage(balance: float, rate: float, curves: CurveSet) -> LoanArrays:
    """One level-payment loan that matures with the grid."""
    return loan(balance=balance, rate=rate, maturity_day=int(curves.grid.days[-1]))


def aged_loan(
    curves: CurveSet, kind: str, term: int, *, age: int = 0, rate: float = 0.0, start: int = 0
) -> LoanArrays:
    """One loan of 1 with an original term [days], ``age`` days old, or made on day ``start``."""
    code = LOAN_TYPES.index(kind)
    one = loan(
        loan_type=code, balance=1.0, rate=rate, start_day=start, maturity_day=start + term - age
    )
    return with_ages(one, np.array([start - age]), np.array([term]), curves)


def with_cpr(months: int, cpr: np.ndarray) -> CurveSet:
    """Monthly curves without default whose yearly prepayment rate is ``cpr`` [K, T]."""
    grid = PeriodGrid.build(AS_OF, months)
    names = {f"case {n}": Scenario() for n in range(len(cpr))}
    curves = build_curves(("a",), {"a": SegmentCredit(cdr=0.0, severity=0.0)}, names, grid)
    return replace(curves, prepay_intensity=-np.log1p(-cpr)[:, None, :])


def curves_of(credit: dict[str, SegmentCredit], periods: int, **projection: Any) -> CurveSet:
    """Monthly curves of segments in the base scenario."""
    grid = PeriodGrid.build(AS_OF, periods)
    spec = ProjectionSpec(**projection)
    return build_curves(tuple(credit), credit, {"base": Scenario()}, grid, projection=spec)


def first_passthrough() -> Witness:
    """Month 1 of the BMA's pass-through: 9.5% gross, 9% net."""
    name = "amortisation/bma_first_passthrough_payment"
    table = golden(name)
    given, expected, tol = table["inputs"], table["expected"], within(table)
    smm = given["prepayment_month_1"] / (1 - expected["scheduled_amortization"])
    curves = with_cpr(given["term_months"], np.full((1, given["term_months"]), 1 - (1 - smm) ** 12))
    flows = run_kernel(mortgage(1.0, given["gross_coupon"], curves), curves, 1)
    scheduled, prepaid, interest = (
        float(each[0, 0, 0]) for each in (flows.scheduled, flows.prepaid, flows.interest)
    )
    net = interest * given["net_coupon"] / given["gross_coupon"]
    got = {
        "scheduled_amortization": scheduled,
        "unscheduled_prepayments": prepaid,
        "gross_interest": interest,
        "passthrough_principal": scheduled + prepaid,
        "passthrough_interest": net,
        "passthrough_cash_flow": scheduled + prepaid + net,
    }
    figures = (near(key.replace("_", " "), expected[key], got[key], tol) for key in got)
    return Witness("First month of a pass-through, of par", KERNEL, BMA + "pp. SF-4 to SF-5",
                   known(table), tuple(figures), "share", table=name)  # fmt: skip


def fabozzi_flows() -> tuple[dict[str, Any], Flows, np.ndarray]:
    """The table of the pass-through of 400 million, its flows at 100 and 165 PSA, and the SMM."""
    table = golden("prepayment/fabozzi_400m_passthrough")
    given = table["inputs"]
    age = np.arange(1, given["wam_months"] + 1) + given["seasoning_months"]
    ramp = 0.06 * np.minimum(age / 30, 1.0)
    cpr = np.stack([ramp * psa / 100 for psa in given["psa"]])
    curves = with_cpr(given["wam_months"], cpr)
    flows = run_kernel(mortgage(given["balance"], given["wac"], curves), curves, 1)
    return table, flows, 1 - (1 - cpr) ** (1 / 12)


def fabozzi() -> Iterator[Witness]:
    """Month 1 in all its columns, and the cash of months 30 and 100."""
    table, flows, smm = fabozzi_flows()
    given, tol = table["inputs"], within(table)
    net_share = given["passthrough_rate"] / given["wac"]
    net = flows.interest * net_share
    cash = flows.scheduled + flows.prepaid + net
    columns = {
        "mortgage_payment": flows.scheduled + flows.interest,
        "net_interest": net,
        "scheduled_principal": flows.scheduled,
        "prepayment": flows.prepaid,
        "total_principal": flows.scheduled + flows.prepaid,
        "cash_flow": cash,
        "closing": flows.closing,
    }
    for k, psa in enumerate(given["psa"]):
        found: list[Figure] = []
        for month, row in table["expected"][f"psa_{psa}"].items():
            t = int(month.removeprefix("month_")) - 1
            for key, expected in row.items():
                said = f"{month.replace('_', ' ')}, {key.replace('_', ' ')}"
                if key == "smm":
                    found.append(near(said, expected, smm[k, t], 5.001e-6))
                else:
                    found.append(near(said, expected, columns[key][k, 0, t], tol))
        yield Witness(f"Pass-through of 400 million at {psa} PSA", KERNEL, FABOZZI, known(table),
                      tuple(found), "currency", table="prepayment/fabozzi_400m_passthrough",
                      )  # fmt: skip


def fabozzi_by_age() -> Witness:
    """The same with ``psa`` stated and loans that were made three months ago."""
    name = "prepayment/fabozzi_400m_passthrough"
    table, found = golden(name), []
    given = table["inputs"]
    for psa in given["psa"]:
        curves = curves_of({"a": SegmentCredit(cdr=0.0, psa=psa, severity=0.0)},
                           given["wam_months"])  # fmt: skip
        age = (AS_OF - date(2013, 9, 30)).days
        term = int(curves.grid.days[-1]) + age
        one = aged_loan(curves, "level_payment", term, age=age, rate=given["wac"])
        flows = run_kernel(replace(one, balance=np.array([given["balance"]])), curves, 1)
        net = flows.interest * given["passthrough_rate"] / given["wac"]
        cash = (flows.scheduled + flows.prepaid + net)[0, 0]
        for month, row in table["expected"][f"psa_{psa}"].items():
            t, said = int(month.removeprefix("month_")) - 1, f"{psa} PSA, {month.replace('_', ' ')}"
            found.append(near(said + ", cash flow", row["cash_flow"], cash[t], within(table)))
            if "prepayment" in row:
                prepaid = flows.prepaid[0, 0, t]
                found.append(near(said + ", prepayment", row["prepayment"], prepaid, within(table)))
    return Witness("The same from a model's `psa` and the age of the loans", KERNEL, FABOZZI,
                   known(table), tuple(found), "currency", table=name)  # fmt: skip


def sda() -> Iterator[Witness]:
    """The SDA curve: stated as rates by month, and as ``sda`` of a model."""
    name = "prepayment/sda_curve"
    table = golden(name)
    rows, stated = table["expected"]["sda_100"], []
    for month, row in rows.items():
        curves = curves_of({"a": SegmentCredit(cdr=row["cdr_percent"] / 100, severity=0.0)}, 12)
        flows = run_kernel(mortgage(1.0, 0.08, curves), curves, 1)
        said = month.replace("_", " ")
        stated.append(near(said, row["mdr"], flows.default[0, 0, 0], within(table)))
    yield Witness("Default in a month at a CDR of the SDA curve", KERNEL, BMA + "p. SF-31",
                  known(table), tuple(stated), "share", table=name)  # fmt: skip
    curves = curves_of({"a": SegmentCredit(sda=100, severity=0.0)}, 300)
    flows = run_kernel(aged_loan(curves, "interest_only_bullet", 36_000), curves, 1)
    mdr = flows.default[0, 0] / flows.opening[0, 0]
    by_age = [
        near(month.replace("_", " "), row["mdr"], mdr[int(month[6:]) - 1], within(table))
        for month, row in rows.items()
    ]
    yield Witness("Default by month from a model's `sda`", KERNEL, BMA + "p. SF-31",
                  known(table), tuple(by_age), "share", table=name)  # fmt: skip


def smm_and_cpr() -> Witness:
    """CPR is printed to one decimal of a percent; its SMM must round to the table's row."""
    name = "prepayment/bma_smm_cpr_table_shared"
    table, found = golden(name), []
    for key, row in table["expected"].items():
        said, wanted = f"SMM {key}%", float(key) / 100
        curves = with_cpr(12, np.full((1, 12), 1 - (1 - wanted) ** 12))
        cpr = (1 - np.exp(-curves.prepay_intensity[0, 0, 0])) * 100
        found.append(near(said + ", CPR", row["cpr_percent"], cpr, 0.0501))
        flows = run_kernel(mortgage(1.0, 0.0, curves), curves, 1)
        smm = flows.prepaid[0, 0, 0] / (1 - flows.scheduled[0, 0, 0])
        found.append(near(said + ", prepaid", wanted, smm, 1e-12 * wanted))
    return Witness("CPR and SMM of what a pool prepays", KERNEL, BMA + "p. SF-9", known(table),
                   tuple(found), "%", table=name)  # fmt: skip


def cash_flow_a() -> tuple[dict[str, Any], Flows, LoanArrays]:
    """The table of Cash Flow A, its flows in the order ``bma``, and its loan."""
    table = golden("prepayment/bma_cash_flow_a")
    given = table["inputs"]
    credit = SegmentCredit(
        mdr=given["mdr"],
        smm=given["smm"],
        severity=given["loss_severity"],
        recovery_lag=given["months_to_liquidation"],
    )
    curves = curves_of({"a": credit}, given["wam_months"], order="bma", servicer_advances=True)
    loans = mortgage(given["balance"], given["wac"], curves)
    return table, run_kernel(loans, curves, 1), loans


def foreclosure(
    table: dict[str, Any], flows: Flows, loans: LoanArrays
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The printed columns of Cash Flow A from ours, and what should have been advanced [T].

    Its columns of loans in foreclosure follow from ours: what is advanced of their principal is
    what they amortise, and what is left of the recovery after it is the printed one.
    """
    rate, months = table["inputs"]["wac"], flows.default.shape[2]
    factor = np.array(level_factors(rate, months))
    lag, one = table["inputs"]["months_to_liquidation"], flows.default[0, 0]
    balance = np.r_[loans.balance, flows.closing[0, 0]]
    lost = np.zeros(months + 1)
    amortised, interest = np.zeros(months), np.zeros(months)
    came_late = np.r_[np.zeros(lag), one[:-lag]]
    kept = factor[1:] / factor[:-1]
    for m in range(months):
        gone = came_late[m] * factor[m] / factor[m - lag] if m >= lag else 0.0
        amortised[m] = (lost[m] + one[m] - gone) * (1 - kept[m])
        interest[m] = (lost[m] + one[m]) * rate / 12
        lost[m + 1] = lost[m] + one[m] - gone - amortised[m]
    owed = np.r_[np.zeros(lag), factor[lag:-1] / factor[: -lag - 1]] * came_late
    return {
        "performing_balance": balance[1:],
        "new_defaults": one,
        "in_foreclosure": lost[1:],
        "expected_amortization": flows.scheduled[0, 0] + amortised,
        "voluntary_prepayments": flows.prepaid[0, 0],
        "amortization_from_defaults": amortised,
        "actual_amortization": flows.scheduled[0, 0],
        "expected_interest": flows.interest[0, 0] + interest,
        "interest_lost": interest,
        "actual_interest": flows.interest[0, 0],
        "principal_recovery": flows.recovery[0, 0] - (came_late - owed),
        "principal_loss": flows.loss[0, 0],
        "amortized_default_balance": owed,
    }, amortised + interest


def cash_flow_a_columns() -> Iterator[Witness]:
    """Cash Flow A to the dollar: 1% prepaid and 1% in default a month, 12 months to liquidation."""
    table, flows, loans = cash_flow_a()
    columns, _ = foreclosure(table, flows, loans)
    found: dict[str, list[Figure]] = {}
    for month, row in table["expected"]["rows"].items():
        for name, value in row.items():
            figure = near(f"month {month}", value, columns[name][int(month) - 1], within(table))
            found.setdefault(name, []).append(figure)
    how, source = known(table), BMA + "Cash Flow A, pp. SF-23 to SF-30"
    for name, figures in found.items():
        yield Witness(f"Cash Flow A: {name.replace('_', ' ')} by month", KERNEL, source, how,
                      tuple(figures), "currency", table="prepayment/bma_cash_flow_a")  # fmt: skip
    totals = tuple(
        near(name.replace("_", " "), value, columns[name].sum(), within(table))
        for name, value in table["expected"]["totals"].items()
    )
    yield Witness("Cash Flow A: totals", KERNEL, source, how, totals, "currency",
                  table="prepayment/bma_cash_flow_a")  # fmt: skip


def matrix_of_defaults() -> Witness:
    """BMA, ch. SF, C.4, p. SF-21: cumulative defaults by SDA and PSA, in the order ``bma``."""
    name = "prepayment/bma_cumulative_default_matrix_shared"
    table = golden(name)
    given, cells = table["inputs"], {}
    for speed, row in table["expected"].items():
        for rate, value in row.items():
            credit = SegmentCredit(
                sda=float(rate[4:]),
                psa=float(speed[4:]),
                severity=given["loss_severity"],
                recovery_lag=given["months_to_liquidation"],
            )
            cells[f"{speed[4:]} PSA, {rate[4:]} SDA"] = (credit, value)
    curves = curves_of(
        {said: credit for said, (credit, _) in cells.items()}, given["wam_months"],
        order="bma", servicer_advances=True,
    )  # fmt: skip
    last = int(curves.grid.days[-1])
    each = [
        loan(group=n, curve=n, balance=100.0, rate=given["wac"], maturity_day=last)
        for n in range(len(cells))
    ]
    flows = run_kernel(concatenate(each), curves, len(cells))
    got = flows.default[0].sum(axis=1)
    figures = tuple(
        near(said, value, got[n], within(table))
        for n, (said, (_, value)) in enumerate(cells.items())
    )
    return Witness("Defaults over the life of a pool", KERNEL, BMA + "p. SF-21", known(table),
                   figures, "% of par", table=name)  # fmt: skip


def powers_of_the_matrix() -> Witness:
    """Roll rates through the kernel: balances by state are powers of the matrix."""
    name = "credit/roll_rate_markov"
    table, found = golden(name), []
    # Its last two states are paid off and defaulted; 90+ days is not among them.
    places = [0, 1, 2, 3, 6, 5]
    matrix = np.eye(7)
    for row, place in zip(table["expected"]["matrix"], places, strict=True):
        matrix[place] = 0.0
        matrix[place, places] = row
    credit = SegmentCredit(roll_rates=matrix[:5].tolist(), severity=0.6)
    curves = curves_of({"a": credit}, 24)
    bullet = loan(loan_type=INTEREST_ONLY_BULLET, rate=0.0, balance=1e6, maturity_day=36_000)
    flows = run_kernel(bullet, curves, 1)
    default, prepaid = np.cumsum(flows.default[0, 0]), np.cumsum(flows.prepaid[0, 0])
    for month in table["inputs"]["months"]:
        states = table["expected"]["balances"][f"month_{month}"]
        at = month - 1
        for said, wanted, got in (
            ("outstanding", sum(states[:4]), flows.closing[0, 0, at]),
            ("late", sum(states[1:4]), flows.delinquent[0, 0, at]),
            ("repaid", states[4], prepaid[at]),
            ("in default", states[5], default[at]),
        ):
            found.append(near(f"month {month}, {said}", wanted, got, 1e-9 * wanted))
    how: Known = known(table)
    return Witness("Balances by roll rates in a projection", KERNEL, "powers of the matrix", how,
                   tuple(found), "currency", table=name)  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield first_passthrough()
    yield from fabozzi()
    yield fabozzi_by_age()
    yield from sda()
    yield smm_and_cpr()
    yield from cash_flow_a_columns()
    yield matrix_of_defaults()
    yield powers_of_the_matrix()
