"""More loans that are tied at the prices than a search goes through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.solve import allocate
from scfcap.funding.allocation.structure import structure
from scfcap.funding.allocation.ties import net, split_ties

#: What all loans are worth alike, by channel [1].
WORTH = np.array([0.04, 0.05, 0.045, 0.042])


def tied(loans: int) -> AllocationProgram:
    """Loans of one value per money; the channels' amounts alone part them."""
    program = sample("few", loans)
    rows = tuple(row for row in program.rows if row.kind in ("least", "most"))
    return replace(program, value=program.balance[:, None] * WORTH, rows=rows)


def test_loans_that_are_all_alike_are_split_where_amounts_say() -> None:
    program = tied(20_000)
    found = allocate(program)
    # The best by hand: the dearest channels full, the rest on the own book, as all may go there.
    total = float(program.balance.sum())
    most = {row.name.removesuffix(" most"): row.right for row in program.rows if row.kind == "most"}
    left, best = total, 0.0
    for c in np.argsort(-WORTH)[:3]:
        room = min(most[program.channels[c]], left)
        left, best = left - room, best + WORTH[c] * room
    best += WORTH[0] * left
    assert found.bound == pytest.approx(best, rel=1e-6)
    assert 0.0 <= found.gap < 1e-6
    assert (found.slack >= 0.0).all()


def test_ties_are_split_until_the_rows_are_kept() -> None:
    program = tied(8_000)
    own, bank = program.channels.index("own_capital"), 1
    price = np.zeros(len(program.rows))
    with evaluator(structure(program)) as dual:
        all_there = np.where(program.eligible[:, bank], bank, own).astype(np.int16)
        # At these prices of the amounts all loans are worth as much everywhere as in own capital.
        for r, row in enumerate(program.rows):
            if row.kind == "most":
                price[r] = WORTH[row.terms[0].channel] - WORTH[own]
        found = split_ties(program, dual, price, all_there)
        over = program.activity(found) - program.right
        assert (over <= 1e-6).all()
        assert (program.activity(all_there) - program.right).max() > 0.0
        # What keeps its rows is left as it is.
        assert split_ties(program, dual, price, found) is found
        worth = net(dual.structure, program.value, price)
        best, margin, _ = dual.choose(price)
        ordered = np.sort(np.where(program.must[:, None], worth, np.maximum(worth, 0.0)), axis=1)
        here = np.flatnonzero(np.isfinite(margin) & (best >= 0))
        np.testing.assert_allclose(worth[here, best[here]], ordered[here, -1], rtol=1e-9)


def test_values_less_prices_are_those_of_the_rows() -> None:
    program = sample("many", 300)
    price = np.random.default_rng(5).uniform(0.0, 0.01, len(program.rows))
    expected = program.value - sum(
        y * program.coefficients(row) for y, row in zip(price, program.rows, strict=True)
    )
    found = net(structure(program), program.value, price)
    np.testing.assert_allclose(found[program.eligible], expected[program.eligible], rtol=1e-9)
    assert np.isneginf(found[~program.eligible]).all()
