"""Lists and reports of funders: sums that tie, the pool's own borrowing base, safe workbooks."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from scfcap.errors import InputError, InvariantError
from scfcap.funding.allocation.explain_channels import channel_balances
from scfcap.funding.allocation.purchase import PurchaseReport, movements
from scfcap.funding.allocation.result import Allocation
from scfcap.pool.borrowing_base import BorrowingBase
from scfcap.pool.build import Around, build_pool
from scfcap.quantities import HALF_CENT
from scfcap.report.book import Book, Formula
from scfcap.report.delivery import (
    Delivery,
    deliveries,
    delivery_files,
    delivery_of,
    folder_name,
)
from scfcap.report.excel import write_book
from scfcap.report.sheets.delivery import LOANS, delivery_book
from scfcap.tape.schema import Tape
from tests.funding.allocation.handed_over import (
    AS_OF,
    BUYER,
    KEYS,
    LINE,
    OWN,
    PARTNER,
    POOL,
    handed_over,
    spec_of,
    tape,
)

from .office import recalculate

ABOUT = {
    "title": "Small & plain",
    "model": "small",
    "as_of": "2013-12-31",
    "currency": "CNY",
    "version": "0",
    "digest": "abc",
}
#: Figures of a borrowing base that no loan makes.
NO_LOANS = (
    "reserve:dilution", "borrowing_base", "limit", "maximum", "drawn", "availability", "to_cure",
)  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Delivery]:
    assembled, allocation = handed_over()
    return {each.key: each for each in deliveries(assembled, allocation, spec_of())}


def test_every_funder_gets_a_list(found: dict[str, Delivery]) -> None:
    assert list(found) == list(KEYS[1:])
    assert [each.pledge for each in found.values()] == [False, False, True, False]


def test_lists_hold_what_moves_and_what_stays(found: dict[str, Delivery]) -> None:
    """Loan by loan in plain Python."""
    assembled, allocation = handed_over()
    program = assembled.program
    for c, key in enumerate(KEYS[1:], start=1):
        expected = {}
        for i, loan in enumerate(program.loan_id):
            before, after = program.today[i] == c, allocation.choice[i] == c
            if before or after:
                move = "stays" if before and after else "in" if after else "out"
                expected[loan] = (move, program.balance[i])
        loans = found[key].loans
        told = zip(loans["movement"].astype(str), loans["balance"], strict=True)
        assert dict(zip(loans["loan_id"], told, strict=True)) == expected
        totals = found[key].totals.set_index("movement")["balance"]
        assert totals["before"] + totals["in"] - totals["out"] == pytest.approx(totals["after"])
    moves = pd.concat([each.loans["movement"].astype(str) for each in found.values()])
    assert set(moves) == {"in", "out", "stays"}


def test_channel_totals_are_sums_over_the_lists(found: dict[str, Delivery]) -> None:
    told = channel_balances(*handed_over()).set_index("channel")
    for key, each in found.items():
        loans = each.loans
        inside = loans["movement"].astype(str) != "out"
        assert told.loc[key, "after_loans"] == inside.sum()
        assert told.loc[key, "after"] == pytest.approx(loans.loc[inside, "balance"].sum())


def outstanding(channel: np.ndarray) -> Tape:
    frame = tape().assign(
        loan_type="order", status="current", original_balance=lambda x: x["current_balance"]
    )
    for name in ("segment", "loan_type", "status"):
        frame[name] = frame[name].astype("category")
    frame["channel"] = pd.Categorical(channel)
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, AS_OF, "sixty.csv", "digest")


def test_the_borrowing_base_is_the_pools_with_the_same_loans_pledged(
    found: dict[str, Delivery],
) -> None:
    _, allocation = handed_over()
    placed = np.array(KEYS, dtype=object)[allocation.choice]
    around = Around(lenders=spec_of().lenders)
    pool = build_pool(outstanding(placed), POOL, around).borrowing_bases["line-a"]
    mine = found["bank_debt:line-a"].report
    assert isinstance(mine, BorrowingBase)
    assert mine.amount("excess:one borrower") < 0.0
    pd.testing.assert_frame_equal(mine.table, pool.table)
    pd.testing.assert_frame_equal(mine.trace, pool.trace)


def test_the_base_before_the_day_is_the_pools_of_the_tape(found: dict[str, Delivery]) -> None:
    """Among the loans pledged until then are those that leave, with the rule that they break."""
    around = Around(lenders=spec_of().lenders)
    pool = build_pool(outstanding(tape()["channel"].to_numpy()), POOL, around)
    before = found["bank_debt:line-a"].before
    assert before is not None
    pd.testing.assert_frame_equal(before.table, pool.borrowing_bases["line-a"].table)
    assert before.amount("undetermined") < 0.0
    assert before.amount("ineligible:up to 30 days past due") < 0.0
    assert found[KEYS[BUYER]].before is None


def test_a_base_that_does_not_cover_what_is_drawn_is_to_be_cured() -> None:
    assembled, allocation = handed_over()
    each = delivery_of(assembled, allocation, spec_of(drawn=50_000.0), KEYS[LINE])
    report, loans = each.report, each.loans
    advanced = math.fsum(loans["counted"] * loans["advance_rate"])
    base = advanced - 0.05 * math.fsum(loans["counted"])
    assert report.amount("availability") == pytest.approx(base - 50_000.0)
    assert report.amount("availability") < 0.0
    assert report.amount("to_cure") == pytest.approx(50_000.0 - base)


def test_answers_add_up_to_all_loans(found: dict[str, Delivery]) -> None:
    """By the buyer's two rules in plain Python: a missing score is not a score of 0."""
    frame = tape()
    parts = {"late": 0.0, "low": 0.0, "unknown": 0.0, "eligible": 0.0}
    rows = zip(frame["days_past_due"], frame["score"], frame["current_balance"], strict=True)
    for late, score, balance in rows:
        if late > 0:
            parts["late"] += balance
        elif score < 500.0:
            parts["low"] += balance
        else:
            parts["unknown" if score != score else "eligible"] += balance
    report = found[KEYS[BUYER]].report
    assert report.amount("ineligible:not late") == pytest.approx(-parts["late"])
    assert report.amount("ineligible:score of 500") == pytest.approx(-parts["low"])
    assert report.amount("undetermined") == pytest.approx(-parts["unknown"])
    assert report.amount("eligible") == pytest.approx(parts["eligible"])
    assert report.amount("gross") == pytest.approx(sum(parts.values()))
    assert min(parts.values()) > 0.0


