"""Totals of a plan that must agree: its flows, balances, statements and actions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.quantities import HALF_CENT
from scfcap.report.tie import Side, Term, Tie, agree, nothing, tolerance
from scfcap.report.totals import by_period, last_part, loans_managed


def plan_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    """Sources are uses, assets are liabilities, and lending is what was lent."""
    flows, sheet = frames.get("plan_sources_uses"), frames.get("plan_balance_sheet")
    if flows is not None:
        signed = flows["amount"].where(flows["side"] == "source", -flows["amount"])
        yield nothing(
            "Plan: sources are uses in every period",
            signed.groupby(flows["period"]).sum(),
            ["plan.sources_less_uses"],
            float(flows["amount"].abs().sum()),
        )
    if sheet is not None:
        signed = sheet["amount"].where(sheet["side"] == "asset", -sheet["amount"])
        yield nothing(
            "Plan: assets are liabilities and capital at every close",
            signed.groupby(sheet["period"]).sum(),
            ["plan.balance_sheet"],
            float(sheet["amount"].abs().sum()),
        )
        balances = frames.get("plan_balances")
        if balances is not None:
            off, size = _sheet_gap(balances, sheet), float(sheet["amount"].abs().sum())
            name = "Plan: balances by channel are the balance sheet's"
            yield nothing(name, off, ["plan.balances_less_sheet"], size)
    lending = frames.get("plan_lending")
    if flows is not None and lending is not None:
        made = flows[(flows["side"] == "use") & (flows["item"] == "loans made")]
        live: tuple[Term, ...] = (Term("plan.originated"),)
        lent = float(lending["originated"].sum())
        if "by_partners" in lending:
            lent, live = lent - float(lending["by_partners"].sum()), ()
        yield agree(
            "Plan: loans made are the lending by segment",
            Side("uses of cash", float(made["amount"].sum()),
                 (Term(f"plan.use.{axes.OWN}.loans made"),)),
            Side("lending", lent, live),
        )  # fmt: skip


def _sheet_gap(balances: pd.DataFrame, sheet: pd.DataFrame) -> pd.Series:
    """Balances on the books less the balance sheet's lines, by line and period [currency]."""
    lines = {
        "loans on the own book": (axes.OWN, "loans"),
        "free cash": (axes.OWN, "cash"),
        "net capital": (axes.OWN, "net capital"),
        "loans of the vehicle": (axes.SECURITIZATION, "loans"),
        "restricted cash of the vehicle": (axes.SECURITIZATION, "cash|reserve"),
        "notes held by others": (axes.SECURITIZATION, ".*notes"),
        "bank and other debt": (axes.BANK_DEBT, "debt"),
        "P2P notes": (axes.P2P, "notes"),
    }
    channel = balances["channel"].astype(str).map(axes.channel_of)
    what = last_part(balances["item"])
    parts = {
        name: by_period(balances, (channel == place) & what.str.fullmatch(item))
        for name, (place, item) in lines.items()
    }
    stated = sheet[sheet["item"].isin(lines)].groupby(["item", "period"])["amount"].sum()
    gap: pd.Series = pd.concat(parts, names=["item", "period"]).sub(stated, fill_value=0.0)
    return gap


def balance_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    """Balances by channel start from the pool, and roll forward by the plan's flows."""
    balances, flows = frames.get("plan_balances"), frames.get("plan_sources_uses")
    if balances is None or flows is None:
        return
    first, last = int(balances["period"].min()), int(balances["period"].max())
    summary = frames.get("pool_summary")
    if summary is not None:
        managed = float(loans_managed(balances)[first])
        total = float(summary[summary["part"] == "pool"]["balance"].sum())
        yield agree(
            "Plan: it starts from the pool",
            Side("loans managed at the start", managed, (Term("plan.managed", "first"),)),
            Side("balance of the pool", total, (Term("pool.from_tape"),)),
        )
    what, at = last_part(balances["item"]), balances.set_index(["channel", "item", "period"])
    amount = at["amount"].sort_index()
    cash = f"plan.balance.{axes.OWN}.cash"
    yield agree(
        "Plan: cash carried forward is the cash balance",
        _flow(flows, "use", axes.OWN, "cash carried forward"),
        Side("cash at the closes", float(amount.loc[axes.OWN, "cash"].loc[first + 1 :].sum()),
             (Term(cash), Term(cash, "first", -1))),
    )  # fmt: skip
    income = frames.get("plan_income")
    if income is not None:
        capital = amount.loc[axes.OWN, "net capital"]
        key = f"plan.balance.{axes.OWN}.net capital"
        given, parts = _given(flows)
        yield agree(
            "Plan: net income is what net capital gains",
            Side("net income", float(income["amount"].sum()), (Term("plan.income"),)),
            Side("closing less opening net capital, owners' money apart",
                 float(capital[last] - capital[first]) - given,
                 (Term(key, "last"), Term(key, "first", -1), *parts)),
        )  # fmt: skip
    for channel, item in balances[what == "debt"][["channel", "item"]].drop_duplicates().to_numpy():
        yield _rolls(flows, amount.loc[channel, item], (str(channel), str(item)), (first, last))


