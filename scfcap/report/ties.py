"""Totals that must agree across tables: what the Checks sheet shows and the tests assert."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.cashflow.flows import collected
from scfcap.quantities import ENGINE_TOLERANCE, HALF_CENT
from scfcap.report.tables import Table

How = Literal["sum", "absolute", "first", "last"]
_LOANS = ("loans", "loans sold")


@dataclass(frozen=True)
class Term:
    """Where a workbook shows a part of a total.

    ``key`` names cells (:attr:`scfcap.report.book.Book.places`), ``how`` says what of them:
    their sum, the sum of their absolute values, the first or the last cell; times ``sign``.
    """

    key: str
    how: How = "sum"
    sign: int = 1


@dataclass(frozen=True)
class Side:
    """One side of a tie: what it is, its value [currency], and where a workbook shows it."""

    label: str
    value: float
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Tie:
    """Two totals that must agree within ``tolerance`` [currency]."""

    name: str
    left: Side
    right: Side
    tolerance: float

    @property
    def difference(self) -> float:
        """Left less right [currency]."""
        return self.left.value - self.right.value

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return bool(abs(self.difference) <= self.tolerance)


def ties(tables: Mapping[str, Table]) -> list[Tie]:
    """Every tie for which ``tables`` hold both sides, in the order of the stations."""
    frames = {name: table.frame for name, table in tables.items() if not table.frame.empty}
    from scfcap.report.contingency_ties import contingency_ties
    from scfcap.report.live.ties import waterfall_ties

    parts: tuple[Callable[[dict[str, pd.DataFrame]], Iterator[Tie]], ...] = (
        _pool_ties,
        _cash_flow_ties,
        _deal_ties,
        waterfall_ties,
        _plan_ties,
        _balance_ties,
        statement_ties,
        contingency_ties,
    )
    return [tie for part in parts for tie in part(frames)]


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
    stack = pd.DataFrame({name: _by_period(balances, mask) for name, mask in masks.items()}).T
    used: pd.DataFrame = stack[np.abs(stack.to_numpy()).max(axis=1) > 0.0]
    return used


def loans_managed(balances: pd.DataFrame) -> pd.Series:
    """Loans in every place, on the books and off them, by period [currency]."""
    return _by_period(balances, last_part(balances["item"]).isin(_LOANS))


def _by_period(balances: pd.DataFrame, mask: pd.Series) -> pd.Series:
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


def _tolerance(size: float) -> float:
    """Half a cent, or the engines' relative error where the amounts are very large."""
    return max(HALF_CENT, ENGINE_TOLERANCE * abs(size))


def _nothing(name: str, gap: pd.Series, key: str, size: float) -> Tie:
    """Differences that must all be zero, without the noise below a hundredth of a cent."""
    off = float(gap.round(4).abs().sum())
    left = Side("sum of the differences", off, (Term(key, "absolute"),))
    return Tie(name, left, Side("nothing", 0.0), _tolerance(size))


def _agree(name: str, left: Side, right: Side) -> Tie:
    return Tie(name, left, right, _tolerance(max(abs(left.value), abs(right.value))))


