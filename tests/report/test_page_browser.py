"""The page in a browser: Chromium without a screen and without a network.

Playwright drives the system's Chromium: it alone hears the console and each request, presses
real keys and prints, without a browser of its own to be downloaded.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.report.labels.tables import labels_of
from scfcap.report.page import build_page
from scfcap.report.page.build import page_html
from scfcap.report.sheets import build_book
from scfcap.report.tables import Table
from scfcap.report.totals import funding_stack
from scfcap.schema.report import Pack

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright, which drives the browser, is not installed"
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BAD = '</script><script>window.harmed=1</script><img src=x onerror="window.harmed=2">'


@dataclass
class Shown:
    """A page that is open, and what happened on it."""

    page: object
    path: Path
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def run(self, text: str, *given: object) -> object:
        return self.page.evaluate(text, *given)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


def _open(browser: object, path: Path, width: int = 1280) -> Shown:
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    shown = Shown(context.new_page(), path)
    shown.page.on("console", lambda said: shown.errors.append(f"{said.type}: {said.text}"))
    shown.page.on("pageerror", lambda error: shown.errors.append(str(error)))
    shown.page.on("request", lambda asked: shown.requests.append(asked.url))
    shown.page.goto(path.as_uri())
    return shown


@pytest.fixture(scope="module")
def many(tables) -> dict[str, Table]:
    """The small run with what only larger runs and other commands have: a table for each chart."""
    ends = tables["plan_lending"].frame["end"].drop_duplicates().reset_index(drop=True)
    steps = np.arange(len(ends), dtype=float)
    spread = {"period": np.arange(1, len(ends) + 1), "end": ends, "mean": 50e6 - 1e6 * steps}
    for place, name in enumerate(("p1", "p5", "p25", "p50", "p75", "p95", "p99")):
        spread[name] = spread["mean"] + (place - 3) * 1e6
    fan = pd.DataFrame({"measure": "collections", "basis": "period", **spread})
    grid = [(c, s, d, p) for c in ("senior", "junior") for s in (0.0, 0.1) for d in (1, 2, 3)
            for p in (0.5, 1.0)]  # fmt: skip
    sensitivity = pd.DataFrame(
        grid, columns=["tranche", "severity_add", "default_multiple", "prepay_multiple"]
    )
    sensitivity["loss_share"] = 0.01 * sensitivity["default_multiple"]
    sensitivity["yield"] = 0.08 - 0.01 * sensitivity["default_multiple"]
    sensitivity["sound"] = sensitivity["default_multiple"] < 3
    frontier = pd.DataFrame(
        {
            "headroom_floor": np.repeat([0.0, 5e6], 3),
            "lending_amount": [90e6, 95e6, 99e6, 80e6, 85e6, 88e6],
            "income_amount": [9e6, 8e6, 6e6, 8e6, 7e6, 5e6],
        }
    )
    shocks = pd.DataFrame(
        {
            "scenario": ["cut", "shut"], "title": ["A line is cut", "The market is shut"],
            "cost_shock": [1e6, 2e6], "cost_late": [0.5e6, 0.2e6], "cost": [1.5e6, 2.2e6],
            "avoided": [3e6, 9e6],
        }
    )  # fmt: skip
    paths = pd.concat(
        pd.DataFrame(
            {
                "scenario": name, "period": spread["period"], "end": ends,
                "cash_base": 4e6, "cash_nothing": 4e6 - scale * steps, "cash_answer": 4.2e6,
            }
        )
        for name, scale in (("cut", 2e5), ("shut", 9e5))
    ).reset_index(drop=True)  # fmt: skip
    money = dict.fromkeys(("lending_amount", "income_amount"), "CNY")
    extra = {
        "distribution_periods": fan, "sensitivity": sensitivity, "plan_contingency": shocks,
        "plan_contingency_cash": paths,
    }  # fmt: skip
    made = {name: Table(name, name, frame) for name, frame in extra.items()}
    return {**tables, **made, "frontier": Table("frontier", "Frontier", frontier, money)}


@pytest.fixture(scope="module")
def shown(browser, many, pack, meta, tmp_path_factory) -> Shown:
    path = tmp_path_factory.mktemp("page") / "page.html"
    wide = pack.model_copy(update={"sheets": (*pack.sheets, "contingency")})
    return _open(browser, build_page(many, wide, meta, path))


def test_no_error_no_warning_and_no_request_but_for_the_file_itself(shown):
    assert shown.errors == []
    assert [url.split(":")[0] for url in shown.requests] == ["file"]


CHARTS = {
    "funding", "flows", "lending", "limits", "prices", "frontier", "sensitivity_loss_share",
    "sensitivity_yield", "run_off", "collections", "notes", "shocks", "shock_cash", "fan",
}  # fmt: skip


def test_every_chart_is_drawn_with_the_figures_of_its_data(shown):
    drawn = shown.run(
        """() => Object.fromEntries([...document.querySelectorAll("[data-chart]")].map((place) => {
          const plot = place.querySelector(".plot");
          const option = echarts.getInstanceByDom(plot).getOption();
          const box = plot.getBoundingClientRect();
          return [place.id.slice(6), {
            paths: plot.querySelectorAll("svg path").length,
            size: [box.width, box.height],
            alt: plot.getAttribute("aria-label"),
            series: option.series.map((each) => ({name: each.name, type: each.type,
              data: each.data, links: each.links})),
          }];
        }))"""
    )
    assert set(drawn) == CHARTS
    for key, chart in drawn.items():
        assert chart["paths"] >= 4, key
        assert min(chart["size"]) > 100, key
        assert len(chart["alt"]) > 20, key
        assert any(each["data"] for each in chart["series"]), key


def test_charts_show_what_the_tables_hold(shown, many):
    def series(key: str) -> dict[str, list]:
        return shown.run(
            f"""() => Object.fromEntries(echarts.getInstanceByDom(
              document.querySelector("#chart-{key} .plot")).getOption().series.map(
              (each) => [each.name, each.data]))"""
        )

    stack = funding_stack(many["plan_balances"].frame)
    assert series("funding")["Bank debt"] == stack.loc["bank_debt"].tolist()
    lending = many["plan_lending"].frame
    order = lending[lending["segment"] == "order"]
    assert series("lending")["order"] == order["originated"].tolist()
    flows = many["cash_flows"].frame
    stress = flows[flows["scenario"] == "stress"].groupby("end")["closing"].sum()
    assert series("run_off")["stress"] == stress.tolist()
    deal = many["deal_series-1"].frame
    base = deal[deal["scenario"] == "base"]
    assert series("notes")["senior"] == base["senior notes"].tolist()
    shock = many["plan_contingency"].frame
    assert series("shocks")["Doing nothing costs more"] == shock["avoided"].tolist()
    frontier = many["frontier"].frame.iloc[3:]
    points = frontier.sort_values("lending_amount")[["lending_amount", "income_amount"]]
    assert series("frontier")["Headroom held 5.00 CNY m"] == points.to_numpy().tolist()
    fan = many["distribution_periods"].frame
    assert series("fan")["Median"] == fan["p50"].tolist()
    np.testing.assert_allclose(series("fan")["P95"], fan["p95"] - fan["p5"])


def test_the_table_beside_a_chart_has_its_figures_and_follows_its_choice(shown, many):
    place = shown.page.locator("#chart-notes")
    place.locator("summary").click()

    def cells() -> list[list[str]]:
        return place.locator("tbody tr").evaluate_all(
            "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )

    deal = many["deal_series-1"].frame
    for choice, scenario in ((0, "base"), (1, "stress")):
        place.locator("select").select_option(str(choice))
        mine = deal[deal["scenario"] == scenario]
        told = [[_millions(value) for value in row] for row in
                mine[["senior notes", "junior notes", "pool"]].to_numpy()]  # fmt: skip
        assert [row[1:] for row in cells()] == told


def _millions(value: float) -> str:
    """By another road than the page's: the same digits as Python's own."""
    if value == 0:
        return "–"
    text = f"{abs(value) / 1e6:,.2f}"
    return text if value > 0 else f"({text})"


def _rows(shown: Shown, name: str) -> list[list[str]]:
    return shown.page.locator(f'[data-table="{name}"] .shown tbody tr').evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )


def test_tables_are_searched_filtered_and_sorted(shown, many):
    place = shown.page.locator('[data-table="plan_sources_uses"]')
    place.locator("summary").click()
    frame = many["plan_sources_uses"].frame
    assert len(_rows(shown, "plan_sources_uses")) == len(frame)
    assert [row[-1] for row in _rows(shown, "plan_sources_uses")] == [
        _millions(value) for value in frame["amount"]
    ]
    place.locator('select[data-column="3"]').select_option(label="Bank debt")
    banks = frame[frame["channel"] == "bank_debt"]
    assert place.locator("output").text_content() == f"{len(banks)} of {len(frame)} rows"
    place.get_by_label("Search this table").fill("DRAWN")
    drawn = banks[banks["item"].str.contains("drawn")]
    assert [row[1] for row in _rows(shown, "plan_sources_uses")] == [
        f"{day:%Y-%m-%d}" for day in drawn["end"]
    ]
    place.get_by_label("Search this table").fill("nothing of the kind")
    assert "No row fits" in place.locator("tbody").text_content()
    place.get_by_role("button", name="Clear").click()
    head = place.locator("th").last
    for way, order in (("descending", False), ("ascending", True)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == way
        expected = frame.sort_values("amount", ascending=order, kind="stable")["amount"]
        assert [row[-1] for row in _rows(shown, "plan_sources_uses")] == [
            _millions(value) for value in expected
        ]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "none"


def test_tables_are_found_by_their_titles(shown):
    shown.page.locator("#find").fill("stratif")
    listed = shown.page.locator("#tables details[data-table]:visible")
    names = listed.evaluate_all("all => all.map((each) => each.dataset.table)")
    assert names
    assert all("stratif" in name for name in names)
    shown.page.locator("#find").fill("")


def test_all_is_reached_by_keys(browser, shown):
    shown = _open(browser, shown.path)
    page = shown.page
    page.keyboard.press("Tab")
    assert shown.run("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert shown.run("() => document.activeElement.id") == "content"
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        tag, parent, table = shown.run(
            """() => { const at = document.activeElement; return [at.tagName,
               at.parentElement.className, at.parentElement.dataset.table || ""]; }"""
        )
        reached.add(tag)
        outline = shown.run("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", (tag, parent)
        if table == "pool_summary":
            break
    assert {"SUMMARY", "SELECT", "INPUT"} <= reached
    page.keyboard.press("Enter")
    assert page.locator('[data-table="pool_summary"]').get_attribute("open") is not None
    page.keyboard.press("Tab")
    page.keyboard.type("place")
    found = page.locator('[data-table="pool_summary"] output').text_content()
    assert re.fullmatch(r"\d+ of \d+ rows", found)


def _as_excel(value: float, number_format: str) -> str:
    """What Excel shows of ``value`` by the first part of ``number_format``, by its rules."""
    form = number_format.split(";")[0].removesuffix("_)")
    percent = form.endswith("%")
    scale = 1000.0 ** (len(form) - len(form.rstrip(","))) / (100.0 if percent else 1.0)
    decimals = len(form.rstrip(",%").partition(".")[2])
    if value == 0.0 and ";" in number_format:
        return "–"
    text = f"{abs(value) / scale:,.{decimals}f}" + ("%" if percent else "")
    return text if value >= 0.0 else f"({text})"


def test_key_figures_are_those_of_the_workbook(shown, tables, pack, meta):
    sheet = build_book(tables, pack, meta).sheet("Summary")
    labels = {cell.value: row for (row, column), cell in sheet.cells.items() if column == 2}
    first, last = labels["Loans made"], labels["Limits that bind"]
    expected = {}
    for row in range(first, last + 1):
        for place, column in enumerate((4, 5, 6)):
            cell = sheet.cells.get((row, column))
            if cell is not None:
                value = float(sheet.value(sheet.at(row, column)))
                expected[sheet.cells[row, 2].value, place] = _as_excel(
                    value, cell.style.number_format
                )
    told = (
        shown.page.locator("#figures table")
        .first.locator("tbody tr")
        .evaluate_all("rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))")
    )
    found = {(row[0], place): text for row in told for place, text in enumerate(row[1:]) if text}
    assert found == expected
    assert len(expected) >= 12
    light = build_book(tables, pack, meta)
    place = light.places["checks.light"]
    assert shown.page.locator(".light").text_content() == light.sheet(place.sheet).value(place)


def test_names_that_are_html_do_no_harm(browser, many, pack, meta, tmp_path):
    def spoilt(name: str, column: str) -> dict[str, Table]:
        """Names that users give: of items, those before a colon."""
        frame = many[name].frame
        texts = frame[column].astype(str)
        named = texts.str.contains(": ") if column == "item" else texts != ""
        bad = texts.where(~named, BAD + texts)
        return {name: replace(many[name], frame=frame.assign(**{column: bad}))}

    hostile = {**many, **spoilt("plan_lending", "segment"), **spoilt("cash_flows", "scenario"),
               **spoilt("plan_limits", "key"), **spoilt("plan_balances", "item"),
               **spoilt("plan_sources_uses", "item")}  # fmt: skip
    named = replace(meta, title=BAD, model=BAD, command=BAD, scenario=BAD)
    shown = _open(browser, build_page(hostile, pack, named, tmp_path / "bad.html"))
    place = shown.page.locator('[data-table="plan_lending"]')
    place.locator("summary").click()
    assert BAD in place.locator("tbody td").nth(2).text_content()
    for key in ("lending", "run_off", "limits", "flows"):
        plot = shown.page.locator(f"#chart-{key} .plot")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        for x, y in ((0.3, 0.5), (0.6, 0.6), (0.75, 0.3)):
            shown.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    assert shown.page.locator("img").count() == 0
    assert shown.run("() => window.harmed") is None
    assert shown.errors == []
    assert [url.split(":")[0] for url in shown.requests] == ["file"]


def test_paper_gets_the_charts_and_the_tables(shown):
    printed = shown.page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 8 <= pages <= 60
    assert shown.page.locator(".printed").count() == 0
    assert (
        shown.run("() => echarts.getInstanceByDom(document.querySelector('.plot')).getWidth()")
        > 900
    )


def test_a_small_screen_needs_no_sideways_scrolling(browser, many, pack, meta, tmp_path):
    path = build_page(many, pack, meta, tmp_path / "small.html")
    shown = _open(browser, path, width=390)
    assert shown.run("() => document.documentElement.scrollWidth") <= 390
    assert shown.errors == []


def test_a_chinese_page_has_no_english_left(browser, tables, meta, tmp_path):
    sheets = ("summary", "cash_flows", "deal", "plan", "limits", "checks")
    chinese = Pack(title="资金计划", sheets=sheets, language="zh")
    # Names, and what only this made-up run says.
    names = ("order", "credit", "bank-a", "bank-c", "series-1", "base", "stress", meta.regime,
             "chongqing-2012", "interest income", "currency")  # fmt: skip
    named = replace(meta, names=names, title="示例平台")
    small = {**tables, "plan_channels": _empty(tables["plan_channels"])}
    small["plan_prices"] = _empty(tables["plan_prices"])  # sentences that no engine writes
    small["plan_checks"] = _empty(tables["plan_checks"])
    labels = labels_of("zh", named, small, chinese.texts)
    path = tmp_path / "zh.html"
    path.write_text(page_html(small, chinese, named, labels), encoding="utf-8")
    assert labels.missing == set()
    shown = _open(browser, path)
    assert shown.run("() => document.documentElement.lang") == "zh-CN"
    place = shown.page.locator('[data-table="plan_limits"]')
    place.locator("summary").click()
    assert re.fullmatch(r"共\d+行", place.locator("output").text_content())
    own = {*names, "example", "scfcap", "run", "CNY", "P2P", "SPV", "bank", "senior", "Apache",
           "ECharts", "License", "interest", "income"}  # fmt: skip
    told = shown.page.locator("header, nav, main").all_inner_texts()
    words = set(re.findall(r"[A-Za-z][A-Za-z0-9_-]+", " ".join(told))) - own
    assert {word for word in words if word not in meta.regime} == set()
    assert shown.errors == []


def _empty(table: Table) -> Table:
    return replace(table, frame=table.frame.iloc[:0])
