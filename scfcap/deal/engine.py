"""One pass through time over a deal, all scenarios at once.

In a period: the loans are collected into their accounts, idle cash earns its yield, and interest,
fees and hedges accrue. On a payment date what has accrued falls due, measures and triggers are
found, calls are made, the phase is set, and the steps of the phase's waterfall follow in order. In
other periods only the steps of settlement are made. Money is checked at the end of each period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from scfcap.deal.assets import Assets
from scfcap.deal.book import share
from scfcap.deal.outcome import DealRun
from scfcap.deal.payments import pay, to_cents
from scfcap.deal.recording import Record
from scfcap.deal.starting import opening_book
from scfcap.deal.structure import COLLECTION, Deal, Step
from scfcap.deal.surroundings import Surroundings
from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray
from scfcap.schema.deal_parts import FeeSpec, TrancheSpec, TriggerSpec

__all__ = ["Surroundings", "run_deal"]


def run_deal(
    deal: Deal,
    assets: Assets,
    around: Surroundings | None = None,
    balances: FloatArray | None = None,
    *,
    cash: FloatArray | None = None,
    trace: bool = False,
    watch: Sequence[str] = (),
) -> DealRun:
    """Run ``deal`` on ``assets`` over its calendar.

    ``balances`` [J, K] are original balances by scenario, instead of those that the deal states;
    ``cash`` [A, K] what the accounts hold at the start, instead of what the deal says.
    With ``trace`` each step's due, available and paid are kept; ``watch`` names words whose value
    after each step is kept too.

    Raises:
        InvariantError: money does not tie, or an account or balance is below zero.
    """
    run = _Run(deal, assets, around or Surroundings(), balances, trace, tuple(watch))
    if cash is not None:
        run.record.starts(cash)
    return run.whole()


class _Run:
    """A run in progress."""

    def __init__(
        self,
        deal: Deal,
        assets: Assets,
        around: Surroundings,
        balances: FloatArray | None,
        trace: bool,
        watch: tuple[str, ...],
    ) -> None:
        self.deal, self.assets, self.around = deal, assets, around
        self.spec = deal.spec
        bases = {name: partial(base.amount, assets) for name, base in self.around.bases.items()}
        start = {name: levels[:, 0] for name, levels in self.around.indices.items()}
        self.book, closing = opening_book(deal, assets.opening(), balances, bases, start)
        self.record = Record(self.book, closing, watch, trace=trace)
        self.streak = np.zeros((2, len(self.spec.triggers), self.book.size), dtype=np.int64)
        self.past: dict[str, deque[FloatArray]] = {
            name: deque(maxlen=each.mean_of) for name, each in self.spec.measures.items()
        }
        self.stays = np.array([phase.stays for phase in self.spec.phases])
        self.least = np.where(self.stays[self.book.phase], self.book.phase, 0)
        self._resume()
        self.years: dict[str, FloatArray] = {
            day_count: deal.calendar.years(day_count)
            for day_count in {
                self.spec.day_count,
                *(each.day_count for each in self.spec.tranches.values() if each.day_count),
                *(each.day_count for each in self.spec.hedges.values() if each.day_count),
            }
        }
        self._reset()
        self.bearing = share(self.book.accrued, self.book.coupon)

    def _resume(self) -> None:
        """What a deal that stands has seen of its measures and tests."""
        opening = self.spec.opening
        if opening is None:
            return
        for name, values in opening.measures.items():
            if not values:
                continue
            self.past[name].extend(np.full(self.book.size, value) for value in values)
            self.book.measures[name] = np.mean(self.past[name], axis=0)
        for row, seen in enumerate((opening.breaches, opening.cures)):
            for x, name in enumerate(self.spec.triggers):
                self.streak[row, x] = seen.get(name, 0)
        if opening.reached is not None:
            reached = [phase.name for phase in self.spec.phases].index(opening.reached)
            self.least = np.maximum(self.least, reached)

    def whole(self) -> DealRun:
        """All periods."""
        for period in range(1, len(self.deal.years) + 1):
            self._period(period)
        return self.record.result(self.assets)

    # --- a period ---------------------------------------------------------------------------

    def _period(self, period: int) -> None:
        book, t = self.book, period - 1
        book.period = period
        book.paid, book.short = {}, {}
        before = book.cash.sum(axis=0)
        bases = [book.notional(name) for name in self.spec.tranches]
        self._originator()
        received = self._collect()
        self._accrue(bases)
        pays = bool(self.deal.calendar.pays[t])
        if pays:
            book.payment += 1
            received = received + self._fall_due()
            self._measure()
            self._triggers("before payments")
            received = received + self._call()
            self._set_phase()
        self.record.ready()
        outside, drawn = np.zeros(book.size), np.zeros(book.size)
        for step, active in self._steps(pays):
            paid = pay(book, step, self.assets, active)
            self.record.step(step, paid, active)
            outside += paid.outside
            drawn += paid.drawn
        self._close(pays)
        self._check(before + received + drawn - outside, before + received)

    def _originator(self) -> None:
        fails = self.around.originator_fails
        if fails is not None:
            self.book.originator_default = (fails > 0) & (fails <= self.book.period)

    def _collect(self) -> FloatArray:
        """Collections and the yield of idle cash; gives what came in [K]."""
        book, to, period = self.book, self.spec.collections, self.book.period
        earned, held = np.zeros(book.size), book.cash.copy()
        year = float(self.deal.calendar.grid.year_fractions[period - 1])
        for name, spec in self.spec.accounts.items():
            if spec.earns:
                amount = self._due(held[book.account(name)] * (spec.earns * year))
                book.cash[book.account(spec.interest_to or COLLECTION)] += amount
                earned = earned + amount
        flows = self.assets.collect(period)
        book.take(flows)
        for name, amount in (
            (to.interest, flows.interest),
            (to.principal, flows.principal),
            (to.recovery, flows.recovery),
        ):
            book.cash[book.account(name)] += amount
        least = book.cash.min(axis=0)
        self._refuse(~(least >= 0.0), "what the loans bring leaves an account below zero", least)
        self.record.put(
            interest=flows.interest,
            principal_collected=flows.principal,
            recovery=flows.recovery,
            default=flows.default,
            delinquent=flows.delinquent,
            cash_yield=earned,
        )
        if flows.exchanged is not None:
            self.record.put(exchanged=flows.exchanged)
        return np.asarray(earned + flows.cash)

    def _accrue(self, bases: Sequence[FloatArray]) -> None:
        """Interest of the period on ``bases`` [J] of [K], balances and notionals at its start."""
        book, spec, t = self.book, self.spec, self.book.period - 1
        for row, each in enumerate(spec.tranches.values()):
            if each.kind in ("zero", "equity"):
                continue
            year = self.years[each.day_count or spec.day_count][t]
            base = bases[row]
            if each.interest_on_shortfall:
                base = base + book.owed[row]
            self.bearing[row] += base * year
            book.accrued[row] += base * book.coupon[row] * year
        year = self.years[spec.day_count][t]
        for row, fee in enumerate(spec.fees.values()):
            if fee.formula is None and (fee.rate or fee.amount or fee.floor):
                due = fee.amount + fee.rate * book.number(self.deal.formulas[fee.of])
                due = self._asked(fee, due)
                due = np.maximum(due, fee.floor)
                if fee.cap is not None:
                    due = np.minimum(due, fee.cap)
                book.fee_accrued[row] += due * year
            if fee.arrears_rate:
                book.fee_accrued[row] += book.fee[row] * (fee.arrears_rate * year)
        for row, (name, line) in enumerate(spec.lines.items()):
            rate = np.maximum(line.rate + (self._index(line.index) if line.index else 0.0), 0.0)
            book.line_owed[row] += self._due(book.drawn[row] * rate * year)
            if line.fee_rate:
                book.line_owed[row] += self._due(book.undrawn(name) * (line.fee_rate * year))

    def _asked(self, fee: FeeSpec, due: FloatArray) -> FloatArray:
        """What a fee comes to where another party services the loans [K]."""
        if self.around.servicer_fee is None or not fee.to_originator:
            return due
        return due * self.around.servicer_fee[:, self.book.period - 1]

    def _index(self, name: str) -> FloatArray:
        """Level set at the last payment date [K]."""
        return self.book.indices[name]

    def _fall_due(self) -> FloatArray:
        """What has accrued falls due; gives what hedges pay the deal [K]."""
        book, day = self.book, self.deal.calendar.dates[self.book.period - 1]
        book.fee += self._due(book.fee_accrued)
        book.fee_accrued[:] = 0.0
        for row, (name, each) in enumerate(self.spec.tranches.items()):
            if each.first_interest is not None and day < each.first_interest:
                continue
            due = self._due(self._available(row, each))
            book.accrued[row], self.bearing[row] = 0.0, 0.0
            if each.kind == "accrual":
                keeps = self._accretes(name)
                book.balance[row] += np.where(keeps, due, 0.0)
                self.record.tranche("accreted")[row] += np.where(keeps, due, 0.0)
                due = np.where(keeps, 0.0, due)
            book.owed[row] += due
            self.record.tranche("interest_due")[row] = book.owed[row]
        for row, fee in enumerate(self.spec.fees.values()):
            if fee.formula is not None:
                due = np.maximum(book.number(self.deal.formulas[fee.formula]), 0.0)
                due = self._asked(fee, due)
                most = np.inf if fee.cap is None else fee.cap * book.years
                book.fee[row] += self._due(np.clip(due, fee.floor * book.years, most))
        return self._settle_hedges()

    def _due(self, amount: FloatArray) -> FloatArray:
        """An amount as it falls due: in whole cents where the deal pays in them."""
        return to_cents(amount) if self.spec.cents else amount

    def _available(self, row: int, spec: TrancheSpec) -> FloatArray:
        """Interest that has accrued to a class, within its cap of available funds [K]."""
        book = self.book
        accrued: FloatArray = book.accrued[row].copy()
        if spec.available_cap is None:
            return accrued
        most = np.maximum(book.number(self.deal.formulas[spec.available_cap]), 0.0)
        book.coupon[row] = np.minimum(book.coupon[row], most)
        return np.asarray(np.minimum(accrued, most * self.bearing[row]))

    def _accretes(self, name: str) -> BoolArray:
        spec = self.spec.tranches[name]
        if spec.accretes_while is not None:
            return self.book.holds(self.deal.formulas[spec.accretes_while])
        row = self.book.tranche(name)
        stands = self.book.balance[:row] > ENGINE_TOLERANCE * self.book.original[:row]
        return np.asarray(stands[self.book.debt[:row]].any(axis=0))

    def _settle_hedges(self) -> FloatArray:
        """Net payments of hedges; gives what comes in [K]."""
        book, received = self.book, np.zeros(self.book.size)
        day = self.deal.calendar.dates[book.period - 1]
        for row, hedge in enumerate(self.spec.hedges.values()):
            if hedge.ends is not None and day > hedge.ends:
                continue
            lengths = self.years[hedge.day_count or self.spec.day_count]
            years = float(lengths[self.deal.calendar.interest_period(book.period)].sum())
            got = self._leg(hedge.receive_rate, hedge.receive_index, hedge.receive_margin)
            if hedge.kind == "swap":
                net = got - self._leg(hedge.pay_rate, hedge.pay_index, hedge.pay_margin)
            else:
                gap = got - hedge.strike
                net = np.maximum(gap if hedge.kind == "cap" else -gap, 0.0)
            net = self._due(net * book.hedge_accrued[row] * years)
            got = np.maximum(net, 0.0)
            book.cash[book.account(hedge.to)] += got
            book.hedge[row] += np.maximum(-net, 0.0)
            received = received + got
        if self.spec.hedges:
            self.record.put(hedge_received=received)
        return received

    def _leg(self, rate: float, index: str | None, margin: float) -> FloatArray:
        if index is None:
            return np.full(self.book.size, rate)
        return self._index(index) + margin

    def _measure(self) -> None:
        for m, (name, spec) in enumerate(self.spec.measures.items()):
            self.past[name].append(self.book.number(self.deal.formulas[spec.of]))
            self.book.measures[name] = np.mean(self.past[name], axis=0)
            self.record.measure(m, self.book.measures[name])

    def _triggers(self, when: str) -> None:
        book = self.book
        for x, trigger in enumerate(self.spec.triggers.values()):
            if trigger.when != when:
                continue
            book.tripped[x] = self._tripped(x, trigger)

    def _tripped(self, x: int, trigger: TriggerSpec) -> BoolArray:
        book, on = self.book, self.book.tripped[x]
        over = book.holds(self.deal.formulas[trigger.test])
        over = over & (book.payment >= trigger.from_payment)
        self.streak[0, x] = np.where(over, self.streak[0, x] + 1, 0)
        trips = self.streak[0, x] >= trigger.after
        if trigger.cure is None:
            return np.asarray(on | trips)
        good = book.holds(self.deal.formulas[trigger.cure]) & on
        self.streak[1, x] = np.where(good, self.streak[1, x] + 1, 0)
        cured = self.streak[1, x] >= trigger.cured_after
        return np.asarray(np.where(on, ~cured, trips))

    def _set_phase(self) -> None:
        book = self.book
        day = self.deal.calendar.dates[book.period - 1]
        phases = self.spec.phases
        last = len(phases) - 1
        due = next((n for n, p in enumerate(phases) if p.until is None or day <= p.until), last)
        found = np.full(book.size, due, dtype=np.int64)
        for row, phase in enumerate(phases[due + 1 :], start=due + 1):
            if phase.when is not None:
                found = np.where(book.holds(self.deal.formulas[phase.when]), row, found)
        book.phase = np.maximum(found, self.least)
        self.least = np.where(self.stays[book.phase], book.phase, self.least)

    def _call(self) -> FloatArray:
        """Sell the pool where a call is made; gives the proceeds [K]."""
        book, day = self.book, self.deal.calendar.dates[self.book.period - 1]
        proceeds, sold = np.zeros(book.size), np.zeros(book.size)
        for call in self.spec.calls.values():
            made = (book.called == 0) & (book.pool > 0.0)
            if call.from_date is not None and day < call.from_date:
                continue
            if call.when is not None:
                made = made & book.holds(self.deal.formulas[call.when])
            price = book.pool * call.price
            if call.needs_full_payment:
                owed = book.notes + (book.owed + book.accrued).sum(axis=0) + book.fee.sum(axis=0)
                owed = owed + (book.drawn + book.line_owed).sum(axis=0) + book.hedge.sum(axis=0)
                made = made & (book.cash.sum(axis=0) + price >= owed * (1.0 - ENGINE_TOLERANCE))
            if not made.any():
                continue
            gone = self.assets.sell(book.period, made)
            sold, proceeds = sold + gone, proceeds + gone * call.price
            book.pool = book.pool - gone
            book.called = np.where(gone > 0.0, book.period, book.called)
        if sold.any():
            book.cash[book.account(self.spec.collections.principal)] += proceeds
            self.record.put(sold=sold, proceeds=proceeds)
        return proceeds

    # --- steps ------------------------------------------------------------------------------

    def _steps(self, pays: bool) -> Iterator[tuple[Step, BoolArray | None]]:
        """The steps of the period, each with the scenarios whose phase it belongs to, None: all."""
        part = self.deal.waterfall if pays else self.deal.settlement
        there = np.bincount(self.book.phase, minlength=len(self.spec.phases)) > 0
        rows = np.flatnonzero(there)
        for row in rows:
            active = None if len(rows) == 1 else self.book.phase == row
            for step in part[self.spec.phases[row].name]:
                yield step, active

    # --- the close --------------------------------------------------------------------------

    def _close(self, pays: bool) -> None:
        if pays:
            self._triggers("after payments")
        self.record.close()
        if pays:
            self._reset()

    def _reset(self) -> None:
        """Begin an interest period: sums at zero, coupons and notionals set."""
        book, period = self.book, self.book.period
        none = np.zeros(book.size)
        book.collected = dict.fromkeys(
            ("interest", "principal", "recovery", "default", "delinquent"), none
        )
        book.pool_opening = book.pool
        for name, levels in self.around.indices.items():
            book.indices[name] = np.broadcast_to(levels[:, period], (book.size,))
        for row, each in enumerate(self.spec.tranches.values()):
            if each.kind == "floating" and each.index is not None:
                level = self._index(each.index) + each.margin
                book.coupon[row] = np.clip(level, each.floor, each.cap)
            elif each.available_cap is not None:
                book.coupon[row] = each.coupon
        for row, hedge in enumerate(self.spec.hedges.values()):
            book.hedge_accrued[row] = book.number(self.deal.formulas[hedge.notional])

    def _check(self, expected: FloatArray, came: FloatArray) -> None:
        """Cash ties in each scenario; nothing is below zero."""
        book = self.book
        gap = expected - book.cash.sum(axis=0)
        size = np.maximum(came, 1.0)
        self._refuse(~(np.abs(gap) <= 4.0 * ENGINE_TOLERANCE * size), "cash unaccounted for", gap)
        least = np.minimum(book.cash.min(axis=0), book.balance.min(axis=0))
        self._refuse(least < 0.0, "an account or a tranche is below zero", least)

    def _refuse(self, wrong: BoolArray, what: str, amount: FloatArray) -> None:
        if wrong.any():
            k = int(np.argmax(wrong))
            msg = f"deal {self.deal.name}, period {self.book.period}, "
            msg += f"scenario {self.assets.scenarios[k]}: {what}: {amount[k]:.6g}"
            raise InvariantError(msg)
