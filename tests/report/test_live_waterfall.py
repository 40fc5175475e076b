"""Live waterfalls: inputs changed in the written workbook, recalculated, against the engine."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook

from scfcap.deal.accounts import opening_state
from scfcap.deal.assets import Collected
from scfcap.deal.bought import FLOWS, CohortAssets, Lent
from scfcap.deal.engine import run_deal
from scfcap.deal.structure import Deal
from scfcap.deal.surroundings import Surroundings
from scfcap.periods import PeriodGrid
from scfcap.quantities import HALF_CENT
from scfcap.report.book import Book, Formula, Look
from scfcap.report.excel import write_book
from scfcap.report.live.given import Figures, Given, figures_of, given_deals, live_tables
from scfcap.report.live.shown import deal_shown, engine_shown, series_shown
from scfcap.report.live.ties import waterfall_ties
from scfcap.report.sheets.common import Kit
from scfcap.report.sheets.waterfall import AS_RUN, COLLECTIONS, DEFAULTS, WHAT_IF, add_waterfalls
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.deal import DealSpec
from scfcap.schema.securitization import SecuritizationSpec, Series

from .office import recalculate

AS_OF = date(2013, 12, 31)
POOL = 100e6
_INTEREST, _PRINCIPAL, _DEFAULT, _RECOVERY, _LATE, _POOL = range(6)


def lent(periods: int, bought: int, default: float, spike: int = 0) -> Lent:
    """Loans of which some 13% are repaid a month, and the same of one unit bought; recoveries of
    a quarter come two months later. In the period ``spike`` ten times as much defaults.
    """

    def run(balance: float, first: int) -> np.ndarray:
        flows = np.zeros((len(FLOWS), periods))
        for t in range(first, periods):
            lost = balance * default * (10.0 if t + 1 == spike else 1.0)
            paid = (balance - lost) * (0.13 + 0.003 * (t % 3))
            flows[_INTEREST, t] = (balance - lost) * 0.014
            flows[_PRINCIPAL, t], flows[_DEFAULT, t] = paid, lost
            if t + 2 < periods:
                flows[_RECOVERY, t + 2] = 0.25 * lost
            flows[_LATE, t] = 0.02 * balance
            balance -= lost + paid
            flows[_POOL, t] = balance
        return flows

    new = np.zeros((len(FLOWS), periods, 1, bought))
    for v in range(1, bought + 1):
        new[:, :, 0, v - 1] = run(1.0, v)
        new[_POOL, v - 1, 0, v - 1] = 1.0
    held = run(POOL, 0)[:, :, None]
    return Lent(("base",), np.array([POOL]), held, new, new[_POOL].any(axis=0))


@dataclass
class Bent:
    """Loans whose flows are bent as the sheet says; the engine's witness of the multipliers."""

    inner: CohortAssets
    collections: float
    defaults: float

    def __post_init__(self) -> None:
        self.left = 0.0
        self.before = 0.0
        self.came = 0.0

    @property
    def scenarios(self) -> tuple[str, ...]:
        return self.inner.scenarios

    def opening(self) -> np.ndarray:
        start = self.inner.opening()
        self.before = float(start[0])
        return start

    def collect(self, period: int) -> Collected:
        said = self.inner.collect(period)
        due = float(said.principal[0] + said.default[0])
        opening = self.before + self.came
        lost = max(0.0, min(self.defaults * float(said.default[0]), due, opening))
        paid = max(0.0, min(self.collections * (due - lost), opening - lost))
        self.left += due - lost - paid
        self.before, self.came = max(0.0, float(said.pool[0]) + self.left), 0.0
        each = (
            self.collections * said.interest, np.array([paid]),
            self.collections * self.defaults * said.recovery, np.array([lost]),
            np.array([self.before]), said.delinquent,
        )  # fmt: skip
        return Collected(*each)

    def wish(self, period: int, cash: np.ndarray) -> np.ndarray:
        return self.inner.wish(period, cash)

    def buy(self, period: int, cash: np.ndarray) -> np.ndarray:
        bought = self.inner.buy(period, cash)
        self.came += float(bought[0])
        return bought

    def sell(self, period: int, where: np.ndarray) -> np.ndarray:
        self.inner.sell(period, where)
        sold = np.where(where, self.before, 0.0)
        if where.any():
            self.before, self.left = 0.0, 0.0
        return sold


