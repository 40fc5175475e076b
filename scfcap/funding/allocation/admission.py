"""Which loan may go to which funder, and the first reason why it may not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scfcap.axes import BANK_DEBT, OWN
from scfcap.errors import InputError, Problem
from scfcap.funding.allocation.funders import Setting
from scfcap.pool import loops
from scfcap.pool.columns import Columns, ask, column_problems, expression_problems
from scfcap.pool.snapshot import ELIGIBLE, INELIGIBLE, UNDETERMINED
from scfcap.quantities import BoolArray
from scfcap.schema.model import Model

_WHERE = "model.toml: allocation"


@dataclass
class Admission:
    """Answers for each loan and channel; arrays of shape (loans, channels).

    ``refused``: position among ``reasons`` of the first that stands against it, 0 where none does.
    ``undetermined``: that reason is a value which is missing.
    """

    refused: npt.NDArray[np.int16]
    undetermined: BoolArray
    reasons: list[str] = field(default_factory=lambda: [""])
    cautions: list[str] = field(default_factory=list)

    @property
    def eligible(self) -> BoolArray:
        """Where a loan may go."""
        return np.asarray(self.refused == 0)

    def refuse(self, channel: int, loans: BoolArray, reason: str, *, unknown: bool = False) -> None:
        """State a reason against ``loans`` in a channel, where none stands yet."""
        new = loans & (self.refused[:, channel] == 0)
        if not new.any():
            return
        if reason not in self.reasons:
            self.reasons.append(reason)
        self.refused[new, channel] = self.reasons.index(reason)
        if unknown:
            self.undetermined[new, channel] = True


def check_columns(spec: Model, columns: Columns) -> None:
    """Raise :class:`InputError` with every test, mean and limit that does not fit the tape."""
    stated = spec.allocation
    problems: list[Problem] = []
    if stated.frozen is not None:
        problems += expression_problems(columns, stated.frozen, f"{_WHERE}.frozen")
    for promise in stated.promised:
        where = f'{_WHERE}.promised "{promise.label}"'
        problems += expression_problems(columns, promise.test, where)
    for limit in stated.limits:
        problems += column_problems(columns, [limit.column], f'{_WHERE}.limits "{limit.label}"')
    for key, channel in stated.channels.items():
        where = f'{_WHERE}.channels."{key}"'
        for mean in channel.averages:
            at = f'{where}, average "{mean.label}"'
            strange = column_problems(columns, [mean.column], at)
            if not strange and columns.kind(mean.column) != "number":
                kind = columns.kind(mean.column)
                strange = [Problem(at, f"{mean.column}, a {kind}", "a column of numbers")]
            problems += strange
        for each in channel.concentrations:
            at = f'{where}, concentration "{each.label}"'
            problems += column_problems(columns, [each.column], at)
    if problems:
        raise InputError(problems)


def admit(given: Setting, unknown: BoolArray | None = None) -> Admission:
    """Where each loan may go: what keeps the loan where it is, then the rules of the funder.

    A loan that is in a channel may stay there, but for a pledge, whose loans are tested each day.
    ``unknown`` (loans, channels): places of which the values know nothing.

    Raises:
        InputError: a test, mean or limit of ``[allocation]`` does not fit the tape's columns.
    """
    check_columns(given.spec, given.columns)
    shape = (len(given), len(given.funders))
    found = Admission(np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.bool_))
    stays = _keep(given, found)
    for c in range(len(given.funders)):
        _take_in(given, found, c, stays)
        if unknown is not None and given.keys[c] != OWN:
            found.refuse(c, unknown[:, c] & (given.today != c), "the plan has no such loan there")
    _under_way(given, found)
    _promise(given, found)
    return found


def _keep(given: Setting, found: Admission) -> BoolArray:
    """Refuse every other channel to loans that stay where they are; which they are."""
    stays = np.zeros(len(given), dtype=np.bool_)
    frozen = given.spec.allocation.frozen
    if frozen is not None:
        answer = ask(given.columns, frozen)
        held = given.today >= 0
        stays |= held & (answer != INELIGIBLE)
        _elsewhere(given, found, stays, "frozen where it is")
        doubtful = int((held & (answer == UNDETERMINED)).sum())
        if doubtful:
            found.cautions.append(
                f"Of {doubtful:,} loans it is not known whether they are frozen; they stay."
            )
    for t, terms in enumerate(given.terms):
        if not terms.releases:
            here = given.today == t
            _elsewhere(given, found, here & ~stays, f"held by {given.keys[t]}, which keeps it")
            stays |= here
    return stays


def _elsewhere(given: Setting, found: Admission, loans: BoolArray, reason: str) -> None:
    """Refuse to ``loans`` every channel but the one where they are."""
    for c in range(len(given.funders)):
        found.refuse(c, loans & (given.today != c), reason)


def _take_in(given: Setting, found: Admission, c: int, stays: BoolArray) -> None:
    """What stands against each loan in channel ``c``."""
    funder, terms = given.funders[c], given.terms[c]
    if funder.key == OWN:
        return
    here = given.today == c
    # A pledge is tested anew each day; what else a channel has, it keeps.
    asked = ~(here & stays) if funder.kind == BANK_DEBT else ~here
    if terms.closed:
        found.refuse(c, ~here, terms.closed)
    if terms.new_only:
        found.refuse(c, (given.today >= 0) & ~here, "lends from the start, and takes no older loan")
    if funder.chosen is not None:
        _test(given, found, c, asked)
    pool = given.pool
    if terms.segments is not None:
        taken = np.isin(np.asarray(pool.segments, dtype=object), list(terms.segments))
        found.refuse(c, asked & ~taken[pool.segment], "of a segment that it does not take")
    if terms.oldest_day < 0:
        found.refuse(c, asked & (pool.origination_day > terms.oldest_day), terms.seasoning)
    least = funder.stated.minimum_loan
    if least > 0.0:
        found.refuse(c, asked & (pool.balance < least), f"smaller than {least:,.0f}")
    for mean in funder.stated.averages:
        missing = np.isnan(given.columns.numbers(mean.column))
        found.refuse(c, asked & missing, f"{mean.column} is missing", unknown=True)


def _test(given: Setting, found: Admission, c: int, asked: BoolArray) -> None:
    """The rules of the funder's eligibility set, by the first that says no."""
    chosen = given.funders[c].chosen
    assert chosen is not None
    results = [ask(given.columns, rule.test) for rule in chosen.rules]
    if not results:
        return
    table = loops.table(results, len(given))
    answer, first, *_ = loops.answers(table, given.balance)
    for k, rule in enumerate(chosen.rules):
        found.refuse(c, asked & (first == k), f"not eligible: {rule.label}")
    unknown = asked & (answer == UNDETERMINED)
    rows = np.flatnonzero(unknown)
    doubt = np.zeros(len(given), dtype=np.int16)
    doubt[rows] = (table[:, rows] == UNDETERMINED).argmax(axis=0)
    for k, rule in enumerate(chosen.rules):
        reason = f"undetermined, a value is missing: {rule.label}"
        found.refuse(c, unknown & (doubt == k), reason, unknown=True)


