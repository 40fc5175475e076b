"""Survival estimates beside those of lifelines, and what the page of witnesses says of them."""

from __future__ import annotations

import pytest

from tests.witnesses import page, survival
from tests.witnesses.book import Witness, holds

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def found() -> list[Witness]:
    return list(survival.witnesses())


def test_every_estimate_is_that_of_lifelines(found: list[Witness]) -> None:
    holds(found)
    assert len(found) == 9
    assert all(len(each.figures) >= 20 for each in found)


def test_the_page_says_so(found: list[Witness]) -> None:
    body = page.section(page.PAGE.read_text(encoding="utf-8"), "survival")
    assert page.stale(body, found) == []
