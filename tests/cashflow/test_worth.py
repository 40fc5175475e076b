"""What a pool yields, against closed forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from scfcap.cashflow.project import project
from scfcap.cashflow.returns import irr
from scfcap.cashflow.worth import UNITS, worth
from scfcap.cashflow.yields import bond_equivalent_yield, equivalent_rate
from scfcap.credit.curves import CurveSet
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

MakePool = Callable[..., Pool]
MakeCurves = Callable[..., CurveSet]
SCENARIOS = {"base": Scenario(), "stress": Scenario(default_multiple=3.0)}


def test_a_loan_at_par_yields_its_rate(make_pool: MakePool, make_curves: MakeCurves) -> None:
    """A loan without default is worth its balance at its own rate, prepaid or not."""
    for cpr in (0.0, 0.3):
        curves = make_curves(12, a=SegmentCredit(cdr=0.0, cpr=cpr, severity=0.5))
        pool = make_pool(balance=[100.0, 50.0], rate=0.12, maturity_day=[365, 181])
        found = worth(project(pool, curves)).iloc[0]
        assert found["price"] == 150.0
        assert found["mortgage_yield"] == pytest.approx(0.12, abs=1e-12)
        assert found["bond_equivalent_yield"] == pytest.approx(
            bond_equivalent_yield(0.12), abs=1e-12
        )


def test_what_stands_at_the_end_sells_at_par(make_pool: MakePool, make_curves: MakeCurves) -> None:
    curves = make_curves(6, a=SegmentCredit(cdr=0.0, severity=0.5))
    cashflow = project(make_pool(balance=[100.0], rate=0.12, maturity_day=365), curves)
    assert cashflow.flows.closing[0, 0, -1] > 40.0
    assert worth(cashflow)["mortgage_yield"].iloc[0] == pytest.approx(0.12, abs=1e-12)
    nothing = worth(cashflow, at_end=0.0)["mortgage_yield"].iloc[0]
    assert nothing < -0.5


def test_yields_by_scenario_are_internal_rates(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    behaviour = SegmentCredit(cdr=0.05, cpr=0.1, severity=0.6, recovery_lag=2)
    curves = make_curves(24, scenarios=SCENARIOS, a=behaviour)
    cashflow = project(make_pool(balance=[100.0], rate=0.15, maturity_day=730), curves)
    found = worth(cashflow, price=0.98).set_index("scenario")
    for k, name in enumerate(SCENARIOS):
        f = cashflow.flows
        cash = (f.interest + f.scheduled + f.prepaid + f.recovery)[k, 0]
        monthly = irr([-98.0, *cash[:-1], cash[-1] + f.closing[k, 0, -1]])
        row = found.loc[name]
        assert row["mortgage_yield"] == pytest.approx(12 * monthly, abs=1e-9)
        assert equivalent_rate(row["bond_equivalent_yield"], 2, 12) == pytest.approx(
            row["mortgage_yield"], abs=1e-12
        )
    assert found.loc["stress", "mortgage_yield"] < found.loc["base", "mortgage_yield"]
    assert set(UNITS) == set(found.columns) - {"price"}


def test_a_period_that_takes_back_more_than_it_brings_has_no_yield(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    curves = make_curves(6, a=SegmentCredit(cdr=0.0, severity=0.5))
    cashflow = project(make_pool(balance=[100.0], maturity_day=181), curves)
    taken = np.zeros_like(cashflow.flows.reimbursed)
    taken[0, 0, 1] = 1e3
    found = worth(replace(cashflow, flows=replace(cashflow.flows, reimbursed=taken)))
    assert found[list(UNITS)].isna().all(axis=None)
