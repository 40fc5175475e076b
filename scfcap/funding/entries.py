"""The company's books: every flow of a period once, with all the accounts it is booked in.

An :class:`Entry` is one flow: what it does to the company's free cash, to the income of the group,
and to the group's cash. The rows of cash and net capital, the sources and uses, the income and the
cash-flow statement are sums of the same entries; balances and the balance sheet are sums of
:class:`Stock`. An instrument adds its entries and stocks in one function each, listed in
:data:`ENTRIES` and :data:`STOCKS`; the replay's own book-keeping is :mod:`scfcap.funding.postings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, OWN, P2P, SECURITIZATION
from scfcap.funding.booking import Earned, Entry, Held, Line, Moved, Purse, Section, Side, Stock
from scfcap.funding.capital import (
    owner_entries,
    provision_entries,
    provision_stocks,
    tax_entries,
    tax_stocks,
)
from scfcap.funding.company import capital, cash, originated, running_cost, servicing_income
from scfcap.funding.inputs import DealInputs
from scfcap.funding.older_recoveries import recoverable_stocks, recovered_entries
from scfcap.funding.partner_books import (
    partner_entries,
    partner_stocks,
    recourse_entries,
    recourse_stocks,
)
from scfcap.funding.program import Terms
from scfcap.funding.shortfall import shortfall_entries, shortfall_stocks
from scfcap.funding.variables import Book

#: Lines of the income statement in their order; these are shown even where nothing is booked.
INCOME = (
    "interest on own loans",
    "interest on the vehicle's loans",
    "interest on cash",
    "servicing fees from buyers",
    "gain or loss on sales",
    "bank interest and fees",
    "coupons",
    "vehicle fees and issue costs",
    "P2P interest and fees",
    "credit losses",
    "running cost",
)
#: Lines of the cash-flow statement in their order, shown likewise.
MOVED: tuple[tuple[Section, str], ...] = (
    ("operating", "interest received"),
    ("operating", "interest on cash"),
    ("operating", "servicing fees from buyers"),
    ("operating", "bank interest and fees paid"),
    ("operating", "coupons paid"),
    ("operating", "vehicle fees and issue costs"),
    ("operating", "P2P interest and fees paid"),
    ("operating", "running cost"),
    ("operating", "principal repaid by borrowers"),
    ("operating", "recoveries"),
    ("operating", "loans sold to buyers"),
    ("operating", "loans made"),
    ("financing", "debt drawn"),
    ("financing", "debt repaid"),
    ("financing", "notes issued"),
    ("financing", "notes repaid"),
    ("financing", "P2P notes placed"),
    ("financing", "P2P notes repaid"),
)
#: Lines of the balance sheet in their order, shown likewise.
SHEET = (
    Line("asset", "loans on the own book"),
    Line("asset", "loans of the vehicle"),
    Line("asset", "recoveries expected"),
    Line("asset", "restricted cash of the vehicle"),
    Line("asset", "free cash"),
    Line("liability", "bank and other debt"),
    Line("liability", "notes held by others"),
    Line("liability", "accrued coupons"),
    Line("liability", "P2P notes"),
    Line("capital", "net capital"),
)
_SIDES: tuple[Side, ...] = ("asset", "liability", "capital")


def entries(book: Book, t: int) -> list[Entry]:
    """Every flow of period ``t``, from 1. The terms are shared: add them up, do not change them."""
    found = book.entries.get(t)
    if found is None:
        found = [entry for instrument in ENTRIES for entry in instrument(book, t)]
        book.entries[t] = found
    return found


def stocks(book: Book, t: int) -> list[Stock]:
    """Everything that stands at the close of ``t``, 0 (``as_of``) to T."""
    return [stock for instrument in STOCKS for stock in instrument(book, t)]


def flow_of_cash(book: Book, t: int) -> Terms:
    """What enters the company's free cash in ``t`` less what leaves it."""
    return _summed(book, t, lambda entry: 0.0 if entry.purse is None else entry.purse.sign)


def net_income(book: Book, t: int) -> Terms:
    """The group's net income of ``t``."""
    return _summed(book, t, lambda entry: 0.0 if entry.earned is None else entry.earned.sign)


