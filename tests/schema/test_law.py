"""The law of a place over time: what is in force on a day, how it reads, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from scfcap.errors import InputError
from scfcap.schema.law import Calendar, calendar_of
from scfcap.schema.load import load_model, read_regime, shipped
from scfcap.schema.regime import Regime

RULE = """\
title = "Rules of {name}"
jurisdiction = "{place}"
start = {start}
end = {end}
source = "gazette"

[[caps]]
name = "bank"
base = "net_capital"
multiple = {multiple}
weights = {{ bank = 1.0 }}
source = "gazette, article 1"
"""


def rule(name, start, end, place="XX", multiple=0.5):
    return RULE.format(name=name, place=place, start=start, end=end, multiple=multiple)


@pytest.fixture
def lawful(write):
    """A model folder with regimes of its own, given by name as text."""

    def make(**texts):
        folder = write()
        (folder / "regimes").mkdir()
        for name, text in texts.items():
            (folder / "regimes" / f"{name}.toml").write_text(text, encoding="utf-8")
        return folder

    return make


def problem(path, *overrides):
    with pytest.raises(InputError) as error:
        load_model(path, overrides)
    (one,) = error.value.problems
    return str(one)


@pytest.fixture(scope="module")
def regimes():
    folder = shipped("models") / "regimes"
    return {path.stem: read_regime(path) for path in folder.glob("*.toml")}


def multiples(law, day):
    rules = law.on(day)
    return None if rules is None else {cap.name: cap.multiple for cap in rules.caps}


@pytest.mark.parametrize(
    ("place", "day", "expected"),
    [
        ("CN", date(2008, 5, 3), None),
        ("CN", date(2008, 5, 4), {"bank": 0.5}),
        ("CN", date(2017, 11, 30), {"bank": 0.5}),
        ("CN", date(2017, 12, 1), {"total": 0.5}),
        ("CN", date(2020, 9, 15), {"total": 0.5}),
        ("CN", date(2020, 9, 16), {"non_standard": 1.0, "standardised": 4.0}),
        ("CN", date(2025, 1, 17), {"non_standard": 1.0, "standardised": 4.0}),
        ("cn-chongqing", date(2012, 6, 3), {"bank": 0.5}),
        ("cn-chongqing", date(2012, 6, 4), {"bank_repo": 1.0, "shareholder": 1.0, "peer": 0.3}),
        ("cn-chongqing", date(2017, 12, 1), {"total": 2.3}),
        ("cn-chongqing", date(2020, 9, 16), {"non_standard": 1.0, "standardised": 4.0}),
        ("CN-Shenzhen", date(2018, 6, 1), {"total": 2.0}),
    ],
)
def test_law_of_a_place_on_a_day(place, day, expected, regimes):
    """Days and multiples as the texts give them; see docs/regimes.md."""
    assert multiples(calendar_of(place, regimes), day) == expected


def test_base_of_2024_is_the_preceding_year_end(regimes):
    law = calendar_of("cn", regimes)
    bases = [
        {cap.base for cap in law.holding(day).caps}
        for day in (date(2025, 1, 16), date(2025, 1, 17))
    ]
    assert bases == [{"net_assets"}, {"net_assets_prior_year_end"}]


def test_a_local_multiple_names_both_texts(regimes):
    (cap,) = calendar_of("cn-chongqing", regimes).holding(date(2018, 1, 1)).caps
    assert "No. 141" in cap.source
    assert "Yujinfa [2012] No. 11" in cap.source


def test_readings_replace_weights_and_nothing_else(regimes):
    day = date(2021, 1, 1)
    plain = calendar_of("cn", regimes).holding(day)
    read = calendar_of("cn", regimes, ("clean_counts", "recourse_outside")).holding(day)
    assert "transfer_clean" not in plain.caps[0].weights
    assert dict(read.caps[0].weights) == dict(plain.caps[0].weights) | {
        "transfer_clean": 1.0,
        "transfer_recourse": 0.0,
    }
    assert read.caps[1:] == plain.caps[1:]
    assert read.caps[0].multiple == plain.caps[0].multiple


def test_a_draft_is_in_no_calendar_and_a_model_may_name_it(regimes):
    day = date(2021, 1, 1)
    assert calendar_of("cn", regimes).name_on(day) == "cn_2020_86"
    assert calendar_of("cn_2020_draft", regimes).name_on(day) == "cn_2020_draft"


def test_a_named_regime_is_followed_by_its_successor(regimes):
    law = calendar_of("cq_2012", regimes)
    days = [date(2017, 11, 30), date(2017, 12, 1), date(2020, 9, 16), date(2026, 1, 1)]
    names = [law.name_on(day) for day in days]
    assert names == ["cq_2012", "cn_2017_141", "cn_2020_86", "cn_2024_26"]
    assert law.on(date(2012, 6, 3)) is None  # what came before is not what was asked for
    assert law.between(days[0], days[2]) == names[:3]
    assert law.title(date(2017, 11, 1), date(2017, 12, 31)) == (
        "Chongqing: microloan companies, 2012; from 2017-12-01 China: cash-loan notice, 2017"
    )
    assert Calendar.of(regimes["cq_2012"]).on(days[1]) is None


def test_a_model_takes_the_law_of_its_day(write):
    folder = write()
    loaded = load_model(folder, ["regime=cn"])
    assert loaded.regime_name == "cn"
    assert loaded.regime is not None
    assert loaded.regime.start == date(2008, 5, 4)
    assert [p.stem for p in loaded.files if p.parent.name == "regimes"] == ["cn_2008"]
    longer = load_model(folder, ["regime=CN-Chongqing", "plan.periods=48"])
    assert [p.stem for p in longer.files if p.parent.name == "regimes"] == [
        "cq_2012", "cn_2017_141",
    ]  # fmt: skip


def test_a_day_before_the_first_rules(write):
    text = problem(
        write(), "regime=cn", "as_of=2008-05-03", "securitization.series.s-1.closing=2008-01-01"
    )
    assert "nothing is in force in CN on 2008-05-03" in text
    assert "cn_2008 from 2008-05-04 to 2017-11-30" in text


def test_a_day_between_two_rules(lawful):
    gap = lawful(
        one=rule("one", "2010-01-01", "2013-06-30"), two=rule("two", "2014-02-01", "2015-12-31")
    )
    text = problem(gap, "regime=xx")
    assert text.startswith("--set regime=xx: found nothing is in force in XX on 2013-12-31")
    assert "one from 2010-01-01 to 2013-06-30; two from 2014-02-01 to 2015-12-31" in text
    assert 'use "none"' in text


def test_two_laws_on_a_day_are_refused(lawful):
    folder = lawful(
        one=rule("one", "2010-01-01", "2014-06-30"), two=rule("two", "2014-06-30", "2015-12-31")
    )
    text = problem(folder, "regime=XX")
    assert text.startswith("regimes/two.toml: start: found one and two both in force in XX on 2014")
    assert "at most one regime of a jurisdiction on a day" in text
    # By its name the first holds as long as it lasts, and the second follows.
    law = load_model(folder, ["regime=one", "plan.periods=12"]).law
    assert law is not None
    assert [law.name_on(date(2014, 6, d)) for d in (29, 30)] == ["one", "one"]
    assert law.name_on(date(2014, 7, 1)) == "two"


def test_laws_of_a_place_and_of_the_whole_are_no_conflict(lawful):
    folder = lawful(
        one=rule("one", "2010-01-01", "2015-12-31"),
        two=rule("two", "2014-03-01", "2014-05-31", "XX-North", 0.7),
    )
    law = load_model(folder, ["regime=xx-north"]).law
    assert law is not None
    days = (date(2014, 2, 28), date(2014, 3, 1), date(2014, 5, 31), date(2014, 6, 1))
    assert [multiples(law, day)["bank"] for day in days] == [0.5, 0.7, 0.7, 0.5]


def test_values_hold_on_their_own_days(lawful):
    window = (
        '\n[[closed]]\nchannels = ["p2p"]\nstart = 2014-03-01\nend = 2014-04-30\nsource = "a"\n'
    )
    folder = lawful(one=rule("one", "2010-01-01", "2015-12-31") + window)
    law = load_model(folder, ["regime=one"]).law
    assert law is not None
    days = (date(2014, 2, 28), date(2014, 3, 1), date(2014, 4, 30), date(2014, 5, 1))
    closed = [law.holding(day).closed_channels for day in days]
    assert closed == [frozenset(), {"p2p"}, {"p2p"}, frozenset()]
    assert len(law.rules(days[0], days[3])) == 3


def test_a_cap_may_step_inside_a_regime(lawful):
    step = rule("one", "2010-01-01", "2015-12-31").partition("[[caps]]")
    caps = [
        f"[[caps]]{step[2]}end = 2014-02-28\n",
        f"[[caps]]{step[2].replace('multiple = 0.5', 'multiple = 0.8')}start = 2014-03-01\n",
    ]
    law = load_model(lawful(one=step[0] + "\n".join(caps)), ["regime=one"]).law
    assert law is not None
    assert multiples(law, date(2014, 2, 28)) == {"bank": 0.5}
    assert multiples(law, date(2014, 3, 1)) == {"bank": 0.8}


GOOD = rule("one", "2010-01-01", "2015-12-31")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace('source = "gazette"\n', ""), "regimes/one.toml: source: found nothing"),
        (GOOD.replace('"gazette, article 1"', '" "'), "regimes/one.toml: caps.bank.source: found"),
        (GOOD.replace('source = "gazette, article 1"\n', ""), "regimes/one.toml: caps.bank.source"),
        (GOOD + "start = 2009-01-01\n", "found 2009-01-01, a day outside the regime"),
        (GOOD.replace("end = 2015", "end = 2009"), "end: found 2009-12-31, before start"),
        (
            GOOD + '[[caps.local]]\nplace = "YY"\nmultiple = 1.0\nsource = "a"\n',
            'found place "YY"; expected a place below the jurisdiction, "XX-..."',
        ),
        (
            GOOD + '[[caps.local]]\nplace = "XX-N"\nmultiple = 1.0\n',
            "regimes/one.toml: caps.bank.local.0.source",
        ),
        (
            GOOD + '[[caps]]\nname = "Bank"\nbase = "net_assets"\nmultiple = 1.0\n'
            'weights = { bank = 1.0 }\nstart = 2013-01-01\nsource = "a"\n',
            'regimes/one.toml: caps: found "bank" twice on 2013-01-01',
        ),
        (
            GOOD + 2 * '[[caps.local]]\nplace = "XX-N"\nmultiple = 1.0\nsource = "a"\n',
            'regimes/one.toml: caps.bank.local: found "XX-N" twice on 2010-01-01',
        ),
        (GOOD + '[single_borrower]\nsource = "a"\n', "found neither share nor amount"),
        (
            GOOD + '[group]\nshare = 0.1\namount = 5.0\nsource = "a"\n',
            "regimes/one.toml: group: found share and amount",
        ),
        (GOOD.replace("bank = 1.0", "bank = -1.0"), "regimes/one.toml: caps.bank.weights.bank"),
        (GOOD.replace("bank = 1.0", "banks = 1.0"), "regimes/one.toml: caps.bank.weights"),
        (GOOD + '[[closed]]\nchannels = []\nsource = "a"\n', "regimes/one.toml: closed.0.channels"),
        (GOOD.replace("net_capital", "capital"), "net_assets_prior_year_end"),
    ],
)
def test_bad_regimes_are_refused(text, said, lawful):
    assert said in problem(lawful(one=text), "regime=one")


def test_readings_that_no_text_leaves_open(write):
    folder = write()
    text = problem(folder, "regime=cn_2008", 'regime_readings=["recourse_outsid"]')
    assert "regime_readings" in text
    assert "Did you mean recourse_outside?" in text
    text = problem(folder, 'regime_readings=["recourse_outside"]')
    assert "no regime to read" in text


def test_a_kind_of_lender_that_is_closed_throughout_is_refused_and_one_that_opens_is_not(lawful):
    shut = '\n[[closed]]\nchannels = ["peer"]\nsource = "a"\n'
    folder = lawful(
        one=rule("one", "2010-01-01", "2014-06-30") + shut,
        two=rule("two", "2014-07-01", "2015-12-31"),
    )
    peer = 'lenders.bank-b.kind="peer"'
    assert 'found "peer"' in problem(folder, "regime=xx", peer, "plan.periods=6")
    load_model(folder, ["regime=xx", peer, "plan.periods=7"])


def test_regime_of_a_day_outside_is_no_regime():
    one = Regime.model_validate(
        {"title": "t", "jurisdiction": "XX", "start": date(2010, 1, 1), "source": "a"}
    )
    law = Calendar.of(one)
    assert law.on(date(2009, 12, 31)) is None
    with pytest.raises(InputError, match="nothing is in force in XX on 2009-12-31"):
        law.holding(date(2009, 12, 31))
    assert law.title(date(2009, 1, 1), date(2010, 1, 1)) == "nothing in force; from 2010-01-01 t"
