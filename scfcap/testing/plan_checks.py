"""What must hold of a plan, whatever the model: each check raises AssertionError.

Messages name the plan's scenario, the period, the account or limit, and the amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from scfcap.errors import InfeasibleError
from scfcap.funding import statements
from scfcap.funding.caps import caps_table
from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import Optimum, Plan
from scfcap.funding.program import NoOptimumError, Program, Solution, solve
from scfcap.funding.replay import Engine, replay
from scfcap.funding.variables import declare
from scfcap.quantities import ENGINE_TOLERANCE, REPLAY_TOLERANCE

#: Replays whose gap hangs on the order in which notes are repaid.
_PATH = "depends on the order of repayment"


def assert_plan_holds(plan: Plan | Optimum, engine: Engine | None = None) -> None:
    """All that this module checks of ``plan``; with ``engine`` it is replayed anew."""
    found = plan.optimum if isinstance(plan, Plan) else plan
    assert_sources_are_uses(found)
    assert_replay_agrees(found, engine)
    assert_limits_kept(found)
    assert_caps_held(found)
    assert_duals_strong(found.solution)
    assert_books_balance(found)


def _where(found: Optimum) -> str:
    spec = found.inputs.spec
    return f"plan of {spec.name}, scenario {spec.plan.scenario}"


def _size(found: Optimum) -> float:
    """What amounts are compared with: net capital and all loans at the start [currency]."""
    inputs = found.inputs
    loans = float(inputs.cohorts.amount[inputs.cohorts.vintage <= 0].sum())
    return max(abs(inputs.net_capital), loans, 1.0) * inputs.unit


def assert_sources_are_uses(plan: Plan | Optimum) -> None:
    """In each period what comes in is what goes out, within 1e-9 of the book."""
    found = plan.optimum if isinstance(plan, Plan) else plan
    frame = statements.sources_uses(found.book, found.solution)
    _refuse_gap(found, frame, "side", "source", "sources and uses differ by")


def assert_books_balance(plan: Plan | Optimum) -> None:
    """At each close assets are liabilities and net capital, within 1e-9 of the book."""
    found = plan.optimum if isinstance(plan, Plan) else plan
    frame = statements.balance_sheet(found.book, found.solution)
    _refuse_gap(found, frame, "side", "asset", "the balance sheet is out by")


def _refuse_gap(found: Optimum, frame: pd.DataFrame, side: str, plus: str, what: str) -> None:
    sign = np.where(frame[side] == plus, 1.0, -1.0)
    gap = (frame["amount"] * sign).groupby(frame["period"]).sum()
    moved = frame["amount"].abs().groupby(frame["period"]).sum()
    allowed = 10.0 * ENGINE_TOLERANCE * np.maximum(moved, _size(found))
    wrong = gap[gap.abs() > allowed]
    if len(wrong):
        msg = f"{_where(found)}, period {wrong.index[0]}: {what} {wrong.iloc[0]:.9g}"
        raise AssertionError(msg)


def assert_replay_agrees(plan: Plan | Optimum, engine: Engine | None = None) -> None:
    """The decisions alone, carried out by the engines, give the plan's cash, capital and balances.

    Within 1e-6 of net capital, but for what depends on the order in which notes are repaid. With
    ``engine`` they are carried out once more, and must give the same.
    """
    found = plan.optimum if isinstance(plan, Plan) else plan
    frames = statements.all_statements(found.book, found.solution)
    checks = statements.checks(found.book, found.solution, found.replay, frames)
    mine = checks[checks["check"].str.startswith("replay") & (checks["note"] != _PATH)]
    wrong = mine[~mine["ok"]]
    if not wrong.empty:
        row = wrong.iloc[0]
        msg = (
            f"{_where(found)}: {row['check']}: plan and engines differ by {row['value']:.9g}, "
            f"more than {row['tolerance']:.3g} ({row['note']})"
        )
        raise AssertionError(msg)
    if engine is not None:
        again = replay(found.inputs, found.decisions, engine)
        for what, one, other in (
            ("free cash", found.replay.cash, again.cash),
            ("net capital", found.replay.net_capital, again.net_capital),
        ):
            gap = np.abs(one - other)
            if (gap > REPLAY_TOLERANCE * max(found.inputs.net_capital, 1.0)).any():
                t = int(gap.argmax())
                msg = f"{_where(found)}, period {t}: {what} replayed twice differs by {gap[t]:.9g}"
                raise AssertionError(msg)


def assert_limits_kept(plan: Plan | Optimum) -> None:
    """Every row of the program holds, and no holding, draw or balance is below zero.

    By the program's own rows and the values of its columns, one after the other.
    """
    found = plan.optimum if isinstance(plan, Plan) else plan
    program, x = found.solution.program, found.solution.x
    rows = program.rows
    size = max(1.0, float(np.abs(rows.right).max(initial=0.0)))
    taken = program.matrix() @ x
    for r, (sense, right) in enumerate(zip(rows.sense, rows.right, strict=True)):
        over = {"<=": taken[r] - right, ">=": right - taken[r]}.get(sense, abs(taken[r] - right))
        if over > REPLAY_TOLERANCE * size:
            where = f"{rows.family[r]} {rows.key[r]}"
            msg = f"{_where(found)}: {where} is exceeded by {over * found.inputs.unit:.9g}"
            raise AssertionError(msg)
    lower, upper = program.bounds(found.solution.fixed)
    for j in np.flatnonzero((x < lower - 1e-6 * size) | (x > upper + 1e-6 * size)):
        where = f"{program.columns.family[j]} {program.columns.key[j]}"
        msg = f"{_where(found)}: {where} is {x[j]:.9g}, outside {lower[j]:g} to {upper[j]:g}"
        raise AssertionError(msg)


def assert_caps_held(plan: Plan | Optimum) -> None:
    """At each close what a cap of the law counts is at most what it allows.

    In the plan and in its replay, but for caps that a change of the law, or the opening books,
    had exceeded before the plan could do anything.
    """
    found = plan.optimum if isinstance(plan, Plan) else plan
    table = caps_table(found.book, found.solution, found.replay)
    money = REPLAY_TOLERANCE * _size(found)
    for row in table.to_dict("records"):
        if row["period"] > 0 and row["headroom"] < -money:
            msg = (
                f"{_where(found)}, period {row['period']}: cap {row['cap']} is exceeded by "
                f"{-row['headroom']:.9g}"
            )
            raise AssertionError(msg)


def assert_duals_strong(solution: Solution) -> None:
    """The duals prove the optimum: their bound is the objective, and each has the right sign.

    Raises:
        AssertionError: naming the row or column, or the gap.
    """
    program, x, y = solution.program, solution.x, solution.dual
    right, sense = np.asarray(program.rows.right), np.asarray(program.rows.sense)
    lower, upper = program.bounds(solution.fixed)
    reduced = program.costs() - program.matrix().T @ y
    scale = max(
        1.0, float(np.abs(program.costs()).max(initial=0.0)), float(np.abs(y).max(initial=0.0))
    )
    wrong = np.where(sense == "<=", -y, np.where(sense == ">=", y, 0.0)) > 1e-6 * scale
    if wrong.any():
        r = int(np.argmax(wrong))
        msg = f"row {program.rows.family[r]} {program.rows.key[r]}: a dual of {y[r]:.9g}"
        raise AssertionError(msg)
    bound = np.where(reduced > 0.0, upper, lower)
    loose = ~np.isfinite(bound)
    if (np.abs(reduced[loose]) > 1e-6 * scale).any():
        j = int(np.flatnonzero(loose)[np.abs(reduced[loose]).argmax()])
        name = f"{program.columns.family[j]} {program.columns.key[j]}"
        msg = f"column {name}: a reduced cost of {reduced[j]:.9g} where nothing binds"
        raise AssertionError(msg)
    proven = float(y @ right + np.where(loose, 0.0, reduced * np.where(loose, 0.0, bound)).sum())
    value = float(program.costs() @ x)
    if abs(proven - value) > REPLAY_TOLERANCE * max(1.0, abs(value)):
        msg = f"the duals prove {proven:.12g}, the plan is worth {value:.12g}"
        raise AssertionError(msg)


def assert_relaxation_mends(inputs: Inputs, error: InfeasibleError) -> None:
    """With the limits of ``error`` relaxed by what it says there is a plan; with a hundredth less
    of each there is none.

    An error that names no relaxation (a series that cannot pay, law against the opening books) must
    say so of limits that nothing may relax.
    """
    if not error.relaxations:
        if not error.sentences:
            msg = f"plan of {inputs.spec.name}: infeasible, and nothing is said why"
            raise AssertionError(msg)
        return
    if inputs.spec.dividends is not None:  # a plan that cannot pay any is explained without them
        inputs = replace(inputs, dividends=False)
    program = build_program(declare(inputs))
    amounts = {
        program.rows_of(family)[key]: amount / inputs.unit
        for family, key, amount in error.relaxations
    }
    spare = 1e-6 * max(1.0, max(amounts.values()))
    if not _feasible(program, {r: amount + spare for r, amount in amounts.items()}):
        told = "; ".join(f"{f} {k} by {a:,.2f}" for f, k, a in error.relaxations)
        msg = f"plan of {inputs.spec.name}: relaxed as told there is still no plan: {told}"
        raise AssertionError(msg)
    if min(amounts.values()) > 1e-3 and _feasible(
        program, {r: 0.99 * amount for r, amount in amounts.items()}
    ):
        told = "; ".join(f"{f} {k} by {a:,.2f}" for f, k, a in error.relaxations)
        msg = f"plan of {inputs.spec.name}: a hundredth less would do too: {told}"
        raise AssertionError(msg)


def _feasible(program: Program, shifts: Mapping[int, float]) -> bool:
    """Whether there is a plan once rows give way; equations both ways."""
    loose = program.copy("relaxed")
    for r, amount in shifts.items():
        sense = program.rows.sense[r]
        if sense == "=":
            j = loose.column("given", (r,), lower=-amount, upper=amount)
            loose.rows.terms[r][j] = 1.0
        else:
            loose.rows.right[r] += amount if sense == "<=" else -amount
    try:
        solve(loose, check=False)
    except NoOptimumError:
        return False
    return True


__all__ = [
    "assert_books_balance",
    "assert_caps_held",
    "assert_duals_strong",
    "assert_limits_kept",
    "assert_plan_holds",
    "assert_relaxation_mends",
    "assert_replay_agrees",
    "assert_sources_are_uses",
]
