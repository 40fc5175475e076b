"""The grammar: what it reads, what it refuses, and its three answers."""

from __future__ import annotations

import contextlib
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.expressions import (
    FALSE,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_OPERATORS,
    TRUE,
    UNKNOWN,
    ExpressionError,
    Texts,
    parse,
)


def _days(*texts):
    return np.array(texts, dtype="datetime64[D]")


COLUMNS = {
    "score": np.array([700.0, 500.0, np.nan, 600.0]),
    "days": np.array([10.0, 200.0, 90.0, np.nan]),
    "whole": np.array([1, 2, 3, 4]),
    "region": Texts(np.array([0, 1, -1, 0], dtype=np.int32), ("X", "Y")),
    "other": Texts(np.array([1, 1, 1, 0], dtype=np.int32), ("Z", "X")),
    "start": _days("2013-01-01", "2013-02-01", "NaT", "2013-12-31"),
    "end": _days("2013-01-31", "2013-03-01", "2013-01-01", "NaT"),
    "Due Date": _days("2013-01-31", "2013-03-01", "2013-01-01", "NaT"),
    "利率": np.array([0.1, 0.2, 0.3, 0.4]),
}


def answers(text):
    return parse(text).answers(COLUMNS.__getitem__, 4).tolist()


def values(text):
    return np.asarray(parse(text).evaluate(COLUMNS.__getitem__, 4)).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("score >= 600", [1, 0, -1, 1]),
        ('days <= 180 and score >= 600 and region != "X"', [0, 0, -1, 0]),
        ('region in ("X", "W")', [1, 0, -1, 1]),
        ("region not in ('X')", [0, 1, -1, 0]),
        ("whole in (1, 3)", [1, 0, 1, 0]),
        ("whole in (-1, 2)", [0, 1, 0, 0]),
        ("score is missing", [0, 0, 1, 0]),
        ("region is present and start is present", [1, 1, 0, 1]),
        ("not score >= 600", [0, 1, -1, 0]),
        ("not not score >= 600", [1, 0, -1, 1]),
        ("0 < days <= 90", [1, 0, 1, -1]),
        ("region == other", [1, 0, -1, 0]),
        ('start >= "2013-02-01"', [0, 1, -1, 1]),
        ('start in ("2013-02-01", "2013-12-31")', [0, 1, -1, 1]),
        ('"2013-02-01" <= start', [0, 1, -1, 1]),
        ("end - start <= 28", [0, 1, -1, -1]),
        ("`Due Date` == end", [1, 1, 1, -1]),
        ('start + 30 == date("2013-01-31")', [1, 0, -1, 0]),
        ("利率 > 0.25", [0, 0, 1, 1]),
        ("true", [1, 1, 1, 1]),
        ('"a" == "a"', [1, 1, 1, 1]),
        ("score >= 600 or false", [1, 0, -1, 1]),
        ("1_000 > 9.99e2", [1, 1, 1, 1]),
        ('if(whole > 2, region, "Y") == "Y"', [1, 1, -1, 0]),
        ("if(score >= 600, true, days > 100)", [1, 1, -1, 1]),
        ('start + 1.5 == date("2013-01-02")', [1, 0, -1, 0]),
    ],
)
def test_answers(text, expected):
    assert answers(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", [5.0] * 4),
        ("-(1 + 2) * -whole", [3.0, 6.0, 9.0, 12.0]),
        ("2 - 3 - 4", [-5.0] * 4),
        ("12 / 3 / 2", [2.0] * 4),
        ("min(whole, 2, 3)", [1.0, 2.0, 2.0, 2.0]),
        ("abs(-whole)", [1, 2, 3, 4]),
        ("floor(whole / 2)", [0.0, 1.0, 1.0, 2.0]),
        ("if(whole > 2, 1, 0)", [0.0, 0.0, 1.0, 1.0]),
    ],
)
def test_numbers(text, expected):
    assert values(text) == expected


def test_a_name_may_have_parts():
    expression = parse("balance.senior >= 0.5 * fee.trustee.due")
    assert expression.columns == ("balance.senior", "fee.trustee.due")


def test_missing_passes_through_arithmetic_and_dividing_by_zero_is_missing():
    assert np.isnan(parse("score + 1").evaluate(COLUMNS.__getitem__, 4)).tolist() == [
        *(False, False, True, False)
    ]
    assert np.isnan(parse("whole / 0").evaluate(COLUMNS.__getitem__, 4)).all()
    assert answers("max(score, 650) > 600") == [1, 1, -1, 1]


def test_the_earlier_and_the_later_of_two_days():
    assert values("max(start, end)")[0].isoformat() == "2013-01-31"
    assert values("min(start, end)")[0].isoformat() == "2013-01-01"


