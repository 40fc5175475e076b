"""Each kind of class, worked out by hand or against a closed form; months are twelfths."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy_financial as npf
import pytest

from .dealing import pool_of, run

MONTHS = {"day_count": "act/act-icma"}


def steps(*given: dict[str, Any]) -> dict[str, Any]:
    return {"waterfall": {"amortising": list(given)}}


# --- zero and accrual -----------------------------------------------------------------------


def test_a_zero_sells_below_par_and_yields_by_its_price() -> None:
    """Five years at 6% compounded monthly (numpy-financial's present value)."""
    price = float(-npf.pv(0.06 / 12, 60, 0.0, 1.0))
    terms = MONTHS | {
        "tranches": {"Z": {"kind": "zero", "balance": 1000.0, "issue_price": price}},
    } | steps({"pay": "principal", "to": "Z"})  # fmt: skip
    principal = np.zeros(60)
    principal[-1] = 1000.0
    result = run(terms, pool_of(1000.0, principal), 60)
    assert result.closing.notes[0] == pytest.approx(1000.0 * price)
    assert (result.of("interest_due", "Z") == 0.0).all()
    flows = [-result.closing.notes[0], *result.of("principal", "Z")[0]]
    assert npf.irr(flows) == pytest.approx(0.06 / 12)


def test_an_accrual_class_grows_while_a_class_before_it_stands() -> None:
    """Date 1: A 100 less 60, Z 200 x 1.01. Date 2: A gone, 20 to Z. Then Z is paid its interest."""
    terms = MONTHS | {
        "collections": {"interest": "interest"},
        "accounts": {"interest": {}},
        "tranches": {
            "A": {"balance": 100.0, "coupon": 0.0},
            "Z": {"kind": "accrual", "balance": 200.0, "coupon": 0.12},
        },
    } | steps(
        {"pay": "interest", "to": "Z", "from": "interest"},
        {"pay": "principal", "to": ["A", "Z"], "split": "in order"},
    )  # fmt: skip
    result = run(terms, pool_of(600.0, [60.0] * 4, interest=5.0), 4)
    grown = 200.0 * 1.01**2 - 20.0
    np.testing.assert_allclose(result.of("accreted", "Z")[0], [2.0, 2.02, 0.0, 0.0])
    np.testing.assert_allclose(
        result.of("balance", "Z")[0], [202.0, grown, grown - 60.0, grown - 120.0]
    )
    np.testing.assert_allclose(
        result.of("interest_paid", "Z")[0], [0.0, 0.0, grown * 0.01, (grown - 60.0) * 0.01]
    )


def test_equity_named_before_an_accrual_class_does_not_hold_it_up() -> None:
    terms = MONTHS | {
        "tranches": {
            "E": {"kind": "equity", "balance": 100.0},
            "Z": {"kind": "accrual", "balance": 200.0, "coupon": 0.12},
        },
    } | steps({"pay": "interest", "to": "Z"})  # fmt: skip
    result = run(terms, pool_of(300.0, [0.0], interest=5.0), 1)
    assert result.of("accreted", "Z")[0].tolist() == [0.0]
    assert result.of("interest_paid", "Z")[0].tolist() == pytest.approx([2.0])


def test_an_accrual_class_grows_as_compound_interest() -> None:
    terms = MONTHS | {
        "tranches": {"Z": {"kind": "accrual", "balance": 100.0, "coupon": 0.08,
                           "accretes_while": "payment < 13"}},
    } | steps({"pay": "interest", "to": "Z"})  # fmt: skip
    result = run(terms, pool_of(200.0, [0.0] * 14, interest=3.0), 14)
    expected = [-npf.fv(0.08 / 12, min(n, 12), 0.0, 100.0) for n in range(1, 15)]
    np.testing.assert_allclose(result.of("balance", "Z")[0], expected, rtol=1e-12)
    np.testing.assert_allclose(
        result.of("interest_paid", "Z")[0, 12:], expected[-1] * 0.08 / 12, rtol=1e-12
    )
    accreted = result.of("accreted", "Z")[0]
    assert accreted.sum() == pytest.approx(expected[-1] - 100.0)


def test_accretion_directs_its_cash_to_the_classes_before_it() -> None:
    """A Z-bond: what the Z does not take of the interest repays A sooner, and in all the notes
    fall by the pool's principal.
    """
    terms = MONTHS | {
        "tranches": {
            "A": {"balance": 400.0, "coupon": 0.06},
            "Z": {"kind": "accrual", "balance": 600.0, "coupon": 0.06},
        },
    } | steps(
        {"pay": "interest", "to": ["A", "Z"]},
        {"pay": "principal", "to": ["A", "Z"], "split": "in order"},
    )  # fmt: skip
    principal = np.full(10, 100.0)
    before = 1000.0 - np.concatenate([[0.0], np.cumsum(principal)[:-1]])
    result = run(terms, pool_of(1000.0, principal, interest=before * 0.005), 10)
    notes = result.of("balance").sum(axis=1)[0]
    np.testing.assert_allclose(notes, 1000.0 - np.cumsum(principal), atol=1e-9)
    np.testing.assert_allclose(
        result.of("principal", "A")[0, :3],
        [103.0, 103.015, 103.030075],
        rtol=1e-9,
    )
    assert result.paid_in_full.all()


# --- target and planned amortisation --------------------------------------------------------

PLAN = {"P": {"balance": 100.0, "schedule": [0.8, 0.6, 0.4, 0.2, 0.0]}, "S": {"balance": 100.0}}
PLANNED = steps(
    {"pay": "principal", "to": "P", "by": "schedule"},
    {"pay": "principal", "to": "S"},
    {"pay": "principal", "to": "P"},
)


def test_a_planned_class_keeps_to_its_plan_and_the_support_takes_the_rest() -> None:
    result = run({"tranches": PLAN} | PLANNED, pool_of(200.0, [20.0, 45.0, 20.0, 90.0, 25.0]), 5)
    assert result.of("principal", "P")[0].tolist() == pytest.approx([20.0] * 5)
    assert result.of("principal", "S")[0].tolist() == pytest.approx([0.0, 25.0, 0.0, 70.0, 5.0])


def test_what_a_plan_lacks_is_made_up_first() -> None:
    result = run({"tranches": PLAN} | PLANNED, pool_of(200.0, [5.0, 10.0, 60.0, 25.0, 100.0]), 5)
    assert result.of("principal", "P")[0].tolist() == pytest.approx([5.0, 10.0, 45.0, 20.0, 20.0])
    assert result.of("balance", "P")[0].tolist() == pytest.approx([95.0, 85.0, 40.0, 20.0, 0.0])


def test_a_plan_breaks_when_its_support_is_gone() -> None:
    result = run({"tranches": PLAN} | PLANNED, pool_of(200.0, [90.0, 40.0, 30.0, 20.0, 20.0]), 5)
    assert result.of("principal", "S")[0].tolist() == pytest.approx([70.0, 20.0, 10.0, 0.0, 0.0])
    assert result.of("principal", "P")[0].tolist() == pytest.approx([20.0] * 5)
    fast = run({"tranches": PLAN} | PLANNED, pool_of(200.0, [150.0, 10.0, 40.0]), 3)
    assert fast.of("principal", "P")[0].tolist() == pytest.approx([50.0, 10.0, 40.0])


def test_a_planned_class_is_as_stable_as_its_band() -> None:
    """Paid by the lesser of two speeds' cumulative principal (Hayre, Salomon Smith Barney Guide
    to MBS and ABS, 2001, on PACs): between the two its principal is the plan's, outside not.
    """
    months = 120
    speeds = {name: 1.0 - (1.0 - 0.06 * s) ** (1 / 12) for name, s in
              {"slow": 0.9, "low": 1.0, "mid": 2.0, "high": 3.0, "fast": 8.0}.items()}  # fmt: skip

    def paid(smm: float) -> np.ndarray:
        left, rows = 1000.0, []
        for t in range(months):
            scheduled = left / (months - t)
            row = scheduled + (left - scheduled) * smm
            rows.append(row)
            left -= row
        return np.array(rows)

    plan = np.minimum(paid(speeds["low"]), paid(speeds["high"]))
    size = float(plan.sum())
    schedule = np.maximum(1.0 - np.cumsum(plan) / size, 0.0).tolist()
    terms = {"tranches": {"P": {"balance": size, "schedule": schedule},
                          "S": {"balance": 1000.0 - size}}} | PLANNED  # fmt: skip
    flows = np.array([paid(smm) for smm in speeds.values()])
    result = run(terms, pool_of([1000.0] * 5, flows), months)
    got = dict(zip(speeds, result.of("principal", "P"), strict=True))
    for name in ("low", "mid", "high"):
        np.testing.assert_allclose(got[name], plan, atol=1e-8)
    lives = {k: float((v * np.arange(1, months + 1)).sum() / size / 12) for k, v in got.items()}
    assert lives["fast"] < lives["mid"] - 0.1
    assert lives["slow"] > lives["mid"] + 1e-3
    whole = result.of("principal").sum(axis=1)
    np.testing.assert_allclose(whole, flows, atol=1e-8)


def test_a_target_class_takes_no_more_than_its_target_while_others_stand() -> None:
    """Without the second step what is above the target waits, and nobody is paid it."""
    targeted = steps({"pay": "principal", "to": "P", "by": "schedule"})
    result = run({"tranches": PLAN} | targeted, pool_of(200.0, [50.0, 0.0, 50.0, 0.0]), 4)
    assert result.of("principal", "P")[0].tolist() == pytest.approx([20.0, 20.0, 20.0, 20.0])
    assert result.cash[:, 0, 0].tolist() == pytest.approx([30.0, 10.0, 40.0, 20.0])


def test_the_last_of_a_schedule_holds_on() -> None:
    plan = {"P": {"balance": 100.0, "schedule": [0.9, 0.5]}}
    stays = steps({"pay": "principal", "to": "P", "by": "schedule"})
    result = run({"tranches": plan} | stays, pool_of(100.0, [30.0, 30.0, 30.0]), 3)
    assert result.of("balance", "P")[0].tolist() == [90.0, 50.0, 50.0]


def test_a_schedule_counts_payment_dates_not_periods() -> None:
    plan = {"P": {"balance": 100.0, "schedule": [0.9, 0.5]}}
    terms = {"tranches": plan, "settlement": {"payment_every": 2}}
    terms |= steps({"pay": "principal", "to": "P", "by": "schedule"})
    result = run(terms, pool_of(200.0, [50.0] * 4), 4)
    assert result.of("balance", "P")[0].tolist() == [100.0, 90.0, 90.0, 50.0]


def test_between_payment_dates_only_the_steps_of_settlement_are_made() -> None:
    terms = MONTHS | {
        "settlement": {
            "payment_every": 3,
            "steps": {"amortising": [{"pay": "principal", "to": "A", "share": 0.1}]},
        },
        "tranches": {"A": {"balance": 1000.0, "coupon": 0.12}},
    }
    terms |= steps({"pay": "interest", "to": "A"}, {"pay": "residual"})
    result = run(terms, pool_of(1000.0, [300.0, 300.0, 300.0]), 3)
    assert result.of("principal", "A")[0].tolist() == [100.0, 90.0, 0.0]
    assert result.of("interest_paid", "A")[0].tolist() == pytest.approx([0.0, 0.0, 27.1])
    assert result.cash[:, 0, 0].tolist() == [200.0, 410.0, 0.0]


# --- interest-only and equity ---------------------------------------------------------------


def test_an_interest_only_class_bears_interest_on_its_notional() -> None:
    """35% of A's balance at the start of each month at 5%: the strip of a REMIC."""
    terms = MONTHS | {
        "tranches": {
            "A": {"balance": 1200.0, "coupon": 0.03},
            "IO": {"kind": "interest_only", "coupon": 0.05, "notional": "0.35 * balance.A"},
        },
    } | steps({"pay": "interest", "to": ["A", "IO"]}, {"pay": "principal", "to": "A"})  # fmt: skip
    result = run(terms, pool_of(5000.0, [400.0] * 4, interest=10.0), 4)
    before = np.concatenate([[1200.0], result.of("balance", "A")[0, :-1]])
    np.testing.assert_allclose(result.of("interest_paid", "IO")[0], before * 0.35 * 0.05 / 12)
    assert (result.of("balance", "IO") == 0.0).all()
    assert result.original[1].tolist() == [0.0]


def test_a_notional_is_taken_at_the_start_of_a_period() -> None:
    """As a balance is: on 1000, 900 and 800 of a pool that pays 100 a month."""
    terms = MONTHS | {
        "tranches": {
            "IO": {"kind": "interest_only", "coupon": 0.12, "notional": "pool"},
            "E": {"kind": "equity", "balance": 1000.0},
        },
    } | steps({"pay": "interest", "to": "IO"}, {"pay": "residual", "to": "E"})  # fmt: skip
    result = run(terms, pool_of(1000.0, [100.0] * 3), 3)
    np.testing.assert_allclose(result.of("interest_paid", "IO")[0], [10.0, 9.0, 8.0])


def test_a_shortfall_of_an_interest_only_class_bears_its_coupon() -> None:
    terms = MONTHS | {
        "tranches": {
            "A": {"balance": 1200.0},
            "IO": {"kind": "interest_only", "coupon": 0.12, "notional": "balance.A"},
        },
    } | steps({"pay": "principal", "to": "A"}, {"pay": "interest", "to": "IO"})  # fmt: skip
    result = run(terms, pool_of(2000.0, [0.0, 1200.0]), 2)
    np.testing.assert_allclose(result.of("owed", "IO")[0], [12.0, 24.12])


def test_equity_takes_residuals_and_keeps_its_balance() -> None:
    terms = {"tranches": {"A": {"balance": 50.0}, "E": {"kind": "equity", "balance": 30.0}}}
    terms |= steps({"pay": "principal", "to": "A"}, {"pay": "residual", "to": "E"})
    result = run(terms, pool_of(80.0, [40.0, 40.0], interest=5.0), 2)
    assert result.of("residual", "E")[0].tolist() == [0.0, 40.0]
    assert result.of("balance", "E")[0].tolist() == [30.0, 30.0]
    assert result.of("interest_due", "E")[0].tolist() == [0.0, 0.0]


def test_classes_may_be_given_by_scenario() -> None:
    """Sizes on trial: A of 60 and of 80 on the same pool."""
    terms = MONTHS | {
        "tranches": {"A": {"share": 0.5, "coupon": 0.12}, "E": {"kind": "equity", "share": 0.5}},
    } | steps({"pay": "interest", "to": "A"}, {"pay": "principal", "to": "A"},
              {"pay": "residual", "to": "E"})  # fmt: skip
    sizes = np.array([[60.0, 80.0], [40.0, 20.0]])
    result = run(terms, pool_of([100.0, 100.0], [[100.0], [100.0]]), 1, balances=sizes)
    np.testing.assert_allclose(result.original, sizes)
    np.testing.assert_allclose(result.of("interest_paid", "A")[:, 0], [0.6, 0.8])
    np.testing.assert_allclose(result.of("residual", "E")[:, 0], [39.4, 19.2])


@pytest.mark.parametrize("scenarios", [2, 3])
def test_several_classes_each_keep_to_their_own_schedule(scenarios: int) -> None:
    """P is to stand at 90 then 50, Q at 40 then 10, in every scenario, whatever their number."""
    plan = {
        "P": {"balance": 100.0, "schedule": [0.9, 0.5]},
        "Q": {"balance": 50.0, "schedule": [0.8, 0.2]},
    }
    both = steps({"pay": "principal", "to": ["P", "Q"], "by": "schedule"})
    pool = pool_of(np.full(scenarios, 200.0), np.full((scenarios, 2), 80.0))
    result = run({"tranches": plan} | both, pool, 2)
    assert result.of("balance", "P").tolist() == [[90.0, 50.0]] * scenarios
    assert result.of("balance", "Q").tolist() == [[40.0, 10.0]] * scenarios


def test_formulas_at_closing_know_the_indices() -> None:
    """A warehouse that lends while the index is below 4% pays for the pool only in the first."""
    terms = (
        MONTHS
        | {
            "tranches": {"A": {"balance": 60.0}},
            "accounts": {"reserve": {"initial": "100 * index.i"}},
            "lines": {
                "w": {"commitment": 40.0, "initial": 40.0, "available_while": "index.i < 0.04"}
            },
        }
        | steps(
            {"pay": "line", "to": "w"},
            {"pay": "principal", "to": "A", "from": ["collection", "reserve"]},
        )
    )
    levels = np.array([[0.03, 0.03], [0.05, 0.05]])
    result = run(terms, pool_of([100.0, 100.0], [[10.0], [10.0]]), 1, indices={"i": levels})
    assert result.closing.lines.tolist() == [40.0, 0.0]
    assert result.closing.accounts.tolist() == [3.0, 5.0]
