"""A model's funding dates one after another, and their run folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from scfcap.api import load
from scfcap.api.allocating_days import ModelDays, model_days
from scfcap.api.model import Model
from scfcap.errors import InputError
from scfcap.funding.allocation.daily import GREEDY, PROPORTIONAL, WAYS, run_days
from scfcap.report.allocation_days import PICTURE, DaysReport
from scfcap.report.store import read_run

STATED = """
base = "alibaba-2013"
name = "days"

[tape.platform]
loans = 300

[allocation]
values = "stated"
churn = 0.1
move_cost = 0.0005

[allocation.channels.own_capital]
cost = 0.10

[allocation.channels."bank_transfer:bank-c"]
cost = 0.075
loss_share = 0.3
most = 0.5e9
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("days")
    (folder / "model.toml").write_text(STATED, encoding="utf-8")
    return load(folder)


@pytest.fixture(scope="module")
def course(model: Model) -> ModelDays:
    return model_days(model, 4, seed=2)


def test_loans_pay_and_what_comes_back_is_lent_again(course: ModelDays, model: Model) -> None:
    assert course.dates == (
        date(2013, 12, 31),
        date(2014, 1, 1),
        date(2014, 1, 2),
        date(2014, 1, 3),
    )
    assert course.balance[0].sum() == pytest.approx(model.pool().total)
    old = course.held >= 0
    assert (np.diff(course.balance[:, old], axis=0) <= 1e-9).all()
    new = course.balance[:, ~old]
    assert (new[0] == 0.0).all()
    assert (new.max(axis=0) > 0.0).all()
    assert course.balance[-1].sum() == pytest.approx(course.balance[0].sum(), rel=0.05)


def test_the_same_seed_gives_the_same_days(course: ModelDays, model: Model) -> None:
    again, other = model_days(model, 4, seed=2), model_days(model, 4, seed=3)
    assert (again.balance == course.balance).all()
    assert other.balance.shape != again.balance.shape or (other.balance != again.balance).any()


def test_both_rules_go_through_and_are_saved(
    course: ModelDays, model: Model, tmp_path: Path
) -> None:
    run = run_days(course, {name: WAYS[name] for name in (GREEDY, PROPORTIONAL)})
    assert (run.by_day["placed"] == run.by_day["balance"]).all()
    by = run.by_day.groupby("day")["balance"].first()
    assert by.to_numpy() == pytest.approx(course.balance.sum(axis=1))
    assert (run.by_way["broken"] == 0).all()
    saved = DaysReport(model.name, model.spec.currency, run, 2).save(tmp_path / "out")
    tables = read_run(saved.folder).tables
    assert len(tables["allocation_days"].frame) == len(run.by_day)
    assert (saved.folder / PICTURE).read_bytes()[:4] == b"\x89PNG"


def test_a_plan_is_for_one_date() -> None:
    with pytest.raises(InputError, match=r"allocation\.values"):
        model_days(load("alibaba-2013"), 2)
