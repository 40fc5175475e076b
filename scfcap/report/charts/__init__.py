"""Charts as pictures, one look for all: see :mod:`scfcap.report.charts.look`."""

from __future__ import annotations

from scfcap.report.charts.flows import bridge, fan, run_off
from scfcap.report.charts.heat import heat_maps, use_map
from scfcap.report.charts.look import (
    KINDS,
    Picture,
    canvas,
    colour,
    digits,
    dress,
    figures,
    legend_below,
    panels,
    period_ends,
    stroke,
    text_width,
    unit_of,
)
from scfcap.report.charts.rows import Row, rows_of_bars
from scfcap.report.charts.sketch import Arrow, Box, Label, Sketch, sketch
from scfcap.report.charts.time import lines, stacked

__all__ = [
    "KINDS", "Arrow", "Box", "Label", "Picture", "Row", "Sketch", "bridge", "canvas", "colour",
    "digits", "dress", "fan", "figures", "heat_maps", "legend_below", "lines", "panels",
    "period_ends", "rows_of_bars", "run_off", "sketch", "stacked", "stroke", "text_width",
    "unit_of", "use_map",
]  # fmt: skip
