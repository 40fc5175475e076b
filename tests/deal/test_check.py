"""What is wrong with a deal is said at once, with its place; what is right passes in silence."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from scfcap.deal.check import Checked, Known, check_deal
from scfcap.deal.check_formulas import check_words
from scfcap.errors import InputError, Problem
from scfcap.schema.deal import DealSpec
from scfcap.schema.messages import dotted, problems
from scfcap.schema.named import as_tuples

KNOWN = Known(indices=("LPR", "SHIBOR"), eligibility=("series",), segments=("order",))

#: Two classes and equity, one phase.
PLAIN = """
closing = 2019-12-31
[tranches.A]
share = 0.8
coupon = 0.05
[tranches.C]
share = 0.2
kind = "equity"
[fees.servicer]
rate = 0.01
[[waterfall.amortising]]
pay = "fee"
to = "servicer"
[[waterfall.amortising]]
pay = "interest"
to = "A"
[[waterfall.amortising]]
pay = "principal"
to = "A"
[[waterfall.amortising]]
pay = "residual"
to = "C"
"""

#: Revolving with a reserve, a trigger with cure, a call; the reserve is released.
REVOLVING = """
closing = 2019-12-31
legal_end = 2024-12-31
phases = [
    { name = "revolving", until = 2020-12-31 },
    { name = "amortising", when = "trigger.loss", stays = false },
]
[assets]
eligibility = "series"
new_loans = { order = 1.0 }
[tranches.senior]
share = 0.75
coupon = 0.06
rating = "AAA"
[tranches.junior]
share = 0.25
kind = "equity"
[accounts.reserve]
target = "if(notes > 0, 0.01 * notes_at_closing, 0)"
initial = "0.01 * notes_at_closing"
[measures.default_3m]
of = "default_rate"
mean_of = 3
[triggers.loss]
test = "measure.default_3m > 0.2"
cure = "measure.default_3m < 0.1"
[calls.cleanup]
when = "pool < 0.1 * pool_at_closing"
[sizing]
stresses = { AAA = "harsh" }
[[waterfall.revolving]]
pay = "interest"
to = "senior"
from = ["collection", "reserve"]
[[waterfall.revolving]]
pay = "account"
to = "reserve"
[[waterfall.revolving]]
pay = "purchase"
[[waterfall.amortising]]
pay = "interest"
to = "senior"
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "principal"
to = "senior"
from = ["collection", "reserve"]
when = "final or notes <= account.collection + account.reserve"
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

#: Two waterfalls in one: interest and principal apart, principal lent to interest; a line, a swap.
SPLIT = """
closing = 2019-12-31
[collections]
interest = "interest"
principal = "principal"
recovery = "principal"
[accounts.interest]
[accounts.principal]
[tranches.A]
balance = 800.0
kind = "floating"
index = "LPR"
margin = 0.01
available_cap = "0.2"
[tranches.B]
balance = 150.0
kind = "accrual"
coupon = 0.08
[tranches.X]
kind = "interest_only"
notional = "0.5 * balance.A"
coupon = 0.01
[tranches.E]
balance = 50.0
kind = "equity"
[lines.liquidity]
commitment = "0.03 * notes"
rate = 0.02
index = "SHIBOR"
fee_rate = 0.001
[hedges.swap]
notional = "balance.A"
pay_rate = 0.03
receive_index = "LPR"
to = "interest"
[hedges.cap]
kind = "cap"
notional = "0.5 * balance.A"
receive_index = "LPR"
strike = 0.06
to = "interest"
premium = 1.0
[[waterfall.amortising]]
pay = "line"
to = "liquidity"
from = "interest"
[[waterfall.amortising]]
pay = "hedge"
to = "swap"
from = ["interest", "principal"]
[[waterfall.amortising]]
pay = "interest"
to = ["A", "X"]
name = "senior interest"
from = ["interest", "principal", "liquidity"]
[[waterfall.amortising]]
pay = "interest"
to = "B"
from = "interest"
[[waterfall.amortising]]
pay = "transfer"
to = "principal"
from = "interest"
up_to = "losses"
when = "short.senior_interest <= 0"
[[waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
from = "principal"
[[waterfall.amortising]]
pay = "residual"
to = "E"
from = ["interest", "principal"]
"""

