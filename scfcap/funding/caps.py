"""The caps of the law by period: what they count, their bases, and the engines' word on both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd

from scfcap.axes import GUARANTEED_BANK, JOINT_LENDING, P2P
from scfcap.funding.constraints.leverage import base, counted
from scfcap.funding.decisions import Decisions, decisions_of
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Solution
from scfcap.funding.replay import Replay
from scfcap.funding.variables import Book
from scfcap.quantities import FloatArray
from scfcap.schema.regime import Base, Cap

_COLUMNS = [
    "period", "end", "regime", "cap", "base", "base_amount", "multiple", "counted", "limit",
    "headroom", "replayed", "replayed_limit", "base_date", "source",
]  # fmt: skip


def caps_table(book: Book, solution: Solution, result: Replay) -> pd.DataFrame:
    """Every cap in every period in which it holds [currency], with the regime and its source.

    ``counted`` against ``limit``, multiple times base; ``replayed`` and ``replayed_limit`` are the
    same by the engines. ``base_date`` is the day of the base. A cap that counts nothing is in it.
    """
    inputs, unit = book.inputs, book.inputs.unit
    decisions = decisions_of(book, solution)
    stocks: dict[str, FloatArray] = {}
    rows = []
    for t, end in enumerate(inputs.grid.ends, start=1):
        for dated in inputs.caps:
            cap = dated.cap
            if t not in dated.periods:
                continue
            moving, fixed = base(book, cap.base, t)
            amount = (moving.value(solution.x) + fixed) * unit
            use = counted(book, cap, t).value(solution.x) * unit
            limit = cap.multiple * amount
            for name in cap.weights:
                if name not in stocks:
                    stocks[name] = stock(inputs, name, decisions, result)
            replayed = sum(w * float(stocks[name][t]) for name, w in cap.weights.items()) * unit
            theirs = cap.multiple * replayed_base(inputs, cap, t, result) * unit
            rows.append(
                (
                    t, end, dated.regime, cap.name, cap.base, amount, cap.multiple, use, limit,
                    limit - use, replayed, theirs, base_date(inputs, cap.base, t), cap.source,
                )
            )  # fmt: skip
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    frame["base_date"] = pd.to_datetime(frame["base_date"]).astype("datetime64[s]")
    return frame


def base_date(inputs: Inputs, kind: Base, t: int) -> date:
    """The day of what a cap multiplies in period ``t``."""
    end = inputs.grid.ends[t - 1]
    if kind != "net_assets_prior_year_end":
        return end
    closed = inputs.year_end(t)
    if closed is None:
        return date(end.year - 1, 12, 31)
    return inputs.grid.ends[closed - 1] if closed else inputs.grid.as_of


def cap_checks(frame: pd.DataFrame, money: float) -> Iterator[tuple[str, float, float, str]]:
    """Program against engines, cap by cap; empty where no cap holds."""
    for name, group in frame.groupby("cap", sort=False):
        gap = max(
            float((group["counted"] - group["replayed"]).abs().max()),
            float((group["limit"] - group["replayed_limit"]).abs().max()),
        )
        yield f"replay: the cap {name}", gap, money, "what it counts, and its base"


def replayed_base(inputs: Inputs, cap: Cap, t: int, result: Replay) -> float:
    """What a cap multiplies in ``t`` by the engines' own net capital [money units]."""
    if cap.base == "net_capital":
        return float(result.net_capital[t])
    closed = t if cap.base == "net_assets" else inputs.year_end(t)
    if closed is None:
        assert inputs.year_end_net_assets is not None
        return inputs.year_end_net_assets
    return float(result.net_capital[closed]) + inputs.deductions


def base_at_start(inputs: Inputs, kind: Base) -> float:
    """The base at ``as_of`` [money units]; of the year that ends on it, if one does."""
    if kind == "net_capital":
        return inputs.net_capital
    if kind == "net_assets_prior_year_end" and inputs.year_end(0) is None:
        assert inputs.year_end_net_assets is not None
        return inputs.year_end_net_assets
    return inputs.net_capital + inputs.deductions


def p2p_notes(inputs: Inputs, decisions: Decisions) -> FloatArray:
    """P2P notes outstanding at every close, without loans passed through [money units]."""
    notes = np.zeros(inputs.horizon + 1)
    if inputs.p2p is not None:
        notes += inputs.p2p.open_balance
        for t in inputs.periods:
            due = inputs.p2p.maturity.falls_due(t)
            notes[t:due] += float(decisions.placed[:, t].sum())
    return notes


def stock(inputs: Inputs, name: str, decisions: Decisions, result: Replay) -> FloatArray:
    """A source at every close, index t from 0 to T, from decisions and engines alone."""
    stock = np.zeros(inputs.horizon + 1)
    if name == "abs_third_party":
        for series in result.deals:
            stock[1:] += result.notes(series).sum(axis=0)
    elif name in ("transfer_clean", "transfer_recourse"):
        for buyer in inputs.buyers:
            stock += result.places[buyer.place].balance if buyer.source == name else 0.0
    elif name == "guaranteed":
        for bank in inputs.partners_in(GUARANTEED_BANK):
            stock += bank.cover * result.places[bank.place].balance
    elif name == "joint_partner":
        for partner in inputs.partners_in(JOINT_LENDING):
            stock += result.places[partner.place].balance
    elif name == "p2p":
        for lenders in inputs.partners_in(P2P):
            stock += result.places[lenders.place].balance
        stock += p2p_notes(inputs, decisions)
    else:
        theirs = {x.name: x for x in inputs.lenders if x.kind == name}
        for x in inputs.lenders:
            stock += x.open_balance if x.name in theirs else 0.0
        for (lender, tenor, t), amount in decisions.draws.items():
            if lender in theirs:
                stock[t : theirs[lender].maturity(tenor).falls_due(t)] += amount
    return stock
