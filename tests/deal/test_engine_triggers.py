"""Measures, triggers, phases and calls, date by date."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from scfcap.deal.engine import Surroundings, run_deal
from scfcap.deal.outcome import DealRun

from .dealing import deal_of, pool_of, run

#: A pool of 1000 with what defaults in each month.
MILD = {"test": "defaults > 30", "cure": "defaults < 10"}
LOSSES = [10.0, 40.0, 50.0, 5.0, 60.0, 0.0, 0.0, 0.0, 70.0, 0.0]


def in_force(trigger: dict[str, Any], losses: list[float] | None = None, **more: Any) -> list[bool]:
    """Whether the trigger is in force on each date, where what counts is what defaulted."""
    rows = LOSSES if losses is None else losses
    terms = {
        "tranches": {"A": {"balance": 100.0}},
        "triggers": {"x": trigger},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A", "when": "trigger.x"}]},
    } | more
    result = run(terms, pool_of(1000.0, [0.0] * len(rows), default=rows), len(rows))
    return result.tripped[:, 0, 0].tolist()


def dates(*numbers: int, of: int = 10) -> list[bool]:
    return [number in numbers for number in range(1, of + 1)]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"test": "defaults > 30"}, dates(*range(2, 11))),
        ({"test": "defaults >= 70"}, dates(9, 10)),
        ({"test": "defaults > 30", "after": 2}, dates(*range(3, 11))),
        ({"test": "defaults > 30", "after": 3}, dates()),
        ({"test": "defaults > 30", "from_payment": 3}, dates(*range(3, 11))),
        # dates before the first one on which it is tested do not count towards two in a row
        ({"test": "defaults > 30", "from_payment": 3, "after": 2}, dates()),
        (MILD, dates(2, 3, 5, 9)),
        (MILD | {"cured_after": 2}, dates(2, 3, 4, 5, 6, 9, 10)),
        (MILD | {"cure": "defaults < 1", "cured_after": 3}, dates(*range(2, 8), 9, 10)),
        (MILD | {"cure": "false"}, dates(*range(2, 11))),
        ({"test": "defaults > 1 / 0"}, dates()),
    ],
)  # fmt: skip
def test_a_trigger_trips_and_is_cured(trigger: dict[str, Any], expected: list[bool]) -> None:
    assert in_force(trigger) == expected


def test_a_cure_counts_only_while_the_trigger_is_in_force() -> None:
    """Good dates before it trips, and the one on which it trips, are no part of the two that end
    it.
    """
    trigger = {"test": "defaults > 30", "cure": "defaults < 30", "cured_after": 2}
    assert in_force(trigger, [0.0, 0.0, 40.0, 0.0, 0.0, 0.0]) == dates(3, 4, of=6)
    always = {"test": "defaults > 30", "cure": "pool > 0", "cured_after": 2}
    assert in_force(always, [0.0, 0.0, 40.0, 0.0, 0.0, 0.0]) == dates(3, 4, of=6)


def test_a_trigger_after_payments_is_in_force_from_the_next_date() -> None:
    """All is repaid on date 2: the test holds once it is paid, the steps see it on date 3."""
    terms = {
        "tranches": {"A": {"balance": 100.0}, "E": {"kind": "equity", "balance": 0.0}},
        "triggers": {"repaid": {"test": "notes <= 0", "when": "after payments"}},
        "waterfall": {
            "amortising": [
                {"pay": "principal", "to": "A"},
                {"pay": "residual", "to": "E", "when": "trigger.repaid"},
            ]
        },
    }
    result = run(terms, pool_of(300.0, [60.0, 60.0, 60.0]), 3)
    assert result.of("principal", "A")[0].tolist() == [60.0, 40.0, 0.0]
    assert result.of("residual", "E")[0].tolist() == [0.0, 0.0, 80.0]
    assert result.tripped[:, 0, 0].tolist() == [False, True, True]


def test_a_trigger_sees_those_before_it_on_the_same_date() -> None:
    terms = {
        "tranches": {"A": {"balance": 100.0}},
        "triggers": {
            "later": {"test": "trigger.first"},
            "first": {"test": "defaults > 30"},
            "sooner": {"test": "trigger.first"},
        },
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    result = run(terms, pool_of(1000.0, [0.0] * 4, default=LOSSES[:4]), 4)
    assert result.tripped[:, :, 0].T.tolist() == [
        [False, False, True, True],
        [False, True, True, True],
        [False, True, True, True],
    ]


def test_a_measure_is_the_mean_over_the_last_dates() -> None:
    terms = {
        "day_count": "act/act-icma",
        "tranches": {"A": {"balance": 100.0}},
        "measures": {
            "now": {"of": "defaults"},
            "mean": {"of": "defaults", "mean_of": 3},
            "rate": {"of": "default_rate", "mean_of": 2},
        },
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    result = run(terms, pool_of(1000.0, [0.0] * 5, default=LOSSES[:5]), 5)
    np.testing.assert_allclose(result.measures[:, 0, 0], LOSSES[:5])
    np.testing.assert_allclose(
        result.measures[:, 1, 0], [10.0, 25.0, 100 / 3, 95 / 3, 115 / 3], rtol=1e-12
    )
    opening = np.array([1000.0, 990.0, 950.0, 900.0, 895.0])
    rates = 12.0 * np.array(LOSSES[:5]) / opening
    means = [rates[0], *((rates[1:] + rates[:-1]) / 2.0)]
    np.testing.assert_allclose(result.measures[:, 2, 0], means, rtol=1e-12)


def test_figures_of_the_pool_are_those_since_the_last_payment_date() -> None:
    """Quarterly: rates are of the pool three months ago and of a quarter of a year."""
    words = {
        "collected": 27.0,
        "collected_interest": 12.0,
        "collected_principal": 12.0,
        "collected_recovery": 3.0,
        "defaults": 18.0,
        "losses": 15.0,
        "cumulative_default": 36.0,
        "cumulative_loss": 30.0,
        "pool": 440.0,
        "pool_opening": 470.0,
        "pool_at_closing": 500.0,
        "years": 0.25,
        "payment": 2.0,
        "default_rate": 18.0 / 470.0 / 0.25,
        # 12 of interest, less 2.5 for a quarter of 10 and what was owed before, less 15 lost
        "excess_spread": (12.0 - (5.0 - 0.0) - 15.0) / 470.0 / 0.25,
        "idle_share": (54.0 - 0.0) / 200.0,
        "overcollateralization": (440.0 + 54.0 - 200.0) / 440.0,
        "notes": 200.0,
        "notes_at_closing": 200.0,
        "owed.A": 5.0,
    }
    terms = {
        "settlement": {"payment_every": 3},
        "tranches": {"A": {"balance": 200.0, "coupon": 0.05, "interest_on_shortfall": False},
                     "E": {"kind": "equity", "balance": 300.0}},
        "measures": {f"m{n}": {"of": word} for n, word in enumerate(words)},
        "waterfall": {"amortising": [
            {"pay": "interest", "to": "A", "when": "false"},
            {"pay": "principal", "to": "A", "when": "false"},
        ]},
    }  # fmt: skip
    flows = {"interest": 4.0, "default": 6.0, "recovery": 1.0}
    result = run(terms, pool_of(500.0, [4.0] * 6, **flows), 6)
    got = dict(zip(words, result.measures[5, :, 0].tolist(), strict=True))
    assert got == pytest.approx(words)
    assert (result.measures[[0, 1, 3, 4]] == 0.0).all()


PHASED: dict[str, Any] = {
    "tranches": {"A": {"balance": 900.0}},
    "waterfall": {
        name: [{"pay": "principal", "to": "A", "amount": amount}]
        for name, amount in (("first", 1.0), ("second", 2.0), ("third", 3.0), ("fourth", 4.0))
    },
}


def phases(*given: dict[str, Any], losses: list[float] | None = None) -> list[float]:
    """What class A is paid on each date: 1 in the first phase, 2 in the second, and so on."""
    names = ["first", "second", "third", "fourth"][: len(given)]
    rows = LOSSES if losses is None else losses
    terms = PHASED | {
        "phases": [{"name": name} | each for name, each in zip(names, given, strict=True)],
        "waterfall": {name: PHASED["waterfall"][name] for name in names},
    }
    result = run(terms, pool_of(1000.0, [5.0] * len(rows), default=rows), len(rows))
    paid = result.of("principal", "A")[0]
    assert (paid == result.phase[:, 0] + 1).all()
    return paid.tolist()


def test_a_phase_lasts_until_its_last_payment_date() -> None:
    paid = phases({"until": date(2020, 3, 31)}, {"until": date(2020, 7, 30)}, {})
    assert paid == [1, 1, 1, 2, 2, 2, 3, 3, 3, 3]


def test_a_test_brings_a_phase_on_at_once_and_it_stays() -> None:
    assert phases({}, {"when": "defaults > 30"}) == [1] + 9 * [2]
    graver = phases({}, {"when": "defaults > 30"}, {"when": "defaults > 45"})
    assert graver == [1, 2] + 8 * [3]


def test_a_phase_that_does_not_stay_ends_with_its_test() -> None:
    paid = phases({}, {"when": "defaults > 30", "stays": False})
    assert paid == [1, 2, 2, 1, 2, 1, 1, 1, 2, 1]


def test_time_goes_on_in_a_phase_that_does_not_stay() -> None:
    paid = phases({"until": date(2020, 3, 31)}, {}, {"when": "defaults > 30", "stays": False})
    assert paid == [1, 3, 3, 2, 3, 2, 2, 2, 3, 2]


def test_a_deal_does_not_fall_back_before_a_phase_that_stays() -> None:
    """The second phase stays: leaving the third, the deal comes back to it, not to the first."""
    paid = phases(
        {},
        {"when": "defaults > 30"},
        {"when": "defaults > 45", "stays": False},
        {"when": "defaults > 65"},
    )
    assert paid == [1, 2, 3, 2, 3, 2, 2, 2, 4, 4]


def test_scenarios_in_different_phases_take_their_own_steps() -> None:
    losses = np.array([LOSSES, [0.0] * 10, LOSSES[::-1]])
    terms = PHASED | {
        "phases": [{"name": "first"}, {"name": "second", "when": "defaults > 65"}],
        "waterfall": {name: PHASED["waterfall"][name] for name in ("first", "second")},
    }
    result = run(
        terms, pool_of([1000.0] * 3, np.full((3, 10), 5.0), default=losses), 10, trace=True
    )
    expected = [[1] * 8 + [2] * 2, [1] * 10, [1] + [2] * 9]
    assert result.of("principal", "A").tolist() == expected
    assert result.trace is not None
    np.testing.assert_array_equal(result.trace[2, 0].T, np.where(np.array(expected) == 1, 1.0, 0.0))


def test_the_originator_fails_in_a_period_of_each_scenario() -> None:
    terms = PHASED | {
        "phases": [{"name": "first"}, {"name": "second", "when": "originator_default"}],
        "waterfall": {name: PHASED["waterfall"][name] for name in ("first", "second")},
    }
    around = Surroundings(originator_fails=np.array([0, 1, 3]))
    assets = pool_of([1000.0] * 3, np.full((3, 4), 5.0))
    result = run_deal(deal_of(terms, 4), assets, around)
    assert result.phase.T.tolist() == [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1]]


# --- calls ----------------------------------------------------------------------------------


def called(
    call: dict[str, Any], *steps: dict[str, Any], balance: float = 60.0, **more: Any
) -> DealRun:
    """A pool of 100 that pays 20 a month, under a class of 60 that gets 12% on its balance."""
    terms: dict[str, Any] = {
        "day_count": "act/act-icma",
        "tranches": {"A": {"balance": balance, "coupon": 0.12}},
        "calls": {"it": call},
        "waterfall": {"amortising": [
            {"pay": "interest", "to": "A"}, {"pay": "principal", "to": "A"}, *steps,
            {"pay": "residual", "when": "called"},
        ]},
    } | more  # fmt: skip
    return run(terms, pool_of(100.0, [20.0, 20.0, 20.0, 20.0], interest=1.0), 4, trace=True)


def test_a_clean_up_call_pays_all_and_the_loans_are_gone() -> None:
    result = called({"when": "pool <= 0.4 * pool_at_closing"})
    assert result.called.tolist() == [3]
    assert result.of("sold")[0].tolist() == [0.0, 0.0, 40.0, 0.0]
    assert result.of("pool")[0].tolist() == [80.0, 60.0, 0.0, 0.0]
    # interest of the month in which it is called is paid with the call
    paid = result.of("interest_paid", "A")[0]
    assert paid[0] == pytest.approx(0.6)
    assert paid[2] == pytest.approx(0.01 * result.of("balance", "A")[0, 1])
    assert result.paid_in_full.all()
    assert result.cash[2:].sum() == 0.0
    assert result.of("principal_collected")[0].tolist() == [20.0, 20.0, 20.0, 0.0]


def test_a_call_on_a_date_at_a_price() -> None:
    result = called({"from_date": date(2020, 2, 29), "price": 0.95})
    assert result.called.tolist() == [2]
    owed = 60.0 - 20.4
    left = 20.0 + 1.0 + 0.95 * 60.0 - owed * 1.01
    assert result.of("sold")[0, 1] == 60.0
    assert result.of("principal", "A")[0, 1] == pytest.approx(owed)
    assert result.of("interest_paid", "A")[0, 1] == pytest.approx(owed * 0.01)
    assert result.trace is not None
    assert result.trace[2, 2, :, 0].tolist() == pytest.approx([0.0, left, 0.0, 0.0])
    assert result.cash.sum() == 0.0


@pytest.mark.parametrize(("price", "period"), [(1.0, 1), (0.4951, 1), (0.4949, 2), (0.3167, 2)])
def test_a_call_waits_until_it_pays_in_full(price: float, period: int) -> None:
    """Date 1: 21 + 80 p for 60.6, so p >= 0.495; date 2: 21 + 60 p for 39.6 x 1.01, p >= 0.3166."""
    result = called({"when": "true", "price": price})
    assert result.called.tolist() == [period]
    assert result.paid_in_full.all()


def test_a_call_that_need_not_pay_in_full_leaves_the_rest_unpaid() -> None:
    result = called({"when": "true", "price": 0.25, "needs_full_payment": False})
    assert result.called.tolist() == [1]
    assert result.of("principal", "A")[0].tolist() == pytest.approx([40.4, 0.0, 0.0, 0.0])
    assert not result.paid_in_full.any()


def test_what_a_call_must_pay_is_all_that_is_owed() -> None:
    """A fee of 12 a month that is never paid but by the residual's place, a line, a hedge, and
    interest that has accrued and is not yet due.
    """
    calls = {"when": "true"}
    # cash and pool on date 1: 101; notes and interest 60.6; the rest is 40.4
    fee = {"fees": {"f": {"amount": 12.0 * 40.41}}}
    assert called(calls, {"pay": "fee", "to": "f"}, **fee).called[0] != 1
    fee = {"fees": {"f": {"amount": 12.0 * 40.39}}}
    assert called(calls, {"pay": "fee", "to": "f"}, **fee).called[0] == 1
    swap = {"hedges": {"h": {"notional": "1", "pay_rate": 0.99}}}
    late = {
        "tranches": {"A": {"balance": 100.0, "coupon": 0.12, "first_interest": date(2020, 3, 1)}}
    }
    assert called(calls, **late).called[0] == 1  # 100 and 1 accrued: just enough
    late["tranches"]["A"]["coupon"] = 0.1201
    assert called(calls, **late).called[0] != 1
    assert called(calls, {"pay": "hedge", "to": "h"}, balance=100.0, **swap).called[0] != 1
    assert called(calls, balance=100.0).called[0] == 1
    for drawn, period in ((1.0, 1), (1.02, 2)):
        stands = {"date": date(2019, 12, 31), "balances": {"A": 99.0}, "pool_at_closing": 100.0}
        line = {
            "lines": {"l": {"commitment": 2.0}},
            "opening": stands | {"lines": {"l": drawn}},
        }
        repays = {"pay": "line", "to": "l"}
        assert called(calls, repays, balance=99.0, **line).called[0] == period


def test_a_phase_may_begin_with_the_call() -> None:
    terms = {
        "tranches": {"A": {"balance": 60.0}},
        "phases": [{"name": "usual"}, {"name": "out", "when": "called"}],
        "calls": {"it": {"from_date": date(2020, 2, 1)}},
        "waterfall": {
            "usual": [{"pay": "residual", "share": 0.5}],
            "out": [{"pay": "principal", "to": "A"}, {"pay": "residual"}],
        },
    }
    result = run(terms, pool_of(100.0, [10.0, 10.0, 10.0]), 3)
    assert result.phase[:, 0].tolist() == [0, 1, 1]
    assert result.of("principal", "A")[0].tolist() == [0.0, 60.0, 0.0]
    assert result.cash[1:].sum() == 0.0


def test_only_the_scenarios_that_call_sell() -> None:
    assets = pool_of([100.0, 100.0], [[20.0] * 3, [45.0, 20.0, 20.0]])
    terms = {
        "tranches": {"A": {"balance": 50.0}},
        "calls": {"it": {"when": "pool < 60"}},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}, {"pay": "residual"}]},
    }
    result = run(terms, assets, 3)
    assert result.called.tolist() == [3, 1]
    assert result.of("sold").tolist() == [[0.0, 0.0, 40.0], [55.0, 0.0, 0.0]]
    assert result.of("principal_collected")[1].tolist() == [45.0, 0.0, 0.0]