def from_owners(book: Book, t: int) -> Terms:
    """What the owners pay in in ``t`` less what they are paid."""
    return _summed(book, t, lambda entry: entry.owners)


def _summed(book: Book, t: int, sign: Callable[[Entry], float]) -> Terms:
    """The flows of ``t``, each by its sign in one account; 0 where it is not booked there."""
    terms = Terms()
    for entry in entries(book, t):
        terms.extend(entry.terms, sign(entry))
    return terms


def income_lines(book: Book, t: int) -> dict[str, Terms]:
    """Income of ``t`` by line, costs negative."""
    lines = {item: Terms() for item in INCOME}
    for entry in entries(book, t):
        if entry.earned is not None:
            sign, item = entry.earned
            lines.setdefault(item, Terms()).extend(entry.terms, sign)
    return lines


def moved_lines(book: Book, t: int) -> dict[tuple[Section, str], Terms]:
    """The group's cash flows of ``t`` by section and line, outflows negative."""
    lines = {line: Terms() for line in MOVED}
    for entry in entries(book, t):
        if entry.moved is not None:
            sign, section, item = entry.moved
            lines.setdefault((section, item), Terms()).extend(entry.terms, sign)
    sections = ("operating", "financing")
    return dict(sorted(lines.items(), key=lambda line: sections.index(line[0][0])))


def sheet_lines(book: Book, t: int) -> dict[Line, Terms]:
    """The balance sheet at the close of ``t``: assets, liabilities, capital."""
    lines = {line: Terms() for line in SHEET}
    for stock in stocks(book, t):
        if stock.line is not None:
            lines.setdefault(stock.line, Terms()).extend(stock.terms)
    return dict(sorted(lines.items(), key=lambda line: _SIDES.index(line[0].side)))


# --- the company's own book ---------------------------------------------------------------------


def own_entries(book: Book, t: int) -> Iterator[Entry]:
    """Loans of the own book, cash, running cost."""
    yields = Terms().extend(
        cash(book, t - 1), book.inputs.spec.plan.cash_yield * float(book.inputs.year[t])
    )
    yield Entry(
        book.repaid(OWN, t),
        Purse(1.0, OWN, "principal repaid"),
        moved=Moved(1.0, "operating", "principal repaid by borrowers"),
    )
    yield Entry(
        book.interest(OWN, t),
        Purse(1.0, OWN, "interest received"),
        Earned(1.0, "interest on own loans"),
        Moved(1.0, "operating", "interest received"),
    )
    yield Entry(
        book.recoveries(OWN, t),
        Purse(1.0, OWN, "recoveries"),
        moved=Moved(1.0, "operating", "recoveries"),
    )
    yield Entry(
        yields,
        Purse(1.0, OWN, "interest on cash"),
        Earned(1.0, "interest on cash"),
        Moved(1.0, "operating", "interest on cash"),
    )
    yield Entry(
        originated(book, t),
        Purse(-1.0, OWN, "loans made"),
        moved=Moved(-1.0, "operating", "loans made"),
    )
    yield Entry(
        running_cost(book, t),
        Purse(-1.0, OWN, "running cost"),
        Earned(-1.0, "running cost"),
        Moved(-1.0, "operating", "running cost"),
    )
    yield Entry(book.credit_cost(OWN, t), earned=Earned(-1.0, "credit losses"))


def own_stocks(book: Book, t: int) -> Iterator[Stock]:
    """Loans, recoveries to come, cash and net capital."""
    yield Stock(book.total(OWN, t), Line("asset", "loans on the own book"), Held(OWN, "loans"))
    yield Stock(book.receivable(OWN, t), Line("asset", "recoveries expected"))
    yield Stock(cash(book, t), Line("asset", "free cash"), Held(OWN, "cash"))
    yield Stock(capital(book, t), Line("capital", "net capital"), Held(OWN, "net capital"))


# --- lines ----------------------------------------------------------------------------------------


