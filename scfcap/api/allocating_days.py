"""A model's funding dates one after another, with loans that pay and new ones that are asked for.

What becomes of a loan is drawn by the model's own curves in the plan's scenario. What comes back is
lent again, segments sharing as the model's demand has them and never more than it: new loans are
like loans of the tape, drawn from them segment by segment, with the terms that the demand states.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.funding.allocation.program import UNPLACED, Choice
from scfcap.quantities import FloatArray, IntArray

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.allocation.daily import Morning, Way
    from scfcap.funding.allocation.funders import Setting
    from scfcap.funding.allocation.result import Allocation
    from scfcap.report.allocation_days import DaysReport
    from scfcap.schema.plan import Demand

#: Days in the units of time in which demand may be stated; a month has as many as it has.
_UNIT = {"week": 7.0, "day": 1.0}


@dataclass(frozen=True)
class ModelDays:
    """A course (see ``funding.allocation.daily.Course``) of a model's loans.

    ``frame``: every loan of the run, as the tape has it on its first day. ``balance`` (dates, all
    loans) [currency], 0 where it does not stand. A loan that defaults leaves: what it may lose is
    in the worth of every loan while it stands.
    """

    model: Model
    dates: tuple[date, ...]
    frame: pd.DataFrame
    balance: FloatArray
    keys: tuple[str, ...]
    held: Choice
    _days: dict[int, _Day] = field(default_factory=dict, repr=False)

    @cached_property
    def _row(self) -> dict[str, int]:
        return {str(name): n for n, name in enumerate(self.frame["loan_id"])}

    def morning(self, day: int, held: Choice) -> Morning:
        """The date number ``day``."""
        from scfcap.funding.allocation.assemble import draft
        from scfcap.funding.allocation.cuts import place
        from scfcap.funding.allocation.daily import Morning
        from scfcap.funding.allocation.stated import move_costs, stated_values

        now = self._day(day)
        given = now.setting(self, held)
        values, parts = stated_values(given, now.lives)
        made = draft(given, values, parts)
        program = made.assembled().program
        moving = move_costs(given)
        last = day + 1 == len(self.dates)
        span = 1 if last else (self.dates[day + 1] - self.dates[day]).days
        life = now.lives.life
        part = np.divide(span / 365.0, life, out=np.zeros_like(life), where=life > 0.0)
        part = np.minimum(part, 1.0)

        def placed(way: Way, start: Mapping[str, float] | None) -> Allocation:
            return place(made, start, way)[1]

        return Morning(program, now.loan, (values + moving) * part[:, None], moving, placed)

    def _day(self, day: int) -> _Day:
        if day not in self._days:
            self._days.clear()
            self._days[day] = self._made(day)
        return self._days[day]

    def _made(self, day: int) -> _Day:
        from scfcap.api.allocating import columns
        from scfcap.funding.allocation.lives import lives

        on = self.dates[day]
        there = np.flatnonzero(self.balance[day] > 0.0)
        frame = self.frame.iloc[there].reset_index(drop=True)
        frame = _standing(frame, self.balance[day, there])
        model = _model_on(self.model, on, frame)
        pool = model.pool()
        found = lives(pool, model.projection_curves(), model.spec.plan.scenario)
        loan = np.array([self._row[str(name)] for name in pool.loan_id], dtype=np.int64)
        return _Day(model, columns(model), loan, found)


@dataclass(frozen=True)
class _Day:
    """A date's loans, wherever they lie: ``loan`` (loans,) their rows in the run's frame."""

    model: Model
    columns: Any
    loan: IntArray
    lives: Any

    def setting(self, course: ModelDays, held: Choice) -> Setting:
        """The date with loans where ``held`` (all loans,) says."""
        from scfcap.funding.allocation.funders import setting

        at = held[self.loan]
        names = np.array([*course.keys, ""], dtype=object)[at]
        placed = at >= 0
        lists = {
            "loan_id": self.model.pool().loan_id[placed].tolist(),
            "channel": names[placed].tolist(),
        }
        return setting(self.model.spec, self.model.pool(), self.columns, None, lists)


def model_days(model: Model, count: int, seed: int = 0) -> ModelDays:
    """``count`` business days (Monday to Friday) from the model's ``as_of`` on.

    The same for the same seed. Loans without a channel on the tape are new on the first day.

    Raises:
        InputError: values are the plan's, which is made for one date; or what else the allocation
            of a date refuses.
    """
    _refuse_plan(model)
    first = np.datetime64(model.spec.as_of, "D")
    on = np.busday_offset(first, np.arange(count), roll="forward")
    dates = tuple(d.astype(object) for d in on)
    random = np.random.Generator(np.random.Philox(seed))
    batches = [_batch(model, model.spec.as_of, model.tape().frame, dates, random)]
    sources = _templates(model, batches[0].frame)
    number, size = 0, float(batches[0].balance[0].sum())
    for n, (before, today) in enumerate(pairwise(dates), start=1):
        room = size - sum(float(b.balance[n].sum()) for b in batches)
        fresh = _asked_for(model, sources, (before, today), random, room)
        fresh["loan_id"] = [f"new-{number + k + 1:07d}" for k in range(len(fresh))]
        number += len(fresh)
        if len(fresh):
            batches.append(_batch(model, today, fresh, dates, random))
    frame = pd.concat([b.frame for b in batches], ignore_index=True)
    course = ModelDays(
        model=model,
        dates=dates,
        frame=frame,
        balance=np.hstack([b.balance for b in batches]),
        keys=(),
        held=np.full(len(frame), UNPLACED, dtype=np.int16),
    )
    return _opened(course)


def _opened(course: ModelDays) -> ModelDays:
    """The course with the channels that the tape has its loans in."""
    from scfcap.api.allocating import columns
    from scfcap.funding.allocation.funders import setting

    model = course.model
    given = setting(model.spec, model.pool(), columns(model))
    held = course.held.copy()
    row = {str(name): n for n, name in enumerate(course.frame["loan_id"])}
    held[[row[str(name)] for name in model.pool().loan_id]] = given.today
    return replace(course, keys=given.keys, held=held)


def _refuse_plan(model: Model) -> None:
    from scfcap.api.allocating import by_plan

    if by_plan(model):
        raise InputError(
            Problem(
                "model.toml: allocation.values",
                '"plan"',
                '"stated", for a run over several dates: a plan is made for one',
                'State the channels\' costs in [allocation.channels], and values = "stated".',
            )
        )


@dataclass(frozen=True)
class _Batch:
    frame: pd.DataFrame
    balance: FloatArray


def _batch(
    model: Model,
    on: date,
    frame: pd.DataFrame,
    dates: tuple[date, ...],
    random: np.random.Generator,
) -> _Batch:
    """Loans as they are on a day, and what becomes of them on the dates."""
    from scfcap.api.projecting import curves_over
    from scfcap.cashflow.kernel import run_kernel
    from scfcap.cashflow.project import opening_loans
    from scfcap.funding.allocation.daily_loans import fates
    from scfcap.periods import PeriodGrid

    then = _model_on(model, on, frame)
    pool, scenario = then.pool(), then.spec.plan.scenario
    days = max((dates[-1] - on).days, 1)
    curves = curves_over(then, PeriodGrid.build(on, days, "day"))
    k = curves.scenarios.index(scenario)
    one = curves.under(curves.stress.chosen(np.array([k])))
    flows = run_kernel(opening_loans(pool, one, np.arange(len(pool))), one, len(pool))
    drawn = fates(flows, random)
    at = np.array([(each - on).days for each in dates])
    seen = at >= 0
    balance = np.zeros((len(dates), len(pool)))
    balance[seen] = drawn[:, at[seen]].T.round(2)
    rows = frame.set_index(frame["loan_id"].astype(str)).loc[[str(x) for x in pool.loan_id]]
    return _Batch(_plain(rows.reset_index(drop=True)), balance)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with categories as texts, so that frames can be joined."""
    named = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(named, object))


