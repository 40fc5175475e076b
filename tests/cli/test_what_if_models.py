"""``Model.what_if`` shares what a change leaves alone: the plan is that of a model loaded anew."""

from __future__ import annotations

import pytest

import scfcap as package
from scfcap.errors import InputError

BUSY = "demand.order.per_period=90000.0"
#: A change each of the money, of new loans, of behaviour, of scenarios, of the grid, of the loans.
CHANGES = (
    ["lenders.bank-a.limit=4000.0", "buyers.bank-t.price=0.99"],
    ['lenders=[{name="bank-z", limit=9000.0, tenors=[{periods=2, rate=0.07}]}]'],
    ["demand.order.new_loans.rate=0.25", "demand.order.new_loans.longest=60"],
    ["credit.segments.credit.cdr=0.2"],
    ["scenarios.base.default_multiple=2.0"],
    ['plan.scenario="stress"'],
    ["plan.periods=5"],
    ['pool.eligibility.bank.rules=[{test="remaining_days <= 30"}]'],
    ["stated_for_book=30000.0"],
    ["as_of=2020-12-30"],
    ["tax.rate=0.25", "plan.objective='max_lending'", "plan.income_floor=100.0"],
)


@pytest.fixture(scope="module")
def home(tmp_path_factory, write_model, model_text, plain_rows):
    return write_model(tmp_path_factory.mktemp("what-if") / "mini", model_text, plain_rows())


@pytest.fixture(scope="module")
def model(home):
    return package.load(home, overrides=[BUSY])


@pytest.mark.parametrize("change", CHANGES, ids=lambda x: x[0][:24])
def test_the_plan_is_that_of_the_model_loaded_anew(home, model, change):
    found = model.what_if(change, choose=False)
    anew = package.load(home, overrides=[BUSY, *change]).plan()
    assert found.objective == pytest.approx(anew.objective, rel=1e-9)
    assert found.objective != pytest.approx(model.plan().objective, rel=1e-6)


def test_a_mapping_is_taken_and_a_wrong_key_refused(model):
    lower = model.what_if({"lenders.bank-a.limit": 4000.0})
    assert lower.objective < model.plan().objective
    assert lower.tables()["lending"]["originated"].sum() > 0.0
    with pytest.raises(InputError, match=r"lenders\.bank-q"):
        model.what_if({"lenders.bank-q.limit": 0.0})
