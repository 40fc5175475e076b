"""When loans pay, as the pool takes it from tape and contracts."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.axes import DAY_COUNTS, LOAN_TYPES
from scfcap.cashflow.contract import Contract
from scfcap.errors import InputError
from scfcap.pool.build import Around, build_pool
from scfcap.pool.payment_days import ONCE
from scfcap.pool.snapshot import Pool
from scfcap.pool.store import read_snapshot, write_snapshot
from scfcap.pool.terms import ARRAYS, DatedTerms, new_terms, terms_of, together
from scfcap.schema.contract import ContractSpec
from scfcap.schema.pool import PoolSpec
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)
ICMA, A365 = DAY_COUNTS.index("act/act-icma"), DAY_COUNTS.index("act/365")


def loan(**cells: Any) -> pd.DataFrame:
    """A tape of one loan; dates as texts."""
    plain: dict[str, Any] = {
        "loan_id": "a",
        "segment": "x",
        "loan_type": "level_payment",
        "origination_date": "2013-10-20",
        "maturity_date": "2014-09-15",
        "original_balance": 1000.0,
        "current_balance": 700.0,
        "rate": 0.1,
    }
    frame = pd.DataFrame({name: [value] for name, value in (plain | cells).items()})
    for name in frame:
        if str(name).endswith("_date"):
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    for name in ("segment", "loan_type", "payment_every", "day_count", "rate_index"):
        if name in frame:
            frame[name] = frame[name].astype("category")
    return frame


def terms(contract: dict[str, Any] | None = None, **cells: Any) -> dict[str, Any]:
    """Terms of one loan; days as dates."""
    contracts = {} if contract is None else {"x": ContractSpec.model_validate(contract)}
    found = terms_of(loan(**cells), AS_OF, contracts)
    assert found is not None
    values = {name: getattr(found, name)[0].item() for name in ARRAYS}
    for name in ("next_day", "from_day", "next_reset_day"):
        values[name] = (AS_OF + timedelta(values[name])).isoformat()
    return values


def test_without_contract_or_column_loans_pay_by_periods() -> None:
    assert terms_of(loan(), AS_OF, {}) is None
    assert terms_of(loan(), AS_OF, {"y": ContractSpec()}) is None


@pytest.mark.parametrize(
    ("contract", "cells", "wanted"),
    [
        # Counted back from the maturity.
        ({}, {}, {"next_day": "2014-01-15", "from_day": "2013-12-15", "anchor": 15}),
        ({"payment_every": "quarter"}, {}, {"next_day": "2014-03-15", "from_day": "2013-12-15"}),
        ({"payment_every": "2 weeks"}, {}, {"next_day": "2014-01-06", "from_day": "2013-12-23"}),
        ({"payment_every": "day"}, {}, {"next_day": "2014-01-01", "from_day": "2013-12-31"}),
        ({"payment_day": 31}, {}, {"next_day": "2014-01-31", "from_day": "2013-12-31"}),
        # Made since the last regular day; made on as_of.
        ({}, {"origination_date": "2013-12-20"}, {"from_day": "2013-12-20"}),
        ({}, {"origination_date": "2013-12-31"}, {"from_day": "2013-12-31"}),
        # Stated; stated but past, so the sequence goes on.
        (None, {"next_payment_date": "2014-01-07"}, {"next_day": "2014-01-07", "anchor": 7}),
        (None, {"next_payment_date": "2014-01-07"}, {"from_day": "2013-12-07"}),
        (None, {"next_payment_date": "2013-12-31"}, {"next_day": "2014-01-31"}),
        (None, {"next_payment_date": "2013-11-30"}, {"next_day": "2014-01-30"}),
        # The end of a short month keeps to the maturity's day.
        (
            None,
            {"next_payment_date": "2014-02-28", "maturity_date": "2014-10-31"},
            {"anchor": 31, "from_day": "2013-12-31"},
        ),
        # A first payment far ahead: interest since the loan was made, if nothing was repaid.
        (
            None,
            {"next_payment_date": "2014-06-15", "current_balance": 1000.0},
            {"from_day": "2013-10-20"},
        ),
        (None, {"next_payment_date": "2014-06-15"}, {"from_day": "2013-12-31"}),
        # Interest with the principal.
        ({}, {"loan_type": "bullet"}, {"next_day": "2014-01-15", "from_day": "2013-10-20"}),
        (
            {"payment_every": "at maturity"},
            {"loan_type": "interest_only_bullet"},
            {"every_months": ONCE, "next_day": "2014-09-15", "from_day": "2013-10-20"},
        ),
        # A next payment beyond the maturity is the maturity; one loan runs to the end of time.
        ({"payment_every": "year"}, {}, {"next_day": "2014-09-15", "from_day": "2013-10-20"}),
        ({}, {"maturity_date": "9999-12-31"}, {"next_day": "2014-01-31", "anchor": 31}),
        # Grace: two payments made of three without principal; as the tape says.
        ({"grace_payments": 3}, {}, {"grace": 1}),
        ({"grace_payments": 1}, {}, {"grace": 0}),
        ({"grace_payments": 3}, {"grace_payments": 6}, {"grace": 6}),
        # Fees; what the tape says is all.
        ({"payment_fee": 2.0, "payment_fee_share": 0.01}, {}, {"fee": 12.0}),
        ({"payment_fee": 2.0, "payment_fee_share": 0.01}, {"payment_fee": 5.0}, {"fee": 5.0}),
        ({"upfront_fee": 0.02}, {}, {"upfront": 0.0}),
        ({}, {"loan_type": "flat_fee"}, {"original": 1000.0}),
        ({"day_count": "act/365"}, {"day_count": "act/360"}, {"day_count": 4}),
        # Day counts that nobody states: months are twelfths, days go over 365.
        ({}, {}, {"day_count": ICMA}),
        ({"payment_every": "week"}, {}, {"day_count": A365}),
        (None, {"payment_every": "2 weeks"}, {"day_count": A365}),
        ({"payment_every": "week"}, {"payment_every": "quarter"}, {"day_count": ICMA}),
        ({"payment_every": "at maturity"}, {}, {"day_count": A365}),
        ({}, {"loan_type": "bullet"}, {"day_count": A365}),
        ({"day_count": "act/360"}, {"loan_type": "flat_fee"}, {"day_count": ICMA}),
        (
            {"day_count": "act/360", "payment_every": "week"},
            {"loan_type": "flat_fee"},
            {"day_count": 4},
        ),
        # Floating rates.
        (
            {"rate_index": "base", "rate_margin": 0.02, "rate_cap": 0.2},
            {},
            {"index": 0, "margin": 0.02, "cap": 0.2, "next_reset_day": "2014-03-31"},
        ),
        (None, {"rate_index": "base", "rate_margin": 0.01}, {"index": 0, "margin": 0.01}),
        (
            {"rate_index": "base"},
            {"next_reset_date": "2013-11-15", "reset_months": 1.0},
            {"next_reset_day": "2014-01-15", "reset_months": 1},
        ),
        ({}, {}, {"index": -1}),
    ],
)  # fmt: skip
def test_terms_of_a_loan(contract, cells, wanted) -> None:
    found = terms(contract, **cells)
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("contract", "cells", "column"),
    [
        (None, {"day_count": "act/act-icma", "payment_every": "week"}, "day_count"),
        ({"day_count": "act/act-icma"}, {"payment_every": "week"}, "payment_every"),
        ({"payment_every": "week"}, {"day_count": "act/act-icma"}, "day_count"),
    ],
)
def test_regular_months_where_payments_go_by_days_are_refused(contract, cells, column) -> None:
    said = rf"loan a, column {column}: found \"act/act-icma\", with a payment every 7 days"
    with pytest.raises(InputError, match=said):
        terms(contract, **cells)


@pytest.mark.parametrize(
    ("contract", "cells", "said"),
    [
        (
            {"rate_floor": 0.05},
            {"rate_index": "base", "rate_cap": 0.04},
            "column rate_cap: found 0.04, with rate_floor 0.05",
        ),
        (
            {"rate_index": "base", "rate_cap": 0.1},
            {"rate_floor": 0.2},
            "column rate_floor: found 0.2, with rate_cap 0.1",
        ),
        (
            None,
            {"rate_index": "base", "rate_cap": -0.02},
            "rate_cap: found -0.02, with rate_floor 0",
        ),
    ],
)
def test_a_cap_below_the_other_ones_floor_is_refused(contract, cells, said) -> None:
    with pytest.raises(InputError, match=f"tape: loan a, .*{said}"):
        terms(contract, **cells)


def test_of_many_faulty_loans_twenty_are_named() -> None:
    frame = pd.concat([loan(rate_index="base", rate_cap=-0.02)] * 30, ignore_index=True)
    with pytest.raises(InputError) as refusal:
        terms_of(frame, AS_OF, {})
    assert len(refusal.value.problems) == 20
    assert "(and 10 more loans)" in str(refusal.value)


def test_a_flat_fee_is_dated_without_being_told() -> None:
    assert terms(loan_type="flat_fee")["every_months"] == 1


@given(
    origin=st.integers(1, 400),
    ahead=st.integers(1, 900),
    every=st.sampled_from(["day", "week", "2 weeks", "month", "quarter", "half year", "year"]),
    payment_day=st.none() | st.integers(1, 31),
)
def test_next_and_last_payment_are_the_contracts(origin, ahead, every, payment_day) -> None:
    if every in ("day", "week", "2 weeks"):
        payment_day = None
    start, end = AS_OF - timedelta(origin), AS_OF + timedelta(ahead)
    exact = Contract(
        "level_payment", 1000.0, 0.1, start, maturity=end, every=every, payment_day=payment_day
    )
    due = exact.due_days()
    found = terms(
        {"payment_every": every, "payment_day": payment_day, "grace_payments": 1000},
        origination_date=start.isoformat(),
        maturity_date=end.isoformat(),
    )
    assert found["next_day"] == min(day for day in due if day > AS_OF).isoformat()
    before = [day for day in due if day <= AS_OF]
    assert found["from_day"] == max([start, *before]).isoformat()
    assert found["grace"] == 1000 - len(before)


def test_new_loans_have_their_contract_from_their_start() -> None:
    spec = ContractSpec(
        payment_every="month", calendar="TARGET", upfront_fee=0.02, payment_fee_share=0.001,
        grace_payments=2, rate_index="base",
    )  # fmt: skip
    start, end = np.array([10, 45]), np.array([100, 200])
    kinds, lent = np.array([0, 3]), np.array([0.5, 0.25])
    found = new_terms(spec, AS_OF, kinds, days=(start, end), lent=lent)
    assert found is not None
    # Maturities on 10 April and 19 July 2014: first payments on 10 February and 19 February.
    assert found.next_day.tolist() == [41, 50]
    assert found.upfront.tolist() == [0.01, 0.005]
    assert found.fee.tolist() == [0.0005, 0.00025]
    assert found.next_reset_day.tolist() == start.tolist()
    assert (found.calendars, found.indices) == ((("TARGET", "following"),), ("base",))
    assert new_terms(None, AS_OF, kinds, days=(start, end), lent=lent) is None
    flat = LOAN_TYPES.index("flat_fee")
    mixed = new_terms(None, AS_OF, np.array([0, flat]), days=(start, end), lent=lent)
    assert mixed is not None
    assert mixed.dated.tolist() == [False, True]


def test_parts_with_other_calendars_and_indices_join() -> None:
    one = terms_of(loan(rate_index="b"), AS_OF, {"x": ContractSpec(calendar="CN")})
    two = terms_of(loan(rate_index="a"), AS_OF, {"x": ContractSpec(calendar="US")})
    assert one is not None
    assert two is not None
    both = together([one, DatedTerms.none(1), two, one])
    assert both.calendars == (("CN", "following"), ("US", "following"))
    assert both.calendar.tolist() == [0, -1, 1, 0]
    assert [both.indices[k] if k >= 0 else "" for k in both.index] == ["b", "", "a", "b"]
    assert both.dated.tolist() == [True, False, True, True]


class TestThePool:
    @pytest.fixture
    def dated(self, tape: Tape) -> Pool:
        tape.frame["next_payment_date"] = pd.to_datetime(
            pd.Series(["2014-01-20", None, None, None, None, None, None])
        ).astype("datetime64[s]")
        contracts = {"y": ContractSpec(calendar="TARGET", rate_index="base")}
        return build_pool(tape, PoolSpec(), Around(contracts=contracts))

    def test_loans_are_dated_one_by_one(self, dated: Pool) -> None:
        assert dated.terms is not None
        assert dated.loan_id[dated.terms.dated].tolist() == ["a", "b", "d"]
        with pytest.raises(ValueError, match="read-only"):
            dated.terms.next_day[0] = 1

    def test_written_and_read_back(self, dated: Pool, tmp_path: Path) -> None:
        read = read_snapshot(write_snapshot(dated, tmp_path / "pool.parquet"))
        assert dated.terms is not None
        assert read.terms is not None
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(read.terms, name), getattr(dated.terms, name))
        assert (read.terms.calendars, read.terms.indices) == (
            (("TARGET", "following"),),
            ("base",),
        )

    def test_a_pool_without_terms_reads_back_without(self, tape: Tape, tmp_path: Path) -> None:
        pool = build_pool(tape, PoolSpec())
        assert pool.terms is None
        assert read_snapshot(write_snapshot(pool, tmp_path / "pool.parquet")).terms is None
