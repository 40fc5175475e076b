"""Which columns are the principal paid out, outstanding and repaid, and the instalment.

Names propose; the order between columns (outstanding and repaid at most what was paid out), the
identity paid out - repaid = outstanding, and ageing (older loans owe a smaller part) decide.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import numpy as np

from scfcap.quantities import FloatArray
from scfcap.tape.map_book import (
    DOUBTED,
    STRONG,
    Book,
    Choice,
    at_most,
    from_column,
    left_open,
    listed,
    share,
)
from scfcap.tape.map_key import counts_rows
from scfcap.tape.map_names import ROLES as NAMED
from scfcap.tape.map_names import said_by_name, units_of
from scfcap.tape.map_values import Profile

ROLES = ("original_balance", "current_balance", "paid_principal", "instalment", "_total_due")
#: Weakest name that makes a column a candidate for a role.
_LEAST = 0.35
#: What a role counts that no name supports.
_UNNAMED = 0.1
#: Candidates for one role.
_MOST = 4
_HOLDS = 0.99


@dataclass
class _Scales:
    """Candidates, and what is known of pairs and triples of them."""

    book: Book
    numbers: dict[str, FloatArray] = field(default_factory=dict)
    order: dict[tuple[str, str], float] = field(default_factory=dict)
    sums: dict[tuple[str, str, str], bool] = field(default_factory=dict)
    ages: dict[tuple[str, str], float] = field(default_factory=dict)

    def below(self, low: str, high: str) -> float:
        """Share of the loans on which ``low`` is at most ``high``."""
        if (low, high) not in self.order:
            self.order[low, high] = at_most(self.numbers[low], self.numbers[high])
        return self.order[low, high]

    def adds_up(self, whole: str, one: str, other: str) -> bool:
        """Whether ``one + other = whole`` in 9 of 10 rows, both parts above 0 in some."""
        key = (whole, min(one, other), max(one, other))
        if key not in self.sums:
            a, b, c = (self.numbers[n] for n in key)
            known = ~np.isnan(a + b + c)
            self.sums[key] = bool(
                share(np.abs(a - b - c) < 0.011, known) >= 0.9
                and share((b > 0) & (c > 0), known) > 0.02
            )
        return self.sums[key]

    def ages_well(self, whole: str, part: str) -> float:
        """Correlation by rank of the day paid out with ``part / whole``, over loans partly repaid.

        Above 0 where younger loans have more of it, as with what is outstanding.
        """
        if (whole, part) not in self.ages:
            start = self.book.chosen_day("origination_date")
            a, b = self.numbers[whole], self.numbers[part]
            with np.errstate(invalid="ignore"):
                used = (b > 0) & (b < a)
            self.ages[whole, part] = 0.0 if start is None else _rank_correlation(start, a, b, used)
        return self.ages[whole, part]


def _rank_correlation(start: np.ndarray, a: FloatArray, b: FloatArray, used: np.ndarray) -> float:
    used = used & ~np.isnat(start)
    if used.sum() < 50:
        return 0.0
    days = start[used].astype(np.int64).argsort().argsort().astype(np.float64)
    part = (b[used] / a[used]).argsort().argsort().astype(np.float64)
    if days.std() == 0 or part.std() == 0:
        return 0.0
    return float(np.corrcoef(days, part)[0, 1])


def choose_money(book: Book) -> None:
    """Original and current balance, principal repaid, instalment."""
    scales, candidates = _candidates(book)
    best, ties = _assign(scales, candidates)
    for role in ROLES[:4]:
        if role in best:
            book.ours(_choice(scales, role, best, ties))
    if "original_balance" not in best:
        book.ours(left_open("original_balance", _why_no_principal(book)))
    if "current_balance" not in best:
        book.ours(_no_balance(book))


def total_due(book: Book) -> Profile | None:
    """A column of principal with all charges: named so, and never below the principal."""
    lent = book.chosen_number("original_balance")
    for _, one in book.named("_total_due", 0.6):
        if lent is not None and one.is_number and at_most(lent, book.number(one.name)) >= _HOLDS:
            return one
    return None


def _candidates(book: Book) -> tuple[_Scales, dict[str, dict[str, float]]]:
    """For each role its columns and how their names support it."""
    scales = _Scales(book)
    found: dict[str, dict[str, float]] = {}
    for role in ROLES:
        fit = [(n, p) for n, p in book.named(role, _LEAST) if not _why_not(book, role, p)]
        found[role] = {p.name: n for n, p in fit[:_MOST]}
        for name in found[role]:
            scales.numbers[name] = book.number(name)
    return scales, found


def _why_not(book: Book, role: str, one: Profile) -> str:
    """Why a column's values cannot play a role, in words; empty where they can."""
    if not one.is_number or one.is_date:
        return f"{one.name} holds no amounts"
    cells = book.number(one.name)
    known = ~np.isnan(cells)
    if not known.any():
        return f"{one.name} is empty"
    with np.errstate(invalid="ignore"):
        below = share(cells < 0, known)
        above = share(cells > 0, known)
    if role == "original_balance" and one.name in book.varying:
        return (
            f"{one.name} differs between the rows of one loan: it is a repayment, not the principal"
        )
    if role == "instalment" and one.name in book.varying:
        return f"{one.name} differs between the rows of one loan"
    if below > 0.005:
        return f"{one.name} is negative in {below:.0%} of the rows"
    if role in ("original_balance", "instalment", "_total_due") and above < 0.95:
        return f"{one.name} is 0 in {1 - above:.0%} of the rows"
    if role == "current_balance" and above == 0:
        return f"{one.name} is 0 in every row"
    if role == "current_balance" and one.name in book.varying:
        return f"{one.name} differs between the rows of one loan"
    if float(np.nanmax(cells)) <= 2.0:
        return f"{one.name} holds no amounts (at most {np.nanmax(cells):g})"
    return ""


