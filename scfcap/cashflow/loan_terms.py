"""What is to be known of one loan before its figures: its contract, its class, its curve."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.classes import classify
from scfcap.cashflow.loans import (
    DRAWN_PART,
    NO_DRAWS,
    UNDRAWN_PART,
    LoanArrays,
    concatenate,
)
from scfcap.cashflow.payments import told
from scfcap.cashflow.project import opening_loans
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError, Problem
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray

#: What a loan is split into that some pay late.
ON_TIME, LATE = "on time", "late"
_OF_LINES = {NO_DRAWS: "above the limit", DRAWN_PART: "drawn", UNDRAWN_PART: "not drawn"}
#: Counts loans that survive alike: see :func:`count_alike`.
Count = Callable[[LoanArrays], tuple[int, float]]


def found(pool: Pool, loan_id: str) -> int:
    """Where a loan stands in ``pool``. Raises :class:`InputError` where it does not."""
    row = row_of(pool, loan_id)
    if row is None:
        raise no_such_loan(loan_id, len(pool), names_near(pool, loan_id))
    return row


def row_of(pool: Pool, loan_id: str) -> int | None:
    """Where a loan stands in ``pool``; None where it does not."""
    rows = np.flatnonzero(pool.loan_id == loan_id)
    return int(rows[0]) if len(rows) else None


def names_near(pool: Pool, loan_id: str) -> list[str]:
    """Up to three ids of loans that may be meant."""
    return difflib.get_close_matches(loan_id, list(map(str, pool.loan_id[:50_000])), 3)


def no_such_loan(loan_id: str, loans: int, near: Sequence[str]) -> InputError:
    """Says that ``loan_id`` is none of so many outstanding ``loans``."""
    return InputError(
        Problem(
            f"loan {loan_id}",
            f"no such loan among the {loans:,} outstanding ones",
            "the loan_id of a loan that is neither repaid nor charged off",
            f"Did you mean {' or '.join(near)}?" if near else "",
        )
    )


def _by_buyer(pool: Pool, row: int) -> bool:
    """Whether a buyer pays the loan."""
    return pool.payers is not None and bool(pool.payers.by_buyer[row])


def part_names(pool: Pool, row: int, loans: LoanArrays) -> tuple[str, ...]:
    """What the parts ``loans`` are called that a loan is split into."""
    parts = len(loans)
    if _by_buyer(pool, row):
        return tuple(f"{n} of {parts}" for n in range(1, parts + 1))
    if not loans.draws.any():
        return (ON_TIME, LATE)[:parts]
    due = int(loans.maturity_day[0])
    names = [_OF_LINES[int(part)] for part in loans.draws]
    late = [f", {LATE}" if int(day) > due else "" for day in loans.maturity_day]
    return tuple(name + when for name, when in zip(names, late, strict=True))


def loan_terms(
    pool: Pool, row: int, loans: LoanArrays, curve_sets: tuple[CurveSet, CurveSet], count: Count
) -> pd.DataFrame:
    """The loan, its class and its curve: figure, value, meaning.

    ``curve_sets``: in all scenarios, and in the one that is explained; ``count`` as
    :func:`count_alike`.
    """
    curves, only = curve_sets
    segment = pool.segments[int(pool.segment[row])]
    s = int(loans.curve[0])
    kind = LOAN_TYPES[int(pool.loan_type[row])]
    rows: list[tuple[str, str, str]] = [
        ("segment", segment, "of the tape"),
        ("loan_type", kind.replace("_", " "), "of the tape"),
        ("balance", money(float(pool.balance[row])), "outstanding principal"),
        ("rate", f"{float(pool.rate[row]):.6g}", "a year, decimal"),
        ("origination_date", _day(pool, int(pool.origination_day[row])), "of the tape"),
        ("maturity_date", _day(pool, int(pool.maturity_day[row])), "of the tape"),
        ("days_past_due", f"{int(pool.days_past_due[row])}", "at the as-of date"),
    ]
    late = int(curves.default_days[s])
    if pool.days_past_due[row] >= late:
        rows.append(("state", "defaulted", f"{late} days past due or more: only recovery comes"))
    elif pool.maturity_day[row] <= 0 and not _by_buyer(pool, row):
        rows.append(("state", "overdue", "past maturity: taken to pay by the first period's end"))
    if float(loans.accrued.sum()):
        rows.append(("accrued", money(float(loans.accrued.sum())), "interest not yet paid"))
    if pool.payers is not None and _by_buyer(pool, row):
        payers = pool.payers
        rows += [
            ("order", money(float(payers.amount[row])), "what its buyer owes"),
            (
                "dilution",
                f"{float(payers.dilution[row]):.6g}",
                "share that the buyer leaves unpaid",
            ),
            ("fee", f"{payers.fee:.6g}", "of the order, paid out of the lock-box before the loan"),
            ("recourse", f"{payers.recourse:.6g}", "share of a shortfall that the seller pays"),
        ]
    if loans.draws.any():
        ratio = np.nan if pool.limit_ratio is None else float(pool.limit_ratio[row])
        limit = money(float(pool.balance[row]) * (1.0 if np.isnan(ratio) else ratio))
        said = "not on the tape: the balance is taken" if np.isnan(ratio) else "of the tape"
        rows.append(("credit_limit", limit, said))
    for n, name in enumerate(part_names(pool, row, loans)):
        share = float(loans.balance[n] / pool.balance[row])
        until = _day(pool, int(loans.maturity_day[n]))
        said = f"of the balance, repaid by {until}"
        if loans.draws[n] == UNDRAWN_PART:
            said = f"of the balance may be drawn beside it, and is repaid by {until}"
        if len(loans) > 1:
            rows.append((f"part {name}", f"{share:.6g}", said))
        rows.append(
            ("hazard_scale", f"{float(loans.hazard_scale[n]):.8g}", f"factor on the hazard, {name}")
        )
    if loans.terms is not None:
        rows += told(loans.terms, pool.as_of)
    rows.append(_class_of(loans, count))
    rows += _curve(curves, only, s, drawn=bool(loans.draws.any()))
    return pd.DataFrame(rows, columns=["figure", "value", "meaning"])


def count_alike(pool: Pool, curves: CurveSet, loans: LoanArrays) -> tuple[int, float]:
    """How many loans of ``pool``, or parts of loans, survive as the first of ``loans`` does, and
    what they owe [currency].
    """
    everyone = opening_loans(pool, curves, pool.segment)
    plain = [
        replace(each, terms=None, alike=np.zeros_like(each.alike)) for each in (loans, everyone)
    ]
    both = concatenate(plain)
    _, index = classify(replace(both, group=np.full(len(both), -1)))
    here = index[len(loans) :] == index[0]
    return int(here.sum()), float(everyone.balance.sum(where=here))


def _class_of(loans: LoanArrays, count: Count) -> tuple[str, str, str]:
    """How many loans of the pool survive as this one does."""
    alike, balance = count(loans)
    said = f"loans or parts of {money(balance)} in all survive alike"
    return "class", f"{alike:,}", said


def _curve(curves: CurveSet, only: CurveSet, s: int, *, drawn: bool) -> list[tuple[str, str, str]]:
    """What is stated of the loan's curve, and what the scenario makes of it; ``drawn``: a line."""
    stress = only.stress
    rows = [("curve", curves.segments[s], "of the credit behaviour")]
    if curves.has_roll_rates[s]:
        rows.append(("roll_rates", "a matrix", "monthly, between states of delinquency"))
    else:
        words = "over its whole term" if curves.lifetime[s] else "a year"
        rows.append(("default_intensity", _list(only.default_intensity[0, s]), f"-ln(1 - {words})"))
    rows.append(("prepay_intensity", _list(only.prepay_intensity[0, s]), "-ln(1 - a year's)"))
    multiples = ["default_multiple", "prepay_multiple"]
    if drawn:
        rows.append(("draw_intensity", _list(only.draw_intensity[0, s]), "-ln(1 - a year's)"))
        multiples.append("draw_multiple")
    rows.append(("severity", _list(only.severity[0, s]), "share of a default that is lost"))
    share = curves.recovery_share[s]
    lags = ", ".join(f"{share[n]:.4g} after {n}" for n in np.flatnonzero(share))
    rows.append(("recovery_share", lags, "of the recovery, by periods since default"))
    for name in (*multiples, "severity_add"):
        values = getattr(stress, name)[0, curves.parent[s]]
        if np.ptp(values) or values[0] != (0.0 if name == "severity_add" else 1.0):
            rows.append((name, _list(values), "of the scenario"))
    if stress.held.any():
        rows.append(("held", _list(stress.held[0]), "share of a period's flows that comes later"))
    order = str(getattr(curves, "order", "survivors"))
    rows.append(("order_of_events", order, "within a period"))
    return rows


def _list(values: FloatArray | Sequence[float]) -> str:
    """A figure, or figures by period; one that stays is said once."""
    array = np.asarray(values, dtype=np.float64)
    changes = np.flatnonzero(np.diff(array, prepend=np.nan) != 0.0)
    if len(changes) == 1:
        return f"{array[0]:.8g}"
    said = [f"{array[n]:.6g} from period {n + 1}" for n in changes[:4]]
    return ", ".join(said) + (", ..." if len(changes) > 4 else "")


def _day(pool: Pool, offset: int) -> str:
    try:
        day = pool.as_of + timedelta(days=offset)
    except OverflowError:
        day = date.max
    return day.isoformat()


def money(amount: float) -> str:
    """An amount to four decimals: enough to work the next step out from it."""
    return f"{amount:,.4f}"
