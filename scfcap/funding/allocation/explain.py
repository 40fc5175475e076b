"""Why each loan goes where it goes: its best channels, the rows that decided, why no other.

All figures are at the prices of the rows: a loan is worth ``value`` in a channel, the rows charge
it ``price = sum_r y_r a_r,ic`` there, and ``net`` is what is left. The placement takes the
channel with the most net for all loans but a few, which whole loans within the limits decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.charges import NAMED, Charges, Priced
from scfcap.funding.allocation.result import Allocation
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Channels of a loan that are told.
BEST = 3
#: Nets that differ by less than this share of the balance are equal.
SAME = 1e-9
#: How a loan came to its channel.
DECIDED = ("only_place", "most_net", "equal", "no_churn", "whole_loans")
#: Why a loan is not in a channel; ``net_less``: there it would leave less.
STATUSES = (
    "chosen", "refused", "undetermined", "net_less", "no_churn", "equal", "whole_loans", "ticket",
)  # fmt: skip
_CHOSEN, _REFUSED, _UNDETERMINED, _LESS, _CHURN, _EQUAL, _WHOLE, _TICKET = range(len(STATUSES))


def coded(codes: npt.NDArray[np.integer[Any]], names: Sequence[str]) -> Any:
    """Texts of few kinds as a categorical column, -1 as nothing."""
    return pd.Categorical.from_codes(codes.astype(np.int64), pd.Index(list(names), dtype="str"))


@dataclass(frozen=True)
class Explained:
    """The reckoning of some loans, ``loans`` by position in the program.

    Where a loan need not be placed, ``nowhere``, worth 0, is one more place: the last column of
    :attr:`net`.
    """

    assembled: Assembled
    allocation: Allocation
    loans: IntArray

    @classmethod
    def of(
        cls, assembled: Assembled, allocation: Allocation, loans: IntArray | None = None
    ) -> Explained:
        """Of all loans, or of those at ``loans``."""
        count = len(allocation.program)
        chosen = np.arange(count) if loans is None else loans
        return cls(assembled, allocation, np.asarray(chosen, dtype=np.int64))

    @cached_property
    def _priced(self) -> Priced:
        return Priced.of(self.allocation.program, self.allocation.dual)

    @property
    def places(self) -> tuple[str, ...]:
        """Keys of the channels, and last nowhere, an empty key."""
        return (*self.allocation.program.channels, "")

    @cached_property
    def value(self) -> FloatArray:
        """Value in each channel, NaN where a loan may not go; (loans, channels) [currency]."""
        program = self.allocation.program
        return np.where(self.open, program.value[self.loans], np.nan)

    @cached_property
    def open(self) -> BoolArray:
        """Where a loan may go, shape (loans, channels)."""
        return np.asarray(self.allocation.program.eligible[self.loans])

    @cached_property
    def price(self) -> FloatArray:
        """What the rows charge [currency], NaN where a loan may not go; shape (loans, channels)."""
        return self._charged(self._priced)

    def _charged(self, priced: Priced) -> FloatArray:
        found = np.full(self.open.shape, np.nan)
        for c in range(self.open.shape[1]):
            at = np.flatnonzero(self.open[:, c])
            found[at, c] = priced.charges(self.loans[at], np.full(len(at), c)).total
        return found

    def charged(self, rows: IntArray, places: IntArray) -> Charges:
        """What the rows charge loans, by their rank among ``loans``, in channels."""
        return self._priced.charges(self.loans[rows], places)

    @cached_property
    def net(self) -> FloatArray:
        """Value less price, -inf where a loan may not go; (loans, channels + 1) [currency]."""
        found = np.full((len(self.loans), self.open.shape[1] + 1), -np.inf)
        np.subtract(self.value, self.price, out=found[:, :-1], where=self.open)
        found[~self.allocation.program.must[self.loans], -1] = 0.0
        return found

    @cached_property
    def at(self) -> IntArray:
        """Where each loan is placed, a position in :attr:`places`."""
        choice = self.allocation.choice[self.loans].astype(np.int64)
        return np.where(choice < 0, self.open.shape[1], choice)

    @cached_property
    def other(self) -> IntArray:
        """Each loan's best other place, a position in :attr:`places`; -1 where there is none."""
        rest = self.net.copy()
        rest[np.arange(len(rest)), self.at] = -np.inf
        found = rest.argmax(axis=1)
        none = ~np.isfinite(rest[np.arange(len(rest)), found])
        return np.where(none, -1, found).astype(np.int64)

    @cached_property
    def _mine(self) -> FloatArray:
        """Net where the loans are placed."""
        return np.asarray(self.net[np.arange(len(self.loans)), self.at])

    @cached_property
    def _lead(self) -> FloatArray:
        """Net where a loan is placed less net elsewhere, shape (loans, channels + 1)."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self._mine[:, None] - self.net)

    @cached_property
    def _same(self) -> FloatArray:
        """Difference that counts as none [currency]."""
        return np.asarray(SAME * self.allocation.program.balance[self.loans])

    @cached_property
    def _freed(self) -> FloatArray:
        """What the churn rows charge [currency], 0 where they do not; shape (loans, channels)."""
        rows = self.allocation.program.rows
        dual = self.allocation.dual
        if not any(row.kind == "churn" and dual[r] > 0.0 for r, row in enumerate(rows)):
            return np.zeros(self.open.shape)
        churn = Priced.of(self.allocation.program, dual, lambda row: row.kind == "churn")
        return np.nan_to_num(self._charged(churn))

    @cached_property
    def _kept(self) -> BoolArray:
        """Channels that would leave more than the present one but for the churn rows."""
        today = self.allocation.program.today[self.loans]
        stays = (today >= 0) & (self.at == today)
        lead = self._lead[:, :-1]
        same = self._same[:, None]
        return np.asarray(stays[:, None] & (lead > same) & (lead - self._freed < -same))

    @cached_property
    def decided(self) -> IntArray:
        """How each loan came to its place, a position in :data:`DECIDED`."""
        rows = np.arange(len(self.loans))
        lead = self._lead[rows, self.other]
        found = np.where(lead < -self._same, 4, np.where(lead <= self._same, 2, 1))
        found[(found == 1) & self._kept.any(axis=1)] = 3
        found[self.other < 0] = 0
        return found.astype(np.int64)

    def to_frame(self) -> pd.DataFrame:
        """One row a loan.

        ``channel`` where it goes (empty: nowhere) with value, price and net [currency];
        ``other``, its best other place, with the same; ``loss``: net less net there, what putting
        it there would lose at these prices, below 0 where whole loans decided otherwise, NaN where
        there is no other place; ``decided``: a word of :data:`DECIDED`. ``row_1``, ``row_2`` and
        ``amount_1``, ``amount_2``: the rows that weigh most and what they charge [currency], below
        0 where they pay; ``other_row_1`` and so on in the other place.
        """
        program = self.allocation.program
        rows = np.arange(len(self.loans))
        today = program.today[self.loans].astype(np.int64)
        frame = pd.DataFrame(
            {
                "loan_id": program.loan_id[self.loans],
                "balance": program.balance[self.loans],
                "today": self._named(np.where(today < 0, self.open.shape[1], today)),
                **self._sided("", self.at),
                **self._sided("other", self.other),
            }
        )
        has = self.other >= 0
        frame["loss"] = np.where(has, self._lead[rows, self.other], np.nan)
        frame["decided"] = coded(self.decided, DECIDED)
        return frame

    def _named(self, at: IntArray) -> Any:
        return coded(at, self.places)

    def _sided(self, prefix: str, at: IntArray) -> dict[str, Any]:
        """Value, price, net and rows of one place of each loan."""
        rows = np.arange(len(self.loans))
        inside = (at >= 0) & (at < self.open.shape[1])
        named = f"{prefix}_" if prefix else ""
        parts: dict[str, Any] = {prefix or "channel": self._named(at)}
        zero = np.where(at >= 0, 0.0, np.nan)
        column = np.where(inside, at, 0)
        for name in ("value", "price"):
            parts[f"{named}{name}"] = np.where(inside, getattr(self, name)[rows, column], zero)
        parts[f"{named}net"] = np.where(at >= 0, self.net[rows, at], np.nan)
        some = np.flatnonzero(inside)
        found = self.charged(some, at[some])
        for k in range(NAMED):
            code, amount = np.full(len(at), -1), np.zeros(len(at))
            code[some], amount[some] = found.row[:, k], found.amount[:, k]
            parts[f"{named}row_{k + 1}"] = self._rows(code)
            parts[f"{named}amount_{k + 1}"] = amount
        return parts

    def _rows(self, codes: IntArray) -> Any:
        return coded(codes, [row.name for row in self.allocation.program.rows])

    def options(self) -> pd.DataFrame:
        """Each loan's best three places, most net first: rank, channel, value, price and net
        [currency], whether it is ``chosen``. Of equal nets the chosen one, then the earlier
        channel, stands first.
        """
        count = len(self.loans)
        first = np.zeros(self.net.shape)
        first[np.arange(count), self.at] = -1.0
        order = np.lexsort((first, -self.net), axis=1)[:, :BEST]
        net = np.take_along_axis(self.net, order, axis=1)
        loan, rank = np.nonzero(np.isfinite(net))
        place = order[loan, rank]
        zero = np.zeros((count, 1))
        value, price = (np.hstack([part, zero]) for part in (self.value, self.price))
        return pd.DataFrame(
            {
                "loan_id": self.allocation.program.loan_id[self.loans][loan],
                "rank": rank + 1,
                "channel": self._named(place),
                "value": value[loan, place],
                "price": price[loan, place],
                "net": net[loan, rank],
                "chosen": place == self.at[loan],
            }
        )

    @cached_property
    def status(self) -> IntArray:
        """Why each loan is in a channel or not, positions in :data:`STATUSES`; shape (loans,
        channels).
        """
        lead, same = self._lead[:, :-1], self._same[:, None]
        found = np.where(lead < -same, _WHOLE, np.where(lead <= same, _EQUAL, _LESS))
        found[self._kept] = _CHURN
        closed = self._closed
        found[:, closed] = np.where(found[:, closed] == _WHOLE, _TICKET, found[:, closed])
        found[~self.open] = _REFUSED
        unknown = self.assembled.undetermined[self.loans]
        found[~self.open & unknown] = _UNDETERMINED
        placed = np.flatnonzero(self.at < self.open.shape[1])
        found[placed, self.at[placed]] = _CHOSEN
        return found.astype(np.int64)

    @cached_property
    def _closed(self) -> IntArray:
        """Channels with a least ticket into which nothing moves."""
        allocation = self.allocation
        today, choice = allocation.program.today, allocation.choice
        return np.array(
            [
                c
                for c, key in enumerate(allocation.program.channels)
                if key in allocation.tickets and not ((choice == c) & (today != c)).any()
            ],
            dtype=np.int64,
        )

    def others(self) -> pd.DataFrame:
        """Why each loan is in no other channel, one row a loan and channel.

        ``status``: a word of :data:`STATUSES`; ``reason``: why it may not go there, empty where it
        may; ``less``: how much less net it would leave there [currency], NaN where it may not.
        """
        loan, channel = np.nonzero(self.status != _CHOSEN)
        refused = self.assembled.refused[self.loans][loan, channel]
        lead = self._lead[loan, channel]
        return pd.DataFrame(
            {
                "loan_id": self.allocation.program.loan_id[self.loans][loan],
                "channel": self._named(channel),
                "status": coded(self.status[loan, channel], STATUSES),
                "reason": coded(
                    np.where(self.open[loan, channel], 0, _unique_codes(self.assembled)[refused]),
                    _unique(self.assembled),
                ),
                "less": np.where(np.isfinite(lead), lead, np.nan),
            }
        )


def _unique(assembled: Assembled) -> list[str]:
    return list(dict.fromkeys(["", *assembled.reasons]))


def _unique_codes(assembled: Assembled) -> IntArray:
    """Where each reason stands among the distinct ones."""
    known = {reason: k for k, reason in enumerate(_unique(assembled))}
    return np.array([known[reason] for reason in assembled.reasons], dtype=np.int64)


def position_of(loan_id: npt.NDArray[np.object_], loan: str) -> int:
    """Position of a loan by its id. Raises :class:`InputError` where there is no such loan."""
    found = np.flatnonzero(loan_id == loan)
    if not len(found):
        raise InputError(
            Problem(
                f"--loan {loan}",
                "no loan with this id among those that are outstanding",
                "the loan_id of an outstanding loan",
                "Look it up in the tape.",
            )
        )
    return int(found[0])
