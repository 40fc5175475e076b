"""What a funder takes on a day: what is offered, what it refuses, what it pays, what it then has.

::

      outstanding loans
    - ineligible, by the first rule of its eligibility set that says no
    - undetermined: a value is missing
    = eligible
    - other conditions: segment, seasoning, size
    - not offered: kept where they are, or promised elsewhere
    - placed elsewhere
    + in the channel though its rules exclude them today
    = in the channel after
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.axes import BANK_TRANSFER, place
from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.composition import averages, concentrations, counted
from scfcap.funding.allocation.explain import coded
from scfcap.funding.allocation.result import Allocation
from scfcap.pool.borrowing_base import figure_amount, loans_behind
from scfcap.pool.eligibility import Eligibility, evaluate, tally
from scfcap.pool.snapshot import INELIGIBLE, UNDETERMINED
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.model import Model
from scfcap.schema.pool import EligibilitySet, PoolSpec

#: How a loan stands to a channel on the day.
IN, OUT, STAYS = "in", "out", "stays"
MOVEMENTS = (IN, OUT, STAYS)
UNKNOWN, NOT_OFFERED, ELSEWHERE, KEPT = "undetermined", "not_offered", "elsewhere", "kept"
#: Reasons of ours, not of the funder: how they begin.
OURS = (
    "frozen where it is",
    "held by ",
    "promised to ",
    "the channel is not among",
    "the plan has no such loan",
)
#: Columns of the table; ``figure`` is the key of :meth:`PurchaseReport.explain`.
COLUMNS = ("figure", "line", "loans", "balance", "amount")
#: A price is paid to the cent.
_CENTS = 2


@dataclass(frozen=True)
class PurchaseReport:
    """A funder's report and its proof.

    ``table``, one row a figure: ``figure`` (its key), ``line`` (in words), loans, balance
    [currency] that it concerns, ``amount`` [currency] with the sign with which it counts.
    ``trace``, one row a loan: loan_id, balance, ``amount`` (what of it is the funder's
    [currency]), ``reason`` (why it is not in the channel, empty where it is), ``kept`` (why its
    rules would exclude what it has), ``movement`` (in, out, stays; missing where it has no part),
    ``price`` (share of par) and ``purchase_price`` [currency] of what comes in.
    ``concentrations`` and ``averages`` before and after.
    """

    table: pd.DataFrame
    trace: pd.DataFrame
    concentrations: pd.DataFrame
    averages: pd.DataFrame

    def amount(self, figure: str) -> float:
        """The amount of a figure [currency]. Raises :class:`InputError` if there is none."""
        return figure_amount(self.table, figure)

    def explain(self, figure: str) -> pd.DataFrame:
        """The loans behind a figure, largest share first, with their ``amount_in`` it.

        The amounts add up to the figure's. Raises :class:`InputError` where there is none such.
        """
        figure_amount(self.table, figure)
        return loans_behind(self.trace, "amount_in", self._shares(figure))

    def _shares(self, figure: str) -> FloatArray:
        """Each loan's part of a figure, shape (loans,) [currency]."""
        trace = self.trace
        balance, mine = (trace[c].to_numpy(dtype=np.float64) for c in ("balance", "amount"))
        reason = trace["reason"].astype(str).to_numpy()
        kept = trace["kept"].astype(str).to_numpy()
        there = trace["movement"].isin([IN, STAYS]).to_numpy()
        if figure == "gross":
            return np.asarray(balance, dtype=np.float64)
        if figure == "eligible":
            excluded = _excluded(reason) | (there & (kept != ""))
            return np.where(excluded, 0.0, balance)
        if figure == KEPT:
            return np.where(there & (kept != ""), balance, 0.0)
        if figure == "placed":
            return np.where(there, balance, 0.0)
        held = {"before": (OUT, STAYS), "bought": (IN,), "left": (OUT,), "after": (IN, STAYS)}
        if figure in held:
            sign = -1.0 if figure == "left" else 1.0
            moves = trace["movement"].isin(held[figure]).to_numpy(dtype=np.bool_)
            return np.where(moves, sign * mine, 0.0)
        if figure == "purchase_price":
            return np.asarray(np.nan_to_num(trace["purchase_price"].to_numpy(dtype=np.float64)))
        return np.where((reason == figure) | (there & (kept == figure)), -balance, 0.0)


