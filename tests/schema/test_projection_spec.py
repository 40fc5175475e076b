"""``[projection]`` against the rest of a model."""

from __future__ import annotations

import pytest

from scfcap.errors import InputError
from scfcap.schema.load import load_model


def test_a_late_fee_needs_somebody_who_is_late() -> None:
    with pytest.raises(InputError, match="no segment with roll rates"):
        load_model("alibaba-2013", overrides=["projection.late_fee=0.02"])


def test_an_unknown_order_names_those_there_are() -> None:
    with pytest.raises(InputError, match="survivors"):
        load_model("alibaba-2013", overrides=["projection.order=actuarial"])
