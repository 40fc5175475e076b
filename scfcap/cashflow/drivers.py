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

from scfcap.cashflow.flows import Flows
from scfcap.cashflow.project import PoolCashflow, project
from scfcap.credit.ageing import Ageing, goes_by_age
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError, Problem
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.languages import DEFAULT_LANGUAGES, PREPAY_LANGUAGES

#: Drivers in the order in which they are taken from the second projection.
DRIVERS = ("balance", "rate", "default", "recovery", "prepayment", "timing")
#: What each of them is.
MEANING = {
    "balance": "outstanding principal of each segment, segments that come or go",
    "rate": "average contract rate of each segment",
    "default": "default behaviour and the scenario's stress on it",
    "recovery": "severity, lag and recovery curve",
    "prepayment": "prepayment behaviour and the scenario's stress on it",
    "timing": "the loans themselves: types, terms, ages, arrears, mix; lateness, outages, dates, "
    "order of events",
}
#: Fields of a curve set that belong to a driver; all others go with the timing.
CURVE_FIELDS: dict[str, tuple[str, ...]] = {
    "default": (
        "default_intensity", "default_base", "stated_default", "lifetime", "struck",
        "default_days", "has_roll_rates", "roll_rates", "period_rolls",
    ),
    "recovery": (
        "severity", "stated_severity", "recovery_lag", "recovery_share", "struck_recovery",
        "struck_lag",
    ),
    "prepayment": ("prepay_intensity", "prepay_base", "stated_prepay"),
}  # fmt: skip

#: Average rates up to this are none: there is nothing to multiply [1/year].
_NO_RATE = 1e-9
#: Fields of a segment's behaviour that belong to a driver, for curves by age.
_CREDIT_FIELDS: dict[str, tuple[str, ...]] = {
    "default": (*DEFAULT_LANGUAGES, "loss_timing"),
    "recovery": ("severity", "recovery_lag", "recovery_curve"),
    "prepayment": PREPAY_LANGUAGES,
}


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
    return sides[0], sides[1]


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
    changed = replace(changed, rate=pool.rate * rate[pool.segment] + plus[pool.segment])
    curves = base.curves
    for driver in CURVE_FIELDS:
        if side(driver) is not base:
            curves = with_fields(curves, side(driver).curves, CURVE_FIELDS[driver])
    curves = replace(curves, ageing=_ageing(base, side))
    return _onto(project(changed, curves), segments)


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
    """What goes by age of each curve of ``base``, each language from its driver's side."""
    found: list[Ageing | None] = []
    for own, name in zip(base.curves.ageing, base.curves.segments, strict=True):
        update: dict[str, Any] = {}
        for driver, names in _CREDIT_FIELDS.items():
            credit = side(driver).credit.get(name, base.credit.get(name))
            update |= {each: getattr(credit, each, None) for each in names}
        if name not in base.credit:
            found.append(own)
            continue
        mixed = base.credit[name].model_copy(update=update)
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


def with_fields(curves: CurveSet, other: CurveSet, names: Iterable[str]) -> CurveSet:
    """``curves`` with ``names`` taken from ``other``, for the segments that both have."""
    mine = [n for n, name in enumerate(curves.segments) if name in other.segments]
    theirs = [other.segments.index(curves.segments[n]) for n in mine]
    changed: dict[str, Any] = {}
    for name in names:
        own, new = getattr(curves, name), getattr(other, name)
        if (
            new.ndim == 3
            and new.shape[:2] == other.default_intensity.shape[:2]
            and (name not in _BY_SEGMENT)
        ):
            own = own.copy()
            own[:, mine] = new[:, theirs]
        else:
            own, new = _as_wide(own, new)
            own[mine] = new[theirs]
        changed[name] = own
    return replace(curves, **changed)


#: Fields whose first axis is the segment, though they have three.
_BY_SEGMENT = ("roll_rates", "period_rolls")


def _as_wide(own: Any, new: Any) -> tuple[Any, Any]:
    """Copies of both, of one width: shares by period since default are filled up with zeros."""
    if own.ndim < 2 or own.shape[1] == new.shape[1]:
        return own.copy(), new
    width = max(own.shape[1], new.shape[1])

    def wide(values: Any) -> Any:
        room = [(0, 0), (0, width - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
        return np.pad(values, room)

    return wide(own), wide(new)
