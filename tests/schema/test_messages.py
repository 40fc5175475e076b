"""Faults in a model file: the words are part of the product, so the tests match them."""

from __future__ import annotations

import pytest

from scfcap.schema.messages import closest, decimal_hint, dotted, shown


def test_unknown_key_suggests_the_nearest(said):
    (text,) = said({"periods = 12\n": "perids = 12\n"})
    assert text.startswith("model.toml: plan.perids: found an unknown key; expected one of periods")
    assert text.endswith("Did you mean periods?")


def test_key_of_another_table_is_sent_there(said):
    (text,) = said({"net_capital = 1e6": "net_capital = 1e6\nopex_rate = 0.01"})
    assert "model.toml: opening.opex_rate: found an unknown key" in text
    assert text.endswith("It belongs to plan.opex_rate.")


def test_key_unlike_any_other_points_to_the_schema(said):
    (text,) = said({"net_capital = 1e6": "net_capital = 1e6\nzzz = 1"})
    assert text.endswith("Take it out, or see `scfcap schema` for all keys.")


def test_misspelt_required_key_is_one_problem(said):
    (text,) = said({"as_of = 2013": "as_off = 2013"})
    assert "as_off: found an unknown key" in text
    assert "Did you mean as_of?" in text


@pytest.mark.parametrize(
    ("value", "found", "expected", "hint"),
    [
        ('"7.25%"', '"7.25%"', "a number", "without the percent sign: 0.0725."),
        ('"12 %"', '"12 %"', "a number", "without the percent sign: 0.12."),
        ('"0.07"', '"0.07"', "a number", "Write it without quotes: 0.07."),
        ("7.25", "7.25", "at most 1", "Shares and rates are decimals: 7.25% is 0.0725."),
        ("true", "true", "a number", ""),
        ("nan", "nan", "a finite number", ""),
        ("inf", "inf", "a finite number", ""),
        ("-0.01", "-0.01", "at least 0", ""),
        ("[0.07]", "a list of 1", "a number", ""),
        ("{ a = 1 }", "a table (a)", "a number", ""),
        ("2013-12-31", "2013-12-31", "a number", ""),
    ],
)
def test_what_is_no_rate(said, value, found, expected, hint):
    (text,) = said({"rate = 0.07 }": f"rate = {value} }}"})
    start = f"model.toml: lenders.bank-a.tenors.0.rate: found {found}; expected {expected}."
    assert text.startswith(start)
    assert text.endswith(hint or ".")


def test_percent_sign_without_quotes_names_line_and_decimal(said):
    (text,) = said({"rate = 0.07 }": "rate = 7% }"})
    assert text.startswith("model.toml line 33, column ")
    assert "without a percent sign: 0.12 for 12%" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"periods = 12\n": "periods = 1.5\n"}, "plan.periods: found 1.5; expected a whole number"),
        ({"periods = 12\n": "periods = 0\n"}, "plan.periods: found 0; expected at least 1"),
        ({'name = "small"': "name = 3"}, 'name: found 3; expected text in quotes. Write it in'),
        (
            {"as_of = 2013-12-31": 'as_of = "2013-12-31"'},
            "as_of: found \"2013-12-31\"; expected a date such as 2013-12-31, without quotes",
        ),
        (
            {"as_of = 2013-12-31": "as_of = 2013-12-31T00:00:00"},
            "as_of: found 2013-12-31T00:00:00; expected a date such as 2013-12-31, without quotes",
        ),
        ({'currency = "CNY"': 'currency = "RMBY"'}, "expected text of 3 characters"),
        (
            {'loan_type = "bullet"': 'loan_type = "bulet"'},
            'new_loans.loan_type: found "bulet"; expected one of level_payment',
        ),
        ({"tenors = [{ periods = 6, rate = 0.07 }]": "tenors = []"}, "at least 1 in the list"),
        ({"new_loans = { loan_type = \"bullet\", rate = 0.18, shortest = 5, longest = 30 }":
          "new_loans = 3"}, "new_loans: found 3; expected a table or 'tape'"),
        ({", longest = 30": ""}, "new_loans.longest: found nothing; expected a value"),
        ({"longest = 30": "longest = 3"}, "longest: found 3 days; expected at least shortest, 5"),
        ({"[plan]": "[demand.order_core.seasonality]\n13 = 2\n[plan]"}, "expected at most 12"),
        ({"rate = 0.07 }]": "rate = 0.07 }]\n[lenders.draws]\nrate = 1"}, "Use double brackets"),
    ],
)  # fmt: skip
def test_wrong_values(said, change, expected):
    assert any(expected in text for text in said(change))


def test_wrong_literal_suggests(said):
    (text,) = said({'loan_type = "bullet"': 'loan_type = "bulet"'})
    assert text.endswith('Did you mean "bullet"?')


def test_missing_table_says_its_header(said):
    (text,) = said({"[opening]\nnet_capital = 1e6\n": ""})
    assert text == (
        "model.toml: opening: found no such table; expected a table [opening]. "
        "Add [opening]; `scfcap schema` lists its keys."
    )


