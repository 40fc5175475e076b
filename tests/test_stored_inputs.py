"""What a run folder keeps of its projection: the same cash flows come of it, in any model."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from scfcap.api import load
from scfcap.api.stored import MODEL, stored_inputs
from scfcap.api.stored import restored as read_back
from scfcap.errors import InputError
from scfcap.schema.load import load_model
from scfcap.schema.model import Model as ModelSpec

SMALL = {"tape.platform.loans": 300}


@pytest.fixture
def restored(tmp_path):
    def write_and_read(model):
        for name, content in stored_inputs(model).items():
            (tmp_path / name).write_bytes(content)
        return read_back(tmp_path)

    return write_and_read


def test_every_shipped_model_is_read_back_as_it_was(root):
    folders = sorted(path.parent for path in (root / "models").glob("*/model.toml"))
    assert len(folders) >= 8
    for folder in folders:
        spec = load_model(folder).spec
        assert ModelSpec.model_validate_json(spec.model_dump_json(by_alias=True)) == spec, (
            folder.name
        )


def test_the_same_cash_flows_come_of_it(restored):
    model = load("alibaba-2013", overrides=SMALL)
    again = restored(model)
    assert again.spec == model.spec  # also scaled to the book
    assert again.cashflow().scenarios == model.cashflow().scenarios
    for each in fields(model.cashflow().flows):
        own, other = (getattr(m.cashflow().flows, each.name) for m in (model, again))
        assert np.array_equal(own, other), each.name


def test_failures_of_core_enterprises_are_kept(restored, tmp_path):
    failing = 'scenarios.base.shocks=[{kind="core_failure", core="#1"}]'
    model = load("shops-2013", overrides=(failing,))
    again = restored(model)
    own, other = (m.cashflow().flows.struck for m in (model, again))
    assert own.sum() > 0.0
    assert np.array_equal(own, other)
    said = json.loads((tmp_path / MODEL).read_text())
    said["exposures"]["orders"] = [[0.0]]
    (tmp_path / MODEL).write_text(json.dumps(said))
    with pytest.raises(InputError, match="not readable"):
        read_back(tmp_path)


def test_an_api_user_projects_and_explains():
    model = load("alibaba-2013", overrides=SMALL)
    report = model.projection(["base"])
    assert report.cashflow.scenarios == ("base",)
    assert set(report.extra or {}) == set(stored_inputs(model))
    found = model.explain(str(model.pool().loan_id[0]))
    assert found.scenario == model.spec.plan.scenario
