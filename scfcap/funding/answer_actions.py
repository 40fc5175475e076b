"""What an answer to a shock does otherwise than planned: actions by source, lost or to be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from scfcap.axes import (
    BANK_DEBT,
    BANK_TRANSFER,
    GUARANTEED_BANK,
    JOINT_LENDING,
    SECURITIZATION,
)
from scfcap.funding.cells import decided
from scfcap.funding.contingency import Contingency
from scfcap.funding.inputs import Inputs, P2PInputs

#: Actions below this share of a shock's largest are left out.
SMALL = 0.01
#: Share of what is moved within a source below which it is an exchange.
EXCHANGED = 0.05
#: Amounts below it are none [currency].
LEAST = 0.5
#: How an action is said, by what is decided, where there is more of it, less of it, or other loans.
WORDS = {
    "lend": ("lend more", "lend less", ""),
    "book": ("lend more with partner", "lend less with partner", ""),
    "transfer": ("transfer more", "transfer less", "transfer other loans"),
    "issue": ("issue more", "issue less", ""),
    "place": ("place more", "place less", "place at other rates"),
    "draw": ("draw more", "draw less", "draw at other tenors"),
    "pay out": ("pay out more", "pay out less", ""),
}
#: How it is said that what was planned is not there.
LOST = {
    "lend": "not asked for",
    "issue": "not sold",
    "place": "not placed",
    "draw": "not drawn",
    "book": "not lent with partner",
}
#: All revolving series together: which of them buys what is of no account to the company.
SERIES = "series"
#: In which order actions of one day are told: money first, then what it is for.
_ORDER = ("draw", "place", "issue", "transfer", "book", "lend", "pay out")


@dataclass(frozen=True)
class Action:
    """What is done otherwise than planned with one source or segment [money units].

    ``amount`` is what changes from ``first`` to ``last`` in all, ``at_first`` in ``first``, and
    ``planned`` what the plan has in these periods.
    """

    kind: str
    words: str
    channel: str
    item: str
    detail: str
    first: int
    last: int
    at_first: float
    amount: float
    planned: float
    lost: bool = False
    """Whether the shock leaves no choice: what was planned is not there."""


@dataclass(frozen=True)
class _Step:
    """What changes in one period with one source or segment [money units]."""

    t: int
    amount: float
    parts: Mapping[str, float]
    planned: float


def actions_of(found: Contingency) -> list[Action]:
    """The actions of an answer by first date: what is lost, then what to do, money first."""
    base = decided(found.base.inputs, found.base.decisions)
    parts: dict[tuple[str, str, str, int], dict[str, float]] = {}
    planned: dict[tuple[str, str, str, int], float] = {}
    for cell, amount in found.actions().items():
        grouped = cell.kind == "transfer" and cell.channel == SECURITIZATION
        item, detail = (SERIES, cell.item) if grouped else (cell.item, cell.detail)
        key = (cell.kind, cell.channel, item, cell.t)
        some = parts.setdefault(key, {})
        some[detail] = some.get(detail, 0.0) + amount
        planned[key] = planned.get(key, 0.0) + base.get(cell, 0.0)
    least = LEAST / found.base.inputs.unit
    runs: dict[tuple[str, str, bool, str, str], list[_Step]] = {}
    for (kind, channel, item, t), some in parts.items():
        net, gross = sum(some.values()), sum(map(abs, some.values()))
        if gross <= least:
            continue
        more, less, other = WORDS[kind]
        words, amount = (more if net > 0.0 else less), abs(net)
        if abs(net) < EXCHANGED * gross:
            if not other:
                continue
            words, amount = other, gross / 2.0
        before = planned[kind, channel, item, t]
        lost = words == less and _gone(found, kind, item, t, before)
        step = _Step(t, amount, some, before)
        runs.setdefault((kind, words, lost, channel, item), []).append(step)
    told = [_action(key, run) for key, run in runs.items()]
    most = max((x.amount for x in told), default=0.0)
    told = [x for x in told if x.amount >= SMALL * most]
    return sorted(told, key=_rank)


def _rank(x: Action) -> tuple[int, bool, bool, int, float, str]:
    follows = x.words in WORDS["transfer"][1:] or x.words == WORDS[x.kind][2]
    return x.first, not x.lost, follows, _ORDER.index(x.kind), -x.at_first, x.item


def _action(key: tuple[str, str, bool, str, str], run: Sequence[_Step]) -> Action:
    kind, words, lost, channel, item = key
    run = sorted(run, key=lambda step: step.t)
    parts: dict[str, float] = {}
    for step in run:
        for detail, amount in step.parts.items():
            parts[detail] = parts.get(detail, 0.0) + amount
    total = sum(step.amount for step in run)
    shown = [d for d, a in parts.items() if d and abs(a) >= 0.1 * total]
    return Action(
        kind=kind,
        words=LOST[kind] if lost else words,
        channel=channel,
        item=item,
        detail=", ".join(sorted(shown)),
        first=run[0].t,
        last=run[-1].t,
        at_first=run[0].amount,
        amount=total,
        planned=sum(step.planned for step in run),
        lost=lost,
    )


def _gone(found: Contingency, kind: str, item: str, t: int, planned: float) -> bool:
    """Whether there is less of it than planned, whatever the company does."""
    shock = found.shock.inputs
    short = planned - LEAST / shock.unit
    if kind == "lend":
        return float(shock.demand[shock.segments.index(item), t]) < short
    if kind == "issue":
        return shock.deal(item).max_pool < short
    if kind == "draw":
        return _line_is_cut(found, item, t)
    if kind == "place" and shock.p2p is not None:
        return t not in shock.p2p.open_periods or _brought(found, shock.p2p, t) < short
    return False


def _brought(found: Contingency, p2p: P2PInputs, t: int) -> float:
    """What P2P lenders bring in ``t``, with what they renew of the notes that fall due."""
    supply = sum(step.per_period for step in p2p.steps) * float(found.shock.inputs.units[t])
    if p2p.renewed is None or p2p.fresh is None:
        return supply
    again, new = float(p2p.renewed[t]), float(p2p.fresh[t])
    if (again, new) == (1.0, 1.0):
        return supply
    placed = found.base.decisions.placed
    due = float(p2p.open_repaid[t]) + float(placed[:, list(p2p.maturity.falling(t))].sum())
    return min(supply, again * due + new * supply)


def _line_is_cut(found: Contingency, lender: str, t: int) -> bool:
    """Whether a line is cut, and the answer owes all that is left of it."""
    best = found.answer.optimum
    x = next(y for y in best.inputs.lenders if y.name == lender)
    usual = next((y.line(t) for y in found.base.inputs.lenders if y.name == lender), 0.0)
    owed = best.book.debt(lender, t).value(best.solution.x) + float(x.open_balance[t])
    full = owed >= x.line(t) - LEAST / best.inputs.unit
    return t in x.closed or (x.line(t) < usual and full)


def first_to_do(acts: Sequence[Action]) -> Action | None:
    """What to do first: what is merely lost is no doing."""
    return next((x for x in acts if not x.lost), None)


def deadline(inputs: Inputs, action: Action) -> date | None:
    """Last day to give the notice that a source wants before the first date."""
    spec = inputs.spec
    days = {(BANK_DEBT, x.name): x.notice_days for x in spec.lenders}
    days |= {(BANK_TRANSFER, x.name): x.notice_days for x in spec.buyers}
    days |= {(GUARANTEED_BANK, x.name): x.notice_days for x in spec.guaranteed}
    days |= {(JOINT_LENDING, x.name): x.notice_days for x in spec.joint}
    notice = days.get((action.channel, action.item))
    if notice is None or not action.words.endswith("more"):
        return None
    return inputs.grid.ends[action.first - 1] - timedelta(days=notice)
