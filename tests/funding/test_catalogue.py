"""Each constraint family is documented once, and its function says its formula."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scfcap.funding.catalogue import FAMILIES
from scfcap.funding.family import Family

ROWS = dict(
    re.findall(
        r"^\| `(\w+)` \|.*\| (\w+) \| `[\w.]+` \|$",
        (Path(__file__).parents[2] / "docs" / "funding-program.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)


def test_documented_families_are_the_catalogue() -> None:
    assert {family.name: family.kind for family in FAMILIES} == ROWS


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_family_says_its_formula(family: Family) -> None:
    text = family.rows.__doc__ or ""
    assert "``" in text
    assert family.rows.__name__ == family.name
