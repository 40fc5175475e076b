"""How much each line with a borrowing base can have pledged, beside what the others need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from scfcap.funding.covenant_inputs import CovenantInputs, PledgeInputs
from scfcap.quantities import FloatArray


def rooms(
    pledges: PledgeInputs,
    bases: Sequence[CovenantInputs],
    cells: FloatArray,
    free: float,
    balance: Mapping[str, float],
) -> dict[str, float]:
    """Most usable pledge by line [money units], while the others keep what their balances need.

    ``cells`` [C]: own loans by cell; ``free``: own loans that back no P2P note; ``balance`` by
    line. Lines and cells are a transport network: an amount to each line can be pledged exactly
    where no set of lines wants more than the cells that any of them takes, nor more than is free
    (Gale, A theorem on flows in networks, 1957). So the most for one line is the least of that
    capacity over all sets with it, less what the others in the set need.
    """
    need = {x.lender: _need(pledges, x, balance[x.lender]) for x in bases}
    found = {}
    for x in bases:
        others = [y for y in bases if y.lender != x.lender]
        most = min(
            _capacity(pledges, (x, *some), cells, free) - sum(need[y.lender] for y in some)
            for count in range(len(others) + 1)
            for some in combinations(others, count)
        )
        found[x.lender] = max(most, 0.0) * pledges.usable[x.eligibility]
    return found


def _need(pledges: PledgeInputs, x: CovenantInputs, balance: float) -> float:
    """Loans that a balance needs behind it; without end where nothing is lent on a pledge."""
    rate = x.limit * pledges.usable[x.eligibility]
    if balance <= 0.0:
        return 0.0
    return balance / rate if rate > 0.0 else float("inf")


def _capacity(
    pledges: PledgeInputs, lines: Sequence[CovenantInputs], cells: FloatArray, free: float
) -> float:
    taken = {c for x in lines for c in pledges.cells(x.eligibility)}
    return min(float(sum(cells[c] for c in taken)), free)
