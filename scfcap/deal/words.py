"""The words that a deal's formulas may use.

Plain words, all [currency] unless said:

``pool``
    loans that perform, at the end of the period; ``pool_opening`` at the last payment date,
    ``pool_at_closing`` at closing.
``notes``
    balance of all classes but equity; ``notes_at_closing`` at closing.
``collected_interest``, ``collected_principal``, ``collected_recovery``, ``collected``
    since the last payment date: interest and borrowers' fees, principal, recoveries, and all.
``defaults``, ``losses``, ``cumulative_default``, ``cumulative_loss``, ``delinquent``
    what defaulted and what was lost since the last payment date and since closing; ``losses`` are
    defaults less recoveries. ``delinquent`` is what is past due.
``default_rate``, ``delinquency_rate``, ``excess_spread``
    [1/year] defaults over the opening pool; [share] past due of the pool; [1/year] collected
    interest less fees and interest that are due and less losses, over the opening pool.
``overcollateralization``
    [share] what the pool and the cash of principal are above the notes, of the pool.
``idle_share``
    [share] cash in the account of principal, of the notes.
``payment``, ``years``, ``date``, ``phase``
    number of the payment date from closing, its interest period in years by the deal's day count,
    its date, and the name of the phase.
``originator_default``, ``called``, ``final``
    whether the originator has failed; whether the pool has been sold by a call (on this date or
    before); whether the legal end has come.

Words with a name: ``balance.T``, ``original.T``, ``owed.T`` (interest due and not paid, with that
of this date), ``written_off.T``, ``coupon.T`` of a tranche; ``account.A``, ``target.A`` of an
account; ``fee.F`` (owed); ``drawn.L``, ``undrawn.L``, ``owed.L`` (interest and fee) of a line, and
of one that lends on loans ``borrowing_base.L`` and ``availability.L``, the lower of it and the
commitment less what is drawn: below zero it is to be cured; ``hedge.H`` (owed by the deal),
``index.I`` [1/year]; ``measure.M`` (0 before the first payment date); ``trigger.X`` (in force);
``paid.STEP`` and ``short.STEP`` of a step that came before on this date, its name with ``_`` for
blanks and signs.
"""

from __future__ import annotations

import re
from typing import Final

#: Words without a name, with their kinds.
PLAIN: Final[dict[str, str]] = {
    "pool": "number",
    "pool_opening": "number",
    "pool_at_closing": "number",
    "notes": "number",
    "notes_at_closing": "number",
    "collected_interest": "number",
    "collected_principal": "number",
    "collected_recovery": "number",
    "collected": "number",
    "defaults": "number",
    "losses": "number",
    "cumulative_default": "number",
    "cumulative_loss": "number",
    "delinquent": "number",
    "default_rate": "number",
    "delinquency_rate": "number",
    "excess_spread": "number",
    "overcollateralization": "number",
    "idle_share": "number",
    "payment": "number",
    "years": "number",
    "date": "date",
    "phase": "text",
    "originator_default": "truth",
    "called": "truth",
    "final": "truth",
}
#: Families of words with a name, with their kinds.
NAMED: Final[dict[str, str]] = {
    "balance": "number",
    "original": "number",
    "owed": "number",
    "written_off": "number",
    "coupon": "number",
    "account": "number",
    "target": "number",
    "fee": "number",
    "drawn": "number",
    "undrawn": "number",
    "borrowing_base": "number",
    "availability": "number",
    "hedge": "number",
    "index": "number",
    "measure": "number",
    "trigger": "truth",
    "paid": "number",
    "short": "number",
}


def step_word(label: str) -> str:
    """A step's name as formulas write it."""
    return re.sub(r"\W+", "_", label).strip("_")
