"""The Covenants sheet: the least headroom of each by scenario, and its path in the plan."""

from __future__ import annotations

import pandas as pd

from scfcap.report.book import PERCENT, Sheet
from scfcap.report.sheets.common import (
    TEXT,
    WRAPPED,
    Kit,
    as_date,
    figure,
    heads,
    section,
    styled,
    title_case,
)
from scfcap.report.sheets.headroom import NEAR, SAID, coloured
from scfcap.report.sheets.listing import Column, listed

NAME = "Covenants"
_RATIO = "0.000"
_TOP = styled(WRAPPED, align="left")


def add_covenants(kit: Kit) -> None:
    """Add the sheet, where a line has covenants."""
    frame = kit.frame("plan_covenants")
    if frame is None:
        return
    sheet = kit.add(NAME, "Covenants of the lines: headroom, and what trips first", 20.0)
    sheet.widths |= {
        2: 24.0,
        3: 12.0,
        4: 12.0,
        5: 11.0,
        6: 11.0,
        7: 17.0,
        8: 10.0,
        9: 14.0,
        10: 34.0,
    }
    row = section(
        sheet,
        4,
        "Closest to a breach, by scenario",
        "The plan's own scenario first; in the others its decisions are carried out as they stand. "
        f"Headroom is up to the limit, without the plan's margin. {SAID}",
    )
    row = _closest(kit, sheet, row, frame)
    _path(kit, sheet, row + 1, frame[frame["scenario"] == frame["scenario"].iloc[0]])
    sheet.title_columns = (1, 2)
    sheet.squeeze()


def _closest(kit: Kit, sheet: Sheet, row: int, frame: pd.DataFrame) -> int:
    """A row for each covenant and scenario at its least headroom; breaches are red."""
    columns = [
        Column("Lender", _TOP),
        Column("Covenant", _TOP),
        Column("Scenario", _TOP),
        Column("On", figure("d mmm yy", ink="text", align="center")),
        Column("Ratio", figure(_RATIO)),
        Column("Limit", figure(_RATIO, ink="input")),
        Column(f"Headroom, {kit.look.label}", figure(kit.look.money())),
        Column("of the limit", figure(PERCENT)),
        Column("Trips first", styled(TEXT, align="center")),
        Column("A breach means", styled(_TOP, indent=1)),
    ]
    keys = ["scenario", "lender", "covenant"]
    worst = frame.loc[frame.groupby(keys, sort=False)["headroom_share"].idxmin()]
    first = frame[frame["trips_first"].astype(bool)].set_index(keys).index
    rows = []
    for x in worst.itertuples():
        leads = (x.scenario, x.lender, x.covenant) in first
        means = title_case(str(x.effect))
        if str(x.cross_default):
            means += f"; {x.cross_default}"
        rows.append(
            (
                x.lender, title_case(str(x.covenant)), x.scenario, x.end, x.ratio, x.limit_ratio,
                x.headroom, x.headroom_share, "first" if leads else None, means,
            )
        )  # fmt: skip
    last = listed(sheet, row, columns, rows)
    area = sheet.span(row + 1, 7, last - 1, 8)
    share = f"$H{area.row}"
    near = f"AND(ISNUMBER({share}),{share}<={1.0 - NEAR:g})"
    coloured(sheet, area, broken=f"N({share})<0", near=near)
    return last


def _path(kit: Kit, sheet: Sheet, row: int, mine: pd.DataFrame) -> None:
    """Ratios at every test in the plan's scenario: a line a covenant, a column a test."""
    row = section(sheet, row, "Ratios at each test, by the plan")
    ends = sorted({as_date(day) for day in mine["end"]})
    table = mine.assign(day=[as_date(day) for day in mine["end"]]).pivot_table(
        index=["lender", "covenant"], columns="day", values="ratio", sort=False
    )
    wide = 7
    for start in range(0, len(ends), wide):
        days = ends[start : start + wide]
        heads(sheet, row, ["Lender", "Covenant", *days], kit.look.day)
        for (lender, covenant), ratios in zip(table.index, table.to_dict("records"), strict=True):
            row += 1
            sheet.put(row, 1, str(lender), TEXT)
            sheet.put(row, 2, title_case(str(covenant)), TEXT)
            for column, day in enumerate(days, start=3):
                ratio = float(ratios.get(day, float("nan")))
                if ratio == ratio:
                    sheet.put(row, column, ratio, figure(_RATIO))
        row += 2
