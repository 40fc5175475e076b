"""Price, yield, life, duration and convexity of what an asset pays, and the return of holding it.

By the formulas of the Bond Market Association (Uniform Practices, 1999, ch. SF "Standard
Formulas", sections G and H): flows [..., n] in currency with any leading axes (scenario, tranche),
paid at ``times`` [n], years from settlement (see :func:`payment_times`), against a price that
includes accrued interest. Flows with their signs have rates in :mod:`~scfcap.cashflow.returns`.

A yield is nominal with ``per_year`` compoundings: 2 is the bond-equivalent yield, 12 the mortgage
yield, 1 the effective annual rate; :func:`equivalent_rate` turns one into another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray

#: Newton steps for a yield; a convex function with bounded slope takes about five.
_NEWTON = 60
_TOLERANCE = 1e-14


# --- times and compounding ---------------------------------------------------------------------


def payment_times(
    year_fractions: FloatArray, *, delay_days: float = 0.0, days_a_year: float = 360.0
) -> FloatArray:
    """Years from settlement to each payment [T]: period ends plus the delay.

    ``year_fractions`` [T] in years (1/12 each on a monthly grid), settlement at the start of the
    first period. ``delay_days`` is the *actual* delay, days from the period's end to the payment:
    14 where the market states 45 days, 24 where it states 55 (BMA SF, G.1).
    """
    return np.asarray(np.cumsum(year_fractions) + delay_days / days_a_year)


def equivalent_rate(
    rate: FloatArray | float, per_year: float, to_per_year: float
) -> FloatArray | float:
    """The nominal rate with ``to_per_year`` compoundings that earns what ``rate`` does.

    ``rate`` has ``per_year`` compoundings; both may be ``inf`` (continuous). BMA SF, G.1.b:
    BEY = 2 ((1 + y / 12)^6 - 1) is ``equivalent_rate(y, 12, 2)``.
    """
    return _nominal(_force(rate, per_year), to_per_year)


def bond_equivalent_yield(mortgage_yield: FloatArray | float) -> FloatArray | float:
    """Monthly-compounded yield as a semiannual one; both decimals a year (BMA SF, G.1.b)."""
    return equivalent_rate(mortgage_yield, 12, 2)


def mortgage_yield(bond_equivalent: FloatArray | float) -> FloatArray | float:
    """Semiannually compounded yield as a monthly one; both decimals a year (BMA SF, G.1.b)."""
    return equivalent_rate(bond_equivalent, 2, 12)


def _force(rate: FloatArray | float, per_year: float) -> FloatArray | float:
    """Force of interest: continuous rate a year; NaN where a rate is -100% a period or less."""
    if np.isinf(per_year):
        return rate
    with np.errstate(invalid="ignore", divide="ignore"):
        return per_year * np.log1p(np.asarray(rate) / per_year)[()]


def _nominal(force: FloatArray | float, per_year: float) -> FloatArray | float:
    if np.isinf(per_year):
        return force
    return per_year * np.expm1(np.asarray(force) / per_year)[()]


# --- measures of a security --------------------------------------------------------------------


def present_value(
    flows: FloatArray, times: FloatArray, rate: FloatArray | float, *, per_year: float = 2
) -> FloatArray:
    """Price with accrued interest [..., currency] at a yield of ``rate``; BMA SF, G.1.a.

    ``rate`` is a number or has the leading axes of ``flows``.
    """
    force = np.asarray(_force(rate, per_year), dtype=np.float64)
    return np.asarray((flows * np.exp(-force[..., None] * times)).sum(axis=-1))


def yield_of(
    price: FloatArray | float, flows: FloatArray, times: FloatArray, *, per_year: float = 2
) -> FloatArray:
    """Yield [...] at which ``flows``, none negative, are worth ``price`` with accrued interest.

    The logarithm of the price is convex and falling in the force of interest, so that Newton's
    steps cannot fail. NaN where nothing is paid after settlement or the price is not positive: a
    loss of everything has no yield above -100%.

    Raises:
        InputError: a flow is negative or no finite number (net flows:
            :func:`~scfcap.cashflow.returns.irr`).
    """
    flows = np.asarray(flows, dtype=np.float64)
    wrong = np.argwhere(~(np.isfinite(flows) & (flows >= 0.0)))
    if len(wrong):
        at = tuple(int(n) for n in wrong[0])
        found = f"a flow of {flows[at]} at position {at[-1] + 1}"
        hint = "Use irr or xirr for flows with their signs."
        raise InputError(Problem("yield_of", found, "flows of 0 or more", hint))
    now = flows[..., times <= 0.0].sum(axis=-1)
    later = np.where(times > 0.0, flows, 0.0)
    target = np.asarray(price, dtype=np.float64) - now
    defined = (target > 0.0) & (later.sum(axis=-1) > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs, goal = np.log(later), np.log(target)
    force = np.zeros(np.broadcast_shapes(target.shape, later.shape[:-1]))
    for _ in range(_NEWTON):
        value, slope = _log_value(logs, times, force)
        with np.errstate(invalid="ignore"):
            step = np.where(defined, (value - goal) / slope, 0.0)
        force = force + step
        if (np.abs(step) <= _TOLERANCE * np.maximum(np.abs(force), 1.0)).all():
            break
    return np.asarray(np.where(defined, _nominal(force, per_year), np.nan))


def _log_value(
    logs: FloatArray, times: FloatArray, force: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Logarithm of the present value, and its fall per unit of force (the mean time)."""
    exponents = logs - force[..., None] * times
    top = exponents.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.exp(exponents - np.where(np.isfinite(top), top, 0.0))
        total = weights.sum(axis=-1)
        return np.log(total) + top[..., 0], (weights @ times) / total


