"""Which tables of a run a pack's sheets show: what a page of the pack may hold, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scfcap.report.tables import Table

#: Tables behind each sheet, by name or, with a star, by how the name begins.
BEHIND: Mapping[str, tuple[str, ...]] = {
    "summary": (
        "plan_sources_uses", "plan_balances", "plan_lending", "plan_income", "plan_limits",
        "plan_prices", "plan_channels", "frontier",
    ),
    "to_do": ("plan_actions", "plan_next"),
    "plan": (
        "plan_sources_uses", "plan_balances", "plan_lending", "plan_balance_sheet", "plan_income",
        "plan_value", "plan_terms",
    ),
    "cash": ("plan_cash_flow", "plan_cash_forecast", "plan_maturity_*"),
    "costs": (
        "plan_cost_of_funds", "plan_marginal_funding", "plan_accounting", "plan_long_demand",
        "plan_unused", "plan_borrower_cost",
    ),
    "scenarios": ("plan_scenarios", "plan_uncertainty_value", "plan_risk", "plan_together"),
    "contingency": ("plan_contingency*",),
    "covenants": ("plan_covenants",),
    "limits": ("plan_limits", "plan_caps", "plan_prices", "plan_term_prices"),
    "pool": ("tape_*", "pool_*", "credit", "orders", "buyers", "lock_box"),
    "cash_flows": ("cash_flow*", "credit", "distribution_*", "yields"),
    "deal": (
        "deal_*", "deals_*", "sizes*", "classes", "break_even", "coverage", "cost_of_funds",
        "retention", "losses*", "sensitivity",
    ),
    "waterfall": ("waterfall_inputs", "waterfall_steps"),
    "stratification": ("pool_summary", "pool_stratification_*"),
    "borrowing_base": ("pool_borrowing_base_*",),
    "classes": ("deals_classes", "deals_yields"),
    "tranches": ("deals_classes", "deals_tranches"),
    "triggers": ("deals_triggers",),
    "retention": ("deals_retention",),
    "investor": (
        "deals_classes", "deals_tranches", "deals_periods", "deals_sources_uses", "deals_triggers",
        "deal_*",
    ),
    "regulator": ("plan_caps", "plan_cap_sources", "plan_limits"),
    "checks": ("plan_checks", "deals_checks"),
    "contents": (),
}  # fmt: skip


def shown_tables(tables: Mapping[str, Table], sheets: Iterable[str]) -> dict[str, Table]:
    """Those of ``tables`` with a row that stand behind one of ``sheets``, in their order."""
    patterns = {pattern for sheet in sheets for pattern in BEHIND.get(sheet, ())}
    return {
        name: table
        for name, table in tables.items()
        if len(table.frame) and any(_fits(name, pattern) for pattern in patterns)
    }


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
