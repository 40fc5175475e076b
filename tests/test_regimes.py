"""The page on regimes says what the files say, and its example is a regime."""

from __future__ import annotations

import re
import textwrap
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from scfcap.schema.law import calendar_of
from scfcap.schema.load import load_model, read_regime
from scfcap.schema.regime import Base, BorrowerLimit, Source

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "regimes.md").read_text(encoding="utf-8")
REGIMES = {path.stem: read_regime(path) for path in (ROOT / "models" / "regimes").glob("*.toml")}
BASES: dict[Base, str] = {
    "net_capital": "net capital",
    "net_assets": "net assets",
    "net_assets_prior_year_end": "net assets of the year end before",
}


def table(head: str) -> list[list[str]]:
    """Rows of the table whose head begins so."""
    lines = PAGE.partition(f"| {head}")[2].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    assert rows
    return rows


def borrower(limit: BorrowerLimit | None) -> str:
    if limit is None:
        return ""
    if limit.share is None:
        return f"{limit.amount:,.0f}"
    return f"{limit.share:.0%} of {BASES[limit.base]}"


def test_days_and_limits_are_those_of_the_files():
    expected = [
        [
            name,
            one.jurisdiction,
            one.start.isoformat(),
            one.end.isoformat() if one.end else "",
            borrower(one.single_borrower),
            borrower(one.group),
            str(one.bank_lenders.most) if one.bank_lenders else "",
            ", ".join(channel for closing in one.closed for channel in closing.channels),
        ]
        for name, one in REGIMES.items()
    ]
    assert sorted(table("regime | jurisdiction")) == sorted(expected)


def test_weights_are_those_of_the_files():
    sources = get_args(Source)
    assert f"| regime | cap | multiple × base | {' | '.join(sources)} |" in PAGE
    expected = [
        [
            name,
            cap.name,
            f"{cap.multiple:g} × {cap.base}",
            *(f"{cap.weights[s]:g}" if s in cap.weights else "" for s in sources),
        ]
        for name, one in REGIMES.items()
        for cap in one.caps
    ]
    assert sorted(table("regime | cap | multiple")) == sorted(expected)


def test_places_and_readings_are_those_of_the_files():
    (cap,) = REGIMES["cn_2017_141"].caps
    assert table("place") == sorted([x.place, f"{x.multiple:g}"] for x in cap.local)
    assert not [n for n, one in REGIMES.items() for c in one.caps if c.local and c is not cap and n]
    expected = [
        [r.name, name, c.name, ", ".join(f"{s} {w:g}" for s, w in r.weights.items())]
        for name, one in REGIMES.items()
        for c in one.caps
        for r in c.readings
    ]
    assert sorted(table("reading")) == sorted(expected)


@pytest.fixture
def example(tmp_path):
    """A folder that holds the page's example as the regime ``own``."""
    block = re.search(r"^    title = .*?(?=^\S)", PAGE, re.DOTALL | re.MULTILINE)
    assert block is not None
    (tmp_path / "regimes").mkdir()
    path = tmp_path / "regimes" / "own.toml"
    path.write_text(textwrap.dedent(block[0]), encoding="utf-8")
    return path


def test_the_example_is_a_regime(example):
    rules = {"own": read_regime(example)}
    whole = calendar_of("XX", rules).holding(date(2024, 6, 30))
    assert whole.caps[0].multiple == 3.0
    assert whole.closed_channels == frozenset()
    north = calendar_of("xx-north", rules, ("notes_in_full",)).holding(date(2024, 7, 1))
    assert north.caps[0].multiple == 2.0
    assert north.caps[0].weights["abs_third_party"] == 1.0
    assert north.closed_channels == {"p2p"}


def test_a_model_may_use_the_example(example):
    folder = example.parents[1]
    text = 'base = "alibaba-2013"\nas_of = 2024-03-31\nregime = "XX"\nsecuritization.issues = []\n'
    text += "securitization.series = []\n"
    drawn = "\n".join(f'[[lenders]]\nname = "bank-{x}"\ndraws = []\n' for x in "ab")
    (folder / "model.toml").write_text(text + drawn, encoding="utf-8")
    regime = load_model(folder).regime
    assert regime is not None
    assert regime.single_borrower is not None
    assert regime.single_borrower.share == 0.10
