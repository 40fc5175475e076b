"""Classes and keys beside the loan's own: status, repayment, borrower, buyer, class, region."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from scfcap import axes
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
from scfcap.tape.map_names import said_by_name, words
from scfcap.tape.map_rate import why_no_rate
from scfcap.tape.map_values import Profile

#: Patterns by our word; the first that fits a value, in lower case, names it.
_STATUS: Final[Mapping[str, str]] = {
    "charged_off": r"charged?[\s_-]*off|chg\s*off|written?[\s_-]*off|bad debt|核销|损失",
    "default": r"default|non[\s_-]*perform|^npl$|foreclos|不良|违约|次级|可疑|坏账",
    "late": r"^late\b|overdue|past[\s_-]*due|delinquen|arrear|grace|逾期|关注|\d\+?\s*days",
    "repaid": (
        r"repaid|fully[\s_-]*paid|paid[\s_-]*(off|in[\s_-]*full|up)|^paid$|^p\s*i\s*f$|^closed$"
        r"|settled|结清|prepaid|completed?$|redeemed|已还清"
    ),
    "current": (
        r"^current$|^performing$|^active$|^open$|^good( standing)?$|up[\s_-]*to[\s_-]*date"
        r"|^normal$|正常|^ok$|还款中|^issued$|in repayment|未到期|outstanding|^live$"
    ),
}
_TYPES: Final[Mapping[str, str]] = {
    "level_payment": r"level[\s_-]*pay|annuit|等额本息|equal[\s_-]*(monthly[\s_-]*)?inst|french",
    "equal_principal": r"equal[\s_-]*principal|等额本金|linear",
    "interest_only_bullet": r"interest[\s_-]*only|先息后本|按月付息|按期付息",
    "bullet": r"^bullet|一次性?还本付息|到期还本付息|到期一次|一次性还款|利随本清",
    "revolving_line": r"revolv|credit[\s_-]*line|line of credit|随借随还|循环",
    "order": r"^order|订单|invoice|receivable|应收",
}
_VOCABULARIES: Final = {
    "status": (_STATUS, axes.STATUSES),
    "loan_type": (_TYPES, axes.LOAN_TYPES),
}
#: Most values of a class.
_CLASSES = 60


def choose_classes(book: Book) -> None:
    """Everything that is neither a date nor an amount."""
    _choose_vocabulary(book, "status")
    _choose_vocabulary(book, "loan_type")
    _choose_borrower_and_buyer(book)
    _choose_segment(book)
    _choose_region(book)
    _choose_channel(book)
    _choose_days(book)
    _choose_score(book)


def _translate(
    one: Profile, vocabulary: Mapping[str, str], known: tuple[str, ...]
) -> dict[str, str]:
    """Our word for each of a column's values that has one."""
    found = {}
    for label in one.labels:
        text = label.strip().lower()
        if text in known:
            found[label] = text
            continue
        for ours, pattern in vocabulary.items():
            if re.search(pattern, text):
                found[label] = ours
                break
    return found


def _covered(one: Profile, labels: Mapping[str, str]) -> float:
    """Share of the rows with a value whose value has a word of ours."""
    if one.distinct > _CLASSES or not one.present:
        return 0.0
    counts = np.bincount(one.codes[one.codes >= 0], minlength=one.distinct)
    hits = [str(v) in labels for v in one.values.to_pylist()]
    return float(counts[hits].sum()) / one.present


def is_vocabulary(one: Profile) -> str:
    """Which of our vocabularies a column's values belong to; empty where to none."""
    if one.distinct > _CLASSES or one.is_date or one.is_number:
        return ""
    labels = [label.strip().lower() for label in one.labels]
    if all(label in axes.STATUSES for label in labels):
        return "status"
    if all(label in axes.LOAN_TYPES for label in labels):
        return "loan_type"
    if all(axes.channel_of(label) in (axes.OWN, *axes.OUTSIDE_CHANNELS) for label in labels):
        return "channel"
    return ""


def _choose_vocabulary(book: Book, column: str) -> None:
    vocabulary, known = _VOCABULARIES[column]
    found = [
        (n, p, _translate(p, vocabulary, known))
        for n, p in book.named(column, 0.5)
        if not p.is_date and p.distinct <= _CLASSES and p.name not in book.varying
    ]
    found = [(n, p, t) for n, p, t in found if _covered(p, t) > 0.8]
    if not found:
        others = [p for p in book.profiles.values() if is_vocabulary(p) == column]
        if len(others) == 1:
            said = "its values are our own words, its name says nothing"
            book.ours(from_column(column, others[0], 0.8, said))
        return
    strength, one, labels = found[0]
    covered = _covered(one, labels)
    confidence = (0.95 if strength >= STRONG else 0.5 + 0.4 * strength) if covered > 0.999 else 0.75
    odd = [label for label in one.labels if label not in labels]
    said = f"{covered:.1%} of its values are known words" + (
        f"; not known: {listed(odd)}" if odd else ""
    )
    values = {k: v for k, v in labels.items() if k != v}
    choice = from_column(column, one, confidence, said, values=values)
    book.ours(replace(choice, unit=f"{one.distinct} words"))


