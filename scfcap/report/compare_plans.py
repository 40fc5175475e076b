"""Two plans side by side: what changed in what is to be done, in limits and prices, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.brief import Lines, money
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.objective import WORDS
from scfcap.report import charts
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table

#: What each driver is: a group of the model's data.
MEANING = {
    "opening": "the loans at the start, which of them may go where, contracts, the opening balance "
    "sheet, the day",
    "credit": "how borrowers behave: defaults, prepayment, recoveries; indices",
    "scenario": "the scenario planned under, and what scenarios do",
    "demand": "what borrowers ask for, and what new loans are like",
    "lenders": "lines: limits, rates, fees, tenors, covenants, older draws",
    "buyers": "buyers of loans: limits, prices, fees, terms",
    "securitization": "the programme: tranches, coupons, fees, series and issues",
    "p2p": "P2P lenders: limit, supply, rates, tenor, older notes",
    "partners": "guaranteed banks, joint lenders, the guarantor",
    "law": "what is in force on each day of the plan",
    "policy": "floors, covers, running costs, horizon, objective, provisions, tax, dividends, "
    "concentration limits",
}
#: What the figures of a folder and its plan made again differ by.
VERSION = "version"
#: The comparison's workbook in its run folder.
WORKBOOK = "compare.xlsx"
#: Amounts below this share of the largest, and below a currency unit, are no change.
SMALL = 1e-6
_KEYS = ("channel", "action", "item")


@dataclass(frozen=True)
class Step:
    """A plan on the way from a to b, after the groups ``drivers`` were taken from b [currency]."""

    drivers: tuple[str, ...]
    objective: float
    net_income: float


@dataclass(frozen=True)
class PlanParty:
    """One of the two plans.

    ``about`` are facts (model, scenario, regime, objective's kind, ...), ``spec`` the model's file
    as plain values, ``frames`` the plan's tables by name, amounts in currency. ``again`` holds
    objective and net income of the plan made again, where ``objective`` is a folder's; ``names``
    are what its model names, ``language`` that of its reports.
    """

    name: str
    about: Mapping[str, str]
    spec: Mapping[str, Any]
    objective: float
    net_income: float
    frames: Mapping[str, pd.DataFrame]
    cautions: tuple[str, ...] = ()
    again: tuple[float, float] | None = None
    names: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True, repr=False)
class PlanComparison(Pictured):
    """Plan ``a`` against plan ``b`` [``currency``].

    ``steps`` lead from one to the other; None where they could not be made: ``unexplained`` says
    why.
    """

    a: PlanParty
    b: PlanParty
    currency: str
    steps: Sequence[Step] | None
    unexplained: str = ""
    said: tuple[str, ...] = field(default=())

    @cached_property
    def drivers(self) -> pd.DataFrame:
        """One row a driver, with ``a`` first and ``b`` last: objective and net income, what each
        driver adds to them, and what it is. The effects add up to b - a exactly.
        """
        ends = [(x.objective, x.net_income) for x in (self.a, self.b)]
        rows: list[tuple[str, float, float, str]] = [("a", *ends[0], self.a.name)]
        if self.steps is not None:
            last = np.array(self.a.again or ends[0])
            version = last - np.array(ends[0])
            for step in self.steps:
                now = np.array([step.objective, step.net_income])
                rows.append((_joined(step.drivers), *_two(now - last), _meaning(step.drivers)))
                last = now
            version += np.array(ends[1]) - last
            size = np.maximum(np.abs(np.array(ends)).max(axis=0), 1.0)
            if (np.abs(version) > SMALL * size).any():
                told = (
                    "what this version of the program makes of the folders' inputs, other orders "
                    "of repayment included"
                )
                rows.append((VERSION, *_two(version), told))
        rows.append(("b", *ends[1], self.b.name))
        return pd.DataFrame(rows, columns=["driver", "objective", "net_income", "meaning"])

    @cached_property
    def figures(self) -> pd.DataFrame:
        """Totals of both plans [currency]: figure, a, b, change."""
        both = [dict(_figures(x)) for x in (self.a, self.b)]
        names = list(dict.fromkeys([*both[0], *both[1]]))
        rows = [(n, both[0].get(n, 0.0), both[1].get(n, 0.0)) for n in names]
        return _changed(pd.DataFrame(rows, columns=["figure", "a", "b"]))

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """What is done otherwise, by channel, action, item and date, the largest change first:
        lending by segment, draws, repayments, sales, issues, P2P [currency].
        """
        both = [_decided(x.frames) for x in (self.a, self.b)]
        return _largest_first(_beside(both[0], both[1], [*_KEYS, "date"]))

    @cached_property
    def totals(self) -> pd.DataFrame:
        """The same over the whole plan: channel, action, item, a, b, change."""
        both = [_decided(x.frames) for x in (self.a, self.b)]
        return _largest_first(_beside(both[0], both[1], _KEYS))

    @cached_property
    def limits(self) -> pd.DataFrame:
        """Limits that bind in other periods than before: how often in each, and on which days."""
        both = [_binding(x.frames["limits"]) for x in (self.a, self.b)]
        rows = []
        for key in dict.fromkeys([*both[0], *both[1]]):
            days = [each.get(key, ()) for each in both]
            new = [day for day in days[1] if day not in days[0]]
            gone = [day for day in days[0] if day not in days[1]]
            if new or gone:
                family, name = key
                what = BY_NAME[family].what if family in BY_NAME else family
                label = what if name == family else f"{what} {name}"
                rows.append((label, len(days[0]), len(days[1]), ", ".join(new), ", ".join(gone)))
        columns = ["limit", "periods_a", "periods_b", "binds_now", "binds_no_longer"]
        frame = pd.DataFrame(rows, columns=columns)
        moved = (frame["periods_b"] - frame["periods_a"]).abs()
        order = moved.sort_values(ascending=False, kind="stable").index
        return frame.loc[order].reset_index(drop=True)

    @cached_property
    def prices(self) -> pd.DataFrame:
        """What one more unit of each datum is worth in both plans [1], where that changed; the
        largest change first. A datum that one of them does not have is empty there.
        """
        both = [
            x.frames["prices"].drop_duplicates("what").set_index("what")["value"]
            for x in (self.a, self.b)
        ]
        frame = pd.DataFrame({"a": both[0], "b": both[1]}).rename_axis("what").reset_index()
        frame["change"] = frame["b"].fillna(0.0) - frame["a"].fillna(0.0)
        frame = frame[frame["change"].abs() > SMALL]
        order = frame["change"].abs().sort_values(ascending=False, kind="stable").index
        return frame.loc[order].reset_index(drop=True)

    @cached_property
    def next(self) -> pd.DataFrame:
        """What changes in the first month: channel, action, item, a, b, change [currency]."""
        both = [x.frames["next"] for x in (self.a, self.b)]
        return _largest_first(_beside(both[0], both[1], _KEYS))

    @cached_property
    def cautions(self) -> list[str]:
        """What a reader must know: what cannot be compared, and what either plan warns of."""
        found = list(self.said)
        if self.unexplained:
            found.append(f"Why the plans differ is not told: {self.unexplained}.")
        for name, words in _FACTS.items():
            a, b = (x.about.get(name, "") for x in (self.a, self.b))
            if a != b:
                found.append(f"{words}: {a or 'none'} in a, {b or 'none'} in b.")
        found += [
            f"{_joined(step.drivers)}: one effect, because some of these data do not go together "
            "with the others of a, or leave no plan that keeps all limits."
            for step in self.steps or ()
            if len(step.drivers) > 1
        ]
        both = [set(x.cautions) for x in (self.a, self.b)]
        found += [f"Of a alone: {text}" for text in self.a.cautions if text not in both[1]]
        found += [f"Of b alone: {text}" for text in self.b.cautions if text not in both[0]]
        return found

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {
            "plan_drivers": self.drivers,
            "plan_figures": self.figures,
            "plan_decisions": self.decisions,
            "plan_decisions_total": self.totals,
            "plan_limits_changed": self.limits,
            "plan_prices_changed": self.prices,
            "plan_next_changed": self.next,
        }

    def sentence(self) -> str:
        """The change of the objective and its drivers, the largest first, in a sentence."""
        change = self.b.objective - self.a.objective
        words = WORDS[self.a.about["objective"]].title
        told = f"{words[0].upper()}{words[1:]}"
        ends = f"{self.currency} {self.a.objective:,.0f} to {self.b.objective:,.0f}"
        if abs(change) < 0.5:
            return f"{told}: {ends}, no change."
        frame = self.drivers.iloc[1:-1]
        order = frame["objective"].abs().sort_values(ascending=False, kind="stable").index
        parts = [
            f"{row['driver']} {row['objective']:+,.0f}"
            for row in frame.loc[order].to_dict("records")
            if abs(row["objective"]) >= 0.5
        ]
        return f"{told}: {ends}, {change:+,.0f}{': ' if parts else ''}{', '.join(parts)}."

    def document(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "schema_version": RESULT_VERSION,
            "a": {"name": self.a.name, **self.a.about},
            "b": {"name": self.b.name, **self.b.about},
            "currency": self.currency,
            "summary": self.sentence(),
            "cautions": self.cautions,
            **{
                name.removeprefix("plan_"): json.loads(json.dumps(records(frame), default=str))
                for name, frame in self.tables().items()
            },
        }

    def _brief(self) -> tuple[str, Lines]:
        return "Comparison of two plans", [
            (f"{side}: {each.name}", f"net income {money(each.net_income, self.currency)}")
            for side, each in (("a", self.a), ("b", self.b))
        ]

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About(currency=self.currency, names=(self.a.name, self.b.name))

    def pictures(self) -> dict[str, charts.Picture]:
        """Bridges from a to b by driver; none where the drivers are not told."""
        return {name: draw() for name, draw in self.plots().items()}

    def plots(self) -> Plots:
        """The same, each drawn when it is called."""
        if self.steps is None:
            return {}
        measures = ("objective", "net_income")
        return {f"plan_bridge_{name}": partial(self._bridge, name) for name in measures}

    def _bridge(self, measure: str) -> charts.Picture:
        title = f"from {self.a.name} (a) to {self.b.name} (b)"
        frame = self.drivers.iloc[1:-1]
        return charts.bridge(
            f"{measure.replace('_', ' ').capitalize()}, {title}",
            float(self.drivers[measure].iloc[0]),
            {str(row["driver"]): float(row[measure]) for row in frame.to_dict("records")},
            ("a", "b"),
            self.currency,
        )

    def files(self) -> tuple[dict[str, Table], dict[str, bytes]]:
        """Tables with their units, and CSV files and pictures by name."""
        made = {
            name: Table(name, name.replace("_", " ").capitalize(), frame, self._units(name, frame))
            for name, frame in self.tables().items()
        }
        extra = {f"{name}.csv": csv_bytes(table.frame) for name, table in made.items()}
        for name, picture in self.pictures().items():
            extra[f"{name}.png"] = picture.to_bytes("png")
            extra[f"{name}.svg"] = picture.to_bytes("svg")
        return made, extra

    def to_excel(self, path: str | Path, language: str = "") -> Path:
        """Write the comparison as a workbook; returns its path.

        ``language`` is "en" or "zh", without it that of the reports of a's model.
        """
        from scfcap.report.excel import write_book
        from scfcap.report.sheets.compare import compare_book

        book = compare_book(None, self, language=language or self.a.language)
        return write_book(book, Path(path))

    def save(self, out: str | Path, origin: Mapping[str, Any], language: str = "") -> SavedRun:
        """Write the comparison as a run folder: tables (also as CSV), pictures, the workbook."""
        made, extra = self.files()
        workbook = (WORKBOOK, lambda path: self.to_excel(path, language))
        return save_run(Path(out), made, origin, self.document(), workbook, extra)

    def _units(self, name: str, frame: pd.DataFrame) -> dict[str, str]:
        if name == "plan_limits_changed":
            return {}
        unit = "currency/currency" if name == "plan_prices_changed" else self.currency
        money = ("a", "b", "change", "objective", "net_income")
        return {column: unit for column in money if column in frame}


_FACTS = {
    "objective": "What is sought differs, so that the objectives are of different kinds",
    "as_of": "The plans begin on different days",
    "span": "The plans are of different length",
    "scenario": "The scenarios differ",
    "regime": "The law differs",
    "version": "The plans were made by different versions",
}


def _joined(drivers: Sequence[str]) -> str:
    return " + ".join(drivers)


def _meaning(drivers: Sequence[str]) -> str:
    return "; ".join(MEANING[name] for name in drivers)


def _two(values: Any) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _figures(party: PlanParty) -> Iterator[tuple[str, float]]:
    yield "objective", party.objective
    yield "net income", party.net_income
    decided = _decided(party.frames)
    for action, words in _TOTALS.items():
        mine = decided[decided["action"] == action]
        for channel, part in mine.groupby("channel", sort=True):
            name = _ELSE.get((action, str(channel)), words)
            where = "" if action == "lend" else f", {str(channel).replace('_', ' ')}"
            yield f"{name}{where}", float(part["amount"].sum())


_TOTALS = {
    "lend": "new loans", "draw": "drawn", "transfer": "loans sold", "issue": "pools of new series",
    "book": "lent with partners", "repay": "repaid",
}  # fmt: skip

#: What an action is called in a channel where it is something else.
_ELSE = {("issue", "p2p"): "notes placed", ("transfer", "securitization"): "loans moved"}


def _decided(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lending by segment and every action but notices: channel, action, item, date, amount."""
    lent = frames["lending"]
    lending = pd.DataFrame(
        {
            "channel": "own_capital",
            "action": "lend",
            "item": lent["segment"].astype(str),
            "date": pd.to_datetime(lent["end"]),
            "amount": lent["originated"].astype(float),
        }
    )
    todo = frames["actions"]
    todo = todo[todo["action"] != "notify"]
    done = todo[["channel", "action", "item", "date", "amount"]].assign(
        date=pd.to_datetime(todo["date"]), amount=todo["amount"].astype(float)
    )
    parts = [part for part in (lending, done) if len(part)]
    frame = pd.concat(parts, ignore_index=True) if parts else lending
    frame["date"] = frame["date"].astype("datetime64[s]")
    return frame


def _beside(a: pd.DataFrame, b: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Amounts of both added up by ``keys``; what only one has is zero in the other."""
    names = list(keys)
    both = [frame.groupby(names, sort=False)["amount"].sum().astype(float) for frame in (a, b)]
    frame = pd.DataFrame({"a": both[0], "b": both[1]}).fillna(0.0)
    return _changed(frame.rename_axis(names).reset_index())


def _changed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(change=frame["b"] - frame["a"])


def _largest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that changed, the largest change first."""
    size = float(frame[["a", "b"]].abs().to_numpy().max(initial=0.0))
    frame = frame[frame["change"].abs() > max(1.0, SMALL * size)]
    order = frame["change"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _binding(limits: pd.DataFrame) -> dict[tuple[str, str], tuple[str, ...]]:
    """Days on which each limit binds, by family and key."""
    frame = limits[limits["binding"].astype(bool)]
    found: dict[tuple[str, str], list[str]] = {}
    for row in frame[["family", "key", "end"]].to_dict("records"):
        day = "at its date" if pd.isna(row["end"]) else f"{pd.Timestamp(row['end']):%Y-%m-%d}"
        found.setdefault((str(row["family"]), str(row["key"])), []).append(day)
    return {key: tuple(days) for key, days in found.items()}