def test_a_choice_of_texts_and_a_lone_text():
    found = parse('if(score >= 600, region, "low")').evaluate(COLUMNS.__getitem__, 4)
    assert [found.labels[k] if k >= 0 else None for k in found.codes] == ["X", "low", None, "X"]
    lone = parse('"all"').evaluate(COLUMNS.__getitem__, 4)
    assert (lone.labels, lone.codes.tolist()) == (("all",), [0, 0, 0, 0])


def test_columns_in_order_of_appearance():
    assert parse("b > a and `c d` is missing and a < 1").columns == ("b", "a", "c d")


# Kleene's strong tables (Introduction to Metamathematics, 1952, § 64), written as he does:
# and is the least, or the greatest of false < unknown < true.
ORDER = {FALSE: 0, UNKNOWN: 1, TRUE: 2}


@pytest.mark.parametrize(("a", "b"), list(product((TRUE, FALSE, UNKNOWN), repeat=2)))
def test_three_valued_logic(a, b):
    cells = {"a": np.array([a], dtype=np.int8), "b": np.array([b], dtype=np.int8)}
    both = parse("a and b").answers(cells.__getitem__, 1)[0]
    either = parse("a or b").answers(cells.__getitem__, 1)[0]
    assert ORDER[both] == min(ORDER[a], ORDER[b])
    assert ORDER[either] == max(ORDER[a], ORDER[b])
    assert ORDER[parse("not a").answers(cells.__getitem__, 1)[0]] == 2 - ORDER[a]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('__import__("os").system("x")', "'.system"),
        ('__import__("os")', "a function __import__()"),
        ('open("x")', "open"),
        ("score. > 3", "'. > 3"),
        ("score = 600", "== for"),
        ("score >= 600 && true", "Write and"),
        ("score >= 60%", "decimal"),
        ("score >=", "the end"),
        ("score >= 600 score", "'score' at character 14"),
        ("(score >= 600", "the end"),
        ("score is 3", "`missing` or `present`"),
        ("region in ()", "a number or a text"),
        ("region in (score)", "a number or a text"),
        ("and", "a column"),
        ("", "the end"),
        ("score >= 600; import os", "';"),
        ("lambda x: 1", "': 1'"),
        ("[1 for x in (1)]", "grammar"),
        ("min(1)", "2 to 20"),
        ("mni(1, 2)", "Did you mean min"),
        ("12abc > 3", "'12abc"),
        ("'open", "'open"),
        ("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1), "nested"),
        ("1" + "+1" * (MAX_OPERATORS + 1), "operators"),
        ("-" * (MAX_OPERATORS + 1) + "1", "operators"),
        ("a" * (MAX_LENGTH + 1), "characters"),
    ],
)
def test_what_is_refused_when_read(text, said):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    error = caught.value
    assert said in f"{error.found} {error.expected} {error.action}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('score >= "600"', "`score` at character 1, a number, compared with"),
        ("region < 'X'", "between texts"),
        ("score + region > 1", "`region`"),
        ("score", "a test"),
        ("score and true", "a test"),
        ("not score", "a test"),
        ("score in ('X')", "members of the same kind"),
        ('start >= "soon"', '"soon"'),
        ("start * 2 > 1", "`start`"),
        ("if(true, 1, 'a') == 1", "one kind"),
        ("date(score) == start", "2013-12-31"),
    ],
)
def test_kinds_that_do_not_go_together(text, said):
    with pytest.raises(ExpressionError) as caught:
        answers(text)
    assert said in f"{caught.value.found} {caught.value.expected} {caught.value.action}"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    with contextlib.suppress(ExpressionError):
        parse(text)


_LEAF = st.sampled_from(["a", "b", "3", "0.5", "(a + 1)", "min(a, b)"])
_SUM = st.recursive(
    _LEAF, lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(" ".join), max_leaves=8
)


@given(_SUM, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _SUM)
def test_arithmetic_agrees_with_python(left, sign, right):
    """Python's own precedence is the witness; our texts hold nothing but sums and names."""
    text = f"{left} {sign} {right}"
    names = {"a": 2.0, "b": -1.5, "min": min}
    expected = eval(text, {"__builtins__": {}}, names)
    cells = {"a": np.array([2.0]), "b": np.array([-1.5])}
    assert parse(text).answers(cells.__getitem__, 1)[0] == int(expected)


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ('amount * 2 > 3 and state == "X"', {"amount": "number", "state": "text"}),
        ('due >= date("2020-01-31") or code in (1, 2)', {"due": "date", "code": "number"}),
        ("due - issued <= 90 and name is present", {}),
        (
            'if(not flag == "Yes", -paid, abs(owed))',
            {"flag": "text", "paid": "number", "owed": "number"},
        ),
    ],
)
def test_what_a_column_is_used_as(text, uses):
    assert parse(text).uses == uses


def test_a_text_chosen_for_all_rows_stands_in_each() -> None:
    found = parse('if(true, "a", "b")').evaluate(lambda _: np.zeros(0), 3)
    assert isinstance(found, Texts)
    assert [found.labels[code] for code in found.codes] == ["a", "a", "a"]
