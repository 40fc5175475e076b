"""Sizes of classes against closed forms, brackets by hand, and triggers that turn the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scfcap
from scfcap.api.deals import deal_case
from scfcap.deal.assets import GivenAssets
from scfcap.deal.bracket import largest_passing
from scfcap.deal.engine import run_deal
from scfcap.deal.outcome import DealRun
from scfcap.deal.sizing import Runner, Sizing, size_classes
from scfcap.errors import InputError
from scfcap.quantities import BoolArray, FloatArray, IntArray

from .dealing import deal_of, pool_of

SEQUENTIAL = """
day_count = "act/act-icma"
[tranches.A]
share = 0.5
coupon = 0.06
rating = "AAA"
[tranches.B]
share = 0.2
coupon = 0.12
rating = "BBB"
[tranches.E]
kind = "equity"
share = 0.3
[sizing]
stresses = { AAA = "hard", BBB = "soft" }
juniors = "none"
[[waterfall.amortising]]
pay = "interest"
to = "A"
[[waterfall.amortising]]
pay = "principal"
to = "A"
[[waterfall.amortising]]
pay = "interest"
to = "B"
[[waterfall.amortising]]
pay = "principal"
to = "B"
[[waterfall.amortising]]
pay = "residual"
to = "E"
when = "notes <= 0"
"""
# B's interest stands before A's principal.
EARLY = (
    SEQUENTIAL.partition("[[waterfall")[0]
    + """
