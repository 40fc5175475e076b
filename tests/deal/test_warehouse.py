"""Warehouse lines: what they lend on the loans of a date, what is drawn, and what is cured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import scfcap
from scfcap.api.deals import deal_case
from scfcap.deal.check import Known, check_deal
from scfcap.deal.explaining import explain_period
from scfcap.deal.figures import coverage_frame
from scfcap.deal.ledger import refuse_gaps
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.retention import Kept
from scfcap.deal.sizing import size_classes
from scfcap.deal.summary import classes_frame, closing_frame, fees_frame
from scfcap.deal.weights import risk_weights
from scfcap.errors import InputError
from scfcap.report.deal_tables import deal_cautions
from scfcap.schema.holders import CapitalSpec
from scfcap.schema.scenario import Scenario

from .dealing import pool_of, run, spec_of

LINE: dict[str, Any] = {
    "day_count": "act/act-icma",
    "lines": {
        "w": {
            "commitment": 90.0,
            "initial": "borrowing_base.w",
            "advance_rate": 0.8,
            "rate": 0.06,
            "fee_rate": 0.006,
        }
    },
    "tranches": {"equity": {"kind": "equity", "balance": 20.0}},
    "phases": (
        {"name": "revolving"},
        {"name": "amortising", "when": "trigger.deficiency"},
    ),
    "triggers": {"deficiency": {"test": "availability.w < -0.001", "when": "after payments"}},
    "waterfall": {
        "revolving": [
            {"pay": "line", "to": "w", "name": "interest", "up_to": "owed.w"},
            {"pay": "line", "to": "w", "name": "deficiency", "up_to": "-availability.w"},
            {"pay": "residual", "to": "equity"},
        ],
        "amortising": [
            {"pay": "line", "to": "w"},
            {"pay": "residual", "to": "equity", "when": "drawn.w <= 0"},
        ],
    },
}


def test_what_a_line_gives_at_closing_is_a_source() -> None:
    """80 of the line and 20 of equity pay for 100 of loans; the run's own account agrees."""
    result = run(LINE, pool_of(100.0, [100.0], [1.0]), 1)
    frame = closing_frame(result).set_index("item")["amount"]
    assert frame.to_dict() == {
        "class equity": 20.0,
        "drawn on w": 80.0,
        "originator's contribution": 0.0,
        "loans": 100.0,
        "costs at closing": 0.0,
    }
    assert all(tie.holds for tie in refuse_gaps(result))


BESIDE = """
day_count = "act/act-icma"
[lines.bank]
commitment = 50.0
initial = 50.0
rate = 0.06
[tranches.A]
balance = 30.0
coupon = 0.12
rating = "AAA"
[tranches.E]
kind = "equity"
balance = 20.0
retained = 1.0
[sizing]
stresses = { AAA = "1" }
[[waterfall.amortising]]
pay = "line"
to = "bank"
up_to = "owed.bank"
[[waterfall.amortising]]
pay = "interest"
to = "A"
[[waterfall.amortising]]
pay = "residual"
to = "E"
"""


def test_what_is_drawn_stands_before_the_classes_in_their_figures() -> None:
    """By hand: of loans of 100 a bank lends 50; A has 30, behind it, and the equity 20.

    So A is covered 100 / 80 times, attaches at 20% and detaches at 50% of the pool, and the
    originator keeps the lowest 20%, not the 50 that the bank pays for too.
    """
    result = run(BESIDE, pool_of(100.0, [0.0, 100.0], 1.0), 2, trace=True)
    frame = coverage_frame(result, 0).set_index(["period", "tranche"])
    assert frame.loc[(1, "A"), "asset_coverage"] == pytest.approx(100.0 / 80.0)
    weights = risk_weights(result, CapitalSpec(pool_weight=0.75, delinquent=0.0))
    assert weights.attachment[:, 0] == pytest.approx([0.2, 0.0])
    assert weights.detachment[:, 0] == pytest.approx([0.5, 0.2])
    assert Kept.of(result).horizontal == pytest.approx(0.2)
    lines = explain_period(result, "1", 1).lines
    assert lines["drawn_before"].tolist() == lines["drawn"].tolist() == [50.0]


