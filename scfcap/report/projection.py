"""A pool's cash flows by themselves, to show and to save: scenarios, paths, one loan, pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap import __version__
from scfcap.brief import Lines, listed
from scfcap.cashflow.distribution import PERCENTILES, Distribution
from scfcap.cashflow.explain import LoanExplanation
from scfcap.cashflow.flows import COLLECTED, collected
from scfcap.cashflow.project import PoolCashflow
from scfcap.cashflow.worth import UNITS, worth
from scfcap.report import charts
from scfcap.report.drawn import beside, factors
from scfcap.report.excel import build_workbook
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.cash import run_off_of, scenario_lines
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import RunMeta, Table, named_table
from scfcap.report.unfinished import cautions, withhold
from scfcap.schema.base import names_given
from scfcap.schema.load import LoadedModel
from scfcap.schema.report import Pack

_PACK = Pack(title="Cash flows", sheets=("cash_flows", "checks"), file_name="projection.xlsx")
#: Flows that add up over periods, in the order in which they are told.
FLOWS = (*COLLECTED, "default", "loss")
#: Titles of the tables of a projection, by name.
TITLES = {
    "cash_flow_totals": "Cash flows over the whole horizon by scenario and segment",
    "cash_flow_periods": "Cash flows of the whole pool by scenario and period",
    "yields": "What the pool yields, bought at par; blank where loans outlive the projection",
    "distribution_periods": "Spread over the paths by period",
    "distribution_totals": "Spread over the paths, whole horizon",
    "distribution_paths": "Every path, whole horizon",
    "distribution_factors": "What the paths are drawn with, stated or assumed",
}
_SPREAD = (
    "base",
    "mean",
    "deviation",
    "worst",
    "shortfall",
    "error",
    *(f"p{p}" for p in PERCENTILES),
)


@dataclass(frozen=True, repr=False)
class ProjectionReport(Pictured):
    """The projection of a model. ``origin`` is what its manifest says of where figures come from.

    ``credit`` are the curves as stated or estimated; ``distribution`` the Monte Carlo paths, if
    any were drawn, beside which ``base`` stands; ``orders`` the tables of orders, where buyers pay
    the loans; ``assumed`` what is to be said of loans that the projection does not suit; ``extra``
    further files of its folder by name.
    """

    model: LoadedModel
    cashflow: PoolCashflow
    credit: pd.DataFrame
    origin: Mapping[str, Any]
    distribution: Distribution | None = None
    base: PoolCashflow | None = None
    orders: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    explained: Mapping[str, pd.DataFrame] | None = None
    assumed: Sequence[str] = ()
    extra: Mapping[str, bytes] | None = None

    @cached_property
    def tables(self) -> dict[str, Table]:
        """All tables with units, by name."""
        currency = self.model.spec.currency
        frame = self.cashflow.to_frame()
        frames = {
            "cash_flows": frame,
            "cash_flow_totals": totals(frame, self.cashflow.grid.year_fractions),
            "cash_flow_periods": by_period(frame),
            "yields": worth(self.cashflow),
            "credit": self.credit,
            **self.orders,
            **self._drawn(),
        }
        withhold(frames["cash_flow_totals"], frames["yields"], self.cashflow)
        made = {name: named_table(name, each, currency) for name, each in frames.items()}
        for name, title in TITLES.items():
            if name in made:
                money = [c for c in made[name].frame if c in (*FLOWS, *_SPREAD, "collections")]
                units = {**made[name].units, **dict.fromkeys(map(str, money), currency)}
                if "average_life" in made[name].frame:
                    units["average_life"] = "years"
                if name == "yields":
                    units |= {"price": currency, **UNITS}
                made[name] = Table(name, title, made[name].frame, units)
        return made

    def _drawn(self) -> dict[str, pd.DataFrame]:
        """Tables of the paths, with the base's totals, and the factors they were drawn with."""
        drawn = self.distribution
        if drawn is None:
            return {}
        frames = drawn.tables()
        if self.base is not None:
            frames["distribution_totals"] = beside(frames["distribution_totals"], self.base)
        spec = self.model.spec.factors
        return {**frames, "distribution_factors": factors(spec, len(drawn.cores))}

    @cached_property
    def cautions(self) -> list[str]:
        """What a reader must know before he uses the figures."""
        spec = self.model.spec
        found = cautions(self.cashflow, spec.projection, spec.plan.unit, spec.currency)
        return [*found, *self.assumed]

    def document(self) -> dict[str, Any]:
        """The report as plain values: totals and what is spread; the files hold the rest."""
        spec = self.model.spec
        drawn = self.distribution
        return {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "currency": spec.currency,
            "scenarios": list(self.cashflow.scenarios),
            "segments": list(self.cashflow.segments),
            "periods": len(self.cashflow.grid),
            "frequency": self.cashflow.grid.frequency,
            "totals": records(self.tables["cash_flow_totals"].frame),
            "cash_flows": records(self.tables["cash_flow_periods"].frame),
            "yields": records(self.tables["yields"].frame),
            "cautions": self.cautions,
            "paths": 0 if drawn is None else len(drawn),
            "seed": None if drawn is None else drawn.seed,
            "distribution": []
            if drawn is None
            else records(self.tables["distribution_totals"].frame),
            "factors": [] if drawn is None else records(self.tables["distribution_factors"].frame),
            "tables": sorted(self.tables),
        }

    def meta(self) -> RunMeta:
        """What a reader must know to place the figures; there is no plan."""
        spec, regime = self.model.spec, self.model.regime
        return RunMeta(
            model=spec.name,
            title=spec.title,
            as_of=spec.as_of,
            regime=regime.title if regime is not None else "none",
            currency=spec.currency,
            money_unit=_unit(self.cashflow, spec.plan.money_unit),
            scenario=self.cashflow.scenarios[0],
            frequency=self.cashflow.grid.frequency,
            status="projection",
            objective=math.nan,
            net_income=math.nan,
            version=__version__,
            digest=self.model.digest,
            overrides=self.model.overrides,
            names=names_given(spec),
        )

    def _brief(self) -> tuple[str, Lines]:
        grid, paths = self.cashflow.grid, self.distribution
        drawn = "none" if paths is None else f"{len(paths):,}, seed {paths.seed}"
        return f"Projection of {self.model.spec.name} from {grid.as_of}", [
            ("scenarios", listed(self.cashflow.scenarios)),
            ("periods", f"{len(grid)} ({grid.frequency}), to {grid.ends[-1]}"),
            ("paths drawn", drawn),
            ("pictures", listed(self.kinds, 8)),
        ]

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About.of(self.model.spec)

    def pictures(self) -> dict[str, charts.Picture]:
        """Charts by name: the run-off of each scenario, and fans where paths were drawn."""
        return {name: draw() for name, draw in self.plots().items()}

    def plots(self) -> Plots:
        """The same, each drawn when it is called; the scenarios beside one another too."""
        about, names = self._about(), self.cashflow.scenarios
        periods = self.tables["cash_flow_periods"].frame
        made = {f"run_off_{name}": partial(run_off_of, periods, name, about) for name in names}
        if len(names) > 1:
            for measure in ("collections", "loss"):
                kind = "scenarios" if measure == "collections" else "scenarios_loss"
                made[kind] = partial(scenario_lines, periods, names, about, measure)
        if self.distribution is not None:
            for fan in _FANS:
                kind = f"fan_{fan[0]}" + ("_cumulative" if fan[1] == "cumulative" else "")
                made[kind] = partial(self._fan, self.distribution, *fan)
        return made

    def _fan(
        self, drawn: Distribution, measure: str, basis: str, column: str, words: str
    ) -> charts.Picture:
        spread = self.tables["distribution_periods"].frame
        periods = self.tables["cash_flow_periods"].frame
        about = self._about()
        rows = (spread["measure"] == measure) & (spread["basis"] == basis)
        lines = {
            name: _line(periods[periods["scenario"] == name], column, basis, len(drawn.grid))
            for name in self.cashflow.scenarios
        }
        return charts.fan(
            words,
            spread[rows].reset_index(drop=True),
            about.currency,
            lines=lines,
            note=f"{about.note('')} · {len(drawn):,} paths, seed {drawn.seed}",
            source=about.source,
        )

    def to_excel(self, path: str | Path) -> Path:
        """Write the workbook alone: the Cash flows sheet, and the checks of its totals."""
        pack = _PACK.model_copy(update={"language": self.model.pack.language})
        return build_workbook(self.tables, pack, self.meta(), Path(path))

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder: tables (also as CSV), pictures as PNG and SVG, the workbook."""
        extra = dict(self.extra or {})
        more = (*self.orders, *(self.explained or {}))
        for name in ("cash_flow_totals", "cash_flow_periods", "yields", *_DRAWN, *more):
            frame = self._frame(name)
            if frame is not None:
                extra[f"{name}.csv"] = csv_bytes(frame)
        for name, picture in self.pictures().items():
            extra[f"{name}.png"] = picture.to_bytes("png")
            extra[f"{name}.svg"] = picture.to_bytes("svg")
        return save_run(
            Path(out),
            self.tables,
            self.origin,
            self.document(),
            workbook=(_PACK.file_name, self.to_excel),
            extra=extra,
        )

    def _frame(self, name: str) -> pd.DataFrame | None:
        if name in self.tables:
            return self.tables[name].frame
        return None if self.explained is None else self.explained.get(name)


_DRAWN = ("distribution_periods", "distribution_totals", "distribution_factors")
#: Fans: measure, basis, the column of the scenarios' lines, title.
_FANS = (
    ("collections", "period", "collections", "Collections by period"),
    ("collections", "cumulative", "collections", "Collections since the start"),
    ("loss", "cumulative", "loss", "Losses since the start"),
    ("closing", "close", "closing", "Performing balance"),
)


def _line(frame: pd.DataFrame, column: str, basis: str, periods: int) -> np.ndarray:
    values = frame[column].to_numpy(dtype=np.float64)
    values = np.pad(values, (0, periods - len(values)))  # paths may take longer
    return np.cumsum(values) if basis == "cumulative" else values


def _unit(cashflow: PoolCashflow, most: float) -> float:
    """Unit in which amounts are shown: the plan's, or a lesser one that a small pool fills."""
    owed = cashflow.flows.opening[:, :, 0].sum(axis=1).max(initial=0.0)
    return next((u for u in (1e9, 1e6, 1e3) if u <= most and owed >= 10.0 * u), 1.0)