def _pool_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    summary = frames.get("pool_summary")
    if summary is None:
        return
    by_part = {str(k): float(v) for k, v in summary.groupby("part")["balance"].sum().items()}
    total = by_part["pool"]
    pool = Side("balance of the pool", total, (Term("pool.from_tape"),))
    tape = frames.get("tape_totals")
    if tape is not None:
        became = tape[["current_balance", "paid_principal", "loss", "unexplained"]].sum(axis=1)
        name = "Tape: what was paid out is outstanding, repaid or lost"
        paid = tape["original_balance"]
        yield _nothing(name, paid - became, "tape.gap", float(paid.sum()))
        kept = float(tape.loc[tape["item"] == "kept", "current_balance"].sum())
        left = kept - by_part.get("left out", 0.0)
        sides = Side("tape less rows rejected and loans left out", left, (Term("pool.from_tape"),))
        held = Side("all places", by_part["place"], (Term("pool.place.balance"),))
        yield _agree("Pool: what is left of the tape is what is held", sides, held)
    for name, frame in frames.items():
        if name.startswith("pool_stratification_"):
            column = name.removeprefix("pool_stratification_")
            terms = (Term(f"pool.{column}.balance"),)
            strata = Side("sum of the strata", float(frame["balance"].sum()), terms)
            yield _agree(f"Pool: by {column.replace('_', ' ')}", strata, pool)
    for name, frame in frames.items():
        if name.startswith("pool_largest_"):
            column = name.removeprefix("pool_largest_")
            names = Side("the largest and the others", float(frame["balance"].sum()))
            yield _agree(f"Pool: largest {column.replace('_', ' ')}", names, pool)
    answers = frames.get("pool_eligibility_answers")
    for chosen, parts in () if answers is None else answers.groupby("set", sort=False):
        terms = (Term(f"pool.eligibility.{chosen}"),)
        three = Side("the three answers", float(parts["balance"].sum()), terms)
        yield _agree(f"Pool: eligibility {chosen}", three, pool)


def _cash_flow_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    frame, summary = frames.get("cash_flows"), frames.get("pool_summary")
    whole = frames.get("cash_flow_totals")
    if frame is None:
        return
    for scenario, flows in frame.groupby("scenario", sort=False):
        opening = float(flows[flows["period"] == 1]["opening"].sum())
        out = flows["default"] + flows["scheduled"] + flows["prepaid"]
        drawn = flows.get("drawn", 0.0)
        gap = (flows["opening"] + drawn - out - flows["closing"]).groupby(flows["period"]).sum()
        name = f"Cash flows, {scenario}: opening less defaults and principal is closing"
        yield _nothing(name, gap, f"cash.{scenario}.gap", opening)
        bad = flows.groupby("segment")[["default", "loss", "recovery"]].sum()
        due = flows[flows["period"] == flows["period"].max()].set_index("segment")["receivable"]
        gap = bad["default"] - bad["loss"] - bad["recovery"] - due
        name = f"Cash flows, {scenario}: defaults are lost, recovered or still due"
        yield _nothing(name, gap, f"cash.{scenario}.defaults", opening)
        paid = float(collected(flows).sum())
        if whole is not None:
            mine = (whole["scenario"] == scenario) & (whole["segment"] == "all")
            paid = float(whole[mine]["collections"].sum())
        lines = (Term(f"cash.{scenario}.collections"),)
        yield _agree(
            f"Cash flows, {scenario}: collections are all that investors are paid",
            Side("collections by line", float(collected(flows).sum()), lines),
            Side("collections of the engine", paid),
        )
        if summary is not None:
            total = float(summary[summary["part"] == "pool"]["balance"].sum())
            yield _agree(
                f"Cash flows, {scenario}: they start from the pool",
                Side("opening balance", opening, (Term(f"cash.{scenario}.opening"),)),
                Side("balance of the pool", total, (Term("pool.from_tape"),)),
            )


def _deal_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    for name, frame in frames.items():
        if not name.startswith("deal_"):
            continue
        series = name.removeprefix("deal_")
        sources, uses = deal_sides(frame)
        for scenario, flows in frame.groupby("scenario", sort=False):
            gap = flows[sources].sum(axis=1) - flows[uses].sum(axis=1)
            size = float(flows[sources].sum(axis=1).max())
            label = f"Deal {series}, {scenario}: all cash is paid or kept"
            yield _nothing(label, gap, f"deal.{series}.{scenario}.gap", size)
            for what, moved in _deal_moves(flows).items():
                label = f"Deal {series}, {scenario}: {what} roll forward"
                yield _nothing(label, moved, f"deal.{series}.{scenario}.{what}", size)


