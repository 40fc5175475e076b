"""Curves into a model file: every other character stays, and nothing is left half done."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from scfcap.cli.init import copy_model
from scfcap.errors import InputError
from scfcap.schema import write as module
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.load import load_model, shipped
from scfcap.schema.write import rounded, write_credit

CURVES = {
    "15": SegmentCredit(lifetime_default=0.21234567, cpr=1 - 5.3e-9, severity=0.4, recovery_lag=2),
    "30": SegmentCredit(cdr=0.125, severity=0.45),
}
NOTES = {"15": ["From a test.", "lifetime_default 0.2123 (0.2 to 0.3), 300 loans"]}


@pytest.fixture
def folder(tmp_path):
    """A user's copy of a model whose curves are estimated."""
    copy_model(load_model("superlender"), tmp_path / "mine")
    return tmp_path / "mine"


def outside(text):
    """Lines before and after the tables of credit."""
    lines = text.splitlines()
    heads = [n for n, line in enumerate(lines) if line.startswith("[")] + [len(lines)]
    own = [n for n, at in enumerate(heads[:-1]) if lines[heads[n]].startswith("[credit")]
    return lines[: heads[own[0]]], lines[heads[own[-1] + 1] :]


def test_the_curves_are_stated_and_load(folder):
    path, backup = write_credit(load_model(folder), CURVES, NOTES)
    credit = load_model(folder).spec.credit
    assert credit.source == "stated"
    assert credit.segments == {name: rounded(curve) for name, curve in CURVES.items()}
    assert credit.history is not None
    assert (path, backup) == (folder / "model.toml", folder / "model.toml.bak")


def test_not_a_character_changes_elsewhere(folder):
    old = (folder / "model.toml").read_bytes()
    write_credit(load_model(folder), CURVES, NOTES)
    new = (folder / "model.toml").read_bytes()
    assert (folder / "model.toml.bak").read_bytes() == old
    assert outside(new.decode()) == outside(old.decode())
    added = [line for line in new.decode().splitlines() if line not in old.decode().splitlines()]
    gone = [line for line in old.decode().splitlines() if line not in new.decode().splitlines()]
    assert gone == ['source = "estimated"']
    assert "# From a test." in added
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []


def test_a_second_time_replaces_the_first(folder):
    write_credit(load_model(folder), CURVES, NOTES)
    once = (folder / "model.toml").read_text()
    write_credit(load_model(folder), CURVES, {"15": ["other words"]})
    assert (folder / "model.toml").read_text() == once  # same figures: not touched
    changed = {**CURVES, "30": SegmentCredit(cdr=0.2, severity=0.5)}
    write_credit(load_model(folder), changed, {"30": ["new"]})
    text = (folder / "model.toml").read_text()
    assert text.count("[credit.segments.30]") == 1
    assert load_model(folder).spec.credit.segments["30"].cdr == 0.2


def test_shares_near_one_keep_what_they_lack_of_it():
    assert 1 - rounded(CURVES["15"]).cpr == pytest.approx(5.3e-9, rel=1e-5)
    assert rounded(CURVES["15"]).lifetime_default == 0.212346
    assert repr(rounded(SegmentCredit(cdr=0.87163499961, severity=1.0)).cdr) == "0.871635"


@pytest.mark.parametrize(
    "credit",
    [
        'credit = { source = "stated", segments = { a = { cdr = 0.1, severity = 0.5 } } }',
        'credit.source = "stated"\ncredit.segments.a = { cdr = 0.1, severity = 0.5 }',
    ],
)
def test_other_forms_of_the_table_are_met_too(tmp_path, credit):
    path = tmp_path / "model.toml"
    base = "superlender"
    path.write_text(f'base = "{base}"\nname = "x"\n{credit}\n\n[plan]\nperiods = 7 # seven\n')
    write_credit(load_model(tmp_path), {"a": SegmentCredit(cdr=0.3, severity=0.6)}, {})
    data = tomllib.loads(path.read_text())
    assert data["credit"]["segments"]["a"]["cdr"] == 0.3
    assert "periods = 7 # seven" in path.read_text()


def test_a_model_that_leaves_credit_to_its_base(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text('base = "superlender"\nname = "x"\n\n[plan]\nperiods = 7')
    write_credit(load_model(tmp_path), CURVES, NOTES)
    text = path.read_text()
    assert text.startswith('base = "superlender"\nname = "x"\n\n[plan]\nperiods = 7\n')
    assert load_model(tmp_path).spec.credit.source == "stated"


def test_a_yearly_rate_takes_the_place_of_a_base_s_lifetime_rate(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "model.toml").write_text('base = "superlender"\nname = "below"\n')
    write_credit(load_model(tmp_path / "below"), CURVES, NOTES)
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "model.toml").write_text('base = "below"\nname = "top"\n')
    swapped = {**CURVES, "15": SegmentCredit(cdr=0.3, severity=0.4)}
    write_credit(load_model(tmp_path / "top"), swapped, NOTES)
    found = load_model(tmp_path / "top").spec.credit.segments["15"]
    assert (found.cdr, found.lifetime_default) == (0.3, None)


def test_a_shipped_model_is_refused():
    before = (shipped("models") / "superlender" / "model.toml").read_bytes()
    with pytest.raises(InputError, match="scfcap init DIR --from superlender"):
        write_credit(load_model("superlender"), CURVES, NOTES)
    assert (shipped("models") / "superlender" / "model.toml").read_bytes() == before


def test_a_file_that_would_not_load_stays_as_it_was(folder, monkeypatch):
    before = (folder / "model.toml").read_bytes()
    loaded = load_model(folder)
    monkeypatch.setattr(module, "_with_credit", lambda text, *_: text + "\nstrange = 1\n")
    with pytest.raises(InputError):
        write_credit(loaded, CURVES, NOTES)
    assert (folder / "model.toml").read_bytes() == before
    assert {p.name for p in folder.iterdir() if p.suffix != ".md"} == {"model.toml", "reports"}


def test_names_of_segments_are_quoted(folder):
    strange = {'a "b" = [c]': SegmentCredit(cdr=0.1, severity=0.5)}
    write_credit(load_model(folder), strange, {'a "b" = [c]': ["line\nbreak"]})
    assert set(load_model(folder).spec.credit.segments) == set(strange)
    assert Path(folder / "model.toml").read_text().count("# line break") == 1
