"""Which column names a loan: unique over all rows, or repeated once for each repayment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.quantities import BoolArray
from scfcap.tape.map_book import DOUBTED, STRONG, Book, Choice, Grouping, from_column
from scfcap.tape.map_names import words
from scfcap.tape.map_values import Profile, varies_within

#: Share of repeated keys on which a constant of the loan may differ.
_FEW = 0.02
#: Words of columns that only count rows.
_COUNTERS = frozenset(("index", "row", "rows", "rownames", "unnamed", "seq", "sequence", "serial"))


def choose_key(book: Book) -> None:
    """The loan's key; with it the rows that are loans, and how many rows a loan has."""
    named = [(n, p) for n, p in book.named("loan_id") if _may_be_key(p)]
    whole = [(n, p) for n, p in named if p.unique and p.present == book.rows]
    if whole:
        strength, one = whole[0]
        book.ours(_unique(book, strength, one))
        return
    for strength, one in named:
        if strength < 0.7 or one.present < 2:
            continue
        if one.unique:
            _where_present(book, one)
            book.ours(
                from_column("loan_id", one, 0.8 * strength, f"no value repeats, {_gaps(book, one)}")
            )
            return
        if _one_to_many(book, one):
            return
    book.ours(_row_number(book, named))


def _may_be_key(one: Profile) -> bool:
    return not one.is_date and (not one.is_number or one.is_whole) and one.distinct > 1


def counts_rows(one: Profile) -> bool:
    """Whether a name says that the column counts rows."""
    if not words(one.name):
        return one.name.strip() in ("", "序号", "行号")
    return bool(set(words(one.name)) & _COUNTERS)


def _unique(book: Book, strength: float, one: Profile) -> Choice:
    choice = from_column(
        "loan_id",
        one,
        0.98 if strength >= STRONG else 0.6 + 0.25 * strength,
        f"unique over all {book.rows:,} rows",
    )
    others = [
        p.name
        for p in book.profiles.values()
        if p.name != one.name
        and p.unique
        and p.present == book.rows
        and _may_be_key(p)
        and not counts_rows(p)
    ]
    if others:
        choice = choice.doubted(0.88, f"so is {others[0]}; the name decides")
    return choice


def _gaps(book: Book, one: Profile) -> str:
    return f"{book.rows - one.present:,} rows have none"


def _where_present(book: Book, one: Profile) -> None:
    quoted = f"`{one.name}`"
    book.where = f"{quoted} is present"
    if one.missing_word:
        book.where += f' and {quoted} != "{one.missing_word}"'
    book.loans = book.loans[one.codes[book.loans] >= 0]


def _one_to_many(book: Book, one: Profile) -> bool:
    """Whether the rows that share a key agree on what a loan has once; if so, group them."""
    repeated = np.bincount(one.codes[one.codes >= 0], minlength=one.distinct) > 1
    constants = _constants(book, one)
    if not constants or max(varies_within(p, one.codes, repeated) for p in constants) > _FEW:
        return False
    if one.present < book.rows:
        _where_present(book, one)
    keys = one.codes[book.loans]
    _, first = np.unique(keys, return_index=True)
    book.loans = book.loans[np.sort(first)]
    varying = tuple(
        p.name for p in book.profiles.values() if varies_within(p, one.codes, repeated) > _FEW
    )
    book.grouping = Grouping(one.name, one.distinct, varying)
    said = (
        f"{one.present:,} rows name {one.distinct:,} loans; rows of one loan agree on "
        + " and ".join(p.name for p in constants[:3])
        + ": one row a repayment"
    )
    missing = f"{_gaps(book, one)} and are left out" if one.present < book.rows else ""
    choice = from_column("loan_id", one, 0.88, said, missing)
    book.ours(replace(choice, unit="several rows a loan"))
    return True


def _constants(book: Book, key: Profile) -> list[Profile]:
    """Columns that a loan has once, by their names: its days, its borrower."""
    found = []
    for role in ("origination_date", "maturity_date", "borrower_id"):
        for strength, one in book.named(role, 0.7)[:1]:
            right = one.is_date if role != "borrower_id" else not one.is_date
            if strength and right and one.name != key.name and one.distinct > 10:
                found.append(one)
    return found


def _row_number(book: Book, named: list[tuple[float, Profile]]) -> Choice:
    evidence = ["no column is a key of the loans"]
    confidence = 0.8
    if named:
        one = named[0][1]
        repeated: BoolArray = np.bincount(one.codes[one.codes >= 0], minlength=one.distinct) > 1
        differ = [p.name for p in _constants(book, one) if varies_within(p, one.codes, repeated)]
        tail = f", and rows that share one differ in {' and '.join(differ)}" if differ else ""
        said = f"{one.name} is not unique: {one.distinct:,} values on {one.present:,} rows{tail}"
        evidence = [f"{said}; it is damaged, or names something else"]
    spare = [
        p.name
        for p in book.profiles.values()
        if p.unique and p.present == book.rows and _may_be_key(p) and not p.is_number
    ]
    if spare:
        confidence = 0.6
        evidence.append(f"unique, but of another name: {', '.join(spare[:3])}")
    return Choice(
        "loan_id",
        "derive",
        derive={"how": "row_number"},
        confidence=min(confidence, DOUBTED),
        evidence=tuple(evidence),
    )
