"""Charts of the plan: who funds what, where money goes, what is lent, what sources cost."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from scfcap import axes
from scfcap.quantities import HALF_CENT
from scfcap.report.page.chart import Chart, Line, View
from scfcap.report.page.numbers import RATE
from scfcap.report.page.source import INK, Source, colour, figures, table_by
from scfcap.report.sheets.common import (
    CHANNEL_COLOURS,
    CHANNEL_WORDS,
    PALETTE,
    STACK_WORDS,
    title_case,
)
from scfcap.report.totals import funding_stack, last_part, loans_managed

#: Stocks among flows: which of several periods counts.
_STOCKS = {"cash brought forward": slice(0, 1), "cash carried forward": slice(-1, None)}
_LENT = "loans made"
#: Said otherwise beside the channel's name.
_SAID = {"repaid": "repayment"}
_GREY, _LENDING = "8C8C8C", PALETTE[8]


def funding_charts(source: Source) -> Iterator[Chart]:
    """The charts for which there are tables."""
    for build in (_stack, _flows, _lending, _costs):
        chart = build(source)
        if chart is not None:
            yield chart


def _stack(source: Source) -> Chart | None:
    balances = source.frame("plan_balances")
    if balances is None:
        return None
    stack, managed = funding_stack(balances), loans_managed(balances)
    days = balances.groupby("period")["end"].first()
    lines = [
        Line(source.say(STACK_WORDS[str(channel)]), figures(row), CHANNEL_COLOURS[str(channel)])
        for channel, row in stack.iterrows()
    ]
    lines.append(Line(source.say("Loans managed"), figures(managed), INK, role="line", dashed=True))
    return Chart(
        key="funding",
        kind="stack",
        title=source.say("Who funds the loans and the cash"),
        note=source.say("On the books and off them; own capital is net capital."),
        head=source.say("Close"),
        unit=source.unit,
        format=source.money,
        views=[View(labels=source.closes(days), lines=lines)],
        wide=True,
    )


def _flows(source: Source) -> Chart | None:
    flows = source.frame("plan_sources_uses")
    if flows is None:
        return None
    moves = _moves(flows)
    lending = source.frame("plan_lending")
    lent = None if lending is None else table_by(lending, ["segment"], "period", "originated")
    ends = flows.groupby("period")["end"].first()
    views = [_flow_view(source, source.say("Whole horizon"), (moves, lent), slice(None))]
    if len(ends) > 1:
        views += [
            _flow_view(source, source.close(end), (moves, lent), slice(n, n + 1))
            for n, end in enumerate(ends)
        ]
    return Chart(
        key="flows",
        kind="flows",
        title=source.say("Where the money comes from, and what it pays for"),
        note=source.say("All goes through the company's cash; a segment is what is lent in it."),
        head=source.say("Period"),
        unit=source.unit,
        format=source.money,
        views=views,
        pick=source.say("Period"),
        wide=True,
    )


def _moves(flows: pd.DataFrame) -> pd.DataFrame:
    """Amounts by side, channel and what they are, a column a period."""
    kinds = pd.DataFrame(
        {
            "side": flows["side"],
            "channel": flows["channel"].astype(str).map(axes.channel_of),
            "what": last_part(flows["item"]),
            "period": flows["period"],
            "amount": flows["amount"],
        }
    )
    return table_by(kinds, ["side", "channel", "what"], "period", "amount").fillna(0.0)


def _flow_view(
    source: Source, name: str, of: tuple[pd.DataFrame, pd.DataFrame | None], periods: slice
) -> View:
    """Sources on the left, the cash in the middle, uses on the right."""
    moves, lending = of
    sides: dict[str, dict[str, tuple[float, str]]] = {"source": {}, "use": {}}
    for (side, channel, what), row in zip(moves.index, moves.to_numpy(), strict=True):
        counted = _STOCKS.get(str(what), slice(None))
        amount = float(row[periods][counted].sum())
        label = _label(source, str(channel), str(what))
        if what == _LENT and lending is not None:
            sides[str(side)] |= _by_segment(
                source, label, amount, lending.iloc[:, periods].sum(axis=1)
            )
        else:
            sides[str(side)][label] = (amount, CHANNEL_COLOURS.get(str(channel), _GREY))
    nodes = [(source.say("Cash of the company"), _GREY, 1)]
    links = []
    for depth, side in ((0, sides["source"]), (2, sides["use"])):
        for label, (amount, tint) in side.items():
            if amount > HALF_CENT:
                nodes.append((label, tint, depth))
                at = len(nodes) - 1
                links.append((at, 0, amount) if depth == 0 else (0, at, amount))
    return View(name=name, nodes=nodes, flows=links)


def _label(source: Source, channel: str, what: str) -> str:
    """What is paid: an outside channel's with its name in front."""
    text = source.say(title_case(_SAID.get(what, what)))
    if channel == axes.OWN:
        return text
    return source.joined(source.say(CHANNEL_WORDS.get(channel, channel)), _lower(source, text))


def _lower(source: Source, text: str) -> str:
    plain = source.labels.language == "en" and text[1:2].islower()
    return text[:1].lower() + text[1:] if plain else text


def _by_segment(
    source: Source, label: str, amount: float, parts: pd.Series
) -> dict[str, tuple[float, str]]:
    """The loans made by segment, where these add up to them."""
    if abs(parts.sum() - amount) > max(HALF_CENT, 1e-9 * abs(amount)):
        return {label: (amount, _LENDING)}
    return {
        source.joined(source.say("Loans"), source.say(str(segment))): (float(part), _LENDING)
        for segment, part in parts.items()
    }


def _lending(source: Source) -> Chart | None:
    lending = source.frame("plan_lending")
    if lending is None:
        return None
    made = table_by(lending, ["segment"], "end", "originated")
    lines = [
        Line(source.say(str(segment)), figures(row), colour(n))
        for n, (segment, row) in enumerate(made.iterrows())
    ]
    asked = lending.groupby("end", sort=False)["demand"].sum()
    lines.append(Line(source.say("Demand, all"), figures(asked), INK, role="line", dashed=True))
    return Chart(
        key="lending",
        kind="stack",
        title=source.say("What is lent, against what is asked for"),
        note="",
        head=source.say("Period to"),
        unit=source.unit,
        format=source.money,
        views=[View(labels=source.closes(made.columns), lines=lines)],
    )


def _costs(source: Source) -> Chart | None:
    frame = source.frame("plan_cost_of_funds")
    if frame is None:
        return None
    known = frame[frame["rate"].notna()]
    if known.empty:
        return None
    names = [
        source.joined(
            *(source.say(part) for part in (CHANNEL_WORDS.get(channel, ""), item) if part)
        )
        for channel, item in zip(known["channel"].map(axes.channel_of), known["item"], strict=True)
    ]
    line = Line(source.say("Rate, all in"), figures(known["rate"]), colour(0))
    return Chart(
        key="costs",
        kind="bars",
        title=source.say("What each source of funds costs, all in"),
        note="",
        head=source.say("Source"),
        unit=source.say("% a year"),
        format=RATE,
        views=[View(labels=names, lines=[line])],
    )
