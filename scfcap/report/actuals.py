"""A plan against what happened, to show and to save: both bridges, why, and what changes now."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, OWN, P2P, SECURITIZATION
from scfcap.brief import Lines, money
from scfcap.funding.outturn import Outturn
from scfcap.funding.variance import DRIVERS, Variance
from scfcap.report import charts
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table, named_table
from scfcap.report.words import FAMILIES, listed

#: Effects below it are told of nothing [currency].
LEAST = 0.5
_MONEY = (
    "plan", "flexible", "actual", "variance", "income", "cash", "before", "after", "change",
    "amount",
)  # fmt: skip
_TITLES = {
    "variance": "Net income and closing cash against the plan, by driver",
    "variance_lines": "The same by driver and item: plan, flexible budget, actual",
    "outturn": "Loans: plan and actual by segment and place",
    "advice": "Sources and uses of the old and the new plan, by span between common closes",
    "advice_actions": "First actions of the old and the new plan",
    "advice_limits": "Limits that bind in the old and the new plan, at how many common closes",
}


@dataclass(frozen=True)
class Advice:
    """The next plan beside the last: see :mod:`scfcap.funding.advice`.

    ``objective`` and ``net_income`` [currency] are the new plan's, ``end`` its last day, ``first``
    the close up to which first actions are told, ``common`` how many closes both plans have.
    """

    flows: pd.DataFrame
    actions: pd.DataFrame
    limits: pd.DataFrame
    objective: float
    net_income: float
    end: date
    first: date
    common: int
    said: tuple[str, ...]
    limits_changed: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]

    def sentences(self, currency: str) -> list[str]:
        """What changes in each channel over the common closes, and which limits bind otherwise."""
        said = []
        for channel, rows in self.flows.groupby("channel", sort=True):
            before, after = float(rows["before"].sum()), float(rows["after"].sum())
            if abs(after - before) <= LEAST:
                continue
            name = "New lending" if channel == "lending" else _plain_words(str(channel))
            said.append(
                f"{name}: {currency} {after:,.0f} up to {rows['end'].max():%Y-%m-%d}, "
                f"{abs(after - before):,.0f} {'more' if after > before else 'less'} than in the "
                f"old plan.{self._binds(str(channel))}"
            )
        return said

    def _binds(self, channel: str) -> str:
        """Limits of the channel that bind at more or fewer closes than in the old plan."""
        moved = self.limits[self.limits["change"] != 0]
        told = []
        for row in moved.to_dict("records"):
            family = str(row["family"])
            if family not in _OF_CHANNEL.get(channel, ()):
                continue
            name = FAMILIES.get(family, family.replace("_", " "))
            key = "" if row["key"] == family else f" {row['key']}"
            told.append(f"{name}{key} at {row['after']} closes, not {row['before']}")
        return f" Limits that bind: {listed(told)}." if told else ""


#: Families of limits that hold back what a channel does.
_OF_CHANNEL = {
    "lending": ("demand", "promised_demand", "liquidity_floor", "leverage", "book_share",
                "core_share", "maturity_gap", "tenor_match"),
    BANK_DEBT: ("bank_debt", "covenant", "pledge", "lender_count"),
    BANK_TRANSFER: ("transfer_stock", "transfer_flow"),
    SECURITIZATION: ("issue_size", "first_pool", "programme", "overcollateralization", "idle_cash",
                     "trigger_headroom"),
    P2P: ("p2p_limit", "p2p_supply", "p2p_rolling", "p2p_renewal", "p2p_backing"),
}  # fmt: skip


def _plain_words(channel: str) -> str:
    """A channel in words, with what it decides."""
    words = {
        BANK_DEBT: "Drawn on lines",
        BANK_TRANSFER: "Loans sold to banks",
        SECURITIZATION: "Loans sold and money paid into series",
        P2P: "P2P notes placed",
        OWN: "Paid to the owners",
    }
    return words.get(channel, channel.replace("_", " ").capitalize())


@dataclass(frozen=True, repr=False)
class ActualsReport(Pictured):
    """The plan from ``begin`` against what happened up to ``end``, amounts in ``currency``.

    ``advice`` is None where no next plan was asked for. ``scaled``: the model is stated for another
    book, and the file's amounts are of the real one.
    """

    model: str
    file: str
    currency: str
    begin: date
    end: date
    scenario: str
    scaled: bool
    plan: Outturn
    actual: Outturn
    variance: Variance
    advice: Advice | None
    origin: Mapping[str, Any]

    @cached_property
    def frames(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        lines = self.variance.lines.copy()
        lines.insert(6, "variance", lines["actual"] - lines["plan"])
        lines["sentence"] = [self._sentence(row) for row in lines.to_dict("records")]
        found = {
            "variance": self.variance.bridge(),
            "variance_lines": lines,
            "outturn": _loans(self.plan, self.actual),
        }
        if self.advice is not None:
            found["advice"] = self.advice.flows
            found["advice_actions"] = self.advice.actions
            found["advice_limits"] = self.advice.limits
        return found

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The same with units; the new plan's own tables as ``plan_NAME``."""
        made = {
            name: Table(name, _TITLES[name], frame, self._units(name, frame))
            for name, frame in self.frames.items()
        }
        if self.advice is not None:
            for name, frame in self.advice.tables.items():
                table = named_table(f"plan_{name}", frame, self.currency)
                made[table.name] = table
        return made

    def _units(self, name: str, frame: pd.DataFrame) -> dict[str, str]:
        if name == "advice_limits":
            return dict.fromkeys(("before", "after", "change"), "closes")
        return {column: self.currency for column in _MONEY if column in frame}

    @property
    def headline(self) -> list[str]:
        """Net income and closing cash in two sentences, and what moved them most."""
        said = []
        for what, ends, column in (
            ("Net income", self.variance.income, "income"),
            ("Free cash at the end", self.variance.cash, "cash"),
        ):
            bridge = self.frames["variance"]
            row = int(np.argmax(bridge[column].abs().to_numpy()))
            most = bridge.to_dict("records")[row]
            change = ends[1] - ends[0]
            text = f"{what} was {self._money(ends[1])}, {self._than(change, ends[0])}"
            if abs(change) > LEAST:
                text += f"; most of it by {most['driver']} ({self._signed(float(most[column]))})"
            said.append(f"{text}.")
        return said

    @property
    def sentences(self) -> list[str]:
        """A sentence for each driver and item that did something, the largest first."""
        lines = self.frames["variance_lines"]
        size = lines[["income", "cash"]].abs().max(axis=1).to_numpy()
        told = lines["sentence"].tolist()
        return [str(told[n]) for n in np.argsort(-size, kind="stable") if size[n] > LEAST]

    @property
    def begins(self) -> list[str]:
        """With what the new plan begins, beside what the old one expected for that day."""
        said = []
        for what, plan, actual in _standing(self.plan, self.actual):
            change = actual - plan
            if abs(change) > LEAST:
                said.append(
                    f"{what} at {self.end}: {self._money(actual)}, "
                    f"{self._money(abs(change))} {'more' if change > 0.0 else 'less'} than planned."
                )
        return said

    @property
    def cautions(self) -> list[str]:
        """What a reader must know before he uses the figures."""
        said = []
        if self.scaled:
            said.append(
                f"The model is stated for another book: amounts of {self.file} and of this report "
                "are of the real one."
            )
        if self.variance.as_total:
            said.append(
                "A flow is told as a total, so all periods are taken as one: what volumes do to "
                "interest later in the span is part of yield, prepayment and defaults."
            )
        return said

    def _than(self, change: float, planned: float) -> str:
        if abs(change) <= LEAST:
            return "as planned"
        more = "more" if change > 0.0 else "less"
        return f"{self._money(abs(change))} {more} than planned ({self._money(planned)})"

    def _money(self, amount: float) -> str:
        return f"{self.currency} {amount:,.0f}".replace(f"{self.currency} -", f"-{self.currency} ")

    def _signed(self, amount: float) -> str:
        return f"{'+' if amount >= 0.0 else '-'}{self.currency} {abs(amount):,.0f}"

    def _sentence(self, row: Mapping[Any, Any]) -> str:
        effect = [
            f"{what} {self._signed(float(row[column]))}"
            for what, column in (("net income", "income"), ("cash", "cash"))
            if abs(float(row[column])) > LEAST
        ]
        if not effect:
            return ""
        item = {OWN: "the company", "all": ""}.get(str(row["item"]), str(row["item"]))
        driver = str(row["driver"]).capitalize()
        subject = f"{driver}, {item}" if item else driver
        base, word = float(row["flexible"]), "what the plan's rates give on what stood"
        if not math.isfinite(base):
            base, word = float(row["plan"]), "the plan's"
        said = ""
        if math.isfinite(base) and abs(base) > LEAST and row["measure"]:
            ratio = float(row["actual"]) / base
            said = f": {row['measure']} was {ratio:.2f} times {word}"
        elif row["measure"]:
            said = f": {row['measure']} was {self._money(float(row['actual']))}"
        return f"{subject}{said}: {', '.join(effect)}."

    def document(self) -> dict[str, Any]:
        """The comparison as plain values."""
        found: dict[str, Any] = {
            "schema_version": RESULT_VERSION,
            "model": self.model,
            "actuals": self.file,
            "from": self.begin,
            "to": self.end,
            "currency": self.currency,
            "scenario": self.scenario,
            "net_income": dict(zip(("plan", "actual"), self.variance.income, strict=True)),
            "closing_cash": dict(zip(("plan", "actual"), self.variance.cash, strict=True)),
            "order": list(DRIVERS),
            "summary": [*self.headline, *self.sentences],
            "cautions": self.cautions,
            **{name: records(_plain(frame)) for name, frame in self.frames.items()},
        }
        if self.advice is not None:
            found["replan"] = {
                "to": self.advice.end,
                "objective": self.advice.objective,
                "net_income": self.advice.net_income,
                "begins": self.begins,
                "changes": self.advice.sentences(self.currency),
                "said": [*self.advice.limits_changed, *self.advice.said],
            }
        return found

    def _brief(self) -> tuple[str, Lines]:
        return f"Plan and actuals of {self.model}", [
            ("from", f"{self.begin} to {self.end}"),
            ("scenario planned", self.scenario),
            (
                "net income, plan and actual",
                " and ".join(money(each, self.currency) for each in self.variance.income),
            ),
        ]

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About(self.model, self.model, currency=self.currency, names=(self.model,))

    def pictures(self) -> dict[str, charts.Picture]:
        """Bridges from plan to actual: of net income and of closing cash."""
        return {name: draw() for name, draw in self.plots().items()}

    def plots(self) -> Plots:
        """The same, each drawn when it is called."""
        variance = self.variance
        return {
            "bridge_income": partial(self._bridge, "Net income", "income", variance.income[0]),
            "bridge_cash": partial(self._bridge, "Free cash", "cash", variance.cash[0]),
        }

    def _bridge(self, what: str, column: str, before: float) -> charts.Picture:
        rows = self.frames["variance"].to_dict("records")
        return charts.bridge(
            f"{what} from {self.begin} to {self.end}: plan to actual",
            before,
            {
                textwrap.fill(str(row["driver"]), 11): float(row[column])
                for row in rows
                if abs(float(row[column])) > LEAST
            },
            ("plan", "actual"),
            self.currency,
        )

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder: tables (the comparison's also as CSV) and pictures."""
        extra = {f"{name}.csv": csv_bytes(frame) for name, frame in self.frames.items()}
        for name, picture in self.pictures().items():
            extra[f"{name}.png"] = picture.to_bytes("png")
            extra[f"{name}.svg"] = picture.to_bytes("svg")
        return save_run(Path(out), self.tables, self.origin, self.document(), extra=extra)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Figures that are not there as None."""
    return frame.astype("object").where(frame.notna(), None) if frame.isna().any().any() else frame


def _standing(plan: Outturn, actual: Outturn) -> list[tuple[str, float, float]]:
    """Balances at the end of both [currency]."""

    def of(x: Outturn) -> dict[str, float]:
        own = x.places.index(OWN)
        series = [c for c in x.on_books if c != own]
        return {
            "Free cash": x.cash[1],
            "Loans on the own book": float(x.closing[:, own].sum()),
            "Loans of series": float(x.closing[:, series].sum()),
            "Debt of lenders": sum(d.closing for d in x.lenders.values()),
            "Notes of series": sum(d.closing for s in x.series.values() for d in s.notes),
            "P2P notes": 0.0 if x.p2p is None else x.p2p.closing,
            "Net capital": x.capital[1],
        }

    before, after = of(plan), of(actual)
    return [(name, before[name], after[name]) for name in before]


def _loans(plan: Outturn, actual: Outturn) -> pd.DataFrame:
    """A row for each segment, place and flow or balance that is not nothing."""
    rows = []
    for s, segment in enumerate(plan.segments):
        for c, where in enumerate(plan.places):
            told = [("opening", plan.opening[s, c], actual.opening[s, c])]
            told += [
                (name, plan.loans[name][s, c].sum(), actual.loans[name][s, c].sum())
                for name in plan.loans
            ]
            told.append(("closing", plan.closing[s, c], actual.closing[s, c]))
            rows += [
                (segment, where, name, float(a), float(b), float(b - a))
                for name, a, b in told
                if max(abs(a), abs(b)) > LEAST
            ]
    names = ["segment", "place", "figure", "plan", "actual", "variance"]
    return pd.DataFrame(rows, columns=names)
