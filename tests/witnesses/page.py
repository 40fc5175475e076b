"""The page of all witnesses, ``docs/validation.md``: written, read back, and held to be fresh."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from .book import Comparison, Figure, Witness

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"
PICTURES = PAGE.parent / "pictures"
#: Below this share of a figure a difference is what computers round, and is shown as 0.
ROUNDING = 1e-12
#: Digits of a figure that are shown.
DIGITS = 10
#: How far, in shares of its tolerance, a figure may move before the page is stale.
MOVED = 0.02

#: Section of the area that an environment of its own makes.
PEERS = "survival"
#: Key of an area's section, its title, and the modules of this folder that know its witnesses.
AREAS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("amortisation", "Day counts and amortisation", ("daycounts", "amortisation")),
    ("prepayment", "Prepayment, default and cash flows of pools", ("prepayment", "securities")),
    ("yields", "Prices, yields and returns", ("yields",)),
    ("credit", "Credit", ("credit",)),
    (PEERS, "Survival beside lifelines", ("survival",)),
    ("pools", "Pools and borrowing bases", ("pools",)),
    ("deals", "Deals", ("deals",)),
    ("capital", "Capital that banks hold", ("capital",)),
    ("regimes", "Regimes and retention", ("regimes",)),
    ("optimisation", "Optimisation", ("programs",)),
    ("platform", "The simulated platform", ("platform",)),
)
HEADS = (
    "what, and our function", "source", "how known", "figures", "at the widest", "published",
    "ours", "difference", "relative", "tolerance", "of it used", "holds",
)  # fmt: skip
COMPARED = (
    "what, and our function", "source", "figures", "mean difference", "largest", "may be", "holds",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row of the page as it stands there."""

    cells: Mapping[str, str]

    def __getitem__(self, head: str) -> str:
        return self.cells[head]


def witnesses(key: str) -> list[Witness]:
    """All witnesses of an area, each worked out now."""
    modules = next(names for area, _, names in AREAS if area == key)
    found: list[Witness] = []
    for name in modules:
        found += import_module(f"{__package__}.{name}").witnesses()
    return found


def shown(witness: Witness) -> Figure:
    """The figure that a row shows: the widest, or the first where all is rounding."""
    wide = [figure for figure in witness.figures if not rounding(figure)]
    return max(wide, key=lambda figure: figure.used) if wide else witness.figures[0]


def rounding(figure: Figure) -> bool:
    """Whether the difference is what computers round."""
    return abs(figure.difference) <= ROUNDING * max(1.0, abs(figure.published))


def row(witness: Witness) -> list[str]:
    """A witness as a row of :data:`HEADS`."""
    figure = shown(witness)
    same = rounding(figure)
    unit = f" [{witness.unit}]" if witness.unit else ""
    return [
        f"{witness.what}{unit}<br>{code(witness.by)}",
        witness.source,
        witness.known,
        f"{len(witness.figures):,}",
        figure.label,
        number(figure.published),
        number(figure.published) if same else number(figure.ours, figure),
        "0" if same else f"{figure.difference:+.2g}",
        "0" if same else percent(figure.relative),
        allowed(figure),
        "0%" if same else f"{figure.used:.0%}",
        "yes" if witness.held else "**no**",
    ]


def compared(each: Comparison) -> list[str]:
    """A comparison as a row of :data:`COMPARED`."""
    return [
        f"{each.what} [{each.unit}]<br>{code(each.by)}",
        each.source,
        f"{each.count:,}",
        f"{each.mean:.1g}" if each.mean else "0",
        f"{each.largest:.1g}" if each.largest else "0",
        f"{each.bound:.2g}",
        "yes" if each.held else "**no**",
    ]


def code(names: str) -> str:
    """Names of functions as code, each by itself."""
    return ", ".join(f"`{name}`" for name in names.split(", "))


def number(value: float, beside: Figure | None = None) -> str:
    """A figure as text; ours ``beside`` a published one to a digit below its tolerance."""
    if beside is None or min(beside.below, beside.above) <= 0.0:
        return _plain(f"{value:,.{DIGITS}g}")
    least = min(beside.below, beside.above)
    places = max(0, 1 - math.floor(math.log10(least)))
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, min(places, DIGITS + 2 - whole))}f}"


def _plain(text: str) -> str:
    """Without the exponent that ``g`` gives large whole figures."""
    if "e+" not in text:
        return text
    return f"{float(text.replace(',', '')):,.0f}"


def percent(share: float) -> str:
    """A relative difference in percent, to two digits; nothing where there is none."""
    return "" if math.isnan(share) else f"{100.0 * share:+.2g}%"


def allowed(figure: Figure) -> str:
    """The tolerance of a figure."""
    if math.isclose(figure.below, figure.above, rel_tol=1e-9):
        return "exact" if figure.below == 0.0 else f"{figure.below:.2g}"
    return f"-{figure.below:.2g}, +{figure.above:.2g}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in each) + " |" for each in rows]
    return "\n".join(lines)


# The page and its sections.


def marks(key: str) -> tuple[str, str]:
    """The lines between which a section stands."""
    return f"<!-- witnesses: {key} -->", f"<!-- end: {key} -->"


def section(text: str, key: str) -> str:
    """What stands in a section of a page. Raises ValueError where the page has no such marks."""
    start, end = marks(key)
    if text.count(start) != 1 or text.count(end) != 1:
        msg = f"the page needs the lines {start} and {end} once each"
        raise ValueError(msg)
    return text.partition(start)[2].partition(end)[0].strip("\n")


