"""What ``scfcap allocate --loan ID`` and ``--funder KEY`` say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import grid
from scfcap.cli.terminal import Terminal

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.report.allocation import AllocationReport

#: Prices of limits that are told of a funder.
SHOWN = 10
#: Names against a limit that are shown; the folder has more.
NAMES = 5


def tell_loan(terminal: Terminal, report: AllocationReport, loan: str) -> dict[str, Any]:
    """One loan's explanation, said and as plain values.

    Raises:
        InputError: there is no such loan.
    """
    import numpy as np

    from scfcap.funding.allocation.explain import Explained, position_of
    from scfcap.funding.allocation.explain_words import loan_sentences
    from scfcap.report.files import plain_rows

    assembled = report.assembled
    at = position_of(assembled.program.loan_id, loan)
    explained = Explained.of(assembled, report.answer, np.array([at]))
    sentences = loan_sentences(explained)
    options = explained.options()
    rows = [
        [str(row["channel"]) or "nowhere", *(f"{row[x]:,.2f}" for x in ("value", "price", "net"))]
        for row in options.astype({"channel": object}).to_dict("records")
    ]
    heads = ["channel", "worth there", "limits charge", "left"]
    title = f"Best places of {loan}, {assembled.currency}"
    terminal.say(grid(title, heads, rows, heads[1:]), "", *sentences)
    made_of = {name: float(values[at]) for name, values in assembled.prices.items()}
    if made_of:
        told = ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in made_of.items())
        terminal.say(f"Its values are made of: {told}.")
    return {
        "loan": plain_rows(explained.to_frame())[0],
        "options": plain_rows(options),
        "others": plain_rows(explained.others()),
        "sentences": list(sentences),
        "made_of": made_of,
    }


def tell_funder(terminal: Terminal, report: AllocationReport, key: str) -> dict[str, Any]:
    """One funder's report and what binds it, said and as plain values.

    Raises:
        InputError: there is no such funder.
    """
    from scfcap.report.allocation_told import handed_to, limits_on
    from scfcap.report.files import plain_rows

    found, limits = handed_to(report, key), limits_on(report, key)
    currency, table = report.assembled.currency, found.report.table
    title = "Borrowing base" if found.pledge else "Purchase report"
    heads = ["", "loans", "balance", *(["advance rate"] if found.pledge else []), "amount"]
    rows = [
        [
            str(row["line"]),
            _number(row["loans"], 0),
            _number(row["balance"]),
            *([_share(row["advance_rate"])] if found.pledge else []),
            _number(row["amount"]),
        ]
        for row in table.to_dict("records")
    ]
    terminal.say(grid(f"{title} of {key}, {currency}", heads, rows, heads[1:]), "")
    moves = [
        [
            str(row["movement"]),
            _number(row["loans"], 0),
            *map(_number, (row["balance"], row["amount"])),
        ]
        for row in found.totals.to_dict("records")
    ]
    heads = ["list", "loans", "balance", "funder's part"]
    terminal.say(grid(f"List of {key}, {currency}", heads, moves, heads[1:]), "")
    _names(terminal, found.concentrations, currency)
    _means(terminal, found.averages)
    priced = limits[limits["sentence"] != ""].sort_values("earns", ascending=False, kind="stable")
    said = priced["sentence"].head(SHOWN).tolist()
    terminal.say(*(said or ["No limit of this funder has a price: more of none earns anything."]))
    return {
        "funder": key,
        "report": plain_rows(table),
        "totals": plain_rows(found.totals),
        "concentrations": plain_rows(found.concentrations),
        "averages": plain_rows(found.averages),
        "limits": plain_rows(limits),
    }


def _names(terminal: Terminal, frame: pd.DataFrame, currency: str) -> None:
    if frame.empty:
        return
    shown = frame.groupby("limit", sort=False).head(NAMES)
    rows = [
        [
            str(row["limit"]),
            str(row["value"]),
            *(_number(row[x]) for x in ("before", "after")),
            _share(row["after_share"]),
            *(_number(row[x]) for x in ("limit_amount", "room")),
        ]
        for row in shown.to_dict("records")
    ]
    heads = ["limit", "value", "before", "after", "share", "at most", "room"]
    terminal.say(grid(f"Largest against their limits, {currency}", heads, rows, heads[2:]), "")


def _means(terminal: Terminal, frame: pd.DataFrame) -> None:
    rows = [
        [str(row["name"]), *(_plain(row[x]) for x in ("before", "after", "least", "most", "room"))]
        for row in frame.to_dict("records")
    ]
    heads = ["mean", "before", "after", "least", "most", "room"]
    terminal.say(grid("Means by balance", heads, rows, heads[1:]), "")


def _number(value: float, decimals: int = 2) -> str:
    return "" if value != value else f"{value:,.{decimals}f}"


def _share(value: float) -> str:
    return "" if value != value else f"{value:.1%}"


def _plain(value: float) -> str:
    return "" if value != value else f"{value:,.4f}"
