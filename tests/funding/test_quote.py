"""Quotes of one more loan: against re-solves, the ordinary road, and the program's own columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.program import Program, solve
from scfcap.funding.quote import Quoter, Stand
from scfcap.funding.quote_file import packed, unpacked
from scfcap.funding.quote_words import told
from scfcap.funding.quoted import (
    COLUMNS,
    OWN_ROWS,
    Asked,
    loan_columns,
    longest_tenor,
    one_scenario,
    period_holding,
)
from scfcap.funding.variables import declare

from .combined_platform import combined
from .small_platform import LAW, MODEL, Platform, platform, small_pool
from .test_bank_choice import BANKS, RULES
from .variants import edited

#: A re-solve and prices agree within this share of the value, and this per unit of loan: HiGHS
#: holds rows and reduced costs to 1e-9.
SHARE, UNIT_OFF = 1e-6, 1e-8


def stand_of(p: Platform) -> Stand:
    plan: Plan = solve_plan(p.inputs, p.engine, channels=False)
    return Stand.of(plan, p.engine.curves, p.engine.new)


def short(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return edited({"plan.periods": 7, **(changes or {})})


@pytest.fixture(scope="module")
def quoter() -> Quoter:
    """Quotes from the small platform, with a line, a buyer, series and P2P, over seven months."""
    return Quoter(stand_of(platform(short(), LAW)))


@pytest.fixture(scope="module")
def quotes(quoter):
    """200 loans, each by the plan's prices and by a re-solve."""
    random = np.random.default_rng(20131231)
    found = []
    for _ in range(200):
        segment, longest = (("credit", 180), ("order", 30))[int(random.integers(2))]
        asked = Asked(
            segment,
            # A microloan platform's loans: about 40,000 each, few above half a million.
            float(np.exp(random.normal(np.log(4e4), 1.2))),
            int(random.integers(30 if segment == "credit" else 1, longest + 1)),
            float(random.uniform(0.05, 0.40)),
            int(random.integers(1, 8)),
        )
        columns = quoter.columns(asked)
        prices, again = quoter.by_prices(asked, columns), quoter.by_solving(asked, columns)
        assert again is not None
        found.append((asked, prices, again))
    return found


def covers(asked, prices) -> bool:
    return prices is not None and prices.reach >= asked.amount / 1e6


def agree(a, b) -> bool:
    return abs(a.worth - b.worth) <= SHARE * abs(b.worth) + UNIT_OFF


def test_nine_in_ten_have_a_range_that_covers_them_and_agree_with_a_re_solve(quotes):
    good = [agree(prices, again) for asked, prices, again in quotes if covers(asked, prices)]
    assert all(good)
    assert len(good) >= 0.9 * len(quotes)


def test_the_others_are_solved_again_and_it_is_said_so(quoter, quotes):
    others = [(a, p, again) for a, p, again in quotes if not covers(a, p)]
    assert others, "some random loan is larger than its range"
    for asked, prices, again in others[:4]:
        found = quoter.answer(asked)
        assert found.how == "re-solve"
        assert found.worth == pytest.approx(again.worth, rel=1e-9, abs=1e-10)
        # The optimum is concave in the amount: beyond its range a price promises too much.
        assert prices is None or found.worth <= prices.worth + UNIT_OFF
        quote = told(quoter.stand, asked, found)
        assert "solved again" in " ".join(quote.sentences)
        assert quote.how == "re-solve"


def test_random_loans_are_worth_making_and_not(quotes):
    signs = {prices.worth > 0.0 for _, prices, _ in quotes if prices is not None}
    assert signs == {True, False}


def test_a_range_ends_where_it_says(quoter, quotes):
    tried = 0
    for asked, prices, _ in quotes:
        # The price must turn by enough to be seen beyond the range.
        if prices is None or not 1e-3 < prices.reach < 50.0 or tried == 4:
            continue
        within = replace(asked, amount=0.999 * prices.reach * 1e6)
        beyond = replace(asked, amount=3.0 * prices.reach * 1e6)
        inside, outside = (quoter.by_solving(x, quoter.columns(x)) for x in (within, beyond))
        assert agree(prices, inside)
        assert outside is None or outside.worth <= prices.worth + UNIT_OFF
        assert prices.next_limit
        tried += 1
    assert tried == 4


