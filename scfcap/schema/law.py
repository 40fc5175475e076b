"""The law of one place over time: which regime is in force on a day."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from scfcap.errors import InputError, Problem
from scfcap.schema.messages import closest
from scfcap.schema.regime import Regime


@dataclass(frozen=True)
class Calendar:
    """Regimes of a place, by name, and how what they leave open is read.

    ``place`` is a jurisdiction. A more local regime takes the place of a wider one on the days on
    which it is in force: "CN-Chongqing" before "CN". ``named`` is the regime that a model asks
    for; while it is in force nothing else is. ``key`` is where the model states it.
    """

    place: str
    regimes: Mapping[str, Regime]
    named: str | None = None
    readings: frozenset[str] = frozenset()
    key: str = "model.toml: regime"
    others: Mapping[str, Regime] = field(default_factory=dict)
    """Regimes that scenarios put in force, by name."""

    @classmethod
    def of(cls, regime: Regime, name: str = "own") -> Calendar:
        """One regime and nothing after it."""
        return cls(regime.jurisdiction, {name: regime}, name)

    def name_on(self, day: date) -> str | None:
        """Name of the regime in force on ``day``, or None."""
        if self.named is not None and self.regimes[self.named].in_force(day):
            return self.named
        for place in places(self.place):
            for name, regime in self.regimes.items():
                if regime.jurisdiction.casefold() == place and regime.in_force(day):
                    return name
        return None

    def on(self, day: date) -> Regime | None:
        """The rules in force on ``day`` as they read there; None where nothing is in force."""
        name = self.name_on(day)
        if name is None:
            return None
        return self.regimes[name].read(day, places(self.place), self.readings)

    def holding(self, day: date) -> Regime:
        """The rules in force on ``day``.

        Raises:
            InputError: nothing is in force.
        """
        regime = self.on(day)
        if regime is not None:
            return regime
        raise InputError(
            Problem(
                self.key,
                f"nothing is in force in {self.place} on {day}",
                f"a day with rules in force: {'; '.join(self._spans()) or 'there is none'}",
                'Choose other days, write the missing rules into regimes/NAME.toml, or use "none".',
            )
        )

    def put_in_force(self, name: str, day: date, readings: Sequence[str] = ()) -> Regime:
        """The rules of ``name`` on ``day`` if they were in force: before their first day, and after
        their last, as they read on it. In their own place where that is no part of this one.

        Raises:
            InputError: a regime that no scenario names, or a reading that it does not offer.
        """
        if name not in self.others:
            raise InputError(_not_known(self.key, name, sorted(self.others)))
        regime = self.others[name]
        chain = places(self.place)
        if regime.jurisdiction.casefold() not in chain:
            chain = places(regime.jurisdiction)
        offered = {x.name for cap in regime.caps for x in cap.readings}
        for reading in readings:
            if reading not in offered:
                raise InputError(_not_known(f"{self.key}, readings", reading, sorted(offered)))
        at = (
            max(day, regime.start)
            if regime.end is None
            else sorted((regime.start, day, regime.end))[1]
        )
        return regime.read(at, chain, self.readings | set(readings))

    def _spans(self) -> Iterator[str]:
        for name, regime in sorted(self.regimes.items(), key=lambda item: item[1].start):
            until = f"to {regime.end}" if regime.end else "on"
            yield f"{name} from {regime.start} {until}"

    def title(self, first: date, last: date) -> str:
        """What is in force from ``first`` to ``last``, in words."""
        parts: list[str] = []
        before = None
        for day in self._turns(first, last):
            name = self.name_on(day)
            if name != before or not parts:
                title = "nothing in force" if name is None else self.regimes[name].title
                parts.append(title if not parts else f"from {day} {title}")
            before = name
        return "; ".join(parts)

    def between(self, first: date, last: date) -> list[str]:
        """Names of the regimes in force on some day from ``first`` to ``last``, in order."""
        names = [self.name_on(day) for day in self._turns(first, last)]
        return list(dict.fromkeys(name for name in names if name is not None))

    def rules(self, first: date, last: date) -> list[Regime]:
        """The rules as they read from ``first`` to ``last``, one a change."""
        found: list[Regime] = []
        for day in self._turns(first, last):
            rules = self.on(day)
            if rules is not None and rules not in found[-1:]:
                found.append(rules)
        return found

    def _turns(self, first: date, last: date) -> list[date]:
        """``first`` and the days up to ``last`` on which other rules may begin to hold."""
        turns = {first}
        for regime in self.regimes.values():
            spans = [(regime.start, regime.end)]
            spans += [(x.start or regime.start, x.end) for _, x in regime.values()]
            for start, end in spans:
                turns.add(start)
                if end is not None and end < last:
                    turns.add(end + timedelta(days=1))
        return sorted(day for day in turns if first <= day <= last)


def _not_known(key: str, name: str, known: Sequence[str]) -> Problem:
    near = closest(name, known)
    expected = f"one of {', '.join(known) or '(none)'}"
    return Problem(key, f'"{name}"', expected, f"Did you mean {near}?" if near else "")


def places(jurisdiction: str) -> tuple[str, ...]:
    """A jurisdiction and those above it, the most local first, in lower case."""
    parts = jurisdiction.casefold().split("-")
    return tuple("-".join(parts[:n]) for n in range(len(parts), 0, -1))


def jurisdictions(regimes: Mapping[str, Regime]) -> dict[str, str]:
    """Every place that has rules, by its name in lower case."""
    found = {}
    for regime in regimes.values():
        if not regime.draft:
            found[regime.jurisdiction.casefold()] = regime.jurisdiction
            found |= {x.place.casefold(): x.place for cap in regime.caps for x in cap.local}
    return found


def calendar_of(
    wanted: str,
    regimes: Mapping[str, Regime],
    readings: tuple[str, ...] = (),
    *,
    key: str = "model.toml: regime",
    readings_key: str = "model.toml: regime_readings",
) -> Calendar:
    """The calendar of a jurisdiction, or of a regime by name and what follows it.

    Raises:
        InputError: neither a regime nor a jurisdiction, regimes of one jurisdiction in force on
            the same day, or a reading that none of them leaves open.
    """
    known = jurisdictions(regimes)
    named = wanted if wanted in regimes else None
    place = regimes[wanted].jurisdiction if named else known.get(wanted.casefold())
    if place is None:
        names = sorted({*regimes, *known.values(), "none"})
        near = closest(wanted, names)
        action = f"Did you mean {near}?" if near else ""
        raise InputError(Problem(key, f'"{wanted}"', f"one of {', '.join(names)}", action))
    chain = places(place)
    last = regimes[named].end if named else date.min
    held = {
        name: regime
        for name, regime in regimes.items()
        if name == named
        or (
            not regime.draft
            and regime.jurisdiction.casefold() in chain
            and last is not None
            and (regime.end is None or regime.end > last)
        )
    }
    calendar = Calendar(place, held, named, frozenset(readings), key)
    problems = [*_overlaps(calendar, last), *_unread(calendar, readings_key)]
    if problems:
        raise InputError(problems)
    return calendar


def _overlaps(calendar: Calendar, after: date | None) -> Iterator[Problem]:
    """Pairs of one jurisdiction in force on the same day after ``after``."""
    others = {name: x for name, x in calendar.regimes.items() if name != calendar.named}
    for (one, x), (other, y) in itertools.combinations(sorted(others.items()), 2):
        if x.jurisdiction.casefold() != y.jurisdiction.casefold():
            continue
        first = max(x.start, y.start)
        last = min(x.end or date.max, y.end or date.max)
        if first <= last and (after is None or last > after):
            yield Problem(
                f"regimes/{other}.toml: start",
                f"{one} and {other} both in force in {x.jurisdiction} on {first}",
                "at most one regime of a jurisdiction on a day",
                "State the end of the earlier one, or another jurisdiction.",
            )


def _unread(calendar: Calendar, key: str) -> Iterator[Problem]:
    """Readings that no regime of the calendar offers."""
    offered = {
        reading.name
        for regime in calendar.regimes.values()
        for cap in regime.caps
        for reading in cap.readings
    }
    for name in sorted(calendar.readings):
        if name not in offered:
            near = closest(name, sorted(offered))
            yield Problem(
                key,
                f'"{name}"',
                f"one of {', '.join(sorted(offered)) or '(none: the texts leave nothing open)'}",
                f"Did you mean {near}?" if near else "",
            )
