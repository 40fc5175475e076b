"""The constraint families: name, axes, kind, unit and meaning of a row's dual.

The program is the flat list of these families; the golden files, the reports and the
infeasibility messages read the same list. Kinds, in the order in which they may give way:
``policy`` the company's own, ``contract`` agreed with others, ``promise`` lending promised to
borrowers; ``market`` (what borrowers ask for), ``law`` and ``identity`` never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

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
from scfcap.funding.objective import objective
from scfcap.funding.past import still_to_come
from scfcap.funding.program import Absent, Key, Program, Row
from scfcap.funding.soft import soften
from scfcap.funding.variables import Book

Kind = Literal["identity", "law", "market", "promise", "contract", "policy"]


@dataclass(frozen=True)
class Family:
    """One constraint family.

    ``labels`` gives the keys that the family must yield, ``rows`` yields them. ``what`` names
    the limit in a sentence; ``period_at`` is the position of the period in a key, if any. ``each``
    says that its rows bound what is done in each period, not what stands at its end; ``told`` that
    prices, conflicts and levers name its rows, which they cannot where a key is of many loans.
    """

    name: str
    axes: tuple[str, ...]
    kind: Kind
    what: str
    labels: Callable[[Book], Iterable[Key]]
    rows: Callable[[Book], Iterator[tuple[Key, Row | Absent]]]
    period_at: int | None = None
    each: bool = False
    told: bool = True

    @property
    def is_limit(self) -> bool:
        """Whether its rows are limits that a report shows with their headroom."""
        return self.kind != "identity"


def _periods(book: Book) -> list[Key]:
    return list(book.inputs.periods)


def _by_period(names: Callable[[Book], Iterable[Key]]) -> Callable[[Book], list[Key]]:
    def labels(book: Book) -> list[Key]:
        return [(name, t) for name in names(book) for t in book.inputs.periods]

    return labels


def _segments(book: Book) -> list[Key]:
    return list(book.inputs.segments)


def _lenders(book: Book) -> list[Key]:
    return [x.name for x in book.inputs.lenders]


def _covenants(book: Book) -> list[Key]:
    return [(x.lender, x.name, t) for x in book.inputs.covenants for t in book.inputs.periods]


def _cells(book: Book) -> list[Key]:
    pledges = book.inputs.pledges
    return [] if pledges is None else [pledges.label(c) for c in range(len(pledges.takes))]


def _buyers(book: Book) -> list[Key]:
    return [x.name for x in book.inputs.buyers]


def _series(book: Book) -> list[Key]:
    return [d.name for d in book.inputs.deals]


def _issues(book: Book) -> list[Key]:
    return [d.name for d in book.inputs.deals if d.state is None]


def _tranches(book: Book) -> list[Key]:
    return [
        (d.name, i, t)
        for d in book.inputs.deals
        for i in range(len(d.repaid_by))
        for t in book.inputs.periods
    ]


def _steps(book: Book) -> list[Key]:
    return [] if book.inputs.p2p is None else list(range(len(book.inputs.p2p.steps)))


def _partners(book: Book) -> list[Key]:
    return list(book.inputs.partner_places)


def _booked(book: Book) -> list[Key]:
    return [
        (name, segment, t)
        for name in partners.booked_sets(book)
        for segment in book.inputs.segments
        for t in book.inputs.periods
    ]


def _caps(book: Book) -> list[Key]:
    return list(book.inputs.cap_names())


def _gaps(book: Book) -> list[Key]:
    return [x.days for x in book.inputs.spec.plan.maturity_gaps]


def _matched(book: Book) -> list[Key]:
    return [] if book.inputs.spec.plan.tenor_match is None else _periods(book)


def _shares(book: Book) -> list[Key]:
    limits = book.inputs.spec.concentration
    return [limit.name for limit in limits if concentration.by_segment(limit)]


def _cores(book: Book) -> list[Key]:
    limits = book.inputs.spec.concentration
    return [limit.name for limit in limits if not concentration.by_segment(limit)]


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
        _by_period(_segments),
        cohorts.demand,
        1,
        each=True,
    ),
    Family(
        "promised_demand",
        ("segment", "period"),
        "promise",
        "promised lending",
        _by_period(_segments),
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
    Family("cash_balance", ("period",), "identity", "cash", _periods, cash.cash_balance, 0),
    Family(
        "liquidity_floor",
        ("period",),
        "policy",
        "the liquidity floor",
        _periods,
        cash.liquidity_floor,
        0,
    ),
    Family("net_capital", ("period",), "identity", "net capital", _periods, cash.net_capital, 0),
    Family(
        "bank_debt",
        ("lender", "period"),
        "contract",
        "the credit line",
        _by_period(_lenders),
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
        _covenants,
        covenants.covenant,
        2,
    ),
    Family(
        "pledge",
        ("cell", "period"),
        "contract",
        "own loans to pledge",
        _by_period(_cells),
        covenants.pledge,
        1,
    ),
    Family(
        "transfer_stock",
        ("buyer", "period"),
        "contract",
        "the buyer's limit",
        _by_period(_buyers),
        bank_transfer.transfer_stock,
        1,
    ),
    Family(
        "transfer_flow",
        ("buyer", "period"),
        "contract",
        "the buyer's intake a period",
        _by_period(_buyers),
        bank_transfer.transfer_flow,
        1,
        each=True,
    ),
    Family(
        "deal_cash",
        ("series", "period"),
        "identity",
        "cash of a series",
        _by_period(_series),
        securitization.deal_cash,
        1,
    ),
    Family(
        "tranche_balance",
        ("series", "tranche", "period"),
        "identity",
        "notes of a tranche",
        _tranches,
        securitization.tranche_balance,
        2,
    ),
    Family(
        "overcollateralization",
        ("series", "period"),
        "contract",
        "overcollateralization",
        _by_period(_series),
        securitization.overcollateralization,
        1,
    ),
    Family(
        "idle_cash",
        ("series", "period"),
        "contract",
        "uninvested cash",
        _by_period(_series),
        securitization.idle_cash,
        1,
    ),
    Family(
        "trigger_headroom",
        ("series", "period"),
        "contract",
        "distance to early amortisation",
        _by_period(_series),
        securitization.trigger_headroom,
        1,
    ),
    Family(
        "issue_size", ("series",), "contract", "largest issue", _issues, securitization.issue_size
    ),
    Family("first_pool", ("series",), "contract", "first pool", _issues, securitization.first_pool),
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
        _by_period(_steps),
        p2p.p2p_supply,
        1,
        each=True,
    ),
    Family(
        "p2p_renewal",
        ("period",),
        "contract",
        "P2P notes renewed",
        _periods,
        p2p.p2p_renewal,
        0,
    ),
    Family("p2p_limit", ("period",), "contract", "the P2P limit", _periods, p2p.p2p_limit, 0),
    Family(
        "p2p_rolling",
        ("period",),
        "law",
        "P2P placements in twelve months",
        _periods,
        p2p.p2p_rolling,
        0,
    ),
    Family(
        "p2p_backing",
        ("period",),
        "contract",
        "own loans behind P2P notes",
        _periods,
        p2p.p2p_backing,
        0,
    ),
    Family(
        "partner_stock",
        ("partner", "period"),
        "contract",
        "the limit of a bank that is guaranteed, or of a joint lender",
        _by_period(_partners),
        partners.partner_stock,
        1,
    ),
    Family(
        "partner_flow",
        ("partner", "period"),
        "contract",
        "what a bank that is guaranteed, or a joint lender, lends a period",
        _by_period(_partners),
        partners.partner_flow,
        1,
        each=True,
    ),
    Family(
        "partner_eligibility",
        ("eligibility", "segment", "period"),
        "contract",
        "eligible share of lending",
        _booked,
        partners.partner_eligibility,
        2,
    ),
    Family(
        "guarantee_multiple",
        ("period",),
        "law",
        "guarantees in multiples of net assets",
        _periods,
        partners.guarantee_multiple,
        0,
    ),
    Family(
        "leverage",
        ("cap", "period"),
        "law",
        "the regulatory cap",
        _by_period(_caps),
        leverage.leverage,
        1,
    ),
    Family(
        "maturity_gap",
        ("days", "period"),
        "policy",
        "the maturity gap within days:",
        _by_period(_gaps),
        maturity.maturity_gap,
        1,
    ),
    Family(
        "tenor_match",
        ("period",),
        "policy",
        "long loans on long funding",
        _matched,
        maturity.tenor_match,
        0,
    ),
    Family(
        "book_share",
        ("limit", "period"),
        "policy",
        "share of the book",
        _by_period(_shares),
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
        lambda book: _periods(book) if book.inputs.spec.plan.headroom > 0.0 else [],
        reserves.headroom,
        0,
    ),
    Family(
        "core_share",
        ("limit", "period"),
        "policy",
        "what hangs on",
        _by_period(_cores),
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
