"""A deal as formulas, period by period, in the order of :mod:`scfcap.deal.engine`.

Each figure becomes a cell of the workings with the value that its formula gives; a run that is
not what the engine found is refused, so that no wrong formula reaches a workbook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scfcap.quantities import ENGINE_TOLERANCE
from scfcap.report.live import pieces as p
from scfcap.report.live.against import refuse_others
from scfcap.report.live.given import Given, What
from scfcap.report.live.known import Known
from scfcap.report.live.loans import Loans
from scfcap.report.live.merged import Slot, merged
from scfcap.report.live.pieces import ONE, ZERO, NotLive, Piece
from scfcap.report.live.state import opened
from scfcap.report.live.steps import Steps
from scfcap.report.live.workings import Workings
from scfcap.schema.deal_parts import TrancheSpec, TriggerSpec

#: Most cells of a deal's workings.
MOST_CELLS = 60_000
_COLLECTED = ("interest", "principal", "recovery", "default")


@dataclass(frozen=True)
class Compiled:
    """A deal on its workings: ``slots`` of payment dates, then those of other periods."""

    given: Given
    cells: Workings
    slots: tuple[Slot, ...]
    periods: int


def compile_deal(
    given: Given,
    cells: Workings,
    stated: Mapping[tuple[What, str], Piece],
    multipliers: tuple[Piece, Piece],
) -> Compiled:
    """Write ``given`` on ``cells``; ``stated`` are its input cells, by what they stand for.

    ``multipliers`` of collections and of defaults.

    Raises:
        NotLive: a construct of the deal is not compiled, or its formulas do not give what the
            engine found.
    """
    _refuse(given)
    run = _Run(given, cells, stated, multipliers)
    for period in range(1, cells.periods + 1):
        run.period(period)
    compiled = Compiled(given, cells, tuple(run.slots), cells.periods)
    refuse_others(given, cells, compiled.slots)
    return compiled


def not_compiled(given: Given) -> list[str]:
    """Constructs of a deal that formulas do not follow."""
    spec = given.deal.spec
    found = list(given.reasons)
    if spec.cents:
        found.append("payments in whole cents")
    if spec.hedges:
        found.append("hedges")
    if spec.lines:
        found.append("lines")
    if spec.actuals:
        found.append("collections of the past")
    return found


def _refuse(given: Given) -> None:
    found = not_compiled(given)
    if found:
        raise NotLive(", ".join(found))


class _Run:
    """A deal while it is being written."""

    def __init__(
        self,
        given: Given,
        cells: Workings,
        stated: Mapping[tuple[What, str], Piece],
        multipliers: tuple[Piece, Piece],
    ) -> None:
        self.given, self.cells = given, cells
        self.deal, self.spec = given.deal, given.deal.spec
        self.stated = stated
        self.known = Known.of(given, cells)
        self.loans = Loans(given, cells, cells.periods, multipliers)
        pool = cells.put("pool", "Pool", 0, p.number(given.start))
        self.s = opened(given, stated, pool)
        self._opening()
        self.paying = merged(self.spec, self.deal.waterfall)
        self.between = merged(self.spec, self.deal.settlement)
        self.slots = [*self.paying, *self.between]
        self.past: dict[str, list[Piece]] = {name: [] for name in self.spec.measures}
        if self.spec.opening is not None:
            for name, values in self.spec.opening.measures.items():
                self.past[name] = [p.number(value) for value in values]
                if values:
                    self.s.measures[name] = _mean(self.past[name])
        self.sold = ZERO
        self.asked = self.deal.said
        self._reset(0)

    def _opening(self) -> None:
        """The opening's figures as cells."""
        s, put, tell = self.s, self.cells.put, self.given.tell
        s.pool_closing = put("pool at closing", "Pool at closing", 0, s.pool_closing)
        for name in self.spec.tranches:
            label = f"Original balance: {tell(name)}"
            s.original[name] = put(f"original {name}", label, 0, s.original[name])
            if self.spec.opening is None:
                s.balance[name] = s.original[name]
        if self.spec.opening is None:
            # what fills the accounts at closing rests on the balances as they now stand in cells
            for name, account in self.spec.accounts.items():
                s.cash[name] = s.amount(account.initial)
        for name in self.spec.tranches:
            self._close_class(name, 0)
        for name in self.deal.accounts:
            s.cash[name] = put(f"account {name}", f"Account {tell(name)}", 0, s.cash[name])
        for name in self.spec.fees:
            s.fee[name] = put(f"fee {name}", f"Fee {tell(name)}: owed", 0, s.fee[name])
        s.phase = put("phase", "Phase", 0, s.phase, "count")

    def _close_class(self, name: str, period: int) -> None:
        s, put, tell = self.s, self.cells.put, self.given.tell(name)
        s.balance[name] = put(f"balance {name}", f"Balance: {tell}", period, s.balance[name])
        if self.spec.tranches[name].kind not in ("zero", "equity"):
            s.owed[name] = put(f"owed {name}", f"Interest owed: {tell}", period, s.owed[name])
        if not s.accrued[name].constant:
            label = f"Interest accrued, not yet due: {tell}"
            s.accrued[name] = put(f"accrued {name}", label, period, s.accrued[name])
        if not s.written_off[name].constant:
            label = f"Written off: {tell}"
            s.written_off[name] = put(f"written {name}", label, period, s.written_off[name])

    # --- a period ---------------------------------------------------------------------------

    def period(self, t: int) -> None:
        """Everything of a period."""
        if len(self.cells.sheet.cells) > MOST_CELLS:
            msg = f"more than {MOST_CELLS:,} cells"
            raise NotLive(msg)
        s = self.s
        s.paid, s.short = {}, {}
        s.day, s.years = self.known.days[t], self.known.interest_years[t - 1]
        s.final = self._final(t)
        s.failed = p.truth(0 < self.given.fails <= t)
        opening = p.add(*s.cash.values())
        bases = {name: s.notional(name) for name in self.spec.tranches}
        came = self._collect(t)
        self._accrue(t, bases)
        pays = bool(self.deal.calendar.pays[t - 1])
        if pays:
            s.payment = self.known.payments[t - 1]
            self._fall_due(t)
            self._measure(t)
            self._triggers("before payments", t)
            came = p.add(came, self._call(t))
            self._phase(t)
        else:
            s.phase = self.cells.put("phase", "Phase", t, s.phase, "count")
        steps = Steps(s, self.cells, self.loans)
        slots, first = (self.paying, 0) if pays else (self.between, len(self.paying))
        for place, slot in enumerate(slots, first):
            steps.make(place, slot, t)
        if pays:
            self._triggers("after payments", t)
        self._close(t, steps, p.add(opening, came))
        if pays:
            self._reset(t)

    def _final(self, t: int) -> Piece:
        end = self.spec.legal_end
        if end is not None:
            return p.compare(">=", self.known.days[t], p.day(end))
        return p.truth(t == len(self.deal.years))

    def _collect(self, t: int) -> Piece:
        """Yield of idle cash and what the loans bring; gives what came in."""
        s, put, tell, to = self.s, self.cells.put, self.given.tell, self.spec.collections
        held, came = dict(s.cash), []
        into: dict[str, list[Piece]] = {name: [] for name in self.deal.accounts}
        for name, account in self.spec.accounts.items():
            if account.earns or ("earns", name) in self.stated:
                rate = s.live("earns", name, account.earns)
                label = f"Yield of account {tell(name)}"
                amount = p.times(held[name], rate, self.known.grid_years[t - 1])
                amount = put(f"yield {name}", label, t, amount)
                into[account.interest_to or "collection"].append(amount)
                came.append(amount)
        flows = self.loans.collect(t, s.pool, self.sold)
        for flow, account_name in (
            ("interest", to.interest), ("principal", to.principal), ("recovery", to.recovery),
        ):  # fmt: skip
            into[account_name].append(flows[flow])
            came.append(flows[flow])
        for name, parts in into.items():
            if parts:
                s.cash[name] = p.add(s.cash[name], *parts)
                label = f"Account {tell(name)} after collections"
                s.cash[name] = put(f"ready {name}", label, t, s.cash[name])
        self._take_in(t, flows)
        return p.add(*came)

    def _take_in(self, t: int, flows: Mapping[str, Piece]) -> None:
        """Sums since the last payment date, and since closing."""
        s, put = self.s, self.cells.put
        for name in _COLLECTED:
            total = p.add(s.collected[name], flows[name])
            if not s.collected[name].constant:
                total = put(f"since {name}", f"Since the last payment date: {name}", t, total)
            s.collected[name] = total
        s.delinquent, s.pool = flows["delinquent"], flows["pool"]
        if self.asked & {"cumulative_default", "cumulative_loss"}:
            total = p.add(s.cumulative_default, flows["default"])
            s.cumulative_default = put("defaults", "Defaults since closing", t, total)
        if "cumulative_loss" in self.asked:
            total = p.add(s.cumulative_recovery, flows["recovery"])
            s.cumulative_recovery = put("recoveries", "Recoveries since closing", t, total)

    def _accrue(self, t: int, bases: Mapping[str, Piece]) -> None:
        s, put, tell = self.s, self.cells.put, self.given.tell
        for name, each in self.spec.tranches.items():
            if each.kind in ("zero", "equity"):
                continue
            year = self.known.years[each.day_count or self.spec.day_count][t - 1]
            base = bases[name]
            if each.interest_on_shortfall:
                base = p.add(base, s.owed[name])
            earned = put(
                f"earned {name}", f"Interest earned: {tell(name)}", t,
                p.times(base, s.coupon[name], year),
            )  # fmt: skip
            s.accrued[name] = p.add(s.accrued[name], earned)
            if each.available_cap is not None:
                s.bearing[name] = p.add(s.bearing[name], p.times(base, year))
        year = self.known.years[self.spec.day_count][t - 1]
        for name, fee in self.spec.fees.items():
            if fee.formula is None:
                rate = p.times(s.live("fee rate", name, fee.rate), s.formula(fee.of))
                due = p.add(s.live("fee amount", name, fee.amount), rate)
                due = self._bounded(name, self._asked(name, due, t), ONE)
                amount = put(f"fee due {name}", f"Fee {tell(name)}: earned", t, p.times(due, year))
                s.fee_accrued[name] = p.add(s.fee_accrued[name], amount)
            if fee.arrears_rate:
                late = p.times(s.fee[name], p.number(fee.arrears_rate), year)
                s.fee_accrued[name] = p.add(s.fee_accrued[name], late)

    def _asked(self, name: str, due: Piece, t: int) -> Piece:
        factor = float(self.given.servicer[t - 1])
        if not self.spec.fees[name].to_originator or factor == 1.0:
            return due
        return p.times(due, p.number(factor))

    def _bounded(self, name: str, due: Piece, years: Piece) -> Piece:
        """Never less than the floor nor more than the cap of a fee."""
        fee, s = self.spec.fees[name], self.s
        due = p.highest(due, p.times(s.live("fee floor", name, fee.floor), years))
        if fee.cap is not None:
            due = p.lowest(due, p.times(s.live("fee cap", name, fee.cap), years))
        return due

    def _fall_due(self, t: int) -> None:
        s, put, tell = self.s, self.cells.put, self.given.tell
        day = self.deal.calendar.dates[t - 1]
        for name in self.spec.fees:
            s.fee[name] = p.add(s.fee[name], s.fee_accrued[name])
            s.fee_accrued[name] = ZERO
        for name, each in self.spec.tranches.items():
            if each.kind in ("zero", "equity"):
                continue
            if each.first_interest is not None and day < each.first_interest:
                continue
            due = self._within_cap(name, each, t)
            s.accrued[name], s.bearing[name] = ZERO, ZERO
            if each.kind == "accrual":
                keeps = self._accretes(name, each)
                label = f"Interest added to the balance: {tell(name)}"
                kept = put(f"accreted {name}", label, t, p.choose(keeps, due, ZERO))
                s.balance[name] = p.add(s.balance[name], kept)
                due = p.less(due, kept)
            label = f"Interest due: {tell(name)}"
            s.owed[name] = put(f"due {name}", label, t, p.add(s.owed[name], due))
        for name, fee in self.spec.fees.items():
            if fee.formula is not None:
                due = p.highest(s.formula(fee.formula), ZERO)
                due = self._bounded(name, self._asked(name, due, t), s.years)
                s.fee[name] = p.add(s.fee[name], due)
            s.fee[name] = put(f"owing {name}", f"Fee {tell(name)}: due", t, s.fee[name])

    def _within_cap(self, name: str, each: TrancheSpec, t: int) -> Piece:
        s = self.s
        if each.available_cap is None:
            return s.accrued[name]
        most = p.highest(s.formula(each.available_cap), ZERO)
        most = self.cells.put(
            f"most {name}", f"Most that the coupon of {self.given.tell(name)} may be", t, most,
            "rate",
        )  # fmt: skip
        s.coupon[name] = p.lowest(s.coupon[name], most)
        return p.lowest(s.accrued[name], p.times(most, s.bearing[name]))

    def _accretes(self, name: str, each: TrancheSpec) -> Piece:
        s = self.s
        if each.accretes_while is not None:
            return s.holds(self.deal.formulas[each.accretes_while])
        names = list(self.spec.tranches)
        above = [n for n in names[: names.index(name)] if n in s.debt]
        stand = [
            p.compare(">", s.balance[n], p.times(p.number(ENGINE_TOLERANCE), s.original[n]))
            for n in above
        ]
        return p.either(*stand)

    def _measure(self, t: int) -> None:
        s = self.s
        for name, each in self.spec.measures.items():
            found = s.formula(each.of)
            label = f"Measure {name}"
            if each.mean_of > 1:
                found = self.cells.put(f"on date {name}", f"{label}: on the date", t, found, "rate")
            self.past[name] = [*self.past[name], found][-each.mean_of :]
            mean = _mean(self.past[name])
            s.measures[name] = self.cells.put(f"measure {name}", label, t, mean, "rate")

    def _triggers(self, when: str, t: int) -> None:
        for name, each in self.spec.triggers.items():
            if each.when == when:
                found = self._tripped(name, each, t)
                self.s.tripped[name] = self.cells.put(
                    f"trigger {name}", f"Trigger {name}", t, p.flag(found), "count"
                )

    def _tripped(self, name: str, each: TriggerSpec, t: int) -> Piece:
        s, put = self.s, self.cells.put
        on = p.on(s.tripped[name])
        over = s.holds(self.deal.formulas[each.test])
        over = p.both(over, p.truth(s.payment.value >= each.from_payment))
        trips = over
        if each.after > 1:
            count = p.choose(over, p.add(s.streak[name], ONE), ZERO)
            label = f"Trigger {name}: dates in a row"
            s.streak[name] = put(f"streak {name}", label, t, count, "count")
            trips = p.compare(">=", s.streak[name], p.number(each.after))
        if each.cure is None:
            return p.either(on, trips)
        good = p.both(s.holds(self.deal.formulas[each.cure]), on)
        cured = good
        if each.cured_after > 1:
            count = p.choose(good, p.add(s.cure[name], ONE), ZERO)
            label = f"Trigger {name}: dates of its cure"
            s.cure[name] = put(f"cure {name}", label, t, count, "count")
            cured = p.compare(">=", s.cure[name], p.number(each.cured_after))
        return p.choose(on, p.opposite(cured), trips)

    def _phase(self, t: int) -> None:
        s, phases = self.s, self.spec.phases
        day, last = self.deal.calendar.dates[t - 1], len(self.spec.phases) - 1
        due = next((n for n, f in enumerate(phases) if f.until is None or day <= f.until), last)
        found = p.number(due)
        for row, phase in enumerate(phases[due + 1 :], start=due + 1):
            if phase.when is not None:
                held = s.holds(self.deal.formulas[phase.when])
                found = p.choose(held, p.number(row), found)
        found = p.highest(found, s.least)
        s.phase = self.cells.put("phase", "Phase", t, found, "count")
        stays = [n for n, phase in enumerate(phases) if phase.stays]
        s.least = s.phase
        if len(stays) < len(phases):
            kept = p.either(*(p.compare("==", s.phase, p.number(n)) for n in stays))
            least = p.choose(kept, s.phase, s.least)
            s.least = self.cells.put("least", "Gravest phase that stays", t, least, "count")

    def _call(self, t: int) -> Piece:
        """The pool is sold where a call is made; gives the proceeds."""
        s, put = self.s, self.cells.put
        if not self.spec.calls:
            return ZERO
        day, proceeds, before = self.deal.calendar.dates[t - 1], ZERO, s.called
        for name, call in self.spec.calls.items():
            if call.from_date is not None and day < call.from_date:
                continue
            made = [p.compare("==", s.called, ZERO), p.compare(">", s.pool, ZERO)]
            if call.when is not None:
                made.append(s.holds(self.deal.formulas[call.when]))
            price = p.times(s.pool, p.number(call.price))
            if call.needs_full_payment:
                owed = p.add(s.notes, *s.owed.values(), *s.accrued.values(), *s.fee.values())
                least = p.times(owed, p.number(1.0 - ENGINE_TOLERANCE))
                made.append(p.compare(">=", p.add(*s.cash.values(), price), least))
            label = f"Call {name}: loans sold"
            gone = put(f"sold {name}", label, t, p.choose(p.both(*made), s.pool, ZERO))
            got = put(
                f"got {name}", f"Call {name}: proceeds", t, p.times(gone, p.number(call.price))
            )
            proceeds = p.add(proceeds, got)
            s.pool = put(f"pool after {name}", f"Pool after call {name}", t, p.less(s.pool, gone))
            s.called = put(
                f"called {name}", f"Call {name}: made", t,
                p.choose(p.compare(">", gone, ZERO), ONE, s.called), "count",
            )  # fmt: skip
        if s.called is not before:
            account = self.spec.collections.principal
            label = f"Account {self.given.tell(account)} after a sale"
            cash = p.add(s.cash[account], proceeds)
            s.cash[account] = put(f"after sale {account}", label, t, cash)
        return proceeds

    # --- the close --------------------------------------------------------------------------

    def _close(self, t: int, steps: Steps, came: Piece) -> None:
        s, put, tell = self.s, self.cells.put, self.given.tell
        outside = put("outside", "Paid out of the deal", t, p.add(*steps.outside))
        bought = put("bought", "Loans bought", t, p.add(*steps.bought))
        self.loans.bought.append(bought)
        if self.spec.calls:
            # Once it is sold a pool brings nothing more; a deal that stands called is not sold now.
            gone = s.called if self._sells() else ZERO
            self.sold = put("gone", "Pool sold", t, gone, "count") if not gone.constant else gone
            self.loans.gone.append(self.sold)
        s.pool = put("pool", "Pool", t, s.pool)
        for name in self.spec.tranches:
            self._close_class(name, t)
            for pay, what in (
                ("interest", "Interest paid"), ("principal", "Principal paid"),
                ("residual", "Residual paid"), ("write_off", "Written off in the period"),
            ):  # fmt: skip
                parts = steps.flows.get((pay, name))
                if parts is not None:
                    put(f"{pay} {name}", f"{what}: {tell(name)}", t, p.add(*parts))
        for name in self.spec.fees:
            paid = p.add(*steps.flows.get(("fee", name), []))
            put(f"fee paid {name}", f"Fee {tell(name)}: paid", t, paid)
            s.fee[name] = put(f"fee {name}", f"Fee {tell(name)}: owed", t, s.fee[name])
        for name in self.deal.accounts:
            s.cash[name] = put(f"account {name}", f"Account {tell(name)}", t, s.cash[name])
        self._rolls(t, steps)
        kept = p.add(*s.cash.values())
        put("came", "Cash at the start and what came in", t, came)
        put("kept", "Paid out, and cash at the close", t, p.add(outside, kept))
        came_cell, kept_cell = (cells_at(self.cells, key, t) for key in ("came", "kept"))
        put("gap", "Cash in less cash out", t, p.rounded(p.less(came_cell, kept_cell)))

    def _rolls(self, t: int, steps: Steps) -> None:
        """What a class changed by and nothing says, by class."""
        for name in self.spec.tranches:
            before, after = (cells_at(self.cells, f"balance {name}", at) for at in (t - 1, t))
            more = [before, *steps.flows.get(("write_up", name), [])]
            if f"accreted {name}" in self.cells.rows and self.deal.calendar.pays[t - 1]:
                more.append(cells_at(self.cells, f"accreted {name}", t))
            gone = [
                *steps.flows.get(("principal", name), []),
                *steps.flows.get(("write_off", name), []),
            ]
            gap = p.less(p.less(p.add(*more), p.add(*gone)), after)
            label = f"Roll forward: {self.given.tell(name)}"
            self.cells.put(f"roll {name}", label, t, p.rounded(gap))

    def _sells(self) -> bool:
        return not (self.spec.opening is not None and self.spec.opening.called)

    def _reset(self, t: int) -> None:
        """Begin an interest period: sums at zero, coupons set."""
        s = self.s
        s.collected = dict.fromkeys(_COLLECTED, ZERO)
        s.delinquent = ZERO
        s.pool_opening = s.pool
        s.levels = {name: cells[t] for name, cells in self.known.levels.items()}
        for name, each in self.spec.tranches.items():
            if each.kind == "floating" and each.index is not None:
                level = p.add(s.levels[each.index], s.live("margin", name, each.margin))
                coupon = p.highest(p.number(each.floor), p.lowest(level, p.number(each.cap)))
                label = f"Coupon of the next period: {self.given.tell(name)}"
                s.coupon[name] = self.cells.put(f"coupon {name}", label, t, coupon, "rate")
            elif each.available_cap is not None:
                s.coupon[name] = s.live("coupon", name, each.coupon)


def cells_at(cells: Workings, key: str, period: int) -> Piece:
    """A cell of a line, as it stands in formulas."""
    return Piece(cells.at(key, period).local, cells.value(key, period))


def _mean(parts: list[Piece]) -> Piece:
    if len(parts) == 1:
        return parts[0]
    return p.over(p.add(*parts), p.number(len(parts)))
