"""The page as a file: what it holds, that nothing in it is outside, that it keeps its promises."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.report.labels import Labels
from scfcap.report.page import build_page
from scfcap.report.page.build import page_html
from scfcap.report.page.columns import MOST_ROWS
from scfcap.report.page.numbers import NumberFormat
from scfcap.report.page.shown import BEHIND, shown_tables
from scfcap.report.sheets import build_book
from scfcap.report.sheets.limits import DETAILS
from scfcap.report.tables import Table
from scfcap.schema.report import SHEETS, Brand, Pack

VENDOR = files("scfcap.report.page").joinpath("vendor")


def data_of(html: str) -> dict:
    """The data of a page, as its script reads them."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    return json.loads(found[1])


def values_of(column: dict) -> list:
    """A column's values, texts as texts."""
    if column["kind"] == "number":
        return column["values"]
    return [None if code < 0 else column["texts"][code] for code in column["values"]]


@pytest.fixture(scope="module")
def html(tables, pack, meta) -> str:
    return page_html(tables, pack, meta, Labels("en"))


@pytest.fixture(scope="module")
def data(html) -> dict:
    return data_of(html)


def test_the_same_arguments_give_the_same_bytes_and_nothing_else_is_left(
    tables, pack, meta, tmp_path
):
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    assert build_page(tables, pack, meta, first) == first
    build_page(tables, pack, meta, second)
    assert first.read_bytes() == second.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.html", "b.html"}
    assert first.stat().st_size < 3e6


def test_a_folder_that_is_not_there_is_told(tables, pack, meta, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        build_page(tables, pack, meta, tmp_path / "nowhere" / "page.html")


def test_the_library_is_the_published_one_with_its_licence(html):
    stated = VENDOR.joinpath("VERSION").read_text(encoding="utf-8")
    content = VENDOR.joinpath("echarts.min.js").read_bytes()
    assert re.fullmatch(
        r"echarts 5\.6\.0, .* sha256 " + hashlib.sha256(content).hexdigest() + r"\s*", stated
    )
    assert 'version="5.6.0"' in content.decode().replace("t.version", "version")
    assert "Apache License" in VENDOR.joinpath("LICENSE").read_text(encoding="utf-8")
    assert "Apache ECharts" in VENDOR.joinpath("NOTICE").read_text(encoding="utf-8")
    assert content.decode().strip() in html
    assert "Apache ECharts 5.6.0, Apache License 2.0" in html


def test_only_the_pages_own_scripts_may_run_and_nothing_may_be_fetched(html):
    policy = unescape(
        re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html)[1]
    )
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 2
    digests = [base64.b64encode(hashlib.sha256(x.encode()).digest()).decode() for x in scripts]
    assert set(parts["script-src"].split()) == {f"'sha256-{digest}'" for digest in digests}
    assert parts["img-src"] == "data:"
    assert not {"connect-src", "font-src", "frame-src", "script-src-elem"} & set(parts)
    body = html[html.index("<body>") :].replace(scripts[0], "").replace(scripts[1], "")
    assert not re.search(r"<[^>]*\s(on\w+|src|style)=", body)
    assert not re.search(r'href="(?!#)', body)


def test_every_sheet_says_which_tables_stand_behind_it(tables):
    assert set(BEHIND) == set(SHEETS)
    assert set(shown_tables(tables, ["pool"])) == {
        name for name in tables if name.startswith(("tape_", "pool_")) and len(tables[name].frame)
    }
    assert not shown_tables(tables, ["nothing"])


def test_a_page_holds_no_table_and_no_chart_of_sheets_that_its_pack_leaves_out(tables, pack, meta):
    small = pack.model_copy(update={"sheets": ("pool", "deal")})
    html = page_html(tables, small, meta, Labels("en"))
    data = data_of(html)
    names = {table["name"] for table in data["tables"]}
    assert {name.split("_")[0] for name in names} == {"pool", "tape", "deal"}
    assert {chart["key"] for chart in data["charts"]} == {"notes"}
    for section in ("decision", "figures", "funding", "cash", "checks"):
        assert f'id="{section}"' not in html


