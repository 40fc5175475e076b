"""Which law holds while a plan runs, and what scenarios put in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from scfcap.errors import InputError, Problem
from scfcap.schema.files import Source
from scfcap.schema.law import Calendar, calendar_of
from scfcap.schema.messages import Key
from scfcap.schema.model import Model
from scfcap.schema.named import find_named, named_files, read_named
from scfcap.schema.regime import Regime
from scfcap.schema.scenario import RegimeChange, Scenario
from scfcap.schema.shipped import shipped


def law_in_force(
    spec: Model, folders: Sequence[Path], where: Callable[[Key], str]
) -> tuple[Calendar | None, list[Source]]:
    """The calendar that the model asks for, and the files that hold while the plan runs.

    Regimes that are not asked for are read only where one of them may follow. Raises unless rules
    are in force at ``as_of``.
    """
    key = where(("regime",))
    if spec.regime == "none":
        if spec.regime_readings:
            found = f"{', '.join(spec.regime_readings)}, and no regime to read"
            raise InputError(
                Problem(where(("regime_readings",)), found, "a regime, or no readings")
            )
        return None, []
    known = named_files("regimes", folders, shipped("models") / "regimes")
    last = plan_end(spec)
    read: dict[str, tuple[Regime, Source]] = {}
    if spec.regime in known:
        read[spec.regime] = read_named(Regime, "regimes", known[spec.regime])
    named = read[spec.regime][0] if read else None
    if named is None or not (named.in_force(spec.as_of) and named.in_force(last)):
        read |= {n: read_named(Regime, "regimes", path) for n, path in known.items()}
    regimes = {name: regime for name, (regime, _) in read.items()}
    if named is not None and not named.in_force(spec.as_of):
        raise InputError(_not_in_force(spec, named, regimes, key))
    law = calendar_of(
        spec.regime,
        regimes,
        spec.regime_readings,
        key=key,
        readings_key=where(("regime_readings",)),
    )
    law.holding(spec.as_of)
    return law, [read[name][1] for name in law.between(spec.as_of, last)]


def plan_end(spec: Model) -> date:
    """The last day of the plan."""
    return spec.plan.grid(spec.as_of).ends[-1]


def put_in_force(
    scenarios: Mapping[str, Scenario],
    law: Calendar | None,
    folders: Sequence[Path],
    where: Callable[[Key], str],
) -> tuple[Calendar | None, list[Source]]:
    """``law`` with the regimes that scenarios put in force, and the files read.

    Raises:
        InputError: a regime that is not there, or a reading that it does not offer.
    """
    known = named_files("regimes", folders, shipped("models") / "regimes")
    read: dict[str, tuple[Regime, Source]] = {}
    for title, scenario in scenarios.items():
        for change in (x for x in scenario.shocks if isinstance(x, RegimeChange)):
            key: Key = ("scenarios", title)
            path = find_named(change.regime, key, known, (), where)
            if law is None:  # said, or taken for no part of the model, by missed()
                continue
            read[change.regime] = read_named(Regime, "regimes", path)
            law = replace(law, others={name: regime for name, (regime, _) in read.items()})
            law.put_in_force(change.regime, read[change.regime][0].start, change.readings)
    return law, [read[name][1] for name in sorted(read)]


def _not_in_force(spec: Model, named: Regime, regimes: Mapping[str, Regime], key: str) -> Problem:
    held = [
        f"{name} ({rival.jurisdiction})"
        for name, rival in regimes.items()
        if rival.in_force(spec.as_of) and not rival.draft
    ]
    return Problem(
        key,
        f'"{spec.regime}", in force from {named.start} to {named.end or "today"}',
        f"a regime in force at as_of, {spec.as_of}",
        f"In force on that day: {', '.join(held)}." if held else 'Use "none".',
    )
