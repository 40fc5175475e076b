"""Results become named tables with units: what the run folder stores and the workbook shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd


@dataclass(frozen=True)
class Table:
    """One table of a run.

    ``units`` gives the unit of a column ("CNY", "1/year", "loans"); a column without an entry
    is text, a date or a plain number. ``frame`` has plain columns and a default index.
    """

    name: str
    title: str
    frame: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class RunMeta:
    """What a reader must know to place the figures of a run.

    ``objective`` and ``net_income`` in currency; ``money_unit`` is the number of currency units
    in one unit of display (1e6: millions). ``regime`` is its title in words, ``command`` repeats
    the run. ``names`` are those that the model gives (segments, lenders, series), which no
    language changes.
    """

    model: str
    title: str
    as_of: date
    regime: str
    currency: str
    money_unit: float
    scenario: str
    frequency: str
    status: str
    objective: float
    net_income: float
    version: str
    digest: str
    overrides: tuple[str, ...] = ()
    command: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """The frames of a run's stations, as the stations give them.

    ``tape``: "totals" and "findings" of the tape. ``pool``: ``Pool.tables``. ``credit``: curves
    as estimated or stated (may be empty). ``cashflow``: ``PoolCashflow.to_frame()``. ``deals``:
    series name to ``DealResult.to_frame()`` with a column ``scenario``. ``plan``:
    ``Plan.tables()``. ``orders``: orders, buyers and lock-box, where buyers pay orders.
    """

    tape: Mapping[str, pd.DataFrame]
    pool: Mapping[str, pd.DataFrame]
    credit: pd.DataFrame
    cashflow: pd.DataFrame
    deals: Mapping[str, pd.DataFrame]
    plan: Mapping[str, pd.DataFrame]
    orders: Mapping[str, pd.DataFrame] = field(default_factory=dict)


#: Units by column name, for the columns that the stations share.
_CURRENCY = frozenset(
    (
        "amount", "balance", "original_balance", "current_balance", "average_balance", "opening",
        "default", "interest", "scheduled", "prepaid", "recovery", "loss", "receivable",
        "closing", "demand", "originated", "use", "limit", "headroom", "excess", "income_with",
        "income_without", "worth", "paid_principal", "unexplained", "balance_alone",
        "balance_in_sequence", "undetermined_balance", "eligible_balance", "usable_balance",
        "balance_if_waived", "base_amount", "limit_amount", "reserve", "counted", "contribution",
        "order_amount", "by_rate", "seller_room", "buyer_room", "allowed", "received", "recourse",
        "recovered", "fees", "advanced", "reimbursed", "drawn",
        "delinquent", "principal", "surplus", "lost", "forgone", "unpaid", "outstanding",
        "opening_amount", "most_amount", "closing_amount", "raised", "paid_back", "cost_amount",
        "average_amount", "assets_due", "liabilities_due", "gap",
        "base_worth", "cost", "cost_shock", "cost_late", "avoided", "failure_amount",
        "missing_cash", "cash_nothing", "capital_nothing", "cash_answer", "capital_answer",
        "cash_base", "premium", "saved", "first_amount", "worst_amount", "planned", "ready", "more",
        "replayed", "replayed_limit", "measured", "range_down", "range_up", "worth_low",
        "worth_high", "carried_amount", "beside_amount", "gap_180", "by_partners",
        "lending_floor", "headroom_floor", "income_amount", "lending_amount", "headroom_amount",
        "cvar_amount", "objective_amount", "net_capital_amount", "least_cash_amount",
        "lent_amount", "shortfall_amount",
        "missing_amount",
    )
)  # fmt: skip
_OTHER = {
    "rate": "1/year",
    "share": "share",
    "limit_share": "share",
    "cumulative_share": "share",
    "past_due_share": "share",
    "top_share": "share",
    "advance_rate": "share",
    "reserve_share": "share",
    "credibility": "share",
    "late_share": "share",
    **dict.fromkeys(("dilution", "dilution_own", "dilution_low", "dilution_high"), "share"),
    "dilution_credibility": "share",
    **dict.fromkeys(("delay", "delay_own", "delay_low", "delay_high"), "days"),
    **dict.fromkeys(("delay_median", "delay_p90"), "days"),
    "settled": "orders",
    "open": "orders",
    "loans": "loans",
    "rows": "rows",
    "borrowers": "borrowers",
    "remaining_days": "days",
    "age_days": "days",
    "dual": "currency/currency",
    "worth_of_more": "currency/currency",
    "lost_per_unit": "currency/currency",
    **dict.fromkeys(("rate_change", "rate_low", "rate_mean", "rate_high"), "1/year"),
    "own_share": "share",
    "headroom_share": "share",
    "tail_share": "share",
    **dict.fromkeys(("life_days", "source_days", "gap_days"), "days"),
    "within_days": "days",
    "tenor": "periods",
    "income_per_lending": "currency/currency",
    "income_per_headroom": "currency/currency",
    "weight": "share",
    "probability": "share",
    "lead_days": "days",
}
_TITLES = {
    "tape_totals": "Tape: rows and balances",
    "tape_reasons": "What was found on the tape, by reason",
    "tape_findings": "What was found on the tape, row by row",
    "pool_summary": "Pool: who holds it",
    "pool_usable": "Pool: what each set of rules lets be used",
    "pool_eligibility": "Eligibility: loans that fail each rule",
    "pool_eligibility_answers": "Eligibility: the answers",
    "pool_concentrations": "Concentrations against their limits",
    "cash_flows": "Cash flows of the pool by scenario, segment and period",
    "credit": "Credit curves by segment",
    "orders": "Open orders: what may be lent on each, and when its buyer pays",
    "buyers": "How buyers pay: delay after the due day, and dilution",
    "lock_box": "Lock-box: what buyers pay, to loans and to sellers",
    "plan_sources_uses": "Sources and uses of cash by period",
    "plan_balances": "Balances at the end of each period",
    "plan_lending": "Demand and lending by segment",
    "plan_limits": "Limits: use, headroom and price",
    "plan_caps": "Caps of the law by period: what they count, and where they stand",
    "plan_cap_sources": "What each cap of the law counts: sources of funds and their weights",
    "plan_covenants": "Covenants by period: headroom, and which trips first, by scenario",
    "plan_prices": "What one more unit of each limit earns",
    "plan_term_prices": "What a change of rates, prices, shares and multiples is worth",
    "plan_channels": "What each outside channel is worth",
    "plan_risk": "Shortfalls by scenario, and their share of the worst",
    "plan_uncertainty_value": "What planning with the scenarios is worth",
    "plan_balance_sheet": "Balance sheet by period",
    "plan_income": "Income by period",
    "plan_checks": "Checks of the engine",
    "plan_cash_flow": "Cash-flow statement of the group by period",
    "plan_cash_forecast": "Cash forecast: receipts and payments, free and restricted cash apart",
    "plan_accounting": "Sources of funds: how they are accounted for, and what they count in caps",
    "plan_cost_of_funds": "What each source of funds costs, all in",
    "plan_marginal_funding": "Marginal funding curve: what one more unit of money may cost",
    "plan_actions": "What to do, by day",
    "plan_next": "What to do in the next month, why, at what cost, and what more is worth",
    "plan_value": "What the plan is after: income inside the horizon, and value beyond it",
    "plan_long_demand": "What each source could carry of loans above 180 days",
    "plan_terms": "Interest, fees, cost and sales: rates, and the amounts they are paid on",
    "plan_unused": "Sources without new business, and why",
    "plan_maturity_ladder": "Maturity ladder: assets and liabilities by days left, at each close",
    "plan_maturity_gaps": "Maturity gaps: assets less liabilities due by a day, at each close",
    "plan_scenarios": "What the plan comes to in each scenario",
    "plan_together": "How many groups of scenarios decide apart, by period",
    "frontier": "Income against lending against headroom: plans none of which is beaten in all",
    "plan_contingency": "If a shock comes: what fails first, what to do first, what it costs",
    "plan_contingency_actions": "If a shock comes: what to do otherwise than planned, in order",
    "plan_contingency_failures": "If a shock comes and nothing is done: what fails, in order",
    "plan_contingency_ready": "What a plan that is ready for a shock has at the close before it",
    "plan_contingency_notes": "If a shock comes: what no table says",
    "plan_contingency_cash": "Free cash in a shock: as planned, nothing done, answered",
    "plan_contingency_signs": "What would have announced a shock, as it stands today",
    "plan_borrower_cost": "What borrowers pay: online, and offline as claimed and corrected",
}
#: Titles of tables whose names end with what they are of.
_TITLES_OF = {
    "pool_stratification_": "Pool by {}",
    "pool_largest_": "Largest in the pool by {}",
    "pool_borrowing_base_": "Borrowing base: {}",
    "deal_": "Cash of a series by scenario and period: {}",
}


def run_tables(results: Results, currency: str) -> dict[str, Table]:
    """All tables of a run by name: ``tape_*``, ``pool_*``, ``credit``, ``cash_flows``,
    ``deal_<series>``, ``plan_*``; ``orders``, ``buyers`` and ``lock_box`` where buyers pay.

    Amounts get ``currency`` as their unit. A station without rows gives its empty table.
    """
    frames: dict[str, pd.DataFrame] = {
        **{f"tape_{name}": frame for name, frame in results.tape.items()},
        **{f"pool_{name}": frame for name, frame in results.pool.items()},
        "credit": results.credit,
        "cash_flows": results.cashflow,
        **results.orders,
        **{f"deal_{name}": frame for name, frame in results.deals.items()},
        **{f"plan_{name}": frame for name, frame in results.plan.items()},
    }
    return {name: named_table(name, frame, currency) for name, frame in frames.items()}


def named_table(name: str, frame: pd.DataFrame, currency: str) -> Table:
    """``frame`` as a table with the title and the units that its name and columns have."""
    deal = name.startswith("deal_")
    title = title_of(name)
    units = {
        column: currency if deal or column in _CURRENCY else _OTHER[column]
        for column in map(str, frame.columns)
        if ((deal and column != "period") or column in _CURRENCY or column in _OTHER)
        and pd.api.types.is_numeric_dtype(frame[column])
    }
    if "end" in frame:
        frame = frame.assign(end=pd.to_datetime(frame["end"]).astype("datetime64[s]"))
    return Table(name, title, frame.reset_index(drop=True), units)


def title_of(name: str) -> str:
    """What a table of this name shows, in words."""
    if name in _TITLES:
        return _TITLES[name]
    for start, title in _TITLES_OF.items():
        if name.startswith(start):
            last = name.removeprefix(start)
            return title.format(last if ": " in title else last.replace("_", " "))
    return name.replace("_", " ").capitalize()