def lender_entries(book: Book, t: int) -> Iterator[Entry]:
    """Draws, repayments, interest and commitment fees."""
    for x in book.inputs.lenders:
        drawn = Terms()
        for tenor, _ in x.tenors:
            drawn.add(book.program.find("X", (x.name, tenor, t)))
        yield Entry(
            drawn,
            Purse(1.0, BANK_DEBT, f"{x.name}: drawn"),
            moved=Moved(1.0, "financing", "debt drawn"),
        )
        yield Entry(
            book.debt_repaid(x.name, t),
            Purse(-1.0, BANK_DEBT, f"{x.name}: repaid"),
            moved=Moved(-1.0, "financing", "debt repaid"),
        )
        yield Entry(
            book.debt_interest(x.name, t),
            Purse(-1.0, BANK_DEBT, f"{x.name}: interest and fees"),
            Earned(-1.0, "bank interest and fees"),
            Moved(-1.0, "operating", "bank interest and fees paid"),
        )


def lender_stocks(book: Book, t: int) -> Iterator[Stock]:
    """What is drawn."""
    for x in book.inputs.lenders:
        debt = book.debt(x.name, t).plus(float(x.open_balance[t]))
        line = Line("liability", "bank and other debt")
        yield Stock(debt, line, Held(BANK_DEBT, f"{x.name}: debt"))


# --- loans sold -----------------------------------------------------------------------------------


def buyer_entries(book: Book, t: int) -> Iterator[Entry]:
    """Sales, their discount, servicing fees."""
    for buyer in book.inputs.buyers:
        sold = book.sold(buyer.place, t)
        yield Entry(
            Terms().extend(sold, buyer.price),
            Purse(1.0, BANK_TRANSFER, f"{buyer.name}: loans sold"),
            moved=Moved(1.0, "operating", "loans sold to buyers"),
        )
        discount = Terms().extend(sold, 1.0 - buyer.price)
        yield Entry(discount, earned=Earned(-1.0, "gain or loss on sales"))
    if book.inputs.buyers:
        yield Entry(
            servicing_income(book, t),
            Purse(1.0, BANK_TRANSFER, "servicing fees"),
            Earned(1.0, "servicing fees from buyers"),
            Moved(1.0, "operating", "servicing fees from buyers"),
        )


def buyer_stocks(book: Book, t: int) -> Iterator[Stock]:
    """Loans sold: off the balance sheet."""
    for buyer in book.inputs.buyers:
        held = Held(BANK_TRANSFER, f"{buyer.name}: loans sold")
        yield Stock(book.total(buyer.place, t), held=held)


# --- series ---------------------------------------------------------------------------------------


def series_entries(book: Book, t: int) -> Iterator[Entry]:
    """What series and company pay each other, then the series' own flows, consolidated."""
    for d in book.inputs.deals:
        yield from _between(book, d, t)
        yield from _of_series(book, d, t)


def _between(book: Book, d: DealInputs, t: int) -> Iterator[Entry]:
    def purse(sign: float, item: str) -> Purse:
        return Purse(sign, SECURITIZATION, f"{d.name}: {item}")

    yield Entry(book.sold(d.place, t), purse(1.0, "loans sold"))
    yield Entry(book.deal_fees(d, t)[1], purse(1.0, "servicing fee"))
    yield Entry(Terms().add(book.program.find("R", (d.name, t))), purse(1.0, "residual"))
    if t == d.closing:
        yield Entry(Terms().add(book.program.find("E", d.name)), purse(-1.0, "contribution"))


def _of_series(book: Book, d: DealInputs, t: int) -> Iterator[Entry]:
    costs = "vehicle fees and issue costs"
    yield Entry(
        book.interest(d.place, t),
        earned=Earned(1.0, "interest on the vehicle's loans"),
        moved=Moved(1.0, "operating", "interest received"),
    )
    yield Entry(
        book.deal_yield(d, t),
        earned=Earned(1.0, "interest on cash"),
        moved=Moved(1.0, "operating", "interest on cash"),
    )
    for cost in (book.deal_fees(d, t)[0], book.issue_cost(d, t)):
        yield Entry(cost, earned=Earned(-1.0, costs), moved=Moved(-1.0, "operating", costs))
    for i in range(len(d.repaid_by)):
        yield Entry(book.coupon(d, i, t), earned=Earned(-1.0, "coupons"))
        paid = book.coupon_paid(d, i, t)
        yield Entry(paid, moved=Moved(-1.0, "operating", "coupons paid"))
    yield Entry(book.credit_cost(d.place, t), earned=Earned(-1.0, "credit losses"))
    principal = Moved(1.0, "operating", "principal repaid by borrowers")
    yield Entry(book.repaid(d.place, t), moved=principal)
    yield Entry(book.recoveries(d.place, t), moved=Moved(1.0, "operating", "recoveries"))
    yield Entry(notes_issued(book, d, t), moved=Moved(1.0, "financing", "notes issued"))
    yield Entry(notes_repaid(book, d, t), moved=Moved(-1.0, "financing", "notes repaid"))


