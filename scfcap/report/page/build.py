"""The page: one HTML file with its figures, its charts' data, every table, and nothing outside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from scfcap.report.book import Book, Look
from scfcap.report.branding import on_paper
from scfcap.report.labels import Labels
from scfcap.report.labels.tables import labels_of
from scfcap.report.page.body import Parts, body
from scfcap.report.page.columns import Listed, Teller, told
from scfcap.report.page.shown import shown_tables
from scfcap.report.page.source import Source
from scfcap.report.page.texts import TEXTS
from scfcap.report.sheets.common import Kit
from scfcap.report.sheets.stated import stated_table
from scfcap.report.tables import RunMeta, Table
from scfcap.report.ties import ties
from scfcap.report.waterfall import Drawing
from scfcap.schema.files import put_in_place
from scfcap.schema.report import Pack

_FILES = files("scfcap.report.page")
#: The page's own script, in its order; functions of a file are known to those after it.
SCRIPTS = ("common.js", "tables.js", "charts.js", "start.js")


def build_page(
    tables: Mapping[str, Table],
    pack: Pack,
    meta: RunMeta,
    path: Path,
    drawings: Sequence[Drawing] = (),
) -> Path:
    """Write the page of ``pack`` to ``path`` (aside, then renamed); returns ``path``.

    ``tables`` are those of :func:`scfcap.report.tables.run_tables`; the page holds those that the
    sheets of the pack show. ``drawings`` are the waterfalls of the run's deals. The same
    arguments give the same bytes. Raises :class:`~scfcap.errors.InputError` where the folder
    cannot be written.
    """
    labels = labels_of(pack.language, meta, tables, pack.texts)
    data = page_html(tables, pack, meta, labels, drawings).encode()
    return put_in_place(
        path, data, "a folder that exists and may be written", "Give another --out."
    )


def page_html(
    tables: Mapping[str, Table],
    pack: Pack,
    meta: RunMeta,
    labels: Labels,
    drawings: Sequence[Drawing] = (),
) -> str:
    """The page's text; ``labels`` notes what it cannot say."""
    look = Look(
        meta.currency,
        float(pack.unit or meta.money_unit),
        meta.frequency,
        pack.language,
        pack.formats.decimals,
    )
    source = Source(shown_tables(tables, pack.sheets), meta, look, labels)
    stated = _stated(tables, source, pack)
    tied = ties(tables) if "checks" in pack.sheets else ()
    parts = body(source, pack, drawings, tied, stated)
    data = _data(source, parts)
    style, script, library = _asset("page.css"), _script(), _asset("echarts.min.js")
    return Template(_asset("page.html")).substitute(
        language="zh-CN" if pack.language == "zh" else "en",
        title=escape(parts.title),
        policy=escape(_policy(script, library), quote=True),
        colour=f"#{on_paper(pack.brand.colour)}",
        style=style,
        library=library,
        script=script,
        data=data,
        **parts.html,
    )


def _stated(tables: Mapping[str, Table], source: Source, pack: Pack) -> list[Listed]:
    """Tables that the pack states itself, cut as their sheets are."""
    book = Book(pack.title, "", source.meta.as_of, "")
    kit = Kit(tables, source.meta, source.look, book)
    found = []
    for each in pack.tables:
        made = stated_table(kit, pack, each.name)
        if made is not None and len(made[0].frame):
            found.append(Listed(f"sheet:{each.name}", *made))
    return found


def _data(source: Source, parts: Parts) -> str:
    """What the script works with, as JSON in which no sign ends the element that holds it."""
    teller = Teller(source.look, source.labels)
    found: dict[str, Any] = {
        "language": source.labels.language,
        "texts": {key: source.say(text) for key, text in TEXTS.items()},
        "charts": [chart.plain() for chart in parts.charts],
        "tables": [told(each, teller) for each in parts.tables],
    }
    text = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _policy(*scripts: str) -> str:
    """A Content-Security-Policy: these scripts, styles of this file, and no network."""
    digests = (hashlib.sha256(text.encode()).digest() for text in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _script() -> str:
    """The page's own script: its files in their order, in one scope."""
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


@cache
def _asset(name: str) -> str:
    """A file that goes into every page."""
    folder = "vendor" if name == "echarts.min.js" else "assets"
    return _FILES.joinpath(folder, name).read_text(encoding="utf-8").strip()