def test_classes_beside_a_line_that_is_drawn_at_closing_are_not_sized() -> None:
    def never(*_: object) -> Any:
        raise AssertionError

    with pytest.raises(InputError, match="a line that pays for a part of the pool"):
        size_classes(spec_of(BESIDE), never, ("1",), np.array([100.0]))


def test_shipped_deals_are_shown_and_add_up() -> None:
    """Sources at closing are uses, in every deal of the model, as the command shows them."""
    model = scfcap.load("warehouse", overrides={"tape.platform.loans": 300})
    reports, left_out = model.deal_reports()
    assert not left_out
    assert {report.run.deal.name for report in reports} >= {"warehouse", "master-trust"}
    for report in reports:
        frame = report.frames["deals_sources_uses"]
        sums = {side: each["amount"].sum() for side, each in frame.groupby("side")}
        assert sums["source"] == pytest.approx(sums["use"], rel=1e-12)
        assert report.largest_gap < 1e-3


def test_a_line_by_hand() -> None:
    """Drawn to the base at closing, cured in January, short in February, repaid from March on."""
    pool = pool_of(100.0, [10.0, 0.0, 20.0], [1.0, 0.9, 0.6], [0.0, 30.0, 0.0])
    result = run(LINE, pool, 3, watch=("availability.w", "owed.w"), trace=True)
    assert result.closing.lines.tolist() == [80.0]
    assert result.closing.contribution.tolist() == [0.0]
    drawn = result.drawn[:, 0, 0]
    # January: interest 80 x 6%/12, fee 10 x 0.6%/12. The base falls to 72: 8 are repaid.
    steps = result.steps_frame("1", 1).set_index("step")
    assert steps.loc["interest", "paid"] == pytest.approx(0.4 + 0.005)
    assert steps.loc["interest", "availability.w"] == pytest.approx(-8.0)
    assert steps.loc["deficiency", ["paid", "availability.w"]].tolist() == pytest.approx([8.0, 0.0])
    assert result.of("residual")[0, 0, 0] == pytest.approx(11.0 - 0.405 - 8.0)
    # February: 30 default, the base is 48. 0.9 pays 0.36 + 0.009 and 0.531 of the 24 that lack.
    short = 24.0 - (0.9 - 0.369)
    assert drawn[1] == pytest.approx(48.0 + short)
    assert result.bases is not None
    assert result.bases[:, :, 0, 0].T[:2].tolist() == pytest.approx(
        np.array([[72.0, 0.0], [48.0, -short]])
    )
    assert result.tripped[:, 0, 0].tolist() == [False, True, True]
    # March: all goes to the line: 20.6 less interest and fee.
    owed = drawn[1] * 0.005 + (90.0 - drawn[1]) * 0.0005
    assert result.phase[:, 0].tolist() == [0, 0, 1]
    assert drawn[2] == pytest.approx(drawn[1] - (20.6 - owed))
    frame = result.cash_frame()
    assert frame["availability w"].tolist() == pytest.approx([0.0, -short, 32.0 - drawn[2]])
    assert frame["borrowing base w"].tolist() == pytest.approx([72.0, 48.0, 32.0])


def test_what_is_drawn_at_closing_is_a_source_and_what_stays_drawn_is_said() -> None:
    """80 of the line and 20 of equity buy 100; of what March leaves drawn a caution speaks."""
    pool = pool_of(100.0, [10.0, 0.0, 20.0], [1.0, 0.9, 0.6], [0.0, 30.0, 0.0])
    result = run(LINE, pool, 3, trace=True)
    frame = closing_frame(result).set_index(["side", "item"])["amount"]
    assert frame.to_dict() == {
        ("source", "class equity"): 20.0,
        ("source", "drawn on w"): 80.0,
        ("source", "originator's contribution"): 0.0,
        ("use", "loans"): 100.0,
        ("use", "costs at closing"): 0.0,
    }
    assert all(tie.holds for tie in refuse_gaps(result))
    frames = {"deals_fees": fees_frame(result), "deals_classes": classes_frame(result)}
    said = [each for each in deal_cautions(result, frames) if each.startswith("Line w")]
    # By hand above: 48 + 24 - 0.531 in February, of which March repays 20.6 less 0.36662.
    assert len(said) == 1
    assert "51.24 is still drawn" in said[0]


