"""Why no plan keeps all limits in every scenario."""

from __future__ import annotations

from collections.abc import Mapping

from scfcap.errors import InfeasibleError
from scfcap.funding.catalogue import build_program
from scfcap.funding.diagnose import explain
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import day_of, enough, limit_name, period_of
from scfcap.funding.program import NoOptimumError, Program, solve
from scfcap.funding.relax import least_relaxation
from scfcap.funding.tail import without_risk
from scfcap.funding.variables import declare


def explain_scenarios(inputs: Mapping[str, Inputs], shared: Program) -> InfeasibleError:
    """The error that names the first scenario that has no plan by itself, and explains it.

    Where each has one, what is decided in all of them alike is in conflict: it says the least
    relaxation of limits, each with its scenario.
    """
    for name, alone in inputs.items():
        book = declare(without_risk(alone))
        try:
            solve(build_program(book), check=False)
        except NoOptimumError:
            why = explain(book)
            head, *_ = str(why).splitlines()
            return InfeasibleError(
                f"In scenario {name}: {head}",
                why.sentences,
                why.relaxations,
                conflict=why.conflict,
                levers=why.levers,
            )
    first = next(iter(inputs.values()))
    least = least_relaxation(shared, first.spec.plan.relax)
    amounts = {} if least is None else least.amounts
    rows, sentences, told = shared.rows, [], []
    for r, amount in amounts.items():
        family, key = rows.family[r], rows.key[r]
        t = period_of(family, key)
        way = "lower" if rows.sense[r] == ">=" else "raise"
        when = "" if t is None else f" at {day_of(first, t)}"
        limit = limit_name(first, family, key)
        sentences.append(f"- {way} {limit} by {enough(first, amount)}{when}")
        told.append((family, key, amount * first.unit))
    return InfeasibleError(
        "Each scenario has a plan, but none decides alike in all of them while they cannot be told "
        "apart. The least relaxation that would mend it:",
        [*sentences, "Relax one of these, or let scenarios part earlier."],
        told,
    )
