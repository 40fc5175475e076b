"""Rules as data: yes, no, unknown, and words for a rule that cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from scfcap.errors import InputError
from scfcap.pool.build import build_pool
from scfcap.pool.eligibility import answer_rule, with_ages
from scfcap.schema.pool import Concentration, EligibilitySet, PoolSpec, Rule
from scfcap.tape.schema import Tape


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"column": "score", "at_least": 600}, [1, 1, -1, 1, 0, 0, 0]),
        ({"column": "score", "at_least": 550, "at_most": 650}, [0, 1, -1, 1, 1, 0, 0]),
        ({"column": "remaining_days", "at_least": 30}, [1, 1, 1, 1, 0, 1, 0]),
        ({"column": "age_days", "at_most": 30}, [1, 1, 1, 1, 0, 1, 1]),
        ({"column": "segment", "one_of": ("x", "z")}, [1, 0, 1, 0, 1, 1, 1]),
        ({"column": "segment", "none_of": ("x",)}, [0, 1, 0, 1, 0, 1, 0]),
        ({"column": "buyer_id", "one_of": ("m",)}, [1, 0, -1, 1, -1, -1, -1]),
        ({"column": "buyer_id", "none_of": ("m",)}, [0, 1, -1, 0, -1, -1, -1]),
        (
            {"column": "segment", "one_of": ("x", "y"), "none_of": ("y",)},
            [1, 0, 1, 0, 1, 0, 1],
        ),
        ({"column": "days_past_due", "one_of": ("0", "5")}, [1, 1, 1, 1, 0, 1, 1]),
    ],
)
def test_rules(tape: Tape, rule: dict[str, Any], expected: list[int]) -> None:
    frame = with_ages(tape.frame, tape.as_of)
    assert answer_rule(frame, Rule(**rule)).tolist() == expected


def pool_spec(*rules: Rule, **more: Any) -> PoolSpec:
    return PoolSpec(eligibility={"spv": EligibilitySet(rules=rules, **more)})


def test_a_no_weighs_more_than_an_unknown(tape: Tape) -> None:
    # c has no score and is past due; e has no buyer and a low score.
    rules = (
        Rule(column="score", at_least=600),
        Rule(column="days_past_due", at_most=0),
        Rule(column="buyer_id", one_of=("m", "n")),
    )
    pool = build_pool(tape, pool_spec(*rules))
    assert pool.eligibility["spv"].tolist() == [1, 1, 0, 1, 0]
    pool = build_pool(tape, pool_spec(rules[0], rules[2]))
    assert pool.eligibility["spv"].tolist() == [1, 1, -1, 1, 0]


def test_exclusions_alone_and_in_sequence(tape: Tape) -> None:
    pool = build_pool(
        tape,
        pool_spec(
            Rule(name="score", column="score", at_least=600),
            Rule(column="days_past_due", at_most=0),
        ),
    )
    table = pool.tables["eligibility"].set_index("rule")
    assert table.index.tolist() == ["score", "days_past_due <= 0"]
    assert table["loans_alone"].tolist() == [1, 2]
    assert table["balance_alone"].tolist() == [300.0, 450.0]
    assert table["loans_in_sequence"].tolist() == [1, 1]
    assert table["balance_in_sequence"].tolist() == [300.0, 150.0]
    assert table["undetermined_loans"].tolist() == [1, 0]
    assert table["undetermined_balance"].tolist() == [150.0, 0.0]
    answers = pool.tables["eligibility_answers"].set_index("answer")
    assert answers["balance"].to_dict() == {
        "eligible": 550.0,
        "ineligible": 450.0,
        "undetermined": 0.0,
    }
    assert answers["share"].sum() == pytest.approx(1.0)


def test_no_rule_lets_all_pass(tape: Tape) -> None:
    assert build_pool(tape, pool_spec()).eligibility["spv"].tolist() == [1] * 5


def test_what_cannot_be_asked_is_said_at_once(tape: Tape) -> None:
    spec = PoolSpec(
        eligibility={
            "spv": EligibilitySet(
                rules=(
                    Rule(column="scroe", at_least=1),
                    Rule(column="segment", at_least=1),
                    Rule(column="maturity_date", at_most=90),
                    Rule(column="rate", one_of=("0.1",)),
                ),
                concentrations=(Concentration(column="sector", share=0.1),),
            )
        },
        stratify_by=("segmant",),
    )
    with pytest.raises(InputError) as error:
        build_pool(tape, spec)
    said = [str(problem) for problem in error.value.problems]
    assert len(said) == 6
    assert said[0].startswith("model.toml: pool.eligibility.spv.rules[0]: found column 'scroe'")
    assert "Did you mean score?" in said[0]
    assert "Use one_of or none_of." in said[1]
    assert "Use remaining_days or age_days." in said[2]
    assert "Use at_least or at_most." in said[3]
    assert "concentrations[0]" in said[4]
    assert "Did you mean segment?" in said[5]
