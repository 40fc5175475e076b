"""What the tapes of the synthetic platforms leave out."""

from __future__ import annotations

#: Columns of a tape that no synthetic platform states: its loans pay at the ends of months at a
#: fixed rate, lines are drawn in full, and orders are paid as loans are.
NOT_OF_A_PLATFORM = {
    *("instalment", "payment_every", "next_payment_date", "day_count", "grace_payments"),
    *("payment_fee", "credit_limit", "rate_index", "rate_margin", "rate_floor", "rate_cap"),
    *("next_reset_date", "reset_months", "order_amount", "settled_date", "settled_amount"),
}
