"""Small funding dates from frames of loans, and a plain reading of what their limits ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from scfcap.funding.allocation.assemble import Draft, draft
from scfcap.funding.allocation.assembled import Target
from scfcap.funding.allocation.funders import Setting, setting
from scfcap.pool.build import Around, build_pool, columns_of
from scfcap.schema.model import Model
from scfcap.tape.schema import Tape
from tests.funding.small_platform import AS_OF, MODEL

OWN, BANK, SERIES = "own_capital", "bank_transfer:city-bank", "securitization:series-1"
JOINT, LINE = "joint_lending:partner", "bank_debt:bank-a"


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A tape's frame; what a row does not say is usual."""
    usual = {
        "segment": "credit", "loan_type": "bullet", "rate": 0.2, "days_past_due": 0,
        "status": "current", "channel": None, "score": np.nan, "buyer_id": None, "age": 60,
        "remaining": 60,
    }  # fmt: skip
    made = []
    for k, row in enumerate(rows):
        loan = {**usual, "loan_id": f"L{k}", "borrower_id": f"B{k}", **row}
        age, left = int(loan.pop("age")), int(loan.pop("remaining"))
        loan["origination_date"] = AS_OF - timedelta(days=age)
        loan["maturity_date"] = AS_OF + timedelta(days=left)
        loan["current_balance"] = loan.pop("balance")
        loan["original_balance"] = loan["current_balance"]
        made.append(loan)
    table = pd.DataFrame(made)
    for name in ("origination_date", "maturity_date"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
    for name in ("segment", "loan_type", "channel", "status"):
        table[name] = table[name].astype("category")
    numbers = ("score", "rate", "current_balance", "original_balance", "days_past_due")
    for name in numbers:
        table[name] = table[name].astype("float64")
    return table


def model(allocation: Mapping[str, Any], **changes: Any) -> Model:
    """The small platform with this ``[allocation]``; a partner, and a base of bank-a's line."""
    base = {"eligibility": "bank", "lender": "bank-a", "otherwise": 0.8}
    pool = {**MODEL["pool"], "borrowing_base": {"bank-a": base}}  # type: ignore[dict-item]
    partner = {"name": "partner", "own_share": 0.3, "limit": 1e12}
    text = {**MODEL, "pool": pool, "joint": [partner], "allocation": dict(allocation), **changes}
    return Model.model_validate(text)


def date_of(
    spec: Model,
    table: pd.DataFrame,
    before: Mapping[str, Sequence[str]] | None = None,
    targets: Mapping[str, Target] | None = None,
) -> Setting:
    """The funding date of a frame of loans."""
    empty = pd.DataFrame()
    tape = Tape(table, empty, empty, empty, AS_OF, "tape", "test")
    pool = build_pool(tape, spec.pool)
    return setting(spec, pool, columns_of(tape, spec.pool, Around()), targets, before)


def drafted(
    spec: Model, table: pd.DataFrame, value: np.ndarray | None = None, **more: Any
) -> Draft:
    """Its draft, worth ``value`` (loans, channels) or nothing."""
    given = date_of(spec, table, **more)
    return draft(given, np.zeros((len(given), len(given.funders))) if value is None else value)


class Reading:
    """What a model's limits ask of a placement, loan by loan in plain Python: a second opinion.

    Names of channels by loan in, whether all limits are kept out.
    """

    def __init__(self, spec: Model, table: pd.DataFrame) -> None:
        self.spec, self.stated = spec, spec.allocation
        self.loans = table.to_dict("records")
        self.today = [x["channel"] if isinstance(x["channel"], str) else None for x in self.loans]

    def may(self, i: int, key: str) -> bool:
        """Whether a loan may be in a channel; without frozen and promised loans."""
        loan, now = self.loans[i], self.today[i]
        kind, name = key.split(":")[0], key.partition(":")[2]
        if now is not None and now != key:
            own = now == OWN or now.startswith("bank_debt")
            channel = self.stated.channels.get(now)
            told = None if channel is None else channel.releases
            if not (own if told is None else told):
                return False
        if key == OWN or (now == key and kind != "bank_debt"):
            return True
        channel = self.stated.channels[key]
        if not channel.open or (kind == "joint_lending" and now is not None):
            return now == key and channel.open is False
        late = {"city-bank", "series-1", "bank-a"}
        if name in late and loan["days_past_due"] > 0:
            return False
        if name == "city-bank" and (loan["segment"] != "credit" or self._young(loan)):
            return False
        if loan["current_balance"] < channel.minimum_loan:
            return False
        return all(loan[mean.column] == loan[mean.column] for mean in channel.averages)

    def _young(self, loan: Mapping[str, Any]) -> bool:
        return bool(loan["origination_date"].date() > date(2013, 11, 30))

    def part(self, i: int, placed: str, key: str) -> float:
        """Share of a loan placed in ``placed`` that counts in the limits of ``key``."""
        kind = placed.split(":")[0]
        if kind == "joint_lending":
            partners = 1.0 if self.today[i] == placed else 0.7
            return partners if key == placed else 1.0 - partners if key == OWN else 0.0
        if key == OWN and kind == "bank_debt":
            return 1.0
        return 1.0 if key == placed else 0.0

    def held(self, placed: Sequence[str], keys: Sequence[str]) -> list[float]:
        """What each loan adds in channels ``keys`` together."""
        return [
            loan["current_balance"] * min(sum(self.part(i, placed[i], key) for key in keys), 1.0)
            for i, loan in enumerate(self.loans)
        ]

    def keeps(self, placed: Sequence[str]) -> bool:
        """Whether a placement keeps every limit."""
        amount = [loan["current_balance"] for loan in self.loans]
        if self.stated.churn is not None:
            moved = sum(b for b, now, at in zip(amount, self.today, placed, strict=True)
                        if now is not None and now != at)  # fmt: skip
            if moved > self.stated.churn * sum(amount) + 1e-9:
                return False
        stuck = self.stuck()
        for key, channel in self.stated.channels.items():
            held = self.held(placed, [key])
            total = sum(held)
            low, high = channel.least or 0.0, 1e15 if channel.most is None else channel.most
            if not low - 1e-9 <= total <= high + 1e-9:
                return False
            for mean in channel.averages:
                for end, sign in ((mean.least, -1.0), (mean.most, 1.0)):
                    if end is None:
                        continue
                    over = [
                        sign * h * (x[mean.column] - end) if x[mean.column] == x[mean.column] else 0
                        for h, x in zip(held, self.loans, strict=True)
                    ]
                    now = sum(x for x, alone in zip(over, stuck, strict=True) if alone)
                    if sum(over) > max(now, 0.0) + 1e-7:
                        return False
            for limit in channel.concentrations:
                if not self._names(limit, held, limit.top, stuck):
                    return False
            if key == LINE and 0.8 * total < 5.0e6 - 1e-9:
                return False
        for across in self.stated.limits:
            keys = across.channels or [OWN, *(k for k in self.stated.channels if k != OWN)]
            if not self._names(across, self.held(placed, keys), 1, stuck):
                return False
        return True

    def stuck(self) -> list[bool]:
        """Loans that may be in one channel only."""
        keys = [OWN, *(key for key in self.stated.channels if key != OWN)]
        return [sum(self.may(i, key) for key in keys) == 1 for i in range(len(self.loans))]

    def _names(self, limit: Any, held: Sequence[float], top: int, stuck: Sequence[bool]) -> bool:
        """Whether names have no more than allowed, or than those have that cannot go elsewhere."""
        over = self._over(limit, held, top)
        alone = [h if x else 0.0 for h, x in zip(held, stuck, strict=True)]
        before = self._over(limit, alone, top)
        return all(x <= max(before.get(name, 0.0), 0.0) + 1e-7 for name, x in over.items())

    def _over(self, limit: Any, held: Sequence[float], top: int) -> dict[str, float]:
        """By how much each name, or the largest together, have more than the limit."""
        by_name: dict[str, float] = defaultdict(float)
        for h, loan in zip(held, self.loans, strict=True):
            if isinstance(loan[limit.column], str):
                by_name[loan[limit.column]] += h
        base = sum(held) if limit.of is None else limit.of
        most = limit.amount if limit.share is None else limit.share * base
        if top > 1:
            return {"largest": sum(sorted(by_name.values(), reverse=True)[:top]) - most}
        return {name: x - most for name, x in by_name.items()}