def test_the_lines_add_up_to_the_value_and_the_cash_to_the_loan(quoter, quotes):
    for asked, prices, again in quotes[:12]:
        for answer in (prices, again):
            quote = told(quoter.stand, asked, answer)
            scale = asked.amount
            assert math.fsum(x for _, x in quote.income) == pytest.approx(
                quote.value, abs=1e-6 * scale
            )
            own = sum(x for where, at, x in quote.places if at == "made" and where == "own_capital")
            assert math.fsum(x for _, x in quote.cash) == pytest.approx(
                own * scale, abs=1e-6 * scale
            )


# The ordinary road: the loan as a segment of its own in the model, tape to optimum.

MONTHS = dict.fromkeys(range(1, 13), 0.0)


def clean_pool(segments: tuple[str, ...]):
    """Every loan meets every rule, as those of a segment without loans are taken to."""
    pool = small_pool()
    good = {name: np.ones(len(pool), dtype=np.int8) for name in ("bank", "vehicle")}
    return replace(
        pool, segments=segments, eligibility=good, days_past_due=np.zeros(len(pool), dtype=np.int64)
    )


@pytest.fixture(scope="module")
def clean() -> Quoter:
    return Quoter(stand_of(platform(short(), LAW, clean_pool(("credit", "order")))))


def optimum_with(asked: Asked, kind: str, base: Inputs) -> float:
    """Optimum of the model in which the loan is a segment, wholly promised in its month."""
    made = dict(MODEL["demand"][asked.segment])
    made |= {
        "per_period": asked.amount,
        "minimum": 1.0,
        "seasonality": {**MONTHS, asked.period: 1.0},
        "new_loans": {
            "loan_type": kind, "rate": asked.rate, "shortest": asked.tenor, "longest": asked.tenor,
        },
    }  # fmt: skip
    as_credit = asked.segment == "credit"
    changes: dict[str, Any] = {
        "demand.asked": made,
        "credit.segments.asked": MODEL["credit"]["segments"][asked.segment],
        "buyers.0.segments": ["credit", *(["asked"] if as_credit else [])],
    }
    if as_credit:
        changes["concentration.0.segments"] = ["credit", "asked"]
    found = platform(short(changes), LAW, clean_pool(("credit", "order", "asked"))).inputs
    # The order of repayment of the plan that is quoted from.
    segments = frozenset({0, 1, 2})
    deals = tuple(replace(d, segments=segments) for d in base.deals)
    return solve(build_program(declare(replace(found, deals=deals)))).objective


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (Asked("credit", 20_000.0, 75, 0.30, 1), "bullet"),
        (Asked("credit", 15_000.0, 150, 0.12, 3), "bullet"),
        (Asked("order", 50_000.0, 11, 0.24, 2), "order"),
        (Asked("order", 40_000.0, 30, 0.19, 6), "order"),
    ],
)
def test_a_quote_is_what_the_model_with_that_loan_earns_more(clean, asked, kind):
    stand = clean.stand
    before = math.fsum(stand.program.costs() * stand.x) + stand.program.objective.constant
    after = optimum_with(asked, kind, stand.inputs)
    answer = clean.answer(asked)
    amount = asked.amount / 1e6
    assert answer.worth * amount == pytest.approx(after - before, rel=1e-5, abs=1e-9)
    assert abs(after - before) > 1e-6


# Every row that a cohort enters, the loan enters: whatever families there are.


def fixed_terms(tenor: int) -> dict[str, Any]:
    return {
        "demand.credit.new_loans": {
            "loan_type": "bullet", "rate": 0.21, "shortest": tenor, "longest": tenor,
        }
    }  # fmt: skip


def variant(name: str) -> Platform:
    if name == "all instruments":
        return combined(fixed_terms(75))
    if name == "expected losses":
        method = {"method": "expected_loss", "months": 12}
        return combined({**fixed_terms(120), "provisions": method})
    if name == "weeks":
        weekly = {"plan.frequency": "week", "plan.periods": 9}
        return platform(short({**weekly, **fixed_terms(40)}), LAW)
    stress = {"severity_add": 0.1, "shocks": [{"kind": "outage", "days": 9, "from_period": 3}]}
    return platform(short({**fixed_terms(60), "scenarios.base": stress}), LAW)


