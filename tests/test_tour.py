"""The notebook tour runs from top to bottom, shows its pictures, and is stored without outputs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TOUR = ROOT / "docs" / "tour.ipynb"
#: Runs a notebook.
_RUN = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, kernel_name="python3", timeout=600, startup_timeout=300).execute()
nbformat.write(notebook, sys.argv[2])
"""


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads(TOUR.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def executed() -> Iterator[dict[str, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="tour"))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(TOUR), str(folder / "done.ipynb")],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        assert done.returncode == 0, done.stderr[-3000:]
        yield json.loads((folder / "done.ipynb").read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_every_cell_runs_and_every_plot_is_there(executed: dict[str, Any]) -> None:
    code = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [out for cell in code for out in cell["outputs"]]
    assert not [out for out in outputs if out["output_type"] == "error"]
    assert not [out for out in outputs if out.get("name") == "stderr"]
    drawn = [cell for cell in code if re.search(r"plot\(", _source(cell).splitlines()[-1])]
    assert len(drawn) >= 15
    for cell in drawn:
        shown = [out["data"] for out in cell["outputs"] if "data" in out]
        assert [data for data in shown if {"image/png", "image/svg+xml"} <= set(data)], cell


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
            compile(_source(cell), "cell", "exec")
    text = TOUR.read_text(encoding="utf-8")
    assert len(text) < 30_000
    assert not re.search(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|tmp)/", text)
    ids = [cell["id"] for cell in stored["cells"]]
    assert len(set(ids)) == len(ids)
