"""What is said of histories that leave out how loans ended."""

from __future__ import annotations

import pandas as pd
import pytest

from scfcap.credit.doubts import doubts
from scfcap.schema.history import PerformanceSpec
from scfcap.tape.history import history_from_panel

LATE = PerformanceSpec(kind="tapes", path="x", vanished="repaid")


def history(vanished, loans=100):
    """``loans`` seen in January, of which ``vanished`` are not in February."""
    month = [[0, 1]] * (loans - vanished) + [[0]] * vanished
    panel = pd.DataFrame({"loan": range(loans), "month": month}).explode("month", ignore_index=True)
    first = panel["month"] == 0
    none = dict.fromkeys(("principal", "charged_off", "paid", "recovered"), 0.0)
    panel = panel.astype({"month": "int64"}).assign(
        opening=(~first) * 10.0, adjusted=first * 10.0, closing=10.0, days_past_due=0, **none
    )
    known = pd.DataFrame({"loan_id": [f"L{n}" for n in range(loans)], "segment": "a"})
    return history_from_panel(known, panel, source="s", digest="d")


@pytest.mark.parametrize(("vanished", "count"), [(0, 0), (2, 0), (3, 1)])
def test_more_than_two_percent_may_not_vanish(vanished, count):
    found = doubts(history(vanished), None)
    assert len(found) == count
    assert all(doubt.forbids and str(doubt).startswith("3 of 100 loans") for doubt in found)


def test_loans_that_vanish_late_do_not_forbid_the_curves():
    (doubt,) = doubts(history(3), LATE)
    assert not doubt.forbids
    assert "default_days" in str(doubt)
