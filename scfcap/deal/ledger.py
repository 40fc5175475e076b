"""What came into a deal and what it paid by period, and whether every unit is accounted for.

The engine checks its cash as it goes; here a finished run is added up once more from what it
recorded, so that a payment that nobody was given, or that a class was given and no step made,
shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.deal.outcome import DealRun
from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray

#: What comes in, by the name that a run records it under.
SOURCES = ("interest", "principal_collected", "recovery", "proceeds", "cash_yield",
           "hedge_received", "line_drawn")  # fmt: skip
#: What goes out: those recorded by tranche or fee are summed.
USES = ("fees_paid", "interest_paid", "principal_paid", "residual_paid", "purchases",
        "hedge_paid", "line_paid")  # fmt: skip
#: Actions of steps whose cash leaves the deal, and the use that each is.
_LEAVES = {
    "fee": "fees_paid",
    "interest": "interest_paid",
    "principal": "principal_paid",
    "residual": "residual_paid",
    "purchase": "purchases",
    "hedge": "hedge_paid",
    "line": "line_paid",
}


@dataclass(frozen=True)
class Tie:
    """One thing that must be equal: ``gap`` the largest difference [currency] over scenarios and
    periods; ``where`` it comes nearest to, or farthest beyond, ``allowed`` [currency], what the
    rounding of floats may leave there.
    """

    name: str
    gap: float
    allowed: float
    where: str
    holds: bool


def uses(run: DealRun) -> dict[str, FloatArray]:
    """What left the deal in each period [currency], each [K, T], by :data:`USES`."""
    residual = run.of("residual").sum(axis=1) + run.of("released")
    return {
        "fees_paid": run.fee_paid.sum(axis=1).T,
        "interest_paid": run.of("interest_paid").sum(axis=1),
        "principal_paid": run.of("principal").sum(axis=1),
        "residual_paid": residual,
        "purchases": run.of("purchases"),
        "hedge_paid": run.of("hedge_paid"),
        "line_paid": run.of("line_paid"),
    }


def ledger_frame(run: DealRun) -> pd.DataFrame:
    """One row a scenario and period [currency]: cash at its start, :data:`SOURCES`, :data:`USES`,
    cash at its close, and the ``gap`` that sources and uses leave.
    """
    opening, closing = _cash(run)
    came = {name: run.of(name) for name in SOURCES}
    went = uses(run)
    k, t = (axis.ravel() for axis in np.indices(closing.shape))
    dates = np.array(run.deal.calendar.dates, dtype="datetime64[s]")
    columns: dict[str, object] = {
        "deal": run.deal.name,
        "scenario": np.array(run.scenarios, dtype=object)[k],
        "period": t + 1,
        "date": dates[t],
        "pays": run.deal.calendar.pays[t],
        "opening_cash": opening.ravel(),
    }
    columns |= {name: each.ravel() for name, each in (came | went).items()}
    columns["closing_cash"] = closing.ravel()
    columns["gap"] = _gap(opening, closing, came, went).ravel()
    return pd.DataFrame(columns)


def ties(run: DealRun) -> tuple[Tie, ...]:
    """What must be equal in ``run``:

    - at closing, notes, lines and the originator's contribution are pool, accounts and costs;
    - in each period, cash and sources are uses and cash;
    - in each period, each class is what it was, less principal and losses, plus accretion;
    - where steps were traced, what they paid is what was received.
    """
    opening, closing = _cash(run)
    came, went = {name: run.of(name) for name in SOURCES}, uses(run)
    turnover = opening + sum(came.values(), np.zeros_like(opening))
    shut = run.closing
    at_closing = shut.notes + shut.lines + shut.contribution
    at_closing = at_closing - shut.pool - shut.accounts - shut.costs
    found = [
        _tie(run, "Notes, lines and contribution pay for pool, accounts and costs at closing",
             at_closing[:, None], np.maximum(shut.pool, 1.0)[:, None], start=0),
        _tie(run, "Every unit of cash is accounted for in each period",
             _gap(opening, closing, came, went), np.maximum(turnover, 1.0)),
    ]  # fmt: skip
    balance = run.of("balance")
    before = np.concatenate([run.opening.T[:, :, None], balance[:, :, :-1]], axis=2)
    moved = before - run.of("principal") - run.of("written_off") + run.of("written_up")
    rolls = np.abs(moved + run.of("accreted") - balance).max(axis=1)
    owed = np.maximum(before.sum(axis=1), 1.0)
    found.append(_tie(run, "Each class is what it was less principal and losses", rolls, owed))
    if run.trace is not None:
        gap = np.zeros_like(closing)
        for name, made in _made(run).items():
            gap = np.maximum(gap, np.abs(made - went[name]))
        size = np.maximum(turnover, 1.0)
        found.append(_tie(run, "What steps paid is what was received", gap, size))
    return tuple(found)


def refuse_gaps(run: DealRun) -> tuple[Tie, ...]:
    """The ties of ``run``; raises InvariantError where one does not hold."""
    found = ties(run)
    for tie in found:
        if not tie.holds:
            msg = f"deal {run.deal.name}, {tie.where}: {tie.name}: a gap of {tie.gap:.6f}"
            raise InvariantError(msg)
    return found


def _cash(run: DealRun) -> tuple[FloatArray, FloatArray]:
    """Cash of all accounts at the start and the close of each period [K, T]."""
    closing = run.cash.sum(axis=1).T
    return np.concatenate([run.start.sum(axis=0)[:, None], closing[:, :-1]], axis=1), closing


def _gap(
    opening: FloatArray,
    closing: FloatArray,
    came: dict[str, FloatArray],
    went: dict[str, FloatArray],
) -> FloatArray:
    gap = opening - closing
    for each in came.values():
        gap = gap + each
    for each in went.values():
        gap = gap - each
    return gap


def _made(run: DealRun) -> dict[str, FloatArray]:
    """What the steps paid out of the deal, by use [K, T]."""
    assert run.trace is not None
    found = {name: np.zeros(run.phase.T.shape) for name in USES}
    for step in run.deal.steps:
        use = _LEAVES.get(step.spec.pay)
        if use is not None:
            found[use] += run.trace[2, step.row].T
    return found


def _tie(run: DealRun, name: str, gap: FloatArray, size: FloatArray, start: int = 1) -> Tie:
    """The worst of ``gap`` [K, T], beside the ``size`` of what is compared."""
    gap = np.abs(gap)
    allowed = 4.0 * ENGINE_TOLERANCE * size
    k, t = np.unravel_index(int(np.argmax(gap - allowed)), gap.shape)
    where = f"scenario {run.scenarios[k]}, period {t + start}"
    holds = bool((gap <= allowed).all())
    return Tie(name, float(gap.max()), float(allowed[k, t]), where, holds)
