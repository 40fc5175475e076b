"""A deal stopped on a payment date and started again from its opening pays what it would have paid.

The books of a run are read after each payment date in turn, written down as an opening, and run
on with what is left of the pool and of the indices.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from scfcap.deal.actuals import ActualAssets
from scfcap.deal.assets import GivenAssets
from scfcap.deal.engine import Surroundings, _Run, run_deal
from scfcap.deal.outcome import BY_TRANCHE, WHOLE, DealRun
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.deal import ActualRow, DealSpec

from .dealing import deal_of, pool_of, spec_of, tuples

PERIODS = 30
#: Everything whose state lasts from one payment date to the next.
TERMS = """
legal_end = 2022-12-31
day_count = "act/360"
phases = [
    { name = "usual", until = 2020-09-30 },
    { name = "paying", when = "trigger.losses" },
    { name = "held", when = "measure.spread < -0.08 and notes > 0", stays = false },
    { name = "grave", when = "trigger.missed" },
]

[collections]
interest = "interest"
recovery = "interest"

[accounts]
interest = { earns = 0.01 }
reserve = { initial = 3.0, target = "0.005 * pool_opening", earns = 0.02, interest_to = "reserve" }

[fees]
trustee = { amount = 6.0, arrears_rate = 0.10, upfront = 2.0 }
servicer = { rate = 0.02, cap = 25.0 }
incentive = { formula = "0.1 * collected_interest" }

[tranches]
A = { kind = "floating", index = "libor", margin = 0.01, cap = 0.06, share = 0.5 }
Z = { kind = "accrual", coupon = 0.05, share = 0.2 }
L = { coupon = 0.07, share = 0.1, first_interest = 2020-08-01, available_cap = "0.065" }
M = { coupon = 0.09, share = 0.1, interest_on_shortfall = false }
I = { kind = "interest_only", coupon = 0.01, notional = "0.5 * balance.A" }
E = { kind = "equity", share = 0.1 }

[lines.liquidity]
commitment = "0.01 * notes"
rate = 0.02
index = "libor"
fee_rate = 0.004
available_while = "not trigger.missed and measure.spread < 0.5"

[hedges.swap]
notional = "if(payment < 12, balance.A, 0.5 * balance.A)"
pay_rate = 0.03
receive_index = "libor"
day_count = "30/360"
ends = 2022-01-31

[hedges.cap]
kind = "cap"
receive_index = "libor"
strike = 0.035
notional = "0.3 * pool"
to = "interest"
premium = 1.0

[measures]
spread = { of = "excess_spread", mean_of = 3 }
lost = { of = "cumulative_loss / pool_at_closing" }
defaulted = { of = "cumulative_default / pool_at_closing" }

[triggers]
losses = { test = "default_rate > 0.10", after = 2, cure = "default_rate < 0.02", cured_after = 3 }
missed = { test = "owed.A + owed.M > 0.01", when = "after payments", from_payment = 4, after = 2 }