def is_key(one: Profile) -> bool:
    """Whether values can name persons or firms: texts, or whole numbers without a decimal."""
    return not one.is_date and (not one.is_number or one.is_whole) and not is_vocabulary(one)


def _choose_borrower_and_buyer(book: Book) -> None:
    buyers = [(n, p) for n, p in book.named("buyer_id", 0.6) if is_key(p) and p.distinct > 1]
    borrowers = [(n, p) for n, p in book.named("borrower_id", 0.5) if is_key(p) and p.distinct > 1]
    borrowers = [
        (n, p) for n, p in borrowers if p.name not in book.varying and p.name not in book.taken
    ]
    if not buyers and _is_ledger(book) and borrowers:
        one = borrowers.pop(0)[1]
        said = "a ledger of invoices: the customer pays them, and is the buyer"
        book.ours(from_column("buyer_id", one, 0.75, said, f"{book.distinct(one):,} buyers"))
    elif buyers and buyers[0][1].name not in book.taken:
        strength, one = buyers[0]
        choice = from_column(
            "buyer_id", one, 0.6 + 0.3 * strength, f"{book.distinct(one):,} buyers"
        )
        book.ours(choice.doubted(DOUBTED, "other columns of names would fit by their values"))
    taken = book.choices.get("buyer_id")
    borrowers = [(n, p) for n, p in borrowers if taken is None or p.name != taken.source]
    if borrowers:
        strength, one = borrowers[0]
        choice = from_column(
            "borrower_id", one, 0.45 + 0.48 * strength, f"{book.distinct(one):,} borrowers"
        )
        book.ours(_doubt_borrower(book, choice, one))


def _doubt_borrower(book: Book, choice: Choice, one: Profile) -> Choice:
    if one.present == one.distinct:
        choice = choice.doubted(DOUBTED, "each borrower has one loan")
    buyer = book.choices.get("buyer_id")
    if buyer is not None and book.profiles[buyer.source].distinct >= one.distinct:
        choice = choice.doubted(0.6, "there are fewer borrowers than buyers")
    if one.present < 0.95 * (
        book.profiles[book.choices["loan_id"].source].present
        if book.choices["loan_id"].source
        else book.rows
    ):
        choice = choice.doubted(0.7, "many rows name none")
    rivals = [
        p.name
        for p in book.profiles.values()
        if p.name not in book.taken | {one.name}
        and is_key(p)
        and not p.is_number
        and p.distinct > max(_CLASSES, 0.2 * one.distinct)
    ]
    return choice.doubted(DOUBTED, f"{rivals[0]} would fit by its values") if rivals else choice


def _is_ledger(book: Book) -> bool:
    """Whether rows are invoices."""
    return any("invoice" in words(c.source) for c in book.choices.values())


def is_class(one: Profile) -> bool:
    """Whether values can be classes: few, and neither days nor amounts nor other vocabularies."""
    few = 1 < one.distinct <= _CLASSES
    return (
        few and not one.is_date and (not one.is_number or one.is_whole) and not is_vocabulary(one)
    )


def _choose_segment(book: Book) -> None:
    named = [(n, p) for n, p in book.named("segment", 0.6) if is_class(p)]
    named = [(n, p) for n, p in named if p.name not in book.varying and p.name not in book.taken]
    if named:
        strength, one = named[0]
        choice = from_column(
            "segment", one, 0.45 + 0.45 * strength, f"{one.distinct} classes: {listed(one.labels)}"
        )
        others = [
            p.name
            for p in book.profiles.values()
            if p.name != one.name and p.name not in book.taken and is_class(p) and not p.is_number
        ]
        if others:
            choice = choice.doubted(DOUBTED, f"{listed(others, 3)} would do as a class as well")
        book.ours(choice)
        return
    classes = [
        p.name
        for p in book.profiles.values()
        if is_class(p) and p.name not in book.taken | set(book.varying)
    ]
    reason = "no column is named like a product or a class of risk"
    if classes:
        reason += f"; these have few values: {listed(classes, 8)}"
    book.ours(
        left_open("segment", reason, 'segment = "all"   # under [tape.constants], for one class')
    )


def _choose_region(book: Book) -> None:
    named = [(n, p) for n, p in book.named("region", 0.5) if not p.is_date and not is_vocabulary(p)]
    named = [
        (n, p)
        for n, p in named
        if p.name not in book.taken and p.distinct <= 10_000 and (not p.is_number or p.is_whole)
    ]
    if named:
        strength, one = named[0]
        book.ours(
            from_column(
                "region",
                one,
                min(0.4 + 0.5 * strength, DOUBTED),
                f"{one.distinct} places: {listed(one.labels)}",
            )
        )


def _choose_channel(book: Book) -> None:
    for strength, one in book.named("channel", 0.6):
        if is_vocabulary(one) == "channel":
            book.ours(
                from_column(
                    "channel",
                    one,
                    0.95 if strength >= STRONG else 0.85,
                    "its values are our own words",
                )
            )
            return


