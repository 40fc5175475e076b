"""What is said of histories that leave out how loans ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from scfcap.credit.doubts import doubts
from scfcap.schema.history import PerformanceSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape.history import history_from_panel
from scfcap.tape.performance import read_performance
from scfcap.tape.read import read_tape

LATE = PerformanceSpec(kind="tapes", path="x", vanished="repaid")


def history(vanished, loans=100):
    """``loans`` seen in January, of which ``vanished`` are not in February."""
    month = [[0, 1]] * (loans - vanished) + [[0]] * vanished
    panel = pd.DataFrame({"loan": range(loans), "month": month}).explode("month", ignore_index=True)
    first = panel["month"] == 0
    none = dict.fromkeys(("principal", "charged_off", "paid", "recovered"), 0.0)
    panel = panel.astype({"month": "int64"}).assign(
        opening=(~first) * 10.0, adjusted=first * 10.0, closing=10.0, days_past_due=0, **none
    )
    known = pd.DataFrame({"loan_id": [f"L{n}" for n in range(loans)], "segment": "a"})
    return history_from_panel(known, panel, source="s", digest="d")


@pytest.mark.parametrize(("vanished", "count"), [(0, 0), (2, 0), (3, 1)])
def test_more_than_two_percent_may_not_vanish(vanished, count):
    found = doubts(history(vanished), None)
    assert len(found) == count
    assert all(doubt.forbids and str(doubt).startswith("3 of 100 loans") for doubt in found)


def test_loans_that_vanish_late_do_not_forbid_the_curves():
    (doubt,) = doubts(history(3), LATE)
    assert not doubt.forbids
    assert "default_days" in str(doubt)


STATUS = PerformanceSpec(
    kind="status", path="h.csv", columns={"loan_id": "l", "date": "d", "balance": "b"}
)
HEAD = (
    "loan_id,segment,loan_type,origination_date,maturity_date,original_balance,current_balance,rate"
)


def of_tape(folder, *, listed, ended=100, spec=STATUS):
    """100 running loans of the tape, and ``ended`` of which the tape lists ``listed``."""
    as_of = date(2020, 2, 29)
    names = [f"R{n}" for n in range(100)] + [f"E{n}" for n in range(listed)]
    terms = "order,bullet,2020-01-10,2020-12-31,10"
    lines = [f"{name},{terms},{0 if name[0] == 'E' else 10},0" for name in names]
    (folder / "t.csv").write_text("\n".join([HEAD, *lines]) + "\n")
    tape = read_tape(TapeSpec(source="file", path="t.csv"), as_of=as_of, folder=folder)
    rows = [f"R{n},2020-0{m},10" for n in range(100) for m in ("1-31", "2-29")]
    rows += [f"E{n},2020-01-31,10\nE{n},2020-02-29,0" for n in range(ended)]
    head = "l,d,b"
    if spec.sources("segment"):
        head, rows = "l,d,b,s", [r.replace("\n", ",order\n") + ",order" for r in rows]
    (folder / "h.csv").write_text("\n".join([head, *rows]) + "\n")
    return read_performance(spec, tape, folder=folder, as_of=as_of)


@pytest.mark.parametrize(("listed", "count"), [(100, 0), (98, 0), (97, 1), (0, 1)])
def test_ended_loans_must_have_a_segment(tmp_path, listed, count):
    found = doubts(of_tape(tmp_path, listed=listed), STATUS)
    assert len(found) == count
    for doubt in found:
        assert doubt.forbids
        assert str(doubt).startswith(f"{100 - listed} of 100 loans that ended are not on the tape")
        assert "Map segment in [history.columns]" in str(doubt)


def test_a_segment_of_the_history_itself_will_do(tmp_path):
    spec = STATUS.model_copy(update={"columns": {**STATUS.columns, "segment": "s"}})
    history = of_tape(tmp_path, listed=0, spec=spec)
    assert set(history.loans["segment"]) == {"order"}
    assert doubts(history, spec) == ()


def test_few_ended_loans_without_a_segment_may_be_all_that_defaulted(tmp_path):
    history = of_tape(tmp_path, listed=99)
    ends = history.loans["end"].mask(history.loans["loan_id"] == "E99", "default")
    history = replace(history, loans=history.loans.assign(end=ends))
    assert len(doubts(history, STATUS)) == 1
