"""Sizes of a deal's classes and what they bear, to show and to save: tables, words, heat maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.brief import Lines, listed, money
from scfcap.deal.bracket import Bracket
from scfcap.deal.breakeven import BreakEven
from scfcap.deal.breakeven import to_frame as break_even_frame
from scfcap.deal.cost import CostOfFunds
from scfcap.deal.figures import class_frame, coverage_frame
from scfcap.deal.losses import ClassLosses
from scfcap.deal.outcome import DealRun
from scfcap.deal.sizing import LARGER, Limit, Sized, Sizing
from scfcap.report import charts
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.pictures.sizing import break_even_bars, size_bars
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table
from scfcap.schema.load import LoadedModel

_TITLES = {
    "sizes": "Largest classes with no failing size below them, and what limits each",
    "sizes_tried": "Every size that was tried",
    "classes": "Classes as expected",
    "break_even": "Largest multiple of the defaults that each class bears",
    "coverage": "Interest and asset coverage by payment date, as expected",
    "cost_of_funds": "What the funding costs, all in, as expected",
    "retention": "What the originator keeps, by each form of each rule",
    "losses": "Losses over the paths, as shares of each class",
    "losses_paths": "Every path",
    "sensitivity": "Each class by multiples of defaults and of prepayment, and severity added",
    "seek": "Values tried for the goal",
}
_MONEY = (
    "size", "passes_at", "fails_at", "short", "short_if_larger", "unpaid_if_larger",
    "passes_again_at", "original",
)  # fmt: skip
_UNITS = {
    **dict.fromkeys(
        ("share", "credit_enhancement", "defaults", "losses", "loss_share", "kept", "least",
         "margin", "expected_loss", "error", "deviation", "probability", "fails", "severity",
         "worst", "severity_add", "shortfall_5", "shortfall_1"),
        "share",
    ),
    **dict.fromkeys(("yield", "rate", "adds", "default_rate"), "1/year"),
    "average_life": "years",
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class SizingReport(Pictured):
    """What was found of one deal; ``structure`` tells whether classes are ``stated`` or ``sized``
    in all but the sizes themselves. What was not asked for is None.

    ``expected`` is the run in the scenario that is expected, ``origin`` what a manifest says.
    """

    model: LoadedModel
    deal: str
    scenario: str
    structure: str
    origin: Mapping[str, Any]
    expected: DealRun
    break_even: Sequence[BreakEven]
    retention: pd.DataFrame
    sizing: Sizing | None = None
    cost: CostOfFunds | None = None
    losses: ClassLosses | None = None
    sensitivity: pd.DataFrame | None = None

    @cached_property
    def tables(self) -> dict[str, Table]:
        """All tables with units, by name."""
        frames: dict[str, pd.DataFrame] = {}
        if self.sizing is not None:
            frames["sizes"] = self.sizing.to_frame(self.expected.deal.tranches)
            frames["sizes_tried"] = self.sizing.tried_frame()
        frames["classes"] = class_frame(self.expected)
        frames["break_even"] = break_even_frame(self.break_even)
        frames["coverage"] = coverage_frame(self.expected, 0)
        if self.cost is not None:
            frames["cost_of_funds"] = self.cost.to_frame()
        frames["retention"] = self.retention
        if self.losses is not None:
            frames["losses"] = self.losses.to_frame()
            frames["losses_paths"] = self.losses.paths_frame()
        if self.sensitivity is not None:
            frames["sensitivity"] = self.sensitivity
        return {name: self._table(name, frame) for name, frame in frames.items()}

    def _table(self, name: str, frame: pd.DataFrame) -> Table:
        currency = self.model.spec.currency
        units = {c: u for c, u in _UNITS.items() if c in frame}
        units |= {c: currency for c in _MONEY if c in frame}
        units |= {c: "share" for c in map(str, frame) if c.startswith(("p5", "p7", "p9", "loss "))}
        if name == "break_even":
            units.pop("fails_at"), units.pop("passes_again_at")
        return Table(name, _TITLES[name], _dated(frame).reset_index(drop=True), units)

    @cached_property
    def words(self) -> list[str]:
        """What limits each size, in sentences: one or more a class."""
        currency = self.model.spec.currency
        said = []
        if self.sizing is not None:
            for each in self.sizing.sized:
                said += [f"{each.tranche}: {text}" for text in size_words(each, currency)]
            for limit in self.sizing.lacking:
                said.append(f"With all these sizes {_lacks(limit, currency)}.")
        return said

    @cached_property
    def bearing(self) -> list[str]:
        """What the break-even does not tell in figures: where passing is not monotone."""
        said = []
        for each in self.break_even:
            if each.bracket.low is None:
                said.append(f"{each.tranche}: fails even with no default at all.")
            elif each.bracket.high is None:
                said.append(f"{each.tranche}: fails at no multiple up to {each.bracket.low:g}.")
            if each.bracket.again is not None:
                said.append(f"{each.tranche}: {_again(each.bracket, each.differences, '{:.4g}')}")
        return said

    @property
    def cautions(self) -> list[str]:
        """What a reader must know before he uses the figures."""
        if self.expected.deal.spec.assets.purchases != "loans":
            return []
        return [
            f"Deal {self.deal} buys whole loans, but all figures here are found on shares of what "
            "is lent: no limit, covenant, repurchase or odd amount of single loans counts. "
            f"scfcap deal --deal {self.deal} runs it loan by loan."
        ]

    @cached_property
    def not_shown(self) -> list[str]:
        """Forms of retention that a deal file cannot show, a sentence a rule."""
        rules = self.retention.drop_duplicates("rule")
        told = rules[rules["left_out"] != ""]
        return [
            f"{rule}: a deal file cannot show {forms}."
            for rule, forms in zip(told["rule"], told["left_out"], strict=True)
        ]

    def document(self) -> dict[str, Any]:
        """The report as plain values; the files hold the rest."""
        shown = {
            name: records(table.frame)
            for name, table in self.tables.items()
            if name not in ("losses_paths", "sizes_tried")
        }
        losses = self.losses
        return {
            "schema_version": RESULT_VERSION,
            "model": self.model.spec.name,
            "deal": self.deal,
            "as_of": self.model.spec.as_of,
            "currency": self.model.spec.currency,
            "scenario": self.scenario,
            "structure": self.structure,
            **shown,
            "words": [*self.words, *self.bearing],
            "cautions": self.cautions,
            "paths": 0 if losses is None else len(losses),
            "seed": None if losses is None else losses.seed,
            "tables": sorted(self.tables),
        }

    def _brief(self) -> tuple[str, Lines]:
        lines = [("scenario", self.scenario), ("classes", f"as {self.structure}")]
        if self.sizing is not None:
            currency = self.model.spec.currency
            sizes = [f"{each.tranche} {money(each.size, currency)}" for each in self.sizing.sized]
            lines.append(("sizes", listed(sizes)))
        return f"Sizes of deal {self.deal} of {self.model.spec.name}", lines

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About.of(self.model.spec, self.scenario)

    def pictures(self) -> dict[str, charts.Picture]:
        """Heat maps of the sensitivity grid, by class: its loss and its yield."""
        return {name: draw() for name, draw in self._heats().items()}

    def plots(self) -> Plots:
        """What classes bear, their sizes where they were sought, heat maps of the sensitivity."""
        about, tables = self._about(), self.tables
        made: dict[str, Callable[[], charts.Picture]] = {}
        if self.sizing is not None:
            made["sizes"] = lambda: size_bars(tables["sizes"].frame, self.deal, about)
        made["break_even"] = lambda: break_even_bars(tables["break_even"].frame, self.deal, about)
        return {**made, **self._heats()}

    def _heats(self) -> dict[str, Callable[[], charts.Picture]]:
        frame = self.sensitivity
        if frame is None:
            return {}
        return {
            f"heat_{words}_{tranche}": partial(self._heat, str(tranche), mine, column, words)
            for tranche, mine in frame.groupby("tranche", sort=False)
            for column, words in (("loss_share", "loss"), ("yield", "yield"))
        }

    def _heat(self, tranche: str, mine: pd.DataFrame, column: str, words: str) -> charts.Picture:
        failing = {
            name: _pivot(part.assign(fails=[s is False for s in part["sound"]]), "fails")
            for name, part in _panels(mine)
        }
        about = self._about()
        note = f"{about.note('')} · deal {self.deal}, classes as {self.structure}"
        return charts.heat_maps(
            f"{tranche}: {words}" + (" a year" if column == "yield" else ", of the class"),
            {name: _pivot(part, column) for name, part in _panels(mine)},
            failing,
            ("multiple of defaults", "multiple of prepayment"),
            note + ("; × interest late or principal missing" if _any(failing) else ""),
            about.source,
        )

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder: tables (also as CSV), heat maps as PNG."""
        extra = {f"{name}.csv": csv_bytes(table.frame) for name, table in self.tables.items()}
        for name, picture in self.pictures().items():
            extra[f"{name}.png"] = picture.to_bytes("png")
        return save_run(Path(out), self.tables, self.origin, self.document(), extra=extra)


