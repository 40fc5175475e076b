"""What rates, prices, shares, multiples and weights are worth: data that stand in coefficients.

    dz/dp = sum_r y_r (d b_r / dp - d(a_r x) / dp) + d(c x) / dp

with the duals ``y``, right-hand sides ``b``, coefficients ``a`` and costs ``c``. What a datum moves
is the difference of the program's own terms under two inputs, so that a formula stands in one place
only. Each value is solved again on both sides, with the coefficients moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.constraints.leverage import base, source
from scfcap.funding.inputs import BuyerInputs, Inputs, LenderInputs
from scfcap.funding.naming import money
from scfcap.funding.objective import premium
from scfcap.funding.program import Row, Solution, Terms
from scfcap.funding.statements import frame_of
from scfcap.funding.variables import Book
from scfcap.funding.warm import Warm
from scfcap.schema.securitization import Tranche

#: Step of a re-solve [1], and of a difference of terms that may be nonlinear far away.
STEP, SMALL = 1e-6, 1e-4
#: What a sentence tells a price for: a point of a rate or share, a tenth of a multiple or weight.
POINT, TENTH = 0.01, 0.1
#: Money [money units] below this per change counts as none.
NOTHING = 5e-7
#: Values that differ by less than this share are the same.
SAME = 1e-5
#: Differences of coefficients below this are rounding.
ROUNDING = 1e-9
#: Families that hold what a series sells and keeps.
_SERIES = (
    "deal_cash", "tranche_balance", "overcollateralization", "idle_cash", "trigger_headroom",
    "net_capital", "leverage",
)  # fmt: skip


@dataclass
class Term:
    """A datum of the model and what one more of it moves: rows, coefficients, the objective."""

    what: str
    change: float
    unit: str
    shifts: dict[int, float] = field(default_factory=dict)
    slopes: dict[int, dict[int, float]] = field(default_factory=dict)
    costs: dict[int, float] = field(default_factory=dict)
    constant: float = 0.0

    def move(self, row: int | None, terms: Terms, factor: float = 1.0) -> None:
        """Count ``factor * terms`` to the left side of a row, if there is one."""
        if row is None:
            return
        for j, c in terms.coefficients.items():
            slope = self.slopes.setdefault(row, {})
            slope[j] = slope.get(j, 0.0) + factor * c
        if terms.constant != 0.0:
            self.shifts[row] = self.shifts.get(row, 0.0) - factor * terms.constant


@dataclass(frozen=True)
class TermPrice:
    """Value of a change of a datum [money units]: of a little more of it, scaled to the change.

    ``low`` and ``high`` hold it and what as much less costs; NaN where no plan exists.
    """

    what: str
    change: str
    value: float
    low: float
    high: float
    sentence: str


def term_prices(book: Book, solution: Solution) -> tuple[TermPrice, ...]:
    """Prices of the model's rates, prices, shares, multiples and weights, dearest first."""
    warm = Warm(solution.program, solution)
    found = [_priced(book, solution, warm, term) for term in all_terms(book)]
    return tuple(sorted(found, key=lambda p: (-max(abs(p.low), abs(p.high)), p.what)))


def term_price_table(found: Iterable[TermPrice], inputs: Inputs) -> pd.DataFrame:
    """The prices as a table [currency]."""
    unit = inputs.unit
    rows = [
        (p.what, p.change, p.value * unit, p.low * unit, p.high * unit, p.sentence) for p in found
    ]
    return frame_of(rows, ["what", "change", "worth", "worth_low", "worth_high", "sentence"])


def value_of(term: Term, solution: Solution) -> float:
    """``dz/dp`` by the duals of the optimum."""
    value = term.constant
    for r, shift in term.shifts.items():
        value += shift * float(solution.dual[r])
    for r, slope in term.slopes.items():
        dual = float(solution.dual[r])
        if dual != 0.0:
            value -= dual * sum(c * float(solution.x[j]) for j, c in slope.items())
    return value + sum(c * float(solution.x[j]) for j, c in term.costs.items())


def _priced(book: Book, solution: Solution, warm: Warm, term: Term) -> TermPrice:
    nan = float("nan")

    def side(sign: float) -> float:
        warm.restart()
        with warm.moved(term.shifts, term.slopes, term.costs, sign * STEP):
            point = warm.solve()
        if point is None:
            return nan
        moved = sign * (point.objective - solution.objective) / STEP + term.constant
        return 0.0 if abs(moved) * term.change < NOTHING else moved * term.change

    right, left = side(1.0), side(-1.0)
    sides = [v for v in (right, left) if v == v] or [nan]
    sentence = _sentence(book.inputs, term, right, left)
    return TermPrice(term.what, term.unit, right, min(sides), max(sides), sentence)


