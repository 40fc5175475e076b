"""Pictures of whatever the engines give: of a model by station, of a run, of a bare result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.report.pictures.pictured import About, Pictured, Plots, drawn

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.api.run import Run
    from scfcap.report.charts import Picture
    from scfcap.report.tables import RunMeta, Table

#: Pictures of a plan that go into every run folder.
SAVED = ("funding", "sources_uses", "limits", "cash")
_POOL = ("stratification", "concentrations", "eligibility")
_PLAN = (
    "funding", "sources_uses", "limits", "cash", "lending", "prices", "cost_of_funds", "gaps",
)  # fmt: skip
_DEAL = ("classes", "waterfall", "coverage", "drawing")


def plot(
    result: object,
    kind: str | None = None,
    *,
    currency: str = "currency",
    language: str = "en",
) -> Picture:
    """A picture of any result: of a report, or of a pool, cash flows, paths, a deal or a plan.

    ``kind`` is one of those that the result has, the first without one. A result that knows no
    currency takes ``currency``. Raises :class:`~scfcap.errors.InputError` for another kind, with
    the nearest, and for what cannot be drawn.
    """
    if isinstance(result, Pictured):
        return result.plot(kind, language=language)
    own = getattr(result, "plot", None)
    if callable(own):
        made: Picture = own(kind, language=language)
        return made
    name = type(result).__name__
    draw = _BARE.get(name)
    if draw is None:
        expected = f"a report, a run, a model, or one of {', '.join(_BARE)}"
        raise InputError(Problem("plot", f"a {name}", expected, "Give a result of a station."))
    return drawn(draw(result, About(currency=currency)), kind, language=language, of=f"plot {name}")


def model_about(model: Model) -> About:
    """What pictures of a model's stations say of where they come from."""
    from scfcap.report.pictures.pool import pool_values

    about, pool = About.of(model.loaded.spec), model.kept("pool")
    return about if pool is None else replace(about, values=pool_values(pool.tables))


def model_drawings(model: Model) -> Plots:
    """Pictures of a model's stations by kind: a station is computed when one of its is drawn."""
    made: dict[str, Callable[[], Picture]] = {
        kind: partial(_of, model.plan_report, kind) for kind in _PLAN
    }
    made |= {kind: partial(_of, model.pool_report, kind) for kind in _POOL}
    names = list(model.loaded.spec.scenarios)
    made |= {f"run_off_{name}": partial(_of, model.projection, f"run_off_{name}") for name in names}
    if len(names) > 1:
        kinds = ("scenarios", "scenarios_loss")
        made |= {kind: partial(_of, model.projection, kind) for kind in kinds}
    made["curves"] = partial(_of, model.credit_report, "curves")
    made["lights"] = partial(_of, model.watch, "lights")
    if model.loaded.spec.deals:
        made |= {kind: partial(_of, model.deal_report, kind) for kind in _DEAL}
    if model.loaded.spec.allocation is not None:
        made |= {kind: partial(_of, model.allocation, kind) for kind in ("channels", "binding")}
    return made


def _of(station: Callable[[], Pictured], kind: str) -> Picture:
    return station().plot(kind)


def run_drawings(run: Run) -> Plots:
    """Pictures of a run's tables: its plan, pool, cash flows, series and deals."""
    return table_drawings(run.tables(), run.meta())


def table_drawings(tables: Mapping[str, Table], meta: RunMeta) -> Plots:
    """Pictures of the tables of a run by kind, also of one that was read back."""
    from scfcap.report.pictures.cash import by_period, run_off_of, scenario_lines
    from scfcap.report.pictures.credit import credit_drawings
    from scfcap.report.pictures.deal import deal_drawings, series_picture
    from scfcap.report.pictures.plan import plan_drawings
    from scfcap.report.pictures.pool import pool_drawings

    about = About.of_run(meta)
    frames = {name: table.frame for name, table in tables.items() if len(table.frame)}
    made: dict[str, Callable[[], Picture]] = {**plan_drawings(tables, about)}
    made |= pool_drawings(tables, about)
    made |= credit_drawings({k: v for k, v in tables.items() if k == "credit"}, about)
    if "cash_flows" in frames:
        flows = by_period(frames["cash_flows"])
        names = [str(name) for name in flows["scenario"].unique()]
        first = [meta.scenario] if meta.scenario in names else []
        for name in [*first, *(each for each in names if each not in first)]:
            made[f"run_off_{name}"] = partial(run_off_of, flows, name, about)
        kind = "cash_scenarios" if "scenarios" in made else "scenarios"
        made[kind] = partial(scenario_lines, flows, names, about)
    for name, frame in frames.items():
        if name.startswith("deal_") and "series" in frame:
            series = name.removeprefix("deal_")
            made[f"series_{series}"] = partial(series_picture, frame, series, meta.scenario, about)
    if "deals_periods" in frames:
        made |= _deals(frames, meta.scenario, about, deal_drawings)
    return made


