"""What results say of themselves: short, escaped, and without computing anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import scfcap
from scfcap.brief import Brief, Lines

HOSTILE = '<script>alert("x")</script>\x1b[31m\n& friends'


class _Named(Brief):
    def _brief(self) -> tuple[str, Lines]:
        return HOSTILE, [(HOSTILE, HOSTILE), ("long", "a" * 500)]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(html: str) -> _Tags:
    found = _Tags()
    found.feed(html)
    return found


def test_hostile_names_stay_text() -> None:
    read = _read(_Named()._repr_html_())
    assert read.tags == {"table", "caption", "tbody", "tr", "th", "td"}
    assert read.text.count('<script>alert("x")</script>') == 3
    plain = repr(_Named())
    assert len(plain.splitlines()) == 3
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) < 400


@pytest.fixture(scope="module")
def model() -> scfcap.api.Model:
    small = {"tape.platform.loans": 120, "title": "<b>bold</b> & =2+2"}
    return scfcap.load("alibaba-2013", overrides=small)


def test_a_model_says_what_it_is_before_anything_is_computed() -> None:
    bare = scfcap.load("alibaba-2013", overrides={"title": "<b>bold</b> & =2+2"})
    said, html = repr(bare), bare._repr_html_()
    assert said.startswith("Model alibaba-2013\n")
    assert "nothing yet" in said
    assert "<b>" not in html
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; =2+2" in html
    assert bare._kept == {}


def test_results_say_size_and_key_figures(model) -> None:
    pool, cash, deal = model.pool(), model.cashflow(), model.deal()
    for result in (model, pool, cash, deal, model.pool_report(), model.projection(["base"]),
                   model.deal_report(), model.credit_report(), model.watch()):  # fmt: skip
        lines = repr(result).splitlines()
        assert 1 <= len(lines) <= 7, result
        assert _read(result._repr_html_()).tags <= {"table", "caption", "tbody", "tr", "th", "td"}
    assert f"loans: {len(pool):,}" in repr(pool)
    assert f"balance: {pool.total:,.0f}" in repr(pool)
    assert f"{len(pool):,} loans of CNY {pool.total:,.0f}" in repr(model)
    assert re.search(r"periods: \d+ \(month\), to \d{4}-\d\d-\d\d", repr(cash))
    assert repr(deal).splitlines()[0] == "Run of deal new-series"
