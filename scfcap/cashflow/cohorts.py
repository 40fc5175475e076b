"""Cash flows of one unit of principal, by cohort: what makes a plan linear in its amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from scfcap.axes import EQUAL_PRINCIPAL, LEVEL_PAYMENT, LOAN_TYPES, ORDER, OWN
from scfcap.cashflow.clocks import with_ages
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.lifetime import STARTS, hazard_scale
from scfcap.cashflow.loans import LONGEST_DAY, LoanArrays, concatenate
from scfcap.cashflow.orders import (
    NewOrders,
    OrderParts,
    added,
    any_lost,
    order_flows,
    order_parts,
)
from scfcap.cashflow.project import curve_index, opening_loans, split_late, without_orders
from scfcap.cashflow.slices import slices
from scfcap.credit.curves import CurveSet
from scfcap.distinct import distinct
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.pool.terms import monthly_terms, new_terms
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.contract import ContractSpec
from scfcap.schema.credit import TermRange

#: Most atoms of new loans that look like the tape's.
_TAPE_ATOMS = 60
#: Loans whose instalments are even over periods of one length only.
_INSTALMENTS = (LEVEL_PAYMENT, EQUAL_PRINCIPAL)
#: Widths of the bins of rate [1/year] and term [days] tried in turn until the atoms are few.
_BINS = ((0.001, 1), (0.005, 5), (0.01, 10), (0.02, 30), (0.05, 90), (0.1, 180), (0.5, 365))


@dataclass(frozen=True)
class NewLoans:
    """What one unit of new loans of a segment consists of; shape (atoms,).

    ``weight`` adds up to one; ``rate`` is a year's; ``loan_type`` a code of
    :data:`~scfcap.axes.LOAN_TYPES`. ``contract`` says when they pay; None: by periods.
    ``orders`` says by atom what buyers pay of those that they do; None: borrowers pay all.
    """

    weight: FloatArray
    rate: FloatArray
    loan_type: IntArray
    term_days: IntArray
    contract: ContractSpec | None = None
    orders: NewOrders | None = None


@dataclass(frozen=True)
class CohortFactors:
    """Cash flows per unit of initial amount, by scenario K, cohort J and period T.

    A cohort is what stands in one segment, vintage and place. ``segment`` [J] indexes
    ``segments``; ``vintage`` [J] is minus the age at ``as_of`` for opening cohorts and the period
    of origination, from 1, for new ones; ``origin`` [J] is the place at ``as_of``
    (``own_capital`` for new ones). ``amount`` [J] is the opening balance [currency], 1 for new.

    ``performing`` and ``receivable`` [K, J, T + 1] are the balance and the recoveries still to
    come at the close of a period, index 0 being ``as_of``; ``repaid`` (scheduled and prepaid),
    ``default``, ``interest`` (with fees, and what a servicer advances less what he takes back) and
    ``recovery`` (when it arrives) are [K, J, T], as is ``struck``, the part of
    the default that the failure of core enterprises takes at once (None: nothing).
    ``loss`` [K, J, T]: what of the default never comes back (None: what ``severity`` and
    ``struck`` say; otherwise dilution of orders takes more). ``delinquent`` [K, J, T]: what of
    ``performing`` is past due at the close of each period (None: nothing is known to be).
    ``expected_recovery_rate`` [K, S, T] is 1 - severity. What the grid's tail does not hold is left
    in the last ``performing`` and ``receivable``.
    """

    scenarios: tuple[str, ...]
    segments: tuple[str, ...]
    places: tuple[str, ...]
    grid: PeriodGrid
    segment: IntArray
    vintage: IntArray
    origin: tuple[str, ...]
    amount: FloatArray
    performing: FloatArray
    repaid: FloatArray
    default: FloatArray
    interest: FloatArray
    recovery: FloatArray
    receivable: FloatArray
    expected_recovery_rate: FloatArray
    struck: FloatArray | None = None
    loss: FloatArray | None = None
    delinquent: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.amount)

    @property
    def beyond(self) -> FloatArray:
        """Share of each cohort still to be collected or lost after the grid's end [K, J]."""
        return self.performing[:, :, -1] + self.receivable[:, :, -1]


