"""What money costs: each source by the plan's own flows, and the last unit by the duals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, P2P, SECURITIZATION
from scfcap.cashflow.returns import xirr
from scfcap.errors import InputError
from scfcap.funding.accounting import retained
from scfcap.funding.entries import notes_issued, notes_repaid
from scfcap.funding.inputs import BuyerInputs, DealInputs, LenderInputs
from scfcap.funding.partner import PartnerInputs
from scfcap.funding.prices import Price, limit_of
from scfcap.funding.program import Solution, Terms
from scfcap.funding.statements import frame_of
from scfcap.funding.support import claims, paid, receivable, recovered
from scfcap.funding.variables import Book
from scfcap.quantities import FloatArray

#: Money below this share of the largest amount of a source is rounding.
NOISE = 1e-9
#: Row for all outside sources.
TOGETHER = "all outside sources"


@dataclass(frozen=True)
class Source:
    """Flows between a source and the company [money units], shape (T + 1,), index 0 ``as_of``.

    ``raised`` is money that comes in, ``paid`` all that goes back, principal too; ``balance`` is
    what is owed at each close, ``own`` the company's own funds that are tied up beside it.
    """

    channel: str
    item: str
    raised: FloatArray
    paid: FloatArray
    balance: FloatArray
    own: FloatArray
    limit: str = ""

    @property
    def flows(self) -> FloatArray:
        """Money to the company: what is owed at the start counts as raised then, what is owed at
        the end as repaid then.
        """
        flows = self.raised - self.paid
        flows[0] += self.balance[0]
        flows[-1] -= self.balance[-1]
        size = max(np.abs(self.raised).max(), np.abs(self.balance).max())
        return np.where(np.abs(flows) <= NOISE * size, 0.0, flows)


def cost_of_funds(book: Book, solution: Solution, prices: tuple[Price, ...] = ()) -> pd.DataFrame:
    """All-in cost of each outside source over the plan, from the plan's own flows.

    ``rate`` is the effective rate a year (XIRR, actual days over 365) of what comes in and what
    goes back: interest, commitment and placing fees, coupons, fees and issue costs of a series,
    cash that it must keep; of loans sold, what they would have brought less the fee for servicing
    them. ``cost_amount`` [currency] is the same as an amount, ``average_amount`` the mean of what
    is owed over the time. ``own_share``: own funds tied up beside the source, share of both, on
    average. ``worth_of_more``: what one more unit of the source's limit earns over the horizon,
    from ``prices``. A rate that does not exist is left out, and ``note`` says why.
    """
    inputs, unit = book.inputs, book.inputs.unit
    sources = list(sources_of(book, solution))
    if len(sources) > 1:
        sources.append(_together(sources))
    worth = {price.what: price.value for price in prices}
    year = inputs.year[1:]
    days = [inputs.grid.as_of, *inputs.grid.ends]
    rows: list[tuple[object, ...]] = []
    for x in sources:
        rate, note = _rate(days, x)
        average = float(x.balance[:-1] @ year / year.sum())
        own = float(x.own[:-1] @ year / year.sum())
        share = own / (own + average) if own + average > 0.0 else 0.0
        raised, paid = float(x.raised.sum()), float(x.paid.sum())
        ends = (float(x.balance[0]), float(x.balance[-1]))
        cost = paid + ends[1] - raised - ends[0]
        amounts = [unit * a for a in (ends[0], raised, paid, ends[1], cost, average)]
        rows.append((x.channel, x.item, *amounts, rate, share, worth.get(x.limit, np.nan), note))
    names = [
        "channel", "item", "opening_amount", "raised", "paid_back", "closing_amount", "cost_amount",
        "average_amount", "rate", "own_share", "worth_of_more", "note",
    ]  # fmt: skip
    return frame_of(rows, names)


def _rate(days: list[date], x: Source) -> tuple[float, str]:
    flows = x.flows
    if not flows.any():
        used = x.raised.any() or x.balance.any()
        return float("nan"), "raised at the last close: not paid for yet" if used else "not used"
    try:
        return xirr(np.array(days, dtype="datetime64[D]"), flows), ""
    except InputError as error:
        return float("nan"), error.problems[0].found


def _together(sources: list[Source]) -> Source:
    def total(name: str) -> FloatArray:
        return np.asarray(np.sum([getattr(x, name) for x in sources], axis=0))

    return Source("", TOGETHER, total("raised"), total("paid"), total("balance"), total("own"))


def sources_of(book: Book, solution: Solution) -> Iterator[Source]:
    """Every outside source of the model with its flows."""
    inputs = book.inputs
    make = _Maker(book, solution)
    for lender in inputs.lenders:
        yield make.line(lender)
    for buyer in inputs.buyers:
        yield make.sale(buyer)
    for d in inputs.deals:
        yield make.series(d)
    if inputs.p2p is not None:
        yield make.notes()
    for x in inputs.partners:
        yield make.partner(x)


class _Maker:
    def __init__(self, book: Book, solution: Solution) -> None:
        self.book, self.x = book, solution.x

    def _path(self, at: Callable[[int], Terms], first: int = 1) -> FloatArray:
        """Values by period from ``first``; nothing before."""
        horizon = self.book.inputs.horizon
        values = [0.0] * first + [at(t).value(self.x) for t in range(first, horizon + 1)]
        return np.array(values)

    def line(self, x: LenderInputs) -> Source:
        book = self.book

        def drawn(t: int) -> Terms:
            terms = Terms()
            for tenor, _ in x.tenors:
                terms.add(book.program.find("X", (x.name, tenor, t)))
            return terms

        def paid(t: int) -> Terms:
            return book.debt_repaid(x.name, t).extend(book.debt_interest(x.name, t))

        def owed(t: int) -> Terms:
            return book.debt(x.name, t).plus(float(x.open_balance[t]))

        balance = self._path(owed, 0)
        nothing = np.zeros_like(balance)
        flows = self._path(drawn), self._path(paid), balance, nothing
        return Source(BANK_DEBT, x.name, *flows, limit_of(x))

    def sale(self, buyer: BuyerInputs) -> Source:
        book, where = self.book, buyer.place

        def sold(t: int) -> Terms:
            return Terms().extend(book.sold(where, t), buyer.price)

        def given_up(t: int) -> Terms:
            fee = -buyer.servicing_fee * float(book.inputs.year[t])
            terms = book.collections(where, t).extend(book.total(where, t - 1), fee)
            return terms.extend(paid(book, buyer, t)).extend(recovered(book, buyer, t), -1.0)

        def held(t: int) -> Terms:
            terms = book.total(where, t).extend(book.receivable(where, t))
            return terms.extend(receivable(book, buyer, t), -1.0)

        balance = self._path(held, 0)
        flows = self._path(sold), self._path(given_up), balance, np.zeros_like(balance)
        return Source(BANK_TRANSFER, buyer.name, *flows, limit_of(buyer))

    def partner(self, x: PartnerInputs) -> Source:
        """What a partner lends from the start, and all that its loans bring it."""
        book, where = self.book, x.place

        def lent(t: int) -> Terms:
            terms = Terms()
            for s in range(len(book.inputs.segments)):
                terms.extend(book.made(s, where, t))
            return terms

        def brought(t: int) -> Terms:
            fee = -x.fee * float(book.inputs.year[t])
            terms = book.collections(where, t).extend(book.total(where, t - 1), fee)
            return terms.extend(paid(book, x, t)).extend(recovered(book, x, t), -1.0)

        def held(t: int) -> Terms:
            terms = book.total(where, t).extend(book.receivable(where, t))
            return terms.extend(receivable(book, x, t), -1.0).extend(claims(book, x, t))

        balance = self._path(held, 0)
        flows = self._path(lent), self._path(brought), balance, np.zeros_like(balance)
        return Source(x.channel, x.name, *flows, limit_of(x))

    def series(self, d: DealInputs) -> Source:
        """Notes less the cash that the series keeps; what it keeps earns its yield."""
        book = self.book

        def kept(t: int) -> Terms:
            return book.deal_cash(d, t).extend(book.reserve(d, t))

        def raised(t: int) -> Terms:
            return notes_issued(book, d, t).extend(kept(t), -1.0).extend(kept(t - 1))

        def paid(t: int) -> Terms:
            terms = notes_repaid(book, d, t).extend(book.deal_yield(d, t), -1.0)
            terms.extend(book.deal_fees(d, t)[0]).extend(book.issue_cost(d, t))
            for i in range(len(d.repaid_by)):
                terms.extend(book.coupon_paid(d, i, t))
            return terms

        def owed(t: int) -> Terms:
            terms = book.all_notes(d, t).extend(kept(t), -1.0)
            for i in range(len(d.repaid_by)):
                terms.extend(book.accrued(d, i, t))
            return terms

        own = self._path(lambda t: retained(book, d, t), 0)
        flows = self._path(raised), self._path(paid), self._path(owed, 0), own
        return Source(SECURITIZATION, d.name, *flows, limit_of(d))

    def notes(self) -> Source:
        book = self.book
        balance = self._path(book.p2p_stock, 0)
        paid = self._path(lambda t: book.p2p_repaid(t).extend(book.p2p_interest(t)))
        flows = self._path(book.placed), paid, balance, np.zeros_like(balance)
        return Source(P2P, "notes", *flows, limit_of(None))


@dataclass(frozen=True)
class Worths:
    """Duals of money by period [1], index 0 unused: of a unit of cash that is received, of a unit
    of income without cash, and of a unit more of the liquidity floor (at most 0).
    """

    cash: FloatArray
    capital: FloatArray
    floor: FloatArray

    @classmethod
    def of(cls, book: Book, solution: Solution) -> Worths:
        """Read the duals off an optimum."""

        def path(duals: Mapping[int, float]) -> FloatArray:
            return np.array([0.0, *(duals.get(t, 0.0) for t in book.inputs.periods)])

        families = ("cash_balance", "net_capital", "liquidity_floor")
        return cls(*(path(solution.duals(family)) for family in families))


def break_even_rate(
    book: Book, worths: Worths, t: int, tenor: int, part: float = 1.0
) -> tuple[float, float]:
    """Rate at which a unit borrowed in ``t`` for ``tenor`` periods neither earns nor costs.

    Returns the rate [1/year] and what a rate of 1 costs the objective per unit. With the duals of
    cash ``c``, capital ``k`` and floor ``f``, year fractions ``y`` and cover ``g``:
    ``(c[t] - c[t+n] + g f[t+n-1]) / sum_{u=t+1..t+n} y[u] (c[u] + k[u])``, the sums cut at the
    horizon, where debt stands at par. Interest runs for ``part`` of the last period. The floor
    counts at every close at which the debt is due within one unit of the model. What the unit
    counts in caps, lines and fees is left out.
    """
    inputs = book.inputs
    due = t + tenor
    last = min(due, inputs.horizon)
    year = inputs.year.copy()
    if due == last:
        year[due] *= part
    span = slice(t + 1, last + 1)
    burden = float(year[span] @ (worths.cash[span] + worths.capital[span]))
    gain = float(worths.cash[t])
    if due <= inputs.horizon:
        gain -= float(worths.cash[due])
    covered = [u for u in range(max(t, 1), last + 1) if u < due <= inputs.covered_to[u]]
    gain += inputs.spec.plan.debt_cover * float(worths.floor[covered].sum())
    return (gain / burden if burden > 0.0 else float("nan")), burden


def marginal_funding(book: Book, solution: Solution) -> pd.DataFrame:
    """The marginal funding curve: what one more unit of money may cost, by period and tenor.

    ``rate`` [1/year] is :func:`break_even_rate`. Only tenors that end within the horizon.
    """
    inputs = book.inputs
    worths = Worths.of(book, solution)
    rows = [
        (t, inputs.grid.ends[t - 1], tenor, inputs.grid.ends[t + tenor - 1],
         break_even_rate(book, worths, t, tenor)[0])
        for t in inputs.periods
        for tenor in range(1, inputs.horizon - t + 1)
    ]  # fmt: skip
    return frame_of(rows, ["period", "end", "tenor", "due", "rate"])
