"""Finding, layering and overriding model files; regimes and packs by name."""

from __future__ import annotations

import os
from datetime import date

import pytest

from scfcap.errors import InputError
from scfcap.schema.load import json_schema, load_model, shipped, shipped_models
from scfcap.schema.plan import Demand

REGIME = """\
title = "A rule"
jurisdiction = "XX"
start = 2010-01-01
end = {end}
source = "a law"

[[caps]]
name = "bank"
base = "net_capital"
multiple = 0.5
weights = {{ bank = 1.0 }}
source = "a law, article 1"

[[closed]]
channels = ["peer"]
source = "a law, article 2"
"""


def problem(path, *overrides):
    with pytest.raises(InputError) as error:
        load_model(path, overrides)
    (one,) = error.value.problems
    return str(one)


def variant(folder, text):
    folder.mkdir()
    (folder / "model.toml").write_text(text, encoding="utf-8")
    return folder


def test_folder_file_and_name_give_the_same(write):
    folder = write()
    assert load_model(folder).digest == load_model(folder / "model.toml").digest
    assert load_model(str(folder)).folder == folder
    assert load_model("alibaba-2013").spec.name == "alibaba-2013"


def test_a_scenario_file_that_the_model_does_not_name_says_how():
    text = problem("alibaba-2013", "plan.scenario=funding-squeeze")
    assert 'found "funding-squeeze"; expected one of the scenarios bank-a-cut, ' in text
    assert 'add [scenarios.funding-squeeze] include = ["funding-squeeze"] to the model' in text
    # The option that it names does what it says.
    option = text.partition("--set '")[2].partition("'")[0]
    spec = load_model("alibaba-2013", ["plan.scenario=funding-squeeze", option]).spec
    assert "bank_line_cut" in {shock.kind for shock in spec.scenarios["funding-squeeze"].shocks}
    assert "add [" not in problem("alibaba-2013", "plan.scenario=no-such-thing")


def test_unknown_model_lists_the_shipped_ones(tmp_path):
    text = problem("alibaba-2031")
    assert "alibaba-2031: found no such folder or file" in text
    assert all(name in text for name in shipped_models())
    assert text.endswith("Did you mean alibaba-2013?")
    assert "found a folder without model.toml" in problem(tmp_path)


def test_shipped_models():
    assert shipped_models() == [
        *("aart-2017-3", "alibaba-2013", "alibaba-2013-cn2008", "ar-invoices", "lendingclub"),
        *("sba-case", "scf-eras", "scf-eras-2018", "scf-eras-2020", "scf-eras-bank"),
        *("scf-eras-notes", "scf-eras-orders", "shops-2013", "superlender", "warehouse"),
        *("worldomni-2020", "xente"),
    ]
    assert (shipped("models") / "regimes" / "cn_2008.toml").is_file()
    assert (shipped("reports") / "treasury.toml").is_file()


def test_overrides_by_name_and_position(loaded):
    model = loaded(
        "lenders.bank-b.limit=0",
        "lenders.0.limit=5",
        "securitization.programme_limit=0",
        "securitization.series.s-1.cash=7",
        "tape.platform.loans=2_000",
        "title=A what-if",
        'name="12"',
        "as_of=2013-12-30",
        "demand.order_core.seasonality.11=1.8",
    )
    spec = model.spec
    assert [lender.limit for lender in spec.lenders] == [5.0, 0.0]
    assert spec.securitization is not None
    assert spec.securitization.programme_limit == 0.0
    assert spec.securitization.series[0].cash == 7.0
    assert spec.tape.platform is not None
    assert spec.tape.platform.loans == 2000
    assert (spec.title, spec.name, spec.as_of) == ("A what-if", "12", date(2013, 12, 30))
    assert spec.demand["order_core"].seasonality == {11: 1.8}
    assert model.overrides[0] == "lenders.bank-b.limit=0"


