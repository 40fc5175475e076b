"""What was carried out, read as a point of the program: which limits it breaks, what it is worth.

The program's own rows say what a limit is; nothing is solved. Columns are filled from the decisions
and from what the engines made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from scfcap.funding.catalogue import FAMILIES, build_program
from scfcap.funding.company import capital
from scfcap.funding.covenants import Measure, replayed_measures
from scfcap.funding.decisions import Decisions
from scfcap.funding.family import Family
from scfcap.funding.inputs import Inputs
from scfcap.funding.objective import premium
from scfcap.funding.program import Key
from scfcap.funding.replay import Replay, repaid_by
from scfcap.funding.variables import Book, declare
from scfcap.quantities import FloatArray

#: A limit fails where it is passed by more than this share of it, at least of one money unit.
SLACK = 1e-6
#: Families whose rows keep a margin or speak of single cohorts; said by the engines instead.
ELSEWHERE = frozenset({"covenant", "trigger_headroom", "transfer_eligibility", "pledge", "demand"})
#: Order of kinds within a period.
_KINDS = ("law", "contract", "promise", "policy", "market")

#: Principal of each cohort in a place at a close.
Held = Callable[[str, int], FloatArray]


@dataclass(frozen=True)
class Failed:
    """A limit that is passed at the close of ``period`` [money units]; of a floor use is below."""

    period: int
    kind: str
    family: str
    item: str
    use: float
    limit: float

    @property
    def size(self) -> float:
        """By how much it fails [money units]."""
        return abs(self.use - self.limit)


@dataclass(frozen=True)
class Point:
    """The program of a world, its rows built, and what was done there as the columns' values."""

    book: Book
    x: FloatArray

    def value_at_end(self) -> float:
        """``V_T``: net capital at the end, and what stands then is worth above its book value."""
        book = self.book
        return premium(book).extend(capital(book, book.inputs.horizon)).value(self.x)

    def objective(self) -> float:
        """What the plan is after, at what was done."""
        return self.book.program.objective.value(self.x)


def failed_limits(
    point: Point, decisions: Decisions, result: Replay, last: int
) -> tuple[Failed, ...]:
    """Limits of the periods 1..``last`` that fail, by period, then law before contract and policy.

    All limits of the program, at what the engines made of the decisions; covenants without the
    margin that a plan keeps, and a series' trigger where it trips.
    """
    inputs = point.book.inputs
    found = [
        *_rows(point.book, point.x, last),
        *_covenants(inputs, decisions, result, last),
        *_triggers(inputs, result, last),
    ]
    found.sort(key=lambda f: (f.period, _KINDS.index(f.kind), f.family, f.item))
    return tuple(found)


def at_point(inputs: Inputs, decisions: Decisions, held: Held, result: Replay) -> Point:
    """What was done in the world of ``inputs``, as a point of its program.

    A series that amortises early does so in the program too. Missing money and forced sales have
    columns where the inputs open them.
    """
    inputs = amortised(inputs, result)
    inputs = replace(inputs, deals=repaid_by(inputs, result))
    book = declare(inputs)
    build_program(book)
    value = _columns(inputs, decisions, held, result)
    columns = book.program.columns
    point = np.array(
        [value(family, key) for family, key in zip(columns.family, columns.key, strict=True)]
    )
    return Point(book, point)


def amortised(inputs: Inputs, result: Replay) -> Inputs:
    """``inputs`` in which a series whose trigger trips revolves until then."""
    deals = tuple(
        replace(d, last_revolving=min(d.last_revolving, max(int(deal.triggered[0]), 1)))
        if (deal := result.deals.get(d.name)) is not None and deal.triggered[0] > 0
        else d
        for d in inputs.deals
    )
    return replace(inputs, deals=deals)


