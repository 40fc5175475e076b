"""A master trust as shipped: one pool, two series in phases of their own, the seller's interest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scfcap.deal.assets import Collected
from scfcap.deal.check import check_deals
from scfcap.deal.outcome import DealRun
from scfcap.quantities import FloatArray
from scfcap.schema.deal import DealSpec
from scfcap.schema.load import load_model

from .dealing import run

LIBRARY = Path(__file__).resolve().parents[2] / "models"
MONTHS, RATE, REPAID = 18, 0.02, 0.25


def trust() -> DealSpec:
    return load_model(LIBRARY / "warehouse").spec.deals["master-trust"]


@dataclass
class Steady:
    """A pool of which a share defaults each month and a quarter of the rest is repaid; interest is
    2% of its opening. As many loans as cash can buy are on offer, at par.
    """

    default: list[float]
    pool: float = 1000.0
    scenarios: tuple[str, ...] = ("base",)

    def opening(self) -> FloatArray:
        return np.array([self.pool])

    def collect(self, period: int) -> Collected:
        interest, lost = self.pool * RATE, self.pool * self.default[period - 1]
        paid = (self.pool - lost) * REPAID
        self.pool -= lost + paid
        return Collected(*(np.array([x]) for x in (interest, paid, 0.0, lost, self.pool, 0.0)))

    def wish(self, period: int, cash: FloatArray) -> FloatArray:  # noqa: ARG002
        return cash

    def buy(self, period: int, cash: FloatArray) -> FloatArray:  # noqa: ARG002
        self.pool += float(cash[0])
        return cash

    def sell(self, period: int, where: Any) -> FloatArray:  # noqa: ARG002
        raise AssertionError


def ran(default: list[float], periods: int = MONTHS) -> DealRun:
    return run(trust(), Steady(default), periods, trace=True)


def test_it_is_sound() -> None:
    checked = check_deals(load_model(LIBRARY / "warehouse"))
    assert set(checked) == {"new-series", "warehouse", "master-trust"}
    for each in checked.values():
        assert (each.errors, each.cautions) == ((), ())


def test_the_first_month_by_hand() -> None:
    """Interest 20, defaults 10, principal 247.5; 350 of series one, 450 of two, 200 the seller's.

    One has 35% of 20 = 7: fee 0.291667, coupons 1.55 and 0.458333, defaults 3.5, excess 1.2.
    Two has 45%, 9: fee 0.375, coupons 2.066667 and 0.458333, defaults 4.5, excess 1.6.
    """
    result = ran([0.01] * MONTHS)
    assert result.original[:, 0].tolist() == pytest.approx([300.0, 50.0, 400.0, 50.0, 200.0])
    steps = result.steps_frame("base", 1).set_index("step")["paid"]
    wanted = {
        "income one": 7.0,
        "income two": 9.0,
        "income of the seller": 4.0,
        "fee servicer_one": 0.291666667,
        "interest one_senior, one_junior": 2.008333333,
        "defaults one": 3.5,
        "fee servicer_two": 0.375,
        "interest two_senior, two_junior": 2.525,
        "defaults two": 4.5,
        "loss one": 0.0,
        "excess one": 1.2,
        "excess two": 1.6,
        "saving": 0.0,
        "purchase": 255.5,
    }
    assert {name: float(steps[name]) for name in wanted} == pytest.approx(wanted)
    # The seller bears its own fifth of the defaults: the pool is 2 smaller.
    assert result.of("pool")[0, 0] == pytest.approx(998.0)


def test_losses_that_income_does_not_cover_fall_on_the_juniors() -> None:
    # Defaults 50: one has 4.7 left for 17.5 of them, two 6.1 for 22.5. Neither can help.
    result = ran([0.05] * MONTHS, 1)
    lost = result.of("written_off")[0, :, 0]
    assert lost.tolist() == pytest.approx([0.0, 12.8, 0.0, 16.4, 0.0])
    # Defaults 100: 30.3 of one and 38.9 of two; 130 more would reach the seniors.
    hard = ran([0.30] * MONTHS, 1).of("written_off")[0, :, 0]
    assert hard.tolist() == pytest.approx([105.0 - 4.7 - 50.0, 50.0, 135.0 - 6.1 - 50.0, 50.0, 0.0])


def plain(default: list[float]) -> list[dict[str, Any]]:
    """The trust month by month while no class has a loss and nothing amortises early."""
    pool, saved, one, two = 1000.0, 0.0, 350.0, 450.0
    rows: list[dict[str, Any]] = []
    for month in range(1, MONTHS + 1):
        interest, lost = pool * RATE, pool * default[month - 1]
        principal = (pool - lost) * REPAID
        in_one = one - saved
        shares = [each / max(pool, in_one + two) for each in (in_one, two)]
        income = [share * interest for share in shares]
        seller = interest - sum(income)
        income[0] += saved * 0.0035 / 12
        full = [one > 0.0, two > 0.0]
        coupons = [300.0 * 0.062 / 12 + 50.0 * 0.11 / 12 if full[0] else 0.0, 0.0]
        junior = min(two, 50.0)
        coupons[1] = (two - junior) * 0.062 / 12 + junior * 0.11 / 12
        fees = [0.01 / 12 * in_one, 0.01 / 12 * two]
        need = [shares[n] * lost for n in range(2)]
        left = [income[n] - fees[n] - coupons[n] - need[n] for n in range(2)]
        assert sum(left) >= 0.0, month  # one helps the other
        cash = principal + sum(need)
        saving = paid_one = paid_two = 0.0
        if 7 <= month <= 12:
            fixed = 350.0 / max(pool, 350.0 + two)
            saving = min(fixed * principal, 350.0 / 6, in_one)
            cash, saved = cash - saving, saved + saving
        if month >= 12 and one:
            paid_one, one, saved = saved, one - saved, 0.0
            one = 0.0 if one < 1e-9 else one
        if month > 12:
            fixed = 450.0 / max(pool, 450.0 + in_one)
            paid_two = min(two, fixed * principal + need[1])
            cash, two = cash - paid_two, two - paid_two
        bought = cash if one + two > 1e-9 else 0.0
        pool += bought - lost - principal
        rows.append(
            {"saved": saved, "one": one, "two": two, "bought": bought, "help": -min(left),
             "paid_one": paid_one, "paid_two": paid_two,
             "seller": seller + sum(left) + cash - bought}
        )  # fmt: skip
        if one + two <= 1e-9:
            break
    return rows


def test_eighteen_months_against_plain_python() -> None:
    default = [0.004 + 0.0002 * n for n in range(MONTHS)]
    result = ran(default)
    rows = plain(default)
    balance, n = result.of("balance")[0], len(rows)
    saved = result.deal.accounts.index("saved_one")
    got = {
        "saved": result.cash[:n, saved, 0],
        "one": balance[0, :n] + balance[1, :n],
        "two": balance[2, :n] + balance[3, :n],
        "bought": result.of("purchases")[0, :n],
        "paid_one": result.of("principal")[0, :2, :n].sum(axis=0),
        "paid_two": result.of("principal")[0, 2:4, :n].sum(axis=0),
        "seller": result.of("residual", "seller")[0, :n],
    }
    for name, values in got.items():
        assert values.tolist() == pytest.approx([row[name] for row in rows], abs=1e-6), name
    assert not result.of("written_off").any()
    # Series one is repaid at once in month 12 while two revolves; two in months 13 to 18.
    assert got["paid_one"][11] == pytest.approx(350.0)
    assert not got["paid_two"][:12].any()
    assert got["paid_two"][12] > 100.0
    # While one saves, its share of income shrinks and its coupons do not: two helps.
    assert [row["help"] > 0.0 for row in rows[9:12]] == [False, True, True]
    assert float(result.of("owed").max()) < 1e-9


def test_the_pool_and_its_cash_are_the_series_and_the_seller() -> None:
    """What is in the pool and saved is what the series have in it and what the seller has."""
    result = ran([0.01] * MONTHS)
    seller = 200.0
    for t in range(12):
        seller -= result.of("default")[0, t] * (1.0 - result.measures[t, 2:4, 0].sum())
        cash = result.cash[t, :, 0].sum()
        notes = result.of("balance")[0, :4, t].sum()
        assert result.of("pool")[0, t] + cash == pytest.approx(notes + seller)


def test_a_seller_with_too_little_ends_it_early() -> None:
    # 70% of the pool defaults in March: of it the seller bears what is not the series', some 140 of
    # its 196, and has less than 70 left.
    default = [0.01, 0.01, 0.70, *[0.01] * (MONTHS - 3)]
    result = ran(default, 8)
    assert result.tripped[:, 0, 0].tolist()[:3] == [False, False, True]
    assert result.phase[:, 0].tolist()[:4] == [0, 0, 0, 1]
    assert not result.of("purchases")[0, 3:].any()
    paid = result.of("principal")[0, :4, 3]
    # The juniors are written off; both seniors are repaid by their fixed shares of principal.
    assert result.of("balance")[0, [1, 3], 2].tolist() == [0.0, 0.0]
    assert (paid[[0, 2]] > 0.0).all()
    assert result.of("written_off")[0, :, 2].sum() > 400.0