def test_later_override_wins(loaded):
    assert loaded("plan.periods=3", "plan.periods=4").spec.plan.periods == 4


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lenders.bank-c.limit=0", 'found no "bank-c" in lenders; expected one of bank-a, bank-b'),
        ("lenders.bank-a.tenors.3.rate=0", "expected a position from 0 to 0"),
        ("plan.periods.x=1", "found plan.periods, which is a value; expected a table or a list"),
        ("plan.perods=1", "--set plan.perods=1: found an unknown key"),
        ("plan.periods=12%", '--set plan.periods=12%: found "12%"; expected a whole number'),
        ("plan.periods", "expected KEY=VALUE with a dotted key, such as plan.periods=6"),
        ("=3", "expected KEY=VALUE"),
        ("a b=3", "expected KEY=VALUE"),
        ("lenders.bank-a.limit=nan", "found nan; expected a finite number"),
        ("name=12", 'found 12; expected text in quotes. Write it in quotes: "12"'),
        ('tape.path="../../secret.csv"', "expected a path inside the model's folder"),
        ('tape.path="/etc/passwd"', "expected a path inside the model's folder"),
    ],
)
def test_bad_overrides_name_themselves(write, override, expected):
    text = problem(write(), override)
    assert text.startswith(f"--set {override}")
    assert expected in text


def test_problem_of_the_file_names_the_file_and_not_the_override(said):
    texts = said({"limit = 1e5": "limit = -1"}, "lenders.bank-b.limit=-2")
    assert texts[0].startswith("model.toml: lenders.bank-a.limit: found -1")
    assert texts[1].startswith("--set lenders.bank-b.limit=-2: found -2")


def test_base_is_merged_key_by_key_and_lists_by_name(write, tmp_path):
    write(name="first")
    folder = variant(
        tmp_path / "second",
        """\
base = "first"
name = "second"
[plan]
cash_yield = 0.01
[[lenders]]
name = "bank-b"
limit = 9
[[lenders]]
name = "bank-c"
limit = 3
tenors = [{ periods = 1, rate = 0.1 }]
""",
    )
    model = load_model(folder)
    spec = model.spec
    assert spec.name == "second"
    assert spec.title == "A small model"
    assert (spec.plan.periods, spec.plan.cash_yield) == (12, 0.01)
    assert [(x.name, x.limit) for x in spec.lenders] == [
        ("bank-a", 1e5),
        ("bank-b", 9.0),
        ("bank-c", 3.0),
    ]
    assert spec.lenders[1].tenors[0].rate == 0.075
    assert [path.parent.name for path in model.files[:2]] == ["first", "second"]


def test_problem_names_the_layer_that_states_the_key(write, tmp_path):
    write({"limit = 1e5": "limit = -1"}, name="first")
    folder = variant(
        tmp_path / "second", 'base = "first"\n[[lenders]]\nname = "bank-b"\nlimit = -2\n'
    )
    with pytest.raises(InputError) as error:
        load_model(folder)
    texts = [str(one) for one in error.value.problems]
    assert texts[0].startswith("first/model.toml: lenders.bank-a.limit: found -1")
    assert texts[1].startswith("model.toml: lenders.bank-b.limit: found -2")


def test_base_that_is_missing_pathed_or_circular(write, tmp_path):
    write(name="first")
    missing = variant(tmp_path / "a", 'base = "frist"\n')
    assert problem(missing).endswith("Did you mean first?")
    pathed = variant(tmp_path / "b", 'base = "../first"\n')
    assert "expected the name of a model" in problem(pathed)
    circle = variant(tmp_path / "c", 'base = "d"\n')
    variant(tmp_path / "d", 'base = "c"\n')
    assert "leads back here" in problem(circle)


def test_digest_follows_files_and_overrides(write):
    folder = write()
    first = load_model(folder).digest
    assert load_model(folder).digest == first
    assert load_model(folder, ["plan.periods=6"]).digest != first
    with (folder / "model.toml").open("a", encoding="utf-8") as file:
        file.write("# a remark\n")
    assert load_model(folder).digest != first


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a = "x', "model.toml: found the end of the file; expected valid TOML"),
        (b"a = 1\nb = x\n", "model.toml line 2, column 5: found `b = x`; expected valid TOML"),
        (b"a = 1\na = 2\n", "may stand only once"),
        (b"[plan]\n[plan]\n", "may stand only once"),
        (b"a = [", "expected valid TOML"),
        (b"a = '\xff'", "model.toml line 1: found a byte that is not UTF-8"),
        (b"a = " + b"[" * 5000, "found tables nested deeper than 32"),
        (b"# " + b"x" * (1 << 20), "expected at most 1,048,576 bytes"),
    ],
)
def test_files_that_are_no_toml(tmp_path, content, expected):
    (tmp_path / "model.toml").write_bytes(content)
    assert expected in problem(tmp_path)


def test_byte_order_mark_is_no_fault(write):
    folder = write()
    text = (folder / "model.toml").read_bytes()
    (folder / "model.toml").write_bytes(b"\xef\xbb\xbf" + text)
    assert load_model(folder).spec.name == "small"


