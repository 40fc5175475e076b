"""The checks of :mod:`scfcap.testing` find what they are for: each is shown a wrong result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scfcap.cashflow.project import PoolCashflow, project
from scfcap.credit.curves import build_curves
from scfcap.deal.outcome import BY_TRANCHE, WHOLE, DealRun
from scfcap.errors import InfeasibleError
from scfcap.funding.plan import Optimum, optimum
from scfcap.periods import PeriodGrid
from scfcap.report.store import save_run
from scfcap.report.tables import Table
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario
from scfcap.testing import (
    DealTrial,
    Seeded,
    any_pool,
    any_trial,
    assert_deal_holds,
    assert_duals_strong,
    assert_limits_kept,
    assert_money_conserved,
    assert_plan_holds,
    assert_relaxation_mends,
    assert_replay_agrees,
    assert_run_complete,
    assert_sources_are_uses,
    assert_tables_equal,
    audit_words,
    deal_spec,
    edited,
    platform,
    shrunk,
)

#: A deal whose classes are paid, short, written off, with a reserve and a line, in both phases.
DEAL = {
    "closing": PeriodGrid.build(pd.Timestamp("2019-12-31").date(), 1).as_of,
    "collections": {"interest": "income", "recovery": "income"},
    "accounts": {"income": {}, "reserve": {"initial": 10.0, "target": "0.02 * notes"}},
    "fees": {"trustee": {"amount": 6.0}},
    "tranches": {"A": {"share": 0.7, "coupon": 0.06}, "B": {"share": 0.2, "coupon": 0.09},
                 "E": {"kind": "equity", "share": 0.1}},
    "lines": {"liquidity": {"commitment": 20.0, "rate": 0.04}},
    "triggers": {"t": {"test": "cumulative_default / pool_at_closing > 0.05"}},
    "phases": [{"name": "usual"}, {"name": "grave", "when": "trigger.t"}],
    "waterfall": {
        phase: [
            {"pay": "fee", "to": "trustee", "from": ["income", "liquidity"]},
            {"pay": "line", "to": "liquidity", "from": "income"},
            {"pay": "interest", "to": ["A", "B"], "from": ["income", "reserve"],
             "split": "in order"},
            {"pay": "account", "to": "reserve", "from": "income"},
            {"pay": "principal", "to": ["A", "B"], "split": split},
            {"pay": "write_off", "to": ["B", "A"]},
            {"pay": "residual", "to": "E", "from": "income", "share": 0.5},
        ]
        for phase, split in (("usual", "pro rata"), ("grave", "in order"))
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def trial() -> DealTrial:
    made = deal_spec(DEAL), PeriodGrid.build(DEAL["closing"], 12)
    return any_trial(Seeded(4, 2), 4, kind="given", deal=made)


@pytest.fixture(scope="module")
def run(trial: DealTrial) -> DealRun:
    return trial.run(trace=True, watch=audit_words(trial.spec))


def test_the_deal_that_is_made_wrong_holds(run):
    assert_deal_holds(run)
    assert_money_conserved(run)
    assert run.of("written_off").any()
    assert len(np.unique(run.phase)) == 2


def moved(run: DealRun, field: str, place: tuple, by: float) -> DealRun:
    """The run with one number of an array moved."""
    values = getattr(run, field).copy()
    values[place] += by
    return replace(run, **{field: values})


def of_class(name: str) -> int:
    return BY_TRANCHE.index(name)


def step(run: DealRun, pay: str, phase: int = 1) -> int:
    return next(s.row for s in run.deal.steps if s.spec.pay == pay and s.phase == phase)


#: What is moved by how much, and the words that the check must find.
WRONG: dict[str, tuple[Callable[[DealRun], DealRun], str]] = {
    "cash": (lambda r: moved(r, "cash", (3, 0, 1), 1e-3), "period 4: sources and uses differ by"),
    "a fee": (lambda r: moved(r, "fee_paid", (2, 0, 1), 0.01), "scenario 2, period 3: sources and"),
    "below zero": (lambda r: moved(r, "fee_owed", (2, 0, 1), -9.0), "fee trustee: an amount below"),
    "a class": (lambda r: moved(r, "tranche", (of_class("balance"), 1, 0, 2), 0.5),
                "Each class is what it was less principal"),
    "interest": (lambda r: moved(r, "tranche", (of_class("owed"), 1, 1, 1), 0.5),
                 "B: interest due less paid is not what stays owed"),
    "the pool": (lambda r: moved(r, "whole", (WHOLE.index("pool"), 1, 0), 0.5),
                 "period 2: the pool does not roll forward"),
    "the phase": (lambda r: moved(r, "phase", (-1, 1), -1), "a phase was left that stays"),
    "a trigger": (lambda r: replace(r, tripped=np.where(np.arange(12)[:, None, None] == 11,
                                                        False, r.tripped)),
                  "t: a trigger without a cure ended"),
    "a source": (lambda r: moved(r, "watched", (0, step(r, "principal"), 5, 1), 0.5),
                 "phase grave, step principal A, B: sources gave other than was paid"),
    "a debt": (lambda r: moved(r, "watched", (r.watch.index("owed.A"), step(r, "interest"), 5, 1),
                               0.5), "step interest A, B: debts fell by other than was paid"),
    "a stranger": (lambda r: moved(r, "watched", (r.watch.index("balance.B"), step(r, "interest"),
                                                  5, 1), 0.5),
                   "balance.B: changed by a step that does not name it"),
    "paid too much": (lambda r: moved(r, "trace", (0, step(r, "line"), 5, 1), -9.0),
                      "step line liquidity: paid more than is due"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_run_of_a_deal_is_found(run, what):
    change, words = WRONG[what]
    with pytest.raises(AssertionError, match=words):
        assert_deal_holds(change(run))


def test_steps_need_a_run_that_was_watched(trial):
    with pytest.raises(ValueError, match="audit_words"):
        assert_deal_holds(trial.run(trace=True))


def test_a_failing_deal_is_made_smaller(trial):
    """Whatever writes off in the second scenario fails: the rest goes."""

    def fails(each: DealTrial) -> bool:
        return bool(each.run().of("written_off").any())

    small = shrunk(trial, fails, most=80)
    assert small.count == 1
    assert fails(small)
    steps = [step.pay for part in small.spec.waterfall.values() for step in part]
    assert "write_off" in steps
    assert len(steps) < 8
    assert not small.spec.lines


# Pools.


@pytest.fixture(scope="module")
def flows() -> PoolCashflow:
    grid = PeriodGrid.build(DEAL["closing"], 12)
    pool = any_pool(Seeded(3, 1), grid.as_of)
    credit = {name: SegmentCredit(cdr=0.2, severity=0.5, recovery_lag=2) for name in pool.segments}
    return project(pool, build_curves(pool.segments, credit, {"base": Scenario()}, grid))


def test_cash_flows_that_do_not_tie_are_found(flows):
    assert_money_conserved(flows)
    for name, words in (
        ("scheduled", "segment credit, period 2: principal does not roll forward"),
        ("recovery", "period 2: what defaulted is not lost, recovered or to come"),
    ):
        values = getattr(flows.flows, name).copy()
        values[0, 0, 1] += 1e-3
        with pytest.raises(AssertionError, match=words):
            assert_money_conserved(replace(flows, flows=replace(flows.flows, **{name: values})))
    with pytest.raises(TypeError, match="dict: expected PoolCashflow"):
        assert_money_conserved({})


# Plans.


@pytest.fixture(scope="module")
def plan() -> tuple[Optimum, object]:
    made = platform(edited({"plan.periods": 3}))
    return optimum(made.inputs, made.engine), made.engine


def test_a_wrong_plan_is_found(plan):
    found, engine = plan
    assert_plan_holds(found, engine)
    assert_money_conserved(found)
    x = found.solution.x.copy()
    x[found.solution.program.find("M", 2)] += 1e-3
    wrong = replace(found, solution=replace(found.solution, x=x))
    with pytest.raises(AssertionError, match="scenario base, period 2: sources and uses differ by"):
        assert_sources_are_uses(wrong)
    with pytest.raises(AssertionError, match="replay: free cash: plan and engines differ by 1000"):
        assert_replay_agrees(wrong)
    with pytest.raises(AssertionError, match=r"cash.* is exceeded by"):
        assert_limits_kept(wrong)
    dual = found.solution.dual.copy()
    dual[int(np.abs(dual).argmax())] *= 1.01
    with pytest.raises(AssertionError, match=r"the duals prove|a reduced cost of|a dual of"):
        assert_duals_strong(replace(found.solution, dual=dual))


def test_a_relaxation_that_does_not_mend_is_found():
    made = platform(edited({"plan.periods": 2, "plan.liquidity_floor": 400.0e6}))
    with pytest.raises(InfeasibleError) as caught:
        optimum(made.inputs, made.engine)
    error = caught.value
    assert_relaxation_mends(made.inputs, error)
    for factor, words in ((0.9, "there is still no plan"), (1.1, "a hundredth less would do too")):
        told = [(family, key, factor * amount) for family, key, amount in error.relaxations]
        with pytest.raises(AssertionError, match=words):
            assert_relaxation_mends(made.inputs, InfeasibleError("", ["why"], told))
    with pytest.raises(AssertionError, match="nothing is said why"):
        assert_relaxation_mends(made.inputs, InfeasibleError(""))


# Tables and folders.


def test_tables_that_differ_are_told_by_column_and_row():
    one = pd.DataFrame({"who": ["a", "b", None], "amount": [1.0, 2.0, np.nan]})
    assert_tables_equal(one, one.copy())
    assert_tables_equal(one, one.assign(amount=one["amount"] + 1e-12))
    for other, words in (
        (one.assign(amount=[1.0, 2.1, np.nan]), "column amount, row 1: .*2.0.*; expected .*2.1"),
        (one.assign(who=["a", "c", None]), "column who, row 1: 'b'; expected 'c'"),
        (one[["amount", "who"]], "columns who, amount; expected amount, who"),
        (one.iloc[:2], "3 rows; expected 2"),
    ):
        with pytest.raises(AssertionError, match=words):
            assert_tables_equal(one, other)


def test_a_run_folder_that_is_not_whole_is_found(tmp_path):
    table = Table("cash", "Cash", pd.DataFrame({"amount": [1.0, 2.0]}))
    check = {"check": "sources = uses", "value": 0.0, "tolerance": 1.0, "ok": True, "note": ""}
    result = {"tables": ["cash"], "checks": [check]}
    out = tmp_path / "run"
    save_run(out, {"cash": table}, {"model": "m"}, result)
    assert_run_complete(out)
    (out / "stray.txt").write_text("x")
    with pytest.raises(AssertionError, match=r"stray.txt: a file that the manifest does not list"):
        assert_run_complete(out)
    (out / "stray.txt").unlink()
    path = out / "tables" / "cash.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(
        AssertionError, match=r"cash.parquet: \d+ bytes that are not the \d+ written"
    ):
        assert_run_complete(out)
    path.unlink()
    with pytest.raises(
        AssertionError, match=r"cash.parquet: listed in the manifest, and not there"
    ):
        assert_run_complete(out)
    path.write_bytes(whole)
    (out / "manifest.json").write_text("{")
    with pytest.raises(AssertionError, match=r"manifest.json: not JSON"):
        assert_run_complete(out)
    bad = {**result, "checks": [{**check, "ok": False}]}
    save_run(tmp_path / "other", {"cash": table}, {"model": "m"}, bad)
    with pytest.raises(AssertionError, match=r"sources = uses: 0\.0, more than 1\.0"):
        assert_run_complete(tmp_path / "other")
    assert json.loads((tmp_path / "other" / "result.json").read_text())["checks"]
