"""A deal's run, and one of its periods, as tables for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.deal.explaining import PeriodExplained
    from scfcap.report.deal import DealReport

#: Of deals above it amounts are shown without cents; ``--out`` writes them in full [currency].
_CENTS_BELOW, _EXPLAINED_CENTS_BELOW = 1e6, 1e9
#: Events of a scenario that are shown; ``--out`` writes them all.
SHOWN = 20
_CLASSES = {
    "scenario": "scenario",
    "tranche": "class",
    "original": "original",
    "share": "share",
    "coupon": "coupon",
    "interest_paid": "interest paid",
    "most_interest_short": "interest short, most",
    "principal_paid": "principal paid",
    "written_off": "written off",
    "left": "principal left",
    "residual_received": "residual",
    "first_principal": "first principal",
    "last_principal": "last principal",
    "average_life": "average life, years",
    "paid": "paid in full",
}
_FEES = {
    "scenario": "scenario",
    "fee": "fee",
    "paid": "paid",
    "most_short": "short, most",
    "dates_short": "dates short",
    "first_short": "first short",
    "owed": "owed then",
}
_PLAIN_FEES = ("scenario", "fee", "paid")
_ACCOUNTS = {
    "account": "account",
    "last_close": "at the last close",
    "before_steps": "before the first step",
    "close": "at this close",
}
_PERIOD_CLASSES = {
    "tranche": "class",
    "opening": "opening",
    "interest_due": "interest due",
    "interest_paid": "interest paid",
    "interest_short": "interest short",
    "accreted": "accreted",
    "principal_paid": "principal paid",
    "written_off": "written off",
    "written_up": "written up",
    "residual": "residual",
    "closing": "closing",
}


def show_run(terminal: Terminal, report: DealReport) -> None:
    """What the deal is, what its classes get, what happens, and what to beware of."""
    from scfcap.deal.wording import described

    deal, currency = report.run.deal, report.model.spec.currency
    lines = list(described(deal.name, deal.spec))
    terminal.say(lines[0], *(f"  {line}" for line in lines[1:]))
    calendar = deal.calendar
    terminal.say(
        f"  run: {len(calendar.dates):,} {calendar.grid.frequency}s from {calendar.start}, "
        f"{int(calendar.pays.sum()):,} payment dates to {calendar.dates[-1]}; in {currency}",
        "",
    )
    frames = report.frames
    cents = float(frames["deals_classes"]["original"].sum()) < _CENTS_BELOW
    terminal.say(_closing(report, cents), "")
    classes = frames["deals_classes"]
    equity = classes["kind"] == "equity"
    whole = classes["paid_in_full"].map({True: "yes", False: "no"}).mask(equity, "")
    none = {name: classes[name].mask(equity) for name in ("left", "coupon")}
    shown = classes.assign(paid=whole, **none)
    needed = ("residual_received", "written_off", "most_interest_short", "left")
    kept = {n: h for n, h in _CLASSES.items() if n not in needed or shown[n].fillna(0.0).any()}
    terminal.say(table("Classes, by scenario", shown, kept, cents), "")
    fees = frames["deals_fees"]
    if len(fees):
        kept = _FEES if fees["dates_short"].any() else {n: _FEES[n] for n in _PLAIN_FEES}
        terminal.say(table("Fees, by scenario", fees, kept, cents), "")
    _events(terminal, frames["deals_events"], report.run.scenarios)
    paid = frames["deals_periods"].groupby("scenario", sort=False)["residual_paid"].sum()
    excess = "; ".join(f"{name} {_money(value, cents)}" for name, value in paid.items())
    terminal.say(f"Excess cash to the residual: {excess}.")
    _foot(terminal, report)
    first = report.run.scenarios[0]
    terminal.say(
        "", f"Each step of a payment date: --explain 1 --scenario {first}; all periods: --out DIR."
    )


def show_explained(terminal: Terminal, report: DealReport) -> None:
    """One period, step by step, in each scenario that was run."""
    for each in report.explained:
        _period(terminal, report, each)
    _foot(terminal, report, cautions=False)


def _closing(report: DealReport, cents: bool) -> RichTable:
    """Sources beside uses; once where all scenarios have the same."""
    frame, deal = report.frames["deals_sources_uses"], report.run.deal
    opening = deal.spec.opening
    title = f"Sources and uses at closing, {deal.spec.closing}"
    if opening is not None:
        title = f"Where the deal stands, {opening.date}"
    parts = dict(list(frame.groupby("scenario", sort=False)))
    same = all(
        part["amount"].round(2).tolist() == next(iter(parts.values()))["amount"].round(2).tolist()
        for part in parts.values()
    )
    shown = dict(list(parts.items())[:1]) if same else parts
    rows, sides = [], list(dict.fromkeys(frame["side"]))
    for name, part in shown.items():
        columns = [
            [(row["item"], row["amount"]) for row in part[part["side"] == side].to_dict("records")]
            for side in sides
        ]
        longest = max(map(len, columns))
        blank = ("", math.nan)
        columns = [
            [*each, *[blank] * (longest - len(each)), ("together", sum(a for _, a in each))]
            for each in columns
        ]
        for line in zip(*columns, strict=True):
            cells = [cell for item, amount in line for cell in (item, _money(amount, cents))]
            rows.append(cells if same else [str(name), *cells])
    names = {"source": "sources", "use": "uses"}
    heads = [] if same else ["scenario"]
    numbers = []
    for place, side in enumerate(sides):
        heads += [names.get(side, side), ("amount", "amount ")[place]]
        numbers.append(heads[-1])
    return grid(title, heads, rows if same else blank_repeats(rows), numbers)


def _events(terminal: Terminal, events: pd.DataFrame, scenarios: Sequence[str]) -> None:
    if not len(events):
        terminal.say("Nothing trips, no phase changes, and nothing is called.", "")
    for name in scenarios:
        mine = events[events["scenario"] == name]
        if not len(mine):
            continue
        more = f" (first {SHOWN} of {len(mine):,})" if len(mine) > SHOWN else ""
        terminal.say(f"What happens in scenario {name}{more}:")
        for row in mine.head(SHOWN).to_dict("records"):
            terminal.say(f"  {row['date']:%Y-%m-%d}  {row['words']}")
        terminal.say("")


def _foot(terminal: Terminal, report: DealReport, *, cautions: bool = True) -> None:
    periods = report.frames["deals_periods"]
    terminal.say(
        f"Every unit of cash is accounted for: largest gap {report.largest_gap:.2g} over "
        f"{len(periods):,} periods and scenarios."
    )
    for caution in report.cautions if cautions else ():
        terminal.say("", f"Caution: {caution}")


def _period(terminal: Terminal, report: DealReport, each: PeriodExplained) -> None:
    deal = report.run.deal
    cents = float(each.classes["opening"].sum()) < _EXPLAINED_CENTS_BELOW
    count = len(deal.calendar.dates)
    terminal.say(
        f"{deal.name}, scenario {each.scenario}, period {each.period} of {count}, {each.date}, "
        f"phase {each.phase}, in {report.model.spec.currency}"
    )
    if each.pays:
        terminal.say(f"Payment {each.payment}.")
    else:
        later = [t for t in range(each.period, count) if deal.calendar.pays[t]]
        follows = f"; the next is period {later[0] + 1}" if later else ""
        terminal.say(f"No payment date{follows}: only the steps between payment dates are made.")
    terminal.say(*each.words, "")
    heads = {"figure": "figure", "amount": "amount"}
    terminal.say(table("What came in, and what the loans did", each.flows, heads, cents), "")
    if len(each.measures):
        words = {"measure": "measure", "formula": "formula", "mean_of": "mean of",
                 "value": "value"}  # fmt: skip
        told = each.measures.assign(value=[f"{x:.6g}" for x in each.measures["value"]])
        terminal.say(table("Measures", told, words, cents), "")
    if len(each.triggers):
        answers = {True: "in force", False: "no"}
        told = each.triggers.assign(
            in_force_before=each.triggers["in_force_before"].map(answers),
            in_force=each.triggers["in_force"].map(answers),
        )
        words = {"trigger": "trigger", "test": "test", "tested": "tested",
                 "in_force_before": "before", "in_force": "now"}  # fmt: skip
        terminal.say(table("Triggers", told, words, cents), "")
    terminal.say(_steps(report, each, cents), "")
    bound = each.steps[each.steps["limits"] != ""]
    if len(bound):
        terminal.say("What bounds the steps:")
        for row in bound.to_dict("records"):
            terminal.say(f"  {row['number']:>2} {row['step']}: {row['limits']}")
        terminal.say("")
    terminal.say(table("Accounts", each.accounts, _ACCOUNTS, cents), "")
    terminal.say(table("Classes", each.classes, _PERIOD_CLASSES, cents), "")
    if len(each.fees):
        words = {name: name for name in ("fee", "due", "paid", "short")}
        terminal.say(table("Fees", each.fees, words, cents), "")
    if len(each.lines):
        words = {"line": "line", "drawn_before": "drawn before", "drawn": "drawn"}
        terminal.say(table("Lines", each.lines, words, cents), "")


def _steps(report: DealReport, each: PeriodExplained, cents: bool) -> RichTable | str:
    if not len(each.steps):
        return "No step is made in this period."
    plain = {"number": "", "step": "step", "from": "from"}
    heads = {**plain, **{name: name for name in ("due", "available", "paid", "short")}}
    heads |= {word: _watched(word) for word in report.run.watch}
    frame = each.steps.assign(number=[str(n) for n in each.steps["number"]])
    title = "Steps in order; balances and watched words after each"
    figures = [word for word in report.run.watch if not word.startswith("account.")]
    return table(title, frame, heads, cents, figures)


def _watched(word: str) -> str:
    return f"{word.removeprefix('account.')} holds" if word.startswith("account.") else word


def table(
    title: str,
    frame: pd.DataFrame,
    heads: Mapping[str, str],
    cents: bool,
    figures: Sequence[str] = (),
) -> RichTable:
    """The columns of ``frame`` that ``heads`` has, under their headings; ``figures`` may be small
    numbers that are no amounts.
    """
    heads = {name: head for name, head in heads.items() if name in frame}
    rows = [
        [
            _figure(value, cents) if name in figures else _cell(name, value, cents)
            for name, value in zip(heads, row, strict=True)
        ]
        for row in frame[list(heads)].itertuples(index=False)
    ]
    numbers = [head for name, head in heads.items() if frame[name].dtype.kind in "iuf"]
    if next(iter(heads)) == "scenario":
        rows = blank_repeats(rows)
    return grid(title, list(heads.values()), rows, numbers)


def _cell(name: str, value: Any, cents: bool) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    if value != value:
        return ""
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d}"
    if name in ("share", "coupon"):
        return f"{value:.3%}" if name == "coupon" else f"{value:.2%}"
    if name in ("dates_short", "mean_of"):
        return f"{value:,.0f}"
    if name == "average_life":
        return f"{value:.2f}"
    return _money(float(value), cents)


def _figure(value: Any, cents: bool) -> str:
    """The value of a word: an answer, an amount, or a rate with the digits it has."""
    if not isinstance(value, str) and 1e-9 < abs(float(value)) < 10.0:
        return _cell("", value, cents) if value is True or value is False else f"{value:.6g}"
    return _cell("", value, cents)


def _money(value: float, cents: bool) -> str:
    if math.isnan(value):
        return ""
    return f"{value:,.2f}" if cents else f"{value:,.0f}"
