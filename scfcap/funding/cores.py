"""What of each segment a limit of concentration counts."""

from __future__ import annotations

import numpy as np

from scfcap.credit.exposure import Exposures, position_of
from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray
from scfcap.schema.model import Model


def core_shares(
    spec: Model, segments: tuple[str, ...], exposures: Exposures | None
) -> dict[str, FloatArray]:
    """Share of each segment [S] that a limit counts, by its name.

    Of a core enterprise, the share of the segment's outstanding loans that hangs on it; a segment
    that the tape does not have has none. Of segments, one or nothing.

    Raises:
        InputError: a core that the tape does not know, or no exposures at all.
    """
    found: dict[str, FloatArray] = {}
    for limit in spec.concentration:
        where = f"model.toml: concentration.{limit.name}.core"
        if limit.core is None:
            found[limit.name] = np.array([float(s in limit.segments) for s in segments])
            continue
        if exposures is None:
            raise InputError(
                Problem(
                    where,
                    f'"{limit.core}", without exposures to core enterprises',
                    "a tape with buyer_id",
                    "Map the column of buyers, or leave the limit out.",
                )
            )
        column = position_of(exposures, limit.core, where)
        table = exposures.orders if limit.through == "orders" else exposures.suppliers
        found[limit.name] = np.array(
            [
                float(table[exposures.segments.index(s), column])
                if s in exposures.segments
                else 0.0
                for s in segments
            ]
        )
    return found
