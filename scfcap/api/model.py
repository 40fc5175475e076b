"""A loaded model, whose stations follow the money."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from scfcap.api import behaviour, drawing, planning, reports, sources
from scfcap.api.memory import exhausted, size_of
from scfcap.brief import Brief, Lines, listed, money
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.load import LoadedModel, load_model
from scfcap.schema.model import Model as ModelSpec

if TYPE_CHECKING:
    from scfcap.api.contingency import Contingencies
    from scfcap.api.edited_inputs import Taken
    from scfcap.api.run import Run
    from scfcap.api.sizing import DealStudy
    from scfcap.api.uncertain import Worlds
    from scfcap.cashflow.backtest import Backtest
    from scfcap.cashflow.cohorts import CohortFactors, NewLoans
    from scfcap.cashflow.distribution import Distribution
    from scfcap.cashflow.explain import LoanExplanation
    from scfcap.cashflow.holiday import Holiday
    from scfcap.cashflow.orders import OrderCashflow
    from scfcap.cashflow.paths import ScenarioSet
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.credit.curves import CurveSet
    from scfcap.credit.exposure import Exposures
    from scfcap.credit.factors import Paths
    from scfcap.credit.fit import Fit
    from scfcap.deal.class_figures import ClassFigures
    from scfcap.deal.outcome import DealRun
    from scfcap.deal.waterfall import DealResult
    from scfcap.funding.inputs import Inputs
    from scfcap.funding.plan import Plan
    from scfcap.pool.orders import OrderBook
    from scfcap.pool.snapshot import Pool
    from scfcap.report.allocation import AllocationReport
    from scfcap.report.charts import Picture
    from scfcap.report.credit import CreditReport
    from scfcap.report.deal import DealReport
    from scfcap.report.plan import PlanReport
    from scfcap.report.pool import PoolReport
    from scfcap.report.projection import ProjectionReport
    from scfcap.report.proposals import ProposalReport
    from scfcap.report.quality import Quality
    from scfcap.report.watch import WatchReport
    from scfcap.schema.borrowing import BorrowerCost
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
    inputs: str | Path | None = None,
) -> Model:
    """Load a model folder, its ``model.toml``, or a shipped model by name.

    ``overrides`` are the command line's ``FIELD=VALUE`` texts, or a mapping such as
    ``{"lenders.bank-a.limit": 0}``. ``tape`` is a file, or a folder, to use instead of the
    model's own tape, ``inputs`` a workbook of a run of this model, whose changed blue cells are
    taken as overrides. Raises :class:`~scfcap.errors.InputError` with every problem found.
    """
    if isinstance(overrides, Mapping):
        from scfcap.schema.write import override_text

        overrides = [override_text(key, value) for key, value in overrides.items()]
    taken = None
    if inputs is None:
        loaded = load_model(path, overrides)
    else:
        from scfcap.api.edited_inputs import load_edited

        loaded, taken = load_edited(path, overrides, inputs)
    if loaded.spec.deals:
        from scfcap.deal.check import refuse_deals

        refuse_deals(loaded)
    return Model(loaded, tape_path=None if tape is None else Path(tape), taken=taken)


def _once(station: Callable[[Model], _T]) -> Callable[[Model], _T]:
    """Compute a station on its first call and keep its result."""
    name = station.__name__

    @wraps(station)
    def kept(model: Model) -> _T:
        try:
            return model.once(name, partial(station, model))
        except MemoryError as error:
            raise exhausted(error, *size_of(model)) from error

    return kept


class Model(Brief):
    """A loaded model. Each station is a method, computed on its first call and kept."""

    def __init__(
        self, loaded: LoadedModel, tape_path: Path | None = None, taken: Taken | None = None
    ) -> None:
        self.loaded = loaded
        self.tape_path = tape_path
        self.taken = taken
        self._kept: dict[str, Any] = {}

    def given(self, **stations: object) -> Model:
        """The same model with what these stations, such as ``pool``, would compute."""
        other = Model(self.loaded, self.tape_path, self.taken)
        other.keep(**stations)
        return other

    def keep(self, **stations: object) -> None:
        """Let these be what stations, such as ``pool``, computed."""
        self._kept.update(stations)

    def once(self, key: str, compute: Callable[[], _T]) -> _T:
        """What ``compute`` gives the first time that ``key`` is asked for."""
        if key not in self._kept:
            self._kept[key] = compute()
        found: _T = self._kept[key]
        return found

    def _brief(self) -> tuple[str, Lines]:
        spec, kept = self.loaded.spec, self._kept
        stations = [name for name in kept if " " not in name]
        lines = [("title", spec.title), ("as of", f"{spec.as_of}, amounts in {spec.currency}")]
        lines.append(("scenarios", listed(list(spec.scenarios))))
        if "pool" in kept:
            pool = kept["pool"]
            said = f"{len(pool):,} loans of {money(pool.total, spec.currency)}"
            lines.append(("pool", said))
        lines.append(("computed", listed(stations, 8) or "nothing yet"))
        return f"Model {spec.name}", lines

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of its pictures."""
        from scfcap.api.plots import model_drawings

        return tuple(model_drawings(self))

    def plot(self, kind: str | None = None, *, language: str = "en") -> Picture:
        """The picture ``kind`` of a station, which is computed for it; the funding without one.

        Raises :class:`~scfcap.errors.InputError` for another kind, with the nearest, and what the
        station raises.
        """
        from scfcap.api.plots import model_about, model_drawings
        from scfcap.report.pictures.pictured import drawn

        drawings, about = model_drawings(self), partial(model_about, self)
        return drawn(drawings, kind, language=language, about=about, of="Model.plot")

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
        return sources.read(self, self.loaded.spec.tape)

    @_once
    def history(self) -> History:
        """What the loans did month by month. Raises InputError where ``[history]`` is absent."""
        return sources.history(self)

    @_once
    def lives(self) -> Lives | None:
        """The simulated platform, where the tape comes from one (``source = "lives"``)."""
        return sources.lives(self)

    @property
    def has_history(self) -> bool:
        """Whether the model tells what its loans did."""
        return self.loaded.spec.history is not None or self.loaded.spec.tape.source == "lives"

    def backtest(self, until: str | date) -> Backtest:
        """Fit on the history up to a month (``2019-02``, or a day of it), predict what follows.

        The calibration is by segment, and by what ``history.keep`` names if it has few values.
        """
        return behaviour.backtest(self, until)

    def payment_holiday(self, first: str | date, last: str | date) -> Holiday:
        """Share of loans that paid nothing in the months from ``first`` to ``last``, as days of
        outage.
        """
        return behaviour.payment_holiday(self, first, last)

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
        self.keep(orders=book)
        return replace(pool, payers=book.payers(len(pool), spec.orders))

    def orders(self) -> OrderBook | None:
        """Open orders, and how their buyers pay; None where the model has no ``[orders]``."""
        self.pool()
        return self._kept.get("orders")

    def pool_report(self) -> PoolReport:
        """The pool's tables, borrowing bases and snapshot, to show and to save."""
        return reports.pool_report(self)

    @_once
    def watch(self) -> WatchReport:
        """Early warnings: the lights as they stand, and each indicator by month."""
        return reports.watch(self)

    def warning_thresholds(self) -> dict[str, Threshold]:
        """Thresholds set on synthetic platforms; see :func:`scfcap.synthetic.alarms.calibrate`."""
        return behaviour.warning_thresholds(self)

    @_once
    def warning_value(self) -> pd.DataFrame:
        """What the thresholds of ``[warning]`` are worth, on synthetic platforms.

        See :func:`scfcap.synthetic.alarms.measure`.
        """
        return behaviour.warning_value(self)

    @_once
    def credit(self) -> tuple[dict[str, SegmentCredit], pd.DataFrame]:
        """Credit behaviour by segment, and where each figure comes from."""
        return behaviour.credit(self)

    @_once
    def fit(self) -> Fit:
        """Curves from the performance history, with every table behind them."""
        return behaviour.fit(self)

    def credit_report(self, until: str | date | None = None) -> CreditReport:
        """Curves to show, to save and to write into the model; ``until`` adds a back-test."""
        return reports.credit_report(self, until)

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
        return planning.exposures(self)

    def paths(self, count: int = 2000, seed: int = 0) -> Paths:
        """Monte Carlo paths over the horizon: borrowers, core enterprises, funders, outages.

        Drawn as ``[factors]`` says. A path depends on the seed and its number alone.
        """
        return drawing.paths(self, count, seed)

    def scenario_set(
        self,
        keep: int = 50,
        *,
        count: int = 2000,
        seed: int = 0,
        named: Mapping[str, float] | None = None,
    ) -> ScenarioSet:
        """``keep`` weighted paths that stand for ``count``, and scenarios ``named`` by weight."""
        return drawing.scenario_set(self, keep, count=count, seed=seed, named=named)

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
        return reports.order_tables(self, scenarios)

    def distribution(
        self, count: int = 2000, seed: int = 0, tell: Callable[[int], object] | None = None
    ) -> Distribution:
        """The pool's cash flows over ``count`` Monte Carlo paths, drawn as ``[factors]`` says.

        ``tell`` hears how many are done.
        """
        return drawing.distribution(self, count, seed, tell)

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
        return reports.projection(self, scenarios, cashflow=cashflow, distribution=distribution)

    @_once
    def new_loans(self) -> dict[str, NewLoans]:
        """What new loans look like, by segment; where buyers pay orders, new ones too."""
        return planning.new_loans(self)

    @_once
    def factors(self) -> CohortFactors:
        """Cash flows of one unit of principal, by cohort."""
        from scfcap.cashflow.cohorts import cohort_factors

        curves = self.curves().planned()
        return cohort_factors(self.pool(), curves, self.new_loans(), len(self.plan_periods))

    @_once
    def deals(self) -> dict[str, DealResult]:
        """Each outstanding series alone, all its cash reinvested, by name."""
        return planning.deals(self)

    def deal(
        self,
        name: str | None = None,
        scenarios: Sequence[str] = (),
        *,
        trace: bool = False,
        watch: Sequence[str] = (),
    ) -> DealRun:
        """A deal of ``deals/NAME.toml`` (the only one, without a name) on the model's loans.

        ``scenarios`` of the model or of the deal's sizing; without any, all of the model. With
        ``trace`` what each step was due, had and paid is kept, and the words ``watch`` after it.
        Raises :class:`~scfcap.errors.InputError`.
        """
        from scfcap.api.deals import deal_run

        return deal_run(self, name, scenarios, trace=trace, watch=watch)

    def deal_report(
        self,
        name: str | None = None,
        scenarios: Sequence[str] = (),
        *,
        explain: str | int | date | None = None,
        watch: Sequence[str] = (),
        analytics: Mapping[str, Any] | None = None,
    ) -> DealReport:
        """The same to show and to save; ``explain`` tells one period step by step, with the words
        ``watch``, in ``scenarios`` or else in the model's first. With ``analytics``, arguments of
        :meth:`deal_analytics`, the figures of its classes are there too.
        """
        from scfcap.api.dealing import deal_report

        return deal_report(self, name, scenarios, explain=explain, watch=watch, analytics=analytics)

    @_once
    def deal_reports(self) -> tuple[tuple[DealReport, ...], tuple[str, ...]]:
        """Every deal of the model in all its scenarios, and why others cannot run on its tape."""
        from scfcap.api.dealing import deal_reports

        return deal_reports(self)

    def deal_analytics(
        self,
        name: str | None = None,
        scenarios: Sequence[str] = (),
        *,
        prices: Mapping[str, float] | None = None,
        curve: str | None = None,
        settlement: date | None = None,
    ) -> ClassFigures:
        """Price, yield, life, duration, spreads and run-off of a deal's classes, and their weights.

        ``prices`` by class are clean, in percent; they, ``curve`` and ``settlement`` go before what
        the deal's ``[analytics]`` says. Raises :class:`~scfcap.errors.InputError`.
        """
        from scfcap.api.analytics import class_figures

        return class_figures(
            self, name, scenarios, prices=prices, curve=curve, settlement=settlement
        )

    def study(self, deal: str | None = None, scenario: str | None = None) -> DealStudy:
        """Sizes of a deal's classes and what they bear, where ``scenario`` is what is expected.

        Without names the only deal, and the plan's scenario. Raises
        :class:`~scfcap.errors.InputError`.
        """
        from scfcap.api.sizing import DealStudy

        return DealStudy.of(self, deal, scenario)

    @_once
    def inputs(self) -> Inputs:
        """The funding program's inputs."""
        return planning.inputs(self)

    @_once
    def plan(self) -> Plan:
        """The funding plan.

        Raises :class:`~scfcap.errors.InfeasibleError` if no plan keeps all limits.
        """
        return planning.plan(self)

    @_once
    def worlds(self) -> Worlds:
        """The scenarios of ``[plan.uncertainty]``: inputs, weights, who decides together.

        Raises :class:`~scfcap.errors.InputError` where the model states none.
        """
        from scfcap.api.uncertain import worlds

        return worlds(self)

    def what_if(
        self, overrides: Sequence[str] | Mapping[str, object], *, choose: bool = True
    ) -> Plan:
        """The plan with further ``overrides``, proven as :meth:`plan`, from whose basis it is
        solved; without ``choose`` the first found of equal plans. Channels are not judged.

        Raises :class:`~scfcap.errors.InputError`, :class:`~scfcap.errors.InfeasibleError`.
        """
        from scfcap.api.variants import what_if

        return what_if(self, overrides, choose=choose)

    def propose(self, name: str | None = None) -> ProposalReport:
        """What a source of ``[[proposals]]`` (the only one, without a name) is worth to the plan,
        by price and by size, and what to pay for it at most.

        Raises :class:`~scfcap.errors.InputError`, :class:`~scfcap.errors.InfeasibleError`.
        """
        from scfcap.api.proposals import propose

        return propose(self, name)

    def allocation(
        self, before: str | Path | None = None, start: str | Path | None = None
    ) -> AllocationReport:
        """Which loan goes to which funder by ``[allocation]``, proven; kept by its arguments.

        ``before``: an earlier allocation in place of the tape's channels; ``start``: a run folder
        whose prices are begun with. Raises InputError, InfeasibleError.
        """
        from scfcap.api.allocating import allocation

        key = f"allocation {before} {start}"
        return self.once(key, lambda: allocation(self, before, start))

    @_once
    def borrower_costs(self) -> dict[str, BorrowerCost]:
        """What borrowers pay elsewhere, as ``borrowing/NAME.toml`` states it. Raises InputError."""
        from scfcap.schema.load import borrower_costs

        return borrower_costs(self.loaded.folder)

    @_once
    def plan_tables(self) -> dict[str, pd.DataFrame]:
        """The plan's tables by name, with the maturity ladder and what borrowers pay."""
        return planning.plan_tables(self)

    def plan_report(self) -> PlanReport:
        """The plan to show and to save: statements, forecast, actions, costs.

        Raises :class:`~scfcap.errors.InfeasibleError` if no plan keeps all limits.
        """
        return planning.plan_report(self)

    def contingency(self, names: Sequence[str] = (), ready: int | None = None) -> Contingencies:
        """What to do if a shock comes: the plan against scenarios ``names``, else all with shocks.

        See :func:`scfcap.api.contingency.contingencies`; kept by its arguments.
        """
        from scfcap.api.contingency import contingencies

        key = f"contingency {' '.join(names)} {ready}"
        return self.once(key, lambda: contingencies(self, names, ready))

    def kept(self, station: str) -> Any:
        """What a station computed, if it was called already; else None."""
        return self._kept.get(station)

    def check(self, before: tuple[str | Path, date] | None = None) -> Quality:
        """Read the tape and say what is wrong with it; then try all that comes before the plan.

        ``before``, an earlier tape and its day, adds what became of its loans.

        Bad rows never raise here; everything else that makes the model unusable does.
        """
        return sources.check(self, before)

    def roll_forward(self, before: str | Path, on: date) -> RollForward:
        """What became of the loans of an earlier tape, as it stood at the end of day ``on``.

        Read with the model's own mapping. Raises :class:`~scfcap.errors.InputError`.
        """
        return sources.roll_forward(self, before, on)

    def run(self, progress: Progress | None = None) -> Run:
        """Every station in turn; ``progress`` is told the name of each as it begins."""
        from scfcap.api.run import run

        return run(self, progress)

    def provenance(self, tape: Tape | None) -> dict[str, Any]:
        """What went in: model, files, digests (SHA-256), seed, overrides."""
        return sources.provenance(self, tape)

    @cached_property
    def plan_periods(self) -> PeriodGrid:
        """Periods of the plan."""
        return self.spec.plan.grid(self.spec.as_of)

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
