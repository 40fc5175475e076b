"""One loan of a pool, figure by figure: what its contract asks, and what is expected of it.

The loan goes through the same functions as its pool. What they give is then worked out once more,
period by period in plain steps, each with its formula and its numbers; the two must agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from scfcap.axes import BULLET, FLAT_FEE, LEVEL_PAYMENT, LOAN_TYPES, ORDER
from scfcap.cashflow.clocks import clocks
from scfcap.cashflow.contract_flows import (
    ACCRUED,
    FEES,
    INTEREST,
    LAST_FEES,
    LAST_INTEREST,
    LAST_OWED,
    OWED,
    PRINCIPAL,
    clock,
    contract_flows,
)
from scfcap.cashflow.dated import LONGEST_MOVE, dated_tables
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loan_terms import Count, count_alike, found, loan_terms, money, part_names
from scfcap.cashflow.loans import HAS_DEFAULTED, NO_DRAWS, LoanArrays
from scfcap.cashflow.outage import hold_back
from scfcap.cashflow.payments import payments, said
from scfcap.cashflow.project import opening_loans
from scfcap.credit.curves import CurveSet
from scfcap.credit.languages import AT_ONCE
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.pool.snapshot import Pool
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray

#: Flows that are explained, in the order of events.
FIGURES = (
    "opening", "struck", "default", "interest", "fees", "scheduled", "prepaid", "closing", "loss",
    "recovery", "receivable",
)  # fmt: skip
#: Flows that an outage holds back.
_ARRIVING = ("interest", "fees", "scheduled", "prepaid")


@dataclass(frozen=True)
class LoanExplanation:
    """One loan in one scenario.

    ``terms``: figure, value, meaning, of the loan, its class and its curve. ``periods``: one
    row a part of the loan (what pays on time, what pays late; of an order equal parts, each on
    a day of its own) and period, amounts in currency; ``alive`` is the share that still
    performs at its start. ``steps``: part, period, figure, formula in words, the same in
    numbers, value; empty formulas where the curve goes by roll rates or another order of
    events, whose figures are those of the engine.
    """

    loan_id: str
    scenario: str
    terms: pd.DataFrame
    periods: pd.DataFrame
    steps: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {"loan_terms": self.terms, "loan_periods": self.periods, "loan_steps": self.steps}


def explain(
    pool: Pool, curves: CurveSet, loan_id: str, scenario: str, count: Count | None = None
) -> LoanExplanation:
    """Explain every figure of the loan ``loan_id`` in ``scenario``.

    ``count`` counts the loans that survive alike where ``pool`` is not the whole.

    Raises:
        InputError: the pool has no such loan, or the curves have no such scenario.
        InvariantError: the steps do not lead to the engine's figures.
    """
    row = found(pool, loan_id)
    if scenario not in curves.scenarios:
        there = ", ".join(curves.scenarios)
        raise InputError(Problem("scenario", repr(scenario), f"one of {there}"))
    only = curves.under(curves.stress.chosen([curves.scenarios.index(scenario)]))
    one = single(pool, row)
    loans = opening_loans(one, only, np.zeros(1, dtype=np.int64))
    names = part_names(pool, row, loans)
    parts = _parts(one, names, loans, only)
    steps = [step for part in parts for step in part.steps()]
    return LoanExplanation(
        loan_id,
        scenario,
        loan_terms(pool, row, loans, (curves, only), count or partial(count_alike, pool, curves)),
        pd.concat([part.frame() for part in parts], ignore_index=True),
        pd.DataFrame(steps, columns=["part", "period", "figure", "formula", "numbers", "value"]),
    )


def _parts(
    one: Pool, names: tuple[str, ...], loans: LoanArrays, curves: CurveSet
) -> Sequence[LoanPart]:
    """The parts ``loans`` of the one loan of a pool."""
    if one.payers is not None and bool(one.payers.by_buyer[0]):
        from scfcap.cashflow.explain_orders import order_parts

        return order_parts(names, loans, curves, one)
    parts = [loans.where([n]) for n in range(len(names))]
    if not loans.draws.any():
        return [LoanPart(name, part, curves) for name, part in zip(names, parts, strict=True)]
    from scfcap.cashflow.explain_lines import LinePart

    return [
        (LoanPart if int(part.draws[0]) == NO_DRAWS else LinePart)(name, part, curves)
        for name, part in zip(names, parts, strict=True)
    ]


def single(pool: Pool, row: int) -> Pool:
    """The pool of one loan; tables and borrowing bases are left out."""
    changed: dict[str, Any] = {"tables": {}, "borrowing_bases": {}}
    for each in fields(Pool):
        value = getattr(pool, each.name)
        if isinstance(value, np.ndarray) and value.shape[:1] == (len(pool),):
            changed[each.name] = value[row : row + 1]
        elif is_dataclass(value) and hasattr(value, "where"):
            changed[each.name] = value.where([row])
        elif each.name in ("eligibility", "counted"):
            changed[each.name] = {k: v[row : row + 1] for k, v in value.items()}
    return replace(pool, **changed)


class LoanPart:
    """One part of a loan: the engine's figures, and the way to them."""

    def __init__(self, name: str, loans: LoanArrays, curves: CurveSet) -> None:
        self.name, self.loans, self.curves = name, loans, curves
        self.curve = int(loans.curve[0])
        self.defaulted = int(loans.bucket[0]) == HAS_DEFAULTED
        self.flows: Flows = run_kernel(loans, curves, 1)
        self.years, self.held = curves.grid.year_fractions, curves.stress.held[0]
        self.told = _by_shares(curves, self.curve)
        self.final = len(self.years)
        self.rows: list[dict[str, Any]] = []
        self.waiting: dict[str, FloatArray] = {}
        self.paid: pd.DataFrame | None = None
        if self.told:
            self._contracts()
            self.rows = list(self._walk())
            self.waiting = self._agree()

    def _contracts(self) -> None:
        """What the contract asks, and how fast its clocks run."""
        last_day = int(self.loans.maturity_day.max())
        time = clock(self.curves.grid, last_day + LONGEST_MOVE)
        due = contract_flows(self.loans, time, tables=dated_tables(self.loans, self.curves))
        if self.loans.terms is not None and bool(self.loans.terms.dated.any()):
            self.paid = payments(self.loans, self.curves)
        self.due = due.due[0]
        default, prepaid, parts = clocks(due, self.curves)
        self.exposure = (default[0], prepaid[0])
        self.final = int(due.bin_period[0]) if len(due.bin_period) else len(self.years)
        self.part = float(parts[0]) if len(parts) else 1.0
        self.last = due.last[0] if len(due.last) else np.zeros(3)

    def value(self, figure: str, p: int) -> float:
        """The engine's figure in period ``p`` (from 0)."""
        return float(getattr(self.flows, figure)[0, 0, p])

    def _walk(self) -> Iterator[dict[str, Any]]:
        """The order of events ``survivors``, in plain steps; nothing is yet held back."""
        curves, s = self.curves, self.curve
        alive = 1.0
        for p in range(min(self.final + 1, len(self.years))):
            last = p == self.final
            part = self.part if last else 1.0
            owed, interest, fees = (
                (self.last[LAST_OWED], self.last[LAST_INTEREST], self.last[LAST_FEES])
                if last
                else (self.due[p, OWED], self.due[p, INTEREST], self.due[p, FEES])
            )
            accrued = 0.0 if last else self.due[p, ACCRUED]
            principal = owed if last else self.due[p, PRINCIPAL]
            intensity = float(curves.default_intensity[0, s, p])
            speed = 0.0 if last else float(curves.prepay_intensity[0, s, p])
            hazard = AT_ONCE if self.defaulted else intensity * self.exposure[0][p] * part
            early = speed * self.exposure[1][p]
            struck = float(curves.struck[0, s, p])
            stands = alive * (1.0 - struck)
            gone, paid = -math.expm1(-hazard), -math.expm1(-early)
            survive = stands * (1.0 - gone)
            yield {
                "period": p, "last": last, "part": part, "alive": alive, "owed": owed,
                "principal_due": principal, "interest_due": interest, "fees_due": fees,
                "accrued": accrued, "default_intensity": intensity, "exposure": self.exposure[0][p],
                "hazard": hazard, "default_share": gone, "prepay_intensity": speed,
                "prepay_exposure": self.exposure[1][p], "prepaid_share": paid,
                "defaulted": self.defaulted, "struck_share": struck, "stands": stands,
                "survive": survive,
                "struck": alive * struck * owed, "gone": stands * gone * owed,
                "interest": survive * (interest + paid * accrued), "fees": survive * fees,
                "scheduled": survive * principal, "prepaid": survive * paid * (owed - principal),
                "closing": survive * (1.0 - paid) * (owed - principal),
            }  # fmt: skip
            alive = survive * self._standing(paid)

    def _standing(self, prepaid: float) -> float:
        """What of a part that performs goes on after the share ``prepaid`` is repaid early."""
        return 1.0 - prepaid

    def _agree(self) -> dict[str, FloatArray]:
        """What of each flow is under way at each close; raises where steps and engine differ."""
        size = float(self.loans.balance[0])
        found = {figure: np.zeros(len(self.years)) for figure in ("default", *_ARRIVING, "closing")}
        for row in self.rows:
            for figure, values in found.items():
                values[row["period"]] = row.get(figure, row["gone"] + row["struck"])
        waiting: dict[str, FloatArray] = {}
        for figure in _ARRIVING:
            found[figure], waiting[figure] = hold_back(found[figure], self.held)
        found["closing"] = found["closing"] + waiting["scheduled"] + waiting["prepaid"]
        for figure, values in found.items():
            gap = np.abs(getattr(self.flows, figure)[0, 0] - values).max()
            if not gap <= ENGINE_TOLERANCE * max(size, float(np.abs(values).max())):
                msg = f"{figure}: what the steps say and what the engine does differ by {gap:.6g}"
                raise InvariantError(msg)
        return waiting

    def frame(self) -> pd.DataFrame:
        """One row a period, up to the last in which anything happens."""
        ends = np.array(self.curves.grid.ends, dtype="datetime64[s]")
        busy = np.zeros(len(ends), dtype=np.bool_)
        for figure in FIGURES:
            busy |= np.abs(getattr(self.flows, figure)[0, 0]) > 0.0
        count = max(int(np.flatnonzero(busy).max(initial=0)) + 1, len(self.rows))
        told = pd.DataFrame(self.rows).reindex(range(count))
        frame = pd.DataFrame({"period": np.arange(1, count + 1), "end": ends[:count]})
        frame.insert(0, "part", self.name)
        for name in _SHARES:
            frame[name] = told[name].to_numpy() if name in told else np.nan
        for figure in FIGURES:
            frame[figure] = getattr(self.flows, figure)[0, 0, :count]
        for figure in ("advanced", "reimbursed", "delinquent", "drawn"):
            if getattr(self.flows, figure).any():
                frame[figure] = getattr(self.flows, figure)[0, 0, :count]
        return frame

    def steps(self) -> list[tuple[str, int, str, str, str, float]]:
        """Formula, numbers and value of every figure."""
        made = []
        for p in range(len(self.frame())):
            row = self.rows[p] if p < len(self.rows) else None
            for figure, formula, numbers in self._formulas(p, row):
                value = self._valued(figure, p, row)
                made.append((self.name, p + 1, figure, formula, numbers, value))
        return made

    def _valued(self, figure: str, p: int, row: dict[str, Any] | None) -> float:
        if figure in FIGURES:
            return self.value(figure, p)
        assert row is not None
        return float(row[figure])

    def _formulas(self, p: int, row: dict[str, Any] | None) -> Iterator[tuple[str, str, str]]:
        if row is not None:
            yield from self._contract(row)
            for figure, formula, numbers in self._behaviour(row):
                yield figure, *self._arriving(figure, p, formula, numbers)
        elif self.told and self.held.any():
            for figure in (*_ARRIVING, "closing"):
                if self._before(figure, p) or self._under_way(p):
                    yield figure, *self._arriving(figure, p, "nothing is due", "0")
        elif not self.told:
            for figure in FIGURES[:8]:
                yield figure, "", ""
        yield from self._after(p)

    def _behaviour(self, row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        return behaviour(row)

    def _before(self, figure: str, p: int) -> float:
        """What of a flow was under way at the start of period ``p``."""
        return float(self.waiting[figure][p - 1]) if p and figure in self.waiting else 0.0

    def _under_way(self, p: int) -> float:
        """Principal that is under way at the close of period ``p``."""
        return float(self.waiting["scheduled"][p] + self.waiting["prepaid"][p])

    def _arriving(self, figure: str, p: int, formula: str, numbers: str) -> tuple[str, str]:
        """The formula of a flow with what an outage holds back of it, and what it held before."""
        if figure == "closing" and self._under_way(p):
            more = f"{numbers} + {money(self._under_way(p))}"
            return f"{formula} + principal that is held back", more
        held, before = float(self.held[p]), self._before(figure, p)
        if figure not in self.waiting or not (held or before):
            return formula, numbers
        words, text = f"({formula})", f"({numbers})"
        if held:
            words, text = f"{words} x (1 - share held back)", f"{text} x (1 - {share(held)})"
        if before and held < 1.0:
            words, text = f"{words} + held back before", f"{text} + {money(before)}"
        return words, text

    def _contract(self, row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        """What the contract asks in the period."""
        if self.paid is not None:
            yield from self._dated(row, self.paid)
            return
        p, rate, years = row["period"], float(self.loans.rate[0]), self.years[row["period"]]
        kind = int(self.loans.loan_type[0])
        yield "owed", "what the contract leaves owed at the start", money(row["owed"])
        part = f" x {row['part']:.6g} of the period" if row["last"] else ""
        earned = row["owed"] * rate * years * row["part"]
        words = f"{money(row['owed'])} x {rate:.6g} x {years:.6g} years{part}"
        if kind in (BULLET, ORDER):
            total = row["interest_due"] if row["last"] else row["accrued"]
            text = f"{money(total - earned)} from before + {words}"
            yield (
                "interest_due" if row["last"] else "accrued",
                "accrued before + owed x rate x years, paid with the principal",
                text,
            )
        else:
            yield "interest_due", "owed x rate x years", words
        if row["last"]:
            yield "principal_due", "all that is owed, in the last period", money(row["owed"])
        elif kind == LEVEL_PAYMENT:
            level = row["principal_due"] + row["owed"] * rate * years
            text = f"{money(level)} - {money(row['owed'] * rate * years)}"
            yield "principal_due", "level payment - interest", text
        else:
            words = f"{LOAN_TYPES[kind].replace('_', ' ')}: by contract"
            yield "principal_due", words, money(row["principal_due"])
        if row["fees_due"]:
            yield "fees_due", "by contract", money(row["fees_due"])
        del p

    def _dated(self, row: dict[str, Any], paid: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
        """What a contract asks whose payments fall on days of their own."""
        p, grid = row["period"], self.curves.grid
        days = (int(grid.days[p]), int(grid.days[p + 1]))
        yield "owed", "what the contract leaves owed at the start", money(row["owed"])
        own = "by the contract's own days"
        flat = "principal lent x rate x nominal time of each payment (n months are n/12)"
        earned = flat if int(self.loans.loan_type[0]) == FLAT_FEE else own
        yield "interest_due", earned, said(paid, "interest", grid.as_of, days)
        yield "principal_due", own, said(paid, "principal", grid.as_of, days)
        if not row["last"]:
            yield "accrued", "interest since the last payment, at the close", money(row["accrued"])
        if row["fees_due"]:
            yield "fees_due", "with each payment", said(paid, "fees", grid.as_of, days)

    def _after(self, p: int) -> Iterator[tuple[str, str, str]]:
        """What is lost, recovered and still to come."""
        if not self.told:
            yield from ((figure, "", "") for figure in FIGURES[8:])
            return
        curves, s = self.curves, self.curve
        severity = float(curves.severity[0, s, p])
        struck = self.value("struck", p)
        gone = self.value("default", p) - struck
        text = f"{money(gone)} x {severity:.6g}"
        formula = "default x severity"
        if struck:
            back = float(curves.struck_recovery[0, s, p])
            text += f" + {money(struck)} x (1 - {back:.6g})"
            formula += " + struck x (1 - its recovery)"
        yield "loss", formula, text
        shares = curves.recovery_share[s]
        terms = [
            f"{money(self.value('default', q) - self.value('struck', q))}"
            f" x (1 - {float(curves.severity[0, s, q]):.6g})"
            + (f" x {shares[p - q]:.6g}" if shares[p - q] != 1.0 else "")
            + f" of period {q + 1}"
            for q in range(max(0, p - len(shares) + 1), p + 1)
            if shares[p - q] > 0.0 and self.value("default", q) > self.value("struck", q)
        ]
        named = "default x (1 - severity), by periods since default"
        if self.held.any():
            named = f"{named}; what is held back comes later"
        yield "recovery", named, " + ".join(terms) or "nothing is due"
        yield self._receivable(p)

    def _receivable(self, p: int) -> tuple[str, str, str]:
        before = self.value("receivable", p - 1) if p else 0.0
        return (
            "receivable",
            "before + default - loss - recovery",
            f"{money(before)} + {money(self.value('default', p))}"
            f" - {money(self.value('loss', p))} - {money(self.value('recovery', p))}",
        )


#: What the frame tells beside the flows.
_SHARES = (
    "alive", "owed", "principal_due", "interest_due", "fees_due", "accrued", "hazard",
    "default_share", "prepaid_share",
)  # fmt: skip


def alive_and_defaulted(
    row: dict[str, Any], of: str = "", of_words: str = ""
) -> Iterator[tuple[str, str, str]]:
    """What performs, and what of it defaults; ``of``: the part of what is owed that counts."""
    alive, stands = share(row["alive"]), share(row["stands"])
    owed, gone = of + money(row["owed"]), share(row["default_share"])
    yield "alive", "share that performs at the start", alive
    if row["struck_share"]:
        yield (
            "struck",
            f"alive x share hit by a core enterprise x {of_words}owed",
            f"{alive} x {row['struck_share']:.6g} x {owed}",
        )
    part = f" x {row['part']:.6g} of the period" if row["part"] != 1.0 else ""
    if row["defaulted"]:
        yield "hazard", "at once: past due for the segment's default days", f"{AT_ONCE:.8g}"
    else:
        yield (
            "hazard",
            "default intensity x exposure",
            f"{row['default_intensity']:.8g} x {row['exposure']:.8g}{part}",
        )
    yield "default_share", "1 - exp(-hazard)", f"1 - exp(-{row['hazard']:.8g})"
    plus = " + struck" if row["struck_share"] else ""
    more = f" + {money(row['struck'])}" if row["struck_share"] else ""
    yield (
        "default",
        f"alive{' less struck' if plus else ''} x default share x {of_words}owed{plus}",
        f"{stands} x {gone} x {owed}{more}",
    )
    yield "survive", "what performs after defaults", f"{stands} x (1 - {gone})"


def behaviour(row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What borrowers do of it, in the order of events."""
    yield from alive_and_defaulted(row)
    survive, paid = share(row["survive"]), share(row["prepaid_share"])
    owed, due = money(row["owed"]), money(row["principal_due"])
    early = row["accrued"] * row["prepaid_share"]
    if early:
        yield (
            "interest",
            "survive x (interest due + prepaid share x accrued)",
            f"{survive} x ({money(row['interest_due'])} + {paid} x {money(row['accrued'])})",
        )
    else:
        yield "interest", "survive x interest due", f"{survive} x {money(row['interest_due'])}"
    if row["fees_due"]:
        yield "fees", "survive x fees due", f"{survive} x {money(row['fees_due'])}"
    yield "scheduled", "survive x principal due", f"{survive} x {due}"
    if not row["last"]:
        speed = row["prepay_intensity"] * row["prepay_exposure"]
        yield (
            "prepaid_share",
            "1 - exp(-prepayment intensity x exposure)",
            f"1 - exp(-{row['prepay_intensity']:.8g} x {row['prepay_exposure']:.8g})"
            if speed
            else "0",
        )
        yield (
            "prepaid",
            "survive x prepaid share x (owed - principal due)",
            f"{survive} x {paid} x ({owed} - {due})",
        )
    yield (
        "closing",
        "survive x (1 - prepaid share) x (owed - principal due)",
        f"{survive} x (1 - {paid}) x ({owed} - {due})",
    )


def _by_shares(curves: CurveSet, curve: int) -> bool:
    """Whether the plain steps tell what the engine does with loans of ``curve``."""
    order = getattr(curves, "order", "survivors")
    return str(order) == "survivors" and not bool(curves.has_roll_rates[curve])


def share(value: float) -> str:
    """A share to eight decimals: enough to work the next step out from it."""
    return f"{value:.8f}"
