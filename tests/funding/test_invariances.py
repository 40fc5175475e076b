"""What must not matter: units of money, how segments are cut, how a channel is left out."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scfcap.funding.plan import Plan, optimum, solve_plan
from scfcap.pool.snapshot import Pool
from scfcap.schema.model import Model

from .small_platform import LAW, MODEL, Platform, platform, small_pool
from .variants import UNIT, edited, law, own_pool


def objective(p: Platform) -> float:
    return optimum(p.inputs, p.engine).solution.objective


def short(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The model with changes, and fewer months."""
    return edited({"plan.periods": 7, **(changes or {})})


@pytest.fixture(scope="module")
def base() -> Platform:
    return platform(short(), LAW)


@pytest.fixture(scope="module")
def plan() -> Plan:
    whole = platform(None, LAW)
    return solve_plan(whole.inputs, whole.engine)


# Scale.


def as_changes(model: Model) -> dict[str, Any]:
    return {name: getattr(model, name) for name in type(model).model_fields}


def scaled(factor: float, unit: float = UNIT) -> Platform:
    spec = Model.model_validate(MODEL).scaled(factor)
    spec = spec.model_copy(update={"plan": spec.plan.model_copy(update={"money_unit": unit})})
    pool = small_pool()
    larger = replace(
        pool,
        balance=pool.balance * factor,
        original_balance=pool.original_balance * factor,
    )
    return platform(as_changes(spec), LAW, larger)


def assert_scaled(plan: Plan, other: Plan, factor: float) -> None:
    """Amounts follow; prices, duals and what binds do not."""
    assert other.objective == pytest.approx(factor * plan.objective, rel=1e-8)
    assert other.net_income == pytest.approx(factor * plan.net_income, rel=1e-6)
    ours, theirs = plan.tables()["channels"], other.tables()["channels"]
    assert theirs["worth"].to_numpy() == pytest.approx(factor * ours["worth"].to_numpy(), rel=1e-6)
    prices = {p.what: p for p in other.prices}
    for price in plan.prices:
        again = prices[price.what]
        assert (again.low, again.high) == pytest.approx((price.low, price.high), abs=1e-6)
    assert other.tables()["checks"]["ok"].all()


@pytest.mark.parametrize("factor", [1e3, 1e-2])
def test_all_money_times_a_factor_scales_the_answer(plan, factor):
    p = scaled(factor)
    assert_scaled(plan, solve_plan(p.inputs, p.engine), factor)


@pytest.mark.parametrize("unit", [1e5, 1e7])
def test_the_money_unit_does_not_matter(plan, unit):
    p = scaled(1.0, unit)
    other = solve_plan(p.inputs, p.engine, channels=False)
    assert other.objective == pytest.approx(plan.objective, rel=1e-8)
    assert other.tables()["checks"]["ok"].all()


# Segments.


def split_pool(pool: Pool, share: float) -> Pool:
    """Each order in two: a part in ``order``, the rest in ``order-b``."""
    order = np.flatnonzero(pool.segment == 1)

    def twice(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[order]])

    def parts(values: np.ndarray) -> np.ndarray:
        ours = values.copy()
        ours[order] *= share
        return np.concatenate([ours, values[order] * (1.0 - share)])

    segment = twice(pool.segment)
    segment[len(pool) :] = 2
    return replace(
        pool,
        segments=("credit", "order", "order-b"),
        segment=segment,
        loan_id=twice(pool.loan_id),
        place=twice(pool.place),
        loan_type=twice(pool.loan_type),
        balance=parts(pool.balance),
        original_balance=parts(pool.original_balance),
        rate=twice(pool.rate),
        origination_day=twice(pool.origination_day),
        maturity_day=twice(pool.maturity_day),
        days_past_due=twice(pool.days_past_due),
        eligibility={name: twice(good) for name, good in pool.eligibility.items()},
    )


def split_model(share: float) -> dict[str, Any]:
    order = MODEL["demand"]["order"]
    ours, theirs = (
        {**order, "minimum": 0.1, "per_period": order["per_period"] * part}
        for part in (share, 1.0 - share)
    )
    return short(
        {
            "demand.order": ours,
            "demand.order-b": theirs,
            "credit.segments.order-b": MODEL["credit"]["segments"]["order"],
        }
    )


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_a_segment_cut_in_two_changes_nothing(share):
    whole = platform(short({"demand.order.minimum": 0.1}), LAW)
    cut = platform(split_model(share), LAW, split_pool(small_pool(), share))
    assert objective(cut) == pytest.approx(objective(whole), rel=1e-7)


def test_loans_in_another_order_change_nothing(base):
    pool = small_pool()
    shuffled = np.random.default_rng(5).permutation(len(pool))
    arrays = {
        name: getattr(pool, name)[shuffled]
        for name in (
            "loan_id",
            "segment",
            "place",
            "loan_type",
            "balance",
            "original_balance",
            "rate",
            "origination_day",
            "maturity_day",
            "days_past_due",
        )
    }
    good = {name: values[shuffled] for name, values in pool.eligibility.items()}
    other = platform(short(), LAW, replace(pool, **arrays, eligibility=good))
    assert objective(other) == pytest.approx(objective(base), rel=1e-9)


def test_segments_and_places_in_another_order_change_nothing(base):
    pool = small_pool()
    turned = replace(
        pool,
        segments=("order", "credit"),
        segment=1 - pool.segment,
        places=("securitization:series-1", "own_capital"),
        place=1 - pool.place,
    )
    other = platform(short(), LAW, turned)
    found = optimum(other.inputs, other.engine)
    assert found.solution.objective == pytest.approx(objective(base), rel=1e-9)


