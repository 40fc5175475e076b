"""Drawings of waterfalls: nothing overlaps, nothing is cut, everything that pays is there."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from scfcap.errors import InputError
from scfcap.report.charts import text_width
from scfcap.report.waterfall import draw, drawing, mermaid
from scfcap.report.waterfall_layout import fitted, laid_out, wrapped
from scfcap.schema.load import load_model

#: Long names, steps between payment dates, a write-off, four phases, a line, signs of markup.
HARD = """\
base = "alibaba-2013"
[deals.hard]
title = 'A & B <deal> "quoted" $x_1$ and a title that is too long for one line of the sheet'
closing = 2013-12-31
phases = [
    { name = "one", until = 2014-03-31 },
    { name = "two", when = "trigger.a_trigger_with_quite_a_long_name", stays = false },
    { name = "three", until = 2015-06-30, when = "originator_default" },
    { name = "four", when = "called" },
]
[deals.hard.settlement]
payment_every = 3
[[deals.hard.settlement.steps.one]]
pay = "transfer"
to = "a_name_of_forty_letters_exactly_aaaaaaaa"
from = ["collection"]
[deals.hard.accounts.a_name_of_forty_letters_exactly_aaaaaaaa]
[deals.hard.lines.help]
commitment = 1000.0
[deals.hard.fees.f1]
[deals.hard.fees.f2]
[deals.hard.fees.f3]
[deals.hard.fees.f4]
[deals.hard.fees.f5]
[deals.hard.triggers.a_trigger_with_quite_a_long_name]
test = "cumulative_loss > if(payment <= 12, 0.08, if(payment <= 24, 0.13, 0.16)) * pool_at_closing"
cure = "cumulative_loss < if(payment <= 12, 0.04, if(payment <= 24, 0.06, 0.08)) * pool_at_closing"
after = 2
[deals.hard.tranches.senior_class_with_a_long_name]
share = 0.8
coupon = 0.05
[deals.hard.tranches.eq]
kind = "equity"
share = 0.2
"""
STEPS = """\
[[deals.hard.waterfall.{phase}]]
pay = "fee"
to = ["f1", "f2", "f3", "f4", "f5"]
from = ["collection", "a_name_of_forty_letters_exactly_aaaaaaaa", "help"]
[[deals.hard.waterfall.{phase}]]
pay = "write_off"
to = ["eq", "senior_class_with_a_long_name"]
[[deals.hard.waterfall.{phase}]]
name = "a step with a name that is so long that it must be wrapped over two lines at least"
pay = "principal"
to = "senior_class_with_a_long_name"
share = 0.333
amount = 1e6
up_to = "notes - 0.82 * pool + account.a_name_of_forty_letters_exactly_aaaaaaaa"
keep = "0.01*pool"
when = "final or called"
[[deals.hard.waterfall.{phase}]]
pay = "residual"
"""


@pytest.fixture(scope="module", params=["new-series", "term-2018-1", "hard", "narrow"])
def named(request, tmp_path_factory):
    """A deal's name and its spec."""
    if request.param in ("hard", "narrow"):
        folder = tmp_path_factory.mktemp("hard")
        names = ("one", "two", "three", "four") if request.param == "hard" else ("one",)
        text = HARD + "".join(STEPS.format(phase=name) for name in names)
        if request.param == "narrow":
            text = re.sub(
                r"phases = \[.*?\n\]", 'phases = [{ name = "one" }]', text, flags=re.DOTALL
            )
        (folder / "model.toml").write_text(text, encoding="utf-8")
        return "hard", load_model(folder).spec.deals["hard"]
    model = "lendingclub" if request.param.startswith("term") else "alibaba-2013"
    return request.param, load_model(model).spec.deals[request.param]


def _rectangle(label):
    width = text_width(label.text, label.size, bold=label.bold)
    left = label.x - (width / 2.0 if label.align == "center" else 0.0)
    half = label.size * 0.36 / 72.0 * 1.2
    return left, label.y - half, left + width, label.y + half


def _apart(a, b):
    slack = 1e-6
    return (
        a[2] <= b[0] + slack or b[2] <= a[0] + slack or a[3] <= b[1] + slack or b[3] <= a[1] + slack
    )


def _within(a, b):
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


