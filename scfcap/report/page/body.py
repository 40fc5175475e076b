"""The page's parts as HTML, all texts escaped; the script fills the places of charts and tables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from scfcap.report.page.cash import cash_charts, shock_charts
from scfcap.report.page.chart import Chart
from scfcap.report.page.columns import Listed
from scfcap.report.page.drawing import drawn
from scfcap.report.page.figures import Figure, Light, key_figures, light
from scfcap.report.page.funding import funding_charts
from scfcap.report.page.limits import limit_charts
from scfcap.report.page.pool import deal_charts, pool_charts
from scfcap.report.page.source import Source
from scfcap.report.sheets.checks import ALL_PASS
from scfcap.report.sheets.common import CHANNEL_WORDS, records
from scfcap.report.tables import Table
from scfcap.report.tie import Tie
from scfcap.report.waterfall import Drawing
from scfcap.report.words import best_prices, decision
from scfcap.schema.report import Pack

TIES, _CHECKS = "ties", "_checks"
#: Key figures that stand large at the top, and which of a figure's values.
_CARDS = (
    ("originated", "over"), ("met", "over"), ("income", "over"), ("cash", "end"),
    ("binding", "over"),
)  # fmt: skip
#: Stations by how their tables' names begin, in the order in which the page lists them.
_STATIONS = (
    ("Plan", ("plan_", "frontier")),
    ("Series and deals", ("deal_", "deals_", "waterfall_", "sizes", "classes", "break_even",
                          "coverage", "cost_of_funds", "retention", "losses", "sensitivity")),
    ("Cash flows of the pool", ("cash_flow", "credit", "distribution_", "yields")),
    ("Loans", ("tape_", "pool_", "orders", "buyers", "lock_box")),
)  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """The page's title, HTML by place, its charts and its tables."""

    title: str
    html: Mapping[str, str]
    charts: Sequence[Chart]
    tables: Sequence[Listed]


def body(
    source: Source,
    pack: Pack,
    drawings: Sequence[Drawing],
    tied: Sequence[Tie],
    stated: Sequence[Listed],
) -> Parts:
    """All parts of the page of ``pack``.

    ``tied`` are the ties of the whole run, ``stated`` the tables that the pack states itself.
    """
    say, meta = source.say, source.meta
    joint = "：" if source.labels.language == "zh" else ": "
    title = f"{say(pack.title)}{joint}{say(meta.title)}"
    found = light(source, tied)
    charts = {
        "funding": list(funding_charts(source)),
        "cash": list(cash_charts(source)),
        "limits": list(limit_charts(source)),
        "pool": list(pool_charts(source)),
        "deals": list(deal_charts(source)),
        "shocks": list(shock_charts(source)),
    }
    every = [chart for group in charts.values() for chart in group]
    waterfall = ""
    if drawings and "deal" in pack.sheets:
        waterfall = drawn(drawings, say)
    place = {chart.key: n for n, chart in enumerate(every)}
    sections = [
        ("decision", "The decision", _decision(source, pack)),
        ("figures", "Key figures", _figures(source, pack)),
        ("funding", "Funding", _charts(source, charts["funding"], place)),
        ("cash", "Cash", _charts(source, charts["cash"], place)),
        ("limits", "Limits and what they are worth", _charts(source, charts["limits"], place)),
        ("pool", "Loans of today", _charts(source, charts["pool"], place)),
        ("deals", "Series and deals", _charts(source, charts["deals"], place) + waterfall),
        ("shocks", "If a shock comes", _charts(source, charts["shocks"], place)),
        ("checks", "Checks", _checks(source, found, tied) if "checks" in pack.sheets else ""),
        ("tables", "Tables", _tables(source, stated)),
    ]
    shown = [(key, say(head), html) for key, head, html in sections if html]
    tables = [*stated, *(Listed(name, table) for name, table in source.tables.items())]
    if "checks" in pack.sheets:
        tables.append(Listed(TIES, _ties(source, tied)))
    return Parts(
        title,
        {
            "skip": escape(say("Skip to the content")),
            "header": _header(source, pack, title, found if "checks" in pack.sheets else None),
            "nav": _nav(source, shown),
            "main": "".join(_section(*each) for each in shown),
            "footer": _footer(source, pack),
            "noscript": escape(say("Charts and tables need JavaScript; the text above does not.")),
        },
        every,
        tables,
    )


def _section(key: str, head: str, html: str) -> str:
    return (
        f'<section id="{key}" aria-labelledby="{key}-head"><h2 id="{key}-head">{escape(head)}</h2>'
        f"{html}</section>"
    )