def test_two_lines_are_one_line_of_both(base):
    line = MODEL["lenders"][0]
    half = {**line, "limit": line["limit"] / 2.0, "draws": []}
    draw = [{**line["draws"][0], "amount": 2.5e6}]
    halves = [{**half, "draws": draw}, {**half, "name": "bank-b", "draws": draw}]
    # The line is far wider than the cap on banks: no draw is held up by its half.
    assert objective(platform(short({"lenders": halves}), LAW)) == pytest.approx(
        objective(base), rel=1e-9
    )


# Left out, closed, of no weight.

LEFT_OUT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lender": ({"lenders": []}, {"lenders.0.limit": 0.0, "lenders.0.draws": []}),
    "buyer": ({"buyers": []}, {"buyers.0.limit": 0.0}),
    "P2P": ({"p2p": None}, {"p2p.limit": 0.0}),
    "P2P window": ({"p2p": None}, {"p2p.open_from": "2020-01-01"}),
    "P2P supply": (
        {"p2p": None},
        {"p2p.steps.0.per_period": 0.0, "p2p.steps.1.per_period": 0.0},
    ),
    "issues": ({"securitization.issues": []}, {"securitization.programme_limit": 0.0}),
    "issue size": (
        {"securitization.issues": []},
        {"securitization.issues.0.max_pool": 0.0, "securitization.issues.1.max_pool": 0.0},
    ),
    "share": ({"concentration": []}, {"concentration.0.share": 1.0}),
    "promise": ({"demand.credit.minimum": 0.0}, {"demand.credit.minimum": 1e-12}),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_left_out_is_limit_zero(name):
    funds = {"opening": {"net_capital": 66.0e6}}
    out, shut = LEFT_OUT[name]
    assert objective(platform(short(funds | out), LAW)) == pytest.approx(
        objective(platform(short(funds | shut), LAW)), rel=1e-9
    )


def test_a_vehicle_without_series_is_no_vehicle():
    idle = {"securitization.series": [], "securitization.issues": []}
    none = {"securitization": None}
    values = [
        objective(platform(short({"opening": {"net_capital": 90.0e6}} | c), LAW, own_pool()))
        for c in (idle, none)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


@pytest.mark.parametrize("source", ["bank", "abs_third_party", "transfer_clean", "p2p"])
def test_a_weight_of_zero_is_no_weight(source):
    caps = [cap.model_dump() for cap in LAW.caps]
    caps[1]["multiple"] = 0.5
    weights = caps[1]["weights"]
    tried = (
        {name: weight for name, weight in weights.items() if name != source},
        {**weights, source: 0.0},
        weights,
    )
    laws = [law(caps=[caps[0], {**caps[1], "weights": w}]) for w in tried]
    without, zero, full = (objective(platform(short(), regime)) for regime in laws)
    assert zero == pytest.approx(without, rel=1e-12)
    assert full < zero - 1e-4, "the cap binds, and the source counts in it"


def test_a_law_without_caps_is_no_law():
    assert objective(platform(short(), law(caps=[]))) == objective(platform(short()))


def test_net_assets_without_deductions_are_net_capital():
    bank = LAW.caps[0].model_dump()
    caps = [{**bank, "base": kind} for kind in ("net_capital", "net_assets")]
    values = [objective(platform(short(), law(caps=[cap]))) for cap in caps]
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("closed", "changes"),
    [
        ("bank_debt", {"lenders.0.limit": 0.0}),
        ("bank", {"lenders.0.limit": 0.0}),
        ("bank_transfer", {"buyers.0.limit": 0.0}),
        ("securitization", {"securitization.programme_limit": 0.0}),
        ("p2p", {"p2p.limit": 0.0}),
    ],
)
def test_closed_by_law_is_closed_by_limit(closed, changes):
    assert objective(platform(short(), law(closed_channels=[closed]))) == objective(
        platform(short(changes), LAW)
    )


def test_a_tenor_too_dear_to_use_changes_nothing(base):
    tenors = [*MODEL["lenders"][0]["tenors"], {"periods": 4, "rate": 0.9}]
    assert objective(platform(short({"lenders.0.tenors": tenors}), LAW)) == pytest.approx(
        objective(base), rel=1e-9
    )


# The same inputs, the same bytes.


def digest(plan: Plan) -> str:
    """All tables of a plan, to the last bit."""
    state = hashlib.sha256()
    for name, frame in sorted(plan.tables().items()):
        state.update(name.encode())
        state.update(",".join(map(str, frame.columns)).encode())
        for column in frame.columns:
            values = frame[column]
            if pd.api.types.is_float_dtype(values):
                state.update(values.to_numpy(dtype=np.float64).tobytes())
            else:
                state.update("|".join(map(str, values)).encode())
    return state.hexdigest()


def test_the_same_inputs_give_the_same_bytes(plan):
    again = platform(None, LAW)
    assert digest(solve_plan(again.inputs, again.engine)) == digest(plan)
    inputs = again.inputs
    other = replace(inputs, cash=inputs.cash + 1e-3, net_capital=inputs.net_capital + 1e-3)
    richer = solve_plan(other, again.engine, channels=False)
    assert digest(richer) != digest(replace(plan, channels=()))


SCRIPT = """
import sys, types
package = types.ModuleType("funding_tests")
package.__path__ = [sys.argv[1]]
sys.modules["funding_tests"] = package
from funding_tests.test_invariances import LAW, digest, platform, solve_plan
p = platform(None, LAW)
print(digest(solve_plan(p.inputs, p.engine)))
"""


def test_another_process_and_hash_seed_give_the_same_bytes(plan):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parent)],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == digest(plan)