def average_life(principal: FloatArray, times: FloatArray) -> FloatArray:
    """Mean time of each payment of principal [..., years], weighted by its amount.

    ``principal`` [..., T] in currency; NaN where there is none. Interest that is added to the
    balance counts as negative principal where the caller passes it so (BMA SF, H.1).
    """
    total = np.asarray(principal).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total != 0.0, (principal @ times) / total, np.nan))


def macaulay_duration(
    flows: FloatArray, times: FloatArray, rate: FloatArray | float, *, per_year: float = 2
) -> FloatArray:
    """Mean time of the flows [..., years], weighted by present value (BMA SF, G.2)."""
    return _moment(flows, times, times, rate, per_year)


def modified_duration(
    flows: FloatArray, times: FloatArray, rate: FloatArray | float, *, per_year: float = 2
) -> FloatArray:
    """Relative fall of the price per unit of yield [..., years] (BMA SF, G.2)."""
    moment = _moment(flows, times, times, rate, per_year)
    return np.asarray(moment / _compounding(rate, per_year))


def convexity(
    flows: FloatArray, times: FloatArray, rate: FloatArray | float, *, per_year: float = 2
) -> FloatArray:
    """Second derivative of the price by the yield over the price [..., years^2] (BMA SF, G.3)."""
    weights = times * (times + 1.0 / per_year)
    moment = _moment(flows, times, weights, rate, per_year)
    return np.asarray(moment / _compounding(rate, per_year) ** 2)


def _moment(
    flows: FloatArray,
    times: FloatArray,
    weights: FloatArray,
    rate: FloatArray | float,
    per_year: float,
) -> FloatArray:
    force = np.asarray(_force(rate, per_year), dtype=np.float64)
    values = flows * np.exp(-force[..., None] * times)
    total = values.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total != 0.0, (values @ weights) / total, np.nan))


def _compounding(rate: FloatArray | float, per_year: float) -> FloatArray:
    return np.asarray(1.0 + np.asarray(rate) / per_year)


@dataclass(frozen=True)
class Measures:
    """What a price says of a security, or a yield; arrays over the leading axes of its flows.

    ``price`` includes accrued interest [currency]; ``rate`` is nominal with the compoundings that
    were asked for, ``bond_equivalent`` and ``mortgage`` the same yield compounded twice and twelve
    times a year; times in years, ``convexity`` in years^2.
    """

    price: FloatArray
    rate: FloatArray
    bond_equivalent: FloatArray
    mortgage: FloatArray
    average_life: FloatArray
    macaulay: FloatArray
    modified: FloatArray
    convexity: FloatArray