def _columns(
    inputs: Inputs, decisions: Decisions, held: Held, result: Replay
) -> Callable[[str, Key], float]:
    """What each column of the program is."""
    stands: dict[tuple[str, int], FloatArray] = {}

    def holding(j: int, where: str, t: int) -> float:
        if (where, t) not in stands:
            stands[where, t] = held(where, t)
        return float(stands[where, t][j])

    deals = result.deals
    none = np.zeros(inputs.horizon + 1)
    paid = none if decisions.dividends is None else decisions.dividends
    left_out = decisions.left_out
    by_family: dict[str, Callable[..., float]] = {
        "O": lambda s, t: float(decisions.originated[s, t]),
        "OC": lambda *key: decisions.booked.get(key, 0.0),
        "Y": lambda *key: decisions.transfers.get(key, 0.0),
        "X": lambda *key: decisions.draws.get(key, 0.0),
        "P": lambda m, t: float(decisions.placed[m, t]),
        "G": lambda *key: decisions.pledged.get(key, 0.0),
        "Div": lambda t: float(paid[t]),
        "S": lambda name: decisions.issued.get(name, 0.0),
        "E": lambda name: result.contributions.get(name, 0.0),
        "V": lambda name: 0.0 if name in left_out else 1.0,
        "H": holding,
        "M": lambda t: float(result.cash[t]),
        "K": lambda t: float(result.net_capital[t]),
        "Tax": lambda t: float(result.tax[t]),
        "Q": lambda d, t: float(deals[d].cash[0, t - 1]) if d in deals else 0.0,
        "R": lambda d, t: float(deals[d].residual[0, t - 1]) if d in deals else 0.0,
        "N": lambda d, i, t: float(deals[d].balance[0, i, t - 1]) if d in deals else 0.0,
        "A": lambda d, i, t: float(deals[d].principal_paid[0, i, t - 1]) if d in deals else 0.0,
    }

    def value(family: str, key: Key) -> float:
        read = by_family.get(family)
        if read is None:
            return 0.0
        return read(*key) if isinstance(key, tuple) else read(key)

    return value


def _rows(book: Book, x: FloatArray, last: int) -> Iterator[Failed]:
    program = book.program
    for family in FAMILIES:
        if not family.is_limit or family.name in ELSEWHERE:
            continue
        for key, r in program.rows_of(family.name).items():
            period, item = _said(book, family, key)
            if period > last:
                continue
            use, limit = program.sides(r, x)
            over = limit - use if program.rows.sense[r] == ">=" else use - limit
            if over > SLACK * max(1.0, abs(limit)):
                yield Failed(period, family.kind, family.name, item, use, limit)


def _said(book: Book, family: Family, key: Key) -> tuple[int, str]:
    """Period of a row, and what it is of."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if family.period_at is not None:
        period = int(parts.pop(family.period_at))
    else:
        closings = {d.name: d.closing for d in book.inputs.deals}
        period = closings.get(str(parts[0]), book.inputs.horizon)
    if family.name == "p2p_supply" and book.inputs.p2p is not None:
        parts = [f"at {book.inputs.p2p.steps[int(parts[0])].rate:.2%}"]
    return period, "/".join(str(p) for p in parts)


def _covenants(inputs: Inputs, decisions: Decisions, result: Replay, last: int) -> Iterator[Failed]:
    wanted = {
        (x, t): Measure(0.0, 0.0) for x in inputs.covenants for t in x.tests if 1 <= t <= last
    }
    if not wanted:
        return
    for (x, t), found in replayed_measures(inputs, decisions, result, wanted).items():
        allowed = x.limit * found.base
        if found.headroom(x) < -SLACK * max(1.0, abs(allowed)):
            item = f"{x.lender}/{x.name}"
            yield Failed(t, "contract", "covenant", item, found.measured, allowed)


def _triggers(inputs: Inputs, result: Replay, last: int) -> Iterator[Failed]:
    """Triggers that trip, with what they measure and allow."""
    vehicle = inputs.vehicle
    for d in inputs.deals:
        deal = result.deals.get(d.name)
        if deal is None or vehicle is None or not 0 < int(deal.triggered[0]) <= last:
            continue
        t = int(deal.triggered[0])
        threshold = vehicle.trigger.threshold
        if vehicle.trigger.measure == "default_rate":
            before = result.places[d.place].balance[t - 1]
            use = float(deal.defaults[0, t - 1])
            limit = threshold * float(inputs.year[t] * before)
        else:
            since = 0.0 if d.state is None else d.state.cumulative_default
            use = since + float(deal.defaults[0, :t].sum())
            limit = threshold * deal.state.pool_at_closing
        yield Failed(t, "contract", "trigger", d.name, use, limit)
