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
_DAY = re.compile(rf"(?:(\d{{1,2}}) )?({_NAMES}) (\d{{4}}|\d{{2}})")
_AMOUNT = re.compile(r"([A-Z]{3}) ([+\-−]?[\d,]+(?:\.\d+)?)( k| m| bn)?")
_UNIT = re.compile(r"([A-Z]{3})( k| m| wan| yi| bn)?")
#: Currencies: the name, and the word after an amount.
_CURRENCIES = {
    "CNY": ("人民币", "元"),
    "USD": ("美元", "美元"),
    "EUR": ("欧元", "欧元"),
    "GBP": ("英镑", "英镑"),
    "JPY": ("日元", "日元"),
    "HKD": ("港元", "港元"),
    "INR": ("印度卢比", "印度卢比"),
    "UGX": ("乌干达先令", "乌干达先令"),
}
_SCALES = {"": 1.0, " k": 1e3, " wan": 1e4, " m": 1e6, " yi": 1e8, " bn": 1e9}
_SCALE_WORDS = {"": "", " k": "千", " wan": "万", " m": "百万", " yi": "亿", " bn": "十亿"}


def said(text: str, language: str) -> str | None:
    """A date, an amount or a unit of currency in ``language``; None where it is none."""
    if language != "zh":
        return text
    for pattern, say in ((_DAY, _day), (_AMOUNT, _amount), (_UNIT, _unit)):
        match = pattern.fullmatch(text)
        if match is not None:
            return say(match)
    return None


def _day(match: re.Match[str]) -> str:
    day, month, year = match.groups()
    whole = year if len(year) == 4 else f"20{year}"
    return f"{whole}年{_MONTH[month]}月" + (f"{int(day)}日" if day else "")


def _amount(match: re.Match[str]) -> str | None:
    """Amounts count by ten thousand and by a hundred million: 12.3 m is 1,230 万."""
    currency, number, scale = match.groups()
    if currency not in _CURRENCIES:
        return None
    digits = number.replace(",", "").replace("−", "-")
    amount = float(digits) * _SCALES[scale or ""]
    decimals = len(digits.partition(".")[2])
    unit, word = next(
        ((u, w) for u, w in ((1e8, "亿"), (1e4, "万")) if abs(amount) >= u), (1.0, "")
    )
    # As many decimals as the English tells, in the new unit.
    places = round(decimals + {1.0: 0, 1e4: 4, 1e8: 8}[unit] - _zeros(scale or ""))
    sign = "+" if number.startswith("+") else ""
    shown = f"{amount / unit:{sign},.{max(places, 0)}f}"
    return f"{shown}{word}{_CURRENCIES[currency][1]}"


def _zeros(scale: str) -> int:
    return len(f"{_SCALES[scale]:.0f}") - 1


def _unit(match: re.Match[str]) -> str | None:
    currency, scale = match.groups()
    if currency not in _CURRENCIES:
        return None
    name, word = _CURRENCIES[currency]
    ten = _SCALE_WORDS[scale or ""]
    return f"{name}{ten}元" if name == "人民币" else f"{ten}{word}"


def joined(parts: Sequence[str], joint: str, language: str) -> str:
    """``parts`` with what stands in ``language`` for an English ``joint``."""
    signs = {": ": "：", "; ": "；", ", ": "，", ". ": "。"}
    between = signs.get(joint, joint) if language == "zh" else joint
    if joint == ". " and language == "zh":
        parts = [part.removesuffix("。") for part in parts[:-1]] + [parts[-1]]
    return between.join(parts)


def listed(parts: Sequence[str], language: str) -> str:
    """``a, b and c``."""
    word = "和" if language == "zh" else " and "
    comma = "、" if language == "zh" else ", "
    return word.join([comma.join(parts[:-1]), parts[-1]])


def stopped(text: str, language: str) -> str:
    """A sentence with its stop."""
    return text if text.endswith("。") else text + ("。" if language == "zh" else ".")
