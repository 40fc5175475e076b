"""Whole loans of a model: what is on offer, what may be bought, and what goes back."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scfcap
from scfcap.api.deals import deal_case
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.outcome import DealRun
from scfcap.errors import InputError

AS_OF = date(2013, 12, 31)
MODEL = """
base = "alibaba-2013"

[pool.eligibility.own]
rules = [
    { name = "rate", test = "rate >= 0.15" },
    { name = "term", test = "remaining_days <= 200" },
]
concentrations = [
    { column = "region", share = 0.12 },
    { column = "borrower_id", amount = 15e6 },
]

[deals.own]
closing = 2013-12-31
legal_end = 2014-10-31
phases = [{ name = "revolving", until = 2014-08-31 }, { name = "amortising" }]
[deals.own.assets]
purchases = "loans"
eligibility = "own"
size = 1.0e9
price = 0.985
covenants = [{ column = "score", least = 620 }]
MORE
[deals.own.tranches.senior]
share = 0.8
coupon = 0.06
[deals.own.tranches.junior]
kind = "equity"
share = 0.2
[[deals.own.waterfall.revolving]]
pay = "interest"
to = "senior"
[[deals.own.waterfall.revolving]]
pay = "purchase"
[[deals.own.waterfall.amortising]]
pay = "interest"
to = "senior"
[[deals.own.waterfall.amortising]]
pay = "principal"
to = "senior"
[[deals.own.waterfall.amortising]]
pay = "residual"
to = "junior"
"""


def model_of(folder: Path, more: str = "") -> scfcap.Model:
    (folder / "model.toml").write_text(MODEL.replace("MORE", more), encoding="utf-8")
    return scfcap.load(folder, overrides={"tape.platform.loans": 1200})


def run_base(model: scfcap.Model) -> DealRun:
    return deal_case(model, "own", {"base": model.spec.scenarios["base"]}).run()


def loans(result: DealRun, model: scfcap.Model, scenario: str = "base") -> pd.DataFrame:
    """The ledger of a scenario beside what the tape says of each loan."""
    frame = result.loans_frame([scenario])
    tape = model.tape().frame.set_index("loan_id")
    of_tape = frame["loan_id"].astype(str).str.split("+").str[0]
    named = ["region", "borrower_id", "score", "rate", "original_balance"]
    beside = tape.loc[of_tape, named].reset_index(drop=True)
    term = tape["maturity_date"] - tape["origination_date"]
    return frame.assign(
        **{name: beside[name] for name in named},
        term=term.loc[of_tape].dt.days.to_numpy(),
        first_end=tape.loc[of_tape, "maturity_date"].to_numpy(),
        number=pd.to_numeric(frame["loan_id"].astype(str).str.split("+").str[1]),
    )


def test_only_eligible_loans_are_bought_at_their_time_for_their_price(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    result = run_base(model)
    frame = loans(result, model)
    bought = frame[frame["period"] > 0]
    assert len(bought) > 300
    assert (bought["rate"] >= 0.15).all()
    assert (bought["term"] <= 200).all()  # whole, when it is made
    assert bought["balance_bought"].to_numpy() == pytest.approx(bought["original_balance"])
    assert bought["price"].to_numpy() == pytest.approx(0.985 * bought["balance_bought"])
    # The n-th renewal begins when the loan and n - 1 more terms have ended, in the period bought.
    begins = (bought["first_end"] - pd.Timestamp(AS_OF)).dt.days.clip(lower=1)
    begins += (bought["number"] - 1) * bought["term"]
    ends = np.array([0, *result.deal.calendar.grid.days[1:]])
    period = bought["period"].to_numpy()
    assert (begins.to_numpy() <= ends[period]).all()
    assert (begins.to_numpy() > ends[period - 1]).all()
    assert bought["loan_id"].is_unique
    held = frame.loc[frame["period"] == 0, "balance_bought"].sum()
    assert result.closing.pool[0] == pytest.approx(0.985 * held)


def test_after_each_date_the_pool_keeps_limits_and_covenant(tmp_path: Path) -> None:
    """Every loan is tested with those before it, on what contracts owe."""
    model = model_of(tmp_path)
    result = run_base(model)
    frame, assets = loans(result, model), result.assets
    assert isinstance(assets, LoanAssets)
    row = {str(name): n for n, name in enumerate(assets.stock.loan_id)}
    at = np.array([row[str(name)] for name in frame["loan_id"]])
    least = model.spec.deals["own"].assets.size or 0.0
    most = next(c.amount for c in model.spec.pool.eligibility["own"].concentrations if c.amount)
    bound = 0
    for period in range(1, 9):
        day = int(result.deal.calendar.grid.days[period])
        owed = assets.stock.owed(at, day)[at]
        pool = frame.assign(owed=owed)[(frame["period"] <= period) & (owed > 0.0)]
        new = pool[pool["period"] == period]
        total = max(pool["owed"].sum(), least)
        region = pool.groupby("region", observed=True)["owed"].sum()
        borrower = pool.groupby("borrower_id", observed=True)["owed"].sum()
        # A limit that was breached by repayments elsewhere stops new loans of that value alone.
        assert (region[new["region"].unique()] <= 0.12 * total * (1 + 1e-9)).all()
        assert (borrower[new["borrower_id"].unique()] <= most * (1 + 1e-9)).all()
        mean = np.average(pool["score"], weights=pool["owed"])
        assert mean >= 620.0 - 1e-9
        bound += int((region > 0.11 * total).any())
    assert bound >= 4


def test_breaches_go_back_and_substitutes_come(tmp_path: Path) -> None:
    terms = """breaches = [{ test = 'region == "Guangdong"', found_after = 20 }]
