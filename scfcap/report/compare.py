"""Two projections side by side: what changed in the inputs, and what that did, by driver."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.axes import LOAN_TYPES
from scfcap.brief import Lines
from scfcap.cashflow.driver_fields import DRIVERS, MEANING
from scfcap.cashflow.drivers import Side, substitute
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.project import PoolCashflow
from scfcap.periods import PeriodGrid
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray
from scfcap.report import charts
from scfcap.report.compare_plans import WORKBOOK, PlanComparison
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table

#: Measures that are explained, in their order; the last is in years, the others in currency.
MEASURES = (
    "collections", "interest", "fees", "scheduled", "prepaid", "recovery", "advanced",
    "reimbursed", "drawn", "default", "loss", "closing", "average_life",
)  # fmt: skip
#: Of pools above it amounts are told without cents [currency].
CENTS_BELOW = 1e6
#: What the figures of a folder and its inputs put through this version differ by.
VERSION = "version"
#: What is said of a field that one of the models does not have.
_ABSENT = "–"


#: Measures of which a bridge is drawn.
_BRIDGES = ("collections", "interest", "loss")


@dataclass(frozen=True)
class Party:
    """One of the two: what it is called, its inputs, and what its folder says, if it has one.

    ``about`` are facts (model, as_of, scenario, ...); ``spec`` is the model's file as plain
    values; ``stored`` the cash flows that the folder holds (one row a segment and period, of the
    scenario and the periods compared); ``figures`` and ``tables`` are those of its run, ``names``
    what its model names,
    ``language`` that of its reports.
    """

    name: str
    side: Side
    about: Mapping[str, str]
    spec: Mapping[str, Any]
    credit: pd.DataFrame
    stored: pd.DataFrame | None = None
    figures: Mapping[str, float] | None = None
    tables: Mapping[str, pd.DataFrame] | None = None
    names: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True, repr=False)
class Comparison(Pictured):
    """``a`` against ``b``; both sides as :func:`~scfcap.cashflow.drivers.alike` gives them."""

    a: Party
    b: Party
    currency: str
    plans: PlanComparison | None = None
    """Their plans, where those are compared too."""

    @cached_property
    def _steps(self) -> list[PoolCashflow]:
        return substitute(self.a.side, self.b.side)

    @cached_property
    def drivers(self) -> pd.DataFrame:
        """One row a measure and segment ("all" first): ``a``, the effect of each driver, ``b``.

        The effects add up to ``change`` = b - a. ``version`` is what the two folders' own figures
        differ from what this version makes of their inputs.
        """
        steps = [_measured(step.flows, step.grid.year_fractions) for step in self._steps]
        segments = self._steps[0].segments
        ends, version = [steps[0], steps[-1]], np.zeros_like(steps[0])
        for n, party in enumerate((self.a, self.b)):
            if party.stored is None:
                continue
            own = _told(party.stored, segments, party.side.curves.grid)
            gap = own - ends[n]
            size = np.maximum(np.abs(own[:, :1]), 1.0)
            gap = np.where(np.abs(gap) > ENGINE_TOLERANCE * size.max(), gap, 0.0)
            ends[n] = ends[n] + gap
            version += (2 * n - 1) * gap
        columns = {
            "a": ends[0],
            **{driver: steps[n + 1] - steps[n] for n, driver in enumerate(DRIVERS)},
            VERSION: version,
            "b": ends[1],
            "change": ends[1] - ends[0],
        }
        names = ["all", *segments]
        return pd.DataFrame(
            {
                "measure": np.repeat(MEASURES, len(names)),
                "segment": np.tile(np.array(names, dtype=object), len(MEASURES)),
                **{name: values.ravel() for name, values in columns.items()},
            }
        )

    @cached_property
    def _whole(self) -> dict[str, dict[str, float]]:
        """The drivers of all segments together, by measure and column."""
        frame = self.drivers[self.drivers["segment"] == "all"].drop(columns="segment")
        return {
            str(row.pop("measure")): {str(name): float(value) for name, value in row.items()}
            for row in frame.to_dict("records")
        }

    @cached_property
    def order(self) -> pd.DataFrame:
        """How much the order of the drivers matters, all segments: effects in it and reversed."""
        steps = substitute(self.a.side, self.b.side, DRIVERS[::-1])
        back = [_measured(step.flows, step.grid.year_fractions)[:, 0] for step in steps]
        rows = []
        for m, measure in enumerate(MEASURES):
            for n, driver in enumerate(DRIVERS):
                place = len(DRIVERS) - 1 - n
                last = float(back[place + 1][m] - back[place][m])
                rows.append((measure, driver, self._whole[measure][driver], last))
        return pd.DataFrame(rows, columns=["measure", "driver", "effect", "effect_reversed"])

    @cached_property
    def periods(self) -> pd.DataFrame:
        """Collections by period: ``a``, the effect of each driver, ``b`` [currency]."""
        cash = [step.flows.collections[0].sum(axis=0) for step in self._steps]
        grids = (self.a.side.curves.grid, self.b.side.curves.grid)
        ends = [np.array(grid.ends, dtype="datetime64[s]") for grid in grids]
        effects = {driver: cash[n + 1] - cash[n] for n, driver in enumerate(DRIVERS)}
        return pd.DataFrame(
            {
                "period": np.arange(1, len(ends[0]) + 1),
                "end_a": ends[0],
                "end_b": ends[1],
                "a": cash[0],
                **effects,
                "b": cash[-1],
                "change": cash[-1] - cash[0],
            }
        )

    @cached_property
    def inputs(self) -> pd.DataFrame:
        """What the projections were made from, by segment ("all" first): figure, a, b, change."""
        found = [pd.Series(dict(_facts(party))) for party in (self.a, self.b)]
        frame = pd.DataFrame({"a": found[0], "b": found[1]})
        frame.index = pd.MultiIndex.from_tuples(list(frame.index), names=["segment", "figure"])
        frame = frame.reset_index()
        frame["change"] = frame["b"] - frame["a"]
        order = {name: n for n, name in enumerate(_FIGURES)}
        place = frame["figure"].map(lambda name: order.get(name, len(order)))
        segment = frame["segment"].where(frame["segment"] != "all", "")
        return (
            frame.assign(_place=place, _segment=segment)
            .sort_values(["_segment", "_place", "figure"], kind="stable")
            .drop(columns=["_place", "_segment"])
            .reset_index(drop=True)
        )

    @cached_property
    def fields(self) -> pd.DataFrame:
        """Fields of the models that differ: field, a, b."""
        return differing_fields(self.a.spec, self.b.spec)

    @cached_property
    def figures(self) -> pd.DataFrame:
        """Figures of the two runs that are one number: figure, a, b, change; folders only."""
        a, b = self.a.figures or {}, self.b.figures or {}
        rows = [(n, a[n], b[n], b[n] - a[n]) for n in a if n in b and a[n] is not None]
        return pd.DataFrame(rows, columns=["figure", "a", "b", "change"])

    @cached_property
    def others(self) -> pd.DataFrame:
        """Tables of the two runs: rows of each, columns that differ, and by how much at most."""
        a, b = self.a.tables or {}, self.b.tables or {}
        rows = [(name, *_apart(a[name], b[name])) for name in sorted(a) if name in b]
        names = ["table", "rows_a", "rows_b", "differing", "column", "largest"]
        return pd.DataFrame(rows, columns=names)

    @property
    def decimals(self) -> int:
        """Decimals with which amounts are told: cents of small pools only."""
        row = self._whole["collections"]
        return 2 if max(abs(row["a"]), abs(row["b"])) < CENTS_BELOW else 0

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {
            "drivers": self.drivers,
            "drivers_order": self.order,
            "drivers_by_period": self.periods,
            "inputs": self.inputs,
            "model_fields": self.fields,
            **({"figures": self.figures, "tables": self.others} if self.a.tables else {}),
        }

    def sentence(self, measure: str = "collections") -> str:
        """The change of a measure and its drivers, the largest first, in a sentence."""
        row = self._whole[measure]
        words = measure.replace("_", " ").capitalize()
        years = measure == "average_life"
        digits, unit = (3, "years") if years else (self.decimals, self.currency)
        least = 0.5 * 10.0**-digits
        shown = [(name, row[name]) for name in (*DRIVERS, VERSION) if abs(row[name]) >= least]
        if not shown:
            return f"{words}: {row['a']:,.{digits}f} {unit} in both."
        share = f", {row['change'] / row['a']:+.2%}" if row["a"] else ""
        shown.sort(key=lambda item: -abs(item[1]))
        parts = ", ".join(f"{name} {value:+,.{digits}f}" for name, value in shown)
        head = f"{words}: {row['a']:,.{digits}f} to {row['b']:,.{digits}f} {unit}"
        return f"{head} ({row['change']:+,.{digits}f}{share}): {parts}."

    def document(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "schema_version": RESULT_VERSION,
            "a": {"name": self.a.name, **self.a.about},
            "b": {"name": self.b.name, **self.b.about},
            "currency": self.currency,
            "order": list(DRIVERS),
            "meaning": MEANING,
            "summary": [self.sentence(measure) for measure in ("collections", "loss")],
            **{name: records(frame) for name, frame in self.tables().items()},
            **({} if self.plans is None else {"plans": self.plans.document()}),
        }

    def _brief(self) -> tuple[str, Lines]:
        lines = [("a", self.a.name), ("b", self.b.name)]
        lines.append(("plans", "compared" if self.plans is not None else "not compared"))
        return "Comparison of two runs", lines

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About(currency=self.currency, names=(self.a.name, self.b.name))

    def pictures(self) -> dict[str, charts.Picture]:
        """Bridges from a to b, by measure."""
        return {f"bridge_{name}": self._bridge(name) for name in _BRIDGES}

    def plots(self) -> Plots:
        """The same, each drawn when it is called; those of the plans too."""
        made = {f"bridge_{name}": partial(self._bridge, name) for name in _BRIDGES}
        return made if self.plans is None else {**made, **self.plans.plots()}

    def _bridge(self, measure: str) -> charts.Picture:
        whole = self._whole[measure]
        return charts.bridge(
            f"{measure.capitalize()}, from {self.a.name} (a) to {self.b.name} (b)",
            whole["a"],
            {name: whole[name] for name in (*DRIVERS, VERSION) if name != VERSION or whole[name]},
            ("a", "b"),
            self.currency,
        )

    def to_excel(self, path: str | Path, language: str = "") -> Path:
        """Write the comparison as a workbook; returns its path.

        ``language`` is "en" or "zh", without it that of the reports of a's model.
        """
        from scfcap.report.excel import write_book
        from scfcap.report.sheets.compare import compare_book

        book = compare_book(self, self.plans, language=language or self.a.language)
        return write_book(book, Path(path))

    def save(self, out: str | Path, origin: Mapping[str, Any], language: str = "") -> SavedRun:
        """Write the comparison as a run folder: tables (also as CSV), pictures, the workbook."""
        made = {
            name: Table(name, name.replace("_", " ").capitalize(), frame, self._units(frame))
            for name, frame in self.tables().items()
        }
        extra = {f"{name}.csv": csv_bytes(table.frame) for name, table in made.items()}
        for name, picture in self.pictures().items():
            extra[f"{name}.png"] = picture.to_bytes("png")
            extra[f"{name}.svg"] = picture.to_bytes("svg")
        if self.plans is not None:
            of_plans, files = self.plans.files()
            made |= of_plans
            extra |= files
        workbook = (WORKBOOK, lambda path: self.to_excel(path, language))
        return save_run(Path(out), made, origin, self.document(), workbook, extra)

    def _units(self, frame: pd.DataFrame) -> dict[str, str]:
        if "measure" in frame or "figure" in frame:
            return {}  # the unit is the row's
        money = ("a", "b", "change", *DRIVERS)
        return {name: self.currency for name in money if name in frame and "period" in frame}


def differing_fields(a: Mapping[str, Any], b: Mapping[str, Any]) -> pd.DataFrame:
    """Fields of two model files that differ: field, a, b."""
    both = [dict(_flat(spec)) for spec in (a, b)]
    names = sorted({*both[0], *both[1]})
    rows = [
        (name, *(each.get(name, _ABSENT) for each in both))
        for name in names
        if both[0].get(name, _ABSENT) != both[1].get(name, _ABSENT)
    ]
    return pd.DataFrame(rows, columns=["field", "a", "b"])


def _measured(flows: Flows, years: FloatArray) -> FloatArray:
    """:data:`MEASURES` of all segments and of each, in the first scenario: [measures, 1 + S]."""
    principal = (flows.scheduled + flows.prepaid)[0]
    found = []
    for name in MEASURES[:-1]:
        values = getattr(flows, name)[0]
        found.append(values[:, -1] if name == "closing" else values.sum(axis=1))
    amounts = np.stack(found)
    amounts = np.concatenate([amounts.sum(axis=1, keepdims=True), amounts], axis=1)
    moment, paid = principal @ np.cumsum(years), principal.sum(axis=1)
    moment, paid = (np.concatenate([[each.sum()], each]) for each in (moment, paid))
    life = np.where(paid > 0.0, moment / np.where(paid > 0.0, paid, 1.0), 0.0)
    return np.concatenate([amounts, life[None, :]])


def _told(frame: pd.DataFrame, segments: Sequence[str], grid: PeriodGrid) -> FloatArray:
    """The same of the cash flows that a folder holds, one row a segment and period."""
    shape = (1, len(segments), len(grid))
    place = {name: n for n, name in enumerate(segments)}
    row = frame["segment"].map(place).to_numpy(dtype=np.int64)
    column = frame["period"].to_numpy(dtype=np.int64) - 1
    filled: dict[str, FloatArray] = {}
    for each in fields(Flows):
        values = np.zeros(shape)
        if each.name in frame:
            values[0, row, column] = frame[each.name].to_numpy(dtype=np.float64)
        filled[each.name] = values
    return _measured(Flows(**filled), grid.year_fractions)


#: Figures of the inputs, in their order.
_FIGURES = (
    "loans", "balance", "rate", "remaining_days", "past_due_share", *LOAN_TYPES,
    "default_rate", "prepay_rate", "severity", "recovery_lag", "late_share",
)  # fmt: skip


def _facts(party: Party) -> Iterator[tuple[tuple[str, str], float]]:
    """Figures of the pool and the curves by (segment, figure); averages weighted by balance."""
    pool, curves = party.side.pool, party.side.curves
    for name in ("all", *pool.segments):
        chosen = slice(None) if name == "all" else pool.segment == pool.segments.index(name)
        balance = pool.balance[chosen]
        whole = max(float(balance.sum()), 1e-300)
        yield (name, "loans"), float(len(balance))
        yield (name, "balance"), float(balance.sum())
        yield (name, "rate"), float(pool.rate[chosen] @ balance) / whole
        days = np.maximum(pool.maturity_day[chosen], 0)
        yield (name, "remaining_days"), float(days @ balance) / whole
        late = pool.days_past_due[chosen] > 0
        yield (name, "past_due_share"), float(balance.sum(where=late)) / whole
        for code in np.unique(pool.loan_type[chosen]):
            share = float(balance.sum(where=pool.loan_type[chosen] == code)) / whole
            yield (name, LOAN_TYPES[int(code)]), share
        if name in curves.segments:
            s = curves.segments.index(name)
            yield (name, "severity"), float(curves.severity[0, s].mean())
            yield (name, "late_share"), float(curves.late_share[s])
            for figure, values in (
                ("default_rate", curves.default_intensity[0, s]),
                ("prepay_rate", curves.prepay_intensity[0, s]),
            ):
                yield (name, figure), float(-np.expm1(-values.mean()))


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a model file by its dotted key, as text."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str) and _named(value):
        for item in value:
            yield from _flat(item, f"{key}.{item['name']}")
    else:
        yield key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(items: Sequence[Any]) -> bool:
    return bool(items) and all(isinstance(item, Mapping) and "name" in item for item in items)


def _apart(a: pd.DataFrame, b: pd.DataFrame) -> tuple[int, int, str, str, float]:
    """Rows of both, what differs, the number column that differs most and by how much."""
    columns = [str(name) for name in a.columns if name in b.columns]
    only = [f"{name} only in one" for name in [*a.columns, *b.columns] if name not in columns]
    if len(a) != len(b):
        return len(a), len(b), ", ".join(["rows", *only]), "", float("nan")
    differing, most, where = list(only), 0.0, ""
    for name in columns:
        x, y = a[name].reset_index(drop=True), b[name].reset_index(drop=True)
        if pd.api.types.is_numeric_dtype(x) and pd.api.types.is_numeric_dtype(y):
            gap = float((y.astype("float64") - x.astype("float64")).abs().max())
            unlike = gap > 0.0 or bool((x.isna() != y.isna()).any())
            if gap > most:
                most, where = gap, name
        else:
            unlike = not x.astype("str").equals(y.astype("str"))
        if unlike:
            differing.append(name)
    return len(a), len(b), ", ".join(differing), where, most if where else float("nan")
