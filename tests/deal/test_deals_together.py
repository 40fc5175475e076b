"""Several deals of one platform: loans and offers are shared, none is in two of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scfcap
from scfcap.api.deals import deal_case
from scfcap.api.platform import run_together
from scfcap.errors import InputError

DEAL = """
[deals.NAME]
closing = 2013-12-31
legal_end = 2014-09-30
phases = [{ name = "revolving", until = 2014-06-30 }, { name = "amortising" }]
[deals.NAME.assets]
ASSETS
[deals.NAME.tranches.senior]
share = 0.8
coupon = 0.06
[deals.NAME.tranches.junior]
kind = "equity"
share = 0.2
[[deals.NAME.waterfall.revolving]]
pay = "interest"
to = "senior"
[[deals.NAME.waterfall.revolving]]
pay = "purchase"
[[deals.NAME.waterfall.amortising]]
pay = "interest"
to = "senior"
[[deals.NAME.waterfall.amortising]]
pay = "principal"
to = "senior"
[[deals.NAME.waterfall.amortising]]
pay = "residual"
to = "junior"
"""


def model_of(folder: Path, **assets: str) -> scfcap.Model:
    """The demo with a deal for each name, beside its own."""
    text = 'base = "alibaba-2013"\n'
    for name, terms in assets.items():
        text += DEAL.replace("NAME", name).replace("ASSETS", terms)
    (folder / "model.toml").write_text(text, encoding="utf-8")
    return scfcap.load(folder, overrides={"tape.platform.loans": 600})


WHOLE = 'purchases = "loans"\neligibility = "series"\nsize = SIZE'


def test_two_deals_choose_whole_loans_one_after_the_other(tmp_path: Path) -> None:
    whole = WHOLE.replace("SIZE", "1.5e9")
    model = model_of(tmp_path, a=whole, b=whole)
    runs = run_together(model, ["a", "b"])
    alone = deal_case(model, "a", model.spec.scenarios).run()
    frames = {name: run.loans_frame() for name, run in runs.items()}
    for scenario in runs["a"].scenarios:
        mine, other = (
            set(frame.loc[frame["scenario"] == scenario, "loan_id"]) for frame in frames.values()
        )
        assert len(mine) > 100
        assert len(other) > 50
        assert not mine & other
    # The first has what it would have alone; the second has not.
    np.testing.assert_array_equal(runs["a"].of("bought"), alone.of("bought"))
    b = deal_case(model, "b").run()
    assert set(b.loans_frame(["base"])["loan_id"]) == set(alone.loans_frame(["base"])["loan_id"])
    # Whoever comes first chooses first.
    turned = run_together(model, ["b", "a"])
    np.testing.assert_array_equal(turned["b"].of("pool"), runs["a"].of("pool"))
    np.testing.assert_array_equal(turned["a"].of("pool"), runs["b"].of("pool"))
    # Both together hold no more than there is.
    held = sum(
        frame.query("period == 0 and scenario == 'base'")["balance_bought"].sum()
        for frame in frames.values()
    )
    assert held <= model.pool().balance[model.pool().eligibility["series"] == 1].sum()


def test_shares_of_a_pool_add_up_to_no_more_than_the_whole(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        a='eligibility = "series"\nsize = 1.0e9',
        b='eligibility = "series"\nsize = 1.5e9',
    )
    runs = run_together(model, ["a", "b"])
    assert runs["b"].closing.pool[0] == pytest.approx(1.5 * runs["a"].closing.pool[0])
    eligible = model.pool().balance[model.pool().eligibility["series"] == 1].sum()
    part = 1.4e9 * model.pool().total / (model.loaded.spec.stated_for_book or 1.0) / eligible
    much = model_of(
        tmp_path,
        a=f'eligibility = "series"\nsize = {1.4e9 * 0.7 / part}',
        b=f'eligibility = "series"\nsize = {1.4e9 * 0.4 / part}',
    )
    with pytest.raises(InputError, match=r"deals/a.toml: assets and deals/b.toml") as error:
        run_together(much, ["a", "b"])
    first = much.pool().loan_id[much.pool().eligibility["series"] == 1][0]
    assert f"the same loans in 2 deals: {first} (70.0% + 40.0%)" in str(error.value)
    # Alone each is sound: they may be two ways of funding the same loans.
    assert run_together(much, ["b"])["b"].closing.pool[0] > 0.0


def test_the_second_deal_buys_what_the_first_has_left(tmp_path: Path) -> None:
    assets = 'eligibility = "series"\nsize = 0.4e9\nsupply = 0.25e9'
    model = model_of(tmp_path, a=assets, b=assets)
    runs = run_together(model, ["a", "b"])
    a, b = runs["a"].of("bought"), runs["b"].of("bought")
    supply = model.spec.deals["a"].assets.supply or 0.0
    assert (a + b <= supply * (1 + 1e-9)).all()
    assert (b[:, 0] < a[:, 0]).all()
    rows = [runs["a"].scenarios.index(name) for name in ("base", "stress")]
    both = {name: model.spec.scenarios[name] for name in ("base", "stress")}
    alone = deal_case(model, "a", both).run()
    np.testing.assert_array_equal(a[rows], alone.of("bought"))
    np.testing.assert_allclose((a + b)[:, :5], supply)  # both want more than there is
    idle = runs["b"].cash[:, 0, 0]
    assert (idle[:5] > 0.0).all()  # found no loans


def test_ways_of_buying_are_not_mixed(tmp_path: Path) -> None:
    model = model_of(tmp_path, a=WHOLE.replace("SIZE", "1e8"), b="size = 1e8")
    with pytest.raises(InputError, match=r"purchases.*a \"loans\", b \"cohorts\""):
        run_together(model, ["a", "b"])
    with pytest.raises(InputError, match="each deal once"):
        run_together(model, ["a", "a"])


def test_a_deal_that_finds_no_loan_says_so(tmp_path: Path) -> None:
    model = model_of(tmp_path, a=WHOLE.replace("SIZE", "9e9"), b=WHOLE.replace("SIZE", "1e9"))
    with pytest.raises(InputError, match=r"deals/b.toml: assets.size"):
        run_together(model, ["a", "b"])
