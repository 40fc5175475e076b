"""Internal rates and present values of flows with their signs, an outlay negative.

As a spreadsheet has them: :func:`irr`, :func:`npv` and :func:`mirr` by period, :func:`xirr` and
:func:`xnpv` by date. A rate that does not exist, or is one of several, is refused in words and
never guessed. Measures of a security against its price are in :mod:`~scfcap.cashflow.yields`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray

Amounts = Sequence[float] | npt.NDArray[Any]
Dates = Sequence[date] | npt.NDArray[np.datetime64]

#: Natural logarithms of 1 + rate between which several roots are looked for: -99.3% to +16
#: million %; and between which one is found that is known to be the only one.
_SEVERAL, _SINGLE = (-5.0, 12.0), (-500.0, 500.0)
#: Points between them; two rates within one step of each other are not seen.
_STEPS = 4_000
#: How far a library's rate may be from the root, in the logarithm of 1 + rate.
_NEAR = 1e-7


def npv(rate: float, amounts: Amounts) -> float:
    """Net present value [currency] of ``amounts`` at times 0, 1, 2, ...; ``rate`` per period.

    A spreadsheet's NPV discounts its first value by a period: put a zero before it.

    Raises:
        InputError: an amount or the rate is no finite number, or the rate is -100% or less.
    """
    import pyxirr

    flows = _amounts("npv", amounts)
    found = pyxirr.npv(_rate("npv", rate), flows)
    assert found is not None
    return float(found)


def xnpv(rate: float, dates: Dates, amounts: Amounts) -> float:
    """Net present value [currency] at the first day; ``rate`` a year, actual days over 365.

    Raises:
        InputError: as :func:`npv`; or the days do not match the amounts.
    """
    import pyxirr

    flows = _amounts("xnpv", amounts)
    days = _days("xnpv", dates, flows)
    found = pyxirr.xnpv(_rate("xnpv", rate), days, flows)
    assert found is not None
    return float(found)


def irr(amounts: Amounts) -> float:
    """Rate per period at which ``amounts`` at times 0, 1, 2, ... are worth nothing.

    Raises:
        InputError: an amount is no finite number, no rate solves, or several do.
    """
    import pyxirr

    flows = _amounts("irr", amounts)
    times = np.arange(len(flows), dtype=np.float64)
    paid = flows != 0.0
    bracket = _bracket("irr", flows[paid], times[paid])
    return _root(flows[paid], times[paid], bracket, pyxirr.irr(flows, silent=True))


def xirr(dates: Dates, amounts: Amounts) -> float:
    """Effective annual rate at which dated ``amounts`` are worth nothing; actual days over 365.

    Raises:
        InputError: as :func:`irr`; or the days do not match the amounts.
    """
    import pyxirr

    flows = _amounts("xirr", amounts)
    days = _days("xirr", dates, flows)
    paid = flows != 0.0
    days, flows = days[paid], flows[paid]
    times = (days - days.min(initial=np.datetime64("9999-12-31"))).astype(np.int64) / 365.0
    bracket = _bracket("xirr", flows, times)
    return _root(flows, times, bracket, pyxirr.xirr(days, flows, silent=True))


def mirr(amounts: Amounts, finance_rate: float, reinvest_rate: float) -> float:
    """Modified internal rate per period.

    Outlays are brought to time 0 at ``finance_rate``, receipts to the last period at
    ``reinvest_rate``; both per period.

    Raises:
        InputError: an amount or rate is no finite number, or outlays or receipts are missing.
    """
    import pyxirr

    flows = _amounts("mirr", amounts)
    if not ((flows < 0.0).any() and (flows > 0.0).any()):
        raise InputError(_one_sign("mirr", flows))
    rates = _rate("mirr", finance_rate), _rate("mirr", reinvest_rate)
    found = pyxirr.mirr(flows, *rates, silent=True)
    assert found is not None
    return float(found)


def _bracket(name: str, flows: FloatArray, times: FloatArray) -> tuple[float, float]:
    """Logarithms of 1 + rate with the only root between them.

    With one change of sign in the order of time there is one root at most (Descartes); else the
    present value is looked at from end to end.
    """
    if not ((flows < 0.0).any() and (flows > 0.0).any()):
        raise InputError(_one_sign(name, flows))
    changes = int((np.diff(np.sign(flows[np.argsort(times, kind="stable")])) != 0.0).sum())
    grid = np.array(_SINGLE) if changes == 1 else np.linspace(*_SEVERAL, _STEPS + 1)
    signs = np.array([np.sign(_scaled_value(flows, times, force)) for force in grid])
    signs[signs == 0.0] = 1.0  # a root on a point of the grid lies in one of its two steps
    roots = np.flatnonzero(signs[:-1] != signs[1:])
    if len(roots) == 1:
        return float(grid[roots[0]]), float(grid[roots[0] + 1])
    if len(roots) == 0:
        low, high = np.expm1(grid[0]), np.expm1(grid[-1])
        found = (
            f"no root between {low:.4g} and {high:.4g}: the present value is "
            f"{'above' if signs[0] > 0 else 'below'} zero at both ends"
        )
        raise InputError(Problem(name, found, "flows that some rate makes worth nothing"))
    listed = ", ".join(f"{np.expm1((grid[n] + grid[n + 1]) / 2.0):.1%}" for n in roots)
    raise InputError(
        Problem(
            name,
            f"{len(roots)} rates at which the flows are worth nothing: about {listed}",
            "flows with one rate",
            "Use mirr, or npv at the rate that money costs.",
        )
    )


def _scaled_value(flows: FloatArray, times: FloatArray, force: float) -> float:
    """Present value at a force of interest, over its largest discount factor."""
    exponents = -force * times
    return float(flows @ np.exp(exponents - exponents.max()))


def _root(
    flows: FloatArray, times: FloatArray, bracket: tuple[float, float], found: float | None
) -> float:
    """``found`` where it is the root in the bracket; else the root by bisection."""
    low, high = bracket
    at_low = _scaled_value(flows, times, low) > 0.0
    if found is not None and found > -1.0 and low <= (force := float(np.log1p(found))) <= high:
        near = _NEAR * max(1.0, abs(force))
        sides = [_scaled_value(flows, times, force + step) > 0.0 for step in (-near, near)]
        if sides == [at_low, not at_low]:
            return float(found)
    for _ in range(200):
        middle = (low + high) / 2.0
        if (_scaled_value(flows, times, middle) > 0.0) == at_low:
            low = middle
        else:
            high = middle
    return float(np.expm1((low + high) / 2.0))


def _amounts(name: str, amounts: Amounts) -> FloatArray:
    flows = np.asarray(amounts, dtype=np.float64)
    if flows.ndim != 1 or not len(flows):
        raise InputError(Problem(name, f"amounts of shape {flows.shape}", "a list of amounts"))
    wrong = np.flatnonzero(~np.isfinite(flows))
    if len(wrong):
        at = int(wrong[0])
        raise InputError(Problem(name, f"{flows[at]} at position {at + 1}", "finite amounts"))
    return flows


def _rate(name: str, rate: float) -> float:
    if not (np.isfinite(rate) and rate > -1.0):
        raise InputError(Problem(name, f"a rate of {rate}", "a finite rate above -1"))
    return float(rate)


def _days(name: str, dates: Dates, flows: FloatArray) -> npt.NDArray[np.datetime64]:
    days = np.asarray(dates, dtype="datetime64[D]")
    if days.shape != flows.shape:
        raise InputError(
            Problem(name, f"{len(days)} days with {len(flows)} amounts", "a day for each")
        )
    if np.isnat(days).any():
        at = int(np.flatnonzero(np.isnat(days))[0])
        raise InputError(Problem(name, f"no day at position {at + 1}", "a day for each amount"))
    return days


def _one_sign(name: str, flows: FloatArray) -> Problem:
    sign = "are all zero" if not flows.any() else "have one sign"
    return Problem(name, f"flows that {sign}", "an outlay (negative) and a receipt (positive)")
