"""How buyers pay the orders that loans are advanced on: their delay and their dilution.

Delay is the time from the due day to the day of payment [days], below zero where a buyer pays
early. All buyers together give a product-limit curve; a buyer's own curve is the posterior mean
of a beta process around it (N. Hjort, 1990, Annals of Statistics 18, 1259-1294), which with
nothing censored is the mean of a Dirichlet process (T. Ferguson, 1973, Annals of Statistics 1,
209-230): its own orders weigh n / (n + k). The strength k is that of Bühlmann and Straub, v / a
of the delays (see :mod:`~scfcap.credit.credibility`): the same Z = n / (n + k) shrinks means and
whole distributions, so that a buyer with two orders is read as nearly any buyer, one with many as
itself. Each order counts once, whatever its amount; open ones are censored at the day of the tape.

Dilution is the share of an order that its buyer does not pay though solvent: returns, discounts,
disputes. Buyers' means, weighted by amount, are shrunk in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.compiled import compiled
from scfcap.credit.credibility import Credibility, buhlmann_straub
from scfcap.credit.intervals import Z95
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Delays beyond this are taken as this [days], early or late.
LONGEST_DELAY = 3_650
#: Chance below which nothing is left of a curve.
_NOTHING = 1e-12
#: Name of the row that stands for a buyer without orders of its own.
ANY_BUYER = "any buyer"


@dataclass(frozen=True)
class Settlements:
    """Orders with what is known of their payment; all arrays have shape (orders,).

    ``buyer``: code, -1 where not known. ``delay`` [days]: from the due day to the payment where
    ``settled``, else to the day of the tape. ``term`` [days]: from the order to its due day.
    ``amount`` [currency]. ``diluted``: share not paid, nan where not known.
    """

    buyer: IntArray
    delay: IntArray
    settled: BoolArray
    term: IntArray
    amount: FloatArray
    diluted: FloatArray


@dataclass(frozen=True)
class Estimates:
    """A figure of each buyer and, last, of any buyer [B + 1], with its 95% interval.

    ``own`` is the buyer's own figure (nan where it has none), ``z`` what it counts for.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    own: FloatArray
    z: FloatArray


@dataclass(frozen=True)
class Buyers:
    """How each of ``names`` [B] pays, and in the last row any other buyer [B + 1].

    ``share`` [B + 1, D]: probability that an order is paid ``first`` + d days after its due day.
    ``settled`` and ``open`` [B + 1] count orders. ``delay`` [days] and ``dilution`` [share] are
    the means of the distributions used.
    """

    names: tuple[str, ...]
    first: int
    share: FloatArray
    settled: IntArray
    open: IntArray
    delay: Estimates
    dilution: Estimates

    @property
    def last(self) -> int:
        """Longest delay [days]."""
        return int(self.first + self.share.shape[1] - 1)

    def row(self, buyer: IntArray) -> IntArray:
        """Rows of buyers' codes; that of any buyer for -1."""
        return np.where(buyer < 0, len(self.names), buyer)

    def paid_by(self, buyer: int, delay: float) -> float:
        """Probability that an order of row ``buyer`` is paid by ``delay`` days after it is due."""
        return float(self.share[buyer, : max(int(np.floor(delay)) - self.first + 1, 0)].sum())

    def delays(self, buyer: IntArray, elapsed: IntArray, parts: int) -> IntArray:
        """Delays of ``parts`` equal parts of each order that is open [orders, parts, days].

        ``elapsed`` [days]: from the due day to the day of the tape, on which the order is still
        unpaid. Part j pays at the quantile (j + 1/2) / ``parts`` of the delays beyond that; an
        order that is open longer than any was is paid when due or, once overdue, after as long
        again.
        """
        curves = np.cumsum(self.share, axis=1)
        return _quantiles(curves, self.first, self.row(buyer), np.asarray(elapsed), parts)

    def to_frame(self) -> pd.DataFrame:
        """One row a buyer, the last for any other; days and shares."""
        days = self.first + np.arange(self.share.shape[1])
        curves = np.cumsum(self.share, axis=1)
        at = {
            f"delay_{name}": days[np.argmax(curves >= level - _NOTHING, axis=1)]
            for name, level in (("median", 0.5), ("p90", 0.9))
        }
        late = self.share[:, days > 0].sum(axis=1)
        return pd.DataFrame(
            {
                "buyer_id": [*self.names, ANY_BUYER],
                "settled": self.settled,
                "open": self.open,
                "credibility": self.delay.z,
                "delay_own": self.delay.own,
                "delay": self.delay.value,
                "delay_low": self.delay.low,
                "delay_high": self.delay.high,
                **at,
                "late_share": late,
                "dilution_credibility": self.dilution.z,
                "dilution_own": self.dilution.own,
                "dilution": self.dilution.value,
                "dilution_low": self.dilution.low,
                "dilution_high": self.dilution.high,
            }
        )