def test_without_a_shortage_nothing_trips() -> None:
    pool = pool_of(100.0, [10.0, 5.0, 20.0], [1.0, 0.9, 0.6])
    result = run(LINE, pool, 3)
    assert not result.tripped.any()
    assert result.drawn[:, 0, 0].tolist() == pytest.approx([72.0, 68.0, 52.0])


def test_the_commitment_caps_what_is_drawn_and_available() -> None:
    small = LINE | {"lines": {"w": LINE["lines"]["w"] | {"commitment": 50.0}}}
    result = run(small, pool_of(100.0, [10.0]), 1)
    assert result.closing.lines.tolist() == [50.0]
    assert result.bases is not None
    assert result.bases[:, 0, 0, 0].tolist() == pytest.approx([72.0, 0.0])


def test_what_is_past_due_is_not_lent_on() -> None:
    pool = pool_of(100.0, [10.0], [1.0])
    pool.delinquent = np.array([[15.0]])
    result = run(LINE, pool, 1)
    assert result.bases is not None
    assert result.bases[0, 0, 0, 0] == pytest.approx(0.8 * (90.0 - 15.0))


def test_draws_buy_the_loans_that_carry_them() -> None:
    """With 20 of cash, 80% and room: D = (availability + 0.8 x 20) / 0.2, so that after it
    drawn + D = 0.8 (pool + 20 + D).
    """
    from .dealing import ParLoans

    terms = LINE | {
        "lines": {"w": LINE["lines"]["w"] | {"commitment": 500.0, "rate": 0.0, "fee_rate": 0.0}},
        "waterfall": LINE["waterfall"]
        | {
            "revolving": [
                {"pay": "line", "to": "w", "name": "deficiency", "up_to": "-availability.w"},
                {
                    "pay": "transfer",
                    "to": "collection",
                    "from": "w",
                    "name": "draw",
                    "up_to": "(availability.w + 0.8 * account.collection) / 0.2",
                },
                {"pay": "purchase"},
                {"pay": "line", "to": "w", "name": "not needed"},
            ]
        },
    }
    # 40 fall due, 2 of them default; 4 of interest. Base 0.8 x 60 = 48: 32 are repaid, 10 are left.
    loans = ParLoans([40.0, 60.0], 0.04, [0.05, 0.0], [1000.0, 45.0])
    result = run(terms, loans, 2)
    draw = 0.8 * 10.0 / 0.2
    assert result.of("line_drawn")[0, 0] == pytest.approx(draw)
    assert result.of("purchases")[0, 0] == pytest.approx(10.0 + draw)
    assert result.drawn[0, 0, 0] == pytest.approx(48.0 + draw)
    assert result.bases is not None
    assert result.bases[1, 0, 0, 0] == pytest.approx(0.0, abs=1e-9)
    # In the second month all 110 fall due and only 45 are on offer: what found no loans goes back.
    assert result.of("purchases")[0, 1] == pytest.approx(45.0)
    assert result.of("pool")[0, 1] == pytest.approx(45.0)
    assert result.cash[1, 0, 0] == pytest.approx(110.0 * 1.04 - 88.0 - 45.0 + result.drawn[1, 0, 0])


# --- the pool's borrowing base, loan by loan ------------------------------------------------

