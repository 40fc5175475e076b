"""When a shock is seen: the first period in which a scenario parts from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from scfcap.credit.stated import Stated
from scfcap.credit.stress import Stress
from scfcap.schema.scenario import Scenario, Shock

_NAMES = frozenset({"scenarios", "lenders"})


def parts_from(stress: Stress, name: str, other: str, periods: int) -> int | None:
    """First period in which ``name`` is not as ``other``; None where they are alike to the end."""
    rows = [stress.scenarios.index(one) for one in (name, other)]
    found = []
    for part in fields(stress):
        if part.name not in _NAMES:
            one, two = (np.asarray(getattr(stress, part.name))[row] for row in rows)
            differ = (one != two).reshape(-1, one.shape[-1]).any(axis=0)[:periods]
            found += [int(t) + 1 for t in np.flatnonzero(differ)[:1]]
    return min(found, default=None)


def known_from(
    stress: Stress,
    scenarios: Mapping[str, Scenario],
    told: Stated,
    name: str,
    other: str,
) -> int | None:
    """First period that can answer what happens in ``name`` and not in ``other``.

    That in which the first effect is felt, or a shock begins: a cut with notice is known when it
    is announced. None where nothing happens within the grid of ``told``.
    """
    periods = len(told.grid)
    felt = parts_from(stress, name, other, periods)
    by_period = told.scenarios({key: scenarios[key] for key in (name, other)})
    usual = by_period[other].shocks
    begun = [_begins(shock) for shock in by_period[name].shocks if shock not in usual]
    found = [t for t in (felt, *begun) if t is not None and t <= periods]
    return min(found, default=None)


def _begins(shock: Shock) -> int | None:
    """The period in which a shock begins; None where another starts it."""
    begin = getattr(shock, "from_period", getattr(shock, "period", None))
    return None if begin is None else int(begin)
