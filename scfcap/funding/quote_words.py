"""A quote told: what the loan earns by line, where it goes, what pays for it, how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from scfcap.axes import OWN
from scfcap.brief import Brief, Lines, listed, money
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import day_of
from scfcap.funding.quote import STILL, Answer, Stand
from scfcap.funding.quote_lines import MADE, cash_lines, loan_lines
from scfcap.funding.quoted import Asked, known_terms
from scfcap.quantities import FloatArray

#: Amounts below this share of the loan are not told.
SMALL = 1e-6
#: Sources below this share of the loan are left to the table.
TOLD = 5e-4
#: Loans that the plan makes less of, or more.
OTHERS = "other lending that gives way"


@dataclass(frozen=True, repr=False)
class Quote(Brief):
    """What one more loan does to a plan; amounts in currency.

    ``value`` is what it earns over the horizon, with what of it stands after, net of losses,
    running cost and funding: the change of what the plan is after (NaN: no plan with it keeps all
    limits). ``income`` adds up to it. ``places`` say where shares of it are made and go; ``cash``
    what pays for it in its period, adding up to what the company lends. ``how`` is "prices" (of the
    plan) or "re-solve"; the prices hold up to ``reach`` (0: not known, infinite: without an end),
    where ``next_limit`` binds. ``least_rate`` earns nothing [1/year] (None: not asked, or none
    does). ``verified`` is the value by a re-solve, where that was asked for.
    """

    asked: Asked
    currency: str
    made: str
    value: float
    how: str
    reach: float
    next_limit: str
    income: tuple[tuple[str, float], ...]
    places: tuple[tuple[str, str, float], ...]
    cash: tuple[tuple[str, float], ...]
    sentences: tuple[str, ...]
    least_rate: float | None = None
    verified: float | None = None

    def _brief(self) -> tuple[str, Lines]:
        asked = self.asked
        value = "no plan with it" if math.isnan(self.value) else money(self.value, self.currency)
        lines = [
            ("loan", f"{money(asked.amount, self.currency)} for {asked.tenor} days"),
            ("worth to the plan", f"{value} (by {self.how})"),
        ]
        if self.least_rate is not None:
            lines.append(("least rate", f"{self.least_rate:.2%} a year"))
        places = [f"{each[0]} {each[1]}".strip() for each in self.places]
        return f"Quote of one more loan in {asked.segment}", [*lines, ("goes to", listed(places))]

    def document(self) -> dict[str, Any]:
        """The quote as plain values; what is not known, or has no end, is null."""
        return {
            "segment": self.asked.segment,
            "amount": self.asked.amount,
            "tenor_days": self.asked.tenor,
            "rate": self.asked.rate,
            "period": self.asked.period,
            "period_end": self.made,
            "currency": self.currency,
            "value": _plain(self.value),
            "how": self.how,
            "prices_hold_to": _plain(self.reach) if self.reach else None,
            "without_end": math.isinf(self.reach),
            "next_limit": self.next_limit or None,
            "least_rate": self.least_rate,
            "verified": None if self.verified is None else _plain(self.verified),
            "income": [{"line": name, "amount": x} for name, x in self.income],
            "places": [
                {"place": where, "at": at, "share": share} for where, at, share in self.places
            ],
            "cash": [{"source": name, "amount": x} for name, x in self.cash],
            "sentences": list(self.sentences),
        }


def _plain(x: float) -> float | None:
    return x if math.isfinite(x) else None


def told(
    stand: Stand,
    asked: Asked,
    answer: Answer | None,
    *,
    least_rate: float | None = None,
    rated: bool = False,
    checked: Answer | None = None,
) -> Quote:
    """The quote in lines and sentences.

    ``rated``: ``least_rate`` was looked for. ``checked``: the re-solve that was asked for.
    """
    inputs = stand.inputs
    made = f"{day_of(inputs, asked.period)}"
    plain = [_demand_note(), *_notes(stand, asked)]
    if answer is None:
        said = [f"{_loan(inputs, asked)}: no plan with it keeps all limits.", *plain]
        return Quote(
            asked, inputs.spec.currency, made, math.nan, "re-solve", 0.0, "", (), (), (),
            tuple(said),
        )  # fmt: skip
    amount = asked.amount
    value = answer.worth * amount
    places, cash = _places(stand, answer), _cash(stand, asked, answer)
    reach = answer.reach * inputs.unit
    said = [
        _earns(inputs, asked, value),
        _goes(places),
        _paid(inputs, asked, cash),
        _holds(inputs, answer, reach),
    ]
    if rated:
        said.append(_least(least_rate))
    if checked is not None:
        said.append(_checked(inputs, value, checked.worth * amount))
    return Quote(
        asked=asked,
        currency=inputs.spec.currency,
        made=made,
        value=value,
        how=answer.how,
        reach=reach,
        next_limit=answer.next_limit,
        income=_income(stand, answer, amount),
        places=tuple(places),
        cash=tuple((name, share * amount) for name, share in cash),
        sentences=tuple(x for x in (*said, *plain) if x),
        least_rate=least_rate,
        verified=None if checked is None else checked.worth * amount,
    )


def _own_moves(answer: Answer) -> FloatArray:
    """The loan's columns in the program that they were read from."""
    moves = np.zeros(answer.columns.book.program.shape[1])
    moves[answer.columns.index] = answer.own
    return moves


def _income(stand: Stand, answer: Answer, amount: float) -> tuple[tuple[str, float], ...]:
    """Lines of the objective, the loan's own and what it moves in the plan."""
    lines = stand.value.at(answer.moves)
    for name, x in loan_lines(answer.columns.book).at(_own_moves(answer)).items():
        lines[name] = lines.get(name, 0.0) + x
    return tuple((str(name), x * amount) for (name,), x in lines.items() if abs(x) > STILL)


