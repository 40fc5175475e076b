"""Goal seek: roots against formulas, honest refusals, and fields of models."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scfcap
from scfcap.api.seeking import seek_goal
from scfcap.deal.seek import seek
from scfcap.errors import InputError

DEAL = """
base = "alibaba-2013"
[deals.small]
closing = 2013-12-31
legal_end = 2015-12-31
[deals.small.assets]
eligibility = "series"
size = 0.1e9
[deals.small.fees.trustee]
amount = 0
[deals.small.tranches.senior]
share = 0.6
coupon = 0.06
[deals.small.tranches.junior]
kind = "equity"
share = 0.4
[[deals.small.waterfall.amortising]]
pay = "fee"
to = "trustee"
[[deals.small.waterfall.amortising]]
pay = "interest"
to = "senior"
[[deals.small.waterfall.amortising]]
pay = "principal"
to = "senior"
[[deals.small.waterfall.amortising]]
pay = "residual"
to = "junior"
when = "notes <= 0"
"""
SHARE = "deals.small.tranches.senior.share"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seek")
    (folder / "model.toml").write_text(DEAL)
    return scfcap.load(folder, overrides={"tape.platform.loans": 400})


def test_a_root_is_the_formulas():
    found = seek(lambda x: (x**3, 2.0), 0.0, 3.0)
    assert found.root == pytest.approx(2.0 ** (1.0 / 3.0), abs=1e-8)
    assert found.tried[[0, -1]].tolist() == [0.0, 3.0]
    assert found.figures == pytest.approx(found.tried**3)
    assert (found.roots, found.jump) == (1, None)


def test_the_target_may_move_too_and_the_lowest_of_several_roots_is_given():
    found = seek(lambda x: (math.cos(x), x / 10.0), 0.0, 9.0)
    assert found.root == pytest.approx(1.4275517787645942, abs=1e-7)  # scipy.optimize.newton
    assert found.roots == 3
    assert "changes its sign 3 times" in found.words("x", "cos")
    assert seek(lambda x: (x, 1.5), 0.0, 3.0, points=3).root == 1.5


def test_no_root_is_said_with_both_ends():
    found = seek(lambda x: (x * x + 1.0, 0.5), -1.0, 2.0)
    assert (found.root, found.jump, found.roots) == (None, None, 0)
    assert found.words("x", "y") == "No root between -1 and 2: y is 2 at -1 and 5 at 2."


def test_a_jump_over_the_value_is_no_root():
    found = seek(lambda x: (1.0 if x > 0.3 else 0.0, 0.5), 0.0, 1.0)
    assert found.root is None
    assert found.jump == pytest.approx(0.3, abs=1e-6)
    assert "jumps over the value at x = 0.3" in found.words("x", "step")


def test_a_figure_that_does_not_exist_is_left_out():
    found = seek(lambda x: (math.sqrt(x) if x >= 0.0 else math.nan, 1.0), -2.0, 2.0)
    assert found.root == pytest.approx(1.0)
    assert math.isnan(found.figures[0])
    assert "is nan at -2" in found.words("x", "root")


def test_a_field_of_the_deal_until_a_class_yields(model):
    """The root, put into the model, gives the yield; equity takes what the senior leaves."""
    goal = seek_goal(model, SHARE, (0.3, 0.9), "yield.junior = 0.5")
    root = goal.sought.root
    assert 0.3 < root < 0.9
    changed = scfcap.load(
        model.loaded.folder,
        overrides={
            "tape.platform.loans": 400,
            SHARE: root,
            "deals.small.tranches.junior.share": 1.0 - root,
        },
    )
    junior = changed.study("small").expected
    paid = junior.of("residual", "junior")[0]
    days = [(day - junior.deal.calendar.start).days for day in junior.deal.calendar.dates]
    worth = paid @ 1.5 ** -(np.array(days) / 365.0)
    assert worth == pytest.approx(junior.original[1, 0], rel=1e-6)


def test_words_of_the_deal_and_arithmetic_of_both_sides(model):
    """Half the senior is the same as: the size that 0.4 x the pool at closing gives."""
    goal = seek_goal(
        model, SHARE, (0.3, 0.9), "size.senior / 2 = 0.4 * pool_at_closing", deal="small"
    )
    assert goal.sought.root == pytest.approx(0.8, abs=1e-7)
    paid = seek_goal(model, "deals.small.fees.trustee.amount", (0.0, 5e6), "fee.trustee = -1.0")
    assert paid.sought.root is None
    assert paid.words.startswith("No root between 0 and 5e+06: fee.trustee is 0 at 0")


def test_a_field_outside_the_deal_moves_its_figures(model):
    """The severity of all that defaults: recoveries come only to what is not lost."""
    field = "credit.segments.credit_long.severity"
    goal = seek_goal(
        model, field, (0.2, 0.9), "cumulative_loss = 0.9 * cumulative_default", deal="small"
    )
    assert goal.sought.root is None
    assert goal.sought.figures[0] < goal.sought.figures[-1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"until": "yield.junior"}, "FIGURE = VALUE"),
        ({"until": "yield.middle = 0.1"}, "a class of the deal"),
        ({"until": "profit = 0.1"}, "cost_of_funds"),
        ({"until": "yield.junior = = 1"}, "FIGURE = VALUE"),
        ({"until": "yield.junior + = 1"}, "--until"),
        ({"between": (0.9, 0.1)}, "the lower first"),
        ({"field": "deals.small.tranches.senior.sharp"}, "sharp"),
        ({"between": (0.5, 1.5)}, "share"),
    ],
)
def test_goals_that_cannot_be_sought_are_refused_in_words(model, changes, words):
    asked = {"field": SHARE, "between": (0.3, 0.9), "until": "yield.junior = 0.5", **changes}
    with pytest.raises(InputError, match=words):
        seek_goal(model, asked["field"], asked["between"], asked["until"])
