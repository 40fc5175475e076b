"""A run over funding dates as tables, sentences and a picture, and its run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.brief import Lines, listed
from scfcap.funding.allocation.daily import DailyRun
from scfcap.quantities import FloatArray
from scfcap.report.charts import Picture, canvas, dress, unit_of
from scfcap.report.files import RESULT_VERSION, plain_rows
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.sheets.common import PALETTE
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table

#: Name of the picture in the run folder.
PICTURE = "allocation_days.png"
_MONEY = (
    "balance", "placed", "income", "move_cost", "moved", "value", "bound", "broken_amount", "left",
    "total",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class DaysReport(Pictured):
    """A model's loans placed over some dates, three ways; ``seed`` of what the loans do."""

    name: str
    currency: str
    run: DailyRun
    seed: int
    origin: Mapping[str, Any] = field(default_factory=dict)

    def tables(self) -> dict[str, Table]:
        """By date and way, and by way; times are left out, as they differ from run to run."""
        frames = {
            "allocation_days": ("Funding dates, by way", self.run.by_day),
            "allocation_ways": ("The ways over all dates", self.run.by_way),
        }
        units = dict.fromkeys(_MONEY, self.currency)
        made = {}
        for name, (title, frame) in frames.items():
            plain = frame.drop(columns="seconds")
            if "date" in plain:
                plain = plain.assign(date=pd.to_datetime(plain["date"]).astype("datetime64[s]"))
            shown = {column: units[column] for column in plain if column in units}
            made[name] = Table(name, title, plain, shown)
        return made

    def document(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "schema_version": RESULT_VERSION,
            "name": self.name,
            "currency": self.currency,
            "seed": self.seed,
            "dates": len(self.run.by_day["day"].unique()),
            "summary": list(self.run.sentences(self.currency)),
            "ways": plain_rows(self.run.by_way.drop(columns="seconds")),
        }

    def _brief(self) -> tuple[str, Lines]:
        return f"Placing of {self.name} over {self.run.by_day['day'].nunique()} dates", [
            ("ways", listed([str(way) for way in self.run.by_way["way"]])),
            ("seed", str(self.seed)),
        ]

    def _about(self) -> About:
        """What its picture says of where it comes from."""
        return About(self.name, self.name, currency=self.currency)

    def plots(self) -> Plots:
        """What each way of placing earns and moves."""
        return {"days": self.picture}

    def picture(self) -> Picture:
        """Income less the cost of moves, and balance moved, both added up to each date, by way."""
        figure, axes = canvas(
            "What each way of placing earns and moves",
            "lines: income less cost of moves so far; dashed: moved so far",
        )
        days = self.run.by_day
        earned = {w: _so_far(f["income"] - f["move_cost"]) for w, f in days.groupby("way")}
        moved = {w: _so_far(f["moved"]) for w, f in days.groupby("way")}
        beside = axes.twinx()
        unit, label = unit_of(max(float(np.abs(v).max()) for v in earned.values()))
        other, named = unit_of(max(1.0, *(float(v.max()) for v in moved.values())))
        for n, way in enumerate(self.run.by_way["way"]):
            tint = f"#{PALETTE[(0, 1, 2, 5)[n % 4]]}"
            at = np.arange(len(earned[way]))
            axes.plot(at, earned[way] / unit, color=tint, linewidth=1.8, label=f"{way}: earned")
            beside.plot(
                at, moved[way] / other, color=tint, linewidth=1.2, linestyle="--",
                label=f"{way}: moved",
            )  # fmt: skip
        dates = days.drop_duplicates("day")["date"].tolist()
        places = np.arange(0, len(dates), max(1, -(-len(dates) // 8)))
        axes.set_xticks(places, [f"{dates[n]:%d %b %y}" for n in places])
        beside.set_ylim(bottom=0.0)
        beside.set_ylabel(f"moved, {self.currency}{named}")
        beside.spines["top"].set_visible(False)
        dress(axes, f"earned, {self.currency}{label}", beside=beside, bottom=None)
        return Picture(figure)

    def save(self, out: str | Path) -> SavedRun:
        """Write a run folder: the tables and the picture."""
        extra = {PICTURE: self.picture().to_bytes("png")}
        return save_run(Path(out), self.tables(), self.origin, self.document(), extra=extra)


def _so_far(values: pd.Series[float]) -> FloatArray:
    return np.cumsum(values.to_numpy(dtype=np.float64))
