"""Names that look alike, steer a terminal or mean a device; links and files that are not theirs."""

from __future__ import annotations

import base64
import json
import unicodedata
import zipfile
from contextlib import closing
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scfcap.api.allocating import LISTS
from scfcap.api.ledgers import deliver_run
from scfcap.cli.grid import grid
from scfcap.cli.terminal import Terminal
from scfcap.errors import InputError
from scfcap.ledger.deliveries import propose
from scfcap.ledger.outbox import deliver
from scfcap.pool import store
from scfcap.pool.digests import combined
from scfcap.report.edited import read_inputs
from scfcap.report.files import csv_bytes
from scfcap.report.store import save_run
from scfcap.report.tables import Table
from scfcap.schema import load
from scfcap.schema.files import Source
from scfcap.schema.layers import merge
from scfcap.schema.load import load_model
from scfcap.schema.packs import with_logo
from scfcap.schema.report import Pack
from scfcap.schema.tape import TapeSpec
from scfcap.tape.read import read_tape
from tests.cli.conftest import COLUMNS, MODEL, loans
from tests.ledger.books import BANK, DAY, OWN, opened, wanted

STEERING = "\x1b]0;owned\x07\x1b[2J\u202e\u2066\u200b\x9b31m\r"


def _tape(folder: Path, *ids: str) -> Path:
    rows = [[name, *row[1:]] for name, row in zip(ids, loans(), strict=False)]
    lines = (",".join(map(str, row)) for row in [COLUMNS, *rows])
    (folder / "tape.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_ids_that_look_alike_stay_apart(tmp_path: Path) -> None:
    """Ids are kept sign by sign: two forms of one letter are two loans, and come out as they came
    in.
    """
    composed = unicodedata.normalize("NFC", "Café")
    ids = [
        composed,
        unicodedata.normalize("NFD", composed),
        "L1",
        "L\u200b1",
        "L\u202e1",
        "Ｌ1",
        "l1",
    ]
    folder = _tape(tmp_path, *ids)
    spec = TapeSpec(source="file", path="tape.csv")
    tape = read_tape(spec, as_of=date(2020, 12, 31), folder=folder)
    assert sorted(tape.frame["loan_id"]) == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_whatever_is_printed_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.note(f"note {STEERING}")
    terminal.say(f"say {STEERING}", grid(f"title {STEERING}", [f"head {STEERING}"], [[STEERING]]))
    terminal.progress(f"station {STEERING}")
    terminal.finish()
    shown = capsys.readouterr()
    for word in ("say", "title", "head"):
        assert f"{word} \N{REPLACEMENT CHARACTER}" in shown.out
    for word in ("note", "station"):
        assert f"{word} \N{REPLACEMENT CHARACTER}" in shown.err
    assert not set(shown.out + shown.err) & set(STEERING.replace("\r", "")) - set("]0;owned[2J31m")


@pytest.mark.parametrize("name", ["CON", "nul", "com1.csv", "aux", "../up", "a:b", "x" * 300])
def test_a_funder_named_like_a_device_gets_a_file(tmp_path: Path, name: str) -> None:
    """Lists are numbered first, so that none is named like a device of Windows."""
    with closing(opened(tmp_path / "l.sqlite", {"A": {"balance": 10.0}})) as ledger:
        propose(ledger, wanted(A=f"bank_transfer:{name}"), DAY)
        (sent,) = deliver(ledger, DAY, csv_bytes)
    assert sent.file.is_file()
    assert sent.file.resolve().is_relative_to(tmp_path.resolve())
    assert sent.file.name.startswith("000001_")
    assert not set(sent.file.name) & set('<>:"/\\|?*')
    assert len(sent.file.name.encode()) < 256


# --- links and files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["model/model.toml", "model/below/model.toml", "below/model.toml"]
)
def test_a_model_or_base_that_is_a_link_out_of_its_folder(tmp_path: Path, place: str) -> None:
    """Where it were followed, the message about its first line would show what stands there."""
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "secret").write_text("password hush\n", encoding="utf-8")
    for folder in ("model", "model/below", "below"):
        (tmp_path / folder).mkdir()
    (tmp_path / "model" / "model.toml").write_text('base = "below"\n', encoding="utf-8")
    (tmp_path / place).unlink(missing_ok=True)
    (tmp_path / place).symlink_to(tmp_path / "away" / "secret")
    with pytest.raises(InputError, match="a link that leaves its folder") as error:
        load_model(tmp_path / "model")
    assert "hush" not in str(error.value)


