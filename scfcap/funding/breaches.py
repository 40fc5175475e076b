"""Covenants that the opening book or old loans alone break: no decision helps, so it is data.

A breach at ``as_of`` stops draws until a test is kept, or calls the line. Of the tests inside the
plan, one can be lost before anything is decided: past-due loans at the first close, for what
defaults until then are the loans held at ``as_of``, and new loans dilute them by no more than what
is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.covenant_inputs import Breach, CovenantInputs
from scfcap.funding.inputs import Inputs, LenderInputs
from scfcap.funding.opening import opening_liabilities
from scfcap.funding.rooms import rooms
from scfcap.quantities import ROW_TOLERANCE, FloatArray
from scfcap.schema.model import Model


def under_covenants(inputs: Inputs) -> Inputs:
    """``inputs`` with the effect of every covenant that is broken before anything is decided.

    A draw stop leaves no draw up to the close at which the covenant is tested next, where the plan
    must keep it. What is called is due at the next close, and the line is gone.
    """
    breaches = tuple(_spread(inputs, list(_broken(inputs))))
    if not breaches:
        return inputs
    lenders = tuple(
        _hit(x, [b for b in breaches if b.lender == x.name], inputs.horizon) for x in inputs.lenders
    )
    return replace(inputs, lenders=lenders, spec=_called_draws(inputs, breaches), breaches=breaches)


def opening_sides(inputs: Inputs, x: CovenantInputs) -> tuple[float, float]:
    """What a covenant measures at ``as_of``, and its base [money units]; a floor's base is 1."""
    if x.kind == "min_net_assets":
        return inputs.net_capital + inputs.deductions, 1.0
    if x.kind == "leverage":
        owed = opening_liabilities(inputs)
        return sum(v for name, v in owed.items() if name != "accrued coupons"), inputs.net_capital
    if x.kind == "past_due_share":
        assert inputs.late is not None
        return inputs.late.opening[x.days], float(_own(inputs).sum())
    line = next(y for y in inputs.lenders if y.name == x.lender)
    return float(line.open_balance[0]), _room_at_start(inputs, x.lender)


def _own(inputs: Inputs) -> FloatArray:
    """Own principal of each cohort at ``as_of`` [money units]."""
    cohorts = inputs.cohorts
    there = np.array([origin == OWN for origin in cohorts.origin]) & (cohorts.vintage <= 0)
    return np.asarray(np.where(there, cohorts.amount * cohorts.path[:, 0], 0.0))


def _room_at_start(inputs: Inputs, lender: str) -> float:
    """Usable pledge that a line can have at ``as_of`` beside what the others need [money units]."""
    assert inputs.pledges is not None
    own = _own(inputs)
    notes = 0.0 if inputs.p2p is None else float(inputs.p2p.open_balance[0])
    balance = {x.name: float(x.open_balance[0]) for x in inputs.lenders}
    bases = [x for x in inputs.covenants if x.kind == "borrowing_base"]
    cells = inputs.pledges.share @ own
    return rooms(inputs.pledges, bases, cells, float(own.sum()) - notes, balance)[lender]


def _ratio(part: float, whole: float) -> float:
    if part <= 0.0:
        return 0.0
    return part / whole if whole > 0.0 else np.inf


def _broken(inputs: Inputs) -> Iterator[Breach]:
    for x in inputs.covenants:
        line = next(y for y in inputs.lenders if y.name == x.lender)
        if line.limit <= 0.0 and not line.open_balance[0] > 0.0:
            continue
        if 0 in x.tests:
            ratio = _ratio(*opening_sides(inputs, x))
            if _breaks(x, ratio):
                yield _breach(inputs, x, 0, ratio)
                continue
        if x.kind == "past_due_share" and 1 in x.tests:
            least = _least_past_due(inputs, x.limit)
            if _breaks(x, least):
                yield _breach(inputs, x, 1, least)


