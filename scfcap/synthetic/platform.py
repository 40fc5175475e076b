"""A synthetic platform: the loans outstanding on one day, made from the flow that left them.

The tape is a stock. A product with a monthly flow leaves on its books, on a given day, every
loan whose origination lies less than its term ago and that has not been repaid early. So pairs
(term, age) are drawn with weight

    share of the flow / mean size * intensity(as_of - age) * exp(-prepay * age),   age < term

which gives long loans their larger share of the stock, and shows the shopping season in the
origination dates. Figures of the products: ``models/alibaba-2013/sources.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.axes import OWN, SECURITIZATION, place
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.model import Model
from scfcap.schema.tape import PlatformSpec
from scfcap.synthetic.shops import (
    CORES,
    LARGE_CORES,
    REGIONS,
    Shops,
    make_shops,
    pick_cores,
    pick_shops,
    within_limit,
)
from scfcap.tape.convert import add_months

_Array = npt.NDArray[Any]

ORDER, CREDIT, B2B = "order", "credit", "b2b"
SEGMENTS = ("order_core", "order_other", "credit_short", "credit_long", "b2b")
LOAN_TYPES = ("order", "bullet", "revolving_line", "level_payment")
STATUSES = ("current", "late", "default")
#: Longest term of segment credit_short [days].
SHORT_TERM = 90
#: Longest remaining term of a loan that an outstanding series holds [days].
SERIES_REMAINING = 180
#: Demand by calendar month, 1 where absent: the sales season, the new year's holidays.
SEASON = {2: 0.6, 10: 1.8, 11: 1.8}
#: Days past due: bounds of the classes to which ``Product.late`` gives shares.
LATE_CLASSES = ((1, 29), (30, 89), (90, 180))
DEFAULT_DAYS = 90


@dataclass(frozen=True)
class Product:
    """One product. ``flow``: share of the amounts lent. ``size``: mean of a lognormal amount
    [currency] with ``sigma`` the deviation of its logarithm. Terms in days, or in months for
    instalment loans. ``prepay`` [1/year]: intensity of early repayment. ``late``: share of
    loans in each of :data:`LATE_CLASSES`.
    """

    name: str
    flow: float
    size: float
    sigma: float
    rate: float
    shortest: int
    longest: int
    prepay: float
    late: tuple[float, float, float]
    months: bool = False


PRODUCTS = (
    Product(ORDER, 0.60, 11_000.0, 1.0, 0.1825, 1, 30, 0.0, (0.008, 0.003, 0.005)),
    Product(CREDIT, 0.30, 30_000.0, 0.9, 0.2190, 30, 180, 3.9, (0.010, 0.005, 0.010)),
    Product(B2B, 0.10, 150_000.0, 0.7, 0.1800, 6, 12, 0.0, (0.012, 0.010, 0.018), months=True),
)


@dataclass(frozen=True)
class _Stock:
    """Possible (term, age) of one product [days, or months and days] and their weights."""

    term: IntArray
    age: IntArray
    weight: FloatArray


@dataclass
class _Book:
    """Columns under construction, shape (loans,)."""

    product: IntArray
    term: IntArray
    age: IntArray
    shop: IntArray
    original: FloatArray
    late_days: IntArray


def generate(spec: PlatformSpec, model: Model) -> pd.DataFrame:
    """The platform's tape at ``model.as_of``: ``spec.loans`` rows in canonical columns.

    The same seed gives the same bytes. Loans fill each outstanding series of ``model`` up to its
    pool at closing, scaled by (amount generated / ``model.stated_for_book``); the rest are the
    company's own. Raises :class:`InputError` if the series need more loans than there are.
    """
    rng = np.random.Generator(np.random.PCG64(spec.seed))
    stocks = [_stock(product, model.as_of) for product in PRODUCTS]
    shops = make_shops(rng, spec.loans)
    book = _draw(rng, stocks, shops, spec.loans)
    frame = _columns(rng, book, shops, model.as_of)
    frame["channel"] = holders(rng, frame, model)
    frame = frame.sort_values("origination_date", kind="stable", ignore_index=True)
    width = len(str(spec.loans))
    numbers = np.char.zfill(np.arange(1, spec.loans + 1).astype(np.str_), width)
    frame.insert(0, "loan_id", np.char.add("L", numbers).astype(object))
    return frame


def _stock(product: Product, as_of: date) -> _Stock:
    terms = np.arange(product.shortest, product.longest + 1, dtype=np.int64)
    ages = terms * 30 if product.months else terms
    term = np.repeat(terms, ages)
    age = np.concatenate([np.arange(n, dtype=np.int64) for n in ages])
    weight = intensity(as_of, int(age.max()) + 1)[age] * np.exp(-product.prepay * age / 365.0)
    return _Stock(term, age, weight / len(terms) * product.flow / product.size)


def intensity(as_of: date, days: int) -> FloatArray:
    """Lending by age in days: monthly season, and a rush before the sale of 11 November."""
    day: _Array = np.datetime64(as_of, "D") - np.arange(days).astype("timedelta64[D]")
    month = day.astype("datetime64[M]").astype(np.int64) % 12 + 1
    season = np.array([SEASON.get(m, 1.0) for m in range(13)])[month]
    year = day.astype("datetime64[Y]")
    sale = year.astype("datetime64[M]") + np.timedelta64(10, "M")
    eve = sale.astype("datetime64[D]") + np.timedelta64(10, "D")
    before = (eve - day).astype(np.int64)
    rush = np.where(before >= 0, np.exp(-before / 5.0), np.exp(before / 2.0))
    return np.asarray(season * (1.0 + 1.5 * rush))


def _draw(rng: np.random.Generator, stocks: list[_Stock], shops: Shops, loans: int) -> _Book:
    counts = _apportion(np.array([stock.weight.sum() for stock in stocks]), loans)
    term, age, size = [], [], []
    for product, stock, count in zip(PRODUCTS, stocks, counts, strict=True):
        bounds = np.cumsum(stock.weight)
        pair = np.searchsorted(bounds[:-1], rng.random(count) * bounds[-1], "right")
        term.append(stock.term[pair])
        age.append(stock.age[pair])
        mean = np.log(product.size) - 0.5 * product.sigma**2
        size.append(rng.lognormal(mean, product.sigma, count))
    product_of = np.repeat(np.arange(len(PRODUCTS)), counts)
    shop = pick_shops(rng, shops, loans)
    return _Book(
        product=product_of,
        term=np.concatenate(term),
        age=np.concatenate(age),
        shop=shop,
        original=within_limit(np.concatenate(size), shop, len(shops)),
        late_days=_late_days(rng, product_of, shops.score[shop]),
    )


def _apportion(weight: FloatArray, total: int) -> IntArray:
    """Whole numbers in proportion to ``weight`` that add up to ``total``: largest remainders."""
    exact = weight / weight.sum() * total
    counts: IntArray = np.floor(exact).astype(np.int64)
    most = np.argsort(counts - exact, kind="stable")[: total - int(counts.sum())]
    counts[most] += 1
    return counts


def _late_days(rng: np.random.Generator, product: IntArray, score: IntArray) -> IntArray:
    """Days past due; a low score makes it likelier."""
    risk = np.exp((620.0 - score) / 60.0)
    risk /= risk.mean()
    draw = rng.random(len(product)) / risk
    shares = np.cumsum(np.array([p.late[::-1] for p in PRODUCTS]), axis=1)[product]
    late_class = (draw[:, None] >= shares).sum(axis=1)
    bounds = np.array([*LATE_CLASSES[::-1], (0, 0)])[late_class]
    return np.asarray(rng.integers(bounds[:, 0], bounds[:, 1] + 1))


def _columns(rng: np.random.Generator, book: _Book, shops: Shops, as_of: date) -> pd.DataFrame:
    kind = np.array([p.name for p in PRODUCTS])[book.product]
    today = np.datetime64(as_of, "D")
    instalment = kind == B2B
    line = (kind == CREDIT) & (rng.random(len(kind)) < 0.5)
    age = np.where(~instalment & (book.late_days > 0), book.term + book.late_days, book.age)
    origination = today - age.astype("timedelta64[D]")
    current, late_days = book.original.copy(), book.late_days.copy()
    current[line] *= 1.0 - 0.5 * rng.random(int(line.sum())) ** 2
    current[instalment], late_days[instalment] = _amortised(
        book.original[instalment], book.term[instalment], origination[instalment],
        book.late_days[instalment], as_of,
    )  # fmt: skip
    current = np.round(current, 2)
    maturity = origination + np.where(instalment, 0, book.term).astype("timedelta64[D]")
    maturity[instalment] = add_months(origination[instalment], book.term[instalment])
    loan_type = np.select([kind == ORDER, line, instalment], [0, 2, 3], 1)
    status = np.select([late_days >= DEFAULT_DAYS, late_days > 0], [2, 1], 0)
    buyer = np.full(len(kind), -1)
    buyer[kind == ORDER] = pick_cores(rng, int((kind == ORDER).sum()))
    shop_names = names("S", len(shops), len(str(len(shops))))
    return pd.DataFrame(
        {
            "borrower_id": shop_names[book.shop],
            "buyer_id": category(buyer, tuple(names("CE", CORES, 2))),
            "segment": category(_segment(kind, buyer, book.term), SEGMENTS),
            "loan_type": category(loan_type, LOAN_TYPES),
            "origination_date": origination.astype("datetime64[s]"),
            "maturity_date": maturity.astype("datetime64[s]"),
            "original_balance": book.original,
            "current_balance": current,
            "rate": np.array([p.rate for p in PRODUCTS])[book.product],
            "days_past_due": late_days,
            "status": category(status, STATUSES),
            "region": category(shops.region[book.shop], tuple(REGIONS)),
            "score": shops.score[book.shop],
            "paid_principal": np.round(book.original - current, 2),
        }
    )


def _segment(kind: _Array, buyer: IntArray, term: IntArray) -> IntArray:
    choices = [
        (kind == ORDER) & (buyer < LARGE_CORES),
        kind == ORDER,
        (kind == CREDIT) & (term <= SHORT_TERM),
        kind == CREDIT,
    ]
    return np.asarray(np.select(choices, [0, 1, 2, 3], 4))


def _amortised(
    original: FloatArray, months: IntArray, origination: _Array, late: IntArray, as_of: date
) -> tuple[FloatArray, IntArray]:
    """Balance after the instalments paid by ``as_of``, and days since the first unpaid one.

    Level payments at a twelfth of the rate a month; a loan ``late`` days behind has missed one
    more instalment for each 30 days.
    """
    i = PRODUCTS[-1].rate / 12.0
    today = np.datetime64(as_of, "D")
    due = (today.astype("datetime64[M]") - origination.astype("datetime64[M]")).astype(np.int64)
    due -= add_months(origination, due) > today
    missed = np.where(late > 0, np.minimum(late // 30 + 1, due), 0)
    paid = due - missed
    growth = np.power(1.0 + i, months)
    balance = original * (growth - np.power(1.0 + i, paid)) / (growth - 1.0)
    days = (today - add_months(origination, paid + 1)).astype(np.int64)
    return balance, np.where(missed > 0, np.maximum(days, 1), 0)


def holders(rng: np.random.Generator, frame: pd.DataFrame, model: Model) -> Any:
    """Present holder of each loan: a series until its pool is full, else the company."""
    vehicle = model.securitization
    series = vehicle.series if vehicle is not None else ()
    places = (OWN, *(place(SECURITIZATION, s.name) for s in series))
    balance = frame["current_balance"].to_numpy()
    scale = balance.sum() / model.stated_for_book if model.stated_for_book else 1.0
    free = _may_be_sold(frame, model)
    holder = np.zeros(len(frame), dtype=np.int64)
    for number, one in enumerate(series, start=1):
        target = one.pool_at_closing * scale
        chosen = _fill(rng, balance, free, target)
        if target - balance[chosen].sum() > balance.max(initial=0.0):
            raise InputError(
                Problem(
                    f"model.toml: securitization.series.{one.name}.pool_at_closing",
                    f"a pool of {target:,.0f} (scaled to the tape)",
                    f"at most the performing loans left for it, {balance[free].sum():,.0f}",
                    "Lower the pools of the series, or raise stated_for_book.",
                )
            )
        holder[chosen] = number
        free[chosen] = False
    return category(holder, places)


def _may_be_sold(frame: pd.DataFrame, model: Model) -> BoolArray:
    """Performing order and credit loans of the vehicle's segments with a short remaining term."""
    vehicle = model.securitization
    wanted = set(SEGMENTS[:4])
    if vehicle is not None and vehicle.segments:
        wanted &= set(vehicle.segments)
    last = np.datetime64(model.as_of, "s") + np.timedelta64(SERIES_REMAINING, "D")
    mask = frame["segment"].isin(wanted) & (frame["status"] == "current")
    return (mask & (frame["maturity_date"] <= last)).to_numpy(dtype=np.bool_, copy=True)


def _fill(
    rng: np.random.Generator, balance: FloatArray, free: BoolArray, target: float
) -> IntArray:
    """Free loans in random order up to ``target``, then the one that fills the gap best."""
    order = rng.permutation(np.flatnonzero(free))
    count = int(np.searchsorted(np.cumsum(balance[order]), target, "right"))
    chosen, rest = order[:count], order[count:]
    gap = target - balance[chosen].sum()
    fits = rest[balance[rest] <= gap]
    best = fits[np.argmax(balance[fits])] if len(fits) else fits
    return np.append(chosen, best).astype(np.int64)


def category(codes: IntArray, names: tuple[str, ...]) -> Any:
    """A pandas categorical; code -1 is missing."""
    return pd.Categorical.from_codes(codes, pd.Index(names))


def names(prefix: str, count: int, width: int) -> _Array:
    """``prefix`` and a number from 1, in ``width`` digits."""
    numbers = np.char.zfill(np.arange(1, count + 1).astype(np.str_), width)
    return np.asarray(np.char.add(prefix, numbers).astype(object))
