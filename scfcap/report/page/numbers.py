"""How a page writes numbers: thousands separated, negative in brackets, zero as a dash.

The page's script writes them by the same rules from the same format.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from scfcap.report.book import Look

#: Twice the spacing of floats: a figure that is a half in decimals is rounded up as Excel does.
_NUDGE = 1.0 + 2.0**-51
_UNIT_DECIMALS = {1.0: 0, 1e3: 2, 1e4: 1, 1e6: 2, 1e8: 2, 1e9: 2}


@dataclass(frozen=True)
class NumberFormat:
    """A number is divided by ``scale`` and shown with ``decimals``, and with ``suffix``.

    ``dash``: zero is a dash. ``brackets``: negative in brackets, else with a sign. ``science``:
    as a power of ten.
    """

    scale: float = 1.0
    decimals: int = 0
    suffix: str = ""
    dash: bool = True
    brackets: bool = True
    science: bool = False

    def plain(self) -> dict[str, Any]:
        """For the page's data: only what is not the default."""
        default = asdict(NumberFormat())
        return {key: value for key, value in asdict(self).items() if value != default[key]}

    def __call__(self, value: float | None) -> str:
        """``value`` as the page shows it; nothing for what is no number."""
        if value is None or not math.isfinite(value):
            return ""
        if value == 0.0 and self.dash:
            return "–"
        if self.science:
            return f"{value:.1E}"
        text = f"{abs(value) / self.scale * _NUDGE:,.{self.decimals}f}{self.suffix}"
        if value >= 0.0:
            return text
        return f"({text})" if self.brackets else f"−{text}"


COUNT = NumberFormat()
PERCENT = NumberFormat(0.01, 1, "%")
RATE = NumberFormat(0.01, 2, "%", dash=False)
PRICE = NumberFormat(1.0, 3)
CODE = NumberFormat(dash=False, brackets=False)
SCIENCE = NumberFormat(science=True, dash=False)


def money(look: Look) -> NumberFormat:
    """Amounts in the unit in which ``look`` shows them."""
    unit = look.shown_unit
    stated = None if unit == 1.0 else look.decimals
    return NumberFormat(unit, _UNIT_DECIMALS[unit] if stated is None else stated)
