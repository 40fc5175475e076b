"""Pictures of results: all are drawn, fit their paper, are told apart, and speak both languages."""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from colorspacious import cspace_convert, deltaE
from matplotlib.text import Text

import scfcap
from scfcap.api.plots import SAVED, saved_pictures, table_drawings
from scfcap.errors import InputError
from scfcap.report.charts import Picture, Row, lines, rows_of_bars, stacked
from scfcap.report.charts.time import apart
from scfcap.report.labels import Labels
from scfcap.report.pictures.pictured import About
from scfcap.report.sheets.common import CHANNEL_COLOURS, PALETTE
from scfcap.report.tables import RunMeta, Table

#: Two colours of one chart differ at least by so much, in CAM02-UCS (1: just seen by most).
APART = 13.0
ENDS = pd.Series(pd.date_range("2024-01-31", periods=6, freq="ME").astype("datetime64[s]"))


def _rgb(colours: list[str]) -> np.ndarray:
    return np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in colours])


@pytest.mark.parametrize("kind", ["none", "deuteranomaly", "protanomaly"])
def test_colours_are_told_apart_by_every_eye(kind: str) -> None:
    # Machado, Oliveira, Fernandes (2009) at full severity, by the library colorspacious
    seen = _rgb([*PALETTE])
    if kind != "none":
        sight = {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
        seen = np.clip(cspace_convert(seen, sight, "sRGB1"), 0.0, 1.0)
    pairs = itertools.combinations(range(len(PALETTE)), 2)
    worst = min((float(deltaE(seen[i], seen[j], input_space="sRGB1")), i, j) for i, j in pairs)
    assert worst[0] >= APART, (worst, PALETTE[worst[1]], PALETTE[worst[2]])
    assert set(CHANNEL_COLOURS.values()) <= set(PALETTE)


def _outside(picture: Picture) -> list[str]:
    """Texts that leave the paper; marks of an axis outside its view are not drawn."""
    picture.texts()  # draws it
    figure = picture.figure
    paper, hidden = figure.bbox, set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            drawn = {id(tick.label1) for tick in axis._update_ticks()} | {id(axis.label)}
            hidden |= {id(text) for text in axis.findobj(Text)} - drawn
    found = []
    for text in figure.findobj(Text):
        if id(text) in hidden or not text.get_visible() or not text.get_text().strip():
            continue
        box = text.get_window_extent()
        across = paper.x0 - 1 <= box.x0 and box.x1 <= paper.x1 + 1
        if not (across and paper.y0 - 1 <= box.y0 and box.y1 <= paper.y1 + 1):
            found.append(text.get_text())
    return found


def _inked(png: bytes) -> float:
    """Share of the dots that are not white."""
    import io

    from matplotlib.image import imread

    dots = imread(io.BytesIO(png))
    return float((dots[..., :3].min(axis=2) < 0.95).mean())


@pytest.fixture(scope="module")
def drawings(tables: Mapping[str, Table], meta: RunMeta):
    return table_drawings(tables, meta)


def test_every_picture_of_a_run_is_drawn_and_fits(drawings) -> None:
    expected = {"funding", "sources_uses", "limits", "cash", "lending", "prices", "concentrations",
                "stratification", "run_off_base", "scenarios", "series_series-1"}  # fmt: skip
    assert expected <= set(drawings)
    for kind, draw in drawings.items():
        picture = draw()
        assert _outside(picture) == [], kind
        assert _inked(picture.to_bytes("png")) > 0.01, kind


def test_every_text_of_a_picture_is_said_in_chinese(drawings, tables, meta) -> None:
    from scfcap.report.pictures.pool import pool_values

    values = pool_values({name: t.frame for name, t in tables.items() if name.startswith("pool_")})
    labels = Labels("zh", (*meta.names, meta.model, meta.title, "order", "credit", "bank-a",
                           "chongqing-2012",
                           "series-1", "stress", "base",
                           *tables["pool_eligibility"].frame["rule"]), values)  # fmt: skip
    made_up = {"prices"}  # the fixture's words for limits are not the engine's
    for kind, draw in drawings.items():
        if kind in made_up:
            continue
        picture = draw().said(labels)
        assert labels.missing == set(), kind
        assert _outside(picture) == [], kind
        assert any(re.search(r"[\u4e00-\u9fff]", text) for text in picture.texts()), kind


def test_a_run_folder_gets_the_plan_s_pictures(drawings, meta) -> None:
    files = saved_pictures(drawings, "en", lambda: About.of_run(meta))
    assert list(files) == [f"pictures/{kind}.png" for kind in SAVED]
    assert files["pictures/cash.png"] == drawings["cash"]().to_bytes()
    for name, data in files.items():
        assert data[:8] == b"\x89PNG\r\n\x1a\n", name
        assert _inked(data) > 0.02, name


def test_a_picture_is_saved_in_the_kind_of_its_name(tmp_path) -> None:
    picture = lines("A title", ENDS, {"a": np.arange(6.0)}, "CNY", source="Model m · as of today")
    for name, head in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")):
        path = picture.save(tmp_path / name)
        assert path.read_bytes().startswith(head)
        assert path.read_bytes() == picture.to_bytes(name[-3:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg"]
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        picture.save(tmp_path / "a.gif")
    with pytest.raises(InputError, match="cannot be written"):
        picture.save(tmp_path / "nowhere" / "a.png")
    assert picture._repr_png_() == picture.to_bytes("png")
    assert "<path" in picture._repr_svg_()
    assert "<text" not in picture._repr_svg_()
    assert repr(picture) == "Picture: A title (9 x 5 inches)"


def test_long_and_hostile_names_stay_on_the_paper() -> None:
    name = "A very long name & <b>of</b> $x^2$ 平台小额贷款 " * 4
    rows = [Row(name, 1.0, "said"), Row("b", 2.0, "said", limit=3.0)]
    for picture in (
        rows_of_bars(name, {"": rows}, "CNY m", note=name, source=name),
        stacked(name, ENDS, {"one": np.ones(6), "two": -np.ones(6)}, "CNY", note=name),
    ):
        assert _outside(picture) == []
        assert struct.unpack(">II", picture.to_bytes("png")[16:24])[0] == 1350


def test_stacked_bars_stand_on_one_another_and_hang_below_zero() -> None:
    parts = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, -4.0]), "c": np.array([-5.0, 6.0])}
    (axes,) = stacked("t", ENDS.iloc[:2], parts, "CNY").figure.axes
    reach = {(round(p.get_x(), 2), p.get_y(), p.get_y() + p.get_height()) for p in axes.patches}
    first = {(low, high) for x, low, high in reach if x < 0.0 and low != high}
    second = {(low, high) for x, low, high in reach if x > 0.0 and low != high}
    assert first == {(0.0, 1.0), (1.0, 4.0), (0.0, -5.0)}
    assert second == {(0.0, 2.0), (0.0, -4.0), (2.0, 8.0)}


