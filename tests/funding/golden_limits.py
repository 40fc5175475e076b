"""Golden instances of covenants, pledges, and the limits of liquidity and tenor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scfcap.funding.cohort_inputs import Maturing
from scfcap.funding.covenant_inputs import Breach, CovenantInputs, LateInputs, PledgeInputs
from scfcap.funding.inputs import BankChoice, Inputs

from .golden_parts import OLD, Cohort, line, notes, old, terms, tiny


def clause(lender: str, kind: str, limit: float, *tests: int, **changes: object) -> CovenantInputs:
    """A covenant without margin that stops draws."""
    given = {"name": kind, "margin": 0.0, "effect": "draw_stop", **changes}
    return CovenantInputs(lender=lender, kind=kind, limit=limit, tests=frozenset(tests), **given)


def covenant() -> Inputs:
    return tiny(
        2,
        (Cohort(0, 0, 10.0), Cohort(0, 1)),
        asked={(0, 1): 5.0},
        deductions=2.0,
        lenders=(
            line("line", 10.0, (2, 0.06), balance=(3.0, 3.0)),
            line("owner", 0.0, (2, 0.06), kind="shareholder", balance=(2.0, 2.0)),
        ),
        covenants=(
            clause("line", "leverage", 1.5, 1, margin=0.2),
            clause("line", "past_due_share", 0.1, 1, 2),
            clause("line", "min_net_assets", 18.0, 1, 2, margin=0.1),
            clause("line", "borrowing_base", 0.5, 2, margin=0.1, eligibility="rules"),
            clause("owner", "leverage", 3.0, 1, 2),
            clause("owner", "past_due_share", 0.01, 1),
        ),
        late=LateInputs(np.array([[0.0, 0.04, 0.12], [0.0, 0.02, 0.05]]), (1, 1, 2), {}),
        pledges=PledgeInputs(
            (frozenset({"rules"}), frozenset({"rules", "strict"})),
            np.array([[0.3, 0.2], [0.5, 0.6]]),
            {"rules": 0.8},
        ),
        breaches=(
            Breach("owner", "draw_stop", 1, 2, "owner", "past_due_share", 0.2, 0.01),
        ),
    )  # fmt: skip


def pledge() -> Inputs:
    return tiny(
        2,
        (Cohort(0, 0, 10.0), Cohort(0, 1)),
        asked={(0, 1): 5.0},
        lenders=(line("one", 10.0, (1, 0.06)), line("two", 10.0, (2, 0.06))),
        covenants=(
            clause("one", "borrowing_base", 0.5, 1, eligibility="rules"),
            clause("two", "borrowing_base", 0.6, 1, eligibility="strict"),
        ),
        pledges=PledgeInputs(
            (frozenset({"rules"}), frozenset({"rules", "strict"})),
            np.array([[0.3, 0.2], [0.5, 0.6]]),
            {"rules": 1.0, "strict": 1.0},
        ),
        p2p=notes(2, (5.0,), (1,), outstanding=2.0, periods=2),
    )


def liquidity_floor_covered() -> Inputs:
    return tiny(
        2,
        asked={(s, t): 9.0 for s in (0, 1) for t in (1, 2)},
        plan={
            "debt_cover": 0.5,
            "interest_cover": 0.4,
            "promise_cover": 0.1,
            "undrawn_draw_rate": 0.25,
        },
        liquidity_floor=2.0,
        undrawn=8.0,
        promised=np.array([[0.0, 5.0, 3.0], [0.0, 5.0, 1.0]]),
        lenders=(
            line(
                "bank", 10.0, (1, 0.06), fee=0.012,
                balance=(4.0, 4.0), repaid=(0.0, 0.0, 4.0), interest=(0.0, 0.02, 0.02),
            ),
        ),
        p2p=notes(2, (5.0,), (1,), periods=2),
    )  # fmt: skip


def maturity() -> Inputs:
    return tiny(
        2,
        (Cohort(0, 0, 10.0), Cohort(0, 0, 20.0, OLD)),
        plan={
            "maturity_gaps": [{"days": 30, "buffer": 1.0}, {"days": 60}],
            "tenor_match": {"days": 40, "share": 0.8},
        },
        maturing={
            30: Maturing(np.array([[0.0, 0.4, 0.3], [0.0, 0.2, 0.1]]), np.zeros((2, 3))),
            40: Maturing(np.zeros((2, 3)), np.array([[0.0, 0.5, 0.4], [0.0, 0.6, 0.5]])),
            60: Maturing(np.array([[0.0, 0.7, 0.6], [0.0, 0.5, 0.45]]), np.zeros((2, 3))),
        },
        lenders=(line("line", 10.0, (1, 0.06), (2, 0.06)),),
        vehicle=terms(),
        deals=(old(0, 2),),
        p2p=notes(1, (5.0,), (1,), periods=2),
    )


def core_share() -> Inputs:
    limits = (
        {"name": "core", "core": "#1", "share": 0.1},
        {"name": "group", "core": "#1", "base": "net_assets", "share": 0.15},
        {"name": "orders", "segments": ["order"], "base": "net_capital", "share": 0.5},
        {"name": "loans", "segments": ["loan"], "share": 0.6},
    )
    return tiny(
        2,
        cohorts=(Cohort(0, 0, 10.0), Cohort(1, 1), Cohort(0, 0, 20.0, OLD)),
        asked={(1, 1): 5.0},
        concentration=limits,
        deductions=2.0,
        core_shares={
            "core": np.array([0.05, 0.4]),
            "group": np.array([0.05, 0.4]),
            "orders": np.array([0.0, 1.0]),
            "loans": np.array([1.0, 0.0]),
        },
        vehicle=terms(min_seasoning=5),
        deals=(old(2),),
    )


def lender_count() -> Inputs:
    return tiny(
        2,
        lenders=(
            line("owed", 10.0, (1, 0.06), balance=(4.0,)),
            line("bank-b", 5.0, (2, 0.06)),
            line("bank-c", 8.0, (1, 0.06)),
        ),
        choice=BankChoice(("bank-b", "bank-c"), 1, 2, "own"),
    )


#: Instance by name of the golden file without ``.lp``.
LIMITS: dict[str, Callable[[], Inputs]] = {
    "covenant": covenant,
    "pledge": pledge,
    "p2p_backing.pledged": pledge,
    "liquidity_floor.covered": liquidity_floor_covered,
    "maturity_gap": maturity,
    "tenor_match": maturity,
    "core_share": core_share,
    "lender_count": lender_count,
    "bank_debt.chosen": lender_count,
}
