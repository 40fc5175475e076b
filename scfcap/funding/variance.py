"""The plan against what happened: what each driver did to net income and to closing cash.

The method is the flexible budget: what the plan's own rates give on the volumes that came about
stands between the plan and what happened. From plan to flexible budget is the effect of volumes,
from there to actual that of rates, so that both add up to the whole difference (C. T. Horngren, S.
M. Datar, M. Rajan, Cost Accounting: A Managerial Emphasis, 14th ed., 2012, ch. 7: static-budget
variance = sales-volume variance + flexible-budget variance).

Loans are followed period by period. What lending, early repayment, defaults and sales have added
to or taken from the balance is carried on by driver; each part earns, repays and defaults at the
plan's rates of that period, and what goes beyond them is the effect of yield, prepayment or
defaults in that period. Rates are of what stood before the period; loans lent in a period have the
plan's own rates for it. The order matters and is that of :data:`DRIVERS`: volumes at the plan's
rates come first, rates on actual volumes after them. What the stated balances differ from their
own flows by, within the tolerance, is "unexplained" and spread over nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from scfcap.axes import OWN
from scfcap.funding.outturn import Debt, Outturn, SeriesOutturn
from scfcap.quantities import FloatArray

#: Drivers in their order, and what each is.
DRIVERS: Mapping[str, str] = {
    "lending": "more or less lent, at the plan's rates",
    "prepayment": "borrowers repay faster or slower",
    "defaults": "more or less defaults of what stands",
    "sales": "more or less sold, at the plan's prices",
    "yield": "interest and fees of borrowers, of what stands",
    "severity and recoveries": "what defaults cost, and what came back of them",
    "sale price": "the price of what is sold",
    "funding volume": "more or less debt and notes, at the plan's rates",
    "funding price": "the rates of debt and notes",
    "fees": "servicing and partners' fees, fees of series",
    "guarantees and recourse": "defaults of others' loans",
    "running cost": "running cost",
    "interest on cash": "interest on free cash and cash of series",
    "provisions": "change of provisions",
    "tax": "tax on profit",
    "owners": "capital paid in and dividends",
    "timing": "coupons and tax that accrue and are paid later",
    "cash of series": "cash that series keep",
    "unexplained": "what stated balances differ from their flows by, within the tolerance",
}
#: A figure, or one for each period.
Amounts = FloatArray | float
#: Drivers that change how much stands of loans.
_STOCK = ("lending", "prepayment", "defaults", "sales")


def flexed(
    rate: FloatArray, planned: FloatArray, actual: FloatArray, happened: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Effects on a flow: volume, ``rate (actual - planned)``; rate, ``happened - rate actual``.

    ``rate`` is the plan's, ``planned`` and ``actual`` are volumes, ``happened`` the flow. Where the
    plan's flow is ``rate planned``, both add up to the difference of the flows.
    """
    return rate * (actual - planned), happened - rate * actual


@dataclass(frozen=True)
class Variance:
    """Both bridges [currency].

    ``lines``: a row for each driver and item with ``measure``, what it is told by, ``plan``,
    ``flexible`` (the plan's rates on what stood; NaN where there is none), ``actual``, and what it
    does to ``income`` and ``cash``. ``income`` and ``cash``: plan and actual.
    """

    lines: pd.DataFrame
    income: tuple[float, float]
    cash: tuple[float, float]
    as_total: bool

    def bridge(self) -> pd.DataFrame:
        """Income and cash by driver, in their order; the effects add up to the differences."""
        sums = self.lines.groupby("driver")[["income", "cash"]].sum()
        rows = [
            (name, float(sums["income"].get(name, 0.0)), float(sums["cash"].get(name, 0.0)), said)
            for name, said in DRIVERS.items()
        ]
        return pd.DataFrame(rows, columns=["driver", "income", "cash", "meaning"])


@dataclass
class _Ledger:
    """Effects by driver and item, with the figures they are told by."""

    effects: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    figures: dict[tuple[str, str], tuple[str, float, float, float]] = field(default_factory=dict)

    def add(self, driver: str, item: str, income: Amounts = 0.0, cash: Amounts = 0.0) -> None:
        both = self.effects.setdefault((driver, item), [0.0, 0.0])
        for n, amount in enumerate((income, cash)):
            both[n] += float(np.asarray(amount).sum())

    def both(self, driver: str, item: str, amount: Amounts) -> None:
        """An effect on income that is paid at once."""
        self.add(driver, item, amount, amount)

    def tell(
        self, driver: str, item: str, measure: str, plan: Amounts, actual: Amounts,
        flexible: Amounts = np.nan,
    ) -> None:  # fmt: skip
        totals = [float(np.asarray(x).sum()) for x in (plan, flexible, actual)]
        self.figures[driver, item] = (measure, totals[0], totals[1], totals[2])

    def total(self) -> tuple[float, float]:
        effects = list(self.effects.values())
        return sum(e[0] for e in effects), sum(e[1] for e in effects)

    def frame(self) -> pd.DataFrame:
        order = list(DRIVERS)
        rows = [
            (driver, item, *self.figures.get((driver, item), ("", np.nan, np.nan, np.nan)), *both)
            for (driver, item), both in self.effects.items()
        ]
        rows.sort(key=lambda row: order.index(str(row[0])))
        names = ["driver", "item", "measure", "plan", "flexible", "actual", "income", "cash"]
        return pd.DataFrame(rows, columns=names)


