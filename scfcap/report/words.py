"""The decision in words: what the plan does, channel by channel, and what binds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from scfcap import axes
from scfcap.report.book import Look
from scfcap.report.tables import RunMeta, Table
from scfcap.report.totals import funding_stack, last_part

#: Channels in the order in which they are told, and their names in sentences.
CHANNELS = {
    axes.OWN: "own capital",
    axes.BANK_DEBT: "bank debt",
    axes.SECURITIZATION: "securitization",
    axes.BANK_TRANSFER: "loans sold to banks",
    axes.P2P: "P2P notes",
    axes.GUARANTEED_BANK: "banks under a guarantee",
    axes.JOINT_LENDING: "joint lenders",
}
#: Kinds of limit that a sentence names.
BINDING = 4
#: What is estimated of a segment, in words.
MEASURES = {
    "cdr": "default rate a year",
    "mdr": "default rate a month",
    "sda": "default, of the SDA curve",
    "lifetime_default": "default over the term",
    "lifetime_loss": "loss over the term",
    "default_by_age": "default by age, in the end",
    "roll_rates": "default in a year by roll rates",
    "cpr": "prepaid a year",
    "smm": "prepaid a month",
    "psa": "prepaid, of the PSA curve",
    "abs": "prepaid a month, of the original",
    "prepay_by_age": "prepaid by age, in the end",
    "severity": "loss given default",
    "recovery_lag": "recovery lag, periods",
    "late_share": "pays late",
    "late_days": "late by, days",
}
#: Forecasts that a back-test compares, in words.
FORECASTS = {
    "fitted": "rates by age",
    "model": "segment curves, as a plan takes them",
    "naive": "last months' rates, held",
}
#: Limit families in words.
FAMILIES = {
    "leverage": "regulatory cap",
    "single_borrower": "largest borrower",
    "single_group": "largest group of borrowers",
    "bank_debt": "credit line",
    "lender_count": "lending banks",
    "covenant": "covenant of a line",
    "pledge": "own loans to pledge",
    "transfer_stock": "buyer's limit",
    "transfer_flow": "buyer's monthly intake",
    "transfer_eligibility": "loans eligible for sale",
    "overcollateralization": "overcollateralization",
    "idle_cash": "idle cash of the vehicle",
    "trigger_headroom": "early amortisation trigger",
    "issue_size": "size of an issue",
    "first_pool": "first pool of an issue",
    "programme": "securitization programme",
    "p2p_supply": "P2P supply",
    "p2p_renewal": "P2P notes renewed",
    "p2p_limit": "P2P limit",
    "p2p_rolling": "P2P placed in twelve months",
    "p2p_backing": "loans behind P2P notes",
    "partner_stock": "limit of a bank or joint lender",
    "partner_flow": "what a bank or joint lender lends a period",
    "partner_eligibility": "loans that partners may lend",
    "guarantee_multiple": "multiple of net assets guaranteed",
    "liquidity_floor": "liquidity floor",
    "maturity_gap": "maturity gap",
    "tenor_match": "long loans on long funding",
    "book_share": "share of the book",
    "income_floor": "least income",
    "lending_floor": "least lending",
    "headroom": "cash and undrawn lines",
    "dividends_of_profit": "dividends of last year's profit",
    "core_share": "loans that hang on a core enterprise",
    "demand": "loan demand",
    "promised_demand": "promised lending",
}


def decision(tables: Mapping[str, Table], meta: RunMeta) -> list[str]:
    """The plan in sentences, most important first."""
    frames = {name: table.frame for name, table in tables.items() if not table.frame.empty}
    look = Look(meta.currency, meta.money_unit, meta.frequency)
    sentences = [
        _lending(frames, meta, look),
        _mix(frames),
        *_channels(frames, look),
        _binding(frames),
    ]
    return [sentence for sentence in sentences if sentence]


def best_prices(tables: Mapping[str, Table], count: int = 3) -> list[str]:
    """The ``count`` most valuable shadow prices, in sentences."""
    table = tables.get("plan_prices")
    if table is None or table.frame.empty:
        return []
    ranked = table.frame[table.frame["rank"] > 0].sort_values("rank", kind="stable")
    return [str(sentence) for sentence in ranked["sentence"].head(count)]


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _when(look: Look, day: Any, *, short: bool = False) -> str:
    """``in March 2014``, or ``on 7 March 2014`` where periods are not months."""
    said = look.say_day(pd.Timestamp(day).date(), short=short)
    return f"{'in' if look.frequency == 'month' else 'on'} {said}"


def _lending(frames: Mapping[str, pd.DataFrame], meta: RunMeta, look: Look) -> str:
    lending = frames.get("plan_lending")
    if lending is None:
        return ""
    lent, asked = (float(lending[column].sum()) for column in ("originated", "demand"))
    periods = int(lending["period"].max())
    unit = "period" if meta.frequency == "weeks_then_months" else meta.frequency
    unit += "" if periods == 1 else "s"
    income = f"net income is {look.say(meta.net_income)}."
    if not asked:
        return f"No new loans over {periods} {unit}: the model states no [demand.SEGMENT]; {income}"
    share = f", {lent / asked:.0%} of the demand of {look.say(asked)}"
    return f"Lend {look.say(lent)} over {periods} {unit}{share}; {income}"


def _mix(frames: Mapping[str, pd.DataFrame]) -> str:
    balances = frames.get("plan_balances")
    if balances is None:
        return ""
    stack = funding_stack(balances)
    amounts = {str(channel): float(row.iloc[1:].mean()) for channel, row in stack.iterrows()}
    whole = sum(amounts.values())
    shares = {channel: amount / whole for channel, amount in amounts.items()} if whole else {}
    parts = [
        f"{CHANNELS[channel]} {share:.0%}"
        for channel, share in shares.items()
        if abs(share) >= 0.005
    ]
    return f"Who funds the business, on average: {listed(parts)}." if parts else ""


def _channels(frames: Mapping[str, pd.DataFrame], look: Look) -> list[str]:
    flows, balances = frames.get("plan_sources_uses"), frames.get("plan_balances")
    if flows is None or balances is None:
        return []
    return [
        _drawn(flows, balances, look),
        _series(balances, look),
        _sold(flows, look),
        _placed(flows, look),
    ]


def _largest(group: pd.DataFrame) -> pd.Series:
    return group.sort_values("amount", ascending=False, kind="stable").iloc[0]


def _whose(item: str) -> str:
    return item.rsplit(": ", 1)[0]


def _by_item(flows: pd.DataFrame, channel: str, what: str) -> dict[str, pd.DataFrame]:
    """Sources of a channel by whose they are, periods with an amount only."""
    mask = (flows["side"] == "source") & (flows["channel"].map(axes.channel_of) == channel)
    chosen = flows[mask & (last_part(flows["item"]) == what) & (flows["amount"] > 0.5)]
    return {_whose(str(item)): group for item, group in chosen.groupby("item", sort=False)}


def _drawn(flows: pd.DataFrame, balances: pd.DataFrame, look: Look) -> str:
    parts = []
    drawn = _by_item(flows, axes.BANK_DEBT, "drawn")
    debts = balances[(balances["channel"].map(axes.channel_of) == axes.BANK_DEBT)]
    for item, group in debts.groupby("item", sort=False):
        lender = _whose(str(item))
        top = _largest(group)
        if lender in drawn:
            amount = look.say(float(drawn[lender]["amount"].sum()))
            count = len(drawn[lender])
            times = "once" if count == 1 else f"in {count} periods"
            peak = f"owing at most {look.say(float(top['amount']))}, {_when(look, top['end'])}"
            parts.append(f"draw {amount} on {lender} {times} ({peak})")
        elif float(top["amount"]) > 0.5:
            parts.append(f"repay {lender} without a new draw")
    text = "; ".join(parts)
    return f"Banks: {text}." if text else ""


def _series(balances: pd.DataFrame, look: Look) -> str:
    chosen = balances[balances["channel"].map(axes.channel_of) == axes.SECURITIZATION]
    notes = chosen[last_part(chosen["item"]).str.contains(r"\bnotes\b")]
    issued, running = [], []
    for series, group in notes.groupby(notes["item"].map(_whose), sort=False):
        total = group.groupby("period")["amount"].sum()
        if not (total > 0.5).any():
            continue
        if total.iloc[0] > 0.5:
            gone = total[total <= 0.5]
            when = group[group["period"] == gone.index[0]]["end"].iloc[0] if len(gone) else None
            end = f"is repaid {_when(look, when)}" if when is not None else "stays outstanding"
            running.append(f"{series} {end}")
            continue
        first = total[total > 0.5].index[0]
        when = group[group["period"] == first]["end"].iloc[0]
        issued.append((str(series), _when(look, when, short=True), look.say(float(total[first]))))
    texts = []
    if len({notes for *_, notes in issued}) == 1 and len(issued) > 1:
        when = listed([f"{series} {month}" for series, month, _ in issued])
        texts.append(f"issue {len(issued)} series with notes of {issued[0][2]} each: {when}")
    elif issued:
        texts.append("issue " + listed([f"{s} {m} (notes of {n})" for s, m, n in issued]))
    texts += [listed(running)] if running else []
    return f"Securitization: {'; '.join(texts)}." if texts else ""


def _sold(flows: pd.DataFrame, look: Look) -> str:
    parts = [
        f"sell loans to {buyer} for {look.say(float(group['amount'].sum()))}"
        for buyer, group in _by_item(flows, axes.BANK_TRANSFER, "loans sold").items()
    ]
    return f"Transfer: {listed(parts)}." if parts else ""


def _placed(flows: pd.DataFrame, look: Look) -> str:
    for group in _by_item(flows, axes.P2P, "notes placed").values():
        top = _largest(group)
        amount, most = look.say(float(group["amount"].sum())), look.say(float(top["amount"]))
        return f"P2P: place notes of {amount}, most {_when(look, top['end'])} ({most})."
    return ""


def _binding(frames: Mapping[str, pd.DataFrame]) -> str:
    limits = frames.get("plan_limits")
    if limits is None:
        return ""
    bound = limits[limits["binding"] & (limits["dual"] > 1e-9) & (limits["family"] != "demand")]
    if bound.empty:
        return "No limit is worth widening."
    worth = bound.groupby("family", sort=False)["dual"].sum()
    order = [str(f) for f in worth.sort_values(ascending=False, kind="stable").index]
    parts = []
    for family in order[:BINDING]:
        keys = [str(key) for key in limits[limits["family"] == family]["key"].unique()]
        held = [key for key in keys if key in set(bound[bound["family"] == family]["key"])]
        name = FAMILIES.get(family, family.replace("_", " "))
        if held == [family] or family.endswith("supply"):
            parts.append(name)
        elif len(held) <= 2:
            parts.append(f"{name} ({listed(held)})")
        else:
            parts.append(f"{name} ({len(held)} of {len(keys)})")
    more = len(order) - len(parts)
    text = f"{', '.join(parts)} and {more} more kinds of limit" if more > 1 else listed(parts)
    return f"What binds, dearest first: {text}."
