"""Limits of a funding date against complete enumeration and a plain reading of the model."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation import binding
from scfcap.funding.allocation.cuts import broken, place
from tests.funding.allocation.small_date import (
    BANK,
    JOINT,
    LINE,
    OWN,
    SERIES,
    Reading,
    drafted,
    frame,
    model,
)

LOANS = 6


def _dates(seed: int):
    """A random model and tape: bands, names, sets of names, means, caps, churn, joint loans."""
    rng = np.random.default_rng(seed)

    def shares():
        return float(rng.choice([0.4, 0.5, 0.6, 0.75]))

    keys = [BANK, str(rng.choice([SERIES, JOINT, LINE]))]
    rows = []
    for _ in range(LOANS):
        places = [None, None, None, None, OWN, OWN, OWN, OWN, BANK, keys[1]]
        rows.append(
            {
                "balance": float(rng.integers(1, 200)) * (5e4 if LINE in keys else 1.0),
                "borrower_id": str(rng.choice(["A", "B", "C", "D"])),
                "buyer_id": rng.choice(np.array(["X", "Y", None], dtype=object)),
                "segment": str(rng.choice(["credit", "credit", "order"])),
                "days_past_due": int(rng.choice([0, 0, 0, 5])),
                "rate": float(rng.choice([0.18, 0.2, 0.24])),
                "score": float(rng.choice([500.0, 600.0, 700.0, np.nan])),
                "age": int(rng.choice([10, 60])),
                "channel": rng.choice(np.array(places, dtype=object)),
            }
        )
    table = frame(rows)
    total = float(table["current_balance"].sum())
    channels = {key: {"cost": 0.05} for key in keys}
    for key in keys:
        if rng.random() < 0.5:
            channels[key]["most"] = total * float(rng.choice([0.4, 0.6, 0.9]))
        if rng.random() < 0.3:
            channels[key]["least"] = total * 0.1
        if rng.random() < 0.5:
            channels[key]["averages"] = [{"column": "score", "least": 540.0, "most": 660.0}]
        limits = [
            {"column": "borrower_id", "share": shares()},
            {"column": "borrower_id", "share": shares(), "top": 2, "name": "two"},
            {"column": "buyer_id", "amount": total * 0.4, "name": "buyer"},
        ]
        channels[key]["concentrations"] = [x for x in limits if rng.random() < 0.35]
        channels[key].setdefault("most", 1e15)
    channels[OWN] = {}
    if rng.random() < 0.4:
        channels[OWN]["averages"] = [{"column": "rate", "most": 0.22}]
    if rng.random() < 0.2:
        channels[OWN]["concentrations"] = [{"column": "borrower_id", "share": 0.7}]
    stated = {
        "values": "stated",
        "churn": float(rng.choice([0.2, 0.5, 1.0])),
        "channels": channels,
        "limits": [{"column": "borrower_id", "amount": total * 0.5, "channels": [OWN, keys[1]]}],
    }
    buyer = {"name": "city-bank", "limit": 1e15, "min_seasoning": 1, "eligibility": "bank",
             "segments": ["credit"]}  # fmt: skip
    return model(stated, buyers=[buyer]), table, rng.uniform(1.0, 100.0, (LOANS, 3))


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_rows_and_cuts_ask_what_the_model_asks(seed):
    """Every placement of six loans: eligible as a plain reading says, kept as it says; and the
    best of them is what is found.
    """
    spec, table, value = _dates(seed)
    reading = Reading(spec, table)
    try:
        with patch.object(binding, "FIRST", seed % 2):  # rows on names only where broken, or few
            found = drafted(spec, table, value)
    except InfeasibleError:
        found = None
    keys = (OWN, *[key for key in spec.allocation.channels if key != OWN])
    may = np.array([[reading.may(i, key) for key in keys] for i in range(LOANS)])
    if found is not None:
        assert found.given.keys == keys
        assert (found.admission.eligible == may).all()
        program = found.assembled().program
    best = -np.inf
    for chosen in itertools.product(range(len(keys)), repeat=LOANS):
        choice = np.array(chosen, dtype=np.int16)
        if not may[np.arange(LOANS), choice].all():
            continue
        kept = reading.keeps([keys[c] for c in chosen])
        if found is None:
            assert not kept
            continue
        over = program.activity(choice) - program.right
        rows_kept = bool((over <= 1e-7).all()) and not list(broken(found, choice))
        assert rows_kept == kept
        if kept:
            best = max(best, program.worth(choice))
    if found is None:
        return
    if best == -np.inf:
        with pytest.raises(InfeasibleError):
            place(found)
        return
    assembled, answer = place(found)
    assert answer.value == pytest.approx(best, abs=1e-6)
    assert answer.bound >= best - 1e-6
    assert reading.keeps([keys[c] for c in answer.choice])
    assert assembled.counts["rows"] == len(assembled.program.rows)
