"""What checks of a deal say, and the parts of a deal that they walk over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scfcap.schema.deal import DealSpec
from scfcap.schema.deal_parts import StepSpec
from scfcap.schema.messages import Key, closest

COLLECTION = "collection"
#: Tables of a deal that have names, and what one entry is called.
KINDS = {
    "accounts": "account",
    "fees": "fee",
    "tranches": "tranche",
    "lines": "line",
    "hedges": "hedge",
    "measures": "measure",
    "triggers": "trigger",
    "phases": "phase",
}


class Finding(NamedTuple):
    """One thing that is wrong with a deal, at a key of its file.

    ``refused``: the deal cannot be run; else it is a caution. ``meant``: the name that a
    misspelt one stands for, "?" where none is near.
    """

    key: Key
    found: str
    expected: str
    action: str = ""
    refused: bool = True
    meant: str = ""


class Placed(NamedTuple):
    """A step with its key, the phase whose list it stands in, and its place there."""

    key: Key
    phase: str
    number: int
    spec: StepSpec


def lists(spec: DealSpec) -> Iterator[tuple[str, tuple[Placed, ...]]]:
    """Each phase's steps: of payment dates, then of other periods."""
    for above, part in (
        (("waterfall",), spec.waterfall),
        (("settlement", "steps"), spec.settlement.steps),
    ):
        for phase, steps in part.items():
            key: Key = (*above, phase)
            placed = (Placed((*key, n), phase, n, step) for n, step in enumerate(steps))
            yield phase, tuple(placed)


def names(spec: DealSpec, kind: str) -> tuple[str, ...]:
    """Names of one of :data:`KINDS`, in the file's order."""
    if kind == "phases":
        return tuple(phase.name for phase in spec.phases)
    there = tuple(getattr(spec, kind))
    return tuple(dict.fromkeys((COLLECTION, *there))) if kind == "accounts" else there


def unknown(key: Key, name: str, among: Sequence[str], what: str) -> Finding:
    """``name`` is none of ``among``; ``what`` they are, in the plural."""
    near = closest(name, among)
    return Finding(
        key,
        f'"{name}"',
        f"one of the {what} {', '.join(among)}" if among else f"nothing: there are no {what}",
        f"Did you mean {near}?" if near else "",
        meant=near or "?",
    )


def quoted(step: StepSpec) -> str:
    """A step in a sentence."""
    return f'"{step.label}"'
