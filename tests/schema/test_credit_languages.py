"""Languages of default and prepayment in a model file: what is taken, what is refused and how."""

from __future__ import annotations

import pytest

from scfcap.errors import InputError
from scfcap.schema.credit import CreditRule, SegmentCredit
from scfcap.schema.languages import ROLL_STATES
from scfcap.schema.layers import merge
from scfcap.schema.load import load_model
from scfcap.schema.write import rounded, write_credit

HERE = "model.toml: credit.segments.order_core"
ROWS = """\
roll_rates = [
    [0.95, 0.03, 0.0, 0.0, 0.0, 0.0, 0.02],
    [0.40, 0.30, 0.25, 0.0, 0.0, 0.0, 0.05],
    [0.10, 0.10, 0.30, 0.45, 0.0, 0.0, 0.05],
    [0.05, 0.05, 0.05, 0.25, 0.60, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.30, 0.70, 0.0],
]
"""
CSV = """\
from,current,1-30,31-60,61-90,90+,default,prepaid
current,0.95,0.03,0,0,0,0,0.02
1-30,0.40,0.30,0.25,0,0,0,0.05
31-60,0.10,0.10,0.30,0.45,0,0,0.05
61-90,0.05,0.05,0.05,0.25,0.60,0,0
90+,0,0,0,0,0.30,0.70,0
"""


@pytest.mark.parametrize(
    "text",
    [
        "cdr = [0.01, 0.02]",
        "mdr = 0.001",
        "sda = 150",
        "lifetime_loss = 0.01\nloss_timing = [0.25, 0.75]",
        "default_by_age = [{ ages = [30, 60], cumulative = [0.01, 0.02] }]\npsa = 100",
        "default_by_age = [\n"
        "  { terms = [1, 45], ages = [45], cumulative = [0.01] },\n"
        "  { terms = [46, 90], ages = [90], cumulative = [0.02] },\n]",
        ROWS,
        "cdr = 0.01\nsmm = [0.01, 0.0]",
        "cdr = 0.01\nabs = 0.015",
        "cdr = 0.01\nprepay_by_age = [{ ages = [30], cumulative = [0.5] }]\nrun_on = true",
        "lifetime_default = 0.02\nsmm = 0.01",
        "cdr = 0.01\nrecovery_curve = [0.0, 0.5, 0.5]",
    ],
)
def test_each_language_is_taken(write, text):
    credit = load_model(write({"cdr = 0.01": text})).spec.credit.segments["order_core"]
    assert credit.default_language in text
    assert credit.prepay_language == "cpr" or credit.prepay_language in text


