"""What a treasurer reads: the next month's steps with reasons, the calendar, cash, costs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

import scfcap
from scfcap.api import Run
from scfcap.report.book import Book, Formula, Sheet
from scfcap.report.excel import write_book
from scfcap.report.labels.tables import labelled, labels_of
from scfcap.report.recalculated import converted, office
from scfcap.report.sheets import build_book
from scfcap.report.ties import ties

from .office import same_figures

SMALL = {"tape.platform.loans": 400, "plan.periods": 4}


@pytest.fixture(scope="module")
def run() -> Run:
    return scfcap.load("alibaba-2013", overrides=SMALL).run()


@pytest.fixture(scope="module")
def book(run: Run) -> Book:
    return build_book(run.tables(), run.model.loaded.pack, run.meta())


def _texts(sheet: Sheet) -> list[str]:
    return [str(cell.value) for cell in sheet.cells.values() if isinstance(cell.value, str)]


def test_every_text_of_the_run_is_said_in_chinese(run: Run, book: Book) -> None:
    labels = labels_of("zh", run.meta(), run.tables())
    told = [*run.summary(), *run.cautions()]
    for sheet in book.sheets:
        told += [sheet.name, *_texts(sheet), *(chart.title for chart in sheet.charts)]
        told += [cell.note for cell in sheet.cells.values()]
        shown = (cell.value for cell in sheet.cells.values())
        told += [str(x.value) for x in shown if isinstance(x, Formula)]
    for table in run.tables().values():
        labelled(table, labels)
    for text in told:
        labels(text)
    assert not labels.missing


def _row(sheet: Sheet, label: str) -> int:
    return next(
        row for (row, column), cell in sheet.cells.items() if column == 1 and cell.value == label
    )


def test_the_pack_has_the_sheets_in_reading_order(book: Book) -> None:
    names = [sheet.name for sheet in book.sheets]
    first = ["Summary", "Contents", "To do", "Calendar", "Plan", "Terms", "Cash", "Costs"]
    assert names[:8] == first


def test_every_step_of_the_first_month_has_its_reason(run: Run, book: Book) -> None:
    steps = run.tables()["plan_next"].frame
    assert {"lend", "transfer", "draw", "issue"} <= set(steps["action"])
    assert steps["why"].str.len().gt(0).all()
    told = _texts(book.sheet("To do"))
    assert set(steps["why"]) <= set(told)


def test_steps_of_the_first_month_add_up_to_the_actions_and_the_lending(run: Run) -> None:
    steps, todo = run.tables()["plan_next"].frame, run.tables()["plan_actions"].frame
    first = todo[todo["date"] <= steps["last_date"].max()]
    done = steps[steps["action"] != "lend"].groupby("action")["amount"].sum()
    assert done.to_dict() == pytest.approx(first.groupby("action")["amount"].sum().to_dict())
    lending = run.tables()["plan_lending"].frame
    made = lending.loc[lending["period"] == 1, "originated"].sum()
    assert steps.loc[steps["action"] == "lend", "amount"].sum() == pytest.approx(made)


def test_what_a_line_costs_and_what_more_of_it_is_worth_stand_beside_the_draw(run: Run) -> None:
    steps = run.tables()["plan_next"].frame.set_index(["action", "item"])
    costs = run.tables()["plan_cost_of_funds"].frame.set_index("item")
    draws = steps.loc["draw"]
    for item in draws.index:
        assert draws.loc[item, "rate"] == costs.loc[item, "rate"]
        assert draws.loc[item, "worth_of_more"] == costs.loc[item, "worth_of_more"]
        said = draws.loc[item, "why"]
        assert f"{costs.loc[item, 'rate']:.2%}" in said
        if draws.loc[item, "worth_of_more"] > 1e-6:
            assert f"more of the line of {item} throughout earns" in said


def test_a_price_in_a_reason_is_that_of_the_datum_it_names(run: Run) -> None:
    tables = run.tables()
    prices = tables["plan_prices"].frame.set_index("what")["value"]
    named = {}
    for why in tables["plan_next"].frame["why"]:
        for what, amount in re.findall(
            r"more of (.+?) (?:throughout|each month|spread over the further series)"
            r" earns CNY ([\d,]+)\.",
            why,
        ):
            named[what] = float(amount.replace(",", ""))
    assert {"the largest pool", "P2P supply at 12.50%"} <= set(named)
    for what, amount in named.items():
        assert amount == pytest.approx(prices[what] * 1e6, abs=0.51)


def test_a_line_that_is_full_is_not_called_unused(run: Run) -> None:
    tables = run.tables()
    limits = tables["plan_limits"].frame
    lines = limits[(limits["family"] == "bank_debt") & (limits["period"] == 1)].set_index("key")
    draws = tables["plan_next"].frame.set_index(["action", "item"]).loc["draw"]
    assert len(draws)
    assert lines["binding"].any()
    for item, why in draws["why"].items():
        assert ("not used up" in why) == (not lines.loc[item, "binding"])


def test_the_calendar_holds_every_action(run: Run, book: Book) -> None:
    sheet, todo = book.sheet("Calendar"), run.tables()["plan_actions"].frame
    total = next(cell for cell in sheet.cells.values() if cell.value == "Total")
    sums = [
        cell.value.value
        for (row, column), cell in sheet.cells.items()
        if (row, 1) in sheet.cells
        and sheet.cells[row, 1].value == "All"
        and sheet.cells.get((4, column)) == total
        and isinstance(cell.value, Formula)
    ]
    kept = todo[todo["action"] != "notify"]
    assert sum(map(float, sums)) == pytest.approx(kept["amount"].sum())


def test_cash_leads_from_opening_to_closing(book: Book) -> None:
    sheet = book.sheet("Cash")
    opening, change, closing = (
        _row(sheet, label)
        for label in (
            "Cash at the beginning, free and restricted",
            "Change of cash",
            "Cash at the end, free and restricted",
        )
    )
    for column in range(3, sheet.last_column):
        if (opening, column) not in sheet.cells:
            continue
        at = [sheet.cells[row, column].value for row in (opening, change, closing)]
        begin, moved, end = (
            float(x.value if isinstance(x, Formula) else x)
            for x in at  # type: ignore[arg-type]
        )
        assert begin + moved == pytest.approx(end, abs=0.01)


def test_costs_name_every_source_and_price(run: Run, book: Book) -> None:
    told = _texts(book.sheet("Costs"))
    for item in run.tables()["plan_cost_of_funds"].frame["item"]:
        assert any(str(item) in text or str(item).capitalize() in text for text in told)
    prices = run.tables()["plan_prices"].frame
    worth = prices[prices["value"].abs() + prices["high"].abs() > 0.0]
    assert set(worth["sentence"]) <= set(told)


def test_each_shock_has_its_block_and_the_first_thing_to_do(run: Run, book: Book) -> None:
    sheet, tables = book.sheet("Contingency"), run.tables()
    shocks = tables["plan_contingency"].frame
    assert set(shocks["scenario"]) == {"core-failure", "bank-a-cut", "bank-b-cut", "market-shut"}
    told = _texts(sheet)
    assert set(shocks["sentence"]) <= set(told)
    for title in shocks["title"]:
        assert told.count(title) == 2  # in the summary, and above its own block
    actions = tables["plan_contingency_actions"].frame
    firsts = actions[actions["step"] == 1]
    steps = {f"1. {action[0].upper()}{action[1:]}" for action in firsts["action"]}
    assert steps <= set(told)
    assert len(sheet.charts) == 2
    assert any("Hold ready" in text for text in told)


def test_costs_of_shocks_add_up_and_acting_is_no_dearer(run: Run) -> None:
    shocks = run.tables()["plan_contingency"].frame
    assert shocks["cost"].to_list() == pytest.approx(
        (shocks["cost_shock"] + shocks["cost_late"]).to_list(), abs=1.0
    )
    assert shocks["base_worth"].nunique() == 1
    assert shocks["base_worth"].iloc[0] == pytest.approx(run.meta().objective)


def test_shocks_that_each_come_alone_are_not_summed(book: Book) -> None:
    cells = book.sheet("Contingency").cells.values()
    assert not [x.value for x in cells if isinstance(x.value, Formula) and "SUM" in x.value.text]


def test_what_would_have_announced_a_shock_stands_as_it_is_today(run: Run) -> None:
    signs = run.tables()["plan_contingency_signs"].frame.set_index(["scenario", "indicator"])
    lights = run.model.watch().lights.set_index(["indicator", "entity"])
    line = signs.loc[("bank-a-cut", "lender_line_use")]
    assert line["entity"] == "bank-a"
    assert line["value"] == pytest.approx(lights.loc[("lender_line_use", "bank-a"), "value"])
    assert line["light"] == lights.loc[("lender_line_use", "bank-a"), "light"]
    assert signs.loc[("market-shut", "none"), "light"].iloc[0] == ""


@pytest.mark.skipif(office() is None, reason="LibreOffice is not installed")
def test_the_whole_workbook_recalculates_and_passes(run: Run, book: Book, tmp_path: Path) -> None:
    """A short plan of the shipped platform, every station real."""
    assert [tie.name for tie in ties(run.tables()) if not tie.ok] == []
    path = write_book(book, tmp_path / "demo.xlsx", values=False)
    (made,) = converted([path], "xlsx", tmp_path / "out")
    same_figures(book, load_workbook(made, data_only=True))
