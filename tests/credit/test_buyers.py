"""Delay and dilution by buyer, against hand sums, known posteriors and known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit.buyers import ANY_BUYER, Settlements, estimate_buyers
from scfcap.credit.survival import Lives, kaplan_meier


def orders(buyer, delay, settled=True, term=30, amount=1.0, diluted=np.nan) -> Settlements:
    """Orders from columns or one value for all."""
    count = len(buyer)

    def column(value, kind):
        return np.broadcast_to(np.asarray(value, dtype=kind), (count,)).copy()

    return Settlements(
        buyer=column(buyer, np.int64),
        delay=column(delay, np.int64),
        settled=column(settled, np.bool_),
        term=column(term, np.int64),
        amount=column(amount, np.float64),
        diluted=column(diluted, np.float64),
    )


def habits(seed: int, buyers: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Buyers whose mean delays differ, and their orders' delays."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(5.0, 8.0, buyers)
    buyer = np.repeat(np.arange(buyers), each)
    return buyer, np.rint(rng.normal(mean[buyer], 6.0)).astype(np.int64)


class TestDelay:
    def test_without_censoring_a_buyer_is_mixed_with_all(self) -> None:
        """The mean of a Dirichlet process, (n F_own + k F_all) / (n + k): Ferguson (1973)."""
        buyer, delay = habits(1, 6, 9)
        found = estimate_buyers(orders(buyer, delay), tuple("abcdef"))
        days = found.first + np.arange(found.share.shape[1])
        of_all = np.array([(delay == d).mean() for d in days])
        own = np.array([[(delay[buyer == b] == d).mean() for d in days] for b in range(6)])
        z = found.delay.z[:6, None]
        assert (z > 0).all()
        assert found.share[:6] == pytest.approx(z * own + (1 - z) * of_all, abs=1e-12)
        assert found.share[6] == pytest.approx(of_all, abs=1e-12)
        assert found.delay.value[:6] == pytest.approx(
            z[:, 0] * found.delay.own[:6] + (1 - z[:, 0]) * delay.mean(), abs=1e-9
        )

    def test_open_orders_are_censored_as_in_the_product_limit(self) -> None:
        rng = np.random.default_rng(4)
        paid, seen = rng.integers(-30, 40, 300), rng.integers(-29, 60, 300)
        settled = paid <= seen
        delay = np.where(settled, paid, seen)
        found = estimate_buyers(orders(np.zeros(300), delay, settled), ("one",))
        curve = kaplan_meier(Lives(time=delay.astype(np.float64), event=settled.astype(np.int64)))
        left = 1.0 - np.cumsum(found.share[-1])
        days = found.first + np.arange(len(left))
        # What is left at the last payment is taken to be paid then.
        assert left[:-1] == pytest.approx(curve.at(days[:-1].astype(np.float64)), abs=1e-12)
        assert left[-1] == pytest.approx(0.0, abs=1e-12)

    def test_leaving_open_orders_out_would_flatter_the_buyer(self) -> None:
        settled = np.array([True] * 6 + [False] * 4)
        delay = np.array([-5, -3, 0, 0, 2, 30, 20, 20, 20, 20])
        found = estimate_buyers(orders(np.zeros(10), delay, settled), ("slow",))
        assert found.delay.value[0] > delay[settled].mean()
        # Of five at risk from day 3 on one is seen paid, on day 30.
        assert found.paid_by(0, 29) == pytest.approx(0.5)

    def test_an_order_is_at_risk_from_its_own_day(self) -> None:
        """Short orders say nothing of how early long ones are paid."""
        buyer, term = np.zeros(4), np.array([60, 60, 10, 10])
        found = estimate_buyers(orders(buyer, [-50, -5, -5, -5], term=term), ("one",))
        assert found.paid_by(0, -50) == pytest.approx(0.5)

    def test_a_thin_buyer_is_read_as_any(self) -> None:
        buyer, delay = habits(7, 12, 40)
        buyer, delay = np.append(buyer, 12), np.append(delay, 25)
        found = estimate_buyers(orders(buyer, delay), tuple("abcdefghijklm"))
        assert found.delay.z[12] < 0.75 < found.delay.z[:12].min()
        assert (
            found.delay.high[12] - found.delay.low[12]
            > (found.delay.high[:12] - found.delay.low[:12]).max()
        )

    def test_buyers_alike_are_one(self) -> None:
        buyer = np.tile([0, 1, 2], 20)
        delay = np.repeat(np.arange(20), 3)
        found = estimate_buyers(orders(buyer, delay), ("a", "b", "c"))
        assert (found.delay.z == 0).all()
        assert found.share == pytest.approx(np.full((4, 20), 0.05))

    def test_the_interval_covers_the_truth(self) -> None:
        rng = np.random.default_rng(11)
        covered = []
        for _ in range(30):
            mean = rng.normal(5.0, 8.0, 20)
            buyer = np.repeat(np.arange(20), 12)
            delay = np.rint(rng.normal(mean[buyer], 6.0)).astype(np.int64)
            found = estimate_buyers(orders(buyer, delay), tuple(map(str, range(20)))).delay
            covered.append((found.low[:20] <= mean) & (mean <= found.high[:20]))
        assert np.mean(covered) >= 0.9

    def test_nothing_settled_means_on_the_due_day(self) -> None:
        found = estimate_buyers(orders([0, 0], [-3, -9], settled=False), ("a",))
        assert (found.first, found.share.tolist()) == (0, [[1.0], [1.0]])
        assert found.delay.value.tolist() == [0.0, 0.0]

    def test_shrinking_beats_each_buyer_alone_and_all_as_one(self) -> None:
        """On new orders of the same buyers, by the mean squared error of their mean delay."""
        rng = np.random.default_rng(3)
        mean = rng.normal(5.0, 4.0, 200)
        buyer = np.repeat(np.arange(200), 5)
        delay = np.rint(rng.normal(mean[buyer], 9.0)).astype(np.int64)
        found = estimate_buyers(orders(buyer, delay), tuple(map(str, range(200)))).delay

        def error(guess):
            return float(((guess - mean) ** 2).mean())

        assert error(found.value[:200]) < min(error(found.own[:200]), error(delay.mean()))


class TestParts:
    def test_parts_are_quantiles_of_what_is_still_to_come(self) -> None:
        found = estimate_buyers(orders(np.zeros(10), np.arange(10)), ("one",))
        zero = np.zeros(1, dtype=np.int64)
        assert found.delays(zero, zero - 1, 5).tolist() == [[0, 2, 4, 6, 8]]
        assert found.delays(zero, zero - 20, 5).tolist() == [[0, 2, 4, 6, 8]]
        assert found.delays(zero, zero + 5, 4).tolist() == [[6, 7, 8, 9]]

    def test_what_is_open_longer_than_any_was_takes_as_long_again(self) -> None:
        found = estimate_buyers(orders(np.zeros(6), np.arange(-25, -19)), ("one",))
        elapsed = np.array([-21, -20, -5, 0, 1, 60])
        days = found.delays(np.zeros(6, dtype=np.int64), elapsed, 1).ravel()
        assert days.tolist() == [-20, 0, 0, 1, 2, 120]

    def test_an_unknown_buyer_pays_as_any(self) -> None:
        buyer, delay = habits(2, 5, 20)
        found = estimate_buyers(orders(buyer, delay), tuple("abcde"))
        unknown, early = np.array([-1]), np.array([-40])
        parts = found.delays(unknown, early, 400)
        assert parts.mean() == pytest.approx(found.delay.value[-1], abs=0.1)

    @given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(-60, 60))
    def test_parts_rise_and_lie_after_the_day_of_the_tape(self, seed, parts, elapsed) -> None:
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 60))
        buyer = rng.integers(-1, 4, count)
        settled = rng.random(count) < 0.8
        found = estimate_buyers(
            orders(buyer, rng.integers(-30, 50, count), settled), ("a", "b", "c", "d")
        )
        who = np.arange(-1, 4)
        days = found.delays(who, np.full(5, elapsed), parts)
        assert (np.diff(days, axis=1) >= 0).all()
        assert (days > elapsed).all()
        assert found.share.min() >= 0.0
        assert found.share.sum(axis=1) == pytest.approx(1.0)


class TestDilution:
    def test_the_collective_is_weighted_by_amount(self) -> None:
        found = estimate_buyers(
            orders([0, 0, 0, 0], 0, amount=[1.0, 1.0, 1.0, 7.0], diluted=[0.0, 0.0, 0.1, 0.3]),
            ("a",),
        ).dilution
        assert found.value[0] == pytest.approx(0.22)
        assert found.low[0] < 0.22 < found.high[0]

    def test_a_thin_buyer_is_drawn_to_all(self) -> None:
        rng = np.random.default_rng(5)
        true = rng.beta(2, 18, 40)
        buyer = np.repeat(np.arange(40), 50)
        diluted = (rng.random(2000) < true[buyer]).astype(np.float64)
        buyer, diluted = np.append(buyer, 40), np.append(diluted, 1.0)
        found = estimate_buyers(
            orders(buyer, 0, diluted=diluted), tuple(map(str, range(41)))
        ).dilution
        assert found.own[40] == 1.0
        assert found.value[40] < 0.25
        inside = (found.low[:40] <= true) & (true <= found.high[:40])
        assert inside.mean() >= 0.9

    def test_none_is_known(self) -> None:
        found = estimate_buyers(orders([0, 0], 0), ("a",)).dilution
        assert found.value.tolist() == [0.0, 0.0]
        assert np.isnan(found.own).all()

    def test_one_order_says_next_to_nothing(self) -> None:
        found = estimate_buyers(orders([0], 0, diluted=0.5), ("a",)).dilution
        assert (found.low[0], found.value[0], found.high[0]) == (0.0, 0.5, 1.0)


def test_the_table_has_a_row_a_buyer_and_one_for_any() -> None:
    buyer, delay = habits(9, 3, 10)
    settled = np.ones(30, dtype=bool)
    settled[:4] = False
    frame = estimate_buyers(orders(buyer, delay, settled, diluted=0.01), ("x", "y", "z")).to_frame()
    assert frame["buyer_id"].tolist() == ["x", "y", "z", ANY_BUYER]
    assert frame["settled"].tolist() == [6, 10, 10, 26]
    assert frame["open"].tolist() == [4, 0, 0, 4]
    assert (frame["delay_median"] <= frame["delay_p90"]).all()


@pytest.mark.parametrize(
    ("columns", "said"),
    [({"buyer": [2]}, "buyer: a code"), ({"buyer": [0, 0], "delay": [1]}, None)],
)
def test_what_does_not_fit_is_refused(columns, said) -> None:
    if said is None:
        made = orders([0, 0], 1)
        made = Settlements(**{**made.__dict__, "delay": np.array([1])})
        said = "delay: shape"
    else:
        made = orders(columns["buyer"], 0)
    with pytest.raises(ValueError, match=said):
        estimate_buyers(made, ("a",))
