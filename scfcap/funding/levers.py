"""What alone would mend a plan that cannot be made: each lever by one linear program.

A lever is a datum of the model that may be moved: a line, a limit of a buyer, the programme, P2P
limits and supply, the floor, opening capital, lending promised, and every other limit of the
catalogue that is no law. Its amount is the least by which it must move, all else as it stands:

    min s  such that  A x <= b + s shift,  0 <= s <= most
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf

from scfcap.funding.catalogue import BY_NAME, build_program
from scfcap.funding.data import Datum, all_data
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import enough
from scfcap.funding.program import NoOptimumError, Program, solve
from scfcap.funding.variables import declare
from scfcap.funding.warm import Warm

#: Amounts below this count as none [money units].
NOTHING = 1e-7


@dataclass(frozen=True)
class Lever:
    """What may be moved: right-hand sides by ``shifts`` per unit, up to ``most`` units.

    ``share`` says that a unit is all of what is promised; ``per`` when it is moved.
    """

    verb: str
    what: str
    per: str
    shifts: dict[int, float]
    most: float = inf
    share: bool = False
    named: bool = True


@dataclass(frozen=True)
class Mended:
    """A lever and the least of it that mends the program alone; None where it cannot."""

    lever: Lever
    amount: float | None


def levers(
    inputs: Inputs, program: Program, fixed: Mapping[int, float] | None = None
) -> list[Mended]:
    """Every lever with its amount; ``fixed`` holds whole numbers where the program has them."""
    model = Warm(program, fixed=fixed)
    model.set_costs({})
    return [Mended(x, model.least_shift(x.shifts, x.most)) for x in all_levers(inputs, program)]


def all_levers(inputs: Inputs, program: Program) -> list[Lever]:
    """What may be moved, as the model states it first."""
    found = [lever for datum in all_data(inputs, program) if (lever := _of(datum)) is not None]
    return [*found, *_promises(inputs, program)]


def _of(datum: Datum) -> Lever | None:
    kind = BY_NAME[datum.family].kind if datum.family else "contract"
    if kind in ("law", "market") or datum.family == "promised_demand":
        return None
    if datum.what == "net assets":
        return None
    if datum.family == "liquidity_floor":
        return Lever("lower", "the liquidity floor", datum.per, datum.shifts, datum.size)
    what = datum.what.removeprefix("room under ").removeprefix("relief from ")
    verb = "raise" if datum.named or datum.what.startswith("room") else "lower"
    return Lever(verb, what, datum.per, datum.shifts, named=datum.named)


def _promises(inputs: Inputs, program: Program) -> Iterator[Lever]:
    """A share of what is promised less: in each segment, and in all of them."""
    rows = program.rows_of("promised_demand")
    everything = {r: -program.rows.right[r] for r in rows.values()}
    for name in inputs.segments:
        own = {r: -program.rows.right[r] for (key, _), r in rows.items() if key == name}
        if own and len(own) < len(everything):
            yield Lever("promise", f"less lending in {name}", "", own, 1.0, share=True)
    if everything:
        yield Lever("promise", "less lending", "", everything, 1.0, share=True)


def lever_words(inputs: Inputs, found: Mended) -> str:
    """``raise the line of bank-a throughout by CNY 37,000,000``."""
    lever, amount = found.lever, found.amount
    assert amount is not None
    if lever.share:
        total = amount * sum(abs(s) for s in lever.shifts.values())
        return f"promise {amount:.2%} {lever.what}, {enough(inputs, total)} in all"
    if lever.what == "net capital":
        return f"have {enough(inputs, amount)} more of net capital, in cash, at the start"
    return f"{lever.verb} {lever.what} {lever.per} by {enough(inputs, amount)}"


def sooner(inputs: Inputs) -> list[str]:
    """Sales and purchases by less age of the loans that alone would mend the plan, in words."""
    texts = []
    frequency = inputs.grid.frequency
    for buyer in inputs.buyers:
        if buyer.min_seasoning > 0 and buyer.limit > 0.0:
            for age in range(buyer.min_seasoning - 1, -1, -1):
                new = replace(buyer, min_seasoning=age)
                buyers = tuple(new if b is buyer else b for b in inputs.buyers)
                if _has_plan(replace(inputs, buyers=buyers)):
                    texts.append(f"sell loans to {buyer.name} at {age} {frequency}s of age")
                    break
    vehicle = inputs.vehicle
    if vehicle is not None:
        for age in range(vehicle.min_seasoning - 1, -1, -1):
            new_vehicle = vehicle.model_copy(update={"min_seasoning": age})
            if _has_plan(replace(inputs, vehicle=new_vehicle)):
                texts.append(f"sell loans to the series at {age} {frequency}s of age")
                break
    return texts


def _has_plan(inputs: Inputs) -> bool:
    try:
        solve(build_program(declare(inputs)), check=False)
    except NoOptimumError:
        return False
    return True
