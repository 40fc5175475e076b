"""Sketches: boxes, arrows and lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scfcap.report.charts.look import INK, Picture, paper


@dataclass(frozen=True)
class Box:
    """A box of a sketch: its top left, width and height [inches], and its colours."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    edge: str
    round: bool = False


@dataclass(frozen=True)
class Label:
    """A line of text: where it begins (or its middle) and the middle of its height [inches]."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    italic: bool = False
    colour: str = INK
    align: Literal["left", "center"] = "left"


@dataclass(frozen=True)
class Arrow:
    """A straight arrow from one place to another [inches]."""

    x: float
    y: float
    to_x: float
    to_y: float
    colour: str
    dashed: bool = False
    wide: bool = False
    head: bool = True


@dataclass(frozen=True)
class Sketch:
    """Shapes on a sheet [inches, from its top left], painted in this order: boxes, arrows, text."""

    width: float
    height: float
    boxes: Sequence[Box]
    labels: Sequence[Label]
    arrows: Sequence[Arrow]


def sketch(drawn: Sketch) -> Picture:
    """A sketch as a picture of its size."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    with paper((drawn.width, drawn.height)) as figure:
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0.0, drawn.width)
        axes.set_ylim(drawn.height, 0.0)
        axes.set_axis_off()
        for box in drawn.boxes:
            corner = box.height / 2.0 if box.round else 0.05
            style = f"round,pad=0,rounding_size={corner}"
            axes.add_patch(
                FancyBboxPatch(
                    (box.x, box.y), box.width, box.height, boxstyle=style, facecolor=box.fill,
                    edgecolor=box.edge, linewidth=0.9,
                )
            )  # fmt: skip
        for each in drawn.arrows:
            axes.add_patch(
                FancyArrowPatch(
                    (each.x, each.y), (each.to_x, each.to_y), color=each.colour,
                    arrowstyle="-|>" if each.head else "-",
                    capstyle="projecting" if each.wide else "butt",
                    mutation_scale=20.0 if each.wide else 8.0, shrinkA=0.0, shrinkB=0.0,
                    linewidth=3.0 if each.wide else 1.1,
                    linestyle=(0, (3.0, 2.0)) if each.dashed else "solid",
                )
            )  # fmt: skip
        for said in drawn.labels:
            axes.text(
                said.x, said.y, said.text, fontsize=said.size, color=said.colour,
                fontweight="bold" if said.bold else "normal",
                fontstyle="italic" if said.italic else "normal",
                ha=said.align, va="center_baseline", parse_math=False,
            )  # fmt: skip
    return Picture(figure)