def _deals(
    frames: Mapping[str, pd.DataFrame], scenario: str, about: About, draw: Callable[..., Plots]
) -> dict[str, Callable[[], Picture]]:
    """Pictures of each deal in the plan's scenario; with several, their name goes with the kind."""
    periods = frames["deals_periods"]
    deals = [str(name) for name in periods["deal"].unique()]
    made: dict[str, Callable[[], Picture]] = {}
    for place, name in enumerate(deals):
        there = [str(each) for each in periods[periods["deal"] == name]["scenario"].unique()]
        shown = scenario if scenario in there else there[0]
        end = "" if place == 0 else f"_{name}"
        found = draw(frames, name, [shown], about)
        made |= {f"{kind}{end}": each for kind, each in found.items()}
    return made


def saved_pictures(drawings: Plots, language: str, about: Callable[[], About]) -> dict[str, bytes]:
    """The pictures of :data:`SAVED` that are there, as files of a run folder."""
    return {
        f"pictures/{kind}.png": drawn(drawings, kind, language=language, about=about).to_bytes()
        for kind in SAVED
        if kind in drawings
    }


# Results that know neither model nor currency.


def _pool(pool: Any, about: About) -> Plots:
    from scfcap.report.pictures.pool import pool_drawings
    from scfcap.report.tables import named_table

    tables = {
        f"pool_{name}": named_table(f"pool_{name}", frame, about.currency)
        for name, frame in pool.tables.items()
    }
    return pool_drawings(tables, About(as_of=pool.as_of, currency=about.currency))


def _cashflow(cashflow: Any, about: About) -> Plots:
    from scfcap.report.pictures.cash import by_period, run_off_of, scenario_lines

    frame = cashflow.to_frame()
    flows = by_period(frame.assign(end=_days(frame)))
    made: dict[str, Callable[[], Picture]] = {
        f"run_off_{name}": partial(run_off_of, flows, name, about) for name in cashflow.scenarios
    }
    made["scenarios"] = partial(scenario_lines, flows, cashflow.scenarios, about)
    return made


def _distribution(paths: Any, about: About) -> Plots:
    from scfcap.report.charts import fan

    periods = paths.periods()
    made: dict[str, Callable[[], Picture]] = {}
    for measure, basis in periods[["measure", "basis"]].drop_duplicates().itertuples(index=False):
        rows = (periods["measure"] == measure) & (periods["basis"] == basis)
        kind = f"fan_{measure}" + ("_cumulative" if basis == "cumulative" else "")
        title = str(measure).capitalize() + (" since the start" if basis == "cumulative" else "")
        note = f"{len(paths):,} paths, seed {paths.seed}"
        spread = periods[rows].reset_index(drop=True)
        made[kind] = partial(fan, title, spread, about.currency, note=note)
    return made


def _deal_run(run: Any, about: About) -> Plots:
    from scfcap.report.deal_tables import deal_frames
    from scfcap.report.pictures.deal import deal_drawings
    from scfcap.report.waterfall import picture

    made = deal_drawings(deal_frames(run), run.deal.name, run.scenarios, about)
    return {**made, "drawing": lambda: picture(run.deal.name, run.deal.spec)}


def _series(result: Any, about: About) -> Plots:
    from scfcap.report.pictures.deal import series_picture

    frame = result.to_frame()
    return {
        f"series_{name}": partial(series_picture, frame, result.name, name, about)
        for name in result.scenarios
    }


def _plan(plan: Any, about: About) -> Plots:  # noqa: ARG001 - a plan knows its currency
    from scfcap.report.pictures.plan import plan_drawings
    from scfcap.report.tables import named_table

    spec = plan.spec
    tables = {
        f"plan_{name}": named_table(f"plan_{name}", frame, spec.currency)
        for name, frame in plan.tables().items()
    }
    return plan_drawings(tables, About.of(spec, spec.plan.scenario))


def _days(frame: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(frame["end"]).astype("datetime64[s]")


_BARE: Mapping[str, Callable[[Any, About], Plots]] = {
    "Pool": _pool,
    "PoolCashflow": _cashflow,
    "Distribution": _distribution,
    "DealRun": _deal_run,
    "DealResult": _series,
    "Plan": _plan,
}
