"""Whether the formulas of a deal use words that it has, where they are known, as what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from scfcap.deal.findings import Finding, lists, names, unknown
from scfcap.deal.words import NAMED, PLAIN, step_word
from scfcap.errors import Problem
from scfcap.expressions import FALSE, TRUE, Cells, Expression, ExpressionError, Texts, parse
from scfcap.schema.deal import DealSpec
from scfcap.schema.messages import Key, closest

#: Families of words, and the table whose names they take.
_TABLES = {
    "balance": "tranches",
    "original": "tranches",
    "owed": "tranches",
    "written_off": "tranches",
    "coupon": "tranches",
    "account": "accounts",
    "target": "accounts",
    "fee": "fees",
    "drawn": "lines",
    "undrawn": "lines",
    "borrowing_base": "lines",
    "availability": "lines",
    "hedge": "hedges",
    "measure": "measures",
    "trigger": "triggers",
}
#: What families take that do not take all of their table, or more.
_KINDS = {
    "owed": "tranches and lines",
    "borrowing_base": "lines with borrowing_base or advance_rate",
    "availability": "lines with borrowing_base or advance_rate",
}
#: Of a step; others are found when they are asked for, or stand.
_OF_STEPS = ("paid", "short")
_AT_CLOSING = "closing"
_BEFORE = "before the steps"
_ANY = "any"


class Formula(NamedTuple):
    """A formula and where it stands.

    ``moment``: at closing, before the steps of a date, at any time, or in the phase of that name
    after the steps ``made`` (their words).
    """

    key: Key
    text: str
    test: bool
    moment: str
    phase: str | None = None
    made: tuple[str, ...] = ()


def formulas(spec: DealSpec) -> Iterator[Formula]:
    """Every formula of a deal."""
    for key, stated, moment in _amounts(spec):
        if isinstance(stated, str):
            yield Formula(key, stated, False, moment)
    for key, test, moment in _tests(spec):
        if test is not None:
            yield Formula(key, test, True, moment)
    for phase, steps in lists(spec):
        made: tuple[str, ...] = ()
        for step in steps:
            for field in ("up_to", "keep", "when"):
                text = getattr(step.spec, field)
                if isinstance(text, str):
                    yield Formula((*step.key, field), text, field == "when", "step", phase, made)
            made = (*made, step_word(step.spec.label))


def _amounts(spec: DealSpec) -> Iterator[tuple[Key, object, str]]:
    for name, account in spec.accounts.items():
        yield ("accounts", name, "target"), account.target, _ANY
        yield ("accounts", name, "initial"), account.initial, _AT_CLOSING
    for name, fee in spec.fees.items():
        yield ("fees", name, "of"), fee.of, _BEFORE
        yield ("fees", name, "formula"), fee.formula, _BEFORE
        yield ("fees", name, "upfront"), fee.upfront, _AT_CLOSING
    for name, tranche in spec.tranches.items():
        yield ("tranches", name, "available_cap"), tranche.available_cap, _BEFORE
        yield ("tranches", name, "notional"), tranche.notional, _BEFORE
    for name, line in spec.lines.items():
        yield ("lines", name, "commitment"), line.commitment, _ANY
        yield ("lines", name, "initial"), line.initial, _AT_CLOSING
    for name, hedge in spec.hedges.items():
        yield ("hedges", name, "notional"), hedge.notional, _ANY
        yield ("hedges", name, "premium"), hedge.premium, _AT_CLOSING
    for name, measure in spec.measures.items():
        yield ("measures", name, "of"), measure.of, _BEFORE


def _tests(spec: DealSpec) -> Iterator[tuple[Key, str | None, str]]:
    for name, tranche in spec.tranches.items():
        yield ("tranches", name, "accretes_while"), tranche.accretes_while, _BEFORE
    for name, line in spec.lines.items():
        yield ("lines", name, "available_while"), line.available_while, _ANY
    for name, trigger in spec.triggers.items():
        moment = _BEFORE if trigger.when == "before payments" else _ANY
        yield ("triggers", name, "test"), trigger.test, moment
        yield ("triggers", name, "cure"), trigger.cure, moment
    for phase in spec.phases:
        yield ("phases", phase.name, "when"), phase.when, _BEFORE
    for name, call in spec.calls.items():
        yield ("calls", name, "when"), call.when, _BEFORE


def check_formulas(spec: DealSpec, indices: Sequence[str] | None) -> Iterator[Finding]:
    """Every word that a deal does not have or not yet, every kind that does not fit, and circles.

    ``indices`` of the model; None: they are not known.
    """
    there = _there(spec, indices)
    steps = {step_word(s.spec.label) for _, placed in lists(spec) for s in placed}
    for formula in formulas(spec):
        expression = parse(formula.text)
        wrong = [
            finding for word in expression.columns for finding in _word(formula, word, there, steps)
        ]
        yield from wrong
        if not wrong:
            yield from _kinds(spec, formula, expression)
    yield from _circles(spec)


def check_words(
    spec: DealSpec, words: Sequence[str], indices: Sequence[str] | None
) -> list[Problem]:
    """What is wrong with ``words`` whose value is asked for after each step."""
    there, found = _there(spec, indices), []
    steps = {step_word(s.spec.label) for _, placed in lists(spec) for s in placed}
    for word in words:
        wrong = list(_word(Formula((), word, False, _ANY), word, there, steps))
        kind = PLAIN.get(word) or NAMED.get(word.partition(".")[0], "")
        if not wrong and kind not in ("number", "truth"):
            wrong = [Finding((), f"{word}, a {kind}", "a word for a number or a test")]
        found += [Problem(f"--watch {word}", w.found, w.expected, w.action) for w in wrong]
    return found


def _there(spec: DealSpec, indices: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Names that a family of words takes."""
    there = {family: names(spec, table) for family, table in _TABLES.items()}
    there["owed"] = (*there["owed"], *spec.lines)
    lending = tuple(name for name, line in spec.lines.items() if line.has_base)
    there |= dict.fromkeys(("borrowing_base", "availability"), lending)
    return there if indices is None else {**there, "index": tuple(indices)}


