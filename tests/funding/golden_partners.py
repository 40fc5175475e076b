"""Golden instances with partners: banks that the company guarantees, joint lenders, recourse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.axes import GUARANTEED_BANK, JOINT_LENDING, P2P
from scfcap.funding.inputs import DatedCap, Inputs, Recourse
from scfcap.funding.partner import GuarantorInputs, PartnerInputs
from scfcap.schema.regime import Cap

from .golden_parts import BANK, Cohort, buyer, tiny

HELD = f"{GUARANTEED_BANK}:g"
#: What is left of cohort 0, 20 of loans of vintage 0 with bank "g".
STOCK = np.array([20.0, 10.0, 6.0, 0.0])


def guaranteed(**changes: object) -> PartnerInputs:
    """Bank "g": lends loans, fully guaranteed, paid at once."""
    base = PartnerInputs(
        channel=GUARANTEED_BANK,
        name="g",
        own_share=0.0,
        fee=0.0,
        limit=100.0,
        per_period=None,
        eligibility=None,
        segments=frozenset({0}),
        open_stock=np.zeros(4),
        cover=1.0,
    )
    return replace(base, **changes)


def joint(**changes: object) -> PartnerInputs:
    """Joint lender "j": 0.7 of each loan of both segments."""
    base = guaranteed(
        channel=JOINT_LENDING, name="j", own_share=0.3, segments=frozenset({0, 1}), cover=0.0
    )
    return replace(base, **changes)


def _three(**changes: object) -> Inputs:
    """Cohort 0 with bank "g", loans asked for in month 1, orders in month 2."""
    base: dict[str, object] = {
        "cohorts": (Cohort(0, 0, 20.0, HELD), Cohort(0, 1), Cohort(1, 2)),
        "asked": {(0, 1): 5.0, (1, 2): 5.0},
    }
    return tiny(**{**base, **changes})


def partner_stock() -> Inputs:
    return _three(
        partners=(
            guaranteed(limit=8.0, open_stock=STOCK),
            guaranteed(name="shut", limit=0.0),
            joint(),
        )
    )


def partner_flow() -> Inputs:
    return _three(
        partners=(
            guaranteed(per_period=3.0),
            guaranteed(name="free"),
            joint(per_period=3.0, closed=frozenset({2})),
        )
    )


def partner_eligibility() -> Inputs:
    return _three(
        eligible={"rules": (1.0, 0.9, 1.0), "strict": (1.0, 0.5, 0.0)},
        partners=(
            guaranteed(eligibility="rules"),
            joint(eligibility="rules"),
            joint(name="k", eligibility="strict"),
            guaranteed(name="free"),
        ),
    )


def guarantee_multiple() -> Inputs:
    return _three(
        deductions=2.0,
        guarantor=GuarantorInputs(2.0, None, 1.0, ""),
        partners=(guaranteed(cover=0.8, open_stock=STOCK), joint()),
    )


def guarantee_multiple_licensed() -> Inputs:
    return _three(
        cohorts=(Cohort(0, 0, 20.0, HELD), Cohort(0, 2)),
        asked={(0, 2): 5.0},
        guarantor=GuarantorInputs(10.0, 3.0, 0.0, ""),
        partners=(guaranteed(open_stock=STOCK), guaranteed(name="h", cover=0.5)),
    )


def cohort_balance_partners() -> Inputs:
    return _three(partners=(guaranteed(), joint()))


def demand_partners() -> Inputs:
    return _three(partners=(guaranteed(), joint()))


def promised_demand_partners() -> Inputs:
    inputs = demand_partners()
    return replace(inputs, promised=0.2 * inputs.demand)


def transfer_eligibility_partners() -> Inputs:
    return _three(
        cohorts=(Cohort(0, 0, 10.0), Cohort(0, 1)),
        asked={(0, 1): 5.0},
        eligible={"rules": (0.8, 0.9)},
        buyers=(buyer("bank", 1),),
        partners=(joint(eligibility="rules"), guaranteed()),
    )


def leverage_partners() -> Inputs:
    cap = {"base": "net_capital", "multiple": 0.5, "source": "own"}
    sources = {"guaranteed": 1.0, "joint_partner": 0.5, "transfer_recourse": 1.0}
    texts = (
        {**cap, "name": "lent", "weights": sources},
        {**cap, "name": "sold", "weights": {"transfer_clean": 1.0}},
    )
    return _three(
        cohorts=(
            Cohort(0, 0, 20.0, HELD),
            Cohort(0, 1),
            Cohort(0, 0, 10.0),
            Cohort(0, 0, 8.0, BANK),
        ),
        asked={(0, 1): 5.0},
        caps=tuple(DatedCap(Cap.model_validate(x), frozenset({1, 2}), "own") for x in texts),
        buyers=(
            buyer("bank", 1, recourse=Recourse(0.1)),
            buyer("clean", 2, segments=frozenset({0})),
        ),
        partners=(guaranteed(cover=0.8, open_stock=STOCK), joint()),
    )


def _books() -> Inputs:
    """Two months: a guarantee paid a month late, joint loans, a sale with recourse."""
    return tiny(
        2,
        (Cohort(0, 0, 20.0, HELD), Cohort(0, 1), Cohort(0, 0, 8.0, BANK)),
        asked={(0, 1): 5.0},
        plan={"opex_rate": 0.012},
        buyers=(buyer("bank", 3, servicing_fee=0.024, recourse=Recourse(0.1)),),
        partners=(
            guaranteed(cover=0.5, payout_lag=1, fee=0.06, open_stock=STOCK),
            joint(fee=0.036),
        ),
    )


def liquidity_floor_partners() -> Inputs:
    inputs = _books()
    plan = inputs.spec.plan.model_copy(update={"debt_cover": 0.5})
    return replace(inputs, spec=inputs.spec.model_copy(update={"plan": plan}), liquidity_floor=2.0)


def _lenders(**changes: object) -> PartnerInputs:
    """P2P lenders of both segments, who lend up to 3 a month."""
    base = guaranteed(
        channel=P2P, name="P2P lenders", segments=frozenset({0, 1}), cover=0.0, per_period=3.0
    )
    return replace(base, **changes)


def partner_flow_run_off() -> Inputs:
    left = {"renewed": np.array([1, 1, 0.4, 0.4]), "fresh": np.array([1, 1, 0.25, 0.25])}
    return _three(
        cohorts=(Cohort(0, 0, 20.0, P2P), Cohort(0, 1), Cohort(1, 2)),
        partners=(_lenders(open_stock=STOCK, **left),),
    )


def p2p_rolling_pass_through() -> Inputs:
    return _three(
        cohorts=(Cohort(0, 0, 4.0, P2P), Cohort(0, -1, 3.0, P2P), Cohort(0, 1), Cohort(1, 2)),
        partners=(_lenders(rolling=5.0, rolling_periods=2),),
    )


#: Instance by name of the golden file without ``.lp``.
PARTNERS = {
    "partner_stock": partner_stock,
    "partner_flow": partner_flow,
    "partner_flow.run_off": partner_flow_run_off,
    "p2p_rolling.pass_through": p2p_rolling_pass_through,
    "partner_eligibility": partner_eligibility,
    "guarantee_multiple": guarantee_multiple,
    "guarantee_multiple.licensed": guarantee_multiple_licensed,
    "cohort_balance.partners": cohort_balance_partners,
    "demand.partners": demand_partners,
    "promised_demand.partners": promised_demand_partners,
    "transfer_eligibility.partners": transfer_eligibility_partners,
    "leverage.partners": leverage_partners,
    "cash_balance.partners": _books,
    "net_capital.partners": _books,
    "liquidity_floor.partners": liquidity_floor_partners,
}
