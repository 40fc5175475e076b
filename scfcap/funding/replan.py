"""The model of a plan's next beginning: what stands at a later day in place of its opening."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from scfcap.axes import (
    BANK_TRANSFER,
    GUARANTEED_BANK,
    JOINT_LENDING,
    OWN,
    P2P,
    SECURITIZATION,
    place,
)
from scfcap.errors import InputError, Problem
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import Inputs
from scfcap.funding.outturn import Outturn
from scfcap.funding.provisions import opening_provisions
from scfcap.funding.standing import LEAST, standing_draws, standing_notes
from scfcap.periods import PeriodGrid
from scfcap.schema.actuals import Actuals
from scfcap.schema.model import Model
from scfcap.schema.plan import Draw, P2PNote, Recovery
from scfcap.schema.scenario import BankLineCut, CoreFailure, OriginatorFailure, Outage, Scenario
from scfcap.schema.securitization import SecuritizationSpec, Series

#: How long the next plan is: as long as the last one, or to its end.
Length = Literal["same", "end"]
#: Shocks that happen once and are over.
_ONCE = (CoreFailure, OriginatorFailure, Outage)


@dataclass(frozen=True)
class Next:
    """A model that begins where the actuals end, and what it leaves out, in words."""

    spec: Model
    said: tuple[str, ...]


def next_model(
    inputs: Inputs,
    decisions: Decisions,
    told: Actuals,
    actual: Outturn,
    file: str,
    length: Length = "same",
) -> Next:
    """The plan's model with the opening, draws, series, notes and terms that ``told`` states.

    Amounts are those of the real book, so that nothing is scaled any more.

    Raises:
        InputError: draws or notes that do not add up to the debt, figures that the model needs and
            the file does not state.
    """
    maker = _Maker(inputs, decisions, told, actual, file)
    problems = list(maker.lacking())
    if problems:
        raise InputError(problems)
    spec = inputs.spec
    plan = spec.plan.model_copy(update={"periods": maker.periods(length)})
    grid = plan.grid(told.as_of)
    changes: dict[str, Any] = {
        "as_of": told.as_of,
        "stated_for_book": None,
        "plan": plan,
        "opening": maker.opening(),
        "lenders": maker.lenders(),
        "buyers": maker.buyers(),
        "guaranteed": tuple(
            maker.limited(x, place(GUARANTEED_BANK, x.name)) for x in spec.guaranteed
        ),
        "joint": tuple(maker.limited(x, place(JOINT_LENDING, x.name)) for x in spec.joint),
        "injections": tuple(x for x in spec.injections if x.date > told.as_of),
        "demand": {
            name: wish.model_copy(
                update={"per_period": wish.per_period * (1.0 + wish.growth) ** maker.years}
            )
            for name, wish in spec.demand.items()
        },
        "scenarios": {name: later(x, maker.units_passed) for name, x in spec.scenarios.items()},
        **maker.taxed(),
    }
    if spec.securitization is not None:
        changes["securitization"] = maker.securitization(spec.securitization)
    if spec.p2p is not None:
        changes["p2p"] = maker.p2p()
    return Next(spec.model_copy(update=changes), tuple(maker.cautions(grid)))


@dataclass(frozen=True)
class _Maker:
    """Parts of the next model."""

    inputs: Inputs
    decisions: Decisions
    told: Actuals
    actual: Outturn
    file: str

    @property
    def passed(self) -> int:
        """Periods of the plan that have passed."""
        return self.inputs.grid.ends.index(self.told.as_of) + 1

    @property
    def units_passed(self) -> int:
        """The same in units of the model, in which shocks are stated, to the nearest one."""
        return round(float(self.inputs.units[1 : self.passed + 1].sum()))

    @property
    def years(self) -> float:
        return float(self.inputs.year[1 : self.passed + 1].sum())

    def lacking(self) -> Iterator[Problem]:
        """What the file must state and does not."""
        cash = self.told.company.cash
        if cash < 0.0:
            yield Problem(
                f"{self.file}: company.cash",
                f"{self.inputs.spec.currency} {cash:,.2f}",
                "at least 0: no plan can begin with less",
                "State how it was covered (a draw, capital paid in), or compare alone: "
                "--no-replan.",
            )
        for name, debt in self.actual.lenders.items():
            yield from self._adds_up(f"lenders.{name}.draws", self._draws(name), debt.closing)
        if self.actual.p2p is not None:
            yield from self._adds_up("p2p.notes", self._notes(), self.actual.p2p.closing)
        spec, told = self.inputs.spec, self.told
        new_year = told.as_of.year > spec.as_of.year
        stated = told.company.net_assets_prior_year_end
        if spec.opening.net_assets_prior_year_end is not None and new_year and stated is None:
            yield Problem(
                f"{self.file}: company.net_assets_prior_year_end",
                "nothing",
                f"net assets on {told.as_of.year - 1}-12-31, as the model states those of the year "
                "before",
            )
        if self.actual.as_total and new_year and (spec.tax or spec.dividends):
            yield Problem(
                f"{self.file}: flows",
                "totals over a year's end, in a model with tax or dividends",
                "a figure for each period: what was earned in each year is not known else",
            )

    def _adds_up(
        self, key: str, rows: list[Draw] | list[P2PNote], closing: float
    ) -> Iterator[Problem]:
        total = sum(row.amount for row in rows)
        if abs(total - closing) > max(self.told.tolerance, LEAST * (len(rows) + 1)):
            currency = self.inputs.spec.currency
            yield Problem(
                f"{self.file}: {key}",
                f"{currency} {total:,.2f} in all, {abs(total - closing):,.2f} "
                f"{'more' if total > closing else 'less'} than the closing balance",
                f"amounts that add up to {currency} {closing:,.2f}",
                "State each with its rate and maturity; without them they are taken to be the "
                "plan's.",
            )

    def _draws(self, name: str) -> list[Draw]:
        stated = self.told.lenders.get(name)
        if stated is not None and stated.draws is not None:
            return list(stated.draws)
        return standing_draws(self.inputs, self.decisions, self.passed)[name]

    def _notes(self) -> list[P2PNote]:
        if self.told.p2p is not None and self.told.p2p.notes is not None:
            return list(self.told.p2p.notes)
        return standing_notes(self.inputs, self.decisions, self.passed)

    def periods(self, length: Length) -> int:
        """Length of the next plan, as ``plan.periods`` states it."""
        plan, end = self.inputs.spec.plan, self.inputs.grid.ends[-1]
        if length == "same":
            return plan.periods
        for count in range(1, plan.periods + 1):
            if PeriodGrid.build(self.told.as_of, count, plan.frequency).ends[-1] == end:
                return count
        raise InputError(
            Problem(
                f"{self.file}: as_of",
                f"{self.told.as_of}, from which no whole number of periods leads to the plan's "
                f"end, {end}",
                "a close from which one does, or a next plan as long as the last",
                "Leave --to-end out.",
            )
        )

    def opening(self) -> object:
        spec, inputs = self.inputs.spec, self.inputs
        company = self.told.company
        provisions = spec.opening.provisions
        if spec.provisions is not None:
            moved = float(self.actual.company["provisions"].sum())
            provisions = max(opening_provisions(inputs) * inputs.unit + moved, 0.0)
        prior = spec.opening.net_assets_prior_year_end
        stated = company.net_assets_prior_year_end
        return spec.opening.model_copy(
            update={
                "cash": company.cash,
                "net_capital": None,
                "provisions": provisions,
                "holders": {},
                "recoveries": self.recoveries(),
                "net_assets_prior_year_end": prior if stated is None or prior is None else stated,
            }
        )

    def recoveries(self) -> tuple[Recovery, ...]:
        """What is still expected on defaults of the own book, by the days that the plan expects.

        Each segment's is what of its defaults is neither lost nor recovered; what was expected
        before the plan comes on the days that are left, as far as it has not come.
        """
        due: dict[date, float] = {}
        for s in range(len(self.actual.segments)):
            for day, amount in self._expected(s).items():
                due[day] = due.get(day, 0.0) + amount
        older = self.inputs.spec.opening.recoveries
        left = sum(x.amount for x in older) - float(self.actual.company["older_recovered"].sum())
        still = [x for x in older if x.date > self.told.as_of]
        whole = sum(x.amount for x in still)
        for x in still:
            share = x.amount / whole if whole > 0.0 else 0.0
            due[x.date] = due.get(x.date, 0.0) + max(left, 0.0) * share
        rows = (Recovery(date=day, amount=amount) for day, amount in sorted(due.items()))
        return tuple(x for x in rows if x.amount > LEAST)

    def _expected(self, s: int) -> dict[date, float]:
        """The same of one segment's defaults since the start, by day [currency]."""
        f, own, n = self.actual.loans, self.actual.places.index(OWN), self.passed
        total = float((f["defaulted"] - f["lost"] - f["recovered"])[s, own].sum())
        if total <= LEAST:
            return {}
        gone = f["defaulted"][s, own]
        weight = gone if len(gone) == n else np.full(n, 1.0 / n)
        at = self.inputs.recovered_in[s][1 : n + 1]
        late = at > n
        ends = self.inputs.grid.extended(max(int(at.max()), n + 1)).ends
        if not late.any() or weight[late].sum() <= 0.0:
            return {ends[n]: total}
        found: dict[date, float] = {}
        for t, share in zip(at[late], weight[late] / weight[late].sum(), strict=True):
            day = ends[int(t) - 1]
            found[day] = found.get(day, 0.0) + total * float(share)
        return found

    def lenders(self) -> tuple[Any, ...]:
        found = []
        for lender in self.inputs.spec.lenders:
            stated = self.told.lenders.get(lender.name)
            limit = None if stated is None else stated.limit
            changes: dict[str, Any] = {"draws": tuple(self._draws(lender.name))}
            if limit is not None:
                changes["limit"] = limit
            found.append(lender.model_copy(update=changes))
        return tuple(found)

    def limited(self, holder: Any, where: str) -> Any:
        """A holder with the limit that the file states."""
        stated = self.told.holders.get(where)
        if stated is None or stated.limit is None:
            return holder
        return holder.model_copy(update={"limit": stated.limit})

    def buyers(self) -> tuple[Any, ...]:
        found = []
        for buyer in self.inputs.spec.buyers:
            where = place(BANK_TRANSFER, buyer.name)
            changes: dict[str, Any] = {}
            terms = next(x.recourse for x in self.inputs.buyers if x.place == where)
            if terms is not None:
                unit, flow = self.inputs.unit, self.actual.loans["bought"]
                bought = float(flow[:, self.actual.places.index(where)].sum())
                borne = float(self.actual.holders[where].support_cost.sum())
                changes["recourse_sold"] = terms.sold * unit + bought
                changes["recourse_borne"] = terms.borne * unit + borne
            found.append(self.limited(buyer.model_copy(update=changes), where))
        return tuple(found)

    def p2p(self) -> object:
        spec = self.inputs.spec.p2p
        assert spec is not None
        if spec.mode == "pass_through":
            return self.limited(spec, place(P2P))
        stated = self.told.p2p
        changes: dict[str, Any] = {"outstanding": 0.0, "notes": tuple(self._notes())}
        if stated is not None and stated.limit is not None:
            changes["limit"] = stated.limit
        return spec.model_copy(update=changes)

    def securitization(self, vehicle: SecuritizationSpec) -> SecuritizationSpec:
        """Series that stand, and issues still to come."""
        closings = {x.name: x.closing for x in vehicle.series}
        closings |= {x.name: x.closing for x in vehicle.issues}
        sizes = {x.name: x.pool_at_closing for x in vehicle.series}
        sold = 1.0 - vehicle.retained_share
        series, issued = [], 0.0
        for name, told in self.told.series.items():
            if name in sizes:
                size = sizes[name]
            else:
                first = sum(d.drawn.sum() for d in self.actual.series[name].notes)
                size = told.pool_at_closing if told.pool_at_closing is not None else first / sold
                issued += size
            notes = {x.name: told.notes.get(x.name, 0.0) for x in vehicle.sold}
            c = self.actual.places.index(place(SECURITIZATION, name))
            pool = float(self.actual.closing[:, c].sum())
            if sum(notes.values()) + pool + told.cash + told.reserve <= self.told.tolerance:
                continue
            series.append(
                Series(
                    name=name,
                    closing=closings[name],
                    pool_at_closing=size,
                    notes=notes,
                    cash=told.cash,
                    reserve=told.reserve,
                    cumulative_default=told.cumulative_default,
                )
            )
        return vehicle.model_copy(
            update={
                "series": tuple(series),
                "issues": tuple(
                    x
                    for x in vehicle.issues
                    if x.closing > self.told.as_of and x.name not in self.told.series
                ),
                "programme_limit": max(vehicle.programme_limit - issued, 0.0),
            }
        )

    def _earned(self, year: int) -> tuple[float, float]:
        """Net income and tax of the periods that end in a calendar year [currency]."""
        income, tax = self.actual.net_income(), self.actual.company["tax"]
        mine = [n for n, end in enumerate(self.actual.ends) if end.year == year]
        return float(income[mine].sum()), float(tax[mine].sum())

    def taxed(self) -> dict[str, Any]:
        """Tax owed and losses carried; income of which dividends may be paid."""
        changes: dict[str, Any] = {}
        spec = self.inputs.spec
        as_of, company = self.told.as_of, self.actual.company
        closed = date(as_of.year, 12, 31) <= as_of
        if spec.tax is not None:
            income, tax = self._earned(as_of.year)
            first = as_of.year == self.inputs.grid.ends[0].year
            relief = spec.tax.losses_forward if first else 0.0
            changes["tax"] = spec.tax.model_copy(
                update={
                    "payable": max(
                        spec.tax.payable + float((company["tax"] - company["tax_paid"]).sum()), 0.0
                    ),
                    "losses_forward": max(relief - income - tax, 0.0),
                }
            )
        if spec.dividends is not None:
            last = as_of.year if closed else as_of.year - 1
            income = spec.dividends.income_prior_year
            if last >= self.inputs.grid.ends[0].year:
                income = max(self._earned(last)[0], 0.0)
            paid = float(company["dividends"].sum()) / max(spec.dividends.payout, LEAST)
            left = income if closed else max(income - paid, 0.0)
            changes["dividends"] = spec.dividends.model_copy(update={"income_prior_year": left})
        return changes

    def cautions(self, grid: PeriodGrid) -> Iterator[str]:
        """What the next model cannot state."""
        f, own = self.actual.loans, self.actual.places.index(OWN)
        series = [c for c in self.actual.on_books if c != own]
        due = float((f["defaulted"] - f["lost"] - f["recovered"])[:, series].sum())
        money = f"{self.inputs.spec.currency} {abs(due):,.0f}"
        if due > self.told.tolerance:
            yield (
                f"Recoveries of {money} that series still expect on defaults stand in no model: "
                "the new plan's series and net capital are without them."
            )
        claims = sum(
            float((x.support_cost - x.support).sum()) for x in self.actual.holders.values()
        )
        if abs(claims) > self.told.tolerance:
            yield (
                "Claims and recoveries under guarantees and recourse that are still open stand in "
                "no model: the new plan is without them."
            )
        gone = sorted(
            name
            for name, x in self.inputs.spec.scenarios.items()
            if len(later(x, self.units_passed).shocks) < len(x.shocks)
        )
        if gone:
            yield (
                f"Shocks of {', '.join(gone)} before {self.told.as_of} are over in the new plan."
            )
        was, now = self.inputs.grid.ends[-1], grid.ends[-1]
        if now != was:
            yield f"The new plan runs to {now}, the old one to {was}."


def later(scenario: Scenario, passed: int) -> Scenario:
    """The scenario after ``passed`` periods: windows begin and end so much sooner.

    What happens once and lies before is over.
    """
    shocks = []
    for shock in scenario.shocks:
        changes: dict[str, int] = {}
        values: Mapping[str, Any] = dict(shock)
        if isinstance(shock, _ONCE):
            key = "from_period" if isinstance(shock, Outage) else "period"
            if values[key] <= passed:
                continue
            changes[key] = values[key] - passed
        elif "from_period" in values:
            last = values.get("to_period")
            if last is not None and last <= passed:
                continue
            changes["from_period"] = max(values["from_period"] - passed, 1)
            if last is not None:
                changes["to_period"] = last - passed
            if isinstance(shock, BankLineCut):
                cut = shock.from_period + shock.notice - passed
                changes["notice"] = max(cut - changes["from_period"], 0)
        shocks.append(shock.model_copy(update=changes))
    first = max(scenario.from_period - passed, 1)
    return scenario.model_copy(update={"shocks": tuple(shocks), "from_period": first})
