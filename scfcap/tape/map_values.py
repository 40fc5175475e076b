"""What the values of a source column say: kind, number and date form, uniqueness, range.

Uniqueness and date forms are asked of every row, numbers of a bounded sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.tape.cells import MISSING, is_text, plain, trimmed
from scfcap.tape.dates import DateArray
from scfcap.tape.dates import dates as read_dates
from scfcap.tape.numbers import PLAIN, NumberForm
from scfcap.tape.numbers import numbers as read_numbers

#: Rows on which numbers and columns are compared.
SAMPLE: Final = 20_000
#: Share of the present cells that must read as a kind.
_MOST = 0.98
#: Share of the present cells that the date forms together must read.
_DATED = 0.995
#: Most distinct texts that are tried as dates.
_DATE_TEXTS = 200_000

#: Ways to write numbers, tried in this order: decimal mark, mark of thousands.
_MARKS: Final = ((".", ""), (".", ","), (",", "."), (",", ""), (".", " "), (",", " "), (".", "'"))
#: Signs and codes of money; other capitals beside digits are the key of something.
_MONEY: Final = (
    r"\p{Sc}|元|圆|円|\bRs\.?|\bkr\.?|^\(.*[0-9].*\)$|(?:^|[^A-Za-z])(?:USD|EUR|CNY|RMB|GBP|NGN|UGX"
    r"|INR|JPY|HKD|KES|GHS|TZS|ZAR|CHF|SEK|NOK|DKK|PLN|CZK|TRY|BRL|MXN|IDR|PHP|VND|THB|MYR|SGD|TWD"
    r"|KRW|AUD|CAD|NZD|RUB|UAH|EGP|XOF|XAF|PKR|BDT)(?:[^A-Za-z]|$)"
)
_DATE_FORMS: Final = (
    "", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y",
    "%m-%d-%Y", "%m.%d.%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%d-%b-%Y",
    "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d%b%Y", "%b-%Y", "%b %Y",
    "%B %Y", "%b-%y", "%m/%Y", "%m-%Y", "%Y-%m", "%Y/%m", "%Y%m", "%Y年%m月",
)  # fmt: skip
_TIMES = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %H:%M:%S %p", " %H:%M %p")
#: Pairs of which either reads a date with both numbers up to 12.
_SWAPPED = {"%d/%m": "%m/%d", "%m/%d": "%d/%m", "%d-%m": "%m-%d", "%m-%d": "%d-%m",
            "%d.%m": "%m.%d", "%m.%d": "%d.%m"}  # fmt: skip
#: Day and second numbers from 1980 to 2040: the ranges do not meet.
_SERIALS: Final[Mapping[str, tuple[float, float, str]]] = {
    "sas": (7_305, 29_219, "1960-01-01"),
    "excel": (29_221, 51_501, "1899-12-30"),
    "unix": (315_532_800, 2_240_524_800, "1970-01-01"),
}


@dataclass(frozen=True)
class Profile:
    """One source column. ``codes``: for every row the place of its value in ``values``, -1 where
    missing. ``rows``: the sampled rows. ``numbers``: of the sampled rows, NaN where none.
    ``day_first_unknown``: day and month may be swapped as far as this column tells.
    """

    name: str
    codes: IntArray
    values: Any
    rows: IntArray
    missing_word: str
    number_values: FloatArray | None
    number_form: NumberForm
    percent_sign: bool
    date_forms: tuple[str, ...]
    day_first_unknown: bool
    _date_values: DateArray | None

    @cached_property
    def present(self) -> int:
        """Rows with a value."""
        return int((self.codes >= 0).sum())

    @property
    def distinct(self) -> int:
        """Different values over all rows."""
        return len(self.values)

    @property
    def unique(self) -> bool:
        """Whether no present value repeats."""
        return 1 < self.distinct == self.present

    @property
    def is_date(self) -> bool:
        """Whether nearly all values read as dates."""
        return self._date_values is not None

    @property
    def is_number(self) -> bool:
        """Whether nearly all values read as numbers."""
        return self.number_values is not None

    @cached_property
    def is_whole(self) -> bool:
        """Whether all numbers are whole, and written without a decimal mark other than .0."""
        cells = self.number_values
        return cells is not None and bool(np.all(np.isnan(cells) | (cells == np.floor(cells))))

    @cached_property
    def numbers(self) -> FloatArray:
        """Numbers of the sampled rows."""
        return self.at(self.rows)

    @cached_property
    def dates(self) -> DateArray:
        """Days of the sampled rows, NaT where none."""
        return self.dates_at(self.rows)

    def at(self, rows: IntArray) -> FloatArray:
        """Numbers of ``rows``."""
        if self.number_values is None:
            return np.full(len(rows), np.nan)
        return np.append(self.number_values, np.nan)[self.codes[rows]]

    def dates_at(self, rows: IntArray) -> DateArray:
        """Days of ``rows``."""
        if self._date_values is None:
            return np.full(len(rows), np.datetime64("NaT", "D"))
        found: DateArray = np.append(self._date_values, np.datetime64("NaT", "D"))[self.codes[rows]]
        return found

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The most frequent values, at most 60, the commonest first."""
        counts = np.bincount(self.codes[self.codes >= 0], minlength=self.distinct)
        order = np.argsort(-counts, kind="stable")[:60]
        return tuple(str(v) for v in self.values.take(pa.array(order)).to_pylist())

    def sample(self, count: int = 3) -> tuple[str, ...]:
        """A few different values as they are written, in the order of the file."""
        first = self.values.slice(0, count).to_pylist()
        return tuple(str(v)[:40] for v in first)

    def serial(self) -> tuple[str, DateArray] | None:
        """Day or second numbers as days of the sampled rows, and the name of their form."""
        cells = self.numbers
        known = cells[~np.isnan(cells)]
        if not self.is_whole or not len(known):
            return None
        low, high = float(np.quantile(known, 0.005)), float(np.quantile(known, 0.995))
        for name, (least, most, origin) in _SERIALS.items():
            if least <= low and high <= most:
                days = np.floor(cells / 86_400.0) if name == "unix" else cells
                out = np.full(len(cells), np.datetime64("NaT", "D"))
                usable = ~np.isnan(cells)
                out[usable] = np.datetime64(origin, "D") + days[usable].astype("timedelta64[D]")
                return name, out
        return None


