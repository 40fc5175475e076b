"""Floating classes of a model's deal: the day on which an index is read."""

from __future__ import annotations

from pathlib import Path

import pytest

import scfcap
from scfcap.api.deals import deal_run

MODEL = """
base = "alibaba-2013"
name = "floats"
[indices.base]
fixings = [{ day = 2013-12-31, rate = 0.05 }, { day = 2014-02-10, rate = 0.07 }]
[deals.f]
closing = 2013-12-31
legal_end = 2014-06-30
day_count = "act/360"
[deals.f.assets]
eligibility = "series"
size = 0.1e9
[deals.f.settlement]
delay_days = DELAY
[deals.f.tranches.A]
kind = "floating"
index = "base"
margin = 0.01
share = 0.9
[deals.f.tranches.R]
kind = "equity"
share = 0.1
[[deals.f.waterfall.amortising]]
pay = "interest"
to = "A"
[[deals.f.waterfall.amortising]]
pay = "principal"
to = "A"
[[deals.f.waterfall.amortising]]
pay = "residual"
to = "R"
when = "notes <= 0"
"""


@pytest.mark.parametrize(
    ("delay", "days", "rates"),
    [
        # Paid on 31 January and 28 February; the index rises between them.
        (0, (31, 28, 31), (0.06, 0.06, 0.08)),
        # Paid on 15 February, 15 March and 14 April, so that the second period begins after it.
        (15, (46, 28, 31), (0.06, 0.08, 0.08)),
    ],
)
def test_a_coupon_is_set_on_the_day_from_which_its_interest_runs(
    tmp_path: Path, delay: int, days: tuple[int, ...], rates: tuple[float, ...]
) -> None:
    (tmp_path / "model.toml").write_text(MODEL.replace("DELAY", str(delay)), encoding="utf-8")
    model = scfcap.load(tmp_path, overrides={"tape.platform.loans": 200})
    run = deal_run(model, "f", ["base"])
    owed = [run.original[0, 0], *run.of("balance", "A")[0, :2]]
    assert owed[-1] > 0.0
    by_hand = [b * r * d / 360.0 for b, r, d in zip(owed, rates, days, strict=True)]
    assert run.of("interest_due", "A")[0, :3].tolist() == pytest.approx(by_hand)
