"""Histories by hand: flows, states, entries, ends, and what is said about odd rows."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.errors import InputError, InvariantError
from scfcap.schema.base import MisfitError
from scfcap.schema.history import PerformanceSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape.history import (
    FLOWS,
    STATES,
    history_from_panel,
    known_until,
    month_end,
    month_of,
    state_of,
)
from scfcap.tape.performance import read_performance

AS_OF = date(2020, 6, 30)


def read(folder, text, tape=None, **spec):
    (folder / "h.csv").write_text(text)
    return read_performance(PerformanceSpec(path="h.csv", **spec), tape, folder=folder, as_of=AS_OF)


def months(history, loan):
    """One loan's rows: month, flows, state."""
    where = history.loans.index[history.loans["loan_id"] == loan][0]
    return history.panel[history.panel["loan"] == where].reset_index(drop=True)


def of(history, loan):
    return history.loans.set_index("loan_id").loc[loan]


def test_what_was_known_until_a_day(tmp_path):
    history = read(tmp_path, STATUS, kind="status", columns=COLUMNS, values=VALUES)
    then = known_until(history, date(2020, 3, 31))
    lines = [line for line in STATUS.splitlines() if "2020-04" not in line]
    wanted = read(tmp_path, "\n".join(lines), kind="status", columns=COLUMNS, values=VALUES)
    pd.testing.assert_frame_equal(then.panel, wanted.panel)
    pd.testing.assert_frame_equal(then.loans, wanted.loans)
    assert dict(zip(then.loans["loan_id"], then.loans["end"], strict=True)) == {
        "a": "open", "b": "open", "c": "repaid", "d": "vanished"
    }  # fmt: skip
    first = known_until(history, date(2020, 1, 1))
    assert list(first.loans["loan_id"]) == ["a", "c", "d"]
    assert first.last == date(2020, 1, 31)


def test_states_by_days_past_due():
    days = [0, 1, 30, 31, 60, 61, 90, 91, 4000]
    assert [STATES[k] for k in state_of(days)] == [
        *("current", "1-30", "1-30", "31-60", "31-60", "61-90", "61-90", "90+", "90+")
    ]


def test_month_ends():
    assert list(month_end([0, 1, 601]).astype("datetime64[D]").astype(str)) == [
        *("1970-01-31", "1970-02-28", "2020-02-29")
    ]
    assert month_of(np.array(["2020-02-29"], dtype="datetime64[D]")) == [601]


STATUS = """loan,day,owed,late,flag,cls,made,due
a,2020-01-31,100,0,C,x,2019-06-15,2020-12-15
a,2020-02-29,90,5,C,x,2019-06-15,2020-12-15
a,2020-03-31,95,0,C,x,2019-06-15,2020-12-15
a,2020-04-30,0,0,P,x,2019-06-15,2020-12-15
b,2020-02-29,50,0,C,y,2020-02-10,2020-03-31
b,2020-03-31,50,95,C,y,2020-02-10,2020-03-31
b,2020-04-30,0,0,W,y,2020-02-10,2020-03-31
c,2020-01-31,70,31,C,y,2019-01-01,2020-03-31
c,2020-03-31,0,0,P,y,2019-01-01,2020-03-31
d,2020-01-31,10,0,C,y,2019-01-01,2021-01-01
"""
COLUMNS = {
    "loan_id": "loan",
    "date": "day",
    "balance": "owed",
    "days_past_due": "late",
    "status": "flag",
    "segment": "cls",
    "origination_date": "made",
    "maturity_date": "due",
}
VALUES = {"status": {"W": "charged_off", "P": "repaid", "C": "current"}}


