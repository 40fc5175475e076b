"""What a deal paid, to whom, and what it keeps, in every scenario."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap.brief import Brief, Lines, listed, money
from scfcap.deal.actuals import ActualAssets
from scfcap.deal.assets import Assets, LoanByLoan
from scfcap.deal.structure import Deal
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What is recorded by tranche.
BY_TRANCHE = ("balance", "interest_due", "interest_paid", "owed", "principal", "written_off",
              "written_up", "residual", "accreted")  # fmt: skip
#: What is recorded of the whole deal.
WHOLE = ("interest", "principal_collected", "recovery", "default", "purchases", "bought", "pool",
         "delinquent", "cash_yield", "hedge_received", "hedge_paid", "sold", "proceeds",
         "line_drawn", "line_paid", "released", "exchanged")  # fmt: skip


@dataclass(frozen=True)
class Closing:
    """What came in and went out at closing [currency], each [K]; zero for a deal that stands."""

    notes: FloatArray
    contribution: FloatArray
    pool: FloatArray
    accounts: FloatArray
    costs: FloatArray
    lines: FloatArray


@dataclass(frozen=True, repr=False)
class DealRun(Brief):
    """A run of a deal: K scenarios, T periods, J tranches (senior first), A accounts, F fees.

    ``tranche`` [quantity, T, J, K] and ``whole`` [quantity, T, K] in the order of
    :data:`BY_TRANCHE` and :data:`WHOLE` (``sold`` is a balance, ``proceeds`` what it brought,
    ``released`` what left the deal as residual to nobody named); ``cash`` [T, A, K], ``fee_paid``
    and ``fee_owed`` [T, F, K]; ``phase`` [T, K] rows of the deal's phases; ``tripped`` [T, X, K];
    ``measures`` [T, M, K]; ``called`` [K] period of a call, 0: none, -1: before the run. All in
    currency, at the close of the period or in it; ``start`` [A, K] is the cash of the accounts and
    ``pool_start`` [K] the performing loans and ``drawn_start`` [L, K] what is drawn on lines when
    the run begins. Where it was asked for, ``trace``
    [3, S, T, K] is due, available and paid of each step, ``ready`` [T, A, K] the cash of the
    accounts before the first step. ``exchanged`` is what substitutes for loans that the
    seller took back have more than those. ``assets`` are the loans as the run left them. ``bases``
    [2, T, L, K] is the borrowing base and the availability of each line at the close, 0 where it
    lends on no loans.
    """

    deal: Deal
    scenarios: tuple[str, ...]
    original: FloatArray
    opening: FloatArray
    closing: Closing
    tranche: FloatArray
    whole: FloatArray
    cash: FloatArray
    fee_paid: FloatArray
    fee_owed: FloatArray
    drawn: FloatArray
    phase: IntArray
    tripped: BoolArray
    measures: FloatArray
    called: IntArray
    pool_start: FloatArray
    drawn_start: FloatArray
    start: FloatArray
    trace: FloatArray | None = None
    ready: FloatArray | None = None
    watched: FloatArray | None = None
    watch: tuple[str, ...] = ()
    bases: FloatArray | None = None
    assets: Assets | None = field(default=None, repr=False)

    def _brief(self) -> tuple[str, Lines]:
        classes = [
            f"{name} {money(float(np.ravel(size)[0]))}"
            for name, size in zip(self.deal.tranches, self.original, strict=True)
        ]
        dates = self.deal.calendar.dates
        return f"Run of deal {self.deal.name}", [
            ("scenarios", listed(self.scenarios)),
            ("classes, original", listed(classes)),
            ("periods", f"{len(dates)}, to {dates[-1]}"),
        ]

    def of(self, quantity: str, tranche: str | None = None) -> FloatArray:
        """A quantity of :data:`BY_TRANCHE` [K, J, T], or of one tranche [K, T]; or of
        :data:`WHOLE` [K, T].
        """
        if quantity in BY_TRANCHE:
            found = self.tranche[BY_TRANCHE.index(quantity)].transpose(2, 1, 0)
            if tranche is not None:
                found = found[:, self.deal.tranches.index(tranche)]
            return np.asarray(found)
        return np.asarray(self.whole[WHOLE.index(quantity)].T)

    @property
    def legal_end(self) -> int:
        """Period (from 1) of the legal end, at most the last of the run."""
        end = self.deal.spec.legal_end
        if end is None:
            return len(self.deal.years)
        late = [t for t, day in enumerate(self.deal.calendar.dates, start=1) if day >= end]
        return late[0] if late else len(self.deal.years)

    @property
    def paid_in_full(self) -> BoolArray:
        """Whether each class has all its principal and interest by the legal end [K, J]."""
        t = self.legal_end - 1
        left = self.of("balance")[:, :, t] + self.of("owed")[:, :, t]
        lost = self.of("written_off")[:, :, : t + 1] - self.of("written_up")[:, :, : t + 1]
        left = left + lost.sum(axis=2) + self._lost_before
        return np.asarray(left <= 2.0 * ENGINE_TOLERANCE * np.maximum(self.original.T, 1.0))

    @property
    def _lost_before(self) -> FloatArray:
        """What was written off before the run [J]."""
        opening = self.deal.spec.opening
        before = {} if opening is None else opening.written_off
        return np.array([before.get(name, 0.0) for name in self.deal.tranches])

    @property
    def timely_interest(self) -> BoolArray:
        """Whether each class has had all interest on the date it was due, while it stood [K, J]."""
        t = self.legal_end
        size = ENGINE_TOLERANCE * np.maximum(self.original.T, 1.0)
        return np.asarray((self.of("owed")[:, :, :t] <= size[:, :, None]).all(axis=2))

    def to_frame(self, scenarios: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a scenario, period and tranche; amounts in currency."""
        chosen = [self.scenarios.index(name) for name in scenarios or self.scenarios]
        shape = (len(chosen), len(self.deal.tranches), len(self.deal.years))
        k, j, t = (axis.ravel() for axis in np.indices(shape))
        dates = np.array(self.deal.calendar.dates, dtype="datetime64[s]")
        phases = np.array([phase.name for phase in self.deal.spec.phases], dtype=object)
        return pd.DataFrame(
            {
                "deal": self.deal.name,
                "scenario": np.array(self.scenarios, dtype=object)[np.array(chosen)[k]],
                "tranche": np.array(self.deal.tranches, dtype=object)[j],
                "period": t + 1,
                "date": dates[t],
                "phase": phases[self.phase.T[chosen][k, t]],
                **{name: self.of(name)[chosen].ravel() for name in BY_TRANCHE},
            }
        )

    def cash_frame(self, scenarios: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a scenario and period: collections, purchases, fees, accounts; in currency."""
        chosen = [self.scenarios.index(name) for name in scenarios or self.scenarios]
        k, t = (axis.ravel() for axis in np.indices((len(chosen), len(self.deal.years))))
        dates = np.array(self.deal.calendar.dates, dtype="datetime64[s]")
        columns: dict[str, object] = {
            "deal": self.deal.name,
            "scenario": np.array(self.scenarios, dtype=object)[np.array(chosen)[k]],
            "period": t + 1,
            "date": dates[t],
            "pays": self.deal.calendar.pays[t],
        }
        columns |= {name: self.of(name)[chosen].ravel() for name in WHOLE}
        for f, name in enumerate(self.deal.spec.fees):
            columns[f"fee {name}"] = self.fee_paid[:, f, :].T[chosen].ravel()
        for a, name in enumerate(self.deal.accounts):
            columns[f"account {name}"] = self.cash[:, a, :].T[chosen].ravel()
        for row, (name, line) in enumerate(self.deal.spec.lines.items()):
            columns[f"drawn {name}"] = self.drawn[:, row].T[chosen].ravel()
            if line.has_base and self.bases is not None:
                for place, what in enumerate(("borrowing base", "availability")):
                    columns[f"{what} {name}"] = self.bases[place, :, row].T[chosen].ravel()
        return pd.DataFrame(columns)

    def loans_frame(self, scenarios: Sequence[str] | None = None) -> pd.DataFrame:
        """What each whole loan cost and paid: one row a scenario and loan, in currency.

        See :meth:`~scfcap.deal.loan_assets.LoanAssets.ledger`; empty for a deal that buys shares
        of what is lent.
        """
        past = self.assets.past if isinstance(self.assets, ActualAssets) else 0
        assets = self.assets.projected if isinstance(self.assets, ActualAssets) else self.assets
        if not isinstance(assets, LoanByLoan):
            return pd.DataFrame()
        frames = []
        for name in scenarios or self.scenarios:
            frame = assets.ledger(name)
            frame["period"] += past
            frame.loc[frame["left"] > 0, "left"] += past
            frame.insert(0, "scenario", name)
            frame.insert(0, "deal", self.deal.name)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def steps_frame(self, scenario: str, period: int | None = None) -> pd.DataFrame:
        """The steps made in a scenario, in order: phase, due, available, paid, short [currency].

        After them the value of each word of ``watch`` after the step.

        Raises:
            ValueError: the run was not traced.
        """
        if self.trace is None:
            msg = "steps_frame needs a run with trace=True"
            raise ValueError(msg)
        k = self.scenarios.index(scenario)
        steps = self.deal.steps
        t, row = self._made(k, period)
        due, available, paid = self.trace[:, row, t, k]
        labels = {
            "phase": [self.deal.spec.phases[step.phase].name for step in steps],
            "step": [step.label for step in steps],
            "from": [", ".join(step.spec.sources) for step in steps],
        }
        named = {key: np.array(each, dtype=object)[row] for key, each in labels.items()}
        columns: dict[str, object] = {
            "period": t + 1,
            "date": np.array(self.deal.calendar.dates, dtype="datetime64[s]")[t],
            **named,
            "due": due,
            "available": available,
            "paid": paid,
            "short": np.maximum(due - paid, 0.0),
        }
        if self.watched is not None:
            columns |= {word: self.watched[w, row, t, k] for w, word in enumerate(self.watch)}
        return pd.DataFrame(columns)

    def _made(self, k: int, period: int | None) -> tuple[IntArray, IntArray]:
        """Periods (from 0) and rows of the steps made in scenario ``k``, in their order."""
        pays = {step.row for part in self.deal.waterfall.values() for step in part}
        of_payment = np.array([step.row in pays for step in self.deal.steps], dtype=np.bool_)
        phase = np.array([step.phase for step in self.deal.steps], dtype=np.int64)
        made = (of_payment == self.deal.calendar.pays[:, None]) & (phase == self.phase[:, k, None])
        if period is not None:
            made &= (np.arange(len(made)) == period - 1)[:, None]
        t, row = np.nonzero(made)
        return t, row
