"""Coverage, cost of funds, retention and losses of classes, by hand and by other programs."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import pyxirr
from scipy.integrate import quad
from scipy.stats import norm

import scfcap
from scfcap.credit.vasicek import conditional_rate
from scfcap.deal.cost import cost_of_funds
from scfcap.deal.engine import run_deal
from scfcap.deal.figures import class_frame, coverage_frame, coverages, least
from scfcap.deal.losses import ClassLosses
from scfcap.deal.retention import Kept, retention_frame
from scfcap.deal.summary import classes_frame
from scfcap.schema.load import retention_rules
from tests.witnesses import regimes
from tests.witnesses.book import holds
from tests.witnesses.regimes import kept

from .dealing import deal_of, pool_of, run

TWO = """
day_count = "act/act-icma"
[accounts.reserve]
initial = 5.0
target = "if(notes > 0, 5, 0)"
earns = 0.024
[fees.trustee]
amount = 6.0
upfront = 1.0
[fees.servicer]
amount = 12.0
to_originator = true
[tranches.A]
balance = 60.0
coupon = 0.06
[tranches.B]
balance = 20.0
coupon = 0.12
issue_price = 0.98
[tranches.E]
kind = "equity"
balance = 20.0
retained = 1.0
[[waterfall.amortising]]
pay = "fee"
to = ["trustee", "servicer"]
[[waterfall.amortising]]
pay = "interest"
to = ["A", "B"]
split = "in order"
[[waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
[[waterfall.amortising]]
pay = "residual"
to = "E"
from = ["collection", "reserve"]
when = "notes <= 0"
"""


def two():
    """Pays 60, then the rest of 100; 2 of interest a month, 2 default in the second."""
    return run(TWO, pool_of([100.0], [[60.0, 38.0]], 2.0, [[0.0, 2.0]]), 2)


def test_coverage_by_hand():
    """Month 1: 2 and a yield of 5 x 0.2% less fees of 1.5 over 0.3, and over 0.3 + 0.2. Then A has
    had 62.01 - 1.5 - 0.5 = 60.01: all its 60, and B 0.01. A pool of 40 and the reserve cover B's
    19.99."""
    frame = coverage_frame(two(), 0).set_index(["period", "tranche"])
    came = 2.0 + 0.01 - 1.5
    assert frame.loc[(1, "A"), "interest_coverage"] == pytest.approx(came / 0.3)
    assert frame.loc[(1, "B"), "interest_coverage"] == pytest.approx(came / 0.5)
    assert frame.loc[(1, "B"), "asset_coverage"] == pytest.approx(45.0 / 19.99)
    assert (1, "A") in frame.index
    assert np.isnan(frame.loc[(1, "A"), "asset_coverage"])
    assert frame.loc[(2, "B"), "interest_coverage"] == pytest.approx(came / 0.1999)
    interest, _ = coverages(two())
    assert least(interest)[0] == pytest.approx([came / 0.3, came / 0.5, np.nan], nan_ok=True)


def test_coverage_sums_what_came_since_the_last_payment_date():
    quarterly = TWO.replace("[tranches.A]", "[settlement]\npayment_every = 3\n[tranches.A]")
    pool = pool_of([100.0], [[10.0, 10.0, 80.0]], [[1.0, 2.0, 4.0]])
    frame = coverage_frame(run(quarterly, pool, 3), 0)
    assert frame["period"].unique().tolist() == [3]
    came = 7.0 + 3 * 0.01 - 4.5
    assert frame["interest_coverage"][0] == pytest.approx(came / 0.9)


def test_cost_of_funds_is_the_rate_of_its_flows_by_another_program():
    """By hand: at closing 60 + 0.98 x 20 come in, 1 and 5 go out. Month 1: 60.01 and 0.5 to notes,
    0.5 to the trustee (the servicer is the originator); the reserve earns 0.01, and stays. Month 2:
    19.99 and 0.1999 to B, 0.5; the reserve earns 0.01 and comes back with all that is left."""
    found = cost_of_funds(two())
    days = [date(2019, 12, 31), date(2020, 1, 31), date(2020, 2, 29)]
    assert list(found.dates) == days
    flows = [60.0 + 19.6 - 1.0 - 5.0, -60.5 - 0.01 - 0.5 + 0.01, -19.99 - 0.1999 - 0.5 + 0.01 + 5.0]
    assert found.flows == pytest.approx(flows)
    assert found.rate == pytest.approx(pyxirr.xirr(days, flows), abs=1e-9)
    notes = pyxirr.xirr(days, [79.6, -60.51, -20.1899])
    frame = found.to_frame()
    assert frame["part"].tolist()[0] == "notes sold"
    assert frame["rate"][0] == pytest.approx(notes, abs=1e-9)
    assert frame["adds"].sum() == pytest.approx(found.rate)
    assert (frame["adds"] >= 0.0).all()


def test_what_a_line_gives_at_closing_counts_among_funds():
    """By hand: 40 of notes and 40 of a line come in; in January all goes back with 6%/12."""
    terms = """
day_count = "act/act-icma"
[lines.bank]
commitment = 40.0
initial = 40.0
rate = 0.06
[tranches.A]
balance = 40.0
coupon = 0.06
[tranches.E]
kind = "equity"
balance = 20.0
retained = 1.0
[[waterfall.amortising]]
pay = "line"
to = "bank"
[[waterfall.amortising]]
pay = "interest"
to = "A"
[[waterfall.amortising]]
pay = "principal"
to = "A"
[[waterfall.amortising]]
pay = "residual"
to = "E"
"""
    found = cost_of_funds(run(terms, pool_of([100.0], [[100.0]], 1.0), 1))
    assert found.flows == pytest.approx([80.0, -80.4])
    assert found.rate == pytest.approx(1.005 ** (365 / 31) - 1.0)


def test_lives_are_the_same_wherever_they_are_shown():
    """A deal by actual days over 360: the table of its run, and that of its sizes."""
    terms = TWO.replace('"act/act-icma"', '"act/360"')
    result = run(terms, pool_of([100.0], [[60.0, 40.0]], 3.0), 2)
    ours = class_frame(result)["average_life"]
    assert ours.to_numpy() == pytest.approx(classes_frame(result)["average_life"], nan_ok=True)
    # A has all its 60 in January, 31 days after closing
    assert ours[0] == pytest.approx(31 / 360)


def test_classes_by_hand():
    frame = class_frame(two()).set_index("tranche")
    days = [1 / 12, 2 / 12]  # by the deal's day count
    assert frame.loc["B", "average_life"] == pytest.approx(
        (0.01 * days[0] + 19.99 * days[1]) / 20.0
    )
    dated = [date(2019, 12, 31), date(2020, 1, 31), date(2020, 2, 29)]
    rate = pyxirr.xirr(dated, [-19.6, 0.21, 20.1899])
    assert frame.loc["B", "yield"] == pytest.approx(rate, abs=1e-9)
    assert frame.loc["A", "sound"] is True
    short = run(TWO, pool_of([100.0], [[60.0, 10.0]], 2.0, [[0.0, 30.0]]), 2)
    lost = class_frame(short).set_index("tranche")
    # B has 0.01, then 12.01 - 1.5 - 0.1999; the equity nothing but the reserve, which is not freed
    assert lost.loc["B", "loss_share"] == pytest.approx(1.0 - (0.01 + 12.01 - 1.6999) / 20.0)
    assert lost.loc["E", "loss_share"] == 1.0
    assert (lost.loc["B", "lacks"], lost.loc["B", "sound"]) == ("principal", False)


# --- retention ------------------------------------------------------------------------------------


def test_retention_by_hand():
    holds(regimes.retention())


def test_overcollateralization_counts_as_a_first_loss():
    assert kept([0.0, 0.0], (75.0, 19.0), 100.0)["eu_2017"]
    assert not kept([0.0, 0.0], (75.0, 21.0), 100.0)["eu_2017"]


def test_margins_and_why_nothing_counts():
    rules = retention_rules(scfcap.load("alibaba-2013").loaded.folder)
    what = Kept(np.array([80.0, 20.0]), np.array([0.1, 0.5]), np.ones(2), 100.0)
    frame = retention_frame(what, rules, date(2014, 1, 1)).set_index(["rule", "kind"])
    assert frame.loc[("cn_2013", "same_share"), "why"].startswith("something above the lowest")
    assert frame["in_force"].to_dict() == {
        ("cn_2013", "same_share"): True,
        ("cn_2017", "lowest"): False,
        ("cn_2017", "vertical"): False,
        ("eu_2017", "vertical"): False,
        ("eu_2017", "horizontal"): False,
        ("us_2014", "combined"): False,
    }


# --- losses over paths ---------------------------------------------------------------------------

BULLET = """
[tranches.A]
balance = 85.0
[tranches.B]
balance = 10.0
[tranches.E]
kind = "equity"
balance = 5.0
[[waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
[[waterfall.amortising]]
pay = "residual"
to = "E"
"""
PD, RHO, LGD = 0.05, 0.25, 0.6


def _loss(z, low: float, high: float):
    """Loss of the slice from ``low`` to ``high`` of the pool, as a share of it, by the factor."""
    return np.clip(LGD * conditional_rate(PD, RHO, z) - low, 0.0, high - low) / (high - low)


def test_losses_of_a_large_pool_by_quadrature():
    """Vasicek's large pool of bullet loans: each class's expected loss, its probability and its
    expected shortfall as integrals over the factor (scipy), within four standard errors."""
    count = 40_000
    z = np.random.default_rng(5).standard_normal(count)
    lost = 100.0 * conditional_rate(PD, RHO, z)[:, None]
    pool = pool_of(np.full(count, 100.0), 100.0 - lost, 0.0, lost, (1.0 - LGD) * lost)
    runs = [run_deal(deal_of(BULLET, 1), pool)]
    frame = ClassLosses.of(runs, 5).to_frame().set_index("tranche")
    for name, low, high in (("A", 0.15, 1.0), ("B", 0.05, 0.15), ("E", 0.0, 0.05)):
        exact = quad(lambda x, a=low, b=high: _loss(x, a, b) * norm.pdf(x), -9.0, 9.0, limit=400)[0]
        row = frame.loc[name]
        assert abs(row["expected_loss"] - exact) < 4.0 * row["error"]
        assert row["error"] < 0.06 * exact
        # the rate falls as the factor rises: the class is hit below one value of it
        edge = norm.ppf(low / LGD) if low else np.inf
        hit = norm.cdf((norm.ppf(PD) - np.sqrt(1 - RHO) * edge) / np.sqrt(RHO)) if low else 1.0
        deviation = np.sqrt(max(hit * (1.0 - hit), 1e-12) / count)
        assert abs(row["probability"] - hit) <= 4.0 * deviation + 1e-9
        worst = norm.ppf(0.01)
        tail = quad(lambda x, a=low, b=high: _loss(x, a, b) * norm.pdf(x), -9.0, worst)[0] / 0.01
        assert row["shortfall_1"] == pytest.approx(tail, rel=0.08)
        for share in (50.0, 75.0, 90.0, 95.0, 99.0, 99.9):
            # the loss falls as the factor rises: its percentile is the loss at the factor's
            rank = share / 100.0
            off = 4.0 * np.sqrt(rank * (1.0 - rank) / count)
            least, most = (_loss(norm.ppf(1.0 - rank + x), low, high) for x in (off, -off))
            assert least - 1e-9 <= row[f"p{share:g}"] <= most + 1e-9
    assert frame.loc["A", "severity"] == pytest.approx(
        frame.loc["A", "expected_loss"] / frame.loc["A", "probability"]
    )
    whole = frame["expected_loss"] @ np.array([85.0, 10.0, 5.0])
    assert whole == pytest.approx((LGD * lost).mean())


PASS_THROUGH = """
base = "alibaba-2013"
[deals.through]
closing = 2013-12-31
legal_end = 2015-12-31
[deals.through.assets]
eligibility = "series"
[deals.through.tranches.A]
share = 0.985
[deals.through.tranches.B]
share = 0.04
[deals.through.tranches.E]
kind = "equity"
share = 0.0
[[deals.through.waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
[[deals.through.waterfall.amortising]]
pay = "residual"
to = "E"
"""


def test_losses_of_a_models_paths_are_those_of_the_pools_cash(tmp_path):
    """All cash pays A, then B, neither bears a coupon: their losses, path by path, from the pool's
    collections as `scfcap project --paths` draws and sums them."""
    (tmp_path / "model.toml").write_text(PASS_THROUGH)
    model = scfcap.load(tmp_path, overrides={"tape.platform.loans": 400})
    study = model.study("through")
    found = study.losses(300, 7)
    share = study.pool / model.pool().total
    alone = model.given(pool=_only(model, study))
    paid = alone.distribution(300, 7).total["collections"].sum(axis=1)
    a, b = found.original
    assert share < 1.0
    assert found.loss[:, 0] == pytest.approx(np.maximum(a - paid, 0.0) / a, abs=1e-9)
    left = np.maximum(paid - a, 0.0)
    assert found.loss[:, 1] == pytest.approx(np.maximum(b - left, 0.0) / b, abs=1e-9)
    assert 0.0 < (found.loss[:, 1] > 0.0).mean() < 1.0
    assert found.loss.tobytes() == study.losses(300, 7).loss.tobytes()
    assert not np.array_equal(found.loss, study.losses(300, 8).loss)


def _only(model, study):
    from scfcap.api.deals import deal_pool

    return deal_pool(model, study.deal, model.spec.deals[study.deal])
