"""The mapper on tapes whose truth is known: the synthetic platform under other names and units."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.api import load
from scfcap.schema.tape import TapeSpec
from scfcap.tape.dates import dates
from scfcap.tape.map import numbered, propose, propose_table
from scfcap.tape.map_names import said_by_name, units_of, words
from scfcap.tape.read import read_tape

ROWS = 600


@cache
def book() -> pd.DataFrame:
    """Every 16th loan of the shipped platform, as texts."""
    frame = load("alibaba-2013").tape().frame
    frame = frame.iloc[:: len(frame) // ROWS].reset_index(drop=True)
    for name in ("origination_date", "maturity_date"):
        frame[name] = frame[name].dt.strftime("%Y-%m-%d")
    return frame


def cells(column: pd.Series) -> list[str]:
    return ["" if pd.isna(v) else f"{v:.10g}" if isinstance(v, float) else str(v) for v in column]


@cache
def plain() -> pa.Table:
    """The book under our own names."""
    return table(book())


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.table({str(name): pa.array(cells(frame[name])) for name in frame})


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Loan No.", "loan_id"),
        ("UnderlyingExposureIdentifier", "loan_id"),
        ("CUST_ID", "borrower_id"),
        ("New Obligor Identifier", "borrower_id"),
        ("Original Principal Balance", "original_balance"),
        ("disbursedamt", "original_balance"),
        ("Outstanding_Principal", "current_balance"),
        ("Current Principal Balance", "current_balance"),
        ("Current Interest Rate (%)", "rate"),
        ("Number Of Days In Arrears", "days_past_due"),
        ("DPD", "days_past_due"),
        ("Date Of Origination", "origination_date"),
        ("matdt", "maturity_date"),
        ("借款金额", "original_balance"),
        ("放款日", "origination_date"),
        ("到期日", "maturity_date"),
        ("利率", "rate"),
        ("逾期天数", "days_past_due"),
        ("剩余本金（元）", "current_balance"),
    ],
)
def test_names(name: str, column: str) -> None:
    assert said_by_name(name, column) >= 0.9
    others = [c for c in ("loan_id", "original_balance", "current_balance", "rate") if c != column]
    assert all(said_by_name(name, other) < 0.7 for other in others)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("first due date", "maturity_date"),
        ("next payment date", "maturity_date"),
        ("paid on date", "origination_date"),
        ("beginning balance", "current_balance"),
        ("interest paid", "rate"),
        ("amount paid", "original_balance"),
        ("loan application id", "loan_id"),
    ],
)
def test_names_that_sound_alike(name: str, column: str) -> None:
    assert said_by_name(name, column) < 0.35


def test_words_and_units() -> None:
    assert words("systemloanid") == ("system", "loan", "id")
    assert words("LoanNr_ChkDgt") == ("loan", "number", "check", "digit")
    assert units_of("借款金额(万元)").scale == 10_000.0
    assert units_of("Loan Amount (USD thousands)").scale == 1_000.0
    assert units_of("Rate (%)").percent
    assert units_of("日利率").per == "day"
    assert numbered(["a1", *(f"BAL{k}" for k in range(1, 8))]) == {
        "BAL": tuple(f"BAL{k}" for k in range(1, 8))
    }


def test_our_own_names() -> None:
    proposal = propose_table(plain(), "tape")
    assert proposal.open == ()
    for choice in proposal.choices:
        if choice.how != "default":
            assert choice.source == choice.column
    sure = {c.column for c in proposal.choices if c.confidence >= 0.9}
    assert {"loan_id", "origination_date", "maturity_date", "original_balance", "rate"} <= sure


@settings(max_examples=8)
@given(st.permutations(range(16)))
def test_no_name_is_believed_against_the_values(order: list[int]) -> None:
    names = [str(name) for name in book()]
    renamed = [names[k] for k in order]
    truth = dict(zip(renamed, names, strict=True))
    proposal = propose_table(plain().rename_columns(renamed), "tape")
    wrong = [
        (c.column, truth[c.source], c.confidence)
        for c in proposal.choices
        if c.how == "column" and c.confidence >= 0.9 and truth[c.source] != c.column
    ]
    assert wrong == []


@settings(max_examples=8)
@given(st.tuples(st.integers(0, 15), st.integers(0, 15)))
def test_two_names_that_are_swapped(pair: tuple[int, int]) -> None:
    names = [str(name) for name in book()]
    renamed = names[:]
    renamed[pair[0]], renamed[pair[1]] = names[pair[1]], names[pair[0]]
    truth = dict(zip(renamed, names, strict=True))
    proposal = propose_table(plain().rename_columns(renamed), "tape")
    wrong = [
        (c.column, truth[c.source])
        for c in proposal.choices
        if c.how == "column" and c.confidence >= 0.9 and truth[c.source] != c.column
    ]
    assert wrong == []


def chinese() -> pd.DataFrame:
    frame = book()
    types = {
        "order": "订单贷",
        "bullet": "到期一次还本付息",
        "revolving_line": "随借随还",
        "level_payment": "等额本息",
    }
    statuses = {"current": "正常", "late": "逾期", "default": "不良"}
    day = pd.to_datetime(frame["origination_date"])
    return pd.DataFrame(
        {
            "借据号": frame["loan_id"],
            "客户编号": frame["borrower_id"],
            "产品类型": frame["segment"].astype(str),
            "还款方式": frame["loan_type"].astype(str).map(types),
            "放款日": day.dt.strftime("%Y年%m月%d日"),
            "到期日": pd.to_datetime(frame["maturity_date"]).dt.strftime("%Y/%m/%d"),
            "借款金额": [f"¥{v:,.2f}" for v in frame["original_balance"]],
            "剩余本金": [f"¥{v:,.2f}" for v in frame["current_balance"]],
            "年利率(%)": (frame["rate"] * 100).round(4),
            "逾期天数": frame["days_past_due"],
            "贷款状态": frame["status"].astype(str).map(statuses),
        }
    )


def test_the_form_of_chinese_dates_is_named() -> None:
    frame = chinese().head(40)
    assert propose_table(table(frame), "tape")["origination_date"].unit == "%Y年%m月%d日"
    # Some rows in another form: then both are written out, and both read back.
    mixed = frame.assign(放款日=frame["放款日"].where(frame.index % 2 == 0, "2013/10/20"))
    forms = propose_table(table(mixed), "tape")["origination_date"].unit.split(" or ")
    assert set(forms) == {"%Y年%m月%d日", "%Y/%m/%d"}
    days, issues = dates(table(mixed).column("放款日"), "放款日", forms)
    assert issues == []
    assert [str(day) for day in days[:2]] == [book()["origination_date"].iloc[0], "2013-10-20"]


def read_back(file: Path, as_of: date = date(2013, 12, 31)) -> pd.DataFrame:
    """The tape as the proposal reads it; nothing may be open."""
    proposal = propose(file)
    assert proposal.open == (), [c.reason for c in proposal.open]
    spec = TapeSpec.model_validate(tomllib.loads(proposal.to_toml())["tape"])
    return read_tape(spec, as_of=as_of, folder=file.parent).frame


def same_loans(found: pd.DataFrame) -> None:
    frame = book()
    assert found["loan_id"].tolist() == frame["loan_id"].tolist()
    for name in ("original_balance", "current_balance", "rate"):
        np.testing.assert_allclose(found[name], frame[name], rtol=0, atol=1e-6)
    for name in ("origination_date", "maturity_date"):
        assert found[name].dt.strftime("%Y-%m-%d").tolist() == frame[name].tolist()
    assert found["loan_type"].astype(str).tolist() == frame["loan_type"].astype(str).tolist()
    assert found["status"].astype(str).tolist() == frame["status"].astype(str).tolist()


def test_a_chinese_export_reads_back(tmp_path: Path) -> None:
    chinese().to_csv(tmp_path / "台账.csv", index=False, encoding="gb18030")
    same_loans(read_back(tmp_path / "台账.csv"))


SHIFTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "percent": lambda f: f.assign(rate=f["rate"] * 100),
    "percent signs": lambda f: f.assign(rate=[f"{v * 100:.2f}%" for v in f["rate"]]),
    "basis points": lambda f: f.assign(rate=(f["rate"] * 1e4).round(4)).rename(
        columns={"rate": "rate_bps"}
    ),
    "daily percent": lambda f: f.assign(rate=f["rate"] / 3.65).rename(
        columns={"rate": "daily_rate"}
    ),
    "thousands": lambda f: f.assign(
        original_balance=f["original_balance"] / 1e3, current_balance=f["current_balance"] / 1e3
    ).rename(
        columns={
            "original_balance": "Loan Amount (thousands)",
            "current_balance": "Balance (thousands)",
        }
    ),
    "month first": lambda f: f.assign(
        **{
            name: pd.to_datetime(f[name]).dt.strftime("%m/%d/%Y")
            for name in ("origination_date", "maturity_date")
        }
    ),
    "day first": lambda f: f.assign(
        **{
            name: pd.to_datetime(f[name]).dt.strftime("%d.%m.%Y")
            for name in ("origination_date", "maturity_date")
        }
    ),
    "sas days": lambda f: f.assign(
        **{
            name: (pd.to_datetime(f[name]) - pd.Timestamp("1960-01-01")).dt.days
            for name in ("origination_date", "maturity_date")
        }
    ),
    "term in days": lambda f: f.assign(
        maturity_date=(pd.to_datetime(f["maturity_date"]) - pd.to_datetime(f["origination_date"]))
        .dt.days
    ).rename(columns={"maturity_date": "term_days"}),
}  # fmt: skip


@pytest.mark.parametrize("shift", SHIFTS)
def test_other_units_read_back(tmp_path: Path, shift: str) -> None:
    frame = SHIFTS[shift](book())
    frame.drop(columns=["paid_principal", "channel"]).to_csv(tmp_path / "tape.csv", index=False)
    same_loans(read_back(tmp_path / "tape.csv"))


def test_european_numbers_read_back(tmp_path: Path) -> None:
    frame = book().drop(columns=["paid_principal", "channel"])
    for name in ("original_balance", "current_balance"):
        swap = str.maketrans(",.", ".,")
        frame[name] = [f"{v:,.2f} €".translate(swap) for v in frame[name]]
    frame["rate"] = [f"{v:.4f}".replace(".", ",") for v in frame["rate"]]
    frame["score"] = [f"{v:.0f}" for v in frame["score"]]
    frame.to_csv(tmp_path / "tape.csv", index=False, sep=";")
    same_loans(read_back(tmp_path / "tape.csv"))


def test_a_short_flat_charge_raises_the_highest_rate(tmp_path: Path) -> None:
    frame = book().drop(
        columns=["rate", "paid_principal", "channel", "instalment"], errors="ignore"
    )
    frame = frame[frame["origination_date"] >= "2013-12-02"]
    charge = np.where(np.arange(len(frame)) % 2, 1.2, 1.3)
    frame = frame.assign(
        term_days=30, total_due=frame["original_balance"] * charge, loan_type="bullet"
    ).drop(columns="maturity_date")
    frame.to_csv(tmp_path / "tape.csv", index=False)
    assert tomllib.loads(propose(tmp_path / "tape.csv").to_toml())["tape"]["max_rate"] == 4
    found = read_back(tmp_path / "tape.csv")
    np.testing.assert_allclose(found["rate"].max(), 0.3 * 365 / 30, rtol=1e-6)


def test_a_day_that_cannot_be_told_is_left_open() -> None:
    days = ["03/04/2013", "05/06/2013"]
    frame = book().assign(origination_date=[days[k % 2] for k in range(len(book()))])
    choice = propose_table(table(frame), "tape")["origination_date"]
    assert choice.how == "open"
    assert "%d/%m/%Y" in choice.guess
    assert "%m/%d/%Y" in choice.guess


def test_a_cell_cannot_leave_its_remark() -> None:
    frame = book().assign(region='x"\n[tape.constants]\nrate = 0.9\n#')
    text = propose_table(table(frame), "evil\n[tape]").to_toml()
    spec = TapeSpec.model_validate(tomllib.loads(text)["tape"])
    assert spec.constants == {}
    assert spec.columns["rate"] == "rate"
