"""A funding plan as tables for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scfcap.cli.grid import grid
from scfcap.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.report.plan import PlanReport

#: Periods, prices and actions that are shown; ``--out`` writes them all.
PERIODS, PRICES, ACTIONS = 13, 10, 20
#: Items that never reach it are left out, amounts [currency].
LEAST = 0.005
#: Limits that are used less, at their tightest, are counted and not shown.
USED = 0.9
#: Tenors of the marginal funding curve that are shown, of the first period.
TENORS = 12


def show_plan(terminal: Terminal, report: PlanReport) -> None:
    """The plan from sources and uses to what to do next, and what to beware of."""
    shown = _Shown(report)
    terminal.say(*_head(report), "")
    terminal.say(report.objective_says, report.beyond_says, "")
    for part in (shown.next_steps(), shown.sources_and_uses(), shown.balances(), shown.limits()):
        terminal.say(part, "")
    if len(report.frames["covenants"]):
        terminal.say(shown.covenants(), "")
    _scenarios(terminal, report)
    _prices(terminal, report)
    _unused(terminal, report)
    tables: tuple[RichTable | str, ...] = (
        shown.balance_sheet(),
        shown.income(),
        shown.cash_flow(),
        shown.accounting(),
        shown.forecast(),
        shown.gaps(),
        shown.costs(),
        shown.long_demand(),
        shown.curve(),
        shown.borrowers(),
        shown.actions(),
    )
    for table in tables:
        terminal.say(table, "")
    if not report.cautions:
        terminal.say(
            f"All {len(report.ties)} totals that must agree do, and all "
            f"{len(report.frames['checks'])} checks of the engine hold."
        )
    for caution in report.cautions:
        terminal.say("", f"Caution: {caution}")
    terminal.say("", "All tables, by limit, purse and segment: --out DIR; for programs: --json.")


def _head(report: PlanReport) -> list[str]:
    spec = report.model.spec
    return [
        f"{spec.title}, as of {spec.as_of}; regime: {report.regime}",
        f"Plan of {report.length} under {spec.plan.scenario}, "
        f"{report.status}; net income {report.currency} {report.net_income:,.0f}",
        *([report.chosen["says"]] if report.chosen else []),
    ]


def _scenarios(terminal: Terminal, report: PlanReport) -> None:
    """What the plan comes to in each of its scenarios, and what planning with them earns."""
    frame = report.frames.get("scenarios")
    if frame is None:
        return
    unit = report.model.spec.plan.money_unit
    money = ("objective_amount", "least_cash_amount", "lent_amount", "shortfall_amount")
    rows = [
        [row["scenario"], f"{row['weight']:.1%}", *(f"{row[name] / unit:,.2f}" for name in money)]
        for row in frame.to_dict("records")
    ]
    heads = ["scenario", "weight", "objective", "least cash", "lent", "missing"]
    terminal.say(grid("One plan for all scenarios", heads, rows, heads[1:]))
    terminal.say(*_worth(report), "")


def _worth(report: PlanReport) -> list[str]:
    """What planning with the scenarios earns; a sentence that leaves its amount out gets it."""
    said = []
    for row in report.frames["uncertainty_value"].to_dict("records"):
        amount, sentence = row["amount"], str(row["sentence"])
        bare = sentence.startswith("What ")
        figure = f"{report.currency} {amount:,.0f}: " if bare and amount == amount else ""
        said.append(f"  {figure}{sentence[:1].lower() + sentence[1:] if figure else sentence}")
    return said


def _prices(terminal: Terminal, report: PlanReport) -> None:
    prices = report.frames["prices"]
    worth = prices[(prices["value"] != 0.0) | (prices["low"] != 0.0) | (prices["high"] != 0.0)]
    more = f" (first {PRICES} of {len(worth)})" if len(worth) > PRICES else ""
    terminal.say(f"What one more unit is worth{more}:")
    terminal.say(*(f"  {sentence}" for sentence in worth["sentence"].head(PRICES)))
    rest = [str(what) for what in prices["what"] if what not in set(worth["what"])]
    if rest:
        terminal.say(f"  Worth nothing, as they do not bind: {', '.join(rest)}.")
    for sentence in report.frames["channels"]["sentence"]:
        terminal.say(f"  {sentence}")
    terminal.say("")
    terms = report.frames["term_prices"]
    terms = terms[(terms["worth_low"] != 0.0) | (terms["worth_high"] != 0.0)]
    more = f" (first {PRICES} of {len(terms)})" if len(terms) > PRICES else ""
    terminal.say(f"What a change of terms is worth{more}:")
    terminal.say(*(f"  {sentence}" for sentence in terms["sentence"].head(PRICES)), "")


def _unused(terminal: Terminal, report: PlanReport) -> None:
    found = report.frames["unused"]
    if not len(found):
        terminal.say("Every source of funds gets new business.", "")
        return
    terminal.say("Sources without new business:")
    terminal.say(*(f"  {sentence}" for sentence in found["sentence"]), "")


class _Shown:
    """Tables in the units of the reports."""

    def __init__(self, report: PlanReport) -> None:
        from scfcap.report.book import Look

        plan = report.model.spec.plan
        look = Look(report.currency, plan.money_unit, plan.frequency)
        self.frames, self.report = report.frames, report
        self.unit, self.label = look.shown_unit, look.label
        self.decimals = 0 if self.unit == 1.0 else 2

    def money(self, value: float) -> str:
        """An amount in the units of the reports."""
        if math.isnan(value):
            return ""
        text = f"{value / self.unit:,.{self.decimals}f}"
        return text.replace("-", "", 1) if float(text.replace(",", "")) == 0.0 else text

    def by_period(self, title: str, frame: pd.DataFrame, keys: Sequence[str]) -> RichTable:
        """A line for each of the first periods, a column for each item that is not nothing."""
        table = frame.pivot_table(
            index="end", columns=list(keys), values="amount", aggfunc="sum", sort=False,
            fill_value=0.0,
        )  # fmt: skip
        table = table.loc[:, (table.abs() > LEAST).any()]
        more = f" (first {PERIODS} of {len(table)})" if len(table) > PERIODS else ""
        heads = [
            _plain(" ".join(map(str, name if isinstance(name, tuple) else (name,))))
            for name in table.columns
        ]
        rows = [
            [f"{day:%Y-%m-%d}", *(self.money(float(value)) for value in line)]
            for day, line in zip(table.index, table.to_numpy(), strict=True)
        ][:PERIODS]
        return grid(f"{title}, {self.label}{more}", ["to", *heads], rows, heads)

    def table(self, title: str, frame: pd.DataFrame, heads: Mapping[str, str]) -> RichTable:
        """Columns of ``frame`` under their headings, each in its unit."""
        units = _UNITS
        rows = [
            [self._cell(value, units.get(name, "")) for name, value in zip(heads, row, strict=True)]
            for row in frame[list(heads)].itertuples(index=False)
        ]
        numbers = [heads[name] for name in heads if name in units]
        return grid(title, list(heads.values()), rows, numbers)

    def _cell(self, value: Any, unit: str) -> str:
        if value is None or value != value:
            return ""
        if unit == "money":
            return self.money(float(value))
        if unit in ("rate", "share"):
            return f"{value:.2%}"
        if unit == "worth":
            return f"{value:.4f}"
        if unit == "days":
            return f"{value:,.0f}"
        if unit == "count":
            return f"{value:g}"
        return f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else _plain(str(value))

    def sources_and_uses(self) -> RichTable:
        """Sources and uses by channel and item."""
        flows = self.frames["sources_uses"]
        keys = ["side", "channel"]
        return self.by_period("Sources and uses of cash by channel", flows, keys)

    def balances(self) -> RichTable:
        """Balances by channel and what they are."""
        from scfcap.report.totals import last_part

        frame = self.frames["balances"]
        frame = frame.assign(item=last_part(frame["item"]))
        return self.by_period("Balances at each close", frame, ["channel", "item"])

    def limits(self) -> RichTable:
        """Each limit once: where it is tightest, and in how many periods it binds."""
        import pandas as pd

        from scfcap.report.words import FAMILIES

        limits = self.frames["limits"]
        rows: list[dict[str, Any]] = []
        for (family, key), part in limits.groupby(["family", "key"], sort=False):
            tight = part.sort_values("headroom", kind="stable").iloc[0]
            binds = int(part["binding"].sum())
            day = tight["end"]
            rows.append(
                {
                    "limit": FAMILIES.get(str(family), str(family).replace("_", " ")),
                    "key": "" if key == family else key,
                    "end": day if hasattr(day, "strftime") else None,
                    "use": tight["use"],
                    "limit_amount": tight["limit"],
                    "headroom": tight["headroom"],
                    "binds": f"{binds} of {len(part)}" if binds else "",
                }
            )
        heads = {"limit": "limit", "key": "of", "end": "tightest", "use": "use",
                 "limit_amount": "allows", "headroom": "headroom", "binds": "binds"}  # fmt: skip
        tight_ones = [
            row for row in rows
            if row["binds"] or row["headroom"] < (1.0 - USED) * abs(row["limit_amount"])
        ]  # fmt: skip
        roomy = len(rows) - len(tight_ones)
        more = f" ({roomy} more have over {1 - USED:.0%} of room)" if roomy else ""
        frame = pd.DataFrame(tight_ones, columns=list(heads))
        return self.table(f"Limits where they are tightest, {self.label}{more}", frame, heads)

    def covenants(self) -> RichTable:
        """Each covenant where it is tightest, by scenario; what trips first is marked."""
        import pandas as pd

        rows = []
        frame = self.frames["covenants"]
        keys = ["scenario", "lender", "covenant"]
        for (scenario, lender, name), part in frame.groupby(keys, sort=False):
            tight = part.sort_values("headroom_share", kind="stable").iloc[0]
            marked = part[part["trips_first"].astype(bool)]
            row = marked.iloc[0] if len(marked) else tight
            broken = " (broken)" if row["breached"] else ""
            rows.append(
                {
                    "scenario": scenario,
                    "item": lender,
                    "covenant": name,
                    "end": row["end"],
                    "ratio": f"{row['ratio']:.4g}{broken}",
                    "limit_ratio": f"{row['limit_ratio']:.4g}",
                    "headroom": row["headroom"],
                    "first": "trips first" if len(marked) else "",
                    "effect": "; ".join(x for x in (row["effect"], row["cross_default"]) if x),
                }
            )
        heads = {"scenario": "under", "item": "lender", "covenant": "covenant", "end": "tightest",
                 "ratio": "stands at", "limit_ratio": "limit", "headroom": "headroom",
                 "first": "", "effect": "effect"}  # fmt: skip
        return self.table(f"Covenants where they are tightest, {self.label}",
                          pd.DataFrame(rows, columns=list(heads)), heads)  # fmt: skip

    def balance_sheet(self) -> RichTable:
        """Balance sheet at each close."""
        return self.by_period("Balance sheet", self.frames["balance_sheet"], ["item"])

    def income(self) -> RichTable:
        """Income by period, net income last."""
        frame = self.frames["income"]
        return self.by_period("Income", _with_total(frame, "net income"), ["item"])

    def cash_flow(self) -> RichTable:
        """Cash-flow statement by period, its sections summed."""
        return self.by_period("Cash flows", self.frames["cash_flow"], ["section"])

    def accounting(self) -> RichTable:
        """Treatment of each kind of source beside what counts it in caps."""
        import pandas as pd

        frame = self.frames["accounting"]
        rows = []
        for (channel, source), part in frame.groupby(["channel", "source"], sort=False):
            items = part.drop_duplicates("item")
            if items["most_amount"].abs().max() <= LEAST:
                continue
            counted = part[part["weight"].fillna(0.0) != 0.0].drop_duplicates("cap")
            first = items.iloc[0]
            several = f"{channel}: {len(items)}" if len(items) > 1 else first["item"]
            rows.append(
                {
                    "item": several,
                    "source": source,
                    "opening_amount": items["opening_amount"].sum(),
                    "closing_amount": items["closing_amount"].sum(),
                    "sheet": first["sheet"],
                    "derecognition": first["derecognition"],
                    "counts": "; ".join(_counted(row) for row in counted.to_dict("records"))
                    or "in no cap",
                }
            )
        heads = {"item": "source", "source": "for the caps", "opening_amount": "start",
                 "closing_amount": "end", "sheet": "accounts", "derecognition": "loans",
                 "counts": "counts"}  # fmt: skip
        title = f"Accounting beside what counts in the caps, {self.label}"
        return self.table(title, pd.DataFrame(rows, columns=list(heads)), heads)

    def forecast(self) -> RichTable:
        """Free and restricted cash: receipts, payments and balances."""
        frame = self.frames["cash_forecast"]
        title = f"Cash forecast, {self.report.forecast_says}"
        return self.by_period(title, frame, ["cash", "kind"])

    def gaps(self) -> RichTable:
        """Maturity gaps of the first closes, a column for each horizon."""
        frame = self.frames["maturity_gaps"]
        table = frame.pivot_table("gap", "end", "within_days")
        heads = [f"{days} days" for days in table.columns]
        rows = [
            [f"{day:%Y-%m-%d}", *(self.money(float(v)) for v in line)]
            for day, line in table.head(PERIODS).iterrows()
        ]
        title = f"Maturity gap: assets less liabilities due within, {self.label}"
        return grid(title, ["close", *heads], rows, heads)

    def costs(self) -> RichTable:
        """All-in cost of funds by source."""
        heads = {"item": "source", "average_amount": "on average", "raised": "raised",
                 "cost_amount": "cost", "rate": "all in, a year", "own_share": "own funds beside",
                 "worth_of_more": "one more unit earns", "note": ""}  # fmt: skip
        frame = self.frames["cost_of_funds"]
        if not frame["note"].astype(bool).any():
            heads.pop("note")
        return self.table(f"What money costs the company, {self.label}", frame, heads)

    def long_demand(self) -> RichTable:
        """What each source could carry of loans above 180 days."""
        heads = {"item": "source", "carried_amount": "could carry", "beside_amount": "beside plan",
                 "rate": "all in, a year", "life_days": "loans, days", "source_days": "money, days",
                 "gap_days": "gap, days"}  # fmt: skip
        frame = self.frames["long_demand"]
        return self.table(f"Loans above 180 days on average, {self.label}", frame, heads)

    def curve(self) -> RichTable | str:
        """The marginal funding curve of the first period."""
        frame = self.frames["marginal_funding"]
        frame = frame[frame["period"] == 1].head(TENORS)
        if not len(frame):
            return "The plan has one period: it has no marginal funding curve."
        plan = self.report.model.spec.plan
        each = "periods" if plan.frequency == "weeks_then_months" else f"{plan.frequency}s"
        heads = {"tenor": f"for, {each}", "due": "due", "rate": "may cost, a year"}
        title = f"What one more unit raised on {frame['end'].iloc[0]:%Y-%m-%d} may cost"
        return self.table(title, frame, heads)

    def borrowers(self) -> RichTable:
        """What borrowers pay, by who says so."""
        heads = {"place": "place", "item": "loan", "basis": "basis", "rate_low": "from",
                 "rate_mean": "mean", "rate_high": "to", "formula": "how"}  # fmt: skip
        title = "What borrowers pay, all in, a year"
        return self.table(title, self.frames["borrower_cost"], heads)

    def next_steps(self) -> RichTable:
        """The first month: what, how much, at what cost, and why."""
        frame = self.frames["next"]
        frame = frame.assign(deadline=frame["deadline"].dt.date.astype(str).replace("NaT", ""))
        heads = {"action": "step", "item": "whose", "detail": "what", "amount": "amount",
                 "deadline": "notice by", "rate": "rate", "why": "why"}  # fmt: skip
        return self.table(f"Next month, {self.label}", frame, heads)

    def actions(self) -> RichTable:
        """The first actions by day."""
        frame = self.frames["actions"]
        more = f" (first {ACTIONS} of {len(frame)})" if len(frame) > ACTIONS else ""
        heads = {"date": "day", "action": "action", "item": "whose", "detail": "what",
                 "amount": "amount", "deadline": "notice by"}  # fmt: skip
        return self.table(f"What to do, {self.label}{more}", frame.head(ACTIONS), heads)


#: How a column is shown; others are words.
_UNITS = {
    **dict.fromkeys(
        ("use", "limit_amount", "headroom", "opening_amount", "closing_amount", "average_amount",
         "raised", "cost_amount", "amount", "carried_amount", "beside_amount"), "money",
    ),
    **dict.fromkeys(("rate", "rate_low", "rate_mean", "rate_high"), "rate"),
    "own_share": "share",
    "worth_of_more": "worth",
    **dict.fromkeys(("weight", "multiple", "tenor"), "count"),
    **dict.fromkeys(("life_days", "source_days", "gap_days"), "days"),
}  # fmt: skip


def _counted(row: Mapping[Any, Any]) -> str:
    """``1 in bank (to 0.5 x net capital)``."""
    return f"{row['weight']:g} in {row['cap']} (to {row['multiple']:g} x {_plain(row['base'])})"


def _plain(name: str) -> str:
    """A name without underscores, as words are read."""
    return name.replace("_", " ")


def _with_total(frame: pd.DataFrame, label: str) -> pd.DataFrame:
    import pandas as pd

    total = frame.groupby(["period", "end"], sort=False)["amount"].sum().reset_index()
    return pd.concat([frame, total.assign(item=label)], ignore_index=True)