def _rolls(
    flows: pd.DataFrame, debt: pd.Series, names: tuple[str, str], ends: tuple[int, int]
) -> Tie:
    """Opening debt, what is drawn and what is repaid give the closing debt."""
    channel, item = names
    lender = item.rsplit(": ", 1)[0]
    drawn, repaid = (
        _flow(flows, side, channel, f"{lender}: {word}")
        for side, word in (("source", "drawn"), ("use", "repaid"))
    )
    key = f"plan.balance.{channel}.{item}"
    left = Side(
        "opening, drawn and repaid",
        float(debt[ends[0]]) + drawn.value - repaid.value,
        (
            Term(key, "first"),
            *drawn.terms,
            *(Term(term.key, term.how, -1) for term in repaid.terms),
        ),
    )
    right = Side("closing", float(debt[ends[1]]), (Term(key, "last"),))
    return agree(f"Plan: debt to {lender} rolls forward", left, right)


def _flow(flows: pd.DataFrame, side: str, channel: str, item: str) -> Side:
    chosen = (flows["side"] == side) & (flows["channel"] == channel) & (flows["item"] == item)
    value = float(flows[chosen]["amount"].sum())
    return Side(item, value, (Term(f"plan.{side}.{channel}.{item}"),))


#: Money from and to the owners in the cash-flow statement.
OWNERS = ("capital paid in", "dividends paid")
#: Liabilities that grow by costs which are not paid.
UNPAID = ("provisions for loan losses", "tax payable", "claims under guarantees")


def statement_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    """Income, balance sheet, cash-flow statement, forecast, ladder and actions of a plan agree."""
    sheet, flows = frames.get("plan_balance_sheet"), frames.get("plan_cash_flow")
    income, forecast = frames.get("plan_income"), frames.get("plan_cash_forecast")
    if sheet is None:
        return
    stocks = sheet.pivot_table("amount", "period", "item", aggfunc="sum", fill_value=0.0)
    size = float(sheet["amount"].abs().sum())
    earned = None if income is None else income.groupby("period")["amount"].sum()
    if earned is not None and "net capital" in stocks:
        gap = (
            earned
            - stocks["net capital"].diff().iloc[1:]
            + _owners(flows).reindex(earned.index, fill_value=0.0)
        )
        name = "Plan: net income is the change of net capital in every period"
        yield nothing(name, gap, ["plan.income_less_capital"], size)
    if flows is not None:
        for name, gap in _cash_flow_gaps(flows, stocks, earned).items():
            yield nothing(f"Plan: {name}", gap, [f"plan.cash_flow.{name}"], size)
    if flows is not None and forecast is not None:
        for name, gap in _forecast_gaps(forecast, flows).items():
            yield nothing(f"Plan: {name}", gap, [f"plan.forecast.{name}"], size)
    ladder = frames.get("plan_maturity_ladder")
    if ladder is not None:
        due = ladder.groupby(["period", "item"])["amount"].sum()
        stated = sheet.groupby(["period", "item"])["amount"].sum()
        gap = due - stated.reindex(due.index, fill_value=0.0)
        name = "Plan: the maturity ladder adds up to the balance sheet"
        yield nothing(name, gap, ["plan.ladder"], size)
    yield from _action_ties(frames)


def _owners(flows: pd.DataFrame | None) -> pd.Series:
    """What the owners pay in less what they are paid, by period [currency]."""
    if flows is None:
        return pd.Series(dtype=float)
    mine = flows[(flows["section"] == "financing") & flows["item"].isin(OWNERS)]
    return mine.groupby("period")["amount"].sum()


