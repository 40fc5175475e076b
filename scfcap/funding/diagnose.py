"""Why there is no plan: the least relaxation that would mend it, and the limits in conflict.

An elastic pass gives each limit a slack: the company's own policy costs 1 a unit, contracts 100,
lending promised to borrowers 1,000; law and identities never give way. The slack that remains at
least total cost is named with its date and amount; limits with a dual at that optimum are a
Farkas certificate of the conflict (Chinneck, Feasibility and Infeasibility in Optimization,
2008).
"""

from __future__ import annotations

from scfcap.errors import InfeasibleError
from scfcap.funding.catalogue import BY_NAME, Family
from scfcap.funding.program import Key, NoOptimumError, Program, elastic, solve
from scfcap.funding.variables import Book

#: Price of one unit of relaxation by kind of limit.
WEIGHTS = {"policy": 1.0, "contract": 100.0, "promise": 1000.0}
#: Relaxations and duals below this count as none.
NOTHING = 1e-7
#: Sentences on the conflict at most.
MOST = 8


def explain(book: Book) -> InfeasibleError:
    """The error that says which limits conflict, when and by how much."""
    program = book.program
    relaxable = {
        r: WEIGHTS[BY_NAME[family].kind]
        for r, family in enumerate(program.rows.family)
        if BY_NAME[family].kind in WEIGHTS
    }
    loose, slacks = elastic(program, relaxable)
    try:
        solution = solve(loose, check=False)
    except NoOptimumError:
        return InfeasibleError(
            "No plan keeps all limits, and no relaxation of policies, contracts or promises mends "
            "it: law and the opening balance sheet conflict.",
            ["Check opening balances, draws due and the regime's caps."],
        )
    relaxed = {
        r: amount
        for r, columns in slacks.items()
        if (amount := sum(float(solution.x[j]) for j in columns)) > NOTHING
    }
    sentences = [_relaxation(book, program, r, amount) for r, amount in relaxed.items()]
    conflict = [
        r
        for r, family in enumerate(program.rows.family)
        if BY_NAME[family].is_limit and abs(solution.dual[r]) > NOTHING and r not in relaxed
    ]
    names = list(dict.fromkeys(_name(book, program, r, dated=False) for r in conflict))[:MOST]
    if names:
        sentences.append("In conflict with: " + "; ".join(names) + ".")
    sentences.append("Relax one of these, lend less, or raise another source, and run again.")
    return InfeasibleError(
        "No plan keeps all limits. The least relaxation that would mend it, for example:",
        sentences,
    )


def _relaxation(book: Book, program: Program, r: int, amount: float) -> str:
    unit, currency = book.inputs.unit, book.inputs.spec.currency
    way = "lower" if program.rows.sense[r] == ">=" else "raise"
    right = program.rows.right[r] + program.rows.constant[r]
    return (
        f"- {way} {_name(book, program, r, dated=True)} by {currency} {amount * unit:,.0f} "
        f"(now {right * unit:,.0f})"
    )


def _name(book: Book, program: Program, r: int, *, dated: bool) -> str:
    family: Family = BY_NAME[program.rows.family[r]]
    key: Key = program.rows.key[r]
    parts = list(key) if isinstance(key, tuple) else [key]
    when = ""
    if family.period_at is not None:
        end = book.inputs.grid.ends[int(parts.pop(family.period_at)) - 1]
        when = f" at {end:%Y-%m-%d}" if dated else ""
    rest = [str(p) for p in parts if family.name != "programme"]
    return f"{family.what}{' ' + '/'.join(rest) if rest else ''}{when}"