def _word(
    formula: Formula, word: str, there: Mapping[str, tuple[str, ...]], steps: set[str]
) -> Iterator[Finding]:
    """What is wrong with a word of a formula."""
    family, dot, name = word.partition(".")
    if not dot:
        if word not in PLAIN:
            yield _strange(formula.key, word, there)
    elif family not in NAMED:
        yield _strange(formula.key, word, there)
    elif family in _OF_STEPS:
        yield from _of_step(formula, word, name, steps)
    elif family in there and name not in there[family]:
        kind = _KINDS.get(family, _TABLES.get(family, "indices of the model"))
        among = [f"{family}.{each}" for each in there[family]]
        yield unknown(formula.key, word, among, f"words for {kind}")
    elif formula.moment == _AT_CLOSING and family in ("measure", "index"):
        expected = "what is known at closing: balances, the pool, the notes"
        yield Finding(formula.key, f"{word}, found on payment dates", expected)


def _strange(key: Key, word: str, there: Mapping[str, tuple[str, ...]]) -> Finding:
    known = [*PLAIN, *(f"{f}.{n}" for f, given in there.items() for n in given)]
    near = closest(word, known)
    if not near and (family := closest(word.partition(".")[0], list(NAMED))):
        near = f"{family}.NAME"
    families = ", ".join(f"{family}.NAME" for family in NAMED)
    action = f"Did you mean {near}?" if near else "docs/deals.md lists the words of formulas."
    return Finding(key, f"`{word}`", f"a word of deals: {', '.join(PLAIN)}, {families}", action)


def _of_step(formula: Formula, word: str, name: str, steps: set[str]) -> Iterator[Finding]:
    """Words of a step that is there, and made before."""
    if name not in steps:
        yield unknown(formula.key, name, sorted(steps), "steps")
    elif formula.phase is not None and name not in formula.made:
        action = f"Those before it: {', '.join(formula.made) or 'none'}."
        found = f"{word}, of a step that does not come before in {formula.phase}"
        yield Finding(formula.key, found, "a step that comes before", action)
    elif formula.moment in (_BEFORE, _AT_CLOSING):
        action = ""
        if formula.key[0] == "triggers":
            action = 'Test it afterwards: when = "after payments".'
        found = f"{word}, before any step is made"
        yield Finding(formula.key, found, "words other than paid and short", action)


def _kinds(spec: DealSpec, formula: Formula, expression: Expression) -> Iterator[Finding]:
    """Tests where tests are asked for, numbers where numbers are; tests that cannot hold."""
    phases = names(spec, "phases")
    try:
        if formula.test:
            expression.answers(lambda word: _sample(word, phases), 1)
        elif _kind(expression.evaluate(lambda word: _sample(word, phases), 1)) != "number":
            found = f"`{formula.text}`, which gives no number"
            yield Finding(formula.key, found, "a number, such as 0.01 * notes_at_closing")
    except ExpressionError as error:
        yield Finding(formula.key, error.found, error.expected, error.action)
        return
    for text in expression.compared("phase"):
        if text not in phases:
            yield unknown(formula.key, text, phases, "phases")
    if formula.test:
        yield from _constant(formula, expression, phases)


