"""Early warnings to show and to save: lights, indicators by month, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.brief import Lines, listed
from scfcap.pool.lights import by_month
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.pictures.worth import warnings
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table
from scfcap.schema.load import LoadedModel

_TITLES = {
    "warning_lights": "Early warnings: lights",
    "warning_indicators": "Early warnings: indicators by month",
    "warning_value": "Early warnings: what they are worth on synthetic platforms",
}


@dataclass(frozen=True, repr=False)
class WatchReport(Pictured):
    """Early warnings of a model.

    ``lights``: see :func:`scfcap.pool.lights.now`; ``series``: see
    :func:`scfcap.pool.warning.indicators`. ``origin`` is what a manifest says of where they come
    from.
    """

    model: LoadedModel
    lights: pd.DataFrame
    series: pd.DataFrame
    origin: Mapping[str, Any]

    def _brief(self) -> tuple[str, Lines]:
        lights = [f"{colour} {count}" for colour, count in self.counts().items()]
        return f"Early warnings of {self.model.spec.name}", [("lights", listed(lights))]

    def _about(self) -> About:
        """What its picture says of where it comes from."""
        return About.of(self.model.spec)

    def plots(self) -> Plots:
        """Each indicator against its red threshold."""
        return {"lights": lambda: warnings(self.lights, self._about())}

    def counts(self) -> dict[str, int]:
        """Number of lights of each colour."""
        return {str(k): int(n) for k, n in self.lights["light"].value_counts().items()}

    def document(self, value: pd.DataFrame | None = None) -> dict[str, Any]:
        """The report as plain values; ``value``: see :func:`scfcap.synthetic.alarms.measure`."""
        spec = self.model.spec
        return {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "counts": self.counts(),
            "lights": records(self.lights),
            "value": None if value is None else records(value),
            "measure": spec.warning.measure.model_dump(),
        }

    def save(self, out: str | Path, value: pd.DataFrame | None = None) -> SavedRun:
        """Write the run folder: the tables, also as CSV."""
        frames = {
            "warning_lights": self.lights,
            "warning_indicators": by_month(self.series, self.model.spec.warning),
        }
        if value is not None:
            frames["warning_value"] = value
        tables = {name: Table(name, _TITLES[name], frame) for name, frame in frames.items()}
        extra = {f"{name.removeprefix('warning_')}.csv": csv_bytes(f) for name, f in frames.items()}
        return save_run(Path(out), tables, self.origin, self.document(value), extra=extra)