def _under_way(given: Setting, found: Admission) -> None:
    """Loans that are being delivered to a channel go there if they may, or stay where they are."""
    if given.under_way is None:
        return
    for c, key in enumerate(given.keys):
        loans = given.under_way == c
        may = loans & (found.refused[:, c] == 0)
        for other in range(len(given.funders)):
            if other != c:
                found.refuse(other, may, f"being delivered to {key}")
        lost = loans & ~may
        if lost.any():
            found.cautions.append(
                f"{int(lost.sum()):,} loans that are being delivered to {key} may not go there any "
                "more: cancel the delivery, or see why (scfcap ledger MODEL)."
            )
            _elsewhere(given, found, lost, f"being delivered to {key}")


def _promise(given: Setting, found: Admission) -> None:
    """Promised loans go to their channel if they may, and then nowhere else."""
    kept = np.zeros(len(given), dtype=np.bool_)
    for promise in given.spec.allocation.promised:
        if promise.channel not in given.keys:
            found.cautions.append(f"{promise.label}: promised to {promise.channel}, which has no "
                                  "part in the allocation.")  # fmt: skip
            continue
        c = given.keys.index(promise.channel)
        answer = ask(given.columns, promise.test)
        wanted = (answer == ELIGIBLE) & ~kept
        unkept = int((wanted & (found.refused[:, c] != 0)).sum())
        if unkept:
            found.cautions.append(
                f"{promise.label}: {unkept:,} loans promised to {promise.channel} may not go there."
            )
        doubtful = int((answer == UNDETERMINED).sum())
        if doubtful:
            found.cautions.append(
                f"{promise.label}: of {doubtful:,} loans it is not known whether they are promised."
            )
        now = wanted & (found.refused[:, c] == 0)
        for other in range(len(given.funders)):
            if other != c:
                found.refuse(other, now, f"promised to {promise.channel}")
        kept |= now
