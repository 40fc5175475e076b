"""Why two projections differ: one driver after the other is taken from the second.

The first projection is computed again with the second one's balances, then with its rates too, and
so on in a stated order; what each step changes is that driver's effect. The last step is the second
projection itself, so that the effects add up to the difference. What two drivers do together falls
to the later of them, so the order matters; reversed, it shows by how much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from scfcap.cashflow.driver_fields import DRIVERS, fields_of
from scfcap.cashflow.driver_rules import (
    MADE_OF_OTHERS,
    Pair,
    curve_sources,
    partners,
    told_on_both,
    with_curves,
)
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.project import PoolCashflow, loan_curves, project
from scfcap.credit.ageing import Ageing, goes_by_age
from scfcap.credit.curves import CurveSet
from scfcap.credit.indices import Indices
from scfcap.credit.stress import Stress
from scfcap.errors import InputError, Problem
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.pool.terms import DatedTerms, together
from scfcap.quantities import FloatArray
from scfcap.schema.credit import SegmentCredit

#: Average rates up to this are none: there is nothing to multiply [1/year].
_NO_RATE = 1e-9
#: Drivers that are laid over the side whose loans and timing a projection has.
_LAID_OVER = tuple(name for name in DRIVERS if name != "timing")
#: Fields of contracts in currency, in proportion to the principal lent.
_FEES = ("fee", "upfront")


@dataclass(frozen=True)
class Side:
    """One of two projections: what it was made from; ``credit`` is the behaviour by curve."""

    pool: Pool
    curves: CurveSet
    credit: Mapping[str, SegmentCredit]

    def total(self, segment: str) -> float:
        """Outstanding principal of a segment [currency]; 0 where it has none."""
        return float(self.pool.balance.sum(where=self._of(segment)))

    def rate(self, segment: str) -> float:
        """Average contract rate of a segment, weighted by balance [1/year]."""
        here = self._of(segment)
        weight = self.pool.balance[here]
        return float(self.pool.rate[here] @ weight / weight.sum()) if weight.sum() > 0.0 else 0.0

    def behaviour(self, curve: str) -> SegmentCredit | None:
        """Behaviour by one curve, in the grid's periods where it goes by age; None: not known."""
        if curve in self.curves.segments:
            ageing = self.curves.ageing[self.curves.segments.index(curve)]
            if ageing is not None:
                return ageing.credit
        return self.credit.get(curve)

    def _of(self, segment: str) -> Any:
        if segment not in self.pool.segments:
            return np.zeros(len(self.pool), dtype=np.bool_)
        return self.pool.segment == self.pool.segments.index(segment)


def alike(a: Side, b: Side, scenarios: Sequence[tuple[str, str]]) -> tuple[Side, Side]:
    """Both sides in the ``scenarios`` (name in a, name in b) and over the periods both cover.

    Raises :class:`InputError` for grids of different frequency, or an unknown scenario.
    """
    if a.curves.grid.frequency != b.curves.grid.frequency:
        found = f"periods of a {a.curves.grid.frequency} and of a {b.curves.grid.frequency}"
        raise InputError(
            Problem("projection.frequency", found, "periods of one length", "Project both alike.")
        )
    periods = min(len(a.curves.grid), len(b.curves.grid))
    sides = []
    for place, side in enumerate((a, b)):
        names = [pair[place] for pair in scenarios]
        unknown = [name for name in names if name not in side.curves.scenarios]
        if unknown:
            there = ", ".join(side.curves.scenarios)
            raise InputError(Problem("scenario", ", ".join(unknown), f"one of {there}"))
        rows = [side.curves.scenarios.index(name) for name in names]
        short = replace(side.curves, grid=side.curves.grid.extended(periods))
        stress = replace(side.curves.stress.chosen(rows).over(periods), scenarios=tuple(names))
        sides.append(replace(side, curves=short.under(stress)))
    return _by_rules_of_both(sides[0], sides[1])


def _by_rules_of_both(a: Side, b: Side) -> tuple[Side, Side]:
    """Both sides with curves for the rules of ``[[credit.where]]`` that only one of them has."""
    told = told_on_both(a.pool, b.pool)
    if told is None:
        return a, b
    first, second, pairs = told
    a, b = replace(a, pool=first), replace(b, pool=second)
    return _with_curves(a, pairs, 0), _with_curves(b, pairs, 1)


def _with_curves(side: Side, pairs: Mapping[str, Pair], place: int) -> Side:
    sources = curve_sources(side.curves, pairs, place)
    copies = {
        name: side.credit[source] for name, source in sources.items() if source in side.credit
    }
    curves = with_curves(side.curves, sources)
    return replace(side, curves=curves, credit={**side.credit, **copies})


