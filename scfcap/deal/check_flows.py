"""Whether a deal's cash can reach whom it should: phases, order of steps, accounts, debts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scfcap.deal.check_formulas import said_of
from scfcap.deal.findings import COLLECTION, Finding, Placed, lists, names, quoted
from scfcap.schema.deal import DealSpec
from scfcap.schema.deal_parts import StepSpec, TrancheSpec

_NO_CASH = ("write_off", "write_up")
_ENOUGH = 1e-6


def check_flows(spec: DealSpec, meant: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Steps and phases that are never made, debts never paid, cash that goes round or nowhere.

    ``meant``: names that misspelt ones stand for, of which nothing is said.
    """
    reached = tuple(reachable(spec))
    yield from _phases(spec, reached)
    yield from _settlement(spec)
    for _, steps in lists(spec):
        yield from _emptied(spec, steps)
        yield from _rounds(spec, steps)
    paid = _paid(spec, reached)
    yield from _classes(spec, paid, meant)
    yield from _creditors(spec, paid, meant)
    yield from _accounts(spec, meant)
    yield from _left_over(spec, reached, meant)
    yield from _unused(spec)
    yield from _shares(spec)


def reachable(spec: DealSpec) -> Iterator[str]:
    """Phases that a run can be in."""
    last = spec.closing
    open_end = False
    for phase in spec.phases:
        timely = not open_end and (phase.until is None or phase.until > last)
        stands = spec.opening is not None and spec.opening.phase == phase.name
        if timely or phase.when is not None or stands:
            yield phase.name
        open_end = open_end or phase.until is None
        last = max(last, phase.until) if phase.until is not None else last


def _phases(spec: DealSpec, reached: Sequence[str]) -> Iterator[Finding]:
    last = spec.closing
    for place, phase in enumerate(spec.phases):
        if phase.name in reached:
            last = phase.until or last
            continue
        if phase.until is not None and phase.until <= last:
            found = f"{phase.until}, not after {last}, so that the phase is never reached"
            action = "Put the phases in the order of time, or correct the date."
            yield Finding(
                ("phases", phase.name, "until"), found, "a later date, or a test `when`", action
            )
            continue
        endless = next(p.name for p in spec.phases[:place] if p.until is None)
        yield Finding(
            ("phases", phase.name),
            f"never reached: {endless} before it has no end, and no test brings it on",
            f"`until` of {endless}, or `when` of {phase.name}",
        )


def _settlement(spec: DealSpec) -> Iterator[Finding]:
    """Steps between payment dates, where there is nothing between them."""
    terms = spec.settlement
    every = terms.payment_every == 1 or (terms.payment_every, terms.frequency) == ("month", "month")
    if terms.steps and every and terms.first_payment is None:
        yield Finding(
            ("settlement", "steps"),
            "steps that are never made: each period ends with a payment date",
            "payment_every above 1, or a first_payment",
        )


# --- the order of steps ---------------------------------------------------------------------


def takes_all(spec: DealSpec, step: StepSpec) -> bool:
    """Whether a step takes whatever its sources hold."""
    if step.share != 1.0 or step.amount is not None or step.up_to is not None:
        return False
    if step.keep is not None or step.when is not None:
        return False
    if step.pay == "account":
        return any(_target(spec, name) is None for name in step.targets)
    return step.pay in ("transfer", "residual")


def _target(spec: DealSpec, account: str) -> object:
    stated = spec.accounts.get(account)
    return None if stated is None else stated.target


def _emptied(spec: DealSpec, steps: Sequence[Placed]) -> Iterator[Finding]:
    """Steps whose sources one before has emptied, whatever happens."""
    empty: dict[str, Placed] = {}
    for step in steps:
        each = step.spec
        if each.pay in _NO_CASH:
            continue
        if each.sources and all(name in empty for name in each.sources):
            before = empty[each.sources[0]]
            yield Finding(
                step.key,
                f"{quoted(each)} from {', '.join(each.sources)}, of which step {before.number} "
                f"{quoted(before.spec)} always takes all",
                "a source that can hold cash",
                "Put the step before it, or limit what that takes.",
            )
            continue
        if takes_all(spec, each):
            empty |= {name: step for name in each.sources if name not in spec.lines}
        for name in each.targets if each.pay in ("account", "transfer") else ():
            empty.pop(name, None)


def _rounds(spec: DealSpec, steps: Sequence[Placed]) -> Iterator[Finding]:
    """Accounts that send each other all they hold."""
    sends: dict[str, dict[str, Placed]] = {}
    for step in steps:
        if step.spec.pay in ("account", "transfer") and takes_all(spec, step.spec):
            for source in step.spec.sources:
                for to in step.spec.targets:
                    sends.setdefault(source, {}).setdefault(to, step)
    done: set[str] = set()
    for start in sends:
        way, seen = [start], {start}
        while way and start not in done:
            after = [to for to in sends.get(way[-1], {}) if to not in seen or to == start]
            if start in after and len(way) > 1:
                step = sends[way[-1]][start]
                path = " to ".join((*way, start))
                yield Finding(
                    step.key,
                    f"a circle: all that there is goes from {path}",
                    "a target, a limit or a condition for one of them",
                )
                done |= set(way)
                break
            after = [to for to in after if to != start]
            if not after:
                way.pop()
                continue
            way.append(after[0])
            seen.add(after[0])


