"""What a loan is worth in a channel as stated: income less losses and cost over its life."""

from __future__ import annotations

import numpy as np

from scfcap.axes import BANK_DEBT, OWN
from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.funders import Setting
from scfcap.funding.allocation.lives import Lives
from scfcap.quantities import FloatArray, IntArray


def stated_values(given: Setting, found: Lives) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Values (loans, channels) [currency], and by loan what they are made of.

    ``balance x ((rate x income_share - cost) x life - loss x loss_share) - moves``: ``loss`` is
    what of a unit of principal is lost over the loan's life, also where nothing is left of that
    life, as of a loan in default. Own capital costs what it is stated to, 0 if absent; so do loans
    pledged to a line without a cost of its own.
    """
    stated = given.spec.allocation.channels
    rate, balance = given.pool.rate, given.balance
    value = np.empty((len(given), len(given.funders)))
    own = stated[OWN].cost or 0.0 if OWN in stated else 0.0
    for c, funder in enumerate(given.funders):
        terms = funder.stated
        default = own if funder.kind in (OWN, BANK_DEBT) else 0.0
        cost = default if terms.cost is None else terms.cost
        margin = (rate * terms.income_share - cost) * found.life
        value[:, c] = balance * (margin - found.loss * terms.loss_share)
    prices = {"rate": rate, "expected_loss": found.loss, "life": found.life}
    return less_move_costs(value, given), prices


def move_costs(given: Setting) -> FloatArray:
    """Cost of bringing each loan into each channel, shape (loans, channels) [currency].

    The channel's own cost of any loan that is not there yet; that of ``allocation.move_cost`` of
    loans that leave another channel.
    """
    return np.stack([move_cost(given, c, slice(None)) for c in range(len(given.funders))], axis=1)


def less_move_costs(value: FloatArray, given: Setting) -> FloatArray:
    """``value`` (loans, channels) [currency] itself, :func:`move_costs` taken off."""
    for loans in blocks(len(given)):
        for c in range(len(given.funders)):
            value[loans, c] -= move_cost(given, c, loans)
    return value


def move_cost(given: Setting, c: int, loans: slice | IntArray) -> FloatArray:
    """Cost of bringing some loans into channel ``c`` [currency]."""
    today = given.today[loans]
    comes = today != c
    moves = comes & (today >= 0)
    own = given.funders[c].stated.move_cost
    costs = own * comes + given.spec.allocation.move_cost * moves
    return np.asarray(given.balance[loans] * costs)
