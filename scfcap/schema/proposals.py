"""``[[proposals]]``: sources of funds that are not there yet, judged and not planned."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from pydantic import Field, model_validator

from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import MisfitError, Schema

#: Keys that each kind needs, and those that it may have beside ``name``, ``kind``, ``amount``.
NEEDED: Final = {
    "line": ("tenor",),
    "buyer": ("eligibility",),
    "p2p": (),
    "series": ("closing",),
}
ALLOWED: Final = {
    "line": ("tenor", "rate", "commitment_fee", "available_to", "lender", "notice_days"),
    "buyer": ("eligibility", "discount", "servicing_fee", "segments", "min_seasoning",
              "per_period", "notice_days"),
    "p2p": ("tenor", "rate"),
    "series": ("closing", "spread"),
}  # fmt: skip


class Proposal(Schema):
    """``[[proposals]]``: a line, a buyer, P2P supply or a series that somebody offers.

    The plan does without it; ``scfcap propose`` says what it would earn and what to pay at most.
    """

    name: str
    kind: Literal["line", "buyer", "p2p", "series"]
    amount: Money = Field(gt=0.0)
    """A line: its limit. A buyer: most principal with it. P2P: most placed in a period of the unit
    of ``plan.stated_in``. A series: the largest pool at closing."""
    rate: CostRate | None = None
    """What a line, or P2P lenders, ask for [1/year]; absent: not known yet."""
    discount: Share | None = None
    """What a buyer pays below par, share of the principal; absent: not known yet."""
    spread: float | None = Field(default=None, ge=-1.0, le=5.0)
    """What the coupons of a series are above the programme's [1/year]; absent: not known yet."""
    tenor: int | None = Field(default=None, ge=1, le=60)
    """Periods to repayment of a draw or note, in the unit of ``plan.stated_in``; of P2P notes that
    of ``[p2p]`` where the model has it."""
    commitment_fee: CostRate = 0.0
    """Fee on the undrawn part of a line [1/year]."""
    lender: Literal["bank", "shareholder", "peer", "bond"] = "bank"
    """Kind of lender as the law counts it."""
    available_to: date | None = None
    """Last day of new draws; absent: none."""
    servicing_fee: CostRate = 0.0
    """What a buyer leaves to the company [1/year of the principal sold]."""
    eligibility: str | None = None
    """Eligibility set of what a buyer takes."""
    segments: tuple[str, ...] = ()
    """Segments that a buyer takes; empty: all."""
    min_seasoning: int = Field(default=0, ge=0)
    """Least age of a loan that a buyer takes [periods]."""
    per_period: Money | None = None
    """Most principal that a buyer takes in a period."""
    notice_days: int | None = Field(default=None, ge=0, le=3660)
    """Days before a draw or sale by which the other side must be told."""
    closing: date | None = None
    """Day on which a series is issued."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Proposal:
        """What its kind needs stands, and nothing of another kind."""
        fields = type(self).model_fields
        for key in NEEDED[self.kind]:
            if getattr(self, key) is None:
                raise MisfitError(
                    key=key, found="nothing", expected=f'the {key} of kind = "{self.kind}"'
                )
        for key, field in fields.items():
            if key in ("name", "kind", "amount", *ALLOWED[self.kind]):
                continue
            if getattr(self, key) != field.default:
                raise MisfitError(
                    key=key,
                    found=f'{key} with kind = "{self.kind}"',
                    expected=f"keys of that kind: {', '.join(ALLOWED[self.kind])}",
                    action="Take the key out, or change the kind.",
                )
        return self

    @property
    def price(self) -> float | None:
        """What is asked for: the rate, the discount or the spread; None where not known."""
        asked = {"buyer": self.discount, "series": self.spread}
        return asked.get(self.kind, self.rate)