def test_tables_are_the_runs_in_full(data, tables, pack):
    told = {table["name"]: table for table in data["tables"]}
    shown = shown_tables(tables, pack.sheets)
    assert set(told) == {*shown, "ties"}
    for name, table in shown.items():
        assert told[name]["rows"] == len(table.frame)
        assert len(told[name]["columns"]) == len(table.frame.columns)
        for column, label in zip(told[name]["columns"], table.frame, strict=True):
            values, expected = values_of(column), table.frame[label]
            if column["kind"] == "number":
                known = expected.to_numpy(dtype=float)
                found = np.array([np.nan if x is None else x for x in values])
                np.testing.assert_array_equal(found, known)
            elif column["kind"] == "day":
                assert values == [f"{day:%Y-%m-%d}" for day in expected]
            else:
                assert len(values) == len(expected)


def test_a_long_table_is_cut_and_tells_how_many_rows_there_are(tables, pack, meta):
    frame = pd.DataFrame({"loan_id": [f"L{n}" for n in range(2500)], "balance": np.arange(2500.0)})
    long = {**tables, "pool_loans": Table("pool_loans", "Loans", frame, {"balance": "CNY"})}
    data = data_of(page_html(long, pack, meta, Labels("en")))
    told = next(table for table in data["tables"] if table["name"] == "pool_loans")
    assert told["rows"] == 2500
    assert {len(column["values"]) for column in told["columns"]} == {MOST_ROWS}


def test_headings_tell_the_unit_and_limits_in_pieces_are_no_money(tables, pack, meta):
    frame = tables["plan_limits"].frame
    counted = frame.assign(unit=np.where(frame["family"] == "bank_debt", "banks", frame["unit"]))
    changed = {**tables, "plan_limits": replace(tables["plan_limits"], frame=counted)}
    data = data_of(page_html(changed, pack, meta, Labels("en")))
    told = next(table for table in data["tables"] if table["name"] == "plan_limits")
    use = told["columns"][5]
    assert use["label"] == "Use, CNY m"
    assert use["format"] == {"scale": 1e6, "decimals": 2}
    assert use["others"] == np.flatnonzero(counted["family"] == "bank_debt").tolist()
    assert use["otherwise"] == {"decimals": 2}


def test_the_map_of_limits_shows_the_shares_of_the_workbook(data, tables, pack, meta):
    sheet = build_book(tables, pack, meta).sheet(DETAILS)
    heads = {sheet.cells[4, column].value: column for column in range(1, 11)}
    used = heads["Used, % of limit"]
    rows = range(5, sheet.last_row + 1)
    shares = [sheet.value(sheet.at(row, used)) for row in rows]
    binds = [sheet.value(sheet.at(row, heads["State"])) == "binds" for row in rows]
    chart = next(chart for chart in data["charts"] if chart["key"] == "limits")
    view = chart["views"][1]
    cells = [value for row in view["cells"] for value in row if value is not None]
    assert cells == pytest.approx(shares)
    columns = len(view["labels"])
    marked = {row * columns + column for row, column in view["marks"]}
    assert marked == {n for n, bound in enumerate(binds) if bound}


def test_sources_and_uses_flow_through_the_cash_and_agree(data, tables, pack, meta):
    chart = next(chart for chart in data["charts"] if chart["key"] == "flows")
    assert len(chart["views"]) == 13
    for view in chart["views"]:
        paid_in = sum(amount for _, to, amount in view["flows"] if to == 0)
        paid_out = sum(amount for start, _, amount in view["flows"] if start == 0)
        assert paid_in == pytest.approx(paid_out, abs=0.05)
    book = build_book(tables, pack, meta)
    place = book.places["plan.source"]
    sheet = book.sheet(place.sheet)
    total = sheet.value(sheet.at(place.row, place.last_column + 1))
    assert sum(x for _, to, x in chart["views"][0]["flows"] if to == 0) == pytest.approx(total)


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (NumberFormat(1e6, 2), 1_234_567_890.0, "1,234.57"),
        (NumberFormat(1e6, 2), -5_000.0, "(0.01)"),  # Excel shows half a unit upwards
        (NumberFormat(1e6, 2), 0.0, "–"),
        (NumberFormat(1.0, 2), 1.005, "1.01"),  # as Excel, which rounds what is written
        (NumberFormat(0.01, 1, "%"), 0.12345, "12.3%"),
        (NumberFormat(1.0, 0, brackets=False), -1234.0, "−1,234"),
        (NumberFormat(science=True), 1.66e-7, "1.7E-07"),
        (NumberFormat(1.0, 2), None, ""),
        (NumberFormat(1.0, 2), float("inf"), ""),
    ],
)
def test_numbers_are_written_as_the_workbook_shows_them(form, value, text):
    assert form(value) == text


