"""Each way in which an input can be bad: one clear message, exit code 2 or 3, nothing written."""

from __future__ import annotations

import json
import os
from datetime import date

import pytest

#: Columns of the small model's tape, in the order of its cells.
TAPE = [
    *("loan_id", "segment", "loan_type", "origination_date", "maturity_date"),
    *("original_balance", "current_balance", "rate"),
]


@pytest.fixture
def refused(scfcap, tmp_path):
    """Run a model that must be refused, as text and as JSON; returns the message.

    Neither way may leave a traceback or a file behind.
    """

    def run(folder, *options, code=2):
        before = sorted(tmp_path.rglob("*"))
        told = scfcap("run", folder, "--out", tmp_path / "out", *options)
        assert (told.exit_code, told.stdout) == (code, "")
        assert "Traceback" not in told.stderr
        also = scfcap("run", folder, "--out", tmp_path / "out", "--json", "--quiet", *options)
        error = json.loads(also.stdout)["error"]
        assert (also.exit_code, error["exit_code"]) == (code, code)
        assert sorted(tmp_path.rglob("*")) == before
        return told.stderr

    return run


def test_wrong_key(mini, refused, model_text):
    folder = mini(model_text.replace("liquidity_floor =", "liquidity_flor ="))
    message = refused(folder)
    assert "model.toml: plan.liquidity_flor: found an unknown key" in message
    assert "Did you mean liquidity_floor?" in message


def test_wrong_type(mini, refused, model_text):
    message = refused(mini(model_text.replace("periods = 4", 'periods = "four"')))
    assert 'model.toml: plan.periods: found "four"; expected a whole number' in message


def test_several_faults_are_told_at_once(mini, refused, model_text):
    text = model_text.replace("cpr = 0.2", "cpr = -0.2").replace("as_of = 2020-12-31", "as_of = 1")
    message = refused(mini(text))
    assert "credit.segments.credit.cpr" in message
    assert "as_of" in message


def test_a_percent_sign_in_a_rate_of_the_model(mini, refused, model_text):
    message = refused(mini(model_text.replace("opex_rate = 0.01", 'opex_rate = "1%"')))
    assert 'plan.opex_rate: found "1%"; expected a number' in message
    assert "0.01" in message.split("expected")[1]


def test_a_percent_sign_in_a_rate_of_the_tape(mini, refused, rows):
    rows[4][7] = "20%"
    message = refused(mini(rows=rows))
    assert "tape.csv row 5, loan L004, rate: found '20%'" in message
    assert "percent" in message


def test_missing_tape(mini, refused):
    folder = mini()
    (folder / "tape.csv").unlink()
    message = refused(folder)
    assert "tape.csv: found no such file; expected a tape" in message
    assert "--tape" in message


def test_missing_tape_of_the_command_line(mini, refused, tmp_path):
    message = refused(mini(), "--tape", tmp_path / "nowhere.csv")
    assert "nowhere.csv: found no such file" in message


def test_missing_model(refused, tmp_path):
    message = refused(tmp_path / "nowhere")
    assert "nowhere: found no such folder or file" in message
    assert "scfcap init" in message


def test_repeated_loan_id(mini, refused, rows):
    rows[7][0] = rows[3][0]
    message = refused(mini(rows=rows))
    assert "tape.csv row 8, loan_id: found 'L003' (repeated id); expected each loan once" in message


def test_a_date_before_time(mini, refused, rows):
    rows[0][4] = date(2019, 1, 1)
    rows[1][3] = date(2021, 1, 1)
    message = refused(mini(rows=rows))
    assert "row 1, loan L000, maturity_date: found '2019-01-01' (before origination)" in message
    assert "row 2, loan L001, origination_date: found '2021-01-01' (after as of)" in message


@pytest.mark.parametrize("text", ["2020-13-01", "31/12/2020", "0000-00-00"])
def test_a_date_that_is_none(mini, refused, rows, text):
    rows[0][3] = text
    message = refused(mini(rows=rows))
    assert f"row 1, loan L000, origination_date: found '{text}'" in message


