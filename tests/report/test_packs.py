"""Report packs: stated sheets, the sheets of each pack, logos, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.report.book import Formula
from scfcap.report.sheets import build_book
from scfcap.report.sheets.stated import check_pack
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.load import load_pack
from scfcap.schema.report import SHEETS, Pack

DOCS = Path(__file__).parents[2] / "docs" / "reports-packs.md"


def _written(folder: Path, text: str) -> Pack:
    (folder / "reports").mkdir(exist_ok=True)
    (folder / "reports" / "mine.toml").write_text(text, encoding="utf-8")
    return load_pack("mine", [folder], lambda _: "--report")[0]


@pytest.fixture
def regions(tables: dict[str, Table]) -> dict[str, Table]:
    frame = pd.DataFrame(
        {"name": ["n", "s", "w"], "loans": [3, 1, 5], "balance": [2e6, 9e6, 4e6],
         "share": [0.1, 0.6, 0.3]}
    )  # fmt: skip
    units = {"loans": "loans", "balance": "CNY", "share": "share"}
    made = Table("pool_stratification_region", "By region", frame, units)
    return {**tables, made.name: made}


def test_the_pack_of_the_docs_works(
    tmp_path: Path, regions: dict[str, Table], meta: RunMeta
) -> None:
    """Rows of two loans or more, the largest first: w 4, n 2, their sum 6 [CNY m], by hand."""
    text = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    book = build_book(regions, _written(tmp_path, text[1]), meta)
    sheet = book.sheet("Regions")
    assert [sheet.cells[row, 1].value for row in (5, 6, 7)] == ["w", "n", "Total"]
    assert sheet.cells[7, 3].value == Formula("=SUM(C5:C6)", 6e6)
    assert sheet.cells[4, 3].value == "Outstanding, CNY m"
    assert (book.colour, len(sheet.charts)) == ("7A1F3D", 1)
    assert book.footer.startswith("Example Finance · ")
    contents = book.sheet("Contents")
    linked = {cell.goto.sheet for cell in contents.cells.values() if cell.goto is not None}
    assert linked == {s.name for s in book.sheets if not s.hidden} - {"Contents"}


@pytest.mark.parametrize(
    ("text", "where", "near"),
    [
        ('sheets = ["sumary"]', "reports/mine.toml: sheets", "summary"),
        ('sheets = ["a"]\ntables = [{ name = "a", table = "plan_limit" }]',
         "reports/mine.toml: tables.a.table", "plan_limits"),
        ('sheets = ["a"]\ntables = [{ name = "a", table = "plan_limits", columns = ["uze"] }]',
         "reports/mine.toml: tables.a.columns", "use"),
    ],
)  # fmt: skip
def test_unknown_names_are_refused_with_the_nearest(
    text: str, where: str, near: str, tmp_path: Path, tables: dict[str, Table], meta: RunMeta
) -> None:
    def made() -> None:
        pack = _written(tmp_path, f'title = "t"\n{text}\n')
        check_pack(pack)
        build_book(tables, pack, meta)

    with pytest.raises(InputError) as caught:
        made()
    problem = caught.value.problems[0]
    assert (problem.where, problem.action) == (where, f"Did you mean {near}?")


def test_a_logo_that_is_no_png_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "logo.png").write_bytes(b"GIF89a")
    with pytest.raises(InputError, match=r"brand\.logo"):
        _written(tmp_path, 'title = "t"\nsheets = ["pool"]\nbrand = { logo = "logo.png" }\n')


def test_the_docs_name_every_sheet() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in SHEETS if f"`{name}`" not in text] == []


def test_the_return_counts_by_weight(tables: dict[str, Table], meta: RunMeta) -> None:
    """Debt of 6 at weight 1 and sales of 4 at 0.5 count 8; twice a base of 5 leaves 2: by hand."""
    end = pd.Timestamp("2014-01-31")
    caps = pd.DataFrame(
        {"period": [1], "end": [end], "regime": ["r"], "cap": ["total"], "base": ["net_capital"],
         "base_amount": [5e6], "multiple": [2.0], "counted": [8e6], "limit": [10e6],
         "headroom": [2e6], "base_date": [end], "source": ["article 4"]}
    )  # fmt: skip
    sources = pd.DataFrame(
        {"period": [1, 1], "end": [end, end], "cap": ["total", "total"], "item": ["a", "b"],
         "source": ["bank", "transfer_recourse"], "balance": [6e6, 4e6], "weight": [1.0, 0.5],
         "counted": [6e6, 2e6]}
    )  # fmt: skip
    more = {
        "plan_caps": Table("plan_caps", "", caps),
        "plan_cap_sources": Table("plan_cap_sources", "", sources),
    }
    pack = Pack(title="t", sheets=("regulator",))
    book = build_book({**tables, **more}, pack, meta)
    sheet = book.sheet("Regulatory return")
    place = book.places["regulator.total.counted"]
    figures = [sheet.value(sheet.at(place.row + n, 3)) for n in (0, 4, 5, 6)]
    assert figures == [8e6, 10e6, 1.6, 2e6]
