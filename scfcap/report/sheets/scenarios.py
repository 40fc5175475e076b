"""The Scenarios sheet: what a plan over several scenarios comes to in each, and what that earns."""

from __future__ import annotations

import pandas as pd

from scfcap.report.book import RATE, Sheet
from scfcap.report.sheets.common import WRAPPED, Kit, figure, section, styled
from scfcap.report.sheets.listing import Column, listed

NAME = "Scenarios"
_TOP = styled(WRAPPED, align="left")


def add_scenarios(kit: Kit) -> None:
    """Add the sheet, where the plan is over several scenarios."""
    frame = kit.frame("plan_scenarios")
    if frame is None or not len(frame):
        return
    sheet = kit.add(NAME, "What may happen, and what the plan comes to then", 28.0)
    sheet.widths |= {2: 12.0, 3: 14.0, 4: 14.0, 5: 14.0, 6: 12.0, 7: 14.0, 8: 14.0, 9: 48.0}
    row = section(
        sheet,
        4,
        "By scenario",
        "One plan for all: decided alike as long as nobody can tell them apart. Prices on other "
        "sheets are expected over them; statements are those of the plan's own scenario.",
    )
    row = _each(kit, sheet, row, frame)
    worth = kit.frame("plan_uncertainty_value")
    if worth is not None and len(worth):
        row = section(sheet, row + 1, "What planning with them earns", "")
        row = _worth(kit, sheet, row, worth)
    sheet.reach(row, 9)


def _each(kit: Kit, sheet: Sheet, row: int, frame: pd.DataFrame) -> int:
    money = kit.look.money()
    columns = [
        Column("Scenario", _TOP),
        Column("Probability", figure(RATE)),
        Column(f"Objective, {kit.look.label}", figure(money)),
        Column("Net capital at the end", figure(money)),
        Column("Least cash", figure(money)),
        Column("On", figure("d mmm yy", ink="text", align="center")),
        Column("Lent", figure(money)),
        Column("Missing at most", figure(money)),
        Column("Binds here and not in the plan's own", styled(_TOP, indent=1)),
    ]
    names = [
        "scenario", "weight", "objective_amount", "net_capital_amount", "least_cash_amount",
        "least_cash_on", "lent_amount", "shortfall_amount", "binding",
    ]  # fmt: skip
    return listed(sheet, row, columns, frame[names].itertuples(index=False))


def _worth(kit: Kit, sheet: Sheet, row: int, frame: pd.DataFrame) -> int:
    columns = [
        Column("What", _TOP),
        Column(kit.look.label, figure(kit.look.money())),
    ]
    row = listed(sheet, row, columns, frame[["item", "amount"]].itertuples(index=False))
    for sentence in frame["sentence"]:
        sheet.put(row, 1, str(sentence), styled(WRAPPED, wrap=False))
        row += 1
    return row
