"""A step of a waterfall as formulas: due, available, paid, and what each account then holds.

The rules are those of :mod:`scfcap.deal.payments`.
"""

from __future__ import annotations

from collections.abc import Callable

from scfcap.report.live import pieces as p
from scfcap.report.live.loans import Loans
from scfcap.report.live.merged import Slot
from scfcap.report.live.pieces import ZERO, NotLive, Piece
from scfcap.report.live.state import State, Sums
from scfcap.report.live.workings import Workings
from scfcap.schema.deal_parts import StepSpec

_NO_CASH = ("write_off", "write_up")
#: Share of a debt that is an error of floats, as in the engine.
_DUST = p.number(1e-12)


class Steps:
    """Makes the steps of a period; ``flows`` are what classes and fees were paid in it."""

    def __init__(self, state: State, cells: Workings, loans: Loans) -> None:
        self._s, self._cells, self._loans = state, cells, loans
        self.flows: dict[tuple[str, str], list[Piece]] = {}
        self.outside: list[Piece] = []
        self.bought: list[Piece] = []

    def make(self, place: int, slot: Slot, period: int) -> None:
        """Make a step where its phase is in force."""
        spec, s = slot.step.spec, self._s
        key = f"step {place}"

        def put(what: str, label: str, piece: Piece) -> Piece:
            return self._cells.put(
                f"{key} {what}", f"{s.given.label(slot.step)}: {label}", period, piece
            )

        have = self._sources(slot, put)
        total = p.add(*have)
        each = [] if spec.pay == "purchase" else self._each_due(spec, total)
        due = put("due", "due", self._want(slot, each or [total], period))
        available = put("available", "available", total)
        moves = spec.pay not in _NO_CASH
        paid = put("paid", "paid", p.lowest(due, available) if moves else due)
        if moves:
            self._take(spec, have, paid, put)
        if spec.pay == "purchase":
            self._buy(paid)
        else:
            self._settle(spec, each, paid, put)
        if moves and spec.pay not in ("account", "transfer"):
            self.outside.append(paid)
        word = slot.step.word
        s.paid[word] = p.add(s.paid.get(word, ZERO), paid)
        s.short[word] = p.add(s.short.get(word, ZERO), p.less(due, paid))

    # --- what is due ------------------------------------------------------------------------

    def _active(self, slot: Slot) -> Piece:
        s, here = self._s, list(slot.rows)
        in_phase = p.TRUE
        if len(here) < len(s.phases):
            in_phase = p.either(*(p.compare("==", s.phase, p.number(n)) for n in here))
        if slot.step.when is None:
            return in_phase
        return p.both(in_phase, s.holds(slot.step.when))

    def _want(self, slot: Slot, each: list[Piece], period: int) -> Piece:
        """What is due after the step's limits, while it is made."""
        s, spec = self._s, slot.step.spec
        want = p.times(p.add(*each), p.number(spec.share))
        if spec.amount is not None:
            want = p.lowest(want, p.number(spec.amount))
        if slot.step.up_to is not None:
            want = p.lowest(want, p.highest(s.number(slot.step.up_to), ZERO))
        if spec.pay == "purchase":
            if not self._loans.may_buy(period):
                return ZERO
            supply = s.spec.assets.supply
            if supply is not None:
                want = p.lowest(want, p.number(supply * s.spec.assets.price))
        return p.choose(self._active(slot), want, ZERO)

    def _each_due(self, spec: StepSpec, total: Piece) -> list[Piece]:
        """What is due to each target before limits."""
        s, names = self._s, spec.targets
        if spec.pay == "fee":
            return [s.fee[name] for name in names]
        if spec.pay == "interest":
            return [s.owed[name] for name in names]
        if spec.pay == "principal":
            return [self._principal(spec, name) for name in names]
        if spec.pay == "account":
            return [self._lacks(name, total) for name in names]
        if spec.pay in ("transfer", "residual"):
            count = max(len(names), 1)
            return [p.over(total, p.number(count)) if count > 1 else total] * count
        if spec.pay == "write_up":
            return [s.written_off[name] for name in names]
        if spec.pay == "write_off":
            return self._losses(spec)
        msg = f"steps that pay {spec.pay}"
        raise NotLive(msg)

    def _principal(self, spec: StepSpec, name: str) -> Piece:
        s = self._s
        schedule = s.spec.tranches[name].schedule
        if spec.by == "balance" or not schedule:
            return s.balance[name]
        count = int(s.payment.value)
        kept = schedule[min(max(count, 1), len(schedule)) - 1]
        return p.highest(p.less(s.balance[name], p.times(p.number(kept), s.original[name])), ZERO)

    def _lacks(self, name: str, total: Piece) -> Piece:
        account = self._s.spec.accounts.get(name)
        if account is None or account.target is None:
            return total
        return p.highest(p.less(self._s.target(name), self._s.cash[name]), ZERO)

    def _losses(self, spec: StepSpec) -> list[Piece]:
        s = self._s
        due = [s.balance[name] for name in spec.targets]
        if spec.up_to is not None:
            return due
        left = p.less(p.less(s.notes, s.pool), s.principal_cash())
        uncovered = p.highest(left, ZERO)
        if not _in_order(spec):
            part = p.lowest(p.share(uncovered, p.add(*due)), p.ONE)
            return [p.times(each, part) for each in due]
        return [
            p.lowest(p.highest(p.less(uncovered, p.add(*due[:n])), ZERO), each)
            for n, each in enumerate(due)
        ]

    # --- where it comes from ----------------------------------------------------------------

    def _sources(self, slot: Slot, put: Callable[[str, str, Piece], Piece]) -> list[Piece]:
        s, rows = self._s, []
        for place, name in enumerate(slot.step.spec.sources):
            if name not in s.cash:
                msg = f"lines ({name})"
                raise NotLive(msg)
            have = s.cash[name]
            keep = slot.step.keep
            if place == 0 and keep is not None:
                stays = self._keep(name, keep) if isinstance(keep, float | int) else s.number(keep)
                have = p.highest(p.less(have, stays), ZERO)
                have = put(f"from {name}", f"free in {s.given.tell(name)}", have)
            rows.append(have)
        return rows

    def _keep(self, name: str, keep: float) -> Piece:
        """What stays in a source: the account's target where the deal keeps just that."""
        account = self._s.spec.accounts.get(name)
        if account is not None and account.target == keep:
            return self._s.target(name)
        return p.number(keep)

    def _take(
        self,
        spec: StepSpec,
        have: list[Piece],
        paid: Piece,
        put: Callable[[str, str, Piece], Piece],
    ) -> None:
        s, rest, last = self._s, paid, len(have) - 1
        for place, (name, there) in enumerate(zip(spec.sources, have, strict=True)):
            taken = rest if last == 0 or place == last else p.lowest(rest, there)
            if place < last:
                rest = p.less(rest, taken)
            left = p.highest(p.less(s.cash[name], taken), ZERO)
            s.cash[name] = put(f"left {name}", f"left in {s.given.tell(name)}", left)

    # --- who gets it ------------------------------------------------------------------------

    def _buy(self, paid: Piece) -> None:
        amount = p.over(paid, p.number(self._s.spec.assets.price))
        self._s.pool = p.add(self._s.pool, amount)
        self.bought.append(amount)

    def _settle(
        self,
        spec: StepSpec,
        due: list[Piece],
        paid: Piece,
        put: Callable[[str, str, Piece], Piece],
    ) -> None:
        shares = [paid] if len(due) < 2 else _shares(spec, due, paid)
        if len(shares) > 1:
            shares = [
                put(f"to {name}", f"to {self._s.given.tell(name)}", each)
                for name, each in zip(spec.targets, shares, strict=True)
            ]
        for name, each in zip(spec.targets, shares, strict=False):
            self.flows.setdefault((spec.pay, name), []).append(each)
            self._book(spec.pay, name, each, put)

    def _book(
        self, pay: str, name: str, each: Piece, put: Callable[[str, str, Piece], Piece]
    ) -> None:
        s = self._s
        if pay in ("account", "transfer"):
            held = p.add(s.cash[name], each)
            s.cash[name] = put(f"then {name}", f"then in {s.given.tell(name)}", held)
            return
        debts: dict[str, tuple[Sums, str]] = {
            "fee": (s.fee, "owed then"),
            "interest": (s.owed, "owed then"),
            "principal": (s.balance, "balance then"),
            "write_off": (s.balance, "balance then"),
            "write_up": (s.written_off, "written off then"),
        }
        if pay not in debts:
            return
        sums, label = debts[pay]
        sums[name] = put(f"debt {name}", f"{label}, {s.given.tell(name)}", _left(sums[name], each))
        if pay == "write_off":
            s.written_off[name] = p.add(s.written_off[name], each)
        if pay == "write_up":
            s.balance[name] = p.add(s.balance[name], each)


def _shares(spec: StepSpec, due: list[Piece], paid: Piece) -> list[Piece]:
    """``paid`` among those who are due: by what they are, or one after the other."""
    total = p.add(*due)
    enough = p.compare(">=", paid, total)
    if _in_order(spec):
        rest = [p.less(paid, p.add(*due[:n])) for n in range(len(due))]
        return [
            p.choose(enough, each, p.highest(p.lowest(left, each), ZERO))
            for each, left in zip(due, rest, strict=True)
        ]
    part = p.choose(p.compare(">", total, ZERO), p.over(paid, total), ZERO, safe=True)
    return [p.choose(enough, each, p.times(each, part)) for each in due]


def _left(debt: Piece, paid: Piece) -> Piece:
    """A debt less what is paid; the error of floats that is left is none."""
    rest = p.less(debt, paid)
    if rest.constant:
        return p.number(rest.value if rest.value > _DUST.value * debt.value else 0.0)
    return p.choose(p.compare(">", rest, p.times(_DUST, debt)), rest, ZERO)


def _in_order(spec: StepSpec) -> bool:
    """Losses go to one class after the other, unless the step says how they share."""
    if spec.split is None:
        return spec.pay in _NO_CASH
    return spec.split == "in order"
