"""The simulated platform is held to published figures; sources: models/shops-2013/sources.md."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.calibration import calibration
from scfcap.synthetic.lives import simulate
from tests.witnesses import page, platform
from tests.witnesses.book import holds
from tests.witnesses.platform import AS_OF, PUBLISHED


@pytest.fixture(scope="module")
def lives():
    return platform.lives()


@pytest.fixture(scope="module")
def table(lives):
    return calibration(lives)


def test_targets_are_the_published_figures(table):
    found = {(row.measure, row.product): row.target for row in table.itertuples()}
    assert found == PUBLISHED


def test_every_figure_is_reached(table):
    found = list(platform.witnesses())
    holds(found)
    body = page.section(page.PAGE.read_text(encoding="utf-8"), "platform")
    assert page.stale(body, found) == [], "run `make validation`"
    missed = table[~table["within"]]
    assert missed.empty, missed.to_string()
    assert (table["low"] < table["target"]).all()
    assert (table["high"] > table["target"]).all()


def test_default_flow_is_pd_over_life():
    """By hand: 0.6 x 0.06% + 0.3 x 0.5% + 0.1 x 2.5% = 0.436% of what is lent;
    mean life 0.6 x 15 + 0.3 x 60 + 0.1 x 150 = 42 days: 0.436% x 365 / 42 = 3.8% a year.
    """
    lost = 0.6 * 0.0006 + 0.3 * 0.005 + 0.1 * 0.025
    assert lost * 365 / 42 == pytest.approx(PUBLISHED["default flow", ""], rel=0.01)


def test_what_is_off_is_said(lives):
    spec = lives.spec.model_copy(update={"loans_per_shop": 40.0})
    fates = lives.books.fates._replace(cause=np.ones_like(lives.books.fates.cause))
    table = calibration(
        dataclasses.replace(lives, spec=spec, books=lives.books._replace(fates=fates))
    )
    off = set(table.loc[~table["within"], "measure"])
    assert off >= {"loans of a shop", "default, 90 days", "default flow"}
    assert "mean amount" not in off


def test_a_handful_of_loans_has_a_table_too():
    table = calibration(simulate(LivesSpec(loans=5, seed=1, months=3), AS_OF))
    assert len(table) == len(PUBLISHED)
