"""What a scenario does to the program's inputs, apart from the borrowers' own multiples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from scfcap.axes import P2P
from scfcap.cashflow.cohorts import CohortFactors
from scfcap.cashflow.outage import hold_back
from scfcap.credit.curves import CurveSet
from scfcap.credit.stress import Stress
from scfcap.funding.cohort_inputs import ALIVE, CreditPath
from scfcap.funding.inputs import DealInputs, Inputs, LenderInputs, P2PInputs
from scfcap.funding.line_cuts import cut
from scfcap.funding.partner import PartnerInputs
from scfcap.funding.surge import surge
from scfcap.quantities import FloatArray


def per_unit(flow: FloatArray, factors: CohortFactors, k: int, horizon: int) -> FloatArray:
    """``flow`` [J, T] of scenario ``k`` per unit standing at the close before [J, horizon + 1].

    In a cohort's own period per unit originated; index 0 is unused.
    """
    path = factors.performing[k]
    base = np.where(path[:, :-1] > ALIVE, path[:, :-1], np.inf)
    own_period = factors.vintage[:, None] == np.arange(1, path.shape[1])[None, :]
    divisor = np.where(own_period, 1.0, base)
    return np.concatenate((np.zeros((len(flow), 1)), (flow / divisor)[:, :horizon]), axis=1)


def credit_path(
    factors: CohortFactors, curves: CurveSet, row: int, horizon: int
) -> CreditPath | None:
    """Loss and recovery by period in scenario ``row``; None where they do not change."""
    severity, held = curves.severity[row], curves.stress.held[row, :horizon]
    dated = bool((severity != severity[:, :1]).any())
    if factors.struck is None and factors.loss is None and not dated and not held.any():
        return None
    k = factors.scenarios.index(curves.scenarios[row])
    default = factors.default[k]
    struck = np.zeros_like(default) if factors.struck is None else factors.struck[k]
    share, again = (x[factors.segment] for x in (severity, curves.struck_recovery[row]))
    blow = struck * (1.0 - again)
    gone = (default - struck) * share if factors.loss is None else factors.loss[k] - blow

    def unit(flow: FloatArray) -> FloatArray:
        return per_unit(flow, factors, k, horizon)

    arrived, waiting = hold_back(np.eye(horizon), np.broadcast_to(held, (horizon, horizon)))
    return CreditPath(
        loss=unit(gone + blow),
        recoverable=unit(default - struck - gone),
        struck=unit(struck * again),
        struck_lag=np.pad(
            curves.struck_lag[row, : len(curves.parents), :horizon], ((0, 0), (1, 0))
        ),
        arrival=np.pad(arrived, ((1, 0), (1, 0))),
        waiting=np.pad(waiting, ((1, 0), (1, 0))),
    )


def under(inputs: Inputs, stress: Stress, row: int, limits: FloatArray | None = None) -> Inputs:
    """``inputs`` with demand, lines, P2P, issues and rates as scenario ``row`` leaves them.

    Demand of an outage's days is asked for in the next period; what is promised is a share of it.
    ``limits`` [S] are borrowers' undrawn limits [money units], where the scenario draws on them.

    Raises:
        InputError: draws in a segment of whose new loans the model says nothing.
    """
    horizon = inputs.horizon

    def path(values: FloatArray) -> FloatArray:
        return np.concatenate((values[:1], values[:horizon]))

    left = stress.demand[row, :, :horizon]
    held = stress.held[row, :horizon]
    demand = inputs.demand
    promised = inputs.promised
    drawn = np.zeros_like(left)
    if limits is not None:
        drawn, undrawn_left = surge(inputs, limits, stress.surge[row, :, :horizon])
        inputs = replace(inputs, undrawn_left=undrawn_left)
    if (left != 1.0).any() or held.any() or drawn.any():
        demand, promised = (
            np.pad(hold_back(wish[:, 1:] * left + drawn, held)[0], ((0, 0), (1, 0)))
            for wish in (demand, promised)
        )
    lenders = []
    for x in inputs.lenders:
        if x.name in stress.lenders:
            h = stress.lenders.index(x.name)
            cuts = path(stress.line[row, h]), path(stress.line_running[row, h])
            x = _dearer(cut(x, *cuts), path(stress.bank_rate[row]), inputs.year)
        lenders.append(x)
    return replace(
        inputs,
        demand=demand,
        promised=promised,
        lenders=tuple(lenders),
        p2p=None if inputs.p2p is None else _p2p(inputs.p2p, stress, row, path),
        deals=tuple(_deal(d, stress, row) for d in inputs.deals),
        partners=tuple(_partner(x, stress, row, path) for x in inputs.partners),
    )


def _dearer(x: LenderInputs, dearer: FloatArray, year: FloatArray) -> LenderInputs:
    """A line at dearer rates: of new draws, and of all that float."""
    if not (dearer != 0.0).any():
        return x
    interest = x.open_interest
    if x.open_floating is not None:
        interest = interest + dearer * year * x.open_floating
    return replace(x, dearer=dearer, open_interest=interest)


def _p2p(
    p2p: P2PInputs, stress: Stress, row: int, path: Callable[[FloatArray], FloatArray]
) -> P2PInputs:
    renewed, fresh = path(stress.p2p_renewed[row]), path(stress.p2p_new[row])
    dearer = path(stress.p2p_rate[row])
    runs_off = bool((renewed != 1.0).any() or (fresh != 1.0).any())
    return replace(
        p2p,
        renewed=renewed if runs_off else None,
        fresh=fresh if runs_off else None,
        dearer=dearer if (dearer != 0.0).any() else None,
    )


def _partner(
    x: PartnerInputs, stress: Stress, row: int, path: Callable[[FloatArray], FloatArray]
) -> PartnerInputs:
    """P2P lenders who lend to borrowers run off as holders of notes do."""
    renewed, fresh = path(stress.p2p_renewed[row]), path(stress.p2p_new[row])
    if x.channel != P2P or not ((renewed != 1.0).any() or (fresh != 1.0).any()):
        return x
    return replace(x, renewed=renewed, fresh=fresh)


def _deal(d: DealInputs, stress: Stress, row: int) -> DealInputs:
    """A series to be issued sells less, and at a higher coupon, where the market says so."""
    if d.state is not None:
        return d
    t = d.closing - 1
    return replace(
        d, max_pool=d.max_pool * float(stress.issue[row, t]), dearer=float(stress.coupon[row, t])
    )
