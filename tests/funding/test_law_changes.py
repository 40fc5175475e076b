"""Plans in which the law changes: which rules hold when, on which base, and what that is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scfcap.axes import BANK_TRANSFER
from scfcap.errors import InputError
from scfcap.funding import statements
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.plan import Optimum, Plan, optimum, solve_plan
from scfcap.funding.prices import prices
from scfcap.funding.program import lp_text
from scfcap.funding.variables import declare
from scfcap.pool.snapshot import Pool
from scfcap.schema.law import Calendar, calendar_of
from scfcap.schema.load import read_regime
from scfcap.schema.regime import Regime

from .small_platform import LAW, MODEL, Platform, platform, small_pool
from .test_golden import Line, read_rows
from .variants import UNIT, edited, law, own_pool

REGIMES = {
    path.stem: read_regime(path)
    for path in (Path(__file__).parents[2] / "models" / "regimes").glob("*.toml")
}
LINE = {
    "name": "bank-a",
    "limit": 90.0e6,
    "tenors": [{"periods": 3, "rate": 0.07}, {"periods": 6, "rate": 0.0725}],
}


def moved(
    as_of: date,
    periods: int,
    regime: Regime | Calendar,
    pool: Pool | None = None,
    **changes: Any,
) -> Platform:
    """The small platform on another day: all loans its own, a wide line, one issue in month 1."""
    pool = replace(own_pool() if pool is None else pool, as_of=as_of)
    issue = {"name": "series-2", "closing": as_of + timedelta(days=28), "max_pool": 20.0e6}
    model = {
        "as_of": as_of,
        "plan.periods": periods,
        "lenders": [LINE],
        "securitization.series": [],
        "securitization.issues": [issue],
        "opening": {"net_capital": 82.0e6},
        **changes,
    }
    return platform(edited(model), regime, pool)


def in_place(place: str, *readings: str) -> Calendar:
    return calendar_of(place, REGIMES, readings)


def leverage_rows(p: Platform) -> tuple[dict[str, Line], set[str]]:
    book = declare(p.inputs)
    family = BY_NAME["leverage"]
    book.program.add_family(family.name, family.labels(book), family.rows(book))
    rows, _ = read_rows(lp_text(book.program))
    return rows, {f"{name}[{cap},{t}]" for name, (cap, t) in book.program.absent}


def caps(plan: Plan, name: str) -> pd.DataFrame:
    frame = plan.tables()["caps"]
    return frame[frame["cap"] == name].set_index("period")


def amounts(plan: Plan, item: str) -> pd.Series:
    flows = plan.tables()["sources_uses"]
    return flows[flows["item"] == item].set_index("period")["amount"]


@pytest.fixture(scope="module")
def of_2017() -> Plan:
    series = {**MODEL["securitization"]["series"][0], "closing": date(2017, 7, 28)}
    changes = {
        "securitization.series": [series],
        "opening": {"net_capital": 64.0e6},
        "lenders": [{**LINE, "limit": 20.0e6}],
    }
    p = moved(date(2017, 9, 30), 5, in_place("cn"), small_pool(), **changes)
    return solve_plan(p.inputs, p.engine, channels=False)


def test_rules_of_2017_hold_from_december_on(of_2017: Plan) -> None:
    frame = of_2017.tables()["caps"]
    held = frame.groupby("cap")["period"].apply(list).to_dict()
    assert held == {"bank": [1, 2], "total": [3, 4, 5]}
    assert frame.loc[frame["period"] == 3, "end"].tolist() == [date(2017, 12, 31)]
    assert all("No. 23" in text for text in caps(of_2017, "bank")["source"])
    assert all("No. 141" in text for text in caps(of_2017, "total")["source"])
    assert set(caps(of_2017, "total")["regime"]) == {"China: cash-loan notice, 2017"}
    assert of_2017.tables()["checks"]["ok"].all()


def test_the_plan_sees_the_notice_of_2017_coming(of_2017: Plan) -> None:
    """Under 2008 notes and sales count nothing; under 2017 they fill half of net capital."""
    balances = of_2017.tables()["balances"].set_index(["item", "period"])["amount"]
    used = sum(
        balances[item]
        for item in ("bank-a: debt", "series-1: senior notes", "series-1: mezzanine notes")
    ) + balances["city-bank: loans sold"]  # fmt: skip
    half = 0.5 * balances["net capital"]
    assert used[2] > half[2] + UNIT
    assert (used[3:] <= half[3:] + 1.0).all()
    assert caps(of_2017, "total")["counted"].to_numpy() == pytest.approx(used[3:].to_numpy())
    assert caps(of_2017, "total")["headroom"].min() == pytest.approx(0.0, abs=1.0)


def test_p2p_shuts_when_the_notice_begins(of_2017: Plan) -> None:
    placed = amounts(of_2017, "notes placed")
    assert placed[1] > 1.0
    assert (placed[3:] == 0.0).all()
    notes = of_2017.tables()["balances"].set_index(["item", "period"])["amount"]["notes"]
    assert notes[3] > 1.0, "what stands runs off"


def test_a_place_of_its_own_multiple_keeps_it_in_2017() -> None:
    rows, absent = leverage_rows(moved(date(2017, 10, 31), 2, in_place("cn-chongqing")))
    assert rows["leverage[total,2]"].terms["K[2]"] == -2.3
    assert rows["leverage[bank_repo,1]"].terms["K[1]"] == -1.0
    assert {"leverage[total,1]", "leverage[bank_repo,2]"} <= absent


def test_rules_of_2020_hold_in_the_month_that_they_reach_the_end_of() -> None:
    p = moved(date(2020, 7, 31), 3, in_place("cn"), **{"opening.deductions": 3.0e6})
    rows, absent = leverage_rows(p)
    assert {key for key in rows if key.startswith("leverage[total")} == {"leverage[total,1]"}
    assert {"leverage[total,2]", "leverage[non_standard,1]"} <= absent
    assert rows["leverage[non_standard,2]"].right == pytest.approx(3.0)
    assert rows["leverage[standardised,2]"].right == pytest.approx(4 * 3.0)
    assert "H" not in {term[0] for term in rows["leverage[non_standard,2]"].terms}
    read, _ = leverage_rows(
        moved(date(2020, 7, 31), 3, in_place("cn", "clean_counts"), **{"opening.deductions": 3.0e6})
    )
    assert "H" in {term[0] for term in read["leverage[non_standard,2]"].terms}


def test_rules_of_2024_take_the_year_end_before() -> None:
    p = moved(date(2024, 10, 31), 4, in_place("cn"), **{"opening.deductions": 3.0e6})
    rows, _ = leverage_rows(p)
    base = {
        t: [term for term in rows[f"leverage[non_standard,{t}]"].terms if term[0] == "K"]
        for t in range(1, 5)
    }
    # November and December by the rules of 2020; from January on, the close of December.
    assert base == {1: ["K[1]"], 2: ["K[2]"], 3: ["K[2]"], 4: ["K[2]"]}
    assert [rows[f"leverage[standardised,{t}]"].right for t in (1, 3)] == [12.0, 12.0]
    plan = solve_plan(p.inputs, p.engine, channels=False)
    frame = caps(plan, "non_standard")
    assert frame["base"].tolist() == ["net_assets"] * 2 + ["net_assets_prior_year_end"] * 2
    sheet = plan.tables()["balances"].set_index(["item", "period"])["amount"]["net capital"]
    expected = [sheet[t] + 3.0e6 for t in (1, 2, 2, 2)]
    assert frame["base_amount"].to_numpy() == pytest.approx(expected, rel=1e-9)
    assert frame["replayed_limit"].to_numpy() == pytest.approx(frame["limit"], rel=1e-6)
    assert plan.tables()["checks"]["ok"].all()


def test_rules_of_2024_begin_in_the_week_of_17_january() -> None:
    p = moved(
        date(2024, 12, 27), 4, in_place("cn"),
        **{"plan.frequency": "week", "securitization.issues": []},
    )  # fmt: skip
    assert p.inputs.grid.ends[2] == date(2025, 1, 17)
    assert [p.inputs.cap("non_standard", t).base for t in p.inputs.periods] == [  # type: ignore[union-attr]
        "net_assets", "net_assets", "net_assets_prior_year_end", "net_assets_prior_year_end",
    ]  # fmt: skip
    # The last close up to 31 December is the opening: its capital is data, on the right.
    rows, _ = leverage_rows(p)
    assert not [term for term in rows["leverage[non_standard,3]"].terms if term[0] == "K"]
    assert rows["leverage[non_standard,3]"].right == pytest.approx(p.inputs.net_capital)


def test_net_assets_of_the_year_before_are_data_and_step_at_year_end() -> None:
    day = date(2025, 9, 30)
    with pytest.raises(InputError, match=r"net_assets_prior_year_end.*net assets at 2024-12-31"):
        moved(day, 5, in_place("cn"))
    told = {"opening.net_assets_prior_year_end": 50.0e6}
    p = moved(day, 5, in_place("cn"), **told)
    rows, _ = leverage_rows(p)
    assert [rows[f"leverage[non_standard,{t}]"].right for t in (1, 2, 3)] == [50.0] * 3
    assert rows["leverage[standardised,3]"].right == pytest.approx(200.0)
    base = [term for term in rows["leverage[non_standard,4]"].terms if term[0] == "K"]
    assert base == ["K[3]"]
    assert moved(date(2024, 12, 31), 2, in_place("cn")).inputs.year_end(1) == 0


def test_scaling_the_model_scales_the_year_end() -> None:
    p = moved(date(2025, 9, 30), 3, in_place("cn"), **{"opening.net_assets_prior_year_end": 5e7})
    assert p.spec.opening.scaled(0.5).net_assets_prior_year_end == 2.5e7


# Worth.


def solved(p: Platform) -> Optimum:
    return optimum(p.inputs, p.engine)


def two_laws(first: float, then: float, change: date) -> Calendar:
    """The test law with the cap "all" on net assets at two multiples, one after the other."""

    def one(multiple: float, **days: date) -> Regime:
        return law(caps=[{**LAW.caps[1].model_dump(), "multiple": multiple}], **days)

    laws = {"one": one(first, end=change - timedelta(days=1)), "two": one(then, start=change)}
    return calendar_of("test", laws)


def test_a_law_that_tightens_costs_more_the_earlier_it_comes() -> None:
    start, end = date(2014, 1, 15), date(2014, 5, 15)
    lenders = [{**LINE, "tenors": [{"periods": 1, "rate": 0.07}]}]

    def value(rules: Regime | Calendar) -> float:
        return solved(moved(date(2013, 12, 31), 4, rules, lenders=lenders)).solution.objective

    found = [value(two_laws(0.9, 0.05, day)) for day in (start, date(2014, 3, 10), end)]
    assert found[0] < found[1] < found[2]
    for multiple, same in ((0.05, found[0]), (0.9, found[2])):
        alone = law(caps=[{**LAW.caps[1].model_dump(), "multiple": multiple}])
        assert value(alone) == pytest.approx(same, rel=1e-12)


def _year_end_law(multiple: float) -> Regime:
    base = {"base": "net_assets_prior_year_end", "multiple": multiple}
    return law(caps=[{**cap.model_dump(), **base} for cap in LAW.caps[1:]])


def test_net_assets_of_the_year_before_have_their_price() -> None:
    day, told = date(2013, 9, 30), "opening.net_assets_prior_year_end"
    p = moved(day, 5, _year_end_law(0.5), **{told: 50.0e6})
    best = solved(p)
    (price,) = (x for x in prices(best.inputs, best.solution) if x.what == "net assets")
    assert price.value > 0.0
    more = moved(day, 5, _year_end_law(0.5), **{told: 50.0e6 + 0.01 * UNIT})
    slope = (solved(more).solution.objective - best.solution.objective) / 0.01
    assert price.value == pytest.approx(slope, rel=1e-5)


def test_price_of_capital_counts_the_cap_on_it_at_the_year_end() -> None:
    """Capital at 31 December is both money and the base of next year's caps."""
    day = date(2013, 12, 31)
    p = moved(day, 3, _year_end_law(0.5))
    best = solved(p)
    (price,) = (x for x in prices(best.inputs, best.solution) if x.what == "net capital")
    # Opening cash is capital: both rise together.
    rich = moved(
        day, 3, _year_end_law(0.5), opening={"net_capital": (p.inputs.net_capital + 0.01) * UNIT}
    )
    slope = (solved(rich).solution.objective - best.solution.objective) / 0.01
    assert price.value == pytest.approx(slope, rel=1e-5)
    assert any(name == "all" for name, _ in best.solution.program.rows_of("leverage"))
    shifts = set(best.solution.program.rows_of("leverage").values()) & set(price.shifts)
    assert len(shifts) == 3


