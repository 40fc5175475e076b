"""Random parts of a deal: classes, accounts, fees, lines, hedges, triggers, phases, calls.

Each function adds its tables to the terms of a deal, which are plain data as a TOML file has them.
Amounts suit a pool of 1,000.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from scfcap.axes import DAY_COUNTS
from scfcap.testing.dice import Dice

Terms = dict[str, Any]

#: The index that generated deals float over.
INDEX = "i"
#: The pool that amounts of generated deals suit [currency].
SIZE = 1000.0


def add_classes(dice: Dice, terms: Terms, ends: list[date]) -> None:
    """One to five classes of notes, mostly with equity below them; senior first."""
    count = dice.one_of((2, 1, 3, 4, 5))
    sizes = [dice.real(0.2, 1.0) / (j + 1) for j in range(count)]
    cushion = dice.edge(0.01, 0.25, 0.0, 0.6)
    notes: Terms = {}
    for j, size in enumerate(sizes):
        size *= (1.0 - cushion) / sum(sizes)
        each = _class(dice, [*notes], ends, first=j == 0)
        if each["kind"] != "interest_only":
            by_share = dice.chance(0.7)
            each |= {"share": size} if by_share else {"balance": round(size * SIZE, 2)}
        if dice.chance(0.15):
            each["day_count"] = dice.one_of(DAY_COUNTS)
        if dice.chance(0.2):
            each["retained"] = dice.edge(0.0, 1.0, 1.0)
        notes[f"N{j + 1}"] = each
    if dice.chance(0.85):
        notes["E"] = {"kind": "equity", "share": cushion}
    terms["tranches"] = notes


def _class(dice: Dice, before: list[str], ends: list[date], *, first: bool) -> Terms:
    kinds = ["fixed", "floating", "fixed", "zero", "accrual", "interest_only"]
    kind = dice.one_of(kinds[:3] if first else kinds)
    each: Terms = {"kind": kind}
    if kind in ("fixed", "accrual", "interest_only"):
        each["coupon"] = dice.edge(0.0, 0.12, 0.0, 1.0)
    if kind == "floating":
        floor = dice.edge(0.0, 0.04, 0.0)
        each |= {"index": INDEX, "margin": dice.edge(-0.02, 0.05, 0.0), "floor": floor}
        each["cap"] = max(floor, dice.edge(0.03, 0.10, 1.0))
    if kind == "zero":
        each["issue_price"] = dice.edge(0.7, 1.0, 0.0)
    if kind == "interest_only":
        whose = dice.one_of(before)
        each["notional"] = dice.one_of((f"0.5 * balance.{whose}", "pool", "0.2 * pool_opening"))
    if kind == "accrual" and dice.chance(0.5):
        each["accretes_while"] = dice.one_of(("payment < 4", "pool > 400", "not called"))
    if kind in ("fixed", "floating", "accrual"):
        each["interest_on_shortfall"] = dice.chance(0.5)
        if dice.chance(0.2):
            each["available_cap"] = dice.one_of(
                ("12 * collected_interest / max(notes, 1)", "0.03", "index.i")
            )
    if dice.chance(0.15):
        each["first_interest"] = dice.one_of(ends)
    if kind != "interest_only" and dice.chance(0.25):
        steps, left = dice.whole(1, 6), 1.0
        each["schedule"] = tuple(left := left * dice.edge(0.4, 1.0, 0.0) for _ in range(steps))
    return each


def add_accounts(dice: Dice, terms: Terms) -> None:
    """Where collections go, and a reserve with a target; at times cash at the side."""
    accounts: Terms = {}
    split = dice.chance(0.7)
    if split:
        accounts["income"] = {}
        terms["collections"] = {"interest": "income",
                                "recovery": dice.one_of(("income", "collection"))}  # fmt: skip
    if dice.chance(0.75):
        accounts["reserve"] = {
            "initial": dice.one_of(("0.01 * notes", 5.0, 0.0, "max(0.02 * pool, 3)")),
            "target": dice.one_of(
                ("0.015 * notes", "0.01 * pool", 3.0, "max(0.02 * notes_at_closing, 4)",
                 "if(payment > 3, 0, 20)")
            ),
        }  # fmt: skip
    if dice.chance(0.3):
        accounts["spare"] = {}
    for name in accounts:
        if dice.chance(0.4):
            accounts[name]["earns"] = dice.edge(0.0, 0.05, 1.0)
            to = dice.one_of(("", "collection", *accounts))
            accounts[name] |= {"interest_to": to} if to else {}
    terms["accounts"] = accounts


def add_fees(dice: Dice, terms: Terms) -> None:
    """None to three fees."""
    fees: Terms = {}
    for name in dice.some(("trustee", "servicer", "manager"), 0.6):
        fee: Terms = {}
        how = dice.one_of(("amount", "rate", "formula", "floor"))
        if how == "amount":
            fee["amount"] = dice.edge(0.1, 9.0, 500.0)
        elif how == "rate":
            fee["rate"] = dice.edge(0.0, 0.03, 1.0)
            if dice.chance(0.4):
                fee["of"] = dice.one_of(("notes", "pool", "pool_at_closing", "collected"))
        elif how == "formula":
            fee["formula"] = dice.one_of(
                ("0.05 * collected_interest", "0.1 * excess_spread * pool", "2 - 0.3 * payment")
            )
        else:
            fee["floor"] = dice.real(0.5, 4.0)
        if dice.chance(0.3):
            fee["cap"] = dice.edge(4.0, 12.0, fee.get("floor", 0.0))
        if dice.chance(0.3):
            fee["arrears_rate"] = dice.edge(0.0, 0.2, 1.0)
        if dice.chance(0.3):
            fee["upfront"] = dice.one_of((1.0, "0.001 * pool", 0.0))
        fee["to_originator"] = name == "servicer" and dice.chance(0.6)
        fees[name] = fee
    terms["fees"] = fees


def add_lines(dice: Dice, terms: Terms) -> None:
    """At times a liquidity line, and a warehouse that pays for loans."""
    lines: Terms = {}
    if dice.chance(0.4):
        lines["liquidity"] = _line(dice, ("0.05 * notes", 30.0, "0.02 * pool", 0.0))
    if dice.chance(0.25):
        lines["warehouse"] = _line(dice, (200.0, "0.3 * pool_at_closing", 1000.0))
        lines["warehouse"]["initial"] = dice.one_of((0.0, 50.0, "0.1 * pool"))
    terms["lines"] = lines


def _line(dice: Dice, commitments: tuple[float | str, ...]) -> Terms:
    line: Terms = {"commitment": dice.one_of(commitments), "rate": dice.edge(0.0, 0.09, 0.0, 1.0)}
    if dice.chance(0.3):
        line["index"] = INDEX
    if dice.chance(0.5):
        line["fee_rate"] = dice.edge(0.0, 0.01, 0.0)
    if dice.chance(0.3):
        line["available_while"] = dice.one_of(
            ("delinquency_rate < 0.08", "payment < 5", "not originator_default", "index.i < 0.05")
        )
    if dice.chance(0.5):
        line["advance_rate"] = dice.edge(0.3, 0.95, 0.0, 1.0)
    return line


def add_hedges(dice: Dice, terms: Terms, ends: list[date]) -> None:
    """At times a swap, at times a cap or a floor."""
    to = "income" if "income" in terms["accounts"] else "collection"
    hedges: Terms = {}
    if dice.chance(0.4):
        swap: Terms = {"pay_rate": dice.edge(0.0, 0.06, 0.0), "receive_index": INDEX}
        if dice.chance(0.3):
            swap = {"pay_index": INDEX, "pay_margin": dice.real(-0.01, 0.02), "receive_rate": 0.04}
        hedges["swap"] = swap
    if dice.chance(0.3):
        kind = dice.one_of(("cap", "floor"))
        hedges["option"] = {"kind": kind, "receive_index": INDEX, "strike": dice.real(0.01, 0.05)}
    for hedge in hedges.values():
        hedge |= {"notional": dice.one_of(("0.5 * pool", "notes", "balance.N1", "100")), "to": to}
        if dice.chance(0.3):
            hedge["premium"] = dice.one_of((1.0, "0.002 * pool"))
        if dice.chance(0.3):
            hedge["ends"] = dice.one_of(ends)
        if dice.chance(0.2):
            hedge["day_count"] = dice.one_of(DAY_COUNTS)
    terms["hedges"] = hedges


#: Tests by what brings them on, with thresholds that some pools pass and others do not.
TESTS = {
    "cumulative default": "cumulative_default / pool_at_closing > 0.04",
    "cumulative loss": "cumulative_loss > 0.03 * pool_at_closing",
    "default rate": "default_rate > 0.08",
    "delinquency": "delinquency_rate > 0.05",
    "overcollateralization": "overcollateralization < 0.05",
    "excess spread": "excess_spread < 0.01",
    "idle cash": "idle_share > 0.10",
    "interest shortfall": "owed.N1 > 0.01",
    "originator": "originator_default",
    "pool": "pool < 0.5 * pool_at_closing",
    "time": "payment >= 5",
}
_CURES = ("default_rate < 0.02", "overcollateralization > 0.06", "delinquency_rate < 0.03",
          "owed.N1 <= 0", "excess_spread > 0.02")  # fmt: skip


def a_test(dice: Dice, terms: Terms) -> str:
    """A test on what the deal knows on a payment date."""
    choices = [*TESTS.values(), "notes <= 0", "called", "final", "index.i > 0.04"]
    choices += [f"trigger.{name}" for name in terms.get("triggers", {})]
    choices += [f"measure.{name} > 0.01" for name in terms.get("measures", {})]
    choices += [f"drawn.{name} > 10" for name in terms.get("lines", {})]
    found = dice.one_of(choices)
    if dice.chance(0.15):
        found = f"{found} {dice.one_of(('and', 'or'))} {dice.one_of(choices)}"
    return f"not ({found})" if dice.chance(0.1) else found


def add_triggers(dice: Dice, terms: Terms) -> None:
    """None to two measures, none to three triggers."""
    measures: Terms = {}
    for name, of in (
        ("rate", "losses / pool_opening"),
        ("spread", "excess_spread"),
        ("late", "delinquent / pool"),
    ):
        if dice.chance(0.25):
            measures[name] = {"of": of, "mean_of": dice.one_of((1, 2, 3, 12))}
    terms["measures"] = measures
    tests = [*TESTS.values(), *(f"measure.{name} > 0.01" for name in measures)]
    triggers: Terms = {}
    for place in range(dice.one_of((1, 0, 2, 3))):
        trigger: Terms = {"test": dice.one_of(tests), "after": dice.one_of((1, 1, 2, 3))}
        if dice.chance(0.2):
            trigger["from_payment"] = dice.whole(1, 4)
        if dice.chance(0.4):
            trigger |= {"cure": dice.one_of(_CURES), "cured_after": dice.whole(1, 2)}
        if dice.chance(0.3):
            trigger["when"] = "after payments"
        triggers[f"t{place + 1}"] = trigger
    terms["triggers"] = triggers


def add_phases(dice: Dice, terms: Terms, ends: list[date]) -> None:
    """One to four phases: a revolving one, an amortising one, graver ones."""
    names = dice.one_of((("usual",), ("revolving", "usual"), ("usual", "grave"),
                         ("revolving", "usual", "early"),
                         ("revolving", "usual", "early", "grave")))  # fmt: skip
    phases: list[Terms] = []
    for place, name in enumerate(names):
        phase: Terms = {"name": name}
        if name == "revolving":
            phase["until"] = ends[min(dice.whole(0, 8), len(ends) - 1)]
        elif place and (name != "usual" or dice.chance(0.4)):
            phase["when"] = a_test(dice, terms)
        if place and dice.chance(0.4):
            phase["stays"] = False
        phases.append(phase)
    terms["phases"] = phases


def add_calls(dice: Dice, terms: Terms, ends: list[date]) -> None:
    """At times a clean-up call, or one on a date."""
    calls: Terms = {}
    if dice.chance(0.3):
        when = dice.one_of(("pool < 0.3 * pool_at_closing", "pool < 0.1 * pool_at_closing",
                            "payment >= 3"))  # fmt: skip
        calls["clean_up"] = {"when": when}
    if dice.chance(0.15):
        calls["dated"] = {"from_date": dice.one_of(ends)}
    for call in calls.values():
        call |= {
            "price": dice.edge(0.8, 1.1, 1.0, 0.0, 2.0),
            "needs_full_payment": dice.chance(0.6),
        }
    terms["calls"] = calls


def add_settlement(dice: Dice, terms: Terms, frequency: str, ends: list[date]) -> None:
    """Payment dates every period, or every so many, or by the calendar."""
    settlement: Terms = {"delay_days": dice.one_of((0, 0, 5, 15, 40))}
    if frequency == "day":
        every: list[Any] = [1, 7, "month", 30]
    elif frequency == "week":
        every = [1, 4, "month", "quarter"]
    else:
        every = [1, 1, 1, 2, 3, "quarter"]
    settlement["payment_every"] = dice.one_of(every)
    if dice.chance(0.15):
        settlement["first_payment"] = dice.one_of(ends) + timedelta(days=settlement["delay_days"])
    terms["settlement"] = settlement
