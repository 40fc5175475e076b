"""A deal's waterfall as a drawing: who is paid from where in each phase, and what leads on.

The same content as a picture (:mod:`scfcap.report.waterfall_layout`) and as Mermaid text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from scfcap.deal import wording
from scfcap.errors import InputError, Problem
from scfcap.report import charts
from scfcap.schema.deal import DealSpec
from scfcap.schema.deal_parts import StepSpec

#: Kinds of drawings by the ending of their file's name.
KINDS = {".svg": "svg", ".png": "png", ".mmd": "mermaid", ".md": "markdown"}
#: What an action pays to where it names a table of the deal.
_TARGETS = {
    "fee": "fee",
    "interest": "class",
    "principal": "class",
    "account": "account",
    "transfer": "account",
    "line": "line",
    "hedge": "hedge",
    "residual": "class",
    "write_off": "class",
    "write_up": "class",
}


@dataclass(frozen=True)
class Party:
    """An account, line, fee, class or other that a step takes cash from or gives it to."""

    kind: str
    name: str


@dataclass(frozen=True)
class DrawnStep:
    """A step: ``lines`` say what it does, ``limits`` what bounds it; ``moves`` cash or not."""

    number: int
    head: str
    lines: tuple[str, ...]
    limits: tuple[str, ...]
    sources: tuple[Party, ...]
    targets: tuple[Party, ...]
    moves: bool


@dataclass(frozen=True)
class DrawnList:
    """Steps in order; ``head`` says on which dates they are made."""

    head: str
    steps: tuple[DrawnStep, ...]


@dataclass(frozen=True)
class DrawnPhase:
    """A phase: how it ``begins``, and its steps."""

    name: str
    begins: tuple[str, ...]
    lists: tuple[DrawnList, ...]


@dataclass(frozen=True)
class Drawing:
    """A deal's waterfall; ``notes`` are accounts, triggers and calls: kind, name, words."""

    title: str
    about: str
    phases: tuple[DrawnPhase, ...]
    notes: tuple[tuple[str, str, str], ...]


def drawing(name: str, spec: DealSpec) -> Drawing:
    """What a drawing of the deal shows."""
    end = f", legal end {spec.legal_end}" if spec.legal_end is not None else ""
    return Drawing(
        title=_printable(f"{name}: {spec.title}" if spec.title else name),
        about=f"closing {spec.closing}{end}",
        phases=tuple(_phase(spec, place) for place in range(len(spec.phases))),
        notes=tuple(_notes(spec)),
    )


def _phase(spec: DealSpec, place: int) -> DrawnPhase:
    phase = spec.phases[place]
    between = spec.settlement.steps.get(phase.name, ())
    lists = [("between payment dates", between)] if between else []
    lists.append(("on payment dates" if between else "", spec.waterfall[phase.name]))
    return DrawnPhase(
        name=phase.name,
        begins=wording.begins(spec.phases, place),
        lists=tuple(
            DrawnList(head, tuple(_step(spec, n, step) for n, step in enumerate(steps, start=1)))
            for head, steps in lists
        ),
    )


def _step(spec: DealSpec, number: int, step: StepSpec) -> DrawnStep:
    said = wording.action(step)
    moves = step.pay not in ("write_off", "write_up")
    return DrawnStep(
        number=number,
        head=_printable(step.name) or said,
        lines=(said,) if step.name else (),
        limits=tuple(map(_printable, wording.limits(step))),
        sources=tuple(_source(spec, name) for name in step.sources) if moves else (),
        targets=_targets(spec, step),
        moves=moves,
    )


def _printable(text: str) -> str:
    """``text`` on one line, without signs that steer a terminal or have no place in an SVG."""
    words = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in words)


def _source(spec: DealSpec, name: str) -> Party:
    return Party("line" if name in spec.lines else "account", name)


def _targets(spec: DealSpec, step: StepSpec) -> tuple[Party, ...]:
    if step.pay == "purchase":
        return (Party("loans", "new loans"),)
    if not step.targets:
        return (Party("other", "originator"),)
    kind = _TARGETS[step.pay]
    equity = {name for name, each in spec.tranches.items() if each.kind == "equity"}
    return tuple(
        Party("equity" if kind == "class" and name in equity else kind, name)
        for name in step.targets
    )


def _notes(spec: DealSpec) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys(("collection", *spec.accounts)):
        said = _account(spec, name)
        if said:
            yield "account", name, said
    for name, tranche in spec.tranches.items():
        yield "class", name, wording.tranche(tranche)
    for name, line in spec.lines.items():
        while_ = f" while {line.available_while}" if line.available_while else ""
        yield "line", name, f"at most {_stated(line.commitment)}{while_}"
    for name, hedge in spec.hedges.items():
        yield "hedge", name, f"{hedge.kind} on {hedge.notional}; pays into {hedge.to}"
    for name, measure in spec.measures.items():
        mean = f", mean over {measure.mean_of} payment dates" if measure.mean_of > 1 else ""
        yield "measure", name, f"{measure.of}{mean}"
    for name, trigger in spec.triggers.items():
        yield "trigger", name, wording.trigger(trigger)
    for name, call in spec.calls.items():
        yield "call", name, wording.call(call)


