"""Limits: closed forms against search, each loan counted once, shares that hold to the end."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scfcap.pool.columns import Columns
from scfcap.pool.limits import Applied, apply_limits, level, level_after
from scfcap.schema.pool import Concentration

AMOUNTS = st.lists(st.floats(0.0, 1e6, allow_subnormal=False), min_size=1, max_size=12)


def loans(balance: list[float], **columns: list[object]) -> Columns:
    dated = {
        "origination_date": pd.Timestamp("2013-12-01"),
        "maturity_date": pd.Timestamp("2014-01-30"),
    }
    frame = pd.DataFrame({"current_balance": balance, **columns}).assign(**dated)
    return Columns(frame, date(2013, 12, 31))


def limited(columns: Columns, *limits: Concentration) -> Applied:
    return apply_limits(columns, limits, columns.balance)


def held_by(columns: Columns, name: str, amounts: np.ndarray) -> np.ndarray:
    return np.sort(columns.values(name).sums(amounts)[:-1])[::-1]


# --- levels -----------------------------------------------------------------------------------


def top_of(held: np.ndarray, most: float, top: int) -> float:
    return float(np.sort(np.minimum(held, most))[::-1][:top].sum())


@given(AMOUNTS, st.integers(1, 5), st.floats(0.0, 2e6))
def test_a_level_keeps_a_stated_amount(amounts: list[float], top: int, cap: float) -> None:
    held = np.array(amounts)
    most = level(held, top, cap)
    size = max(1.0, held.sum())
    if np.isinf(most):
        assert top_of(held, np.inf, top) <= cap + 1e-12 * size
        return
    assert top_of(held, most, top) == pytest.approx(cap, abs=1e-9 * size)
    assert top_of(held, most + 1e-3 * size, top) > cap, "no higher level would do"


def search(held: np.ndarray, rest: float, top: int, share: float) -> float:
    """The largest level that keeps the share, by bisection from the highest name down."""

    def over(most: float) -> float:
        whole = rest + float(np.minimum(held, most).sum())
        return top_of(held, most, top) - share * whole

    low, high = 0.0, float(held.max())
    if over(high) <= 0.0:
        return np.inf
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (low, middle) if over(middle) > 0.0 else (middle, high)
    return low


@settings(max_examples=200)
@given(AMOUNTS, st.floats(0.0, 1e6), st.integers(1, 5), st.floats(0.01, 0.99))
def test_the_closed_form_is_what_a_search_finds(
    amounts: list[float], rest: float, top: int, share: float
) -> None:
    held = np.array(amounts)
    assume(held.max() > 1e-3)
    size = held.sum() + rest
    found, sought = level_after(held, rest, top, share), search(held, rest, top, share)
    whole = [rest + float(np.minimum(held, most).sum()) for most in (found, sought)]
    # Where the crossing is flat the level is ill-conditioned; what remains must still agree.
    flat = abs(top - share * (held > min(found, sought)).sum()) < 1e-6
    if not flat:
        assert whole[0] == pytest.approx(whole[1], abs=1e-7 * size)
    assert top_of(held, found, top) <= share * whole[0] + 1e-9 * size


def test_three_names_at_two_fifths() -> None:
    # L = 0.4 (50 + L): a third of 100, and 33.33 of 83.33 is two fifths.
    held = np.array([50.0, 30.0, 20.0])
    assert level_after(held, 0.0, 1, 0.4) == pytest.approx(100.0 / 3.0)
    assert level_after(held, 0.0, 1, 0.5) == np.inf
    # Two of three names cut alike hold two thirds of what remains, never 60%: nothing can stay.
    assert level_after(held, 0.0, 2, 0.6) == 0.0
    # With 100 that no name holds, all three come down to L = 0.2 (100 + 3 L) / 2.
    assert level_after(held, 100.0, 2, 0.2) == pytest.approx(20.0 / 1.4)


# --- treatments -------------------------------------------------------------------------------


def test_cut_back_spreads_the_excess_over_the_names_loans() -> None:
    columns = loans([100.0, 300.0, 200.0, 400.0], borrower_id=["a", "a", "b", "c"])
    limit = Concentration(column="borrower_id", share=0.3, treatment="cut_back")
    applied = limited(columns, limit)
    # The cap is 300: a and c keep three quarters of each loan.
    assert applied.counted.tolist() == pytest.approx([75.0, 225.0, 200.0, 300.0])
    assert applied.steps[0].taken.sum() == pytest.approx(200.0)


def test_a_share_of_what_remains() -> None:
    columns = loans([50.0, 30.0, 20.0], borrower_id=["a", "b", "c"])
    limit = Concentration(column="borrower_id", share=0.4, base="after", treatment="cut_back")
    applied = limited(columns, limit)
    assert applied.counted.tolist() == pytest.approx([100.0 / 3.0, 30.0, 20.0])
    assert applied.steps[0].base == pytest.approx(250.0 / 3.0)
    none = Concentration(column="borrower_id", share=0.3, base="after", treatment="cut_back")
    assert limited(columns, none).counted.sum() == pytest.approx(0.0, abs=1e-9)


def test_whole_loans_go_in_the_stated_order() -> None:
    columns = loans(
        [100.0, 300.0, 50.0, 200.0, 350.0],
        borrower_id=["a", "a", "a", "b", "c"],
        score=[600.0, 700.0, None, 650.0, 640.0],
    )

    def kept(**more: object) -> list[float]:
        limit = Concentration.model_validate(
            {"column": "borrower_id", "amount": 350.0, "treatment": "exclude", **more}
        )
        return limited(columns, limit).counted.tolist()

    assert kept(order="current_balance") == [0.0, 300.0, 0.0, 200.0, 350.0]
    assert kept(order="-current_balance") == [100.0, 0.0, 50.0, 200.0, 350.0]
    assert kept(order="score") == [0.0, 300.0, 50.0, 200.0, 350.0], "the worst, and no more"
    assert kept(order="-score") == [100.0, 0.0, 50.0, 200.0, 350.0]


def test_whole_loans_and_a_share_of_what_remains() -> None:
    # 45% of 1000: a loses a loan of 100 to be at 450; of the 900 left that is one half; 405 asks
    # for another, and of 800 the 350 left are less than 45%.
    columns = loans([100.0, 100.0, 350.0, 225.0, 225.0], borrower_id=["a", "a", "a", "b", "c"])
    limit = Concentration(
        column="borrower_id", share=0.45, base="after", treatment="exclude", order="current_balance"
    )
    applied = limited(columns, limit)
    assert applied.counted.tolist() == [0.0, 0.0, 350.0, 225.0, 225.0]
    assert applied.steps[0].excess.sum() == 200.0


def test_a_reserve_is_asked_for_and_the_loan_counts() -> None:
    columns = loans([500.0, 300.0, 200.0], borrower_id=["a", "b", "c"])
    applied = limited(columns, Concentration(column="borrower_id", share=0.4, treatment="reserve"))
    assert applied.counted.tolist() == [500.0, 300.0, 200.0]
    assert applied.reserved.tolist() == pytest.approx([100.0, 0.0, 0.0])


def test_overlapping_limits_take_nothing_twice() -> None:
    # a holds 600 of 1000 and region n 800: the borrower's cut of 300 brings n to 500, and only
    # 100 more go, not 400.
    columns = loans([600.0, 200.0, 200.0], borrower_id=["a", "b", "c"], region=["n", "n", "s"])
    applied = limited(
        columns,
        Concentration(column="borrower_id", share=0.3, treatment="cut_back"),
        Concentration(column="region", share=0.4, treatment="cut_back"),
    )
    assert [step.taken.sum() for step in applied.steps] == pytest.approx([300.0, 100.0])
    assert applied.counted.tolist() == pytest.approx([240.0, 160.0, 200.0])


def test_what_is_at_the_limit_is_not_over_it() -> None:
    # Ten loans of 0.1 sum to a little less than 1, and three to a little more than 0.3.
    columns = loans([0.1] * 10, borrower_id=[*"aaabcdefgh"])
    applied = limited(columns, Concentration(column="borrower_id", share=0.3, treatment="cut_back"))
    assert 0.1 + 0.1 + 0.1 > 0.3
    assert len(applied.steps[0].rows) == 0


def test_shares_of_stated_amounts() -> None:
    columns = loans([600.0, 200.0, 200.0], borrower_id=["a", "b", "c"])
    capital = Concentration(column="borrower_id", share=0.05, of=6000.0, treatment="cut_back")
    assert limited(columns, capital).counted.tolist() == pytest.approx([300.0, 200.0, 200.0])


# --- what holds for all -----------------------------------------------------------------------

LIMIT = st.builds(
    lambda column, share, top, base, treatment, order: Concentration(
        name=f"{column} {share} {top} {base} {treatment} {order}",
        column=column,
        share=share,
        top=top,
        base=base,
        treatment=treatment,
        order=order,
    ),
    st.sampled_from(["borrower_id", "region"]),
    st.floats(0.05, 0.95),
    st.integers(1, 3),
    st.sampled_from(["before", "after"]),
    st.sampled_from(["report", "exclude", "cut_back", "reserve"]),
    st.sampled_from(["current_balance", "-current_balance", "age_days"]),
)
LOANS = st.lists(
    st.tuples(
        st.floats(0.01, 1e6),
        st.sampled_from(["a", "b", "c", "d", "e"]),
        st.sampled_from(["n", "s", "w", None]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=120)
@given(LOANS, st.lists(LIMIT, max_size=4))
def test_counted_once_and_within_every_limit(
    rows: list[tuple[float, str, str | None]], limits: list[Concentration]
) -> None:
    balance, borrower, region = (list(column) for column in zip(*rows, strict=True))
    columns = loans(balance, borrower_id=borrower, region=region)
    applied = limited(columns, *limits)
    size = columns.balance.sum()
    assert (applied.counted >= 0.0).all()
    assert (applied.counted <= columns.balance * (1.0 + 1e-12)).all()
    free = applied.counted - applied.reserved
    gone = np.zeros(len(columns))
    for step in applied.steps:
        gone[step.rows] += step.taken
    np.testing.assert_allclose(columns.balance - gone, free, rtol=0, atol=1e-9 * size)
    for limit in limits:
        if limit.treatment != "report":
            base = size if limit.base == "before" else free.sum()
            held = held_by(columns, limit.column, free)[: limit.top].sum()
            assert held <= limit.share * base + 1e-9 * size, limit.name


@settings(max_examples=50)
@given(LOANS, st.lists(LIMIT, min_size=1, max_size=3))
def test_what_remains_is_the_largest_that_can(
    rows: list[tuple[float, str, str | None]], limits: list[Concentration]
) -> None:
    """Against the plain iteration from above, which ends at the largest fixed point."""
    limits = [limit.model_copy(update={"treatment": "cut_back"}) for limit in limits]
    balance, borrower, region = (list(column) for column in zip(*rows, strict=True))
    columns = loans(balance, borrower_id=borrower, region=region)
    size = total = float(columns.balance.sum())
    for _ in range(3000):
        stated = [
            limit.model_copy(
                update={"base": "before", "share": None, "amount": limit.share * total}
            )
            if limit.base == "after"
            else limit
            for limit in limits
        ]
        left = float(limited(columns, *stated).counted.sum())
        if abs(left - total) < 1e-13 * size:
            break
        total = left
    found = float(limited(columns, *limits).counted.sum())
    assert found == pytest.approx(left, abs=2e-8 * size)


def test_two_names_at_a_half_each_keep_what_the_smaller_holds() -> None:
    """At a share of a half two names may hold the same: all of the smaller, as much of the other.

    The sum of all less the larger loses the smaller's last digits; the tie is one all the same.
    """
    columns = loans([1.6959205134480726, 262142.84937626688], region=["n", "s"])
    limit = Concentration(
        name="half", column="region", share=0.5, base="after", treatment="cut_back"
    )
    assert limited(columns, limit).counted.sum() == pytest.approx(2 * 1.6959205134480726, rel=1e-9)
