"""The borrowing base of a line: what a lender advances on which loans, down to each loan.

::

      outstanding loans
    - not pledged to the line
    - ineligible, by the first rule that says no
    - undetermined
    = eligible
    - excess concentrations, limit by limit
    = eligible, net                        by class times advance rate
    = gross availability
    - reserves
    = borrowing base
      maximum = the lower of it and the limit
    - drawn
    = availability                         below 0: to be cured
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.pool.columns import Answers, Columns, ask
from scfcap.pool.eligibility import Eligibility, tally
from scfcap.pool.limits import Applied, Step, apply_limits
from scfcap.pool.loops import Shorts
from scfcap.pool.snapshot import ELIGIBLE, UNDETERMINED
from scfcap.quantities import FloatArray
from scfcap.schema.plan import Lender
from scfcap.schema.pool import AdvanceRate, BorrowingBaseSpec, EligibilitySet

NOT_PLEDGED, UNKNOWN, OTHERWISE = "not_pledged", "undetermined", "other loans"
#: Columns of the table; ``figure`` is the key of :meth:`BorrowingBase.explain`.
COLUMNS = ("figure", "line", "loans", "balance", "advance_rate", "amount", "reserve_share")


@dataclass(frozen=True)
class BorrowingBase:
    """A borrowing base and its proof.

    ``table``, one row a figure: ``figure`` (its key), ``line`` (in words), loans, balance
    [currency] that it concerns, advance rate, ``amount`` [currency] with the sign with which it
    counts; of a reserve that the line states, ``reserve_share``, the part of the eligible balance
    after excess that it is. ``trace``, one row a loan: loan_id, balance, reason (why it does not
    count in full, empty where it does), one column ``excess:NAME`` or ``reserve:NAME`` a
    limit, counted, class,
    advance_rate, contribution.
    """

    table: pd.DataFrame
    trace: pd.DataFrame

    def amount(self, figure: str) -> float:
        """The amount of a figure [currency]. Raises :class:`InputError` if there is none."""
        return figure_amount(self.table, figure)

    def explain(self, figure: str) -> pd.DataFrame:
        """The loans behind a figure, largest share first, with their ``amount`` in it.

        The amounts add up to the figure's. Figures that no loan makes (limits, stated reserves,
        what is drawn) have no rows. Raises :class:`InputError` where there is no such figure.
        """
        figure_amount(self.table, figure)
        return loans_behind(self.trace, "amount", self._shares(figure))

    def _shares(self, figure: str) -> FloatArray:
        """Each loan's part of a figure, shape (loans,) [currency]."""
        trace, (kind, _, name) = self.trace, figure.partition(":")
        balance, counted, contribution = (
            trace[column].to_numpy(dtype=np.float64)
            for column in ("balance", "counted", "contribution")
        )
        if figure == "gross":
            return balance
        if figure == "eligible":
            return np.where(_holds(trace["reason"], _counts), balance, 0.0)
        if figure == "eligible_net":
            return counted
        if figure == "gross_availability":
            return contribution
        if kind == "class":
            return np.where((trace["class"] == name).to_numpy(), contribution, 0.0)
        if figure in trace:
            return -trace[figure].to_numpy(dtype=np.float64)
        return np.where((trace["reason"] == figure).to_numpy(), -balance, 0.0)


def figure_amount(table: pd.DataFrame, figure: str) -> float:
    """The amount of a figure [currency] of a report's table, which has it in the column ``figure``.

    Raises :class:`InputError` if there is none.
    """
    rows = table.loc[table["figure"] == figure, "amount"]
    if rows.empty:
        known = ", ".join(map(str, table["figure"]))
        raise InputError(Problem("explain", f"figure {figure!r}", f"one of {known}"))
    return float(rows.iloc[0])


def loans_behind(trace: pd.DataFrame, column: str, amounts: FloatArray) -> pd.DataFrame:
    """The loans of ``trace`` with an amount (loans,) [currency], largest first, in ``column``."""
    rows = np.flatnonzero(amounts != 0.0)
    order = rows[np.argsort(-np.abs(amounts[rows]), kind="stable")]
    return trace.iloc[order].assign(**{column: amounts[order]}).reset_index(drop=True)


def _holds(reasons: pd.Series[Any], test: Callable[[str], bool]) -> Any:
    """Rows whose reason passes a test, shape (loans,)."""
    passed = np.array([test(str(reason)) for reason in reasons.cat.categories])
    return passed[reasons.cat.codes]


