"""The data that limits hold: in which rows each stands, and by how much one more unit moves them.

Prices and levers share this list. Lines, limits and floors that a model states are named as it
states them; every other limit of the catalogue follows as room under it, so that a new family is
priced without a word here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from scfcap.axes import GUARANTEED_BANK, JOINT_LENDING, P2P
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.family import Family
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs
from scfcap.funding.naming import limit_name, without_period
from scfcap.funding.partner import PartnerInputs
from scfcap.funding.program import Key, Program

#: Families whose data are named below; the others are named by the catalogue.
NAMED = frozenset(
    ("bank_debt", "transfer_stock", "programme", "issue_size", "p2p_supply", "p2p_limit",
     "leverage", "liquidity_floor", "demand", "partner_stock", "guarantee_multiple")
)  # fmt: skip
#: What partners' loans are called.
_LOANS = {GUARANTEED_BANK: "guaranteed loans", JOINT_LENDING: "joint loans"}


@dataclass(frozen=True)
class Datum:
    """A datum: ``shifts`` by row per unit, of a ``size`` [money units].

    ``constant`` is what a unit costs the objective itself. ``fund`` marks sources of funds,
    ``named`` what the model states in so many words. ``family`` is whose limit it is, if one's.
    """

    what: str
    per: str
    size: float
    shifts: dict[int, float]
    constant: float = 0.0
    fund: bool = True
    named: bool = True
    family: str = ""


def limit_of(source: LenderInputs | BuyerInputs | DealInputs | PartnerInputs | None) -> str:
    """What the limit of a source of funds is called among the prices; None is P2P."""
    if isinstance(source, LenderInputs):
        return f"the line of {source.name}"
    if isinstance(source, BuyerInputs):
        return f"the limit of {source.name}"
    if isinstance(source, PartnerInputs) and source.channel != P2P:
        return f"the limit of {source.name}'s {_LOANS[source.channel]}"
    return "the securitization programme" if isinstance(source, DealInputs) else "the P2P limit"


#: What the size of series to come is called among the data.
LARGEST_POOL = "the largest pool"
#: What net capital is called among the data.
CAPITAL = "net capital"


def all_data(inputs: Inputs, program: Program) -> list[Datum]:
    """What may be priced; a limit stands in a row only where it, not older business, sets it."""
    found = [*_capital(inputs, program), *_sources(inputs, program)]
    found += [*_partners(inputs, program), *_caps(inputs, program)]
    found += [*_policy_and_demand(inputs, program), *_others(inputs, program)]
    return [of_profit(inputs, program, datum) for datum in found if datum.shifts]


def of_profit(inputs: Inputs, program: Program, datum: Datum) -> Datum:
    """The datum in the rows of tax and dividends too, where it is in the profit of a period."""
    taxed, paid = (program.rows_of(name) for name in ("tax_on_profit", "dividends_of_profit"))
    if not taxed and not paid:
        return datum
    shifts, ends = dict(datum.shifts), inputs.grid.ends
    rate = 0.0 if inputs.spec.tax is None else inputs.spec.tax.rate
    payout = 0.0 if inputs.spec.dividends is None else inputs.spec.dividends.payout
    for t, r in program.rows_of("net_capital").items():
        profit = datum.shifts.get(r, 0.0) - (1.0 if datum.what == CAPITAL and t == 1 else 0.0)
        for u, row in taxed.items() if profit else ():
            if u >= t and ends[u - 1].year == ends[t - 1].year:
                shifts[row] = shifts.get(row, 0.0) + rate * profit
        for u, row in paid.items() if profit else ():
            if ends[u - 1].year == ends[t - 1].year + 1:
                shifts[row] = shifts.get(row, 0.0) + payout * profit
    return replace(datum, shifts=shifts)


def _capital(inputs: Inputs, program: Program) -> Iterator[Datum]:
    row = program._row_index
    growth = 1.0 + inputs.spec.plan.cash_yield * float(inputs.year[1])
    at_start, before = _fixed_bases(inputs, program)
    moved = {row["cash_balance", 1]: growth, row["net_capital", 1]: growth, **at_start}
    floor = program.rows_of("income_floor")
    moved |= dict.fromkeys(floor.values(), 1.0)
    constant = 0.0 if floor else -1.0
    yield Datum(CAPITAL, "at the start", inputs.net_capital, moved, constant=constant)
    if inputs.year_end_net_assets is not None:
        size = inputs.year_end_net_assets
        yield Datum("net assets", "at the last year end", size, before)


def _sources(inputs: Inputs, program: Program) -> Iterator[Datum]:
    row = program._row_index
    for x in inputs.lenders:
        if x.limit <= 0.0:
            continue
        shifts = {
            r: x.share(t)
            for (name, t), r in program.rows_of("bank_debt").items()
            if name == x.name and x.share(t) > 0.0 and x.line(t) >= x.open_balance[t]
        }
        for t in inputs.periods:
            fee = x.fee(t) * float(inputs.year[t])
            if fee > 0.0 and x.line(t - 1) >= float(x.open_balance[t - 1]):
                shifts[row["cash_balance", t]] = -fee * x.share(t - 1)
                shifts[row["net_capital", t]] = -fee * x.share(t - 1)
        shifts |= _fee_covered(inputs, program, x)
        yield Datum(limit_of(x), "throughout", x.limit, shifts, family="bank_debt")
    for buyer in inputs.buyers:
        stock = {
            r: 1.0
            for (name, t), r in program.rows_of("transfer_stock").items()
            if name == buyer.name and buyer.limit >= buyer.open_stock[t]
        }
        yield Datum(limit_of(buyer), "throughout", buyer.limit, stock, family="transfer_stock")
    if inputs.vehicle is not None and program.rows_of("programme"):
        rows = dict.fromkeys(program.rows_of("programme").values(), 1.0)
        what = limit_of(inputs.deals[0])
        yield Datum(what, "throughout", inputs.programme_limit, rows, family="programme")
        issues = program.rows_of("issue_size").values()
        sizes = dict.fromkeys(issues, 1.0 / max(len(issues), 1))
        most = max((d.max_pool for d in inputs.deals), default=0.0)
        each = "spread over the further series"
        yield Datum(LARGEST_POOL, each, most, sizes, family="issue_size")
    if inputs.p2p is not None:
        p2p = inputs.p2p
        limits = program.rows_of("p2p_limit").items()
        rows = {r: 1.0 for t, r in limits if p2p.limit >= p2p.open_balance[t]}
        yield Datum(limit_of(None), "throughout", p2p.limit, rows, family="p2p_limit")
        for m, step in enumerate(p2p.steps):
            supply = program.rows_of("p2p_supply").items()
            rows = {r: float(inputs.units[t]) for (k, t), r in supply if k == m}
            what = f"P2P supply at {step.rate:.2%}"
            each = f"each {inputs.spec.plan.unit}"
            yield Datum(what, each, step.per_period, rows, family="p2p_supply")


def _fee_covered(inputs: Inputs, program: Program, x: LenderInputs) -> dict[int, float]:
    """What the liquidity floor holds against the fee on one more unit of a line, by row."""
    shifts: dict[int, float] = {}
    for t, r in program.rows_of("liquidity_floor").items():
        for u in range(t + 1, min(int(inputs.covered_to[t]), inputs.horizon) + 1):
            fee = inputs.spec.plan.interest_cover * x.fee(u) * float(inputs.year[u])
            if fee > 0.0 and x.line(u - 1) >= float(x.open_balance[u - 1]):
                shifts[r] = shifts.get(r, 0.0) + fee * x.share(u - 1)
    return shifts


def _partners(inputs: Inputs, program: Program) -> Iterator[Datum]:
    """Limits of partners, and what may still be guaranteed."""
    stocks = program.rows_of("partner_stock").items()
    for x in inputs.partners:
        rows = {
            r: 1.0
            for (where, t), r in stocks
            if where == x.place and x.limit >= float(x.open_stock[t])
        }
        yield Datum(limit_of(x), "throughout", x.limit, rows, family="partner_stock")
    if inputs.guarantor is not None:
        base = inputs.guarantor.net_assets or inputs.net_capital
        size = inputs.guarantor.multiple * base
        rows = dict.fromkeys(program.rows_of("guarantee_multiple").values(), 1.0)
        yield Datum("room for guarantees", "throughout", size, rows, family="guarantee_multiple")


def _fixed_bases(inputs: Inputs, program: Program) -> tuple[dict[int, float], dict[int, float]]:
    """Multiples of caps whose base is capital at ``as_of``, or data of the year end before it."""
    at_start: dict[int, float] = {}
    before: dict[int, float] = {}
    for (name, t), r in program.rows_of("leverage").items():
        cap = inputs.cap(name, t)
        if cap is not None and cap.base == "net_assets_prior_year_end":
            closed = inputs.year_end(t)
            if closed is None:
                before[r] = cap.multiple
            elif closed == 0:
                at_start[r] = cap.multiple
    return at_start, before


def _caps(inputs: Inputs, program: Program) -> Iterator[Datum]:
    for cap in inputs.cap_names():
        rows = {r: 1.0 for (name, _), r in program.rows_of("leverage").items() if name == cap}
        multiple = next(x.cap.multiple for x in inputs.caps if x.cap.name == cap)
        size = multiple * inputs.net_capital
        yield Datum(f"room under the cap {cap!r}", "throughout", size, rows, family="leverage")


def _policy_and_demand(inputs: Inputs, program: Program) -> Iterator[Datum]:
    floor = dict.fromkeys(program.rows_of("liquidity_floor").values(), -1.0)
    what = "cash freed from the liquidity floor"
    yield Datum(what, "throughout", inputs.liquidity_floor, floor, family="liquidity_floor")
    each = f"each {inputs.spec.plan.unit}"
    for s, name in enumerate(inputs.segments):
        wanted = program.rows_of("demand").items()
        rows = {r: float(inputs.units[t]) for (key, t), r in wanted if key == name}
        size = float(inputs.demand[s].mean())
        yield Datum(f"loan demand in {name}", each, size, rows, fund=False, family="demand")


def _others(inputs: Inputs, program: Program) -> Iterator[Datum]:
    """Room under every limit of the catalogue that is not named above."""
    groups: dict[tuple[str, tuple[Key, ...]], list[int]] = {}
    keys: dict[int, Key] = {}
    for r, family, key in program.labelled_rows():
        found = BY_NAME[family]
        if found.is_limit and found.told and family not in NAMED:
            groups.setdefault((family, without_period(family, key)), []).append(r)
            keys[r] = key
    for (family, _), rows in groups.items():
        first = rows[0]
        key = keys[first]
        least = program.rows.sense[first] == ">="
        head = "relief from" if least else "room under"
        size = max(abs(program.rows.right[r] + program.rows.constant[r]) for r in rows)
        yield Datum(
            f"{head} {limit_name(inputs, family, key)}",
            _per(inputs, BY_NAME[family]),
            size,
            dict.fromkeys(rows, -1.0 if least else 1.0),
            fund=False,
            named=False,
            family=family,
        )


def _per(inputs: Inputs, family: Family) -> str:
    if family.period_at is None:
        return "at its date"
    each = "period" if inputs.grid.mixed else inputs.grid.frequency
    return f"each {each}" if family.each else "throughout"
