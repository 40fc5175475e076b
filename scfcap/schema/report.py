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
    "checks",
]


class Pack(Schema):
    """``reports/NAME.toml``."""

    title: str
    sheets: tuple[Sheet, ...] = Field(min_length=1)
    file_name: str = "scfcap.xlsx"
