"""How the losses of each class are spread over Monte Carlo paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.cashflow.distribution import expected_shortfall
from scfcap.deal.figures import loss_share, sound
from scfcap.deal.outcome import DealRun
from scfcap.quantities import BoolArray, FloatArray

#: Percentiles of the loss that the tables give [%].
PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
#: Shares of the paths, the worst, whose mean loss the tables give.
TAILS = (0.05, 0.01)
#: A loss below this share of a class is none.
_NONE = 1e-9


@dataclass(frozen=True)
class ClassLosses:
    """Losses of J classes over N equally likely paths of ``seed``.

    ``loss`` [N, J]: principal that is never repaid, as a share of the original balance; of equity
    what it put in and does not get back. ``failed`` [N, J]: whether interest was late or principal
    is missing; False for equity, which is owed nothing. Classes of no size are left out.
    """

    seed: int
    tranches: tuple[str, ...]
    original: FloatArray
    loss: FloatArray
    failed: BoolArray

    @classmethod
    def of(cls, runs: list[DealRun], seed: int) -> ClassLosses:
        """From runs over paths, one after the other."""
        first = runs[0]
        there = np.flatnonzero(first.original[:, 0] > 0.0)
        kinds = [first.deal.spec.tranches[first.deal.tranches[j]].kind for j in there]
        owed = np.array([kind != "equity" for kind in kinds])
        return cls(
            seed=seed,
            tranches=tuple(first.deal.tranches[j] for j in there),
            original=first.original[there, 0],
            loss=np.concatenate([loss_share(run)[:, there] for run in runs]),
            failed=np.concatenate([~sound(run)[:, there] & owed for run in runs]),
        )

    def __len__(self) -> int:
        return len(self.loss)

    def to_frame(self) -> pd.DataFrame:
        """One row a class; shares of its original balance.

        ``expected_loss`` with the standard ``error`` of the mean; ``probability`` of any loss of
        principal, and that it ``fails``, late interest included; ``severity``: mean loss where
        there is one; percentiles; ``shortfall_5``: mean of the worst 5% of the paths.
        """
        count = len(self)
        hit = self.loss > _NONE
        mean = self.loss.mean(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            severity = np.where(hit.any(axis=0), mean / hit.mean(axis=0), np.nan)
        columns: dict[str, object] = {
            "tranche": list(self.tranches),
            "original": self.original,
            "expected_loss": mean,
            "error": self.loss.std(axis=0, ddof=1) / np.sqrt(count),
            "deviation": self.loss.std(axis=0, ddof=1),
            "probability": hit.mean(axis=0),
            "fails": self.failed.mean(axis=0),
            "severity": severity,
        }
        for share in PERCENTILES:
            columns[f"p{share:g}"] = np.percentile(self.loss, share, axis=0)
        for share in TAILS:
            tail = expected_shortfall(self.loss, share, low_is_bad=False)
            columns[f"shortfall_{100 * share:g}"] = tail
        columns["worst"] = self.loss.max(axis=0)
        return pd.DataFrame(columns)

    def paths_frame(self) -> pd.DataFrame:
        """One row a path: its number and the loss of each class."""
        losses = {f"loss {name}": self.loss[:, j] for j, name in enumerate(self.tranches)}
        return pd.DataFrame({"path": np.arange(len(self)), **losses})
