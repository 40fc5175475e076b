"""The inputs that several scenarios are expected to be: those of the mean-value program.

What is averaged, by the scenarios' weights: flows and balances of each cohort per unit of its
initial amount, from which its shares per period follow; what remains of it at the end, by what then
stands; loss, recovery and what an outage holds back; demand and what is promised; lines, P2P supply
and renewal, sizes of new series, and what each adds to rates; coverage and maturities. What is not
a number (series' periods, closed windows, the law, breaches) is that of the likeliest scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np

from scfcap.funding.cohort_inputs import ALIVE, CohortInputs, CreditPath, Maturing
from scfcap.funding.inputs import DealInputs, Inputs, LenderInputs, P2PInputs
from scfcap.funding.partner import PartnerInputs
from scfcap.quantities import FloatArray

#: Flows of a cohort per unit that stands at the close before.
_FLOWS = ("survive", "repaid", "default", "interest")
#: Values of a cohort per unit that stands at the end.
_ENDS = ("terminal", "annuity", "defaults_ahead", "recoveries_ahead")


class _Mean:
    """Means of what scenarios have, by their weights."""

    def __init__(self, inputs: Sequence[Inputs], weights: Sequence[float]) -> None:
        self.all = list(inputs)
        self.w = np.array(weights) / float(np.sum(weights))
        self.likeliest = self.all[int(np.argmax(self.w))]

    def of(self, get: Callable[[Inputs], Any]) -> Any:
        """Mean of numbers or arrays."""
        found = [np.asarray(get(x), dtype=np.float64) for x in self.all]
        return sum(w * value for w, value in zip(self.w, found, strict=True))

    def entries(self, field: str) -> dict[Any, Any]:
        """Mean of each entry of a mapping."""
        found = {id(x): getattr(x, field) for x in self.all}

        def mean(name: Any) -> Any:
            return self.of(lambda x: found[id(x)][name])

        return {name: mean(name) for name in getattr(self.likeliest, field)}

    def number(self, get: Callable[[Inputs], float]) -> float:
        """Mean of numbers."""
        return float(self.of(get))

    def maybe(self, get: Callable[[Inputs], FloatArray | None], none: float) -> FloatArray | None:
        """Mean of arrays, of which one that is not there is ``none`` throughout."""
        found = [get(x) for x in self.all]
        shape = next((np.shape(x) for x in found if x is not None), None)
        if shape is None:
            return None
        return np.asarray(
            sum(
                w * (np.full(shape, none) if x is None else x)
                for w, x in zip(self.w, found, strict=True)
            )
        )

    def per_unit(self, before: FloatArray, get: Callable[[Inputs], FloatArray]) -> FloatArray:
        """Mean of flows per unit of what stood before in each, per unit of the mean of that."""
        flows = self.of(lambda x: get(x) * stood_before(x.cohorts))
        return np.asarray(np.divide(flows, before, out=np.zeros_like(flows), where=before > ALIVE))


def mean_inputs(inputs: Mapping[str, Inputs], weights: Mapping[str, float]) -> Inputs:
    """Inputs of one scenario in which all happens that is expected; named as the likeliest.

    Scenarios have one grid, one set of cohorts and one balance sheet at ``as_of``.
    """
    names = list(inputs)
    mean = _Mean([inputs[name] for name in names], [weights[name] for name in names])
    likeliest = mean.likeliest
    before = mean.of(lambda x: stood_before(x.cohorts))
    provisions = likeliest.provisions
    late = likeliest.late
    return replace(
        likeliest,
        severity=mean.of(lambda x: x.severity),
        cohorts=_cohorts(mean, before),
        path=_path(mean, before),
        eligible=mean.entries("eligible"),
        demand=mean.of(lambda x: x.demand),
        promised=mean.of(lambda x: x.promised),
        lenders=tuple(_lender(mean, n) for n in range(len(likeliest.lenders))),
        deals=tuple(_deal(mean, n) for n in range(len(likeliest.deals))),
        p2p=None if likeliest.p2p is None else _p2p(mean, likeliest.p2p),
        partners=tuple(_partner(mean, n) for n in range(len(likeliest.partners))),
        provisions=None
        if provisions is None
        else replace(
            provisions,
            cover=mean.of(attrgetter("provisions.cover")),
            extra=mean.of(attrgetter("provisions.extra")),
        ),
        undrawn_left=mean.maybe(lambda x: x.undrawn_left, 1.0),
        maturing={days: _maturing(mean, days) for days in likeliest.maturing},
        core_shares=mean.entries("core_shares"),
        late=None
        if late is None
        else replace(late, behind=mean.maybe(attrgetter("late.behind"), 0.0)),
    )


def _deal(mean: _Mean, n: int) -> DealInputs:
    return replace(
        mean.likeliest.deals[n],
        max_pool=mean.number(lambda x: x.deals[n].max_pool),
        dearer=mean.number(lambda x: x.deals[n].dearer),
    )


def _maturing(mean: _Mean, days: int) -> Maturing:
    return Maturing(
        within=mean.of(lambda x: x.maturing[days].within),
        later=mean.of(lambda x: x.maturing[days].later),
    )


def stood_before(cohorts: CohortInputs) -> FloatArray:
    """What a cohort's shares of a period are of, per unit of its initial amount [J, T + 1].

    The performing balance at the close before; in its own period what is made; index 0 is unused.
    """
    path = cohorts.path
    before = np.concatenate((np.zeros((len(path), 1)), path[:, :-1]), axis=1)
    made = (cohorts.vintage[:, None] == np.arange(path.shape[1])) & (cohorts.vintage[:, None] >= 1)
    return np.where(made, 1.0, before)


def _cohorts(mean: _Mean, before: FloatArray) -> CohortInputs:
    own = mean.likeliest.cohorts
    path = mean.of(lambda x: x.cohorts.path)
    last = mean.of(lambda x: x.cohorts.path[:, -1])

    def ahead(name: str) -> FloatArray | None:
        if getattr(own, name) is None:
            return None
        worth = mean.of(lambda x: getattr(x.cohorts, name) * x.cohorts.path[:, -1])
        plain = mean.of(lambda x: getattr(x.cohorts, name))
        return np.asarray(np.divide(worth, last, out=plain, where=last > ALIVE))

    changes: dict[str, Any] = {
        name: mean.per_unit(before, attrgetter(f"cohorts.{name}")) for name in _FLOWS
    }
    changes |= {name: ahead(name) for name in _ENDS}
    return replace(own, path=path, **changes)


def _path(mean: _Mean, before: FloatArray) -> CreditPath | None:
    """Loss and recovery in time; a scenario in which they do not change has them throughout."""
    alike = all((x.severity == mean.all[0].severity).all() for x in mean.all)
    if alike and all(x.path is None for x in mean.all):
        return None
    blows = [x.path for x in mean.all if x.path is not None and x.path.struck.any()]
    paths = {id(x): x.path or _level(x) for x in mean.all}
    lag = blows[0].struck_lag if blows else paths[id(mean.all[0])].struck_lag

    def unit(name: str) -> FloatArray:
        return mean.per_unit(before, lambda x: getattr(paths[id(x)], name))

    return CreditPath(
        loss=unit("loss"),
        recoverable=unit("recoverable"),
        struck=unit("struck"),
        struck_lag=lag,
        arrival=mean.of(lambda x: paths[id(x)].arrival),
        waiting=mean.of(lambda x: paths[id(x)].waiting),
    )


def _level(inputs: Inputs) -> CreditPath:
    """The path of a scenario whose severity does not change, and in which all arrives in time."""
    cohorts, size = inputs.cohorts, inputs.horizon + 1
    severity = inputs.severity[cohorts.segment][:, None]
    arrival = np.eye(size)
    arrival[0, 0] = 0.0
    return CreditPath(
        loss=cohorts.default * severity,
        recoverable=cohorts.default * (1.0 - severity),
        struck=np.zeros_like(cohorts.default),
        struck_lag=np.zeros((len(inputs.segments), size), dtype=np.int64),
        arrival=arrival,
        waiting=np.zeros((size, size)),
    )


def _lender(mean: _Mean, n: int) -> LenderInputs:
    return replace(
        mean.likeliest.lenders[n],
        limit=mean.number(lambda x: x.lenders[n].limit),
        open_balance=mean.of(lambda x: x.lenders[n].open_balance),
        open_repaid=mean.of(lambda x: x.lenders[n].open_repaid),
        open_interest=mean.of(lambda x: x.lenders[n].open_interest),
        left=mean.maybe(lambda x: x.lenders[n].left, 1.0),
        dearer=mean.maybe(lambda x: x.lenders[n].dearer, 0.0),
    )


def _p2p(mean: _Mean, own: P2PInputs) -> P2PInputs:
    def part(name: str, none: float) -> FloatArray | None:
        return mean.maybe(lambda x: getattr(x.p2p, name), none)

    return replace(
        own, renewed=part("renewed", 1.0), fresh=part("fresh", 1.0), dearer=part("dearer", 0.0)
    )


def _partner(mean: _Mean, n: int) -> PartnerInputs:
    return replace(
        mean.likeliest.partners[n],
        renewed=mean.maybe(lambda x: x.partners[n].renewed, 1.0),
        fresh=mean.maybe(lambda x: x.partners[n].fresh, 1.0),
    )
