"""What to do in the next month: how much, by when, why, at what cost, and what more is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, OWN, SECURITIZATION
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.inputs import Inputs
from scfcap.funding.statements import frame_of
from scfcap.periods import add_months

#: What is done with a source, in the order in which it is done.
_ORDER = ("notify", "repay", "lend", "transfer", "issue", "draw")
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
    rows.sort(key=lambda row: _ORDER.index(str(row[0])))
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
            why = self._why(str(action), str(channel), str(item), rate, worth)
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
            if share < 1.0 - NOTHING:
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

    def _why(self, action: str, channel: str, item: str, rate: float, worth: float) -> str:
        """Cost against what money may cost, what limits the use, what more is worth."""
        if action == "notify":
            return "The notice that it wants, so that the money is there in time."
        if action == "repay":
            return "Due."
        said = []
        if action == "transfer" and channel == SECURITIZATION:
            stands = self.inputs.deal(item).state is not None
            said.append("Its collections buy new loans." if stands else "Its notes pay for them.")
        if np.isfinite(rate):
            most = self._may_cost()
            said.append(f"Costs {rate:.2%} a year all in; money for the plan may cost {most:.2%}.")
        binding = self._binding(channel, item)
        if binding:
            said.append(f"Limited by {' and '.join(binding)}.")
        elif channel == BANK_DEBT:
            said.append("Its line is not used up in this month.")
        if np.isfinite(worth) and worth > NOTHING:
            each = f"{self.inputs.spec.currency} {worth * self.inputs.unit:,.0f}"
            said.append(f"{self._unit()} more of it throughout the plan earns {each}.")
        return " ".join(said)

    def _may_cost(self) -> float:
        """What one more unit raised in the first period for as long as is told may cost."""
        curve = self.frames["marginal_funding"]
        first = curve[curve["period"] == 1]
        return float(first["rate"].iloc[-1]) if len(first) else float("nan")

    def _binding(self, channel: str, item: str) -> list[str]:
        """Limits of a source that bind up to ``until``, or once for all."""
        limits = self.frames["limits"]
        ends = pd.to_datetime(limits["end"])
        near = ends.isna() | (ends <= pd.Timestamp(self.until))
        binds = limits["binding"].astype(bool) & (limits["dual"].abs() > NOTHING)
        prefix = _OF_CHANNEL.get(channel)
        named = (limits["key"] == item) | limits["key"].str.startswith(f"{item}/")
        if prefix:
            named |= limits["family"].str.startswith(prefix)
        mine = limits[near & binds & named]
        return list(dict.fromkeys(BY_NAME[str(f)].what for f in mine["family"]))

    def _unit(self) -> str:
        return f"{self.inputs.spec.currency} {self.inputs.unit:,.0f}"

    def _say(self, amount: float) -> str:
        return f"{self.inputs.spec.currency} {amount:,.0f}"
