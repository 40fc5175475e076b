"""The platform with a history: accounts tie to the cent, and mechanisms do what they say."""

from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scfcap
from scfcap.periods import add_months
from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.calendar import make_calendar, months_later
from scfcap.synthetic.draws import normals, uniform
from scfcap.synthetic.fates import CORE_FAILED, INFECTED, OWN_FAULT
from scfcap.synthetic.lives import simulate
from scfcap.synthetic.network import NEVER, factor_path
from scfcap.synthetic.platform import PRODUCTS, SEGMENTS
from scfcap.synthetic.population import LINKS, dependence
from scfcap.tape.history import month_end
from scfcap.tape.schema import COLUMNS
from tests.synthetic.conftest import NOT_OF_A_PLATFORM

AS_OF = date(2013, 12, 31)
#: Many failures, so that there is something to see.
SPEC = LivesSpec(loans=30_000, seed=11, core_failure=0.15, infection=0.6)


@pytest.fixture(scope="module")
def lives():
    return simulate(SPEC, AS_OF)


@pytest.fixture(scope="module")
def paid(lives):
    """Sums of each loan's payments in cents, from the frame."""
    cents = (lives.payments[["principal", "interest", "recovery"]] * 100).round().astype("int64")
    return cents.groupby(lives.payments["loan"]).sum().reindex(range(len(lives)), fill_value=0)


def bytes_of(lives):
    texts = [lives.loans.to_csv(), lives.payments.to_csv(), lives.status.to_csv()]
    return hashlib.sha256("".join([*texts, lives.tape().to_csv()]).encode()).hexdigest()


# --- the generator ------------------------------------------------------------------------


def test_draws_are_splitmix64():
    """First outputs for seed 0, as the reference implementation of S. Vigna prints them."""
    for index, word in enumerate((0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)):
        assert uniform(np.uint64(0), index) == ((word >> 11) + 0.5) / 2**53


def test_normals_are_standard():
    drawn = normals(np.uint64(7), 200_000)
    assert abs(drawn.mean()) < 0.01
    assert drawn.std() == pytest.approx(1.0, abs=0.01)
    assert (np.abs(drawn) > 1.959964).mean() == pytest.approx(0.05, abs=0.002)


def test_same_seed_same_bytes():
    small = LivesSpec(loans=3_000, seed=5)
    first, again = simulate(small, AS_OF), simulate(small, AS_OF)
    assert bytes_of(first) == bytes_of(again)
    assert first.digest == again.digest
    other = simulate(small.model_copy(update={"seed": 6}), AS_OF)
    assert bytes_of(other) != bytes_of(first)
    assert other.digest != first.digest


def test_months_are_counted_as_elsewhere():
    calendar = make_calendar(LivesSpec(loans=1, seed=0), AS_OF)
    for day in range(1, calendar.days, 37):
        start = calendar.dates([day])[0].astype("datetime64[D]").item()
        for months in (1, 2, 7, 12):
            expected = calendar.day_of(add_months(start, months))
            assert months_later(calendar.table, day, months) == expected


@settings(max_examples=15)
@given(
    loans=st.integers(1, 60),
    seed=st.integers(0, 2**40),
    growth=st.sampled_from([-0.5, 0.0, 2.0]),
    churn=st.sampled_from([0.0, 3.0]),
    rate=st.sampled_from([0.0, 5.0]),
    months=st.integers(2, 30),
    as_of=st.dates(date(2005, 1, 1), date(2030, 12, 31)),
)
def test_any_platform_ties(loans, seed, growth, churn, rate, months, as_of):
    spec = LivesSpec(
        loans=loans, seed=seed, growth=growth, churn=churn, core_failure=rate, months=months,
        loans_per_shop=3.0, false_distress=rate,
    )  # fmt: skip
    lives = simulate(spec, as_of)
    assert len(lives.loans) == loans
    history = lives.history()  # raises unless every row ties
    tape = lives.tape(closed=True)
    lost = tape["original_balance"] - tape["current_balance"] - tape["paid_principal"]
    charged = history.panel.groupby("loan")["charged_off"].sum()
    np.testing.assert_allclose(lost, charged, atol=1e-6)


# --- money --------------------------------------------------------------------------------


