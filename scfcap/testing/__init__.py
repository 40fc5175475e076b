"""Random but valid deals, pools, scenarios and plans, and what must hold of them.

For tests of a user's own models as for those of this project::

    from scfcap.testing import Seeded, any_trial, assert_deal_holds, audit_words

    for number in range(100):
        trial = any_trial(Seeded(seed=1, number=number))
        run = trial.run(trace=True, watch=audit_words(trial.spec))
        assert_deal_holds(run)

Generators take :class:`Dice`: :class:`Seeded` ones, or through :func:`strategy` Hypothesis's.
Nothing of the library imports this package.
"""

from scfcap.testing.cases import DealTrial, any_trial, given_flows
from scfcap.testing.deal_checks import (
    assert_deal_conserves,
    assert_deal_holds,
    assert_deal_pool_rolls,
    assert_loans_add_up,
    assert_nothing_negative,
    assert_paid_as_owed,
    assert_phases_in_order,
    audit_words,
)
from scfcap.testing.deals import any_deal, any_grid, deal_spec, deal_terms
from scfcap.testing.dice import Dice, Seeded, strategy
from scfcap.testing.money import assert_money_conserved
from scfcap.testing.plan_checks import (
    assert_books_balance,
    assert_caps_held,
    assert_duals_strong,
    assert_limits_kept,
    assert_plan_holds,
    assert_relaxation_mends,
    assert_replay_agrees,
    assert_sources_are_uses,
)
from scfcap.testing.plans import PlanTrial, any_law, any_plan
from scfcap.testing.platform import Platform, edited, platform, small_pool
from scfcap.testing.pools import any_credit, any_exposures, any_new_loans, any_pool
from scfcap.testing.scenarios import any_rates, any_scenarios
from scfcap.testing.shrinking import shrunk
from scfcap.testing.step_checks import assert_steps_audited
from scfcap.testing.tables import assert_run_complete, assert_tables_equal
from scfcap.testing.usual import usual_deal, usual_flows

__all__ = [
    "DealTrial",
    "Dice",
    "PlanTrial",
    "Platform",
    "Seeded",
    "any_credit",
    "any_deal",
    "any_exposures",
    "any_grid",
    "any_law",
    "any_new_loans",
    "any_plan",
    "any_pool",
    "any_rates",
    "any_scenarios",
    "any_trial",
    "assert_books_balance",
    "assert_caps_held",
    "assert_deal_conserves",
    "assert_deal_holds",
    "assert_deal_pool_rolls",
    "assert_duals_strong",
    "assert_limits_kept",
    "assert_loans_add_up",
    "assert_money_conserved",
    "assert_nothing_negative",
    "assert_paid_as_owed",
    "assert_phases_in_order",
    "assert_plan_holds",
    "assert_relaxation_mends",
    "assert_replay_agrees",
    "assert_run_complete",
    "assert_sources_are_uses",
    "assert_steps_audited",
    "assert_tables_equal",
    "audit_words",
    "deal_spec",
    "deal_terms",
    "edited",
    "given_flows",
    "platform",
    "shrunk",
    "small_pool",
    "strategy",
    "usual_deal",
    "usual_flows",
]
