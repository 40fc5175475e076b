"""A revolving line that is drawn further, figure by figure.

Each row of the line (:mod:`~scfcap.cashflow.lines`) is worked out a second time in plain steps: the
share of the row that is drawn, and the interest that had accrued before a draw and is not owed on
it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from scfcap.cashflow.explain import LoanPart, alive_and_defaulted, share
from scfcap.cashflow.loan_terms import money
from scfcap.cashflow.loans import DRAWN_PART
from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE


class LinePart(LoanPart):
    """One row of a line, in one scenario."""

    def _walk(self) -> Iterator[dict[str, Any]]:
        """The plain steps, on what is drawn of the row; draws are at the ends of periods."""
        curves, s, days = self.curves, self.curve, self.curves.grid.days
        drawn_share = 1.0 if int(self.loans.draws[0]) == DRAWN_PART else 0.0
        before, until = 0.0, int(self.loans.draws_until[0])
        for row in super()._walk():
            p, last = row["period"], row["last"]
            survive, owed = row["survive"], row["owed"]
            interest = drawn_share * row["interest_due"]
            spared = min(before, interest)
            early = row["prepaid_share"]
            accrued = max(drawn_share * row["accrued"] - (before - spared), 0.0)
            kept = drawn_share * (1.0 - early)
            speed = 0.0
            if not last and int(days[p + 1]) <= until:
                speed = float(curves.draw_intensity[0, s, p]) * float(self.years[p])
            more = -math.expm1(-speed) * (1.0 - kept)
            left = owed - row["principal_due"]
            row |= {
                "drawn_share": drawn_share, "spared": spared, "draw_hazard": speed,
                "draw_share": -math.expm1(-speed), "kept_share": kept, "accrued_drawn": accrued,
                "struck": row["struck"] * drawn_share, "gone": row["gone"] * drawn_share,
                "interest": survive * (interest - spared + early * accrued),
                "fees": survive * drawn_share * row["fees_due"],
                "scheduled": survive * drawn_share * row["principal_due"],
                "prepaid": survive * early * drawn_share * left, "drawn": survive * more * left,
                "closing": survive * (kept + more) * left,
            }  # fmt: skip
            yield row
            before = (before - spared) * (1.0 - early) + more * row["accrued"]
            drawn_share = kept + more

    def _standing(self, prepaid: float) -> float:
        """What is repaid early may be drawn again: the row goes on."""
        del prepaid
        return 1.0

    def _agree(self) -> dict[str, Any]:
        """As of any part; what is drawn too."""
        for row in self.rows:
            gap = abs(self.value("drawn", row["period"]) - row["drawn"])
            if not gap <= ENGINE_TOLERANCE * max(float(self.loans.balance[0]), row["drawn"]):
                msg = f"drawn: what the steps say and what the engine does differ by {gap:.6g}"
                raise InvariantError(msg)
        return super()._agree()

    def _behaviour(self, row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        """What borrowers do of what is drawn, and what they draw."""
        drawn = share(row["drawn_share"])
        yield "drawn_share", "share of the row that is drawn at the start", drawn
        yield from alive_and_defaulted(row, f"{drawn} x ", "drawn share x ")
        survive, early = share(row["survive"]), share(row["prepaid_share"])
        words, numbers = "drawn share x interest due", f"{drawn} x {money(row['interest_due'])}"
        if row["spared"]:
            words += " - accrued before what was drawn"
            numbers += f" - {money(row['spared'])}"
        if row["accrued_drawn"] * row["prepaid_share"]:
            words += " + prepaid share x accrued on what is drawn"
            numbers += f" + {early} x {money(row['accrued_drawn'])}"
        yield "interest", f"survive x ({words})", f"{survive} x ({numbers})"
        if row["fees_due"]:
            text = f"{survive} x {drawn} x {money(row['fees_due'])}"
            yield "fees", "survive x drawn share x fees due", text
        due, left = money(row["principal_due"]), money(row["owed"] - row["principal_due"])
        yield "scheduled", "survive x drawn share x principal due", f"{survive} x {drawn} x {due}"
        if row["last"]:
            yield "closing", "nothing: the line has matured", "0"
            return
        text = f"1 - exp(-{row['prepay_intensity']:.8g} x {row['prepay_exposure']:.8g})"
        yield "prepaid_share", "1 - exp(-prepayment intensity x exposure)", text
        yield (
            "prepaid",
            "survive x prepaid share x drawn share x (owed - principal due)",
            f"{survive} x {early} x {drawn} x {left}",
        )
        yield (
            "draw_share",
            "1 - exp(-draw intensity x years), while the line may be drawn",
            f"1 - exp(-{row['draw_hazard']:.8g})",
        )
        kept, more = share(row["kept_share"]), share(row["draw_share"])
        yield "kept_share", "drawn share x (1 - prepaid share)", f"{drawn} x (1 - {early})"
        yield (
            "drawn",
            "survive x draw share x (1 - kept share) x (owed - principal due)",
            f"{survive} x {more} x (1 - {kept}) x {left}",
        )
        yield (
            "closing",
            "survive x (kept share + draw share x (1 - kept share)) x (owed - principal due)",
            f"{survive} x ({kept} + {more} x (1 - {kept})) x {left}",
        )
