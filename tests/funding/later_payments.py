"""What debt that outlives the horizon costs above par, payment by payment, in plain loops."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.plan import Optimum


def dear_debt(found: Optimum) -> float:
    """Sum over all debt at T of what its remaining payments, discounted, exceed it by; each >= 0
    [money units]."""
    at = found.inputs.spec.plan.terminal_rate
    total = 0.0
    for rate, balances in _owed(found):
        value, time, before = 0.0, 0.0, balances[0]
        for year, after in zip(_years(found, len(balances) - 1), balances[1:], strict=True):
            time += year
            value += (before * rate * year + before - after) / (1.0 + at) ** time
            before = after
        total += max(value - balances[0], 0.0)
    return total


def _years(found: Optimum, periods: int) -> list[float]:
    monthly = found.inputs.grid.frequency == "month"
    return [1.0 / 12.0 if monthly else 7.0 / 365.0] * periods


def _owed(found: Optimum) -> Iterator[tuple[float, list[float]]]:
    """Rate and balances, from the close of T on, of each piece of debt."""
    inputs, last = found.inputs, found.inputs.horizon
    decided = found.decisions

    def bullet(amount: float, left: int) -> list[float]:
        return [amount] * left + [0.0]

    for (name, tenor, since), amount in decided.draws.items():
        x = next(x for x in inputs.lenders if x.name == name)
        if since + tenor > last:
            yield x.rate(dict(x.tenors)[tenor], since), bullet(amount, since + tenor - last)
    for lender in inputs.spec.lenders:
        for draw in lender.draws:
            left = inputs.grid.extended(last + 240).index(draw.maturity) - last
            if left > 0:
                yield draw.rate, bullet(draw.amount / inputs.unit, left)
    p2p = inputs.p2p
    if p2p is not None and inputs.spec.p2p is not None:
        for m, step in enumerate(p2p.steps):
            for since in range(max(1, last - p2p.tenor + 1), last + 1):
                amount = float(decided.placed[m, since])
                yield p2p.rate(step.rate, since), bullet(amount, since + p2p.tenor - last)
        for due in range(last + 1, p2p.tenor + 1):
            older = inputs.spec.p2p.outstanding / inputs.unit / p2p.tenor
            yield inputs.spec.p2p.outstanding_rate, bullet(older, due - last)
    for d in inputs.deals:
        revolving = max(d.last_revolving, last)
        end = max(d.legal_end, revolving + 1)
        for i, tranche in enumerate(inputs.terms(d).sold):
            notes = found.book.notes(d, i, last).value(found.solution.x)
            down = [notes * (end - t) / (end - revolving) for t in range(revolving, end + 1)]
            yield tranche.coupon, [notes] * (revolving - last) + down
