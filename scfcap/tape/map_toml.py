"""A proposal written as the ``[tape]`` section of a model file, for the user to edit."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scfcap.tape.map import Proposal
from scfcap.tape.map_book import Choice
from scfcap.tape.schema import COLUMNS

_WIDTH = 96
#: Settings that become lists of our columns.
_LISTS = ("percent", "basis_points", "daily", "monthly", "currency_text")


def to_toml(proposal: Proposal) -> str:
    """``[tape]`` with its tables. Each entry carries its confidence and evidence."""
    parts = [*_head(proposal), *_tape(proposal), *_columns(proposal), *_group(proposal)]
    return "\n".join(parts).rstrip() + "\n"


def to_model(proposal: Proposal, name: str) -> str:
    """A model file around the section: enough for check, pool and a run by own money.

    What a tape cannot tell is either left out, so that the model asks for it, or a placeholder
    marked ``[assumed]``.
    """
    day = (
        f"as_of = {proposal.as_of}   # from {proposal.as_of_from}"
        if proposal.as_of
        else "# as_of = YYYY-MM-DD   # TO BE SETTLED: the day at whose end the tape stands"
    )
    head = [
        f"name = {_text(name)}",
        f"title = {_text(f'Loans of {proposal.source}')}",
        'currency = "CNY"    # TO BE SETTLED: the currency of the amounts',
        day,
        'regime = "none"     # or a regime or jurisdiction of docs/regimes.md: cn, cq_2012',
        "",
    ]
    names = proposal.segments or ("all",)
    return "\n".join([*head, to_toml(proposal), *_behaviour(names), *_business(names), ""])


def _behaviour(segments: Sequence[str]) -> Iterator[str]:
    yield "# Placeholders, enough for check and pool. Before a run put your own, or let a history"
    yield "# tell them: state [history], then scfcap credit DIR --write."
    yield "[credit]"
    yield 'source = "stated"'
    for segment in segments:
        yield f"[credit.segments.{_text(segment)}]"
        yield "lifetime_default = 0.02   # [assumed]"
        yield "severity = 0.6            # [assumed]"
    yield ""
    yield "[scenarios.base]"
    yield "[scenarios.stress]"
    yield "default_multiple = 3.0        # [assumed]"
    yield ""


def _business(segments: Sequence[str]) -> Iterator[str]:
    yield "# Rules go under [pool.eligibility.NAME]; lenders, buyers and series make the funding."
    yield "[opening]"
    yield "cash = 0.0                    # own money [assumed]"
    for segment in segments:
        yield f"[demand.{_text(segment)}]"
        yield "per_period = 0.0              # lending asked for a month [assumed]"
        yield 'new_loans = "tape"            # new loans are like those of the tape'


def _head(proposal: Proposal) -> Iterator[str]:
    yield from _remark(
        f"Mapping proposed by scfcap map from {proposal.source}: {proposal.rows:,} rows, "
        f"{proposal.columns} columns. Check every line; the number in brackets is the confidence."
    )
    if proposal.as_of is not None:
        yield from _remark(
            f"The tape's day (top of the model file): as_of = {proposal.as_of}, "
            f"from {proposal.as_of_from}"
        )
    if proposal.lies:
        yield from _remark("Names that mislead: " + "; ".join(proposal.lies))
    for stem, names in proposal.series.items():
        yield from _remark(
            f"{names[0]} to {names[-1]} ({len(names)} columns) look like a history by month: "
            f'kind = "wide" of [history], column "{stem}{{t}}".'
        )
    if proposal.open:
        yield "#"
        yield from _remark("TO BE SETTLED before a run:")
        for choice in proposal.open:
            yield from _remark(f"{choice.column}: {choice.reason}", "#   ")
            if choice.guess:
                yield from _remark(f"perhaps: {choice.guess}", "#     ")
    yield ""


def _tape(proposal: Proposal) -> Iterator[str]:
    yield "[tape]"
    yield 'source = "file"'
    for key, value in proposal.file.items():
        yield f"{key} = {_value(value)}"
    for key in _LISTS:
        named = [c.column for c in proposal.choices if c.settings.get(key)]
        if named:
            yield f"{key} = {_value(named)}"
    most = [c.settings["max_rate"] for c in proposal.choices if "max_rate" in c.settings]
    if most:
        yield f"max_rate = {max(most):g}"
    decimal, thousands = _marks(proposal)
    if decimal != ".":
        yield f"decimal = {_text(decimal)}"
    if thousands:
        yield f"thousands = {_text(thousands)}"
    if proposal.where:
        yield f"where = {_text(proposal.where)}"
    yield ""


def _marks(proposal: Proposal) -> tuple[str, str]:
    """Decimal mark and mark of thousands, from the columns that have any."""
    found = [c.settings["marks"] for c in proposal.choices if "marks" in c.settings]
    decimal = next((d for d, _ in found if d != "."), ".")
    return decimal, next((t for _, t in found if t), "")


def _columns(proposal: Proposal) -> Iterator[str]:
    chosen = {c.column: c for c in proposal.choices}
    yield from _table(
        "tape.columns", {n: (c, c.source) for n, c in chosen.items() if c.how == "column"}
    )
    yield from _table(
        "tape.derive", {n: (c, dict(c.derive)) for n, c in chosen.items() if c.how == "derive"}
    )
    yield from _table(
        "tape.constants", {n: (c, c.constant) for n, c in chosen.items() if c.how == "constant"}
    )
    forms = {
        n: c.settings["date_formats"] for n, c in chosen.items() if c.settings.get("date_formats")
    }
    if forms:
        yield "[tape.date_formats]"
        for name, form in forms.items():
            yield f"{name} = {_value(form[0] if len(form) == 1 else list(form))}"
        yield ""
    scales = {n: c.settings["scale"] for n, c in chosen.items() if c.settings.get("scale")}
    if scales:
        yield "[tape.scale]"
        yield from (f"{name} = {factor!r}" for name, factor in scales.items())
        yield ""
    for name, choice in chosen.items():
        if choice.settings.get("values"):
            yield f"[tape.values.{name}]"
            yield from (f"{_text(k)} = {_text(v)}" for k, v in choice.settings["values"].items())
            yield ""


def _table(name: str, entries: Mapping[str, tuple[Choice, Any]]) -> Iterator[str]:
    if not entries:
        return
    yield f"[{name}]"
    for column, (choice, value) in entries.items():
        said = "; ".join(
            [*choice.evidence, *([f"such as {', '.join(choice.sample)}"] if choice.sample else [])]
        )
        yield from _remark(f"({choice.confidence:.2f}) {said}")
        yield f"{column} = {_value(value)}"
    yield ""


def _group(proposal: Proposal) -> Iterator[str]:
    if proposal.grouping is None:
        return
    yield from _remark(
        f"Several rows a loan ({proposal.grouping.loans:,} loans). Columns that differ within a "
        "loan need an entry in take (first, last, sum, min, max, count) before they are used: "
        + ", ".join(proposal.grouping.varying[:12])
    )
    yield "[tape.group]"
    yield f"by = {_text(proposal.grouping.by)}"
    yield ""


def _remark(text: str, lead: str = "# ") -> list[str]:
    """Comment lines; what a cell of the file holds cannot end a comment."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.wrap(
        clean, _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False
    ) or [lead.rstrip()]


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return str(value)


def _text(value: str) -> str:
    """A TOML basic string (JSON's, with what TOML forbids besides escaped)."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


#: Ours are plain keys, so that they need no quotes.
assert all(column.name.isidentifier() for column in COLUMNS)
