"""Which column is the contract rate and in which unit, and how loans are repaid.

The unit follows from the name, the size, and the instalment that a rate gives.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.quantities import FloatArray
from scfcap.tape.map_book import STRONG, Book, Choice, from_column, left_open, listed, share
from scfcap.tape.map_dates import find_terms
from scfcap.tape.map_money import total_due
from scfcap.tape.map_names import units_of, words
from scfcap.tape.map_values import Profile

#: Factors that turn a cell into an annual rate, with the settings of [tape] that say so.
UNITS = {
    "a fraction a year": (1.0, {}),
    "percent a year": (0.01, {"percent": True}),
    "basis points a year": (1e-4, {"basis_points": True}),
    "a fraction a day": (365.0, {"daily": True}),
    "percent a day": (3.65, {"daily": True, "percent": True}),
    "basis points a day": (0.0365, {"daily": True, "basis_points": True}),
    "a fraction a month": (12.0, {"monthly": True}),
    "percent a month": (0.12, {"monthly": True, "percent": True}),
}
#: Annual rates that a loan usually has, and that it may have.
_USUAL, _MAY_BE = (0.01, 0.60), (0.002, 5.0)
#: Share of the loans whose flat charge must be within what a loan may have.
_NEARLY_ALL = 0.999
#: Relative difference of an instalment from the annuity formula that passes.
_CLOSE = 0.02


def choose_rate(book: Book) -> None:
    """The contract rate, from a column, or from a flat charge; then how loans are repaid."""
    book.ours(_rate(book))
    book.ours(_loan_type(book))


def _rate(book: Book) -> Choice:
    why = []
    named = sorted(book.named("rate", 0.6), key=lambda p: (-p[0], not _is_present(p[1].name)))
    for strength, one in named:
        fault = why_no_rate(book, one)
        if fault:
            why.append(fault)
            continue
        return _with_unit(book, one, strength)
    flat = _flat(book)
    if flat is not None:
        return flat
    reason = "; ".join(why[:2]) or "no column is named like a rate"
    return left_open("rate", reason, "rate = 0.12   # under [tape.constants], if it is known")


def _is_present(name: str) -> bool:
    return bool({"current", "reporting"} & set(words(name)))


def why_no_rate(book: Book, one: Profile) -> str:
    """Why a column's values are no rates, in words; empty where they may be."""
    if not one.is_number or one.is_date:
        return f"{one.name} holds no rates"
    cells = book.number(one.name)
    known = ~np.isnan(cells)
    with np.errstate(invalid="ignore"):
        if not known.any() or share(cells < 0, known) > 0.01:
            return f"{one.name} is empty or negative"
        if share(cells == 0, known) > 0.5:
            return f"{one.name} is 0 in most rows"
    if not _units(one, float(np.median(cells[known & (cells > 0)]))):
        return f"{one.name} lies outside of what a rate can be in any unit"
    return ""


def _units(one: Profile, median: float) -> list[str]:
    """Units in which the median is a rate, the likeliest first; the name limits them."""
    told = units_of(one.name)
    names = (
        [n for n in UNITS if ("day" in n) == (told.per == "day")]
        if told.per in ("day", "month", "year")
        else list(UNITS)
    )
    if told.per in ("month", "year"):
        names = [n for n in names if told.per in n]
    if told.basis_points:
        names = [n for n in names if n.startswith("basis")]
    elif one.percent_sign:
        names = [n for n in names if n.startswith("percent")]
    usual = [n for n in names if _USUAL[0] <= median * UNITS[n][0] <= _USUAL[1]]
    return usual or [n for n in names if _MAY_BE[0] <= median * UNITS[n][0] <= _MAY_BE[1]]


def _with_unit(book: Book, one: Profile, strength: float) -> Choice:
    cells = book.number(one.name)
    median = float(np.median(cells[(cells > 0) & ~np.isnan(cells)]))
    units = _units(one, median)
    told = units_of(one.name)
    stated = one.percent_sign or told.basis_points or told.per == "year"
    by_annuity = [u for u in UNITS if _annuity_share(book, cells * UNITS[u][0]) >= 0.8]
    if len(by_annuity) == 1 and (by_annuity[0] in units or by_annuity[0] == "a fraction a year"):
        unit, confidence = by_annuity[0], 0.97
        said = "the instalments follow from it"
    else:
        unit, said = units[0], f"the median is then {median * UNITS[units[0]][0]:.2%} a year"
        confidence = _unit_confidence(one, units, median, stated=stated)
    if strength < STRONG:
        confidence = min(confidence, 0.5 + 0.4 * strength)
    spread = f"{np.nanmin(cells):.6g} to {np.nanmax(cells):.6g}, read as {unit}: {said}"
    choice = from_column("rate", one, confidence, spread, **UNITS[unit][1])
    named = "percent" in words(one.name) and "percent" not in unit
    remark = ("the name says percent, the size does not",) if named else ()
    form = one.number_form
    marks = (
        {"marks": (form.decimal, form.thousands)}
        if (form.decimal, form.thousands) != (".", "")
        else {}
    )
    return replace(
        choice,
        unit=unit,
        evidence=(*choice.evidence, *remark),
        settings={**choice.settings, **marks},
    )


