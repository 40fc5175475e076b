"""Limits on what hangs on a core enterprise, with exposures added up by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from scfcap.credit.exposure import Exposures, measure
from scfcap.errors import InfeasibleError, InputError
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.variables import on_books
from scfcap.schema.model import Model

from .small_platform import MODEL, Platform, platform


def exposures() -> Exposures:
    """Of orders 30 of 100 are the core's, 20 another's; its supplier has 10 of 200 of credit."""
    rows = [
        ("order", "order", 30.0, "core", "b1"),
        ("order", "order", 20.0, "other", "b2"),
        ("order", "order", 50.0, None, "b3"),
        ("credit", "bullet", 10.0, None, "b1"),
        ("credit", "bullet", 190.0, None, "b4"),
    ]
    names = ["segment", "loan_type", "current_balance", "buyer_id", "borrower_id"]
    return measure(pd.DataFrame(rows, columns=names), ("credit", "order"))


def solved(limit: dict[str, object]) -> tuple[Platform, Plan]:
    made = platform({"concentration": [{"name": "core", **limit}]}, exposures=exposures())
    return made, solve_plan(made.inputs, made.engine, channels=False)


def by_segment(plan: Plan, t: int) -> list[float]:
    """Loans on the books by segment at a close, from the program."""
    book, x = plan.optimum.book, plan.optimum.solution.x
    sums = [0.0, 0.0]
    for where in on_books(book.inputs):
        for j in book.standing(where, t):
            sums[int(book.inputs.cohorts.segment[j])] += book.held(j, where, t).value(x)
    return sums


@pytest.mark.parametrize(("through", "parts"), [("suppliers", (0.05, 0.3)), ("orders", (0.0, 0.3))])
def test_what_hangs_on_a_core_stays_within_its_share_of_capital(through, parts):
    made, plan = solved({"core": "core", "base": "net_capital", "share": 0.15, "through": through})
    assert made.inputs.core_shares["core"] == pytest.approx(parts)
    used = []
    for t in made.inputs.periods:
        credit, order = by_segment(plan, t)
        hangs = parts[0] * credit + parts[1] * order
        used.append(hangs / (0.15 * plan.optimum.replay.net_capital[t]))
    assert max(used) == pytest.approx(1.0, abs=1e-7)
    assert plan.tables()["checks"]["ok"].all()


def test_net_assets_and_rank_and_book():
    # "#1" is the largest core. Deductions of 10 add 0.2 * 10 = 2 to what may hang on it.
    opening = {**MODEL["opening"], "deductions": 10.0e6}
    worth, right = {}, {}
    for base in ("net_capital", "net_assets"):
        limit = {"name": "core", "core": "#1", "base": base, "share": 0.2}
        made = platform({"concentration": [limit], "opening": opening}, exposures=exposures())
        plan = solve_plan(made.inputs, made.engine, channels=False)
        worth[base] = plan.objective
        row = plan.optimum.book.program.rows_of("core_share")["core", 1]
        right[base] = plan.optimum.book.program.rows.right[row]
    assert right["net_assets"] - right["net_capital"] == pytest.approx(2.0)
    assert worth["net_assets"] > worth["net_capital"]
    made, plan = solved({"core": "core", "share": 0.12})
    for t in made.inputs.periods:
        credit, order = by_segment(plan, t)
        assert 0.05 * credit + 0.3 * order <= 0.12 * (credit + order) + 1e-6


def test_a_limit_that_old_loans_exceed_is_named():
    with pytest.raises(InfeasibleError, match="what hangs on core"):
        solved({"core": "core", "base": "net_capital", "share": 0.005})


def test_a_core_that_the_tape_does_not_know_is_refused():
    with pytest.raises(InputError, match=r"concentration\.core\.core.*largest: core, other"):
        solved({"core": "nobody", "share": 0.1})
    with pytest.raises(InputError, match="without exposures to core enterprises"):
        platform({"concentration": [{"name": "core", "core": "core", "share": 0.1}]})


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"share": 0.1}, "neither segments nor core"),
        ({"share": 0.1, "core": "a", "segments": ["credit"]}, "both segments and core"),
        ({"share": 1.5, "core": "a"}, "a share of the book"),
    ],
)
def test_limits_that_do_not_say_whose_they_are_are_refused(limit, says):
    with pytest.raises(ValidationError, match=says):
        Model.model_validate({**MODEL, "concentration": [{"name": "x", **limit}]})
