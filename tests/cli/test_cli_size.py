"""``scfcap size``: what it shows, what it writes, how it seeks, and how it refuses."""

from __future__ import annotations

import json
import struct

import pandas as pd
import pytest

LOANS = "tape.platform.loans=500"
LEAKS = """\
base = "alibaba-2013"
[scenarios.hard]
include = ["rating-aaa"]
[deals.leaks]
closing = 2013-12-31
legal_end = 2015-12-31
phases = [{ name = "usual" }, { name = "turbo", when = "trigger.thin" }]
[deals.leaks.assets]
eligibility = "series"
[deals.leaks.tranches.A]
share = 0.5
rating = "AAA"
[deals.leaks.tranches.E]
kind = "equity"
share = 0.5
[deals.leaks.triggers.thin]
test = "payment == 1 and balance.A > 1.005 * pool_at_closing * 0.97"
[deals.leaks.sizing]
stresses = { AAA = "hard" }
grid = 201
[[deals.leaks.waterfall.usual]]
pay = "residual"
to = "E"
up_to = "collected_interest + 0.05 * collected_principal"
[[deals.leaks.waterfall.usual]]
pay = "principal"
to = "A"
[[deals.leaks.waterfall.turbo]]
pay = "principal"
to = "A"
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All that the command has, once: its output, document and folder."""
    from typer.testing import CliRunner

    from scfcap.cli.main import app

    out = tmp_path_factory.mktemp("size") / "out"
    asked = ["size", "alibaba-2013", "--set", LOANS, "--paths", "40", "--seed", "3", "--grid"]
    told = CliRunner().invoke(app, [*asked, "--out", str(out)], catch_exceptions=False)
    document = CliRunner().invoke(app, [*asked, "--json"], catch_exceptions=False)
    assert (told.exit_code, document.exit_code) == (0, 0), told.stderr
    return told.stdout, json.loads(document.stdout), out


def test_it_prints_sizes_with_what_limits_each(whole):
    text, document, _ = whole
    assert "Largest classes with no failing size below them, and what limits each" in text
    senior, mezzanine = document["sizes"]
    assert senior["size"] > mezzanine["size"] > 0.0
    for row in (senior, mezzanine):
        assert row["passes_at"] == row["size"] < row["fails_at"]
        assert row["short"] > 0.0
        assert f"{row['size']:,.2f}" in text
        assert row["under"] in ("rating-aaa", "rating-bbb")
    words = document["words"]
    assert any(w.startswith("senior: passes at") and "under rating-" in w for w in words)
    assert any("1% of the pool larger" in w for w in words)
    assert "trips on" in " ".join(words)


def test_it_shows_what_the_classes_bear(whole):
    text, document, _ = whole
    for title in ("Largest multiple of the defaults", "What the funding costs, all in",
                  "What the originator keeps", "Losses over the paths", "Classes as expected",
                  "senior: least asset coverage"):  # fmt: skip
        assert title in " ".join(text.split()), title
    assert document["structure"] == "stated"
    assert (document["paths"], document["seed"]) == (40, 3)
    assert document["cost_of_funds"][-1]["rate"] > 0.05
    assert len(document["sensitivity"]) == 7 * 5 * 3 * 3


