"""Which loan goes to whom at a model's funding date: loans, funders, values, limits, answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scfcap.api.ledgers import held_and_promised
from scfcap.api.plan_lists import date_by_plan, place_by_plan, plan_split
from scfcap.api.sparing import give_back
from scfcap.errors import InputError, Problem
from scfcap.ledger.store import is_ledger
from scfcap.report.files import manifest

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.allocation.assemble import Draft
    from scfcap.pool.columns import Columns
    from scfcap.report.allocation import AllocationReport

#: Tables of an allocation's run folder that later runs read.
LISTS, LIMITS = "allocation", "limits"


def allocation(
    model: Model, before: str | Path | None = None, start: str | Path | None = None
) -> AllocationReport:
    """The loans placed: see :meth:`~scfcap.api.model.Model.allocation`."""
    from scfcap.funding.allocation.cuts import place
    from scfcap.report.allocation import AllocationReport
    from scfcap.report.allocation_proof import TapeSource

    prices = None if start is None else earlier_prices(start)
    if by_plan(model):
        lists = None if before is None else earlier_lists(before)
        date = date_by_plan(model, columns(model), lists)
        give_back(len(model.pool()))
        assembled, answer = place_by_plan(date, prices)
        del date
        give_back(len(model.pool()))
    else:
        assembled, answer = place(draft(model, before), prices)
    seconds: dict[str, float] = {}
    for step in answer.steps:
        seconds[step.name] = seconds.get(step.name, 0.0) + step.seconds
    return AllocationReport(
        model=model.loaded,
        assembled=assembled,
        answer=answer,
        origin=manifest(model.provenance(model.tape()), seconds),
        before=None if before is None else Path(before).name,
        tape=TapeSource(
            model.tape(), model.loaded.spec.tape, model.loaded.tape_folder, model.tape_path
        ),
        split=plan_split(model, assembled, answer) if by_plan(model) else None,
    )


def draft(model: Model, before: str | Path | None = None) -> Draft:
    """The funding date of a model, before it is solved; ``before``: yesterday's allocation.

    Raises:
        InputError: ``before`` cannot be read, or a test or limit does not fit the tape.
        InfeasibleError: a limit is broken wherever the loans go; no plan keeps all limits.
    """
    from scfcap.funding.allocation.assemble import draft
    from scfcap.funding.allocation.funders import setting
    from scfcap.funding.allocation.lives import lives
    from scfcap.funding.allocation.stated import stated_values

    spec, pool = model.spec, model.pool()
    lists = None if before is None else earlier_lists(before)
    if by_plan(model):
        return date_by_plan(model, columns(model), lists).draft()
    given = setting(spec, pool, columns(model), None, lists)
    found = lives(pool, model.projection_curves(), spec.plan.scenario)
    return draft(given, *stated_values(given, found))


def by_plan(model: Model) -> bool:
    """Whether amounts and values are the plan's."""
    return model.spec.allocation.values == "plan"


def columns(model: Model) -> Columns:
    """The columns of the outstanding loans, in the order of the pool."""
    from scfcap.pool.build import Around, columns_of

    loaded = model.loaded
    around = Around.of(loaded.spec, loaded.tape_folder)
    return columns_of(model.tape(), loaded.spec.pool, around)


def earlier_lists(source: str | Path) -> Mapping[str, Sequence[str]]:
    """``loan_id`` and ``channel`` of an earlier allocation: a run's folder, or a file of them; or a
    ledger, which also has what is ``promised``.

    Raises:
        InputError: it cannot be read, or lacks a column.
    """
    from scfcap.report.store import is_run, read_run
    from scfcap.tape.files import read_any

    path = Path(source)
    if is_ledger(path):
        return held_and_promised(path)
    wanted = ("loan_id", "channel")
    if is_run(path):
        tables = read_run(path).tables
        if LISTS not in tables:
            raise _no_table(path, LISTS)
        frame = tables[LISTS].frame
        lacking = [name for name in wanted if name not in frame]
        found = {name: frame[name].astype(object).tolist() for name in wanted if name in frame}
    else:
        table, _ = read_any(path)
        lacking = [name for name in wanted if name not in table.column_names]
        found = {name: table[name].to_pylist() for name in wanted if name not in lacking}
    if lacking:
        raise InputError(
            Problem(
                f"--before {path.name}",
                f"no column {' nor '.join(lacking)}",
                "the columns loan_id and channel",
                "Give the folder that scfcap allocate wrote, or a list with these columns.",
            )
        )
    return found


def earlier_prices(source: str | Path) -> Mapping[str, float]:
    """Prices of rows by name that an earlier allocation found.

    Raises:
        InputError: it is no run folder of an allocation.
    """
    from scfcap.report.store import read_run

    tables = read_run(Path(source)).tables
    if LIMITS not in tables:
        raise _no_table(Path(source), LIMITS)
    frame = tables[LIMITS].frame
    return dict(zip(frame["row"].astype(str), frame["price"].astype(float), strict=True))


def _no_table(path: Path, name: str) -> InputError:
    return InputError(
        Problem(
            str(path),
            f"a run without a table {name}",
            "the folder that scfcap allocate wrote",
            "Give another folder.",
        )
    )
