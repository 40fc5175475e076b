"""What each datum is worth: shadow prices in words, and what each outside channel earns.

The value of a datum is summed over all rows in which it stands and re-solved on both sides from
the optimal basis, because a degenerate optimum has many duals: where the right and the left
value differ, both are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, P2P, SECURITIZATION
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs
from scfcap.funding.program import Solution

#: Step of a re-solve, share of the datum.
STEP = 1e-4
#: Values below this per unit count as zero.
NOTHING = 1e-9


@dataclass(frozen=True)
class Price:
    """Value of one more unit of a datum over the horizon [1].

    ``value`` is what one more unit earns; ``low`` and ``high`` hold it and what one unit less
    costs; ``dual`` is the sum of duals over the rows ``shifts`` in which the datum stands.
    ``fund`` marks data that are sources of funds, which the summary ranks.
    """

    what: str
    per: str
    value: float
    low: float
    high: float
    dual: float
    shifts: Mapping[int, float]
    sentence: str
    fund: bool


@dataclass(frozen=True)
class Worth:
    """Objective with and without new business in a channel [currency]."""

    channel: str
    income_with: float
    income_without: float
    sentence: str

    @property
    def worth(self) -> float:
        """What the channel adds to the objective [currency]."""
        return self.income_with - self.income_without


@dataclass(frozen=True)
class _Datum:
    what: str
    per: str
    size: float
    shifts: dict[int, float]
    constant: float = 0.0
    fund: bool = True


def limit_of(source: LenderInputs | BuyerInputs | DealInputs | None) -> str:
    """What the limit of a source of funds is called among the prices; None is P2P."""
    if isinstance(source, LenderInputs):
        return f"the line of {source.name}"
    if isinstance(source, BuyerInputs):
        return f"the limit of {source.name}"
    return "the P2P limit" if source is None else "the securitization programme"


def prices(inputs: Inputs, solution: Solution) -> tuple[Price, ...]:
    """Prices of all data, funds first, dearest first."""
    found = [_price(inputs, solution, datum) for datum in _data(inputs, solution)]
    if solution.fixed:
        held = ", with the banks that lend held as the plan chooses them."
        found = [replace(p, sentence=p.sentence.removesuffix(".") + held) for p in found]
    return tuple(sorted(found, key=lambda p: (not p.fund, -p.value, p.what)))


def _price(inputs: Inputs, solution: Solution, datum: _Datum) -> Price:
    dual = sum(shift * float(solution.dual[r]) for r, shift in datum.shifts.items())
    step = STEP * max(datum.size, 1.0)

    def slope(sign: float) -> float | None:
        moved = solution.shifted({r: sign * step * s for r, s in datum.shifts.items()})
        return None if moved is None else sign * (moved - solution.objective) / step

    up, down = slope(1.0), slope(-1.0)
    right = (dual if up is None else up) + datum.constant
    left = (right - datum.constant if down is None else down) + datum.constant
    right, left = (0.0 if abs(v) < NOTHING else v for v in (right, left))
    sentence = _sentence(inputs, datum, right, left)
    return Price(
        what=datum.what,
        per=datum.per,
        value=right,
        low=min(left, right),
        high=max(left, right),
        dual=dual + datum.constant,
        shifts=datum.shifts,
        sentence=sentence,
        fund=datum.fund,
    )


def _sentence(inputs: Inputs, datum: _Datum, right: float, left: float) -> str:
    unit = inputs.unit
    more = f"{_money(inputs, unit)} more of {datum.what} {datum.per}"
    less = f"{_money(inputs, unit)} less"
    span = f"over the {inputs.horizon} {inputs.grid.frequency}s"
    if right == 0.0:
        text = f"{more} would earn nothing {span}"
        if left == 0.0:
            return f"{text}: it does not bind."
        return f"{text}, but {less} would cost {_money(inputs, left * unit)}."
    verb = "earns" if right > 0.0 else "costs"
    text = f"{more} {verb} {_money(inputs, abs(right) * unit)} {span}"
    if abs(left - right) > 1e-6 * max(1.0, abs(right)):
        return f"{text}; {less} {'costs' if left >= 0.0 else 'earns'} " + (
            f"{_money(inputs, abs(left) * unit)}."
        )
    return f"{text}."


def _money(inputs: Inputs, amount: float) -> str:
    million = 1e6
    text = f"{amount / million:,.0f} million" if amount == million else f"{amount:,.0f}"
    return f"{inputs.spec.currency} {text}"


def _data(inputs: Inputs, solution: Solution) -> list[_Datum]:
    """What may be priced; a limit stands in a row only where it, not older business, sets it."""
    program = solution.program
    row = program._row_index
    year = float(inputs.year[1])
    growth = 1.0 + inputs.spec.plan.cash_yield * year
    at_start, before = _fixed_bases(inputs, solution)
    moved = {row["cash_balance", 1]: growth, row["net_capital", 1]: growth, **at_start}
    data = [_Datum("net capital", "at the start", inputs.net_capital, moved, constant=-1.0)]
    if inputs.year_end_net_assets is not None:
        size = inputs.year_end_net_assets
        data.append(_Datum("net assets", "at the last year end", size, before))
    for x in inputs.lenders:
        chosen = program.find("V", x.name)
        if x.limit <= 0.0 or (chosen is not None and solution.x[chosen] < 0.5):
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
        data.append(_Datum(limit_of(x), "throughout", x.limit, shifts))
    for buyer in inputs.buyers:
        stock = {
            r: 1.0
            for (name, t), r in program.rows_of("transfer_stock").items()
            if name == buyer.name and buyer.limit >= buyer.open_stock[t]
        }
        data.append(_Datum(limit_of(buyer), "throughout", buyer.limit, stock))
    if inputs.vehicle is not None and program.rows_of("programme"):
        limit = inputs.programme_limit
        rows = dict.fromkeys(program.rows_of("programme").values(), 1.0)
        what = limit_of(inputs.deals[0])
        data.append(_Datum(what, "throughout", limit, rows))
        issues = program.rows_of("issue_size").values()
        sizes = dict.fromkeys(issues, 1.0 / max(len(issues), 1))
        most = max((d.max_pool for d in inputs.deals), default=0.0)
        data.append(_Datum("pool", "spread over the further series", most, sizes))
    if inputs.p2p is not None:
        p2p = inputs.p2p
        limits = program.rows_of("p2p_limit").items()
        rows = {r: 1.0 for t, r in limits if p2p.limit >= p2p.open_balance[t]}
        data.append(_Datum(limit_of(None), "throughout", p2p.limit, rows))
        for m, step in enumerate(p2p.steps):
            rows = {r: 1.0 for (k, _), r in program.rows_of("p2p_supply").items() if k == m}
            what = f"P2P supply at {step.rate:.2%}"
            data.append(_Datum(what, f"each {inputs.grid.frequency}", step.per_period, rows))
    data.extend(_law_and_policy(inputs, solution))
    return [datum for datum in data if datum.shifts]


def _fixed_bases(inputs: Inputs, solution: Solution) -> tuple[dict[int, float], dict[int, float]]:
    """Multiples of caps whose base is capital at ``as_of``, or data of the year end before it."""
    at_start: dict[int, float] = {}
    before: dict[int, float] = {}
    for (name, t), r in solution.program.rows_of("leverage").items():
        cap = inputs.cap(name, t)
        if cap is not None and cap.base == "net_assets_prior_year_end":
            closed = inputs.year_end(t)
            if closed is None:
                before[r] = cap.multiple
            elif closed == 0:
                at_start[r] = cap.multiple
    return at_start, before


def _law_and_policy(inputs: Inputs, solution: Solution) -> list[_Datum]:
    program = solution.program
    data = []
    for cap in inputs.cap_names():
        rows = {r: 1.0 for (name, _), r in program.rows_of("leverage").items() if name == cap}
        multiple = next(x.cap.multiple for x in inputs.caps if x.cap.name == cap)
        size = multiple * inputs.net_capital
        data.append(_Datum(f"room under the cap {cap!r}", "throughout", size, rows))
    floor = dict.fromkeys(program.rows_of("liquidity_floor").values(), -1.0)
    data.append(
        _Datum("cash freed from the liquidity floor", "throughout", inputs.liquidity_floor, floor)
    )
    for s, name in enumerate(inputs.segments):
        rows = {r: 1.0 for (key, _), r in program.rows_of("demand").items() if key == name}
        size = float(inputs.demand[s].mean())
        what = f"loan demand in {name}"
        data.append(_Datum(what, f"each {inputs.grid.frequency}", size, rows, fund=False))
    return data


_VERB = {
    BANK_DEBT: "new bank draws",
    BANK_TRANSFER: "selling loans to banks",
    SECURITIZATION: "issuing further series",
    P2P: "new P2P notes",
}


def worth_sentence(inputs: Inputs, channel: str, fall: float) -> str:
    """The worth of a channel in words; ``fall`` in currency."""
    currency = inputs.spec.currency
    if fall < -0.5:
        return (
            f"Without {_VERB[channel]} the plan would earn {currency} {-fall:,.0f} more: "
            "the channel costs more than it brings."
        )
    if fall <= 0.5:
        return f"Without {_VERB[channel]} the plan earns as much: the channel is not needed."
    return f"Without {_VERB[channel]} the plan would earn {currency} {fall:,.0f} less."
