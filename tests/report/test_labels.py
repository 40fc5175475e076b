"""What the reports say in another language: texts, templates, parts, dates and amounts."""

from __future__ import annotations

import pytest

import scfcap.report.labels as module
from scfcap.report.labels import Labels, stated
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
    for kept in ("_texts", "_keys", "_by_word"):
        monkeypatch.setattr(f"scfcap.report.labels.{kept}", getattr(module, kept).__wrapped__)
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


def test_a_text_stated_in_two_files_is_said_alike() -> None:
    found: dict[str, dict[str, str]] = {}
    for name, texts in stated("zh").items():
        for text, said in texts.items():
            found.setdefault(text, {})[name] = said
    assert {text: each for text, each in found.items() if len(set(each.values())) > 1} == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # names keep their English, whatever words they hold
        ("Bank debt: Free cash Ltd", "银行借款：Free cash Ltd"),
        ("bank_debt:bank-a", "银行借款：bank-a"),
        ("Loan demand in credit_long", "credit_long的贷款需求"),
        ("Credit long", "Credit long"),
        ("Securitization: series-7", "资产证券化：series-7"),
        # what the tape holds is said where it is known, else left alone
        ("Hunan", "Hunan"),
        ("above 500 to 550", "500以上至550"),
        # plurals, times, amounts, percentages, days
        ("Within 7 days", "7天以内"),
        (
            "Lend CNY 138 m over 4 months, 70% of the demand of CNY 196 m; "
            "net income is CNY 1.61 m.",
            "在4个月内发放贷款1.38亿元，占需求1.96亿元的70%；净利润为161万元。",
        ),
        (
            "Banks: draw CNY 2.27 m on bank-a in 2 periods (owing at most CNY 3.64 m, "
            "in January 2014); draw CNY 1.36 m on bank-a once (owing at most CNY 3.64 m, "
            "in January 2014).",
            "银行：分2期向bank-a提款共227万元（最高欠款364万元，2014年1月）；"
            "向bank-a提款一次，共136万元（最高欠款364万元，2014年1月）。",
        ),
        (
            "CNY 1 million more of net capital at the start earns CNY 42,989 over the 4 months, "
            "for up to CNY 7,212,560; then the P2P limit (2014-03-31) binds.",
            "期初净资本每增加100万元，4个月内可增加收益4.2989万元，适用范围不超过721.256万元；"
            "其后“P2P限额（2014年3月31日）”用足。",
        ),
        # codes stay
        ("days_past_due <= 0", "days_past_due <= 0"),
        ("demand.credit_long.amount", "demand.credit_long.amount"),
    ],
)
def test_what_reports_say_in_chinese(text: str, said: str) -> None:
    names = ("bank-a", "Free cash Ltd", "credit_long", "series-1")
    labels = Labels("zh", names, ("Hunan", "above 500 to 550"))
    assert labels(text) == said
    assert not labels.missing