def new_loans(
    spec: TermRange | str,
    pool: Pool,
    segment: int,
    atoms: int = 30,
    contract: ContractSpec | None = None,
) -> NewLoans:
    """What new loans of a segment look like.

    A ``TermRange`` gives up to ``atoms`` terms, evenly from shortest to longest. ``"tape"`` gives
    the loans of ``pool.segments[segment]`` weighted by original balance, in at most about 60
    groups of like type, term and rate, each with its weighted mean term and rate.
    ``contract`` says when they pay, unless ``spec`` does.

    Raises:
        InputError: "tape", but the pool has no loan of that segment.
    """
    if isinstance(spec, TermRange):
        count = min(atoms, spec.longest - spec.shortest + 1)
        terms = np.rint(np.linspace(spec.shortest, spec.longest, count)).astype(np.int64)
        kind = LOAN_TYPES.index(spec.loan_type)
        return NewLoans(
            weight=np.full(count, 1.0 / count),
            rate=np.full(count, spec.rate),
            loan_type=np.full(count, kind, dtype=np.int64),
            term_days=terms,
            contract=spec.contract or contract,
        )
    mine = (pool.segment == segment) & (pool.original_balance > 0.0)
    if not mine.any():
        known = segment < len(pool.segments)
        raise InputError(
            Problem(
                where=f"demand.{pool.segments[segment]}.new_loans" if known else "demand",
                found='new_loans = "tape" for a segment of which the tape has no outstanding loan',
                expected="loans to take the new ones' type, term and rate from",
                action="State loan_type, rate, shortest and longest instead.",
            )
        )
    like = _like_tape(
        pool.original_balance[mine],
        pool.rate[mine],
        pool.loan_type[mine],
        np.clip(pool.maturity_day[mine] - pool.origination_day[mine], 1, LONGEST_DAY),
    )
    return replace(like, contract=contract)


def _like_tape(
    amount: FloatArray, rate: FloatArray, loan_type: IntArray, term: IntArray
) -> NewLoans:
    for rate_bin, term_bin in _BINS:
        keys = np.stack(
            [loan_type, np.rint(term / term_bin).astype(np.int64), np.rint(rate / rate_bin)]
        ).astype(np.int64)
        groups, _, index = distinct(keys)
        if groups.shape[1] <= _TAPE_ATOMS:
            break
    weight = np.bincount(index, amount)
    return NewLoans(
        weight=weight / weight.sum(),
        rate=np.bincount(index, amount * rate) / weight,
        loan_type=groups[0],
        term_days=np.maximum(np.rint(np.bincount(index, amount * term) / weight), 1).astype(
            np.int64
        ),
    )


def cohort_factors(
    pool: Pool, curves: CurveSet, new: Mapping[str, NewLoans], periods: int
) -> CohortFactors:
    """Factors of all cohorts: one a segment, vintage and place of the pool, one a segment of
    ``new`` and period 1..``periods``.

    The grid of ``curves`` should be longer than ``periods`` by a tail in which everything runs
    off; its segments must hold those of the pool and of ``new``.

    Raises:
        InputError: a segment has no curve, or its lines are drawn: factors know no draws.
        InvariantError: money was created or lost.
    """
    curves.refuse_draws("factors of cohorts do")
    cohort, segment, vintage, place = _opening_cohorts(pool, curves)
    opened = len(segment)
    parts: list[Made] = []
    new_segment = curve_index(tuple(new), curves)
    for position, loans in enumerate(new.values()):
        for period in range(1, periods + 1):
            group = opened + position * periods + period - 1
            parts.append(made(loans, int(new_segment[position]), period, curves, group))
    count = opened + len(new) * periods
    amount = np.ones(count)
    amount[:opened] = np.bincount(cohort, pool.balance, minlength=opened)
    flows, lost = _standing(pool, curves, cohort, count, parts)
    return _per_unit(
        flows,
        curves,
        lost=lost,
        places=pool.places,
        amount=amount,
        segment=np.concatenate([segment, np.repeat(new_segment, periods)]),
        vintage=np.concatenate([vintage, np.tile(np.arange(1, periods + 1), len(new))]),
        origin=(*(pool.places[p] for p in place), *(OWN for _ in range(count - opened))),
    )