[[waterfall.amortising]]
pay = "interest"
to = ["A", "B"]
split = "in order"
[[waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
"""
)
# Interest is all released while the pool covers the class 1.2 times; else it stays in the deal.
LEAKS = """
phases = [{ name = "usual" }, { name = "turbo", when = "trigger.thin" }]
[tranches.A]
share = 0.5
rating = "AAA"
[tranches.E]
kind = "equity"
share = 0.5
[triggers.thin]
test = "pool_opening < 1.2 * balance.A"
[sizing]
stresses = { AAA = "hard" }
[[waterfall.usual]]
pay = "residual"
to = "E"
up_to = "collected_interest"
when = "not final"
[[waterfall.usual]]
pay = "principal"
to = "A"
[[waterfall.turbo]]
pay = "principal"
to = "A"
"""


def runner(terms: str, pool: GivenAssets) -> Runner:
    deal = deal_of(terms, pool.principal.shape[1])

    def run(rows: IntArray, balances: FloatArray | None) -> DealRun:
        flows = (pool.interest, pool.principal, pool.default, pool.recovery, pool.pool)
        chosen = GivenAssets(pool.start[rows], *(flow[rows] for flow in flows))
        return run_deal(deal, chosen, balances=balances)

    return run


def sized(terms: str, pool: GivenAssets, *scenarios: str) -> Sizing:
    spec = deal_of(terms, pool.principal.shape[1]).spec
    return size_classes(spec, runner(terms, pool), scenarios, pool.start)


# --- brackets --------------------------------------------------------------------------------


def test_a_bracket_closes_on_the_edge_and_sees_what_passes_above():
    def test(x: FloatArray) -> BoolArray:
        edges = (x <= 1 / 3) | ((x >= 0.6) & (x <= 0.8))
        return np.array([edges, x <= 2 / 3, x <= 2.0, x > 0.0]).T

    grid = np.linspace(0.0, 1.0, 11)
    first, second, whole, never = largest_passing(test, grid, tolerance=1e-6)
    assert first.low <= 1 / 3 < first.high <= first.low + 1e-6
    assert first.again == pytest.approx(0.6)
    assert second.low <= 2 / 3 < second.high <= second.low + 1e-6
    assert second.again is None
    assert (whole.low, whole.high, whole.again) == (1.0, None, None)
    assert (never.low, never.high) == (None, 0.0)
    assert never.again == pytest.approx(0.1)
    assert (np.diff(first.tried) > 0.0).all()


def test_a_bracket_counts_what_is_tried_for_another_test():
    """A gap in [0.31, 0.32] that the grid of tenths steps over is seen as the other test searches
    between 0.3 and 0.4."""

    def test(x: FloatArray) -> BoolArray:
        return np.array([(x < 0.31) | (x > 0.32), x <= 0.35]).T

    gap, _ = largest_passing(test, np.linspace(0.0, 1.0, 11), tolerance=1e-4)
    assert gap.low == pytest.approx(0.31, abs=1e-4)
    assert gap.again == pytest.approx(0.32, abs=2e-3)


# --- closed forms ----------------------------------------------------------------------------


def test_one_period_by_its_closed_form():
    """All comes in one month: A(1 + 0.06 / 12) is all the cash of the hard stress, 72 + 1; B(1 +
    0.12 / 12) what the soft one's 88 + 1 leave after A."""
    pool = pool_of([100.0, 100.0], [[72.0], [88.0]], 1.0, [[28.0], [12.0]])
    found = sized(SEQUENTIAL, pool, "hard", "soft")
    a = 73.0 / 1.005
    b = (89.0 - a * 1.005) / 1.01
    assert [each.size for each in found.sized] == pytest.approx([a, b], abs=2e-3)
    left = (89.0 - found.sized[0].size * 1.005) / 1.01
    for each, exact in zip(found.sized, (a, left), strict=True):
        assert each.bracket.low <= exact + 1e-9
        assert exact < each.bracket.high
        assert each.bracket.high - each.bracket.low <= 1e-3
    frame = found.to_frame(("A", "B", "E"))
    assert frame["credit_enhancement"].tolist() == pytest.approx(
        [1.0 - a / 100.0, 1.0 - (a + b) / 100.0], abs=4e-5
    )
    assert found.balances.sum() == pytest.approx(100.0)
    assert found.lacking == ()
    senior = found.sized[0].limit
    assert (senior.lack.tranche, senior.lack.what, senior.scenario) == ("A", "principal", "hard")
    assert senior.lack.short == pytest.approx((found.sized[0].bracket.high - a) * 1.005, abs=1e-6)
    assert senior.story.defaults == pytest.approx(0.28)


def test_a_rating_may_have_several_stresses_and_the_harshest_limits():
    """Front-loaded, all interest comes in the first month; back-loaded it does not, and is late."""
    pool = pool_of([100.0] * 3, [[0.0, 80.0]] * 3, [[4.0, 0.0], [0.3, 3.7], [2.0, 2.0]],
                   [[0.0, 20.0]] * 3)  # fmt: skip
    both = SEQUENTIAL.replace('"hard"', '["front", "back"]').replace('"soft"', '"level"')
    found = sized(both, pool, "front", "back", "level").sized[0]
    # 0.5% of A is 0.3 at 60
    assert found.size == pytest.approx(60.0, abs=2e-3)
    assert (found.limit.scenario, found.limit.lack.what) == ("back", "interest")
    alone = sized(SEQUENTIAL.replace('"hard"', '"front"'), pool, "front", "soft", "level")
    assert alone.sized[0].size == pytest.approx(4.0 / 1.005 + 80.0 / 1.005**2, abs=2e-3)


def test_one_percent_larger_lacks_one_percent():
    pool = pool_of([100.0], [[70.0]], 0.0, [[30.0]])
    zero = SEQUENTIAL.replace("0.06", "0.0").replace("0.12", "0.0").replace('"soft"', '"hard"')
    found = sized(zero, pool, "hard")
    assert found.sized[0].size == pytest.approx(70.0, abs=1e-3)
    assert found.sized[0].larger.lack.short == pytest.approx(1.0, abs=1e-3)
    assert found.sized[1].size == pytest.approx(0.0, abs=2e-3)


def test_a_static_pool_by_the_present_value_of_its_cash():
    """Where all cash goes to A in order, the largest A is the present value at its coupon."""
    principal = np.array([[30.0, 20.0, 15.0, 10.0]])
    default = np.array([[10.0, 5.0, 5.0, 5.0]])
    interest = np.array([[1.5, 1.0, 0.6, 0.3]])
    pool = pool_of([100.0], principal, interest, default)
    found = sized(SEQUENTIAL.replace('"soft"', '"hard"'), pool, "hard")
    worth = (principal + interest)[0] @ 1.005 ** -np.arange(1.0, 5.0)
    assert found.sized[0].size == pytest.approx(worth, abs=1e-3)


def test_timely_interest_limits_where_principal_would_not():
    """No cash comes in the first month, so that any interest on A is late then."""
    pool = pool_of([100.0], [[0.0, 90.0]], 0.0, [[0.0, 10.0]])
    found = sized(SEQUENTIAL.replace('"soft"', '"hard"'), pool, "hard")
    limit = found.sized[0].limit
    assert (limit.lack.what, str(limit.lack.on)) == ("interest", "2020-01-31")
    assert found.sized[0].size == 0.0
    words = limit.lack.words("CNY")
    assert words.startswith("interest of A is ")
    assert "CNY short on 2020-01-31" in words


def test_stated_juniors_are_paid_before_and_make_the_senior_smaller():
    """B's interest of 1% a month comes before A's principal: A is smaller by its worth. B is 20,
    or what A leaves of the pool, which is less: A w^2 = (2 - 0.01 (100 - A)) w + 82 - 0.01 (100 -
    A) with w = 1.005."""
    pool = pool_of([100.0], [[0.0, 80.0]], [[2.0, 2.0]], [[0.0, 20.0]])
    hard = EARLY.replace('"soft"', '"hard"')
    alone = sized(hard, pool, "hard").sized[0].size
    below = sized(hard.replace('"none"', '"stated"'), pool, "hard").sized[0].size
    assert alone == pytest.approx(2.0 / 1.005 + 82.0 / 1.005**2, abs=2e-3)
    exact = (1.0 * 1.005 + 81.0) / (1.005**2 - 0.01 * 1.005 - 0.01)
    assert below == pytest.approx(exact, abs=2e-3)
    assert below < alone


def test_no_more_than_most_of_the_pool_is_sized():
    """A is worth 40.2 / 1.005 in the hard stress; nothing of B fails in the soft one, so that both
    come to 55% of the pool, and A alone to 30%."""
    pool = pool_of([100.0, 100.0], [[40.2], [100.0]], 0.0, [[59.8], [0.0]])
    for most, sizes in ((0.55, [40.0, 15.0]), (0.3, [30.0, 0.0])):
        terms = SEQUENTIAL.replace('"none"', f'"none"\nmost = {most}')
        found = sized(terms, pool, "hard", "soft")
        assert [each.size for each in found.sized] == pytest.approx(sizes, abs=2e-3)
        assert found.balances.sum() == pytest.approx(100.0)
        assert found.sized[1].limit is None
    frame = found.to_frame(("A", "B", "E"))
    assert set(frame["limited_by"]) == {"pool or sizing.most"}
    assert frame["fails_at"].isna().all()


# --- triggers ---------------------------------------------------------------------------------


def test_a_trigger_lets_a_larger_class_pass_and_the_size_says_so():
    """By hand: cash 5, 5 and 5 + 70. Untripped A has the last 75 alone; from 100 / 1.2 = 83.3 on
    it is tripped from the start and has all 85: sizes to 75 pass, to 83.3 fail, to 85 pass."""
    pool = pool_of([100.0], [[0.0, 0.0, 70.0]], 5.0, [[0.0, 0.0, 30.0]])
    found = sized(LEAKS, pool, "hard").sized[0]
    assert found.size == pytest.approx(75.0, abs=1e-3)
    assert found.above
    assert 100.0 / 1.2 < found.bracket.again <= 85.0
    assert found.differences == (
        "trigger thin comes on 2020-01-31 there, never where it fails",
        "phase turbo comes on 2020-01-31 there, never where it fails",
    )
    assert found.limit.story.tripped == {}


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_without_triggers_harsher_stress_never_gives_a_larger_class(data):
    months = data.draw(st.integers(1, 5))
    share = st.floats(0.05, 0.6)
    repaid = np.array([data.draw(share) for _ in range(months)])
    rate = data.draw(st.floats(0.0, 0.03))
    losses = sorted(data.draw(st.lists(st.floats(0.0, 0.4), min_size=2, max_size=4)))
    flows: dict[str, Any] = {name: np.zeros((len(losses), months)) for name in "pid"}
    for k, loss in enumerate(losses):
        left = 100.0
        for t in range(months):
            flows["d"][k, t] = left * loss
            flows["i"][k, t] = left * (1.0 - loss) * rate
            flows["p"][k, t] = left * (1.0 - loss) * (repaid[t] if t < months - 1 else 1.0)
            left -= flows["d"][k, t] + flows["p"][k, t]
    pool = pool_of(100.0, flows["p"], flows["i"], flows["d"])
    names = [f"s{k}" for k in range(len(losses))]
    sizes = [
        sized(SEQUENTIAL.replace('"hard"', f'"{n}"').replace('"soft"', f'"{n}"'), pool, *names)
        .sized[0]
        .size
        for n in names
    ]
    assert (np.diff(sizes) <= 1e-3).all()


# --- models and bad input -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def case():
    return deal_case(scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 2000}))


