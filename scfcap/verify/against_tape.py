"""A claim against the tape: the loans, where they are, what limits name, who may have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scfcap.expressions import ExpressionError, Texts
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.verify import ground as tapes
from scfcap.verify.claim import Claim
from scfcap.verify.ground import Ground
from scfcap.verify.layout import LimitsText
from scfcap.verify.made import Made
from scfcap.verify.names import Names, strange_parts
from scfcap.verify.report import Check, decided, given, named
from scfcap.verify.rules import may_go

#: Error of a few operations in doubles, of the sizes that go into a value.
_NEAR = 2.0**-48


@dataclass(frozen=True)
class Prices:
    """What values are worked out from where they are stated, shape (loans,): ``rate``
    [1/year], ``life`` [years], ``loss`` over that life, share of the balance.
    """

    rate: FloatArray
    life: FloatArray
    loss: FloatArray


@dataclass(frozen=True)
class Beside:
    """What the loans' file has beside the claim. ``kept`` by channel: loans that the plan does not
    know there, which may not come in.
    """

    prices: Prices | None = None
    kept: Mapping[int, BoolArray] = field(default_factory=dict)


def checks(
    limits: LimitsText, claim: Claim, beside: Beside, folder: Path, path: Path | None
) -> tuple[Check, ...]:
    """All that only the tape can tell; ``path``: where it is, if not where the limits say.

    Raises :class:`scfcap.errors.InputError` where it cannot be read.
    """
    if limits.tape is None:
        return (given("tape", "none is named", "loans are taken as the files have them"),)
    whole = tapes.ground(limits, folder, path)
    same = whole.digest == limits.tape.sha256
    wrong = [] if same else [f"{limits.tape.name} is not the tape that was allocated"]
    first = decided("tape", limits.tape.sha256[:16], whole.digest[:16], wrong)
    found = tapes.in_order(whole, claim.loan_id)
    if found is None:
        return first, _loans(whole, claim)
    try:
        return (first, _loans(whole, claim), *_columns(limits, claim, found, beside))
    except ExpressionError as error:
        said = [f"{error.found}; expected {error.expected}"]
        return first, decided("columns", "as on the tape", "not there", said)


def _loans(whole: Ground, claim: Claim) -> Check:
    """The loans are those of the tape that owe something, all of them, with what they owe."""
    ids = whole.frame["loan_id"].astype(str).to_numpy(dtype=object)
    owed = dict(zip(ids.tolist(), whole.numbers("current_balance").tolist(), strict=True))
    wrong = []
    strange = [loan for loan in claim.loan_id.tolist() if loan not in owed]
    lacking = len(owed.keys() - claim.place.keys())
    if strange:
        wrong.append(f"not outstanding on the tape: {named(strange)}")
    if lacking:
        wrong.append(f"{lacking:,} loans of the tape are left out")
    pairs = zip(claim.loan_id.tolist(), claim.balance.tolist(), strict=True)
    odd = [loan for loan, balance in pairs if owed.get(loan, balance) != balance]
    if odd:
        wrong.append(f"other balances than on the tape: {named(odd)}")
    return decided("loans", f"{len(claim):,}", f"{len(owed):,} outstanding", wrong)


def _columns(limits: LimitsText, claim: Claim, found: Ground, beside: Beside) -> Iterator[Check]:
    """Where loans are, where they may go, what limits name, limits on names, values."""
    told = [column.name for column in limits.columns if column.how == "given"]
    added = {name: _texts(claim, name) for name in told if name in claim.columns}
    if limits.holders == "tape":
        today = tapes.today(found, claim.channels)
        odd = np.flatnonzero(today != claim.today)
        wrong = [f"elsewhere than on the tape: {named(claim.loan_id[odd])}"] if len(odd) else []
        yield decided("today", "as on the tape", f"{int((today >= 0).sum()):,} held", wrong)
    else:
        yield given("today", "by an earlier allocation", f"{int((claim.today >= 0).sum()):,} held")
        added["channel"] = Texts(claim.today.astype(np.int32), claim.channels)
    found = replace(found, added=added)
    able = may_go(found, limits, claim.today, beside.kept)
    yield _rules(claim, able, beside)
    made = Made(found, limits, claim, able)
    yield decided("columns", *_counted(limits), _made(limits, claim, made))
    if limits.names:
        yield _names(limits, claim, made)
    yield _values(limits, claim, found, beside.prices)


def _texts(claim: Claim, name: str) -> Texts:
    return Texts(claim.columns[name].codes, claim.columns[name].labels)


def _rules(claim: Claim, able: BoolArray, beside: Beside) -> Check:
    """Loans may go where the files say, and there alone."""
    wrong = []
    for c, key in enumerate(claim.channels):
        for words, odd in (
            ("may not go to", claim.eligible[:, c] & ~able[:, c]),
            ("is kept from", ~claim.eligible[:, c] & able[:, c]),
        ):
            if odd.any():
                wrong.append(f"{words} {key}: {named(claim.loan_id[odd])}")
    claimed = f"{int(claim.eligible.sum()):,} places"
    kept = sum(int(loans.sum()) for loans in beside.kept.values())
    more = f"; {kept:,} kept out by the plan" if kept else ""
    return decided("rules", claimed, f"{int(able.sum()):,}{more}", wrong)


def _counted(limits: LimitsText) -> tuple[str, str]:
    ways = [str(each.how) for each in limits.columns] + [str(each.how) for each in limits.numbers]
    told = ways.count("given")
    found = f"{len(ways) - told:,} worked out again"
    return f"{len(ways):,}", f"{found}, {told:,} given" if told else found


def _made(limits: LimitsText, claim: Claim, made: Made) -> Iterator[str]:
    """Texts and numbers that are not what their definition gives."""
    asked = {part.column for each in limits.limits for part in each.parts if part.column}
    members: dict[str, set[str]] = {}
    for each in limits.limits:
        for part in each.parts:
            if part.column is not None:
                members.setdefault(part.column, set()).update(part.members)
    stated = {column.name: column for column in limits.columns}
    for name in sorted(asked):
        if name not in stated:
            yield f"column {name} is not defined"
        elif name in claim.columns:
            texts = made.texts(stated[name])
            odd = np.flatnonzero(
                _ranks(texts.codes, texts.labels, members[name])
                != _ranks(claim.columns[name].codes, claim.columns[name].labels, members[name])
            )
            if len(odd):
                yield f"{name} is other than on the tape: {named(claim.loan_id[odd])}"
    used = {part.number for each in limits.limits for part in each.parts if part.number}
    for name in sorted(used):
        if name not in made.defined:
            yield f"number {name} is not defined"
        elif name in claim.numbers:
            odd = _differing(claim, name, made.number(made.defined[name]))
            if len(odd):
                yield f"{name} is other than on the tape: {named(claim.loan_id[odd])}"


def _differing(claim: Claim, name: str, made: FloatArray) -> IntArray:
    """Loans whose number is not the one that the tape gives, where a limit can ask for it."""
    asked = np.zeros(len(claim), dtype=np.bool_)
    for limit in claim.limits:
        for part in limit.parts:
            if part.number == name:
                asked |= claim.eligible[:, part.channel] | (claim.choice == part.channel)
    return np.flatnonzero(asked & (claim.numbers[name] != made))


def _ranks(
    codes: npt.NDArray[np.int32], labels: tuple[str, ...], members: Iterable[str]
) -> IntArray:
    """Position of each loan's text among the sorted ``members``, -1 where it is none."""
    place = {label: k for k, label in enumerate(sorted(members))}
    table = np.array([*(place.get(label, -1) for label in labels), -1], dtype=np.int64)
    return table[codes]