def test_frames_are_ours_and_complete(lives):
    assert len(lives.loans) == SPEC.loans
    assert lives.loans["loan_id"].is_unique
    assert lives.loans["origination_date"].is_monotonic_increasing
    assert lives.loans["origination_date"].between("2010-01-01", "2013-12-31").all()
    orders = lives.loans["loan_type"] == "order"
    assert lives.loans["buyer_id"].notna().equals(orders)
    known = {column.name for column in COLUMNS}
    assert set(lives.tape().columns) == known - NOT_OF_A_PLATFORM
    assert (lives.tape()["current_balance"] > 0).all()


def test_money_is_conserved(lives, paid):
    """Paid out = outstanding + principal paid + charged off, loan by loan, in whole cents."""
    tape = lives.tape(closed=True)
    lent = (tape["original_balance"] * 100).round().astype("int64")
    owed = (tape["current_balance"] * 100).round().astype("int64")
    charged = lives.books.ends.charge
    assert (lent == owed + paid["principal"] + charged).all()
    assert (paid.to_numpy() >= 0).all()
    assert (paid["principal"] <= lent).all()
    assert (paid["recovery"] <= charged).all()
    assert (charged > 0).sum() > 50


@pytest.mark.parametrize("month", ["2010-06", "2011-11", "2012-02", "2013-12"])
def test_tape_of_a_month_end_is_the_panel_s_row(lives, month):
    day = pd.Timestamp(month).to_period("M").end_time.date()
    tape = lives.tape(day)
    panel = lives.status
    number = (day.year - 1970) * 12 + day.month - 1
    rows = panel[(panel["month"] == number) & (panel["closing"] > 0)]
    ids = lives.loans["loan_id"].to_numpy()[rows["loan"]]
    assert list(tape["loan_id"]) == list(ids)
    assert list(tape["current_balance"]) == list(rows["closing"])
    assert list(tape["days_past_due"]) == list(rows["days_past_due"])


def test_panel_flows_are_the_payments(lives):
    """By month: cash in the panel is that of the payments, new loans that of the loans."""
    month = lives.payments["date"].to_numpy().astype("datetime64[M]").astype(int)
    cash = lives.payments[["principal", "interest", "recovery"]].sum(axis=1)
    panel = lives.status.groupby("month")[["paid", "adjusted", "recovered"]].sum()
    np.testing.assert_allclose(cash.groupby(month).sum().reindex(panel.index, fill_value=0),
                               panel["paid"], atol=0.01)  # fmt: skip
    made = lives.loans["origination_date"].to_numpy().astype("datetime64[M]").astype(int)
    lent = lives.loans["original_balance"].groupby(made).sum()
    np.testing.assert_allclose(lent, panel["adjusted"], atol=0.01)


def test_simple_interest_on_orders_paid_in_time(lives):
    loans, payments = lives.loans, lives.payments
    first = payments.drop_duplicates("loan").set_index("loan")
    due = first.join(loans[["maturity_date", "origination_date", "original_balance", "loan_type"]])
    due = due[(due["loan_type"] == "order") & (due["date"] == due["maturity_date"])].head(500)
    days = (due["maturity_date"] - due["origination_date"]).dt.days
    expected = due["original_balance"] * 0.0005 * days  # 0.05% a day
    np.testing.assert_allclose(due["interest"], expected, atol=0.0051)
    assert len(due) == 500


def test_level_payments(lives):
    """Each instalment of a loan paid in time is the annuity; the last one clears the balance."""
    loans = lives.loans
    done = lives.books.ends.repaid < NEVER
    fine = done & (loans["loan_type"] == "level_payment").to_numpy()
    fine &= lives.books.fates.late == 0
    for loan in np.flatnonzero(fine)[:40]:
        own = lives.payments[lives.payments["loan"] == loan]
        row = loans.iloc[loan]
        start = row["origination_date"].date()
        n, i = len(own), 0.18 / 12
        assert [d.date() for d in own["date"]] == [add_months(start, k + 1) for k in range(n)]
        level = row["original_balance"] * i / (1 - (1 + i) ** -n)
        paid = own["principal"] + own["interest"]
        np.testing.assert_allclose(paid[:-1], level, atol=0.0051)
        assert paid.iloc[-1] == pytest.approx(level, abs=0.01 * n)


