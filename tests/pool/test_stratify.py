"""Strata by text, number, date; each adds up to the pool."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scfcap.pool.build import build_pool
from scfcap.pool.stratify import strata
from scfcap.schema.pool import PoolSpec
from scfcap.tape.schema import Tape


def test_by_segment(tape: Tape) -> None:
    table = build_pool(tape, PoolSpec()).tables["stratification_segment"].set_index("name")
    assert table.index.tolist() == ["x", "y"]
    assert table["loans"].tolist() == [3, 2]
    assert table["borrowers"].tolist() == [3, 2]
    assert table["balance"].tolist() == [550.0, 450.0]
    assert table["average_balance"].tolist() == pytest.approx([550 / 3, 225.0])
    # x: (100*0.1 + 150*0.1 + 300*0)/550; y: (200*0.2 + 250*0.3)/450
    assert table["rate"].tolist() == pytest.approx([25 / 550, 115 / 450])
    assert table["past_due_share"].tolist() == pytest.approx([450 / 550, 0.0])


def test_by_columns_of_every_kind(tape: Tape) -> None:
    columns = ("rate", "score", "buyer_id", "origination_date", "days_past_due", "loan_type")
    tables = build_pool(tape, PoolSpec(stratify_by=columns)).tables
    for column in columns:
        assert tables[f"stratification_{column}"]["balance"].sum() == pytest.approx(1000.0), column
    assert tables["stratification_rate"]["name"].tolist() == ["0", "0.1", "0.2", "0.3"]
    assert tables["stratification_score"]["name"].tolist()[-1] == "(missing)"
    assert tables["stratification_buyer_id"]["name"].tolist() == ["m", "n", "(missing)"]
    assert tables["stratification_origination_date"]["name"].tolist() == ["2013-10", "2013-12"]


def test_numbers_of_many_values_are_cut_into_classes() -> None:
    values = pd.Series(np.arange(1.0, 101.0))
    key = strata(values, pd.Series(np.ones(100)))
    assert key.value_counts(sort=False).tolist() == [20, 20, 20, 20, 20]
    assert list(key.cat.categories)[:2] == ["from 1 to 20.8", "above 20.8 to 40.6"]
    key = strata(values.where(values > 10), pd.Series(np.ones(100)))
    assert (key == "(missing)").sum() == 10


def test_noise_in_the_last_digits_makes_no_class() -> None:
    values = pd.Series([0.1 + k * 1e-16 for k in range(20)] + list(np.arange(20.0)))
    labels = strata(values, pd.Series(np.ones(40))).cat.categories
    assert all(label.split()[1] != label.split()[-1] for label in labels)


def test_many_texts_are_shown_together() -> None:
    names = pd.Series([f"n{k:03d}" for k in range(60)])
    balance = pd.Series(np.arange(60.0))
    key = strata(names, balance)
    assert len(key.cat.categories) == 51
    assert key.iloc[:10].eq("10 others").all()
    assert key.iloc[10:].eq(names.iloc[10:]).all()
