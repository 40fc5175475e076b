"""What the plan is after: its parts, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

from scfcap.funding.capital import dividend, tax
from scfcap.funding.company import capital, running_cost
from scfcap.funding.end_value import value_beyond
from scfcap.funding.entries import from_owners
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Terms
from scfcap.funding.shortfall import missing
from scfcap.funding.tail import cvar_terms, risk_of
from scfcap.funding.variables import Book, all_places

#: Parts of the objective: inside the horizon, beyond it.
INSIDE, BEYOND = "inside", "beyond"
#: What a unit of tax costs for each period that it accrues before the end: enough for it to accrue
#: no sooner than profit does, too little to move anything else.
EARLY_TAX = 1e-6
#: Loans, of the largest weight, that a plan after lending would rather not make than miss money for
#: at one close: more than money ever funds, since it is missing first and lent then.
MISSED = 1000.0


@dataclass(frozen=True)
class Part:
    """A part of the objective [money units], in sentences ``item``."""

    part: str
    item: str
    terms: Terms


@dataclass(frozen=True)
class ObjectiveWords:
    """How sentences speak of the objective.

    The plan seeks its ``aim``. One more unit of a datum ``more`` an amount, one less ``less`` it; a
    plan without a channel ``would`` an amount ``fewer``, or ``larger`` where that is no loss.
    """

    aim: str
    title: str
    more: str
    less: str
    would: str
    fewer: str
    larger: str


WORDS = {
    "max_income": ObjectiveWords(
        "most net income",
        "net income, with the value of what stands at the end", "earns", "costs",
        "earn", "less", "more",
    ),
    "max_lending": ObjectiveWords(
        "most lending",
        "lending, by its weights", "adds lending of", "cuts lending by", "lend", "less", "more",
    ),
    "min_cost": ObjectiveWords(
        "least cost of funding",
        "cost of funding the lending path", "saves", "costs", "cost", "more", "less",
    ),
}  # fmt: skip


def objective_words(inputs: Inputs) -> ObjectiveWords:
    """How sentences speak of the plan's objective."""
    return WORDS[inputs.spec.plan.objective]


def objective_parts(book: Book) -> list[Part]:
    """The objective by what adds to it; it is their sum."""
    kind = book.inputs.spec.plan.objective
    if kind == "max_lending":
        parts = [Part(INSIDE, "loans made, by weight", weighted_lending(book)), *_missed(book)]
    elif kind == "min_cost":
        parts = _cost(book)
    else:
        parts = _income(book)
    parts += _tail(book)
    early = _early_tax(book)
    return [*parts, Part(INSIDE, "tax no sooner than profit", early)] if early else parts


def _missed(book: Book) -> list[Part]:
    """Less :data:`MISSED` loans for each unit of money that is missing at a close."""
    inputs, terms = book.inputs, Terms()
    if not inputs.may_lack:
        return []
    most = max((inputs.spec.plan.lending_weights.get(x, 1.0) for x in inputs.segments), default=1.0)
    for t in inputs.periods:
        terms.extend(missing(book, t), -MISSED * most)
    return [Part(INSIDE, "money missing, by loans not made for it", terms)]


def _tail(book: Book) -> list[Part]:
    """Less CVaR by its weight, where the plan is of one scenario."""
    risk = risk_of(book)
    if risk is None or risk.weight == 0.0:
        return []
    worst = cvar_terms(book.program, {book.inputs.spec.plan.scenario: 1.0}, risk.level)
    return [
        Part(
            INSIDE,
            "mean of the worst shortfalls, by its weight",
            Terms().extend(worst, -risk.weight),
        )
    ]


def objective(book: Book) -> Terms:
    """What the program maximises."""
    terms = Terms()
    for part in objective_parts(book):
        terms.extend(part.terms)
    return terms


def max_income(book: Book) -> Terms:
    """Net income over the horizon and the value of what stands at its end above its book value.

    ``sum_t NI[t] + (V_T - K[T]) = V_T - K[0] - paid in`` with ``V_T`` cash, loans at their
    remaining cash discounted at ``terminal_rate``, servicing fees to come, the share of issue costs
    that later periods use, less debt, notes and accrued coupons at par and what dearer debt costs
    above it. Holdings at par alone would stop lending near the end; all their interest
    undiscounted would over-lend.
    """
    return income_inside(book).extend(premium(book))


