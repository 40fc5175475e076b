"""Orders of a pool: buyers estimated from what was known on the day, limits, days of payment."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.pool.build import build_pool
from scfcap.pool.orders import OrderBook, order_book
from scfcap.schema.orders import OrdersSpec
from scfcap.schema.pool import PoolSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)


def order(number: int, **cells: Any) -> dict[str, Any]:
    """A row of the ledger: an order over 100, made on 1 December and due on the 31st."""
    row = {
        "loan_id": f"n{number}",
        "borrower_id": "maker",
        "buyer_id": "shop",
        "segment": "orders",
        "loan_type": "order",
        "origination_date": "2013-12-01",
        "maturity_date": "2013-12-31",
        "original_balance": 80.0,
        "current_balance": 80.0,
        "rate": 0.1,
        "status": "current",
        "order_amount": 100.0,
        "settled_date": None,
        "settled_amount": None,
        "note": "",
    }
    if (cells.get("settled_date") or "2099-01-01") <= "2013-12-31":
        row |= {"current_balance": 0.0, "status": "repaid"}
    return row | cells


def ledger(rows: list[dict[str, Any]], without: tuple[str, ...] = ()) -> Tape:
    frame = pd.DataFrame(rows).drop(columns=list(without))
    spec = TapeSpec.model_validate(
        {"source": "platform", "platform": {"loans": 1, "seed": 0}, "keep": ["note"]}
    )
    return read_tape(spec, as_of=AS_OF, folder=Path(), frame=frame)


def book(rows: list[dict[str, Any]], without: tuple[str, ...] = (), **spec: Any) -> OrderBook:
    tape = ledger(rows, without)
    return order_book(
        build_pool(tape, PoolSpec()), tape, OrdersSpec(**{"advance_rate": 0.8, **spec})
    )


def settled(number: int, day: str, **cells: Any) -> dict[str, Any]:
    made = {"origination_date": "2013-10-01", "maturity_date": "2013-10-31"}
    return order(number, **(made | {"settled_date": day} | cells))


class TestWhatIsKnown:
    def test_a_payment_after_the_day_of_the_tape_is_not_known(self) -> None:
        past = [settled(k, f"2013-10-{20 + k}") for k in range(5)]
        ahead = [order(10, settled_date="2014-01-05", current_balance=80.0, status="current")]
        nothing = [order(10)]
        one, other = book([*past, *ahead]), book([*past, *nothing])
        assert (one.pay_day == other.pay_day).all()
        assert one.buyers.settled[-1] == 5
        assert one.buyers.open[-1] == 1

    def test_days_of_payment_are_those_of_the_buyer(self) -> None:
        past = [settled(k, "2013-11-07") for k in range(20)]
        past += [settled(k + 20, "2013-11-21", buyer_id="slow") for k in range(20)]
        found = book([*past, order(50), order(51, buyer_id="slow")], parts=1)
        # Seven and 21 days after the due day, 31 December; both a little towards the other.
        assert found.pay_day.ravel().tolist() == [7, 21]
        assert found.table["expected_date"].dt.strftime("%m-%d").tolist() == ["01-07", "01-21"]

    def test_a_buyer_that_is_not_on_record_pays_as_any(self) -> None:
        past = [settled(k, f"2013-11-{1 + k:02d}") for k in range(10)]
        found = book([*past, order(50, buyer_id=None)], parts=10)
        assert found.buyer.tolist() == [-1]
        assert found.pay_day.ravel().tolist() == list(range(1, 11))

    def test_without_any_settlement_orders_are_paid_when_due(self) -> None:
        rows = [order(1, maturity_date="2014-02-15")]
        found = book(rows, without=("settled_date", "settled_amount"))
        assert set(found.pay_day.ravel()) == {46}

    def test_a_closed_loan_without_a_day_says_nothing_of_delay(self) -> None:
        rows = [settled(1, "2013-11-03"), settled(2, "2013-11-03", settled_date=None)]
        rows[1] |= {"current_balance": 0.0, "status": "repaid"}
        assert book([*rows, order(3)]).buyers.settled[-1] == 1

    def test_the_order_is_the_advance_over_the_rate_where_not_stated(self) -> None:
        found = book([order(1)], without=("order_amount",))
        assert found.amount == pytest.approx([100.0])
        mixed = book([order(1, order_amount=None), order(2, order_amount=90.0)])
        assert mixed.amount == pytest.approx([100.0, 90.0])


class TestDilution:
    def test_is_measured_by_what_was_paid(self) -> None:
        rows = [settled(k, "2013-10-31", settled_amount=96.0) for k in range(4)]
        found = book([*rows, order(9)])
        assert found.dilution == pytest.approx([0.04])
        assert found.allowed == pytest.approx([0.8 * 100 * 0.96])

    def test_disputes_stand_in_for_it(self) -> None:
        rows = [settled(k, "2013-10-31", note="yes" if k == 0 else "no") for k in range(4)]
        open_orders = [order(8, note="no"), order(9, note="yes")]
        found = book(
            [*rows, *open_orders],
            without=("settled_amount",),
            disputed='note == "yes"',
            dispute_dilution=0.2,
        )
        assert found.dilution == pytest.approx([0.05, 0.2])

    def test_may_be_stated(self) -> None:
        rows = [settled(k, "2013-10-31", settled_amount=50.0) for k in range(4)]
        assert book([*rows, order(9)], dilution=0.01).dilution.tolist() == [0.01]


class TestLimits:
    def test_the_earlier_order_comes_first(self) -> None:
        rows = [order(1, origination_date="2013-12-20"), order(2, origination_date="2013-12-10")]
        found = book(rows, seller_limit=100.0)
        assert found.allowed.tolist() == [20.0, 80.0]
        assert found.table["binding"].tolist() == ["seller limit", "advance rate"]
        assert found.table["excess"].tolist() == [60.0, 0.0]

    def test_own_limits_come_before_the_general_one(self) -> None:
        rows = [order(1), order(2, buyer_id="small")]
        found = book(rows, buyer_limit=30.0, buyer_limits={"shop": 500.0})
        assert found.allowed.tolist() == [80.0, 30.0]

    def test_a_settled_order_takes_no_room_after_its_day(self) -> None:
        gone = settled(1, "2013-11-30")
        still = settled(2, "2013-12-05")
        assert book([gone, order(3)], seller_limit=100.0).allowed.tolist() == [80.0]
        assert book([still, order(3)], seller_limit=100.0).allowed.tolist() == [20.0]

    @pytest.mark.parametrize("status", ["repaid", "charged_off"])
    def test_a_closed_order_takes_no_room_after_its_due_day(self, status: str) -> None:
        closed = order(1, status=status, origination_date="2013-10-01", current_balance=0.0)
        gone = closed | {"maturity_date": "2013-11-30"}
        still = closed | {"maturity_date": "2013-12-05"}
        assert book([gone, order(3)], seller_limit=100.0).allowed.tolist() == [80.0]
        assert book([still, order(3)], seller_limit=100.0).allowed.tolist() == [20.0]


class TestRefused:
    def test_a_tape_without_orders(self) -> None:
        with pytest.raises(InputError, match='no outstanding loan of type "order"'):
            book([order(1, loan_type="bullet")])

    def test_all_that_is_wrong_is_said_at_once(self) -> None:
        with pytest.raises(InputError) as caught:
            book(
                [order(1)],
                disputed="Disputed == 1",
                seller_limits={"nobody": 1.0},
                buyer_limits={"none": 1.0},
            )
        assert [problem.where for problem in caught.value.problems] == [
            "model.toml: orders.disputed",
            "model.toml: orders.seller_limits.nobody",
            "model.toml: orders.buyer_limits.none",
        ]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"advance_rate": 0.0},
            {"advance_rate": 1.2},
            {"dilution": 0.1, "disputed": "a == 1"},
            {"dispute_dilution": 0.1},
            {"parts": 0},
        ],
    )
    def test_terms_that_make_no_sense(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"orders|advance|disput|parts"):
            OrdersSpec(**{"advance_rate": 0.8, **wrong})


class TestInvoices:
    """The shipped ledger of invoices, where it is at hand: what June said of July and August."""

    def test_receipts_come_as_they_did(self, data_dir) -> None:
        from scfcap.api import load

        model = load("ar-invoices", tape=data_dir("ar_invoices"))
        tape, spec = model.tape(), model.spec.orders
        assert spec is not None
        found = order_book(model.pool(), tape, spec)
        frame = tape.frame.set_index("loan_id").loc[found.table["loan_id"]]
        paid = (frame["settled_date"] - pd.Timestamp(AS_OF_INVOICES)).dt.days.to_numpy()
        due = (frame["maturity_date"] - pd.Timestamp(AS_OF_INVOICES)).dt.days.to_numpy()
        assert paid.min() >= 1, "the estimate has seen none of these payments"
        for until in (7, 14, 31, 62):
            expected = found.amount @ (found.pay_day <= until).mean(axis=1)
            assert expected == pytest.approx(found.amount[paid <= until].sum(), rel=0.2)
        error = np.abs(found.pay_day.mean(axis=1) - paid).mean()
        by_contract = np.abs(np.maximum(due, 1) - paid).mean()
        assert error < 0.7 * by_contract


AS_OF_INVOICES = "2013-06-30"
