"""What all charts share: the picture, its paper, fonts, colours, units and lines.

Drawn with matplotlib alone, without a screen or any global state. The same figures give the same
bytes. Titles stand on the left, the unit at the axis, what a figure rests on at the foot.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.report.sheets.common import PALETTE
from scfcap.schema.files import put_in_place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Kind = Literal["png", "svg", "pdf"]
#: Files that a picture may be.
KINDS: tuple[Kind, ...] = ("png", "svg", "pdf")
#: Size of a picture [inches] and its resolution [dots an inch].
SIZE, DPI = (9.0, 5.0), 150
#: Sizes of letters [points]: title, what stands below it, axes, legend, foot.
TITLE, NOTE, AXIS, LEGEND, FOOT = 12.0, 9.0, 9.0, 8.5, 7.5
#: Fonts in their order: the one that is always there, then those with Chinese characters.
_FONTS = (
    "DejaVu Sans", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC",
    "WenQuanYi Micro Hei", "SimHei", "Noto Serif CJK SC",
)  # fmt: skip
INK, FAINT, QUIET = "#333333", "#BFBFBF", "#666666"
#: From little to much, alike to every eye: cells of a heat map.
SHADES = "Blues"
_UNITS = ((1e9, " bn"), (1e6, " m"), (1e3, " k"), (1.0, ""))
_LINES = ("-", "--", "-.", ":")
#: Space that the foot takes [share of the height of a picture of the usual size].
_FOOT_SPACE = 0.05


@dataclass(frozen=True)
class Picture:
    """A finished chart. ``figure`` is matplotlib's, for further work."""

    figure: Figure

    def to_bytes(self, kind: Kind = "png") -> bytes:
        """The chart as a PNG, SVG or PDF file; the letters of an SVG stay letters."""
        return self._file(kind, _settings())

    def save(self, path: str | Path) -> Path:
        """Write the chart to ``path`` (aside, then renamed), in the kind that its name ends in.

        Raises :class:`~scfcap.errors.InputError` for another ending or a place that is not there.
        """
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in KINDS:
            raise InputError(
                Problem(
                    str(path),
                    f'a name that ends in "{path.suffix}"' if kind else "a name without ending",
                    f"one that ends in {', '.join(f'.{each}' for each in KINDS)}",
                    "The ending says which kind of picture it is.",
                )
            )
        expected, action = "a file in a folder that is there", "Give another path."
        return put_in_place(path, self.to_bytes(kind), expected, action)

    def said(self, say: Callable[[str], str]) -> Picture:
        """The same picture with every text of it as ``say`` gives it, such as a report's labels."""
        from matplotlib.text import Text
        from matplotlib.ticker import FixedLocator

        marks: set[int] = set()
        for axes in self.figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                if isinstance(axis.get_major_locator(), FixedLocator):
                    names = [say(label.get_text()) for label in axis.get_ticklabels()]
                    axis.set_ticks(list(axis.get_majorticklocs()), labels=names)
                marks |= {id(text) for text in axis.findobj(Text) if text is not axis.label}
        for text in [each for each in _texts(self.figure) if id(each) not in marks]:
            wide = getattr(text, "broken_at", None)
            if wide is None:
                text.set_text(say(text.get_text()))
            else:
                text.set_text(_broken(say(_whole(text.get_text())), wide, text))
        return self

    def texts(self) -> list[str]:
        """Every text that is drawn."""
        with self._set(_settings()):
            self.figure.draw_without_rendering()
        shown = [text.get_text() for text in _texts(self.figure) if text.get_visible()]
        return [each for each in shown if each]

    @contextmanager
    def _set(self, settings: Any) -> Iterator[None]:
        """Drawn in here, every text has fonts with its signs."""
        import matplotlib as mpl

        with mpl.rc_context(settings), _quietly():
            for text in _texts(self.figure):
                text.set_fontfamily(_fonts(text.get_text()))
                text.set_parse_math(False)
            yield

    def _file(self, kind: Kind, settings: Any) -> bytes:
        out = io.BytesIO()
        about: dict[Kind, dict[str, Any]] = {
            "png": {"Software": None},
            "svg": {"Date": None},
            "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        }
        with self._set(settings):
            self.figure.savefig(out, format=kind, dpi=DPI, metadata=about[kind])
        return out.getvalue()

    def _repr_png_(self) -> bytes:
        """For a notebook."""
        return self.to_bytes("png")

    def _repr_svg_(self) -> str:
        """For a notebook; letters as paths, since the reader's machine may not have the fonts."""
        return self._file("svg", _settings() | {"svg.fonttype": "path"}).decode()

    def __repr__(self) -> str:
        wide, high = self.figure.get_size_inches()
        title = next((_whole(t.get_text()) for t in _texts(self.figure) if t.get_text()), "")
        return f"Picture: {title} ({wide:g} x {high:g} inches)"


def _texts(figure: Figure) -> list[Text]:
    """Every text of a figure, its title first."""
    from matplotlib.text import Text

    return sorted(figure.findobj(Text), key=lambda text: not hasattr(text, "broken_at"))


@contextmanager
def _quietly() -> Iterator[None]:
    """A sign that no font has is drawn as a box; that is no fault."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line of text in letters of ``size`` points [inches]."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family=_installed(), size=size, weight="bold" if bold else "normal")
    with _quietly():
        wide, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(wide) / 72.0


def _whole(text: str) -> str:
    return text.replace("\n", " ")


def _broken(text: str, wide: float, like: Text) -> str:
    """``text`` in lines of at most ``wide`` inches in the letters of ``like``; three at most."""
    size, bold = float(like.get_fontsize()), like.get_fontweight() == "bold"
    lines, line = [], ""
    for part in _parts(text):
        if line and text_width((line + part).rstrip(), size, bold=bold) > wide:
            lines.append(line.rstrip())
            line = part.lstrip()
        else:
            line += part
    lines.append(line)
    return "\n".join(lines if len(lines) < 4 else [*lines[:2], f"{lines[2][:-1]}…"])


def _parts(text: str) -> list[str]:
    """Where a text may be broken: after a blank, after a Chinese sign, in what is very long."""
    parts, word = [], ""
    for sign in text:
        word += sign
        if sign in " \u3000" or ord(sign) >= 0x2E80 or len(word) >= 40:
            parts.append(word)
            word = ""
    return [*parts, word] if word else parts


def _settings() -> Any:
    return {
        "font.family": _installed(),
        "svg.fonttype": "none",
        "svg.hashsalt": "scfcap",
        "pdf.fonttype": 42,
        "axes.unicode_minus": True,
        "text.parse_math": False,
    }


def _fonts(text: str) -> list[str]:
    """What ``text`` is written in; one font, which is quick to find, where it has all its signs."""
    return _installed()[:1] if text.isascii() else _installed()


def chinese_fonts() -> list[str]:
    """Those of the house's fonts with Chinese characters that are at hand; perhaps none."""
    return [name for name in _installed() if name in _FONTS[1:]]


@cache
def _installed() -> list[str]:
    """Those of :data:`_FONTS` that are at hand; matplotlib complains of the others."""
    from matplotlib import font_manager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    there = set(font_manager.get_font_names())
    return [name for name in _FONTS if name in there] or ["sans-serif"]


def canvas(
    title: str, note: str = "", source: str = "", size: tuple[float, float] = SIZE
) -> tuple[Figure, Axes]:
    """An empty picture with its title, a ``note`` below that and the ``source`` at its foot."""
    figure, axes = panels(title, note, source, size=size)
    return figure, axes[0]


@contextmanager
def paper(
    size: tuple[float, float], layout: Literal["constrained"] | None = None
) -> Iterator[Figure]:
    """An empty white sheet of ``size`` [inches], and inside the block the house's fonts."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_settings()):
        figure = Figure(figsize=size, dpi=DPI, layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        yield figure


def panels(
    title: str,
    note: str = "",
    source: str = "",
    *,
    size: tuple[float, float] = SIZE,
    grid: tuple[int, int] = (1, 1),
    share: bool = False,
) -> tuple[Figure, list[Axes]]:
    """The same with ``grid`` rows and columns of charts; they ``share`` the scale across."""
    with paper(size, "constrained") as figure:
        sharing: Literal["col", "none"] = "col" if share else "none"
        axes = list(figure.subplots(*grid, squeeze=False, sharex=sharing).flat)
        head = heading(figure, title, note, size)
        foot = _FOOT_SPACE * SIZE[1] / size[1] if source else 0.0
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.set(rect=(0.0, foot, 1.0, 1.0 - foot - head / size[1]))  # type: ignore[call-arg]
        footer(figure, source, size)
    return figure, axes


def heading(figure: Figure, title: str, note: str, size: tuple[float, float]) -> float:
    """Write the title and the note at the top left; gives the height that they take [inches]."""
    wide, high = size
    room = wide - 0.2
    top = 0.1
    for text, letters, weight, ink in (
        (title, TITLE, "bold", INK), (note, NOTE, "normal", QUIET),
    ):  # fmt: skip
        if not text:
            continue
        put = figure.text(
            0.1 / wide, 1.0 - top / high, text, fontsize=letters, fontweight=weight, color=ink,
            va="top", linespacing=1.25,
        )  # fmt: skip
        put.broken_at = room  # type: ignore[attr-defined]
        put.set_text(_broken(text, room, put))
        top += (put.get_text().count("\n") + 1) * letters * 1.35 / 72.0 + 0.04
    return top


def footer(figure: Figure, source: str, size: tuple[float, float]) -> None:
    """Write what the figures rest on at the bottom left."""
    if source:
        put = figure.text(
            0.1 / size[0], 0.07 / size[1], source, fontsize=FOOT, color=QUIET, va="bottom"
        )
        put.broken_at = size[0] - 0.2  # type: ignore[attr-defined]
        put.set_text(_broken(source, size[0] - 0.2, put))


def period_ends(axes: Axes, ends: pd.Series, most: int = 10) -> None:
    """Label up to ``most`` of the period ends; months by name, shorter periods by day.

    Places that are no days, such as months on book, are said as they are.
    """
    places = np.arange(0, len(ends), max(1, -(-len(ends) // most)))
    if not pd.api.types.is_datetime64_any_dtype(ends):
        axes.set_xticks(places, [f"{ends.iloc[n]:g}" for n in places])
        return
    monthly = len(ends) < 2 or (ends.iloc[1] - ends.iloc[0]).days >= 28
    form = "%b %y" if monthly else "%d %b %y"
    axes.set_xticks(places, [f"{ends.iloc[n]:{form}}" for n in places])


def dress(
    axes: Axes,
    unit: str,
    *,
    beside: Axes | None = None,
    legend: bool = True,
    bottom: float | None = 0.0,
    percent: bool = False,
) -> None:
    """What every chart shares: unit, faint lines across, no box, the legend at the foot."""
    axes.set_ylabel(unit, color=INK, fontsize=AXIS)
    if bottom is not None:
        axes.set_ylim(bottom=bottom)
    for each in (axes, *([] if beside is None else [beside])):
        figures(each.yaxis, percent=percent)
        each.tick_params(colors=INK, labelsize=AXIS)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if legend:
        handles, labels = axes.get_legend_handles_labels()
        if beside is not None:
            more = beside.get_legend_handles_labels()
            handles, labels = [*handles, *more[0]], [*labels, *more[1]]
        legend_below(axes, handles, labels)


def figures(axis: Any, *, percent: bool = False) -> None:
    """Say the numbers of an axis with thousands apart, or in percent."""
    from matplotlib.ticker import FuncFormatter

    def said(value: float, _: object) -> str:
        text = f"{100.0 * value:,.6g}%" if percent else f"{value:,.10g}"
        return text.replace("-", "\N{MINUS SIGN}")

    axis.set_major_formatter(FuncFormatter(said))


def legend_below(axes: Axes, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """The legend below the chart, above the foot."""
    figure = axes.get_figure(root=True)
    if not labels or figure is None:
        return
    wide = max(text_width(label, LEGEND) for label in labels) + 0.55
    size = figure.get_size_inches()
    columns = max(1, min(len(labels), int((size[0] - 0.4) / wide)))
    high = -(-len(labels) // columns) * LEGEND * 1.55 / 72.0 + 0.06
    low = _lifted(figure, high / size[1])
    made = figure.legend(
        handles, labels, loc="lower center", fontsize=LEGEND, frameon=False, ncols=columns,
        bbox_to_anchor=(0.5, low), borderaxespad=0.0,
    )  # fmt: skip
    made.set_in_layout(False)


def _lifted(figure: Figure, share: float) -> float:
    """Leave ``share`` of the height free below the chart; gives where that begins."""
    engine = figure.get_layout_engine()
    if engine is None:
        return 0.0
    left, low, wide, high = engine.get()["rect"]
    engine.set(rect=(left, low + share, wide, high - share))  # type: ignore[call-arg]
    return float(low)


def colour(n: int) -> str:
    """The colour of the ``n``-th line or bar."""
    return f"#{PALETTE[n % len(PALETTE)]}"


def stroke(n: int) -> str:
    """How the ``n``-th line is drawn: solid first, so that lines differ without colours too."""
    return _LINES[n % len(_LINES)]


def digits(value: float, count: int, sign: str = "") -> str:
    """``value`` in so many digits, or whole where it has more."""
    form = f"{sign},.0f" if abs(value) >= 10.0**count else f"{sign},.{count}g"
    return f"{value:{form}}".replace("-", "\N{MINUS SIGN}")


def unit_of(largest: float) -> tuple[float, str]:
    """The unit in which amounts up to ``largest`` are told, and its name."""
    return next(((u, name) for u, name in _UNITS if largest >= 10.0 * u), _UNITS[-1])