def _breaks(x: CovenantInputs, ratio: float) -> bool:
    off = x.limit - ratio if x.at_least else ratio - x.limit
    return off > ROW_TOLERANCE * max(1.0, x.limit)


def _breach(inputs: Inputs, x: CovenantInputs, t: int, ratio: float) -> Breach:
    later = [u for u in sorted(x.tests) if u > t]
    until = later[0] if later else inputs.horizon
    return Breach(x.lender, x.effect, t, until, x.lender, x.name, ratio, x.limit)


def _least_past_due(inputs: Inputs, limit: float) -> float:
    """Past-due share at the first close of the lending in period 1 that exceeds ``limit`` least.

    ``past due - limit * loans`` is linear in what is lent in each segment, so that each lends all
    that is asked for, or no more than is promised. Sales come after the defaults and take
    performing loans away: they never help.
    """
    late = inputs.late
    assert late is not None
    cohorts, own = inputs.cohorts, _own(inputs)
    behind = np.zeros(len(cohorts)) if late.behind is None else late.behind[:, 1]
    left = own * cohorts.survive[:, 1]
    defaulted = float(own @ cohorts.default[:, 1])
    standing, slow = float(left.sum()), float(left @ behind)
    for s in range(len(inputs.segments)):
        j = inputs.new_cohort.get((s, 1))
        if j is None:
            continue
        default, survive = float(cohorts.default[j, 1]), float(cohorts.survive[j, 1])
        helps = default + survive * float(behind[j]) <= limit * (survive + default)
        lent = float((inputs.demand if helps else inputs.promised)[s, 1])
        defaulted += lent * default
        standing += lent * survive
        slow += lent * survive * float(behind[j])
    return _ratio(defaulted + slow, standing + defaulted)


def _spread(inputs: Inputs, breaches: list[Breach]) -> Iterator[Breach]:
    """Breaches with those that cross-default clauses make of them, one of each at each line."""
    seen: set[tuple[str, str, str]] = set()
    waiting = list(breaches)
    while waiting:
        found = waiting.pop(0)
        key = (found.lender, found.of, found.covenant)
        if key in seen:
            continue
        seen.add(key)
        yield found
        waiting += [
            replace(found, lender=clause.lender, effect=clause.effect)
            for clause in inputs.cross_defaults
            if found.lender in clause.of
        ]


def _hit(x: LenderInputs, breaches: list[Breach], horizon: int) -> LenderInputs:
    """A line after its breaches."""
    called = [b.t + 1 for b in breaches if b.effect == "acceleration"]
    stopped = frozenset(t for b in breaches for t in range(b.t + 1, b.until + 1))
    if not called:
        return replace(x, closed=x.closed | stopped) if breaches else x
    due = min(called)
    balance, repaid, interest = (
        np.array(values) for values in (x.open_balance, x.open_repaid, x.open_interest)
    )
    repaid[due:] = 0.0
    repaid[due] = balance[due - 1]
    balance[due:], interest[due + 1 :] = 0.0, 0.0
    return replace(
        x,
        limit=0.0,
        open_balance=balance,
        open_repaid=repaid,
        open_interest=interest,
        closed=frozenset(range(1, horizon + 1)),
    )


def _called_draws(inputs: Inputs, breaches: tuple[Breach, ...]) -> Model:
    """The model with the draws that are called due when they are."""
    grid = inputs.grid.extended(inputs.horizon + 1)
    due: dict[str, date] = {}
    for b in breaches:
        if b.effect == "acceleration":
            day = grid.ends[b.t]
            due[b.lender] = min(due.get(b.lender, day), day)
    lenders = tuple(
        x.model_copy(
            update={
                "draws": tuple(
                    d.model_copy(update={"maturity": min(d.maturity, due[x.name])}) for d in x.draws
                )
            }
        )
        if x.name in due
        else x
        for x in inputs.spec.lenders
    )
    return inputs.spec.model_copy(update={"lenders": lenders})