# --- a series -------------------------------------------------------------------------------

VEHICLE: dict[str, Any] = {
    "tranches": (
        {"name": "senior", "share": 0.75, "coupon": 0.06},
        {"name": "mezzanine", "share": 0.15, "coupon": 0.12},
        {"name": "junior", "share": 0.10, "retained": True},
    ),
    "revolving_periods": 12,
    "amortising_periods": 6,
    "coupon_timing": "accrued_while_revolving",
    "senior_fee_rate": 0.004,
    "servicing_fee_rate": 0.01,
    "reserve_rate": 0.01,
    "cash_yield": 0.0035,
    "trigger": {"measure": "cumulative_default", "threshold": 0.06},
    "eligibility": "vehicle",
    "programme_limit": 0.0,
}
SERIES: dict[str, Any] = {
    "name": "series-1",
    "closing": date(2013, 9, 30),
    "pool_at_closing": 100e6,
    "notes": {"senior": 75e6, "mezzanine": 15e6},
    "cash": 3e6,
    "reserve": 0.9e6,
    "cumulative_default": 1.1e6,
}
GRID = PeriodGrid.build(AS_OF, 16)
#: Defaults that trip the trigger in the sixth month of nine in which the series would buy.
SERIES_LOANS = lent(16, 9, 0.004, spike=4)


def series(changes: Mapping[str, Any]) -> Given:
    """The series with some of the model's keys changed, as the model makes it."""
    vehicle, stands = {**VEHICLE}, {**SERIES, "notes": dict(SERIES["notes"])}
    tranches = [dict(each) for each in VEHICLE["tranches"]]
    for key, value in changes.items():
        parts = key.split(".")[1:]
        if parts[0] == "tranches":
            next(t for t in tranches if t["name"] == parts[1])[parts[2]] = value
        elif parts[0] == "series":
            stands["notes"][parts[3]] = value
        else:
            vehicle[parts[0]] = value
    spec = SecuritizationSpec.model_validate(vehicle | {"tranches": tuple(tranches)})
    state = opening_state(spec, Series.model_validate(stands), POOL, GRID)
    return series_shown(spec, state, GRID, (SERIES_LOANS, 0), "CNY")


# --- a deal ---------------------------------------------------------------------------------