def test_defaults_and_charge_offs(lives):
    """Default 90 days after the due day; off the books 150 to 180 days later; then recoveries."""
    books = lives.books
    ends, loans = books.ends, books.loans
    fell = ends.defaulted < NEVER
    bullet = fell & (loans.product != 2)
    assert (ends.defaulted[bullet] == loans.due[bullet] + 90).all()
    off = ends.charged < NEVER
    assert ((ends.charged - ends.defaulted)[off] >= 150).all()
    assert ((ends.charged - ends.defaulted)[off] <= 180).all()
    after = books.payments.recovery > 0
    assert (books.payments.day[after] >= ends.charged[books.payments.loan[after]]).all()
    assert after.any()
    history = lives.history()
    assert ((history.loans["end"] == "default").to_numpy() == fell).all()
    ninety = lives.tape()["days_past_due"] >= 90
    assert (lives.tape()["status"] == "default").equals(ninety)


def test_ends_of_the_history(lives):
    """Exact days of repayment; early ones are prepaid, and only shop credit is repaid early."""
    loans = lives.history().loans
    closed = loans["end"].isin(["repaid", "prepaid"])
    last = lives.payments.groupby("loan")["date"].max().reindex(range(len(loans)))
    assert (last[closed] == loans.loc[closed, "end_date"]).all()
    early = loans["end"] == "prepaid"
    assert set(loans.loc[early, "segment"]) == {"credit_short", "credit_long"}
    credit = loans["segment"].isin(["credit_short", "credit_long"])
    assert 0.3 < early[credit & closed].mean() < 0.7
    assert set(loans["segment"]) == set(SEGMENTS)


# --- lives --------------------------------------------------------------------------------


def test_shops_borrow_again_and_grow(lives):
    loans = lives.loans
    by_shop = loans.groupby("borrower_id")
    assert (by_shop.size() >= 3).mean() > 0.6
    years = by_shop["origination_date"].agg(lambda days: (days.max() - days.min()).days / 365)
    assert (years > 1).mean() > 0.2
    age = lives.books.loans.day - lives.shops.birth[lives.books.loans.shop]
    orders = lives.books.loans.product == 0
    young, old = orders & (age < 180), orders & (age > 720)
    amount = lives.books.loans.amount
    assert amount[old].mean() > 1.3 * amount[young].mean()


def test_platform_grows(lives):
    """At 0.6 a year lending is multiplied by e^0.6 = 1.82 from year to year."""
    lent = lives.loans.groupby(lives.loans["origination_date"].dt.year)["original_balance"].sum()
    assert lent.pct_change().iloc[1:].mean() + 1 == pytest.approx(np.exp(0.6), rel=0.1)


def test_a_failed_shop_takes_no_further_loan(lives):
    loans, fates, _, ends = lives.books
    failed = (fates.cause == OWN_FAULT) & (ends.defaulted < NEVER)
    stopped = pd.Series(ends.defaulted[failed] - 90).groupby(loans.shop[failed]).min()
    own = pd.Series(loans.shop).map(stopped)
    assert (loans.day <= own.fillna(NEVER)).all()
    assert len(stopped) > 15


def test_shops_depend_on_one_to_three_cores(lives):
    links = lives.shops.links
    numbers = [len(set(row)) for row in links]
    assert set(numbers) == {1, 2, 3}
    total = sum(dependence(links, core) for core in range(20))
    np.testing.assert_allclose(total, sum(LINKS))


def test_bad_months_have_more_defaults():
    """Of loans due in the worst fifth of months a multiple defaults of those of the best."""
    lives = simulate(LivesSpec(loans=150_000, seed=3, correlation=0.1), AS_OF)
    loans, fates = lives.books.loans, lives.books.fates
    credit = (loans.product == 1) & (loans.due + 90 <= lives.calendar.days)
    factor = lives.network.factor[lives.calendar.month(loans.due)]
    low, high = np.quantile(factor[credit], [0.2, 0.8])
    failed = fates.cause == OWN_FAULT
    assert failed[credit & (factor <= low)].mean() > 2 * failed[credit & (factor >= high)].mean()


