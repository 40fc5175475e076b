"""Money as integer cents, and back; keys of channels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap import axes
from scfcap.quantities import FloatArray, IntArray

#: Keys of channels that are the company's own: between them nothing is bought, and has no price.
_OWN_KINDS: Final = (axes.OWN, axes.BANK_DEBT)
#: Most that is kept [cents]: beyond it floats do not tell one cent from the next.
MOST: Final = 2**53


def cents(amounts: npt.ArrayLike) -> IntArray:
    """Amounts [currency] as whole cents, the nearest, half to even.

    Raises ValueError where one is no number, or beyond :data:`MOST`.
    """
    scaled = np.rint(np.asarray(amounts, dtype=np.float64) * 100.0)
    if not (np.abs(scaled) <= MOST).all():
        msg = "an amount that is no number, or too large to be kept to the cent"
        raise ValueError(msg)
    return scaled.astype(np.int64)


def currency(amounts: npt.ArrayLike) -> FloatArray:
    """Cents as amounts [currency], NaN where there is none."""
    return np.asarray(amounts, dtype=np.float64) / 100.0


def optional(amounts: IntArray, there: npt.NDArray[np.bool_]) -> list[int | None]:
    """Whole numbers as the database takes them, None where there is none."""
    cells = amounts.astype(object)
    cells[~there] = None
    found: list[int | None] = cells.tolist()
    return found


def known_channel(key: Any) -> bool:
    """Whether ``key`` is that of a channel: ``own_capital``, or a kind with a name behind a colon.

    Signs that are not for reading stand in no key.
    """
    if not isinstance(key, str) or not key.isprintable():
        return False
    kind, colon, name = key.partition(":")
    return key == axes.OWN or (kind in axes.OUTSIDE_CHANNELS and bool(colon and name.strip()))


def priced(origin: str, destination: str) -> bool:
    """Whether a loan that moves so is bought: a pledge, and its release, have no price."""
    return not all(axes.channel_of(key) in _OWN_KINDS for key in (origin, destination))


def in_proportion(price: int, now: int, then: int) -> int:
    """``price`` for ``now`` of what was ``then`` [cents], exact, half to even."""
    whole, rest = divmod(price * now, then)
    return whole + (1 if 2 * rest > then or (2 * rest == then and whole % 2) else 0)


def frame(columns: dict[str, Any], money: tuple[str, ...], days: tuple[str, ...]) -> pd.DataFrame:
    """A table of what the database gave: ``money`` from cents, ``days`` from ISO texts."""
    made = dict(columns)
    for name in money:
        made[name] = currency(made[name])
    for name in days:
        made[name] = np.array(made[name], dtype="datetime64[s]")
    return pd.DataFrame(made)
