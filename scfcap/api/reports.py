"""What a model's stations show and save, short of a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from scfcap.api import sources
from scfcap.report.files import manifest

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.distribution import Distribution
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.report.credit import CreditReport
    from scfcap.report.pool import PoolReport
    from scfcap.report.projection import ProjectionReport
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
    return cautions(model.pool(), curves, spec.plan.frequency, spec.currency)


def projection(
    model: Model,
    scenarios: Sequence[str],
    *,
    cashflow: PoolCashflow | None,
    distribution: Distribution | None,
) -> ProjectionReport:
    """Cash flows in ``scenarios``, to show and to save: see :meth:`Model.projection`."""
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
        assumed=_assumed(model) if cashflow is None else (),
    )