def size_words(each: Sized, currency: str) -> list[str]:
    """Why a class is as large as it is, in sentences."""
    bracket, limit = each.bracket, each.limit
    if limit is None:
        return [f"passes at all {len(bracket.tried)} sizes up to {bracket.low:,.2f} {currency}."]
    what = _lacks(limit, currency)
    if bracket.low is None:
        said = [f"fails even at nothing: {what}."]
    else:
        said = [
            f"passes at {bracket.low:,.2f} {currency} ({bracket.low / each.pool:.3%} of the pool) "
            f"and at every smaller size tried, fails at {bracket.high:,.2f}; "
            f"{len(bracket.tried)} were tried. There {what}."
        ]
    said.append(f"Under {limit.scenario}: {'; '.join(limit.story.words())}.")
    if each.larger is not None:
        lack = each.larger.lack
        under = each.larger.scenario
        said.append(f"{LARGER:.0%} of the pool larger, {lack.words(currency)}, under {under}.")
    if each.above:
        said.append(_again(bracket, each.differences, "{:,.2f} " + currency))
    return said


def _lacks(limit: Limit, currency: str) -> str:
    return f"the {limit.lack.words(currency)}, under {limit.scenario} ({limit.rating})"


def _again(bracket: Bracket, differences: Sequence[str], form: str) -> str:
    """That passing is not monotone, and why."""
    at = form.format(bracket.again)
    high = form.format(bracket.high)
    why = "; ".join(differences) or "no trigger, phase or call tells why"
    return f"not monotone: it fails at {high} and passes again at {at}: {why}."


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """Days as days, which a stored table needs; without any, empty."""
    days = [c for c in ("on", "date") if c in frame]
    return frame.assign(**{c: pd.to_datetime(frame[c]).astype("datetime64[s]") for c in days})


def _panels(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [
        (f"severity + {100.0 * float(str(added)):g} points", part)
        for added, part in frame.groupby("severity_add", sort=True)
    ]


def _pivot(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    keys = ["prepay_multiple", "default_multiple"]
    return frame.set_index(keys)[column].unstack()  # noqa: PD010 - a column of truths too


def _any(failing: Mapping[str, pd.DataFrame]) -> bool:
    return any(bool(np.asarray(part).any()) for part in failing.values())


def shown(value: Any, unit: str) -> str:
    """A figure of a table as a reader has it."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if hasattr(value, "year"):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if unit in ("share", "1/year"):
        return f"{value:.2%}"
    if not unit:
        return f"{value:.5g}"
    return f"{value:.2f}" if unit == "years" else f"{value:,.2f}"