def test_monthly_status(tmp_path):
    history = read(tmp_path, STATUS, kind="status", columns=COLUMNS, values=VALUES)
    a = months(history, "a")
    assert list(a["opening"]) == [0.0, 100.0, 90.0, 95.0]
    assert list(a["principal"]) == [0.0, 10.0, 0.0, 95.0]
    assert list(a["adjusted"]) == [100.0, 0.0, 5.0, 0.0]
    assert [STATES[k] for k in a["state"]] == ["current", "1-30", "current", "repaid"]
    assert of(history, "a")["end"] == "prepaid"
    assert str(of(history, "a")["end_date"].date()) == "2020-04-30"
    assert str(of(history, "a")["entry_date"].date()) == "2020-01-31"
    b = months(history, "b")
    assert list(b["charged_off"]) == [0.0, 0.0, 50.0]
    assert of(history, "b")["end"] == "default"
    assert of(history, "b")["defaulted_balance"] == 50.0
    assert str(of(history, "b")["entry_date"].date()) == "2020-02-10"
    assert of(history, "c")["end"] == "repaid"
    assert of(history, "d")["end"] == "vanished"
    assert history.first == date(2020, 1, 31)
    assert history.last == date(2020, 4, 30)
    said = history.findings.groupby("reason").size().to_dict()
    assert said == {"balance_moved": 1, "months_missing": 1, "vanished": 1}


def test_default_by_days_and_what_is_recovered_after_it(tmp_path):
    text = (
        "l,d,b,p\na,2020-01-31,100,0\na,2020-02-29,100,90\na,2020-03-31,60,120\na,2020-04-30,0,0\n"
    )
    columns = {"loan_id": "l", "date": "d", "balance": "b", "days_past_due": "p"}
    history = read(tmp_path, text, kind="status", columns=columns, default_days=90)
    assert [STATES[k] for k in history.panel["state"]] == ["current", *["default"] * 3]
    loan = of(history, "a")
    assert (loan["defaulted_balance"], loan["recovered"], loan["end"]) == (100.0, 100.0, "default")
    assert str(loan["end_date"].date()) == "2020-02-29"
    assert list(history.recoveries["amount"]) == [40.0, 60.0]
    assert set(history.recoveries["default_month"]) == {601}
    assert list(history.loans["segment"]) == ["all"]


def test_daily_rows_make_one_a_month(tmp_path):
    text = "l,d,b,r\na,2020-01-05,100,\na,2020-01-31,95,\na,2020-02-10,80,15\na,2020-02-20,70,10\n"
    columns = {"loan_id": "l", "date": "d", "balance": "b", "principal": "r"}
    history = read(tmp_path, text, kind="status", columns=columns)
    assert list(history.panel["closing"]) == [95.0, 70.0]
    assert list(history.panel["principal"]) == [0.0, 25.0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,2020-01-31,99,0,C,x,2019-06-15,2020-12-15", "repeated row"),
        (",2020-05-31,99,0,C,x,2019-06-15,2020-12-15", "missing"),
        ("z,31/05/2020,99,0,C,x,2019-06-15,2020-12-15", "not a date"),
        ("z,2020-05-31,,0,C,x,2019-06-15,2020-12-15", "missing"),
        ("z,2020-05-31,many,0,C,x,2019-06-15,2020-12-15", "not a number"),
    ],
)
def test_faulty_rows_are_refused_or_counted(tmp_path, row, reason):
    with pytest.raises(InputError, match=reason):
        read(tmp_path, STATUS + row + "\n", kind="status", columns=COLUMNS, values=VALUES)
    history = read(
        tmp_path,
        STATUS + row + "\n",
        kind="status",
        columns=COLUMNS,
        values=VALUES,
        reject_limit=0.5,
    )
    assert list(history.totals["rows"])[:3] == [11, 1, 10]
    assert (history.findings["severity"] == "error").sum() == 1
    assert len(history.loans) <= 5


WIDE = """id,B0,L0,BAL1,BAL2,BAL3,PRC1,PRC2,PRC3,PMT1,PMT2,PMT3,REC1,REP1,REC2,REP2,REC3,REP3,inst
a,100,0,90,80,70,10,10,10,11,11,11,,,,,,,11
b,100,0,100,0,NA,0,0,0,0,0,NA,,,,40,5,-1,11
c,100,0,0,NA,NA,100,0,0,101,NA,NA,,,,,,,11
d,100,31,100,100,NA,0,0,0,0,0,NA,,,,,7,,11
e,100,0,-5,0,NA,105,-5,0,105,0,NA,,,,,,,11
f,0.004,0,0,NA,NA,0,NA,NA,0,NA,NA,,,,,,,11
"""
WIDE_COLUMNS = {
    "loan_id": "id",
    "balance": "BAL{t}",
    "principal": "PRC{t}",
    "paid": "PMT{t}",
    "recovered": ("REC{t}", "REP{t}"),
    "opening_balance": "B0",
    "opening_days_past_due": "L0",
    "instalment": "inst",
}


