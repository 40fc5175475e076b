"""Cash that the company keeps at a close for what the next period may ask of it."""

from __future__ import annotations

from scfcap.funding.program import Terms
from scfcap.funding.support import paid
from scfcap.funding.variables import Book


def cover(book: Book, t: int) -> Terms:
    """What the liquidity floor of ``t`` holds against the next period, above its fixed part.

    Shares of the debt, P2P notes and claims under guarantees due in t + 1, of interest and fees,
    of the lending promised in t + 1, and of borrowers' undrawn limits. Interest and promises after
    the horizon are not known: those of the last close are none. Where a period is not one unit of
    the model, debt counts that is due up to the period that holds the day one unit later.
    """
    inputs = book.inputs
    plan = inputs.spec.plan
    terms = Terms().plus(plan.undrawn_draw_rate * inputs.undrawn)
    if plan.debt_cover > 0.0:
        for u in range(t + 1, int(inputs.covered_to[t]) + 1):
            for x in inputs.lenders:
                terms.extend(book.debt_repaid(x.name, u), plan.debt_cover)
            terms.extend(book.p2p_repaid(u), plan.debt_cover)
        for partner in inputs.partners:
            if partner.payout_lag > 0:
                terms.extend(paid(book, partner, t + 1), plan.debt_cover)
    if t < inputs.horizon:
        if plan.interest_cover > 0.0:
            for x in inputs.lenders:
                terms.extend(book.debt_interest(x.name, t + 1), plan.interest_cover)
            terms.extend(book.p2p_interest(t + 1), plan.interest_cover)
        terms.plus(plan.promise_cover * float(inputs.promised[:, t + 1].sum()))
    return terms
