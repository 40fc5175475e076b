"""The sheets of a workbook, described as data: what stands where, and which cells are live."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scfcap.report.book import Book, Look
from scfcap.report.branding import branded
from scfcap.report.labels.tables import labels_of
from scfcap.report.sheets.cash import add_cash
from scfcap.report.sheets.cash_flows import add_cash_flows
from scfcap.report.sheets.certificate import add_certificates
from scfcap.report.sheets.checks import add_checks
from scfcap.report.sheets.classes import (
    add_classes,
    add_retention,
    add_tranches,
    add_triggers,
)
from scfcap.report.sheets.common import Kit
from scfcap.report.sheets.contents import add_contents, fill_contents
from scfcap.report.sheets.contingency import add_contingency
from scfcap.report.sheets.costs import add_costs
from scfcap.report.sheets.covenants import add_covenants
from scfcap.report.sheets.deal import add_deal
from scfcap.report.sheets.finish import complete, finish
from scfcap.report.sheets.investor import add_investor
from scfcap.report.sheets.limits import add_limits
from scfcap.report.sheets.plan import add_plan
from scfcap.report.sheets.pool import add_pool, add_stratification
from scfcap.report.sheets.regulator import add_regulator
from scfcap.report.sheets.scenarios import add_scenarios
from scfcap.report.sheets.stated import add_stated
from scfcap.report.sheets.summary import add_summary
from scfcap.report.sheets.to_do import add_to_do
from scfcap.report.sheets.waterfall import add_waterfalls
from scfcap.report.tables import RunMeta, Table
from scfcap.report.translate import translated
from scfcap.schema.report import SHEETS, Pack

#: In the order in which they must be built: the Checks look at the sheets before them, the
#: Summary at all; a certificate holds its inputs itself.
_BUILDERS: dict[str, Callable[[Kit], None]] = {
    "borrowing_base": add_certificates,
    "pool": add_pool,
    "stratification": add_stratification,
    "cash_flows": add_cash_flows,
    "deal": add_deal,
    "waterfall": add_waterfalls,
    "classes": add_classes,
    "tranches": add_tranches,
    "triggers": add_triggers,
    "retention": add_retention,
    "investor": add_investor,
    "plan": add_plan,
    "to_do": add_to_do,
    "cash": add_cash,
    "costs": add_costs,
    "scenarios": add_scenarios,
    "contingency": add_contingency,
    "covenants": add_covenants,
    "limits": add_limits,
    "regulator": add_regulator,
    "checks": add_checks,
    "summary": add_summary,
    "contents": add_contents,
}


def build_book(tables: Mapping[str, Table], pack: Pack, meta: RunMeta) -> Book:
    """The sheets of ``pack`` in its order; a sheet without a table of its own is left out."""
    look = Look(
        meta.currency,
        float(pack.unit or meta.money_unit),
        meta.frequency,
        pack.language,
        pack.formats.decimals,
    )
    book = Book(
        title=f"{pack.title}: {meta.title}",
        subject=f"{meta.model}, as of {meta.as_of:%Y-%m-%d}, {meta.regime}",
        as_of=meta.as_of,
        footer=f"scfcap {meta.version} · {meta.model} · inputs {meta.digest[:12]}",
        language=pack.language,
    )
    kit = Kit(tables, meta, look, book)
    built: dict[str, list[str]] = {}
    for key, build in _BUILDERS.items():
        before = len(book.sheets)
        if key in pack.sheets:
            build(kit)
        built[key] = [sheet.name for sheet in book.sheets[before:]]
    for each in pack.tables:
        before = len(book.sheets)
        add_stated(kit, pack, each.name)
        built[each.name] = [sheet.name for sheet in book.sheets[before:]]
    names = [name for key in pack.sheets for name in built[key]]
    book.sheets.sort(key=lambda sheet: names.index(sheet.name))
    finish(kit)
    _contents(kit, built)
    labels = labels_of(pack.language, meta, tables, pack.texts)
    return complete(translated(branded(book, pack), labels), meta)


def _contents(kit: Kit, built: Mapping[str, list[str]]) -> None:
    """Fill the Contents sheet, where the pack has one."""
    words = {name: SHEETS.get(key, "") for key, names in built.items() for name in names}
    for name in built["contents"]:
        others = [x for x in kit.book.sheets if not x.hidden and x.name != name]
        shows = [(x, words.get(x.name, "")) for x in others]
        fill_contents(kit, kit.book.sheet(name), shows)
