"""Scenario files: found by name, composed, and every shipped one loads and says where from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scfcap.errors import InputError
from scfcap.schema.load import load_model
from scfcap.schema.model import Model as ModelSpec

LIBRARY = Path(__file__).resolve().parents[2] / "models" / "scenarios"
NAMES = sorted(path.stem for path in LIBRARY.glob("*.toml"))


def included(*names: str) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"scenarios.now.include=[{quoted}]"


def kinds(*names: str) -> list[str]:
    loaded = load_model("alibaba-2013", [included(*names)])
    return [shock.kind for shock in loaded.spec.scenarios["now"].shocks]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_loads(name: str) -> None:
    assert kinds(name)


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_of_a_shipped_scenario_has_a_mark(name: str) -> None:
    text = (LIBRARY / f"{name}.toml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    for line in text.splitlines():
        code, _, remark = line.partition("#")
        if re.search(r"=\s*[\d.]", code):
            assert re.search(r"\[(assumed|computed|known)[^\]]*\]", remark), line


def test_a_model_with_shocks_on_days_reads_as_it_is_written() -> None:
    spec = load_model("alibaba-2013").spec
    days = [x for each in spec.scenarios.values() for x in each.shocks if x.on is not None]
    assert days
    assert ModelSpec.model_validate_json(spec.model_dump_json(by_alias=True)) == spec


def test_includes_of_includes_count_once() -> None:
    squeeze = ["bank_line_cut", "p2p_run_off", "market_shut", "rate_shock", "rate_shock"]
    assert sorted(kinds("funding-squeeze")) == sorted(squeeze)
    assert sorted(kinds("funding-squeeze", "bank-line-cut")) == sorted(squeeze)


def test_files_read_are_part_of_the_digest() -> None:
    plain = load_model("alibaba-2013", ["scenarios.now.title=a"])
    more = load_model("alibaba-2013", ["scenarios.now.title=a", included("core-contagion")])
    names = {path.name for path in more.files} - {path.name for path in plain.files}
    assert names == {"core-contagion.toml"}  # core-failure is in the model's own
    assert "core-failure.toml" in {path.name for path in plain.files}


def test_a_models_own_file_comes_first(tmp_path: Path) -> None:
    model = tmp_path / "mine"
    (model / "scenarios").mkdir(parents=True)
    (model / "model.toml").write_text('base = "alibaba-2013"\n', encoding="utf-8")
    (model / "scenarios" / "bank-line-cut.toml").write_text(
        'default_multiple = 2.0\n[[shocks]]\nkind = "outage"\ndays = 3\n', encoding="utf-8"
    )
    shocks = load_model(model, [included("bank-line-cut")]).spec.scenarios["now"].shocks
    assert [shock.kind for shock in shocks] == ["borrower_stress", "outage"]


def test_a_circle_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "mine"
    (model / "scenarios").mkdir(parents=True)
    (model / "model.toml").write_text('base = "alibaba-2013"\n', encoding="utf-8")
    for one, other in (("a", "b"), ("b", "a")):
        text = f'include = ["{other}"]\n'
        (model / "scenarios" / f"{one}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="a includes b includes a"):
        load_model(model, [included("a")])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (included("bank-line-cuts"), "Did you mean bank-line-cut?"),
        (included("../regimes/cn_2008"), "one of bank-line-cut"),
        ('scenarios.now.shocks=[{kind="outages", days=1}]', "kind = one of borrower_stress"),
        ("scenarios.now.shocks=[{days=1}]", "kind = one of borrower_stress"),
        ('scenarios.now.shocks=[{kind="outage", day=1}]', "Did you mean days?"),
        ('scenarios.now.shocks=[{kind="outage", days=0}]', "found 0; expected at least 1"),
        ('scenarios.now.shocks=["outage"]', "expected a table"),
        ('scenarios.now.shocks=[{kind="p2p_run_off", share=60}]', "60% is 0.6"),
        (
            'scenarios.now.shocks=[{kind="rate_shock", from_period=4, to_period=2}]',
            "at least from_period, 4",
        ),
    ],
)
def test_faults_are_said_in_words(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_model("alibaba-2013", [text])
    assert words in str(caught.value)


# --- what is not there ----------------------------------------------------------------------------


def bare(tmp_path: Path, *options: str) -> list[str]:
    """Scenarios of the shipped model without its P2P lenders, as they load."""
    source = (LIBRARY.parent / "alibaba-2013" / "model.toml").read_text(encoding="utf-8")
    head, _, tail = source.partition("[p2p]")
    rest = tail[tail.index("[[concentration]]") :]
    without = head.replace('[scenarios.p2p-closes]\ninclude = ["p2p-closes-2016-2020"]\n', "")
    folder = tmp_path / "alibaba-2013"
    folder.mkdir()
    (folder / "model.toml").write_text(without + rest, encoding="utf-8")
    spec = load_model(folder, options).spec
    assert spec.p2p is None
    return [shock.kind for shock in spec.scenarios["now"].shocks]


def test_a_file_that_speaks_of_more_than_the_model_has_is_taken_for_the_rest(
    tmp_path: Path,
) -> None:
    assert "p2p_run_off" in bare(tmp_path, included("funding-squeeze"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            included("p2p-run-off"),
            ', p2p-run-off: found a shock of kind "p2p_run_off" in a model without',
        ),
        (
            included("p2p-closes-2016-2020"),
            "in a model without P2P lenders; expected a table [p2p]",
        ),
        ('scenarios.now.shocks=[{kind="p2p_run_off", share=0.5}]', "Take the shock out."),
        (
            'scenarios.now.shocks=[{kind="rate_shock", bank=0.01, p2p=0.02}]',
            "that adds 0.02 to p2p; expected a table [p2p]. Set p2p to 0, or take the shock out.",
        ),
    ],
)
def test_a_shock_on_what_is_not_there_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        bare(tmp_path, text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'scenarios.now.shocks=[{kind="bank_line_cut", lender="bank-x", cut=0.5}]',
            "one of the lenders bank-a, bank-b, or all (did you mean bank-b?)",
        ),
        (
            'scenarios.now.shocks=[{kind="regime_change", regime="cn_2017"}]',
            "Did you mean cn_2017_141?",
        ),
        (
            'scenarios.now.shocks=[{kind="regime_change", regime="cn_2017_141", readings=["x"]}]',
            "one of clean_outside",
        ),
        ('scenarios.now.shocks=[{kind="outage", days=1, on="11-31"}]', 'or a day "11-11"'),
        (
            'scenarios.now.shocks=[{kind="outage", days=1, on="11-11", from_period=2}]',
            "on beside from_period",
        ),
        (
            'scenarios.now.shocks=[{kind="market_shut", until="06-30", to_period=2}]',
            "until beside to_period",
        ),
    ],
)
def test_names_and_days_of_shocks_are_checked(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_model("alibaba-2013", [text])
    assert words in str(caught.value)


def test_a_change_of_the_law_needs_a_law() -> None:
    change = 'scenarios.now.shocks=[{kind="regime_change", regime="cn_2017_141"}]'
    with pytest.raises(InputError, match='in a model whose regime is "none"'):
        load_model("alibaba-2013", ["regime=none", change])
    # market-shut-counted speaks of more than that: the rest of it is taken.
    spec = load_model("alibaba-2013", ["regime=none"]).spec
    assert "market_shut" in {shock.kind for shock in spec.scenarios["market-shut"].shocks}


def test_the_law_of_a_scenario_is_read_with_the_model() -> None:
    loaded = load_model("alibaba-2013")
    assert loaded.law is not None
    assert set(loaded.law.others) == {"cn_2017_141"}
    assert "cn_2017_141.toml" in {path.name for path in loaded.files}
    assert loaded.law.put_in_force("cn_2017_141", loaded.spec.as_of).caps[0].multiple == 2.3
