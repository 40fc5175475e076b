"""Day counts beside the conventions' own examples and QuantLib."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import QuantLib

from scfcap.daycount import Regular, days_30_360, year_fraction

from .book import Figure, Witness, golden, known, near, within

PEERS = {
    "30/360": QuantLib.Thirty360(QuantLib.Thirty360.BondBasis),
    "30E/360": QuantLib.Thirty360(QuantLib.Thirty360.EurobondBasis),
    "act/365": QuantLib.Actual365Fixed(),
    "act/360": QuantLib.Actual360(),
    "act/act-isda": QuantLib.ActualActual(QuantLib.ActualActual.ISDA),
    "act/act-afb": QuantLib.ActualActual(QuantLib.ActualActual.AFB),
}
PAIRS = 400


def quantlib_day(day: date) -> Any:
    """A day as QuantLib's."""
    return QuantLib.Date(day.day, day.month, day.year)


def thirty_360() -> Iterator[Witness]:
    """Days between two dates by the three rules of 30/360."""
    table = golden("yields/day_count_30_360_shared")
    rules = {
        "bond_basis": ("30/360", "ISDA 2006 Definitions, 4.16(f)"),
        "eurobond": ("30E/360", "ISDA 2006 Definitions, 4.16(g)"),
        "bma": ("30/360-us", "BMA, Uniform Practices, ch. SF, E.1"),
    }
    for key, (name, source) in rules.items():
        found = []
        for stretch, expected in table["expected"][key].items():
            start, end = (date.fromisoformat(text) for text in stretch.split(" to "))
            days = days_30_360(start, end, name)
            found.append(near(stretch, expected, days, within(table)))
        yield Witness(
            f"Days between two dates, {name}", "daycount.days_30_360", source, known(table),
            tuple(found), "days", table="yields/day_count_30_360_shared",
        )  # fmt: skip


def actual() -> Iterator[Witness]:
    """Interest and shares of a year by actual days, the memo's examples."""
    table = golden("yields/day_count_actual_shared")
    par = table["inputs"]["notional"] * table["inputs"]["rate"]
    found: dict[str, list[Figure]] = {}
    for period in table["inputs"]["periods"]:
        start, end = date.fromisoformat(period["start"]), date.fromisoformat(period["end"])
        regular = Regular(end, 12 // period["frequency"], end.day)
        for key, expected in table["expected"][period["id"]].items():
            name = {"actual_365_fixed": "act/365", "actual_360": "act/360"}.get(
                key, "act/act-" + key.rsplit("_", 1)[1]
            )
            scale = par if key.startswith("interest") else 1.0
            got = scale * year_fraction(start, end, name, regular)
            found.setdefault(name, []).append(
                near(period["id"].replace("_", " "), expected, got, within(table, key))
            )
    for name, figures in found.items():
        money = name.startswith("act/act")
        yield Witness(
            f"{'Interest of 10,000 at 10%' if money else 'Share of a year'}, {name}",
            "daycount.year_fraction", "ISDA, EMU and Market Conventions (1998)", known(table),
            tuple(figures), "currency" if money else "years",
            table="yields/day_count_actual_shared",
        )  # fmt: skip


def odd_quarter() -> Witness:
    """The memo's fourth example: 30 November 1999 to 30 April 2000, quarters at month ends."""
    regular = Regular(date(2000, 5, 31), 3, 31)
    got = year_fraction(date(1999, 11, 30), date(2000, 4, 30), "act/act-icma", regular)
    figure = near("1999-11-30 to 2000-04-30", 0.415761, got, 5e-7)
    return Witness(
        "An odd quarter at a month's end, act/act-icma", "daycount.year_fraction",
        "ISDA, EMU and Market Conventions (1998), example 4", "printed", (figure,), "years",
    )  # fmt: skip


def quantlib() -> Iterator[Witness]:
    """Shares of a year between random days, as QuantLib counts them."""
    random = np.random.default_rng(2013)
    first = date(1993, 1, 1)
    drawn = np.sort(random.integers(0, 18_600, (PAIRS, 2)), axis=1)
    for name, peer in PEERS.items():
        found = []
        for a, b in drawn.tolist():
            start, end = first + timedelta(a), first + timedelta(b)
            if name == "act/act-afb" and (end.month, end.day) == (2, 28):
                continue  # the peer moves to a 29th once it passes a leap year
            theirs = peer.yearFraction(quantlib_day(start), quantlib_day(end))
            ours = year_fraction(start, end, name)
            found.append(near(f"{start} to {end}", theirs, ours, 1e-13 + 1e-13 * theirs))
        yield Witness(
            f"Share of a year between random days, {name}", "daycount.year_fraction",
            f"QuantLib, {type(peer).__name__}", "peer", tuple(found), "years",
        )  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from thirty_360()
    yield from actual()
    yield odd_quarter()
    yield from quantlib()