def wide(folder, **spec):
    known = {"kind": "wide", "columns": WIDE_COLUMNS, "first": date(2020, 1, 1), "count": 3}
    return read(folder, WIDE, **{**known, **spec})


def test_wide(tmp_path):
    history = wide(tmp_path)
    assert history.first == date(2019, 12, 31)
    assert dict(zip(history.loans["loan_id"], history.loans["end"], strict=True)) == {
        "a": "open",
        "b": "default",
        "c": "repaid",
        "d": "vanished",
        "e": "repaid",
    }
    b = months(history, "b")
    assert list(b["charged_off"]) == [0.0, 0.0, 100.0, 0.0]
    assert list(b["recovered"]) == [0.0, 0.0, 40.0, 4.0]
    assert of(history, "b")["recovered"] == 44.0
    assert list(history.recoveries["amount"]) == [40.0, 4.0]
    e = months(history, "e")
    assert list(e["principal"]) == [0.0, 100.0]
    assert list(months(history, "d")["days_past_due"]) == [31, 60, 90]
    assert list(months(history, "d")["state"]) == [2, 2, 3]
    said = history.findings.groupby("reason")["row"].apply(list).to_dict()
    assert said == {"vanished": [4], "unobserved": [4], "negative_balance": [5], "never_owing": [6]}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("arrears", [0, 30, 30, 0, 30, 60]), ("run", [0, 30, 0, 0, 30, 60])],
)
def test_days_past_due_from_missed_payments(tmp_path, rule, expected):
    # Nothing, then one instalment, then two; then nothing twice.
    paid, header = [10, 0, 10, 20, 0, 0], "id,inst," + ",".join(f"B{t},P{t}" for t in range(1, 7))
    text = f"{header}\na,10,{','.join(f'100,{p}' for p in paid)}\n"
    columns = {"loan_id": "id", "instalment": "inst", "balance": "B{t}", "paid": "P{t}"}
    history = read(
        tmp_path, text, kind="wide", columns=columns, first=AS_OF, count=6, past_due=rule
    )
    assert list(history.panel["days_past_due"]) == expected


PAYMENTS = """loan,on,sum,what
a,2020-02-01,50,p
a,2020-03-01,60,p
a,2020-03-01,4,p
b,2020-02-15,20,p
b,2020-05-20,80,w
b,2020-06-20,30,r
c,2020-07-20,30,p
c,2019-07-20,30,p
"""
LOANS = """loan_id,segment,loan_type,origination_date,maturity_date,original_balance,\
current_balance,rate
a,x,bullet,2020-01-10,2020-03-31,110,0,0
b,x,bullet,2020-01-20,2020-02-20,100,0,0
c,x,bullet,2020-04-20,2020-12-20,70,70,0
"""


def loan_tape(folder):
    from scfcap.tape.read import read_tape

    (folder / "t.csv").write_text(LOANS)
    return read_tape(TapeSpec(source="file", path="t.csv"), as_of=AS_OF, folder=folder)


def test_payments(tmp_path):
    history = read(
        tmp_path,
        PAYMENTS,
        loan_tape(tmp_path),
        kind="payments",
        columns={"loan_id": "loan", "date": "on", "amount": "sum", "kind": "what"},
        values={"kind": {"p": "payment", "w": "charge_off", "r": "recovery"}},
    )
    a = months(history, "a")
    assert list(a["adjusted"]) == [110.0, 0.0, 0.0]
    assert list(a["principal"]) == [0.0, 50.0, 60.0]
    assert list(a["paid"]) == [0.0, 50.0, 64.0]  # 4 more than was owed
    assert of(history, "a")["end"] == "prepaid"
    assert str(of(history, "a")["end_date"].date()) == "2020-03-01"
    b = months(history, "b")
    assert list(b["days_past_due"])[:4] == [0, 9, 40, 70]
    assert of(history, "b")["defaulted_balance"] == 80.0
    assert of(history, "b")["recovered"] == 30.0
    assert list(months(history, "c")["closing"]) == [70.0, 70.0, 70.0]
    assert of(history, "c")["end"] == "open"
    said = history.findings.groupby("reason")["row"].apply(list).to_dict()
    assert said == {"after_as_of": [7], "before_origination": [8]}
    totals = history.totals.set_index("item")
    assert list(totals["rows"]) == [8, 0, 2, 6]
    assert totals["balance"]["read"] == totals["balance"][["left out", "kept"]].sum()