def test_a_report_goes_from_what_is_offered_to_what_is_held(found: dict[str, Delivery]) -> None:
    for each in found.values():
        if not isinstance(each.report, PurchaseReport):
            continue
        table = each.report.table.set_index("figure")
        names = list(table.index)
        amounts = table["amount"]
        eligible, placed = names.index("eligible"), names.index("placed")
        assert amounts.iloc[:eligible].sum() == pytest.approx(amounts["eligible"])
        assert amounts.iloc[eligible:placed].sum() == pytest.approx(amounts["placed"])
        assert amounts["before"] + amounts["bought"] + amounts["left"] == pytest.approx(
            amounts["after"]
        )
    figures = found[KEYS[BUYER]].report.table["figure"].tolist()
    assert {"refused:smaller than 2,500", "not_offered", "elsewhere", "kept"} <= set(figures)


def test_each_figure_is_made_of_its_loans(found: dict[str, Delivery]) -> None:
    for each in found.values():
        column = "amount" if each.pledge else "amount_in"
        for item in each.report.table.itertuples():
            loans = each.report.explain(item.figure)
            if each.pledge and item.figure in NO_LOANS:
                continue
            assert loans[column].sum() == pytest.approx(item.amount, abs=1e-6), item.figure
            if not each.pledge:
                assert len(loans) == item.loans, item.figure
    with pytest.raises(InputError, match="figure 'x'"):
        found[KEYS[BUYER]].report.explain("x")
    with pytest.raises(InputError, match="figure 'x'"):
        found[KEYS[BUYER]].report.amount("x")


def test_the_price_is_paid_to_the_cent(found: dict[str, Delivery]) -> None:
    each = found[KEYS[BUYER]]
    bought = each.loans[each.loans["movement"].astype(str) == "in"]
    assert len(bought) > 1
    cents = [round(98.7 * balance) for balance in bought["balance"]]
    assert (bought["purchase_price"] * 100.0).round().astype(int).tolist() == cents
    assert each.report.amount("purchase_price") == pytest.approx(sum(cents) / 100.0)
    rest = each.loans[each.loans["movement"].astype(str) != "in"]
    assert rest["purchase_price"].isna().all()


