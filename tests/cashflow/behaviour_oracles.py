"""Plain readings, loan by loan and path by path, that the engine's behaviour is held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

DEFAULT, PREPAID = 5, 6


@dataclass
class BmaMonth:
    """One month of a pool as the BMA prints it; amounts in currency, balances at the close."""

    performing_balance: float
    new_defaults: float
    in_foreclosure: float
    expected_amortization: float
    voluntary_prepayments: float
    amortization_from_defaults: float
    actual_amortization: float
    expected_interest: float
    interest_lost: float
    actual_interest: float
    principal_recovery: float
    principal_loss: float
    amortized_default_balance: float


def level_factors(rate: float, months: int) -> list[float]:
    """Balance of a level-payment loan of 1 at 0, 1, ... ``months``."""
    step = rate / 12
    growth = (1 + step) ** months
    return [(growth - (1 + step) ** n) / (growth - 1) for n in range(months + 1)]


def bma_pool(
    balance: float,
    rate: float,
    speeds: Sequence[tuple[float, float]],
    *,
    lag: int,
    severity: float,
) -> list[BmaMonth]:
    """A pool month by month; ``speeds`` are (smm, mdr), ``lag`` the months to liquidation.

    The Bond Market Association, Standard Formulas (1999), ch. SF, C.3: principal and interest are
    advanced, so that loans in foreclosure amortise until they are liquidated, and none defaults
    so late that it would be liquidated after its last payment.
    """
    months = len(speeds)
    factor = level_factors(rate, months)
    performing, foreclosed = balance, 0.0
    defaults: list[float] = []
    rows = []
    for month, (smm, mdr) in enumerate(speeds, start=1):
        kept = factor[month] / factor[month - 1]
        new = performing * mdr if month + lag <= months else 0.0
        defaults.append(new)
        prepaid = performing * kept * smm
        actual = (performing - new) * (1 - kept)
        liquidated = adb = loss = 0.0
        if month > lag:
            old = defaults[month - 1 - lag]
            adb = old * factor[month - 1] / factor[month - 1 - lag]
            loss = min(old * severity, adb)
            liquidated = adb
        standing = foreclosed + new - liquidated
        lost_on = foreclosed + new
        amortised = standing * (1 - kept)
        expected_interest = (performing + foreclosed) * rate / 12
        rows.append(
            BmaMonth(
                performing_balance=performing - new - prepaid - actual,
                new_defaults=new,
                in_foreclosure=standing - amortised,
                expected_amortization=actual + amortised,
                voluntary_prepayments=prepaid,
                amortization_from_defaults=amortised,
                actual_amortization=actual,
                expected_interest=expected_interest,
                interest_lost=lost_on * rate / 12,
                actual_interest=expected_interest - lost_on * rate / 12,
                principal_recovery=adb - loss,
                principal_loss=loss,
                amortized_default_balance=adb,
            )
        )
        performing, foreclosed = rows[-1].performing_balance, rows[-1].in_foreclosure
    return rows


def psa(month: int, percent: float) -> float:
    """Monthly prepayment rate of a pool's ``month`` (from 1) at ``percent`` PSA."""
    return 1.0 - (1.0 - percent / 100 * 0.06 * min(month / 30, 1.0)) ** (1 / 12)


def sda(month: int, percent: float) -> float:
    """Monthly default rate of a pool's ``month`` (from 1) at ``percent`` SDA."""
    if month <= 60:
        cdr = 0.006 * min(month / 30, 1.0)
    else:
        cdr = 0.006 - (0.006 - 0.0003) * min((month - 60) / 60, 1.0)
    return 1.0 - (1.0 - percent / 100 * cdr) ** (1 / 12)


@dataclass
class Month:
    """What one loan is expected to do in one period, or does on one path; currency."""

    default: float = 0.0
    interest: float = 0.0
    scheduled: float = 0.0
    prepaid: float = 0.0
    fees: float = 0.0
    closing: float = 0.0
    delinquent: float = 0.0
    advanced: float = 0.0
    returned: float = 0.0
    lost_interest: float = 0.0


@dataclass
class _Life:
    """One loan on one path of states."""

    state: int
    principal: float = 0.0
    interest: float = 0.0
    months: list[Month] = field(default_factory=list)


def one_path(
    states: Sequence[int],
    due: Sequence[tuple[float, float, float]],
    late_fee: float,
) -> list[Month]:
    """One loan that moves through ``states`` (the first at the start) month by month.

    ``due``: by month the principal that stands before it, the principal due, the interest due. A
    month missed adds what was due to the arrears; a move up to state j of i pays the month and
    (i - j) / i of the arrears; a move to prepaid pays everything, one to default nothing.
    """
    life = _Life(states[0])
    for (owed, principal, interest), to in zip(due, states[1:], strict=False):
        month, at = Month(), life.state
        if at in (DEFAULT, PREPAID):
            life.months.append(month)
            continue
        if to == DEFAULT:
            month.default = owed + life.principal
            month.lost_interest = life.interest
            life.principal = life.interest = 0.0
        elif to == PREPAID or to <= at:
            share = 1.0 if to == PREPAID else (at - to) / at if at else 0.0
            old_principal, old_interest = share * life.principal, share * life.interest
            month.scheduled = principal + old_principal
            month.interest = interest + old_interest
            month.fees = late_fee * (old_principal + old_interest)
            month.returned = old_principal + old_interest
            life.principal -= old_principal
            life.interest -= old_interest
            month.prepaid = owed - principal if to == PREPAID else 0.0
        else:
            month.advanced = principal + interest
            life.principal += principal
            life.interest += interest
        if to not in (DEFAULT, PREPAID):
            month.closing = owed - principal + life.principal
            month.delinquent = month.closing if to else 0.0
        life.state = to
        life.months.append(month)
    return life.months


def all_paths(
    matrix: Sequence[Sequence[float]], start: int, months: int
) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Every path of states with a chance above 0, and its chance."""

    def grow(path: tuple[int, ...], chance: float) -> Iterator[tuple[float, tuple[int, ...]]]:
        if len(path) > months:
            yield chance, path
            return
        for to, step in enumerate(matrix[path[-1]]):
            if step > 0.0:
                yield from grow((*path, to), chance * step)

    yield from grow((start,), 1.0)


def expected_months(
    matrix: Sequence[Sequence[float]],
    start: int,
    due: Sequence[tuple[float, float, float]],
    late_fee: float = 0.0,
) -> list[Month]:
    """Expected flows of one loan over every path that ``matrix`` (7 x 7) allows."""
    total = [Month() for _ in due]
    for chance, path in all_paths(matrix, start, len(due)):
        for sums, month in zip(total, one_path(path, due, late_fee), strict=True):
            for name, value in vars(month).items():
                setattr(sums, name, getattr(sums, name) + chance * value)
    return total
