"""Advances on orders and receivables: what is lent on an order, and how its buyer pays it."""

from __future__ import annotations

from pydantic import Field, model_validator

from scfcap.expressions import ExpressionText
from scfcap.quantities import LoanAmount, Share
from scfcap.schema.base import MisfitError, Schema


class OrdersSpec(Schema):
    """``[orders]``: loans of type "order" are paid by the buyers of the orders into a lock-box.

    An advance is at most advance_rate times order times (1 - dilution), what is left of the
    seller's limit and of the buyer's, in the order of their dates. The borrower is the seller.
    How late a buyer pays is estimated from the tape's ``settled_date``, what it leaves unpaid
    from ``settled_amount`` or ``disputed``. Out of the lock-box the loan is paid first: fees,
    interest, principal; the surplus is the seller's.
    """

    advance_rate: float = Field(gt=0.0, le=1.0, allow_inf_nan=False)
    """Most that is lent on an order, as a share of what is expected of its buyer."""
    seller_limit: LoanAmount | None = None
    """Most that may be outstanding to one seller [currency]; absent: no limit."""
    buyer_limit: LoanAmount | None = None
    """Most that may be outstanding on the orders of one buyer [currency]; absent: no limit."""
    seller_limits: dict[str, LoanAmount] = Field(default_factory=dict)
    """Limits of sellers by borrower_id, in place of ``seller_limit``."""
    buyer_limits: dict[str, LoanAmount] = Field(default_factory=dict)
    """Limits of buyers by buyer_id, in place of ``buyer_limit``."""
    dilution: Share | None = None
    """Share of every order that its buyer does not pay though solvent; absent: by buyer, from
    settled orders."""
    disputed: ExpressionText | None = None
    """Test on the tape's columns: the buyer disputes the order. Without ``settled_amount`` it
    stands in for dilution; it is a proxy, for a dispute may end in full payment."""
    dispute_dilution: Share = 0.0
    """Share of a disputed order that is taken for not paid."""
    fee: Share = 0.0
    """Fee on an order [share of its amount], paid out of the lock-box."""
    recourse: Share = 0.0
    """Share of a shortfall (what dilution leaves unpaid of the loan, its interest and fees) that
    the seller makes good on the same day; the rest is lost. What comes back of orders whose buyer
    fails is not part of it: ``severity`` says so."""
    parts: int = Field(default=10, ge=1, le=200)
    """Equal parts into which an order is split, each paid on a day of its own by the quantiles of
    its buyer's delay."""

    @model_validator(mode="after")
    def _dilution_once(self) -> OrdersSpec:
        if self.dilution is not None and self.disputed is not None:
            raise MisfitError(
                key="dilution",
                found="dilution beside disputed",
                expected="a stated dilution, or disputes from which it is estimated",
            )
        if self.dispute_dilution > 0.0 and self.disputed is None:
            raise MisfitError(
                key="disputed",
                found="nothing, with dispute_dilution",
                expected='a test such as "Disputed == \\"Yes\\""',
            )
        return self