#: A planned class with support, three phases, write-offs, zero notes, settlement between dates.
PLANNED = """
closing = 2019-12-31
phases = [
    { name = "ramp", until = 2020-06-30 },
    { name = "amortising", stays = false },
    { name = "default", when = "originator_default or balance.P > pool" },
]
[settlement]
frequency = "month"
payment_every = 3
[tranches.P]
share = 0.5
coupon = 0.05
schedule = [0.8, 0.5, 0.2, 0.0]
[tranches.S]
share = 0.3
coupon = 0.06
[tranches.Z]
share = 0.1
kind = "zero"
issue_price = 0.8
[tranches.Q]
share = 0.1
kind = "equity"
[[settlement.steps.ramp]]
pay = "purchase"
[[waterfall.ramp]]
pay = "interest"
to = ["P", "S"]
[[waterfall.amortising]]
pay = "interest"
to = ["P", "S"]
[[waterfall.amortising]]
pay = "principal"
to = "P"
by = "schedule"
[[waterfall.amortising]]
pay = "principal"
to = ["S", "P", "Z"]
split = "in order"
[[waterfall.amortising]]
pay = "write_off"
to = ["Q", "Z"]
[[waterfall.amortising]]
pay = "residual"
to = "Q"
[[waterfall.default]]
pay = "interest"
to = ["P", "S"]
[[waterfall.default]]
pay = "principal"
to = ["P", "S"]
[[waterfall.default]]
pay = "principal"
to = "Z"
[[waterfall.default]]
pay = "residual"
to = "Q"
"""

#: Cars: a reserve that is released above its target, cents, certificates outside the deal.
TERM = """
closing = 2019-12-31
cents = true
[accounts.reserve]
target = "min(100, notes)"
initial = 100.0
earns = 0.01
[fees.servicer]
formula = "pool_opening * 0.01 / 12"
cap = 1000.0
[tranches.A1]
balance = 200.0
coupon = 0.02
[tranches.A2]
balance = 300.0
coupon = 0.03
[tranches.B]
balance = 50.0
coupon = 0.04
[[waterfall.amortising]]
pay = "fee"
to = "servicer"
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "interest"
to = ["A1", "A2"]
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "interest"
to = "B"
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "principal"
to = ["A1", "A2", "B"]
split = "in order"
up_to = "max(notes - 0.98 * pool, 0)"
[[waterfall.amortising]]
pay = "account"
to = "reserve"
[[waterfall.amortising]]
pay = "transfer"
to = "collection"
from = "reserve"
keep = "target.reserve"
[[waterfall.amortising]]
pay = "residual"
"""

#: A deal that has closed, stands in its second phase, and does not state when the first ended.
STANDING = """
closing = 2018-12-31
phases = [{ name = "revolving", until = 2019-06-30 }, { name = "amortising" }]
[tranches.A]
balance = 100.0
coupon = 0.05
[fees.late]
[triggers.arrears]
test = "delinquency_rate > 0.1"
when = "after payments"
[opening]
date = 2019-12-31
pool_at_closing = 120.0
phase = "amortising"
tripped = ["arrears"]
balances = { A = 60.0 }
owed = { A = 0.5, late = 1.0 }
accounts = { collection = 2.0 }
accrued = { A = 0.1 }
breaches = { arrears = 1 }
[[waterfall.revolving]]
pay = "interest"
to = "A"
[[waterfall.revolving]]
pay = "purchase"
when = "not trigger.arrears"
[[waterfall.amortising]]
pay = "fee"
to = "late"
[[waterfall.amortising]]
pay = "interest"
to = "A"
[[waterfall.amortising]]
pay = "principal"
to = "A"
when = 'phase != "revolving" and payment > 0 and date > date("2019-01-31")'
[[waterfall.amortising]]
pay = "residual"
"""

