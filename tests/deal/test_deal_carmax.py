"""Twelve real deals, month by month, against what their trustees reported (Form 10-D)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.deal.outcome import DealRun

from .dealing import pool_of, run, spec_of

#: How far the trustees' split of a payment between A-2a and A-2b may be from the classes' shares,
#: of what both were at first: they divide by ratios of some eight digits, each in its own way.
SPLIT = 2e-9
QUANTITIES = ["BeginningNotePrincipalBalance", "EndingNotePrincipalBalance",
              "PrincipalDistribution", "InterestDistribution"]  # fmt: skip
FIXED = ("A_2", "A_2a", "A_3", "A_4", "B", "C", "D")
DEAL_MONTHS = 222


@pytest.fixture(scope="module")
def reports(data_dir: Callable[[str], Path]) -> pd.DataFrame:
    """By trust, month and class: the reported figures; a report that stands twice counts once."""
    file = data_dir("carmax_10d_notes") / "carmax10d.csv.gz"
    rows = pd.read_csv(file, parse_dates=["period"])
    rows["class"] = rows["class"].str.replace("-", "_")
    key = ["company", "period", "class"]
    once = rows.drop_duplicates([*key, "variable"])
    assert len(rows) - len(once) == 146
    return once.set_index([*key, "variable"])["value"].unstack()[QUANTITIES]  # noqa: PD010


def deal_terms(first: pd.DataFrame, coupons: pd.Series, closing: date) -> dict[str, object]:
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


def frames(result: DealRun, months: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Principal and closing balance of the only scenario, a row a month and a column a class."""
    return tuple(
        pd.DataFrame(result.of(what)[0].T, months, list(result.deal.tranches))
        for what in ("principal", "balance")
    )


def together(table: pd.DataFrame, pair: list[str]) -> pd.DataFrame:
    """The classes of a pair that is paid pro rata as one."""
    return table.drop(columns=pair).assign(pair=table[pair].sum(axis=1))


def assert_equal(got: pd.DataFrame, reported: pd.DataFrame, atol: float) -> None:
    pd.testing.assert_frame_equal(
        got, reported[list(got)], rtol=0.0, atol=atol, check_names=False, check_freq=False
    )


def test_every_class_in_every_month(reports: pd.DataFrame) -> None:
    months = priced = exact = slips = 0
    for trust, report in reports.groupby(level="company"):
        table = report.droplevel("company")[lambda each: each[QUANTITIES[0]].notna()]
        opening, ending, principal, interest = (
            table[name].unstack("class")  # noqa: PD010
            for name in QUANTITIES
        )
        periods = len(opening)
        second = interest.iloc[1] / opening.iloc[1]
        # Coupons are whole basis points; month 2 of each class is a full 30/360 month.
        fixed = [name for name in FIXED if name in second.index]
        coupons = (12.0 * second[fixed]).round(4)
        assert (12.0 * second[fixed] - coupons).abs().max() < 1e-6, trust
        start = opening.index[0] - pd.Timedelta(days=1)
        spec = spec_of(deal_terms(opening.iloc[0], coupons, start.date()))
        paid = principal.sum(axis=1).to_numpy()
        assets = pool_of(opening.iloc[0].sum(), paid, interest=20e6)
        result = run(spec, assets, periods)

        paid_to, left = frames(result, principal.index)
        pair = [name for name in paid_to if name in ("A_2a", "A_2b")]
        assert_equal(together(paid_to, pair), together(principal, pair), 1e-6)
        wrong = (opening - principal - ending).abs() > 0.005
        slips += int(wrong.to_numpy().sum())
        assert_equal(
            together(left, pair), together(ending.mask(wrong, opening - principal), pair), 2e-6
        )
        before = left.shift(fill_value=0.0)
        before.iloc[0] = opening.iloc[0]
        assert_equal(together(before, pair), together(opening, pair), 2e-6)
        near = SPLIT * opening.iloc[0][pair].sum()
        assert_equal(paid_to[pair], principal[pair], near)
        exact += paid_to.drop(columns=pair).size if pair else paid_to.size
        for j, name in enumerate(result.deal.tranches):
            if name in fixed:
                got = result.of("interest_paid")[0, j, 1:]
                np.testing.assert_allclose(got, interest[name][1:], rtol=0.0, atol=0.0051)
                priced += len(got)
        months += periods
    assert months == DEAL_MONTHS
    assert priced > 4 * DEAL_MONTHS
    assert exact > 5 * DEAL_MONTHS
    # one reported balance is a cent off what the report itself carries over to the next month
    assert slips == 1