def _places(stand: Stand, answer: Answer) -> list[tuple[str, str, float]]:
    """Place, date and share of the first amount: where it is made, then where it is moved."""
    found = []
    labels = answer.columns.labels
    own = sum(float(answer.own[q]) for q, (family, _) in enumerate(labels) if family == "O")
    if own > SMALL:
        found.append((OWN, "made", own))
    moves = sorted(
        (int(key[2]), family != "OC", str(key[1]), float(answer.own[q]))
        for q, (family, key) in enumerate(labels)
        if family in ("OC", "Y")
    )
    for t, later, where, share in moves:
        if share > SMALL:
            found.append((where, f"{day_of(stand.inputs, t)}" if later else "made", share))
    return found


def _cash(stand: Stand, asked: Asked, answer: Answer) -> list[tuple[str, float]]:
    """What pays for a unit of the loan in its period; what it takes from others is negative."""
    t, program = asked.period, stand.program
    lines = {name: x for name, x in stand.cash.at(answer.moves).items() if name[0] == t}
    own = cash_lines(answer.columns.book, [t]).at(_own_moves(answer))
    found: dict[str, float] = {}
    for mine, flows in ((False, lines), (True, own)):
        for (_, channel, item), x in flows.items():
            name = OTHERS if item == MADE else str(item) if channel == OWN else f"{channel}: {item}"
            if not (mine and item == MADE):
                found[name] = found.get(name, 0.0) + x
    held = [program.find("M", u) for u in (t, t - 1)]
    now, before = (0.0 if j is None else float(answer.moves[j]) for j in held)
    found["free cash kept"] = before - now
    kept = [(name, x) for name, x in found.items() if abs(x) > STILL]
    return sorted(kept, key=lambda line: (-line[1], line[0]))


def _loan(inputs: Inputs, asked: Asked) -> str:
    start = day_of(inputs, asked.period - 1)
    return (
        f"A loan of {inputs.spec.currency} {asked.amount:,.0f} of {asked.segment} for "
        f"{asked.tenor} days at {100.0 * asked.rate:.4g}% a year, made after {start} and by "
        f"{day_of(inputs, asked.period)}"
    )


def _earns(inputs: Inputs, asked: Asked, value: float) -> str:
    currency = inputs.spec.currency
    if value <= asked.amount * STILL:
        costs = f"costs the plan {currency} {-value:,.2f}" if value < 0.0 else "earns nothing"
        return f"{_loan(inputs, asked)}, {costs}: it would not be made."
    share = value / asked.amount
    return (
        f"{_loan(inputs, asked)}, earns {currency} {value:,.2f} for the plan, {share:.3%} of it, "
        "net of losses, running cost and its funding."
    )


def _goes(places: list[tuple[str, str, float]]) -> str:
    said = [
        f"{share:.1%} made with {_place(where)}" if at == "made" else
        f"{share:.1%} moved to {_place(where)} at {at}"
        for where, at, share in places
    ]  # fmt: skip
    stays = len(places) == 1 and places[0][0] == OWN
    return f"It goes: {', '.join(said)}{', where it stays' if stays else ''}."


def _place(where: str) -> str:
    return "own money" if where == OWN else where.split(":", 1)[-1]


def _paid(inputs: Inputs, asked: Asked, cash: list[tuple[str, float]]) -> str:
    if not cash:
        return ""
    brings = [f"{name} {x:.1%}" for name, x in cash if x >= TOLD]
    takes = [f"{name} {-x:.1%}" for name, x in cash if x <= -TOLD]
    less = f", less {', '.join(takes)}" if takes else ""
    when = day_of(inputs, asked.period)
    return f"Its cash in the period to {when} comes from {', '.join(brings) or 'nobody'}{less}."


def _holds(inputs: Inputs, answer: Answer, reach: float) -> str:
    to = f"{inputs.spec.currency} {reach:,.0f}"
    then = f"; then {answer.next_limit}" if answer.next_limit else ""
    if answer.how == "prices":
        if math.isinf(reach):
            return "The plan's prices hold for any amount."
        return f"The plan's prices hold up to {to}{then}."
    if reach <= 0.0:
        return (
            "The program was solved again with the loan: how far the plan's prices hold is not "
            "known, as a limit is met already."
        )
    return f"The program was solved again with the loan: the plan's prices hold up to {to}{then}."


def _least(rate: float | None) -> str:
    if rate is None:
        return "No rate up to 1,000% a year makes it earn anything at the plan's prices."
    if rate == 0.0:
        return "At the plan's prices it earns something even without interest."
    return f"At {rate:.3%} a year it would earn nothing at the plan's prices."


def _checked(inputs: Inputs, value: float, again: float) -> str:
    currency = inputs.spec.currency
    return (
        f"Solved again with the loan it is {currency} {again:,.2f}; the difference is "
        f"{currency} {value - again:,.6f}."
    )


def _demand_note() -> str:
    return "The loan comes with a demand of its own, beside what the plan may lend."


def _notes(stand: Stand, asked: Asked) -> list[str]:
    said = []
    new = stand.new[asked.segment]
    if not known_terms(new, asked.tenor):
        said.append(
            f"Nobody has said who takes loans of {asked.segment} for {asked.tenor} days (its own "
            f"are for {new.term_days.min()} to {new.term_days.max()}): it is quoted as one that "
            "no eligibility set admits."
        )
    if stand.fixed:
        said.append("Which banks lend stays as the plan has it.")
    return said
