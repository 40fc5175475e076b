"""Bond analytics of a deal's classes as tables of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from scfcap.deal.class_figures import UNITS, ClassFigures
from scfcap.report.tables import Table

_SPREADS: Final = ("excess_before_losses", "excess_spread")
_WEIGHT_UNITS: Final = {
    **dict.fromkeys(("attachment", "detachment"), "share"),
    **dict.fromkeys(("weight_uncapped", "risk_weight"), "share"),
    "maturity": "years",
}


def analytics_tables(figures: ClassFigures, currency: str) -> dict[str, Table]:
    """Tables of :class:`~scfcap.deal.class_figures.ClassFigures` by name, amounts in ``currency``.

    ``tranche_analytics``, ``decrement`` (figures), ``decrement_printed`` (as a prospectus has
    them), ``excess_spread`` and ``excess_spread_mean``; with ``[capital]`` also ``risk_weights``
    and ``originator_capital``.
    """
    name, excess = figures.run.deal.name, figures.excess
    terms = figures.terms
    settled = figures.holdings.settlement
    tables = decrement_frames(figures)
    mean = pd.DataFrame(
        {
            "scenario": list(excess.scenarios),
            "excess_before_losses": excess.mean(losses=False),
            "excess_spread": excess.mean(),
        }
    )
    amounts = ("income", "fees", "interest", "hedges", "losses", "opening")
    found = {
        "tranche_analytics": Table(
            "tranche_analytics",
            f"Classes of {name}, bought on {settled}",
            figures.frame(),
            {"outstanding": currency, **UNITS},
            f"Yields with {terms.yields_per_year} compoundings a year, time by {terms.day_count}.",
        ),
        "decrement": Table(
            "decrement",
            "Percent of original balance outstanding, by multiples of the scenario's prepayment",
            tables["decrement"],
            dict.fromkeys(figures.decrements[0].speeds if figures.decrements else (), "%"),
            "Rows without a date: average life in years.",
        ),
        "decrement_printed": Table(
            "decrement_printed",
            "Percent of original balance outstanding, by multiples of the scenario's prepayment",
            tables["decrement_printed"],
            note='"*": more than none and less than half a percent.',
        ),
        "excess_spread": Table(
            "excess_spread",
            "What the pool brings above what the deal costs, by payment date",
            excess.frame(),
            {**dict.fromkeys(amounts, currency), **dict.fromkeys(_SPREADS, "1/year")},
        ),
        "excess_spread_mean": Table(
            "excess_spread_mean",
            "Mean excess spread while notes stand",
            mean,
            dict.fromkeys(_SPREADS, "1/year"),
        ),
    }
    return {**found, **_weights(figures, currency)}


def decrement_frames(figures: ClassFigures) -> Mapping[str, pd.DataFrame]:
    """Decrement tables of all classes below each other: as figures and as printed."""
    frames = [each.frame() for each in figures.decrements]
    printed = [each.printed().assign(tranche=each.tranche) for each in figures.decrements]
    text = pd.concat(printed, ignore_index=True) if printed else pd.DataFrame({"tranche": []})
    columns = ["tranche", *(name for name in text if name != "tranche")]
    return {
        "decrement": pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(),
        "decrement_printed": text[columns],
    }


def _weights(figures: ClassFigures, currency: str) -> dict[str, Table]:
    weights = figures.weights
    if weights is None:
        return {}
    held = ("retained", "capital_uncapped", "capital")
    return {
        "risk_weights": Table(
            "risk_weights",
            f"What a bank that holds a class must weigh it with, on {weights.day}",
            weights.frame(),
            {"balance": currency, "capital": currency, **_WEIGHT_UNITS},
            f"K_A {weights.k_a:.4f}. A weight of 12.5 is 1,250%.",
        ),
        "originator_capital": Table(
            "originator_capital",
            f"Capital for what the originator retains, on {weights.day}",
            weights.originator(),
            dict.fromkeys(held, currency),
        ),
    }