def sampled(rows: int) -> IntArray:
    """Up to :data:`SAMPLE` rows, evenly spread."""
    if rows <= SAMPLE:
        return np.arange(rows)
    return np.unique(np.linspace(0, rows - 1, SAMPLE).astype(np.int64))


def profile(name: str, source: Any, rows: IntArray) -> Profile:
    """Look at one column; numbers are read on ``rows`` only."""
    text = trimmed(source) if is_text(source) else None
    coded = pc.dictionary_encode(plain(source) if text is None else text)
    codes, values, word = _codes(coded, is_text=text is not None)
    form, percent = PLAIN, False
    numbers: FloatArray | None = None
    days: DateArray | None = None
    forms: tuple[str, ...] = ()
    unsure = False
    if text is None:
        numbers, days = _typed(values)
        values = values.cast(pa.string()) if days is None else pc.cast(values, pa.string())
    elif len(values):
        seen = np.unique(codes[rows])
        numbers, form, percent = _numbers(values, seen[seen >= 0])
        compact = numbers is not None and _compact(numbers)
        if (numbers is None or compact) and len(values) <= _DATE_TEXTS:
            weight = np.bincount(codes[codes >= 0], minlength=len(values))
            days, forms, unsure = _dates(values, weight)
    return Profile(name, codes, values, rows, word, numbers, form, percent, forms, unsure, days)


def _codes(coded: Any, *, is_text: bool) -> tuple[IntArray, Any, str]:
    """Codes and values without those that mean "no value", and the word that means it."""
    values = coded.dictionary
    indices = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    if not is_text or not len(values):
        return indices, values, ""
    lost = np.asarray(pc.is_in(values, value_set=pa.array(MISSING, type=values.type)))
    if not lost.any():
        return indices, values, ""
    words = values.filter(pa.array(lost)).to_pylist()
    place = np.append(np.where(lost, -1, np.cumsum(~lost) - 1), -1)
    return place[indices], values.filter(pa.array(~lost)), next((w for w in words if w), "")


def _typed(values: Any) -> tuple[FloatArray | None, DateArray | None]:
    """Numbers or days of a column that has a type of its own."""
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days, _ = read_dates(values, "")
        return None, days
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        cells = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return np.where(np.isfinite(cells), cells, np.nan), None
    return None, None


def _compact(numbers: FloatArray) -> bool:
    """Whether numbers may be days written as YYYYMMDD or YYYYMM."""
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return False
    long = ((known >= 19_500_101) & (known <= 21_001_231)).all()
    return bool(long or ((known >= 195_001) & (known <= 210_012)).all())


def _numbers(values: Any, seen: IntArray) -> tuple[FloatArray | None, NumberForm, bool]:
    """Numbers of all ``values``, judged on those ``seen``; None where they are no numbers.

    Also how they are written, and whether with a percent sign (the numbers stay percents).
    """
    looked = values.take(pa.array(seen))
    if _share(looked.slice(0, 1_000), "[0-9]") < _MOST:
        return None, PLAIN, False
    percent = _share(looked, r"%$") > _MOST
    best: FloatArray = np.full(len(looked), np.nan)
    how, most = PLAIN, 0.0
    for form in _forms(looked):
        found, _ = read_numbers(looked, "", percent=percent, form=form)
        known = float((~np.isnan(found)).mean())
        if known > most + 1e-12:
            best, how, most = found, form, known
        if most == 1.0:
            break
    if most < _MOST:
        return None, PLAIN, False
    cells = np.full(len(values), np.nan)
    cells[seen] = best * 100.0 if percent else best
    return cells, how, percent