def test_negative_balance(mini, refused, rows):
    rows[2][6] = -10.5
    message = refused(mini(rows=rows))
    assert (
        "row 3, loan L002, current_balance: found '-10.5' (negative); expected 0 or more" in message
    )


def test_empty_tape(mini, refused):
    message = refused(mini(rows=[]))
    assert "tape.csv: found no rows; expected at least one loan" in message


def test_a_tape_without_even_a_header(mini, refused):
    folder = mini()
    (folder / "tape.csv").write_text("")
    assert "tape.csv: found an empty file" in refused(folder)


def test_a_missing_column_lists_those_that_are_there(mini, refused):
    folder = mini()
    tape = folder / "tape.csv"
    tape.write_text(tape.read_text().replace("current_balance", "outstanding", 1))
    message = refused(folder)
    assert "current_balance" in message
    assert "outstanding" in message


def test_infeasible_plan(mini, refused, model_text):
    text = model_text.replace(
        "per_period = 20000.0\nminimum = 0.1", "per_period = 9e6\nminimum = 1"
    )
    message = refused(mini(text), code=3)
    assert "No plan keeps all limits" in message
    assert "promised" in message
    assert "CNY" in message


def test_an_override_that_names_nothing(mini, refused):
    message = refused(mini(), "--set", "lenders.bank-b.limit=0")
    assert "--set lenders.bank-b.limit=0" in message
    assert "bank-a" in message


def test_a_regime_that_is_not_in_force(mini, refused, model_text):
    folder = mini(model_text.replace('regime = "none"', 'regime = "cq_2012"'))
    message = refused(folder, "--set", "as_of=2008-01-31")
    assert "cq_2012" in message
    assert "2008-01-31" in message


