"""Named scenarios: multipliers on the base behaviour."""

from __future__ import annotations

from pydantic import Field

from scfcap.quantities import Share
from scfcap.schema.base import Schema


class Scenario(Schema):
    """How a scenario departs from the base curves, in the periods ``from_period`` and after."""

    title: str = ""
    default_multiple: float = Field(default=1.0, ge=0.0, le=100.0)
    """Factor on the default intensity -ln(1 - cdr), so that a stressed rate stays below one."""
    prepay_multiple: float = Field(default=1.0, ge=0.0, le=100.0)
    """Factor on the prepayment intensity -ln(1 - cpr)."""
    severity_add: Share = 0.0
    """Added to the severity, cut at one."""
    from_period: int = Field(default=1, ge=1)
    """First period in which the multiples hold."""
