"""Deals as most are: pro rata, then each class before the next; a reserve, fees, a trigger.

Where :func:`~scfcap.testing.deals.any_deal` looks for the odd, these have an order of payment of
which more can be said: a test may ask that the senior comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from scfcap.quantities import FloatArray
from scfcap.schema.deal import DealSpec
from scfcap.testing.deal_parts import INDEX, SIZE
from scfcap.testing.deals import deal_spec
from scfcap.testing.dice import Dice

#: Closing of such a deal.
CLOSING = date(2019, 12, 31)
_ALL = ["income", "collection", "reserve"]


def usual_deal(dice: Dice) -> DealSpec:
    """A deal in two phases, ``usual`` pro rata and ``sequential``: two to six classes, the equity
    "E" among them, a reserve and a trigger, sometimes a line, a hedge and a call.
    """
    terms: dict[str, Any] = {
        "closing": CLOSING,
        "day_count": dice.one_of(("30/360", "act/360", "act/act-icma")),
        "cents": dice.one_of((False, False, False, True)),
        "phases": [
            {"name": "usual", "until": date(2021, 6, 30)},
            {"name": "sequential", "when": "trigger.losses", "stays": dice.chance(0.5)},
        ],
        "collections": {"interest": "income", "recovery": "income"},
        "accounts": {
            "income": {},
            "reserve": {
                "initial": "0.01 * notes",
                "target": dice.one_of(("0.015 * notes", "0.01 * pool", 3.0)),
                "earns": dice.real(0.0, 0.05),
                "interest_to": "income",
            },
        },
        "fees": {
            "trustee": {"amount": dice.real(0.0, 9.0), "upfront": 1.0},
            "servicer": {"rate": dice.real(0.0, 0.02), "cap": 8.0, "arrears_rate": 0.05},
        },
        "tranches": _classes(dice),
        "measures": {"rate": {"of": "losses / pool_opening", "mean_of": 2}},
        "triggers": {
            "losses": {"test": "measure.rate > 0.01", "after": dice.whole(1, 2)}
            | ({"cure": "measure.rate < 0.005"} if dice.chance(0.5) else {})
        },
        "settlement": {"delay_days": dice.one_of((0, 15))},
    }
    if dice.chance(0.5):
        terms["lines"] = {
            "liquidity": {"commitment": "0.05 * notes", "rate": 0.04, "fee_rate": 0.002}
        }
    if dice.chance(0.5):
        terms["hedges"] = {"swap": {"notional": "0.5 * pool", "pay_rate": 0.03,
                                    "receive_index": INDEX, "to": "income"}}  # fmt: skip
    if dice.chance(0.5):
        terms["calls"] = {"clean_up": {"when": "pool < 0.1 * pool_at_closing"}}
    terms["waterfall"] = _steps(dice, terms)
    return deal_spec(terms)


def _classes(dice: Dice) -> dict[str, dict[str, Any]]:
    """One to five classes of notes and the equity."""
    count = dice.whole(1, 5)
    sizes = [dice.real(0.2, 1.0) / (j + 1) for j in range(count)]
    cushion = dice.real(0.01, 0.15)
    notes = {}
    for j, size in enumerate(sizes):
        terms: dict[str, Any] = {"share": (1.0 - cushion) * size / sum(sizes)}
        kind = dice.one_of(("fixed", "fixed", "floating", "zero"))
        if kind == "floating":
            terms |= {"kind": kind, "index": INDEX, "margin": dice.real(0.0, 0.05)}
        elif kind == "zero":
            terms |= {"kind": kind, "issue_price": 0.9}
        else:
            terms |= {"coupon": dice.real(0.0, 0.12), "interest_on_shortfall": dice.chance(0.5)}
        notes[f"N{j + 1}"] = terms
    return notes | {"E": {"kind": "equity", "share": cushion}}


def _steps(dice: Dice, terms: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Pro rata in the first phase; in the second each class before the next."""
    names = [name for name in terms["tranches"] if name != "E"]
    bearing = [name for name in names if terms["tranches"][name].get("kind") != "zero"]
    support = ["income", *terms.get("lines", {}), "reserve"]
    fees = [{"pay": "fee", "to": ["trustee", "servicer"], "from": support}]
    fees += [{"pay": "hedge", "to": "swap", "from": "income"}] if "hedges" in terms else []
    line = [{"pay": "line", "to": "liquidity", "from": "income"}] if "lines" in terms else []
    out = [
        {"pay": "write_off", "to": names[::-1], "when": "payment > 2"},
        {"pay": "residual", "to": "E", "from": _ALL, "when": "notes <= 0"},
    ]
    first = [{"pay": "interest", "to": bearing, "from": support}] if bearing else []
    share = dice.real(0.1, 1.0)
    shared = {"pay": "principal", "to": names, "up_to": "collected_principal", "share": share}
    reserve = [{"pay": "account", "to": "reserve", "from": "income"}]
    second: list[dict[str, Any]] = []
    for name in names:
        after = ["income", "reserve"]
        second += [{"pay": "interest", "to": name, "from": after}] if name in bearing else []
        second += [{"pay": "principal", "to": name, "from": ["collection", "income"]}]
    leak = {"pay": "residual", "to": "E", "from": "income", "keep": "target.reserve"}
    return {
        "usual": [*fees, *first, *line, *reserve, shared, leak, *out],
        "sequential": [*fees, *line, *second, *out],
    }


def usual_flows(dice: Dice, periods: int) -> tuple[Mapping[str, FloatArray], FloatArray]:
    """Flows [3, T] of a pool of 1,000 by name, calm, bad and middling, and an index [3, T + 1].

    The pool loses so much that about a third of the scenarios reach the second class.
    """
    random = dice.numbers()
    held = np.full(3, SIZE)
    pace, loss = random.uniform(0.02, 0.15, 3), np.array([0.002, 0.12, 0.005])
    rows = []
    for _ in range(periods):
        default = held * loss * random.uniform(0.0, 2.0, 3) * random.integers(0, 2, 3)
        principal = (held - default) * pace * random.uniform(0.0, 2.0, 3)
        interest = held * random.uniform(0.0, 0.015, 3)
        recovery = default * random.uniform(0.0, 0.5, 3)
        held = held - default - principal
        rows.append((principal, interest, default, recovery))
    found = np.array(rows).transpose(1, 2, 0)
    index = np.abs(0.03 + np.cumsum(random.normal(0.0, 0.006, (3, periods + 1)), axis=1))
    names = ("principal", "interest", "default", "recovery")
    return dict(zip(names, found, strict=True)), np.asarray(index)