def test_a_joint_lender_has_its_part_of_what_comes_in() -> None:
    """The tape tells the partner's part alone of loans that it has today."""
    assembled, allocation = handed_over()
    choice = allocation.choice.copy()
    moved = np.flatnonzero(choice == OWN)[:2]
    choice[moved] = PARTNER
    more = replace(allocation, choice=choice)
    loans = delivery_of(assembled, more, spec_of(), KEYS[PARTNER]).loans
    comes = loans["movement"].astype(str) == "in"
    assert comes.sum() == 2
    part = np.where(comes, 0.7, 1.0)
    assert loans["amount"].to_numpy() == pytest.approx(part * loans["balance"].to_numpy())


def test_names_and_means_against_plain_sums(found: dict[str, Delivery]) -> None:
    each, frame = found[KEYS[BUYER]], tape()
    _, allocation = handed_over()
    inside = allocation.choice == BUYER
    held = frame[inside].groupby("borrower_id")["current_balance"].sum()
    one = each.concentrations[each.concentrations["limit"] == "one borrower"]
    assert dict(zip(one["value"], one["after"], strict=True)) == pytest.approx(
        held.sort_values(ascending=False).head(10).to_dict()
    )
    total = held.sum()
    assert one["limit_amount"].to_numpy() == pytest.approx(0.2 * total)
    assert one["room"].to_numpy() == pytest.approx(0.2 * total - one["after"].to_numpy())
    top = each.concentrations[each.concentrations["limit"] == "top 3"].iloc[0]
    assert top["after"] == pytest.approx(held.nlargest(3).sum())
    assert top["room"] == pytest.approx(90_000.0 - held.nlargest(3).sum())
    known = frame[inside & frame["score"].notna().to_numpy()]
    mean = each.averages.set_index("column").loc["score"]
    expected = np.average(known["score"], weights=known["current_balance"])
    assert mean["after"] == pytest.approx(expected)
    assert mean["room"] == pytest.approx(expected - 520.0)
    assert mean["loans_without"] == inside.sum() - len(known)


def test_a_list_tells_a_funder_nothing_of_the_others(found: dict[str, Delivery]) -> None:
    for key, each in found.items():
        text = each.loans.to_csv()
        assert not any(other in text for other in KEYS if other != key)
        assert not {"value", "net", "loss"} & set(each.loans.columns)
    reasons = set(found[KEYS[LINE]].loans["reason"].astype(str))
    assert "does not meet: up to 30 days past due" in reasons
    assert "a value is missing that its rules ask for" in reasons
    assert "from the company's own book" in reasons
    assert "does not meet: score of 500" in set(found[KEYS[BUYER]].loans["reason"].astype(str))
    assert "new loan" in set(found[KEYS[BUYER]].loans["reason"].astype(str))


def test_a_list_that_does_not_add_up_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(allocation: Allocation, channel: int) -> np.ndarray:
        found = movements(allocation, channel)
        found[np.flatnonzero(found == 2)[0]] = -1
        return found

    monkeypatch.setattr("scfcap.report.delivery.movements", lacking)
    with pytest.raises(InvariantError, match="list of bank_transfer:city, before: 10 loans"):
        deliveries(*handed_over(), spec_of())


def test_no_such_funder() -> None:
    with pytest.raises(InputError, match="one of bank_transfer:city"):
        delivery_of(*handed_over(), spec_of(), "own_capital")


def test_folders_of_channels() -> None:
    assert folder_name("bank_debt:line-a") == "bank_debt-line-a"
    assert folder_name("p2p:../x") == "p2p-..-x"


@pytest.fixture(scope="module")
def books(found: dict[str, Delivery]) -> dict[str, Book]:
    assembled, allocation = handed_over()
    short = delivery_of(assembled, allocation, spec_of(50_000.0), KEYS[LINE])
    return {
        "buyer": delivery_book(found[KEYS[BUYER]], ABOUT, 100),
        "line": delivery_book(short, ABOUT, 100),
        "joint": delivery_book(found[KEYS[PARTNER]], ABOUT, 100),
        "cut": delivery_book(found[KEYS[LINE]], ABOUT, 5),
    }


def test_a_recalculation_moves_no_figure_by_half_a_cent(
    books: dict[str, Book], tmp_path: Path
) -> None:
    for name, book in books.items():
        write_book(book, tmp_path / f"{name}.xlsx", values=False)
    result = recalculate(tmp_path, *books)
    for name, book in books.items():
        formulas = list(book.formulas())
        assert len(formulas) > 5
        for sheet, row, column, formula in formulas:
            value = result[name][sheet].cell(row, column).value
            assert value == pytest.approx(formula.value, abs=HALF_CENT), (name, formula.text)