TERMS = """
title = "Three classes, a reserve, capped fees and a call"
closing = 2013-12-31
legal_end = 2015-06-15
day_count = "30/360"
phases = [{ name = "revolving", until = 2014-05-15 }, { name = "usual" },
          { name = "turbo", when = "trigger.losses or trigger.thin" }]

[assets]
price = 0.99
supply = 9e6

[settlement]
delay_days = 15
payment_every = 2

[[settlement.steps.revolving]]
pay = "purchase"
from = ["principal"]

[collections]
principal = "principal"

[accounts.principal]
earns = 0.005
interest_to = "collection"

[accounts.reserve]
target = "if(notes > 0, max(0.01 * notes, 200000), 0)"
initial = "0.01 * notes_at_closing"
earns = 0.01

[fees]
trustee = { amount = 60_000, arrears_rate = 0.05, upfront = 150_000 }
expenses = { rate = 0.02, cap = 50_000, floor = 10_000 }
servicer = { rate = 0.007, of = "0.5 * (pool + pool_opening)" }
incentive = { formula = "max(0, 0.1 * (collected_interest - 800000 * years))" }

[tranches]
A = { share = 0.70, coupon = 0.034 }
B = { kind = "floating", index = "i", margin = 0.012, cap = 0.08, share = 0.10 }
C = { share = 0.08, coupon = 0.09, available_cap = "collected_interest / (0.02 * notes + 1)" }
Z = { kind = "accrual", share = 0.04, coupon = 0.05 }
IO = { kind = "interest_only", coupon = 0.002, notional = "0.5 * balance.A" }
E = { kind = "equity", share = 0.08 }

[measures]
loss = { of = "cumulative_loss / pool_at_closing" }
late = { of = "delinquency_rate", mean_of = 3 }
broken = { of = "collected_recovery / (payment - payment)" }

[triggers.losses]
test = "measure.loss > if(payment <= 3, 0.05, 0.07) or measure.broken > 1"
after = 2

[triggers.thin]
test = "overcollateralization < 0.10 and not (phase == 'revolving')"
cure = "overcollateralization >= 0.11"
cured_after = 2
when = "after payments"

[calls.clean_up]
when = "pool < 0.20 * pool_at_closing and date >= date('2014-09-01')"

[[waterfall.revolving]]
pay = "fee"
to = ["trustee", "expenses", "servicer", "incentive"]
split = "in order"
from = ["collection", "reserve"]
[[waterfall.revolving]]
pay = "interest"
to = ["A", "IO"]
from = ["collection", "reserve"]
[[waterfall.revolving]]
pay = "interest"
to = ["B", "C", "Z"]
split = "in order"
from = ["collection", "reserve"]
[[waterfall.revolving]]
pay = "account"
to = "reserve"
[[waterfall.revolving]]
pay = "purchase"
from = ["principal"]

[[waterfall.usual]]
pay = "fee"
to = ["trustee", "expenses", "servicer", "incentive"]
split = "in order"
from = ["collection", "reserve"]
[[waterfall.usual]]
pay = "interest"
to = ["A", "IO"]
from = ["collection", "reserve"]
[[waterfall.usual]]
pay = "interest"
to = ["B", "C", "Z"]
split = "in order"
from = ["collection", "reserve"]
[[waterfall.usual]]
name = "loss"
pay = "write_off"
to = ["C", "B"]
up_to = "losses - 300000"
[[waterfall.usual]]
name = "give back"
pay = "write_up"
to = ["B", "C"]
up_to = "max(0, 0.2 * collected_recovery)"
[[waterfall.usual]]
name = "regular principal"
pay = "principal"
to = ["A", "B"]
from = ["principal", "collection"]
keep = 100_000
up_to = "notes - 0.85 * pool"
[[waterfall.usual]]
name = "at the end"
pay = "principal"
to = ["A", "B", "C", "Z"]
split = "in order"
from = ["principal", "collection", "reserve"]
when = "called or final or notes <= account.collection + account.reserve"
[[waterfall.usual]]
pay = "account"
to = "reserve"
[[waterfall.usual]]
pay = "residual"
to = "E"
share = 0.5
when = "short.interest_B_C_Z <= 0 and paid.regular_principal >= 0"
[[waterfall.usual]]
name = "released"
pay = "residual"
from = ["reserve", "principal", "collection"]
when = "notes <= 0"

[[waterfall.turbo]]
pay = "fee"
to = ["trustee", "expenses", "servicer", "incentive"]
split = "in order"
from = ["collection", "reserve"]
[[waterfall.turbo]]
name = "to principal"
pay = "transfer"
to = "principal"
[[waterfall.turbo]]
pay = "interest"
to = ["A", "IO", "B", "C", "Z"]
split = "in order"
from = ["principal", "reserve"]
[[waterfall.turbo]]
name = "turbo"
pay = "principal"
to = ["A", "B", "C", "Z"]
split = "in order"
from = ["principal", "collection", "reserve"]
[[waterfall.turbo]]
name = "released"
pay = "residual"
from = ["reserve", "principal", "collection"]
when = "notes <= 0"
"""
DEAL_LOANS = lent(18, 6, 0.005, spike=9)
LEVELS = {"i": np.linspace(0.02, 0.075, 19)[None]}


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(each) for each in value)
    return {k: _tuples(v) for k, v in value.items()} if isinstance(value, dict) else value