@pytest.mark.parametrize("name", ["all instruments", "expected losses", "weeks", "an outage"])
def test_a_loan_like_a_cohort_has_its_columns(name):
    p = variant(name)
    inputs, new = p.inputs, p.engine.new["credit"]
    curves = one_scenario(p.engine.curves, inputs.spec.plan.scenario)
    program = build_program(declare(inputs))
    rows = labels(program)
    matrix, costs = program.matrix().tocsc(), program.costs()
    compared = 0
    for t in (1, 3, inputs.horizon):
        j, term = inputs.new_cohort[0, t], int(new.term_days[0])
        found = loan_columns(inputs, curves, new, Asked("credit", 1e5, term, 0.21, t), rows)
        for q, (family, key) in enumerate(found.labels):
            theirs = program.find(family, (j, *key[1:]) if family in ("H", "Y") else key)
            assert theirs is not None
            own = np.array([x in OWN_ROWS for x in program.rows.family])
            expected = np.where(own, 0.0, matrix[:, [theirs]].toarray()[:, 0])
            assert found.matrix[:, [q]].toarray()[:, 0] == pytest.approx(expected, abs=1e-13)
            assert found.costs[q] == pytest.approx(costs[theirs], abs=1e-13)
            compared += 1
        cohort = [
            (family, key)
            for family, key in zip(program.columns.family, program.columns.key, strict=True)
            if (family in ("H", "Y") and key[0] == j)
            or (family in COLUMNS[:2] and key[0] == 0 and key[-1] == t)
        ]
        assert len(cohort) == len(found.labels)
    assert compared > 20


def labels(program: Program) -> dict[object, int]:
    pairs = zip(program.rows.family, program.rows.key, strict=True)
    return {pair: r for r, pair in enumerate(pairs)}


def test_with_every_instrument_prices_and_re_solves_agree():
    quoter = Quoter(stand_of(combined({"plan.periods": 6})))
    agreed = 0
    for period in (1, 2, 4):
        for segment, tenor, rate in (("credit", 90, 0.3), ("order", 20, 0.1)):
            asked = Asked(segment, 5_000.0, tenor, rate, period)
            columns = quoter.columns(asked)
            prices, again = quoter.by_prices(asked, columns), quoter.by_solving(asked, columns)
            if covers(asked, prices):
                assert agree(prices, again)
                agreed += 1
    assert agreed >= 4


# The least rate, banks that are chosen, words.


@pytest.mark.parametrize(("segment", "tenor"), [("credit", 60), ("order", 25)])
def test_at_the_least_rate_a_loan_earns_nothing(quoter, segment, tenor):
    asked = Asked(segment, 1_000.0, tenor, 0.2, 3)
    rate = quoter.least_rate(asked)
    assert 0.0 < rate < 0.5
    for move, sign in ((0.0, 0.0), (0.01, 1.0), (-0.01, -1.0)):
        found = quoter.answer(replace(asked, rate=rate + move))
        assert np.sign(found.worth) == sign if move else abs(found.worth) < 1e-8


def test_a_loan_that_costs_would_not_be_made(quoter):
    asked = Asked("credit", 10_000.0, 60, 0.01, 2)
    quote = told(quoter.stand, asked, quoter.answer(asked), rated=True, least_rate=0.2)
    assert quote.value < 0.0
    assert quote.sentences[0].endswith("it would not be made.")
    good = replace(asked, rate=0.6)
    assert "earns CNY" in told(quoter.stand, good, quoter.answer(good)).sentences[0]


def test_a_tenor_that_the_segment_does_not_have_is_for_the_own_book(quoter):
    asked = Asked("credit", 10_000.0, 250, 0.6, 2)
    quote = told(quoter.stand, asked, quoter.answer(asked))
    assert [place for place, _, _ in quote.places] == ["own_capital"]
    assert any("no eligibility set admits" in said for said in quote.sentences)


