"""Which factors Monte Carlo paths were drawn with: what the model states, and what is assumed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from scfcap.cashflow.distribution import MEASURES, Distribution
from scfcap.cashflow.project import PoolCashflow
from scfcap.schema.base import Schema
from scfcap.schema.factors import FactorSpec


class _Told(NamedTuple):
    """A factor that tells on a pool's cash: its field of ``[factors]``, and how it is said."""

    field: str
    words: str
    form: str


_BORROWERS = (
    _Told("correlation", "borrowers' correlation", "{:g}"),
    _Told("persistence", "its persistence by period of the plan", "{:g}"),
    _Told("prepay_loading", "prepayment's loading", "{:g}"),
)
_CORES = (
    _Told("core.probability", "core enterprises that fail a year", "{:.3g}"),
    _Told("core.correlation", "their correlation", "{:g}"),
    _Told("core.contagion", "contagion between them", "{:g}"),
    _Told("core.infection", "suppliers' loans that default with one", "{:g}"),
    _Told("core.supplier_default_multiple", "multiple on other suppliers' defaults", "{:g}"),
    _Told("core.unpaid", "its orders left unpaid", "{:g}"),
    _Told("core.recovery", "recovered of them", "{:g}"),
)
_OUTAGES = (
    _Told("outage.per_year", "outages a year", "{:g}"),
    _Told("outage.longest", "longest of them, days", "{:g}"),
)


def factors(spec: FactorSpec, cores: int) -> pd.DataFrame:
    """One row a factor that acts on a pool's cash: ``factor`` (its field), ``meaning``, ``value``,
    ``source``: "stated" in the model, or "assumed", a default of ours.

    Those of core enterprises only where there are ``cores`` that may fail.
    """
    told = (*_BORROWERS, *(_CORES if cores else ()), *_OUTAGES)
    rows = [
        (each.field, each.words, float(_value(spec, each.field)), _source(spec, each.field))
        for each in told
    ]
    rows += [
        (f"correlations.{name}", f"borrowers' correlation, {name}", float(value), "stated")
        for name, value in spec.correlations.items()
    ]
    return pd.DataFrame(rows, columns=["factor", "meaning", "value", "source"])


def said(frame: pd.DataFrame, drawn: Distribution) -> list[str]:
    """The factors in sentences, those assumed apart, and what they made of core enterprises."""
    forms = {each.field: each.form for each in (*_BORROWERS, *_CORES, *_OUTAGES)}
    lines = []
    for source, words in (
        ("assumed", "Assumed, as [factors] does not state it"),
        ("stated", "Stated in [factors]"),
    ):
        rows = frame[frame["source"] == source].to_dict("records")
        parts = [
            f"{row['meaning']} {forms.get(row['factor'], '{:g}').format(row['value'])}"
            for row in rows
        ]
        if parts:
            lines.append(f"{words}: {', '.join(parts)}.")
    if drawn.cores:
        over = f"{len(drawn.grid)} {drawn.grid.frequency}s"
        lines.append(
            f"Of {len(drawn.cores)} core enterprises {drawn.failures.mean():.3g} fail in a path on "
            f"average, over {over}. Base has no such failure unless its scenario names one: "
            "factors.core.probability = 0 leaves them out of the paths."
        )
    return lines


def beside(totals: pd.DataFrame, base: PoolCashflow) -> pd.DataFrame:
    """``totals`` of a distribution with what ``base``, one scenario, says of each: ``base``."""
    flows = base.flows
    found = {}
    for measure, (parts, _) in MEASURES.items():
        amounts = np.asarray(sum(getattr(flows, name)[0].sum(axis=1) for name in parts))
        found[measure, "all"] = float(amounts.sum())
        found |= {(measure, s): float(x) for s, x in zip(base.segments, amounts, strict=True)}
    result = totals.copy()
    keys = zip(totals["measure"], totals["segment"], strict=True)
    result.insert(2, "base", [found[key] for key in keys])
    return result


def _value(spec: Schema, field: str) -> float:
    for name in field.split("."):
        spec = getattr(spec, name)
    return float(spec)  # type: ignore[arg-type]


def _source(spec: Schema, field: str) -> str:
    """Whether the model states a field: every table on the way to it must be stated."""
    for name in field.split("."):
        if name not in spec.model_fields_set:
            return "assumed"
        spec = getattr(spec, name)
    return "stated"