def by_period(frame: pd.DataFrame) -> pd.DataFrame:
    """Cash flows [currency] summed over segments, with ``collections``; rows in their order."""
    columns = [name for name in frame if name not in ("scenario", "segment", "period", "end")]
    keys = ["scenario", "period", "end"]
    summed = frame.groupby(keys, sort=False, as_index=False)[columns].sum()
    summed["collections"] = collected(summed)
    return summed


def totals(frame: pd.DataFrame, years: np.ndarray) -> pd.DataFrame:
    """Each scenario and segment ("all" first) over the whole horizon.

    Flows [currency] are summed, ``opening`` is that at ``as_of``, ``receivable`` and ``closing``
    those at the end. ``average_life`` [years] is that of the principal paid: period ends weighted
    by it; ``years`` [T] are the lengths of the periods.
    """
    whole = by_period(frame).drop(columns="collections").assign(segment="all")
    both = pd.concat([whole, frame], ignore_index=True)
    both["after"] = np.cumsum(years)[both["period"].to_numpy() - 1]
    both["principal"] = both["scheduled"] + both["prepaid"]
    both["moment"] = both["principal"] * both["after"]
    last = int(both["period"].max())
    keys = ["scenario", "segment"]
    flows = [name for name in FLOWS if name in both]
    result = both.groupby(keys, sort=False)[[*flows, "principal", "moment"]].sum()
    first = both[both["period"] == 1].set_index(keys)["opening"]
    end = both[both["period"] == last].set_index(keys)
    result.insert(0, "opening", first)
    result["receivable"], result["closing"] = end["receivable"], end["closing"]
    result["collections"] = collected(result)
    paid = result["principal"].where(result["principal"] > 0.0)
    result["average_life"] = result["moment"] / paid
    result = result.drop(columns=["principal", "moment"]).reset_index()
    order = {name: place for place, name in enumerate(dict.fromkeys(frame["scenario"]))}
    return result.sort_values("scenario", key=lambda s: s.map(order), kind="stable").reset_index(
        drop=True
    )


def save_loan(
    found: LoanExplanation, out: Path, document: Mapping[str, Any], origin: Mapping[str, Any]
) -> SavedRun:
    """Write the explanation of one loan as a run folder: its tables, also as CSV."""
    frames = found.tables()
    titles = {name: f"Loan {found.loan_id}: {name.removeprefix('loan_')}" for name in frames}
    made = {name: Table(name, titles[name], frame) for name, frame in frames.items()}
    extra = {f"{name}.csv": csv_bytes(frame) for name, frame in frames.items()}
    return save_run(out, made, origin, document, extra=extra)
