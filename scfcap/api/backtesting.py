"""The rolling back-test: plans made anew each period, and rivals, in worlds drawn apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

from scfcap.api.workers import held_back, pool
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.backtest_worlds import Ground
    from scfcap.api.model import Model
    from scfcap.funding.rolling.measures import Outcome
    from scfcap.report.backtest import BacktestReport

#: Kinds of worlds: paths of ``[factors]``; a named scenario at a random date on such a path; a
#: shock on it that none of the planner's scenarios holds.
FAMILIES = ("drawn", "named", "unforeseen")
#: What tells the seeds of what happens from those of what is planned for.
TRUTH, PLANNED = 1_000_000_007, 2_000_000_011
#: Scenarios that are planned for: the calm one and two paths at least.
LEAST, MOST = 3, 19
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Setting:
    """How a back-test is made.

    ``seeds`` worlds, shared out among ``families`` in turn; ``periods`` are carried out, each
    decision looks ``horizon`` periods ahead over ``scenarios`` scenarios.
    """

    seeds: int = 50
    families: tuple[str, ...] = FAMILIES
    periods: int = 6
    horizon: int = 6
    scenarios: int = 5
    drawn: int = 200
    seed: int = 0
    workers: int = 1

    def worlds(self) -> list[tuple[int, str]]:
        """Number and family of each world."""
        return list(enumerate(islice(cycle(self.families), self.seeds)))


def rolling_backtest(
    model: Model, setting: Setting | None = None, progress: Progress | None = None
) -> BacktestReport:
    """Carry the program and its rivals through worlds that they do not know, and compare them.

    Raises:
        InputError: fewer than two seeds, more periods than the plan has, a family that is not
            there, scenarios that do not fit, or periods that differ in length.
    """
    import time

    from scfcap.api.backtest_worlds import ground_of
    from scfcap.report.backtest import BacktestReport
    from scfcap.report.files import manifest

    setting = Setting() if setting is None else setting
    _check(model, setting)
    start = time.perf_counter()
    ground = ground_of(model, setting)
    ready = time.perf_counter()
    found: list[Outcome] = []
    for done, outcomes in enumerate(_runs(ground, setting), start=1):
        found += outcomes
        if progress is not None:
            progress(done, setting.seeds)
    found.sort(key=lambda x: x.seed)
    seconds = {"worlds known": ready - start, "seeds": time.perf_counter() - ready}
    return BacktestReport(
        model=model.name,
        currency=model.spec.currency,
        unit=ground.start.unit,
        net_capital=ground.start.net_capital * ground.start.unit,
        about={
            "seeds": setting.seeds,
            "families": list(setting.families),
            "periods": setting.periods,
            "horizon": setting.horizon,
            "scenarios": len(ground.weights),
            "drawn": setting.drawn,
            "seed": setting.seed,
        },
        frequency=model.spec.plan.unit,
        named=ground.names,
        outcomes=tuple(found),
        origin=manifest(model.provenance(model.tape()), seconds),
        seconds=seconds["seeds"],
    )


def _check(model: Model, setting: Setting) -> None:
    periods = model.spec.plan.periods
    problems = []
    if setting.seeds < 2:
        problems.append(
            Problem("seeds", f"{setting.seeds}", "two or more: intervals need a spread")
        )
    for name, value in (("periods", setting.periods), ("horizon", setting.horizon)):
        if not 1 <= value <= periods:
            action = f"Raise plan.periods, or ask for at most {periods}."
            problems.append(
                Problem(name, f"{value}", f"1 to {periods}, the plan's periods", action)
            )
    if not LEAST <= setting.scenarios <= MOST:
        problems.append(
            Problem(
                "scenarios",
                f"{setting.scenarios}",
                f"{LEAST} to {MOST}: the calm one, two paths or more, then named ones",
            )
        )
    if setting.drawn < setting.scenarios:
        problems.append(Problem("drawn", f"{setting.drawn}", "at least as many as scenarios"))
    if setting.workers < 1:
        problems.append(Problem("workers", f"{setting.workers}", "one or more"))
    unknown = [name for name in setting.families if name not in FAMILIES]
    if unknown or not setting.families:
        problems.append(
            Problem("family", ", ".join(unknown) or "none", f"of {', '.join(FAMILIES)}")
        )
    if "named" in setting.families and not _others(model):
        problems.append(
            Problem(
                "family",
                "named",
                "a scenario beside the plan's own",
                "Add one to [scenarios], or leave this family out.",
            )
        )
    if problems:
        raise InputError(problems)


def _others(model: Model) -> list[str]:
    """Named scenarios that are not the plan's own."""
    return [name for name in model.spec.scenarios if name != model.spec.plan.scenario]


def _runs(ground: Ground, setting: Setting) -> Iterator[Sequence[Outcome]]:
    """Outcomes of each world, as they are ready."""
    from scfcap.api.backtest_worlds import run_world

    if setting.workers == 1:
        for number, family in setting.worlds():
            yield run_world(ground, setting, number, family)
        return
    with pool(setting.workers, _begin, (ground, setting)) as processes:
        with held_back():
            waiting = [processes.submit(_world, *world) for world in setting.worlds()]
        for future in as_completed(waiting):
            yield future.result()


_KEPT: dict[str, tuple[Ground, Setting]] = {}


def _begin(ground: Ground, setting: Setting) -> None:
    """Keep in a process what all its worlds share."""
    _KEPT["here"] = (ground, setting)


def _world(number: int, family: str) -> Sequence[Outcome]:
    from scfcap.api.backtest_worlds import run_world

    ground, setting = _KEPT["here"]
    return run_world(ground, setting, number, family)
