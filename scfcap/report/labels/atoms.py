"""Numbers, dates, amounts and units in another language: what no catalogue can list."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_MONTH = {name: n for n, name in enumerate(_MONTHS, 1)} | {
    name[:3]: n for n, name in enumerate(_MONTHS, 1)
}
_NAMES = "|".join(sorted(_MONTH, key=len, reverse=True))
_SPOKEN_DAY = re.compile(rf"(?:(\d{{1,2}}) )?({_NAMES}) (\d{{4}}|\d{{2}})")
_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_AMOUNT = re.compile(r"([A-Z]{3}) ([+\-−]?[\d,]*\d(?:\.\d+)?)( k| wan| m| million| yi| bn)?")
_UNIT = re.compile(r"([A-Z]{3})( k| m| wan| yi| bn)?")
#: What a date and an amount look like within a text.
DAY = rf"(?:(?:\d{{1,2}} )?(?:{_NAMES}) (?:\d{{4}}|\d{{2}})|\d{{4}}-\d\d-\d\d)"
AMOUNT = r"(?-i:[A-Z]{3} [+\-−]?[\d,]*\d(?:\.\d+)?(?: k| wan| million| m| yi| bn)?(?![\w.]\w))"
UNIT = r"(?-i:[A-Z]{3}(?: k| m| wan| yi| bn)?)"
#: Currencies: the name, and the word after an amount.
_CURRENCIES = {
    "CNY": ("人民币", "元"),
    "USD": ("美元", "美元"),
    "EUR": ("欧元", "欧元"),
    "GBP": ("英镑", "英镑"),
    "JPY": ("日元", "日元"),
    "HKD": ("港元", "港元"),
    "INR": ("印度卢比", "印度卢比"),
    "NGN": ("尼日利亚奈拉", "奈拉"),
    "UGX": ("乌干达先令", "乌干达先令"),
}
_SCALES = {"": 0, " k": 3, " wan": 4, " m": 6, " million": 6, " yi": 8, " bn": 9}
_SCALE_WORDS = {"": "", " k": "千", " wan": "万", " m": "百万", " yi": "亿", " bn": "十亿"}


def said(text: str, language: str) -> str | None:
    """A date, an amount or a unit of currency in ``language``; None where it is none."""
    if language != "zh":
        return text
    for pattern, say in (
        (_SPOKEN_DAY, _day), (_ISO_DAY, _iso_day), (_AMOUNT, _amount), (_UNIT, _unit)
    ):  # fmt: skip
        match = pattern.fullmatch(text)
        if match is not None:
            return say(match)
    return None


def _day(match: re.Match[str]) -> str:
    day, month, year = match.groups()
    whole = year if len(year) == 4 else f"20{year}"
    return f"{whole}年{_MONTH[month]}月" + (f"{int(day)}日" if day else "")


def _iso_day(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    return f"{year}年{int(month)}月{int(day)}日"


def _amount(match: re.Match[str]) -> str | None:
    """Amounts count by ten thousand and by a hundred million: 12.3 m is 1,230 万."""
    currency, number, scale = match.groups()
    if currency not in _CURRENCIES:
        return None
    digits, tens = number.replace(",", "").replace("−", "-"), _SCALES[scale or ""]
    amount = float(digits) * 10.0**tens
    decimals = len(digits.partition(".")[2])
    unit, word, fours = next(
        ((u, w, f) for u, w, f in ((1e8, "亿", 8), (1e4, "万", 4)) if abs(amount) >= u),
        (1.0, "", 0),
    )
    # As many decimals as the English tells, in the new unit; noughts at the end only of those.
    places = max(decimals + fours - tens, 0)
    shown = f"{amount / unit:{'+' if number.startswith('+') else ''},.{places}f}"
    if places > decimals and "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return f"{shown}{word}{_CURRENCIES[currency][1]}"


def _unit(match: re.Match[str]) -> str | None:
    currency, scale = match.groups()
    if currency not in _CURRENCIES:
        return None
    name, word = _CURRENCIES[currency]
    ten = _SCALE_WORDS[scale or ""]
    return f"{name}{ten}元" if name == "人民币" else f"{ten}{word}"


def joined(parts: Sequence[str], joint: str, language: str) -> str:
    """``parts`` with what stands in ``language`` for an English ``joint``."""
    signs = {": ": "：", "; ": "；", ", ": "，"}
    between = signs.get(joint, joint) if language == "zh" else joint
    return between.join(parts)


def sentences(parts: Sequence[str], language: str) -> str:
    """Sentences after each other, each with its stop."""
    return ("" if language == "zh" else " ").join(parts)


def listed(parts: Sequence[str], language: str) -> str:
    """``a, b and c``."""
    word = "和" if language == "zh" else " and "
    comma = "、" if language == "zh" else ", "
    return word.join([comma.join(parts[:-1]), parts[-1]])


def stopped(text: str, language: str) -> str:
    """A sentence with its stop."""
    return text if text.endswith("。") else text + ("。" if language == "zh" else ".")


def bracketed(text: str, language: str) -> str:
    """``text`` in brackets."""
    return f"（{text}）" if language == "zh" else f"({text})"