def test_nothing_overlaps_and_nothing_is_cut(named):
    sheet = laid_out(drawing(*named))
    boxes = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in sheet.boxes]
    texts = [_rectangle(label) for label in sheet.labels]
    whole = (0.0, 0.0, sheet.width, sheet.height)
    for each in (*boxes, *texts):
        assert _within(each, whole), each
    for (a, one), (b, other) in itertools.combinations(zip(texts, sheet.labels, strict=True), 2):
        assert _apart(a, b), (one.text, other.text)
    for a, b in itertools.combinations(boxes, 2):
        assert _apart(a, b) or _within(a, b) or _within(b, a), (a, b)
    for text, label in zip(texts, sheet.labels, strict=True):
        for box in boxes:
            assert _apart(text, box) or _within(text, box), label.text
    assert min(label.size for label in sheet.labels) >= 6.75


def test_every_step_and_party_is_there_once_a_phase(named):
    name, spec = named
    sheet = laid_out(drawing(name, spec))
    chips = [label.text for label in sheet.labels if label.align == "center"]
    steps = [
        step
        for part in (spec.waterfall, spec.settlement.steps)
        for each in part.values()
        for step in each
    ]
    moving = [step for step in steps if step.pay != "write_off"]
    sources = sum(len(step.sources) for step in moving)
    targets = sum(max(len(step.targets), 1) for step in steps)
    assert len(chips) == sources + targets
    numbers = [label.text for label in sheet.labels if label.text.isdecimal()]
    assert len(numbers) == len(steps)
    # an arrow to or from each chip, one between steps that follow, and those between phases
    lists = sum(bool(each) for part in (spec.waterfall, spec.settlement.steps)
                for each in part.values())  # fmt: skip
    between = len(steps) - lists
    wide = sum(arrow.wide and arrow.head for arrow in sheet.arrows)
    assert wide == len(spec.phases) - 1
    legend = [a for a in sheet.arrows if not a.wide and abs(a.to_x - a.x - 0.4) < 1e-9]
    plain = [arrow for arrow in sheet.arrows if not arrow.wide]
    assert len(plain) == len(chips) + between + len([a for a in legend if a.colour == "#5B6B80"])


def test_pictures_are_the_same_each_time_and_letters_stay_letters(named):
    once, again = (draw(*named, Path("w.svg")) for _ in range(2))
    assert once == again
    assert b"<text" in once
    assert b"<dc:date>" not in once


def test_mermaid_names_what_the_picture_names(named):
    text = mermaid(drawing(*named))
    _, spec = named
    assert text.count("subgraph ") == len(spec.phases)
    assert text.count("==>|") == len(spec.phases) - 1
    for trigger in spec.triggers:
        assert f"trigger {trigger}: " in text
    outside = [line.split('"')[0::2] for line in text.splitlines()[2:]]
    assert not any(sign in part for parts in outside for part in parts for sign in "<&$#`")


def test_the_drawing_in_the_documents_is_of_the_deal_above_it(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "deals.md").read_text(encoding="utf-8")
    terms = text.partition("```toml\n")[2].partition("```")[0]
    drawn = text.partition("```mermaid\n")[2].partition("```")[0]
    (tmp_path / "model.toml").write_text(f'base = "alibaba-2013"\n{terms}', encoding="utf-8")
    spec = load_model(tmp_path).spec.deals["small"]
    assert mermaid(drawing("small", spec)) == drawn


def test_lines_of_text_fit():
    text = "at most notes - 0.82 * pool + account.a_name_of_forty_letters_exactly_aaaaaaaa"
    lines = wrapped(text, 9.0, 1.5)
    assert all(text_width(line, 9.0) <= 1.5 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrapped("", 9.0, 1.0) == []
    assert fitted("reserve", 9.0, 1.0) == (9.0, "reserve")
    size, shown = fitted("a_rather_long_name", 9.0, 1.0)
    assert (shown, size < 9.0) == ("a_rather_long_name", True)
    size, shown = fitted("a_name_of_forty_letters_exactly_aaaaaaaa", 9.0, 1.0)
    assert shown.endswith("…")
    assert text_width(shown, size) <= 1.0
    assert size == 6.75


def test_width_of_text_is_that_of_the_font():
    """DejaVu Sans is 2048 units high; its digits are 1303 units wide, all of them alike."""
    assert text_width("0123456789", 72.0) == pytest.approx(10 * 1303 / 2048, rel=0.02)
    assert text_width("00", 10.0) == pytest.approx(text_width("00", 20.0) / 2.0)


@pytest.mark.parametrize("name", ["w.pdf", "w", "w.jpeg"])
def test_another_ending_is_refused(named, name):
    with pytest.raises(InputError, match=r"one that ends in \.svg, \.png, \.mmd, \.md"):
        draw(*named, Path(name))
