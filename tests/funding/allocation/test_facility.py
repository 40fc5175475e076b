"""Ten loans whose optimum is known by complete enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.funding.allocation.program import matrix
from scfcap.funding.allocation.solve import allocate
from tests.funding.allocation.facility import facility
from tests.witnesses import programs
from tests.witnesses.book import holds


def test_the_published_placement_and_its_bound() -> None:
    holds(programs.whole_loans())
    program, expected = facility()
    found = allocate(program)
    assert (found.slack >= -1e-9).all()
    assert found.gap == pytest.approx(expected["relative_gap_lp_to_integer"], abs=1e-2)


def test_rows_are_the_same_as_a_matrix() -> None:
    program, _ = facility()
    choice = allocate(program).choice
    rows, pairs = matrix(program)
    x = np.zeros(program.value.size)
    placed = np.flatnonzero(choice >= 0)
    x[placed * len(program.channels) + choice[placed]] = 1.0
    assert rows @ x[pairs] == pytest.approx(program.activity(choice))
