"""The decision in words, for the example whose figures are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scfcap.report.tables import RunMeta, Table
from scfcap.report.words import best_prices, decision, listed


def test_the_decision_names_amounts_channels_and_what_binds(
    tables: dict[str, Table], meta: RunMeta
) -> None:
    lent = tables["plan_lending"].frame["originated"].sum() / 1e6
    sentences = decision(tables, meta)
    assert sentences[0] == (
        f"Lend CNY {lent:,.0f} m over 12 months, 91% of the demand of CNY {lent * 1.1:,.0f} m; "
        "net income is CNY 12.0 m."
    )
    assert sentences[1].startswith("Who funds the business, on average: own capital ")
    assert sentences[2:] == [
        "Banks: draw CNY 32.0 m on bank-a in 4 periods (owing at most CNY 31.0 m, in October "
        "2014).",
        "Securitization: series-1 stays outstanding.",
        "P2P: place notes of CNY 12.0 m, most in January 2014 (CNY 1.00 m).",
        "What binds, dearest first: regulatory cap (chongqing-2012) and credit line (bank-a).",
    ]


def test_the_shares_of_funding_add_up(tables: dict[str, Table], meta: RunMeta) -> None:
    text = decision(tables, meta)[1]
    shares = [int(part.rstrip("%.,")) for part in text.split() if part.rstrip(".,").endswith("%")]
    assert sum(shares) == pytest.approx(100, abs=2)


def test_a_new_series_is_told_with_month_and_notes(tables: dict[str, Table], meta: RunMeta) -> None:
    frame = tables["plan_balances"].frame.copy()
    notes = frame["item"] == "series-1: senior notes"
    frame.loc[notes & (frame["period"] < 3), "amount"] = 0.0
    bent = {**tables, "plan_balances": replace(tables["plan_balances"], frame=frame)}
    sentence = "Securitization: issue series-1 in Mar 2014 (notes of CNY 15.0 m)."
    assert sentence in decision(bent, meta)


def test_nothing_binds_is_said_too(tables: dict[str, Table], meta: RunMeta) -> None:
    frame = tables["plan_limits"].frame.assign(dual=0.0)
    bent = {**tables, "plan_limits": replace(tables["plan_limits"], frame=frame)}
    assert decision(bent, meta)[-1] == "No limit is worth widening."


def test_the_three_best_prices_come_by_rank(tables: dict[str, Table]) -> None:
    sentences = best_prices(tables)
    assert len(sentences) == 3
    assert sentences[0].startswith("CNY 1 million more of net capital")
    assert best_prices({}) == []


@pytest.mark.parametrize(
    ("parts", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_lists_in_words(parts: list[str], text: str) -> None:
    assert listed(parts) == text
