"""The plan's tables: sources and uses, balances, limits, balance sheet, income, checks [currency].

All figures are read off the optimum through the same terms that built the program; the checks
compare them with each other and with the replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from scfcap.axes import OWN
from scfcap.funding.capital import tax
from scfcap.funding.caps import base_at_start, cap_checks, caps_table
from scfcap.funding.catalogue import FAMILIES
from scfcap.funding.company import capital, cash
from scfcap.funding.covenants import covenant_checks, covenants_table
from scfcap.funding.entries import entries, from_owners, income_lines, sheet_lines, stocks
from scfcap.funding.family import Family
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Key, Solution, Terms
from scfcap.funding.recourse import recourse_checks
from scfcap.funding.replay import Replay
from scfcap.funding.tax_book import with_losses_forward
from scfcap.funding.variables import Book
from scfcap.quantities import REPLAY_TOLERANCE, FloatArray

#: A limit counts as binding when its headroom is below this share of it.
BINDING = 1e-6
#: Limits that are shown as they stand at ``as_of``, and not planned.
AT_START = ("single_borrower", "single_group")

#: Items of sources and uses that are no flows.
BROUGHT, CARRIED = "cash brought forward", "cash carried forward"


def valuer(book: Book, solution: Solution) -> Callable[[Terms], float]:
    """The value of terms at the optimum [currency]."""
    unit, x = book.inputs.unit, solution.x
    return lambda terms: unit * terms.value(x)


def sources_uses(book: Book, solution: Solution) -> pd.DataFrame:
    """Where cash comes from and goes to, by period, side, channel and item."""
    inputs = book.inputs
    value = valuer(book, solution)
    rows: list[tuple[object, ...]] = []
    for t in inputs.periods:
        end = inputs.grid.ends[t - 1]
        rows.append((t, end, "source", OWN, BROUGHT, value(cash(book, t - 1))))
        for side, sign in (("source", 1.0), ("use", -1.0)):
            rows.extend(
                (t, end, side, entry.purse.channel, entry.purse.item, value(entry.terms))
                for entry in entries(book, t)
                if entry.purse is not None and entry.purse.sign == sign
            )
        rows.append((t, end, "use", OWN, CARRIED, value(cash(book, t))))
    return frame_of(rows, ["period", "end", "side", "channel", "item", "amount"])


def balances(book: Book, solution: Solution) -> pd.DataFrame:
    """What stands where at the close of each period, 0 (``as_of``) to T."""
    inputs = book.inputs
    value = valuer(book, solution)
    rows = [
        (t, _close(inputs, t), *stock.held, value(stock.terms))
        for t in range(inputs.horizon + 1)
        for stock in stocks(book, t)
        if stock.held is not None
    ]
    return frame_of(rows, ["period", "end", "channel", "item", "amount"])


def _close(inputs: Inputs, t: int) -> date:
    return inputs.grid.as_of if t == 0 else inputs.grid.ends[t - 1]


def lending(book: Book, solution: Solution) -> pd.DataFrame:
    """Loans made against loan demand, by period and segment.

    Where the model has partners, ``by_partners`` is the part of ``originated`` that they fund.
    """
    inputs = book.inputs
    rows = [
        (
            t,
            inputs.grid.ends[t - 1],
            name,
            inputs.unit * float(inputs.demand[s, t]),
            inputs.unit * book.lent(s, t).value(solution.x),
        )
        for t in inputs.periods
        for s, name in enumerate(inputs.segments)
    ]
    frame = frame_of(rows, ["period", "end", "segment", "demand", "originated"])
    if inputs.partners:
        frame["by_partners"] = [
            inputs.unit * sum(book.made(s, x.place, t).value(solution.x) for x in inputs.partners)
            for t in inputs.periods
            for s in range(len(inputs.segments))
        ]
    return frame


def limits(book: Book, solution: Solution) -> pd.DataFrame:
    """Every limit: use, limit, headroom, dual; cohorts' eligible shares summed by segment, their
    dual that of a unit spread over them as their limits are, so that some may bind and not all.

    ``dual`` is what one more currency unit of the limit adds to the objective [1].
    """
    inputs, program, unit = book.inputs, solution.program, book.inputs.unit
    rows: list[tuple[object, ...]] = []
    for family in FAMILIES:
        if not family.is_limit or family.name == "transfer_eligibility":
            continue
        for key, r in program.rows_of(family.name).items():
            use, limit = program.sides(r, solution.x)
            sense, dual = program.rows.sense[r], float(solution.dual[r])
            label, t = _label(book, family, key)
            rows.append((family.name, label, t, sense, use * unit, limit * unit, dual))
    rows.extend(_eligible_shares(book, solution))
    rows.extend(_single_borrower(inputs))
    frame = frame_of(rows, ["family", "key", "period", "sense", "use", "limit", "dual"])
    sign = np.where(frame["sense"] == ">=", -1.0, 1.0)
    frame["headroom"] = sign * (frame["limit"] - frame["use"])
    scale = np.maximum(frame["limit"].abs(), 1e-3 * unit)
    frame["binding"] = frame["headroom"] <= BINDING * scale
    ends = [None, *inputs.grid.ends]
    frame["end"] = [ends[t] for t in frame["period"]]
    frame["unit"] = inputs.spec.currency
    order = [
        "family", "key", "period", "end", "sense", "use", "limit", "headroom", "dual", "binding",
        "unit",
    ]  # fmt: skip
    return frame[order]


def _label(book: Book, family: Family, key: Key) -> tuple[str, int]:
    parts = list(key) if isinstance(key, tuple) else [key]
    t = 0 if family.period_at is None else int(parts.pop(family.period_at))
    if family.name == "p2p_supply" and book.inputs.p2p is not None:
        parts = [f"at {book.inputs.p2p.steps[int(parts[0])].rate:.2%}"]
    return "/".join(str(p) for p in parts) or family.name, t


def _single_borrower(inputs: Inputs) -> Iterator[tuple[str, str, int, str, float, float, float]]:
    """The law's limits on one borrower and one group, at ``as_of``: cohorts have no borrowers."""
    regime = inputs.regime
    if regime is None:
        return
    for family, most, largest in (
        ("single_borrower", regime.single_borrower, inputs.largest_borrower),
        ("single_group", regime.group, inputs.largest_group),
    ):
        if most is not None and largest is not None:
            limit = most.amount
            if most.share is not None:
                limit = most.share * base_at_start(inputs, most.base) * inputs.unit
            assert limit is not None
            yield (family, "largest at the start", 0, "<=", largest * inputs.unit, limit, 0.0)


