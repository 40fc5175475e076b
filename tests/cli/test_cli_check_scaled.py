"""``scfcap check`` says how money that is stated for another book is scaled to this one."""

from __future__ import annotations

import pytest

from scfcap.api import load


def test_check_says_the_share_that_a_plan_takes(scfcap, mini):
    folder = mini()
    found = scfcap("check", folder, "--set", "stated_for_book=20000.0")
    model = load(folder, overrides={"stated_for_book": 20_000.0})
    share = model.pool().total / 20_000.0
    assert (found.exit_code, f"so a plan takes {share:.4%} of it." in found.stdout) == (0, True)
    stated = load(folder).spec.lenders[0].limit
    assert model.spec.lenders[0].limit == pytest.approx(stated * share, rel=1e-12)


def test_check_says_nothing_where_money_is_stated_as_it_is(scfcap, mini):
    assert "stated_for_book" not in scfcap("check", mini()).stdout