def deal(changes: Mapping[str, Any]) -> Given:
    """The deal with some of the model's keys changed."""
    terms = tomllib.loads(TERMS)
    for key, value in changes.items():
        *above, last = key.split(".")[2:]
        table = terms
        for part in above:
            table = table[part]
        table[last] = value
    spec = DealSpec.model_validate(_tuples(terms))
    made = Deal.of("three", spec, PeriodGrid.build(AS_OF, 18))
    return deal_shown(made, (DEAL_LOANS, 0), Surroundings(LEVELS), "CNY")


# --- what-ifs -------------------------------------------------------------------------------

SERIES_CASES: dict[str, dict[str, float]] = {
    "terms": {
        "securitization.tranches.senior.coupon": 0.11,
        "securitization.tranches.mezzanine.coupon": 0.02,
        "securitization.senior_fee_rate": 0.05,
        "securitization.servicing_fee_rate": 0.0,
        "securitization.reserve_rate": 0.06,
        "securitization.cash_yield": 0.03,
        "securitization.series.series-1.notes.senior": 95e6,
        "securitization.series.series-1.notes.mezzanine": 4e6,
    },
    "all": {
        DEFAULTS: 2.5,
        COLLECTIONS: 0.8,
        "securitization.tranches.senior.coupon": 0.09,
        "securitization.reserve_rate": 0.03,
    },
}
KEY = "deals.three"
DEAL_CASES: dict[str, dict[str, float]] = {
    "terms": {
        f"{KEY}.tranches.A.coupon": 0.08,
        f"{KEY}.tranches.B.margin": 0.03,
        f"{KEY}.fees.trustee.amount": 900_000.0,
        f"{KEY}.fees.servicer.rate": 0.03,
        f"{KEY}.accounts.reserve.earns": 0.05,
        f"{KEY}.tranches.A.share": 0.9,
        f"{KEY}.tranches.C.share": 0.01,
        f"{KEY}.fees.expenses.floor": 45_000.0,
        f"{KEY}.fees.expenses.rate": 0.0,
        "three_reserve_target_times": 3.0,
    },
    "all": {
        DEFAULTS: 3.0,
        COLLECTIONS: 0.7,
        f"{KEY}.tranches.A.coupon": 0.06,
        f"{KEY}.tranches.B.share": 0.14,
        f"{KEY}.fees.expenses.cap": 400_000.0,
    },
    "early": {COLLECTIONS: 1.2, DEFAULTS: 0.2},
}
KINDS: dict[str, tuple[Callable[[Mapping[str, Any]], Given], Lent, dict[str, dict[str, float]]]] = {
    "series": (series, SERIES_LOANS, SERIES_CASES),
    "deal": (deal, DEAL_LOANS, DEAL_CASES),
}


def tables_of(given: Given) -> dict[str, Table]:
    return live_tables([given], "CNY")


def book_of(tables: Mapping[str, Table], meta: RunMeta) -> Book:
    book = Book("Waterfalls", "test", AS_OF, "foot")
    add_waterfalls(Kit(tables, meta, Look("CNY", 1e6), book))
    return book


def changed(book: Book, changes: Mapping[str, float]) -> None:
    """Put values into the blue cells of a book."""
    for key, value in changes.items():
        area = book.inputs[key].area if key in book.inputs else book.names[key]
        cells = book.sheet(area.sheet).cells
        cells[area.row, area.column] = replace(cells[area.row, area.column], value=value)


@pytest.fixture(scope="module")
def books(meta: RunMeta) -> dict[str, Book]:
    """The workbook of each kind, inputs untouched."""
    return {kind: book_of(tables_of(made({})), meta) for kind, (made, _, _) in KINDS.items()}


