"""Pictures of a pool: what it is made of, what may go where, and where it is concentrated."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from scfcap.report.charts import Picture, Row, digits, rows_of_bars, unit_of
from scfcap.report.pictures.pictured import About, Plots
from scfcap.report.tables import Table

_STRATA = "pool_stratification_"
#: Rows of a panel at most, and panels of one picture.
_ROWS, _PANELS = 12, 4
Frames = Mapping[str, pd.DataFrame]


def pool_drawings(tables: Mapping[str, Table], about: About) -> Plots:
    """Pictures of the tables ``pool_*`` that are there, by name."""
    frames = {name: table.frame for name, table in tables.items() if len(table.frame)}
    made = {}
    if any(name.startswith(_STRATA) for name in frames):
        made["stratification"] = partial(stratification, frames, about)
    if "pool_concentrations" in frames:
        made["concentrations"] = partial(concentrations, frames["pool_concentrations"], about)
    if "pool_eligibility" in frames:
        made["eligibility"] = partial(eligibility, frames["pool_eligibility"], about)
    return made


def pool_values(tables: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    """What the tape holds that pictures of the pool name: places, buyers, borrowers.

    ``tables`` as the pool has them, or with their ``pool_``.
    """
    found: set[str] = set()
    for name, frame in tables.items():
        bare = name.removeprefix("pool_")
        if bare.startswith("stratification_"):
            found.update(map(str, frame["name"]))
        elif bare == "concentrations":
            found.update(map(str, frame["value"]))
    return tuple(sorted(found))


def stratification(frames: Frames, about: About) -> Picture:
    """Shares of the pool's balance by each of its strata, the first four."""
    groups = {}
    for name in [name for name in frames if name.startswith(_STRATA)][:_PANELS]:
        frame = frames[name]
        shown = frame if len(frame) <= _ROWS else frame.nlargest(_ROWS - 1, "share", keep="first")
        rows = [
            Row(str(each["name"]), float(each["share"]), f"{each['share']:.1%}")
            for each in shown.to_dict("records")
        ]
        rest = float(frame["share"].sum() - shown["share"].sum())
        if len(frame) > len(shown):
            rows.append(Row(f"{len(frame) - len(shown)} others", rest, f"{rest:.1%}"))
        groups[f"By {name.removeprefix(_STRATA).replace('_', ' ')}"] = rows
    return rows_of_bars(
        "What the pool is made of",
        groups,
        "share of the balance",
        percent=True,
        columns=2 if len(groups) > 1 else 1,
        note=about.note(""),
        source=about.source,
    )


def concentrations(frame: pd.DataFrame, about: About) -> Picture:
    """The largest share under each concentration limit of each set, against the limit."""
    named = frame[frame["value"].astype(str) != "(missing)"]
    largest = named.sort_values("share", ascending=False, kind="stable").drop_duplicates(
        ["set", "limit"]
    )
    order = frame.drop_duplicates(["set", "limit"])[["set", "limit"]]
    groups: dict[str, list[Row]] = {}
    for row in order.merge(largest, on=["set", "limit"]).to_dict("records"):
        share, limit = float(row["share"]), float(row["limit_share"])
        over = share > limit
        says = f"{row['value']}: {share:.1%} of {limit:.1%}"
        groups.setdefault(str(row["set"]), []).append(
            Row(str(row["limit"]), share, says, limit=limit, bold=over)
        )
    return rows_of_bars(
        "Where the pool is concentrated: the largest share against its limit",
        {f"Set {name}": rows for name, rows in groups.items()},
        "share of the balance; the mark is the limit",
        percent=True,
        note=about.note(""),
        source=about.source,
    )


def eligibility(frame: pd.DataFrame, about: About) -> Picture:
    """What each rule of each set excludes, in the order in which the rules are asked."""
    unit, label = unit_of(float(frame["balance_in_sequence"].abs().max()))
    groups: dict[str, list[Row]] = {}
    for row in frame.to_dict("records"):
        amount = float(row["balance_in_sequence"])
        says = f"{digits(amount / unit, 3)} · {int(row['loans_in_sequence']):,} loans"
        groups.setdefault(f"Set {row['set']}", []).append(
            Row(str(row["rule"]), amount / unit, says)
        )
    return rows_of_bars(
        "What keeps loans out, rule by rule",
        groups,
        f"excluded balance, {about.currency}{label}",
        note=about.note(""),
        source=about.source,
    )
