"""How each source of funds stands in the accounts, beside what it counts in the regulatory caps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, GUARANTEED_BANK, OWN, P2P, SECURITIZATION
from scfcap.funding.company import capital
from scfcap.funding.inputs import DealInputs
from scfcap.funding.program import Solution, Terms
from scfcap.funding.statements import frame_of, valuer
from scfcap.funding.variables import Book

ON, OFF = "on balance sheet", "off balance sheet"


@dataclass(frozen=True)
class Treatment:
    """Where a source stands in the accounts of the group, and why."""

    sheet: str
    derecognition: str
    basis: str


EQUITY = Treatment(ON, "", "equity (IAS 32.11)")
BORROWED = Treatment(ON, "", "financial liability at amortised cost (IFRS 9 4.2.1)")
SOLD = Treatment(
    OFF,
    "derecognised",
    "sold without recourse: risks and rewards pass (IFRS 9 3.2.6(a)); servicing is kept (3.2.10)",
)
RECOURSE = Treatment(
    ON,
    "not derecognised",
    "the company bears the losses that are likely, so it keeps the risks and rewards (IFRS 9 "
    "3.2.6(b), B3.2.5(e)): loans stay, what was paid for them is a liability (3.2.15). If the cap "
    "is below the losses expected: continuing involvement, the lower of the loans and the most "
    "that may have to be repaid (3.2.16(a))",
)
GUARANTEED = Treatment(
    OFF,
    "",
    "the bank's loans; a financial guarantee contract, measured at the higher of the loss "
    "allowance and what is left of the premium received (IFRS 9 4.2.1(c)); what is guaranteed is "
    "disclosed (IFRS 7 B10(c))",
)
JOINT = Treatment(
    OFF,
    "",
    "the partner's own loans from the start; the company recognises its share alone (IFRS 9 3.1.1)",
)
PASSED = Treatment(
    OFF, "", "the lenders' own loans from the start; the company is paid for a service (IFRS 15.31)"
)
SERIES = Treatment(
    ON,
    "not derecognised",
    "the company keeps the lowest class and what is left over: it controls the vehicle and "
    "consolidates it (IFRS 10.7), its loans stay (IFRS 9 3.2.6(b)), its notes are debt (3.2.15)",
)
KEPT = Treatment(
    ON, "not derecognised", "own funds in the vehicle, eliminated on consolidation (IFRS 10.B86)"
)

_NAMES = [
    "channel", "item", "source", "sheet", "derecognition", "basis", "cap", "regime", "weight",
    "multiple", "base", "cap_source", "opening_amount", "most_amount", "closing_amount",
]  # fmt: skip


def accounting(book: Book, solution: Solution) -> pd.DataFrame:
    """A row for each source of funds and each cap of the regime, or one without a cap.

    ``source`` is the name under which caps count it, ``weight`` what a unit of it counts there
    (0 where the cap does not name it), ``regime`` the law that it is of. Amounts [currency] at the
    start, at their highest close and at the end. ``basis`` is our reading of the standards, no
    opinion of an auditor.
    """
    value = valuer(book, solution)
    rows: list[tuple[object, ...]] = []
    for channel, item, source, treatment, path in source_paths(book):
        amounts = [value(terms) for terms in path]
        said = (treatment.sheet, treatment.derecognition, treatment.basis)
        sizes = (amounts[0], max(amounts), amounts[-1])
        for dated in book.inputs.caps or (None,):
            counted: tuple[object, ...] = ("", "", float("nan"), float("nan"), "", "")
            if dated is not None:
                cap = dated.cap
                weights: dict[str, float] = {str(k): w for k, w in cap.weights.items()}
                weight = weights.get(source, 0.0)
                counted = (cap.name, dated.regime, weight, cap.multiple, cap.base, cap.source)
            rows.append((channel, item, source, *said, *counted, *sizes))
    return frame_of(rows, _NAMES)


def source_paths(book: Book) -> Iterator[tuple[str, str, str, Treatment, list[Terms]]]:
    """Every source of funds: channel, item, name under which caps count it, treatment, and its
    balance at each close, index t from 0 to T [money units].
    """
    inputs = book.inputs
    times = range(inputs.horizon + 1)
    yield OWN, "net capital", "net_capital", EQUITY, [capital(book, t) for t in times]
    for x in inputs.lenders:
        debt = [book.debt(x.name, t).plus(float(x.open_balance[t])) for t in times]
        yield BANK_DEBT, f"{x.name}: debt", x.kind, BORROWED, debt
    for buyer in inputs.buyers:
        held = [book.total(buyer.place, t) for t in times]
        treatment = SOLD if buyer.recourse is None else RECOURSE
        yield BANK_TRANSFER, f"{buyer.name}: loans sold", buyer.source, treatment, held
    for d in inputs.deals:
        notes = [book.all_notes(d, t) for t in times]
        yield SECURITIZATION, f"{d.name}: notes held by others", "abs_third_party", SERIES, notes
        kept = [retained(book, d, t) for t in times]
        yield SECURITIZATION, f"{d.name}: part kept", "abs_retained", KEPT, kept
    if inputs.p2p is not None:
        yield P2P, "notes", "p2p", BORROWED, [book.p2p_stock(t) for t in times]
    for who in inputs.partners:
        held = [book.total(who.place, t) for t in times]
        if who.channel == GUARANTEED_BANK:
            covered = [Terms().extend(terms, who.cover) for terms in held]
            yield who.channel, f"{who.name}: guaranteed", "guaranteed", GUARANTEED, covered
        elif who.channel == P2P:
            yield who.channel, f"{who.name}: loans", "p2p", PASSED, held
        else:
            yield who.channel, f"{who.name}: partner's part", "joint_partner", JOINT, held


def retained(book: Book, d: DealInputs, t: int) -> Terms:
    """Own funds in a series at the close of ``t``: what it holds less what it owes."""
    terms = book.total(d.place, t).extend(book.receivable(d.place, t))
    terms.extend(book.deal_cash(d, t)).extend(book.reserve(d, t))
    terms.extend(book.all_notes(d, t), -1.0)
    for i in range(len(d.repaid_by)):
        terms.extend(book.accrued(d, i, t), -1.0)
    return terms
