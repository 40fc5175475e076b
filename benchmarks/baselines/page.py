"""Tables to a page as a pandas user writes them: plain HTML, no charts, no search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd


def _in_full(value: float) -> str:
    return repr(float(value))


def write_page(frames: Mapping[str, pd.DataFrame], path: Path) -> Path:
    """One table after the other, each below its name, numbers in full."""
    parts = [
        f"<h2>{name}</h2>\n{frame.to_html(index=False, float_format=_in_full)}"
        for name, frame in frames.items()
    ]
    path.write_text("\n".join(["<!DOCTYPE html>", *parts]), encoding="utf-8")
    return path
