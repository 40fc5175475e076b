"""Published cash flows of the bond market that the survivors' order must meet.

The BMA's Cash Flow A (1% prepaid and 1% in default a month) is not among them: it takes voluntary
prepayment on the opening balance with new defaults not removed, the order ``bma``, while ours
takes it from the survivors. Where nothing defaults the two orders are one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

Published = Callable[[str], dict[str, Any]]


def mortgage(balance: float, rate: float, curves: CurveSet) -> LoanArrays:
    """One level-payment loan that matures with the grid."""
    integers = np.zeros(1, dtype=np.int64)
    return LoanArrays(
        group=integers,
        curve=integers,
        loan_type=integers,
        balance=np.array([balance]),
        rate=np.array([rate]),
        accrued=np.zeros(1),
        hazard_scale=np.ones(1),
        start_day=integers,
        maturity_day=curves.grid.days[-1:],
    )


def with_cpr(months: int, cpr: np.ndarray) -> CurveSet:
    """Monthly curves without default whose yearly prepayment rate is ``cpr`` [K, T]."""
    grid = PeriodGrid.build(date(2013, 12, 31), months)
    names = {f"case {n}": Scenario() for n in range(len(cpr))}
    curves = build_curves(("a",), {"a": SegmentCredit(cdr=0.0, severity=0.0)}, names, grid)
    return replace(curves, prepay_intensity=-np.log1p(-cpr)[:, None, :])


def test_first_payment_of_the_bma_passthrough(published: Published) -> None:
    table = published("amortisation/bma_first_passthrough_payment")
    given, expected, tol = table["inputs"], table["expected"], table["tol"]["abs"]
    amortised = 1 - expected["scheduled_amortization"]
    smm = given["prepayment_month_1"] / amortised
    cpr = np.full((1, given["term_months"]), 1 - (1 - smm) ** 12)
    curves = with_cpr(given["term_months"], cpr)
    flows = run_kernel(mortgage(1.0, given["gross_coupon"], curves), curves, 1)
    scheduled, prepaid = flows.scheduled[0, 0, 0], flows.prepaid[0, 0, 0]
    assert scheduled == pytest.approx(expected["scheduled_amortization"], abs=tol)
    assert prepaid == pytest.approx(expected["unscheduled_prepayments"], abs=tol)
    assert flows.interest[0, 0, 0] == pytest.approx(expected["gross_interest"], abs=tol)
    assert scheduled + prepaid == pytest.approx(expected["passthrough_principal"], abs=tol)
    net = flows.interest[0, 0, 0] * given["net_coupon"] / given["gross_coupon"]
    assert net == pytest.approx(expected["passthrough_interest"], abs=tol)
    assert scheduled + prepaid + net == pytest.approx(expected["passthrough_cash_flow"], abs=tol)


@pytest.fixture(scope="module")
def fabozzi(published: Published) -> tuple[dict[str, Any], Flows, np.ndarray]:
    """The table, the flows at 100 and 165 PSA, and the SMM."""
    table = published("prepayment/fabozzi_400m_passthrough")
    given = table["inputs"]
    age = np.arange(1, given["wam_months"] + 1) + given["seasoning_months"]
    ramp = 0.06 * np.minimum(age / 30, 1.0)
    cpr = np.stack([ramp * psa / 100 for psa in given["psa"]])
    curves = with_cpr(given["wam_months"], cpr)
    flows = run_kernel(mortgage(given["balance"], given["wac"], curves), curves, 1)
    return table, flows, 1 - (1 - cpr) ** (1 / 12)


def test_passthrough_of_400_million_month_1(
    fabozzi: tuple[dict[str, Any], Flows, np.ndarray],
) -> None:
    table, flows, smm = fabozzi
    given, tol = table["inputs"], table["tol"]["abs"]
    net_share = given["passthrough_rate"] / given["wac"]
    for k, psa in enumerate(given["psa"]):
        expected = table["expected"][f"psa_{psa}"]["month_1"]
        scheduled, prepaid, interest, closing = (
            float(a[k, 0, 0])
            for a in (flows.scheduled, flows.prepaid, flows.interest, flows.closing)
        )
        got = {
            "mortgage_payment": scheduled + interest,
            "net_interest": interest * net_share,
            "scheduled_principal": scheduled,
            "prepayment": prepaid,
            "total_principal": scheduled + prepaid,
            "cash_flow": scheduled + prepaid + interest * net_share,
            "closing": closing,
        }
        assert round(float(smm[k, 0]), 5) == expected["smm"]
        for name in set(expected) - {"smm"}:
            assert got[name] == pytest.approx(expected[name], abs=tol), name


@pytest.mark.parametrize("month", [30, 100])
def test_passthrough_of_400_million_later(
    fabozzi: tuple[dict[str, Any], Flows, np.ndarray], month: int
) -> None:
    table, flows, _ = fabozzi
    given = table["inputs"]
    net_share = given["passthrough_rate"] / given["wac"]
    got = (flows.scheduled + flows.prepaid + flows.interest * net_share)[1, 0, month - 1]
    expected = table["expected"]["psa_165"][f"month_{month}"]["cash_flow"]
    assert got == pytest.approx(expected, abs=table["tol"]["abs"])
    assert flows.closing[1, 0, -1] == pytest.approx(0.0, abs=1e-3)


def test_default_rates_of_the_sda_curve(published: Published) -> None:
    # CDR and the monthly rate that it becomes, both as printed.
    table = published("prepayment/sda_curve")
    grid = PeriodGrid.build(date(2013, 12, 31), 12)
    for month, row in table["expected"]["sda_100"].items():
        credit = SegmentCredit(cdr=row["cdr_percent"] / 100, severity=0.0)
        curves = build_curves(("a",), {"a": credit}, {"base": Scenario()}, grid)
        flows = run_kernel(mortgage(1.0, 0.08, curves), curves, 1)
        assert flows.default[0, 0, 0] == pytest.approx(row["mdr"], abs=table["tol"]["abs"]), month


def test_smm_and_cpr_of_the_bma_table(published: Published) -> None:
    # CPR is printed to one decimal of a percent; its SMM must round to the table's row.
    table = published("prepayment/bma_smm_cpr_table_shared")
    assert len(table["expected"]) > 10
    for key, row in table["expected"].items():
        curves = with_cpr(12, np.full((1, 12), 1 - (1 - float(key) / 100) ** 12))
        assert (1 - np.exp(-curves.prepay_intensity[0, 0, 0])) * 100 == pytest.approx(
            row["cpr_percent"], abs=0.0501
        )
        flows = run_kernel(mortgage(1.0, 0.0, curves), curves, 1)
        smm = flows.prepaid[0, 0, 0] / (1 - flows.scheduled[0, 0, 0])
        assert smm == pytest.approx(float(key) / 100, rel=1e-12)