def test_the_folder_holds_tables_and_pictures(whole):
    _, document, out = whole
    found = {path.stem for path in (out / "tables").glob("*.parquet")}
    assert found == set(document["tables"])
    for name in found:
        frame = pd.read_parquet(out / "tables" / f"{name}.parquet")
        assert len(pd.read_csv(out / f"{name}.csv")) == len(frame) > 0
    for tranche in ("senior", "mezzanine", "junior"):
        picture = (out / f"heat_yield_{tranche}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert min(struct.unpack(">II", picture[16:24])) > 500
    assert len(pd.read_csv(out / "losses_paths.csv")) == 40
    saved = json.loads((out / "result.json").read_text())
    assert saved["sizes"] == document["sizes"]
    assert json.loads((out / "manifest.json").read_text())["overrides"] == [LOANS]


def test_as_sized_the_classes_bear_their_own_stresses(scfcap):
    done = scfcap("size", "alibaba-2013", "--set", LOANS, "--sized", "--json")
    document = json.loads(done.stdout)
    assert document["structure"] == "sized"
    sizes = {row["tranche"]: row["size"] for row in document["sizes"]}
    held = {row["tranche"]: row["original"] for row in document["classes"]}
    assert sizes == {name: pytest.approx(held[name]) for name in sizes}


def test_that_sizes_of_a_deal_of_whole_loans_are_found_on_shares_is_said(scfcap, whole):
    options = ("--set", LOANS, "--set", 'deals.new-series.assets.purchases="loans"', "--no-sizes")
    done = scfcap("size", "alibaba-2013", *options)
    assert done.exit_code == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Caution: Deal new-series buys whole loans, but all figures here are found on" in text
    assert "Caution" not in whole[0]


def test_that_a_larger_class_passes_again_is_said(scfcap, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.toml").write_text(LEAKS)
    done = scfcap("size", tmp_path / "model", "--deal", "leaks", "--set", LOANS)
    assert done.exit_code == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "A: not monotone: it fails at" in text
    assert "trigger thin comes on 2014-01-31 there, never where it fails" in text


def test_a_goal_is_sought_and_its_values_written(scfcap, tmp_path):
    asked = ("size", "alibaba-2013", "--set", LOANS, "--seek")
    field = "deals.new-series.tranches.senior.coupon"
    goal = ("--between", 0.03, 0.12, "--until", "cost_of_funds = 0.08")
    done = scfcap(*asked, field, *goal, "--out", tmp_path / "out", "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 0
    assert 0.03 < document["root"] < 0.12
    assert len(pd.read_csv(tmp_path / "out" / "seek.csv")) == len(document["tried"])
    none = scfcap(*asked, field, "--between", 0.03, 0.05, "--until", "cost_of_funds = 0.5")
    assert none.exit_code == 3
    assert "No root between 0.03 and 0.05: cost_of_funds is" in none.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--deal", "other"), "one of new-series"),
        (("--scenario", "other"), "one of base, stress"),
        (("--sized", "--no-sizes"), "one of the two"),
        (("--seek", "plan.periods"), "no --between, --until"),
        (("--paths", "2000000"), "a number of paths"),
        (("--set", "deals.new-series.sizing.stresses.AAA=other"), "other"),
    ],
)
def test_what_cannot_be_done_is_refused(scfcap, options, words):
    done = scfcap("size", "alibaba-2013", "--set", LOANS, *options)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_deal_without_ratings_shows_what_it_bears(scfcap):
    bare = [f"deals.new-series.tranches.{name}.rating=''" for name in ("senior", "mezzanine")]
    asked = ["size", "alibaba-2013", "--set", LOANS, "--set", bare[0], "--set", bare[1]]
    refused = scfcap(*asked)
    assert refused.exit_code == 2
    assert "a rating for each class" in refused.stderr
    done = scfcap(*asked, "--no-sizes")
    assert done.exit_code == 0
    assert "Largest multiple of the defaults" in done.stdout
    assert "Largest classes" not in done.stdout


def test_a_deal_that_has_closed_is_not_sized_and_shows_what_it_bears(scfcap, tmp_path):
    stands = LEAKS.replace(
        "[deals.leaks.assets]",
        "[deals.leaks.opening]\ndate = 2013-12-31\npool_at_closing = 0.6e9\n"
        "balances = { A = 0.2e9 }\n[deals.leaks.assets]\nsize = 0.4e9",
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.toml").write_text(stands)
    asked = ("size", tmp_path / "model", "--deal", "leaks", "--set", LOANS)
    refused = scfcap(*asked)
    assert refused.exit_code == 2
    assert "its classes are sold" in refused.stderr
    done = scfcap(*asked, "--no-sizes", "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 0
    assert document["break_even"][0]["multiple"] > 1.0
    assert "cost_of_funds" not in document


def test_forms_of_retention_that_cannot_be_shown_are_named(whole):
    text, document, _ = whole
    assert "us_2014: a deal file cannot show 244.5: seller's interest" in " ".join(text.split())
    forms = {(row["rule"], row["kind"]): row for row in document["retention"]}
    assert forms[("eu_2017", "horizontal")]["margin"] == pytest.approx(0.05)
    assert not forms[("eu_2017", "vertical")]["met"]
