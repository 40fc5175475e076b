"""Principal by holder that a model states, against the tape's."""

from __future__ import annotations

import pytest

from scfcap.errors import InputError

from .small_platform import platform
from .variants import edited


def stated(**holders: float) -> dict[str, object]:
    return edited({"opening": {"net_capital": 60.0e6, "holders": holders}})


def test_what_is_stated_within_rounding_changes_nothing() -> None:
    """The small platform's tape: 57 million on the own book, 21 million in series-1."""
    plain = platform(edited({})).inputs
    same = {"own_capital": 57.0e6 + 0.4, "securitization:series-1": 21.0e6 - 0.4}
    told = platform(stated(**same)).inputs
    assert told.cash == plain.cash
    assert told.net_capital == plain.net_capital


def test_a_holder_that_differs_is_refused_with_both_numbers() -> None:
    with pytest.raises(InputError) as caught:
        platform(stated(**{"own_capital": 57.0e6, "securitization:series-1": 20.0e6}))
    said = str(caught.value)
    assert "opening.holders.securitization:series-1" in said
    assert "CNY 20,000,000.00" in said
    assert "CNY 21,000,000.00" in said
    assert "own_capital:" not in said


def test_a_holder_without_loans_on_the_tape_is_refused() -> None:
    with pytest.raises(InputError, match=r"bank-z: found CNY 5\.00.*are CNY 0\.00"):
        platform(stated(**{"bank_transfer:bank-z": 5.0}))
