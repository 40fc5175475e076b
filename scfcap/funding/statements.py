"""The plan's tables: sources and uses, balances, limits, balance sheet, income, checks [currency].

All figures are read off the optimum through the same terms that built the program; the checks
compare them with each other and with the replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, OWN, P2P, SECURITIZATION
from scfcap.funding.caps import base_at_start, cap_checks, caps_table
from scfcap.funding.catalogue import FAMILIES, Family
from scfcap.funding.constraints.cash import (
    capital,
    cash,
    originated,
    running_cost,
    servicing_income,
)
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Key, Solution, Terms
from scfcap.funding.replay import Replay
from scfcap.funding.variables import Book
from scfcap.quantities import REPLAY_TOLERANCE, FloatArray

#: A limit counts as binding when its headroom is below this share of it.
BINDING = 1e-6
#: Limits that are shown as they stand at ``as_of``, and not planned.
AT_START = ("single_borrower", "single_group")

Line = tuple[str, str, str, float]


def all_statements(book: Book, solution: Solution) -> dict[str, pd.DataFrame]:
    """Every statement by name."""
    return {
        "sources_uses": sources_uses(book, solution),
        "balances": balances(book, solution),
        "lending": lending(book, solution),
        "limits": limits(book, solution),
        "balance_sheet": balance_sheet(book, solution),
        "income": income(book, solution),
    }


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
        for side, channel, item, amount in _sources(book, value, t):
            rows.append((t, inputs.grid.ends[t - 1], side, channel, item, amount))
        for side, channel, item, amount in _uses(book, value, t):
            rows.append((t, inputs.grid.ends[t - 1], side, channel, item, amount))
    return frame_of(rows, ["period", "end", "side", "channel", "item", "amount"])


def _sources(book: Book, value: Callable[[Terms], float], t: int) -> Iterator[Line]:
    inputs, side = book.inputs, "source"
    rate = inputs.spec.plan.cash_yield * float(inputs.year[t])
    yield side, OWN, "cash brought forward", value(cash(book, t - 1))
    yield side, OWN, "principal repaid", value(book.repaid(OWN, t))
    yield side, OWN, "interest received", value(book.interest(OWN, t))
    yield side, OWN, "recoveries", value(book.recoveries(OWN, t))
    yield side, OWN, "interest on cash", value(Terms().extend(cash(book, t - 1), rate))
    for x in inputs.lenders:
        drawn = Terms()
        for tenor, _ in x.tenors:
            drawn.add(book.program.find("X", (x.name, tenor, t)))
        yield side, BANK_DEBT, f"{x.name}: drawn", value(drawn)
    for buyer in inputs.buyers:
        proceeds = Terms().extend(book.sold(buyer.place, t), buyer.price)
        yield side, BANK_TRANSFER, f"{buyer.name}: loans sold", value(proceeds)
    if inputs.buyers:
        yield side, BANK_TRANSFER, "servicing fees", value(servicing_income(book, t))
    for d in inputs.deals:
        yield side, SECURITIZATION, f"{d.name}: loans sold", value(book.sold(d.place, t))
        yield side, SECURITIZATION, f"{d.name}: servicing fee", value(book.deal_fees(d, t)[1])
        residual = Terms().add(book.program.find("R", (d.name, t)))
        yield side, SECURITIZATION, f"{d.name}: residual", value(residual)
    if inputs.p2p is not None:
        yield side, P2P, "notes placed", value(book.placed(t))


def _uses(book: Book, value: Callable[[Terms], float], t: int) -> Iterator[Line]:
    inputs, side = book.inputs, "use"
    yield side, OWN, "loans made", value(originated(book, t))
    yield side, OWN, "running cost", value(running_cost(book, t))
    for x in inputs.lenders:
        yield side, BANK_DEBT, f"{x.name}: repaid", value(book.debt_repaid(x.name, t))
        paid = value(book.debt_interest(x.name, t))
        yield side, BANK_DEBT, f"{x.name}: interest and fees", paid
    for d in inputs.deals:
        if t == d.closing:
            put_in = Terms().add(book.program.find("E", d.name))
            yield side, SECURITIZATION, f"{d.name}: contribution", value(put_in)
    if inputs.p2p is not None:
        yield side, P2P, "notes repaid", value(book.p2p_repaid(t))
        yield side, P2P, "interest and fees", value(book.p2p_interest(t))
    yield side, OWN, "cash carried forward", value(cash(book, t))


def balances(book: Book, solution: Solution) -> pd.DataFrame:
    """What stands where at the close of each period, 0 (``as_of``) to T."""
    inputs = book.inputs
    value = valuer(book, solution)
    rows: list[tuple[object, ...]] = []
    for t in range(inputs.horizon + 1):
        end = inputs.grid.as_of if t == 0 else inputs.grid.ends[t - 1]
        lines: list[tuple[str, str, float]] = [
            (OWN, "loans", value(book.total(OWN, t))),
            (OWN, "cash", value(cash(book, t))),
            (OWN, "net capital", value(capital(book, t))),
        ]
        for x in inputs.lenders:
            debt = value(book.debt(x.name, t).plus(float(x.open_balance[t])))
            lines.append((BANK_DEBT, f"{x.name}: debt", debt))
        lines.extend(
            (BANK_TRANSFER, f"{b.name}: loans sold", value(book.total(b.place, t)))
            for b in inputs.buyers
        )
        for d in inputs.deals:
            lines.append((SECURITIZATION, f"{d.name}: loans", value(book.total(d.place, t))))
            lines.append((SECURITIZATION, f"{d.name}: cash", value(book.deal_cash(d, t))))
            lines.append((SECURITIZATION, f"{d.name}: reserve", value(book.reserve(d, t))))
            vehicle = inputs.vehicle
            assert vehicle is not None
            for i, tranche in enumerate(vehicle.sold):
                notes = value(book.notes(d, i, t))
                lines.append((SECURITIZATION, f"{d.name}: {tranche.name} notes", notes))
        if inputs.p2p is not None:
            lines.append((P2P, "notes", value(book.p2p_stock(t))))
        rows.extend((t, end, *line) for line in lines)
    return frame_of(rows, ["period", "end", "channel", "item", "amount"])


def lending(book: Book, solution: Solution) -> pd.DataFrame:
    """Loans made against loan demand, by period and segment."""
    inputs = book.inputs
    rows = [
        (
            t,
            inputs.grid.ends[t - 1],
            name,
            inputs.unit * float(inputs.demand[s, t]),
            inputs.unit * solution.value("O", (s, t)),
        )
        for t in inputs.periods
        for s, name in enumerate(inputs.segments)
    ]
    return frame_of(rows, ["period", "end", "segment", "demand", "originated"])


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
    inputs = book.inputs
    value = valuer(book, solution)
    rows: list[tuple[object, ...]] = []
    for t in range(inputs.horizon + 1):
        pool, restricted, notes, accrued = Terms(), Terms(), Terms(), Terms()
        due = book.receivable(OWN, t)
        for d in inputs.deals:
            pool.extend(book.total(d.place, t))
            restricted.extend(book.deal_cash(d, t)).extend(book.reserve(d, t))
            due.extend(book.receivable(d.place, t))
            notes.extend(book.all_notes(d, t))
            for i in range(len(d.repaid_by)):
                accrued.extend(book.accrued(d, i, t))
        debt = Terms()
        for x in inputs.lenders:
            debt.extend(book.debt(x.name, t)).plus(float(x.open_balance[t]))
        lines = [
            ("asset", "loans on the own book", book.total(OWN, t)),
            ("asset", "loans of the vehicle", pool),
            ("asset", "recoveries expected", due),
            ("asset", "restricted cash of the vehicle", restricted),
            ("asset", "free cash", cash(book, t)),
            ("liability", "bank and other debt", debt),
            ("liability", "notes held by others", notes),
            ("liability", "accrued coupons", accrued),
            ("liability", "P2P notes", book.p2p_stock(t)),
            ("capital", "net capital", capital(book, t)),
        ]
        end = inputs.grid.as_of if t == 0 else inputs.grid.ends[t - 1]
        rows.extend((t, end, side, item, value(terms)) for side, item, terms in lines)
    return frame_of(rows, ["period", "end", "side", "item", "amount"])


def income(book: Book, solution: Solution) -> pd.DataFrame:
    """Income of each period by item; costs are negative, net income is their sum."""
    inputs = book.inputs
    value = valuer(book, solution)
    rows: list[tuple[object, ...]] = []
    for t in inputs.periods:
        rate = inputs.spec.plan.cash_yield * float(inputs.year[t])
        pool, coupons, fees, lost = Terms(), Terms(), Terms(), book.credit_cost(OWN, t)
        yields = Terms().extend(cash(book, t - 1), rate)
        for d in inputs.deals:
            pool.extend(book.interest(d.place, t))
            lost.extend(book.credit_cost(d.place, t))
            yields.extend(book.deal_yield(d, t))
            fees.extend(book.deal_fees(d, t)[0]).extend(book.issue_cost(d, t))
            for i in range(len(d.repaid_by)):
                coupons.extend(book.coupon(d, i, t))
        discount, debt = Terms(), Terms()
        for buyer in inputs.buyers:
            discount.extend(book.sold(buyer.place, t), 1.0 - buyer.price)
        for x in inputs.lenders:
            debt.extend(book.debt_interest(x.name, t))
        lines = [
            ("interest on own loans", book.interest(OWN, t), 1.0),
            ("interest on the vehicle's loans", pool, 1.0),
            ("interest on cash", yields, 1.0),
            ("servicing fees from buyers", servicing_income(book, t), 1.0),
            ("gain or loss on sales", discount, -1.0),
            ("bank interest and fees", debt, -1.0),
            ("coupons", coupons, -1.0),
            ("vehicle fees and issue costs", fees, -1.0),
            ("P2P interest and fees", book.p2p_interest(t), -1.0),
            ("credit losses", lost, -1.0),
            ("running cost", running_cost(book, t), -1.0),
        ]
        end = inputs.grid.ends[t - 1]
        rows.extend((t, end, item, sign * value(terms)) for item, terms, sign in lines)
    return frame_of(rows, ["period", "end", "item", "amount"])


def checks(
    book: Book, solution: Solution, result: Replay, frames: dict[str, pd.DataFrame]
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
    gap = np.abs(earned - inputs.unit * np.diff(path)).max()
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
    yield "replay: nothing is sold twice", max(result.oversold, 0.0) * unit, money, note
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


def frame_of(rows: Sequence[tuple[object, ...]], columns: list[str]) -> pd.DataFrame:
    """Rows as a frame."""
    return pd.DataFrame(rows, columns=columns)
