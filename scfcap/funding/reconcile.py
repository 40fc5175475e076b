"""What happened, reconciled: opening balances and flows give the closing ones, or it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from scfcap.axes import OWN, SECURITIZATION, place
from scfcap.errors import InputError, Problem
from scfcap.funding.inputs import Inputs
from scfcap.funding.outturn import COMPANY, LOAN_FLOWS, Debt, Holder, Outturn, SeriesOutturn
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.actuals import Actuals, Flow, LenderActual, P2PActual, SeriesActual
from scfcap.schema.base import Schema
from scfcap.schema.messages import closest


def period_closed(day: date, grid: PeriodGrid, file: str) -> int:
    """The period of the plan that closes on ``day``.

    Raises:
        InputError: the plan has no close on that day.
    """
    if day in grid.ends:
        return grid.ends.index(day) + 1
    near = sorted(grid.ends, key=lambda end: abs((end - day).days))[:2]
    first, last = grid.ends[0], grid.ends[-1]
    raise InputError(
        Problem(
            f"{file}: as_of",
            str(day),
            f"the close of a period of the plan, which runs from {grid.as_of}: {first} to {last}",
            f"The closes next to it: {' and '.join(map(str, sorted(near)))}.",
        )
    )


def happened(actuals: Actuals, plan: Outturn, inputs: Inputs, file: str) -> tuple[Outturn, Outturn]:
    """What happened, and the plan for the same periods, both by period or both as one.

    ``plan`` holds the periods up to ``actuals.as_of``. Where one flow is a total, all periods are
    taken as one.

    Raises:
        InputError: names that the plan does not have, flows of another number of periods, another
            currency, balances that do not follow from opening and flows.
    """
    reader = _Reader(actuals, plan, inputs, file)
    problems = [*reader.strangers(), *reader.lengths()]
    if problems:
        raise InputError(problems)
    if reader.totals:
        plan = plan.as_one()
    found = reader.outturn(plan)
    wrong = list(reader.untied(found))
    if wrong:
        raise InputError(wrong)
    return found, plan


def _flows(record: Schema, at: str) -> Iterator[tuple[str, Flow]]:
    """Every flow of a record with its key."""
    for name in type(record).model_fields:
        value = getattr(record, name)
        if isinstance(value, Mapping) and name in ("issued", "repaid"):
            yield from ((f"{at}.{name}.{key}", flow) for key, flow in value.items())
        elif name in _FLOWS:
            yield f"{at}.{name}", value


_FLOWS = frozenset(
    (
        *LOAN_FLOWS, *COMPANY, "drawn", "cost", "paid", "fees", "support", "support_cost",
        "coupons", "coupons_paid", "costs", "to_company", "placed",
    )
)  # fmt: skip


@dataclass(frozen=True)
class _Reader:
    """A file of actuals beside the plan that it is compared with."""

    actuals: Actuals
    plan: Outturn
    inputs: Inputs
    file: str

    @property
    def totals(self) -> bool:
        """Whether a flow is told as a total of several periods."""
        several = self.plan.periods > 1
        return several and any(
            not isinstance(flow, tuple) and flow != 0.0 for _, flow in self._all_flows()
        )

    def _all_flows(self) -> Iterator[tuple[str, Flow]]:
        told = self.actuals
        for row in told.loans:
            yield from _flows(row, f"loans.{row.segment}/{row.place}")
        for kind in ("lenders", "holders", "series"):
            for name, record in getattr(told, kind).items():
                yield from _flows(record, f"{kind}.{name}")
        if told.p2p is not None:
            yield from _flows(told.p2p, "p2p")
        yield from _flows(told.company, "company")

    def strangers(self) -> Iterator[Problem]:
        """Names that the plan does not have, another currency."""
        told, plan = self.actuals, self.plan
        currency = self.inputs.spec.currency
        if told.currency != currency:
            yield Problem(f"{self.file}: currency", told.currency, f"that of the plan, {currency}")
        pairs = [(row.segment, row.place) for row in told.loans]
        for segment, where in pairs:
            yield from self._known("loans.segment", segment, plan.segments)
            yield from self._known("loans.place", where, plan.places)
        for pair in sorted({pair for pair in pairs if pairs.count(pair) > 1}):
            found = f"{pair[0]} in {pair[1]} twice"
            yield Problem(f"{self.file}: loans", found, "each segment and place once")
        for name in told.lenders:
            yield from self._known("lenders", name, tuple(plan.lenders))
        for name in told.holders:
            yield from self._known("holders", name, tuple(plan.holders))
        known = {d.name: d for d in self.inputs.deals}
        vehicle = self.inputs.vehicle
        sold = () if vehicle is None else tuple(tranche.name for tranche in vehicle.sold)
        for name, series in told.series.items():
            yield from self._known("series", name, tuple(known))
            for tranche in {*series.issued, *series.repaid, *series.notes}:
                yield from self._known(f"series.{name}", tranche, sold)
        issues = {} if vehicle is None else {x.name: x.closing for x in vehicle.issues}
        for name in told.series:
            if name in issues and issues[name] > told.as_of:
                yield Problem(
                    f"{self.file}: series.{name}",
                    f"a series that the model issues on {issues[name]}",
                    f"series that stand on {told.as_of}",
                    "Change its closing in the model, or leave it out.",
                )
        if told.p2p is not None and plan.p2p is None:
            yield Problem(f"{self.file}: p2p", "P2P notes", "none: the model has no P2P notes")

    def _known(self, key: str, name: str, names: Iterable[str]) -> Iterator[Problem]:
        there = list(names)
        if name not in there:
            near = closest(name, there)
            action = f"Did you mean {near}?" if near else ""
            expected = f"one of {', '.join(there)}" if there else "nothing: the model has none"
            yield Problem(f"{self.file}: {key}", f'"{name}"', expected, action)

    def lengths(self) -> Iterator[Problem]:
        """Flows with another number of periods than have passed."""
        n = self.plan.periods
        for key, flow in self._all_flows():
            if isinstance(flow, tuple) and len(flow) != n:
                yield Problem(
                    f"{self.file}: {key}",
                    f"{len(flow)} figures",
                    f"{n}, one for each period of the plan up to {self.actuals.as_of}, or one "
                    "figure, the total",
                    f"The periods close on {', '.join(map(str, self.plan.ends))}.",
                )

    def _flow(self, flow: Flow) -> FloatArray:
        """A flow by period, or its total where any is told so."""
        if self.totals:
            return np.array([sum(flow) if isinstance(flow, tuple) else flow])
        if isinstance(flow, tuple):
            return np.array(flow, dtype=np.float64)
        return np.full(self.plan.periods, flow)

    def outturn(self, plan: Outturn) -> Outturn:
        """What happened, from the plan's opening balances."""
        told = self.actuals
        n, shape = plan.periods, plan.opening.shape
        loans = {name: np.zeros((*shape, n)) for name in LOAN_FLOWS}
        closing, own = np.zeros(shape), plan.places.index(OWN)
        for row in told.loans:
            s, c = plan.segments.index(row.segment), plan.places.index(row.place)
            closing[s, c] = row.closing
            for name in LOAN_FLOWS:
                loans[name][s, c] += self._flow(getattr(row, name))
            loans["bought"][s, own] -= self._flow(row.bought)
        nothing = np.zeros(n)
        lenders = {
            name: self._debt(told.lenders.get(name), debt.opening, n)
            for name, debt in plan.lenders.items()
        }
        holders = {
            name: Holder(nothing, nothing, nothing, nothing)
            if (x := told.holders.get(name)) is None
            else Holder(*(self._flow(y) for y in (x.paid, x.fees, x.support, x.support_cost)))
            for name in plan.holders
        }
        return replace(
            plan,
            loans=loans,
            closing=closing,
            lenders=lenders,
            holders=holders,
            series=self._series(plan),
            p2p=None if plan.p2p is None else self._debt(told.p2p, plan.p2p.opening, n),
            company={name: self._flow(getattr(told.company, name)) for name in COMPANY},
            cash=(plan.cash[0], told.company.cash),
            capital=(plan.capital[0], told.company.net_capital),
            inside={},
            since={},
        )

    def _debt(self, record: LenderActual | P2PActual | None, opening: float, n: int) -> Debt:
        if record is None:
            return Debt(opening, np.zeros(n), np.zeros(n), np.zeros(n), 0.0)
        drawn = "placed" if "placed" in type(record).model_fields else "drawn"
        flows = [self._flow(getattr(record, name)) for name in (drawn, "repaid", "cost")]
        return Debt(opening, flows[0], flows[1], flows[2], record.closing)

    def _series(self, plan: Outturn) -> dict[str, SeriesOutturn]:
        """Series of the plan and of the file; one that the file leaves out stands at nothing."""
        names = [d.name for d in self.inputs.deals]
        names = [name for name in names if name in plan.series or name in self.actuals.series]
        nothing = SeriesActual(notes={})
        return {
            name: self._one_series(name, self.actuals.series.get(name, nothing), plan)
            for name in names
        }

    def _one_series(self, name: str, told: SeriesActual, plan: Outturn) -> SeriesOutturn:
        vehicle, was = self.inputs.vehicle, plan.series.get(name)
        assert vehicle is not None
        notes = []
        for i, tranche in enumerate(vehicle.sold):
            opening = 0.0 if was is None else was.notes[i].opening
            drawn, repaid = (
                self._flow(x.get(tranche.name, 0.0)) for x in (told.issued, told.repaid)
            )
            closing = told.notes.get(tranche.name, 0.0)
            notes.append(Debt(opening, drawn, repaid, np.zeros(plan.periods), closing))
        coupons, paid = self._flow(told.coupons), self._flow(told.coupons_paid)
        owed = 0.0 if was is None else was.accrued[0]
        held = 0.0 if was is None else was.held[0]
        return SeriesOutturn(
            notes=tuple(notes),
            coupons=coupons,
            coupons_paid=paid,
            costs=self._flow(told.costs),
            cash_interest=self._flow(told.cash_interest),
            to_company=self._flow(told.to_company),
            held=(held, told.cash + told.reserve),
            accrued=(owed, owed + float((coupons - paid).sum())),
            cash=told.cash,
        )

    def untied(self, found: Outturn) -> Iterator[Problem]:
        """Balances that do not follow from their opening and flows."""
        f = found.loans
        moved = (f["lent"] + f["bought"] - f["repaid"] - f["defaulted"]).sum(axis=2)
        words = "opening, lent and bought, less repaid, defaulted and sold"
        for s, segment in enumerate(found.segments):
            for c, where in enumerate(found.places):
                item = f"loans.{segment}/{where}.closing"
                ends = found.opening[s, c], found.closing[s, c]
                yield from self._tie(item, float(ends[0]), moved[s, c], float(ends[1]), words)
        words = "opening and drawn, less repaid"
        for name, debt in found.lenders.items():
            yield from self._tie_debt(f"lenders.{name}.closing", debt, words)
        if found.p2p is not None:
            yield from self._tie_debt("p2p.closing", found.p2p, "opening and placed, less repaid")
        for name, series in found.series.items():
            yield from self._tie_series(name, series, found)
        company = "free cash at the start and all that was paid to the company, less what it paid"
        moved_cash = float(found.free_cash_flow().sum())
        yield from self._tie("company.cash", found.cash[0], moved_cash, found.cash[1], company)
        owners = float((found.company["paid_in"] - found.company["dividends"]).sum())
        earned = float(found.net_income().sum()) + owners
        what = "net capital at the start, net income and capital paid in, less dividends"
        yield from self._tie(
            "company.net_capital", found.capital[0], earned, found.capital[1], what
        )

    def _tie_debt(self, item: str, debt: Debt, words: str) -> Iterator[Problem]:
        moved = float((debt.drawn - debt.repaid).sum())
        yield from self._tie(item, debt.opening, moved, debt.closing, words)

    def _tie_series(self, name: str, s: SeriesOutturn, found: Outturn) -> Iterator[Problem]:
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        for tranche, debt in zip(vehicle.sold, s.notes, strict=True):
            item = f"series.{name}.notes.{tranche.name}"
            yield from self._tie_debt(item, debt, "opening and issued, less repaid")
        words = "cash and reserve at the start and what came in, less what was paid"
        if place(SECURITIZATION, name) in found.places:
            moved = float(found.series_cash_flow(name).sum())
            yield from self._tie(f"series.{name}.cash", s.held[0], moved, s.held[1], words)

    def _tie(
        self, item: str, opening: float, moved: float, closing: float, words: str
    ) -> Iterator[Problem]:
        gap = float(closing - opening - moved)
        if abs(gap) > self.actuals.tolerance:
            currency, right = self.inputs.spec.currency, opening + moved
            stated = "cash and reserve" if item.endswith(".cash") and "series" in item else "stated"
            yield Problem(
                f"{self.file}: {item}",
                f"{currency} {closing:,.2f} {stated}, {abs(gap):,.2f} "
                f"{'more' if gap > 0.0 else 'less'} than follows",
                f"{currency} {right:,.2f}: {words} ({opening:,.2f} {moved:+,.2f})",
                "Correct the balance or a flow, or state a larger tolerance.",
            )
