"""Which columns are the first and the last day of a loan, and in which form they are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from scfcap.tape.dates import DateArray, add_months
from scfcap.tape.map_book import (
    DOUBTED,
    STRONG,
    Book,
    Choice,
    from_column,
    left_open,
    listed,
    share,
)
from scfcap.tape.map_names import ROLES, said_by_name, units_of, words
from scfcap.tape.map_values import Profile, reread, swapped

#: Share of the rows on which the loan must end at or after its start.
_ORDERED = 0.97
#: Share of the rows on which start and term must give the end.
_EXACT = 0.98
_OTHER_DAYS = frozenset(
    ("first", "next", "birth", "through", "reporting", "paid", "settled", "closed", "last")
)
_MONTH_TERMS = frozenset(
    (1, 2, 3, 4, 6, 9, 12, 18, 24, 30, 36, 48, 60, 72, 84, 96, 120, 180, 240, 300, 360)
)


@dataclass(frozen=True)
class Term:
    """A column of contract terms and its unit."""

    one: Profile
    unit: str
    """"days", "months" or nothing where it cannot be told."""
    said: str


def choose_dates(book: Book) -> None:
    """Origination and maturity, each from a column; maturity else from a term."""
    _settle_day_first(book)
    _as_of(book)
    starts = _candidates(book, "origination_date")
    if not starts:
        book.ours(
            left_open("origination_date", "no column of dates is named like the day paid out")
        )
        book.ours(left_open("maturity_date", "no column of dates is named like the last due day"))
        _by_order(book)
        return
    ends = _candidates(book, "maturity_date")
    start, end = _pair(book, starts, ends)
    book.ours(_start_choice(book, *start))
    terms = find_terms(book)
    if end is not None:
        book.ours(_end_choice(book, start[1].name, *end))
    else:
        book.ours(_end_by_term(book, terms, ends))


def _candidates(book: Book, role: str) -> list[tuple[float, Profile]]:
    found = []
    for strength, one in book.named(role, 0.4):
        if one.name in book.varying or (one.distinct < 2 and strength < STRONG):
            continue
        if not one.is_date:
            serial = one.serial() if one.is_number else None
            if serial is None:
                continue
            _as_serial(book, one)
        found.append((strength, one))
    return found


def _as_serial(book: Book, one: Profile) -> bool:
    serial = replace(one, rows=book.loans).serial() if one.is_number else None
    if serial is not None:
        book.serials[one.name] = serial
    return serial is not None


def _ordered(book: Book, start: str, end: str) -> float:
    first, last = book.day(start), book.day(end)
    return share(first <= last, ~np.isnat(first) & ~np.isnat(last))


Named = tuple[float, Profile]


def _pair(book: Book, starts: list[Named], ends: list[Named]) -> tuple[Named, Named | None]:
    """The strongest names that are in order; in reverse order the names are swapped."""
    for end in ends:
        for start in starts:
            if (
                start[1].name != end[1].name
                and _ordered(book, start[1].name, end[1].name) >= _ORDERED
            ):
                return start, end
    if ends:
        start, end = starts[0], ends[0]
        if _ordered(book, end[1].name, start[1].name) >= _ORDERED:
            book.lies.append(f"{start[1].name} is later than {end[1].name}")
            return (0.6, end[1]), (0.6, start[1])
    return starts[0], None


def _start_choice(book: Book, strength: float, one: Profile) -> Choice:
    others = [
        p.name for n, p in _candidates(book, "origination_date") if p.name != one.name and n >= 0.5
    ]
    confidence = 0.96 if strength >= STRONG else 0.55 + 0.3 * strength
    choice = _dated("origination_date", book, one, confidence)
    if others and choice.how == "column":
        choice = choice.doubted(0.88, f"{listed(others)} may be meant as well")
    return choice


def _end_choice(book: Book, start: str, strength: float, one: Profile) -> Choice:
    part = _ordered(book, start, one.name)
    choice = _dated(
        "maturity_date", book, one, 0.96 if strength >= STRONG else 0.55 + 0.3 * strength
    )
    said = f"at or after {start} in {part:.1%} of the rows"
    for term in find_terms(book):
        if term.unit and _fits(book, start, one.name, term) >= _EXACT:
            said += f"; {start} + {term.one.name} gives it"
            break
    if choice.how == "open":
        return choice
    choice = replace(choice, evidence=(*choice.evidence, said))
    others = [
        p.name
        for p in book.profiles.values()
        if p.name not in (start, one.name)
        and p.is_date
        and p.distinct > 1
        and p.name not in book.varying
        and not set(words(p.name)) & _OTHER_DAYS
        and max(said_by_name(p.name, role) for role in ROLES) < 0.4
        and _ordered(book, start, p.name) >= _ORDERED
    ]
    if others:
        choice = choice.doubted(DOUBTED, f"{listed(others)} lies after {start} too")
    return choice


def _end_by_term(book: Book, terms: list[Term], ends: list[Named]) -> Choice:
    start = book.choices["origination_date"].source
    if not start:
        return left_open("maturity_date", "the day paid out is to be settled first")
    for term in terms:
        found = _exact_end(book, start, term)
        if found is not None:
            said = f"{start} + {term.one.name} [{term.unit}] gives it in nearly every row"
            return replace(
                _dated("maturity_date", book, found, 0.85), evidence=(said, "the name says nothing")
            )
    for term in terms:
        if term.unit:
            how = "add_days" if term.unit == "days" else "add_months"
            return Choice(
                "maturity_date",
                "derive",
                derive={"how": how, "column": start, "by": term.one.name},
                confidence=0.85 if "name" in term.said else 0.8,
                unit=f"{term.one.name} in {term.unit}",
                sample=term.one.sample(),
                evidence=(f"no column of last due days; {start} + {term.one.name}: {term.said}",),
            )
    if ends:
        said = f"{ends[0][1].name} lies before {start} in many rows"
    elif terms:
        said = f"no column of last due days, and {terms[0].one.name} may be in days or months"
    else:
        said = "no column of last due days, and none of terms"
    return left_open("maturity_date", said)


def _exact_end(book: Book, start: str, term: Term) -> Profile | None:
    for one in book.profiles.values():
        if one.name in (start, term.one.name) or one.distinct < 2 or one.name in book.varying:
            continue
        if (
            max(said_by_name(one.name, role) for role in ROLES) >= 0.4
            or set(words(one.name)) & _OTHER_DAYS
        ):
            continue
        if (
            (one.is_date or _as_serial(book, one))
            and term.unit
            and _fits(book, start, one.name, term) >= _EXACT
        ):
            return one
        book.serials.pop(one.name, None)
    return None


def _fits(book: Book, start: str, end: str, term: Term) -> float:
    return _fit(book.day(start), book.day(end), book.number(term.one.name), term.unit)


def _fit(first: DateArray, last: DateArray, count: np.ndarray, unit: str) -> float:
    known = ~np.isnat(first) & ~np.isnat(last) & ~np.isnan(count)
    if unit == "months":
        return share(add_months(first, count) == last, known)
    days = np.where(known, (last - first).astype(np.int64), 0)
    return share(days == count, known)


def find_terms(book: Book) -> list[Term]:
    """Columns of contract terms, those whose unit is known first."""
    found = []
    for strength, one in book.named("_term", 0.6):
        cells = book.number(one.name) if one.is_number else np.array([])
        known = cells[~np.isnan(cells)]
        if not one.is_whole or not len(known) or known.min() < 0 or known.max() > 36_525:
            continue
        unit, said = _term_unit(book, one, known)
        found.append((0 if unit == "days" else 1 if unit else 2, -strength, Term(one, unit, said)))
    return [term for _, _, term in sorted(found, key=lambda t: t[:2])]


def _term_unit(book: Book, one: Profile, known: np.ndarray) -> tuple[str, str]:
    per = units_of(one.name).per
    if per in ("day", "month"):
        return ("days" if per == "day" else "months"), "the name says so"
    if (
        np.isin(known, list(_MONTH_TERMS)).mean() >= 0.9
        and known.max() >= 12
        and known.max() <= 360
    ):
        return "months", "usual terms in months"
    start = book.choices.get("origination_date")
    pair = [n for n in book.profiles if said_by_name(n, "maturity_date") >= 0.9]
    if start is not None and start.source and pair and book.profiles[pair[0]].is_date:
        for unit in ("days", "months"):
            if _fit(book.day(start.source), book.day(pair[0]), book.number(one.name), unit) >= 0.9:
                return unit, f"{pair[0]} confirms it"
    return "", ""


def _dated(column: str, book: Book, one: Profile, confidence: float) -> Choice:
    """A date column with its form; open where day and month cannot be told apart."""
    if one.name in book.serials:
        form = book.serials[one.name][0]
        words_ = {
            "sas": "days since 1960-01-01",
            "excel": "spreadsheet day numbers",
            "unix": "seconds since 1970",
        }
        days = book.serials[one.name][1]
        said = f"read as {words_[form]}: {_span(days)}"
        return replace(
            from_column(column, one, min(confidence, 0.93), said, date_formats=(form,)),
            unit=words_[form],
        )
    if one.day_first_unknown:
        form = one.date_forms[0]
        guess = f"{column} = {one.name} with date format {form} or {swapped(form)}"
        said = (
            f"{one.name} reads as {form} and as {swapped(form)} alike: no day above 12 in any row"
        )
        return left_open(column, said, guess)
    forms = tuple(f for f in one.date_forms)
    plain = "%Y年%m月%d日" if any("年" in cell for cell in one.sample(60)) else "%Y-%m-%d"
    stated = () if all(_is_iso(f) for f in forms) else tuple(f or plain for f in forms)
    unit = " or ".join(stated) or ("ISO date" if plain == "%Y-%m-%d" else plain)
    said = f"dates from {_span(book.day(one.name))}"
    turned = [f for f in forms if swapped(f)]
    order = f"day and month told apart by values above 12 ({turned[0]})" if turned else ""
    return replace(
        from_column(column, one, confidence, said, order, date_formats=stated), unit=unit
    )


def _is_iso(form: str) -> bool:
    return not form


def _span(days: DateArray) -> str:
    known = days[~np.isnat(days)]
    return f"{known.min()} to {known.max()}" if len(known) else "none"


def _settle_day_first(book: Book) -> None:
    """Columns that cannot tell day from month follow those that can."""
    sure = {f[:5] for p in book.profiles.values() if not p.day_first_unknown for f in p.date_forms}
    for name, one in list(book.profiles.items()):
        if not one.day_first_unknown:
            continue
        for form in one.date_forms:
            twin = swapped(form)
            if twin is None:
                continue
            heads = {form[:5] in sure, twin[:5] in sure}
            if heads == {True, False}:
                kept = form if form[:5] in sure else twin
                book.profiles[name] = reread(one, [kept])


def _by_order(book: Book) -> None:
    """Two columns of dates whose names say nothing, one never after the other."""
    dated = [
        p
        for p in book.profiles.values()
        if p.is_date and p.distinct > 1 and not p.day_first_unknown
    ]
    if len(dated) != 2:
        return
    for start, end in ((dated[0], dated[1]), (dated[1], dated[0])):
        if _ordered(book, start.name, end.name) >= _ORDERED > _ordered(book, end.name, start.name):
            said = f"the only two columns of dates, {start.name} never after {end.name}"
            book.ours(replace(_dated("origination_date", book, start, 0.7), evidence=(said,)))
            book.ours(replace(_dated("maturity_date", book, end, 0.7), evidence=(said,)))


def _as_of(book: Book) -> None:
    """The day that the tape describes: a reporting date that is the same in every row."""
    for _, one in book.named("_report_date", 0.7):
        if one.is_date and one.distinct == 1 and not one.day_first_unknown:
            day = one.dates_at(np.flatnonzero(one.codes >= 0)[:1])[0]
            book.as_of, book.as_of_from = (
                date.fromisoformat(str(day)),
                f"{one.name}, the same in every row",
            )
            return
