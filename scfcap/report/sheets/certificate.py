"""Borrowing base certificates: a sheet a line, to be signed."""

from __future__ import annotations

from scfcap.report.book import PERCENT, Formula, Sheet, address
from scfcap.report.sheets.borrowing import PREFIX, certificate
from scfcap.report.sheets.common import TEXT, Kit, live, number, section, styled
from scfcap.report.sheets.signing import signed

_AMOUNT = 5


def add_certificates(kit: Kit) -> None:
    """Add a sheet for each borrowing base of the run."""
    for table in [name for name in kit.tables if name.startswith(PREFIX)]:
        frame = kit.frame(table)
        if frame is None:
            continue
        name = table.removeprefix(PREFIX)
        sheet = kit.add(f"Base {name}", f"Borrowing base certificate: {name}", 52.0)
        sheet.widths |= dict.fromkeys(range(2, _AMOUNT + 1), 17.0)
        row, rows = certificate(kit, sheet.name, 4, name, frame, inputs=True)
        row = _ratios(sheet, row, rows)
        row = signed(
            sheet,
            row + 1,
            f"The borrower certifies that this is the borrowing base as of "
            f"{kit.meta.as_of:%Y-%m-%d}, true and complete.",
        )
        sheet.reach(row, _AMOUNT)
        sheet.freeze = (4, 2)
        sheet.one_page = True


def _ratios(sheet: Sheet, row: int, rows: dict[str, int]) -> int:
    """What a lender looks at first: how much is eligible, advanced and drawn."""
    row = section(sheet, row, "Ratios")
    most = "maximum" if "maximum" in rows else "borrowing_base"
    for label, upper, lower, sign in (
        ("Eligible, net of excess, of outstanding loans", "eligible_net", "gross", 1.0),
        ("Gross availability of eligible loans, net", "gross_availability", "eligible_net", 1.0),
        ("Drawn of what may be drawn", "drawn", most, -1.0),
    ):
        a, b = (address(rows[key], _AMOUNT) for key in (upper, lower))
        part, whole = (number(sheet, rows[key], _AMOUNT) for key in (upper, lower))
        minus = "-" if sign < 0.0 else ""
        value = sign * part / whole if whole else 0.0
        sheet.put(row, 1, label, styled(TEXT, indent=1))
        cell = Formula(f"=IF({b}=0,0,{minus}{a}/{b})", value)
        sheet.put(row, _AMOUNT, cell, live(PERCENT))
        row += 1
    return row
