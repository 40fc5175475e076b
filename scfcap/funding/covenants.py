"""Covenants by period: what they measure, the headroom, which trips first, and with what effect.

The plan's own scenario by the program and by the engines; every other scenario by the engines,
with the plan's decisions carried out as they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.axes import OWN
from scfcap.funding.breaches import opening_sides
from scfcap.funding.caps import p2p_notes, stock
from scfcap.funding.constraints.covenants import drawn, sides
from scfcap.funding.covenant_inputs import CovenantInputs
from scfcap.funding.decisions import Decisions, decisions_of
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Solution
from scfcap.funding.replay import Replay
from scfcap.funding.rooms import rooms
from scfcap.funding.variables import Book
from scfcap.quantities import REPLAY_TOLERANCE, FloatArray

#: What counts as debt in a leverage covenant beside P2P notes, as the caps name it; loans passed
#: through to P2P lenders are theirs.
_DEBT = ("bank", "shareholder", "peer", "bond", "abs_third_party")
#: Amounts below it are none [money units].
NOTHING = 1e-9
_COLUMNS = [
    "scenario", "lender", "covenant", "kind", "period", "end", "measured", "base_amount", "ratio",
    "limit_ratio", "headroom", "headroom_share", "replayed_ratio", "breached", "trips_first",
    "effect", "cross_default",
]  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """What a covenant measures at a close and its base [money units]; of a floor 1 is the base."""

    measured: float
    base: float

    def ratio(self, x: CovenantInputs) -> float:
        """Measured to base; of least net assets: to the limit."""
        base = x.limit if x.at_least else self.base
        if abs(self.measured) <= NOTHING:
            return 0.0
        return self.measured / base if base > 0.0 else float("inf")

    def headroom(self, x: CovenantInputs) -> float:
        """Up to the limit, without margin [money units]."""
        room = x.limit * self.base - self.measured
        return -room if x.at_least else room


def covenants_table(
    book: Book,
    solution: Solution,
    result: Replay,
    others: Mapping[str, tuple[Inputs, Replay]] | None = None,
) -> pd.DataFrame:
    """Every covenant at every close at which it is tested and its line may be drawn [currency].

    ``ratio`` is ``measured / base_amount`` by the program, ``replayed_ratio`` by the engines; of
    least net assets both are to the least, and ``limit_ratio`` is 1. ``headroom`` is up to the
    limit, without the plan's margin; ``headroom_share`` is its share of the limit. ``breached``
    is a headroom below zero. ``trips_first`` marks one row a scenario: the first breach (the
    deepest of its day), and where there is none the least ``headroom_share``. ``cross_default``
    says what a breach does to other lines. Other scenarios have the engines' figures only.
    """
    inputs, decisions = book.inputs, decisions_of(book, solution)
    frames = []
    planned = _measured(book, solution)
    name = inputs.spec.plan.scenario
    engine = {name: (inputs, result), **(others or {})}
    for scenario, (theirs, carried) in engine.items():
        replayed = replayed_measures(theirs, decisions, carried, planned)
        shown = planned if scenario == name else replayed
        rows = [_row(inputs, scenario, x, t, shown[x, t], replayed[x, t]) for x, t in planned]
        frame = pd.DataFrame(rows, columns=_COLUMNS)
        first = _first_to_trip(frame)
        if first is not None:
            frame.loc[first, "trips_first"] = True
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def covenant_checks(frame: pd.DataFrame, scenario: str) -> Iterator[tuple[str, float, float, str]]:
    """Program against engines in the plan's scenario, covenant by covenant: largest difference.

    In share of the limit, or as it is where the limit is nothing at all; so is the tolerance.
    """
    mine = frame[frame["scenario"] == scenario]
    for (lender, name), group in mine.groupby(["lender", "covenant"], sort=False):
        limit = group["limit_ratio"].where(group["limit_ratio"] > 0.0, 1.0)
        gap = ((group["ratio"] - group["replayed_ratio"]) / limit).abs().max()
        yield f"replay: covenant {name} of {lender}", float(gap), REPLAY_TOLERANCE, "its ratio"


Key = tuple[CovenantInputs, int]


def _measured(book: Book, solution: Solution) -> dict[Key, Measure]:
    """Covenants by the program, at the closes at which they are tested and the line is in use."""
    inputs = book.inputs
    found: dict[Key, Measure] = {}
    room: dict[int, dict[str, float]] = {}
    for x in inputs.covenants:
        line = next(y for y in inputs.lenders if y.name == x.lender)
        for t in sorted(x.tests):
            balance = drawn(book, line, t)
            idle = not balance.coefficients and balance.constant <= 0.0
            if idle and (t > 0 or line.limit <= 0.0):
                continue
            if t == 0:
                found[x, t] = Measure(*opening_sides(inputs, x))
                continue
            use, base = (terms.value(solution.x) for terms in sides(book, x, t))
            if x.kind == "borrowing_base":
                if t not in room:
                    room[t] = _program_rooms(book, solution, t)
                base = room[t][x.lender]
            found[x, t] = Measure(use, base)
    return found


def _bases(inputs: Inputs, t: int) -> list[CovenantInputs]:
    return [x for x in inputs.covenants if x.kind == "borrowing_base" and t in x.tests]


def _program_rooms(book: Book, solution: Solution, t: int) -> dict[str, float]:
    inputs = book.inputs
    assert inputs.pledges is not None
    own = np.zeros(len(inputs.cohorts))
    for j in book.standing(OWN, t):
        own[j] = book.held(j, OWN, t).value(solution.x)
    balance = {x.name: drawn(book, x, t).value(solution.x) for x in inputs.lenders}
    free = float(own.sum()) - book.p2p_stock(t).value(solution.x)
    return rooms(inputs.pledges, _bases(inputs, t), inputs.pledges.share @ own, free, balance)


def replayed_measures(
    inputs: Inputs, decisions: Decisions, result: Replay, wanted: Mapping[Key, Measure]
) -> dict[Key, Measure]:
    """The same by the engines, from the decisions alone; at ``as_of`` there is nothing to carry."""
    notes = p2p_notes(inputs, decisions)
    debt = sum((stock(inputs, name, decisions, result) for name in _DEBT), start=notes)
    balances = line_balances(inputs, decisions)
    found: dict[Key, Measure] = {}
    for x, t in wanted:
        if t == 0:
            found[x, t] = wanted[x, t]
        elif x.kind == "leverage":
            found[x, t] = Measure(float(debt[t]), float(result.net_capital[t]))
        elif x.kind == "min_net_assets":
            found[x, t] = Measure(float(result.net_capital[t]) + inputs.deductions, 1.0)
        elif x.kind == "past_due_share":
            found[x, t] = _replayed_past_due(inputs, result, t)
        else:
            assert inputs.pledges is not None
            own = result.own[:, t]
            balance = {name: float(path[t]) for name, path in balances.items()}
            free = float(own.sum()) - float(notes[t])
            cells = inputs.pledges.share @ own
            room = rooms(inputs.pledges, _bases(inputs, t), cells, free, balance)
            found[x, t] = Measure(balance[x.lender], room[x.lender])
    return found


def _replayed_past_due(inputs: Inputs, result: Replay, t: int) -> Measure:
    assert inputs.late is not None
    own = result.places[OWN]
    lately = float(own.default[max(inputs.late.since[t], 1) : t + 1].sum())
    return Measure(lately + float(result.behind[t]), float(own.balance[t]) + lately)


def line_balances(inputs: Inputs, decisions: Decisions) -> dict[str, FloatArray]:
    """Balance of each line at every close, from its older draws and the decisions."""
    paths = {x.name: np.array(x.open_balance) for x in inputs.lenders}
    lenders = {x.name: x for x in inputs.lenders}
    for (name, tenor, t), amount in decisions.draws.items():
        paths[name][t : lenders[name].maturity(tenor).falls_due(t)] += amount
    return paths


def _row(
    inputs: Inputs, scenario: str, x: CovenantInputs, t: int, shown: Measure, replayed: Measure
) -> tuple[object, ...]:
    end = inputs.grid.as_of if t == 0 else inputs.grid.ends[t - 1]
    room, unit = shown.headroom(x), inputs.unit
    allowed = x.limit * shown.base
    slack = REPLAY_TOLERANCE * max(1.0, abs(allowed))
    return (
        scenario, x.lender, x.name, x.kind, t, end, shown.measured * unit,
        (x.limit if x.at_least else shown.base) * unit, shown.ratio(x),
        1.0 if x.at_least else x.limit, room * unit, _share(room, allowed), replayed.ratio(x),
        room < -slack, False, x.effect, consequence(inputs, x),
    )  # fmt: skip


def _share(room: float, allowed: float) -> float:
    if allowed > 0.0:
        return room / allowed
    return 0.0 if room == 0.0 else float(np.copysign(np.inf, room))


def _first_to_trip(frame: pd.DataFrame) -> int | None:
    """Row of the first breach, the deepest of its day; else of the least headroom."""
    broken = frame[frame["breached"].astype(bool)]
    if len(broken):
        broken = broken[broken["period"] == broken["period"].min()]
    among = broken if len(broken) else frame[frame["period"] > 0]
    if not len(among):
        return None
    share = among["headroom_share"].to_numpy(dtype=np.float64).round(9)
    least = among[share == share.min()]
    return int(least["period"].astype(int).idxmin())


def consequence(inputs: Inputs, x: CovenantInputs) -> str:
    """What a breach does to other lines by their cross-default clauses, in words."""
    words = {"draw_stop": "no draw", "acceleration": "due at once"}
    reached = {x.lender}
    said: list[str] = []
    while True:
        more = [c for c in inputs.cross_defaults if c.lender not in reached and c.of & reached]
        if not more:
            return "; ".join(said)
        for clause in more:
            if clause.lender not in reached:
                said.append(f"{clause.lender}: {words[clause.effect]}")
            reached.add(clause.lender)