GOOD = {
    "plain": PLAIN,
    "revolving": REVOLVING,
    "split": SPLIT,
    "planned": PLANNED,
    "term": TERM,
    "standing": STANDING,
}


def check(text: str, *changes: tuple[str, str]) -> Checked:
    """Check a deal after ``changes`` of its text, each of which must be found."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    spec = DealSpec.model_validate(as_tuples(tomllib.loads(text)), strict=True)
    return check_deal("d", spec, KNOWN)


def said(problems: Any) -> dict[str, str]:
    """Problems by place, without the file."""
    found: dict[str, str] = {}
    for problem in problems:
        place = problem.where.removeprefix("deals/d.toml: ")
        found[place] = f"{found.get(place, '')}{problem} "
    return found


def misfits(text: str) -> list[Problem]:
    """What the file itself may not hold."""
    data = as_tuples(tomllib.loads(text))
    with pytest.raises(ValidationError) as refused:
        DealSpec.model_validate(data, strict=True)
    return problems(refused.value, DealSpec, data, dotted)


@pytest.mark.parametrize("name", GOOD)
def test_good_deals_pass_in_silence(name):
    checked = check(GOOD[name])
    assert checked == Checked((), ())


@pytest.mark.parametrize(
    ("deal", "old", "new", "where", "words"),
    [
        # names
        ("plain", 'to = "servicer"', 'to = "servcer"', "waterfall.amortising.0.to",
         "Did you mean servicer?"),
        ("plain", 'pay = "fee"\nto = "servicer"', 'pay = "fee"', "waterfall.amortising.0.to",
         "to nobody"),
        ("plain", 'pay = "residual"\nto = "C"', 'pay = "residual"\nto = "C"\nfrom = "colection"',
         "waterfall.amortising.3.from", "Did you mean collection?"),
        ("plain", 'pay = "principal"\nto = "A"', 'pay = "principal"\nto = "servicer"',
         "waterfall.amortising.2.to", "a fee"),
        ("plain", 'pay = "principal"\nto = "A"', 'pay = "principal"\nto = ["A", "A"]',
         "waterfall.amortising.2.to", "each name once"),
        ("plain", 'pay = "principal"\nto = "A"',
         'pay = "principal"\nto = "A"\nfrom = ["collection", "collection"]',
         "waterfall.amortising.2.from", "each name once"),
        ("plain", '[[waterfall.amortising]]\npay = "residual"\nto = "C"',
         '[[waterfall.amortising]]\npay = "residual"\nto = ["A", "C"]',
         "waterfall.amortising.3.to", "a step for each"),
        ("plain", 'pay = "residual"\nto = "C"', 'pay = "interest"\nto = "C"',
         "waterfall.amortising.3.to", 'pay = "residual"'),
        ("term", 'to = "B"\nfrom', 'to = "reserve"\nfrom', "waterfall.amortising.2.to",
         "an account"),
        ("revolving", 'pay = "purchase"', 'pay = "purchase"\nto = "senior"',
         "waterfall.revolving.2.to", "nobody is paid"),
        ("revolving", "[[waterfall.revolving]]", "[[waterfall.revolvin]]\npay = 'residual'\n"
         "[[waterfall.revolving]]", "waterfall.revolvin", "Did you mean revolving?"),
        ("revolving", 'AAA = "harsh"', 'AA = "harsh"', "tranches.senior.rating",
         "Did you mean AA?"),
        ("revolving", "order = 1.0", "oder = 1.0", "assets.new_loans.oder", "Did you mean order?"),
        ("revolving", 'eligibility = "series"', 'eligibility = "seris"', "assets.eligibility",
         "Did you mean series?"),
        ("split", 'index = "LPR"\nmargin', 'index = "LRP"\nmargin', "tranches.A.index",
         "Did you mean LPR?"),
        ("split", 'receive_index = "LPR"\nstrike', 'receive_index = "XYZ"\nstrike',
         "hedges.cap.receive_index", "LPR, SHIBOR"),
        ("split", 'principal = "principal"', 'principal = "prinzipal"', "collections.principal",
         "Did you mean principal?"),
        ("split", 'to = "interest"\n[hedges.cap]', 'to = "interests"\n[hedges.cap]',
         "hedges.swap.to", "Did you mean interest?"),
        ("split", 'to = "E"\nfrom = ["interest",', 'to = "E"\nfrom = ["liquidity", "interest",',
         "waterfall.amortising.6.from", "drawn in full"),
        ("split", "[lines.liquidity]", "[lines.principal]", "lines.principal",
         "the name of an account too"),
        ("standing", '"arrears"]', '"arears"]', "opening.tripped", "Did you mean arrears?"),
        ("standing", 'phase = "amortising"', 'phase = "amortizing"', "opening.phase",
         "Did you mean amortising?"),
        ("standing", 'phase = "amortising"', 'reached = "amortizing"', "opening.reached",
         "Did you mean amortising?"),
        ("standing", "late = 1.0", "lat = 1.0", "opening.owed.lat", "Did you mean late?"),
        # words
        ("term", "min(100, notes)", "min(100, note)", "accounts.reserve.target",
         "Did you mean notes?"),
        ("term", "0.98 * pool", "0.98 * balance.A3", "waterfall.amortising.3.up_to",
         "balance.A1, balance.A2, balance.B"),
        ("term", "0.98 * pool", "0.98 * ballance.A1", "waterfall.amortising.3.up_to",
         "Did you mean balance.A1?"),
        ("term", '"max(notes - 0.98 * pool, 0)"', '"notes > 0.98 * pool"',
         "waterfall.amortising.3.up_to", "a number"),
        ("revolving", '"notes <= 0"', '"notes"', "waterfall.amortising.4.when", "a test"),
        ("revolving", "measure.default_3m > 0.2", "measure.default_6m > 0.2",
         "triggers.loss.test", "Did you mean measure.default_3m?"),
        ("revolving", 'initial = "0.01 * notes_at_closing"', 'initial = "measure.default_3m"',
         "accounts.reserve.initial", "known at closing"),
        ("revolving", "measure.default_3m > 0.2", "short.interest_senior > 0", "triggers.loss.test",
         'when = "after payments"'),
        ("split", "short.senior_interest", "short.principal_A_B", "waterfall.amortising.4.when",
         "does not come before"),
        ("split", "short.senior_interest", "short.senior_interests", "waterfall.amortising.4.when",
         "Did you mean senior_interest?"),
        ("standing", 'phase != "revolving"', 'phase != "revolvin"', "waterfall.amortising.2.when",
         "Did you mean revolving?"),
        ("standing", "payment > 0", 'payment > "0"', "waterfall.amortising.2.when",
         "compared with"),
        ("split", 'available_cap = "0.2"', 'available_cap = "index.LBR"',
         "tranches.A.available_cap", "Did you mean index.LPR?"),
        # never made
        ("standing", 'phase != "revolving"', 'phase == "revolving"', "waterfall.amortising.2.when",
         "never holds in phase amortising"),
        ("revolving", ', when = "trigger.loss"', ', when = "1 > 2"', "phases.amortising.when",
         "never holds"),
        ("revolving", ", until = 2020-12-31", "", "waterfall", ""),
        ("planned", "until = 2020-06-30", "until = 2019-06-30", "phases.ramp.until",
         "never reached"),
        ("planned", ', when = "originator_default or balance.P > pool"', "", "phases.default",
         "amortising before it has no end"),
        ("planned", "payment_every = 3", "payment_every = 1", "settlement.steps", "never made"),
        ("plain", 'pay = "fee"\nto = "servicer"', 'pay = "residual"\nto = "C"',
         "waterfall.amortising.1", "always takes all"),
        # never paid
        ("plain", 'pay = "principal"\nto = "A"', 'pay = "interest"\nto = "A"', "tranches.A",
         "no principal"),
        ("plain", 'pay = "interest"\nto = "A"', 'pay = "fee"\nto = "servicer"', "tranches.A",
         "no interest"),
        ("plain", 'pay = "residual"\nto = "C"', 'pay = "residual"', "tranches.C",
         "equity that no step pays"),
        ("plain", 'pay = "fee"\nto = "servicer"', 'pay = "interest"\nto = "A"', "fees.servicer",
         "never paid"),
        ("split", 'pay = "hedge"\nto = "swap"', 'pay = "line"\nto = "liquidity"', "hedges.swap",
         "never paid"),
        ("split", 'pay = "line"\nto = "liquidity"', 'pay = "hedge"\nto = "swap"',
         "lines.liquidity", "never repaid"),
        # circles
        ("term", 'keep = "target.reserve"\n',
         '[[waterfall.amortising]]\npay = "transfer"\nto = "reserve"\n',
         "waterfall.amortising.6", "a circle"),
        ("term", "min(100, notes)", "min(100, target.reserve)", "accounts.reserve.target",
         "lead back to themselves"),
        ("split", "0.03 * notes", "0.03 * undrawn.liquidity", "lines.liquidity.commitment",
         "undrawn.liquidity needs undrawn.liquidity"),
        ("split", 'available_cap = "0.2"', 'available_cap = "coupon.A"',
         "tranches.A.available_cap", "coupon.A needs coupon.A"),
        ("revolving", "[measures.default_3m]",
         '[measures.first]\nof = "measure.default_3m"\n[measures.default_3m]',
         "measures.first.of", "found after"),
        # dates
        ("revolving", "legal_end = 2024-12-31", "legal_end = 2019-12-31", "legal_end",
         "after closing"),
        ("revolving", 'when = "pool < 0.1 * pool_at_closing"', "from_date = 2030-01-31",
         "calls.cleanup.from_date", "up to legal_end"),
        ("standing", "date = 2019-12-31", "date = 2018-11-30", "opening.date", "closing"),
        ("revolving", "until = 2020-12-31", "until = 2025-01-31", "phases.revolving.until",
         "a day before 2024-12-31"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_with_its_place(deal, old, new, where, words):
    if where == "waterfall":
        found = said(check(GOOD[deal], (old, new), (', when = "trigger.loss"', "")).errors)
        assert "revolving before it has no end" in found["phases.amortising"]
        return
    errors = said(check(GOOD[deal], (old, new)).errors)
    assert where in errors, errors
    assert words in errors[where]


@pytest.mark.parametrize(
    ("deal", "old", "new", "where", "words"),
    [
        ("revolving", 'when = "trigger.loss"', 'when = "notes > pool"', "triggers.loss",
         "no phase, step or formula uses"),
        ("revolving", "share = 0.75", "share = 0.85", "tranches", "= 1.1 of the pool"),
        ("planned", 'by = "schedule"', 'by = "balance"', "tranches.P.schedule",
         "no step keeps to"),
        ("planned", 'to = "P"\nby', 'to = ["P", "S"]\nby', "waterfall.amortising.1.by", '"S"'),
        ("term", '[[waterfall.amortising]]\npay = "transfer"\nto = "collection"\n'
         'from = "reserve"\nkeep = "target.reserve"\n', "", "accounts.reserve",
         "what is left in reserve stays there"),
        ("term", '[[waterfall.amortising]]\npay = "residual"\n', "", "waterfall.amortising",
         "a last step"),
        ("planned", '[[waterfall.default]]\npay = "principal"\nto = "Z"\n', "", "tranches.Z",
         "in phase default"),
        ("split", "fee_rate = 0.001", "fee_rate = 0.001\n[lines.spare]\ncommitment = 1.0",
         "lines.spare", "no step draws"),
        ("split", "[accounts.interest]", "[accounts.spare]\ninitial = 5.0\n[accounts.interest]",
         "accounts.spare", "no step draws from"),
        ("split", "[accounts.interest]", "[accounts.spare]\n[accounts.interest]",
         "accounts.spare", "nothing goes into"),
        ("split", 'pay = "hedge"\nto = "swap"', 'pay = "hedge"\nto = ["swap", "cap"]',
         "hedges.cap", "never owes"),
        ("plain", 'pay = "fee"\nto = "servicer"', 'pay = "fee"\nto = "servicer"\nshare = 0.0',
         "waterfall.amortising.0.share", "pays nothing"),
        ("revolving", "pool < 0.1 * pool_at_closing", "1 < 2", "calls.cleanup.when",
         "always holds"),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_a_caution(deal, old, new, where, words):
    checked = check(GOOD[deal], (old, new))
    assert checked.errors == ()
    cautions = said(checked.cautions)
    assert where in cautions, cautions
    assert words in cautions[where]


def test_all_problems_come_at_once_and_a_slip_is_told_once():
    checked = check(
        PLAIN,
        ('to = "servicer"', 'to = "servcer"'),
        ('pay = "principal"\nto = "A"', 'pay = "principal"\nto = "a"\nup_to = "notess"'),
        ("closing = 2019-12-31", "closing = 2019-12-31\nlegal_end = 2018-12-31"),
    )
    assert set(said(checked.errors)) == {
        "waterfall.amortising.0.to",
        "waterfall.amortising.2.to",
        "waterfall.amortising.2.up_to",
        "legal_end",
    }


def test_without_the_model_its_names_are_not_checked():
    text = SPLIT.replace('index = "LPR"\nmargin', 'index = "LRP"\nmargin')
    spec = DealSpec.model_validate(as_tuples(tomllib.loads(text)), strict=True)
    assert check_deal("d", spec).errors == ()


def test_a_circle_of_three_is_told_once():
    names = ("a", "b", "c")
    accounts = "".join(
        f'[accounts.{one}]\ninitial = 1.0\ntarget = "target.{two}"\n'
        for one, two in zip(names, (*names[1:], names[0]), strict=True)
    )
    errors = check(PLAIN, ("[tranches.A]", f"{accounts}[tranches.A]")).errors
    assert [p.found for p in errors] == ["target.a needs target.b needs target.c needs target.a"]


def test_watched_words_are_words_of_the_deal():
    spec = DealSpec.model_validate(as_tuples(tomllib.loads(SPLIT)), strict=True)
    fine = ["notes", "balance.A", "paid.senior_interest", "final"]
    assert check_words(spec, fine, ("LPR",)) == []
    wrong = check_words(spec, ["note", "balance.Z", "phase", "paid.x"], ("LPR",))
    assert [p.where for p in wrong] == [
        "--watch note", "--watch balance.Z", "--watch phase", "--watch paid.x",
    ]  # fmt: skip


def test_a_model_with_a_deal_that_cannot_be_run_is_refused(tmp_path):
    from scfcap.api import load

    base = "alibaba-2013"
    (tmp_path / "deals").mkdir()
    (tmp_path / "model.toml").write_text(f'base = "{base}"\n', encoding="utf-8")
    text = PLAIN.replace('to = "A"', 'to = "a"')
    (tmp_path / "deals" / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load(tmp_path)
    assert [p.where for p in refused.value.problems] == [
        "deals/mine.toml: waterfall.amortising.1.to",
        "deals/mine.toml: waterfall.amortising.2.to",
    ]
    with pytest.raises(InputError) as set_on_the_line:
        load(base, overrides=["deals.new-series.accounts.reserve.target='notess'"])
    (problem,) = set_on_the_line.value.problems
    assert problem.where.startswith("--set deals.new-series.accounts.reserve.target")


def test_what_is_said_of_prices_and_capital_fits_the_deal() -> None:
    wrong = """
