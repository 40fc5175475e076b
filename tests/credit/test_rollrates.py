"""Roll rates: the published chain, counting over gaps, intervals, a test of constancy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit.rollrates import count_transitions, fit_matrix, homogeneity, roll_rates
from tests.witnesses import credit
from tests.witnesses.book import golden, holds
from tests.witnesses.credit import STATES


def panel_of(chain, loans, months, seed):
    """Paths of a chain that starts in state 0; rows after an end are not observed."""
    random = np.random.default_rng(seed)
    steps = np.cumsum(chain, axis=1)
    state = np.zeros((loans, months + 1), dtype=np.int8)
    for t in range(months):
        draw = random.random(loans)
        state[:, t + 1] = (draw[:, None] > steps[state[:, t]]).sum(axis=1)
    ended = state >= len(chain) - 2
    seen = np.cumsum(ended, axis=1) <= 1
    loan, month = np.nonzero(seen)
    return loan, month, state[seen]


CHAIN = np.array(
    [[0.85, 0.08, 0.06, 0.01], [0.30, 0.40, 0.05, 0.25], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]
)


def test_the_published_chain():
    holds(credit.chain())
    fitted = fit_matrix(np.array(golden("credit/roll_rate_markov")["inputs"]["transition_counts"]))
    assert fitted.left_absorbing == 0
    assert fitted.lifetime_default[4:].tolist() == [0.0, 1.0]
    assert fitted.months_to_absorption[4:].tolist() == [0.0, 0.0]


class TestCounting:
    def test_only_consecutive_months_count(self):
        loan = np.array([0, 0, 0, 1, 1, 1])
        month = np.array([10, 11, 13, 10, 11, 12])
        state = np.array([0, 1, 0, 0, 0, 2])
        found = count_transitions(loan, month, state, STATES)
        assert (found.gaps, found.rows, found.loans, found.first) == (1, 6, 2, 10)
        expected = np.zeros((4, 4), dtype=int)
        expected[0, 1] = expected[0, 0] = expected[0, 2] = 1
        assert found.counts.sum(axis=0).tolist() == expected.tolist()
        assert found.counts[0].sum() == 2  # both depart in month 10 or 11
        assert found.counts.shape == (4, 4, 4)

    def test_amounts_are_balances_at_departure(self):
        found = count_transitions(
            np.array([0, 0, 1, 1]),
            np.array([0, 1, 0, 1]),
            np.array([0, 2, 0, 0]),
            STATES,
            np.array([300.0, 0.0, 100.0, 90.0]),
        )
        fitted = roll_rates(found, by_amount=True)
        assert fitted.matrix[0].tolist() == [0.25, 0.0, 0.75, 0.0]
        assert fitted.number[0] == pytest.approx(400**2 / (300**2 + 100**2))
        assert roll_rates(found).matrix[0].tolist() == [0.5, 0.0, 0.5, 0.0]

    @pytest.mark.parametrize(
        ("loan", "month", "state"),
        [
            ([0, 0], [1, 1], [0, 0]),
            ([0, 0], [2, 1], [0, 0]),
            ([1, 0], [1, 2], [0, 0]),
            ([0, 0], [1, 2], [0, 4]),
            ([0, 0], [1, 2], [-1, 0]),
        ],
    )
    def test_faulty_rows_are_named(self, loan, month, state):
        with pytest.raises(ValueError, match="not sorted"):
            count_transitions(np.array(loan), np.array(month), np.array(state), STATES)

    def test_an_empty_panel(self):
        none = np.zeros(0, dtype=np.int64)
        found = count_transitions(none, none, none, STATES)
        assert found.counts.sum() == 0
        assert np.isnan(roll_rates(found).matrix[0]).all()

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), unique=True), st.data())
    def test_the_loop_equals_pairs_of_rows(self, keys, data):
        keys = sorted(keys)
        state = data.draw(st.lists(st.integers(0, 3), min_size=len(keys), max_size=len(keys)))
        loan, month = (np.array([k[n] for k in keys], dtype=np.int64) for n in (0, 1))
        found = count_transitions(loan, month, np.array(state, dtype=np.int64), STATES)
        pairs = [
            (a, b, k[1] - j[1])
            for j, k, a, b in zip(keys, keys[1:], state, state[1:], strict=False)
            if j[0] == k[0]
        ]
        expected = np.zeros((4, 4), dtype=int)
        for a, b, step in pairs:
            expected[a, b] += step == 1
        assert found.counts.sum(axis=0).tolist() == expected.tolist()
        assert found.gaps == sum(step > 1 for *_, step in pairs)
        assert found.loans == len(set(loan))


class TestEnds:
    def test_a_known_chain_is_found_again(self):
        found = count_transitions(*panel_of(CHAIN, 20_000, 40, 5), STATES)
        fitted = roll_rates(found)
        rows = CHAIN[:2]
        inside = (fitted.low[:2] <= rows) & (rows <= fitted.high[:2])
        assert inside.sum() >= 7  # eight intervals of 95%
        truth = np.linalg.solve(np.eye(2) - CHAIN[:2, :2], CHAIN[:2, 3])
        np.testing.assert_allclose(fitted.lifetime_default[:2], truth, atol=0.012)

    def test_cures_of_an_absorbing_state_are_left_out_and_told(self):
        counts = np.array([[8, 1, 0, 1], [2, 2, 1, 0], [0, 0, 3, 0], [2, 0, 0, 5]])
        fitted = fit_matrix(counts)
        assert fitted.left_absorbing == 2
        assert fitted.matrix[3].tolist() == [0, 0, 0, 1]

    def test_a_state_that_never_ends(self):
        counts = np.array([[5, 5, 0, 0], [0, 9, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        fitted = fit_matrix(counts)
        assert fitted.months_to_absorption[:2].tolist() == [np.inf, np.inf]
        assert fitted.lifetime_default[:2].tolist() == [0.0, 0.0]

    def test_an_unseen_state_stays_and_is_named(self):
        counts = np.array([[5, 3, 1, 1], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        fitted = fit_matrix(counts)
        assert fitted.unseen.tolist() == [False, True, False, False]
        assert fitted.lifetime_default[0] == pytest.approx(0.2)
        assert np.isinf(fitted.months_to_absorption[0])
        assert fitted.project(np.array([10.0, 0, 0, 0]), 5).sum(axis=1) == pytest.approx(10.0)

    def test_cells_as_a_table(self):
        frame = fit_matrix(np.array([[3, 0, 1, 0]] + [[0] * 4] * 3), states=STATES).to_frame()
        assert frame["to"].tolist() == ["current", "repaid"]
        assert frame["rate"].tolist() == [0.75, 0.25]
        assert frame["row_count"].tolist() == [4.0, 4.0]


class TestHomogeneity:
    def test_equals_the_contingency_table(self):
        holds(credit.constancy())

    def test_a_change_is_found_and_its_absence_too(self):
        same = homogeneity(count_transitions(*panel_of(CHAIN, 5_000, 20, 1), STATES))
        worse = CHAIN.copy()
        worse[0] = [0.80, 0.10, 0.06, 0.04]
        loan, month, state = panel_of(CHAIN, 5_000, 10, 1)
        later = panel_of(worse, 5_000, 10, 2)
        both = (
            np.r_[loan, later[0] + 5_000],
            np.r_[month, later[1] + 11],
            np.r_[state, later[2]],
        )
        changed = homogeneity(count_transitions(*both, STATES))
        assert same.p_value > 0.01
        assert changed.p_value < 1e-6

    def test_one_month_cannot_be_halved(self):
        one = count_transitions(np.array([0, 0]), np.array([0, 1]), np.array([0, 0]), STATES)
        assert np.isnan(homogeneity(one).p_value)


def test_the_error_of_each_sample_is_what_the_interval_says():
    hits = 0
    for seed in range(100):
        fitted = roll_rates(count_transitions(*panel_of(CHAIN, 200, 5, seed), STATES))
        hits += bool(fitted.low[0, 1] <= CHAIN[0, 1] <= fitted.high[0, 1])
    assert 88 <= hits <= 100


def test_the_error_of_the_lifetime_default_is_that_of_a_share():
    # One state: of those that leave it the share b defaults, and its variance is b (1 - b) / n.
    counts = np.array([[700, 90, 210], [0, 0, 0], [0, 0, 0]])
    fitted = fit_matrix(counts, absorbing=(1, 2), default=1)
    assert fitted.lifetime_default[0] == pytest.approx(0.3)
    assert fitted.lifetime_error[0] == pytest.approx(np.sqrt(0.3 * 0.7 / 300))


def test_the_error_of_the_lifetime_default_is_the_scatter_of_samples():
    random = np.random.default_rng(7)
    samples = []
    for _ in range(600):
        counts = np.zeros((4, 4), dtype=np.int64)
        counts[0], counts[1] = random.multinomial(900, CHAIN[0]), random.multinomial(60, CHAIN[1])
        fitted = fit_matrix(counts)
        samples.append((*fitted.lifetime_default[:2], *fitted.lifetime_error[:2]))
    found = np.array(samples)
    np.testing.assert_allclose(found[:, 2:].mean(axis=0), found[:, :2].std(axis=0), rtol=0.1)


def test_where_no_path_to_default_was_seen_it_may_still_be_as_likely_as_would_go_unseen():
    # 700 stay and 300 end: of loans that end, none of 300. -ln(0.025) / 300, the rule of three.
    fitted = fit_matrix(np.array([[700, 0, 300], [0, 0, 0], [0, 0, 0]]), (1, 2), default=1)
    low, high = fitted.lifetime_bounds
    assert (low[0], fitted.lifetime_default[0]) == (0.0, 0.0)
    assert high[0] == pytest.approx(-np.log(0.025) / 300)
    # Ends are known.
    assert [*low[1:], *high[1:]] == [1.0, 0.0, 1.0, 0.0]


def test_the_bound_is_the_most_that_the_departures_of_any_state_leave_open():
    # From current 1,000 leave, 100 of them late; of 20 late ones all come back, or are repaid.
    counts = np.array([[800, 100, 100, 0], [10, 0, 10, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    fitted = fit_matrix(counts)
    high = fitted.lifetime_bounds[1]
    # Months in current and late, by hand: c = 1 + 0.8 c + 0.5 l, l = 0.1 c from current.
    c = 1 / (1 - 0.8 - 0.05)
    assert high[0] == pytest.approx(-np.log(0.025) * max(c / 1000, 0.1 * c / 20))
    # Whoever is late is nearer to the state of which least is known.
    assert high[1] > high[0]


def test_nothing_is_claimed_of_what_goes_where_nothing_was_seen_to_leave():
    counts = np.array([[80, 10, 10, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    high = fit_matrix(counts).lifetime_bounds[1]
    assert high[0] == pytest.approx(0.5 - np.log(0.025) * 5 / 100)
    assert high[1] == 1.0


def test_where_defaults_were_seen_the_bounds_are_by_the_error():
    fitted = fit_matrix(np.array([[700, 90, 210], [0, 0, 0], [0, 0, 0]]), (1, 2), default=1)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 300)
    low, high = fitted.lifetime_bounds
    assert [low[0], high[0]] == pytest.approx([0.3 - half, 0.3 + half], abs=1e-5)
