"""Every step of a traced run made again from what stood before it.

A run that watches the words of :func:`~scfcap.testing.deal_checks.audit_words` shows the books
after each step. What the step took from each source and gave to each creditor is the difference,
and must be what its terms say: all steps of all scenarios, without the engine's payments.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scfcap.deal.outcome import DealRun
from scfcap.deal.structure import Step
from scfcap.quantities import BoolArray, FloatArray
from scfcap.testing.deal_checks import audit_words, before, refuse, turnover

Books = Mapping[str, FloatArray]
#: The words of what an action pays off, or moves, by action.
_DEBT = {
    "fee": ("fee",), "interest": ("owed",), "principal": ("balance",), "hedge": ("hedge",),
    "line": ("owed", "drawn"), "write_off": ("balance",), "write_up": ("written_off",),
}  # fmt: skip
#: What an action that moves no cash adds to.
_GIVES = {"write_off": "written_off", "write_up": "balance"}
#: What floats may leave of a step, as a share of the period's turnover.
_SMALL = 1e-9


def assert_steps_audited(run: DealRun) -> None:
    """Each step took what it paid from its sources in their order, and from nothing else; gave it
    to those it names, by its split; and paid neither more than is due nor more than is there.

    Raises:
        ValueError: the run did not watch all of :func:`~scfcap.testing.deal_checks.audit_words`.
    """
    if run.watched is None or set(audit_words(run.deal.spec)) - set(run.watch):
        msg = "the run must be traced with watch=audit_words(spec)"
        raise ValueError(msg)
    size = np.maximum(turnover(run), run.original.sum(axis=0)[:, None])
    lists = ((run.deal.waterfall, run.deal.calendar.pays),
             (run.deal.settlement, ~run.deal.calendar.pays))  # fmt: skip
    for part, there in lists:
        for place, phase in enumerate(run.deal.spec.phases):
            mine = np.equal(run.phase.T, place) & there
            books = _ready(run)
            for step in part[phase.name]:
                after = _after(run, step)
                _Audit(run, step, books, after, mine, size).all()
                books = after


def _after(run: DealRun, step: Step) -> Books:
    """The books after a step [K, T] by word."""
    assert run.watched is not None
    return {word: run.watched[w, step.row].T for w, word in enumerate(run.watch)}


def _ready(run: DealRun) -> Books:
    """The books before the first step, as far as a run keeps them; NaN where it does not."""
    assert run.ready is not None
    unknown = np.full(run.phase.T.shape, np.nan)
    books = dict.fromkeys(run.watch, unknown)
    for a, name in enumerate(run.deal.accounts):
        books[f"account.{name}"] = run.ready[:, a].T
    for j, name in enumerate(run.deal.tranches):
        was = before(run.opening[j], run.of("balance", name))
        books[f"balance.{name}"] = was + run.of("accreted", name)
    for row, name in enumerate(run.deal.spec.lines):
        books[f"drawn.{name}"] = before(run.drawn_start[row], run.drawn[:, row].T)
    return books


class _Audit:
    """One step, in the periods and scenarios in which its list is made [K, T]."""

    def __init__(
        self, run: DealRun, step: Step, was: Books, now: Books, mine: BoolArray, size: FloatArray
    ) -> None:
        assert run.trace is not None
        self.run, self.step, self.was, self.now, self.mine = run, step, was, now, mine
        self.small = _SMALL * size
        self.due, self.there, self.paid = (each.T for each in run.trace[:, step.row])
        self.moves = step.spec.pay not in _GIVES

    def all(self) -> None:
        """Each thing that must hold."""
        self._refuse(self.paid - self.due, "paid more than is due, by")
        if self.moves:
            self._refuse(self.paid - self.there, "paid more than is there, by")
            self._sources()
        self._debts()
        self._split()
        self._others()
        short = np.minimum(self.due, self.there) if self.moves else self.due
        cent = 0.01 * max(len(self.step.spec.targets), 1) if self.run.deal.spec.cents else 0.0
        if self.step.spec.pay != "purchase":
            self._refuse(short - self.paid - cent, "paid less than is due and there, by")

    def _refuse(self, over: FloatArray, what: str, whom: str = "") -> None:
        wrong = self.mine & (over > self.small)
        whom = f"step {self.step.label}{', ' * bool(whom)}{whom}"
        phase = self.run.deal.spec.phases[self.step.phase].name
        refuse(self.run, what, wrong, over, f"phase {phase}, {whom}")

    def _change(self, word: str) -> FloatArray:
        """Growth of a word by the step; NaN where it was not known before."""
        return self.now[word] - self.was[word]

    def _received(self, account: str) -> FloatArray:
        """What the step itself puts into an account."""
        spec = self.step.spec
        if spec.pay not in ("account", "transfer") or account not in spec.targets:
            return np.zeros_like(self.paid)
        if len(spec.targets) == 1:
            return np.asarray(self.paid)
        return np.maximum(self._change(f"account.{account}"), 0.0)

    def _taken(self, source: str) -> FloatArray:
        if source in self.run.deal.spec.lines:
            return self._change(f"drawn.{source}")
        return self._received(source) - self._change(f"account.{source}")

    def _sources(self) -> None:
        """The sources gave what was paid, the first as far as they could."""
        spec = self.step.spec
        taken = {source: self._taken(source) for source in spec.sources}
        self._refuse(
            np.abs(sum(taken.values()) - self.paid), "sources gave other than was paid, by"
        )
        for place, source in enumerate(spec.sources[:-1]):
            later = sum(taken[name] for name in spec.sources[place + 1 :])
            if place == 0 and spec.keep is not None:
                continue
            if source in self.run.deal.spec.lines:
                left = self.now[f"undrawn.{source}"]
            else:
                left = self.now[f"account.{source}"] - self._received(source)
            self._refuse(np.minimum(later, left), "a later source paid before it was empty", source)

    def _owing(self, name: str, books: Books) -> FloatArray:
        """What one whom the step names was owed."""
        owed = [books[f"{word}.{name}"] for word in _DEBT[self.step.spec.pay]]
        return np.asarray(np.sum(owed, axis=0))

    def _debts(self) -> None:
        """What was paid is off the debts."""
        spec = self.step.spec
        if spec.pay not in _DEBT:
            return
        off = sum(
            self._owing(name, self.was) - self._owing(name, self.now) for name in spec.targets
        )
        self._refuse(np.abs(off - self.paid), "debts fell by other than was paid, by")
        if spec.pay in _GIVES:
            gave = sum(self._change(f"{_GIVES[spec.pay]}.{name}") for name in spec.targets)
            self._refuse(np.abs(gave - self.paid), "what was moved did not arrive, by")

    def _split(self) -> None:
        """In order: none is paid before those ahead of it; pro rata: all in the same share."""
        spec = self.step.spec
        plain = spec.by == "balance" and spec.pay in ("fee", "interest", "principal", "write_up")
        if not plain or len(spec.targets) < 2:
            return
        was = [self._owing(name, self.was) for name in spec.targets]
        left = [self._owing(name, self.now) for name in spec.targets]
        cent = 0.021 if self.run.deal.spec.cents else 0.0
        in_order = spec.split == "in order" or (spec.split is None and not self.moves)
        total = np.maximum(sum(was), 1e-12)
        for j, name in enumerate(spec.targets):
            paid = was[j] - left[j]
            if in_order and j:
                self._refuse(
                    np.minimum(paid, left[j - 1]) - cent, "paid before the one ahead", name
                )
            elif not in_order:
                fair = was[j] / total * self.paid
                self._refuse(np.abs(paid - fair) - cent, "another share than pro rata, by", name)

    def _others(self) -> None:
        """Nothing else moved."""
        spec = self.step.spec
        touched = {f"account.{name}" for name in spec.sources}
        touched |= {f"{word}.{name}" for name in spec.sources for word in ("drawn", "undrawn")}
        words = ("balance", "owed", "written_off", "fee", "hedge", "drawn", "undrawn", "account")
        touched |= {f"{word}.{name}" for name in spec.targets for word in words}
        for word in self.run.watch:
            if word not in touched and not word.startswith("undrawn."):
                self._refuse(np.abs(self._change(word)), "changed by a step that does not name it",
                             word)  # fmt: skip