def test_out_is_a_file(mini, scfcap, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    told = scfcap("run", mini(), "--out", taken)
    assert told.exit_code == 2
    assert str(taken) in told.stderr
    assert "plan" not in told.stderr  # said before the work, not after it
    assert taken.read_text() == "mine"


def test_out_is_somebody_elses_folder(mini, scfcap, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("mine")
    told = scfcap("run", mini(), "--out", taken)
    assert told.exit_code == 2
    assert [p.name for p in taken.iterdir()] == ["thesis.txt"]


def test_check_refuses_what_a_run_would_refuse(mini, scfcap, refused, model_text):
    folder = mini(model_text.replace("cash = 5000.0", "net_capital = 5000.0"))
    message = refused(folder)
    assert "model.toml: opening.net_capital: found 5.000, which leaves cash of -" in message
    checked = scfcap("check", folder)
    assert (checked.exit_code, checked.stdout) == (2, "")
    assert "opening.net_capital" in checked.stderr


def test_demand_for_a_segment_that_nobody_knows(mini, refused, model_text):
    message = refused(mini(model_text.replace("[demand.order", "[demand.orders")))
    assert "model.toml: demand.orders: found a segment that is neither on the tape" in message
    assert "expected one of credit, order" in message


def test_a_segment_of_the_tape_without_a_curve(mini, refused, rows):
    rows[4][1] = "lease"
    message = refused(mini(rows=rows))
    assert "model.toml: credit.segments.lease: found no curve" in message
    assert "there are credit, order" in message


@pytest.mark.parametrize("amount", ["opening.cash=1e300", "plan.money_unit=1e-9"])
def test_amounts_beyond_any_balance_sheet(mini, refused, amount):
    assert f"--set {amount}: found" in refused(mini(), "--set", amount)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_names_that_are_not_utf8(mini, scfcap, tmp_path):
    folder = os.fsdecode(b"na\xefve")
    try:
        mini(name=folder)
    except OSError:
        pytest.skip("this file system has no such names")
    told = scfcap("run", tmp_path / folder, "--out", tmp_path / "out")
    assert told.exit_code == 0


def test_a_new_folder_below_a_file(scfcap, tmp_path):
    (tmp_path / "taken").write_text("mine")
    told = scfcap("init", tmp_path / "taken" / "model")
    assert told.exit_code == 2
    assert "found a file in the way" in told.stderr


@pytest.mark.parametrize(
    ("units", "cell", "hint"),
    [
        ("", "36", "list it in percent, or raise max_rate"),
        # 0.1% a day, written as 0.1 and said to be daily but not in percent.
        ('daily = ["rate"]', "0.1", "list it in percent, or take it out of daily, or raise"),
        ('percent = ["rate"]\nmonthly = ["rate"]', "300", "take it out of monthly, or raise"),
    ],
)
def test_a_rate_of_3600_percent(mini, refused, model_text, rows, units, cell, hint):
    for row in rows:
        row[7] = {"": 0.18, "d": 0.0005, "p": 1.5}[units[:1]]
    rows[4][7] = cell
    text = model_text.replace('path = "tape.csv"', f'path = "tape.csv"\n{units}')
    message = refused(mini(text, rows))
    assert f"tape.csv row 5, loan L004, rate: found '{cell}' (out of range)" in message
    assert "expected a decimal a year from 0 to 1, [tape].max_rate; this is 36" in message
    assert hint in message
    assert message.count("(out of range)") == 1


def test_a_rate_of_3600_percent_that_the_model_believes(mini, scfcap, model_text, rows):
    rows[4][7] = 36
    folder = mini(model_text.replace('path = "tape.csv"', 'path = "tape.csv"\nmax_rate = 36'), rows)
    assert scfcap("check", folder).exit_code == 0


def test_a_rate_of_3600_percent_of_new_loans(mini, refused, model_text):
    message = refused(mini(model_text.replace("rate = 0.2\n", "rate = 36\n")))
    assert "model.toml: demand.order.new_loans.rate: found 36, 3600% a year" in message
    assert "expected a decimal a year up to 1, tape.max_rate" in message


def test_a_margin_and_an_index_in_percent(mini, refused, model_text):
    more = """
[contract.credit]
rate_index = "base"
rate_margin = 3.5
[[indices.base.fixings]]
day = 2020-12-01
rate = 4.35
"""
    message = refused(mini(model_text + more))
    assert "model.toml: contract.credit.rate_margin: found 3.5, 350% a year" in message
    assert "indices.base.fixings" in message
    assert "found 4.35, 435% a year" in message


def test_a_term_of_zero(mini, refused, rows):
    rows[0][4] = rows[0][3]
    message = refused(mini(rows=rows))
    assert f"row 1, loan L000, maturity_date: found '{rows[0][4]}' (no term)" in message
    assert "expected a day after the origination" in message


def test_a_term_of_zero_for_new_loans(mini, refused, model_text):
    message = refused(mini(model_text.replace("shortest = 20", "shortest = 0")))
    assert "demand.order.new_loans.shortest: found 0; expected at least 1" in message


def test_a_maturity_before_the_tapes_day(mini, refused, rows):
    rows[0][3:5] = date(2020, 11, 1), date(2020, 12, 1)
    message = refused(mini(rows=rows))
    assert "row 1, loan L000, maturity_date: found '2020-12-01' (not said late)" in message
    assert "on or after as_of, or days_past_due of about 30" in message


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("origination_date", "nan"), ("maturity_date", "NaN"), ("original_balance", "nan")),
        *(("current_balance", "inf"), ("current_balance", ""), ("rate", "nan"), ("rate", "1e400")),
    ],
)
def test_no_number_in_the_tape(mini, refused, rows, column, value):
    place = TAPE.index(column)
    rows[4][place] = value
    message = refused(mini(rows=rows))
    assert f"tape.csv row 5, loan L004, {column}: found {value!r} (" in message