# Windows, gaps and what has to be known.


def windowed(*channels: str) -> Regime:
    window = {"start": date(2014, 2, 1), "end": date(2014, 3, 31), "source": "own"}
    return law(caps=[], closed=[{"channels": channels, **window}])


@pytest.mark.parametrize("channel", ["bank_debt", "bank"])
def test_no_draw_while_a_window_is_shut(channel: str) -> None:
    tenor = [{"periods": 1, "rate": 0.01}]
    p = moved(date(2013, 12, 31), 5, windowed(channel), lenders=[{**LINE, "tenors": tenor}])
    plan = solve_plan(p.inputs, p.engine, channels=False)
    drawn = amounts(plan, "bank-a: drawn")
    assert (drawn[[2, 3]] == 0.0).all()
    assert (drawn[[1, 4]] > 1.0).all()
    assert plan.tables()["checks"]["ok"].all()


def test_no_sale_and_no_issue_while_a_window_is_shut() -> None:
    issue = {"name": "series-2", "closing": date(2014, 3, 31), "max_pool": 20.0e6}
    change = {"securitization.issues": [issue]}
    p = moved(date(2013, 12, 31), 5, windowed("bank_transfer", "securitization"), **change)
    assert p.inputs.deals == ()
    plan = solve_plan(p.inputs, p.engine, channels=False)
    sold = {
        t for _, where, t in plan.optimum.decisions.transfers if where.startswith(BANK_TRANSFER)
    }
    assert sold
    assert not sold & {2, 3}
    later = {"securitization.issues": [{**issue, "closing": date(2014, 4, 30)}]}
    p = moved(date(2013, 12, 31), 5, windowed("bank_transfer", "securitization"), **later)
    assert [d.name for d in p.inputs.deals] == ["series-2"]


