"""How much lending above 180 days each source could carry, at what cost and with which gap.

Two linear programs for each source, by all limits of the plan, in which demand for loans above 180
days is without a limit and what stands of them, in any place, is largest over time:

    max sum_t year[t] standing[t]

Alone: no other source gives new money, and nothing else need be lent; what own funds carry by
themselves is told apart and taken off. Beside the plan: all other lending stays, and other sources
give no more than they do in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, OWN, P2P, SECURITIZATION
from scfcap.funding.inputs import BuyerInputs
from scfcap.funding.naming import money
from scfcap.funding.program import Key, Solution, Terms
from scfcap.funding.statements import frame_of
from scfcap.funding.variables import Book, all_places
from scfcap.funding.warm import Warm
from scfcap.schema.credit import TermRange

#: Terms above it are long [days].
LONG = 180
#: Amounts below this count as none [money units].
NOTHING = 1e-6
#: Families of the columns that bring money from outside, or take loans over.
_SOURCES = ("X", "P", "S", "Y", "OC")
_NAMES = [
    "channel", "item", "periods", "carried_amount", "beside_amount", "rate", "life_days",
    "source_days", "gap_days", "gap_180", "sentence",
]  # fmt: skip


@dataclass(frozen=True)
class _Source:
    """A source: its columns, its rate [1/year] and how long its money stays [days], if it ends."""

    channel: str
    item: str
    columns: frozenset[tuple[str, Key]]
    rate: float
    days: float
    periods: int = 0
    with_the_loan: bool = False


def long_segments(book: Book) -> tuple[list[int], bool]:
    """Segments whose new loans run above 180 days; if none, that with the longest loans.

    Returns their positions, and whether the model has such demand.
    """
    inputs = book.inputs
    asked = [s for s in range(len(inputs.segments)) if inputs.demand[s].any()]
    found = [s for s in asked if _longest(book, s) > LONG]
    if found:
        return found, True
    return ([max(asked, key=lambda s: (_life(book, [s])[0], -s))] if asked else []), False


def _longest(book: Book, s: int) -> float:
    """Longest term of a segment's new loans [days]; of loans like the tape's, while 2% stand."""
    inputs = book.inputs
    wish = inputs.spec.demand[inputs.segments[s]].new_loans
    if isinstance(wish, TermRange):
        return float(wish.longest)
    j = inputs.new_cohort[s, 1]
    days = np.cumsum(365.0 * inputs.year)
    alive = np.flatnonzero(inputs.cohorts.path[j] > 0.02)
    return float(days[alive[-1]]) if len(alive) else 0.0


def _life(book: Book, segments: list[int]) -> tuple[float, float]:
    """Weighted life of new loans [days], and their share that is repaid within 180 days.

    By the demand of the segments: loans made in the first period that has any, from its end. What
    stands at the horizon counts its remaining life discounted, as the plan values it.
    """
    inputs = book.inputs
    cohorts, days = inputs.cohorts, 365.0 * inputs.year
    lives, early, weights = [], [], []
    for s in segments:
        made = np.flatnonzero(inputs.demand[s] > 0.0)
        if not len(made):
            continue
        v = int(made[0])
        j = inputs.new_cohort[s, v]
        path = cohorts.path[j]
        whole = float(path[v])
        if whole <= 0.0:
            continue
        rest = 365.0 * float(cohorts.annuity[j]) * float(path[-1])
        lives.append((float(path[v:-1] @ days[v + 1 :]) + rest) / whole)
        since = np.concatenate(([0.0], np.cumsum(days[v + 1 :])))
        early.append(1.0 - float(np.interp(LONG, since, path[v:])) / whole)
        weights.append(float(inputs.demand[s].sum()))
    if not weights:
        return 0.0, 0.0
    return float(np.average(lives, weights=weights)), float(np.average(early, weights=weights))


def long_demand(book: Book, solution: Solution, costs: pd.DataFrame) -> pd.DataFrame:
    """What each source could carry of new loans above 180 days, a row a source.

    Principal that would stand on average over the horizon [currency]: ``carried_amount`` by the
    source alone on top of own funds, ``beside_amount`` beside all that the plan does. ``rate`` all
    in [1/year]: of a draw or note as offered (a draw saves its commitment fee), of a source in use
    as in ``costs``; of own cash the yield given up. ``life_days`` weighted life of the loans,
    ``source_days`` how long the money stays, ``gap_days`` the one less the other; ``gap_180`` what
    carrying the amount moves the 180-day maturity gap by: repaid by then, less due by then.
    """
    segments, asked = long_segments(book)
    if not segments:
        return frame_of([], _NAMES)
    unit = book.inputs.unit
    life, early = _life(book, segments)
    alone, beside = (_Trial(book, solution, segments, alone=way) for way in (True, False))
    own = alone.most(frozenset()), beside.most(frozenset())
    rows: list[tuple[object, ...]] = []
    for x in _sources(book, costs, segments):
        most = alone.most(x.columns), beside.most(x.columns)
        if x.channel != OWN:
            most = most[0] - own[0], most[1] - own[1]
        carried, more = (amount if amount > NOTHING else 0.0 for amount in most)
        stays = life if x.with_the_loan else x.days
        due = early if x.with_the_loan else float(stays <= LONG)
        gap_180 = carried * (early - due) * unit
        said = _sentence(book, x, (carried, more), (life, stays), asked, segments)
        rows.append(
            (x.channel, x.item, x.periods, carried * unit, more * unit, x.rate, life, stays,
             life - stays, gap_180, said)
        )  # fmt: skip
    return frame_of(rows, _NAMES)


def no_long_demand() -> pd.DataFrame:
    """The table without rows, of a plan in which sources are not opened one at a time."""
    return frame_of([], _NAMES)


class _Trial:
    """The program with loans above 180 days wanted, and one source opened at a time."""

    def __init__(self, book: Book, solution: Solution, segments: list[int], *, alone: bool) -> None:
        program = book.program
        self.x, self.alone = solution.x, alone
        self.warm = Warm(program, solution)
        columns = program.columns
        self.standing = _standing(book, segments)
        self.shut = {
            j: (str(family), columns.key[j])
            for j, family in enumerate(columns.family)
            if family in _SOURCES and not (family == "Y" and _revolves(book, columns.key[j][1]))
        }
        for j, family in enumerate(columns.family):
            if family == "O":
                value = max(float(self.x[j]), 0.0)
                least = 0.0 if alone else value
                self.warm.bound(j, least, inf if columns.key[j][0] in segments else value)
        chosen = {book.inputs.segments[s] for s in segments}
        rows = [r for (name, _), r in program.rows_of("demand").items() if name in chosen]
        if alone:
            rows += program.rows_of("promised_demand").values()
        self.warm.free(rows)
        self.warm.set_costs(self.standing)
        self.before = sum(c * float(self.x[j]) for j, c in self.standing.items())
        self.year = float(book.inputs.year.sum())
        self.closed = alone and self._solved(frozenset(), closed=True) is not None

    def most(self, opened: frozenset[tuple[str, Key]]) -> float:
        """Average standing [money units] with the source opened; beside the plan, beyond it.

        Where older debt cannot be paid without the other sources, they give what they do in the
        plan.
        """
        reached = self._solved(opened, closed=self.closed)
        if reached is None:
            return 0.0
        return (reached - (0.0 if self.alone else self.before)) / self.year

    def _solved(self, opened: frozenset[tuple[str, Key]], *, closed: bool) -> float | None:
        for j, label in self.shut.items():
            value = 0.0 if closed else max(float(self.x[j]), 0.0)
            least = value if label[0] == "OC" and not self.alone else 0.0
            self.warm.bound(j, least, inf if label in opened else value)
        point = self.warm.solve()
        if point is None:
            return None
        return sum(c * float(point.x[j]) for j, c in self.standing.items())


def _revolves(book: Book, where: str) -> bool:
    """Whether loans sold to a place go to a series that stands already."""
    return any(d.place == where and d.state is not None for d in book.inputs.deals)


def _standing(book: Book, segments: list[int]) -> dict[int, float]:
    """Principal of new loans of the segments in every place, over time: coefficients by column."""
    inputs, terms = book.inputs, Terms()
    for j in range(len(inputs.cohorts)):
        v = int(inputs.cohorts.vintage[j])
        if v < 1 or int(inputs.cohorts.segment[j]) not in segments:
            continue
        for t in range(v, inputs.horizon + 1):
            for where in all_places(inputs):
                terms.extend(book.held(j, where, t), float(inputs.year[t]))
    return terms.coefficients


def _sources(book: Book, costs: pd.DataFrame, segments: list[int]) -> Iterator[_Source]:
    inputs = book.inputs
    known = costs.set_index("item")["rate"].to_dict()
    mean = 365.0 * float(inputs.year[1:].mean())
    yield _Source(OWN, "own cash", frozenset(), inputs.spec.plan.cash_yield, float("nan"))
    for x in inputs.lenders:
        for tenor, rate in x.tenors if x.limit > 0.0 else ():
            labels: frozenset[tuple[str, Key]] = frozenset(
                ("X", (x.name, tenor, t)) for t in inputs.periods
            )
            item = f"{x.name}, {tenor} {inputs.grid.frequency}s"
            cost = rate - x.commitment_fee
            yield _Source(BANK_DEBT, item, labels, cost, tenor * mean, tenor)
    for buyer in inputs.buyers:
        if buyer.limit > 0.0:
            yield _buyer(book, buyer, float(known.get(buyer.name, np.nan)))
    coming = [d for d in inputs.deals if d.state is None]
    vehicle = inputs.vehicle
    if coming and vehicle is not None and inputs.programme_limit > 0.0:
        places = {d.place for d in coming}
        sold = sum(x.share for x in vehicle.sold)
        coupon = sum(x.share * x.coupon for x in vehicle.sold) / sold
        rates = [known[d.name] for d in coming if known.get(d.name, np.nan) == known.get(d.name)]
        stays = (vehicle.revolving_periods + vehicle.amortising_periods) * mean
        series = {("S", d.name) for d in coming} | {
            ("Y", (j, where, t)) for (where, t), js in book.transfers.items() if where in places
            for j in js
        }  # fmt: skip
        rate = float(np.mean(rates)) if rates else coupon + vehicle.senior_fee_rate / sold
        yield _Source(SECURITIZATION, "series to come", frozenset(series), rate, stays)
    if inputs.p2p is not None and inputs.p2p.limit > 0.0:
        p2p = inputs.p2p
        for m, step in enumerate(p2p.steps):
            notes = frozenset(("P", (m, t)) for t in inputs.periods)
            item = f"P2P at {step.rate:.2%}"
            yield _Source(P2P, item, notes, step.rate, p2p.tenor * mean, p2p.tenor)
    for partner in inputs.partners:
        if partner.limit > 0.0:
            booked: frozenset[tuple[str, Key]] = frozenset(
                ("OC", (s, partner.place, t)) for s in segments for t in inputs.periods
            )
            cost = float(known.get(partner.name, np.nan))
            yield _Source(
                partner.channel, partner.name, booked, cost, float("nan"), with_the_loan=True
            )


def _buyer(book: Book, buyer: BuyerInputs, rate: float) -> _Source:
    """A buyer takes whole loans: its money stays as long as they do."""
    labels = frozenset(
        ("Y", (j, where, t))
        for (where, t), cohorts in book.transfers.items()
        if where == buyer.place
        for j in cohorts
    )
    return _Source(BANK_TRANSFER, buyer.name, labels, rate, float("nan"), with_the_loan=True)


def _sentence(
    book: Book,
    x: _Source,
    amounts: tuple[float, float],
    days: tuple[float, float],
    asked: bool,
    segments: list[int],
) -> str:
    inputs = book.inputs
    what = f"loans above {LONG} days"
    if not asked:
        what += f" (none is asked for: {inputs.segments[segments[0]]} stands for them)"
    carried, beside = amounts
    if carried <= NOTHING:
        return f"{x.item} could carry no {what}."
    text = f"{x.item} could carry {money(inputs, carried * inputs.unit)} of {what} on average, "
    more = money(inputs, beside * inputs.unit) if beside > NOTHING else "none"
    text += f"{more} of it beside the plan,"
    text += "" if x.rate != x.rate else f" at {x.rate:.2%} a year"
    life, stays = days
    if x.with_the_loan:
        takes = "takes the whole loan" if x.channel == BANK_TRANSFER else "runs with the loan"
        return f"{text}; it {takes}, so there is no gap."
    if stays != stays:
        return f"{text}; own money does not fall due."
    gap = life - stays
    if gap > 0.0:
        return f"{text}; it falls due {gap:,.0f} days before the loans are back ({life:,.0f} days)."
    return f"{text}; it stays {-gap:,.0f} days longer than the loans ({life:,.0f} days)."