def test_the_shipped_series_is_larger_than_its_terms_and_each_end_holds(case):
    """Each class, at its size, passes all stresses of those down to it; a step more fails."""
    found, names = case.sized(), case.deal.tranches
    run, pool = case.runner(), float(case.lent.start[0])
    assert [each.tranche for each in found.sized] == ["senior", "mezzanine"]
    assert found.sized[0].size > 0.75 * pool
    rows = np.array([case.lent.scenarios.index(n) for n in ("rating-aaa", "rating-bbb")])
    held = run(rows, np.repeat(found.balances[:, None], 2, axis=1))
    full = held.paid_in_full & held.timely_interest
    assert full[0, names.index("senior")]
    assert full[1, names.index("mezzanine")]
    more = found.balances.copy()
    more[1] = found.sized[1].bracket.high
    more[2] = pool - more[:2].sum()
    failed = run(rows, np.repeat(more[:, None], 2, axis=1))
    assert not (failed.paid_in_full & failed.timely_interest)[[0, 1], [0, 1]].all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tranches.senior.rating": "", "tranches.mezzanine.rating": ""}, "no class with a rating"),
        ({"sizing.stresses": {}}, "none, for class senior; expected a scenario"),
    ],
)
def test_what_cannot_be_sized_is_refused_in_words(change, words):
    overrides = {f"deals.new-series.{key}": value for key, value in change.items()}
    model = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 300, **overrides})
    with pytest.raises(InputError, match=words):
        deal_case(model).sized()


@pytest.mark.parametrize(
    "since",
    [
        "[opening]\ndate = 2019-12-31\npool_at_closing = 100.0\nbalances = { A = 50.0 }\n",
        "[[actuals]]\nend = 2020-01-31\ninterest = 1.0\nprincipal = 10.0\npool = 90.0\n",
    ],
)
def test_a_deal_that_stands_is_not_sized(since):
    stands = LEAKS.replace("[tranches.A]", since + "[tranches.A]", 1)
    pool = pool_of([100.0], [[100.0]])
    with pytest.raises(InputError, match="its classes are sold"):
        sized(stands, pool, "hard")
