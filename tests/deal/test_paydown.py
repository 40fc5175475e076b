"""Decrement tables as a prospectus prints them, and excess spread."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit.speeds import per_period
from scfcap.deal.outcome import DealRun
from scfcap.deal.paydown import decrement, excess_spread, in_percent
from tests.witnesses.book import golden

from .dealing import pool_of, run, spec_of

FNMA = golden("deals/fnma_remic_2019_2_group3")
REMIC = """
closing = 2019-01-25
legal_end = 2049-02-25
[tranches.AB]
balance = {balance}
coupon = {class_ab_coupon}
[tranches.IO]
kind = "interest_only"
notional = "{io_notional_fraction_of_ab} * balance.AB"
coupon = {io_rate}
[[waterfall.amortising]]
pay = "interest"
to = ["AB", "IO"]
[[waterfall.amortising]]
pay = "principal"
to = "AB"
"""


def collateral() -> Any:
    """The group's loans at speeds of the PSA model, which are all past its ramp: 6% CPR."""
    inputs = FNMA["inputs"]
    rate, months = inputs["loan_rate"] / 12, inputs["remaining_term_months"]
    speeds = np.array(inputs["psa"]) / 100
    balance = np.full(len(speeds), float(inputs["balance"]))
    interest, principal = np.zeros((2, len(speeds), 360))
    for t in range(months):
        scheduled = balance * rate / ((1 + rate) ** (months - t) - 1)
        prepaid = (balance - scheduled) * per_period(0.06 * speeds, 1 / 12)
        interest[:, t] = balance * inputs["passthrough_rate"] / 12
        principal[:, t] = scheduled + prepaid
        balance = balance - principal[:, t]
    return pool_of(float(inputs["balance"]), principal, interest)


@pytest.fixture(scope="module")
def remic() -> DealRun:
    return run(spec_of(REMIC.format(**FNMA["inputs"])), collateral(), 360)


#: Columns of the prospectus.
SPEEDS = tuple(f"psa_{speed}" for speed in FNMA["inputs"]["psa"])


def test_the_decrement_table_of_a_remic(remic: DealRun) -> None:
    """Fannie Mae REMIC Trust 2019-2, class AB and the class IO beside it, every cell.

    Rows are after the distribution of January; a year that is left out is printed "*".
    """
    settlement = date.fromisoformat(FNMA["inputs"]["settlement"])
    for tranche in ("AB", "IO"):
        table = decrement(remic, tranche, speeds=SPEEDS, settlement=settlement)
        text = table.printed()
        assert text["Date"].iloc[:3].tolist() == ["Initial percent", "January 2020", "January 2021"]
        for speed, expected in FNMA["expected"].items():
            cells = dict(zip(text["Date"], text[speed], strict=True))
            assert cells["Initial percent"] == "100"
            for year in range(2020, 2050):
                printed = expected["percent_outstanding_ab"].get(str(year), "*")
                assert cells.get(f"January {year}", "0") == str(printed), (speed, year)
    lives = dict(zip(table.speeds, table.average_life, strict=True))
    assert np.isnan(lives["psa_100"])  # of a class without principal


def test_average_lives_at_the_foot(remic: DealRun) -> None:
    """Printed to a decimal; of 400 PSA the table notes that another measure rounds to 3.0."""
    settlement = date.fromisoformat(FNMA["inputs"]["settlement"])
    table = decrement(remic, "AB", speeds=SPEEDS, settlement=settlement)
    foot = table.printed().iloc[-1]
    assert foot["Date"] == "Weighted average life (years)"
    for speed, expected in FNMA["expected"].items():
        if "average_life_years" not in expected:
            continue
        life = dict(zip(table.speeds, table.average_life, strict=True))[speed]
        within = FNMA["tol"]["by_key"]["average_life_years"]["abs"]
        assert life == pytest.approx(expected["average_life_years"], abs=within)
        if speed != "psa_400":
            assert foot[speed] == f"{expected['average_life_years']:.1f}", speed


def test_the_strip_leaves_nothing_over(remic: DealRun) -> None:
    """3.25% + 0.35 x 5% = 5% to the digits of the fraction: the classes take all the interest."""
    got = remic.of("interest_paid").sum(axis=(1, 2))
    np.testing.assert_allclose(got, remic.of("interest").sum(axis=1), rtol=2e-9)
    excess = excess_spread(remic)
    over = (excess.income - excess.interest) / excess.opening[0]
    np.testing.assert_allclose(over * 12, 0.0, atol=1e-10)
    assert np.abs(excess.mean()).max() < 1e-9


def test_cells() -> None:
    values = (100.0, 99.49, 12.5, 0.5, 0.4999, 0.001, 0.0, float("nan"))
    assert [in_percent(v) for v in values] == ["100", "99", "13", "1", "*", "*", "0", "-"]


PLAIN = """
closing = 2020-01-15
[fees.servicer]
rate = 0.012
[tranches.A]
balance = 800.0
coupon = 0.06
[tranches.R]
kind = "equity"
balance = 200.0
[accounts.reserve]
initial = 12.0
earns = 0.10
[measures.engine]
of = "excess_spread"
[[waterfall.amortising]]
pay = "fee"
to = "servicer"
[[waterfall.amortising]]
pay = "interest"
to = "A"
[[waterfall.amortising]]
pay = "principal"
to = "A"
[[waterfall.amortising]]
pay = "residual"
to = "R"
when = "notes <= 0"
"""