def _sentence(inputs: Inputs, term: Term, right: float, left: float) -> str:
    span = f"over the {inputs.span}"
    more = f"{term.unit} more of {term.what}"
    if right != right:
        text = f"With more of {term.what} no plan keeps all limits"
    elif right == 0.0:
        text = f"{more} changes nothing {span}"
    else:
        verb = "earns" if right > 0.0 else "costs"
        text = f"{more} {verb} {money(inputs, abs(right) * inputs.unit)} {span}, at the margin"
    if left != left:
        return f"{text}; with less no plan keeps all limits."
    if right == right and abs(left - right) <= SAME * max(1.0, abs(right)):
        return f"{text}."
    if left == 0.0:
        return f"{text}; as much less changes nothing."
    verb = "costs" if left > 0.0 else "earns"
    return f"{text}; as much less {verb} {money(inputs, abs(left) * inputs.unit)}."


def all_terms(book: Book) -> list[Term]:
    """Every such datum of the model that moves anything."""
    found = [*_lenders(book), *_buyers(book), *_p2p(book), *_vehicle(book), *_caps(book)]
    return [term for term in found if term.slopes or term.shifts or term.costs]


def _under(book: Book, inputs: Inputs) -> Book:
    """The same columns under other inputs."""
    return Book(inputs, book.program, book.holdings, book.transfers)


def _less(new: Terms, old: Terms, step: float = 1.0) -> Terms:
    return Terms().extend(new, 1.0 / step).extend(old, -1.0 / step)


def _paid(book: Book, term: Term, moved: Book, flow: Callable[[Book, int], Terms]) -> Term:
    """Count a change of what the company pays to cash and to capital."""
    rows = book.program._row_index
    for t in book.inputs.periods:
        change = _less(flow(moved, t), flow(book, t))
        term.move(rows.get(("cash_balance", t)), change)
        term.move(rows.get(("net_capital", t)), change)
    return term


def _valued(book: Book, term: Term, moved: Book, step: float = 1.0) -> Term:
    """Count a change of the value of what stands at the end."""
    change = _less(premium(moved), premium(book), step)
    for j, c in change.coefficients.items():
        if c != 0.0:
            term.costs[j] = term.costs.get(j, 0.0) + c
    term.constant += change.constant
    return term


def _lenders(book: Book) -> Iterator[Term]:
    inputs = book.inputs

    def owed(name: str) -> Callable[[Book, int], Terms]:
        return lambda b, t: b.debt_interest(name, t)

    def changed(x: LenderInputs, new: LenderInputs) -> Book:
        lenders = tuple(new if y is x else y for y in inputs.lenders)
        return _under(book, replace(inputs, lenders=lenders))

    for x in inputs.lenders:
        if x.limit <= 0.0:
            continue
        for k, (tenor, rate) in enumerate(x.tenors):
            dearer = (*x.tenors[:k], (tenor, rate + 1.0), *x.tenors[k + 1 :])
            what = f"the rate of {x.name} for {tenor} {inputs.spec.plan.unit}s"
            term = Term(what, POINT, "1 percentage point a year")
            yield _paid(book, term, changed(x, replace(x, tenors=dearer)), owed(x.name))
        term = Term(f"the commitment fee of {x.name}", POINT, "1 percentage point a year")
        moved = changed(x, replace(x, commitment_fee=x.commitment_fee + 1.0))
        yield _paid(book, term, moved, owed(x.name))


def _buyers(book: Book) -> Iterator[Term]:
    inputs, rows = book.inputs, book.program._row_index
    for buyer in inputs.buyers:
        term = Term(f"the price of {buyer.name}", POINT, "1 percentage point of par")
        for t in inputs.periods:
            sold = book.sold(buyer.place, t)
            term.move(rows.get(("cash_balance", t)), sold, -1.0)
            term.move(rows.get(("net_capital", t)), sold, -1.0)
        yield term
        yield _fee(book, buyer)


