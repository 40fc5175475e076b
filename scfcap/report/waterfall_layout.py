"""Where everything of a waterfall's drawing stands on the sheet [inches, from its top left]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scfcap.report.charts import Arrow, Box, Label, Sketch, text_width
from scfcap.report.waterfall import Drawing, DrawnList, DrawnPhase, DrawnStep, Party

#: Colours by kind of party: fill and edge.
_COLOURS = {
    "account": ("#DCEEF9", "#56B4E9"),
    "line": ("#FBEBC8", "#E69F00"),
    "class": ("#D9E0EA", "#1F3A5F"),
    "equity": ("#F6E3EE", "#B5578F"),
    "fee": ("#EDEDED", "#8C8C8C"),
    "hedge": ("#D5EDE5", "#009E73"),
    "loans": ("#D5EDE5", "#009E73"),
    "other": ("#FFFFFF", "#8C8C8C"),
}
_NOTE_KINDS = {"account": "Accounts", "class": "Classes", "line": "Lines", "hedge": "Hedges",
               "measure": "Measures", "trigger": "Triggers", "call": "Calls"}  # fmt: skip
_INK, _GREY, _NAVY = "#222222", "#555555", "#1F3A5F"
#: Sizes of letters [points].
_TITLE, _HEAD, _STEP, _SMALL = 16.0, 12.0, 10.0, 9.0
#: Height of a line of letters, as a multiple of their size.
_LEADING = 1.32
_MARGIN, _PAD, _GAP = 0.4, 0.11, 0.16
_CHIP_WIDTH, _CHIP, _REACH, _STEP_WIDTH = 1.35, 0.27, 0.42, 3.7
_COLUMN = 2 * (_CHIP_WIDTH + _REACH) + _STEP_WIDTH
_BETWEEN = 0.7
#: Phases beside each other.
_ABREAST = 2
#: Mark of a number in front of a step.
_NUMBER = 0.3


@dataclass
class _Pen:
    """Collects shapes."""

    boxes: list[Box] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def lines(self, x: float, y: float, texts: Sequence[str], size: float, **look: object) -> float:
        """Lines of text below each other from ``y``; gives where the next would stand."""
        height = size * _LEADING / 72.0
        for text in texts:
            self.labels.append(Label(x, y + height / 2.0, text, size, **look))  # type: ignore[arg-type]
            y += height
        return y


def laid_out(shown: Drawing) -> Sketch:
    """The drawing with a place for everything."""
    pen = _Pen()
    abreast = min(_ABREAST, len(shown.phases))
    width = 2 * _MARGIN + abreast * _COLUMN + (abreast - 1) * _BETWEEN
    y = pen.lines(_MARGIN, _MARGIN, wrapped(shown.title, _TITLE, width - 2 * _MARGIN, bold=True),
                  _TITLE, bold=True, colour=_NAVY)  # fmt: skip
    y = pen.lines(_MARGIN, y, [shown.about], _STEP, colour=_GREY) + 0.25
    for first in range(0, len(shown.phases), abreast):
        if first:
            y = _lead_on(pen, abreast, y)
        y = _row(pen, shown.phases, first, abreast, y) + 0.35
    y = _notes(pen, shown.notes, y, width)
    y = _legend(pen, shown, y, width)
    return Sketch(width, y + _MARGIN / 2.0, tuple(pen.boxes), tuple(pen.labels), tuple(pen.arrows))


def _row(pen: _Pen, phases: Sequence[DrawnPhase], first: int, abreast: int, top: float) -> float:
    """Phases beside each other; gives where the row ends."""
    here = phases[first : first + abreast]
    heads = [_head_lines(phases, first + n) for n in range(len(here))]
    height = max(_head_height(lines) for lines in heads)
    ends = []
    for n, phase in enumerate(here):
        x = _MARGIN + n * (_COLUMN + _BETWEEN)
        pen.boxes.append(Box(x, top, _COLUMN, height, "#1F3A5F", "#1F3A5F"))
        y = pen.lines(x + 0.15, top + _PAD, [phase.name], _HEAD, bold=True, colour="white")
        pen.lines(x + 0.15, y, heads[n], _SMALL, colour="white")
        if n:
            middle = top + height / 2.0
            pen.arrows.append(
                Arrow(x - _BETWEEN + 0.05, middle, x - 0.04, middle, "#1F3A5F", wide=True)
            )
        y = top + height + 0.2
        for each in phase.lists:
            y = _list(pen, x, y, each)
        ends.append(y)
    bottom = max(ends)
    for n in range(len(here)):
        x = _MARGIN + n * (_COLUMN + _BETWEEN)
        pen.boxes.insert(0, Box(x, top, _COLUMN, bottom - top, "#FAFBFC", "#C8D0DA"))
    return bottom


def _lead_on(pen: _Pen, abreast: int, y: float) -> float:
    """An arrow from the last phase of a row to the first of the next; gives where that begins."""
    left = _MARGIN + _COLUMN / 2.0
    right = left + (abreast - 1) * (_COLUMN + _BETWEEN)
    top, bend, end = y - 0.35, y - 0.12, y + 0.2
    for begin, to in (((right, top), (right, bend)), ((right, bend), (left, bend))):
        pen.arrows.append(Arrow(*begin, *to, _NAVY, wide=True, head=False))
    pen.arrows.append(Arrow(left, bend, left, end, _NAVY, wide=True))
    return end + 0.04


def _head_lines(phases: Sequence[DrawnPhase], place: int) -> list[str]:
    before = f"from {phases[place - 1].name}: " if place else ""
    return wrapped(before + ", ".join(phases[place].begins), _SMALL, _COLUMN - 0.3)


def _head_height(lines: Sequence[str]) -> float:
    return 2 * _PAD + (_HEAD + len(lines) * _SMALL) * _LEADING / 72.0


def _list(pen: _Pen, x: float, y: float, each: DrawnList) -> float:
    """Steps below each other, with an arrow from each to the next."""
    if each.head:
        left = x + _CHIP_WIDTH + _REACH
        y = pen.lines(left, y, [each.head], _SMALL, italic=True, colour=_GREY) + 0.06
    before: float | None = None
    for step in each.steps:
        middle = x + _CHIP_WIDTH + _REACH + _STEP_WIDTH / 2.0
        top, bottom = _step(pen, x, y, step)
        if before is not None:
            pen.arrows.append(Arrow(middle, before, middle, top, "#8C96A3"))
        before, y = bottom, max(bottom, y + _chips_height(step)) + _GAP
    return y + 0.08


def _chips_height(step: DrawnStep) -> float:
    count = max(len(step.sources), len(step.targets), 1)
    return count * _CHIP + (count - 1) * 0.06


def _step(pen: _Pen, x: float, y: float, step: DrawnStep) -> tuple[float, float]:
    """One step with its sources and payees; gives the top and bottom of its box."""
    room = _STEP_WIDTH - _NUMBER - 0.2
    head = wrapped(step.head, _STEP, room, bold=True)
    lines = [part for line in step.lines for part in wrapped(line, _SMALL, room)]
    limits = [part for line in step.limits for part in wrapped(line, _SMALL, room)]
    inner = (len(head) * _STEP + (len(lines) + len(limits)) * _SMALL) * _LEADING / 72.0
    height = inner + 2 * _PAD
    whole = max(height, _chips_height(step))
    top = y + (whole - height) / 2.0
    left = x + _CHIP_WIDTH + _REACH
    pen.boxes.append(Box(left, top, _STEP_WIDTH, height, "white", "#5B6B80"))
    down = pen.lines(left + _NUMBER + 0.08, top + _PAD, head, _STEP, bold=True, colour=_INK)
    pen.lines(left + 0.12, top + _PAD, [str(step.number)], _STEP, bold=True, colour="#8C96A3")
    down = pen.lines(left + _NUMBER + 0.08, down, lines, _SMALL, colour=_INK)
    pen.lines(left + _NUMBER + 0.08, down, limits, _SMALL, italic=True, colour="#9A4A00")
    middle = y + whole / 2.0
    for place, (party, at) in enumerate(_stacked(step.sources, middle)):
        _chip(pen, x + 0.12, at, party)
        to = min(max(at, top + 0.08), top + height - 0.08)
        pen.arrows.append(Arrow(x + _CHIP_WIDTH + 0.02, at, left, to, _COLOURS[party.kind][1],
                                dashed=place > 0))  # fmt: skip
    right = left + _STEP_WIDTH
    for party, at in _stacked(step.targets, middle):
        _chip(pen, right + _REACH - 0.02, at, party)
        start = min(max(at, top + 0.08), top + height - 0.08)
        pen.arrows.append(Arrow(right, start, right + _REACH - 0.02, at, _COLOURS[party.kind][1],
                                dashed=not step.moves))  # fmt: skip
    return top, top + height


def _stacked(parties: Sequence[Party], middle: float) -> list[tuple[Party, float]]:
    """Parties with the heights of their middles, around ``middle``."""
    pitch = _CHIP + 0.06
    first = middle - pitch * (len(parties) - 1) / 2.0
    return [(party, first + n * pitch) for n, party in enumerate(parties)]


def _chip(pen: _Pen, x: float, middle: float, party: Party) -> None:
    fill, edge = _COLOURS[party.kind]
    width = _CHIP_WIDTH - 0.1
    pen.boxes.append(Box(x, middle - _CHIP / 2.0, width, _CHIP, fill, edge, round=True))
    size, text = fitted(party.name, _SMALL, width - 0.12)
    pen.labels.append(Label(x + width / 2.0, middle, text, size, colour=_INK, align="center"))


def _notes(pen: _Pen, notes: Sequence[tuple[str, str, str]], y: float, width: float) -> float:
    """Accounts, classes, triggers and calls below the phases, in words."""
    names = [name for _, name, _ in notes]
    widest = max((text_width(name, _SMALL, bold=True) for name in names), default=0.0)
    for kind, head in _NOTE_KINDS.items():
        mine = [(name, words) for of, name, words in notes if of == kind]
        if not mine:
            continue
        pen.lines(_MARGIN, y, [head], _SMALL, bold=True, colour=_NAVY)
        left = _MARGIN + 1.0
        for name, words in mine:
            pen.lines(left, y, [name], _SMALL, bold=True, colour=_INK)
            room = width - left - widest - 0.2 - _MARGIN
            y = pen.lines(left + widest + 0.2, y, wrapped(words, _SMALL, room), _SMALL,
                          colour=_INK)  # fmt: skip
        y += 0.06
    return y + 0.12


def _legend(pen: _Pen, shown: Drawing, y: float, width: float) -> float:
    """What the colours and lines mean: those that the drawing has."""
    steps = [s for phase in shown.phases for each in phase.lists for s in each.steps]
    used = {party.kind for step in steps for party in (*step.sources, *step.targets)}
    names = {"other": "outside the deal", "line": "liquidity line"}
    signs: list[tuple[str, str | bool]] = [
        (names.get(kind, kind), kind) for kind in _COLOURS if kind in used
    ]
    signs.append(("pays", False))
    signs += [("helps", True)] if any(len(step.sources) > 1 for step in steps) else []
    still = not all(step.moves for step in steps)
    signs += [("changes a balance, no cash", True)] if still else []
    x, middle = _MARGIN, y + 0.12
    for name, sign in signs:
        needs = 0.48 + text_width(name, _SMALL)
        if x + needs > width - _MARGIN:
            x, middle = _MARGIN, middle + 0.24
        if isinstance(sign, bool):
            pen.arrows.append(Arrow(x, middle, x + 0.4, middle, "#5B6B80", dashed=sign))
        else:
            pen.boxes.append(Box(x, middle - 0.08, 0.38, 0.16, *_COLOURS[sign], round=True))
        pen.labels.append(Label(x + 0.48, middle, name, _SMALL, colour=_GREY))
        x += needs + 0.28
    return middle + 0.18


# --- text that fits -------------------------------------------------------------------------


def wrapped(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """``text`` in lines of at most ``width`` [inches]; a word that is longer is broken."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
            continue
        while text_width(word, size, bold=bold) > width and len(word) > 1:
            keep = next(
                n for n in range(len(word) - 1, 0, -1)
                if n == 1 or text_width(word[:n], size, bold=bold) <= width
            )  # fmt: skip
            lines.append(word[:keep])
            word = word[keep:]
        lines.append(word)
    return lines


def fitted(text: str, size: float, width: float) -> tuple[float, str]:
    """Size of letters with which ``text`` fits into ``width`` [inches], and what is shown of it:
    down to three quarters of the size, then cut.
    """
    wide = text_width(text, size)
    if wide <= width:
        return size, text
    smaller = max(size * width / wide, 0.75 * size)
    if text_width(text, smaller) <= width * 1.001:
        return smaller, text
    while len(text) > 1 and text_width(f"{text}…", smaller) > width:
        text = text[:-1]
    return smaller, f"{text}…"
