"""A deal's waterfall as HTML: a column a phase, a box a step, with who pays and who is paid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape

from scfcap.report.waterfall import Drawing, DrawnList, DrawnPhase, DrawnStep, Party

_KINDS = {
    "account": "account",
    "line": "liquidity line",
    "class": "class",
    "equity": "equity",
    "fee": "fee",
    "hedge": "hedge",
    "loans": "loans",
    "other": "outside the deal",
}
_NOTES = {
    "account": "Accounts", "class": "Classes", "line": "Lines", "hedge": "Hedges",
    "measure": "Measures", "trigger": "Triggers", "call": "Calls",
}  # fmt: skip
Say = Callable[[str], str]


def drawn(drawings: Sequence[Drawing], say: Say) -> str:
    """All of ``drawings`` as HTML; deals with the same waterfall are drawn once."""
    return "".join(_drawing(each, titles, say) for each, titles in _alike(drawings))


def _alike(drawings: Sequence[Drawing]) -> list[tuple[Drawing, list[str]]]:
    found: dict[Drawing, list[str]] = {}
    for each in drawings:
        found.setdefault(replace(each, title=""), []).append(each.title)
    return list(found.items())


def _drawing(shown: Drawing, titles: list[str], say: Say) -> str:
    phases = "".join(_phase(phase, n, say) for n, phase in enumerate(shown.phases))
    heads = "".join(f"<h4>{escape(_title(title, say))}</h4>" for title in titles)
    return (
        f'<div class="waterfall">{heads}<p class="about">{escape(say(shown.about))}</p>'
        f'<div class="phases">{phases}</div>{_legend(shown, say)}{_notes(shown, say)}</div>'
    )


def _title(title: str, say: Say) -> str:
    name, joint, words = title.partition(": ")
    return f"{name}{joint}{say(words)}" if joint else title


def _phase(phase: DrawnPhase, place: int, say: Say) -> str:
    begins = "; ".join(say(words) for words in phase.begins)
    lists = "".join(_list(each, say) for each in phase.lists)
    arrow = '<span class="lead" aria-hidden="true">→</span>' if place else ""
    return (
        f'<section class="phase"><h5>{arrow}{escape(say(phase.name))}</h5>'
        f'<p class="begins">{escape(begins)}</p>{lists}</section>'
    )


def _list(each: DrawnList, say: Say) -> str:
    head = f'<p class="when">{escape(say(each.head))}</p>' if each.head else ""
    return f"{head}<ol>{''.join(_step(step, say) for step in each.steps)}</ol>"


def _step(step: DrawnStep, say: Say) -> str:
    still = "" if step.moves else " still"
    lines = "".join(f"<span>{escape(say(line))}</span>" for line in step.lines)
    limits = "".join(f"<em>{escape(say(line))}</em>" for line in step.limits)
    return (
        f'<li class="step{still}">{_chips(step.sources, "from", say)}'
        f'<div class="box"><b>{escape(say(step.head))}</b>{lines}{limits}</div>'
        f"{_chips(step.targets, 'to', say)}</li>"
    )


def _chips(parties: Sequence[Party], side: str, say: Say) -> str:
    """Those on one side of a step; all but the first of its sources only help."""
    found = []
    for place, party in enumerate(parties):
        helps = " helps" if side == "from" and place else ""
        found.append(
            f'<span class="chip {party.kind}{helps}" title="{escape(say(_KINDS[party.kind]))}">'
            f"{escape(say(party.name))}</span>"
        )
    return f'<div class="{side}">{"".join(found)}</div>'


def _legend(shown: Drawing, say: Say) -> str:
    steps = [s for phase in shown.phases for each in phase.lists for s in each.steps]
    used = {party.kind for step in steps for party in (*step.sources, *step.targets)}
    chips = "".join(
        f'<span class="chip {kind}">{escape(say(words))}</span>'
        for kind, words in _KINDS.items()
        if kind in used
    )
    if any(len(step.sources) > 1 for step in steps):
        chips += f'<span class="chip helps">{escape(say("helps where the first lacks"))}</span>'
    return f'<p class="legend">{chips}</p>'


def _notes(shown: Drawing, say: Say) -> str:
    def rows() -> Iterator[str]:
        for kind, head in _NOTES.items():
            mine = [(name, words) for of, name, words in shown.notes if of == kind]
            for n, (name, words) in enumerate(mine):
                first = f'<th scope="rowgroup" rowspan="{len(mine)}">{escape(say(head))}</th>'
                yield (
                    f"<tr>{first if n == 0 else ''}<td>{escape(say(name))}</td>"
                    f"<td>{escape(say(words))}</td></tr>"
                )

    return (
        f'<div class="scroll"><table class="terms"><tbody>{"".join(rows())}</tbody></table></div>'
    )