def test_a_gap_in_the_law_is_said() -> None:
    laws = {
        "one": law(end=date(2014, 2, 15)),
        "two": law(start=date(2014, 3, 15)),
    }
    with pytest.raises(InputError, match="nothing is in force in test on 2014-02-28"):
        moved(date(2013, 12, 31), 4, calendar_of("test", laws))
    with pytest.raises(InputError, match=r"'one', in force until 2014-02-15; nothing is in force"):
        moved(date(2013, 12, 31), 4, calendar_of("one", laws))
    moved(date(2013, 12, 31), 1, calendar_of("test", laws))


def test_banks_are_counted_by_the_law_that_comes_too() -> None:
    two = {"bank_lenders": {"most": 1, "source": "own"}}
    laws = {"one": law(end=date(2014, 2, 15)), "two": law(start=date(2014, 2, 16), **two)}
    banks = [LINE, {**LINE, "name": "bank-b"}]
    made = moved(date(2013, 12, 31), 3, calendar_of("test", laws), lenders=banks)
    assert made.inputs.choice is not None
    assert made.inputs.choice.allowed == 1
    assert (
        moved(date(2013, 12, 31), 1, calendar_of("test", laws), lenders=banks).inputs.choice is None
    )


def grouped(borrower: float, group: float) -> Pool:
    tables = {
        f"largest_{name}": pd.DataFrame({"rank": [1, 2, 0], "balance": [amount, 1.0, 6e7]})
        for name, amount in (("borrower_id", borrower), ("group", group))
    }
    return replace(small_pool(), tables={**small_pool().tables, **tables})