@pytest.mark.parametrize(
    ("text", "start", "part"),
    [
        ("cdr = 0.01\nmdr = 0.1", f"{HERE}: found both cdr and mdr", "exactly one of cdr, mdr"),
        ("cpr = 0.1", f"{HERE}: found none of them", "roll_rates"),
        ("cdr = 0.01\ncpr = 0.1\npsa = 100", f"{HERE}: found both cpr and psa", "at most one"),
        ("cdr = [0.01, 1.5]", f"{HERE}.cdr", "found 1.5; expected at most 1"),
        ('cdr = "x"', f"{HERE}.cdr", "a number or a list"),
        ("cdr = []", f"{HERE}.cdr: found an empty list", "a value for each period"),
        ("cdr = 0.01\npsa = 1.65", f"{HERE}.psa: found 1.65", "Write psa = 165 for 1.65 times"),
        ("sda = 1.5", f"{HERE}.sda: found 1.5", "percent of the standard curve"),
        ("lifetime_loss = 0.6", f"{HERE}.lifetime_loss: found 0.6 with a severity of 0.5", "every"),
        ("lifetime_loss = 0.1\nloss_timing = [0.5, 0.4]", f"{HERE}.loss_timing", "a sum of 0.9"),
        ("cdr = 0.01\nloss_timing = [1.0]", f"{HERE}.loss_timing: found no lifetime_loss", "both"),
        ("cdr = 0.1\nrecovery_lag = 2\nrecovery_curve = [1.0]", f"{HERE}.recovery_curve", "0 for"),
        ("cdr = 0.1\nrecovery_curve = [0.5]", f"{HERE}.recovery_curve: found a sum", "add up to 1"),
        ("lifetime_default = 0.1\npsa = 100", f"{HERE}.psa", "cpr or smm as one number"),
        ("lifetime_loss = 0.1\ncpr = [0.1, 0.2]", f"{HERE}.cpr: found a list by period", "age"),
        (ROWS + "cpr = 0.1", f"{HERE}.cpr: found roll_rates beside it", "the matrix prepays"),
        (
            ROWS.replace("0.95,", "0.90,"),
            f"{HERE}.roll_rates: found row current adds up to 0.95",
            "rows that add up to 1",
        ),
        ("roll_rates = [[1.0]]", f"{HERE}.roll_rates: found 1 rows", "expected 5 rows, of current"),
        (
            "default_by_age = [{ ages = [30, 20], cumulative = [0.1, 0.2] }]",
            f"{HERE}.default_by_age.0.ages: found 20 after 30",
            "each more than the one before",
        ),
        (
            "default_by_age = [{ ages = [30, 60], cumulative = [0.2, 0.1] }]",
            f"{HERE}.default_by_age.0.cumulative: found 0.1 after 0.2",
            "none below the last",
        ),
        (
            "default_by_age = [{ ages = [30], cumulative = [0.2, 0.3] }]",
            f"{HERE}.default_by_age.0.cumulative: found 2 shares for 1 ages",
            "one share for each age",
        ),
        (
            "default_by_age = [{ terms = [1, 45], ages = [45], cumulative = [0.01] },"
            " { terms = [45, 90], ages = [90], cumulative = [0.02] }]",
            f"{HERE}.default_by_age: found terms [1, 45] and [45, 90], which overlap",
            "without overlap",
        ),
    ],
)
def test_figures_that_do_not_go_together(said, text, start, part):
    (told,) = said({"cdr = 0.01": text})
    assert told.startswith(start)
    assert part in told


def test_roll_rates_from_a_csv_or_a_toml_file_are_those_written_out(write):
    plain = load_model(write({"cdr = 0.01": ROWS}))
    wanted = plain.spec.credit.segments["order_core"].roll_rates
    for number, (name, text) in enumerate(
        (
            ("rates.csv", CSV),
            ("rates.toml", ROWS),
            (
                "table.toml",
                'current = { current = 0.95, "1-30" = 0.03, prepaid = 0.02 }\n'
                '"1-30" = { current = 0.4, "1-30" = 0.3, "31-60" = 0.25, prepaid = 0.05 }\n'
                '"31-60" = [0.10, 0.10, 0.30, 0.45, 0.0, 0.0, 0.05]\n'
                '"61-90" = { current = 0.05, "1-30" = 0.05, "31-60" = 0.05, "61-90" = 0.25,'
                ' "90+" = 0.6'
                ' }\n"90+" = { "90+" = 0.3, default = 0.7 }\n',
            ),
        )
    ):
        folder = write({"cdr = 0.01": f'roll_rates = "{name}"'}, f"model-{number}")
        (folder / name).write_text(text, encoding="utf-8")
        found = load_model(folder)
        assert found.spec.credit.segments["order_core"].roll_rates == wanted
        assert folder / name in found.files
        (folder / name).write_text(text.replace("0.95", "0.96").replace("0.02", "0.01"))
        assert load_model(folder).digest != found.digest


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("gone.csv", None, "the name of a CSV or TOML file in the model's folder"),
        ("../rates.csv", CSV, "the name of a CSV or TOML file in the model's folder"),
        ("rates.csv", CSV.replace("0.40", "x"), "rates.csv line 3: found 1-30,x"),
        ("rates.csv", CSV.replace("31-60,0.10", "30-60,0.10"), "a row '30-60'"),
        ("rates.csv", CSV.replace("\n90+,0,0,0,0,0.30,0.70,0", ""), "no row '90+'"),
    ],
)
def test_faults_of_a_matrix_file(write, name, text, part):
    folder = write({"cdr = 0.01": f'roll_rates = "{name}"'})
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_model(folder)
    (told,) = map(str, caught.value.problems)
    assert part in told


