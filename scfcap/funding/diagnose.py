"""Why there is no plan: the least relaxation that would mend it, and the limits in conflict.

An elastic pass gives each limit a slack: the company's own policy costs 1 a unit, contracts 100,
lending promised to borrowers 1,000; law and identities never give way. The slack that remains at
least total cost is named with its date and amount; limits with a dual at that optimum are a
Farkas certificate of the conflict (Chinneck, Feasibility and Infeasibility in Optimization,
2008).
"""

from __future__ import annotations

from scfcap.errors import InfeasibleError, SolverError
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.program import NoOptimumError, Program, Solution, elastic, solve
from scfcap.funding.variables import Book

#: Price of one unit of relaxation by kind of limit.
WEIGHTS = {"policy": 1.0, "contract": 100.0, "promise": 1000.0}
#: Price of one unit that a series lacks, where nothing else mends the program.
SERIES_WEIGHT = 1e4
#: Relaxations and duals below this count as none.
NOTHING = 1e-7
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
        "No plan keeps all limits. The least relaxation that would mend it, for example:",
        sentences,
        [
            (program.rows.family[r], program.rows.key[r], amount * book.inputs.unit)
            for r, amount in relaxed.items()
        ],
    )


def _beyond_limits(book: Book, relaxable: dict[int, float]) -> InfeasibleError:
    """The error where no limit mends it: a series that cannot pay, or law against the opening."""
    program = book.program
    owed = {
        r: SERIES_WEIGHT
        for r, family in enumerate(program.rows.family)
        if family in ("deal_cash", "tranche_balance")
    }
    loose, slacks = elastic(program, relaxable | owed)
    short: dict[str, float] = {}
    try:
        solution = solve(loose, check=False)
    except NoOptimumError:
        pass
    else:
        for r in owed:
            name = str(program.rows.key[r][0])
            amount = sum(float(solution.x[j]) for j in slacks[r])
            short[name] = short.get(name, 0.0) + amount
    unit, currency = book.inputs.unit, book.inputs.spec.currency
    sentences = [
        f"- {name} lacks {currency} {amount * unit:,.0f} to pay its notes, coupons and fees in "
        "time: its loans bring in too little by its legal end."
        for name, amount in short.items()
        if amount > NOTHING
    ]
    if sentences:
        return InfeasibleError("No plan lets every series pay what it owes:", sentences)
    return InfeasibleError(
        "No plan keeps all limits, and no relaxation of policies, contracts or promises mends "
        "it: law and the opening balance sheet conflict.",
        ["Check opening balances, draws due and the regime's caps."],
    )


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
    unit, currency = book.inputs.unit, book.inputs.spec.currency
    lines: dict[str, list[str]] = {}
    for r, amount in relaxed.items():
        way = "lower" if program.rows.sense[r] == ">=" else "raise"
        line = lines.setdefault(f"- {way} {_name(book, program, r)} by {currency} ", [])
        line.append(f"{amount * unit:,.0f}{_when(book, program, r)}")
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
