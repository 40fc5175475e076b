"""No name of the tape in any byte of what ``scfcap run --privacy masked`` writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from scfcap.api import load
from scfcap.api.outputs import Outputs
from scfcap.errors import InputError
from scfcap.report.recalculated import office
from scfcap.schema.privacy import read_key

#: Stands in every name of the tape, and nowhere else.
MARK = "Zqx"
SCRIPT = "<script>{0}Sun</script>"
BUYERS = (f"={MARK}Corp+1", SCRIPT.format(MARK), f'某某{MARK}商贸, "Ltd"')
ASKED = """
[pool.eligibility.names]
rules = [{ test = 'buyer_id != "=ZqxCorp+1" or remaining_days <= 20' }]
concentrations = [
  { column = "buyer_id", share = 0.1 },
  { column = "borrower_id", share = 0.01, name = "one borrower" },
  { column = "owner", share = 0.05 },
  { column = "group", share = 0.05 },
]
[pool.groups]
columns = ["owner"]
names = { "@ZqxFamily" = ["-Zqx Shop 3", "-Zqx Shop 5"] }
[scenarios.fall]
title = "The largest buyer falls"
shocks = [{ kind = "core_failure", core = "=ZqxCorp+1", period = 2, recovery = 0.3 }]
"""


def _write(folder: Path, model_text: str, rows: list[list[object]]) -> Path:
    """The small model with borrowers, buyers, owners and loan ids that all bear the mark."""
    folder.mkdir()
    text = model_text.replace(
        'path = "tape.csv"',
        'path = "tape.csv"\nkeep = ["owner"]\nidentity = ["owner"]\nreject_limit = 0.1',
    ).replace("[pool.eligibility.bank]", f"{ASKED}\n[pool.eligibility.bank]")
    (folder / "model.toml").write_text(text, encoding="utf-8")
    names = [
        "loan_id", "segment", "loan_type", "origination_date", "maturity_date",
        "original_balance", "current_balance", "rate",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    frame["loan_id"] = [f"+{MARK}-{k}" for k in range(len(frame))]
    frame["borrower_id"] = [f"-{MARK} Shop {k // 2}" for k in range(len(frame))]
    frame["buyer_id"] = [BUYERS[k % 3] if row[1] == "order" else "" for k, row in enumerate(rows)]
    frame["owner"] = [f"{MARK} Owner {k % 7}" for k in range(len(frame))]
    frame["rate"] = frame["rate"].astype("object")
    frame.loc[7, "rate"] = f"{MARK} in a wrong column"
    frame.to_csv(folder / "tape.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def marked(tmp_path_factory, model_text, plain_rows):
    """A run of that model."""
    folder = _write(tmp_path_factory.mktemp("marked") / "mini", model_text, plain_rows())
    return load(folder).run()


def _texts(path: Path) -> list[bytes]:
    """All that a file says: its bytes, and what is packed in them."""
    found = [path.read_bytes(), path.name.encode()]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found += [archive.read(name) for name in archive.namelist()]
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        found += [str(table.schema.metadata).encode(), str(table.to_pylist()).encode()]
    if path.suffix == ".pdf" and shutil.which("pdftotext"):
        found.append(
            subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout
        )
    return found


def _names(folder: Path) -> list[str]:
    """Files of a folder in which a name stands."""
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(MARK.lower().encode() in text.lower() for text in _texts(path))
    ]


@pytest.fixture(scope="module")
def masked(marked, tmp_path_factory):
    """That run in Chinese, masked, in every form; as PDF where LibreOffice is there."""
    out = tmp_path_factory.mktemp("out") / "masked"
    printed = office() is not None
    wanted = Outputs(language="zh", csv=True, page=True, pdf=printed, privacy="masked")
    return marked.save(out, wanted)


def test_no_name_is_in_any_byte(masked):
    assert _names(masked.folder) == []
    written = {path.name for path in masked.folder.iterdir()} - {"scfcap-zh.pdf"}
    assert written == {
        "manifest.json", "result.json", "scfcap-zh.xlsx", "scfcap-zh.html", "tables", "csv",
        "pictures", "dictionary.csv",
    }  # fmt: skip
    assert json.loads((masked.folder / "manifest.json").read_text())["privacy"] == "masked"


def test_the_same_run_in_the_open_has_them_where_they_are_looked_for(marked, tmp_path, monkeypatch):
    """The test above looks where names are: workbook, tables, CSV, result, loans, rejects."""
    monkeypatch.setattr("scfcap.api.plots.saved_pictures", lambda *_: {})
    plain = marked.save(tmp_path / "plain", Outputs(csv=True))
    found = _names(plain.folder)
    assert {
        "scfcap.xlsx", "pool_largest_buyer_id.csv", "pool_largest_group.parquet",
        "pool_concentrations.csv", "pool_eligibility.csv", "tape_findings.csv",
        "projected_pool.parquet", "projected_model.json", "rejects.csv",
    } <= set(found)  # fmt: skip


def _told(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.skipif(office() is None, reason="LibreOffice is not installed")
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
def test_a_pdf_has_title_pages_and_every_sign_of_both_languages(masked):
    """Witness: poppler, which reads the file as a viewer does."""
    path = masked.folder / "scfcap-zh.pdf"
    info = dict(line.split(":", 1) for line in _told("pdfinfo", path).splitlines() if ":" in line)
    assert "A small platform" in info["Title"]
    assert "(A4)" in info["Page size"]
    assert "1980" in info["CreationDate"], "no clock in what is written"
    fonts = [line.split() for line in _told("pdffonts", path).splitlines()[2:]]
    assert len(fonts) > 1
    assert {line[-5] for line in fonts} == {"yes"}, "every font is in the file"
    pages = _told("pdftotext", "-layout", path, "-").split("\f")
    assert len(pages) - 1 == int(info["Pages"]) > 5
    text = "".join(pages)
    assert "\N{REPLACEMENT CHARACTER}" not in text
    assert "\0" not in text
    book = load_workbook(masked.folder / "scfcap-zh.xlsx", read_only=True)
    shown = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
    at = [next((n for n, page in enumerate(pages) if name in page), None) for name in shown]
    assert None not in at, f"sheets without a page: {shown} {at}"
    assert any("\u4e00" <= sign <= "\u9fff" for sign in "".join(shown))
    assert "监管规则" in re.sub(r"\s", "", text)


def test_figures_are_those_of_the_open_run(marked, masked):
    for name, table in marked.tables().items():
        other = masked.tables[name].frame
        drop = ["row"] if name == "tape_findings" else []
        numbers = table.frame.select_dtypes("number").drop(columns=drop)
        pd.testing.assert_frame_equal(other[numbers.columns], numbers, check_dtype=False)


def test_numbers_stand_for_one_each_and_for_the_same_in_every_table(marked, masked):
    plain, hidden = marked.tables(), masked.tables
    pairs: dict[str, str] = {}
    for name, column in (
        ("pool_largest_buyer_id", "value"),
        ("pool_largest_borrower_id", "value"),
        ("pool_largest_group", "value"),
        ("pool_concentrations", "value"),
    ):
        for old, new in zip(plain[name].frame[column], hidden[name].frame[column], strict=True):
            if MARK in str(old):
                kind = re.fullmatch(r"(loan|borrower|buyer|group|name) no\. \d{4}", str(new))
                assert kind is not None, new
                assert pairs.setdefault(f"{kind[1]} {old}", str(new)) == new
    assert len(set(pairs.values())) == len(pairs) > 20


def test_a_pack_that_says_so_is_masked_in_an_open_run(marked, tmp_path):
    pack = marked.model.loaded.pack.model_copy(update={"privacy": "masked"})
    found = Outputs().mask(marked.model, [pack])
    from scfcap.report.packs import PackRun

    PackRun(marked.tables(), marked.meta(), mask=found).workbook(pack, tmp_path / "a.xlsx")
    assert _names(tmp_path) == []


def test_a_key_file_keeps_the_numbers_outside_the_run(marked, tmp_path):
    key = tmp_path / "key.csv"
    with pytest.raises(InputError, match="own folder"):
        marked.save(tmp_path / "out", Outputs(privacy="masked", privacy_key=tmp_path / "out" / "k"))
    with pytest.raises(InputError, match="nothing that is masked"):
        marked.save(tmp_path / "out", Outputs(privacy_key=key))
    assert not (tmp_path / "out").exists()
    found = Outputs(privacy="masked", privacy_key=key).mask(marked.model, [])
    told = read_key(key)
    assert told["buyer"].keys() == set(BUYERS)
    assert found.label("buyer", BUYERS[0]) == f"buyer no. {told['buyer'][BUYERS[0]]:04d}"
    assert {"borrower", "loan", "group", "name"} <= told.keys()


def test_a_segment_called_like_a_buyer_is_refused(model_text, plain_rows, tmp_path):
    folder = _write(tmp_path / "mini", model_text, plain_rows())
    tape = (folder / "tape.csv").read_text(encoding="utf-8").replace(BUYERS[0], "Credit")
    (folder / "tape.csv").write_text(tape, encoding="utf-8")
    with pytest.raises(InputError, match="also one of the tape's: 'credit'"):
        Outputs(privacy="masked").mask(load(folder), [])