def test_names_of_lines_are_moved_apart() -> None:
    assert apart([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])
    assert apart([0.1, 0.9], 0.1) == [0.1, 0.9]
    assert apart([0.0, 0.01], 0.1) == pytest.approx([0.0, 0.1])
    assert apart([1.0, 0.98], 0.1) == pytest.approx([1.0, 0.9])
    assert apart([], 0.1) == []


@pytest.fixture(scope="module")
def model() -> scfcap.api.Model:
    return scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 120})


def test_reports_and_bare_results_list_their_kinds(model) -> None:
    pool = model.pool()
    assert model.pool_report().kinds == ("stratification", "concentrations", "eligibility")
    projection = model.projection(["base", "stress"])
    assert projection.kinds == ("run_off_base", "run_off_stress", "scenarios", "scenarios_loss")
    assert model.deal_report(scenarios=["base"]).kinds == (
        "classes", "waterfall", "coverage", "drawing",
    )  # fmt: skip
    assert {"funding", "limits", "run_off_stress", "curves", "channels"} <= set(model.kinds)
    for result, kind in (
        (pool, "eligibility"), (model.cashflow(), "scenarios"), (model.deal(), "coverage"),
        (model.deals()["series-1"], None), (model.distribution(8, 1), "fan_loss"),
        (model.watch(), None), (model.credit_report(), "curves"), (model, "stratification"),
    ):  # fmt: skip
        assert _outside(scfcap.plot(result, kind, currency="CNY")) == [], (result, kind)


def test_an_unknown_kind_names_the_nearest(model) -> None:
    report = model.pool_report()
    with pytest.raises(InputError, match="Did you mean 'concentrations'"):
        report.plot("concentration_")
    with pytest.raises(InputError, match="one of en, zh"):
        report.plot(language="fr")
    with pytest.raises(InputError, match="a report, a run, a model"):
        scfcap.plot({"no": "result"})
    assert model.projection(["base"]).plot("run_off").texts()[0] == "Collections and balance"