def _deal_moves(flows: pd.DataFrame) -> dict[str, pd.Series]:
    """What the loans and the notes of a series change by and its flows do not say, by period
    after the first [currency].
    """
    at = flows.sort_values("period")
    tranches = deal_tranches(at)
    notes = at[[f"{tranche} notes" for tranche in tranches]].sum(axis=1)
    paid = at[[f"{tranche} principal" for tranche in tranches]].sum(axis=1)
    gone = at["principal collected"] + at["defaults"] - at["purchases"]
    return {
        "loans": (at["pool"].diff() + gone).iloc[1:],
        "notes": (notes.diff() + paid - at["notes issued"]).iloc[1:],
    }


def _plan_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    flows, sheet = frames.get("plan_sources_uses"), frames.get("plan_balance_sheet")
    if flows is not None:
        signed = flows["amount"].where(flows["side"] == "source", -flows["amount"])
        yield _nothing(
            "Plan: sources are uses in every period",
            signed.groupby(flows["period"]).sum(),
            "plan.sources_less_uses",
            float(flows["amount"].abs().sum()),
        )
    if sheet is not None:
        signed = sheet["amount"].where(sheet["side"] == "asset", -sheet["amount"])
        yield _nothing(
            "Plan: assets are liabilities and capital at every close",
            signed.groupby(sheet["period"]).sum(),
            "plan.balance_sheet",
            float(sheet["amount"].abs().sum()),
        )
        balances = frames.get("plan_balances")
        if balances is not None:
            off, size = _sheet_gap(balances, sheet), float(sheet["amount"].abs().sum())
            name = "Plan: balances by channel are the balance sheet's"
            yield _nothing(name, off, "plan.balances_less_sheet", size)
    lending = frames.get("plan_lending")
    if flows is not None and lending is not None:
        made = flows[(flows["side"] == "use") & (flows["item"] == "loans made")]
        live: tuple[Term, ...] = (Term("plan.originated"),)
        lent = float(lending["originated"].sum())
        if "by_partners" in lending:
            lent, live = lent - float(lending["by_partners"].sum()), ()
        yield _agree(
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
        name: _by_period(balances, (channel == place) & what.str.fullmatch(item))
        for name, (place, item) in lines.items()
    }
    stated = sheet[sheet["item"].isin(lines)].groupby(["item", "period"])["amount"].sum()
    gap: pd.Series = pd.concat(parts, names=["item", "period"]).sub(stated, fill_value=0.0)
    return gap


def _balance_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    balances, flows = frames.get("plan_balances"), frames.get("plan_sources_uses")
    if balances is None or flows is None:
        return
    first, last = int(balances["period"].min()), int(balances["period"].max())
    summary = frames.get("pool_summary")
    if summary is not None:
        managed = float(loans_managed(balances)[first])
        total = float(summary[summary["part"] == "pool"]["balance"].sum())
        yield _agree(
            "Plan: it starts from the pool",
            Side("loans managed at the start", managed, (Term("plan.managed", "first"),)),
            Side("balance of the pool", total, (Term("pool.from_tape"),)),
        )
    what, at = last_part(balances["item"]), balances.set_index(["channel", "item", "period"])
    amount = at["amount"].sort_index()
    cash = f"plan.balance.{axes.OWN}.cash"
    yield _agree(
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
        yield _agree(
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
    return _agree(f"Plan: debt to {lender} rolls forward", left, right)


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
        yield _nothing(name, gap, "plan.income_less_capital", size)
    if flows is not None:
        for name, gap in _cash_flow_gaps(flows, stocks, earned).items():
            yield _nothing(f"Plan: {name}", gap, f"plan.cash_flow.{name}", size)
    if flows is not None and forecast is not None:
        for name, gap in _forecast_gaps(forecast, flows).items():
            yield _nothing(f"Plan: {name}", gap, f"plan.forecast.{name}", size)
    ladder = frames.get("plan_maturity_ladder")
    if ladder is not None:
        due = ladder.groupby(["period", "item"])["amount"].sum()
        stated = sheet.groupby(["period", "item"])["amount"].sum()
        gap = due - stated.reindex(due.index, fill_value=0.0)
        name = "Plan: the maturity ladder adds up to the balance sheet"
        yield _nothing(name, gap, "plan.ladder", size)
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
            HALF_CENT * max(int(held.sum()), 1) + _tolerance(moved),
        )
