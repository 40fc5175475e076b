"""The part of the Cash flows sheet that says which behaviour was assumed."""

from __future__ import annotations

import pandas as pd

from scfcap.report.book import RATE, Sheet
from scfcap.report.sheets.common import (
    TEXT,
    Kit,
    figure,
    heads,
    lines_needed,
    plain,
    records,
    section,
    styled,
    title_case,
)
from scfcap.report.words import MEASURES

_DAYS = ("recovery_lag", "late_days")


def assumed(kit: Kit, sheet: Sheet, row: int) -> None:
    """Behaviour by segment, then the estimates with their ranges."""
    frame = kit.frame("credit")
    if frame is None:
        return
    row = section(sheet, row, "Behaviour assumed, by segment")
    used = frame[frame["measure"].isin(list(MEASURES))]
    measures = [m for m in MEASURES if (used["measure"] == m).any()]
    heads(sheet, row, ["Segment", *(title_case(MEASURES[m]) for m in measures)])
    for segment, group in used.groupby("segment", sort=False):
        row += 1
        sheet.put(row, 1, str(segment), styled(TEXT, indent=1))
        for item in records(group):
            look = "0.0" if item.measure in _DAYS else RATE
            sheet.put(row, 2 + measures.index(item.measure), float(item.estimate), figure(look))
    estimates = frame[frame["low"].notna()]
    if len(estimates):
        _ranges(sheet, row + 2, estimates)


def _ranges(sheet: Sheet, row: int, frame: pd.DataFrame) -> None:
    note = "95% ranges; what is given for comparison only is not used."
    row = section(sheet, row, "Estimates and their ranges", note)
    heads(sheet, row, ["Segment and measure", "Estimate", "Low", "High", "Count", "Source"])
    for item in records(frame):
        row += 1
        name = MEASURES.get(str(item.measure), str(item.measure).replace("_", " "))
        sheet.put(row, 1, f"{item.segment}: {name}", styled(TEXT, indent=1))
        look = figure("0.0" if item.measure in _DAYS else RATE)
        for column, value in enumerate((item.estimate, item.low, item.high), 2):
            sheet.put(row, column, plain(value), look)
        sheet.put(row, 5, int(item.count), figure("#,##0"))
        words = "; ".join(str(part) for part in (item.source, item.note) if part)
        sheet.merged(row, (6, sheet.last_column), words, styled(TEXT, indent=1, wrap=True))
        room = sum(sheet.widths.get(c, 8.4) for c in range(6, sheet.last_column + 1))
        sheet.heights[row] = 15.0 * lines_needed(words, 1.1 * room)
