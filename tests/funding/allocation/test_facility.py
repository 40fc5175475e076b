"""Ten loans whose optimum is known by complete enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.funding.allocation.program import matrix
from scfcap.funding.allocation.solve import allocate
from tests.funding.allocation.facility import facility


def test_the_published_placement_is_found() -> None:
    program, expected = facility()
    found = allocate(program)
    names = [program.channels[c] if c >= 0 else "none" for c in found.choice]
    assert names == expected["assignment"]
    assert found.value == pytest.approx(expected["integer_objective"], abs=1e-6)
    assert (found.slack >= -1e-9).all()


def test_its_bound_is_the_published_relaxation() -> None:
    program, expected = facility()
    found = allocate(program)
    assert found.bound == pytest.approx(expected["lp_objective"], abs=1e-6)
    assert found.gap == pytest.approx(expected["relative_gap_lp_to_integer"], abs=1e-2)
    for row, price in zip(program.rows, found.dual, strict=True):
        assert price == pytest.approx(expected["lp_row_duals"][row.name], abs=1e-6)


def test_rows_are_the_same_as_a_matrix() -> None:
    program, _ = facility()
    choice = allocate(program).choice
    rows, pairs = matrix(program)
    x = np.zeros(program.value.size)
    placed = np.flatnonzero(choice >= 0)
    x[placed * len(program.channels) + choice[placed]] = 1.0
    assert rows @ x[pairs] == pytest.approx(program.activity(choice))