def with_section(text: str, key: str, body: str) -> str:
    """The page with another body in a section."""
    section(text, key)
    start, end = marks(key)
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{body}\n\n{end}{rest.partition(end)[2]}"


def lines(body: str) -> list[Line]:
    """Rows of the tables in a section."""
    found: list[Line] = []
    heads: list[str] = []
    for text in body.splitlines():
        if not text.startswith("|"):
            heads = []
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", text)[1:-1]]
        if not heads:
            heads = cells
        elif not set(text) <= set("|- "):
            found.append(Line(dict(zip(heads, cells, strict=True))))
    return found


def stale(body: str, found: Sequence[Witness]) -> list[str]:
    """Why a section does not say what the witnesses do; empty where it does.

    Texts, counts and published figures are the same to the letter. Ours may differ by
    :data:`MOVED` of the tolerance, as other versions of libraries round in other ways.
    """
    there = lines(body)
    if len(there) != len(found):
        return [f"{len(there)} rows, expected {len(found)}"]
    return [why for line, each in zip(there, found, strict=True) if (why := _differs(line, each))]


def _differs(line: Line, witness: Witness) -> str:
    wanted = dict(zip(HEADS, row(witness), strict=True))
    if dict(line.cells) == wanted:
        return ""
    for head in ("what, and our function", "source", "how known", "figures", "holds"):
        if line.cells.get(head) != wanted[head]:
            return f"{witness.what}: {head}: {line.cells.get(head)!r}, expected {wanted[head]!r}"
    named = [each for each in witness.figures if each.label == line["at the widest"]]
    for figure in named:
        if number(figure.published) == line["published"] and _near(line, figure, witness):
            return ""
    return f"{witness.what}: {list(line.cells.values())[4:]}, expected {list(wanted.values())[4:]}"


def _near(line: Line, figure: Figure, witness: Witness) -> bool:
    """Whether a row shows a figure as it is now, and one of the widest."""
    room = min(figure.below, figure.above)
    printed = float(line["ours"].replace(",", ""))
    last = 0.0 if line["difference"] == "0" else 10.0 ** -len(line["ours"].partition(".")[2])
    slack = MOVED * room + last + 1e-9 * abs(figure.ours)
    used = shown(witness).used
    return (
        abs(printed - figure.ours) <= slack
        and line["tolerance"] == allowed(figure)
        and (used <= MOVED or figure.used >= used - MOVED)
    )


# Summary.


def summary(text: str) -> str:
    """How many witnesses hold by area, from the sections as they stand in a page."""
    rows: list[list[str]] = []
    whole = [0, 0, 0]
    for key, title, _ in AREAS:
        found = lines(section(text, key))
        counts = [len(found), _figures(found), sum(line["holds"] == "yes" for line in found)]
        whole = [a + b for a, b in zip(whole, counts, strict=True)]
        rows.append(
            [
                f"[{title}](#{_anchor(title)})",
                *_counted(counts),
                *_widest(found, "of it used"),
                *_widest(found, "relative"),
            ]
        )
    rows.append(["**All**", *_counted(whole), "", "", "", ""])
    heads = (
        "area", "witnesses", "figures", "witnesses that hold", "most of a tolerance used", "by",
        "largest relative difference", "of",
    )  # fmt: skip
    return table(heads, rows) + "\n\n" + _by_kind(text)


def _counted(counts: Sequence[int]) -> list[str]:
    return [f"{count:,}" for count in counts]


def _figures(found: Sequence[Line]) -> int:
    return sum(int(line["figures"].replace(",", "")) for line in found)


def _widest(found: Sequence[Line], head: str) -> list[str]:
    """The largest percentage of a column, and what it belongs to; nothing where all are 0."""

    def size(line: Line) -> float:
        text = line[head].rstrip("%")
        return abs(float(text)) if text else 0.0

    widest = max(found, key=size)
    if size(widest) == 0.0:
        return ["0", ""]
    what = re.sub(r" \[.*\]$", "", widest["what, and our function"].partition("<br>")[0])
    return [widest[head].lstrip("+-"), f"{what}: {widest['at the widest']}"]


def _by_kind(text: str) -> str:
    every = [line for key, _, _ in AREAS for line in lines(section(text, key))]
    kinds: dict[str, list[Line]] = {}
    for line in every:
        kinds.setdefault(line["how known"], []).append(line)
    rows = [
        [kind, f"{len(kinds[kind]):,}", f"{_figures(kinds[kind]):,}", meaning]
        for kind, meaning in KINDS.items()
        if kind in kinds
    ]
    return table(("how known", "witnesses", "figures", "what that means"), rows)


KINDS = {
    "printed": "the source, or a copy of it, was read, and the figure was worked out anew",
    "cited": "the source is cited from memory or at second hand; where it could be, the figure was "
    "worked out anew by another program before it became a witness",
    "closed form": "a case of our own whose figure follows from a formula or from enumeration, "
    "worked out in two ways",
    "by hand": "worked out by hand from the text of a rule or a formula",
    "peer": "another library, which the command runs beside ours",
}


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def bodies() -> Iterator[tuple[str, Callable[[], str]]]:
    """Key of each area's section that is made here, and what makes its body."""
    for key, _, _ in AREAS:
        if key == PEERS:
            continue
        yield key, lambda key=key: table(HEADS, [row(each) for each in witnesses(key)])


def written(text: str) -> str:
    """A page with all areas worked out now, and the summary of what then stands there."""
    for key, body in bodies():
        text = with_section(text, key, body())
    return with_section(text, "summary", summary(text))