def test_no_number_in_an_optional_column(mini, scfcap, refused, rows):
    folder = mini()
    lines = [[*TAPE, "days_past_due"], *([*row, 0] for row in rows)]
    lines[5][-1] = "nan"
    text = "".join(",".join(map(str, line)) + "\n" for line in lines)
    (folder / "tape.csv").write_text(text)
    message = refused(folder)
    assert "row 5, loan L004, days_past_due: found 'nan' (missing)" in message
    assert 'where [tape.rules] has this as a "warning"' in message
    assert "row 5, loan L004, days_past_due: found 'nan' (nan)" in message
    eased = '{"days_past_due.missing" = "warning", nan = "warning"}'
    assert scfcap("check", folder, "--set", f"tape.rules={eased}").exit_code == 0


@pytest.mark.parametrize(
    "column",
    [
        *("payment_fee", "rate_margin", "rate_floor", "rate_cap", "grace_payments"),
        *("credit_limit", "next_payment_date", "next_reset_date", "rate_index", "buyer_id"),
        *("payment_every", "day_count", "score", "paid_principal"),
    ],
)
def test_nan_is_an_error_where_an_empty_cell_is_none(mini, scfcap, refused, rows, column):
    folder = mini()

    def write(cell):
        lines = [[*TAPE, column], *([*row, ""] for row in rows)]
        lines[5][-1] = cell
        (folder / "tape.csv").write_text("".join(",".join(map(str, line)) + "\n" for line in lines))

    write("")
    assert scfcap("check", folder).exit_code == 0
    write("NaN")
    message = refused(folder)
    assert (
        f"row 5, loan L004, {column}: found 'NaN' (nan); expected a value, or an empty" in message
    )
    assert scfcap("check", folder, "--set", 'tape.rules={nan = "warning"}').exit_code == 0


CURVES = [
    "credit.segments.credit.cdr",
    "credit.segments.credit.cpr",
    "credit.segments.credit.severity",
    "credit.segments.order.lifetime_default",
    "scenarios.stress.default_multiple",
    "plan.opex_rate",
]


@pytest.mark.parametrize("key", CURVES)
def test_no_number_in_the_model(mini, refused, key):
    value = "inf" if key == CURVES[-1] else "nan"
    message = refused(mini(), "--set", f"{key}={value}")
    assert f"--set {key}={value}: found {value}" in message


def test_no_number_in_a_curve_by_period(mini, refused, model_text):
    curve = "cdr = [0.04, 0.04, nan, 0.04]"
    message = refused(mini(model_text.replace("cdr = 0.04", curve)))
    assert "model.toml: credit.segments.credit.cdr" in message
    assert "found nan" in message


ROLL = (
    "roll_rates = [[0.9, 0.05, nan, 0, 0, 0.05, 0], [0.5, 0.3, 0.2, 0, 0, 0, 0],"
    " [0.2, 0, 0.3, 0.5, 0, 0, 0], [0, 0, 0, 0.5, 0.5, 0, 0], [0, 0, 0, 0, 0.5, 0.5, 0]]"
)


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        (ROLL, "roll_rates: found row current: (0.9, 0.05, nan,"),
        (
            "default_by_age = [{ ages = [30, 600], cumulative = [0.01, nan] }]",
            "default_by_age.0.cumulative.1: found nan",
        ),
        (
            "default_by_age = [{ ages = [30, 60], cumulative = [0.01, 0.02] }]",
            "default_by_age: found a curve that ends at an age of 60 days",
        ),
    ],
)
def test_other_curves_that_hold_no_number_or_end_early(mini, refused, model_text, curve, said):
    message = refused(mini(model_text.replace("cdr = 0.04", curve)))
    assert f"model.toml: credit.segments.credit.{said}" in message


@pytest.mark.parametrize("key", ["cdr", "cpr"])
def test_a_curve_shorter_than_the_horizon(mini, refused, model_text, key):
    old = {"cdr": "cdr = 0.04", "cpr": "cpr = 0.2"}[key]
    message = refused(mini(model_text.replace(old, f"{key} = [0.04, 0.05]")))
    assert f"credit.segments.credit.{key}: found" in message
    assert "run_on" in message
