"""Terms of the loans of the program: what is held, pays, defaults and is sold, place by place.

What pays in a place in a period is gathered once, as columns and cohorts in arrays, and each flow
is then one array of factors: the same sums stand in many rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Program, Terms
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class _Part:
    """Principal in a place: columns of cohorts, each with its share of the column, and data."""

    columns: list[int]
    cohorts: IntArray
    shares: FloatArray
    given: list[tuple[int, float]]

    @classmethod
    def of(cls, columns: list[tuple[int, int, float]], given: list[tuple[int, float]]) -> _Part:
        """Columns as (column, cohort, share)."""
        return cls(
            [c for c, _, _ in columns],
            np.array([j for _, j, _ in columns], dtype=np.int64),
            np.array([share for _, _, share in columns], dtype=np.float64),
            given,
        )

    def terms(self, factor: FloatArray) -> Terms:
        """``sum_j factor[j] * amount[j]``."""
        constant = 0.0
        for j, amount in self.given:
            constant += float(factor[j]) * amount
        return Terms.of(self.columns, factor[self.cohorts] * self.shares, constant)


@dataclass
class Loans:
    """Inputs, columns, and terms of the loans in each place; columns are declared beforehand."""

    inputs: Inputs
    program: Program
    holdings: list[tuple[int, str, int]] = field(default_factory=list)
    transfers: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    _standing: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    _total: dict[tuple[str, int], Terms] = field(default_factory=dict)
    _paying: dict[tuple[str, int], _Part] = field(default_factory=dict)
    _due_later: dict[tuple[str, int, int], Terms] = field(default_factory=dict)

    @cached_property
    def _lent_in(self) -> list[int]:
        """Segments of which there is any cohort."""
        return [int(s) for s in np.unique(self.inputs.cohorts.segment)]

    def _given(self, j: int, where: str, t: int) -> float | None:
        """Principal of a cohort at the close of ``t`` where it is data, else None."""
        cohorts = self.inputs.cohorts
        if cohorts.vintage[j] <= 0 and (t == 0 or cohorts.origin[j] != OWN):
            amount = float(cohorts.amount[j] * cohorts.path[j, t])
            return amount if cohorts.origin[j] == where else 0.0
        return None

    def held(self, j: int, where: str, t: int) -> Terms:
        """Performing principal of cohort ``j`` in ``where`` at the close of ``t``."""
        given = self._given(j, where, t)
        if given is not None:
            return Terms().plus(given)
        return self._column(j, where, t)

    def _column(self, j: int, where: str, t: int) -> Terms:
        """What a decided cohort holds: its column, or with a partner all that was made there."""
        cohorts = self.inputs.cohorts
        v = int(cohorts.vintage[j])
        if v >= 1 and where in self.inputs.partner_places:
            share = float(cohorts.path[j, t]) if t >= v else 0.0
            return Terms().extend(self.made(int(cohorts.segment[j]), where, v), share)
        return Terms().add(self.program.find("H", (j, where, t)))

    def _made(self, s: int, where: str, t: int) -> list[tuple[int, float]]:
        """Columns of the segment's loans made in ``t``, each with its share in ``where``."""
        found = [(self.program.find("O", (s, t)), 1.0)] if where == OWN else []
        for x in self.inputs.partners:
            share = x.own_share if where == OWN else x.share if where == x.place else 0.0
            if share > 0.0:
                found.append((self.program.find("OC", (s, x.place, t)), share))
        return [(column, share) for column, share in found if column is not None]

    def made(self, s: int, where: str, t: int) -> Terms:
        """Principal of the segment's loans made in ``t`` that is in ``where`` from the start.

        The company funds its share of what a partner makes with it; that part is its own.
        """
        terms = Terms()
        for column, share in self._made(s, where, t):
            terms.add(column, share)
        return terms

    def lent(self, s: int, t: int) -> Terms:
        """All loans made in the segment in ``t``, by whomever they are funded."""
        terms = Terms().add(self.program.find("O", (s, t)))
        for x in self.inputs.partners:
            terms.add(self.program.find("OC", (s, x.place, t)))
        return terms

    def flow(self, factor: FloatArray, j: int, where: str, t: int) -> Terms:
        """``factor[j, t]`` times what cohort ``j`` had in ``where``: held, or originated in t."""
        cohorts = self.inputs.cohorts
        v = int(cohorts.vintage[j])
        if t < v:
            return Terms()
        if t == v and v >= 1:
            made = self.made(int(cohorts.segment[j]), where, t)
            return Terms().extend(made, float(factor[j, t]))
        given = self._given(j, where, t - 1)
        if given is not None:
            return Terms().plus(float(factor[j, t]) * given)
        return Terms().extend(self._column(j, where, t - 1), float(factor[j, t]))

    def standing(self, where: str, t: int) -> list[int]:
        """Cohorts that may have principal in ``where`` at the close of ``t``."""
        if not self._standing:
            cohorts = self.inputs.cohorts
            for j in range(len(cohorts)):
                if cohorts.vintage[j] <= 0:
                    last = 0 if cohorts.origin[j] == OWN else self.inputs.horizon
                    for u in range(last + 1):
                        if cohorts.alive(j, u):
                            self._standing.setdefault((cohorts.origin[j], u), []).append(j)
            for j, place, u in (*self.holdings, *self._booked()):
                self._standing.setdefault((place, u), []).append(j)
        return self._standing.get((where, t), [])

    def _booked(self) -> Iterator[tuple[int, str, int]]:
        """New cohorts that may stand in a partner's place, with place and period."""
        cohorts = self.inputs.cohorts
        for x in self.inputs.partners:
            for (s, v), j in self.inputs.new_cohort.items():
                if self.program.find("OC", (s, x.place, v)) is not None and x.share > 0.0:
                    for u in range(v, self.inputs.horizon + 1):
                        if cohorts.alive(j, u):
                            yield j, x.place, u

    def paying(self, where: str, t: int) -> list[int]:
        """Cohorts that pay in ``where`` in ``t``: held at the close before, or made in ``t``."""
        cohorts = self.standing(where, t - 1)
        if where != OWN and where not in self.inputs.partner_places:
            return cohorts
        new = self.inputs.new_cohort
        made = [new[s, t] for s in range(len(self.inputs.segments)) if (s, t) in new]
        return [*cohorts, *made]

    def _held_by(self, where: str, t: int) -> _Part:
        """What stands in ``where`` at the close of ``t``."""
        columns: list[tuple[int, int, float]] = []
        given: list[tuple[int, float]] = []
        cohorts, find = self.inputs.cohorts, self.program.find
        partner = where in self.inputs.partner_places
        for j in self.standing(where, t):
            amount = self._given(j, where, t)
            v = int(cohorts.vintage[j])
            if amount is not None:
                given.append((j, amount))
            elif partner and v >= 1:
                left = float(cohorts.path[j, t])
                made = self._made(int(cohorts.segment[j]), where, v)
                columns.extend((column, j, share * left) for column, share in made)
            elif (column := find("H", (j, where, t))) is not None:
                columns.append((column, j, 1.0))
        return _Part.of(columns, given)

    def _pays(self, where: str, t: int) -> _Part:
        """What pays in ``where`` in ``t``, gathered once."""
        part = self._paying.get((where, t))
        if part is None:
            part = self._held_by(where, t - 1)
            before = len(self.standing(where, t - 1))
            segment = self.inputs.cohorts.segment
            made = [
                (column, j, share)
                for j in self.paying(where, t)[before:]
                for column, share in self._made(int(segment[j]), where, t)
            ]
            new = _Part.of(made, [])
            part = _Part(
                [*part.columns, *new.columns],
                np.concatenate((part.cohorts, new.cohorts)),
                np.concatenate((part.shares, new.shares)),
                part.given,
            )
            self._paying[where, t] = part
        return part

    def total(self, where: str, t: int) -> Terms:
        """Performing principal in ``where`` at the close of ``t``."""
        terms = self._total.get((where, t))
        if terms is None:
            terms = self._held_by(where, t).terms(np.ones(len(self.inputs.cohorts)))
            self._total[where, t] = terms
        return terms.copy()

    def defaults(self, where: str, t: int) -> Terms:
        """Defaults in ``where`` in period ``t``."""
        return self._sum(self.inputs.cohorts.default, where, t)

    def interest(self, where: str, t: int) -> Terms:
        """Interest received in ``where`` in period ``t``."""
        return self._sum(self.inputs.cohorts.interest, where, t)

    def repaid(self, where: str, t: int) -> Terms:
        """Principal repaid in ``where`` in period ``t``, as scheduled or before."""
        return self._sum(self.inputs.cohorts.repaid, where, t)

    def collections(self, where: str, t: int) -> Terms:
        """Principal, interest and recoveries received in ``where`` in period ``t``."""
        terms = self.repaid(where, t).extend(self.interest(where, t))
        return terms.extend(self.recoveries(where, t))

    def recoveries(self, where: str, t: int) -> Terms:
        """Recoveries that arrive in ``t`` on earlier defaults in ``where``."""
        terms = Terms()
        path = self.inputs.path
        if path is not None:
            for due in np.flatnonzero(path.arrival[:, t]):
                terms.extend(self._due(where, int(due), t), float(path.arrival[due, t]))
            return terms
        for s in self._lent_in:
            for since in np.flatnonzero(self.inputs.recovered_in[s, 1:] == t) + 1:
                self._recovered(terms, where, s, int(since))
        return terms

    def credit_cost(self, where: str, t: int) -> Terms:
        """Defaults of period ``t`` in ``where`` less the recoveries expected on them."""
        inputs = self.inputs
        if inputs.path is not None:
            return self._sum(inputs.path.loss, where, t)
        severity = inputs.severity[inputs.cohorts.segment]
        return self._pays(where, t).terms(inputs.cohorts.default[:, t] * severity)

    def receivable(self, where: str, t: int) -> Terms:
        """Recoveries expected at the close of ``t`` on defaults so far in ``where``."""
        terms = Terms()
        path = self.inputs.path
        if path is not None:
            for due in np.flatnonzero(path.waiting[:, t]):
                terms.extend(self._due(where, int(due), t), float(path.waiting[due, t]))
            usual = self.inputs.recovered_in - np.arange(self.inputs.horizon + 1)
            longest = max(int(usual.max()), int(path.struck_lag.max()))
            for later in range(t + 1, t + longest + 1):
                terms.extend(self._due(where, later, t))
            return terms
        for s in self._lent_in:
            for since in np.flatnonzero(self.inputs.recovered_in[s, 1 : t + 1] > t) + 1:
                self._recovered(terms, where, s, int(since))
        return terms

    def _due(self, where: str, due: int, until: int) -> Terms:
        """Recoveries due in ``due`` on defaults in ``where`` up to ``until``."""
        inputs = self.inputs
        path = inputs.path
        assert path is not None
        terms = Terms()
        for since in range(1, until + 1):
            usual = inputs.recovered_in[:, since] == due
            blow = (since + path.struck_lag[:, since] == due) & path.struck[:, since].any()
            if not (usual | blow).any():
                continue
            segment = inputs.cohorts.segment
            back = np.where(usual[segment], path.recoverable[:, since], 0.0)
            part = self._pays(where, since)
            terms.extend(part.terms(back))
            if blow.any():
                terms.extend(part.terms(np.where(blow[segment], path.struck[:, since], 0.0)))
        return terms

    def _recovered(self, terms: Terms, where: str, segment: int, since: int) -> None:
        """Add what will be recovered of the segment's defaults of period ``since``."""
        if since < 1:
            return
        inputs = self.inputs
        share = float(1.0 - inputs.severity[segment])
        known = self._due_later.get((where, segment, since))
        if known is None:
            part = self._pays(where, since)
            mine = inputs.cohorts.segment == segment
            known = part.terms(np.where(mine, share * inputs.cohorts.default[:, since], 0.0))
            self._due_later[where, segment, since] = known
        terms.extend(known)

    def _sum(self, factor: FloatArray, where: str, t: int) -> Terms:
        return self._pays(where, t).terms(factor[:, t])

    def sold(self, where: str, t: int) -> Terms:
        """Principal moved from own to ``where`` at the close of ``t``."""
        terms = Terms()
        for j in self.transfers.get((where, t), ()):
            terms.add(self.program.find("Y", (j, where, t)))
        return terms
