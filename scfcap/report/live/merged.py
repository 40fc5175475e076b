"""Waterfalls of several phases as one list of steps: what phases share stands once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from scfcap.deal.structure import Step
from scfcap.schema.deal import DealSpec


@dataclass(frozen=True)
class Slot:
    """A step with the phases (places) in which it is made, and its row in each."""

    step: Step
    rows: Mapping[int, int]


def merged(spec: DealSpec, waterfall: Mapping[str, tuple[Step, ...]]) -> list[Slot]:
    """The steps of all phases in an order that keeps that of each; equal terms share a slot."""
    slots: list[Slot] = []
    for place, phase in enumerate(spec.phases):
        steps = waterfall.get(phase.name, ())
        known = [slot.step.spec.model_dump_json() for slot in slots]
        mine = [step.spec.model_dump_json() for step in steps]
        found: list[Slot] = []
        matcher = SequenceMatcher(None, known, mine, autojunk=False)
        for kind, a, b, c, d in matcher.get_opcodes():
            if kind == "equal":
                pairs = zip(slots[a:b], steps[c:d], strict=True)
                found += [Slot(s.step, {**s.rows, place: step.row}) for s, step in pairs]
            else:
                found += slots[a:b]
                found += [Slot(step, {place: step.row}) for step in steps[c:d]]
        slots = found
    return slots
