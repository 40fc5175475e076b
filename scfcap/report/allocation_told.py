"""Why loans go where they go, and what each funder is handed: tables and lists of a run folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from scfcap import __version__
from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.composition import averages, concentrations
from scfcap.funding.allocation.explain import Explained
from scfcap.funding.allocation.explain_channels import channel_balances, channel_limits
from scfcap.funding.allocation.program import Choice
from scfcap.report.delivery import (
    Delivery,
    deliveries,
    delivery_files,
    delivery_of,
    folder_name,
)
from scfcap.report.tables import Table

if TYPE_CHECKING:
    from scfcap.report.allocation import AllocationReport
    from scfcap.schema.model import Model

#: Folder of the funders' lists in a run folder.
LISTS = "lists"
_TITLES = {
    "loan_reasons": "Why each loan goes where it goes",
    "channel_balances": "What is in each channel before and after",
    "channel_limits": "Limits in words: how full, and what one more earns",
    "channel_names": "Names in each channel against its limits",
    "channel_means": "Means of each channel against its limits",
}
_AMOUNTS = (
    "balance", "value", "price", "net", "other_value", "other_price", "other_net", "loss",
    "amount_1", "amount_2", "other_amount_1", "other_amount_2",
)  # fmt: skip
_MONEY = {
    "loan_reasons": _AMOUNTS,
    "channel_balances": (
        "before", "new", "from_others", "out", "after", "after_part", "wanted", "least", "most",
        "value",
    ),
    "channel_limits": ("right", "used", "headroom", "earns"),
    "channel_names": ("before", "after", "limit_amount", "room"),
    "channel_means": ("without",),
}  # fmt: skip


def told_tables(report: AllocationReport) -> dict[str, Table]:
    """Explanations of loans and channels by name, with units."""
    assembled, answer = report.assembled, report.answer
    balances = channel_balances(assembled, answer)
    frames = {
        "loan_reasons": Explained.of(assembled, answer).to_frame(),
        "channel_balances": balances.replace({"most": {float("inf"): float("nan")}}),
        "channel_limits": channel_limits(assembled, answer),
        "channel_names": _by_channel(report, concentrations),
        "channel_means": _by_channel(report, averages),
    }
    currency = assembled.currency
    return {
        name: Table(
            name,
            _TITLES[name],
            frame,
            {column: currency for column in _MONEY[name] if column in frame},
        )
        for name, frame in frames.items()
    }


def _by_channel(
    report: AllocationReport, made: Callable[[Assembled, int, Choice], pd.DataFrame]
) -> pd.DataFrame:
    """One of the compositions for every channel, beneath one another."""
    parts = []
    for c, key in enumerate(report.assembled.program.channels):
        frame = made(report.assembled, c, report.answer.choice)
        frame.insert(0, "channel", key)
        parts.append(frame)
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)


def _spec(report: AllocationReport) -> Model:
    """The model, its amounts scaled to the book."""
    spec = report.model.spec
    if not spec.stated_for_book:
        return spec
    return spec.scaled(float(report.assembled.program.balance.sum()) / spec.stated_for_book)


def about(report: AllocationReport) -> dict[str, str]:
    """What a funder's workbook says of where it comes from."""
    spec = _spec(report)
    digests = report.origin.get("digests") or {}
    digest = str(digests.get("tape", "")) if isinstance(digests, dict) else ""
    return {
        "title": spec.title,
        "model": spec.name,
        "as_of": report.assembled.as_of.isoformat(),
        "currency": report.assembled.currency,
        "version": __version__,
        "digest": digest,
    }


def handed(report: AllocationReport) -> tuple[Delivery, ...]:
    """What every funder is handed."""
    return deliveries(report.assembled, report.answer, _spec(report))


def handed_to(report: AllocationReport, key: str) -> Delivery:
    """What one funder is handed. Raises InputError where there is no such funder."""
    return delivery_of(report.assembled, report.answer, _spec(report), key)


def limits_on(report: AllocationReport, key: str) -> pd.DataFrame:
    """The limits in which a channel's loans count, as :func:`channel_limits` tells them."""
    limits = channel_limits(report.assembled, report.answer)
    on = [key in str(channels).split(", ") for channels in limits["channels"]]
    return limits[pd.Series(on, index=limits.index, dtype=bool)].reset_index(drop=True)


def list_files(report: AllocationReport) -> dict[str, bytes]:
    """The funders' files by their path in the run folder: ``lists/<channel>/...``."""
    found: dict[str, bytes] = {}
    taken: set[str] = set()
    for each in handed(report):
        name = base = folder_name(each.key)
        count = 1
        while name.casefold() in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name.casefold())
        files = delivery_files(each, about(report))
        found |= {f"{LISTS}/{name}/{file}": content for file, content in files.items()}
    return found
