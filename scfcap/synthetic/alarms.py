"""What an early warning is worth: put to the test on synthetic platforms whose failures are known.

An alarm begins at a month's end at which an indicator reaches a threshold that it had not reached
a month before. Two kinds of event: a core enterprise fails; a stress begins (the common factor
falls below minus ``measure.stress``). An event is *warned of* if the indicator (a buyer's own,
for the buyer's failure) stood at the threshold at one of the last ``horizon`` month ends before
it; the *lead* runs from the first of these to the event. An alarm is *false* if no event follows
within ``horizon`` months and none has happened in as many months before (what follows a failure
is its consequence). *By chance* is the share of all spans of ``horizon`` months that hold an
alarm: a hit rate that is no higher says nothing.

The first year counts for nothing. Thresholds are set on other seeds than they are tested on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from scfcap.credit.estimate import wilson
from scfcap.pool.lights import LIGHTS, levels
from scfcap.pool.warning import indicators
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.lives import LivesSpec
from scfcap.schema.warning import (
    BY_BUYER,
    CALIBRATION_PLATFORMS,
    CALIBRATION_SEED,
    INDICATORS,
    LOW_IS_BAD,
    MeasureSpec,
    Threshold,
    WarningSpec,
)
from scfcap.synthetic.lives import Lives, simulate
from scfcap.synthetic.network import NEVER

CORE_FAILURE, STRESS = "core failure", "stress"
#: Months at the start that do not count: relative indicators have no value yet.
WARM_UP = 12
#: Months after an event in which it is noticed late.
AFTER = 3
COLUMNS = (
    "indicator", "light", "event", "events", "warned", "hit_rate", "hit_low", "hit_high",
    "by_chance", "lead_days", "noticed_rate", "alarms", "false_alarms", "years", "false_a_year",
)  # fmt: skip
#: False alarms a year that a threshold is set to: of the book, and of each buyer.
FALSE_ALARMS = {"yellow": (1.0, 0.10), "red": (0.33, 0.03)}
#: Candidates for a threshold: quantiles of the indicator's values.
_QUANTILES = np.concatenate([np.linspace(0.5, 0.98, 49), np.linspace(0.981, 0.9995, 38)])


class Event(NamedTuple):
    """Something to be warned of: its kind, month (of the trial) and day (of the calendar)."""

    kind: str
    month: int
    day: int


@dataclass(frozen=True)
class Trial:
    """One platform: ``series`` by indicator, shape (months, entities), NaN where without value.

    ``failures``: the failure of each core enterprise, if any. ``stress``: beginnings of stresses.
    ``ends``: day of each month's end.
    """

    series: dict[str, FloatArray]
    failures: tuple[Event | None, ...]
    stress: tuple[Event, ...]
    ends: IntArray

    def events(self, name: str) -> list[list[Event]]:
        """What each entity of an indicator should warn of: its own failure, or anybody's."""
        if name in BY_BUYER:
            return [[] if event is None else [event] for event in self.failures]
        return [[*(event for event in self.failures if event is not None), *self.stress]]


def trials(spec: WarningSpec, lives: LivesSpec, as_of: date, seeds: Iterable[int]) -> list[Trial]:
    """Simulate a platform for each seed, of the kind of ``lives`` and the size of ``measure``."""
    size = {"loans": spec.measure.loans, "months": spec.measure.months}
    return [
        trial(simulate(lives.model_copy(update={**size, "seed": seed}), as_of), spec)
        for seed in seeds
    ]


def trial(lives: Lives, spec: WarningSpec) -> Trial:
    """The indicators and the events of one platform."""
    frame, calendar = indicators(lives.history(), spec), lives.calendar
    months = frame["month_end"].nunique()
    skipped = calendar.months - months  # the month in which the first loans are made is the first
    series = {
        str(name): part["value"].to_numpy(dtype=np.float64).reshape(-1, months).T
        for name, part in frame.groupby("indicator", sort=False)
    }
    first = calendar.table.first[skipped : calendar.months]
    failed = [int(day) for day in lives.network.failed]
    month = calendar.month(lives.network.failed) - skipped
    return Trial(
        series=series,
        failures=tuple(
            Event(CORE_FAILURE, int(month[k]), day) if day < NEVER else None
            for k, day in enumerate(failed)
        ),
        stress=tuple(
            Event(STRESS, at, int(first[at]))
            for at in _onsets(lives.network.factor[skipped : calendar.months], spec.measure)
        ),
        ends=first + calendar.table.length[skipped : calendar.months] - 1,
    )


