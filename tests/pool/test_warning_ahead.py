"""An indicator of a month is the same on the history as it was known at the month's end."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from scfcap.pool.warning import indicators
from scfcap.schema.lives import LivesSpec
from scfcap.schema.warning import WarningSpec
from scfcap.synthetic.lives import simulate
from scfcap.tape.history import known_until

KEYS = ["indicator", "entity", "month_end"]


@pytest.fixture(scope="module")
def platform():
    return simulate(LivesSpec(loans=8_000, seed=6), date(2013, 12, 31)).history()


@pytest.mark.parametrize("day", [date(2011, 6, 30), date(2012, 11, 30), date(2013, 9, 30)])
def test_no_indicator_knows_what_comes_later(platform, day):
    whole = indicators(platform, WarningSpec()).set_index(KEYS).sort_index()
    then = indicators(known_until(platform, day), WarningSpec()).set_index(KEYS).sort_index()
    assert then["value"].notna().sum() > 100
    shown = whole.index.get_level_values("month_end") <= pd.Timestamp(day)
    pd.testing.assert_frame_equal(then, whole[shown].loc[then.index])
