"""The page of witnesses: every figure holds, nothing goes unread, and the page is fresh."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.witnesses import aart, book, page
from tests.witnesses.book import Figure, Witness, holds, near

TESTS = Path(__file__).parent
TEXT = page.PAGE.read_text(encoding="utf-8")
#: Areas that are worked out here; the others where their figures are made: lifelines among the
#: peers, the platform in ``tests/synthetic/test_calibration.py``.
HERE = [key for key, _, _ in page.AREAS if key not in (page.PEERS, "platform")]
#: Bytes of a picture at most.
SMALL = 150_000


@cache
def found(key: str) -> list[Witness]:
    return page.witnesses(key)


@pytest.mark.parametrize("key", HERE)
def test_every_figure_of_an_area_holds_and_the_page_says_so(key: str) -> None:
    holds(found(key))
    assert page.stale(page.section(TEXT, key), found(key)) == [], "run `make validation`"


def test_every_published_table_is_read_and_shown(tmp_path: Path) -> None:
    shown = {witness.table for key in HERE for witness in found(key)} - {""}
    assert book.unread() == set()
    assert shown == book.tables()
    for name in ("yields/excel_xirr_xnpv", "yields/nobody_asks"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    assert book.unread(tmp_path) == {"yields/nobody_asks"}


def _strings(path: Path) -> set[str]:
    """Texts in a file's code, without those that only describe it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
    }


def test_published_tables_have_one_door() -> None:
    openers = []
    for path in TESTS.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "golden" not in text or "tables" not in text:
            continue
        texts = _strings(path)
        if {"golden", "tables"} <= texts or any("golden/tables" in text for text in texts):
            openers.append(path.relative_to(TESTS).as_posix())
    assert sorted(openers) == ["test_validation.py", "witnesses/book.py"]


def test_there_are_enough_of_them_and_the_summary_counts_them() -> None:
    assert sum(len(found(key)) for key in HERE) >= 150
    assert page.summary(TEXT) == page.section(TEXT, "summary")
    assert re.fullmatch(
        r"`make validation`, \d{4}-\d\d-\d\d, Python .*; numpy .*, QuantLib .*\.",
        page.section(TEXT, "versions"),
    )


def _witness(*figures: Figure) -> Witness:
    return Witness("Interest", "f", "a book", "printed", figures, "currency")


def test_a_figure_that_is_off_is_named() -> None:
    good = _witness(near("month 1", 10.0, 10.004, 0.005), near("month 2", 20.0, 20.0, 0.0))
    holds(good)
    assert page.row(good)[4:] == [
        "month 1", "10", "10.0040", "+0.004", "+0.04%", "0.005", "80%", "yes",
    ]  # fmt: skip
    bad = _witness(*good.figures, near("month 3", 10.0, 10.006, 0.005))
    with pytest.raises(AssertionError, match=r"Interest: month 3: published 10\.0, ours 10\.006"):
        holds(bad)
    assert page.row(bad)[-2:] == ["120%", "**no**"]
    for ours in (float("nan"), float("inf")):
        with pytest.raises(AssertionError, match="month 4"):
            holds(_witness(near("month 4", 10.0, ours, 0.005)))
    with pytest.raises(AssertionError, match="no witness"):
        holds([])
    with pytest.raises(ValueError, match="has no figure"):
        _witness()
    with pytest.raises(ValueError, match=r"theirs are of shape \(2,\), ours of \(1,\)"):
        book.alike("x", [1, 2], [1], 0.0)


def test_a_range_of_one_side_is_kept_to() -> None:
    wide = Figure("share", 10.0, 8.5, below=2.0, above=1.0)
    assert wide.used == 0.75
    assert replace(wide, ours=11.5).used == 1.5
    assert page.allowed(wide) == "-2, +1"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"source": "another book"}, "source: 'a book', expected 'another book'"),
        ({"figures": (near("month 1", 10.0, 10.004, 0.005),)}, "figures: '2', expected '1'"),
        (
            {"figures": (near("month 1", 10.0, 10.0035, 0.005), near("month 2", 20, 20.0, 0.0))},
            "'10.0040'",
        ),
        (
            {"figures": (near("month 1", 10.1, 10.104, 0.005), near("month 2", 20, 20.0, 0.0))},
            "'10.1'",
        ),
        (
            {"figures": (near("month 1", 10.0, 10.004, 0.006), near("month 2", 20, 20.0, 0.0))},
            "'0.006'",
        ),
        (
            {"figures": (near("month 1", 10.0, 10.004, 0.005), near("month 2", 20, 20.19, 0.2))},
            "'month 2'",
        ),
        (
            {"figures": (near("month 1", 10.0, 10.006, 0.005), near("month 2", 20, 20.0, 0.0))},
            "holds: 'yes', expected '**no**'",
        ),
    ],
)
def test_a_page_that_says_something_else_is_stale(changed: dict, why: str) -> None:
    then = _witness(near("month 1", 10.0, 10.004, 0.005), near("month 2", 20.0, 20.0, 0.0))
    body = page.table(page.HEADS, [page.row(then)])
    assert page.stale(body, [then]) == []
    # Another version of a library: a hundredth of the tolerance.
    near_it = (near("month 1", 10.0, 10.00405, 0.005), then.figures[1])
    assert page.stale(body, [replace(then, figures=near_it)]) == []
    (said,) = page.stale(body, [replace(then, **changed)])
    assert why in said
    assert page.stale(body, [then, then]) == ["1 rows, expected 2"]


def test_sections_are_replaced_between_their_marks_only() -> None:
    start, end = page.marks("a")
    text = f"before\n\n{start}\n\nold\n\n{end}\n\nafter\n"
    assert page.with_section(text, "a", "new") == text.replace("old", "new")
    with pytest.raises(ValueError, match="once each"):
        page.section(text, "b")


def test_pictures_are_small_and_all_shown() -> None:
    linked = set(re.findall(r"!\[[^\]]+\]\(pictures/([\w.-]+)\)", TEXT))
    there = {path.name: path.stat().st_size for path in page.PICTURES.glob("*.png")}
    drawn = {name for name in there if name.startswith(("aart-2017-3-", "carmax-"))}
    assert linked == drawn
    assert len(linked) == 6
    assert max(there[name] for name in linked) < SMALL


def test_the_forecast_of_real_loans_is_what_the_page_says(data_dir) -> None:
    rows = aart.rows(aart.forecast(data_dir(aart.DATA)))
    told = page.lines(page.section(TEXT, "pool"))
    assert [list(line.cells.values()) for line in told] == rows