def test_banks_that_the_law_makes_the_plan_choose_stay_chosen():
    quoter = Quoter(stand_of(platform(short({"lenders": BANKS}), RULES)))
    assert quoter.stand.fixed
    asked = Asked("order", 20_000.0, 20, 0.3, 2)
    columns = quoter.columns(asked)
    prices, again = quoter.by_prices(asked, columns), quoter.by_solving(asked, columns)
    assert covers(asked, prices)
    assert agree(prices, again)
    said = told(quoter.stand, asked, prices, checked=again).sentences
    assert any("Which banks lend stays" in x for x in said)
    assert any("Solved again with the loan it is CNY" in x for x in said)


def test_a_loan_so_large_that_no_plan_keeps_all_limits_is_said_so(quoter):
    asked = Asked("credit", 5e9, 60, 0.2, 2)
    assert quoter.answer(asked) is None
    quote = told(quoter.stand, asked, None)
    assert quote.document()["value"] is None
    assert "no plan with it keeps all limits" in quote.sentences[0]


def test_days_lie_in_their_periods(quoter):
    inputs = quoter.stand.inputs
    assert period_holding(inputs, date(2014, 1, 1)) == 1
    assert period_holding(inputs, date(2014, 1, 31)) == 1
    assert period_holding(inputs, date(2014, 2, 1)) == 2
    assert period_holding(inputs, inputs.grid.as_of) is None
    assert period_holding(inputs, date(2014, 8, 1)) is None
    days = (inputs.grid.extended(19).ends[-1] - inputs.grid.ends[0]).days
    assert longest_tenor(quoter.stand.curves, 1) == days


# The file.


def test_the_file_gives_the_same_quotes(quoter):
    content = packed(quoter.stand)
    assert content == packed(quoter.stand)
    again = Quoter(unpacked(content))
    for asked in (Asked("credit", 30_000.0, 80, 0.25, 2), Asked("order", 4e5, 9, 0.2, 1)):
        ours, theirs = (told(x.stand, asked, x.answer(asked)) for x in (quoter, again))
        assert ours == theirs


def test_the_file_keeps_what_every_instrument_needs():
    found = unpacked(packed(stand_of(combined({"plan.periods": 5}))))
    assert found.inputs.covenants
    assert found.inputs.pledges is not None
    assert found.inputs.provisions is not None
    asked = Asked("credit", 10_000.0, 70, 0.3, 2)
    assert Quoter(found).answer(asked) is not None


def test_a_file_that_is_none_is_refused(quoter, monkeypatch):
    content = packed(quoter.stand)
    with pytest.raises(ValueError, match="BadZipFile"):
        unpacked(content[: len(content) // 2])
    monkeypatch.setattr("scfcap.funding.quote_file.VERSION", 2)
    with pytest.raises(ValueError, match="not of version 2"):
        unpacked(content)


def test_the_file_takes_no_type_that_it_does_not_know(quoter):
    odd = replace(quoter.stand, new={"credit": object()})
    with pytest.raises(TypeError, match=r"does not know builtins\.object"):
        packed(odd)
    objects = replace(quoter.stand, x=np.array([None], dtype=object))
    with pytest.raises(TypeError, match="no array of objects"):
        packed(objects)


def test_asking_for_what_is_not_there_names_all_of_it(quoter):
    from scfcap.api.quoting import ask

    with pytest.raises(InputError) as caught:
        ask(quoter.stand, "ordr", -1.0, 90_000, rate=18.0, period=1)
    found = {problem.where: problem for problem in caught.value.problems}
    assert set(found) == {"--segment", "--amount", "--rate", "--tenor"}
    assert found["--segment"].action == "Did you mean order?"
    with pytest.raises(InputError, match="1 to 7"):
        ask(quoter.stand, "order", 1.0, 20, period=8)
    with pytest.raises(InputError, match="one of the two"):
        ask(quoter.stand, "order", 1.0, 20, period=2, on=date(2014, 2, 3))
    asked = ask(quoter.stand, "order", 1.0, 20, on=date(2014, 2, 3))
    assert (asked.period, asked.rate) == (2, pytest.approx(0.18))
