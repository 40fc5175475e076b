"""What must hold in the loan flows that a series is given."""

from __future__ import annotations

import numpy as np

from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE


def check_flows(state: SeriesState, flows: SeriesFlows, periods: int) -> None:
    """Given flows have the shapes of :class:`SeriesFlows`, are not negative and roll forward.

    ``pool[t] = pool[t-1] - principal - default + purchases``, and ``pool[0]`` is the opening
    pool of ``state``, within ENGINE_TOLERANCE of the largest pool.
    """
    count = len(flows.pool)
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
