"""A deal in one scenario with all that decides its figures, as tables of a run and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from scfcap.deal.bought import FLOWS, Lent
from scfcap.deal.outcome import DealRun
from scfcap.deal.structure import Deal, Step
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.report.tables import Table
from scfcap.schema.deal import DealSpec

#: What an input stands for.
What = Literal[
    "coupon", "margin", "balance", "share", "owed", "fee rate", "fee amount", "fee cap",
    "fee floor", "target", "target times", "earns",
]  # fmt: skip
_POOL = FLOWS.index("pool")
#: Titles of the tables of live waterfalls, by name.
TITLES = {
    "waterfall_terms": "Live waterfalls: each deal's terms, and what it cannot decide",
    "waterfall_loans": "Live waterfalls: the loans at the start, and one unit bought later",
    "waterfall_inputs": "Live waterfalls: inputs that may be changed, by the model's key",
    "waterfall_steps": "Live waterfalls: each step, due, available, paid, short",
    "waterfall_figures": "Live waterfalls: every other figure of the engine by period",
}
_STEP_MONEY = ("due", "available", "paid", "short")


@dataclass(frozen=True)
class Stated:
    """A figure that the model states under ``key`` and that a waterfall depends on.

    The deal takes ``value`` times ``times`` as its ``what`` of the part ``name``; with an empty
    ``key`` it is a what-if only. The model states ``value`` times ``scale``: amounts of a model
    that is stated for another book are multiplied by the pool it runs on.
    """

    key: str
    what: What
    name: str
    value: float
    unit: str
    times: float = 1.0
    scale: float = 1.0


@dataclass(frozen=True)
class Figures:
    """What the engine found: ``by`` (figure, name) over periods [T], steps by row [3, S, T]."""

    by: Mapping[tuple[str, str], FloatArray]
    steps: FloatArray


@dataclass(frozen=True)
class Given:
    """A deal ready to be compiled; flows over T periods, in currency.

    ``held`` [6, T] of the loans at the start, ``new`` [6, T, V] of one unit bought at the close of
    period v, in the order of :data:`~scfcap.deal.bought.FLOWS`. ``levels`` [T + 1] by index;
    ``fails`` the period in which the originator fails, 0: never; ``servicer`` [T] the factor on
    fees to it. ``shown`` are the names of parts that readers know under another. ``reasons`` say
    what is not compiled.
    """

    kind: Literal["series", "deal"]
    scenario: str
    deal: Deal
    start: float
    held: FloatArray
    new: FloatArray
    levels: Mapping[str, FloatArray]
    fails: int
    servicer: FloatArray
    inputs: tuple[Stated, ...]
    figures: Figures
    shown: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The deal's."""
        return self.deal.name

    def tell(self, name: str) -> str:
        """A part's name as readers know it."""
        return self.shown.get(name, name)

    def label(self, step: Step) -> str:
        """A step's name as readers know it."""
        kind, _, to = step.label.partition(" ")
        return f"{kind} {self.shown[to]}" if to in self.shown else step.label

    @property
    def lent(self) -> Lent:
        """The same loans as the engine has them."""
        start = np.array([self.start])
        new = self.new[:, :, None, :]
        return Lent((self.scenario,), start, self.held[:, :, None], new, new[_POOL].any(axis=0))

    @cached_property
    def last(self) -> int:
        """Last period with something to show: the legal end, or the last in which it lives."""
        count = len(self.deal.years)
        end = self.deal.spec.legal_end
        late = [t for t, day in enumerate(self.deal.calendar.dates, 1) if end and day >= end]
        size = max(self.start, 1.0)
        moves = np.abs(self.figures.steps[2]).sum(axis=0) > 1e-9 * size
        alive = int(np.flatnonzero(moves)[-1]) + 1 if moves.any() else 1
        return min(max(late[0] if late else 1, alive), count)


def figures_of(run: DealRun) -> Figures:
    """The figures of a traced run of one scenario."""
    assert run.trace is not None
    spec, by = run.deal.spec, {}
    for what in (
        "interest", "principal_collected", "recovery", "default", "purchases", "bought", "pool",
        "cash_yield", "proceeds", "delinquent",
    ):  # fmt: skip
        by[what, ""] = run.of(what)[0]
    for name in run.deal.tranches:
        for what in ("balance", "owed", "interest_paid", "principal", "residual", "written_off"):
            by[what, name] = run.of(what, name)[0]
    for a, name in enumerate(run.deal.accounts):
        by["account", name] = run.cash[:, a, 0]
    for f, name in enumerate(spec.fees):
        by["fee paid", name], by["fee owed", name] = run.fee_paid[:, f, 0], run.fee_owed[:, f, 0]
    for x, name in enumerate(spec.triggers):
        by["trigger", name] = run.tripped[:, x, 0].astype(np.float64)
    for m, name in enumerate(spec.measures):
        by["measure", name] = run.measures[:, m, 0]
    by["phase", ""] = run.phase[:, 0].astype(np.float64)
    gap, rolls = _checks(run)
    by["gap", ""] = gap
    by |= {("roll", name): each for name, each in rolls.items()}
    return Figures(by, run.trace[:, :, :, 0])