def variance(plan: Outturn, actual: Outturn, opex_rate: float) -> Variance:
    """What each driver did to net income and to closing free cash; see the module.

    ``opex_rate`` [1/year] is the running cost of loans managed. Both cover the same periods and
    begin with the same balances.
    """
    ledger = _Ledger()
    _loans(ledger, plan, actual, opex_rate)
    _buyers(ledger, plan, actual)
    for name, debt in plan.lenders.items():
        _debt(ledger, name, debt, actual.lenders[name], as_total=plan.as_total)
    if plan.p2p is not None and actual.p2p is not None:
        _debt(ledger, "P2P notes", plan.p2p, actual.p2p, as_total=plan.as_total)
    _series(ledger, plan, actual)
    _company(ledger, plan, actual)
    income = tuple(_income(x) for x in (plan, actual))
    ledger.add("cash of series", "series", 0.0, plan.restricted[1] - actual.restricted[1])
    ledger.tell("cash of series", "series", "closing", plan.restricted[1], actual.restricted[1])
    explained = ledger.total()
    ledger.add(
        "unexplained",
        "all",
        income[1] - income[0] - explained[0],
        actual.cash[1] - plan.cash[1] - explained[1],
    )
    return Variance(
        ledger.frame(), (income[0], income[1]), (plan.cash[1], actual.cash[1]), plan.as_total
    )


def _income(x: Outturn) -> float:
    """Net income from the balance sheet: the change of net capital that owners did not bring."""
    owners = float((x.company["paid_in"] - x.company["dividends"]).sum())
    return x.capital[1] - x.capital[0] - owners


def _ratio(flow: FloatArray, base: FloatArray) -> FloatArray:
    there = np.abs(base) > 0.0
    return np.where(there, flow / np.where(there, base, 1.0), 0.0)


def _loans(ledger: _Ledger, plan: Outturn, actual: Outturn, opex_rate: float) -> None:
    """Loans by segment and place, period by period; amounts are (segments, places)."""
    before = plan.before(), actual.before()
    stock = {name: np.zeros(plan.opening.shape) for name in _STOCK}
    mine = np.isin(np.arange(len(plan.places)), plan.on_books).astype(np.float64)[None, :]
    fees = _fee_rates(plan, before[0])
    usual = _severity(plan)
    beyond = {name: np.zeros(plan.opening.shape) for name in ("repaid", "defaulted", "interest")}
    for t in range(plan.periods):
        p, a = ({k: v[:, :, t] for k, v in x.loans.items()} for x in (plan, actual))
        more = a["lent"] - p["lent"]
        moved = {name: np.zeros(plan.opening.shape) for name in _STOCK}
        moved["lending"] += more
        moved["sales"] += a["bought"] - p["bought"]
        severity = np.where(p["defaulted"] > 0.0, _ratio(p["lost"], p["defaulted"]), usual)
        _add(ledger, "lending", plan, 0.0, -more * mine)
        for name in beyond:
            inside = plan.inside[name][:, :, t]
            young = _ratio(inside, p["lent"])
            rate = _ratio(p[name] - inside, before[0][:, :, t])
            parts = {driver: rate * part for driver, part in stock.items()}
            parts["lending"] = parts["lending"] + young * more
            rest = a[name] - p[name] - sum(parts.values())
            beyond[name] += rest
            parts[_OWN[name]] = parts.get(_OWN[name], 0.0) + rest
            for driver, part in parts.items():
                if name == "interest":
                    _add(ledger, driver, plan, part * mine, part * mine)
                    continue
                moved[driver] -= part
                if name == "repaid":
                    _add(ledger, driver, plan, 0.0, part * mine)
                else:
                    _add(ledger, driver, plan, -severity * part * mine, 0.0)
        dearer = a["lost"] - p["lost"] - severity * (a["defaulted"] - p["defaulted"])
        back = a["recovered"] - p["recovered"]
        _add(ledger, "severity and recoveries", plan, -dearer * mine, back * mine)
        per_unit = fees[None, :, t] - opex_rate * float(plan.year[t])
        for driver, part in stock.items():
            _add(ledger, driver, plan, part * per_unit, part * per_unit)
            stock[driver] = part + moved[driver]
    _tell_loans(ledger, plan, actual, beyond, mine)
    _rest_of_running_cost(ledger, plan, actual, before, opex_rate)