legal_end = 2024-12-31
[analytics]
settlement = 2025-01-31
prices = { B = 99.0 }
[capital]
rules = "china"
pool_weight = 0.75
delinquent = 0.01
ratings = { A = "AAa", B = "A" }
pari_passu = [["A", "C"], ["A", "D"]]
reserves = ["reserve"]
"""
    text = PLAIN.replace("closing = 2019-12-31\n", f"closing = 2019-12-31\n{wrong}")
    found = {str(problem) for problem in check(text).errors}
    assert {line.partition(": found")[0].removeprefix("deals/d.toml: ") for line in found} == {
        "analytics.settlement", "analytics.prices.B", "capital.rules", "capital.ratings.A",
        "capital.ratings.B", "capital.pari_passu", "capital.pari_passu.1", "capital.reserves",
    }  # fmt: skip
    assert any("in force there from that day" in line for line in found)


@pytest.mark.parametrize("rules", ["us", "basel-stc", "basel-resecuritisation"])
def test_ratings_are_of_no_use_under_formulas_alone(rules: str) -> None:
    terms = f'[capital]\nrules = "{rules}"\npool_weight = 1.0\ndelinquent = 0.0\n'
    assert check(PLAIN + terms).errors == ()
    (problem,) = check(PLAIN + terms + 'ratings = { A = "AAA" }').errors
    assert f'ratings, under rules = "{rules}"' in str(problem)


def test_a_class_rating_that_counts_must_be_one_of_the_table() -> None:
    terms = "[capital]\npool_weight = 1.0\ndelinquent = 0.0\nclass_ratings = true\n"
    text = PLAIN.replace("coupon = 0.05", 'coupon = 0.05\nrating = "AAAsf"')
    assert check(text).errors == ()
    (problem,) = check(text + terms).errors
    assert "tranches.A.rating" in str(problem)
    assert 'found "AAAsf"' in str(problem)


def test_terms_of_single_loans_need_whole_loans() -> None:
    terms = (
        PLAIN
        + """
