"""How the classes of a deal are sized: what each must survive."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scfcap.quantities import Share
from scfcap.schema.base import Schema

RatingName = Annotated[str, Field(min_length=1, max_length=20)]


class SizingSpec(Schema):
    """``[sizing]`` of a deal: classes with a rating are sized, senior first, as large as can be."""

    stresses: dict[RatingName, str | tuple[str, ...]] = Field(default_factory=dict)
    """Scenario of the model, or scenario file, that a class of each rating must survive, or several
    of them, each: all interest on time, all principal by the legal end."""
    juniors: Literal["stated", "none"] = "stated"
    """Size of the rated classes below one while it is sized: what the deal states (as far as the
    pool goes), or nothing. Their interest may come before the principal of the class, so that
    without them it comes out larger, and leaves less or no room for them."""
    grid: int = Field(default=33, ge=3, le=1001)
    """Sizes tried at first, evenly from nothing to ``most``."""
    most: Share = 1.0
    """Largest size of all sized classes together, as a share of the pool."""
    tolerance: Annotated[float, Field(gt=0.0, le=0.1, allow_inf_nan=False)] = 1e-5
    """Width at which the search ends, as a share of the pool."""

    def of(self, rating: str) -> tuple[str, ...]:
        """Scenarios that a class of ``rating`` must survive; none where none is stated."""
        stated = self.stresses.get(rating, ())
        return (stated,) if isinstance(stated, str) else stated

    @property
    def scenarios(self) -> tuple[str, ...]:
        """All that are named, once each."""
        return tuple(dict.fromkeys(name for rating in self.stresses for name in self.of(rating)))
