"""Cash that the company keeps at a close for what the next period may ask of it."""

from __future__ import annotations

from scfcap.funding.program import Terms
from scfcap.funding.support import paid
from scfcap.funding.variables import Book


def cover(book: Book, t: int) -> Terms:
    """What the liquidity floor of ``t`` holds against the next period, above its fixed part.

    Shares of the debt, P2P notes and claims under guarantees due in t + 1, of interest and fees,
    of the lending promised in t + 1, and of borrowers' undrawn limits; where a period is not one
    unit of the model, in the periods up to the day one unit later. Interest and promises after
    the horizon are not known: those of the last close are none.
    """
    inputs = book.inputs
    plan = inputs.spec.plan
    undrawn = inputs.undrawn
    if inputs.undrawn_left is not None:
        undrawn *= float(inputs.undrawn_left[t])
    terms = Terms().plus(plan.undrawn_draw_rate * undrawn)
    for u in range(t + 1, int(inputs.covered_to[t]) + 1):
        if plan.debt_cover > 0.0:
            for x in inputs.lenders:
                terms.extend(book.debt_repaid(x.name, u), plan.debt_cover)
            terms.extend(book.p2p_repaid(u), plan.debt_cover)
            for partner in inputs.partners:
                if partner.payout_lag > 0:
                    terms.extend(paid(book, partner, u), plan.debt_cover)
        if u <= inputs.horizon:
            if plan.interest_cover > 0.0:
                for x in inputs.lenders:
                    terms.extend(book.debt_interest(x.name, u), plan.interest_cover)
                terms.extend(book.p2p_interest(u), plan.interest_cover)
            terms.plus(plan.promise_cover * float(inputs.promised[:, u].sum()))
    return terms
