"""The constraint families: name, axes, kind, unit and meaning of a row's dual.

The program is the flat list of these families; the golden files, the reports and the
infeasibility messages read the same list. Kinds, in the order in which they may give way:
``policy`` the company's own, ``contract`` agreed with others, ``promise`` lending promised to
borrowers; ``market`` (what borrowers ask for), ``law`` and ``identity`` never.
"""

from __future__ import annotations

from scfcap.funding import keys
from scfcap.funding.calendar_years import dividend_periods
from scfcap.funding.constraints import (
    bank_debt,
    bank_transfer,
    cash,
    cohorts,
    concentration,
    covenants,
    leverage,
    maturity,
    p2p,
    partners,
    profit,
    reserves,
    risk,
    securitization,
)
from scfcap.funding.family import Family
from scfcap.funding.objective import objective
from scfcap.funding.past import still_to_come
from scfcap.funding.program import Program
from scfcap.funding.soft import soften
from scfcap.funding.variables import Book

FAMILIES: tuple[Family, ...] = (
    Family(
        "cohort_balance",
        ("cohort", "place", "period"),
        "identity",
        "principal of a cohort in a place",
        lambda book: list(book.holdings),
        cohorts.cohort_balance,
        2,
    ),
    Family(
        "demand",
        ("segment", "period"),
        "market",
        "loan demand",
        keys.by_period(keys.segments),
        cohorts.demand,
        1,
        each=True,
    ),
    Family(
        "promised_demand",
        ("segment", "period"),
        "promise",
        "promised lending",
        keys.by_period(keys.segments),
        cohorts.promised_demand,
        1,
        each=True,
    ),
    Family(
        "transfer_eligibility",
        ("eligibility", "cohort", "period"),
        "contract",
        "eligible share of a cohort",
        cohorts.transferable,
        cohorts.transfer_eligibility,
        2,
        told=False,
    ),
    Family("cash_balance", ("period",), "identity", "cash", keys.periods, cash.cash_balance, 0),
    Family(
        "liquidity_floor",
        ("period",),
        "policy",
        "the liquidity floor",
        keys.periods,
        cash.liquidity_floor,
        0,
    ),
    Family(
        "net_capital", ("period",), "identity", "net capital", keys.periods, cash.net_capital, 0
    ),
    Family(
        "bank_debt",
        ("lender", "period"),
        "contract",
        "the credit line",
        keys.by_period(keys.lenders),
        bank_debt.bank_debt,
        1,
    ),
    Family(
        "lender_count",
        ("banks",),
        "law",
        "the number of lending banks",
        lambda _: ["banks"],
        bank_debt.lender_count,
    ),
    Family(
        "covenant",
        ("lender", "covenant", "period"),
        "contract",
        "the covenant of",
        keys.covenants,
        covenants.covenant,
        2,
    ),
    Family(
        "pledge",
        ("cell", "period"),
        "contract",
        "own loans to pledge",
        keys.by_period(keys.cells),
        covenants.pledge,
        1,
    ),
    Family(
        "transfer_stock",
        ("buyer", "period"),
        "contract",
        "the buyer's limit",
        keys.by_period(keys.buyers),
        bank_transfer.transfer_stock,
        1,
    ),
    Family(
        "transfer_flow",
        ("buyer", "period"),
        "contract",
        "the buyer's intake a period",
        keys.by_period(keys.buyers),
        bank_transfer.transfer_flow,
        1,
        each=True,
    ),
    Family(
        "deal_cash",
        ("series", "period"),
        "identity",
        "cash of a series",
        keys.by_period(keys.series),
        securitization.deal_cash,
        1,
    ),
    Family(
        "tranche_balance",
        ("series", "tranche", "period"),
        "identity",
        "notes of a tranche",
        keys.tranches,
        securitization.tranche_balance,
        2,
    ),
    Family(
        "overcollateralization",
        ("series", "period"),
        "contract",
        "overcollateralization",
        keys.by_period(keys.series),
        securitization.overcollateralization,
        1,
    ),
    Family(
        "idle_cash",
        ("series", "period"),
        "contract",
        "uninvested cash",
        keys.by_period(keys.series),
        securitization.idle_cash,
        1,
    ),
    Family(
        "trigger_headroom",
        ("series", "period"),
        "contract",
        "distance to early amortisation",
        keys.by_period(keys.series),
        securitization.trigger_headroom,
        1,
    ),
    Family(
        "issue_size",
        ("series",),
        "contract",
        "largest issue",
        keys.issues,
        securitization.issue_size,
    ),
    Family(
        "first_pool", ("series",), "contract", "first pool", keys.issues, securitization.first_pool
    ),
    Family(
        "programme",
        ("programme",),
        "contract",
        "the securitization programme",
        lambda _: ["programme"],
        securitization.programme,
    ),
    Family(
        "p2p_supply",
        ("step", "period"),
        "contract",
        "P2P supply at a rate",
        keys.by_period(keys.steps),
        p2p.p2p_supply,
        1,
        each=True,
    ),
    Family(
        "p2p_renewal",
        ("period",),
        "contract",
        "P2P notes renewed",
        keys.periods,
        p2p.p2p_renewal,
        0,
    ),
    Family("p2p_limit", ("period",), "contract", "the P2P limit", keys.periods, p2p.p2p_limit, 0),
    Family(
        "p2p_rolling",
        ("period",),
        "law",
        "P2P placements in twelve months",
        keys.periods,
        p2p.p2p_rolling,
        0,
    ),
    Family(
        "p2p_backing",
        ("period",),
        "contract",
        "own loans behind P2P notes",
        keys.periods,
        p2p.p2p_backing,
        0,
    ),
    Family(
        "partner_stock",
        ("partner", "period"),
        "contract",
        "the limit of a bank that is guaranteed, or of a joint lender",
        keys.by_period(keys.partners),
        partners.partner_stock,
        1,
    ),
    Family(
        "partner_flow",
        ("partner", "period"),
        "contract",
        "what a bank that is guaranteed, or a joint lender, lends a period",
        keys.by_period(keys.partners),
        partners.partner_flow,
        1,
        each=True,
    ),
    Family(
        "partner_eligibility",
        ("eligibility", "segment", "period"),
        "contract",
        "eligible share of lending",
        keys.booked,
        partners.partner_eligibility,
        2,
    ),
    Family(
        "guarantee_multiple",
        ("period",),
        "law",
        "guarantees in multiples of net assets",
        keys.periods,
        partners.guarantee_multiple,
        0,
    ),
    Family(
        "leverage",
        ("cap", "period"),
        "law",
        "the regulatory cap",
        keys.by_period(keys.caps),
        leverage.leverage,
        1,
    ),
    Family(
        "maturity_gap",
        ("days", "period"),
        "policy",
        "the maturity gap within days:",
        keys.by_period(keys.gaps),
        maturity.maturity_gap,
        1,
    ),
    Family(
        "tenor_match",
        ("period",),
        "policy",
        "long loans on long funding",
        keys.matched,
        maturity.tenor_match,
        0,
    ),
    Family(
        "book_share",
        ("limit", "period"),
        "policy",
        "share of the book",
        keys.by_period(keys.shares),
        concentration.book_share,
        1,
    ),
    Family(
        "tax_on_profit",
        ("period",),
        "identity",
        "tax on profit",
        profit.taxed_periods,
        profit.tax_on_profit,
        0,
    ),
    Family(
        "dividends_of_profit",
        ("period",),
        "policy",
        "dividends of a closed year's profit",
        lambda book: list(dividend_periods(book.inputs)),
        profit.dividends_of_profit,
        0,
    ),
    Family(
        "income_floor",
        ("plan",),
        "policy",
        "the floor of income",
        lambda book: ["plan"] if book.inputs.spec.plan.objective == "max_lending" else [],
        profit.income_floor,
    ),
    Family(
        "lending_floor",
        ("plan",),
        "policy",
        "the floor of lending",
        lambda book: ["plan"] if book.inputs.spec.plan.lending_floor > 0.0 else [],
        reserves.lending_floor,
    ),
    Family(
        "headroom",
        ("period",),
        "policy",
        "cash and undrawn lines",
        lambda book: keys.periods(book) if book.inputs.spec.plan.headroom > 0.0 else [],
        reserves.headroom,
        0,
    ),
    Family(
        "core_share",
        ("limit", "period"),
        "policy",
        "what hangs on",
        keys.by_period(keys.cores),
        concentration.core_share,
        1,
    ),
    Family(
        "tail",
        ("scenario", "part"),
        "identity",
        "shortfalls above the tail's least",
        lambda book: [key for key, _ in risk.tail(book)],
        risk.tail,
    ),
    Family(
        "cvar",
        ("plan",),
        "policy",
        "the limit of the worst shortfalls' mean",
        lambda book: [key for key, _ in risk.cvar(book)],
        risk.cvar,
    ),
)

BY_NAME = {family.name: family for family in FAMILIES}


def build_program(book: Book) -> Program:
    """The whole program: columns are declared, each family adds its rows, then the objective."""
    past = book.inputs.past
    for family in FAMILIES:
        rows = family.rows(book)
        if past is not None:
            rows = still_to_come(family, past, rows)
        book.program.add_family(family.name, family.labels(book), rows)
    book.program.objective = objective(book)
    if book.inputs.soft:
        soften(book)
    return book.program
