"""Tiny instances of provisions, tax, dividends and the floor of income.

One new cohort and one that stands; what each adds is described in the head of its golden file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from scfcap.funding.cohort_inputs import ProvisionInputs
from scfcap.funding.inputs import Inputs
from scfcap.periods import PeriodGrid
from scfcap.schema.model import Model

from .golden_parts import Cohort, line, tiny

DIVIDENDS = {"payout": 0.5, "months": [1], "income_prior_year": 4.0}


def capital(periods: int, changes: Mapping[str, Any], **plan: object) -> Inputs:
    """A loan cohort of 10 of vintage -1, one made in month 1, yield of 0.01 a month, cost 0.02."""
    inputs = tiny(
        periods,
        (Cohort(0, -1, 10.0), Cohort(0, 1)),
        asked={(0, 1): 5.0},
        plan={"cash_yield": 0.12, **plan},
        opex_per_year=0.24,
    )
    spec = Model.model_validate({**inputs.spec.model_dump(), **changes})
    return replace(inputs, spec=spec)


def of_everything() -> Inputs:
    """One month with provisions, tax, dividends and money of the owners."""
    tax = {"rate": 0.25, "payable": 0.4}
    inputs = capital(1, {"tax": tax, "dividends": DIVIDENDS})
    cover = np.array([[0.02, 0.03], [0.0, 0.01]])
    extra = np.array([[0.1], [0.0]])
    return replace(inputs, provisions=ProvisionInputs(cover, extra), paid_in=np.array([0.0, 1.5]))


def tax_on_profit() -> Inputs:
    return capital(2, {"tax": {"rate": 0.25, "losses_forward": 0.2}})


def dividends_of_profit() -> Inputs:
    return capital(1, {"dividends": DIVIDENDS})


def dividends_of_profit_closed() -> Inputs:
    grid = PeriodGrid.build(date(2013, 11, 30), 2)
    return replace(capital(2, {"dividends": DIVIDENDS}), grid=grid)


def income_floor() -> Inputs:
    return capital(1, {}, objective="max_lending", income_floor=0.5)


def lending_floor() -> Inputs:
    plan = {"lending_floor": 7.0, "lending_weights": {"order": 2.0}}
    cohorts = (Cohort(0, 1), Cohort(1, 1), Cohort(1, 2))
    return tiny(2, cohorts, asked={(0, 1): 5.0, (1, 1): 5.0, (1, 2): 5.0}, plan=plan)


def headroom() -> Inputs:
    lenders = (
        line("bank", 10.0, (1, 0.06), (2, 0.06), balance=(3.0, 3.0, 1.0)),
        replace(line("shut", 4.0, (2, 0.06)), closed=frozenset({2})),
    )
    said = {"weights": {"base": 1.0}, "shortfall": {"rate": 0.36}}
    return tiny(2, plan={"headroom": 6.0, "uncertainty": said}, lenders=lenders)


CASES = {
    "net_capital.owners": of_everything,
    "cash_balance.owners": of_everything,
    "tax_on_profit": tax_on_profit,
    "dividends_of_profit": dividends_of_profit,
    "dividends_of_profit.closed": dividends_of_profit_closed,
    "income_floor": income_floor,
    "lending_floor": lending_floor,
    "headroom": headroom,
}
