"""Money that no source brings: missing at a close, paid back at the next, at a rate of its own.

It is a measure and no source: it makes a plan under shocks say how much is missing, and when,
where it would have to say that there is none. So the law's caps and lenders' covenants, which count
what is borrowed of whom, do not count it, and the liquidity floor holds nothing against it: else
what is missing would grow by what is held for it. It is owed, though: it stands on the balance
sheet, in the maturity ladder and against maturity gaps, and its cost lowers net capital.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from scfcap.errors import InputError, Problem
from scfcap.funding.booking import Earned, Entry, Held, Line, Moved, Purse, Section, Stock
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.program import Terms
from scfcap.funding.variables import Book
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.uncertainty import Shortfall

#: Channel and line of missing money in the statements.
SHORTFALL, MISSING = "shortfall", "money missing"
MISSING_LINE = Line("liability", MISSING)
COST = "cost of missing money"


def shortfall_rate(inputs: Inputs) -> float:
    """Cost of missing money [1/year]: the model's, or where it states none the usual one."""
    stated = inputs.spec.plan.uncertainty
    return (Shortfall() if stated is None else stated.shortfall).rate


def missing(book: Book, t: int) -> Terms:
    """Money missing at the close of ``t``; nothing where the plan has no uncertainty."""
    return Terms().add(book.program.find("u", t))


def _cost(book: Book, t: int) -> Terms:
    """Cost, in ``t``, of what was missing at the close of ``t`` - 1."""
    rate = shortfall_rate(book.inputs) * float(book.inputs.year[t])
    return Terms().extend(missing(book, t - 1), rate)


def shortfall_entries(book: Book, t: int) -> Iterator[Entry]:
    """``u[t] - (1 + rate year[t]) u[t-1]``: got, paid back, and what it costs."""
    if not book.inputs.may_lack:
        return
    moved: Section = "financing"
    yield Entry(
        missing(book, t),
        Purse(1.0, SHORTFALL, "missing money got"),
        moved=Moved(1.0, moved, "missing money got"),
    )
    yield Entry(
        missing(book, t - 1),
        Purse(-1.0, SHORTFALL, "missing money paid back"),
        moved=Moved(-1.0, moved, "missing money paid back"),
    )
    yield Entry(
        _cost(book, t),
        Purse(-1.0, SHORTFALL, COST),
        Earned(-1.0, COST),
        Moved(-1.0, "operating", COST),
    )


def shortfall_stocks(book: Book, t: int) -> Iterator[Stock]:
    """What is missing at the close of ``t``: owed."""
    if book.inputs.may_lack:
        yield Stock(missing(book, t), MISSING_LINE, Held(SHORTFALL, MISSING))


def shortfall_due(book: Book, grid: PeriodGrid, t: int) -> tuple[float, Terms]:
    """Days left at the close of ``t`` to the next one, and what is missing: due then."""
    return float(grid.days[t + 1] - grid.days[t]), missing(book, t)


def measured(inputs: Inputs, measure: str) -> list[tuple[int, float]]:
    """Periods with what a unit that is missing there adds to a scenario's shortfall.

    ``total``: ``(1 + terminal_rate)^-Y[t] units[t]``, discounted and for as long as it is missing
    in units of the model, so that weeks and months count alike; ``worst``: 1.
    """
    if measure == "worst":
        return [(t, 1.0) for t in inputs.periods]
    rate, years = inputs.spec.plan.terminal_rate, np.cumsum(inputs.year)
    return [(t, float((1.0 + rate) ** -years[t]) * float(inputs.units[t])) for t in inputs.periods]


def shortfall_of(inputs: Inputs, amounts: FloatArray, measure: str = "total") -> float:
    """A scenario's shortfall of what is missing at each close, shape (T + 1,), index 0 unused.

    [money units], for ``total`` times units of the model: :func:`measured` says how it adds up.
    """
    parts = [weight * float(amounts[t]) for t, weight in measured(inputs, measure)]
    return max(parts, default=0.0) if measure == "worst" else math.fsum(parts)


# --- what it must cost ----------------------------------------------------------------------------


def dearest_source(inputs: Inputs) -> tuple[str, float]:
    """The source that costs most in any period, and its rate a year; ("", 0) where there is none.

    Lines by their dearest tenor, P2P notes by their dearest step, a new series by its coupons,
    senior fee and issue cost over its life, all with what the scenario adds to new funding. What
    is lost on loans sold depends on how long they run, and has no rate here.
    """
    found = [("", 0.0), *_lines(inputs), *_notes(inputs), *_series(inputs)]
    return max(found, key=lambda source: source[1])


def _lines(inputs: Inputs) -> Iterator[tuple[str, float]]:
    for x in inputs.lenders:
        if x.limit > 0.0:
            for _, rate in x.tenors:
                yield x.name, max(x.rate(rate, t) for t in inputs.periods)


def _notes(inputs: Inputs) -> Iterator[tuple[str, float]]:
    if inputs.p2p is not None and inputs.p2p.limit > 0.0:
        for step in inputs.p2p.steps:
            yield "P2P notes", max(inputs.p2p.rate(step.rate, t) for t in inputs.periods)


def _series(inputs: Inputs) -> Iterator[tuple[str, float]]:
    for d in inputs.deals:
        if d.state is None and inputs.programme_limit > 0.0 and d.max_pool > 0.0:
            yield d.name, _of_series(inputs, d)


def _of_series(inputs: Inputs, d: DealInputs) -> float:
    vehicle = inputs.terms(d)
    sold = sum(tranche.share for tranche in vehicle.sold)
    coupons = sum(tranche.share * tranche.coupon for tranche in vehicle.sold)
    end = max(d.legal_end, d.closing + 1)
    life = float(inputs.grid.extended(end).year_fractions[d.closing : end].sum())
    return (coupons + vehicle.senior_fee_rate) / sold + vehicle.issue_cost_rate / life


def check_rate(inputs: Inputs) -> Inputs:
    """``inputs``, whose missing money is dearer than every source.

    Raises:
        InputError: missing money would cost no more than a source in the plan's scenario, so that
            it would be one.
    """
    if inputs.spec.plan.uncertainty is None:
        return inputs
    rate, (name, dearest) = shortfall_rate(inputs), dearest_source(inputs)
    if rate > dearest:
        return inputs
    raise InputError(
        Problem(
            "model.toml: plan.uncertainty.shortfall.rate",
            f"{rate:g}, while {name} costs up to {dearest:.4g} a year in scenario "
            f"{inputs.spec.plan.scenario}",
            f"above {dearest:.4g}: missing money that is cheaper than a source would be one",
            f"Raise it, to {1.5 * dearest:.2g} for half as much again as that source.",
        )
    )
