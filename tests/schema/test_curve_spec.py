"""``[curves]`` of a model: what is refused, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scfcap.errors import InputError
from scfcap.schema.load import json_schema, load_model

CURVE = """
[curves.cny]
as_of = 2013-12-27
expires = 2014-01-10
source = "a bank's sheet of that day"
tenors = [0.25, 1.0, 5.0]
rates = [0.041, 0.043, 0.046]
"""
INDEX = """
[indices.shibor]
curve = "cny"
months = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "model.toml").write_text(f'base = "alibaba-2013"\n{text}', encoding="utf-8")
        return tmp_path

    return write


def test_a_curve_is_read(folder: Callable[[str], Path]) -> None:
    loaded = load_model(folder(CURVE + INDEX))
    curve = loaded.spec.curves["cny"]
    assert curve.rates == (0.041, 0.043, 0.046)
    assert curve.interpolation == "log_linear_discount"
    assert curve.last_day.isoformat() == "2014-01-10"
    assert loaded.spec.indices["shibor"].curve == "cny"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("expires = 2014-01-10", "", "curves.cny.expires: found neither; expected expires"),
        ("2014-01-10", "2014-01-10\nvalid_days = 5", "both expires and valid_days"),
        ("2014-01-10", "2013-12-01", "found 2013-12-01; expected as_of, 2013-12-27, or later"),
        ("tenors = [0.25, 1.0, 5.0]", "", "neither tenors nor dates"),
        ("tenors =", "dates = [2014-01-27]\ntenors =", "both tenors and dates"),
        ("[0.25, 1.0, 5.0]", "[0.25, 1.0]", "3 rates for 2 tenors; expected one for each"),
        ("[0.25, 1.0, 5.0]", "[0.25, 1.0, 1.0]", "1.0 after 1.0; expected tenors that rise"),
        ("0.041", "4.1", "curves.cny.rates"),
        ("0.043, 0.046]", '0.043, -0.25]\ncompounding = "simple"', "a rate that leaves something"),
        ('source = "a bank\'s sheet of that day"', "", "curves.cny.source"),
    ],
)
def test_what_a_curve_cannot_be_is_refused(
    folder: Callable[[str], Path], old: str, new: str, found: str
) -> None:
    assert old in CURVE
    with pytest.raises(InputError) as refused:
        load_model(folder(CURVE.replace(old, new, 1) + INDEX))
    assert found in str(refused.value)


def test_an_expired_curve_is_refused_with_its_place(folder: Callable[[str], Path]) -> None:
    text = CURVE.replace("2014-01-10", "2013-12-30") + INDEX
    with pytest.raises(InputError) as refused:
        load_model(folder(text))
    assert str(refused.value) == (
        'model.toml: indices.shibor.curve: found curve "cny" of 2013-12-27, which expired on '
        "2013-12-30; expected a curve that may be used on 2013-12-31. Take the rates anew from its "
        "source (a bank's sheet of that day) and state them with their day."
    )
    load_model(folder(CURVE.replace("expires = 2014-01-10", "valid_days = 4") + INDEX))
    with pytest.raises(InputError, match="expired on 2013-12-30"):
        load_model(folder(CURVE.replace("expires = 2014-01-10", "valid_days = 3") + INDEX))


def test_a_curve_that_nobody_uses_may_be_old(folder: Callable[[str], Path]) -> None:
    load_model(folder(CURVE.replace("2014-01-10", "2013-12-30")))


def test_a_curve_of_later_is_refused(folder: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="of 2014-01-03, to be used on 2013-12-31"):
        load_model(folder(CURVE.replace("2013-12-27", "2014-01-03") + INDEX))


def test_a_missing_curve_is_refused_with_a_name_like_it(folder: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r'found "cnh"; expected one of the curves cny.*cny\?'):
        load_model(folder(CURVE + INDEX.replace("cny", "cnh")))
    key = "deals.new-series.analytics.curve"
    with pytest.raises(InputError) as refused:
        load_model("alibaba-2013", overrides=[f"{key}=cny"])
    assert "one of the curves (none). Add [curves.cny] with its day and source." in str(
        refused.value
    )
    assert key in str(refused.value)


def test_an_index_needs_fixings_or_a_curve(folder: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="neither fixings nor a curve"):
        load_model(folder("[indices.shibor]\nmonths = 3"))


def test_the_json_schema_has_curves_and_what_deals_say_of_prices() -> None:
    schema = json_schema()
    kinds = schema["$defs"]
    assert schema["properties"]["curves"]["additionalProperties"]["$ref"].endswith("CurveSpec")
    assert {"as_of", "source", "rates"} == set(kinds["CurveSpec"]["required"])
    assert kinds["CurveSpec"]["properties"]["extrapolation"]["enum"] == [
        "refuse",
        "flat_zero",
        "flat_forward",
    ]
    assert {"analytics", "capital"} <= set(kinds["DealSpec"]["properties"])
    for name in ("CurveSpec", "AnalyticsSpec", "CapitalSpec", "IndexSpec"):
        for field, told in kinds[name]["properties"].items():
            assert told.get("description"), (name, field)
