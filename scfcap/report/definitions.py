"""What the terms of the reports mean and where their definition comes from, in one place.

Comments of the workbook and the data dictionary are made of it. A source is a standard, a rule of
the regulator, or "our convention" where we chose.
"""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """What a term means, and where that comes from."""

    text: str
    source: str

    @property
    def said(self) -> str:
        """Both, as a comment says them."""
        return f"{self.text}\nSource: {self.source}"


_OURS = "our convention"
#: By the words with which a heading or the label of a line names the figure.
DEFINITIONS: dict[str, Definition] = {
    "Net capital": Definition(
        "What assets exceed liabilities by: the base of the law's caps on borrowing.",
        "CBRC and PBoC, Yinjianfa [2008] No. 23, section 3",
    ),
    "Net income": Definition(
        "Interest and fees earned, less interest and fees paid, credit losses and running cost.",
        "IAS 1, paragraph 81A",
    ),
    "Free cash": Definition(
        "Cash of the company itself; cash that is kept in a series is not in it.",
        "IAS 7, paragraph 48",
    ),
    "Cash carried forward": Definition(
        "Cash of the company at the end of the period: sources less all other uses.",
        _OURS,
    ),
    "Loans managed": Definition(
        "Principal outstanding in every place, on the books and off them.",
        _OURS,
    ),
    "of which loans managed": Definition(
        "Principal outstanding in every place, on the books and off them.",
        _OURS,
    ),
    "Share of demand that is met": Definition(
        "Loans made over loans asked for, in the period.",
        _OURS,
    ),
    "Demand that is met": Definition(
        "Loans made over loans asked for, in the whole plan.",
        _OURS,
    ),
    "Limits that bind": Definition(
        "Limits that are used up in at least one period, so that more room would change the plan.",
        _OURS,
    ),
    "Least headroom": Definition(
        "The smallest room that is left of a limit in any period; below zero it is exceeded.",
        _OURS,
    ),
    "Headroom": Definition(
        "The limit less its use; of a floor, what is there less the floor.",
        _OURS,
    ),
    "Used, % of limit": Definition(
        "Use over the limit; of a floor, the floor over what is there.",
        _OURS,
    ),
    "One more unit of room earns": Definition(
        "The shadow price: what the plan gains if the limit is one unit wider, all else equal.",
        "linear programming duality",
    ),
    "Rate a year": Definition(
        "The rate at which all that a source pays and gets back, by day, is worth nothing (XIRR).",
        "actual/365, as the spreadsheet function XIRR",
    ),
    "Advance rate": Definition(
        "The share of an eligible loan that a lender lends against it.",
        "the lender's terms, as the model states them",
    ),
    "Length of the period, years": Definition(
        "A twelfth for a calendar month, else days over 365.",
        _OURS,
    ),
    "Difference": Definition(
        "The first total less the second; it must be zero, and turns red where it is not.",
        _OURS,
    ),
}


def definition(words: str) -> Definition | None:
    """The definition of a heading or label, a unit after a comma left aside."""
    return DEFINITIONS.get(words) or DEFINITIONS.get(words.rpartition(", ")[0])
