"""The live waterfalls: each series and deal of the scenario shown, with inputs that move it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from scfcap.report.book import (
    Condition,
    Formula,
    Sheet,
    Style,
    address,
    quoted,
    sheet_name,
)
from scfcap.report.live import pieces as p
from scfcap.report.live.compiled import Compiled, compile_deal, not_compiled
from scfcap.report.live.given import Given, Stated, What, given_deals
from scfcap.report.live.pieces import NotLive, Piece
from scfcap.report.live.source import Engine, Live, Source
from scfcap.report.live.workings import Workings
from scfcap.report.sheets.common import (
    BOLD,
    NOTE,
    TEXT,
    TITLE,
    Kit,
    figure,
    heads,
    linked,
    live,
    section,
    styled,
)
from scfcap.report.sheets.inputs import input_cell
from scfcap.report.sheets.waterfall_blocks import Blocks

AS_RUN, WHAT_IF = "Inputs as in the run", "What-if: inputs differ from the run"
COLLECTIONS, DEFAULTS = "collections_multiplier", "defaults_multiplier"
_LABELS: dict[str, str] = {
    "coupon": "Coupon of {}",
    "margin": "Margin of {}",
    "balance": "Balance of {}",
    "share": "Share of the pool: {}",
    "fee rate": "Rate of fee {}",
    "fee amount": "Amount of fee {}",
    "fee cap": "Cap of fee {}",
    "fee floor": "Floor of fee {}",
    "target": "Target of account {}",
    "target times": "Target of account {}, times its formula",
    "earns": "Yield of account {}",
}
_OF_SERIES = {
    "securitization.reserve_rate": "Reserve, share of the notes at closing",
    "securitization.cash_yield": "Yield of cash",
}
_FORMATS = {"1/year": "0.000%", "share": "0.00%", "times": "0.00"}
#: A change of an input by less than this share of it is none.
_SAME = "0.000000001"


def add_waterfalls(kit: Kit) -> None:
    """A sheet for each deal of the scenario shown, and a hidden one on which it is worked out."""
    for given in given_deals(kit.tables):
        _Builder(kit, given).build()


@dataclass
class _Builder:
    """One deal's sheets in the making."""

    kit: Kit
    given: Given
    rows: dict[str, int] = field(default_factory=dict)
    shared: list[tuple[int, str]] = field(default_factory=list)

    def build(self) -> None:
        """Add the sheets."""
        taken = [sheet.name for sheet in self.kit.book.sheets]
        self.name = sheet_name(f"Waterfall {self.given.name}", taken)
        under = sheet_name(f"Workings {self.given.name}", [*taken, self.name])
        self.inputs = self._inputs()
        reasons = not_compiled(self.given)
        source: Source = Engine(self.given)
        workings = Sheet(under, hidden=True, freeze=(5, 2))
        if not reasons:
            try:
                compiled = self._compile(workings)
                source = Live(compiled)
            except NotLive as why:
                reasons = [str(why)]
        sheet = self.kit.add(
            self.name, f"Waterfall of {self.given.name}, scenario {self.given.scenario}", 36.0
        )
        sheet.freeze = (4, 2)
        row = self._head(sheet, reasons)
        Blocks(self.kit, self.given, sheet, source).add(row)
        if isinstance(source, Live):
            workings.put(1, 1, f"Workings of the waterfall of {self.given.name}", TITLE)
            workings.put(2, 1, "Formulas by period, in the order of the deal.", NOTE)
            workings.widths[1] = 46.0
            workings.widths |= dict.fromkeys(range(2, workings.last_column + 1), 14.0)
            self.kit.book.sheets.append(workings)
            area = source.compiled.cells
            places = self.kit.book.places
            places[f"waterfall.{self.given.name}.gap"] = area.area("gap", 1, area.periods)
            for name in self.given.deal.tranches:
                key = f"waterfall.{self.given.name}.roll.{name}"
                places[key] = area.area(f"roll {name}", 1, area.periods)

    # --- inputs -----------------------------------------------------------------------------

    def _inputs(self) -> list[tuple[str, str, Stated | None]]:
        """Key, label and figure of each input shown, once each; then the multipliers."""
        found: dict[str, tuple[str, str, Stated | None]] = {}
        for each in self.given.inputs:
            key = each.key or f"{each.what} {each.name}"
            label = _OF_SERIES.get(each.key) or _LABELS[
                "coupon" if each.what == "owed" else each.what
            ].format(self.given.tell(each.name))
            found.setdefault(key, (each.key, label, each))
        rows = list(found.values())
        rows.append((COLLECTIONS, "Collections, times the scenario's", None))
        rows.append((DEFAULTS, "Defaults, times the scenario's", None))
        for n, key in enumerate([*found, COLLECTIONS, DEFAULTS]):
            self.rows[key] = 7 + n
        return rows

    def _compile(self, workings: Sheet) -> Compiled:
        def at(key: str, value: float) -> Piece:
            return Piece(f"{quoted(self.name)}!$B${self.rows[key]}", value)

        stated: dict[tuple[What, str], Piece] = {}
        for each in self.given.inputs:
            cell = at(each.key or f"{each.what} {each.name}", each.value)
            stated[each.what, each.name] = p.times(cell, p.number(each.times))
        cells = Workings(workings, self.given.last)
        multipliers = (at(COLLECTIONS, 1.0), at(DEFAULTS, 1.0))
        return compile_deal(self.given, cells, stated, multipliers)

    def _head(self, sheet: Sheet, reasons: list[str]) -> int:
        """The light and the inputs; returns the row after them."""
        if reasons:
            text = "Not live: formulas do not follow " + ", ".join(reasons) + "."
            sheet.put(3, 1, text, BOLD)
            sheet.put(4, 1, "Figures are the engine's. For other terms run again:", NOTE)
            sheet.put(5, 1, f"scfcap run {self.kit.meta.model} --set KEY=VALUE", TEXT)
            return 7
        section(sheet, 5, "Inputs: blue cells may be changed")
        heads(sheet, 6, ["Input", "Value", "In the run", "Change", "Unit", "Key of the model"])
        for key, label, stated in self.inputs:
            name = key if stated is None or key else f"{stated.what} {stated.name}"
            self._input(sheet, self.rows[name], key, label, stated)
        last = 6 + len(self.inputs)
        changed = f"SUMPRODUCT(--(ABS(D7:D{last})>{_SAME}*ABS(C7:C{last})))"
        style = Style(ink="formula", bold=True, fill="light")
        text = f'=IF({changed}=0,"{AS_RUN}","{WHAT_IF}")'
        light = sheet.put(3, 1, Formula(text, AS_RUN), style)
        sheet.conditions.append(Condition(light, f'A3="{AS_RUN}"', "good"))
        sheet.conditions.append(Condition(light, f'A3<>"{AS_RUN}"', "binding"))
        self.kit.book.places[f"waterfall.{self.given.name}.light"] = light
        note = (
            "Terms move the waterfall as a new run would. Multipliers bend the loans' flows as a "
            "what-if: no loan is followed. Sizes that are solved and the plan need a new run:"
        )
        sheet.put(last + 1, 1, note, NOTE)
        command = f"scfcap run {self.kit.meta.model} --set KEY=VALUE"
        sheet.put(last + 2, 1, command, TEXT)
        return last + 4

    def _input(self, sheet: Sheet, row: int, key: str, label: str, stated: Stated | None) -> None:
        book = self.kit.book
        value = 1.0 if stated is None else stated.value
        unit = "times" if stated is None else stated.unit
        look = _FORMATS.get(unit, "#,##0.00")
        sheet.put(row, 1, label, styled(TEXT, indent=1))
        at, note = sheet.at(row, 2), _comment(key, stated)
        name = key if stated is None else _range(self.given.name, stated)
        if key and stated is not None:
            scale = stated.scale
            input_cell(self.kit, at, key, value * scale, look, unit=unit, scale=scale)
        elif name in book.names:
            sheet.put(row, 2, Formula(f"={book.names[name].linked}", value), linked(look))
        else:
            book.names[name] = sheet.put(row, 2, value, figure(look, ink="input"))
        sheet.cells[row, 2] = replace(sheet.cells[row, 2], note=note)
        sheet.put(row, 3, value, figure(look))
        gap = Formula(f"={address(row, 2)}-{address(row, 3)}", 0.0)
        sheet.put(row, 4, gap, live(look))
        sheet.put(row, 5, unit, styled(TEXT, align="center"))
        what_if = stated is None or not key
        sheet.put(row, 6, "what-if only" if what_if else key, NOTE)


def _comment(key: str, stated: Stated | None) -> str:
    if stated is None:
        if key == DEFAULTS:
            return (
                "Defaults by period, times this. They are taken out of principal that would have "
                "been repaid in the period; recoveries move with them."
            )
        return (
            "Interest, principal and recoveries collected by period, times this. Principal that "
            "is not collected stays in the pool, without interest."
        )
    if not key:
        return "Times what the formula of the account's target gives."
    return f"As the model states it. For a new run: --set {key}=VALUE"


def _range(deal: str, stated: Stated) -> str:
    """A name of a range: letters, digits and underscores."""
    return re.sub(r"\W+", "_", f"{deal}_{stated.name}_target_times", flags=re.ASCII)
