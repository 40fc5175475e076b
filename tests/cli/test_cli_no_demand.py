"""A model without demand: its pool is projected as ever, its plan makes no new loan."""

from __future__ import annotations

import json

import pytest

from scfcap.report.store import read_run


@pytest.fixture
def without(model_text):
    """The small model, its ``[demand.*]`` tables taken out."""
    start, end = model_text.index("[demand.order]"), model_text.index("[[lenders]]")
    return model_text[:start] + model_text[end:]


def test_it_is_projected(scfcap, mini, without):
    done = scfcap("project", mini(without), "--json")
    assert done.exit_code == 0, done.stderr
    other = scfcap("project", mini(name="with"), "--json")
    assert json.loads(done.stdout)["totals"] == json.loads(other.stdout)["totals"]


def test_its_plan_says_that_there_is_none(scfcap, mini, without, tmp_path):
    out = tmp_path / "out"
    done = scfcap("run", mini(without), "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "Plan: no new loans over 4 months: the model states no [demand.SEGMENT]" in " ".join(
        done.stdout.split()
    )
    lending = read_run(out).tables["plan_lending"].frame
    assert not len(lending) or not lending["originated"].any()
