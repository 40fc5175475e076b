"""What borrowers pay: offline as claimed and corrected, online as claimed and in the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from scfcap.cashflow.cohorts import NewLoans
from scfcap.funding.statements import frame_of
from scfcap.quantities import FloatArray
from scfcap.schema.borrowing import BorrowerCost

_Row = tuple[str, str, str, float, float, float, str, str]


def borrower_cost(
    stated: Mapping[str, BorrowerCost],
    currency: str,
    new: Mapping[str, NewLoans],
    lent: Mapping[str, float],
) -> pd.DataFrame:
    """All-in rates of borrowers [1/year], nominal: lowest, mean and highest.

    ``stated`` are claims and build-ups by file; those in another currency are left out. ``new``
    are the model's new loans by segment, weighted by their parts and, over all segments, by what
    the plan lends, ``lent`` [currency]: their rate and the fee at the start over the term.
    ``basis``: claim, corrected (``benchmark * (1 + markup) + fee``) or model; a claim is quoted,
    never used.
    """
    rows: list[_Row] = []
    for cost in stated.values():
        if cost.currency != currency:
            continue
        for claim in cost.claims:
            ends = (claim.low, float("nan"), claim.high)
            rows.append((claim.place, claim.name, "claim", *ends, "as quoted", claim.source))
        for part in cost.build_ups:
            ends = (part.low, float("nan"), part.high)
            formula = " to ".join(
                f"{part.benchmark:.2%} * (1 + {markup:.0%}) + {fee:.1%}"
                for markup, fee in (
                    (part.markup_low, part.fee_low),
                    (part.markup_high, part.fee_high),
                )
            )
            rows.append((part.place, part.name, "corrected", *ends, formula, part.source))
    rows.extend(_model(new, lent))
    names = [
        "place", "item", "basis", "rate_low", "rate_mean", "rate_high", "formula", "source",
    ]  # fmt: skip
    frame = frame_of(rows, names)
    return frame.sort_values("place", kind="stable", ignore_index=True)


def _model(new: Mapping[str, NewLoans], lent: Mapping[str, float]) -> Iterator[_Row]:
    rates = {name: all_in(loans) for name, loans in new.items() if len(loans.weight)}
    said, source = "rate + fee at the start / term", "the model's new loans"
    means = {name: float(rates[name] @ new[name].weight) for name in rates}
    whole = sum(lent.get(name, 0.0) for name in rates)
    if whole > 0.0:
        used = [name for name in rates if lent.get(name, 0.0) > 0.0]
        mean = sum(means[name] * lent[name] for name in used) / whole
        low, high = (f([f(rates[name]) for name in used]) for f in (min, max))
        formula = f"{said}, weighted by what the plan lends"
        yield "online", "this plan", "model", float(low), mean, float(high), formula, source
    for name, found in rates.items():
        ends = float(found.min()), means[name], float(found.max())
        yield "online", f"new loans in {name}", "model", *ends, said, source


def all_in(loans: NewLoans) -> FloatArray:
    """All-in rate of each part of new loans [1/year], shape (atoms,); fees with payments are left
    out.
    """
    fee = 0.0 if loans.contract is None else loans.contract.upfront_fee
    return np.asarray(loans.rate + fee * 365.0 / np.maximum(loans.term_days, 1))
