"""Lists against loans: one place each, the right amounts, only where they may go."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from scfcap.verify.claim import NOWHERE, Claim
from scfcap.verify.exact import SMALLEST, sums, total, within_range
from scfcap.verify.limits import ROUNDING
from scfcap.verify.report import Check, decided, named


def usable(claim: Claim) -> Check:
    """Every number that counts is one; ids, names and shapes are fit to be reasoned with."""
    wrong = [*_numbers(claim), *_names(claim)]
    count = claim.balance.size + claim.value.size + sum(map(len, claim.numbers.values()))
    return decided("numbers", "finite, of sensible size", f"{count:,} read", wrong)


def _numbers(claim: Claim) -> Iterator[str]:
    balance = claim.balance
    odd = np.flatnonzero(~(np.isfinite(balance) & (balance > SMALLEST)))
    if len(odd) or not within_range(balance):
        yield f"balances that are no amount above 0: {named(claim.loan_id[odd])}"
    worth = np.where(claim.eligible, claim.value, 0.0)
    odd = np.flatnonzero(~np.isfinite(worth).all(axis=1))
    if len(odd) or not within_range(worth):
        yield f"values that are no amount: {named(claim.loan_id[odd])}"
    asked = {(p.channel, p.number) for limit in claim.limits for p in limit.parts if p.number}
    for channel, name in sorted(asked, key=str):
        if name not in claim.numbers:
            continue
        here = claim.eligible[:, channel] | (claim.choice == channel)
        number = np.where(here, claim.numbers[name], 0.0)
        odd = np.flatnonzero(~np.isfinite(number))
        if len(odd) or not within_range(number):
            yield f"{name} is no number for {named(claim.loan_id[odd])}"
    for k, limit in enumerate(claim.limits):
        weights = np.array([limit.right, *(part.weight for part in limit.parts)])
        if not within_range(weights):
            yield f"{limit.name}: a right side or weight that is no number"
        if not np.isfinite(claim.left[k]):
            yield f"{limit.name}: a left side that is no number"
    for what, amount in (("bound", claim.bound), ("value", claim.worth)):
        if not np.isfinite(amount):
            yield f"the claimed {what} is no number"


def _names(claim: Claim) -> Iterator[str]:
    if len(claim.place) < len(claim):
        yield f"{len(claim) - len(claim.place):,} loans whose id another loan has"
    if len(set(claim.channels)) < len(claim.channels):
        yield "two channels of one key"
    if len({limit.name for limit in claim.limits}) < len(claim.limits):
        yield "two limits of one name"
    for limit in claim.limits:
        for part in limit.parts:
            if part.column is not None and part.column not in claim.columns:
                yield f"{limit.name}: column {part.column} is not among the loans'"
            if part.number is not None and part.number not in claim.numbers:
                yield f"{limit.name}: number {part.number} is not among the loans'"


def one_place(claim: Claim) -> Check:
    """Each loan is in one list at most, once, and no list holds anything else."""
    lists, at = claim.lists, claim.listed
    wrong = []
    strange = np.flatnonzero(at < 0)
    if len(strange):
        wrong.append(f"not among the loans: {named(lists.loan_id[strange])}")
    if (lists.channel < 0).any():
        wrong.append(f"channels without a name in the limits: {int((lists.channel < 0).sum()):,}")
    twice = np.flatnonzero(np.bincount(at[at >= 0], minlength=len(claim)) > 1)
    if len(twice):
        wrong.append(f"listed more than once: {named(claim.loan_id[twice])}")
    claimed = sum(count for count, _ in claim.totals.values())
    return decided("one place", f"{claimed:,} loans placed", f"{len(at):,} rows", wrong)


def balances(claim: Claim) -> Check:
    """Balances of the lists are those of the loans."""
    known = claim.listed >= 0
    at = claim.listed[known]
    same = claim.lists.balance[known] == claim.balance[at]
    wrong = [
        f"{claim.loan_id[loan]}: {listed!r} in the list, {claim.balance[loan].item()!r} owed"
        for loan, listed in zip(
            at[~same].tolist(), claim.lists.balance[known][~same].tolist(), strict=True
        )
    ]
    return decided("balances", "as owed", f"{int(same.sum()):,} alike", wrong)


def totals(claim: Claim) -> Check:
    """Loans and balance of each list are what is claimed; balances rounded once."""
    at = claim.lists.channel
    known = at >= 0
    finite = known & np.isfinite(claim.lists.balance)
    found = sums(at[finite], claim.lists.balance[finite], len(claim.channels))
    counts = np.bincount(at[known], minlength=len(claim.channels))
    wrong = []
    for k, name in enumerate(claim.channels):
        count, balance = claim.totals.get(k, (0, 0.0))
        amount = found.get(k, Fraction(0))
        if count != counts[k]:
            wrong.append(f"{name}: {counts[k]:,} loans, claimed {count:,}")
        if not _near(amount, balance, amount):
            wrong.append(f"{name}: {float(amount)!r}, claimed {balance!r}")
    claimed = float(sum(balance for _, balance in claim.totals.values()))
    listed = float(sum(found.values(), Fraction(0)))
    return decided("totals", f"{claimed:,.2f}", f"{listed:,.2f}", wrong)


def placed(claim: Claim) -> Check:
    """Loans that have to be placed are."""
    left = np.flatnonzero(claim.must & (claim.choice == NOWHERE))
    wrong = [f"in no list: {named(claim.loan_id[left])}"] if len(left) else []
    count = int(claim.must.sum())
    return decided("must be placed", f"{count:,} loans", f"{count - len(left):,}", wrong)


def eligible(claim: Claim) -> Check:
    """Loans are only where they may be, by what the loans' file says."""
    at = np.flatnonzero(claim.choice >= 0)
    bad = at[~claim.eligible[at, claim.choice[at]]]
    wrong = [
        f"{claim.loan_id[loan]} in {claim.channels[claim.choice[loan]]}" for loan in bad.tolist()
    ]
    return decided("eligible", "all placed loans", f"{len(at) - len(bad):,} are", wrong)


def moved(claim: Claim) -> Check:
    """Loans that change their channel, and their balance, are as claimed."""
    gone = np.flatnonzero((claim.today >= 0) & (claim.choice != claim.today))
    amount = total(claim.balance[gone])
    count, balance = claim.moved
    wrong = []
    if count != len(gone) or not _near(amount, balance, amount):
        wrong.append(f"{len(gone):,} loans of {float(amount)!r} change their channel")
    found = f"{len(gone):,} loans, {float(amount):,.2f}"
    return decided("moved", f"{count:,} loans, {balance:,.2f}", found, wrong)


def _near(exact: Fraction, claimed: float, size: Fraction) -> bool:
    if not np.isfinite(claimed):
        return False
    return abs(exact - Fraction(claimed)) <= Fraction(ROUNDING) * abs(size)
