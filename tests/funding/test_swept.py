"""A series that repays its notes keeps no cash, as its waterfall keeps none."""

from __future__ import annotations

import pytest

from scfcap.funding import plan
from scfcap.testing import Seeded, any_plan, assert_plan_holds, assert_replay_agrees

#: Random plans in which a program that may keep the cash does so.
NUMBERS = (1_000_000_134, 1_000_000_210)


@pytest.mark.parametrize("number", NUMBERS)
def test_cash_of_a_series_that_repays_goes_to_its_notes(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = any_plan(Seeded(20131231, number))
    found = trial.solve()
    assert any(d.swept for d in found.inputs.deals)
    assert_plan_holds(found, trial.platform().engine)
    monkeypatch.setattr(plan, "_swept", lambda best, *_, **__: best)
    with pytest.raises(AssertionError, match="plan and engines differ"):
        assert_replay_agrees(trial.solve())
