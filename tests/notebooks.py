"""Notebooks of the documents, run from top to bottom in a kernel of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
#: Runs a notebook, with a last cell of the caller's.
_RUN = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
if sys.argv[3]:
    notebook.cells.append(nbformat.v4.new_code_cell(sys.argv[3]))
NotebookClient(notebook, kernel_name="python3", timeout=600, startup_timeout=300).execute()
nbformat.write(notebook, sys.argv[2])
"""


@contextmanager
def executed(path: Path, last: str = "") -> Iterator[dict[str, Any]]:
    """The notebook at ``path`` after its run in an empty folder, with the cell ``last``."""
    folder = Path(tempfile.mkdtemp(prefix=path.stem))
    search = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search, "TMPDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(path), str(folder / "done.ipynb"), last],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        assert done.returncode == 0, done.stderr[-3000:]
        yield json.loads((folder / "done.ipynb").read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def source(cell: dict[str, Any]) -> str:
    """The text of a cell."""
    return "".join(cell["source"])


def code(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Its cells of code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def assert_clean(done: dict[str, Any]) -> None:
    """Every cell ran, and none erred or warned."""
    assert all(cell["execution_count"] for cell in code(done))
    outputs = [out for cell in code(done) for out in cell["outputs"]]
    assert not [out for out in outputs if out["output_type"] == "error"]
    assert not [out for out in outputs if out.get("name") == "stderr"]


def assert_pictures(cells: list[dict[str, Any]]) -> None:
    """Each of the cells shows a picture."""
    for cell in cells:
        shown = [out["data"] for out in cell["outputs"] if "data" in out]
        assert [data for data in shown if {"image/png", "image/svg+xml"} <= set(data)], cell
