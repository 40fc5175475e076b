"""A seeded funding date of any size: four channels, two hundred rows, heavy-tailed balances.

For benchmarks and tests. Balances are Pareto with a cut tail, rates rise as scores fall, funders
pay more for some regions and industries than for others. ``few``: limits on shares are wide, so
that amounts, means and churn decide. ``many``: they are close to what the pool offers, so that
most of them decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scfcap.funding.allocation.program import (
    AllocationProgram,
    Attribute,
    Choice,
    Codes,
    Row,
    Term,
)
from scfcap.quantities import BoolArray, FloatArray

SampleKind = Literal["few", "many"]
CHANNELS = ("own_capital", "bank_transfer:bank", "securitization:series", "p2p:platform")
OWN, BANK, SERIES, P2P = range(4)
REGIONS, INDUSTRIES, CORES = 30, 20, 18
#: Least balance [currency], tail index, and the largest loan in least balances and as a share of
#: all balances.
LEAST, TAIL, LARGEST, LARGEST_SHARE = 20_000.0, 1.7, 1_000.0, 0.002
#: All-in cost of each channel's money [1/year], and the share of the losses that stays.
COST = np.array([0.085, 0.052, 0.060, 0.074])
LOSS_KEPT = np.array([1.0, 0.35, 0.60, 0.80])
#: Amount of each channel as a share of the pool: least and most.
BAND = ((0.0, 0.50), (0.15, 0.26), (0.18, 0.30), (0.03, 0.08))
#: Cost of moving a loan to another channel, share of its balance; most that moves, share of all.
MOVE_COST, CHURN = 0.0006, 0.30
#: Limit on a group's share over its share of what may go there; ``many`` draws from the range.
WIDE, CLOSE = 2.5, (0.94, 1.16)


@dataclass(frozen=True)
class _Pool:
    balance: FloatArray
    score: FloatArray
    rate: FloatArray
    years: FloatArray
    loss: FloatArray
    codes: dict[str, Codes]
    today: Choice


def sample(kind: SampleKind, loans: int, seed: int = 20131231) -> AllocationProgram:
    """The funding date of ``loans`` loans; the same for the same seed, at any time."""
    random = np.random.default_rng(seed)
    pool = _pool(random, loans)
    eligible = _eligible(pool)
    tilts = {name: random.normal(0.0, 0.006, (_size(name), 4)) for name in _TILTED}
    attributes = {
        name: Attribute(codes, _labels(name, codes)) for name, codes in pool.codes.items()
    }
    total = float(pool.balance.sum())
    rows = [*_amounts(total), *_shares(kind, random, pool, eligible), *_averages(kind)]
    rows += _caps(kind, random, pool)
    rows.append(_churn(total))
    numbers = {"score": pool.score, "rate": pool.rate, "term_days": pool.years * 365.0}
    names = np.char.add("L", np.char.zfill(np.arange(loans).astype("U8"), 8))
    return AllocationProgram(
        loan_id=names.astype(object),
        balance=pool.balance,
        channels=CHANNELS,
        value=_values(random, pool, tilts),
        eligible=eligible,
        must=pool.today == OWN,
        today=pool.today,
        attributes=attributes,
        numbers=numbers,
        rows=tuple(rows),
    )


_TILTED = ("region", "industry")


def _size(name: str) -> int:
    return {"region": REGIONS, "industry": INDUSTRIES, "core": CORES, "today": len(CHANNELS)}[name]


def _labels(name: str, codes: Codes) -> tuple[str, ...]:
    if name == "today":
        return CHANNELS
    count = int(codes.max(initial=-1)) + 1 if name == "borrower" else _size(name)
    return tuple(f"{name}-{k + 1}" for k in range(count))


def _long_tailed(random: np.random.Generator, size: int, loans: int) -> Codes:
    """Codes whose frequency falls like 1 / (rank + 2)."""
    weight = 1.0 / (np.arange(size) + 3.0)
    edges = np.cumsum(weight / weight.sum())[:-1]
    return np.searchsorted(edges, random.random(loans)).astype(np.int32)


def _pool(random: np.random.Generator, loans: int) -> _Pool:
    drawn: FloatArray = LEAST * (1.0 + random.pareto(TAIL, loans))
    most = min(LARGEST * LEAST, max(LARGEST_SHARE * float(drawn.sum()), 2.0 * LEAST))
    balance = np.minimum(drawn, most).round(2)
    quality = random.normal(0.0, 1.0, loans)
    score = np.clip(600.0 + 60.0 * quality, 350.0, 850.0).round()
    noise = random.normal(0.0, 0.015, loans)
    rate = np.clip(0.13 - 0.02 * quality + noise, 0.05, 0.24).round(4)
    years = np.clip(random.gamma(4.0, 0.12, loans), 0.08, 2.0)
    years = (years * 365.0).round() / 365.0
    loss = np.clip(0.03 * np.exp(-0.5 * quality), 0.002, 0.2)
    core = _long_tailed(random, CORES, loans)
    core[random.random(loans) < 0.35] = -1
    today = np.searchsorted([0.35, 0.55, 0.80, 0.84], random.random(loans)).astype(np.int16)
    today[today == len(CHANNELS)] = -1
    codes = {
        "region": _long_tailed(random, REGIONS, loans),
        "industry": _long_tailed(random, INDUSTRIES, loans),
        "core": core,
        "borrower": random.integers(0, max(1, loans // 3), loans, dtype=np.int32),
        "today": today.astype(np.int32),
    }
    return _Pool(balance, score, rate, years, loss, codes, today)


def _eligible(pool: _Pool) -> BoolArray:
    """Own capital takes all; the others by score, term, size and place, or what they have."""
    can = np.ones((len(pool.balance), len(CHANNELS)), dtype=np.bool_)
    can[:, BANK] = (pool.score >= 560.0) & (pool.years <= 1.0)
    can[:, SERIES] = (pool.score >= 520.0) & (pool.codes["region"] % 10 != 9)
    can[:, P2P] = (pool.balance <= 25.0 * LEAST) & (pool.years <= 0.75)
    return can


def _values(random: np.random.Generator, pool: _Pool, tilts: dict[str, FloatArray]) -> FloatArray:
    """Income less losses and cost over the loan's life [currency], less the cost of moving."""
    yearly = pool.rate[:, None] - pool.loss[:, None] * LOSS_KEPT - COST
    for name, tilt in tilts.items():
        yearly += tilt[pool.codes[name]]
    yearly += random.normal(0.0, 0.002, yearly.shape)
    worth = pool.balance[:, None] * pool.years[:, None] * yearly
    moves = (pool.today[:, None] >= 0) & (pool.today[:, None] != np.arange(len(CHANNELS)))
    return np.asarray(worth - MOVE_COST * pool.balance[:, None] * moves, dtype=np.float64)


