"""What changed in the advice: an older plan's decisions for the days to come, and a newer one's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from scfcap.axes import SECURITIZATION
from scfcap.funding.statements import AT_START
from scfcap.periods import PeriodGrid

#: Amounts below it are no change [currency].
LEAST = 0.5
#: Items of sources and uses that are decided.
_DECIDED = r"(.*: )?(drawn|loans sold|contribution|notes placed|dividends paid)"
_SIDES = ["before", "after", "change"]
Frames = Mapping[str, pd.DataFrame]


def common_closes(before: PeriodGrid, after: PeriodGrid) -> list[date]:
    """Days on which periods of both plans close, after the newer one's start."""
    return sorted({end for end in before.ends if end > after.as_of} & set(after.ends))


def advice(before: Frames, after: Frames, closes: list[date], start: date) -> pd.DataFrame:
    """What both plans decide by span between common closes, channel and item [currency].

    ``end``: the close that ends the span, ``side``: source or use; loans made by segment are the
    channel "lending". Series are taken together: which of them buys a loan is often all the same.
    Items that are nothing in both are left out.
    """
    keys = ["end", "side", "channel", "item"]
    told = [_summed(_flows(frames), closes, start, keys) for frames in (before, after)]
    return _beside(told[0], told[1], keys)


def _flows(frames: Frames) -> pd.DataFrame:
    flows = frames["sources_uses"]
    of_series = flows["channel"] == SECURITIZATION
    flows = flows.assign(item=flows["item"].where(~of_series, flows["item"].str.partition(": ")[2]))
    flows = flows[flows["item"].str.fullmatch(_DECIDED)]
    lent = frames["lending"].rename(columns={"segment": "item", "originated": "amount"})
    lent = lent.assign(side="use", channel="lending")
    names = ["end", "side", "channel", "item", "amount"]
    return pd.concat([lent[names], flows[names]], ignore_index=True)


def _summed(frame: pd.DataFrame, closes: list[date], start: date, keys: list[str]) -> pd.DataFrame:
    """Rows by the first of ``closes`` at or after their day, what is outside left out."""
    days = pd.to_datetime(frame["end"]).to_numpy(dtype="datetime64[D]")
    ends = np.array(closes, dtype="datetime64[D]")
    at = np.searchsorted(ends, days)
    inside = (days > np.datetime64(start, "D")) & (at < len(ends))
    kept = frame[inside].assign(end=ends[at[inside]].astype("datetime64[s]"))
    return kept.groupby(keys, sort=False)["amount"].sum().reset_index()


def _beside(before: pd.DataFrame, after: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    both = before.merge(after, on=keys, how="outer", suffixes=("_a", "_b"), sort=False)
    both["before"] = both.pop("amount_a").fillna(0.0)
    both["after"] = both.pop("amount_b").fillna(0.0)
    both["change"] = both["after"] - both["before"]
    there = (both["before"].abs() > LEAST) | (both["after"].abs() > LEAST)
    both = both[there].sort_values(keys, kind="stable").reset_index(drop=True)
    return both[[*keys, *_SIDES]]


def first_actions(before: Frames, after: Frames, start: date, until: date) -> pd.DataFrame:
    """Actions of both plans after ``start`` and up to ``until`` [currency]."""
    keys = ["date", "action", "channel", "item", "detail"]

    def of(frames: Frames) -> pd.DataFrame:
        frame = frames["actions"]
        mine = (frame["date"] > pd.Timestamp(start)) & (frame["date"] <= pd.Timestamp(until))
        return frame[mine].groupby(keys, sort=False)["amount"].sum().reset_index()

    return _beside(of(before), of(after), keys)


def binding(before: Frames, after: Frames, closes: list[date]) -> pd.DataFrame:
    """Limits without headroom at common closes in one plan or the other, at how many of them."""
    keys = ["family", "key"]

    def of(frames: Frames) -> pd.DataFrame:
        frame = frames["limits"]
        frame = frame[frame["binding"].astype(bool) & ~frame["family"].isin(AT_START)]
        frame = frame[pd.to_datetime(frame["end"]).isin(pd.to_datetime(closes))]
        return frame.groupby(keys, sort=False).size().reset_index(name="size")

    both = of(before).merge(of(after), on=keys, how="outer", suffixes=("_a", "_b"), sort=True)
    both["before"] = both.pop("size_a").fillna(0).astype(np.int64)
    both["after"] = both.pop("size_b").fillna(0).astype(np.int64)
    both["change"] = both["after"] - both["before"]
    return both[[*keys, *_SIDES]]
