"""What happens and what of it can be known: scenarios put together, moved in time, and foreseen.

All works on :class:`~scfcap.credit.stress.Stress` alone. A decision of period t is taken when the
periods before are known, and the state of funding as it stands and is announced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scfcap.credit.stress import Stress, calm, together
from scfcap.quantities import FloatArray

#: Arrays of a stress by how two of them act together.
MULTIPLIED = (
    "default_multiple", "prepay_multiple", "draw_multiple", "demand", "line", "line_called",
    "line_running", "p2p_renewed", "p2p_new", "issue", "servicer_fee",
)  # fmt: skip
ADDED = ("severity_add", "bank_rate", "p2p_rate", "coupon", "index_rate")
UNITED = ("infected", "unpaid", "held", "surge", "originator_default")
#: Cuts of lines, announced ahead.
LINES = ("line", "line_called", "line_running")
#: What lenders, markets and investors have said: known as it stands at the decision.
ANNOUNCED = (*LINES, "p2p_renewed", "p2p_new", "issue", "bank_rate", "p2p_rate", "coupon")


def both(first: Stress, second: Stress) -> Stress:
    """All that happens in ``first`` and in ``second``, row by row; names are those of ``first``.

    Multiples multiply, what is added adds up, and of what both take at once the second takes its
    share of the rest. The recovery of unpaid orders is that of the second where it takes any.
    """
    made: dict[str, Any] = {n: getattr(first, n) * getattr(second, n) for n in MULTIPLIED}
    made |= {n: getattr(first, n) + getattr(second, n) for n in ADDED}
    made |= {n: 1.0 - (1.0 - getattr(first, n)) * (1.0 - getattr(second, n)) for n in UNITED}
    later = second.unpaid > 0.0
    for n in ("unpaid_recovery", "unpaid_lag"):
        made[n] = np.where(later, getattr(second, n), getattr(first, n))
    return replace(first, **made)


def delayed(stress: Stress, periods: int) -> Stress:
    """The same so many periods later; nothing happens before."""
    if periods == 0:
        return stress
    length = stress.held.shape[1]
    first = min(periods, length)
    nothing = _calm_like(stress)

    def moved(name: str) -> FloatArray:
        before = getattr(nothing, name)[..., :first]
        return np.concatenate([before, getattr(stress, name)[..., : length - first]], axis=-1)

    return _each(stress, moved)


def foreseen(
    truth: tuple[Stress, Stress],
    drawn: Stress,
    period: int,
    estimate: tuple[FloatArray, FloatArray],
    persistence: float,
    notice: int,
) -> Stress:
    """What may happen in the eyes of who decides for ``period``, a row for each of ``drawn``.

    ``truth``: what happens, in one row each, of which the first announces cuts of lines ``notice``
    periods ahead. Periods before ``period`` are as they were. Later ones are ``drawn`` from
    ``period`` on, on the state of funding as announced, the demand last seen, and the ``estimate``
    of default and prepayment multiples [S]. With persistence f a multiple m fades and what is drawn
    grows as in a first-order autoregression of logarithms: ``m**(f**h) drawn**sqrt(1 - f**(2h))``,
    h periods ahead.
    """
    happened = both(*truth)
    names, length = drawn.scenarios, drawn.held.shape[1]
    rows = np.zeros(len(drawn), dtype=np.int64)
    past = replace(happened.chosen(rows), scenarios=names)
    later = delayed(drawn, period - 1)
    ahead = np.arange(1, length - period + 2)
    own = np.power(persistence, ahead)
    new = np.sqrt(1.0 - own**2)
    default, prepay = estimate
    known = _announced(truth, period, notice)

    def at(name: str) -> FloatArray:
        values: FloatArray = getattr(later, name)[..., period - 1 :].copy()
        if name == "default_multiple":
            values = np.power(default[None, :, None], own) * np.power(values, new)
        elif name == "prepay_multiple":
            values = values * prepay[None, :, None]
        elif name == "demand" and period > 1:
            values = values * getattr(happened, name)[..., period - 2 : period - 1]
        elif name in ANNOUNCED:
            stands = known[name]
            values = values + stands if name in ADDED else values * stands
        return np.concatenate([getattr(past, name)[..., : period - 1], values], axis=-1)

    return _each(past, at)


def _announced(truth: tuple[Stress, Stress], period: int, notice: int) -> dict[str, FloatArray]:
    """The state of funding from ``period`` on, as it stands then and as cuts are announced."""
    first, second = truth
    length = first.held.shape[1]
    found = {}
    for name in ANNOUNCED:
        now = getattr(second, name)[..., period - 1 : period]
        seen = getattr(first, name)
        if name in LINES:
            times = np.minimum(np.arange(period - 1, length), period - 1 + notice)
            mine = seen[..., times]
        else:
            mine = seen[..., period - 1 : period]
        found[name] = mine + now if name in ADDED else mine * now
    return found


def mean_of(stress: Stress, weight: FloatArray, name: str) -> Stress:
    """One scenario: the mean of all, array by array; lags are those of the first."""
    one = replace(stress.chosen([0]), scenarios=(name,))

    def mean(array: str) -> FloatArray:
        values = getattr(stress, array)
        if array == "unpaid_lag":
            return np.asarray(values[:1])
        return np.tensordot(weight, values, axes=1)[None]

    return _each(one, mean)


def named(stress: Stress, names: Sequence[str]) -> Stress:
    """The same scenarios under other names."""
    return replace(stress, scenarios=tuple(names))


def joined(parts: Sequence[Stress]) -> Stress:
    """All scenarios of ``parts``, cut to the shortest of them."""
    shortest = min(part.held.shape[1] for part in parts)
    return together([part.over(shortest) for part in parts])


def _calm_like(stress: Stress) -> Stress:
    segments, length = stress.default_multiple.shape[1:]
    return calm(stress.scenarios, segments, stress.lenders, length)


def _each(stress: Stress, change: Callable[[str], FloatArray]) -> Stress:
    arrays: dict[str, Any] = {
        n: change(n) for n in (*MULTIPLIED, *ADDED, *UNITED, "unpaid_recovery", "unpaid_lag")
    }
    return replace(stress, **arrays)
