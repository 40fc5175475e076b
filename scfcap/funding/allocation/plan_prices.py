"""What the plan's rows make of a unit of principal in each place: prices by place and period.

A loan in a place enters the plan's rows by what it does there: it stands, it is repaid, it pays
interest, it defaults. All of that is linear, so that a few unit cohorts tell the price of each:
one that only stands, one that only pays interest, and so on, in each segment. Their columns are
read off a program with these cohorts alone, built by the same families of rows as the plan's, and
priced by the plan's duals ``y``: ``c - y A`` over the rows that cohorts share. Any loan's columns
are then sums of its own factors times these prices. That no factor is forgotten is checked on the
plan's own cohorts, whose columns are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scfcap.axes import OWN
from scfcap.errors import FaultError
from scfcap.funding.cohort_inputs import CohortInputs, Maturing
from scfcap.funding.inputs import Inputs
from scfcap.funding.objective import objective
from scfcap.funding.quoted import OWN_ROWS, _rows, without_loans
from scfcap.funding.solution import Solution
from scfcap.funding.variables import Book, declare
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Vintage of the unit cohorts: old enough for every buyer.
_OLD = -100_000
#: Factors of a cohort that move money in the period after a close; what a loan is when it stands.
_FLOWS = ("repaid", "default", "interest")
_LOSSES = ("loss", "recoverable", "struck")
#: Those that tell what stands at the end.
_AT_END = ("terminal", "annuity", "defaults_ahead", "recoveries_ahead")
#: Standing alone.
STANDS = "stands"
#: Largest difference between a column's price and the sum over its factors, share of the largest.
_AGREES = 1e-7


@dataclass(frozen=True)
class PlacePrices:
    """Prices of principal by the plan's duals, money units of the objective per unit.

    Axes: factor F of ``factors``, place C of ``places`` (own capital first), segment S, close
    0..T. ``held`` [F, C, S, T + 1]: of a unit that stands in a place at a close, times the factor
    of :func:`factors_of`; ``moved`` [C, S, T + 1]: of a unit that moves there from own capital.
    ``holds`` and ``opens`` [C, S, T + 1]: where there is such a column at all.
    """

    factors: tuple[str, ...]
    places: tuple[str, ...]
    held: FloatArray
    moved: FloatArray
    holds: BoolArray
    opens: BoolArray


def factors_of(inputs: Inputs) -> Mapping[str, FloatArray]:
    """What a unit of each cohort does that stands at close t, by name [J, T + 1].

    Flows are those of the period after; shares (what matures, is pledged, is set aside) those of
    the close itself; what is worth at the end is at T alone.
    """
    cohorts, horizon = inputs.cohorts, inputs.horizon
    shape = (len(cohorts), horizon + 1)
    found = {STANDS: np.ones(shape)}
    for name in _FLOWS:
        found[name] = _after(getattr(cohorts, name))
    for name in _LOSSES if inputs.path is not None else ():
        found[name] = _after(getattr(inputs.path, name))
    for name in _AT_END:
        value = getattr(cohorts, name)
        if value is not None:
            found[name] = np.zeros(shape)
            found[name][:, horizon] = value
    if inputs.provisions is not None:
        found["cover"] = inputs.provisions.cover
    for days, due in inputs.maturing.items():
        found[f"within {days}"], found[f"later {days}"] = due.within, due.later
    if inputs.late is not None and inputs.late.behind is not None:
        found["behind"] = inputs.late.behind
    for c, share in enumerate(() if inputs.pledges is None else inputs.pledges.share):
        found[f"pledged {c}"] = np.broadcast_to(share[:, None], shape)
    return found


def _after(flow: FloatArray) -> FloatArray:
    return np.pad(flow[:, 1:], ((0, 0), (0, 1)))


def place_prices(inputs: Inputs, first: Solution) -> PlacePrices:
    """Prices by the optimum ``first`` of the program of ``inputs``, one scenario alone.

    Raises:
        FaultError: the plan's own cohorts are not worth what their factors add up to.
    """
    names = tuple(factors_of(inputs))
    segments = len(inputs.segments)
    units = _units(inputs, names)
    book = declare(units)
    value = _priced(book, first)
    places = (OWN, *(x.place for x in inputs.funders))
    shape = (len(names), len(places), segments, inputs.horizon + 1)
    held, holds = np.zeros(shape), np.zeros(shape[1:], dtype=np.bool_)
    moved, opens = np.zeros(shape[1:]), np.zeros(shape[1:], dtype=np.bool_)
    at = {where: c for c, where in enumerate(places)}
    for k, family, key in book.program.labelled():
        if family not in ("H", "Y"):
            continue
        p, where, t = key
        s, f = divmod(int(p), len(names))
        c = at[where]
        if family == "H":
            held[f, c, s, t], holds[c, s, t] = value[k], True
        elif f == 0:
            moved[c, s, t], opens[c, s, t] = value[k], True
    held[1:] -= held[:1]
    found = PlacePrices(names, places, held, moved, holds, opens)
    _check(inputs, first, found)
    return found


def _priced(book: Book, first: Solution) -> FloatArray:
    """``c - y A`` of the columns of ``book`` over the rows that cohorts share."""
    program = first.program
    value = np.zeros(book.program.shape[1])
    for k, c in objective(book).coefficients.items():
        value[k] = c
    duals = {
        label: float(first.dual[r])
        for label, r in program._row_index.items()
        if first.dual[r] != 0.0
    }
    for family, key, row in _rows(book, without_loans(program)):
        dual = 0.0 if family in OWN_ROWS else duals.get((family, key), 0.0)
        for k, c in row.terms.coefficients.items() if dual else ():
            value[k] -= dual * c
    return value


def _units(inputs: Inputs, names: tuple[str, ...]) -> Inputs:
    """The plan's inputs with unit cohorts instead of its own: segment s and factor f at
    ``s * F + f``, of which nothing stands at ``as_of``.
    """
    segments, horizon = len(inputs.segments), inputs.horizon
    count = segments * len(names)

    def one(name: str) -> FloatArray:
        unit = np.zeros((segments, len(names)))
        unit[:, names.index(name)] = 1.0
        return unit.ravel()

    def many(name: str) -> FloatArray:
        return np.repeat(one(name)[:, None], horizon + 1, axis=1)

    cohorts, pledges, late = inputs.cohorts, inputs.pledges, inputs.late
    told: dict[str, Any] = {name: many(name) for name in _FLOWS}
    told |= {name: None if getattr(cohorts, name) is None else one(name) for name in _AT_END}
    lost: dict[str, Any] = {} if inputs.path is None else {x: many(x) for x in _LOSSES}
    units = CohortInputs(
        segment=np.repeat(np.arange(segments), len(names)),
        vintage=np.full(count, _OLD, dtype=np.int64),
        origin=(OWN,) * count,
        amount=np.zeros(count),
        path=np.ones((count, horizon + 1)),
        survive=np.ones((count, horizon + 1)),
        **told,
    )
    return replace(
        inputs,
        cohorts=units,
        new_cohort={},
        eligible={name: np.ones(count) for name in inputs.eligible},
        demand=np.zeros_like(inputs.demand),
        promised=np.zeros_like(inputs.promised),
        path=None if inputs.path is None else replace(inputs.path, **lost),
        provisions=None
        if inputs.provisions is None
        else replace(inputs.provisions, cover=many("cover")),
        maturing={
            days: Maturing(many(f"within {days}"), many(f"later {days}"))
            for days in inputs.maturing
        },
        late=None
        if late is None
        else replace(late, behind=None if late.behind is None else many("behind")),
        pledges=None
        if pledges is None
        else replace(
            pledges, share=np.stack([one(f"pledged {c}") for c in range(len(pledges.takes))])
        ),
    )


def standing_value(
    prices: PlacePrices, factors: Mapping[str, FloatArray], segment: IntArray
) -> FloatArray:
    """What a unit of each cohort is worth that stands in a place at a close [J, C, T + 1]: what it
    does from there to the next close, its survival apart.
    """
    every = np.stack([factors[name] for name in prices.factors])
    found = np.zeros((len(segment), *prices.moved[:, 0].shape))
    for s in np.unique(segment):
        mine = segment == s
        found[mine] = np.einsum("fct,fjt->jct", prices.held[:, :, s], every[:, mine])
    return found


def _check(inputs: Inputs, first: Solution, prices: PlacePrices) -> None:
    """Compare prices with the columns of the plan's own cohorts."""
    program = first.program
    shared = np.array([family not in OWN_ROWS for family in program.rows.family])
    value = program.costs() - program.matrix().T @ np.where(shared, first.dual, 0.0)
    standing = standing_value(prices, factors_of(inputs), inputs.cohorts.segment)
    at = {where: c for c, where in enumerate(prices.places)}
    worst = 0.0
    for k, family, key in program.labelled():
        if family in ("H", "Y") and key[1] in at:
            j, where, t = int(key[0]), at[key[1]], int(key[2])
            s = int(inputs.cohorts.segment[j])
            told = standing[j, where, t] if family == "H" else prices.moved[where, s, t]
            worst = max(worst, abs(float(told - value[k])))
    if worst > _AGREES * max(1.0, float(np.abs(value).max())):
        msg = f"prices of principal by place miss {worst:g} of what a cohort's column is worth"
        raise FaultError(msg)
