"""More banks than the law lets lend: the plan chooses, and every other choice earns less."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest

from scfcap.funding.plan import Plan, optimum, solve_plan
from scfcap.schema.regime import Regime

from .small_platform import LAW, MODEL, platform

RULES = Regime.model_validate(
    {**LAW.model_dump(), "caps": [], "bank_lenders": {"most": 2, "source": "own"}}
)


def bank(name: str, limit: float, rate: float, fee: float, tenor: int) -> dict[str, object]:
    return {
        "name": name,
        "limit": limit,
        "commitment_fee": fee,
        "tenors": [{"periods": tenor, "rate": rate}],
    }


BANKS = [
    MODEL["lenders"][0],
    bank("bank-b", 4.0e6, 0.06, 0.001, 3),
    bank("bank-c", 9.0e6, 0.085, 0.002, 6),
    bank("bank-d", 12.0e6, 0.12, 0.03, 2),
]


@pytest.fixture(scope="module")
def plan() -> Plan:
    made = platform({"lenders": BANKS}, RULES)
    assert made.inputs.choice is not None
    return solve_plan(made.inputs, made.engine, channels=False)


def test_the_choice_is_the_best_of_all(plan):
    # bank-a is owed; one of the three others may lend, or none.
    worth = {}
    for count in (0, 1):
        for names in combinations(("bank-b", "bank-c", "bank-d"), count):
            lenders = [x for x in BANKS if x["name"] in ("bank-a", *names)]
            rival = platform({"lenders": lenders}, RULES)
            assert rival.inputs.choice is None
            worth[names] = optimum(rival.inputs, rival.engine).solution.objective
    best = max(worth, key=lambda names: worth[names])
    assert plan.optimum.solution.objective == pytest.approx(worth[best], rel=1e-8)
    assert plan.optimum.decisions.left_out == {"bank-b", "bank-c", "bank-d"} - set(best)
    assert len(best) == 1


def test_a_bank_that_is_left_out_costs_nothing_and_the_books_tie(plan):
    tables = plan.tables()
    uses = tables["sources_uses"]
    for name in plan.optimum.decisions.left_out:
        assert not uses[uses["item"].str.startswith(f"{name}:")]["amount"].any()
    assert tables["checks"]["ok"].all()


def test_prices_say_that_the_choice_is_held(plan):
    prices = plan.tables()["prices"]
    assert prices["sentence"].str.contains("Decisions of yes or no stay as the plan has them").all()
    left = plan.optimum.decisions.left_out
    assert not {f"the line of {name}" for name in left} & set(prices["what"])
    unused = plan.tables()["unused"].set_index("item")["sentence"]
    for name in left:
        assert unused[name].startswith(f"{name} is not used: no more than 2 banks may lend")


def test_a_bank_without_a_seat_is_told_that_others_are_owed_already():
    owed = [{"amount": 3.0e6, "rate": 0.06, "maturity": date(2014, 3, 31)}]
    made = platform({"lenders": [*({**b, "draws": owed} for b in BANKS[:2]), BANKS[2]]}, RULES)
    assert made.inputs.choice.most == 0
    plan = solve_plan(made.inputs, made.engine, channels=False)
    said = plan.tables()["unused"].set_index("item")["sentence"][BANKS[2]["name"]]
    assert said.endswith("and as many are owed already.")


def test_without_a_choice_no_price_speaks_of_one():
    made = platform({"lenders": BANKS[:2]}, RULES)
    found = solve_plan(made.inputs, made.engine, channels=False)
    assert not found.optimum.book.program.columns.integer
    assert not found.tables()["prices"]["sentence"].str.contains("Decisions of yes or no").any()
