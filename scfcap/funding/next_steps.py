"""What to do in the next month: how much, by when, why, at what cost, and what more is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, OWN, P2P, SECURITIZATION, place
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.data import LARGEST_POOL, limit_of
from scfcap.funding.inputs import BuyerInputs, Inputs, LenderInputs
from scfcap.funding.objective import objective_words
from scfcap.funding.partner import PartnerInputs
from scfcap.funding.statements import frame_of
from scfcap.periods import add_months

#: What is done with a source, in the order in which it is done.
_ORDER = ("notify", "repay", "lend", "book", "transfer", "issue", "draw")
_NAMES = [
    "action", "channel", "item", "detail", "amount", "first_date", "last_date", "deadline", "rate",
    "worth_of_more", "why",
]  # fmt: skip
#: Families whose rows speak of a source by its name, by channel where the name is not in them.
_OF_CHANNEL = {"p2p": "p2p_", "securitization": ""}
NOTHING = 1e-9

Frames = Mapping[str, pd.DataFrame]


def next_steps(inputs: Inputs, frames: Frames) -> pd.DataFrame:
    """The actions of the first month by source, with their reasons.

    ``amount`` [currency] adds up what is done from ``first_date`` to ``last_date``; ``deadline``:
    the first day by which notice is to be given. ``rate`` is the source's all-in cost over the
    plan [1/year]; ``worth_of_more`` what one more unit of its limit, or of demand, earns over the
    plan [1]. ``frames`` are the plan's tables ``actions``, ``lending``, ``cost_of_funds``,
    ``marginal_funding``, ``limits`` and ``prices``.
    """
    until = add_months(inputs.grid.as_of, 1, month_end=True)
    told = _Told(inputs, frames, until)
    rows = [*told.actions(), *told.lending()]
    sources = list(dict.fromkeys(row[1:3] for row in rows))
    rows.sort(key=lambda row: (_ORDER.index(str(row[0])), sources.index(row[1:3])))
    frame = frame_of(rows, _NAMES)
    for name in ("first_date", "last_date", "deadline"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame


@dataclass(frozen=True)
class _Told:
    inputs: Inputs
    frames: Frames
    until: date

    def actions(self) -> list[tuple[object, ...]]:
        """Actions up to ``until``, added up by action, source and detail."""
        todo = self.frames["actions"]
        todo = todo[todo["date"] <= pd.Timestamp(self.until)]
        rows: list[tuple[object, ...]] = []
        keys = ["action", "channel", "item", "detail"]
        for (action, channel, item, detail), group in todo.groupby(keys, sort=False):
            rate, worth = self._cost(str(channel), str(item))
            why = self._why(str(action), str(channel), str(item), str(detail), rate)
            days = group["date"]
            amount = float(group["amount"].sum())
            deadline = group["deadline"].min()
            rows.append(
                (action, channel, item, detail, amount, days.min(), days.max(), deadline, rate,
                 worth, why)
            )  # fmt: skip
        return rows

    def lending(self) -> list[tuple[object, ...]]:
        """New loans up to ``until`` by segment, against what is asked for."""
        lending = self.frames["lending"]
        ends = pd.to_datetime(lending["end"])
        near = lending[ends <= pd.Timestamp(self.until)].assign(end=ends)
        rows: list[tuple[object, ...]] = []
        for segment, group in near.groupby("segment", sort=False):
            made, asked = float(group["originated"].sum()), float(group["demand"].sum())
            if asked <= 0.0:
                continue
            share = made / asked
            worth = self._price(f"loan demand in {segment}")
            why = "All that is asked for."
            if self.inputs.spec.plan.objective == "min_cost":
                why = "The lending path that is to be funded."
            elif share < 1.0 - NOTHING:
                why = (
                    f"{share:.0%} of what is asked for: the money for the rest earns as much or "
                    "more in other loans."
                )
            rows.append(
                ("lend", OWN, segment, f"of {self._say(asked)} asked for", made,
                 group["end"].min(), group["end"].max(), pd.NaT, float("nan"), worth, why)
            )  # fmt: skip
        return rows

    def _cost(self, channel: str, item: str) -> tuple[float, float]:
        """All-in rate of a source [1/year], and what one more unit of its limit earns."""
        costs = self.frames["cost_of_funds"]
        mine = costs[(costs["channel"] == channel) & (costs["item"] == item)]
        if mine.empty:
            return float("nan"), float("nan")
        return float(mine["rate"].iloc[0]), float(mine["worth_of_more"].iloc[0])

    def _price(self, what: str) -> float:
        prices = self.frames["prices"]
        mine = prices[prices["what"] == what]
        return float("nan") if mine.empty else float(mine["value"].iloc[0])

    def _why(self, action: str, channel: str, item: str, detail: str, rate: float) -> str:
        """Cost against what money may cost, what limits the use, what more is worth."""
        if action == "notify":
            return "The notice that it wants, so that the money is there in time."
        if action == "repay":
            return self._due(channel, item)
        said = []
        if action == "transfer" and channel == SECURITIZATION:
            stands = self.inputs.deal(item).state is not None
            said.append("Its collections buy new loans." if stands else "Its notes pay for them.")
        if np.isfinite(rate):
            most = f"; money for the plan may cost up to {self._may_cost():.2%}"
            lending = self.inputs.spec.plan.objective == "max_lending"
            said.append(f"Costs {rate:.2%} a year all in{'' if lending else most}.")
        near = self._near(channel, item, detail)
        binding = near[near["binding"].astype(bool) & (near["dual"].abs() > NOTHING)]
        names = list(dict.fromkeys(map(_limit, binding["family"], binding["key"])))
        if names:
            said.append(f"Limited by {' and '.join(names)}.")
        elif channel == BANK_DEBT and not near["binding"].any():
            said.append("Its line is not used up in this month.")
        said += self._worth(channel, item, binding)
        return " ".join(said)

    def _due(self, channel: str, item: str) -> str:
        """Why a repayment is due: by its term, or called for a covenant that is broken."""
        for b in self.inputs.breaches if channel == BANK_DEBT else ():
            called = b.lender == item and b.effect == "acceleration"
            if called and self.inputs.grid.ends[b.t] <= self.until:
                return f"Called: the covenant {b.covenant} of {b.of} is broken."
        return "Due."

    def _worth(self, channel: str, item: str, binding: pd.DataFrame) -> Iterator[str]:
        """What one more unit earns: of the source's limit, and of what limits it this month."""
        data = [self._own_limit(channel, item)]
        data += [_datum(family, key) for family, key in binding[["family", "key"]].to_numpy()]
        prices = self.frames["prices"].set_index("what")
        unit, more = self._unit(), objective_words(self.inputs).more
        for what in dict.fromkeys(data):
            worth = self._price(what)
            if worth > NOTHING:
                per = str(prices.loc[what, "per"]).removeprefix(unit).strip()
                amount = self._say(worth * self.inputs.unit)
                yield f"{unit} more of {what} {per} {more} {amount}."

    def _own_limit(self, channel: str, item: str) -> str:
        """What the limit of a source is called among the prices."""
        inputs = self.inputs
        if channel == SECURITIZATION:
            return limit_of(inputs.deal(item))
        named: list[LenderInputs | BuyerInputs | PartnerInputs] = [*inputs.lenders]
        named += [*inputs.buyers, *inputs.partners]
        source = next((x for x in named if x.name == item), None)
        return limit_of(source) if source is not None or channel == P2P else ""

    def _may_cost(self) -> float:
        """The most that one more unit raised in the first period may cost, of all tenors."""
        curve = self.frames["marginal_funding"]
        first = curve[curve["period"] == 1]
        return float(first["rate"].max()) if len(first) else float("nan")

    def _near(self, channel: str, item: str, detail: str) -> pd.DataFrame:
        """Limits of a source up to ``until``, or once for all; of P2P supply the step's own."""
        limits = self.frames["limits"]
        ends = pd.to_datetime(limits["end"])
        near = ends.isna() | (ends <= pd.Timestamp(self.until))
        prefix = _OF_CHANNEL.get(channel)
        named = (limits["key"] == item) | limits["key"].str.startswith(f"{item}/")
        named |= limits["key"].isin([place(channel, item), channel])
        if prefix:
            named |= limits["family"].str.startswith(prefix)
        steps = limits["key"].map(detail.endswith)
        others = (limits["family"] == "p2p_supply") & ~steps.astype(bool)
        return limits[near & named & ~others]

    def _unit(self) -> str:
        return f"{self.inputs.spec.currency} {self.inputs.unit:,.0f}"

    def _say(self, amount: float) -> str:
        return f"{self.inputs.spec.currency} {amount:,.0f}"


def _limit(family: str, key: str) -> str:
    """A limit of a source in words."""
    return f"P2P supply {key}" if family == "p2p_supply" else BY_NAME[family].what


def _datum(family: str, key: str) -> str:
    """What room under a limit is called among the prices."""
    if family == "issue_size":
        return LARGEST_POOL
    return (
        _limit(family, key) if family == "p2p_supply" else f"room under {_limit(family, key)} {key}"
    )
