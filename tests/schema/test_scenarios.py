"""Scenario files: found by name, composed, and every shipped one loads and says where from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scfcap.errors import InputError
from scfcap.schema.load import load_model

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


def test_includes_of_includes_count_once() -> None:
    squeeze = ["bank_line_cut", "p2p_run_off", "market_shut", "rate_shock", "rate_shock"]
    assert sorted(kinds("funding-squeeze")) == sorted(squeeze)
    assert sorted(kinds("funding-squeeze", "bank-line-cut")) == sorted(squeeze)


def test_files_read_are_part_of_the_digest() -> None:
    plain = load_model("alibaba-2013", ["scenarios.now.title=a"])
    more = load_model("alibaba-2013", ["scenarios.now.title=a", included("core-contagion")])
    names = {path.name for path in more.files} - {path.name for path in plain.files}
    assert names == {"core-contagion.toml", "core-failure.toml"}


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