Assignment = dict[str, str]


def _assign(
    scales: _Scales, candidates: dict[str, dict[str, float]]
) -> tuple[Assignment, list[Assignment]]:
    """The assignment of columns to roles that scores best, and those the values support alike."""
    pool = {name for named in candidates.values() for name in named}
    if not pool:
        return {}, []
    strongest = {n: max(c.get(n, 0.0) for c in candidates.values()) for n in pool}
    choices = [[None, *_open_to(role, candidates, strongest)] for role in ROLES]
    scored = []
    for picked in itertools.product(*choices):
        used = [name for name in picked if name]
        if len(set(used)) < len(used):
            continue
        one = {role: name for role, name in zip(ROLES, picked, strict=True) if name}
        values = _by_values(scales, one)
        named = sum(candidates[role].get(name, _UNNAMED) for role, name in one.items())
        unused = 0.8 * sum(s >= 0.8 and n not in used for n, s in strongest.items())
        scored.append((named + values - unused, values, one))
    best = max(scored, key=lambda s: s[0])
    ties = [
        one
        for _, values, one in scored
        if set(one) == set(best[2]) and values >= best[1] - 1e-9 and one != best[2]
    ]
    return best[2], ties


def _open_to(
    role: str, candidates: dict[str, dict[str, float]], strongest: dict[str, float]
) -> list[str]:
    """Columns that may play a role: those named so, and those strongly named after another."""
    others = [n for n, s in strongest.items() if s >= 0.8 and n not in candidates[role]]
    return [*candidates[role], *(others if role in ROLES[:3] else [])][: 2 * _MOST]


def _by_values(scales: _Scales, one: Assignment) -> float:
    """What the values say of an assignment, whatever the names are."""
    score = 0.0
    lent = one.get("original_balance")
    if lent is None:
        return 0.0
    for part, sign in (("current_balance", 1.0), ("paid_principal", -1.0)):
        name = one.get(part)
        if name:
            score += 0.5 if scales.below(name, lent) >= _HOLDS else -1.5
            aged = scales.ages_well(lent, name)
            score += 0.2 * sign * float(np.sign(aged)) if abs(aged) > 0.2 else 0.0
    current, paid = one.get("current_balance"), one.get("paid_principal")
    if current and paid and scales.adds_up(lent, current, paid):
        score += 0.8
    if "instalment" in one:
        score += 0.1 if scales.below(one["instalment"], lent) >= 0.97 else -1.0
    if "_total_due" in one:
        score += 0.5 if scales.below(lent, one["_total_due"]) >= _HOLDS else -1.5
    return score