def test_regime_is_looked_up_in_the_folder_beside_it_and_shipped(write, tmp_path):
    folder = write()
    assert load_model(folder).regime is None
    model = load_model(folder, ["regime=cq_2012"])
    assert model.regime is not None
    assert model.regime.jurisdiction == "CN-Chongqing"
    for place, end in ((tmp_path, "2014-01-01"), (folder, "2015-01-01")):
        (place / "regimes").mkdir()
        (place / "regimes" / "cq_2012.toml").write_text(REGIME.format(end=end), encoding="utf-8")
        regime = load_model(folder, ["regime=cq_2012"]).regime
        assert regime is not None
        assert regime.end == date.fromisoformat(end)


def test_regime_must_be_in_force(write):
    text = problem(write(), "regime=cn_2020_86")
    assert 'found "cn_2020_86", in force from 2020-09-16 to 2025-01-16' in text
    assert "expected a regime in force at as_of, 2013-12-31" in text
    assert "In force on that day: cn_2008 (CN), cq_2012 (CN-Chongqing), guangdong_2012" in text
    assert "cn_2020_draft" not in text


def test_unknown_regime_and_pack_suggest(write):
    folder = write()
    text = problem(folder, "regime=cn_2007")
    assert "one of CN, CN-Chongqing, CN-Guangdong" in text
    assert "cn_2008, cn_2017_141, cn_2020_86, cn_2020_draft, cn_2024_26, cq_2012" in text
    assert "Did you mean cn_2008?" in text
    text = problem(folder, "report=tresury")
    assert "expected one of borrowing-base, investor, regulator, structurer, treasury" in text
    assert "Did you mean treasury?" in text


def test_fault_in_a_regime_file_names_that_file(write):
    folder = write()
    (folder / "regimes").mkdir()
    text = REGIME.format(end="2015-01-01").replace('source = "a law, article 1"\n', "")
    (folder / "regimes" / "own.toml").write_text(text, encoding="utf-8")
    assert problem(folder, "regime=own").startswith("regimes/own.toml: caps.bank.source: found")


def test_lender_of_a_closed_kind(write):
    folder = write()
    text = problem(folder, "regime=cn_2008", 'lenders.bank-b.kind="peer"')
    assert 'found "peer"; expected a source that' in text
    assert "Set lenders.bank-b.limit to 0" in text
    load_model(folder, ["regime=cn_2008", 'lenders.bank-b.kind="peer"', "lenders.bank-b.limit=0"])


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_link_out_of_the_folder_is_refused(write, tmp_path):
    folder = write()
    (tmp_path / "outside.csv").write_text("x\n", encoding="utf-8")
    (folder / "tape.csv").symlink_to(tmp_path / "outside.csv")
    assert "inside the model's folder" in problem(folder, "tape.path=tape.csv")


def test_json_schema_knows_base_and_describes_fields():
    schema = json_schema()
    assert "base" in schema["properties"]
    assert schema["properties"]["stated_for_book"]["description"].startswith("The funding set")


def test_every_amount_scales_and_nothing_else():
    """Net capital, optional limits and tables of amounts too; rates, loans and rules do not."""
    spec = load_model("alibaba-2013").spec
    half = spec.scaled(0.5)
    assert half.opening.net_capital == 0.8e9
    assert half.lenders[0].draws[0].amount == 75e6
    assert half.lenders[0].draws[0].rate == spec.lenders[0].draws[0].rate
    assert half.buyers[0].per_period == 0.15e9
    assert half.p2p is not None
    assert half.p2p.rolling_12_months == 0.5e9
    assert half.p2p.steps[0].per_period == 25e6
    assert half.securitization is not None
    assert dict(half.securitization.series[0].notes) == {"senior": 187.5e6, "mezzanine": 37.5e6}
    assert half.securitization.issues[0].max_pool == 0.25e9
    assert half.demand["b2b"].per_period == 0.3e9
    assert half.demand["b2b"].seasonality == spec.demand["b2b"].seasonality
    assert half.plan.opex_per_year == 30e6
    assert (half.tape, half.pool, half.credit) == (spec.tape, spec.pool, spec.credit)
    assert half.stated_for_book == spec.stated_for_book


def test_seasonality_keys_are_months():
    demand = Demand.model_validate({"per_period": 1, "new_loans": "tape", "seasonality": {"2": 3}})
    assert demand.seasonality == {2: 3.0}