def loan_factors(new: NewLoans, segment: int, period: int, curves: CurveSet) -> CohortFactors:
    """Factors of one cohort alone: one unit of ``new``, made in ``period`` (from 1).

    ``segment`` indexes ``curves.segments``. The same figures as :func:`cohort_factors` gives for
    such a cohort among others. Raises :class:`~scfcap.errors.InvariantError` as it does.
    """
    unit = made(new, segment, period, curves, 0)
    return _per_unit(
        project_made([(unit, 1.0)], curves, 1),
        curves,
        lost=any_lost(list(unit[1])),
        places=(OWN,),
        amount=np.ones(1),
        segment=np.array([segment], dtype=np.int64),
        vintage=np.array([period], dtype=np.int64),
        origin=(OWN,),
    )


def grouped_factors(
    pool: Pool,
    curves: CurveSet,
    group: IntArray,
    of: tuple[IntArray, IntArray, tuple[str, ...]],
) -> CohortFactors:
    """Factors of groups of the pool's loans, finer than cohorts: loan i is in group ``group[i]``.

    ``of`` are segment (an index of ``curves.segments``), vintage (at most 0) and place of each
    group, none of which is empty. Per unit of the group's balance, as :func:`cohort_factors`.

    Raises:
        InputError: as :func:`cohort_factors`.
        InvariantError: money was created or lost.
    """
    curves.refuse_draws("factors of cohorts do")
    segment, vintage, origin = of
    flows, lost = _standing(pool, curves, group, len(segment))
    return _per_unit(
        flows,
        curves,
        lost=lost,
        places=pool.places,
        amount=np.asarray(
            np.bincount(group, pool.balance, minlength=len(segment)), dtype=np.float64
        ),
        segment=segment,
        vintage=vintage,
        origin=origin,
    )


def _per_unit(
    flows: Flows,
    curves: CurveSet,
    *,
    lost: bool,
    places: tuple[str, ...],
    amount: FloatArray,
    segment: IntArray,
    vintage: IntArray,
    origin: tuple[str, ...],
) -> CohortFactors:
    """Flows by cohort over what each began with [currency]; ``lost``: orders say what is lost."""
    flows.check()
    per = amount[:, None]
    return CohortFactors(
        scenarios=curves.scenarios,
        segments=curves.parents,
        places=places,
        grid=curves.grid,
        segment=segment,
        vintage=vintage,
        origin=origin,
        amount=amount,
        performing=_closes(flows.closing / per, vintage <= 0),
        repaid=(flows.scheduled + flows.prepaid) / per,
        default=flows.default / per,
        interest=(flows.interest + flows.fees + flows.advanced - flows.reimbursed) / per,
        recovery=flows.recovery / per,
        receivable=_closes(flows.receivable / per, np.zeros(len(amount), dtype=np.bool_)),
        expected_recovery_rate=1.0 - curves.severity[:, : len(curves.parents)],
        struck=flows.struck / per if flows.struck.any() else None,
        loss=flows.loss / per if lost else None,
        delinquent=flows.delinquent / per if flows.delinquent.any() else None,
    )


#: Loans that borrowers pay, and parts of those that buyers do.
Made = tuple[LoanArrays, Sequence[OrderParts]]


def project_cohort(
    new: NewLoans, segment: int, period: int, amount: float, curves: CurveSet
) -> Flows:
    """The kernel run on ``amount`` [currency] of ``new`` made in ``period`` (from 1); one group.

    ``segment`` indexes ``curves.segments``.
    """
    return project_made([(made(new, segment, period, curves, 0), amount)], curves, 1)


def project_made(cohorts: Sequence[tuple[Made, float]], curves: CurveSet, groups: int) -> Flows:
    """One run of the kernel on an amount [currency] of each cohort of :func:`made`."""
    loans = [each.scaled(np.full(len(each), amount)) for (each, _), amount in cohorts]
    orders = [(part, due * amount) for (_, parts), amount in cohorts for part, due in parts]
    return _run(concatenate(loans), orders, curves, groups)


def project_opening(pool: Pool, curves: CurveSet, group: IntArray, groups: int) -> Flows:
    """The kernel run on the loans of ``pool``, loan i in row ``group[i]``; see :func:`project`."""
    return _standing(pool, curves, group, groups)[0]


