"""Covenants of a credit line: what the borrower keeps, when it is tested, what a breach does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from scfcap.quantities import Money, Share
from scfcap.schema.base import MisfitError, Schema

#: What a breach does: no new draw, or all that is drawn falls due at the next close.
Effect = Literal["draw_stop", "acceleration"]
#: When a covenant is tested: at each close, or at the close of a period in which a quarter ends.
Tested = Literal["period", "quarter_end"]


class _Covenant(Schema):
    name: str = ""
    """Name in the reports; the kind if left out."""
    effect: Effect = "draw_stop"
    """What a breach does: "draw_stop", or "acceleration": what is drawn is due at the next close
    and the line is gone."""

    @property
    def label(self) -> str:
        """Name in the reports."""
        return self.name or str(getattr(self, "kind", ""))


class _Tested(_Covenant):
    margin: Share = 0.0
    """Share of the limit that the plan keeps free."""
    tested: Tested = "period"
    """At each close, or at the close of a period in which a quarter ends."""
    waived_to: date | None = None
    """A waiver: no test up to this day."""


class LeverageCovenant(_Tested):
    """Debt, notes and P2P notes against net capital."""

    kind: Literal["leverage"]
    multiple: float = Field(gt=0.0, le=100.0)
    """Most debt, notes sold and P2P notes, in times of net capital."""


class PastDueCovenant(_Tested):
    """Own loans that are past due, as a share of own loans."""

    kind: Literal["past_due_share"]
    share: Share
    """Most past due: behind by roll rates, and what defaulted in the last 90 days."""
    days: int = Field(default=30, ge=1, le=3660)
    """Days past due from which a loan of the tape counts on ``as_of``."""


class NetAssetsCovenant(_Tested):
    """Least net assets."""

    kind: Literal["min_net_assets"]
    amount: Money
    """Least net capital and deductions [currency]."""


class BorrowingBaseCovenant(_Tested):
    """What is drawn stands on own loans that are pledged to the lender alone."""

    kind: Literal["borrowing_base"]
    advance_rate: Share
    """Most drawn, as a share of the eligible loans pledged."""
    eligibility: str
    """Name of the eligibility set that pledged loans must meet."""


class CrossDefaultCovenant(_Covenant):
    """A breach at another lender counts as one here."""

    kind: Literal["cross_default"]
    lenders: tuple[str, ...] = ()
    """Whose breaches count; empty: those of all others."""


Covenant = Annotated[
    LeverageCovenant
    | PastDueCovenant
    | NetAssetsCovenant
    | BorrowingBaseCovenant
    | CrossDefaultCovenant,
    Field(discriminator="kind"),
]
TestedCovenant = LeverageCovenant | PastDueCovenant | NetAssetsCovenant | BorrowingBaseCovenant


def check_covenants(lines: Sequence[tuple[str, Sequence[Covenant]]], sets: Sequence[str]) -> None:
    """Covenants by line agree with each other, the lenders and the eligibility sets.

    Raises:
        MisfitError: a name twice at one line, more than one borrowing base of a line, a lender
            or an eligibility set that is not there.
    """
    names = [name for name, _ in lines]
    for lender, covenants in lines:
        key = f"lenders.{lender}.covenants"
        labels = [x.label for x in covenants]
        if len(set(labels)) < len(labels):
            raise MisfitError(
                key=key,
                found=f"names {', '.join(labels)}",
                expected="names that differ",
                action="Give covenants of one kind a name each.",
            )
        if sum(isinstance(x, BorrowingBaseCovenant) for x in covenants) > 1:
            raise MisfitError(
                key=key, found="more than one borrowing base", expected="one borrowing base a line"
            )
        for x in covenants:
            if isinstance(x, BorrowingBaseCovenant) and x.eligibility not in sets:
                raise MisfitError(
                    key=f"{key}.eligibility",
                    found=f'"{x.eligibility}"',
                    expected=f"a set of pool.eligibility: {', '.join(sets) or '(none)'}",
                    action=f"Add [pool.eligibility.{x.eligibility}] or correct the name.",
                )
            if isinstance(x, CrossDefaultCovenant):
                _check_others(lender, x, names, key)


def _check_others(
    lender: str, covenant: CrossDefaultCovenant, names: Sequence[str], key: str
) -> None:
    others = [name for name in names if name != lender]
    unknown = [name for name in covenant.lenders if name not in others]
    if unknown or not others:
        raise MisfitError(
            key=f"{key}.lenders",
            found=", ".join(f'"{name}"' for name in unknown) or "no other lender",
            expected=f"other lenders: {', '.join(others) or '(none)'}",
            action="Name lenders of this model, or leave the cross default out.",
        )
