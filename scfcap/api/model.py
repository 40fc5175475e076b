"""A loaded model, whose stations follow the money."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from scfcap.axes import SECURITIZATION, place
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.report.files import manifest
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.load import LoadedModel, load_model
from scfcap.schema.model import Model as ModelSpec
from scfcap.schema.tape import TapeSpec

if TYPE_CHECKING:
    from scfcap.api.run import Run
    from scfcap.cashflow.backtest import Backtest
    from scfcap.cashflow.cohorts import CohortFactors, NewLoans
    from scfcap.cashflow.distribution import Distribution
    from scfcap.cashflow.explain import LoanExplanation
    from scfcap.cashflow.holiday import Holiday
    from scfcap.cashflow.orders import OrderCashflow
    from scfcap.cashflow.paths import Draw, ScenarioSet
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.credit.curves import CurveSet
    from scfcap.credit.exposure import Exposures
    from scfcap.credit.factors import Paths
    from scfcap.credit.fit import Fit
    from scfcap.deal.waterfall import DealResult
    from scfcap.funding.inputs import Inputs
    from scfcap.funding.plan import Plan
    from scfcap.pool.orders import OrderBook
    from scfcap.pool.snapshot import Pool
    from scfcap.report.credit import CreditReport
    from scfcap.report.pool import PoolReport
    from scfcap.report.projection import ProjectionReport
    from scfcap.report.quality import Quality
    from scfcap.report.watch import WatchReport
    from scfcap.schema.lives import LivesSpec
    from scfcap.schema.warning import Threshold
    from scfcap.synthetic.lives import Lives
    from scfcap.tape.history import History
    from scfcap.tape.rollforward import RollForward
    from scfcap.tape.schema import Tape

_T = TypeVar("_T")
Progress = Callable[[str], None]


def load(
    path: str | Path,
    *,
    overrides: Sequence[str] | Mapping[str, object] = (),
    tape: str | Path | None = None,
) -> Model:
    """Load a model folder, its ``model.toml``, or a shipped model by name.

    ``overrides`` are the command line's ``FIELD=VALUE`` texts, or a mapping such as
    ``{"lenders.bank-a.limit": 0}``. ``tape`` is a file, or a folder, to use instead of the
    model's own tape. Raises :class:`~scfcap.errors.InputError` with every problem found.
    """
    texts = (
        tuple(f"{key}={_toml(value)}" for key, value in overrides.items())
        if isinstance(overrides, Mapping)
        else tuple(overrides)
    )
    return Model(load_model(path, texts), tape_path=None if tape is None else Path(tape))


def _once(station: Callable[[Model], _T]) -> Callable[[Model], _T]:
    """Compute a station on its first call and keep its result."""
    name = station.__name__

    @wraps(station)
    def kept(model: Model) -> _T:
        if name not in model._kept:
            model._kept[name] = station(model)
        result: _T = model._kept[name]
        return result

    return kept


class Model:
    """A loaded model. Each station is a method, computed on its first call and kept."""

    def __init__(self, loaded: LoadedModel, tape_path: Path | None = None) -> None:
        self.loaded = loaded
        self.tape_path = tape_path
        self._kept: dict[str, Any] = {}

    def given(self, **stations: object) -> Model:
        """The same model with what these stations, such as ``pool``, would compute."""
        other = Model(self.loaded, self.tape_path)
        other._kept.update(stations)
        return other

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.loaded.spec.name

    @cached_property
    def spec(self) -> ModelSpec:
        """The model with its funding set scaled to the book.

        Where the model says ``stated_for_book``, every amount of the funding set is multiplied
        by the pool's outstanding balance over it.
        """
        stated = self.loaded.spec.stated_for_book
        if not stated:
            return self.loaded.spec
        return self.loaded.spec.scaled(self.pool().total / stated)

    @_once
    def tape(self) -> Tape:
        """The checked loan tape."""
        return self._read(self.loaded.spec.tape)

    @_once
    def history(self) -> History:
        """What the loans did month by month. Raises InputError where ``[history]`` is absent."""
        from scfcap.tape.performance import read_performance

        spec, lives = self.loaded.spec, self.lives()
        if spec.history is None and lives is not None:
            return lives.history()
        if spec.history is None:
            raise InputError(
                Problem(
                    "model.toml: history",
                    "nothing",
                    "a table [history] that says where the loans' performance is",
                )
            )
        return read_performance(
            spec.history,
            None if spec.history.kind == "tapes" else self.tape(),
            folder=self.loaded.tape_folder,
            path=self.tape_path,
            as_of=spec.as_of,
            mapping=spec.tape,
        )

    @_once
    def lives(self) -> Lives | None:
        """The simulated platform, where the tape comes from one (``source = "lives"``)."""
        spec = self.loaded.spec
        if self.tape_path is not None or spec.tape.source != "lives" or spec.tape.lives is None:
            return None
        from scfcap.synthetic.lives import simulate

        return simulate(spec.tape.lives, spec.as_of)

    @property
    def has_history(self) -> bool:
        """Whether the model tells what its loans did."""
        return self.loaded.spec.history is not None or self.loaded.spec.tape.source == "lives"

    def backtest(self, until: str | date) -> Backtest:
        """Fit on the history up to a month (``2019-02``, or a day of it), predict what follows.

        The calibration is by segment, and by what ``history.keep`` names if it has few values.
        """
        from scfcap.cashflow.backtest import backtest, labelling

        history, spec = self.history(), self.loaded.spec
        kept = spec.history.keep if spec.history is not None else ()
        by = labelling(history, kept)
        days = spec.history.default_days if spec.history is not None else None
        return backtest(history, month_given(until), by, spec.credit, default_days=days)

    def payment_holiday(self, first: str | date, last: str | date) -> Holiday:
        """Share of loans that paid nothing in the months from ``first`` to ``last``, as days of
        outage.
        """
        from scfcap.cashflow.holiday import payment_holiday

        return payment_holiday(self.history(), month_given(first), month_given(last))

    @_once
    def pool(self) -> Pool:
        """The outstanding loans, and what may go where."""
        from scfcap.pool.build import Around, build_pool

        spec = self.loaded.spec
        pool = build_pool(self.tape(), spec.pool, Around.of(spec, self.loaded.tape_folder))
        if spec.orders is None:
            return pool
        from scfcap.pool.orders import order_book

        book = order_book(pool, self.tape(), spec.orders)
        self._kept["orders"] = book
        return replace(pool, payers=book.payers(len(pool), spec.orders))

    def orders(self) -> OrderBook | None:
        """Open orders, and how their buyers pay; None where the model has no ``[orders]``."""
        self.pool()
        return self._kept.get("orders")

    def pool_report(self) -> PoolReport:
        """The pool's tables, borrowing bases and snapshot, to show and to save."""
        from scfcap.report.pool import PoolReport

        origin = manifest(self.provenance(self.tape()), {})
        return PoolReport(self.loaded, self.tape(), self.pool(), origin)

    @_once
    def watch(self) -> WatchReport:
        """Early warnings: the lights as they stand, and each indicator by month."""
        from scfcap.pool.lights import now
        from scfcap.pool.watch import observed
        from scfcap.report.watch import WatchReport

        spec = self.loaded.spec
        told = spec.history is not None or self.lives() is not None
        series, missing = observed(self.history() if told else None, self.tape(), spec)
        origin = manifest(self.provenance(self.tape()), {})
        lights = now(series, spec.warning, missing)
        return WatchReport(self.loaded, lights, series, origin)

    def warning_thresholds(self) -> dict[str, Threshold]:
        """Thresholds set on synthetic platforms; see :func:`scfcap.synthetic.alarms.calibrate`."""
        from scfcap.synthetic.alarms import calibrate

        spec = self.loaded.spec
        return calibrate(spec.warning, self._kind_of_lives(), spec.as_of)

    def _kind_of_lives(self) -> LivesSpec:
        """What the synthetic platforms are like on which warnings are tested: as the model's."""
        from scfcap.schema.lives import LivesSpec

        spec = self.loaded.spec
        return spec.tape.lives or LivesSpec(loans=spec.warning.measure.loans, seed=0)

    @_once
    def warning_value(self) -> pd.DataFrame:
        """What the thresholds of ``[warning]`` are worth, on synthetic platforms.

        See :func:`scfcap.synthetic.alarms.measure`.
        """
        from scfcap.synthetic.alarms import measure

        spec = self.loaded.spec
        return measure(spec.warning, self._kind_of_lives(), spec.as_of)

    @_once
    def credit(self) -> tuple[dict[str, SegmentCredit], pd.DataFrame]:
        """Credit behaviour by segment, and where each figure comes from."""
        from scfcap.credit.estimate import with_rules

        curves, table = self._behaviour()
        return curves, with_rules(table, self.loaded.spec.credit.where)

    def _behaviour(self) -> tuple[dict[str, SegmentCredit], pd.DataFrame]:
        """Credit behaviour by segment alone, and where each figure comes from."""
        from scfcap.credit.estimate import as_stated, estimate
        from scfcap.tape.read import read_history

        spec = self.loaded.spec.credit
        if spec.source == "stated":
            return as_stated(spec)
        if spec.source == "history":
            return self.fit().curves, self.fit().table
        history = None
        if spec.source == "estimated" and spec.history is not None:
            history = read_history(
                spec.history, folder=self.loaded.tape_folder, path=self.tape_path
            )
        return estimate(spec, self.tape(), history)

    @_once
    def fit(self) -> Fit:
        """Curves from the performance history, with every table behind them."""
        from scfcap.credit.fit import fit

        spec = self.loaded.spec
        days = spec.history.default_days if spec.history is not None else None
        per_year = PeriodGrid.build(spec.as_of, 1, spec.plan.frequency).per_year
        return fit(self.history(), spec.credit, default_days=days, per_year=round(per_year))

    def credit_report(self, until: str | date | None = None) -> CreditReport:
        """Curves to show, to save and to write into the model; ``until`` adds a back-test."""
        from scfcap.credit.doubts import doubts
        from scfcap.report.credit import CreditReport

        curves, table = self.credit()
        source = self.loaded.spec.credit.source
        tested = None if until is None else self.backtest(until)
        said = {
            "stated": "the model",
            "estimated": "outcomes and closed loans",
            "history": "the history " + (self.history().source if source == "history" else ""),
        }
        return CreditReport(
            model=self.loaded,
            curves=curves,
            table=table,
            source=said[source].strip(),
            origin=manifest(self.provenance(None if source == "stated" else self.tape()), {}),
            found=self.fit().tables if source == "history" else {},
            backtest={} if tested is None else tested.tables(),
            verdict="" if tested is None else tested.verdict,
            doubts=doubts(self.history(), self.loaded.spec.history) if source == "history" else (),
        )

    @_once
    def curves(self) -> CurveSet:
        """Default, prepayment and loss by scenario, segment and period of the plan."""
        from scfcap.api.projecting import curves_over

        return curves_over(self, self.grid)

    @_once
    def projection_curves(self) -> CurveSet:
        """The same by period of the projection: see :attr:`projection_grid`."""
        from scfcap.api.projecting import curves_over

        grid = self.projection_grid
        return self.curves() if grid == self.grid else curves_over(self, grid)

    @_once
    def exposures(self) -> Exposures:
        """What the outstanding loans owe to core enterprises, named or among the largest."""
        from scfcap.credit.exposure import measure
        from scfcap.credit.stress import names_cores

        frame = self.tape().frame
        gone = frame["status"].isin(["repaid", "charged_off"]).to_numpy()
        return measure(frame[~gone], self.pool().segments, named=names_cores(self.spec.scenarios))

    def paths(self, count: int = 2000, seed: int = 0) -> Paths:
        """Monte Carlo paths over the horizon: borrowers, core enterprises, funders, outages.

        Drawn as ``[factors]`` says. A path depends on the seed and its number alone.
        """
        horizon = self.grid.extended(self.spec.plan.periods)
        return self._draw(seed).paths(self.curves(), horizon, count)

    def scenario_set(
        self,
        keep: int = 50,
        *,
        count: int = 2000,
        seed: int = 0,
        named: Mapping[str, float] | None = None,
    ) -> ScenarioSet:
        """``keep`` weighted paths that stand for ``count``, and scenarios ``named`` by weight."""
        from scfcap.cashflow.paths import Stakes, scenario_set

        spec = self.spec
        lines = {lender.name: lender.limit for lender in spec.lenders}
        notes = 0.0 if spec.p2p is None else spec.p2p.limit
        series = 0.0 if spec.securitization is None else spec.securitization.programme_limit
        stakes = Stakes(lines, notes, sum(lines.values()) + notes + series)
        return scenario_set(
            self.pool(),
            self.curves(),
            self._draw(seed),
            stakes,
            keep=keep,
            count=count,
            horizon=spec.plan.periods,
            named=named,
        )

    def _draw(self, seed: int) -> Draw:
        from scfcap.cashflow.paths import Draw

        lenders = tuple(lender.name for lender in self.spec.lenders)
        return Draw(self.spec.factors, seed, self.exposures(), lenders)

    @_once
    def cashflow(self) -> PoolCashflow:
        """The pool's cash flows in each scenario."""
        from scfcap.cashflow.project import project

        return project(self.pool(), self.projection_curves())

    @_once
    def lock_box(self) -> OrderCashflow | None:
        """What buyers pay in each scenario, to loans and to sellers; None without ``[orders]``."""
        from scfcap.cashflow.orders import project_orders

        pool = self.pool()
        return None if pool.payers is None else project_orders(pool, self.projection_curves())

    def order_tables(self, scenarios: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
        """Orders, buyers and lock-box (of ``scenarios``, else all); none without ``[orders]``."""
        book, paid = self.orders(), self.lock_box()
        if book is None or paid is None:
            return {}
        return {
            "orders": book.table,
            "buyers": book.buyers.to_frame(),
            "lock_box": paid.to_frame(scenarios),
        }

    def distribution(
        self, count: int = 2000, seed: int = 0, tell: Callable[[int], object] | None = None
    ) -> Distribution:
        """The pool's cash flows over ``count`` Monte Carlo paths, drawn as ``[factors]`` says.

        ``tell`` hears how many are done.
        """
        from scfcap.api.projecting import drawn_over
        from scfcap.cashflow.distribution import distribution

        curves, factors = drawn_over(self, self.projection_curves())
        draw = replace(self._draw(seed), spec=factors)
        return distribution(self.pool(), curves, draw, count, tell)

    def explain(self, loan_id: str, scenario: str | None = None) -> LoanExplanation:
        """Every figure of one loan, in ``scenario`` (else the plan's): formula and numbers."""
        from scfcap.cashflow.explain import explain

        return explain(
            *(self.pool(), self.projection_curves(), loan_id),
            scenario or self.loaded.spec.plan.scenario,
        )

    def projection(
        self,
        scenarios: Sequence[str] = (),
        *,
        cashflow: PoolCashflow | None = None,
        distribution: Distribution | None = None,
    ) -> ProjectionReport:
        """Cash flows in ``scenarios`` (all, if none is named), to show and to save.

        ``cashflow`` is taken where it was computed elsewhere, ``distribution`` is shown with it.
        """
        from scfcap.api.stored import stored_inputs
        from scfcap.report.projection import ProjectionReport

        whole = cashflow or self.cashflow()
        return ProjectionReport(
            model=self.loaded,
            cashflow=whole.chosen(scenarios) if scenarios else whole,
            credit=self.credit()[1],
            origin=manifest(self._read_or_not(whole=cashflow is None), {}),
            distribution=distribution,
            base=None if distribution is None else whole.chosen(("base",)),
            extra=stored_inputs(self) if cashflow is None else {},
            orders=self.order_tables(scenarios) if cashflow is None else {},
        )

    @_once
    def new_loans(self) -> dict[str, NewLoans]:
        """What new loans look like, by segment; where buyers pay orders, new ones too."""
        from scfcap.cashflow.cohorts import new_loans
        from scfcap.cashflow.orders import new_orders, paid_by_any

        pool = self.pool()
        place = {name: k for k, name in enumerate(pool.segments)}
        made = {
            name: new_loans(
                demand.new_loans,
                pool,
                place.get(name, len(place)),
                contract=self.spec.contract.get(name),
            )
            for name, demand in self.spec.demand.items()
        }
        book, spec = self.orders(), self.loaded.spec.orders
        if book is None or spec is None:
            return made
        buyers = book.buyers
        return {
            name: paid_by_any(
                each,
                buyers,
                spec.parts,
                new_orders(pool, place.get(name, len(place)), spec, buyers),
            )
            for name, each in made.items()
        }

    @_once
    def factors(self) -> CohortFactors:
        """Cash flows of one unit of principal, by cohort."""
        from scfcap.cashflow.cohorts import cohort_factors

        curves = self.curves().planned()
        return cohort_factors(self.pool(), curves, self.new_loans(), self.spec.plan.periods)

    @_once
    def deals(self) -> dict[str, DealResult]:
        """Each outstanding series alone, all its cash reinvested, by name."""
        vehicle = self.spec.securitization
        if vehicle is None:
            return {}
        from scfcap.deal.accounts import opening_state
        from scfcap.deal.revolving import run_revolving

        factors = self.factors()
        return {
            series.name: run_revolving(
                vehicle,
                opening_state(vehicle, series, self._held_by(series.name), factors.grid),
                factors,
            )
            for series in vehicle.series
        }

    def _held_by(self, series: str) -> float:
        """Principal that the tape places in a series [currency]."""
        pool, key = self.pool(), place(SECURITIZATION, series)
        held = pool.place == pool.places.index(key) if key in pool.places else False
        return float(pool.balance.sum(where=held))

    @_once
    def inputs(self) -> Inputs:
        """The funding program's inputs."""
        from scfcap.funding.gather import build_inputs

        return build_inputs(
            self.spec, self.loaded.regime, self.pool(), self.factors(), self.curves().planned()
        )

    @_once
    def plan(self) -> Plan:
        """The funding plan.

        Raises :class:`~scfcap.errors.InfeasibleError` if no plan keeps all limits.
        """
        from scfcap.funding.plan import solve_plan
        from scfcap.funding.replay import Engine

        engine = Engine(self.pool(), self.curves().planned(), self.new_loans())
        return solve_plan(self.inputs(), engine)

    def check(self, before: tuple[str | Path, date] | None = None) -> Quality:
        """Read the tape and say what is wrong with it; then try all that comes before the plan.

        ``before``, an earlier tape and its day, adds what became of its loans.

        Bad rows never raise here; everything else that makes the model unusable does.
        """
        from scfcap.pool.closed_days import unpublished_days
        from scfcap.report.quality import Quality
        from scfcap.tape.checks import RejectedRows

        limit = self.loaded.spec.tape.reject_limit
        try:
            tape = self._read(self.loaded.spec.tape.model_copy(update={"reject_limit": 1.0}))
        except RejectedRows as error:  # not one row is left
            found = (error.findings, error.rejects, error.reasons)
            origin = manifest(self.provenance(None), {})
            return Quality(self.loaded, origin, *found, len(error.rejects), limit)
        rows = len(tape.frame) + len(tape.rejects)
        origin = manifest(self.provenance(tape), {})
        found = (tape.findings, tape.rejects, tape.reasons)
        quality = Quality(self.loaded, origin, *found, rows, limit, tape)
        if not quality.refused:
            self._kept["tape"] = tape
            self.deals()
            self.inputs()
            quality = replace(quality, notes=unpublished_days(self.pool()))
            if before is not None:
                return replace(quality, moved=self.roll_forward(*before))
        return quality

    def roll_forward(self, before: str | Path, on: date) -> RollForward:
        """What became of the loans of an earlier tape, as it stood at the end of day ``on``.

        Read with the model's own mapping. Raises :class:`~scfcap.errors.InputError`.
        """
        from scfcap.tape.read import read_tape
        from scfcap.tape.rollforward import roll_forward

        loaded = self.loaded
        earlier = read_tape(
            loaded.spec.tape, as_of=on, folder=loaded.tape_folder, path=Path(before)
        )
        return roll_forward(earlier, self.tape())

    def run(self, progress: Progress | None = None) -> Run:
        """Every station in turn; ``progress`` is told the name of each as it begins."""
        seconds: dict[str, float] = {}
        stations: dict[str, Callable[[], object]] = {
            "tape": self.tape,
            "pool": self.pool,
            "credit": self.curves,
            "cash flows": self.cashflow,
            "cohorts": self.factors,
            "deals": self.deals,
            "plan": self.plan,
        }
        for name, station in stations.items():
            if progress is not None:
                progress(name)
            started = time.perf_counter()
            station()
            seconds[name] = time.perf_counter() - started
        from scfcap.api.run import Run

        return Run(self, seconds)

    def provenance(self, tape: Tape | None) -> dict[str, Any]:
        """What went in: model, files, digests (SHA-256), seed, overrides."""
        spec, loaded = self.loaded.spec, self.loaded
        return {
            "model": spec.name,
            "as_of": spec.as_of.isoformat(),
            "files": [path.name for path in loaded.files],
            "digests": {"model": loaded.digest, "tape": None if tape is None else tape.digest},
            "seed": getattr(getattr(spec.tape, spec.tape.source, None), "seed", None),
            "overrides": list(loaded.overrides),
            "tape": None if self.tape_path is None else self.tape_path.name,
        }

    def _read_or_not(self, *, whole: bool) -> dict[str, Any]:
        """Provenance; of a tape that was read in chunks the digest of what its footers say."""
        if whole or "tape" in self._kept:
            return self.provenance(self.tape())
        from scfcap.tape.read import partitioned

        said = self.provenance(None)
        data = partitioned(self.loaded.spec.tape, self.loaded.tape_folder, self.tape_path)
        if data is not None:
            said["digests"]["tape"] = f"footers {data.digest}"
        return said

    def _read(self, spec: TapeSpec) -> Tape:
        from scfcap.tape.read import read_tape

        return read_tape(
            spec,
            as_of=self.loaded.spec.as_of,
            folder=self.loaded.tape_folder,
            path=self.tape_path,
            frame=self._generated(),
        )

    def _generated(self) -> pd.DataFrame | None:
        spec, lives = self.loaded.spec, self.lives()
        if lives is not None:
            from scfcap.synthetic.lives import held_tape

            return held_tape(lives, spec)
        if self.tape_path is not None or spec.tape.source != "platform":
            return None
        from scfcap.synthetic.platform import generate

        assert spec.tape.platform is not None
        return generate(spec.tape.platform, spec)

    @cached_property
    def grid(self) -> PeriodGrid:
        """Periods of the plan, and after them those in which the last loan is still running."""
        from scfcap.api.projecting import plan_grid

        return plan_grid(self)

    @cached_property
    def projection_grid(self) -> PeriodGrid:
        """Periods of the projection, of which the plan and its deals take no notice."""
        from scfcap.api.projecting import projection_grid

        return projection_grid(self)


def _toml(value: object) -> str:
    """A Python value as ``--set`` takes it."""
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def month_given(value: str | date) -> date:
    """A day of the month that a user names as ``2019-02``. Raises :class:`InputError`."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if len(value) > 7 else f"{value}-01")
    except ValueError:
        raise InputError(Problem("month", repr(value), "a month such as 2019-02")) from None
