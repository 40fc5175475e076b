"""Any sequence of operations leaves what a dictionary says: holders, promises, purchases."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from random import Random

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from scfcap.errors import InputError
from scfcap.ledger import frames
from scfcap.ledger.confirmations import confirm
from scfcap.ledger.deliveries import cancel, propose, settle
from scfcap.ledger.outbox import deliver, open_ledger
from scfcap.ledger.tapes import open_with, roll
from scfcap.ledger.trace import trace
from scfcap.report.files import csv_bytes

from .books import BANK, DAY, LINE, OWN, SERIES, answers_to, tape_of

PLACES = (OWN, BANK, SERIES, LINE)
BUYERS = (BANK, SERIES)
SEEDS = st.integers(0, 2**32 - 1)


@dataclass
class Purchase:
    """What a buyer paid for a loan and what came of it, in cents, as a bookkeeper writes it."""

    channel: str
    price: int
    came: int = 0  # principal, interest, recoveries and the price at which it left
    earned: int = 0  # income: all that came or is lost beyond the price
    lost: int = 0
    drawn: int = 0
    over: bool = False


@dataclass
class Loan:
    """A loan as the witness knows it, in cents."""

    balance: int
    holder: str
    status: str = "current"
    paid: int = 0
    interest: int = 0
    promised: int = 0
    purchases: list[Purchase] = field(default_factory=list)

    @property
    def bought(self) -> Purchase | None:
        """The purchase that its present holder made."""
        held = self.purchases and not self.purchases[-1].over
        return self.purchases[-1] if held else None


@dataclass
class Delivery:
    """A delivery as the witness knows it: (balance, price), and the answer, by loan."""

    origin: str
    destination: str
    lines: dict[str, tuple[int, int | None]]
    said: dict[str, str] = field(default_factory=dict)
    status: str = "proposed"


class Books(RuleBasedStateMachine):
    """A ledger, and a dictionary that is kept beside it in plain Python."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ledger = open_ledger(self.folder / "ledger.sqlite", create=True)
        self.loans: dict[str, Loan] = {}
        self.deliveries: dict[int, Delivery] = {}
        self.on, self.files = DAY, 0

    def teardown(self):
        self.ledger.close()
        shutil.rmtree(self.folder)

    def _take(self, function):
        rows = {
            key: {
                "balance": loan.balance / 100.0, "status": loan.status, "channel": loan.holder,
                "paid_principal": loan.paid / 100.0, "paid_interest": loan.interest / 100.0,
            }
            for key, loan in self.loans.items()
        }  # fmt: skip
        tape = tape_of(self.on, rows)
        assert not function(self.ledger, tape).repeated
        assert function(self.ledger, tape).repeated  # once more changes nothing

    @initialize(seed=SEEDS, loans=st.integers(1, 12))
    def begin(self, seed, loans):
        chance = Random(seed)
        for k in range(loans):
            key = f"={k}" if k == 0 else f"L{k}"
            self._new(key, chance.randint(1, 10**6), chance.choice(PLACES))
        self._take(open_with)

    def _new(self, key, owed, place):
        loan = Loan(owed, place)
        if place in BUYERS:
            loan.purchases.append(Purchase(place, owed))
        self.loans[key] = loan

    @rule(seed=SEEDS)
    def time_passes(self, seed):
        self.roll(Random(seed))

    @rule(seed=SEEDS)
    def propose(self, seed):
        self.propose_some(Random(seed))

    @rule()
    def send(self):
        proposed = [k for k, d in self.deliveries.items() if d.status == "proposed"]
        done = deliver(self.ledger, self.on, csv_bytes)
        assert [sent.delivery for sent in done] == proposed
        for sent in done:
            assert sent.file.is_file()
            self.deliveries[sent.delivery].status = "sent"

    @rule(seed=SEEDS, everything=st.booleans())
    def confirm(self, seed, everything):
        self.answer(Random(seed), everything)

    @rule(seed=SEEDS)
    def cancel(self, seed):
        self.take_back(Random(seed))

    @rule()
    def settle(self):
        for number, delivery in self.deliveries.items():
            if delivery.status in ("confirmed", "part-refused"):
                self.close(number)

    @rule(seed=SEEDS)
    def whole_way(self, seed):
        """From the proposal to the settlement, with a tape on the way or without."""
        chance = Random(seed)
        self.propose_some(chance)
        self.send()
        if chance.random() < 0.5:
            self.roll(chance)
        self.answer(chance, everything=True)
        if chance.random() < 0.5:
            self.roll(chance)
        self.settle()

    def roll(self, chance):
        """Days pass: loans are repaid in part or whole, charged off, and recovered; one is made."""
        self.on += timedelta(days=chance.randint(1, 40))
        for loan in self.loans.values():
            what = chance.choice(("pay", "pay", "pay", "nothing", "nothing", "repay", "charge off"))
            buyer = loan.bought or Purchase("", 0)
            if loan.status == "charged_off":
                got = chance.randint(0, 100)
                loan.paid += got
                buyer.came, buyer.earned = buyer.came + got, buyer.earned + got
            elif loan.balance and what == "charge off":
                part = chance.randint(0, loan.balance - 1)
                loan.paid += part
                buyer.came, buyer.lost = buyer.came + part, buyer.lost + loan.balance - part
                loan.balance, loan.status = 0, "charged_off"
            elif loan.balance and what != "nothing":
                part = loan.balance if what == "repay" else chance.randint(0, loan.balance)
                interest = chance.randint(0, 500)
                loan.paid, loan.interest = loan.paid + part, loan.interest + interest
                buyer.came, buyer.earned = buyer.came + part + interest, buyer.earned + interest
                loan.balance -= part
                loan.status = "current" if loan.balance else "repaid"
        if chance.random() < 0.7:
            self._new(f"L{len(self.loans)}", chance.randint(1, 10**6), OWN)
        self._take(roll)

    def propose_some(self, chance):
        some = chance.sample(sorted(self.loans), chance.randint(0, len(self.loans)))
        rows = [(key, chance.choice(PLACES), chance.randint(90, 105)) for key in some]
        price = [round(self.loans[key].balance * percent / 100) for key, _, percent in rows]
        table = pd.DataFrame(
            {
                "loan_id": [key for key, *_ in rows],
                "channel": [place for _, place, _ in rows],
                "price": [amount / 100.0 for amount in price],
            }
        )
        moving = {
            key: (place, amount)
            for (key, place, _), amount in zip(rows, price, strict=True)
            if self.loans[key].holder != place and self._to(key) != place
        }
        source = f"source {len(self.deliveries)} {self.on} {rows}"
        bad = {key for key in moving if self.loans[key].promised or not self.loans[key].balance}
        if bad:
            before = frames.events(self.ledger)
            with pytest.raises(InputError) as said:
                propose(self.ledger, table, self.on, source=source)
            assert {p.where for p in said.value.problems} == {f"loan {key}" for key in bad}
            assert len(frames.events(self.ledger)) == len(before)
            table = table[~table["loan_id"].isin(bad)]
            moving = {key: move for key, move in moving.items() if key not in bad}
        expected: dict[tuple[str, str], dict[str, tuple[int, int | None]]] = {}
        for key, (place, amount) in moving.items():
            loan = self.loans[key]
            sold = {loan.holder, place} & set(BUYERS)
            lines = expected.setdefault((loan.holder, place), {})
            lines[key] = loan.balance, amount if sold else None
        made = propose(self.ledger, table, self.on, source=source)
        assert len(made) == len(expected)
        for number, pair in zip(made, sorted(expected), strict=True):
            self.deliveries[number] = Delivery(*pair, expected[pair])
            for key in expected[pair]:
                self.loans[key].promised = number
        assert propose(self.ledger, table, self.on, source=source) == made

    def answer(self, chance, everything):
        """One file answers all that is sent, or a part of it."""
        sent = {k: d for k, d in self.deliveries.items() if d.status == "sent"}
        still = [(k, key) for k, d in sent.items() for key in d.lines if key not in d.said]
        if not still:
            return
        named = still if everything else chance.sample(still, chance.randint(1, len(still)))
        said = {key: chance.choice(("accepted", "accepted", "refused")) for _, key in named}
        self.files += 1
        # As the list has them: an id that a spreadsheet would work out comes with an apostrophe.
        written = [
            (number, f"'{key}" if key.startswith("=") else key, said[key]) for number, key in named
        ]
        file = answers_to(self.folder / f"{self.files}.csv", written)
        confirm(self.ledger, file, self.on)
        for number, key in named:
            sent[number].said[key] = said[key]
            if said[key] == "refused":
                self.loans[key].promised = 0
        for delivery in sent.values():
            if len(delivery.said) == len(delivery.lines):
                found = set(delivery.said.values())
                delivery.status = (
                    "part-refused" if len(found) == 2
                    else "confirmed" if found == {"accepted"} else "refused"
                )  # fmt: skip
        before = frames.events(self.ledger)
        assert confirm(self.ledger, file, self.on).repeated
        assert len(frames.events(self.ledger)) == len(before)

    def _to(self, key):
        """Where a loan is being delivered to."""
        number = self.loans[key].promised
        return self.deliveries[number].destination if number else ""

    def take_back(self, chance):
        live = ("proposed", "sent", "confirmed", "part-refused")
        found = [k for k, d in self.deliveries.items() if d.status in live]
        if not found:
            return
        number = chance.choice(found)
        cancel(self.ledger, number, self.on, "no longer wanted")
        delivery = self.deliveries[number]
        delivery.status = "cancelled"
        for key in delivery.lines:
            if self.loans[key].promised == number:
                self.loans[key].promised = 0

    def close(self, number):
        done = settle(self.ledger, number, self.on)
        delivery = self.deliveries[number]
        delivery.status = "settled"
        moved = 0
        for key, (then, price) in delivery.lines.items():
            loan = self.loans[key]
            if delivery.said[key] == "refused":
                continue
            loan.promised = 0
            if not loan.balance:
                continue
            moved += 1
            paid = None if price is None else round(Fraction(price * loan.balance, then))
            if loan.bought is not None:
                seller = loan.bought
                seller.came, seller.over = seller.came + paid, True
                seller.earned += paid - loan.balance
            loan.holder = delivery.destination
            if delivery.destination in BUYERS:
                purchase = Purchase(delivery.destination, paid, earned=loan.balance - paid)
                loan.purchases.append(purchase)
        assert done.loans == moved
        for again in (cancel, settle):
            with pytest.raises(InputError, match="which is settled"):
                again(self.ledger, number, self.on)

    @rule()
    def reopen(self):
        self.ledger.close()
        self.ledger = open_ledger(self.folder / "ledger.sqlite")

    @invariant()
    def each_loan_is_where_the_dictionary_has_it(self):
        if not self.loans:
            return
        held = frames.holdings(self.ledger).set_index("loan_id")
        owed = {key: loan for key, loan in self.loans.items() if loan.balance}
        assert set(held.index) == set(owed)
        for key, loan in owed.items():
            assert held["channel"][key] == loan.holder
            assert held["balance"][key] == loan.balance / 100.0
            assert held["promised"][key] == self._to(key)
        found = frames.deliveries(self.ledger).set_index("delivery")
        assert dict(found["status"]) == {k: d.status for k, d in self.deliveries.items()}

    @invariant()
    def purchases_are_as_the_bookkeeper_has_them(self):
        """The ledger has them by loan; the sums are compared, in cents."""
        for channel in BUYERS:
            mine = [
                (key, purchase, 0 if purchase.over else loan.balance)
                for key, loan in self.loans.items()
                for purchase in loan.purchases
                if purchase.channel == channel
            ]
            if not mine:
                continue
            found = trace(self.ledger, channel)
            for name, expected in (
                ("price", [p.price for _, p, _ in mine]),
                ("income", [p.earned for _, p, _ in mine]),
                ("received", [p.came for _, p, _ in mine]),
                ("loss", [p.lost for _, p, _ in mine]),
                ("balance", [left for *_, left in mine]),
            ):
                assert found.total[name] == sum(expected) / 100.0, name
            for key, purchase, left in mine:
                assert purchase.price + purchase.earned == purchase.came + purchase.lost + left, key


def test_any_sequence_of_operations():
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=5, stateful_step_count=12, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