def _model_on(model: Model, on: date, frame: pd.DataFrame) -> Model:
    """The model on a day with these loans, its money as on its own ``as_of``."""
    spec = model.spec.model_copy(update={"as_of": on, "stated_for_book": None})
    categories = {
        name: "category"
        for name in frame
        if name in model.tape().frame
        and isinstance(model.tape().frame[name].dtype, pd.CategoricalDtype)
    }
    tape = replace(model.tape(), frame=frame.astype(categories), as_of=on)
    other = type(model)(replace(model.loaded, spec=spec), model.tape_path)
    return other.given(tape=tape, credit=model.credit())


def _standing(frame: pd.DataFrame, balance: FloatArray) -> pd.DataFrame:
    """A day's tape: what each loan owes, and what it has paid."""
    made: dict[str, Any] = {"current_balance": balance}
    if "paid_principal" in frame:
        paid = frame["current_balance"].to_numpy() - balance
        made["paid_principal"] = frame["paid_principal"].to_numpy() + paid
    return frame.assign(**made)


def _templates(model: Model, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Sound loans of the tape by segment, of which new ones are made."""
    sound = np.ones(len(frame), dtype=np.bool_)
    if "days_past_due" in frame:
        sound &= frame["days_past_due"].to_numpy() <= 0
    if "status" in frame:
        sound &= (frame["status"] == "current").to_numpy()
    found = frame[sound]
    segments = found["segment"].astype(str)
    return {name: found[segments == name] for name in model.spec.demand}


def _asked_for(
    model: Model,
    sources: Mapping[str, pd.DataFrame],
    days: tuple[date, date],
    random: np.random.Generator,
    room: float,
) -> pd.DataFrame:
    """Loans made from the day after the first of ``days`` to the second, all on the second.

    Demand of these days, as far as there is ``room`` for it [currency].
    """
    spec = model.spec
    passed = [days[0] + timedelta(k + 1) for k in range((days[1] - days[0]).days)]
    asked = {
        name: sum(_daily(demand, spec.as_of, on, spec.plan.unit) for on in passed)
        for name, demand in spec.demand.items()
        if len(sources[name])
    }
    total = sum(asked.values())
    part = min(max(room, 0.0) / total, 1.0) if total > 0.0 else 0.0
    made = [model.tape().frame.iloc[:0]]
    for name, amount in asked.items():
        source = sources[name]
        mean = float(source["original_balance"].mean())
        count = int(np.floor(part * amount / mean + random.random()))
        if count:
            rows = source.iloc[random.integers(0, len(source), count)]
            made.append(_made(rows, spec.demand[name], days[1], random))
    return _plain(pd.concat([_plain(f) for f in made if len(f)] or made, ignore_index=True))


def _daily(demand: Demand, start: date, on: date, unit: str) -> float:
    """Demand on one day [currency]."""
    days = _UNIT.get(unit) or calendar.monthrange(on.year, on.month)[1]
    grown = (1.0 + demand.growth) ** ((on - start).days / 365.0)
    return float(demand.per_period * demand.seasonality.get(on.month, 1.0) * grown / days)


def _made(
    rows: pd.DataFrame, demand: Demand, on: date, random: np.random.Generator
) -> pd.DataFrame:
    """New loans like ``rows``, with the terms that the demand states."""
    start = pd.Timestamp(on).as_unit("s")
    stated = demand.new_loans
    term = (rows["maturity_date"] - rows["origination_date"]).dt.days.to_numpy()
    fresh: dict[str, Any] = {}
    if not isinstance(stated, str):
        term = random.integers(stated.shortest, stated.longest + 1, len(rows))
        fresh |= {"loan_type": stated.loan_type, "rate": stated.rate}
    fresh |= {
        "origination_date": np.full(len(rows), start.to_datetime64()),
        "maturity_date": start.to_datetime64() + term.astype("timedelta64[D]"),
        "current_balance": rows["original_balance"].to_numpy(),
    }
    empty = {"channel": None, "next_payment_date": pd.NaT, "paid_principal": 0.0}
    fresh |= {name: value for name, value in empty.items() if name in rows}
    return rows.reset_index(drop=True).assign(**fresh)


def allocation_days(model: Model, count: int, seed: int = 0) -> DaysReport:
    """The loans placed on ``count`` business days, with a proven gap and by two rules.

    Raises:
        InputError: values are the plan's; or what else the allocation of a date refuses.
        InfeasibleError: a limit is broken wherever the loans of a date go.
    """
    from scfcap.funding.allocation.daily import run_days
    from scfcap.report.allocation_days import DaysReport
    from scfcap.report.files import manifest

    run = run_days(model_days(model, count, seed))
    told = {**model.provenance(model.tape()), "seed": seed, "dates": count}
    by = run.by_way.set_index("way")["seconds"]
    seconds = {str(way): float(by[way]) for way in by.index}
    return DaysReport(model.name, model.spec.currency, run, seed, manifest(told, seconds))