def _names(limits: LimitsText, claim: Claim, made: Made) -> Check:
    """Limits on names hold for all of them, and those in the program follow from them."""
    stated = {names.name: names for names in limits.names}
    wrong = []
    for names in limits.names:
        numbers = {
            each.number: made.number(made.defined[each.number])
            for each in names.weights
            if each.number is not None
        }
        each = Names(claim, names, made.found.texts(names.column), numbers)
        wrong += [*each.over(), *each.over_relieved()]
    parts = [limit for limit in limits.limits if limit.names is not None]
    for limit in parts:
        if limit.names not in stated:
            wrong.append(f"{limit.name}: of a limit on names that is not stated")
        else:
            wrong += strange_parts(limit, stated[limit.names])
    claimed = f"{len(stated):,} kept, {len(parts):,} parts of them"
    return decided("names", claimed, "all names added up", wrong)


def _values(limits: LimitsText, claim: Claim, found: Ground, prices: Prices | None) -> Check:
    """Values follow from what is stated of the channels, and from rate, life and loss."""
    if limits.worth.how == "plan" or prices is None:
        return given("values", "by the plan", "taken as the files have them")
    wrong = []
    odd = np.flatnonzero(found.numbers("rate") != prices.rate)
    if len(odd):
        wrong.append(f"other rates than on the tape: {named(claim.loan_id[odd])}")
    # Figures that are none, or overflow, are near nothing: they are told as others are.
    with np.errstate(invalid="ignore", over="ignore"):
        wrong += _other_values(limits, claim, prices)
    return decided("values", "as stated", f"{claim.value.size:,} worked out again", wrong)


def _other_values(limits: LimitsText, claim: Claim, prices: Prices) -> Iterator[str]:
    for c, channel in enumerate(limits.channels):
        comes = claim.today != c
        move = channel.move_cost * comes + limits.worth.move_cost * (comes & (claim.today >= 0))
        income = (prices.rate * channel.income_share - channel.cost) * prices.life
        loss = prices.loss * channel.loss_share
        value = claim.balance * (income - loss - move)
        size = claim.balance * (
            (np.abs(prices.rate) + channel.cost) * prices.life + np.abs(loss) + move
        )
        far = claim.eligible[:, c] & ~(np.abs(value - claim.value[:, c]) <= _NEAR * size)
        if far.any():
            yield f"{channel.key}: other values for {named(claim.loan_id[far])}"
