"""What ``scfcap run`` writes besides the usual: packs, languages, CSV."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

#: A pack of a user's own, without a file name.
SMALL = 'title = "Small pack"\nsheets = ["pool", "checks"]\n'


@pytest.fixture
def folder(mini):
    made = mini()
    (made / "reports").mkdir()
    (made / "reports" / "small.toml").write_text(SMALL, encoding="utf-8")
    return made


def test_several_packs_in_one_run(scfcap, folder, tmp_path):
    out = tmp_path / "out"
    done = scfcap(
        *("run", folder, "--out", out, "--csv", "--json"),
        *("--report", "treasury", "--report", "small"),
    )
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    listed = document["files"]
    assert {"scfcap.xlsx", "scfcap-small.xlsx", "result.json"} <= set(listed)
    on_disk = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert on_disk == {*listed, "manifest.json"}
    assert json.loads((out / "manifest.json").read_text())["files"] == listed
    for name, file in listed.items():
        content = (out / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert document["workbook"] == str(out / "scfcap.xlsx")
    assert [line.split()[:2] for line in done.stderr.splitlines()][-2:] == [
        ["pack", "treasury"],
        ["pack", "small"],
    ]
    tables = {name.removesuffix(".parquet") for name in document["tables"]}
    assert {Path(name).stem for name in listed if name.startswith("csv/")} == tables
    text = (out / "csv" / "pool_summary.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf"), "Excel reads UTF-8 by its byte-order mark alone"
    rows = list(csv.reader(text.decode("utf-8-sig").splitlines()))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1


def test_a_language_that_is_not_the_packs_is_in_its_file_name(scfcap, folder, tmp_path):
    out = tmp_path / "out"
    asked = ("--report", "small", "--language", "zh")
    assert scfcap("run", folder, "-q", "--out", out, *asked).exit_code == 0
    assert {path.name for path in out.glob("*.xlsx")} == {"scfcap-zh.xlsx"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--report", "nonsense"), "small, treasury"),
        (("--report", "small", "--report", "small"), "more than once"),
    ],
)
def test_packs_that_cannot_be_made_are_refused_before_the_work(scfcap, folder, asked, told):
    done = scfcap("run", folder, *asked)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert "tape " not in done.stderr
