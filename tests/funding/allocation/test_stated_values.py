"""What loans are worth as stated, against closed forms of their lives and losses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.axes import BULLET, LEVEL_PAYMENT, ORDER
from scfcap.credit.curves import build_curves
from scfcap.funding.allocation.lives import Lives, lives
from scfcap.funding.allocation.stated import stated_values
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.model import Model
from tests.funding.allocation.small_date import BANK, LINE, OWN, date_of, frame, model
from tests.funding.small_platform import MODEL, small_pool


def _lives(pool, **credit):
    spec = Model.model_validate(MODEL)
    grid = spec.plan.grid(spec.as_of).extended(24)
    behaviour = {name: SegmentCredit(severity=0.75, **credit) for name in pool.segments}
    curves = build_curves(pool.segments, behaviour, spec.scenarios, grid)
    return lives(pool, curves, "base")


def _alike(kind, days, rate=0.2):
    """The small pool's loans, all of one type and term."""
    pool = small_pool(6)
    return replace(
        pool,
        loan_type=np.full(6, kind),
        maturity_day=np.asarray(days, dtype=np.int64),
        origination_day=np.full(6, -10),
        days_past_due=np.zeros(6, dtype=np.int64),
        rate=np.full(6, rate),
    )


@pytest.mark.parametrize("kind", [BULLET, ORDER])
def test_a_loan_that_is_paid_once_lives_to_its_day(kind):
    """Days to maturity, whole months before it being a twelfth of a year: 2014-02-28 is day 59."""
    found = _lives(_alike(kind, [5, 31, 32, 59, 75, 90]), cdr=0.0)
    month = 1.0 / 12.0
    wanted = [5 / 31 * month, month, month * (1 + 1 / 28), 2 * month]
    wanted += [month * (2 + 16 / 31), month * (2 + 31 / 31)]
    assert found.life == pytest.approx(wanted, rel=1e-12)
    assert found.loss == pytest.approx(np.zeros(6))


def test_an_instalment_loan_lives_as_its_annuity_says():
    """Six level payments: balances of the annuity formula, a month each, over the first."""
    rate = 0.2 / 12.0
    k = np.arange(6)
    balance = ((1 + rate) ** 6 - (1 + rate) ** k) / ((1 + rate) ** 6 - 1)
    found = _lives(_alike(LEVEL_PAYMENT, [181] * 6), cdr=0.0)
    assert found.life == pytest.approx(np.full(6, balance.sum() / 12.0), rel=1e-9)


def test_defaults_and_prepayments_shorten_a_life_and_lose_their_severity():
    """Six months at constant monthly rates: survivors ``q^k``, of which a twelfth each month."""
    cdr, cpr = 0.2, 0.3
    stay, keep = (1 - cdr) ** (1 / 12), (1 - cpr) ** (1 / 12)
    start = (stay * keep) ** np.arange(6)
    found = _lives(_alike(BULLET, [181] * 6), cdr=cdr, cpr=cpr)
    assert found.life == pytest.approx(np.full(6, (start * stay).sum() / 12.0), rel=1e-9)
    assert found.loss == pytest.approx(np.full(6, 0.75 * (start * (1 - stay)).sum()), rel=1e-9)


def test_values_by_hand():
    stated = {
        "values": "stated",
        "move_cost": 0.01,
        "channels": {
            OWN: {"cost": 0.12},
            BANK: {"cost": 0.05, "income_share": 0.9, "loss_share": 0.5, "move_cost": 0.002},
            LINE: {},
        },
    }
    rows = [
        {"balance": 100.0, "rate": 0.2, "channel": OWN},
        {"balance": 200.0, "rate": 0.1},
        {"balance": 400.0, "rate": 0.3, "channel": BANK},
    ]
    given = date_of(model(stated), frame(rows))
    value, prices = stated_values(given, Lives(np.array([0.5, 1.0, 0.25]), np.full(3, 0.02)))
    assert given.keys == (OWN, BANK, LINE)
    assert value == pytest.approx(
        np.array(
            [
                [100 * (0.08 * 0.5 - 0.02), 100 * (0.13 * 0.5 - 0.01 - 0.012), 100 * 0.01],
                [200 * (-0.02 - 0.02), 200 * (0.04 - 0.01 - 0.002), 200 * (-0.02 - 0.02)],
                [400 * (0.18 * 0.25 - 0.03), 400 * (0.22 * 0.25 - 0.01), 400 * (0.045 - 0.03)],
            ]
        )
    )
    assert prices["expected_loss"] == pytest.approx([0.02, 0.02, 0.02])