def _checks(run: DealRun) -> tuple[FloatArray, dict[str, FloatArray]]:
    """By period: cash in less cash out and kept; what a class changed by and nothing says."""
    assert run.trace is not None
    cash = np.concatenate([run.start[None, :, 0], run.cash[:, :, 0]]).sum(axis=1)
    came = sum(
        run.of(n)[0]
        for n in ("interest", "principal_collected", "recovery", "cash_yield", "proceeds",
                  "hedge_received", "line_drawn")
    )  # fmt: skip
    out = run.fee_paid[:, :, 0].sum(axis=1) + run.of("purchases")[0] + run.of("hedge_paid")[0]
    out = out + run.of("line_paid")[0] + run.of("released")[0]
    for what in ("interest_paid", "principal", "residual"):
        out = out + run.of(what)[0].sum(axis=0)
    rolls = {}
    for row, name in enumerate(run.deal.tranches):
        balance = np.concatenate([run.opening[row], run.of("balance", name)[0]])
        change = run.of("accreted", name)[0] + run.of("written_up", name)[0]
        change = change - run.of("principal", name)[0] - run.of("written_off", name)[0]
        rolls[name] = np.diff(balance) - change
    return cash[:-1] + came - out - cash[1:], rolls


# --- to tables ------------------------------------------------------------------------------


def live_tables(deals: Sequence[Given], currency: str) -> dict[str, Table]:
    """Deals as tables; :func:`given_deals` reads them back."""
    if not deals:
        return {}
    frames = {
        "waterfall_terms": pd.DataFrame([_terms(each) for each in deals]),
        "waterfall_loans": pd.concat(map(_loans, deals), ignore_index=True),
        "waterfall_inputs": _inputs(deals),
        "waterfall_steps": pd.concat(map(_steps, deals), ignore_index=True),
        "waterfall_figures": pd.concat(map(_figures, deals), ignore_index=True),
    }
    units = {"waterfall_steps": dict.fromkeys(_STEP_MONEY, currency)}
    return {
        name: Table(name, TITLES[name], frame, units.get(name, {}))
        for name, frame in frames.items()
    }


def _terms(each: Given) -> dict[str, Any]:
    around = {
        "levels": {name: values.tolist() for name, values in each.levels.items()},
        "fails": each.fails,
        "servicer": each.servicer.tolist(),
    }
    grid = each.deal.calendar.grid
    return {
        "deal": each.name,
        "kind": each.kind,
        "scenario": each.scenario,
        "begin": pd.Timestamp(grid.as_of).as_unit("s"),
        "frequency": grid.frequency,
        "terms": each.deal.spec.model_dump_json(by_alias=True),
        "around": json.dumps(around),
        "shown": json.dumps(dict(each.shown), ensure_ascii=False),
        "not_live": "; ".join(each.reasons),
    }


def _loans(each: Given) -> pd.DataFrame:
    """Flows of the loans at the start (``bought`` 0, period 0 holds what they begin with), then
    of one unit bought at the close of a period, from that period on.
    """
    ends = each.deal.calendar.grid.ends
    days = np.array([each.deal.calendar.grid.as_of, *ends], dtype="datetime64[s]")
    begins = np.zeros((len(FLOWS), 1))
    begins[_POOL] = each.start
    parts = [(0, 0, np.concatenate([begins, each.held], axis=1))]
    parts += [(v, v, each.new[:, v - 1 :, v - 1]) for v in range(1, each.new.shape[2] + 1)]
    frames = []
    for bought, first, flows in parts:
        period = np.arange(first, first + flows.shape[1])
        frames.append(
            pd.DataFrame(
                {"deal": each.name, "bought": bought, "period": period, "end": days[period]}
                | dict(zip(FLOWS, flows, strict=True))
            )
        )
    return pd.concat(frames, ignore_index=True)


def _inputs(deals: Iterable[Given]) -> pd.DataFrame:
    rows = [
        (each.name, x.key, x.what, x.name, x.value, x.times, x.unit, x.scale)
        for each in deals
        for x in each.inputs
    ]
    columns = ["deal", "key", "what", "name", "value", "times", "unit", "scale"]
    return pd.DataFrame(rows, columns=columns)