def _eligible_shares(
    book: Book, solution: Solution
) -> Iterator[tuple[str, str, int, str, float, float, float]]:
    inputs, program, unit = book.inputs, solution.program, book.inputs.unit
    sums: dict[tuple[str, int], list[float]] = {}
    for key, r in program.rows_of("transfer_eligibility").items():
        name, j, t = key
        use, limit = program.sides(r, solution.x)
        segment = inputs.segments[int(inputs.cohorts.segment[j])]
        entry = sums.setdefault((f"{name}/{segment}", t), [0.0, 0.0, 0.0])
        entry[0] += use
        entry[1] += limit
        entry[2] += limit * float(solution.dual[r])
    for (label, t), (use, limit, worth) in sums.items():
        dual = worth / limit if limit > 0.0 else 0.0
        yield "transfer_eligibility", label, t, "<=", use * unit, limit * unit, dual


def balance_sheet(book: Book, solution: Solution) -> pd.DataFrame:
    """Assets, liabilities and capital at the close of each period, the vehicle consolidated."""
    value = valuer(book, solution)
    rows = [
        (t, _close(book.inputs, t), *line, value(terms))
        for t in range(book.inputs.horizon + 1)
        for line, terms in sheet_lines(book, t).items()
    ]
    return frame_of(rows, ["period", "end", "side", "item", "amount"])


def income(book: Book, solution: Solution) -> pd.DataFrame:
    """Income of each period by item; costs are negative, net income is their sum."""
    value = valuer(book, solution)
    rows = [
        (t, book.inputs.grid.ends[t - 1], item, value(terms))
        for t in book.inputs.periods
        for item, terms in income_lines(book, t).items()
    ]
    return frame_of(rows, ["period", "end", "item", "amount"])


#: Every statement by name.
STATEMENTS: Mapping[str, Callable[[Book, Solution], pd.DataFrame]] = {
    "sources_uses": sources_uses,
    "balances": balances,
    "lending": lending,
    "limits": limits,
    "balance_sheet": balance_sheet,
    "income": income,
}


def all_statements(book: Book, solution: Solution) -> dict[str, pd.DataFrame]:
    """Every statement by name."""
    return {name: make(book, solution) for name, make in STATEMENTS.items()}