def test_limits_on_a_borrower_and_a_group_take_their_base() -> None:
    """Net assets 60 + 4, of which 10% and 15%; net assets at the year end before, 60 + 4 too."""
    for base in ("net_assets", "net_assets_prior_year_end"):
        one, group = ({"share": share, "base": base, "source": "own"} for share in (0.10, 0.15))
        rules = law(caps=[], group=group).model_copy(
            update={"single_borrower": law(group=one).group}
        )
        p = platform(
            edited({"plan.periods": 2, "opening.deductions": 4.0e6}), rules, grouped(3.0e6, 12.0e6)
        )
        plan = solve_plan(p.inputs, p.engine, channels=False)
        rows = plan.tables()["limits"].set_index("family")
        assert rows.loc["single_borrower", "limit"] == pytest.approx(0.10 * 64.0e6)
        assert rows.loc["single_group", "limit"] == pytest.approx(0.15 * 64.0e6)
        assert rows.loc["single_group", "use"] == 12.0e6
        assert rows.loc[["single_borrower", "single_group"], "binding"].tolist() == [False, True]
        assert plan.tables()["checks"]["ok"].all(), "what stands at the start is no fault of it"


def test_a_limit_in_money_is_an_amount_on_one_group() -> None:
    rules = law(caps=[], group={"amount": 1.0e6, "source": "own"})
    p = platform(edited({"plan.periods": 2}), rules, grouped(0.2e6, 0.5e6))
    rows = solve_plan(p.inputs, p.engine, channels=False).tables()["limits"].set_index("family")
    assert rows.loc["single_group", ["use", "limit"]].tolist() == [0.5e6, 1.0e6]


@pytest.mark.parametrize("what", ["net_capital", "notes", "loans"])
def test_a_replay_that_differs_fails_the_check_of_the_cap(what: str, of_2017: Plan) -> None:
    best = of_2017.optimum
    frames = statements.all_statements(best.book, best.solution)

    def failed(result: Any) -> set[str]:
        found = statements.checks(best.book, best.solution, result, frames)
        return set(found.loc[~found["ok"], "check"])

    assert failed(best.replay) == set()
    if what == "net_capital":
        wrong = replace(best.replay, net_capital=best.replay.net_capital * 1.001)
    elif what == "notes":
        deal = best.replay.deals["series-1"]
        wrong = replace(
            best.replay, deals={"series-1": replace(deal, balance=deal.balance * 1.001)}
        )
    else:
        key = f"{BANK_TRANSFER}:city-bank"
        place = best.replay.places[key]
        moved_place = replace(place, balance=place.balance + np.float64(0.01))
        wrong = replace(best.replay, places={**best.replay.places, key: moved_place})
    assert "replay: the cap total" in failed(wrong)
    assert ("replay: the cap bank" in failed(wrong)) == (what == "net_capital")
