"""A failing deal made smaller: fewer scenarios, fewer parts, fewer steps, as long as it fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from pydantic import ValidationError

from scfcap.deal.check import Known, check_deal
from scfcap.testing.cases import DealTrial
from scfcap.testing.deal_parts import INDEX
from scfcap.testing.deals import deal_spec

#: Tables of a deal whose entries may go, one at a time.
_TABLES = ("calls", "triggers", "measures", "hedges", "fees", "lines", "accounts", "tranches")
#: Keys that may go back to their default.
_KEYS = ("cents", "legal_end", "originator_fails", "assets", "settlement", "day_count")


def shrunk(trial: DealTrial, fails: Callable[[DealTrial], bool], most: int = 200) -> DealTrial:
    """The smallest trial like ``trial`` that was found to fail still, in ``most`` attempts.

    ``fails`` says whether one fails in the same way. Scenarios go first, then steps, then parts.
    """
    left = most
    for k in range(trial.count):
        one = trial.only(np.array([k], dtype=np.int64))
        left -= 1
        if fails(one):
            trial = one
            break
    smaller = True
    while smaller and left > 0:
        smaller = False
        for terms in _without(trial.spec.model_dump(by_alias=True)):
            left -= 1
            found = _attempt(trial, terms)
            if found is not None and fails(found):
                trial, smaller = found, True
                break
            if left <= 0:
                break
    return trial


def _attempt(trial: DealTrial, terms: dict[str, Any]) -> DealTrial | None:
    """The trial with other terms; None where they are no deal."""
    try:
        spec = deal_spec(terms)
    except ValidationError:
        return None
    errors = check_deal("random", spec, Known((INDEX,), (), ())).errors
    return None if errors else trial.with_spec(spec)


def _without(terms: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The terms with one thing less, each time another."""
    for phase, steps in terms["waterfall"].items():
        for place in range(len(steps)):
            less = copy.deepcopy(terms)
            less["waterfall"][phase] = (*steps[:place], *steps[place + 1 :])
            yield less
    if len(terms["phases"]) > 1:
        for place, phase in enumerate(terms["phases"]):
            less = copy.deepcopy(terms)
            less["phases"] = tuple(x for k, x in enumerate(terms["phases"]) if k != place)
            less["waterfall"].pop(phase["name"])
            less["settlement"]["steps"].pop(phase["name"], None)
            yield less
    for table in _TABLES:
        for name in terms[table]:
            less = copy.deepcopy(terms)
            del less[table][name]
            for lists in (less["waterfall"], less["settlement"]["steps"]):
                for phase, steps in lists.items():
                    lists[phase] = tuple(_unnamed(steps, name))
            yield less
    for key in _KEYS:
        if terms.get(key):
            less = copy.deepcopy(terms)
            del less[key]
            yield less


def _unnamed(steps: tuple[dict[str, Any], ...], name: str) -> Iterator[dict[str, Any]]:
    """``steps`` without a name in what they pay and take from; none that then pays nobody."""
    for step in steps:
        less = dict(step)
        for key in ("to", "from"):
            named = (step[key],) if isinstance(step[key], str) else step[key]
            less[key] = tuple(each for each in named if each != name)
        gone = (step["to"] and not less["to"]) or not less["from"]
        if not gone:
            yield less
