"""``scfcap deal --analytics``: what classes are worth, as shown, as a document, in a folder."""

from __future__ import annotations

import json
from datetime import date

import pytest

from scfcap import load
from scfcap.report.store import read_run

from .test_cli_deal import DEAL, folder

__all__ = ["folder"]

MORE = """
[capital]
pool_weight = 0.75
delinquent = 0.02
ratings = { senior = "AAA" }
"""
CURVE = """
[curves.made-up]
as_of = 2020-12-31
valid_days = 60
source = "made up"
tenors = [0.25, 5.0]
rates = [0.02, 0.02]
"""
SMALL = DEAL.replace("[measures.lost]", f"{MORE}\n[measures.lost]")


@pytest.fixture
def small(folder):
    made = folder(small=SMALL)
    with (made / "model.toml").open("a", encoding="utf-8") as file:
        file.write(CURVE)
    return made


def test_prices_spreads_run_off_and_weights_are_shown(scfcap, small):
    done = scfcap("deal", small, "--analytics", "--price", "senior=99.5", "--curve", "made-up")
    assert done.exit_code == 0, done.stderr
    for said in (
        "Classes of small, bought on 2020-12-31", "z-spread", "convexity", "modified",
        "Percent of original balance outstanding", "Weighted average life (years)",
        "Excess spread in scenario base:", "What a bank that holds a class must weigh it with",
        "SEC-ERBA", "SEC-SA", "20.00%",
    ):  # fmt: skip
        assert said in done.stdout, said


def test_the_document_and_the_folder_hold_what_python_gives(scfcap, small, tmp_path):
    out = tmp_path / "out"
    asked = ("--price", "senior=99.5", "--curve", "made-up", "--settle", "2021-01-31")
    done = scfcap("deal", small, "--analytics", *asked, "--json", "--out", out)
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    figures = load(small).deal_analytics(
        "small", prices={"senior": 99.5}, curve="made-up", settlement=date(2021, 1, 31)
    )
    senior = document["tranche_analytics"][0]
    assert (senior["tranche"], senior["clean_price"]) == ("senior", 99.5)
    assert senior["yield"] == pytest.approx(figures.yield_at("senior", 99.5), rel=1e-12)
    assert senior["yield"] == pytest.approx(0.02 + senior["z_spread"], abs=1e-3)
    saved = read_run(out).tables
    for name in ("tranche_analytics", "decrement", "excess_spread", "risk_weights"):
        assert len(document[name]) == len(saved[name].frame), name
        assert (out / f"{name}.csv").exists(), name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--price", "senior=99"), "no --analytics"),
        (("--curve", "made-up"), "no --analytics"),
        (("--settle", "2021-01-31"), "no --analytics"),
        (("--analytics", "--explain", "1"), "one of them"),
        (("--analytics", "--check"), "one of them"),
        (("--analytics", "--price", "senior"), "senior=99.5"),
        (("--analytics", "--price", "senior=dear"), "CLASS=PRICE"),
        (("--analytics", "--price", "senior=-1"), "above 0"),
        (("--analytics", "--price", "older=99"), "one of the classes senior, junior"),
        (("--analytics", "--curve", "none"), "one of the curves made-up"),
        (("--analytics", "--curve", "made-up", "--settle", "2021-06-30"), "expire"),
        (("--analytics", "--settle", "31.1.2021"), "a day, such as"),
        (("--analytics", "--settle", "2030-01-31"), "a day from 2020-12-31"),
    ],
)
def test_what_is_wrong_is_said(scfcap, small, options, said):
    done = scfcap("deal", small, *options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