def _onsets(factor: FloatArray, spec: MeasureSpec) -> list[int]:
    below = np.flatnonzero(factor < -spec.stress)
    return [int(m) for m in below if not ((below < m) & (below >= m - spec.horizon)).any()]


def measure(spec: WarningSpec, lives: LivesSpec, as_of: date) -> pd.DataFrame:
    """What the thresholds of ``spec`` are worth, on the platforms of ``spec.measure``.

    Columns: ``indicator``, ``light``, ``event``, ``events`` (at which the indicator had a value),
    ``warned``, ``hit_rate`` with its 95% interval ``hit_low`` to ``hit_high`` (Wilson),
    ``by_chance``, ``lead_days`` (median of the warned), ``noticed_rate``
    (an alarm up to :data:`AFTER` months after counts too), ``alarms``, ``false_alarms`` and
    ``years`` (of the book, or of all buyers), ``false_a_year`` (of the book, or of one buyer). NaN
    where nothing was seen.
    """
    first = spec.measure.seed
    made = trials(spec, lives, as_of, range(first, first + spec.measure.platforms))
    return evaluate(made, spec)


def evaluate(made: list[Trial], spec: WarningSpec) -> pd.DataFrame:
    """As :func:`measure`, on platforms that are there."""
    rows = []
    for name in INDICATORS:
        held = [one for one in made if name in one.series]
        for level in (1, 2) if held else ():
            limit: Threshold = getattr(spec, name)
            alarms = [levels(name, one.series[name], limit) >= level for one in held]
            rows += _scored(name, LIGHTS[level], held, alarms, spec.measure.horizon)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _scored(
    name: str, light: str, made: list[Trial], alarms: list[BoolArray], horizon: int
) -> list[tuple[object, ...]]:
    """A row of :func:`measure` for each kind of event."""
    kinds = (CORE_FAILURE,) if name in BY_BUYER else (CORE_FAILURE, STRESS)
    caught = [_caught(name, one, alarm, horizon) for one, alarm in zip(made, alarms, strict=True)]
    found = pd.concat(caught, ignore_index=True)
    begun, false, months = _false_alarms(name, made, alarms, horizon)
    years = months / 12.0
    chance = _by_chance(name, made, alarms, horizon)
    rows: list[tuple[object, ...]] = []
    for kind in kinds:
        own = found[found["kind"] == kind]
        lead = own["lead"].dropna()
        low, high = wilson(len(lead) / max(len(own), 1), len(own))
        rows.append(
            (
                name, light, kind, len(own), len(lead),
                len(lead) / len(own) if len(own) else np.nan, low, high, chance,
                float(lead.median()) if len(lead) else np.nan,
                float(own["noticed"].mean()) if len(own) else np.nan,
                begun, false, years, false / years if years else np.nan,
            )
        )  # fmt: skip
    return rows


def _caught(name: str, one: Trial, alarm: BoolArray, horizon: int) -> pd.DataFrame:
    """Events at which the indicator had a value.

    ``kind``, ``lead`` [days, NaN if not warned of], ``noticed`` (also up to :data:`AFTER` months
    after).
    """
    known = ~np.isnan(one.series[name])
    rows = []
    for k, events in enumerate(one.events(name)):
        for event in events:
            start = max(event.month - horizon, WARM_UP)
            if event.month <= WARM_UP or not known[start : event.month, k].any():
                continue
            hit = np.flatnonzero(alarm[start : event.month, k])
            lead = float(event.day - one.ends[start + hit[0]]) if len(hit) else np.nan
            noticed = bool(alarm[start : event.month + AFTER, k].any())
            rows.append((event.kind, lead, noticed))
    return pd.DataFrame(rows, columns=["kind", "lead", "noticed"]).astype({"lead": np.float64})


