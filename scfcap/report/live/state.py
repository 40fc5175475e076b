"""The books of a deal as formulas: what each word of its grammar is at a point of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from scfcap.deal.structure import COLLECTION
from scfcap.expressions import Expression
from scfcap.report.live import pieces as p
from scfcap.report.live.given import Given, What
from scfcap.report.live.pieces import ZERO, NotLive, Piece
from scfcap.report.live.words import figure, test

Sums = dict[str, Piece]
_COLLECTED = ("interest", "principal", "recovery", "default")


@dataclass
class State:
    """See :class:`scfcap.deal.book.Book`, whose figures these are; ``stated`` are live inputs."""

    given: Given
    stated: Mapping[tuple[What, str], Piece]
    cash: Sums
    balance: Sums
    original: Sums
    owed: Sums
    accrued: Sums
    bearing: Sums
    written_off: Sums
    coupon: Sums
    fee: Sums
    fee_accrued: Sums
    tripped: Sums
    streak: Sums
    cure: Sums
    phase: Piece
    least: Piece
    pool: Piece
    pool_opening: Piece
    pool_closing: Piece
    cumulative_default: Piece
    cumulative_recovery: Piece
    called: Piece
    collected: Sums = field(default_factory=lambda: dict.fromkeys(_COLLECTED, ZERO))
    delinquent: Piece = ZERO
    measures: Sums = field(default_factory=dict)
    levels: Sums = field(default_factory=dict)
    paid: Sums = field(default_factory=dict)
    short: Sums = field(default_factory=dict)
    years: Piece = ZERO
    payment: Piece = ZERO
    day: Piece = ZERO
    final: Piece = p.FALSE
    failed: Piece = p.FALSE

    def __post_init__(self) -> None:
        self.spec = self.given.deal.spec
        self.phases = tuple(phase.name for phase in self.spec.phases)
        self.debt = [name for name, each in self.spec.tranches.items() if each.kind != "equity"]

    # --- formulas ---------------------------------------------------------------------------

    def number(self, expression: Expression) -> Piece:
        """A formula's value; what is missing is 0."""
        return figure(expression, self.word, self.phases)

    def holds(self, expression: Expression) -> Piece:
        """Whether a test is true; what is undetermined is not."""
        return test(expression, self.word, self.phases)

    def formula(self, text: str) -> Piece:
        """A formula of the deal outside its steps."""
        return self.number(self.given.deal.formulas[text])

    def amount(self, stated: float | str | None) -> Piece:
        """An amount that is stated, or a formula of the deal."""
        if isinstance(stated, str):
            return self.formula(stated)
        return p.number(stated or 0.0)

    def live(self, what: What, name: str, value: float) -> Piece:
        """A figure of the terms: its input cell where there is one."""
        return self.stated.get((what, name), p.number(value))

    def target(self, name: str) -> Piece:
        """What an account should hold."""
        spec = self.spec.accounts.get(name)
        if spec is None or spec.target is None:
            return ZERO
        if isinstance(spec.target, str):
            return p.times(self.live("target times", name, 1.0), self.formula(spec.target))
        return self.live("target", name, spec.target)

    @property
    def notes(self) -> Piece:
        """Balance of all classes but equity."""
        return p.add(*(self.balance[name] for name in self.debt))

    def notional(self, name: str) -> Piece:
        """What a class bears interest on."""
        spec = self.spec.tranches[name]
        return self.balance[name] if spec.notional is None else self.formula(spec.notional)

    def principal_cash(self) -> Piece:
        """Cash in the account of principal."""
        return self.cash[self.spec.collections.principal]

    # --- words ------------------------------------------------------------------------------

    def word(self, name: str) -> Piece:
        """The value of a word of the deal's grammar."""
        family, dot, key = name.partition(".")
        if not dot:
            return _PLAIN[name](self)
        if family not in _NAMED:
            msg = f"the word {name}"
            raise NotLive(msg)
        return _NAMED[family](self, key)

    def a_year(self, amount: Piece) -> Piece:
        """``amount`` of an interest period, a year and of the opening pool."""
        return p.share(amount, p.times(self.pool_opening, self.years))

    def losses(self) -> Piece:
        """Defaults less recoveries since the last payment date."""
        return p.less(self.collected["default"], self.collected["recovery"])

    def excess_spread(self) -> Piece:
        """See :meth:`scfcap.deal.book.Book.excess_spread`."""
        due = p.add(*self.fee.values(), *self.owed.values())
        return self.a_year(p.less(p.less(self.collected["interest"], due), self.losses()))

    def cover(self) -> Piece:
        """What pool and cash of principal have above the notes, of the pool."""
        above = p.less(p.add(self.pool, self.principal_cash()), self.notes)
        return p.share(above, self.pool)

    def owed_to(self, name: str) -> Piece:
        """Interest that a class is owed."""
        if name not in self.owed:
            msg = f"what line {name} is owed"
            raise NotLive(msg)
        return self.owed[name]