@pytest.fixture(scope="module")
def recalculated(
    books: dict[str, Book], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Workbook]:
    """Each book, as it is and with each of its changes, as LibreOffice works it out."""
    folder, names = tmp_path_factory.mktemp("live"), []
    for kind, (_, _, cases) in KINDS.items():
        for case, changes in {"as run": {}, **cases}.items():
            book = deepcopy(books[kind])
            changed(book, changes)
            names.append((kind, case))
            write_book(book, folder / f"{kind} {case}.xlsx", values=False)
    found = recalculate(folder, *(f"{kind} {case}" for kind, case in names), read_only=True)
    return {(kind, case): found[f"{kind} {case}"] for kind, case in names}


def lines(workbook: Workbook, given: Given) -> dict[str, list[Any]]:
    """Lines of the workings by their labels, over periods."""
    sheet = workbook[f"Workings {given.name}"]
    found: dict[str, list[Any]] = {}
    for row in sheet.iter_rows(min_row=5, values_only=True):
        if row[0] is not None:
            found.setdefault(str(row[0]), list(row[2:]))
    return found


def expected(given: Given, figures: Figures) -> Iterable[tuple[str, np.ndarray]]:
    """What the workings must show, by label."""
    by = figures.by
    yield from (
        ("Interest collected", by["interest", ""]),
        ("Principal collected", by["principal_collected", ""]),
        ("Defaults", by["default", ""]),
        ("Recoveries", by["recovery", ""]),
        ("Pool", by["pool", ""]),
        ("Loans bought", by["bought", ""]),
        ("Phase", by["phase", ""]),
    )
    for name in given.deal.tranches:
        said = given.tell(name)
        yield f"Balance: {said}", by["balance", name]
        for label, what in (
            ("Interest paid", "interest_paid"), ("Principal paid", "principal"),
            ("Residual paid", "residual"), ("Interest owed", "owed"),
        ):  # fmt: skip
            yield f"{label}: {said}", by[what, name]
    for name in given.deal.accounts:
        yield f"Account {name}", by["account", name]
    for name in given.deal.spec.fees:
        yield f"Fee {name}: paid", by["fee paid", name]
        yield f"Fee {name}: owed", by["fee owed", name]


@pytest.mark.parametrize(
    ("kind", "case"), [(kind, case) for kind, (_, _, cases) in KINDS.items() for case in cases]
)
def test_a_changed_input_moves_the_waterfall_as_the_engine(
    recalculated: dict[tuple[str, str], Workbook], kind: str, case: str
) -> None:
    """Every figure of the waterfall is what the engine gives on the model so changed."""
    made, loans, cases = KINDS[kind]
    terms = {k: v for k, v in cases[case].items() if "." in k}
    if "three_reserve_target_times" in cases[case]:
        target = tomllib.loads(TERMS)["accounts"]["reserve"]["target"]
        terms[f"{KEY}.accounts.reserve.target"] = f"3 * ({target})"
    base, other = made({}), made(terms)
    bends = (cases[case].get(COLLECTIONS, 1.0), cases[case].get(DEFAULTS, 1.0))
    terms_of = other.deal.spec.assets
    assets = CohortAssets(loans, None, None, terms_of.price, terms_of.supply)
    around = Surroundings({name: v[None] for name, v in other.levels.items()})
    run = run_deal(other.deal, Bent(assets, *bends), around, trace=True)
    figures = figures_of(run)
    found = lines(recalculated[kind, case], base)
    moved, compared = 0.0, 0
    for label, engine_ in expected(base, figures):
        for t, cell in enumerate(found.get(label, [])[: base.last]):
            if cell is None:
                continue
            assert math.isclose(float(cell), engine_[t], rel_tol=1e-9, abs_tol=HALF_CENT), (
                label, t + 1, cell, engine_[t],
            )  # fmt: skip
            compared += 1
    for label, engine_ in expected(base, base.figures):
        after = dict(expected(base, figures))[label]
        moved = max(moved, float(np.abs(after - engine_).max()))
    assert compared > 15 * base.last
    assert moved > 1_000.0, "the change must change something"
    light = recalculated[kind, case][f"Waterfall {base.name}"]["A3"].value
    assert light == WHAT_IF