[assets]
repurchase_ineligible = true
breaches = [{ test = "rate < 0.1" }]
substitution = {}
covenants = [{ column = "rate", least = 0.1 }]
"""
    )
    data = DealSpec.model_validate(as_tuples(tomllib.loads(terms)), strict=True)
    refused = [each.where for each in check_deal("test", data).errors]
    assert refused == [
        f"deals/test.toml: assets.{name}"
        for name in ("covenants", "repurchase_ineligible", "breaches", "substitution")
    ]
    whole = data.model_copy(
        update={"assets": data.assets.model_copy(update={"purchases": "loans"})}
    )
    checked = check_deal("test", whole)
    assert not checked.errors
    assert [each.where for each in checked.cautions] == [
        "deals/test.toml: assets.repurchase_ineligible"
    ]


@pytest.mark.parametrize(
    ("deal", "old", "new", "words"),
    [
        ("revolving", "[tranches.senior]", "[tranches.'my class']\nshare = 0.1\n[tranches.senior]",
         "a name of letters, digits and _"),
        ("split", 'index = "LPR"\nmargin', 'index = "LPR"\nfloor = 0.5\ncap = 0.1\nmargin',
         "tranches.A.floor: found 0.5, above the cap"),
        ("revolving", "[assets]", "[assets]\nprice = 0.0",
         "assets.price: found 0.0; expected more than 0"),
    ],
)  # fmt: skip
def test_what_a_file_may_not_hold_is_said_in_words(deal, old, new, words):
    assert old in GOOD[deal]
    told = [str(each) for each in misfits(GOOD[deal].replace(old, new, 1))]
    assert any(words in each for each in told), told


def test_a_deal_without_phases_is_told_so():
    text = GOOD["plain"].replace("closing = 2019-12-31", "closing = 2019-12-31\nphases = []", 1)
    (told,) = misfits(text)
    assert (told.where, told.found) == ("phases", "no phase")


def test_shares_need_not_be_one_where_a_line_lends_at_closing():
    less = ("share = 0.8", "share = 0.3")
    line = "[lines.w]\ncommitment = 50.0\ninitial = 50.0\n[fees.servicer]"
    steps = (
        '[[waterfall.amortising]]\npay = "line"\nto = "w"\n[[waterfall.amortising]]\npay = "fee"'
    )
    paid = ('[[waterfall.amortising]]\npay = "fee"', steps)
    assert "tranches" in said(check(PLAIN, less).cautions)
    assert check(PLAIN, less, ("[fees.servicer]", line), paid) == Checked((), ())
