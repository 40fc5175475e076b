"""Names that go: they work, they warn, and none stays longer than was said."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import scfcap
from scfcap.deprecation import DeprecatedWarning, Leaving, deprecated, minor
from scfcap.errors import InputError
from scfcap.schema import renamed as names
from scfcap.schema.layers import parse_override
from scfcap.schema.load import load_model
from scfcap.schema.renamed import Renamed, renewed, renewed_override

LIMIT = Renamed("lenders.NAME.cap", "lenders.NAME.limit", since="0.2", until="0.3")
MOVED = Renamed("plan.months", "horizon.months", since="0.2", until="0.4")


@deprecated(instead="new_sum", since="0.2", until="0.3")
def old_sum(a: float, b: float = 1.0) -> float:
    """Both together."""
    return a + b


def test_a_function_that_goes_works_and_warns_at_its_callers_line():
    with pytest.warns(DeprecatedWarning, match="since 0.2, and gone in 0.3; use new_sum") as told:
        assert old_sum(2.0, b=3.0) == 5.0
    assert told[0].filename == __file__
    assert old_sum.__name__ == "old_sum"
    assert old_sum.__doc__.startswith("Both together.\n\nDeprecated: ")
    assert "use new_sum" in old_sum.__deprecated__
    assert issubclass(DeprecatedWarning, FutureWarning)  # shown without being asked for


@pytest.mark.parametrize(("since", "until"), [("0.2", "0.2"), ("1.0", "0.9"), ("0.10", "0.9")])
def test_at_least_one_minor_version_of_warning(since, until):
    with pytest.raises(ValueError, match="without a minor version of warning"):
        Leaving("x", "y", since, until)
    with pytest.raises(ValueError, match="without a minor version of warning"):
        Renamed("a", "b", since, until)


@pytest.mark.parametrize(
    ("version", "over"), [("0.2.9", False), ("0.3.0", True), ("0.10.0", True), ("1.0", True)]
)
def test_what_is_overdue(version, over):
    assert LIMIT.leaving().overdue(version) is over


def test_a_version_is_one():
    with pytest.raises(ValueError, match="no version"):
        minor("next")


def test_keys_get_their_new_names_in_lists_and_tables():
    data = {
        "lenders": [{"name": "a", "cap": 5}, {"name": "b", "limit": 6}],
        "plan": {"months": 9, "periods": 3},
    }
    with pytest.warns(DeprecatedWarning) as told:
        found = renewed(data, "model.toml", [LIMIT, MOVED])
    assert found == {
        "lenders": [{"name": "a", "limit": 5}, {"name": "b", "limit": 6}],
        "plan": {"periods": 3},
        "horizon": {"months": 9},
    }
    assert data["lenders"][0]["cap"] == 5
    assert [str(each.message) for each in told] == [
        "model.toml: lenders.NAME.cap is deprecated since 0.2, and gone in 0.3; "
        "use lenders.NAME.limit.",
        "model.toml: plan.months is deprecated since 0.2, and gone in 0.4; use horizon.months.",
    ]
    tables = {"lenders": {"a": {"cap": 5}}}
    with pytest.warns(DeprecatedWarning):
        assert renewed(tables, "x", [LIMIT]) == {"lenders": {"a": {"limit": 5}}}


def test_a_key_under_both_names_is_refused():
    data = {"lenders": [{"name": "a", "cap": 5, "limit": 6}]}
    with pytest.raises(InputError) as refused:
        renewed(data, "model.toml", [LIMIT])
    (problem,) = refused.value.problems
    assert problem.where == "model.toml: lenders.0.cap"
    assert problem.found == "lenders.0.cap and lenders.0.limit"


def test_a_set_with_an_old_name():
    with pytest.warns(DeprecatedWarning, match=r"--set lenders.NAME.cap is deprecated"):
        found = renewed_override(parse_override("lenders.bank-a.cap=0"), [LIMIT])
    assert (found.key, found.value) == (("lenders", "bank-a", "limit"), 0)
    other = parse_override("lenders.bank-a.limit=0")
    assert renewed_override(other, [LIMIT]) is other


def test_as_many_names_before_as_after():
    with pytest.raises(ValueError, match="other numbers of NAMEs"):
        Renamed("lenders.NAME.cap", "cap", since="0.2", until="0.3")


@pytest.fixture
def old_model(tmp_path, monkeypatch):
    """A model that states the plan's periods by an older name."""
    rule = Renamed("plan.steps", "plan.periods", since="0.2", until="0.3")
    monkeypatch.setattr(names, "RENAMED", (rule,))
    (tmp_path / "model.toml").write_text('base = "alibaba-2013"\n[plan]\nsteps = 5\n')
    return tmp_path


def test_a_model_with_an_old_name_loads(old_model):
    with pytest.warns(DeprecatedWarning, match=r"model.toml: plan.steps is deprecated"):
        assert load_model(old_model).spec.plan.periods == 5
    with pytest.warns(DeprecatedWarning):
        assert load_model("alibaba-2013", ["plan.steps=4"]).spec.plan.periods == 4


def test_the_command_line_tells_it_in_one_line(old_model, capsys):
    from scfcap.cli.terminal import Outcome, Terminal, execute

    def work(_):
        return Outcome({"periods": load_model(old_model).spec.plan.periods})

    execute(Terminal(json=True), work)
    done = capsys.readouterr()
    assert '"periods": 5' in done.out
    assert done.err == (
        "model.toml: plan.steps is deprecated since 0.2, and gone in 0.3; use plan.periods.\n"
    )
    execute(Terminal(quiet=True), work)
    assert capsys.readouterr().err == ""


def _marked(root: Path) -> list[tuple[str, str]]:
    """Where the package marks something as deprecated, and when it is to be gone."""
    found = []
    for path in sorted((root / "scfcap").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "deprecated(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "deprecated":
                until = {k.arg: k.value for k in node.keywords}["until"]
                found.append((f"{path.name}:{node.lineno}", ast.literal_eval(until)))
    return found


def test_nothing_stays_longer_than_was_said(root):
    overdue = [where for where, until in _marked(root) if minor(scfcap.__version__) >= minor(until)]
    overdue += [r.old for r in names.RENAMED if r.leaving().overdue(scfcap.__version__)]
    assert overdue == []


def test_what_is_marked_is_found(tmp_path):
    (tmp_path / "scfcap").mkdir()
    text = '@deprecated(instead="b", since="0.1", until="0.2")\ndef a(): ...\n'
    (tmp_path / "scfcap" / "a.py").write_text(text)
    assert _marked(tmp_path) == [("a.py:1", "0.2")]
