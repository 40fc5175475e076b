"""What a back-test measures of a policy in one world, and how policies compare over many.

Differences are paired: all policies go through the same worlds. Intervals are bootstrap intervals
of the mean difference, by percentiles corrected for bias and skewness (B. Efron, R. Tibshirani, An
Introduction to the Bootstrap, 1993, 14.3), as ``scipy.stats.bootstrap`` has them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from scfcap.funding.caps import stock
from scfcap.funding.carrying import CarriedOut
from scfcap.funding.covenants import line_balances
from scfcap.funding.postings import Carried, lender_posting, p2p_posting
from scfcap.funding.rolling.policies import Intent
from scfcap.quantities import FloatArray

#: Level of the intervals, their resamples, and the tail of shortfalls.
CONFIDENCE, RESAMPLES, TAIL = 0.95, 2000, 0.8
#: A difference of less than this share of net capital is none.
EVEN = 1e-7


@dataclass(frozen=True)
class Outcome:
    """A policy in one world; amounts in money units, rates [1/year].

    ``value``: value at the end and dividends paid, above net capital at the start. ``served``:
    share of the demand that came. ``cost_of_funds``: interest and coupons on debt, notes and
    series. ``shortfall``: the sum of missing cash, ``deepest`` the most at one close.
    ``turnover``: loans moved, draws, notes and issues as a share of net capital. ``nervousness``:
    what plans change from date to date, as a share of what they intend (nan: nothing is replanned).
    """

    seed: int
    family: str
    policy: str
    value: float
    net_capital: float
    served: float
    cost_of_funds: float
    shortfall: float
    deepest: float
    shortfall_cost: float
    periods_short: int
    breaches_law: int
    breaches_contract: int
    breaches_promise: int
    breaches_policy: int
    triggers: int
    turnover: float
    nervousness: float
    fell_back: int


def outcome(
    seed: int,
    family: str,
    policy: str,
    carried: CarriedOut,
    intents: Sequence[Intent],
    fell_back: int,
) -> Outcome:
    """Measure what a policy did in a world."""
    inputs, decisions, result = carried.inputs, carried.decisions, carried.replay
    lent = float(decisions.originated.sum()) + sum(decisions.booked.values())
    asked = float(inputs.demand[:, 1:].sum())
    paid = 0.0 if decisions.dividends is None else float(decisions.dividends.sum())
    given = 0.0 if inputs.paid_in is None else float(inputs.paid_in.sum())
    short = [x.amount for x in carried.shortfalls]
    kinds = Counter(b.kind for b in carried.breaches if b.family != "trigger")
    moved = (
        sum(decisions.transfers.values())
        + sum(decisions.draws.values())
        + float(decisions.placed.sum())
        + sum(decisions.issued.values())
    )
    return Outcome(
        seed=seed,
        family=family,
        policy=policy,
        value=carried.end_value + paid - given - inputs.net_capital,
        net_capital=float(result.net_capital[-1]),
        served=lent / asked if asked > 0.0 else math.nan,
        cost_of_funds=_cost_of_funds(carried),
        shortfall=sum(short),
        deepest=max(short, default=0.0),
        shortfall_cost=sum(x.cost for x in carried.shortfalls),
        periods_short=len(short),
        breaches_law=kinds["law"],
        breaches_contract=kinds["contract"],
        breaches_promise=kinds["promise"],
        breaches_policy=kinds["policy"],
        triggers=sum(b.family == "trigger" for b in carried.breaches),
        turnover=moved / inputs.net_capital,
        nervousness=nervousness(intents),
        fell_back=fell_back,
    )


def _cost_of_funds(carried: CarriedOut) -> float:
    """Interest, fees and coupons on what was borrowed, over its average balance [1/year]."""
    inputs, decisions, result = carried.inputs, carried.decisions, carried.replay
    booked = Carried(inputs, decisions, result.places, result.deals)
    paid = -float((lender_posting(booked).income + p2p_posting(booked).income).sum())
    stood = sum(line_balances(inputs, decisions).values(), np.zeros(inputs.horizon + 1))
    stood = stood + stock(inputs, "p2p", decisions, result)
    for name, deal in result.deals.items():
        terms = inputs.terms(inputs.deal(name))
        state = inputs.deal(name).state
        first = np.zeros(len(terms.sold)) if state is None else state.notes
        before = np.column_stack([first, deal.balance[0][:, :-1]])
        coupons = np.array([tranche.coupon for tranche in terms.sold])
        paid += float((coupons @ before * inputs.year[1:]).sum())
        stood[:-1] += before.sum(axis=0)
        stood[-1] += float(deal.balance[0][:, -1].sum())
    owed = float((stood[:-1] * inputs.year[1:]).sum())
    return paid / owed if owed > 0.0 else math.nan


def nervousness(intents: Sequence[Intent]) -> float:
    """``sum |plan_t - plan_(t-1)|`` over the dates that both have, over what the first intend."""
    changed, intended = 0.0, 0.0
    for before, after in pairwise(intents):
        if not before or not after:
            continue
        first = min(key[2] for key in after)
        last = min(max(key[2] for key in before), max(key[2] for key in after))
        for key in {*before, *after}:
            if first <= key[2] <= last:
                changed += abs(before.get(key, 0.0) - after.get(key, 0.0))
                intended += before.get(key, 0.0)
    return changed / intended if intended > 0.0 else math.nan


def outcomes_table(found: Sequence[Outcome], inputs_unit: float) -> pd.DataFrame:
    """One row for each seed and policy; amounts in currency."""
    frame = pd.DataFrame([asdict(x) for x in found])
    for name in ("value", "net_capital", "shortfall", "deepest", "shortfall_cost"):
        frame[name] *= inputs_unit
    return frame


def summary(frame: pd.DataFrame, level: float = TAIL) -> pd.DataFrame:
    """Means by family and policy, with the families together as ``all``; shortfalls with the mean
    of the worst (1 - level) of all seeds.
    """
    rows = []
    for family, policy, group in _groups(frame):
        rows.append(
            {
                "family": family,
                "policy": policy,
                "seeds": len(group),
                "value": group["value"].mean(),
                "net_capital": group["net_capital"].mean(),
                "served": group["served"].mean(),
                "cost_of_funds": group["cost_of_funds"].mean(),
                "short_share": (group["shortfall"] > 0.0).mean(),
                "shortfall": group["shortfall"].mean(),
                "deepest": group["deepest"].max(),
                "shortfall_cvar": worst_mean(group["shortfall"].to_numpy(), level),
                "breaches_law": group["breaches_law"].mean(),
                "breaches_contract": group["breaches_contract"].mean(),
                "breaches_promise": group["breaches_promise"].mean(),
                "breaches_policy": group["breaches_policy"].mean(),
                "triggers": group["triggers"].mean(),
                "turnover": group["turnover"].mean(),
                "nervousness": group["nervousness"].mean(),
                "fell_back": int(group["fell_back"].sum()),
            }
        )
    return pd.DataFrame(rows)


def worst_mean(amounts: FloatArray, level: float) -> float:
    """Mean of the largest (1 - level) of the amounts, the boundary one by its part: CVaR.

    Source: R. T. Rockafellar, S. Uryasev, J. Banking & Finance 26 (2002) 1443-1471, for a finite
    sample with equal weights.
    """
    ordered = np.sort(np.asarray(amounts, dtype=np.float64))[::-1]
    tail = (1.0 - level) * len(ordered)
    weight = np.clip(tail - np.arange(len(ordered)), 0.0, 1.0)
    return float((ordered * weight).sum() / tail)


def differences(
    frame: pd.DataFrame, judged: str, measure: str, seed: int, even: float
) -> pd.DataFrame:
    """``judged`` less each rival in the same worlds: mean, interval, share of seeds lost.

    A seed is lost where the difference is below ``-even``. Intervals are at
    :data:`CONFIDENCE`; nan with fewer than two seeds.
    """
    rows = []
    mine = frame[frame["policy"] == judged].set_index("seed")
    for family, policy, group in _groups(frame):
        if policy == judged:
            continue
        theirs = group.set_index("seed")[measure]
        paired = mine[measure].reindex(theirs.index) - theirs
        values = paired.dropna().to_numpy(dtype=np.float64)
        if not len(values):
            continue
        low, high = interval(values, seed)
        rows.append(
            {
                "family": family,
                "rival": policy,
                "measure": measure,
                "seeds": len(values),
                "difference": float(values.mean()),
                "low": low,
                "high": high,
                "lost_share": float((values < -even).mean()),
                "won_share": float((values > even).mean()),
            }
        )
    return pd.DataFrame(rows)


def interval(values: FloatArray, seed: int) -> tuple[float, float]:
    """Bootstrap interval of the mean; nan with fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    if float(np.ptp(values)) == 0.0:
        return float(values[0]), float(values[0])
    from scipy.stats import bootstrap

    found = bootstrap(
        (values,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="BCa",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def _groups(frame: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    families = list(dict.fromkeys(frame["family"]))
    parts = [(name, frame[frame["family"] == name]) for name in families]
    if len(families) > 1:
        parts.append(("all", frame))
    return [
        (family, policy, part[part["policy"] == policy])
        for family, part in parts
        for policy in dict.fromkeys(part["policy"])
    ]
