"""What the loans of a deal bring, as formulas: those at the start, and those bought by then.

Flows are linear in what is bought: a purchase of one unit at the close of period v brings
``new[:, t, v]`` later, so that a live amount bought moves all that follows. Two multipliers bend
them. Defaults are taken times the one, out of principal that would have been repaid in the same
period, and recoveries with them. Of interest, principal and recoveries the share that the other
gives is collected; principal that is not stays in the pool, without interest.
"""

from __future__ import annotations

import numpy as np

from scfcap.deal.bought import FLOWS
from scfcap.report.book import address
from scfcap.report.live import pieces as p
from scfcap.report.live.given import Given
from scfcap.report.live.pieces import Piece
from scfcap.report.live.workings import FIRST, Workings

_LABELS = {
    "interest": "interest",
    "principal": "principal",
    "default": "defaults",
    "recovery": "recoveries",
    "delinquent": "past due",
    "pool": "pool",
}


class Loans:
    """Flows of a deal's loans by period; ``collected`` are the live ones [piece by flow].

    ``multipliers`` are the cells of the collections' and of the defaults'.
    """

    def __init__(
        self, given: Given, cells: Workings, periods: int, multipliers: tuple[Piece, Piece]
    ) -> None:
        self._given, self._cells = given, cells
        self._collections, self._defaults = multipliers
        one = [p.compare("==", each, p.ONE) for each in multipliers]
        self._plain = p.on(
            cells.put("plain", "Multipliers are 1", 0, p.flag(p.both(*one)), "count")
        )
        self._own = {
            flow: cells.given(
                f"own {flow}", f"Loans at the start: {_LABELS[flow]}", values[:periods].tolist()
            )
            for flow, values in zip(FLOWS, given.held, strict=True)
            if values[:periods].any()
        }
        self._unit = {flow: self._factors(row, flow, periods) for row, flow in enumerate(FLOWS)}
        self._left = p.ZERO
        self.bought: list[Piece] = []
        self.gone: list[Piece] = []

    def _factors(self, row: int, flow: str, periods: int) -> dict[int, tuple[str, np.ndarray]]:
        """Where the factors of a flow stand, and what they are, by period."""
        found = {}
        new = self._given.new[row]
        for period in range(2, periods + 1):
            count = min(period - 1, new.shape[1])
            factors = new[period - 1, :count]
            if not factors.any():
                continue
            key = f"new {flow} {period}"
            label = f"One unit bought, in period {period}: {_LABELS[flow]}"
            self._cells.given(key, label, factors.tolist(), "factor")
            line = self._cells.rows[key]
            span = f"{address(line, FIRST)}:{address(line, FIRST + count - 1)}"
            found[period] = (span, factors)
        return found

    def may_buy(self, period: int) -> bool:
        """Whether there is anything to buy at the close of a period."""
        new = self._given.new
        return period <= new.shape[2] and bool(new[FLOWS.index("pool"), :, period - 1].any())

    def _scenario(self, flow: str, period: int, sold: Piece) -> Piece:
        """A flow as the scenario has it, of what is held."""
        own = self._own.get(flow)
        mine = own[period - 1] if own is not None else p.ZERO
        parts = [mine]
        if period in self._unit[flow] and self.bought:
            span, factors = self._unit[flow][period]
            row = self._cells.rows["bought"]
            amounts = f"{address(row, FIRST)}:{address(row, FIRST + len(factors) - 1)}"
            value = float(sum(f * b.value for f, b in zip(factors, self.bought, strict=False)))
            text = f"SUMPRODUCT({amounts},{span})"
            if not sold.constant:
                row = self._cells.rows["gone"]
                after = f"{address(row, FIRST)}:{address(row, FIRST + len(factors) - 1)}"
                later = f"SUMPRODUCT({amounts},{span},{after})"
                kept = zip(factors, self.bought, self.gone, strict=False)
                rest = float(sum(f * b.value * g.value for f, b, g in kept))
                new = p.choose(p.on(sold), Piece(later, rest), Piece(text, value))
                return p.add(p.choose(p.on(sold), p.ZERO, mine), new)
            parts.append(Piece(text, value))
        found = p.add(*parts)
        return found if sold.constant else p.choose(p.on(sold), p.ZERO, found)

    def collect(self, period: int, pool: Piece, sold: Piece) -> dict[str, Piece]:
        """Flows in ``period`` of what was held at its start, ``pool`` the performing loans then.

        ``sold`` says whether all has been sold before.
        """
        put, said = self._cells.put, {}
        for flow in FLOWS:
            if flow in self._own or self._unit[flow]:
                label = f"By the scenario: {_LABELS[flow]}"
                said[flow] = put(f"said {flow}", label, period, self._scenario(flow, period, sold))
            else:
                said[flow] = p.ZERO
        plain = self._plain
        due = p.add(said["principal"], said["default"])
        lost = p.highest(p.ZERO, p.lowest(p.times(self._defaults, said["default"]), due, pool))
        default = put("default", "Defaults", period, p.choose(plain, said["default"], lost))
        some = p.times(self._collections, p.less(due, default))
        some = p.highest(p.ZERO, p.lowest(some, p.less(pool, default)))
        principal = put(
            "principal", "Principal collected", period, p.choose(plain, said["principal"], some)
        )
        kept = p.less(p.less(p.add(self._left, due), principal), default)
        if not sold.constant:
            kept = p.choose(p.on(sold), p.ZERO, kept)
        self._left = put(
            "left", "Not collected, in the pool", period, p.choose(plain, p.ZERO, kept)
        )
        interest = p.times(self._collections, said["interest"])
        recovery = p.times(self._collections, self._defaults, said["recovery"])
        performing = p.highest(p.ZERO, p.add(said["pool"], self._left))
        return {
            "interest": put("interest", "Interest collected", period, interest),
            "principal": principal,
            "default": default,
            "recovery": put("recovery", "Recoveries", period, recovery),
            "delinquent": said["delinquent"],
            "pool": put("performing", "Pool before purchases", period, performing),
        }
