"""A report pack: which sheets, in which order."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scfcap.schema.base import Schema

Sheet = Literal[
    "summary",
    "to_do",
    "plan",
    "cash",
    "costs",
    "scenarios",
    "contingency",
    "covenants",
    "limits",
    "pool",
    "cash_flows",
    "deal",
    "waterfall",
    "checks",
]


#: Languages of a report: English and Chinese.
Language = Literal["en", "zh"]
#: Units in which a report may show amounts.
Unit = Literal[1, 1_000, 10_000, 1_000_000, 100_000_000, 1_000_000_000]


class Brand(Schema):
    """``[brand]``: how a report looks."""

    logo: str | None = None
    """A PNG file beside the pack."""
    colour: str = Field(default="1F3A5F", pattern=r"^[0-9A-Fa-f]{6}$")
    """Of titles and headings, RRGGBB."""
    footer: str = ""
    """Said at the foot of each page, before the version."""


class Pack(Schema):
    """``reports/NAME.toml``."""

    title: str
    sheets: tuple[Sheet, ...] = Field(min_length=1)
    file_name: str = "scfcap.xlsx"
    language: Language = "en"
    unit: Unit | None = None
    """Currency units in one unit of display; None: the model's ``plan.money_unit``."""
    privacy: Literal["plain", "masked"] = "plain"
    """``masked``: names and identity numbers of borrowers and buyers are replaced by numbers."""
    brand: Brand = Brand()
