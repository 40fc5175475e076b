"""One period of a run, figure by figure: what came in, each step, what it left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.deal.outcome import DealRun
from scfcap.deal.summary import events_frame
from scfcap.deal.wording import limits
from scfcap.deal.words import NAMED, PLAIN


@dataclass(frozen=True)
class PeriodExplained:
    """A period of a deal in one scenario; amounts in currency.

    ``flows``: what the loans did and what else came in. ``accounts``: cash at the last close,
    before the first step, at this close. ``steps``: in order, with their limits and the value of
    each watched word after the step. ``classes`` and ``fees``; ``measures`` as found on the date;
    ``triggers`` as they stood before and after. ``words``: what happened.
    """

    deal: str
    scenario: str
    period: int
    date: date
    pays: bool
    payment: int
    phase: str
    phase_before: str
    flows: pd.DataFrame
    accounts: pd.DataFrame
    steps: pd.DataFrame
    classes: pd.DataFrame
    fees: pd.DataFrame
    lines: pd.DataFrame
    measures: pd.DataFrame
    triggers: pd.DataFrame
    words: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Its tables by name, those that have rows."""
        names = ("flows", "accounts", "steps", "classes", "fees", "lines", "measures", "triggers")
        return {name: frame for name in names if len(frame := getattr(self, name))}


def explain_period(run: DealRun, scenario: str, period: int) -> PeriodExplained:
    """``period`` (from 1) of a traced run in ``scenario``.

    Raises:
        ValueError: the run was not traced, or has no such period or scenario.
    """
    if run.ready is None or scenario not in run.scenarios or not 1 <= period <= len(run.cash):
        msg = f"no trace of period {period} in scenario {scenario}"
        raise ValueError(msg)
    k, t = run.scenarios.index(scenario), period - 1
    names = [phase.name for phase in run.deal.spec.phases]
    opening, pays = run.deal.spec.opening, run.deal.calendar.pays
    made = 0 if opening is None else opening.payments_made
    first = names[0] if opening is None or opening.phase is None else opening.phase
    happened = events_frame(run)
    here = (happened["scenario"] == scenario) & (happened["period"] == period)
    return PeriodExplained(
        deal=run.deal.name,
        scenario=scenario,
        period=period,
        date=run.deal.calendar.dates[t],
        pays=bool(pays[t]),
        payment=made + int(pays[: t + 1].sum()),
        phase=names[run.phase[t, k]],
        phase_before=names[run.phase[t - 1, k]] if t else first,
        flows=_flows(run, k, t),
        accounts=_accounts(run, k, t),
        steps=_steps(run, scenario, period),
        classes=_classes(run, k, t),
        fees=_fees(run, k, t),
        lines=_lines(run, k, t),
        measures=_measures(run, k, t),
        triggers=_triggers(run, k, t),
        words=tuple(happened["words"][here]),
    )


_FLOWS = {
    "interest": "interest and fees collected",
    "principal_collected": "principal collected",
    "recovery": "recovered",
    "cash_yield": "earned by cash",
    "hedge_received": "received from hedges",
    "proceeds": "proceeds of a sale",
    "line_drawn": "drawn on lines",
    "default": "defaulted",
    "delinquent": "past due at the close",
    "purchases": "paid for new loans",
    "bought": "new loans",
    "sold": "loans sold",
    "pool": "performing at the close",
}


def _flows(run: DealRun, k: int, t: int) -> pd.DataFrame:
    rows = [(words, run.of(name)[k, t]) for name, words in _FLOWS.items()]
    always = ("interest", "principal_collected", "pool")
    kept = {_FLOWS[name] for name in always}
    return pd.DataFrame(
        [row for row in rows if row[1] or row[0] in kept], columns=["figure", "amount"]
    )


def _accounts(run: DealRun, k: int, t: int) -> pd.DataFrame:
    assert run.ready is not None
    before = run.cash[t - 1, :, k] if t else run.start[:, k]
    return pd.DataFrame(
        {
            "account": list(run.deal.accounts),
            "last_close": before,
            "before_steps": run.ready[t, :, k],
            "close": run.cash[t, :, k],
        }
    )


def _steps(run: DealRun, scenario: str, period: int) -> pd.DataFrame:
    frame = run.steps_frame(scenario, period)
    pays = bool(run.deal.calendar.pays[period - 1])
    part = run.deal.waterfall if pays else run.deal.settlement
    phase = run.deal.spec.phases[run.phase[period - 1, run.scenarios.index(scenario)]].name
    frame = frame.drop(columns=["period", "date", "phase"])
    frame.insert(0, "number", np.arange(1, len(frame) + 1))
    frame.insert(3, "limits", ["; ".join(limits(step.spec)) for step in part[phase]])
    for word in run.watch:
        if _kind(word) == "truth":
            frame[word] = frame[word] > 0.0
    return frame


def _kind(word: str) -> str:
    return PLAIN.get(word) or NAMED[word.partition(".")[0]]


def _classes(run: DealRun, k: int, t: int) -> pd.DataFrame:
    columns: dict[str, object] = {
        "tranche": list(run.deal.tranches),
        "opening": run.of("balance")[k, :, t - 1] if t else run.opening[:, k],
    }
    names = {
        "interest_due": "interest_due",
        "interest_paid": "interest_paid",
        "interest_short": "owed",
        "accreted": "accreted",
        "principal_paid": "principal",
        "written_off": "written_off",
        "written_up": "written_up",
        "residual": "residual",
        "closing": "balance",
    }
    columns |= {name: run.of(quantity)[k, :, t] for name, quantity in names.items()}
    frame = pd.DataFrame(columns)
    idle = [n for n in ("accreted", "written_off", "written_up") if not frame[n].any()]
    return frame.drop(columns=idle)


def _fees(run: DealRun, k: int, t: int) -> pd.DataFrame:
    paid, owed = run.fee_paid[t, :, k], run.fee_owed[t, :, k]
    names = list(run.deal.spec.fees)
    return pd.DataFrame({"fee": names, "due": paid + owed, "paid": paid, "short": owed})


def _lines(run: DealRun, k: int, t: int) -> pd.DataFrame:
    before = run.drawn[t - 1, :, k] if t else run.drawn_start[:, k]
    return pd.DataFrame(
        {"line": list(run.deal.spec.lines), "drawn_before": before, "drawn": run.drawn[t, :, k]}
    )


def _measures(run: DealRun, k: int, t: int) -> pd.DataFrame:
    rows = [
        (name, spec.of, spec.mean_of, run.measures[t, m, k])
        for m, (name, spec) in enumerate(run.deal.spec.measures.items())
        if run.deal.calendar.pays[t]
    ]
    return pd.DataFrame(rows, columns=["measure", "formula", "mean_of", "value"])


def _triggers(run: DealRun, k: int, t: int) -> pd.DataFrame:
    opening = run.deal.spec.opening
    rows = []
    for x, (name, spec) in enumerate(run.deal.spec.triggers.items()):
        stood = opening is not None and name in opening.tripped
        before = bool(run.tripped[t - 1, x, k]) if t else stood
        rows.append((name, spec.test, spec.when, before, bool(run.tripped[t, x, k])))
    return pd.DataFrame(rows, columns=["trigger", "test", "tested", "in_force_before", "in_force"])
