"""What a deal says for those who hold its classes: prices, and what banks must know."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from scfcap.schema.base import Schema


class AnalyticsSpec(Schema):
    """``[analytics]`` of a deal: how its classes are priced, and at which speeds they are shown."""

    curve: str | None = None
    """Curve (``[curves.NAME]``) that spreads are taken over; absent: none are."""
    settlement: date | None = None
    """Day on which classes are bought; absent: ``as_of``, the day of the tape."""
    prices: dict[str, Annotated[float, Field(gt=0.0, le=1000.0, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )
    """Clean price by class [% of what is outstanding]; absent: its ``issue_price``, where that is
    stated or the class has principal."""
    yields_per_year: Literal[1, 2, 4, 12] = 2
    """Compoundings a year of yields and spreads: 2 is the bond-equivalent yield."""
    day_count: Literal["30/360", "30E/360", "30/360-us", "act/365", "act/360", "act/act-isda"] = (
        "30/360"
    )
    """How days make the years that yields, lives and durations count in."""
    shift: Annotated[float, Field(gt=0.0, le=0.05, allow_inf_nan=False)] = 0.001
    """Move of all rates, up and down, for effective duration [1/year]."""
    speeds: tuple[Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)], ...] = (
        0.0,
        0.5,
        1.0,
        1.5,
        2.0,
    )
    """Prepayment speeds of the decrement tables: multiples of the scenario's own."""
    speed_defaults: Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)] = 0.0
    """Multiple of the scenario's defaults in decrement tables; a prospectus assumes none."""


class CapitalSpec(Schema):
    """``[capital]`` of a deal: what a bank that holds its classes has to know of the pool."""

    rules: Literal["basel", "basel-stc", "basel-resecuritisation", "us", "china"] = "basel"
    """The Basel text plain, for simple, transparent and comparable deals, or for deals of deals;
    ``us``: 12 CFR 217.43; ``china`` is the Basel text, from 2024-01-01 on."""
    pool_weight: Annotated[float, Field(ge=0.0, le=12.5, allow_inf_nan=False)]
    """Mean risk weight of the loans, standardised approach, as a decimal: 0.75 for retail and small
    firms, 0.85 for small and medium corporates, 1.0 for unrated corporates."""
    delinquent: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
    """W: share of loans 90 days or more past due, in default or foreclosed."""
    unknown: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)] = 0.0
    """Share of loans of which that is not known; above 5% every class weighs 1,250%."""
    ratings: dict[str, str] = Field(default_factory=dict)
    """External rating by class, for SEC-ERBA; a class without is weighed by SEC-SA."""
    class_ratings: bool = False
    """Whether the ``rating`` that a class is sized for counts as its external rating, where
    ``ratings`` has none."""
    pari_passu: tuple[tuple[str, ...], ...] = ()
    """Groups of classes of one rank; absent: each class ranks behind the one before it."""
    reserves: tuple[str, ...] | None = None
    """Accounts whose cash counts as the pool does; absent: those with a target."""
    tenor: Annotated[float, Field(ge=0.0, le=40.0, allow_inf_nan=False)] = 0.0
    """Longest term of a loan that may still be bought [years]."""
    look_through: bool = True
    """Whether the holder knows the pool at all times, so that a senior class weighs at most the
    pool's mean weight."""
