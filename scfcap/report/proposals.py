"""What a proposed source of funds is worth, in tables and sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.brief import Lines, money
from scfcap.funding.proposals import Size, Use
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.pictures.worth import by_price, by_size
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table
from scfcap.schema.proposals import Proposal

#: What the price of each kind is called.
PRICE = {"line": "rate", "p2p": "rate", "buyer": "discount", "series": "coupon"}
#: How the break-even price is found, for who wants to know.
METHOD = (
    "Each figure is a plan of its own, solved from the basis of the one before. The worth never "
    "rises with the price: the highest price at which the plan uses the source is found between "
    "one at which it does and one at which it does not, to a thousandth of a basis point. The "
    "price stands in coefficients, so that the worth between two prices is not a straight line. By "
    "size it is concave, and what one more unit adds is its slope."
)


@dataclass(frozen=True, repr=False)
class ProposalReport(Pictured):
    """A proposal judged; amounts of ``uses`` and ``sizes`` in units of ``unit`` currency.

    ``uses`` by rising price, ``stated`` that at the price asked for (None: not known), ``highest``
    the break-even price (None: worth nothing at any; infinite: at every price tried), ``most_fee``
    that of the commitment fee at the price asked for. ``sizes`` are at ``sized_at``; more than
    ``enough`` adds nothing there. ``level``: what is added to a price to show it as a coupon.
    """

    proposal: Proposal
    currency: str
    unit: float
    span: str
    told_in: str
    uses: tuple[Use, ...]
    stated: Use | None
    highest: float | None
    most_fee: float | None
    sizes: tuple[Size, ...]
    sized_at: float
    enough: float
    level: float = 0.0
    objective: float = 0.0
    scaled_from: float | None = None
    """The amount that the model states, where it is scaled to the loans of the tape."""
    origin: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def prices(self) -> pd.DataFrame:
        """By price: all-in cost, what stands on average and at most, worth, what binds."""
        name = PRICE[self.proposal.kind]
        rows = [
            {
                name: use.price + self.level,
                "all_in": use.cost,
                "average": use.average * self.unit,
                "most": use.most * self.unit,
                "first": pd.Timestamp(use.first) if use.first else pd.NaT,
                "last": pd.Timestamp(use.last) if use.last else pd.NaT,
                "worth": use.worth * self.unit,
                "binds": ", ".join(use.binds),
            }
            for use in self.uses
        ]
        frame = pd.DataFrame(rows)
        for column in ("first", "last"):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
        return frame

    @cached_property
    def by_size(self) -> pd.DataFrame:
        """By size: its worth [currency], and what one more currency unit of it adds [1]."""
        rows = [(x.amount * self.unit, x.worth * self.unit, x.more) for x in self.sizes]
        return pd.DataFrame(rows, columns=["amount", "worth", "worth_of_more"])

    @property
    def what(self) -> str:
        """The proposal in words."""
        x = self.proposal
        amount = self._money(x.amount)
        if x.kind == "line":
            return f"A line of {amount} for {x.tenor} {self.told_in}s"
        if x.kind == "buyer":
            return f"A buyer of loans up to {amount}"
        if x.kind == "series":
            return f"A series of up to {amount} on {x.closing}"
        return f"P2P supply of {amount} a {self.told_in}"

    def sentences(self) -> list[str]:
        """What it is worth, what to pay at most, how it would be used."""
        return [*self._told(), *self._scaled()]

    def _scaled(self) -> list[str]:
        stated, amount = self.scaled_from, self.proposal.amount
        if stated is None or abs(stated - amount) <= 1e-3 * amount:
            return []
        return [f"The loans of the tape are {amount / stated:.4g} of the book that amounts are "
                f"stated for: {self._money(stated)} stated is {self._money(amount)}."]  # fmt: skip

    def _told(self) -> list[str]:
        free = self.uses[0]
        if self.highest is None:
            return [f"{self.what} is worth nothing over the {self.span}, at any price."]
        told = [self._at_most(free)]
        if self.stated is not None:
            told.append(self._at(self.stated, asked=True))
        elif len(self.uses) > 2:
            told.append(self._at(self.uses[len(self.uses) // 2], asked=False))
        if self.most_fee is not None and self.stated is not None:
            at = self._price(self.stated.price)
            told.append(
                f"At {at} its commitment fee should be at most {self.most_fee:.3%} a year."
                if math.isfinite(self.most_fee)
                else f"At {at} it is worth any commitment fee that was tried."
            )
        if len(self.sizes):
            at = self._price(self.sized_at)
            most = self.enough * self.unit
            told.append(
                f"At {at} any size of it is worth more than a smaller one."
                if math.isinf(most)
                else f"At {at} no size of it is worth anything."
                if most < 1.0
                else f"At {at} more of it is worth something up to {self._money(most)}."
            )
        return told

    def _at_most(self, free: Use) -> str:
        worth = self._money(free.worth * self.unit)
        nothing = {
            "buyer": "at par",
            "series": f"at a mean coupon of {free.price + self.level:.2%}",
        }.get(self.proposal.kind, "if it costs nothing")
        head = f"{self.what} is worth {worth} over the {self.span} {nothing}"
        assert self.highest is not None
        if math.isinf(self.highest):
            return f"{head}; the plan would use it at every price that was tried."
        most = f"{self.highest + self.level:.3%}"
        last = self.uses[-2]
        if last.fee > 0.0 and math.isfinite(last.cost):
            return f"{head}, and should cost at most {most} a year, {last.cost:.3%} with its fee."
        return head + {
            "buyer": f", and should be sold to at no more than {most} below par.",
            "series": f", and its mean coupon should be at most {most} a year.",
        }.get(self.proposal.kind, f", and should cost at most {most} a year.")

    def _at(self, use: Use, *, asked: bool) -> str:
        head = f"At {self._price(use.price)}" + (", as asked for," if asked else "")
        if not use.used:
            return f"{head} the plan would not use it."
        often = f"{self._money(use.average * self.unit)} on average"
        most = f"{self._money(use.most * self.unit)} at most"
        verb = "earn" if use.worth >= 0.0 else "lose"
        told = (
            f"{head} it would be used from {use.first} to {use.last}, {often} and {most}, and the "
            f"plan would {verb} {self._money(abs(use.worth) * self.unit)} by it"
        )
        if use.binds:
            told += f"; what limits it: {', '.join(use.binds)}"
        return f"{told}."

    def _price(self, price: float) -> str:
        kind = self.proposal.kind
        number = f"{price + self.level:.2%}"
        return {
            "buyer": f"{number} below par",
            "series": f"a mean coupon of {number}",
        }.get(kind, f"{number} a year")

    def _money(self, amount: float) -> str:
        return f"{self.currency} {amount:,.0f}"

    def _brief(self) -> tuple[str, Lines]:
        at = "" if self.stated is None else money(self.stated.worth * self.unit, self.currency)
        return f"What {self.proposal.name} is worth to the plan", [
            ("proposal", self.what),
            ("worth as stated", at or "not stated"),
            ("prices tried", f"{len(self.uses)}"),
        ]

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About(currency=self.currency, names=(self.proposal.name,))

    def plots(self) -> Plots:
        """What it is worth by price, and by size."""
        price, about = PRICE[self.proposal.kind], self._about()
        title = f"What {self.proposal.name} is worth to the plan"
        prices = partial(by_price, self.prices, f"{title}, by price", price, about)
        if len(self.sizes) < 2:
            return {"prices": prices}
        return {
            "prices": prices,
            "sizes": partial(by_size, self.by_size, f"{title}, by size", about),
        }

    def tables(self) -> dict[str, pd.DataFrame]:
        """Both tables by name."""
        return {"proposal_prices": self.prices, "proposal_sizes": self.by_size}

    def document(self) -> dict[str, Any]:
        """The report as plain values."""
        told = self.highest
        return {
            "schema_version": RESULT_VERSION,
            "name": self.proposal.name,
            "kind": self.proposal.kind,
            "currency": self.currency,
            "amount": self.proposal.amount,
            "objective": self.objective,
            "price": PRICE[self.proposal.kind],
            "break_even": None if told is None or math.isinf(told) else told + self.level,
            "used_at_every_price": told is not None and math.isinf(told),
            "most_commitment_fee": _finite(self.most_fee),
            "sized_at": self.sized_at + self.level,
            "enough": _finite(self.enough * self.unit),
            "summary": self.sentences(),
            "method": METHOD,
            "prices": _rows(self.prices),
            "sizes": _rows(self.by_size),
        }

    def save(self, out: str | Path) -> SavedRun:
        """Write a run folder: both tables, also as CSV."""
        money = ("average", "most", "worth", "amount")
        rates = ("rate", "coupon", "all_in")
        made = {}
        for name, frame in self.tables().items():
            units = {c: self.currency for c in money if c in frame}
            units |= {c: "1/year" for c in rates if c in frame}
            made[name] = Table(name, name.replace("_", " ").capitalize(), frame, units)
        extra = {f"{name}.csv": csv_bytes(table.frame) for name, table in made.items()}
        return save_run(Path(out), made, self.origin, self.document(), extra=extra)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is not there is null."""
    return [
        {
            key: None if pd.isna(value) else str(value)[:10] if key in ("first", "last") else value
            for key, value in row.items()
        }
        for row in records(frame)
    ]
