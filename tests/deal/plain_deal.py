"""A deal with everything in it, and its waterfall as one writes it by hand.

The hand-written one goes scenario by scenario and month by month over plain numbers and shares
nothing with the engine but the terms' figures, which are written out again.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

TERMS = """
closing = 2019-12-31
day_count = "act/360"
phases = [
    { name = "usual" },
    { name = "sequential", when = "trigger.losses", stays = false },
    { name = "accelerated", when = "trigger.shortfall" },
]

[settlement]
delay_days = 12

[collections]
interest = "interest"
recovery = "interest"

[accounts.interest]
[accounts.reserve]
initial = 6.0
target = "if(notes > 0, max(0.006 * notes, 2), 0)"
earns = 0.012
interest_to = "interest"

[fees]
servicer = { rate = 0.006, cap = 5.0 }
trustee = { amount = 2.4, arrears_rate = 0.05 }

[tranches]
A = { kind = "floating", index = "i", margin = 0.012, cap = 0.08, share = 0.70 }
B = { coupon = 0.055, share = 0.15, day_count = "act/365" }
C = { coupon = 0.09, share = 0.10, interest_on_shortfall = false }
E = { kind = "equity", share = 0.05 }

[lines.liquidity]
commitment = "0.03 * balance.A"
rate = 0.03
fee_rate = 0.002

[hedges.swap]
notional = "balance.A"
pay_rate = 0.03
receive_index = "i"
to = "interest"

[hedges.cap]
kind = "cap"
receive_index = "i"
strike = 0.05
notional = "0.5 * pool"
to = "interest"

[measures.loss_rate]
of = "losses / pool_opening"
mean_of = 3

[triggers]
losses = { test = "measure.loss_rate > 0.008", after = 2, cure = "measure.loss_rate < 0.004", cured_after = 3 }
shortfall = { test = "owed.B + owed.C > 2.5", when = "after payments" }

