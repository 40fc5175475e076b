"""Pictures of a deal's sizes: how large classes may be, and what they bear."""

from __future__ import annotations

import pandas as pd

from scfcap.report.charts import Picture, Row, digits, rows_of_bars, unit_of
from scfcap.report.pictures.pictured import About


def size_bars(frame: pd.DataFrame, deal: str, about: About) -> Picture:
    """Largest size of each class."""
    unit, label = unit_of(float(frame["size"].abs().max()))
    rows = [
        Row(
            str(row["tranche"]),
            float(row["size"]) / unit,
            f"{digits(float(row['size']) / unit, 4)} · {float(row['share']):.1%} of the pool",
        )
        for row in frame.to_dict("records")
    ]
    return rows_of_bars(
        f"Deal {deal}: how large each class may be",
        {"": rows},
        f"largest size with no failing size below it, {about.currency}{label}",
        note=about.note(),
        source=about.source,
    )


def break_even_bars(frame: pd.DataFrame, deal: str, about: About) -> Picture:
    """Largest multiple of the expected defaults that each class bears."""
    rows = []
    for row in frame.to_dict("records"):
        multiple = row["multiple"]
        known = not pd.isna(multiple)
        said = f"{float(multiple):.2f} times" if known else "at none"
        rows.append(Row(str(row["tranche"]), float(multiple) if known else 0.0, said, limit=1.0))
    return rows_of_bars(
        f"Deal {deal}: what each class bears",
        {"": rows},
        "multiple of the expected defaults; the mark is what is expected",
        note=about.note(),
        source=about.source,
    )