def _judged(name: str, one: Trial, horizon: int) -> BoolArray:
    """Months in which an alarm would be false: a value, no event near, and time to see one."""
    known = ~np.isnan(one.series[name])
    month = np.arange(len(known))
    known &= ((month >= WARM_UP) & (month < len(known) - horizon))[:, None]
    for k, events in enumerate(one.events(name)):
        for event in events:
            known[np.abs(month - event.month) <= horizon, k] = False
    return known


def _begins(alarm: BoolArray) -> BoolArray:
    before = np.vstack([np.zeros((1, alarm.shape[1]), dtype=np.bool_), alarm[:-1]])
    return alarm & ~before


def _false_alarms(
    name: str, made: list[Trial], alarms: list[BoolArray], horizon: int
) -> tuple[int, int, int]:
    """Alarms begun, those that were false, and the months in which one could have been."""
    begun = false = months = 0
    for one, alarm in zip(made, alarms, strict=True):
        judged, begins = _judged(name, one, horizon), _begins(alarm)
        begun += int(begins[WARM_UP:].sum())
        false += int((begins & judged).sum())
        months += int(judged.sum())
    return begun, false, months


def _by_chance(name: str, made: list[Trial], alarms: list[BoolArray], horizon: int) -> float:
    """Share of spans of ``horizon`` months, with a value in them, that hold an alarm."""
    spans = struck = 0
    for one, alarm in zip(made, alarms, strict=True):
        known = ~np.isnan(one.series[name])
        for end in range(WARM_UP + horizon, len(alarm) + 1):
            spans += int(known[end - horizon : end].any(axis=0).sum())
            struck += int(alarm[end - horizon : end].any(axis=0).sum())
    return struck / spans if spans else np.nan


def calibrate(spec: WarningSpec, lives: LivesSpec, as_of: date) -> dict[str, Threshold]:
    """Thresholds that would have given :data:`FALSE_ALARMS`, on platforms of their own.

    Seeds from :data:`CALIBRATION_SEED`, never those of ``spec.measure``; indicators without a
    value keep what they have. Thresholds have two digits, rounded away from the alarm.
    """
    seeds = range(CALIBRATION_SEED, CALIBRATION_SEED + CALIBRATION_PLATFORMS)
    made = trials(spec, lives, as_of, seeds)
    out = {}
    for name in INDICATORS:
        held = [one for one in made if name in one.series]
        limit: Threshold = getattr(spec, name)
        if held:
            yellow, red = (_threshold(held, name, light, spec) for light in ("yellow", "red"))
            if yellow == red:  # too few values to tell them apart
                red = float(
                    f"{yellow + (-0.1 if name in LOW_IS_BAD else 0.1) * max(abs(yellow), 0.01):.6g}"
                )
            limit = limit.model_copy(update={"yellow": yellow, "red": red})
        out[name] = limit
    return out


def _threshold(made: list[Trial], name: str, light: str, spec: WarningSpec) -> float:
    """The mildest candidate that, with all stricter ones, keeps to the false alarms allowed."""
    sign = -1.0 if name in LOW_IS_BAD else 1.0
    signed = [sign * one.series[name] for one in made]
    judged = [_judged(name, one, spec.measure.horizon) for one in made]
    years = max(sum(int(mask.sum()) for mask in judged), 1) / 12.0
    allowed = FALSE_ALARMS[light][name in BY_BUYER]
    values = np.concatenate([value[WARM_UP:].ravel() for value in signed])
    candidates = np.unique(np.quantile(values[~np.isnan(values)], _QUANTILES))
    found = candidates[-1]
    for candidate in candidates[::-1]:
        false = sum(
            int((_begins(value >= candidate) & mask).sum())
            for value, mask in zip(signed, judged, strict=True)
        )
        if false > allowed * years:
            break
        found = candidate
    step = 10.0 ** (np.floor(np.log10(max(abs(found), 1e-12))) - 1.0)
    return float(f"{sign * np.ceil(found / step - 1e-9) * step:.6g}")