#: What goes beyond the plan's rate of a flow is the effect of this driver.
_OWN = {"repaid": "prepayment", "defaulted": "defaults", "interest": "yield"}
_TOLD = {
    "lending": ("lent", "lent"),
    "prepayment": ("repaid", "repaid"),
    "defaults": ("defaulted", "defaulted"),
    "yield": ("interest", "interest"),
    "severity and recoveries": ("credit cost", "lost"),
}


def _add(ledger: _Ledger, driver: str, plan: Outturn, income: Amounts, cash: Amounts) -> None:
    """Effects (segments, places), by segment."""
    shape = plan.opening.shape
    for s, segment in enumerate(plan.segments):
        amounts = (np.broadcast_to(np.asarray(x), shape)[s].sum() for x in (income, cash))
        ledger.add(driver, segment, *amounts)


def _tell_loans(
    ledger: _Ledger,
    plan: Outturn,
    actual: Outturn,
    beyond: Mapping[str, FloatArray],
    mine: FloatArray,
) -> None:
    def of(flow: FloatArray, s: int) -> float:
        over = flow.sum(axis=2) if flow.ndim == 3 else flow
        return float((over * mine)[s].sum())

    for driver, (measure, name) in _TOLD.items():
        for s, segment in enumerate(plan.segments):
            told = [of(x.loans[name], s) for x in (plan, actual)]
            flexible = told[1] - of(beyond[name], s) if name in beyond else np.nan
            ledger.tell(driver, segment, measure, told[0], told[1], flexible)
    for s, segment in enumerate(plan.segments):
        ledger.tell("sales", segment, "sold", plan.sold[s], actual.sold[s])


def _severity(plan: Outturn) -> FloatArray:
    """Credit cost of a unit that defaults, over all periods, of the place or else the segment."""
    lost, gone = (plan.loans[name].sum(axis=2) for name in ("lost", "defaulted"))
    segment = _ratio(lost.sum(axis=1), gone.sum(axis=1))[:, None]
    return np.where(gone > 0.0, _ratio(lost, gone), segment)


def _fee_rates(plan: Outturn, before: FloatArray) -> FloatArray:
    """Fees of a unit that stands with a holder (places, n)."""
    rates = np.zeros(before.shape[1:])
    for where, x in plan.holders.items():
        c = plan.places.index(where)
        rates[c] = _ratio(x.fees, before[:, c].sum(axis=0))
    return rates


def _rest_of_running_cost(
    ledger: _Ledger,
    plan: Outturn,
    actual: Outturn,
    before: tuple[FloatArray, FloatArray],
    opex_rate: float,
) -> None:
    """Running cost, and holders' fees, beyond those of the volumes."""
    more = (before[1] - before[0]).sum(axis=(0, 1)) * opex_rate * plan.year
    costs = [x.company["running_cost"] for x in (plan, actual)]
    ledger.both("running cost", "company", more - (costs[1] - costs[0]))
    ledger.tell("running cost", "company", "running cost", costs[0], costs[1], costs[0] + more)
    rates = _fee_rates(plan, before[0])
    for where, x in plan.holders.items():
        c, y = plan.places.index(where), actual.holders[where]
        stood = [b[:, c].sum(axis=0) for b in before]
        volume, rest = flexed(rates[c], stood[0], stood[1], y.fees)
        # Where nothing stood in the plan its fee is of no volume, and all of it is the rest.
        ledger.both("fees", where, y.fees - x.fees - volume)
        ledger.tell("fees", where, "fees", x.fees, y.fees, y.fees - rest)


def _buyers(ledger: _Ledger, plan: Outturn, actual: Outturn) -> None:
    """What is paid for loans sold, by volume and price; guarantees and recourse."""
    for where, x in plan.holders.items():
        c, y = plan.places.index(where), actual.holders[where]
        sold = [o.loans["bought"][:, c].sum(axis=0) for o in (plan, actual)]
        price = np.where(sold[0] > 0.0, _ratio(x.paid, sold[0]), _usual_price(x.paid, sold[0]))
        volume, rest = flexed(price, sold[0], sold[1], y.paid)
        left = x.paid - price * sold[0]
        ledger.add("sales", where, volume - (sold[1] - sold[0]), volume)
        ledger.tell("sales", where, "sold", sold[0], sold[1])
        ledger.both("sale price", where, rest - left)
        ledger.tell("sale price", where, "paid", x.paid, y.paid, price * sold[1])
        ledger.add(
            "guarantees and recourse", where, x.support_cost - y.support_cost, x.support - y.support
        )
        ledger.tell("guarantees and recourse", where, "paid for defaults", x.support, y.support)


