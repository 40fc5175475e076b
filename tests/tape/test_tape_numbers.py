"""Numbers in the form that the mapping states: marks, currencies, brackets; nothing is guessed."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.tape.numbers import NumberForm, numbers

EUROPE = NumberForm(decimal=",", thousands=".")
SPACED = NumberForm(thousands=" ")
MONEY = NumberForm(currency=True)


def read(form: NumberForm, *cells: str | None) -> tuple[list[float], dict[int, str]]:
    values, issues = numbers(pa.array(cells, pa.string()), "rate", form=form)
    found = {int(row): issue.reason for issue in issues for row in issue.rows}
    return values.tolist(), found


@pytest.mark.parametrize(
    ("form", "cell", "value"),
    [
        (EUROPE, "1.234.567,89", 1234567.89),
        (EUROPE, "-1,5", -1.5),
        (EUROPE, "1.234", 1234.0),
        (EUROPE, "1234", 1234.0),
        (NumberForm(decimal=","), "0,5", 0.5),
        (NumberForm(thousands=","), "12,345.6", 12345.6),
        (NumberForm(thousands=","), "12,34,567.00", 1234567.0),  # lakhs
        (NumberForm(thousands=","), "+1e3", 1000.0),
        (NumberForm(thousands="'"), "1\u2019234'567", 1234567.0),
        (SPACED, "1 234\u00a0567.5", 1234567.5),
        (SPACED, "1\u202f234", 1234.0),
        (MONEY, "¥1,200.00", 1200.0),
        (MONEY, "￥ 1200", 1200.0),
        (MONEY, "1,200元", 1200.0),
        (MONEY, "CNY 1,200", 1200.0),
        (MONEY, "-$5", -5.0),
        (MONEY, "$-5", -5.0),
        (MONEY, "$\u22125.10", -5.10),
        (MONEY, "($1,200.00)", -1200.0),
        (MONEY, "(1,200.00)", -1200.0),
        (MONEY, "(1,200.00) €", -1200.0),
        (MONEY, "€ (1,200.00)", -1200.0),
        (MONEY, "1,200.00-", -1200.0),
        (MONEY, "Rs. 1,00,000", 100000.0),
        (MONEY, "1200", 1200.0),
        (NumberForm(decimal=",", currency=True), "1.200,00 €", 1200.0),
    ],
)
def test_what_is_in_the_stated_form(form: NumberForm, cell: str, value: float) -> None:
    assert read(form, cell, "") == ([value, pytest.approx(math.nan, nan_ok=True)], {})


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        (EUROPE, "1,234.50"),
        (EUROPE, "1.5"),  # no group of three: a decimal point that was not stated
        (EUROPE, "1.234.56"),
        (NumberForm(decimal=","), "1.5"),
        (NumberForm(thousands=","), "1,23"),
        (NumberForm(thousands=","), "$1,234"),
        (SPACED, "1,234"),
        (MONEY, "12k"),
        (MONEY, "12 MIO"),
        (MONEY, "12万"),
        (MONEY, "5 CR"),
        (MONEY, "(-5)"),
        (MONEY, "(5"),
        (MONEY, "-5-"),
        (MONEY, "$5 USD"),
        (MONEY, "$($5)"),
        (MONEY, "30 days"),
        (MONEY, "12 Km"),
    ],
)
def test_what_is_not_is_no_number(form: NumberForm, cell: str) -> None:
    values, found = read(form, cell, "7")
    assert found == {0: "not_a_number"}
    assert np.isnan(values[0])
    assert values[1] == 7.0


def test_the_message_shows_the_stated_form() -> None:
    (issue,) = numbers(pa.array(["x"]), "rate", form=EUROPE)[1]
    assert issue.detail == "a number such as 1.234,50"
    (issue,) = numbers(pa.array(["1,200"]), "rate")[1]
    assert "their mark in [tape].thousands" in str(issue.detail)


def test_another_currency_than_most_is_no_amount_of_the_column() -> None:
    values, found = read(MONEY, "$5", "US$ 6", "7", "USD 8", "€9", "")
    assert values[:4] == [5.0, 6.0, 7.0, 8.0]
    assert found == {4: "mixed_currency"}
    assert np.isnan(values[4:]).all()


def test_percent_signs_go_with_any_form() -> None:
    cells = pa.array(["12,5%", "8 %"])
    values, issues = numbers(cells, "rate", percent=True, form=NumberForm(decimal=","))
    assert (values.tolist(), issues) == ([0.125, 0.08], [])


@given(
    st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=10),
    st.sampled_from([(".", ","), (",", "."), (".", " "), (".", "'"), (",", " ")]),
    st.booleans(),
)
def test_amounts_read_back_from_any_form(
    amounts: list[object], marks: tuple[str, str], currency: bool
) -> None:
    point, group = marks
    swap = str.maketrans({".": point, ",": group})
    cells = [f"{amount:,}".translate(swap) for amount in amounts]
    values, found = read(NumberForm(point, group, currency), *cells)
    assert found == {}
    assert values == [float(str(amount)) for amount in amounts]
