"""The law as the program sees it: caps and closings by period, and what they need to be known.

The rules of a period are those of its last day, for balances are those of its close and new
business is done there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from scfcap.axes import (
    BANK_DEBT,
    BANK_TRANSFER,
    JOINT_LENDING,
    OUTSIDE_CHANNELS,
    P2P,
    SECURITIZATION,
)
from scfcap.credit.stated import Stated
from scfcap.errors import InputError, Problem
from scfcap.funding.inputs import BankChoice, DatedCap, Inputs
from scfcap.periods import PeriodGrid
from scfcap.schema.law import Calendar
from scfcap.schema.model import Model
from scfcap.schema.regime import Base, Cap, Regime
from scfcap.schema.scenario import RegimeChange

#: Rules by period, at index t - 1.
Rules = Sequence[Regime]


def rules_by_period(law: Calendar, grid: PeriodGrid) -> Rules:
    """The rules of each period.

    Raises:
        InputError: a named regime ends inside the plan and nothing follows it, or nothing is in
            force at the close of a period.
    """
    rules = []
    for end in grid.ends:
        rule = law.on(end)
        if rule is None and law.named is not None:
            regime = law.regimes[law.named]
            raise InputError(
                Problem(
                    law.key,
                    f"{law.named!r}, in force until {regime.end}; nothing is in force in "
                    f"{law.place} on {end}",
                    f"rules in force until the plan's last day, {grid.ends[-1]}",
                    "Plan fewer periods, name another regime, or write the one that follows into "
                    "regimes/NAME.toml.",
                )
            )
        rules.append(law.holding(end) if rule is None else rule)
    return rules


def in_scenario(rules: Rules, law: Calendar, spec: Model, grid: PeriodGrid) -> Rules:
    """``rules`` by period, and from a period on those that the plan's scenario puts in force.

    Raises:
        InputError: two changes in one period, or a regime that the calendar does not hold.
    """
    name = spec.plan.scenario
    stated = {name: spec.scenarios[name]} if name in spec.scenarios else {}
    told = Stated(spec.plan.unit, grid).scenarios(stated)
    changes = [s for x in told.values() for s in x.shocks if isinstance(s, RegimeChange)]
    found = list(rules)
    for change in sorted(changes, key=lambda x: x.from_period):
        twice = [x.regime for x in changes if x.from_period == change.from_period]
        if len(twice) > 1:
            raise InputError(
                Problem(
                    f"model.toml: scenarios.{name}.shocks",
                    f"{' and '.join(sorted(twice))}, both in force from period "
                    f"{change.from_period}",
                    "one change of the rules in a period",
                    "Take one out, or give it another period.",
                )
            )
        for t in range(change.from_period, len(grid) + 1):
            found[t - 1] = law.put_in_force(change.regime, grid.ends[t - 1], change.readings)
    return found


def dated_caps(rules: Rules) -> tuple[DatedCap, ...]:
    """Every cap with the periods in which it holds, in the order in which they begin to."""
    found: list[tuple[Cap, str, set[int]]] = []
    for t, rule in enumerate(rules, start=1):
        for cap in rule.caps:
            same = next((x for x in found if x[0] == cap and x[1] == rule.title), None)
            if same is None:
                found.append((cap, rule.title, {t}))
            else:
                same[2].add(t)
    return tuple(DatedCap(cap, frozenset(held), title) for cap, title, held in found)


def closed_periods(rules: Rules) -> dict[str, frozenset[int]]:
    """Periods in which a channel, or kind of lender, is closed; without those never closed."""
    names = {name for rule in rules for name in rule.closed_channels}
    return {
        name: frozenset(t for t, rule in enumerate(rules, start=1) if name in rule.closed_channels)
        for name in sorted(names)
    }


def under_law(inputs: Inputs, rules: Rules) -> Inputs:
    """``inputs`` with caps, and without the new business that the law forbids, by period.

    What is closed as long as the plan runs has no limit left; what is closed in some periods does
    no new business in them. What stands runs off.

    Raises:
        InputError: more banks are owed than may lend, or a base that the model does not tell.
    """
    closed = closed_periods(rules)
    whole = {name for name, periods in closed.items() if len(periods) == inputs.horizon}
    at_times = {name: periods for name, periods in closed.items() if name not in whole}
    lenders = tuple(replace(x, limit=0.0) if x.kind in whole else x for x in inputs.lenders)
    inputs = replace(inputs, lenders=lenders, caps=dated_caps(rules), regime=rules[0])
    inputs = replace(inputs, choice=bank_choice(inputs, rules))
    _check_year_end(inputs, rules)
    inputs = with_least_share(inputs, rules)
    if at_times:
        inputs = _closed_at_times(inputs, at_times)
    for channel in OUTSIDE_CHANNELS:
        if channel in whole:
            inputs = inputs.without(channel)
    return inputs


def _closed_at_times(inputs: Inputs, closed: Mapping[str, frozenset[int]]) -> Inputs:
    never: frozenset[int] = frozenset()
    debt = closed.get(BANK_DEBT, never)
    sales = closed.get(BANK_TRANSFER, never)
    issues = closed.get(SECURITIZATION, never)
    p2p = inputs.p2p
    if p2p is not None:
        p2p = replace(p2p, open_periods=p2p.open_periods - closed.get(P2P, never))
    return replace(
        inputs,
        lenders=tuple(
            replace(x, closed=x.closed | debt | closed.get(x.kind, never)) for x in inputs.lenders
        ),
        buyers=tuple(replace(x, closed=x.closed | sales) for x in inputs.buyers),
        deals=tuple(d for d in inputs.deals if d.state is not None or d.closing not in issues),
        p2p=p2p,
        partners=tuple(
            replace(x, closed=x.closed | closed.get(x.channel, never)) for x in inputs.partners
        ),
    )


def with_least_share(inputs: Inputs, rules: Rules) -> Inputs:
    """No joint loan in periods in which the law asks for a larger own share of it.

    Raises:
        InputError: it does so as long as the plan runs; names share and article.
    """
    partners, problems = [], []
    for x in inputs.partners:
        asked = {
            t: rule.joint_share
            for t, rule in enumerate(rules, start=1)
            if x.channel == JOINT_LENDING
            and rule.joint_share is not None
            and x.own_share < rule.joint_share.least
        }
        if len(asked) == inputs.horizon and x.limit > 0.0:
            rule = asked[1]
            problems.append(
                Problem(
                    f"model.toml: joint.{x.name}.own_share",
                    f"{x.own_share:g}",
                    f"at least {rule.least:g} of each joint loan ({rule.source})",
                    f"Raise it, or set joint.{x.name}.limit to 0.",
                )
            )
        partners.append(replace(x, closed=x.closed | frozenset(asked)))
    if problems:
        raise InputError(problems)
    return replace(inputs, partners=tuple(partners))


def bank_choice(inputs: Inputs, rules: Rules) -> BankChoice | None:
    """The choice among banks where more are stated than may lend; None where all may.

    A bank that is owed at ``as_of`` counts whatever is decided. The choice holds for the whole
    plan, by the strictest rule in it.

    Raises:
        InputError: more banks are owed than may lend.
    """
    counts = [(rule.bank_lenders.most, rule, end)
              for end, rule in zip(inputs.grid.ends, rules, strict=True)
              if rule.bank_lenders is not None]  # fmt: skip
    if not counts:
        return None
    most, rule, end = min(counts, key=lambda found: found[0])
    banks = [x for x in inputs.lenders if x.kind == "bank"]
    owed = [x.name for x in banks if x.open_balance[0] > 0.0]
    free = tuple(x.name for x in banks if x.limit > 0.0 and x.name not in owed)
    if len(owed) > most:
        raise InputError(
            Problem(
                "model.toml: lenders",
                f"draws of {len(owed)} banks ({', '.join(owed)})",
                f"at most {most} lending banks ({rule.title}; in force on {end})",
                "Correct the draws, or name the regime that holds.",
            )
        )
    if len(owed) + len(free) <= most:
        return None
    return BankChoice(free, most - len(owed), most, rule.title)


def _check_year_end(inputs: Inputs, rules: Rules) -> None:
    """Net assets of a year end before ``as_of`` are told where a cap or a limit needs them."""
    if inputs.year_end_net_assets is not None:
        return
    for t, base, what in _bases(rules):
        if base == "net_assets_prior_year_end" and inputs.year_end(t) is None:
            year = inputs.grid.as_of.year - 1
            raise InputError(
                Problem(
                    "model.toml: opening.net_assets_prior_year_end",
                    "not stated",
                    f"net assets at {year}-12-31, the base of {what}",
                    "Take them from the last annual accounts.",
                )
            )


def _bases(rules: Rules) -> Iterator[tuple[int, Base, str]]:
    for key in ("single_borrower", "group"):
        limit = getattr(rules[0], key)
        if limit is not None and limit.share is not None:
            yield 0, limit.base, f"the limit {key!r} ({limit.source})"
    for t, rule in enumerate(rules, start=1):
        for cap in rule.caps:
            yield t, cap.base, f"the cap {cap.name!r} ({cap.source})"
