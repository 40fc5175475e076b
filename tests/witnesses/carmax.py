"""Twelve real deals, month by month, against what their trustees reported (Form 10-D).

The data are not in the repository: ``carmax_10d_notes`` where ``SCFCAP_DATA`` says. Only sizes of
differences, and drawn curves, leave this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from scfcap.deal.outcome import DealRun
from tests.deal.dealing import pool_of, run, spec_of

from .book import Comparison

DATA = "carmax_10d_notes"
#: How far the trustees' split of a payment between A-2a and A-2b may be from the classes' shares,
#: of what both were at first: they divide by ratios of some eight digits, each in its own way.
SPLIT = 2e-9
QUANTITIES = ["BeginningNotePrincipalBalance", "EndingNotePrincipalBalance",
              "PrincipalDistribution", "InterestDistribution"]  # fmt: skip
FIXED = ("A_2", "A_2a", "A_3", "A_4", "B", "C", "D")


@dataclass(frozen=True)
class Replay:
    """One deal: what its trustee reported, and ours [months x classes; currency].

    ``slips``: reported balances a cent off what the report itself carries over; ``reported`` has
    the balance carried over in their place. ``pair``: classes that are paid pro rata.
    """

    trust: str
    pair: tuple[str, ...]
    fixed: tuple[str, ...]
    sizes: pd.Series
    coupon_slack: float
    opening: pd.DataFrame
    reported: pd.DataFrame
    principal: pd.DataFrame
    interest: pd.DataFrame
    slips: int
    our_balance: pd.DataFrame
    our_principal: pd.DataFrame
    our_interest: pd.DataFrame

    def together(self, table: pd.DataFrame) -> pd.DataFrame:
        """The classes of the pair as one."""
        names = list(self.pair)
        return table.drop(columns=names).assign(pair=table[names].sum(axis=1)) if names else table


def reports(folder: Path) -> pd.DataFrame:
    """By trust, month and class: the reported figures; a report that stands twice counts once."""
    rows = pd.read_csv(folder / "carmax10d.csv.gz", parse_dates=["period"])
    rows["class"] = rows["class"].str.replace("-", "_")
    key = ["company", "period", "class"]
    once = rows.drop_duplicates([*key, "variable"])
    assert len(rows) - len(once) == 146
    return once.set_index([*key, "variable"])["value"].unstack()[QUANTITIES]  # noqa: PD010


def deal_terms(first: pd.Series, coupons: pd.Series, closing: date) -> dict[str, object]:
    """Notes in strict order, the two A-2 classes pro rata; all paid from what came in."""
    names = list(first.index)
    senior = [name for name in names if name.startswith("A_2")]
    order = [["A_1"], senior, *([name] for name in names if name not in ("A_1", *senior))]
    steps = [{"pay": "interest", "to": names, "from": ["interest"]}]
    steps += [{"pay": "principal", "to": group, "from": ["principal"]} for group in order]
    return {
        "closing": closing,
        "cents": True,
        "accounts": {"interest": {}, "principal": {}},
        "collections": {"interest": "interest", "principal": "principal"},
        "settlement": {"delay_days": 15},
        "tranches": {
            name: {"balance": float(first[name]), "coupon": float(coupons.get(name, 0.0))}
            for name in names
        },
        "waterfall": {"amortising": steps},
    }


def _frame(result: DealRun, what: str, months: pd.Index) -> pd.DataFrame:
    """A quantity of the only scenario, a row a month and a column a class."""
    return pd.DataFrame(result.of(what)[0].T, months, list(result.deal.tranches))


def replays(folder: Path) -> Iterator[Replay]:
    """Each deal with its published note terms and the total principal of each month."""
    for trust, report in reports(folder).groupby(level="company"):
        table = report.droplevel("company")[lambda each: each[QUANTITIES[0]].notna()]
        opening, ending, principal, interest = (
            table[name].unstack("class")  # noqa: PD010
            for name in QUANTITIES
        )
        second = interest.iloc[1] / opening.iloc[1]
        # Coupons are whole basis points; month 2 of each class is a full 30/360 month.
        fixed = [name for name in FIXED if name in second.index]
        coupons = (12.0 * second[fixed]).round(4)
        start = opening.index[0] - pd.Timedelta(days=1)
        spec = spec_of(deal_terms(opening.iloc[0], coupons, start.date()))
        paid = principal.sum(axis=1).to_numpy()
        result = run(spec, pool_of(opening.iloc[0].sum(), paid, interest=20e6), len(opening))
        wrong = (opening - principal - ending).abs() > 0.005
        months, names = principal.index, list(result.deal.tranches)
        yield Replay(
            trust=str(trust),
            pair=tuple(name for name in names if name in ("A_2a", "A_2b")),
            fixed=tuple(fixed),
            sizes=opening.iloc[0],
            coupon_slack=float((12.0 * second[fixed] - coupons).abs().max()),
            opening=opening[names],
            reported=ending.mask(wrong, opening - principal)[names],
            principal=principal[names],
            interest=interest[names],
            slips=int(wrong.to_numpy().sum()),
            our_balance=_frame(result, "balance", months),
            our_principal=_frame(result, "principal", months),
            our_interest=_frame(result, "interest_paid", months),
        )


def _gaps(ours: pd.DataFrame, theirs: pd.DataFrame) -> np.ndarray:
    gaps = (ours - theirs[list(ours)]).abs().to_numpy().ravel()
    return gaps[np.isfinite(gaps)]


def comparisons(deals: list[Replay]) -> Iterator[Comparison]:
    """How far ours are from the trustees', over all deals, months and classes."""
    by, source = "deal.engine.run_deal", "CarMax Auto Owner Trusts, Form 10-D"
    opening = [deal.our_balance.shift().fillna(deal.sizes) for deal in deals]
    pairs = (
        ("Principal paid to a class in a month", 1e-6,
         [_gaps(d.together(d.our_principal), d.together(d.principal)) for d in deals]),
        ("Balance of a class at a month's end", 2e-6,
         [_gaps(d.together(d.our_balance), d.together(d.reported)) for d in deals]),
        ("Balance of a class at a month's start", 2e-6,
         [_gaps(d.together(o), d.together(d.opening))
          for d, o in zip(deals, opening, strict=True)]),
        ("Interest of a class with a fixed coupon, from month 3", 0.0051,
         [_gaps(d.our_interest.loc[:, list(d.fixed)].iloc[2:], d.interest.iloc[2:])
          for d in deals]),
    )  # fmt: skip
    for what, bound, gaps in pairs:
        every = np.concatenate(gaps)
        yield Comparison(what, by, source, len(every), float(every.mean()), float(every.max()),
                         bound, "USD")  # fmt: skip
    shared = [
        _gaps(d.our_principal[list(d.pair)], d.principal) / d.sizes[list(d.pair)].sum()
        for d in deals
        if d.pair
    ]
    every = np.concatenate(shared)
    yield Comparison("Split of principal between A-2a and A-2b, of their size", by, source,
                     len(every), float(every.mean()), float(every.max()), SPLIT, "share",
                     )  # fmt: skip
