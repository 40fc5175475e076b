"""Random pools of loans of all types, and how they behave."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from scfcap.axes import LOAN_TYPES, ORDER, OWN
from scfcap.cashflow.cohorts import NewLoans
from scfcap.credit.exposure import Exposures, measure
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray
from scfcap.schema.credit import SegmentCredit
from scfcap.testing.dice import Dice

#: Names of generated segments and core enterprises.
SEGMENTS = ("credit", "order", "line")
CORES = ("core-1", "core-2", "core-3")


def any_pool(dice: Dice, as_of: date, size: float = 1000.0, days: int = 360) -> Pool:
    """From no loan to sixty, of ``size`` [currency] in all, with terms of up to ``days``.

    All loan types; current, late and defaulted; past maturity; rates from 0 to 100%; a loan of a
    cent beside large ones. Where buyers pay orders they dilute them and pay late, in parts.
    """
    random = dice.numbers()
    count = int(dice.edge(2, 60, 1, 0))
    segments = SEGMENTS[: dice.whole(1, 3)]
    kind = random.integers(0, len(LOAN_TYPES), count)
    if dice.chance(0.2):
        kind[:] = dice.whole(0, len(LOAN_TYPES) - 1)
    term = random.integers(1, days + 1, count)
    age = (random.random(count) * term * dice.edge(0.0, 1.2, 0.0)).astype(np.int64)
    balance = random.lognormal(0.0, dice.edge(0.0, 1.5, 0.0), count)
    if count > 1 and dice.chance(0.2):
        balance[0] = 1e-5
    if count:
        balance *= size / balance.sum()
    late = np.where(random.random(count) < dice.edge(0.0, 0.3, 0.0, 1.0), 1, 0)
    late = late * random.integers(1, 200, count)
    lent = balance * np.where(random.random(count) < 0.5, 1.0, random.uniform(1.0, 2.0, count))
    return Pool(
        as_of=as_of,
        loan_id=np.array([f"L{i}" for i in range(count)], dtype=object),
        segments=segments,
        segment=random.integers(0, len(segments), count),
        places=(OWN,),
        place=np.zeros(count, dtype=np.int64),
        loan_type=kind.astype(np.int64),
        balance=balance,
        original_balance=lent,
        rate=_rates(dice, random, count),
        origination_day=-age,
        maturity_day=term - age,
        days_past_due=late.astype(np.int64),
        eligibility={},
        tables={},
        digest="random",
        payers=_payers(dice, kind, balance, term - age) if dice.chance(0.3) else None,
    )


def _rates(dice: Dice, random: np.random.Generator, count: int) -> FloatArray:
    return np.asarray(random.uniform(0.0, dice.edge(0.05, 0.36, 0.0, 1.0), count))


def _payers(dice: Dice, kind: Any, balance: FloatArray, left: Any) -> Payers | None:
    """Buyers that pay the orders, in one part or two."""
    orders = kind == ORDER
    if not orders.any():
        return None
    first = np.where(orders, np.maximum(left, 1) + dice.whole(0, 40), 0)
    parts = [first, first + np.where(orders, 20, 0)][: dice.whole(1, 2)]
    part = dice.numbers().random(len(kind)) < 0.5
    return Payers(
        amount=np.where(orders, balance / dice.edge(0.5, 1.0, 1.0), 0.0),
        dilution=np.where(orders & part, dice.edge(0.0, 0.8, 1.0), 0.0),
        pay_day=np.array(parts, dtype=np.int64).T,
        fee=dice.edge(0.0, 0.02, 0.0),
        recourse=dice.edge(0.0, 1.0, 0.0, 1.0),
    )


def any_exposures(dice: Dice, pool: Pool) -> Exposures:
    """What the pool owes to three core enterprises: each order has a buyer, or none that is one."""
    random = dice.numbers()
    buyers = np.array([*CORES, None], dtype=object)[random.integers(0, 4, len(pool))]
    buyers[pool.loan_type != ORDER] = None
    frame = pd.DataFrame(
        {
            "segment": np.array(pool.segments, dtype=object)[pool.segment],
            "loan_type": np.array(LOAN_TYPES, dtype=object)[pool.loan_type],
            "current_balance": pool.balance,
            "buyer_id": buyers,
            "borrower_id": np.array([f"b{k}" for k in random.integers(0, 20, len(pool))], object),
        }
    )
    return measure(frame, pool.segments, named=CORES)


def any_credit(dice: Dice, periods: int, *, rolls: bool = True, ages: bool = True) -> SegmentCredit:
    """Behaviour in any language of default and of prepayment; losses from none to all.

    ``periods`` is the length of lists of rates; ``rolls``: also by roll rates, which grids other
    than by the month take only where they can be told over parts of a month; ``ages``: also by
    curves over age, which the projection refuses of loans that are prepaid before they can default.
    """
    while True:
        stated = _default(dice, periods, rolls=rolls, ages=ages) | _recovery(dice)
        if "roll_rates" not in stated:
            stated |= _prepayment(dice, periods)
            if dice.chance(0.2):
                stated |= {"late_share": dice.edge(0.0, 1.0, 1.0), "late_days": dice.whole(1, 60)}
        try:
            return SegmentCredit.model_validate(stated)
        except ValidationError:  # two languages that do not go together
            continue


def _default(dice: Dice, periods: int, *, rolls: bool, ages: bool) -> dict[str, Any]:
    hows = ["cdr", "list", "mdr", "sda", "lifetime"]
    how = dice.one_of([*hows, *(["loss", "age"] if ages else []), *(["rolls"] if rolls else [])])
    if how == "cdr":
        return {"cdr": dice.edge(0.0, 0.5, 0.0, 1.0)}
    if how == "list":
        return {"cdr": tuple(dice.edge(0.0, 0.4, 0.0, 0.9) for _ in range(periods)), "run_on": True}
    if how == "mdr":
        return {"mdr": dice.edge(0.0, 0.05, 0.0)}
    if how == "sda":
        return {"sda": dice.real(5.0, 3000.0)}
    if how == "lifetime":
        return {"lifetime_default": dice.edge(0.0, 0.5, 0.0, 0.999)}
    if how == "loss":
        return {"lifetime_loss": dice.edge(0.0, 0.1, 0.0), "loss_timing": (0.5, 0.3, 0.2)}
    if how == "age":
        curve = {"ages": (30, 90, 400), "cumulative": (0.01, dice.real(0.01, 0.1), 0.15)}
        return {"default_by_age": (curve,), "run_on": True}
    return {"roll_rates": _rolls(dice)}


def _rolls(dice: Dice) -> tuple[tuple[float, ...], ...]:
    """Monthly chances from each open state; some get worse, some come back."""
    rows = []
    for state in range(5):
        worse, cure, prepaid = dice.real(0.01, 0.6), dice.real(0.0, 0.3), dice.edge(0.0, 0.05, 0.0)
        row = [0.0] * 7
        row[min(state + 1, 5)] += worse
        row[max(state - 1, 0)] += cure
        row[6] += prepaid
        row[state] += 1.0 - worse - cure - prepaid
        rows.append(tuple(row))
    return tuple(rows)


def _prepayment(dice: Dice, periods: int) -> dict[str, Any]:
    how = dice.one_of(("none", "cpr", "list", "smm", "psa", "abs"))
    if how == "none":
        return {}
    if how == "cpr":
        return {"cpr": dice.edge(0.0, 0.6, 0.0, 1.0)}
    if how == "list":
        return {"cpr": tuple(dice.edge(0.0, 0.5, 0.0) for _ in range(periods)), "run_on": True}
    if how == "smm":
        return {"smm": dice.edge(0.0, 0.1, 0.0)}
    return {"psa": dice.real(5.0, 800.0)} if how == "psa" else {"abs": dice.real(0.0, 0.02)}


def _recovery(dice: Dice) -> dict[str, Any]:
    found: dict[str, Any] = {"severity": dice.edge(0.2, 0.9, 0.0, 1.0)}
    if dice.chance(0.3):
        found["recovery_curve"] = (0.2, 0.5, 0.3)
    else:
        found["recovery_lag"] = int(dice.edge(0, 6, 0))
    if dice.chance(0.2):
        found["default_days"] = dice.whole(1, 180)
    return found


def any_new_loans(dice: Dice, days: int = 240) -> NewLoans:
    """What is lent anew: one to four kinds of loans."""
    random = dice.numbers()
    count = dice.whole(1, 4)
    weight = random.random(count) + 0.1
    return NewLoans(
        weight=weight / weight.sum(),
        rate=_rates(dice, random, count),
        loan_type=random.integers(0, 5, count),
        term_days=random.integers(1, days + 1, count),
    )
