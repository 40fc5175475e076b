"""Scenarios that stand in files of their own, and that others include."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scfcap.errors import InputError, Problem
from scfcap.schema.files import Source, table_of
from scfcap.schema.messages import Key
from scfcap.schema.model import Model
from scfcap.schema.named import find_named, named_files, read_named
from scfcap.schema.scenario import Scenario
from scfcap.schema.shipped import shipped


def stresses_named(
    spec: Model, known: Mapping[str, Path], where: Callable[[Key], str]
) -> dict[str, Scenario]:
    """Scenario files that the sizing of deals names, beside the model's own scenarios."""
    found: dict[str, Scenario] = {}
    for deal, each in spec.deals.items():
        for rating in each.sizing.stresses:
            key: Key = ("deals", deal, "sizing", "stresses", rating)
            for name in each.sizing.of(rating):
                if name not in spec.scenarios:
                    find_named(name, key, known, tuple(spec.scenarios), where)
                    found[name] = Scenario(title=name, include=(name,))
    return found


def written_out(
    scenarios: Mapping[str, Scenario], known: Mapping[str, Path], where: Callable[[Key], str]
) -> tuple[dict[str, Scenario], dict[str, tuple[Scenario, Source]]]:
    """``scenarios`` with what they include written out in them, and the files read by name.

    A file that several included ones include happens once.
    """
    files: dict[str, tuple[Scenario, Source]] = {}

    def named(scenario: Scenario, key: Key, above: tuple[str, ...]) -> Iterator[str]:
        for name in scenario.include:
            if name in above:
                chain = " includes ".join([*above, name])
                expected = "scenario files that do not lead back to themselves"
                raise InputError(Problem(where(key), chain, expected, "Take one include out."))
            if name not in files:
                path = find_named(name, key, known, (), where)
                files[name] = read_named(Scenario, "scenarios", path)
            yield name
            yield from named(files[name][0], key, (*above, name))

    found = {}
    for title, scenario in scenarios.items():
        whole = scenario.model_copy(update={"include": ()})
        for name in dict.fromkeys(named(scenario, ("scenarios", title, "include"), ())):
            whole = whole.and_also(files[name][0])
        found[title] = whole
    return found, files


def offering_scenario(
    error: InputError,
    data: Mapping[str, Any],
    folders: Sequence[Path],
    where: Callable[[Key], str],
) -> InputError:
    """``error``; where the plan's scenario is a file that the model does not include, says how."""
    name = table_of(data, "plan").get("scenario")
    stated = table_of(data, "scenarios")
    files = named_files("scenarios", folders, shipped("models") / "scenarios")
    if not isinstance(name, str) or name in stated or name not in files:
        return error
    action = (
        f'That is a scenario file: add [scenarios.{name}] include = ["{name}"] to the model, or'
        f""" --set 'scenarios.{name}={{include=["{name}"]}}'."""
    )
    here = where(("plan", "scenario"))
    return InputError(replace(p, action=action) if p.where == here else p for p in error.problems)