def _choose_days(book: Book) -> None:
    for strength, one in book.named("days_past_due", 0.7):
        if why_no_days(book, one) or one.name in book.varying:
            continue
        cells = book.number(one.name)
        zero = share(cells == 0, ~np.isnan(cells))
        said = f"0 to {np.nanmax(cells):,.0f} days, 0 in {zero:.0%} of the rows"
        choice = from_column("days_past_due", one, 0.95 if strength >= STRONG else 0.8, said)
        if zero == 1.0:
            choice = choice.doubted(DOUBTED, "0 throughout tells nothing")
        closed = [p.name for n, p in book.named("_closed_date", 0.8) if p.is_date]
        if closed:
            choice = choice.doubted(
                0.75, f"with {closed[0]}, it may be what it was in the end, not at a day"
            )
        book.ours(choice)
        return
    ended = any(p.present > 0.5 * book.rows for _, p in book.named("_closed_date", 0.8))
    if ended or "status" in book.choices or "maturity_date" not in book.choices:
        return
    if book.choices["maturity_date"].how != "open":
        said = "no column of days past due: from maturity to as_of, for what is outstanding"
        book.ours(
            Choice(
                "days_past_due",
                "derive",
                derive={"how": "days_past_maturity"},
                confidence=0.6,
                evidence=(said,),
            )
        )


def why_no_days(book: Book, one: Profile) -> str:
    """Why a column's values are no days past due, in words; empty where they may be."""
    if not one.is_number or not one.is_whole or one.is_date:
        return f"{one.name} holds no whole days"
    cells = book.number(one.name)
    if np.isnan(cells).all() or np.nanmin(cells) < 0 or np.nanmax(cells) > 5_000:
        return f"{one.name} holds no days past due"
    return ""


def why_no_score(book: Book, one: Profile) -> str:
    """Why a column's values are no scores, in words; empty where they may be."""
    if not one.is_number or one.is_date:
        return f"{one.name} holds no numbers"
    cells = book.number(one.name)
    known = cells[~np.isnan(cells)]
    if not len(known) or known.max() > 2_000 or np.median(known) <= 1 or (known == 0).mean() > 0.5:
        return f"{one.name} holds no scores"
    return ""


def _choose_score(book: Book) -> None:
    for strength, one in book.named("score", 0.6):
        if one.name in book.taken or why_no_score(book, one):
            continue
        cells = book.number(one.name)
        said = f"{np.nanmin(cells):g} to {np.nanmax(cells):g}"
        book.ours(from_column("score", one, 0.92 if strength >= STRONG else 0.7, said))
        return


Test = Callable[[Book, Profile], object]


def find_lies(book: Book) -> list[str]:
    """Names that say one thing plainly while the values cannot be it.

    A name is let pass where our column comes from another column of a name as plain.
    """
    found = []
    sound = {c.column for c in book.choices.values() if said_by_name(c.source, c.column) >= STRONG}
    for name, one in book.profiles.items():
        for role, cannot in _CANNOT.items():
            if role not in sound and said_by_name(name, role) >= STRONG and cannot(book, one):
                found.append(f"{name} holds no {role.replace('_', ' ')}")
    return found


def _no_loan_key(_: Book, one: Profile) -> bool:
    decimals = one.is_number and not one.is_whole
    return one.is_date or decimals or one.distinct < min(50, one.present // 20)


def _no_key(_: Book, one: Profile) -> bool:
    return not is_key(one)


def _no_class(_: Book, one: Profile) -> bool:
    return one.is_date or bool(is_vocabulary(one)) or (one.is_number and not one.is_whole)


def _no_day(_: Book, one: Profile) -> bool:
    return not one.is_date and one.serial() is None


def _no_amount(book: Book, one: Profile) -> bool:
    cells = book.number(one.name)
    small = not np.isnan(cells).all() and float(np.nanmax(cells)) <= 2.0 and not one.is_whole
    return not one.is_number or one.is_date or small


def _foreign(column: str) -> Test:
    """Days, words of another vocabulary of ours, or far too many words."""

    def test(_: Book, one: Profile) -> bool:
        many = not one.is_number and one.distinct > 200
        return one.is_date or is_vocabulary(one) not in ("", column) or many

    return test


def _strange(column: str) -> Test:
    """Foreign, or words of which hardly one is known."""
    vocabulary, known = _VOCABULARIES[column]

    def test(book: Book, one: Profile) -> bool:
        covered = _covered(one, _translate(one, vocabulary, known))
        return bool(_foreign(column)(book, one)) or (not one.is_number and covered < 0.2)

    return test


_CANNOT: Final[Mapping[str, Test]] = {
    "loan_id": _no_loan_key,
    "borrower_id": _no_key,
    "buyer_id": _no_key,
    "segment": _no_class,
    "region": _no_class,
    "status": _strange("status"),
    "loan_type": _strange("loan_type"),
    "channel": _foreign("channel"),
    "origination_date": _no_day,
    "maturity_date": _no_day,
    "original_balance": _no_amount,
    "current_balance": _no_amount,
    "paid_principal": _no_amount,
    "instalment": _no_amount,
    "rate": why_no_rate,
    "days_past_due": why_no_days,
    "score": why_no_score,
}