def test_payments_pay_interest_first(tmp_path):
    text = "loan,on,sum,amount,made,rate\na,2020-03-31,30,100,2020-01-01,0.365\n"
    columns = {
        "loan_id": "loan",
        "date": "on",
        "amount": "sum",
        "original_balance": "amount",
        "origination_date": "made",
        "rate": "rate",
    }
    history = read(tmp_path, text, kind="payments", columns=columns)
    # 90 days at 0.1 a day are 9 of interest.
    assert history.panel["principal"].sum() == pytest.approx(21.0)
    history = read(tmp_path, text, kind="payments", columns=columns, split="principal_first")
    assert history.panel["principal"].sum() == pytest.approx(30.0)


def test_a_payment_of_an_unknown_loan_is_a_fault(tmp_path):
    with pytest.raises(InputError, match="unknown loan"):
        read(
            tmp_path,
            "loan,on,sum\nq,2020-02-01,50\n",
            loan_tape(tmp_path),
            kind="payments",
            columns={"loan_id": "loan", "date": "on", "amount": "sum"},
        )


def tapes(folder, **spec):
    rows = LOANS.splitlines()
    for month, owed in (("03", (60, 100, 0)), ("04", (0, 90, 70)), ("05", (None, None, 70))):
        lines = [
            ",".join([*line.split(",")[:6], str(x), "0"])
            for line, x in zip(rows[1:], owed, strict=True)
            if x is not None and (x or month == "04")
        ]
        (folder / f"tape-2020-{month}.csv").write_text("\n".join([rows[0], *lines]) + "\n")
    known = {"kind": "tapes", "path": "tape-*.csv", "date_in_name": "tape-%Y-%m"}
    return read_performance(
        PerformanceSpec(**{**known, **spec}),
        None,
        folder=folder,
        as_of=AS_OF,
        mapping=TapeSpec(source="file", rules={"not_said_late": "warning"}),
    )


def test_a_series_of_tapes(tmp_path):
    history = tapes(tmp_path)
    assert history.source == "tape-2020-03.csv to tape-2020-05.csv (3 tapes)"
    assert history.first == date(2020, 3, 31)
    assert dict(zip(history.loans["loan_id"], history.loans["end"], strict=True)) == {
        "a": "repaid",
        "b": "vanished",
        "c": "open",
    }
    assert list(months(history, "b")["closing"]) == [100.0, 90.0]
    assert str(of(history, "c")["entry_date"].date()) == "2020-04-20"


LISTED = """loan,day,owed,late,flag,cls,made,due
early,2020-01-31,100,0,C,x,2020-01-10,2020-06-30
early,2020-02-29,80,0,C,x,2020-01-10,2020-06-30
due,2020-01-31,50,0,C,x,2020-01-10,2020-02-20
late,2020-01-31,40,60,C,x,2019-10-10,2019-12-01
late,2020-02-29,40,90,C,x,2019-10-10,2019-12-01
failed,2020-01-31,30,10,D,x,2019-10-10,2020-06-30
failed,2020-02-29,30,10,C,x,2019-10-10,2020-06-30
partly,2020-01-31,30,0,C,x,2019-10-10,2020-06-30
partly,2020-02-29,20,0,W,x,2019-10-10,2020-06-30
cured,2020-01-31,20,90,C,x,2019-10-10,2020-03-31
cured,2020-02-29,20,89,C,x,2019-10-10,2020-03-31
open,2020-03-31,60,0,C,x,2020-03-10,2020-06-30
open,2020-04-30,60,0,C,x,2020-03-10,2020-06-30
"""


def listed(folder, **spec):
    values = {"status": {**VALUES["status"], "D": "default"}}
    return read(folder, LISTED, kind="status", columns=COLUMNS, values=values, **spec)


