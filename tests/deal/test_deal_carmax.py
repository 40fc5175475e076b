"""Twelve real deals, month by month, against what their trustees reported (Form 10-D)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.witnesses import carmax, page

DEAL_MONTHS = 222


@pytest.fixture(scope="module")
def deals(data_dir: Callable[[str], Path]) -> list[carmax.Replay]:
    return list(carmax.replays(data_dir(carmax.DATA)))


def test_every_class_in_every_month(deals: list[carmax.Replay]) -> None:
    found = {each.what: each for each in carmax.comparisons(deals)}
    assert [each for each in found.values() if not each.held] == []
    assert max(deal.coupon_slack for deal in deals) < 1e-6
    assert sum(len(deal.principal) for deal in deals) == DEAL_MONTHS
    assert found["Principal paid to a class in a month"].count > 5 * DEAL_MONTHS
    interest = found["Interest of a class with a fixed coupon, from month 3"]
    assert interest.count > 4 * DEAL_MONTHS
    for deal in deals:  # nothing of ours is missing, and nothing of theirs
        classes = deal.principal.columns
        assert deal.our_balance.notna().all(axis=None)
        assert deal.principal.notna().all(axis=None)
        assert deal.reported.notna().all(axis=None)
        assert deal.interest[list(deal.fixed)].iloc[1:].notna().all(axis=None)
        assert list(deal.our_balance) == list(classes)
        # Month 2 gave the coupons, to whole basis points; its interest comes back to the cent.
        second = [each[list(deal.fixed)].iloc[1] for each in (deal.our_interest, deal.interest)]
        np.testing.assert_allclose(*second, rtol=0.0, atol=0.0051)
    # one reported balance is a cent off what the report itself carries over to the next month
    assert sum(deal.slips for deal in deals) == 1


def test_the_page_counts_what_was_compared(deals: list[carmax.Replay]) -> None:
    told = page.lines(page.section(page.PAGE.read_text(encoding="utf-8"), "notes"))
    for line, each in zip(told, carmax.comparisons(deals), strict=True):
        wanted = dict(zip(page.COMPARED, page.compared(each), strict=True))
        # What is left of rounding is another machine's to say.
        sizes = ("mean difference", "largest")
        assert {k: v for k, v in line.cells.items() if k not in sizes} == {
            k: v for k, v in wanted.items() if k not in sizes
        }
