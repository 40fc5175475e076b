"""How a model's loans behave: stated, estimated or fitted, tested on its history, watched."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from scfcap.api import sources
from scfcap.periods import PER_YEAR
from scfcap.schema.credit import SegmentCredit

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.backtest import Backtest
    from scfcap.cashflow.holiday import Holiday
    from scfcap.credit.fit import Fit
    from scfcap.schema.lives import LivesSpec
    from scfcap.schema.warning import Threshold


def credit(model: Model) -> tuple[dict[str, SegmentCredit], pd.DataFrame]:
    """Credit behaviour by segment, and where each figure comes from."""
    from scfcap.credit.estimate import with_rules

    curves, table = _behaviour(model)
    return curves, with_rules(table, model.loaded.spec.credit.where)


def _behaviour(model: Model) -> tuple[dict[str, SegmentCredit], pd.DataFrame]:
    """Credit behaviour by segment alone, and where each figure comes from."""
    from scfcap.credit.estimate import as_stated, estimate
    from scfcap.tape.read import read_history

    spec = model.loaded.spec.credit
    if spec.source == "stated":
        return as_stated(spec)
    if spec.source == "history":
        return model.fit().curves, model.fit().table
    history = None
    if spec.source == "estimated" and spec.history is not None:
        history = read_history(spec.history, folder=model.loaded.tape_folder, path=model.tape_path)
    return estimate(spec, model.tape(), history)


def fit(model: Model) -> Fit:
    """Curves from the performance history, with every table behind them."""
    from scfcap.credit.fit import fit

    spec = model.loaded.spec
    days = spec.history.default_days if spec.history is not None else None
    per_year = PER_YEAR[spec.plan.unit]
    return fit(model.history(), spec.credit, default_days=days, per_year=round(per_year))


def backtest(model: Model, until: str | date) -> Backtest:
    """Fit on the history up to a month, predict what follows: see :meth:`Model.backtest`."""
    from scfcap.cashflow.backtest import backtest, labelling

    history, spec = model.history(), model.loaded.spec
    kept = spec.history.keep if spec.history is not None else ()
    by = labelling(history, kept)
    days = spec.history.default_days if spec.history is not None else None
    return backtest(history, sources.month_given(until), by, spec.credit, default_days=days)


def payment_holiday(model: Model, first: str | date, last: str | date) -> Holiday:
    """Share of loans that paid nothing from ``first`` to ``last``, as days of outage."""
    from scfcap.cashflow.holiday import payment_holiday

    return payment_holiday(model.history(), sources.month_given(first), sources.month_given(last))


def warning_thresholds(model: Model) -> dict[str, Threshold]:
    """Thresholds set on synthetic platforms."""
    from scfcap.synthetic.alarms import calibrate

    spec = model.loaded.spec
    return calibrate(spec.warning, _kind_of_lives(model), spec.as_of)


def warning_value(model: Model) -> pd.DataFrame:
    """What the thresholds of ``[warning]`` are worth, on synthetic platforms."""
    from scfcap.synthetic.alarms import measure

    spec = model.loaded.spec
    return measure(spec.warning, _kind_of_lives(model), spec.as_of)


def _kind_of_lives(model: Model) -> LivesSpec:
    """What the synthetic platforms are like on which warnings are tested: as the model's."""
    from scfcap.schema.lives import LivesSpec

    spec = model.loaded.spec
    return spec.tape.lives or LivesSpec(loans=spec.warning.measure.loans, seed=0)
