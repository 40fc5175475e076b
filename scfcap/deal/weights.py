"""Risk weights of the classes of a deal that runs, on any of its days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from scfcap.daycount import year_fraction
from scfcap.deal.capital import (
    CHINA_FROM,
    FULL,
    RULES,
    TOTAL_RATIO,
    attachments,
    capital_cap,
    class_ratings,
    look_through,
    pool_charge,
    sec_erba,
    sec_sa,
    tranche_maturity,
)
from scfcap.deal.holders import outstanding
from scfcap.deal.outcome import DealRun
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray
from scfcap.schema.holders import CapitalSpec

_ROUNDING: Final = 1e-9
_FIGURES: Final = (
    "balance", "attachment", "detachment", "maturity", "uncapped", "weight", "capital",
)  # fmt: skip


@dataclass(frozen=True)
class RiskWeights:
    """What each class weighs on ``day``; arrays [J, K] of classes and scenarios.

    ``balance`` in currency (of the last class, if it is equity, all that is left of the pool);
    ``attachment`` and ``detachment`` are shares of the pool, ``maturity`` is M_T [years],
    ``uncapped`` and ``weight`` are decimals (12.5 is 1,250%), NaN of what is repaid or has no
    principal. ``approach`` [J] and ``rating`` [J] say how each was found. ``k_a`` is the pool's
    charge, ``pool`` [K] what it holds, funded reserves included [currency].
    """

    day: date
    scenarios: tuple[str, ...]
    tranches: tuple[str, ...]
    approach: tuple[str, ...]
    rating: tuple[str, ...]
    k_a: float
    pool: FloatArray
    balance: FloatArray
    attachment: FloatArray
    detachment: FloatArray
    maturity: FloatArray
    uncapped: FloatArray
    weight: FloatArray
    held: FloatArray
    held_capital: FloatArray

    @property
    def capital(self) -> FloatArray:
        """Least capital for the whole of each class [J, K; currency]: 8% of what is weighted."""
        return np.asarray(TOTAL_RATIO * self.weight * self.balance)

    def frame(self) -> pd.DataFrame:
        """One row a scenario and class that stands."""
        k, j = (each.ravel() for each in np.indices(self.weight.T.shape))
        texts = {
            "scenario": np.array(self.scenarios, dtype=object)[k],
            "tranche": np.array(self.tranches, dtype=object)[j],
            "approach": np.array(self.approach, dtype=object)[j],
            "rating": np.array(self.rating, dtype=object)[j],
        }
        figures = (
            "balance",
            "attachment",
            "detachment",
            "maturity",
            "uncapped",
            "weight",
            "capital",
        )
        frame = pd.DataFrame(
            {**texts, **{name: getattr(self, name).T.ravel() for name in figures}}
        ).rename(columns={"uncapped": "weight_uncapped", "weight": "risk_weight"})
        frame.insert(1, "date", np.full(len(frame), np.datetime64(self.day, "s")))
        return frame[frame["risk_weight"].notna()].reset_index(drop=True)

    def originator(self) -> pd.DataFrame:
        """One row a scenario: what the originator retains, and his capital within its cap."""
        alone = TOTAL_RATIO * np.nansum(
            np.where(self.held > 0.0, self.weight * self.held, 0.0), axis=0
        )
        return pd.DataFrame(
            {
                "scenario": list(self.scenarios),
                "retained": self.held.sum(axis=0),
                "capital_uncapped": alone,
                "capital": self.held_capital,
            }
        )


def risk_weights(run: DealRun, terms: CapitalSpec, day: date | None = None) -> RiskWeights:
    """Risk weights of each class as the deal stands at the close of ``day`` (None: at its start).

    Classes with a rating are weighed by SEC-ERBA, the others by SEC-SA (the United States'
    formula, with rules = "us"). A class is senior where nothing that stands is paid before it;
    what is drawn on lines is taken to be paid before all classes.

    Raises:
        InputError: the day is before the run or after it, or the rules are not in force on it.
    """
    calendar, names = run.deal.calendar, run.deal.tranches
    on = day or calendar.start
    if not calendar.start <= on <= calendar.dates[-1]:
        expected = f"a day from {calendar.start} to {calendar.dates[-1]}"
        raise InputError(
            Problem(f"deals/{run.deal.name}.toml: capital", f"weights on {on}", expected)
        )
    if terms.rules == "china" and on < CHINA_FROM:
        where = f"deals/{run.deal.name}.toml: capital.rules"
        expected = f"a day from {CHINA_FROM} on, when the Basel text came into force there"
        raise InputError(Problem(where, f'"china", and weights on {on}', expected))
    t = sum(each <= on for each in calendar.dates)
    rules = RULES["basel" if terms.rules == "china" else terms.rules]
    pool = _pool(run, terms, t)
    drawn = (run.drawn[t - 1] if t else run.drawn_start).sum(axis=0)
    balance = _balances(run, pool - drawn, t)
    low, high = (
        each[1:]
        for each in attachments(
            pool, np.concatenate([drawn[None], balance]), ranks=(-1, *_ranks(run, terms))
        )
    )
    k_sa = TOTAL_RATIO * terms.pool_weight
    k_a = float(pool_charge(k_sa, terms.delinquent, terms.unknown))
    senior = high >= 1.0 - _ROUNDING
    floor = np.where(senior, rules.senior_floor, rules.floor)
    weight = sec_sa(low, high, k_a, p=rules.p, floor=floor)
    maturity = _maturities(run, terms, on, t)
    ratings = class_ratings(run.deal.spec, terms)
    for row, name in enumerate(names):
        rating = ratings.get(name)
        if rating is not None:
            each = (rating, low[row], high[row], maturity)
            top, under = (sec_erba(*each, senior=yes) for yes in (True, False))
            weight[row] = np.where(senior[row], top, under)
    capped = weight
    if terms.look_through and rules.p <= 1.0:
        capped = np.where(senior, look_through(weight, min(terms.pool_weight, FULL)), weight)
    retained = np.array([each.retained for each in run.deal.spec.tranches.values()])
    held = balance * retained[:, None]
    return RiskWeights(
        day=on,
        scenarios=run.scenarios,
        tranches=names,
        approach=tuple("SEC-ERBA" if n in ratings else _formula(terms) for n in names),
        rating=tuple(ratings.get(n, "") for n in names),
        k_a=k_a,
        pool=pool,
        balance=balance,
        attachment=low,
        detachment=high,
        maturity=np.broadcast_to(maturity, weight.shape),
        uncapped=weight,
        weight=capped,
        held=held,
        held_capital=capital_cap(capped, held, balance, pool, k_sa),
    )


def _formula(terms: CapitalSpec) -> str:
    return "SSFA" if terms.rules == "us" else "SEC-SA"


def _pool(run: DealRun, terms: CapitalSpec, t: int) -> FloatArray:
    """Performing loans and funded reserves at the close of period ``t``, 0: the start [K]."""
    pool = run.of("pool")[:, t - 1] if t else run.pool_start
    cash = run.cash[t - 1] if t else run.start
    targets = {name for name, each in run.deal.spec.accounts.items() if each.target is not None}
    reserves = targets if terms.reserves is None else set(terms.reserves)
    rows = [row for row, name in enumerate(run.deal.accounts) if name in reserves]
    return np.asarray(pool + cash[rows].sum(axis=0))


def _balances(run: DealRun, pool: FloatArray, t: int) -> FloatArray:
    """Balances [J, K]; none of interest-only classes, and of a last equity all that is left of
    ``pool``.
    """
    found = outstanding(run)[:, :, t].T.copy()
    kinds = [each.kind for each in run.deal.spec.tranches.values()]
    found[[kind == "interest_only" for kind in kinds]] = 0.0
    if kinds[-1] == "equity":
        found[-1] = np.maximum(pool - found[:-1].sum(axis=0), 0.0)
    return found


def _ranks(run: DealRun, terms: CapitalSpec) -> tuple[int, ...]:
    """Rank of each class: its place, or that of the first of its group."""
    names = run.deal.tranches
    first = {name: min(map(names.index, group)) for group in terms.pari_passu for name in group}
    return tuple(first.get(name, row) for row, name in enumerate(names))


def _maturities(run: DealRun, terms: CapitalSpec, on: date, t: int) -> FloatArray:
    """M_T [K], by what phase each scenario is in."""
    spec = run.deal.spec
    end = max(spec.legal_end or run.deal.calendar.dates[-1], on)
    legal = year_fraction(on, end, "act/365")
    return tranche_maturity(legal, np.where(_revolves(run, t), terms.tenor, 0.0))


def _revolves(run: DealRun, t: int) -> BoolArray:
    """Whether loans may be bought in the phase of each scenario [K]."""
    spec = run.deal.spec
    buys = np.array(
        [
            any(
                step.pay == "purchase"
                for step in (*spec.waterfall[p.name], *spec.settlement.steps.get(p.name, ()))
            )
            for p in spec.phases
        ]
    )
    if t:
        return np.asarray(buys[run.phase[t - 1]])
    first = 0
    if spec.opening is not None and spec.opening.phase is not None:
        first = [phase.name for phase in spec.phases].index(spec.opening.phase)
    return np.full(len(run.scenarios), buys[first])