def _fee(book: Book, buyer: BuyerInputs) -> Term:
    inputs, rows = book.inputs, book.program._row_index
    term = Term(f"the servicing fee of {buyer.name}", POINT, "1 percentage point a year")
    for t in inputs.periods:
        held = Terms().extend(book.total(buyer.place, t - 1), float(inputs.year[t]))
        term.move(rows.get(("cash_balance", t)), held, -1.0)
        term.move(rows.get(("net_capital", t)), held, -1.0)
    more = replace(buyer, servicing_fee=buyer.servicing_fee + 1.0)
    buyers = tuple(more if y is buyer else y for y in inputs.buyers)
    return _valued(book, term, _under(book, replace(inputs, buyers=buyers)))


def _p2p(book: Book) -> Iterator[Term]:
    inputs = book.inputs
    p2p = inputs.p2p
    if p2p is None:
        return
    for m, step in enumerate(p2p.steps):
        dearer = step.model_copy(update={"rate": step.rate + 1.0})
        steps = (*p2p.steps[:m], dearer, *p2p.steps[m + 1 :])
        moved = _under(book, replace(inputs, p2p=replace(p2p, steps=steps)))
        term = Term(f"the P2P rate of {step.rate:.2%}", POINT, "1 percentage point a year")
        yield _paid(book, term, moved, lambda b, t: b.p2p_interest(t))


def _vehicle(book: Book) -> Iterator[Term]:
    vehicle = book.inputs.vehicle
    if vehicle is None:
        return
    for x in vehicle.sold:
        dearer = x.model_copy(update={"coupon": x.coupon + SMALL})
        term = Term(f"the coupon of the {x.name} notes", POINT, "1 percentage point a year")
        yield _rebuilt(book, term, {x.name: dearer})
    senior = vehicle.sold[0]
    kept = next((x for x in vehicle.tranches if x.retained), None)
    if kept is not None and senior.share > SMALL:
        what = f"the share that each series keeps ({kept.name} instead of {senior.name})"
        shares = {
            kept.name: kept.model_copy(update={"share": kept.share + SMALL}),
            senior.name: senior.model_copy(update={"share": senior.share - SMALL}),
        }
        yield _rebuilt(book, Term(what, POINT, "1 percentage point of the pool"), shares)


def _rebuilt(book: Book, term: Term, tranches: Mapping[str, Tranche]) -> Term:
    """Count what other tranches move in every row of the series."""
    inputs, program = book.inputs, book.program
    assert inputs.vehicle is not None
    classes = tuple(tranches.get(x.name, x) for x in inputs.vehicle.tranches)
    vehicle = inputs.vehicle.model_copy(update={"tranches": classes})
    moved = _under(book, replace(inputs, vehicle=vehicle))
    for family in _SERIES:
        for key, row in BY_NAME[family].rows(moved):
            r = program._row_index.get((family, key))
            if r is not None and isinstance(row, Row):
                _difference(book, term, r, row)
    return _valued(book, term, moved, SMALL)


def _difference(book: Book, term: Term, r: int, row: Row) -> None:
    """Count the change of one row, per unit, of a step of :data:`SMALL`."""
    rows = book.program.rows
    old, new = rows.terms[r], row.terms.coefficients
    for j in {**old, **new}:
        change = (new.get(j, 0.0) - old.get(j, 0.0)) / SMALL
        if abs(change) > ROUNDING:
            term.slopes.setdefault(r, {})[j] = change
    shift = (row.right - row.terms.constant - rows.right[r]) / SMALL
    if abs(shift) > ROUNDING:
        term.shifts[r] = shift


def _caps(book: Book) -> Iterator[Term]:
    inputs = book.inputs
    for name in inputs.cap_names():
        rows = {t: r for (key, t), r in book.program.rows_of("leverage").items() if key == name}
        multiple = Term(f"the multiple of the cap {name!r}", TENTH, "0.1")
        weights: dict[str, Term] = {}
        for t, r in rows.items():
            cap = inputs.cap(name, t)
            assert cap is not None
            moving, constant = base(book, cap.base, t)
            multiple.move(r, Terms().extend(moving).plus(constant), -1.0)
            for counted, weight in cap.weights.items():
                if weight > 0.0:
                    what = f"the weight of {counted.replace('_', ' ')} in the cap {name!r}"
                    term = weights.setdefault(counted, Term(what, TENTH, "0.1"))
                    term.move(r, source(book, counted, t))
        yield multiple
        yield from weights.values()
