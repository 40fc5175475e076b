"""The picture of the frontier."""

from __future__ import annotations

import pandas as pd

from scfcap.report.charts import Picture, canvas, colour, dress, stroke, unit_of
from scfcap.report.pictures.pictured import About

_MARKS = {"most income": "o", "most lending": "s", "most headroom": "D"}


def frontier_chart(frame: pd.DataFrame, about: About) -> Picture:
    """Income over lending, a line for each level of headroom held, the corners marked."""
    figure, axes = canvas(
        "What more income, lending or headroom costs",
        "Each line holds one level of cash and undrawn lines at every close.",
        about.source,
    )
    unit, label = unit_of(float(frame[["income_amount", "lending_amount"]].abs().to_numpy().max()))
    small, name = unit_of(float(frame["income_amount"].abs().max()))
    levels = sorted(frame["headroom_floor"].unique())
    for n, level in enumerate(levels):
        line = frame[frame["headroom_floor"] == level].sort_values("lending_amount")
        held = "no floor of headroom" if n == 0 else f"headroom {level / small:,.4g}{name}"
        axes.plot(
            line["lending_amount"] / unit,
            line["income_amount"] / small,
            stroke(n),
            marker=".",
            color=colour(n),
            label=held,
        )
    for corner, mark in _MARKS.items():
        at = frame[frame["corner"] == corner]
        if len(at):
            x, y = float(at["lending_amount"].iloc[0]), float(at["income_amount"].iloc[0])
            axes.plot(
                [x / unit], [y / small], mark, color="#333333", markersize=9, fillstyle="none"
            )
            axes.annotate(
                corner, (x / unit, y / small), xytext=(6, -12), textcoords="offset points",
                fontsize=9,
            )  # fmt: skip
    axes.set_xlabel(f"lending over the plan, {about.currency}{label}")
    dress(axes, f"income, {about.currency}{name}", bottom=None)
    return Picture(figure)