def _amounts(total: float) -> list[Row]:
    rows = []
    for channel, (key, (low, high)) in enumerate(zip(CHANNELS, BAND, strict=True)):
        least, most = round(low * total, 2), round(high * total, 2)
        rows += [
            Row(f"{key} least", "least", -least, (Term(channel, -1.0),), least, key),
            Row(f"{key} most", "most", most, (Term(channel, 1.0),), most, key),
        ]
    return rows


def _shares(
    kind: SampleKind, random: np.random.Generator, pool: _Pool, eligible: BoolArray
) -> list[Row]:
    rows = []
    sets = [(BANK, n) for n in ("region", "industry", "core")]
    sets += [(SERIES, n) for n in ("region", "industry", "core")] + [(P2P, "region")]
    for channel, name in sets:
        offered = np.where(eligible[:, channel], pool.balance, 0.0)
        by_code = np.bincount(pool.codes[name] + 1, offered, _size(name) + 1)[1:]
        share = by_code / offered.sum()
        factor = np.full(len(share), WIDE)
        if kind == "many":
            factor = random.uniform(*CLOSE, len(share))
        for code, most in enumerate(np.round(np.clip(share * factor, 0.002, 1.0), 4)):
            label = f"{name}-{code + 1}"
            terms = (Term(channel, 1.0, name, (code,)), Term(channel, -float(most)))
            rows.append(
                Row(f"{CHANNELS[channel]} {label}", "share", 0.0, terms, float(most), label)
            )
    return rows


def _averages(kind: SampleKind) -> list[Row]:
    del kind
    stated = (
        (BANK, "score", "least", 622.0),
        (BANK, "term_days", "most", 165.0),
        (SERIES, "score", "least", 600.0),
        (SERIES, "rate", "least", 0.128),
        (SERIES, "term_days", "most", 190.0),
        (P2P, "rate", "least", 0.125),
        (P2P, "term_days", "most", 140.0),
    )
    rows = []
    for channel, number, side, limit in stated:
        sign = 1.0 if side == "most" else -1.0
        terms = (Term(channel, sign, number=number), Term(channel, -sign * limit))
        rows.append(Row(f"{CHANNELS[channel]} mean {number}", "average", 0.0, terms, limit, number))
    return rows


def _caps(kind: SampleKind, random: np.random.Generator, pool: _Pool) -> list[Row]:
    """Each core enterprise over all channels but own capital."""
    by_core = np.bincount(pool.codes["core"] + 1, pool.balance, CORES + 1)[1:]
    share = random.uniform(0.48, 0.62, CORES) if kind == "many" else np.full(CORES, 0.9)
    rows = []
    for code, most in enumerate(np.round(by_core * share, 2)):
        label = f"core-{code + 1}"
        terms = tuple(Term(channel, 1.0, "core", (code,)) for channel in (BANK, SERIES, P2P))
        rows.append(Row(f"sold {label}", "cap", float(most), terms, float(most), label))
    return rows


def _churn(total: float) -> Row:
    most = round(CHURN * total, 2)
    every = range(len(CHANNELS))
    terms = tuple(Term(c, 1.0, "today", tuple(t for t in every if t != c)) for c in every)
    return Row("churn", "churn", most, terms, most)
