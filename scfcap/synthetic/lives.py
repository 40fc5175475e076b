"""A synthetic platform with a history: shops that come, borrow again and again, grow, fail, go.

The stock generator (:mod:`~scfcap.synthetic.platform`) draws the book of one day. This one draws
the flow: every loan of some years with every payment, from which the book of any day, the status
of each month and the performance history follow, and tie to the cent. Same seed, same bytes.

Mechanisms: :mod:`~scfcap.synthetic.population` (lives of shops), :mod:`~scfcap.synthetic.network`
(core enterprises, common factor), :mod:`~scfcap.synthetic.lending` (loans),
:mod:`~scfcap.synthetic.fates` (default, lateness), :mod:`~scfcap.synthetic.repayment` (money).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.axes import OWN
from scfcap.quantities import IntArray
from scfcap.schema.lives import LivesSpec
from scfcap.schema.model import Model
from scfcap.synthetic.accounts import Books, panel, standing
from scfcap.synthetic.calendar import Calendar, make_calendar
from scfcap.synthetic.draws import keys
from scfcap.synthetic.fates import CORE_FAILED, World, draw_fates
from scfcap.synthetic.lending import B2B_CODE, CREDIT_CODE, ORDER_CODE, draw_loans
from scfcap.synthetic.network import NEVER, Network, make_network
from scfcap.synthetic.platform import (
    DEFAULT_DAYS,
    LOAN_TYPES,
    PRODUCTS,
    SEGMENTS,
    SHORT_TERM,
    STATUSES,
    category,
    holders,
    names,
)
from scfcap.synthetic.population import Population, make_population
from scfcap.synthetic.repayment import repay
from scfcap.synthetic.shops import CORES, LARGE_CORES, REGIONS
from scfcap.tape.history import FLOWS, History, history_from_panel

SOURCE = "synthetic lives"
#: Loans drawn for one that is wanted: a shop that has failed takes no more.
_SPARE = 1.06


@dataclass(frozen=True)
class Lives:
    """A simulated platform. Frames are made when asked for."""

    spec: LivesSpec
    calendar: Calendar
    shops: Population
    network: Network
    books: Books

    def __len__(self) -> int:
        return len(self.books.loans.day)

    @cached_property
    def loans(self) -> pd.DataFrame:
        """Every loan ever made, in order of its day: what does not change over its life.

        ``loan_id``, ``borrower_id``, ``buyer_id`` (orders only), ``segment``, ``loan_type``,
        ``origination_date``, ``maturity_date``, ``original_balance`` [currency], ``rate``
        [1/year], ``region``, ``score``.
        """
        loans, ends = self.books.loans, self.books.ends
        kind = np.select(
            [loans.product == ORDER_CODE, ends.line, loans.product == B2B_CODE], [0, 2, 3], 1
        )
        return pd.DataFrame(
            {
                "loan_id": _numbered("L", np.arange(len(self)), len(self)),
                "borrower_id": _numbered("S", loans.shop, len(self.shops)),
                "buyer_id": category(loans.core, tuple(names("CE", CORES, 2))),
                "segment": category(_segments(self.books), SEGMENTS),
                "loan_type": category(kind, LOAN_TYPES),
                "origination_date": self.calendar.dates(loans.day),
                "maturity_date": self.calendar.dates(loans.due),
                "original_balance": loans.amount,
                "rate": np.array([p.rate for p in PRODUCTS])[loans.product],
                "region": category(self.shops.region[loans.shop], tuple(REGIONS)),
                "score": self.shops.score[loans.shop],
            }
        )

    @cached_property
    def payments(self) -> pd.DataFrame:
        """Every payment up to ``as_of``, in order of loan and day.

        ``loan`` (row of :attr:`loans`), ``date``, and in currency ``principal``, ``interest``,
        ``recovery`` (what comes in after the charge-off).
        """
        paid = self.books.payments
        return pd.DataFrame(
            {
                "loan": paid.loan,
                "date": self.calendar.dates(paid.day),
                "principal": paid.principal / 100.0,
                "interest": paid.interest / 100.0,
                "recovery": paid.recovery / 100.0,
            }
        )

    @cached_property
    def status(self) -> pd.DataFrame:
        """Month-end status: the panel of :class:`~scfcap.tape.history.History`, without states."""
        made = panel(self.books, self.calendar)
        flows = {name: made.flows[k] / 100.0 for k, name in enumerate(FLOWS)}
        month = made.month + np.int32(self.calendar.base)
        frame = pd.DataFrame({"loan": made.loan, "month": month, **flows})
        return frame.assign(days_past_due=made.overdue)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Failures of core enterprises, by date: ``date``, ``core``, ``warned`` (a phase of
        distress came before), ``distress_from`` (NaT without), ``orders_unpaid`` [currency].
        """
        network, loans = self.network, self.books.loans
        core = np.argsort(network.failed, kind="stable")
        core = core[network.failed[core] < NEVER]
        begin = np.full(CORES, -1)
        ending = network.phases[network.phases[:, 3] == 1]
        begin[ending[:, 0]] = ending[:, 1]
        unpaid = self.books.fates.cause == CORE_FAILED
        lost = np.bincount(loans.core[unpaid], loans.amount[unpaid], minlength=CORES)
        since = self.calendar.dates(begin[core])
        since[begin[core] < 0] = np.datetime64("NaT", "D")
        return pd.DataFrame(
            {
                "date": self.calendar.dates(network.failed[core]),
                "core": names("CE", CORES, 2)[core],
                "warned": begin[core] >= 0,
                "distress_from": since,
                "orders_unpaid": lost[core],
            }
        )

    @cached_property
    def factor(self) -> pd.Series[float]:
        """The common factor by month's first day, up to ``as_of``; low is bad."""
        months = self.calendar.base + np.arange(self.calendar.months)
        index = pd.DatetimeIndex(months.astype("datetime64[M]").astype("datetime64[s]"))
        return pd.Series(self.network.factor[: len(months)], index=index, name="factor")

    def tape(self, on: date | None = None, *, closed: bool = False) -> pd.DataFrame:
        """The canonical tape at the end of day ``on`` (default ``as_of``, the latest).

        Loans made by then with a balance; with ``closed`` also those repaid or charged off.
        original_balance = current_balance + paid_principal + what was charged off, to the cent.
        """
        day = self.calendar.days if on is None else self.calendar.day_of(on)
        if not 0 <= day <= self.calendar.days:
            msg = f"{on} is outside of the simulated days up to {self.calendar.as_of}"
            raise ValueError(msg)
        now = standing(self.books, self.calendar, day)
        made = self.books.loans.day <= day
        rows = np.flatnonzero(made if closed else made & (now.balance > 0))
        overdue, balance = now.overdue[rows], now.balance[rows]
        off = now.charged[rows] > 0
        state = [off, balance == 0, overdue >= DEFAULT_DAYS, overdue > 0]
        frame = self.loans.iloc[rows].reset_index(drop=True)
        status = np.select(state, [4, 3, 2, 1], 0)
        frame["current_balance"] = balance / 100.0
        frame["days_past_due"] = overdue
        frame["status"] = category(status, (*STATUSES, "repaid", "charged_off"))
        frame["paid_principal"] = now.paid[rows] / 100.0
        frame["channel"] = category(np.zeros(len(rows), dtype=np.int64), (OWN,))
        return frame

    def history(self) -> History:
        """The performance history, as if read from files."""
        kept = self.loans.assign(closed_date=self._closed())
        return history_from_panel(
            kept, self.status, source=SOURCE, digest=self.digest, default_days=DEFAULT_DAYS
        )

    def _closed(self) -> npt.NDArray[np.datetime64]:
        repaid = self.books.ends.repaid
        day = self.calendar.dates(np.minimum(repaid, self.calendar.days))
        day[repaid >= NEVER] = np.datetime64("NaT", "D")
        return day

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all loans and payments: equal for equal specs."""
        made = hashlib.sha256()
        for part in self.books:
            for array in part:
                made.update(np.ascontiguousarray(array).data)
        return made.hexdigest()


def simulate(spec: LivesSpec, as_of: date) -> Lives:
    """Simulate ``spec.months`` months before ``as_of``: exactly ``spec.loans`` loans."""
    key = keys(spec.seed, 12)
    calendar = make_calendar(spec, as_of)
    shops = make_population(spec, calendar, int(key[0]))
    network = make_network(spec, calendar, shops, int(key[1]))
    spare = _SPARE
    while True:
        drawn = draw_loans(int(spec.loans * spare) + 50, calendar, shops, network, key[2:5])
        fates, made = draw_fates(World(spec, calendar, shops, network), drawn, key[5:7])
        kept = np.flatnonzero(made)
        if len(kept) >= spec.loans:
            break
        spare *= 1.5
    kept = _picked(kept, spec.loans, int(key[7]))
    kept = kept[np.argsort(drawn.day[kept], kind="stable")]
    loans, fates = drawn.where(kept), fates.where(kept)
    payments, ends = repay(calendar, loans, fates, network.factor, key[8:9])
    return Lives(spec, calendar, shops, network, Books(loans, fates, payments, ends))


def held_tape(lives: Lives, model: Model) -> pd.DataFrame:
    """The tape at ``as_of``, loans placed in the series of ``model`` up to their pools.

    Raises :class:`~scfcap.errors.InputError` if the series need more loans than there are.
    """
    frame = lives.tape()
    rng = np.random.Generator(np.random.Philox(int(keys(lives.spec.seed, 12)[9])))
    frame["channel"] = holders(rng, frame, model)
    return frame


def _picked(rows: IntArray, count: int, seed: int) -> IntArray:
    """``count`` of ``rows``, at random, in their order."""
    rng = np.random.Generator(np.random.Philox(seed))
    return np.asarray(np.sort(rng.choice(rows, count, replace=False, shuffle=False)))


def _segments(books: Books) -> IntArray:
    loans = books.loans
    order, short = loans.product == ORDER_CODE, loans.term <= SHORT_TERM
    credit = loans.product == CREDIT_CODE
    choices = [order & (loans.core < LARGE_CORES), order, credit & short, credit]
    return np.asarray(np.select(choices, [0, 1, 2, 3], 4))


def _numbered(prefix: str, number: IntArray, count: int) -> Any:
    """``prefix`` and number + 1 in as many digits as ``count`` has."""
    text = pc.cast(pa.array(number + 1), pa.string())
    padded = pc.utf8_lpad(text, len(str(count)), "0")
    joined = pc.binary_join_element_wise(prefix, padded, "")
    return pd.Series(joined.to_pandas(), dtype="str")