def test_loans_not_listed_any_more_are_censored_or_repaid(tmp_path):
    before, after = listed(tmp_path), listed(tmp_path, vanished="repaid")
    ends = dict(zip(before.loans["loan_id"], before.loans["end"], strict=True))
    assert ends == {
        "early": "vanished", "due": "vanished", "late": "vanished", "failed": "default",
        "partly": "default", "cured": "vanished", "open": "open",
    }  # fmt: skip
    ended = dict(zip(after.loans["loan_id"], after.loans["end"], strict=True))
    assert ended == ends | {"early": "prepaid", "due": "repaid", "cured": "repaid"}
    row = months(after, "early").iloc[-1]
    assert list(row[["opening", "principal", "paid", "closing"]]) == [80.0, 80.0, 80.0, 0.0]
    assert month_end(row["month"]).astype("datetime64[D]").item() == date(2020, 3, 31)
    assert (STATES[int(row["state"])], row["days_past_due"]) == ("repaid", 0)
    assert str(of(after, "due")["end_date"].date()) == "2020-02-29"
    assert len(after.panel) == len(before.panel) + 3
    assert of(after, "failed")["recovered"] == of(after, "partly")["recovered"] == 0.0
    said = after.findings.groupby("reason")["row"].apply(list).to_dict()
    assert said["taken_as_repaid"] == [2, 3, 11]
    assert said["vanished"] == [5, 7, 9]
    assert "taken_as_repaid" not in set(before.findings["reason"])


def test_a_default_by_days_is_never_taken_as_repaid(tmp_path):
    history = listed(tmp_path, vanished="repaid", default_days=60)
    assert of(history, "cured")["end"] == of(history, "late")["end"] == "default"
    assert of(history, "cured")["recovered"] == 0.0
    assert of(history, "early")["end"] == "prepaid"


def test_a_series_of_one_tape_is_named_by_it(tmp_path):
    tapes(tmp_path)
    assert tapes(tmp_path, path="tape-2020-04.csv").source == "tape-2020-04.csv"


def test_a_series_that_drops_what_is_repaid(tmp_path):
    history = tapes(tmp_path, vanished="repaid")
    assert of(history, "b")["end"] == "repaid"
    assert list(months(history, "b")["closing"]) == [100.0, 90.0, 0.0]
    assert list(months(history, "b")["principal"]) == [0.0, 10.0, 90.0]


def test_payments_have_no_loans_that_vanish():
    columns = {"loan_id": "a", "date": "b", "amount": "c"}
    with pytest.raises((MisfitError, ValueError), match="payments leave a loan open"):
        PerformanceSpec(kind="payments", path="x", columns=columns, vanished="repaid")


def test_a_tape_without_a_day_is_refused(tmp_path):
    with pytest.raises(InputError, match="date_in_name"):
        tapes(tmp_path, date_in_name="other-%Y-%m")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"kind": "status", "path": "x", "columns": {"loan_id": "a"}}, "date, balance"),
        ({"kind": "tapes", "path": "x", "columns": {"balance": "a"}}, "one of date"),
        ({"kind": "tapes"}, "neither path nor paths"),
        ({"kind": "wide", "path": "x", "columns": {"loan_id": "a", "balance": "B{t}"}}, "first"),
        (
            {
                "kind": "wide",
                "path": "x",
                "first": AS_OF,
                "count": 2,
                "columns": {"loan_id": "a", "balance": "B"},
            },
            "{t}",
        ),
    ],
)
def test_a_mapping_that_cannot_be(spec, said):
    with pytest.raises((MisfitError, ValueError), match=said):
        PerformanceSpec(**spec)


def test_missing_files_and_columns(tmp_path):
    with pytest.raises(InputError, match="no column late"):
        read(tmp_path, "loan,day,owed\n", kind="status", columns={**COLUMNS})
    (tmp_path / "h.csv").unlink()
    spec = PerformanceSpec(kind="tapes", path="nothing-*.csv")
    with pytest.raises(InputError, match="no such file"):
        read_performance(spec, None, folder=tmp_path, as_of=AS_OF, mapping=TapeSpec(source="file"))