def _counts(reason: str) -> bool:
    """Whether a loan with this reason is eligible."""
    return reason == "" or reason.startswith("excess:")


def borrowing_base(
    columns: Columns,
    spec: BorrowingBaseSpec,
    rules: EligibilitySet,
    found: Eligibility,
    lender: Lender | None,
    pledged: Answers | None = None,
) -> BorrowingBase:
    """The borrowing base of ``spec`` over its eligibility set ``rules`` and their answers.

    Concentration limits are tested on the pledged eligible loans alone. Pledged is what the test
    says; where it meets a missing value the loan is undetermined. ``pledged`` (loans,): in place
    of the test, 1 where a loan is pledged, else 0, such as the list of an allocation.
    """
    pledged = ask(columns, spec.pledged) if pledged is None else pledged
    eligible = (found.answer == ELIGIBLE) & (pledged == ELIGIBLE)
    applied = apply_limits(columns, rules.concentrations, np.where(eligible, columns.balance, 0.0))
    place, rate = _classes(columns, spec, eligible)
    labels = [*(each.label for each in spec.advance_rates), OTHERWISE]
    reasons = _reasons(rules, found, pledged, eligible, applied)
    trace = _trace(columns, reasons, applied, (place, rate, labels))
    rates = [*(each.rate for each in spec.advance_rates), spec.otherwise]
    rows = _rows(trace, rules, applied, list(zip(labels, rates, strict=True)))
    rows += _closing(spec, lender, applied, float(trace["contribution"].sum()))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"reserve_share": np.float64})
    return BorrowingBase(table, trace)


def _classes(columns: Columns, spec: BorrowingBaseSpec, eligible: Any) -> tuple[Shorts, FloatArray]:
    """Class and advance rate of each eligible loan; class -1 of the others.

    The first test that holds decides. A test before it that meets a missing value may hold, and
    does so if its rate is lower.
    """
    count = len(columns)
    place = np.full(count, -1, dtype=np.int16)
    rate, doubtful = np.full(count, np.inf), place.copy()
    open_ = eligible.copy()
    tests: list[AdvanceRate | None] = [*spec.advance_rates, None]
    for k, test in enumerate(tests):
        answer = np.ones(count, dtype=np.int8) if test is None else ask(columns, test.test)
        share = spec.otherwise if test is None else test.rate
        holds = open_ & (answer == ELIGIBLE)
        safe = holds & (share <= rate)
        place[holds] = doubtful[holds]
        place[safe], rate[safe] = k, share
        open_ &= ~holds
        maybe = open_ & (answer == UNDETERMINED) & (share < rate)
        doubtful[maybe], rate[maybe] = k, share
    rate[~eligible] = 0.0
    return place, rate


def _reasons(
    rules: EligibilitySet,
    found: Eligibility,
    pledged: Any,
    eligible: Any,
    applied: Applied,
) -> pd.Categorical:
    """Why each loan does not count in full."""
    excesses = [f"excess:{step.limit.label}" for step in _taking(applied)]
    names = ["", NOT_PLEDGED, UNKNOWN, *(f"ineligible:{rule.label}" for rule in rules.rules)]
    code = np.where(found.first >= 0, found.first + np.int16(3), np.int16(2))
    code[pledged == 0] = 1
    code[eligible] = 0
    for k, step in enumerate(_taking(applied), start=len(names)):
        rows = step.rows[step.taken > 0.0]
        code[rows[code[rows] == 0]] = k
    return pd.Categorical.from_codes(code, pd.Index([*names, *excesses], dtype="str"))


def _taking(applied: Applied) -> list[Step]:
    """Steps that take something out."""
    return [s for s in applied.steps if s.limit.treatment in ("exclude", "cut_back")]


def _trace(
    columns: Columns,
    reasons: pd.Categorical,
    applied: Applied,
    classes: tuple[Shorts, FloatArray, Sequence[str]],
) -> pd.DataFrame:
    place, rate, labels = classes
    parts: dict[str, Any] = {
        "loan_id": columns.frame["loan_id"].array,
        "balance": columns.balance,
        "reason": reasons,
    }
    for step in applied.steps:
        kept = step.limit.treatment == "reserve"
        if kept or step in _taking(applied):
            amounts = np.zeros(len(columns))
            amounts[step.rows] = step.taken
            parts[f"{'reserve' if kept else 'excess'}:{step.limit.label}"] = amounts
    parts |= {
        "counted": applied.counted,
        "class": pd.Categorical.from_codes(place, pd.Index(list(labels), dtype="str")),
        "advance_rate": rate,
        "contribution": applied.counted * rate,
    }
    return pd.DataFrame(parts, copy=False)  # balance and counted are held once