def series_stocks(book: Book, t: int) -> Iterator[Stock]:
    """Loans, cash, reserve, recoveries to come; notes and coupons owed."""
    vehicle = book.inputs.vehicle
    for d in book.inputs.deals:
        assert vehicle is not None

        def held(item: str, name: str = d.name) -> Held:
            return Held(SECURITIZATION, f"{name}: {item}")

        restricted = Line("asset", "restricted cash of the vehicle")
        yield Stock(book.total(d.place, t), Line("asset", "loans of the vehicle"), held("loans"))
        yield Stock(book.deal_cash(d, t), restricted, held("cash"))
        yield Stock(book.reserve(d, t), restricted, held("reserve"))
        yield Stock(book.receivable(d.place, t), Line("asset", "recoveries expected"))
        for i, tranche in enumerate(vehicle.sold):
            notes = Line("liability", "notes held by others")
            yield Stock(book.notes(d, i, t), notes, held(f"{tranche.name} notes"))
            yield Stock(book.accrued(d, i, t), Line("liability", "accrued coupons"))


def notes_issued(book: Book, d: DealInputs, t: int) -> Terms:
    """Notes that a series sells in ``t``: all of them, at its closing."""
    return book.all_notes(d, t) if d.state is None and t == d.closing else Terms()


def notes_repaid(book: Book, d: DealInputs, t: int, tranche: int | None = None) -> Terms:
    """Principal that a series repays in ``t``, on one sold tranche or all."""
    terms = Terms()
    for i in range(len(d.repaid_by)) if tranche is None else (tranche,):
        terms.add(book.program.find("A", (d.name, i, t)))
    return terms


# --- P2P notes ------------------------------------------------------------------------------------


def p2p_entries(book: Book, t: int) -> Iterator[Entry]:
    """Notes placed and repaid, their interest and fees."""
    if book.inputs.p2p is None:
        return
    yield Entry(
        book.placed(t),
        Purse(1.0, P2P, "notes placed"),
        moved=Moved(1.0, "financing", "P2P notes placed"),
    )
    yield Entry(
        book.p2p_repaid(t),
        Purse(-1.0, P2P, "notes repaid"),
        moved=Moved(-1.0, "financing", "P2P notes repaid"),
    )
    yield Entry(
        book.p2p_interest(t),
        Purse(-1.0, P2P, "interest and fees"),
        Earned(-1.0, "P2P interest and fees"),
        Moved(-1.0, "operating", "P2P interest and fees paid"),
    )


def p2p_stocks(book: Book, t: int) -> Iterator[Stock]:
    """Notes outstanding."""
    if book.inputs.p2p is not None:
        yield Stock(book.p2p_stock(t), Line("liability", "P2P notes"), Held(P2P, "notes"))


#: Every instrument's flows, in the order of the statements.
ENTRIES: tuple[Callable[[Book, int], Iterator[Entry]], ...] = (
    own_entries,
    lender_entries,
    buyer_entries,
    recourse_entries,
    series_entries,
    p2p_entries,
    partner_entries,
    provision_entries,
    tax_entries,
    owner_entries,
    shortfall_entries,
    recovered_entries,
)
#: Every instrument's stocks, in the order of the statements.
STOCKS: tuple[Callable[[Book, int], Iterator[Stock]], ...] = (
    own_stocks,
    lender_stocks,
    buyer_stocks,
    recourse_stocks,
    series_stocks,
    p2p_stocks,
    partner_stocks,
    provision_stocks,
    tax_stocks,
    shortfall_stocks,
    recoverable_stocks,
)