[calls.clean_up]
when = "pool < 0.15 * pool_at_closing"
"""
STEPS = [
    {"pay": "fee", "to": ["trustee", "servicer"], "from": ["interest", "reserve", "liquidity"]},
    {"pay": "hedge", "to": "swap", "from": ["interest"]},
    {"pay": "interest", "to": ["A", "I"], "from": ["interest", "reserve", "liquidity"]},
    {"pay": "line", "to": "liquidity", "from": ["interest", "collection"]},
    {"pay": "interest", "to": "L", "from": ["interest", "liquidity"]},
    {"pay": "interest", "to": ["Z", "M"], "from": ["interest"]},
    {"pay": "account", "to": "reserve", "from": ["interest"]},
    {"pay": "fee", "to": "incentive", "from": ["interest"]},
]
LOSSES = [{"pay": "write_off", "to": ["M", "L", "Z"], "when": "payment > 3"}]
PRINCIPAL = {"pay": "principal", "to": ["A", "Z", "L", "M"], "split": "in order"}
END = [
    {"pay": "principal", "to": ["A", "Z", "L", "M"], "from": ["interest", "reserve"],
     "when": "called"},
    {"pay": "residual", "to": "E", "from": ["interest", "collection"], "share": 0.9,
     "when": "notes <= 0 or measure.spread > 0.05"},
]  # fmt: skip
WATERFALL = {
    "usual": [*STEPS, {"pay": "principal", "to": "A", "share": 0.1}, *END],
    "paying": [*STEPS, PRINCIPAL, *LOSSES, *END],
    "held": [*STEPS, *LOSSES, PRINCIPAL | {"keep": 10.0}, *END],
    "grave": [*STEPS, PRINCIPAL | {"split": "pro rata"}, *LOSSES, *END],
}


def terms(**changes: Any) -> DealSpec:
    return spec_of(
        spec_of(TERMS + "\n[waterfall]\n" + _steps()).model_dump(by_alias=True) | changes
    )


def _steps() -> str:
    def value(each: Any) -> str:
        return str(each).replace("'", '"')

    return "\n".join(
        f"{phase} = ["
        + ",\n".join(
            "{ " + ", ".join(f"{k} = {value(v)}" if not isinstance(v, str) else f'{k} = "{v}"'
                             for k, v in step.items()) + " }"
            for step in steps
        )
        + "]"
        for phase, steps in WATERFALL.items()
    )  # fmt: skip


def pool(seed: int) -> GivenAssets:
    """A pool of 1000 that pays down by some 6% a month, with income and losses in waves."""
    random = np.random.default_rng(seed)
    loss, income = np.repeat(random.uniform([[0.0], [0.002]], [[0.02], [0.012]], (2, 6)), 5, axis=1)
    held, rows = 1000.0, []
    for t in range(PERIODS):
        default = held * loss[t]
        principal = (held - default) * random.uniform(0.02, 0.10)
        rows.append((principal, held * income[t], default, default * 0.2))
        held -= default + principal
    principal, interest, default, recovery = np.array(rows).T
    return pool_of(1000.0, principal, interest, default, recovery)


def after(assets: GivenAssets, period: int, *, sold: bool = False) -> GivenAssets:
    """The same pool from the end of ``period`` on; nothing where it has been sold."""
    flows = (assets.interest, assets.principal, assets.default, assets.recovery, assets.pool)
    held = 0.0 if sold else 1.0
    left = (each[:, period:] * held for each in flows)
    return GivenAssets(assets.pool[:, period - 1] * held, *left)


def levels(seed: int) -> FloatArray:
    steps = np.random.default_rng(seed + 1000).normal(0.0, 0.006, PERIODS)
    return np.maximum(0.03 + np.cumsum([0.0, *steps]), 0.0)[None]


def started(spec: DealSpec, assets: GivenAssets, index: FloatArray) -> _Run:
    """A run that has not begun."""
    around = Surroundings({"libor": index})
    return _Run(deal_of(spec, PERIODS), assets, around, None, trace=False, watch=())


def opening_of(run: _Run) -> dict[str, Any]:
    """The opening where a run has come to, read from its books."""
    spec, book = run.spec, run.book

    def by(names: Any, values: FloatArray) -> dict[str, float]:
        return dict(zip(names, np.maximum(values[:, 0], 0.0).tolist(), strict=True))

    phases = [phase.name for phase in spec.phases]
    return {
        "date": run.deal.calendar.grid.ends[book.period - 1],
        "balances": by(spec.tranches, book.balance),
        "owed": by(spec.tranches, book.owed) | by(spec.fees, book.fee)
        | by(spec.lines, book.line_owed) | by(spec.hedges, book.hedge),
        "accrued": by(spec.tranches, book.accrued),
        "accounts": by(run.deal.accounts, book.cash),
        "lines": by(spec.lines, book.drawn),
        "written_off": by(spec.tranches, book.written_off),
        "pool_at_closing": float(book.pool_at_closing[0]),
        "cumulative_default": float(book.cumulative_default[0]),
        "cumulative_loss": float((book.cumulative_default - book.cumulative_recovery)[0]),
        "payments_made": book.payment,
        "phase": phases[book.phase[0]],
        "reached": phases[run.least[0]],
        "called": bool(book.called[0]),
        "tripped": [name for x, name in enumerate(spec.triggers) if book.tripped[x, 0]],
        "breaches": dict(zip(spec.triggers, run.streak[0, :, 0].tolist(), strict=True)),
        "cures": dict(zip(spec.triggers, run.streak[1, :, 0].tolist(), strict=True)),
        "measures": {name: [float(v[0]) for v in seen] for name, seen in run.past.items()},
    }  # fmt: skip


def assert_goes_on(whole: DealRun, part: DealRun, begin: int, *, rtol: float = 1e-9) -> None:
    """``part`` is ``whole`` from period ``begin`` + 1 on."""
    for name in (*BY_TRANCHE, *WHOLE):
        got, expected = part.of(name), whole.of(name)[..., begin:]
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-7, err_msg=f"{name} {begin}")
    for got, expected in (
        (part.cash, whole.cash),
        (part.fee_paid, whole.fee_paid),
        (part.fee_owed, whole.fee_owed),
        (part.drawn, whole.drawn),
        (part.measures, whole.measures),
    ):
        np.testing.assert_allclose(got, expected[begin:], rtol=rtol, atol=1e-7, err_msg=str(begin))
    assert (part.phase == whole.phase[begin:]).all()
    assert (part.tripped == whole.tripped[begin:]).all()


CALENDARS = {
    "monthly": {},
    "delayed": {"settlement": {"delay_days": 15}},
    "quarterly": {"settlement": {"payment_every": 3, "delay_days": 10}},
    "late": {"settlement": {"first_payment": date(2020, 4, 1), "payment_every": 2}},
}


#: The pool of each calendar.
CASES = {"monthly": 5, "delayed": 10, "quarterly": 3, "late": 6}


@pytest.mark.parametrize(("calendar", "seed"), CASES.items())
def test_a_deal_goes_on_from_any_payment_date(calendar: str, seed: int) -> None:
    spec = terms(**CALENDARS[calendar])
    assets, index = pool(seed), levels(seed)
    whole = run_deal(deal_of(spec, PERIODS), assets, Surroundings({"libor": index}))
    going = started(spec, pool(seed), index)
    for period in range(1, PERIODS):
        going._period(period)
        if not whole.deal.calendar.pays[period - 1] or (calendar == "delayed" and period % 3):
            continue
        opening = opening_of(going)
        again = spec_of(spec.model_dump(by_alias=True) | {"opening": tuples(opening)})
        rest = Surroundings({"libor": index[:, period:]})
        left = after(assets, period, sold=opening["called"])
        part = run_deal(deal_of(again, PERIODS - period), left, rest)
        assert_goes_on(whole, part, period)
        assert (part.paid_in_full == whole.paid_in_full).all()


def test_the_deals_that_are_stopped_go_through_everything() -> None:
    """Otherwise the test above would show little."""
    seen: set[str] = set()
    shown = np.zeros(6, dtype=bool)
    for calendar, seed in CASES.items():
        spec, around = terms(**CALENDARS[calendar]), Surroundings({"libor": levels(seed)})
        result = run_deal(deal_of(spec, PERIODS), pool(seed), around)
        seen |= {spec.phases[row].name for row in np.unique(result.phase)}
        shown |= [
            (result.drawn > 0.0).any(),
            (result.of("written_off") > 0.0).any(),
            (result.of("accreted") > 0.0).any(),
            (result.of("hedge_received") > 0.0).any() and (result.of("hedge_paid") > 0.0).any(),
            (result.called > 0).any(),
            (np.diff(result.tripped[:, 0].astype(int), axis=0) < 0).any(),
        ]
    assert seen == {"usual", "paying", "held", "grave"}
    assert shown.all(), shown


def rows_of(assets: GivenAssets, grid: PeriodGrid, count: int, k: int = 0) -> list[ActualRow]:
    return [
        ActualRow(
            end=grid.ends[t],
            interest=assets.interest[k, t],
            principal=assets.principal[k, t],
            recovery=assets.recovery[k, t],
            default=assets.default[k, t],
            pool=assets.pool[k, t],
        )
        for t in range(count)
    ]


@pytest.mark.parametrize("known", [1, 5, 6, 20])
def test_collections_to_date_and_then_the_projection_are_one_run(known: int) -> None:
    """Also where the day of the tape lies between two payment dates; the call comes later."""
    spec = terms(**CALENDARS["quarterly"])
    assets, index = pool(4), levels(4)
    around = Surroundings({"libor": index})
    deal = deal_of(spec, PERIODS)
    whole = run_deal(deal, assets, around)
    actual = ActualAssets(rows_of(assets, deal.calendar.grid, known), 1000.0, after(assets, known))
    assert whole.called.tolist() == [24]
    assert_goes_on(whole, run_deal(deal, actual, around), 0, rtol=1e-12)


def test_an_opening_between_the_payment_dates_is_reached_by_actuals() -> None:
    spec = terms(**CALENDARS["quarterly"])
    assets, index = pool(1), levels(1)
    whole = run_deal(deal_of(spec, PERIODS), assets, Surroundings({"libor": index}))
    going = started(spec, pool(1), index)
    for period in range(1, 10):
        going._period(period)
    opening = tuples(opening_of(going))
    again = spec_of(spec.model_dump(by_alias=True) | {"opening": opening})
    deal = deal_of(again, PERIODS - 9)
    left = after(assets, 9)
    actual = ActualAssets(rows_of(left, deal.calendar.grid, 2), left.start[0], after(left, 2))
    assert_goes_on(whole, run_deal(deal, actual, Surroundings({"libor": index[:, 9:]})), 9)


def test_what_was_bought_comes_in_once_whatever_the_number_of_steps() -> None:
    """80 of purchases for 82 of loans, paid from principal first, then from interest."""
    spec = spec_of(
        {
            "collections": {"interest": "interest"},
            "accounts": {"interest": {}},
            "tranches": {"A": {"share": 1.0}},
            "waterfall": {
                "amortising": [
                    {"pay": "purchase"},
                    {"pay": "purchase", "from": "interest"},
                    {"pay": "principal", "to": "A", "from": ["collection", "interest"]},
                ]
            },
        }
    )
    row = {"interest": 30.0, "principal": 60.0, "purchases": 80.0, "bought": 82.0}
    rows = [ActualRow(end=date(2020, 1, 31), pool=1022.0, **row)]
    rest = pool_of(1022.0, [100.0])
    result = run_deal(deal_of(spec, 2), ActualAssets(rows, 1000.0, rest))
    assert result.of("purchases")[0].tolist() == [80.0, 0.0]
    assert result.of("bought")[0].tolist() == [82.0, 0.0]
    assert result.of("pool")[0].tolist() == [1022.0, 922.0]
    assert result.of("principal", "A")[0].tolist() == [10.0, 100.0]


def test_a_pool_is_not_called_in_the_past() -> None:
    """The call of the past was not made, whatever its test says; it is made on the next date."""
    spec = spec_of(
        {
            "tranches": {"A": {"balance": 50.0}},
            "calls": {"clean_up": {"when": "pool < 90"}},
            "waterfall": {"amortising": [{"pay": "principal", "to": "A"}, {"pay": "residual"}]},
        }
    )
    first = date(2020, 1, 31)
    rows = [ActualRow(end=first, interest=0.0, principal=20.0, pool=80.0)]
    result = run_deal(deal_of(spec, 3), ActualAssets(rows, 100.0, pool_of(80.0, [10.0, 10.0])))
    assert result.called.tolist() == [2]
    assert result.of("sold")[0].tolist() == [0.0, 70.0, 0.0]
    assert result.of("principal", "A")[0].tolist() == [20.0, 30.0, 0.0]


def test_interest_runs_from_the_payment_that_was_made_after_the_opening_period() -> None:
    """30 actual days from 15 April to 15 May, not the 45 from the end of March."""
    spec = spec_of(
        {
            "day_count": "act/360",
            "settlement": {"delay_days": 15},
            "tranches": {"A": {"balance": 100.0, "coupon": 0.12}},
            "opening": {
                "date": date(2020, 3, 31),
                "balances": {"A": 100.0},
                "pool_at_closing": 100.0,
                "payments_made": 3,
            },
            "waterfall": {"amortising": [{"pay": "interest", "to": "A"}]},
        }
    )
    deal = deal_of(spec, 1)
    assert deal.calendar.dates[0] - timedelta(days=30) == date(2020, 4, 15)
    result = run_deal(deal, pool_of(100.0, [0.0], interest=5.0))
    assert result.of("interest_due", "A")[0, 0] == pytest.approx(100.0 * 0.12 * 30 / 360)