def test_missing_tables_by_name(said):
    (text,) = said({"[scenarios.base]\n": ""})
    assert "expected a table [scenarios.NAME]" in text


def test_all_problems_come_at_once_and_in_order(said):
    texts = said(
        {
            "periods = 12\n": "periods = 0\n",
            "limit = 1e5": "limit = -1",
            "limit = 2e5": 'limit = "2e5"',
            "threshold = 0.1 ": "threshold = 10 ",
            "severity = 0.5": "severity = 50",
        }
    )
    keys = [text.split(": ")[1] for text in texts]
    assert keys == [
        "credit.segments.order_core.severity",
        "plan.periods",
        "lenders.bank-a.limit",
        "lenders.bank-b.limit",
        "securitization.trigger.threshold",
    ]


@pytest.mark.parametrize(
    ("change", "start", "part"),
    [
        (
            {"cdr = 0.01": "cdr = 0.01\nlifetime_default = 0.1"},
            "model.toml: credit.segments.order_core: found both cdr and lifetime_default",
            "expected exactly one",
        ),
        (
            {"net_capital = 1e6": ""},
            "model.toml: opening: found neither net_capital nor cash",
            "the other follows from the balance sheet",
        ),
        (
            {"share = 0.9,": "share = 0.8,"},
            "model.toml: securitization.tranches: found shares that add up to 0.9",
            "shares that add up to 1",
        ),
        (
            {", retained = true": ""},
            "model.toml: securitization.tranches: found retained: none",
            "the last tranche, and only it, retained (junior)",
        ),
        (
            {"notes = { senior = 9e4 }": "notes = { senor = 9e4 }"},
            "model.toml: securitization.series.s-1.notes: found balances of senor",
            "one balance for each sold tranche: senior",
        ),
        (
            {"[scenarios.base]": "[scenarios.bad]"},
            "model.toml: scenarios: found scenarios bad",
            'one named "base"',
        ),
        (
            {"periods = 12\n": 'periods = 12\nscenario = "stress"\n'},
            'model.toml: plan.scenario: found "stress"',
            "one of the scenarios base",
        ),
        (
            {'eligibility = "any"': 'eligibility = "none"'},
            "model.toml: pool.eligibility: found sets any",
            "a set named none",
        ),
        (
            {'name = "bank-b"': 'name = "bank-a"'},
            "model.toml: lenders: found names bank-a, bank-a",
            "names that differ",
        ),
        (
            {"platform = { loans = 100, seed = 1 }": ""},
            'model.toml: tape.platform: found nothing, with source = "platform"',
            "a table [tape.platform] with loans and seed",
        ),
        (
            {'{ test = "rate >= 0.0" }': '{ test = "rate => 0.0" }'},
            "model.toml: pool.eligibility.any.rules.0.test: found '=> 0.0' at character 6",
            'Write == for "equals".',
        ),
    ],
)
def test_values_that_do_not_go_together(said, change, start, part):
    (text,) = said(change)
    assert text.startswith(start)
    assert part in text


@pytest.mark.parametrize(
    ("change", "start", "part"),
    [
        (
            {"limit = 1e5": "limit = 1e5\ndraws = [{ amount=1, rate=0.1, maturity=2013-12-31 }]"},
            "model.toml: lenders.bank-a.draws.0.maturity: found 2013-12-31",
            "a day after as_of, 2013-12-31",
        ),
        (
            {"closing = 2013-08-31": "closing = 2014-08-31"},
            "model.toml: securitization.series.s-1.closing: found 2014-08-31",
            "A series to come belongs to securitization.issues.",
        ),
        (
            {"closing = 2014-03-31": "closing = 2013-03-31"},
            "model.toml: securitization.issues.s-2.closing: found 2013-03-31",
            "An outstanding series belongs to securitization.series.",
        ),
        (
            {'name = "s-2"': 'name = "s-1"'},
            'model.toml: securitization: found "s-1" more than once',
            "series with distinct names",
        ),
    ],
)  # fmt: skip
def test_dates_and_names_against_each_other(said, change, start, part):
    (text,) = said(change)
    assert text.startswith(start)
    assert part in text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("12%", "Write a decimal without the percent sign: 0.12."),
        ("1,200", "Write it without quotes: 1200."),
        ("ten%", "Write a decimal without the percent sign: 0.12 for 12%."),
        ("ten", ""),
    ],
)
def test_decimal_hint(text, hint):
    assert decimal_hint(text) == hint


def test_values_are_shown_as_the_file_writes_them():
    assert shown(True) == "true"
    assert shown("a\nb") == '"a b"'
    assert len(shown("x" * 100)) == 60
    assert dotted(("a", "b c", 0)) == 'a."b c".0'


def test_closest_is_silent_where_nothing_is_near():
    assert closest("Regime", ["regime", "report"]) == "regime"
    assert closest("zzz", ["regime", "report"]) == ""
