"""Charts of limits and what-ifs: use, prices, covenants, sensitivity, the frontier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from scfcap.report.page.chart import Chart, Line, View
from scfcap.report.page.numbers import PERCENT, PRICE, RATE
from scfcap.report.page.source import Source, colour, figures
from scfcap.report.sheets.limits import family_label, groups, key_label

#: Less than this shows as nothing.
_NOTHING = 5e-4


def limit_charts(source: Source) -> Iterator[Chart]:
    """The charts for which there are tables."""
    limits = _limits(source)
    if limits is not None and len(limits):
        yield _use(source, limits)
        yield from _prices(source, limits)
    for build in (_covenants, _frontier):
        chart = build(source)
        if chart is not None:
            yield chart
    yield from _sensitivity(source)


def used(frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Use as a share of the limit by row (of a floor: the floor as a share of what is there)."""
    use, limit = (frame[name].to_numpy(dtype=float) for name in ("use", "limit"))
    most = frame["sense"].to_numpy() == "<="
    over, under = np.where(most, use, limit), np.where(most, limit, use)
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0.0)


def _limits(source: Source) -> pd.DataFrame | None:
    """Limits in periods with names and kinds, the share used and what more room earns."""
    frame = source.frame("plan_limits")
    if frame is None:
        return None
    order, kinds, names = [], [], []
    for family, key, _, rows in groups(frame):
        label, whose = source.say(family_label(family)), key_label(family, key)
        name = label if whose == "–" else source.joined(label, source.say(whose))
        order += rows.index.tolist()
        kinds += [label] * len(rows)
        names += [name] * len(rows)
    found = frame.loc[order].assign(kind=kinds, name=names)
    found = found[found["end"].notna()]
    earns = np.where(found["sense"] == "<=", found["dual"], -found["dual"]) + 0.0
    return found.assign(used=used(found), earns=earns)


def _mapped(source: Source, frame: pd.DataFrame, by: str, column: str, name: str = "") -> View:
    """The most of ``column`` by limit (or kind of limit) and close; those that bind are marked."""
    ends = sorted(frame["end"].unique())
    found = frame.groupby([by, "end"], sort=False)
    cells = found[column].max().unstack("end")[ends]  # noqa: PD010
    binds = found["binding"].any().unstack("end")[ends]  # noqa: PD010
    order = list(dict.fromkeys(frame[by]))
    hit = binds.loc[order].to_numpy() == True  # noqa: E712
    return View(
        name=name,
        labels=source.closes(ends),
        rows=[str(each) for each in order],
        cells=[figures(row) for row in cells.loc[order].to_numpy()],
        marks=_places(hit),
    )


