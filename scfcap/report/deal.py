"""A deal by itself, to show and to save: what it is, what its classes get, what happens when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.brief import Lines
from scfcap.deal.class_figures import ClassFigures
from scfcap.deal.explaining import PeriodExplained
from scfcap.deal.outcome import DealRun
from scfcap.deal.surroundings import Surroundings
from scfcap.report.classes import analytics_tables
from scfcap.report.deal_tables import (
    deal_cautions,
    deal_frames,
    deal_tables,
    explained_frames,
)
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.deal import deal_drawings
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table
from scfcap.report.waterfall import draw, picture
from scfcap.schema.load import LoadedModel

#: Tables that the document holds; the folder holds all, and these as CSV too.
_TOLD = ("deals_sources_uses", "deals_classes", "deals_fees", "deals_events", "deals_checks")


@dataclass(frozen=True, repr=False)
class DealReport(Pictured):
    """A run of a deal. ``origin`` is what its manifest says of where figures come from.

    ``known`` are cautions of the deal's own check; ``explained`` one period in some scenarios;
    ``figures`` those of its classes, if they were asked for; ``around`` what the deal ran in.
    """

    model: LoadedModel
    run: DealRun
    origin: Mapping[str, Any]
    known: Sequence[str] = ()
    explained: Sequence[PeriodExplained] = ()
    figures: ClassFigures | None = None
    around: Surroundings | None = None

    @cached_property
    def frames(self) -> dict[str, pd.DataFrame]:
        """The run's tables by name, without units."""
        return deal_frames(self.run)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """All tables with units, by name."""
        frames = {**self.frames, **explained_frames(self.explained)}
        return {**deal_tables(frames, self.model.spec.currency), **self.class_tables}

    @cached_property
    def class_tables(self) -> dict[str, Table]:
        """Bond analytics of the classes, by name."""
        if self.figures is None:
            return {}
        return analytics_tables(self.figures, self.model.spec.currency)

    @cached_property
    def cautions(self) -> list[str]:
        """What a reader must know before he uses the figures."""
        return [*self.known, *deal_cautions(self.run, self.frames)]

    @property
    def largest_gap(self) -> float:
        """Largest difference of sources and uses of cash over scenarios and periods [currency]."""
        return float(self.frames["deals_periods"]["gap"].abs().max())

    def document(self) -> dict[str, Any]:
        """The report as plain values; the files hold what is by period and by step."""
        spec, deal = self.model.spec, self.run.deal
        document: dict[str, Any] = {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "currency": spec.currency,
            "deal": deal.name,
            "title": deal.spec.title,
            "closing": deal.spec.closing,
            "legal_end": deal.spec.legal_end,
            "scenarios": list(self.run.scenarios),
            "periods": len(deal.years),
            "frequency": deal.calendar.grid.frequency,
            "payment_dates": int(deal.calendar.pays.sum()),
            **{name.removeprefix("deals_"): _rows(self.frames[name]) for name in _TOLD},
            "largest_gap": self.largest_gap,
            "cautions": self.cautions,
            "tables": sorted(self.tables),
        }
        for name, table in self.class_tables.items():
            document[name] = _rows(table.frame)
        if self.explained:
            document["explained"] = [_explained(each) for each in self.explained]
        return document

    def _brief(self) -> tuple[str, Lines]:
        _, lines = self.run._brief()
        title = f"Deal {self.run.deal.name} of {self.model.spec.name}"
        return title, [*lines, ("pictures", "classes, waterfall, coverage, drawing")]

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About.of(self.model.spec)

    def plots(self) -> Plots:
        """Classes, waterfall and cover in each scenario, and the drawing of the deal."""
        deal = self.run.deal
        made = deal_drawings(self.frames, deal.name, self.run.scenarios, self._about())
        return {**made, "drawing": lambda: picture(deal.name, deal.spec)}

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder: tables, the short ones also as CSV, and the waterfall's picture."""
        deal = self.run.deal
        file = Path("waterfall.svg")
        extra = {file.name: draw(deal.name, deal.spec, file)}
        for name, table in self.tables.items():
            short = name in _TOLD or name in self.class_tables
            if short or name.startswith("explained_"):
                extra[f"{name}.csv"] = csv_bytes(table.frame)
        return save_run(Path(out), self.tables, self.origin, self.document(), extra=extra)


def _explained(each: PeriodExplained) -> dict[str, Any]:
    return {
        "scenario": each.scenario,
        "period": each.period,
        "date": each.date,
        "payment_date": each.pays,
        "payment": each.payment if each.pays else None,
        "phase": each.phase,
        "phase_before": each.phase_before,
        "events": list(each.words),
        **{name: _rows(frame) for name, frame in each.tables().items()},
    }


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; a day that is not there is null."""
    return [
        {key: None if pd.isna(value) else value for key, value in row.items()}
        for row in records(frame)
    ]