def substitute(a: Side, b: Side, drivers: Sequence[str] = DRIVERS) -> list[PoolCashflow]:
    """The projections on the way from ``a`` to ``b``, one more than ``drivers``.

    Both are as :func:`alike` gives them; segments are those of either, sorted.
    """
    segments = tuple(sorted({*a.pool.segments, *b.pool.segments}))
    taken = [frozenset(drivers[:n]) for n in range(len(drivers) + 1)]
    return [_between(a, b, each, segments) for each in taken]


def _between(a: Side, b: Side, taken: frozenset[str], segments: tuple[str, ...]) -> PoolCashflow:
    """The projection with the drivers ``taken`` from ``b`` and the others from ``a``."""
    base, other = (b, a) if "timing" in taken else (a, b)
    flows = _run(base, a, b, taken, segments, base.pool.segments)
    # Segments that the base does not have: their loans are the other side's.
    strange = [name for name in other.pool.segments if name not in base.pool.segments]
    if strange:
        more = _run(other, a, b, taken, segments, strange)
        flows = Flows(**{f.name: getattr(flows, f.name) + getattr(more, f.name) for f in _FLOWS})
    return PoolCashflow(base.curves.scenarios, segments, base.curves.grid, flows)


_FLOWS = fields(Flows)


def _run(
    base: Side,
    a: Side,
    b: Side,
    taken: frozenset[str],
    segments: tuple[str, ...],
    wanted: Iterable[str],
) -> Flows:
    """Flows of the loans of ``base`` in the segments ``wanted``, on the axis ``segments``."""

    def side(driver: str) -> Side:
        return b if driver in taken else a

    pool = base.pool
    factor, rate = np.zeros(len(pool.segments)), np.ones(len(pool.segments))
    plus = np.zeros(len(pool.segments))
    for name in wanted:
        s = pool.segments.index(name)
        own = base.total(name)
        factor[s] = side("balance").total(name) / own if own > 0.0 else 0.0
        there = name in a.pool.segments and name in b.pool.segments
        want, have = side("rate").rate(name), base.rate(name)
        if there and want != have:
            if have > _NO_RATE:
                rate[s] = want / have
            else:
                rate[s], plus[s] = 0.0, want
    changed = scaled(pool, factor[pool.segment])
    changed = replace(
        changed,
        rate=pool.rate * rate[pool.segment] + plus[pool.segment],
        terms=changed.terms if side("rate") is base else _terms(changed, side("rate").pool),
        payers=_payers(changed, base, side),
    )
    curves = base.curves
    for driver in _LAID_OVER:
        if side(driver) is not base:
            curves = with_fields(curves, side(driver).curves, driver)
    curves = _what_can_be(changed, replace(curves, ageing=_ageing(base, side)))
    return _onto(project(changed, curves), segments)


def _what_can_be(pool: Pool, curves: CurveSet) -> CurveSet:
    """``curves`` without draws beside roll rates or in another order than ``survivors``, and
    without prepayment of what buyers pay.

    Neither side has both, but a step on the way may: the one then comes or goes with the other.
    """
    undrawn = curves.has_roll_rates | (curves.order != "survivors")
    draws = np.where(undrawn[:, None], 0.0, curves.draw_base)
    prepaid = curves.prepay_base.copy()
    if pool.payers is not None:
        prepaid[loan_curves(pool, curves)[pool.payers.by_buyer]] = 0.0
    if np.array_equal(draws, curves.draw_base) and np.array_equal(prepaid, curves.prepay_base):
        return curves
    stated = np.where(prepaid.any(axis=1), curves.stated_prepay, 0.0)
    changed = replace(curves, draw_base=draws, prepay_base=prepaid, stated_prepay=stated)
    return changed.under(curves.stress)


def _terms(pool: Pool, other: Pool) -> DatedTerms | None:
    """Contracts of ``pool`` with what is the rate's of ``other``'s, loan by loan.

    Loans that only one of them has, or that only in one are paid by dates, keep their own. Days of
    resets are the same dates, but where these have passed; fees are shares of what was lent.
    """
    own = pool.terms
    if own is None or other.terms is None:
        return own
    mine, theirs = partners(pool, other)
    both = own.dated[mine] & other.terms.dated[theirs]
    mine, theirs = mine[both], theirs[both]
    whole = together([own, other.terms])  # one list of indices
    own, new = whole.where(slice(len(pool))), whole.where(slice(len(pool), None))
    changed: dict[str, Any] = {}
    for name in fields_of(DatedTerms, "rate"):
        if name == "indices":
            continue
        values = getattr(own, name).copy()
        taken = getattr(new, name)[theirs]
        if name in _FEES:
            lent = new.original[theirs]
            taken = taken * own.original[mine] / np.where(lent > 0.0, lent, 1.0)
            taken = np.where(lent > 0.0, taken, values[mine])
        elif name == "next_reset_day":
            taken = taken + (other.as_of - pool.as_of).days
            taken = np.where(taken > 0, taken, values[mine])
        values[mine] = taken
        changed[name] = values
    return replace(own, **changed)


