"""Charts: files that open, the same bytes each time, every series named, any script."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from scfcap.report.charts import bridge, fan, heat_maps, run_off

ENDS = pd.date_range("2024-01-31", periods=8, freq="ME").astype("datetime64[s]")


@pytest.fixture
def spread() -> pd.DataFrame:
    mean = 1e6 * 0.7 ** np.arange(8)
    bands = {"p1": 0.6, "p5": 0.7, "p25": 0.9, "p50": 1.0, "p75": 1.05, "p95": 1.2, "p99": 1.4}
    return pd.DataFrame({"end": ENDS, "mean": mean} | {k: v * mean for k, v in bands.items()})


@pytest.fixture
def flows() -> pd.DataFrame:
    left = 0.5 ** np.arange(8)
    columns = {"interest": 10.0, "scheduled": 400.0, "prepaid": 90.0, "recovery": 2.0}
    return pd.DataFrame(
        {"end": ENDS, "closing": 500.0 * left} | {k: v * left for k, v in columns.items()}
    )


def _texts(svg: bytes) -> list[str]:
    return [str(each.text) for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def _pictures(spread, flows):
    return {
        "fan": lambda: fan("Collections", spread, "CNY", lines={"base": spread["p50"].to_numpy()}),
        "run off": lambda: run_off("Run-off", flows, "CNY", "a note"),
        "bridge": lambda: bridge("Loss", 5e6, {"rate": -1e6, "default": 2e6}, ("a", "b"), "CNY"),
    }


@pytest.mark.parametrize("name", ["fan", "run off", "bridge"])
def test_the_same_figures_give_the_same_bytes(spread, flows, name):
    draw = _pictures(spread, flows)[name]
    (png, svg), again = ([draw().to_bytes(kind) for kind in ("png", "svg")] for _ in "ab")
    assert [png, svg] == again
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (1350, 750)
    assert b"<dc:date>" not in svg


def test_a_fan_names_bands_lines_months_and_unit(spread):
    lines = {"stress": spread["p5"].to_numpy()}
    texts = _texts(fan("Fan", spread, "CNY", lines=lines, note="200 paths").to_bytes("svg"))
    expected = {"Fan", "200 paths", "1% to 99% of the paths", "median", "mean", "scenario stress",
                "CNY k", "Jan 24", "Aug 24"}  # fmt: skip
    assert expected <= set(texts)


def test_a_fan_ends_where_nothing_is_left(spread):
    tail = spread.copy()
    tail.loc[3:, tail.columns != "end"] = 0.0
    texts = _texts(fan("Fan", tail, "CNY").to_bytes("svg"))
    assert "Apr 24" in texts  # the fall to nothing is seen
    assert "Aug 24" not in texts


def test_a_run_off_shows_only_what_flows(flows):
    texts = _texts(run_off("Run-off", flows.assign(recovery=0.0), "EUR").to_bytes("svg"))
    assert {"interest", "scheduled principal", "prepaid principal"} <= set(texts)
    assert "recoveries" not in texts
    assert "collections, EUR" in texts
    empty = flows.assign(**dict.fromkeys(["interest", "scheduled", "prepaid", "closing"], 0.0))
    assert run_off("Nothing", empty, "EUR").to_bytes("png")


def test_a_bridge_tells_every_step():
    texts = _texts(
        bridge("Bridge", 5e7, {"rate": -1e6, "fees": 0.0}, ("a", "b"), "CNY").to_bytes("svg")
    )
    assert {"50", "−1", "0", "49", "a", "rate", "b", "CNY m"} <= set(texts)
    assert "The axis does not start at zero." in texts
    texts = _texts(bridge("Bridge", 5e7, {"rate": -4e7}, ("a", "b"), "CNY").to_bytes("svg"))
    assert "The axis does not start at zero." not in texts
    assert bridge("Nothing", 0.0, {"rate": 0.0}, ("a", "b"), "CNY").to_bytes("png")


def test_any_script_is_drawn_without_complaint(spread):
    picture = fan("平台小额贷款 \U0001f4b0", spread, "CNY", note="ยอดคงเหลือ")
    assert picture.to_bytes("png")
    assert re.search("平台小额贷款", picture.to_bytes("svg").decode())


def test_heat_maps_tell_every_cell_and_mark_what_fails():
    frame = pd.DataFrame([[0.1, 0.25], [-0.5, np.nan]], index=[0.5, 1.0], columns=[1.0, 2.0])
    fails = pd.DataFrame([[False, True], [False, False]], index=[0.5, 1.0], columns=[1.0, 2.0])
    drawn = heat_maps(
        "Yield",
        {"low": frame, "high": frame},
        {"low": fails, "high": fails},
        ("down", "up"),
        "note",
    )
    texts = _texts(drawn.to_bytes("svg"))
    for cell in ("10.0%", "25.0%", "-50.0%", "×"):
        assert texts.count(cell) == 2, cell
    assert {"low", "high", "down", "up", "note"} <= set(texts)
    assert drawn.to_bytes("png") == drawn.to_bytes("png")
