"""The key figures and the light of a page: those of the workbook's Summary and Checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from scfcap import axes
from scfcap.report.page.numbers import COUNT, PERCENT, NumberFormat
from scfcap.report.page.source import Source
from scfcap.report.sheets.common import STACK_WORDS
from scfcap.report.tie import Tie
from scfcap.report.totals import funding_stack, loans_managed


@dataclass(frozen=True)
class Figure:
    """A key figure at ``as_of``, over the horizon and at its end; None where it has no meaning."""

    key: str
    label: str
    format: NumberFormat
    unit: str
    start: float | None = None
    over: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Light:
    """Whether all holds: how many checks there are, and those that fail, by name."""

    count: int
    failing: tuple[str, ...]

    @property
    def green(self) -> bool:
        """Whether no check fails."""
        return not self.failing


def light(source: Source, tied: Sequence[Tie]) -> Light:
    """Of the ties ``tied`` and the engine's own checks."""
    failing = [tie.name for tie in tied if not tie.ok]
    count = len(tied)
    engine = source.frame("plan_checks")
    if engine is not None:
        held = engine["ok"].astype(bool) & (engine["value"].abs() <= engine["tolerance"])
        failing += [str(name) for name in engine.loc[~held, "check"]]
        count += len(engine)
    return Light(count, tuple(failing))


def key_figures(source: Source) -> list[Figure]:
    """What the Summary shows, in its order; what is not known is left out."""
    return list(_figures(source))


def _figures(source: Source) -> Iterator[Figure]:
    money, unit = source.money, source.unit
    lending, income = source.frame("plan_lending"), source.frame("plan_income")
    if lending is not None:
        lent, asked = float(lending["originated"].sum()), float(lending["demand"].sum())
        yield Figure("originated", "Loans made", money, unit, over=lent)
        met = lent / asked if asked else 0.0
        yield Figure("met", "Demand that is met", PERCENT, "", over=met)
    if income is not None:
        yield Figure("income", "Net income", money, unit, over=float(income["amount"].sum()))
    balances = source.frame("plan_balances")
    if balances is not None:
        yield from _stocks(source, balances)
    limits = source.frame("plan_limits")
    if limits is not None:
        bound = limits.groupby(["family", "key", "sense"])["binding"].any().sum()
        yield Figure("binding", "Limits that bind", COUNT, "", over=float(bound))


def _stocks(source: Source, balances: pd.DataFrame) -> Iterator[Figure]:
    own = balances["channel"].astype(str).map(axes.channel_of) == axes.OWN
    cash = balances[own & (balances["item"] == "cash")].groupby("period")["amount"].sum()
    stock: list[tuple[str, str, pd.Series]] = [
        ("cash", "Free cash", cash),
        ("managed", "Loans managed", loans_managed(balances)),
    ]
    stack = funding_stack(balances).T
    for key, label in STACK_WORDS.items():
        if key in stack:
            stock.append((f"stack.{key}", label, stack[key]))
    for key, label, values in stock:
        if len(values):
            first, last = float(values.iloc[0]), float(values.iloc[-1])
            yield Figure(key, label, source.money, source.unit, start=first, end=last)
