"""A rolling back-test to show and to save: tables, and the same in words that the figures make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.brief import Lines
from scfcap.funding.rolling.measures import (
    CONFIDENCE,
    EVEN,
    TAIL,
    Outcome,
    differences,
    outcomes_table,
    summary,
)
from scfcap.funding.rolling.policies import FORESIGHT, MEAN, PLANNER
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.pictures.worth import policies
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table

#: Measures of which policies are compared in pairs, and how they are called.
COMPARED = {
    "value": "value at the end",
    "served": "share of demand served",
    "shortfall": "missing cash",
}
_MONEY = (
    "value", "net_capital", "shortfall", "deepest", "shortfall_cost", "shortfall_cvar",
)  # fmt: skip
#: Worlds below which an interval is rough.
FEW = 10
#: Words for what happens in each family.
WORDS = {
    "drawn": "paths of `[factors]`",
    "named": "a named scenario of the model at a random date, on such a path",
    "unforeseen": "a shock that none of the planner's scenarios holds, on such a path",
    "all": "all of them",
}


@dataclass(frozen=True, repr=False)
class BacktestReport(Pictured):
    """Outcomes of all policies in all worlds; ``unit`` is the currency in a money unit."""

    model: str
    currency: str
    unit: float
    net_capital: float
    about: Mapping[str, Any]
    frequency: str
    named: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    origin: Mapping[str, Any]
    seconds: float

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row for each world and policy [currency]."""
        return outcomes_table(self.outcomes, self.unit)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Means by family and policy [currency]."""
        return summary(self.frame)

    @cached_property
    def paired(self) -> pd.DataFrame:
        """The scenario program less each rival, by family and measure [currency, shares]."""
        seed = int(self.about["seed"])
        even = {"value": EVEN * self.net_capital, "shortfall": EVEN * self.net_capital}
        return pd.concat(
            [
                differences(self.frame, PLANNER, name, seed, even.get(name, EVEN))
                for name in COMPARED
            ],
            ignore_index=True,
        )

    def _brief(self) -> tuple[str, Lines]:
        return f"Back-test of the plan of {self.model}", [
            ("worlds", f"{len(self.outcomes):,}"),
            ("periods", self.frequency),
        ]

    def _about(self) -> About:
        """What its picture says of where it comes from."""
        return About(self.model, self.model, currency=self.currency, names=(self.model,))

    def plots(self) -> Plots:
        """What the scenario program gains on each rival."""
        return {"policies": lambda: policies(self.paired, COMPARED, self._about())}

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {"outcomes": self.frame, "summary": self.summary, "differences": self.paired}

    def document(self) -> dict[str, Any]:
        """The back-test as plain values."""
        return {
            "schema_version": RESULT_VERSION,
            "model": self.model,
            "currency": self.currency,
            **self.about,
            "findings": list(self.findings()),
            **{name: records(frame) for name, frame in self.tables().items()},
        }

    def save(self, out: str | Path) -> SavedRun:
        """Write a run folder: tables (also as CSV) and ``backtest.md``."""
        made = {
            name: Table(name, name.capitalize(), frame, self._units(frame))
            for name, frame in self.tables().items()
        }
        extra = {f"{name}.csv": csv_bytes(table.frame) for name, table in made.items()}
        extra["backtest.md"] = self.markdown().encode()
        return save_run(Path(out), made, self.origin, self.document(), extra=extra)

    def _units(self, frame: pd.DataFrame) -> dict[str, str]:
        return {name: self.currency for name in _MONEY if name in frame}

    # In words.

    def findings(self) -> Iterator[str]:
        """Sentences on where the scenario program wins and loses, by the intervals alone; where it
        loses seeds, how it lent and what it missed in them.
        """
        frame = self.paired[self.paired["measure"] == "value"]
        for family in _together_first(frame):
            mine = frame[(frame["family"] == family) & (frame["rival"] != FORESIGHT)]
            for title, chosen in (
                ("beats", mine[mine["low"] > 0.0]),
                ("loses to", mine[mine["high"] < 0.0]),
                ("cannot be told from", mine[(mine["low"] <= 0.0) & (mine["high"] >= 0.0)]),
            ):
                if len(chosen):
                    named = "; ".join(self._said(row) for row in _rows(chosen))
                    yield f"{_in(family)} the scenario program {title} {named}."
            if family != "all":
                yield from self._losses(family, mine)

    def _said(self, row: Mapping[str, Any]) -> str:
        low, high = self._money(row["low"], True), self._money(row["high"], True)
        mean = self._money(row["difference"], True)
        return f"{row['rival']} ({mean}, {low} to {high}; {row['lost_share']:.0%} of seeds lost)"

    def _losses(self, family: str, mine: pd.DataFrame) -> Iterator[str]:
        """Where seeds are lost: how it was with lending and missing cash then."""
        frame = self.frame if family == "all" else self.frame[self.frame["family"] == family]
        planner = frame[frame["policy"] == PLANNER].set_index("seed")
        for row in _rows(mine[mine["lost_share"] > 0.0]):
            theirs = frame[frame["policy"] == row["rival"]].set_index("seed")
            gap = planner["value"].reindex(theirs.index) - theirs["value"]
            lost = gap[gap < -EVEN * self.net_capital].index
            served = (planner["served"] - theirs["served"]).reindex(lost).mean()
            short = (planner["shortfall"] - theirs["shortfall"]).reindex(lost).mean()
            worst = self._money(float(gap.min()), True)
            yield (
                f"{_in(family)} it loses {len(lost)} of {len(theirs)} seeds to {row['rival']}, the "
                f"worst by {worst}; in these it serves {100 * served:+.1f} points of demand and "
                f"misses {self._money(short, True)} of cash, against it."
            )

    def _money(self, amount: float, signed: bool = False) -> str:
        """An amount in millions."""
        if np.isnan(amount):
            return "unknown"
        return f"{amount / 1e6:{'+' if signed else ''},.2f}m"

    def markdown(self) -> str:
        """The whole report; nothing in it but what the run gave."""
        about = self.about
        seeds = self.frame.groupby("family")["seed"].nunique()
        span = f"{about['periods']} {self.frequency}s"
        lines = [
            f"# Rolling back-test of {self.model}",
            "",
            f"{about['seeds']} worlds, {span} each; at every close each policy decides the next "
            f"{self.frequency} alone and the engines carry it out. Plans look {about['horizon']} "
            f"{self.frequency}s ahead over {about['scenarios']} scenarios (from {about['drawn']} "
            f"paths drawn; seed {about['seed']}). Amounts in millions of {self.currency}; net "
            f"capital at the start {self._money(self.net_capital)}.",
            "",
            f"    {self.command()}",
            "",
            *(
                f"- **{name}**, {count} {'world' if count == 1 else 'worlds'}: {WORDS[str(name)]}."
                for name, count in seeds.items()
            ),
            "",
            "All policies go through the same worlds. *Value* is net capital at the end and what "
            "stands then is worth above its book value, less net capital at the start. What the "
            "scenario program earns more or less than a rival has a bootstrap interval of "
            f"{CONFIDENCE:.0%}." + self._rough(seeds),
            "",
            "## What it says",
            "",
            *(f"- {sentence}" for sentence in self.findings()),
            *(f"- {sentence}" for sentence in self._bounds()),
            "",
        ]
        for family in dict.fromkeys(self.summary["family"]):
            lines += [f"## {_family(family)}", "", *self._summary_lines(family), ""]
            lines += [*self._difference_lines(family), ""]
        return "\n".join(lines)

    def command(self) -> str:
        """The command that makes this run, for a model as it is shipped."""
        about = self.about
        told = ("seeds", "periods", "horizon", "scenarios", "seed")
        options = [f"--{name} {about[name]}" for name in told]
        if set(about["families"]) != set(WORDS) - {"all"}:
            options += [f"--family {name}" for name in about["families"]]
        return f"scfcap backtest {self.model} {' '.join(options)}"

    def _rough(self, seeds: pd.Series[Any]) -> str:
        """A caution where a family has too few worlds for its intervals."""
        few = [str(name) for name, n in seeds.items() if n < FEW]
        if not few:
            return ""
        return f" With fewer than {FEW} worlds ({', '.join(few)}) intervals are rough."

    def _bounds(self) -> Iterator[str]:
        """What scenarios and knowledge are worth: against the mean-value program, and foresight."""
        frame = self.paired[self.paired["measure"] == "value"]
        for family in _together_first(frame):
            mine = {row["rival"]: row for row in _rows(frame[frame["family"] == family])}
            parts = []
            if MEAN in mine:
                row = mine[MEAN]
                parts.append(f"{self._interval(row, 1.0)} more than for the mean")
            if FORESIGHT in mine:
                row = mine[FORESIGHT]
                parts.append(f"{self._interval(row, -1.0)} are lacking to perfect foresight")
            if parts:
                yield f"{_in(family)} planning over scenarios earns {'; '.join(parts)}."

    def _interval(self, row: Mapping[str, Any], sign: float) -> str:
        low, high = sorted((sign * row["low"], sign * row["high"]))
        return (
            f"{self._money(sign * row['difference'], True)} "
            f"({self._money(low, True)} to {self._money(high, True)})"
        )

    def _summary_lines(self, family: str) -> list[str]:
        head = (
            "policy", "value", "net capital", "served", "cost of funds", "seeds short",
            f"missing, mean (worst {1 - TAIL:.0%})", "deepest",
            "breaches law / contract / promise / policy", "triggers", "turnover", "nervousness",
        )  # fmt: skip
        rows = []
        for row in _rows(self.summary[self.summary["family"] == family]):
            kinds = ("law", "contract", "promise", "policy")
            breaches = " / ".join(f"{row[f'breaches_{kind}']:.2f}" for kind in kinds)
            nervous = row["nervousness"]
            rows.append(
                (
                    row["policy"],
                    self._money(row["value"]),
                    self._money(row["net_capital"]),
                    f"{row['served']:.1%}",
                    f"{row['cost_of_funds']:.2%}",
                    f"{row['short_share']:.0%}",
                    f"{self._money(row['shortfall'])} ({self._money(row['shortfall_cvar'])})",
                    self._money(row["deepest"]),
                    breaches,
                    f"{row['triggers']:.2f}",
                    f"{row['turnover']:.2f}",
                    "" if np.isnan(nervous) else f"{nervous:.2f}",
                )
            )
        return _markdown(head, rows)

    def _difference_lines(self, family: str) -> list[str]:
        head = ("scenario program less", "value", "interval", "seeds lost", "served", "missing")
        mine = self.paired[self.paired["family"] == family]
        by = {(row["rival"], row["measure"]): row for row in _rows(mine)}
        rows = []
        for rival in dict.fromkeys(mine["rival"]):
            value = by[rival, "value"]
            served, short = by.get((rival, "served")), by.get((rival, "shortfall"))
            rows.append(
                (
                    rival,
                    self._money(value["difference"], True),
                    f"{self._money(value['low'], True)} to {self._money(value['high'], True)}",
                    f"{value['lost_share']:.0%}",
                    "" if served is None else f"{100 * served['difference']:+.1f} points",
                    "" if short is None else self._money(short["difference"], True),
                )
            )
        return _markdown(head, rows)


def _family(name: str) -> str:
    return "All worlds" if name == "all" else f"Worlds: {name}"


def _in(name: str) -> str:
    """The family at the beginning of a sentence."""
    return "In all worlds together" if name == "all" else f"In worlds of the family {name}"


def _together_first(frame: pd.DataFrame) -> list[str]:
    """Families of a table, all of them together before each."""
    found = list(dict.fromkeys(frame["family"]))
    return sorted(found, key=lambda name: name != "all")


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
