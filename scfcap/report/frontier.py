"""The frontier of income, lending and headroom to show and to save, with a picture."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.brief import Lines, listed
from scfcap.report.charts import Picture
from scfcap.report.files import RESULT_VERSION, plain_rows
from scfcap.report.frontier_chart import frontier_chart
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table, named_table
from scfcap.schema.load import LoadedModel

NAME = "frontier"


@dataclass(frozen=True)
class Opened:
    """A corner: its name, and the overrides of the model that make it the plan."""

    name: str
    overrides: Mapping[str, float]

    def command(self, model: str, stated: Sequence[str] = (), tape: str | None = None) -> str:
        """The command that opens it, with the overrides ``stated`` and the tape of the frontier."""
        parts = ["scfcap", "plan", model]
        if tape is not None:
            parts += ["--tape", tape]
        for text in stated:
            parts += ["--set", text]
        for key, value in self.overrides.items():
            parts += ["--set", f"{key}={value:.0f}"]
        return shlex.join(parts)


@dataclass(frozen=True, repr=False)
class FrontierReport(Pictured):
    """Points of the frontier in ``currency``; ``origin`` what its manifest says."""

    model: LoadedModel
    currency: str
    frame: pd.DataFrame
    corners: tuple[Opened, ...]
    origin: Mapping[str, Any]

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The table with units."""
        return {NAME: named_table(NAME, self.frame, self.currency)}

    @property
    def sentences(self) -> list[str]:
        """The corners in words, each against the plan of most income."""
        return list(self._sentences())

    def _sentences(self) -> Iterator[str]:
        rows = {str(r["corner"]): r for r in self.frame.to_dict("records") if r["corner"]}
        plan = rows.get("most income")
        if plan is None:
            return
        ready = self._say(plan["headroom_amount"])
        yield (
            f"The plan earns {self._say(plan['income_amount'])}, lends "
            f"{self._say(plan['lending_amount'])} and always has {ready} of cash and undrawn lines "
            "ready."
        )
        for name, what in (("most lending", "lending"), ("most headroom", "headroom")):
            end = rows.get(name)
            if end is None or end is plan:
                yield f"It has the {name} too."
                continue
            more = float(end[f"{what}_amount"]) - float(plan[f"{what}_amount"])
            cost = float(plan["income_amount"]) - float(end["income_amount"])
            each = f", {cost / more:.4f} a unit" if more > 0.0 else ""
            yield (
                f"The {name} is {self._say(end[f'{what}_amount'])}, {self._say(more)} more: it "
                f"costs {self._say(cost)} of income{each}."
            )

    def _say(self, amount: float) -> str:
        return f"{self.currency} {amount:,.0f}"

    def command(self, corner: Opened, tape: str | None = None) -> str:
        """The command that opens a corner of this very model."""
        return corner.command(self.model.folder.name, self.model.overrides, tape)

    def _brief(self) -> tuple[str, Lines]:
        return f"Frontier of {self.model.spec.name}", [
            ("points", f"{len(self.frame):,}"),
            ("corners", listed([each.name for each in self.corners])),
        ]

    def _about(self) -> About:
        """What its picture says of where it comes from."""
        return About.of(self.model.spec)

    def plots(self) -> Plots:
        """The frontier."""
        return {"frontier": self.picture}

    def picture(self) -> Picture:
        """Income against lending, a line for each level of headroom."""
        return frontier_chart(self.frame, self._about())

    def document(self) -> dict[str, Any]:
        """The frontier as plain values."""
        rows = plain_rows(self.frame)
        spec = self.model.spec
        return {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "currency": self.currency,
            "frontier": rows,
            "corners": [
                {"name": x.name, "set": dict(x.overrides), "command": self.command(x)}
                for x in self.corners
            ],
            "sentences": self.sentences,
        }

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder with the table and the picture."""
        extra = {"frontier.png": self.picture().to_bytes("png")}
        return save_run(Path(out), self.tables, self.origin, self.document(), extra=extra)