_PLAIN: Mapping[str, Callable[[State], Piece]] = {
    "pool": lambda s: s.pool,
    "pool_opening": lambda s: s.pool_opening,
    "pool_at_closing": lambda s: s.pool_closing,
    "notes": lambda s: s.notes,
    "notes_at_closing": lambda s: p.add(*(s.original[name] for name in s.debt)),
    "collected_interest": lambda s: s.collected["interest"],
    "collected_principal": lambda s: s.collected["principal"],
    "collected_recovery": lambda s: s.collected["recovery"],
    "collected": lambda s: p.add(
        *(s.collected[name] for name in ("interest", "principal", "recovery"))
    ),
    "defaults": lambda s: s.collected["default"],
    "losses": lambda s: s.losses(),
    "cumulative_default": lambda s: s.cumulative_default,
    "cumulative_loss": lambda s: p.less(s.cumulative_default, s.cumulative_recovery),
    "delinquent": lambda s: s.delinquent,
    "default_rate": lambda s: s.a_year(s.collected["default"]),
    "delinquency_rate": lambda s: p.share(s.delinquent, s.pool),
    "excess_spread": lambda s: s.excess_spread(),
    "overcollateralization": lambda s: s.cover(),
    "idle_share": lambda s: p.share(s.principal_cash(), s.notes),
    "payment": lambda s: s.payment,
    "years": lambda s: s.years,
    "date": lambda s: s.day,
    "phase": lambda s: s.phase,
    "originator_default": lambda s: s.failed,
    "called": lambda s: p.compare("!=", s.called, ZERO),
    "final": lambda s: s.final,
}
_NAMED: Mapping[str, Callable[[State, str], Piece]] = {
    "balance": lambda s, n: s.balance[n],
    "original": lambda s, n: s.original[n],
    "owed": lambda s, n: s.owed_to(n),
    "written_off": lambda s, n: s.written_off[n],
    "coupon": lambda s, n: s.coupon[n],
    "account": lambda s, n: s.cash[n],
    "target": lambda s, n: s.target(n),
    "fee": lambda s, n: s.fee[n],
    "index": lambda s, n: s.levels[n],
    "measure": lambda s, n: s.measures.get(n, ZERO),
    "trigger": lambda s, n: p.on(s.tripped[n]),
    "paid": lambda s, n: s.paid.get(n, ZERO),
    "short": lambda s, n: s.short.get(n, ZERO),
}


def opened(given: Given, stated: Mapping[tuple[What, str], Piece], pool: Piece) -> State:
    """The books at the start (see :mod:`scfcap.deal.starting`); ``pool`` performs then."""
    deal, spec = given.deal, given.deal.spec
    stands = spec.opening
    size = pool if stands is None else p.number(stands.pool_at_closing)
    original, balance, coupon = {}, {}, {}
    for name, each in spec.tranches.items():
        if each.balance is not None:
            amount = p.number(each.balance)
            if stands is None or given.kind == "series":
                amount = stated.get(("balance", name), amount)
        else:
            part = p.number(each.share or 0.0)
            part = stated.get(("share", name), part) if stands is None else part
            amount = p.times(part, size)
        original[name] = balance[name] = amount
        fixed = each.kind in ("fixed", "accrual", "interest_only")
        coupon[name] = stated.get(("coupon", name), p.number(each.coupon)) if fixed else ZERO
    triggers, none = dict.fromkeys(spec.triggers, ZERO), dict.fromkeys(spec.tranches, ZERO)
    state = State(
        given, stated,
        cash=dict.fromkeys(deal.accounts, ZERO), balance=balance, original=original,
        owed=dict(none), accrued=dict(none), bearing=dict(none), written_off=dict(none),
        coupon=coupon, fee=dict.fromkeys(spec.fees, ZERO),
        fee_accrued=dict.fromkeys(spec.fees, ZERO),
        tripped=dict(triggers), streak=dict(triggers), cure=dict(triggers),
        phase=ZERO, least=ZERO, pool=pool, pool_opening=pool, pool_closing=size,
        cumulative_default=ZERO, cumulative_recovery=ZERO, called=ZERO,
        day=p.day(deal.calendar.start),
    )  # fmt: skip
    state.final = p.truth(spec.legal_end is not None and deal.calendar.start >= spec.legal_end)
    if stands is None:
        for name, account in spec.accounts.items():
            state.cash[name] = state.amount(account.initial)
    else:
        _stands(state)
    return state


def _stands(state: State) -> None:
    """The deal's opening, put into ``state``."""
    spec, stands = state.spec, state.spec.opening
    assert stands is not None
    for name in spec.tranches:
        balance = p.number(stands.balances.get(name, 0.0))
        state.balance[name] = state.stated.get(("balance", name), balance)
        state.owed[name] = p.number(stands.owed.get(name, 0.0))
        if ("owed", name) in state.stated:
            state.owed[name] = p.times(state.stated["owed", name], state.balance[name])
        state.written_off[name] = p.number(stands.written_off.get(name, 0.0))
        state.accrued[name] = p.number(stands.accrued.get(name, 0.0))
    for name in spec.fees:
        state.fee[name] = p.number(stands.owed.get(name, 0.0))
    for name in (COLLECTION, *spec.accounts):
        state.cash[name] = p.number(stands.accounts.get(name, 0.0))
    for name in spec.triggers:
        state.tripped[name] = p.flag(p.truth(name in stands.tripped))
        state.streak[name] = p.number(stands.breaches.get(name, 0))
        state.cure[name] = p.number(stands.cures.get(name, 0))
    names = [phase.name for phase in spec.phases]
    at = 0 if stands.phase is None else names.index(stands.phase)
    least = at if spec.phases[at].stays else 0
    if stands.reached is not None:
        least = max(least, names.index(stands.reached))
    state.phase, state.least = p.number(at), p.number(least)
    state.called = p.number(-int(stands.called))
    state.cumulative_default = p.number(stands.cumulative_default)
    state.cumulative_recovery = p.number(stands.cumulative_default - stands.cumulative_loss)