def test_names_cannot_end_the_data_nor_become_elements(tables, pack, meta):
    bad = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
    lending = tables["plan_lending"].frame.assign(segment=bad)
    hostile = {**tables, "plan_lending": replace(tables["plan_lending"], frame=lending)}
    named = replace(meta, title=bad, model=bad, command=bad)
    html = page_html(hostile, pack, named, Labels("en"))
    assert bad not in html
    library = VENDOR.joinpath("echarts.min.js").read_text(encoding="utf-8")
    assert html.count("<img") == library.count("<img")
    assert html.count("</script>") == 3
    texts = next(x for x in data_of(html)["tables"] if x["name"] == "plan_lending")["columns"][2]
    assert texts["texts"] == [bad]


def test_a_check_that_fails_turns_the_light_red(tables, pack, meta):
    frame = tables["plan_checks"].frame.assign(ok=[True, False])
    broken = {**tables, "plan_checks": replace(tables["plan_checks"], frame=frame)}
    html = page_html(broken, pack, meta, Labels("en"))
    light = re.search(r'<a class="light (\w+)" href="#checks">([^<]*)</a>', html)
    assert light[1] == "bad"
    assert re.fullmatch(r"1 of \d+ checks fail", light[2])
    assert (
        "program: duality gap"
        in re.search(r'<section id="checks".*?</section>', html, re.DOTALL)[0]
    )


def test_a_sheet_that_the_pack_states_is_a_table_cut_like_it(tables, meta):
    stated = {
        "name": "large",
        "table": "plan_sources_uses",
        "heading": "Large movements",
        "columns": ["end", {"column": "amount", "label": "How much"}],
        "where": "amount > 20000000", "sort": ["-amount"], "first": 3,
    }  # fmt: skip
    small = Pack(title="Of our own", sheets=("large", "limits"), tables=(stated,), unit=1000)
    html = page_html(tables, small, meta, Labels("en"))
    told = {table["key"]: table for table in data_of(html)["tables"]}
    assert "plan_sources_uses" not in told
    assert set(told) >= {"sheet:large", "plan_limits"}
    amounts = tables["plan_sources_uses"].frame["amount"]
    expected = amounts[amounts > 20e6].sort_values(ascending=False, kind="stable").head(3)
    assert told["sheet:large"]["title"] == "Large movements"
    assert [x["label"] for x in told["sheet:large"]["columns"]] == ["Period end", "How much, CNY k"]
    assert told["sheet:large"]["columns"][1]["values"] == expected.tolist()
    assert 'data-table="sheet:large"' in html


def test_a_logo_is_in_the_page_and_a_pale_colour_is_not_written_in(tables, pack, meta):
    branded = pack.model_copy(
        update={"brand": Brand(colour="FFFF00", footer="Board paper")}
    ).read_from("pack", b"\x89PNG")
    html = page_html(tables, branded, meta, Labels("en"))
    assert f'src="data:image/png;base64,{base64.b64encode(bytes([137]) + b"PNG").decode()}"' in html
    assert ":root{--brand:#000000}" in html
    assert "<p>Board paper</p>" in html


def test_the_scripts_are_of_a_readable_size():
    folder = Path(str(files("scfcap.report.page").joinpath("assets")))
    for path in folder.iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 500, path.name
