"""What must hold in a series in every period and scenario; asserted while it runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.deal.steps import Book
from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray


@dataclass(frozen=True)
class Checker:
    """Raises InvariantError naming series, period, scenario and amount."""

    series: str
    scenarios: tuple[str, ...]

    def payments(self, period: int, names: tuple[str, ...], trace: FloatArray) -> None:
        """Each step pays between nothing and what is due; ``trace`` [due, available, paid; steps;
        K].
        """
        due, paid = trace[0], trace[2]
        bad = (paid > due) | (paid < 0.0)
        if bad.any():
            step = int(np.argmax(bad.any(axis=1)))
            what = f"{names[step]} pays less than nothing or more than is due, by"
            self._none(period, bad[step], what, paid[step] - due[step])

    def money(
        self, period: int, before: Book, after: Book, sources: FloatArray, uses: FloatArray
    ) -> None:
        """Sources and uses of the period make the change of cash and reserve [all (K,)]."""
        there = before.cash + before.reserve + sources
        gap = there - uses - (after.cash + after.reserve)
        bad = np.abs(gap) > ENGINE_TOLERANCE * np.maximum(there, 1.0)
        self._none(period, bad, "cash unaccounted for:", gap)

    def order(self, period: int, before: Book, after: Book) -> None:
        """No balance below zero; no principal to a tranche before those above it are zero."""
        least = np.minimum(after.cash, after.reserve)
        least = np.minimum(least, np.minimum(after.notes, after.accrued).min(axis=0))
        self._none(period, least < 0.0, "an account or a tranche is below zero:", least)
        above = np.zeros_like(after.cash, dtype=np.bool_)
        for old, new in zip(before.notes, after.notes, strict=True):
            wrong = above & (new < old)
            self._none(period, wrong, "a junior tranche is paid before a senior one:", old - new)
            above = above | (new > 0.0)

    def _none(self, period: int, bad: BoolArray, what: str, amount: FloatArray) -> None:
        if bad.any():
            k = int(np.argmax(bad))
            where = f"series {self.series}, period {period}, scenario {self.scenarios[k]}"
            msg = f"{where}: {what} {amount[k]:.6f}"
            raise InvariantError(msg)


def check_flows(state: SeriesState, flows: SeriesFlows, periods: int) -> None:
    """Given flows have the shapes of :class:`SeriesFlows`, are not negative and roll forward.

    ``pool[t] = pool[t-1] - principal - default + purchases``, and ``pool[0]`` is the opening
    pool of ``state``, within ENGINE_TOLERANCE of the largest pool.
    """
    count = len(flows.names())
    size = max(float(np.abs(flows.pool).max(initial=0.0)), 1.0) * ENGINE_TOLERANCE
    for key in ("interest", "principal", "recovery", "default", "purchases", "pool"):
        values = getattr(flows, key)
        wanted = (count, periods + (key == "pool"))
        if values.shape != wanted:
            msg = f"series {state.name}: {key} has shape {values.shape}, not {wanted}"
            raise InvariantError(msg)
        if not (np.isfinite(values) & (values >= -size)).all():
            msg = f"series {state.name}: {key} holds values that are negative or not finite"
            raise InvariantError(msg)
    start = flows.pool[:, :1] - (state.pool if state.closing_period <= 0 else 0.0)
    moved = flows.pool[:, :-1] - flows.principal - flows.default + flows.purchases
    gap = np.concatenate([start, flows.pool[:, 1:] - moved], axis=1)
    bad = np.abs(gap) > size
    if bad.any():
        k, t = (int(index[0]) for index in np.nonzero(bad))
        msg = (
            f"series {state.name}, period {t}, scenario {flows.names()[k]}: the given pool does "
            f"not roll forward, by {gap[k, t]:.6f}"
        )
        raise InvariantError(msg)