MODEL = """
base = "alibaba-2013"

[pool.eligibility.w]
rules = [
    { name = "current", test = 'status == "current"' },
    { name = "ends in 5 to 150 days", test = "5 <= remaining_days <= 150" },
]
concentrations = [{ column = "region", share = 0.09, treatment = "cut_back" }]

[pool.borrowing_base.w]
eligibility = "w"
advance_rates = [{ name = "good", test = "score >= 650", rate = 0.8 }]
otherwise = 0.6
reserves = [{ name = "stated", amount = 1e6 }, { name = "share", share = 0.02 }]
drawn = 0.0

[deals.w]
closing = 2013-12-31
legal_end = 2014-10-31
phases = [{ name = "revolving", until = 2014-06-30 }, { name = "amortising" }]
[deals.w.assets]
purchases = "PURCHASES"
eligibility = "series"
size = 0.2e9
[deals.w.lines.warehouse]
commitment = 0.5e9
initial = "borrowing_base.warehouse"
borrowing_base = "w"
rate = 0.07
[deals.w.tranches.equity]
kind = "equity"
balance = 60e6
[[deals.w.waterfall.revolving]]
pay = "line"
to = "warehouse"
up_to = "owed.warehouse"
[[deals.w.waterfall.revolving]]
pay = "purchase"
[[deals.w.waterfall.amortising]]
pay = "line"
to = "warehouse"
[[deals.w.waterfall.amortising]]
pay = "residual"
to = "equity"
"""


def model_of(folder: Path, purchases: str) -> scfcap.Model:
    text = MODEL.replace("PURCHASES", purchases)
    (folder / "model.toml").write_text(text, encoding="utf-8")
    return scfcap.load(folder, overrides={"tape.platform.loans": 1500})


def plain_base(loans: pd.DataFrame, factor: float) -> float:
    """The base of MODEL in plain pandas: rules, cut of regions, rates, reserves."""
    good = loans[loans["remaining"].between(5, 150)]
    total = good["owed"].sum()
    by_region = good.groupby("region", observed=True)["owed"].sum()
    kept = (by_region.clip(upper=0.09 * total) / by_region).fillna(0.0)
    assert (kept < 1.0).any()
    counted = good["owed"] * good["region"].map(kept).astype(float)
    gross = (counted * good["score"].ge(650).map({True: 0.8, False: 0.6})).sum()
    return float(gross - 1e6 * factor - 0.02 * counted.sum())


def test_the_base_of_whole_loans_is_the_pools_on_each_date(tmp_path: Path) -> None:
    model = model_of(tmp_path, "loans")
    case = deal_case(model, "w", {"stress": model.spec.scenarios["stress"]})
    result = case.run()
    assets = result.assets
    assert isinstance(assets, LoanAssets)
    assert result.bases is not None
    stock, tape = assets.stock, model.tape()
    factor = model.pool().total / _book(model)
    columns = tape.frame.set_index("loan_id")[["region", "score"]]
    for period in (1, 4, 7):
        rows, owed = assets.standing(period)[0]
        assert owed.sum() == pytest.approx(result.of("pool")[0, period - 1])
        end = (result.deal.calendar.grid.ends[period - 1] - tape.as_of).days
        loans = columns.loc[[str(each).split("+")[0] for each in stock.loan_id[rows]]]
        loans = loans.assign(owed=owed, remaining=stock.maturity_day[rows] - end)
        wanted = plain_base(loans, factor)
        assert result.bases[0, period - 1, 0, 0] == pytest.approx(wanted, rel=1e-9)
    held = result.loans_frame().query("period == 0")
    start = columns.loc[held["loan_id"]].assign(
        owed=held["balance_bought"].to_numpy(), remaining=stock.maturity_day[stock.held]
    )
    assert result.closing.lines[0] == pytest.approx(plain_base(start, factor))


