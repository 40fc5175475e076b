"""The notebook tour runs from top to bottom, shows its pictures, and is stored without outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .notebooks import assert_clean, assert_pictures, code, source
from .notebooks import executed as notebook_run

ROOT = Path(__file__).parents[1]
TOUR = ROOT / "docs" / "tour.ipynb"


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads(TOUR.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def executed() -> Iterator[dict[str, Any]]:
    with notebook_run(TOUR) as done:
        yield done


def test_every_cell_runs_and_every_plot_is_there(executed: dict[str, Any]) -> None:
    assert_clean(executed)
    drawn = [cell for cell in code(executed) if "plot(" in source(cell).splitlines()[-1]]
    assert len(drawn) >= 15
    assert_pictures(drawn)


def test_it_goes_from_the_pool_to_the_run_folder(executed: dict[str, Any]) -> None:
    text = json.dumps(executed, ensure_ascii=False)
    for said in ("loans: 500", "net income with bank-a", "Quote of one more loan",
                 "Allocation of 500 loans", "pictures/funding.png", "scfcap.xlsx"):  # fmt: skip
        assert said in text, said
    tables = [out for cell in executed["cells"] for out in cell.get("outputs", ())]
    assert any("<table>" in "".join(out.get("data", {}).get("text/html", "")) for out in tables)


def test_the_stored_notebook_is_bare(stored: dict[str, Any]) -> None:
    assert (stored["nbformat"], len(stored["cells"]) > 30) == (4, True)
    for cell in stored["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            compile(source(cell), "cell", "exec")
    text = TOUR.read_text(encoding="utf-8")
    assert len(text) < 30_000
    assert not re.search(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|tmp)/", text)
    ids = [cell["id"] for cell in stored["cells"]]
    assert len(set(ids)) == len(ids)