def _header(source: Source, pack: Pack, title: str, found: Light | None) -> str:
    meta, say = source.meta, source.say
    facts = [
        f"Model {meta.model}",
        f"as of {meta.as_of:%Y-%m-%d}",
        f"regime: {meta.regime}",
        f"scenario {meta.scenario}",
        f"amounts in {source.look.label}",
    ]
    told = "".join(f"<li>{escape(say(fact))}</li>" for fact in facts)
    lamp = "" if found is None else _lamp(source, found)
    logo = ""
    if pack.logo:
        logo = (
            f'<img class="logo" alt="" src="data:image/png;base64,{b64encode(pack.logo).decode()}">'
        )
    head = f'<div class="top"><h1>{escape(title)}</h1>{lamp}</div>'
    return f'{logo}{head}<ul class="facts">{told}</ul>'


def _lamp(source: Source, found: Light) -> str:
    look, text = ("good", ALL_PASS) if found.green else ("bad", _failing(found))
    return f'<a class="light {look}" href="#checks">{escape(source.say(text))}</a>'


def _failing(found: Light) -> str:
    return f"{len(found.failing)} of {found.count} checks fail"


def _nav(source: Source, shown: Iterable[tuple[str, str, str]]) -> str:
    links = "".join(f'<li><a href="#{key}">{escape(head)}</a></li>' for key, head, _ in shown)
    return f'<nav aria-label="{escape(source.say("Contents"))}"><ul>{links}</ul></nav>'


def _decision(source: Source, pack: Pack) -> str:
    if "summary" not in pack.sheets:
        return ""
    sentences = decision(source.tables, source.meta)
    if not sentences:
        return ""
    first, *others = (escape(source.say(sentence)) for sentence in sentences)
    html = f'<p class="headline">{first}</p>' + _listed(others)
    prices = [escape(source.say(sentence)) for sentence in best_prices(source.tables)]
    if prices:
        html += f"<h3>{escape(source.say('What one more unit earns'))}</h3>{_listed(prices)}"
    return html


def _listed(items: Sequence[str]) -> str:
    return f"<ul class='said'>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""


def _figures(source: Source, pack: Pack) -> str:
    if "summary" not in pack.sheets:
        return ""
    found = key_figures(source)
    if not found:
        return ""
    by_key = {figure.key: figure for figure in found}
    cards = "".join(_card(source, by_key[key], which) for key, which in _CARDS if key in by_key)
    return (
        f'<div class="cards">{cards}</div>'
        f'<div class="beside-each">{_figure_table(source, found)}{_worth(source)}</div>'
    )


