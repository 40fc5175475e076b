"""What contingencies say, as tables [currency]: by shock, action, failure, and what to hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from scfcap.axes import BANK_DEBT, P2P
from scfcap.funding.answer_actions import (
    LEAST,
    SMALL,
    WORDS,
    Action,
    actions_of,
    deadline,
    first_to_do,
)
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.cells import Cell, decided
from scfcap.funding.contingency import Contingency
from scfcap.funding.inputs import Inputs
from scfcap.funding.nearest import INDIFFERENT
from scfcap.funding.readiness import Ready
from scfcap.funding.statements import frame_of

_FAILS = {
    "cash": "free cash",
    "trigger": "the early-amortisation trigger",
}

Found = tuple[Contingency, Ready | None]


def contingency_table(found: Sequence[Found]) -> pd.DataFrame:
    """A line for each shock; ``cost`` = ``cost_shock`` + ``cost_late``, of which doing nothing
    would cost ``avoided`` more.
    """
    rows: list[tuple[object, ...]] = []
    for x, ready in found:
        inputs, unit = x.base.inputs, x.base.inputs.unit
        first, acts = x.nothing.first(), actions_of(x)
        course, todo = x.nothing.course, first_to_do(acts)
        rows.append(
            (
                x.shock.name,
                x.shock.title,
                inputs.grid.ends[x.known - 1],
                "nothing" if todo is None else said_action(inputs, todo),
                "nothing" if first is None else failing(first.family, first.item),
                None if first is None else inputs.grid.ends[first.period - 1],
                float("nan") if first is None else first.size * unit,
                x.base.solution.objective * unit,
                x.cost * unit,
                x.cost_foreseen * unit,
                x.cost_late * unit,
                x.avoided * unit,
                len({(b.family, b.item) for b in course.breaches}),
                len({(family, _item(key)) for family, key in x.answer.gave}),
                sum(s.amount for s in course.shortfalls) * unit,
                float(course.replay.cash[-1]) * unit,
                float(course.replay.net_capital[-1]) * unit,
                float(x.answer.optimum.replay.cash[-1]) * unit,
                float(x.answer.optimum.replay.net_capital[-1]) * unit,
                float("nan") if ready is None else ready.probability,
                float("nan") if ready is None else ready.premium * unit,
                float("nan") if ready is None else ready.saved * unit,
                sentence(x, acts),
            )
        )
    frame = frame_of(
        rows,
        [
            "scenario", "title", "known", "first_action", "first_failure", "failure_date",
            "failure_amount", "base_worth", "cost", "cost_shock", "cost_late", "avoided",
            "limits_failing", "limits_giving_way", "missing_cash", "cash_nothing",
            "capital_nothing", "cash_answer", "capital_answer", "probability", "premium", "saved",
            "sentence",
        ],
    )  # fmt: skip
    return _dated(frame, "known", "failure_date")


def contingency_actions(found: Sequence[Found]) -> pd.DataFrame:
    """What to do otherwise than planned, in order; ``first_amount`` on ``first_date``, ``amount``
    up to ``last_date`` in all, both as said: more or less.
    """
    rows: list[tuple[object, ...]] = []
    for x, _ in found:
        inputs, unit = x.answer.optimum.inputs, x.base.inputs.unit
        for n, action in enumerate(actions_of(x), start=1):
            rows.append(
                (
                    x.shock.name, n, action.words, action.channel, action.item, action.detail,
                    inputs.grid.ends[action.first - 1], deadline(inputs, action),
                    action.at_first * unit, inputs.grid.ends[action.last - 1],
                    action.amount * unit, action.planned * unit, _rate(inputs, action),
                    _why(x, action),
                )
            )  # fmt: skip
    frame = frame_of(
        rows,
        [
            "scenario", "step", "action", "channel", "item", "detail", "first_date", "deadline",
            "first_amount", "last_date", "amount", "planned", "rate", "why",
        ],
    )  # fmt: skip
    return _dated(frame, "first_date", "deadline", "last_date")


def contingency_failures(found: Sequence[Found]) -> pd.DataFrame:
    """What fails if nothing is done, in the order in which it does: when first, by how much then,
    the most, at how many closes.
    """
    rows: list[tuple[object, ...]] = []
    for x, _ in found:
        ends, unit = x.base.inputs.grid.ends, x.base.inputs.unit
        seen: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
        course = x.nothing.course
        events = [(s.period, 0, "cash", "cash", "cash", s.amount) for s in course.shortfalls]
        events += [(b.period, 1, b.kind, b.family, b.item, b.size) for b in course.breaches]
        for period, _, kind, family, item, size in sorted(events, key=lambda e: e[:2]):
            seen.setdefault((kind, family, item), []).append((period, size))
        for n, ((kind, family, item), sizes) in enumerate(seen.items(), start=1):
            most = max(sizes, key=lambda s: s[1])
            rows.append(
                (
                    x.shock.name, n, failing(family, item), kind, ends[sizes[0][0] - 1],
                    sizes[0][1] * unit, ends[most[0] - 1], most[1] * unit, len(sizes),
                )
            )  # fmt: skip
    frame = frame_of(
        rows,
        [
            "scenario", "order", "what", "kind", "first_date", "first_amount", "worst_date",
            "worst_amount", "closes",
        ],
    )  # fmt: skip
    return _dated(frame, "first_date", "worst_date")


def contingency_ready(found: Sequence[Found]) -> pd.DataFrame:
    """What a plan that is ready has at the last close before the shock, beside the base plan."""
    rows: list[tuple[object, ...]] = []
    for x, ready in found:
        if ready is None:
            continue
        end, unit = x.base.inputs.grid.ends[ready.close - 1], x.base.inputs.unit
        for what, (base, held) in ready.held.items():
            rows.append(
                (x.shock.name, end, "holds", what, base * unit, held * unit, (held - base) * unit)
            )
        planned = decided(x.base.inputs, x.base.decisions)
        ahead = _by_item(ready.ahead)
        most = max((abs(sum(cells.values())) for cells in ahead.values()), default=0.0)
        for (kind, item), cells in ahead.items():
            base = sum(planned.get(cell, 0.0) for cell in cells)
            more = sum(cells.values())
            if abs(more) * unit > LEAST and abs(more) >= SMALL * most:
                what = f"{kind}: {item}"
                rows.append(
                    (x.shock.name, end, "decides", what, base * unit, (base + more) * unit,
                     more * unit)
                )  # fmt: skip
    frame = frame_of(rows, ["scenario", "by", "kind", "what", "planned", "ready", "more"])
    return _dated(frame, "by")


def contingency_cash(found: Sequence[Found]) -> pd.DataFrame:
    """Free cash at each close: as planned, if nothing is done, and by the answer."""
    rows: list[tuple[object, ...]] = []
    for x, _ in found:
        inputs, unit = x.base.inputs, x.base.inputs.unit
        for t in inputs.periods:
            lacking = sum(s.amount for s in x.nothing.course.shortfalls if s.period == t)
            rows.append(
                (
                    x.shock.name, t, inputs.grid.ends[t - 1],
                    float(x.base.replay.cash[t]) * unit,
                    (float(x.nothing.course.replay.cash[t]) - lacking) * unit,
                    float(x.answer.optimum.replay.cash[t]) * unit,
                )
            )  # fmt: skip
    return frame_of(rows, ["scenario", "period", "end", "cash_base", "cash_nothing", "cash_answer"])


def tables(found: Sequence[Found]) -> dict[str, pd.DataFrame]:
    """All tables by name."""
    return {
        "contingency": contingency_table(found),
        "contingency_actions": contingency_actions(found),
        "contingency_failures": contingency_failures(found),
        "contingency_ready": contingency_ready(found),
        "contingency_cash": contingency_cash(found),
    }


def failing(family: str, item: str) -> str:
    """A limit that fails, in words."""
    what = _FAILS.get(family) or BY_NAME[family].what
    return f"{what}: {item}" if item and item != family else what


def said_action(inputs: Inputs, action: Action) -> str:
    """An action in words: "draw less of bank-a: CNY 1,000,000 on 2014-03-31"."""
    amount = action.at_first * inputs.unit
    who = {"lend": f"in {action.item}", "place": "P2P notes", "pay out": "to the owners"}.get(
        action.kind, _PREPOSITION.get(action.kind, "{}").format(action.item)
    )
    day = inputs.grid.ends[action.first - 1]
    return f"{action.words} {who}: {inputs.spec.currency} {amount:,.0f} on {day}"


_PREPOSITION = {
    "draw": "of {}",
    "transfer": "to {}",
    "issue": "of {}",
    "book": "({})",
}


def sentence(found: Contingency, acts: Sequence[Action]) -> str:
    """What the shock means and what to do first, in words."""
    inputs, currency = found.base.inputs, found.base.inputs.spec.currency
    title = found.shock.title
    seen = inputs.grid.ends[found.known - 1]
    first = found.nothing.first()

    def say(amount: float) -> str:
        return f"{currency} {amount * inputs.unit:,.0f}"

    said = [f"{title} (known in the period to {seen})."]
    todo = first_to_do(acts)
    if todo is not None:
        limit = deadline(inputs, todo)
        by = f" (notice by {limit})" if limit is not None else ""
        said.append(f"First, {said_action(inputs, todo)}{by}.")
    else:
        said.append("Nothing need be done otherwise.")
    if first is None:
        said.append("If nothing is done, no limit fails.")
    else:
        what = failing(first.family, first.item)
        day = inputs.grid.ends[first.period - 1]
        said.append(f"If nothing is done, {what} fails first, on {day}, by {say(first.size)}.")
    # Plans within what the choice among equal ones may give up, in each, are worth the same.
    least = max(LEAST, 2.0 * INDIFFERENT * abs(found.base.solution.objective) * inputs.unit)
    if abs(found.cost) * inputs.unit <= least:
        said.append("It costs nothing.")
    elif found.cost < 0.0:
        said.append(f"It brings {say(-found.cost)}.")
    else:
        late = found.cost_late
        part = f", {say(late)} of it for not being foreseen" if late * inputs.unit > least else ""
        said.append(f"It costs {say(found.cost)}{part}.")
    if found.avoided * inputs.unit > least:
        said.append(f"Doing nothing would cost {say(found.avoided)} more.")
    elif found.avoided * inputs.unit < -least:
        broken = "" if first is None else ", with limits broken"
        said.append(f"Doing nothing would cost {say(-found.avoided)} less{broken}.")
    if found.answer.gave:
        names = dict.fromkeys(failing(family, _item(key)) for family, key in found.answer.gave)
        said.append(f"Limits give way even so: {', '.join(names)}.")
    return " ".join(said)


def _item(key: object) -> str:
    """What a limit is of, its period left out."""
    parts = key if isinstance(key, tuple) else (key,)
    return "/".join(str(part) for part in parts if not isinstance(part, int))


def _by_item(ahead: Mapping[Cell, float]) -> dict[tuple[str, str], dict[Cell, float]]:
    found: dict[tuple[str, str], dict[Cell, float]] = {}
    for cell, amount in ahead.items():
        found.setdefault((cell.kind, cell.item), {})[cell] = amount
    return found


def _rate(inputs: Inputs, action: Action) -> float:
    """What the source costs when the action begins [1/year]; of a sale nothing is told here."""
    t = action.first
    if action.channel == BANK_DEBT:
        x = next(y for y in inputs.lenders if y.name == action.item)
        rates = [
            x.rate(rate, t)
            for tenor, rate in x.tenors
            if f"{tenor} {inputs.spec.plan.unit}s" in action.detail.split(", ")
        ]
        return max(rates, default=float("nan"))
    if action.channel == P2P and inputs.p2p is not None:
        rates = [
            inputs.p2p.rate(step.rate, t)
            for step in inputs.p2p.steps
            if f"at {step.rate:.2%}" in action.detail.split(", ")
        ]
        return max(rates, default=float("nan"))
    return float("nan")


def _why(found: Contingency, action: Action) -> str:
    """Why an action is taken: the source is gone or less, or what it stands for."""
    usual = "The shock leaves none of it." if action.lost else "So that the whole earns most."
    return " ".join(_reasons(found, action)) or usual


def _reasons(found: Contingency, action: Action) -> Iterator[str]:
    base, shock = found.base.inputs, found.shock.inputs
    span = range(action.first, action.last + 1)
    if action.words == WORDS[action.kind][2]:
        yield "The same amount, of what the shock leaves better loans or terms."
    elif action.kind == "draw":
        one, two = (next(y for y in x.lenders if y.name == action.item) for x in (base, shock))
        if any(two.line(t) < one.line(t) - 1e-9 or t in two.closed - one.closed for t in span):
            yield "The line is cut."
        elif any(two.rate(0.0, t) > one.rate(0.0, t) for t in span):
            yield "The line is dearer."
    elif action.kind == "place" and shock.p2p is not None:
        if shock.p2p.renewed is not None or shock.p2p.fresh is not None:
            yield "Lenders bring or renew less."
        elif shock.p2p.dearer is not None:
            yield "P2P money is dearer."
    elif action.kind == "issue":
        one_deal, two_deal = (x.deal(action.item) for x in (base, shock))
        if two_deal.max_pool < one_deal.max_pool - 1e-9:
            yield "The market takes less of it."
        elif two_deal.dearer > one_deal.dearer:
            yield "Its coupons are dearer."
    elif action.kind == "lend":
        s = base.segments.index(action.item)
        if any(shock.demand[s, t] < base.demand[s, t] - 1e-9 for t in span):
            yield "Less is asked for."
        elif action.words.endswith("less"):
            yield "The money is not there for it, or earns more elsewhere."
        else:
            yield "It earns more for the money that is left."
    elif action.kind == "transfer" and action.words.endswith("less"):
        yield "Fewer loans are made, or the series and buyers have less to pay with."
    if action.words.endswith("more") and action.kind in ("draw", "place", "transfer", "issue"):
        yield "In place of money that the shock takes away."


def _dated(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    for name in names:
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame
