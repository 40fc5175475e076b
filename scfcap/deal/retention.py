"""What the originator keeps of its deal, and which forms of retention that meets, by how much.

Classes stand senior first; the lowest is the last that has any balance. What the pool is worth
more than all classes and what lines lend on it is overcollateralization, kept below them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.deal.outcome import DealRun
from scfcap.deal.story import pool_at_closing
from scfcap.quantities import FloatArray
from scfcap.schema.retention import RetentionForm, RetentionRule

#: Shares that differ by less are the same.
_SAME = 1e-9


@dataclass(frozen=True)
class Kept:
    """What is kept of a deal at closing: ``size`` [J], ``pool`` and what ``lines`` lend on it in
    currency, ``share`` [J] kept of each class and its issue ``price`` [J], a share of par.
    """

    size: FloatArray
    share: FloatArray
    price: FloatArray
    pool: float
    lines: float = 0.0

    @classmethod
    def of(cls, run: DealRun, row: int = 0) -> Kept:
        """From a run's original balances; classes of no size are left out."""
        size = run.original[:, row]
        there = size > 0.0
        specs = list(run.deal.spec.tranches.values())
        share = np.array([each.retained for each in specs])
        price = np.array([each.issue_price for each in specs])
        return cls(
            size[there],
            share[there],
            price[there],
            pool_at_closing(run, row),
            float(run.closing.lines[row]),
        )

    @property
    def vertical(self) -> float:
        """Least share kept of any class."""
        return float(self.share.min())

    @property
    def horizontal(self) -> float:
        """What is kept from the bottom up, of the pool: overcollateralization, then classes wholly
        kept, to the first that is not.
        """
        kept = max(self.pool - self.lines - float(self.size.sum()), 0.0)
        for size, share in zip(self.size[::-1], self.share[::-1], strict=True):
            if share < 1.0 - _SAME:
                break
            kept += float(size)
        return kept / self.pool

    @property
    def issue(self) -> float:
        """What is kept of all classes, of their nominal."""
        return float(self.size @ self.share / self.size.sum())

    @property
    def lowest(self) -> float:
        """What is kept of the lowest class, of the nominal of all."""
        return float(self.size[-1] * self.share[-1] / self.size.sum())

    @property
    def combined(self) -> float:
        """The vertical share, and what is kept of the lowest class beyond it, of all by price."""
        value = self.size * self.price
        beyond = float(value[-1] * (self.share[-1] - self.vertical))
        return self.vertical + beyond / float(value.sum())

    def measured(self, form: RetentionForm) -> tuple[float, str]:
        """How much a form finds kept, and why it may count for nothing."""
        match form.kind:
            case "vertical":
                return self.vertical, ""
            case "horizontal":
                return self.horizontal, ""
            case "lowest":
                return self.lowest, ""
            case "combined":
                return self.combined, ""
            case _:
                return self._same_share(form)

    def _same_share(self, form: RetentionForm) -> tuple[float, str]:
        above = self.share[:-1]
        if float(self.share[-1]) < form.lowest_least - _SAME:
            why = f"{self.share[-1]:.2%} of the lowest class kept, {form.lowest_least:.0%} asked"
            return 0.0, why
        if above.max(initial=0.0) > _SAME and float(np.ptp(self.share)) > _SAME:
            return 0.0, "something above the lowest class is kept, and not one share of all"
        return self.issue, ""


def retention_frame(kept: Kept, rules: Mapping[str, RetentionRule], on: date) -> pd.DataFrame:
    """One row a form: what is ``kept``, the ``least`` asked, the ``margin``, whether it is met.

    ``in_force`` on the day ``on``. A rule is met by any one of its forms; ``left_out`` are those
    that a deal file cannot show.
    """
    rows = []
    for name, rule in rules.items():
        for form in rule.forms:
            found, why = kept.measured(form)
            rows.append(
                {
                    "rule": name,
                    "jurisdiction": rule.jurisdiction,
                    "form": form.name,
                    "kind": form.kind,
                    "in_force": rule.in_force(on),
                    "kept": found,
                    "least": form.least,
                    "margin": found - form.least,
                    "met": found >= form.least - _SAME,
                    "why": why,
                    "source": form.source,
                    "left_out": "; ".join(rule.left_out),
                }
            )
    return pd.DataFrame(rows)