def _worth(source: Source) -> str:
    """What each outside channel is worth, in figures and in words."""
    frame, say = source.frame("plan_channels"), source.say
    if frame is None:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(say(CHANNEL_WORDS.get(str(x.channel), str(x.channel))))}</th>'
        f"<td>{escape(source.money(float(x.worth)))}</td>"
        f'<td class="text long">{escape(say(str(x.sentence)))}</td></tr>'
        for x in records(frame)
    )
    heads = (
        f'<th scope="col">{escape(say("Outside channel"))}</th>'
        f'<th scope="col">{escape(say("Worth"))}, {escape(source.unit)}</th>'
        f'<th scope="col" class="text">{escape(say("In words"))}</th>'
    )
    return (
        f'<div class="scroll"><table class="key"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _card(source: Source, figure: Figure, which: str) -> str:
    value, label = figure.format(getattr(figure, which)), source.say(figure.label)
    when = f" · {source.say('at the end')}" if which == "end" else ""
    unit = f"<small>{escape(figure.unit)}</small>" if figure.unit else ""
    return (
        f'<div class="card"><span class="label">{escape(label)}{escape(when)}</span>'
        f'<span class="value" data-figure="{figure.key}.{which}">{escape(value)}</span>{unit}</div>'
    )


def _figure_table(source: Source, found: Sequence[Figure]) -> str:
    say = source.say
    flows = next(
        (f for name in ("plan_balances", "plan_lending") if (f := source.frame(name)) is not None),
        None,
    )
    end = say("End") if flows is None else source.close(flows["end"].max())
    heads = [source.unit, f"{source.meta.as_of:%Y-%m-%d}", say("Horizon"), end]
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    rows = []
    for figure in found:
        cells = "".join(
            f'<td data-figure="{figure.key}.{which}">{escape(figure.format(value))}</td>'
            for which in ("start", "over", "end")
            for value in (getattr(figure, which),)
        )
        rows.append(f'<tr><th scope="row">{escape(say(figure.label))}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table class="key"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _charts(source: Source, charts: Sequence[Chart], place: Mapping[str, int]) -> str:
    if not charts:
        return ""
    return f'<div class="charts">{"".join(_chart(source, x, place[x.key]) for x in charts)}</div>'


def _chart(source: Source, chart: Chart, place: int) -> str:
    note = f'<p class="note">{escape(chart.note)}</p>' if chart.note else ""
    joint = "。" if source.labels.language == "zh" else ". "
    picker = ""
    if len(chart.views) > 1:
        options = "".join(
            f'<option value="{n}">{escape(view.name)}</option>'
            for n, view in enumerate(chart.views)
        )
        picker = f'<label class="pick">{escape(chart.pick)} <select>{options}</select></label>'
    wide = " wide" if chart.wide else ""
    return (
        f'<figure class="chart{wide}" id="chart-{chart.key}" data-chart="{place}">'
        f"<figcaption><h3>{escape(chart.title)}<small>{escape(chart.unit)}</small></h3>{note}"
        f'</figcaption>{picker}<div class="plot" role="img" '
        f'aria-label="{escape(chart.described(joint))}"></div>'
        f'<details class="beside"><summary>{escape(source.say("Figures"))}</summary>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(chart.title)}"></div>'
        "</details></figure>"
    )


def _checks(source: Source, found: Light, tied: Sequence[Tie]) -> str:
    say = source.say
    if found.green:
        text = say(f"{found.count} checks, and all of them pass.")
    else:
        text = say(_failing(found)) + ("：" if source.labels.language == "zh" else ": ")
    failing = _listed([escape(say(name)) for name in found.failing])
    tables = [Listed(TIES, _ties(source, tied))]
    tables += [Listed(name, x) for name, x in source.tables.items() if name.endswith(_CHECKS)]
    return f"<p>{escape(text)}</p>{failing}{''.join(_place(source, table) for table in tables)}"


def _ties(source: Source, found: Sequence[Tie]) -> Table:
    """Totals that must agree, as the Checks sheet lists them."""
    frame = pd.DataFrame(
        {
            "check": [tie.name for tie in found],
            "one side": [tie.left.label for tie in found],
            "value": [tie.left.value for tie in found],
            "other side": [tie.right.label for tie in found],
            "other value": [tie.right.value for tie in found],
            "difference": [tie.difference for tie in found],
            "tolerance": [tie.tolerance for tie in found],
            "ok": [tie.ok for tie in found],
        }
    )
    currency = source.meta.currency
    return Table(
        TIES,
        "Totals that must agree",
        frame,
        dict.fromkeys(("value", "other value"), currency),
    )


def _tables(source: Source, stated: Sequence[Listed]) -> str:
    """A place for each table, by station; those that the pack states come first."""
    say, html = source.say, []
    if stated:
        own = "".join(_place(source, each) for each in stated)
        html.append(f'<div class="station"><h3>{escape(say("Of this report"))}</h3>{own}</div>')
    left = {name: x for name, x in source.tables.items() if not name.endswith(_CHECKS)}
    for station, starts in (*_STATIONS, ("Others", ("",))):
        mine = [name for name in left if name.startswith(starts)]
        if not mine:
            continue
        items = "".join(_place(source, Listed(name, left.pop(name))) for name in mine)
        html.append(f'<div class="station"><h3>{escape(say(station))}</h3>{items}</div>')
    if not html:
        return ""
    label = escape(say("Find a table"))
    return (
        f'<p class="find"><label>{label} <input type="search" id="find"></label> '
        f'<span id="found" role="status" aria-live="polite"></span></p>{"".join(html)}'
    )


def _place(source: Source, listed: Listed) -> str:
    table, count = listed.table, f"{len(listed.table.frame):,}"
    return (
        f'<details class="table" data-table="{escape(listed.key)}"><summary>'
        f'{escape(source.say(table.title))} <span class="count">{count}</span></summary>'
        "</details>"
    )


def _footer(source: Source, pack: Pack) -> str:
    meta, say = source.meta, source.say
    repeat = f"{say('Repeat')}: {meta.command}"
    origin = f"scfcap {meta.version} · {say('inputs')} {meta.digest[:16]}"
    brand = f"<p>{escape(pack.brand.footer)}</p>" if pack.brand.footer else ""
    library = escape(say("Charts drawn with Apache ECharts 5.6.0, Apache License 2.0."))
    return f"{brand}<p><code>{escape(repeat)}</code></p><p>{escape(origin)}</p><p>{library}</p>"