# --- debts ----------------------------------------------------------------------------------


def _paid(spec: DealSpec, reached: Sequence[str]) -> set[tuple[str, str]]:
    """(action, whom) of the steps in phases that can be reached."""
    return {
        (step.spec.pay, name)
        for phase, steps in lists(spec)
        if phase in reached
        for step in steps
        for name in step.spec.targets
    }


def _classes(
    spec: DealSpec, paid: set[tuple[str, str]], meant: frozenset[str]
) -> Iterator[Finding]:
    for name, each in spec.tranches.items():
        if name in meant:
            continue
        if each.kind == "equity":
            if not {("residual", name), ("principal", name)} & paid:
                yield Finding(
                    ("tranches", name),
                    "equity that no step pays, in any phase that is reached",
                    f'a step with pay = "residual", to = "{name}"',
                )
            continue
        lacks = [
            action
            for action, due in (("interest", _bears(each)), ("principal", _repaid(each)))
            if due and (action, name) not in paid
        ]
        if lacks:
            word = " nor ".join(lacks)
            yield Finding(
                ("tranches", name),
                f"a class that is paid {'no' if len(lacks) == 1 else 'neither'} {word} in any "
                "phase that is reached",
                f'a step with pay = "{lacks[0]}", to = "{name}"',
            )


def _bears(each: TrancheSpec) -> bool:
    """Whether a class is owed interest in cash."""
    if each.kind == "floating":
        return True
    if each.kind == "accrual" and each.accretes_while is not None:
        return False
    return each.kind in ("fixed", "accrual", "interest_only") and each.coupon > 0.0


def _repaid(each: TrancheSpec) -> bool:
    size = each.balance if each.balance is not None else each.share
    return each.kind != "interest_only" and bool(size)


def _creditors(
    spec: DealSpec, paid: set[tuple[str, str]], meant: frozenset[str]
) -> Iterator[Finding]:
    """Fees, hedges and lines that no step pays; lines that none draws."""
    stands = spec.opening
    owed = {} if stands is None else stands.owed
    drawn = {name for _, steps in lists(spec) for s in steps for name in s.spec.sources}
    drawn |= set() if stands is None else set(stands.lines)
    drawn |= {name for name, line in spec.lines.items() if line.initial}
    debts = [("fee", "fees", n, bool(f.amount or f.rate or f.floor or f.formula or n in owed))
             for n, f in spec.fees.items()]  # fmt: skip
    debts += [("hedge", "hedges", n, h.kind == "swap") for n, h in spec.hedges.items()]
    debts += [
        ("line", "lines", n, n in drawn or line.fee_rate > 0.0) for n, line in spec.lines.items()
    ]
    for action, kind, name, due in debts:
        if due and (action, name) not in paid and name not in meant:
            what = "drawn, and never repaid" if action == "line" else "owed, and never paid"
            yield Finding(
                (kind, name),
                f"{what} in any phase that is reached",
                f'a step with pay = "{action}", to = "{name}"',
            )
        if not due and action == "hedge" and (action, name) in paid:
            found = f"a {spec.hedges[name].kind}, for which the deal never owes a payment"
            yield Finding((kind, name), found, "no step that pays it", refused=False)
        if action == "line" and name not in drawn and name not in meant:
            expected = "a step that names it in `from`"
            yield Finding((kind, name), "a line that no step draws", expected, refused=False)


# --- accounts -------------------------------------------------------------------------------


def _fills(spec: DealSpec) -> set[str]:
    """Accounts that something goes into."""
    there = {spec.collections.interest, spec.collections.principal, spec.collections.recovery}
    there |= {hedge.to for hedge in spec.hedges.values()}
    there |= {a.interest_to or COLLECTION for a in spec.accounts.values() if a.earns}
    there |= {name for name, account in spec.accounts.items() if account.initial}
    there |= set() if spec.opening is None else set(spec.opening.accounts)
    for _, steps in lists(spec):
        for step in steps:
            if step.spec.pay in ("account", "transfer"):
                there |= set(step.spec.targets)
    return there


