"""What the plan has in each channel of today's loans once its first decisions are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, OWN, place
from scfcap.funding.allocation.assembled import Target
from scfcap.funding.allocation.from_plan import PlanValues
from scfcap.funding.inputs import BuyerInputs, Inputs
from scfcap.funding.naming import day_of
from scfcap.funding.plan import Plan
from scfcap.funding.program import Key
from scfcap.pool.snapshot import Pool
from scfcap.quantities import BoolArray, FloatArray

#: By which number of a loan its balance counts towards an amount of the plan.
STANDING = "standing"
#: What is left of an amount of loans that stay where they are, for rounding [currency].
CENT = 0.01
#: Amounts up to this are none [currency].
_SOME = 0.5


@dataclass(frozen=True)
class Amount:
    """What the plan has in a place of a cohort on today's tape.

    ``today`` is in today's balance, ``standing`` what is expected to stand at the first close;
    both [currency].
    """

    place: str
    cohort: int
    today: float
    standing: float


def amounts(plan: Plan, until: int = 1) -> list[Amount]:
    """Where the plan has today's loans after its decisions up to the close of ``until``.

    What moves at a later close than the first counts as what stands of it at the first.
    """
    inputs, unit = plan.optimum.inputs, plan.optimum.inputs.unit
    cohorts = inputs.cohorts
    stays = {
        j: float(cohorts.amount[j]) for j in range(len(cohorts)) if int(cohorts.vintage[j]) <= 0
    }
    gone: dict[tuple[int, str], float] = {}
    for (j, where, t), amount in plan.optimum.decisions.transfers.items():
        if t <= until and j in stays:
            of_today = amount / float(cohorts.path[j, t])
            gone[j, where] = gone.get((j, where), 0.0) + of_today
            stays[j] -= of_today
    parts = [(cohorts.origin[j], j, max(x, 0.0)) for j, x in stays.items()]
    parts += [(where, j, x) for (j, where), x in gone.items()]
    return [
        Amount(where, j, x * unit, x * float(cohorts.path[j, 1]) * unit)
        for where, j, x in parts
        if x > 0.0
    ]


def targets(
    plan: Plan, pool: Pool, found: PlanValues, band: float, until: int = 1
) -> dict[str, Target]:
    """What is to be in each channel of ``found``, and the band, by key of the channel.

    Amounts are in balance expected to stand at the plan's first close: each loan counts by its
    number :data:`STANDING`, as what is repaid by then is not there to move. The band is ``band``
    times the amount to each side, or the largest loan that may come in if that is more; above it
    ends where the funder's limit at the close leaves no more. Where the plan moves nothing, what is
    there stays and nothing comes in. Own capital has no band of its own, as it keeps the rest.
    Lines of borrowing bases have at least what the plan pledges.
    """
    inputs = plan.optimum.inputs
    there: dict[str, float] = {}
    for x in amounts(plan, until):
        there[x.place] = there.get(x.place, 0.0) + x.standing
    counts, may = pool.balance * found.standing, found.may
    day = day_of(inputs, until)
    keeps = f"what the plan keeps at {day}"
    result = {OWN: Target(wanted=there.get(OWN, 0.0), source=keeps, number=STANDING)}
    for c, key in enumerate(found.channels):
        if key == OWN:
            continue
        if key.startswith(BANK_DEBT):
            result[key] = _pledged(plan, key, counts[may[:, c]], band)
            continue
        here = at_place(pool, key)
        kept, wanted = float(counts[here].sum()), there.get(key, 0.0)
        largest = float(counts[may[:, c] & ~here].max(initial=0.0))
        moves = wanted > kept + _SOME
        half = max(band * wanted, largest) if moves else 0.0
        room = headroom(plan, key, until)
        result[key] = Target(
            least=max(wanted - half, kept - CENT, 0.0),
            most=max(wanted + min(half, room), kept + CENT),
            wanted=wanted,
            source=_source(wanted - kept, day),
            number=STANDING,
        )
    return result


def at_place(pool: Pool, key: str) -> BoolArray:
    """Loans of the pool that are in a place today (loans,)."""
    if key not in pool.places:
        return np.zeros(len(pool), dtype=np.bool_)
    return np.asarray(pool.place == pool.places.index(key))


def _source(moves: float, day: date) -> str:
    if moves <= _SOME:
        return f"the plan moves nothing there at {day}"
    return f"the plan moves {moves:,.0f} there at {day}, counted by what stands of a loan then"


def _pledged(plan: Plan, key: str, counts: FloatArray, band: float) -> Target:
    """At least what the plan pledges to a line at its first close."""
    found, inputs = plan.optimum, plan.optimum.inputs
    name = key.partition(":")[2]
    wanted = inputs.unit * math.fsum(
        amount for (x, _, t), amount in found.decisions.pledged.items() if (x, t) == (name, 1)
    )
    # New loans of the period may be pledged too; those of today are asked for what there is.
    wanted = min(wanted, float(counts.sum()))
    half = max(band * wanted, float(counts.max(initial=0.0)))
    day = day_of(inputs, 1)
    source = f"the plan pledges {wanted:,.0f} at {day}" if wanted > _SOME else "no pledge is asked"
    least = max(wanted - half, 0.0)
    return Target(least=least, wanted=wanted, source=source, number=STANDING)


def headroom(plan: Plan, key: str, until: int = 1) -> float:
    """What a place could take beyond the plan's moves up to ``until`` by its funder's own limits
    [currency]; 0 where it is no funder's.
    """
    inputs = plan.optimum.inputs
    funder = next((x for x in inputs.funders if x.place == key), None)
    if funder is None:
        return 0.0
    closes = range(1, until + 1)
    if isinstance(funder, BuyerInputs):
        rooms = [_slack(plan, name, (funder.name, t))
                 for name in ("transfer_stock", "transfer_flow") for t in closes]  # fmt: skip
        return inputs.unit * min(rooms)
    if funder.state is None:
        rooms = [_slack(plan, "issue_size", funder.name), _slack(plan, "programme", "programme")]
        return inputs.unit * min(rooms)
    solution = plan.optimum.solution
    return inputs.unit * min(max(solution.value("Q", (funder.name, t)), 0.0) for t in closes)


def _slack(plan: Plan, family: str, key: Key) -> float:
    """What a row leaves free [money units]; no limit where it does not exist."""
    program, x = plan.optimum.book.program, plan.optimum.solution.x
    row = program.rows_of(family).get(key)
    if row is None:
        return math.inf
    use, limit = program.sides(row, x)
    return max(limit - use, 0.0)


def amounts_table(plan: Plan, until: int = 1) -> pd.DataFrame:
    """:func:`amounts` by channel, segment and age: for explanations; amounts in currency."""
    inputs = plan.optimum.inputs
    cohorts = inputs.cohorts
    rows = [
        {
            "channel": x.place,
            "segment": inputs.segments[int(cohorts.segment[x.cohort])],
            "age": -int(cohorts.vintage[x.cohort]),
            "moves": x.place != cohorts.origin[x.cohort],
            "today": x.today,
            "standing": x.standing,
        }
        for x in amounts(plan, until)
    ]
    columns = ["channel", "segment", "age", "moves", "today", "standing"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["channel", "segment", "age"], kind="stable", ignore_index=True
    )


def all_channels(inputs: Inputs, pool: Pool) -> tuple[str, ...]:
    """Keys of every place that the plan knows: own capital, funders, partners, lines lent against
    loans, and what else the tape has.
    """
    lines = [place(BANK_DEBT, x.lender) for x in inputs.covenants if x.kind == "borrowing_base"]
    names = [OWN, *(x.place for x in inputs.funders), *inputs.partner_places, *lines, *pool.places]
    return tuple(dict.fromkeys(names))