def _unit_confidence(one: Profile, units: list[str], median: float, *, stated: bool) -> float:
    """How sure the unit is by size and name alone."""
    if stated and len(units) == 1:
        return 0.95
    if units[0] == "a fraction a year" and _USUAL[0] <= median <= _USUAL[1] and not one.is_whole:
        return 0.93
    if units[0] == "percent a year" and 1.0 < median <= 60.0 and (not one.is_whole or stated):
        return 0.93
    return 0.75 if len(units) == 1 else 0.6


def annuity(lent: FloatArray, rate: FloatArray, months: FloatArray) -> FloatArray:
    """Level monthly payment, NaN where unknown: ``B i / (1 - (1 + i)^-n)``, i a twelfth."""
    i = rate / 12.0
    with np.errstate(all="ignore"):
        factor = np.where(i == 0.0, 1.0 / months, i / -np.expm1(-months * np.log1p(i)))
        return np.where(months > 0, lent * factor, np.nan)


def _annuity_share(book: Book, rate: FloatArray) -> float:
    """Share of the loans whose instalment is close to the annuity formula at ``rate``."""
    lent, paid = book.chosen_number("original_balance"), book.chosen_number("instalment")
    if lent is None or paid is None:
        return 0.0
    best = 0.0
    for months in _months(book):
        due = annuity(lent, rate, months)
        known = ~np.isnan(due) & ~np.isnan(paid) & (due > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            best = max(best, share(np.abs(paid / due - 1.0) < _CLOSE, known))
    return best


def _months(book: Book) -> list[FloatArray]:
    """Terms in months: by the dates, and by a column of terms."""
    found = [book.number(t.one.name) for t in find_terms(book) if t.unit == "months"]
    start, end = book.chosen_day("origination_date"), book.chosen_day("maturity_date")
    if start is not None and end is not None:
        gap = (end.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(np.int64)
        found.append(np.where(np.isnat(start) | np.isnat(end), np.nan, gap).astype(np.float64))
    return found


def term_days(book: Book) -> FloatArray | None:
    """Contract terms [days]: by the dates, else by a column of terms."""
    start, end = book.chosen_day("origination_date"), book.chosen_day("maturity_date")
    if start is not None and end is not None:
        gap = (end - start).astype(np.int64).astype(np.float64)
        return np.where(np.isnat(start) | np.isnat(end), np.nan, gap)
    for term in find_terms(book):
        if term.unit:
            return book.number(term.one.name) * (1.0 if term.unit == "days" else 365 / 12)
    return None


def _flat(book: Book) -> Choice | None:
    """A flat charge over the term as a simple annual rate, where total due and term are told."""
    due, lent = total_due(book), book.choices["original_balance"].source
    terms = [t for t in find_terms(book) if t.unit == "days"]
    if due is None or not lent or not terms:
        return None
    charge = book.number(due.name) / book.number(lent) - 1.0
    median = f"{np.nanmedian(charge):.1%} in the median"
    said = [f"no rate; {due.name} / {lent} - 1 is a flat charge, {median}"]
    with np.errstate(divide="ignore", invalid="ignore"):
        annual = charge * 365.0 / book.number(terms[0].one.name)
    known = annual[np.isfinite(annual)]
    most = np.ceil(np.quantile(known, _NEARLY_ALL, method="higher")) if len(known) else 0.0
    if 1.0 < most <= _MAY_BE[1]:
        said.append(f"over a short term that is up to {most:.0%} a year: max_rate is raised for it")
    return Choice(
        "rate",
        "derive",
        derive={"how": "flat_rate", "column": due.name, "by": lent, "days": terms[0].one.name},
        confidence=0.85,
        unit="flat charge over the term, as a simple annual rate",
        sample=due.sample(),
        settings={"max_rate": float(most)} if len(said) > 1 else {},
        evidence=tuple(said),
    )


def _loan_type(book: Book) -> Choice:
    """How loans are repaid, from the values of other columns."""
    if "loan_type" in book.choices:
        return book.choices["loan_type"]
    rate = book.choices["rate"]
    if rate.how == "column":
        cells = book.number(rate.source) * _factor(rate)
        level = _annuity_share(book, cells)
        if level >= 0.8:
            said = f"instalments follow the annuity formula in {level:.0%} of the rows"
            return Choice(
                "loan_type", "constant", constant="level_payment", confidence=0.93, evidence=(said,)
            )
    days = term_days(book)
    if days is None or np.isnan(days).all():
        return left_open("loan_type", "neither instalments nor terms tell how loans are repaid")
    known = days[~np.isnan(days)]
    if (
        share(known <= 45, np.ones(len(known), dtype=bool)) >= 0.99
        and "instalment" not in book.choices
    ):
        said = f"terms of {np.median(known):.0f} days in the median, 45 at most, and no instalments"
        return Choice("loan_type", "constant", constant="bullet", confidence=0.8, evidence=(said,))
    lines = [n for n in book.profiles if {"revolving", "rev"} & set(words(n))]
    tail = f"; {listed(lines)} may mark revolving lines" if lines else ""
    span = f"terms from {known.min():.0f} to {known.max():.0f} days"
    reason = f"{span}, and no instalments to tell by{tail}"
    return left_open(
        "loan_type", reason, 'loan_type = "level_payment"   # or "bullet", under [tape.constants]'
    )


def _factor(rate: Choice) -> float:
    keys = {k for k in ("percent", "basis_points", "daily", "monthly") if rate.settings.get(k)}
    return next(factor for factor, settings in UNITS.values() if set(settings) == keys)
