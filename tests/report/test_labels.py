"""What the reports say in another language: texts, templates, parts, dates and amounts."""

from __future__ import annotations

import pytest

from scfcap.report.labels import Labels
from scfcap.report.labels import catalogue as _catalogue


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> Labels:
    known = {
        "Bank debt": "银行借款",
        "Lend {amount} over {n} months": "{n}个月内放款{amount}",
        "No limit binds": "没有限额用足",
        "Use": "使用",
        "{what}, {unit}": "{what}（{unit}）",
    }
    monkeypatch.setattr("scfcap.report.labels.catalogue", lambda _: known)
    return Labels("zh", ("bank-a",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Bank debt", "银行借款"),
        ("Bank debt: bank-a", "银行借款：bank-a"),
        ("Lend CNY 12.3 m over 12 months", "12个月内放款1,230万元"),
        ("No limit binds.", "没有限额用足。"),
        ("Use, CNY m", "使用（人民币百万元）"),
        ("March 2014", "2014年3月"),
        ("3 Mar 14", "2014年3月3日"),
        ("CNY 1,234 m", "12.34亿元"),
        ("USD 0.5 m", "50万美元"),
        ("12.5%", "12.5%"),
        (
            "scfcap run alibaba-2013 --set plan.periods=4",
            "scfcap run alibaba-2013 --set plan.periods=4",
        ),
    ],
)
def test_what_is_known_is_said(labels: Labels, text: str, said: str) -> None:
    assert labels(text) == said
    assert not labels.missing


def test_what_no_catalogue_has_stays_and_is_noted(labels: Labels) -> None:
    assert labels("Lend nothing over there") == "Lend nothing over there"
    assert labels.missing == {"Lend nothing over there"}


def test_english_needs_no_catalogue() -> None:
    assert Labels("en")("Whatever it is") == "Whatever it is"


def test_the_places_of_a_translation_are_those_of_its_text() -> None:
    import re

    place = re.compile(r"\{[a-z_]+\}")
    for text, said in _catalogue("zh").items():
        assert sorted(set(place.findall(text))) == sorted(set(place.findall(said))), text