def _standing(
    pool: Pool, curves: CurveSet, group: IntArray, groups: int, new: Sequence[Made] = ()
) -> tuple[Flows, bool]:
    """Flows of the pool's loans, some at a time, and of ``new`` ones; whether orders say what is
    lost.
    """
    whole: Flows | None = None
    lost, beside = False, list(new)
    for rows, part in slices(pool):
        parts = [_opening(part, curves, group[rows]), *beside]
        orders = list(chain.from_iterable(of_orders for _, of_orders in parts))
        flows = _run(concatenate([loans for loans, _ in parts]), orders, curves, groups)
        lost = lost or any_lost(orders)
        whole, beside = flows if whole is None else added(whole, flows), []
    assert whole is not None
    return whole, lost


def _opening(
    pool: Pool, curves: CurveSet, group: IntArray
) -> tuple[LoanArrays, Sequence[OrderParts]]:
    """Loans that borrowers pay, and parts of those that buyers do."""
    pool = _by_months(pool, curves)
    if pool.payers is None:
        return opening_loans(pool, curves, group), []
    rest = opening_loans(without_orders(pool), curves, group)
    return rest.where(rest.balance > 0.0), list(order_parts(pool, curves, group))


def _by_months(pool: Pool, curves: CurveSet) -> Pool:
    """The pool, whose instalments fall due by the month where the grid's periods differ."""
    by_instalments = np.isin(pool.loan_type, _INSTALMENTS)
    if not curves.grid.mixed or not by_instalments.any():
        return pool
    terms = monthly_terms(pool.terms, by_instalments, curves.grid.as_of, pool.maturity_day)
    return pool.with_(terms=terms)


def _run(loans: LoanArrays, orders: Sequence[OrderParts], curves: CurveSet, groups: int) -> Flows:
    flows = run_kernel(loans, curves, groups)
    return added(flows, order_flows(orders, curves, groups)) if orders else flows


def _opening_cohorts(pool: Pool, curves: CurveSet) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Cohort of each loan; segment, vintage and place of each cohort, in that order of sorting."""
    age = curves.grid.ages(pool.origination_day)
    segment = curve_index(pool.segments, curves)[pool.segment]
    cohorts, _, index = distinct((segment, -age, pool.place))
    return index, cohorts[0], cohorts[1], cohorts[2]


def made(new: NewLoans, segment: int, period: int, curves: CurveSet, group: int) -> Made:
    """One unit of ``new``, made on four days spread evenly over ``period``; orders apart.

    ``segment`` indexes ``curves.segments``; ``group`` is its row in flows that are summed.
    """
    begin, end = curves.grid.days[period - 1], curves.grid.days[period]
    # A loan made on a day counts from that day's end: the mean of days 1..n is (n + 1) / 2.
    offsets = np.rint(STARTS * (end - begin) + 0.5).astype(np.int64)
    start = np.repeat(begin + offsets, len(new.weight))
    term = np.tile(new.term_days, len(offsets))
    curve = np.full(len(start), segment, dtype=np.int64)
    loans = LoanArrays(
        group=np.full(len(start), group, dtype=np.int64),
        curve=curve,
        loan_type=np.tile(new.loan_type, len(offsets)),
        balance=np.tile(new.weight / len(offsets), len(offsets)),
        rate=np.tile(new.rate, len(offsets)),
        accrued=np.zeros(len(start)),
        hazard_scale=hazard_scale(curve, term, curves, start),
        start_day=start,
        maturity_day=start + term,
    )
    terms = new_terms(
        new.contract,
        curves.grid.as_of,
        loans.loan_type,
        days=(start, start + term),
        lent=loans.balance,
        dated=np.isin(loans.loan_type, _INSTALMENTS) & curves.grid.mixed,
    )
    loans = replace(loans, terms=terms)
    loans = with_ages(loans, start, term, curves)
    orders: list[OrderParts] = []
    if new.orders is not None:
        paid = loans.loan_type == ORDER
        atom = np.flatnonzero(paid) % len(new.weight)
        orders.append(new.orders.where(atom).parts(loans.where(paid), term[paid]))
        loans, term = loans.where(~paid), term[~paid]
    return split_late(loans, term, np.ones(len(term), dtype=np.bool_), curves), orders


def _closes(values: FloatArray, start: BoolArray) -> FloatArray:
    """``values`` [K, J, T] with the close at as_of before them: one for ``start``, else zero."""
    first = np.broadcast_to(start.astype(np.float64)[None, :, None], (*values.shape[:2], 1))
    return np.concatenate([first, values], axis=2)