def _account(spec: DealSpec, name: str) -> str:
    """What an account takes, should hold and earns."""
    to, account = spec.collections, spec.accounts.get(name)
    places = {"interest": to.interest, "principal": to.principal, "recoveries": to.recovery}
    taken = [what for what, place in places.items() if place == name]
    said = [f"takes collected {wording.listed(taken)}"] if taken else []
    if account is not None:
        said += [] if account.target is None else [f"target {_stated(account.target)}"]
        said += [f"filled at closing with {_stated(account.initial)}"] if account.initial else []
        said += [f"earns {account.earns:.3%}"] if account.earns else []
    return "; ".join(said)


def _stated(amount: float | str) -> str:
    return amount if isinstance(amount, str) else f"{amount:,.15g}"


def draw(name: str, spec: DealSpec, file: Path) -> bytes:
    """The drawing as the bytes of ``file``, whose name's ending says of which kind.

    Raises InputError where there is no such kind.
    """
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise InputError(
            Problem(
                f"--draw {file}",
                f'a name that ends in "{file.suffix}"' if file.suffix else "a name without ending",
                f"one that ends in {', '.join(KINDS)}",
                "SVG and PNG are pictures, the others Mermaid text.",
            )
        )
    shown = drawing(name, spec)
    if kind in ("mermaid", "markdown"):
        text = mermaid(shown)
        whole = f"# {shown.title}\n\n```mermaid\n{text}```\n" if kind == "markdown" else text
        return whole.encode()
    return picture(name, spec).to_bytes("svg" if kind == "svg" else "png")


def picture(name: str, spec: DealSpec) -> charts.Picture:
    """The drawing of a deal as a picture: its steps in order, and whom they pay."""
    from scfcap.report.waterfall_layout import laid_out

    return charts.sketch(laid_out(drawing(name, spec)))


# --- Mermaid --------------------------------------------------------------------------------

_SHAPES = {
    "account": ("[(", ")]"),
    "line": ("[/", "/]"),
    "class": ("([", "])"),
    "equity": ("([", "])"),
    "fee": ("[", "]"),
    "hedge": ("{{", "}}"),
    "loans": ("[[", "]]"),
    "other": ("([", "])"),
}


def mermaid(shown: Drawing) -> str:
    """A Mermaid flowchart: each phase a group of its steps in order, with those they pay."""
    lines = ["flowchart TB", f"  %% {shown.title}"]
    for p, phase in enumerate(shown.phases):
        head = f"{phase.name}: {', '.join(phase.begins)}"
        lines.append(f'  subgraph phase{p}["{_safe(head)}"]')
        lines += (f"    {line}" for line in _group(p, phase))
        lines.append("  end")
    for p, phase in enumerate(shown.phases[1:], start=1):
        lines.append(f'  phase{p - 1} ==>|"{_safe(", ".join(phase.begins))}"| phase{p}')
    for n, (kind, name, words) in enumerate(shown.notes):
        if kind in ("measure", "trigger", "call"):
            lines.append(f'  note{n}["{_safe(f"{kind} {name}: {words}")}"]')
    return "\n".join(lines) + "\n"


def _group(p: int, phase: DrawnPhase) -> Iterator[str]:
    """Nodes and edges of a phase: its steps, the accounts they take from, those they pay."""
    sides: dict[tuple[bool, Party], str] = {}
    edges: list[str] = []
    for n, each in enumerate(phase.lists):
        ids = [_id(p, n, step) for step in each.steps]
        for key, step in zip(ids, each.steps, strict=True):
            yield f'{key}["{_label(each, step)}"]'
            for paid, parties in ((False, step.sources), (True, step.targets)):
                for place, party in enumerate(parties):
                    other = sides.setdefault((paid, party), f"p{p}_{len(sides)}")
                    edges.append(_edge(key, other, paid, place, step))
        yield from (f"{a} ==> {b}" for a, b in pairwise(ids))
    for (_, party), key in sides.items():
        left, right = _SHAPES[party.kind]
        kind = "" if party.kind in ("loans", "other", "equity") else f"{party.kind} "
        yield f'{key}{left}"{_safe(kind + party.name)}"{right}'
    yield from edges


def _edge(step: str, party: str, paid: bool, place: int, drawn: DrawnStep) -> str:
    if paid:
        return f"{step} {'-->' if drawn.moves else '-.->'} {party}"
    return f"{party} {'-->' if place == 0 else '-.->|helps|'} {step}"


def _id(phase: int, part: int, step: DrawnStep) -> str:
    return f"s{phase}_{part}_{step.number}"


def _label(each: DrawnList, step: DrawnStep) -> str:
    head = f"{step.number} {step.head}" + (f" ({each.head})" if each.head else "")
    return "<br/>".join(_safe(line) for line in (head, *step.lines, *step.limits))


def _safe(text: str) -> str:
    """Text inside quotes of Mermaid: signs that it would read as its own become entities."""
    signs = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;"}
    return "".join(signs.get(sign, " " if sign in "\r\n\t" else sign) for sign in text)
