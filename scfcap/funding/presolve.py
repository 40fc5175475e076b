"""Plain checks of a program that cannot be kept, before any fine reason is sought.

Each holds by itself: lending promised above demand; what falls due above all that could be at hand;
a liquidity floor above it; lending promised that leaves too little. What could be at hand at a
close is the most cash that any plan may have then, policies and promises set aside and cash of
other closes left free: more than is possible, so that what it cannot pay nothing can.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import day_of, money
from scfcap.funding.program import Program
from scfcap.funding.warm import Warm

#: Amounts below this count as none [money units].
NOTHING = 1e-6
#: Closes that are tried.
MOST = 24


def plain_reasons(inputs: Inputs, program: Program) -> list[str]:
    """What is wrong in plain words, if anything so plain is: at most one sentence of a kind."""
    return [*_above_demand(inputs), *_short_of_cash(inputs, program)]


def _above_demand(inputs: Inputs) -> Iterator[str]:
    for s, name in enumerate(inputs.segments):
        for t in inputs.periods:
            least, most = float(inputs.promised[s, t]), float(inputs.demand[s, t])
            if least > most + NOTHING:
                told = money(inputs, least * inputs.unit)
                yield (
                    f"Lending of {told} is promised in {name} at {day_of(inputs, t)}, and only "
                    f"{money(inputs, most * inputs.unit)} is asked for."
                )
                break


def _short_of_cash(inputs: Inputs, program: Program) -> Iterator[str]:
    kinds = [BY_NAME[family].kind for family in program.rows.family]
    promises = [r for r, kind in enumerate(kinds) if kind == "promise"]
    warm = Warm(program)
    warm.free([r for r, kind in enumerate(kinds) if kind in ("policy", "promise")])
    for t in inputs.periods:
        warm.bound(_cash(program, t), -inf, inf)
    for t in inputs.periods[:MOST]:
        most = _most(warm, program, t)
        if most is None:
            return
        floor = _floor(program, t)
        day, at_hand = day_of(inputs, t), money(inputs, max(most, 0.0) * inputs.unit)
        if most < -NOTHING:
            yield (
                f"What falls due by {day} exceeds all that could come in by then by "
                f"{money(inputs, -most * inputs.unit)}, even if nothing is lent."
            )
            return
        if most < floor - NOTHING:
            told = money(inputs, floor * inputs.unit)
            yield (
                f"The liquidity floor of {told} at {day} is above all sources: at most {at_hand} "
                "could be at hand, even if nothing is lent."
            )
            return
    warm.bind(promises)
    for t in inputs.periods[:MOST] if promises else ():
        most = _most(warm, program, t)
        if most is None:
            return
        if most < -NOTHING:
            yield (
                f"Lending promised up to {day_of(inputs, t)} takes "
                f"{money(inputs, -most * inputs.unit)} more than all sources could bring by then."
            )
            return


def _cash(program: Program, t: int) -> int:
    column = program.find("M", t)
    assert column is not None
    return column


def _most(warm: Warm, program: Program, t: int) -> float | None:
    """Most cash at the close of ``t`` [money units]; None where it is not to be told."""
    warm.set_costs({_cash(program, t): 1.0})
    point = warm.solve()
    return None if point is None else point.objective - program.objective.constant


def _floor(program: Program, t: int) -> float:
    """The floor at the close of ``t`` [money units], what falls due of older debt included."""
    row = program.rows_of("liquidity_floor").get(t)
    return 0.0 if row is None else float(program.rows.right[row])