def _accounts(spec: DealSpec, meant: frozenset[str]) -> Iterator[Finding]:
    filled = _fills(spec)
    drawn = {
        name
        for _, steps in lists(spec)
        for step in steps
        if step.spec.pay not in _NO_CASH
        for name in step.spec.sources
    }
    for name in names(spec, "accounts"):
        if name in meant or (name == COLLECTION and name not in filled | drawn):
            continue
        if name in filled and name not in drawn:
            found = "an account that is filled, and that no step draws from"
            yield Finding(
                ("accounts", name), found, "a step that names it in `from`", refused=False
            )
        elif name not in filled:
            found = "an account that nothing goes into"
            expected = f'a step with pay = "account", to = "{name}", or `initial`'
            yield Finding(("accounts", name), found, expected, refused=False)


def _left_over(spec: DealSpec, reached: Sequence[str], meant: frozenset[str]) -> Iterator[Finding]:
    """Cash and debts that stay for good in the phases in which a run may end."""
    filled, drawn = _fills(spec), {n for _, s in lists(spec) for p in s for n in p.spec.sources}
    stays: dict[str, list[str]] = {}
    for phase in _final(spec, reached):
        steps = [step.spec for step in _of_phase(spec, phase)]
        out = _let_out(steps)
        for name in sorted(filled & drawn - out - meant):
            stays.setdefault(name, []).append(phase)
        repaid = {name for step in steps if step.pay == "principal" for name in step.targets}
        for name, each in spec.tranches.items():
            if each.kind != "equity" and _repaid(each) and name not in repaid | meant:
                yield Finding(
                    ("tranches", name),
                    f"a class whose principal is not paid in phase {phase}, in which the deal may "
                    "end",
                    f'a step with pay = "principal", to = "{name}" in it',
                    refused=False,
                )
    for name, phases in stays.items():
        yield Finding(
            ("accounts", name) if name in spec.accounts else ("waterfall", phases[0]),
            f"an account whose last cash nobody takes in phase {', '.join(phases)}: what is left "
            f"in {name} stays there",
            f'a step with pay = "residual" from it, or pay = "transfer" with keep = "target.{name}"'
            if name in spec.accounts
            else 'a last step with pay = "residual"',
            refused=False,
        )


def _final(spec: DealSpec, reached: Sequence[str]) -> Iterator[str]:
    """Phases in which a run may end: the last in time, and graver ones that stay."""
    timed = [p.name for p in spec.phases if p.until is None and p.name in reached][:1]
    timed = timed or [p.name for p in spec.phases if p.name in reached][-1:]
    after = False
    for phase in spec.phases:
        if phase.name in timed or (after and phase.stays and phase.name in reached):
            yield phase.name
        after = after or phase.name in timed


def _of_phase(spec: DealSpec, phase: str) -> Iterator[Placed]:
    return (step for name, steps in lists(spec) if name == phase for step in steps)


def _let_out(steps: Sequence[StepSpec]) -> set[str]:
    """Accounts from which cash can leave the deal however much it is."""
    out = {name for step in steps if step.pay == "residual" for name in step.sources}
    moves = [s for s in steps if s.pay in ("transfer", "account")]
    for _ in moves:
        out |= {n for s in moves if set(s.targets) & out for n in s.sources}
    return out


# --- the whole ------------------------------------------------------------------------------


def _unused(spec: DealSpec) -> Iterator[Finding]:
    said = said_of(spec)
    for name in spec.triggers:
        if f"trigger.{name}" not in said:
            found = "a trigger that no phase, step or formula uses"
            expected = f'`trigger.{name}` in a test, such as `when = "trigger.{name}"`'
            yield Finding(("triggers", name), found, expected, refused=False)
    kept = {
        name
        for _, steps in lists(spec)
        for s in steps
        if s.spec.pay == "principal" and s.spec.by == "schedule"
        for name in s.spec.targets
    }
    for name, each in spec.tranches.items():
        if each.schedule and name not in kept:
            expected = 'a step with pay = "principal" and by = "schedule" for it'
            found = "a schedule that no step keeps to"
            yield Finding(("tranches", name, "schedule"), found, expected, refused=False)


def _shares(spec: DealSpec) -> Iterator[Finding]:
    """Shares of the pool, where every class is stated as one and no line lends on the rest."""
    if any(line.initial for line in spec.lines.values()):
        return
    sized = {n: t for n, t in spec.tranches.items() if t.kind != "interest_only"}
    shares: Mapping[str, float] = {n: t.share for n, t in sized.items() if t.share is not None}
    if len(shares) < len(sized) or not shares:
        return
    total, equity = sum(shares.values()), any(t.kind == "equity" for t in sized.values())
    if total > 1.0 + _ENOUGH or (equity and total < 1.0 - _ENOUGH):
        said = " + ".join(f"{name} {share:g}" for name, share in shares.items())
        yield Finding(
            ("tranches",),
            f"{said} = {total:.6g} of the pool",
            "shares that add up to 1" if equity else "shares of at most 1 in all",
            "Without a class of equity, what the pool has over the notes is overcollateralization."
            if equity
            else "",
            refused=False,
        )
