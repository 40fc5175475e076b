"""Overrides from Python: Python values come back out of TOML as they went in."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scfcap
from scfcap.errors import InputError
from scfcap.schema.layers import parse_override
from scfcap.schema.write import override_text

SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.dates()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("a b.+-9", min_size=1), inner)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value):
    override = parse_override(override_text("demand.b2b", value))
    assert override.key == ("demand", "b2b")
    assert override.value == value
    assert type(override.value) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, 2.5), "[1, 2.5]"),
        (np.float64(0.5), "0.5"),
        (np.int64(3), "3"),
        (np.array([1.0, 2.0]), "[1.0, 2.0]"),
        (date(2024, 1, 31), "2024-01-31"),
        ({"rate": 0.1, "91+": [{"x": True}]}, '{ rate = 0.1, "91+" = [{ x = true }] }'),
    ],
)
def test_a_value_is_written_as_toml(value, text):
    assert override_text("a", value) == f"a={text}"


def test_a_path_is_text():
    assert parse_override(override_text("tape.path", Path("a") / "b.csv")).value == str(
        Path("a") / "b.csv"
    )


@pytest.mark.parametrize("value", [None, object(), [1, None], {"a": {1, 2}}])
def test_what_toml_has_no_word_for_is_refused(value):
    with pytest.raises(InputError, match=r"overrides: a\.b: found .* expected a number, text"):
        override_text("a.b", value)


def test_a_table_is_laid_over_a_model():
    new = {"loan_type": "bullet", "rate": 0.2, "shortest": 30, "longest": 60}
    model = scfcap.load("alibaba-2013", overrides={"demand.b2b.new_loans": new})
    told = model.loaded.spec.demand["b2b"].new_loans
    assert told != "tape"
    assert {name: getattr(told, name) for name in new} == new
