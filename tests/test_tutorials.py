"""Each tutorial, walked command by command in an empty folder, prints what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .walks import merged, shown, walk

DOCS = Path(__file__).parents[1] / "docs"
TUTORIALS = sorted(DOCS.glob("tutorial-*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = walk(page.read_text(encoding="utf-8"), tmp_path)
    assert done["sh"] >= 5
    assert done["text"] >= 5


def test_each_person_has_a_tutorial():
    assert {page.stem.partition("-")[2] for page in TUTORIALS} == {
        "analyst", "structurer", "treasurer"
    }  # fmt: skip


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_pictures_of_a_tutorial_are_there_and_light(page):
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        assert (DOCS / picture).stat().st_size <= 150_000


def test_a_line_that_is_not_printed_is_found():
    shown("a   1\n…\nc … 3\n", "a 1\nb 2\nc 2.5 3\n")
    with pytest.raises(AssertionError, match="not printed here: a 2"):
        shown("a 2\n", "a 1\n")
    with pytest.raises(AssertionError, match="not printed here: a 1"):
        shown("b\na 1\n", "a 1\nb\n")


def test_keys_go_to_their_tables():
    text = (
        'a = 1  # one\n[t]  # two\nb = 1\n[[l]]\nname = "x"  # x\nc = 1\n[[l]]\nname = "y"\nc = 2\n'
    )
    block = 'a = 5\n[t]\nb = 6\nd = 7\n[[l]]\nname = "y"\nc = 8\n[new]\ne = 9\n'
    after = (
        'a = 5\n[t]  # two\nd = 7\nb = 6\n[[l]]\nname = "x"  # x\nc = 1\n[[l]]\nname = "y"\nc = 8\n'
    )
    assert merged(text, block) == after + "\n[new]\ne = 9\n"