def placed(folder, *places):
    """A model folder and one beside a tape; ``places`` hold the history, of one loan named so."""
    for name in ("model", "tape"):
        (folder / name).mkdir()
        if name in places:
            (folder / name / "h.csv").write_text(f"l,d,b\n{name},2020-01-31,5\n")
    (folder / "tape" / "t.csv").write_text("")
    spec = PerformanceSpec(
        kind="status", path="h.csv", columns={"loan_id": "l", "date": "d", "balance": "b"}
    )
    tape = folder / "tape" / "t.csv"
    return read_performance(spec, None, folder=folder / "model", path=tape, as_of=AS_OF)


@pytest.mark.parametrize(
    ("places", "taken"),
    [(("model", "tape"), "tape"), (("tape",), "tape"), (("model",), "model")],
)
def test_a_history_stands_beside_the_tape_or_in_the_model(tmp_path, places, taken):
    assert list(placed(tmp_path, *places).loans["loan_id"]) == [taken]


def test_a_history_that_is_nowhere_is_looked_for_in_both_places(tmp_path):
    with pytest.raises(InputError) as caught:
        placed(tmp_path)
    (problem,) = caught.value.problems
    assert str(tmp_path / "model" / "h.csv") in problem.where
    assert str(tmp_path / "tape" / "h.csv") in problem.where


def test_a_history_outside_of_its_folder_is_refused_once(tmp_path):
    (tmp_path / "model").mkdir()
    spec = PerformanceSpec(kind="tapes", path="../h-*.csv")
    with pytest.raises(InputError, match="leaves its folder"):
        read_performance(
            *(spec, None),
            folder=tmp_path / "model",
            path=tmp_path,
            as_of=AS_OF,
            mapping=TapeSpec(source="file"),
        )


def panel(**changes):
    columns = {name: [0.0, 0.0] for name in FLOWS}
    columns |= {"opening": [0.0, 10.0], "adjusted": [10.0, 0.0], "closing": [10.0, 7.0]}
    columns |= {"principal": [0.0, 3.0]}
    frame = pd.DataFrame({"loan": [0, 0], "month": [1, 2], **columns, "days_past_due": [0, 0]})
    return frame.assign(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"principal": [0.0, 3.01]}, "do not tie"),
        ({"principal": [0.0, float("nan")]}, "do not tie"),
        ({"opening": [0.0, 9.0], "principal": [0.0, 2.0]}, "do not follow"),
        ({"month": [1, 1]}, "stand twice"),
    ],
)
def test_a_panel_that_does_not_tie_is_a_fault_of_ours(changes, said):
    loans = pd.DataFrame({"loan_id": ["a"], "segment": ["x"]})
    assert len(history_from_panel(loans, panel(), source="s", digest="d").panel) == 2
    with pytest.raises(InvariantError, match=said):
        history_from_panel(loans, panel(**changes), source="s", digest="d")


cells = st.lists(
    st.one_of(st.none(), st.integers(0, 5_000).map(lambda cents: cents / 100)),
    min_size=5,
    max_size=5,
)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=6),
    st.randoms(),
    st.sampled_from(["censored", "repaid"]),
)
def test_whatever_the_cells_the_balance_is_explained(tmp_path_factory, loans, random, vanished):
    folder = tmp_path_factory.mktemp("h")
    names = [f"{k}{t}" for t in range(1, 6) for k in "BP"]
    lines = [
        ",".join(
            [
                str(n),
                *("" if v is None else str(v) for pair in zip(*loan, strict=True) for v in pair),
            ]
        )
        for n, loan in enumerate(loans)
    ]
    random.shuffle(lines)
    history = read(
        folder,
        "\n".join([",".join(["id", *names]), *lines]) + "\n",
        kind="wide",
        columns={"loan_id": "id", "balance": "B{t}", "principal": "P{t}"},
        first=AS_OF,
        count=5,
        vanished=vanished,
    )
    assert vanished == "censored" or not (history.loans["end"] == "vanished").any()
    flow = history.panel[list(FLOWS)].sum()
    # Opening, moves and closing of each loan add up over its life.
    lasts = history.panel.groupby("loan")["closing"].last().sum()
    assert flow["adjusted"] - flow["principal"] - flow["charged_off"] == pytest.approx(
        lasts, abs=0.02
    )
    known = {
        str(n): [b for b, _ in zip(*loan, strict=True) if b is not None]
        for n, loan in enumerate(loans)
    }
    for row in history.loans.itertuples():
        if row.end == "vanished":
            assert known[row.loan_id][-1] > 0
