"""Which limits conflict: an irreducible set of them, whose every proper subset can be kept.

Rows with a dual at the elastic optimum prove by themselves that no plan exists (a Farkas
certificate). The deletion filter takes them away one by one, whole limits over all dates first, and
puts back what the rest can do without (Chinneck, Feasibility and Infeasibility in Optimization,
2008). Identities and bounds always stay. The set is one of possibly several.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import enough, limit_name, money, period_of, spans, without_period
from scfcap.funding.program import Key, NoOptimumError, Program, elastic, solve
from scfcap.funding.warm import Warm

#: Duals, and violations in all [money units], below this count as none.
NOTHING = 1e-7
#: Limits that a sentence names at most.
MOST = 8


@dataclass(frozen=True)
class Conflict:
    """Rows that cannot be kept together; they lack ``short`` [money units] in all."""

    rows: tuple[int, ...]
    short: float


def conflict(program: Program) -> Conflict | None:
    """An irreducible set of limits in conflict; None where none is found."""
    limits = [r for r, family in enumerate(program.rows.family) if BY_NAME[family].is_limit]
    loose, _ = elastic(program, dict.fromkeys(limits, 1.0))
    try:
        first = solve(loose, check=False)
    except NoOptimumError:
        return None
    if -first.objective <= NOTHING:
        return None
    pressed = [r for r in limits if abs(float(first.dual[r])) > NOTHING]
    filtered = _Filter(loose, Warm(loose, first))
    kept = filtered.start(set(limits), pressed)
    if kept is None:
        kept = list(limits)
    groups: dict[tuple[str, tuple[Key, ...]], list[int]] = {}
    for r in kept:
        family, key = program.rows.family[r], program.rows.key[r]
        groups.setdefault((family, without_period(family, key)), []).append(r)
    left = [group for group in groups.values() if not filtered.can_go(group)]
    rows = [r for group in left for r in group if not filtered.can_go([r])]
    short = filtered.short()
    return Conflict(tuple(sorted(rows)), short)


class _Filter:
    """The elastic program in which rows are freed as long as something must still give way."""

    def __init__(self, loose: Program, warm: Warm) -> None:
        self.loose, self.warm = loose, warm

    def short(self) -> float:
        """What must give way, in all [money units]."""
        point = self.warm.solve()
        return 0.0 if point is None else -point.objective

    def start(self, limits: set[int], pressed: list[int]) -> list[int] | None:
        """Free all rows that do not press; None where the rest would not conflict."""
        idle = sorted(limits - set(pressed))
        self.warm.free(idle)
        if self.short() > NOTHING:
            return pressed
        self.warm.bind(idle)
        return None

    def can_go(self, rows: list[int]) -> bool:
        """Free ``rows`` if the others still conflict."""
        self.warm.free(rows)
        if self.short() > NOTHING:
            return True
        self.warm.bind(rows)
        return False


def conflict_words(inputs: Inputs, program: Program, found: Conflict) -> str:
    """The conflict in a sentence: what there is, with amounts and dates, against what is needed."""
    needs = [r for r in found.rows if program.rows.sense[r] == ">="]
    others = [r for r in found.rows if program.rows.sense[r] != ">="]
    short = enough(inputs, found.short)
    if not needs:
        told = _listed(inputs, program, others)
        return f"In conflict with what falls due and comes in: {told}; {short} is lacking."
    need = _listed(inputs, program, needs)
    if not others:
        return f"What comes in by itself leaves {short} unfunded against {need}."
    verb = "leaves" if len(_grouped(program, others)) == 1 else "leave"
    return (
        f"In conflict: {_listed(inputs, program, others)} {verb} {short} unfunded against {need}."
    )


def _grouped(program: Program, rows: Iterable[int]) -> list[list[int]]:
    groups: dict[tuple[str, tuple[Key, ...]], list[int]] = {}
    for r in rows:
        family, key = program.rows.family[r], program.rows.key[r]
        groups.setdefault((family, without_period(family, key)), []).append(r)
    return list(groups.values())


def _listed(inputs: Inputs, program: Program, rows: Iterable[int]) -> str:
    groups = _grouped(program, rows)
    texts = [_told(inputs, program, group) for group in groups[:MOST]]
    more = len(groups) - MOST
    if more > 0:
        texts.append(f"{more} more limits")
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _told(inputs: Inputs, program: Program, rows: list[int]) -> str:
    """``the credit line bank-a (CNY 12,000,000, 2014-03-31 to 2014-05-31)``."""
    family = program.rows.family[rows[0]]
    found = BY_NAME[family]
    keys = [program.rows.key[r] for r in rows]
    name = limit_name(inputs, family, keys[0]) if found.told else found.what
    amounts = sorted({_limit(program, r) for r in rows if abs(_limit(program, r)) > NOTHING})
    parts = []
    if amounts:
        ends = [money(inputs, inputs.unit * a) for a in dict.fromkeys((amounts[0], amounts[-1]))]
        parts.append(" to ".join(ends))
    periods = sorted({t for key in keys if (t := period_of(family, key)) is not None})
    if periods:
        parts.append(spans(inputs, periods))
    return f"{name} ({', '.join(parts)})" if parts else name


def _limit(program: Program, r: int) -> float:
    """The limit that a row states [money units]; 0 where it compares two balances."""
    return round(program.rows.right[r] + program.rows.constant[r], 9)
