"""Whole loans bought one by one: what each cost and paid, who takes them back, what lies idle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import BULLET, LEVEL_PAYMENT, ORDER
from scfcap.cashflow.kernel import run_kernel
from scfcap.deal.actuals import ActualAssets
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.outcome import DealRun
from scfcap.schema.deal import ActualRow
from scfcap.schema.scenario import Scenario

from .dealing import run
from .loans import Loan, curves_of, limits_of, stock_of

#: Everything that comes in buys loans; what is left stays in the account.
BUYS: dict[str, Any] = {
    "tranches": {"equity": {"kind": "equity", "share": 1.0}},
    "phases": ({"name": "revolving"},),
    "waterfall": {"revolving": [{"pay": "purchase"}]},
}
#: Days of the ends of the months from 2019-12-31.
JAN, FEB, MAR, MAY = 31, 60, 91, 152


def bought(result: DealRun, k: int = 0) -> dict[str, float]:
    """Price of each loan bought, by its name."""
    frame = result.loans_frame([result.scenarios[k]])
    frame = frame[frame["period"] > 0]
    return dict(zip(frame["loan_id"], frame["price"], strict=True))


def test_three_months_of_purchases_below_par_by_hand() -> None:
    loans = [
        Loan("held", 100.0, term=JAN),
        Loan("b", 60.0, day=JAN, term=FEB - JAN),
        Loan("c", 50.0, day=20),  # is made at the month's end
        Loan("d", 30.0, day=FEB),
        Loan("never", 1.0, day=FEB, eligible=False),
    ]
    result = run(BUYS, LoanAssets(stock_of(loans), curves_of(3), price=0.98), 3)

    # January: 100 and 1 of interest. In the order of their days c comes first: 49, b for 58.8
    # is more than the 52 that are left.
    # February: 0.5 on c; d costs 29.4. March: 0.5 on c and 0.3 on d.
    assert bought(result) == pytest.approx({"c": 49.0, "d": 29.4})
    cash = result.cash[:, 0, 0]
    assert cash == pytest.approx([52.0, 52.0 + 0.5 - 29.4, 23.1 + 0.8])
    assert result.of("pool")[0] == pytest.approx([50.0, 80.0, 80.0])
    assert result.of("bought")[0] == pytest.approx([50.0, 30.0, 0.0])

    frame = result.loans_frame().set_index("loan_id")
    assert frame.loc["c", "date"].date() == date(2020, 1, 31)
    assert frame.loc["held", "date"].date() == date(2019, 12, 31)
    # income is interest and what is gained on the price
    assert frame.loc["c", ["income", "received", "balance"]].tolist() == pytest.approx(
        [1.0 + 1.0, 1.0, 50.0]
    )
    assert frame.loc["d", ["income", "received", "balance"]].tolist() == pytest.approx(
        [0.3 + 0.6, 0.3, 30.0]
    )


def test_a_shortage_of_eligible_loans_is_idle_cash_that_costs() -> None:
    """Notes of 90 at 6% on loans at 12%: what is not lent earns 0.36% and costs 6%."""
    terms = BUYS | {
        "day_count": "act/act-icma",
        "accounts": {"collection": {"earns": 0.0036}},
        "tranches": {
            "senior": {"share": 0.9, "coupon": 0.06},
            "equity": {"kind": "equity", "share": 0.1},
        },
        "waterfall": {
            "revolving": [{"pay": "interest", "to": "senior"}, {"pay": "purchase"}],
        },
    }
    loans = [
        Loan("a", 60.0, term=JAN),
        Loan("b", 40.0, term=500),
        Loan("ineligible", 10.0, day=JAN, eligible=False),
        Loan("eligible", 20.0, day=JAN),
        Loan("later", 35.0, day=MAR),
    ]
    result = run(terms, LoanAssets(stock_of(loans), curves_of(4)), 4, watch=("idle_share",))
    # January: 60 and 1 of interest, less 0.45 of coupon; one loan of 20 is on offer. 40.55 wait.
    # February: 60 lent bring 0.6, 40.55 idle bring 0.012165; the coupon is 0.45.
    idle = 40.55 + 0.6 + 40.55 * 0.0036 / 12 - 0.45
    assert result.cash[:2, 0, 0] == pytest.approx([40.55, idle])
    assert result.watched is not None
    assert result.watched[0, 1, :2, 0] == pytest.approx([40.55 / 90.0, idle / 90.0])
    # March: 35 find a use.
    idle += 0.6 + idle * 0.0036 / 12 - 0.45
    assert result.cash[2, 0, 0] == pytest.approx(idle - 35.0)
    assert result.of("pool")[0] == pytest.approx([60.0, 60.0, 95.0, 95.0])


def test_what_the_pool_is_after_a_purchase_decides() -> None:
    # Buyer 0 has 60 of 100. At most 70% a buyer: 40 more of it is 100 of 140, 71.4%.
    loans = [
        Loan("a", 60.0),
        Loan("b", 40.0),
        Loan("paid", 80.0, term=JAN),
        Loan("x", 40.0, day=JAN),
        Loan("y", 30.0, day=JAN),
    ]
    limits = limits_of(5, keys=[[0, 1, 2, 0, 0]], share=[0.7])
    result = run(BUYS, LoanAssets(stock_of(loans, limits), curves_of(1)), 1)
    assert bought(result) == {"y": 30.0}  # 90 of 130 is 69.2%


def test_no_loan_is_bought_twice_by_two_steps_of_a_date() -> None:
    terms = BUYS | {
        "waterfall": {
            "revolving": [
                {"pay": "purchase", "name": "of principal", "up_to": "collected_principal"},
                {"pay": "purchase", "name": "of excess spread"},
            ]
        }
    }
    loans = [
        Loan("a", 100.0, term=JAN),
        Loan("x", 99.0, day=JAN),
        Loan("y", 1.0, day=JAN),
        Loan("z", 1.0, day=JAN),
    ]
    result = run(terms, LoanAssets(stock_of(loans), curves_of(1)), 1)
    assert bought(result) == {"x": 99.0, "y": 1.0, "z": 1.0}
    assert result.of("purchases")[0, 0] == pytest.approx(101.0)


def ties(result: DealRun) -> None:
    """Loan by loan price + income = what came of it, and the loans add up to the deal."""
    for k, scenario in enumerate(result.scenarios):
        frame = result.loans_frame([scenario])
        came = frame["received"] + frame["balance"] + frame["receivable"] + frame["loss"]
        gap = frame["price"] + frame["income"] - came - frame["sold"]
        assert gap.abs().max() < 1e-9

        def total(name: str, k: int = k) -> float:
            return float(result.of(name)[k].sum())

        for column, whole in (
            ("interest", "interest"),
            ("recovery", "recovery"),
            ("default", "default"),
        ):
            assert frame[column].sum() == pytest.approx(total(whole)), column
        paid = frame["principal"].sum() + frame["repurchased"].sum()
        assert paid == pytest.approx(total("principal_collected"))
        assert frame["balance"].sum() == pytest.approx(result.of("pool")[k, -1])
        came_in = frame[frame["period"] > 0]
        given = came_in["price"].sum() - frame["replaced"].sum()
        assert given == pytest.approx(total("purchases"))
        held = frame[frame["period"] == 0]
        pool = held["balance_bought"].sum() + total("bought") + total("exchanged")
        pool -= total("principal_collected") + total("default") + total("sold")
        assert pool == pytest.approx(result.of("pool")[k, -1])


def many(count: int = 80, **breaching: int) -> list[Loan]:
    """Loans of three kinds, a third of them held, the others on offer over eight months."""
    draw = np.random.default_rng(7)
    kinds = (ORDER, LEVEL_PAYMENT, Loan("", 0.0).kind)
    found = []
    for n in range(count):
        held = n % 3 == 0
        term = int(draw.integers(95, 300))
        found.append(
            Loan(
                f"L{n}",
                float(draw.integers(1, 40)),
                day=-1 if held else int(draw.integers(1, 240)),
                term=term,
                rate=float(draw.uniform(0.1, 0.2)),
                kind=kinds[n % len(kinds)] if held else kinds[int(draw.integers(0, 3))],
                breach_after=breaching.get("after", -1) if n % 5 == 0 else -1,
            )
        )
    return found


CREDIT = {"cdr": 0.08, "cpr": 0.3, "severity": 0.6, "recovery_lag": 2}
STRESSED = {"base": Scenario(), "stress": Scenario(default_multiple=4.0)}


@pytest.mark.parametrize("price", [1.0, 0.97])
def test_each_loan_ties_and_all_add_up_to_the_deal(price: float) -> None:
    assets = LoanAssets(stock_of(many()), curves_of(14, STRESSED, **CREDIT), price=price)
    result = run(BUYS, assets, 14)
    ties(result)
    assert len(bought(result)) > 20
    assert result.of("purchases")[0].sum() > result.of("purchases")[1].sum() > 100.0


def test_following_each_loan_changes_nothing() -> None:
    stock, curves = stock_of(many()), curves_of(14, STRESSED, **CREDIT)
    followed = LoanAssets(stock, curves, follow=True)
    result = run(BUYS, followed, 14)
    same = run(BUYS, LoanAssets(stock, curves), 14)
    np.testing.assert_allclose(result.whole, same.whole, atol=1e-9)
    for k, (rows, balances) in enumerate(followed.standing(14)):
        assert balances.sum() == pytest.approx(result.of("pool")[k, -1])
        assert len(set(rows.tolist())) == len(rows)


def test_a_loan_of_its_own_by_plain_python() -> None:
    """A bullet of 100 at 12% bought in January: 8% a year default, 40% of it back in two months.

    Interest is paid by those that live to the month's end, as defaults come first.
    """
    loans = [Loan("held", 100.0, term=JAN), Loan("x", 95.0, day=JAN, term=MAY - JAN)]
    credit = {"cdr": 0.08, "severity": 0.6, "recovery_lag": 2}
    result = run(BUYS, LoanAssets(stock_of(loans), curves_of(8, **credit)), 8)
    alive, default, interest, recovery = 95.0, [], 0.0, [0.0] * 12
    for t in range(4):  # to the end of May
        gone = alive * (1.0 - 0.92 ** (1 / 12))
        default.append(gone)
        recovery[t + 2] += 0.4 * gone
        alive -= gone
        interest += alive * 0.01
    frame = result.loans_frame().set_index("loan_id")
    row = frame.loc["x"]
    assert row["principal"] == pytest.approx(alive)
    assert row["default"] == pytest.approx(sum(default))
    assert row["loss"] == pytest.approx(0.6 * sum(default))
    assert row["interest"] == pytest.approx(interest)
    assert row["recovery"] == pytest.approx(sum(recovery))
    ties(result)


# --- loans that go back ---------------------------------------------------------------------


def test_the_seller_takes_back_what_was_not_eligible_and_what_is_named() -> None:
    loans = [
        Loan("wrong", 30.0, eligible=False),
        Loan("named", 20.0),
        Loan("good", 50.0),
    ]
    terms = BUYS | {"waterfall": {"revolving": [{"pay": "residual", "to": "equity"}]}}
    returned = {1: np.array([0]), 3: np.array([1])}
    assets = LoanAssets(stock_of(loans), curves_of(4), returned=returned)
    result = run(terms, assets, 4)
    assert result.of("principal_collected")[0] == pytest.approx([30.0, 0.0, 20.0, 0.0])
    assert result.of("interest")[0] == pytest.approx([1.0, 0.7, 0.7, 0.5])
    assert result.of("pool")[0] == pytest.approx([70.0, 70.0, 50.0, 50.0])
    frame = result.loans_frame().set_index("loan_id")
    assert frame["repurchased"].to_dict() == {"wrong": 30.0, "named": 20.0, "good": 0.0}
    assert frame["left"].to_dict() == {"wrong": 1, "named": 3, "good": 0}
    ties(result)


def test_a_breach_is_found_after_its_days_and_paid_at_what_is_left() -> None:
    loans = [
        Loan("held", 110.0, term=JAN),
        Loan("x", 60.0, day=JAN, breach_after=45),  # day 76: in March
        Loan("y", 40.0, day=JAN, breach_after=0),  # at the next month's end, not before
    ]
    credit = {"cdr": 0.2, "severity": 0.5, "recovery_lag": 2}
    terms = BUYS | {
        "waterfall": {
            "revolving": [{"pay": "purchase"}, {"pay": "residual", "to": "equity"}],
        }
    }
    result = run(terms, LoanAssets(stock_of(loans), curves_of(6, **credit)), 6)
    month = 0.8 ** (1 / 12)
    # A month is lived by y, two by x; then par is paid for what performs.
    back = {"x": 60.0 * month**2, "y": 40.0 * month}
    frame = result.loans_frame().set_index("loan_id")
    for name, amount in back.items():
        assert frame.loc[name, "repurchased"] == pytest.approx(amount)
    assert frame.loc[["x", "y"], "left"].tolist() == [3, 2]
    # What defaulted while the deal held it stays, and half of it comes back two months later.
    assert frame.loc["x", "recovery"] == pytest.approx(0.5 * 60.0 * (1 - month**2))
    assert result.of("recovery")[0, 4] == pytest.approx(0.5 * 60.0 * (month - month**2))
    assert result.of("pool")[0, 2:] == pytest.approx([0.0] * 4)
    ties(result)


def test_a_substitute_is_the_smallest_that_is_enough_and_no_worse() -> None:
    loans = [
        Loan("breach", 50.0, rate=0.12, breach_after=0),
        Loan("stays", 50.0, rate=0.12),
        Loan("small", 49.0, day=JAN, rate=0.20),
        Loan("cheap", 51.0, day=JAN, rate=0.10),
        Loan("large", 90.0, day=JAN, rate=0.12),
        Loan("fits", 54.0, day=JAN, rate=0.15),
        Loan("bars", 53.0, day=JAN, rate=0.15, eligible=False),
    ]
    terms = BUYS | {"waterfall": {"revolving": [{"pay": "residual", "to": "equity"}]}}
    quality = np.array([[loan.rate for loan in loans]])
    stock = stock_of(loans, quality=quality)
    result = run(terms, LoanAssets(stock, curves_of(3), substitutes=True), 3)
    frame = result.loans_frame().set_index("loan_id")
    assert sorted(frame.index) == ["breach", "fits", "stays"]
    assert frame.loc["breach", ["repurchased", "replaced"]].tolist() == [0.0, 50.0]
    # It stands in the books for what it came for; the seller gave 4 more.
    assert frame.loc["fits", ["price", "balance", "income"]].tolist() == pytest.approx(
        [50.0, 54.0, 4.0 + 2 * 54.0 * 0.0125]
    )
    assert result.of("exchanged")[0] == pytest.approx([4.0, 0.0, 0.0])
    assert result.of("principal_collected")[0].tolist() == [0.0, 0.0, 0.0]
    assert result.of("pool")[0] == pytest.approx([104.0] * 3)
    assert result.of("interest")[0] == pytest.approx([1.0, 0.5 + 0.675, 1.175])
    ties(result)


def test_without_a_substitute_the_seller_pays() -> None:
    loans = [Loan("breach", 50.0, breach_after=0), Loan("small", 49.0, day=JAN)]
    quality = np.array([[loan.rate for loan in loans]])
    assets = LoanAssets(stock_of(loans, quality=quality), curves_of(1), substitutes=True)
    result = run(BUYS, assets, 1)
    assert result.of("principal_collected")[0, 0] == pytest.approx(50.0)
    assert bought(result) == {"small": 49.0}


def test_a_substitute_keeps_the_limits() -> None:
    # Both would do; the first is of the buyer who has his share already.
    loans = [
        Loan("breach", 50.0, breach_after=0),
        Loan("stays", 50.0),
        Loan("same buyer", 50.0, day=JAN),
        Loan("other", 55.0, day=JAN),
    ]
    limits = limits_of(4, keys=[[0, 1, 1, 2]], share=[0.55])
    stock = stock_of(loans, limits, quality=np.zeros((0, 4)))
    terms = BUYS | {"waterfall": {"revolving": [{"pay": "residual", "to": "equity"}]}}
    result = run(terms, LoanAssets(stock, curves_of(1), substitutes=True), 1)
    assert set(result.loans_frame()["loan_id"]) == {"breach", "stays", "other"}


def test_breaches_and_substitutes_of_many_loans_tie() -> None:
    loans = many(after=40)
    quality = np.array([[loan.rate for loan in loans]])
    stock = stock_of(loans, quality=quality)
    for substitutes in (False, True):
        curves = curves_of(14, STRESSED, **CREDIT)
        assets = LoanAssets(stock, curves, substitutes=substitutes)
        result = run(BUYS, assets, 14)
        frame = result.loans_frame()
        assert (frame["how"] == "repurchased").any()
        assert (frame["how"] == "replaced").any() == substitutes
        ties(result)


def test_a_call_takes_the_loans_and_what_is_to_come_of_them() -> None:
    terms = {
        "tranches": {
            "notes": {"share": 0.8, "coupon": 0.05},
            "equity": {"kind": "equity", "share": 0.2},
        },
        "phases": ({"name": "revolving"},),
        "calls": {"on_date": {"from_date": date(2020, 5, 31)}},
        "waterfall": {
            "revolving": [
                {"pay": "interest", "to": "notes"},
                {"pay": "principal", "to": "notes", "when": "called"},
                {"pay": "residual", "to": "equity", "when": "called"},
                {"pay": "purchase", "when": "not called"},
            ]
        },
    }
    assets = LoanAssets(stock_of(many()), curves_of(14, STRESSED, **CREDIT))
    result = run(terms, assets, 14)
    assert result.called.tolist() == [5, 5]
    frame = result.loans_frame(["base"])
    assert set(frame["how"]) == {"sold"}
    assert frame["sold"].sum() > result.of("sold")[0].sum() > 0.0  # with recoveries to come
    assert frame["balance"].sum() == 0.0
    ties(result)


def test_loans_after_actual_collections_are_counted_from_the_deals_first_period() -> None:
    """Two months have been; the tape is of the day after which 100 are held."""
    row = {"interest": 2.0, "principal": 0.0, "recovery": 0.0, "default": 0.0}
    row |= {"purchases": 0.0, "bought": None, "pool": 100.0, "delinquent": 0.0}
    rows = tuple(
        ActualRow.model_validate(row | {"end": end})
        for end in (date(2019, 11, 30), date(2019, 12, 31))
    )
    loans = [Loan("held", 100.0, term=JAN), Loan("x", 60.0, day=JAN, breach_after=0)]
    assets = ActualAssets(rows, 100.0, LoanAssets(stock_of(loans), curves_of(3)))
    result = run(BUYS | {"closing": date(2019, 10, 31)}, assets, 5)
    frame = result.loans_frame().set_index("loan_id")
    assert frame.loc["x", ["period", "left"]].tolist() == [3, 4]
    assert frame.loc["x", "date"].date() == date(2020, 1, 31)
    assert result.cash[:, 0, 0] == pytest.approx([2.0, 4.0, 4.0 + 101.0 - 60.0, 105.6, 105.6])


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    price=st.floats(0.9, 1.05),
    substitutes=st.booleans(),
    follow=st.booleans(),
    call=st.booleans(),
)
def test_random_loans_tie(
    seed: int, price: float, substitutes: bool, follow: bool, call: bool
) -> None:
    """Prices, terms, breaches and a call drawn at random: each loan ties, all are the deal's."""
    draw = np.random.default_rng(seed)
    kinds = (ORDER, LEVEL_PAYMENT, Loan("", 0.0).kind)
    loans = [
        Loan(
            f"L{n}",
            float(draw.uniform(1.0, 50.0)),
            day=-1 if n % 3 == 0 else int(draw.integers(1, 200)),
            term=int(draw.integers(40, 400)),
            rate=float(draw.uniform(0.0, 0.3)),
            eligible=bool(draw.random() < 0.9),
            kind=kinds[int(draw.integers(0, 3))] if n % 3 else kinds[2],
            breach_after=int(draw.integers(-60, 150)),
        )
        for n in range(40)
    ]
    keys = [draw.integers(0, 6, 40).tolist()]
    quality = np.array([[loan.rate for loan in loans]])
    stock = stock_of(loans, limits_of(40, keys=keys, share=[0.3]), quality)
    returned = {2: stock.held[:2]}
    credit = {"cdr": 0.1, "cpr": 0.2, "severity": 0.5, "recovery_lag": int(draw.integers(0, 6))}
    assets = LoanAssets(
        stock,
        curves_of(9, STRESSED, **credit),
        price,
        50.0,
        returned,
        substitutes=substitutes,
        follow=follow,
    )
    calls = {"calls": {"on_date": {"from_date": date(2020, 6, 30)}}} if call else {}
    steps = [
        {"pay": "purchase", "when": "not called"},
        {"pay": "residual", "to": "equity", "when": "called"},
    ]
    result = run(BUYS | calls | {"waterfall": {"revolving": steps}}, assets, 9)
    ties(result)
    if follow and not call:
        standing = [owed.sum() for _, owed in assets.standing(9)]
        assert standing == pytest.approx(result.of("pool")[:, -1].tolist())


def test_a_loan_pays_the_same_whoever_goes_back_with_it() -> None:
    """A bullet that stands has interest of 60 days behind it; one bought later has none. Both are
    found to be in breach in the same month, and each is paid for as if it had gone alone.
    """
    old = Loan("old", 100.0, term=300, kind=BULLET, breach_after=80)
    new = Loan("new", 50.0, day=31, term=300, kind=BULLET, breach_after=40)
    flows = {}
    for names in (("old",), ("new",), ("old", "new")):
        stock = stock_of([loan for loan in (old, new) if loan.name in names])
        stock = replace(stock, origination_day=np.where(stock.day < 0, -60, stock.day))
        curves = curves_of(6, cdr=0.2, severity=0.5)
        rows = np.arange(len(names))
        loans = stock.loans(rows, curves, rows)
        flows[names] = run_kernel(loans, curves, len(rows))
    both = flows["old", "new"]
    for place, name in enumerate(("old", "new")):
        for what in ("closing", "interest", "default", "scheduled"):
            alone, together = getattr(flows[name,], what)[0, 0], getattr(both, what)[0, place]
            np.testing.assert_allclose(together, alone, rtol=1e-12, err_msg=f"{name} {what}")
