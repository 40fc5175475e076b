"""What each datum is worth: shadow prices in words, and what each outside channel earns.

The value of a datum is summed over all rows in which it stands and re-solved on both sides from
the optimal basis, because a degenerate optimum has many duals: where the right and the left
value differ, both are given. How far each holds, and what binds then, is walked by re-solves too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan

from scfcap.axes import (
    BANK_DEBT,
    BANK_TRANSFER,
    GUARANTEED_BANK,
    JOINT_LENDING,
    P2P,
    SECURITIZATION,
)
from scfcap.funding.data import Datum, all_data, limit_of
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import day_of, money, period_of, row_words
from scfcap.funding.objective import objective_words
from scfcap.funding.program import Solution
from scfcap.funding.ranging import Side, reach
from scfcap.funding.warm import Point, Warm

__all__ = ["STEP", "Price", "Worth", "limit_of", "prices", "worth_sentence"]

#: Step of a re-solve, share of the datum.
STEP = 1e-4
#: A datum smaller than this share of net capital is moved as if it were so large.
LEAST = 0.01
#: Values below this per unit count as zero.
NOTHING = 1e-9
#: Values that differ by less than this share are the same.
SAME = 1e-6
#: Said of prices where the program decides in whole numbers.
HELD = "Decisions of yes or no stay as the plan has them."
#: Spells of equal value that a sentence tells; the table tells all.
SPELLS = 2


@dataclass(frozen=True)
class Price:
    """Value of one more unit of a datum over the horizon [1].

    ``value`` is what one more unit earns; ``low`` and ``high`` hold it and what one unit less
    costs; ``dual`` is the sum of duals over the rows ``shifts`` in which the datum stands.
    ``fund`` marks data that are sources of funds, which the summary ranks. ``up`` and ``down``
    say how far both values hold, ``when`` in which periods the value arises.
    """

    what: str
    per: str
    value: float
    low: float
    high: float
    dual: float
    shifts: Mapping[int, float]
    sentence: str
    fund: bool
    up: Side
    down: Side
    next_limit: str = ""
    next_limit_down: str = ""
    when: str = ""


@dataclass(frozen=True)
class Worth:
    """Objective with and without new business in a channel [currency]."""

    channel: str
    income_with: float
    income_without: float
    sentence: str

    @property
    def worth(self) -> float:
        """What the channel adds to the objective [currency]."""
        return self.income_with - self.income_without


def prices(inputs: Inputs, solution: Solution) -> tuple[Price, ...]:
    """Prices of all data, funds first, dearest first.

    Limits that the model does not state in so many words are left out where they do not press.
    Whole numbers of the plan stay as they are, and each price says so.
    """
    pricer = _Pricer(inputs, solution, Warm(solution.program, solution))
    program = solution.program
    unchosen = {
        limit_of(x)
        for x in inputs.lenders
        if (j := program.find("V", x.name)) is not None and solution.x[j] < 0.5
    }
    told = (datum for datum in all_data(inputs, program) if datum.what not in unchosen)
    found = [pricer.price(datum) for datum in told]
    priced = [price for price in found if price is not None]
    return tuple(sorted(priced, key=lambda p: (not p.fund, -p.value, p.what)))


class _Pricer:
    def __init__(self, inputs: Inputs, solution: Solution, warm: Warm) -> None:
        self.inputs, self.solution, self.warm = inputs, solution, warm
        self.start = Point(solution.objective, solution.x, solution.dual)
        self.note = f" {HELD}" if solution.fixed else ""

    def price(self, datum: Datum) -> Price | None:
        """The price of a datum; None where it is a limit without a name that does not press."""
        dual = sum(shift * float(self.solution.dual[r]) for r, shift in datum.shifts.items())
        step = STEP * max(datum.size, LEAST * self.inputs.net_capital)
        idle = self._idle(datum, step)
        if idle and not datum.named:
            return None
        up = dual if idle else self._slope(datum, 1.0, step, dual)
        down = up if idle else self._slope(datum, -1.0, step, up)
        right, left = (
            0.0 if abs(v + datum.constant) < NOTHING else v + datum.constant for v in (up, down)
        )
        if right == left == 0.0 and not datum.named:
            return None
        above = self._reach(datum, up, 1.0)
        below = self._reach(datum, down, -1.0) if datum.named else Side(nan)
        when = self._when(datum)
        return Price(
            what=datum.what,
            per=datum.per,
            value=right,
            low=min(left, right),
            high=max(left, right),
            dual=dual + datum.constant,
            shifts=datum.shifts,
            sentence=self._sentence(datum, right, left, above, below, when),
            fund=datum.fund,
            up=above,
            down=below,
            next_limit=self._next(above),
            next_limit_down=self._next(below),
            when="; ".join(when),
        )

    def _idle(self, datum: Datum, step: float) -> bool:
        """Whether a step either way keeps this optimum feasible and its duals are none: worth 0."""
        rows = self.solution.program.rows
        for r, shift in datum.shifts.items():
            if rows.sense[r] == "=" or abs(float(self.solution.dual[r])) > NOTHING:
                return False
            held = sum(c * float(self.start.x[j]) for j, c in rows.terms[r].items())
            if abs(rows.right[r] - held) < 2.0 * step * abs(shift):
                return False
        return True

    def _slope(self, datum: Datum, sign: float, step: float, otherwise: float) -> float:
        moved = self.warm.at(datum.shifts, sign * step)
        if moved is None:
            return otherwise
        return sign * (moved.objective - self.solution.objective) / step

    def _reach(self, datum: Datum, slope: float, sign: float) -> Side:
        rows = self.solution.program.rows
        limits = all(rows.sense[r] != "=" for r in datum.shifts)
        if sign > 0.0 and limits and abs(slope) < NOTHING:
            return Side(inf)
        least = LEAST * self.inputs.net_capital
        return reach(
            self.warm, datum.shifts, self.start, slope, sign=sign, size=datum.size, least=least
        )

    def _next(self, side: Side) -> str:
        if side.ends:
            return "no plan keeps all limits"
        return "" if side.row is None else row_words(self.inputs, self.solution.program, side.row)

    def _when(self, datum: Datum) -> list[str]:
        """Periods in which the value arises, equal values of neighbours told as one."""
        inputs, rows = self.inputs, self.solution.program.rows
        by_period: dict[int, float] = {}
        for r, shift in datum.shifts.items():
            t = period_of(rows.family[r], rows.key[r])
            if t is None or rows.sense[r] == "=":
                return []
            by_period[t] = by_period.get(t, 0.0) + shift * float(self.solution.dual[r])
        return _spells(inputs, by_period)

    def _sentence(
        self, datum: Datum, right: float, left: float, up: Side, down: Side, when: list[str]
    ) -> str:
        inputs = self.inputs
        unit = inputs.unit
        more = f"{money(inputs, unit)} more of {datum.what} {datum.per}"
        less = f"{money(inputs, unit)} less"
        span = f"over the {inputs.span}"
        differ = abs(left - right) > SAME * max(1.0, abs(right))
        if right == 0.0:
            text = f"{more} would earn nothing {span}"
            if left != 0.0:
                text += f", but {less} would cost {money(inputs, left * unit)}{self._far(down)}."
            else:
                room = 0.0 < down.reach < datum.size
                spare = money(inputs, down.reach * unit)
                text += f": it does not bind{f', with {spare} to spare' if room else ''}."
            return text + self.note
        words = objective_words(inputs)
        verb = words.more if right > 0.0 else words.less
        text = f"{more} {verb} {money(inputs, abs(right) * unit)} {span}{self._far(up)}"
        if differ:
            text += f"; {less} {words.less if left >= 0.0 else words.more} "
            text += f"{money(inputs, abs(left) * unit)}{self._far(down)}"
        text += "."
        if 1 < len(when) <= SPELLS and not differ:
            text += f" By dates: {' and '.join(when)}."
        return text + self.note

    def _far(self, side: Side) -> str:
        """How far a value holds, and what then."""
        inputs = self.inputs
        amount = money(inputs, side.reach * inputs.unit)
        if not isfinite(side.reach):
            return ""
        if side.ends:
            return f", for up to {amount}; beyond that no plan keeps all limits"
        if side.row is not None:
            limit = row_words(inputs, self.solution.program, side.row)
            return f", for up to {amount}; then {limit} binds"
        if side.reach * inputs.unit < 1.0:
            return ""
        if side.slope is not None and abs(side.slope) < SAME:
            return f", for up to {amount}, and nothing beyond"
        return f", for up to {amount}"


def _spells(inputs: Inputs, by_period: Mapping[int, float]) -> list[str]:
    texts: list[str] = []
    periods = [t for t in sorted(by_period) if abs(by_period[t]) > NOTHING]
    first = 0
    for n, t in enumerate(periods):
        last = n + 1 == len(periods)
        if not last and periods[n + 1] == t + 1:
            here, there = by_period[t], by_period[periods[n + 1]]
            if abs(here - there) <= SAME * max(abs(here), abs(there)):
                continue
        start, amount = periods[first], money(inputs, by_period[t] * inputs.unit)
        if start == t:
            texts.append(f"{amount} on {day_of(inputs, t)}")
        else:
            each = "a period" if inputs.grid.mixed else f"a {inputs.grid.frequency}"
            texts.append(f"{amount} {each} from {day_of(inputs, start)} to {day_of(inputs, t)}")
        first = n + 1
    return texts


_VERB = {
    BANK_DEBT: "new bank draws",
    BANK_TRANSFER: "selling loans to banks",
    SECURITIZATION: "issuing further series",
    P2P: "new P2P notes",
    GUARANTEED_BANK: "new guaranteed bank loans",
    JOINT_LENDING: "new joint loans",
}


def worth_sentence(inputs: Inputs, channel: str, fall: float) -> str:
    """The worth of a channel in words; ``fall`` in currency."""
    currency = inputs.spec.currency
    verb = _VERB.get(channel, channel.replace("_", " "))
    words = objective_words(inputs)
    if fall < -0.5:
        return (
            f"Without {verb} the plan would {words.would} {currency} {-fall:,.0f} {words.larger}: "
            "the channel costs more than it brings."
        )
    if fall <= 0.5:
        return f"Without {verb} the plan {words.would}s as much: the channel is not needed."
    return f"Without {verb} the plan would {words.would} {currency} {fall:,.0f} {words.fewer}."