[calls.clean_up]
when = "pool < 0.10 * pool_at_closing"
"""  # noqa: E501

FEES = ["servicer", "trustee"]
REVENUE: list[dict[str, Any]] = [
    {"pay": "fee", "to": FEES, "from": ["interest", "reserve", "liquidity"]},
    {"pay": "hedge", "to": "swap", "from": "interest"},
    {"pay": "interest", "to": "A", "from": ["interest", "reserve", "liquidity"]},
    {"pay": "line", "to": "liquidity", "from": "interest"},
    {"pay": "interest", "to": "B", "from": ["interest", "reserve"]},
    {"pay": "account", "to": "reserve", "from": "interest"},
    {"pay": "interest", "to": "C", "from": "interest"},
    {"pay": "transfer", "to": "collection", "from": "interest", "name": "cure",
     "up_to": "written_off.A + written_off.B + written_off.C"},
    {"pay": "write_up", "to": ["A", "B", "C"], "up_to": "paid.cure"},
]  # fmt: skip
LOSS = {"pay": "write_off", "to": ["C", "B", "A"]}
OUT = {"pay": "residual", "to": "E", "from": ["interest", "collection", "reserve"],
       "when": "notes <= 0"}  # fmt: skip
EVERYTHING = ["interest", "collection", "reserve"]
CALLED = {"pay": "principal", "to": ["A", "B", "C"], "split": "in order", "from": EVERYTHING,
          "when": "called"}  # fmt: skip
WATERFALL: dict[str, list[dict[str, Any]]] = {
    "usual": [
        *REVENUE,
        {"pay": "principal", "to": ["A", "B", "C"]},
        CALLED,
        LOSS,
        {"pay": "residual", "to": "E", "from": "interest", "share": 0.8},
        OUT,
    ],
    "sequential": [
        *REVENUE,
        {"pay": "principal", "to": ["A", "B", "C"], "split": "in order"},
        CALLED,
        LOSS,
        OUT,
    ],
    "accelerated": [
        {"pay": "fee", "to": FEES, "from": EVERYTHING},
        {"pay": "hedge", "to": "swap", "from": EVERYTHING},
        {"pay": "line", "to": "liquidity", "from": EVERYTHING},
        *(
            {"pay": pay, "to": name, "from": EVERYTHING}
            for name in "ABC"
            for pay in ("interest", "principal")
        ),
        OUT,
    ],
}

#: What the plain waterfall gives for each month.
KEYS = ("A", "B", "C", "int A", "int B", "int C", "owed A", "owed B", "owed C", "off A", "off B",
        "off C", "up", "servicer", "trustee", "drawn", "hedge in", "hedge out", "residual",
        "interest", "collection", "reserve", "phase")  # fmt: skip


class Plain:
    """One scenario; :meth:`month` takes it a month on."""

    def __init__(self, pool: float, closing: date) -> None:
        self.day = closing
        self.pool = self.pool0 = pool
        self.bal = {"A": 0.70 * pool, "B": 0.15 * pool, "C": 0.10 * pool}
        self.owed = dict.fromkeys("ABC", 0.0)
        self.off = dict.fromkeys("ABC", 0.0)
        self.fee = {"servicer": 0.0, "trustee": 0.0}
        self.cash = {"interest": 0.0, "collection": 0.0, "reserve": 6.0}
        self.drawn = self.line = self.swap = 0.0
        self.cap_notional = 0.5 * pool
        self.losses: list[float] = []
        self.bad = self.good = 0
        self.tripped = self.short = self.called = False

    def take(self, want: float, sources: list[str]) -> float:
        """Pay ``want`` from accounts, one after the other; gives what was paid."""
        paid = 0.0
        for name in sources:
            if name == "liquidity":
                have = max(0.03 * self.bal["A"] - self.drawn, 0.0)
            else:
                have = self.cash[name]
            part = min(want - paid, have)
            if name == "liquidity":
                self.drawn += part
            else:
                self.cash[name] -= part
            paid += part
        return paid

    def month(
        self, end: date, index: float, flows: tuple[float, float, float, float, float]
    ) -> dict[str, float]:
        interest, principal, default, recovery, pool = flows
        row = dict.fromkeys(KEYS, 0.0)
        pays = end + timedelta(days=12)
        days = (pays - self.day).days
        self.day = pays
        year, year365 = days / 360.0, days / 365.0

        self.cash["interest"] += self.cash["reserve"] * 0.012 / 12.0
        self.cash["interest"] += interest + recovery
        self.cash["collection"] += principal
        opening, self.pool = self.pool, pool

        self.owed["A"] += (self.bal["A"] + self.owed["A"]) * min(index + 0.012, 0.08) * year
        self.owed["B"] += (self.bal["B"] + self.owed["B"]) * 0.055 * year365
        self.owed["C"] += self.bal["C"] * 0.09 * year
        self.fee["servicer"] += min(0.006 * opening, 5.0) * year
        self.fee["trustee"] += (2.4 + 0.05 * self.fee["trustee"]) * year
        self.line += self.drawn * 0.03 * year
        self.line += max(0.03 * self.bal["A"] - self.drawn, 0.0) * 0.002 * year

        net = (index - 0.03) * self.bal["A"] * year
        cap = max(index - 0.05, 0.0) * self.cap_notional * year
        self.cash["interest"] += max(net, 0.0) + cap
        self.swap += max(-net, 0.0)
        row["hedge in"] = max(net, 0.0) + cap

        self.losses.append((default - recovery) / opening if opening > 0.0 else 0.0)
        last = self.losses[-3:]
        rate = sum(last) / len(last)
        self.bad = self.bad + 1 if rate > 0.008 else 0
        if self.tripped:
            self.good = self.good + 1 if rate < 0.004 else 0
            self.tripped = self.good < 3
            if not self.tripped:
                self.good = 0
        else:
            self.tripped = self.bad >= 2

        if self.pool < 0.10 * self.pool0 and self.pool > 0.0 and not self.called:
            debts = sum(self.bal.values()) + sum(self.owed.values()) + sum(self.fee.values())
            debts += self.drawn + self.line + self.swap
            if sum(self.cash.values()) + self.pool >= debts * (1.0 - 1e-9):
                self.cash["collection"] += self.pool
                self.pool, self.called = 0.0, True

        phase = 2 if self.short else 1 if self.tripped else 0
        row["phase"] = phase
        if phase == 2:
            self.accelerated(row)
        else:
            self.ordinary(row, phase)
        if sum(self.bal.values()) <= 0.0:
            for name in ("interest", "collection", "reserve"):
                row["residual"] += self.cash[name]
                self.cash[name] = 0.0
        if self.owed["B"] + self.owed["C"] > 2.5:
            self.short = True

        self.cap_notional = 0.5 * self.pool
        for name in "ABC":
            row[name], row[f"owed {name}"] = self.bal[name], self.owed[name]
        row |= self.cash | {"drawn": self.drawn}
        return row

    def fees(self, row: dict[str, float], sources: list[str]) -> None:
        due = sum(self.fee.values())
        paid = self.take(due, sources)
        for name, owed in list(self.fee.items()):
            row[name] = owed * paid / due if due > 0.0 else 0.0
            self.fee[name] = 0.0 if paid >= due else owed - row[name]

    def interest(self, row: dict[str, float], name: str, sources: list[str]) -> None:
        paid = self.take(self.owed[name], sources)
        self.owed[name] -= paid
        row[f"int {name}"] = paid

    def principal(self, name: str, most: float, sources: list[str]) -> float:
        paid = self.take(min(self.bal[name], most), sources)
        self.bal[name] -= paid
        return paid

    def repay_line(self, sources: list[str]) -> None:
        paid = self.take(self.line + self.drawn, sources)
        first = min(paid, self.line)
        self.line -= first
        self.drawn = max(self.drawn - (paid - first), 0.0)

    def settle_swap(self, row: dict[str, float], sources: list[str]) -> None:
        paid = self.take(self.swap, sources)
        self.swap -= paid
        row["hedge out"] = paid

    def ordinary(self, row: dict[str, float], phase: int) -> None:
        self.fees(row, ["interest", "reserve", "liquidity"])
        self.settle_swap(row, ["interest"])
        self.interest(row, "A", ["interest", "reserve", "liquidity"])
        self.repay_line(["interest"])
        self.interest(row, "B", ["interest", "reserve"])
        notes = sum(self.bal.values())
        target = max(0.006 * notes, 2.0) if notes > 0.0 else 0.0
        lacks = max(target - self.cash["reserve"], 0.0)
        self.cash["reserve"] += self.take(lacks, ["interest"])
        self.interest(row, "C", ["interest"])

        cure = self.take(sum(self.off.values()), ["interest"])
        self.cash["collection"] += cure
        row["up"] = cure
        for name in "ABC":
            back = min(cure, self.off[name])
            self.off[name] -= back
            self.bal[name] += back
            cure -= back

        there = self.cash["collection"]
        if phase == 0:
            notes = sum(self.bal.values())
            part = min(there / notes, 1.0) if notes > 0.0 else 0.0
            for name in "ABC":
                paid = self.bal[name] * part
                self.bal[name] = self.bal[name] - paid if part < 1.0 else 0.0
                self.cash["collection"] = max(self.cash["collection"] - paid, 0.0)
        else:
            for name in "ABC":
                self.principal(name, 1e99, ["collection"])
        if self.called:
            for name in "ABC":
                self.principal(name, 1e99, ["interest", "collection", "reserve"])

        lost = max(sum(self.bal.values()) - self.pool - self.cash["collection"], 0.0)
        for name in "CBA":
            part = min(lost, self.bal[name])
            self.bal[name] -= part
            self.off[name] += part
            row[f"off {name}"] = part
            lost -= part
        if phase == 0:
            row["residual"] = 0.8 * self.cash["interest"]
            self.cash["interest"] -= row["residual"]

    def accelerated(self, row: dict[str, float]) -> None:
        self.fees(row, EVERYTHING)
        self.settle_swap(row, EVERYTHING)
        self.repay_line(EVERYTHING)
        for name in "ABC":
            self.interest(row, name, EVERYTHING)
            self.principal(name, 1e99, EVERYTHING)