def estimate_buyers(orders: Settlements, names: tuple[str, ...]) -> Buyers:
    """Delay and dilution of buyers ``names`` from ``orders``.

    An interval is the mean, 1.96 times its root mean squared error by credibility to either side.
    Without any settled order every order is taken to be paid on its due day.

    Raises:
        ValueError: arrays differ in length, or a code is outside ``names``.
    """
    _check(orders, len(names))
    groups = len(names)
    row = np.where(orders.buyer < 0, groups, orders.buyer)
    settled = np.bincount(row[orders.settled], minlength=groups + 1)
    still = np.bincount(row[~orders.settled], minlength=groups + 1)
    settled[groups], still[groups] = settled.sum(), still.sum()
    first, share, delay = _delays(orders, groups)
    return Buyers(names, first, share, settled, still, delay, _dilution(orders, groups))


def _with_last(values: FloatArray, last: float) -> FloatArray:
    """``values`` by buyer and, last, that of any buyer."""
    return np.concatenate([values, [last]])


def _check(orders: Settlements, groups: int) -> None:
    count = len(orders.buyer)
    for name in ("delay", "settled", "term", "amount", "diluted"):
        if np.shape(getattr(orders, name)) != (count,):
            msg = f"{name}: shape {np.shape(getattr(orders, name))}, and buyer has {(count,)}"
            raise ValueError(msg)
    if count and (orders.buyer.min() < -1 or orders.buyer.max() >= groups):
        msg = f"buyer: a code is outside -1..{groups - 1}"
        raise ValueError(msg)


def _delays(orders: Settlements, groups: int) -> tuple[int, FloatArray, Estimates]:
    """First delay, distribution by buyer [B + 1, D], and the mean of each."""
    delay = np.clip(orders.delay, -LONGEST_DELAY, LONGEST_DELAY)
    known = delay[orders.settled]
    first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    length = last - first + 1
    events, risk = _risk(orders, delay, (groups, first, length))
    whole = _hazard(events.sum(axis=0), risk.sum(axis=0))
    base = _shares(whole[None, :])[0]
    of_known = orders.settled & (orders.buyer >= 0)
    own = buhlmann_straub(
        orders.buyer[of_known],
        delay[of_known].astype(np.float64),
        np.ones(int(of_known.sum())),
        groups,
    )
    strength = _strength(own)
    if np.isinf(strength):
        share = np.tile(base, (groups + 1, 1))
    else:
        before = strength * (1.0 - np.concatenate([[0.0], np.cumsum(base)[:-1]]))
        share = np.vstack(
            [_shares(_hazard(before * whole + events[:-1], before + risk[:-1], whole)), base]
        )
    return first, share, _mean_delays(first, share, own)


def _risk(
    orders: Settlements, delay: IntArray, size: tuple[int, int, int]
) -> tuple[FloatArray, FloatArray]:
    """Orders that are paid, and that could be, at each delay; both [B + 1, D], last the unknown.

    An order comes at risk on the day it is made, ``term`` before it is due.
    """
    groups, first, length = size
    row = np.where(orders.buyer < 0, groups, orders.buyer)
    shape, cells = (groups + 1, length), (groups + 1) * length
    at = delay - first
    paid = orders.settled
    events = np.bincount(row[paid] * length + at[paid], minlength=cells).reshape(shape)
    comes = np.maximum(np.minimum(-orders.term - first, at), 0)
    there = (comes < length) & (at >= comes)
    come = np.bincount(row[there] * length + comes[there], minlength=cells).reshape(shape)
    leaves = there & (at < length - 1)
    gone = np.bincount(row[leaves] * length + at[leaves] + 1, minlength=cells).reshape(shape)
    return events.astype(np.float64), np.cumsum(come - gone, axis=1).astype(np.float64)


