"""``[projection]`` against the rest of a model."""

from __future__ import annotations

import pytest

from scfcap.errors import InputError
from scfcap.schema.load import load_model


def test_a_late_fee_needs_somebody_who_is_late() -> None:
    with pytest.raises(InputError, match="no segment with roll rates"):
        load_model("alibaba-2013", overrides=["projection.late_fee=0.02"])


ADVANCES = "projection.servicer_advances=true"
BMA = "projection.order=bma"
SEGMENTS = ("order_core", "order_other", "credit_short", "credit_long", "b2b")
NO_LAGS = [f"credit.segments.{name}.recovery_lag=0" for name in SEGMENTS]


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        ([ADVANCES], "no segment has roll rates"),
        ([ADVANCES, BMA, *NO_LAGS], "or recovers later than it defaults"),
    ],
)
def test_advances_need_something_to_advance_on(overrides: list[str], found: str) -> None:
    with pytest.raises(InputError, match=found):
        load_model("alibaba-2013", overrides=overrides)


def test_advances_on_what_is_liquidated_later_are_taken() -> None:
    load_model("alibaba-2013", overrides=[ADVANCES, BMA])


def test_an_unknown_order_names_those_there_are() -> None:
    with pytest.raises(InputError, match="survivors"):
        load_model("alibaba-2013", overrides=["projection.order=actuarial"])
