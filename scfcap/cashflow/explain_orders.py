"""A loan on an order, figure by figure: what its buyer pays, and what the lock-box makes of it.

Each part of the order goes through the same kinds as in the projection (:mod:`~scfcap.cashflow.
orders`), and is worked out a second time from the shares that stand and fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from scfcap.cashflow.explain import FIGURES, LoanPart, behaviour, share
from scfcap.cashflow.loan_terms import money
from scfcap.cashflow.loans import LoanArrays
from scfcap.cashflow.orders import on_the_day, part_flows
from scfcap.credit.curves import CurveSet
from scfcap.errors import InvariantError
from scfcap.pool.snapshot import Pool
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray

#: What the lock-box has beside the flows of the loan, in the frame of a part.
BESIDE = ("received", "recourse", "surplus", "lost", "forgone", "unpaid", "outstanding")
#: Rows of ``on_the_day``.
_KINDS = ("received", "principal", "interest", "fees", "surplus", "recourse", "lost", "forgone")
#: Shares that are those of any loan.
_COMMON = ("alive", "hazard", "default_share", "survive")


class OrderPart(LoanPart):
    """One part of a loan that its buyer pays, in one scenario.

    ``on_day`` [currency] says what becomes of the part on its day if its buyer pays. The base
    class follows the loan's principal alone, as if it were repaid in full on that day.
    """

    def __init__(self, name: str, loans: LoanArrays, curves: CurveSet, order: Pool) -> None:
        payers = order.payers
        assert payers is not None
        parts = payers.pay_day.shape[1]
        self.order, self.parts = order, parts
        amount = float(payers.amount[0]) / parts
        self.diluted, self.fee = float(payers.dilution[0]), payers.fee
        self.recourse, self.amount = payers.recourse, amount
        self.claim = (np.array([amount * payers.fee]), loans.accrued, loans.balance)
        paid = np.array([amount * (1.0 - self.diluted)])
        due = on_the_day(paid, self.claim, self.recourse)
        self.on_day = {kind: float(due[n, 0]) for n, kind in enumerate(_KINDS)}
        super().__init__(name, replace(loans, accrued=np.zeros(1)), curves)
        self.size = float(loans.balance[0])
        self.principal = self.flows
        self.flows, self.box = part_flows(loans, due, curves)
        if self.told:
            for row in self.rows:
                on_last = 1.0 if row["last"] else 0.0
                row["fees_due"], row["interest_due"] = (
                    on_last * float(each[0]) for each in self.claim[:2]
                )
            self._shares()
            self._same()

    def _shares(self) -> None:
        """Shares of the part that fail in a period, are struck, and are paid [T]."""
        self.struck = self.principal.struck[0, 0] / self.size
        self.failed = self.principal.default[0, 0] / self.size
        self.paid_share = self.principal.scheduled[0, 0] / self.size

    def _same(self) -> None:
        """Raise where what the shares make of the part is not what the engine has."""
        day, curves, s = self.on_day, self.curves, self.curve
        gone, severity = self.failed - self.struck, curves.severity[0, s]
        back = curves.struck_recovery[0, s]
        of_repaid = gone * severity + self.struck * (1.0 - back)
        found: dict[str, FloatArray] = {
            "default": self.size * self.failed + day["lost"] * self.paid_share,
            "interest": day["interest"] * self.paid_share,
            "fees": day["fees"] * self.paid_share,
            "scheduled": day["principal"] * self.paid_share,
            "closing": self.principal.closing[0, 0],
            "loss": day["principal"] * of_repaid + day["lost"] * (self.failed + self.paid_share),
        }
        for figure, values in found.items():
            gap = np.abs(getattr(self.flows, figure)[0, 0] - values).max()
            if not gap <= ENGINE_TOLERANCE * max(self.size, self.amount):
                msg = f"{figure}: what the steps say and what the engine does differ by {gap:.6g}"
                raise InvariantError(msg)

    def frame(self) -> pd.DataFrame:
        """One row a period, with the lock-box's figures that there are."""
        frame = super().frame()
        for name in BESIDE:
            values = getattr(self.box, name)[0, 0]
            if values.any():
                frame[name] = values[: len(frame)]
        return frame

    def _valued(self, figure: str, p: int, row: dict[str, Any] | None) -> float:
        if figure in FIGURES:
            return self.value(figure, p)
        if figure in ("failed_share", "paid_share"):
            return float((self.failed if figure == "failed_share" else self.paid_share)[p])
        if figure in BESIDE:
            return float(getattr(self.box, figure)[0, 0, p])
        if figure.endswith("_on_the_day"):
            return self.on_day[figure.removesuffix("_on_the_day")]
        assert row is not None
        return float(row[figure])

    def _formulas(self, p: int, row: dict[str, Any] | None) -> Iterator[tuple[str, str, str]]:
        if not self.told:
            yield from super()._formulas(p, row)
            return
        if row is not None:
            if row["last"]:
                yield from self._on_the_day()
            yield from (step for step in behaviour(row) if step[0] in _COMMON)
        yield from self._kept(p, row)
        if row is not None or self.paid_share[p]:
            yield from self._flows(p)
        if row is not None:
            closing = next(step for step in behaviour(row) if step[0] == "closing")
            yield "closing", *self._arriving("closing", p, *closing[1:])
        yield from self._after(p)

    def _on_the_day(self) -> Iterator[tuple[str, str, str]]:
        """What is due on the day, what the buyer pays, and who gets it."""
        pool, day, claim = self.order, self.on_day, [float(each[0]) for each in self.claim]
        whole = money(self.amount * self.parts)
        days = int(self.loans.maturity_day[0]) - int(pool.origination_day[0])
        yield (
            "received_on_the_day",
            "order / parts x (1 - dilution)",
            f"{whole} / {self.parts} x (1 - {self.diluted:.8g})",
        )
        yield "fees_due", "order / parts x fee", f"{whole} / {self.parts} x {self.fee:.8g}"
        yield (
            "interest_due",
            "balance / parts x rate x days since it was made / 365",
            f"{money(claim[2])} x {float(pool.rate[0]):.8g} x {days} / 365",
        )
        yield (
            "principal_due",
            "balance / parts",
            f"{money(float(pool.balance[0]))} / {self.parts}",
        )
        left = day["received"]
        for name, due in zip(("fees", "interest", "principal"), claim, strict=True):
            of_buyer = min(left, due)
            words = f"what is left of the buyer's money, at most the {name} due"
            numbers = money(of_buyer)
            if of_buyer < due and self.recourse:
                words += ", and recourse x what is short"
                short = f"({money(due)} - {money(of_buyer)})"
                numbers = f"{numbers} + {self.recourse:.8g} x {short}"
            yield f"{name}_on_the_day", words, numbers
            left -= of_buyer
        yield "surplus_on_the_day", "what is left goes to the seller", money(left)
        yield (
            "lost_on_the_day",
            "principal due - principal paid",
            f"{money(claim[2])} - {money(day['principal'])}",
        )

    def _kept(self, p: int, row: dict[str, Any] | None) -> Iterator[tuple[str, str, str]]:
        """Shares that fail and that are paid in the period."""
        if row is not None:
            struck, gone = row["struck_share"], row["default_share"]
            hit = f"{share(row['alive'])} x {struck:.8g} + " if struck else ""
            words = "alive x share hit by a core enterprise + " if struck else ""
            yield (
                "failed_share",
                f"{words}alive{' less struck' if struck else ''} x default share",
                f"{hit}{share(row['stands'])} x {share(gone)}",
            )
        held, before = float(self.held[p]), self._before("scheduled", p) / self.size
        now = row["survive"] if row is not None and row["last"] else 0.0
        if not now and not before:
            return
        words, numbers = "survive, on the day of payment" if now else "nothing is due", share(now)
        if held and now:
            words, numbers = f"{words} x (1 - share held back)", f"{numbers} x (1 - {share(held)})"
        if before and held < 1.0:
            words, numbers = f"{words} + held back before", f"{numbers} + {share(before)}"
        yield "paid_share", words, numbers

    def _flows(self, p: int) -> Iterator[tuple[str, str, str]]:
        """Flows of the loan: what there is on the day by the share that is paid or fails."""
        day, paid, failed = self.on_day, share(self.paid_share[p]), share(self.failed[p])
        words, numbers = "principal x failed share", f"{money(self.size)} x {failed}"
        if day["lost"]:
            words += " + lost on the day x paid share"
            numbers += f" + {money(day['lost'])} x {paid}"
        yield "default", words, numbers
        if not self.paid_share[p]:
            return
        for kind in ("received", "recourse", "fees", "interest", "principal", "surplus"):
            figure = "scheduled" if kind == "principal" else kind
            if day[kind]:
                yield figure, f"{kind} on the day x paid share", f"{money(day[kind])} x {paid}"

    def _after(self, p: int) -> Iterator[tuple[str, str, str]]:
        """What is lost, recovered and still to come."""
        if not self.told:
            yield from super()._after(p)
            return
        day, curves, s = self.on_day, self.curves, self.curve
        repaid, hit = money(day["principal"]), float(self.struck[p])
        severity = float(curves.severity[0, s, p])
        words = "repaid on the day x failed share x severity"
        numbers = f"{repaid} x {share(self.failed[p] - hit)} x {severity:.6g}"
        if hit:
            back = float(curves.struck_recovery[0, s, p])
            words += ", of what is struck x (1 - its recovery)"
            numbers += f" + {repaid} x {share(hit)} x (1 - {back:.6g})"
        if day["lost"]:
            words += " + lost on the day x (failed + paid share)"
            both = f"({share(self.failed[p])} + {share(self.paid_share[p])})"
            numbers += f" + {money(day['lost'])} x {both}"
        yield "loss", words, numbers
        yield self._recovered(p)
        yield self._receivable(p)

    def _recovered(self, p: int) -> tuple[str, str, str]:
        curves, s, repaid = self.curves, self.curve, money(self.on_day["principal"])
        shares = curves.recovery_share[s]
        terms = [
            f"{repaid} x {share(self.failed[q] - self.struck[q])}"
            f" x (1 - {float(curves.severity[0, s, q]):.6g})"
            + (f" x {shares[p - q]:.6g}" if shares[p - q] != 1.0 else "")
            + f" of period {q + 1}"
            for q in range(max(0, p - len(shares) + 1), p + 1)
            if shares[p - q] > 0.0 and self.failed[q] > self.struck[q]
        ]
        named = "repaid on the day x failed share x (1 - severity), by periods since default"
        if self.struck[: p + 1].any():
            named += "; what is struck: x its recovery, after its lag"
        if self.held.any():
            named += "; what is held back comes later"
        return "recovery", named, " + ".join(terms) or "nothing is due"


def order_parts(
    names: tuple[str, ...], loans: LoanArrays, curves: CurveSet, order: Pool
) -> list[OrderPart]:
    """The parts ``loans`` of the one loan of ``order``, which its buyer pays."""
    return [OrderPart(name, loans.where([n]), curves, order) for n, name in enumerate(names)]