def _constant(
    formula: Formula, expression: Expression, phases: tuple[str, ...]
) -> Iterator[Finding]:
    """Tests whose answer is the same whatever happens."""
    if "missing" in formula.text or "present" in formula.text:
        return
    answer = expression.answers(lambda word: _nothing_known(word, phases, formula.phase), 1)[0]
    part = formula.key[0]
    if answer == FALSE:
        here = f" in phase {formula.phase}" if formula.phase is not None else ""
        refused = part in ("waterfall", "settlement", "phases")
        found = f"`{formula.text}`, which never holds{here}"
        yield Finding(formula.key, found, "a test that can hold", "Take it out.", refused=refused)
    elif answer == TRUE and part in ("phases", "triggers", "calls"):
        found = f"`{formula.text}`, which always holds"
        yield Finding(formula.key, found, "a test that can fail", refused=False)


def _sample(word: str, phases: tuple[str, ...]) -> Cells:
    """A value of the kind that a word has."""
    kind = PLAIN.get(word) or NAMED[word.partition(".")[0]]
    if kind == "number":
        return np.ones(1)
    if kind == "date":
        return np.array(["2020-01-01"], dtype="datetime64[D]")
    return np.ones(1, dtype=np.int8) if kind == "truth" else Texts(np.zeros(1, np.int32), phases)


def _nothing_known(word: str, phases: tuple[str, ...], phase: str | None) -> Cells:
    """What is not known, of the kind that a word has; the phase, if the formula stands in one."""
    kind = PLAIN.get(word) or NAMED[word.partition(".")[0]]
    if kind == "number":
        return np.full(1, np.nan)
    if kind == "date":
        return np.array(["NaT"], dtype="datetime64[D]")
    if kind == "truth":
        return np.full(1, -1, dtype=np.int8)
    row = phases.index(phase) if phase in phases else -1
    return Texts(np.full(1, row, dtype=np.int32), phases)


def _kind(value: Cells) -> str:
    if not isinstance(value, np.ndarray):
        return "text"
    return "number" if value.dtype.kind == "f" or value.dtype == np.int64 else "other"


# --- circles --------------------------------------------------------------------------------


def _circles(spec: DealSpec) -> Iterator[Finding]:
    """Formulas that need their own value, and measures that need one that comes after."""
    keys, needs = _needs(spec)
    told: set[frozenset[str]] = set()
    for start in needs:
        circle = _circle(start, needs)
        if circle is not None and frozenset(circle) not in told:
            told.add(frozenset(circle))
            path = " needs ".join((*circle, circle[0]))
            yield Finding(keys[start], path, "formulas that do not lead back to themselves")
    turning = frozenset(name for circle in told for name in circle)
    order = [f"measure.{name}" for name in spec.measures]
    for place, word in enumerate(order):
        for other in needs[word]:
            if other in order[place + 1 :] and not {word, other} <= turning:
                found = f"{other}, which is found after {word}"
                yield Finding(keys[word], found, "measures that stand before it")


def _needs(spec: DealSpec) -> tuple[dict[str, Key], dict[str, tuple[str, ...]]]:
    """By word that a formula gives: the formula's key, and the words it needs of such."""
    keys: dict[str, Key] = {}
    texts: dict[str, list[str]] = {}
    for formula in formulas(spec):
        word = _GIVES.get((str(formula.key[0]), str(formula.key[-1])))
        if word is not None:
            name = f"{word}.{formula.key[1]}"
            keys.setdefault(name, formula.key)
            texts.setdefault(name, []).append(formula.text)
    needs = {
        name: tuple(
            w
            for text in each
            for word in parse(text).columns
            if (w := word.replace("availability.", "undrawn.")) in texts
        )
        for name, each in texts.items()
    }
    return keys, needs


_GIVES = {
    ("accounts", "target"): "target",
    ("lines", "commitment"): "undrawn",
    ("lines", "available_while"): "undrawn",
    ("tranches", "available_cap"): "coupon",
    ("measures", "of"): "measure",
}


def _circle(start: str, needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The shortest way from a word back to itself."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for word in needs.get(way[-1], ()):
            if word == start:
                return way
            if word not in seen:
                seen.add(word)
                ways.append((*way, word))
    return None


def said_of(spec: DealSpec) -> set[str]:
    """Every word that some formula of the deal uses."""
    return {word for formula in formulas(spec) for word in parse(formula.text).columns}
