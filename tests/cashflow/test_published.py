"""Published cash flows of the bond market that the survivors' order must meet.

The BMA's Cash Flow A (1% prepaid and 1% in default a month) is not among them: it takes voluntary
prepayment on the opening balance with new defaults not removed, the order ``bma``, while ours
takes it from the survivors. Where nothing defaults the two orders are one.
"""

from __future__ import annotations

import pytest

from tests.witnesses import securities
from tests.witnesses.book import golden, holds


def test_first_payment_of_the_bma_passthrough() -> None:
    holds(securities.first_passthrough())


def test_passthrough_of_400_million() -> None:
    holds(securities.fabozzi())
    _, flows, _ = securities.fabozzi_flows()
    assert flows.closing[1, 0, -1] == pytest.approx(0.0, abs=1e-3)


def test_default_rates_of_the_sda_curve() -> None:
    holds(securities.sda())


def test_smm_and_cpr_of_the_bma_table() -> None:
    assert len(golden("prepayment/bma_smm_cpr_table_shared")["expected"]) > 10
    holds(securities.smm_and_cpr())
