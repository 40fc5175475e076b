"""Whether what a scenario's shocks act on is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from scfcap.errors import Problem
from scfcap.schema.messages import Key, closest
from scfcap.schema.model import Model
from scfcap.schema.scenario import (
    BankLineCut,
    MarketShut,
    P2PRunOff,
    RateShock,
    RegimeChange,
    Scenario,
    Shock,
)


def missed(
    spec: Model,
    scenarios: Mapping[str, Scenario],
    files: Mapping[str, Scenario],
    where: Callable[[Key], str],
) -> list[Problem]:
    """Shocks on what the model does not have.

    Each that it states itself; of an included file, with those that it includes, a lender by name
    that is not there, and all of it where none of its shocks finds anything: a file that speaks of
    more than the model has is taken for the rest. What hangs on the tape (segments, core
    enterprises, limits) is refused where the tape is read.
    """
    found = []
    for title, scenario in scenarios.items():
        key: Key = ("scenarios", title, "shocks")
        for shock in scenario.shocks:
            found += [_problem(where(key), shock, *x) for x in _lost(spec, shock)]
        for name in scenario.include:
            parts = list(_parts(name, files))
            shocks = [x for part in parts for x in part.shocks]
            idle = not any(_acts(spec, x) for x in shocks) and not any(map(_multiplies, parts))
            here = f"{where(('scenarios', title, 'include'))}, {name}"
            found += [
                _problem(here, x, *lost)
                for x in shocks
                if idle or (isinstance(x, BankLineCut) and x.lender != "all")
                for lost in _lost(spec, x)
            ]
    return list(dict.fromkeys(found))


def _parts(name: str, files: Mapping[str, Scenario]) -> Iterator[Scenario]:
    """A file and those that it includes."""
    yield files[name]
    for other in files[name].include:
        yield from _parts(other, files)


def _multiplies(scenario: Scenario) -> bool:
    """Whether a file has multiples of its own, which act on borrowers."""
    own = Scenario().and_also(scenario.model_copy(update={"shocks": ()}))
    return bool(own.shocks)


def _acts(spec: Model, shock: Shock) -> bool:
    """Whether a shock finds something, if not all, that it acts on."""
    if not isinstance(shock, RateShock):
        return not list(_lost(spec, shock))
    borne = [bears for added, bears, _, _ in _rates(spec, shock) if added != 0.0]
    return shock.index != 0.0 or any(borne)


def _rates(spec: Model, shock: RateShock) -> list[tuple[float, bool, str, str]]:
    """What a shock adds to each rate, whether the model has it, its key and what bears it."""
    vehicle = spec.securitization
    return [
        (shock.bank, bool(spec.lenders), "bank", "a lender"),
        (shock.p2p, spec.p2p is not None, "p2p", "a table [p2p]"),
        (shock.coupon, vehicle is not None and bool(vehicle.issues), "coupon", "series to come"),
    ]


def _lost(spec: Model, shock: Shock) -> Iterator[tuple[str, str, str]]:
    """What a shock acts on that is not there: the key, what is said of it, what is expected."""
    names = [x.name for x in spec.lenders]
    vehicle = spec.securitization
    match shock:
        case BankLineCut() if shock.lender == "all" and not names:
            yield "", "in a model without lenders", "[[lenders]]"
        case BankLineCut() if shock.lender != "all" and shock.lender not in names:
            near = closest(shock.lender, names)
            hint = f" (did you mean {near}?)" if near else ""
            there = ", ".join(names) or "none"
            yield "", f'of lender "{shock.lender}"', f"one of the lenders {there}, or all{hint}"
        case P2PRunOff() if spec.p2p is None:
            yield "", "in a model without P2P lenders", "a table [p2p]"
        case MarketShut() if vehicle is None or not vehicle.issues:
            yield "", "in a model that issues no series", "securitization.issues"
        case RegimeChange() if spec.regime == "none":
            yield "", 'in a model whose regime is "none"', "a regime that holds at as_of"
        case RateShock():
            for added, bears, key, expected in _rates(spec, shock):
                if added != 0.0 and not bears:
                    yield key, f"that adds {added:g} to {key}", expected
        case _:
            pass


def _problem(where: str, shock: Shock, key: str, said: str, expected: str) -> Problem:
    action = f"Set {key} to 0, or take the shock out." if key else "Take the shock out."
    return Problem(where, f'a shock of kind "{shock.kind}" {said}', expected, action)
