"""How a result shows itself in a few lines, in a console and in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

#: A label and what stands beside it.
Lines = Sequence[tuple[str, str]]
#: Letters of one line at most.
_MOST = 160


class Brief:
    """A result that says what it is, how large, and its key figures, in one to six lines.

    ``_brief`` gives the title and the lines from what is there already: nothing is computed for it.
    """

    __slots__ = ()

    def _brief(self) -> tuple[str, Lines]:
        raise NotImplementedError

    def __repr__(self) -> str:
        title, lines = self._brief()
        said = [_plain(title), *(f"  {_plain(label)}: {_plain(text)}" for label, text in lines)]
        return "\n".join(said)

    def _repr_html_(self) -> str:
        """The same as a small table; every text is escaped."""
        title, lines = self._brief()
        rows = "".join(
            f'<tr><th style="text-align:left;font-weight:normal">{escape(_plain(label))}</th>'
            f'<td style="text-align:left">{escape(_plain(text))}</td></tr>'
            for label, text in lines
        )
        head = (
            f'<caption style="text-align:left;font-weight:bold">{escape(_plain(title))}</caption>'
        )
        return f"<table>{head}<tbody>{rows}</tbody></table>"


def _plain(text: str) -> str:
    """``text`` on one line, without signs that steer a terminal, cut where it is very long."""
    line = "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"


def money(amount: float, currency: str = "") -> str:
    """``amount`` with thousands apart, whole."""
    return f"{currency} {amount:,.0f}".strip()


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