def _hazard(events: FloatArray, risk: FloatArray, unseen: FloatArray | float = 0.0) -> FloatArray:
    """Events over those at risk, ``unseen`` without any; 1 at the last: the rest is paid then."""
    hazard = np.where(risk > 0.0, events / np.where(risk > 0.0, risk, 1.0), unseen)
    hazard[..., -1] = 1.0
    return np.minimum(hazard, 1.0)


def _shares(hazard: FloatArray) -> FloatArray:
    """Distribution [B, D] of hazards [B, D]."""
    left = np.cumprod(1.0 - hazard, axis=1)
    return np.asarray(np.concatenate([np.ones((len(hazard), 1)), left[:, :-1]], axis=1) * hazard)


def _strength(own: Credibility) -> float:
    """Orders that the collective counts for, v / a; infinite where buyers do not differ."""
    return own.within / own.between if own.between > 0.0 else np.inf


def _mean_delays(first: int, share: FloatArray, own: Credibility) -> Estimates:
    days = first + np.arange(share.shape[1], dtype=np.float64)
    mean = share @ days
    spread = float(share[-1] @ days**2 - mean[-1] ** 2)
    error = _errors(own, spread / max(float(own.weight.sum()), 1.0))
    value = _with_last(own.mean, own.collective)
    return Estimates(mean, mean - Z95 * error, mean + Z95 * error, value, _with_last(own.z, 0.0))


def _errors(own: Credibility, alike: float) -> FloatArray:
    """Root mean squared error by buyer and, last, of one not seen yet [B + 1].

    Where buyers do not differ it is that of their common mean, whose square is ``alike``.
    """
    trusted = float(own.z.sum())
    if trusted <= 0.0:
        return np.full(len(own.z) + 1, np.sqrt(max(alike, 0.0)))
    return _with_last(own.error, np.sqrt(own.between * (1.0 + 1.0 / trusted)))


def _dilution(orders: Settlements, groups: int) -> Estimates:
    known = orders.settled & ~np.isnan(orders.diluted) & (orders.buyer >= 0) & (orders.amount > 0)
    if not known.any():
        nothing = np.zeros(groups + 1)
        return Estimates(nothing, nothing, nothing, np.full(groups + 1, np.nan), nothing)
    own = buhlmann_straub(orders.buyer[known], orders.diluted[known], orders.amount[known], groups)
    value = _with_last(own.estimate, own.collective)
    half = Z95 * _errors(own, _error_of_mean(orders.diluted[known], orders.amount[known]))
    return Estimates(
        value=np.clip(value, 0.0, 1.0),
        low=np.clip(value - half, 0.0, 1.0),
        high=np.clip(value + half, 0.0, 1.0),
        own=_with_last(own.mean, own.collective),
        z=_with_last(own.z, 0.0),
    )


def _error_of_mean(value: FloatArray, weight: FloatArray) -> float:
    """Squared error of a weighted mean of independent values; 1 where there is only one."""
    if len(value) < 2:
        return 1.0
    part = weight / weight.sum()
    spread = float((part * (value - (part * value).sum()) ** 2).sum())
    square = float((part**2).sum())
    return spread * square / (1.0 - square) if square < 1.0 else 1.0


@compiled
def _quantiles(
    curves: FloatArray, first: int, row: IntArray, elapsed: IntArray, parts: int
) -> IntArray:
    """Delay of each part [orders, parts]: the first day by which its share of the rest is paid."""
    length = curves.shape[1]
    out = np.empty((len(row), parts), np.int64)
    for n in range(len(row)):
        curve = curves[row[n]]
        after = min(max(elapsed[n] + 1 - first, 0), length)
        paid = curve[after - 1] if after > 0 else 0.0
        left = curve[length - 1] - paid
        if after >= length or left <= _NOTHING:
            out[n] = max(2 * elapsed[n], elapsed[n] + 1, 0)
            continue
        at = after
        for part in range(parts):
            wanted = paid + left * (part + 0.5) / parts
            while at < length - 1 and curve[at] < wanted - _NOTHING:
                at += 1
            out[n, part] = first + at
    return out
