"""``[plan.uncertainty]``: what may happen, what is decided before it is known, what risk costs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import MisfitError, Schema

#: What the probabilities of the scenarios may lack of one, by rounding.
WEIGHT_TOLERANCE = 1e-9
#: Least number of scenarios, each as likely, behind a tail whose mean is told.
TAIL_LEAST = 10.0


class Shortfall(Schema):
    """``[plan.uncertainty.shortfall]``: money that is missing, in the program for what it costs.

    What no source brings is borrowed at the close of a period and paid back at the next, at a rate
    dearer than every source, so that it is no funding channel.
    """

    rate: CostRate = 0.36
    """Cost of missing money [1/year]; 0.36 is 24% a year, the most that courts uphold, and half as
    much again."""
    haircut: Share = 0.15
    """What a forced sale of loans takes off par, where a back-test must raise the money."""


class Risk(Schema):
    """``[plan.uncertainty.risk]``: mean of the worst shortfalls, as a term or as a limit.

    Source: R. T. Rockafellar, S. Uryasev, Optimization of conditional value-at-risk, J. Risk 2(3)
    (2000) 21-41.
    """

    level: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    """Share of the probability that is not the tail: CVaR is the mean shortfall of the worst
    (1 - level)."""
    measure: Literal["total", "worst"] = "total"
    """``total``: a scenario's sum of shortfalls, discounted; ``worst``: its largest."""
    weight: float = Field(default=0.0, ge=0.0, le=1e6)
    """What a unit of CVaR takes off the objective."""
    limit: Money | None = None
    """Most CVaR of the shortfall [currency]; absent: no limit."""

    @property
    def counts(self) -> bool:
        """Whether the plan reckons with it."""
        return self.weight > 0.0 or self.limit is not None


class Uncertainty(Schema):
    """``[plan.uncertainty]``: the plan is made for several weighted scenarios at once.

    Named scenarios have the probabilities in ``weights``. With ``paths`` the rest is that of Monte
    Carlo paths, drawn as ``[factors]`` says and reduced to so many; without, the weights add up to
    one.
    """

    weights: dict[str, Share] = Field(default_factory=dict)
    """Probability of each named scenario."""
    paths: int = Field(default=0, ge=0, le=200)
    """Monte Carlo paths kept, each with the weight of those it stands for."""
    drawn: int = Field(default=2000, ge=1, le=10_000)
    """Paths drawn, of which ``paths`` are kept."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Seed of the paths."""
    first_stage: int = Field(default=1, ge=0, le=120)
    """Periods decided before it is known which scenario happens."""
    branches: tuple[Annotated[int, Field(ge=1, le=120)], ...] = ()
    """Further periods after which scenarios part, each group by what it has in common so far; after
    the last of them each is known. Empty: all part after ``first_stage``."""
    shortfall: Shortfall = Shortfall()
    risk: Risk = Risk()

    @model_validator(mode="after")
    def _whole(self) -> Uncertainty:
        total = sum(self.weights.values())
        if not self.weights and not self.paths:
            raise MisfitError(found="neither weights nor paths", expected="weights, paths, or both")
        if self.paths == 0 and abs(total - 1.0) > WEIGHT_TOLERANCE:
            raise MisfitError(
                key="weights",
                found=f"a sum of {total:.10g}",
                expected="1: each is the probability of its scenario",
                action="Divide each by their sum, or let Monte Carlo paths have the rest (paths).",
            )
        if self.paths > 0 and total > 1.0 - WEIGHT_TOLERANCE:
            raise MisfitError(
                key="weights",
                found=f"a sum of {total:.10g} beside {self.paths} paths",
                expected="less than 1: the rest is the probability of the paths",
            )
        if self.paths > self.drawn:
            raise MisfitError(
                key="paths", found=f"{self.paths} of {self.drawn} drawn", expected="at most drawn"
            )
        if list(self.branches) != sorted({*self.branches}) or (
            self.branches and self.branches[0] <= self.first_stage
        ):
            raise MisfitError(
                key="branches",
                found=", ".join(map(str, self.branches)),
                expected=f"periods that rise, after first_stage, {self.first_stage}",
            )
        return self
