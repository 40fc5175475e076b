"""Random deals on random loans in random scenarios, and random plans: what must hold of each.

    make fuzz-deals
    python benchmarks/campaigns/deals.py --cases 1000 --plans 20 --seed 7
    python benchmarks/campaigns/deals.py --only 7/123          # one deal again, made smaller

A case is one deal on one pool in one scenario. Each trial is made of its seed and number alone, so
that a failure is found again by them. What was tried is counted by feature: a feature that no
trial reached is printed as untried, and the run ends with 1, as it does after a failure.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from deals_features import DEAL_FEATURES, PLAN_FEATURES, deal_features, plan_features
from record import keep

from scfcap.errors import InfeasibleError
from scfcap.testing import (
    DealTrial,
    Seeded,
    any_plan,
    any_trial,
    assert_books_balance,
    assert_caps_held,
    assert_deal_holds,
    assert_duals_strong,
    assert_limits_kept,
    assert_plan_holds,
    assert_relaxation_mends,
    assert_replay_agrees,
    assert_sources_are_uses,
    audit_words,
    shrunk,
)

#: Scenarios of a deal: the axis that the engine runs at once.
SCENARIOS = 24
#: Trials that a process is given at a time.
_BATCH = 20
#: Offset of the numbers of plans, so that none has the dice of a deal.
_PLANS = 1_000_000_000


@dataclass
class Found:
    """What trials found: cases and features tried, how plans ended, failures by trial."""

    trials: int = 0
    cases: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, other: Found) -> None:
        """Take in what another found."""
        self.trials += other.trials
        self.cases += other.cases
        self.seen.update(other.seen)
        self.failures.update(other.failures)


def check_deal(trial: DealTrial) -> Counter[str]:
    """Run a deal and check all of it; gives what it reached.

    One scenario is run once more alone: scenarios do not touch each other.
    """
    run = trial.run(trace=True, watch=audit_words(trial.spec))
    assert_deal_holds(run)
    k = int(run.phase.sum()) % trial.count
    alone = trial.run(np.array([k], dtype=np.int64))
    for name in ("balance", "interest_paid", "principal"):
        gap = np.abs(alone.of(name)[0] - run.of(name)[k])
        size = 1e-9 * np.maximum(run.original[:, k : k + 1], 1.0)
        if (gap > size).any():
            msg = f"scenario {run.scenarios[k]} alone pays other {name}, by {gap.max():.9g}"
            raise AssertionError(msg)
    return deal_features(trial, run)


def try_deal(number: int, seed: int, scenarios: int = SCENARIOS) -> Found:
    """The deal of a number."""
    found = Found(trials=1, cases=scenarios)
    with failing(found, f"deal {seed}/{number}"):
        found.seen.update(check_deal(any_trial(Seeded(seed, number), scenarios)))
    return found


def try_plan(number: int, seed: int) -> Found:
    """The plan of a number: solved, replayed, proved; or explained, and mended as told."""
    found = Found(trials=1, cases=1)
    with failing(found, f"plan {seed}/{number}"):
        trial = any_plan(Seeded(seed, _PLANS + number))
        made = trial.platform()
        try:
            plan = trial.solve()
        except InfeasibleError as error:
            assert_relaxation_mends(made.inputs, error)
            ended = "infeasible, mended as told" if error.relaxations else "infeasible by law"
        else:
            assert_plan_holds(plan, made.engine)
            ended = "optimal"
        found.seen.update(plan_features(trial, ended))
        if trial.weights and ended == "optimal":
            found.cases += 1
            found.seen.update(_several(trial))
    return found


def _several(trial) -> Iterable[str]:
    """The plan over several scenarios, each of them checked."""
    try:
        plan = trial.solve_all()
    except InfeasibleError:
        return ["several scenarios: infeasible"]
    assert_duals_strong(plan.solution)
    for each in plan.optima.values():
        assert_sources_are_uses(each)
        assert_books_balance(each)
        assert_replay_agrees(each)
        assert_limits_kept(each)
        assert_caps_held(each)
    return ["several scenarios: optimal"]


class failing:  # noqa: N801
    """Notes what a trial raises, whatever it is, and goes on."""

    def __init__(self, found: Found, name: str) -> None:
        self.found, self.name = found, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, trace) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        self.found.failures[self.name] = told(error)
        return True


def told(error: BaseException) -> str:
    """An error with the place in the package that raised it."""
    places = [x for x in traceback.extract_tb(error.__traceback__) if "scfcap" in x.filename]
    where = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "?"
    return f"{type(error).__name__} at {where}: {error}"


def _batch(tried: Callable[[int], Found], numbers: range) -> Found:
    found = Found()
    for number in numbers:
        found.add(tried(number))
    return found


def campaign(
    tried: Callable[[int], Found], count: int, workers: int, seconds: float, say: str
) -> Found:
    """``count`` trials over processes, or as many as there is time for."""
    found, started, told_at = Found(), time.monotonic(), 0.0
    for part in _parts(tried, count, workers):
        found.add(part)
        spent = time.monotonic() - started
        for name, what in part.failures.items():
            print(f"{name}: {what}", flush=True)
        if spent - told_at > 15.0 or found.trials == count:
            told_at = spent
            print(f"{say}: {found.trials:,} of {count:,}, {found.cases:,} cases, "
                  f"{len(found.failures)} failures, {spent:,.0f} s", flush=True)  # fmt: skip
        if spent > seconds:
            break
    return found


def _parts(tried: Callable[[int], Found], count: int, workers: int) -> Iterator[Found]:
    batches = [range(k, min(k + _BATCH, count)) for k in range(0, count, _BATCH)]
    if workers <= 1:
        yield from (_batch(tried, numbers) for numbers in batches)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            yield from pool.map(partial(_batch, tried), batches)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def again(text: str, scenarios: int) -> int:
    """One deal once more, and the smallest like it that fails in the same way."""
    seed, number = map(int, text.split("/"))
    trial = any_trial(Seeded(seed, number), scenarios)

    def wrong(each: DealTrial) -> str:
        try:
            check_deal(each)
        except Exception as error:
            return re.sub(r"\d[\d.e+-]*|'[^']*'", "#", told(error).split(": ")[-2])
        return ""

    what = wrong(trial)
    if not what:
        print(f"deal {text} holds")
        return 0
    small = shrunk(trial, lambda each: wrong(each) == what)
    with failing(found := Found(), text):
        check_deal(small)
    print(found.failures[text])
    print(small.spec.model_dump_json(by_alias=True, exclude_defaults=True, indent=1))
    print(f"loans: {small.kind}; {len(small.grid)} periods by the {small.grid.frequency}; "
          f"{small.count} scenario{'s' * (small.count > 1)}")  # fmt: skip
    return 1


def report(deals: Found, plans: Found, command: str, seconds: float, *, write: bool) -> int:
    """Write the tables where asked to, print what is untried; gives the exit code."""
    untried = [name for name in DEAL_FEATURES if not deals.seen[name]]
    untried += [name for name in PLAN_FEATURES if not plans.seen[name]]
    rows = [
        ["deals", deals.trials, deals.cases, len(deals.failures)],
        ["plans", plans.trials, plans.cases, len(plans.failures)],
    ]
    heads = ["what", "distinct", "cases", "failures"]
    if write:
        keep("deals", "testing.md", command, heads, rows, seconds)
    counts = [[f"deal: {name}", deals.seen[name]] for name in DEAL_FEATURES]
    counts += [[f"plan: {name}", plans.seen[name]] for name in PLAN_FEATURES]
    note = "Left untried: " + (", ".join(untried) or "nothing") + "."
    if write:
        keep(
            "deals-coverage", "testing.md", command, ["feature", "trials"], counts, seconds, [note]
        )
    print(note)
    return int(bool(deals.failures or plans.failures or untried))


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000, help="deals times scenarios")
    parser.add_argument("--plans", type=int, default=600)
    parser.add_argument("--scenarios", type=int, default=SCENARIOS, help="of each deal")
    parser.add_argument("--seed", type=int, default=20131231)
    parser.add_argument("--seconds", type=float, default=7200.0, help="of each of the two parts")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dry", action="store_true", help="write no table")
    parser.add_argument("--only", metavar="SEED/NUMBER", help="one deal again, made smaller")
    told_by = parser.parse_args()
    if told_by.only:
        return again(told_by.only, told_by.scenarios)
    started = time.monotonic()
    deal = partial(try_deal, seed=told_by.seed, scenarios=told_by.scenarios)
    count = -(-told_by.cases // told_by.scenarios)
    deals = campaign(deal, count, told_by.workers, told_by.seconds, "deals")
    plan = partial(try_plan, seed=told_by.seed)
    plans = campaign(plan, told_by.plans, told_by.workers, told_by.seconds, "plans")
    command = "make fuzz-deals"
    if sys.argv[1:]:
        command = " ".join(["python benchmarks/campaigns/deals.py", *sys.argv[1:]])
    seconds = time.monotonic() - started
    return report(deals, plans, command, seconds, write=not told_by.dry)


if __name__ == "__main__":
    sys.exit(main())
