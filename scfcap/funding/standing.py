"""What stands after some periods of a plan: draws and notes, and a file of actuals that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import Inputs
from scfcap.funding.outturn import COMPANY, LOAN_FLOWS, SERIES_FLOWS, Debt, Outturn
from scfcap.funding.tenor import day_due
from scfcap.periods import moved
from scfcap.quantities import FloatArray
from scfcap.schema.actuals import Actuals
from scfcap.schema.plan import Draw, P2PNote

#: Amounts below it do not stand [currency].
LEAST = 0.005


def standing_draws(inputs: Inputs, decisions: Decisions, periods: int) -> dict[str, list[Draw]]:
    """Draws of each lender that stand at the close of the last of ``periods`` of the plan."""
    grid, unit, close = inputs.grid, inputs.spec.plan.unit, inputs.grid.ends[periods - 1]
    found = {x.name: [d for d in x.draws if d.maturity > close] for x in inputs.spec.lenders}
    lenders = {x.name: x for x in inputs.lenders}
    for (name, tenor, t), amount in decisions.draws.items():
        due = day_due(grid, t, tenor, unit)
        if t <= periods and due > close and amount * inputs.unit > LEAST:
            rate = lenders[name].rate(dict(lenders[name].tenors)[tenor], t)
            found[name].append(Draw(amount=amount * inputs.unit, rate=rate, maturity=due))
    return found


def standing_notes(inputs: Inputs, decisions: Decisions, periods: int) -> list[P2PNote]:
    """P2P notes that stand at the close of the last of ``periods`` of the plan."""
    spec, p2p = inputs.spec.p2p, inputs.p2p
    if spec is None or p2p is None:
        return []
    grid, unit, close = inputs.grid, inputs.spec.plan.unit, inputs.grid.ends[periods - 1]
    even = [(moved(grid.as_of, k, unit), spec.outstanding / p2p.tenor, spec.outstanding_rate)
            for k in range(1, p2p.tenor + 1)]  # fmt: skip
    dated = [(note.maturity, note.amount, note.rate) for note in spec.notes]
    placed = [
        (day_due(grid, t, p2p.tenor, unit), amount * inputs.unit, p2p.rate(step.rate, t))
        for m, step in enumerate(p2p.steps)
        for t in range(1, periods + 1)
        if (amount := float(decisions.placed[m, t])) > 0.0
    ]
    return [
        P2PNote(amount=amount, rate=rate, maturity=day)
        for day, amount, rate in (*even, *dated, *placed)
        if day > close and amount > LEAST
    ]


def actuals_of(
    outturn: Outturn, inputs: Inputs, decisions: Decisions, decimals: int | None = 2
) -> Actuals:
    """An outturn as a file of actuals would state it: a template, or the actuals of a simulation.

    ``decimals``: to which amounts are rounded; None: not. What is nothing is left out.
    """
    told = _Told(decimals)
    n = len(outturn.ends)
    draws = standing_draws(inputs, decisions, n)
    vehicle = inputs.vehicle
    tranches = () if vehicle is None else tuple(x.name for x in vehicle.sold)
    told.fields = {
        "as_of": outturn.ends[-1],
        "currency": inputs.spec.currency,
        "loans": told.loans(outturn),
        "lenders": {
            name: told.debt(debt, "drawn") | {"draws": told.records(draws[name])}
            for name, debt in outturn.lenders.items()
        },
        "holders": {
            where: told.flows(x, ("paid", "fees", "support", "support_cost"))
            for where, x in outturn.holders.items()
        },
        "series": told.series(outturn, tranches),
        "company": {name: told.flow(outturn.company[name]) for name in COMPANY}
        | {
            "cash": told.amount(outturn.cash[1]),
            "net_capital": told.amount(outturn.capital[1]),
        },
    }
    if outturn.p2p is not None:
        notes = told.records(standing_notes(inputs, decisions, n))
        told.fields["p2p"] = told.debt(outturn.p2p, "placed") | {"notes": notes}
    if inputs.spec.opening.net_assets_prior_year_end is not None:
        prior = inputs.spec.opening.net_assets_prior_year_end
        told.fields["company"]["net_assets_prior_year_end"] = told.amount(prior)
    return Actuals.model_validate(told.fields)


class _Told:
    """Amounts as a file states them."""

    def __init__(self, decimals: int | None) -> None:
        self.decimals = decimals
        self.fields: dict[str, Any] = {}

    def amount(self, value: float) -> float:
        value = float(value)
        return value if self.decimals is None else round(value, self.decimals) + 0.0

    def flow(self, flow: FloatArray) -> float | tuple[float, ...]:
        """A figure for each period; 0 where there is nothing."""
        found = tuple(self.amount(x) for x in flow)
        return found if any(found) else 0.0

    def flows(self, record: object, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self.flow(getattr(record, name)) for name in names}

    def debt(self, debt: Debt, raised: str) -> dict[str, Any]:
        return {
            raised: self.flow(debt.drawn),
            "repaid": self.flow(debt.repaid),
            "cost": self.flow(debt.cost),
            "closing": self.balance(debt.closing),
        }

    def balance(self, value: float) -> float:
        """A balance, of which rounding of floats below zero is nothing."""
        return max(self.amount(value), 0.0)

    def records(self, rows: list[Draw] | list[P2PNote]) -> tuple[dict[str, Any], ...]:
        return tuple({**row.model_dump(), "amount": self.amount(row.amount)} for row in rows)

    def loans(self, outturn: Outturn) -> tuple[dict[str, Any], ...]:
        rows = []
        for c, where in enumerate(outturn.places):
            for s, segment in enumerate(outturn.segments):
                flows: Mapping[str, FloatArray] = {
                    name: np.maximum(outturn.loans[name][s, c], 0.0)
                    if name == "bought"
                    else outturn.loans[name][s, c]
                    for name in LOAN_FLOWS
                }
                row = {name: self.flow(flow) for name, flow in flows.items()}
                row["closing"] = self.balance(outturn.closing[s, c])
                if any(row.values()) or outturn.opening[s, c] > LEAST:
                    rows.append({"segment": segment, "place": where, **row})
        return tuple(rows)

    def series(self, outturn: Outturn, tranches: tuple[str, ...]) -> dict[str, Any]:
        return {
            name: {
                "issued": dict(zip(tranches, (self.flow(d.drawn) for d in s.notes), strict=True)),
                "repaid": dict(zip(tranches, (self.flow(d.repaid) for d in s.notes), strict=True)),
                **self.flows(s, SERIES_FLOWS),
                "notes": dict(
                    zip(tranches, (self.balance(d.closing) for d in s.notes), strict=True)
                ),
                "cash": self.balance(s.cash),
                "reserve": self.balance(s.held[1] - s.cash),
                "cumulative_default": self.balance(s.cumulative_default),
                "pool_at_closing": self.balance(s.pool_at_closing),
            }
            for name, s in outturn.series.items()
        }
