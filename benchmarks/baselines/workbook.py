"""Tables to a workbook as a pandas user writes them: no formats, no formulas, no charts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd


def write_tables(frames: Mapping[str, pd.DataFrame], path: Path) -> Path:
    """One sheet a table; Excel allows 31 characters in a name."""
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        for name, frame in frames.items():
            frame.to_excel(writer, sheet_name=name[:31], index=False)
    return path
