"""A pool's cash flows by segment in every scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scfcap.axes import BULLET, INTEREST_ONLY_BULLET, ORDER, REVOLVING_LINE
from scfcap.brief import Brief, Lines, listed, money
from scfcap.cashflow.clocks import with_ages
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.lifetime import hazard_scale
from scfcap.cashflow.lines import last_draws, with_lines
from scfcap.cashflow.loans import (
    HAS_DEFAULTED,
    IN_ARREARS,
    LONGEST_DAY,
    NO_DRAWS,
    LoanArrays,
    concatenate,
)
from scfcap.cashflow.sound import refuse_unsound
from scfcap.credit.curves import CurveSet, parted
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.quantities import BoolArray, IntArray
from scfcap.tape.history import state_of

#: Flows that most pools do not have.
_AT_TIMES = ("fees", "advanced", "reimbursed", "delinquent", "drawn")
#: Loan types that repay at once at maturity, and may do so late.
_AT_MATURITY = np.array([INTEREST_ONLY_BULLET, BULLET, REVOLVING_LINE, ORDER])


@dataclass(frozen=True, repr=False)
class PoolCashflow(Brief):
    """Cash flows of a pool: ``flows`` has axes scenario, segment, period."""

    scenarios: tuple[str, ...]
    segments: tuple[str, ...]
    grid: PeriodGrid
    flows: Flows

    def _brief(self) -> tuple[str, Lines]:
        grid, opening = self.grid, self.flows.opening[0, :, 0].sum()
        return f"Cash flows of a pool from {grid.as_of}", [
            ("scenarios", listed(self.scenarios)),
            ("segments", listed(self.segments)),
            ("periods", f"{len(grid)} ({grid.frequency}), to {grid.ends[-1]}"),
            ("opening balance", money(float(opening))),
        ]

    def chosen(self, scenarios: Sequence[str]) -> PoolCashflow:
        """The cash flows in ``scenarios``, in that order. Raises InputError for an unknown one."""
        unknown = [name for name in scenarios if name not in self.scenarios]
        if unknown:
            there = ", ".join(self.scenarios)
            raise InputError(Problem("scenario", ", ".join(unknown), f"one of {there}"))
        rows = [self.scenarios.index(name) for name in scenarios]
        return replace(self, scenarios=tuple(scenarios), flows=self.flows.scenario_rows(rows))

    def to_frame(self) -> pd.DataFrame:
        """One row a scenario, segment and period; amounts in currency.

        ``receivable`` is what is still to be recovered at the period's end, so that from ``as_of``
        on default = loss + recovery + the last receivable. ``fees``, ``advanced``, ``reimbursed``,
        ``delinquent`` and ``drawn`` are there where there are any.
        """
        shape = self.flows.closing.shape
        scenario, segment, period = (axis.ravel() for axis in np.indices(shape))
        ends = np.array(self.grid.ends, dtype="datetime64[s]")
        names = (
            *("opening", "default", "interest", "scheduled", "prepaid", "recovery"),
            *("loss", "receivable", "closing"),
            *(name for name in _AT_TIMES if getattr(self.flows, name).any()),
        )
        return pd.DataFrame(
            {
                "scenario": np.array(self.scenarios, dtype=object)[scenario],
                "segment": np.array(self.segments, dtype=object)[segment],
                "period": period + 1,
                "end": ends[period],
                **{name: getattr(self.flows, name).ravel() for name in names},
            }
        )


def project(pool: Pool, curves: CurveSet) -> PoolCashflow:
    """Cash flows of ``pool`` over the grid of ``curves``, by segment of the pool.

    Raises:
        InputError: a segment of the pool has no curve.
        InvariantError: money was created or lost.
    """
    if pool.payers is not None:
        from scfcap.cashflow.orders import project_orders

        return project_orders(pool, curves).cashflow
    loans = opening_loans(pool, curves, pool.segment)
    flows = run_kernel(loans, curves, len(pool.segments))
    flows.check()
    return PoolCashflow(curves.scenarios, pool.segments, curves.grid, flows)


def opening_loans(pool: Pool, curves: CurveSet, group: IntArray) -> LoanArrays:
    """The pool's loans for the kernel, loan i in row ``group[i]``; see :func:`outstanding_loans`.

    Lines on which borrowers draw are in rows: see :func:`~scfcap.cashflow.lines.with_lines`. Loans
    that buyers pay come last, in parts: see :func:`paid_by_buyers`. What buyers leave unpaid, and
    what they pay above the loans, is known to :func:`project` alone.

    Raises:
        InputError: a segment of the pool has no curve; a loan or curve holds what is no number;
            lines are drawn in another order of events than ``survivors``, or by roll rates.
    """
    refuse_unsound(pool, curves)
    if pool.payers is not None:
        rest = opening_loans(without_orders(pool), curves, group)
        row = np.flatnonzero(pool.payers.by_buyer)
        return concatenate(
            [rest.where(rest.balance > 0.0), paid_by_buyers(pool, curves, group, row)]
        )
    loans = LoanArrays(
        group=group,
        curve=loan_curves(pool, curves),
        loan_type=pool.loan_type,
        balance=pool.balance,
        rate=pool.rate,
        accrued=np.zeros(len(pool)),
        hazard_scale=np.ones(len(pool)),
        start_day=np.zeros(len(pool), dtype=np.int64),
        maturity_day=pool.maturity_day,
        terms=pool.terms,
    )
    loans, row = with_lines(loans, pool.limit_ratio, curves)
    return outstanding_loans(loans, pool.origination_day[row], pool.days_past_due[row], curves)


def outstanding_loans(
    loans: LoanArrays, origination_day: IntArray, days_past_due: IntArray, curves: CurveSet
) -> LoanArrays:
    """``loans`` for the kernel, with accrued interest and hazards found, and late parts split off.

    Loans at or past maturity are taken to pay at the end of the first period; where the segment
    has a lifetime default rate, the whole of it is still ahead of them. Loans with interest at
    maturity have accrued it since ``origination_day`` (an offset from ``as_of``), by days over
    365. A loan past due for the segment's ``default_days`` defaults at once, whatever the
    scenario: only its recovery comes. Where the segment has roll rates, loans begin in their state
    of delinquency; of those at or past maturity all is in arrears.
    """
    overdue = loans.maturity_day <= 0
    defaulted = days_past_due >= curves.default_days[loans.curve]
    first_end = curves.grid.days[1]
    maturity = np.where(overdue, first_end, np.minimum(loans.maturity_day, LONGEST_DAY))
    term = np.where(overdue, first_end, maturity - origination_day)
    ahead = overdue & curves.lifetime[loans.curve]
    scale = np.where(ahead, 365.0 / first_end, hazard_scale(loans.curve, term, curves))
    deferred = (loans.loan_type == BULLET) | (loans.loan_type == ORDER)
    accrued = np.where(deferred, loans.balance * loans.rate * -origination_day / 365.0, 0.0)
    standing = replace(
        loans,
        accrued=accrued,
        hazard_scale=np.where(defaulted, 1.0, scale),
        maturity_day=maturity,
        bucket=_buckets(loans, days_past_due, defaulted, curves),
        terms=None if loans.terms is None else loans.terms.at_maturity(overdue),
    )
    # Of a lifetime's loss the whole is still ahead of overdue loans, as of a lifetime's default.
    anew = overdue & curves.by_term[loans.curve]
    standing = with_ages(standing, np.where(anew, 0, origination_day), term, curves)
    return split_late(standing, term, ~(overdue | defaulted), curves)


def _buckets(
    loans: LoanArrays, days_past_due: IntArray, defaulted: BoolArray, curves: CurveSet
) -> IntArray:
    """State of each loan at as_of: whether it has defaulted, and where the curve has roll rates
    its delinquency.
    """
    overdue = loans.maturity_day <= 0
    state = state_of(np.where(overdue, np.maximum(days_past_due, 1), days_past_due))
    state = np.where(overdue, state + IN_ARREARS, state)
    state = np.where(curves.has_roll_rates[loans.curve], state, 0)
    return np.where(defaulted, HAS_DEFAULTED, state).astype(np.int64)


def without_orders(pool: Pool) -> Pool:
    """The pool with nothing owed on the loans that buyers pay."""
    assert pool.payers is not None
    return replace(pool, balance=np.where(pool.payers.by_buyer, 0.0, pool.balance), payers=None)


def paid_by_buyers(pool: Pool, curves: CurveSet, group: IntArray, row: IntArray) -> LoanArrays:
    """Loans ``row`` of the pool, in equal parts that are repaid on the days of ``pool.payers``.

    The parts of a loan follow each other. Each has accrued the loan's rate from the origination to
    its day, by days over 365, and earns no more; a lifetime default rate spreads over that time.

    Raises:
        InputError: the segment of a loan has no curve, or says itself when loans are paid: by
            prepayment, late payment or roll rates; or a servicer advances what loans owe.
    """
    assert pool.payers is not None
    pay_day = pool.payers.pay_day[row]
    curve = loan_curves(pool, curves)[row]
    _refuse_other_timing(np.unique(curve), curves)
    parts = pay_day.shape[1]
    made, late = (
        np.repeat(column[row], parts) for column in (pool.origination_day, pool.days_past_due)
    )
    day = np.minimum(pay_day.ravel(), LONGEST_DAY)
    balance = np.repeat(pool.balance[row] / parts, parts)
    loans = LoanArrays(
        group=np.repeat(group[row], parts),
        curve=np.repeat(curve, parts),
        loan_type=np.full(len(day), ORDER, dtype=np.int64),
        balance=balance,
        rate=np.zeros(len(day)),
        accrued=np.zeros(len(day)),
        hazard_scale=np.ones(len(day)),
        start_day=np.zeros(len(day), dtype=np.int64),
        maturity_day=day,
    )
    rate = np.repeat(pool.rate[row], parts)
    standing = outstanding_loans(loans, made, late, curves)
    return replace(standing, accrued=balance * rate * (day - made) / 365.0)


def _refuse_other_timing(with_orders: IntArray, curves: CurveSet) -> None:
    problems = []
    if curves.servicer_advances and len(with_orders):
        problems.append(
            Problem(
                "projection.servicer_advances",
                "true beside [orders]",
                "orders for which nobody pays but their buyers",
                "Set it to false, or take [orders] out.",
            )
        )
    for s in with_orders:
        said = {
            "prepayment": bool(curves.prepay_base[s].any()),
            "late_share": curves.late_share[s] > 0.0,
            "roll_rates": bool(curves.has_roll_rates[s]),
        }
        problems += [
            Problem(
                f"credit.segments.{curves.segments[s]}",
                f"{name} beside [orders]",
                "loans whose buyers alone say when they are paid",
                "Take it out, or give such orders a segment of their own.",
            )
            for name, stated in said.items()
            if stated
        ]
    if problems:
        raise InputError(problems)


def loan_curves(pool: Pool, curves: CurveSet) -> IntArray:
    """Curve of each loan of the pool: its segment's, or that of the rule which holds for it.

    Raises:
        InputError: a segment of the pool has no curve.
    """
    found = curve_index(pool.segments, curves)[pool.segment]
    if pool.rule is None:
        return found
    ruled = np.flatnonzero(pool.rule >= 0)
    table = np.array(
        [curve_index(tuple(parted(s, rule) for s in pool.segments), curves) for rule in pool.rules]
    )
    found[ruled] = table[pool.rule[ruled], pool.segment[ruled]]
    return found


def curve_index(segments: tuple[str, ...], curves: CurveSet) -> IntArray:
    """Position of each of ``segments`` in the curve set.

    Raises:
        InputError: one of them has no curve.
    """
    known = {name: n for n, name in enumerate(curves.segments)}
    missing = [name for name in segments if name not in known]
    if missing:
        raise InputError(
            Problem(
                where=f"credit.segments.{name}",
                found=f"no curve for segment {name!r}",
                expected="one for each segment of the pool",
            )
            for name in missing
        )
    return np.array([known[name] for name in segments], dtype=np.int64)


def split_late(
    loans: LoanArrays, term_days: IntArray, may_be_late: np.ndarray, curves: CurveSet
) -> LoanArrays:
    """Split loans that repay at once into a part on time and a part that pays late.

    The late part matures later, keeps accruing interest, and spreads a lifetime default rate over
    the longer term; nothing is drawn of it after its maturity by contract. Loans that go by roll
    rates are late by these alone.
    """
    share = curves.late_share[loans.curve]
    days = curves.late_days[loans.curve]
    may_be_late = may_be_late & ~curves.has_roll_rates[loans.curve]
    late = may_be_late & (share > 0) & (days > 0) & np.isin(loans.loan_type, _AT_MATURITY)
    if not late.any():
        return loans
    share = np.where(late, share, 0.0)
    on_time = loans.scaled(1.0 - share)
    part = loans.scaled(share).where(late)
    longer = term_days[late] + days[late]
    delayed = replace(
        part,
        draws_until=np.where(part.draws != NO_DRAWS, last_draws(part.maturity_day, curves), 0),
        maturity_day=part.maturity_day + days[late],
        hazard_scale=hazard_scale(part.curve, longer, curves),
    )
    return concatenate([on_time, with_ages(delayed, delayed.origin_day, longer, curves)])
