"""Scenarios side by side in one program: what is decided stands once for each node.

A node of period ``t`` is a set of scenarios that nobody can tell apart when ``t`` is decided. A
decision has one column for each node, not equal copies; what follows from decisions and from what
happens (balances, cash, capital) has one for each scenario. Constraint families know nothing of
this: each is written for one scenario and runs on the :class:`ScenarioProgram` of each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from scfcap.axes import BANK_TRANSFER, place
from scfcap.errors import FaultError
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Key, LabelError, Program, Row
from scfcap.funding.soft import RELAXED
from scfcap.quantities import IntArray


@dataclass(frozen=True)
class Nodes:
    """Which scenarios share the decisions of a period.

    ``index[k, t]`` [K, T + 1]: scenarios with one number in ``t`` decide alike; column 0 is
    ``as_of``, one node. A node of ``t`` lies inside one of ``t - 1``: what was told apart stays so.

    Raises:
        FaultError: not of that shape, or scenarios meet again.
    """

    index: IntArray

    def __post_init__(self) -> None:
        index = self.index
        if index.ndim != 2 or index.shape[0] < 1 or index.shape[1] < 2:
            msg = f"nodes have shape {index.shape}, not (scenarios, periods + 1)"
            raise FaultError(msg)
        if (index[:, 0] != index[0, 0]).any():
            msg = "scenarios differ at as_of, before anything is known"
            raise FaultError(msg)
        for t in range(1, index.shape[1]):
            for node in np.unique(index[:, t]):
                before = np.unique(index[index[:, t] == node, t - 1])
                if len(before) > 1:
                    msg = f"node {node} of period {t} joins nodes {before.tolist()} of {t - 1}"
                    raise FaultError(msg)

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def two_stage(cls, scenarios: int, periods: int, shared: int) -> Nodes:
        """One node for each period up to ``shared``, then one for each scenario.

        Raises:
            FaultError: ``shared`` is not within 0..``periods``.
        """
        if not 0 <= shared <= periods:
            msg = f"{shared} shared periods, of {periods}"
            raise FaultError(msg)
        index = np.zeros((scenarios, periods + 1), dtype=np.int64)
        index[:, shared + 1 :] = np.arange(scenarios)[:, None]
        return cls(index)

    def alike(self, k: int, t: int) -> tuple[int, ...]:
        """Scenarios in the node of scenario ``k`` in ``t``, ``k`` among them."""
        return tuple(int(x) for x in np.flatnonzero(self.index[:, t] == self.index[k, t]))

    def only(self, chosen: Sequence[int]) -> Nodes:
        """The nodes of some scenarios."""
        return Nodes(self.index[list(chosen)])


#: Families of the plan's columns that are decided, and in which period; ``None``: at the closing
#: of the series that is the key, else in the period that ends the key. Draws and sales of which
#: the other side must be told are decided by the last day of notice. Which banks lend
#: (:data:`AT_ONCE`) is decided in the first period.
DECIDED = {
    "O": -1, "OC": -1, "Y": -1, "X": -1, "P": -1, "G": -1, "Div": -1, "S": None, "E": None,
}  # fmt: skip
#: Families of decisions of which a lender or buyer may want notice.
NOTICED = frozenset({"X", "Y"})
#: Families of columns without a period, decided in the first.
AT_ONCE = frozenset({"V"})
#: Families of columns that follow from decisions and from what happens.
FOLLOWS = frozenset({"H", "M", "K", "Q", "N", "A", "R", "Tax", "u", "eta", "z", RELAXED})

#: The period in which a column (family, key) is decided; None where it follows.
Decided = Callable[[str, Key], int | None]


def decided_in(inputs: Inputs) -> Decided:
    """When each column of the plan is decided.

    Raises:
        LabelError: of the result, a family that is neither decided nor follows.
    """
    closing = {d.name: d.closing for d in inputs.deals}
    told = _notices(inputs)

    def when(family: str, key: Key) -> int | None:
        if family in FOLLOWS:
            return None
        if family in AT_ONCE:
            return 1
        if family not in DECIDED:
            msg = f"columns {family} are neither decided in a period nor follow from decisions"
            raise LabelError(msg)
        at = DECIDED[family]
        if at is None:
            return closing[key]
        if not isinstance(key, tuple):
            return int(key)
        t = int(key[at])
        other = key[0] if family == "X" else key[1]
        return told[other][t] if family in NOTICED and other in told else t

    return when


def _notices(inputs: Inputs) -> dict[str, list[int]]:
    """Period by whose close a draw or sale of each period must be told, 0 for ``as_of``.

    By the name of a lender, by the place of a buyer; those who want no notice are left out.
    """
    days = {x.name: x.notice_days for x in inputs.spec.lenders}
    days |= {place(BANK_TRANSFER, x.name): x.notice_days for x in inputs.spec.buyers}
    ends = (inputs.grid.as_of, *inputs.grid.ends)
    return {
        name: [inputs.grid.index(end - timedelta(days=notice)) for end in ends]
        for name, notice in days.items()
        if notice
    }


class ScenarioProgram(Program):
    """One scenario's view of a shared program: its own labels, the shared columns and rows.

    ``column`` gives a decision the column of its node, ``find`` and ``rows_of`` know this
    scenario's labels alone; ``columns`` and ``rows`` are the shared program's. There a label ends
    with what its column or row belongs to: "in NAME", or "node N" of several scenarios.
    """

    def __init__(self, shared: Program, nodes: Nodes, k: int, name: str, decided: Decided) -> None:
        super().__init__(f"{shared.name} in {name}")
        self.shared, self.nodes, self.k, self._when = shared, nodes, k, decided
        self.columns, self.rows = shared.columns, shared.rows
        self._tag = f"in {name}"
        self._places = [*map(self._node, range(nodes.index.shape[1]))]
        self.decided: dict[int, int] = {}
        """Columns of nodes with others, and how many scenarios each node has."""

    def column(
        self,
        family: str,
        key: Key,
        *,
        lower: float = 0.0,
        upper: float = math.inf,
        **kind: Any,
    ) -> int:
        """Declare one column of the scenario; a decision's where its node has none yet.

        Raises:
            LabelError: the key stands already, a bound is NaN, or the bounds of a node exclude
                each other.
        """
        if (family, key) in self._column_index:
            msg = f"column {family}[{key}] is declared twice {self._tag}"
            raise LabelError(msg)
        together, tag = self._place(family, key)
        label = _tagged(key, tag)
        index = self.shared.find(family, label) if together > 1 else None
        if index is None:
            index = self.shared.column(family, label, lower=lower, upper=upper, **kind)
        else:
            self._narrow(index, lower, upper)
        if together > 1:
            self.decided[index] = together
        self._column_index[family, key] = index
        return index

    def _place(self, family: str, key: Key) -> tuple[int, str]:
        """How many scenarios share a column, and the end of its label."""
        t = self._when(family, key)
        return (1, self._tag) if t is None else self._places[t]

    def _node(self, t: int) -> tuple[int, str]:
        together = len(self.nodes.alike(self.k, t))
        return together, self._tag if together == 1 else f"node {self.nodes.index[self.k, t]}"

    def _narrow(self, index: int, lower: float, upper: float) -> None:
        """Keep a node's column within the bounds of one more scenario."""
        columns = self.columns
        columns.lower[index] = max(columns.lower[index], lower)
        columns.upper[index] = min(columns.upper[index], upper)
        if not columns.lower[index] <= columns.upper[index]:
            label = f"{columns.family[index]}[{columns.key[index]}]"
            msg = f"the bounds of column {label} exclude each other {self._tag}"
            raise LabelError(msg)

    def _add_row(self, family: str, key: Key, row: Row) -> None:
        self.shared._add_row(family, _tagged(key, self._tag), row)
        self._row_index[family, key] = len(self.rows.family) - 1


def _tagged(key: Key, tag: str) -> Key:
    return (*key, tag) if isinstance(key, tuple) else (key, tag)


def views(shared: Program, decided: Mapping[str, Decided], nodes: Nodes) -> list[ScenarioProgram]:
    """The view of each scenario, in the order of ``nodes``; ``decided`` by scenario.

    Raises:
        FaultError: not as many scenarios as rows of ``nodes``.
    """
    if len(nodes) != len(decided):
        msg = f"{len(nodes)} scenarios of nodes, {len(decided)} named"
        raise FaultError(msg)
    return [
        ScenarioProgram(shared, nodes, k, name, when)
        for k, (name, when) in enumerate(decided.items())
    ]


def close_nodes(parts: Iterable[ScenarioProgram]) -> None:
    """Hold a node's decision at zero where a scenario of the node does not know it.

    Nothing is sold of what is gone in one of them, nothing placed where one market is shut.

    Raises:
        LabelError: such a decision may not be zero.
    """
    parts = tuple(parts)
    known = Counter(index for part in parts for index in part.decided)
    for part in parts:
        for index, together in part.decided.items():
            if known[index] < together:
                part._narrow(index, 0.0, 0.0)
