"""Whether the names in a deal are there, and of the kind that their place asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scfcap.deal.findings import KINDS, Finding, Placed, lists, names, quoted, unknown
from scfcap.schema.deal import DealSpec
from scfcap.schema.messages import Key

#: What each action may name in ``to``.
TARGETS = {
    "fee": "fees",
    "interest": "tranches",
    "principal": "tranches",
    "write_off": "tranches",
    "write_up": "tranches",
    "residual": "tranches",
    "account": "accounts",
    "transfer": "accounts",
    "line": "lines",
    "hedge": "hedges",
}
#: Actions for each kind, as advice.
_PAYS = {
    "fees": 'pay = "fee"',
    "tranches": 'pay = "interest" or "principal"',
    "accounts": 'pay = "account" (to its target) or "transfer"',
    "lines": 'pay = "line"',
    "hedges": 'pay = "hedge"',
}
#: What may be owed something at an opening.
_OWED = ("tranches", "fees", "lines", "hedges")
#: Kinds of classes to which an action pays nothing.
_NOTHING = {
    "interest": ("zero", "equity"),
    "principal": ("interest_only",),
    "write_off": ("interest_only",),
    "write_up": ("interest_only",),
}


def check_names(spec: DealSpec) -> Iterator[Finding]:
    """Every name that is not there, is twice, or does not fit its place."""
    yield from _clashes(spec)
    yield from _places(spec)
    for _, steps in lists(spec):
        for step in steps:
            yield from _targets(spec, step)
            yield from _sources(spec, step)
            yield from _terms(spec, step)


def _clashes(spec: DealSpec) -> Iterator[Finding]:
    """Names that two kinds share where one place takes both."""
    for name in spec.lines:
        if name in names(spec, "accounts"):
            found, expected = "the name of an account too", "another name: from could mean either"
            yield Finding(("lines", name), found, expected)
        if name in spec.tranches:
            found, expected = "the name of a tranche too", "another name: owed could mean either"
            yield Finding(("lines", name), found, expected)
    for name in () if spec.opening is None else spec.opening.owed:
        kinds = [kind for kind in _OWED if name in names(spec, kind)]
        if len(kinds) > 1:
            found = f"the name of {' and of '.join(map(_a, kinds))}"
            yield Finding(("opening", "owed", name), found, "a name that only one has")


def _places(spec: DealSpec) -> Iterator[Finding]:
    """Names outside the steps."""
    wanted: list[tuple[Key, str, str]] = [
        (("collections", kind), getattr(spec.collections, kind), "accounts")
        for kind in ("interest", "principal", "recovery")
    ]
    wanted += [
        (("accounts", name, "interest_to"), account.interest_to, "accounts")
        for name, account in spec.accounts.items()
        if account.interest_to is not None
    ]
    wanted += [(("hedges", name, "to"), each.to, "accounts") for name, each in spec.hedges.items()]
    wanted += [(("waterfall", name), name, "phases") for name in spec.waterfall]
    wanted += [(("settlement", "steps", name), name, "phases") for name in spec.settlement.steps]
    stands = spec.opening
    if stands is not None:
        for field, kind in (
            ("balances", "tranches"),
            ("written_off", "tranches"),
            ("accounts", "accounts"),
            ("lines", "lines"),
            ("accrued", "tranches"),
            ("breaches", "triggers"),
            ("cures", "triggers"),
            ("measures", "measures"),
        ):
            wanted += [(("opening", field, name), name, kind) for name in getattr(stands, field)]
        if stands.phase is not None:
            wanted.append((("opening", "phase"), stands.phase, "phases"))
        if stands.reached is not None:
            wanted.append((("opening", "reached"), stands.reached, "phases"))
        wanted += [(("opening", "tripped"), name, "triggers") for name in stands.tripped]
        owed = [name for kind in _OWED for name in names(spec, kind)]
        for name in stands.owed:
            if name not in owed:
                what = "tranches, fees, lines and hedges"
                yield unknown(("opening", "owed", name), name, owed, what)
    for key, name, kind in wanted:
        if name not in names(spec, kind):
            yield unknown(key, name, names(spec, kind), kind)


def _targets(spec: DealSpec, step: Placed) -> Iterator[Finding]:
    pay, to, key = step.spec.pay, step.spec.targets, (*step.key, "to")
    if pay == "purchase":
        if to:
            yield Finding(key, ", ".join(to), "no `to`: loans are bought, nobody is paid")
        return
    kind = TARGETS[pay]
    there = names(spec, kind)
    if not to and pay != "residual":
        yield Finding(key, f'pay = "{pay}" to nobody', f"one or more of the {kind}", meant="?")
    if len(to) > 1 and pay in ("transfer", "residual"):
        yield Finding(
            key,
            f"{len(to)} of them in one step that takes all there is",
            "one",
            "Write a step for each: share says which part the first takes.",
        )
    yield from _twice(key, to)
    for name in to:
        if name in there:
            continue
        other = next((k for k in _PAYS if k != kind and name in names(spec, k)), None)
        if other is not None:
            found = f'pay = "{pay}" to "{name}", {_a(other)}'
            action = f"{_PAYS[other]} goes to {other}."
            yield Finding(key, found, f"one of the {kind} {', '.join(there)}", action, meant="?")
        else:
            yield unknown(key, name, there, kind)
    yield from _classes(spec, step)


def _classes(spec: DealSpec, step: Placed) -> Iterator[Finding]:
    """Classes that the action does nothing for."""
    pay, key = step.spec.pay, (*step.key, "to")
    for name in step.spec.targets:
        kind = spec.tranches[name].kind if name in spec.tranches else ""
        if kind in _NOTHING.get(pay, ()) and TARGETS[pay] == "tranches":
            action = 'Equity takes what is left: pay = "residual".' if kind == "equity" else ""
            expected = f"a class that has {pay.replace('_', ' ')}"
            yield Finding(key, f'pay = "{pay}" to "{name}", kind = "{kind}"', expected, action)
        if pay == "residual" and kind not in ("", "equity", "interest_only"):
            yield Finding(
                key,
                f'what is left to "{name}", kind = "{kind}", whose balance it would not repay',
                'a class with kind = "equity"',
                'Repay notes with pay = "principal"; without `to` the residual leaves the deal.',
            )


def _sources(spec: DealSpec, step: Placed) -> Iterator[Finding]:
    """Where the cash of a step comes from."""
    key, pay = (*step.key, "from"), step.spec.pay
    there = (*names(spec, "accounts"), *spec.lines)
    if not step.spec.sources:
        yield Finding(key, "an empty list", "accounts and lines, one or more")
    yield from _twice(key, step.spec.sources)
    for name in step.spec.sources:
        if name not in there:
            yield unknown(key, name, there, "accounts and lines")
        elif name in step.spec.targets and pay in ("account", "transfer", "line"):
            yield Finding(key, f'"{name}", which the step pays', "another source")
        elif name in spec.lines and pay == "residual":
            found = f'the line "{name}" drawn in full to be paid out as what is left'
            yield Finding(key, found, "accounts")


def _terms(spec: DealSpec, step: Placed) -> Iterator[Finding]:
    """Terms that have no meaning for the action."""
    each = step.spec
    if each.by == "schedule" and each.pay != "principal":
        found = f'by = "schedule" with pay = "{each.pay}"'
        yield Finding((*step.key, "by"), found, 'pay = "principal"', "Take it out.")
    if each.keep is not None and each.sources[:1] and each.sources[0] in spec.lines:
        found = f'a cash balance to keep in "{each.sources[0]}", a line'
        yield Finding((*step.key, "keep"), found, "an account as first source")
    if each.share == 0.0 or each.amount == 0.0:
        field = "share" if each.share == 0.0 else "amount"
        found = f"0, so that {quoted(each)} pays nothing"
        yield Finding((*step.key, field), found, "more than 0", refused=False)
    for name in each.targets if each.by == "schedule" and each.pay == "principal" else ():
        if name in spec.tranches and not spec.tranches[name].schedule:
            yield Finding(
                (*step.key, "by"),
                f'"schedule", and tranche "{name}" has none: it is paid all it can get',
                f"tranches.{name}.schedule",
                refused=False,
            )


def _twice(key: Key, given: tuple[str, ...]) -> Iterator[Finding]:
    for name, count in Counter(given).items():
        if count > 1:
            yield Finding(key, f'"{name}" {count} times', "each name once")


def _a(kind: str) -> str:
    word = KINDS[kind]
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