def _usual_price(paid: FloatArray, sold: FloatArray) -> float:
    """The plan's mean price; par where it sells nothing."""
    return float(paid.sum() / sold.sum()) if sold.sum() > 0.0 else 1.0


def _standing(debt: Debt, *, as_total: bool) -> FloatArray:
    """What a period's cost is of: what stood before it, or the mean of both ends of a span."""
    return np.array([0.5 * (debt.opening + debt.closing)]) if as_total else debt.before


def _debt(ledger: _Ledger, name: str, plan: Debt, actual: Debt, *, as_total: bool) -> None:
    """A lender or the P2P notes: cost by volume and price; what is raised."""
    assert plan.marginal is not None
    stood = [_standing(x, as_total=as_total) for x in (plan, actual)]
    volume = plan.marginal * (stood[1] - stood[0])
    raised = [x.drawn - x.repaid for x in (plan, actual)]
    ledger.add("funding volume", name, -volume, raised[1] - raised[0] - volume)
    ledger.tell("funding volume", name, "raised less repaid", raised[0], raised[1])
    ledger.both("funding price", name, volume - (actual.cost - plan.cost))
    ledger.tell("funding price", name, "cost", plan.cost, actual.cost, plan.cost + volume)


def _series(ledger: _Ledger, plan: Outturn, actual: Outturn) -> None:
    for name in dict.fromkeys((*plan.series, *actual.series)):
        x, y = plan.series.get(name), actual.series.get(name)
        known = x or y
        assert known is not None
        x, y = (_nothing(known) if s is None else s for s in (x, y))
        volume = np.zeros(plan.periods)
        raised = [sum((d.drawn - d.repaid).sum() for d in s.notes) for s in (x, y)]
        for before, after in zip(x.notes, y.notes, strict=True):
            stood = [_standing(d, as_total=plan.as_total) for d in (before, after)]
            rate = np.zeros(plan.periods) if before.marginal is None else before.marginal
            volume = volume + rate * (stood[1] - stood[0])
        ledger.add("funding volume", name, -volume, raised[1] - raised[0] - volume.sum())
        ledger.tell("funding volume", name, "issued less repaid", raised[0], raised[1])
        ledger.both("funding price", name, volume - (y.coupons - x.coupons))
        ledger.tell("funding price", name, "coupons", x.coupons, y.coupons, x.coupons + volume)
        ledger.both("fees", name, x.costs - y.costs)
        ledger.tell("fees", name, "fees and issue costs", x.costs, y.costs)
        ledger.both("interest on cash", name, y.cash_interest - x.cash_interest)
        ledger.tell("interest on cash", name, "interest", x.cash_interest, y.cash_interest)
        later = [s.coupons - s.coupons_paid for s in (x, y)]
        ledger.add("timing", name, 0.0, later[1] - later[0])
        ledger.tell("timing", name, "accrued, not paid", later[0], later[1])


def _nothing(like: SeriesOutturn) -> SeriesOutturn:
    """A series that is not there."""
    none = np.zeros_like(like.coupons)
    notes = tuple(Debt(0.0, none, none, none, 0.0, d.marginal) for d in like.notes)
    return SeriesOutturn(notes, none, none, none, none, none, (0.0, 0.0), (0.0, 0.0))


def _company(ledger: _Ledger, plan: Outturn, actual: Outturn) -> None:
    p, a = plan.company, actual.company
    ledger.both("interest on cash", OWN, a["cash_interest"] - p["cash_interest"])
    ledger.tell("interest on cash", OWN, "interest", p["cash_interest"], a["cash_interest"])
    ledger.add("provisions", "company", p["provisions"] - a["provisions"])
    ledger.tell("provisions", "company", "change", p["provisions"], a["provisions"])
    ledger.both("tax", "company", p["tax"] - a["tax"])
    ledger.tell("tax", "company", "tax", p["tax"], a["tax"])
    later = [x["tax"] - x["tax_paid"] for x in (p, a)]
    ledger.add("timing", "tax", 0.0, later[1] - later[0])
    ledger.tell("timing", "tax", "accrued, not paid", later[0], later[1])
    older = p["older_recovered"], a["older_recovered"]
    ledger.add("severity and recoveries", "older defaults", 0.0, older[1] - older[0])
    ledger.tell("severity and recoveries", "older defaults", "recovered", older[0], older[1])
    owners = [x["paid_in"] - x["dividends"] for x in (p, a)]
    ledger.add("owners", "company", 0.0, owners[1] - owners[0])
    ledger.tell("owners", "company", "paid in less dividends", owners[0], owners[1])
