"""``scfcap run --inputs``: blue cells of an edited workbook, and the same by ``--set``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from scfcap.report.edited import read_inputs
from scfcap.report.recalculated import converted, office

RATE = "plan.opex_rate"


@pytest.fixture(scope="module", autouse=True)
def _unpictured():
    """Runs without the pictures of their folders, which no input changes the making of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scfcap.api.plots.saved_pictures", lambda *_: {})
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_model, model_text, plain_rows):
    place = tmp_path_factory.mktemp("inputs")
    return write_model(place / "mini", model_text, plain_rows())


@pytest.fixture(scope="module")
def delivered(folder):
    """The folder of a run of the small model."""
    import scfcap
    from scfcap.api.outputs import Outputs
    from scfcap.api.reporting import report

    out = folder.parent / "delivered"
    scfcap.load(folder).run().save(out)
    report(out, Outputs(language="zh"))
    return out


def edited(delivered: Path, folder: Path, file_name: str = "scfcap.xlsx", **values: object) -> Path:
    """The workbook with new values in cells by their name."""
    book = load_workbook(delivered / file_name)
    for name, value in values.items():
        sheet, cell = book.defined_names[name].attr_text.rsplit("!", 1)
        book[sheet.strip("'")][cell.replace("$", "")].value = value
    path = folder / file_name.replace("scfcap", "edited")
    book.save(path)
    return path


def same_tables(one: Path, other: Path) -> None:
    names = sorted(path.name for path in (one / "tables").glob("*.parquet"))
    assert names
    for name in names:
        pd.testing.assert_frame_equal(*(pd.read_parquet(x / "tables" / name) for x in (one, other)))


def test_a_workbook_as_written_gives_the_same_run(scfcap, folder, delivered, tmp_path):
    out = tmp_path / "out"
    done = scfcap("run", folder, "--inputs", delivered / "scfcap.xlsx", "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "nothing is changed in scfcap.xlsx" in done.stdout
    manifests = [json.loads((x / "manifest.json").read_text()) for x in (delivered, out)]
    assert manifests[0]["digests"] == manifests[1]["digests"]
    assert manifests[1]["overrides"] == manifests[1]["overrides_from"] == []
    same_tables(delivered, out)
    assert (delivered / "scfcap.xlsx").read_bytes() == (out / "scfcap.xlsx").read_bytes()


def test_a_changed_rate_gives_the_plan_of_the_override(scfcap, folder, delivered, tmp_path):
    path = edited(delivered, tmp_path, in_plan_opex_rate=0.02)
    by_cell, by_set = tmp_path / "cell", tmp_path / "set"
    done = scfcap("run", folder, "--inputs", path, "--out", by_cell)
    assert done.exit_code == 0, done.stderr
    assert f"Inputs: {RATE}=0.02 (was 0.01), edited.xlsx, sheet Terms" in done.stdout
    done = scfcap("run", folder, "--set", f"{RATE}=0.02", "--out", by_set)
    assert done.exit_code == 0, done.stderr
    same_tables(by_cell, by_set)
    found = [json.loads((x / "manifest.json").read_text()) for x in (by_cell, by_set)]
    assert found[0]["overrides"] == found[1]["overrides"] == [f"{RATE}=0.02"]
    (cell,) = found[0]["overrides_from"]
    assert (cell["override"], cell["file"], cell["before"]) == (f"{RATE}=0.02", "edited.xlsx", 0.01)
    cost = pd.read_parquet(by_cell / "tables" / "plan_income.parquet")
    before = pd.read_parquet(delivered / "tables" / "plan_income.parquet")
    assert not cost.equals(before)


@pytest.mark.skipif(office() is None, reason="LibreOffice (soffice) is not installed")
def test_a_workbook_that_libreoffice_saved_is_read_as_ours(delivered, tmp_path):
    """Readers save the file with another program than the one that wrote it."""
    names = ("scfcap.xlsx", "scfcap-zh.xlsx")
    paths = [edited(delivered, tmp_path, name, in_plan_opex_rate=0.02) for name in names]
    for name, saved in zip(names, converted(paths, "xlsx", tmp_path / "saved"), strict=True):
        as_written, again = read_inputs(delivered / name), read_inputs(saved)
        assert (again.model, again.digest) == (as_written.model, as_written.digest)
        assert again.listed == as_written.listed > 3
        assert [cell.override for cell in again.changed] == [f"{RATE}=0.02"]
        assert again.beside == ()


def test_an_override_goes_before_a_cell_and_says_so(folder, delivered, tmp_path):
    import scfcap

    path = edited(delivered, tmp_path, in_plan_opex_rate=0.02)
    model = scfcap.load(folder, overrides={RATE: 0.03}, inputs=path)
    assert model.loaded.overrides == (f"{RATE}=0.03",)
    assert any("goes before edited.xlsx, sheet Terms" in note for note in model.taken.notes)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"in_plan_opex_rate": 7.5}, ("Terms", RATE, "7.5")),
        ({"in_plan_opex_rate": "7%"}, ("Terms", RATE, "'7%'")),
    ],
)
def test_what_the_model_does_not_take_is_told_at_its_cell(
    scfcap, folder, delivered, tmp_path, values, said
):
    path = edited(delivered, tmp_path, **values)
    done = scfcap("run", folder, "--inputs", path, "--json")
    assert done.exit_code == 2
    told = json.dumps(json.loads(done.stdout))
    assert all(word in told for word in ("edited.xlsx, sheet", *said))


def test_another_models_workbook_is_refused(scfcap, folder, delivered, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    text = (other / "model.toml").read_text()
    name = next(line for line in text.splitlines() if line.startswith("name"))
    (other / "model.toml").write_text(text.replace(name, 'name = "other"'))
    done = scfcap("run", other, "--inputs", delivered / "scfcap.xlsx")
    assert done.exit_code == 2
    assert "expected one of other" in done.stderr


def test_a_recalculation_needs_libreoffice(scfcap, folder, monkeypatch):
    monkeypatch.setattr("scfcap.report.recalculated.office", lambda: None)
    done = scfcap("run", folder, "--recalculate")
    assert done.exit_code == 2
    assert "LibreOffice is not installed" in done.stderr
