"""A run of a deal in a few rows: classes, fees, closing, and what happened when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from scfcap.deal.analytics import principal_window
from scfcap.deal.figures import lives
from scfcap.deal.outcome import DealRun
from scfcap.deal.wording import listed
from scfcap.quantities import HALF_CENT, BoolArray


class Event(NamedTuple):
    """Something that happened in a scenario at the end of a period; ``words`` say what and why."""

    period: int
    kind: str
    name: str
    words: str


def alive(run: DealRun) -> BoolArray:
    """Whether there is still something to pay out or to repay at the start of a period [K, T]:
    loans, cash or notes, up to the legal end.
    """
    debt = np.array([each.kind != "equity" for each in run.deal.spec.tranches.values()])
    held = run.of("pool") + run.cash.sum(axis=1).T + run.of("balance")[:, debt].sum(axis=1)
    first = np.ones((len(run.scenarios), 1), dtype=np.bool_)
    found = np.concatenate([first, held[:, :-1] > HALF_CENT], axis=1)
    found[:, run.legal_end :] = False
    return np.asarray(found)


def classes_frame(run: DealRun) -> pd.DataFrame:
    """One row a scenario and class.

    ``original`` and ``opening`` balance, interest, principal and residual received, the most
    interest that was short on a payment date, what is owed and what is ``left`` at the end, what
    was written off less written up [currency]; ``share`` of all classes; ``coupon`` as stated, NaN
    of a floating one [1/year]; payment dates with short interest, and the first; ``average_life``
    of the principal paid [years from the start of the run, by the deal's day count], NaN without
    any and where principal is left; payment dates with the first and last principal.
    """
    spec, rows = run.deal.spec, []
    life, whole = lives(run), run.original.sum(axis=0)
    full, timely = run.paid_in_full, run.timely_interest
    owed, losses = run.of("owed"), run.of("written_off") - run.of("written_up")
    pays = run.deal.calendar.pays
    for k, scenario in enumerate(run.scenarios):
        for j, (name, terms) in enumerate(spec.tranches.items()):
            principal = run.of("principal")[k, j]
            first, last = principal_window(principal)
            short = np.flatnonzero((owed[k, j] > HALF_CENT) & pays)
            left = run.of("balance")[k, j, -1]
            rows.append(
                {
                    "deal": run.deal.name,
                    "scenario": scenario,
                    "tranche": name,
                    "kind": terms.kind,
                    "original": run.original[j, k],
                    "share": run.original[j, k] / whole[k] if whole[k] > 0.0 else 0.0,
                    "coupon": np.nan if terms.kind == "floating" else terms.coupon,
                    "opening": run.opening[j, k],
                    "interest_paid": run.of("interest_paid")[k, j].sum(),
                    "principal_paid": principal.sum(),
                    "residual_received": run.of("residual")[k, j].sum(),
                    "most_interest_short": owed[k, j, pays].max(initial=0.0),
                    "dates_short": len(short),
                    "first_short": _day(run, int(short[0]) + 1 if len(short) else 0),
                    "interest_owed": owed[k, j, -1],
                    "written_off": losses[k, j].sum(),
                    "left": left,
                    "average_life": life[k, j] if left <= HALF_CENT else np.nan,
                    "first_principal": _day(run, first),
                    "last_principal": _day(run, last),
                    "paid_in_full": bool(full[k, j]),
                    "timely_interest": bool(timely[k, j]),
                }
            )
    frame = pd.DataFrame(rows)
    for name in ("first_short", "first_principal", "last_principal"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame


def fees_frame(run: DealRun) -> pd.DataFrame:
    """One row a scenario and fee: ``paid``, the most that was ``short`` on a date while the deal
    lived [currency], on how many ``dates_short``, the first of them, and what is ``owed`` then.
    """
    rows = []
    living = alive(run) & run.deal.calendar.pays
    for k, scenario in enumerate(run.scenarios):
        for f, name in enumerate(run.deal.spec.fees):
            owed = np.where(living[k], run.fee_owed[:, f, k], 0.0)
            short = np.flatnonzero(owed > HALF_CENT)
            last = np.flatnonzero(living[k])
            rows.append(
                {
                    "deal": run.deal.name,
                    "scenario": scenario,
                    "fee": name,
                    "paid": run.fee_paid[:, f, k].sum(),
                    "most_short": owed.max(initial=0.0),
                    "dates_short": len(short),
                    "first_short": _day(run, int(short[0]) + 1 if len(short) else 0),
                    "owed": owed[last[-1]] if len(last) else 0.0,
                }
            )
    columns = ("deal", "scenario", "fee", "paid", "most_short", "dates_short", "first_short",
               "owed")  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    frame["first_short"] = pd.to_datetime(frame["first_short"]).astype("datetime64[s]")
    return frame


def closing_frame(run: DealRun) -> pd.DataFrame:
    """Sources and uses at closing, one row a scenario and item [currency]; of a deal that stands
    what it holds and what it owes at its opening.
    """
    rows: list[tuple[str, str, str, float]] = []
    for k, scenario in enumerate(run.scenarios):
        made = _stands(run, k) if run.deal.spec.opening is not None else _closes(run, k)
        rows += [(scenario, side, item, float(amount)) for side, item, amount in made]
    frame = pd.DataFrame(rows, columns=["scenario", "side", "item", "amount"])
    frame.insert(0, "deal", run.deal.name)
    return frame


def _closes(run: DealRun, k: int) -> Iterator[tuple[str, str, float]]:
    shut = run.closing
    for row, (name, terms) in enumerate(run.deal.spec.tranches.items()):
        if terms.kind != "interest_only":
            yield "source", f"class {name}", run.original[row, k] * terms.issue_price
    if shut.lines[k]:
        yield "source", f"drawn on {listed(list(run.deal.spec.lines))}", shut.lines[k]
    yield "source", "originator's contribution", shut.contribution[k]
    yield "use", "loans", shut.pool[k]
    for row, name in enumerate(run.deal.accounts):
        if run.start[row, k]:
            yield "use", f"account {name}", run.start[row, k]
    yield "use", "costs at closing", shut.costs[k]


def _stands(run: DealRun, k: int) -> Iterator[tuple[str, str, float]]:
    yield "holds", "loans", run.pool_start[k]
    for row, name in enumerate(run.deal.accounts):
        if run.start[row, k] or name != "collection":
            yield "holds", f"account {name}", run.start[row, k]
    for row, name in enumerate(run.deal.tranches):
        yield "owes", f"class {name}", run.opening[row, k]
    opening = run.deal.spec.opening
    drawn = {} if opening is None else opening.lines
    for name in run.deal.spec.lines:
        yield "owes", f"line {name}", drawn.get(name, 0.0)


# --- what happened --------------------------------------------------------------------------


def events_frame(run: DealRun) -> pd.DataFrame:
    """What happened, one row an event, by scenario and time: phases, triggers, calls, classes
    repaid, notes unpaid at the legal end.
    """
    rows = []
    for k, scenario in enumerate(run.scenarios):
        found = sorted(_events(run, k), key=lambda event: event.period)
        rows += [(run.deal.name, scenario, e.period, _day(run, e.period), *e[1:]) for e in found]
    columns = ["deal", "scenario", "period", "date", "kind", "name", "words"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[s]")
    return frame.astype({"period": np.int64})


def _events(run: DealRun, k: int) -> Iterator[Event]:
    yield from _triggers(run, k)
    yield from _phases(run, k)
    yield from _calls(run, k)
    yield from _repaid(run, k)


def _triggers(run: DealRun, k: int) -> Iterator[Event]:
    opening = run.deal.spec.opening
    for x, (name, trigger) in enumerate(run.deal.spec.triggers.items()):
        was = opening is not None and name in opening.tripped
        later = ", once all was paid" if trigger.when == "after payments" else ""
        for t, on in enumerate(run.tripped[:, x, k]):
            if on and not was:
                dates = f" on {trigger.after} payment dates in a row" if trigger.after > 1 else ""
                words = f"trigger {name} trips{later}: {trigger.test}{dates}"
                yield Event(t + 1, "trigger trips", name, words)
            elif was and not on:
                yield Event(t + 1, "trigger is cured", name, f"{name} is cured: {trigger.cure}")
            was = bool(on)


def _phases(run: DealRun, k: int) -> Iterator[Event]:
    phases, opening = run.deal.spec.phases, run.deal.spec.opening
    names = [phase.name for phase in phases]
    before = 0 if opening is None or opening.phase is None else names.index(opening.phase)
    for t, row in enumerate(run.phase[:, k]):
        if row != before:
            yield Event(t + 1, "phase begins", names[row], _why(run, t, before, int(row)))
        before = int(row)


def _why(run: DealRun, t: int, before: int, row: int) -> str:
    """Why a phase follows another."""
    phases, day = run.deal.spec.phases, run.deal.calendar.dates[t]
    if row < before:
        return f"{phases[row].name} comes back: what brought {phases[before].name} on is over"
    last = len(phases) - 1
    due = next((n for n, p in enumerate(phases) if p.until is None or day <= p.until), last)
    if row == due:
        ended = phases[row - 1]
        return f"{phases[row].name} begins: {ended.name} was to last until {ended.until}"
    return f"{phases[row].name} begins early: {phases[row].when}"


def _calls(run: DealRun, k: int) -> Iterator[Event]:
    period = int(run.called[k])
    if period:
        t = period - 1
        names = ", ".join(_open_calls(run, t))
        words = f"call ({names}): loans of {run.of('sold')[k, t]:,.0f} are sold for "
        yield Event(period, "call", names, words + f"{run.of('proceeds')[k, t]:,.0f}")


def _open_calls(run: DealRun, t: int) -> Iterator[str]:
    """Calls whose first date has come."""
    for name, call in run.deal.spec.calls.items():
        if call.from_date is None or call.from_date <= run.deal.calendar.dates[t]:
            yield name


def _repaid(run: DealRun, k: int) -> Iterator[Event]:
    end = run.legal_end
    unpaid = run.of("balance")[k, :, end - 1] + run.of("owed")[k, :, end - 1]
    for j, (name, terms) in enumerate(run.deal.spec.tranches.items()):
        if terms.kind == "equity":
            continue
        _, last = principal_window(run.of("principal")[k, j])
        stated = run.deal.spec.legal_end is not None
        if stated and unpaid[j] > HALF_CENT and _reached(run):
            words = f"legal end, and class {name} is owed {unpaid[j]:,.0f}"
            yield Event(end, "unpaid at the legal end", name, words)
        elif last and run.of("balance")[k, j, last - 1] <= HALF_CENT:
            lost = _lost(run, j, k)
            less = f", but for {lost:,.0f} that was written off" if lost > HALF_CENT else ""
            yield Event(last, "class is repaid", name, f"class {name} is repaid{less}")


def _reached(run: DealRun) -> bool:
    """Whether the run reaches the legal end."""
    end = run.deal.spec.legal_end
    return end is not None and run.deal.calendar.dates[-1] >= end


def _lost(run: DealRun, j: int, k: int) -> float:
    return float((run.of("written_off") - run.of("written_up"))[k, j].sum())


def _day(run: DealRun, period: int) -> object:
    """Payment date of a period; NaT for period 0."""
    return run.deal.calendar.dates[period - 1] if period else pd.NaT
