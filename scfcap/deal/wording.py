"""A deal and its steps in words: who is paid what, from where, at most how much, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scfcap.schema.deal import DealSpec
from scfcap.schema.deal_parts import CallSpec, PhaseSpec, StepSpec, TrancheSpec, TriggerSpec

#: What each action does, with {} for those it names.
_ACTIONS = {
    "fee": "pay fee {}",
    "interest": "pay interest of {}",
    "principal": "repay {}",
    "account": "fill account {}",
    "transfer": "move to account {}",
    "line": "pay and repay line {}",
    "hedge": "pay hedge {}",
    "purchase": "buy new loans",
    "write_off": "write off {}",
    "write_up": "write up {}",
    "residual": "what is left to {}",
}


def action(step: StepSpec) -> str:
    """What a step does, such as "pay interest of A and B, pro rata"."""
    to = listed(step.targets) or "the originator"
    said = _ACTIONS[step.pay].format(to)
    if len(step.targets) > 1:
        said = said.replace("fee ", "fees ", 1).replace("account ", "accounts ", 1)
    if len(step.targets) > 1:
        unsaid = step.pay in ("write_off", "write_up") and "split" not in step.model_fields_set
        said += f", {'in order' if unsaid else step.split}"
    return said


def limits(step: StepSpec) -> tuple[str, ...]:
    """What bounds a step, each in words: its limits, what it leaves, its condition."""
    found = []
    if step.by == "schedule":
        found.append("down to its schedule")
    if step.share != 1.0:
        found.append(f"{step.share:.6g} of what is due")
    if step.amount is not None:
        found.append(f"at most {step.amount:,.15g}")
    if step.up_to is not None:
        found.append(f"at most {step.up_to}")
    if step.keep is not None:
        kept = step.keep if isinstance(step.keep, str) else f"{step.keep:,.15g}"
        found.append(f"keeps {kept} in {step.sources[0]}")
    if step.when is not None:
        found.append(f"if {step.when}")
    return tuple(found)


def support(step: StepSpec) -> str:
    """Accounts and lines that help the first source; empty without any."""
    helpers = step.sources[1:]
    if not helpers:
        return ""
    return f"{listed(helpers)} {'helps' if len(helpers) == 1 else 'help'}"


def listed(names: Sequence[str]) -> str:
    """``a, b and c``"""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def begins(phases: Sequence[PhaseSpec], place: int) -> tuple[str, ...]:
    """When a phase begins, in words: each way in, then whether the deal can go back."""
    phase = phases[place]
    if place == 0:
        return ("from the closing",)
    found = []
    if phases[place - 1].until is not None:
        found.append(f"after {phases[place - 1].until}")
    if phase.when is not None:
        early = f"or at once if {phase.when}" if found else f"as soon as {phase.when}"
        found.append(f"{early}, from any phase before" if place > 1 else early)
    if not phase.stays:
        found.append("and only as long as this holds")
    return tuple(found)


def trigger(spec: TriggerSpec) -> str:
    """A trigger in a sentence."""
    said = spec.test
    if spec.after > 1:
        said += f", on {spec.after} payment dates in a row"
    if spec.from_payment > 1:
        said += f", from payment {spec.from_payment} on"
    if spec.when == "after payments":
        said += "; tested once all is paid, in force from the next date"
    if spec.cure is None:
        return f"{said}; never cured"
    cured = f" on {spec.cured_after} dates in a row" if spec.cured_after > 1 else ""
    return f"{said}; cured by {spec.cure}{cured}"


def call(spec: CallSpec) -> str:
    """A call in a sentence."""
    said = [] if spec.from_date is None else [f"from {spec.from_date}"]
    said += [] if spec.when is None else [f"if {spec.when}"]
    price = "" if spec.price == 1.0 else f", at {spec.price:.4%} of the pool"
    full = ", and only if it pays all that is owed" if spec.needs_full_payment else ""
    return f"{', '.join(said)}{price}{full}"


def tranche(spec: TrancheSpec) -> str:
    """A class in a few words: size and coupon."""
    if spec.kind == "interest_only":
        return f"interest only, {spec.coupon:.3%} on {spec.notional}"
    size = f"{spec.share:.2%} of the pool" if spec.share is not None else f"{spec.balance:,.2f}"
    if spec.kind == "floating":
        return f"{size}, {spec.index} + {spec.margin:.3%}"
    words = {"equity": "equity", "zero": f"no coupon, sold at {spec.issue_price:.4%}"}
    coupon = words.get(spec.kind, f"{spec.coupon:.3%}")
    return f"{size}, {coupon}{', accrues' if spec.kind == 'accrual' else ''}"


def described(name: str, spec: DealSpec) -> Iterator[str]:
    """What a deal is, a line a part."""
    end = f", legal end {spec.legal_end}" if spec.legal_end is not None else ""
    stands = "" if spec.opening is None else f", stands as of {spec.opening.date}"
    title = f": {spec.title}" if spec.title else ""
    yield f"{name}{title}; closes {spec.closing}{stands}{end}"
    yield from _part("classes", [f"{n} ({tranche(t)})" for n, t in spec.tranches.items()])
    yield from _part("fees", list(spec.fees))
    yield from _part("accounts", list(dict.fromkeys(("collection", *spec.accounts))))
    yield from _part("lines", list(spec.lines))
    yield from _part("hedges", [f"{n} ({h.kind})" for n, h in spec.hedges.items()])
    for place, phase in enumerate(spec.phases):
        until = "" if phase.until is None else f", until {phase.until}"
        early = ", ".join(begins(spec.phases, place))
        steps = len(spec.waterfall[phase.name])
        count = f"{steps} step{'s' if steps != 1 else ''}"
        more = len(spec.settlement.steps.get(phase.name, ()))
        between = f" and {more} between payment dates" if more else ""
        yield f"phase {phase.name}: {early}{until}; {count}{between}"
    for key, each in spec.triggers.items():
        yield f"trigger {key}: {trigger(each)}"
    for key, clean in spec.calls.items():
        yield f"call {key}: {call(clean)}"


def _part(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"{what}: {', '.join(names)}"
