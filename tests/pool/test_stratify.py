"""Strata by text, number, date; each adds up to the pool."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from scfcap.pool import loops
from scfcap.pool.build import build_pool
from scfcap.pool.columns import Columns
from scfcap.pool.stratify import Classes, strata, stratify
from scfcap.schema.pool import PoolSpec, Strata
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


def strata_of(by: str | Strata, **cells: object) -> Classes:
    frame = pd.DataFrame({"current_balance": 1.0, **cells})
    return strata(Columns(frame, date(2013, 12, 31)), by)


def test_numbers_of_many_values_are_cut_into_classes() -> None:
    values = np.arange(1.0, 101.0)
    found = strata_of("x", x=values)
    assert np.bincount(found.codes).tolist() == [20, 20, 20, 20, 20]
    assert found.labels[:2] == ("from 1 to 20.8", "above 20.8 to 40.6")
    found = strata_of("x", x=np.where(values > 10, values, np.nan))
    assert found.labels[-1] == "(missing)"
    assert (found.codes == len(found.labels) - 1).sum() == 10


def test_noise_in_the_last_digits_makes_no_class() -> None:
    values = [0.1 + k * 1e-16 for k in range(20)] + list(np.arange(20.0))
    labels = strata_of("x", x=values).labels
    assert all(label.split()[1] != label.split()[-1] for label in labels)


def test_many_texts_are_shown_together() -> None:
    names = [f"n{k:03d}" for k in range(60)]
    found = strata_of("x", x=names, current_balance=np.arange(60.0))
    assert len(found.labels) == 51
    shown = np.array(found.labels)[found.codes]
    assert (shown[:10] == "10 others").all()
    assert shown[10:].tolist() == names[10:]


def test_stated_classes() -> None:
    found = strata_of(Strata(column="x", edges=(0.1, 0.2)), x=[0.1, 0.15, 0.2, 0.3, np.nan, -1.0])
    assert found.labels == ("up to 0.1", "above 0.1 to 0.2", "above 0.2", "(missing)")
    assert found.codes.tolist() == [0, 1, 1, 2, 3, 0]


def test_averages_leave_out_what_is_not_known(tape: Tape) -> None:
    spec = PoolSpec(stratify_by=(Strata(column="rate", edges=(0.15,)),))
    table = build_pool(tape, spec).tables["stratification_rate"].set_index("name")
    # Up to 15%: a (100, score 700), c (150, none) and e (300, 550); above: b (200) and d (250).
    assert table["score"].tolist() == pytest.approx(
        [(100 * 700 + 300 * 550) / 400, (200 * 650 + 250 * 600) / 450]
    )
    assert table["days_past_due"].tolist() == pytest.approx([(150 * 5 + 300 * 30) / 550, 0.0])
    # p, q and s hold 100, 150, 300; then p and r 200, 250.
    assert table["effective_borrowers"].tolist() == pytest.approx(
        [550**2 / (1e4 + 2.25e4 + 9e4), 450**2 / (4e4 + 6.25e4)]
    )


def test_borrowers_are_counted_alike_in_a_table_and_by_pairs(
    tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = tape.frame.assign(borrower_id=["p", "p", None, "r", "p", None, "u"])
    both = []
    for cells in (10**6, 0):
        monkeypatch.setattr("scfcap.pool.stratify._DENSE", cells)
        both.append(stratify(Columns(frame, tape.as_of), "segment"))
    pd.testing.assert_frame_equal(*both)
    table = both[0].set_index("name")
    assert table["borrowers"].to_dict() == {"x": 2, "y": 2, "z": 0}
    # x: p holds 100 + 300, u 70; y: p 200, r 250.
    assert table["effective_borrowers"].tolist() == pytest.approx(
        [470**2 / (400**2 + 70**2), 450**2 / (200**2 + 250**2), 0.0]
    )


def test_codes_are_short_and_places_are_held_once(tape: Tape) -> None:
    columns = Columns(tape.frame, tape.as_of)
    whole, part = columns.values("segment"), columns.values("buyer_id")
    assert (whole.codes.dtype, part.codes.dtype) == (np.int32, np.int32)
    assert whole.places is whole.codes
    assert part.places.dtype == np.int32
    assert part.places.max() == len(part)


def test_weighted_sums_leave_out_what_is_not_known() -> None:
    values, balance = np.array([0.1, np.nan, 0.3, np.nan]), np.array([10.0, 20.0, 30.0, 40.0])
    amounts, known = loops.weighted(np.array([0, 0, 1, 2], dtype=np.int32), values, balance, 3)
    assert amounts.tolist() == [1.0, 9.0, 0.0]
    assert known.tolist() == [10.0, 30.0, 0.0]
