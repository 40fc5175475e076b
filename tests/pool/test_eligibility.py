"""Rules as data: yes, no, unknown, and words for a rule that cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.pool.build import build_pool
from scfcap.pool.columns import Columns, ask
from scfcap.schema.pool import (
    AdvanceRate,
    BorrowingBaseSpec,
    Concentration,
    EligibilitySet,
    PoolSpec,
    Rule,
    Strata,
)
from scfcap.tape.schema import Tape


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("score >= 600", [1, 1, -1, 1, 0, 0, 0]),
        ("550 <= score <= 650", [0, 1, -1, 1, 1, 0, 0]),
        ("remaining_days >= 30", [1, 1, 1, 1, 0, 1, 0]),
        ("age_days <= 30", [1, 1, 1, 1, 0, 1, 1]),
        ("term_days == 60", [1, 1, 1, 1, 1, 0, 0]),
        ("maturity_date < as_of", [0, 0, 0, 0, 1, 0, 0]),
        ('segment in ("x", "z")', [1, 0, 1, 0, 1, 1, 1]),
        ('segment != "x"', [0, 1, 0, 1, 0, 1, 0]),
        ('buyer_id == "m"', [1, 0, -1, 1, -1, -1, -1]),
        ('buyer_id != "m"', [0, 1, -1, 0, -1, -1, -1]),
        ('buyer_id is missing or buyer_id == "m"', [1, 0, 1, 1, 1, 1, 1]),
        ("days_past_due in (0, 5)", [1, 1, 1, 1, 0, 1, 1]),
    ],
)
def test_tests_over_the_tape(tape: Tape, test: str, expected: list[int]) -> None:
    assert ask(Columns(tape.frame, tape.as_of), test).tolist() == expected


def pool_spec(*tests: str, **more: Any) -> PoolSpec:
    rules = tuple(Rule(test=test) for test in tests)
    return PoolSpec(eligibility={"spv": EligibilitySet(rules=rules, **more)})


def test_days_to_a_missing_date_are_missing(tape: Tape) -> None:
    frame = tape.frame.copy()
    frame.loc[0, "maturity_date"] = pd.NaT
    columns = Columns(frame, tape.as_of)
    for test in ("remaining_days <= 180", "remaining_days > 180", "term_days > 0"):
        assert ask(columns, test)[0] == -1
    assert np.isnan(columns.numbers("remaining_days")[0])


def test_a_no_weighs_more_than_an_unknown(tape: Tape) -> None:
    # c has no score and is past due; e has no buyer and a low score.
    rules = ("score >= 600", "days_past_due <= 0", 'buyer_id in ("m", "n")')
    pool = build_pool(tape, pool_spec(*rules))
    assert pool.eligibility["spv"].tolist() == [1, 1, 0, 1, 0]
    pool = build_pool(tape, pool_spec(rules[0], rules[2]))
    assert pool.eligibility["spv"].tolist() == [1, 1, -1, 1, 0]


def test_exclusions_alone_in_sequence_and_if_waived(tape: Tape) -> None:
    # c (150) has no score and is 5 days past due; e (300) scores 550 and is 30 days past due.
    rules = (Rule(name="score", test="score >= 600"), Rule(test="days_past_due <= 0"))
    pool = build_pool(tape, PoolSpec(eligibility={"spv": EligibilitySet(rules=rules)}))
    table = pool.tables["eligibility"].set_index("rule")
    assert table.index.tolist() == ["score", "days_past_due <= 0"]
    assert table["loans_alone"].tolist() == [1, 2]
    assert table["balance_alone"].tolist() == [300.0, 450.0]
    assert table["loans_in_sequence"].tolist() == [1, 1]
    assert table["balance_in_sequence"].tolist() == [300.0, 150.0]
    assert table["undetermined_loans"].tolist() == [1, 0]
    assert table["undetermined_balance"].tolist() == [150.0, 0.0]
    assert table["loans_if_waived"].tolist() == [0, 0], "each of them falls under both"
    answers = pool.tables["eligibility_answers"].set_index("answer")
    assert answers["balance"].to_dict() == {
        "eligible": 550.0,
        "ineligible": 450.0,
        "undetermined": 0.0,
    }
    assert answers["share"].sum() == pytest.approx(1.0)


def test_waiving_one_rule_lets_in_what_only_it_keeps_out(tape: Tape) -> None:
    # Waiving the score lets in c, of which it knew nothing; waiving the rate lets in d.
    table = build_pool(tape, pool_spec("score >= 560", "rate <= 0.2")).tables["eligibility"]
    assert table["loans_if_waived"].tolist() == [2, 1]
    assert table["balance_if_waived"].tolist() == [150.0 + 300.0, 250.0]
    for k, rule in enumerate(("score >= 560", "rate <= 0.2")):
        other = pool_spec(*(r for r in ("score >= 560", "rate <= 0.2") if r != rule))
        both = build_pool(tape, pool_spec("score >= 560", "rate <= 0.2")).eligibility["spv"]
        gained = (build_pool(tape, other).eligibility["spv"] == 1).sum() - (both == 1).sum()
        assert gained == table["loans_if_waived"][k]


def test_no_rule_lets_all_pass(tape: Tape) -> None:
    assert build_pool(tape, pool_spec()).eligibility["spv"].tolist() == [1] * 5


def test_what_cannot_be_asked_is_said_at_once(tape: Tape) -> None:
    spec = PoolSpec(
        eligibility={
            "spv": EligibilitySet(
                rules=(
                    Rule(test="rate > 0 and scroe >= 1"),
                    Rule(test="segment >= 1"),
                    Rule(name="dated", test="maturity_date <= 90"),
                    Rule(test='rate == "0.1"'),
                    Rule(test="score"),
                ),
                concentrations=(
                    Concentration(column="sector", share=0.1),
                    Concentration(column="region_", share=0.1, treatment="exclude", order="-scor"),
                ),
            )
        },
        borrowing_base={
            "line": BorrowingBaseSpec(
                eligibility="spv",
                advance_rates=(AdvanceRate(test="score > segment", rate=0.5),),
                drawn=0.0,
            )
        },
        stratify_by=("segmant", Strata(column="region", edges=(1.0,))),
    )
    tape = replace(tape, frame=tape.frame.assign(region="north"))
    with pytest.raises(InputError) as error:
        build_pool(tape, spec)
    said = [str(problem) for problem in error.value.problems]
    assert len(said) == 11
    assert said[0].startswith(
        'model.toml: pool.eligibility.spv, rule "rate > 0 and scroe >= 1": '
        "found column 'scroe' at character 14; expected one of loan_id"
    )
    assert "Did you mean score?" in said[0]
    assert "`segment` at character 1, a text, compared with" in said[1]
    assert 'rule "dated"' in said[2]
    assert "a date, compared with" in said[2]
    assert 'Put texts into quotes ("15"), and numbers without.' in said[3]
    assert "expected a test" in said[4]
    assert "concentration" in said[5]
    assert "Did you mean score?" in said[7]
    assert 'borrowing_base.line, advance rate "score > segment"' in said[8]
    assert "Did you mean segment?" in said[9]
    assert "edges for region, a text" in said[10]