substitution = { at_least = ["rate"], at_most = ["remaining_days"] }"""
    model = model_of(tmp_path, terms)
    result = run_base(model)
    frame = loans(result, model)
    broken = frame[frame["region"] == "Guangdong"]
    assert len(broken) > 10
    days = result.deal.calendar.grid.days
    came = days[broken["period"]]
    due = np.minimum(np.maximum(np.searchsorted(days, came + 20), broken["period"] + 1), len(days))
    back = due < len(days)
    assert (broken["left"].to_numpy()[back] == due[back]).all()
    assert set(broken["how"][back]) <= {"replaced", "repurchased"}
    assert (frame["how"] == "replaced").any()
    # A substitute came for what was left of a loan of the same period, with no less of a rate.
    other = (frame["price"] - 0.985 * frame["balance_bought"]).abs() > 1e-6
    substitutes, replaced = frame[other], frame[frame["how"] == "replaced"]
    assert len(substitutes) == len(replaced)
    pairs = replaced.merge(
        substitutes,
        left_on=["left", "replaced"],
        right_on=["period", "price"],
        suffixes=("", "_new"),
    )
    assert len(pairs) == len(replaced)
    assert (pairs["rate_new"] >= pairs["rate"]).all()
    assert (pairs["balance_bought_new"] >= pairs["replaced"] - 1e-9).all()
    assert result.of("exchanged").sum() > 0.0


def test_named_loans_and_ineligible_ones_go_back_at_par(tmp_path: Path) -> None:
    plain = model_of(tmp_path)
    first = run_base(plain).loans_frame(["base"])["loan_id"].iloc[3]
    day = AS_OF + timedelta(days=70)
    more = f'repurchases = [{{ loan = "{first}", on = {day} }}]'
    model = model_of(tmp_path, more)
    frame = run_base(model).loans_frame(["base"]).set_index("loan_id")
    assert frame.loc[first, "left"] == 3
    assert frame.loc[first, "how"] == "repurchased"
    # Loans that are the deal's by their place on the tape are held whatever the set says.
    place = next(p for p in plain.pool().places if p.startswith("securitization"))
    more = f'channel = "{place}"\nrepurchase_ineligible = true'
    text = MODEL.replace("MORE", more).replace("size = 1.0e9\n", "")
    text = text.replace("rate >= 0.15", "rate >= 0.19")
    (tmp_path / "model.toml").write_text(text, encoding="utf-8")
    held = scfcap.load(tmp_path, overrides={"tape.platform.loans": 1200})
    pool = held.pool()
    mine = pool.place == pool.places.index(place)
    wrong = mine & (pool.eligibility["own"] != 1)
    assert 0 < wrong.sum() < mine.sum()
    result = run_base(held)
    first = result.loans_frame().query("period == 0").set_index("loan_id")
    assert set(first.index) == set(pool.loan_id[mine])
    back = first[first["left"] == 1]
    assert set(back.index) == set(pool.loan_id[wrong])
    assert (back["repurchased"] + back["principal"] + back["default"]).to_numpy() == pytest.approx(
        back["balance_bought"].to_numpy()
    )


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("breaches = [{ test = 'county == \"X\"' }]", "assets.breaches\\[0\\].test"),
        ('substitution = { at_least = ["rating"] }', "assets.substitution.at_least"),
        ('substitution = { at_most = ["region"] }', "region, a text"),
        ('repurchases = [{ loan = "L9", on = 2014-02-01 }]', "assets.repurchases\\[0\\]"),
    ],
)
def test_columns_and_loans_that_are_not_there(tmp_path: Path, more: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        run_base(model_of(tmp_path, more))


def test_draws_of_borrowers_have_no_funder(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(MODEL.replace("MORE", ""), encoding="utf-8")
    overrides = {"tape.platform.loans": 300, "credit.segments.credit_short.draw_rate": 0.5}
    with pytest.raises(InputError, match="deals do not fund them"):
        deal_case(scfcap.load(tmp_path, overrides=overrides), "own")
