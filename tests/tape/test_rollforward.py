"""Roll-forward: every cent between two tapes is in exactly one item, by hand and by Hypothesis."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.errors import InputError
from scfcap.tape.rollforward import MOVEMENTS, roll_forward, roll_series
from scfcap.tape.schema import Tape

DAYS = (date(2020, 1, 31), date(2020, 2, 29), date(2020, 3, 31))


def tape(rows: dict[str, dict[str, object]], day: date) -> Tape:
    """A tape from loan id: what differs from a plain loan."""
    plain = {
        "segment": "a",
        "loan_type": "level_payment",
        "origination_date": "2019-06-01",
        "maturity_date": "2021-06-01",
        "original_balance": 100.0,
        "current_balance": 50.0,
        "rate": 0.1,
        "status": "current",
    }
    frame = pd.DataFrame([{"loan_id": k, **plain, **v} for k, v in rows.items()])
    if not rows:
        frame = pd.DataFrame(columns=["loan_id", *plain])
    for name in ("origination_date", "maturity_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    for name in ("segment", "loan_type", "status"):
        frame[name] = frame[name].astype("category")
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, day, str(day), str(day))


BEFORE = {
    "pays": {},
    "closes": {},
    "gone": {"current_balance": 30.0},
    "lost": {"current_balance": 40.0, "status": "default"},
    "falls": {"current_balance": 20.0},
    "cures": {"current_balance": 10.0, "status": "default"},
    "draws": {"loan_type": "revolving_line"},
    "rises": {},
    "was_zero": {"current_balance": 0.0},
    "same": {"rate": 0.2, "maturity_date": "2022-01-01"},
}
AFTER = {
    "pays": {"current_balance": 45.25},
    "closes": {"current_balance": 0.0, "status": "repaid"},
    "lost": {"current_balance": 0.0, "status": "charged_off"},
    "falls": {"current_balance": 19.0, "status": "default"},
    "cures": {"current_balance": 8.0},
    "draws": {"current_balance": 61.0, "loan_type": "revolving_line"},
    "rises": {"current_balance": 50.5},
    "was_zero": {"current_balance": 7.0},
    "same": {"segment": "b"},
    "fresh": {"origination_date": "2020-02-03", "current_balance": 99.0},
    "late": {"current_balance": 12.0},
}


def totals(table: pd.DataFrame, column: str = "total") -> dict[str, float]:
    return dict(zip(table["item"], table[column], strict=True))


def test_each_movement_by_hand():
    roll = roll_forward(tape(BEFORE, DAYS[0]), tape(AFTER, DAYS[1]))
    assert totals(roll.table) == pytest.approx(
        {
            "opening": 350.0,
            "new": 99.0,
            "appeared": 12.0,
            "reappeared": 7.0,
            "drawn": 11.0,
            "risen": 0.5,
            "instalments": -4.75 - 1.0 - 2.0,
            "closed": -50.0,
            "charged off": -40.0,
            "vanished": -30.0,
            "unexplained": 0.0,
            "defaulted": 0.0,
            "cured": 0.0,
            "closing": 351.75,
            "terms changed": 50.0,
        }
    )
    bad = totals(roll.table, "defaulted")
    assert bad["opening"] == 50.0
    assert bad["defaulted"] == 19.0
    assert bad["cured"] == -8.0
    assert bad["closing"] == 19.0
    assert totals(roll.table, "loans")["instalments"] == 3
    assert set(roll.exceptions["loan_id"]) == {"late", "was_zero", "rises", "gone"}
    changed = roll.changes.set_index("column")[["loan_id", "before", "after"]]
    assert list(changed.loc["rate"]) == ["same", "0.2", "0.1"]
    assert list(changed.loc["segment"]) == ["same", "a", "b"]
    assert list(changed.loc["maturity_date"]) == ["same", "2022-01-01", "2021-06-01"]


def test_principal_that_is_stated_splits_the_fall():
    before = tape(
        {
            "x": {"paid_principal": 50.0},
            "y": {"paid_principal": 50.0},
            "z": {"paid_principal": 50.0},
        },
        DAYS[0],
    )
    after = tape(
        {
            "x": {"current_balance": 30.0, "paid_principal": 65.0},
            "y": {"current_balance": 0.0, "status": "charged_off", "paid_principal": 58.0},
            "z": {"current_balance": 40.0, "paid_principal": 60.0},
        },
        DAYS[1],
    )
    found = totals(roll_forward(before, after).table)
    assert found["unexplained"] == pytest.approx(-5.0)
    assert found["charged off"] == pytest.approx(-42.0)
    assert found["instalments"] == pytest.approx(-15.0 - 8.0 - 10.0)


def test_a_chain_knows_loans_of_earlier_tapes():
    tapes = [tape({"a": {}, "b": {}}, DAYS[0]), tape({"a": {}}, DAYS[1]), tape({"b": {}}, DAYS[2])]
    first, second = roll_series(tapes)
    assert totals(first.table)["vanished"] == -50.0
    assert totals(second.table)["reappeared"] == 50.0
    assert totals(second.table)["vanished"] == -50.0
    assert totals(second.table)["appeared"] == 0.0


def test_tapes_in_the_wrong_order_are_refused():
    with pytest.raises(InputError, match="the earlier one first"):
        roll_forward(tape({"a": {}}, DAYS[1]), tape({"a": {}}, DAYS[0]))


loans = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.fixed_dictionaries(
        {
            "current_balance": st.integers(0, 10_000).map(lambda cents: cents / 100),
            "status": st.sampled_from(["current", "late", "default", "repaid", "charged_off"]),
            "loan_type": st.sampled_from(["level_payment", "revolving_line"]),
            "origination_date": st.sampled_from(["2019-01-01", "2020-02-10"]),
            "paid_principal": st.integers(0, 10_000).map(lambda cents: cents / 100),
        }
    ),
)


@settings(max_examples=25)
@given(loans, loans, st.booleans())
def test_every_cent_is_in_one_item(before, after, stated):
    tapes = [tape(before, DAYS[0]), tape(after, DAYS[1])]
    if not stated:
        tapes = [
            Tape(
                t.frame.drop(columns="paid_principal", errors="ignore"), *list(vars(t).values())[1:]
            )
            for t in tapes
        ]
    table = roll_forward(*tapes).table.set_index("item")
    for column in ("performing", "defaulted", "total"):
        moved = table.loc[list(MOVEMENTS), column].sum()
        gap = table[column]["opening"] + moved - table[column]["closing"]
        assert abs(gap) < 0.005
    owed = [t.frame[t.frame["status"] != "charged_off"]["current_balance"].sum() for t in tapes]
    assert table["total"]["opening"] == pytest.approx(owed[0], abs=0.005)
    assert table["total"]["closing"] == pytest.approx(owed[1], abs=0.005)
    gone = set(before) - set(after)
    left = sum(before[k]["current_balance"] for k in gone if before[k]["status"] != "charged_off")
    assert table["total"]["vanished"] == pytest.approx(-left, abs=0.005)
    assert np.isfinite(table[["performing", "defaulted"]].iloc[:-1].to_numpy()).all()