def _given(flows: pd.DataFrame) -> tuple[float, tuple[Term, ...]]:
    """The same over the whole plan, and the cells that show it, to be taken off."""
    mine = flows[flows["item"].isin(OWNERS) & (flows["amount"] != 0.0)]
    sign = np.where(mine["side"] == "source", 1.0, -1.0)
    rows = mine[["side", "item"]].drop_duplicates().itertuples(index=False)
    terms = tuple(
        Term(f"plan.{side}.{axes.OWN}.{item}", sign=-1 if side == "source" else 1)
        for side, item in rows
    )
    return float((mine["amount"] * sign).sum()), terms


def _cash_flow_gaps(
    flows: pd.DataFrame, stocks: pd.DataFrame, earned: pd.Series | None
) -> dict[str, pd.Series]:
    """What the cash-flow statement and the other two leave unexplained, by period [currency]."""
    by_section = flows.pivot_table("amount", "period", "section", aggfunc="sum", fill_value=0.0)
    moved = by_section["operating"] + by_section["financing"]
    purses = {"free cash": "free cash", "restricted cash": "restricted cash of the vehicle"}
    stood = pd.DataFrame({k: stocks[v] for k, v in purses.items() if v in stocks})
    off: list[pd.Series] = []
    for section, before in (("opening", 1), ("closing", 0)):
        part = flows[flows["section"] == section]
        told = part.pivot_table("amount", "period", "item", aggfunc="sum")
        held = stood.shift(before).reindex(told.index)
        off += [told[item] - held.get(item, 0.0) for item in told]
    changes = stocks.diff().iloc[1:]

    def change(*items: str) -> pd.Series:
        return changes[[item for item in items if item in changes]].sum(axis=1)

    lent = change("loans on the own book", "loans of the vehicle", "recoveries expected")
    owed = change("bank and other debt", "notes held by others", "P2P notes", "money missing")
    gaps: dict[str, pd.Series] = {
        "cash flows lead from opening to closing cash": by_section["opening"]
        + moved
        - by_section["closing"],
        "cash of the cash-flow statement is the balance sheet's": pd.concat(off),
        "financing is what debt, notes and P2P notes change by": by_section["financing"]
        - owed
        - _owners(flows).reindex(owed.index, fill_value=0.0),
    }
    if earned is not None:
        made = earned - lent + change("accrued coupons", *UNPAID)
        name = "operating cash is net income, less what loans took, plus coupons unpaid"
        name += " and claims" if "claims under guarantees" in stocks else ""
        gaps[name] = by_section["operating"] - made
    return gaps


def _forecast_gaps(forecast: pd.DataFrame, flows: pd.DataFrame) -> dict[str, pd.Series]:
    signed = forecast["amount"].where(forecast["kind"] != "closing", -forecast["amount"])
    within = signed.groupby([forecast["period"], forecast["holder"]]).sum()
    gaps = {"receipts and payments of each purse lead to its closing cash": within}
    moving = forecast[forecast["kind"].isin(["receipt", "payment"])]
    paid = moving.groupby("period")["amount"].sum()
    stated = flows[flows["section"].isin(["operating", "financing"])]
    told = stated.groupby("period")["amount"].sum().reindex(paid.index)
    gaps["the cash forecast moves as the cash-flow statement"] = paid - told
    return gaps


def _action_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    """What the action list draws, places and repays is what the sources and uses hold."""
    todo, flows = frames.get("plan_actions"), frames.get("plan_sources_uses")
    if todo is None or flows is None:
        return
    what = last_part(flows["item"])
    for action, channel, words in (
        ("draw", axes.BANK_DEBT, "drawn"),
        ("repay", axes.BANK_DEBT, "repaid"),
        ("issue", axes.P2P, "notes placed"),
        ("repay", axes.P2P, "notes repaid"),
    ):
        mine = (todo["action"] == action) & (todo["channel"] == channel)
        held = (flows["channel"] == channel) & (what == words)
        if not (mine.any() or held.any()):
            continue
        listed = float(todo.loc[mine, "amount"].sum())
        moved = float(flows.loc[held, "amount"].sum())
        name = f"Plan: actions, {action} {channel.replace('_', ' ')}, are the flows"
        yield Tie(
            name,
            Side("actions", listed),
            Side(words, moved),
            HALF_CENT * max(int(held.sum()), 1) + tolerance(moved),
        )