def test_excess_spread_by_hand_and_as_the_engine_measures_it() -> None:
    """First month: 15 earned, 0.1 on the reserve, 1 fee, 4 interest, 3 lost of 5 that default."""
    made = run(PLAIN, pool_of(1000.0, [100.0] * 4, 15.0, default=5.0, recovery=2.0), 4)
    found = excess_spread(made)
    assert found.dates == made.deal.calendar.dates
    np.testing.assert_allclose(found.opening[:, 0], [1000, 895, 790, 685])
    assert found.before_losses[0, 0] == pytest.approx((15 + 0.1 - 1 - 4) / 1000 * 12, rel=1e-12)
    assert found.after_losses[0, 0] == pytest.approx((15 + 0.1 - 1 - 4 - 3) / 1000 * 12, rel=1e-12)
    # The engine's word knows nothing of what accounts earn.
    earned = made.of("cash_yield")[0] / found.opening[:, 0] * 12
    np.testing.assert_allclose(found.after_losses[:, 0] - earned, made.measures[:, 0, 0], rtol=1e-9)
    amounts = found.after_losses[:, 0] * found.opening[:, 0] / 12
    standing = found.opening[:, 0] * found.standing[:, 0] / 12
    mean = (amounts * found.standing[:, 0]).sum() / standing.sum()
    assert found.mean()[0] == pytest.approx(mean, rel=1e-12)
    assert found.mean(losses=False)[0] > found.mean()[0]


def test_excess_spread_has_no_mean_where_nothing_is_owed_to_notes() -> None:
    terms = """
[tranches.E]
kind = "equity"
balance = 100.0
[[waterfall.amortising]]
pay = "residual"
to = "E"
"""
    found = excess_spread(run(terms, pool_of(100.0, [50.0, 50.0], 1.0), 2))
    assert found.after_losses[0, 0] > 0.0
    assert np.isnan(found.mean()).all()


def test_excess_spread_over_quarters_adds_up_their_months() -> None:
    terms = PLAIN + "\n[settlement]\npayment_every = 3"
    made = run(terms, pool_of(1000.0, [50.0] * 6, 15.0, default=5.0), 6)
    found = excess_spread(made)
    assert len(found.dates) == 2
    np.testing.assert_allclose(found.years, 0.25)
    assert found.losses[:, 0].tolist() == [15.0, 15.0]
    np.testing.assert_allclose(found.opening[:, 0], [1000, 835])
    frame = found.frame()
    assert frame["excess_spread"].tolist() == found.after_losses[:, 0].tolist()


def test_fees_that_stay_owed_are_counted_when_they_fall_due() -> None:
    """Nothing comes in for two months: fees and interest fall due all the same."""
    made = run(PLAIN, pool_of(1000.0, [0.0, 0.0, 300.0], [0.0, 0.0, 30.0]), 3)
    found = excess_spread(made)
    assert found.fees[:, 0] == pytest.approx([1.0, 1.0, 1.0], rel=1e-9)
    assert found.interest[0, 0] == pytest.approx(4.0, rel=1e-12)
    assert found.interest[1, 0] == pytest.approx((800 + 4.0) * 0.06 / 12, rel=1e-12)


@given(
    st.lists(st.floats(0.0, 200.0), min_size=5, max_size=5),
    st.lists(st.floats(0.0, 30.0), min_size=5, max_size=5),
)
def test_percents_fall_from_a_hundred_and_never_below_nothing(
    principal: list[float], default: list[float]
) -> None:
    left = 1000.0 - np.cumsum(np.array(principal) + np.array(default))
    if left[-1] < 0.0:
        return
    made = run(PLAIN, pool_of(1000.0, principal, 15.0, default=default), 5)
    for tranche in ("A", "R"):
        table = decrement(made, tranche)
        assert table.percent[0, 0] == 100.0
        assert (np.diff(table.percent[:, 0]) <= 1e-12).all()
        assert table.percent.min() >= 0.0
    frame = table.frame()
    assert frame["figure"].iloc[-1] == "average_life"
    assert len(frame) == len(table.dates) + 1


def test_interest_that_is_due_later_counts_when_it_accrues() -> None:
    """With a first payment after three months each month bears its own interest."""
    first = PLAIN.replace("coupon = 0.06", "coupon = 0.06\nfirst_interest = 2020-04-15")
    late = excess_spread(run(first, pool_of(1000.0, [100.0] * 4, 0.0), 4))
    made = run(PLAIN, pool_of(1000.0, [100.0] * 4, 15.0), 4)
    assert made.of("interest_due")[0, 0, 0] == pytest.approx(4.0)
    assert late.interest[0, 0] == pytest.approx(4.0, rel=1e-12)
    total = late.interest[:3].sum()
    assert late.interest[3, 0] > 0.0
    balance = run(first, pool_of(1000.0, [100.0] * 4, 0.0), 4).of("balance")[0, 0]
    assert total == pytest.approx((800 + balance[0] + balance[1]) * 0.06 / 12, rel=1e-12)
