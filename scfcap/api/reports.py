"""What a model's stations show and save, short of a whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scfcap.api import sources
from scfcap.report.files import manifest

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.api.seeking import Goal
    from scfcap.api.sizing import DealStudy
    from scfcap.cashflow.distribution import Distribution
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.deal.losses import ClassLosses
    from scfcap.report.credit import CreditReport
    from scfcap.report.pool import PoolReport
    from scfcap.report.projection import ProjectionReport
    from scfcap.report.sizing import SizingReport
    from scfcap.report.watch import WatchReport


def pool_report(model: Model) -> PoolReport:
    """The pool's tables, borrowing bases and snapshot."""
    from scfcap.report.pool import PoolReport

    origin = manifest(model.provenance(model.tape()), {})
    return PoolReport(model.loaded, model.tape(), model.pool(), origin)


def watch(model: Model) -> WatchReport:
    """Early warnings: the lights as they stand, and each indicator by month."""
    from scfcap.pool.lights import now
    from scfcap.pool.watch import observed
    from scfcap.report.watch import WatchReport

    spec = model.loaded.spec
    told = spec.history is not None or model.lives() is not None
    series, missing = observed(model.history() if told else None, model.tape(), spec)
    origin = manifest(model.provenance(model.tape()), {})
    lights = now(series, spec.warning, missing)
    return WatchReport(model.loaded, lights, series, origin)


def credit_report(model: Model, until: str | date | None = None) -> CreditReport:
    """Curves to show, to save and to write into the model; ``until`` adds a back-test."""
    from scfcap.credit.doubts import doubts
    from scfcap.report.credit import CreditReport

    curves, table = model.credit()
    source = model.loaded.spec.credit.source
    tested = None if until is None else model.backtest(until)
    said = {
        "stated": "the model",
        "estimated": "outcomes and closed loans",
        "history": "the history " + (model.history().source if source == "history" else ""),
    }
    return CreditReport(
        model=model.loaded,
        curves=curves,
        table=table,
        source=said[source].strip(),
        origin=manifest(model.provenance(None if source == "stated" else model.tape()), {}),
        found=model.fit().tables if source == "history" else {},
        backtest={} if tested is None else tested.tables(),
        verdict="" if tested is None else tested.verdict,
        doubts=doubts(model.history(), model.loaded.spec.history) if source == "history" else (),
    )


def order_tables(model: Model, scenarios: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
    """Orders, buyers and lock-box (of ``scenarios``, else all); none without ``[orders]``."""
    book, paid = model.orders(), model.lock_box()
    if book is None or paid is None:
        return {}
    return {
        "orders": book.table,
        "buyers": book.buyers.to_frame(),
        "lock_box": paid.to_frame(scenarios),
    }


def _assumed(model: Model) -> list[str]:
    from scfcap.report.assumed import cautions

    spec = model.spec
    curves = model.projection_curves()
    return cautions(model.pool(), curves, spec.plan.unit, spec.currency)


def projection(
    model: Model,
    scenarios: Sequence[str],
    *,
    cashflow: PoolCashflow | None,
    distribution: Distribution | None,
) -> ProjectionReport:
    """Cash flows in ``scenarios``, to show and to save: see :meth:`Model.projection`."""
    from scfcap.api.chunked import streamed
    from scfcap.api.stored import stored_inputs
    from scfcap.report.projection import ProjectionReport

    whole = cashflow or model.cashflow()
    return ProjectionReport(
        model=model.loaded,
        cashflow=whole.chosen(scenarios) if scenarios else whole,
        credit=model.credit()[1],
        origin=manifest(sources.origin(model, whole=cashflow is None), {}),
        distribution=distribution,
        base=None if distribution is None else whole.chosen(("base",)),
        extra=stored_inputs(model) if cashflow is None else {},
        orders=model.order_tables(scenarios) if cashflow is None else {},
        assumed=_assumed(model) if cashflow is None or streamed(model) is None else (),
    )


def sizing_report(
    study: DealStudy,
    *,
    sized: bool = True,
    losses: ClassLosses | None = None,
    sensitivity: pd.DataFrame | None = None,
) -> SizingReport:
    """Sizes of a deal (where ``sized``) and what its classes bear, to show and to save."""
    from scfcap.report.sizing import SizingReport

    model = study.model
    closes = model.spec.deals[study.deal].opening is None
    return SizingReport(
        model=model.loaded,
        deal=study.deal,
        scenario=study.scenario,
        structure="stated" if study.balances is None else "sized",
        origin=manifest(model.provenance(model.tape()), {}),
        expected=study.expected,
        break_even=study.break_even,
        retention=study.retention(),
        sizing=study.sizing if sized else None,
        cost=study.cost_of_funds() if closes else None,
        losses=losses,
        sensitivity=sensitivity,
    )


def saved_goal(model: Model, goal: Goal, document: Mapping[str, Any], out: Path) -> Path:
    """Write the values tried for a goal as a run folder; gives the folder."""
    from scfcap.report.files import csv_bytes
    from scfcap.report.store import save_run
    from scfcap.report.tables import Table

    frame = goal.sought.to_frame()
    table = Table("seek", f"{goal.field} until {goal.figure} = {goal.target}", frame)
    origin = manifest(model.provenance(model.tape()), {})
    return save_run(
        out, {"seek": table}, origin, document, extra={"seek.csv": csv_bytes(frame)}
    ).folder
