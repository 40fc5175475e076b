"""``[factors]``: how Monte Carlo paths are drawn. Probabilities are a year's.

Defaults are choices of ours within the ranges in use for supply-chain pools, not estimates: state
your own where you have any.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scfcap.quantities import CostRate, Share
from scfcap.schema.base import Schema
from scfcap.schema.scenario import Multiple

Correlation = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]


class CoreRisk(Schema):
    """``[factors.core]``: core enterprises fail, one by one or by contagion."""

    probability: Share = 0.02
    """Probability that an enterprise fails in a year."""
    correlation: Correlation = 0.2
    """Its correlation with the common factor, as an asset correlation."""
    supplier_default_multiple: Multiple = 3.0
    """Factor on the default intensity of a failed enterprise's suppliers."""
    infection: Share = 0.3
    """Share of its suppliers' loans that defaults at once."""
    unpaid: Share = 1.0
    """Share of the loans on its orders that defaults at once."""
    recovery: Share = 0.3
    """Share of the unpaid orders that is recovered."""
    recovery_lag: int = Field(default=12, ge=0, le=60)
    """Periods from the failure to that recovery."""
    orders_lost: Share = 1.0
    """Share of the demand for loans on its orders that ends with it."""
    contagion: Share = 0.2
    """Probability that it infects an enterprise with all its suppliers in common."""
    after: int = Field(default=1, ge=0, le=60)
    """Periods from a failure to those that it infects."""


class LineRisk(Schema):
    """``[factors.lines]``: each lender may cut its line, once."""

    probability: Share = 0.05
    """Probability that a lender cuts its line in a year."""
    with_core: Share = 0.3
    """Probability that a lender cuts when a core enterprise fails."""
    cut: Share = 0.5
    """Share of the line that is taken away."""
    notice: int = Field(default=1, ge=0, le=120)
    """Periods from the announcement to the cut."""


class RunOffRisk(Schema):
    """``[factors.p2p]``: P2P lenders may leave, once, the likelier the worse the times."""

    probability: Share = 0.1
    """Probability that they leave in a year."""
    correlation: Correlation = 0.2
    """Correlation with the common factor, as an asset correlation."""
    share: Share = 0.6
    """Share of maturing notes that is not renewed."""
    cut: Share = 1.0
    """Share of new lenders' money that no longer comes."""


class OutageRisk(Schema):
    """``[factors.outage]``: outages, of each length up to the longest alike."""

    per_year: float = Field(default=0.5, ge=0.0, le=50.0)
    """Mean number of outages a year."""
    longest: int = Field(default=5, ge=1, le=366)
    """Days."""


class RateRisk(Schema):
    """``[factors.rates]``: rates of new funding, a random walk."""

    volatility: CostRate = 0.01
    """Standard deviation over a year [1/year]."""
    correlation: float = Field(default=0.3, ge=-1.0, le=1.0)
    """Of dearer funding with worse times."""
    least: float = Field(default=-0.01, ge=-1.0, le=0.0)
    """Least that is added [1/year]."""


class FactorSpec(Schema):
    """``[factors]``."""

    correlation: Correlation = 0.12
    """Asset correlation of borrowers: how far the common factor moves their default rate."""
    correlations: dict[str, Correlation] = Field(default_factory=dict)
    """The same by segment, where it is another."""
    persistence: Share = 0.9
    """Correlation of the factor from one period to the next; 1: one draw for all periods."""
    prepay_loading: float = Field(default=0.0, ge=-5.0, le=5.0)
    """Log of the prepayment multiple per unit of the factor, its mean taken off."""
    core: CoreRisk = CoreRisk()
    lines: LineRisk = LineRisk()
    p2p: RunOffRisk = RunOffRisk()
    outage: OutageRisk = OutageRisk()
    rates: RateRisk = RateRisk()
