"""Limits that give way where nothing else is left: for a plan that must go on in any world.

A plan that is made before anything has happened keeps its limits or there is none. One that goes
on after a blow cannot undo it: losses may leave a series below its overcollateralization or the
company above the law's cap whatever it does. Such limits then cost so much per unit that they are
broken only where they must be, and by the least; what others grant (lines, markets, buyers, demand)
never gives way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scfcap.funding.rows import Key

if TYPE_CHECKING:
    from scfcap.funding.solution import Solution
    from scfcap.funding.variables import Book

#: Family of the columns by which limits give way; keys are (family, key) of the limit.
RELAXED = "relaxation"
#: What breaking a limit by one unit costs at each close [money units]. Above what a unit of money
#: can earn in a period many times over; the order is that in which limits give way.
PRICES: Mapping[str, float] = {
    "liquidity_floor": 1.0,
    "maturity_gap": 1.0,
    "tenor_match": 1.0,
    "book_share": 1.0,
    "core_share": 1.0,
    "lending_floor": 1.0,
    "headroom": 1.0,
    "promised_demand": 1.5,
    "idle_cash": 2.0,
    "covenant": 2.0,
    "p2p_backing": 2.0,
    "trigger_headroom": 3.0,
    "overcollateralization": 3.0,
    "guarantee_multiple": 4.0,
    "leverage": 4.0,
    "deal_cash": 8.0,
}
_WAY = {"<=": -1.0, ">=": 1.0}
#: Breaches below this count as none [money units].
NOTHING = 1e-6


def soften(book: Book) -> None:
    """Let limits of the program give way at their prices; its objective stands already.

    Of ``deal_cash`` only what a series lacks in its last periods gives way: its notes lose then.
    """
    program = book.program
    revolving = {d.name: d.last_revolving for d in book.inputs.deals}
    for family, price in PRICES.items():
        for key, r in program.rows_of(family).items():
            if family == "deal_cash" and key[1] <= revolving[key[0]]:
                continue
            terms = dict(program.rows.terms[r])
            sense = program.rows.sense[r]
            sign = -_outflow(book, key, terms) if sense == "=" else _WAY[sense]
            j = program.column(RELAXED, (family, key))
            terms[j] = sign
            program.rows.terms[r] = terms
            program.objective.add(j, -price)


def _outflow(book: Book, key: Key, terms: Mapping[int, float]) -> float:
    """The sign that what a series pays has in its row of cash."""
    name, t = key
    for family, label in (("Q", (name, t)), ("R", (name, t)), ("A", (name, 0, t))):
        j = book.program.find(family, label)
        if j is not None and j in terms:
            return 1.0 if terms[j] > 0.0 else -1.0
    return 1.0


def broken(book: Book, solution: Solution) -> dict[tuple[str, Key], float]:
    """Limits that gave way, by how much [money units]."""
    return {
        key: amount
        for j, family, key in book.program.labelled()
        if family == RELAXED and (amount := float(solution.x[j])) > NOTHING
    }


def penalty(book: Book, solution: Solution) -> float:
    """What breaches take off the objective [money units]: add it to have what the plan is worth."""
    return sum(
        PRICES[key[0]] * float(solution.x[j])
        for j, family, key in book.program.labelled()
        if family == RELAXED
    )
