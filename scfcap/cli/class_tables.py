"""What classes of a deal are worth, how they run off, and what banks hold against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.report.deal import DealReport

#: Figures in percent, with decimals; the others are years or amounts.
_PERCENT = ("yield", "z_spread", "i_spread", "discount_margin")
_PRICES = {
    "scenario": "scenario",
    "tranche": "class",
    "outstanding": "outstanding",
    "clean_price": "clean price",
    "accrued": "accrued",
    "yield": "yield",
    "z_spread": "z-spread",
    "i_spread": "i-spread",
    "discount_margin": "discount margin",
    "average_life": "average life, years",
    "macaulay_duration": "Macaulay duration",
    "modified_duration": "modified duration",
    "effective_duration": "effective duration",
    "convexity": "convexity",
    "first_principal": "first principal",
    "last_principal": "last principal",
    "expected_final": "expected final",
    "legal_final": "legal final",
    "note": "note",
}
_DECIMALS = {
    ("outstanding", "clean_price", "accrued"): 2,
    ("average_life", "macaulay_duration", "modified_duration", "effective_duration"): 3,
    ("convexity",): 2,
}
_DAYS = ("first_principal", "last_principal", "expected_final", "legal_final")
#: Columns that are left out where they say what another says.
_TWINS = (("effective_duration", "modified_duration"), ("expected_final", "last_principal"))
_WEIGHTS = {
    "scenario": "scenario",
    "tranche": "class",
    "balance": "balance",
    "attachment": "attaches at",
    "detachment": "detaches at",
    "maturity": "maturity, years",
    "rating": "rating",
    "approach": "approach",
    "risk_weight": "risk weight",
    "capital": "capital",
}
_WORDS = ("scenario", "tranche", "note", "rating", "approach")


def show_classes(terminal: Terminal, report: DealReport) -> None:
    """Prices, run-off, excess spread and risk weights of the classes."""
    tables = report.class_tables
    prices = tables["tranche_analytics"]
    terminal.say(_prices(prices.title, prices.frame), prices.note, "")
    printed = tables["decrement_printed"]
    terminal.say(f"{printed.title}; {printed.note}")
    for name, rows in printed.frame.groupby("tranche", sort=False):
        cells = rows.drop(columns="tranche").astype(str)
        heads = [str(column) for column in cells]
        terminal.say(grid(f"Class {name}", heads, cells.to_numpy().tolist(), heads[1:]))
    terminal.say("")
    excess = tables["excess_spread_mean"].frame
    for row in excess.dropna().to_dict("records"):
        terminal.say(
            f"Excess spread in scenario {row['scenario']}: {row['excess_before_losses']:.2%} a "
            f"year before losses, {row['excess_spread']:.2%} after them."
        )
    terminal.say("")
    if "risk_weights" in tables:
        weights = tables["risk_weights"]
        told = _text(weights.frame, ("attachment", "detachment", "risk_weight"), 2)
        for name in ("balance", "maturity", "capital"):
            told[name] = [f"{value:,.2f}" for value in told[name]]
        kept = {name: head for name, head in _WEIGHTS.items() if _says(told, name)}
        terminal.say(_grid(weights.title, told, kept), weights.note, "")


def _prices(title: str, frame: pd.DataFrame) -> RichTable:
    told = _text(frame, _PERCENT, 3)
    for names, decimals in _DECIMALS.items():
        for name in names:
            told[name] = [
                "" if value != value else f"{value:,.{decimals}f}" for value in told[name]
            ]
    for name in _DAYS:
        told[name] = ["" if value != value else f"{value:%Y-%m-%d}" for value in told[name]]
    needless = [name for name, other in _TWINS if (told[name] == told[other]).all()]
    needless += ["accrued"] if not frame["accrued"].any() else []
    kept = {n: h for n, h in _PRICES.items() if _says(told, n) and n not in needless}
    return _grid(title, told, kept)


def _grid(title: str, told: pd.DataFrame, kept: Mapping[str, str]) -> RichTable:
    """Columns of text under their headings, figures to the right."""
    rows = blank_repeats(told[list(kept)].astype(str).to_numpy().tolist())
    return grid(title, list(kept.values()), rows, [h for n, h in kept.items() if n not in _WORDS])


def _text(frame: pd.DataFrame, percent: tuple[str, ...], digits: int) -> pd.DataFrame:
    """``frame`` with some shares and rates in percent, blank where there are none."""
    made: Mapping[str, list[str]] = {
        name: ["" if value != value else f"{value:.{digits}%}" for value in frame[name]]
        for name in percent
        if name in frame
    }
    return frame.assign(**made)


def _says(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column has anything to say."""
    return name in frame and bool((frame[name].notna() & (frame[name].astype(str) != "")).any())
