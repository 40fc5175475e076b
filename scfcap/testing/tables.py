"""Tables and run folders compared: each check raises AssertionError naming what differs first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.quantities import BoolArray
from scfcap.report.store import MANIFEST, RESULT, TABLES


def assert_tables_equal(
    one: pd.DataFrame, other: pd.DataFrame, *, rtol: float = 1e-9, atol: float = 1e-9
) -> None:
    """Two tables have the same columns in the same order, the same rows, and equal values.

    Numbers may differ by ``atol`` and ``rtol`` of ``other``; missing values are equal to each
    other. The message names column, row and both values.
    """
    if list(one.columns) != list(other.columns):
        found, wanted = (", ".join(map(str, each.columns)) for each in (one, other))
        msg = f"columns {found}; expected {wanted}"
        raise AssertionError(msg)
    if len(one) != len(other):
        msg = f"{len(one)} rows; expected {len(other)}"
        raise AssertionError(msg)
    for place, name in enumerate(one.columns):
        left, right = one.iloc[:, place], other.iloc[:, place]
        same = _same(left, right, rtol, atol)
        if not same.all():
            row = int(np.argmin(same))
            msg = f"column {name}, row {row}: {left.iloc[row]!r}; expected {right.iloc[row]!r}"
            msg += f" ({int((~same).sum())} of {len(same)} rows differ)"
            raise AssertionError(msg)


def _same(left: pd.Series, right: pd.Series, rtol: float, atol: float) -> BoolArray:
    """Where two columns agree."""
    numbers = pd.api.types.is_numeric_dtype(left) and pd.api.types.is_numeric_dtype(right)
    if numbers and left.dtype != bool and right.dtype != bool:
        a, b = left.to_numpy(dtype=np.float64), right.to_numpy(dtype=np.float64)
        return np.asarray(np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True))
    missing = left.isna().to_numpy() & right.isna().to_numpy()
    equal = (left.astype(object).to_numpy() == right.astype(object).to_numpy()).astype(bool)
    return np.asarray(missing | equal, dtype=bool)


def assert_run_complete(folder: str | Path) -> None:
    """A run folder is whole: every file that its manifest lists is there with its bytes, none else
    is, every table that its result names can be read, and all its own checks hold.

    Raises:
        AssertionError: naming the file, or the check with its value.
    """
    where = Path(folder)
    manifest, result = (_json(where / name) for name in (MANIFEST, RESULT))
    listed = manifest.get("files", {})
    there = {path.relative_to(where).as_posix() for path in where.rglob("*") if path.is_file()}
    for name in sorted(there - {*listed, MANIFEST}):
        msg = f"{where / name}: a file that the manifest does not list"
        raise AssertionError(msg)
    for name, told in listed.items():
        path = where / name
        if name not in there:
            msg = f"{path}: listed in the manifest, and not there"
            raise AssertionError(msg)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != told["sha256"]:
            msg = f"{path}: {path.stat().st_size} bytes that are not the {told['bytes']} written"
            raise AssertionError(msg)
    for name in result.get("tables", ()):
        path = where / TABLES / f"{name}.parquet"
        if not path.is_file():
            msg = f"{path}: named in {RESULT}, and not there"
            raise AssertionError(msg)
        pd.read_parquet(path)
    for check in result.get("checks", ()):
        if not check["ok"]:
            msg = f"{where}: {check['check']}: {check['value']}, more than {check['tolerance']}"
            raise AssertionError(msg)


def _json(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        msg = f"{path}: no such file"
        raise AssertionError(msg)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{path}: not JSON: {error}"
        raise AssertionError(msg) from None
    return dict(found)
