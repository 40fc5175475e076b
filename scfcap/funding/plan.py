"""The funding plan: solve, replay, price, and a frozen result."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import pandas as pd

from scfcap.brief import Brief, Lines, listed, money
from scfcap.errors import InfeasibleError, SolverError
from scfcap.funding import statements
from scfcap.funding.accounting import accounting
from scfcap.funding.actions import actions
from scfcap.funding.cap_sources import cap_sources
from scfcap.funding.caps import caps_table
from scfcap.funding.cash_flow import cash_flow, cash_forecast
from scfcap.funding.catalogue import build_program
from scfcap.funding.costs import cost_of_funds, marginal_funding
from scfcap.funding.covenants import covenants_table
from scfcap.funding.decisions import Decisions, decisions_of
from scfcap.funding.diagnose import explain
from scfcap.funding.entries import from_owners
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.long_demand import long_demand
from scfcap.funding.next_steps import next_steps
from scfcap.funding.prices import Price, Worth, prices, worth_sentence
from scfcap.funding.program import NoOptimumError, Solution, solve
from scfcap.funding.replay import Engine, Replay, repaid_by, replay
from scfcap.funding.start import solve_from
from scfcap.funding.tables import Tables
from scfcap.funding.terms import term_price_table, term_prices
from scfcap.funding.unique import Choice, choose
from scfcap.funding.unused import unused
from scfcap.funding.value import value_table
from scfcap.funding.variables import Book, declare
from scfcap.periods import PeriodGrid
from scfcap.quantities import REPLAY_TOLERANCE
from scfcap.schema.model import Model

#: Rounds in which the order of note repayment is brought in line with the waterfall.
ROUNDS = 12
#: Objectives that differ by less than this share are the same.
SAME = 1e-9


@dataclass(frozen=True)
class Optimum:
    """One solved program with its replay."""

    inputs: Inputs
    book: Book
    solution: Solution
    decisions: Decisions
    replay: Replay


@dataclass(frozen=True, repr=False)
class Plan(Brief):
    """The plan: who funds what, when; what binds; what each limit is worth.

    Amounts of :meth:`tables` are in currency. ``seconds`` by step.
    """

    optimum: Optimum
    channels: tuple[Worth, ...]
    seconds: Mapping[str, float]
    choice: Choice
    status: str = "optimal"

    def _brief(self) -> tuple[str, Lines]:
        spec, grid = self.spec, self.grid
        outside = [str(each.channel) for each in self.channels]
        lines = [
            ("status", self.status),
            ("periods", f"{len(grid)} ({grid.frequency}), to {grid.ends[-1]}"),
            (f"objective, {spec.plan.objective}", money(self.objective, spec.currency)),
            ("net income", money(self.net_income, spec.currency)),
        ]
        if outside:
            lines.append(("outside channels", listed(outside)))
        return f"Funding plan of {spec.name} from {spec.as_of}", lines

    @property
    def spec(self) -> Model:
        """The model that was planned, scaled to its book."""
        return self.optimum.inputs.spec

    @property
    def grid(self) -> PeriodGrid:
        """The periods planned."""
        return self.optimum.inputs.grid

    @property
    def objective(self) -> float:
        """What the plan is after, by ``plan.objective`` [currency]: net income and value beyond the
        horizon; lending by its weights; or funding cost, negative.
        """
        return self.optimum.solution.objective * self.optimum.inputs.unit

    @property
    def net_income(self) -> float:
        """Net income over the horizon [currency]."""
        inputs = self.optimum.inputs
        book, solution = self.optimum.book, self.optimum.solution
        closing = solution.value("K", inputs.horizon)
        given = sum(from_owners(book, t).value(solution.x) for t in inputs.periods)
        return (closing - inputs.net_capital - given) * inputs.unit

    @cached_property
    def prices(self) -> tuple[Price, ...]:
        """What one more unit of each datum is worth; from the first solve, on demand."""
        return prices(self.optimum.inputs, self.choice.first)

    @cached_property
    def _tables(self) -> Tables:
        return self._makers()

    def _makers(self) -> Tables:
        """How each table is made."""
        found = self.optimum
        book, solution, result = found.book, found.solution, found.replay
        inputs = found.inputs
        tables = Tables(
            {
                name: partial(make, book, solution)
                for name, make in (
                    *statements.STATEMENTS.items(),
                    ("cash_flow", cash_flow),
                    ("accounting", accounting),
                    ("marginal_funding", marginal_funding),
                    ("unused", unused),
                    ("value", value_table),
                )
            }
        )
        tables.add("cash_forecast", lambda: cash_forecast(book, solution, tables["sources_uses"]))
        tables.add("cost_of_funds", lambda: cost_of_funds(book, solution, self.prices))
        tables.add("actions", lambda: actions(book, solution, found.decisions))
        tables.add("long_demand", lambda: long_demand(book, solution, tables["cost_of_funds"]))
        tables.add("caps", lambda: caps_table(book, solution, result))
        tables.add("cap_sources", lambda: cap_sources(book, solution))
        tables.add("covenants", lambda: covenants_table(book, solution, result))
        tables.add("prices", lambda: price_table(self.prices, inputs))
        tables.add("term_prices", self._term_prices)
        tables.add("channels", lambda: channel_table(self.channels))
        tables.add("next", lambda: next_steps(inputs, tables))
        tables.add("checks", lambda: statements.checks(book, solution, result, tables))
        return tables

    def _term_prices(self) -> pd.DataFrame:
        terms = term_prices(self.optimum.book, self.choice.first)
        return term_price_table(terms, self.optimum.inputs)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """All tables of the plan by name, each made when it is asked for; amounts in currency."""
        return self._tables


def solve_plan(inputs: Inputs, engine: Engine, *, channels: bool = True) -> Plan:
    """The optimal plan with its prices, and the worth of each outside channel.

    Raises:
        InfeasibleError: no plan keeps all limits; says which conflict and the least relaxation.
    """
    seconds = {}
    start = time.perf_counter()
    best = optimum(inputs, engine)
    seconds["solve"] = time.perf_counter() - start
    start = time.perf_counter()
    alone: dict[str, Optimum | None] = {}
    if channels:
        best, alone = _with_and_without(inputs, engine, best)
    seconds["channels"] = time.perf_counter() - start
    worth = tuple(_worth(inputs, best, channel, plan) for channel, plan in alone.items())
    start = time.perf_counter()
    chosen, choice = _chosen(best, engine)
    seconds["unique"] = time.perf_counter() - start
    return Plan(chosen, worth, seconds | dict(choice.seconds), choice)


def _chosen(best: Optimum, engine: Engine) -> tuple[Optimum, Choice]:
    """One of the plans that are as good as ``best``, and how it was chosen.

    It must repay notes in the order that ``best`` takes as given, and its own replay must show:
    otherwise ``best`` stays, and the choice says why.
    """
    settings = best.inputs.spec.plan
    try:
        choice = choose(best.book, best.solution, settings.unique, settings.indifferent)
    except SolverError as error:
        return best, Choice("none", best.solution, best.solution, kept=str(error))
    found = carried(best.book, choice.solution, engine)
    orders = [repaid_by(best.inputs, x.replay) == best.inputs.deals for x in (best, found)]
    if orders == [True, False]:
        why = "its notes would be repaid in another order"
        return best, replace(choice, how="none", solution=best.solution, given_up=0.0, kept=why)
    return found, choice


def _with_and_without(
    inputs: Inputs, engine: Engine, best: Optimum
) -> tuple[Optimum, dict[str, Optimum | None]]:
    """The plan, and the one without each channel, both from the same order of repayment.

    A plan without a channel that beats the one with it has found a better order: it is taken
    over, and all are solved again.
    """
    while True:
        alone = {channel: _without(inputs, engine, channel, best) for channel in inputs.channels()}
        rivals = [x for x in alone.values() if x is not None]
        rival = max(rivals, key=lambda x: x.solution.objective, default=best)
        if rival.solution.objective <= best.solution.objective:
            return best, alone
        try:
            again = optimum(replace(inputs, deals=rival.inputs.deals), engine)
        except InfeasibleError:
            return best, alone
        least = best.solution.objective + SAME * max(1.0, abs(best.solution.objective))
        if again.solution.objective <= least:
            return best, alone
        best = again


def _without(inputs: Inputs, engine: Engine, channel: str, best: Optimum) -> Optimum | None:
    closed = inputs.without(channel)
    for order in (best.inputs.deals, inputs.deals):
        try:
            return optimum(replace(closed, deals=order), engine, best.solution)
        except InfeasibleError:
            continue
    return None


def optimum(inputs: Inputs, engine: Engine, start: Solution | None = None) -> Optimum:
    """Solve, replay, and solve again until the notes' order of repayment agrees.

    The program holds the period in which each tranche is gone as data: at first the latest one,
    the legal end; the waterfall then tells the real one. A round without a plan is not taken.
    The optimum is that of the order found, which need not be the best of all orders. The solver
    begins from the basis of ``start``, the optimum of a program like this one, if it is given.

    Raises:
        InfeasibleError: no plan keeps all limits.
    """
    best = _solved(inputs, engine, start)
    for _ in range(ROUNDS):
        deals = repaid_by(best.inputs, best.replay)
        if deals == best.inputs.deals:
            break
        try:
            again = None if start is None else best.solution
            best = _solved(replace(best.inputs, deals=deals), engine, again)
        except InfeasibleError:
            break
    return _swept(best, engine, again=start is not None)


def _swept(best: Optimum, engine: Engine, *, again: bool) -> Optimum:
    """The plan in which no series keeps cash while it repays notes, as the waterfall keeps none;
    ``best`` where it keeps none already, there is no such plan, or it has another order.
    """
    deals = tuple(replace(d, swept=_keeps(best, d)) for d in best.inputs.deals)
    if deals == best.inputs.deals:
        return best
    try:
        inputs = replace(best.inputs, deals=deals)
        swept = _solved(inputs, engine, best.solution if again else None)
    except InfeasibleError:
        return best
    return swept if repaid_by(swept.inputs, swept.replay) == swept.inputs.deals else best


def _keeps(best: Optimum, d: DealInputs) -> bool:
    """Whether a series keeps cash in a period in which it repays notes."""
    least = REPLAY_TOLERANCE * max(best.inputs.net_capital, 1.0)
    until = min(max(d.repaid_by), best.inputs.horizon + 1)
    repaying = range(max(d.last_revolving, d.first, 0) + 1, until)
    return any(best.book.deal_cash(d, t).value(best.solution.x) > least for t in repaying)


def _solved(inputs: Inputs, engine: Engine, start: Solution | None = None) -> Optimum:
    book = declare(inputs)
    program = build_program(book)
    solver = inputs.spec.plan.solver
    try:
        if start is None:
            solution = solve(program, solver=solver)
        else:
            solution = solve_from(program, start, solver=solver)
    except NoOptimumError as error:
        if "nbounded" in error.condition and "nfeasible" not in error.condition:
            raise
        if inputs.spec.dividends is not None and inputs.dividends:
            # A closed year with a loss leaves no dividend to be at most a share of it.
            return _solved(replace(inputs, dividends=False), engine, start)
        raise explain(book) from None
    return carried(book, solution, engine)


def carried(book: Book, solution: Solution, engine: Engine) -> Optimum:
    """A solution with its decisions, carried out by the engines."""
    decisions = decisions_of(book, solution)
    return Optimum(book.inputs, book, solution, decisions, replay(book.inputs, decisions, engine))


def _worth(inputs: Inputs, best: Optimum, channel: str, without: Optimum | None) -> Worth:
    with_it = best.solution.objective * inputs.unit
    if without is None:
        sentence = "Without it no plan keeps all limits."
        return Worth(channel, with_it, float("nan"), sentence)
    alone = without.solution.objective * inputs.unit
    return Worth(channel, with_it, alone, worth_sentence(inputs, channel, with_it - alone))


def price_table(found: tuple[Price, ...], inputs: Inputs) -> pd.DataFrame:
    """Prices as a table; ``rank`` counts the sources of funds that earn something.

    ``range_up`` and ``range_down`` [currency] are how much more and less the value holds for,
    ``next_limit`` and ``next_limit_down`` the limits that bind then; empty where none does.
    """
    per = f"{inputs.spec.currency} {inputs.unit:,.0f}"
    rank = 0
    rows = []
    for price in found:
        counts = price.fund and price.value > 0.0
        rank += counts
        rows.append(
            {
                "rank": rank if counts else 0,
                "what": price.what,
                "value": price.value,
                "per": f"{per} {price.per}",
                "low": price.low,
                "high": price.high,
                "dual": price.dual,
                "range_down": _ranged(price.down.reach, inputs),
                "range_up": _ranged(price.up.reach, inputs),
                "next_limit_down": price.next_limit_down,
                "next_limit": price.next_limit,
                "when": price.when,
                "sentence": price.sentence,
            }
        )
    columns = [
        "rank", "what", "value", "per", "low", "high", "dual", "range_down", "range_up",
        "next_limit_down", "next_limit", "when", "sentence",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _ranged(reach: float, inputs: Inputs) -> float:
    """A reach in currency; empty where nothing ends it, or it is not told."""
    return reach * inputs.unit if math.isfinite(reach) else math.nan


def channel_table(channels: tuple[Worth, ...]) -> pd.DataFrame:
    """Worth of the outside channels [currency]."""
    rows = [
        {
            "channel": x.channel,
            "income_with": x.income_with,
            "income_without": x.income_without,
            "worth": x.worth,
            "sentence": x.sentence,
        }
        for x in channels
    ]
    columns = ["channel", "income_with", "income_without", "worth", "sentence"]
    return pd.DataFrame(rows, columns=columns)