def measures(
    principal: FloatArray,
    interest: FloatArray,
    times: FloatArray,
    *,
    price: FloatArray | float | None = None,
    rate: FloatArray | float | None = None,
    per_year: float = 2,
) -> Measures:
    """All measures of ``principal`` and ``interest`` [..., T] at a price or at a yield.

    NaN where a measure has no value (nothing is paid).

    Raises:
        InputError: neither or both of ``price`` and ``rate``; a negative flow, with a price.
    """
    flows = np.asarray(principal) + np.asarray(interest)
    if (price is None) == (rate is None):
        found = "neither price nor rate" if price is None else "both price and rate"
        raise InputError(Problem("measures", found, "one of them"))
    if price is not None:
        nominal = yield_of(price, flows, times, per_year=per_year)
        full = np.where(np.isnan(nominal), np.nan, np.asarray(price, dtype=np.float64))
    else:
        assert rate is not None
        nominal = np.broadcast_to(np.asarray(rate, dtype=np.float64), flows.shape[:-1])
        full = present_value(flows, times, nominal, per_year=per_year)
    return Measures(
        price=full,
        rate=nominal,
        bond_equivalent=np.asarray(equivalent_rate(nominal, per_year, 2)),
        mortgage=np.asarray(equivalent_rate(nominal, per_year, 12)),
        average_life=average_life(principal, times),
        macaulay=macaulay_duration(flows, times, nominal, per_year=per_year),
        modified=modified_duration(flows, times, nominal, per_year=per_year),
        convexity=convexity(flows, times, nominal, per_year=per_year),
    )


# --- sensitivities by projecting again, and returns over a holding period ------------------------


@dataclass(frozen=True)
class Effective:
    """Sensitivities of a price whose flows move with the rate.

    ``duration`` [years] and ``convexity`` [years^2] for a move of ``shift`` up and down; prices in
    currency, numbers or arrays over scenarios.
    """

    price: FloatArray
    price_up: FloatArray
    price_down: FloatArray
    shift: float
    duration: FloatArray
    convexity: FloatArray


def effective(
    price_of: Callable[[float], FloatArray | float], *, shift: float = 0.001
) -> Effective:
    """Effective duration and convexity by pricing again (BMA SF, G.4).

    ``price_of(move)`` projects and prices with all rates moved by ``move`` (0, ``shift`` and
    -``shift``, decimals a year); prepayment may answer to it. Duration = (P- - P+) / (2 P shift),
    convexity = (P+ + P- - 2 P) / (P shift^2).

    Raises:
        InputError: ``shift`` is not above 0.
    """
    if not shift > 0.0:
        raise InputError(Problem("effective", f"a shift of {shift}", "a shift above 0"))
    price, up, down = (
        np.asarray(price_of(move), dtype=np.float64) for move in (0.0, shift, -shift)
    )
    return Effective(
        price=price,
        price_up=up,
        price_down=down,
        shift=shift,
        duration=np.asarray((down - up) / (2.0 * price * shift)),
        convexity=np.asarray((up + down - 2.0 * price) / (price * shift**2)),
    )


@dataclass(frozen=True)
class TotalReturn:
    """Return of a holding: bought at ``price``, worth ``horizon_value`` after ``years``.

    ``rate`` is nominal with the compoundings asked for, ``share`` is the gain over the price.
    """

    price: FloatArray
    horizon_value: FloatArray
    years: float
    rate: FloatArray
    share: FloatArray


def total_return(
    price: FloatArray | float,
    flows: FloatArray,
    times: FloatArray,
    *,
    years: float,
    sale_price: FloatArray | float,
    reinvestment_rate: float,
    per_year: float = 2,
) -> TotalReturn:
    """Total return over ``years`` (BMA SF, G.5).

    ``flows`` [..., n] are those that belong to the holding, reinvested until the horizon at
    ``reinvestment_rate`` (nominal, ``per_year``); one paid after the horizon is discounted back.
    ``sale_price`` [currency] is what is left sells for, with accrued interest.

    Raises:
        InputError: ``years`` is not above 0.
    """
    if not years > 0.0:
        raise InputError(Problem("total_return", f"{years} years", "years above 0"))
    growth = float(_force(reinvestment_rate, per_year))
    grown = (flows * np.exp(growth * (years - times))).sum(axis=-1)
    value = np.asarray(grown + sale_price, dtype=np.float64)
    paid = np.asarray(price, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = _nominal(np.log(value / paid) / years, per_year)
        share = value / paid - 1.0
    return TotalReturn(paid, value, years, np.asarray(rate), np.asarray(share))