@pytest.mark.parametrize(
    ("top", "left"),
    [
        ({"mdr": 0.1}, {"psa": 100, "recovery_lag": 3, "mdr": 0.1}),
        ({"lifetime_loss": 0.1}, {"loss_timing": [1.0], "psa": 100, "recovery_lag": 3}),
        ({"cpr": 0.1}, {"lifetime_loss": 0.2, "loss_timing": [1.0], "recovery_lag": 3}),
        ({"recovery_curve": [1.0]}, {"lifetime_loss": 0.2, "loss_timing": [1.0], "psa": 100}),
    ],
)
def test_a_language_takes_the_place_of_the_bases(top, left):
    base = {"lifetime_loss": 0.2, "loss_timing": [1.0], "psa": 100, "recovery_lag": 3}
    assert merge(base, top) == left | top


def test_an_override_takes_the_place_of_what_the_file_states(loaded):
    key = "credit.segments.order_core"
    credit = loaded(f"{key}.mdr=0.02", f"{key}.psa=150").spec.credit.segments["order_core"]
    assert (credit.cdr, credit.mdr, credit.psa) == (None, 0.02, 150.0)


def test_two_overrides_that_exclude_each_other_are_refused(said):
    key = "credit.segments.order_core"
    (told,) = said({}, f"{key}.mdr=0.02", f"{key}.sda=150")
    assert "both mdr and sda" in told


def test_rules_change_what_they_state_and_nothing_else():
    segment = SegmentCredit(lifetime_default=0.02, severity=0.5, recovery_lag=3, cpr=0.1)
    rule = CreditRule(name="old", test="age_days > 90", mdr=0.01, recovery_curve=(0.5, 0.5))
    assert rule.over(segment) == SegmentCredit(
        mdr=0.01, cpr=0.1, severity=0.5, recovery_curve=(0.5, 0.5)
    )


WHERE = '\n[[credit.where]]\nname = "{}"\ntest = "rate > 0.2"\n{}\n'


@pytest.mark.parametrize(
    ("more", "start", "part"),
    [
        (
            WHERE.format("dear", "lifetime_loss = 0.7"),
            "model.toml: credit.where.dear",
            "order_core",
        ),
        (WHERE.format("dear", "psa = 1.5"), "model.toml: credit.where.dear", "psa = 150"),
        (
            WHERE.format(
                "dear", "roll_rates = [" + "[1, 0, 0, 0, 0, 0, 0], " * 5 + "]\ndraw_rate = 0.1"
            ),
            "model.toml: credit.where.dear: found draw_rate: roll_rates beside it",
            "for loans of segment",
        ),
        (WHERE.format("dear", "cdrr = 0.1"), "model.toml: credit.where.dear.cdrr", "cdr"),
        (
            WHERE.format("dear", "cdr = 0.1") * 2,
            "model.toml: credit.where: found names dear, dear",
            "names that differ",
        ),
        (
            WHERE.format("dear", "cdr = 0.1").replace("rate >", "rate >> "),
            "model.toml: credit.where.dear.test",
            "",
        ),
    ],
)
def test_rules_that_do_not_fit(said, more, start, part):
    (told,) = said({"\n[scenarios.base]": f"{more}\n[scenarios.base]"})
    assert told.startswith(start)
    assert part in told


def test_every_language_is_written_and_reads_back(write):
    matrix = tuple(
        tuple(float(cell) for cell in line.split(",")[1:]) for line in CSV.splitlines()[1:]
    )
    curves = {
        "a": SegmentCredit(
            default_by_age=[{"ages": [30, 60], "cumulative": [0.01, 0.02]}],
            psa=165,
            severity=0.5,
            run_on=True,
        ),
        "b": SegmentCredit(roll_rates=matrix, severity=0.5, recovery_curve=(0.25, 0.75)),
        "c": SegmentCredit(cdr=(0.01, 0.02), abs=0.015, severity=0.5),
    }
    folder = write()
    write_credit(load_model(folder), curves, {})
    found = load_model(folder).spec.credit.segments
    assert {name: found[name] for name in curves} == {n: rounded(c) for n, c in curves.items()}
    assert "run_on = false" not in (folder / "model.toml").read_text(encoding="utf-8")
    assert len(found["b"].roll_rates or ()) == len(ROLL_STATES)
