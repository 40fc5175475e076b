"""The seeded funding date: the same at any time, and as many binding rows as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from scfcap.funding.allocation.outright import assignment
from scfcap.funding.allocation.program import matrix
from scfcap.funding.allocation.sample import CHANNELS, sample


def _binding(kind: str, loans: int) -> int:
    """Rows with a price and no slack in the relaxation, by HiGHS."""
    program = sample(kind, loans)  # type: ignore[arg-type]
    rows, pairs = matrix(program)
    once, must = assignment(program, pairs), program.must
    found = linprog(
        -program.value.ravel()[pairs],
        A_ub=sparse.vstack([rows, once[~must]]),
        b_ub=np.append(program.right, np.ones(int((~must).sum()))),
        A_eq=once[must],
        b_eq=np.ones(int(must.sum())),
        bounds=(0.0, 1.0),
        method="highs",
    )
    assert found.status == 0
    price, slack = -found.ineqlin.marginals[:200], found.slack[:200]
    return int(((price > 1e-9) & (slack < 1e-6 * program.balance.mean())).sum())


def test_the_same_seed_gives_the_same_date() -> None:
    first, again, other = sample("many", 500), sample("many", 500), sample("many", 500, seed=1)
    for name in ("balance", "value", "eligible", "today", "right"):
        assert (getattr(first, name) == getattr(again, name)).all()
    assert first.rows == again.rows
    assert (first.balance != other.balance).any()


@pytest.mark.parametrize(("kind", "least", "most"), [("few", 5, 20), ("many", 80, 200)])
def test_as_many_rows_bind_as_the_kind_says(kind: str, least: int, most: int) -> None:
    assert least <= _binding(kind, 2_000) <= most


def test_balances_are_heavy_tailed_and_below_every_amount() -> None:
    program = sample("few", 20_000)
    balance = np.sort(program.balance)[::-1]
    assert balance[:1_000].sum() > 0.2 * balance.sum()
    amounts = [abs(row.right) for row in program.rows if row.kind in {"least", "most"}]
    assert balance[0] < 0.1 * min(a for a in amounts if a)
    assert program.channels == CHANNELS
    assert len(program.rows) == 200