def test_links_among_what_is_shipped_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some installers fill site-packages with links into a store of theirs."""
    store, shipped = tmp_path / "store", tmp_path / "shipped"
    (shipped / "mini").mkdir(parents=True)
    store.mkdir()
    (store / "file").write_text(MODEL, encoding="utf-8")
    (shipped / "mini" / "model.toml").symlink_to(store / "file")
    reports = load.shipped("reports")
    for module in ("files", "load"):
        place = f"scfcap.schema.{module}.shipped"
        monkeypatch.setattr(place, lambda kind: shipped if kind == "models" else reports)
    assert load_model("mini").spec.name == "mini"
    with pytest.raises(InputError, match="leaves its folder"):
        load_model(shipped / ".." / "shipped" / "mini")


def test_a_logo_is_no_program(tmp_path: Path) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for name in ("logo.svg", "logo.png"):
        (tmp_path / name).write_text(svg, encoding="utf-8")
        brand = {"title": "t", "sheets": ("cash_flows",), "brand": {"logo": name}}
        source = Source(tmp_path / "p.toml", "reports/p.toml", b"", {})
        with pytest.raises(InputError, match=r"brand\.logo"):
            with_logo(Pack.model_validate(brand), source)


def test_an_edited_workbook_that_unpacks_to_very_much(tmp_path: Path) -> None:
    path = tmp_path / "edited.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<a><!--" + " " * 2**24 + "--></a>")
    assert path.stat().st_size < 2**15
    with pytest.raises(InputError, match=r"edited\.xlsx: found .* packed 1,\d+ to 1"):
        read_inputs(path)


# --- what the campaign has found since --------------------------------------------------------


def test_named_lists_whose_names_are_none() -> None:
    base = {"lenders": [{"name": "a", "limit": 1}]}
    for name in ([], {}, 1):
        top = {"lenders": [{"name": name, "limit": 2}]}
        assert merge(base, top) == top


def _lists(folder: Path, **columns: object) -> Path:
    frame = {"loan_id": ["A"], "channel": [BANK], "before": [OWN], "balance": [10.0], **columns}
    table = Table(LISTS, "Lists", pd.DataFrame(frame), {}, "")
    save_run(folder, {LISTS: table}, {"as_of": "2020-01-01"}, {"version": 1})
    return folder


@pytest.mark.parametrize(
    ("column", "cell"),
    [("loan_id", 1.5), ("channel", 2), ("before", b"x"), ("balance", 1e300), ("balance", "ten")],
)
def test_lists_of_other_cells_are_not_delivered(tmp_path: Path, column: str, cell: object) -> None:
    run = _lists(tmp_path / "run", **{column: [cell]})
    with closing(opened(tmp_path / "l.sqlite", {"A": {"balance": 10.0}})) as ledger:
        with pytest.raises(InputError, match=f"table {LISTS}, column"):
            deliver_run(ledger, run, DAY)
        assert len(deliver_run(ledger, _lists(tmp_path / "sound"), DAY)) == 1


def test_lists_that_place_no_loan_send_nothing(tmp_path: Path) -> None:
    run = _lists(tmp_path / "run", channel=[None])
    with closing(opened(tmp_path / "l.sqlite", {"A": {"balance": 10.0}})) as ledger:
        assert deliver_run(ledger, run, DAY) == ()


def test_a_snapshot_signed_anew_whose_tables_are_none(tmp_path: Path) -> None:
    """Arrow tells of a broken stream by an OSError."""
    about = {"version": store.VERSION, "inputs": {}, "digest": combined({})}
    about |= {"as_of": "2020-12-31", "segments": [], "places": []}
    about["tables"] = {"t": base64.b64encode(b"\xff\xff\xff\xff\xfe\xff\xff\xff").decode()}
    table = pa.table({"loan_id": ["A"]})
    about["content"] = store._content(table, about)
    noted = {store._METADATA: json.dumps(about, sort_keys=True).encode()}
    pq.write_table(table.replace_schema_metadata(noted), tmp_path / "pool.parquet")
    with pytest.raises(InputError, match=r"pool\.parquet: found not as it was written \(OSError"):
        store.read_snapshot(tmp_path / "pool.parquet")