def _choice(scales: _Scales, role: str, best: Assignment, ties: list[Assignment]) -> Choice:
    book, one = scales.book, scales.book.profiles[best[role]]
    strength = said_by_name(one.name, role)
    choice = from_column(role, one, 0.95 if strength >= STRONG else 0.5 + 0.4 * strength)
    choice = replace(choice, evidence=_evidence(scales, role, best))
    if strength < _LEAST:
        book.lies.append(f"{one.name} holds what our {role} is")
        choice = choice.doubted(0.65, "the values contradict the name")
    if any(tie[role] != best[role] for tie in ties):
        choice = choice.doubted(
            DOUBTED, "the values of another column fit as well; the name decides"
        )
    others = _rivals(book, role, best)
    if others:
        choice = choice.doubted(DOUBTED, f"{listed(others, 3)} would fit by its values")
    if role in ("original_balance", "current_balance") and len(best) == 1:
        choice = choice.doubted(0.88, "no second amount to compare with")
    if (
        "original_balance" in best
        and scales.below(one.name, best["original_balance"]) < 0.97
        and role in ROLES[1:3]
    ):
        part = 1 - scales.below(one.name, best["original_balance"])
        choice = choice.doubted(0.7, f"above {best['original_balance']} in {part:.0%} of the rows")
    return with_form(choice, one)


def _rivals(book: Book, role: str, best: Assignment) -> list[str]:
    """Columns without a name in our vocabulary that could be the principal paid out as well."""
    if role != "original_balance" or "current_balance" not in best:
        return []
    low = book.number(best["current_balance"])
    return [
        p.name
        for p in book.profiles.values()
        if p.name not in best.values()
        and p.distinct > 10
        and not counts_rows(p)
        and max(said_by_name(p.name, other) for other in NAMED) < STRONG
        and p.name not in book.taken
        and not _why_not(book, role, p)
        and at_most(low, book.number(p.name)) >= _HOLDS
    ][:3]


def _evidence(scales: _Scales, role: str, best: Assignment) -> tuple[str, ...]:
    one, lent = best[role], best.get("original_balance")
    cells = scales.numbers[one]
    said = [
        f"{np.nanmin(cells):,.10g} to {np.nanmax(cells):,.10g}, median {np.nanmedian(cells):,.10g}"
    ]
    current, paid = best.get("current_balance"), best.get("paid_principal")
    if lent and role == "original_balance" and current:
        said.append(f"{current} is at most {one} in {scales.below(current, one):.1%} of the rows")
    if lent and role in ("current_balance", "paid_principal"):
        said.append(f"at most {lent} in {scales.below(one, lent):.1%} of the rows")
    if lent and current and paid and role in ROLES[:3] and scales.adds_up(lent, current, paid):
        said.append(f"{lent} - {paid} = {current}")
    refused = [
        why for n, p in scales.book.named(role, 0.5) if (why := _why_not(scales.book, role, p))
    ]
    return (*said, *(f"not taken: {why}" for why in refused[:2]))


def with_form(choice: Choice, one: Profile) -> Choice:
    """``choice`` with the unit of amounts: scale by name, currency text, marks."""
    scale = units_of(one.name).scale
    form = one.number_form
    unit = [f"in {scale:,.0f}"] if scale != 1.0 else []
    unit += ["with a currency"] if form.currency else []
    unit += [f"decimal {form.decimal}"] if form.decimal != "." else []
    unit += [f"thousands {form.thousands!r}"] if form.thousands else []
    settings = {
        **choice.settings,
        **({"scale": scale} if scale != 1.0 else {}),
        **({"currency_text": True} if form.currency else {}),
        **(
            {"marks": (form.decimal, form.thousands)}
            if (form.decimal, form.thousands) != (".", "")
            else {}
        ),
    }
    return replace(
        choice, settings=settings, unit=", ".join(unit) or choice.unit or "units of currency"
    )


def _why_no_principal(book: Book) -> str:
    named = book.named("original_balance", _LEAST)
    why = [text for _, p in named if (text := _why_not(book, "original_balance", p))]
    return "; ".join(why[:3]) or "no column is named like the principal paid out"


def _no_balance(book: Book) -> Choice:
    """Nothing outstanding is told: what may stand for it."""
    named = book.named("current_balance", _LEAST)
    why = [text for _, p in named if (text := _why_not(book, "current_balance", p))]
    reason = "; ".join(why[:2]) or "no column holds what is outstanding"
    lent = book.choices["original_balance"].source
    closed = [p.name for n, p in book.named("_closed_date", 0.8) if p.present > 0.5 * book.rows]
    guess = f'current_balance = "{lent}"   # if every loan is outstanding in full' if lent else ""
    paid = [
        n
        for n in book.varying
        if said_by_name(n, "original_balance") > 0 and book.profiles[n].is_number
    ]
    if closed:
        reason += f"; {closed[0]} tells when a loan ended: 0 after it"
    if paid and lent:
        reason += f"; {lent} less the sum of {paid[0]}, where that is what was repaid"
    return left_open("current_balance", reason, guess)