def _steps(each: Given) -> pd.DataFrame:
    deal, phase = each.deal, each.figures.by["phase", ""].astype(np.int64)
    of_payment = {step.row for part in deal.waterfall.values() for step in part}
    pays = deal.calendar.pays
    made = np.array(
        [[s.phase == phase[t] and (s.row in of_payment) == pays[t] for s in deal.steps]
         for t in range(len(pays))]
    )  # fmt: skip
    t, row = np.nonzero(made)
    due, available, paid = each.figures.steps[:, row, t]
    names = np.array([p.name for p in deal.spec.phases], dtype=object)
    return pd.DataFrame(
        {
            "deal": each.name,
            "scenario": each.scenario,
            "period": t + 1,
            "date": np.array(deal.calendar.dates, dtype="datetime64[s]")[t],
            "phase": names[phase[t]],
            "row": row,
            "step": np.array([step.label for step in deal.steps], dtype=object)[row],
            "due": due,
            "available": available,
            "paid": paid,
            "short": np.maximum(due - paid, 0.0),
        }
    )


def _figures(each: Given) -> pd.DataFrame:
    count = len(each.deal.years)
    keys = list(each.figures.by)
    return pd.DataFrame(
        {
            "deal": each.name,
            "figure": np.repeat(np.array([what for what, _ in keys], dtype=object), count),
            "name": np.repeat(np.array([name for _, name in keys], dtype=object), count),
            "period": np.tile(np.arange(1, count + 1), len(keys)),
            "value": np.concatenate([each.figures.by[key] for key in keys]),
        }
    )


# --- and back -------------------------------------------------------------------------------


def given_deals(tables: Mapping[str, Table]) -> list[Given]:
    """The deals that a run's tables hold; none where it has no such tables."""
    terms = tables.get("waterfall_terms")
    if terms is None:
        return []
    parts = {
        name: dict(tuple(tables[name].frame.groupby("deal", sort=False)))
        for name in TITLES
        if name != "waterfall_terms"
    }
    return [
        _given(row, {name: part.get(row["deal"]) for name, part in parts.items()})
        for row in terms.frame.to_dict("records")
    ]


def _given(row: Mapping[Any, Any], parts: Mapping[str, pd.DataFrame | None]) -> Given:
    loans, steps, found = (parts[f"waterfall_{name}"] for name in ("loans", "steps", "figures"))
    assert loans is not None
    assert steps is not None
    assert found is not None
    own = loans[loans["bought"] == 0]
    ends = tuple(pd.Timestamp(day).date() for day in own["end"].iloc[1:])
    begin: date = pd.Timestamp(row["begin"]).date()
    spec = DealSpec.model_validate_json(row["terms"])
    deal = Deal.of(row["deal"], spec, PeriodGrid(begin, ends, row["frequency"]))
    held = own[list(FLOWS)].to_numpy(dtype=np.float64).T
    around = json.loads(row["around"])
    stated = parts["waterfall_inputs"]
    return Given(
        kind=row["kind"],
        scenario=row["scenario"],
        deal=deal,
        start=float(held[_POOL, 0]),
        held=held[:, 1:],
        new=_new(loans, len(ends)),
        levels={name: np.array(values) for name, values in around["levels"].items()},
        fails=int(around["fails"]),
        servicer=np.array(around["servicer"]),
        inputs=() if stated is None else tuple(_stated(stated)),
        figures=_found(deal, steps, found),
        shown=json.loads(row["shown"]),
        reasons=tuple(text for text in str(row["not_live"]).split("; ") if text),
    )


def _new(loans: pd.DataFrame, periods: int) -> FloatArray:
    later = loans[loans["bought"] > 0]
    new = np.zeros((len(FLOWS), periods, int(loans["bought"].max())))
    at = later["period"].to_numpy() - 1, later["bought"].to_numpy() - 1
    new[:, at[0], at[1]] = later[list(FLOWS)].to_numpy(dtype=np.float64).T
    return new


def _stated(frame: pd.DataFrame) -> Iterable[Stated]:
    for x in frame.to_dict("records"):
        of = x["key"], x["what"], x["name"]
        yield Stated(*of, x["value"], x["unit"], x["times"], x["scale"])


def _found(deal: Deal, steps: pd.DataFrame, found: pd.DataFrame) -> Figures:
    made = np.zeros((3, len(deal.steps), len(deal.years)))
    at = steps["row"].to_numpy(), steps["period"].to_numpy() - 1
    for place, name in enumerate(("due", "available", "paid")):
        made[place, at[0], at[1]] = steps[name]
    by = {
        (str(what), str(name)): part["value"].to_numpy(dtype=np.float64)
        for (what, name), part in found.groupby(["figure", "name"], sort=False)
    }
    return Figures(by, made)