def income_inside(book: Book) -> Terms:
    """``sum_t NI[t]``: what net capital gains, the owners' money apart."""
    terms = Terms().extend(capital(book, book.inputs.horizon)).plus(-book.inputs.net_capital)
    for t in book.inputs.periods:
        terms.extend(from_owners(book, t), -1.0)
    return terms


def premium(book: Book) -> Terms:
    """``V_T - K[T]``: what stands at T is worth above its book value; kinds in ``end_value``."""
    terms = Terms()
    for part in value_beyond(book).values():
        terms.extend(part)
    return terms


def discount(inputs: Inputs, t: int) -> float:
    """What money to the owners at the close of ``t`` is worth at ``as_of``."""
    rule = inputs.spec.dividends
    assert rule is not None
    rate = inputs.spec.plan.terminal_rate if rule.owners_rate is None else rule.owners_rate
    return float((1.0 + rate) ** -inputs.year[: t + 1].sum())


def _income(book: Book) -> list[Part]:
    """:func:`max_income`; with dividends ``sum disc (Div - paid in) + disc[T] V_T - K[0]``.

    Income and the whole of ``V_T`` would count what is retained twice.
    """
    inputs = book.inputs
    if inputs.spec.dividends is None:
        parts = [Part(INSIDE, "net income over the horizon", income_inside(book))]
        later = 1.0
    else:
        paid, later = Terms(), discount(inputs, inputs.horizon)
        given = Terms()
        for t in inputs.periods:
            paid.extend(dividend(book, t), discount(inputs, t))
            given.extend(from_owners(book, t), -discount(inputs, t))
            given.extend(dividend(book, t), -discount(inputs, t))
        kept = Terms().extend(capital(book, inputs.horizon), later).plus(-inputs.net_capital)
        parts = [
            Part(INSIDE, "dividends, discounted", paid),
            Part(INSIDE, "net capital at the end, discounted, less what was put in",
                 kept.extend(given)),
        ]  # fmt: skip
    parts += [
        Part(BEYOND, kind, Terms().extend(terms, later))
        for kind, terms in value_beyond(book).items()
    ]
    return parts


def weighted_lending(book: Book) -> Terms:
    """``sum_s,t w[s] O[s,t]``, what is lent with partners included."""
    inputs = book.inputs
    weights = inputs.spec.plan.lending_weights
    terms = Terms()
    for s, name in enumerate(inputs.segments):
        for t in inputs.periods:
            terms.extend(book.lent(s, t), weights.get(name, 1.0))
    return terms


def _cost(book: Book) -> list[Part]:
    """Less what funding takes of all that the loans managed bring, wherever they sit.

    ``max_income - sum (interest - losses) - sum (v - 1) H[T] + running cost + tax``: interest,
    coupons and fees, discounts, what buyers keep, less the yield of cash. With lending given, what
    is taken off is given too, so that the least cost is the most income.
    """
    inputs, last = book.inputs, book.inputs.horizon
    inside, beyond = income_inside(book), premium(book)
    for t in inputs.periods:
        inside.extend(running_cost(book, t)).extend(tax(book, t))
        for where in all_places(inputs):
            inside.extend(book.interest(where, t), -1.0).extend(book.credit_cost(where, t))
    for where in all_places(inputs):
        for j in book.standing(where, last):
            beyond.extend(book.held(j, where, last), 1.0 - float(inputs.cohorts.terminal[j]))
    return [
        Part(INSIDE, "cost of funding over the horizon", inside),
        Part(BEYOND, "cost of funding after it", beyond),
    ]


def _early_tax(book: Book) -> Terms | None:
    rule, inputs = book.inputs.spec.tax, book.inputs
    if rule is None or rule.rate == 0.0:
        return None
    terms = Terms()
    for t in inputs.periods:
        share = (inputs.horizon - t + 1) / inputs.horizon
        terms.extend(tax(book, t), -EARLY_TAX * share)
    return terms