def _payers(pool: Pool, base: Side, side: Callable[[str], Side]) -> Payers | None:
    """How buyers pay the loans of ``pool``, each field as its driver's side has it."""
    if pool.payers is None:
        return None
    changed: dict[str, Any] = {}
    for driver in _LAID_OVER:
        other = side(driver)
        if other is not base and other.pool.payers is not None:
            names = fields_of(Payers, driver)
            changed |= {name: _of_loans(pool, other.pool, name) for name in names}
    return replace(pool.payers, **changed)


def _of_loans(pool: Pool, other: Pool, name: str) -> Any:
    """Field ``name`` of the payers of ``other``, for the loans of ``pool``."""
    own, new = getattr(pool.payers, name), getattr(other.payers, name)
    if not isinstance(own, np.ndarray):
        return new
    mine, theirs = partners(pool, other)
    values = own.copy()
    values[mine] = new[theirs]
    return values


def _onto(cashflow: PoolCashflow, segments: tuple[str, ...]) -> Flows:
    """The flows on the axis ``segments``, which has those of ``cashflow``."""
    places = [segments.index(name) for name in cashflow.segments]
    found: dict[str, FloatArray] = {}
    for each in _FLOWS:
        own = getattr(cashflow.flows, each.name)
        found[each.name] = np.zeros((*own.shape[:-2], len(segments), own.shape[-1]))
        found[each.name][..., places, :] = own
    return Flows(**found)


def _ageing(base: Side, side: Callable[[str], Side]) -> tuple[Ageing | None, ...]:
    """What goes by age of each curve of ``base``, each language from its driver's side.

    On the way between both a curve goes on where it ends: loans of one side may be older than the
    curves of the other.
    """
    if all(side(driver) is base for driver in _LAID_OVER):
        return base.curves.ageing
    found: list[Ageing | None] = []
    for own, name in zip(base.curves.ageing, base.curves.segments, strict=True):
        behaviour = base.behaviour(name)
        if behaviour is None:
            found.append(own)
            continue
        update: dict[str, Any] = {"run_on": True}
        for driver in _LAID_OVER:
            credit = side(driver).behaviour(name) or behaviour
            update |= {each: getattr(credit, each) for each in fields_of(SegmentCredit, driver)}
        mixed = behaviour.model_copy(update=update)
        by_age = goes_by_age(mixed)
        found.append(Ageing(name, mixed, base.curves.grid.per_year) if by_age else None)
    return tuple(found)


def scaled(pool: Pool, factor: FloatArray) -> Pool:
    """``pool`` with every amount of its loans multiplied by ``factor`` (loans,)."""
    terms, payers = pool.terms, pool.payers
    return replace(
        pool,
        balance=pool.balance * factor,
        original_balance=pool.original_balance * factor,
        terms=None if terms is None else terms.scaled(factor),
        payers=None if payers is None else replace(payers, amount=payers.amount * factor),
    )


def with_fields(curves: CurveSet, other: CurveSet, driver: str) -> CurveSet:
    """``curves`` with what belongs to ``driver`` from ``other``, for segments that both have."""
    segments = _common(curves.segments, other.segments)
    changed: dict[str, Any] = {}
    for name in fields_of(CurveSet, driver):
        own, new = getattr(curves, name), getattr(other, name)
        if name in MADE_OF_OTHERS:
            continue
        if isinstance(new, Indices):
            changed[name] = Indices({**own.stated, **new.stated}, {**own.curves, **new.curves})
        elif isinstance(new, np.ndarray):
            changed[name] = _mixed(own, new, segments)
        else:
            changed[name] = new
    mine, theirs = _common(curves.parents, other.parents)
    stress: dict[str, Any] = {}
    for name in fields_of(Stress, driver):
        stress[name] = getattr(other.stress, name)
        if stress[name].ndim == 3:
            stress[name] = getattr(curves.stress, name).copy()
            stress[name][:, mine] = getattr(other.stress, name)[:, theirs]
    return replace(curves, **changed).under(replace(curves.stress, **stress))


def _common(own: Sequence[str], other: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of the segments that both have: in ``own``, in ``other``."""
    mine = [n for n, name in enumerate(own) if name in other]
    return mine, [other.index(own[n]) for n in mine]


def _mixed(own: Any, new: Any, segments: tuple[list[int], list[int]]) -> Any:
    """``own`` with the values of ``new`` for the ``segments`` of both, their first axis."""
    mine, theirs = segments
    own, new = _as_wide(own, new)
    own[mine] = new[theirs]
    return own


def _as_wide(own: Any, new: Any) -> tuple[Any, Any]:
    """Copies of both, of one width: shares by period since default are filled up with zeros."""
    if own.ndim < 2 or own.shape[1] == new.shape[1]:
        return own.copy(), new
    width = max(own.shape[1], new.shape[1])

    def wide(values: Any) -> Any:
        room = [(0, 0), (0, width - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
        return np.pad(values, room)

    return wide(own), wide(new)
