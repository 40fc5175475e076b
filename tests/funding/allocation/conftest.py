"""Whatever the tests allocate, the checker is asked: every answer of the suite has to hold.

``allocate`` is wrapped before any test or module of ours takes it by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps

import pytest

from scfcap.funding.allocation import solve
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.result import Allocation

from .agreed import agreed

_bare = solve.allocate


@wraps(_bare)
def _allocate(program: AllocationProgram, start: Mapping[str, float] | None = None) -> Allocation:
    return agreed(_bare(program, start))


solve.allocate = _allocate


@pytest.fixture(scope="session")
def bare_allocate() -> object:
    """``allocate`` without the check, for the test of the check."""
    return _bare