def test_new_loans_are_the_same_projected_a_scenario_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(tmp_path, "cohorts")
    calm, harsh = Scenario(default_multiple=1.0), Scenario(default_multiple=3.0)
    scenarios = {"calm": calm, "harsh": harsh, "twice": harsh}
    whole = deal_case(model, "w", scenarios).lent
    monkeypatch.setattr("scfcap.api.deals._FACTORS", 1)
    parts = deal_case(model, "w", scenarios).lent
    assert whole.new.any()
    assert (whole.new[:, :, 0] != whole.new[:, :, 1]).any()
    np.testing.assert_array_equal(parts.new, whole.new)
    np.testing.assert_array_equal(parts.there, whole.there)


def _book(model: scfcap.Model) -> float:
    book = model.loaded.spec.stated_for_book
    assert book is not None
    return book


def test_the_base_of_shares_keeps_its_share_of_the_pool(tmp_path: Path) -> None:
    model = model_of(tmp_path, "cohorts")
    result = deal_case(model, "w").run()
    pool, factor = model.pool(), model.pool().total / _book(model)
    chosen = pool.loan_id[pool.eligibility["series"] == 1]
    frame = model.tape().frame.set_index("loan_id").loc[chosen]
    size = 0.2e9 * factor
    owed = frame["current_balance"] * size / frame["current_balance"].sum()
    remaining = (frame["maturity_date"] - pd.Timestamp(model.spec.as_of)).dt.days
    start = plain_base(frame.assign(owed=owed, remaining=remaining), factor)
    assert result.closing.lines == pytest.approx(start)
    assert result.bases is not None
    share = (start + 1e6 * factor) / size
    good = result.of("pool") - result.of("delinquent")
    np.testing.assert_allclose(result.bases[0, :, 0].T, share * good - 1e6 * factor, rtol=1e-9)


# --- what is refused ------------------------------------------------------------------------


def found(changes: dict[str, Any], known: Known | None = None) -> str:
    checked = check_deal("test", spec_of(LINE | changes), known)
    return "\n".join(f"{each.where}: {each.found}" for each in checked.errors)


def test_the_line_itself_is_sound() -> None:
    assert found({}) == ""


def test_words_of_a_base_need_one() -> None:
    plain = {"lines": {"w": {"commitment": 90.0, "initial": 50.0, "rate": 0.06}}}
    assert "availability.w" in found(plain)


def test_a_commitment_cannot_be_what_is_available_of_it() -> None:
    lines = {"w": LINE["lines"]["w"] | {"commitment": "90 + availability.w"}}
    assert "undrawn.w needs undrawn.w" in found({"lines": lines})


def test_a_line_and_a_class_have_different_names() -> None:
    tranches = {"w": {"kind": "equity", "balance": 20.0}}
    assert "the name of a tranche too" in found({"tranches": tranches})


def test_a_base_that_the_pool_does_not_have() -> None:
    lines = {"w": {"commitment": 90.0, "initial": 50.0, "borrowing_base": "bank-b"}}
    known = Known(indices=(), eligibility=(), segments=(), bases=("bank-a",))
    assert "lines.w.borrowing_base" in found({"lines": lines}, known)


@pytest.mark.parametrize(("terms", "place"), [
    ({"accounts": {"reserve": {"initial": "0.1 * pool - 20"}}}, "accounts.reserve.initial"),
    ({"lines": {"w": LINE["lines"]["w"] | {"initial": "20 - pool"}}}, "lines.w.initial"),
])  # fmt: skip
def test_nothing_below_zero_is_held_or_drawn_at_closing(terms: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError, match=rf"deals/test.toml: {place}: found -\d0.00 at closing"):
        run(LINE | terms, pool_of(100.0, [10.0], [1.0]), 1)


def test_one_base_a_line() -> None:
    with pytest.raises(ValidationError, match="advance rate beside"):
        spec_of(LINE | {"lines": {"w": LINE["lines"]["w"] | {"borrowing_base": "bank-a"}}})


def test_a_model_says_where_its_base_is_missing(tmp_path: Path) -> None:
    text = MODEL.replace("PURCHASES", "cohorts").replace(
        'borrowing_base = "w"', 'borrowing_base = "v"'
    )
    (tmp_path / "model.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="borrowing bases of the pool"):
        scfcap.load(tmp_path)
