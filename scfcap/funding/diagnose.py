"""Why there is no plan: the least relaxation that would mend it, and the limits in conflict.

An elastic pass gives each limit a slack: the company's own policy costs 1 a unit, contracts 100,
lending promised to borrowers 1,000; law and identities never give way. The slack that remains at
least total cost is named with its date and amount; limits with a dual at that optimum are a
Farkas certificate of the conflict (Chinneck, Feasibility and Infeasibility in Optimization,
2008).
"""

from __future__ import annotations

import math

from scfcap.errors import InfeasibleError, SolverError
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.program import NoOptimumError, Program, Solution, elastic, solve
from scfcap.funding.variables import Book

#: Price of one unit of relaxation by kind of limit.
WEIGHTS = {"policy": 1.0, "contract": 100.0, "promise": 1000.0}
#: Price of one unit of what never gives way, used only to name it where nothing else mends.
LAST_WEIGHT = 1e4
#: Relaxations and duals below this count as none.
NOTHING = 1e-7
#: Currency below this is not rounded up to a whole unit.
CENT = 0.005
#: Sentences on the conflict at most.
MOST = 8


def explain(book: Book) -> InfeasibleError:
    """The error that says which limits conflict, when and by how much.

    Raises:
        SolverError: all limits can be kept, so that the program is not infeasible.
    """
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
        return _beyond_limits(book, relaxable)
    relaxed = {
        r: amount
        for r, columns in slacks.items()
        if (amount := sum(float(solution.x[j]) for j in columns)) > NOTHING
    }
    if not relaxed:
        msg = "the solver calls the program infeasible, yet nothing has to give way"
        raise SolverError(msg)
    sentences = _relaxations(book, program, relaxed)
    names = _conflict(book, program, solution, set(relaxed))
    if names:
        sentences.append("In conflict with: " + "; ".join(names) + ".")
    sentences.append("Relax one of these, lend less, or raise another source, and run again.")
    return InfeasibleError(
        "No plan keeps all limits. The least relaxation that would mend it, all of it together:",
        sentences,
        [
            (program.rows.family[r], program.rows.key[r], amount * book.inputs.unit)
            for r, amount in relaxed.items()
        ],
    )


def _beyond_limits(book: Book, relaxable: dict[int, float]) -> InfeasibleError:
    """The error where no limit mends it: a series that cannot pay, or a cap already exceeded."""
    program, currency = book.program, book.inputs.spec.currency
    short: dict[str, float] = {}
    for r, amount in _given_way(book, relaxable, ("deal_cash", "tranche_balance")).items():
        name = str(program.rows.key[r][0])
        short[name] = short.get(name, 0.0) + amount
    if short:
        sentences = [
            f"- {name} lacks {currency} {_whole(book, amount)} to pay its notes, coupons and fees "
            "in time: its loans bring in too little by its legal end."
            for name, amount in short.items()
        ]
        return InfeasibleError("No plan lets every series pay what it owes:", sentences)
    sentences = [
        f"- {_name(book, program, r)} is exceeded by {currency} {_whole(book, amount)}"
        f"{_when(book, program, r)}"
        for r, amount in _given_way(book, relaxable, ("leverage",)).items()
    ]
    return InfeasibleError(
        "No plan keeps all limits, and no relaxation of policies, contracts or promises mends "
        "it: law and the opening balance sheet conflict.",
        [*sentences, "Check opening balances, draws due and the regime's caps."],
    )


def _given_way(
    book: Book, relaxable: dict[int, float], families: tuple[str, ...]
) -> dict[int, float]:
    """Rows of ``families`` that must give way, with amounts [money units]; none if in vain."""
    rows = {
        r: LAST_WEIGHT for r, family in enumerate(book.program.rows.family) if family in families
    }
    loose, slacks = elastic(book.program, relaxable | rows)
    try:
        solution = solve(loose, check=False)
    except NoOptimumError:
        return {}
    amounts = {r: sum(float(solution.x[j]) for j in slacks[r]) for r in rows}
    return {r: amount for r, amount in amounts.items() if amount > NOTHING}


def _whole(book: Book, amount: float) -> str:
    """An amount [money units] in whole currency units, rounded up so that it is enough."""
    return f"{math.ceil(amount * book.inputs.unit - CENT):,d}"


def _conflict(book: Book, program: Program, solution: Solution, relaxed: set[int]) -> list[str]:
    """Limits that press against the relaxed ones, hardest first."""
    pressure: dict[str, float] = {}
    for r, name in enumerate(program.rows.family):
        family = BY_NAME[name]
        dual = abs(float(solution.dual[r]))
        tells = family.is_limit and family.kind != "market" and name != "transfer_eligibility"
        if not tells or dual <= NOTHING or r in relaxed:
            continue
        label = _name(book, program, r)
        pressure[label] = pressure.get(label, 0.0) + dual
    ranked = sorted(pressure, key=lambda label: (-pressure[label], label))
    relaxed_names = {_name(book, program, r) for r in relaxed}
    return [label for label in ranked if label not in relaxed_names][:MOST]


def _relaxations(book: Book, program: Program, relaxed: dict[int, float]) -> list[str]:
    """One sentence a limit, with its amounts by date."""
    currency = book.inputs.spec.currency
    lines: dict[str, list[str]] = {}
    for r, amount in relaxed.items():
        way = "lower" if program.rows.sense[r] == ">=" else "raise"
        line = lines.setdefault(f"- {way} {_name(book, program, r)} by {currency} ", [])
        line.append(f"{_whole(book, amount)}{_when(book, program, r)}")
    return [head + ", ".join(parts) for head, parts in lines.items()]


def _when(book: Book, program: Program, r: int) -> str:
    position = BY_NAME[program.rows.family[r]].period_at
    if position is None:
        return ""
    key = program.rows.key[r]
    t = int(key[position] if isinstance(key, tuple) else key)
    return f" at {book.inputs.grid.ends[t - 1]:%Y-%m-%d}"


def _name(book: Book, program: Program, r: int) -> str:
    """A limit in words, its date left out."""
    family = BY_NAME[program.rows.family[r]]
    key = program.rows.key[r]
    parts = list(key) if isinstance(key, tuple) else [key]
    if family.period_at is not None:
        parts.pop(family.period_at)
    if family.name == "programme":
        return family.what
    if family.name == "p2p_supply" and book.inputs.p2p is not None:
        return f"P2P supply at {book.inputs.p2p.steps[int(parts[0])].rate:.2%}"
    return " ".join([family.what, *map(str, parts)])