def checks(
    book: Book, solution: Solution, result: Replay, frames: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Each invariant with its value and tolerance; ``value`` is the largest difference."""
    inputs = book.inputs
    size = max(inputs.net_capital, 1.0) * inputs.unit
    money = REPLAY_TOLERANCE * size
    rows: list[tuple[str, float, float, str]] = []
    flows = frames["sources_uses"]
    sign = np.where(flows["side"] == "source", 1.0, -1.0)
    gap = (flows["amount"] * sign).groupby(flows["period"]).sum().abs().max()
    rows.append(("sources = uses", gap, money, "each period"))
    sheet = frames["balance_sheet"]
    sign = np.where(sheet["side"] == "asset", 1.0, -1.0)
    gap = (sheet["amount"] * sign).groupby(sheet["period"]).sum().abs().max()
    rows.append(("assets = liabilities + net capital", gap, money, "each period, not imposed"))
    earned = frames["income"].groupby("period")["amount"].sum().to_numpy()
    path = np.array([capital(book, t).value(solution.x) for t in range(inputs.horizon + 1)])
    given = np.array([from_owners(book, t).value(solution.x) for t in inputs.periods])
    gap = np.abs(earned - inputs.unit * (np.diff(path) - given)).max()
    rows.append(("net income = change of net capital", gap, money, "each period"))
    planned = frames["limits"][~frames["limits"]["family"].isin(AT_START)]
    worst = -planned["headroom"].min()
    rows.append(("no limit is exceeded", max(worst, 0.0), money, "largest excess"))
    rows.append(
        ("program: residual of rows", solution.primal_residual * inputs.unit, money, "unscaled")
    )
    rows.append(
        ("program: duality gap", solution.duality_gap, REPLAY_TOLERANCE, "share of the objective")
    )
    rows.extend(_replay_checks(book, solution, result, money))
    rows.extend(cap_checks(caps_table(book, solution, result), money))
    kept = covenants_table(book, solution, result)
    rows.extend(covenant_checks(kept, inputs.spec.plan.scenario))
    frame = frame_of(rows, ["check", "value", "tolerance", "note"])
    frame["ok"] = frame["value"] <= frame["tolerance"]
    return frame[["check", "value", "tolerance", "ok", "note"]]


def _replay_checks(
    book: Book, solution: Solution, result: Replay, money: float
) -> Iterator[tuple[str, float, float, str]]:
    inputs, x, unit = book.inputs, solution.x, book.inputs.unit

    def worst(planned: list[Terms], replayed: FloatArray) -> float:
        values = np.array([terms.value(x) for terms in planned])
        return float(np.abs(values - replayed).max(initial=0.0)) * unit

    times = range(inputs.horizon + 1)
    note = "decisions alone through the engines"
    yield "replay: free cash", worst([cash(book, t) for t in times], result.cash), money, note
    gap = worst([capital(book, t) for t in times], result.net_capital)
    yield "replay: net capital", gap, money, note
    if inputs.spec.tax is not None:
        gap = worst([tax(book, t) for t in times], result.tax)
        yield "replay: tax", gap, money, _losses_forward(inputs, result)
    yield "replay: nothing is sold twice", max(result.oversold, 0.0) * unit, money, note
    yield from recourse_checks(inputs, result, money)
    for where, flows in result.places.items():
        gap = worst([book.total(where, t) for t in times], flows.balance)
        yield f"replay: loans in {where}", gap, money, note
    path_note = "depends on the order of repayment"
    for name in result.deals:
        d = inputs.deal(name)
        planned = result.notes(name)
        late = d.last_revolving < inputs.horizon
        gap = max(
            worst([book.notes(d, i, t) for t in times[1:]], planned[i])
            for i in range(len(d.repaid_by))
        )
        yield f"replay: notes of {name}", gap, money, path_note if late else note
        deal = result.deals[name]
        kept = [book.deal_cash(d, t).extend(book.reserve(d, t)) for t in times[1:]]
        held = deal.cash[0] + deal.reserve[0]
        yield f"replay: cash of {name}", worst(kept, held), money, path_note if late else note
        unpaid = float(np.abs(deal.short("purchases")).max(initial=0.0)) * unit
        yield f"replay: purchases of {name}", unpaid, money, "paid by the waterfall as decided"


def _losses_forward(inputs: Inputs, result: Replay) -> str:
    """What the program leaves out of tax: losses that later years may use."""
    rule = inputs.spec.tax
    assert rule is not None
    years = [end.year for end in inputs.grid.ends]
    relief = rule.losses_forward / inputs.unit
    used = with_losses_forward(years, result.profit[1:], rule.rate, relief)
    saved = (float(result.tax.sum()) - sum(used.values())) * inputs.unit
    return f"losses carried forward would save {max(round(saved), 0):,}"


def frame_of(rows: Sequence[tuple[object, ...]], columns: list[str]) -> pd.DataFrame:
    """Rows as a frame."""
    return pd.DataFrame(rows, columns=columns)
