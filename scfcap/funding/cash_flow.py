"""The cash-flow statement, and the direct cash forecast with free and restricted cash apart.

The statement is that of the group: the company and its series, what they pay each other left out.
The forecast shows each purse by itself, what they pay each other included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from scfcap.funding.company import cash
from scfcap.funding.entries import moved_lines, notes_issued, notes_repaid
from scfcap.funding.inputs import DealInputs
from scfcap.funding.maturities import restricted_cash
from scfcap.funding.program import Solution, Terms
from scfcap.funding.statements import BROUGHT, CARRIED, frame_of, valuer
from scfcap.funding.variables import Book

#: Periods of the forecast where the plan is by weeks.
WEEKS = 13
#: Whose purse it is.
COMPANY = "company"


def cash_flow(book: Book, solution: Solution) -> pd.DataFrame:
    """Cash-flow statement of the group by period [currency], outflows negative.

    ``section``: opening, operating, financing, closing; the flows of a period lead from its
    opening cash to its closing cash, free and restricted. Lending is operating, as for financial
    institutions (IAS 7.15), and so is interest paid (IAS 7.33).
    """
    inputs, value = book.inputs, valuer(book, solution)
    rows: list[tuple[object, ...]] = []
    for t in inputs.periods:
        end = inputs.grid.ends[t - 1]
        rows.extend((t, end, "opening", *line) for line in _cash(book, value, t - 1))
        rows.extend(
            (t, end, section, item, value(terms))
            for (section, item), terms in moved_lines(book, t).items()
        )
        rows.extend((t, end, "closing", *line) for line in _cash(book, value, t))
    return frame_of(rows, ["period", "end", "section", "item", "amount"])


def _cash(book: Book, value: Callable[[Terms], float], t: int) -> Iterator[tuple[str, float]]:
    yield "free cash", value(cash(book, t))
    yield "restricted cash", value(restricted_cash(book, t))


def forecast_periods(book: Book) -> int:
    """Periods of the forecast: the first 13 weeks of a plan, all of one by the month."""
    inputs = book.inputs
    by_weeks = inputs.grid.frequency == "week" or inputs.grid.mixed
    return min(WEEKS, inputs.horizon) if by_weeks else inputs.horizon


def cash_forecast(book: Book, solution: Solution, flows: pd.DataFrame) -> pd.DataFrame:
    """Receipts and payments by purse and period [currency], payments negative.

    ``cash``: free, the company's, or restricted, a series'. ``kind``: opening, receipt, payment,
    closing. ``flows`` are the plan's sources and uses, from which the company's part is taken.
    What is nothing is left out, but for balances.
    """
    inputs, value = book.inputs, valuer(book, solution)
    own = flows[~flows["item"].isin((BROUGHT, CARRIED))]
    rows: list[tuple[object, ...]] = []
    for t in range(1, forecast_periods(book) + 1):
        end = inputs.grid.ends[t - 1]
        mine = own[own["period"] == t]
        purse = (t, end, "free", COMPANY)
        rows.append((*purse, "opening", "cash", value(cash(book, t - 1))))
        for row in mine.itertuples(index=False):
            receipt = row.side == "source"
            amount = float(row.amount) if receipt else -float(row.amount)  # type: ignore[arg-type]
            if amount != 0.0:
                rows.append((*purse, "receipt" if receipt else "payment", row.item, amount))
        rows.append((*purse, "closing", "cash", value(cash(book, t))))
        for d in inputs.deals:
            if t >= max(d.first, 1):
                rows.extend(
                    (t, end, "restricted", d.name, *line) for line in _purse(book, value, d, t)
                )
    names = ["period", "end", "cash", "holder", "kind", "item", "amount"]
    return frame_of(rows, names)


def _purse(
    book: Book, value: Callable[[Terms], float], d: DealInputs, t: int
) -> Iterator[tuple[str, str, float]]:
    held = [value(book.deal_cash(d, u).extend(book.reserve(d, u))) for u in (t - 1, t)]
    yield "opening", "cash and reserve", held[0]
    for kind, item, terms in _series_flows(book, d, t):
        amount = value(terms)
        if amount != 0.0:
            yield kind, item, amount if kind == "receipt" else -amount
    yield "closing", "cash and reserve", held[1]


def _series_flows(book: Book, d: DealInputs, t: int) -> Iterator[tuple[str, str, Terms]]:
    coupons = Terms()
    for i in range(len(d.repaid_by)):
        coupons.extend(book.coupon_paid(d, i, t))
    senior, servicing = book.deal_fees(d, t)
    yield "receipt", "principal repaid", book.repaid(d.place, t)
    yield "receipt", "interest received", book.interest(d.place, t)
    yield "receipt", "recoveries", book.recoveries(d.place, t)
    yield "receipt", "interest on cash", book.deal_yield(d, t)
    yield "receipt", "notes issued", notes_issued(book, d, t)
    if t == d.closing:
        yield "receipt", "contribution", Terms().add(book.program.find("E", d.name))
    yield "payment", "loans bought", book.sold(d.place, t)
    yield "payment", "issue cost", book.issue_cost(d, t)
    yield "payment", "senior fee", senior
    yield "payment", "servicing fee", servicing
    yield "payment", "coupons", coupons
    yield "payment", "notes repaid", notes_repaid(book, d, t)
    yield "payment", "residual", Terms().add(book.program.find("R", (d.name, t)))
