"""The synthetic platform: a stock that follows from its flow, the same for the same seed."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.periods import add_months
from scfcap.schema.load import load_model
from scfcap.synthetic.platform import PRODUCTS, SEGMENTS, generate
from scfcap.synthetic.shops import SHOP_LIMIT, core_shares
from scfcap.tape.schema import COLUMNS
from tests.synthetic.conftest import NOT_OF_A_PLATFORM

AS_OF = pd.Timestamp("2013-12-31")


def made(*overrides):
    spec = load_model("alibaba-2013", overrides).spec
    assert spec.tape.platform is not None
    return generate(spec.tape.platform, spec)


@pytest.fixture(scope="module")
def tape():
    """60,000 loans: enough for shares to be sharp."""
    return made("tape.platform.loans=60_000")


def by_product(tape):
    names = {"order_core": "order", "order_other": "order", "b2b": "b2b"}
    return tape["segment"].astype(object).map(lambda s: names.get(s, "credit"))


def test_columns_are_ours_and_complete(tape):
    assert set(tape.columns) == {column.name for column in COLUMNS} - NOT_OF_A_PLATFORM
    assert len(tape) == 60_000
    assert tape["loan_id"].is_unique
    order = tape["loan_type"] == "order"
    assert tape["buyer_id"].notna().equals(order)
    assert tape.drop(columns="buyer_id").notna().all().all()


def test_same_seed_same_bytes():
    def digest(frame):
        return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()

    small = "tape.platform.loans=3_000"
    assert digest(made(small)) == digest(made(small))
    assert digest(made(small)) != digest(made(small, "tape.platform.seed=1"))


def test_few_thousand_shops_and_none_above_the_limit():
    tape = made()
    assert len(tape) == 10_000
    assert 2_000 <= tape["borrower_id"].nunique() <= 4_000
    assert tape.groupby("borrower_id")["original_balance"].sum().max() <= SHOP_LIMIT
    assert tape["region"].nunique() == 12


def test_every_loan_is_outstanding(tape):
    assert (tape["origination_date"] <= AS_OF).all()
    on_time = tape["days_past_due"] == 0
    assert (tape.loc[on_time, "maturity_date"] > AS_OF).all()
    assert (tape["current_balance"] > 0).all()
    assert (tape["current_balance"] <= tape["original_balance"]).all()
    gap = tape["original_balance"] - tape["current_balance"] - tape["paid_principal"]
    assert gap.abs().max() < 0.005


def test_stock_is_flow_times_life(tape):
    """Shares of the products by balance: flow 60/30/10 times mean lives of about 15, 60, 150 days.

    600·15 : 300·60 : 100·150 = 21 : 43 : 36 in a steady flow. November's peak lifts what lives
    longer, so the bounds are wide.
    """
    share = tape.groupby(by_product(tape))["current_balance"].sum() / tape["current_balance"].sum()
    assert share["order"] == pytest.approx(0.21, abs=0.06)
    assert share["credit"] == pytest.approx(0.43, abs=0.06)
    assert share["b2b"] == pytest.approx(0.36, abs=0.06)


@pytest.mark.parametrize(("product", "size"), [("order", 11e3), ("credit", 30e3), ("b2b", 150e3)])
def test_mean_sizes(tape, product, size):
    mean = tape.loc[by_product(tape) == product, "original_balance"].mean()
    assert mean == pytest.approx(size, rel=0.05)


def test_terms_rates_and_types(tape):
    days = (tape["maturity_date"] - tape["origination_date"]).dt.days
    limits = {
        "order_core": (1, 30),
        "order_other": (1, 30),
        "credit_short": (30, 90),
        "credit_long": (91, 180),
        "b2b": (180, 366),
    }
    for segment, (low, high) in limits.items():
        term = days[tape["segment"] == segment]
        assert term.min() >= low
        assert term.max() <= high
    rates = tape.groupby(by_product(tape))["rate"].agg(["min", "max"])
    for product, daily in (("order", 0.0005), ("credit", 0.0006), ("b2b", 0.18 / 365)):
        assert list(rates.loc[product]) == pytest.approx([365 * daily] * 2)
    types = tape.groupby(by_product(tape))["loan_type"].agg(lambda x: sorted(x.unique()))
    assert types["order"] == ["order"]
    assert types["credit"] == ["bullet", "revolving_line"]
    assert types["b2b"] == ["level_payment"]


def test_long_loans_are_longer_in_the_stock_than_in_the_flow(tape):
    """Length bias: in the flow terms are even (mean 15.5 days), in the stock mean (2n + 1)/3."""
    orders = tape[(by_product(tape) == "order") & (tape["days_past_due"] == 0)]
    term = (orders["maturity_date"] - orders["origination_date"]).dt.days
    assert term.mean() == pytest.approx(61 / 3, abs=0.5)


def test_november_peak(tape):
    """More outstanding from the fortnight before 11 November than from the one before that.

    Without the season age alone would make it the other way round only by days; the rush makes
    it a multiple.
    """
    day = tape.loc[by_product(tape) == "b2b", "origination_date"]

    def made_in(start, end):
        return int(day.between(pd.Timestamp(start), pd.Timestamp(end)).sum())

    rush = made_in("2013-11-01", "2013-11-11")
    assert rush > 1.25 * made_in("2013-11-16", "2013-11-26")
    assert rush > 1.8 * made_in("2013-12-01", "2013-12-11")
    assert made_in("2013-02-01", "2013-02-28") < 0.8 * made_in("2013-03-01", "2013-03-31")


def test_core_enterprises(tape):
    """20 of them; the largest five hold 35% of the order loans by amount, and are order_core."""
    shares = core_shares()
    assert len(shares) == 20
    assert shares[:5].sum() == pytest.approx(0.35, abs=1e-9)
    assert (np.diff(shares) < 0).all()
    orders = tape[tape["loan_type"] == "order"]
    amount = orders.groupby("buyer_id", observed=True)["current_balance"].sum()
    assert amount.nlargest(5).sum() / amount.sum() == pytest.approx(0.35, abs=0.02)
    core = orders.loc[orders["segment"] == "order_core", "buyer_id"].unique()
    assert sorted(core) == ["CE01", "CE02", "CE03", "CE04", "CE05"]


def test_lateness(tape):
    """90 days past due or more on 0.9 to 1.9% of the book; statuses say the same as the days."""
    late = tape["days_past_due"]
    total = tape["current_balance"].sum()
    assert 0.009 < tape.loc[late >= 90, "current_balance"].sum() / total < 0.019
    expected = np.select([late >= 90, late > 0], ["default", "late"], "current")
    assert (tape["status"].astype(object) == expected).all()
    bullets = tape[(late > 0) & (tape["loan_type"] != "level_payment")]
    assert ((AS_OF - bullets["maturity_date"]).dt.days == bullets["days_past_due"]).all()
    assert tape.loc[late > 0, "score"].mean() < tape["score"].mean() - 10


def schedule_balance(amount, rate, months, paid):
    """Balance after ``paid`` level payments, instalment by instalment."""
    i = rate / 12
    instalment = amount * i / (1 - (1 + i) ** -months)
    balance = amount
    for _ in range(paid):
        balance -= instalment - balance * i
    return balance


def test_instalment_loans_have_amortised_by_their_schedule(tape):
    loans = tape[tape["segment"] == "b2b"]
    sample = pd.concat(
        [
            loans[loans["days_past_due"] == 0].head(150),
            loans[loans["days_past_due"] > 0].head(150),
        ]
    )
    seen_late = 0
    for loan in sample.itertuples():
        start, end = loan.origination_date.date(), loan.maturity_date.date()
        months = (end.year - start.year) * 12 + end.month - start.month
        due = sum(add_months(start, n) <= AS_OF.date() for n in range(1, months + 1))
        missed = 0
        if loan.days_past_due:
            first = [
                n
                for n in range(1, due + 1)
                if (AS_OF.date() - add_months(start, n)).days == max(loan.days_past_due, 0)
            ]
            missed = due - first[0] + 1 if first else 1
            seen_late += 1
        balance = schedule_balance(loan.original_balance, loan.rate, months, due - missed)
        assert loan.current_balance == pytest.approx(balance, abs=0.01)
    assert seen_late > 50


@pytest.mark.parametrize("loans", [2_000, 10_000, 60_000])
def test_series_are_filled_to_their_share_of_the_book(loans):
    """A pool at closing of 500 m in a book of 2,900 m: the same share of whatever is generated."""
    tape = made(f"tape.platform.loans={loans}")
    share = tape.groupby("channel", observed=True)["current_balance"].sum()
    share = share / share.sum()
    assert share["securitization:series-1"] == pytest.approx(500 / 2900, rel=1e-3)
    assert share["securitization:series-2"] == pytest.approx(500 / 2900, rel=1e-3)
    assert share["own_capital"] == pytest.approx(1900 / 2900, rel=1e-3)


def test_series_hold_performing_short_loans_only(tape):
    held = tape[tape["channel"] != "own_capital"]
    assert (held["status"] == "current").all()
    assert set(held["segment"]) == set(SEGMENTS) - {"b2b"}
    assert ((held["maturity_date"] - AS_OF).dt.days <= 180).all()


def test_series_larger_than_the_book_are_refused():
    with pytest.raises(InputError) as error:
        made("stated_for_book=1.2e9")
    text = str(error.value)
    assert "securitization.series.series-" in text
    assert "at most the performing loans left for it" in text


def test_without_a_vehicle_all_loans_are_own():
    spec = load_model("alibaba-2013", ["tape.platform.loans=500"]).spec
    alone = spec.model_copy(update={"securitization": None})
    assert alone.tape.platform is not None
    tape = generate(alone.tape.platform, alone)
    assert set(tape["channel"]) == {"own_capital"}


@pytest.mark.parametrize("loans", [1, 2, 7])
def test_very_small_books(loans):
    spec = load_model("alibaba-2013", [f"tape.platform.loans={loans}"]).spec
    alone = spec.model_copy(update={"securitization": None})
    assert alone.tape.platform is not None
    assert len(generate(alone.tape.platform, alone)) == loans


def test_products_are_the_whole_flow():
    assert sum(product.flow for product in PRODUCTS) == pytest.approx(1.0)
