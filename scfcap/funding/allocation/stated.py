"""What a loan is worth in a channel as stated: income less losses and cost over its life."""

from __future__ import annotations

import numpy as np

from scfcap.axes import BANK_DEBT, OWN
from scfcap.funding.allocation.funders import Setting
from scfcap.funding.allocation.lives import Lives
from scfcap.quantities import FloatArray


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
    return value - move_costs(given), prices


def move_costs(given: Setting) -> FloatArray:
    """Cost of bringing each loan into each channel, shape (loans, channels) [currency].

    The channel's own cost of any loan that is not there yet; that of ``allocation.move_cost`` of
    loans that leave another channel.
    """
    any_move = given.spec.allocation.move_cost
    cost = np.zeros((len(given), len(given.funders)))
    for c, funder in enumerate(given.funders):
        comes = given.today != c
        moves = comes & (given.today >= 0)
        cost[:, c] = given.balance * (funder.stated.move_cost * comes + any_move * moves)
    return cost