def test_the_factor_is_a_stationary_autoregression():
    path = factor_path(0.85, normals(np.uint64(1), 200_000))
    assert path.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(path[1:], path[:-1])[0, 1] == pytest.approx(0.85, abs=0.01)


# --- core enterprises ---------------------------------------------------------------------


def test_failed_cores_leave_their_orders_unpaid(lives):
    loans, fates, _, ends = lives.books
    failed = lives.network.failed
    for core in np.flatnonzero(failed < NEVER):
        own = loans.core == core
        assert (loans.day[own] < failed[core]).all()
        open_then = own & (loans.due >= failed[core])
        assert (fates.cause[open_then] == CORE_FAILED).all()
        assert (ends.repaid[open_then] == NEVER).all()
    assert (failed < NEVER).sum() >= 5
    struck = fates.cause == CORE_FAILED
    assert lives.failures["orders_unpaid"].sum() == pytest.approx(loans.amount[struck].sum())
    assert list(lives.failures["date"]) == sorted(lives.failures["date"])


def test_suppliers_are_infected_by_dependence():
    """A shop fails with a core in proportion to its dependence: 0.6 if it has no other."""
    lives = simulate(SPEC.model_copy(update={"loans": 150_000}), AS_OF)
    loans, fates = lives.books.loans, lives.books.fates
    struck = np.unique(loans.shop[fates.cause == INFECTED])
    assert set(lives.network.infected[struck]) <= set(lives.network.failed)
    core = int(np.argmin(lives.network.failed))
    day = lives.network.failed[core]
    alive = (lives.shops.birth < day) & (lives.shops.death > day)
    share = dependence(lives.shops.links, core)
    hit = lives.network.infected == day
    wholly = alive & (share > 0.99)
    partly = alive & (np.abs(share - 0.7) < 0.01)
    assert not hit[alive & (share == 0)].any()
    assert hit[partly].mean() == pytest.approx(0.6 * 0.7, abs=0.08)
    assert hit[wholly].sum() <= wholly.sum()


def test_payments_slow_before_a_visible_failure_and_only_then():
    """Late orders in the 90 days before a failure, with and without a phase of distress."""
    spec = LivesSpec(loans=200_000, seed=2, core_failure=0.2, warned=0.5, false_distress=0.0)
    lives = simulate(spec, AS_OF)
    loans, fates, network = lives.books.loans, lives.books.fates, lives.network
    warned = set(network.phases[network.phases[:, 3] == 1, 0])
    rates = {True: [], False: []}
    for core in np.flatnonzero(network.failed < NEVER):
        day = network.failed[core]
        asked = (loans.core == core) & (loans.due < day) & (loans.due >= day - 90)
        slow = (fates.late[asked] > 0) | (fates.cause[asked] == CORE_FAILED)
        rates[core in warned].append(slow.mean())
    assert len(rates[True]) >= 3
    assert len(rates[False]) >= 1
    assert np.mean(rates[True]) > 3 * np.mean(rates[False])
    assert np.mean(rates[False]) < 0.06


# --- in a model ---------------------------------------------------------------------------


def test_a_model_gets_its_tape_and_history():
    model = scfcap.load("shops-2013", overrides=["tape.lives.loans=12_000"])
    tape = model.tape()
    assert len(tape.rejects) == 0
    history = model.history()
    last = history.panel[history.panel["month"] == history.panel["month"].max()]
    assert tape.frame["current_balance"].sum() == pytest.approx(last["closing"].sum(), abs=0.01)
    assert month_end(last["month"].iloc[0]).astype("datetime64[D]").item() == AS_OF
    held = tape.frame.groupby("channel", observed=True)["current_balance"].sum()
    share = held["securitization:series-1"] / held.sum()
    assert share == pytest.approx(500 / 2900, rel=5e-3)
    assert model.provenance(tape)["seed"] == 2013


def test_an_order_s_rate_is_the_product_s(lives):
    rates = lives.loans.groupby("segment", observed=True)["rate"].first()
    assert rates["order_core"] == PRODUCTS[0].rate
    assert rates["b2b"] == PRODUCTS[2].rate


def test_a_day_outside_is_refused(lives):
    with pytest.raises(ValueError, match="outside of the simulated days"):
        lives.tape(date(2014, 1, 1))