def _excluded(reason: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Reasons by which the eligibility set itself says no, or does not know."""
    texts = reason.astype(str)
    return np.asarray(np.char.startswith(texts, "ineligible:") | (texts == UNKNOWN))


def purchase_prices(spec: Model) -> dict[str, float]:
    """Price of a loan by channel, share of par: a buyer's own; all others take loans at par."""
    return {place(BANK_TRANSFER, buyer.name): buyer.price for buyer in spec.buyers}


def movements(allocation: Allocation, channel: int) -> IntArray:
    """How each loan stands to a channel: a position in :data:`MOVEMENTS`, -1 where it does not."""
    before, after = allocation.program.today == channel, allocation.choice == channel
    return np.select([after & ~before, before & ~after, after & before], [0, 1, 2], -1)


def purchase_report(
    assembled: Assembled, allocation: Allocation, key: str, prices: Mapping[str, float]
) -> PurchaseReport:
    """The report of the funder ``key``; ``prices`` by channel, share of par, at par if absent.

    A purchase price is rounded to the cent, loan by loan, so that the list adds up to what is paid.
    """
    c = assembled.program.channels.index(key)
    move = movements(allocation, c)
    there = (move == 0) | (move == 2)
    names, codes, kept = _reasons(assembled, c, there)
    mine, price = counted(assembled, c), prices.get(key, 1.0)
    comes = move == 0
    trace = pd.DataFrame(
        {
            "loan_id": assembled.program.loan_id,
            "balance": assembled.program.balance,
            "amount": mine,
            "reason": coded(codes, names),
            "kept": coded(kept, names),
            "movement": coded(move, MOVEMENTS),
            "price": np.where(comes, price, np.nan),
            "purchase_price": np.where(comes, np.round(price * mine, _CENTS), np.nan),
        }
    )
    return PurchaseReport(
        pd.DataFrame(_rows(trace, names, codes, kept), columns=list(COLUMNS)),
        trace,
        concentrations(assembled, c, allocation.choice),
        averages(assembled, c, allocation.choice),
    )


def answers_of(assembled: Assembled, chosen: EligibilitySet) -> Eligibility:
    """The answers of an eligibility set, for every loan."""
    found, _ = evaluate(assembled.columns, PoolSpec(eligibility={"set": chosen}))
    return found["set"]


def _reasons(
    assembled: Assembled, c: int, there: npt.NDArray[np.bool_]
) -> tuple[list[str], IntArray, IntArray]:
    """Reasons by name, the one of each loan outside the channel (0: inside), and the one by which
    the funder's rules exclude a loan inside it today (0: none).
    """
    funder, count = assembled.funders[c], len(assembled.program)
    rules = () if funder.chosen is None else funder.chosen.rules
    names = ["", *(f"ineligible:{rule.label}" for rule in rules), UNKNOWN]
    unknown = len(names) - 1
    codes = np.zeros(count, dtype=np.int64)
    if funder.chosen is not None:
        found = answers_of(assembled, funder.chosen)
        codes = np.where(found.answer == INELIGIBLE, 1 + found.first.astype(np.int64), codes)
        codes[found.answer == UNDETERMINED] = unknown
    kept = np.where(there, codes, 0)
    refused = assembled.refused[:, c]
    codes[(codes == 0) & assembled.undetermined[:, c]] = unknown
    said = [reason for reason in np.unique(refused[(codes == 0) & ~there]) if reason]
    table = np.zeros(len(assembled.reasons), dtype=np.int64)
    others = []
    for reason in said:
        text = assembled.reasons[reason]
        if not text.startswith(OURS):
            others.append(f"refused:{text}")
            table[reason] = unknown + len(others)
    names += [*others, NOT_OFFERED, ELSEWHERE]
    for reason in said:
        if table[reason] == 0:
            table[reason] = len(names) - 2
    rest = (codes == 0) & ~there
    codes[rest] = np.where(refused[rest] > 0, table[refused[rest]], len(names) - 1)
    codes[there] = 0
    return names, codes, kept


def _rows(
    trace: pd.DataFrame, names: list[str], codes: IntArray, kept: IntArray
) -> list[dict[str, Any]]:
    balance = trace["balance"].to_numpy(dtype=np.float64)
    loans, amounts = tally(codes, balance, len(names))
    kept_loans, kept_amounts = tally(kept, balance, len(names))
    first = names.index(UNKNOWN) + 1
    total = float(balance.sum())
    rows = [_row("gross", "Outstanding loans", (len(trace), total), 1.0)]
    for k, name in enumerate(names[1:first], start=1):
        line = "Undetermined: a value is missing"
        if name != UNKNOWN:
            line = f"Ineligible: {name.partition(':')[2]}"
        both = (loans[k] + kept_loans[k], amounts[k] + kept_amounts[k])
        rows.append(_row(name, line, both, -1.0))
    out = _added(rows[1:])
    rows.append(_row("eligible", "Eligible", (len(trace) - out[0], total - out[1]), 1.0))
    lines = {
        NOT_OFFERED: "Not offered: kept where they are, or promised",
        ELSEWHERE: "Placed elsewhere",
    }
    for k, name in enumerate(names[first:], start=first):
        line = lines.get(name, f"Refused: {name.partition(':')[2]}")
        rows.append(_row(name, line, (loans[k], amounts[k]), -1.0))
    staying = (sum(kept_loans[1:first]), sum(kept_amounts[1:first]))
    if staying[0]:
        rows.append(_row(KEPT, "Held though its rules exclude them today", staying, 1.0))
    rows.append(_row("placed", "With the funder after the day", (loans[0], amounts[0]), 1.0))
    return rows + _closing(trace)


def _added(rows: list[dict[str, Any]]) -> tuple[int, float]:
    return sum(row["loans"] for row in rows), sum(row["balance"] for row in rows)


def _row(figure: str, line: str, held: tuple[int, float], sign: float) -> dict[str, Any]:
    loans, balance = held
    return {
        "figure": figure,
        "line": line,
        "loans": loans,
        "balance": balance,
        "amount": sign * balance + 0.0,  # no negative zero
    }


def _closing(trace: pd.DataFrame) -> list[dict[str, Any]]:
    """From what the funder had to what it has, and what it pays."""
    move = trace["movement"].cat.codes.to_numpy().astype(np.int64)
    loans, balance = tally(move, trace["balance"].to_numpy(dtype=np.float64), 3)
    _, mine = tally(move, trace["amount"].to_numpy(dtype=np.float64), 3)
    (coming, leaving, staying) = range(3)
    found = [
        ("before", "Before", (leaving, staying), 1.0),
        ("bought", "Comes in", (coming,), 1.0),
        ("left", "Leaves", (leaving,), -1.0),
        ("after", "After", (coming, staying), 1.0),
    ]
    rows = []
    for figure, line, parts, sign in found:
        row = _row(figure, line, (sum(loans[k] for k in parts), sum(balance[k] for k in parts)), 1)
        rows.append(row | {"amount": sign * sum(mine[k] for k in parts) + 0.0})
    paid = float(np.nansum(trace["purchase_price"].to_numpy(dtype=np.float64)))
    row = _row("purchase_price", "Purchase price", (loans[coming], balance[coming]), 1.0)
    return [*rows, row | {"amount": paid}]
