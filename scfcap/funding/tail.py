"""The mean of the worst shortfalls, CVaR, as terms of the program.

Source: R. T. Rockafellar, S. Uryasev, Optimization of conditional value-at-risk, J. Risk 2(3)
(2000) 21-41: ``CVaR = min over eta of eta + sum_k w_k max(S_k - eta, 0) / (1 - level)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Key, Program, Row, Terms
from scfcap.funding.shortfall import measured, missing
from scfcap.funding.variables import Book
from scfcap.schema.uncertainty import Risk


def risk_of(book: Book) -> Risk | None:
    """How the plan of one scenario reckons with risk; None where it does not.

    None too for one of several scenarios, whose tail is that of all together.
    """
    stated = book.inputs.spec.plan.uncertainty
    if stated is None or book.program.find("eta", "cvar") is None:
        return None
    return stated.risk


def shortfalls(book: Book, measure: str) -> list[Terms]:
    """A scenario's shortfall, which is the largest of these [money units]."""
    parts = [Terms().extend(missing(book, t), w) for t, w in measured(book.inputs, measure)]
    if measure == "worst":
        return parts
    total = Terms()
    for part in parts:
        total.extend(part)
    return [total]


def cvar_terms(program: Program, weights: Mapping[str, float], level: float) -> Terms:
    """``eta + sum_k w_k z_k / (1 - level)``: no less than CVaR, and at its least that."""
    terms = Terms().add(program.find("eta", "cvar"))
    for name, weight in weights.items():
        terms.add(program.find("z", name), weight / (1.0 - level))
    return terms


def tail_rows(program: Program, missed: Mapping[str, Sequence[Terms]]) -> Iterator[tuple[Key, Row]]:
    """``z_k + eta >= S_k`` for each part of each scenario's shortfall."""
    for name, parts in missed.items():
        for n, part in enumerate(parts, start=1):
            terms = Terms().add(program.find("z", name)).add(program.find("eta", "cvar"))
            yield (name, n), Row(terms.extend(part, -1.0), ">=")


def limit_rows(
    program: Program, weights: Mapping[str, float], level: float, limit: float | None
) -> Iterator[tuple[Key, Row]]:
    """``CVaR <= limit`` [money units]; no row where there is no limit."""
    if limit is not None:
        yield "cvar", Row(cvar_terms(program, weights, level), "<=", limit)


def without_risk(inputs: Inputs) -> Inputs:
    """Without what the plan reckons of risk, which is one of all scenarios together."""
    plan = inputs.spec.plan
    if plan.uncertainty is None:
        return inputs
    uncertain = plan.uncertainty.model_copy(update={"risk": Risk()})
    plan = plan.model_copy(update={"uncertainty": uncertain})
    return replace(inputs, spec=inputs.spec.model_copy(update={"plan": plan}))
