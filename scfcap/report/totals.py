"""What tables of a plan and of a series add up to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scfcap import axes

_LOANS = ("loans", "loans sold")


def last_part(items: pd.Series) -> pd.Series:
    """What an item is, without whose it is: ``bank-a: debt`` is ``debt``."""
    return items.astype(str).str.rsplit(": ", n=1).str[-1]


def funding_stack(balances: pd.DataFrame) -> pd.DataFrame:
    """Who funds the loans managed and the cash: a row by channel, a column by period [currency].

    Own capital is net capital; bank debt and P2P notes count at their balance, a securitization
    at its notes sold, loans with a buyer or a partner in full. Channels that are zero
    throughout are left out.
    """
    channel = balances["channel"].astype(str).map(axes.channel_of)
    what = last_part(balances["item"])
    notes = what.str.contains(r"\bnotes\b")
    masks = {
        axes.OWN: (channel == axes.OWN) & (what == "net capital"),
        axes.BANK_DEBT: (channel == axes.BANK_DEBT) & (what == "debt"),
        axes.SECURITIZATION: (channel == axes.SECURITIZATION) & notes,
        axes.BANK_TRANSFER: (channel == axes.BANK_TRANSFER) & what.isin(_LOANS),
        axes.P2P: (channel == axes.P2P) & (notes | what.isin(_LOANS)),
        axes.GUARANTEED_BANK: (channel == axes.GUARANTEED_BANK) & what.isin(_LOANS),
        axes.JOINT_LENDING: (channel == axes.JOINT_LENDING) & what.isin(_LOANS),
    }
    stack = pd.DataFrame({name: by_period(balances, mask) for name, mask in masks.items()}).T
    used: pd.DataFrame = stack[np.abs(stack.to_numpy()).max(axis=1) > 0.0]
    return used


def loans_managed(balances: pd.DataFrame) -> pd.Series:
    """Loans in every place, on the books and off them, by period [currency]."""
    return by_period(balances, last_part(balances["item"]).isin(_LOANS))


def by_period(balances: pd.DataFrame, mask: pd.Series) -> pd.Series:
    """Sum of the chosen balances by period, zero where there are none [currency]."""
    periods = sorted(balances["period"].unique())
    return balances[mask].groupby("period")["amount"].sum().reindex(periods, fill_value=0.0)


def deal_sides(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Columns of a series' frame that are sources and uses of its cash, in their order."""
    columns = list(map(str, frame.columns))
    tranches = deal_tranches(frame)
    sources = [
        "opening cash", "opening reserve", "notes issued", "contribution",
        "interest collected", "principal collected", "recoveries", "interest on cash",
    ]  # fmt: skip
    uses = ["issue cost", "senior fee", "servicing fee"]
    uses += [f"{tranche} interest" for tranche in tranches]
    uses += ["purchases", *(f"{tranche} principal" for tranche in tranches)]
    uses += ["residual", "cash", "reserve"]
    return [c for c in sources if c in columns], [c for c in uses if c in columns]


def deal_tranches(frame: pd.DataFrame) -> list[str]:
    """Sold tranches of a series' frame, senior first."""
    names = [str(c).removesuffix(" notes") for c in frame.columns if str(c).endswith(" notes")]
    return [name for name in names if f"{name} principal" in frame]
