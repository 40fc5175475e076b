"""Pictures of a plan: who funds, where cash comes from and goes, how far limits are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.quantities import FloatArray
from scfcap.report.charts import (
    Picture,
    Row,
    digits,
    lines,
    rows_of_bars,
    stacked,
    unit_of,
    use_map,
)
from scfcap.report.pictures.pictured import About, Plots
from scfcap.report.sheets.common import CHANNEL_COLOURS, CHANNEL_WORDS, STACK_WORDS, title_case
from scfcap.report.tables import Table
from scfcap.report.totals import funding_stack, loans_managed
from scfcap.report.words import FAMILIES

#: Rows of the limits' picture and of the prices' at most.
_LIMITS, _PRICES = 16, 12
_CARRIED = ("cash brought forward", "cash carried forward")
_OTHER = "7F7F7F"
Frames = Mapping[str, pd.DataFrame]


def plan_drawings(tables: Mapping[str, Table], about: About) -> Plots:
    """Pictures of the tables ``plan_*`` that are there, by name."""
    frames = {name: table.frame for name, table in tables.items() if len(table.frame)}
    made = {
        "funding": ("plan_balances", funding),
        "sources_uses": ("plan_sources_uses", sources_uses),
        "limits": ("plan_limits", limits),
        "cash": ("plan_balances", cash),
        "lending": ("plan_lending", lending),
        "prices": ("plan_prices", prices),
        "cost_of_funds": ("plan_cost_of_funds", cost_of_funds),
        "gaps": ("plan_maturity_gaps", gaps),
        "scenarios": ("plan_scenarios", scenarios),
        "contingency": ("plan_contingency_cash", contingency),
    }
    return {
        kind: partial(draw, frames, about)
        for kind, (needed, draw) in made.items()
        if needed in frames
    }


def funding(frames: Frames, about: About) -> Picture:
    """Who funds the loans and the cash, at each close."""
    balances = frames["plan_balances"]
    stack = funding_stack(balances)
    managed = loans_managed(balances)
    return stacked(
        "Who funds the loans and the cash",
        _ends(balances),
        {
            STACK_WORDS[str(name)]: row
            for name, row in zip(stack.index, stack.to_numpy(), strict=True)
        },
        about.currency,
        tints={STACK_WORDS[name]: f"#{tint}" for name, tint in CHANNEL_COLOURS.items()},
        over={"Loans managed": managed.to_numpy()},
        unit_says="at the close",
        note=about.note(),
        source=about.source,
    )


def sources_uses(frames: Frames, about: About) -> Picture:
    """Sources of cash above zero, uses below; cash that is carried over is left out."""
    flows = frames["plan_sources_uses"]
    moved = flows[~flows["item"].isin(_CARRIED)]
    channel = moved["channel"].astype(str).map(axes.channel_of)
    signed = moved["amount"].where(moved["side"] == "source", -moved["amount"])
    lent = (channel == axes.OWN) & (moved["item"] == "loans made")
    names = channel.map(lambda key: CHANNEL_WORDS.get(key, key)).astype("object")
    names[lent] = _LENT
    names[(channel == axes.OWN) & ~lent] = _OWN
    parts = _split(moved, names, signed)
    order = [_OWN, *CHANNEL_WORDS.values(), _LENT]
    shown = {name: parts[name] for name in [*order, *parts] if name in parts}
    tints = {CHANNEL_WORDS[name]: f"#{tint}" for name, tint in CHANNEL_COLOURS.items()}
    return stacked(
        "Sources and uses of cash",
        _ends(flows),
        {name: each for name, each in shown.items() if np.abs(each).max() > 0.0},
        about.currency,
        tints={**tints, _LENT: f"#{_OTHER}"},
        over={"Change of free cash": np.sum(list(parts.values()), axis=0)},
        unit_says="sources above, uses below",
        note=about.note(),
        source=about.source,
    )


_LENT = "Loans made"
_OWN = "Collections on the own book, less costs"


def _split(moved: pd.DataFrame, names: pd.Series, signed: pd.Series) -> dict[str, FloatArray]:
    """The net of each name by period [currency]."""
    periods = sorted(moved["period"].unique())
    sums = signed.groupby([names, moved["period"]], sort=False).sum()
    return {
        str(name): sums.xs(name, level=0).reindex(periods, fill_value=0.0).to_numpy()
        for name in dict.fromkeys(names)
    }


def limits(frames: Frames, about: About) -> Picture:
    """How far each limit is used in each period, the tightest first."""
    frame = frames["plan_limits"]
    frame = frame[~frame["family"].isin(("demand", "promised_demand")) & (frame["period"] > 0)]
    use, limit = frame["use"].to_numpy(), frame["limit"].to_numpy()
    below = (frame["sense"] == ">=").to_numpy()
    over, under = np.where(below, limit, use), np.where(below, use, limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(under > 0.0, over / under, np.where(over > 0.0, 1.0, np.nan))
    name = [
        _limit_name(f, k) for f, k in zip(frame["family"], frame["key"].astype(str), strict=True)
    ]
    keyed = frame.assign(name=name, share=share)
    table = pd.pivot_table(keyed, index="name", columns="period", values="share", aggfunc="max")
    binds = pd.pivot_table(keyed, index="name", columns="period", values="binding", aggfunc="max")
    binds = binds.reindex_like(table).eq(other=True)
    ranked = pd.DataFrame({"binds": binds.sum(axis=1), "mean": table.mean(axis=1)})
    order = ranked.sort_index().sort_values(["binds", "mean"], ascending=False, kind="stable").index
    shown = order[:_LIMITS]
    left = len(order) - len(shown)
    note = about.note() + (f" · the {len(shown)} tightest of {len(order)}" if left else "")
    ends = frame.drop_duplicates("period").set_index("period")["end"].reindex(table.columns)
    monthly = len(ends) < 2 or (ends.iloc[1] - ends.iloc[0]).days >= 28
    heads = [f"{end:%b %y}" if monthly else f"{end:%d %b %y}" for end in ends]
    return use_map(
        "How far limits are used: share of the limit, framed where it binds",
        table.loc[shown],
        binds.loc[shown],
        heads,
        note,
        about.source,
    )


def _limit_name(family: str, key: str) -> str:
    label = title_case(FAMILIES.get(family, family))
    return label if key == family else f"{label}: {key}"


def cash(frames: Frames, about: About) -> Picture:
    """Free cash at each close against its floor."""
    balances = frames["plan_balances"]
    own = balances[(balances["channel"] == axes.OWN) & (balances["item"] == "cash")]
    free = own.groupby("period")["amount"].sum()
    floor: pd.Series = pd.Series(np.nan, index=free.index)
    if "plan_limits" in frames:
        rows = frames["plan_limits"]
        held = rows[rows["family"] == "liquidity_floor"].groupby("period")["limit"].max()
        floor = held.reindex(free.index)
    return lines(
        "Free cash and the liquidity floor",
        _ends(balances),
        {"free cash": np.asarray(free, dtype=np.float64)},
        about.currency,
        limits={"floor": np.asarray(floor, dtype=np.float64)} if floor.notna().any() else {},
        unit_says="at the close",
        note=about.note(),
        source=about.source,
    )


def lending(frames: Frames, about: About) -> Picture:
    """Loans made by segment, and what was asked for in all."""
    frame = frames["plan_lending"]
    made = frame.pivot_table(
        index="segment", columns="period", values="originated", aggfunc="sum", sort=False
    )
    asked = frame.groupby("period")["demand"].sum()
    return stacked(
        "Loans made by segment, and demand",
        _ends(frame),
        {str(name): row for name, row in zip(made.index, made.to_numpy(), strict=True)},
        about.currency,
        over={"Demand": asked.to_numpy()},
        unit_says="over the period",
        note=about.note(),
        source=about.source,
    )


def prices(frames: Frames, about: About) -> Picture:
    """What one more unit of each limit earns, the dearest first."""
    frame = frames["plan_prices"].sort_values("value", ascending=False, kind="stable")
    shown = frame[frame["value"] > 0.0].head(_PRICES)
    shown = shown if len(shown) else frame.head(_PRICES)
    rows = [
        Row(title_case(str(what)), 100.0 * float(value), f"{100.0 * float(value):,.2f}")
        for what, value in zip(shown["what"], shown["value"], strict=True)
    ]
    return rows_of_bars(
        "What one more unit of each limit earns over the plan",
        {"": rows},
        f"{about.currency} for {about.currency} 100 more",
        note=about.note(),
        source=about.source,
    )


def cost_of_funds(frames: Frames, about: About) -> Picture:
    """What each source of funds costs a year, all in, and how much it raised."""
    frame = frames["plan_cost_of_funds"]
    used = frame[frame["rate"].notna() & (frame["average_amount"] > 0.0)]
    rows = []
    for row in used.sort_values("rate", kind="stable").to_dict("records"):
        key, item = str(row["channel"]), str(row["item"])
        channel = CHANNEL_WORDS.get(axes.channel_of(key), key)
        name = f"{channel}: {item}" if channel else title_case(item)
        unit, label = unit_of(float(row["average_amount"]))
        on = digits(float(row["average_amount"]) / unit, 3)
        rows.append(
            Row(
                name, float(row["rate"]), f"{row['rate']:.2%} on {about.currency} {on}{label}",
                bold=not channel,
            )
        )  # fmt: skip
    return rows_of_bars(
        "What each source of funds costs, all in",
        {"": rows},
        "a year, on the average balance",
        percent=True,
        note=about.note(),
        source=about.source,
    )


def gaps(frames: Frames, about: About) -> Picture:
    """Assets less liabilities due within some days, at each close."""
    frame = frames["plan_maturity_gaps"]
    table = frame.pivot_table(index="within_days", columns="period", values="gap", aggfunc="sum")
    return lines(
        "Maturity gaps: assets less liabilities due by a day",
        _ends(frame),
        {
            f"within {int(str(days))} days": row
            for days, row in zip(table.index, table.to_numpy(), strict=True)
        },
        about.currency,
        unit_says="at the close",
        bottom=None if table.to_numpy().min() < 0.0 else 0.0,
        note=about.note(),
        source=about.source,
    )


def scenarios(frames: Frames, about: About) -> Picture:
    """What the plan comes to in each scenario: the objective, and the least cash."""
    frame = frames["plan_scenarios"]
    groups = {}
    for column, words in (
        ("objective_amount", "What the plan is after"),
        ("least_cash_amount", "Least cash on the way"),
        ("shortfall_amount", "Missing at most"),
    ):
        largest = float(frame[column].abs().max())
        if not largest > 0.0:
            continue
        unit, label = unit_of(largest)
        groups[f"{words}, {about.currency}{label}"] = [
            Row(
                f"{row['scenario']} ({row['weight']:.0%})",
                float(row[column]) / unit,
                f"{row[column] / unit:,.3g}",
            )
            for row in frame.to_dict("records")
        ]
    return rows_of_bars(
        "What the plan comes to in each scenario",
        groups,
        "",
        note=about.note(""),
        source=about.source,
    )


def contingency(frames: Frames, about: About) -> Picture:
    """Free cash if a shock comes: as planned, if nothing is done, and answered."""
    frame = frames["plan_contingency_cash"]
    shock = _dearest(frame)
    mine = frame[frame["scenario"] == shock]
    courses: dict[str, Callable[[pd.DataFrame], FloatArray]] = {
        "as planned": lambda part: part["cash_base"].to_numpy(dtype=np.float64),
        "nothing done": lambda part: part["cash_nothing"].to_numpy(dtype=np.float64),
        "answered": lambda part: part["cash_answer"].to_numpy(dtype=np.float64),
    }
    drawn = {name: take(mine) for name, take in courses.items()}
    low = min(float(np.nanmin(each)) for each in drawn.values())
    return lines(
        "Free cash if a shock comes",
        mine["end"].reset_index(drop=True),
        drawn,
        about.currency,
        unit_says="at the close",
        bottom=0.0 if low >= 0.0 else None,
        note=about.note(shock),
        source=about.source,
    )


def _dearest(frame: pd.DataFrame) -> str:
    """The shock that leaves least cash if nothing is done."""
    return str(frame.sort_values("cash_nothing", kind="stable")["scenario"].iloc[0])


def _ends(frame: pd.DataFrame) -> pd.Series:
    """The last day of each period, in their order."""
    return frame.sort_values("period").drop_duplicates("period")["end"].reset_index(drop=True)