def test_figures_of_a_report_are_sums_of_its_list(books: dict[str, Book]) -> None:
    def live(name: str) -> dict[str, str]:
        sheet = books[name].sheet("Report")
        rows = {
            str(sheet.cells[r, 1].value): sheet.cells[r, c].value
            for (r, c), cell in sheet.cells.items()
            if isinstance(cell.value, Formula) and c in (4, 5) and (r, 1) in sheet.cells
        }
        return {label: value.text for label, value in rows.items() if isinstance(value, Formula)}

    line, buyer = live("line"), live("buyer")
    for label in ("Not pledged to the line", "Undetermined: a value is missing",
                  "Ineligible: score of 450", "Excess concentration: one borrower"):  # fmt: skip
        assert f"{LOANS}!" in line[label]
    for label in ("Before", "Comes in", "Leaves", "Purchase price of what comes in",
                  "Less what the list has, in and stays"):  # fmt: skip
        assert f"{LOANS}!" in buyer[label]


def test_a_long_list_is_cut_in_the_workbook_alone(found: dict[str, Delivery]) -> None:
    each = found[KEYS[LINE]]
    files = delivery_files(each, ABOUT, most_rows=5)
    book = load_workbook(io.BytesIO(files["borrowing_base.xlsx"]), data_only=True)
    sheet = book[LOANS]
    assert sheet.max_row == 7 + 5
    assert [sheet.cell(row, 1).value for row in (4, 5, 6)] == [
        "First 5 rows", "of them after the day", f"After the day, of all {len(each.loans)}",
    ]  # fmt: skip
    head = [cell.value for cell in sheet[7]]
    column = head.index("Balance") + 1
    inside = each.loans["movement"].astype(str) != "out"
    assert sheet.cell(4, column).value == pytest.approx(each.loans["balance"].head(5).sum())
    assert sheet.cell(6, column).value == pytest.approx(each.loans.loc[inside, "balance"].sum())
    assert "loans.parquet" in book["Report"].cell(3, 1).value
    assert len(pd.read_parquet(io.BytesIO(files["loans.parquet"]))) == len(each.loans) > 5
    assert files["loans.csv"].count(b"\n") == len(each.loans) + 1


def test_texts_are_no_formulas() -> None:
    assembled, allocation = handed_over()
    choice = allocation.choice.copy()
    choice[[0, 1, 3]] = BUYER
    each = delivery_of(assembled, replace(allocation, choice=choice), spec_of(), KEYS[BUYER])
    files = delivery_files(each, ABOUT)
    book = load_workbook(io.BytesIO(files["purchase_report.xlsx"]))
    cells = {cell.value: cell for row in book[LOANS].iter_rows(min_row=7) for cell in row}
    for text in ("=1+1", "-2,5", "@SUM(A1)"):
        assert cells[text].data_type == "s"
        assert cells[text].quotePrefix
    assert not cells["L006"].quotePrefix
    csv = files["loans.csv"].decode()
    assert "'=1+1" in csv
    assert "'@SUM(A1)" in csv
    assert "\n=1+1" not in csv


def test_a_list_in_a_workbook_holds_numbers_and_days(found: dict[str, Delivery]) -> None:
    each = found[KEYS[BUYER]]
    files = delivery_files(each, ABOUT)
    sheet = load_workbook(io.BytesIO(files["purchase_report.xlsx"]), data_only=True)[LOANS]
    head = [cell.value for cell in sheet[6]]
    for at, loan in enumerate(each.loans.itertuples(), start=7):
        row = dict(zip(head, (cell.value for cell in sheet[at]), strict=True))
        assert row["Loan id"] == loan.loan_id
        assert row["Balance"] == loan.balance
        assert row["Maturity"].date() == loan.maturity_date.date()
        assert row["Price, of par"] == (loan.price if loan.price == loan.price else None)
    assert isinstance(each.loans["maturity_date"].iloc[0].date(), date)


def test_the_same_list_gives_the_same_bytes(found: dict[str, Delivery]) -> None:
    each = found[KEYS[LINE]]
    assert delivery_files(each, ABOUT) == delivery_files(each, ABOUT)