def _places(hit: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    return [(int(y), int(x)) for y, x in np.argwhere(hit)]


def _use(source: Source, limits: pd.DataFrame) -> Chart:
    return Chart(
        key="limits",
        kind="heat",
        title=source.say("How far limits are used"),
        note=source.say("Share of the limit in each period; a dot marks where it binds."),
        head=source.say("Limit"),
        unit=source.say("% of the limit"),
        format=PERCENT,
        views=[
            _mapped(source, limits, "kind", "used", source.say("Most used of each kind")),
            _mapped(source, limits, "name", "used", source.say("Each limit")),
        ],
        pick=source.say("Limits"),
        mark=source.say("binds"),
        most=1.0,
        wide=True,
    )


def _prices(source: Source, limits: pd.DataFrame) -> Iterator[Chart]:
    most = limits.groupby("name")["earns"].transform(lambda each: each.abs().max())
    priced = limits[most > _NOTHING]
    if priced.empty:
        return
    yield Chart(
        key="prices",
        kind="heat",
        title=source.say("What one more unit of room under a limit earns"),
        note=source.say("In each period; limits that are worth nothing are left out."),
        head=source.say("Limit"),
        unit=f"{source.say(source.look.currency)}/{source.say(source.look.currency)}",
        format=PRICE,
        views=[_mapped(source, priced, "name", "earns")],
        mark=source.say("binds"),
        wide=True,
    )


def _covenants(source: Source) -> Chart | None:
    """The least headroom of each covenant in each scenario."""
    frame = source.frame("plan_covenants")
    if frame is None or "headroom_share" not in frame:
        return None
    found = frame.groupby(["lender", "covenant", "scenario"], sort=False)["headroom_share"].min()
    table = found.unstack("scenario")[list(dict.fromkeys(frame["scenario"]))]  # noqa: PD010
    broken = frame.groupby(["lender", "covenant", "scenario"], sort=False)["breached"].any()
    hit = broken.unstack("scenario")[list(table.columns)]  # noqa: PD010
    rows = [
        f"{source.say(str(lender))} · {source.say(str(name).replace('_', ' '))}"
        for lender, name in table.index
    ]
    return Chart(
        key="covenants",
        kind="heat",
        title=source.say("Covenants: least headroom in each scenario"),
        note=source.say("Share of the covenant's limit; a dot marks a breach."),
        head=source.say("Covenant"),
        unit=source.say("% of the limit"),
        format=PERCENT,
        views=[
            View(
                labels=[source.say(str(name)) for name in table.columns],
                rows=rows,
                cells=[figures(row) for _, row in table.iterrows()],
                marks=_places(hit.to_numpy() == True),  # noqa: E712
            )
        ],
        mark=source.say("breached"),
        wide=True,
    )


def _frontier(source: Source) -> Chart | None:
    frame = source.frame("frontier")
    if frame is None:
        return None
    lines = []
    for n, (level, rows) in enumerate(frame.groupby("headroom_floor")):
        mine = rows.sort_values("lending_amount")
        name = source.say("No floor of headroom")
        if float(str(level)) > 0.0:
            held = source.say("Headroom held")
            name = f"{held} {source.money(float(str(level)))} {source.unit}"
        lines.append(
            Line(name, figures(mine["income_amount"]), colour(n), figures(mine["lending_amount"]))
        )
    return Chart(
        key="frontier",
        kind="curve",
        title=source.say("Income against lending, by the headroom held"),
        note=source.say("Each line holds one level of cash and undrawn lines at every close."),
        head=source.say("Income"),
        unit=source.unit,
        format=source.money,
        views=[View(lines=lines)],
        across=(source.say("Lending"), source.money),
    )


def _sensitivity(source: Source) -> Iterator[Chart]:
    """Each class' loss and yield by multiples of defaults and of prepayment."""
    frame = source.frame("sensitivity")
    if frame is None:
        return
    for column, title, unit, form in (
        ("loss_share", "What each class loses, by defaults and prepayment", "%", PERCENT),
        ("yield", "What each class yields, by defaults and prepayment", "% a year", RATE),
    ):
        views = [_grid(name, rows, column) for name, rows in _panels(frame)]
        yield Chart(
            key=f"sensitivity_{column}",
            kind="heat",
            title=source.say(title),
            note=source.say(
                "Across: multiple of defaults; down: multiple of prepayment. A dot marks interest "
                "late or principal missing."
            ),
            head=source.say("Multiple of prepayment"),
            unit=source.say(unit),
            format=form,
            views=views,
            pick=source.say("Class and severity added"),
            mark=source.say("fails"),
        )


def _panels(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for (tranche, added), rows in frame.groupby(["tranche", "severity_add"], sort=False):
        yield f"{tranche} · +{100.0 * float(str(added)):g}%", rows


def _grid(name: str, rows: pd.DataFrame, column: str) -> View:
    keys = ["prepay_multiple", "default_multiple"]
    table = rows.set_index(keys)[column].astype(float).unstack()  # noqa: PD010
    sound = rows.set_index(keys)["sound"].map(lambda sound: not bool(sound), na_action="ignore")
    failing = (sound.unstack() == True).to_numpy()  # noqa: E712, PD010
    return View(
        name=name,
        labels=[f"{value:g}×" for value in table.columns],
        rows=[f"{value:g}×" for value in table.index],
        cells=[figures(row) for _, row in table.iterrows()],
        marks=_places(failing),
    )