@pytest.mark.parametrize("kind", KINDS)
def test_untouched_inputs_give_the_engines_figures(
    recalculated: dict[tuple[str, str], Workbook], books: dict[str, Book], kind: str
) -> None:
    result, count = recalculated[kind, "as run"], 0
    for sheet in books[kind].sheets:
        rows = list(result[sheet.name].iter_rows(values_only=True))
        for (row, column), each in sheet.cells.items():
            if not isinstance(each.value, Formula):
                continue
            cell, formula, count = rows[row - 1][column - 1], each.value, count + 1
            if isinstance(formula.value, str):
                assert cell == formula.value, (sheet.name, row, column, formula.text)
            else:
                close = math.isclose(float(cell), formula.value, rel_tol=1e-9, abs_tol=HALF_CENT)
                assert close, (sheet.name, row, column, formula.text)
    assert count > 1_500
    assert result[books[kind].sheets[0].name]["A3"].value == AS_RUN


def test_the_cases_see_what_waterfalls_do() -> None:
    """The series revolves, trips its trigger and is repaid; the deal is called, writes off, cures
    a trigger and leaves something short.
    """
    one, three = series({}), deal({})
    by = one.figures.by
    assert set(by["phase", ""][: one.last]) >= {0.0, 1.0}
    assert by["balance", "class_0"][-1] == 0.0
    assert by["trigger", "early"][3] == 1.0
    assert by["bought", ""].sum() > 1e6
    by = three.figures.by
    assert by["proceeds", ""].sum() > 0.0
    assert by["written_off", "C"].sum() > 0.0
    assert set(by["phase", ""]) >= {0.0, 1.0}
    assert by["bought", ""].sum() > 1e6


def test_tables_hold_all_that_a_sheet_needs() -> None:
    for made in (series, deal):
        given = made({})
        (back,) = given_deals(tables_of(given))
        assert back.deal.spec == given.deal.spec
        assert back.inputs == given.inputs
        assert back.last == given.last
        for mine, theirs in ((back.held, given.held), (back.new, given.new)):
            np.testing.assert_array_equal(mine, theirs)
        for key, values in given.figures.by.items():
            np.testing.assert_array_equal(back.figures.by[key], values)


def test_what_is_not_compiled_is_said_and_has_no_formula_of_its_own(meta: RunMeta) -> None:
    given = deal({"deals.three.cents": True})
    book = book_of(tables_of(given), meta)
    (sheet,) = book.sheets
    said = sheet.cells[3, 1].value
    assert said == "Not live: formulas do not follow payments in whole cents."
    assert not book.inputs
    texts = [f.text for _, _, _, f in book.formulas()]
    assert texts
    assert not any("Workings" in text for text in texts)
    assert engine_shown(run_of(given)).reasons == ("whole loans",)


def run_of(given: Given) -> Any:
    assets = CohortAssets(DEAL_LOANS, None, None, 0.99, 9e6)
    return run_deal(given.deal, assets, Surroundings(LEVELS), trace=True)


def test_formulas_that_are_not_the_engines_are_refused(meta: RunMeta) -> None:
    """A figure of the engine changed on purpose: the deal is shown without formulas."""
    given = series({})
    by = dict(given.figures.by)
    by["balance", "class_0"] = by["balance", "class_0"] + 1.0
    bent = replace(given, figures=replace(given.figures, by=by))
    book = book_of(tables_of(bent), meta)
    assert str(book.sheets[0].cells[3, 1].value).startswith("Not live: formulas do not follow")
    assert not any(isinstance(c.value, Formula) and "Workings" in c.value.text
                   for c in book.sheets[0].cells.values())  # fmt: skip


def test_the_ties_of_a_waterfall_are_zero_and_live(books: dict[str, Book]) -> None:
    tables = tables_of(deal({}))
    found = list(waterfall_ties({name: table.frame for name, table in tables.items()}))
    assert len(found) == 2
    for tie in found:
        assert tie.ok
        assert all(term.key in books["deal"].places for term in tie.left.terms)