def _row(figure: str, line: str, amount: float, **more: Any) -> dict[str, Any]:
    return {"figure": figure, "line": line, "amount": amount + 0.0, **more}  # no negative zero


def _rows(
    trace: pd.DataFrame,
    rules: EligibilitySet,
    applied: Applied,
    classes: Sequence[tuple[str, float]],
) -> list[dict[str, Any]]:
    """From the outstanding loans to gross availability."""
    reasons = trace["reason"].cat
    balance = trace["balance"].to_numpy(dtype=np.float64)
    held = tally(reasons.codes.to_numpy(), balance, len(reasons.categories))
    total = float(balance.sum())
    rows = [_row("gross", "Outstanding loans", total, loans=len(trace), balance=total)]

    def out(reason: str, line: str) -> None:
        at = reasons.categories.tolist().index(reason)
        loans, amount = held[0][at], held[1][at]
        rows.append(_row(reason, line, -amount, loans=loans, balance=amount))

    out(NOT_PLEDGED, "Not pledged to the line")
    for rule in rules.rules:
        out(f"ineligible:{rule.label}", f"Ineligible: {rule.label}")
    out(UNKNOWN, "Undetermined: a value is missing")
    counts = int(_holds(trace["reason"], _counts).sum())
    rows.append(_row("eligible", "Eligible", applied.total, loans=counts, balance=applied.total))
    for step in _taking(applied):
        taken = float(step.taken.sum())
        line = f"Excess concentration: {step.limit.label}"
        loans = int((step.taken > 0.0).sum())
        rows.append(_row(f"excess:{step.limit.label}", line, -taken, loans=loans, balance=taken))
    net = float(applied.counted.sum())
    rows.append(
        _row("eligible_net", "Eligible, net of excess", net,
             loans=int((applied.counted > 0.0).sum()), balance=net)
    )  # fmt: skip
    place = trace["class"].cat.codes.to_numpy().astype(np.int64)
    loans_in, counted_in = tally(place, applied.counted, len(classes))
    amount_in = tally(place, trace["contribution"].to_numpy(dtype=np.float64), len(classes))[1]
    for (label, rate), loans, counted, amount in zip(
        classes, loans_in, counted_in, amount_in, strict=False
    ):
        if counted or label != OTHERWISE:
            rows.append(
                _row(f"class:{label}", f"Advanced on: {label}", amount,
                     loans=loans, balance=counted, advance_rate=rate)
            )  # fmt: skip
    return rows


def _closing(
    spec: BorrowingBaseSpec, lender: Lender | None, applied: Applied, gross: float
) -> list[dict[str, Any]]:
    """From gross availability to what may be drawn, or is to be cured."""
    net = float(applied.counted.sum())
    rows = [_row("gross_availability", "Gross availability", gross)]
    asked = [
        (s.limit.label, float(s.taken.sum()), np.nan)
        for s in applied.steps
        if s.limit.treatment == "reserve"
    ]
    asked += [(each.name, each.amount + each.share * net, each.share) for each in spec.reserves]
    rows += [
        _row(f"reserve:{name}", f"Reserve: {name}", -amount, reserve_share=share)
        for name, amount, share in asked
    ]
    base = gross - sum(amount for _, amount, _ in asked)
    rows.append(_row("borrowing_base", "Borrowing base", base))
    limit = spec.limit if spec.limit is not None else None if lender is None else lender.limit
    drawn = spec.drawn
    if drawn is None:
        drawn = 0.0 if lender is None else sum(draw.amount for draw in lender.draws)
    most = base
    if limit is not None:
        rows.append(_row("limit", "Limit of the line", limit))
        most = min(base, limit)
        rows.append(_row("maximum", "Lower of borrowing base and limit", most))
    free = most - drawn
    rows.append(_row("drawn", "Drawn", -drawn))
    rows.append(_row("availability", "Availability", free))
    if spec.minimum:
        rows.append(_row("minimum", "Least availability to keep", spec.minimum))
    rows.append(_row("to_cure", "To be cured", max(spec.minimum - free, 0.0)))
    return rows


def advance_rates(columns: Columns, spec: BorrowingBaseSpec, eligible: Any) -> FloatArray:
    """Share of each eligible loan that a line advances, 0 of others; shape (loans,)."""
    return _classes(columns, spec, eligible)[1]