def _forms(values: Any) -> list[NumberForm]:
    """Ways to write numbers that ``values`` may have been written in, the plainest first."""
    marks = [
        (decimal, thousands)
        for decimal, thousands in _MARKS
        if (decimal == "." or _share(values, ",") > 0)
        and (not thousands or _share(values, _spelt(thousands)) > 0)
    ]
    money = _share(values, _MONEY) > 0.01
    return [NumberForm(*pair) for pair in marks] + [
        NumberForm(*pair, currency=True) for pair in marks if money
    ]


def _spelt(mark: str) -> str:
    return {".": r"\.", " ": "[ \u00a0\u202f]"}.get(mark, mark)


def _share(values: Any, pattern: str) -> float:
    if not len(values):
        return 0.0
    hits = pc.sum(pc.match_substring_regex(values, pattern)).as_py() or 0
    return float(hits) / len(values)


def _dates(values: Any, weight: IntArray) -> tuple[DateArray | None, tuple[str, ...], bool]:
    """Days of ``values``, the forms that read them, whether day and month may be swapped.

    ``weight``: rows of each value. Forms are taken greedily, the one that reads the most rows
    first; of two that differ in the order of day and month only, one that reads fewer rows is
    ruled out, as it is the same writing misread.
    """
    known = _readings(values)
    if not known:
        return None, (), False
    total = max(int(weight.sum()), 1)
    counts = {form: int(weight[~np.isnat(days)].sum()) for form, days in known.items()}
    days = np.full(len(values), np.datetime64("NaT", "D"))
    chosen: list[str] = []
    unsure = False
    while counts:
        form = max(counts, key=lambda f: (counts[f], -list(known).index(f)))
        fresh = np.isnat(days) & ~np.isnat(known[form])
        if not fresh.any() or weight[fresh].sum() < 0.001 * total:
            break
        twin = _twin(form)
        unsure |= twin in counts and counts[twin] == counts[form]
        days[fresh] = known[form][fresh]
        chosen.append(form)
        counts.pop(form)
        counts.pop(twin, None)
        counts = {f: int(weight[np.isnat(days) & ~np.isnat(known[f])].sum()) for f in counts}
    if weight[~np.isnat(days)].sum() < _DATED * total:
        return None, (), False
    return days, tuple(chosen), unsure


def _readings(values: Any) -> dict[str, DateArray]:
    """What each form reads; those that read nothing are left out."""
    first = values.slice(0, 200)
    if _share(first, r"[0-9]{2}") < _MOST:
        return {}
    timed = _share(first, r"[0-9]:[0-9]") > 0
    found = {}
    for form in _DATE_FORMS:
        for time in _TIMES if form and timed else ("",):
            full = form + time
            probe, _ = read_dates(first, "", full or None)
            if not np.isnat(probe).all():
                found[full], _ = read_dates(values, "", full or None)
    return found


def _twin(form: str) -> str:
    """The same form with day and month swapped; the form of an ISO date has none."""
    head, rest = form[:5], form[5:]
    return _SWAPPED.get(head, "") + rest if head in _SWAPPED else "\0"


def swapped(form: str) -> str | None:
    """``form`` with day and month swapped, None where it has no such twin."""
    twin = _twin(form)
    return None if twin == "\0" else twin


def reread(one: Profile, forms: Sequence[str]) -> Profile:
    """``one`` with its dates read by ``forms``."""
    days = np.full(len(one.values), np.datetime64("NaT", "D"))
    for form in forms:
        found, _ = read_dates(one.values, "", form or None)
        days = np.where(np.isnat(days), found, days)
    return Profile(
        one.name, one.codes, one.values, one.rows, one.missing_word, one.number_values,
        one.number_form, one.percent_sign, tuple(forms), False, days,
    )  # fmt: skip


def varies_within(one: Profile, keys: IntArray, repeated: BoolArray) -> float:
    """Share of the keys with several rows (``repeated`` by key) on which ``one`` differs."""
    rows = keys >= 0
    low = np.full(len(repeated), np.iinfo(np.int64).max)
    high = np.full(len(repeated), np.iinfo(np.int64).min)
    np.minimum.at(low, keys[rows], one.codes[rows])
    np.maximum.at(high, keys[rows], one.codes[rows])
    count = int(repeated.sum())
    return float((low != high)[repeated].sum()) / count if count else 0.0
