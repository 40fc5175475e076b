"""Small files of a run folder, and the run in ten lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scfcap.report import files
from scfcap.report.files import csv_bytes, manifest, records
from scfcap.report.lines import five_lines, ten_lines


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx"])
def test_a_cell_that_is_a_formula_to_a_spreadsheet_is_defused(text):
    frame = pd.DataFrame({"a": [text]})
    assert csv_bytes(frame).decode().split("\n", 1)[1].lstrip('"').startswith("'")


@pytest.mark.parametrize("text", ["-12.5", "+3", "L-1", "", "plain"])
def test_numbers_and_plain_text_stay_as_they_are(text):
    frame = pd.DataFrame({"a": [text], "b": [-1.5]})
    assert csv_bytes(frame).decode() == pd.DataFrame({"a": [text], "b": [-1.5]}).to_csv(
        index=False, lineterminator="\n"
    )


def test_half_of_a_character_is_written_as_a_question_mark():
    cells = pd.Series(["x\ud800y", "=\udfff", 3, None, "\U0001f600"], dtype=object)
    frame = cells.to_frame().set_axis(pd.Index(["a\udc00"], dtype=object), axis=1)
    assert csv_bytes(frame).decode() == 'a?\nx?y\n\'=?\n3\n""\n\U0001f600\n'


def test_a_long_list_is_written_in_parts(monkeypatch):
    frame = pd.DataFrame({"a": ["x", "=1", None, "-2"], "b": [1.0, 2.0, 3.0, float("nan")]})
    whole = csv_bytes(frame)
    monkeypatch.setattr(files, "_AT_A_TIME", 3)
    assert csv_bytes(frame) == whole == b"a,b\nx,1.0\n'=1,2.0\n,3.0\n-2,\n"
    assert csv_bytes(frame.iloc[:0]) == b"a,b\n"


def test_records_are_plain_with_dates_in_iso_form():
    frame = pd.DataFrame(
        {"end": np.array(["2020-01-31", "NaT"], dtype="datetime64[s]"), "n": [1, 2], "x": [0.5, 1]}
    )
    first, second = records(frame)
    assert first == {"end": "2020-01-31", "n": 1, "x": 0.5}
    assert pd.isna(second["end"])


def test_a_manifest_states_versions_and_rounds_seconds():
    found = manifest({"seed": 7}, {"plan": 1.23456})
    assert found["seed"] == 7
    assert found["run_seconds"] == {"plan": 1.235}
    assert found["versions"]["pandas"] == pd.__version__
    assert "HiGHS" in found["solver"]


def test_ten_lines_tell_book_losses_plan_prices_and_checks(tables, meta):
    lines = ten_lines(tables, meta)
    assert len(lines) == 10
    assert lines[0].startswith(meta.title)
    assert lines[3].startswith("Plan: lend ")
    assert [line[:3] for line in lines[6:9]] == ["1. ", "2. ", "3. "]
    assert lines[9].startswith("Checks: all 2 hold")
    assert five_lines(tables, meta)[0] == lines[0]


def test_where_nothing_earns_more_one_line_says_so(tables, meta):
    prices = tables["plan_prices"]
    bare = {**tables, "plan_prices": replace(prices, frame=prices.frame.head(0))}
    lines = ten_lines(bare, meta)
    assert len(lines) == 8
    assert lines[6] == "1. Neither more money nor a wider limit would earn more."
    assert five_lines(bare, meta)[4] == "Neither more money nor a wider limit would earn more."


def test_a_failed_check_is_shouted(tables, meta):
    frame = tables["plan_checks"].frame.copy()
    frame.loc[0, "ok"] = False
    spoilt = {**tables, "plan_checks": replace(tables["plan_checks"], frame=frame)}
    assert f"FAILED: {frame.loc[0, 'check']}" in ten_lines(spoilt, meta)[-1]
