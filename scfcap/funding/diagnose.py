"""Why there is no plan: plain reasons, the limits in conflict, and what would mend it.

The least relaxation of all limits together is unique (:mod:`scfcap.funding.relax`); the conflict is
an irreducible set of limits (:mod:`scfcap.funding.conflict`); each lever tells how much of it alone
would do (:mod:`scfcap.funding.levers`). Law, market and identities never give way.
"""

from __future__ import annotations

from scfcap.errors import InfeasibleError, SolverError
from scfcap.funding.conflict import conflict, conflict_words
from scfcap.funding.levers import Mended, lever_words, levers, sooner
from scfcap.funding.naming import day_of, enough, limit_name, money, period_of
from scfcap.funding.presolve import plain_reasons
from scfcap.funding.program import NoOptimumError, elastic, solve
from scfcap.funding.relax import LAST_WEIGHT, NOTHING, WEIGHTS, least_relaxation, relaxable
from scfcap.funding.variables import Book

__all__ = ["WEIGHTS", "explain"]


def explain(book: Book) -> InfeasibleError:
    """The error that says which limits conflict, when and by how much, and what would mend it.

    Raises:
        SolverError: all limits can be kept, so that the program is not infeasible.
    """
    inputs, program = book.inputs, book.program
    least = least_relaxation(program, inputs.spec.plan.relax)
    if least is None:
        return _beyond_limits(book)
    if not least.amounts:
        msg = "the solver calls the program infeasible, yet nothing has to give way"
        raise SolverError(msg)
    together = "all of it together" if len(least.amounts) > 1 else "by itself"
    if not least.unique:
        together += ", for example (another mix costs as little)"
    head = f"No plan keeps all limits. The least relaxation that would mend it, {together}:"
    sentences = _relaxations(book, least.amounts)
    sentences += plain_reasons(inputs, program)
    found = conflict(program)
    if found is not None:
        sentences.append(conflict_words(inputs, program, found))
    mended = levers(inputs, program, least.solution.fixed)
    alone, earlier = [x for x in mended if x.amount is not None], sooner(inputs)
    told = [lever_words(inputs, x) for x in alone] + earlier
    if told:
        sentences.append("Any one of these alone would mend it: " + "; ".join(told) + ".")
    helpless = [x.lever.what for x in mended if x.amount is None and x.lever.named]
    if helpless:
        sentences.append("Cannot mend it alone, however much: " + "; ".join(helpless) + ".")
    sentences.append("Relax one of these, lend less, or raise another source, and run again.")
    rows = program.rows
    return InfeasibleError(
        head,
        sentences,
        [(rows.family[r], rows.key[r], a * inputs.unit) for r, a in least.amounts.items()],
        conflict=[] if found is None else [(rows.family[r], rows.key[r]) for r in found.rows],
        levers=[_lever(x, inputs.unit) for x in mended],
    )


def _lever(found: Mended, unit: float) -> tuple[str, float | None]:
    """What is moved, and by how much: currency, or the share of what is promised."""
    if found.amount is None:
        return found.lever.what, None
    return found.lever.what, found.amount * (1.0 if found.lever.share else unit)


def _beyond_limits(book: Book) -> InfeasibleError:
    """The error where no limit mends it: a series that cannot pay, or a cap already exceeded."""
    program, inputs = book.program, book.inputs
    short: dict[str, float] = {}
    for r, amount in _given_way(book, ("deal_cash", "tranche_balance")).items():
        name = str(program.rows.key[r][0])
        short[name] = short.get(name, 0.0) + amount
    if short:
        sentences = [
            f"- {name} lacks {enough(inputs, amount)} to pay its notes, coupons and fees "
            "in time: its loans bring in too little by its legal end."
            for name, amount in short.items()
        ]
        return InfeasibleError("No plan lets every series pay what it owes:", sentences)
    sentences = [
        f"- {limit_name(inputs, program.rows.family[r], program.rows.key[r])} is exceeded by "
        f"{enough(inputs, amount)}{_when(book, r)}"
        for r, amount in _given_way(book, ("leverage",)).items()
    ]
    return InfeasibleError(
        "No plan keeps all limits, and no relaxation of policies, contracts or promises mends "
        "it: law and the opening balance sheet conflict.",
        [*sentences, "Check opening balances, draws due and the regime's caps."],
    )


def _given_way(book: Book, families: tuple[str, ...]) -> dict[int, float]:
    """Rows of ``families`` that must give way, with amounts [money units]; none if in vain."""
    rows = {
        r: LAST_WEIGHT for r, family in enumerate(book.program.rows.family) if family in families
    }
    loose, slacks = elastic(book.program, relaxable(book.program) | rows)
    try:
        solution = solve(loose, check=False)
    except NoOptimumError:
        return {}
    amounts = {r: sum(float(solution.x[j]) for j in slacks[r]) for r in rows}
    return {r: amount for r, amount in amounts.items() if amount > NOTHING}


def _relaxations(book: Book, relaxed: dict[int, float]) -> list[str]:
    """One sentence a limit, with its amounts by date."""
    inputs, rows = book.inputs, book.program.rows
    lines: dict[str, list[str]] = {}
    for r, amount in relaxed.items():
        way = "lower" if rows.sense[r] == ">=" else "raise"
        name = limit_name(inputs, rows.family[r], rows.key[r])
        line = lines.setdefault(f"- {way} {name} by {inputs.spec.currency} ", [])
        told = enough(inputs, amount).removeprefix(f"{inputs.spec.currency} ")
        line.append(f"{told}{_when(book, r)}{_of(book, r)}")
    return [head + ", ".join(parts) for head, parts in lines.items()]


def _of(book: Book, r: int) -> str:
    """The limit itself, where it is an amount."""
    rows = book.program.rows
    limit = rows.right[r] + rows.constant[r]
    if limit <= NOTHING:
        return ""
    # A floor is rounded as what it is lowered by, which may be all of it.
    floor = rows.sense[r] == ">="
    told = enough(book.inputs, limit) if floor else money(book.inputs, limit * book.inputs.unit)
    return f" (of {told})"


def _when(book: Book, r: int) -> str:
    t = period_of(book.program.rows.family[r], book.program.rows.key[r])
    return "" if t is None else f" at {day_of(book.inputs, t)}"
