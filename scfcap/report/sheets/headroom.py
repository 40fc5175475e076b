"""How near a limit is, in colours: red where it is broken, amber where most of it is used."""

from __future__ import annotations

from scfcap.report.book import Area, Condition, Sheet

#: From which share of a limit on it is said to be near (our convention).
NEAR = 0.9
SAID = "Amber: 90% or more of the limit is used. Red: the limit is broken."


def coloured(sheet: Sheet, area: Area, *, broken: str, near: str) -> None:
    """Colour ``area`` by conditions written for its first cell; a broken limit is not near."""
    sheet.conditions.append(Condition(area, broken, "bad"))
    sheet.conditions.append(Condition(area, near, "near"))


def uses_most(use: str, limit: str) -> str:
    """Whether :data:`NEAR` of the limit in a cell is used, where both cells hold a number."""
    return f"AND(N({limit})>0,N({use})>={NEAR}*N({limit}))"
