"""Limits, prices, bound, value and gap of a claim, each worked out again without rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np

from scfcap.verify import placement
from scfcap.verify.bound import bound
from scfcap.verify.claim import Claim
from scfcap.verify.exact import lower, total, upper, within_range
from scfcap.verify.limits import ROUNDING, left_sides
from scfcap.verify.report import Check, decided

#: Limits of this kind hold only if anything moves into their channel.
TICKET = "ticket"
#: What a limit may be given beyond what loans without a choice lack, share of its size.
RELIEF = 2e-9
#: Channels with a least ticket; all their cases are gone through.
MOST_TICKETS = 16


def checks(claim: Claim) -> tuple[Check, ...]:
    """All that can be checked of an allocation without its tape; nothing else is looked at once
    numbers are missing.
    """
    first = placement.usable(claim)
    lists = (placement.one_place(claim), placement.balances(claim), placement.totals(claim))
    if not first.holds:
        return (first, *lists)
    placing = (placement.placed(claim), placement.eligible(claim), placement.moved(claim))
    prices = duals(claim)
    proof = (bounded(claim),) if prices.holds else ()
    rows = (*kept(claim), *relieved(claim))
    return (first, *lists, *placing, *rows, prices, *proof, valued(claim), gap(claim))


def kept(claim: Claim) -> tuple[Check, ...]:
    """Every limit on exact sums, least tickets by themselves, and left sides as claimed."""
    lefts, size = left_sides(claim, claim.choice)
    rights = np.array([limit.right for limit in claim.limits])
    room = [Fraction(ROUNDING) * Fraction(s) for s in (size + np.abs(rights)).tolist()]
    broken: dict[bool, list[str]] = {True: [], False: []}
    strange = []
    tickets = 0
    for k, limit in enumerate(claim.limits):
        ticket = limit.kind == TICKET
        tickets += ticket
        over = lefts[k] - Fraction(limit.right)
        if over > room[k] and not (ticket and lefts[k] == 0):
            found = f"{float(lefts[k])!r}, {float(over):.6g} above {limit.right!r}"
            broken[ticket].append(f"{limit.name}: {found}")
        if abs(lefts[k] - Fraction(float(claim.left[k]))) > room[k]:
            strange.append(f"{limit.name}: {float(lefts[k])!r}, claimed {float(claim.left[k])!r}")
    count = len(claim.limits) - tickets
    found = f"{count - len(broken[False]):,} kept on exact sums"
    rows = decided("limits", f"{count:,} kept", found, broken[False])
    sides = decided("left sides", f"{len(lefts):,}", f"{len(lefts) - len(strange):,}", strange)
    if not tickets:
        return rows, sides
    least = decided("tickets", f"{tickets:,}", f"{tickets - len(broken[True]):,}", broken[True])
    return rows, least, sides


def relieved(claim: Claim) -> tuple[Check, ...]:
    """Limits that loans without a choice break are given no more beyond them than that: means what
    these loans lack, others what doubles may be off by.
    """
    given = [k for k, limit in enumerate(claim.limits) if limit.relief != 0.0]
    if not given:
        return ()
    lefts, size = left_sides(claim, claim.alone, given)
    wrong = []
    for k, left, around in zip(given, lefts, size.tolist(), strict=True):
        limit = claim.limits[k]
        stated = Fraction(limit.right) - Fraction(limit.relief)
        lacking = max(left - stated, Fraction(0)) if limit.kind == "average" else Fraction(0)
        room = Fraction(RELIEF) * Fraction(max(around, abs(limit.right), 1.0))
        if Fraction(limit.relief) > lacking + room:
            wrong.append(f"{limit.name}: {limit.relief!r}, at most {float(lacking)!r}")
    return (decided("relief", f"{len(given):,}", f"{len(given) - len(wrong):,}", wrong),)


def duals(claim: Claim) -> Check:
    """Prices are at least 0, and the cases they are for cover all that may happen."""
    wrong = []
    for leaf in claim.leaves:
        if not within_range(leaf.price):
            wrong.append("a price that is no number")
        below = np.flatnonzero(~(leaf.price >= 0.0))
        wrong += [f"{claim.limits[k].name}: {leaf.price[k]!r}" for k in below.tolist()]
    if not claim.leaves:
        wrong.append("no prices")
    if not wrong:
        wrong += _cases(claim)
    count = sum(int((leaf.price > 0.0).sum()) for leaf in claim.leaves)
    cases = f" in {len(claim.leaves)} cases" if len(claim.leaves) > 1 else ""
    return decided("prices", "at least 0", f"{count:,} above 0{cases}", wrong)


def _cases(claim: Claim) -> Iterator[str]:
    """What is wrong with the cases: a ticket priced where it need not hold, a case left out."""
    tickets = claim.tickets
    for leaf in claim.leaves:
        for channel, rows in tickets.items():
            if not leaf.taken.get(channel, False):
                for k in rows:
                    if leaf.price[k] != 0.0:
                        yield f"{claim.limits[k].name}: priced where nothing need move in"
    split = sorted({channel for leaf in claim.leaves for channel in leaf.taken})
    for channel in split:
        if channel not in tickets:
            yield f"cases of {claim.channels[channel]}, which has no least ticket"
    if len(split) > MOST_TICKETS:
        yield f"{len(split)} channels with cases; at most {MOST_TICKETS} are gone through"
        return
    for states in product((False, True), repeat=len(split)):
        state = dict(zip(split, states, strict=True))
        if not any(all(state[c] == o for c, o in leaf.taken.items()) for leaf in claim.leaves):
            words = ", ".join(
                f"{claim.channels[c]} {'open' if o else 'closed'}" for c, o in state.items()
            )
            yield f"no prices for the case: {words}"


def bounded(claim: Claim) -> Check:
    """The claimed bound is at least the one that the prices prove."""
    proven = [bound(claim, leaf) for leaf in claim.leaves]
    amounts = [each.amount for each in proven if each.amount is not None]
    if not amounts:
        said = "no case has a channel for every loan that must be placed"
        return decided("bound", f"{claim.bound!r}", "none", [said])
    most = max(amounts)
    wrong = [] if Fraction(claim.bound) >= most else [f"the prices prove {upper(most)!r} only"]
    return decided("bound", f"{claim.bound!r}", f"{upper(most)!r}", wrong)


def valued(claim: Claim) -> Check:
    """The claimed value is at most that of the lists."""
    at = np.flatnonzero(claim.choice >= 0)
    values = claim.value[at, claim.choice[at]]
    if not np.isfinite(values).all():
        return decided("value", f"{claim.worth!r}", "none", ["a placed loan has no value"])
    worth = total(values)
    wrong = [] if Fraction(claim.worth) <= worth else [f"the lists are worth {lower(worth)!r}"]
    return decided("value", f"{claim.worth!r}", f"{lower(worth)!r}", wrong)


def gap(claim: Claim) -> Check:
    """The claimed gap is what claimed bound and value make it, or more; none of a bound of 0."""
    high, low = Fraction(claim.bound), Fraction(claim.worth)
    wrong = ["the value is above the bound"] if low > high else []
    claimed = "none" if math.isnan(claim.gap) else f"{claim.gap:.3g}"
    if high == 0 != low:
        return decided("gap", claimed, "none", wrong)
    true = Fraction(0) if high == low else (high - low) / abs(high)
    if not claim.gap >= true * (1 - Fraction(ROUNDING)):
        wrong.append(f"bound and value leave {upper(true)!r}")
    return decided("gap", claimed, f"{float(true):.3g}", wrong)
