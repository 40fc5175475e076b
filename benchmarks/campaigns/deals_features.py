"""What a random deal or plan has, and what it came to: the names that the campaign counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np

from scfcap.axes import DAY_COUNTS
from scfcap.deal.outcome import DealRun
from scfcap.schema.deal_parts import StepAction
from scfcap.testing import DealTrial, PlanTrial
from scfcap.testing.cases import KINDS
from scfcap.testing.deal_parts import TESTS

_CLASSES = ("fixed", "floating", "zero", "accrual", "interest_only", "equity")
_LIMITS = ("share", "amount", "up_to", "keep", "when", "in order", "pro rata", "by schedule",
           "several sources", "a line as source")  # fmt: skip
_REACHED = (
    "a trigger trips", "a trigger is cured", "a trigger after payments trips",
    "an early phase by a test", "a phase that ends again", "a call is made",
    "a line is drawn", "a line is repaid", "a line is short", "the reserve is used",
    "interest is short", "interest is caught up", "a fee is short", "a class is written off",
    "a class is written up", "a class accretes", "the senior is written off", "all is repaid",
    "loans are bought", "a hedge pays", "a hedge is paid", "the originator fails",
    "a price off par", "an available-funds cap binds", "loans go back to the seller",
)  # fmt: skip
_EDGES = ("one period", "no loans", "all defaults at once", "a single class", "no equity",
          "a coupon of 100%", "a coupon of 0", "an index below 0", "an index of 100%",
          "a line of nothing", "payment dates apart", "steps between payment dates",
          "whole cents", "days as periods", "weeks as periods", "a settlement delay",
          "a first payment date", "a legal end")  # fmt: skip

DEAL_FEATURES = (
    *(f"loans {kind}" for kind in KINDS),
    *(f"step {action}" for action in get_args(StepAction)),
    *(f"limit {each}" for each in _LIMITS),
    *(f"class {kind}" for kind in _CLASSES),
    *(f"day count {each}" for each in DAY_COUNTS),
    *(f"hedge {kind}" for kind in ("swap", "cap", "floor")),
    *(f"trigger on {name}" for name in TESTS),
    *(f"reached: {each}" for each in _REACHED),
    *(f"edge: {each}" for each in _EDGES),
)
_CHANNELS = ("lenders", "buyers", "securitization", "p2p", "guaranteed", "joint", "guarantor",
             "tax", "dividends", "injections", "provisions", "concentration")  # fmt: skip
_POLICIES = ("interest_cover", "promise_cover", "undrawn_limits", "maturity_gaps", "tenor_match",
             "headroom")  # fmt: skip
_COVENANTS = ("leverage", "past_due_share", "borrowing_base", "min_net_assets", "cross_default")
_SHOCKS = ("borrower_stress", "outage", "core_failure", "bank_line_cut", "p2p_run_off",
           "market_shut", "rate_shock", "originator_failure")  # fmt: skip
PLAN_FEATURES = (
    *("optimal", "infeasible, mended as told", "infeasible by law"),
    *("several scenarios: optimal", "several scenarios: infeasible"),
    *_CHANNELS,
    *(f"policy {name}" for name in _POLICIES),
    *(f"covenant {name}" for name in _COVENANTS),
    *(f"shock {name}" for name in _SHOCKS),
    *(f"after {goal}" for goal in ("max_income", "max_lending", "min_cost")),
    *("no law", "a channel closed by law", "a window of P2P", "recourse", "one period"),
    *("P2P passed through", "weeks", "a floating line"),
)


def deal_features(trial: DealTrial, run: DealRun) -> Counter[str]:
    """The features of :data:`DEAL_FEATURES` that a deal has, once each."""
    found = {f"loans {trial.kind}", *_of_steps(run), *_of_terms(trial)}
    found |= {f"reached: {name}" for name in _reached(trial, run)}
    found |= {f"edge: {name}" for name in _edges(trial, run)}
    return Counter(found)


def _of_steps(run: DealRun) -> Iterator[str]:
    """Actions that moved something, and limits of steps that did."""
    assert run.trace is not None
    lines = run.deal.spec.lines
    for step in run.deal.steps:
        if not (run.trace[2, step.row] > 0.0).any():
            continue
        spec = step.spec
        yield f"step {spec.pay}"
        for name in ("amount", "up_to", "keep", "when"):
            if getattr(spec, name) is not None:
                yield f"limit {name}"
        told = {"share": spec.share < 1.0, "by schedule": spec.by == "schedule"}
        told |= {"in order": spec.split == "in order", "pro rata": spec.split == "pro rata"}
        told["several sources"] = len(spec.sources) > 1
        told["a line as source"] = any(name in lines for name in spec.sources)
        yield from (f"limit {name}" for name, has in told.items() if has)


def _of_terms(trial: DealTrial) -> Iterator[str]:
    spec = trial.spec
    yield f"day count {spec.day_count}"
    for each in spec.tranches.values():
        yield f"class {each.kind}"
    for hedge in spec.hedges.values():
        yield f"hedge {hedge.kind}"
    tests = [trigger.test for trigger in spec.triggers.values()]
    yield from (f"trigger on {name}" for name, text in TESTS.items() if text in tests)


def _reached(trial: DealTrial, run: DealRun) -> Iterator[str]:
    spec, on, phase = trial.spec, run.tripped.astype(np.int64), run.phase
    ends = np.diff(on, axis=0) < 0
    late = [x for x, each in enumerate(spec.triggers.values()) if each.when == "after payments"]
    tests = [row for row, each in enumerate(spec.phases) if each.when is not None]
    owed, balance = run.of("owed"), run.of("balance")
    off = run.of("written_off")
    debt = [j for j, each in enumerate(spec.tranches.values()) if each.kind != "equity"]
    told = {
        "a trigger trips": on.any(),
        "a trigger is cured": ends.any(),
        "a trigger after payments trips": on[:, late].any(),
        "an early phase by a test": np.isin(phase, tests).any(),
        "a phase that ends again": (np.diff(phase, axis=0) < 0).any(),
        "a call is made": (run.called > 0).any(),
        "a line is drawn": run.of("line_drawn").any(),
        "a line is repaid": run.of("line_paid").any(),
        "interest is short": (owed > 1e-6).any(),
        "interest is caught up": ((owed[:, :, :-1] > 1e-6) & (owed[:, :, 1:] < 1e-9)).any(),
        "a fee is short": (run.fee_owed > 1e-6).any(),
        "a class is written off": off.any(),
        "a class is written up": run.of("written_up").any(),
        "a class accretes": run.of("accreted").any(),
        "the senior is written off": (off[:, 0] > 0.0).any(),
        "all is repaid": (balance[:, debt].sum(axis=1) <= 1e-9).any() and (run.original > 0).any(),
        "loans are bought": run.of("purchases").any(),
        "a hedge pays": run.of("hedge_received").any(),
        "a hedge is paid": run.of("hedge_paid").any(),
        "a price off par": spec.assets.price != 1.0 and run.of("purchases").any(),
        "loans go back to the seller": trial.kind == "loans" and bool(
            getattr(run.assets, "left", None) and any(run.assets.left)),
        "an available-funds cap binds": any(
            each.available_cap is not None for each in spec.tranches.values()),
    }  # fmt: skip
    fails = trial.around.originator_fails
    told["the originator fails"] = fails is not None and (fails > 0).any()
    told |= _short(run)
    yield from (name for name, has in told.items() if has)


def _short(run: DealRun) -> dict[str, bool]:
    """Lines that owe more than they are paid; a reserve that pays something else than itself."""
    assert run.trace is not None
    due, _, paid = run.trace
    lines = [step.row for step in run.deal.steps if step.spec.pay == "line"]
    uses = [
        step.row
        for step in run.deal.steps
        if "reserve" in step.spec.sources and step.spec.pay in ("fee", "interest", "hedge")
    ]
    return {
        "a line is short": bool((due[lines] - paid[lines] > 1e-6).any()),
        "the reserve is used": bool(
            "reserve" in run.deal.accounts and uses and (paid[uses] > 0.0).any()
            and (np.diff(run.cash[:, run.deal.accounts.index("reserve")], axis=0) < 0).any()),
    }  # fmt: skip


def _edges(trial: DealTrial, run: DealRun) -> Iterator[str]:
    spec, levels = trial.spec, next(iter(trial.around.indices.values()))
    coupons = [each.coupon for each in spec.tranches.values()
               if each.kind in ("fixed", "accrual")]  # fmt: skip
    start = run.pool_start
    gone = run.of("default").max(axis=1) if len(run.deal.years) else start
    told: dict[str, Any] = {
        "one period": len(trial.grid) == 1,
        "no loans": (start <= 0.0).any(),
        "all defaults at once": ((start > 0.0) & (gone >= start * (1 - 1e-9))).any(),
        "a single class": sum(each.kind != "equity" for each in spec.tranches.values()) == 1,
        "no equity": all(each.kind != "equity" for each in spec.tranches.values()),
        "a coupon of 100%": 1.0 in coupons,
        "a coupon of 0": 0.0 in coupons,
        "an index below 0": (levels < 0.0).any(),
        "an index of 100%": (levels >= 1.0).any(),
        "a line of nothing": any(each.commitment == 0.0 for each in spec.lines.values()),
        "payment dates apart": not run.deal.calendar.pays.all(),
        "steps between payment dates": bool(spec.settlement.steps),
        "whole cents": spec.cents,
        "days as periods": trial.grid.frequency == "day",
        "weeks as periods": trial.grid.frequency == "week",
        "a settlement delay": spec.settlement.delay_days > 0,
        "a first payment date": spec.settlement.first_payment is not None,
        "a legal end": spec.legal_end is not None,
    }
    yield from (name for name, has in told.items() if has)


def plan_features(trial: PlanTrial, ended: str) -> Counter[str]:
    """The features of :data:`PLAN_FEATURES` that a plan has, once each."""
    changes, found = trial.changes, {ended}
    found |= {name for name in _CHANNELS if changes.get(name)}
    found |= {f"policy {name}" for name in _POLICIES if changes.get(f"plan.{name}")}
    lines = changes["lenders"]
    found |= {f"covenant {x['kind']}" for line in lines for x in line.get("covenants", ())}
    found |= {f"shock {x.kind}" for world in changes["scenarios"].values() for x in world.shocks}
    found.add(f"after {changes['plan.objective']}")
    p2p = changes["p2p"] or {}
    told = {
        "no law": trial.regime is None,
        "a channel closed by law": trial.regime is not None and bool(trial.regime.closed),
        "a window of P2P": "open_from" in p2p,
        "P2P passed through": p2p.get("mode") == "pass_through",
        "recourse": any(x.get("recourse") for x in changes["buyers"]),
        "one period": changes["plan.periods"] == 1,
        "weeks": changes.get("plan.frequency") == "week",
        "a floating line": any(line["floating"] for line in lines),
    }
    return Counter(found | {name for name, has in told.items() if has})
