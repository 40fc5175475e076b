"""``[tape.lives]``: a synthetic platform whose shops live, borrow, pay and fail over time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scfcap.quantities import Share
from scfcap.schema.base import Schema

#: Frequency of an event [1/year].
Frequency = Annotated[float, Field(ge=0.0, le=10.0, allow_inf_nan=False)]


class LivesSpec(Schema):
    """What the platform is like; everything else is drawn from ``seed``.

    Products, season, provinces and the cores' shares are those of the synthetic platform.
    """

    loans: int = Field(ge=1, le=5_000_000)
    """Loans made over all ``months``, most of them repaid by ``as_of``."""
    seed: int = Field(ge=0, lt=2**63)
    """Number from which the platform is drawn; the same seed, the same lives."""
    months: int = Field(default=48, ge=2, le=180)
    """Months before ``as_of`` in which the platform lends."""
    growth: float = Field(default=0.6, gt=-0.9, le=5.0)
    """Growth of lending and of the number of shops [1/year]."""
    loans_per_shop: float = Field(default=15.0, ge=1.0, le=1000.0)
    """Loans of a shop over its life, on average."""
    churn: Frequency = 0.35
    """Intensity at which shops leave for good [1/year]."""
    correlation: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.04
    """Correlation of loans' latent values through the month's common factor."""
    persistence: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.85
    """Correlation of the common factor with that of the month before."""
    core_failure: Frequency = 0.015
    """Intensity of failure of a core enterprise [1/year]."""
    infection: Share = 0.3
    """Probability that a shop fails with a core enterprise on which it wholly depends; for other
    shops in proportion to their dependence."""
    warned: Share = 0.7
    """Share of core failures with a phase of distress before them, in which payments slow."""
    distress_days: float = Field(default=150.0, ge=1.0, le=2000.0)
    """Mean length of a phase of distress [days]; lognormal."""
    false_distress: Frequency = 0.03
    """Intensity of phases of distress from which a core enterprise recovers [1/year]."""
