"""Risk weights of deals that run: points, seniority, maturity and caps from the deal itself."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from scfcap.deal.capital import pool_charge, sec_erba, sec_sa
from scfcap.deal.outcome import DealRun
from scfcap.deal.weights import risk_weights
from scfcap.errors import InputError
from scfcap.schema.holders import CapitalSpec

from .dealing import ParLoans, pool_of, run

#: The deal of 75, 15 and 10 with a reserve of 1% and a legal end after three years.
TERMS = """
closing = 2020-01-15
legal_end = 2023-01-15
[accounts.reserve]
target = 10.0
initial = 10.0
[tranches.A]
balance = 750.0
coupon = 0.05
[tranches.B]
balance = 150.0
coupon = 0.08
[tranches.R]
kind = "equity"
balance = 100.0
retained = 1.0
[[waterfall.amortising]]
pay = "interest"
to = ["A", "B"]
split = "in order"
[[waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
[[waterfall.amortising]]
pay = "residual"
to = "R"
when = "notes <= 0"
"""


@pytest.fixture(scope="module")
def made() -> DealRun:
    return run(TERMS, pool_of(1000.0, [[100.0] * 9, [50.0] * 9], 4.0, default=1.0), 9)


def spec(**changes: object) -> CapitalSpec:
    terms: dict[str, object] = {"pool_weight": 0.75, "delinquent": 0.01}
    return CapitalSpec.model_validate(terms | changes)


def test_at_closing_as_the_worked_example_says(made: DealRun) -> None:
    """K_SA 0.06, W 1%, without the reserve: 6.0% to the floor of 15%, 278.7%, 1146.9%."""
    found = risk_weights(made, spec(reserves=()))
    assert found.day == date(2020, 1, 15)
    np.testing.assert_allclose(100 * found.weight[:, 0], [15.0, 278.7, 1146.9], atol=0.05)
    assert found.k_a == pytest.approx(0.0644)
    np.testing.assert_allclose(found.capital[:, 0], 0.08 * found.weight[:, 0] * [750, 150, 100])


def test_funded_reserves_and_repayment_move_the_points(made: DealRun) -> None:
    """After the fourth payment A is repaid by 4 x 104 less interest; the pool is 1000 - 404."""
    found = risk_weights(made, spec())
    np.testing.assert_allclose(found.attachment[:, 0], [260 / 1010, 110 / 1010, 0.0], rtol=1e-12)
    later = risk_weights(made, spec(), date(2020, 5, 20))
    left = made.of("balance")[0, :, 3]
    whole = 596.0 + made.cash[3, made.deal.accounts.index("reserve"), 0]
    assert later.pool[0] == pytest.approx(whole)
    assert later.attachment[0, 0] == pytest.approx(1 - left[0] / whole)
    assert later.detachment[1, 0] == pytest.approx(1 - left[0] / whole)
    assert later.balance[2, 0] == pytest.approx(whole - left[0] - left[1])
    assert later.weight[1, 0] < found.weight[1, 0]
    k_a = pool_charge(0.06, 0.01)
    expected = sec_sa(later.attachment[1, 0], later.detachment[1, 0], k_a)
    assert later.weight[1, 0] == pytest.approx(float(expected))


def test_a_class_is_senior_once_those_before_it_are_repaid(made: DealRun) -> None:
    """When A is gone its row is blank, and B weighs no more than the pool."""
    end = risk_weights(made, spec(delinquent=0.10), date(2020, 9, 20))
    assert made.of("balance")[0, 0, 7] == 0.0
    assert np.isnan(end.weight[0, 0])
    assert end.detachment[1, 0] == 1.0
    assert end.weight[1, 0] <= 0.75
    loose = risk_weights(made, spec(delinquent=0.10, look_through=False), date(2020, 9, 20))
    np.testing.assert_array_equal(loose.weight, end.uncapped)
    assert set(end.frame()["tranche"]) == {"A", "B", "R"}  # A stands in the slower scenario
    assert len(end.frame()) == 5


def test_the_cap_goes_before_the_floor(made: DealRun) -> None:
    found = risk_weights(made, spec(pool_weight=0.10))
    assert found.uncapped[0, 0] == 0.15
    assert found.weight[0, 0] == 0.10
    stc = risk_weights(made, spec(rules="basel-stc"))
    assert stc.weight[0, 0] == 0.10
    us = risk_weights(made, spec(rules="us"))
    assert us.weight[0, 0] == 0.20
    assert us.approach[0] == "SSFA"
    again = risk_weights(made, spec(rules="basel-resecuritisation", pool_weight=0.10))
    assert again.weight[0, 0] == 1.0
    assert risk_weights(made, spec(unknown=0.06, look_through=False)).weight.min() == 12.5


def test_ratings_are_read_at_the_maturity_of_the_class(made: DealRun) -> None:
    """Three years to the legal end (1,096 days): M_T = 1 + (1096 / 365 - 1) x 0.8."""
    found = risk_weights(made, spec(ratings={"A": "AAA", "B": "BBB"}))
    years = 1 + (1096 / 365 - 1) * 0.8
    assert found.maturity[0, 0] == pytest.approx(years)
    top = sec_erba("AAA", 0.25, 1.0, years, senior=True)
    assert found.weight[0, 0] == pytest.approx(float(top))
    thick = 150 / 1010
    assert found.weight[1, 0] == pytest.approx((2.2 + 0.9 * (years - 1) / 4) * (1 - thick))
    assert found.approach == ("SEC-ERBA", "SEC-ERBA", "SEC-SA")
    assert found.frame()["rating"].tolist()[:3] == ["AAA", "BBB", ""]


def test_the_rating_that_a_class_is_sized_for_may_count() -> None:
    terms = TERMS.replace("coupon = 0.05", 'coupon = 0.05\nrating = "AAA"')
    rated = run(terms, pool_of(1000.0, [100.0] * 9, 4.0), 9)
    assert risk_weights(rated, spec()).approach[0] == "SEC-SA"
    found = risk_weights(rated, spec(class_ratings=True, ratings={"B": "BB"}))
    assert found.rating == ("AAA", "BB", "")
    found = risk_weights(rated, spec(class_ratings=True, ratings={"A": "A"}))
    assert found.rating == ("A", "", "")


def test_chinese_weights_before_they_were_in_force(made: DealRun) -> None:
    with pytest.raises(InputError, match="weights on 2020-01-15; expected a day from 2024-01-01"):
        risk_weights(made, spec(rules="china"))
    later = run(TERMS.replace("2020-01", "2024-01").replace("2023-01", "2027-01"),
                pool_of(1000.0, [100.0] * 9, 4.0), 9)  # fmt: skip
    now = risk_weights(later, spec(rules="china"))
    np.testing.assert_array_equal(now.weight, risk_weights(later, spec()).weight)


def test_classes_of_one_rank(made: DealRun) -> None:
    found = risk_weights(made, spec(pari_passu=(("A", "B"),), reserves=()))
    np.testing.assert_allclose(found.attachment[:2, 0], [0.1, 0.1], rtol=1e-12)
    assert found.weight[0, 0] == found.weight[1, 0]


def test_what_the_originator_holds_is_capped_at_the_pools_charge(made: DealRun) -> None:
    """All of the equity of 110 with the reserve, at nearly 1,250%: 109 of capital; 6% of 1010."""
    row = risk_weights(made, spec()).originator().iloc[0]
    assert row["retained"] == pytest.approx(110.0)
    assert row["capital"] == pytest.approx(0.06 * 1010)
    assert row["capital_uncapped"] > row["capital"]


def test_while_a_deal_revolves_the_longest_loan_to_be_bought_counts() -> None:
    terms = (
        TERMS.replace("[accounts", 'phases = [{ name = "revolving", until = 2020-03-15 }, '
                      '{ name = "amortising" }]\n[accounts', 1)
        + '[[waterfall.revolving]]\npay = "interest"\nto = ["A", "B"]\n'
        '[[waterfall.revolving]]\npay = "purchase"\n'
    )  # fmt: skip
    loans = ParLoans([500.0, 500.0, 0.0, 0.0, 0.0, 0.0], 0.01, [0.0] * 6, [1000.0] * 6)
    revolving = run(terms, loans, 6)
    early = risk_weights(revolving, spec(tenor=0.5), date(2020, 1, 15)).maturity[0, 0]
    assert early == pytest.approx(1 + (1096 / 365 + 0.5 - 1) * 0.8)
    late = risk_weights(revolving, spec(tenor=0.5), date(2020, 4, 20)).maturity[0, 0]
    assert late == pytest.approx(1 + (1000 / 365 - 1) * 0.8)


def test_no_weights_outside_the_run(made: DealRun) -> None:
    with pytest.raises(InputError, match="weights on 2019-12-31; expected a day from 2020-01-15"):
        risk_weights(made, spec(), date(2019, 12, 31))
