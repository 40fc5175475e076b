"""A compiled deal against the engine: no figure of the workings may be another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scfcap.quantities import ENGINE_TOLERANCE, HALF_CENT, FloatArray
from scfcap.report.live.given import Given
from scfcap.report.live.merged import Slot
from scfcap.report.live.pieces import NotLive
from scfcap.report.live.workings import Workings


def refuse_others(given: Given, cells: Workings, slots: Sequence[Slot]) -> None:
    """Raise NotLive where a figure of the workings is not the engine's."""
    for line, period, engine in _figures(given, cells, slots):
        mine = cells.found(line, period)
        if mine is None:
            continue
        size = max(given.start, abs(engine), 1.0)
        if not abs(mine - engine) <= max(0.1 * HALF_CENT, ENGINE_TOLERANCE * size):
            msg = (
                f"{line} in period {period}, {mine:.6f} by formulas and {engine:.6f} by the engine"
            )
            raise NotLive(msg)


def _figures(
    given: Given, cells: Workings, slots: Sequence[Slot]
) -> Iterator[tuple[str, int, float]]:
    """Lines of the workings by period, and what the engine has for them."""
    for key, line in lines_of(given).items():
        yield from _over(line, given.figures.by[key][: cells.periods])
    phase = given.figures.by["phase", ""][: cells.periods]
    for place, slot in enumerate(slots):
        for number, what in enumerate(("due", "available", "paid")):
            for at, row in slot.rows.items():
                engine = given.figures.steps[number, row]
                for t in np.flatnonzero(phase == at).tolist():
                    yield f"step {place} {what}", t + 1, float(engine[t])


def _over(line: str, engine: FloatArray) -> Iterator[tuple[str, int, float]]:
    for period, value in enumerate(engine.tolist(), start=1):
        yield line, period, value


def lines_of(given: Given) -> dict[tuple[str, str], str]:
    """Lines of the workings by the engine's figures that they must be."""
    found = {
        ("interest", ""): "interest",
        ("principal_collected", ""): "principal",
        ("recovery", ""): "recovery",
        ("default", ""): "default",
        ("bought", ""): "bought",
        ("pool", ""): "pool",
        ("phase", ""): "phase",
    }
    spec = given.deal.spec
    for name in spec.tranches:
        found |= {
            ("balance", name): f"balance {name}",
            ("owed", name): f"owed {name}",
            ("interest_paid", name): f"interest {name}",
            ("principal", name): f"principal {name}",
            ("residual", name): f"residual {name}",
            ("written_off", name): f"write_off {name}",
        }
    found |= {("account", name): f"account {name}" for name in given.deal.accounts}
    for name in spec.fees:
        found |= {("fee paid", name): f"fee paid {name}", ("fee owed", name): f"fee {name}"}
    found |= {("trigger", name): f"trigger {name}" for name in spec.triggers}
    return found | {("measure", name): f"measure {name}" for name in spec.measures}
