"""``[projection]``: the order of events inside a period, and who bridges what borrowers owe."""

from __future__ import annotations

from typing import Literal, get_args

from scfcap.quantities import Share
from scfcap.schema.base import Schema

#: Orders of events inside a period, by name.
Order = Literal["survivors", "bma"]
ORDERS: tuple[str, ...] = get_args(Order)


class ProjectionSpec(Schema):
    """``[projection]``: how loans are projected."""

    order: Order = "survivors"
    """Order of events inside a period. "survivors": defaults are taken from the balance at the
    start, survivors pay interest and scheduled principal, prepayment is taken from what then
    remains, and the loss stands where the loan defaults. "bma": the bond market's standard
    formulas; prepayment is taken from the balance at the start as amortised, new defaults not
    removed, and the loss stands where the loan is liquidated, ``recovery_lag`` after it defaults.
    """
    servicer_advances: bool = False
    """Whether the servicer advances what late loans owe and, in the order "bma", what defaulted
    loans owe until they are liquidated; he is paid back in full out of what comes of them."""
    late_fee: Share = 0.0
    """Fee on arrears when they are paid [share of the arrears]; needs roll rates."""
