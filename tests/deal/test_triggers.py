"""Triggers of revolving deals: each trips on its date in one scenario, and not in the other."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scfcap
from scfcap.api.deals import deal_case
from scfcap.deal.assets import GivenAssets
from scfcap.deal.engine import Surroundings, run_deal

from .dealing import deal_of, pool_of

#: Notes of 90 on a pool of 100; what comes in stays in the account until the deal amortises.
TERMS: dict[str, Any] = {
    "day_count": "act/act-icma",
    "collections": {"principal": "principal"},
    "accounts": {"principal": {}},
    "tranches": {
        "notes": {"balance": 90.0, "coupon": 0.06},
        "equity": {"kind": "equity", "balance": 10.0},
    },
    "phases": (
        {"name": "revolving"},
        {"name": "amortising", "when": "trigger.x"},
    ),
    "waterfall": {
        "revolving": [
            {"pay": "interest", "to": "notes"},
            {"pay": "residual", "to": "equity"},
        ],
        "amortising": [
            {"pay": "interest", "to": "notes", "from": ["collection", "principal"]},
            {"pay": "principal", "to": "notes", "from": ["principal", "collection"]},
        ],
    },
}


def tripped(
    trigger: dict[str, Any],
    measures: dict[str, Any] | None = None,
    late: Any = None,
    **flows: Any,
) -> tuple[list[int], list[int]]:
    """First period of the trigger and of amortisation by scenario, 0: never."""
    shapes = np.broadcast_shapes(*(np.atleast_2d(each).shape for each in flows.values()))
    every = {name: np.broadcast_to(np.atleast_2d(each), shapes) for name, each in flows.items()}
    assets = pool_of(np.full(shapes[0], 100.0), every.pop("principal"), **every)
    if late is not None:
        assets.delinquent = np.array(late, dtype=np.float64)
    terms = TERMS | {"triggers": {"x": trigger}, "measures": measures or {}}
    result = run_deal(deal_of(terms, shapes[1]), assets)

    def first(values: Any) -> list[int]:
        return [int(np.argmax(row)) + 1 if row.any() else 0 for row in values]

    return first(result.tripped[:, 0].T), first(result.phase.T == 1)


def test_cumulative_default() -> None:
    # 2 + 2 + 2 = 6 of 100 in March; 1.6 x 3 = 4.8 never passes 5.
    default = [[2.0, 2.0, 2.0, 0.0], [1.6, 1.6, 1.6, 0.0]]
    found = tripped(
        {"test": "cumulative_default > 0.05 * pool_at_closing"},
        principal=[0.0] * 4,
        default=default,
    )
    assert found == ([3, 0], [3, 0])


def test_rolling_default() -> None:
    """The mean of three months of defaults a year, each of its opening pool."""
    default = [[0.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0, 1.0]]
    # First scenario: 0, 12%, 12/0.99 = 12.12%, 12/0.98 = 12.24%: means 0, 6%, 8.04%, 12.12%, ...
    # second: 12%, 12.12%, 0, 12.24%, 12.37%: means 12%, 12.06%, 8.04%, 8.12%, 8.21%.
    measures = {"rolling": {"of": "default_rate", "mean_of": 3}}
    test = {"test": "measure.rolling > 0.121"}
    assert tripped(test, measures, principal=[0.0] * 5, default=default)[0] == [4, 0]
    # From the first date on the mean is of the dates there are: 12% is above 11%.
    low = {"test": "measure.rolling > 0.11"}
    assert tripped(low, measures, principal=[0.0] * 5, default=default)[0] == [4, 1]
    waits = low | {"from_payment": 3}
    assert tripped(waits, measures, principal=[0.0] * 5, default=default)[0] == [4, 0]


def test_delinquency_two_dates_in_a_row() -> None:
    # Of a pool of 100: 11 and 12 in a row, or with a month between.
    late = [[11.0, 9.0, 11.0, 12.0], [11.0, 9.0, 11.0, 9.0]]
    trigger = {"test": "delinquency_rate > 0.10", "after": 2}
    assert tripped(trigger, late=late, principal=np.zeros((2, 4))) == ([4, 0], [4, 0])


def test_overcollateralization() -> None:
    """What pool and cash of principal are above the notes, of the pool."""
    # First: 1 lost a month: (97 - 90) / 97 = 7.2% after three. Second: 5 repaid a month is cash.
    flows = {"principal": [[0.0] * 4, [5.0] * 4], "default": [[1.0] * 4, [0.0] * 4]}
    assert tripped({"test": "overcollateralization < 0.08"}, **flows) == ([3, 0], [3, 0])


def test_excess_spread() -> None:
    """Interest less coupons and losses, a year of the opening pool, over three months."""
    # Coupons are 0.45 a month. First: 1 - 0.45 - 1 lost = -0.45 in March: -5.4% of 100 a year;
    # January and February 6.6% each: mean 2.6% < 3%. Second: half of it is recovered at once.
    flows = {
        "principal": [[0.0] * 3, [0.0] * 3],
        "interest": [[1.0] * 3, [1.0] * 3],
        "default": [[0.0, 0.0, 1.0]] * 2,
        "recovery": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.5]],
    }
    measures = {"spread": {"of": "excess_spread", "mean_of": 3}}
    trigger = {"test": "measure.spread < 0.03"}
    assert tripped(trigger, measures, **flows) == ([3, 0], [3, 0])


def test_idle_cash() -> None:
    # 9 a month are not lent again: 27 of 90 is 30%, 36 is 40%; 6 a month come to 26.7%.
    flows = {"principal": [[9.0] * 4, [6.0] * 4]}
    assert tripped({"test": "idle_share > 0.30"}, **flows) == ([4, 0], [4, 0])
    afterwards = {"test": "idle_share > 0.30", "when": "after payments"}
    flows = {"principal": [[9.0] * 5, [5.0] * 5]}
    # Found once all is paid, it holds from the next date on.
    assert tripped(afterwards, **flows) == ([4, 0], [5, 0])


def test_originator_default_from_its_period_on() -> None:
    terms = TERMS | {
        "phases": (
            {"name": "revolving"},
            {"name": "amortising", "when": "originator_default"},
        )
    }
    assets: GivenAssets = pool_of(np.full(2, 100.0), np.full((2, 4), 5.0))
    around = Surroundings(originator_fails=np.array([3, 0]))
    result = run_deal(deal_of(terms, 4), assets, around)
    assert result.phase.T.tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]
    # Coupons were owed for three months, with interest on them; 15 of cash pay them, then notes.
    owed = 0.45 * (1.0 + 1.005 + 1.005**2)
    first = 15.0 - owed
    second = 5.0 - (90.0 - first) * 0.005
    assert result.of("principal", "notes")[0] == pytest.approx([0.0, 0.0, first, second])


FAILS = """
base = "alibaba-2013"
[scenarios.failure]
shocks = [{ kind = "originator_failure", period = 4 }]
[scenarios.late]
shocks = [{ kind = "originator_failure", period = 5 }]
include = ["core-failure"]
[deals.small]
closing = 2013-12-31
legal_end = 2014-08-31
phases = [{ name = "revolving" }, { name = "amortising", when = "originator_default" }]
DATE
[deals.small.settlement]
frequency = "FREQUENCY"
payment_every = EVERY
[deals.small.assets]
eligibility = "series"
[deals.small.tranches.senior]
share = 0.8
coupon = 0.06
[deals.small.tranches.junior]
kind = "equity"
share = 0.2
[[deals.small.waterfall.revolving]]
pay = "interest"
to = "senior"
[[deals.small.waterfall.revolving]]
pay = "purchase"
[[deals.small.waterfall.amortising]]
pay = "interest"
to = "senior"
[[deals.small.waterfall.amortising]]
pay = "principal"
to = "senior"
[[deals.small.waterfall.amortising]]
pay = "residual"
to = "junior"
"""


def amortises(
    folder: Path, stated: str = "", frequency: str = "month", every: int = 1, text: str = FAILS
) -> dict:
    """By scenario the payment date on which the deal amortises first."""
    text = text.replace("DATE", stated).replace("FREQUENCY", frequency)
    (folder / "model.toml").write_text(text.replace("EVERY", str(every)), encoding="utf-8")
    model = scfcap.load(folder, overrides={"tape.platform.loans": 300})
    result = deal_case(model, "small").run()
    found: dict[str, date | None] = {}
    for k, name in enumerate(result.scenarios):
        at = np.flatnonzero((result.phase[:, k] == 1) & result.deal.calendar.pays)
        found[name] = result.deal.calendar.dates[at[0]] if len(at) else None
    return found


def test_an_originator_fails_in_a_scenario_or_on_a_date(tmp_path: Path) -> None:
    found = amortises(tmp_path)
    assert found["failure"] == date(2014, 4, 30)
    assert found["late"] == date(2014, 5, 31)
    assert found["base"] is None
    stated = amortises(tmp_path, "originator_fails = 2014-04-15")
    assert stated["base"] == stated["failure"] == stated["late"] == date(2014, 4, 30)


def test_an_originator_that_failed_before_the_opening(tmp_path: Path) -> None:
    """A deal that stands, of a company that has failed, amortises on its first date."""
    stands = (
        "originator_fails = 2013-10-01\n"
        "opening = { date = 2013-12-31, pool_at_closing = 1e6, balances = { senior = 8e5 } }"
    )
    text = FAILS.replace("closing = 2013-12-31", "closing = 2013-06-30")
    found = amortises(tmp_path, stands, text=text)
    assert set(found.values()) == {date(2014, 1, 31)}


def test_it_fails_at_the_start_of_the_plans_period_in_a_deal_by_week(tmp_path: Path) -> None:
    # The plan's fourth month begins after March 31; payments are every fourth week: the first
    # that ends later is on April 22, the 16th week.
    found = amortises(tmp_path, frequency="week", every=4)
    assert found["failure"] == date(2014, 4, 22)
    assert found["base"] is None
